//! What was said to a run, as bytes, for snapshots.

use myrmex_model::effect::Asked;
use myrmex_model::ir::GateDecision;
use myrmex_model::name::Name;
use myrmex_model::signal::{Answer, Progress, Settlement, Signal, Word};
use myrmex_model::time::{Length, Timestamp};

use super::bytes::{Read, Reader, Unreadable, Writer};
use super::wire::{choice, put_choice, put_value, value};
use crate::run::people::AwaitState;
use crate::run::signals::{Received, Signals};
use crate::run::stuck::Stuck;

pub(super) fn put_signals(to: &mut Writer, signals: &Signals, base: Timestamp) {
    to.count(signals.seen.len());
    for signal in &signals.seen {
        put_signal(to, signal);
    }
    to.count(signals.kept.len());
    for received in &signals.kept {
        put_received(to, received, base);
    }
}

pub(super) fn signals(from: &mut Reader<'_>, base: Timestamp) -> Read<Signals> {
    Ok(Signals { seen: from.all(signal)?.into(), kept: from.all(|from| received(from, base))?.into() })
}

pub(super) fn put_await(to: &mut Writer, state: &AwaitState, base: Timestamp) {
    let AwaitState { asked: Asked { shown, from, exclude }, opened, answers, latest } = state;
    to.option(*shown, put_value);
    for names in [from, exclude] {
        to.count(names.len());
        for name in names {
            to.text(name);
        }
    }
    to.time(*opened, base);
    to.count(answers.len());
    for answer in answers {
        put_received(to, answer, base);
    }
    to.option(latest.as_ref(), |to, latest| put_received(to, latest, base));
}

pub(super) fn awaited(from: &mut Reader<'_>, base: Timestamp) -> Read<AwaitState> {
    let shown = from.option(value)?;
    let asked = Asked { shown, from: from.all(Reader::owned)?, exclude: from.all(Reader::owned)? };
    Ok(AwaitState {
        asked,
        opened: from.time(base)?,
        answers: from.all(|from| received(from, base))?,
        latest: from.option(|from| received(from, base))?,
    })
}

pub(super) fn put_stuck(to: &mut Writer, stuck: &Stuck, base: Timestamp) {
    let Stuck { since, is_timeout, attempts, repeated, settled } = stuck;
    to.time(*since, base);
    to.byte(u8::from(*is_timeout));
    to.number(*attempts);
    to.number(*repeated);
    to.option(settled.as_deref(), put_signal);
}

pub(super) fn stuck(from: &mut Reader<'_>, base: Timestamp) -> Read<Stuck> {
    Ok(Stuck {
        since: from.time(base)?,
        is_timeout: from.flag()?,
        attempts: from.small()?,
        repeated: from.small()?,
        settled: from.option(|from| signal(from).map(Box::new))?,
    })
}

fn put_received(to: &mut Writer, received: &Received, base: Timestamp) {
    let Received { signal, at } = received;
    put_signal(to, signal);
    to.time(*at, base);
}

fn received(from: &mut Reader<'_>, base: Timestamp) -> Read<Received> {
    Ok(Received { signal: signal(from)?, at: from.time(base)? })
}

fn put_signal(to: &mut Writer, signal: &Signal) {
    let Signal { id, by, word, data, comment } = signal;
    to.text(id);
    to.text(by);
    match word {
        Word::Message(name) => {
            to.byte(0);
            to.text(name.as_str());
        }
        Word::Answer { task, answer } => {
            to.byte(1);
            to.address(task);
            put_answer(to, *answer);
        }
    }
    to.option(*data, put_value);
    to.option(comment.as_deref(), Writer::text);
}

fn signal(from: &mut Reader<'_>) -> Read<Signal> {
    Ok(Signal {
        id: from.owned()?,
        by: from.owned()?,
        word: match from.byte()? {
            0 => Word::Message(Name::new(from.text()?).map_err(|_| Unreadable)?),
            1 => Word::Answer { task: from.address()?, answer: answer(from)? },
            _ => return Err(Unreadable),
        },
        data: from.option(value)?,
        comment: from.option(Reader::owned)?,
    })
}

fn put_answer(to: &mut Writer, answer: Answer) {
    match answer {
        Answer::Approved => to.byte(0),
        Answer::Rejected => to.byte(1),
        Answer::Done => to.byte(2),
        Answer::Failed => to.byte(3),
        Answer::Progress(Progress { percent, spent, remaining }) => {
            to.byte(4);
            to.byte(percent);
            for length in [spent, remaining] {
                to.option(length, |to, length| to.number(length.0));
            }
        }
        Answer::Decided(decision) => {
            to.byte(5);
            put_choice(to, &GateDecision::ALL, decision);
        }
        Answer::Settled(settlement) => {
            to.byte(6);
            put_choice(to, &Settlement::ALL, settlement);
        }
    }
}

fn answer(from: &mut Reader<'_>) -> Read<Answer> {
    Ok(match from.byte()? {
        0 => Answer::Approved,
        1 => Answer::Rejected,
        2 => Answer::Done,
        3 => Answer::Failed,
        4 => {
            let percent = from.byte()?;
            let mut length = || from.option(|from| from.number().map(Length));
            Answer::Progress(Progress { percent, spent: length()?, remaining: length()? })
        }
        5 => Answer::Decided(choice(from, &GateDecision::ALL)?),
        6 => Answer::Settled(choice(from, &Settlement::ALL)?),
        _ => return Err(Unreadable),
    })
}
