//! Does one thing of a given size, for `cargo xtask bench growth` to count what it costs.
//!
//! The functions whose names begin with `measured` are what is counted; everything else is preparation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use myrmex_testkit::growth::{Process, Workflow};
use serde_json::{Value, json};

const USAGE: &str = "usage: growth tasks|pending|waiting|restart COUNT FOLDER";

/// How many completions are compared at either end of a run.
const ENDS: usize = 100;

/// Counts the bytes that are held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator cannot be written otherwise; it passes everything on")]
// SAFETY: every call is passed on as it came; counting touches no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let [what, count, folder] = words.as_slice() else { return usage() };
    let (Ok(count), folder) = (count.parse::<usize>(), PathBuf::from(folder)) else { return usage() };
    let figures = match what.as_str() {
        "tasks" => tasks(count, &folder),
        "pending" => pending(count, &folder),
        "waiting" => waiting(count, &folder),
        "restart" => restart(count, &folder),
        _ => return usage(),
    };
    println!("{figures}");
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Runs a graph of so many tasks.
fn tasks(count: usize, folder: &Path) -> Value {
    let workflow = Workflow::layers(count);
    let mut process = Process::open(folder);
    process.start(&workflow, 0);
    measured_first(&mut process);
    measured_between(&mut process, count - 2 * ENDS);
    measured_last(&mut process);
    assert_eq!(process.complete(1), 0, "no task is left");
    let (records, bytes) = process.close();
    json!({"records": records, "bytes": bytes})
}

#[inline(never)]
fn measured_first(process: &mut Process) {
    assert_eq!(black_box(process).complete(ENDS), ENDS);
}

#[inline(never)]
fn measured_between(process: &mut Process, count: usize) {
    assert_eq!(black_box(process).complete(count), count);
}

#[inline(never)]
fn measured_last(process: &mut Process) {
    assert_eq!(black_box(process).complete(ENDS), ENDS);
}

/// Holds the items of a `for_each` that wait.
fn pending(count: usize, folder: &Path) -> Value {
    let text =
        format!("workflow: many\ntasks:\n  many: {{for_each: '${{{{ {count} }}}}', run: x, timeout: 1m}}\n");
    let workflow = Workflow::read(&text);
    let mut process = Process::open(folder);
    let before = held();
    let started = Instant::now();
    process.start(&workflow, 0);
    let seconds = started.elapsed().as_secs_f64();
    let bytes = held() - before;
    measured_first(&mut process);
    json!({"bytes": bytes, "seconds": seconds})
}

/// Holds so many runs that wait for a timer.
fn waiting(count: usize, folder: &Path) -> Value {
    let workflow = Workflow::read("workflow: waits\ntasks:\n  a: {wait: 30d}\n");
    let mut process = Process::open(folder);
    process.start(&workflow, count);
    let before = held();
    for number in 0..count {
        process.start(&workflow, number);
    }
    json!({"bytes": held() - before})
}

/// Takes up so many open runs of a store.
fn restart(count: usize, folder: &Path) -> Value {
    let workflow = Workflow::read("workflow: waits\ntasks:\n  a: {wait: 30d}\n");
    let mut process = Process::open(folder);
    for number in 0..count {
        process.start(&workflow, number);
    }
    drop(process);
    let started = Instant::now();
    let resumed = measured_restart(folder);
    assert_eq!(resumed, count, "all are open");
    json!({"seconds": started.elapsed().as_secs_f64()})
}

#[inline(never)]
fn measured_restart(folder: &Path) -> usize {
    Process::open(black_box(folder)).resume()
}
