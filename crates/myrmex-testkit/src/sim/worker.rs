//! A worker that carries nothing out: how long an attempt takes and how it ends is drawn from its name.

use std::collections::BTreeMap;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::FencingToken;
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss, Usage};
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::logs::Logs;
use myrmex_runtime::worker::{Assignment, Facts, Outcome, Produced, Report, Said};
use myrmex_store::segments::Stream;
use serde_json::json;

use super::cache;
use super::network::Told;
use super::planted::Planted;
use super::random::{Random, mix, mix_text};
use super::segments::printed;

/// Why what attempts print can be kept.
const NEVER_FULL: &str = "segments in memory take everything";

/// What a worker has under way, and what it keeps.
pub(super) struct Hands {
    seed: u64,
    planted: Option<Planted>,
    /// Where what attempts print is kept.
    logs: Logs,
    running: BTreeMap<FencingToken, Running>,
    kept: BTreeMap<FencingToken, Report>,
}

#[derive(Debug)]
struct Running {
    assignment: Assignment,
    ends: Timestamp,
    is_stopping: bool,
    /// The success that it takes over instead of doing anything.
    found: Option<Outcome>,
}

impl Hands {
    pub(super) fn new(seed: u64, planted: Option<Planted>, logs: Logs) -> Self {
        Self { seed, planted, logs, running: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// Whether it runs an attempt, or has a report of it that nobody has acknowledged.
    pub(super) fn has(&self, token: FencingToken) -> bool {
        self.running.contains_key(&token) || self.kept.contains_key(&token)
    }

    /// Returns the attempts under way.
    pub(super) fn running(&self) -> impl Iterator<Item = &Assignment> {
        self.running.values().map(|running| &running.assignment)
    }

    /// Returns the reports that nobody has acknowledged.
    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.kept.values()
    }

    /// Returns when the next attempt ends by itself.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.running.values().map(|running| running.ends).min()
    }

    /// Returns the attempts that have ended by `now`.
    pub(super) fn ended(&self, now: Timestamp) -> Vec<FencingToken> {
        let is_over = |running: &Running| running.is_stopping || running.ends <= now;
        self.running.iter().filter(|(_, running)| is_over(running)).map(|(token, _)| *token).collect()
    }

    /// Does what it was told, and returns what it says to that.
    ///
    /// An attempt for which a success was found takes that over.
    pub(super) fn obey(&mut self, told: Told, found: Option<Outcome>, now: Timestamp) -> Vec<Said> {
        match told {
            Told::Assign(assignment) => {
                if found.is_none() {
                    self.print(assignment.token, 0, now);
                }
                let ends = if found.is_some() { now } else { now.after(self.duration(&assignment)) };
                let running = Running { assignment: *assignment, ends, is_stopping: false, found };
                self.running.insert(running.assignment.token, running);
            }
            Told::Stop(token) => {
                if let Some(running) = self.running.get_mut(&token) {
                    running.is_stopping = true;
                }
            }
            Told::StopAll => self.running.values_mut().for_each(|running| running.is_stopping = true),
            Told::Acknowledge(token) => {
                self.kept.remove(&token);
            }
            Told::Forget => {}
            Told::Recount => {
                let tokens = self.running.keys().chain(self.kept.keys()).copied().collect();
                return std::iter::once(Said::Inventory(tokens)).chain(self.say_again()).collect();
            }
        }
        Vec::new()
    }

    /// Says again what it has kept, as it does when it is asked, and when it is connected again.
    pub(super) fn say_again(&self) -> impl Iterator<Item = Said> {
        self.kept.values().map(|report| Said::Report(Box::new(report.clone())))
    }

    /// Ends an attempt that is over; what it reports is to be said.
    pub(super) fn end(&mut self, token: FencingToken, now: Timestamp) -> Option<Report> {
        let Running { assignment, ends, is_stopping, found } = self.running.remove(&token)?;
        let mut logs = Vec::new();
        if found.is_none() {
            self.print(token, 1, now);
            logs = self.logs.finish(token, now).expect(NEVER_FULL);
        }
        let mut digest = None;
        let outcome = if is_stopping && ends > now {
            // It had begun: there was a process.
            Outcome::Ended(AttemptReport { pid: Some(1), ..AttemptReport::of(AttemptEnd::Stopped) })
        } else if let Some(found) = found {
            found
        } else {
            digest = cache::digest(&assignment);
            self.outcome(&assignment)
        };
        let report = Report {
            run: assignment.run,
            task: assignment.task,
            attempt: assignment.attempt,
            token,
            outcome,
            artifacts: serde_json::Map::new(),
            logs,
            digest,
        };
        if self.planted != Some(Planted::ReportForgotten) {
            self.kept.insert(token, report.clone());
        }
        Some(report)
    }

    /// Prints the first or second thing that an attempt has to say; the worker hands it on at once.
    fn print(&self, token: FencingToken, which: usize, now: Timestamp) {
        let text = &printed(token)[which];
        let kept = self.logs.append(token, Stream::Stdout, now, text.as_bytes());
        kept.and_then(|()| self.logs.flush()).expect(NEVER_FULL);
    }

    /// Luck that belongs to an attempt: the same whenever and wherever it runs.
    fn luck(&self, assignment: &Assignment) -> Random {
        let task = mix_text(mix_text(self.seed, &assignment.run.to_string()), &assignment.task.to_string());
        Random::new(mix(task, u64::from(assignment.attempt.0)))
    }

    fn duration(&self, assignment: &Assignment) -> Length {
        let mut luck = self.luck(assignment);
        let ms = match luck.below(10) {
            0..=5 => luck.below(50),
            6..=8 => luck.below(8_000),
            // Longer than anybody waits: only a limit of time or a stop ends it.
            _ if assignment.timeout.or(assignment.heartbeat).is_some() => 1 << 40,
            _ => luck.below(60_000),
        };
        Length(limit(assignment).map_or(ms, |limit| ms.min(limit.0)))
    }

    fn outcome(&self, assignment: &Assignment) -> Outcome {
        let mut luck = self.luck(assignment);
        let is_timeout = limit(assignment).is_some_and(|limit| self.duration(assignment) == limit);
        luck.next();
        let fault = |kind, title: &str| Fault::new(kind, title);
        let end = match luck.below(10) {
            _ if is_timeout => AttemptEnd::TimedOut { fault: fault(FaultKind::Timeout, "out of time") },
            9 if luck.permille(200) => {
                AttemptEnd::Lost { loss: Loss::Watcher, reason: "its watcher died".to_owned() }
            }
            0 | 1 => AttemptEnd::Failed { fault: fault(FaultKind::Runtime, "exit code 1") },
            _ => {
                let Some(fields) = json!({"v": luck.below(1_000)}).as_object().cloned() else {
                    unreachable!("it is an object")
                };
                let facts = Facts { usage: Usage::default(), pid: None, exit: None, has_leftovers: false };
                return Outcome::Produced { produced: Produced::Object(fields), facts };
            }
        };
        Outcome::Ended(AttemptReport::of(end))
    }
}

/// Returns when an attempt that says nothing is ended.
fn limit(assignment: &Assignment) -> Option<Length> {
    assignment.timeout.into_iter().chain(assignment.heartbeat).min()
}
