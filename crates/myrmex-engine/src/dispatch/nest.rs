//! Which work is inside which: within a run by address, over runs by who called whom.

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::id::RunId;

use super::Ready;

/// How deep calls are followed; deeper ones than a run may make do not exist.
const DEPTH_MAX: usize = 256;

/// Who waits for the end of which run.
#[derive(Debug, Clone, Default)]
pub(super) struct Nest {
    callers: BTreeMap<RunId, (RunId, Address)>,
}

impl Nest {
    pub(super) fn set(&mut self, run: RunId, caller: Option<(RunId, Address)>) {
        match caller {
            Some(caller) => self.callers.insert(run, caller),
            None => self.callers.remove(&run),
        };
    }

    /// Returns where blocks around `work` would be, nearest first: what its address begins with, then the task that called
    /// its run, and so on.
    pub(super) fn around<'r>(&'r self, work: &'r Ready) -> impl Iterator<Item = (RunId, &'r str)> {
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
