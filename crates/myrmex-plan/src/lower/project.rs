//! What stands around the graph: calendars, people, pools, phases, risks. A workflow has little of it.

use myrmex_model::name::Name;
use myrmex_model::planning::{self, Hours, Millionths, Project, RiskKind, RiskStatus};

use super::{Asked, Builder, LowerError, Names, date};
use crate::network::End;
use crate::problem::{
    ALWAYS, Amount, Budget, BudgetId, Calendar, CalendarId, Direction, Exception, Group, GroupId, Impact,
    Money, Person, PersonId, Phase, PhaseId, Pool, PoolId, Problem, Risk, Role, RoleId, Span, Spread,
};

/// A day of 24 hours, in milliseconds.
const DAY: i64 = 86_400_000;
/// The name of the pool that slots are.
const SLOTS: &str = "slots";

/// Returns a builder with everything but tasks in its problem.
pub(super) fn begin<'a>(asked: &Asked<'a>) -> Result<Builder<'a>, LowerError> {
    let problem = Problem {
        start: asked.start,
        deadline: None,
        near: Span(0),
        direction: Direction::Early,
        tasks: Vec::new(),
        links: Vec::new(),
        calendars: vec![whole_days("always", [true; 7], (0, 1_440), Span(DAY))],
        pools: Vec::new(),
        people: Vec::new(),
        roles: Vec::new(),
        budgets: Vec::new(),
        phases: Vec::new(),
        risks: Vec::new(),
        groups: Vec::new(),
    };
    let mut builder = Builder {
        asked: *asked,
        problem,
        notes: std::collections::BTreeSet::new(),
        names: Names::default(),
        rough: super::rough::Rough::default(),
        ends: std::collections::BTreeMap::new(),
    };
    if let Some(project) = asked.definition.project.as_deref() {
        calendars(&mut builder, project)?;
        people(&mut builder, project)?;
        parts(&mut builder, project);
        resources(&mut builder, project)?;
    }
    dates(&mut builder, asked.definition.project.as_deref())?;
    let definitions = std::iter::once(asked.definition).chain(asked.called.values());
    for (name, capacity) in definitions.flat_map(|definition| &definition.pools) {
        pool(&mut builder, name.as_str(), *capacity, ALWAYS, None);
    }
    if let Some(slots) = asked.slots {
        builder.names.slots = Some(pool(&mut builder, SLOTS, slots, ALWAYS, None));
    }
    Ok(builder)
}

/// Adds a pool unless there is one of that name already: what the workspace says comes before what a workflow says.
fn pool(
    builder: &mut Builder<'_>,
    name: &str,
    capacity: u32,
    calendar: CalendarId,
    rate: Option<Money>,
) -> PoolId {
    if let Some(pool) = builder.names.pools.get(name) {
        return *pool;
    }
    let capacity = builder.asked.given.pools.get(name).copied().unwrap_or(capacity);
    let id = PoolId(place(builder.problem.pools.len()));
    builder.names.pools.insert(name.to_owned(), id);
    builder.problem.pools.push(Pool { name: name.to_owned(), capacity, calendar, rate });
    id
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("names of a definition are counted in 32 bits")
}

fn whole_days(name: &str, days: [bool; 7], hours: (u16, u16), day: Span) -> Calendar {
    let week = days.map(|is_open| if is_open { vec![hours] } else { Vec::new() });
    Calendar { name: name.to_owned(), zone: "UTC".to_owned(), week, exceptions: Vec::new(), day }
}

fn calendars(builder: &mut Builder<'_>, project: &Project) -> Result<(), LowerError> {
    let hours = |hours: &Vec<Hours>| hours.iter().map(|hours| (hours.from, hours.to)).collect::<Vec<_>>();
    for said in &project.resources.calendars {
        let exceptions = said.exceptions.iter();
        let exceptions =
            exceptions.map(|said| Exception { from: said.from, to: said.to, hours: hours(&said.hours) });
        let calendar = Calendar {
            name: said.name.to_string(),
            zone: said.zone.clone(),
            week: said.week.each_ref().map(hours),
            exceptions: exceptions.collect(),
            day: Span(i64::try_from(said.day.0).unwrap_or(i64::MAX)),
        };
        let id = CalendarId(place(builder.problem.calendars.len()));
        builder.names.calendars.insert(said.name.clone(), id);
        builder.problem.calendars.push(calendar);
    }
    let people = if let Some(name) = &project.calendar {
        named(builder, Some(name), ALWAYS)?
    } else {
        // Monday to Friday, 09:00 to 17:00.
        let days = [true, true, true, true, true, false, false];
        builder.problem.calendars.push(whole_days("standard", days, (540, 1_020), Span(DAY / 3)));
        CalendarId(place(builder.problem.calendars.len() - 1))
    };
    builder.names.people = Some(people);
    Ok(())
}

/// Returns the calendar `name`, or `usual` if there is no name.
fn named(builder: &Builder<'_>, name: Option<&Name>, usual: CalendarId) -> Result<CalendarId, LowerError> {
    let Some(name) = name else { return Ok(usual) };
    if name.as_str() == "always" {
        return Ok(ALWAYS);
    }
    let unknown =
        || LowerError::Unknown { path: builder.asked.definition.name.to_string(), name: name.clone() };
    builder.names.calendars.get(name).copied().ok_or_else(unknown)
}

fn dates(builder: &mut Builder<'_>, project: Option<&Project>) -> Result<(), LowerError> {
    let calendar = &builder.problem.calendars[builder.names.people.unwrap_or(ALWAYS).at()];
    let path = builder.asked.definition.name.as_str();
    let instant = |said: Option<planning::Date>, end| {
        said.map(|said| date::instant(said, calendar, end, path)).transpose()
    };
    let given = builder.asked.given;
    let said = instant(project.and_then(|project| project.start), End::Start)?;
    let start = instant(given.start, End::Start)?.or(said.max(Some(builder.problem.start)));
    let deadline = given.deadline.or_else(|| project?.deadline);
    let deadline = instant(deadline, End::Finish)?;
    let near = project.and_then(|project| project.near);
    let near = near.map_or(Span(0), |near| Span(near.millis(calendar.day.0)));
    builder.problem.start = start.unwrap_or(builder.problem.start);
    builder.problem.deadline = deadline;
    builder.problem.near = near;
    builder.problem.direction = match project.map(|project| project.direction).unwrap_or_default() {
        planning::Direction::Early => Direction::Early,
        planning::Direction::Late => Direction::Late,
    };
    Ok(())
}

fn people(builder: &mut Builder<'_>, project: &Project) -> Result<(), LowerError> {
    let usual = builder.names.people.unwrap_or(ALWAYS);
    let mut known = std::collections::BTreeMap::new();
    for said in &project.resources.people {
        let own = named(builder, said.calendar.as_ref(), usual)?;
        let calendar = without_leave(builder, own, said);
        let of_role = project.resources.roles.iter().filter(|role| role.members.contains(&said.name));
        let rate = said.rate.or_else(|| of_role.clone().find_map(|role| role.rate));
        known.insert(said.name.clone(), PersonId(place(builder.problem.people.len())));
        builder.problem.people.push(Person {
            name: said.name.to_string(),
            calendar,
            units: builder.asked.given.people.get(said.name.as_str()).copied().unwrap_or(said.units.0),
            day_limit: said.day_limit.map(|limit| Span(i64::try_from(limit.0).unwrap_or(i64::MAX))),
            skills: said.skills.iter().map(|(name, level)| (name.to_string(), *level)).collect(),
            rate: rate.map(|price| price.money),
            is_placeholder: false,
        });
    }
    for said in &project.resources.roles {
        let mut members: Vec<PersonId> =
            said.members.iter().filter_map(|name| known.get(name).copied()).collect();
        let calendar = named(builder, said.calendar.as_ref(), usual)?;
        for number in 1..=said.placeholders {
            members.push(PersonId(place(builder.problem.people.len())));
            builder.problem.people.push(Person {
                name: format!("{} {number}", said.name),
                calendar,
                units: crate::problem::WHOLE,
                day_limit: None,
                skills: Vec::new(),
                rate: said.rate.map(|price| price.money),
                is_placeholder: true,
            });
        }
        builder.names.roles.insert(said.name.clone(), RoleId(place(builder.problem.roles.len())));
        builder.problem.roles.push(Role { name: said.name.to_string(), members });
    }
    Ok(())
}

/// Returns the calendar of a person: `own`, or one that is closed on their leave too.
fn without_leave(builder: &mut Builder<'_>, own: CalendarId, said: &planning::Person) -> CalendarId {
    if said.leave.is_empty() {
        return own;
    }
    let mut calendar = builder.problem.calendars[own.at()].clone();
    calendar.name = format!("{} of {}", calendar.name, said.name);
    let leave = said.leave.iter().map(|(from, to)| Exception { from: *from, to: *to, hours: Vec::new() });
    calendar.exceptions.extend(leave);
    builder.problem.calendars.push(calendar);
    CalendarId(place(builder.problem.calendars.len() - 1))
}

fn parts(builder: &mut Builder<'_>, project: &Project) {
    for said in &project.phases {
        if said.capacity.is_some() {
            let what = "the points of its tasks under way are not bounded in the plan".to_owned();
            builder.notes.insert(super::Note { path: said.name.to_string(), what });
        }
        builder.names.phases.insert(said.name.clone(), PhaseId(place(builder.problem.phases.len())));
        builder.problem.phases.push(Phase { name: said.name.to_string(), max_parallel: said.max_parallel });
    }
    for (name, correlation) in &project.correlations {
        builder.names.groups.insert(name.clone(), GroupId(place(builder.problem.groups.len())));
        builder.problem.groups.push(Group { name: name.to_string(), correlation: correlation.0 });
    }
}

fn resources(builder: &mut Builder<'_>, project: &Project) -> Result<(), LowerError> {
    for said in &project.resources.pools {
        let calendar = named(builder, said.calendar.as_ref(), ALWAYS)?;
        pool(builder, said.name.as_str(), said.capacity, calendar, said.rate.map(|price| price.money));
    }
    for (name, amount) in &project.resources.budgets {
        builder.names.budgets.insert(name.clone(), BudgetId(place(builder.problem.budgets.len())));
        builder.problem.budgets.push(Budget { name: name.to_string(), amount: *amount });
    }
    Ok(())
}

/// Adds the risks, which name tasks. A block that one lengthens ends later: its finish takes that time.
pub(super) fn end(builder: &mut Builder<'_>, asked: &Asked<'_>) -> Result<(), LowerError> {
    let Some(project) = asked.definition.project.as_deref() else { return Ok(()) };
    for said in &project.risks {
        let probability = match said.status {
            RiskStatus::Open => said.probability,
            RiskStatus::Triggered => Millionths::WHOLE,
            RiskStatus::Closed => continue,
        };
        let mut affects = Vec::new();
        for impact in &said.affects {
            let unknown = || LowerError::Unknown { path: said.name.to_string(), name: impact.task.clone() };
            let task = builder.ends.get(&impact.task).copied().ok_or_else(unknown)?.finish;
            let calendar = builder.problem.tasks[task.at()].calendar;
            let day = builder.problem.calendars[calendar.at()].day.0;
            let time = impact.time.map(|time| spread(&time, day, said.kind));
            if said.status == RiskStatus::Triggered
                && let Some(Spread::Pert(_, likely, _)) = &time
            {
                lengthen(builder, task, *likely);
            }
            let sign = if said.kind == RiskKind::Threat { 1 } else { -1 };
            let cost = impact.cost.map(|price| Money(price.money.0.saturating_mul(sign)));
            affects.push(Impact { task, time, cost });
        }
        builder.problem.risks.push(Risk { name: said.name.to_string(), probability: probability.0, affects });
    }
    Ok(())
}

/// Returns how much longer a risk makes a task; an opportunity makes it shorter.
fn spread(time: &planning::ThreePoint, day: i64, kind: RiskKind) -> Spread {
    let [low, likely, high] =
        [time.optimistic, time.likely, time.pessimistic].map(|extent| extent.millis(day));
    match kind {
        RiskKind::Threat => Spread::Pert(Span(low), Span(likely), Span(high)),
        RiskKind::Opportunity => Spread::Pert(Span(-high), Span(-likely), Span(-low)),
    }
}

/// Lets the dates count what a risk that has come true likely takes. Samples draw it with the risk, so without it they begin.
fn lengthen(builder: &mut Builder<'_>, task: crate::problem::TaskId, by: Span) {
    for mode in &mut builder.problem.tasks[task.at()].modes {
        if let Amount::Duration(length) = mode.estimate.amount {
            mode.estimate.spread.get_or_insert_with(|| Spread::Sample(vec![length]));
            mode.estimate.amount = Amount::Duration(Span((length.0.saturating_add(by.0)).max(0)));
        }
    }
}
