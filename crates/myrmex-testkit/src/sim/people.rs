//! People: they start runs, change their minds, ask again when they hear nothing, and retry runs that are over.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::wire;
use myrmex_runtime::partition::{Answered, CalledDefinition, NewRetry, NewRun, RequestError, load_run};
use myrmex_runtime::retry::{Places, prepare};
use myrmex_store::blobs::MemoryBlobStore;

use super::CANCELLER;
use super::world::World;

/// The most runs that people ask for.
const CLIENTS_MAX: usize = 6;

/// A run as those who asked for it know it.
pub(super) struct Client {
    pub(super) run: RunId,
    pub(super) new: NewRun,
    pub(super) start: Option<Answered>,
    pub(super) is_acknowledged: bool,
    pub(super) cancel: Option<Answered>,
    pub(super) is_cancelled: bool,
    /// Whether the run was not over when the cancel was acknowledged.
    pub(super) wants_cancel: bool,
}

impl Client {
    pub(super) fn new(new: NewRun) -> Self {
        let (run, start, cancel) = (new.run, None, None);
        Self { run, new, start, is_acknowledged: false, cancel, is_cancelled: false, wants_cancel: false }
    }
}

impl World {
    pub(super) fn client(&mut self, index: u64, definitions: &[Definition]) -> Client {
        let run = RunId::derived(&["simulation", &self.seed.to_string(), &index.to_string()]);
        let forms: Vec<Arc<[u8]>> =
            definitions.iter().map(|definition| wire::definition::encode(definition).into()).collect();
        let called = definitions.iter().zip(&forms).skip(1).map(|(definition, form)| CalledDefinition {
            name: definition.name.clone(),
            hash: DefinitionHash::of(form),
            form: Arc::clone(form),
        });
        let new = NewRun {
            run,
            definition: Arc::new(definitions[0].clone()),
            hash: DefinitionHash::of(&forms[0]),
            form: Arc::clone(&forms[0]),
            inputs: serde_json::json!({"n": self.random.below(10)}),
            called: called.collect(),
            started_by: "somebody".to_owned(),
            trigger: "manual".to_owned(),
            key: None,
            retry: None,
        };
        Client::new(new)
    }

    /// Lets people ask for what they want and hear what they are answered.
    pub(super) fn ask(&mut self) {
        // Nobody is let in before it is asked for what is to go on.
        let Some(process) = self.process.as_mut().filter(|process| process.opening.is_none()) else { return };
        let mut breaches = Vec::new();
        match process.resuming.as_ref().map(Receiver::try_recv) {
            Some(Ok(Ok(()))) => process.resuming = None,
            // What cannot be read now is asked for again.
            Some(Ok(Err(_))) => return self.resume(),
            Some(Err(_)) | None => {}
        }
        for client in &mut self.clients {
            if !client.is_acknowledged {
                let start =
                    client.start.get_or_insert_with(|| process.partitions.start_run(client.new.clone()));
                match start.try_recv() {
                    Ok(Ok(()) | Err(RequestError::Rejected(_))) => {
                        client.is_acknowledged = true;
                        let found = self.disk.reader().summary(&self.namespace, client.run);
                        if !found.is_ok_and(|found| found.is_some()) {
                            breaches.push(format!("run {} is acknowledged before it is there", client.run));
                        }
                    }
                    // It was not decided, or nobody knows: they ask again.
                    Ok(Err(RequestError::Unknowable | RequestError::Journal(_))) => {
                        client.start = None;
                    }
                    Ok(Err(error)) => breaches.push(format!("a start is refused: {error}")),
                    Err(TryRecvError::Empty) => {}
                    // The process ended first: the next one is asked.
                    Err(TryRecvError::Disconnected) => client.start = None,
                }
            } else if client.wants_cancel && !client.is_cancelled {
                let cancel = client.cancel.get_or_insert_with(|| {
                    process.partitions.cancel_run(client.run, CANCELLER, "changed my mind")
                });
                match cancel.try_recv() {
                    Ok(Ok(())) => client.is_cancelled = true,
                    // It was over.
                    Ok(Err(RequestError::Rejected(_))) => {
                        (client.wants_cancel, client.cancel) = (false, None);
                    }
                    Ok(Err(RequestError::Unknowable | RequestError::Journal(_))) => {
                        client.cancel = None;
                    }
                    Ok(Err(error)) => breaches.push(format!("a cancel is refused: {error}")),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => client.cancel = None,
                }
            }
        }
        self.breaches.extend(breaches);
        self.ask_to_skip();
        self.ask_to_hear();
    }

    /// Retries a run that is over, as its owner would; false if there is none.
    pub(super) fn retry(&mut self) -> bool {
        let known: Vec<usize> =
            (0..self.clients.len()).filter(|i| self.clients[*i].is_acknowledged).collect();
        if known.is_empty() || self.clients.len() >= CLIENTS_MAX {
            return false;
        }
        let Client { run: of, new, .. } = &self.clients[*self.random.one_of(&known)];
        let (of, reader) = (*of, self.disk.reader());
        let Ok(Some(run)) = load_run(reader.as_ref(), &self.namespace, of) else { return false };
        if !run.status().is_terminal() {
            return false;
        }
        let index = self.clients.len().to_string();
        let to = RunId::derived(&["retry", &self.seed.to_string(), &index]);
        let blobs = MemoryBlobStore::default();
        let places = Places { reader: reader.as_ref(), blobs: &blobs, namespace: &self.namespace, to };
        let retry = match prepare(&places, &run, None, &[]) {
            Ok(Some(prepared)) => prepared.choice.takings,
            Ok(None) => return false,
            Err(error) => {
                self.breaches.push(format!("run {of} cannot be retried: {error}"));
                return true;
            }
        };
        let retry = NewRetry { of, attempt: run.attempt() + 1, takings: retry };
        self.counts.retries += 1;
        let client = Client::new(NewRun { run: to, retry: Some(retry), ..new.clone() });
        self.clients.push(client);
        true
    }
}
