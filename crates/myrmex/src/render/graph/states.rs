//! Where the tasks of a run stand, by the nodes of its definition: what a drawing shows of it.

use std::collections::BTreeMap;

use myrmex_engine::run::{Run, TaskView};
use myrmex_model::OrderedMap;
use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::status::Status;

use super::critical::{Instance, longest, recorded};
use super::model::{Drawing, RunFacts, State};

/// The statuses, from the one that matters most where one shape stands for several.
const BY_WEIGHT: [Status; 10] = [
    Status::Failed,
    Status::TimedOut,
    Status::Stuck,
    Status::Running,
    Status::Waiting,
    Status::Pending,
    Status::Cancelled,
    Status::Compensated,
    Status::Succeeded,
    Status::Skipped,
];

/// Draws a workflow.
pub fn of_definition(definition: &Definition) -> Drawing {
    Drawing::of(definition, None, &BTreeMap::new(), &longest)
}

/// Draws a run. `is_interrupted` says that no process has it though it is not over.
pub fn of_run(run: &Run, is_interrupted: bool) -> Drawing {
    let definition = run.definition();
    let started = run.started().unwrap_or(run.last());
    let facts = RunFacts {
        id: run.id().to_string(),
        status: run.status(),
        is_interrupted,
        took_ms: run.last().since(started).0,
    };
    let last = last_runs(run);
    let mut states: BTreeMap<NodeId, State> =
        last.iter().map(|(node, tasks)| (*node, state(tasks.values(), is_interrupted))).collect();
    for (node, tasks) in &last {
        if let Body::Each(each) = &definition.node(*node).body {
            let counts = items(tasks, last.get(&each.body));
            if let Some(state) = states.get_mut(node) {
                state.counts = counts;
            }
        }
    }
    for index in 0..u32::try_from(definition.nodes.len()).unwrap_or(u32::MAX) {
        let node = NodeId(index);
        if !states.contains_key(&node) {
            let around = definition.node(node).parent.and_then(|parent| states.get(&parent));
            states.insert(node, unreached(around, run.status()));
        }
    }
    let instances = instances(run, &last);
    let bodies = definition.nodes.iter().enumerate().filter_map(|(index, node)| match &node.body {
        Body::Each(each) => Some((NodeId(u32::try_from(index).unwrap_or(u32::MAX)), each.body)),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Call(_) => None,
    });
    let bodies: BTreeMap<NodeId, NodeId> = bodies.collect();
    Drawing::of(definition, Some(facts), &states, &|shapes, arrows| {
        recorded(shapes, arrows, &instances, &bodies)
    })
}

/// The last run of each task, by its node and its path.
type LastRuns<'r> = BTreeMap<NodeId, OrderedMap<String, TaskView<'r>>>;

fn last_runs(run: &Run) -> LastRuns<'_> {
    let mut last = LastRuns::new();
    for task in run.tasks() {
        // Items of which only the result was kept are no tasks of their own any more.
        for task in [task].into_iter().chain(task.items()) {
            last.entry(task.node()).or_default().insert(task.address().path().into_owned(), task);
        }
    }
    last
}

fn state<'t>(tasks: impl Iterator<Item = &'t TaskView<'t>>, is_interrupted: bool) -> State {
    let tasks: Vec<&TaskView<'_>> = tasks.collect();
    let count = |status: Status| tasks.iter().filter(|task| task.status() == status).count();
    let counts: Vec<(Status, usize)> =
        BY_WEIGHT.into_iter().map(|status| (status, count(status))).filter(|(_, count)| *count > 0).collect();
    let status = counts.first().map_or(Status::Pending, |(status, _)| *status);
    let ends: Option<Vec<_>> = tasks.iter().map(|task| task.ended()).collect();
    State {
        status,
        word: word(&tasks, status, is_interrupted),
        counts: if tasks.len() > 1 { counts } else { Vec::new() },
        attempts: tasks.iter().map(|task| task.attempts()).max().unwrap_or(0),
        started: tasks.iter().filter_map(|task| task.started()).min(),
        ended: ends.and_then(|ends| ends.into_iter().max()),
    }
}

/// Returns the word for a status; finer words only if they are true of all that the shape stands for.
fn word(tasks: &[&TaskView<'_>], status: Status, is_interrupted: bool) -> &'static str {
    let all = |is: &dyn Fn(&TaskView<'_>) -> bool| !tasks.is_empty() && tasks.iter().all(|task| is(task));
    match status {
        Status::Running if is_interrupted => "interrupted",
        Status::Succeeded if all(&|task| task.is_accepted()) => "failed, accepted",
        Status::Succeeded if all(&|task| task.taken_from().is_some()) => "taken",
        Status::Succeeded if all(&|task| task.cached().is_some()) => "cached",
        Status::Pending
        | Status::Running
        | Status::Waiting
        | Status::Succeeded
        | Status::Failed
        | Status::Cancelled
        | Status::TimedOut
        | Status::Compensated
        | Status::Stuck
        | Status::Skipped => status.as_str(),
    }
}

/// Counts the items of a `for_each` by status; those that were never reached are pending.
fn items<'r>(
    each: &OrderedMap<String, TaskView<'r>>,
    reached: Option<&OrderedMap<String, TaskView<'r>>>,
) -> Vec<(Status, usize)> {
    let total: usize = each.values().map(TaskView::item_count).sum();
    let reached: Vec<Status> =
        reached.into_iter().flat_map(OrderedMap::values).map(TaskView::status).collect();
    let is_over = each.values().all(|each| each.status().is_terminal());
    let open = total.saturating_sub(reached.len());
    let unreached = if is_over { Status::Skipped } else { Status::Pending };
    let count = |status: Status| {
        let own = reached.iter().filter(|own| **own == status).count();
        if status == unreached { own + open } else { own }
    };
    Status::ALL.into_iter().map(|status| (status, count(status))).filter(|(_, count)| *count > 0).collect()
}

/// Says where a task stands that the run never came to. What is inside of something that was taken over was taken with it.
fn unreached(around: Option<&State>, run: Status) -> State {
    let is_taken = around.is_some_and(|around| around.word == "taken");
    let is_over = run.is_terminal() || around.is_some_and(|around| around.status.is_terminal());
    let (status, word) = match (is_taken, is_over) {
        (true, _) => (Status::Succeeded, "taken"),
        (false, true) => (Status::Skipped, Status::Skipped.as_str()),
        (false, false) => (Status::Pending, Status::Pending.as_str()),
    };
    State { status, word, counts: Vec::new(), attempts: 0, started: None, ended: None }
}

/// Returns when each node ran.
fn instances(run: &Run, last: &LastRuns<'_>) -> BTreeMap<NodeId, Vec<Instance>> {
    let instance = |task: &TaskView<'_>| {
        let ended = task.ended().unwrap_or(run.last());
        Some(Instance { address: task.address(), started: task.started()?, ended })
    };
    last.iter().map(|(node, tasks)| (*node, tasks.values().filter_map(instance).collect())).collect()
}
