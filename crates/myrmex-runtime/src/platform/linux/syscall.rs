//! Thin safe wrappers around the system calls this module needs. No policy lives here.

#![expect(unsafe_code, reason = "every call into libc is unsafe; the wrappers give them safe signatures")]

use std::ffi::CStr;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use libc::{c_int, c_void, pid_t};

/// The most files one message may carry: standard output and standard error.
pub(super) const FILES_MAX: usize = 2;

/// Enough aligned room for the control message of [`FILES_MAX`] files.
type ControlRoom = [u64; 8];

/// Turns a libc result into an [`io::Result`].
pub(super) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_size(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Repeats `call` while a signal interrupts it.
pub(super) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Returns the error number of `error`; `EIO` for one that did not come from the operating system.
pub(super) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// Returns the monotonic clock in nanoseconds.
pub(super) fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Makes a descriptor that tells of changes to files, closed on exec, from which reading never blocks.
pub(super) fn inotify() -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is ours alone after success.
    unsafe {
        let notify = check(libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(notify))
    }
}

/// Lets `notify` tell when a file in the folder is made or written.
pub(super) fn watch_writes(notify: &OwnedFd, folder: &CStr) -> io::Result<()> {
    let mask = libc::IN_CREATE | libc::IN_MODIFY | libc::IN_MOVED_TO | libc::IN_ONLYDIR;
    // SAFETY: the path ends with a zero and lives as long as the call.
    check(unsafe { libc::inotify_add_watch(notify.as_raw_fd(), folder.as_ptr(), mask) })?;
    Ok(())
}

/// Waits until there is something to read, or this time is over.
pub(super) fn wait_readable(file: &OwnedFd, longest: Duration) -> io::Result<()> {
    let mut wanted = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let longest = c_int::try_from(longest.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: `wanted` is one valid entry.
    retry(|| check(unsafe { libc::poll(&raw mut wanted, 1, longest) }))?;
    Ok(())
}

/// Reads and forgets everything that a descriptor has which never blocks.
pub(super) fn drain(file: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0_u64; 512];
    loop {
        let room = size_of_val(&buffer);
        // SAFETY: `buffer` has that much room.
        let read = retry(|| {
            check_size(unsafe { libc::read(file.as_raw_fd(), buffer.as_mut_ptr().cast::<c_void>(), room) })
        });
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Makes a connected pair of Unix sockets of `kind`, closed on exec.
pub(super) fn socket_pair(kind: c_int) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for the two descriptors, which are ours alone after success.
    unsafe {
        check(libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()))?;
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}

/// Makes a pipe, closed on exec; returns the read end, which never blocks, and the write end, which does.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for the two descriptors, which are ours alone after success.
    let (read_end, write_end) = unsafe {
        check(libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC))?;
        (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
    };
    // SAFETY: takes numbers only.
    check(unsafe { libc::fcntl(read_end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    Ok((read_end, write_end))
}

/// Makes a file in memory that holds `bytes` and that nobody can change, closed on exec.
pub(super) fn memory_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: the name is a valid text; the new descriptor is ours alone.
    let file = unsafe {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        OwnedFd::from_raw_fd(check(libc::memfd_create(c"script".as_ptr(), flags))?)
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = &rest[write(file.as_fd(), rest)?..];
    }
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is open.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    Ok(file)
}

/// Returns how many bytes a read would give now.
pub(super) fn available(file: BorrowedFd<'_>) -> io::Result<usize> {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD stores one int.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(usize::try_from(count).unwrap_or(0))
}

pub(super) fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is writable for its whole length.
    retry(|| check_size(unsafe { libc::read(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) }))
}

pub(super) fn write(file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are readable for their whole length.
    retry(|| check_size(unsafe { libc::write(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) }))
}

/// Sends all of `bytes`, the files with the first of them. Never raises SIGPIPE.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    files: &[BorrowedFd<'_>],
    flags: c_int,
) -> io::Result<()> {
    let mut rest = bytes;
    let mut files = files;
    while !rest.is_empty() {
        let sent = retry(|| send_once(socket, rest, files, flags | libc::MSG_NOSIGNAL))?;
        rest = &rest[sent..];
        files = &[];
    }
    Ok(())
}

fn send_once(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    files: &[BorrowedFd<'_>],
    flags: c_int,
) -> io::Result<usize> {
    if files.is_empty() {
        // SAFETY: the bytes are readable for their whole length.
        return check_size(unsafe {
            libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags)
        });
    }
    assert!(files.len() <= FILES_MAX, "the control room is sized for {FILES_MAX} files");
    let mut room: ControlRoom = [0; 8];
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let payload_bytes = u32::try_from(size_of_val(files)).expect("two descriptors");
    // SAFETY: `msghdr` is plain data. The control message lies in `room`, which is aligned and large enough for
    // FILES_MAX descriptors (checked above); a `BorrowedFd` has the layout of a descriptor number.
    unsafe {
        let mut message: libc::msghdr = MaybeUninit::zeroed().assume_init();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = room.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(payload_bytes) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(payload_bytes) as _;
        ptr::copy_nonoverlapping(files.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), size_of_val(files));
        check_size(libc::sendmsg(socket.as_raw_fd(), &raw const message, flags))
    }
}

/// What one [`receive`] brought.
pub(super) struct Received {
    /// How many bytes; 0 means that the other side is gone.
    pub(super) bytes: usize,
    /// The files, from the front.
    pub(super) files: [Option<OwnedFd>; FILES_MAX],
}

/// Receives bytes and files once.
pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], flags: c_int) -> io::Result<Received> {
    let mut room: ControlRoom = [0; 8];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut files = [const { None }; FILES_MAX];
    // SAFETY: `msghdr` is plain data; the buffers it points to outlive the call. The kernel writes well-formed control
    // messages into `room`; the descriptors in them are new and ours alone.
    unsafe {
        let mut message: libc::msghdr = MaybeUninit::zeroed().assume_init();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = room.as_mut_ptr().cast();
        message.msg_controllen =
            libc::CMSG_SPACE(u32::try_from(FILES_MAX * size_of::<RawFd>()).expect("two descriptors")) as _;
        let bytes = retry(|| {
            check_size(libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags | libc::MSG_CMSG_CLOEXEC))
        })?;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS {
            let payload_bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            let mut numbers: [RawFd; FILES_MAX] = [-1; FILES_MAX];
            let copied_bytes = payload_bytes.min(size_of_val(&numbers));
            ptr::copy_nonoverlapping(
                libc::CMSG_DATA(header),
                numbers.as_mut_ptr().cast::<u8>(),
                copied_bytes,
            );
            for (file, number) in files.iter_mut().zip(numbers).filter(|(_, number)| *number >= 0) {
                *file = Some(OwnedFd::from_raw_fd(number));
            }
        }
        Ok(Received { bytes, files })
    }
}

/// Says whether the other side of `socket` is gone.
pub(super) fn is_hung_up(socket: BorrowedFd<'_>) -> bool {
    let mut entry = libc::pollfd { fd: socket.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: `entry` is one valid entry.
    let count = unsafe { libc::poll(&raw mut entry, 1, 0) };
    count > 0 && entry.revents & libc::POLLHUP != 0
}

/// Waits until one of `events` happens to `file`, a child changes its state, or the time is over; all signals are
/// blocked outside this call, so none is missed. Returns what happened to `file`; 0 in the other cases.
pub(super) fn wait_event(
    file: Option<BorrowedFd<'_>>,
    events: libc::c_short,
    timeout: Option<Duration>,
) -> io::Result<libc::c_short> {
    let fd = file.map_or(-1, |file| file.as_raw_fd());
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    let limit = timeout.map(|timeout| libc::timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `mask` is initialised by `sigfillset`; all pointers are valid for the call, or null where that is allowed.
    let result = unsafe {
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(mask.as_mut_ptr());
        libc::sigdelset(mask.as_mut_ptr(), libc::SIGCHLD);
        check(libc::ppoll(&raw mut entry, 1, limit, mask.as_ptr()))
    };
    match result {
        Ok(_) => Ok(entry.revents),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}

/// Blocks all signals and returns the mask that was.
pub(super) fn block_signals() -> libc::sigset_t {
    // SAFETY: both sets are written before they are read.
    unsafe {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigfillset(all.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

/// Sets the signal mask.
pub(super) fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: `mask` is a valid set.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// Gives every signal its default disposition, and SIGCHLD a handler that does nothing but interrupt waiting, for the end
/// of a child and for its being stopped.
pub(super) fn reset_dispositions() {
    extern "C" fn interrupt(_: c_int) {}
    // The size of the kernel's signal set, which has no other name here.
    const SET_BYTES: usize = 8;
    // The kernel's own structure: all zero means the default. glibc's call would refuse the two signals it keeps for
    // itself, which a parent may have left ignored.
    let default = [0_u64; 4];
    // SAFETY: the handler touches nothing. Numbers that cannot be changed are refused by the kernel without harm.
    unsafe {
        for number in 1..=libc::SIGRTMAX() {
            libc::syscall(
                libc::SYS_rt_sigaction,
                number,
                &raw const default,
                ptr::null::<c_void>(),
                SET_BYTES,
            );
        }
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = interrupt as extern "C" fn(c_int) as usize;
        libc::sigaction(libc::SIGCHLD, &raw const action, ptr::null_mut());
    }
}

/// Forks; returns the child's id, or `None` in the child.
///
/// Sound only in a process with one thread, which the callers ensure.
pub(super) fn fork() -> io::Result<Option<pid_t>> {
    // SAFETY: the calling process has one thread, so the child may do whatever the parent may.
    let pid = check(unsafe { libc::fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// Ends this process without running anything else.
pub(super) fn exit_now(code: c_int) -> ! {
    // SAFETY: always sound.
    unsafe { libc::_exit(code) }
}

/// Raises the soft limit of open files of this process to the hard one; each attempt needs about three.
///
/// Where that is refused, attempts beyond the limit wait for others to end.
pub fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local of the right type.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if known && limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above; the kernel only reads it.
        let _is_raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0;
    }
}

/// Gives memory that was freed back to the operating system, for a moment after much of it was needed for a while.
pub fn return_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: always sound; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Returns how much memory this machine has, as far as the system tells.
pub fn memory_bytes() -> Option<u64> {
    // SAFETY: a `sysinfo` is plain numbers, for which zeroes are a value.
    let mut known: libc::sysinfo = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a local of the right type.
    let is_known = unsafe { libc::sysinfo(&raw mut known) } == 0;
    is_known.then(|| known.totalram.saturating_mul(u64::from(known.mem_unit)))
}

/// Returns the id of this process.
pub(super) fn own_pid() -> pid_t {
    // SAFETY: always sound.
    unsafe { libc::getpid() }
}

/// Makes this process the parent of the orphans among its descendants.
pub(super) fn become_subreaper() -> io::Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Gives this process the name that `ps` shows.
pub(super) fn set_name(name: &CStr) {
    // SAFETY: the name is NUL-terminated; the kernel cuts it at 15 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// Starts a session of its own, away from the terminal.
pub(super) fn start_session() {
    // SAFETY: takes nothing. It cannot fail in a process that was just forked.
    unsafe { libc::setsid() };
}

/// Points standard input, output and error to `/dev/null`, keeps `keep` and closes every other file.
pub(super) fn close_all_but(keep: OwnedFd) -> io::Result<OwnedFd> {
    const KEPT: c_int = 3;
    // SAFETY: the descriptors that are closed belong to nothing that this process uses after the fork; `keep` is
    // moved to number 3 first, and its owner forgets the old number.
    unsafe {
        let null = check(libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC))?;
        let keep = std::os::fd::IntoRawFd::into_raw_fd(keep);
        // The kept file must not be overwritten while 0 to 2 are: an unusual caller may have started with them closed.
        let keep = check(libc::fcntl(keep, libc::F_DUPFD_CLOEXEC, KEPT + 1))?;
        for standard in 0..KEPT {
            // `dup2` of a number onto itself would leave close-on-exec set.
            if null == standard {
                check(libc::fcntl(null, libc::F_SETFD, 0))?;
            } else {
                check(libc::dup2(null, standard))?;
            }
        }
        check(libc::dup3(keep, KEPT, libc::O_CLOEXEC))?;
        if libc::syscall(libc::SYS_close_range, KEPT + 1, c_int::MAX, 0) != 0 {
            for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
                let number = entry.file_name().to_str().and_then(|name| name.parse::<c_int>().ok());
                // Marking is enough here, and unlike closing it cannot hit the directory that is being read.
                if let Some(number) = number.filter(|number| *number > KEPT) {
                    libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
                }
            }
        }
        Ok(OwnedFd::from_raw_fd(KEPT))
    }
}

/// What [`reap`] found.
pub(super) enum Reaped {
    /// A child is gone.
    Child { pid: pid_t, wait_status: c_int, usage: libc::rusage },
    /// There are children, and all of them live.
    NoneYet,
    /// There are no children.
    NoChildren,
}

/// Collects one dead child without waiting.
pub(super) fn reap() -> Reaped {
    let mut wait_status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are valid; an all-zero `rusage` is a valid value.
    unsafe {
        match libc::wait4(-1, &raw mut wait_status, libc::WNOHANG | libc::__WALL, usage.as_mut_ptr()) {
            0 => Reaped::NoneYet,
            pid if pid > 0 => Reaped::Child { pid, wait_status, usage: usage.assume_init() },
            _ => Reaped::NoChildren,
        }
    }
}

/// Returns a child that a signal has stopped; each stop is told once.
pub(super) fn next_stopped() -> Option<pid_t> {
    let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WSTOPPED | libc::WNOHANG;
    // SAFETY: the place is valid, and an all-zero `siginfo` is a valid value, which stays as it is if nothing was found.
    let pid = unsafe {
        check(libc::waitid(libc::P_ALL, 0, about.as_mut_ptr(), flags)).ok()?;
        about.assume_init().si_pid()
    };
    (pid != 0).then_some(pid)
}

/// Waits for the end of the child `pid`.
pub(super) fn wait_for(pid: pid_t) {
    // SAFETY: a null status is allowed.
    let _ = retry(|| check(unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) }));
}

/// Sends `signal` to a process, or to a process group if the number is negative. Errors are of no use to any caller:
/// the target is gone, or cannot be reached at all.
pub(super) fn kill(target: pid_t, signal: c_int) {
    // SAFETY: takes numbers only.
    unsafe { libc::kill(target, signal) };
}

/// Returns the process group of `pid`.
pub(super) fn process_group(pid: pid_t) -> Option<pid_t> {
    // SAFETY: takes a number only.
    let group = unsafe { libc::getpgid(pid) };
    (group > 0).then_some(group)
}

/// Opens a handle of a process that never comes to mean another one.
pub(super) fn open_process(pid: pid_t) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers only; the descriptor is new and ours alone.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let fd = check(c_int::try_from(fd).unwrap_or(-1))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Sends `signal` through a handle of [`open_process`].
pub(super) fn signal_process(process: BorrowedFd<'_>, signal: c_int) {
    // SAFETY: a null `siginfo` is allowed.
    unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, ptr::null::<c_void>(), 0);
    }
}

/// Makes a counter that wakes an epoll.
pub(super) fn event_counter() -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is new and ours alone.
    unsafe {
        let fd = check(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// A set of files that are watched for input, each with a token.
pub(super) struct Epoll(OwnedFd);

impl Epoll {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: the descriptor is new and ours alone.
        unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    pub(super) fn add(&self, file: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN.cast_unsigned(), u64: token };
        // SAFETY: `event` is valid for the call.
        let result = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, file.as_raw_fd(), &raw mut event)
        };
        check(result).map(drop)
    }

    /// Stops watching `file`. This must happen before it is closed: the kernel watches the open file, which may live
    /// on in another process.
    pub(super) fn remove(&self, file: BorrowedFd<'_>) {
        // SAFETY: a null event is allowed for this operation. It fails only for files that are not watched.
        unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, file.as_raw_fd(), ptr::null_mut());
        }
    }

    /// Waits and returns how many of `events` were filled; 0 also after a signal.
    pub(super) fn wait(
        &self,
        events: &mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        // Rounded up, so that a caller never wakes before its deadline and spins.
        let timeout_ms = timeout.map_or(-1, |timeout| {
            c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
        });
        let room = c_int::try_from(events.len()).unwrap_or(c_int::MAX);
        // SAFETY: `events` has room for `room` events.
        let result = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room, timeout_ms) };
        match check_size(result as isize) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            other => other,
        }
    }
}
