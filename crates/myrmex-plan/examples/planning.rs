//! Plans the public instances, `planning FOLDER CANDIDATES SEED`, and measures the critical path of a large network. Prints JSON; judges
//! nothing. Every plan is checked by the checker that shares nothing with the search.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "reads instances and measures time")]
#![expect(clippy::cast_precision_loss, reason = "sums of a benchmark are small")]
#![expect(clippy::unwrap_used, reason = "the reader of instances is that of the tests")]

#[path = "../tests/support/psplib.rs"]
mod psplib;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use myrmex_plan::critical;
use myrmex_plan::sample;
use myrmex_plan::search::{Effort, plan};
use myrmex_plan::verify::verify;
use serde_json::{Value, json};

/// Table, set, and the place of the lower and the upper limit in the table.
const SETS: [(&str, &str, usize, usize); 5] = [
    ("rcpsp", "j30", 2, 3),
    ("rcpsp", "j60", 2, 3),
    ("rcpsp", "j120", 2, 3),
    ("mrcpsp", "j", 4, 3),
    ("mrcpsp", "MMLIB50", 4, 3),
];

/// The network whose critical path is measured.
const NETWORK: (u32, u32) = (100_000, 200_000);

/// How often: the least is taken, because all that disturbs makes it longer.
const ROUNDS: usize = 10;

/// One instance, and what came out.
struct Planned {
    deviation: f64,
    is_optimal: bool,
    is_best: bool,
    is_wrong: bool,
    candidates: u64,
    micros: u128,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, candidates, seed] = words.as_slice() else {
        return Err("usage: planning FOLDER CANDIDATES SEED".into());
    };
    let (candidates, seed): (u64, u64) = (candidates.parse()?, seed.parse()?);
    let mut sets = Vec::new();
    for (table, set, lower, upper) in SETS {
        let folder = Path::new(folder).join(table);
        let rows = fs::read_to_string(folder.join("best_known.csv"))?;
        let rows: Vec<Vec<&str>> = rows.lines().skip(1).map(|line| line.split(',').collect()).collect();
        // The small instances with several modes are one set; one of them has no plan.
        let is_of = |row: &Vec<&str>| row[0].starts_with(set) && !row[upper].is_empty();
        let rows: Vec<Vec<&str>> = rows.into_iter().filter(is_of).collect();
        let one = |row: &Vec<&str>| -> Option<Planned> {
            let problem = psplib::read(&fs::read_to_string(folder.join(row[0])).ok()?);
            let (lower, upper): (i64, i64) = (row[lower].parse().ok()?, row[upper].parse().ok()?);
            let begun = Instant::now();
            let found = plan(&problem, Effort { candidates }, seed).ok()?;
            let micros = begun.elapsed().as_micros();
            let finish = found.finish.0 / psplib::PERIOD;
            Some(Planned {
                deviation: (finish - upper) as f64 * 100.0 / upper as f64,
                is_optimal: found.is_optimal,
                is_best: finish <= upper,
                is_wrong: finish < lower || !verify(&problem, &found.placement).is_empty(),
                candidates: found.candidates,
                micros,
            })
        };
        sets.push(summary(
            if table == "mrcpsp" && set == "j" { "j10-j30 with modes" } else { set },
            &in_parallel(&rows, one),
        ));
    }
    let figures = json!({
        "candidates": candidates,
        "seed": seed,
        "sets": sets,
        "critical": {"tasks": NETWORK.0, "links": NETWORK.1, "ms": critical_ms()?},
    });
    println!("{figures}");
    Ok(())
}

/// Calls `one` for each of `rows` on two threads; the order of the answers is that of the rows.
fn in_parallel<T: Sync, R: Send>(rows: &[T], one: impl Fn(&T) -> Option<R> + Sync) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Option<R>>> = rows.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(at) else { break };
                    *answers[at].lock().unwrap() = one(row);
                }
            });
        }
    });
    answers.into_iter().map(|answer| answer.into_inner().unwrap()).collect()
}

fn summary(set: &str, planned: &[Option<Planned>]) -> Value {
    let all: Vec<&Planned> = planned.iter().flatten().collect();
    let count = |is: fn(&Planned) -> bool| all.iter().filter(|planned| is(planned)).count();
    let candidates: u64 = all.iter().map(|planned| planned.candidates).sum();
    let micros: u128 = all.iter().map(|planned| planned.micros).sum();
    json!({
        "set": set,
        "instances": planned.len(),
        "without_plan": planned.len() - all.len(),
        "wrong": count(|planned| planned.is_wrong),
        "best_known": count(|planned| planned.is_best),
        "proved": count(|planned| planned.is_optimal),
        "mean_percent": all.iter().map(|planned| planned.deviation).sum::<f64>() / all.len() as f64,
        "worst_percent": all.iter().map(|planned| planned.deviation).fold(0.0, f64::max),
        "candidate_us": micros as f64 / candidates as f64,
        "instance_ms": micros as f64 / 1_000.0 / all.len() as f64,
    })
}

fn critical_ms() -> Result<f64, Box<dyn Error>> {
    let problem = sample::layered(NETWORK.0, NETWORK.1, 1);
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        black_box(critical::of_problem(black_box(&problem))?);
        least = least.min(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(least)
}
