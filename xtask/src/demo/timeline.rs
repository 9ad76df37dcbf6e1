//! A run as lines on a terminal: one for each task, with a bar from its start to its end.

use serde_json::Value;

use crate::failure::Failure;

/// How wide the bars are together: with the names beside them they fit a terminal of 80 columns.
const COLUMNS: u64 = 40;

/// Milliseconds of a day: a run that began before midnight may end behind it.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// One task, in milliseconds since the run began.
#[derive(Debug, PartialEq, Eq)]
struct Span<'r> {
    path: &'r str,
    from_ms: u64,
    took_ms: u64,
    attempts: u64,
}

/// Draws the tasks of a run as `myrmex runs show --json` tells them, those that began first at the top.
pub(super) fn draw(run: &str) -> Result<String, Failure> {
    let run: Value = serde_json::from_str(run).map_err(Failure::because("the document of the run"))?;
    let spans = spans(&run).ok_or_else(|| Failure::new("the document of the run has no times"))?;
    let whole_ms = spans.iter().map(|span| span.from_ms + span.took_ms).max().unwrap_or(0).max(1);
    let width = spans.iter().map(|span| span.path.len()).max().unwrap_or(0);
    Ok(spans.iter().map(|span| line(span, whole_ms, width)).collect())
}

fn spans(run: &Value) -> Option<Vec<Span<'_>>> {
    let began = of_day(run["started"].as_str()?)?;
    let mut spans = Vec::new();
    for (path, task) in run["tasks"].as_object()? {
        // A task that was skipped has no times.
        let Some(started) = task["started"].as_str() else { continue };
        let from_ms = (of_day(started)? + DAY_MS - began) % DAY_MS;
        let took_ms = task["took_ms"].as_u64().unwrap_or(0);
        spans.push(Span { path, from_ms, took_ms, attempts: task["attempts"].as_u64().unwrap_or(1) });
    }
    spans.sort_by_key(|span| (span.from_ms, span.path));
    Some(spans)
}

fn line(span: &Span<'_>, whole_ms: u64, width: usize) -> String {
    let column = |ms: u64| ms * COLUMNS / whole_ms;
    let from = column(span.from_ms).min(COLUMNS - 1);
    // What took no time is still to be seen.
    let to = column(span.from_ms + span.took_ms).clamp(from + 1, COLUMNS);
    let cells = |count: u64, cell: &str| cell.repeat(usize::try_from(count).unwrap_or(0));
    let bar = [cells(from, " "), cells(to - from, "█"), cells(COLUMNS - to, " ")].concat();
    let attempts = if span.attempts > 1 { format!("  {} attempts", span.attempts) } else { String::new() };
    format!("  {:<width$}  {bar} {:>6} ms{attempts}\n", span.path, span.took_ms)
}

/// Returns the milliseconds since midnight of an instant such as `2026-11-23T17:15:44.041396216Z`.
fn of_day(instant: &str) -> Option<u64> {
    let time = instant.split_once('T')?.1.trim_end_matches('Z');
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = r#"{"started": "2026-11-23T23:59:59.5Z", "tasks": {
        "skipped": {"status": "skipped"},
        "late": {"started": "2026-11-24T00:00:00.5Z", "took_ms": 1000, "attempts": 2},
        "b": {"started": "2026-11-23T23:59:59.500000001Z", "took_ms": 1000, "attempts": 1},
        "a": {"started": "2026-11-23T23:59:59.5Z", "took_ms": 0, "attempts": 1}}}"#;

    #[test]
    fn tasks_stand_in_the_order_of_their_starts_over_midnight_too() {
        let drawn = draw(RUN).unwrap();
        let full = |count: usize| "█".repeat(count);
        let expected = format!(
            "  a     {}{}      0 ms\n  b     {}{}   1000 ms\n  late  {}{}   1000 ms  2 attempts\n",
            full(1),
            " ".repeat(39),
            full(20),
            " ".repeat(20),
            " ".repeat(20),
            full(20)
        );
        assert_eq!(drawn, expected);
    }

    #[test]
    fn a_document_without_times_is_an_error() {
        assert!(draw("{}").is_err());
        assert!(draw("no").is_err());
    }
}
