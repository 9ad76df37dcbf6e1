use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn id(number: u8) -> RunId {
    RunId([number; 16])
}

fn group(key: &str) -> Group {
    Group { workflow: Name::new("w").unwrap(), key: (!key.is_empty()).then(|| key.to_owned()) }
}

fn fresh(number: u8, key: &str) -> Applicant {
    Applicant {
        run: id(number),
        group: group(key),
        limit: 1,
        on_conflict: OnConflict::Queue,
        since: Timestamp(i64::from(number)),
        is_returning: false,
        is_ending: false,
        callers: Vec::new(),
    }
}

fn admitted(rulings: &[(RunId, Ruling)]) -> Vec<u8> {
    rulings.iter().filter(|(_, ruling)| *ruling == Ruling::Admitted).map(|(run, _)| run.0[0]).collect()
}

#[test]
fn one_at_a_time_in_the_order_of_asking() {
    let mut admission = Admission::default();
    for number in [3, 1, 2] {
        admission.ask(Applicant { since: Timestamp(0), ..fresh(number, "k") });
    }
    admission.ask(fresh(9, "other"));
    assert_eq!(admitted(&admission.settle()), [1, 9]);
    assert_eq!(admission.settle(), []);
    admission.leave(id(2));
    admission.leave(id(1));
    assert_eq!(admitted(&admission.settle()), [3]);
}

#[test]
fn who_had_a_place_before_comes_first() {
    let mut admission = Admission::default();
    admission.ask(fresh(1, "k"));
    admission.ask(Applicant { is_returning: true, ..fresh(2, "k") });
    assert_eq!(admitted(&admission.settle()), [2]);
    // Those who return are admitted before anything is decided about others: more of them may come.
    admission.ask(fresh(3, "l"));
    admission.ask(Applicant { is_returning: true, ..fresh(4, "m") });
    assert_eq!(admitted(&admission.settle()), [4]);
    assert_eq!(admitted(&admission.settle()), [3]);
}

#[test]
fn who_does_not_wait_is_told_who_is_in_the_way() {
    let mut admission = Admission::default();
    let skip = |number| Applicant { on_conflict: OnConflict::Skip, ..fresh(number, "") };
    admission.ask(skip(1));
    admission.ask(skip(2));
    assert_eq!(admission.settle(), [(id(1), Ruling::Admitted), (id(2), Ruling::Skipped(id(1)))]);
    admission.leave(id(1));
    admission.ask(skip(3));
    assert_eq!(admitted(&admission.settle()), [3]);
}

#[test]
fn the_newest_takes_the_place_of_the_oldest() {
    let mut admission = Admission::default();
    let cancel = |number| Applicant { on_conflict: OnConflict::Cancel, limit: 2, ..fresh(number, "k") };
    admission.ask(cancel(1));
    admission.ask(cancel(2));
    assert_eq!(admitted(&admission.settle()), [1, 2]);
    admission.ask(cancel(3));
    assert_eq!(admission.settle(), [(id(3), Ruling::Ends(vec![id(1)]))]);
    admission.ask(cancel(4));
    assert_eq!(admission.settle(), [(id(4), Ruling::Ends(vec![id(2)]))]);
    // Both who have a place are being ended, so the next one takes that of who waits longest.
    admission.ask(cancel(5));
    assert_eq!(admission.settle(), [(id(5), Ruling::Ends(vec![id(3)]))]);
    admission.leave(id(2));
    assert_eq!(admitted(&admission.settle()), [4]);
    admission.leave(id(1));
    assert_eq!(admitted(&admission.settle()), [5]);
}

#[test]
fn who_is_being_cancelled_when_it_returns_is_not_cancelled_again() {
    let mut admission = Admission::default();
    let ending = |number| Applicant { is_returning: true, is_ending: true, ..fresh(number, "k") };
    admission.ask(ending(1));
    admission.ask(ending(2));
    admission.ask(Applicant { on_conflict: OnConflict::Cancel, ..fresh(3, "k") });
    assert_eq!(settled(&mut admission), [(id(1), Ruling::Admitted)]);
    admission.leave(id(1));
    assert_eq!(settled(&mut admission), [(id(2), Ruling::Admitted)]);
    admission.leave(id(2));
    assert_eq!(settled(&mut admission), [(id(3), Ruling::Admitted)]);
}

#[test]
fn a_run_that_waits_for_its_own_caller_is_refused() {
    for on_conflict in [OnConflict::Queue, OnConflict::Cancel] {
        let mut admission = Admission::default();
        admission.ask(fresh(1, "k"));
        admission.settle();
        admission.ask(Applicant { callers: vec![id(7), id(1)], on_conflict, ..fresh(2, "k") });
        assert_eq!(admission.settle(), [(id(2), Ruling::Deadlocked(id(1)))]);
        assert_eq!(admission.waiting(&group("k")).count(), 0);
    }
}

#[test]
fn a_run_that_cancels_is_refused_if_its_caller_is_being_cancelled_already() {
    let mut admission = Admission::default();
    let cancel = |number, key| Applicant { on_conflict: OnConflict::Cancel, ..fresh(number, key) };
    admission.ask(cancel(1, "k"));
    admission.settle();
    admission.note_cancel(id(1));
    // Called by what the other one does at last.
    admission.ask(Applicant { callers: vec![id(1)], ..cancel(2, "k") });
    assert_eq!(admission.settle(), [(id(2), Ruling::Deadlocked(id(1)))]);
    // Through a place of another workflow too.
    admission.ask(fresh(3, "l"));
    admission.settle();
    admission.ask(Applicant { callers: vec![id(1)], ..fresh(4, "l") });
    admission.settle();
    admission.ask(Applicant { callers: vec![id(3)], ..cancel(5, "k") });
    assert_eq!(admission.settle(), [(id(5), Ruling::Deadlocked(id(1)))]);
}

#[test]
fn a_run_that_cancels_opens_a_circle_itself_if_it_can() {
    let mut admission = Admission::default();
    admission.ask(fresh(1, "k"));
    admission.ask(fresh(2, "l"));
    admission.settle();
    admission.ask(Applicant { callers: vec![id(1)], ..fresh(3, "l") });
    assert_eq!(admission.settle(), []);
    let cancel = Applicant { on_conflict: OnConflict::Cancel, callers: vec![id(2)], ..fresh(4, "k") };
    admission.ask(cancel);
    assert_eq!(admission.settle(), [(id(4), Ruling::Ends(vec![id(1)]))]);
}

#[test]
fn who_had_a_place_before_is_not_refused_because_it_waits_for_its_caller() {
    let mut admission = Admission::default();
    admission.ask(Applicant { is_returning: true, ..fresh(1, "k") });
    admission.ask(Applicant { is_returning: true, callers: vec![id(1)], ..fresh(2, "k") });
    assert_eq!(settled(&mut admission), [(id(1), Ruling::Admitted), (id(2), Ruling::Admitted)]);
}

#[test]
fn a_run_that_another_place_may_be_free_for_waits() {
    let mut admission = Admission::default();
    let two = |number| Applicant { limit: 2, ..fresh(number, "k") };
    admission.ask(two(1));
    admission.ask(two(2));
    admission.settle();
    admission.ask(Applicant { callers: vec![id(1)], ..two(3) });
    assert_eq!(admission.settle(), []);
    // The other one waits for a run that waits for the same place: none will ever be free.
    admission.ask(Applicant { callers: vec![id(2)], ..two(4) });
    assert_eq!(admission.settle(), [(id(4), Ruling::Deadlocked(id(2)))]);
}

#[test]
fn two_that_wait_for_each_other_are_found() {
    let mut admission = Admission::default();
    admission.ask(fresh(1, "k"));
    admission.ask(fresh(2, "l"));
    admission.settle();
    admission.ask(Applicant { callers: vec![id(1)], ..fresh(3, "l") });
    assert_eq!(admission.settle(), []);
    admission.ask(Applicant { callers: vec![id(2)], ..fresh(4, "k") });
    assert_eq!(admission.settle(), [(id(4), Ruling::Deadlocked(id(1)))]);
    admission.leave(id(2));
    assert_eq!(admitted(&admission.settle()), [3]);
}

#[test]
fn a_higher_limit_does_not_overtake() {
    let mut admission = Admission::default();
    let limited = |number, limit| Applicant { limit, ..fresh(number, "k") };
    admission.ask(limited(1, 3));
    admission.ask(limited(2, 1));
    admission.ask(limited(3, 3));
    assert_eq!(admitted(&admission.settle()), [1]);
    admission.leave(id(1));
    assert_eq!(admitted(&admission.settle()), [2, 3]);
}

/// What a test does next.
#[derive(Debug, Clone)]
enum Step {
    Ask { limit: u32, key: u8, on_conflict: u8, is_returning: bool, caller: u8 },
    Leave(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..4_u32, 0..2_u8, 0..5_u8, any::<bool>(), any::<u8>()).prop_map(
            |(limit, key, on_conflict, is_returning, caller)| Step::Ask {
                limit, key, on_conflict, is_returning, caller,
            }
        ),
        2 => any::<u8>().prop_map(Step::Leave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// All runs of a key have one limit here: then nobody is above it, nobody waits while there is a place, and those who
    /// wait are served in turn.
    #[test]
    fn places_are_given_in_turn_and_never_above_the_limit(steps in vec(step(), 0..60)) {
        let limits = [1_u32, 2];
        let mut admission = Admission::default();
        let mut asked: Vec<(RunId, usize, Turn)> = Vec::new();
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Ask { key, on_conflict, is_returning, .. } => {
                    let on_conflict = match on_conflict {
                        0 => OnConflict::Skip,
                        1 => OnConflict::Cancel,
                        _ => OnConflict::Queue,
                    };
                    let limit = limits[usize::from(key)];
                    let applicant = Applicant { limit, on_conflict, is_returning, ..fresh(number, &key.to_string()) };
                    let turn = Turn { is_fresh: !is_returning, since: applicant.since, run: applicant.run };
                    asked.push((applicant.run, usize::from(key), turn));
                    admission.ask(applicant);
                }
                Step::Leave(which) if !asked.is_empty() => {
                    let (run, ..) = asked.remove(usize::from(which) % asked.len());
                    admission.leave(run);
                }
                Step::Leave(_) => {}
            }
            let rulings = settled(&mut admission);
            for (run, ruling) in &rulings {
                match ruling {
                    Ruling::Skipped(_) | Ruling::Deadlocked(_) => asked.retain(|(other, ..)| other != run),
                    // A run that is ended while it waits is gone; one that has its place goes when its end is reported.
                    Ruling::Ends(ended) => asked.retain(|(other, key, _)| {
                        let group = group(&key.to_string());
                        !ended.contains(other) || admission.holders(&group).any(|holder| holder == *other)
                            || admission.waiting(&group).any(|waiting| waiting == *other)
                    }),
                    Ruling::Admitted => {}
                }
            }
            for (key, limit) in limits.into_iter().enumerate() {
                let group = group(&key.to_string());
                let (holders, waiting): (Vec<_>, Vec<_>) =
                    (admission.holders(&group).collect(), admission.waiting(&group).collect());
                prop_assert!(holders.len() <= limit as usize);
                prop_assert!(waiting.is_empty() || holders.len() == limit as usize);
                let mut turns: Vec<Turn> = asked.iter().filter(|(run, own, _)| *own == key && waiting.contains(run))
                    .map(|(.., turn)| *turn).collect();
                turns.sort_unstable();
                prop_assert_eq!(turns.iter().map(|turn| turn.run).collect::<Vec<_>>(), waiting);
                prop_assert_eq!(asked.iter().filter(|(_, own, _)| *own == key).count(),
                    holders.len() + turns.len());
            }
        }
    }

    /// Limits, keys and callers of any kind: as long as holders end that wait for nothing, everyone gets a place.
    #[test]
    fn nobody_waits_for_ever(steps in vec(step(), 0..40)) {
        let mut admission = Admission::default();
        let mut callers: BTreeMap<RunId, Vec<RunId>> = BTreeMap::new();
        for (number, step) in (1..).zip(steps) {
            let Step::Ask { limit, key, is_returning, caller, .. } = step else { continue };
            // A run can call another only while it has its place.
            let holders = all_holders(&admission);
            let mut above = Vec::new();
            if let Some(caller) = holders.get(usize::from(caller) % (holders.len() + 1)) {
                above.push(*caller);
                above.extend(callers.get(caller).into_iter().flatten());
            }
            let applicant = Applicant { limit, is_returning, callers: above.clone(), ..fresh(number, &key.to_string()) };
            callers.insert(applicant.run, above);
            admission.ask(applicant);
            for (run, ruling) in settled(&mut admission) {
                if matches!(ruling, Ruling::Deadlocked(_)) {
                    callers.remove(&run);
                }
            }
        }
        // Whoever has a place and called nobody who is still there ends.
        while !callers.is_empty() {
            let is_done = |run: &RunId| !callers.values().any(|above| above.contains(run));
            let mut holders = all_holders(&admission).into_iter();
            let Some(run) = holders.find(is_done) else {
                return Err(TestCaseError::fail("all wait for each other"));
            };
            callers.remove(&run);
            admission.leave(run);
            settled(&mut admission);
        }
    }
}

/// Returns who has a place with one of the keys that the tests draw.
fn all_holders(admission: &Admission) -> Vec<RunId> {
    let of_key = |key: u8| admission.holders(&group(&key.to_string())).collect::<Vec<_>>();
    (0..2).flat_map(of_key).collect()
}

fn settled(admission: &mut Admission) -> Vec<(RunId, Ruling)> {
    let mut all = Vec::new();
    loop {
        let rulings = admission.settle();
        if rulings.is_empty() {
            return all;
        }
        all.extend(rulings);
    }
}
