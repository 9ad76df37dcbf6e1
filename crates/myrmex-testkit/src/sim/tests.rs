//! The parts of the simulator; the whole is tested in `tests/simulator.rs`.

use super::random::{Choices, Random};
use super::{Case, Planted, compile, simulate};

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
fn choices_are_made_again_and_where_there_are_none_left_the_simplest() {
    let mut random = Random::new(7);
    let drawn: Vec<u64> = (0..20).map(|_| random.below(1_000)).collect();
    let mut again = Random::replaying(&random.taken());
    assert_eq!((0..20).map(|_| again.below(1_000)).collect::<Vec<_>>(), drawn);
    assert_eq!(
        (again.below(1_000), again.permille(999), *again.one_of(&["first", "second"])),
        (0, false, "first")
    );
    let mut beyond = Random::replaying(&Choices { numbers: vec![9], marks: Vec::new() });
    assert_eq!(beyond.below(4), 3);
}

#[test]
fn a_case_is_read_as_it_was_written() {
    let choices = |numbers: &[u64]| Choices { numbers: numbers.to_vec(), marks: Vec::new() };
    let case = Case {
        seed: u64::MAX,
        planted: Some(Planted::TornBatch),
        workflows: vec![r#"{"workflow":"main"}"#.to_owned()],
        world: choices(&[1, 0, 999]),
        disk: choices(&[]),
        people: choices(&[0, 3]),
    };
    assert_eq!(Case::from_text(&case.to_text()), Ok(case));
    assert!(Case::from_text("{}").is_err());
}
