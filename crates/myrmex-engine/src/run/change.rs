//! Changes of a project while it runs: what the run cannot follow, found before it moves.
//!
//! What has begun keeps its body and what it needs, and so does what is over, as long as it is in the definition at all. Nothing new may
//! come before it: it was decided without that. What is over may go; its facts stay. Dates, estimates, people and prices may change
//! for everything. What has not begun follows the new definition.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::ir::{Body, Definition, Edge, Graph, Node, NodeId};

use super::Run;
use super::arena::ActivationId;

/// Why a run cannot follow a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A task that has begun would do something else.
    #[error("`{task}` has begun and would become something else")]
    Body {
        /// The task.
        task: String,
    },
    /// A task that has begun would need something else.
    #[error("`{task}` has begun and would need something else")]
    Needs {
        /// The task.
        task: String,
    },
    /// Something new would come before a task that has begun, or a phase or gate that is over.
    #[error("`{new}` would come before `{decided}`, which has begun: put it into a later phase")]
    Before {
        /// What is new.
        new: String,
        /// What has begun.
        decided: String,
    },
    /// A task that is under way would be gone.
    #[error("`{task}` is under way and would be gone: end it first")]
    Gone {
        /// The task.
        task: String,
    },
}

/// The children of the graph that a project is, by name.
struct Parts<'d> {
    definition: &'d Definition,
    graph: &'d Graph,
}

impl<'d> Parts<'d> {
    fn of(definition: &'d Definition) -> Option<Self> {
        match &definition.node(definition.root).body {
            Body::Graph(graph) => Some(Self { definition, graph }),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Each(_)
            | Body::Call(_) => None,
        }
    }

    fn node(&self, index: u32) -> &'d Node {
        self.definition.node(self.graph.children[index as usize].node)
    }

    fn name(&self, index: u32) -> &'d str {
        self.node(index).name.as_str()
    }

    /// Returns the edges into a child, each by the name that `renamed` gives to where it comes from.
    fn needs<'e>(&self, index: u32, renamed: impl Fn(&str) -> String + 'e) -> Vec<(String, &'d Edge)> {
        let into = self.graph.edges().iter().filter(|edge| edge.to == index);
        let mut needs: Vec<(String, &Edge)> =
            into.map(|edge| (renamed(self.name(edge.from)), edge)).collect();
        needs.sort_by_key(|(name, edge)| {
            (name.clone(), format!("{:?}{:?}{:?}", edge.on, edge.holds, edge.lag))
        });
        needs
    }
}

impl Run {
    /// Returns why the run cannot follow `definition`, with tasks renamed by `map` (old and new address); nothing if it can.
    pub fn check_change(&self, definition: &Definition, map: &[(Address, Address)]) -> Vec<Refusal> {
        let (Some(old), Some(new)) = (Parts::of(&self.definition), Parts::of(definition)) else {
            return Vec::new();
        };
        let renamed: BTreeMap<&str, &str> =
            map.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        let now_called = |name: &str| (*renamed.get(name).unwrap_or(&name)).to_owned();
        let known: BTreeSet<String> =
            (0..old.graph.children.len()).map(|index| now_called(old.name(place(index)))).collect();
        let mut refusals = Vec::new();
        for index in 0..old.graph.children.len() {
            let index = place(index);
            let id = self.sibling(ActivationId::ROOT, index);
            if !self.has_begun_or_ended(id) {
                continue;
            }
            let task = now_called(old.name(index));
            let Some(counterpart) = new.graph.child_index(&task) else {
                if !self.at(id).status.is_terminal() {
                    refusals.push(Refusal::Gone { task });
                }
                continue;
            };
            if !is_same_work((old.definition, old.node(index)), (new.definition, new.node(counterpart))) {
                refusals.push(Refusal::Body { task: task.clone() });
            }
            let (before, after) =
                (old.needs(index, now_called), new.needs(counterpart, |name: &str| name.to_owned()));
            let added = after.iter().find(|(name, _)| !known.contains(name));
            let is_same = before.len() == after.len()
                && before
                    .iter()
                    .zip(&after)
                    .all(|(before, after)| before.0 == after.0 && same_edge(before.1, after.1));
            match added {
                Some((name, _)) => refusals.push(Refusal::Before { new: name.clone(), decided: task }),
                None if !is_same => refusals.push(Refusal::Needs { task }),
                None => {}
            }
        }
        refusals
    }

    /// Whether something was decided about a child that a change cannot undo.
    fn has_begun_or_ended(&self, id: ActivationId) -> bool {
        let own = self.at(id);
        own.status.is_terminal() || own.has_started || !own.is_open()
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn same_edge(one: &Edge, other: &Edge) -> bool {
    let of = |edge: &Edge| (edge.on, edge.cases.clone(), edge.holds, edge.lag, edge.calendar.clone());
    of(one) == of(other)
}

/// Returns whether two nodes of two definitions do the same, with everything inside of them.
pub fn is_same_work(one: (&Definition, &Node), other: (&Definition, &Node)) -> bool {
    let alike = |one: &Node, other: &Node| {
        one.outputs == other.outputs && one.binding == other.binding && same_body(&one.body, &other.body)
    };
    if !alike(one.1, other.1) {
        return false;
    }
    let (inner, others) = (inside(one.0, one.1), inside(other.0, other.1));
    let same = |(one, other): (&&Node, &&Node)| {
        one.name == other.name && one.guard == other.guard && alike(one, other)
    };
    inner.len() == others.len() && inner.iter().zip(&others).all(same)
}

/// Whether two bodies are alike, what is inside of them apart.
fn same_body(one: &Body, other: &Body) -> bool {
    match (one, other) {
        (Body::Graph(one), Body::Graph(other)) => {
            let terms =
                |graph: &Graph| (graph.max_parallel, graph.fail_fast, graph.complete, graph.edges().to_vec());
            let joins = |graph: &Graph| {
                graph.children.iter().map(|child| (child.join, child.late)).collect::<Vec<_>>()
            };
            terms(one) == terms(other) && joins(one) == joins(other)
        }
        (Body::Flow(one), Body::Flow(other)) => {
            let next = |flow: &myrmex_model::ir::Flow| {
                flow.children.iter().map(|child| child.next).collect::<Vec<_>>()
            };
            one.rounds == other.rounds && next(one) == next(other)
        }
        (Body::Each(one), Body::Each(other)) => {
            let mut renumbered = one.clone();
            renumbered.body = other.body;
            renumbered == *other
        }
        (one, other) => one == other,
    }
}

/// Returns the nodes inside of another, in the order of the definition.
fn inside<'d>(definition: &'d Definition, node: &Node) -> Vec<&'d Node> {
    let is_same = |id: NodeId| std::ptr::eq(definition.node(id), node);
    let is_inside = |inner: &&Node| {
        let mut above = inner.parent;
        while let Some(id) = above {
            if is_same(id) {
                return true;
            }
            above = definition.node(id).parent;
        }
        false
    };
    definition.nodes.iter().filter(is_inside).collect()
}
