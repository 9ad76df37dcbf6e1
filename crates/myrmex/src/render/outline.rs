//! A run, or one task of it, as text: what `runs show` prints for people. Made of the document that scripts get.

use std::fmt::Write;

use serde_json::Value;

use super::items::{Choice, Row, Shown};
use super::summary::SHORT_DIGITS;
use super::time;

/// The most characters of an output or of an error in the table of tasks.
const SHORT_CHARACTERS_MAX: usize = 60;

/// Shows a run: facts, the table of its tasks, its output.
pub fn run(document: &Value, choice: Choice) -> String {
    let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
    let is_interrupted = document["interrupted"] == Value::Bool(true);
    let status =
        if is_interrupted { "interrupted; `runs resume` goes on".to_owned() } else { text("status") };
    let started = format!("{} by {}", instant(&document["started"]), text("started_by"));
    let mut facts =
        vec![("run", text("run")), ("workflow", text("workflow")), ("status", status), ("started", started)];
    match (is_interrupted, document["wall_ms"].as_u64()) {
        // When nothing was recorded after the start, nobody knows how long it ran.
        (true, None | Some(0)) => {}
        (true, Some(ms)) => facts.push(("took", so_far(ms))),
        (false, _) => facts.push(("took", took(&document["wall_ms"]))),
    }
    if let Some(key) = document["key"].as_str() {
        facts.push(("key", key.to_owned()));
    }
    facts.extend(kin(document));
    let mut shown = lines(&facts);
    shown.push_str(&error("error", &document["error"]));
    shown.push('\n');
    shown.push_str(&table(&document["tasks"], choice));
    shown.push_str(&children(&document["children"]));
    if !document["output"].is_null() {
        shown.push_str(&section("output", &document["output"]));
    }
    shown
}

/// The facts of a run that name other runs.
fn kin(document: &Value) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(run) = document["parent"]["run"].as_str() {
        let task = document["parent"]["task"].as_str().unwrap_or_default();
        facts.push(("called by", format!("`{task}` of run {}", short_id(run))));
    }
    if let Some(run) = document["retry_of"].as_str() {
        facts.push(("retry of", format!("run {}, attempt {}", short_id(run), document["attempt"])));
    }
    let retries = document["retried_by"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let retries: Vec<String> = retries.map(|run| format!("run {}", short_id(run))).collect();
    if !retries.is_empty() {
        facts.push(("retried", format!("by {}", retries.join(", "))));
    }
    if let Some(reason) = document["cancelled"]["reason"].as_str() {
        let by = document["cancelled"]["by"].as_str().unwrap_or_default();
        facts.push(("cancelled", format!("by {by}: {reason}")));
    }
    facts
}

/// Shows the runs that were called.
fn children(children: &Value) -> String {
    let Some(children) = children.as_array().filter(|children| !children.is_empty()) else {
        return String::new();
    };
    let text = |child: &Value, field: &str| child[field].as_str().unwrap_or_default().to_owned();
    let width = children.iter().map(|child| text(child, "task").chars().count()).max().unwrap_or_default();
    let mut shown = "\nchild runs:\n".to_owned();
    for child in children {
        let status =
            if child["interrupted"] == true { "interrupted".to_owned() } else { text(child, "status") };
        let (task, run, workflow) = (text(child, "task"), text(child, "run"), text(child, "workflow"));
        let line = format!("{task:<width$}  {}  {status:<11}  {workflow}", short_id(&run));
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown
}

fn short_id(run: &str) -> String {
    run.chars().take(SHORT_DIGITS).collect()
}

/// Shows one task whole.
pub fn task(document: &Value) -> String {
    let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
    let mut facts = vec![("task", text("task")), ("run", text("run")), ("status", status_of(document))];
    if !document["started"].is_null() {
        facts.push(("started", instant(&document["started"])));
        facts.push(("took", time_of(document)));
    }
    facts.retain(|(_, fact)| !fact.is_empty());
    facts.extend(origin(document));
    let mut shown = lines(&facts);
    let word = if is_caught(document) { "caught" } else { "error" };
    shown.push_str(&error(word, &document["error"]));
    for attempt in document["history"].as_array().into_iter().flatten() {
        let why = attempt["why"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
        let left =
            if attempt["left_processes"] == true { "; processes that it left behind were ended" } else { "" };
        let (number, end) = (&attempt["attempt"], attempt["end"].as_str().unwrap_or_default());
        // Writing into a text cannot fail.
        let _ = writeln!(shown, "attempt {number}  {end} after {}{why}{left}", took(&attempt["took_ms"]));
        for why in attempt["unkept"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let _ = writeln!(shown, "           not kept: {why}");
        }
    }
    shown.push_str(&children(&document["children"]));
    for field in ["input", "output", "artifacts"] {
        if !document[field].is_null() {
            shown.push_str(&section(field, &document[field]));
        }
    }
    shown
}

/// The run whose result a task took over.
fn origin(task: &Value) -> Option<(&'static str, String)> {
    let (word, run) = match (task["cached_from"].as_str(), task["taken_from"].as_str()) {
        (Some(run), _) => ("cached", run),
        (None, Some(run)) => ("taken", run),
        (None, None) => return None,
    };
    // The same task may be called otherwise there.
    let there = task["cached_task"].as_str().filter(|there| task["task"] != *there);
    let there = there.map(|there| format!(", task `{there}`")).unwrap_or_default();
    Some((word, format!("from run {run}{there}")))
}

fn lines(facts: &[(&str, String)]) -> String {
    let lines: Vec<String> = facts.iter().map(|(name, value)| format!("{name:<9} {value}")).collect();
    lines.join("\n") + "\n"
}

fn section(name: &str, value: &Value) -> String {
    format!("\n{name}:\n{value:#}\n")
}

/// Shows an error with its detail.
fn error(word: &str, error: &Value) -> String {
    let Some(title) = error["title"].as_str() else { return String::new() };
    let task = error["task"].as_str().map(|task| format!("`{task}`: ")).unwrap_or_default();
    let kind = error["type"].as_str().unwrap_or_default();
    let mut shown = format!("{word:<9} {task}{title} ({kind})\n");
    if let Some(file) = error["place"]["file"].as_str() {
        let (line, column) = (&error["place"]["line"], &error["place"]["column"]);
        // Writing into a text cannot fail.
        let _ = writeln!(shown, "          --> {file}:{line}:{column}");
    }
    for line in error["detail"].as_str().unwrap_or_default().lines() {
        shown.push_str("          ");
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// The status of a task for people: a failure that was accepted, and the success of another run, are told from a success.
pub(super) fn status_of(task: &Value) -> String {
    let status = task["status"].as_str().unwrap_or_default();
    let word = match task {
        _ if task["interrupted"] == true => "interrupted",
        _ if task["accepted"] == true => "failed, accepted",
        _ if !task["taken_from"].is_null() => "taken",
        _ if !task["cached_from"].is_null() => "cached",
        _ => status,
    };
    word.to_owned()
}

/// Whether a task ended well because a `catch` took its error.
fn is_caught(task: &Value) -> bool {
    task["status"] == "succeeded" && task["accepted"] != true && !task["error"].is_null()
}

/// Shows the tasks as a table, each below the block or the `for_each` that it is in.
fn table(tasks: &Value, choice: Choice) -> String {
    let Some(tasks) = tasks.as_object().filter(|tasks| !tasks.is_empty()) else { return String::new() };
    let shown = Shown::of(tasks, choice);
    let mut rows: Vec<[String; 5]> = Vec::new();
    let mut open: Vec<(Row<'_>, usize)> = shown.inside("").into_iter().rev().map(|row| (row, 0)).collect();
    while let Some((row, depth)) = open.pop() {
        let indent = "  ".repeat(depth);
        let (path, task) = match row {
            Row::Rest { status, count } => {
                let items = format!("{count} more, not shown");
                rows.push([format!("{indent}[…]"), status, String::new(), String::new(), items]);
                continue;
            }
            Row::Task(path) => (path, &tasks[path]),
        };
        let own = path.strip_prefix(outer(path, tasks)).unwrap_or(path).trim_start_matches('/');
        let attempts = task["attempts"].as_u64().filter(|attempts| *attempts > 0);
        rows.push([
            format!("{indent}{own}"),
            status_of(task),
            attempts.map_or(String::new(), |attempts| attempts.to_string()),
            time_of(task),
            short(task),
        ]);
        open.extend(shown.inside(path).into_iter().rev().map(|inner| (inner, depth + 1)));
    }
    if rows.is_empty() {
        return "no task failed\n".to_owned();
    }
    let heads = ["TASK", "STATUS", "ATTEMPTS", "TOOK", ""].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3)];
    let mut shown = String::new();
    for [name, status, attempts, took, what] in [&heads].into_iter().chain(&rows) {
        let [a, b, c, d] = widths;
        let line = format!("{name:<a$}  {status:<b$}  {attempts:>c$}  {took:<d$}  {what}");
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown
}

/// Returns the nearest path around `path` that has a row of its own; empty for none.
pub(super) fn outer<'a>(path: &'a str, tasks: &serde_json::Map<String, Value>) -> &'a str {
    let ends = path.rmatch_indices(['/', '[']).map(|(at, _)| &path[..at]);
    ends.into_iter().find(|outer| tasks.contains_key(*outer)).unwrap_or_default()
}

/// What a task gave, or why not, in a few words.
fn short(task: &Value) -> String {
    let from = task["cached_from"].as_str().map(|run| format!("from run {}", short_id(run)));
    let text = match (task["error"]["title"].as_str(), &task["output"]) {
        (Some(title), _) if is_caught(task) => format!("caught: {title}"),
        (Some(title), _) => title.to_owned(),
        (None, Value::Null) => String::new(),
        (None, output) => output.to_string(),
    };
    let parts = from.into_iter().chain(Some(text).filter(|text| !text.is_empty()));
    let text = parts.collect::<Vec<_>>().join("  ");
    if text.chars().count() <= SHORT_CHARACTERS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SHORT_CHARACTERS_MAX - 1).collect();
    format!("{cut}…")
}

/// How long a task took, or had taken when it was cut off; nothing if that is not known.
fn time_of(task: &Value) -> String {
    match task["so_far_ms"].as_u64() {
        Some(0) => String::new(),
        Some(ms) => so_far(ms),
        None => took(&task["took_ms"]),
    }
}

/// The time up to the last event that was recorded: what was under way went on for a while after that.
fn so_far(ms: u64) -> String {
    format!("at least {}", time::elapsed_ms(ms))
}

fn took(ms: &Value) -> String {
    ms.as_u64().map(time::elapsed_ms).unwrap_or_default()
}

/// Shows a stored instant to the second; it is in UTC.
fn instant(at: &Value) -> String {
    let text = at.as_str().unwrap_or_default();
    text.split('.').next().unwrap_or(text).trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_stand_below_what_they_are_in() {
        let task = |status: &str, output: Value| json!({"status": status, "attempts": 1, "output": output, "error": null, "took_ms": 5});
        let accepted = json!({"status": "succeeded", "accepted": true, "attempts": 2, "output": null,
                              "error": {"title": "exit code 2"}, "took_ms": 1_500});
        let tasks = json!({
            "lint": accepted,
            "all": task("succeeded", json!(["x"])),
            "all[a%2Fb]": task("succeeded", json!("x")),
            "block": task("succeeded", Value::Null),
            "try": {"status": "succeeded", "attempts": 1, "output": 1, "error": {"title": "exit code 4"}, "took_ms": 5},
            "block/in": {"status": "skipped", "attempts": 0, "output": null, "error": null},
        });
        let expected = [
            "TASK       STATUS            ATTEMPTS  TOOK",
            "lint       failed, accepted         2  1.5 s  exit code 2",
            "all        succeeded                1  5 ms   [\"x\"]",
            "  [a%2Fb]  succeeded                1  5 ms   \"x\"",
            "block      succeeded                1  5 ms",
            "  in       skipped",
            "try        succeeded                1  5 ms   caught: exit code 4",
            "",
        ];
        assert_eq!(table(&tasks, ALL).split('\n').collect::<Vec<_>>(), expected);
    }

    const ALL: Choice = Choice { limit: 20, is_failed_only: false };

    /// A `for_each` with so many items, of which some failed.
    fn many(count: usize, failed: &[usize]) -> Value {
        let mut tasks = serde_json::Map::new();
        tasks.insert(
            "all".to_owned(),
            json!({"status": "failed", "attempts": 1, "error": {"title": "too many"}}),
        );
        for index in 0..count {
            let status = if failed.contains(&index) { "failed" } else { "succeeded" };
            tasks.insert(format!("all[{index}]"), json!({"status": status, "attempts": 1}));
        }
        tasks.insert("last".to_owned(), json!({"status": "skipped", "attempts": 0}));
        Value::Object(tasks)
    }

    fn first_columns(text: &str) -> Vec<String> {
        let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        text.lines().skip(1).map(words).collect()
    }

    #[test]
    fn many_items_are_counted_and_those_that_failed_are_named() {
        let choice = Choice { limit: 3, is_failed_only: false };
        let text = table(&many(100_000, &[7, 99_999]), choice);
        let expected =
            ["all failed", "[7] failed", "[99999] failed", "[0] succeeded", "[…] succeeded", "last skipped"];
        assert_eq!(first_columns(&text), expected);
        assert!(text.contains("99997 more, not shown"), "{text}");
        let text = table(&many(4, &[]), Choice { limit: 4, is_failed_only: false });
        assert_eq!(text.lines().count(), 7);
    }

    #[test]
    fn what_failed_is_shown_alone_with_what_it_is_in() {
        let choice = Choice { limit: 2, is_failed_only: true };
        let text = table(&many(1_000, &[1, 2, 3]), choice);
        assert_eq!(first_columns(&text), ["all failed", "[1] failed", "[2] failed", "[…] failed"]);
        assert!(text.ends_with("1 more, not shown\n"), "{text}");
        assert_eq!(table(&json!({"a": {"status": "succeeded"}}), choice), "no task failed\n");
    }
}
