//! Times one command and everything it started.
//!
//! The only unsafe code of this program: the standard library cannot tell what a child used.
#![expect(unsafe_code, reason = "wait4 and prctl have no safe form in the standard library")]

use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::failure::Failure;

/// What one command used.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sample {
    /// From the start to the end of the command.
    pub(super) wall_ms: f64,
    /// User and system time of the command and of everything it started.
    pub(super) cpu_ms: f64,
    /// The largest resident set of any process of the command.
    pub(super) peak_kib: i64,
}

/// What a command leaves behind has this long to end; longer means a leak, which fails the run.
const STRAGGLERS_MAX: Duration = Duration::from_secs(5);

/// Runs `command` to its end and returns what it used.
///
/// # Errors
///
/// Returns a failure if the command does not end with 0, or leaves processes behind that do not end soon.
pub(super) fn run(command: &mut Command) -> Result<Sample, Failure> {
    adopt_orphans().map_err(Failure::because("prctl"))?;
    let started = Instant::now();
    let child = command.spawn().map_err(Failure::because("start"))?;
    let id = libc::pid_t::try_from(child.id()).map_err(Failure::because("process id"))?;
    let (_, status, usage) = wait(id, 0).map_err(Failure::because("wait"))?;
    let wall_ms = started.elapsed().as_secs_f64() * 1_000.0;
    let mut sample = Sample { wall_ms, cpu_ms: cpu_ms(&usage), peak_kib: usage.ru_maxrss };
    reap_orphans(&mut sample)?;
    if status != 0 {
        return Err(Failure::new(format!("ended with wait status {status}")));
    }
    Ok(sample)
}

/// Adds what the command's own children used that it did not wait for itself.
fn reap_orphans(sample: &mut Sample) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        match wait(-1, libc::WNOHANG) {
            Ok((0, ..)) if started.elapsed() > STRAGGLERS_MAX => {
                return Err(Failure::new("processes were left behind and did not end"));
            }
            Ok((0, ..)) => thread::sleep(Duration::from_millis(1)),
            Ok((_, _, usage)) => {
                sample.cpu_ms += cpu_ms(&usage);
                sample.peak_kib = sample.peak_kib.max(usage.ru_maxrss);
            }
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(()),
            Err(error) => return Err(Failure::because("wait")(error)),
        }
    }
}

/// Waits for a child; returns its id (0 where none has ended), its wait status, and what it used.
fn wait(id: libc::pid_t, options: libc::c_int) -> io::Result<(libc::pid_t, libc::c_int, libc::rusage)> {
    let mut status = 0;
    // SAFETY: a `rusage` is plain numbers, for which zeroes are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals that outlive the call.
    let ended = unsafe { libc::wait4(id, &raw mut status, options, &raw mut usage) };
    if ended < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((ended, status, usage))
}

/// Makes orphaned descendants children of this process, so that they can be waited for and counted.
#[cfg(target_os = "linux")]
fn adopt_orphans() -> io::Result<()> {
    // SAFETY: this option takes a number and no pointer.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Only Linux can; elsewhere what a command does not wait for is not counted.
#[cfg(not(target_os = "linux"))]
fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

fn cpu_ms(usage: &libc::rusage) -> f64 {
    [usage.ru_utime, usage.ru_stime].iter().map(milliseconds).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a measured time has far fewer digits than a float holds")]
fn milliseconds(time: &libc::timeval) -> f64 {
    time.tv_sec as f64 * 1_000.0 + time.tv_usec as f64 / 1_000.0
}
