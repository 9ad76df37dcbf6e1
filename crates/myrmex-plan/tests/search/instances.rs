//! Public instances: the mean distance from the best known plans, and never below what is proved.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use myrmex_plan::problem::Problem;
use myrmex_plan::search::{Effort, Infeasible, plan};

use super::{planned, psplib};

/// A row of a table of best known plans.
struct Known {
    file: PathBuf,
    lower: i64,
    upper: i64,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/planning").join(name)
}

fn text(path: &Path) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test reads its data; the crate does not")]
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn instance(path: &str) -> Problem {
    psplib::read(&text(&folder(path)))
}

/// Returns the instances of `set` with a known plan.
fn known(table: &str, set: &str) -> Vec<Known> {
    let rows = text(&folder(table).join("best_known.csv"));
    let mut lines = rows.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |names: [&str; 2]| header.iter().position(|name| names.contains(name)).unwrap();
    let (lower, upper) = (column(["best_lb", "lower"]), column(["best_ub", "makespan"]));
    lines
        .filter(|row| row[0].starts_with(&format!("{set}/")) && !row[upper].is_empty())
        .map(|row| Known {
            file: folder(table).join(row[0]),
            lower: row[lower].parse().unwrap(),
            upper: row[upper].parse().unwrap(),
        })
        .collect()
}

/// Plans all of `set` and asserts that the plans are valid, none is better than proved, and the mean is not more than `bar` per cent
/// above the best known.
#[track_caller]
fn check(table: &str, set: &str, count: usize, candidates: u64, bar: f64) {
    let known = known(table, set);
    assert_eq!(known.len(), count);
    let (next, over) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Millionths, so that the sum does not depend on the order in which threads come.
    let one = |known: &Known| {
        let problem = psplib::read(&text(&known.file));
        let found = planned(&problem, candidates);
        let finish = found.finish.0 / psplib::PERIOD;
        assert!(finish >= known.lower, "{} is planned below what is proved", known.file.display());
        assert!(
            found.bound.finish.0 <= known.upper * psplib::PERIOD,
            "{}: wrong bound",
            known.file.display()
        );
        assert!(!found.is_optimal || finish <= known.upper, "{}: not optimal", known.file.display());
        usize::try_from((finish - known.upper) * 1_000_000 / known.upper).unwrap_or(0)
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(known) = known.get(next.fetch_add(1, Ordering::Relaxed)) {
                    over.fetch_add(one(known), Ordering::Relaxed);
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let mean = over.into_inner() as f64 / count as f64 / 10_000.0;
    assert!(mean <= bar, "{set}: {mean:.3} % above the best known on average");
}

#[test]
fn projects_of_30_tasks_end_close_to_the_optimum() {
    check("rcpsp", "j30", 20, 5_000, 0.4);
}

#[test]
fn projects_of_60_tasks_end_close_to_the_best_known() {
    check("rcpsp", "j60", 20, 5_000, 1.8);
}

#[test]
fn projects_of_120_tasks_end_close_to_the_best_known() {
    check("rcpsp", "j120", 20, 5_000, 2.4);
}

#[test]
fn small_projects_with_several_modes_end_close_to_the_optimum() {
    check("mrcpsp", "j10", 3, 3_000, 2.0);
    check("mrcpsp", "j16", 2, 3_000, 3.0);
    check("mrcpsp", "j20", 5, 10_000, 2.0);
    check("mrcpsp", "j30", 5, 10_000, 4.0);
}

#[test]
fn projects_of_50_and_100_tasks_with_several_modes_are_feasible_and_close_to_the_best_known() {
    check("mrcpsp", "MMLIB50", 19, 10_000, 5.0);
    check("mrcpsp", "MMLIB100", 2, 10_000, 12.0);
}

#[test]
fn an_assignment_of_modes_that_is_not_found_is_told() {
    let problem = instance("mrcpsp/j30/j301_2.mm");
    let refused = plan(&problem, Effort { candidates: 1_000 }, 1).unwrap_err();
    assert!(
        matches!(refused, Infeasible::Modes { candidates, missing } if candidates <= 1_000 && missing > 0)
    );
    assert_eq!(refused.to_string(), "no feasible mode assignment found within 1000 candidates");
}

#[test]
fn the_same_seed_gives_the_same_plan_and_threads_change_nothing() {
    for path in ["rcpsp/j60/j609_2.sm", "mrcpsp/MMLIB50/J5080_4.mm"] {
        let problem = instance(path);
        let run = |seed| plan(&problem, Effort { candidates: 1_000 }, seed).unwrap();
        let alone = run(7);
        let beside = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| run(7))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(beside.iter().all(|found| *found == alone), "{path}");
        assert!((1..5).any(|seed| run(seed).placement != alone.placement), "{path}: the seed does nothing");
    }
}

#[test]
fn time_in_another_unit_gives_the_same_plan() {
    let problem = instance("rcpsp/j30/j309_5.sm");
    let mut finer = problem.clone();
    for task in &mut finer.tasks {
        let amount = &mut task.modes[0].estimate.amount;
        let myrmex_plan::problem::Amount::Duration(span) = amount else { panic!() };
        span.0 *= 1_000;
    }
    let (coarse, fine) = (planned(&problem, 500), planned(&finer, 500));
    for (coarse, fine) in coarse.placement.tasks.iter().zip(&fine.placement.tasks) {
        assert_eq!((coarse.start.0 * 1_000, coarse.finish.0 * 1_000), (fine.start.0, fine.finish.0));
    }
}

#[test]
fn a_greater_effort_never_gives_a_later_end_for_the_same_seed() {
    let problem = instance("rcpsp/j120/j12046_4.sm");
    let ends: Vec<_> =
        [1, 2, 5, 50, 500, 2_000].map(|candidates| planned(&problem, candidates).finish).into();
    assert!(ends.is_sorted_by(|less, more| less >= more), "{ends:?}");
    assert!(ends.first() > ends.last());
}
