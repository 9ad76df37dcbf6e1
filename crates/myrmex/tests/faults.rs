//! Every single write fails, and the process dies at every single write: nothing acknowledged is lost, and the run ends
//! as it would have.
//!
//! Three ways to get there: a shim (`support/fault.c`) that is preloaded into the real binary, a full filesystem, and
//! in one process a store that fails at a chosen commit, under the real partition.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[path = "support/commits.rs"]
mod commits;
#[path = "support/disk.rs"]
mod disk;
#[path = "support/shim.rs"]
mod shim;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use disk::SmallDisk;
use myrmex_testkit::history::{Expected, check, contains_lines};
use serde_json::Value;
use shim::{Report, Shim};
use support::{Ended, Live, PATIENCE, Workspace, describe, outcome, poll, say};

/// Processes of the workload. Each gives a commit or two.
const RUNS: usize = 12;

/// Tasks that only compute, after each process.
const SETS_PER_RUN: usize = 14;

/// Timers. With them the workload has 200 tasks.
const TIMERS: usize = 20;

/// Between the computing tasks that two timers in a row wait for.
const SETS_PER_TIMER: usize = 8;

/// Points at a time: a run waits for its disk and its processes half of the time.
const WORKERS: usize = 3;

/// How far beyond the calls of an undisturbed run the points go, in percent: batches form differently every time.
const BEYOND_PERCENT: u64 = 10;

/// The share of the points up to the calls of an undisturbed run, in percent, that must take place. The last ones may
/// not: under load batches are larger and calls fewer.
const REACHED_PERCENT_MIN: u64 = 75;

/// The most failed points that are told in full.
const TOLD_MAX: usize = 5;

/// Writes the workload: two chains of processes with values computed from each, some retries, some timers.
fn workload() -> String {
    let mut text = String::from("workflow: workload\ntasks:\n");
    for run in 0..RUNS {
        let needs = run
            .checked_sub(2)
            .map_or(String::new(), |before| format!("    needs: [r{before}, s{}]\n", before * SETS_PER_RUN));
        let is_retried = run % 8 == 2;
        let retry = if is_retried { "    retry: {attempts: 2, delay: 1ms}\n" } else { "" };
        // Fails until its mark is there, so at most once, whenever the process is killed.
        let fail = format!("if [ ! -e mark-{run} ]; then touch mark-{run}; exit 75; fi; ");
        let fail = if is_retried { fail.as_str() } else { "" };
        write!(
            text,
            "  r{run}:\n{needs}{retry}    run: . ./ledger.sh; {fail}echo task {run}; give {run}\n    \
             outputs: {{value: {{type: integer}}}}\n"
        )
        .unwrap();
        for set in 0..SETS_PER_RUN {
            let number = run * SETS_PER_RUN + set;
            writeln!(text, "  s{number}: {{set: {{v: '${{{{ tasks.r{run}.output.value + {set} }}}}'}}}}")
                .unwrap();
        }
    }
    for timer in 0..TIMERS {
        writeln!(text, "  w{timer}: {{needs: s{}, wait: {}ms}}", timer * SETS_PER_TIMER, timer % 5 + 1)
            .unwrap();
    }
    text
}

fn expected() -> Expected {
    let runs = (2..RUNS).map(|run| (format!("r{}", run - 2), format!("r{run}")));
    let sets = (0..RUNS * SETS_PER_RUN).map(|set| (format!("r{}", set / SETS_PER_RUN), format!("s{set}")));
    let timers = (0..TIMERS).map(|timer| (format!("s{}", timer * SETS_PER_TIMER), format!("w{timer}")));
    let attempts_max = (0..RUNS).filter(|run| run % 8 == 2).map(|run| (format!("r{run}"), 2)).collect();
    Expected {
        edges: runs.chain(sets).chain(timers).collect(),
        attempts_max,
        is_over: true,
        keeps_ledger: true,
        ..Expected::default()
    }
}

const WORDS: [&str; 7] = ["run", "load.yaml", "--key", "key", "--json", "--slots", "2"];

fn workspace() -> Workspace {
    Workspace::new().with_file("load.yaml", &workload())
}

/// What the workload gives, how many calls and syncs that takes, and how many commits.
struct Oracle {
    outcome: Value,
    calls: u64,
    syncs: u64,
    commits: usize,
}

fn oracle(shim: &Shim) -> Oracle {
    let workspace = workspace();
    let (ended, report) = shim.run(&workspace, "count", &WORDS);
    let summary = ended.summary().unwrap_or_else(|| panic!("{}", ended.errors));
    assert_eq!(summary["status"], "succeeded", "{summary:#}");
    assert_eq!(summary["tasks"].as_object().unwrap().len(), 200, "the workload has 200 tasks");
    let export = workspace.export().unwrap();
    let breaches = check(&export, &workspace.ledger(), &expected());
    assert!(breaches.is_empty(), "{}", describe(&breaches));
    let commits = export.heads.len();
    Oracle { outcome: outcome(&summary), calls: report.calls, syncs: report.syncs, commits }
}

/// What a fault did to a run.
struct Disturbed {
    ended: Ended,
    report: Report,
    /// The sequence of the last acknowledged event.
    acknowledged: u64,
    /// The last sequence of the log before anybody went on, and that before the last batch.
    last: u64,
    before_last: u64,
}

/// Runs the workload with one fault, goes on without, and judges.
fn judge_point(shim: &Shim, oracle: &Oracle, fault: &str) -> Result<Disturbed, String> {
    let workspace = workspace();
    let (ended, report) = shim.run(&workspace, fault, &WORDS);
    let judged = judge(&workspace, oracle, &ended);
    match judged {
        Ok((acknowledged, last, before_last)) => {
            Ok(Disturbed { ended, report, acknowledged, last, before_last })
        }
        Err(wrong) => {
            let folder = workspace.keep();
            Err(format!(
                "{fault} hit `{}`, {}: {wrong}\nit said: {}\nfiles in {}",
                report.what,
                ended.status,
                ended.errors.trim_end(),
                folder.display()
            ))
        }
    }
}

fn judge(workspace: &Workspace, oracle: &Oracle, ended: &Ended) -> Result<(u64, u64, u64), String> {
    let between = workspace.export()?;
    let lost = contains_lines(&between, ended.acknowledged());
    if !lost.is_empty() {
        return Err(format!("right after the fault:\n{}", describe(&lost)));
    }
    let again = Live::start(workspace.myrmex(&WORDS), "again").wait();
    let summary = again.summary().ok_or_else(|| format!("no summary, {}: {}", again.status, again.errors))?;
    let found = outcome(&summary);
    if found != oracle.outcome {
        return Err(format!("another outcome: {}", difference(&found, &oracle.outcome)));
    }
    let export = workspace.export()?;
    let mut breaches = myrmex_testkit::history::compare(&between, &export);
    breaches.extend(contains_lines(&export, again.acknowledged()));
    breaches.extend(check(&export, &workspace.ledger(), &expected()));
    if !breaches.is_empty() {
        return Err(describe(&breaches));
    }
    let sequence = |line: &str| serde_json::from_str::<Value>(line).ok()?["seq"].as_u64();
    let acknowledged = ended.acknowledged().filter_map(sequence).max().unwrap_or(0);
    let mut heads = between.heads.iter().rev().map(|head| head.sequence);
    Ok((acknowledged, heads.next().unwrap_or(0), heads.next().unwrap_or(0)))
}

/// Shows what differs between two outcomes; a skipped task only follows from another.
fn difference(found: &Value, expected: &Value) -> String {
    let mut text = format!("status {} instead of {}", found["status"], expected["status"]);
    for (path, task) in expected["tasks"].as_object().unwrap() {
        let found = &found["tasks"][path];
        if found != task && found["status"] != "skipped" {
            write!(text, "\n  {path}: {found} instead of {task}").unwrap();
        }
    }
    text
}

/// Judges the points of a kind of fault, several at a time. Returns those that took place.
fn sweep(shim: &Shim, oracle: &Oracle, kind: &str, points: u64) -> Vec<Disturbed> {
    let (began, next) = (Instant::now(), AtomicU64::new(1));
    let (done, wrong) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let point = next.fetch_add(1, Ordering::Relaxed);
                    if point > points {
                        return;
                    }
                    match judge_point(shim, oracle, &format!("{kind}:{point}")) {
                        Ok(disturbed) => done.lock().unwrap().push(disturbed),
                        Err(message) => wrong.lock().unwrap().push(message),
                    }
                }
            });
        }
    });
    let (mut done, wrong) = (done.into_inner().unwrap(), wrong.into_inner().unwrap());
    done.retain(|disturbed| disturbed.report.fired > 0);
    say(&format!(
        "faults: {kind} at each of {points} points, {} took place, {} wrong; {:.1} s",
        done.len() + wrong.len(),
        wrong.len(),
        began.elapsed().as_secs_f64(),
    ));
    assert!(
        wrong.is_empty(),
        "{} of {points} points of {kind} are wrong:\n\n{}",
        wrong.len(),
        wrong[..wrong.len().min(TOLD_MAX)].join("\n\n")
    );
    let reached_min = points * 100 / (100 + BEYOND_PERCENT) * REACHED_PERCENT_MIN / 100;
    assert!(done.len() as u64 >= reached_min, "only {} of {points} points of {kind} took place", done.len());
    done
}

/// One test at a time: a sweep takes all cores, and the fewer there are, the larger are batches and the fewer points.
static TURN: Mutex<()> = Mutex::new(());

fn wait_for_turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn every_write_may_die_or_fail() {
    let _turn = wait_for_turn();
    let shim = Shim::compile();
    let oracle = oracle(&shim);
    say(&format!(
        "faults: the workload has 200 tasks, {} commits, {} calls, {} of them syncs",
        oracle.commits, oracle.calls, oracle.syncs
    ));
    let points = oracle.calls + oracle.calls * BEYOND_PERCENT / 100;
    for kind in ["die", "torn"] {
        for disturbed in sweep(&shim, &oracle, kind, points) {
            assert!(disturbed.ended.was_killed(), "{kind} kills: {}", disturbed.report.what);
        }
    }
    let failed = sweep(&shim, &oracle, "eio", points);
    let went_on = failed.iter().filter(|disturbed| disturbed.ended.summary().is_some()).count();
    say(&format!("faults: after eio {went_on} of {} went on by themselves", failed.len()));
    assert_no_resync(&failed);
    judge_syncs(&shim, &oracle);
}

/// Asserts that no sync that had failed was tried again on the same open file.
fn assert_no_resync(disturbed: &[Disturbed]) {
    let again = disturbed.iter().filter(|disturbed| disturbed.report.resyncs > 0);
    let again: Vec<_> = again.map(|disturbed| (&disturbed.report.what, &disturbed.ended.errors)).collect();
    assert!(again.is_empty(), "a failed sync is never tried again: {again:#?}");
}

/// A sync that fails once, or from some moment on for ever: nothing is acknowledged on the strength of it.
fn judge_syncs(shim: &Shim, oracle: &Oracle) {
    let points = oracle.syncs + oracle.syncs * BEYOND_PERCENT / 100;
    let once = sweep(shim, oracle, "sync-once", points);
    assert_no_resync(&once);
    for disturbed in sweep(shim, oracle, "sync-ever", points) {
        let Disturbed { ended, report, acknowledged, last, before_last } = disturbed;
        // The end of the process may be the only thing that still wants to sync.
        let is_done = ended.summary().is_some();
        assert!(
            is_done || ended.status.code() == Some(7),
            "{}: {}, {}",
            report.what,
            ended.status,
            ended.errors
        );
        if report.what.ends_with("store.db-wal") && !is_done {
            // The batch lies in the file, yet nobody was told so.
            let bound = if last == acknowledged { before_last } else { last };
            assert!(acknowledged <= bound, "{}: acknowledged {acknowledged} of {last}", report.what);
        }
    }
}

#[test]
fn a_full_disk_holds_a_run_up_and_nothing_more() {
    let _turn = wait_for_turn();
    let shim = Shim::compile();
    let oracle = oracle(&shim);
    for lines in [1, 5, 10, 16, 21] {
        let workspace = workspace();
        let flag = workspace.path("full");
        let command = shim.command(&workspace, &format!("full:{}", flag.display()), &WORDS_FOR_PEOPLE);
        let fill = || fs::write(&flag, "").unwrap();
        let free = || fs::remove_file(&flag).unwrap();
        hold_up(&workspace, command, lines, &fill, &free);
        assert_ends_well(&workspace, &oracle);
    }
    let workspace = workspace();
    let flag = workspace.path("full");
    fs::write(&flag, "").unwrap();
    let (ended, report) = shim.run(&workspace, &format!("full:{}", flag.display()), &WORDS_FOR_PEOPLE);
    assert!(report.fired > 0 && !ended.status.success(), "no store can be made");
    assert!(ended.errors.contains("no space left on device"), "{}", ended.errors);
    fs::remove_file(&flag).unwrap();
    assert_ends_well(&workspace, &oracle);
    say("faults: the disk was full in the middle of 5 runs and before 1; each went on and lost nothing");
}

const WORDS_FOR_PEOPLE: [&str; 6] = ["run", "load.yaml", "--key", "key", "--slots", "2"];

/// Lets a run begin, takes the space away after some lines of its ledger, and gives it back once it complains.
fn hold_up(workspace: &Workspace, command: Command, lines: usize, fill: &dyn Fn(), free: &dyn Fn()) {
    let mut live = Live::start(command, "full");
    let has_lines = || workspace.ledger().entries.len() >= lines;
    assert!(poll(PATIENCE, || has_lines() || live.is_over()), "the run does not begin");
    fill();
    let complains = |text: &str| text.contains("disk") && text.contains("full");
    let is_told = poll(PATIENCE, || complains(&live.errors()) || live.is_over());
    assert!(is_told && !live.is_over(), "after {lines} lines it said: {}", live.errors());
    let between = workspace.export().unwrap();
    free();
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let breaches = myrmex_testkit::history::compare(&between, &workspace.export().unwrap());
    assert!(breaches.is_empty(), "{}", describe(&breaches));
}

fn assert_ends_well(workspace: &Workspace, oracle: &Oracle) {
    let ended = Live::start(workspace.myrmex(&WORDS), "after").wait();
    let summary = ended.summary().unwrap_or_else(|| panic!("{}", ended.errors));
    assert_eq!(outcome(&summary), oracle.outcome);
    let breaches = check(&workspace.export().unwrap(), &workspace.ledger(), &expected());
    assert!(breaches.is_empty(), "{}", describe(&breaches));
}

#[test]
fn a_really_full_filesystem_holds_a_run_up_and_nothing_more() {
    let _turn = wait_for_turn();
    // A task that cannot write its own output file fails by itself; these have none.
    let text = strip_outputs(&workload());
    for lines in [3, 9, 18] {
        let workspace = Workspace::new().with_file("load.yaml", &text);
        let disk = match SmallDisk::mount(workspace.path("disk"), 2 << 10) {
            Ok(disk) => disk,
            Err(reason) => {
                return say(&format!("faults: SKIPPED the full tmpfs, it cannot be mounted: {reason}"));
            }
        };
        let workspace = workspace.with_data(disk.data());
        let command = workspace.myrmex(&WORDS_FOR_PEOPLE);
        hold_up(&workspace, command, lines, &|| disk.fill(), &|| disk.free());
        let summary = Live::start(workspace.myrmex(&WORDS), "after").wait().summary().unwrap();
        assert_eq!(summary["status"], "succeeded", "{summary:#}");
        let breaches = check(&workspace.export().unwrap(), &workspace.ledger(), &expected());
        assert!(breaches.is_empty(), "{}", describe(&breaches));
    }
    say("faults: a tmpfs of 2 MiB was full in the middle of 3 runs; each went on and lost nothing");
}

/// Lets the processes give nothing, and what is computed from them be constant.
fn strip_outputs(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("outputs:"));
    let lines = lines.map(|line| match line.split_once("; give") {
        Some((work, _)) => format!("{work}; note end"),
        None => line.to_owned(),
    });
    let constant = lines.map(|line| match line.split_once(": {set:") {
        Some((name, _)) => {
            let number: usize = name.trim().trim_start_matches('s').parse().unwrap();
            format!("{name}: {{needs: r{}, set: {{v: {number}}}}}\n", number / SETS_PER_RUN)
        }
        None => format!("{line}\n"),
    });
    constant.collect()
}

#[test]
fn every_commit_of_a_partition_may_fail_or_be_the_last() {
    let _turn = wait_for_turn();
    commits::sweep_memory();
    let folder = tempfile::tempdir().unwrap();
    commits::sweep_sqlite(folder.path());
}

#[test]
fn every_commit_of_several_partitions_may_fail_or_be_the_last() {
    let _turn = wait_for_turn();
    commits::sweep_partitions();
}

/// The shim is told the data directory as the kernel names it.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap()
}
