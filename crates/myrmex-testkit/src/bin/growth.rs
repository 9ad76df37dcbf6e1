//! Does one thing of a given size, for `cargo xtask bench growth` to count what it costs.
//!
//! The functions whose names begin with `measured` are what callgrind is asked about; everything else is preparation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use myrmex_testkit::growth::{Process, layers};
use myrmex_testkit::process::Workflow;
use serde_json::{Value, json};

const USAGE: &str = "usage: growth tasks|pending|waiting|restart COUNT FOLDER";

/// How many completions are compared near either end of a run, and how many are left out before and after them: the first
/// and the last layer of a graph, in which tasks have half of the edges that the others have.
const ENDS: usize = 100;

/// How many completions tell what one costs beside attempts that wait.
const DISPATCHED: usize = 250;

/// How many runs are over beside each that is open.
const FINISHED_PER_OPEN: usize = 10;

/// How often open runs are taken up; the median counts.
const ROUNDS: usize = 3;

const WAITS: &str = "workflow: waits\ntasks:\n  a: {wait: 30d}\n";
const ENDS_AT_ONCE: &str = "workflow: ends\ntasks:\n  a: {set: {}}\n";

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

/// Returns how many bytes were asked for and not given back, without what the allocator needs for itself. What `SQLite`
/// holds is not among them.
fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// Returns how many bytes of memory the system counts for this process.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("it is Linux");
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kilobytes.and_then(|number| number.parse::<usize>().ok()).expect("it is a number of kB") * 1_024
}

/// Returns for how many nanoseconds this thread had a processor.
fn processor_ns() -> u64 {
    let times = fs::read_to_string("/proc/thread-self/schedstat").expect("it is Linux");
    times.split(' ').next().and_then(|time| time.parse().ok()).expect("it is a number")
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
    let between = count.checked_sub(4 * ENDS).expect("a graph has more than its ends");
    let workflow = layers(count);
    let mut process = Process::open(folder);
    let before = held();
    process.start(&workflow, 0..1);
    process.settle();
    let memory = held() - before;
    measured_begin(&mut process);
    measured_first(&mut process);
    measured_between(&mut process, between);
    measured_last(&mut process);
    measured_end(&mut process);
    assert_eq!(process.complete(1), 0, "no task is left");
    let (records, bytes) = process.close();
    json!({"tasks": count, "records": records, "bytes": bytes, "memory": memory, "counted": ENDS})
}

#[inline(never)]
fn measured_begin(process: &mut Process) {
    assert_eq!(black_box(process).complete(ENDS), ENDS, "the first layer");
}

#[inline(never)]
fn measured_first(process: &mut Process) {
    assert_eq!(black_box(process).complete(ENDS), ENDS, "the first of those that are alike");
}

#[inline(never)]
fn measured_between(process: &mut Process, count: usize) {
    assert_eq!(black_box(process).complete(count), count);
}

#[inline(never)]
fn measured_last(process: &mut Process) {
    assert_eq!(black_box(process).complete(ENDS), ENDS, "the last of those that are alike");
}

#[inline(never)]
fn measured_end(process: &mut Process) {
    assert_eq!(black_box(process).complete(ENDS), ENDS, "the last layer");
}

/// Holds the items of a `for_each` that wait, and completes some of them.
fn pending(count: usize, folder: &Path) -> Value {
    let text =
        format!("workflow: many\ntasks:\n  many: {{for_each: '${{{{ {count} }}}}', run: x, timeout: 1m}}\n");
    let workflow = Workflow::read(&text);
    let mut process = Process::open(folder);
    let (held_before, resident_before) = (held(), resident());
    let started = Instant::now();
    process.start(&workflow, 0..1);
    // A run this large is accepted with its first items and makes the others in further turns.
    process.settle();
    let seconds = started.elapsed().as_secs_f64();
    let (bytes, resident) = (held() - held_before, resident().saturating_sub(resident_before));
    assert_eq!(process.complete(DISPATCHED), DISPATCHED, "the file and its indexes are warm");
    let before = processor_ns();
    assert_eq!(process.complete(DISPATCHED), DISPATCHED);
    let completion_ns = (processor_ns() - before) / DISPATCHED as u64;
    json!({"count": count, "bytes": bytes, "resident": resident, "seconds": seconds, "completion_ns": completion_ns})
}

/// Holds so many runs that wait for a timer, and have left memory.
fn waiting(count: usize, folder: &Path) -> Value {
    let workflow = Workflow::read(WAITS);
    let mut process = Process::open(folder);
    // The first run brings what all of its kind share.
    process.start(&workflow, 0..1);
    assert_eq!(process.let_sleep(), 1);
    let (held_before, resident_before) = (held(), resident());
    process.start(&workflow, 1..count + 1);
    let awake = held() - held_before;
    assert_eq!(process.let_sleep(), count as u64 + 1, "all of them sleep");
    let (bytes, resident) = (held() - held_before, resident().saturating_sub(resident_before));
    json!({"count": count, "bytes": bytes, "resident": resident, "bytes_awake": awake})
}

/// Takes up so many open runs of a store, in which more are over.
fn restart(count: usize, folder: &Path) -> Value {
    let (waits, ends) = (Workflow::read(WAITS), Workflow::read(ENDS_AT_ONCE));
    let finished = FINISHED_PER_OPEN * count;
    let mut process = Process::open(folder);
    // Those that are open lie among those that are over, as in a store that was used for long.
    for first in (0..count).step_by(1_000) {
        let last = count.min(first + 1_000);
        process.start(&waits, first..last);
        process.start(&ends, count + FINISHED_PER_OPEN * first..count + FINISHED_PER_OPEN * last);
    }
    drop(process);
    let mut rounds = [(0.0, 0); ROUNDS];
    for round in &mut rounds {
        let (started, before) = (Instant::now(), processor_ns());
        let mut process = Process::open(folder);
        assert_eq!(process.resume(), count, "those are open that wait");
        *round = (started.elapsed().as_secs_f64(), processor_ns() - before);
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (seconds, processor_ns) = rounds[ROUNDS / 2];
    json!({"count": count, "finished": finished, "seconds": seconds, "processor_ns": processor_ns})
}
