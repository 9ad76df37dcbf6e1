//! What travels between this process and a reaper. Both are the same binary, so there are no versions.
//!
//! A request is a frame: its length, a kind, and fixed numbers; a start adds NUL-terminated strings, so that the reaper
//! can point `execve` right into the frame. A status is one record of fixed size.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::super::spec::{Exit, Finish, ProcessEnd, ProcessId, ProcessSpec, Stage, Usage};

/// The kernel takes at most 6 MiB of arguments and environment; a larger frame is a mistake that must not fill memory.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// The bytes of a frame before its body: the body's length.
const LENGTH_BYTES: usize = 4;

const START: u8 = 1;
const STOP: u8 = 2;
const KILL: u8 = 3;

/// A request as the reaper sees it.
#[derive(Debug)]
pub(super) enum Request<'a> {
    Start(Start<'a>),
    /// Stops the attempt if it is the current one; `kill` means without grace.
    Stop {
        id: ProcessId,
        kill: bool,
    },
}

/// A [`ProcessSpec`] as the reaper sees it.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) id: ProcessId,
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) workdir: &'a CStr,
    pub(super) argv: Vec<&'a CStr>,
    /// Entries of the form `NAME=VALUE`.
    pub(super) env: Vec<&'a CStr>,
    pub(super) env_remove: Vec<&'a CStr>,
    pub(super) script: Option<&'a CStr>,
}

/// Writes the frame that starts `spec` into `frame`.
///
/// # Errors
///
/// Returns an error if the spec cannot be expressed: no program, a NUL byte, an impossible variable name, or too large.
pub(super) fn write_start(frame: &mut Vec<u8>, id: ProcessId, spec: &ProcessSpec) -> io::Result<()> {
    if spec.argv.is_empty() {
        return Err(invalid("a process needs a program"));
    }
    frame.clear();
    frame.extend_from_slice(&[0; LENGTH_BYTES]);
    frame.push(START);
    put_u64(frame, id.0);
    put_u64(frame, spec.timeout.map_or(u64::MAX, duration_ns));
    put_u64(frame, duration_ns(spec.grace));
    for count in [spec.argv.len(), spec.env.len(), spec.env_remove.len(), usize::from(spec.script.is_some())]
    {
        put_u64(frame, count as u64);
    }
    put_text(frame, &[spec.workdir.as_os_str()])?;
    for argument in &spec.argv {
        put_text(frame, &[argument])?;
    }
    for (name, value) in &spec.env {
        check_name(name)?;
        put_text(frame, &[name, OsStr::new("="), value])?;
    }
    for name in &spec.env_remove {
        check_name(name)?;
        put_text(frame, &[name])?;
    }
    if let Some(script) = &spec.script {
        put_text(frame, &[script])?;
    }
    if frame.len() > FRAME_BYTES_MAX {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    close_frame(frame);
    Ok(())
}

/// Writes the frame that stops or kills an attempt into `frame`.
pub(super) fn write_stop(frame: &mut Vec<u8>, id: ProcessId, kill: bool) {
    frame.clear();
    frame.extend_from_slice(&[0; LENGTH_BYTES]);
    frame.push(if kill { KILL } else { STOP });
    put_u64(frame, id.0);
    close_frame(frame);
}

/// Returns the length of the first whole frame in `bytes`, or how many bytes must be there to go on.
pub(super) fn frame_length(bytes: &[u8]) -> Result<usize, usize> {
    let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else {
        return Err(LENGTH_BYTES);
    };
    let whole = LENGTH_BYTES + u32::from_le_bytes(*length) as usize;
    if bytes.len() >= whole { Ok(whole) } else { Err(whole) }
}

/// Reads one whole frame; `None` if it makes no sense.
pub(super) fn read_request(frame: &[u8]) -> Option<Request<'_>> {
    let mut cursor = Cursor(frame.get(LENGTH_BYTES..)?);
    let kind = cursor.byte()?;
    let id = ProcessId(cursor.u64()?);
    match kind {
        STOP => Some(Request::Stop { id, kill: false }),
        KILL => Some(Request::Stop { id, kill: true }),
        START => {
            let timeout_ns = cursor.u64()?;
            let grace = Duration::from_nanos(cursor.u64()?);
            let [argc, envc, removec, scripts] = [cursor.u64()?, cursor.u64()?, cursor.u64()?, cursor.u64()?];
            Some(Request::Start(Start {
                id,
                timeout: (timeout_ns != u64::MAX).then(|| Duration::from_nanos(timeout_ns)),
                grace,
                workdir: cursor.text()?,
                argv: cursor.texts(argc)?,
                env: cursor.texts(envc)?,
                env_remove: cursor.texts(removec)?,
                script: cursor.texts(scripts)?.pop(),
            }))
        }
        _ => None,
    }
}

/// What a reaper says about an attempt that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) id: u64,
    pub(super) pid: u32,
    /// How the main process ended, as `wait` encodes it.
    pub(super) exit_bits: i32,
    /// What ended it, if not the process itself.
    pub(super) cause: Cause,
    pub(super) leftovers_killed: bool,
    pub(super) started_ns: u64,
    pub(super) ended_ns: u64,
    pub(super) usage: Usage,
}

/// Why an attempt ended, next to its wait status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cause {
    #[default]
    Itself,
    TimedOut,
    Stopped,
    NotStarted {
        stage: Stage,
        errno: i32,
    },
}

/// The size of a status record.
pub(super) const STATUS_BYTES: usize = 12 * 8;

impl Status {
    /// Returns the record of an attempt that could not be started.
    pub(super) fn not_started(id: ProcessId, stage: Stage, errno: i32) -> Self {
        Self { id: id.0, cause: Cause::NotStarted { stage, errno }, ..Self::default() }
    }

    /// Returns what the zygote says, by the same socket, when it could not fork the reaper: it knows of no attempt.
    pub(super) fn of_zygote(errno: i32) -> Self {
        Self::not_started(ProcessId(0), Stage::Fork, errno)
    }

    /// Whether the zygote says it, so that no reaper serves the socket. A reaper of attempt 0 may say the same; nothing is lost
    /// if it is not used again.
    pub(super) fn is_of_zygote(&self) -> bool {
        self.id == 0 && matches!(self.cause, Cause::NotStarted { stage: Stage::Fork, .. })
    }

    pub(super) fn to_bytes(self) -> [u8; STATUS_BYTES] {
        let (cause, errno) = match self.cause {
            Cause::Itself => (0, 0),
            Cause::TimedOut => (1, 0),
            Cause::Stopped => (2, 0),
            Cause::NotStarted { stage: Stage::Workdir, errno } => (3, errno),
            Cause::NotStarted { stage: Stage::Program, errno } => (4, errno),
            Cause::NotStarted { stage: Stage::Fork, errno } => (5, errno),
        };
        let fields: [u64; STATUS_BYTES / 8] = [
            self.id,
            u64::from(self.pid),
            u64::from(self.exit_bits.cast_unsigned()),
            cause,
            u64::from(errno.cast_unsigned()),
            u64::from(self.leftovers_killed),
            self.started_ns,
            self.ended_ns,
            self.usage.user_us,
            self.usage.system_us,
            self.usage.rss_max_kib,
            self.usage.in_blocks << 32 | self.usage.out_blocks & 0xffff_ffff,
        ];
        let mut bytes = [0; STATUS_BYTES];
        for (field, chunk) in fields.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *chunk = field.to_le_bytes();
        }
        bytes
    }

    /// Reads a record; `None` if it makes no sense.
    pub(super) fn from_bytes(bytes: &[u8; STATUS_BYTES]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let id = cursor.u64()?;
        let pid = u32::try_from(cursor.u64()?).ok()?;
        let exit_bits = u32::try_from(cursor.u64()?).ok()?.cast_signed();
        let (cause, errno) = (cursor.u64()?, u32::try_from(cursor.u64()?).ok()?.cast_signed());
        let cause = match cause {
            0 => Cause::Itself,
            1 => Cause::TimedOut,
            2 => Cause::Stopped,
            3 => Cause::NotStarted { stage: Stage::Workdir, errno },
            4 => Cause::NotStarted { stage: Stage::Program, errno },
            5 => Cause::NotStarted { stage: Stage::Fork, errno },
            _ => return None,
        };
        let leftovers_killed = cursor.u64()? != 0;
        let [started_ns, ended_ns] = [cursor.u64()?, cursor.u64()?];
        let [user_us, system_us, rss_max_kib] = [cursor.u64()?, cursor.u64()?, cursor.u64()?];
        let blocks = cursor.u64()?;
        let usage = Usage {
            user_us,
            system_us,
            rss_max_kib,
            in_blocks: blocks >> 32,
            out_blocks: blocks & 0xffff_ffff,
        };
        Some(Self { id, pid, exit_bits, cause, leftovers_killed, started_ns, ended_ns, usage })
    }

    /// Returns what the caller of this module gets to see.
    pub(super) fn into_end(self) -> ProcessEnd {
        let finish = if libc::WIFSIGNALED(self.exit_bits) {
            Finish::Signal(libc::WTERMSIG(self.exit_bits))
        } else {
            Finish::Code(libc::WEXITSTATUS(self.exit_bits))
        };
        let exit = match self.cause {
            Cause::Itself => match finish {
                Finish::Code(code) => Exit::Code(code),
                Finish::Signal(signal) => Exit::Signal(signal),
            },
            Cause::TimedOut => Exit::TimedOut { finish },
            Cause::Stopped => Exit::Stopped { finish },
            Cause::NotStarted { stage, errno } => Exit::NotStarted { stage, errno },
        };
        ProcessEnd {
            exit,
            usage: self.usage,
            pid: self.pid,
            started_ns: self.started_ns,
            ended_ns: self.ended_ns,
            leftovers_killed: self.leftovers_killed,
        }
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn duration_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn put_u64(frame: &mut Vec<u8>, value: u64) {
    frame.extend_from_slice(&value.to_le_bytes());
}

fn put_text(frame: &mut Vec<u8>, parts: &[&OsStr]) -> io::Result<()> {
    for part in parts {
        if part.as_bytes().contains(&0) {
            return Err(invalid("a program argument, variable or path contains a NUL byte"));
        }
        frame.extend_from_slice(part.as_bytes());
    }
    frame.push(0);
    Ok(())
}

fn check_name(name: &OsStr) -> io::Result<()> {
    if name.is_empty() || name.as_bytes().contains(&b'=') {
        return Err(invalid("the name of an environment variable is empty or contains `=`"));
    }
    Ok(())
}

fn close_frame(frame: &mut [u8]) {
    let length = u32::try_from(frame.len() - LENGTH_BYTES).expect("frames are at most 16 MiB");
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// Reads numbers and strings off the front of a frame.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn u64(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }

    fn text(&mut self) -> Option<&'a CStr> {
        let text = CStr::from_bytes_until_nul(self.0).ok()?;
        self.0 = &self.0[text.count_bytes() + 1..];
        Some(text)
    }

    fn texts(&mut self, count: u64) -> Option<Vec<&'a CStr>> {
        (0..count).map(|_| self.text()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_survives_its_bytes() {
        let usage = Usage { user_us: 1, system_us: 2, rss_max_kib: 3, in_blocks: 4, out_blocks: 5 };
        let causes = [
            Cause::Itself,
            Cause::TimedOut,
            Cause::Stopped,
            Cause::NotStarted { stage: Stage::Workdir, errno: 2 },
            Cause::NotStarted { stage: Stage::Program, errno: 13 },
            Cause::NotStarted { stage: Stage::Fork, errno: 11 },
        ];
        for cause in causes {
            let status = Status {
                id: 7,
                pid: 8,
                exit_bits: -9,
                cause,
                leftovers_killed: true,
                started_ns: 10,
                ended_ns: 11,
                usage,
            };
            assert_eq!(Status::from_bytes(&status.to_bytes()), Some(status));
        }
    }

    #[test]
    fn a_cut_frame_is_no_request() {
        let mut frame = Vec::new();
        let spec = ProcessSpec {
            argv: vec!["true".into()],
            env: vec![("A".into(), "b".into())],
            env_remove: vec!["C".into()],
            script: Some("true".into()),
            workdir: "/".into(),
            timeout: None,
            grace: Duration::ZERO,
        };
        write_start(&mut frame, ProcessId(1), &spec).unwrap();
        assert_eq!(frame_length(&frame), Ok(frame.len()));
        assert!(read_request(&frame).is_some());
        for cut in 0..frame.len() {
            assert!(read_request(&frame[..cut]).is_none());
        }
    }
}
