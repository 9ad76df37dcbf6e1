//! People and messages: what a task asks, who may answer, and what an answer means.
//!
//! | the task | an answer or a message |
//! |---|---|
//! | has not asked yet | an answer is refused; a message is kept until a task waits for it |
//! | asks, or waits | recorded; the task ends once that is enough. A message goes to the task that waits longest |
//! | asks for work, and somebody says for the first time how far it is | the work has begun |
//! | has all that it asked for, and links hold back its end | an answer is refused, with the reason |
//! | asks, but it is not for them to answer, or they have agreed already | refused, with the reason |
//! | asks, but its time has run out and nobody has noticed yet | refused: what runs out first counts |
//! | is being ended, waits for its next attempt, or has ended | an answer is refused, with the reason; a message is kept |
//! | any, and the same id came before with the same content | answered as before, and nothing else happens |
//! | any, and the same id came before with another content | refused |
//! | the run is being ended, and nothing that follows waits for the message; or it is over | refused |
//!
//! Answers belong to one attempt: when a task asks again, what was said before counts no more. What was said is recorded with who
//! said it, when, and what they were shown.

use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::{Asked, Question};
use myrmex_model::event::{Change, Event, Limit};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::RunId;
use myrmex_model::ir::{Await, AwaitKind, Body, GateDecision, Outputs};
use myrmex_model::name::Name;
use myrmex_model::signal::{Answer, Look, SIGNAL_TEXT_BYTES_MAX, Settlement, Signal, Word};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::value::HashedValue;

use super::arena::{ActivationId, Work};
use super::decide::{Rejection, Turn};
use super::gate::stands_for;
use super::signals::{MESSAGES_KEPT_MAX, Received};
use super::{Agenda, ReplayError, Run};

/// A task that asks people, or waits for a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AwaitState {
    pub(super) asked: Asked,
    /// Since when it asks, in this attempt.
    pub(super) opened: Timestamp,
    /// What was said that counts, in order: answers of people, or the message that was taken.
    pub(super) answers: Vec<Received>,
    /// What was said last that leaves everything open: progress, or that the gate is to be asked again.
    pub(super) latest: Option<Received>,
}

/// What the answers to a task come to.
enum Verdict {
    /// More are needed.
    Open,
    /// The task succeeds.
    Agreed,
    /// The task fails.
    Refused(Fault),
}

/// Returns how long a task may be waited for; the shorter one, if both its own limit and that of an attempt are given.
pub(super) fn answer_time(body: &Body, attempt: Option<Length>) -> Option<Length> {
    let own = match body {
        Body::Await(body) => body.expires,
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_)
        | Body::Call(_) => None,
    };
    own.into_iter().chain(attempt).min()
}

impl Run {
    pub(super) fn await_of(&self, id: ActivationId) -> Option<&Await> {
        match &self.node(id).body {
            Body::Await(body) => Some(body),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_) => None,
        }
    }

    /// Returns what a task asks at the moment; nothing if what is said to it changes nothing any more.
    pub(super) fn awaiting(&self, id: ActivationId) -> Option<&AwaitState> {
        let own = self.at(id);
        let is_open = own.phase == Phase::Awaiting
            && !own.is_evaluating
            && !own.is_stale
            && !own.is_winding_down()
            && own.limit().is_none();
        match &own.work {
            Work::Await(state) if is_open => Some(state),
            Work::Await(_)
            | Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => None,
        }
    }

    /// Returns whether a limit of time of a task, or of what is around it, has run out as of `now`, though nobody noticed.
    fn is_overdue(&self, id: ActivationId, now: Timestamp) -> bool {
        let mut around = std::iter::successors(Some(id), |here| self.parent(*here));
        around.any(|here| {
            Limit::ALL.into_iter().any(|limit| self.due(here, limit).is_some_and(|due| due <= now))
        })
    }

    /// Returns the task that has waited longest for a message of this name.
    fn first_waiter(&self, name: &Name, now: Timestamp) -> Option<ActivationId> {
        let all = (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId);
        let waiting = all.filter_map(|id| {
            let state = self.awaiting(id).filter(|state| state.answers.is_empty())?;
            let is_for_it = matches!(&self.await_of(id)?.kind, AwaitKind::Signal(own) if own == name);
            (is_for_it && !self.is_overdue(id, now)).then_some((state.opened, id))
        });
        // Of those that began to wait at the same instant the one whose address comes first, which a restart does not change.
        let waiting = waiting.map(|(opened, id)| (opened, self.address(id), id));
        waiting.min().map(|(.., id)| id)
    }

    /// Applies that a task asks, or waits for a message.
    pub(super) fn apply_opened(&mut self, id: ActivationId, asked: &Asked, at: Timestamp) -> Change {
        let attempt = self.attempt_due(id);
        let begins = self.await_of(id).is_some_and(|body| body.kind != AwaitKind::Manual);
        let state = AwaitState { asked: asked.clone(), opened: at, answers: Vec::new(), latest: None };
        let change = self.change(id, Phase::Awaiting, at, |activation| {
            activation.status = Status::Waiting;
            activation.work = Work::Await(Box::new(state));
            if begins {
                activation.started.get_or_insert(at);
            }
        });
        self.begin_attempt(id, attempt);
        if begins {
            self.mark_started(id);
        }
        self.agenda.push_back(Agenda::Attend(id));
        change
    }

    /// Applies that something was said to the run.
    pub(super) fn apply_signal(
        &mut self,
        event: &Event,
        signal: &Signal,
        at: Timestamp,
    ) -> Result<Change, ReplayError> {
        if self.header.is_none() {
            return Err(ReplayError::Start);
        }
        match &signal.word {
            Word::Message(name) => {
                self.signals.receive(signal, at);
                if let Some(waiter) = self.first_waiter(name, at) {
                    self.agenda.push_back(Agenda::Attend(waiter));
                }
                Ok(self.change_run(self.status, Phase::None))
            }
            Word::Answer { task, answer } => {
                let misfit = || ReplayError::Task { kind: event.kind(), task: task.clone() };
                let found = self.find(task).ok_or_else(misfit)?;
                if let Answer::Settled(settlement) = answer {
                    Some(found).filter(|id| self.is_unsettled(*id)).ok_or_else(misfit)?;
                    self.signals.receive(signal, at);
                    return Ok(self.apply_settled(found, (signal, *settlement), at));
                }
                let id = Some(found).filter(|id| self.awaiting(*id).is_some()).ok_or_else(misfit)?;
                self.signals.receive(signal, at);
                let received = Received { signal: signal.clone(), at };
                let is_open = matches!(answer, Answer::Progress(_) | Answer::Decided(GateDecision::Hold));
                let change = self.change(id, Phase::Awaiting, at, |activation| {
                    // Work of people has begun when they first say something of it.
                    activation.started.get_or_insert(at);
                    if let Work::Await(state) = &mut activation.work {
                        if is_open {
                            state.latest = Some(received);
                        } else {
                            state.answers.push(received);
                        }
                    }
                });
                self.mark_started(id);
                Ok(self.hold_or_attend(id, change))
            }
        }
    }

    /// Applies that a task takes a message that is kept.
    pub(super) fn apply_signal_taken(&mut self, id: ActivationId, message: &str, at: Timestamp) -> Change {
        let taken = self.signals.take(message);
        let change = self.change(id, Phase::Awaiting, at, |activation| {
            if let Work::Await(state) = &mut activation.work {
                state.answers.extend(taken);
            }
        });
        self.hold_or_attend(id, change)
    }

    /// Lets what was said be looked at. What people are done with is held if links hold back its end, and no limit of time
    /// concerns it any more.
    fn hold_or_attend(&mut self, id: ActivationId, change: Change) -> Change {
        self.agenda.push_back(Agenda::Attend(id));
        let (Some(body), Work::Await(state)) = (self.await_of(id), &self.at(id).work) else { return change };
        if !matches!(Self::outcome_of_answers(body, state), Verdict::Agreed) || !self.holds_end(id) {
            return change;
        }
        self.update(id, |activation| activation.phase = Phase::Held);
        self.clear_dues(id);
        self.check_around(id);
        Change { phase: Phase::Held, ..change }
    }

    /// Returns what the answers to a task come to.
    fn outcome_of_answers(body: &Await, state: &AwaitState) -> Verdict {
        if matches!(body.kind, AwaitKind::Signal(_)) {
            return if state.answers.is_empty() { Verdict::Open } else { Verdict::Agreed };
        }
        let mut agreed = 0;
        for Received { signal, .. } in &state.answers {
            let Word::Answer { answer, .. } = &signal.word else { return Verdict::Agreed };
            let refused = |kind, did: &str| {
                let fault = Fault::new(kind, format!("{did} by {}", signal.by));
                Verdict::Refused(match &signal.comment {
                    Some(comment) => fault.with_detail(comment.clone()),
                    None => fault,
                })
            };
            match answer {
                Answer::Rejected => return refused(FaultKind::Refused, "rejected"),
                Answer::Failed => return refused(FaultKind::Runtime, "marked as failed"),
                Answer::Decided(GateDecision::Stop) => {
                    return refused(FaultKind::Refused, "`stop` was decided");
                }
                Answer::Approved | Answer::Done | Answer::Decided(GateDecision::Go) => agreed += 1,
                Answer::Progress(_) | Answer::Settled(_) | Answer::Decided(GateDecision::Hold) => {}
            }
        }
        if agreed >= body.count { Verdict::Agreed } else { Verdict::Open }
    }

    /// Returns the signal that was acknowledged under this id, as far as it is remembered.
    pub fn known_signal(&self, id: &str) -> Option<&Signal> {
        self.signals.find(id)
    }

    /// Returns whether this very signal was acknowledged before.
    pub fn has_received(&self, signal: &Signal) -> bool {
        self.signals.find(&signal.id) == Some(signal)
    }

    /// Says whether a signal can be taken as of `now`; nothing is changed. One that was acknowledged before is.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection`] with the reason why it cannot.
    pub fn check_signal(&self, signal: &Signal, now: Timestamp) -> Result<(), Rejection> {
        if let Some(known) = self.signals.find(&signal.id) {
            let reused = || Rejection::SignalReused { id: signal.id.clone() };
            return if known == signal { Ok(()) } else { Err(reused()) };
        }
        if self.status.is_terminal() {
            return Err(Rejection::RunOver { status: self.status });
        }
        let texts = [Some(&signal.id), Some(&signal.by), signal.comment.as_ref()];
        if signal.id.is_empty() || signal.by.is_empty() {
            return Err(Rejection::SignalText { why: "its id, or who gives it, is empty" });
        }
        if texts.into_iter().flatten().any(|text| text.len() > SIGNAL_TEXT_BYTES_MAX) {
            return Err(Rejection::SignalText { why: "its id, a name or the comment is too long" });
        }
        match &signal.word {
            Word::Message(name) => {
                let is_full = self.signals.kept.len() >= MESSAGES_KEPT_MAX;
                match self.first_waiter(name, now) {
                    // What follows the end may wait for it, but nothing is kept for it.
                    None if self.ending.is_some() => Err(Rejection::RunEnding),
                    None if is_full => Err(Rejection::MessagesKept { count: MESSAGES_KEPT_MAX }),
                    Some(_) | None => Ok(()),
                }
            }
            Word::Answer { task, answer } => {
                let found = self.find(task).ok_or_else(|| Rejection::UnknownTask { task: task.clone() })?;
                self.check_answer(found, (signal, *answer), now)
                    .map_err(|why| Rejection::NotAnswerable { task: task.clone(), why })
            }
        }
    }

    /// Says why an answer cannot be taken; nothing if it can.
    fn check_answer(
        &self,
        id: ActivationId,
        (signal, answer): (&Signal, Answer),
        now: Timestamp,
    ) -> Result<(), String> {
        let own = self.at(id);
        if own.status.is_terminal() {
            return Err(format!("it is over: {}", own.status));
        }
        if matches!(answer, Answer::Settled(_)) {
            return self.check_settled(id, &signal.by);
        }
        if own.status == Status::Stuck {
            return Err("it is stuck: somebody has to decide whether it is retried".to_owned());
        }
        let Some(body) = self.await_of(id) else { return Err("it asks nobody".to_owned()) };
        let Some(state) = self.awaiting(id) else {
            return Err(if own.is_untouched() || own.phase == Phase::Postponed {
                "it does not ask yet".to_owned()
            } else if own.phase == Phase::Retrying {
                "it waits for its next attempt".to_owned()
            } else if own.phase == Phase::Held {
                let holders = self.holders(id).into_iter().map(|holder| format!("`{}`", holder.task.path()));
                let holders: Vec<String> = holders.collect();
                format!("its people are done with it, and its end waits for {}", holders.join(", "))
            } else {
                "how it ends is decided already".to_owned()
            });
        };
        if self.is_overdue(id, now) {
            return Err("its time has run out".to_owned());
        }
        check_kind(body, answer)?;
        self.check_person(&state.asked, &signal.by)?;
        let by = person(&signal.by);
        let has_agreed = state.answers.iter().any(|received| person(&received.signal.by) == by);
        if has_agreed && matches!(answer, Answer::Approved | Answer::Decided(_)) {
            return Err(format!(
                "`{}` has answered already, and {} people have to agree",
                signal.by, body.count
            ));
        }
        Ok(())
    }
}

/// What a run waits for in which nothing goes on by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standstill {
    /// Whether a task asks people, waits for a message, or is stuck.
    pub asks: bool,
    /// The runs whose end it waits for.
    pub children: Vec<RunId>,
    /// Whether it has not begun, because it waits for its place among the runs of its workflow.
    pub is_queued: bool,
    /// When time leads on by itself: the end of a wait, a pause or a lag. None if nothing waits for time.
    pub leads_on: Option<Timestamp>,
    /// When the first timer is due, limits of time among them.
    pub next_due: Option<Timestamp>,
}

impl Run {
    /// Returns what the run waits for if nothing in it leads on but people, messages, time and the ends of runs that it called.
    pub fn standstill(&self) -> Option<Standstill> {
        let is_limit = |timer: &TimerKey| match timer {
            TimerKey::Limit(..) => true,
            TimerKey::Wait(_)
            | TimerKey::Retry(_)
            | TimerKey::Lag(..)
            | TimerKey::EndLag(..)
            | TimerKey::Begin(_) => false,
        };
        if !self.only_waits() {
            return None;
        }
        let timers = self.timers();
        let mut all = (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId);
        Some(Standstill {
            asks: all.any(|id| self.awaiting(id).is_some() || self.is_unsettled(id)),
            children: self.awaited_children(),
            is_queued: self.claim().is_some_and(|claim| !claim.is_admitted),
            // Nobody waits for limits of time.
            leads_on: timers.iter().filter(|(timer, _)| !is_limit(timer)).map(|(_, due)| *due).min(),
            next_due: timers.iter().map(|(_, due)| *due).min(),
        })
    }
}

/// Says whether a task of this kind takes an answer.
fn check_kind(body: &Await, answer: Answer) -> Result<(), String> {
    let is_one = match (&body.kind, answer) {
        (AwaitKind::Manual, Answer::Progress(progress)) => progress.percent <= 100,
        (AwaitKind::Manual | AwaitKind::Form, Answer::Done | Answer::Failed)
        | (AwaitKind::Approval, Answer::Approved | Answer::Rejected) => true,
        (AwaitKind::Gate(gate), Answer::Decided(decision)) => gate.decisions.contains(&decision),
        (
            AwaitKind::Manual
            | AwaitKind::Form
            | AwaitKind::Approval
            | AwaitKind::Gate(_)
            | AwaitKind::Signal(_),
            Answer::Approved
            | Answer::Rejected
            | Answer::Done
            | Answer::Failed
            | Answer::Progress(_)
            | Answer::Settled(_)
            | Answer::Decided(_),
        ) => false,
    };
    if is_one {
        return Ok(());
    }
    let takes = match &body.kind {
        AwaitKind::Manual => "is done, failed, or so far from done",
        AwaitKind::Form => "is filled in, or failed",
        AwaitKind::Approval => "is approved or rejected",
        AwaitKind::Gate(gate) => {
            let decisions: Vec<&str> = gate.decisions.iter().map(|decision| decision.as_str()).collect();
            return Err(format!(
                "at a gate people decide {}, and not `{}`",
                decisions.join(", "),
                answer.as_str()
            ));
        }
        AwaitKind::Signal(name) => {
            return Err(format!("it waits for the message `{name}`, not for an answer"));
        }
    };
    Err(format!("`{}` {takes}, and not `{}`", body.kind.as_str(), answer.as_str()))
}

/// Returns the name of a person without the word for its kind: `person:ana` and `ana` are the same one.
pub(super) fn person(name: &str) -> &str {
    name.strip_prefix("person:").unwrap_or(name)
}

impl Run {
    /// Says whether a person may answer. With a name that stands for people whom nothing here knows everybody may, but for those who are
    /// excluded.
    fn check_person(&self, asked: &Asked, by: &str) -> Result<(), String> {
        let project = self.definition.project.as_deref();
        let is = |name: &String| stands_for(project, name, by);
        if asked.exclude.iter().any(|name| is(name) == Some(true)) {
            return Err(format!("`{by}` is excluded from answering"));
        }
        if asked.from.is_empty() || asked.from.iter().any(|name| is(name) != Some(false)) {
            return Ok(());
        }
        Err(format!("`{by}` is not asked, but {}", asked.from.join(", ")))
    }
}

impl Turn<'_> {
    /// Takes a signal. One that came before changes nothing.
    pub(super) fn signal(&mut self, signal: Signal, look: Option<&Look>) -> Result<(), Rejection> {
        self.run.check_signal(&signal, self.now)?;
        if self.run.has_received(&signal) {
            return Ok(());
        }
        self.run.check_criteria(&signal, look)?;
        let asks = signal.task().and_then(|task| self.run.find(task));
        let asked = asks.and_then(|id| self.run.awaiting(id)).and_then(|state| state.asked.shown);
        let shown = look.map(|look| look.shown).or(asked);
        let is_retry = matches!(signal.word, Word::Answer { answer: Answer::Settled(Settlement::Retry), .. });
        self.emit(Event::SignalReceived { signal: Box::new(signal), shown });
        if let Some(id) = asks.filter(|_| is_retry) {
            self.repeat(id);
        }
        Ok(())
    }

    /// Asks people, or begins to wait for a message.
    pub(super) fn open_await(&mut self, id: ActivationId, asked: Box<Asked>) {
        let task: Address = self.run.address(id);
        self.emit(Event::AwaitOpened { task, asked });
    }

    /// Looks whether a task that asks, or waits, has what it needs.
    pub(super) fn attend(&mut self, id: ActivationId) {
        if self.run.at(id).phase == Phase::Held {
            return self.attend_held(id);
        }
        if self.settle(id) {
            return;
        }
        let definition = Arc::clone(&self.run.definition);
        let node = definition.node(self.run.at(id).node);
        let (Body::Await(body), Some(state)) = (&node.body, self.run.awaiting(id)) else { return };
        if let AwaitKind::Signal(name) = &body.kind {
            return if state.answers.is_empty() { self.deliver(name) } else { self.take_message(id) };
        }
        match Run::outcome_of_answers(body, state) {
            Verdict::Open => {}
            Verdict::Agreed => self.ask(id, Question::Answered),
            Verdict::Refused(fault) => self.retry(id, fault, false),
        }
    }

    /// Gives the messages of this name that are kept to the tasks that wait for them: the oldest to the one that has waited longest,
    /// and so on until one of the two is used up. Whoever is attended may not be who is first, and is not attended again.
    fn deliver(&mut self, name: &Name) {
        while let Some(message) = self.run.signals.first(name).map(|received| received.signal.id.clone())
            && let Some(waiter) = self.run.first_waiter(name, self.now)
        {
            let task = self.run.address(waiter);
            self.emit(Event::SignalTaken { task, id: message });
        }
    }

    /// Ends a task that has its message.
    pub(super) fn take_message(&mut self, id: ActivationId) {
        let definition = Arc::clone(&self.run.definition);
        let outputs = &definition.node(self.run.at(id).node).outputs;
        let Work::Await(state) = &self.run.at(id).work else { return };
        let data = state.answers.first().and_then(|received| received.signal.data);
        let raw = data.unwrap_or_else(HashedValue::null_hash);
        match outputs {
            Outputs::Raw | Outputs::Last => self.succeed(id, raw),
            Outputs::Declared(_) | Outputs::Computed(_) => self.ask(id, Question::Output { raw }),
        }
    }
}
