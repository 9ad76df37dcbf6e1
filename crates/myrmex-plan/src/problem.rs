//! What is planned: tasks, links between them, and what they need. Everything is known by its index.
//!
//! A problem is made from a definition, or from a public instance in tests. Names are kept for people; nothing is looked
//! up by them.

use std::fmt;

pub use myrmex_model::planning::{Day, Money};

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub i64);

/// An amount of time in milliseconds: open time of a calendar where one is named, else elapsed time. Lags may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub i64);

macro_rules! index {
    ($name:ident, $what:literal) => {
        #[doc = concat!("The place of ", $what, " in the problem.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns it as an index.
            pub fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(TaskId, "a task in [`Problem::tasks`]");
index!(PoolId, "a pool in [`Problem::pools`]");
index!(PersonId, "a person in [`Problem::people`]");
index!(RoleId, "a role in [`Problem::roles`]");
index!(BudgetId, "a consumable in [`Problem::budgets`]");
index!(CalendarId, "a calendar in [`Problem::calendars`]");
index!(PhaseId, "a phase in [`Problem::phases`]");
index!(RiskId, "a risk in [`Problem::risks`]");
index!(GroupId, "a group of correlated durations in [`Problem::groups`]");

/// The calendar that is always open: the first of every problem.
pub const ALWAYS: CalendarId = CalendarId(0);

/// Units of a person: a thousand are all that one person has in an open hour.
pub const WHOLE: u32 = 1_000;

/// A problem. It is meaningful if [`crate::problem`]'s indices are in range and `calendars[0]` is always open; whether it can be
/// planned at all is for the check to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The earliest instant at which anything may begin.
    pub start: Moment,
    /// When all should have ended; soft: beyond it floats are negative.
    pub deadline: Option<Moment>,
    /// Up to which total float a task counts as critical.
    pub near: Span,
    /// Whether tasks lie as early or as late as possible.
    pub direction: Direction,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// The links between them.
    pub links: Vec<Link>,
    /// The calendars; the first is always open.
    pub calendars: Vec<Calendar>,
    /// Countable capacity.
    pub pools: Vec<Pool>,
    /// People.
    pub people: Vec<Person>,
    /// What people are asked for as.
    pub roles: Vec<Role>,
    /// What is used up.
    pub budgets: Vec<Budget>,
    /// Parts of the project, for sums of cost and limits of work in progress.
    pub phases: Vec<Phase>,
    /// What may happen.
    pub risks: Vec<Risk>,
    /// Durations that vary together.
    pub groups: Vec<Group>,
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

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its path, unique: what people and JSON know it by.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How it can be done, at least one way. The first is the author's.
    pub modes: Vec<Mode>,
    /// When work on it can proceed.
    pub calendar: CalendarId,
    /// What a pause of the calendar means.
    pub split: Split,
    /// When it may lie.
    pub window: Window,
    /// When it should have ended; soft.
    pub due: Option<Moment>,
    /// Greater goes first where a choice is left to the plan.
    pub priority: i32,
    /// The part it belongs to.
    pub phase: Option<PhaseId>,
    /// If it lasts from the start of one task to the finish of another instead of by its own estimate.
    pub spans: Option<(TaskId, TaskId)>,
    /// What has happened already.
    pub fact: Fact,
    /// What it costs beside its people and pools.
    pub cost: Cost,
}

/// What a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Machines do it.
    Automated,
    /// People do it.
    Manual,
    /// People decide: approvals and gates. Uses nobody's capacity.
    Decision,
    /// An instant.
    Milestone,
    /// Where several tasks begin or end together. It is nobody's work and is shown to nobody.
    Joint,
}

/// One way to do a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Mode {
    /// Its name; none if the task has only this one.
    pub name: Option<String>,
    /// How much there is to do.
    pub estimate: Estimate,
    /// What it holds of pools while it runs, pauses included.
    pub pools: Vec<(PoolId, u32)>,
    /// Who works on it from start to finish.
    pub crew: Vec<Ask>,
    /// What it uses up at its start.
    pub consumes: Vec<(BudgetId, u32)>,
}

/// People that a mode asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// As what.
    pub role: RoleId,
    /// How many different ones, at least one.
    pub count: u32,
    /// How much of each, in thousandths of all they have ([`WHOLE`]).
    pub units: u32,
    /// The least skill: name and level.
    pub skills: Vec<(String, u32)>,
}

/// How much there is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The amount that dates are computed with.
    pub amount: Amount,
    /// How it may turn out, in the unit of `amount`; none for exactly that.
    pub spread: Option<Spread>,
    /// Which durations vary with it.
    pub group: Option<GroupId>,
    /// Where it comes from.
    pub source: Source,
}

/// A length of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Open time from start to finish, whoever does it.
    Duration(Span),
    /// Time of persons: with more of them it is shorter.
    Effort(Span),
}

/// How an amount may turn out.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// Beta-PERT between the first and the last, most likely the one between.
    Pert(Span, Span, Span),
    /// A triangle with these corners.
    Triangular(Span, Span, Span),
    /// Anything between, evenly.
    Uniform(Span, Span),
    /// What was measured: one of these, evenly. In ascending order, at least one.
    Sample(Vec<Span>),
}

/// Where an estimate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The author said so.
    Author,
    /// So many measured runs.
    History {
        /// How many.
        runs: u32,
    },
    /// So many measured runs, which are fewer than the author asks for.
    Few {
        /// How many, at least one.
        runs: u32,
    },
    /// Nothing is known: the default of the project.
    Guess,
}

/// What a pause of a task's calendar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Work pauses while closed and goes on after.
    Closed,
    /// It may pause for other work too.
    Any,
    /// All of it fits into one open stretch.
    Never,
}

/// When a task may lie; hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// It begins here at the earliest.
    pub start_after: Option<Moment>,
    /// It has ended here at the latest.
    pub finish_before: Option<Moment>,
    /// It begins exactly here.
    pub must_start: Option<Moment>,
}

/// What has happened of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fact {
    /// Nothing.
    #[default]
    Open,
    /// It began and goes on.
    Started {
        /// When.
        at: Moment,
        /// How much is left, if anybody said so; else what its estimate leaves.
        left: Option<Span>,
    },
    /// It is over.
    Finished {
        /// When it began.
        start: Moment,
        /// When it ended.
        finish: Moment,
    },
    /// It will never be done; what waits for it waits for nothing.
    Dropped,
}

/// A link: one end of a task bounds an end of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The predecessor.
    pub from: TaskId,
    /// The successor.
    pub to: TaskId,
    /// Which ends.
    pub kind: LinkKind,
    /// How much later, in open time of `calendar`; less than zero is a lead.
    pub lag: Span,
    /// The calendar in which the lag counts; [`ALWAYS`] for elapsed time.
    pub calendar: CalendarId,
}

/// Which end of a task bounds which end of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Finish to start: `start >= finish + lag`.
    FinishStart,
    /// Start to start: `start >= start + lag`.
    StartStart,
    /// Finish to finish: `finish >= finish + lag`.
    FinishFinish,
    /// Start to finish: `finish >= start + lag`.
    StartFinish,
}

/// When work can proceed, as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// An IANA time zone, such as `Europe/Berlin`.
    pub zone: String,
    /// The open stretches of each weekday from Monday, in minutes after midnight, in order. An end beyond 1,440 reaches into
    /// the next day.
    pub week: [Vec<(u16, u16)>; 7],
    /// Days that differ; of two for one day the later counts.
    pub exceptions: Vec<Exception>,
    /// How much open time `1d` is.
    pub day: Span,
}

/// Days on which a calendar differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// The open stretches, as in [`Calendar::week`]; none for closed.
    pub hours: Vec<(u16, u16)>,
}

/// Countable capacity, given back after use.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How much there is, while it is open.
    pub capacity: u32,
    /// When it can be used: work that holds some of it pauses while it is closed.
    pub calendar: CalendarId,
    /// What one unit costs in an hour of use.
    pub rate: Option<Money>,
}

/// A person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// When they work. Their leave is closed in it.
    pub calendar: CalendarId,
    /// What they give to all tasks together in an open hour, in thousandths; 1 to [`WHOLE`].
    pub units: u32,
    /// The most open time they work on a day.
    pub day_limit: Option<Span>,
    /// What they are good at: name and level.
    pub skills: Vec<(String, u32)>,
    /// What an hour costs.
    pub rate: Option<Money>,
    /// Whether they stand for somebody who is not yet named.
    pub is_placeholder: bool,
}

/// What people are asked for as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who has it, in order of preference where nothing else decides.
    pub members: Vec<PersonId>,
}

/// What is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// How much there is.
    pub amount: u32,
}

/// A part of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// The most of its tasks under way at a time.
    pub max_parallel: Option<u32>,
}

/// Something that may happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// Its name.
    pub name: String,
    /// How likely, in millionths.
    pub probability: u32,
    /// What it does to tasks.
    pub affects: Vec<Impact>,
}

/// What a risk does to one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Impact {
    /// The task.
    pub task: TaskId,
    /// How much longer it lasts.
    pub time: Option<Spread>,
    /// What it costs more.
    pub cost: Option<Money>,
}

/// Durations that vary together by one shared factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How strongly, in millionths: 0 not at all, a million fully.
    pub correlation: u32,
}

/// What a task costs beside the time of its people and pools.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cost {
    /// Whatever happens.
    pub fixed: Option<Money>,
    /// At each start.
    pub per_use: Option<Money>,
    /// When `fixed` is spent.
    pub accrue: Accrue,
    /// The account it goes to.
    pub account: Option<String>,
}

/// When a fixed cost is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accrue {
    /// Evenly over the task's open time.
    #[default]
    Linear,
    /// At its start.
    Start,
    /// At its finish.
    End,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}
