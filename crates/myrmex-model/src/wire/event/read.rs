//! Reading events: first all fields, in any kind the same, then what the kind makes of them.

use super::{key, kind};
use crate::address::Address;
use crate::demand::Named;
use crate::effect::Asked;
use crate::event::{Change, Event, HandlerKind, NotBefore, Parent, Pending, Recorded, SkipReason};
use crate::fault::Fault;
use crate::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use crate::ir::Holds;
use crate::name::Name;
use crate::outcome::{AttemptReport, Outcome};
use crate::retry::{Retry, Taken};
use crate::signal::{Answer, Progress, Signal, Word};
use crate::status::{Phase, Status};
use crate::time::{Length, Timestamp};
use crate::wire::cbor::Reader;
use crate::wire::{WireError, numbers};

/// What is read, for errors.
const WHAT: &str = "an event";

/// Reads an event, and the epoch of the log's owner that decided it.
///
/// # Errors
///
/// Returns [`WireError`] if `bytes` are not an event of this codec.
pub fn decode(bytes: &[u8]) -> Result<(Recorded, Epoch), WireError> {
    let mut reader = Reader::new(WHAT, bytes);
    let mut found = Found::default();
    let mut keys = reader.map()?;
    while let Some(key) = keys.next(&mut reader)? {
        // What does not fit into a byte is not known.
        found.field(u8::try_from(key).unwrap_or(u8::MAX), &mut reader)?;
    }
    reader.end()?;
    let end = &reader;
    let from = end.found(found.from, "from")?;
    let change = Change { from, to: found.to.unwrap_or(from), phase: found.phase };
    let at = end.found(found.at, "at")?;
    let boot = end.found(found.boot, "boot")?;
    let event = found.event(change.to, end)?;
    Ok((Recorded { at, event, change }, boot))
}

/// Every field that an event may have.
#[derive(Default)]
struct Found {
    kind: Option<u8>,
    at: Option<Timestamp>,
    from: Option<Status>,
    to: Option<Status>,
    phase: Phase,
    task: Option<Address>,
    attempt: Option<Attempt>,
    token: Option<FencingToken>,
    boot: Option<Epoch>,
    output: Option<ValueHash>,
    input: Option<ValueHash>,
    vars: Option<ValueHash>,
    fault: Option<Box<Fault>>,
    is_timeout: bool,
    worker: Option<Name>,
    report: Option<AttemptReport>,
    due: Option<Timestamp>,
    other: Option<Address>,
    which: Option<u64>,
    outcome: Option<Outcome>,
    number: Option<u32>,
    item_keys: Option<Vec<String>>,
    named: Named,
    run: Option<RunId>,
    definition: Option<DefinitionHash>,
    by: Option<String>,
    words: Option<String>,
    definition_after: Option<DefinitionHash>,
    renamed: Vec<(Address, Address)>,
    workflow: Option<Name>,
    trigger: Option<String>,
    closure: Option<ValueHash>,
    parent: Option<Parent>,
    retry: Option<Box<Retry>>,
    group: Option<String>,
    taken: Option<Box<Taken>>,
    signal: Option<String>,
    name: Option<Name>,
    asked: Asked,
    spent: Option<Length>,
    remaining: Option<Length>,
}

impl Found {
    /// Reads what stands under a key.
    fn field(&mut self, key: u8, from: &mut Reader<'_>) -> Result<(), WireError> {
        match key {
            key::KIND => self.kind = Some(from.small()?),
            key::AT => self.at = Some(from.instant()?),
            key::FROM => self.from = Some(from.status()?),
            key::TO => self.to = Some(from.status()?),
            key::PHASE => self.phase = choice(from, numbers::phase, "an unknown phase")?,
            key::TASK => self.task = Some(from.address()?),
            key::ATTEMPT => self.attempt = Some(Attempt(from.small()?)),
            key::TOKEN => self.token = Some(token(from)?),
            key::BOOT => self.boot = Some(Epoch(from.small()?)),
            key::OUTPUT => self.output = Some(from.value()?),
            key::INPUT => self.input = Some(from.value()?),
            key::VARS => self.vars = Some(from.value()?),
            key::FAULT => self.fault = Some(Box::new(from.fault()?)),
            key::TIMEOUT => self.is_timeout = from.flag()?,
            key::WORKER => self.worker = Some(from.name()?),
            key::REPORT => self.report = Some(from.report()?),
            key::DUE => self.due = Some(from.instant()?),
            key::OTHER => self.other = Some(from.address()?),
            key::WHICH => self.which = Some(from.u64()?),
            key::OUTCOME => self.outcome = Some(choice(from, numbers::outcome, "an unknown outcome")?),
            key::NUMBER => self.number = Some(from.small()?),
            key::ITEM_KEYS => self.item_keys = Some(from.texts()?),
            key::LOCK => self.named.lock = Some(from.string()?),
            key::LABELS => self.named.labels = from.texts()?,
            key::RUN => self.run = Some(from.run()?),
            key::DEFINITION => self.definition = Some(DefinitionHash(from.array()?)),
            key::BY => self.by = Some(from.string()?),
            key::WORDS => self.words = Some(from.string()?),
            key::DEFINITION_AFTER => self.definition_after = Some(DefinitionHash(from.array()?)),
            key::RENAMED => self.renamed = renamed(from)?,
            key::WORKFLOW => self.workflow = Some(from.name()?),
            key::TRIGGER => self.trigger = Some(from.string()?),
            key::CLOSURE => self.closure = Some(from.value()?),
            key::PARENT => self.parent = Some(from.parent()?),
            key::RETRY => self.retry = Some(Box::new(from.retry()?)),
            key::GROUP => self.group = Some(from.string()?),
            key::SIGNAL => self.signal = Some(from.string()?),
            key::NAME => self.name = Some(from.name()?),
            key::PEOPLE => self.asked.from = from.texts()?,
            key::EXCLUDED => self.asked.exclude = from.texts()?,
            key::SPENT => self.spent = Some(Length(from.u64()?)),
            key::REMAINING => self.remaining = Some(Length(from.u64()?)),
            key::TAKEN => self.taken = Some(Box::new(from.taken()?)),
            _ => from.skip()?,
        }
        Ok(())
    }

    /// Makes the event of the fields; `to` is the status after it.
    fn event(self, to: Status, end: &Reader<'_>) -> Result<Event, WireError> {
        let kind = end.found(self.kind, "kind")?;
        match kind {
            kind::RUN_STARTED..=kind::END_REQUESTED => self.of_run(kind, to, end),
            kind::SCOPE_ENTERED..=kind::ITEMS_EXPANDED => self.of_scope(kind, end),
            kind::TASK_QUEUED..=kind::TIMER_ARMED => self.of_attempt(kind, end),
            kind::LAG_ARMED..=kind::TASK_CANCELLED => self.of_task(kind, end),
            kind::AWAIT_OPENED..=kind::SIGNAL_TAKEN => self.of_people(kind, end),
            kind::TASK_POSTPONED => Ok(Event::TaskPostponed {
                until: end.found(self.due, "due")?,
                because: self.not_before(end)?,
                task: end.found(self.task, "task")?,
            }),
            kind::TASK_RELEASED => Ok(Event::TaskReleased { task: end.found(self.task, "task")? }),
            kind::TASK_STUCK => Ok(Event::TaskStuck {
                task: end.found(self.task, "task")?,
                fault: end.found(self.fault, "fault")?,
                is_timeout: self.is_timeout,
            }),
            _ => Err(end.wrong("an unknown kind of event")),
        }
    }

    fn of_run(self, kind: u8, status: Status, end: &Reader<'_>) -> Result<Event, WireError> {
        Ok(match kind {
            kind::RUN_STARTED => Event::RunStarted {
                definition: end.found(self.definition, "definition")?,
                workflow: end.found(self.workflow, "workflow")?,
                inputs: end.found(self.input, "input")?,
                started_by: end.found(self.by, "by")?,
                trigger: end.found(self.trigger, "trigger")?,
                closure: self.closure,
                parent: self.parent,
                retry: self.retry,
            },
            kind::RUN_QUEUED => Event::RunQueued { key: self.group },
            kind::RUN_ADMITTED => Event::RunAdmitted,
            kind::REBASED => Event::Rebased {
                from: end.found(self.definition, "definition")?,
                to: end.found(self.definition_after, "definition after")?,
                map: self.renamed,
                by: end.found(self.by, "by")?,
                reason: end.found(self.words, "words")?,
            },
            kind::RUN_ENDED => Event::RunEnded { status, output: self.output, fault: self.fault },
            kind::CANCEL_REQUESTED => Event::CancelRequested {
                scope: self.task.unwrap_or_else(Address::root),
                by: end.found(self.by, "by")?,
                reason: end.found(self.words, "words")?,
                successor: self.run,
            },
            _ => Event::EndRequested { task: end.found(self.task, "task")? },
        })
    }

    /// What concerns the whole run has no task, which is the root then.
    fn of_scope(mut self, kind: u8, end: &Reader<'_>) -> Result<Event, WireError> {
        let task = self.task.take();
        let named = |task: Option<Address>| end.found(task, "task");
        let scope = |task: Option<Address>| task.unwrap_or_else(Address::root);
        Ok(match kind {
            kind::SCOPE_ENTERED => Event::ScopeEntered {
                task: named(task)?,
                attempt: self.attempt.unwrap_or(Attempt::FIRST),
                inputs: self.input,
            },
            kind::ROUND_BEGAN => {
                Event::RoundBegan { task: scope(task), round: end.found(self.number, "number")? }
            }
            kind::HANDLER_ENTERED => {
                let handler = self.handler(end)?;
                Event::HandlerEntered { task: scope(task), handler, pending: self.pending(end)? }
            }
            kind::LIMIT_REACHED => {
                let limit = end.found(self.which.and_then(numbers::limit), "which")?;
                Event::LimitReached { task: scope(task), limit }
            }
            kind::CHILD_CALLED => Event::ChildCalled {
                task: named(task)?,
                child: end.found(self.run, "run")?,
                definition: end.found(self.definition, "definition")?,
                inputs: end.found(self.input, "input")?,
            },
            kind::CHILD_UNKNOWN => Event::ChildUnknown { task: named(task)? },
            _ => Event::ItemsExpanded {
                task: named(task)?,
                count: end.found(self.number, "number")?,
                items: end.found(self.input, "input")?,
                keys: self.item_keys,
            },
        })
    }

    fn holds(&self, end: &Reader<'_>) -> Result<Holds, WireError> {
        match self.which {
            None => Ok(Holds::Begin),
            Some(1) => Ok(Holds::End),
            Some(_) => Err(end.wrong("an unknown end of a task")),
        }
    }

    fn not_before(&self, end: &Reader<'_>) -> Result<NotBefore, WireError> {
        Ok(match end.found(self.which, "which")? {
            0 => NotBefore::Start,
            1 => NotBefore::Window,
            2 => NotBefore::Calendar(end.found(self.name.clone(), "name")?),
            _ => return Err(end.wrong("an unknown reason not to begin")),
        })
    }

    fn handler(&self, end: &Reader<'_>) -> Result<HandlerKind, WireError> {
        Ok(match end.found(self.which, "which")? {
            0 => HandlerKind::Catch(end.found(self.number, "number")?),
            1 => HandlerKind::OnFailure,
            2 => HandlerKind::Finally,
            _ => return Err(end.wrong("an unknown handler")),
        })
    }

    fn pending(self, end: &Reader<'_>) -> Result<Pending, WireError> {
        Ok(match (self.output, self.fault) {
            (Some(output), None) => Pending::Succeeded { output, vars: self.vars },
            (None, Some(fault)) => Pending::Failed { fault, is_timeout: self.is_timeout },
            (None, None) => Pending::Cancelled,
            (Some(_), Some(_)) => return Err(end.wrong("both an output and a fault")),
        })
    }

    fn of_attempt(self, kind: u8, end: &Reader<'_>) -> Result<Event, WireError> {
        let task = end.found(self.task, "task")?;
        let named = (self.named != Named::default()).then(|| Box::new(self.named));
        let attempt = || end.found(self.attempt, "attempt");
        let token = || end.found(self.token, "token");
        Ok(match kind {
            kind::TASK_QUEUED => Event::TaskQueued { task, attempt: attempt()?, input: self.input, named },
            kind::HOLD_QUEUED => Event::HoldQueued { task, named },
            kind::HOLD_GRANTED => Event::HoldGranted { task, token: token()? },
            kind::ATTEMPT_GRANTED => Event::AttemptGranted {
                task,
                attempt: attempt()?,
                token: token()?,
                worker: end.found(self.worker, "worker")?,
            },
            kind::ATTEMPT_ENDED => Event::AttemptEnded {
                task,
                attempt: attempt()?,
                token: token()?,
                report: end.found(self.report, "report")?,
            },
            kind::RETRY_ARMED => Event::RetryArmed {
                task,
                attempt: attempt()?,
                due: end.found(self.due, "due")?,
                by_catch: self.number,
            },
            _ => Event::TimerArmed { task, due: end.found(self.due, "due")? },
        })
    }

    fn of_task(mut self, kind: u8, end: &Reader<'_>) -> Result<Event, WireError> {
        let task = end.found(self.task.take(), "task")?;
        Ok(match kind {
            kind::LAG_ARMED => Event::LagArmed {
                holds: self.holds(end)?,
                from: end.found(self.other, "other")?,
                to: task,
                due: end.found(self.due, "due")?,
            },
            kind::LAG_ELAPSED => {
                Event::LagElapsed { holds: self.holds(end)?, from: end.found(self.other, "other")?, to: task }
            }
            kind::CASE_CHOSEN => Event::CaseChosen { task, case: end.found(self.number, "number")? },
            kind::TASK_SUCCEEDED => Event::TaskSucceeded {
                task,
                output: end.found(self.output, "output")?,
                vars: self.vars,
                fault: self.fault,
            },
            kind::TASK_TAKEN => Event::TaskTaken { task, taken: end.found(self.taken, "taken")? },
            kind::TASK_FAILED => Event::TaskFailed {
                task,
                fault: end.found(self.fault, "fault")?,
                is_timeout: self.is_timeout,
            },
            kind::TASK_SKIPPED => Event::TaskSkipped { task, reason: self.reason(end)? },
            _ => Event::TaskCancelled { task },
        })
    }

    fn of_people(self, kind: u8, end: &Reader<'_>) -> Result<Event, WireError> {
        Ok(match kind {
            kind::AWAIT_OPENED => Event::AwaitOpened {
                task: end.found(self.task, "task")?,
                asked: Box::new(Asked { shown: self.input, ..self.asked }),
            },
            kind::SIGNAL_RECEIVED => Event::SignalReceived {
                shown: self.input,
                signal: Box::new(Signal {
                    data: self.output,
                    word: self.word(end)?,
                    id: end.found(self.signal, "signal")?,
                    by: end.found(self.by, "by")?,
                    comment: self.words,
                }),
            },
            _ => Event::SignalTaken {
                task: end.found(self.task, "task")?,
                id: end.found(self.signal, "signal")?,
            },
        })
    }

    /// Reads what a signal says: a message has a name, an answer a task.
    fn word(&self, end: &Reader<'_>) -> Result<Word, WireError> {
        let Some(task) = self.task.clone() else {
            return Ok(Word::Message(end.found(self.name.clone(), "name")?));
        };
        let number = || end.found(self.number, "number");
        let answer = match end.found(self.which, "which")? {
            0 => Answer::Approved,
            1 => Answer::Rejected,
            2 => Answer::Done,
            3 => Answer::Failed,
            4 => Answer::Progress(Progress {
                percent: u8::try_from(number()?).map_err(|_| end.wrong("a percentage beyond 255"))?,
                spent: self.spent,
                remaining: self.remaining,
            }),
            5 => {
                let decision = numbers::decision(number()?.into());
                Answer::Decided(decision.ok_or_else(|| end.wrong("an unknown decision"))?)
            }
            6 => {
                let settlement = numbers::settlement(number()?.into());
                Answer::Settled(settlement.ok_or_else(|| end.wrong("an unknown settlement"))?)
            }
            _ => return Err(end.wrong("an unknown answer")),
        };
        Ok(Word::Answer { task, answer })
    }

    fn reason(self, end: &Reader<'_>) -> Result<SkipReason, WireError> {
        Ok(match end.found(self.which, "which")? {
            0 => SkipReason::Condition,
            1 => SkipReason::Upstream {
                task: end.found(self.other, "other")?,
                outcome: end.found(self.outcome, "outcome")?,
            },
            2 => SkipReason::NotChosen { task: end.found(self.other, "other")? },
            3 => SkipReason::Child { run: end.found(self.run, "run")? },
            4 => {
                SkipReason::Person { by: end.found(self.by, "by")?, reason: end.found(self.words, "words")? }
            }
            _ => return Err(end.wrong("an unknown reason")),
        })
    }
}

fn choice<T>(from: &mut Reader<'_>, find: fn(u64) -> Option<T>, otherwise: &str) -> Result<T, WireError> {
    let number = from.u64()?;
    find(number).ok_or_else(|| from.wrong(otherwise))
}

fn token(from: &mut Reader<'_>) -> Result<FencingToken, WireError> {
    if from.list()? != 2 {
        return Err(from.wrong("a token that is not two numbers"));
    }
    Ok(FencingToken::new(Epoch(from.small()?), from.small()?))
}

fn renamed(from: &mut Reader<'_>) -> Result<Vec<(Address, Address)>, WireError> {
    let count = from.list()?;
    if count % 2 != 0 {
        return Err(from.wrong("an old address without a new one"));
    }
    (0..count / 2).map(|_| Ok((from.address()?, from.address()?))).collect()
}
