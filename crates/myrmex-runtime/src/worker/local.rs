//! The local worker: one thread that starts processes, keeps their output and reports their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_store::segments::Stream as LogStream;
use myrmex_store::{LogRange, StoreError};
use zeroize::Zeroize;

use super::attempt::{Running, is_shortage};
use super::blobs::{self, Keeper};
use super::cache::{Answer, Lookup, Successes};
use super::finish::{self, Finish};
use super::heartbeat::{self, Heartbeat};
use super::secret::{Commands, Prepared, Preparing, RunMasks, Secrets, Wanted};
use super::{Assignment, Outcome, Report, Said, Worker, WorkerConfig, arguments};
use crate::clock::Clock;
use crate::logs::Logs;
use crate::platform::{ProcessEnd, ProcessEvent, ProcessId, Processes, Stream, Waker};
use crate::secrets::{self, Secret};

/// What the worker is told.
enum Told {
    Assign(Box<Assignment>),
    Stop(FencingToken),
    StopAll,
    /// The report of the attempt is durable and need not be kept.
    Acknowledge(FencingToken),
    /// Tell what is under way, then every report again that is kept.
    Recount,
    /// The files that an attempt needs are ready, or it ends.
    Unpacked(Box<Assignment>, Option<AttemptEnd>),
    /// An attempt takes over an earlier success.
    TakenOver(Box<Assignment>, Box<Report>),
    /// What an attempt left is kept.
    Finished(Box<Report>),
    /// A run is over: nobody reads its files any more.
    Forget(RunId),
    /// Kill what runs and end.
    Quit,
}

/// Why the worker could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The loop that watches processes could not be made.
    #[error("the local worker cannot watch processes")]
    Processes(#[source] std::io::Error),
    /// Its thread could not be made.
    #[error("the local worker's thread cannot be started")]
    Thread(#[source] std::io::Error),
}

/// The pause before attempts are tried again that the machine had no processes for. Short beside what a person notices, long
/// beside what a try costs.
const POSTPONED_PAUSE: Duration = Duration::from_millis(200);

/// How long attempts are tried again that the machine has no processes for while none of this worker's runs that could give
/// something back: what has just ended, and other programs, may take a while.
const SHORTAGE_MAX: Duration = Duration::from_secs(10);

/// Tells whether the local worker has anything under way. It is known to be so from a moment after the attempt was assigned.
#[derive(Debug, Clone, Default)]
pub struct Busy(Arc<AtomicBool>);

impl Busy {
    /// Returns whether anything is under way that would have to be stopped.
    pub fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A handle on the local worker. Dropping it kills what runs and waits for the thread to end.
pub struct LocalWorker {
    busy: Busy,
    told: Sender<Told>,
    waker: Waker,
    logs: Logs,
    thread: Option<JoinHandle<()>>,
}

impl LocalWorker {
    /// Starts the worker. What it has to say goes to `say`, which must not block.
    ///
    /// # Errors
    ///
    /// Returns [`WorkerError`] if the operating system refuses its thread.
    pub fn start(
        processes: Processes,
        config: WorkerConfig,
        logs: Logs,
        clock: Box<dyn Clock>,
        say: Box<dyn Fn(Said) + Send>,
    ) -> Result<Self, WorkerError> {
        let waker = processes.waker();
        // Without a bound, because either side may be waiting for the other: the worker for the partition to take a
        // report, the partition for the worker to take an assignment. What it can hold is bounded all the same: an
        // assignment, a stop, an acknowledgement and a notice of its own for each slot.
        let (told, inbox) = channel();
        let keeper = Keeper {
            blobs: Arc::clone(&config.blobs),
            namespace: config.namespace.clone(),
            copies: config.copies.clone(),
            logs: logs.clone(),
            partials: Arc::default(),
        };
        let shared_logs = logs.clone();
        let busy = Busy::default();
        let state = State {
            busy: busy.clone(),
            hidden: config.providers.hidden_variables(),
            keeper,
            mailbox: (told.clone(), waker.clone()),
            successes: Arc::new(Successes::new(config.successes.clone())),
            unpacking: BTreeMap::new(),
            finishing: BTreeSet::new(),
            config,
            logs,
            clock,
            say,
            preparing: BTreeMap::new(),
            commands: Commands::default(),
            masks: RunMasks::default(),
            running: BTreeMap::new(),
            trouble: None,
            postponed: BTreeMap::new(),
            tried: Instant::now(),
            short_since: None,
            kept: BTreeMap::new(),
            made_scratch: false,
        };
        let body = move || state.run(processes, &inbox);
        let thread =
            std::thread::Builder::new().name("worker".into()).spawn(body).map_err(WorkerError::Thread)?;
        Ok(Self { busy, told, waker, logs: shared_logs, thread: Some(thread) })
    }

    /// Returns what tells whether anything is under way, also once the worker belongs to a partition.
    pub fn busy(&self) -> Busy {
        self.busy.clone()
    }

    fn tell(&self, told: Told) {
        // A worker that has ended said why before; there is nobody left to tell.
        drop(self.told.send(told));
        self.waker.wake();
    }
}

impl Worker for LocalWorker {
    fn assign(&self, assignment: Assignment) {
        self.tell(Told::Assign(Box::new(assignment)));
    }

    fn stop(&self, token: FencingToken) {
        self.tell(Told::Stop(token));
    }

    fn stop_all(&self) {
        self.tell(Told::StopAll);
    }

    fn acknowledge(&self, token: FencingToken) {
        self.tell(Told::Acknowledge(token));
    }

    fn forget(&self, run: RunId) {
        self.tell(Told::Forget(run));
    }

    fn recount(&self) {
        self.tell(Told::Recount);
    }
}

impl Drop for LocalWorker {
    fn drop(&mut self) {
        // Nobody waits for output any more that a full disk refuses.
        self.logs.give_up();
        self.tell(Told::Quit);
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has nothing left to wait for.
            drop(thread.join());
        }
    }
}

/// What the worker's thread owns.
struct State {
    busy: Busy,
    config: WorkerConfig,
    logs: Logs,
    clock: Box<dyn Clock>,
    say: Box<dyn Fn(Said) + Send>,
    /// Variables that tasks do not inherit, because they hold secrets.
    hidden: Vec<OsString>,
    keeper: Keeper,
    /// Where threads that work for attempts put what they have done.
    mailbox: (Sender<Told>, Waker),
    /// What can be taken over.
    successes: Arc<Successes>,
    /// Attempts that wait for files or for what they could take over, and whether they were stopped meanwhile.
    unpacking: BTreeMap<FencingToken, bool>,
    /// Attempts whose process has ended and whose artifacts are being kept.
    finishing: BTreeSet<FencingToken>,
    /// Attempts that wait for commands to give their secrets.
    preparing: BTreeMap<FencingToken, Preparing>,
    commands: Commands,
    masks: RunMasks,
    running: BTreeMap<FencingToken, Running>,
    /// Why output cannot be kept any more.
    trouble: Option<StoreError>,
    /// Attempts for which the machine had no process or descriptor to spare.
    postponed: BTreeMap<FencingToken, Assignment>,
    /// When it was last tried to begin them.
    tried: Instant,
    /// Since when the machine has had no process for any attempt, though none runs.
    short_since: Option<Instant>,
    /// Reports that are not yet known to be durable.
    kept: BTreeMap<FencingToken, Report>,
    made_scratch: bool,
}

impl State {
    fn run(mut self, processes: Processes, inbox: &Receiver<Told>) {
        // The store has a new owner, so whoever read what is left here is gone.
        self.keeper.forget_all();
        self.config.kin.make_ready();
        let worked = catch_unwind(AssertUnwindSafe(|| self.work(processes, inbox)));
        if worked.is_err() {
            (self.say)(Said::Broken("the local worker stopped by a defect of its own".to_owned()));
        }
    }

    fn work(&mut self, mut processes: Processes, inbox: &Receiver<Told>) {
        loop {
            let mut ended = Vec::new();
            let mut is_broken = false;
            let polled = processes.poll(self.pause(), &mut |event| match event {
                ProcessEvent::Output { id, stream, bytes } => {
                    if !self.commands.keep(id, stream, bytes) {
                        self.output(FencingToken(id.0), stream, bytes);
                    }
                }
                ProcessEvent::Ended { id, end } => ended.push((id, end)),
                ProcessEvent::Woken => {}
                ProcessEvent::Broken => is_broken = true,
            });
            self.end_silent(&mut processes);
            let may_begin = !ended.is_empty() || self.tried.elapsed() >= POSTPONED_PAUSE;
            let answered = self.ended(ended);
            if let Some(reason) = self.trouble_with(polled, is_broken) {
                return (self.say)(Said::Broken(reason));
            }
            if !answered.into_iter().all(|token| self.go_on(&mut processes, token)) {
                return;
            }
            if may_begin && !self.postponed.is_empty() && !self.start_postponed(&mut processes) {
                return;
            }
            while let Ok(told) = inbox.try_recv() {
                if !self.obey(&mut processes, told) {
                    return;
                }
            }
            let is_busy = !(self.unpacking.is_empty()
                && self.preparing.is_empty()
                && self.postponed.is_empty()
                && self.running.is_empty()
                && self.finishing.is_empty());
            self.busy.0.store(is_busy, Ordering::Relaxed);
        }
    }

    /// Returns how long nothing need be done unless something happens.
    fn pause(&self) -> Option<Duration> {
        // What the machine lacks may be freed by somebody else, who does not tell.
        let postponed = (!self.postponed.is_empty()).then_some(POSTPONED_PAUSE);
        self.unwatched().into_iter().chain(postponed).min()
    }

    /// Returns how long nobody need look for signs of life.
    fn unwatched(&self) -> Option<Duration> {
        self.running.values().filter_map(Running::unwatched).min()
    }

    /// Ends the attempts whose time without a sign of life has run out. Of what one has printed, all that is still on its
    /// way counts, so that nobody is ended because this thread was busy.
    fn end_silent(&mut self, processes: &mut Processes) {
        for (token, running) in &mut self.running {
            let id = ProcessId(token.0);
            if running.unwatched() != Some(Duration::ZERO) || processes.has_printed(id) {
                continue;
            }
            if running.heartbeat().is_some_and(Heartbeat::runs_out) {
                // A process that cannot be signalled has ended; its report is on the way.
                drop(processes.stop(id));
            }
        }
    }

    /// Returns why the worker cannot go on, if it cannot.
    fn trouble_with(&mut self, polled: std::io::Result<()>, is_broken: bool) -> Option<String> {
        if let Err(error) = self.logs.flush() {
            self.trouble.get_or_insert(error);
        }
        match (&self.trouble, polled) {
            (Some(error), _) => Some(format!("what tasks print cannot be kept: {error}")),
            (None, Err(error)) => Some(format!("the local worker cannot watch processes: {error}")),
            (None, Ok(())) if is_broken => Some("the process that starts tasks was killed".to_owned()),
            (None, Ok(())) => None,
        }
    }

    /// Does what it was told; false when it was told to end.
    fn obey(&mut self, processes: &mut Processes, told: Told) -> bool {
        match told {
            Told::Assign(assignment) => return self.start(processes, *assignment),
            Told::Stop(token) => {
                if let Some(assignment) = self.postponed.remove(&token) {
                    self.end_unstarted(assignment, AttemptEnd::Stopped);
                }
                if let Some(running) = self.running.get_mut(&token) {
                    running.is_stopping = true;
                }
                if let Some(preparing) = self.preparing.get_mut(&token) {
                    preparing.end(AttemptEnd::Stopped);
                }
                if let Some(is_stopped) = self.unpacking.get_mut(&token) {
                    *is_stopped = true;
                }
                // A process that cannot be signalled has ended; its report is on the way.
                for id in self.commands.of(token).chain([ProcessId(token.0)]) {
                    drop(processes.stop(id));
                }
            }
            Told::StopAll => {
                self.unpacking.values_mut().for_each(|is_stopped| *is_stopped = true);
                for (token, preparing) in &mut self.preparing {
                    preparing.end(AttemptEnd::Stopped);
                    for id in self.commands.of(*token) {
                        drop(processes.stop(id));
                    }
                }
                for assignment in std::mem::take(&mut self.postponed).into_values() {
                    self.end_unstarted(assignment, AttemptEnd::Stopped);
                }
                for (token, running) in &mut self.running {
                    running.is_stopping = true;
                    drop(processes.stop(ProcessId(token.0)));
                }
            }
            Told::Acknowledge(token) => {
                self.kept.remove(&token);
            }
            Told::Recount => {
                let begun = self.unpacking.keys().chain(self.preparing.keys()).chain(self.postponed.keys());
                let ending = self.running.keys().chain(&self.finishing).chain(self.kept.keys());
                let tokens = begun.chain(ending).copied().collect();
                (self.say)(Said::Inventory(tokens));
                for report in self.kept.values() {
                    (self.say)(Said::Report(Box::new(report.clone())));
                }
            }
            Told::Unpacked(assignment, end) => {
                let is_stopped = self.unpacking.remove(&assignment.token).unwrap_or_default();
                match end.or(is_stopped.then_some(AttemptEnd::Stopped)) {
                    Some(end) => self.end_unstarted(*assignment, end),
                    None => return self.prepare(processes, *assignment, None),
                }
            }
            Told::TakenOver(assignment, report) => return self.take_over(processes, *assignment, report),
            Told::Finished(report) => {
                self.finishing.remove(&report.token);
                self.report(*report);
            }
            Told::Forget(run) => self.keeper.forget(run),
            Told::Quit => return false,
        }
        true
    }

    /// Starts an attempt, or first what it needs; false if the worker cannot go on.
    fn start(&mut self, processes: &mut Processes, assignment: Assignment) -> bool {
        let token = assignment.token;
        let is_under_way = self.unpacking.contains_key(&token)
            || self.preparing.contains_key(&token)
            || self.running.contains_key(&token)
            || self.finishing.contains(&token);
        if is_under_way || self.kept.contains_key(&token) {
            return true;
        }
        self.busy.0.store(true, Ordering::Relaxed);
        let may_take_over = assignment.cache.as_ref().is_some_and(|scope| scope.digest.is_none());
        if !may_take_over && !blobs::names_files(&assignment.arguments) {
            return self.prepare(processes, assignment, None);
        }
        self.unpacking.insert(token, false);
        let keeper = self.keeper.clone();
        let lookup = may_take_over.then(|| Lookup {
            successes: Arc::clone(&self.successes),
            workspace: self.config.workspace.clone(),
            now: self.clock.now(),
        });
        self.apart(move || {
            let assignment = match lookup {
                None => assignment,
                Some(lookup) => match lookup.answer(&keeper, assignment) {
                    Answer::Hit(assignment, report) => return Told::TakenOver(assignment, report),
                    Answer::Miss(assignment) => *assignment,
                    Answer::Over(assignment, end) => return Told::Unpacked(assignment, Some(end)),
                },
            };
            let (assignment, end) = finish::unpack(&keeper, assignment);
            Told::Unpacked(Box::new(assignment), end)
        });
        true
    }

    /// Does on a thread of its own what may take long, and then hears of it.
    fn apart(&self, act: impl FnOnce() -> Told + Send + 'static) {
        let (told, waker) = self.mailbox.clone();
        // If there can be no other thread, this one does it, and everything else waits.
        let shared = Arc::new(Mutex::new(Some(act)));
        let taken = Arc::clone(&shared);
        let body = move || {
            let act = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(act) = act {
                // A worker that has ended wants to know nothing.
                drop(told.send(act()));
                waker.wake();
            }
        };
        if std::thread::Builder::new().name("files".into()).spawn(body).is_err() {
            let act = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(act) = act {
                drop(self.mailbox.0.send(act()));
                self.mailbox.1.wake();
            }
        }
    }

    /// Reports the success that an attempt takes over, or first starts what gives its secrets; false if the worker cannot
    /// go on.
    ///
    /// The attempts of the origin may have left secrets in files, from which tasks after this one print them. They were
    /// given what this attempt names: the names are part of the digest, also through a chain of hits. So the masks of this
    /// run learn the same as if the attempt ran, and the journals of other runs need not be asked.
    fn take_over(&mut self, processes: &mut Processes, assignment: Assignment, report: Box<Report>) -> bool {
        let is_stopped = self.unpacking.remove(&report.token).unwrap_or_default();
        match Wanted::of(&assignment.arguments) {
            Ok(None) => self.report(*report),
            Ok(Some(_)) | Err(_) if is_stopped => self.end_unstarted(assignment, AttemptEnd::Stopped),
            Ok(Some(_)) | Err(_) => return self.prepare(processes, assignment, Some(report)),
        }
        true
    }

    /// Starts an attempt whose files are ready, or reports the `hit` that it takes over, or first starts what gives its
    /// secrets; false if the worker cannot go on.
    fn prepare(
        &mut self,
        processes: &mut Processes,
        assignment: Assignment,
        hit: Option<Box<Report>>,
    ) -> bool {
        let token = assignment.token;
        let wanted = Wanted::of(&assignment.arguments);
        let needed = wanted.and_then(|wanted| {
            let recalled = self.masks.recall(&self.config.kin, assignment.run, token).map_err(|error| {
                // Without it nobody knows what to mask.
                let title = "the journal does not tell which secrets tasks were given before";
                Fault::new(FaultKind::Runtime, title).with_detail(error.to_string())
            })?;
            Ok((wanted, recalled))
        });
        let (wanted, recalled) = match needed {
            Ok((None, recalled)) if recalled.names.is_empty() => {
                return self.begin(processes, (assignment, hit), Secrets::none(recalled.root));
            }
            Ok((wanted, recalled)) => (wanted.unwrap_or_default(), recalled),
            Err(fault) => {
                self.end_unstarted(assignment, AttemptEnd::Failed { fault });
                return true;
            }
        };
        self.preparing.insert(token, Preparing::new((assignment, hit), wanted, recalled, &self.config));
        self.go_on(processes, token)
    }

    /// Starts the commands that give the secrets of an attempt, or the attempt itself once it has them; false if the
    /// worker cannot go on.
    fn go_on(&mut self, processes: &mut Processes, token: FencingToken) -> bool {
        let Some(preparing) = self.preparing.get_mut(&token) else { return true };
        while let Some((name, spec)) = preparing.next_command() {
            let id = self.commands.add(token, name.clone(), &spec);
            if let Err(error) = processes.start(id, &spec) {
                self.commands.remove(id);
                let title = format!("the command that gives the secret `{name}` cannot be started");
                let refused = Err(secrets::fault(title, error.to_string()));
                preparing.answered(&name, refused, &self.config);
            }
        }
        if !preparing.is_settled() {
            return true;
        }
        match self.preparing.remove(&token).map(Preparing::settle) {
            Some(Prepared::Ready(assignment, hit, secrets)) => {
                self.begin(processes, (assignment, hit), secrets)
            }
            Some(Prepared::Over(assignment, end)) => {
                self.end_unstarted(assignment, end);
                true
            }
            Some(Prepared::NotYet) | None => true,
        }
    }

    /// Starts an attempt that has its secrets, or reports the success that it takes over; false if the worker cannot go on.
    fn begin(
        &mut self,
        processes: &mut Processes,
        (assignment, hit): (Assignment, Option<Box<Report>>),
        secrets: Secrets,
    ) -> bool {
        let Some(report) = hit else { return self.launch(processes, assignment, secrets) };
        // Before the report: what follows the attempt may begin as soon as that is known.
        match self.learn(secrets.root, &secrets.values) {
            Ok(()) => self.report(*report),
            Err(fault) => self.end_unstarted(assignment, AttemptEnd::Failed { fault }),
        }
        true
    }

    /// Starts the process of an attempt; false if the worker cannot go on. That its own directory cannot be made is no
    /// failure of the task: the next owner finds the attempt lost and repeats it.
    fn launch(&mut self, processes: &mut Processes, assignment: Assignment, secrets: Secrets) -> bool {
        let token = assignment.token;
        if let Err(error) = self.scratch() {
            let folder = self.config.scratch.display();
            (self.say)(Said::Broken(format!("the directory `{folder}` cannot be made: {error}")));
            return false;
        }
        let output = self.config.scratch.join(token.to_string());
        let mut spec = match arguments::process(&assignment, &self.config, &output) {
            Ok(spec) => spec,
            Err(fault) => {
                self.end_unstarted(assignment, AttemptEnd::Failed { fault });
                return true;
            }
        };
        spec.env_remove.clone_from(&self.hidden);
        // One of whoever started this program is not for its tasks.
        spec.env_remove.push(heartbeat::VARIABLE.into());
        // Before all others: what identifies the attempt is not for a secret to change.
        spec.env.splice(0..0, secrets.variables);
        if let Err(fault) = self.learn(secrets.root, &secrets.values) {
            self.end_unstarted(assignment, AttemptEnd::Failed { fault });
            return true;
        }
        let started = processes.start(ProcessId(token.0), &spec);
        if !secrets.values.is_empty() {
            spec.env.into_iter().for_each(|(_, value)| value.into_encoded_bytes().zeroize());
        }
        match started {
            Ok(()) => {
                let masks = self.masks.of(secrets.root);
                self.running.insert(token, Running::new(assignment, (secrets.root, masks), output));
            }
            Err(error) if is_shortage(&error) && self.may_pass() => {
                self.postponed.insert(token, assignment);
            }
            Err(error) => {
                let fault = Fault::new(FaultKind::Runtime, "no process could be made");
                let fault = fault.with_detail(error.to_string());
                self.end_unstarted(assignment, AttemptEnd::Failed { fault });
            }
        }
        true
    }

    /// Masks these secrets from now on in all that attempts of the root's runs say.
    fn learn(&mut self, root: RunId, values: &[Secret]) -> Result<(), Fault> {
        let Some(masks) = self.masks.learn(root, values)? else { return Ok(()) };
        let of_run = self.running.iter_mut().filter(|(_, running)| running.root == root);
        let released: Vec<_> =
            of_run.map(|(token, running)| (*token, running.replace_masks(&masks))).collect();
        for (token, [stdout, stderr]) in released {
            self.keep(token, Stream::Stdout, &stdout);
            self.keep(token, Stream::Stderr, &stderr);
        }
        Ok(())
    }

    fn end_unstarted(&mut self, assignment: Assignment, end: AttemptEnd) {
        let Assignment { run, task, attempt, token, .. } = assignment;
        let outcome = Outcome::Ended(AttemptReport::of(end));
        let (artifacts, logs) = (serde_json::Map::new(), Vec::new());
        self.report(Report { run, task, attempt, token, outcome, artifacts, logs, digest: None });
    }

    /// Returns whether it is worth waiting for what the machine has no more of now. The end of another attempt gives some back; if
    /// there is none, somebody else may.
    fn may_pass(&mut self) -> bool {
        if !self.running.is_empty() {
            return true;
        }
        self.short_since.get_or_insert_with(Instant::now).elapsed() < SHORTAGE_MAX
    }

    /// Tries again to start what the machine had no place for; false if the worker cannot go on.
    fn start_postponed(&mut self, processes: &mut Processes) -> bool {
        self.tried = Instant::now();
        let postponed = std::mem::take(&mut self.postponed);
        postponed.into_values().all(|assignment| self.start(processes, assignment))
    }

    /// Makes the directory of output files when the first attempt needs it. Waits while the disk is full.
    fn scratch(&mut self) -> std::io::Result<()> {
        if !self.made_scratch {
            // Files of attempts that an earlier worker lost: their ends are recorded, nobody reads them any more.
            drop(std::fs::remove_dir_all(&self.config.scratch));
        }
        while !self.made_scratch {
            let made: std::io::Result<()> = std::fs::create_dir_all(&self.config.scratch);
            match made {
                Ok(()) => self.made_scratch = true,
                Err(error) if error.kind() == ErrorKind::StorageFull && self.logs.wait_for_space() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn output(&mut self, token: FencingToken, stream: Stream, bytes: &[u8]) {
        let Some(running) = self.running.get_mut(&token) else { return };
        if let Some(heartbeat) = running.heartbeat() {
            heartbeat.note_sign();
        }
        let masked = running.masked(stream, bytes);
        self.keep(token, stream, &masked);
    }

    /// Keeps what an attempt printed, which holds no secret any more.
    fn keep(&mut self, token: FencingToken, stream: Stream, bytes: &[u8]) {
        let Some(running) = self.running.get_mut(&token).filter(|_| !bytes.is_empty()) else { return };
        running.keep(stream, bytes);
        let log_stream = match stream {
            Stream::Stdout => LogStream::Stdout,
            Stream::Stderr => LogStream::Stderr,
        };
        if let Err(error) = self.logs.append(token, log_stream, self.clock.now(), bytes) {
            self.trouble.get_or_insert(error);
        }
    }

    /// Reports the ends of one round. What the attempts printed is written before any of them is reported. Returns the
    /// attempts whose secrets have come.
    fn ended(&mut self, ended: Vec<(ProcessId, ProcessEnd)>) -> Vec<FencingToken> {
        let mut answered = Vec::new();
        for (id, end) in ended {
            if let Some(command) = self.commands.remove(id) {
                let (token, name, answer) = command.answer(&end);
                if let Some(preparing) = self.preparing.get_mut(&token) {
                    preparing.answered(&name, answer, &self.config);
                    answered.push(token);
                }
                continue;
            }
            let token = FencingToken(id.0);
            for stream in [Stream::Stdout, Stream::Stderr] {
                let rest = self.running.get_mut(&token).map(|running| running.held_back(stream));
                self.keep(token, stream, &rest.unwrap_or_default());
            }
            let Some(mut running) = self.running.remove(&token) else { continue };
            if let Some(heartbeat) = running.heartbeat() {
                heartbeat.remove();
            }
            let has_begun = !running.may_begin_later(&end);
            if has_begun {
                self.short_since = None;
            } else if self.may_pass() {
                // Nothing of it ever ran.
                self.postponed.insert(token, running.assignment);
                continue;
            }
            let ranges = self.log_ranges(token, &running);
            if self.trouble.is_some() {
                // Without its output the end of an attempt is not reported; the next owner finds the attempt lost.
                return answered;
            }
            if finish::is_long(&running, &end) {
                let (workspace, keeper) = (self.config.workspace.clone(), self.keeper.clone());
                let finish = Finish { running, end, logs: ranges, workspace, keeper };
                self.finishing.insert(token);
                self.apart(move || Told::Finished(Box::new(finish.report())));
                continue;
            }
            let outcome = running.outcome(&end);
            let digest = running.assignment.digest();
            let Assignment { run, task, attempt, token, .. } = running.assignment;
            let artifacts = serde_json::Map::new();
            self.report(Report { run, task, attempt, token, outcome, artifacts, logs: ranges, digest });
        }
        answered
    }

    /// Ends the attempt's output and tells where it lies; nothing if it printed nothing.
    fn log_ranges(&mut self, token: FencingToken, running: &Running) -> Vec<LogRange> {
        if !running.has_printed() {
            return Vec::new();
        }
        self.logs.finish(token, self.clock.now()).unwrap_or_else(|error| {
            self.trouble.get_or_insert(error);
            Vec::new()
        })
    }

    fn report(&mut self, report: Report) {
        self.kept.insert(report.token, report.clone());
        (self.say)(Said::Report(Box::new(report)));
    }
}
