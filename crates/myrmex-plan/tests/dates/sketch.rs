//! Problems written in a line: `a 5; b 3 a; c 4 a:SS+2 b:FF-1`. A name, a length, then what it needs, by FS unless said. Lengths and lags
//! count in `unit`, in the calendar of the task.

use myrmex_plan::problem::{
    ALWAYS, Amount, Calendar, CalendarId, Cost, Direction, Estimate, Fact, Kind, Link, LinkKind, Mode,
    Moment, Problem, Source, Span, Split, Task, TaskId, Window,
};

pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) fn always() -> Calendar {
    let week = std::array::from_fn(|_| vec![(0, 1_440)]);
    let zone = "UTC".to_owned();
    Calendar { name: "always".to_owned(), zone, week, exceptions: Vec::new(), day: Span(24 * HOUR) }
}

/// Monday to Friday, 09:00 to 17:00 UTC.
pub(crate) fn office() -> Calendar {
    let mut week: [Vec<(u16, u16)>; 7] = std::array::from_fn(|_| vec![(540, 1_020)]);
    week[5].clear();
    week[6].clear();
    let zone = "UTC".to_owned();
    Calendar { name: "office".to_owned(), zone, week, exceptions: Vec::new(), day: Span(8 * HOUR) }
}

pub(crate) fn empty(start: Moment) -> Problem {
    Problem {
        start,
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

pub(crate) fn task(name: &str, length: Span, calendar: CalendarId) -> Task {
    let estimate =
        Estimate { amount: Amount::Duration(length), spread: None, group: None, source: Source::Author };
    let mode = Mode { name: None, estimate, pools: Vec::new(), crew: Vec::new(), consumes: Vec::new() };
    Task {
        name: name.to_owned(),
        kind: if length == Span(0) { Kind::Milestone } else { Kind::Manual },
        modes: vec![mode],
        calendar,
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

/// Returns the problem that `text` sketches: from instant 0, always open, in milliseconds.
pub(crate) fn problem(text: &str) -> Problem {
    sketch(text, empty(Moment(0)), ALWAYS, 1)
}

/// Returns the problem that `text` sketches in hours of the office, from `start` on.
pub(crate) fn in_office(text: &str, start: &str) -> Problem {
    let mut problem = empty(at(start));
    problem.calendars.push(office());
    sketch(text, problem, CalendarId(1), HOUR)
}

pub(crate) fn at(text: &str) -> Moment {
    Moment(format!("{text}:00Z").parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

pub(crate) fn id(problem: &Problem, name: &str) -> TaskId {
    let index = problem.tasks.iter().position(|task| task.name == name);
    TaskId(u32::try_from(index.unwrap_or_else(|| panic!("no task `{name}`"))).unwrap())
}

pub(crate) fn of<'a>(problem: &'a mut Problem, name: &str) -> &'a mut Task {
    let id = id(problem, name);
    &mut problem.tasks[id.at()]
}

fn sketch(text: &str, mut problem: Problem, calendar: CalendarId, unit: i64) -> Problem {
    let lines: Vec<Vec<&str>> = text.split(';').map(|line| line.split_whitespace().collect()).collect();
    for line in &lines {
        let length: i64 = line[1].parse().unwrap();
        problem.tasks.push(task(line[0], Span(length * unit), calendar));
    }
    for line in &lines {
        let to = id(&problem, line[0]);
        for need in &line[2..] {
            let (from, kind, lag) = link(need);
            let from = id(&problem, from);
            problem.links.push(Link { from, to, kind, lag: Span(lag * unit), calendar });
        }
    }
    problem
}

fn link(need: &str) -> (&str, LinkKind, i64) {
    let Some((from, rest)) = need.split_once(':') else { return (need, LinkKind::FinishStart, 0) };
    let kind = match &rest[..2] {
        "FS" => LinkKind::FinishStart,
        "SS" => LinkKind::StartStart,
        "FF" => LinkKind::FinishFinish,
        "SF" => LinkKind::StartFinish,
        other => panic!("no kind of link `{other}`"),
    };
    (from, kind, if rest.len() == 2 { 0 } else { rest[2..].parse().unwrap() })
}
