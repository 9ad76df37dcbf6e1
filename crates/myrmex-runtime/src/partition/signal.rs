//! What people and programs say to runs, and changes of what runs follow.

use std::sync::Arc;

use myrmex_engine::run::{Rejection, Run};
use myrmex_model::address::Address;
use myrmex_model::command::Command;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::{AwaitKind, Body, Definition, GateDecision};
use myrmex_model::signal::{Answer as Reply, Look, Signal, Word};
use myrmex_model::status::Status;
use myrmex_model::value::{HashedValue, Value, is_depth_bounded};
use myrmex_model::wire;
use myrmex_store::{IndexOperation, StoreError};

use super::message::{Answer, RequestError};
use super::{JournalError, State};
use crate::evaluate::{self, Desk, answer_data};

/// A change of a project while it runs.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// The run.
    pub run: RunId,
    /// What it is to follow from now on.
    pub definition: Arc<Definition>,
    /// Its hash.
    pub hash: DefinitionHash,
    /// Its form, as it is stored.
    pub form: Arc<[u8]>,
    /// Tasks that changed their address: old, new.
    pub map: Vec<(Address, Address)>,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Something that is put to a run from outside.
pub(super) enum Words {
    /// Something that is said.
    Signal(Box<NewSignal>),
    /// What it is to follow.
    Change(Box<NewChange>),
}

impl Words {
    fn run(&self) -> RunId {
        match self {
            Self::Signal(new) => new.run,
            Self::Change(new) => new.run,
        }
    }
}

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
    pub(super) new: Words,
    pub(super) answer: Answer,
}

impl State {
    /// Takes up the run and says something to it.
    pub(super) fn say_to_run(&mut self, say: Say) {
        let run = say.new.run();
        match self.load(run) {
            Ok(Some(status)) => {
                let result = match &say.new {
                    Words::Signal(new) => self.said_to_ended(new, status),
                    Words::Change(_) => Err(Rejection::RunOver { status }.into()),
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

    /// Answers what is said to a run that is over: what was acknowledged before its end is acknowledged again. A read that fails
    /// tells nothing about that, so it is no refusal.
    fn said_to_ended(&mut self, new: &NewSignal, status: Status) -> Result<(), RequestError> {
        let before = self.read(new.run)?.and_then(|ended| said_before(&ended.run, new));
        before.unwrap_or_else(|| Err(Rejection::RunOver { status }.into()))
    }

    /// Says what can be said: to a run that has its place. What is said to one that waits for the place it had before a crash waits
    /// with it.
    pub(super) fn take_says(&mut self) {
        for mut say in std::mem::take(&mut self.says) {
            if self.owned.aside.contains_key(&say.new.run()) {
                drop(say.answer.take_opening());
                self.says.push(say);
                continue;
            }
            let Say { new, mut answer } = say;
            let _opening = answer.take_opening();
            let said = match new {
                Words::Signal(new) => self.said_to(&new),
                Words::Change(new) => self.changed(*new),
            };
            self.answer(answer, said);
        }
    }

    fn said_to(&mut self, new: &NewSignal) -> Result<(), RequestError> {
        let (id, now) = (new.run, self.parts.clock.now());
        let Some(loaded) = self.at_hand(id) else { return Err(Rejection::NotStarted.into()) };
        if let Some(said) = said_before(&loaded.run, new) {
            return said;
        }
        // What fits the fields of a task matters only while the task asks.
        loaded.run.check_signal(&new.signal, now)?;
        let (signal, data) = filled(&loaded.run, new)?;
        let look = self.look(id, (&signal, data.as_ref())).map_err(JournalError::from)?;
        if let (Some(data), Some(loaded)) = (data, self.at_hand(id)) {
            loaded.values.put(data);
        }
        let said = Command::Signal { signal: Box::new(signal), look };
        self.put(id, said).map_err(RequestError::from)
    }

    /// Moves a run to another definition, if it can follow it. The definition is stored with the move.
    fn changed(&mut self, new: NewChange) -> Result<(), RequestError> {
        let NewChange { run, definition, hash, form, map, by, reason } = new;
        let Some(loaded) = self.at_hand(run) else { return Err(Rejection::NotStarted.into()) };
        let refusals = loaded.run.check_change(&definition, &map);
        if !refusals.is_empty() {
            return Err(RequestError::Change(refusals));
        }
        self.owned.open.operations([IndexOperation::PutDefinition {
            namespace: self.parts.namespace.clone(),
            hash,
            form: wire::definition::FORM,
            name: definition.name.clone(),
            body: form.to_vec(),
        }]);
        self.owned.definitions.add(hash, Arc::clone(&definition));
        self.put(run, Command::Rebase { definition, hash, map, by, reason }).map_err(RequestError::from)
    }

    /// Looks how the gate stands that a signal decides to go on at; nothing if it does not.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if a value of the run cannot be read. Then nothing was decided.
    fn look(&mut self, id: RunId, said: (&Signal, Option<&Value>)) -> Result<Option<Box<Look>>, StoreError> {
        let now = self.parts.clock.now();
        let Some(loaded) = self.owned.runs.get_mut(&id) else { return Ok(None) };
        let Word::Answer { task, answer: Reply::Decided(GateDecision::Go) } = &said.0.word else {
            return Ok(None);
        };
        let Some(view) = loaded.run.view_of(task) else { return Ok(None) };
        let Body::Await(body) = &loaded.run.definition().node(view.own().node()).body else {
            return Ok(None);
        };
        let AwaitKind::Gate(gate) = &body.kind else { return Ok(None) };
        let mut desk = Desk {
            evaluator: &mut self.evaluator,
            values: &mut loaded.values,
            lines: &mut self.lines,
            definitions: &mut self.owned.definitions,
            namespace: &self.parts.namespace,
            reader: self.owned.reader.as_ref(),
            now: now.max(loaded.run.last()),
            trouble: None,
        };
        match (evaluate::look(&mut desk, view, gate, said.1), desk.trouble) {
            (_, Some(trouble)) => Err(trouble),
            (looked, None) => Ok(looked.ok().map(Box::new)),
        }
    }
}

/// Answers what was said before under its id: it is acknowledged again if it is the same; nothing if it is new.
///
/// What came with an answer was made to fit the fields of its task. A task that is forgotten has none that could be compared: then all
/// the rest tells.
fn said_before(run: &Run, new: &NewSignal) -> Option<Result<(), RequestError>> {
    let known = run.known_signal(&new.signal.id)?;
    let is_forgotten = match &new.signal.word {
        Word::Message(_) => false,
        Word::Answer { task, .. } => run.task(task).is_none(),
    };
    let is_same = Signal { data: None, ..known.clone() } == new.signal
        && (is_forgotten || filled(run, new).is_ok_and(|(signal, _)| signal.data == known.data));
    let reused = || Rejection::SignalReused { id: new.signal.id.clone() }.into();
    Some(if is_same { Ok(()) } else { Err(reused()) })
}

/// Returns the signal with the hash of what comes with it, and that value, as the task asks for it.
fn filled(run: &Run, new: &NewSignal) -> Result<(Signal, Option<Value>), RequestError> {
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
    run: &Run,
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
