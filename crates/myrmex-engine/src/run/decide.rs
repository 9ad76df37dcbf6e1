//! What each command means for a run.

use std::collections::BTreeSet;

use myrmex_model::address::Address;
use myrmex_model::command::{Command, TimerKey};
use myrmex_model::demand::Named;
use myrmex_model::effect::{Decision, Effect};
use myrmex_model::event::{Change, Event, Parent, Recorded};
use myrmex_model::id::{Attempt, FencingToken, RunId, ValueHash};
use myrmex_model::ir::Holds;
use myrmex_model::name::Name;
use myrmex_model::retry::Retry;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;
use myrmex_model::value::HashedValue;

use super::admission::Admission;
use super::arena::{Activation, ActivationId, Hold, Leaf, Work};
use super::postpone::Inquiries;
use super::{RebaseError, Run};

/// Why a command is not legal now. The run is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The run has begun already.
    #[error("the run has already started")]
    AlreadyStarted,
    /// The run has not begun.
    #[error("the run has not started")]
    NotStarted,
    /// The run has a final status.
    #[error("the run is over: {status}")]
    RunOver {
        /// That status.
        status: Status,
    },
    /// No such task is under way.
    #[error("task `{task}` is not under way")]
    UnknownTask {
        /// The task.
        task: Address,
    },
    /// The attempt does not wait for a place.
    #[error("attempt {attempt} of task `{task}` does not wait for a worker")]
    NotQueued {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
    },
    /// A report of an attempt that is not the running one, or of an older grant of it.
    #[error("attempt {attempt} of task `{task}` is not the running attempt")]
    StaleAttempt {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// The token that was reported.
        token: FencingToken,
    },
    /// The end of a child that the task does not wait for.
    #[error("task `{task}` does not wait for run {child}")]
    StaleChild {
        /// The task.
        task: Address,
        /// The child.
        child: RunId,
    },
    /// The task cannot be skipped as it stands.
    #[error("task `{}` cannot be skipped: {why}", task.path())]
    NotSkippable {
        /// The task.
        task: Address,
        /// Why not, in words.
        why: &'static str,
    },
    /// The task takes no answer, or not this one.
    #[error("task `{}` takes no such answer: {why}", task.path())]
    NotAnswerable {
        /// The task.
        task: Address,
        /// Why not, in words.
        why: String,
    },
    /// Another signal with this id was received before.
    #[error("another signal was received before under the id `{id}`")]
    SignalReused {
        /// The id.
        id: String,
    },
    /// A signal whose texts cannot be kept.
    #[error("the signal cannot be taken: {why}")]
    SignalText {
        /// What is wrong with them.
        why: &'static str,
    },
    /// So many messages are kept that no task has taken.
    #[error("{count} messages are kept already that no task has taken")]
    MessagesKept {
        /// How many.
        count: usize,
    },
    /// The run is being ended, and nobody waits for the message.
    #[error("the run is being ended, and nothing in it waits for the message")]
    RunEnding,
    /// The run does not wait for its place among those of its workflow.
    #[error("the run does not wait for a place")]
    NotWaiting,
    /// The timer is not armed any more, or not yet due.
    #[error("the timer is not due")]
    NotDue,
    /// The answer belongs to no open request.
    #[error("nothing was to be evaluated")]
    NotAsked,
    /// The run cannot move to that definition.
    #[error(transparent)]
    Rebase(#[from] RebaseError),
}

/// A decision in the making.
pub(super) struct Turn<'a> {
    pub(super) run: &'a mut Run,
    pub(super) now: Timestamp,
    pub(super) decision: Decision,
}

impl Run {
    /// Decides what `command` means as of `now`.
    ///
    /// The events of the decision are already applied. Requests must be answered, each with one
    /// [`Command::Evaluated`], before any other command is put to the run. Effects may be carried out only once the
    /// events are durable. A long agenda is not decided in one turn: see [`Run::has_more`].
    ///
    /// # Errors
    ///
    /// Returns [`Rejection`] if the command is not legal now. The run is unchanged.
    pub fn decide(&mut self, command: Command, now: Timestamp) -> Result<Decision, Rejection> {
        let now = now.max(self.last);
        let is_start = matches!(command, Command::Start { .. });
        match (self.header.is_some(), is_start) {
            (false, false) => return Err(Rejection::NotStarted),
            (true, true) => return Err(Rejection::AlreadyStarted),
            // What was acknowledged before the end is acknowledged again.
            (true, false) if matches!(&command, Command::Signal { signal, .. } if self.has_received(signal)) =>
            {
                return Ok(Decision::default());
            }
            // What was asked about time may have an answer after the run has ended in the same turn.
            (true, false) if matches!(command, Command::Evaluated { .. }) && self.status.is_terminal() => {
                return Ok(Decision::default());
            }
            (true, false) if self.status.is_terminal() => {
                return Err(Rejection::RunOver { status: self.status });
            }
            (false, true) | (true, false) => {}
        }
        self.due_changes = Some(Vec::new());
        if !matches!(command, Command::Evaluated { .. }) {
            self.left = self.turn_items;
            self.inquiries = Inquiries::default();
        }
        let mut turn = Turn { run: self, now, decision: Decision::default() };
        match command {
            Command::Start { inputs, started_by, trigger, closure, parent, retry } => {
                turn.start(inputs, started_by, trigger, closure, parent, retry);
            }
            Command::Admit => turn.admit()?,
            Command::TurnAway { holder, is_deadlock } => turn.turn_away(holder, is_deadlock)?,
            Command::Evaluated { ticket, result } => turn.evaluated(ticket, result)?,
            Command::Grant { task, attempt, token, worker } => turn.grant(task, attempt, token, worker)?,
            Command::Refuse { task, attempt, fault } => turn.refuse(task, attempt, fault)?,
            Command::Report { task, attempt, token, report } => turn.report(&task, attempt, token, report)?,
            Command::Fire { timer } => turn.fire(&timer)?,
            Command::ChildEnded { task, child, end, is_unknown } => {
                turn.child_ended(task, child, (end, is_unknown))?;
            }
            Command::Cancel { by, reason, successor } => turn.cancel(by, reason, successor),
            Command::Skip { tasks, by, reason } => turn.skip_waiting(&tasks, &by, &reason)?,
            Command::Signal { signal, look } => turn.signal(*signal, look.as_deref())?,
            Command::Rebase { definition, hash, map, by, reason } => {
                turn.rebase(definition, hash, map, by, reason)?;
            }
        }
        turn.drain();
        Ok(turn.decision)
    }

    /// Decides what a restored or replayed run has left to decide, such as work that a lost batch would have begun.
    pub fn resume(&mut self, now: Timestamp) -> Decision {
        let mut turn = self.turn(now);
        if !turn.run.status.is_terminal() {
            turn.drain();
            turn.resume_claim();
            turn.resume_calls();
        }
        turn.decision
    }

    /// Returns whether a turn left something to decide: [`Run::go_on`] takes the next one.
    pub fn has_more(&self) -> bool {
        !self.agenda.is_empty() && !self.status.is_terminal()
    }

    /// Returns whether nothing but a timer, the end of a child, its place among the runs of its workflow, or a word from
    /// outside leads on: between turns, with no attempt or block that waits for something or has it from a worker.
    pub fn only_waits(&self) -> bool {
        let is_at_rest = |own: &Activation| {
            own.status.is_terminal()
                || own.is_stale
                || (!own.is_evaluating
                    && own.phase != Phase::Queued
                    && own.leaf().is_none_or(|leaf| leaf.token.is_none()))
        };
        let has_begun = self.header.is_some() && self.admission != Admission::Asking;
        has_begun && !self.has_more() && !self.status.is_terminal() && self.arena.iter().all(is_at_rest)
    }

    /// Decides more of what a turn left. Other commands may come between.
    pub fn go_on(&mut self, now: Timestamp) -> Decision {
        let mut turn = self.turn(now);
        if !turn.run.status.is_terminal() {
            turn.drain();
        }
        turn.decision
    }

    fn turn(&mut self, now: Timestamp) -> Turn<'_> {
        let now = now.max(self.last);
        self.due_changes = Some(Vec::new());
        self.left = self.turn_items;
        Turn { run: self, now, decision: Decision::default() }
    }

    /// Returns the grants under way, for whoever must find out what became of them.
    pub fn grants(&self) -> Vec<(Address, Attempt, FencingToken)> {
        self.leaves().filter_map(|(id, leaf)| Some((self.address(id), leaf.attempt, leaf.token?))).collect()
    }

    /// Returns the attempts that wait for a place, oldest activation first, then the blocks that wait for what they are to
    /// hold.
    pub fn queued(&self) -> Vec<(Address, Attempt)> {
        let is_queued = |id: ActivationId| self.at(id).phase == Phase::Queued;
        let attempts = self.leaves().filter(|(id, _)| is_queued(*id));
        let attempts = attempts.map(|(id, leaf)| (self.address(id), leaf.attempt));
        attempts.chain(self.waiting_to_hold().map(|id| (self.address(id), Attempt::FIRST))).collect()
    }

    /// Returns the timers that are armed.
    pub fn timers(&self) -> Vec<(TimerKey, Timestamp)> {
        let mut timers = Vec::new();
        for index in 0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX) {
            let id = ActivationId(index);
            if let (Work::Postponed { until, .. }, Phase::Postponed) = (&self.at(id).work, self.at(id).phase)
            {
                let until = *until;
                timers.push((TimerKey::Begin(self.address(id)), until));
            }
            if self.at(id).status != Status::Waiting {
                continue;
            }
            match (self.repeat_due(id), &self.at(id).work) {
                (Some(due), _) => timers.push((TimerKey::Retry(self.address(id)), due)),
                (None, Work::Timer { due }) => timers.push((TimerKey::Wait(self.address(id)), *due)),
                (None, _) => {}
            }
        }
        timers.extend(self.lag_timers());
        timers.extend(self.limit_timers());
        timers
    }

    /// Returns when the attempt to come begins, if the body waits for its repetition.
    fn repeat_due(&self, id: ActivationId) -> Option<Timestamp> {
        let activation = self.at(id);
        match activation.leaf() {
            Some(leaf) => leaf.retry_due,
            // Its pause is over, and it waits for what it holds.
            None if activation.phase == Phase::Queued => None,
            None => activation.facts()?.repeat.map(|(_, due)| due),
        }
    }

    pub(super) fn leaves(&self) -> impl Iterator<Item = (ActivationId, &Leaf)> {
        (0..).map(ActivationId).zip(&self.arena).filter_map(|(id, activation)| {
            let leaf = activation.leaf()?;
            (!activation.status.is_terminal()).then_some((id, leaf))
        })
    }
}

impl Turn<'_> {
    /// Applies and records one event.
    pub(super) fn emit(&mut self, event: Event) -> Change {
        let change =
            self.run.apply_event(&event, self.now).expect("a decision fits the state it was made on");
        self.decision.events.push(Recorded { at: self.now, event, change });
        change
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.decision.effects.push(effect);
    }

    fn start(
        &mut self,
        inputs: ValueHash,
        started_by: String,
        trigger: String,
        closure: Option<ValueHash>,
        parent: Option<Parent>,
        retry: Option<Box<Retry>>,
    ) {
        let workflow = self.run.definition.name.clone();
        let definition = self.run.hash;
        self.emit(Event::RunStarted {
            definition,
            workflow,
            inputs,
            started_by,
            trigger,
            closure,
            parent,
            retry,
        });
    }

    pub(super) fn find(&self, task: &Address) -> Result<ActivationId, Rejection> {
        self.run.find(task).ok_or_else(|| Rejection::UnknownTask { task: task.clone() })
    }

    fn grant(
        &mut self,
        task: Address,
        attempt: Attempt,
        token: FencingToken,
        worker: Name,
    ) -> Result<(), Rejection> {
        let id = self.find(&task)?;
        if !self.run.is_waiting_to_begin(id, attempt) {
            return Err(Rejection::NotQueued { task, attempt });
        }
        if self.run.hold(id) == Some(Hold::Waiting) {
            self.begin_held(id, token);
            return Ok(());
        }
        self.emit(Event::AttemptGranted { task: task.clone(), attempt, token, worker });
        self.effect(Effect::Assign { task, attempt, token });
        Ok(())
    }

    fn fire(&mut self, timer: &TimerKey) -> Result<(), Rejection> {
        match timer {
            TimerKey::Wait(task) => {
                let id = self.find(task)?;
                match self.run.at(id).work {
                    Work::Timer { due } if self.is_due(id, due) => {
                        self.succeed(id, HashedValue::null_hash());
                        Ok(())
                    }
                    Work::Timer { .. }
                    | Work::Postponed { .. }
                    | Work::None
                    | Work::Leaf(_)
                    | Work::Choice { .. }
                    | Work::Await(_)
                    | Work::Graph(_)
                    | Work::Flow(_)
                    | Work::Each(_)
                    | Work::Call(_) => Err(Rejection::NotDue),
                }
            }
            TimerKey::Retry(task) => {
                let id = self.find(task)?;
                let due = self.run.repeat_due(id).filter(|due| self.is_due(id, *due));
                due.ok_or(Rejection::NotDue)?;
                self.repeat(id);
                Ok(())
            }
            TimerKey::Limit(task, limit) => self.fire_limit(task, *limit),
            TimerKey::Lag(from, to) => self.fire_lag((from, to), Holds::Begin),
            TimerKey::EndLag(from, to) => self.fire_lag((from, to), Holds::End),
            TimerKey::Begin(task) => self.fire_begin(task),
        }
    }

    fn fire_lag(&mut self, (from, to): (&Address, &Address), holds: Holds) -> Result<(), Rejection> {
        let ends = (self.find(from)?, self.find(to)?);
        let is_due = self.run.lag_armed(ends, holds).is_some_and(|(_, due)| due <= self.now);
        if !is_due || !self.run.awaits_edge(ends.1, holds) {
            return Err(Rejection::NotDue);
        }
        self.emit(Event::LagElapsed { from: from.clone(), to: to.clone(), holds });
        self.arm_lag_timer(ends, holds);
        Ok(())
    }

    fn is_due(&self, id: ActivationId, due: Timestamp) -> bool {
        self.run.at(id).status == Status::Waiting && due <= self.now
    }

    /// Lets an attempt wait for a place.
    pub(super) fn queue(&mut self, task: Address, attempt: Attempt, input: Option<ValueHash>) {
        self.queue_named(task, attempt, input, None);
    }

    /// Does the same, with the names that it asks for if they were evaluated now.
    pub(super) fn queue_named(
        &mut self,
        task: Address,
        attempt: Attempt,
        input: Option<ValueHash>,
        named: Option<Box<Named>>,
    ) {
        self.emit(Event::TaskQueued { task: task.clone(), attempt, input, named });
        self.effect(Effect::Queue { task, attempt });
    }

    fn rebase(
        &mut self,
        definition: std::sync::Arc<myrmex_model::ir::Definition>,
        hash: myrmex_model::id::DefinitionHash,
        map: Vec<(Address, Address)>,
        by: String,
        reason: String,
    ) -> Result<(), Rejection> {
        let from = self.run.hash;
        if from == hash {
            return Ok(());
        }
        let before = Waits::of(self.run);
        self.run.rebase(definition, hash, &map)?;
        self.run.due_changes = Some(Vec::new());
        self.emit(Event::Rebased { from, to: hash, map, by, reason });
        let after = Waits::of(self.run);
        for (task, attempt) in before.queued.difference(&after.queued).cloned() {
            self.effect(Effect::Withdraw { task, attempt });
        }
        for (task, attempt) in after.queued.difference(&before.queued).cloned() {
            self.effect(Effect::Queue { task, attempt });
        }
        for (timer, _) in before.timers.difference(&after.timers).cloned() {
            self.effect(Effect::Disarm { timer });
        }
        for (timer, due) in after.timers.difference(&before.timers).cloned() {
            self.effect(Effect::Arm { timer, due });
        }
        Ok(())
    }
}

/// What a run waits for outside: compared before and after it moves to another definition.
struct Waits {
    queued: BTreeSet<(Address, Attempt)>,
    timers: BTreeSet<(TimerKey, Timestamp)>,
}

impl Waits {
    fn of(run: &Run) -> Self {
        Self { queued: run.queued().into_iter().collect(), timers: run.timers().into_iter().collect() }
    }
}
