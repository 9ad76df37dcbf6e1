//! Where the time of runs went, in plain words and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use myrmex_engine::history::Lack;
use myrmex_model::name::Name;
use myrmex_model::status::Status;
use myrmex_model::time::Length;
use serde_json::{Value, json};

use super::table::{Side, table};
use super::time;
use crate::analysis::{Analysis, TaskTime};

/// How many tasks people are shown of each kind: the first few are those that matter.
const SHOWN_MAX: usize = 5;

/// From this share of the time on, in percent, something is worth a change.
const WORTH_PERCENT: u64 = 10;

/// What was analyzed.
pub struct About {
    /// The workflow.
    pub workflow: Name,
    /// The short id of the run, and how it stands; none if several runs were.
    pub run: Option<(String, Status)>,
    /// How often the run was interrupted; of a workflow, how many runs were left out for that.
    pub interrupted: usize,
    /// Whether a bound of what is read ended the reading.
    pub is_cut: bool,
}

/// What to change first.
enum Change<'a> {
    /// There is too little of something.
    Resource(&'a Lack),
    /// Attempts that fail take long.
    Retries(&'a str),
    /// A task takes long.
    Task(&'a str),
}

/// Shows an analysis to people. The last line says what to change first.
pub fn text(about: &About, analysis: &Analysis) -> String {
    let mut shown = heading(about, analysis);
    section(&mut shown, "What decided when it ended", &critical(analysis));
    section(&mut shown, "The slowest tasks", &slowest(analysis));
    section(&mut shown, "What was tried again", &retried(analysis));
    section(&mut shown, "What waited", &waiting(analysis));
    section(&mut shown, "What there was too little of", &over_asked(analysis));
    let change = match change(analysis) {
        Some((change, percent)) => advice(&change, percent, analysis),
        None => "nothing stands out: no task, pool or lock has a tenth of the time".to_owned(),
    };
    // Writing into a text cannot fail.
    let _ = writeln!(shown, "\nchange first: {change}");
    shown
}

fn heading(about: &About, analysis: &Analysis) -> String {
    let wall = time::elapsed_ms(analysis.wall.0);
    if let Some((run, status)) = &about.run {
        let interrupted = match about.interrupted {
            0 => String::new(),
            1 => "; it was interrupted, and the time until it went on counts".to_owned(),
            count => format!("; it was interrupted {count} times, and the time until it went on counts"),
        };
        return format!("run {run} of `{}`: {status}, {wall}{interrupted}\n", about.workflow);
    }
    let runs =
        if analysis.runs == 1 { "1 run".to_owned() } else { format!("the newest {} runs", analysis.runs) };
    let left_out = match about.interrupted {
        0 => String::new(),
        count => format!("; {count} more left out, because they were interrupted"),
    };
    let cut = if about.is_cut { "; older ones were not read, which would be too much" } else { "" };
    format!("{runs} of `{}`, {wall} in all{left_out}{cut}\n", about.workflow)
}

fn section(shown: &mut String, title: &str, table: &str) {
    if !table.is_empty() {
        // Writing into a text cannot fail.
        let _ = write!(shown, "\n{title}\n{table}");
    }
}

/// The tasks on the critical path that have a share of the time, in order.
fn critical(analysis: &Analysis) -> String {
    let mut links: Vec<_> = analysis.critical.iter().filter(|link| link.total().0 > 0).enumerate().collect();
    links.sort_by_key(|(_, link)| std::cmp::Reverse(link.total()));
    links.truncate(2 * SHOWN_MAX);
    links.sort_by_key(|(place, _)| *place);
    let rows: Vec<[String; 4]> = links
        .into_iter()
        .map(|(_, link)| {
            let waited = if link.waited.0 == 0 { String::new() } else { time::elapsed_ms(link.waited.0) };
            [link.path.clone(), percent(analysis, link.total()), time::elapsed_ms(link.took.0), waited]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let right = Side::Right;
    table([("TASK", Side::Left), ("SHARE", right), ("TOOK", right), ("WAITED BEFORE", right)], &rows)
}

fn percent(analysis: &Analysis, length: Length) -> String {
    format!("{} %", analysis.percent(length))
}

/// Returns the first tasks by a measure that is not zero, the largest first.
fn first(analysis: &Analysis, by: impl Fn(&TaskTime) -> u64) -> Vec<(&str, &TaskTime)> {
    let mut tasks: Vec<(&str, &TaskTime)> = analysis
        .tasks
        .iter()
        .map(|(path, task)| (path.as_str(), task))
        .filter(|(_, task)| by(task) > 0)
        .collect();
    tasks.sort_by_key(|(_, task)| std::cmp::Reverse(by(task)));
    tasks.truncate(SHOWN_MAX);
    tasks
}

fn slowest(analysis: &Analysis) -> String {
    let tasks = first(analysis, |task| task.took.0);
    let row = |(path, task): &(&str, &TaskTime)| {
        let each = time::elapsed_ms(task.took.0.checked_div(task.count as u64).unwrap_or(0));
        let (took, longest) = (time::elapsed_ms(task.took.0), time::elapsed_ms(task.longest.0));
        [(*path).to_owned(), task.count.to_string(), took, each, longest]
    };
    let rows: Vec<[String; 5]> = tasks.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let right = Side::Right;
    let heads =
        [("TASK", Side::Left), ("TIMES", right), ("TOOK", right), ("ON AVERAGE", right), ("AT MOST", right)];
    table(heads, &rows)
}

fn retried(analysis: &Analysis) -> String {
    let tasks = first(analysis, |task| task.retries as u64);
    let row = |(path, task): &(&str, &TaskTime)| {
        let lost = time::elapsed_ms(task.lost.0);
        [(*path).to_owned(), task.retries.to_string(), task.attempts.to_string(), lost]
    };
    let rows: Vec<[String; 4]> = tasks.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let right = Side::Right;
    let heads =
        [("TASK", Side::Left), ("RETRIES", right), ("ATTEMPTS", right), ("LOST IN FAILED ONES", right)];
    table(heads, &rows)
}

fn waiting(analysis: &Analysis) -> String {
    let mut tasks = first(analysis, |task| task.waited_in_all().0);
    // What only came after other tasks is told where there is room.
    let held_back = first(analysis, |task| task.held_back_in_all().0);
    for task in held_back {
        if tasks.len() < SHOWN_MAX && tasks.iter().all(|(known, _)| *known != task.0) {
            tasks.push(task);
        }
    }
    let row = |(path, task): &(&str, &TaskTime)| {
        let mut causes: Vec<(Length, String)> =
            task.waited.iter().map(|(lack, length)| (*length, named(lack))).collect();
        causes.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        let mut before: Vec<_> = task.held_back.iter().filter(|(_, length)| length.0 > 0).collect();
        before.sort_by_key(|(_, length)| std::cmp::Reverse(**length));
        causes.extend(
            before.into_iter().take(1).map(|(task, length)| (*length, format!("`{task}` before it"))),
        );
        causes.retain(|(length, _)| length.0 > 0);
        let causes: Vec<String> = causes
            .into_iter()
            .map(|(length, cause)| format!("{} for {cause}", time::elapsed_ms(length.0)))
            .collect();
        [(*path).to_owned(), causes.join(", ")]
    };
    let rows: Vec<[String; 2]> = tasks.iter().map(row).filter(|row| !row[1].is_empty()).collect();
    if rows.is_empty() {
        return String::new();
    }
    table([("TASK", Side::Left), ("WAITED", Side::Left)], &rows)
}

fn over_asked(analysis: &Analysis) -> String {
    let mut lacks: Vec<_> = analysis.lacks.iter().filter(|(_, own)| own.covered.0 > 0).collect();
    lacks.sort_by_key(|(_, own)| std::cmp::Reverse(own.covered));
    let row = |(lack, own): &(&Lack, &crate::analysis::Lacking)| {
        let (share, waited) = (percent(analysis, own.covered), time::elapsed_ms(own.waited.0));
        [named_with_capacity(lack, analysis), share, own.waits.to_string(), waited]
    };
    let rows: Vec<[String; 4]> = lacks.iter().take(SHOWN_MAX).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let right = Side::Right;
    table([("WHAT", Side::Left), ("OF THE TIME", right), ("WAITS", right), ("TOGETHER", right)], &rows)
}

fn named(lack: &Lack) -> String {
    match lack {
        Lack::Place => "a place".to_owned(),
        Lack::Pool(pool) => format!("pool `{pool}`"),
        Lack::Lock(name) => format!("lock `{name}`"),
    }
}

fn named_with_capacity(lack: &Lack, analysis: &Analysis) -> String {
    match lack {
        Lack::Pool(pool) => match analysis.capacities.get(pool) {
            Some(units) => format!("pool `{pool}` ({units})"),
            None => named(lack),
        },
        Lack::Place => "places".to_owned(),
        Lack::Lock(_) => named(lack),
    }
}

/// Finds what has the largest share of the time on the chain that decided when the runs ended, in percent: of a resource the time in which tasks
/// there waited for it, of a task what it took there when it neither waited nor failed.
fn change(analysis: &Analysis) -> Option<(Change<'_>, u64)> {
    let mut lacked: BTreeMap<&Lack, u64> = BTreeMap::new();
    for (lack, length) in analysis.critical.iter().flat_map(|link| &link.lacked) {
        *lacked.entry(lack).or_default() += length.0;
    }
    let percent = |ms: u64| analysis.percent(Length(ms));
    let resources = lacked.into_iter().map(|(lack, ms)| (percent(ms), 2, Change::Resource(lack)));
    let links = analysis.critical.iter();
    let retries = links.clone().map(|link| (percent(link.lost.0), 1, Change::Retries(&link.path)));
    let tasks = links.map(|link| (percent(link.work().0), 0, Change::Task(&link.path)));
    let all = resources.chain(retries).chain(tasks).filter(|(percent, ..)| *percent >= WORTH_PERCENT);
    // Of equal shares the resource comes first: more of it costs no work on a task.
    all.max_by_key(|(percent, rank, _)| (*percent, *rank)).map(|(percent, _, change)| (change, percent))
}

fn advice(change: &Change<'_>, percent: u64, analysis: &Analysis) -> String {
    match change {
        Change::Resource(lack @ Lack::Pool(_)) => {
            let what = named_with_capacity(lack, analysis);
            format!(
                "give {what} more units, or hold them for less time: {percent} % of the time what it came down to waited for it"
            )
        }
        Change::Resource(lack @ Lack::Lock(_)) => {
            let what = named(lack);
            format!(
                "hold {what} for less time, or split it: {percent} % of the time what it came down to waited for it"
            )
        }
        Change::Resource(Lack::Place) => format!(
            "let more tasks run at a time (`--slots`, `max_parallel`), or let them ask for less of the machine: {percent} % of \
             the time what it came down to was ready and had no place"
        ),
        Change::Retries(task) => {
            format!(
                "find out why attempts of `{task}` fail: {percent} % of the time went into those that did"
            )
        }
        Change::Task(task) => {
            format!(
                "make `{task}` faster, or let it begin earlier: {percent} % of the time everything came down to it"
            )
        }
    }
}

/// Shows an analysis to scripts: all tasks, in milliseconds.
pub fn json(about: &About, analysis: &Analysis) -> Value {
    let lack = |lack: &Lack| match lack {
        Lack::Place => json!({"kind": "place"}),
        Lack::Pool(pool) => {
            json!({"kind": "pool", "name": pool.as_str(), "units": analysis.capacities.get(pool)})
        }
        Lack::Lock(name) => json!({"kind": "lock", "name": name}),
    };
    let with = |lacking: &Lack, ms: u64| {
        let mut shown = lack(lacking);
        shown["waited_ms"] = json!(ms);
        shown
    };
    let task = |(path, task): (&String, &TaskTime)| {
        let mut waited: Vec<Value> = task.waited.iter().map(|(lack, length)| with(lack, length.0)).collect();
        let before = task.held_back.iter();
        waited.extend(
            before.map(|(task, length)| json!({"kind": "task", "name": task, "waited_ms": length.0})),
        );
        let shown = json!({
            "count": task.count, "took_ms": task.took.0, "longest_ms": task.longest.0, "attempts": task.attempts,
            "retries": task.retries, "lost_ms": task.lost.0, "waited": waited,
        });
        (path.clone(), shown)
    };
    let critical = analysis.critical.iter().map(|link| {
        let percent = analysis.percent(link.total());
        json!({
            "task": link.path, "took_ms": link.took.0, "waited_ms": link.waited.0, "work_ms": link.work().0,
            "lost_ms": link.lost.0, "percent": percent,
        })
    });
    let resources = analysis.lacks.iter().map(|(what, own)| {
        let mut shown = with(what, own.waited.0);
        shown["waits"] = json!(own.waits);
        shown["covered_ms"] = json!(own.covered.0);
        shown["percent"] = json!(analysis.percent(own.covered));
        shown
    });
    let change = change(analysis).map(|(change, percent)| {
        let text = advice(&change, percent, analysis);
        match change {
            Change::Resource(what) => json!({"resource": lack(what), "percent": percent, "text": text}),
            Change::Retries(task) => json!({"retries": task, "percent": percent, "text": text}),
            Change::Task(task) => json!({"task": task, "percent": percent, "text": text}),
        }
    });
    json!({
        "workflow": about.workflow.as_str(),
        "run": about.run.as_ref().map(|(run, _)| run),
        "runs": analysis.runs,
        "interrupted": about.interrupted,
        "cut": about.is_cut,
        "wall_ms": analysis.wall.0,
        "critical": critical.collect::<Vec<_>>(),
        "tasks": analysis.tasks.iter().map(task).collect::<serde_json::Map<_, _>>(),
        "resources": resources.collect::<Vec<_>>(),
        "change": change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Link;

    fn link(path: String, took: u64) -> Link {
        let (none, lacked) = (Length(0), BTreeMap::new());
        Link { path, took: Length(took), waited: none, lacked, beside: none, lost: none }
    }

    #[test]
    fn of_many_equal_links_the_first_are_shown_in_their_order() {
        let mut links: Vec<Link> = (0..12).map(|index| link(format!("t{index}"), 5)).collect();
        links.push(link("long".into(), 40));
        let analysis = Analysis { critical: links, wall: Length(100), ..Analysis::default() };
        let shown = critical(&analysis);
        let tasks: Vec<&str> =
            shown.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(tasks, ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "long"]);
    }
}
