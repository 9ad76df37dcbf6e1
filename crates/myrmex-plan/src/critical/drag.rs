//! Drag: what all would gain if a critical task took no time (Devaux 2012).
//!
//! With finish-to-start links it is the task's length or the least total float among tasks neither before nor after it, if that is less.
//! With the other kinds of link a task after it may overlap it, so paths are looked at instead of tasks: a path that avoids the task
//! crosses its place in the topological order on one arc, and the float of the longest path over an arc is known from the two passes.
//! Paths through the task enter and leave it at its start or its finish, and lose or keep its length accordingly. In one calendar this is
//! exact; with several, each float counts in the calendar of the task that an arc leads to.

use super::backward::{Goal, Late};
use super::forward::Early;
use super::{Beyond, Setting, backward, forward};
use crate::network::{Arc, End};
use crate::problem::{Fact, Moment, Span, TaskId};

/// Returns the drag of each of `asked`, which are in topological order and critical by the dates `late`, in time of the order of arcs times the logarithm of `asked`.
pub(super) fn drags(
    setting: &Setting<'_>,
    early: &Early,
    late: Late,
    asked: &[TaskId],
) -> Result<Vec<(TaskId, Span)>, Beyond> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    // Only the finish of all counts here: where other dates do too, they are left out in a pass of their own.
    let late = if backward::is_finish_alone(setting.problem, early) {
        late
    } else {
        backward::pass(setting, early, Goal::Finish)?
    };
    let paths = Paths { setting, early, late: &late };
    let around = paths.around(asked)?;
    let drag = |(task, around): (&TaskId, i64)| {
        let through = paths.through(*task).ok_or(Beyond(*task))?;
        Ok((*task, Span(through.min(around).max(0))))
    };
    asked.iter().zip(around).map(drag).collect()
}

struct Paths<'a> {
    setting: &'a Setting<'a>,
    early: &'a Early,
    late: &'a Late,
}

/// How many of the asked tasks stand before each place of the topological order.
struct Places {
    of_task: Vec<usize>,
    asked_before: Vec<usize>,
}

impl Places {
    fn new(setting: &Setting<'_>, asked: &[TaskId]) -> Self {
        let order = setting.network.order();
        let mut of_task = vec![0; order.len()];
        let mut asked_before = vec![0; order.len() + 1];
        let mut met = 0;
        for (place, task) in order.iter().enumerate() {
            of_task[task.at()] = place;
            if asked.get(met) == Some(task) {
                met += 1;
            }
            asked_before[place + 1] = met;
        }
        Self { of_task, asked_before }
    }

    /// How many of those asked for come before `task`.
    fn before(&self, task: TaskId) -> usize {
        self.asked_before[self.of_task[task.at()]]
    }

    /// How many of those asked for come before `task` or are it.
    fn up_to(&self, task: TaskId) -> usize {
        self.asked_before[self.of_task[task.at()] + 1]
    }
}

impl Paths<'_> {
    /// Returns for each of `asked` the least float of a path that avoids it.
    fn around(&self, asked: &[TaskId]) -> Result<Vec<i64>, Beyond> {
        let places = Places::new(self.setting, asked);
        let all = asked.len();
        let mut least = Least::new(all);
        for task in self.setting.network.order().iter().copied() {
            let written = &self.setting.problem.tasks[task.at()];
            if written.spans.is_some() {
                continue;
            }
            let open = self.setting.calendars.of(written.calendar);
            let to_finish = || open.between(self.early.finishes[task.at()], self.early.all);
            // From where paths begin to the task, and from the task to where they end.
            let (into, out_of) = match written.fact {
                Fact::Dropped => continue,
                Fact::Finished { .. } => (None, Some((0, to_finish()))),
                Fact::Started { at, left } => {
                    let finish = forward::finish_of_started(self.setting, task, at, left);
                    let float = finish.and_then(|f| open.between(f, self.late.finishes[task.at()]));
                    (Some(float), Some((places.up_to(task), to_finish())))
                }
                Fact::Open => {
                    let bound = forward::own_bound(self.setting, task).0;
                    (Some(self.float_from(task, bound)), Some((places.up_to(task), to_finish())))
                }
            };
            if let Some(float) = into {
                least.lower(0, places.before(task), float.ok_or(Beyond(task))?.0);
            }
            if let Some((first, float)) = out_of {
                least.lower(first, all, float.ok_or(Beyond(task))?.0);
            }
        }
        for arc in self.setting.network.arcs() {
            self.lower_by(arc, &places, &mut least).ok_or(Beyond(arc.to))?;
        }
        Ok(least.all())
    }

    /// Lowers what `arc` crosses: the tasks between its ends, and all before its second end if what happened fixed its first.
    fn lower_by(&self, arc: &Arc, places: &Places, least: &mut Least) -> Option<()> {
        let tasks = &self.setting.problem.tasks;
        if !arc.is_binding {
            return Some(());
        }
        let first = match (tasks[arc.from.at()].fact, arc.kind.from_end()) {
            (Fact::Finished { .. } | Fact::Dropped, _) | (Fact::Started { .. }, End::Start) => 0,
            (Fact::Open, _) | (Fact::Started { .. }, End::Finish) => places.up_to(arc.from),
        };
        let end = places.before(arc.to);
        if first < end {
            let instant = forward::arrival(self.setting, self.early, arc)?;
            let float = match arc.kind.to_end() {
                End::Start => self.float_from(arc.to, instant)?,
                End::Finish => self
                    .setting
                    .calendars
                    .of(tasks[arc.to.at()].calendar)
                    .between(instant, self.late.finishes[arc.to.at()])?,
            };
            least.lower(first, end, float.0);
        }
        Some(())
    }

    /// Returns the float of a task that begins from `instant` on.
    fn float_from(&self, task: TaskId, instant: Moment) -> Option<Span> {
        let shape = self.setting.shape(task);
        let (start, _) = shape.early(instant, None)?;
        shape.open.between(start, self.late.starts[task.at()])
    }

    /// Returns the least float of a path through `task` if it took no time.
    fn through(&self, task: TaskId) -> Option<i64> {
        let open = self.setting.shape(task).open;
        let late = backward::bounds(self.setting, self.early, self.late, Goal::Finish, task)?;
        let early = forward::bounds(self.setting, self.early, task)?;
        let (start, late_start) = match self.setting.problem.tasks[task.at()].fact {
            Fact::Open | Fact::Dropped | Fact::Finished { .. } => (early.start.0, late.start),
            // Its start is a fact, so nothing moves it and it moves nothing.
            Fact::Started { at, .. } => (at.max(self.setting.problem.start), None),
        };
        let ins = [Some(start), early.finish.map(|(bound, _)| bound)];
        let outs = [Some(late.finish), late_start];
        let mut least = i64::MAX;
        for from in ins.into_iter().flatten() {
            for to in outs.into_iter().flatten() {
                least = least.min(open.between(from, to)?.0);
            }
        }
        Some(least)
    }
}

/// The least values of places, lowered by ranges (a segment tree that is read once).
struct Least {
    count: usize,
    nodes: Vec<i64>,
}

impl Least {
    fn new(count: usize) -> Self {
        Self { count, nodes: vec![i64::MAX; 2 * count] }
    }

    /// Lowers the places from `first` to before `last` to `value`.
    fn lower(&mut self, first: usize, last: usize, value: i64) {
        let (mut left, mut right) = (first + self.count, last.max(first) + self.count);
        while left < right {
            if left % 2 == 1 {
                self.nodes[left] = self.nodes[left].min(value);
                left += 1;
            }
            if right % 2 == 1 {
                right -= 1;
                self.nodes[right] = self.nodes[right].min(value);
            }
            left /= 2;
            right /= 2;
        }
    }

    fn all(&self) -> Vec<i64> {
        let mut all = Vec::with_capacity(self.count);
        for place in 0..self.count {
            let mut node = place + self.count;
            let mut least = self.nodes[node];
            while node > 1 {
                node /= 2;
                least = least.min(self.nodes[node]);
            }
            all.push(least);
        }
        all
    }
}
