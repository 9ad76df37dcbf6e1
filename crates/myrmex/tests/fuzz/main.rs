//! Hostile input: whatever is read from outside may be anything, and must never panic, abort, hang or take all memory.
//!
//! Each target is fed with mutations of its seeds, in a process of its own with a bound on memory, for
//! `MYRMEX_FUZZ_SECONDS`. A failure names the seed (`MYRMEX_FUZZ_SEED` repeats it) and the file with the input, which
//! `MYRMEX_FUZZ_INPUT=FILE MYRMEX_FUZZ_TARGET=NAME` runs alone. What this does not do: it measures no coverage.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod driver;
mod mutate;
mod targets;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use driver::{Setting, input_file};
use targets::TARGETS;

/// How long each target is fed.
const SECONDS: u64 = 60;

/// How long a process may take beyond that: its last input, and the largest on a busy machine.
const GRACE: Duration = Duration::from_secs(30);

fn number(name: &str, otherwise: impl FnOnce() -> u64) -> u64 {
    std::env::var(name).ok().map_or_else(otherwise, |text| text.parse().expect("a whole number"))
}

/// Starts this program again as the process of one target.
fn start(target: &str, seed: u64, seconds: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["target_process", "--exact", "--nocapture", "--test-threads=1"])
        .env("MYRMEX_FUZZ_TARGET", target)
        .env("MYRMEX_FUZZ_SEED", seed.to_string())
        .env("MYRMEX_FUZZ_SECONDS", seconds.to_string())
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a process; false if it failed or had to be killed.
fn ends_well(child: &mut Child, until: Instant) -> bool {
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status.success(),
            None if Instant::now() > until => {
                child.kill().unwrap();
                child.wait().unwrap();
                return false;
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

#[test]
fn nothing_that_is_read_panics_hangs_or_takes_all_memory() {
    if std::env::var_os("MYRMEX_FUZZ_TARGET").is_some() {
        return;
    }
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    let seed = number("MYRMEX_FUZZ_SEED", clock);
    let seconds = number("MYRMEX_FUZZ_SECONDS", || SECONDS);
    println!("MYRMEX_FUZZ_SEED={seed}");
    let until = Instant::now() + Duration::from_secs(seconds) + GRACE;
    let mut children: Vec<_> =
        TARGETS.iter().map(|target| (target.name, start(target.name, seed, seconds))).collect();
    let mut failed = Vec::new();
    for (name, child) in &mut children {
        if !ends_well(child, until) {
            failed
                .push(format!("{name} (MYRMEX_FUZZ_SEED={seed}; its input: {})", input_file(name).display()));
        }
    }
    assert!(failed.is_empty(), "failed: {}", failed.join("; "));
}

/// The process of one target; without a target it is no test.
#[test]
fn target_process() {
    let Ok(name) = std::env::var("MYRMEX_FUZZ_TARGET") else { return };
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    let setting = Setting {
        seed: number("MYRMEX_FUZZ_SEED", || 0),
        time: Duration::from_secs(number("MYRMEX_FUZZ_SECONDS", || SECONDS)),
        only: std::env::var_os("MYRMEX_FUZZ_INPUT").map(Into::into),
    };
    driver::feed(target, &setting);
}
