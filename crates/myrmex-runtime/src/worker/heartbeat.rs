//! Signs of life of an attempt, for `timeout.heartbeat`: what it prints, and changes of a file of its own.
//!
//! Nobody polls: the file is looked at when the time without a sign would run out, and only then.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::time::Length;

/// The variable that names the file.
pub(super) const VARIABLE: &str = "MYRMEX_HEARTBEAT";

/// What counts, for whoever meets the error.
const SIGNS: &str = "a sign of life is output on stdout or stderr, or a change of the file that MYRMEX_HEARTBEAT names \
                     (`touch \"$MYRMEX_HEARTBEAT\"`)";

/// Watches for signs of life of one attempt.
#[derive(Debug)]
pub(super) struct Heartbeat {
    limit: Length,
    file: PathBuf,
    /// How the file was when it was last looked at; none if it was not there.
    seen: Option<Mark>,
    last_sign: Instant,
    /// Whether the time ran out, so that the attempt is being ended.
    is_over: bool,
}

/// What of a file changes when it is touched.
type Mark = (SystemTime, u64);

impl Heartbeat {
    /// Begins to wait for signs of an attempt that writes its output to `output`.
    pub(super) fn new(limit: Length, output: &Path) -> Self {
        Self { limit, file: file_beside(output), seen: None, last_sign: Instant::now(), is_over: false }
    }

    /// Returns the variable that tells the attempt which file to touch.
    pub(super) fn variable(output: &Path) -> (OsString, OsString) {
        (VARIABLE.into(), file_beside(output).into())
    }

    /// Notes that the attempt printed something.
    pub(super) fn note_sign(&mut self) {
        self.last_sign = Instant::now();
    }

    /// Returns how long nothing need be looked at; nothing once the time has run out.
    pub(super) fn left(&self) -> Option<Duration> {
        let limit = Duration::from_millis(self.limit.0);
        (!self.is_over).then(|| limit.saturating_sub(self.last_sign.elapsed()))
    }

    /// Returns whether the attempt is to be ended, once: its time is over and its file is as it was.
    pub(super) fn runs_out(&mut self) -> bool {
        if self.left() != Some(Duration::ZERO) {
            return false;
        }
        let mark = mark(&self.file);
        if mark != self.seen {
            self.seen = mark;
            self.last_sign = self.when(mark);
            return self.runs_out_by_now();
        }
        self.is_over = true;
        true
    }

    /// The same, when the file was changed but maybe too long ago.
    fn runs_out_by_now(&mut self) -> bool {
        self.is_over = self.left() == Some(Duration::ZERO);
        self.is_over
    }

    /// Returns when the file was changed. Its time is that of the wall clock, which may have been set since, or anything
    /// that `touch` was told: then the change counts from now.
    fn when(&self, mark: Option<Mark>) -> Instant {
        let now = Instant::now();
        let age = mark.and_then(|(modified, _)| modified.elapsed().ok());
        age.and_then(|age| now.checked_sub(age)).filter(|at| *at > self.last_sign).unwrap_or(now)
    }

    /// Returns the error of the attempt if it was ended for want of signs.
    pub(super) fn fault(&self) -> Option<Fault> {
        let title = format!("no sign of life for {}", self.limit);
        self.is_over.then(|| Fault::new(FaultKind::Timeout, title).with_detail(SIGNS))
    }

    /// Removes the file of an attempt that is over.
    pub(super) fn remove(&self) {
        // Most attempts that print never make it.
        drop(std::fs::remove_file(&self.file));
    }
}

/// Returns the file of signs beside the output file of an attempt.
fn file_beside(output: &Path) -> PathBuf {
    output.with_extension("heartbeat")
}

fn mark(file: &Path) -> Option<Mark> {
    let found = std::fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}
