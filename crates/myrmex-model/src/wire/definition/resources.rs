//! The form of the people and things that a project names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::forms::{name, wrong};
use super::planning::{counts, is_none, maybe, maybe_name, names, read, read_counts, shown, texts};
use crate::planning::{
    Calendar, Closure, Group, Hours, MINUTES_OF_DAY, Person, Pool, Resources, Role, Units,
};
use crate::time::Length;
use crate::wire::WireError;

type Result<T> = std::result::Result<T, WireError>;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ResourcesV1 {
    #[serde(skip_serializing_if = "is_none")]
    calendars: Vec<CalendarV1>,
    #[serde(skip_serializing_if = "is_none")]
    people: Vec<PersonV1>,
    #[serde(skip_serializing_if = "is_none")]
    roles: Vec<RoleV1>,
    #[serde(skip_serializing_if = "is_none")]
    groups: Vec<(String, Vec<String>)>,
    #[serde(skip_serializing_if = "is_none")]
    pools: Vec<PoolV1>,
    #[serde(skip_serializing_if = "is_none")]
    budgets: BTreeMap<String, u32>,
}

impl From<&Resources> for ResourcesV1 {
    fn from(resources: &Resources) -> Self {
        let group = |group: &Group| (group.name.to_string(), texts(&group.members));
        Self {
            calendars: resources.calendars.iter().map(CalendarV1::from).collect(),
            people: resources.people.iter().map(PersonV1::from).collect(),
            roles: resources.roles.iter().map(RoleV1::from).collect(),
            groups: resources.groups.iter().map(group).collect(),
            pools: resources.pools.iter().map(PoolV1::from).collect(),
            budgets: counts(&resources.budgets),
        }
    }
}

impl TryFrom<ResourcesV1> for Resources {
    type Error = WireError;

    fn try_from(form: ResourcesV1) -> Result<Self> {
        let group = |(own, members): (String, Vec<String>)| {
            Ok(Group { name: name(&own)?, members: names(&members)? })
        };
        Ok(Self {
            calendars: form.calendars.into_iter().map(Calendar::try_from).collect::<Result<_>>()?,
            people: form.people.into_iter().map(Person::try_from).collect::<Result<_>>()?,
            roles: form.roles.into_iter().map(Role::try_from).collect::<Result<_>>()?,
            groups: form.groups.into_iter().map(group).collect::<Result<_>>()?,
            pools: form.pools.into_iter().map(Pool::try_from).collect::<Result<_>>()?,
            budgets: read_counts(form.budgets)?,
        })
    }
}

/// Open stretches as minutes after midnight.
type HoursV1 = Vec<(u16, u16)>;

fn hours(stretches: &[Hours]) -> HoursV1 {
    stretches.iter().map(|hours| (hours.from, hours.to)).collect()
}

fn read_hours(form: HoursV1) -> Result<Vec<Hours>> {
    let stretch = |(from, to): (u16, u16)| {
        let is_right = from < MINUTES_OF_DAY && from < to && to - from <= MINUTES_OF_DAY;
        is_right
            .then_some(Hours { from, to })
            .ok_or_else(|| wrong(format!("{from}-{to} is no stretch of a day")))
    };
    form.into_iter().map(stretch).collect()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarV1 {
    name: String,
    zone: String,
    week: [HoursV1; 7],
    #[serde(default, skip_serializing_if = "is_none")]
    exceptions: Vec<(String, String, HoursV1)>,
    day: u64,
}

impl From<&Calendar> for CalendarV1 {
    fn from(calendar: &Calendar) -> Self {
        let closure = |own: &Closure| (own.from.to_string(), own.to.to_string(), hours(&own.hours));
        Self {
            name: calendar.name.to_string(),
            zone: calendar.zone.clone(),
            week: std::array::from_fn(|day| hours(&calendar.week[day])),
            exceptions: calendar.exceptions.iter().map(closure).collect(),
            day: calendar.day.0,
        }
    }
}

impl TryFrom<CalendarV1> for Calendar {
    type Error = WireError;

    fn try_from(form: CalendarV1) -> Result<Self> {
        let mut week: [Vec<Hours>; 7] = Default::default();
        for (own, form) in week.iter_mut().zip(form.week) {
            *own = read_hours(form)?;
        }
        let closure = |(from, to, hours): (String, String, HoursV1)| {
            Ok(Closure { from: read(&from)?, to: read(&to)?, hours: read_hours(hours)? })
        };
        if form.day == 0 {
            return Err(wrong(format!("a day of the calendar `{}` has no time", form.name)));
        }
        Ok(Self {
            name: name(&form.name)?,
            zone: form.zone,
            week,
            exceptions: form.exceptions.into_iter().map(closure).collect::<Result<_>>()?,
            day: Length(form.day),
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonV1 {
    name: String,
    #[serde(default, skip_serializing_if = "is_none")]
    calendar: Option<String>,
    units: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    skills: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "is_none")]
    rate: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    leave: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "is_none")]
    day_limit: Option<u64>,
}

impl From<&Person> for PersonV1 {
    fn from(person: &Person) -> Self {
        Self {
            name: person.name.to_string(),
            calendar: shown(person.calendar.as_ref()),
            units: person.units.0,
            skills: counts(&person.skills),
            rate: shown(person.rate.as_ref()),
            leave: person.leave.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect(),
            day_limit: person.day_limit.map(|length| length.0),
        }
    }
}

impl TryFrom<PersonV1> for Person {
    type Error = WireError;

    fn try_from(form: PersonV1) -> Result<Self> {
        if !(1..=Units::WHOLE.0).contains(&form.units) {
            return Err(wrong(format!("`{}` is {} thousandths of a person", form.name, form.units)));
        }
        let leave = form.leave.iter().map(|(from, to)| Ok((read(from)?, read(to)?)));
        Ok(Self {
            name: name(&form.name)?,
            calendar: maybe_name(form.calendar)?,
            units: Units(form.units),
            skills: read_counts(form.skills)?,
            rate: maybe(form.rate)?,
            leave: leave.collect::<Result<_>>()?,
            day_limit: form.day_limit.map(Length),
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleV1 {
    name: String,
    #[serde(default, skip_serializing_if = "is_none")]
    members: Vec<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    placeholders: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    calendar: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    rate: Option<String>,
}

impl From<&Role> for RoleV1 {
    fn from(role: &Role) -> Self {
        Self {
            name: role.name.to_string(),
            members: texts(&role.members),
            placeholders: role.placeholders,
            calendar: shown(role.calendar.as_ref()),
            rate: shown(role.rate.as_ref()),
        }
    }
}

impl TryFrom<RoleV1> for Role {
    type Error = WireError;

    fn try_from(form: RoleV1) -> Result<Self> {
        Ok(Self {
            name: name(&form.name)?,
            members: names(&form.members)?,
            placeholders: form.placeholders,
            calendar: maybe_name(form.calendar)?,
            rate: maybe(form.rate)?,
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolV1 {
    name: String,
    capacity: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    calendar: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    rate: Option<String>,
}

impl From<&Pool> for PoolV1 {
    fn from(pool: &Pool) -> Self {
        Self {
            name: pool.name.to_string(),
            capacity: pool.capacity,
            calendar: shown(pool.calendar.as_ref()),
            rate: shown(pool.rate.as_ref()),
        }
    }
}

impl TryFrom<PoolV1> for Pool {
    type Error = WireError;

    fn try_from(form: PoolV1) -> Result<Self> {
        if form.capacity == 0 {
            return Err(wrong(format!("it has no units of the pool `{}`", form.name)));
        }
        Ok(Self {
            name: name(&form.name)?,
            capacity: form.capacity,
            calendar: maybe_name(form.calendar)?,
            rate: maybe(form.rate)?,
        })
    }
}
