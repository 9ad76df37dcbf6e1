//! `myrmex runs logs --follow`: what tasks print while they do.
//!
//! Another process runs them. Its events and its segments are read from where the last look ended, and between two looks this one sleeps until
//! something is written to the data directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::mpsc::channel;
use std::time::Duration;

use myrmex_model::address::Address;
use myrmex_model::event::Event;
use myrmex_model::id::{Attempt, FencingToken, RunId};
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::{DOMAIN_LOG, event_of, load_run};
use myrmex_store::operation::{AttemptLog, LogPosition};
use myrmex_store::segments::{FileLogReader, LogReader, Piece, Source};
use myrmex_store::{Reader, Sequence, StoreError};

use super::logs::{Wanted, count_text, gap_text, piece_json, require, write};
use crate::changes::Changes;
use crate::driven::Driver;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::summary;
use crate::session::print_line;
use crate::workspace::Workspace;

/// How long nothing may be written until somebody looks whether the process that runs the tasks still lives: its death writes nothing.
const LOOK_UP: Duration = Duration::from_secs(1);

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// The most bytes of a line that are kept until it ends; a longer one is printed in parts, each as a line.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Where a run is followed.
pub(super) struct Following<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) reader: &'a dyn Reader,
    pub(super) namespace: &'a Namespace,
    pub(super) segments: FileLogReader,
}

/// Prints what the wanted tasks of a run printed and print, until the run has ended, or all that are named, or nobody runs it any more.
///
/// # Errors
///
/// Returns [`Failure`] if the run can come to no such task, or the store cannot be read.
pub(super) fn run(
    following: &Following<'_>,
    run: RunId,
    (paths, is_json): (&[String], bool),
) -> Result<Exit, Failure> {
    let wanted = Wanted::new(paths);
    // Items are known only once their `for_each` has begun, so a path of one may still come.
    let known: Vec<&String> = paths.iter().filter(|path| !path.contains('[')).collect();
    if !known.is_empty() {
        let loaded = load_run(following.reader, following.namespace, run)?;
        for path in known {
            require(loaded.as_ref(), path, following.reader, run)?;
        }
    }
    let (tell, told) = channel();
    // Nobody listens any more once the run has ended.
    let mut changes = Changes::new(|_| true, move || tell.send(()).unwrap_or_default())?;
    changes.watch(&following.workspace.data)?;
    let mut seen = Seen::new(wanted, is_json);
    loop {
        // The folder of the segments is made with the first of them; one that is watched already stays so.
        let logs = following.workspace.data.join("logs");
        if logs.is_dir() {
            changes.watch(&logs)?;
        }
        // Who runs it is asked before its events are read: what has ended since is not taken for cut off.
        let driver = Driver::of(following.workspace)?;
        seen.read_events(following, run)?;
        let is_over = seen.is_over || seen.has_named_ended();
        seen.print_new(following, run)?;
        if is_over {
            return seen.finish();
        }
        let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {run}"));
        let header = following.reader.summary(following.namespace, run)?.ok_or_else(unknown)?;
        if driver.has_left(following.reader, &header)? {
            let short = summary::short(run);
            let text = format!("run {short} was interrupted: `myrmex runs resume {short}` goes on");
            // If standard error is closed the end tells as much.
            drop(writeln!(anstream::stderr(), "{text}"));
            return seen.finish();
        }
        // Several changes are one look.
        if told.recv_timeout(LOOK_UP).is_ok() {
            told.try_iter().for_each(drop);
        }
    }
}

/// What was read and printed so far.
struct Seen {
    wanted: Wanted,
    is_json: bool,
    /// The last event that was read.
    after: Sequence,
    /// The attempts of the run, by their tokens.
    attempts: BTreeMap<FencingToken, (Address, Attempt)>,
    is_over: bool,
    /// Which of the names that are wanted have ended, with all that is around them.
    ended: BTreeSet<usize>,
    /// Up to where the segments were read; none before the first output of the run is known.
    position: Option<LogPosition>,
    /// What attempts printed of a line that has not ended.
    open: BTreeMap<FencingToken, Vec<u8>>,
    damage: Option<Failure>,
}

impl Seen {
    fn new(wanted: Wanted, is_json: bool) -> Self {
        Self {
            wanted,
            is_json,
            after: Sequence::NONE,
            attempts: BTreeMap::new(),
            is_over: false,
            ended: BTreeSet::new(),
            position: None,
            open: BTreeMap::new(),
            damage: None,
        }
    }

    /// Reads what happened since the last look.
    fn read_events(&mut self, following: &Following<'_>, run: RunId) -> Result<(), Failure> {
        loop {
            let records = following.reader.run_records(following.namespace, run, self.after, PAGE)?;
            let Some(last) = records.last() else { return Ok(()) };
            self.after = last.sequence;
            for record in &records {
                self.take(event_of(record)?.event);
            }
        }
    }

    fn take(&mut self, event: Event) {
        if let Event::AttemptGranted { task, attempt, token, .. } = event {
            self.attempts.insert(token, (task, attempt));
        } else if let Event::RunEnded { .. } = event {
            self.is_over = true;
        } else if let Event::TaskSucceeded { task, .. }
        | Event::TaskTaken { task, .. }
        | Event::TaskFailed { task, .. }
        | Event::TaskSkipped { task, .. }
        | Event::TaskCancelled { task } = event
        {
            // What is inside of a block or a `for_each` may run again until that has ended.
            let mut segments = task.segments();
            let is_outermost =
                segments.next().is_some_and(|first| first.key.is_none()) && segments.next().is_none();
            if is_outermost {
                self.ended.extend(self.wanted.within(&task));
            }
        }
    }

    fn has_named_ended(&self) -> bool {
        self.wanted.count() > 0 && self.ended.len() == self.wanted.count()
    }

    /// Prints what was written to the segments since the last look.
    fn print_new(&mut self, following: &Following<'_>, run: RunId) -> Result<(), Failure> {
        let Some(from) = self.position.map_or_else(|| first_output(following, run), |from| Ok(Some(from)))?
        else {
            return Ok(());
        };
        self.position = Some(from);
        let tail = following.segments.scan_tail(from)?;
        // What was written was granted before: now every attempt is known whose output was found.
        self.read_events(following, run)?;
        let mut ranges = tail.ranges;
        ranges.sort_by_key(|(_, range)| (range.segment, range.start));
        for (source, range) in ranges {
            let end = LogPosition { segment: range.segment, offset: range.end };
            self.position = self.position.max(Some(end));
            let known = self.attempts.get(&source.token).filter(|_| source.log == DOMAIN_LOG);
            let Some((task, attempt)) = known.filter(|(task, _)| self.wanted.holds(task)).cloned() else {
                continue;
            };
            let token = source.token;
            let namespace = following.namespace.clone();
            let log = AttemptLog { namespace, run, task, attempt, token, range };
            self.print(following, source, &log)?;
        }
        std::io::stdout().flush().map_err(|error| Failure::output(&error))
    }

    fn print(&mut self, following: &Following<'_>, source: Source, log: &AttemptLog) -> Result<(), Failure> {
        for piece in following.segments.read(vec![log.range], source) {
            match piece {
                Ok(Piece::Dropped { bytes }) => {
                    // Whoever takes only standard output for a file is to learn of it too.
                    drop(writeln!(anstream::stderr(), "{}", gap_text(&log.task, bytes)));
                    if self.is_json {
                        print_line(&piece_json(log, &Piece::Dropped { bytes }))?;
                    } else if !self.wanted.is_alone(&log.task) {
                        let count = count_text(bytes);
                        self.close(log.token)?;
                        let gap = format!(
                            "[{count} bytes are missing here: the attempt printed more than is kept]"
                        );
                        write_line(&prefix(&log.task, log.attempt), gap.as_bytes())?;
                    }
                }
                Ok(piece) if self.is_json => print_line(&piece_json(log, &piece))?,
                Ok(Piece::Output { bytes, .. }) if self.wanted.is_alone(&log.task) => write(&bytes)?,
                Ok(Piece::Output { bytes, .. }) => self.print_lines(log, &bytes)?,
                Err(error @ StoreError::Damaged { .. }) => self.damage = Some(error.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Prints the lines that are whole; attempts print at the same time, and none may get into the line of another.
    fn print_lines(&mut self, log: &AttemptLog, bytes: &[u8]) -> Result<(), Failure> {
        let prefix = prefix(&log.task, log.attempt);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let open = self.open.entry(log.token).or_default();
            open.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            if line.ends_with(b"\n") || open.len() > LINE_BYTES_MAX {
                write_line(&prefix, open)?;
                self.open.remove(&log.token);
            }
        }
        Ok(())
    }

    /// Prints what an attempt printed of a line that it did not end.
    fn close(&mut self, token: FencingToken) -> Result<(), Failure> {
        let Some(line) = self.open.remove(&token) else { return Ok(()) };
        match self.attempts.get(&token) {
            Some((task, attempt)) => write_line(&prefix(task, *attempt), &line),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        let open: Vec<FencingToken> = self.open.keys().copied().collect();
        for token in open {
            self.close(token)?;
        }
        std::io::stdout().flush().map_err(|error| Failure::output(&error))?;
        self.damage.map_or(Ok(Exit::Success), Err)
    }
}

fn prefix(task: &Address, attempt: Attempt) -> String {
    let path = task.path();
    if attempt.0 == 1 { format!("{path} | ") } else { format!("{path} (attempt {attempt}) | ") }
}

fn write_line(prefix: &str, line: &[u8]) -> Result<(), Failure> {
    write(&[prefix.as_bytes(), line, b"\n"].concat())
}

/// Returns a place in the segments before which nothing of a run lies; none if it has printed nothing and no attempt of it is under way.
fn first_output(following: &Following<'_>, run: RunId) -> Result<Option<LogPosition>, Failure> {
    let mut first: Option<LogPosition> = None;
    let mut note = |position: LogPosition| first = Some(first.map_or(position, |first| first.min(position)));
    let log = following.reader.partitions()?.log_of(run);
    let mut after = FencingToken(0);
    loop {
        let page = following.reader.grants(log, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.token;
        for grant in page.iter().filter(|grant| grant.run == run) {
            note(grant.logs_from);
        }
    }
    // Those that ended after the grants were read are found here.
    let mut last: Option<AttemptLog> = None;
    loop {
        let page = following.reader.log_ranges(following.namespace, run, None, last.as_ref(), PAGE)?;
        for log in &page {
            note(LogPosition { segment: log.range.segment, offset: log.range.start });
        }
        match page.into_iter().last() {
            Some(end) => last = Some(end),
            None => return Ok(first),
        }
    }
}
