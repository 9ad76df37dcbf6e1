//! Successes that later attempts may take over: what is told to the worker that looks for one, and what is kept of one.

use myrmex_model::address::Address;
use myrmex_model::id::{RunId, ValueHash};
use myrmex_model::ir::{Definition, Node, Task};
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_store::{CacheDigest, Cached, IndexOperation};

use super::State;
use crate::worker::{CACHE_ARGUMENT, CacheScope};

/// Returns what a success of `task` depends on beside its arguments; none if it may not be taken over.
pub(super) fn scope(
    definition: &Definition,
    (node, body): (&Node, &Task),
    task: &Address,
    arguments: &Value,
) -> Option<Box<CacheScope>> {
    arguments.get(CACHE_ARGUMENT)?;
    let names: Vec<&str> = task.segments().map(|segment| segment.name).collect();
    let (workflow, path) = (definition.name.clone(), names.join("/"));
    let body = wire::definition::hash_of_task(body, CACHE_ARGUMENT, &node.outputs);
    Some(Box::new(CacheScope { workflow, path, body, digest: None }))
}

/// What an attempt gave, in the value table of its run.
#[derive(Clone, Copy)]
pub(super) struct Gave {
    pub(super) output: ValueHash,
    pub(super) artifacts: Option<ValueHash>,
}

impl State {
    /// Keeps the success of an attempt, if it was one: in the batch that records it, so that there is none that is not
    /// durable.
    pub(super) fn keep_success(&mut self, run: RunId, task: Address, gave: Gave, digest: CacheDigest) {
        let Some(loaded) = self.owned.runs.get(&run) else { return };
        let Gave { output, artifacts } = gave;
        // Of a cancelled task, and of one whose output was refused, nothing is taken over.
        if loaded.run.task(&task).and_then(|view| view.given()) != Some(output) {
            return;
        }
        let (namespace, at) = (self.parts.namespace.clone(), loaded.run.last());
        let cached = Cached { namespace, digest, run, task, output, artifacts, at };
        self.owned.open.operations([IndexOperation::PutCached(cached)]);
    }
}
