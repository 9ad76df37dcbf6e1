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

    /// Returns whether `work` is inside `block`.
    pub(super) fn is_within(&self, work: &Ready, block: &Ready) -> bool {
        let (mut run, mut task) = (work.run, &work.task);
        for _ in 0..DEPTH_MAX {
            if run == block.run {
                // The task that called is itself the block.
                return task.is_inside(&block.task) || (run != work.run && *task == block.task);
            }
            let Some((caller, at)) = self.callers.get(&run) else { return false };
            (run, task) = (*caller, at);
        }
        false
    }
}
