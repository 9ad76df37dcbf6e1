//! The helper process that forks reapers, and the handle that the main process has of it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use libc::pid_t;

use super::launch::Environment;
use super::wire::Status;
use super::{reaper, syscall, syscall::Reaped, tree};

/// A message in either direction: a kind and a reaper's number.
pub(super) const MESSAGE_BYTES: usize = 9;

const FORK: u8 = 1;
const HOLD: u8 = 2;
const LOST: u8 = 3;

/// Orphans can fall to the zygote without a signal; looking again this often bounds how long they live.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// So many stops of one reaper within [`STOPS_WINDOW`] are undone. One that is stopped again and again has no time to
/// measure a timeout; it is killed, and its attempt counts as lost.
const STOPS_MAX: u32 = 8;

/// See [`STOPS_MAX`]. Whoever stops a reaper more rarely leaves it enough time for its work.
const STOPS_WINDOW: Duration = Duration::from_secs(1);

/// What a helper's exit code says when its code panicked or its socket failed; nobody but a debugger reads it.
const EXIT_BROKEN: i32 = 70;

/// The helper process from which everything is started.
///
/// Dropping it, or a [`Processes`](super::Processes) made of it, ends the helper and waits for that; by then no process
/// that was started is alive.
#[derive(Debug)]
pub struct Zygote {
    /// The only copy of this end: its closing is how the helper learns that this process is gone. An `Option` so that
    /// `drop` can close it before it waits.
    socket: Option<OwnedFd>,
    pid: pid_t,
}

impl Zygote {
    /// Forks the helper process. It must be called before this process has a second thread, best as the first
    /// statement of `main`, so that the helper is small. It never returns in the helper.
    ///
    /// The helper keeps the environment and the current directory of this moment; they are what processes inherit.
    /// It runs in a session of its own, so no key pressed in the terminal reaches it.
    ///
    /// # Errors
    ///
    /// Returns an error if this process has more than one thread, if `/proc` is not mounted, or if the system has no
    /// room for a process.
    pub fn fork() -> io::Result<Self> {
        // The kernel counts the threads as directories, next to `.` and `..`.
        let threads = std::fs::metadata("/proc/self/task")?.nlink().saturating_sub(2);
        if threads != 1 {
            let message =
                format!("the zygote must be forked before any thread is started; there are {threads}");
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        let (ours, theirs) = syscall::socket_pair(libc::SOCK_SEQPACKET)?;
        // No signal may reach the helper before it has its own session and dispositions.
        let mask = syscall::block_signals();
        let forked = syscall::fork();
        if matches!(forked, Ok(None)) {
            let guard = ExitOnUnwind;
            let result = become_zygote(theirs);
            std::mem::forget(guard);
            syscall::exit_now(if result.is_ok() { 0 } else { EXIT_BROKEN });
        }
        syscall::restore_signals(&mask);
        let pid = forked?.expect("the child has left above");
        Ok(Self { socket: Some(ours), pid })
    }

    /// Keeps `file` open in the helper and in all reapers forked from now on, until the last of them is gone; tasks do
    /// not inherit it. An `flock` on it proves to others that a process tree is still alive after this process died.
    ///
    /// # Errors
    ///
    /// Returns an error if the helper is gone.
    pub fn hold(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        syscall::send(self.socket(), &message(HOLD, 0), &[file], 0)
    }

    /// Returns the process id of the helper.
    pub fn pid(&self) -> u32 {
        self.pid.cast_unsigned()
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_ref().expect("the socket is taken only by drop").as_fd()
    }

    /// Asks for a reaper that serves the other side of `socket`.
    pub(super) fn fork_reaper(&self, number: u64, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.wake();
        syscall::send(self.socket(), &message(FORK, number), &[socket], 0)
    }

    /// Lets the helper go on if a task has stopped it. Without that it would answer nobody any more, and never end.
    pub(super) fn wake(&self) {
        syscall::kill(self.pid, libc::SIGCONT);
    }

    /// Returns the next reaper that died abnormally and whose processes are gone; `None` if there is none now.
    ///
    /// # Errors
    ///
    /// Returns an error if the helper is gone.
    pub(super) fn next_lost(&self) -> io::Result<Option<u64>> {
        let mut bytes = [0; MESSAGE_BYTES];
        match syscall::receive(self.socket(), &mut bytes, libc::MSG_DONTWAIT) {
            Ok(received) if received.bytes == MESSAGE_BYTES => Ok(Some(number_of(&bytes))),
            Ok(_) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        drop(self.socket.take());
        self.wake();
        syscall::wait_for(self.pid);
    }
}

fn message(kind: u8, number: u64) -> [u8; MESSAGE_BYTES] {
    let mut bytes = [kind; MESSAGE_BYTES];
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn number_of(bytes: &[u8; MESSAGE_BYTES]) -> u64 {
    let (_, number) = bytes.split_last_chunk::<8>().expect("a message is longer than its number");
    u64::from_le_bytes(*number)
}

/// Ends a forked process when its code panics: unwinding would return into the main program's code.
struct ExitOnUnwind;

impl Drop for ExitOnUnwind {
    fn drop(&mut self) {
        syscall::exit_now(EXIT_BROKEN);
    }
}

/// Runs in the helper until the main process and all reapers are gone.
fn become_zygote(socket: OwnedFd) -> io::Result<()> {
    syscall::start_session();
    syscall::reset_dispositions();
    syscall::become_subreaper()?;
    syscall::set_name(c"myrmex-zygote");
    let socket = syscall::close_all_but(socket)?;
    Helper {
        socket: Some(socket),
        environment: Environment::new(std::env::vars_os()),
        held: Vec::new(),
        reapers: BTreeMap::new(),
        lost: Vec::new(),
        has_orphans: false,
    }
    .serve()
}

/// The state of the helper process.
struct Helper {
    /// `None` after the main process is gone.
    socket: Option<OwnedFd>,
    environment: Environment,
    held: Vec<OwnedFd>,
    /// The living reapers, by process id.
    reapers: BTreeMap<pid_t, Reaper>,
    /// Reapers that died abnormally and were not reported yet.
    lost: Vec<u64>,
    /// Whether processes of lost reapers may still be alive.
    has_orphans: bool,
}

/// What the helper knows of a living reaper.
struct Reaper {
    number: u64,
    /// When the window began in which `stops` are counted, in nanoseconds of the monotonic clock.
    window_ns: u64,
    /// How often it was stopped within the window.
    stops: u32,
}

impl Reaper {
    fn new(number: u64) -> Self {
        Self { number, window_ns: 0, stops: 0 }
    }

    /// Counts a stop; returns whether there were too many.
    fn is_stopped_too_often(&mut self, now_ns: u64) -> bool {
        if Duration::from_nanos(now_ns.saturating_sub(self.window_ns)) > STOPS_WINDOW {
            (self.window_ns, self.stops) = (now_ns, 0);
        }
        self.stops += 1;
        self.stops > STOPS_MAX
    }
}

impl Helper {
    fn serve(mut self) -> io::Result<()> {
        loop {
            self.undo_stops();
            let has_children = self.collect();
            if self.socket.is_none() && !has_children {
                return Ok(());
            }
            let is_reporting_blocked = self.report();
            if !self.receive()? {
                let events = if is_reporting_blocked { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
                let socket = self.socket.as_ref().map(OwnedFd::as_fd);
                syscall::wait_event(socket, events, self.has_orphans.then_some(LOOK_AGAIN))?;
            }
        }
    }

    /// Lets reapers go on that were stopped. A task can stop its own, which would defeat its timeout and every stop.
    fn undo_stops(&mut self) {
        while let Some(pid) = syscall::next_stopped() {
            // Orphans of a lost reaper are killed below, stopped or not.
            let Some(reaper) = self.reapers.get_mut(&pid) else { continue };
            let is_hopeless = reaper.is_stopped_too_often(syscall::monotonic_ns());
            syscall::kill(pid, if is_hopeless { libc::SIGKILL } else { libc::SIGCONT });
        }
    }

    /// Collects dead children and kills the orphans of lost reapers; returns whether there are children left.
    fn collect(&mut self) -> bool {
        loop {
            match syscall::reap() {
                Reaped::Child { pid, wait_status, .. } => match self.reapers.remove(&pid) {
                    Some(_) if libc::WIFEXITED(wait_status) && libc::WEXITSTATUS(wait_status) == 0 => {}
                    Some(reaper) => {
                        self.lost.push(reaper.number);
                        self.has_orphans = true;
                    }
                    None => {}
                },
                Reaped::NoneYet => break,
                Reaped::NoChildren => {
                    self.has_orphans = false;
                    return false;
                }
            }
        }
        if self.has_orphans {
            tree::kill_children(|pid| self.reapers.contains_key(&pid));
            self.has_orphans = tree::has_children(|pid| self.reapers.contains_key(&pid));
        }
        true
    }

    /// Reports lost reapers once their processes are gone; returns whether the socket has no room now.
    fn report(&mut self) -> bool {
        let Some(socket) = &self.socket else { return false };
        while !self.has_orphans
            && let Some(number) = self.lost.last()
        {
            // The helper never waits for the main process, which may be waiting for the helper.
            match syscall::send(socket.as_fd(), &message(LOST, *number), &[], libc::MSG_DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // Other errors mean that nobody is left to tell.
                Ok(()) | Err(_) => self.lost.pop(),
            };
        }
        false
    }

    /// Serves one message or the end of the socket; returns whether there was something, so that all is looked at again.
    fn receive(&mut self) -> io::Result<bool> {
        let Some(socket) = &self.socket else {
            return Ok(false);
        };
        let mut bytes = [0; MESSAGE_BYTES];
        let mut received = match syscall::receive(socket.as_fd(), &mut bytes, libc::MSG_DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                self.socket = None;
                return Ok(true);
            }
            other => other?,
        };
        if received.bytes == 0 {
            self.socket = None;
            return Ok(true);
        }
        match (bytes[0], received.files[0].take()) {
            (FORK, Some(file)) => self.fork_reaper(number_of(&bytes), file),
            // This process has no room for the file, so there is no reaper.
            (FORK, None) => self.lost.push(number_of(&bytes)),
            (HOLD, Some(file)) => self.held.push(file),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(true)
    }

    fn fork_reaper(&mut self, number: u64, socket: OwnedFd) {
        match syscall::fork() {
            Ok(Some(pid)) => {
                self.reapers.insert(pid, Reaper::new(number));
            }
            Ok(None) => {
                let guard = ExitOnUnwind;
                // Else the main process would not see the helper die while this reaper lives.
                self.socket = None;
                let result = reaper::serve(socket, &self.environment);
                std::mem::forget(guard);
                syscall::exit_now(if result.is_ok() { 0 } else { EXIT_BROKEN });
            }
            Err(error) => {
                let status = Status::of_zygote(syscall::errno(&error));
                // If the main process is gone, nobody wants to know.
                let _ = syscall::send(socket.as_fd(), &status.to_bytes(), &[], libc::MSG_DONTWAIT);
            }
        }
    }
}
