//! Tests of the order of dispatch: by hand, and over recorded executions of real workflows.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_methods, reason = "tests read files")]

use std::path::{Path, PathBuf};

use myrmex_plan::problem::{Span, TaskId};
use myrmex_plan::rank::{Network, Order};

/// Tasks that lead to a long tail and ones that lead nowhere.
fn network(lengths: &[Option<i64>], links: &[(u32, u32)]) -> Network {
    Network {
        lengths: lengths.iter().map(|length| length.map(Span)).collect(),
        links: links.iter().map(|&(from, to)| (TaskId(from), TaskId(to))).collect(),
    }
}

#[test]
fn a_task_ranks_by_what_is_left_from_its_start_to_the_end() {
    let check = |lengths: &[Option<i64>], links: &[(u32, u32)], expected: Option<&[i64]>| {
        let levels = network(lengths, links).remaining();
        assert_eq!(
            levels.map(|levels| levels.iter().map(|level| level.0).collect()),
            expected.map(Vec::from)
        );
    };
    let diamond = [(0, 1), (0, 2), (1, 3), (2, 3)];
    check(&[Some(1), Some(5), Some(2), Some(4)], &diamond, Some(&[10, 9, 6, 4]));
    // Unknown counts as the median of 1, 2 and 4.
    check(&[Some(1), None, Some(2), Some(4)], &diamond, Some(&[7, 6, 6, 4]));
    check(&[None; 4], &diamond, Some(&[3, 2, 2, 1]));
    check(&[Some(1), Some(1)], &[(0, 1), (1, 0)], None);
    check(&[], &[], Some(&[]));
}

#[test]
fn the_longest_way_is_begun_first() {
    // Two short tasks, then the head of a long way, on two slots.
    let tasks = network(&[Some(4), Some(4), Some(1), Some(8)], &[(2, 3)]);
    assert_eq!(tasks.makespan(2, Order::Arrival), Some(Span(13)));
    assert_eq!(tasks.makespan(2, Order::Remaining), Some(Span(9)));
    assert_eq!(tasks.makespan(0, Order::Remaining), None);
    assert_eq!(network(&[], &[]).makespan(1, Order::Arrival), Some(Span(0)));
}

#[test]
fn on_recorded_workflows_the_rank_beats_arrival_on_the_mean() {
    let traces = traces();
    assert_eq!(traces.len(), 6);
    let mean = |slots: usize| {
        let of =
            |order| move |trace: &Network| trace.makespan(slots, order).expect("a trace has no circle").0;
        // Parts per million of the makespan by arrival.
        let share = |trace: &Network| of(Order::Remaining)(trace) * 1_000_000 / of(Order::Arrival)(trace);
        traces.iter().map(share).sum::<i64>() / i64::try_from(traces.len()).unwrap()
    };
    let means = [4, 16, 64].map(mean);
    assert!(means[0] <= 985_000, "{means:?}");
    assert!(means[1] <= 992_000, "{means:?}");
    // With 64 slots nothing in these six ever waits long enough to matter.
    assert!(means[2] <= 1_000_000, "{means:?}");
}

#[test]
fn no_order_is_worse_than_the_bound_of_list_dispatch() {
    for trace in traces() {
        let work: i64 = trace.lengths.iter().flatten().map(|length| length.0).sum();
        let longest = trace.remaining().unwrap().iter().map(|level| level.0).max().unwrap();
        for slots in [1, 4, 16, 64] {
            let wide = i64::try_from(slots).unwrap();
            for order in [Order::Remaining, Order::Arrival] {
                let makespan = trace.makespan(slots, order).unwrap().0;
                assert!(makespan >= longest.max(work / wide), "{slots}");
                // Graham: work / m + (1 - 1/m) of the critical path.
                assert!(makespan <= work / wide + longest - longest / wide + 2, "{slots}");
            }
        }
    }
}

fn traces() -> Vec<Network> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/wfinstances");
    let entries = std::fs::read_dir(folder).expect("the traces are in the repository");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| trace(path))
        .collect()
}

/// Reads a `WfFormat` 1.5 file: who waits for whom, and the measured times in milliseconds.
fn trace(path: &Path) -> Network {
    let text = std::fs::read_to_string(path).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let workflow = &document["workflow"];
    let tasks = workflow["specification"]["tasks"].as_array().unwrap();
    let name = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let names: Vec<String> = tasks.iter().map(|task| name(&task["id"])).collect();
    let place = |wanted: &str| names.iter().position(|name| name == wanted).unwrap();
    let mut lengths = vec![None; names.len()];
    for task in workflow["execution"]["tasks"].as_array().unwrap() {
        let seconds = task["runtimeInSeconds"].as_f64().unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "times of hours")]
        let length = (seconds * 1_000.0).round() as i64;
        lengths[place(&name(&task["id"]))] = Some(Span(length));
    }
    let mut links = Vec::new();
    for (to, task) in tasks.iter().enumerate() {
        for parent in task["parents"].as_array().unwrap() {
            let id = |index: usize| TaskId(u32::try_from(index).unwrap());
            links.push((id(place(&name(parent))), id(to)));
        }
    }
    Network { lengths, links }
}
