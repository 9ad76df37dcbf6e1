//! A process of a simulation: how it begins, what it is told to take up, and how it dies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::id::RunId;
use myrmex_model::name::Name;
use myrmex_model::time::{Length, Timestamp};
use myrmex_plan::rank::levels;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    Answered, DOMAIN_LOG, MakeCommitter, Parts, Ranking, Stepper, Supply, Tally, Thrift,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::worker::Said;
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::{LogId, StoreError};

use super::attempts::is_known;
use super::disk::Bench;
use super::judge;
use super::network::Network;
use super::planted::Planted;
use super::random::{Random, mix};
use super::worker::Hands;
use super::world::World;

/// Every so many seeds batches are small.
const SMALL_BATCHES_EVERY: u64 = 5;

/// How many rows fill a small batch; less than most turns decide.
const SMALL_BATCH: usize = 6;

/// The longest pause between two steps of an opening, in things that happen meanwhile.
const OPENING_MAX: u64 = 30;

#[derive(Clone)]
struct Watch(Arc<AtomicI64>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A living process.
pub(super) struct Process {
    pub(super) partitions: Stepper,
    pub(super) network: Network,
    pub(super) hands: Hands,
    /// How many attempts its worker may have under way.
    pub(super) slots: usize,
    /// How far it has come in its opening, until it has asked for the first time.
    pub(super) opening: Option<Opening>,
    /// What it was told to take up when it began, until that is done.
    pub(super) resuming: Option<Answered>,
    /// Where the batches of each partition wait, since the last opening of the store.
    benches: Arc<Mutex<BTreeMap<LogId, Bench>>>,
    pub(super) progress: Arc<Progress>,
}

/// How far a process has come that has asked for nothing yet. Its loops turn already, and there may be mail.
pub(super) struct Opening {
    /// How many things happen until it has a worker.
    until_worker: u64,
    has_worker: bool,
    /// How many happen after that until it asks for what is to go on.
    until_request: u64,
}

impl Opening {
    fn draw(random: &mut Random) -> Self {
        let mut pause = || if random.permille(400) { random.below(OPENING_MAX) } else { 0 };
        Self { until_worker: pause(), has_worker: false, until_request: pause() }
    }
}

impl Process {
    /// Whether an attempt is under way, or a report that is not known to be durable.
    fn is_under_load(&self) -> bool {
        self.hands.running().next().is_some() || self.hands.reports().next().is_some()
    }

    /// Returns where batches lie that were handed over.
    pub(super) fn loaded_benches(&self) -> Vec<Bench> {
        let benches = self.benches.lock().unwrap_or_else(PoisonError::into_inner);
        benches.values().filter(|bench| bench.is_loaded()).cloned().collect()
    }
}

impl World {
    /// Starts the process anew and takes up what is in the store, as the server does.
    pub(super) fn begin_process(&mut self) {
        let slots = 1 + u32::try_from(self.random.below(4)).expect("it is small");
        let miscount = u32::from(self.planted == Some(Planted::SlotCounter) && self.counts.crashes > 0);
        let benches: Arc<Mutex<BTreeMap<LogId, Bench>>> = Arc::default();
        let committers = |log| -> MakeCommitter {
            let (disk, made) = (self.disk.clone(), Arc::clone(&benches));
            Box::new(move |store, logs, inbox| {
                let (committer, bench) = disk.committer(store, (logs, inbox));
                made.lock().unwrap_or_else(PoisonError::into_inner).insert(log, bench);
                Ok(committer)
            })
        };
        let progress = Arc::new(Progress::new());
        let disk = self.disk.clone();
        let logs = match self.segments.open() {
            Ok(segments) => Logs::new(DOMAIN_LOG, segments, Arc::clone(&progress)),
            Err(error) => return self.wrong(format!("the segments cannot be opened: {error}")),
        };
        let parts = Parts {
            open: Box::new(move || Ok(disk.open())),
            namespace: self.namespace.clone(),
            clock: Arc::new(Watch(Arc::clone(&self.now))),
            slots: slots + miscount,
            supply: Supply::default(),
            worker: Name::new("local").expect("it is a name"),
            logs: logs.clone(),
            progress: Arc::clone(&progress),
            blobs: Arc::new(MemoryBlobStore::default()),
            limits: EvaluationLimits::default(),
            thrift: self.thrift(),
            ranking: Ranking::new(|_, definition| levels(definition, &BTreeMap::new())),
        };
        let mut partitions = match Stepper::open(parts, committers) {
            Ok(partitions) => partitions,
            // The disk cannot be read. Whoever starts the process tries again.
            Err(StoreError::Io { .. }) => return,
            Err(error) => return self.wrong(format!("the store cannot be opened: {error}")),
        };
        for log in self.partitions.logs() {
            judge::check_indexes(self.disk.reader().as_ref(), log, &self.namespace, &mut self.breaches);
        }
        if self.seed % SMALL_BATCHES_EVERY == 1 {
            partitions.bound_batches(SMALL_BATCH);
        }
        if let Some(messages) = short_turns(self.seed) {
            partitions.shorten_turns(messages);
        }
        let network = Network::new(self.quality, self.planted);
        let hands = Hands::new(self.seed, self.planted, logs);
        let slots = usize::try_from(slots).expect("it is small");
        let opening = Opening::draw(&mut self.random);
        if self.planted == Some(Planted::NoOpeningHold) {
            // Whoever asks for nothing ends the hold.
            drop(partitions.resume_runs(&[]));
        }
        let (resuming, opening) = (None, Some(opening));
        self.process =
            Some(Process { partitions, network, hands, slots, opening, resuming, benches, progress });
        self.counts.processes += 1;
        self.open();
    }

    /// Lets the process come a step further in its opening, if it is not done: its loops turn, then they have a worker, then it
    /// asks for what is to go on.
    pub(super) fn open(&mut self) {
        let Some(process) = &mut self.process else { return };
        let Some(opening) = &mut process.opening else { return };
        if opening.until_worker > 0 {
            opening.until_worker -= 1;
            return;
        }
        if !opening.has_worker {
            opening.has_worker = true;
            process.partitions.attach(Box::new(process.network.line.clone()));
        }
        match opening.until_request.checked_sub(1) {
            Some(left) => opening.until_request = left,
            None if self.asks_to_skip_first() => self.let_in(),
            None => self.resume(),
        }
    }

    /// The process is asked for something for the first time, and that is not that runs go on.
    fn let_in(&mut self) {
        self.counts.left_alone += 1;
        self.counts.skips.first += 1;
        if let Some(process) = &mut self.process {
            process.opening = None;
        }
    }

    /// When snapshots are taken and runs leave memory: often, where it is not hardly ever. It follows from the seed alone.
    fn thrift(&self) -> Thrift {
        let drawn = mix(self.seed, 7);
        let snapshot_events = [1, 3, 10, 1_000][usize::try_from(drawn % 4).expect("it is small")];
        let idle = [0, 1, 20, 1_000_000][usize::try_from(drawn / 4 % 4).expect("it is small")];
        let nap_events = if (drawn / 16).is_multiple_of(2) { 0 } else { 10 };
        let (events_per_activation, idle) = (drawn / 32 % 2, Length(idle));
        let events_per_activation = usize::try_from(events_per_activation).expect("it is small");
        // Whoever compares finds these before anything comes of them.
        let spoils = matches!(self.planted, Some(Planted::SnapshotTailSkipped | Planted::SleeperBehind));
        // What is not compared at once is seen in what follows from it, as it is by a release build.
        let is_checked = !spoils && (drawn / 64).is_multiple_of(2);
        Thrift { snapshot_events, events_per_activation, nap_events, idle, is_checked }
    }

    /// Counts what was done to save memory and time.
    pub(super) fn count_thrift(&mut self) {
        let Some(process) = &self.process else { return };
        let Tally { snapshots, naps, wakes } = process.partitions.tally();
        self.counts.snapshots += snapshots;
        self.counts.naps += naps;
        self.counts.wakes += wakes;
    }

    /// Asks for all open runs to go on.
    pub(super) fn resume(&mut self) {
        let mut open: Vec<RunId> = self.open_runs().into_iter().map(|open| open.run).collect();
        if let Some(few) = self.weather.take_few() {
            open.truncate(few);
            self.counts.left_alone += 1;
        }
        if let Some(process) = &mut self.process {
            if process.opening.take().is_some_and(|opening| !opening.has_worker) {
                process.partitions.attach(Box::new(process.network.line.clone()));
            }
            process.resuming = Some(process.partitions.resume_runs(&open));
        }
    }

    /// Whether the process has not taken up yet what it found when it began.
    pub(super) fn is_recovering(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.resuming.is_some())
    }

    /// Sudden death.
    pub(super) fn crash(&mut self) {
        self.count_thrift();
        let Some(process) = self.process.take() else { return };
        self.counts.crashes += 1;
        self.counts.crashes_in_opening += u64::from(process.opening.is_some());
        self.counts.crashes_in_recovery += u64::from(process.resuming.is_some());
        self.counts.crashes_under_load += u64::from(process.is_under_load());
        self.late.extend(process.hands.reports().cloned());
        self.attempts.note_death(&process.hands);
        if self.random.permille(300) {
            self.zombie = Some(process);
        } else {
            drop(process);
        }
        self.disk.crash();
        if self.zombie.is_none() && self.random.permille(500) {
            // The machine dies too, and with it what is not synced, and every word of what it did.
            self.segments.crash(&mut self.random);
            self.weather.forget();
        }
        for client in &mut self.clients {
            // Whoever asked heard nothing; they ask again.
            (client.start, client.cancel) = (None, None);
        }
        self.wishes.lose_answers();
        self.voices.lose_answers(self.planted);
    }

    pub(super) fn is_working(&self) -> bool {
        self.process.as_ref().is_some_and(Process::is_under_load)
    }

    pub(super) fn is_zombie_there(&self) -> bool {
        self.zombie.is_some()
    }

    /// Tells the partition something, if there is one.
    pub(super) fn tell(&self, act: impl FnOnce(&Stepper)) {
        if let Some(process) = &self.process {
            act(&process.partitions);
        }
    }

    /// The process that was taken for dead does something.
    pub(super) fn wake_zombie(&mut self) {
        let (now, log) = (self.now(), self.draw_log());
        let Some(zombie) = &mut self.zombie else { return };
        self.counts.zombie_turns += 1;
        if let Some(token) = zombie.hands.ended(now).first().copied() {
            // What it did counts if it opens the store again and so takes the log back.
            let report = zombie.hands.end(token, now);
            zombie.network.say(report.clone().map(|report| Said::Report(Box::new(report))));
            self.attempts.produced.extend(report.filter(is_known).map(|_| token));
        }
        if let Some(said) = zombie.network.hear(&mut self.random, &mut self.counts.traffic) {
            zombie.partitions.ear().hear(said);
        }
        for bench in zombie.loaded_benches() {
            bench.work(&self.disk);
        }
        for route in zombie.partitions.routes() {
            zombie.partitions.deliver(route, false);
        }
        if !zombie.partitions.turn(log) {
            self.zombie = None;
        }
    }
}

/// Returns how few messages between runs a turn takes in the simulation of a seed; in half of them it is as ever.
fn short_turns(seed: u64) -> Option<u32> {
    [Some(1), Some(3), None, None][usize::try_from(mix(seed, 4) % 4).expect("it is small")]
}
