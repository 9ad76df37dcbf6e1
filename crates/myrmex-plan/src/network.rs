//! The graph of a problem: which links bound which task, and an order in which each task comes after what bounds it.
//!
//! Tasks that were dropped have no links here: what waits for them waits for nothing. A task that spans others has none either: what
//! follows its start follows the start of the first of them, what follows its finish the finish of the last, and nothing bounds it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::Range;

use crate::problem::{CalendarId, Fact, Link, LinkKind, Problem, Span, Task, TaskId};

/// A link as it bounds dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arc {
    /// The predecessor; never dropped, never one that spans others.
    pub from: TaskId,
    /// The successor; likewise.
    pub to: TaskId,
    /// Which end of it bounds which.
    pub kind: LinkKind,
    /// How much later, in open time of `calendar`.
    pub lag: Span,
    /// The calendar of the lag.
    pub calendar: CalendarId,
    /// Whether it still bounds `to`: what has begun is not moved by what bounds its start, what has ended by nothing.
    pub is_binding: bool,
    /// The place of the link in [`Problem::links`].
    pub link: u32,
}

/// Tasks and arcs as adjacency lists. Memory and time to build: of the order of tasks and links, times the logarithm of the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    arcs: Vec<Arc>,
    into: Adjacency,
    out_of: Adjacency,
    order: Vec<TaskId>,
}

/// For each task the places of arcs in ascending order, one after the other (compressed sparse rows).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Adjacency {
    start: Vec<u32>,
    arcs: Vec<u32>,
}

/// Tasks of which each needs the one before it, and the first needs the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The tasks in the order of their links, the one that comes first in the problem first.
    pub tasks: Vec<TaskId>,
    /// The places in [`Problem::links`] of the links, the first from the first task on.
    pub links: Vec<u32>,
    names: Vec<String>,
}

impl Cycle {
    /// Returns the names once around, the first one again at the end.
    pub fn around(&self) -> String {
        let again = self.names.iter().chain(self.names.first());
        let quoted: Vec<String> = again.map(|name| format!("`{name}`")).collect();
        quoted.join(" -> ")
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the links form a circle: {}", self.around())
    }
}

impl std::error::Error for Cycle {}

impl Network {
    /// Builds the network of `problem`.
    ///
    /// # Errors
    ///
    /// Returns a [`Cycle`] if there is no order in which each task comes after what bounds it.
    pub fn new(problem: &Problem) -> Result<Self, Cycle> {
        let arcs = arcs(problem)?;
        let count = problem.tasks.len();
        let into = Adjacency::new(count, arcs.iter().map(|arc| arc.to));
        let out_of = Adjacency::new(count, arcs.iter().map(|arc| arc.from));
        let order = order(count, &arcs, &into, &out_of);
        if order.len() < count {
            return Err(cycle(problem, &arcs, &into, &order));
        }
        Ok(Self { arcs, into, out_of, order })
    }

    /// Returns the tasks, each after all that bound it; of those that could come next, the one with the least index does.
    pub fn order(&self) -> &[TaskId] {
        &self.order
    }

    /// Returns the arcs that bound `task`.
    pub fn arcs_into(&self, task: TaskId) -> impl Iterator<Item = &Arc> {
        self.into.of(task).iter().map(|arc| &self.arcs[*arc as usize])
    }

    /// Returns the arcs by which `task` bounds others.
    pub fn arcs_from(&self, task: TaskId) -> impl Iterator<Item = &Arc> {
        self.out_of.of(task).iter().map(|arc| &self.arcs[*arc as usize])
    }

    /// Returns all arcs, in the order of their links.
    pub fn arcs(&self) -> &[Arc] {
        &self.arcs
    }
}

impl Adjacency {
    fn new(count: usize, ends: impl Iterator<Item = TaskId> + Clone) -> Self {
        let mut start = vec![0_u32; count + 1];
        for end in ends.clone() {
            start[end.at() + 1] += 1;
        }
        for index in 0..count {
            start[index + 1] += start[index];
        }
        let mut next = start.clone();
        let mut arcs = vec![0; start[count] as usize];
        for (arc, end) in (0..).zip(ends) {
            arcs[next[end.at()] as usize] = arc;
            next[end.at()] += 1;
        }
        Self { start, arcs }
    }

    fn of(&self, task: TaskId) -> &[u32] {
        let range: Range<usize> = self.start[task.at()] as usize..self.start[task.at() + 1] as usize;
        &self.arcs[range]
    }
}

/// Which end of a task something holds on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its start.
    Start,
    /// Its finish.
    Finish,
}

impl LinkKind {
    /// Returns the end of the predecessor that counts.
    pub fn from_end(self) -> End {
        match self {
            Self::FinishStart | Self::FinishFinish => End::Finish,
            Self::StartStart | Self::StartFinish => End::Start,
        }
    }

    /// Returns the end of the successor that is bounded.
    pub fn to_end(self) -> End {
        match self {
            Self::FinishStart | Self::StartStart => End::Start,
            Self::FinishFinish | Self::StartFinish => End::Finish,
        }
    }
}

/// Returns the task at whose end a task really begins or ends that may span others; none if that one was dropped.
///
/// # Errors
///
/// Returns the tasks that span each other in a circle.
pub fn holder(problem: &Problem, task: TaskId, end: End) -> Result<Option<TaskId>, Vec<TaskId>> {
    let mut passed = Vec::new();
    let mut at = task;
    while let Some((first, last)) = problem.tasks[at.at()].spans {
        if let Some(again) = passed.iter().position(|task| *task == at) {
            return Err(passed.split_off(again));
        }
        passed.push(at);
        at = match end {
            End::Start => first,
            End::Finish => last,
        };
    }
    Ok((problem.tasks[at.at()].fact != Fact::Dropped).then_some(at))
}

/// Which ends of a task links still bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Both,
    Finish,
    Neither,
    /// It has no links of its own.
    Apart,
}

impl Bound {
    fn of(task: &Task) -> Self {
        match task.fact {
            Fact::Dropped => Self::Apart,
            Fact::Open | Fact::Started { .. } | Fact::Finished { .. } if task.spans.is_some() => Self::Apart,
            Fact::Open => Self::Both,
            Fact::Started { .. } => Self::Finish,
            Fact::Finished { .. } => Self::Neither,
        }
    }
}

/// Returns the links of `problem` as they bound dates, in their order, whether or not they form a circle.
///
/// # Errors
///
/// Returns a [`Cycle`] of tasks that span each other, of which nobody can say where they begin or end.
pub fn arcs(problem: &Problem) -> Result<Vec<Arc>, Cycle> {
    let told = |mut tasks: Vec<TaskId>| {
        rotate(&mut tasks, &mut Vec::new());
        let names = names(problem, &tasks);
        Cycle { tasks, links: Vec::new(), names }
    };
    // Links lead anywhere, so what they ask of tasks is brought together first: tasks are large, and far apart in memory.
    let bound: Vec<Bound> = problem.tasks.iter().map(Bound::of).collect();
    // What spans is asked for both ends even if nothing follows it, so that a circle of spans is always told.
    for (task, _) in (0..).map(TaskId).zip(&bound).filter(|(_, bound)| **bound == Bound::Apart) {
        for end in [End::Start, End::Finish] {
            holder(problem, task, end).map_err(told)?;
        }
    }
    let mut arcs = Vec::with_capacity(problem.links.len());
    for (index, link) in (0..).zip(&problem.links) {
        let Link { from, to, kind, lag, calendar } = *link;
        let from = match bound[from.at()] {
            Bound::Apart => holder(problem, from, kind.from_end()).map_err(told)?,
            Bound::Both | Bound::Finish | Bound::Neither => Some(from),
        };
        let is_binding = match bound[to.at()] {
            Bound::Both => true,
            Bound::Finish => kind.to_end() == End::Finish,
            Bound::Neither => false,
            Bound::Apart => continue,
        };
        let Some(from) = from else { continue };
        arcs.push(Arc { from, to, kind, lag, calendar, is_binding, link: index });
    }
    Ok(arcs)
}

/// Sorts by taking out what has no arc left into it (Kahn 1962), the least index first.
fn order(count: usize, arcs: &[Arc], into: &Adjacency, out_of: &Adjacency) -> Vec<TaskId> {
    let tasks = (0..).map(TaskId).take(count);
    let mut left: Vec<usize> = tasks.clone().map(|task| into.of(task).len()).collect();
    let mut ready: BinaryHeap<Reverse<TaskId>> =
        tasks.filter(|task| left[task.at()] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse(task)) = ready.pop() {
        order.push(task);
        for arc in out_of.of(task) {
            let to = arcs[*arc as usize].to;
            left[to.at()] -= 1;
            if left[to.at()] == 0 {
                ready.push(Reverse(to));
            }
        }
    }
    order
}

/// Finds a circle among the tasks that have no place in the order: each has an arc from another such task, so going back along those
/// leads to a task for the second time.
fn cycle(problem: &Problem, arcs: &[Arc], into: &Adjacency, order: &[TaskId]) -> Cycle {
    let mut is_placed = vec![false; problem.tasks.len()];
    for task in order {
        is_placed[task.at()] = true;
    }
    let first = is_placed.iter().position(|placed| !placed).expect("a task is missing in the order");
    let mut at = TaskId(u32::try_from(first).expect("tasks are counted in 32 bits"));
    let mut met = vec![None; problem.tasks.len()];
    let mut back: Vec<&Arc> = Vec::new();
    while met[at.at()].is_none() {
        met[at.at()] = Some(back.len());
        let arc = into.of(at).iter().map(|arc| &arcs[*arc as usize]).find(|arc| !is_placed[arc.from.at()]);
        let arc = arc.expect("what has no place waits for another that has none");
        back.push(arc);
        at = arc.from;
    }
    let circle = back[met[at.at()].expect("it was met")..].iter().rev();
    let mut tasks: Vec<TaskId> = circle.clone().map(|arc| arc.from).collect();
    let mut links: Vec<u32> = circle.map(|arc| arc.link).collect();
    rotate(&mut tasks, &mut links);
    // A link that was written from a task that spans others is told with that one's name.
    let mut told = Vec::new();
    for (task, link) in tasks.iter().zip(&links) {
        told.push(*task);
        let written = problem.links[*link as usize].from;
        if written != *task {
            told.push(written);
        }
    }
    Cycle { names: names(problem, &told), tasks, links }
}

/// Puts the task that comes first in the problem first.
fn rotate(tasks: &mut [TaskId], links: &mut [u32]) {
    let least = (0..tasks.len()).min_by_key(|index| tasks[*index]).unwrap_or(0);
    tasks.rotate_left(least);
    if links.len() == tasks.len() {
        links.rotate_left(least);
    }
}

fn names(problem: &Problem, tasks: &[TaskId]) -> Vec<String> {
    tasks.iter().map(|task| problem.tasks[task.at()].name.clone()).collect()
}
