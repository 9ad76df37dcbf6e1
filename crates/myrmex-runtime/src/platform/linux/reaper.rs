//! The process that owns the tree of one attempt at a time. It measures the timeout, ends the tree when asked or when
//! the other side of its socket is gone, leaves no descendant behind and reports once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use super::super::spec::{ProcessId, Stage};
use super::launch::{Environment, LaunchError, Stack, launch};
use super::syscall::{self, FILES_MAX};
use super::tree::{self, Tally};
use super::wire::{self, Cause, Request, Start, Status};

/// A usual start request fits, so that one call receives it.
const INBOX_BYTES: usize = 16 << 10;

/// Serves attempts from `socket` until the other side is gone.
pub(super) fn serve(socket: OwnedFd, inherited: &Environment) -> io::Result<()> {
    syscall::become_subreaper()?;
    syscall::set_name(c"myrmex-reaper");
    let mut stack = Stack::new();
    let mut inbox = Inbox { socket, bytes: vec![0; INBOX_BYTES], filled: 0, used: 0, files: [None, None] };
    while let Some(frame) = inbox.wait()? {
        let frame = frame.to_vec();
        match wire::read_request(&frame) {
            Some(Request::Start(start)) => {
                let status = attempt(&start, inherited, &mut stack, &mut inbox)?;
                let Some(status) = status else { break };
                // The write ends of the task's pipes are closed only now: that way the other side is woken once, by
                // the status, and not by each pipe before.
                syscall::send(inbox.socket.as_fd(), &status.to_bytes(), &[], 0)?;
                inbox.files = [None, None];
            }
            // It crossed the status of an attempt that is over.
            Some(Request::Stop { .. }) => {}
            None => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

/// Runs one attempt to its end; `None` if nobody is left who wants to know.
fn attempt(
    start: &Start<'_>,
    inherited: &Environment,
    stack: &mut Stack,
    inbox: &mut Inbox,
) -> io::Result<Option<Status>> {
    // A request may still lie in the socket of a process that died after sending it.
    if syscall::is_hung_up(inbox.socket.as_fd()) {
        return Ok(None);
    }
    let [Some(stdout), Some(stderr)] = &inbox.files else {
        return Ok(Some(Status::not_started(start.id, Stage::Fork, libc::EMFILE)));
    };
    let started_ns = syscall::monotonic_ns();
    let main = match launch(start, inherited, stack, [stdout.as_fd(), stderr.as_fd()]) {
        Ok(main) => main,
        Err(LaunchError { stage, errno, pid }) => {
            pid.into_iter().for_each(syscall::wait_for);
            return Ok(Some(Status::not_started(start.id, stage, errno)));
        }
    };
    let mut tally = Tally::new(main);
    let cause = watch(start, main, &mut tally, inbox, started_ns)?;
    let had_leftovers = tally.extinguish();
    let Some(cause) = cause else { return Ok(None) };
    Ok(Some(Status {
        id: start.id.0,
        pid: main.cast_unsigned(),
        exit_bits: tally.main_status.unwrap_or_default(),
        cause,
        leftovers_killed: had_leftovers && cause == Cause::Itself,
        started_ns,
        ended_ns: syscall::monotonic_ns(),
        usage: tally.usage,
    }))
}

/// Watches until the main process is dead or the tree is to be killed; returns why, or `None` if the other side is gone.
fn watch(
    start: &Start<'_>,
    main: libc::pid_t,
    tally: &mut Tally,
    inbox: &mut Inbox,
    started_ns: u64,
) -> io::Result<Option<Cause>> {
    let mut cause = Cause::Itself;
    let mut deadline_ns = start.timeout.map(|timeout| after(started_ns, timeout));
    loop {
        tally.collect();
        if tally.main_status.is_some() {
            return Ok(Some(cause));
        }
        let left = deadline_ns
            .map(|deadline| Duration::from_nanos(deadline.saturating_sub(syscall::monotonic_ns())));
        let mut asked = None;
        if left == Some(Duration::ZERO) {
            if cause != Cause::Itself {
                return Ok(Some(cause));
            }
            asked = Some(Cause::TimedOut);
        } else if syscall::wait_event(Some(inbox.socket.as_fd()), libc::POLLIN, left)? != 0 {
            match inbox.read_stop(start.id)? {
                Notice::Gone => return Ok(None),
                Notice::Kill if cause == Cause::Itself => return Ok(Some(Cause::Stopped)),
                Notice::Kill => return Ok(Some(cause)),
                Notice::Stop => asked = Some(Cause::Stopped),
                Notice::Nothing => {}
            }
        }
        // The first cause stays: a stop during the grace after a timeout changes nothing.
        if let Some(asked) = asked.filter(|_| cause == Cause::Itself) {
            cause = asked;
            deadline_ns = Some(after(syscall::monotonic_ns(), start.grace));
            tree::terminate(main);
        }
    }
}

fn after(now_ns: u64, duration: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// What the socket says during an attempt.
enum Notice {
    Nothing,
    Stop,
    Kill,
    Gone,
}

/// The receiving side of the socket: bytes until they make a frame, and the files that came with them.
struct Inbox {
    socket: OwnedFd,
    bytes: Vec<u8>,
    /// How many bytes at the front of `bytes` are received.
    filled: usize,
    /// How many of them belong to the frame that was handed out last.
    used: usize,
    files: [Option<OwnedFd>; FILES_MAX],
}

impl Inbox {
    /// Waits for a frame; `None` if the other side is gone.
    fn wait(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some(length) = self.advance() {
                return Ok(Some(&self.bytes[..length]));
            }
            if !self.fill(0)? {
                return Ok(None);
            }
        }
    }

    /// Reads what has come for the attempt `id`.
    fn read_stop(&mut self, id: ProcessId) -> io::Result<Notice> {
        match self.fill(libc::MSG_DONTWAIT) {
            Ok(true) => {}
            Ok(false) => return Ok(Notice::Gone),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Notice::Nothing),
            Err(error) => return Err(error),
        }
        let mut notice = Notice::Nothing;
        while let Some(length) = self.advance() {
            match wire::read_request(&self.bytes[..length]) {
                Some(Request::Stop { id: target, kill }) if target == id => {
                    notice = if kill || matches!(notice, Notice::Kill) { Notice::Kill } else { Notice::Stop };
                }
                Some(Request::Stop { .. }) => {}
                // A start during an attempt breaks the protocol.
                Some(Request::Start(_)) | None => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        Ok(notice)
    }

    /// Drops the last frame; returns the length of the next one if it is whole, else makes room for it.
    fn advance(&mut self) -> Option<usize> {
        self.bytes.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;
        match wire::frame_length(&self.bytes[..self.filled]) {
            Ok(length) => {
                self.used = length;
                Some(length)
            }
            Err(needed) => {
                // One huge request must not make every later attempt carry its memory.
                self.bytes.resize(needed.max(self.filled).max(INBOX_BYTES), 0);
                self.bytes.shrink_to(INBOX_BYTES);
                None
            }
        }
    }

    /// Receives once; `false` if the other side is gone.
    fn fill(&mut self, flags: libc::c_int) -> io::Result<bool> {
        let room = &mut self.bytes[self.filled..];
        let received = match syscall::receive(self.socket.as_fd(), room, flags) {
            // The other side died with something of ours unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
            other => other?,
        };
        self.filled += received.bytes;
        if received.files.iter().any(Option::is_some) {
            self.files = received.files;
        }
        Ok(received.bytes != 0)
    }
}
