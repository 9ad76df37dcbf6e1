//! How costs grow: one process, a worker that carries nothing out, and a store in a file.
//!
//! Nothing here is timed. `cargo xtask bench growth` counts the instructions of what is marked as measured, and the bytes of
//! memory and of the store.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use myrmex_model::id::RunId;
use myrmex_model::time::Length;
use myrmex_runtime::partition::{Ranking, Thrift};
use myrmex_runtime::worker::Assignment;
use myrmex_store::contract::Arrival;
use myrmex_store::sqlite::{FILE_NAME, SqliteReader, SqliteStore};
use myrmex_store::{LogId, Partitions, Reader, Sequence, Store};

use crate::process::{self, Setup, Workflow};

/// How many tasks a layer of the large graph has; each needs two of the layer before.
const LAYER: usize = 100;

/// The most tasks of one graph. A file has a mebibyte; a larger run goes through several such graphs, one after the other.
const GRAPH: usize = 10_000;

/// How many attempts may be under way at a time.
const SLOTS: u32 = 4;

/// How many records are read at a time.
const PAGE: usize = 1_000;

/// How many runs are started before an answer is waited for: fewer than an inbox takes.
const STARTS: usize = 200;

/// Makes a run of so many tasks: graphs in layers, each task with two before it.
pub fn layers(tasks: usize) -> Workflow {
    let mut text = "workflow: layers\ndefaults: {timeout: 1m}\ntasks:\n".to_owned();
    let (graphs, graph) = if tasks > GRAPH { (tasks / GRAPH, GRAPH) } else { (1, tasks) };
    writeln!(text, "  all:\n    for_each: {graphs}\n    max_parallel: 1\n    tasks:")
        .expect("a text takes what it is given");
    for task in 0..graph {
        let (layer, place) = (task / LAYER, task % LAYER);
        let needs = match layer.checked_sub(1) {
            Some(before) => format!("needs: [t{before}_{place}, t{before}_{}], ", (place + 1) % LAYER),
            None => String::new(),
        };
        writeln!(text, "      t{layer}_{place}: {{{needs}run: x}}").expect("a text takes what it is given");
    }
    Workflow::read(&text)
}

/// A process with its store in a folder.
pub struct Process {
    process: process::Process,
    folder: PathBuf,
}

impl Process {
    /// Opens the store in a folder, making it if it is not there.
    ///
    /// # Panics
    ///
    /// If the store cannot be opened.
    pub fn open(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let (path, logs) = (folder.to_owned(), Partitions::ONE);
        let open = Box::new(move || {
            SqliteStore::open_with(&path, logs).map(|store| Box::new(store) as Box<dyn Store>)
        });
        let setup = Setup { open, logs, slots: SLOTS, ranking: Ranking::arrival() };
        Self { process: process::Process::open(setup), folder: folder.to_owned() }
    }

    /// Starts runs and returns once they are durable; their first attempts are at the worker. Runs of different numbers
    /// differ.
    ///
    /// # Panics
    ///
    /// If one is refused.
    pub fn start(&mut self, workflow: &Workflow, numbers: Range<usize>) {
        let runs: Vec<RunId> =
            numbers.map(|number| RunId::derived(&["growth", &number.to_string()])).collect();
        for some in runs.chunks(STARTS) {
            self.process.start(workflow, some);
        }
    }

    /// Takes turns until nothing is left to do but to wait for reports and for the clock.
    ///
    /// # Panics
    ///
    /// If that does not come to an end.
    pub fn settle(&mut self) {
        self.process.settle();
    }

    /// Moves the clock forward by what lets runs leave memory that only wait, and lets them; returns how many did since
    /// the process began.
    ///
    /// # Panics
    ///
    /// If that does not come to an end.
    pub fn let_sleep(&mut self) -> u64 {
        let Length(idle_ms) = Thrift::default().idle;
        // Runs that may leave are waited for for a while, so that they leave together.
        self.process.pass(Length(2 * idle_ms));
        self.process.settle();
        self.process.tally().naps
    }

    /// Takes up all open runs of the store and returns once they are loaded.
    ///
    /// # Panics
    ///
    /// If one cannot be loaded.
    pub fn resume(&mut self) -> usize {
        let reader = self.reader();
        let (mut open, mut after) = (Vec::new(), Arrival::NONE);
        loop {
            let page = reader.open_runs(LogId(0), after, PAGE).expect("the store can be read");
            let Some(last) = page.last() else { break };
            after = last.arrival;
            open.extend(page.into_iter().map(|open| open.summary.run));
        }
        self.process.resume(&open);
        open.len()
    }

    /// Ends so many attempts well, one turn for each; returns how many there were.
    pub fn complete(&mut self, most: usize) -> usize {
        for done in 0..most {
            let Some(assignment) = self.next() else { return done };
            self.process.succeed(assignment);
            self.process.turn();
        }
        most
    }

    /// Returns the next attempt, once turns that are left are taken.
    fn next(&mut self) -> Option<Assignment> {
        const TURNS_MAX: usize = 100_000;
        for _ in 0..TURNS_MAX {
            let next = self.process.take();
            if next.is_some() || self.open_runs() == 0 {
                return next;
            }
            self.process.turn();
        }
        panic!("runs are open, and nothing happens");
    }

    fn open_runs(&self) -> usize {
        self.reader().open_runs(LogId(0), Arrival::NONE, 1).expect("the store can be read").len()
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader::open(&self.folder).expect("the store can be read")
    }

    /// Returns how many records the store has, and how many bytes its file has once all are in it.
    ///
    /// # Panics
    ///
    /// If the store cannot be read.
    pub fn close(self) -> (usize, u64) {
        let reader = self.reader();
        let (mut records, mut after) = (0, Sequence::NONE);
        loop {
            let page = reader.records(LogId(0), after, PAGE).expect("the store can be read");
            let Some(last) = page.last() else { break };
            records += page.len();
            after = last.sequence;
        }
        let path = self.folder.join(FILE_NAME);
        drop((reader, self.process));
        (records, fs::metadata(path).expect("the file is there").len())
    }
}
