//! From a plan to the rows and arrows of its chart: tasks below the blocks and phases that hold them.

use std::collections::BTreeMap;

use myrmex_plan::outcome::Planned;
use myrmex_plan::problem::{Fact, Kind, Link, LinkKind, Moment, Task, TaskId};

use super::chart::{Arrow, ArrowKind, Row, Shape};
use super::json::Named;
use super::words;

/// The rows of a plan, and where each task stands in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    /// From top to bottom.
    pub(super) rows: Vec<Row>,
    /// The row of each task, by its index; of a joint that of the block it belongs to, if it has one.
    row_of: Vec<Option<usize>>,
}

/// A name, with what is in it.
#[derive(Debug, Default)]
struct Branch {
    task: Option<TaskId>,
    /// In the order in which they were first met.
    inner: Vec<(String, Branch)>,
    place_of: BTreeMap<String, usize>,
}

impl Branch {
    fn inner(&mut self, name: &str) -> &mut Self {
        let place = *self.place_of.entry(name.to_owned()).or_insert_with(|| {
            self.inner.push((name.to_owned(), Self::default()));
            self.inner.len() - 1
        });
        &mut self.inner[place].1
    }
}

/// Builds the rows: a task is below its phase, and below the tasks that its path names.
pub(super) fn rows(named: Named<'_>) -> Rows {
    let mut root = Branch::default();
    let seen = (0..)
        .zip(&named.problem.tasks)
        .filter(|(_, task)| task.kind != Kind::Joint && task.fact != Fact::Dropped);
    for (index, task) in seen {
        let phase = task.phase.map(|phase| named.problem.phases[phase.at()].name.as_str());
        let mut at = &mut root;
        // A task that stands for its phase is the phase's row.
        for name in phase.filter(|phase| *phase != task.name).into_iter().chain(names(&task.name)) {
            at = at.inner(name);
        }
        at.task = Some(TaskId(index));
    }
    let mut built = Rows { rows: Vec::new(), row_of: vec![None; named.problem.tasks.len()] };
    for (name, branch) in &root.inner {
        built.put(named, name, branch, 0);
    }
    built.joints(named);
    built
}

impl Rows {
    /// Adds a branch with all in it, and returns when it begins and ends.
    fn put(&mut self, named: Named<'_>, name: &str, branch: &Branch, depth: usize) -> (i64, i64) {
        let place = self.rows.len();
        let planned = branch.task.map(|task| (task, &named.outcome.tasks[task.at()]));
        self.rows.push(match planned {
            Some((task, planned)) => row(named, task, planned),
            None => summary(),
        });
        let own = planned.map(|(_, planned)| (planned.start.0, planned.finish.0));
        if let Some(task) = branch.task {
            self.row_of[task.at()] = Some(place);
        }
        let inner: Vec<(i64, i64)> =
            branch.inner.iter().map(|(name, branch)| self.put(named, name, branch, depth + 1)).collect();
        let all = own.iter().chain(&inner);
        let start = all.clone().map(|(start, _)| *start).min().unwrap_or(0);
        let finish = all.map(|(_, finish)| *finish).max().unwrap_or(start);
        let row = &mut self.rows[place];
        (row.depth, row.label, row.start, row.finish) = (depth, name.to_owned(), start, finish);
        if !branch.inner.is_empty() {
            (row.shape, row.float_until) = (Shape::Summary, None);
            row.float.clear();
        }
        (start, finish)
    }

    /// Gives joints the rows of their blocks.
    fn joints(&mut self, named: Named<'_>) {
        let places: BTreeMap<&str, usize> = named
            .problem
            .tasks
            .iter()
            .zip(&self.row_of)
            .filter_map(|(task, row)| Some((task.name.as_str(), (*row)?)))
            .collect();
        let joints = named.problem.tasks.iter().enumerate().filter(|(_, task)| task.kind == Kind::Joint);
        let found: Vec<(usize, Option<usize>)> =
            joints.map(|(task, joint)| (task, places.get(block_of(&joint.name)).copied())).collect();
        for (task, row) in found {
            self.row_of[task] = row;
        }
    }

    /// Returns an arrow for each link and each resource that is handed on.
    pub(super) fn arrows(&self, named: Named<'_>) -> Vec<Arrow> {
        let critical: Vec<(TaskId, TaskId)> =
            named.outcome.critical_chain.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let row = |task: TaskId| self.row_of[task.at()];
        // Inside of a block nothing leads to its own begin and end.
        let is_inner = |link: &&Link| {
            let [from, to] = [link.from, link.to].map(|task| &named.problem.tasks[task.at()]);
            let within = |joint: &Task, task: &Task| {
                joint.kind == Kind::Joint && is_within(&task.name, block_of(&joint.name))
            };
            within(from, to) || within(to, from)
        };
        let links = named.problem.links.iter().filter(|link| !is_inner(link)).filter_map(|link| {
            let is_critical = critical.contains(&(link.from, link.to));
            Some(Arrow {
                from: row(link.from)?,
                to: row(link.to)?,
                from_start: matches!(link.kind, LinkKind::StartStart | LinkKind::StartFinish),
                to_finish: matches!(link.kind, LinkKind::FinishFinish | LinkKind::StartFinish),
                kind: if is_critical { ArrowKind::Critical } else { ArrowKind::Link },
            })
        });
        let arcs = named.outcome.arcs.iter().filter_map(|arc| {
            let kind = ArrowKind::Resource;
            Some(Arrow { from: row(arc.from)?, to: row(arc.to)?, from_start: false, to_finish: false, kind })
        });
        let mut arrows: Vec<Arrow> = links.chain(arcs).filter(|arrow| arrow.from != arrow.to).collect();
        arrows
            .sort_by_key(|arrow| (arrow.from, arrow.to, arrow.from_start, arrow.to_finish, arrow.kind as u8));
        arrows.dedup_by_key(|arrow| (arrow.from, arrow.to, arrow.from_start, arrow.to_finish));
        arrows
    }
}

/// Returns the names of a path, from the outside in; items of a `for_each` are in it: `deploy[0]/copy` is `deploy`, `[0]`, `copy`.
fn names(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('/').flat_map(|name| match name.find('[') {
        Some(at) => [&name[..at], &name[at..]],
        None => [name, ""],
    });
    parts.filter(|name| !name.is_empty())
}

/// Returns the path of the block that a joint belongs to; empty for the root.
fn block_of(joint: &str) -> &str {
    joint.rsplit_once(':').map_or("", |(block, _)| block)
}

/// Returns whether a path lies in that of a block, its items among it.
fn is_within(path: &str, block: &str) -> bool {
    block.is_empty() || path.strip_prefix(block).is_some_and(|rest| rest.starts_with(['/', '[']))
}

fn summary() -> Row {
    Row {
        depth: 0,
        label: String::new(),
        shape: Shape::Summary,
        start: 0,
        finish: 0,
        float_until: None,
        float: String::new(),
        is_critical: false,
        done_percent: None,
        who: String::new(),
        reason: String::new(),
    }
}

fn row(named: Named<'_>, id: TaskId, planned: &Planned) -> Row {
    let task = &named.problem.tasks[id.at()];
    let shape = match task.kind {
        Kind::Automated | Kind::Manual => Shape::Bar,
        Kind::Decision => Shape::Decision,
        Kind::Milestone | Kind::Joint => Shape::Milestone,
    };
    let people = planned.crew.iter().map(|(person, _)| named.problem.people[person.at()].name.as_str());
    let pools = task.modes[planned.mode].pools.iter();
    // What stands for a calendar or a limit of how much goes on at a time is nobody who works on something.
    let pools = pools
        .map(|(pool, _)| named.problem.pools[pool.at()].name.as_str())
        .filter(|name| !name.starts_with("calendar:") && !name.ends_with(":max_parallel"));
    let float = planned.float_resource.0;
    Row {
        shape,
        float_until: (planned.latest > planned.finish).then_some(planned.latest.0),
        float: if float == 0 { "0".to_owned() } else { words::signed(float) },
        is_critical: planned.is_critical_resource,
        done_percent: done(task.fact, planned.finish),
        who: people.chain(pools).collect::<Vec<_>>().join(", "),
        reason: words::reason(named, planned.driver),
        ..summary()
    }
}

/// Returns how much of a task is done, as far as time tells.
fn done(fact: Fact, finish: Moment) -> Option<u8> {
    match fact {
        Fact::Open | Fact::Dropped => None,
        Fact::Finished { .. } => Some(100),
        Fact::Started { at, left } => {
            let (all, left) = (finish.0 - at.0, left.map_or(0, |left| left.0));
            let done = if all > 0 { (all - left).max(0) * 100 / all } else { 0 };
            Some(u8::try_from(done).unwrap_or(0))
        }
    }
}
