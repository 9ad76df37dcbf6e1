//! A whole plan: dates without resources, a placement, the rule of execution over it, its load, cost and risk.
//!
//! This only puts together what the other modules compute, in one order.

use crate::calendar::{CalendarError, Calendars};
use crate::chain::{Resource, chain};
use crate::check::{self, Finding};
use crate::cost::{CostError, Costs, costs};
use crate::critical::{self, Critical, CriticalError, Dates, Setting, Why};
use crate::driver::drivers;
use crate::hours::Hours;
use crate::length;
use crate::load::{Use, loads};
use crate::network::{Cycle, Network};
use crate::outcome::{Bound, BoundBy, Driver, Method, Outcome, Planned, Status};
use crate::placement::Placement;
use crate::policy::{Beyond, Pass, Policy, floats, planned_lengths};
use crate::problem::{Fact, Moment, Problem, Span, TaskId};
use crate::risk::{self, Model, Report, RiskError};
use crate::search::{self, Effort, Found, Infeasible};

/// How much work a plan is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many candidates are looked at.
    pub effort: Effort,
    /// What random choices and samples are drawn from.
    pub seed: u64,
    /// How many samples of risk are drawn; zero for none.
    pub samples: u64,
    /// Whether the plan is looked over for what planners take for a weakness: of projects, not of a workflow.
    pub is_reviewed: bool,
}

/// A plan with everything that is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Dates, drivers, loads.
    pub outcome: Outcome,
    /// Where everything lies.
    pub placement: Placement,
    /// Dates without resources.
    pub critical: Critical,
    /// What it costs, and when.
    pub costs: Costs,
    /// What could be better about it.
    pub findings: Vec<Finding>,
    /// When its work can proceed.
    pub hours: Hours,
    /// Between which instants `hours` is known.
    pub known: std::ops::Range<Moment>,
    /// How it may turn out; none if nothing was drawn.
    pub risk: Option<Report>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoPlan {
    /// Tasks wait for each other.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// There are no dates even without resources.
    #[error(transparent)]
    Dates(#[from] CriticalError),
    /// There are none with them.
    #[error(transparent)]
    Search(#[from] Infeasible),
    /// A calendar means nothing.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A date lies further away than calendars are known for.
    #[error(transparent)]
    Beyond(#[from] Beyond),
    /// Risks go beyond what can be computed.
    #[error(transparent)]
    Risk(#[from] RiskError),
    /// Costs do.
    #[error(transparent)]
    Cost(#[from] CostError),
}

/// How far before and behind a plan open time is known: drivers, late dates and costs ask for no more.
const AROUND: i64 = 400 * 86_400_000;

/// Makes a plan of `problem`: the same one for the same problem and options, on every machine.
///
/// # Errors
///
/// Returns [`NoPlan`] if there is none; [`crate::check`] says why in words.
pub fn make(problem: &Problem, options: Options) -> Result<Plan, NoPlan> {
    let network = Network::new(problem)?;
    let (critical, findings) = dated(problem, &network, options.is_reviewed)?;
    let found = search::plan(problem, options.effort, options.seed)?;
    let placement = &found.placement;
    let arcs = chain(problem, &network, placement);
    let start = search::started(problem, placement.tasks.iter().map(|placed| placed.start));
    let known = Moment(start.0.saturating_sub(AROUND))..Moment(found.finish.0.saturating_add(AROUND));
    let policy =
        Policy::new(problem, &network, placement, &arcs, &Calendars::compile(problem, known.clone())?);
    let mut pass = Pass::default();
    policy.run(&planned_lengths(problem, placement), &mut pass)?;
    let chain_of_drivers = policy.critical_chain(&pass);
    let tasks = tasks(
        problem,
        &policy,
        &critical,
        (placement, &drivers(problem, &network, placement, &arcs, policy.hours())),
    )?;
    let outcome = Outcome {
        status: if found.is_optimal { Status::Optimal } else { Status::Feasible },
        start,
        finish: found.finish,
        earliest: Span(found.earliest.1.0 - found.earliest.0.0),
        bound: bound(&found),
        method: Method { seed: options.seed, candidates: found.candidates },
        tasks,
        critical_path: critical.path.clone(),
        critical_chain: chain_of_drivers,
        loads: loads(
            problem,
            &planned_uses(problem, placement),
            &early_uses(problem, placement, &critical),
            (start, found.finish),
        ),
        arcs,
    };
    let costs = costs(problem, placement, policy.hours())?;
    let risk = sampled(problem, &network, &outcome, placement, options)?;
    Ok(Plan {
        outcome,
        costs,
        findings,
        hours: policy.hours().clone(),
        known,
        risk,
        critical,
        placement: found.placement,
    })
}

/// Puts together what is told of each task.
fn tasks(
    problem: &Problem,
    policy: &Policy,
    critical: &Critical,
    (placement, drivers): (&Placement, &[Driver]),
) -> Result<Vec<Planned>, Beyond> {
    let floats = floats(problem, placement, policy)?;
    let near = problem.near;
    let tasks =
        (0..).map(TaskId).zip(&placement.tasks).zip(&critical.tasks).zip(floats.into_iter().zip(drivers));
    let tasks = tasks.map(|(((task, placed), dates), (float, &driver))| {
        let dates = dates.unwrap_or_else(|| placed_dates(placed));
        let float = float.unwrap_or(dates.total_float);
        Planned {
            mode: placed.mode,
            early_start: dates.early_start,
            early_finish: dates.early_finish,
            late_start: dates.late_start,
            late_finish: dates.late_finish,
            start: placed.start,
            finish: placed.finish,
            total_float: dates.total_float,
            free_float: dates.free_float,
            float_resource: float,
            latest: policy
                .hours()
                .of_task(task)
                .advance(placed.finish, Span(float.0.max(0)))
                .unwrap_or(placed.finish),
            is_critical: dates.is_critical,
            is_critical_resource: float <= near,
            drag: dates.drag,
            driver,
            crew: placed.crew.clone(),
        }
    });
    Ok(tasks.collect())
}

/// Computes the dates without resources, and what could be better about them.
fn dated(
    problem: &Problem,
    network: &Network,
    is_reviewed: bool,
) -> Result<(Critical, Vec<Finding>), CriticalError> {
    with_setting(problem, network, |setting| {
        let critical = critical::analyse(setting)?;
        let findings = if is_reviewed { check::findings(setting, &critical, None)? } else { Vec::new() };
        Ok((critical, findings))
    })
}

fn with_setting<T>(
    problem: &Problem,
    network: &Network,
    mut with: impl FnMut(&Setting<'_>) -> Result<T, CriticalError>,
) -> Result<T, CriticalError> {
    let lengths = length::of_first_modes(problem);
    critical::with_calendars(problem, |calendars| {
        with(&Setting { problem, network, calendars, lengths: &lengths })
    })
}

/// Tells why a task lies where it lies, resources left aside, and what would change that; nothing of one that is over or spans others.
///
/// # Errors
///
/// Returns [`NoPlan`] if there are no dates.
pub fn why(problem: &Problem, plan: &Plan, task: TaskId) -> Result<Option<Why>, NoPlan> {
    let network = Network::new(problem)?;
    Ok(with_setting(problem, &network, |setting| critical::why(setting, &plan.critical, task))?)
}

fn bound(found: &Found) -> Bound {
    let by = match found.bound.by {
        crate::bounds::BoundBy::CriticalPath => BoundBy::CriticalPath,
        crate::bounds::BoundBy::Energy(pool) => BoundBy::Energy(pool),
    };
    Bound { makespan: Span(found.bound.finish.0.saturating_sub(found.earliest.0.0).max(0)), by }
}

/// A task that is dropped has no dates but those of its place.
fn placed_dates(placed: &crate::placement::Placed) -> Dates {
    Dates {
        early_start: placed.start,
        early_finish: placed.finish,
        late_start: placed.start,
        late_finish: placed.finish,
        total_float: Span(0),
        free_float: Span(0),
        drag: Span(0),
        driver: critical::Driver::Constraint(critical::Constraint::Fact),
        is_critical: false,
    }
}

fn planned_uses(problem: &Problem, placement: &Placement) -> Vec<Use> {
    uses(problem, placement, |task| {
        let placed = placement.of(task);
        Some((placed.start, placed.finish))
    })
}

/// What the same people and pools would have to do if everything began as early as links allow.
fn early_uses(problem: &Problem, placement: &Placement, critical: &Critical) -> Vec<Use> {
    uses(problem, placement, |task| {
        critical.tasks[task.at()].map(|dates| (dates.early_start, dates.early_finish))
    })
}

fn uses(
    problem: &Problem,
    placement: &Placement,
    dates: impl Fn(TaskId) -> Option<(Moment, Moment)>,
) -> Vec<Use> {
    let mut uses = Vec::new();
    for (task, written) in (0..).map(TaskId).zip(&problem.tasks) {
        let Some((from, to)) = dates(task).filter(|_| written.fact != Fact::Dropped) else { continue };
        let placed = placement.of(task);
        // What stands for a calendar has no load.
        let pools = written.modes[placed.mode]
            .pools
            .iter()
            .filter(|(pool, _)| problem.pools[pool.at()].capacity < u32::MAX);
        let pools = pools.map(|&(pool, units)| (Resource::Pool(pool), units));
        let people = placed.crew.iter().map(|&(person, units)| (Resource::Person(person), units));
        uses.extend(pools.chain(people).map(|(resource, units)| Use {
            task,
            resource,
            units: u64::from(units),
            from,
            to,
        }));
    }
    uses
}

fn sampled(
    problem: &Problem,
    network: &Network,
    outcome: &Outcome,
    placement: &Placement,
    options: Options,
) -> Result<Option<Report>, NoPlan> {
    if options.samples == 0 || problem.tasks.is_empty() {
        return Ok(None);
    }
    let model = Model::new(problem, network, placement, &outcome.arcs, options.seed)?;
    Ok(risk::summarise(&model, model.samples(0..options.samples)?))
}
