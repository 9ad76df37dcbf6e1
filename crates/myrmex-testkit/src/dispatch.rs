//! What the order of tasks is worth: recorded executions of real workflows, run by the real machines while a clock is moved from one end of
//! a task to the next.
//!
//! Nothing here is timed, so what comes out is the same everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use myrmex_model::id::RunId;
use myrmex_model::status::Status;
use myrmex_model::time::Length;
use myrmex_plan::problem::Span;
use myrmex_plan::rank::levels;
use myrmex_runtime::partition::Ranking;
use myrmex_runtime::worker::Assignment;
use myrmex_store::memory::MemoryStore;
use myrmex_store::{Partitions, Store};
use serde_json::Value;

use crate::process::{Process, Setup, Workflow};

/// What decides which of the tasks that could begin is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Who could begin first; of those at one instant that which the file has first.
    Arrival,
    /// The longest way to the end, by what each task takes: what a host knows of a workflow that it has run before.
    Lengths,
    /// The same, but what is known is off: of each task between half and double of what it takes.
    Guesses,
    /// The most tasks to the end: what a host knows of a workflow that it has never run and nobody has estimated.
    Tasks,
}

/// An execution that was recorded: what each task took, and after which it came.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The name of its file, without the end.
    pub name: String,
    lengths: Vec<i64>,
    after: Vec<Vec<usize>>,
}

impl Trace {
    /// Reads a file of `tests-data/wfinstances`: a table `task,runtime_ms,after`, or a document of the format `WfFormat` 1.5.
    ///
    /// # Panics
    ///
    /// If it is neither.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a trace can be read");
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a trace has a name").to_owned();
        let is_table = path.extension().is_some_and(|end| end == "csv");
        let (lengths, after) = if is_table { table(&text) } else { document(&text) };
        Self { name, lengths, after }
    }

    /// Returns how many tasks it has.
    pub fn tasks(&self) -> usize {
        self.lengths.len()
    }

    /// Returns what no order can beat, in milliseconds: the longest way, and the work shared by all slots.
    ///
    /// # Panics
    ///
    /// If tasks come after each other in a circle.
    pub fn bound(&self, slots: u32) -> i64 {
        let work = self.work();
        let shared = work / i64::from(slots) + i64::from(work % i64::from(slots) > 0);
        shared.max(self.longest_way())
    }

    /// Returns what all tasks take together, in milliseconds.
    pub fn work(&self) -> i64 {
        self.lengths.iter().sum()
    }

    /// Returns the longest way from the first task to the last, in milliseconds.
    ///
    /// # Panics
    ///
    /// If tasks come after each other in a circle.
    pub fn longest_way(&self) -> i64 {
        let mut ends: Vec<Option<i64>> = vec![None; self.tasks()];
        for _ in 0..self.tasks() {
            let mut is_done = true;
            for (task, after) in
                self.after.iter().enumerate().filter(|(task, _)| ends[*task].is_none()).collect::<Vec<_>>()
            {
                let begin = after.iter().try_fold(0, |latest, &before| Some(ends[before]?.max(latest)));
                ends[task] = begin.map(|begin| begin + self.lengths[task]);
                is_done &= ends[task].is_some();
            }
            if is_done {
                break;
            }
        }
        ends.into_iter().map(|end| end.expect("no circle")).max().unwrap_or(0)
    }

    /// Runs it and returns after how many milliseconds it was over.
    ///
    /// # Panics
    ///
    /// If it is not over well.
    pub fn makespan(&self, slots: u32, order: Order) -> i64 {
        let run = RunId::derived(&["dispatch", &self.name]);
        let open = Box::new(|| Ok(Box::new(MemoryStore::new()) as Box<dyn Store>));
        let setup = Setup { open, logs: Partitions::ONE, slots, ranking: self.ranking(order) };
        let mut process = Process::open(setup);
        let begin = process.now();
        process.start(&self.workflow(), &[run]);
        let mut under_way = BTreeMap::new();
        let mut ends = BTreeSet::new();
        loop {
            process.settle();
            while let Some(assignment) = process.take() {
                let end = process.now().0 + self.length(&assignment) * 1_000_000;
                ends.insert((end, under_way.len()));
                under_way.insert(under_way.len(), assignment);
            }
            let Some((end, _)) = ends.first().copied() else { break };
            process.pass(Length(u64::try_from((end - process.now().0) / 1_000_000).expect("time goes on")));
            while ends.first().is_some_and(|(other, _)| *other == end) {
                let (_, place) = ends.pop_first().expect("there is one");
                process.succeed(under_way[&place].clone());
            }
        }
        assert_eq!(process.ended(run), Some(Status::Succeeded), "{}", self.name);
        assert_eq!(under_way.len(), self.tasks(), "each began once");
        (process.now().0 - begin.0) / 1_000_000
    }

    fn workflow(&self) -> Workflow {
        let mut text = "workflow: trace\ndefaults: {timeout: 100d}\ntasks:\n".to_owned();
        for (task, after) in self.after.iter().enumerate() {
            let needs: Vec<String> = after.iter().map(|before| format!("t{before}")).collect();
            writeln!(text, "  t{task}: {{needs: [{}], run: x}}", needs.join(", ")).expect("a text takes it");
        }
        Workflow::read(&text)
    }

    fn ranking(&self, order: Order) -> Ranking {
        let length = |task: usize| match order {
            Order::Arrival | Order::Tasks => None,
            Order::Lengths => Some(Span(self.lengths[task])),
            Order::Guesses => Some(Span(self.lengths[task] * percent(task) / 100)),
        };
        if order == Order::Arrival {
            return Ranking::arrival();
        }
        let measured: BTreeMap<String, Span> =
            (0..self.tasks()).filter_map(|task| Some((format!("t{task}"), length(task)?))).collect();
        Ranking::new(move |_, definition| levels(definition, &measured))
    }

    fn length(&self, assignment: &Assignment) -> i64 {
        let name = assignment.task.to_string();
        let task = name.strip_prefix('t').and_then(|task| task.parse::<usize>().ok());
        self.lengths[task.expect("tasks are named after their place")]
    }
}

/// Returns a number between 50 and 200 that looks as if it were drawn: half of them are below 100.
fn percent(task: usize) -> i64 {
    let drawn = i64::try_from(task * 7_919 % 101).expect("it is small");
    if drawn <= 50 { 50 + drawn } else { 2 * drawn }
}

fn table(text: &str) -> (Vec<i64>, Vec<Vec<usize>>) {
    let number = |text: &str| text.parse::<usize>().expect("it is a number");
    let rows = text.lines().skip(1).enumerate().map(|(place, row)| {
        let [task, length, after] = row.split(',').collect::<Vec<_>>()[..] else {
            panic!("{row}: three columns")
        };
        assert_eq!(number(task), place, "tasks are in order");
        let length = i64::try_from(number(length)).expect("it is no length");
        (length, after.split_whitespace().map(number).collect())
    });
    rows.unzip()
}

fn document(text: &str) -> (Vec<i64>, Vec<Vec<usize>>) {
    let document: Value = serde_json::from_str(text).expect("it is JSON");
    let workflow = &document["workflow"];
    let tasks = workflow["specification"]["tasks"].as_array().expect("it has tasks");
    let places: BTreeMap<&str, usize> = tasks
        .iter()
        .zip(0..)
        .map(|(task, place)| (task["id"].as_str().expect("it has a name"), place))
        .collect();
    let place = |value: &Value| places[value.as_str().expect("it is a name")];
    let mut lengths = vec![0; tasks.len()];
    for task in workflow["execution"]["tasks"].as_array().expect("it was executed") {
        let seconds = task["runtimeInSeconds"].as_f64().expect("it took time");
        #[expect(clippy::cast_possible_truncation, reason = "times of hours")]
        let length = (seconds * 1_000.0).round() as i64;
        lengths[place(&task["id"])] = length;
    }
    let after =
        |task: &Value| task["parents"].as_array().expect("it has parents").iter().map(place).collect();
    (lengths, tasks.iter().map(after).collect())
}
