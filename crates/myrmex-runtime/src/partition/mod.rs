//! Partitions: each is a loop that owns runs and their log.
//!
//! It drains its inbox, takes a turn in memory, and hands one batch to the writer; while batch N is being made
//! durable, batch N+1 is being decided. A small batch beside which there is nothing to decide is committed on the
//! partition's own thread. Answers and effects are released only when the batch that decided them is
//! durable. If a commit fails for good, everything that was built on it is dropped and the runs are loaded again from
//! the store; the worker still holds what it has to report.
//!
//! Runs are spread over the partitions by a hash of their ids. What crosses runs goes by messages ([`mail`]); who gets a
//! place is decided by the partition that holds the [`domain`]. A store with one partition takes the same way, within one
//! turn.

mod admission;
mod batch;
mod cache;
mod children;
mod demands;
mod domain;
mod gate;
mod inbox;
mod journal;
mod mail;
mod message;
mod partitions;
mod pools;
mod post;
mod ranking;
mod shared;
mod signal;
mod skip;
mod sleep;
mod sleepers;
mod snapshot;
mod stepper;
mod timers;
mod turn;
mod writer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use myrmex_engine::dispatch::{Admission, Dispatch};
use myrmex_engine::run::{Rejection, Run};
use myrmex_expr::Evaluator;
use myrmex_model::command::Command;
use myrmex_model::id::{Epoch, FencingToken, RunId};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss};
use myrmex_model::time::Timestamp;
use myrmex_store::blobs::BlobStore;
use myrmex_store::{LogId, LogPosition, LogRange, Partitions as Count, Reader, Sequence, Store, StoreError};

use crate::clock::Clock;
use crate::evaluate::{EvaluationLimits, Lines};
use crate::logs::Logs;
use crate::progress::{Health, Progress};
use crate::values::Values;
use crate::watch::Watch;
use crate::worker::{Outcome, Report, Said, SharedWorker};
use batch::{Open, ROWS_MAX};
use children::{FOLLOW_UPS_PER_TURN, FollowUp, Share};
use domain::{Holds, Wish};
use inbox::{Entry, Messages};
use mail::Mail;
use pools::Pools;
use post::Word;
use shared::{Opening, SharedStore};
use sleepers::Sleepers;
use snapshot::Upkeep;
use timers::Timers;
use writer::Writer;

use message::{Answer, Message};
use signal::Say;
use skip::Skip;

pub(crate) use children::Definitions;
pub use demands::{Demands, waiting};
pub use domain::DOMAIN_LOG;
pub use journal::{JournalError, entry_of, event_of, load_definition, load_run};
pub use message::{Answered, CalledDefinition, Ear, Interrupter, NewRetry, NewRun, RequestError, Written};
pub use partitions::Partitions;
pub use pools::{Supply, capacities};
pub use post::{Letter, Post};
pub use ranking::Ranking;
pub use signal::{NewChange, NewSignal};
pub use sleep::Tally;
pub use snapshot::{Restored, SNAPSHOT_TAG, Thrift, restore_run};
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

/// What the partitions of a store are made of.
pub struct Parts {
    /// Opens the store; called once at the beginning and after each failed commit.
    pub open: OpenStore,
    /// The tenant of the runs.
    pub namespace: Namespace,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// How many attempts may run at a time, of all partitions together.
    pub slots: u32,
    /// What there is beside places.
    pub supply: Supply,
    /// The worker's name, as grants record it.
    pub worker: Name,
    /// Where logs of attempts are made durable before the batch that names them.
    pub logs: Logs,
    /// Where files lie that runs pass on to each other.
    pub blobs: Arc<dyn BlobStore>,
    /// What the partitions tell those who watch.
    pub progress: Arc<Progress>,
    /// The limits of evaluations.
    pub limits: EvaluationLimits,
    /// When snapshots are taken and when runs leave memory.
    pub thrift: Thrift,
    /// How much is left of runs after their tasks.
    pub ranking: Ranking,
}

/// What one partition is made of.
pub(super) struct Seat {
    log: LogId,
    /// The most rows of a batch.
    rows_max: usize,
    partitions: Count,
    store: SharedStore,
    post: Box<dyn Post>,
    namespace: Namespace,
    clock: Arc<dyn Clock>,
    slots: u32,
    supply: Supply,
    worker: Name,
    logs: Logs,
    blobs: Arc<dyn BlobStore>,
    progress: Arc<Progress>,
    limits: EvaluationLimits,
    thrift: Thrift,
    ranking: Ranking,
}

/// What all partitions have in common.
struct Common {
    namespace: Namespace,
    clock: Arc<dyn Clock>,
    slots: u32,
    supply: Supply,
    worker: Name,
    logs: Logs,
    blobs: Arc<dyn BlobStore>,
    progress: Arc<Progress>,
    limits: EvaluationLimits,
    thrift: Thrift,
    ranking: Ranking,
}

impl Parts {
    fn split(self) -> (OpenStore, Common) {
        let Self {
            open,
            namespace,
            clock,
            slots,
            supply,
            worker,
            logs,
            blobs,
            progress,
            limits,
            thrift,
            ranking,
        } = self;
        (
            open,
            Common {
                namespace,
                clock,
                slots,
                supply,
                worker,
                logs,
                blobs,
                progress,
                limits,
                thrift,
                ranking,
            },
        )
    }
}

impl Common {
    /// Returns what the partition of `log` is made of.
    fn seat(&self, log: LogId, store: SharedStore, post: Box<dyn Post>) -> Seat {
        Seat {
            log,
            rows_max: ROWS_MAX,
            partitions: store.partitions(),
            store,
            post,
            namespace: self.namespace.clone(),
            clock: Arc::clone(&self.clock),
            slots: self.slots,
            supply: self.supply.clone(),
            worker: self.worker.clone(),
            logs: self.logs.clone(),
            blobs: Arc::clone(&self.blobs),
            progress: Arc::clone(&self.progress),
            limits: self.limits,
            thrift: self.thrift,
            ranking: self.ranking.clone(),
        }
    }
}

/// What depends on one opening of the store, and is dropped with it when a commit fails.
struct Owned {
    epoch: Epoch,
    /// Which opening it is: the same for all partitions.
    domain: Epoch,
    reader: Box<dyn Reader>,
    writer: Writer,
    runs: BTreeMap<RunId, Loaded>,
    /// Runs that had a place before, and wait for it again.
    aside: BTreeMap<RunId, Loaded>,
    /// Runs that only wait and left memory.
    asleep: Sleepers,
    /// Runs in memory by the time since which nothing may have happened to them.
    quiet: VecDeque<(Timestamp, RunId)>,
    /// Places among the runs of a workflow; empty where the domain is not held.
    admission: Admission,
    /// Places on workers; empty where the domain is not held.
    dispatch: Dispatch,
    pools: Pools,
    /// Who has to be heard before places are given away.
    holds: Holds,
    /// The grants of this partition's runs that are not over.
    leases: BTreeSet<FencingToken>,
    mail: Mail,
    timers: Timers,
    definitions: Definitions,
    open: Open,
    /// The last sequence that was given to the writer.
    last: Sequence,
    /// The last sequence that is durable.
    durable: Sequence,
}

/// A run in memory.
struct Loaded {
    run: Run,
    values: Values,
    key: Option<String>,
    upkeep: Upkeep,
}

impl Owned {
    fn open(
        parts: &Seat,
        committers: &mut MakeCommitter,
        messages: Entry,
        lost: Option<Epoch>,
    ) -> Result<Self, StoreError> {
        let Opening { store, reader, opened, domain } = parts.store.take(parts.log, lost)?;
        let mail = Mail::open(reader.as_ref(), parts.log, parts.partitions)?;
        let inbox = Inbox { messages, epoch: opened.epoch };
        let writer = Writer::new(committers(store, parts.logs.clone(), inbox)?);
        let mut dispatch = Dispatch::new(domain);
        dispatch.set_worker(parts.worker.clone(), Some(parts.supply.offer(parts.slots.max(1))));
        for (pool, units) in &parts.supply.pools {
            dispatch.set_pool(pool.clone(), Some(*units));
        }
        Ok(Self {
            epoch: opened.epoch,
            domain,
            reader,
            writer,
            runs: BTreeMap::new(),
            aside: BTreeMap::new(),
            asleep: Sleepers::default(),
            quiet: VecDeque::new(),
            admission: Admission::default(),
            dispatch,
            pools: Pools::default(),
            holds: Holds::until_declared(parts.partitions),
            leases: BTreeSet::new(),
            mail,
            timers: Timers::default(),
            definitions: Definitions::default(),
            open: Open::default(),
            last: opened.last,
            durable: opened.last,
        })
    }

    /// Returns when the next timer is due, also of a run that left memory.
    fn next_due(&self) -> Option<Timestamp> {
        let asleep = self.asleep.first().map(|(due, _)| due);
        self.timers.next_due().into_iter().chain(asleep).min()
    }
}

/// What the partition's thread owns.
struct State {
    parts: Seat,
    committers: MakeCommitter,
    inbox: Entry,
    owned: Owned,
    worker: Option<Arc<SharedWorker>>,
    evaluator: Evaluator,
    lines: Lines,
    is_interrupted: bool,
    /// How the engine is once what was decided is durable; then the loop ends.
    closing: Option<Health>,
    /// What could not be read of the store in this turn; the turn is dropped with it.
    trouble: Option<StoreError>,
    /// Runs that keep more values in memory than they should.
    large: Vec<RunId>,
    /// Runs that hold much of what has ended.
    lengthy: Vec<RunId>,
    /// Runs of which so much has happened that a snapshot may be worth it.
    eventful: Vec<RunId>,
    tally: Tally,
    /// What follows from effects, done once all requests of the turn are answered.
    follow_ups: VecDeque<FollowUp>,
    /// How many more messages between runs this turn may take.
    messages: Share,
    /// Failures of the store since the last good commit.
    failures: u32,
    /// Runs whose open grants are to be compared with what the worker says it has.
    to_recount: Vec<RunId>,
    /// Tasks that are to be skipped once it is known what became of their attempts.
    skips: Vec<Skip>,
    /// What is to be said to runs that wait for the place that they had.
    says: Vec<Say>,
    /// The last recount that this partition asked for, and the last one that was answered, of those of all partitions.
    recounts: (u64, u64),
    /// Messages that wait until the writer has taken a full batch.
    deferred: VecDeque<Message>,
    /// Runs that have more to decide than went into their turn.
    unfinished: VecDeque<RunId>,
}

impl State {
    /// Opens the log, raising its epoch.
    fn open(parts: Seat, mut committers: MakeCommitter, inbox: Entry) -> Result<Self, StoreError> {
        let owned = Owned::open(&parts, &mut committers, inbox.clone(), None)?;
        let watch = Watch::new(parts.limits.jq_deadline, parts.limits.jq_lost_max);
        let mut state = Self {
            evaluator: Evaluator::with_jq(Box::new(watch)).with_limits(parts.limits.expression),
            lines: Lines::new(Arc::clone(&parts.blobs), parts.namespace.clone()),
            parts,
            committers,
            inbox,
            owned,
            worker: None,
            is_interrupted: false,
            closing: None,
            trouble: None,
            follow_ups: VecDeque::new(),
            messages: Share::new(FOLLOW_UPS_PER_TURN),
            large: Vec::new(),
            lengthy: Vec::new(),
            eventful: Vec::new(),
            tally: Tally::default(),
            failures: 0,
            to_recount: Vec::new(),
            skips: Vec::new(),
            says: Vec::new(),
            recounts: (0, 0),
            deferred: VecDeque::new(),
            unfinished: VecDeque::new(),
        };
        state.wish(Wish::Declared);
        Ok(state)
    }

    fn run(&mut self, messages: &Messages) {
        // Others wait for what it has to say, and there may be mail.
        if self.parts.partitions != Count::ONE && !self.turn(None, messages) {
            return;
        }
        loop {
            let first = self.next(messages);
            if !self.turn(first, messages) {
                return;
            }
        }
    }

    /// Takes a turn: this message and those that are there already; false when the loop is to end.
    fn turn(&mut self, first: Option<Message>, messages: &Messages) -> bool {
        self.messages.begin();
        let mut next = first;
        for _ in 0..MESSAGES_PER_BATCH {
            let Some(message) = next.take() else { break };
            if !self.handle(message) {
                return false;
            }
            if self.is_full() {
                break;
            }
            next = self.deferred.pop_front().or_else(|| messages.try_next());
        }
        if let Some(message) = next {
            self.deferred.push_front(message);
        }
        if !self.keeps_timers() {
            self.fire_timers();
        }
        self.take_mail();
        self.take_more();
        self.fold();
        self.owned.holds.has_heard = false;
        let is_idle = self.deferred.is_empty() && !self.has_more();
        self.admit();
        // A run that has just got its place.
        self.take_skips();
        self.take_says();
        self.grant();
        self.take_snapshots();
        self.let_sleep();
        if !self.settle(is_idle) {
            return false;
        }
        if self.is_interrupted && self.owned.leases.is_empty() {
            self.closing.get_or_insert(Health::Interrupted);
        }
        match self.closing.take_if(|_| self.owned.open.is_empty() && !self.owned.writer.is_busy()) {
            Some(health) => {
                self.parts.progress.close(health);
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
    fn next(&mut self, messages: &Messages) -> Option<Message> {
        while self.is_stalled() {
            let message = messages.next_reserved();
            if let Some(message) = self.unless_deferred(message) {
                return Some(message);
            }
        }
        match self.deferred.pop_front() {
            Some(message) => Some(message),
            None if !self.has_more() => messages.next(self.time_to_sleep()),
            None => messages.try_next(),
        }
    }

    /// Returns whether there is something to do beside what is in the inbox.
    fn has_more(&self) -> bool {
        self.goes_on()
            || self.has_more_to_grant()
            || (!self.is_interrupted && (self.owned.mail.has_unread() || !self.eventful.is_empty()))
            || self.may_give_more()
    }

    /// Returns whether the batch in the making must be handed over before more is decided.
    fn is_full(&self) -> bool {
        self.owned.open.is_full(self.parts.rows_max)
    }

    /// Returns whether nothing can be decided before the writer has taken a full batch.
    fn is_stalled(&self) -> bool {
        self.is_full() && self.owned.writer.is_busy()
    }

    /// Puts a message aside that has to wait for the writer.
    fn unless_deferred(&mut self, message: Message) -> Option<Message> {
        match message {
            Message::Written(..) | Message::Interrupt | Message::Quit => Some(message),
            Message::Start(..)
            | Message::Resume { .. }
            | Message::Cancel { .. }
            | Message::Skip(_)
            | Message::Say(_)
            | Message::Attach(_)
            | Message::Letter(_)
            | Message::Hold(_)
            | Message::Said(_) => {
                self.deferred.push_back(message);
                None
            }
        }
    }

    fn time_to_sleep(&self) -> Duration {
        match self.owned.next_due().into_iter().chain(self.next_nap()).min() {
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
            Message::Start(new, mut answer) => {
                let _opening = answer.take_opening();
                self.start(*new, answer);
            }
            Message::Resume { runs, asked, mut answer } => {
                let _opening = answer.take_opening();
                self.resume(&runs, asked, answer);
            }
            Message::Cancel { run, by, reason, mut answer } => {
                let _opening = answer.take_opening();
                let loaded = self.load(run);
                self.take_up_at_once(run);
                let cancelled = loaded.and_then(|ended| match ended {
                    Some(status) => Err(Rejection::RunOver { status }.into()),
                    None => self
                        .put(run, Command::Cancel { by, reason, successor: None })
                        .map_err(RequestError::from),
                });
                self.answer(answer, cancelled);
            }
            Message::Skip(skip) => self.skip(skip),
            Message::Say(say) => self.say_to_run(*say),
            Message::Attach(worker) => {
                self.worker = Some(worker);
                self.recount();
            }
            Message::Said(said) => return self.hear(said),
            Message::Letter(letter) => return self.open_letter(letter),
            Message::Hold(true) => self.owned.holds.begin_resume(),
            Message::Hold(false) => self.owned.holds.end_resume(),
            Message::Interrupt => {
                self.is_interrupted = true;
                if let Some(worker) = &self.worker {
                    worker.tell().stop_all();
                }
                if self.owned.writer.is_held_up() {
                    // Nobody waits for space any more. What is not durable was told to nobody; a resume decides it again.
                    self.parts.progress.close(Health::Interrupted);
                    return false;
                }
            }
            Message::Written(epoch, _) if epoch != self.owned.epoch => {}
            Message::Written(_, Written::Committed(Ok(_))) => self.committed(),
            Message::Written(_, Written::Committed(Err(error))) => return self.reload(error),
            Message::Written(_, Written::Held(error)) => {
                self.owned.writer.hold_up();
                self.parts.progress.hold_up(error.to_string());
                if self.is_interrupted {
                    self.parts.progress.close(Health::Interrupted);
                    return false;
                }
            }
            Message::Quit => return false,
        }
        true
    }

    /// Takes up runs of the store; `asked` is the one that was asked for.
    fn resume(&mut self, runs: &[RunId], asked: Option<RunId>, answer: Answer) {
        let mut loaded = Ok(());
        for run in runs {
            match self.load(*run) {
                Ok(_) => {}
                Err(error) if asked == Some(*run) => loaded = Err(error),
                Err(error) => self.parts.progress.note(format!("run {run} cannot go on: {error}")),
            }
        }
        self.answer(answer, loaded);
    }

    /// Tells those who watch how many runs are under way.
    fn tell_under_way(&self) {
        let runs = self.owned.runs.len() + self.owned.aside.len() + self.owned.asleep.len();
        // Who is called by a message that nobody has taken is under way too.
        self.parts.progress.set_under_way(self.parts.log, runs + self.owned.mail.calls_on_the_way());
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
            self.recounts.0 = worker.recount();
        }
    }

    /// Counts those open grants as lost that the worker knows nothing of. What their attempts printed is kept.
    ///
    /// Only grants of earlier epochs can be lost: those of this one went to the worker after they were durable, maybe
    /// after it made the list. For the same reason only the answer to the last question counts.
    fn compare(&mut self, tokens: &[FencingToken]) {
        let (asked, answered) = &mut self.recounts;
        *answered += 1;
        if *answered < *asked {
            return;
        }
        let mut lost = Vec::new();
        for run in std::mem::take(&mut self.to_recount) {
            let Some(loaded) = self.owned.runs.get(&run) else { continue };
            for (task, attempt, token) in loaded.run.grants() {
                if token.epoch() < self.owned.domain && !tokens.contains(&token) {
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
        self.take_skips();
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
        self.parts.progress.note(format!("the store failed and is opened again: {error}"));
        let may_go_on = self.failures <= REOPENS_MAX && may_reopen(&error);
        self.reopen(if may_go_on { Ok(()) } else { Err(error) })
    }

    /// Takes what another partition says; false when the loop is to end.
    fn open_letter(&mut self, letter: Letter) -> bool {
        let Letter { from, domain, word } = letter;
        // Somebody found that the store had failed, and opened it again for all.
        if domain > self.owned.domain && !self.reopen(Ok(())) {
            return false;
        }
        let is_void = domain < self.owned.domain;
        match word {
            Word::Mail => self.owned.mail.note_unread(from),
            Word::Taken(through) => {
                self.owned.mail.note_taken(from, through);
                self.tell_under_way();
            }
            Word::Wish(wish) if !is_void => self.hear_wish(from, wish),
            Word::Verdict(verdict) if !is_void => self.obey(verdict),
            Word::LetGo(hold) => drop(hold),
            Word::Wish(_) | Word::Verdict(_) | Word::Reopened => {}
        }
        true
    }

    /// Drops what was decided and is not durable, takes part in the next opening of the store if that is allowed, and
    /// loads the runs from it; false if that fails for good.
    fn reopen(&mut self, allowed: Result<(), StoreError>) -> bool {
        let in_memory = self.owned.runs.keys().chain(self.owned.aside.keys());
        let open_runs: Vec<RunId> = in_memory.copied().chain(self.owned.asleep.runs()).collect();
        let mut lost_answers = self.owned.open.take_answers();
        lost_answers.extend(self.owned.writer.take_waiting().into_iter().flat_map(|waiting| waiting.answers));
        self.follow_ups.clear();
        self.unfinished.clear();
        self.eventful.clear();
        // An open transaction of the old writer would keep the new one out.
        self.owned.writer.close();
        let lost = Some(self.owned.domain);
        let open = |()| Owned::open(&self.parts, &mut self.committers, self.inbox.clone(), lost);
        let reopened = allowed.and_then(open);
        match reopened {
            Ok(owned) => {
                let before = std::mem::replace(&mut self.owned, owned);
                self.owned.holds.follow(&before.holds);
            }
            Err(error) => {
                self.parts.progress.set_health(failed(&error));
                return false;
            }
        }
        self.say_reopened();
        for (answer, _) in lost_answers {
            drop(answer.give(Err(RequestError::Unknowable)));
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
                    | RequestError::Unknowable
                    | RequestError::Data(_)
                    | RequestError::Change(_)
                    | RequestError::Deep
                    | RequestError::Full { .. } => Health::Failed(error.to_string()),
                };
                self.parts.progress.set_health(health);
                return false;
            }
        }
        self.wish(Wish::Declared);
        self.admit();
        self.recount();
        true
    }

    /// Tells the others that the store was opened again: those that have nothing to commit would not notice.
    fn say_reopened(&self) {
        for to in self.parts.partitions.logs().filter(|to| *to != self.parts.log) {
            self.say(to, Word::Reopened);
        }
    }

    /// Says something to another partition.
    fn say(&self, to: LogId, word: Word) {
        self.parts.post.put(to, Letter { from: self.parts.log, domain: self.owned.domain, word });
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
        | StoreError::Format { .. }
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
        | StoreError::Format { .. }
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
