//! The world of a simulation: one process with its partitions and their worker, the disk, the clock, and people who start and
//! cancel runs. What happens next is drawn from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::address::Address;
use myrmex_model::id::{DefinitionHash, FencingToken, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::wire;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    Answered, CalledDefinition, DOMAIN_LOG, MakeCommitter, NewRun, Parts, RequestError, Stepper, Supply,
    Tally, Thrift, load_run,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::worker::{Outcome, Report};
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::contract::Arrival;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::{LogId, Partitions, RunSummary, StoreError};

use super::disk::{Bench, Disk, Faults};
use super::faults::Weather;
use super::planted::Planted;
use super::random::{Random, mix};
use super::worker::{Hands, Line, Told};
use super::{CANCELLER, Counts, Tapes};
use super::{cache, judge, laws, order};

/// The most things that happen while faults may.
const FAULTY_STEPS: u64 = 250;

/// How many things happen in a world with several partitions where one happens with one: what runs say to each other is
/// sent, brought and taken. Faults then come as much more seldom, so that as much is under way when they do.
const PACE: u64 = 3;

/// More than happens in any run that ends.
const STEPS_MAX: u64 = 60_000;

/// Every so many seeds batches are small.
const SMALL_BATCHES_EVERY: u64 = 5;

/// How many rows fill a small batch; less than most turns decide.
const SMALL_BATCH: usize = 6;

/// Where virtual time begins: any instant will do.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;

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
    line: Line,
    pub(super) hands: Hands,
    /// How many attempts its worker may have under way.
    slots: usize,
    /// What it was told to take up when it began, until that is done.
    resuming: Option<Answered>,
    /// Where the batches of each partition wait, since the last opening of the store.
    benches: Arc<Mutex<BTreeMap<LogId, Bench>>>,
    progress: Arc<Progress>,
}

impl Process {
    /// Returns where batches lie that were handed over.
    fn loaded_benches(&self) -> Vec<Bench> {
        let benches = self.benches.lock().unwrap_or_else(PoisonError::into_inner);
        benches.values().filter(|bench| bench.is_loaded()).cloned().collect()
    }
}

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

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) now: Arc<AtomicI64>,
    pub(super) disk: Disk,
    pub(super) process: Option<Process>,
    /// A process that was taken for dead and lives: its lock is gone, and its commits must be refused.
    pub(super) zombie: Option<Process>,
    /// Reports of workers that died, as a network may keep them.
    pub(super) late: Vec<Report>,
    pub(super) clients: Vec<Client>,
    pub(super) namespace: Namespace,
    partitions: Partitions,
    /// The partition whose turn it is, if nothing else is drawn.
    next: u64,
    pub(super) planted: Option<Planted>,
    pub(super) weather: Weather,
    /// How many turns are to come after what has happened, until nothing is left of it.
    news: u64,
    started: BTreeMap<FencingToken, (RunId, Address, u32)>,
    produced: BTreeSet<FencingToken>,
    once: BTreeMap<(RunId, Address), FencingToken>,
    /// The attempts whose worker died.
    dead: BTreeSet<FencingToken>,
    definitions: Vec<Definition>,
    pub(super) trace: u64,
    pub(super) counts: Counts,
    pub(super) breaches: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64, definitions: &[Definition], tapes: Tapes, planted: Option<Planted>) -> Self {
        let Tapes { world: mut random, disk } = tapes;
        // Most workflows say something to each other then.
        let count = if random.permille(600) { 4 } else { 1 };
        let partitions = Partitions::new(count).expect("there is at least one");
        let faults = match random.below(5) {
            0 => Faults::default(),
            1 => Faults { full: 20, unknown: 20, unreadable: 0 },
            2 => Faults { full: 0, unknown: 60, unreadable: 0 },
            3 => Faults { full: 150, unknown: 5, unreadable: 0 },
            _ => Faults { full: 0, unknown: 5, unreadable: 25 },
        };
        let disk = Disk::new(disk, faults, planted, partitions);
        let mut world = Self {
            seed,
            random,
            now: Arc::new(AtomicI64::new(EPOCH_NS)),
            disk,
            process: None,
            zombie: None,
            late: Vec::new(),
            clients: Vec::new(),
            namespace: Namespace::standard(),
            partitions,
            next: 0,
            planted,
            weather: Weather::default(),
            news: 0,
            started: BTreeMap::new(),
            produced: BTreeSet::new(),
            once: BTreeMap::new(),
            dead: BTreeSet::new(),
            definitions: definitions.to_vec(),
            trace: seed,
            counts: Counts::default(),
            breaches: Vec::new(),
        };
        let count = 1 + world.random.below(3);
        for index in 0..count {
            let client = world.client(index, definitions);
            world.clients.push(client);
        }
        world
    }

    fn client(&mut self, index: u64, definitions: &[Definition]) -> Client {
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

    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    /// Returns how many things happen where one happens in a world with one partition.
    pub(super) fn pace(&self) -> u64 {
        if self.partitions == Partitions::ONE { 1 } else { PACE }
    }

    fn wrong(&mut self, text: impl Into<String>) {
        self.breaches.push(text.into());
    }

    /// Lives through faults, then to the end of all runs, and judges.
    pub(super) fn live(&mut self) {
        let faulty = self.random.below(FAULTY_STEPS * self.pace());
        for _ in 0..faulty {
            self.step(true);
            if !self.breaches.is_empty() {
                return;
            }
        }
        self.heal();
        for step in 0.. {
            if step > STEPS_MAX {
                return self.wrong("the runs do not end");
            }
            if self.is_over() || !self.breaches.is_empty() {
                break;
            }
            if !self.step(false) {
                let open = self.describe();
                return self.wrong(format!("nothing is left to happen and a run is not over: {open}"));
            }
        }
        self.judge_end();
    }

    /// Says how what is open stands.
    fn describe(&self) -> String {
        let reader = self.disk.reader();
        let mut lines = Vec::new();
        for open in self.open_runs() {
            let id = open.run;
            let Ok(Some(run)) = load_run(reader.as_ref(), &self.namespace, id) else { continue };
            let open_tasks = run.tasks().filter(|task| !task.status().is_terminal());
            let tasks: Vec<_> = open_tasks
                .map(|task| format!("{} {} {:?}", task.address(), task.status().as_str(), task.phase()))
                .collect();
            let (workflow, timers) = (&open.workflow, run.timers());
            lines.push(format!("run {id} of {workflow}: {}; timers {timers:?}", tasks.join(", ")));
        }
        for Client { run, is_acknowledged, wants_cancel, is_cancelled, .. } in &self.clients {
            let facts = [*is_acknowledged, *wants_cancel, *is_cancelled];
            lines.push(format!("client of {run}: acknowledged, wants to cancel, cancelled {facts:?}"));
        }
        if let Some(process) = &self.process {
            let running: Vec<_> = process.hands.running().map(|open| open.task.to_string()).collect();
            let (said, notes) = (process.hands.said.len(), process.progress.take_notes());
            lines.push(format!("running {running:?}, {said} words unheard, notes {notes:?}"));
        }
        lines.join("\n")
    }

    pub(super) fn history(&self) -> Vec<String> {
        let reader = self.disk.reader();
        self.partitions.logs().flat_map(|log| judge::history(reader.as_ref(), log)).collect()
    }

    fn is_over(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let is_done =
            |client: &Client| client.is_acknowledged && (!client.wants_cancel || client.is_cancelled);
        self.clients.iter().all(is_done)
            && process.line.is_empty()
            && process.hands.said.is_empty()
            && process.hands.running().next().is_none()
            && self.open_runs().is_empty()
            && judge::untaken(self.disk.reader().as_ref(), self.partitions) == 0
    }

    /// Returns the runs of all partitions that are not over.
    fn open_runs(&self) -> Vec<RunSummary> {
        let reader = self.disk.reader();
        let open = |log| reader.open_runs(log, Arrival::NONE, 1_000).unwrap_or_default();
        self.partitions.logs().flat_map(open).map(|open| open.summary).collect()
    }

    /// Lets one thing happen; false if nothing can.
    fn step(&mut self, is_faulty: bool) -> bool {
        self.counts.steps += 1;
        self.random.mark();
        self.weather.pass();
        if self.process.is_none() {
            self.begin_process();
            return true;
        }
        self.ask();
        if is_faulty && self.meddle() {
            return true;
        }
        let now = self.now();
        let process = self.process.as_mut().expect("it lives");
        let benches = process.loaded_benches();
        let is_writing = !benches.is_empty() && !self.weather.is_disk_slow();
        let works = !self.weather.is_worker_frozen();
        let routes = process.partitions.routes();
        let ended = process.hands.ended(now);
        // Each kind of thing that can happen, as often as it is likely; the first is what brings things on.
        let mut choices = vec![Choice::Write; usize::from(is_writing) * 4];
        choices.extend(vec![Choice::Hear; usize::from(works && !process.hands.said.is_empty()) * 4]);
        choices.extend(vec![Choice::Read; usize::from(works && !process.line.is_empty()) * 4]);
        choices.extend(vec![Choice::End; usize::from(works && !ended.is_empty()) * 3]);
        choices.extend(vec![Choice::Deliver; usize::from(!routes.is_empty()) * 5]);
        let is_quiet = choices.is_empty();
        choices.extend(vec![Choice::Turn; 3]);
        match is_quiet && self.news == 0 {
            true => choices.insert(0, Choice::Pass),
            false if is_faulty || is_quiet => choices.push(Choice::Pass),
            false => {}
        }
        let choice = *self.random.one_of(&choices);
        self.trace = mix(self.trace, choice as u64);
        self.news = match choice {
            Choice::Turn => self.news.saturating_sub(1),
            Choice::Read | Choice::Hear | Choice::End | Choice::Write | Choice::Deliver | Choice::Pass => {
                u64::from(self.partitions.count())
            }
        };
        match choice {
            Choice::Turn => self.turn(),
            Choice::Read => self.read(),
            Choice::Hear => self.hear(),
            Choice::End => {
                let token = *self.random.one_of(&ended);
                self.end(token);
            }
            Choice::Write => self.random.one_of(&benches).work(&self.disk),
            Choice::Deliver => {
                let route = *self.random.one_of(&routes);
                self.deliver(route, is_faulty);
            }
            Choice::Pass => return self.pass(),
        }
        let wrong = self.disk.take_breaches();
        self.breaches.extend(wrong);
        true
    }

    /// Brings a letter of one partition to another, which it may reach twice while faults may happen.
    fn deliver(&mut self, route: (LogId, LogId), is_faulty: bool) {
        let again = is_faulty && self.random.permille(200);
        let Some(process) = &mut self.process else { return };
        process.partitions.deliver(route, again);
        self.counts.letters.0 += 1;
        self.counts.letters.1 += u64::from(again);
    }

    /// Draws one of the partitions; the simplest is the next one in turn.
    fn draw_log(&mut self) -> LogId {
        let count = u64::from(self.partitions.count());
        let drawn = (self.next + self.random.below(count)) % count;
        self.next = (drawn + 1) % count;
        LogId(u32::try_from(drawn).expect("it is small"))
    }

    /// Starts the process anew and takes up what is in the store, as the server does.
    fn begin_process(&mut self) {
        let slots = 1 + u32::try_from(self.random.below(4)).expect("it is small");
        let miscount = u32::from(self.planted == Some(Planted::SlotCounter) && self.counts.crashes > 0);
        let benches: Arc<Mutex<BTreeMap<LogId, Bench>>> = Arc::default();
        let committers = |log| -> MakeCommitter {
            let (disk, made) = (self.disk.clone(), Arc::clone(&benches));
            Box::new(move |store, _, inbox| {
                let (committer, bench) = disk.committer(store, inbox);
                made.lock().unwrap_or_else(PoisonError::into_inner).insert(log, bench);
                Ok(committer)
            })
        };
        let progress = Arc::new(Progress::new());
        let disk = self.disk.clone();
        let parts = Parts {
            open: Box::new(move || Ok(disk.open())),
            namespace: self.namespace.clone(),
            clock: Arc::new(Watch(Arc::clone(&self.now))),
            slots: slots + miscount,
            supply: Supply::default(),
            worker: Name::new("local").expect("it is a name"),
            logs: Logs::new(DOMAIN_LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
            progress: Arc::clone(&progress),
            blobs: Arc::new(MemoryBlobStore::default()),
            limits: EvaluationLimits::default(),
            thrift: self.thrift(),
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
        let line = Line::default();
        partitions.attach(Box::new(line.clone()));
        let hands = Hands::new(self.seed, self.planted);
        let slots = usize::try_from(slots).expect("it is small");
        self.process = Some(Process { partitions, line, hands, slots, resuming: None, benches, progress });
        self.resume();
        self.counts.processes += 1;
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
    fn count_thrift(&mut self) {
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
        self.counts.crashes_in_recovery += u64::from(process.resuming.is_some());
        self.counts.crashes_under_load += u64::from(process.hands.running().next().is_some());
        self.late.extend(process.hands.reports().cloned());
        self.dead.extend(self.started.keys().filter(|token| process.hands.has(**token)));
        if self.random.permille(300) {
            self.zombie = Some(process);
        } else {
            drop(process);
        }
        self.disk.crash();
        for client in &mut self.clients {
            // Whoever asked heard nothing; they ask again.
            (client.start, client.cancel) = (None, None);
        }
    }

    /// Lets people ask for what they want and hear what they are answered.
    fn ask(&mut self) {
        let Some(process) = &mut self.process else { return };
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
    }

    pub(super) fn is_working(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.hands.running().next().is_some())
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
            self.produced.extend(report.filter(is_known).map(|_| token));
        }
        if let Some(said) = zombie.hands.said.pop_front() {
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

    fn turn(&mut self) {
        let (log, now) = (self.draw_log(), self.now());
        let Some(process) = &mut self.process else { return };
        let (sleeps, before) = (process.partitions.sleeps(log, now), self.disk.commits());
        let handed_over = process.loaded_benches().len();
        let goes_on = process.partitions.turn(log);
        if sleeps && (self.disk.commits(), process.loaded_benches().len()) != (before, handed_over) {
            self.breaches.push(format!("partition {log} had something to do and would have slept"));
        }
        if !goes_on {
            // It ended by itself, such as after too many failures of the store: the process leaves.
            self.counts.gave_up += 1;
            self.trace = mix(self.trace, 99);
            self.crash();
        }
        self.trace = mix(self.trace, self.disk.commits());
    }

    /// The worker reads one word.
    fn read(&mut self) {
        let now = self.now();
        let Some(process) = &mut self.process else { return };
        let Some(told) = process.line.take() else { return };
        if let Told::Assign(assignment) = &told {
            let (token, key) = (assignment.token, (assignment.run, assignment.task.clone()));
            let text = assignment.task.to_string();
            let overlaps = process.hands.running().any(|open| (open.run, &open.task) == (key.0, &key.1));
            let before = FencingToken(token.0 - 1);
            let log = self.partitions.log_of(key.0);
            let grants = self.disk.reader().grants(log, before, 1).unwrap_or_default();
            let is_durable = grants.first().is_some_and(|grant| grant.token == token);
            let attempt = assignment.attempt.0;
            if !is_durable {
                self.breaches.push(format!("`{text}` begins before its grant is durable"));
            }
            if overlaps {
                self.breaches.push(format!("`{text}` begins while another attempt of it runs"));
            }
            if self.started.insert(token, (key.0, key.1.clone(), attempt)).is_some() {
                self.breaches.push(format!("token {token} begins twice"));
            }
            let is_once = text.rsplit('/').next().is_some_and(|name| name.starts_with("once"));
            if is_once
                && let Some(earlier) = self.once.insert(key, token)
                && !self.produced.contains(&earlier)
            {
                self.breaches.push(format!("`{text}` is repeated though what its attempt did is unknown"));
            }
            if process.hands.running().count() >= process.slots {
                self.breaches.push(format!("`{text}` begins though all places are taken"));
            }
            self.counts.attempts += 1;
            if self.planted == Some(Planted::AssignedTwice) && self.random.permille(50) {
                process.line.put(Told::Assign(assignment.clone()));
            }
        }
        let found = match &told {
            Told::Assign(assignment) => cache::find(self.disk.reader().as_ref(), &self.namespace, assignment),
            Told::Stop(_) | Told::StopAll | Told::Acknowledge(_) | Told::Forget | Told::Recount => None,
        };
        self.counts.taken_over += u64::from(found.is_some());
        process.hands.obey(told, found, now);
    }

    fn hear(&mut self) {
        let Some(process) = &mut self.process else { return };
        if let Some(said) = process.hands.said.pop_front() {
            self.weather.keep(&said);
            process.partitions.ear().hear(said);
        }
    }

    fn end(&mut self, token: FencingToken) {
        let now = self.now();
        let Some(process) = &mut self.process else { return };
        if let Some(report) = process.hands.end(token, now) {
            let run = self.disk.reader().summary(&self.namespace, report.run).ok().flatten();
            if run.is_none_or(|run| run.status.is_terminal()) {
                self.breaches.push(format!("an attempt of `{}` outlives its run", report.task));
            }
            if is_known(&report) {
                self.produced.insert(token);
            }
        }
    }

    /// Time passes: until the next thing is due. False if nothing ever is.
    fn pass(&mut self) -> bool {
        let Some(process) = &self.process else { return true };
        let now = self.now();
        let due = process.partitions.next_due().into_iter().chain(process.hands.next_end()).min();
        let next = match due {
            Some(due) if due > now => due,
            Some(_) => now.after(Length(1)),
            // A full disk is tried again after a while.
            None if self.random.permille(900) => now.after(Length(10)),
            None => {
                self.counts.idle += 1;
                now.after(Length(1_000))
            }
        };
        self.now.store(next.0, Ordering::Relaxed);
        self.counts.idle < 1_000
    }

    /// Judges what is durable when everything is over.
    fn judge_end(&mut self) {
        self.count_thrift();
        let reader = self.disk.reader();
        let durable = judge::read(reader.as_ref(), (self.partitions, &self.disk.order()), &mut self.breaches);
        for log in self.partitions.logs() {
            judge::check_indexes(reader.as_ref(), log, &self.namespace, &mut self.breaches);
        }
        self.counts.messages = self.disk.messages();
        let mut wrong = Vec::new();
        for token in self.started.keys() {
            if !durable.tokens.contains(token) {
                wrong.push(format!("an attempt with token {token} ran that no journal knows"));
            }
        }
        for (run, journal) in &durable.runs {
            for (task, _, token) in judge::successes(journal) {
                if !self.produced.contains(&token) {
                    wrong.push(format!("run {run}: the success of `{task}` was produced by no attempt"));
                }
            }
            for origin in cache::origins(journal) {
                if !cache::is_success(origin, durable.runs.get(&origin.run)) {
                    wrong.push(cache::breach(*run, origin));
                }
            }
            for (task, token) in laws::lost(journal) {
                if self.started.contains_key(&token) && !self.dead.contains(&token) {
                    wrong.push(format!("run {run}: `{task}` counts as lost, and its worker lived"));
                }
            }
            let workflow = durable.workflows.get(run);
            let named =
                |definition: &&Definition| Some(definition.name.as_str()) == workflow.map(String::as_str);
            if let Some(definition) = self.definitions.iter().find(named) {
                order::check(*run, journal, definition, &mut wrong);
            }
            let has_snapshot = !matches!(reader.snapshot(&self.namespace, *run), Ok(None));
            if has_snapshot && judge::end_of(journal).is_some() {
                wrong.push(format!("run {run} is over and has a snapshot"));
            }
            self.counts.events += journal.len() as u64;
            self.counts.kinds.extend(journal.iter().map(|recorded| recorded.event.kind()));
            if judge::end_of(journal).is_none() {
                wrong.push(format!("run {run} is not over"));
            }
        }
        // A run that was not taken up when the others were has no place until it is, and holds nothing.
        if self.counts.unread == 0 && self.counts.left_alone == 0 {
            wrong.extend(durable.overtaken);
            laws::check_places(&durable.moves, &durable.workflows, &self.definitions, &mut wrong);
        }
        for client in &self.clients {
            let end = durable.runs.get(&client.run).and_then(|journal| judge::end_of(journal));
            match end {
                None => wrong.push(format!("run {} was acknowledged and is not there", client.run)),
                Some(end) if client.is_cancelled && end != Status::Cancelled => {
                    wrong.push(format!("run {} was cancelled and ended {}", client.run, end.as_str()));
                }
                Some(end) => {
                    *self.counts.ends.entry(end.as_str()).or_default() += 1;
                }
            }
        }
        self.breaches.extend(wrong);
        if let Some(process) = &self.process {
            for note in process.progress.take_notes() {
                self.trace = super::random::mix_text(self.trace, &note);
            }
        }
    }
}

/// Returns how few messages between runs a turn takes in the simulation of a seed; in half of them it is as ever.
fn short_turns(seed: u64) -> Option<u32> {
    [Some(1), Some(3), None, None][usize::try_from(mix(seed, 4) % 4).expect("it is small")]
}

/// Whether a report leaves no doubt about what its attempt did.
fn is_known(report: &Report) -> bool {
    match &report.outcome {
        Outcome::Produced { .. } | Outcome::TakenOver { .. } => true,
        Outcome::Ended(report) => matches!(report.end, myrmex_model::outcome::AttemptEnd::Failed { .. }),
    }
}

/// A kind of thing that can happen.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Turn,
    Read,
    Hear,
    End,
    Write,
    Deliver,
    Pass,
}
