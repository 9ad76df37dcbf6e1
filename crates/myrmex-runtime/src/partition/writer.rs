//! The writer: who commits. A thread of its own, so that the next batch is decided meanwhile; or, for a small batch when
//! there is nothing else to decide, the partition's own thread, which saves two switches between threads. A simulation
//! puts a [`Committer`] of its own in their place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use myrmex_model::id::Epoch;
use myrmex_store::{Batch, Committed, Store, StoreError};

use super::batch::Release;
use super::inbox::Entry;
use super::message::{Answer, Message, RequestError, Written};
use crate::logs::Logs;

/// The pauses before a batch is tried again on a full disk, in milliseconds; the last one repeats.
const FULL_PAUSES_MS: [u64; 5] = [50, 100, 250, 500, 1_000];

/// The store, until a commit on it failed.
type Shared = Arc<Mutex<Option<Box<dyn Store>>>>;

/// The most rows of a batch that is committed on the partition's own thread: it must not be long away from its inbox.
const ROWS_HERE_MAX: usize = 64;

/// Who makes the batches of a partition durable, for one opening of the store.
pub trait Committer: Send {
    /// Returns whether a batch with so many records and operations may be committed by the caller, who has nothing else
    /// to do.
    fn commits_here(&self, rows: usize) -> bool;

    /// Commits a batch while the caller waits.
    ///
    /// # Errors
    ///
    /// After a retryable error the same batch may be handed over. After any other the committer is used no more.
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError>;

    /// Takes a batch over and tells its [`Inbox`] what became of it. One at a time.
    fn hand_over(&mut self, batch: Batch);

    /// Gives the store back, whatever becomes of the batch it has: nothing is committed after this returned.
    fn close(&mut self);
}

/// Makes the committer of a store that was just opened; it tells the inbox how batches end.
pub type MakeCommitter =
    Box<dyn FnMut(Box<dyn Store>, Logs, Inbox) -> Result<Box<dyn Committer>, StoreError> + Send>;

/// The committer, with what waits for the batch it has.
pub(super) struct Writer {
    committer: Box<dyn Committer>,
    waiting: Option<Waiting>,
    /// Whether the batch waits for space.
    is_held_up: bool,
}

/// What is released when the batch at the writer is durable.
pub(super) struct Waiting {
    pub(super) answers: Vec<(Answer, Result<(), RequestError>)>,
    pub(super) effects: Vec<Release>,
}

/// The partition's inbox, as the committer of one opening of the store reaches it.
#[derive(Clone)]
pub struct Inbox {
    pub(super) messages: Entry,
    pub(super) epoch: Epoch,
}

impl Inbox {
    /// Passes it on; false if the partition has gone.
    pub fn say(&self, written: Written) -> bool {
        self.messages.put(Message::Written(self.epoch, written))
    }
}

impl Writer {
    pub(super) fn new(committer: Box<dyn Committer>) -> Self {
        Self { committer, waiting: None, is_held_up: false }
    }

    pub(super) fn commits_here(&self, rows: usize) -> bool {
        self.committer.commits_here(rows)
    }

    /// Commits a batch on this thread.
    ///
    /// # Errors
    ///
    /// After a retryable error the batch may be handed over, and waits for space.
    pub(super) fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.committer.commit(batch)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.waiting.is_some()
    }

    pub(super) fn hand_over(&mut self, batch: Batch, waiting: Waiting) {
        self.waiting = Some(waiting);
        self.committer.hand_over(batch);
    }

    /// Notes that the batch waits for space.
    pub(super) fn hold_up(&mut self) {
        self.is_held_up = true;
    }

    /// Whether the batch at the committer waits for space.
    pub(super) fn is_held_up(&self) -> bool {
        self.is_held_up && self.is_busy()
    }

    /// Takes what waited for the batch that is durable now.
    pub(super) fn take_waiting(&mut self) -> Option<Waiting> {
        self.is_held_up = false;
        self.waiting.take()
    }

    /// Closes the store, whatever became of the last batch.
    pub(super) fn close(&mut self) {
        self.committer.close();
    }
}

/// A thread that commits. It is started for the first batch that is handed over: a short run has none.
pub(super) struct CommitThread {
    store: Shared,
    logs: Logs,
    inbox: Inbox,
    thread: Option<(SyncSender<Batch>, JoinHandle<()>)>,
    /// Set when nobody waits for the batch any more that a full disk holds up.
    given_up: Arc<AtomicBool>,
}

impl CommitThread {
    pub(super) fn new(store: Box<dyn Store>, logs: Logs, inbox: Inbox) -> Self {
        let (store, given_up) = (Arc::new(Mutex::new(Some(store))), Arc::default());
        Self { store, logs, inbox, thread: None, given_up }
    }

    fn start(&self) -> Result<(SyncSender<Batch>, JoinHandle<()>), StoreError> {
        // One batch at a time: the next one keeps growing while this one is being made durable.
        let (batches, received) = sync_channel(1);
        let (store, logs, inbox) = (Arc::clone(&self.store), self.logs.clone(), self.inbox.clone());
        let is_given_up = Arc::clone(&self.given_up);
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            let _notice = PanicNotice(inbox.clone());
            write(&store, &logs, &received, &inbox, &is_given_up);
        });
        let failed = |source| StoreError::Io { doing: "starting the writer's thread".into(), source };
        Ok((batches, thread.map_err(failed)?))
    }
}

impl Committer for CommitThread {
    fn commits_here(&self, rows: usize) -> bool {
        rows <= ROWS_HERE_MAX
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        commit(&self.store, &self.logs, batch)
    }

    fn hand_over(&mut self, batch: Batch) {
        let started = match self.thread.take() {
            Some(started) => Ok(started),
            None => self.start(),
        };
        match started {
            Ok((batches, thread)) => {
                // A writer that has ended left an error in the inbox.
                drop(batches.send(batch));
                self.thread = Some((batches, thread));
            }
            // Nothing of the batch is in the store, as after any commit that failed. If the partition has gone, nobody waits.
            Err(error) => {
                *lock(&self.store) = None;
                let _is_heard = self.inbox.say(Written::Committed(Err(error)));
            }
        }
    }

    fn close(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        if let Some((batches, thread)) = self.thread.take() {
            drop(batches);
            // A writer that panicked committed nothing more; the store tells what is durable.
            drop(thread.join());
        }
        *lock(&self.store) = None;
    }
}

impl Drop for CommitThread {
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

#[cfg(test)]
mod tests {
    use myrmex_model::id::RunId;
    use myrmex_model::name::Namespace;
    use myrmex_store::faulty::{Fault, FaultyStore};
    use myrmex_store::memory::MemoryStore;
    use myrmex_store::segments::MemoryLogStore;
    use myrmex_store::{LogId, NewRecord, Sequence};

    use super::super::inbox::{Messages, inbox};
    use super::*;
    use crate::progress::Progress;

    /// Far longer than anything takes here.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// Starts a writer whose commit with this number fails so, and makes the first batch for it.
    fn writer(commit: u64, error: fn() -> StoreError) -> (Writer, Messages, Batch) {
        let store = FaultyStore::new(MemoryStore::new()).at_commit(commit, Fault::Fail, error);
        started(Box::new(store))
    }

    fn started(mut store: Box<dyn Store>) -> (Writer, Messages, Batch) {
        let opened = store.open_log(LogId(0)).unwrap();
        let logs = Logs::new(LogId(0), Box::new(MemoryLogStore::new()), Arc::new(Progress::new()));
        let (entry, messages) = inbox();
        let inbox = Inbox { messages: entry, epoch: opened.epoch };
        let writer = Writer::new(Box::new(CommitThread::new(store, logs, inbox)));
        let record = NewRecord {
            namespace: Namespace::standard(),
            run: RunId([1; 16]),
            codec: 1,
            body: b"{}".to_vec(),
        };
        let batch = Batch {
            log: LogId(0),
            expected: opened.last,
            epoch: opened.epoch,
            records: vec![record],
            operations: Vec::new(),
        };
        (writer, messages, batch)
    }

    fn nothing_waits() -> Waiting {
        Waiting { answers: Vec::new(), effects: Vec::new() }
    }

    fn committed(messages: &Messages) -> Result<Sequence, StoreError> {
        match messages.next(PATIENCE) {
            Some(Message::Written(_, Written::Committed(committed))) => {
                committed.map(|committed| committed.last)
            }
            _ => panic!("the writer says how the commit ended"),
        }
    }

    #[test]
    fn a_batch_is_committed_and_what_waited_for_it_is_there() {
        let (mut writer, messages, batch) = writer(9, || StoreError::Full);
        writer.hand_over(batch, nothing_waits());
        assert!(writer.is_busy());
        assert_eq!(committed(&messages).unwrap(), Sequence::NONE.plus(1));
        assert!(writer.take_waiting().is_some());
        assert!(!writer.is_busy() && writer.take_waiting().is_none());
    }

    #[test]
    fn a_batch_that_a_full_disk_refuses_is_tried_again() {
        let (mut writer, messages, batch) = writer(1, || StoreError::Full);
        writer.hand_over(batch, nothing_waits());
        assert!(matches!(
            messages.next(PATIENCE),
            Some(Message::Written(_, Written::Held(StoreError::Full)))
        ));
        writer.hold_up();
        assert!(writer.is_held_up());
        assert_eq!(committed(&messages).unwrap(), Sequence::NONE.plus(1));
        assert!(writer.take_waiting().is_some() && !writer.is_held_up());
    }

    #[test]
    fn a_store_that_failed_is_used_no_more() {
        let (mut writer, messages, batch) = writer(1, || StoreError::Poisoned);
        writer.hand_over(batch.clone(), nothing_waits());
        assert!(matches!(committed(&messages), Err(StoreError::Poisoned)));
        assert!(matches!(writer.commit(&batch), Err(StoreError::Poisoned)));
    }

    #[test]
    fn a_batch_can_be_committed_on_the_callers_thread() {
        let (mut writer, messages, batch) = writer(1, || StoreError::Full);
        assert!(matches!(writer.commit(&batch), Err(StoreError::Full)));
        assert_eq!(writer.commit(&batch).unwrap().last, Sequence::NONE.plus(1));
        assert!(messages.try_next().is_none());
    }

    #[test]
    fn a_writer_that_waits_for_space_can_be_dropped() {
        struct AlwaysFull(MemoryStore);

        impl Store for AlwaysFull {
            fn open_log(&mut self, log: LogId) -> Result<myrmex_store::Opened, StoreError> {
                self.0.open_log(log)
            }

            fn commit(&mut self, _: &Batch) -> Result<Committed, StoreError> {
                Err(StoreError::Full)
            }

            fn reader(&self) -> Result<Box<dyn myrmex_store::Reader>, StoreError> {
                self.0.reader()
            }
        }

        let (mut writer, messages, batch) = started(Box::new(AlwaysFull(MemoryStore::new())));
        writer.hand_over(batch, nothing_waits());
        assert!(matches!(
            messages.next(PATIENCE),
            Some(Message::Written(_, Written::Held(StoreError::Full)))
        ));
        drop(writer);
        assert!(
            !std::iter::from_fn(|| messages.try_next())
                .any(|message| matches!(message, Message::Written(_, Written::Committed(_))))
        );
    }
}
