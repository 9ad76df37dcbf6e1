//! What a plan reads of a project as a whole.

use super::{Calendar, Currency, Date, Day, Extent, Millionths, Price, ThreePoint, Units};
use crate::name::Name;
use crate::time::Length;
use std::collections::BTreeMap;

/// A project. Its graph is that of the definition it stands in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Project {
    /// What people call it.
    pub title: Option<String>,
    /// Who answers for it, as written.
    pub owner: Option<String>,
    /// Before this nothing begins; none for the moment at which it is planned.
    pub start: Option<Date>,
    /// When all should have ended; soft.
    pub deadline: Option<Date>,
    /// The calendar of people's work; none for Monday to Friday, 09:00 to 17:00 UTC.
    pub calendar: Option<Name>,
    /// Whether tasks lie as early or as late as possible.
    pub direction: Direction,
    /// In which steps planned value is told.
    pub period: Period,
    /// Up to which total float a task counts as critical; none for zero.
    pub near: Option<Extent>,
    /// What work takes of which nothing is known.
    pub defaults: Defaults,
    /// Groups of durations that vary together by one shared factor, and how strongly.
    pub correlations: BTreeMap<Name, Millionths>,
    /// The phases in the author's order.
    pub phases: Vec<Phase>,
    /// The risks in the author's order.
    pub risks: Vec<Risk>,
    /// What it makes.
    pub deliverables: Vec<Deliverable>,
    /// Its money.
    pub finances: Finances,
    /// What deviates by more is told before it happens.
    pub tolerances: Tolerances,
    /// The currency of all prices in it; none if there are none.
    pub currency: Option<Currency>,
    /// The people and things of the workspace that it names, directly or by another of them.
    pub resources: Resources,
}

/// On which side of its float a task lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// As early as possible.
    #[default]
    Early,
    /// As late as possible.
    Late,
}

/// The steps in which planned value is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Period {
    /// Days.
    Day,
    /// Weeks, from Monday.
    #[default]
    Week,
    /// Months.
    Month,
}

/// What work takes of which nothing is known; none for the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defaults {
    /// Work of people; usually one day.
    pub manual: Option<Extent>,
    /// Decisions of people; usually one day.
    pub approval: Option<Extent>,
    /// Work of machines; usually ten minutes.
    pub automated: Option<Extent>,
}

/// A part of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Its name, which is that of its node too.
    pub name: Name,
    /// What people call it.
    pub title: Option<String>,
    /// The gate at its end: a node.
    pub exit: Option<Name>,
    /// The most of its tasks under way at a time, at least 1.
    pub max_parallel: Option<u32>,
    /// The most points of its tasks under way at a time, at least 1.
    pub capacity: Option<u32>,
}

/// Something that may happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// Its name.
    pub name: Name,
    /// What may happen, in words.
    pub event: Option<String>,
    /// Whether it does harm.
    pub kind: RiskKind,
    /// Whether it may still happen.
    pub status: RiskStatus,
    /// How likely it is.
    pub probability: Millionths,
    /// How bad it is, from 1 to 5, where people judge.
    pub impact: Option<u8>,
    /// Who watches it, as written.
    pub owner: Option<String>,
    /// What kind of risk it is, for people.
    pub category: Option<String>,
    /// What it does to tasks.
    pub affects: Vec<Impact>,
}

/// Whether a risk does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RiskKind {
    /// It makes things longer and dearer.
    #[default]
    Threat,
    /// It makes things shorter and cheaper.
    Opportunity,
}

/// Whether a risk may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RiskStatus {
    /// It may.
    #[default]
    Open,
    /// It has: its likely impact counts in the dates.
    Triggered,
    /// It cannot any more.
    Closed,
}

/// What a risk does to one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    /// The task: a node.
    pub task: Name,
    /// How much longer (of an opportunity: shorter) it lasts.
    pub time: Option<ThreePoint>,
    /// What it costs more (of an opportunity: less).
    pub cost: Option<Price>,
}

/// What a project makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliverable {
    /// Its name.
    pub name: Name,
    /// The file that it is, from the workspace.
    pub path: Option<String>,
    /// Who answers for it, as written.
    pub accountable: Option<String>,
    /// The approval of it: a node.
    pub acceptance: Option<Name>,
}

/// The money of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finances {
    /// How much there is.
    pub limit: Option<Price>,
    /// Up to which quantile of the simulated cost there is a reserve for risks that are known.
    pub contingency: Option<Millionths>,
    /// The part of the planned cost that is kept back for what nobody thought of.
    pub management_reserve: Option<Millionths>,
    /// The accounts to which costs go, in the author's order.
    pub accounts: Vec<Name>,
}

/// By how much the forecast may deviate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerances {
    /// Of the planned duration.
    pub time: Option<Millionths>,
    /// Of the planned cost.
    pub cost: Option<Millionths>,
    /// The least probability of keeping the deadline.
    pub p_deadline: Option<Millionths>,
}

/// People and things of a workspace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resources {
    /// The calendars.
    pub calendars: Vec<Calendar>,
    /// The people.
    pub people: Vec<Person>,
    /// What people are asked for as.
    pub roles: Vec<Role>,
    /// Who decides together.
    pub groups: Vec<Group>,
    /// Countable capacity, given back after use.
    pub pools: Vec<Pool>,
    /// What is used up, and how much there is: at least 1.
    pub budgets: BTreeMap<Name, u32>,
}

/// A person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Their name.
    pub name: Name,
    /// When they work; none for the project's calendar.
    pub calendar: Option<Name>,
    /// How much of a full person they are in each open hour.
    pub units: Units,
    /// What they are good at: name and level.
    pub skills: BTreeMap<Name, u32>,
    /// What an hour costs.
    pub rate: Option<Price>,
    /// When they are away: first and last days.
    pub leave: Vec<(Day, Day)>,
    /// The most that they work on a day.
    pub day_limit: Option<Length>,
}

/// What people are asked for as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: Name,
    /// Who has it, in the order of the workspace.
    pub members: Vec<Name>,
    /// How many people stand in for it while nobody is named; zero if there are members.
    pub placeholders: u32,
    /// When those who stand in work; none for the project's calendar.
    pub calendar: Option<Name>,
    /// What an hour of somebody costs who has no rate of their own.
    pub rate: Option<Price>,
}

/// Who decides together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Its people.
    pub members: Vec<Name>,
}

/// Countable capacity, given back after use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: Name,
    /// How much there is while it is open, at least 1.
    pub capacity: u32,
    /// When it can be used; none for always.
    pub calendar: Option<Name>,
    /// What one unit costs in an hour of use.
    pub rate: Option<Price>,
}
