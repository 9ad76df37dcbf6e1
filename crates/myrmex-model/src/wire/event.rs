//! Codec 2 of events: one map of CBOR, whose keys are the numbers of `key` and whose first field is the number of the kind.
//! (Codec 1 was JSON, and no release ever wrote it.)
//!
//! What every kind has comes first: kind, instant, statuses, phase, task, attempt, token, boot. The rest belongs to the kind:
//!
//! | kind | event | fields of its own |
//! |---|---|---|
//! | 0 | `run.started` | input, definition, by, workflow, trigger, closure?, parent?, retry? |
//! | 1 | `run.queued` | group? |
//! | 2 | `run.admitted` | |
//! | 3 | `run.rebased` | definition, by, words, definition after, renamed |
//! | 4 | `run.ended` | output?, fault? |
//! | 5 | `cancel.requested` | run? (its successor), by, words |
//! | 6 | `end.requested` | |
//! | 7 | `task.entered` | input? |
//! | 8 | `round.began` | number |
//! | 9 | `handler.entered` | which handler, number of a `catch`; output and vars?, or fault and timeout?, or neither after a cancel |
//! | 10 | `limit.reached` | which limit |
//! | 11 | `child.called` | input, run, definition |
//! | 12 | `child.unknown` | |
//! | 13 | `task.expanded` | input (the items), number (of them), item keys? |
//! | 14 | `task.queued` | input?, lock?, labels? |
//! | 15 | `hold.queued` | lock?, labels? |
//! | 16 | `hold.granted` | |
//! | 17 | `attempt.granted` | worker |
//! | 18 | `attempt.ended` | report |
//! | 19 | `task.retrying` | due, number of the `catch` that asks for it? |
//! | 20 | `timer.armed` | due |
//! | 21 | `lag.armed` | due, other (the task the edge leaves), which? (1: the edge holds back an end) |
//! | 22 | `lag.elapsed` | other, which? |
//! | 23 | `task.chose` | number (of the case) |
//! | 24 | `task.succeeded` | output, vars?, fault? |
//! | 25 | `task.taken` | taken |
//! | 26 | `task.failed` | fault, timeout? |
//! | 27 | `task.skipped` | which: 0 its condition, 1 other and outcome, 2 other took another way, 3 a run |
//! | 28 | `task.cancelled` | |
//! | 29 | `await.opened` | input? (what is shown), people?, excluded? |
//! | 30 | `signal.received`, `task.answered`, `task.settled`, `task.progress` | output? (its data), input? (what was shown), answer, number?, by, words?, signal, name?, spent?, remaining? |
//! | 31 | `signal.taken` | signal |
//! | 32 | `task.postponed` | due, which: 0 the start of the project, 1 its window, 2 a calendar; name? (of the calendar) |
//! | 33 | `task.released` | |
//! | 34 | `task.stuck` | fault, timeout? |
//!
//! Ids and hashes are their bytes, words the numbers of `wire::numbers`, instants nanoseconds since 1970; what has parts is in
//! `wire::parts`. A later release may add a field that may be absent, or a kind. A number, of a kind or of a key,
//! is never used again for something else. A reader passes over a key that it does not know, and refuses an unknown kind.

mod read;

use super::cbor::{self, Fields};
use super::numbers;
use crate::address::Address;
use crate::demand::Named;
use crate::effect::Asked;
use crate::event::{Change, Event, HandlerKind, NotBefore, Pending, Recorded, SkipReason};
use crate::fault::Fault;
use crate::id::{Attempt, Epoch, ValueHash};
use crate::ir::Holds;
use crate::name::Name;
use crate::signal::{Answer, Signal, Word};
use crate::status::Phase;
use crate::time::Timestamp;

pub use read::decode;

/// The number of this codec in a record's envelope.
pub const CODEC: u8 = 2;

/// The keys of an event, which take one byte up to 23.
mod key {
    pub(super) const KIND: u8 = 0;
    pub(super) const AT: u8 = 1;
    /// The status before.
    pub(super) const FROM: u8 = 2;
    /// The status after; absent if it is the one before.
    pub(super) const TO: u8 = 3;
    /// The phase after; absent if there is none.
    pub(super) const PHASE: u8 = 4;
    /// Absent for events of the run.
    pub(super) const TASK: u8 = 5;
    /// Absent where it says nothing: of a block, the first one.
    pub(super) const ATTEMPT: u8 = 6;
    /// The epoch, then the counter within it.
    pub(super) const TOKEN: u8 = 7;
    /// The epoch of the log's owner that decided it.
    pub(super) const BOOT: u8 = 8;
    pub(super) const OUTPUT: u8 = 9;
    pub(super) const INPUT: u8 = 10;
    pub(super) const VARS: u8 = 11;
    pub(super) const FAULT: u8 = 12;
    pub(super) const TIMEOUT: u8 = 13;
    pub(super) const WORKER: u8 = 14;
    pub(super) const REPORT: u8 = 15;
    pub(super) const DUE: u8 = 16;
    /// A second task.
    pub(super) const OTHER: u8 = 17;
    /// Which handler, limit or reason.
    pub(super) const WHICH: u8 = 18;
    pub(super) const OUTCOME: u8 = 19;
    /// A round, a case, a count, or the index of a `catch`.
    pub(super) const NUMBER: u8 = 20;
    pub(super) const ITEM_KEYS: u8 = 21;
    pub(super) const LOCK: u8 = 22;
    pub(super) const LABELS: u8 = 23;
    /// Another run.
    pub(super) const RUN: u8 = 24;
    pub(super) const DEFINITION: u8 = 25;
    /// Who started or asked.
    pub(super) const BY: u8 = 26;
    /// A reason in words.
    pub(super) const WORDS: u8 = 27;
    pub(super) const DEFINITION_AFTER: u8 = 28;
    /// Old and new addresses in turn.
    pub(super) const RENAMED: u8 = 29;
    pub(super) const WORKFLOW: u8 = 30;
    pub(super) const TRIGGER: u8 = 31;
    pub(super) const CLOSURE: u8 = 32;
    pub(super) const PARENT: u8 = 33;
    pub(super) const RETRY: u8 = 34;
    /// What a waiting run shares with those that it waits for.
    pub(super) const GROUP: u8 = 35;
    pub(super) const TAKEN: u8 = 36;
    /// The id of a signal.
    pub(super) const SIGNAL: u8 = 37;
    /// The name of a message.
    pub(super) const NAME: u8 = 38;
    /// Who may answer.
    pub(super) const PEOPLE: u8 = 39;
    pub(super) const EXCLUDED: u8 = 40;
    /// In milliseconds, as what follows.
    pub(super) const SPENT: u8 = 41;
    pub(super) const REMAINING: u8 = 42;
}

/// The numbers of the kinds.
mod kind {
    pub(super) const RUN_STARTED: u8 = 0;
    pub(super) const RUN_QUEUED: u8 = 1;
    pub(super) const RUN_ADMITTED: u8 = 2;
    pub(super) const REBASED: u8 = 3;
    pub(super) const RUN_ENDED: u8 = 4;
    pub(super) const CANCEL_REQUESTED: u8 = 5;
    pub(super) const END_REQUESTED: u8 = 6;
    pub(super) const SCOPE_ENTERED: u8 = 7;
    pub(super) const ROUND_BEGAN: u8 = 8;
    pub(super) const HANDLER_ENTERED: u8 = 9;
    pub(super) const LIMIT_REACHED: u8 = 10;
    pub(super) const CHILD_CALLED: u8 = 11;
    pub(super) const CHILD_UNKNOWN: u8 = 12;
    pub(super) const ITEMS_EXPANDED: u8 = 13;
    pub(super) const TASK_QUEUED: u8 = 14;
    pub(super) const HOLD_QUEUED: u8 = 15;
    pub(super) const HOLD_GRANTED: u8 = 16;
    pub(super) const ATTEMPT_GRANTED: u8 = 17;
    pub(super) const ATTEMPT_ENDED: u8 = 18;
    pub(super) const RETRY_ARMED: u8 = 19;
    pub(super) const TIMER_ARMED: u8 = 20;
    pub(super) const LAG_ARMED: u8 = 21;
    pub(super) const LAG_ELAPSED: u8 = 22;
    pub(super) const CASE_CHOSEN: u8 = 23;
    pub(super) const TASK_SUCCEEDED: u8 = 24;
    pub(super) const TASK_TAKEN: u8 = 25;
    pub(super) const TASK_FAILED: u8 = 26;
    pub(super) const TASK_SKIPPED: u8 = 27;
    pub(super) const TASK_CANCELLED: u8 = 28;
    pub(super) const AWAIT_OPENED: u8 = 29;
    pub(super) const SIGNAL_RECEIVED: u8 = 30;
    pub(super) const SIGNAL_TAKEN: u8 = 31;
    pub(super) const TASK_POSTPONED: u8 = 32;
    pub(super) const TASK_RELEASED: u8 = 33;
    pub(super) const TASK_STUCK: u8 = 34;
}

fn kind_of(event: &Event) -> u8 {
    match event {
        Event::RunStarted { .. } => kind::RUN_STARTED,
        Event::RunQueued { .. } => kind::RUN_QUEUED,
        Event::RunAdmitted => kind::RUN_ADMITTED,
        Event::Rebased { .. } => kind::REBASED,
        Event::RunEnded { .. } => kind::RUN_ENDED,
        Event::CancelRequested { .. } => kind::CANCEL_REQUESTED,
        Event::EndRequested { .. } => kind::END_REQUESTED,
        Event::ScopeEntered { .. } => kind::SCOPE_ENTERED,
        Event::RoundBegan { .. } => kind::ROUND_BEGAN,
        Event::HandlerEntered { .. } => kind::HANDLER_ENTERED,
        Event::LimitReached { .. } => kind::LIMIT_REACHED,
        Event::ChildCalled { .. } => kind::CHILD_CALLED,
        Event::ChildUnknown { .. } => kind::CHILD_UNKNOWN,
        Event::ItemsExpanded { .. } => kind::ITEMS_EXPANDED,
        Event::TaskQueued { .. } => kind::TASK_QUEUED,
        Event::HoldQueued { .. } => kind::HOLD_QUEUED,
        Event::HoldGranted { .. } => kind::HOLD_GRANTED,
        Event::AttemptGranted { .. } => kind::ATTEMPT_GRANTED,
        Event::AttemptEnded { .. } => kind::ATTEMPT_ENDED,
        Event::RetryArmed { .. } => kind::RETRY_ARMED,
        Event::TimerArmed { .. } => kind::TIMER_ARMED,
        Event::LagArmed { .. } => kind::LAG_ARMED,
        Event::LagElapsed { .. } => kind::LAG_ELAPSED,
        Event::CaseChosen { .. } => kind::CASE_CHOSEN,
        Event::TaskSucceeded { .. } => kind::TASK_SUCCEEDED,
        Event::TaskTaken { .. } => kind::TASK_TAKEN,
        Event::TaskFailed { .. } => kind::TASK_FAILED,
        Event::TaskSkipped { .. } => kind::TASK_SKIPPED,
        Event::TaskCancelled { .. } => kind::TASK_CANCELLED,
        Event::AwaitOpened { .. } => kind::AWAIT_OPENED,
        Event::SignalReceived { .. } => kind::SIGNAL_RECEIVED,
        Event::SignalTaken { .. } => kind::SIGNAL_TAKEN,
        Event::TaskPostponed { .. } => kind::TASK_POSTPONED,
        Event::TaskReleased { .. } => kind::TASK_RELEASED,
        Event::TaskStuck { .. } => kind::TASK_STUCK,
    }
}

/// Serialises an event that the log's owner of epoch `boot` decided.
pub fn encode(recorded: &Recorded, boot: Epoch) -> Vec<u8> {
    let Recorded { at, event, change: Change { from, to, phase } } = recorded;
    cbor::map(|fields| {
        fields.unsigned(key::KIND, kind_of(event));
        fields.signed(key::AT, at.0);
        fields.unsigned(key::FROM, numbers::of_status(*from));
        if to != from {
            fields.unsigned(key::TO, numbers::of_status(*to));
        }
        if *phase != Phase::None {
            fields.unsigned(key::PHASE, numbers::of_phase(*phase));
        }
        if let Some(task) = event.task() {
            fields.address(key::TASK, task);
        }
        if let Some(Attempt(attempt)) = event.attempt() {
            fields.unsigned(key::ATTEMPT, attempt);
        }
        if let Some(token) = event.token() {
            fields.numbers(key::TOKEN, &[token.epoch().0.into(), token.counter().into()]);
        }
        fields.unsigned(key::BOOT, boot.0);
        put_own(fields, event);
    })
}

/// Writes what belongs to the kind alone, by ascending keys.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
fn put_own(to: &mut Fields, event: &Event) {
    match event {
        Event::RunAdmitted
        | Event::HoldGranted { .. }
        | Event::ChildUnknown { .. }
        | Event::TaskCancelled { .. }
        | Event::TaskReleased { .. }
        | Event::EndRequested { .. } => {}
        Event::RunStarted { definition, workflow, inputs, started_by, trigger, closure, parent, retry } => {
            to.bytes(key::INPUT, &inputs.0);
            to.bytes(key::DEFINITION, &definition.0);
            to.text(key::BY, started_by);
            to.text(key::WORKFLOW, workflow.as_str());
            to.text(key::TRIGGER, trigger);
            to.value(key::CLOSURE, *closure);
            if let Some(parent) = parent {
                to.parent(key::PARENT, parent);
            }
            if let Some(retry) = retry {
                to.retry(key::RETRY, retry);
            }
        }
        Event::RunQueued { key: group } => to.optional_text(key::GROUP, group.as_deref()),
        Event::Rebased { from, to: after, map, by, reason } => {
            to.bytes(key::DEFINITION, &from.0);
            to.text(key::BY, by);
            to.text(key::WORDS, reason);
            to.bytes(key::DEFINITION_AFTER, &after.0);
            if !map.is_empty() {
                let both: Vec<&str> =
                    map.iter().flat_map(|(old, new)| [old.as_str(), new.as_str()]).collect();
                to.texts(key::RENAMED, both.into_iter());
            }
        }
        Event::RunEnded { output, fault, .. } => put_success(to, *output, None, fault.as_deref()),
        Event::TaskSucceeded { output, vars, fault, .. } => {
            put_success(to, Some(*output), *vars, fault.as_deref());
        }
        Event::CancelRequested { by, reason, successor, .. } => {
            if let Some(run) = successor {
                to.bytes(key::RUN, &run.0);
            }
            to.text(key::BY, by);
            to.text(key::WORDS, reason);
        }
        Event::ScopeEntered { inputs, .. } => to.value(key::INPUT, *inputs),
        Event::RoundBegan { round: number, .. } | Event::CaseChosen { case: number, .. } => {
            to.unsigned(key::NUMBER, *number);
        }
        Event::HandlerEntered { handler, pending, .. } => put_handler(to, *handler, pending),
        Event::LimitReached { limit, .. } => to.unsigned(key::WHICH, numbers::of_limit(*limit)),
        Event::ChildCalled { child, definition, inputs, .. } => {
            to.bytes(key::INPUT, &inputs.0);
            to.bytes(key::RUN, &child.0);
            to.bytes(key::DEFINITION, &definition.0);
        }
        Event::ItemsExpanded { count, items, keys, .. } => {
            to.bytes(key::INPUT, &items.0);
            to.unsigned(key::NUMBER, *count);
            if let Some(keys) = keys {
                to.texts(key::ITEM_KEYS, keys.iter().map(String::as_str));
            }
        }
        Event::TaskQueued { input, named, .. } => {
            to.value(key::INPUT, *input);
            put_named(to, named.as_deref());
        }
        Event::HoldQueued { named, .. } => put_named(to, named.as_deref()),
        Event::AttemptGranted { worker, .. } => to.text(key::WORKER, worker.as_str()),
        Event::AttemptEnded { report, .. } => to.report(key::REPORT, report),
        Event::RetryArmed { due, by_catch, .. } => {
            to.signed(key::DUE, due.0);
            to.optional_number(key::NUMBER, *by_catch);
        }
        Event::TimerArmed { due, .. } => to.signed(key::DUE, due.0),
        Event::LagArmed { from, holds, due, .. } => {
            to.signed(key::DUE, due.0);
            put_edge(to, from, *holds);
        }
        Event::LagElapsed { from, holds, .. } => put_edge(to, from, *holds),
        Event::TaskTaken { taken, .. } => to.taken(key::TAKEN, taken),
        Event::TaskFailed { fault, is_timeout, .. } | Event::TaskStuck { fault, is_timeout, .. } => {
            put_failure(to, fault, *is_timeout);
        }
        Event::TaskSkipped { reason, .. } => put_reason(to, reason),
        Event::AwaitOpened { asked, .. } => put_asked(to, asked),
        Event::SignalReceived { signal, shown } => put_signal(to, signal, *shown),
        Event::SignalTaken { id, .. } => to.text(key::SIGNAL, id),
        Event::TaskPostponed { until, because, .. } => put_not_before(to, *until, because),
    }
}

fn put_success(to: &mut Fields, output: Option<ValueHash>, vars: Option<ValueHash>, fault: Option<&Fault>) {
    to.value(key::OUTPUT, output);
    to.value(key::VARS, vars);
    if let Some(fault) = fault {
        to.fault(key::FAULT, fault);
    }
}

fn put_failure(to: &mut Fields, fault: &Fault, is_timeout: bool) {
    to.fault(key::FAULT, fault);
    to.flag(key::TIMEOUT, is_timeout);
}

fn put_handler(to: &mut Fields, handler: HandlerKind, pending: &Pending) {
    match pending {
        Pending::Succeeded { output, vars } => put_success(to, Some(*output), *vars, None),
        Pending::Failed { fault, is_timeout } => put_failure(to, fault, *is_timeout),
        Pending::Cancelled => {}
    }
    to.unsigned(key::WHICH, numbers::of_handler(handler));
    if let HandlerKind::Catch(index) = handler {
        to.unsigned(key::NUMBER, index);
    }
}

fn put_named(to: &mut Fields, named: Option<&Named>) {
    let Some(Named { lock, labels }) = named else { return };
    to.optional_text(key::LOCK, lock.as_deref());
    if !labels.is_empty() {
        to.texts(key::LABELS, labels.iter().map(String::as_str));
    }
}

fn put_asked(to: &mut Fields, asked: &Asked) {
    let Asked { shown, from, exclude } = asked;
    to.value(key::INPUT, *shown);
    for (key, names) in [(key::PEOPLE, from), (key::EXCLUDED, exclude)] {
        if !names.is_empty() {
            to.texts(key, names.iter().map(String::as_str));
        }
    }
}

fn put_signal(to: &mut Fields, signal: &Signal, shown: Option<ValueHash>) {
    let Signal { id, by, word, data, comment } = signal;
    to.value(key::OUTPUT, *data);
    to.value(key::INPUT, shown);
    let (name, answer) = match word {
        Word::Message(name) => (Some(name), None),
        Word::Answer { answer, .. } => (None, Some(*answer)),
    };
    if let Some(answer) = answer {
        to.unsigned(key::WHICH, numbers::of_answer(answer));
    }
    let mut progress = None;
    match answer {
        Some(Answer::Progress(said)) => {
            to.unsigned(key::NUMBER, said.percent);
            progress = Some(said);
        }
        Some(Answer::Decided(decision)) => to.unsigned(key::NUMBER, numbers::of_decision(decision)),
        Some(Answer::Settled(settlement)) => to.unsigned(key::NUMBER, numbers::of_settlement(settlement)),
        None | Some(Answer::Approved | Answer::Rejected | Answer::Done | Answer::Failed) => {}
    }
    to.text(key::BY, by);
    to.optional_text(key::WORDS, comment.as_deref());
    to.text(key::SIGNAL, id);
    to.optional_text(key::NAME, name.map(Name::as_str));
    for (key, length) in [
        (key::SPENT, progress.and_then(|progress| progress.spent)),
        (key::REMAINING, progress.and_then(|progress| progress.remaining)),
    ] {
        if let Some(length) = length {
            to.unsigned(key, length.0);
        }
    }
}

/// That the beginning is held back is not written: it is so nearly everywhere.
fn put_edge(to: &mut Fields, from: &Address, holds: Holds) {
    to.address(key::OTHER, from);
    match holds {
        Holds::Begin => {}
        Holds::End => to.unsigned(key::WHICH, 1_u8),
    }
}

fn put_not_before(to: &mut Fields, until: Timestamp, because: &NotBefore) {
    let (which, calendar) = match because {
        NotBefore::Start => (0_u8, None),
        NotBefore::Window => (1, None),
        NotBefore::Calendar(name) => (2, Some(name.as_str())),
    };
    to.signed(key::DUE, until.0);
    to.unsigned(key::WHICH, which);
    to.optional_text(key::NAME, calendar);
}

fn put_reason(to: &mut Fields, reason: &SkipReason) {
    match reason {
        SkipReason::Condition => to.unsigned(key::WHICH, 0_u8),
        SkipReason::Upstream { task, outcome } => {
            to.address(key::OTHER, task);
            to.unsigned(key::WHICH, 1_u8);
            to.unsigned(key::OUTCOME, numbers::of_outcome(*outcome));
        }
        SkipReason::NotChosen { task } => {
            to.address(key::OTHER, task);
            to.unsigned(key::WHICH, 2_u8);
        }
        SkipReason::Child { run } => {
            to.unsigned(key::WHICH, 3_u8);
            to.bytes(key::RUN, &run.0);
        }
        SkipReason::Person { by, reason } => {
            to.unsigned(key::WHICH, 4_u8);
            to.text(key::BY, by);
            to.text(key::WORDS, reason);
        }
    }
}
