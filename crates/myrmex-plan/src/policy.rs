//! The rule by which a plan is executed, as arithmetic: each task begins as soon as its links, its resource arcs and its calendars let
//! it. One pass gives the dates for any lengths of the tasks, and no capacity is ever exceeded.
//!
//! It decides nothing: who works on what and in which order is the placement's. Automated work that must fit into one open stretch
//! begins where its planned length fits; if it lasts longer it goes on, as it would.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::calendar::Calendars;
use crate::chain::{Resource, ResourceArc};
use crate::fit::Shape;
use crate::hours::Hours;
use crate::network::{End, Network, holder};
use crate::placement::{Placed, Placement, length};
use crate::problem::{
    ALWAYS, Amount, CalendarId, Direction, Fact, Kind, LinkKind, Moment, Problem, Span, Split, Task, TaskId,
    Window,
};

/// A problem, a placement and its arcs, ready for passes.
#[derive(Debug, Clone)]
pub struct Policy {
    hours: Hours,
    /// Each after all that bound it.
    order: Vec<TaskId>,
    rules: Vec<Rule>,
    bounds: Vec<Bound>,
    /// The bounds of a task are those from its number here to the next one.
    first_bound: Vec<usize>,
}

/// Dates beyond what the calendars were compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a date lies beyond the time that calendars are known for")]
pub struct Beyond;

/// The dates of all tasks in one pass.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// When each begins.
    pub starts: Vec<Moment>,
    /// When each ends.
    pub finishes: Vec<Moment>,
    causes: Vec<Cause>,
}

/// How the dates of a task come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// It is over.
    Done { start: Moment, finish: Moment },
    /// It has begun. It ends when its length has passed since `since`, and `least` at the earliest.
    Running { start: Moment, since: Moment, least: Moment },
    /// It has yet to begin.
    Waiting(Waiting),
    /// It lasts from the start of one to the finish of another.
    Spanning { first: TaskId, last: TaskId },
    /// It will never be.
    Dropped,
}

/// A task that has yet to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    /// It begins here or later.
    earliest: Moment,
    /// How long it was planned to last if it must not pause: it begins where that fits.
    whole: Option<Span>,
    /// Where it must begin at the latest.
    latest_start: Option<Moment>,
    /// Where it must end at the latest.
    latest_finish: Option<Moment>,
}

/// One end of a task bounds one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bound {
    from: TaskId,
    kind: LinkKind,
    lag: Span,
    calendar: CalendarId,
    /// What is handed on, if an arc bounds.
    resource: Option<Resource>,
}

/// What the dates of a task followed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// The dates of this task,
    pub task: TaskId,
    /// because it has this, or because of a link.
    pub resource: Option<Resource>,
}

/// What the dates of a task followed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Nothing before it.
    Own,
    /// A bound of its start.
    Start,
    /// A bound of its finish.
    Finish,
}

/// The latest dates of a task at which no task ends later than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// When it begins at the latest.
    pub start: Moment,
    /// When it ends at the latest.
    pub finish: Moment,
}

impl Policy {
    /// Prepares `placement` with the `arcs` that [`crate::chain::chain`] made of it. Dates can be computed as far as `calendars` reach.
    ///
    /// A link that would make tasks wait for each other in a circle together with the arcs (it leads to a task that lies before the other
    /// one) is not waited for: the task then begins where it was placed, at the earliest.
    pub fn new(
        problem: &Problem,
        network: &Network,
        placement: &Placement,
        arcs: &[ResourceArc],
        calendars: &Calendars,
    ) -> Self {
        let tasks = (0..).map(TaskId).take(problem.tasks.len());
        let rules = tasks.map(|task| rule(problem, placement, task)).collect();
        let mut into: Vec<Vec<Bound>> = vec![Vec::new(); problem.tasks.len()];
        for arc in network.arcs() {
            let bound = Bound {
                from: arc.from,
                kind: arc.kind,
                lag: arc.lag,
                calendar: arc.calendar,
                resource: None,
            };
            into[arc.to.at()].push(bound);
        }
        for arc in arcs {
            let (kind, resource) = (LinkKind::FinishStart, Some(arc.resource));
            let bound = Bound { from: arc.from, kind, lag: Span(0), calendar: ALWAYS, resource };
            into[arc.to.at()].push(bound);
        }
        let hours = Hours::new(problem, placement, calendars);
        let mut policy = Self { hours, order: Vec::new(), rules, bounds: Vec::new(), first_bound: vec![0] };
        policy.sort(placement, &mut into);
        for bounds in into {
            policy.bounds.extend(bounds);
            policy.first_bound.push(policy.bounds.len());
        }
        policy
    }

    /// Returns when work can proceed.
    pub fn hours(&self) -> &Hours {
        &self.hours
    }

    /// Orders the tasks such that each comes after what bounds it (Kahn 1962), the one that was placed first if several could. Where
    /// none can, the bounds of the one that was placed first are let go.
    fn sort(&mut self, placement: &Placement, into: &mut [Vec<Bound>]) {
        let mut followers = vec![Vec::new(); into.len()];
        let mut awaited = vec![0_usize; into.len()];
        let needs = |rule: &Rule, bounds: &[Bound]| -> Vec<TaskId> {
            let mut needs: Vec<TaskId> = bounds.iter().map(|bound| bound.from).collect();
            if let Rule::Spanning { first, last } = *rule {
                needs.extend([first, last]);
            }
            needs
        };
        for (task, bounds) in (0..).map(TaskId).zip(into.iter()) {
            for needed in needs(&self.rules[task.at()], bounds) {
                followers[needed.at()].push(task);
                awaited[task.at()] += 1;
            }
        }
        let key = |task: TaskId| (placement.of(task).start, placement.of(task).finish, task);
        let mut by_key: Vec<TaskId> = (0..).map(TaskId).take(into.len()).collect();
        by_key.sort_by_key(|&task| (matches!(self.rules[task.at()], Rule::Spanning { .. }), key(task)));
        let mut is_done = vec![false; into.len()];
        let mut ready: BinaryHeap<_> =
            by_key.iter().filter(|task| awaited[task.at()] == 0).map(|&task| Reverse(key(task))).collect();
        let mut next = 0;
        while self.order.len() < into.len() {
            let task = if let Some(Reverse((_, _, task))) = ready.pop() {
                task
            } else {
                while is_done[by_key[next].at()] {
                    next += 1;
                }
                let task = by_key[next];
                into[task.at()].retain(|bound| is_done[bound.from.at()]);
                hold_at(&mut self.rules[task.at()], placement.of(task).start);
                task
            };
            if std::mem::replace(&mut is_done[task.at()], true) {
                continue;
            }
            self.order.push(task);
            for follower in &followers[task.at()] {
                awaited[follower.at()] -= 1;
                if awaited[follower.at()] == 0 {
                    ready.push(Reverse(key(*follower)));
                }
            }
        }
    }

    fn bounds_of(&self, task: TaskId) -> &[Bound] {
        &self.bounds[self.first_bound[task.at()]..self.first_bound[task.at() + 1]]
    }

    /// Computes the dates of all tasks from `lengths`, in open time, by the index of the task; of a task that has begun with a known
    /// rest it is the rest. What was in `pass` is lost; its memory is used again.
    ///
    /// # Errors
    ///
    /// Returns [`Beyond`] if a date is too late to be known.
    pub fn run(&self, lengths: &[Span], pass: &mut Pass) -> Result<(), Beyond> {
        pass.starts.clear();
        pass.starts.resize(lengths.len(), Moment(i64::MIN));
        pass.finishes.clear();
        pass.finishes.resize(lengths.len(), Moment(i64::MIN));
        pass.causes.clear();
        pass.causes.resize(lengths.len(), Cause::Own);
        for &task in &self.order {
            let (start, finish, cause) = self.dates(task, lengths[task.at()], pass)?;
            pass.starts[task.at()] = start;
            pass.finishes[task.at()] = finish;
            pass.causes[task.at()] = cause;
        }
        Ok(())
    }

    /// Makes of a `pass` with the lengths `before` the one with the lengths `after`: only what comes after a task that changed is computed.
    ///
    /// # Errors
    ///
    /// Returns [`Beyond`] if a date is too late to be known.
    pub fn change(&self, before: &[Span], after: &[Span], pass: &mut Pass) -> Result<(), Beyond> {
        let mut is_changed = vec![false; after.len()];
        for &task in &self.order {
            let mut is_touched = before[task.at()] != after[task.at()];
            is_touched |= self.bounds_of(task).iter().any(|bound| is_changed[bound.from.at()]);
            if let Rule::Spanning { first, last } = self.rules[task.at()] {
                is_touched |= is_changed[first.at()] || is_changed[last.at()];
            }
            if is_touched {
                let (start, finish, cause) = self.dates(task, after[task.at()], pass)?;
                is_changed[task.at()] = (start, finish) != (pass.starts[task.at()], pass.finishes[task.at()]);
                pass.starts[task.at()] = start;
                pass.finishes[task.at()] = finish;
                pass.causes[task.at()] = cause;
            }
        }
        Ok(())
    }

    fn dates(&self, task: TaskId, length: Span, pass: &Pass) -> Result<(Moment, Moment, Cause), Beyond> {
        let hours = self.hours.of_task(task);
        match self.rules[task.at()] {
            Rule::Done { start, finish } => Ok((start, finish, Cause::Own)),
            Rule::Dropped => Ok((Moment(i64::MIN), Moment(i64::MIN), Cause::Own)),
            Rule::Spanning { first, last } => {
                Ok((pass.starts[first.at()], pass.finishes[last.at()], Cause::Own))
            }
            Rule::Running { start, since, least } => {
                let own = hours.advance(since, length).ok_or(Beyond)?.max(least);
                let bound = self.bound(task, End::Finish, pass)?;
                let cause = if bound > own { Cause::Finish } else { Cause::Own };
                Ok((start, own.max(bound), cause))
            }
            Rule::Waiting(waiting) => self.begun(task, waiting, length, pass),
        }
    }

    /// Returns the dates of a task that has yet to begin.
    fn begun(
        &self,
        task: TaskId,
        waiting: Waiting,
        length: Span,
        pass: &Pass,
    ) -> Result<(Moment, Moment, Cause), Beyond> {
        let bound = self.bound(task, End::Start, pass)?;
        let cause = if bound >= waiting.earliest { Cause::Start } else { Cause::Own };
        let begin = waiting.earliest.max(bound);
        let shape = self.shape(task, waiting, length);
        // What lasts longer than was planned goes on, open or closed.
        let more = length.0 - shape.length.0;
        let ended = |place: (Moment, Moment)| place.1.0.checked_add(more.max(0)).map(Moment);
        let own = shape.early(begin, None).ok_or(Beyond)?;
        let finish = ended(own).ok_or(Beyond)?;
        let bound = self.bound(task, End::Finish, pass)?;
        if bound <= finish {
            return Ok((own.0, finish, cause));
        }
        let held = shape.early(begin, Some(bound)).ok_or(Beyond)?;
        Ok((held.0, held.1.max(finish), Cause::Finish))
    }

    /// Returns how a task fills its open time; one that must not pause as it was planned, whatever it lasts.
    fn shape(&self, task: TaskId, waiting: Waiting, length: Span) -> Shape<'_> {
        let open = self.hours.of_task(task);
        match waiting.whole {
            // What takes no time now is nowhere held to an open stretch.
            Some(planned) if length.0 > 0 => Shape { open, split: Split::Never, length: planned },
            Some(_) | None => Shape { open, split: Split::Closed, length },
        }
    }

    /// Returns the latest of the bounds of one end of `task`.
    fn bound(&self, task: TaskId, end: End, pass: &Pass) -> Result<Moment, Beyond> {
        let mut latest = Moment(i64::MIN);
        for bound in self.bounds_of(task).iter().filter(|bound| bound.kind.to_end() == end) {
            latest = latest.max(self.instant(bound, pass)?);
        }
        Ok(latest)
    }

    fn instant(&self, bound: &Bound, pass: &Pass) -> Result<Moment, Beyond> {
        let end = match bound.kind.from_end() {
            End::Start => pass.starts[bound.from.at()],
            End::Finish => pass.finishes[bound.from.at()],
        };
        if bound.lag.0 == 0 {
            return Ok(end);
        }
        match self.hours.of_calendar(bound.calendar).advance(end, bound.lag) {
            Some(instant) => Ok(instant),
            // A lead from before anything may begin bounds nothing.
            None if bound.lag.0 < 0 => Ok(Moment(i64::MIN)),
            None => Err(Beyond),
        }
    }

    /// Returns when the last task of `pass` ends; none without a task that will be.
    pub fn finish(&self, pass: &Pass) -> Option<Moment> {
        let tasks = pass.finishes.iter().zip(&self.rules);
        tasks.filter(|(_, rule)| **rule != Rule::Dropped).map(|(finish, _)| *finish).max()
    }

    /// Returns the tasks from which delay reaches the finish of `pass`, in ascending order: those that end last, and those whose dates
    /// the dates of such a task followed from. What is over and what spans others is never one.
    pub fn critical(&self, pass: &Pass) -> Vec<TaskId> {
        let Some(finish) = self.finish(pass) else { return Vec::new() };
        let mut is_met = vec![false; self.rules.len()];
        let mut critical = Vec::new();
        let mut open: Vec<TaskId> = (0..).map(TaskId).take(self.rules.len()).collect();
        open.retain(|task| pass.finishes[task.at()] == finish);
        while let Some(task) = open.pop() {
            let is_work = match self.rules[task.at()] {
                Rule::Running { .. } | Rule::Waiting(_) => true,
                Rule::Done { .. } | Rule::Spanning { .. } | Rule::Dropped => false,
            };
            if is_work && !std::mem::replace(&mut is_met[task.at()], true) {
                critical.push(task);
                open.extend(self.drivers(task, pass).map(|driver| driver.task));
            }
        }
        critical.sort_unstable();
        critical
    }

    /// Returns what the dates of `task` followed from in `pass`: nothing if it begins with the problem, by its window or its facts; several
    /// if they bound it at one instant. In the order of links, arcs after them.
    pub fn drivers(&self, task: TaskId, pass: &Pass) -> impl Iterator<Item = Driver> {
        let end = match pass.causes[task.at()] {
            Cause::Own => None,
            Cause::Start => Some(End::Start),
            Cause::Finish => Some(End::Finish),
        };
        let bounds = self.bounds_of(task).iter().filter(move |bound| Some(bound.kind.to_end()) == end);
        // What could not be computed would have ended the pass.
        let instant = |bound: &Bound| self.instant(bound, pass).ok();
        let latest = bounds.clone().filter_map(instant).max();
        let decisive = bounds.filter(move |bound| instant(bound) == latest);
        decisive.map(|bound| Driver { task: bound.from, resource: bound.resource })
    }

    /// Returns the tasks from the first to the last of a chain that leads to the finish of `pass`, each of which follows from the one
    /// before it by a link or an arc. Of several that could, the one that comes first in links, arcs and tasks.
    pub fn critical_chain(&self, pass: &Pass) -> Vec<TaskId> {
        let critical = self.critical(pass);
        let finish = self.finish(pass);
        let mut at = critical.iter().copied().find(|task| Some(pass.finishes[task.at()]) == finish);
        let mut chain = Vec::new();
        while let Some(task) = at {
            chain.push(task);
            let mut drivers = self.drivers(task, pass).map(|driver| driver.task);
            at = drivers.find(|driver| critical.binary_search(driver).is_ok());
        }
        chain.reverse();
        chain
    }

    /// Returns the latest dates of all tasks at which nothing ends after `end` and no window is missed, from `lengths` as in
    /// [`Policy::run`]; none for what is over, dropped or spans others.
    ///
    /// # Errors
    ///
    /// Returns [`Beyond`] if a date lies outside of what is known: `end` is too early for the lengths.
    pub fn latest(&self, lengths: &[Span], end: Moment) -> Result<Vec<Option<Latest>>, Beyond> {
        let mut starts = vec![Moment(i64::MAX); self.rules.len()];
        let mut finishes = vec![end; self.rules.len()];
        let mut latest = vec![None; self.rules.len()];
        for &task in self.order.iter().rev() {
            let (start, finish) = (starts[task.at()], finishes[task.at()]);
            let (start, finish) = match self.rules[task.at()] {
                Rule::Done { .. } | Rule::Spanning { .. } | Rule::Dropped => continue,
                Rule::Running { start, .. } => (start, finish),
                Rule::Waiting(waiting) => {
                    let finish = finish.min(waiting.latest_finish.unwrap_or(finish));
                    let start = start.min(waiting.latest_start.unwrap_or(start));
                    let shape = self.shape(task, waiting, lengths[task.at()]);
                    shape.late(Some(start), finish).ok_or(Beyond)?
                }
            };
            latest[task.at()] = Some(Latest { start, finish });
            let has_begun = matches!(self.rules[task.at()], Rule::Running { .. });
            for bound in self.bounds_of(task) {
                // What was to come before the start of what has begun holds back nothing any more.
                if has_begun && bound.kind.to_end() == End::Start {
                    continue;
                }
                let by = match bound.kind.to_end() {
                    End::Start => start,
                    End::Finish => finish,
                };
                let open = self.hours.of_calendar(bound.calendar);
                let by = if bound.lag.0 < 0 {
                    // The last end from which the lead leads back to `by`: over closed time there is more than one.
                    open.retreat(Moment(by.0.saturating_add(1)), bound.lag).map(|after| Moment(after.0 - 1))
                } else {
                    open.retreat(by, bound.lag)
                };
                // Beyond what is known a lead bounds nothing.
                let by = by.unwrap_or(Moment(if bound.lag.0 < 0 { i64::MAX } else { i64::MIN }));
                let other = match bound.kind.from_end() {
                    End::Start => &mut starts[bound.from.at()],
                    End::Finish => &mut finishes[bound.from.at()],
                };
                *other = by.min(*other);
            }
        }
        Ok(latest)
    }
}

/// Returns for how much open time each task can slip from where it was placed until a task ends after the last one of `placement` or
/// misses its window, if execution keeps to links and arcs; none for what is over, dropped or spans others. What has begun can only
/// end later.
///
/// # Errors
///
/// Returns [`Beyond`] if `placement` lies outside of what is known.
pub fn floats(
    problem: &Problem,
    placement: &Placement,
    policy: &Policy,
) -> Result<Vec<Option<Span>>, Beyond> {
    let Some(end) = placement.finish() else { return Ok(Vec::new()) };
    let latest = policy.latest(&planned_lengths(problem, placement), end)?;
    let float = |(task, latest): (TaskId, Option<Latest>)| {
        let (placed, hours) = (placement.of(task), policy.hours.of_task(task));
        let slip = |latest: Latest| match problem.tasks[task.at()].fact {
            Fact::Started { .. } => hours.between(placed.finish, latest.finish),
            Fact::Open | Fact::Finished { .. } | Fact::Dropped => hours.between(placed.start, latest.start),
        };
        latest.map(|latest| slip(latest).ok_or(Beyond)).transpose()
    };
    (0..).map(TaskId).zip(latest).map(float).collect()
}

/// Returns how long every task lasts as it was placed, in open time: by the amounts that dates are computed with. Of what has begun with
/// a known rest it is the rest; an instant lasts for no time.
pub fn planned_lengths(problem: &Problem, placement: &Placement) -> Vec<Span> {
    let planned = |(task, placed): (&Task, &Placed)| match task.fact {
        Fact::Started { left: Some(left), .. } => left,
        Fact::Open | Fact::Started { left: None, .. } | Fact::Finished { .. } | Fact::Dropped => {
            planned_length(task, placed)
        }
    };
    problem.tasks.iter().zip(&placement.tasks).map(planned).collect()
}

fn planned_length(task: &Task, placed: &Placed) -> Span {
    let amount = task.modes.get(placed.mode).map(|mode| mode.estimate.amount);
    let amount = amount.filter(|_| task.kind != Kind::Milestone);
    length(amount.unwrap_or(Amount::Duration(Span(0))), placed.crew_units())
}

fn rule(problem: &Problem, placement: &Placement, id: TaskId) -> Rule {
    let (task, placed) = (&problem.tasks[id.at()], placement.of(id));
    match task.fact {
        Fact::Finished { start, finish } => return Rule::Done { start, finish },
        Fact::Dropped => return Rule::Dropped,
        Fact::Open | Fact::Started { .. } => {}
    }
    if task.spans.is_some() {
        let ends = [End::Start, End::Finish].map(|end| holder(problem, id, end).ok().flatten());
        return match ends {
            [Some(first), Some(last)] => Rule::Spanning { first, last },
            [Some(_) | None, _] => Rule::Dropped,
        };
    }
    if let Fact::Started { at, left } = task.fact {
        let since = left.map_or(at, |_| at.max(problem.start));
        return Rule::Running { start: at, since, least: at.max(problem.start) };
    }
    let Window { start_after, finish_before, must_start } = task.window;
    // What is to lie late is offered where it was placed.
    let placed_late = match problem.direction {
        Direction::Early => None,
        Direction::Late => Some(placed.start),
    };
    let earliest = [start_after, must_start, placed_late].into_iter().flatten().max();
    let earliest = earliest.unwrap_or(problem.start).max(problem.start);
    let whole = match task.split {
        Split::Never => Some(Span(planned_length(task, placed).0.max(1))),
        Split::Closed | Split::Any => None,
    };
    // What must begin while closed begins when it opens.
    let latest_start = must_start.map(|must| must.max(placed.start));
    Rule::Waiting(Waiting { earliest, whole, latest_start, latest_finish: finish_before })
}

/// Makes a task begin at `start` at the earliest.
fn hold_at(rule: &mut Rule, start: Moment) {
    if let Rule::Waiting(waiting) = rule {
        waiting.earliest = waiting.earliest.max(start);
    }
}
