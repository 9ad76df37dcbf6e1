//! One node as a task: how long, with what, when.

use myrmex_model::demand::Priority;
use myrmex_model::ir::{AwaitKind, Body, Edge, Flow, Node, Timer};
use myrmex_model::planning::{self, Amount as Said, Distribution, Extent, Item, Millionths, Planning};
use myrmex_model::template::Template;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::value::Value;

use super::{Around, Builder, Ends, LowerError, branch, date, planning};
use crate::network::End;
use crate::problem::{
    ALWAYS, Accrue, Amount, Ask, CalendarId, Cost, Estimate, Fact, Kind, Mode, Moment, Pool, PoolId, Source,
    Span, Split, Spread, Task, Window,
};

/// What automated work takes of which nothing is known: ten minutes.
const AUTOMATED: Extent = Extent::Working { days: 0, millis: 600_000 };
/// What people's work and decisions take of which nothing is known: a day.
const PEOPLE: Extent = Extent::Working { days: 1, millis: 0 };
/// The quantile of measured lengths that dates are computed with, unless an estimate says another: the median.
const USUAL: Millionths = Millionths(500_000);

/// An estimate, and whether it counts elapsed time whatever the calendar.
struct Estimated {
    estimate: Estimate,
    is_elapsed: bool,
}

impl<'a> Builder<'a> {
    /// Lowers a node that is one task.
    pub(super) fn leaf(&mut self, around: &Around<'a>, node: &'a Node) -> Result<Ends, LowerError> {
        let facts = planning(around.definition, node);
        let kind = kind(node, facts);
        let mut calendars = self.calendars(around, node)?;
        let first = if calendars.is_empty() { self.usual_calendar(kind) } else { calendars.remove(0) };
        let mut held = around.held.clone();
        for calendar in calendars {
            held.push((self.calendar_pool(calendar), 1));
        }
        let asks = self.asks(around, node)?;
        let author = self.mode(around, node, first, &held, &asks, None)?;
        let mut is_elapsed = author.1;
        let mut modes = vec![author.0];
        if let Some(said) = facts.map(|facts| &facts.modes).filter(|modes| !modes.is_empty()) {
            modes.clear();
            for mode in said {
                let (mode, elapsed) = self.mode(around, node, first, &held, &asks, Some(mode))?;
                is_elapsed |= elapsed;
                modes.push(mode);
            }
        }
        let (_, _, mut task) = self.frame(around, node)?;
        task.kind = kind;
        task.modes = modes;
        task.calendar = if is_elapsed { ALWAYS } else { first };
        task.split = split(kind, facts);
        task.window = self.window(around, node, first)?;
        task.due = self.instant(around, facts.and_then(|facts| facts.due), first, End::Finish)?;
        task.cost = facts.and_then(|facts| facts.cost.as_ref()).map(cost).unwrap_or_default();
        let task = self.push(task)?;
        Ok(Ends { start: task, finish: task })
    }

    /// Returns the start, the finish and the whole of a block, none of which takes time of its own.
    pub(super) fn frame(
        &self,
        around: &Around<'a>,
        node: &'a Node,
    ) -> Result<(Task, Task, Task), LowerError> {
        let facts = planning(around.definition, node);
        let priority = node.policy.asks.as_ref().map_or(Priority::Normal, |asks| asks.priority);
        let whole = Task {
            name: around.path.clone(),
            kind: Kind::Milestone,
            modes: vec![instantly()],
            calendar: ALWAYS,
            split: Split::Closed,
            window: Window::default(),
            due: None,
            priority: rank(priority),
            phase: facts
                .and_then(|facts| facts.phase.as_ref())
                .and_then(|name| self.names.phases.get(name).copied()),
            spans: None,
            fact: Fact::Open,
            cost: Cost::default(),
        };
        let calendar = self.names.people.unwrap_or(ALWAYS);
        let window = self.window(around, node, calendar)?;
        let end = |name: &str| Task {
            name: format!("{}:{name}", around.path),
            kind: Kind::Joint,
            phase: None,
            ..whole.clone()
        };
        let start = Task { window: Window { finish_before: None, ..window }, ..end("start") };
        let due = facts.and_then(|facts| facts.due);
        let finish = Task {
            window: Window { finish_before: window.finish_before, ..Window::default() },
            due: self.instant(around, due, calendar, End::Finish)?,
            ..end("finish")
        };
        Ok((start, finish, whole))
    }

    /// Returns when a node may lie. A timer that waits until an instant is a window too.
    fn window(
        &self,
        around: &Around<'a>,
        node: &'a Node,
        calendar: CalendarId,
    ) -> Result<Window, LowerError> {
        let said = planning(around.definition, node).map(|facts| facts.window).unwrap_or_default();
        let until: Option<Timestamp> = match &node.body {
            Body::Timer(Timer::Until(Template::Literal(Value::String(text)))) => text.parse().ok(),
            Body::Timer(_)
            | Body::Task(_)
            | Body::Value(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_)
            | Body::Await(_) => None,
        };
        let until = until.map(|until| Moment(until.0.div_euclid(1_000_000)));
        Ok(Window {
            start_after: until.max(self.instant(around, said.start_after, calendar, End::Start)?),
            finish_before: self.instant(around, said.finish_before, calendar, End::Finish)?,
            must_start: self.instant(around, said.must_start, calendar, End::Start)?,
        })
    }

    pub(super) fn instant(
        &self,
        around: &Around<'_>,
        said: Option<planning::Date>,
        calendar: CalendarId,
        end: End,
    ) -> Result<Option<Moment>, LowerError> {
        let written = &self.problem.calendars[calendar.at()];
        said.map(|said| date::instant(said, written, end, &around.path)).transpose()
    }

    /// Returns the calendars that are said of a node.
    pub(super) fn calendars(
        &self,
        around: &Around<'a>,
        node: &'a Node,
    ) -> Result<Vec<CalendarId>, LowerError> {
        let said =
            planning(around.definition, node).map(|facts| facts.calendars.as_slice()).unwrap_or_default();
        said.iter().map(|name| self.calendar(around, name)).collect()
    }

    pub(super) fn calendar(
        &self,
        around: &Around<'a>,
        name: &myrmex_model::name::Name,
    ) -> Result<CalendarId, LowerError> {
        if name.as_str() == "always" {
            return Ok(ALWAYS);
        }
        let unknown = || LowerError::Unknown { path: around.path.clone(), name: name.clone() };
        self.names.calendars.get(name).copied().ok_or_else(unknown)
    }

    pub(super) fn usual_calendar(&self, kind: Kind) -> CalendarId {
        match kind {
            Kind::Manual | Kind::Decision => self.names.people.unwrap_or(ALWAYS),
            Kind::Automated | Kind::Milestone | Kind::Joint => ALWAYS,
        }
    }

    /// Returns a pool without end that is open when `calendar` is: who holds some of it pauses while that is closed.
    pub(super) fn calendar_pool(&mut self, calendar: CalendarId) -> PoolId {
        let name = format!("calendar:{}", self.problem.calendars[calendar.at()].name);
        self.pool(name, u32::MAX, calendar)
    }

    /// Returns a pool of the places for what may be under way at a time at `path`.
    pub(super) fn limit(&mut self, path: &str, most: u32) -> PoolId {
        self.pool(format!("{path}:max_parallel"), most, ALWAYS)
    }

    fn pool(&mut self, name: String, capacity: u32, calendar: CalendarId) -> PoolId {
        if let Some(pool) = self.names.pools.get(&name) {
            return *pool;
        }
        let pool = PoolId(u32::try_from(self.problem.pools.len()).expect("pools are fewer than tasks"));
        self.names.pools.insert(name.clone(), pool);
        self.problem.pools.push(Pool { name, capacity, calendar, rate: None });
        pool
    }

    /// Returns what a node asks for of pools. A lock whose name is known is a pool of one.
    pub(super) fn asks(
        &mut self,
        around: &Around<'a>,
        node: &'a Node,
    ) -> Result<Vec<(PoolId, u32)>, LowerError> {
        let Some(asks) = &node.policy.asks else { return Ok(Vec::new()) };
        let mut held = Vec::new();
        for (name, count) in &asks.pools {
            held.push((self.named_pool(around, name)?, *count));
        }
        match &asks.lock {
            Some(Template::Literal(Value::String(lock))) => {
                held.push((self.pool(format!("lock:{lock}"), 1, ALWAYS), 1));
            }
            Some(_) => self.note(around, "a lock whose name only a run knows is not held in the plan"),
            None => {}
        }
        Ok(held)
    }

    fn named_pool(&self, around: &Around<'a>, name: &myrmex_model::name::Name) -> Result<PoolId, LowerError> {
        let unknown = || LowerError::Unknown { path: around.path.clone(), name: name.clone() };
        self.names.pools.get(name.as_str()).copied().ok_or_else(unknown)
    }

    /// Returns one way to do a node's work, and whether it counts elapsed time. What a mode says replaces what the node says.
    fn mode(
        &mut self,
        around: &Around<'a>,
        node: &'a Node,
        calendar: CalendarId,
        held: &[(PoolId, u32)],
        asks: &[(PoolId, u32)],
        said: Option<&'a planning::Mode>,
    ) -> Result<(Mode, bool), LowerError> {
        let facts = planning(around.definition, node);
        let estimate = said.and_then(|mode| mode.estimate.as_ref()).or_else(|| facts?.estimate.as_ref());
        let estimated = self.estimate(around, node, calendar, estimate);
        let mut pools: Vec<(PoolId, u32)> = asks.to_vec();
        if let Some(said) = said.and_then(|mode| mode.pools.as_ref()) {
            pools.clear();
            for (name, count) in said {
                pools.push((self.named_pool(around, name)?, *count));
            }
        }
        if let (Body::Task(_), Some(slots)) = (&node.body, self.names.slots) {
            pools.push((slots, 1));
        }
        for (_, count) in &mut pools {
            *count = count.saturating_mul(around.width);
        }
        pools.extend_from_slice(held);
        let crew = said.and_then(|mode| mode.crew.as_ref()).or_else(|| Some(&facts?.crew));
        let consumes = said.and_then(|mode| mode.consumes.as_ref()).or_else(|| Some(&facts?.consumes));
        let unknown = |name: &myrmex_model::name::Name| LowerError::Unknown {
            path: around.path.clone(),
            name: name.clone(),
        };
        let mut asked = Vec::new();
        for ask in crew.into_iter().flatten() {
            let role = self.names.roles.get(&ask.role).copied().ok_or_else(|| unknown(&ask.role))?;
            let skills = ask.skills.iter().map(|(name, level)| (name.to_string(), *level)).collect();
            asked.push(Ask { role, count: ask.count, units: ask.units.0, skills });
        }
        let mut used = Vec::new();
        for (name, count) in consumes.into_iter().flatten() {
            let budget = self.names.budgets.get(name).copied().ok_or_else(|| unknown(name))?;
            used.push((budget, *count));
        }
        let name = said.map(|mode| mode.name.to_string());
        let mode =
            Mode { name, estimate: estimated.estimate, pools: summed(pools), crew: asked, consumes: used };
        Ok((mode, estimated.is_elapsed))
    }

    /// Returns how long a node takes: as its author says, else as was measured, else as is usual where nothing is known.
    fn estimate(
        &self,
        around: &Around<'a>,
        node: &'a Node,
        calendar: CalendarId,
        said: Option<&planning::Estimate>,
    ) -> Estimated {
        let day = self.problem.calendars[calendar.at()].day.0;
        let of = |extent: Extent| Span(extent.millis(day));
        let author = |amount, spread, extent: Extent| Estimated {
            estimate: Estimate { amount, spread, group: None, source: Source::Author },
            is_elapsed: extent.is_elapsed(),
        };
        if let Some(given) = self.asked.given.lengths.get(&around.path) {
            let mut estimated = author(Amount::Duration(of(*given)), None, *given);
            repeated(&mut estimated.estimate, i64::from(around.times), None);
            return estimated;
        }
        let mut estimated = match said.and_then(|said| said.amount) {
            Some(Said::Duration(extent)) => author(Amount::Duration(of(extent)), None, extent),
            Some(Said::Effort(extent)) => author(Amount::Effort(of(extent)), None, extent),
            Some(Said::Spread(points, distribution)) => {
                let (low, likely, high) = (of(points.optimistic), of(points.likely), of(points.pessimistic));
                let spread = match distribution {
                    Distribution::Pert => Spread::Pert(low, likely, high),
                    Distribution::Triangular => Spread::Triangular(low, likely, high),
                    Distribution::Uniform => Spread::Uniform(low, high),
                };
                author(Amount::Duration(likely), Some(spread), points.likely)
            }
            Some(Said::History { quantile, runs_min }) => self.measured(around, node, quantile, runs_min, of),
            None => self.known(around, node, of),
        };
        let group = said.and_then(|said| said.group.as_ref());
        estimated.estimate.group = group.and_then(|name| self.names.groups.get(name).copied());
        let limit = node.policy.total_timeout.map(span);
        repeated(&mut estimated.estimate, i64::from(around.times), limit);
        estimated
    }

    /// Returns what a node takes of which its author says nothing.
    fn known(&self, around: &Around<'a>, node: &'a Node, of: impl Fn(Extent) -> Span) -> Estimated {
        let exactly = |length: Span| Estimated {
            estimate: Estimate {
                amount: Amount::Duration(length),
                spread: None,
                group: None,
                source: Source::Author,
            },
            is_elapsed: true,
        };
        if is_instant(node, planning(around.definition, node)) {
            return exactly(Span(0));
        }
        if let Body::Timer(Timer::After(Template::Literal(Value::String(text)))) = &node.body
            && let Ok(length) = text.parse::<Length>()
        {
            return exactly(span(length));
        }
        self.measured(around, node, USUAL, 1, of)
    }

    fn measured(
        &self,
        around: &Around<'a>,
        node: &'a Node,
        quantile: Millionths,
        runs_min: u32,
        of: impl Fn(Extent) -> Span,
    ) -> Estimated {
        let lengths = self.asked.measured.lengths.get(&around.shared).map(Vec::as_slice).unwrap_or_default();
        let runs = u32::try_from(lengths.len()).unwrap_or(u32::MAX);
        if let Some(length) = at_quantile(lengths, quantile) {
            let source = if runs < runs_min { Source::Few { runs } } else { Source::History { runs } };
            let spread = Some(Spread::Sample(lengths.to_vec()));
            let estimate = Estimate { amount: Amount::Duration(length), spread, group: None, source };
            return Estimated { estimate, is_elapsed: true };
        }
        let defaults =
            self.asked.definition.project.as_ref().map(|project| project.defaults).unwrap_or_default();
        let usual = match kind(node, planning(around.definition, node)) {
            Kind::Automated | Kind::Milestone | Kind::Joint => defaults.automated.unwrap_or(AUTOMATED),
            Kind::Manual => defaults.manual.unwrap_or(PEOPLE),
            Kind::Decision => defaults.approval.unwrap_or(PEOPLE),
        };
        let amount = Amount::Duration(of(usual));
        let estimate = Estimate { amount, spread: None, group: None, source: Source::Guess };
        Estimated { estimate, is_elapsed: usual.is_elapsed() }
    }

    /// Returns how often a flow goes round, as was measured or estimated, else once.
    pub(super) fn passes(&self, around: &Around<'a>, node: &'a Node, flow: &Flow) -> u32 {
        if !branch::goes_round(around, flow) {
            return 1;
        }
        let said = planning(around.definition, node).and_then(|facts| facts.estimate.as_ref()?.passes);
        let measured = self.asked.measured.passes.get(&around.shared).copied();
        measured.or(said).unwrap_or(1).max(1)
    }

    /// Returns the lag of an edge, and the calendar in which it counts: that of its successor, unless the edge says another.
    pub(super) fn lag(
        &self,
        around: &Around<'a>,
        target: &'a Node,
        edge: &Edge,
    ) -> Result<(Span, CalendarId), LowerError> {
        let Some(lag) = edge.lag else { return Ok((Span(0), ALWAYS)) };
        if lag.is_elapsed() {
            return Ok((Span(lag.millis(0)), ALWAYS));
        }
        let own = self.calendars(around, target)?.first().copied();
        let usual = || self.usual_calendar(kind(target, planning(around.definition, target)));
        let calendar = match &edge.calendar {
            Some(name) => self.calendar(around, name)?,
            None => own.unwrap_or_else(usual),
        };
        Ok((Span(lag.millis(self.problem.calendars[calendar.at()].day.0)), calendar))
    }

    /// Returns about how many milliseconds a node takes as one task.
    pub(super) fn rough_leaf(&self, around: &Around<'a>, node: &'a Node) -> i64 {
        let facts = planning(around.definition, node);
        let calendar = self.usual_calendar(kind(node, facts));
        let said = facts.and_then(|facts| facts.estimate.as_ref());
        match self.estimate(around, node, calendar, said).estimate.amount {
            Amount::Duration(length) | Amount::Effort(length) => length.0,
        }
    }
}

/// Returns what a node is for a plan.
pub(super) fn kind(node: &Node, facts: Option<&Planning>) -> Kind {
    match facts.map(|facts| facts.item).unwrap_or_default() {
        Item::Summary | Item::Phase | Item::Milestone => return Kind::Milestone,
        Item::Gate | Item::Acceptance => return Kind::Decision,
        Item::Task => {}
    }
    match &node.body {
        Body::Await(body) => match body.kind {
            AwaitKind::Manual => Kind::Manual,
            AwaitKind::Approval | AwaitKind::Form | AwaitKind::Signal(_) | AwaitKind::Gate(_) => {
                Kind::Decision
            }
        },
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_)
        | Body::Call(_) => Kind::Automated,
    }
}

/// Whether a node takes no time at all: what only computes, and a call that nobody waits for.
fn is_instant(node: &Node, facts: Option<&Planning>) -> bool {
    if kind(node, facts) == Kind::Milestone {
        return true;
    }
    match &node.body {
        Body::Value(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Timer(Timer::Until(Template::Literal(_))) => true,
        Body::Call(call) => call.is_detached,
        Body::Task(_) | Body::Timer(_) | Body::Flow(_) | Body::Graph(_) | Body::Each(_) | Body::Await(_) => {
            false
        }
    }
}

fn split(kind: Kind, facts: Option<&Planning>) -> Split {
    let said = facts.and_then(|facts| facts.split).map(|split| match split {
        planning::Split::Closed => Split::Closed,
        planning::Split::Any => Split::Any,
        planning::Split::Never => Split::Never,
    });
    let usual = match kind {
        Kind::Automated if !facts.is_some_and(|facts| facts.is_preemptible) => Split::Never,
        Kind::Automated | Kind::Manual | Kind::Decision | Kind::Milestone | Kind::Joint => Split::Closed,
    };
    said.unwrap_or(usual)
}

fn cost(said: &planning::Cost) -> Cost {
    Cost {
        fixed: said.fixed.map(|price| price.money),
        per_use: said.per_use.map(|price| price.money),
        accrue: match said.accrue {
            planning::Accrue::Linear => Accrue::Linear,
            planning::Accrue::Start => Accrue::Start,
            planning::Accrue::End => Accrue::End,
        },
        account: said.account.as_ref().map(ToString::to_string),
    }
}

fn rank(priority: Priority) -> i32 {
    match priority {
        Priority::Background => -2,
        Priority::Low => -1,
        Priority::Normal => 0,
        Priority::High => 1,
        Priority::Critical => 2,
    }
}

/// The one way to do what takes no time.
fn instantly() -> Mode {
    let amount = Amount::Duration(Span(0));
    let estimate = Estimate { amount, spread: None, group: None, source: Source::Author };
    Mode { name: None, estimate, pools: Vec::new(), crew: Vec::new(), consumes: Vec::new() }
}

fn span(length: Length) -> Span {
    Span(i64::try_from(length.0).unwrap_or(i64::MAX))
}

/// Returns the length that so many of `lengths`, which ascend, do not exceed (nearest rank).
fn at_quantile(lengths: &[Span], quantile: Millionths) -> Option<Span> {
    let rank = (lengths.len() as u128 * u128::from(quantile.0)).div_ceil(u128::from(Millionths::WHOLE.0));
    lengths.get(usize::try_from(rank).ok()?.saturating_sub(1)).copied()
}

/// Makes an estimate one of so many repetitions, none of which and not all together last longer than `limit`.
fn repeated(estimate: &mut Estimate, times: i64, limit: Option<Span>) {
    let most = limit.unwrap_or(Span(i64::MAX));
    let all = |span: Span| Span(span.0.min(most.0).saturating_mul(times));
    estimate.amount = match estimate.amount {
        Amount::Duration(length) => Amount::Duration(all(length)),
        Amount::Effort(length) => Amount::Effort(Span(length.0.saturating_mul(times))),
    };
    estimate.spread = estimate.spread.take().map(|spread| match spread {
        Spread::Pert(low, likely, high) => Spread::Pert(all(low), all(likely), all(high)),
        Spread::Triangular(low, likely, high) => Spread::Triangular(all(low), all(likely), all(high)),
        Spread::Uniform(low, high) => Spread::Uniform(all(low), all(high)),
        Spread::Sample(lengths) => Spread::Sample(lengths.into_iter().map(all).collect()),
    });
}

/// Adds up what is held of each pool.
fn summed(mut pools: Vec<(PoolId, u32)>) -> Vec<(PoolId, u32)> {
    pools.sort_by_key(|(pool, _)| *pool);
    let mut sums: Vec<(PoolId, u32)> = Vec::with_capacity(pools.len());
    for (pool, count) in pools {
        match sums.last_mut() {
            Some(last) if last.0 == pool => last.1 = last.1.saturating_add(count),
            Some(_) | None => sums.push((pool, count)),
        }
    }
    sums
}
