//! An engine in this process: the store held exclusively, its partitions, the local worker, and watching one run to its
//! end.

mod journey;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{DOMAIN_LOG, Partitions, Parts, RequestError, Thrift, event_of, load_run};
use myrmex_runtime::platform::{self, Processes, Zygote};
use myrmex_runtime::progress::{Health, Progress, Seen};
use myrmex_runtime::worker::{
    Busy, Kin, LocalWorker, OpenReader, WorkerConfig, WorkerError, copies_folder, scratch_folder,
};
use myrmex_store::blobs::{BlobStore, FileBlobStore};
use myrmex_store::directory::{DataDirectory, Owner};
use myrmex_store::segments::FileLogStore;
use myrmex_store::sqlite::{SqliteReader, SqliteStore};
use myrmex_store::{Partitions as StorePartitions, Reader, Sequence, Store};

use crate::asked::{Asking, Still};
use crate::clock::DataClock;
use crate::descendants;
use crate::exit::{Exit, Failure, FailureCode};
use crate::history;
use crate::intake;
use crate::machine;
use crate::ranking;
use crate::render::event::Lines;
use crate::render::held_up::{self, HeldUp, Waiting};
use crate::render::remaining::Remaining;
use crate::render::screen::Screen;
use crate::render::waits;
use crate::render::watch::Watch;
use crate::render::{summary, time};
use crate::settings::Settings;
use crate::workspace::{DATA_NAME, Workspace};

pub use journey::Journey;
use journey::Step;

/// The variable that says how many partitions a new store gets.
const PARTITIONS: &str = "MYRMEX_PARTITIONS";

/// How long to wait for the processes of an owner that was killed to be gone.
const REMAINS_WAIT: Duration = Duration::from_secs(15);

/// How long a process has between the request to stop and its death.
const GRACE: Duration = Duration::from_secs(5);

/// How often a watcher looks up although nothing was announced: for the line of what is under way.
const LOOK_UP: Duration = Duration::from_secs(1);

/// The most notes that are kept of a run of which nothing is said unless it fails: the first ones tell most.
const KEPT_MAX: usize = 100;

/// What a run shows while it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Lines for people on standard error.
    People,
    /// Events as JSON lines on standard output.
    Json,
    /// Nothing but errors.
    Nothing,
}

/// What an engine is given to work with.
#[derive(Debug, Clone, Copy)]
pub struct Means {
    /// How many attempts run at a time; none for what the settings say, or else one for each core.
    pub slots: Option<u32>,
    /// Whether tasks with `cache` look for a success that they can take over. Their own are kept in any case.
    pub takes_over: bool,
    /// Whether what goes well is not worth a word.
    pub is_quiet: bool,
    /// Whether a run that waits for people only is waited for.
    pub waits_for_people: bool,
}

impl Default for Means {
    fn default() -> Self {
        Self { slots: None, takes_over: true, is_quiet: false, waits_for_people: true }
    }
}

/// An engine in this process.
///
/// Fields are dropped in order: the partitions stop, then their worker with everything under way, and only then another
/// process may hold the store.
pub struct Session {
    partitions: Partitions,
    progress: Arc<Progress>,
    open_reader: OpenReader,
    /// Opened when it is first asked for.
    reader: OnceCell<Box<dyn Reader>>,
    namespace: Namespace,
    data: PathBuf,
    blobs: Arc<dyn BlobStore>,
    /// The run that is watched, for whoever is to be told how to go on with it.
    watched: Watched,
    owner: Owner,
    screen: Screen,
    slots: u32,
    busy: Busy,
    waits_for_people: bool,
    clock: DataClock,
}

/// The run that is watched at the moment: a command may watch several, one after the other.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<Option<RunId>>>);

impl Watched {
    fn set(&self, run: RunId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }

    fn run(&self) -> Option<RunId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The write-ahead log of the store, in the data directory.
const WRITE_AHEAD_LOG: &str = "store.db-wal";

/// The longest write-ahead log that is left beside the store at the end of a run.
const LOG_LEFT_BYTES_MAX: u64 = 8 << 20;

/// Starts helper processes while this process has one thread. Commands that run tasks do this first.
///
/// # Errors
///
/// Returns [`Failure`] if the operating system refuses.
pub fn fork_zygote() -> Result<Zygote, Failure> {
    let zygote = Zygote::fork().map_err(|error| Failure::from_error(FailureCode::System, &error))?;
    // After the fork, so that tasks keep the limit that their user set.
    platform::raise_open_files();
    Ok(zygote)
}

/// Keeps what a workspace records out of its source. Without the file all works as well.
fn ignore_records(data: &Path) {
    let ignore = data.join(".gitignore");
    if !ignore.exists() {
        drop(std::fs::write(&ignore, "*\n"));
    }
}

/// Opens the data directory of a workspace; makes one that is not there.
fn open_data(workspace: &Workspace, is_quiet: bool) -> Result<DataDirectory, Failure> {
    let is_new = !workspace.data.exists();
    let directory = DataDirectory::open(&workspace.data)
        .map_err(|error| Failure::file(&workspace.data, "cannot be the data directory", &error))?;
    if is_new && !is_quiet && workspace.data != workspace.root.join(DATA_NAME) {
        // Whoever named another place may have meant one that was there.
        drop(writeln!(std::io::stderr(), "made the data directory `{}`", workspace.data.display()));
    }
    ignore_records(&workspace.data);
    Ok(directory)
}

/// Has the helper processes hold the store too, and makes ready what starts the first task: that goes on beside the opening of
/// the store.
fn helpers(zygote: Zygote, owner: &Owner) -> Result<Processes, Failure> {
    // The store stays held until the last process of a task is gone, even if this process is killed.
    zygote
        .hold(std::os::fd::AsFd::as_fd(owner))
        .map_err(|error| Failure::from_error(FailureCode::System, &error))?;
    let processes = Processes::new(zygote).map_err(WorkerError::Processes);
    let mut processes = processes.map_err(|error| Failure::from_error(FailureCode::System, &error))?;
    processes.make_ready();
    Ok(processes)
}

/// Returns how many attempts run at a time unless somebody says otherwise: one per core.
pub fn default_slots() -> u32 {
    machine::cores()
}

/// Starts the worker of this process, which reports to the partitions.
fn employ(
    processes: Processes,
    config: WorkerConfig,
    (logs, clock): (&Logs, DataClock),
    partitions: &Partitions,
) -> Result<LocalWorker, Failure> {
    let ear = partitions.ear();
    let said = Box::new(move |said| ear.hear(said));
    LocalWorker::start(processes, config, logs.clone(), Box::new(clock), said)
        .map_err(|error| Failure::from_error(FailureCode::System, &error))
}

impl Session {
    /// Holds the workspace's store and starts an engine on it.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the workspace's settings have errors, another process holds the store, or it cannot be
    /// opened.
    pub fn open(zygote: Zygote, workspace: &Workspace, means: Means) -> Result<Self, Failure> {
        let settings = Settings::load(workspace)?;
        let supply = machine::supply(&settings);
        let slots = means.slots.or(settings.worker.slots).unwrap_or_else(default_slots);
        let Settings { providers, limits, .. } = settings;
        let directory = open_data(workspace, means.is_quiet)?;
        let owner = directory.hold(REMAINS_WAIT).map_err(myrmex_store::StoreError::from)?;
        // Read by who holds the store: nobody moves it on meanwhile.
        let clock = DataClock::of(&workspace.data)?;
        let processes = helpers(zygote, &owner)?;
        let progress = Arc::new(Progress::new());
        let logs =
            Logs::new(DOMAIN_LOG, Box::new(FileLogStore::open(&workspace.data)?), Arc::clone(&progress));
        let namespace = Namespace::standard();
        let (data, partitions) = (workspace.data.clone(), new_partitions()?);
        let blobs: Arc<dyn BlobStore> = Arc::new(FileBlobStore::new(&workspace.data));
        let open =
            move || SqliteStore::open_with(&data, partitions).map(|store| Box::new(store) as Box<dyn Store>);
        let open_reader = readers(&workspace.data);
        let partitions = Partitions::start(Parts {
            open: Box::new(open),
            namespace: namespace.clone(),
            clock: Arc::new(clock.clone()),
            slots,
            supply,
            worker: Name::new("local").expect("`local` is a name"),
            logs: logs.clone(),
            blobs: Arc::clone(&blobs),
            progress: Arc::clone(&progress),
            limits,
            thrift: Thrift::default(),
            ranking: ranking::of_host(namespace.clone()),
        })?;
        let config = WorkerConfig {
            workspace: workspace.root.clone(),
            scratch: scratch_folder(&workspace.data),
            grace: GRACE,
            providers,
            kin: Kin::new(Arc::clone(&open_reader), namespace.clone(), Arc::clone(&progress)),
            blobs: Arc::clone(&blobs),
            namespace: namespace.clone(),
            copies: copies_folder(&workspace.data),
            successes: means.takes_over.then(|| Arc::clone(&open_reader)),
        };
        let worker = employ(processes, config, (&logs, clock.clone()), &partitions)?;
        let busy = worker.busy();
        partitions.attach(worker);
        let watched = Watched::default();
        let screen = Screen::of_stderr();
        listen_to_signals(&partitions, logs, (watched.clone(), busy.clone()), screen.clone())?;
        let (reader, data) = (OnceCell::new(), workspace.data.clone());
        let session = Self {
            partitions,
            progress,
            open_reader,
            reader,
            namespace,
            data,
            blobs,
            watched,
            owner,
            screen,
            slots,
            busy,
            // A virtual clock stands still: nothing comes of waiting.
            waits_for_people: means.waits_for_people && !clock.is_virtual(),
            clock,
        };
        intake::sweep(&session)?;
        Ok(session)
    }

    /// Says to those who read beside this process which run it goes on with: before it is asked to.
    pub fn goes_on_with(&self, run: RunId) {
        if let Err(error) = self.owner.goes_on_with(run) {
            // Others are shown as under way too, and nothing else changes.
            drop(writeln!(anstream::stderr(), "which run goes on cannot be told to others: {error}"));
        }
    }

    /// Returns the partitions, for requests.
    pub fn partition(&self) -> &Partitions {
        &self.partitions
    }

    /// Returns a reader of the store. It is opened when it is first asked for: a run of which nothing is shown needs none.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if it cannot be opened.
    pub fn reader(&self) -> Result<&dyn Reader, Failure> {
        if let Some(reader) = self.reader.get() {
            return Ok(reader.as_ref());
        }
        let opened = (self.open_reader)()?;
        Ok(self.reader.get_or_init(|| opened).as_ref())
    }

    /// Returns the clock of the data directory.
    pub fn clock(&self) -> &DataClock {
        &self.clock
    }

    /// Returns the data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns where files of runs are kept.
    pub fn blobs(&self) -> &dyn BlobStore {
        self.blobs.as_ref()
    }

    /// Takes what went wrong inside and was noted for a watcher, for when none begins any more.
    pub fn take_notes(&self) -> Vec<String> {
        self.progress.take_notes()
    }

    /// Returns how the engine is.
    pub fn health(&self) -> Health {
        self.progress.seen().health
    }

    /// Returns whether somebody wants this process to end.
    pub fn is_interrupted(&self) -> bool {
        self.health() == Health::Interrupted
    }

    /// Returns the namespace of the runs.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Returns the last sequence of a run that is durable now.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn last_of(&self, run: RunId) -> Result<Sequence, Failure> {
        let mut last = Sequence::NONE;
        loop {
            let records = self.reader()?.run_records(&self.namespace, run, last, 1_000)?;
            let Some(record) = records.last() else { return Ok(last) };
            last = record.sequence;
        }
    }

    /// Returns the runs that are not over and that came of `run`: it called them, or one that it called did, and so on.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn open_below(&self, run: RunId) -> Result<Vec<RunId>, Failure> {
        Ok(descendants::open_below(self.reader()?, &self.namespace, run)?)
    }

    /// Says that runs of the workspace were interrupted, but for the one that goes on and what came of it.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn tell_of_interrupted(&self, goes_on: Option<(RunId, &[RunId])>) -> Result<(), Failure> {
        let (reader, namespace) = (self.reader()?, &self.namespace);
        let mut open: BTreeSet<RunId> = descendants::open_runs(reader, namespace)?.into_iter().collect();
        for run in goes_on.iter().flat_map(|(run, below)| std::iter::once(run).chain(*below)) {
            open.remove(run);
        }
        let what = match descendants::count_topmost(reader, namespace, &open)? {
            0 => return Ok(()),
            1 => "a run was interrupted before and waits".to_owned(),
            count => format!("{count} runs were interrupted before and wait"),
        };
        // If standard error is closed there is nobody to tell.
        drop(writeln!(
            std::io::stderr(),
            "{what} for `myrmex runs resume`; `myrmex runs list` shows what is interrupted"
        ));
        Ok(())
    }

    /// Turns a refused request into a failure.
    pub fn refused(&self, error: RequestError) -> Failure {
        match error {
            RequestError::Unknown { .. } => Failure::from_error(FailureCode::RunId, &error),
            RequestError::Journal(error) => error.into(),
            RequestError::Rejected(_)
            | RequestError::Full { .. }
            | RequestError::Data(_)
            | RequestError::Change(_)
            | RequestError::Deep => Failure::from_error(FailureCode::Refused, &error),
            RequestError::Unknowable => {
                let mut failure = Failure::from_error(FailureCode::Store, &error);
                failure.causes.extend(self.take_notes());
                failure
            }
        }
    }

    /// Leaves the engine to the end of this process, which follows. For when the run is over: everything is durable,
    /// nothing is under way, and the helper processes end by themselves and free the store. Waiting for all that would
    /// cost more than a short run.
    ///
    /// The store is then not closed: its write-ahead log stays beside it and belongs to it. A long one is moved into the
    /// store by closing it after all. Copies of files that tasks read are not left either: the worker removes them.
    pub fn leave(self) {
        let log = self.data.join(WRITE_AHEAD_LOG);
        let is_long = std::fs::metadata(log).is_ok_and(|log| log.len() > LOG_LEFT_BYTES_MAX);
        let has_copies =
            std::fs::read_dir(copies_folder(&self.data)).is_ok_and(|mut copies| copies.next().is_some());
        if is_long || has_copies {
            return drop(self);
        }
        std::mem::forget(self);
    }

    /// Shows a run until it ends and returns the command's exit.
    ///
    /// `after` is where events begin to be shown.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the engine or the store fails. Everything acknowledged is in the store.
    pub fn watch(&self, run: RunId, after: Sequence, show: Show) -> Result<Exit, Failure> {
        self.watch_on(run, after, (show, None))
    }

    /// Shows a run like [`Session::watch`]; whenever it stands still the virtual clock is moved on, to the end of the journey.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] as [`Session::watch`] does, or if the clock cannot be moved.
    pub fn watch_on(
        &self,
        run: RunId,
        after: Sequence,
        (show, mut journey): (Show, Option<Journey>),
    ) -> Result<Exit, Failure> {
        self.watched.set(run);
        let patience = self.patience(run)?;
        let mut viewer = Viewer::new(self, run, after, show)?;
        let mut seen = Seen { commits: 0, health: Health::Well };
        let mut is_quiet = false;
        loop {
            viewer.show_new()?;
            viewer.take_notes();
            if let Some(status) = self.progress.ended(run) {
                viewer.show_new()?;
                viewer.finish(status)?;
                self.wait_for_others(show);
                return Ok(Exit::of_run(status));
            }
            if let Some(still) = self.still(patience, is_quiet)? {
                viewer.show_new()?;
                match journey.as_mut().map(|journey| self.step(run, (&still, journey))).transpose()? {
                    Some(Step::Moved(to)) => {
                        viewer.moved(to);
                        continue;
                    }
                    Some(Step::Stopped(exit)) => return Ok(exit),
                    Some(Step::Arrived) | None => {}
                }
                viewer.waits(&still)?;
                return Ok(Exit::Waiting);
            }
            match &seen.health {
                Health::Well => viewer.held_up(None),
                Health::HeldUp(reason) => viewer.held_up(Some(reason)),
                Health::Interrupted => {
                    viewer.show_new()?;
                    viewer.interrupted()?;
                    return Ok(Exit::Interrupted);
                }
                Health::Failed(reason) => {
                    viewer.tell_kept();
                    let resume = format!("`myrmex runs resume {run}` goes on where it stopped");
                    return Err(Failure::new(FailureCode::Store, reason.clone()).with_hint(resume));
                }
                Health::Damaged(reason) => {
                    viewer.tell_kept();
                    return Err(Failure::engine_damaged(reason.clone()));
                }
            }
            let before = seen.commits;
            seen = match viewer.show {
                Show::Nothing if self.waits_for_people => self.progress.wait_for_end(run, &seen, LOOK_UP),
                Show::Nothing | Show::People | Show::Json => self.progress.wait(&seen, LOOK_UP),
            };
            is_quiet = seen.commits == before;
        }
    }
}

/// Returns how many partitions a store gets that is made now: one, which is fastest for a single command, unless
/// [`PARTITIONS`] says otherwise.
fn new_partitions() -> Result<StorePartitions, Failure> {
    let Some(given) = std::env::var_os(PARTITIONS) else { return Ok(StorePartitions::ONE) };
    let count = given.to_str().and_then(|count| count.parse().ok()).and_then(StorePartitions::new);
    count.ok_or_else(|| {
        let (given, most) = (given.to_string_lossy(), StorePartitions::MAX);
        let message = format!("`{PARTITIONS}` is `{given}` and not a number from 1 to {most}");
        Failure::new(FailureCode::Settings, message)
    })
}

/// Returns what opens the store for reading, for whoever comes to need that.
fn readers(data: &Path) -> OpenReader {
    let data = data.to_owned();
    Arc::new(move || SqliteReader::open(&data).map(|reader| Box::new(reader) as Box<dyn Reader>))
}

impl Session {
    /// Waits for the runs that the one that has ended started and did not wait for: there is nobody else to run them.
    fn wait_for_others(&self, show: Show) {
        let count = self.progress.under_way();
        if count == 0 {
            return;
        }
        // If standard error is closed there is nobody to tell.
        let tell = |text: String| drop(writeln!(std::io::stderr(), "{text}"));
        let what = if count == 1 {
            "a run that it started".to_owned()
        } else {
            format!("{count} runs that it started")
        };
        if show != Show::Nothing {
            tell(format!("waits for {what}; Ctrl-C leaves that to be resumed"));
        }
        let mut seen = self.progress.seen();
        while self.progress.under_way() > 0 {
            match seen.health {
                Health::Well | Health::HeldUp(_) => seen = self.progress.wait_for_all(&seen, LOOK_UP),
                Health::Interrupted | Health::Failed(_) | Health::Damaged(_) => {
                    return tell("not all of them have ended; `myrmex runs list` shows them".to_owned());
                }
            }
        }
    }
}

/// The first Ctrl-C, SIGTERM or hang-up stops what is under way and leaves the run to be resumed; the second kills.
fn listen_to_signals(
    partitions: &Partitions,
    logs: Logs,
    (watched, busy): (Watched, Busy),
    screen: Screen,
) -> Result<(), Failure> {
    let mut wanted = vec![libc::SIGINT, libc::SIGTERM];
    // Whoever is started by `nohup` is to outlive its terminal.
    wanted.extend(Some(libc::SIGHUP).filter(|signal| !is_ignored(*signal)));
    let signals = signal_hook::iterator::Signals::new(wanted);
    let mut signals = signals.map_err(|error| Failure::from_error(FailureCode::System, &error))?;
    let interrupter = partitions.interrupter();
    let listen = move || {
        for (count, _) in signals.forever().enumerate() {
            if count > 0 {
                if let Some(run) = watched.run() {
                    screen.line(&format!("killed; `myrmex runs resume {run}` goes on where it stopped"));
                }
                // The reapers see this process end and kill every process of every task.
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            screen.close();
            if busy.is_busy() {
                let grace = GRACE.as_secs();
                screen
                    .line(&format!("stopping what runs, for at most {grace} s; once more kills it at once"));
            } else {
                screen.line("stopping");
            }
            interrupter.interrupt();
            logs.give_up();
        }
    };
    let thread = std::thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map(drop).map_err(|error| Failure::from_error(FailureCode::System, &error))
}

/// Returns whether whoever started this process told it to ignore a signal.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Returns who runs this command.
pub fn user() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "local".to_owned())
}

/// Shows one run.
struct Viewer<'a> {
    session: &'a Session,
    run: RunId,
    cursor: Sequence,
    show: Show,
    watch: Watch,
    lines: Lines,
    held_up: HeldUp,
    /// Whether nothing is said of a run that succeeds.
    is_quiet: bool,
    /// What would have been said of it, for the case that it does not succeed.
    kept: Vec<String>,
    /// When it was last looked what the runs wait for that tasks called.
    looked: Option<Instant>,
    /// What is run, until its history was looked at.
    definition: Option<Arc<Definition>>,
    /// Why standard output is no longer written to.
    broken: Option<Failure>,
}

impl<'a> Viewer<'a> {
    fn new(session: &'a Session, run: RunId, after: Sequence, show: Show) -> Result<Self, Failure> {
        let loaded = match show {
            Show::People => load_run(session.reader()?, &session.namespace, run)?,
            Show::Json | Show::Nothing => None,
        };
        let definition = loaded.as_ref().map(|loaded| Arc::clone(loaded.definition()));
        let mut watch = Watch::new(session.screen.clone(), definition.clone());
        if loaded.is_some() && watch.has_tree() {
            recall(session, (run, after), &mut watch)?;
        }
        if let Some(loaded) = loaded {
            watch.note(&format!("run {} of {}", summary::short(run), loaded.definition().name));
        }
        Ok(Self {
            session,
            run,
            cursor: after,
            show,
            watch,
            lines: Lines::default(),
            held_up: HeldUp::new(Waiting::Run),
            is_quiet: show == Show::Nothing,
            kept: Vec::new(),
            looked: None,
            definition,
            broken: None,
        })
    }

    /// Shows what became durable since the last time.
    fn show_new(&mut self) -> Result<(), Failure> {
        if self.show == Show::Nothing {
            return Ok(());
        }
        let reader = self.session.reader()?;
        loop {
            let records = reader.run_records(&self.session.namespace, self.run, self.cursor, 1_000)?;
            let Some(last) = records.last() else { break };
            self.cursor = last.sequence;
            let mut asked = Vec::new();
            for record in &records {
                match self.show {
                    Show::People => {
                        let recorded = event_of(record)?;
                        self.show_event(&recorded)?;
                        if let Event::AwaitOpened { task, .. } = recorded.event {
                            asked.push(task);
                        }
                    }
                    Show::Json => {
                        if let Err(failure) = print_line(&self.lines.line(reader, record)?) {
                            self.stop_printing(failure);
                        }
                    }
                    Show::Nothing => {}
                }
            }
            self.show_asked(&asked)?;
        }
        if self.show == Show::People {
            self.look_at_children()?;
            self.watch.status(self.session.clock.now());
        }
        Ok(())
    }

    /// Looks now and then whether the runs that the tree shows have begun, and what they wait for if not: no event of this run says so.
    fn look_at_children(&mut self) -> Result<(), Failure> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_UP) {
            return Ok(());
        }
        let (reader, namespace) = (self.session.reader()?, &self.session.namespace);
        if self.looked.is_some() && self.watch.wants_history() {
            self.look_at_history()?;
        }
        for (task, child) in self.watch.children() {
            let summary = reader.summary(namespace, child)?;
            let what_for = summary.map(|summary| waits::what_for(reader, namespace, &summary)).transpose()?;
            self.watch.calls(&task, (child, what_for.flatten().as_deref()));
        }
        self.looked = Some(Instant::now());
        Ok(())
    }

    /// Shows an event to people; of a run that has to wait, what it waits for.
    fn show_event(&mut self, recorded: &Recorded) -> Result<(), Failure> {
        self.watch.event(recorded);
        let (waiting, task) = if let Event::ChildCalled { child, task, .. } = &recorded.event {
            (*child, Some(task))
        } else if let Event::RunQueued { .. } = &recorded.event {
            (self.run, None)
        } else {
            return Ok(());
        };
        let (reader, namespace) = (self.session.reader()?, &self.session.namespace);
        let Some(summary) = reader.summary(namespace, waiting)? else { return Ok(()) };
        match (waits::what_for(reader, namespace, &summary)?, task) {
            (Some(what_for), Some(task)) => self.watch.waits(task, (waiting, &what_for)),
            (Some(what_for), None) => self.watch.note(&format!("the run {what_for}")),
            (None, _) => {}
        }
        Ok(())
    }

    /// Shows what tasks ask, and what is to be typed.
    fn show_asked(&mut self, tasks: &[Address]) -> Result<(), Failure> {
        if tasks.is_empty() {
            return Ok(());
        }
        let (reader, namespace) = (self.session.reader()?, &self.session.namespace);
        let Some(run) = load_run(reader, namespace, self.run)? else { return Ok(()) };
        for task in tasks {
            // What was answered already asks nobody.
            let Some(own) = Asking::at(&run, task, (reader, namespace))? else { continue };
            let question = own.ask.clone().unwrap_or_else(|| format!("for {}", own.what()));
            let how = match (self.session.waits_for_people, &own.ask) {
                (true, Some(_)) => format!("for {}; Ctrl-C, then {}", own.what(), own.how()),
                (true, None) => format!("Ctrl-C, then {}", own.how()),
                (false, Some(_)) => format!("for {}: {}", own.what(), own.how()),
                (false, None) => own.how(),
            };
            self.watch.asks(task, &question, &how);
        }
        Ok(())
    }

    /// Looks once what runs of the workflow took, when this one has taken long enough for somebody to ask.
    fn look_at_history(&mut self) -> Result<(), Failure> {
        let Some(definition) = self.definition.take() else { return Ok(()) };
        let (reader, namespace) = (self.session.reader()?, &self.session.namespace);
        let history = history::of_workflow(reader, namespace, &definition.name)?;
        let remaining = history.and_then(|history| Remaining::new(&definition, &history, self.session.slots));
        if let Some(remaining) = remaining {
            self.watch.expect(remaining);
        }
        Ok(())
    }

    /// Says something about the engine, on standard error and whatever else is shown.
    fn note(&mut self, text: &str) {
        self.watch.note(text);
    }

    /// Takes what the engine noted, and says it unless nobody wants to hear of what goes well.
    fn take_notes(&mut self) {
        let notes = self.session.progress.take_notes();
        if self.is_quiet {
            self.kept.extend(notes);
            self.kept.truncate(KEPT_MAX);
        } else {
            for note in notes {
                self.note(&note);
            }
        }
    }

    /// Says what was kept: the run did not succeed.
    fn tell_kept(&mut self) {
        for note in std::mem::take(&mut self.kept) {
            self.note(&note);
        }
    }

    /// Nobody reads any more, or nothing can be written: the run goes on all the same.
    fn stop_printing(&mut self, failure: Failure) {
        self.show = Show::Nothing;
        if failure.code != FailureCode::Closed {
            self.note(&format!("{}; the run goes on", failure.message));
            self.broken = Some(failure.with_hint(shown_again(self.run)));
        }
    }

    /// Says that something waits, and now and then that it still does.
    fn held_up(&mut self, reason: Option<&str>) {
        let said = self.held_up.say(reason, &self.session.data, Instant::now());
        let Some((reason, said)) = reason.zip(said) else { return };
        self.note(&said.line);
        if self.show == Show::Json {
            let line = held_up::json(self.run, reason, &self.session.data, said.waited);
            if let Err(failure) = print_line(&line) {
                self.stop_printing(failure);
            }
        }
    }

    fn interrupted(&mut self) -> Result<(), Failure> {
        let run = self.run;
        self.tell_kept();
        self.note(&format!("interrupted; `myrmex runs resume {run}` goes on where it stopped"));
        match self.show {
            Show::Json => self.finish(Status::Running),
            Show::People | Show::Nothing => Ok(()),
        }
    }

    /// Says what time it is after the virtual clock was moved on.
    fn moved(&mut self, to: Timestamp) {
        if self.show == Show::People {
            self.watch.clear();
            self.note(&format!("the clock stands at {}", time::instant(to)));
        }
    }

    /// Says what the run waits for that nobody waits with.
    fn waits(&mut self, still: &Still) -> Result<(), Failure> {
        self.watch.clear();
        match self.show {
            Show::People | Show::Nothing => {
                for line in held_up::waits(still, &self.session.clock) {
                    self.note(&line);
                }
            }
            Show::Json => {
                let (reader, namespace) = (self.session.reader()?, &self.session.namespace);
                let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {}", self.run));
                let run = load_run(reader, namespace, self.run)?.ok_or_else(unknown)?;
                let mut line = summary::json(&run, namespace, reader)?;
                // It can go on at any time, but only with an answer, or when time has passed.
                line["status"] = Status::Waiting.as_str().into();
                line["interrupted"] = false.into();
                line["waiting"] = still.asking.iter().map(Asking::json).collect();
                line["next_timer"] = still.next_due.map(|due| due.to_string()).into();
                print_line(&line)?;
            }
        }
        self.broken.take().map_or(Ok(()), Err)
    }

    fn finish(&mut self, status: Status) -> Result<(), Failure> {
        self.watch.clear();
        if status != Status::Succeeded {
            self.tell_kept();
        }
        if is_told(status, self.show) {
            show_end(self.session.reader()?, &self.session.namespace, self.run, status, self.show)?;
        }
        self.broken.take().map_or(Ok(()), Err)
    }
}

/// Tells what shows a run what happened in it up to the place from which on events are shown.
fn recall(session: &Session, (run, until): (RunId, Sequence), watch: &mut Watch) -> Result<(), Failure> {
    let (reader, mut after) = (session.reader()?, Sequence::NONE);
    while after < until {
        let records = reader.run_records(&session.namespace, run, after, 1_000)?;
        let Some(last) = records.last() else { break };
        after = last.sequence;
        for record in records.iter().filter(|record| record.sequence <= until) {
            watch.recall(&event_of(record)?);
        }
    }
    Ok(())
}

/// Whether anything is said of how a run ended; if not, nothing of it need be read.
fn is_told(status: Status, show: Show) -> bool {
    show != Show::Nothing || status != Status::Succeeded
}

/// Says how to see the end of a run that could not be printed.
fn shown_again(run: RunId) -> String {
    format!("`myrmex runs resume {run} --json` prints how it ended")
}

/// Prints how a run ended: the summary line for scripts; for people its status, and its output on standard output.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read or standard output cannot be written.
pub fn show_end(
    reader: &dyn Reader,
    namespace: &Namespace,
    id: RunId,
    status: Status,
    show: Show,
) -> Result<(), Failure> {
    if !is_told(status, show) {
        return Ok(());
    }
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let run = load_run(reader, namespace, id)?.ok_or_else(unknown)?;
    let printed = match show {
        Show::Json => print_line(&summary::json(&run, namespace, reader)?),
        Show::People | Show::Nothing => summary::print(&run, namespace, reader),
    };
    match printed {
        // Whoever closed standard output has seen enough; the exit code still tells.
        Err(failure) if failure.code == FailureCode::Closed => Ok(()),
        Err(failure) if failure.code == FailureCode::File => Err(failure.with_hint(shown_again(id))),
        printed => printed,
    }
}

/// Prints one JSON line.
///
/// # Errors
///
/// Returns [`Failure`] if standard output cannot be written.
pub fn print_line(value: &serde_json::Value) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{value}").map_err(|error| Failure::output(&error))
}
