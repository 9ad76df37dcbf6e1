//! Simulates many seeds, or plays one case again: `cargo xtask soak` builds and runs it.

use std::env;
use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use myrmex_testkit::sim::{Case, Outcome, Planted, Soaked, replay, shrink, soak};

const USAGE: &str = "usage: simulate [--seeds N] [--from S] [--planted BUG] [--out FOLDER], or simulate FILE";

/// After how many seeds it says how far it is.
const TELL_EVERY: u64 = 1_000;

/// What the command line asks for.
struct Options {
    seeds: u64,
    from: u64,
    planted: Option<Planted>,
    out: PathBuf,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let ended = match words.as_slice() {
        [help] if ["--help", "-h"].contains(&help.as_str()) => {
            println!("{}", help_text());
            Ok(ExitCode::SUCCESS)
        }
        [file] if !file.starts_with('-') => play(file),
        _ => parse(&words).and_then(|options| soak_seeds(&options)),
    };
    ended.unwrap_or_else(|problem| {
        eprintln!("error: {problem}");
        ExitCode::from(2)
    })
}

/// Says what can be asked for.
fn help_text() -> String {
    let planted: Vec<&str> = Planted::ALL.iter().map(|planted| planted.name()).collect();
    format!(
        "{USAGE}\n\nEvery seed is a history of processes, workers, disks and clocks that fail, and one breach ends the search with 1:\n\
         it is made smaller and written to FOLDER (target/soak), and as a FILE it is played again.\n\n  \
         --seeds N      how many [20000]\n  --from S       the first of them [0]\n  \
         --planted BUG  put a bug in that must be found, one of\n                 {}",
        planted.join("\n                 ")
    )
}

fn parse(words: &[String]) -> Result<Options, String> {
    let mut options = Options { seeds: 20_000, from: 0, planted: None, out: PathBuf::from("target/soak") };
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(USAGE.to_owned()) };
        match name.as_str() {
            "--seeds" => options.seeds = value.parse().map_err(|_| USAGE)?,
            "--from" => options.from = value.parse().map_err(|_| USAGE)?,
            "--planted" => {
                let unknown = || format!("there is no planted bug `{value}`\n{}", help_text());
                options.planted = Some(Planted::named(value).ok_or_else(unknown)?);
            }
            "--out" => options.out = PathBuf::from(value),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if options.seeds == 0 { Err(USAGE.to_owned()) } else { Ok(options) }
}

fn soak_seeds(options: &Options) -> Result<ExitCode, String> {
    let Options { seeds, from, planted, out } = options;
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let is_shown = stderr().is_terminal();
    let tell = |done: u64| {
        if done.is_multiple_of(if is_shown { 100 } else { TELL_EVERY }) {
            let end = if is_shown { "\r" } else { "\n" };
            // Progress that cannot be shown is no reason to stop.
            drop(write!(stderr(), "{done} of {seeds} seeds{end}"));
        }
    };
    let soaked = soak(*from..from.saturating_add(*seeds), *planted, threads, &tell);
    let took = started.elapsed().as_secs_f64();
    let Soaked { seeds: done, counts, failed, .. } = soaked;
    println!(
        "{done} seeds in {took:.1} s: {} processes, {} crashes ({} under load, {} in recovery), {} attempts, {} events, \
         {} snapshots, {} naps",
        counts.processes,
        counts.crashes,
        counts.crashes_under_load,
        counts.crashes_in_recovery,
        counts.attempts,
        counts.events,
        counts.snapshots,
        counts.naps
    );
    let faults: Vec<String> = counts.faults().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("faults: {}", faults.join(", "));
    match failed {
        None => {
            println!("everything holds in all of them");
            Ok(ExitCode::SUCCESS)
        }
        Some(outcome) => report(&outcome, out),
    }
}

/// Says what does not hold, makes the case smaller and puts it into a file.
fn report(outcome: &Outcome, out: &PathBuf) -> Result<ExitCode, String> {
    let seed = outcome.seed;
    println!("\nseed {seed} fails:\n{}", outcome.breaches.join("\n"));
    let planted =
        outcome.case.planted.map_or(String::new(), |planted| format!(" --planted {}", planted.name()));
    println!("\nagain: cargo xtask soak --seeds 1 --from {seed}{planted}");
    let case = outcome.case.clone();
    let Some(small) = on_a_large_stack(move || shrink(&case)) else { return Ok(ExitCode::FAILURE) };
    fs::create_dir_all(out).map_err(|error| error.to_string())?;
    let file = out.join(format!("seed-{seed}.json"));
    fs::write(&file, small.case.to_text()).map_err(|error| error.to_string())?;
    println!("\nsmaller:\n{}", small.breaches.join("\n"));
    println!("\n{}", small.history.join("\n"));
    println!("\n{}", small.case.to_text());
    println!(
        "It is in {}: again by `cargo xtask soak FILE`; in tests-data/simulator it is a test.",
        file.display()
    );
    Ok(ExitCode::FAILURE)
}

/// Plays a case again.
fn play(file: &str) -> Result<ExitCode, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let case = Case::from_text(&text).map_err(|error| format!("{file}: {error}"))?;
    let planted = case.planted;
    let outcome = on_a_large_stack(move || replay(&case));
    let outcome = outcome.ok_or("its workflows do not pass the checker any more")?;
    if !outcome.breaches.is_empty() {
        println!("{}\n\n{}\n", outcome.breaches.join("\n"), outcome.history.join("\n"));
    }
    let (verdict, is_good) = match (planted, outcome.breaches.is_empty()) {
        (None, true) => ("everything holds".to_owned(), true),
        (None, false) => ("this does not hold".to_owned(), false),
        (Some(planted), true) => (format!("the planted bug `{}` does not show", planted.name()), false),
        (Some(planted), false) => (format!("the planted bug `{}` shows, as it must", planted.name()), true),
    };
    println!("{verdict}");
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs on a stack that the checker may use.
fn on_a_large_stack<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
        let thread = thread.spawn_scoped(scope, act).expect("there are threads to be had");
        thread.join().expect("the simulator does not panic")
    })
}
