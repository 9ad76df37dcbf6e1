//! Plans the public instances and tells how far from the best known plans it ends. `cargo xtask bench plan` runs it.

#[path = "../tests/support/psplib.rs"]
mod psplib;

use myrmex_plan::search::{self, Effort};
use std::fs;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = &args[1];
    let budget: u64 = args[2].parse().unwrap();
    let seed: u64 = args[3].parse().unwrap();
    let want: Vec<&str> = args[4].split(',').collect();
    let table = fs::read_to_string(format!("{folder}/best_known.csv")).unwrap();
    let rows: Vec<(String, i64, i64)> = table
        .lines()
        .skip(1)
        .filter_map(|l| {
            let c: Vec<&str> = l.split(',').collect();
            if !want.iter().any(|w| c[0].starts_with(w)) {
                return None;
            }
            if folder.contains("mrcpsp") {
                Some((c[0].to_string(), c[4].parse().unwrap_or(0), c[3].parse().unwrap_or(0)))
            } else {
                Some((c[0].to_string(), c[2].parse().unwrap(), c[3].parse().unwrap()))
            }
        })
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(vec![None; rows.len()]);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if at >= rows.len() {
                        break;
                    }
                    let problem =
                        psplib::read(&fs::read_to_string(format!("{folder}/{}", rows[at].0)).unwrap());
                    let begin = Instant::now();
                    let found = search::plan(&problem, Effort { candidates: budget }, seed);
                    let r = match found {
                        Ok(f) => {
                            (f.finish.0 / psplib::PERIOD, f.candidates, f.bound.finish.0 / psplib::PERIOD)
                        }
                        Err(e) => {
                            eprintln!("{} {e}", rows[at].0);
                            (0, 0, 0)
                        }
                    };
                    results.lock().unwrap()[at] = Some((r, begin.elapsed().as_secs_f64()));
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let verbose = args.len() > 5;
    for w in &want {
        let (mut sum, mut n, mut time, mut cands) = (0.0, 0, 0.0, 0);
        for ((name, lb, ub), r) in rows.iter().zip(&results) {
            if !name.starts_with(w) {
                continue;
            }
            let ((end, c, b), t) = r.unwrap();
            let dev = 100.0 * (end - ub) as f64 / *ub as f64;
            if end < *lb || b > *ub {
                println!("BELOW {name} {end} {lb} bound {b}");
            }
            if verbose {
                println!("{name} {end} ub {ub} lb {lb} bound {b} dev {dev:.2} c {c} t {t:.2}");
            }
            sum += dev;
            n += 1;
            time += t;
            cands += c;
        }
        println!(
            "{w}: n {n} mean {:.3}% time {time:.1}s us/cand {:.1}",
            sum / n as f64,
            time * 1e6 / cands as f64
        );
    }
}
