//! The fourteen points by which the DCMA looks at a plan (planning.md, section 5), those of them that a plan alone, its facts and a
//! baseline can answer. They warn; nothing is refused because of them.

use crate::critical::{Critical, CriticalError, Setting, analyse, with_calendars};
use crate::problem::{Fact, Kind, LinkKind, Moment, Problem, Span, Task, TaskId};

/// What could be better in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which point it is: `P01` to `P14`, as the points are numbered.
    pub code: &'static str,
    /// The tasks that are concerned; none if it concerns the whole.
    pub tasks: Vec<TaskId>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// How far a project is, for the points that look at what has happened.
#[derive(Debug, Clone, Copy)]
pub struct Status<'a> {
    /// Now.
    pub at: Moment,
    /// When the baseline lets each task end, by its place; none of a task that it does not know.
    pub baseline: Option<&'a [Option<Moment>]>,
}

/// In which part of tasks or links something is still no finding: one in twenty.
const TOLERATED: usize = 20;
/// Of ten links nine begin a task when another ends.
const PLAIN_LINKS: (usize, usize) = (9, 10);
/// How many working days are long, for a task as for a float.
const LONG_DAYS: i64 = 44;
/// What part of a short plan is long: 44 days are a fifth of a working year of 220.
const LONG_PART: i64 = 5;
/// By how many days a critical task is lengthened to see whether the finish follows.
const TEST_DAYS: i64 = 600;
/// Parts of a hundred that an index has at least.
const INDEX_MIN: i128 = 95;

/// Looks at a plan: its links, its floats, and with `status` what has happened.
///
/// # Errors
///
/// Returns why dates cannot be computed for the twelfth point, which lengthens a task.
pub fn findings(
    setting: &Setting<'_>,
    critical: &Critical,
    status: Option<Status<'_>>,
) -> Result<Vec<Finding>, CriticalError> {
    let look = Look::new(setting, critical);
    let mut found = vec![look.missing_logic(), look.leads(), look.lags(), look.plain_links(), look.hard()];
    found.extend([look.long_floats(), look.negative_floats(), look.long_tasks()]);
    found.push(status.and_then(|status| look.dates(status)));
    found.push(look.without_cost());
    found.push(status.and_then(|status| look.missed(status)));
    found.push(look.lengthened()?);
    found.push(look.path_index());
    found.push(status.and_then(|status| look.execution_index(status)));
    Ok(found.into_iter().flatten().collect())
}

struct Look<'a> {
    setting: &'a Setting<'a>,
    problem: &'a Problem,
    critical: &'a Critical,
    /// What is still to be done: neither over nor dropped, and not as long as others.
    open: Vec<TaskId>,
}

fn finding(code: &'static str, tasks: Vec<TaskId>, message: String, fix: &str) -> Finding {
    Finding { code, tasks, message, fix: fix.to_owned() }
}

impl<'a> Look<'a> {
    fn new(setting: &'a Setting<'a>, critical: &'a Critical) -> Self {
        let problem = setting.problem;
        let is_open = |task: &Task| match task.fact {
            Fact::Open | Fact::Started { .. } => task.spans.is_none(),
            Fact::Finished { .. } | Fact::Dropped => false,
        };
        let tasks = (0..).map(TaskId).zip(&problem.tasks);
        let open = tasks.filter(|(_, task)| is_open(task)).map(|(id, _)| id).collect();
        Self { setting, problem, critical, open }
    }

    fn task(&self, task: TaskId) -> &'a Task {
        &self.problem.tasks[task.at()]
    }

    fn open_where(&self, is_found: impl Fn(TaskId) -> bool) -> Vec<TaskId> {
        self.open.iter().copied().filter(|task| is_found(*task)).collect()
    }

    /// Of the tasks more than one in twenty.
    fn too_many(&self, tasks: &[TaskId]) -> bool {
        tasks.len() * TOLERATED > self.open.len()
    }

    /// One first and one last task are how a plan begins and ends.
    fn missing_logic(&self) -> Option<Finding> {
        let network = self.setting.network;
        let first = self.open_where(|task| {
            self.task(task).fact == Fact::Open && network.arcs_into(task).next().is_none()
        });
        let last = self.open_where(|task| network.arcs_from(task).next().is_none());
        let mut tasks: Vec<TaskId> = Vec::new();
        for ends in [first, last] {
            if ends.len() > 1 {
                tasks.extend(ends);
            }
        }
        tasks.sort_unstable();
        tasks.dedup();
        self.too_many(&tasks).then(|| {
            let message =
                format!("{} tasks of {} lack a predecessor or a successor", tasks.len(), self.open.len());
            finding(
                "P01",
                tasks,
                message,
                "say what each of them needs and what needs it, or end all in a milestone",
            )
        })
    }

    fn of_links(&self, is_found: impl Fn(LinkKind, Span) -> bool) -> (Vec<TaskId>, usize) {
        let arcs = self.setting.network.arcs().iter().filter(|arc| is_found(arc.kind, arc.lag));
        let mut tasks: Vec<TaskId> = arcs.clone().map(|arc| arc.to).collect();
        tasks.sort_unstable();
        tasks.dedup();
        (tasks, arcs.count())
    }

    fn leads(&self) -> Option<Finding> {
        let (tasks, count) = self.of_links(|_, lag| lag < Span(0));
        (count > 0).then(|| {
            let message = format!("{count} links have a lead: their successor begins before they allow it");
            finding(
                "P02",
                tasks,
                message,
                "divide the predecessor into the part that is needed first and the rest",
            )
        })
    }

    fn lags(&self) -> Option<Finding> {
        let (tasks, count) = self.of_links(|_, lag| lag > Span(0));
        let all = self.setting.network.arcs().len();
        (count * TOLERATED > all).then(|| {
            let message = format!("{count} links of {all} have a lag");
            finding("P03", tasks, message, "make a task of what is waited for, so that somebody owns it")
        })
    }

    fn plain_links(&self) -> Option<Finding> {
        let (tasks, count) = self.of_links(|kind, _| kind != LinkKind::FinishStart);
        let all = self.setting.network.arcs().len();
        ((all - count) * PLAIN_LINKS.1 < all * PLAIN_LINKS.0).then(|| {
            let message = format!("{count} links of {all} are not from a finish to a start");
            finding("P04", tasks, message, "divide tasks that overlap, so that one begins when another ends")
        })
    }

    fn hard(&self) -> Option<Finding> {
        let tasks = self.open_where(|task| {
            let window = self.task(task).window;
            window.must_start.is_some() || window.finish_before.is_some()
        });
        self.too_many(&tasks).then(|| {
            let message =
                format!("{} tasks of {} have a fixed start or a latest finish", tasks.len(), self.open.len());
            finding(
                "P05",
                tasks,
                message,
                "use `due`, which warns, instead of `window`, where the date is a wish",
            )
        })
    }

    /// Returns how long is long for `task`: 44 days of its calendar; of a short plan that machines carry out alone, a fifth.
    fn long(&self, task: TaskId) -> Span {
        let day = self.problem.calendars[self.task(task).calendar.at()].day;
        let long = Span(day.0.saturating_mul(LONG_DAYS));
        let is_automated = self.open.iter().all(|task| match self.task(*task).kind {
            Kind::Automated | Kind::Milestone => true,
            Kind::Manual | Kind::Decision => false,
        });
        let part = Span((self.critical.finish.0 - self.problem.start.0) / LONG_PART);
        if is_automated { long.min(part) } else { long }
    }

    fn long_floats(&self) -> Option<Finding> {
        let tasks = self.open_where(|task| {
            self.critical.tasks[task.at()].is_some_and(|dates| dates.total_float > self.long(task))
        });
        self.too_many(&tasks).then(|| {
            let message = format!("{} tasks of {} have a very long float", tasks.len(), self.open.len());
            finding("P06", tasks, message, "look for links that are missing: what waits for these tasks?")
        })
    }

    fn negative_floats(&self) -> Option<Finding> {
        let tasks = self.open_where(|task| {
            self.critical.tasks[task.at()].is_some_and(|dates| dates.total_float < Span(0))
        });
        (!tasks.is_empty()).then(|| {
            let message = format!("{} tasks make something late", tasks.len());
            finding(
                "P07",
                tasks,
                message,
                "shorten them or what they wait for, or move the date that is missed",
            )
        })
    }

    fn long_tasks(&self) -> Option<Finding> {
        let tasks = self.open_where(|task| self.setting.lengths[task.at()] > self.long(task));
        self.too_many(&tasks).then(|| {
            let message = format!("{} tasks of {} are very long", tasks.len(), self.open.len());
            finding("P08", tasks, message, "divide them, so that what goes wrong is seen early")
        })
    }

    fn dates(&self, status: Status<'_>) -> Option<Finding> {
        let is_wrong = |task: &Task| match task.fact {
            Fact::Finished { start, finish } => start > status.at || finish > status.at || finish < start,
            Fact::Started { at, .. } => at > status.at,
            Fact::Open | Fact::Dropped => false,
        };
        let has_facts = self.problem.tasks.iter().any(|task| task.fact != Fact::Open);
        let is_past = |(task, written): &(TaskId, &Task)| {
            let dates = self.critical.tasks[task.at()];
            let start = dates.is_some_and(|dates| dates.early_start < status.at);
            has_facts && written.fact == Fact::Open && written.spans.is_none() && start
        };
        let tasks = (0..).map(TaskId).zip(&self.problem.tasks);
        let wrong = tasks.filter(|found| is_wrong(found.1) || is_past(found));
        let tasks: Vec<TaskId> = wrong.map(|(task, _)| task).collect();
        (!tasks.is_empty()).then(|| {
            let message = format!("{} tasks happened in the future or are planned for the past", tasks.len());
            finding("P09", tasks, message, "correct what was reported, and plan again from now on")
        })
    }

    /// Only where others have people, pools or costs: else the plan is about time alone.
    fn without_cost(&self) -> Option<Finding> {
        let has_any = |task: &Task| {
            let cost = &task.cost;
            let is_held = task.modes.iter().any(|mode| !mode.crew.is_empty() || !mode.pools.is_empty());
            is_held || cost.fixed.is_some() || cost.per_use.is_some()
        };
        let bare = self.open_where(|task| match self.task(task).kind {
            Kind::Automated | Kind::Manual => !has_any(self.task(task)),
            Kind::Decision | Kind::Milestone => false,
        });
        let is_counted = self.problem.tasks.iter().any(has_any);
        (is_counted && !bare.is_empty()).then(|| {
            let message = format!("{} tasks have neither people nor pools nor cost", bare.len());
            finding(
                "P10",
                bare,
                message,
                "say who does them or what they cost: they weigh nothing in earned value",
            )
        })
    }

    fn missed(&self, status: Status<'_>) -> Option<Finding> {
        let baseline = status.baseline?;
        let should = should_be_over(baseline, status.at);
        let tasks: Vec<TaskId> =
            should.iter().copied().filter(|task| self.is_missed(*task, baseline)).collect();
        (tasks.len() * TOLERATED > should.len()).then(|| {
            let message =
                format!("{} tasks of {} that should be over were or are late", tasks.len(), should.len());
            finding(
                "P11",
                tasks,
                message,
                "find what they have in common, and bring it into the estimates of the rest",
            )
        })
    }

    fn is_missed(&self, task: TaskId, baseline: &[Option<Moment>]) -> bool {
        let Some(planned) = baseline[task.at()] else { return false };
        match self.task(task).fact {
            Fact::Finished { finish, .. } => finish > planned,
            Fact::Open | Fact::Started { .. } => true,
            Fact::Dropped => false,
        }
    }

    /// Lengthens the first task of the critical path that has not begun.
    fn lengthened(&self) -> Result<Option<Finding>, CriticalError> {
        let is_work = |task: &&TaskId| {
            self.task(**task).fact == Fact::Open && self.setting.lengths[task.at()] > Span(0)
        };
        let Some(task) = self.critical.path.iter().find(is_work).copied() else { return Ok(None) };
        let calendar = self.task(task).calendar;
        let more = Span(self.problem.calendars[calendar.at()].day.0.saturating_mul(TEST_DAYS));
        let mut lengths = self.setting.lengths.to_vec();
        lengths[task.at()] = Span(lengths[task.at()].0.saturating_add(more.0));
        // What may not pause would not fit into any day: the test is about links.
        let mut problem = self.problem.clone();
        problem.tasks[task.at()].split = crate::problem::Split::Closed;
        let moved = with_calendars(&problem, |calendars| {
            let setting = Setting { problem: &problem, calendars, lengths: &lengths, ..*self.setting };
            let finish = analyse(&setting)?.finish;
            Ok(calendars.of(calendar).between(self.critical.finish, finish).unwrap_or(more))
        })?;
        Ok((moved < more).then(|| {
            let name = &self.task(task).name;
            let message =
                format!("`{name}` is on the critical path, and yet the finish does not follow if it takes {TEST_DAYS} days more");
            finding("P12", vec![task], message, "look for fixed starts and calendars that hold back what follows it")
        }))
    }

    fn path_index(&self) -> Option<Finding> {
        let deadline = self.problem.deadline?;
        let length = i128::from(self.critical.finish.0 - self.problem.start.0);
        let left = i128::from(deadline.0 - self.problem.start.0);
        (length > 0 && left * 100 < length * INDEX_MIN).then(|| {
            let message = format!(
                "the critical path is longer than the time to the deadline: index {}",
                index(left, length)
            );
            let fix = "shorten tasks of the critical path with the greatest drag, or move the deadline";
            finding("P13", self.critical.path.clone(), message, fix)
        })
    }

    fn execution_index(&self, status: Status<'_>) -> Option<Finding> {
        let should = should_be_over(status.baseline?, status.at);
        let is_over = |task: &TaskId| matches!(self.task(*task).fact, Fact::Finished { .. } | Fact::Dropped);
        let done = (0..).map(TaskId).take(self.problem.tasks.len()).filter(is_over).count() as i128;
        let all = should.len() as i128;
        (all > 0 && done * 100 < all * INDEX_MIN).then(|| {
            let message = format!("{done} tasks are over and {all} should be: index {}", index(done, all));
            let tasks = should.into_iter().filter(|task| !is_over(task)).collect();
            finding("P14", tasks, message, "plan the rest with what the tasks so far took")
        })
    }
}

fn should_be_over(baseline: &[Option<Moment>], at: Moment) -> Vec<TaskId> {
    let tasks = (0..).map(TaskId).zip(baseline);
    tasks.filter(|(_, finish)| finish.is_some_and(|finish| finish <= at)).map(|(task, _)| task).collect()
}

/// Shows a part of a whole with two places, rounded down. A part of less than nothing is shown as nothing.
fn index(part: i128, whole: i128) -> String {
    let hundredths = (part.max(0) * 100).div_euclid(whole);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
