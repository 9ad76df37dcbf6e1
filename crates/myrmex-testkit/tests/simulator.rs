//! The simulator: 20,000 seeds hold, their load is real, every construct is part of it, and it finds what is planted.

use std::fs;
use std::path::Path;

use myrmex_testkit::sim::{CONSTRUCTS, Case, Outcome, Planted, Soaked, replay, shrink, simulate, soak};

/// How many seeds a check run simulates; `MYRMEX_SEEDS` says another number.
const SEEDS: u64 = 20_000;

/// In how many of these seeds each construct has to stand, and how often in them each fault has to come about.
const COVERED: (u64, u64) = (300, 10);

/// A planted bug is found among so many seeds.
const PLANTED_SEEDS: u64 = 8_000;

/// A shrunk case has at most so many choices, and so many bytes of workflows.
const SMALL: (usize, usize) = (120, 700);

/// Runs on a stack that the checker may use.
fn on_a_large_stack<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
        let thread = thread.spawn_scoped(scope, act).expect("there are threads to be had");
        thread.join().expect("the simulator does not panic")
    })
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Simulates with a bug until it shows.
fn found(planted: Planted) -> Outcome {
    let soaked = soak(0..PLANTED_SEEDS, Some(planted), threads(), &|_| {});
    *soaked.failed.unwrap_or_else(|| panic!("{} is not found in {PLANTED_SEEDS} seeds", planted.name()))
}

#[test]
fn everything_holds_in_all_seeds_and_their_load_is_real() {
    let seeds = std::env::var("MYRMEX_SEEDS").map_or(SEEDS, |count| count.parse().unwrap());
    let Soaked { counts, failed, .. } = soak(0..seeds, None, threads(), &|_| {});
    if let Some(failed) = failed {
        let (seed, breaches) = (failed.seed, failed.breaches.join("\n"));
        panic!("seed {seed}: {breaches}\nagain and smaller: cargo xtask soak --seeds 1 --from {seed}");
    }
    assert!(counts.crashes > seeds && counts.crashes_under_load > seeds / 2, "{counts:?}");
    assert!(counts.crashes_in_recovery > seeds / 4 && counts.zombie_turns > seeds / 4, "{counts:?}");
    assert!(
        counts.attempts > 5 * seeds && counts.retries > seeds / 4 && counts.taken_over > seeds / 100,
        "{counts:?}"
    );
    assert!(
        counts.disk.unread > seeds / 50 && counts.left_alone > seeds / 10 && counts.echoes > seeds / 20,
        "{counts:?}"
    );
    assert!(counts.snapshots > seeds && counts.naps > seeds / 4 && counts.wakes > seeds / 8, "{counts:?}");
    assert!(
        counts.messages.0 > seeds / 4 && counts.messages.1 > seeds / 50 && counts.letters.1 > seeds / 4,
        "{counts:?}"
    );
    let traffic = counts.traffic;
    assert!(
        traffic.cuts > seeds / 2 && traffic.breaks > seeds / 4 && traffic.lost > seeds / 10,
        "{counts:?}"
    );
    assert!(
        traffic.doubled > seeds / 10 && traffic.delayed > seeds / 2 && traffic.reordered > seeds / 10,
        "{counts:?}"
    );
    assert!(counts.kinds.len() >= 24, "{counts:?}");
}

#[test]
fn every_construct_is_part_of_what_is_simulated() {
    let (seeds, least) = COVERED;
    let Soaked { constructs, .. } = soak(0..seeds, None, threads(), &|_| {});
    let rare: Vec<_> =
        CONSTRUCTS.iter().filter(|word| constructs.get(**word).is_none_or(|count| *count < least)).collect();
    assert!(rare.is_empty(), "in less than {least} of {seeds} seeds: {rare:?}");
}

#[test]
fn every_kind_of_fault_comes_about() {
    let (seeds, least) = COVERED;
    let Soaked { counts, .. } = soak(0..seeds, None, threads(), &|_| {});
    let rare: Vec<_> = counts.faults().into_iter().filter(|(_, count)| *count < least).collect();
    assert!(rare.is_empty(), "less than {least} times in {seeds} seeds: {rare:?}");
}

#[test]
fn a_case_that_is_played_again_is_the_same_history() {
    on_a_large_stack(|| {
        for seed in 0..40 {
            let outcome = simulate(seed, None);
            let text = outcome.case.to_text();
            let again = replay(&Case::from_text(&text).unwrap()).unwrap();
            assert_eq!(
                (again.trace, again.counts.events),
                (outcome.trace, outcome.counts.events),
                "seed {seed}"
            );
        }
    });
}

/// Failures that were found once: every file of the folder is a case in which everything has to hold now, or in which a
/// planted bug has to show.
#[test]
fn cases_that_failed_once_are_as_they_should_be() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/simulator");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty());
    on_a_large_stack(|| {
        for file in files {
            let case = Case::from_text(&fs::read_to_string(&file).unwrap()).unwrap();
            let outcome =
                replay(&case).unwrap_or_else(|| panic!("{}: does not pass the checker", file.display()));
            let is_found = !outcome.breaches.is_empty();
            assert_eq!(is_found, case.planted.is_some(), "{}: {:#?}", file.display(), outcome.breaches);
        }
    });
}

/// One test for each bug that is planted.
macro_rules! planted {
    ($($name:ident: $bug:ident,)*) => {
        $(
            #[test]
            fn $name() {
                let outcome = found(Planted::$bug);
                assert!(simulate_alone(outcome.seed).breaches.is_empty(), "it fails without the bug too");
            }
        )*

        #[test]
        fn every_planted_bug_has_a_test() {
            assert_eq!(Planted::ALL, [$(Planted::$bug),*]);
        }
    };
}

planted! {
    acknowledging_before_the_sync_is_found: AcknowledgeBeforeSync,
    syncing_only_checkpoints_is_found: SynchronousNormal,
    trusting_a_failed_sync_is_found: FailedSyncTrusted,
    a_torn_batch_is_found: TornBatch,
    a_timer_row_outside_the_batch_is_found: TimerOutsideBatch,
    a_ready_row_outside_the_batch_is_found: ReadyOutsideBatch,
    accepting_a_stale_epoch_is_found: StaleEpoch,
    an_epoch_that_is_not_raised_is_found: EpochNotRaised,
    overwriting_what_is_over_is_found: TerminalOverwritten,
    starting_twice_is_found: DedupeOff,
    a_missing_fencing_check_is_found: NoFencing,
    a_counter_of_places_is_found: SlotCounter,
    a_cancel_acknowledged_too_early_is_found: CancelRace,
    losing_what_attempts_printed_is_found: LogsUnsynced,
    forgetting_a_report_is_found: ReportForgotten,
    starting_an_attempt_twice_is_found: AssignedTwice,
    a_message_outside_the_batch_is_found: MessageOutsideBatch,
    taking_messages_twice_is_found: NoDedupe,
    skipping_what_follows_a_snapshot_is_found: SnapshotTailSkipped,
    a_run_that_wakes_up_without_its_timer_is_found: SleeperBehind,
    giving_places_away_before_the_first_request_is_found: NoOpeningHold,
    words_that_overtake_each_other_are_found: WordsOvertake,
    a_break_that_the_worker_does_not_notice_is_found: BreakUnnoticed,
    a_skip_acknowledged_too_early_is_found: SkipRace,
    skipping_only_the_first_of_several_tasks_is_found: SkipHalved,
    an_answer_acknowledged_too_early_is_found: SignalRace,
    an_answer_that_counts_twice_is_found: SignalTwice,
    a_date_that_is_forgotten_is_found: DateForgotten,
}

fn simulate_alone(seed: u64) -> Outcome {
    on_a_large_stack(|| simulate(seed, None))
}

#[test]
fn a_failing_case_becomes_small_and_still_fails() {
    for planted in [Planted::ReportForgotten, Planted::CancelRace] {
        let outcome = found(planted);
        let small = on_a_large_stack(|| shrink(&outcome.case)).unwrap();
        assert!(!small.breaches.is_empty());
        let (choices, bytes) = small.case.size();
        assert!(choices <= SMALL.0 && bytes <= SMALL.1, "{}: {}", planted.name(), small.case.to_text());
        let again = on_a_large_stack(|| replay(&small.case)).unwrap();
        assert_eq!(again.breaches, small.breaches);
        assert!(
            on_a_large_stack(|| replay(&Case { planted: None, ..small.case.clone() }))
                .unwrap()
                .breaches
                .is_empty()
        );
    }
}
