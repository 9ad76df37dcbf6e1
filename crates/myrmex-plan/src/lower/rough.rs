//! How long something takes, roughly: by sums and longest paths of estimates, without calendars or capacity. Branches are compared by it.

use myrmex_model::ir::{Body, NodeId};

use super::{Around, Builder, branch, node_of, planning};

impl<'a> Builder<'a> {
    /// Returns about how many milliseconds the node `id` takes with all within.
    pub(super) fn rough(&self, around: &Around<'a>, id: NodeId) -> i64 {
        let node = node_of(around, id);
        let is_estimated = planning(around.definition, node)
            .and_then(|planning| planning.estimate.as_ref())
            .is_some_and(|estimate| estimate.amount.is_some());
        match &node.body {
            Body::Each(each) => self.rough(&around.item(""), each.body),
            Body::Graph(graph) if !is_estimated => {
                let order = branch::order(graph);
                let mut finishes = vec![0_i64; graph.children.len()];
                for child in &order {
                    let inner = graph.children[*child].node;
                    let length = self.rough(&around.child(&node_of(around, inner).name), inner);
                    finishes[*child] = finishes[*child].saturating_add(length);
                    let place = u32::try_from(*child).expect("children are counted in 32 bits");
                    for edge in graph.edges_from(place) {
                        let to = edge.to as usize;
                        finishes[to] = finishes[to].max(finishes[*child]);
                    }
                }
                finishes.into_iter().max().unwrap_or(0)
            }
            Body::Flow(flow) if !is_estimated => {
                let children = flow.children.iter();
                children
                    .map(|child| self.rough(&around.child(&node_of(around, child.node).name), child.node))
                    .fold(0, i64::saturating_add)
            }
            Body::Call(call) if !is_estimated && !call.is_detached => {
                match self.asked.called.get(&call.workflow) {
                    Some(called) if !around.calling.contains(&&call.workflow) => {
                        let mut inside = Around { definition: called, ..around.clone() };
                        inside.calling.push(&call.workflow);
                        self.rough(&inside, called.root)
                    }
                    Some(_) | None => self.rough_leaf(around, node),
                }
            }
            Body::Graph(_)
            | Body::Flow(_)
            | Body::Call(_)
            | Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_) => self.rough_leaf(around, node),
        }
    }
}
