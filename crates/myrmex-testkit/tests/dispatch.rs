//! Tests of the order of tasks over recorded executions of real workflows.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};

use myrmex_testkit::dispatch::{Order, Trace};

/// Reads those in the short form: the smallest five of them are quick without optimization.
fn traces() -> Vec<Trace> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/wfinstances/wide");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let traces: Vec<Trace> =
        paths.iter().map(|path| Trace::read(path)).filter(|trace| trace.tasks() < 310).collect();
    assert_eq!(traces.len(), 5);
    traces
}

#[test]
fn the_rank_beats_arrival_on_the_mean_and_no_order_beats_the_bound() {
    let traces = traces();
    for slots in [4, 16, 64] {
        let mut shares = 0;
        for trace in &traces {
            let (ranked, arrival) =
                (trace.makespan(slots, Order::Lengths), trace.makespan(slots, Order::Arrival));
            for makespan in [ranked, arrival] {
                assert!(makespan >= trace.bound(slots), "{} on {slots}", trace.name);
                // Graham: no slot is left free while a task is ready.
                let wide = i64::from(slots);
                let longest = trace.longest_way();
                assert!(
                    makespan <= trace.work() / wide + longest - longest / wide + 2,
                    "{} on {slots}",
                    trace.name
                );
            }
            shares += ranked * 1_000_000 / arrival;
        }
        let mean = shares / i64::try_from(traces.len()).unwrap();
        assert!(mean <= 980_000, "{slots}: {mean}");
    }
}

#[test]
fn the_same_trace_takes_the_same_time_again() {
    let trace = &traces()[0];
    for order in [Order::Arrival, Order::Lengths, Order::Guesses, Order::Tasks] {
        assert_eq!(trace.makespan(16, order), trace.makespan(16, order));
    }
}
