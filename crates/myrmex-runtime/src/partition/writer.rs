//! The writer: who commits. A thread of its own, so that the next batch is decided meanwhile; or, for a small batch when
//! there is nothing else to decide, the partition's own thread, which saves two switches between threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use myrmex_model::id::Epoch;
use myrmex_store::{Batch, Committed, Store, StoreError};

use super::batch::Release;
use super::message::{Answer, Message, RequestError, Written};
use crate::logs::Logs;

/// The pauses before a batch is tried again on a full disk, in milliseconds; the last one repeats.
const FULL_PAUSES_MS: [u64; 5] = [50, 100, 250, 500, 1_000];

/// The store, until a commit on it failed.
type Shared = Arc<Mutex<Option<Box<dyn Store>>>>;

/// A handle on the writer's thread, with what waits for the batch it has.
pub(super) struct Writer {
    store: Shared,
    logs: Logs,
    batches: Option<SyncSender<Batch>>,
    thread: Option<JoinHandle<()>>,
    waiting: Option<Waiting>,
    /// Whether the batch at the writer waits for space.
    is_held_up: bool,
    /// Set when nobody waits for the batch any more that a full disk holds up.
    given_up: Arc<AtomicBool>,
}

/// What is released when the batch at the writer is durable.
pub(super) struct Waiting {
    pub(super) answers: Vec<(Answer, Result<(), RequestError>)>,
    pub(super) effects: Vec<Release>,
}

/// The partition's inbox, as the writer of one opening of the store reaches it.
#[derive(Clone)]
pub(super) struct Inbox {
    pub(super) messages: Sender<Message>,
    pub(super) epoch: Epoch,
}

impl Inbox {
    /// Passes it on; false if the partition has gone.
    fn say(&self, written: Written) -> bool {
        self.messages.send(Message::Written(self.epoch, written)).is_ok()
    }
}

impl Writer {
    pub(super) fn start(store: Box<dyn Store>, logs: Logs, inbox: Inbox) -> Result<Self, StoreError> {
        // One batch at a time: the next one keeps growing while this one is being made durable.
        let (batches, received) = sync_channel(1);
        let given_up = Arc::new(AtomicBool::new(false));
        let is_given_up = Arc::clone(&given_up);
        let store: Shared = Arc::new(Mutex::new(Some(store)));
        let (shared_store, shared_logs) = (Arc::clone(&store), logs.clone());
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || {
                let _notice = PanicNotice(inbox.clone());
                write(&shared_store, &shared_logs, &received, &inbox, &is_given_up);
            })
            .map_err(|source| StoreError::Io { doing: "starting the writer's thread".into(), source })?;
        let (batches, thread) = (Some(batches), Some(thread));
        Ok(Self { store, logs, batches, thread, waiting: None, is_held_up: false, given_up })
    }

    /// Commits a batch on this thread.
    ///
    /// # Errors
    ///
    /// After a retryable error the batch may be handed over to the thread, which waits for space.
    pub(super) fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        commit(&self.store, &self.logs, batch)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.waiting.is_some()
    }

    pub(super) fn hand_over(&mut self, batch: Batch, waiting: Waiting) {
        self.waiting = Some(waiting);
        if let Some(batches) = &self.batches {
            // A writer that has ended left an error in the inbox.
            drop(batches.send(batch));
        }
    }

    /// Notes that the batch waits for space.
    pub(super) fn hold_up(&mut self) {
        self.is_held_up = true;
    }

    /// Whether the batch at the writer waits for space.
    pub(super) fn is_held_up(&self) -> bool {
        self.is_held_up && self.is_busy()
    }

    /// Takes what waited for the batch that is durable now.
    pub(super) fn take_waiting(&mut self) -> Option<Waiting> {
        self.is_held_up = false;
        self.waiting.take()
    }
}

impl Writer {
    /// Ends the thread and closes the store, whatever became of the last batch.
    pub(super) fn close(&mut self) {
        self.batches = None;
        self.given_up.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A writer that panicked committed nothing more; the store tells what is durable.
            drop(thread.join());
        }
        *lock(&self.store) = None;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(store: &Shared) -> MutexGuard<'_, Option<Box<dyn Store>>> {
    // A panic within a commit leaves a transaction that was not committed; `close` rolls it back before the store is
    // opened again.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes durable what a batch refers to, then the batch. A store that failed is closed, so that it can be opened again.
fn commit(store: &Shared, logs: &Logs, batch: &Batch) -> Result<Committed, StoreError> {
    let mut store = lock(store);
    let open = store.as_mut().ok_or(StoreError::Poisoned)?;
    let committed = logs.sync_for(batch).and_then(|()| open.commit(batch));
    if committed.as_ref().is_err_and(|error| !error.is_retryable()) {
        *store = None;
    }
    committed
}

fn write(store: &Shared, logs: &Logs, batches: &Receiver<Batch>, inbox: &Inbox, is_given_up: &AtomicBool) {
    for batch in batches {
        let mut tries = 0;
        let committed = loop {
            match commit(store, logs, &batch) {
                Err(error) if error.is_retryable() => {
                    if is_given_up.load(Ordering::Relaxed) || !inbox.say(Written::Held(error)) {
                        return;
                    }
                    let pause = FULL_PAUSES_MS[tries.min(FULL_PAUSES_MS.len() - 1)];
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(pause));
                }
                other => break other,
            }
        };
        let has_failed = committed.is_err();
        if !inbox.say(Written::Committed(committed)) || has_failed {
            return;
        }
    }
}

/// Says that the writer ended by a panic; the partition then opens the store again.
struct PanicNotice(Inbox);

impl Drop for PanicNotice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // If the partition has gone too, nobody waits.
            let _is_heard = self.0.say(Written::Committed(Err(StoreError::Poisoned)));
        }
    }
}
