//! Facts as bytes, for snapshots: read by the build that wrote them, so nothing of the form has to stay as it is.

use myrmex_model::demand::Named;
use myrmex_model::event::{HandlerKind, Limit, NotBefore, Parent, Pending};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use myrmex_model::name::Name;
use myrmex_model::outcome::Origin;
use myrmex_model::retry::Retry;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::bytes::{Read, Reader, Unreadable, Writer};
use super::{BodyKind, Detail, Fact, Facts, people};
use crate::run::admission::{Admission, Claim};
use crate::run::arena::{CallState, Hold, Leaf, RareFacts};
use crate::run::fold::Folded;
use crate::run::{Ending, Header, Lag};

/// The words for phases, in the order of their numbers.
const PHASES: [Phase; 10] = [
    Phase::None,
    Phase::Queued,
    Phase::Granted,
    Phase::Retrying,
    Phase::Cancelling,
    Phase::Handling,
    Phase::Finishing,
    Phase::Awaiting,
    Phase::Held,
    Phase::Postponed,
];

/// The kinds of bodies, in the order of their numbers.
const KINDS: [BodyKind; 14] = [
    BodyKind::Task,
    BodyKind::Value,
    BodyKind::Timer,
    BodyKind::Choose,
    BodyKind::Raise,
    BodyKind::Flow,
    BodyKind::Graph,
    BodyKind::Each,
    BodyKind::Call,
    BodyKind::Manual,
    BodyKind::Approval,
    BodyKind::Form,
    BodyKind::Signal,
    BodyKind::Gate,
];

impl Facts {
    /// Returns the facts as bytes.
    pub(in crate::run) fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.raw(&self.id.0);
        to.raw(&self.last.0.to_le_bytes());
        put_choice(&mut to, &Status::ALL, self.status);
        to.option(self.header.as_ref(), |to, header| put_header(to, header, self.last));
        put_admission(&mut to, &self.admission, self.last);
        people::put_signals(&mut to, &self.signals, self.last);
        to.byte(match self.ending {
            None => 0,
            Some(Ending::Cancel) => 1,
            Some(Ending::Abort) => 2,
            Some(Ending::Success) => 3,
        });
        to.byte(u8::from(self.is_unknown));
        to.option(self.output, put_value);
        to.option(self.fault.as_deref(), put_fault);
        to.count(self.activations.len());
        for fact in &self.activations {
            put_fact(&mut to, fact, self.last);
        }
        to.count(self.lags.len());
        for (from, until, holds_end, lag) in &self.lags {
            to.address(from);
            to.address(until);
            to.byte(u8::from(*holds_end));
            let due = match lag {
                Lag::Armed(due) => Some(*due),
                Lag::Elapsed => None,
            };
            to.option(due, |to, due| to.time(due, self.last));
        }
        to.into_bytes()
    }

    /// Reads facts; nothing if `bytes` are none.
    pub(in crate::run) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let facts = facts(&mut from).ok()?;
        from.end().ok()?;
        Some(facts)
    }
}

fn facts(from: &mut Reader<'_>) -> Read<Facts> {
    let id = RunId(from.array()?);
    let last = Timestamp(i64::from_le_bytes(from.array()?));
    Ok(Facts {
        id,
        status: choice(from, &Status::ALL)?,
        last,
        header: from.option(|from| header(from, last))?,
        admission: admission(from, last)?,
        signals: people::signals(from, last)?,
        ending: match from.byte()? {
            0 => None,
            1 => Some(Ending::Cancel),
            2 => Some(Ending::Abort),
            3 => Some(Ending::Success),
            _ => return Err(Unreadable),
        },
        is_unknown: from.flag()?,
        output: from.option(value)?,
        fault: from.option(fault)?,
        activations: from.all(|from| fact(from, last))?,
        lags: from.all(|from| {
            let ends = (from.address()?, from.address()?);
            let holds_end = from.flag()?;
            let due = from.option(|from| from.time(last))?;
            Ok((ends.0, ends.1, holds_end, due.map_or(Lag::Elapsed, Lag::Armed)))
        })?,
    })
}

/// Writes which of `all` it is.
pub(super) fn put_choice<T: PartialEq + Copy>(to: &mut Writer, all: &[T], one: T) {
    let index = all.iter().position(|other| *other == one).expect("the list has all of them");
    to.count(index);
}

pub(super) fn choice<T: Copy>(from: &mut Reader<'_>, all: &[T]) -> Read<T> {
    all.get(from.small::<usize>()?).copied().ok_or(Unreadable)
}

pub(super) fn put_value(to: &mut Writer, hash: ValueHash) {
    to.raw(&hash.0);
}

pub(super) fn value(from: &mut Reader<'_>) -> Read<ValueHash> {
    from.array().map(ValueHash)
}

fn put_header(to: &mut Writer, header: &Header, base: Timestamp) {
    let Header { inputs, started_by, trigger, started, closure, parent, retry } = header;
    put_value(to, *inputs);
    to.text(started_by);
    to.text(trigger);
    to.time(*started, base);
    to.option(*closure, put_value);
    to.option(parent.as_ref(), |to, Parent { run, task, depth, is_awaited }| {
        to.raw(&run.0);
        to.address(task);
        to.number(*depth);
        to.byte(u8::from(*is_awaited));
    });
    to.option(retry.as_deref(), |to, Retry { of, attempt, taken }| {
        to.raw(&of.0);
        to.number(*attempt);
        put_value(to, *taken);
    });
}

fn header(from: &mut Reader<'_>, base: Timestamp) -> Read<Header> {
    Ok(Header {
        inputs: value(from)?,
        started_by: from.owned()?,
        trigger: from.owned()?,
        started: from.time(base)?,
        closure: from.option(value)?,
        parent: from.option(|from| {
            let run = RunId(from.array()?);
            Ok(Parent { run, task: from.address()?, depth: from.small()?, is_awaited: from.flag()? })
        })?,
        retry: from.option(|from| {
            let of = RunId(from.array()?);
            Ok(Box::new(Retry { of, attempt: from.small()?, taken: value(from)? }))
        })?,
    })
}

fn put_admission(to: &mut Writer, admission: &Admission, base: Timestamp) {
    match admission {
        Admission::Free => to.byte(0),
        Admission::Asking => to.byte(1),
        Admission::Queued(Claim { key, since, is_admitted }) => {
            to.byte(2);
            to.option(key.as_deref(), Writer::text);
            to.time(*since, base);
            to.byte(u8::from(*is_admitted));
        }
    }
}

fn admission(from: &mut Reader<'_>, base: Timestamp) -> Read<Admission> {
    Ok(match from.byte()? {
        0 => Admission::Free,
        1 => Admission::Asking,
        2 => {
            let key = from.option(Reader::owned)?;
            Admission::Queued(Claim { key, since: from.time(base)?, is_admitted: from.flag()? })
        }
        _ => return Err(Unreadable),
    })
}

fn put_fault(to: &mut Writer, fault: &Fault) {
    let Fault { kind, status, title, detail, exit_code, task } = fault;
    to.text(kind.as_str());
    to.number(*status);
    to.text(title);
    to.option(detail.as_deref(), Writer::text);
    to.option(*exit_code, |to, code| to.signed(i64::from(code)));
    to.option(task.as_deref(), Writer::text);
}

fn fault(from: &mut Reader<'_>) -> Read<Box<Fault>> {
    Ok(Box::new(Fault {
        kind: FaultKind::from_text(from.text()?),
        status: from.small()?,
        title: from.owned()?,
        detail: from.option(Reader::owned)?,
        exit_code: from.option(|from| i32::try_from(from.signed()?).map_err(|_| Unreadable))?,
        task: from.option(Reader::owned)?,
    }))
}

fn put_fact(to: &mut Writer, fact: &Fact, base: Timestamp) {
    let Fact { address, kind, status, phase, has_started, is_cancelling, is_closing, .. } = fact;
    let Fact { started, ended, output, artifacts, fault, rare, detail, .. } = fact;
    to.address(address);
    put_choice(to, &KINDS, *kind);
    put_choice(to, &Status::ALL, *status);
    put_choice(to, &PHASES, *phase);
    to.flags([
        *has_started,
        *is_cancelling,
        *is_closing,
        started.is_some(),
        ended.is_some(),
        output.is_some(),
        artifacts.is_some(),
        fault.is_some(),
    ]);
    // A task that has ended began little before.
    if let Some(ended) = ended {
        to.time(*ended, base);
    }
    if let Some(started) = started {
        to.time(*started, ended.unwrap_or(base));
    }
    for hash in output.iter().chain(artifacts.as_deref()) {
        put_value(to, *hash);
    }
    if let Some(fault) = fault {
        put_fault(to, fault);
    }
    to.option(rare.as_deref(), |to, rare| put_rare(to, rare, base));
    put_detail(to, detail, base);
}

fn fact(from: &mut Reader<'_>, base: Timestamp) -> Read<Fact> {
    let address = from.address()?;
    let (kind, status, phase) = (choice(from, &KINDS)?, choice(from, &Status::ALL)?, choice(from, &PHASES)?);
    let [has_started, is_cancelling, is_closing, began, has_ended, has_output, has_artifacts, has_fault] =
        from.flags()?;
    let ended = has_ended.then(|| from.time(base)).transpose()?;
    let started = began.then(|| from.time(ended.unwrap_or(base))).transpose()?;
    Ok(Fact {
        address,
        kind,
        status,
        phase,
        has_started,
        is_cancelling,
        is_closing,
        started,
        ended,
        output: has_output.then(|| value(from)).transpose()?,
        artifacts: has_artifacts.then(|| value(from).map(Box::new)).transpose()?,
        fault: has_fault.then(|| fault(from)).transpose()?,
        rare: from.option(|from| rare(from, base).map(Box::new))?,
        detail: detail(from, base)?,
    })
}

fn put_rare(to: &mut Writer, rare: &RareFacts, base: Timestamp) {
    let RareFacts { attempt, repeated, repeat, catch_retries, dues, limit, handling, .. } = rare;
    let RareFacts { caught, is_unknown, inputs, vars, taken, cached, named, hold, is_by_hand, stuck, .. } =
        rare;
    to.number(attempt.0);
    to.number(*repeated);
    to.option(*repeat, |to, (attempt, due)| {
        to.number(attempt.0);
        to.time(due, base);
    });
    to.count(catch_retries.len());
    for retries in catch_retries {
        to.number(*retries);
    }
    for due in dues {
        to.option(*due, |to, due| to.time(due, base));
    }
    to.option(*limit, |to, limit| put_choice(to, &Limit::ALL, limit));
    to.option(handling.as_ref(), put_handling);
    to.option(caught.as_deref(), put_fault);
    to.byte(u8::from(*is_unknown));
    to.option(*inputs, put_value);
    to.option(*vars, put_value);
    to.option(*taken, |to, (run, attempts)| {
        to.raw(&run.0);
        to.number(attempts);
    });
    to.option(cached.as_deref(), |to, Origin { run, task }| {
        to.raw(&run.0);
        to.address(task);
    });
    to.option(named.as_deref(), |to, Named { lock, labels }| {
        to.option(lock.as_deref(), Writer::text);
        to.count(labels.len());
        for label in labels {
            to.text(label);
        }
    });
    to.option(*hold, |to, hold| {
        let token = match hold {
            Hold::Waiting => None,
            Hold::Held(token) => Some(token.0),
        };
        to.option(token, Writer::number);
    });
    to.byte(u8::from(*is_by_hand));
    to.option(stuck.as_ref(), |to, stuck| people::put_stuck(to, stuck, base));
}

fn rare(from: &mut Reader<'_>, base: Timestamp) -> Read<RareFacts> {
    Ok(RareFacts {
        attempt: Attempt(from.small()?),
        repeated: from.small()?,
        repeat: from.option(|from| Ok((Attempt(from.small()?), from.time(base)?)))?,
        catch_retries: from.all(Reader::small)?,
        dues: {
            let mut due = || from.option(|from| from.time(base));
            [due()?, due()?, due()?]
        },
        limit: from.option(|from| choice(from, &Limit::ALL))?,
        handling: from.option(handling)?,
        caught: from.option(fault)?,
        is_unknown: from.flag()?,
        inputs: from.option(value)?,
        vars: from.option(value)?,
        taken: from.option(|from| Ok((RunId(from.array()?), from.small()?)))?,
        cached: from.option(|from| {
            let run = RunId(from.array()?);
            Ok(Box::new(Origin { run, task: from.address()? }))
        })?,
        named: from.option(|from| {
            let lock = from.option(Reader::owned)?;
            Ok(Box::new(Named { lock, labels: from.all(Reader::owned)? }))
        })?,
        hold: from.option(|from| {
            let token = from.option(Reader::number)?;
            Ok(token.map_or(Hold::Waiting, |token| Hold::Held(FencingToken(token))))
        })?,
        is_by_hand: from.flag()?,
        stuck: from.option(|from| people::stuck(from, base))?,
    })
}

fn put_handling(to: &mut Writer, (handler, pending): &(HandlerKind, Pending)) {
    match handler {
        HandlerKind::OnFailure => to.byte(0),
        HandlerKind::Finally => to.byte(1),
        HandlerKind::Catch(index) => {
            to.byte(2);
            to.number(*index);
        }
    }
    match pending {
        Pending::Succeeded { output, vars } => {
            to.byte(0);
            put_value(to, *output);
            to.option(*vars, put_value);
        }
        Pending::Failed { fault, is_timeout } => {
            to.byte(1);
            put_fault(to, fault);
            to.byte(u8::from(*is_timeout));
        }
        Pending::Cancelled => to.byte(2),
    }
}

fn handling(from: &mut Reader<'_>) -> Read<(HandlerKind, Pending)> {
    let handler = match from.byte()? {
        0 => HandlerKind::OnFailure,
        1 => HandlerKind::Finally,
        2 => HandlerKind::Catch(from.small()?),
        _ => return Err(Unreadable),
    };
    let pending = match from.byte()? {
        0 => Pending::Succeeded { output: value(from)?, vars: from.option(value)? },
        1 => Pending::Failed { fault: fault(from)?, is_timeout: from.flag()? },
        2 => Pending::Cancelled,
        _ => return Err(Unreadable),
    };
    Ok((handler, pending))
}

fn put_detail(to: &mut Writer, detail: &Detail, base: Timestamp) {
    match detail {
        Detail::None => to.byte(0),
        Detail::Leaf(leaf) => {
            to.byte(1);
            put_leaf(to, leaf, base);
        }
        Detail::Timer(due) => {
            to.byte(2);
            to.time(*due, base);
        }
        Detail::Choice(case) => {
            to.byte(3);
            to.number(*case);
        }
        Detail::Scope { vars, round } => {
            to.byte(4);
            to.option(*vars, put_value);
            to.option(*round, Writer::number);
        }
        Detail::Each { items, keys, count, folded } => {
            to.byte(5);
            put_value(to, *items);
            to.option(keys.as_ref(), |to, keys| {
                to.count(keys.len());
                for key in keys {
                    to.text(key);
                }
            });
            to.number(*count);
            to.count(folded.len());
            for (index, item) in folded {
                to.number(*index);
                put_folded(to, item);
            }
        }
        Detail::Call(CallState { child, definition, inputs }) => {
            to.byte(6);
            to.raw(&child.0);
            to.raw(&definition.0);
            put_value(to, *inputs);
        }
        Detail::Await(state) => {
            to.byte(7);
            people::put_await(to, state, base);
        }
        Detail::Postponed(until, because) => {
            to.byte(8);
            to.time(*until, base);
            match because {
                NotBefore::Start => to.byte(0),
                NotBefore::Window => to.byte(1),
                NotBefore::Calendar(name) => {
                    to.byte(2);
                    to.text(name.as_str());
                }
            }
        }
    }
}

fn detail(from: &mut Reader<'_>, base: Timestamp) -> Read<Detail> {
    Ok(match from.byte()? {
        0 => Detail::None,
        1 => Detail::Leaf(leaf(from, base)?),
        2 => Detail::Timer(from.time(base)?),
        3 => Detail::Choice(from.small()?),
        4 => Detail::Scope { vars: from.option(value)?, round: from.option(Reader::small)? },
        5 => Detail::Each {
            items: value(from)?,
            keys: from.option(|from| from.all(Reader::owned))?,
            count: from.small()?,
            folded: from.all(|from| Ok((from.small()?, folded(from)?)))?,
        },
        6 => {
            let (child, definition) = (RunId(from.array()?), DefinitionHash(from.array()?));
            Detail::Call(CallState { child, definition, inputs: value(from)? })
        }
        7 => Detail::Await(Box::new(people::awaited(from, base)?)),
        8 => {
            let until = from.time(base)?;
            let because = match from.byte()? {
                0 => NotBefore::Start,
                1 => NotBefore::Window,
                2 => NotBefore::Calendar(Name::new(from.text()?).map_err(|_| Unreadable)?),
                _ => return Err(Unreadable),
            };
            Detail::Postponed(until, because)
        }
        _ => return Err(Unreadable),
    })
}

fn put_leaf(to: &mut Writer, leaf: &Leaf, base: Timestamp) {
    let Leaf { attempt, attempts_made, input, token, retries_used, losses, retry_due, is_unknown } = leaf;
    to.flags([
        input.is_some(),
        token.is_some(),
        retry_due.is_some(),
        *is_unknown,
        *retries_used > 0 || *losses > 0,
        false,
        false,
        false,
    ]);
    to.number(attempt.0);
    to.number(*attempts_made);
    if let Some(hash) = input {
        put_value(to, *hash);
    }
    if let Some(token) = token {
        to.number(token.0);
    }
    if let Some(due) = retry_due {
        to.time(*due, base);
    }
    if *retries_used > 0 || *losses > 0 {
        to.number(*retries_used);
        to.number(*losses);
    }
}

fn leaf(from: &mut Reader<'_>, base: Timestamp) -> Read<Leaf> {
    let [has_input, has_token, is_retried, is_unknown, has_failed, false, false, false] = from.flags()?
    else {
        return Err(Unreadable);
    };
    let (attempt, attempts_made) = (Attempt(from.small()?), from.small()?);
    let input = has_input.then(|| value(from)).transpose()?;
    let token = has_token.then(|| from.number().map(FencingToken)).transpose()?;
    let retry_due = is_retried.then(|| from.time(base)).transpose()?;
    let (retries_used, losses) = if has_failed { (from.small()?, from.small()?) } else { (0, 0) };
    Ok(Leaf { attempt, attempts_made, input, token, retries_used, losses, retry_due, is_unknown })
}

fn put_folded(to: &mut Writer, item: &Folded) {
    match item {
        Folded::Skipped { ended } => {
            to.byte(0);
            to.raw(ended);
        }
        Folded::Succeeded { output, started, ended, attempts } => {
            to.byte(1);
            to.raw(output);
            to.raw(started);
            to.raw(ended);
            to.byte(*attempts);
        }
    }
}

fn folded(from: &mut Reader<'_>) -> Read<Folded> {
    Ok(match from.byte()? {
        0 => Folded::Skipped { ended: from.array()? },
        1 => Folded::Succeeded {
            output: from.array()?,
            started: from.array()?,
            ended: from.array()?,
            attempts: from.byte()?,
        },
        _ => return Err(Unreadable),
    })
}
