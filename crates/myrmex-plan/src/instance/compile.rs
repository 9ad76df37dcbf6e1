//! From a problem to numbers.

use std::collections::BTreeMap;

use super::{
    ALWAYS, Arc, Arcs, Ask, Clocks, Direction, Hammock, Instance, Limits, Need, Pin, Side, Way, Worker,
};
use crate::calendar::{CalendarError, OpenTime};
use crate::placement::length;
use crate::problem::{
    Calendar, Fact, Kind, LinkKind, Mode, Moment, Person, Problem, Span, Split, Task, TaskId,
};

/// Why a problem cannot be put into numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CompileError {
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// These tasks wait for each other, or for some that do.
    #[error("tasks wait for each other")]
    Cycle(Vec<TaskId>),
}

impl Instance {
    /// Puts `problem` into numbers; its calendars are known for `horizon` before and after its start and what has happened.
    pub(crate) fn compile(problem: &Problem, horizon: Span) -> Result<Self, CompileError> {
        let mut clocks = Clocks::new();
        let known = known(problem, horizon);
        let calendar_clocks = problem
            .calendars
            .iter()
            .enumerate()
            .map(|(at, calendar)| if at == 0 { Ok(ALWAYS) } else { open(&mut clocks, calendar, known) })
            .collect::<Result<Vec<u32>, CalendarError>>()?;
        let people = problem
            .people
            .iter()
            .map(|person| worker(&mut clocks, problem, person, known, &calendar_clocks))
            .collect::<Result<Vec<Worker>, CalendarError>>()?;
        let mut capacity: Vec<u32> = problem.pools.iter().map(|pool| pool.capacity).collect();
        let mut phases = BTreeMap::new();
        for (at, phase) in problem.phases.iter().enumerate() {
            if let Some(limit) = phase.max_parallel {
                phases.insert(at, capacity.len());
                capacity.push(limit);
            }
        }
        let first_person = capacity.len();
        capacity.extend(people.iter().map(|person| person.units));
        let blank = Side::blank();
        let mut instance = Self {
            forward: blank.clone(),
            mirrored: blank,
            mode_ranges: Vec::with_capacity(problem.tasks.len()),
            modes: Vec::new(),
            needs: Vec::new(),
            asks: Vec::new(),
            consumes: Vec::new(),
            capacity,
            people,
            first_person,
            budgets: problem.budgets.iter().map(|budget| u64::from(budget.amount)).collect(),
            priority: problem.tasks.iter().map(|task| task.priority).collect(),
            clocks,
        };
        for task in &problem.tasks {
            instance.add_task(problem, task, &calendar_clocks, &phases);
        }
        instance.forward = instance.side_of(problem, &calendar_clocks, Direction::Forward)?;
        instance.mirrored = instance.side_of(problem, &calendar_clocks, Direction::Mirrored)?;
        Ok(instance)
    }

    fn add_task(
        &mut self,
        problem: &Problem,
        task: &Task,
        calendar_clocks: &[u32],
        phases: &BTreeMap<usize, usize>,
    ) {
        let first = self.modes.len();
        let limit = task.phase.and_then(|phase| phases.get(&phase.at())).copied();
        for mode in modes(task) {
            let mut clock = calendar_clocks[task.calendar.at()];
            let needs = self.needs.len();
            let (is_over, is_idle) = (matches!(task.fact, Fact::Finished { .. }), is_idle(task, mode));
            if !is_over && !is_idle {
                for (pool, units) in mode.pools.iter().filter(|(_, units)| *units > 0) {
                    clock = self.clocks.both(clock, calendar_clocks[problem.pools[pool.at()].calendar.at()]);
                    self.needs.push(Need { what: pool.0, units: i64::from(*units) });
                }
                self.needs.extend(limit.map(|at| Need { what: number(at), units: 1 }));
            }
            let asks = self.asks.len();
            // People who decide give nobody's capacity away.
            if !is_over && !is_idle && task.kind != Kind::Decision {
                self.asks.extend(mode.crew.iter().filter(|ask| ask.count > 0).map(|ask| Ask {
                    candidates: candidates(problem, ask),
                    count: ask.count as usize,
                    units: ask.units.max(1),
                }));
            }
            let consumes = self.consumes.len();
            if task.fact != Fact::Dropped {
                let used = mode.consumes.iter();
                self.consumes
                    .extend(used.map(|(budget, units)| Need { what: budget.0, units: i64::from(*units) }));
            }
            let amount =
                if is_idle { crate::problem::Amount::Duration(Span(0)) } else { mode.estimate.amount };
            self.modes.push(Way {
                amount,
                length: length(amount, 0).0,
                clock,
                is_whole: task.split == Split::Never,
                needs: needs..self.needs.len(),
                asks: asks..self.asks.len(),
                consumes: consumes..self.consumes.len(),
            });
        }
        self.mode_ranges.push(first..self.modes.len());
    }

    fn side_of(
        &self,
        problem: &Problem,
        calendar_clocks: &[u32],
        direction: Direction,
    ) -> Result<Side, CompileError> {
        let links = arcs(problem, calendar_clocks, direction);
        let count = problem.tasks.len();
        let incoming = links.iter().map(|(from, to, arc)| (*to, Arc { task: *from, ..*arc }));
        let outgoing = links.iter().map(|(from, to, arc)| (*from, Arc { task: *to, ..*arc }));
        let mut side = Side {
            direction,
            incoming: Arcs::new(count, incoming),
            outgoing: Arcs::new(count, outgoing),
            limits: problem.tasks.iter().map(|task| limits(problem, task, direction)).collect(),
            spans: self.hammocks(problem, direction),
            rank: vec![0; count],
            is_plain: links.iter().all(|(_, _, arc)| arc.kind == LinkKind::FinishStart && arc.lag >= 0)
                && problem.tasks.iter().all(|task| task.fact == Fact::Open),
        };
        let order = side.ordered(&vec![0; count]);
        for (place, task) in order.iter().enumerate() {
            side.rank[*task as usize] = number(place);
        }
        if order.len() == count {
            return Ok(side);
        }
        let mut is_placed = vec![false; count];
        for task in order {
            is_placed[task as usize] = true;
        }
        Err(CompileError::Cycle(
            (0..).take(count).filter(|at| !is_placed[*at as usize]).map(TaskId).collect(),
        ))
    }

    /// Returns the tasks that last from one to another. Who works on them is decided here: the cheapest of those who can, because
    /// nobody knows yet how long it will be.
    fn hammocks(&self, problem: &Problem, direction: Direction) -> Vec<Hammock> {
        let mut hammocks = Vec::new();
        for (at, task) in problem.tasks.iter().enumerate() {
            let Some((from, to)) = task.spans.filter(|_| !is_over(task)) else { continue };
            let way = &self.modes[self.mode_ranges[at].start];
            let mut needs = self.needs[way.needs.clone()].to_vec();
            let mut crew = Vec::new();
            for ask in &self.asks[way.asks.clone()] {
                let mut able = ask.candidates.clone();
                able.retain(|person| crew.iter().all(|(other, _)| other != person));
                able.sort_by_key(|person| self.people[*person as usize].rate);
                crew.extend(able.iter().take(ask.count).map(|person| (*person, self.share(*person, ask))));
            }
            crew.sort_unstable();
            needs.extend(crew.iter().map(|(person, units)| Need {
                what: number(self.first_person) + person,
                units: i64::from(*units),
            }));
            let (from, to) = match direction {
                Direction::Forward => (from.0, to.0),
                Direction::Mirrored => (to.0, from.0),
            };
            hammocks.push(Hammock { task: number(at), from, to, needs, crew });
        }
        hammocks
    }
}

impl Side {
    fn blank() -> Self {
        Self {
            direction: Direction::Forward,
            incoming: Arcs::default(),
            outgoing: Arcs::default(),
            limits: Vec::new(),
            spans: Vec::new(),
            rank: Vec::new(),
            is_plain: true,
        }
    }
}

/// Returns between which instants calendars are needed.
fn known(problem: &Problem, horizon: Span) -> (Moment, Moment) {
    let facts = problem.tasks.iter().flat_map(|task| match task.fact {
        Fact::Open | Fact::Dropped => [problem.start; 2],
        Fact::Started { at, left: _ } => [at; 2],
        Fact::Finished { start, finish } => [start, finish],
    });
    let (first, last) = facts
        .chain(problem.deadline)
        .fold((problem.start, problem.start), |(first, last), at| (first.min(at), last.max(at)));
    (Moment(first.0 - horizon.0), Moment(last.0 + horizon.0))
}

fn open(
    clocks: &mut Clocks,
    calendar: &Calendar,
    (from, to): (Moment, Moment),
) -> Result<u32, CalendarError> {
    Ok(clocks.add(OpenTime::compile(calendar, from..to)?))
}

fn worker(
    clocks: &mut Clocks,
    problem: &Problem,
    person: &Person,
    known: (Moment, Moment),
    calendar_clocks: &[u32],
) -> Result<Worker, CalendarError> {
    let clock = match person.day_limit {
        None => calendar_clocks[person.calendar.at()],
        Some(limit) => open(clocks, &shortened(&problem.calendars[person.calendar.at()], limit), known)?,
    };
    Ok(Worker { clock, units: person.units, rate: person.rate.unwrap_or_default().0 })
}

/// Returns `calendar` with only the first `limit` of each day.
fn shortened(calendar: &Calendar, limit: Span) -> Calendar {
    let minutes = u16::try_from((limit.0 / 60_000).max(0)).unwrap_or(u16::MAX);
    let cut = |hours: &Vec<(u16, u16)>| {
        let mut left = minutes;
        let mut kept = Vec::new();
        for (start, end) in hours {
            let length = end.saturating_sub(*start).min(left);
            if length > 0 {
                kept.push((*start, start + length));
            }
            left -= length;
        }
        kept
    };
    let mut short = calendar.clone();
    for hours in
        short.week.iter_mut().chain(short.exceptions.iter_mut().map(|exception| &mut exception.hours))
    {
        *hours = cut(hours);
    }
    short
}

/// Returns the modes that a task can still be done in: what has begun goes on as its author wrote it.
fn modes(task: &Task) -> &[Mode] {
    match task.fact {
        Fact::Open => &task.modes,
        Fact::Started { .. } | Fact::Finished { .. } | Fact::Dropped => &task.modes[..1],
    }
}

/// Whether nothing of a task is left to be placed.
fn is_over(task: &Task) -> bool {
    match task.fact {
        Fact::Open | Fact::Started { .. } => false,
        Fact::Finished { .. } | Fact::Dropped => true,
    }
}

/// Whether a task is an instant, which holds nothing.
fn is_idle(task: &Task, mode: &Mode) -> bool {
    if task.spans.is_some() {
        return false;
    }
    // How much is left of what has begun may have been said, whatever the estimate was.
    let has_begun = matches!(task.fact, Fact::Started { .. });
    let is_nothing = !has_begun && length(mode.estimate.amount, 0).0 == 0;
    task.kind == Kind::Milestone || task.fact == Fact::Dropped || is_nothing
}

fn candidates(problem: &Problem, ask: &crate::problem::Ask) -> Vec<u32> {
    let has = |person: &Person, (name, level): &(String, u32)| {
        person.skills.iter().any(|(other, has)| other == name && has >= level)
    };
    let members = problem.roles[ask.role.at()].members.iter();
    members
        .filter(|person| ask.skills.iter().all(|skill| has(&problem.people[person.at()], skill)))
        .map(|person| person.0)
        .collect()
}

/// Returns the links as `(from, to, arc)` in `direction`. What waits for a dropped task waits for nothing.
fn arcs(problem: &Problem, calendar_clocks: &[u32], direction: Direction) -> Vec<(u32, u32, Arc)> {
    let is_dropped = |task: TaskId| problem.tasks[task.at()].fact == Fact::Dropped;
    let mut arcs = Vec::with_capacity(problem.links.len());
    for link in problem.links.iter().filter(|link| !is_dropped(link.from) && !is_dropped(link.to)) {
        // Nothing can hold back what lasts as long as others do.
        if problem.tasks[link.to.at()].spans.is_some() {
            continue;
        }
        let arc =
            Arc { task: 0, clock: calendar_clocks[link.calendar.at()], kind: link.kind, lag: link.lag.0 };
        arcs.push(match direction {
            Direction::Forward => (link.from.0, link.to.0, arc),
            Direction::Mirrored => (link.to.0, link.from.0, Arc { kind: mirrored(link.kind), ..arc }),
        });
    }
    // What spans others comes after them in both directions.
    for (at, task) in problem.tasks.iter().enumerate() {
        let Some((first, last)) = task.spans.filter(|_| !is_over(task)) else { continue };
        let (first, last) = match direction {
            Direction::Forward => (first, last),
            Direction::Mirrored => (last, first),
        };
        let arc = |kind| Arc { task: 0, clock: ALWAYS, kind, lag: 0 };
        arcs.push((first.0, number(at), arc(LinkKind::StartStart)));
        arcs.push((last.0, number(at), arc(LinkKind::FinishFinish)));
    }
    arcs
}

/// Returns which ends a link joins when it is seen from the end of time.
fn mirrored(kind: LinkKind) -> LinkKind {
    match kind {
        LinkKind::FinishStart | LinkKind::StartFinish => kind,
        LinkKind::StartStart => LinkKind::FinishFinish,
        LinkKind::FinishFinish => LinkKind::StartStart,
    }
}

fn limits(problem: &Problem, task: &Task, direction: Direction) -> Limits {
    let (earliest, latest) = (task.window.start_after, task.window.finish_before);
    let earliest = earliest.map_or(problem.start.0, |at| at.0.max(problem.start.0));
    let latest = latest.map_or(i64::MAX, |at| at.0);
    let pin = match task.fact {
        Fact::Finished { start, finish } => Pin::Over(start.0, finish.0),
        Fact::Open | Fact::Started { .. } if task.spans.is_some() => Pin::Span,
        Fact::Started { at, left } => Pin::Running(at.0, left.map(|left| left.0)),
        Fact::Dropped => Pin::Over(problem.start.0, problem.start.0),
        Fact::Open => task.window.must_start.map_or(Pin::Free, |at| Pin::Start(at.0)),
    };
    match direction {
        Direction::Forward => Limits { earliest, latest, pin },
        // In the mirror what is pinned lies where it was placed; `earliest` bounds nothing that moves away from it.
        Direction::Mirrored => {
            Limits { earliest: latest.checked_neg().unwrap_or(i64::MIN), latest: i64::MAX, pin }
        }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("there are fewer of anything than 2^32")
}
