//! Compares the recorded events with the ledger: what was recorded as a success ran once and never again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use super::ledger::{Entry, Mark};
use crate::failure::Failure;

/// A recorded event, as far as the proof reads it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    /// The path of the task; none for an event of the run itself.
    #[serde(default)]
    task: Option<String>,
    /// The number of the attempt, where the event belongs to one.
    #[serde(default)]
    attempt: Option<u64>,
    /// The status that the task or the run had before.
    #[serde(default)]
    from: Option<String>,
    /// The status that the task or the run came to.
    #[serde(default)]
    to: Option<String>,
}

/// What the comparison showed, where it holds.
#[derive(Debug)]
pub(super) struct Proof {
    kept: usize,
    interrupted: Vec<String>,
    retried: Vec<String>,
    after: usize,
}

/// Reads a stream of JSON lines, the lines that close a batch left out.
pub(super) fn parse(stream: &str) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    for line in stream.lines() {
        let value: serde_json::Value =
            serde_json::from_str(line).map_err(Failure::because(format!("event `{line}`")))?;
        if value.get("type").is_some() {
            events.push(serde_json::from_value(value).map_err(Failure::because(format!("event `{line}`")))?);
        }
    }
    Ok(events)
}

/// Proves that no task with a recorded success ran twice and that all `tasks` came to theirs.
///
/// `before` are the events at the kill, `after` those at the end; the first `lines_before` lines of the ledger were
/// written before the run was resumed.
pub(super) fn prove(
    before: &[Event],
    after: &[Event],
    lines_before: usize,
    ledger: &[Entry],
    tasks: usize,
) -> Result<Proof, Failure> {
    let started: BTreeSet<&str> = ledger.iter().map(|entry| entry.task.as_str()).collect();
    let kept: BTreeSet<&str> =
        successes(before).map(|(task, _)| task).filter(|t| started.contains(t)).collect();
    let later: BTreeSet<&str> = starts(&ledger[lines_before..]).map(|(task, _)| task).collect();
    let mut breaches: Vec<String> = kept
        .intersection(&later)
        .map(|task| format!("`{task}` had a recorded success and ran again"))
        .collect();
    breaches.extend(successes_against_ledger(after, ledger, &started));
    if started.len() != tasks {
        breaches.push(format!("{tasks} tasks should have started, but {} did", started.len()));
    }
    if kept.is_empty() || later.is_empty() {
        breaches.push(
            "the kill did not fall into the middle of the run, so there is nothing to prove".to_owned(),
        );
    }
    if !breaches.is_empty() {
        return Err(Failure::new(format!("the proof does not hold:\n  {}", breaches.join("\n  "))));
    }
    let early: BTreeSet<&str> = starts(&ledger[..lines_before]).map(|(task, _)| task).collect();
    let interrupted = early.intersection(&later).map(|task| (*task).to_owned()).collect();
    let retried = late_successes(after).map(str::to_owned).collect();
    Ok(Proof { kept: kept.len(), interrupted, retried, after: later.len() })
}

/// Every task has exactly one recorded success; the attempt it names ran once, to its end, and none came after it.
fn successes_against_ledger(events: &[Event], ledger: &[Entry], started: &BTreeSet<&str>) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut recorded: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (task, attempt) in successes(events).filter(|(task, _)| started.contains(task)) {
        recorded.entry(task).or_default().push(attempt);
    }
    for task in started {
        let [attempt] = recorded.get(task).map_or(&[][..], Vec::as_slice) else {
            breaches
                .push(format!("`{task}` has {} recorded successes", recorded.get(task).map_or(0, Vec::len)));
            continue;
        };
        let lines = |mark| ledger.iter().filter(move |entry| entry.task == *task && entry.mark == mark);
        let mut attempts: Vec<u64> = lines(Mark::Start).map(|entry| entry.attempt).collect();
        attempts.sort_unstable();
        if attempts.windows(2).any(|pair| pair[0] == pair[1]) {
            breaches.push(format!("an attempt of `{task}` was started twice: {attempts:?}"));
        }
        if attempts.last() != Some(attempt) || !lines(Mark::End).any(|entry| entry.attempt == *attempt) {
            breaches
                .push(format!("`{task}` succeeded at attempt {attempt}, but the ledger has {attempts:?}"));
        }
    }
    breaches
}

/// Returns the recorded successes of tasks, in order, each with the attempt that brought it (0 where none is recorded).
fn successes(events: &[Event]) -> impl Iterator<Item = (&str, u64)> {
    // Only some events of a task name its attempt; the success belongs to the last one named before it.
    let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
    events.iter().filter_map(move |event| {
        let task = event.task.as_deref()?;
        if let Some(attempt) = event.attempt {
            latest.insert(task, attempt);
        }
        let is_news = event.to.as_deref() == Some("succeeded") && event.from.as_deref() != Some("succeeded");
        is_news.then(|| (task, latest.get(task).copied().unwrap_or_default()))
    })
}

/// Returns the tasks that were tried more than once, by their number of attempts in the record.
fn late_successes(events: &[Event]) -> impl Iterator<Item = &str> {
    successes(events).filter(|(_, attempt)| *attempt > 1).map(|(task, _)| task)
}

fn starts(ledger: &[Entry]) -> impl Iterator<Item = (&str, u64)> {
    let starts = ledger.iter().filter(|entry| entry.mark == Mark::Start);
    starts.map(|entry| (entry.task.as_str(), entry.attempt))
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |tasks: &[String]| {
            if tasks.is_empty() { "none".to_owned() } else { tasks.join(", ") }
        };
        writeln!(f, "  {} tasks had a recorded success before the kill; none of them ran again", self.kept)?;
        writeln!(f, "  {} tasks ran after the resume", self.after)?;
        writeln!(f, "  interrupted by the kill, so run again: {}", list(&self.interrupted))?;
        writeln!(f, "  succeeded at a later attempt than the first: {}", list(&self.retried))?;
        write!(f, "The proof holds: every task has one recorded success, and nothing recorded ran twice.")
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger;
    use super::*;

    const BEFORE: &str = r#"{"type":"task","task":"a","attempt":1,"to":"succeeded"}
{"log":1,"seq":2,"head":"x"}"#;
    const AFTER: &str = r#"{"type":"task","task":"a","attempt":1,"to":"succeeded"}
{"type":"attempt","task":"b","attempt":1,"to":"running"}
{"type":"attempt","task":"b","attempt":2,"to":null}
{"type":"task","task":"b","attempt":null,"to":"succeeded"}
{"type":"run","task":null,"to":"succeeded"}"#;

    fn check(after: &str, first: &str, second: &str, expected: &str) {
        let lines_before = first.lines().count();
        let ledger = ledger::parse(&format!("{first}\n{second}")).unwrap();
        let result = prove(&parse(BEFORE).unwrap(), &parse(after).unwrap(), lines_before, &ledger, 2);
        let text = result.map_or_else(|failure| failure.to_string(), |proof| proof.to_string());
        assert!(text.contains(expected), "{text}");
    }

    const FIRST: &str = "r a 1 start\nr a 1 end\nr b 1 start";

    #[test]
    fn an_interrupted_task_may_run_again_with_the_next_attempt() {
        check(AFTER, FIRST, "r b 2 start\nr b 2 end", "interrupted by the kill, so run again: b");
    }

    #[test]
    fn a_recorded_success_that_runs_again_breaks_the_proof() {
        check(
            AFTER,
            FIRST,
            "r b 2 start\nr b 2 end\nr a 2 start\nr a 2 end",
            "`a` had a recorded success and ran again",
        );
    }

    #[test]
    fn an_attempt_that_starts_twice_breaks_the_proof() {
        check(
            AFTER,
            FIRST,
            "r b 1 start\nr b 2 start\nr b 2 end",
            "an attempt of `b` was started twice: [1, 1, 2]",
        );
    }

    #[test]
    fn a_success_that_the_ledger_does_not_know_breaks_the_proof() {
        check(AFTER, FIRST, "r b 2 start", "`b` succeeded at attempt 2, but the ledger has [1, 2]");
    }

    #[test]
    fn two_recorded_successes_of_one_task_break_the_proof() {
        let twice =
            format!("{AFTER}\n{{\"type\":\"task\",\"task\":\"b\",\"attempt\":2,\"to\":\"succeeded\"}}");
        check(&twice, FIRST, "r b 2 start\nr b 2 end", "`b` has 2 recorded successes");
    }

    #[test]
    fn a_task_that_never_started_breaks_the_proof() {
        check(AFTER, "r a 1 start\nr a 1 end", "", "2 tasks should have started, but 1 did");
    }
}
