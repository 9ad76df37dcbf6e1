//! A plan as one JSON document, for scripts. `docs/plan.md` describes the fields; they stay.
//!
//! Instants are RFC 3339 in UTC if the plan has dates, else null. Offsets (`es`, `ef`, `ls`, `lf` and those of profiles) are whole milliseconds
//! from the start of the plan, lengths whole milliseconds, money text with its decimals.

use serde_json::{Map, Value, json};

use myrmex_plan::chain::Resource;
use myrmex_plan::outcome::{BoundBy, Driver, Load, Outcome};
use myrmex_plan::problem::{Fact, Kind, Moment, Problem, Source, TaskId, WHOLE};

/// A plan with what is needed to name things in it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'p> {
    /// What was planned.
    pub problem: &'p Problem,
    /// The plan.
    pub outcome: &'p Outcome,
    /// Whether instants are dates, or only count from the start.
    pub is_dated: bool,
}

impl<'p> Named<'p> {
    /// Returns the path of a task.
    pub fn task(self, task: TaskId) -> &'p str {
        &self.problem.tasks[task.at()].name
    }

    /// Returns the name of a resource; pools and people may share names, so `kind` tells them apart.
    pub fn resource(self, resource: Resource) -> &'p str {
        match resource {
            Resource::Pool(pool) => &self.problem.pools[pool.at()].name,
            Resource::Person(person) => &self.problem.people[person.at()].name,
            Resource::Phase(phase) => &self.problem.phases[phase.at()].name,
        }
    }

    /// Returns the word for the kind of a resource.
    pub fn kind(resource: Resource) -> &'static str {
        match resource {
            Resource::Pool(_) => "pool",
            Resource::Person(_) => "person",
            Resource::Phase(_) => "phase",
        }
    }

    fn instant(self, at: Moment) -> Value {
        if self.is_dated { json!(at.to_string()) } else { Value::Null }
    }

    fn offset(self, at: Moment) -> Value {
        json!(at.0 - self.outcome.start.0)
    }
}

/// Builds the part of the document that tells dates: everything but `id`, `scenario`, `cost`, `risk`, `checks` and `delta`.
pub fn dates(named: Named<'_>) -> Map<String, Value> {
    let outcome = named.outcome;
    // What is not expected to run has no dates.
    let is_seen = |task: &TaskId| {
        let task = &named.problem.tasks[task.at()];
        task.kind != Kind::Joint && task.fact != Fact::Dropped
    };
    let paths = |tasks: &[TaskId]| {
        tasks.iter().filter(|task| is_seen(task)).map(|task| named.task(*task)).collect::<Vec<_>>()
    };
    let tasks: Map<String, Value> = (0..)
        .zip(&outcome.tasks)
        .filter(|(index, _)| is_seen(&TaskId(*index)))
        .map(|(index, _)| (named.task(TaskId(index)).to_owned(), task(named, TaskId(index))))
        .collect();
    let arcs: Vec<Value> = outcome
        .arcs
        .iter()
        .map(|arc| {
            json!({"from": named.task(arc.from), "to": named.task(arc.to), "kind": Named::kind(arc.resource),
               "resource": named.resource(arc.resource), "units": arc.units})
        })
        .collect();
    let Value::Object(document) = json!({
        "status": outcome.status.as_str(),
        "start": named.instant(outcome.start),
        "finish": named.instant(outcome.finish),
        "makespan": outcome.makespan().0,
        "gap": ratio(outcome.gap_millionths()),
        "seed": outcome.method.seed,
        "engine": {
            "version": env!("CARGO_PKG_VERSION"),
            "method": "serial generation, justification, genetic search",
            "candidates": outcome.method.candidates,
        },
        "lower_bound": {"value": outcome.bound.makespan.0, "by": bound(named)},
        "tasks": tasks,
        "critical_path": paths(&outcome.critical_path),
        "critical_chain": paths(&outcome.critical_chain),
        "resource_arcs": arcs,
        "resources": loads(named),
    }) else {
        return Map::new();
    };
    document
}

/// Writes millionths as a number with at most six decimals.
pub fn ratio(millionths: u64) -> Value {
    // Both are far below 2^53, and division rounds the same on every machine.
    #[expect(clippy::cast_precision_loss, reason = "shown with six digits")]
    let ratio = millionths as f64 / 1e6;
    json!(ratio)
}

fn bound(named: Named<'_>) -> String {
    match named.outcome.bound.by {
        BoundBy::CriticalPath => "cpm".to_owned(),
        BoundBy::Energy(pool) => format!("energy:{}", named.problem.pools[pool.at()].name),
    }
}

pub(super) fn task(named: Named<'_>, id: TaskId) -> Value {
    let planned = &named.outcome.tasks[id.at()];
    let task = &named.problem.tasks[id.at()];
    let mode = &task.modes[planned.mode];
    let crew = planned.crew.iter().map(|&(person, units)| {
        json!({"resource": named.resource(Resource::Person(person)), "kind": "person", "units": ratio(u64::from(units) * (1_000_000 / u64::from(WHOLE))),
               "from": named.instant(planned.start), "to": named.instant(planned.finish)})
    });
    let pools = mode.pools.iter().map(|&(pool, units)| {
        json!({"resource": named.resource(Resource::Pool(pool)), "kind": "pool", "units": units,
               "from": named.instant(planned.start), "to": named.instant(planned.finish)})
    });
    json!({
        "mode": mode.name,
        "es": named.offset(planned.early_start),
        "ef": named.offset(planned.early_finish),
        "ls": named.offset(planned.late_start),
        "lf": named.offset(planned.late_finish),
        "start": named.instant(planned.start),
        "finish": named.instant(planned.finish),
        "start_offset": named.offset(planned.start),
        "finish_offset": named.offset(planned.finish),
        "total_float": planned.total_float.0,
        "free_float": planned.free_float.0,
        "float_resource": planned.float_resource.0,
        "critical": planned.is_critical,
        "critical_resource": planned.is_critical_resource,
        "drag": planned.drag.0,
        "driver": driver(named, planned.driver),
        "assignments": crew.chain(pools).collect::<Vec<_>>(),
        "estimate_source": source(mode.estimate.source),
    })
}

fn source(source: Source) -> Value {
    match source {
        Source::Author => json!({"kind": "author"}),
        Source::History { runs } => json!({"kind": "history", "runs": runs}),
        Source::Few { runs } => json!({"kind": "few", "runs": runs}),
        Source::Guess => json!({"kind": "guess"}),
    }
}

fn driver(named: Named<'_>, driver: Driver) -> Value {
    match driver {
        Driver::Start => json!({"kind": "start", "id": null}),
        Driver::Predecessor(task) => json!({"kind": "predecessor", "id": named.task(task)}),
        Driver::Resource(resource, task) => {
            json!({"kind": "resource", "id": named.resource(resource), "held_by": named.task(task)})
        }
        Driver::Calendar => json!({"kind": "calendar", "id": null}),
        Driver::Constraint => json!({"kind": "constraint", "id": null}),
        Driver::Fact => json!({"kind": "fact", "id": null}),
    }
}

/// Writes the loads by the names of the resources. Where two of them share a name, the second one has its kind before it.
fn loads(named: Named<'_>) -> Map<String, Value> {
    let mut all = Map::new();
    for load in &named.outcome.loads {
        let name = named.resource(load.resource);
        let is_taken = all.contains_key(name);
        let key = if is_taken { format!("{}:{name}", Named::kind(load.resource)) } else { name.to_owned() };
        all.insert(key, self::load(named, load));
    }
    all
}

fn load(named: Named<'_>, load: &Load) -> Value {
    let profile: Vec<Value> =
        load.profile.iter().map(|&(at, used)| json!([named.offset(at), used, load.capacity])).collect();
    let overload = load.overloads.iter().map(|overload| {
        json!({
            "from": named.offset(overload.from), "to": named.offset(overload.to), "units": overload.units,
            "tasks": overload.tasks.iter().map(|task| named.task(*task)).collect::<Vec<_>>(),
        })
    });
    json!({
        "kind": Named::kind(load.resource),
        "capacity": load.capacity,
        "peak": load.peak,
        "mean_utilisation": ratio(load.utilisation_millionths),
        "profile": profile,
        "overload": overload.collect::<Vec<_>>(),
    })
}
