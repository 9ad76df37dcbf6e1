//! What people and programs say to runs.

use myrmex_engine::run::Rejection;
use myrmex_model::address::Address;
use myrmex_model::command::Command;
use myrmex_model::id::RunId;
use myrmex_model::ir::Body;
use myrmex_model::signal::{Answer as Reply, Signal, Word};
use myrmex_model::value::{HashedValue, Value, is_depth_bounded};

use super::State;
use super::message::{Answer, RequestError};
use crate::evaluate::answer_data;

/// Something that is to be said to a run. What comes with it is a value yet.
#[derive(Debug, Clone)]
pub struct NewSignal {
    /// The run.
    pub run: RunId,
    /// What is said, and by whom; its data is none.
    pub signal: Signal,
    /// What comes with it.
    pub data: Option<Value>,
}

/// A signal that is to be put to its run.
pub(super) struct Say {
    pub(super) new: NewSignal,
    pub(super) answer: Answer,
}

impl State {
    /// Takes up the run and says something to it.
    pub(super) fn say_to_run(&mut self, say: Say) {
        let run = say.new.run;
        match self.load(run) {
            Ok(Some(status)) => {
                // What was acknowledged before its end is acknowledged again.
                let ended = self.read(run).ok().flatten();
                let result = match ended {
                    Some(ended) if self.has_received(&ended.run, &say.new) => Ok(()),
                    Some(_) | None => Err(Rejection::RunOver { status }.into()),
                };
                self.answer(say.answer, result);
            }
            Ok(None) => {
                self.says.push(say);
                self.take_says();
            }
            Err(error) => self.answer(say.answer, Err(error)),
        }
    }

    fn has_received(&self, run: &myrmex_engine::run::Run, new: &NewSignal) -> bool {
        filled(run, new).is_ok_and(|(signal, _)| run.has_received(&signal))
    }

    /// Says what can be said: to a run that has its place. What is said to one that waits for the place it had before a crash waits
    /// with it.
    pub(super) fn take_says(&mut self) {
        for mut say in std::mem::take(&mut self.says) {
            if self.owned.aside.contains_key(&say.new.run) {
                drop(say.answer.take_opening());
                self.says.push(say);
                continue;
            }
            let Say { new, mut answer } = say;
            let _opening = answer.take_opening();
            let said = self.said_to(new);
            self.answer(answer, said);
        }
    }

    fn said_to(&mut self, new: NewSignal) -> Result<(), RequestError> {
        let (id, now) = (new.run, self.parts.clock.now());
        let Some(loaded) = self.at_hand(id) else { return Err(Rejection::NotStarted.into()) };
        // What fits the fields of a task matters only while the task asks.
        loaded.run.check_signal(&new.signal, now).or_else(|rejection| match rejection {
            // Compared below, with its data.
            Rejection::SignalReused { .. } => Ok(()),
            other => Err(other),
        })?;
        let (signal, data) = filled(&loaded.run, &new)?;
        loaded.run.check_signal(&signal, now)?;
        if !loaded.run.has_received(&signal)
            && let Some(data) = data
        {
            loaded.values.put(data);
        }
        self.put(id, Command::Signal(Box::new(signal))).map_err(RequestError::from)
    }
}

/// Returns the signal with the hash of what comes with it, and that value, as the task asks for it.
fn filled(run: &myrmex_engine::run::Run, new: &NewSignal) -> Result<(Signal, Option<Value>), RequestError> {
    let data = match &new.signal.word {
        Word::Message(_) => new.data.clone(),
        Word::Answer { task, answer } => answer_fields(run, (task, *answer), new.data.as_ref())?,
    };
    if data.as_ref().is_some_and(|data| !is_depth_bounded(data)) {
        return Err(RequestError::Deep);
    }
    let hash = data.as_ref().map(|data| HashedValue::new(data.clone()).hash);
    Ok((Signal { data: hash, ..new.signal.clone() }, data))
}

fn answer_fields(
    run: &myrmex_engine::run::Run,
    (task, answer): (&Address, Reply),
    given: Option<&Value>,
) -> Result<Option<Value>, RequestError> {
    let node = run.task(task).map(|task| task.node());
    match node.map(|node| &run.definition().node(node).body) {
        Some(Body::Await(body)) => answer_data(body, answer, given).map_err(RequestError::Data),
        // The run machine says why it takes no answer.
        Some(_) | None => Ok(given.cloned()),
    }
}
