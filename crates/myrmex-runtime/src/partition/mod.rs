//! A partition: the loop that owns runs and their log.
//!
//! It drains its inbox, takes a turn in memory, and hands one batch to the writer; while batch N is being made
//! durable, batch N+1 is being decided. A small batch beside which there is nothing to decide is committed on the
//! partition's own thread. Answers and effects are released only when the batch that decided them is
//! durable. If a commit fails for good, everything that was built on it is dropped and the runs are loaded again from
//! the store; the worker still holds what it has to report.

mod admission;
mod batch;
mod cache;
mod children;
mod journal;
mod message;
mod pools;
mod stepper;
mod timers;
mod turn;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use myrmex_engine::dispatch::{Admission, Dispatch};
use myrmex_engine::run::{Rejection, Run};
use myrmex_expr::Evaluator;
use myrmex_model::command::Command;
use myrmex_model::id::{Epoch, FencingToken, RunId};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss};
use myrmex_store::blobs::BlobStore;
use myrmex_store::{LogId, LogPosition, LogRange, Reader, Sequence, Store, StoreError};

use crate::clock::Clock;
use crate::evaluate::EvaluationLimits;
use crate::logs::Logs;
use crate::progress::{Health, Progress};
use crate::values::Values;
use crate::watch::Watch;
use crate::worker::{self, Outcome, Report, Said};
use batch::Open;
use children::FollowUp;
use timers::Timers;
use writer::{CommitThread, Writer};

use message::{Answer, Message};

pub(crate) use children::Definitions;
pub use journal::{JournalError, event_of, load_definition, load_run};
pub use message::{Answered, CalledDefinition, Ear, Interrupter, NewRetry, NewRun, RequestError, Written};
pub use pools::{Supply, capacities, waiting};
pub use stepper::Stepper;
pub use turn::most_parallel;
pub use writer::{Committer, Inbox, MakeCommitter};

/// The stack of the partition's thread. Expressions are evaluated on it; `semantics.md` section 9 gives the figure.
const STACK_BYTES: usize = 64 << 20;

/// The most messages taken into one batch; bounds how long an answer waits for its commit.
const MESSAGES_PER_BATCH: usize = 1_024;

/// The longest sleep without looking at the wall clock, which may have been set forward.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(15);

/// How often a failed store is opened again before the partition gives up.
const REOPENS_MAX: u32 = 5;

/// Opens the store again after a failed commit.
pub type OpenStore = Box<dyn FnMut() -> Result<Box<dyn Store>, StoreError> + Send>;

/// What a partition is made of.
pub struct Parts {
    /// Opens the store; called once at the beginning and after each failed commit.
    pub open: OpenStore,
    /// The log it owns.
    pub log: LogId,
    /// The tenant of its runs.
    pub namespace: Namespace,
    /// Wall-clock time.
    pub clock: Box<dyn Clock>,
    /// How many attempts may run at a time.
    pub slots: u32,
    /// What there is beside places.
    pub supply: Supply,
    /// The worker's name, as grants record it.
    pub worker: Name,
    /// Where logs of attempts are made durable before the batch that names them.
    pub logs: Logs,
    /// Where files lie that runs pass on to each other.
    pub blobs: Arc<dyn BlobStore>,
    /// What the partition tells those who watch.
    pub progress: Arc<Progress>,
    /// The limits of its evaluations.
    pub limits: EvaluationLimits,
}

/// A handle on a partition. Dropping it stops the loop; attempts under way are killed and found lost at the next
/// start.
pub struct Partition {
    /// Unbounded, because those who send bound it: a command waits for its answer, a worker has a report or two for each
    /// of its slots, the writer one word for the batch it has.
    inbox: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Partition {
    /// Opens the log, raising its epoch, and starts the loop.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store cannot be opened.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let (inbox, messages) = channel();
        let committers: MakeCommitter =
            Box::new(|store, logs, inbox| Ok(Box::new(CommitThread::start(store, logs, inbox)?)));
        let mut state = State::open(parts, committers, inbox.clone())?;
        let thread = std::thread::Builder::new()
            .name("partition".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _notice = PanicNotice(Arc::clone(&state.parts.progress));
                state.run(&messages);
            })
            .map_err(|source| StoreError::Io { doing: "starting the partition's thread".into(), source })?;
        Ok(Self { inbox, thread: Some(thread) })
    }

    /// Returns what a worker needs to be heard.
    pub fn ear(&self) -> Ear {
        Ear(self.inbox.clone())
    }

    /// Gives the partition its worker.
    pub fn attach(&self, worker: impl worker::Worker + 'static) {
        self.send(Message::Attach(Box::new(worker)));
    }

    /// Asks for a new run; the answer comes once it is durable, or was refused.
    pub fn start_run(&self, run: NewRun) -> Answered {
        self.ask(|answer| Message::Start(Box::new(run), answer))
    }

    /// Asks for a run of the store whose process died to go on, and others beside it, all in one turn; their attempts under
    /// way count as lost. One of the others that cannot be read is noted and left.
    pub fn resume_run(&self, run: RunId, others: &[RunId]) -> Answered {
        let runs = std::iter::once(run).chain(others.iter().copied()).collect();
        self.ask(|answer| Message::Resume(runs, answer))
    }

    /// Asks for the end of a run; the answer comes once that is durable. No attempt is granted after that.
    pub fn cancel_run(&self, run: RunId, by: &str, reason: &str) -> Answered {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.ask(|answer| Message::Cancel { run, by, reason, answer })
    }

    /// Returns a handle that can interrupt the partition from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.inbox.clone())
    }

    fn send(&self, message: Message) {
        // A loop that has ended said why through its progress.
        drop(self.inbox.send(message));
    }

    fn ask(&self, message: impl FnOnce(Answer) -> Message) -> Answered {
        let (answer, answered) = channel();
        self.send(message(answer));
        answered
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        self.send(Message::Quit);
        if let Some(thread) = self.thread.take() {
            // A loop that panicked has nothing left to wait for; its journal is whole.
            drop(thread.join());
        }
    }
}

/// What depends on one opening of the store, and is dropped with it when a commit fails.
struct Owned {
    epoch: Epoch,
    reader: Box<dyn Reader>,
    writer: Writer,
    runs: BTreeMap<RunId, Loaded>,
    /// Runs that had a place before, and wait for it again.
    aside: BTreeMap<RunId, Loaded>,
    admission: Admission,
    /// Whether runs were loaded since places were given away.
    has_loaded: bool,
    dispatch: Dispatch,
    timers: Timers,
    definitions: Definitions,
    open: Open,
    /// The last sequence that was given to the writer.
    last: Sequence,
}

/// A run in memory.
struct Loaded {
    run: Run,
    values: Values,
    key: Option<String>,
}

impl Owned {
    fn open(
        parts: &mut Parts,
        committers: &mut MakeCommitter,
        messages: Sender<Message>,
    ) -> Result<Self, StoreError> {
        let mut store = (parts.open)()?;
        let opened = store.open_log(parts.log)?;
        let reader = store.reader()?;
        let inbox = Inbox { messages, epoch: opened.epoch };
        let writer = Writer::new(committers(store, parts.logs.clone(), inbox)?);
        let mut dispatch = Dispatch::new(opened.epoch);
        dispatch.set_worker(parts.worker.clone(), Some(parts.supply.offer(parts.slots.max(1))));
        for (pool, units) in &parts.supply.pools {
            dispatch.set_pool(pool.clone(), Some(*units));
        }
        Ok(Self {
            epoch: opened.epoch,
            reader,
            writer,
            runs: BTreeMap::new(),
            aside: BTreeMap::new(),
            admission: Admission::default(),
            has_loaded: false,
            dispatch,
            timers: Timers::default(),
            definitions: Definitions::default(),
            open: Open::default(),
            last: opened.last,
        })
    }
}

/// What the partition's thread owns.
struct State {
    parts: Parts,
    committers: MakeCommitter,
    inbox: Sender<Message>,
    owned: Owned,
    worker: Option<Box<dyn worker::Worker>>,
    evaluator: Evaluator,
    is_interrupted: bool,
    /// How the engine is once what was decided is durable; then the loop ends.
    closing: Option<Health>,
    /// What could not be read of the store in this turn; the turn is dropped with it.
    trouble: Option<StoreError>,
    /// Runs that keep more values in memory than they should.
    large: Vec<RunId>,
    /// Runs that hold much of what has ended.
    lengthy: Vec<RunId>,
    /// What follows from effects, done once all requests of the turn are answered.
    follow_ups: VecDeque<FollowUp>,
    /// Failures of the store since the last good commit.
    failures: u32,
    /// Runs whose open grants are to be compared with what the worker says it has.
    to_recount: Vec<RunId>,
    /// Recounts that the worker was asked for and has not answered.
    recounts_open: u32,
    /// Messages that wait until the writer has taken a full batch.
    deferred: VecDeque<Message>,
    /// Runs that have more to decide than went into their turn.
    unfinished: VecDeque<RunId>,
}

impl State {
    /// Opens the log, raising its epoch.
    fn open(
        mut parts: Parts,
        mut committers: MakeCommitter,
        inbox: Sender<Message>,
    ) -> Result<Self, StoreError> {
        let owned = Owned::open(&mut parts, &mut committers, inbox.clone())?;
        let watch = Watch::new(parts.limits.jq_deadline, parts.limits.jq_lost_max);
        Ok(Self {
            evaluator: Evaluator::with_jq(Box::new(watch)).with_limits(parts.limits.expression),
            parts,
            committers,
            inbox,
            owned,
            worker: None,
            is_interrupted: false,
            closing: None,
            trouble: None,
            follow_ups: VecDeque::new(),
            large: Vec::new(),
            lengthy: Vec::new(),
            failures: 0,
            to_recount: Vec::new(),
            recounts_open: 0,
            deferred: VecDeque::new(),
            unfinished: VecDeque::new(),
        })
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            let first = match self.next(messages) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !self.turn(first, messages) {
                return;
            }
        }
    }

    /// Takes a turn: this message and those that are there already; false when the loop is to end.
    fn turn(&mut self, first: Option<Message>, messages: &Receiver<Message>) -> bool {
        let mut next = first;
        for _ in 0..MESSAGES_PER_BATCH {
            let Some(message) = next.take() else { break };
            if !self.handle(message) {
                return false;
            }
            if self.owned.open.is_full() {
                break;
            }
            next = self.deferred.pop_front().or_else(|| messages.try_recv().ok());
        }
        if let Some(message) = next {
            self.deferred.push_front(message);
        }
        self.fire_timers();
        self.take_more();
        self.fold();
        let is_idle = self.deferred.is_empty() && !self.goes_on();
        self.admit();
        self.grant();
        if !self.settle(is_idle) {
            return false;
        }
        if self.is_interrupted && self.owned.dispatch.places_taken() == 0 {
            self.closing.get_or_insert(Health::Interrupted);
        }
        match self.closing.take_if(|_| self.owned.open.is_empty() && !self.owned.writer.is_busy()) {
            Some(health) => {
                self.parts.progress.set_health(health);
                false
            }
            None => true,
        }
    }

    /// Makes what was decided durable, or drops it if the store could not be read meanwhile; false when the loop is to
    /// end.
    fn settle(&mut self, is_idle: bool) -> bool {
        loop {
            // Loading the runs again, and what a batch releases, read the store too.
            while let Some(error) = self.trouble.take() {
                if !self.reload(error) {
                    return false;
                }
            }
            if !self.hand_over(is_idle) {
                return false;
            }
            if self.trouble.is_none() {
                return true;
            }
        }
    }

    /// Waits for the next message. While a full batch waits for the writer, only the writer is listened to.
    fn next(&mut self, messages: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        while self.is_stalled() {
            let message = messages.recv().map_err(|_| RecvTimeoutError::Disconnected)?;
            if let Some(message) = self.unless_deferred(message) {
                return Ok(message);
            }
        }
        match self.deferred.pop_front() {
            Some(message) => Ok(message),
            None if !self.goes_on() => messages.recv_timeout(self.time_to_sleep()),
            None => messages.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
        }
    }

    /// Returns whether nothing can be decided before the writer has taken a full batch.
    fn is_stalled(&self) -> bool {
        self.owned.open.is_full() && self.owned.writer.is_busy()
    }

    /// Puts a message aside that has to wait for the writer.
    fn unless_deferred(&mut self, message: Message) -> Option<Message> {
        match message {
            Message::Written(..) | Message::Interrupt | Message::Quit => Some(message),
            Message::Start(..)
            | Message::Resume(..)
            | Message::Cancel { .. }
            | Message::Attach(_)
            | Message::Said(_) => {
                self.deferred.push_back(message);
                None
            }
        }
    }

    fn time_to_sleep(&self) -> Duration {
        match self.owned.timers.next_due() {
            Some(due) => {
                let left = u64::try_from(due.0.saturating_sub(self.parts.clock.now().0)).unwrap_or(0);
                Duration::from_nanos(left).min(LOOK_AT_CLOCK)
            }
            None => LOOK_AT_CLOCK,
        }
    }

    /// Takes one message; false when the loop is to end.
    fn handle(&mut self, message: Message) -> bool {
        match message {
            Message::Start(new, answer) => self.start(*new, answer),
            Message::Resume(runs, answer) => self.resume(&runs, answer),
            Message::Cancel { run, by, reason, answer } => {
                let loaded = self.load(run);
                self.wake(run);
                let cancelled = loaded.and_then(|ended| match ended {
                    Some(status) => Err(Rejection::RunOver { status }.into()),
                    None => self
                        .put(run, Command::Cancel { by, reason, successor: None })
                        .map_err(RequestError::from),
                });
                self.answer(answer, cancelled);
            }
            Message::Attach(worker) => {
                self.worker = Some(worker);
                self.recount();
            }
            Message::Said(said) => return self.hear(said),
            Message::Interrupt => {
                self.is_interrupted = true;
                if let Some(worker) = &self.worker {
                    worker.stop_all();
                }
                if self.owned.writer.is_held_up() {
                    // Nobody waits for space any more. What is not durable was told to nobody; a resume decides it again.
                    self.parts.progress.set_health(Health::Interrupted);
                    return false;
                }
            }
            Message::Written(epoch, _) if epoch != self.owned.epoch => {}
            Message::Written(_, Written::Committed(Ok(committed))) => self.committed(&committed),
            Message::Written(_, Written::Committed(Err(error))) => return self.reload(error),
            Message::Written(_, Written::Held(error)) => {
                self.owned.writer.hold_up();
                self.parts.progress.hold_up(error.to_string());
                if self.is_interrupted {
                    self.parts.progress.set_health(Health::Interrupted);
                    return false;
                }
            }
            Message::Quit => return false,
        }
        true
    }

    /// Takes up runs of the store; the first is the one that was asked for.
    fn resume(&mut self, runs: &[RunId], answer: Answer) {
        let mut loaded = Ok(());
        for (index, run) in runs.iter().enumerate() {
            match self.load(*run) {
                Ok(_) => {}
                Err(error) if index == 0 => loaded = Err(error),
                Err(error) => self.parts.progress.note(format!("run {run} cannot go on: {error}")),
            }
        }
        self.answer(answer, loaded);
    }

    /// Tells those who watch how many runs are under way.
    fn tell_under_way(&self) {
        self.parts.progress.set_under_way(self.owned.runs.len() + self.owned.aside.len());
    }

    fn hear(&mut self, said: Said) -> bool {
        match said {
            Said::Report(report) => self.report(*report),
            Said::Inventory(tokens) => self.compare(&tokens),
            Said::Broken(reason) => {
                // What was reported before is made durable first.
                let how = if self.is_interrupted { Health::Interrupted } else { Health::Failed(reason) };
                self.closing.get_or_insert(how);
                self.worker = None;
            }
        }
        true
    }

    /// Asks the worker what it has; [`State::compare`] takes the answer.
    fn recount(&mut self) {
        if let Some(worker) = &self.worker {
            worker.recount();
            self.recounts_open += 1;
        }
    }

    /// Counts those open grants as lost that the worker knows nothing of. What their attempts printed is kept.
    ///
    /// Only grants of earlier epochs can be lost: those of this one went to the worker after they were durable, maybe
    /// after it made the list. For the same reason only the answer to the last question counts.
    fn compare(&mut self, tokens: &[FencingToken]) {
        self.recounts_open = self.recounts_open.saturating_sub(1);
        if self.recounts_open > 0 {
            return;
        }
        let mut lost = Vec::new();
        for run in std::mem::take(&mut self.to_recount) {
            let Some(loaded) = self.owned.runs.get(&run) else { continue };
            for (task, attempt, token) in loaded.run.grants() {
                if token.epoch() < self.owned.epoch && !tokens.contains(&token) {
                    lost.push((run, task, attempt, token));
                }
            }
        }
        let mut leftovers = self.leftovers(lost.iter().map(|(.., token)| *token));
        for (run, task, attempt, token) in lost {
            let reason = "the worker that had it is gone".to_owned();
            let end = AttemptEnd::Lost { loss: Loss::Worker, reason };
            let (outcome, artifacts) = (Outcome::Ended(AttemptReport::of(end)), serde_json::Map::new());
            let logs = leftovers.remove(&token).unwrap_or_default();
            self.report(Report { run, task, attempt, token, outcome, artifacts, logs, digest: None });
        }
    }

    /// Finds what attempts printed before their worker died, and says what of it cannot be read.
    fn leftovers(
        &mut self,
        tokens: impl Iterator<Item = FencingToken>,
    ) -> BTreeMap<FencingToken, Vec<LogRange>> {
        let mut positions = BTreeMap::new();
        for token in tokens {
            match self.owned.reader.grants(self.parts.log, FencingToken(token.0 - 1), 1) {
                Ok(grants) => {
                    let grant = grants.into_iter().find(|grant| grant.token == token);
                    positions.extend(grant.map(|grant| (token, grant.logs_from)));
                }
                // The turn is dropped with it: otherwise the output would never be found again.
                Err(error) => {
                    self.trouble.get_or_insert(error);
                }
            }
        }
        let found = self.parts.logs.leftovers(&positions);
        let note = |text: String| self.parts.progress.note(text);
        match found {
            Ok(leftovers) => {
                if let Some(place) = leftovers.damaged.first() {
                    let LogPosition { segment, offset } = place;
                    let count = leftovers.damaged.len();
                    note(format!(
                        "the output of lost attempts is damaged at {count} places, first at byte {offset} of segment {segment}"
                    ));
                }
                leftovers.ranges
            }
            Err(error) => {
                note(format!("the output of lost attempts cannot be read: {error}"));
                BTreeMap::new()
            }
        }
    }

    /// Opens the store again after a failed commit and loads the runs from it; false if that fails for good.
    fn reload(&mut self, error: StoreError) -> bool {
        self.failures += 1;
        let open_runs: Vec<RunId> = self.owned.runs.keys().chain(self.owned.aside.keys()).copied().collect();
        let mut lost_answers = self.owned.open.take_answers();
        lost_answers.extend(self.owned.writer.take_waiting().into_iter().flat_map(|waiting| waiting.answers));
        self.follow_ups.clear();
        self.unfinished.clear();
        self.parts.progress.note(format!("the store failed and is opened again: {error}"));
        // An open transaction of the old writer would keep the new one out.
        self.owned.writer.close();
        let reopened = if self.failures > REOPENS_MAX || !may_reopen(&error) {
            Err(error)
        } else {
            Owned::open(&mut self.parts, &mut self.committers, self.inbox.clone())
        };
        match reopened {
            Ok(owned) => self.owned = owned,
            Err(error) => {
                self.parts.progress.set_health(failed(&error));
                return false;
            }
        }
        for (answer, _) in lost_answers {
            // Whoever asked may have gone.
            drop(answer.send(Err(RequestError::Unknowable)));
        }
        for run in open_runs {
            if let Err(error) = self.load(run)
                && !matches!(error, RequestError::Unknown { .. })
            {
                let health = match &error {
                    RequestError::Journal(JournalError::Store(error)) => failed(error),
                    RequestError::Journal(_)
                    | RequestError::Rejected(_)
                    | RequestError::Unknown { .. }
                    | RequestError::Unknowable => Health::Failed(error.to_string()),
                };
                self.parts.progress.set_health(health);
                return false;
            }
        }
        self.admit();
        self.recount();
        true
    }

    fn answer(&mut self, answer: Answer, result: Result<(), RequestError>) {
        // Every answer, refusals too, waits for the batch it saw.
        self.owned.open.answers.push((answer, result));
    }

    /// Where the log of attempts stands at least.
    fn log_position(&self) -> LogPosition {
        self.parts.logs.position()
    }
}

/// Whether a store that failed so may be opened again by the same owner. A fenced owner must not take the log back.
fn may_reopen(error: &StoreError) -> bool {
    match error {
        StoreError::Io { .. } | StoreError::Poisoned | StoreError::Full | StoreError::Busy => true,
        // What is damaged is so after an opening too.
        StoreError::Damaged { .. }
        | StoreError::Held(_)
        | StoreError::Conflict { .. }
        | StoreError::Fenced { .. }
        | StoreError::Newer { .. }
        | StoreError::Bounds { .. } => false,
    }
}

/// Returns how an engine is that cannot go on because of an error of its store.
fn failed(error: &StoreError) -> Health {
    match error {
        StoreError::Damaged { .. } => Health::Damaged(error.to_string()),
        StoreError::Io { .. }
        | StoreError::Poisoned
        | StoreError::Full
        | StoreError::Busy
        | StoreError::Held(_)
        | StoreError::Conflict { .. }
        | StoreError::Fenced { .. }
        | StoreError::Newer { .. }
        | StoreError::Bounds { .. } => Health::Failed(error.to_string()),
    }
}

/// Says that the loop ended by a panic, so that nobody waits for it for ever.
struct PanicNotice(Arc<Progress>);

impl Drop for PanicNotice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "the engine stopped by a defect of its own; what was acknowledged is in the store";
            self.0.set_health(Health::Failed(reason.to_owned()));
        }
    }
}
