//! What really happened, as the tasks told it: `ledger.txt`, one line at the start and one at the end of each attempt.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::failure::Failure;

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The run.
    pub(super) run: String,
    /// The path of the task in the run.
    pub(super) task: String,
    /// The number of the attempt, from 1.
    pub(super) attempt: u64,
    /// Which end of the attempt.
    pub(super) mark: Mark,
}

/// Which end of an attempt a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The process began.
    Start,
    /// The process ran to its end, well or not; a killed one does not.
    End,
}

/// Reads the ledger of a workspace; before the first line there is none, which reads as empty.
pub(super) fn read(folder: &Path) -> Result<Vec<Entry>, Failure> {
    match fs::read_to_string(folder.join("ledger.txt")) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Failure::because("ledger")(error)),
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Failure> {
    text.lines()
        .map(|line| entry(line).ok_or_else(|| Failure::new(format!("ledger line `{line}`"))))
        .collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let run = words.next()?.to_owned();
    let task = words.next()?.to_owned();
    let attempt = words.next()?.parse().ok()?;
    let mark = match words.next()? {
        "start" => Mark::Start,
        "end" => Mark::End,
        _ => return None,
    };
    words.next().is_none().then_some(Entry { run, task, attempt, mark })
}
