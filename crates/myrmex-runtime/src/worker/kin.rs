//! Which runs belong together by calls, and which secrets their attempts were given before this process was there.
//!
//! All runs that call each other work in one workspace: what one leaves in a file, another may print. What is masked is
//! therefore the same for all of them, and is known by the run from which all calls come, the root. The journal keeps the
//! names of secrets, never their values; a new process asks the providers for them again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::address::Address;
use myrmex_model::event::Event;
use myrmex_model::id::{DefinitionHash, Epoch, RunId, ValueHash};
use myrmex_model::ir::Body;
use myrmex_model::name::Namespace;
use myrmex_model::value::Value;
use myrmex_store::{Reader, Record, Sequence, StoreError};

use super::OpenReader;
use super::secret::Wanted;
use crate::partition::{JournalError, entry_of, event_of, load_definition};
use crate::progress::Progress;
use crate::values;

/// How many records are read at a time.
const PAGE: usize = 1_000;

/// Finds out about runs that belong together, from the journal.
#[derive(Clone)]
pub struct Kin {
    open: OpenReader,
    /// None before it is first needed.
    reader: Arc<Mutex<Option<Box<dyn Reader>>>>,
    namespace: Namespace,
    progress: Arc<Progress>,
}

/// What the journal tells of a run and of those that it called.
#[derive(Default)]
struct Told {
    names: BTreeSet<String>,
    children: Vec<RunId>,
    /// The secrets in arguments that stand in the definition, by the name of the task.
    literal: BTreeMap<String, BTreeSet<String>>,
    /// What the executor was given, by task; none if that is in the definition.
    inputs: BTreeMap<Address, Option<ValueHash>>,
    read: BTreeSet<ValueHash>,
}

impl Kin {
    /// Reads journals of `namespace` by a reader of its own; what a person should know goes to `progress`.
    pub fn new(open: OpenReader, namespace: Namespace, progress: Arc<Progress>) -> Self {
        Self { open, reader: Arc::default(), namespace, progress }
    }

    /// Opens the reader, so that the first question need not wait for that. Whoever asks is told of what goes wrong.
    pub(super) fn make_ready(&self) {
        drop(self.read(|_| Ok::<_, StoreError>(())));
    }

    fn read<T, E: From<StoreError>>(&self, read: impl FnOnce(&dyn Reader) -> Result<T, E>) -> Result<T, E> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = match &mut *reader {
            Some(reader) => reader,
            none => none.insert((self.open)()?),
        };
        read(reader.as_ref())
    }

    /// Returns the run that called `run`, if one did.
    ///
    /// # Errors
    ///
    /// Returns [`JournalError`] if a journal cannot be read.
    pub(super) fn parent(&self, run: RunId) -> Result<Option<RunId>, JournalError> {
        Ok(match self.first(run)? {
            Some((Event::RunStarted { parent, .. }, _)) => parent.map(|parent| parent.run),
            Some(_) | None => None,
        })
    }

    /// Returns the names of the secrets that attempts of `root`, and of all runs that come from it, were given by an owner
    /// of the log before the one of `epoch`. They are looked for only if the root began before, or takes over what another run did:
    /// nothing else can have.
    ///
    /// # Errors
    ///
    /// Returns [`JournalError`] if a journal cannot be read.
    pub(super) fn given_before(&self, root: RunId, epoch: Epoch) -> Result<BTreeSet<String>, JournalError> {
        let mut names = BTreeSet::new();
        let is_retry = |event: &Event| matches!(event, Event::RunStarted { retry: Some(_), .. });
        if self.first(root)?.is_none_or(|(event, began)| began >= epoch && !is_retry(&event)) {
            return Ok(names);
        }
        let mut runs = vec![root];
        while let Some(run) = runs.pop() {
            let told = self.told(run)?;
            names.extend(told.names);
            runs.extend(told.children);
        }
        Ok(names)
    }

    /// Tells whoever watches.
    pub(super) fn note(&self, text: String) {
        self.progress.note(text);
    }

    /// Returns how a run began and in which epoch; nothing if the store has no such run.
    fn first(&self, run: RunId) -> Result<Option<(Event, Epoch)>, JournalError> {
        let Some(record) = self.records(run, Sequence::NONE, 1)?.pop() else { return Ok(None) };
        let (recorded, epoch) = entry_of(&record)?;
        Ok(Some((recorded.event, epoch)))
    }

    fn records(&self, run: RunId, after: Sequence, limit: usize) -> Result<Vec<Record>, JournalError> {
        self.read(|reader| Ok(reader.run_records(&self.namespace, run, after, limit)?))
    }

    fn told(&self, run: RunId) -> Result<Told, JournalError> {
        let (mut told, mut after) = (Told::default(), Sequence::NONE);
        loop {
            let records = self.records(run, after, PAGE)?;
            let Some(last) = records.last() else { return Ok(told) };
            after = last.sequence;
            for record in &records {
                match event_of(record)?.event {
                    Event::RunStarted { definition: hash, retry, .. } => {
                        told.literal = self.literal(hash)?;
                        // What the tasks that are taken over left behind may hold the secrets that they were given.
                        told.children.extend(retry.map(|retry| retry.of));
                    }
                    Event::Rebased { to: hash, .. } => told.literal = self.literal(hash)?,
                    Event::TaskQueued { task, input, .. } => {
                        told.inputs.insert(task, input);
                    }
                    Event::AttemptGranted { task, .. } => {
                        self.granted(run, &task, &mut told)?;
                    }
                    Event::ChildCalled { child, .. } => told.children.push(child),
                    Event::RunQueued { .. }
                    | Event::RunAdmitted
                    | Event::TaskTaken { .. }
                    | Event::ScopeEntered { .. }
                    | Event::RoundBegan { .. }
                    | Event::HandlerEntered { .. }
                    | Event::LimitReached { .. }
                    | Event::ChildUnknown { .. }
                    | Event::ItemsExpanded { .. }
                    | Event::HoldQueued { .. }
                    | Event::HoldGranted { .. }
                    | Event::AttemptEnded { .. }
                    | Event::RetryArmed { .. }
                    | Event::TimerArmed { .. }
                    | Event::AwaitOpened { .. }
                    | Event::SignalReceived { .. }
                    | Event::SignalTaken { .. }
                    | Event::LagArmed { .. }
                    | Event::LagElapsed { .. }
                    | Event::TaskPostponed { .. }
                    | Event::TaskReleased { .. }
                    | Event::CaseChosen { .. }
                    | Event::TaskSucceeded { .. }
                    | Event::TaskFailed { .. }
                    | Event::TaskStuck { .. }
                    | Event::TaskSkipped { .. }
                    | Event::TaskCancelled { .. }
                    | Event::CancelRequested { .. }
                    | Event::EndRequested { .. }
                    | Event::RunEnded { .. } => {}
                }
            }
        }
    }

    /// Returns the secrets in the literal arguments of a definition, by the name of the task. Tasks of one name in several
    /// blocks are not told apart: a name too many masks no less.
    fn literal(&self, hash: DefinitionHash) -> Result<BTreeMap<String, BTreeSet<String>>, JournalError> {
        let definition = self.read(|reader| load_definition(reader, &self.namespace, hash))?;
        let mut literal: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in definition.iter().flat_map(|definition| &definition.nodes) {
            if let Body::Task(body) = &node.body
                && let Some(arguments) = body.arguments.as_literal()
            {
                literal.entry(node.name.as_str().to_owned()).or_default().extend(names(arguments));
            }
        }
        Ok(literal)
    }

    /// Notes the secrets that an attempt was given.
    fn granted(&self, run: RunId, task: &Address, told: &mut Told) -> Result<(), JournalError> {
        match told.inputs.get(task).copied().flatten() {
            Some(hash) if told.read.insert(hash) => {
                let input = self.read(|reader| values::load(reader, &self.namespace, run, hash))?;
                told.names.extend(names(&input));
            }
            Some(_) => {}
            None => {
                let name = task.segments().last().map(|segment| segment.name.to_owned());
                let given = name.and_then(|name| told.literal.get(&name));
                told.names.extend(given.into_iter().flatten().cloned());
            }
        }
        Ok(())
    }
}

/// Returns the names of the secrets in the arguments of an attempt. Arguments that make no sense started nothing.
fn names(arguments: &Value) -> BTreeSet<String> {
    Wanted::of(arguments).ok().flatten().map(|wanted| wanted.names()).unwrap_or_default()
}
