//! The real partition above a store that fails, or dies, at a chosen commit. No worker: its workflow needs none.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use myrmex_lang::{Beside, Source, check_with};
use myrmex_model::event::Event;
use myrmex_model::id::{DefinitionHash, RunId, ValueHash};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::wire;
use myrmex_runtime::clock::SystemClock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    CalledDefinition, NewRun, OpenStore, Partitions, Parts, Ranking, RequestError, Supply, Thrift, event_of,
    load_run,
};
use myrmex_runtime::progress::{Health, Progress};
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::contract::{Arrival, Opened};
use myrmex_store::faulty::{Fault, FaultyStore};
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::sqlite::SqliteStore;
use myrmex_store::{
    Batch, Committed, LogId, Partitions as StorePartitions, Reader, Sequence, Store, StoreError,
};
use serde_json::json;

use super::support::{PATIENCE, say};

const LOG: LogId = LogId(0);
/// With four partitions it does not belong to the one that gives places away.
const RUN: RunId = RunId([10; 16]);

/// Every verb that needs no process, spread over commits by timers.
const WORKFLOW: &str = "
workflow: thoughts
tasks:
  begin: {set: {n: 3, list: [1, 2, 3]}}
  pause: {needs: begin, wait: 2ms}
  long: {wait: 12ms}
  each:
    needs: pause
    for_each: ${{ tasks.begin.output.list }}
    as: n
    max_parallel: 2
    do:
      - rest: {wait: 1ms}
      - double: {set: {v: '${{ n * 2 }}'}}
    outputs: {v: '${{ tasks.double.output.v }}'}
  loop:
    needs: begin
    do:
      - start: {set: {i: 0}}
      - add: {set: {i: '${{ vars.i + 1 }}'}}
      - nap: {wait: 1ms}
      - again: {switch: [{if: vars.i < 4, then: add}, {else: out}]}
      - out: {set: {total: '${{ vars.i }}'}}
    outputs: {total: '${{ tasks.out.output.total }}'}
  broken: {needs: pause, fail: {type: own, title: as it should}}
  never: {if: tasks.begin.output.n == 4, needs: pause, set: {x: 1}}
  choose: {needs: each, switch: [{if: tasks.begin.output.n == 3, then: left}, {else: right}]}
  left: {wait: 1ms}
  right: {set: {x: 2}}
  kids: {needs: begin, for_each: '${{ tasks.begin.output.list }}', as: n, workflow: kid, with: {n: '${{ n }}'}}
  finish: {needs: {loop: succeeded, left: succeeded, long: succeeded, broken: finished}, set: {done: true}}
";

/// A child of which one run may be under way at a time.
const KID: &str = "
workflow: kid
inputs: {n: {type: integer}}
concurrency: {key: all}
tasks:
  rest: {wait: 1ms}
  give: {needs: rest, set: {v: '${{ inputs.n * 3 }}'}}
outputs: {v: '${{ tasks.give.output.v }}'}
";

/// Counts what reaches the store, so that the sweep knows its points.
struct Counted<S> {
    inner: S,
    commits: Arc<AtomicU64>,
}

impl<S: Store> Store for Counted<S> {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        self.inner.open_log(log)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.inner.commit(batch)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }
}

/// The fault of one case.
#[derive(Clone, Copy)]
struct Plan {
    commit: u64,
    fault: Fault,
    error: MakeError,
    /// Whether the same process may open the store again; else another one comes.
    reopens: bool,
}

fn io_error() -> StoreError {
    StoreError::Io {
        doing: "cannot do what the test forbids".to_owned(),
        source: std::io::Error::other("planned"),
    }
}

/// Makes the error of a planned fault.
type MakeError = fn() -> StoreError;

/// The errors that a commit may end with. What each says of the batch is in the contract of `Store::commit`.
fn errors() -> [(&'static str, MakeError); 7] {
    [
        ("full", || StoreError::Full),
        ("busy", || StoreError::Busy),
        ("io", io_error),
        ("poisoned", || StoreError::Poisoned),
        ("damaged", || StoreError::Damaged { what: "planned".to_owned(), place: "here".to_owned() }),
        ("bounds", || StoreError::Bounds { what: "planned".to_owned() }),
        ("conflict", || StoreError::Conflict { log: LOG, expected: Sequence(1), found: Sequence(2) }),
    ]
}

/// How the run and its tasks ended; outputs by the hash of their content.
type Outcome = (Status, Option<ValueHash>, Vec<(String, Status, Option<ValueHash>)>);

/// Fails and dies at every commit of a store in memory.
pub(crate) fn sweep_memory() {
    sweep("memory", MemoryStore::default, |store| Ok(store.clone()));
}

/// Returns how many partitions the stores have that have several.
fn four() -> StorePartitions {
    StorePartitions::new(4).unwrap()
}

/// Does the same with runs that are spread over four partitions.
pub(crate) fn sweep_partitions() {
    let make = || MemoryStore::with_partitions(four());
    sweep("memory with 4 partitions", make, |store| Ok(store.clone()));
}

/// Fails and dies at every commit of a store in `SQLite` with four partitions, a new one for each case.
pub(crate) fn sweep_sqlite(folder: &Path) {
    let count = AtomicU64::new(0);
    let make = || {
        let path = folder.join(count.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&path).unwrap();
        path
    };
    sweep("sqlite", make, |path| SqliteStore::open_with(path, four()));
}

fn sweep<D, S>(backend: &str, make: impl Fn() -> D, open: fn(&D) -> Result<S, StoreError>)
where
    D: Clone + Send + 'static,
    S: Store + 'static,
{
    let began = Instant::now();
    let (oracle, commits) = run_case(&make(), open, None);
    assert_eq!(oracle.0, Status::Failed, "the workflow fails as it should");
    let mut cases = 0;
    let mut plans = vec![];
    for (name, error) in errors() {
        plans.push((Fault::Fail, name, error, true));
    }
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for reopens in [true, false] {
            plans.push((fault, "io", io_error, reopens));
        }
    }
    // Batches form differently every time: some points beyond.
    for commit in 1..=commits + 2 {
        for (fault, name, error, reopens) in plans.iter().copied() {
            let plan = Plan { commit, fault, error, reopens };
            let (found, _) = run_case(&make(), open, Some(plan));
            assert_eq!(
                found, oracle,
                "{backend}: {fault:?} with {name} at commit {commit}, reopens: {reopens}"
            );
            cases += 1;
        }
    }
    let took = began.elapsed().as_secs_f64();
    say(&format!(
        "faults: partition above {backend}: {commits} commits, {cases} cases of failure or death; {took:.1} s"
    ));
}

/// Runs the workflow to its end above `data`, through as many engines as it takes.
fn run_case<D, S>(data: &D, open: fn(&D) -> Result<S, StoreError>, plan: Option<Plan>) -> (Outcome, u64)
where
    D: Clone + Send + 'static,
    S: Store + 'static,
{
    let commits = Arc::new(AtomicU64::new(0));
    let mut plan = plan;
    // The first engine meets the fault, the second goes on.
    for _ in 0..3 {
        let reopens = plan.is_none_or(|plan| plan.reopens);
        let opener = opener(data.clone(), open, plan.take(), reopens, Arc::clone(&commits));
        let reader = open(data).unwrap().reader().unwrap();
        if run_engine(opener, reader.as_ref()) {
            return (result(reader.as_ref()), commits.load(Ordering::Relaxed));
        }
    }
    panic!("the run does not come to its end");
}

/// Opens the store: at first with the fault, later, if it may, without.
fn opener<D, S>(
    data: D,
    open: fn(&D) -> Result<S, StoreError>,
    plan: Option<Plan>,
    reopens: bool,
    commits: Arc<AtomicU64>,
) -> OpenStore
where
    D: Send + 'static,
    S: Store + 'static,
{
    let mut plan = plan;
    let mut openings = 0;
    Box::new(move || {
        openings += 1;
        if openings > 1 && !reopens {
            return Err(io_error());
        }
        let store = FaultyStore::new(open(&data)?);
        let store = match plan.take() {
            Some(plan) => store.at_commit(plan.commit, plan.fault, plan.error),
            None => store,
        };
        Ok(Box::new(Counted { inner: store, commits: Arc::clone(&commits) }) as Box<dyn Store>)
    })
}

/// Starts an engine and lets it work until the run is over; false if the engine has failed before.
fn run_engine(open: OpenStore, reader: &dyn Reader) -> bool {
    let progress = Arc::new(Progress::new());
    let parts = Parts {
        open,
        namespace: Namespace::standard(),
        clock: Arc::new(SystemClock),
        slots: 2,
        supply: Supply::default(),
        worker: Name::new("nobody").unwrap(),
        logs: Logs::new(LOG, Box::new(MemoryLogStore::default()), Arc::clone(&progress)),
        blobs: Arc::new(MemoryBlobStore::new()),
        progress: Arc::clone(&progress),
        limits: EvaluationLimits::default(),
        thrift: Thrift::default(),
        ranking: Ranking::arrival(),
    };
    let partition = Partitions::start(parts).unwrap();
    let is_known = reader.summary(&Namespace::standard(), RUN).unwrap().is_some();
    let asked = if is_known {
        // As the command does: with all that came of it.
        partition.resume_run(RUN, &open_runs(reader))
    } else {
        partition.start_run(new_run())
    };
    let asked = asked.recv().unwrap_or(Err(RequestError::Unknowable));
    if asked.is_ok() {
        // An acknowledged start is in the store from now on.
        assert!(reader.summary(&Namespace::standard(), RUN).unwrap().is_some());
    } else if reader.summary(&Namespace::standard(), RUN).unwrap().is_none() {
        return false;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut seen = progress.seen();
    while Instant::now() < deadline {
        if progress.ended(RUN).is_some() {
            return true;
        }
        if let Health::Failed(_) | Health::Damaged(_) = seen.health {
            return false;
        }
        seen = progress.wait(&seen, Duration::from_millis(20));
        if asked.is_err() {
            // Whoever was told nothing asks again, which may come from another engine.
            return false;
        }
    }
    panic!("the run hangs: {:?}", progress.seen());
}

fn open_runs(reader: &dyn Reader) -> Vec<RunId> {
    let logs = reader.logs().unwrap().into_iter();
    let open = logs.flat_map(|log| reader.open_runs(log, Arrival::NONE, 1_000).unwrap());
    open.map(|open| open.summary.run).filter(|run| *run != RUN).collect()
}

fn new_run() -> NewRun {
    let beside = Beside { workflows: vec![Source::new("kid.yaml", KID)], ..Beside::default() };
    let checked = check_with(&Source::new("thoughts.yaml", WORKFLOW), &beside);
    let definition = checked.definition.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let form = wire::definition::encode(&definition);
    NewRun {
        run: RUN,
        hash: DefinitionHash::of(&form),
        definition: Arc::new(definition),
        form: form.into(),
        inputs: json!({}),
        called: checked.closure.into_iter().map(called).collect(),
        started_by: "test".to_owned(),
        trigger: "manual".to_owned(),
        key: Some("key".to_owned()),
        retry: None,
    }
}

fn called((name, definition): (Name, Definition)) -> CalledDefinition {
    let form = wire::definition::encode(&definition);
    CalledDefinition { name, hash: DefinitionHash::of(&form), form: form.into() }
}

/// Checks that at no time two children had the place that there is, and that each was given it once.
fn check_places(reader: &dyn Reader) {
    let (mut holder, mut admitted) = (None, BTreeSet::new());
    let mut events = Vec::new();
    for log in reader.logs().unwrap() {
        for record in reader.records(log, Sequence::NONE, 10_000).unwrap() {
            let recorded = event_of(&record).unwrap();
            let is_admission = recorded.event == Event::RunAdmitted;
            events.push((recorded.at, is_admission, record.run, recorded.event));
        }
    }
    // Between logs only the instants tell; a place that becomes free is given away at once.
    events.sort_by_key(|(at, is_admission, ..)| (*at, *is_admission));
    for (_, _, run, event) in events {
        if event == Event::RunAdmitted {
            assert_eq!(holder.replace(run), None, "the place is free");
            assert!(admitted.insert(run), "a run is admitted once");
        } else if matches!(event, Event::RunEnded { .. }) && holder == Some(run) {
            holder = None;
        }
    }
    assert_eq!((holder, admitted.len()), (None, 3));
}

fn result(reader: &dyn Reader) -> Outcome {
    check_places(reader);
    let run = load_run(reader, &Namespace::standard(), RUN).unwrap().unwrap();
    let mut tasks: Vec<_> =
        run.tasks().map(|task| (task.address().as_str().to_owned(), task.status(), task.output())).collect();
    tasks.sort_by(|a, b| a.0.cmp(&b.0));
    for log in reader.logs().unwrap() {
        let verified = reader.verify(log).unwrap();
        assert_eq!(verified.broken, None, "the chain of log {log} holds");
    }
    (run.status(), run.output(), tasks)
}
