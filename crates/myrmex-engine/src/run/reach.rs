//! What work inside a block asks for on top of what the block holds: in its own definition, and in the workflows that are
//! called there and waited for, as they were pinned when the run began.
//!
//! Nothing of that depends on how a run goes, so it is remembered by definition. Calls are followed as deep as a run may
//! make them; so a workflow that calls itself asks for what all those calls would.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::demand::Inside;
use myrmex_model::id::{DefinitionHash, ValueHash};
use myrmex_model::ir::{Body, Definition, Node, NodeId};
use myrmex_model::name::Name;

/// The most blocks that are remembered: as many as some hundred large workflows have.
const BLOCKS_MAX: usize = 16_384;

/// Knows the definitions of the workflows that a run may call.
pub trait Callable {
    /// Returns what `workflow` stands for in `closure`; nothing if it cannot be found, and then it is asked for again.
    fn find(&mut self, closure: ValueHash, workflow: &Name) -> Option<(DefinitionHash, Arc<Definition>)>;
}

/// What was found of blocks so far.
#[derive(Debug, Default)]
pub struct Reach {
    known: BTreeMap<Block, Inside>,
}

/// A block of a definition, with what decides about what it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block {
    pub(super) definition: DefinitionHash,
    /// What names of workflows stand for.
    pub(super) closure: Option<ValueHash>,
    pub(super) node: NodeId,
    /// How many calls may stand inside each other there.
    pub(super) calls_deep: u32,
}

/// What a walk finds; part of it may be missing because a definition could not be found.
#[derive(Debug, Default)]
struct Found {
    inside: Inside,
    is_partial: bool,
}

impl Reach {
    /// Returns the most that a piece of work inside a block of `definition` asks for at a time, with the blocks around it that
    /// are inside that block too.
    pub(super) fn inside(
        &mut self,
        definition: &Definition,
        block: Block,
        callable: &mut dyn Callable,
    ) -> Inside {
        self.find(definition, block, callable).inside
    }

    fn find(&mut self, definition: &Definition, block: Block, callable: &mut dyn Callable) -> Found {
        if let Some(inside) = self.known.get(&block) {
            return Found { inside: inside.clone(), is_partial: false };
        }
        let mut found = Found::default();
        self.called(definition.node(block.node), block, callable, &mut found);
        // A parent stands before its children, and a piece of work and what is inside it stand together.
        for (index, node) in definition.nodes.iter().enumerate().skip(block.node.0 as usize + 1) {
            let own = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
            let Some(mut sum) = demanded(definition, own, block.node) else { break };
            let mut called = Found::default();
            self.called(node, block, callable, &mut called);
            sum.add(&called.inside);
            found.inside.cover(&sum);
            found.is_partial |= called.is_partial;
        }
        if !found.is_partial {
            if self.known.len() >= BLOCKS_MAX {
                self.known.clear();
            }
            self.known.insert(block, found.inside.clone());
        }
        found
    }

    /// Adds what the workflow asks for that `node` calls and waits for.
    fn called(&mut self, node: &Node, block: Block, callable: &mut dyn Callable, found: &mut Found) {
        let Body::Call(call) = &node.body else { return };
        let (Some(closure), Some(calls_deep)) = (block.closure, block.calls_deep.checked_sub(1)) else {
            return;
        };
        if call.is_detached {
            return;
        }
        let Some((hash, definition)) = callable.find(closure, &call.workflow) else {
            found.is_partial = true;
            return;
        };
        let whole = Block { definition: hash, closure: block.closure, node: definition.root, calls_deep };
        let called = self.find(&definition, whole, callable);
        found.inside.cover(&called.inside);
        found.is_partial |= called.is_partial;
    }
}

/// Returns what a node asks for with the blocks around it inside `block`; nothing if it is not inside.
fn demanded(definition: &Definition, node: NodeId, block: NodeId) -> Option<Inside> {
    let mut sum = Inside::default();
    let mut here = node;
    while here != block {
        let node = definition.node(here);
        if let Some(asks) = node.policy.asks.as_deref() {
            sum.add(&Inside::of(asks));
        }
        here = node.parent?;
    }
    Some(sum)
}
