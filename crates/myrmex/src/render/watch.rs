//! A run as it happens, for people: a line for each task that ends, and on a terminal below them the tree of what is under way.
//!
//! On a terminal what succeeds inside another task is a number in the tree, and has no line: the line of the outer one says how
//! many there were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use myrmex_model::address::Address;
use myrmex_model::event::{Event, HandlerKind, Limit, Recorded, SkipReason};
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_model::signal::{Answer, Signal, Word};
use myrmex_model::time::Timestamp;

use super::live::{Inside, Live};
use super::remaining::Remaining;
use super::screen::Screen;
use super::{summary, time};

/// How long the tree stays as it is at least.
const REDRAWN_AFTER: Duration = Duration::from_millis(100);

/// The most tasks that are named which were taken over from another run: they happen all at once, and nothing is to be learned from more.
const TAKEN_MAX: usize = 20;

/// Shows events on standard error.
pub struct Watch {
    screen: Screen,
    /// Whether what it is told happened before anybody watched.
    is_recalling: bool,
    live: Live,
    /// What is known of how long it takes.
    remaining: Option<Remaining>,
    /// The outermost tasks that ended.
    over: Vec<Address>,
    drawn: Option<Instant>,
    started: BTreeMap<Address, Timestamp>,
    /// Tasks that took over the success of another run and have not ended.
    cached: BTreeMap<Address, RunId>,
    /// Tasks whose error a `catch` took.
    caught: BTreeSet<Address>,
    /// Tasks that ran out of a limit, and have not ended or begun anew.
    limited: BTreeMap<Address, Limit>,
    /// How many tasks were taken over.
    taken: usize,
}

/// What is told of a call of which nobody knows what it did.
const UNKNOWN: &str = "an attempt in its run may have done its work or not";

impl Watch {
    /// Begins to show a run of this definition.
    pub fn new(screen: Screen, definition: Option<Arc<Definition>>) -> Self {
        screen.open();
        Self {
            screen,
            is_recalling: false,
            live: Live::new(definition),
            remaining: None,
            over: Vec::new(),
            drawn: None,
            started: BTreeMap::new(),
            cached: BTreeMap::new(),
            caught: BTreeSet::new(),
            limited: BTreeMap::new(),
            taken: 0,
        }
    }

    /// Takes an event of before anybody watched: it has no line, but the tree knows of it.
    pub fn recall(&mut self, recorded: &Recorded) {
        self.is_recalling = true;
        self.event(recorded);
        self.is_recalling = false;
    }

    /// Whether there is a tree, which has to know what happened before.
    pub fn has_tree(&self) -> bool {
        self.screen.is_live()
    }

    /// Shows an event.
    pub fn event(&mut self, recorded: &Recorded) {
        let at = recorded.at;
        self.live.event(&recorded.event, at);
        match &recorded.event {
            Event::ItemsExpanded { task, .. } => drop(self.started.insert(task.clone(), at)),
            Event::AttemptGranted { task, .. }
            | Event::ScopeEntered { task, .. }
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
                self.line(Tone::Odd, "retrying", task, &more);
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
                self.ended(Tone::Bad, word, task, at, &format!("{}{key}", why_text(fault)));
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
                self.ended(Tone::Still, "skipped", task, at, &why);
            }
            Event::TaskCancelled { task } => self.ended(Tone::Odd, "cancelled", task, at, ""),
            Event::CancelRequested { reason, .. } => self.note(&format!("cancelling: {reason}")),
            Event::LimitReached { task, limit } => self.limit(task, *limit),
            Event::SignalReceived { signal, .. } => self.said(signal),
            Event::ChildUnknown { task } => self.line(Tone::Odd, "unknown", task, UNKNOWN),
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::TaskStuck { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::TaskQueued { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::CaseChosen { .. }
            | Event::AwaitOpened { .. }
            | Event::SignalTaken { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    /// Shows what somebody said to the run.
    fn said(&mut self, signal: &Signal) {
        let comment = signal.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
        match &signal.word {
            Word::Message(name) => self.note(&format!("signal `{name}` by {}{comment}", signal.by)),
            Word::Answer { task, answer: Answer::Progress(progress) } => {
                let left = progress.remaining.map(|left| format!(", {left} left")).unwrap_or_default();
                let how_far = format!("{}% done, by {}{left}", progress.percent, signal.by);
                self.line(Tone::Still, "progress", task, &how_far);
            }
            Word::Answer { task, answer } => {
                self.line(Tone::Still, answer.as_str(), task, &format!("by {}{comment}", signal.by));
            }
        }
    }

    /// Shows that people are asked, or a message is waited for: what, of whom, and what to type.
    pub fn asks(&mut self, task: &Address, question: &str, how: &str) {
        self.line(Tone::Odd, "waits", task, question);
        self.note(&format!("            {how}"));
    }

    fn taken_over(&mut self, task: &Address, from: RunId, at: Timestamp) {
        self.taken += 1;
        if self.taken > TAKEN_MAX {
            self.live.ended(task, false);
            return;
        }
        self.ended(Tone::Still, "taken", task, at, &format!("from run {}", summary::short(from)));
        if self.taken == TAKEN_MAX {
            self.note("            what else is taken over is only counted");
        }
    }

    fn attempt_ended(&mut self, task: &Address, attempt: Attempt, report: &AttemptReport) {
        if let Some(origin) = &report.cached {
            self.cached.insert(task.clone(), origin.run);
        }
        if let AttemptEnd::Lost { reason, .. } = &report.end {
            self.line(Tone::Odd, "lost", task, &format!("attempt {attempt}: {reason}"));
        }
        for why in &report.unkept {
            self.line(Tone::Odd, "not kept", task, why);
        }
        if report.has_leftovers {
            self.line(Tone::Odd, "ended", task, "processes that it left behind");
        }
    }

    /// Shows a success, and whether it is one only because an error was accepted or another run did the work.
    fn succeeded(&mut self, task: &Address, fault: Option<&Fault>, at: Timestamp) {
        let from = self.cached.remove(task);
        let is_caught = self.caught.remove(task);
        if let Some(fault) = fault.filter(|_| !is_caught) {
            return self.ended(Tone::Odd, "failed, accepted", task, at, &why_text(fault));
        }
        let why = from.map(|run| format!("cached (from run {})", summary::short(run)));
        self.ended(Tone::Good, "succeeded", task, at, &why.unwrap_or_default());
    }

    /// Notes which limit of time ran out: the end of the task, which follows once all in it is ended, is told with it.
    fn limit(&mut self, task: &Address, limit: Limit) {
        if task.is_root() {
            return self.note("the run is out of time (its `deadline`); what runs is ended");
        }
        self.limited.insert(task.clone(), limit);
    }

    /// Whether the time that is left of the run would be shown.
    pub fn wants_history(&self) -> bool {
        self.screen.is_live() && self.remaining.is_none()
    }

    /// Takes what the tasks of such runs took.
    pub fn expect(&mut self, mut remaining: Remaining) {
        self.over.drain(..).for_each(|task| remaining.ended(&task));
        self.remaining = Some(remaining);
    }

    fn ended(&mut self, tone: Tone, word: &str, task: &Address, at: Timestamp, why: &str) {
        self.limited.remove(task);
        let is_inside = self.live.is_inside(task);
        let inside = self.live.ended(task, tone == Tone::Bad);
        match &mut self.remaining {
            Some(remaining) => remaining.ended(task),
            None if !is_inside && self.screen.is_live() => self.over.push(task.clone()),
            None => {}
        }
        let took = self.started.remove(task).map(|start| time::between(start, at)).unwrap_or_default();
        if self.screen.is_live() && is_inside && matches!(tone, Tone::Good | Tone::Still) {
            return;
        }
        let inside = inside.filter(|_| self.screen.is_live()).map(in_words).unwrap_or_default();
        let parts = [took.as_str(), &inside, why].into_iter().filter(|part| !part.is_empty());
        self.line(tone, word, task, &parts.collect::<Vec<_>>().join("  "));
    }

    fn line(&mut self, tone: Tone, word: &str, task: &Address, more: &str) {
        if self.is_recalling {
            return;
        }
        let style = Style::new().fg_color(Some(tone.color().into()));
        self.screen.line(&format!("{style}{word:>10}{style:#}  {}  {more}", task.path()));
    }

    /// Shows what a task waits for that called a run which has not begun. On a terminal the tree shows that as long as it is true.
    pub fn waits(&mut self, task: &Address, (child, what_for): (RunId, &str)) {
        if !self.screen.is_live() {
            self.line(Tone::Odd, "waits", task, &format!("run {} {what_for}", summary::short(child)));
        }
        self.calls(task, (child, Some(what_for)));
    }

    /// Takes what a run waits for that a task called; nothing if it has begun.
    pub fn calls(&mut self, task: &Address, (child, what_for): (RunId, Option<&str>)) {
        self.live.calls(task, child, what_for);
    }

    /// Returns the runs that tasks of the tree wait for, on a terminal: some of them, if there are very many.
    pub fn children(&self) -> Vec<(Address, RunId)> {
        if self.screen.is_live() { self.live.children() } else { Vec::new() }
    }

    /// Shows a line about the run or the engine.
    pub fn note(&mut self, text: &str) {
        if !self.is_recalling {
            self.screen.line(text);
        }
    }

    /// Shows what is under way, on a terminal.
    pub fn status(&mut self, now: Timestamp) {
        let is_fresh = self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAWN_AFTER);
        if !self.screen.is_live() || is_fresh {
            return;
        }
        let remaining = self.remaining.as_ref();
        let left =
            remaining.and_then(|remaining| remaining.left(now, &self.started, |task| self.live.items(task)));
        self.screen.show(&self.live.rows((now, left), self.screen.size()));
        self.drawn = Some(Instant::now());
    }

    /// Takes the tree away.
    pub fn clear(&mut self) {
        self.screen.close();
    }
}

/// How something that is told went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    /// Nothing was done, and nothing is wrong.
    Still,
    Odd,
    Bad,
}

impl Tone {
    fn color(self) -> AnsiColor {
        match self {
            Self::Good => AnsiColor::Green,
            Self::Still => AnsiColor::BrightBlack,
            Self::Odd => AnsiColor::Yellow,
            Self::Bad => AnsiColor::Red,
        }
    }
}

/// Says how many tasks ended inside another one.
fn in_words(inside: Inside) -> String {
    match inside {
        Inside { ended: 0, .. } => String::new(),
        Inside { ended, failed: 0 } => format!("({ended} inside)"),
        Inside { ended, failed } => format!("({ended} inside, {failed} failed)"),
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
