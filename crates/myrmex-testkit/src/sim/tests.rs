//! The simulator itself: it is deterministic, its load is real, and it finds the bugs that are planted.

use super::{Outcome, Planted, compile, simulate};
use crate::sim::random::Random;

/// How many seeds are simulated; `MYRMEX_SEEDS` says another number.
const SEEDS: u64 = 300;

/// Runs on a stack that the checker may use.
fn on_a_large_stack<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES).spawn(act).unwrap();
    thread.join().unwrap()
}

#[test]
fn most_workflows_that_are_drawn_pass_the_checker() {
    let refused = on_a_large_stack(|| {
        let draw = |seed| compile(&super::workflow::draw(&mut Random::new(seed))).err();
        (0..400).filter_map(draw).collect::<Vec<_>>()
    });
    assert!(refused.len() < 80, "{} of 400: {:#?}", refused.len(), &refused[..10]);
}

#[test]
fn a_seed_gives_the_same_history() {
    let pairs = on_a_large_stack(|| {
        (0..40).map(|seed| (simulate(seed, None), simulate(seed, None))).collect::<Vec<_>>()
    });
    for (one, two) in pairs {
        assert_eq!(one.trace, two.trace, "seed {}", one.seed);
        assert_eq!(one.breaches, two.breaches, "seed {}", one.seed);
    }
}

#[test]
fn nothing_is_wrong_and_the_load_is_real() {
    let seeds = std::env::var("MYRMEX_SEEDS").map_or(SEEDS, |count| count.parse().unwrap());
    let outcomes: Vec<Outcome> =
        on_a_large_stack(move || (0..seeds).map(|seed| simulate(seed, None)).collect());
    let mut kinds = std::collections::BTreeSet::new();
    let (mut crashes, mut loaded, mut attempts, mut zombies) = (0, 0, 0, 0);
    for outcome in &outcomes {
        assert!(
            outcome.breaches.is_empty(),
            "seed {}: {:#?}\n{}\n{}",
            outcome.seed,
            outcome.breaches,
            outcome.history.join("\n"),
            outcome.case.workflows.join("\n")
        );
        kinds.extend(outcome.counts.kinds.iter().copied());
        crashes += outcome.counts.crashes;
        loaded += outcome.counts.crashes_under_load;
        attempts += outcome.counts.attempts;
        zombies += outcome.counts.zombie_turns;
    }
    let load =
        format!("{crashes} crashes, {loaded} under load, {attempts} attempts, {zombies} turns of zombies");
    assert!(crashes > 200 && loaded > 100 && attempts > 1_500 && zombies > 100, "{load}");
    assert!(kinds.len() >= 17, "{kinds:?}");
}

#[test]
fn planted_bugs_are_found() {
    let mut missed = Vec::new();
    for planted in Planted::ALL {
        let found = on_a_large_stack(move || {
            (0..2_000).map(|seed| simulate(seed, Some(planted))).find(|outcome| !outcome.breaches.is_empty())
        });
        if found.is_none() {
            missed.push(planted);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
