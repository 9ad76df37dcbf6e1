//! What was measured in past runs, in a few words and as JSON.

use myrmex_engine::history::{Quantiles, TaskHistory};
use serde_json::{Value, json};

use super::time;

/// Says how long something takes: `p50 1.2 s, p90 3.4 s (12 runs)`. `what` is counted by `count`: `run` or `item`.
pub fn line(took: Quantiles, count: usize, what: &str) -> String {
    let (p50, p90) = (time::elapsed_ms(took.p50.0), time::elapsed_ms(took.p90.0));
    let plural = if count == 1 { "" } else { "s" };
    if took.count == 1 {
        return format!("p50 {p50} ({count} {what}{plural})");
    }
    format!("p50 {p50}, p90 {p90} ({count} {what}{plural})")
}

/// Shows quantiles to scripts; null for none.
pub fn quantiles(lengths: Option<Quantiles>) -> Value {
    lengths.map_or(
        Value::Null,
        |lengths| json!({"count": lengths.count, "p50_ms": lengths.p50.0, "p90_ms": lengths.p90.0}),
    )
}

/// Shows what was measured of a task to scripts.
pub fn task(history: &TaskHistory) -> Value {
    let counts = history.counts;
    json!({
        "runs": history.runs,
        "took": quantiles(history.took),
        "waited": quantiles(history.waited),
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "taken": counts.taken,
        "attempts": counts.attempts,
        "retries": counts.retries,
    })
}
