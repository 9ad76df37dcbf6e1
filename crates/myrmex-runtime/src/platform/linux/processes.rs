//! The main process's side: starts processes through reapers and turns what they print and how they end into events.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroize;

use super::super::spec::{Exit, ProcessEnd, ProcessEvent, ProcessId, ProcessSpec, Stage, Stream, Usage};
use super::syscall::{self, Epoll};
use super::wire::{self, Cause, STATUS_BYTES, Status};
use super::zygote::Zygote;

/// As many reapers wait for work at most; each costs a few pages. More than the usual number of slots of a machine
/// would only save forks in rare bursts.
const IDLE_REAPERS_MAX: usize = 16;

/// The most bytes one stream delivers in one poll, so that a chatty process cannot starve the others: what a pipe holds.
const READ_BYTES_MAX: usize = 64 << 10;

/// The most events one poll handles; the others are there at the next one.
const EVENTS_MAX: usize = 64;

/// A larger request's memory is given back after it was sent.
const FRAME_BYTES_KEPT: usize = 64 << 10;

const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

/// Makes a [`Processes::poll`] in another thread return, with [`ProcessEvent::Woken`].
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Wakes the current poll, or else the next one. Several calls before a poll make one event.
    pub fn wake(&self) {
        // It can only fail if the counter is full, and then the poll is being woken already.
        let _ = syscall::write(self.0.as_fd(), &1_u64.to_ne_bytes());
    }
}

/// The processes of one worker: an event loop that its thread owns.
///
/// Dropping it kills all processes and waits until they are gone.
pub struct Processes {
    // The order of the fields matters: reapers end when their sockets close, and the zygote waits for the reapers.
    lanes: Vec<Option<Lane>>,
    zygote: Zygote,
    is_broken: bool,
    /// The lanes without a process, the one used last at the end: its memory is warm.
    idle: Vec<usize>,
    /// The lane of each running process.
    running: HashMap<ProcessId, usize>,
    next_reaper: u64,
    epoll: Epoll,
    waker: Waker,
    frame: Vec<u8>,
    buffer: Box<[u8]>,
}

/// A reaper and the process it serves now.
struct Lane {
    /// Names the reaper in messages of the zygote.
    reaper: u64,
    /// The only copy of this end: its closing tells the reaper to kill everything and leave.
    socket: OwnedFd,
    /// Whether the reaper closed its end.
    is_lost: bool,
    attempt: Option<Attempt>,
}

/// A process that runs.
struct Attempt {
    id: ProcessId,
    /// The read ends, standard output first; `None` after the end of a stream.
    outputs: [Option<OwnedFd>; 2],
    is_stopping: bool,
    is_killing: bool,
}

/// What an event of epoll is about, packed into its token.
enum Token {
    Wake,
    Zygote,
    Reaper(usize),
    Output(usize, Stream),
}

impl Token {
    fn pack(&self) -> u64 {
        match self {
            Self::Wake => 0,
            Self::Zygote => 1,
            Self::Reaper(lane) => (*lane as u64 + 1) << 2,
            Self::Output(lane, Stream::Stdout) => (*lane as u64 + 1) << 2 | 1,
            Self::Output(lane, Stream::Stderr) => (*lane as u64 + 1) << 2 | 2,
        }
    }

    fn unpack(token: u64) -> Self {
        let lane = usize::try_from(token >> 2).expect("packed from a usize").wrapping_sub(1);
        match token {
            0 => Self::Wake,
            1 => Self::Zygote,
            _ => match token & 3 {
                0 => Self::Reaper(lane),
                1 => Self::Output(lane, Stream::Stdout),
                _ => Self::Output(lane, Stream::Stderr),
            },
        }
    }
}

type Deliver<'a> = &'a mut dyn FnMut(ProcessEvent<'_>);

impl Processes {
    /// Makes an empty set whose processes are started through `zygote`.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no room for an epoll or an eventfd.
    pub fn new(zygote: Zygote) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let waker = Waker(Arc::new(syscall::event_counter()?));
        epoll.add(waker.0.as_fd(), Token::Wake.pack())?;
        epoll.add(zygote.socket(), Token::Zygote.pack())?;
        Ok(Self {
            lanes: Vec::new(),
            zygote,
            is_broken: false,
            idle: Vec::new(),
            running: HashMap::new(),
            next_reaper: 0,
            epoll,
            waker,
            frame: Vec::new(),
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
        })
    }

    /// Returns a handle that makes [`poll`](Self::poll) return.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Returns how many processes were started and have not been reported as ended.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Has a reaper forked for the first process, which then need not wait for that. If there is no room for one,
    /// [`start`](Self::start) tries again and says so.
    pub fn make_ready(&mut self) {
        if self.lanes.is_empty()
            && let Ok(lane) = self.add_lane()
        {
            self.idle.push(lane);
        }
    }

    /// Asks for a process. That it could not be started is usually known only later, so that is told by its
    /// [`ProcessEvent::Ended`].
    ///
    /// # Errors
    ///
    /// Returns an error, and leaves nothing behind, if the spec cannot be expressed (no program, a NUL byte, an
    /// impossible variable name), if `id` is running, if this process is out of files, if the zygote is gone, or if it is
    /// already known that the system has no room for a process.
    pub fn start(&mut self, id: ProcessId, spec: &ProcessSpec) -> io::Result<()> {
        if self.running.contains_key(&id) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a process with this id is running"));
        }
        wire::write_start(&mut self.frame, id, spec)?;
        let (stdout, stdout_theirs) = syscall::pipe()?;
        let (stderr, stderr_theirs) = syscall::pipe()?;
        let files = [stdout_theirs.as_fd(), stderr_theirs.as_fd()];
        let lane = loop {
            let (lane, is_new) = match self.idle.pop() {
                Some(lane) => (lane, false),
                None => (self.add_lane()?, true),
            };
            let socket = self.lane(lane).socket.as_fd();
            match syscall::send(socket, &self.frame, &files, 0) {
                Ok(()) => break lane,
                Err(error) => {
                    let error = self.fork_error(lane).unwrap_or(error);
                    self.remove_lane(lane);
                    // An idle reaper may have died without our knowledge; the next one may live.
                    if is_new || error.kind() != io::ErrorKind::BrokenPipe {
                        return Err(error);
                    }
                }
            }
        };
        // Variables may hold secrets.
        self.frame.zeroize();
        if self.frame.capacity() > FRAME_BYTES_KEPT {
            self.frame = Vec::new();
        }
        for (stream, output) in STREAMS.into_iter().zip([&stdout, &stderr]) {
            if let Err(error) = self.epoll.add(output.as_fd(), Token::Output(lane, stream).pack()) {
                self.epoll.remove(stdout.as_fd());
                // The reaper kills what it may have started.
                self.remove_lane(lane);
                return Err(error);
            }
        }
        let outputs = [Some(stdout), Some(stderr)];
        self.lane_mut(lane).attempt = Some(Attempt { id, outputs, is_stopping: false, is_killing: false });
        self.running.insert(id, lane);
        Ok(())
    }

    /// Stops a process: SIGTERM to its tree, and SIGKILL to what is left when its grace is over or its main process
    /// has ended. Repeating it changes nothing; an id that is not running is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the request cannot be sent; a dead reaper is none, its end is reported by events.
    pub fn stop(&mut self, id: ProcessId) -> io::Result<()> {
        self.request_stop(id, false)
    }

    /// Kills a process and its tree at once. Repeating it changes nothing; an id that is not running is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the request cannot be sent; a dead reaper is none, its end is reported by events.
    pub fn kill(&mut self, id: ProcessId) -> io::Result<()> {
        self.request_stop(id, true)
    }

    /// Waits for events and delivers them; `None` waits without end. It may return early without an event.
    ///
    /// # Errors
    ///
    /// Returns an error only if the event loop itself fails; events of this turn may be delivered already.
    pub fn poll(&mut self, timeout: Option<Duration>, on: Deliver<'_>) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        let count = self.epoll.wait(&mut events, timeout)?;
        for event in &events[..count] {
            match Token::unpack(event.u64) {
                Token::Wake => {
                    let mut counter = [0; 8];
                    // It is not blocking, and whether it was read before does not matter.
                    let _ = syscall::read(self.waker.0.as_fd(), &mut counter);
                    on(ProcessEvent::Woken);
                }
                Token::Zygote => self.read_zygote(on)?,
                Token::Reaper(lane) => self.read_reaper(lane, on)?,
                Token::Output(lane, stream) => self.read_output(lane, stream, on)?,
            }
        }
        Ok(())
    }

    /// Returns whether something that a process printed waits to be delivered; false if it is not running.
    pub fn has_printed(&self, id: ProcessId) -> bool {
        let lane = self.running.get(&id).and_then(|lane| self.lanes[*lane].as_ref());
        let outputs = lane.and_then(|lane| lane.attempt.as_ref()).map(|attempt| &attempt.outputs);
        let mut open = outputs.into_iter().flatten().flatten();
        open.any(|output| syscall::available(output.as_fd()).is_ok_and(|bytes| bytes > 0))
    }

    fn request_stop(&mut self, id: ProcessId, kill: bool) -> io::Result<()> {
        let Some(lane) = self.running.get(&id).and_then(|lane| self.lanes[*lane].as_mut()) else {
            return Ok(());
        };
        let Some(attempt) = lane.attempt.as_mut() else {
            return Ok(());
        };
        if attempt.is_killing || attempt.is_stopping && !kill {
            return Ok(());
        }
        // The helper is what lets a stopped reaper go on.
        self.zygote.wake();
        wire::write_stop(&mut self.frame, id, kill);
        match syscall::send(lane.socket.as_fd(), &self.frame, &[], 0) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                attempt.is_stopping = true;
                attempt.is_killing = kill;
                Ok(())
            }
        }
    }

    fn lane(&self, lane: usize) -> &Lane {
        self.lanes[lane].as_ref().expect("lanes in use are there")
    }

    fn lane_mut(&mut self, lane: usize) -> &mut Lane {
        self.lanes[lane].as_mut().expect("lanes in use are there")
    }

    /// Asks for a new reaper; it is not in `idle`.
    fn add_lane(&mut self) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the zygote is gone"));
        }
        let (socket, theirs) = syscall::socket_pair(libc::SOCK_STREAM)?;
        let lane = self.lanes.iter().position(Option::is_none).unwrap_or(self.lanes.len());
        self.epoll.add(socket.as_fd(), Token::Reaper(lane).pack())?;
        let reaper = self.next_reaper;
        if let Err(error) = self.zygote.fork_reaper(reaper, theirs.as_fd()) {
            self.epoll.remove(socket.as_fd());
            return Err(error);
        }
        self.next_reaper += 1;
        let entry = Some(Lane { reaper, socket, is_lost: false, attempt: None });
        if lane == self.lanes.len() {
            self.lanes.push(entry);
        } else {
            self.lanes[lane] = entry;
        }
        Ok(lane)
    }

    fn remove_lane(&mut self, lane: usize) {
        if let Some(removed) = self.lanes[lane].take() {
            self.epoll.remove(removed.socket.as_fd());
            self.idle.retain(|idle| *idle != lane);
        }
    }

    /// Returns why the reaper could not be forked, if the zygote said so.
    fn fork_error(&self, lane: usize) -> Option<io::Error> {
        match receive_status(self.lane(lane).socket.as_fd()) {
            Ok(Some(Status { cause: Cause::NotStarted { stage: Stage::Fork, errno }, .. })) => {
                Some(io::Error::from_raw_os_error(errno))
            }
            Ok(_) | Err(_) => None,
        }
    }

    fn read_output(&mut self, lane: usize, stream: Stream, on: Deliver<'_>) -> io::Result<()> {
        // The process may have ended in this very turn.
        let Some(Lane { attempt: Some(attempt), .. }) = &mut self.lanes[lane] else {
            return Ok(());
        };
        let output = &mut attempt.outputs[stream as usize];
        let Some(file) = output else { return Ok(()) };
        match syscall::read(file.as_fd(), &mut self.buffer) {
            Ok(0) => {
                self.epoll.remove(file.as_fd());
                *output = None;
            }
            Ok(count) => on(ProcessEvent::Output { id: attempt.id, stream, bytes: &self.buffer[..count] }),
            // A process can open its own output for reading and be faster than we are.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn read_reaper(&mut self, index: usize, on: Deliver<'_>) -> io::Result<()> {
        let Some(lane) = &mut self.lanes[index] else {
            return Ok(());
        };
        if lane.is_lost {
            return Ok(());
        }
        match receive_status(lane.socket.as_fd()) {
            Ok(Some(status)) => {
                // The zygote closes this socket next. Whatever were sent into it until then, nobody would ever answer.
                lane.is_lost = status.is_of_zygote();
                if lane.is_lost && lane.attempt.is_none() {
                    self.remove_lane(index);
                    return Ok(());
                }
                self.finish(index, Some(status), on)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            // The reaper is gone, or what it says cannot be trusted. The zygote tells when its processes are gone.
            Ok(None) | Err(_) => {
                lane.is_lost = true;
                if lane.attempt.is_none() {
                    self.remove_lane(index);
                    return Ok(());
                }
                self.epoll.remove(lane.socket.as_fd());
                if self.is_broken { self.finish(index, None, on) } else { Ok(()) }
            }
        }
    }

    fn read_zygote(&mut self, on: Deliver<'_>) -> io::Result<()> {
        loop {
            match self.zygote.next_lost() {
                Ok(Some(reaper)) => {
                    let is_this =
                        |lane: &Option<Lane>| lane.as_ref().is_some_and(|lane| lane.reaper == reaper);
                    let Some(index) = self.lanes.iter().position(is_this) else {
                        continue;
                    };
                    // Its last words may still be in the socket.
                    self.read_reaper(index, on)?;
                    if self.lanes[index].as_ref().is_some_and(|lane| lane.attempt.is_some()) {
                        self.finish(index, None, on)?;
                    }
                    self.remove_lane(index);
                }
                Ok(None) => return Ok(()),
                Err(_) if self.is_broken => return Ok(()),
                Err(_) => {
                    self.is_broken = true;
                    self.epoll.remove(self.zygote.socket());
                    on(ProcessEvent::Broken);
                    // Nobody is left who could tell more about these.
                    for index in 0..self.lanes.len() {
                        if self.lanes[index].as_ref().is_some_and(|lane| lane.is_lost) {
                            self.finish(index, None, on)?;
                        }
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Delivers what is left in the pipes and the end; `None` means that the reaper was lost.
    fn finish(&mut self, index: usize, status: Option<Status>, on: Deliver<'_>) -> io::Result<()> {
        let lane = self.lanes[index].as_mut().expect("lanes in use are there");
        let is_lost = lane.is_lost;
        let Some(attempt) = lane.attempt.take() else {
            return Ok(());
        };
        for (stream, output) in STREAMS.into_iter().zip(attempt.outputs) {
            let Some(output) = output else { continue };
            self.epoll.remove(output.as_fd());
            drain(attempt.id, stream, output.as_fd(), &mut self.buffer, on)?;
        }
        self.running.remove(&attempt.id);
        if is_lost || self.idle.len() >= IDLE_REAPERS_MAX {
            self.remove_lane(index);
        } else {
            self.idle.push(index);
        }
        let lost = ProcessEnd {
            exit: Exit::ReaperLost,
            usage: Usage::default(),
            pid: 0,
            started_ns: 0,
            ended_ns: 0,
            leftovers_killed: false,
        };
        on(ProcessEvent::Ended { id: attempt.id, end: status.map_or(lost, Status::into_end) });
        Ok(())
    }
}

/// Delivers what is in a pipe whose writers are dead.
///
/// It does not wait for the end of the stream: a process may have passed the write end to a server outside of its tree,
/// which may keep it for ever. Everything that the tree wrote is in the pipe now.
fn drain(
    id: ProcessId,
    stream: Stream,
    output: BorrowedFd<'_>,
    buffer: &mut [u8],
    on: Deliver<'_>,
) -> io::Result<()> {
    let mut left = syscall::available(output)?;
    while left > 0 {
        let room = left.min(buffer.len());
        let count = match syscall::read(output, &mut buffer[..room]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            other => other?,
        };
        if count == 0 {
            break;
        }
        on(ProcessEvent::Output { id, stream, bytes: &buffer[..count] });
        left -= count;
    }
    Ok(())
}

/// Receives a status; `None` if the reaper is gone or talks nonsense.
fn receive_status(socket: BorrowedFd<'_>) -> io::Result<Option<Status>> {
    let mut bytes = [0; STATUS_BYTES];
    let received = syscall::receive(socket, &mut bytes, libc::MSG_DONTWAIT)?;
    Ok(if received.bytes == STATUS_BYTES { Status::from_bytes(&bytes) } else { None })
}
