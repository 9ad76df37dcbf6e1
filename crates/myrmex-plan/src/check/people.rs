//! Whether the people that a mode asks for exist.

use super::{Measure, OpenTimes, Reason, ReasonKind};
use crate::problem::{Ask, CalendarId, Mode, PersonId, Problem, TaskId, WHOLE};

/// Returns what keeps a task from having its crew: of the first ask that cannot be met, else of all together.
pub(super) fn reason(
    problem: &Problem,
    open: &mut OpenTimes<'_>,
    task: TaskId,
    mode: &Mode,
    calendars: &[CalendarId],
) -> Option<Reason> {
    let mut all: Vec<PersonId> = Vec::new();
    for ask in &mode.crew {
        let able = able(problem, ask);
        let mut at_work = able.clone();
        at_work.retain(|person| {
            let mut common = calendars.to_vec();
            common.push(problem.people[person.at()].calendar);
            !open.of(common).is_never()
        });
        if at_work.len() < ask.count as usize {
            return Some(of_ask(problem, task, ask, able.len(), at_work.len()));
        }
        all.extend(at_work);
    }
    all.sort_unstable();
    all.dedup();
    let need: u64 = mode.crew.iter().map(|ask| u64::from(ask.count) * u64::from(ask.units)).sum();
    let have = all.len() as u64 * u64::from(WHOLE);
    (need > have).then(|| {
        let roles: Vec<String> =
            mode.crew.iter().map(|ask| format!("`{}`", problem.roles[ask.role.at()].name)).collect();
        Reason {
            kind: ReasonKind::Capacity,
            tasks: vec![task],
            resource: mode.crew.first().map(|ask| problem.roles[ask.role.at()].name.clone()),
            need: Some(Measure::People(need)),
            have: Some(Measure::People(have)),
            suggestion: format!(
                "add people to {}: the same ones have all of these roles and cannot be in two places",
                roles.join(", ")
            ),
        }
    })
}

/// Returns the members of the role that have the skills.
fn able(problem: &Problem, ask: &Ask) -> Vec<PersonId> {
    let has = |person: &PersonId| {
        let skills = &problem.people[person.at()].skills;
        ask.skills.iter().all(|(name, level)| skills.iter().any(|(had, at)| had == name && at >= level))
    };
    let mut able: Vec<PersonId> = problem.roles[ask.role.at()].members.iter().copied().filter(has).collect();
    able.sort_unstable();
    able.dedup();
    able
}

fn of_ask(problem: &Problem, task: TaskId, ask: &Ask, able: usize, at_work: usize) -> Reason {
    let role = &problem.roles[ask.role.at()];
    let skills: Vec<String> =
        ask.skills.iter().map(|(name, level)| format!("`{name}` of at least {level}")).collect();
    let name = &role.name;
    let suggestion = if able < ask.count as usize && !skills.is_empty() && role.members.len() > able {
        format!("find people with the role `{name}` and the skill {}, or ask for less", skills.join(" and "))
    } else if able < ask.count as usize {
        format!("give the role `{name}` to {} more, or ask for fewer", ask.count as usize - able)
    } else {
        format!("let the calendars of people with the role `{name}` be open while that of the task is")
    };
    Reason {
        kind: ReasonKind::Capacity,
        tasks: vec![task],
        resource: Some(name.clone()),
        need: Some(Measure::Count(ask.count.into())),
        have: Some(Measure::Count(at_work as u64)),
        suggestion,
    }
}
