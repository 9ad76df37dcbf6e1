//! A worker that carries nothing out: how long an attempt takes and how it ends is drawn from its name.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss, Usage};
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::worker::{Assignment, Facts, Outcome, Produced, Report, Said, Worker};
use serde_json::json;

use super::cache;
use super::planted::Planted;
use super::random::{Random, mix, mix_text};

/// What a worker was told and has not read yet.
#[derive(Debug)]
pub(super) enum Told {
    Assign(Box<Assignment>),
    Stop(FencingToken),
    StopAll,
    Acknowledge(FencingToken),
    Forget,
    Recount,
}

/// The way from a partition to its worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(Arc<Mutex<VecDeque<Told>>>);

impl Line {
    pub(super) fn put(&self, told: Told) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(told);
    }

    pub(super) fn take(&self) -> Option<Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Worker for Line {
    fn assign(&self, assignment: Assignment) {
        self.put(Told::Assign(Box::new(assignment)));
    }

    fn stop(&self, token: FencingToken) {
        self.put(Told::Stop(token));
    }

    fn stop_all(&self) {
        self.put(Told::StopAll);
    }

    fn acknowledge(&self, token: FencingToken) {
        self.put(Told::Acknowledge(token));
    }

    fn forget(&self, _: RunId) {
        self.put(Told::Forget);
    }

    fn recount(&self) {
        self.put(Told::Recount);
    }
}

/// What a worker has under way, and what it says.
#[derive(Debug, Default)]
pub(super) struct Hands {
    seed: u64,
    planted: Option<Planted>,
    running: BTreeMap<FencingToken, Running>,
    kept: BTreeMap<FencingToken, Report>,
    /// What it said and nobody has heard yet.
    pub(super) said: VecDeque<Said>,
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
    pub(super) fn new(seed: u64, planted: Option<Planted>) -> Self {
        Self { seed, planted, ..Self::default() }
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

    /// Does what it was told.
    ///
    /// An attempt for which a success was found takes that over.
    pub(super) fn obey(&mut self, told: Told, found: Option<Outcome>, now: Timestamp) {
        match told {
            Told::Assign(assignment) => {
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
                self.said.push_back(Said::Inventory(tokens));
                let reports = self.kept.values().map(|report| Said::Report(Box::new(report.clone())));
                self.said.extend(reports);
            }
        }
    }

    /// Ends an attempt that is over, and says so.
    pub(super) fn end(&mut self, token: FencingToken, now: Timestamp) -> Option<Report> {
        let Running { assignment, ends, is_stopping, found } = self.running.remove(&token)?;
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
            logs: Vec::new(),
            digest,
        };
        if self.planted != Some(Planted::ReportForgotten) {
            self.kept.insert(token, report.clone());
        }
        self.said.push_back(Said::Report(Box::new(report.clone())));
        Some(report)
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
