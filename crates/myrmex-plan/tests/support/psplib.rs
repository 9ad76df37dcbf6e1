//! Reads the public instances in the formats of PSPLIB: `.sm`, `.mm`, and the `.mm` of MMLIB.

use myrmex_plan::problem::{
    ALWAYS, Amount, Budget, BudgetId, Calendar, Cost, Direction, Estimate, Fact, Kind, Link, LinkKind, Mode,
    Moment, Pool, PoolId, Problem, Source, Span, Split, Task, TaskId, Window,
};

/// How long a period of an instance is here: an hour. Nothing depends on it.
pub(crate) const PERIOD: i64 = 3_600_000;

/// Returns the calendar that is always open.
pub(crate) fn always() -> Calendar {
    let day = || vec![(0, 1_440)];
    Calendar {
        name: "always".to_owned(),
        zone: "UTC".to_owned(),
        week: [day(), day(), day(), day(), day(), day(), day()],
        exceptions: Vec::new(),
        day: Span(86_400_000),
    }
}

/// Returns a problem without tasks that begins at 0.
pub(crate) fn blank() -> Problem {
    Problem {
        start: Moment(0),
        deadline: None,
        near: Span(0),
        direction: Direction::Early,
        tasks: Vec::new(),
        links: Vec::new(),
        calendars: vec![always()],
        pools: Vec::new(),
        people: Vec::new(),
        roles: Vec::new(),
        budgets: Vec::new(),
        phases: Vec::new(),
        risks: Vec::new(),
        groups: Vec::new(),
    }
}

/// Returns a task with `modes`.
pub(crate) fn task(name: &str, modes: Vec<Mode>) -> Task {
    Task {
        name: name.to_owned(),
        kind: Kind::Automated,
        modes,
        calendar: ALWAYS,
        split: Split::Closed,
        window: Window::default(),
        due: None,
        priority: 0,
        phase: None,
        spans: None,
        fact: Fact::Open,
        cost: Cost::default(),
    }
}

/// Returns a mode that lasts so long.
pub(crate) fn mode(amount: Amount) -> Mode {
    Mode {
        name: None,
        estimate: Estimate { amount, spread: None, group: None, source: Source::Author },
        pools: Vec::new(),
        crew: Vec::new(),
        consumes: Vec::new(),
    }
}

/// Returns a link from a finish to a start.
pub(crate) fn link(from: u32, to: u32) -> Link {
    Link { from: TaskId(from), to: TaskId(to), kind: LinkKind::FinishStart, lag: Span(0), calendar: ALWAYS }
}

/// Reads an instance.
///
/// # Panics
///
/// Panics if the text is not one.
pub(crate) fn read(text: &str) -> Problem {
    let lines: Vec<&str> = text.lines().collect();
    let section = |name: &str| {
        lines.iter().position(|line| line.trim().starts_with(name)).unwrap_or_else(|| panic!("{name}"))
    };
    let mut problem = blank();
    for row in rows(&lines[section("PRECEDENCE")..]) {
        let from = row[0] - 1;
        problem.tasks.push(task(&format!("job {}", row[0]), Vec::new()));
        problem.links.extend(row[3..].iter().map(|to| link(number(from), number(to - 1))));
    }
    let available = section_of_capacity(&lines);
    let names: Vec<&str> = available.0.split_whitespace().step_by(2).collect();
    let mut current = 0;
    for row in rows(&lines[section("REQUESTS")..]) {
        // The number of the job stands on the line of its first mode only.
        let has_job = row.len() == names.len() + 3;
        if has_job {
            current = usize::try_from(row[0] - 1).unwrap();
        }
        let row = if has_job { &row[1..] } else { &row[..] };
        problem.tasks[current].modes.push(way(&row[1..], &names, row[0]));
    }
    for (name, amount) in names.iter().zip(available.1) {
        let amount = number(amount);
        if *name == "R" {
            let name = format!("R{}", problem.pools.len() + 1);
            problem.pools.push(Pool { name, capacity: amount, calendar: ALWAYS, rate: None });
        } else {
            problem.budgets.push(Budget { name: format!("N{}", problem.budgets.len() + 1), amount });
        }
    }
    problem
}

fn way(row: &[i64], names: &[&str], number_of: i64) -> Mode {
    let mut mode = mode(Amount::Duration(Span(row[0] * PERIOD)));
    mode.name = Some(number_of.to_string());
    let (mut pools, mut budgets) = (0, 0);
    for (name, units) in names.iter().zip(&row[1..]) {
        if *name == "R" {
            mode.pools.push((PoolId(pools), number(*units)));
            pools += 1;
        } else {
            mode.consumes.push((BudgetId(budgets), number(*units)));
            budgets += 1;
        }
    }
    mode
}

fn section_of_capacity<'a>(lines: &[&'a str]) -> (&'a str, Vec<i64>) {
    let at = lines
        .iter()
        .position(|line| line.replace(' ', "").starts_with("RESOURCEAVAIL"))
        .expect("it has capacities");
    (lines[at + 1], numbers(lines[at + 2]))
}

/// Returns the rows of numbers up to the line of stars.
fn rows(lines: &[&str]) -> Vec<Vec<i64>> {
    let within = lines.iter().skip(1).take_while(|line| !line.starts_with('*'));
    within.map(|line| numbers(line)).filter(|row| !row.is_empty()).collect()
}

/// Returns the numbers of a line that holds nothing else.
fn numbers(line: &str) -> Vec<i64> {
    line.split_whitespace().map(str::parse).collect::<Result<_, _>>().unwrap_or_default()
}

fn number(value: i64) -> u32 {
    u32::try_from(value).expect("it is a count")
}
