//! Starts one program from the reaper without copying its memory: `clone` with `CLONE_VM | CLONE_VFORK`, as
//! `posix_spawn` does, but with the few calls needed here (glibc makes one for each signal) and with the stage that
//! failed.
//!
//! Everything that needs memory is prepared before; between `clone` and `execve` the child only makes system calls.

#![expect(unsafe_code, reason = "vfork and exec have no safe form")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use libc::{c_char, c_int, c_void, pid_t};

use super::super::spec::Stage;
use super::syscall;
use super::wire::Start;

/// The number in [`SCRIPT_PATH`](super::super::spec::SCRIPT_PATH).
const SCRIPT_FILE: RawFd = 63;

/// Used when the task has no `PATH`, as `execvp` does.
const PATH_DEFAULT: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// The child makes a handful of shallow calls; this is several times what a debug build needs.
const STACK_BYTES: usize = 64 << 10;

/// The environment that the zygote inherited.
pub(super) struct Environment {
    /// Entries of the form `NAME=VALUE` by name.
    entries: BTreeMap<Vec<u8>, CString>,
}

impl Environment {
    pub(super) fn new(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let entries = variables.filter_map(|(name, value)| {
            let entry = CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()?;
            Some((name.as_bytes().to_vec(), entry))
        });
        Self { entries: entries.collect() }
    }

    /// Returns the entries that remain after the removals and settings of `start`.
    fn apply<'a>(&'a self, start: &Start<'a>) -> Vec<&'a CStr> {
        // The sort is stable, so that the last change of a name is the last of its run; settings beat removals.
        let removals = start.env_remove.iter().map(|name| (name.to_bytes(), None));
        let settings = start.env.iter().map(|entry| (name_of(entry), Some(*entry)));
        let mut changes: Vec<(&[u8], Option<&CStr>)> = removals.chain(settings).collect();
        changes.sort_by_key(|(name, _)| *name);
        let kept = self
            .entries
            .iter()
            .filter(|(name, _)| changes.binary_search_by_key(&name.as_slice(), |(name, _)| *name).is_err())
            .map(|(_, entry)| entry.as_c_str());
        let last = changes.chunk_by(|left, right| left.0 == right.0).filter_map(|run| run.last()?.1);
        kept.chain(last).collect()
    }
}

fn name_of(entry: &CStr) -> &[u8] {
    entry.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// The stack of children; one serves all attempts of a reaper, because they start one after the other.
pub(super) struct Stack(Vec<u128>);

impl Stack {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(STACK_BYTES / size_of::<u128>()))
    }

    fn top(&mut self) -> *mut c_void {
        let room = self.0.spare_capacity_mut();
        room.as_mut_ptr_range().end.cast()
    }
}

/// Why a program did not start.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaunchError {
    pub(super) stage: Stage,
    pub(super) errno: i32,
    /// The child that has to be collected, if there was one.
    pub(super) pid: Option<pid_t>,
}

/// Starts the program as the leader of a new session; returns when it runs or has failed.
pub(super) fn launch(
    start: &Start<'_>,
    inherited: &Environment,
    stack: &mut Stack,
    outputs: [BorrowedFd<'_>; 2],
) -> Result<pid_t, LaunchError> {
    let environment = inherited.apply(start);
    let program =
        *start.argv.first().ok_or(LaunchError { stage: Stage::Program, errno: libc::EINVAL, pid: None })?;
    let candidates = candidates(program, &environment);
    let [candidate_pointers, argv, envp] = [
        pointers(candidates.iter().map(CString::as_c_str)),
        pointers(start.argv.iter().copied()),
        pointers(environment.iter().copied()),
    ];
    let mut plan = Plan {
        workdir: start.workdir.as_ptr(),
        candidates: candidate_pointers.as_ptr(),
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        outputs: outputs.map(|output| output.as_raw_fd()),
        script: None,
        failure: None,
    };
    // It is closed here when the child has its copy.
    let script = start.script.map(|script| syscall::memory_file(script.to_bytes())).transpose();
    let script = script.map_err(|error| LaunchError {
        stage: Stage::Fork,
        errno: syscall::errno(&error),
        pid: None,
    })?;
    plan.script = script.as_ref().map(AsRawFd::as_raw_fd);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the reaper has one thread and sleeps until the child has left this memory (CLONE_VFORK), so `plan`, what
    // it points to and the stack outlive the child's use. All signals are blocked, so no handler runs in the child.
    let pid = unsafe { libc::clone(become_task, stack.top(), flags, (&raw mut plan).cast()) };
    // SAFETY: the child wrote the field through the pointer; a volatile read keeps the compiler from assuming its value.
    let failure = unsafe { (&raw const plan.failure).read_volatile() };
    match failure {
        None if pid < 0 => {
            let error = std::io::Error::last_os_error();
            Err(LaunchError { stage: Stage::Fork, errno: syscall::errno(&error), pid: None })
        }
        None => Ok(pid),
        Some((stage, errno)) => Err(LaunchError { stage, errno, pid: Some(pid) }),
    }
}

/// Returns the paths to try, in order.
fn candidates(program: &CStr, environment: &[&CStr]) -> Vec<CString> {
    let name = program.to_bytes();
    if name.contains(&b'/') || name.is_empty() {
        return vec![program.to_owned()];
    }
    let path = environment.iter().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH="));
    let directories = path.unwrap_or(PATH_DEFAULT).split(|byte| *byte == b':');
    let paths = directories.map(|directory| match directory {
        // An empty entry means the working directory; POSIX says so.
        b"" => [b"./", name].concat(),
        _ => [directory, b"/", name].concat(),
    });
    paths.filter_map(|path| CString::new(path).ok()).collect()
}

/// Returns the null-terminated array that `execve` wants.
fn pointers<'a>(texts: impl Iterator<Item = &'a CStr>) -> Vec<*const c_char> {
    texts.map(CStr::as_ptr).chain([ptr::null()]).collect()
}

/// What the child does, prepared; it shares the reaper's memory and answers through `failure`.
struct Plan {
    workdir: *const c_char,
    candidates: *const *const c_char,
    argv: *const *const c_char,
    envp: *const *const c_char,
    outputs: [RawFd; 2],
    script: Option<RawFd>,
    failure: Option<(Stage, i32)>,
}

/// The child. Standard input is already `/dev/null`, and dispositions are already the defaults: the zygote saw to both.
extern "C" fn become_task(plan: *mut c_void) -> c_int {
    let plan = plan.cast::<Plan>();
    // SAFETY: `plan` is valid for as long as the child uses it, see `launch`; only system calls are made.
    unsafe {
        let failure = match prepare(&*plan) {
            Err(stage) => (stage, *libc::__errno_location()),
            Ok(()) => (Stage::Program, execute(&*plan)),
        };
        (&raw mut (*plan).failure).write_volatile(Some(failure));
    }
    // The status is never looked at; 127 is what shells use.
    127
}

/// # Safety
///
/// Runs in the child of [`launch`].
unsafe fn prepare(plan: &Plan) -> Result<(), Stage> {
    // SAFETY: the strings are NUL-terminated, and the set is initialised before it is used.
    unsafe {
        if libc::setsid() < 0 {
            return Err(Stage::Fork);
        }
        if libc::chdir(plan.workdir) != 0 {
            return Err(Stage::Workdir);
        }
        // The copies have no close-on-exec flag. The received numbers are never 1 or 2: these are always open.
        if libc::dup2(plan.outputs[0], 1) < 0 || libc::dup2(plan.outputs[1], 2) < 0 {
            return Err(Stage::Fork);
        }
        // The reaper has few files, so the number is never the same already.
        if let Some(script) = plan.script
            && libc::dup2(script, SCRIPT_FILE) < 0
        {
            return Err(Stage::Fork);
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
    Ok(())
}

/// Returns the error number if no candidate could be executed: a missing permission tells more than a missing file.
///
/// # Safety
///
/// Runs in the child of [`launch`].
unsafe fn execute(plan: &Plan) -> i32 {
    let mut worst = libc::ENOENT;
    let mut candidate = plan.candidates;
    // SAFETY: all arrays end with a null pointer and hold NUL-terminated strings.
    unsafe {
        while !(*candidate).is_null() {
            libc::execve(*candidate, plan.argv, plan.envp);
            match *libc::__errno_location() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => worst = libc::EACCES,
                other => return other,
            }
            candidate = candidate.add(1);
        }
    }
    worst
}
