//! Which constructs of the language a workflow holds, and which faults came about, so that tests can say that all of them are
//! simulated.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Counts, Traffic, Trouble};

/// Every construct that the engine carries out: a key, or a key with one of its words.
pub const CONSTRUCTS: &[&str] = &[
    "run",
    "set",
    "wait",
    "wait until",
    "signal",
    "project",
    "milestones",
    "window",
    "plan",
    "lag",
    "type FS",
    "type SS",
    "type FF",
    "type SF",
    "manual",
    "form",
    "approval",
    "expires",
    "switch",
    "switch then",
    "fail",
    "tasks",
    "do",
    "then",
    "then end",
    "then exit",
    "try",
    "catch list",
    "catch retry",
    "repeat until",
    "repeat while",
    "workflow",
    "wait false",
    "needs",
    "join",
    "late",
    "if",
    "for_each",
    "max_parallel",
    "fail_fast",
    "complete",
    "rest",
    "min_success",
    "retry",
    "retry when",
    "jitter",
    "timeout",
    "timeout queue",
    "timeout run",
    "timeout total",
    "timeout heartbeat",
    "on_failure",
    "finally",
    "continue_on_error",
    "effect once",
    "cache",
    "outputs",
    "deadline",
    "concurrency",
    "on_conflict queue",
    "on_conflict skip",
    "on_conflict cancel",
    "defaults",
];

/// Returns the constructs that stand in these files.
pub(super) fn constructs(workflows: &[String]) -> BTreeSet<&'static str> {
    let mut words = BTreeSet::new();
    for text in workflows {
        if let Ok(value) = serde_json::from_str(text) {
            collect(&value, "", &mut words);
        }
    }
    CONSTRUCTS.iter().copied().filter(|construct| words.contains(*construct)).collect()
}

/// Collects keys, keys with a word as their value, and keys within keys. Names of tasks never are such.
fn collect(value: &Value, above: &str, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                words.insert(key.clone());
                words.insert(format!("{above} {key}"));
                match inner {
                    Value::String(word) => drop(words.insert(format!("{key} {word}"))),
                    Value::Bool(word) => drop(words.insert(format!("{key} {word}"))),
                    Value::Array(_) => drop(words.insert(format!("{key} list"))),
                    Value::Null | Value::Number(_) | Value::Object(_) => {}
                }
                collect(inner, key, words);
            }
        }
        Value::Array(members) => members.iter().for_each(|member| collect(member, above, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Counts {
    /// Returns every kind of fault with how often it came about.
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        let Traffic { arrived: _, cuts, breaks, lost, doubled, delayed, reordered } = self.traffic;
        let (skips, voices) = (self.skips, self.voices);
        let Trouble { full, failed, torn, unread } = self.disk;
        vec![
            ("crashes", self.crashes),
            ("crashes under load", self.crashes_under_load),
            ("crashes in recovery", self.crashes_in_recovery),
            ("crashes before the first request", self.crashes_in_opening),
            ("turns of processes taken for dead", self.zombie_turns),
            ("commits that found the disk full", full),
            ("commits that failed", failed),
            ("commits that were torn", torn),
            ("reads that failed", unread),
            ("times of a slow disk", self.slow_disks),
            ("times of a worker that stood still", self.frozen_workers),
            ("cuts of the network", cuts),
            ("connections that broke", breaks),
            ("words that were lost", lost),
            ("words that were doubled", doubled),
            ("words that were delayed", delayed),
            ("words that were reordered", reordered),
            ("reports that came back", self.echoes),
            ("letters that came twice", self.letters.1),
            ("runs that were left alone", self.left_alone),
            ("jumps of the clock", self.clock_jumps),
            ("skips that were carried out", skips.done),
            ("skips of several tasks", skips.several),
            ("skips that were refused", skips.refused),
            ("skips that were asked for again", skips.again),
            ("skips amid an opening or after a failed commit", skips.shaken),
            ("skips beside a cancel", skips.beside_cancels),
            ("processes asked for a skip first", skips.first),
            ("messages that were sent", voices.messages),
            ("answers and messages that were taken", voices.taken),
            ("answers that were refused", voices.refused),
            ("answers that were given again for want of a word", voices.again),
            ("answers that were given again although they were taken", voices.doubled),
        ]
    }
}
