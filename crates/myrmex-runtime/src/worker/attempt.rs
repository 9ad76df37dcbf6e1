//! An attempt under way: what it printed, and how its end is told.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::RunId;
use myrmex_model::outcome::{AttemptEnd, Loss, ProcessExit, Usage};
use myrmex_model::value::{VALUE_BYTES_MAX, Value, to_text};
use serde_json::Map;

use super::heartbeat::Heartbeat;
use super::{Assignment, Facts, Outcome, Produced, interpreter, output};
use crate::platform::{Exit, Finish, ProcessEnd, Stage, Stream};
use crate::secrets::{Masks, StreamMask};

/// The end of standard error that an error carries along, in bytes: enough for a message, not for a log.
const ERROR_TAIL_BYTES: usize = 2_048;

/// An attempt whose process runs.
pub(super) struct Running {
    pub(super) assignment: Assignment,
    /// The run from which all calls down to its own come.
    pub(super) root: RunId,
    output: PathBuf,
    /// Standard output so far; none once it is more than a value may hold.
    stdout: Option<Vec<u8>>,
    stderr_tail: Vec<u8>,
    has_printed: bool,
    /// Its signs of life, if it has to give some.
    heartbeat: Option<Heartbeat>,
    /// Whether it was told to stop.
    pub(super) is_stopping: bool,
    /// What keeps secrets out of all that it says; none if its root has no secrets.
    masking: Option<Masking>,
}

/// Keeps secrets out of what an attempt says.
struct Masking {
    masks: Arc<Masks>,
    /// Standard output first.
    streams: [StreamMask; 2],
}

impl Masking {
    fn new(masks: Arc<Masks>) -> Self {
        let streams = [0, 1].map(|_| StreamMask::new(Arc::clone(&masks)));
        Self { masks, streams }
    }
}

impl Running {
    /// Takes up an attempt of a run with this root, whose secrets are masked.
    pub(super) fn new(
        assignment: Assignment,
        (root, masks): (RunId, Option<Arc<Masks>>),
        output: PathBuf,
    ) -> Self {
        Self {
            heartbeat: assignment.heartbeat.map(|limit| Heartbeat::new(limit, &output)),
            assignment,
            root,
            output,
            stdout: Some(Vec::new()),
            stderr_tail: Vec::new(),
            has_printed: false,
            is_stopping: false,
            masking: masks.map(Masking::new),
        }
    }

    /// Returns the signs of life that it has to give.
    pub(super) fn heartbeat(&mut self) -> Option<&mut Heartbeat> {
        self.heartbeat.as_mut()
    }

    /// Returns how long nobody need look for a sign of life; nothing if none is needed.
    pub(super) fn unwatched(&self) -> Option<Duration> {
        self.heartbeat.as_ref().filter(|_| !self.is_stopping).and_then(Heartbeat::left)
    }

    /// Masks what the process printed. What may be the beginning of a secret is held back.
    pub(super) fn masked<'b>(&mut self, stream: Stream, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(masking) = &mut self.masking else { return Cow::Borrowed(bytes) };
        let mut out = Vec::with_capacity(bytes.len());
        masking.streams[stream as usize].push(bytes, &mut out);
        Cow::Owned(out)
    }

    /// Returns what was held back of a stream that has ended.
    pub(super) fn held_back(&mut self, stream: Stream) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(masking) = &mut self.masking {
            masking.streams[stream as usize].finish(&mut out);
        }
        out
    }

    /// Masks by `masks` from now on; returns what is not held back any more, standard output first.
    pub(super) fn replace_masks(&mut self, masks: &Arc<Masks>) -> [Vec<u8>; 2] {
        let mut out = [Vec::new(), Vec::new()];
        match &mut self.masking {
            Some(masking) => {
                masking.masks = Arc::clone(masks);
                for (stream, out) in masking.streams.iter_mut().zip(&mut out) {
                    stream.replace_masks(Arc::clone(masks), out);
                }
            }
            None => self.masking = Some(Masking::new(Arc::clone(masks))),
        }
        out
    }

    /// Keeps what the engine itself needs of the attempt's output.
    pub(super) fn keep(&mut self, stream: Stream, bytes: &[u8]) {
        self.has_printed = true;
        match stream {
            Stream::Stdout => {
                if let Some(stdout) = &mut self.stdout {
                    stdout.extend_from_slice(bytes);
                    if stdout.len() > VALUE_BYTES_MAX {
                        self.stdout = None;
                    }
                }
            }
            Stream::Stderr => {
                self.stderr_tail.extend_from_slice(bytes);
                let surplus = self.stderr_tail.len().saturating_sub(ERROR_TAIL_BYTES);
                self.stderr_tail.drain(..surplus);
            }
        }
    }

    /// What it must not show; none if its root has no secrets.
    pub(super) fn masks(&self) -> Option<&Arc<Masks>> {
        self.masking.as_ref().map(|masking| &masking.masks)
    }

    /// Where it writes what it gives.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// Tells a success whose output is a file of its own.
    pub(super) fn gave(&self, file: Map<String, Value>, end: &ProcessEnd) -> Outcome {
        output::remove(&self.output);
        Outcome::Produced { produced: Produced::File(file), facts: facts(end) }
    }

    /// Tells a failure for a reason that the process does not know.
    pub(super) fn failed(&self, fault: Fault, end: &ProcessEnd) -> Outcome {
        output::remove(&self.output);
        Outcome::Ended(facts(end).report(AttemptEnd::Failed { fault }))
    }

    /// Whether anything was printed at all.
    pub(super) fn has_printed(&self) -> bool {
        self.has_printed
    }

    /// Whether the attempt never began because the machine had no process for it, which may pass; and nobody minds that it
    /// begins later.
    pub(super) fn may_begin_later(&self, end: &ProcessEnd) -> bool {
        let shortage = |errno| is_shortage(&std::io::Error::from_raw_os_error(errno));
        !self.is_stopping
            && matches!(end.exit, Exit::NotStarted { stage: Stage::Fork, errno } if shortage(errno))
    }

    /// Tells how the attempt ended, without a secret.
    pub(super) fn outcome(&self, end: &ProcessEnd) -> Outcome {
        let outcome = self.plain_outcome(end);
        match &self.masking {
            Some(masking) => masked_outcome(outcome, &masking.masks),
            None => outcome,
        }
    }

    fn plain_outcome(&self, end: &ProcessEnd) -> Outcome {
        let facts = facts(end);
        let silence = self.heartbeat.as_ref().and_then(Heartbeat::fault);
        let timeout = self.assignment.timeout.unwrap_or_default();
        if end.exit == Exit::Code(0) {
            return self.produced(facts);
        }
        output::remove(&self.output);
        let end = match end.exit {
            Exit::Code(code) => {
                let mut fault = Fault::new(FaultKind::Runtime, format!("exit code {code}"));
                fault.exit_code = Some(code);
                AttemptEnd::Failed { fault: self.with_tail(fault) }
            }
            Exit::Signal(signal) => {
                let fault = Fault::new(FaultKind::Runtime, format!("killed by {}", signal_name(signal)));
                AttemptEnd::Failed { fault: self.with_tail(fault) }
            }
            Exit::TimedOut { finish } => {
                let how = match finish {
                    Finish::Code(code) => format!("it ended with exit code {code} when it was told to stop"),
                    Finish::Signal(signal) => format!("it was ended by {}", signal_name(signal)),
                };
                let fault = Fault::new(FaultKind::Timeout, format!("timed out after {timeout}"));
                AttemptEnd::TimedOut { fault: fault.with_detail(how) }
            }
            Exit::Stopped { .. } => match silence {
                Some(fault) => AttemptEnd::TimedOut { fault },
                None => AttemptEnd::Stopped,
            },
            Exit::NotStarted { stage, errno } => AttemptEnd::Failed { fault: self.not_started(stage, errno) },
            Exit::ReaperLost => {
                let reason = "the process that watches over the attempt was killed".to_owned();
                AttemptEnd::Lost { loss: Loss::Watcher, reason }
            }
        };
        Outcome::Ended(facts.report(end))
    }

    fn produced(&self, facts: Facts) -> Outcome {
        match output::take(&self.output, self.masks()) {
            Ok(Some(produced)) => Outcome::Produced { produced, facts },
            Ok(None) => {
                let stdout = self.stdout.as_ref().map(|bytes| {
                    let text = String::from_utf8_lossy(bytes);
                    text.strip_suffix('\n').unwrap_or(&text).to_owned()
                });
                Outcome::Produced { produced: Produced::Stdout(stdout), facts }
            }
            Err(fault) => {
                let end = AttemptEnd::Failed { fault };
                Outcome::Ended(facts.report(end))
            }
        }
    }

    fn not_started(&self, stage: Stage, errno: i32) -> Fault {
        let arguments = &self.assignment.arguments;
        let (kind, title) = match stage {
            Stage::Workdir => {
                let folder = arguments.get("workdir").map(to_text).unwrap_or_default();
                (FaultKind::Configuration, format!("the working directory `{folder}` cannot be entered"))
            }
            Stage::Program => {
                let (what, program) = interpreter::program(arguments);
                let how = if errno == libc::ENOENT { "is not installed" } else { "cannot be started" };
                (FaultKind::Configuration, format!("the {what} `{program}` {how}"))
            }
            Stage::Fork => (FaultKind::Runtime, "no process could be made".to_owned()),
        };
        let detail = match errno {
            libc::E2BIG => {
                "an argument or a variable of the environment is larger than the system takes (128 KiB \
                            each); pass large data in a file"
                    .to_owned()
            }
            other => std::io::Error::from_raw_os_error(other).to_string(),
        };
        Fault::new(kind, title).with_detail(detail)
    }

    fn with_tail(&self, mut fault: Fault) -> Fault {
        let text = String::from_utf8_lossy(&self.stderr_tail);
        let text = text.trim();
        fault.detail = (!text.is_empty()).then(|| text.to_owned());
        fault
    }
}

/// Whether the machine refuses only for now: no descriptor, process or memory to spare.
pub(super) fn is_shortage(error: &std::io::Error) -> bool {
    let shortages = [libc::EMFILE, libc::ENFILE, libc::EAGAIN, libc::ENOMEM];
    error.raw_os_error().is_some_and(|number| shortages.contains(&number))
}

/// Masks everything in an outcome that an attempt can have a say in.
fn masked_outcome(outcome: Outcome, masks: &Arc<Masks>) -> Outcome {
    match outcome {
        Outcome::Produced { produced, facts } => {
            let produced = match produced {
                Produced::Stdout(text) => Produced::Stdout(text.map(|text| masks.text(&text).into_owned())),
                Produced::Lines(lines) => Produced::Lines(masks.fields(lines)),
                Produced::Object(fields) => Produced::Object(masks.fields(fields)),
                // It was looked at when it was kept.
                Produced::File(file) => Produced::File(file),
            };
            Outcome::Produced { produced, facts }
        }
        // What is taken over was masked before it was kept.
        taken_over @ Outcome::TakenOver { .. } => taken_over,
        Outcome::Ended(mut report) => {
            report.end = match report.end {
                AttemptEnd::Failed { fault } => AttemptEnd::Failed { fault: masks.fault(fault) },
                AttemptEnd::TimedOut { fault } => AttemptEnd::TimedOut { fault: masks.fault(fault) },
                end @ (AttemptEnd::Succeeded { .. } | AttemptEnd::Stopped | AttemptEnd::Lost { .. }) => end,
            };
            Outcome::Ended(report)
        }
    }
}

/// Returns how the process ended, also if it was stopped; none for exit code 0 or no process.
fn process_exit(exit: Exit) -> Option<ProcessExit> {
    match exit {
        Exit::Code(0) | Exit::NotStarted { .. } | Exit::ReaperLost => None,
        Exit::Code(code)
        | Exit::TimedOut { finish: Finish::Code(code) }
        | Exit::Stopped { finish: Finish::Code(code) } => Some(ProcessExit::Code(code)),
        Exit::Signal(signal)
        | Exit::TimedOut { finish: Finish::Signal(signal) }
        | Exit::Stopped { finish: Finish::Signal(signal) } => Some(ProcessExit::Signal(signal)),
    }
}

fn facts(end: &ProcessEnd) -> Facts {
    Facts {
        usage: usage(end),
        pid: (end.pid != 0).then_some(end.pid),
        exit: process_exit(end.exit),
        has_leftovers: end.leftovers_killed,
    }
}

fn usage(end: &ProcessEnd) -> Usage {
    Usage {
        wall_us: end.ended_ns.saturating_sub(end.started_ns) / 1_000,
        user_us: end.usage.user_us,
        system_us: end.usage.system_us,
        rss_max_kib: end.usage.rss_max_kib,
        blocks_in: end.usage.in_blocks,
        blocks_out: end.usage.out_blocks,
    }
}

/// Returns the name of a signal as people know it.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
