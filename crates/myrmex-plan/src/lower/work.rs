//! Leaf work: how long it takes, who does it, when it may lie, what it costs.

use myrmex_model::ir::{AwaitKind, Body, Node, NodeId, Timer};
use myrmex_model::planning::{self, Amount as Told, Distribution, Extent, Item, Planning};
use myrmex_model::template::Template;
use myrmex_model::time::Length;

use super::dates::{Edge, moment};
use super::{Builder, LowerError, Place, Source, facts, is_instant};
use crate::problem::{
    ALWAYS, Accrue, Amount, Ask, CalendarId, Cost, Estimate, Fact, Kind, Mode, Money, Source as Origin, Span,
    Split, Spread, Task, TaskId, Window,
};

/// What work of machines takes of which nothing is known.
const AUTOMATED_MS: i64 = 600_000;

/// What people's work and decisions take of which nothing is known.
const DAY_MS: i64 = 86_400_000;

/// What a node is for a plan.
fn kind(node: &Node) -> Kind {
    let item = node.planning.as_deref().map_or(Item::Task, |facts| facts.item);
    if is_instant(item) {
        return Kind::Milestone;
    }
    match &node.body {
        Body::Await(waits) => match waits.kind {
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

/// Returns how long a node takes that does nothing but compute or wait for an instant; nothing of work.
fn fixed_ms(node: &Node) -> Option<i64> {
    match &node.body {
        Body::Value(_) | Body::Choose(_) | Body::Raise(_) => Some(0),
        Body::Timer(Timer::After(Template::Literal(value))) => {
            let length: Length = value.as_str()?.parse().ok()?;
            i64::try_from(length.0).ok()
        }
        Body::Timer(Timer::Until(Template::Literal(_))) => Some(0),
        Body::Timer(_)
        | Body::Task(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_)
        | Body::Call(_)
        | Body::Await(_) => None,
    }
}

/// Returns what is taken for a node of which nothing is known, in milliseconds.
pub(super) fn default_ms(node: &Node) -> i64 {
    fixed_ms(node).unwrap_or(match kind(node) {
        Kind::Automated => AUTOMATED_MS,
        Kind::Manual | Kind::Decision => DAY_MS,
        Kind::Milestone | Kind::Joint => 0,
    })
}

/// Returns about how long a node takes, in milliseconds, if its author said so or it was measured.
pub(super) fn known_ms(source: Source<'_>, node: &Node, path: &str) -> Option<i64> {
    let told = node.planning.as_deref().and_then(|facts| facts.estimate.as_ref()?.amount);
    let told = match told {
        Some(Told::Duration(extent) | Told::Effort(extent)) => Some(extent.millis(DAY_MS)),
        Some(Told::Spread(three, _)) => Some(three.likely.millis(DAY_MS)),
        Some(Told::History { .. }) | None => None,
    };
    let measured = source.measured.get(path).and_then(|sample| Some(span_of(quantile(sample, 500_000)?).0));
    told.or_else(|| fixed_ms(node)).or(measured)
}

/// Makes an instant at which several tasks begin or end.
pub(super) fn joint(name: String) -> Task {
    let estimate =
        Estimate { amount: Amount::Duration(Span(0)), spread: None, group: None, source: Origin::Author };
    let mode = Mode { name: None, estimate, pools: Vec::new(), crew: Vec::new(), consumes: Vec::new() };
    Task {
        name,
        kind: Kind::Joint,
        modes: vec![mode],
        calendar: ALWAYS,
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

/// Returns the length at the nearest rank of a quantile in millionths; the sample is in ascending order.
fn quantile(sample: &[Length], millionths: u32) -> Option<Length> {
    let rank = (sample.len() as u128 * u128::from(millionths)).div_ceil(1_000_000).max(1);
    sample.get(usize::try_from(rank - 1).ok()?.min(sample.len().checked_sub(1)?)).copied()
}

fn span_of(length: Length) -> Span {
    Span(i64::try_from(length.0).unwrap_or(i64::MAX))
}

impl Builder<'_> {
    /// Makes the task of a node that is one bar of a plan.
    pub(super) fn leaf(&self, node: NodeId, place: &Place) -> Result<Task, LowerError> {
        let lowered = self.source.definition.node(node);
        self.task(lowered, lowered, place)
    }

    /// Makes the task of an item of a `for_each`, of which the outer node says what a plan reads.
    pub(super) fn item(&mut self, outer: NodeId, body: NodeId, place: &Place) -> Result<TaskId, LowerError> {
        let definition = self.source.definition;
        let task = self.task(definition.node(outer), definition.node(body), place)?;
        self.push(task)
    }

    fn task(&self, outer: &Node, node: &Node, place: &Place) -> Result<Task, LowerError> {
        let facts = facts(outer);
        let kind = kind(node);
        let (calendar, mut further) = self.calendars(&facts, kind);
        let (calendar, estimate) = self.estimate(&facts, node, (calendar, kind), place);
        let zone = self.shared.zone(calendar);
        let date = |date: Option<planning::Date>, edge| date.map(|date| moment(date, zone, edge)).transpose();
        let mut window = Window {
            start_after: date(facts.window.start_after, Edge::Begin)?,
            finish_before: date(facts.window.finish_before, Edge::End)?,
            must_start: date(facts.window.must_start, Edge::Begin)?,
        };
        if let Body::Timer(Timer::Until(Template::Literal(value))) = &node.body {
            let until = value.as_str().and_then(|text| text.parse::<myrmex_model::time::Timestamp>().ok());
            window.start_after = until.map(|until| crate::problem::Moment(until.0.div_euclid(1_000_000)));
        }
        let is_people = matches!(kind, Kind::Manual | Kind::Decision);
        let is_whole = matches!(node.body, Body::Flow(_) | Body::Graph(_) | Body::Call(_));
        let split = match facts.split {
            Some(planning::Split::Closed) => Split::Closed,
            Some(planning::Split::Any) => Split::Any,
            Some(planning::Split::Never) => Split::Never,
            None if is_people || is_whole => Split::Closed,
            None => Split::Never,
        };
        let asks = node.policy.asks.as_deref();
        let mut pools: Vec<_> = self.shared.pools(asks);
        pools.append(&mut further);
        if kind == Kind::Automated && matches!(node.body, Body::Task(_)) {
            pools.extend(place.limits.iter().map(|limit| (*limit, 1)));
        }
        let own = Mode {
            name: None,
            estimate,
            pools,
            crew: self.shared.crew(&facts.crew),
            consumes: self.shared.consumes(&facts.consumes),
        };
        let modes =
            facts.modes.iter().map(|mode| self.mode(mode, &own, (&facts, node, calendar, kind), place));
        let modes: Vec<Mode> = modes.collect();
        Ok(Task {
            name: place.path.clone(),
            kind,
            modes: if modes.is_empty() { vec![own] } else { modes },
            calendar,
            split,
            window,
            due: date(facts.due, Edge::End)?,
            priority: asks.map_or(0, |asks| asks.priority as i32 - 2),
            phase: facts.phase.as_ref().and_then(|phase| self.shared.phase(phase)),
            spans: None,
            fact: Fact::Open,
            cost: cost(facts.cost.as_ref()),
        })
    }

    /// Returns the calendar of a task, and pools that stand for the others that have to be open too.
    fn calendars(&self, facts: &Planning, kind: Kind) -> (CalendarId, Vec<(crate::problem::PoolId, u32)>) {
        let usual = match kind {
            Kind::Manual | Kind::Decision | Kind::Milestone => self.shared.usual(),
            Kind::Automated | Kind::Joint => ALWAYS,
        };
        let mut named = facts.calendars.iter().map(|name| self.shared.calendar(name));
        let first = named.next().unwrap_or(usual);
        (first, named.map(|calendar| (self.shared.gate(calendar), 1)).collect())
    }

    fn estimate(
        &self,
        facts: &Planning,
        node: &Node,
        (calendar, kind): (CalendarId, Kind),
        place: &Place,
    ) -> (CalendarId, Estimate) {
        let told = facts.estimate.as_ref();
        let group = told.and_then(|told| self.shared.group(told.group.as_ref()?));
        let measured = self.source.measured.get(&place.shared).map_or(&[][..], Vec::as_slice);
        let made = |amount, spread, source| Estimate { amount, spread, group, source };
        let duration = |extent: Extent| {
            let calendar = if extent.is_elapsed() { ALWAYS } else { calendar };
            (calendar, self.shared.span(extent, calendar))
        };
        match told.and_then(|told| told.amount) {
            Some(Told::Duration(extent)) => {
                let (calendar, span) = duration(extent);
                (calendar, made(Amount::Duration(span), None, Origin::Author))
            }
            Some(Told::Effort(extent)) => {
                let effort = Amount::Effort(self.shared.span(extent, calendar));
                (calendar, made(effort, None, Origin::Author))
            }
            Some(Told::Spread(three, distribution)) => {
                let (calendar, likely) = duration(three.likely);
                let spread = self.shared.spread(&three, distribution, calendar);
                (calendar, made(Amount::Duration(likely), Some(spread), Origin::Author))
            }
            Some(Told::History { quantile, runs_min }) => {
                (calendar, self.from_history(measured, (quantile.0, runs_min), (node, kind), group))
            }
            None if fixed_ms(node).is_some() || kind == Kind::Milestone => {
                let fixed = fixed_ms(node).unwrap_or(0);
                (calendar, made(Amount::Duration(Span(fixed)), None, Origin::Author))
            }
            None => (calendar, self.from_history(measured, (500_000, 1), (node, kind), group)),
        }
    }

    /// Makes an estimate of what was measured, in elapsed time; without measurements, of the usual.
    fn from_history(
        &self,
        measured: &[Length],
        (quantile_wanted, runs_min): (u32, u32),
        (node, kind): (&Node, Kind),
        group: Option<crate::problem::GroupId>,
    ) -> Estimate {
        let runs = u32::try_from(measured.len()).unwrap_or(u32::MAX);
        match quantile(measured, quantile_wanted) {
            Some(length) => Estimate {
                amount: Amount::Duration(span_of(length)),
                spread: (measured.len() > 1)
                    .then(|| Spread::Sample(measured.iter().map(|length| span_of(*length)).collect())),
                group,
                source: if runs < runs_min { Origin::Guess } else { Origin::History { runs } },
            },
            None => Estimate {
                amount: Amount::Duration(self.shared.default_of(kind).unwrap_or(Span(default_ms(node)))),
                spread: None,
                group,
                source: Origin::Guess,
            },
        }
    }

    fn mode(
        &self,
        mode: &planning::Mode,
        own: &Mode,
        (facts, node, calendar, kind): (&Planning, &Node, CalendarId, Kind),
        place: &Place,
    ) -> Mode {
        let estimate = match &mode.estimate {
            Some(estimate) => {
                let facts = Planning { estimate: Some(estimate.clone()), ..facts.clone() };
                self.estimate(&facts, node, (calendar, kind), place).1
            }
            None => own.estimate.clone(),
        };
        Mode {
            name: Some(mode.name.as_str().to_owned()),
            estimate,
            pools: mode
                .pools
                .as_ref()
                .map_or_else(|| own.pools.clone(), |pools| self.shared.named_pools(pools)),
            crew: mode.crew.as_ref().map_or_else(|| own.crew.clone(), |crew| self.shared.crew(crew)),
            consumes: mode
                .consumes
                .as_ref()
                .map_or_else(|| own.consumes.clone(), |used| self.shared.consumes(used)),
        }
    }
}

fn cost(cost: Option<&planning::Cost>) -> Cost {
    let money = |price: Option<planning::Price>| price.map(|price| Money(price.money.0));
    cost.map_or_else(Cost::default, |cost| Cost {
        fixed: money(cost.fixed),
        per_use: money(cost.per_use),
        accrue: match cost.accrue {
            planning::Accrue::Linear => Accrue::Linear,
            planning::Accrue::Start => Accrue::Start,
            planning::Accrue::End => Accrue::End,
        },
        account: cost.account.as_ref().map(|account| account.as_str().to_owned()),
    })
}

/// Returns what three points mean as a spread, in the unit that `span` gives.
pub(super) fn spread(
    three: &planning::ThreePoint,
    distribution: Distribution,
    span: impl Fn(Extent) -> Span,
) -> Spread {
    let [low, middle, high] = [three.optimistic, three.likely, three.pessimistic].map(span);
    match distribution {
        Distribution::Pert => Spread::Pert(low, middle, high),
        Distribution::Triangular => Spread::Triangular(low, middle, high),
        Distribution::Uniform => Spread::Uniform(low, high),
    }
}

/// Makes what a problem calls people that are asked for.
pub(super) fn ask(ask: &planning::Ask, role: crate::problem::RoleId) -> Ask {
    Ask {
        role,
        count: ask.count,
        units: ask.units.0,
        skills: ask.skills.iter().map(|(name, level)| (name.as_str().to_owned(), *level)).collect(),
    }
}
