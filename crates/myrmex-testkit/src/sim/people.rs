//! People who retry runs that are over.

use myrmex_model::id::RunId;
use myrmex_runtime::partition::{NewRetry, NewRun, load_run};
use myrmex_runtime::retry::{Places, prepare};
use myrmex_store::blobs::MemoryBlobStore;

use super::world::{Client, World};

/// The most runs that people ask for.
const CLIENTS_MAX: usize = 6;

impl World {
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
