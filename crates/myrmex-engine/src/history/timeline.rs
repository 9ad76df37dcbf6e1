//! When what happened in one run.

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::demand::Named;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::{Attempt, Epoch, RunId};
use myrmex_model::name::Name;
use myrmex_model::outcome::{AttemptEnd, Usage};
use myrmex_model::signal::{Answer, Signal, Word};
use myrmex_model::status::Status;
use myrmex_model::time::{Length, Timestamp};

/// When what happened in one run, as far as its events were added.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// When the run was started.
    pub started: Option<Timestamp>,
    /// When it had its place among the runs of its workflow, if it had to wait for one.
    pub admitted: Option<Timestamp>,
    /// When it ended, and how.
    pub ended: Option<(Timestamp, Status)>,
    /// The last instant that was added.
    pub last: Option<Timestamp>,
    /// When another process went on with it: between such an instant and the event before it nobody knows how long nothing was done.
    pub breaks: Vec<Timestamp>,
    tasks: Vec<Task>,
    places: BTreeMap<Address, usize>,
    owner: Option<Epoch>,
}

/// What is known of one task of a run: of a block, a `for_each`, an item, or of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Where it is.
    pub address: Address,
    /// When it began: its first attempt had a place, or its block was entered. None if it never began.
    pub started: Option<Timestamp>,
    /// When it ended, and how.
    pub ended: Option<(Timestamp, Ending)>,
    /// The attempts of work, in order; none of a block.
    pub attempts: Vec<Attempted>,
    /// How many attempts were made of it, those of a block too.
    pub attempts_made: u32,
    /// What a block waited for and held while it was under way.
    pub held: Option<Held>,
    /// The run that it called last.
    pub child: Option<RunId>,
    /// Whether people said how far it is.
    is_under_way: bool,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was carried out, as it should.
    Succeeded,
    /// It failed, and its workflow goes on as if it had not.
    Accepted,
    /// It failed.
    Failed,
    /// It ran out of its time.
    TimedOut,
    /// It was skipped: it never began, or a person skipped it while it waited, also between two attempts.
    Skipped,
    /// It was cancelled.
    Cancelled,
    /// What another run had done was taken over.
    Taken,
}

/// One attempt of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// Which.
    pub number: Attempt,
    /// When it began to wait for a place.
    pub queued: Timestamp,
    /// When it had one, and of which worker; none if it never had.
    pub granted: Option<(Timestamp, Name)>,
    /// When its end was recorded.
    pub ended: Option<Timestamp>,
    /// The word for how it ended: `succeeded`, `failed`, `timed_out`, `stopped`, `lost`; none if it has not.
    pub end: Option<&'static str>,
    /// Whether it took over a cached success instead of running.
    pub is_cached: bool,
    /// What it used, if it ran.
    pub usage: Usage,
    /// The names that it asked for, where they were known only then.
    pub named: Option<Box<Named>>,
}

/// What a block waited for and held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// When it began to wait.
    pub queued: Timestamp,
    /// When it had all of it.
    pub granted: Option<Timestamp>,
    /// The names that it asked for, where they were known only then.
    pub named: Option<Box<Named>>,
}

/// Returns the path that a task shares with the same task of other items: `deploy[]/copy` for `deploy[eu]/copy`.
pub fn shared_path(address: &Address) -> String {
    let path = address.path();
    let mut shared = String::with_capacity(path.len());
    let mut is_key = false;
    for character in path.chars() {
        is_key &= character != ']';
        if !is_key {
            shared.push(character);
        }
        is_key |= character == '[';
    }
    shared
}

impl Attempted {
    /// Returns how long it waited for its place; nothing if it never had one.
    pub fn waited(&self) -> Option<Length> {
        self.granted.as_ref().map(|(granted, _)| granted.since(self.queued))
    }
}

impl Task {
    fn new(address: Address) -> Self {
        Self {
            address,
            started: None,
            ended: None,
            attempts: Vec::new(),
            attempts_made: 0,
            held: None,
            child: None,
            is_under_way: false,
        }
    }

    /// Returns how long it waited for places, and a block for what it was to hold, all attempts together.
    pub fn waited(&self) -> Length {
        let places: u64 = self.attempts.iter().filter_map(Attempted::waited).map(|length| length.0).sum();
        let held = self.held.as_ref().and_then(|held| Some(held.granted?.since(held.queued).0));
        Length(places + held.unwrap_or(0))
    }

    /// Returns when it first waited for a place, or for what it is to hold, or else began; nothing if it did neither.
    pub fn asked(&self) -> Option<Timestamp> {
        let asked = self.attempts.first().map(|first| first.queued);
        asked.or_else(|| self.held.as_ref().map(|held| held.queued)).or(self.started)
    }

    /// Whether another run's result stands for it.
    pub fn is_taken(&self) -> bool {
        let is_cached = self.attempts.last().is_some_and(|last| last.is_cached);
        is_cached || matches!(self.ended, Some((_, Ending::Taken)))
    }

    /// Returns how long it took from its beginning to its end, all attempts and the pauses between them together, without the time
    /// that later attempts waited for a place; nothing if it is not over or never began.
    pub fn took(&self) -> Option<Length> {
        let ((ended, _), started) = (self.ended?, self.started?);
        let later = self.attempts.iter().skip(1).filter_map(Attempted::waited);
        let later: u64 = later.map(|length| length.0).sum();
        Some(Length(ended.since(started).0.saturating_sub(later)))
    }
}

impl Timeline {
    /// Adds the next event, which `owner` decided.
    pub fn add(&mut self, recorded: &Recorded, owner: Epoch) {
        let at = recorded.at;
        if self.owner.replace(owner).is_some_and(|before| before != owner) {
            self.breaks.push(at);
        }
        self.last = Some(at);
        match &recorded.event {
            Event::RunStarted { .. } => self.started = Some(at),
            Event::RunAdmitted => self.admitted = Some(at),
            Event::RunEnded { status, .. } => self.ended = Some((at, *status)),
            Event::ScopeEntered { task, attempt, .. } => {
                let own = self.task_mut(task);
                own.started.get_or_insert(at);
                own.attempts_made = own.attempts_made.max(attempt.0);
            }
            Event::ChildCalled { task, child, .. } => {
                let own = self.task_mut(task);
                own.started.get_or_insert(at);
                own.attempts_made += 1;
                own.child = Some(*child);
            }
            Event::ItemsExpanded { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::AwaitOpened { task, .. } => {
                self.task_mut(task).started.get_or_insert(at);
            }
            Event::SignalReceived { signal, .. } => self.said(signal, at),
            Event::HoldQueued { task, named } => {
                let held = Held { queued: at, granted: None, named: named.clone() };
                self.task_mut(task).held.get_or_insert(held);
            }
            Event::HoldGranted { task, .. } => {
                if let Some(held) = &mut self.task_mut(task).held {
                    held.granted.get_or_insert(at);
                }
            }
            Event::TaskQueued { .. } | Event::AttemptGranted { .. } | Event::AttemptEnded { .. } => {
                self.attempt(recorded);
            }
            Event::TaskSucceeded { task, fault, .. } => {
                let ending = if fault.is_some() { Ending::Accepted } else { Ending::Succeeded };
                self.end(task, at, ending);
            }
            Event::TaskFailed { task, is_timeout, .. } => {
                self.end(task, at, if *is_timeout { Ending::TimedOut } else { Ending::Failed });
            }
            Event::TaskTaken { task, .. } => self.end(task, at, Ending::Taken),
            Event::TaskSkipped { task, .. } => self.end(task, at, Ending::Skipped),
            Event::TaskCancelled { task } => self.end(task, at, Ending::Cancelled),
            Event::RunQueued { .. }
            | Event::Rebased { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildUnknown { .. }
            | Event::RetryArmed { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::CaseChosen { .. }
            | Event::TaskStuck { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. } => {}
        }
    }

    /// Returns the tasks, in the order in which events first named them.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Returns how long the run took from its start to its last event.
    pub fn wall(&self) -> Length {
        self.last.zip(self.started).map(|(last, started)| last.since(started)).unwrap_or_default()
    }

    /// Returns whether another process went on with the run after `from` and not after `to`: what lasted from one to the other was not
    /// measured then.
    pub fn is_broken(&self, from: Timestamp, to: Timestamp) -> bool {
        self.breaks.iter().any(|instant| from < *instant && *instant <= to)
    }

    fn task_mut(&mut self, address: &Address) -> &mut Task {
        let place = self.places.get(address).copied().unwrap_or_else(|| {
            self.tasks.push(Task::new(address.clone()));
            self.places.insert(address.clone(), self.tasks.len() - 1);
            self.tasks.len() - 1
        });
        &mut self.tasks[place]
    }

    /// Work of people began when they first said how far it is, and not when it was offered.
    fn said(&mut self, signal: &Signal, at: Timestamp) {
        if let Word::Answer { task, answer: Answer::Progress(_) } = &signal.word {
            let own = self.task_mut(task);
            if !std::mem::replace(&mut own.is_under_way, true) {
                own.started = Some(at);
            }
        }
    }

    fn end(&mut self, task: &Address, at: Timestamp, ending: Ending) {
        self.task_mut(task).ended = Some((at, ending));
    }

    /// Adds what an event says about an attempt of work.
    fn attempt(&mut self, Recorded { at, event, .. }: &Recorded) {
        match event {
            Event::TaskQueued { task, attempt, named, .. } => {
                let own = self.task_mut(task);
                // Names are fixed with the first attempt that has some.
                let before = own.attempts.last().and_then(|last| last.named.clone());
                own.attempts.push(Attempted {
                    number: *attempt,
                    queued: *at,
                    granted: None,
                    ended: None,
                    end: None,
                    is_cached: false,
                    usage: Usage::default(),
                    named: named.clone().or(before),
                });
                own.attempts_made = own.attempts_made.max(attempt.0);
            }
            Event::AttemptGranted { task, attempt, worker, .. } => {
                let own = self.task_mut(task);
                own.started.get_or_insert(*at);
                if let Some(last) = own.attempts.last_mut().filter(|last| last.number == *attempt) {
                    last.granted = Some((*at, worker.clone()));
                }
            }
            Event::AttemptEnded { task, attempt, report, .. } => {
                let last = self.task_mut(task).attempts.last_mut();
                if let Some(last) = last.filter(|last| last.number == *attempt) {
                    last.ended = Some(*at);
                    last.end = Some(word(&report.end));
                    last.is_cached = report.cached.is_some();
                    last.usage = report.usage;
                }
            }
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::ScopeEntered { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildCalled { .. }
            | Event::ChildUnknown { .. }
            | Event::ItemsExpanded { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::RetryArmed { .. }
            | Event::TimerArmed { .. }
            | Event::AwaitOpened { .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::CaseChosen { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskTaken { .. }
            | Event::TaskFailed { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {}
        }
    }
}

/// The word that commands show for the end of an attempt.
fn word(end: &AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Succeeded { .. } => "succeeded",
        AttemptEnd::Failed { .. } => "failed",
        AttemptEnd::TimedOut { .. } => "timed_out",
        AttemptEnd::Stopped => "stopped",
        AttemptEnd::Lost { .. } => "lost",
    }
}
