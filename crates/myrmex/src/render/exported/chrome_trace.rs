//! A run as trace events, which Perfetto and the tracing page of Chrome show as a timeline.
//!
//! Three processes: the attempts, in as many lanes as there were under way at a time; the blocks around them; and what waited for a place.
//! Within a lane nothing overlaps. Times are microseconds since the run began.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use myrmex_engine::history::{Attempted, Task, Timeline};
use myrmex_model::time::Timestamp;
use serde_json::{Value, json};

/// What is known of the run as a whole.
pub struct About<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The workflow's name.
    pub workflow: &'a str,
    /// The status of the run.
    pub status: &'a str,
}

/// The processes of the trace, by number and name.
const PROCESSES: [(u32, &str, &str); 3] =
    [(1, "attempts", "slot"), (2, "blocks", "block"), (3, "waiting", "waiting")];

/// Something that took time.
struct Span {
    process: u32,
    from: Timestamp,
    to: Timestamp,
    name: String,
    category: &'static str,
    arguments: Value,
}

/// The lanes of a process. Each search costs the logarithm of how many there are, because a hundred thousand tasks may wait at once.
#[derive(Default)]
struct Lanes {
    /// Those that are taken, by when they are free again.
    taken: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Those that are free.
    free: BinaryHeap<Reverse<usize>>,
    count: usize,
}

impl Lanes {
    /// Takes the first lane, from 1, that is free; none is asked for from an earlier instant than the one before.
    fn take(&mut self, (from, to): (Timestamp, Timestamp)) -> usize {
        while let Some(Reverse((until, lane))) = self.taken.peek().copied() {
            if until > from {
                break;
            }
            self.taken.pop();
            self.free.push(Reverse(lane));
        }
        let lane = self.free.pop().map_or(self.count + 1, |Reverse(lane)| lane);
        self.count = self.count.max(lane);
        self.taken.push(Reverse((to, lane)));
        lane
    }
}

/// Writes a run as one JSON document, an event a line.
pub fn chrome_trace(about: &About<'_>, timeline: &Timeline) -> String {
    let start = timeline.started.unwrap_or(Timestamp(0));
    let last = timeline.last.unwrap_or(start);
    let micros = |at: Timestamp| at.0.saturating_sub(start.0) / 1_000;
    let mut spans: Vec<Span> = timeline.tasks().iter().flat_map(|task| spans(task, last)).collect();
    // Of what begins together the longer one is around the other.
    spans.sort_by(|a, b| (a.process, a.from, b.to, &a.name).cmp(&(b.process, b.from, a.to, &b.name)));
    let mut events = Vec::new();
    for (process, name, lane) in PROCESSES {
        let own: Vec<&Span> = spans.iter().filter(|span| span.process == process).collect();
        if own.is_empty() {
            continue;
        }
        let title = format!("{}: {name}", about.workflow);
        events.push(
            json!({"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": title}}),
        );
        events.push(json!({
            "ph": "M", "name": "process_sort_index", "pid": process, "tid": 0, "args": {"sort_index": process},
        }));
        let mut lanes = Lanes::default();
        let mut shown = Vec::new();
        for span in own {
            let number = lanes.take((span.from, span.to));
            let (ts, dur) = (micros(span.from), micros(span.to) - micros(span.from));
            shown.push(json!({
                "ph": "X", "name": span.name, "cat": span.category, "pid": process, "tid": number, "ts": ts, "dur": dur,
                "args": span.arguments,
            }));
        }
        for number in 1..=lanes.count {
            let name = format!("{lane} {number}");
            events.push(json!({"ph": "M", "name": "thread_name", "pid": process, "tid": number, "args": {"name": name}}));
        }
        events.extend(shown);
    }
    for at in &timeline.breaks {
        events.push(json!({
            "ph": "i", "s": "g", "name": "another process went on", "cat": "run", "pid": 1, "tid": 0, "ts": micros(*at),
        }));
    }
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let other = json!({
        "run": about.run, "workflow": about.workflow, "status": about.status, "started": start.to_string(),
    });
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{other},\"traceEvents\":[\n{}\n]}}\n",
        lines.join(",\n")
    )
}

/// Returns what took time of a task: its attempts and their waits, or itself if it is a block.
fn spans(task: &Task, last: Timestamp) -> Vec<Span> {
    let name = task.address.path().into_owned();
    let span = |process, (from, to): (Timestamp, Timestamp), category, arguments| Span {
        process,
        from,
        to: to.max(from),
        name: name.clone(),
        category,
        arguments,
    };
    let mut found = Vec::new();
    let ended = task.ended.map_or(last, |(ended, _)| ended);
    if task.attempts.is_empty() {
        let arguments = json!({"address": task.address.as_str()});
        found.extend(task.started.map(|started| span(2, (started, ended), "block", arguments)));
    }
    if let Some(held) = &task.held {
        let arguments = json!({"address": task.address.as_str(), "for": "hold"});
        found.push(span(3, (held.queued, held.granted.unwrap_or(ended)), "hold", arguments));
    }
    for attempt in &task.attempts {
        let Attempted { number, queued, granted, ended: over, end, is_cached, .. } = attempt;
        let arguments = json!({
            "address": task.address.as_str(), "attempt": number.0, "end": end, "cached": is_cached,
            "worker": granted.as_ref().map(|(_, worker)| worker.as_str()),
        });
        let until = over.unwrap_or(ended);
        let begun = granted.as_ref().map_or(until, |(granted, _)| *granted);
        found.push(span(3, (*queued, begun), "place", arguments.clone()));
        found.extend(granted.as_ref().map(|(granted, _)| span(1, (*granted, until), "attempt", arguments)));
    }
    // What did not last a microsecond would only be in the way.
    found.retain(|span| span.process == 1 || span.to.0 - span.from.0 >= 1_000);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(spans: impl IntoIterator<Item = (i64, i64)>) -> Vec<usize> {
        let mut lanes = Lanes::default();
        spans.into_iter().map(|(from, to)| lanes.take((Timestamp(from), Timestamp(to)))).collect()
    }

    #[test]
    fn the_first_lane_that_is_free_is_taken() {
        assert_eq!(
            lanes([(0, 9), (1, 3), (2, 4), (3, 8), (4, 5), (5, 5), (5, 6), (9, 9)]),
            [1, 2, 3, 2, 3, 3, 3, 1]
        );
    }

    #[test]
    fn a_hundred_thousand_spans_at_once_are_laid_out_at_once() {
        let lanes = lanes((0..100_000).map(|from| (from, 100_000)));
        assert_eq!(lanes.last(), Some(&100_000));
    }
}
