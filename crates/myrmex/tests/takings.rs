//! What a retry takes over is copied inside of the store, with the batch that starts it: it does not pass through memory, and
//! after a crash the retry has all of it or does not exist.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use myrmex_lang::{Source, check};
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::wire;
use myrmex_runtime::clock::SystemClock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    NewRetry, NewRun, Partitions, Parts, Ranking, RequestError, Supply, Thrift, load_run,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::retry::{Places, Prepared, prepare};
use myrmex_runtime::values;
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::contract::Opened;
use myrmex_store::faulty::{Fault, FaultyStore};
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::sqlite::{SqliteReader, SqliteStore};
use myrmex_store::{Batch, Committed, IndexOperation, LogId, Reader, Store, StoreError};
use serde_json::json;

const LOG: LogId = LogId(0);
const OLD: RunId = RunId([7; 16]);
const NEW: RunId = RunId([8; 16]);

/// How many items there are, and how many bytes each gives: together far more than the retry may bring into memory.
const ITEMS: usize = 200;
const ITEM_BYTES: usize = 20_000;

/// What the batches of a retry may bring: its facts about each item.
const BROUGHT_BYTES_MAX: usize = ITEMS * 1_000;

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_mins(1);

const WORKFLOW: &str = "
workflow: w
inputs: {word: {type: string}}
tasks:
  each:
    for_each: ${{ 200 }}
    as: n
    set: {v: \"${{ inputs.word | replace('x', inputs.word) }} ${{ n }}\"}
    continue_on_error: true
  last: {needs: each, fail: {type: own, title: as it should}}
";

/// Counts the bytes of values that pass through memory into the store.
struct Counted<S> {
    inner: S,
    brought: Arc<AtomicUsize>,
}

impl<S: Store> Store for Counted<S> {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        self.inner.open_log(log)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        for operation in &batch.operations {
            if let IndexOperation::PutValue { json, .. } = operation {
                self.brought.fetch_add(json.len(), Ordering::Relaxed);
            }
        }
        self.inner.commit(batch)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }
}

/// An engine on a store in a folder, whose first opening fails so at a commit.
struct Engine {
    partition: Partitions,
    progress: Arc<Progress>,
    brought: Arc<AtomicUsize>,
}

impl Engine {
    fn open(folder: &std::path::Path, plan: Option<(u64, Fault)>) -> Self {
        let (folder, plan) = (folder.to_owned(), Mutex::new(plan));
        let (progress, brought) = (Arc::new(Progress::new()), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&brought);
        let open = move || {
            let store = FaultyStore::new(SqliteStore::open(&folder)?);
            let store = match plan.lock().unwrap().take() {
                Some((commit, fault)) => store.at_commit(commit, fault, || StoreError::Poisoned),
                None => store,
            };
            Ok(Box::new(Counted { inner: store, brought: Arc::clone(&counter) }) as Box<dyn Store>)
        };
        let partition = Partitions::start(Parts {
            open: Box::new(open),
            namespace: Namespace::standard(),
            supply: Supply::default(),
            clock: Arc::new(SystemClock),
            slots: 1,
            worker: Name::new("nobody").unwrap(),
            logs: Logs::new(LOG, Box::new(MemoryLogStore::default()), Arc::clone(&progress)),
            blobs: Arc::new(MemoryBlobStore::new()),
            progress: Arc::clone(&progress),
            limits: EvaluationLimits::default(),
            thrift: Thrift::default(),
            ranking: Ranking::arrival(),
        });
        Self { partition: partition.unwrap(), progress, brought }
    }

    fn start(&self, new: NewRun) -> Result<(), RequestError> {
        self.partition.start_run(new).recv().unwrap()
    }

    fn end(&self, run: RunId) -> Status {
        let mut seen = self.progress.seen();
        loop {
            if let Some(status) = self.progress.ended(run) {
                return status;
            }
            let before = seen.clone();
            seen = self.progress.wait_for_end(run, &seen, PATIENCE);
            assert!(self.progress.ended(run).is_some() || seen != before, "the run hangs");
        }
    }
}

fn definition() -> Definition {
    let checked = check(&Source::new("w.yaml", WORKFLOW));
    checked.definition.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

fn new_run(run: RunId, retry: Option<NewRetry>) -> NewRun {
    let definition = definition();
    let form = wire::definition::encode(&definition);
    // The root of the length that an item is to have.
    let word = "x".repeat(ITEM_BYTES.isqrt());
    NewRun {
        run,
        hash: DefinitionHash::of(&form),
        definition: Arc::new(definition),
        form: form.into(),
        inputs: json!({ "word": word }),
        called: Vec::new(),
        started_by: "test".to_owned(),
        trigger: "manual".to_owned(),
        key: None,
        retry,
    }
}

/// Leaves a run in the folder that failed after its items had succeeded.
fn failed_run(folder: &std::path::Path) {
    let engine = Engine::open(folder, None);
    engine.start(new_run(OLD, None)).unwrap();
    assert_eq!(engine.end(OLD), Status::Failed);
    assert!(engine.brought.load(Ordering::Relaxed) > ITEMS * ITEM_BYTES, "the items are what they should be");
}

fn prepared(reader: &dyn Reader) -> Prepared {
    let (namespace, blobs) = (Namespace::standard(), MemoryBlobStore::new());
    let old = load_run(reader, &namespace, OLD).unwrap().unwrap();
    let places = Places { reader, blobs: &blobs, namespace: &namespace, to: NEW };
    prepare(&places, &old, None, &[]).unwrap().unwrap()
}

fn new_retry(reader: &dyn Reader) -> NewRun {
    let takings = prepared(reader).choice.takings;
    new_run(NEW, Some(NewRetry { of: OLD, attempt: 2, takings }))
}

/// Asserts that the new run has everything that it took over.
fn assert_whole(reader: &dyn Reader) {
    let taken = prepared(reader).choice.takings.values();
    assert!(taken.len() > ITEMS, "the items are taken over");
    for hash in taken {
        values::load(reader, &Namespace::standard(), NEW, hash).unwrap();
    }
}

#[test]
fn values_that_are_taken_over_do_not_pass_through_memory() {
    let folder = tempfile::tempdir().unwrap();
    failed_run(folder.path());
    let reader = SqliteReader::open(folder.path()).unwrap();
    let engine = Engine::open(folder.path(), None);
    engine.start(new_retry(&reader)).unwrap();
    assert_eq!(engine.end(NEW), Status::Failed);
    let brought = engine.brought.load(Ordering::Relaxed);
    assert!(brought < BROUGHT_BYTES_MAX, "{brought} bytes of values passed through memory");
    assert_whole(&reader);
}

#[test]
fn a_retry_has_all_that_it_takes_over_or_does_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    failed_run(folder.path());
    let reader = SqliteReader::open(folder.path()).unwrap();
    let namespace = Namespace::standard();
    {
        let engine = Engine::open(folder.path(), Some((1, Fault::Fail)));
        assert!(matches!(engine.start(new_retry(&reader)), Err(RequestError::Unknowable)));
        assert!(reader.summary(&namespace, NEW).unwrap().is_none(), "it does not exist");
        for hash in prepared(&reader).choice.takings.values() {
            assert!(reader.value(&namespace, NEW, hash).unwrap().is_none(), "nothing of it does");
        }
    }
    let engine = Engine::open(folder.path(), None);
    engine.start(new_retry(&reader)).unwrap();
    // Acknowledged, so all of it is there, wherever the run stands.
    assert_whole(&reader);
    assert_eq!(engine.end(NEW), Status::Failed);
}
