//! What the dates and calendars of a project mean to a run of it: the same facts as the plan reads, with the same meaning.

use std::collections::BTreeMap;

use myrmex_model::event::NotBefore;
use myrmex_model::ir::{Definition, Edge, Graph, Node, NodeId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

use super::{Around, Asked, Builder, Given, LowerError, Measured, leaf, planning, project};
use crate::calendar::OpenTime;
use crate::network::End;
use crate::problem::{ALWAYS, CalendarId, Kind, Moment};

/// The nanoseconds of a millisecond, in which plans count.
const MILLISECOND: i64 = 1_000_000;
const YEAR: i64 = 365 * 86_400_000;
/// How far ahead calendars are compiled until they tell, in years: two cost a millisecond, and what is closed for a hundred is a mistake.
const REACHES: [i64; 4] = [2, 10, 40, 100];
/// What is told of what never comes: the last instant there is.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Returns when the lag of an edge of `graph` is over that counts from `since`: so much open time of the edge's calendar, or of that of
/// the task it enters, or elapsed time. With a calendar that does not open for so long, the last instant there is.
///
/// # Errors
///
/// Returns [`LowerError`] if a calendar means nothing; a checked definition has none such.
pub fn lag_due(
    definition: &Definition,
    graph: &Graph,
    edge: &Edge,
    since: Timestamp,
) -> Result<Timestamp, LowerError> {
    within(definition, since, |builder, around| {
        let target = definition.node(graph.children[edge.to as usize].node);
        let (lag, calendar) = builder.lag(around, target, edge)?;
        reach(builder, &[calendar], moment_after(since), |open, from| open.advance(from, lag))
    })
}

/// Returns when a task may begin, as of `now`, and because of what, if that is later: not before the start of the project, nor before
/// its own window, and, if machines do it, only while its calendars, those of the blocks around it, and those of the pools that it asks
/// for are open.
///
/// # Errors
///
/// Returns [`LowerError`] if a date or a calendar means nothing; a checked definition has none such.
pub fn may_begin(
    definition: &Definition,
    id: NodeId,
    now: Timestamp,
) -> Result<Option<(Timestamp, NotBefore)>, LowerError> {
    within(definition, Timestamp(i64::MIN), |builder, around| {
        let node = definition.node(id);
        let (mut until, mut because) = (now, None);
        for (date, reason) in dates(builder, around, node)? {
            let date = timestamp(date);
            if date > until {
                (until, because) = (date, Some(reason));
            }
        }
        if leaf::kind(node, planning(definition, node)) == Kind::Automated {
            let calendars = calendars(builder, around, node)?;
            let from = moment_after(until);
            let opens = reach(builder, &calendars, from, OpenTime::open_at_or_after)?;
            if opens > timestamp(from) {
                let closed = closed_at(builder, &calendars, from)?;
                (until, because) = (opens, closed.or(because));
            }
        }
        Ok(because.map(|because| (until, because)))
    })
}

/// Returns the dates before which a task must not begin.
fn dates(
    builder: &Builder<'_>,
    around: &Around<'_>,
    node: &Node,
) -> Result<Vec<(Moment, NotBefore)>, LowerError> {
    let definition = around.definition;
    let mut dates = Vec::new();
    if node.parent == Some(definition.root)
        && definition.project.as_ref().is_some_and(|own| own.start.is_some())
    {
        dates.push((builder.problem.start, NotBefore::Start));
    }
    let facts = planning(definition, node);
    let window = node.planning.as_ref().map(|facts| facts.window).unwrap_or_default();
    let own = builder.calendars(around, node)?.first().copied();
    let calendar = own.unwrap_or_else(|| builder.usual_calendar(leaf::kind(node, facts)));
    for date in [window.start_after, window.must_start] {
        let date = builder.instant(around, date, calendar, End::Start)?;
        dates.extend(date.map(|date| (date, NotBefore::Window)));
    }
    Ok(dates)
}

/// Returns the calendars that have to be open for what machines do.
fn calendars<'a>(
    builder: &Builder<'a>,
    around: &Around<'a>,
    node: &'a Node,
) -> Result<Vec<CalendarId>, LowerError> {
    let definition = around.definition;
    let pools = definition.project.as_ref().map(|project| project.resources.pools.as_slice());
    let mut all = Vec::new();
    let outwards = std::iter::successors(Some(node), |node| node.parent.map(|id| definition.node(id)));
    for node in outwards {
        all.extend(said(builder, around, node)?);
        let is_asked =
            |name: &Name| node.policy.asks.as_ref().is_some_and(|asks| asks.pools.contains_key(name));
        for pool in pools.unwrap_or_default().iter().filter(|pool| is_asked(&pool.name)) {
            all.extend(pool.calendar.as_ref().map(|name| builder.calendar(around, name)).transpose()?);
        }
    }
    all.retain(|calendar| *calendar != ALWAYS);
    Ok(all)
}

fn said<'a>(
    builder: &Builder<'a>,
    around: &Around<'a>,
    node: &'a Node,
) -> Result<Vec<CalendarId>, LowerError> {
    if node.planning.is_some() { builder.calendars(around, node) } else { Ok(Vec::new()) }
}

/// Returns the first of the calendars that is closed at an instant.
fn closed_at(
    builder: &Builder<'_>,
    calendars: &[CalendarId],
    at: Moment,
) -> Result<Option<NotBefore>, LowerError> {
    for calendar in calendars {
        let written = &builder.problem.calendars[calendar.at()];
        let open = OpenTime::compile(written, at..Moment(at.0.saturating_add(1)))?;
        if open.open_at_or_after(at) != Some(at) {
            let name =
                builder.names.calendars.iter().find(|(_, id)| *id == calendar).map(|(name, _)| name.clone());
            return Ok(name.map(NotBefore::Calendar));
        }
    }
    Ok(None)
}

/// Asks the time in which all of `calendars` are open, compiled for ever more years, until it tells.
fn reach(
    builder: &Builder<'_>,
    calendars: &[CalendarId],
    from: Moment,
    ask: impl Fn(&OpenTime, Moment) -> Option<Moment>,
) -> Result<Timestamp, LowerError> {
    for years in REACHES {
        let range = from..Moment(from.0.saturating_add(years * YEAR));
        let mut open = Vec::with_capacity(calendars.len());
        for calendar in calendars.iter().filter(|calendar| **calendar != ALWAYS) {
            open.push(OpenTime::compile(&builder.problem.calendars[calendar.at()], range.clone())?);
        }
        let all = OpenTime::intersection(&open.iter().collect::<Vec<_>>());
        if let Some(found) = ask(&all, from) {
            return Ok(timestamp(found));
        }
    }
    Ok(NEVER)
}

/// Calls `ask` with what stands around the tasks of a definition.
fn within<T>(
    definition: &Definition,
    start: Timestamp,
    ask: impl FnOnce(&Builder<'_>, &Around<'_>) -> Result<T, LowerError>,
) -> Result<T, LowerError> {
    let (called, measured, given) = (BTreeMap::new(), Measured::default(), Given::default());
    let start = moment_after(start);
    let asked = Asked { definition, called: &called, measured: &measured, start, slots: None, given: &given };
    let builder = project::begin(&asked)?;
    let around = Around {
        definition,
        path: String::new(),
        shared: String::new(),
        times: 1,
        width: 1,
        held: Vec::new(),
        calling: Vec::new(),
    };
    ask(&builder, &around)
}

/// Returns the first instant of a plan that is not before `at`: nothing is early by the part of a millisecond that plans do not know.
fn moment_after(at: Timestamp) -> Moment {
    let whole = at.0.div_euclid(MILLISECOND);
    Moment(if at.0.rem_euclid(MILLISECOND) > 0 { whole + 1 } else { whole })
}

fn timestamp(at: Moment) -> Timestamp {
    Timestamp(at.0.saturating_mul(MILLISECOND))
}
