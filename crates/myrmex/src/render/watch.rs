//! A run as it happens, for people: a line for each task that ends, and on a terminal one line of what is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use myrmex_model::address::Address;
use myrmex_model::event::{Event, HandlerKind, Limit, Recorded, SkipReason};
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_model::time::Timestamp;

use super::{summary, time};

/// The most names in the line of what is under way.
const NAMES_MAX: usize = 4;

/// The most tasks that are named which were taken over from another run: they happen all at once, and nothing is to be learned from more.
const TAKEN_MAX: usize = 20;

/// Shows events on standard error.
pub struct Watch {
    out: anstream::AutoStream<std::io::Stderr>,
    is_terminal: bool,
    has_status_line: bool,
    started: BTreeMap<Address, Timestamp>,
    running: BTreeSet<Address>,
    /// Tasks that took over the success of another run and have not ended.
    cached: BTreeMap<Address, RunId>,
    /// Tasks whose error a `catch` took.
    caught: BTreeSet<Address>,
    /// Tasks that ran out of a limit, and have not ended or begun anew.
    limited: BTreeMap<Address, Limit>,
    done: usize,
    /// How many tasks were taken over.
    taken: usize,
    total: usize,
}

/// What is told of a call of which nobody knows what it did.
const UNKNOWN: &str = "an attempt in its run may have done its work or not";

impl Watch {
    /// Begins to show a run whose definition has `total` tasks.
    pub fn new(total: usize) -> Self {
        Self {
            out: anstream::stderr(),
            is_terminal: std::io::stderr().is_terminal(),
            has_status_line: false,
            started: BTreeMap::new(),
            running: BTreeSet::new(),
            cached: BTreeMap::new(),
            caught: BTreeSet::new(),
            limited: BTreeMap::new(),
            done: 0,
            taken: 0,
            total,
        }
    }

    /// Shows an event.
    pub fn event(&mut self, recorded: &Recorded) {
        let at = recorded.at;
        match &recorded.event {
            Event::ItemsExpanded { task, count, .. } => {
                self.started.insert(task.clone(), at);
                self.total += *count as usize;
            }
            Event::AttemptGranted { task, .. } => {
                self.started.entry(task.clone()).or_insert(at);
                self.running.insert(task.clone());
            }
            Event::ScopeEntered { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::ChildCalled { task, .. } => {
                self.started.entry(task.clone()).or_insert(at);
            }
            Event::AttemptEnded { task, report, attempt, .. } => {
                self.attempt_ended(task, *attempt, report);
            }
            Event::RetryArmed { task, attempt, due, .. } => {
                let pause = time::between(at, *due);
                let limit = self.limited.remove(task).map(|limit| format!(": it {}", ran_out(limit)));
                let more = format!("attempt {attempt} in {pause}{}", limit.unwrap_or_default());
                self.line(AnsiColor::Yellow, "retrying", task, &more);
            }
            Event::HandlerEntered { task, handler: HandlerKind::Catch(_), .. } => {
                self.caught.insert(task.clone());
            }
            Event::TaskTaken { task, taken } => self.taken_over(task, taken.from, at),
            Event::TaskSucceeded { task, fault, .. } => {
                self.succeeded(task, fault.as_deref(), at);
            }
            Event::TaskFailed { task, fault, is_timeout } => {
                let word = if *is_timeout { "timed out" } else { "failed" };
                let limit = self.limited.remove(task).filter(|_| *is_timeout);
                let key = limit.map(|limit| format!(" ({})", key_of(limit))).unwrap_or_default();
                self.ended(AnsiColor::Red, word, task, at, &format!("{}{key}", why_text(fault)));
            }
            Event::TaskSkipped { task, reason } => {
                let why = match reason {
                    SkipReason::Condition => "its `if` is false".to_owned(),
                    SkipReason::Upstream { task, outcome } => {
                        format!("`{}` is {}", task.path(), outcome.as_str())
                    }
                    SkipReason::NotChosen { task } => format!("`{}` took another way", task.path()),
                    SkipReason::Child { run } => format!("run {} was skipped", summary::short(*run)),
                    SkipReason::Person { by, reason } => format!("by {by}: {reason}"),
                };
                self.ended(AnsiColor::BrightBlack, "skipped", task, at, &why);
            }
            Event::TaskCancelled { task } => self.ended(AnsiColor::Yellow, "cancelled", task, at, ""),
            Event::CancelRequested { reason, .. } => self.note(&format!("cancelling: {reason}")),
            Event::LimitReached { task, limit } => self.limit(task, *limit),
            Event::ChildUnknown { task } => self.line(AnsiColor::Yellow, "unknown", task, UNKNOWN),
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::TaskQueued { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::CaseChosen { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    fn taken_over(&mut self, task: &Address, from: RunId, at: Timestamp) {
        self.taken += 1;
        if self.taken > TAKEN_MAX {
            self.done += 1;
            return;
        }
        self.ended(AnsiColor::BrightBlack, "taken", task, at, &format!("from run {}", summary::short(from)));
        if self.taken == TAKEN_MAX {
            self.note("            what else is taken over is only counted");
        }
    }

    fn attempt_ended(&mut self, task: &Address, attempt: Attempt, report: &AttemptReport) {
        self.running.remove(task);
        if let Some(origin) = &report.cached {
            self.cached.insert(task.clone(), origin.run);
        }
        if let AttemptEnd::Lost { reason, .. } = &report.end {
            self.line(AnsiColor::Yellow, "lost", task, &format!("attempt {attempt}: {reason}"));
        }
        for why in &report.unkept {
            self.line(AnsiColor::Yellow, "not kept", task, why);
        }
        if report.has_leftovers {
            self.line(AnsiColor::Yellow, "ended", task, "processes that it left behind");
        }
    }

    /// Shows a success, and whether it is one only because an error was accepted or another run did the work.
    fn succeeded(&mut self, task: &Address, fault: Option<&Fault>, at: Timestamp) {
        let from = self.cached.remove(task);
        let is_caught = self.caught.remove(task);
        if let Some(fault) = fault.filter(|_| !is_caught) {
            return self.ended(AnsiColor::Yellow, "failed, accepted", task, at, &why_text(fault));
        }
        let why = from.map(|run| format!("cached (from run {})", summary::short(run)));
        self.ended(AnsiColor::Green, "succeeded", task, at, &why.unwrap_or_default());
    }

    /// Notes which limit of time ran out: the end of the task, which follows once all in it is ended, is told with it.
    fn limit(&mut self, task: &Address, limit: Limit) {
        if task.is_root() {
            return self.note("the run is out of time (its `deadline`); what runs is ended");
        }
        self.limited.insert(task.clone(), limit);
    }

    fn ended(&mut self, color: AnsiColor, word: &str, task: &Address, at: Timestamp, why: &str) {
        self.done += 1;
        self.running.remove(task);
        self.limited.remove(task);
        let took = self.started.remove(task).map(|start| time::between(start, at)).unwrap_or_default();
        let more =
            [took.as_str(), why].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
        self.line(color, word, task, &more);
    }

    fn line(&mut self, color: AnsiColor, word: &str, task: &Address, more: &str) {
        self.clear();
        let style = Style::new().fg_color(Some(color.into()));
        // If standard error is closed, the run goes on unseen.
        drop(writeln!(self.out, "{style}{word:>10}{style:#}  {}  {more}", task.path()));
    }

    /// Shows what a task waits for that called a run which has not begun.
    pub fn waits(&mut self, task: &Address, what_for: &str) {
        self.line(AnsiColor::Yellow, "waits", task, what_for);
    }

    /// Shows a line about the run or the engine.
    pub fn note(&mut self, text: &str) {
        self.clear();
        drop(writeln!(self.out, "{text}"));
    }

    /// Shows what is under way, on a terminal.
    pub fn status(&mut self) {
        if !self.is_terminal || self.running.is_empty() {
            return;
        }
        self.clear();
        let names: Vec<_> = self.running.iter().take(NAMES_MAX).map(Address::path).collect();
        let more = self.running.len().saturating_sub(NAMES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (done, total) = (self.done, self.total.max(self.done));
        let text = format!("   running  {}{more}  ({done} of {total} ended)", names.join(", "));
        let width = 100;
        let cut: String = text.chars().take(width).collect();
        drop(write!(self.out, "{cut}"));
        drop(self.out.flush());
        self.has_status_line = true;
    }

    /// Removes the line of what is under way.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.has_status_line) {
            drop(write!(self.out, "\r\x1b[2K"));
        }
    }
}

/// Says that a limit of time ran out, and under which key it is written.
fn ran_out(limit: Limit) -> String {
    let what = match limit {
        Limit::Queue => "waited too long for a place",
        Limit::Attempt => "took too long",
        Limit::Total => "took too long in all",
    };
    format!("{what} ({})", key_of(limit))
}

/// Names the key of a limit of time.
fn key_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Queue => "`timeout: {queue: …}`",
        Limit::Attempt => "`timeout`",
        Limit::Total => "`timeout: {total: …}`",
    }
}

/// Says an error in one line, with the last line of its detail.
fn why_text(fault: &Fault) -> String {
    match fault.detail.as_deref().and_then(|detail| detail.lines().last()) {
        Some(detail) => format!("{}: {detail}", fault.title),
        None => fault.title.clone(),
    }
}
