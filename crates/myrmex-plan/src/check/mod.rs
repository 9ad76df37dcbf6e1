//! Why a problem has no plan: each reason with what is asked for, what there is, and what to do about it.
//!
//! What is told here is certain: it holds whatever anybody decides. Not all that is impossible is told; whether two or more consumables
//! suffice for all tasks together is left to the search. `quality` looks at plans that are possible but not good.

mod lags;
mod people;
mod quality;

use std::collections::BTreeMap;
use std::fmt;

pub use quality::{Finding, Status, findings};

use crate::calendar::{CalendarError, Calendars, OpenTime};
use crate::critical::{Critical, CriticalError, Driver, Setting, analyse, with_calendars};
use crate::length;
use crate::network::{Cycle, Network};
use crate::problem::{
    BudgetId, CalendarId, Fact, Mode, Moment, PhaseId, PoolId, Problem, Span, Split, Task, TaskId,
};

/// A reason why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Of which kind.
    pub kind: ReasonKind,
    /// The tasks that are concerned, in the order in which they are to be read.
    pub tasks: Vec<TaskId>,
    /// The name of the pool, role, consumable, phase or calendar that falls short.
    pub resource: Option<String>,
    /// What is asked for.
    pub need: Option<Measure>,
    /// What there is.
    pub have: Option<Measure>,
    /// What to do about it.
    pub suggestion: String,
}

/// What kind of reason there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonKind {
    /// Tasks wait for each other, or their lags cannot hold together.
    Cycle,
    /// More is asked for at a time than there ever is.
    Capacity,
    /// A task cannot lie within its window or its calendar.
    Window,
    /// More is used up than there is.
    Consumable,
}

impl ReasonKind {
    /// Returns its name in the outcome of a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::Capacity => "capacity",
            Self::Window => "window",
            Self::Consumable => "consumable",
        }
    }
}

/// An amount that is asked for, or that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Units of a pool or a consumable, people, or tasks.
    Count(u64),
    /// People in thousandths.
    People(u64),
    /// An instant.
    Instant(Moment),
    /// A length of time.
    Time(Span),
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::People(thousandths) => write!(f, "{}.{:03}", thousandths / 1_000, thousandths % 1_000),
            Self::Instant(moment) => write!(f, "{moment}"),
            Self::Time(span) => write!(f, "{}ms", span.0),
        }
    }
}

/// Returns all reasons that are certain, those of the first kind first, then by task; none if there may be a plan.
///
/// # Errors
///
/// Returns what is wrong with a calendar that means nothing.
pub fn infeasible(problem: &Problem) -> Result<Vec<Reason>, CalendarError> {
    let mut reasons = Vec::new();
    let network = match Network::new(problem) {
        Ok(network) => Some(network),
        Err(cycle) => {
            reasons.push(lags::reason(problem, &cycle));
            None
        }
    };
    let range = problem.start..Moment(problem.start.0.saturating_add(SEEN));
    let calendars = Calendars::compile(problem, range)?;
    let mut open = OpenTimes { calendars: &calendars, known: BTreeMap::new() };
    for task in (0..).map(TaskId).take(problem.tasks.len()) {
        let written = &problem.tasks[task.at()];
        if written.fact == Fact::Open && written.spans.is_none() {
            reasons.extend(capacity(problem, &mut open, task, written));
        }
    }
    if let Some(network) = &network {
        windows(problem, network, &mut reasons)?;
    }
    consumables(problem, &mut reasons);
    reasons.sort_by_key(|reason| reason.kind);
    Ok(reasons)
}

/// For how long from the start on calendars are looked at for any open time: ten years, beyond which nobody writes leave or holidays.
const SEEN: i64 = 10 * 365 * 86_400_000;

/// The open time of sets of calendars, each computed once.
struct OpenTimes<'a> {
    calendars: &'a Calendars,
    known: BTreeMap<Vec<CalendarId>, OpenTime>,
}

impl OpenTimes<'_> {
    fn of(&mut self, mut calendars: Vec<CalendarId>) -> &OpenTime {
        calendars.sort_unstable();
        calendars.dedup();
        let Self { calendars: compiled, known } = self;
        known.entry(calendars).or_insert_with_key(|calendars| {
            let all: Vec<&OpenTime> = calendars.iter().map(|calendar| compiled.of(*calendar)).collect();
            OpenTime::intersection(&all)
        })
    }
}

/// Returns what keeps `task` from being done in its first mode, if it can be done in none.
fn capacity(problem: &Problem, open: &mut OpenTimes<'_>, task: TaskId, written: &Task) -> Option<Reason> {
    if let Some(PhaseId(phase)) = written.phase
        && problem.phases[phase as usize].max_parallel == Some(0)
    {
        let name = &problem.phases[phase as usize].name;
        return Some(Reason {
            kind: ReasonKind::Capacity,
            tasks: vec![task],
            resource: Some(name.clone()),
            need: Some(Measure::Count(1)),
            have: Some(Measure::Count(0)),
            suggestion: format!("let at least one task of `{name}` be under way at a time"),
        });
    }
    let mut first = None;
    for mode in &written.modes {
        let reason = of_mode(problem, open, task, written, mode)?;
        first = first.or(Some(reason));
    }
    first
}

fn of_mode(
    problem: &Problem,
    open: &mut OpenTimes<'_>,
    task: TaskId,
    written: &Task,
    mode: &Mode,
) -> Option<Reason> {
    for (PoolId(pool), need) in mode.pools.iter().copied() {
        let pool = &problem.pools[pool as usize];
        if need > pool.capacity {
            return Some(Reason {
                kind: ReasonKind::Capacity,
                tasks: vec![task],
                resource: Some(pool.name.clone()),
                need: Some(Measure::Count(need.into())),
                have: Some(Measure::Count(pool.capacity.into())),
                suggestion: format!(
                    "let `{}` ask for at most {} of `{}`, or make that larger",
                    written.name, pool.capacity, pool.name
                ),
            });
        }
    }
    let mut calendars = vec![written.calendar];
    calendars.extend(mode.pools.iter().map(|(pool, _)| problem.pools[pool.at()].calendar));
    if let Some(reason) = open_time(problem, open, task, written, mode, &calendars) {
        return Some(reason);
    }
    people::reason(problem, open, task, mode, &calendars)
}

/// Finds out whether `calendars` leave a task any time, and if it may not pause, enough of it at a time.
fn open_time(
    problem: &Problem,
    open: &mut OpenTimes<'_>,
    task: TaskId,
    written: &Task,
    mode: &Mode,
    calendars: &[CalendarId],
) -> Option<Reason> {
    let common = open.of(calendars.to_vec());
    let length = length::of_mode(problem, mode);
    let longest = common.longest()?;
    let is_whole = match written.split {
        Split::Never => true,
        Split::Closed | Split::Any => false,
    };
    let is_short = length > Span(0) && (longest == Span(0) || is_whole && length > longest);
    is_short.then(|| {
        let names: Vec<String> =
            calendars.iter().map(|calendar| format!("`{}`", problem.calendars[calendar.at()].name)).collect();
        let name = &written.name;
        let suggestion = if longest == Span(0) {
            format!(
                "open {} at the same time: `{name}` can proceed only while all of them are",
                names.join(", ")
            )
        } else {
            format!(
                "let `{name}` pause while it is closed (`split: closed`), or open {} for longer",
                names.join(", ")
            )
        };
        Reason {
            kind: ReasonKind::Capacity,
            tasks: vec![task],
            resource: Some(problem.calendars[written.calendar.at()].name.clone()),
            need: Some(Measure::Time(length)),
            have: Some(Measure::Time(longest)),
            suggestion,
        }
    })
}

/// Compares windows with the earliest dates that any modes give, capacity apart.
fn windows(problem: &Problem, network: &Network, reasons: &mut Vec<Reason>) -> Result<(), CalendarError> {
    let lengths = length::least(problem);
    let dates = with_calendars(problem, |calendars| {
        analyse(&Setting { problem, network, calendars, lengths: &lengths })
    });
    let critical = match dates {
        Ok(critical) => critical,
        Err(CriticalError::Calendar(error)) => return Err(error),
        Err(CriticalError::Beyond { task, name }) => {
            let calendar = &problem.calendars[problem.tasks[task.at()].calendar.at()].name;
            if reasons.iter().all(|reason| reason.tasks != [task]) {
                reasons.push(Reason {
                    kind: ReasonKind::Window,
                    tasks: vec![task],
                    resource: Some(calendar.clone()),
                    need: Some(Measure::Time(lengths[task.at()])),
                    have: None,
                    suggestion: format!("open `{calendar}` for longer, or shorten `{name}`"),
                });
            }
            return Ok(());
        }
        Err(CriticalError::Cycle(Cycle { .. })) => return Ok(()),
    };
    for task in (0..).map(TaskId).take(problem.tasks.len()) {
        reasons.extend(window(problem, &critical, task));
    }
    Ok(())
}

fn window(problem: &Problem, critical: &Critical, task: TaskId) -> Option<Reason> {
    let written = &problem.tasks[task.at()];
    let dates = critical.tasks[task.at()]?;
    if matches!(written.fact, Fact::Finished { .. }) {
        return None;
    }
    let is_open = written.fact == Fact::Open;
    let start = written.window.must_start.filter(|start| is_open && dates.early_start > *start);
    let finish = written.window.finish_before.filter(|finish| dates.early_finish > *finish);
    let (what, need, have) = match (start, finish) {
        (Some(start), _) => ("begin at", dates.early_start, start),
        (None, Some(finish)) => ("end up to", dates.early_finish, finish),
        (None, None) => return None,
    };
    let tasks = behind(critical, task);
    let before: Vec<String> =
        tasks[1..].iter().map(|task| format!("`{}`", problem.tasks[task.at()].name)).collect();
    let shorten = if before.is_empty() {
        String::new()
    } else {
        format!(", or shorten what it waits for: {}", before.join(", "))
    };
    Some(Reason {
        kind: ReasonKind::Window,
        tasks,
        resource: None,
        need: Some(Measure::Instant(need)),
        have: Some(Measure::Instant(have)),
        suggestion: format!("let `{}` {what} {need} instead of {have}{shorten}", written.name),
    })
}

/// Returns `task` and the tasks that drive it, one after the other.
fn behind(critical: &Critical, task: TaskId) -> Vec<TaskId> {
    let mut tasks = vec![task];
    let mut at = task;
    while let Some(Driver::Predecessor { task, .. }) = critical.tasks[at.at()].map(|dates| dates.driver) {
        tasks.push(task);
        at = task;
    }
    tasks
}

/// Compares what is used up at least, each task in the mode that takes least, with what there is.
fn consumables(problem: &Problem, reasons: &mut Vec<Reason>) {
    for (index, budget) in (0..).map(BudgetId).zip(&problem.budgets) {
        let of_mode = |mode: &Mode| -> u64 {
            let taken = mode.consumes.iter().filter(|(id, _)| *id == index);
            taken.map(|(_, amount)| u64::from(*amount)).sum()
        };
        let least = |task: &Task| match task.fact {
            Fact::Dropped => 0,
            Fact::Open => task.modes.iter().map(of_mode).min().unwrap_or(0),
            // What began in its author's mode has taken what that takes.
            Fact::Started { .. } | Fact::Finished { .. } => task.modes.first().map_or(0, of_mode),
        };
        let need: u64 = problem.tasks.iter().map(least).sum();
        let have = u64::from(budget.amount);
        if need > have {
            let users = (0..).map(TaskId).zip(&problem.tasks).filter(|(_, task)| least(task) > 0);
            reasons.push(Reason {
                kind: ReasonKind::Consumable,
                tasks: users.map(|(task, _)| task).collect(),
                resource: Some(budget.name.clone()),
                need: Some(Measure::Count(need)),
                have: Some(Measure::Count(have)),
                suggestion: format!(
                    "provide {} more of `{}`, or let these tasks use less",
                    need - have,
                    budget.name
                ),
            });
        }
    }
}
