//! Which work is inside which: within a run by address, over runs by who called whom; and which blocks hold something.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::id::{FencingToken, RunId};

use super::Ready;

/// How deep calls are followed; deeper ones than a run may make do not exist.
const DEPTH_MAX: usize = 256;

/// Who waits for the end of which run, and the blocks that hold something.
#[derive(Debug, Clone, Default)]
pub(super) struct Nest {
    callers: BTreeMap<RunId, (RunId, Address)>,
    /// The same the other way round.
    called: BTreeSet<(RunId, RunId)>,
    /// The leases of blocks, by run and task.
    holders: BTreeMap<RunId, BTreeMap<String, FencingToken>>,
}

impl Nest {
    pub(super) fn set(&mut self, run: RunId, caller: Option<(RunId, Address)>) {
        let before = match caller {
            Some(caller) => {
                self.called.insert((caller.0, run));
                self.callers.insert(run, caller)
            }
            None => self.callers.remove(&run),
        };
        if let Some((before, _)) = before
            && self.callers.get(&run).is_none_or(|(caller, _)| *caller != before)
        {
            self.called.remove(&(before, run));
        }
    }

    /// Returns the run that waits for the end of `run`.
    pub(super) fn caller(&self, run: RunId) -> Option<RunId> {
        self.callers.get(&run).map(|(caller, _)| *caller)
    }

    /// Returns whether a run is known that `run` called and waits for.
    pub(super) fn has_called(&self, run: RunId) -> bool {
        self.called.range((run, RunId([0; 16]))..).next().is_some_and(|(caller, _)| *caller == run)
    }

    /// Notes that a block holds something.
    pub(super) fn hold(&mut self, block: &Ready, token: FencingToken) {
        let tasks = self.holders.entry(block.run).or_default();
        tasks.insert(block.task.as_str().to_owned(), token);
    }

    /// Notes that a block holds nothing any more.
    pub(super) fn let_go(&mut self, block: &Ready, token: FencingToken) {
        let Some(tasks) = self.holders.get_mut(&block.run) else { return };
        if tasks.get(block.task.as_str()) == Some(&token) {
            tasks.remove(block.task.as_str());
        }
        if tasks.is_empty() {
            self.holders.remove(&block.run);
        }
    }

    /// Returns whether any block holds something.
    pub(super) fn has_holders(&self) -> bool {
        !self.holders.is_empty()
    }

    /// Returns whether `work` is inside a block that holds something.
    pub(super) fn is_within(&self, work: &Ready) -> bool {
        self.holders_around(work).next().is_some()
    }

    /// Returns the leases of the blocks around `work`, nearest first.
    pub(super) fn holders_around<'r>(&'r self, work: &'r Ready) -> impl Iterator<Item = FencingToken> {
        let around = self.has_holders().then(|| self.around(work)).into_iter().flatten();
        around.filter_map(|(run, task)| self.holders.get(&run)?.get(task).copied())
    }

    /// Returns the run of `work`, the run that waits for that one, and so on.
    pub(super) fn runs_around(&self, work: &Ready) -> impl Iterator<Item = RunId> {
        let next = |run: &RunId| self.callers.get(run).map(|(caller, _)| *caller);
        std::iter::successors(Some(work.run), next).take(DEPTH_MAX)
    }

    /// Returns the task that called the run of `work` and waits for it, the task that called that one's run, and so on.
    pub(super) fn calls_around<'r>(&'r self, work: &Ready) -> impl Iterator<Item = &'r (RunId, Address)> {
        std::iter::successors(self.callers.get(&work.run), |(run, _)| self.callers.get(run)).take(DEPTH_MAX)
    }

    /// Returns where blocks around `work` would be, nearest first: what its address begins with, then the task that called
    /// its run, and so on.
    fn around<'r>(&'r self, work: &'r Ready) -> impl Iterator<Item = (RunId, &'r str)> {
        let own = (work.run, work.task.as_str());
        let callers = std::iter::successors(Some(own), |(run, _)| {
            self.callers.get(run).map(|(caller, at)| (*caller, at.as_str()))
        });
        let inside = callers.take(DEPTH_MAX).flat_map(|(run, task)| {
            let ends = task.char_indices().rev().filter(|(_, c)| matches!(c, '/' | '[' | '~'));
            let scopes = ends.map(|(end, _)| end).chain((!task.is_empty()).then_some(0));
            // The task that called is itself a block.
            std::iter::once((run, task)).chain(scopes.map(move |end| (run, &task[..end])))
        });
        // The work is not inside itself.
        inside.skip(1)
    }
}
