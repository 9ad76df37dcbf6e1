//! The people and things of a project, and its calendars, by index.

use std::collections::BTreeMap;

use myrmex_model::demand::Asks;
use myrmex_model::ir::{Definition, Node};
use myrmex_model::name::Name;
use myrmex_model::planning::{
    self, Day as Written, Distribution, Extent, Hours, Project, RiskKind, RiskStatus, ThreePoint,
};

use super::dates::{Edge, moment};
use super::{Known, LowerError, work};
use crate::problem::{
    ALWAYS, Ask, Budget, BudgetId, Calendar, CalendarId, Day, Direction, Exception, Group, GroupId, Impact,
    Kind, Money, Person, PersonId, Phase, PhaseId, Pool, PoolId, Problem, Risk, Role, RoleId, Span, TaskId,
};

const DAY_MS: i64 = 86_400_000;

/// The calendar of people's work in a project that names none: Monday to Friday, 09:00 to 17:00 UTC.
const USUAL: &str = "Monday to Friday, 09:00 to 17:00 UTC";

/// Everything that tasks share, with its indices by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    calendars: Vec<Calendar>,
    calendar_of: BTreeMap<Name, CalendarId>,
    usual: Option<CalendarId>,
    pools: Vec<Pool>,
    pool_of: BTreeMap<Name, PoolId>,
    /// Pools that stand for a calendar which has to be open too.
    gate_of: BTreeMap<CalendarId, PoolId>,
    lock_of: BTreeMap<String, PoolId>,
    people: Vec<Person>,
    roles: Vec<Role>,
    role_of: BTreeMap<Name, RoleId>,
    budgets: Vec<Budget>,
    budget_of: BTreeMap<Name, BudgetId>,
    phases: Vec<Phase>,
    phase_of: BTreeMap<Name, PhaseId>,
    groups: Vec<Group>,
    group_of: BTreeMap<Name, GroupId>,
    defaults: [Option<Span>; 3],
}

/// Returns the problem of a definition before it has any task.
pub(super) fn empty(
    definition: &Definition,
    known: &Known<'_>,
    shared: &Shared,
) -> Result<Problem, LowerError> {
    let project = definition.project.as_deref();
    let zone = shared.zone(shared.usual());
    let date = |date: Option<planning::Date>, edge| date.map(|date| moment(date, zone, edge)).transpose();
    let start = date(project.and_then(|project| project.start), Edge::Begin)?.unwrap_or(known.start);
    let limit = definition.node(definition.root).policy.total_timeout;
    let limit = limit.map(|limit| crate::problem::Moment(start.0.saturating_add_unsigned(limit.0)));
    Ok(Problem {
        start,
        deadline: date(project.and_then(|project| project.deadline), Edge::End)?.or(limit),
        near: project
            .and_then(|project| project.near)
            .map_or(Span(0), |near| shared.span(near, shared.usual())),
        direction: project.map_or(Direction::Early, |project| match project.direction {
            planning::Direction::Early => Direction::Early,
            planning::Direction::Late => Direction::Late,
        }),
        tasks: Vec::new(),
        links: Vec::new(),
        calendars: shared.calendars.clone(),
        pools: shared.pools.clone(),
        people: shared.people.clone(),
        roles: shared.roles.clone(),
        budgets: shared.budgets.clone(),
        phases: shared.phases.clone(),
        risks: Vec::new(),
        groups: shared.groups.clone(),
    })
}

/// Returns the risks of a project that may still come true, or have; `task` finds the task of a node, `span` counts in its calendar.
pub(super) fn risks(
    project: &Project,
    task: impl Fn(&Name) -> Option<TaskId>,
    span: impl Fn(Extent, TaskId) -> Span,
) -> Vec<Risk> {
    let live = project.risks.iter().filter(|risk| risk.status != RiskStatus::Closed);
    live.map(|risk| {
        let sign = if risk.kind == RiskKind::Opportunity { -1 } else { 1 };
        let affects = risk.affects.iter().filter_map(|impact| {
            let task = task(&impact.task)?;
            let time = impact.time.as_ref().map(|three| {
                work::spread(three, Distribution::Pert, |extent| Span(span(extent, task).0 * i64::from(sign)))
            });
            Some(Impact {
                task,
                time: time.map(ascending),
                cost: impact.cost.map(|cost| Money(cost.money.0 * i128::from(sign))),
            })
        });
        Risk {
            name: risk.name.as_str().to_owned(),
            probability: if risk.status == RiskStatus::Triggered { 1_000_000 } else { risk.probability.0 },
            affects: affects.collect(),
        }
    })
    .collect()
}

/// A spread whose lengths were negated goes from the last to the first.
fn ascending(spread: crate::problem::Spread) -> crate::problem::Spread {
    use crate::problem::Spread;
    match spread {
        Spread::Pert(low, middle, high) if low > high => Spread::Pert(high, middle, low),
        Spread::Pert(..) | Spread::Triangular(..) | Spread::Uniform(..) | Spread::Sample(_) => spread,
    }
}

impl Shared {
    /// Collects what the tasks of a definition share.
    pub(super) fn of(definition: &Definition) -> Self {
        let mut shared = Self { calendars: vec![always()], ..Self::default() };
        if let Some(project) = &definition.project {
            shared.project(project);
        }
        for (name, capacity) in &definition.pools {
            if !shared.pool_of.contains_key(name) {
                shared.add_pool(name, *capacity, ALWAYS, None);
            }
        }
        for node in &definition.nodes {
            shared.named_by(node);
        }
        shared
    }

    fn project(&mut self, project: &Project) {
        for calendar in &project.resources.calendars {
            let id = self.add_calendar(lowered(calendar));
            self.calendar_of.insert(calendar.name.clone(), id);
        }
        self.usual = Some(match &project.calendar {
            Some(name) => self.calendar(name),
            None => self.add_calendar(usual()),
        });
        for pool in &project.resources.pools {
            let calendar = pool.calendar.as_ref().map_or(ALWAYS, |name| self.calendar(name));
            self.add_pool(&pool.name, pool.capacity, calendar, pool.rate.map(|rate| Money(rate.money.0)));
        }
        let mut person_of = BTreeMap::new();
        for person in &project.resources.people {
            let calendar = person.calendar.as_ref().map_or_else(|| self.usual(), |name| self.calendar(name));
            let calendar = self.with_leave(person, calendar);
            person_of.insert(&person.name, PersonId(index(self.people.len())));
            self.people.push(Person {
                name: person.name.as_str().to_owned(),
                calendar,
                units: person.units.0,
                day_limit: person.day_limit.map(|limit| Span(i64::try_from(limit.0).unwrap_or(i64::MAX))),
                skills: person
                    .skills
                    .iter()
                    .map(|(name, level)| (name.as_str().to_owned(), *level))
                    .collect(),
                rate: person.rate.map(|rate| Money(rate.money.0)),
                is_placeholder: false,
            });
        }
        for role in &project.resources.roles {
            let mut members: Vec<PersonId> =
                role.members.iter().filter_map(|name| person_of.get(name).copied()).collect();
            let calendar = role.calendar.as_ref().map_or_else(|| self.usual(), |name| self.calendar(name));
            let rate = role.rate.map(|rate| Money(rate.money.0));
            for member in &members {
                let person = &mut self.people[member.at()];
                person.rate = person.rate.or(rate);
            }
            for number in 1..=role.placeholders {
                members.push(PersonId(index(self.people.len())));
                self.people.push(Person {
                    name: format!("{} {number}", role.name.as_str()),
                    calendar,
                    units: crate::problem::WHOLE,
                    day_limit: None,
                    skills: Vec::new(),
                    rate,
                    is_placeholder: true,
                });
            }
            self.role_of.insert(role.name.clone(), RoleId(index(self.roles.len())));
            self.roles.push(Role { name: role.name.as_str().to_owned(), members });
        }
        for (name, amount) in &project.resources.budgets {
            self.budget_of.insert(name.clone(), BudgetId(index(self.budgets.len())));
            self.budgets.push(Budget { name: name.as_str().to_owned(), amount: *amount });
        }
        for phase in &project.phases {
            self.phase_of.insert(phase.name.clone(), PhaseId(index(self.phases.len())));
            self.phases
                .push(Phase { name: phase.name.as_str().to_owned(), max_parallel: phase.max_parallel });
        }
        for (name, correlation) in &project.correlations {
            self.group_of.insert(name.clone(), GroupId(index(self.groups.len())));
            self.groups.push(Group { name: name.as_str().to_owned(), correlation: correlation.0 });
        }
        let defaults = [project.defaults.automated, project.defaults.manual, project.defaults.approval];
        let calendars = [ALWAYS, self.usual(), self.usual()];
        for (place, extent) in defaults.into_iter().enumerate() {
            self.defaults[place] = extent.map(|extent| self.span(extent, calendars[place]));
        }
        if project.defaults.manual.is_none() {
            // A day of the calendar, not of the clock.
            self.defaults[1] = Some(self.calendars[self.usual().at()].day);
        }
        if project.defaults.approval.is_none() {
            self.defaults[2] = self.defaults[1];
        }
    }

    /// Adds what only one node names: a lock, and calendars beside its first.
    fn named_by(&mut self, node: &Node) {
        let lock = node.policy.asks.as_deref().and_then(|asks| asks.lock.as_ref()?.as_literal()?.as_str());
        if let Some(lock) = lock.filter(|lock| !self.lock_of.contains_key(*lock)) {
            let id = self.push_pool(format!("lock {lock}"), 1, ALWAYS, None);
            self.lock_of.insert(lock.to_owned(), id);
        }
        let further =
            node.planning.as_deref().map_or(&[][..], |facts| facts.calendars.get(1..).unwrap_or(&[]));
        for name in further {
            let calendar = self.calendar(name);
            if !self.gate_of.contains_key(&calendar) {
                let id = self.push_pool(name.as_str().to_owned(), u32::MAX, calendar, None);
                self.gate_of.insert(calendar, id);
            }
        }
    }

    fn add_calendar(&mut self, calendar: Calendar) -> CalendarId {
        self.calendars.push(calendar);
        CalendarId(index(self.calendars.len() - 1))
    }

    fn add_pool(&mut self, name: &Name, capacity: u32, calendar: CalendarId, rate: Option<Money>) {
        let id = self.push_pool(name.as_str().to_owned(), capacity, calendar, rate);
        self.pool_of.insert(name.clone(), id);
    }

    fn push_pool(
        &mut self,
        name: String,
        capacity: u32,
        calendar: CalendarId,
        rate: Option<Money>,
    ) -> PoolId {
        self.pools.push(Pool { name, capacity, calendar, rate });
        PoolId(index(self.pools.len() - 1))
    }

    /// Returns the calendar of somebody: another one with their leave, if they have any.
    fn with_leave(&mut self, person: &planning::Person, calendar: CalendarId) -> CalendarId {
        if person.leave.is_empty() {
            return calendar;
        }
        let mut own = self.calendars[calendar.at()].clone();
        own.name = format!("{} of {}", own.name, person.name.as_str());
        let leave = person.leave.iter();
        own.exceptions.extend(leave.map(|(from, to)| Exception {
            from: day(*from),
            to: day(*to),
            hours: Vec::new(),
        }));
        self.add_calendar(own)
    }

    /// Returns the calendar of that name; a name that nobody has was refused before.
    pub(super) fn calendar(&self, name: &Name) -> CalendarId {
        self.calendar_of.get(name).copied().unwrap_or(ALWAYS)
    }

    /// Returns the calendar of people's work.
    pub(super) fn usual(&self) -> CalendarId {
        self.usual.unwrap_or(ALWAYS)
    }

    /// Returns the time zone of a calendar.
    pub(super) fn zone(&self, calendar: CalendarId) -> &str {
        &self.calendars[calendar.at()].zone
    }

    /// Returns how long an extent is that counts in a calendar.
    pub(super) fn span(&self, extent: Extent, calendar: CalendarId) -> Span {
        Span(extent.millis(self.calendars[calendar.at()].day.0))
    }

    /// Returns what three points mean in a calendar.
    pub(super) fn spread(
        &self,
        three: &ThreePoint,
        distribution: Distribution,
        calendar: CalendarId,
    ) -> crate::problem::Spread {
        work::spread(three, distribution, |extent| self.span(extent, calendar))
    }

    /// Returns what is taken for work of which nothing is known, if the project says so.
    pub(super) fn default_of(&self, kind: Kind) -> Option<Span> {
        match kind {
            Kind::Automated => self.defaults[0],
            Kind::Manual => self.defaults[1],
            Kind::Decision => self.defaults[2],
            Kind::Milestone | Kind::Joint => None,
        }
    }

    /// Returns the pool that stands for a calendar.
    pub(super) fn gate(&self, calendar: CalendarId) -> PoolId {
        self.gate_of[&calendar]
    }

    /// Returns what a node asks for of pools, its lock among them.
    pub(super) fn pools(&self, asks: Option<&Asks>) -> Vec<(PoolId, u32)> {
        let Some(asks) = asks else { return Vec::new() };
        let mut pools = self.named_pools(&asks.pools);
        let lock = asks.lock.as_ref().and_then(|lock| lock.as_literal()?.as_str());
        pools.extend(lock.and_then(|lock| Some((*self.lock_of.get(lock)?, 1))));
        pools
    }

    pub(super) fn named_pools(&self, pools: &BTreeMap<Name, u32>) -> Vec<(PoolId, u32)> {
        pools.iter().filter_map(|(name, units)| Some((*self.pool_of.get(name)?, *units))).collect()
    }

    pub(super) fn crew(&self, crew: &[planning::Ask]) -> Vec<Ask> {
        crew.iter().filter_map(|ask| Some(work::ask(ask, *self.role_of.get(&ask.role)?))).collect()
    }

    pub(super) fn consumes(&self, consumes: &BTreeMap<Name, u32>) -> Vec<(BudgetId, u32)> {
        consumes.iter().filter_map(|(name, amount)| Some((*self.budget_of.get(name)?, *amount))).collect()
    }

    pub(super) fn phase(&self, name: &Name) -> Option<PhaseId> {
        self.phase_of.get(name).copied()
    }

    pub(super) fn group(&self, name: &Name) -> Option<GroupId> {
        self.group_of.get(name).copied()
    }
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn always() -> Calendar {
    Calendar {
        name: "always".to_owned(),
        zone: "UTC".to_owned(),
        week: std::array::from_fn(|_| vec![(0, 1_440)]),
        exceptions: Vec::new(),
        day: Span(DAY_MS),
    }
}

fn usual() -> Calendar {
    let mut week: [Vec<(u16, u16)>; 7] = std::array::from_fn(|_| vec![(9 * 60, 17 * 60)]);
    week[5].clear();
    week[6].clear();
    Calendar {
        name: USUAL.to_owned(),
        zone: "UTC".to_owned(),
        week,
        exceptions: Vec::new(),
        day: Span(8 * 3_600_000),
    }
}

fn lowered(calendar: &planning::Calendar) -> Calendar {
    let hours = |hours: &Vec<Hours>| hours.iter().map(|hours| (hours.from, hours.to)).collect::<Vec<_>>();
    let exceptions = calendar.exceptions.iter().map(|closure| Exception {
        from: day(closure.from),
        to: day(closure.to),
        hours: hours(&closure.hours),
    });
    Calendar {
        name: calendar.name.as_str().to_owned(),
        zone: calendar.zone.clone(),
        week: std::array::from_fn(|weekday| hours(&calendar.week[weekday])),
        exceptions: exceptions.collect(),
        day: Span(i64::try_from(calendar.day.0).unwrap_or(i64::MAX)),
    }
}

fn day(day: Written) -> Day {
    Day { year: day.year, month: day.month, day: day.day }
}
