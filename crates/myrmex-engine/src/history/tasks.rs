//! What several runs of one workflow have in common, by task.

use std::collections::BTreeMap;

use myrmex_model::time::Length;

use super::quantiles::Quantiles;
use super::timeline::{Ending, Task, Timeline, shared_path};

/// What was measured of the tasks of a workflow in several of its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How many runs were looked at.
    pub runs: usize,
    /// How long the runs took that succeeded without being interrupted; none if no run did.
    pub took: Option<Quantiles>,
    /// The tasks by their paths without the keys of items (`deploy[]/copy`), in the order of the paths.
    pub tasks: BTreeMap<String, TaskHistory>,
}

/// What was measured of one task. The items of a `for_each` are one task, `deploy[]`; `deploy` is all of them together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskHistory {
    /// In how many of the runs it was carried out and measured.
    pub runs: usize,
    /// How long it took where it succeeded, as [`Task::took`] has it. A task that was cut off with its process, or whose result was
    /// taken over, was not measured.
    pub took: Option<Quantiles>,
    /// The same lengths one by one, in ascending order: at most a thousand, of more every so many-th.
    pub lengths: Vec<Length>,
    /// How long it waited for places, or for what it was to hold, of those that `took` counts.
    pub waited: Option<Quantiles>,
    /// How often it ended how.
    pub counts: Counts,
}

/// The most lengths of a task that are kept one by one: quantiles of more are the same to the third digit.
pub(super) const LENGTHS_MAX: usize = 1_000;

/// Returns at most [`LENGTHS_MAX`] of sorted lengths, the first and the last among them.
fn thinned(sorted: &[Length]) -> Vec<Length> {
    if sorted.len() <= LENGTHS_MAX {
        return sorted.to_vec();
    }
    (0..LENGTHS_MAX).map(|place| sorted[place * (sorted.len() - 1) / (LENGTHS_MAX - 1)]).collect()
}

/// How often a task ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// It succeeded by being carried out.
    pub succeeded: usize,
    /// It failed or ran out of its time, accepted or not.
    pub failed: usize,
    /// A result was taken over from a cache or from an earlier run.
    pub taken: usize,
    /// All attempts.
    pub attempts: usize,
    /// The attempts after the first.
    pub retries: usize,
}

/// Runs whose history is being gathered. Their order does not matter.
#[derive(Debug, Clone, Default)]
pub struct Gathering {
    runs: usize,
    took: Vec<Length>,
    tasks: BTreeMap<String, Samples>,
}

#[derive(Debug, Clone, Default)]
struct Samples {
    runs: usize,
    /// The last run that was counted in `runs`, from 1.
    counted: usize,
    took: Vec<Length>,
    waited: Vec<Length>,
    counts: Counts,
}

impl Gathering {
    /// Adds a run. Of one that is not over, or was not read to its end, what had ended counts.
    pub fn add(&mut self, timeline: &Timeline) {
        self.runs += 1;
        if let Some((_, myrmex_model::status::Status::Succeeded)) = timeline.ended
            && timeline.breaks.is_empty()
        {
            self.took.push(timeline.wall());
        }
        for task in timeline.tasks() {
            if let Some((_, ending)) = task.ended {
                let samples = self.tasks.entry(shared_path(&task.address)).or_default();
                samples.add((task, ending), timeline, self.runs);
            }
        }
        // What was only skipped or cancelled tells nothing.
        self.tasks.retain(|_, samples| samples.counts != Counts::default());
    }

    /// Computes what they have in common.
    pub fn finish(self) -> History {
        let Self { runs, mut took, tasks } = self;
        let tasks = tasks.into_iter().map(|(path, mut samples)| {
            let history = TaskHistory {
                runs: samples.runs,
                took: Quantiles::of(&mut samples.took),
                lengths: thinned(&samples.took),
                waited: Quantiles::of(&mut samples.waited),
                counts: samples.counts,
            };
            (path, history)
        });
        History { runs, tasks: tasks.collect(), took: Quantiles::of(&mut took) }
    }
}

impl Samples {
    fn add(&mut self, (task, ending): (&Task, Ending), timeline: &Timeline, run: usize) {
        let attempts = task.attempts_made as usize;
        self.counts.attempts += attempts;
        self.counts.retries += attempts.saturating_sub(1);
        if task.is_taken() {
            self.counts.taken += 1;
            return;
        }
        match ending {
            Ending::Accepted | Ending::Failed | Ending::TimedOut => self.counts.failed += 1,
            Ending::Succeeded => {
                self.counts.succeeded += 1;
                let is_lost = task.attempts.iter().any(|attempt| attempt.end == Some("lost"));
                // Between two processes it only seems to have waited.
                let is_broken =
                    task.asked().zip(task.ended).is_some_and(|(from, (to, _))| timeline.is_broken(from, to));
                if let Some(took) = task.took().filter(|_| !is_lost && !is_broken) {
                    self.took.push(took);
                    self.waited.push(task.waited());
                    self.runs += usize::from(std::mem::replace(&mut self.counted, run) != run);
                }
            }
            Ending::Taken | Ending::Skipped | Ending::Cancelled => {}
        }
    }
}
