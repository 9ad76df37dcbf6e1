//! How long a task lasts in one of its modes, before anybody is assigned to it.

use std::cmp::Reverse;

use crate::problem::{Amount, Ask, Mode, Problem, Span, Task, WHOLE};

/// Returns the open time that a task lasts in `mode`. Person time is shared by the people it asks for, the fastest of each role: nobody who
/// is assigned later makes it shorter. Person time that asks for nobody is one person's.
pub fn of_mode(problem: &Problem, mode: &Mode) -> Span {
    match mode.estimate.amount {
        Amount::Duration(duration) => duration,
        Amount::Effort(effort) => {
            let units: u64 = mode.crew.iter().map(|ask| units(problem, ask)).sum();
            match i64::try_from(units) {
                Ok(units) if units > 0 => {
                    let whole = i128::from(effort.0) * i128::from(WHOLE);
                    let shared = (whole + i128::from(units) - 1).div_euclid(i128::from(units));
                    Span(i64::try_from(shared).unwrap_or(i64::MAX))
                }
                Ok(_) | Err(_) => effort,
            }
        }
    }
}

/// Returns for each task how long it lasts in its author's mode; nothing, if it lasts as long as others do.
pub fn of_first_modes(problem: &Problem) -> Vec<Span> {
    let tasks = problem.tasks.iter();
    tasks
        .map(|task| match (task.spans, task.modes.first()) {
            (None, Some(mode)) => of_mode(problem, mode),
            (Some(_), _) | (None, None) => Span(0),
        })
        .collect()
}

/// Returns for each task the least that it can last in any of its modes; nothing, if it lasts as long as others do.
pub fn least(problem: &Problem) -> Vec<Span> {
    let least = |task: &Task| task.modes.iter().map(|mode| of_mode(problem, mode)).min();
    let tasks = problem.tasks.iter();
    tasks.map(|task| if task.spans.is_some() { None } else { least(task) }.unwrap_or_default()).collect()
}

/// Returns how much the fastest members of a role give together, in thousandths of a person.
fn units(problem: &Problem, ask: &Ask) -> u64 {
    let members = problem.roles[ask.role.at()].members.iter();
    let mut units: Vec<u32> = members.map(|person| problem.people[person.at()].units).collect();
    units.sort_unstable_by_key(|units| Reverse(*units));
    let fastest = units.into_iter().take(ask.count as usize);
    fastest.map(|units| u64::from(units) * u64::from(ask.units) / u64::from(WHOLE)).sum()
}
