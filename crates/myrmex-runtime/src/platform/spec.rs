//! What is asked of a process and what is told about it. Portable, no effects.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Names one process of one [`Processes`](super::Processes); chosen by the caller, unique while the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u64);

/// Where a process finds the [script](ProcessSpec::script) it was given. The number of the open file is one that shells
/// cannot use in redirections and that no program expects.
pub const SCRIPT_PATH: &str = "/proc/self/fd/63";

/// Describes a process to start.
///
/// Standard input is `/dev/null`. The process leads a new session, has default signal dispositions and an empty mask.
#[derive(Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The program and its arguments; never empty. A program without a slash is looked up in the `PATH` that the
    /// process itself will have; one with a slash is relative to `workdir`.
    pub argv: Vec<OsString>,
    /// Variables set on top of the environment that the zygote inherited. The last value of a name wins.
    pub env: Vec<(OsString, OsString)>,
    /// Inherited variables that the process does not get; a name that `env` sets too is set.
    pub env_remove: Vec<OsString>,
    /// A text that the process finds as a file under [`SCRIPT_PATH`], in memory only and never to be changed.
    pub script: Option<OsString>,
    /// The working directory; relative to the directory this program was started in.
    pub workdir: PathBuf,
    /// How long the process may run, measured by its reaper on the monotonic clock.
    pub timeout: Option<Duration>,
    /// How long the tree has after SIGTERM until SIGKILL.
    pub grace: Duration,
}

/// Leaves out the values of variables, which may be secrets.
impl fmt::Debug for ProcessSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { argv, env, env_remove, script, workdir, timeout, grace } = self;
        let names: Vec<&OsString> = env.iter().map(|(name, _)| name).collect();
        let mut shown = f.debug_struct("ProcessSpec");
        shown.field("argv", argv).field("env", &names).field("env_remove", env_remove);
        shown.field("script", script);
        shown.field("workdir", workdir).field("timeout", timeout).field("grace", grace).finish()
    }
}

/// Tells one of the two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Tells the caller of [`Processes::poll`](super::Processes::poll) what happened.
#[derive(Debug, PartialEq, Eq)]
pub enum ProcessEvent<'a> {
    /// A process wrote something. The bytes of one stream come in order; the two streams are not ordered among each
    /// other.
    Output {
        /// The process.
        id: ProcessId,
        /// The stream it wrote to.
        stream: Stream,
        /// What it wrote; never empty.
        bytes: &'a [u8],
    },
    /// A process and all its descendants are gone. The last event of its id.
    Ended {
        /// The process.
        id: ProcessId,
        /// How it ended.
        end: ProcessEnd,
    },
    /// A [`Waker`](super::Waker) was used since the last poll.
    Woken,
    /// The zygote is gone; delivered once. Processes that run are still watched, but none can be started.
    Broken,
}

/// Tells how a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessEnd {
    /// How it ended.
    pub exit: Exit,
    /// What it and all its descendants consumed.
    pub usage: Usage,
    /// Its process id; 0 if it was not started or its reaper was lost.
    pub pid: u32,
    /// When it was started, in nanoseconds of the monotonic clock; 0 if that is not known.
    pub started_ns: u64,
    /// When the last process of its tree was gone, in nanoseconds of the monotonic clock; 0 if that is not known.
    pub ended_ns: u64,
    /// Whether it ended by itself and descendants that outlived it were killed.
    pub leftovers_killed: bool,
}

/// Tells how a process ended, and on whose initiative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself with this exit code.
    Code(i32),
    /// A signal ended it that did not come from this module.
    Signal(i32),
    /// Its timeout passed and it was ended.
    TimedOut {
        /// How it finally ended.
        finish: Finish,
    },
    /// The caller stopped or killed it.
    Stopped {
        /// How it finally ended.
        finish: Finish,
    },
    /// It never ran.
    NotStarted {
        /// What failed.
        stage: Stage,
        /// The error number of the operating system.
        errno: i32,
    },
    /// Its reaper died abnormally. The whole tree was killed; how far it had come is not known.
    ReaperLost,
}

/// Tells how the main process of a tree left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Tells which part of a start failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Entering the working directory.
    Workdir,
    /// Finding or executing the program.
    Program,
    /// Making a process at all.
    Fork,
}

/// Tells what a process tree consumed.
///
/// Memory has a floor of about 2 MiB, the size of the reaper, because the kernel counts it for a process before `exec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in user mode, in microseconds.
    pub user_us: u64,
    /// Processor time in the kernel, in microseconds.
    pub system_us: u64,
    /// The largest resident set of any single process, in KiB.
    pub rss_max_kib: u64,
    /// Blocks read from disks.
    pub in_blocks: u64,
    /// Blocks written to disks.
    pub out_blocks: u64,
}

/// What a folder lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// What kind of file system it is.
    pub kind: FileSystem,
    /// Whether this user may make files in the folder that was asked about.
    pub is_writable: bool,
    /// How much may still be written, by this user.
    pub free_bytes: u64,
    /// How many files may still be made; none where the file system does not count them.
    pub free_files: Option<u64>,
}

/// Kinds of file systems, by what a store may expect of them; each with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// On a disk of this machine.
    Local(&'static str),
    /// In memory: gone when the machine is switched off.
    Memory(&'static str),
    /// On another machine: locks and syncs are what that one makes of them.
    Network(&'static str),
    /// Served by a program of this machine, which may pass it on to another one.
    User(&'static str),
    /// One that is not known here.
    Unknown,
}

/// The limits of a process; none for what has no limit or is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many files it may have open, at most.
    pub open_files: Option<u64>,
    /// How many processes its user may have.
    pub processes: Option<u64>,
}
