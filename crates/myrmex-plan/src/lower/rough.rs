//! How long something takes, roughly: by sums and longest paths of estimates, without calendars or capacity. Branches are compared by it.

use std::collections::BTreeMap;

use myrmex_model::ir::{Body, Graph, NodeId};

use super::{Around, Builder, LowerError, TASKS_MAX, branch, node_of};

/// So many nodes are looked at: all tasks that a problem may have, as parts of what they stand in and by themselves, and as many that are in no plan.
const LOOKED_MAX: usize = 4 * TASKS_MAX;

/// What is known of blocks so far: each level of blocks asks for the lengths of all that lie deeper.
#[derive(Debug, Default)]
pub(super) struct Rough {
    known: BTreeMap<String, i64>,
    looked: usize,
}

impl<'a> Builder<'a> {
    /// Returns about how many milliseconds the node `id` takes with all within.
    ///
    /// # Errors
    ///
    /// Returns [`LowerError::Large`] if there is more within than any plan has.
    pub(super) fn rough(&mut self, around: &Around<'a>, id: NodeId) -> Result<i64, LowerError> {
        self.rough.looked += 1;
        if self.rough.looked > LOOKED_MAX {
            return Err(LowerError::Large { path: around.path.clone() });
        }
        if self.asked.given.skipped.contains(&around.shared) {
            return Ok(0);
        }
        let node = node_of(around, id);
        if self.is_leaf(around, node) {
            return Ok(self.rough_leaf(around, node));
        }
        if let Some(known) = self.rough.known.get(&around.path) {
            return Ok(*known);
        }
        let length = match &node.body {
            Body::Each(each) => return self.rough(&around.item(""), each.body),
            Body::Graph(graph) => self.rough_graph(around, graph)?,
            Body::Flow(flow) => {
                let mut all = 0_i64;
                for child in &flow.children {
                    let at = around.child(&node_of(around, child.node).name);
                    all = all.saturating_add(self.rough(&at, child.node)?);
                }
                all
            }
            Body::Call(call) => match self.asked.called.get(&call.workflow) {
                Some(called) => self.rough(&around.calling(called), called.root)?,
                None => self.rough_leaf(around, node),
            },
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_) => self.rough_leaf(around, node),
        };
        self.rough.known.insert(around.path.clone(), length);
        Ok(length)
    }

    fn rough_graph(&mut self, around: &Around<'a>, graph: &'a Graph) -> Result<i64, LowerError> {
        let mut finishes = vec![0_i64; graph.children.len()];
        for child in branch::order(graph) {
            let inner = graph.children[child].node;
            let length = self.rough(&around.child(&node_of(around, inner).name), inner)?;
            finishes[child] = finishes[child].saturating_add(length);
            for edge in graph.edges_from(u32::try_from(child).expect("children are counted in 32 bits")) {
                let to = edge.to as usize;
                finishes[to] = finishes[to].max(finishes[child]);
            }
        }
        Ok(finishes.into_iter().max().unwrap_or(0))
    }
}
