//! What must hold of a definition so that a machine can index it without looking.

use std::collections::BTreeSet;

use super::SCOPE_DEPTH_MAX;
use super::forms::wrong;
use crate::ir::{
    Await, AwaitKind, Body, Choose, Complete, Definition, Each, Flow, Graph, Handling, Join, NODES_MAX, Next,
    Node, NodeId, Tolerance,
};
use crate::wire::WireError;

type Check = Result<(), WireError>;

/// Checks the whole of `definition`.
pub(super) fn check(definition: &Definition) -> Check {
    let nodes = &definition.nodes;
    if nodes.is_empty() || nodes.len() > NODES_MAX {
        return Err(wrong(format!("it has {} nodes, from 1 to {NODES_MAX} are allowed", nodes.len())));
    }
    check_parents(definition)?;
    let mut listed = vec![false; nodes.len()];
    for (id, node) in (0..).map(NodeId).zip(nodes) {
        match &node.body {
            Body::Task(_) | Body::Value(_) | Body::Timer(_) | Body::Raise(_) | Body::Call(_) => {}
            Body::Await(body) => check_await(id, body)?,
            Body::Choose(choose) => check_choose(definition, id, choose)?,
            Body::Flow(flow) => {
                for child in &flow.children {
                    list(definition, id, child.node, &mut listed)?;
                }
                check_flow(definition, id, flow)?;
            }
            Body::Graph(graph) => {
                for child in &graph.children {
                    list(definition, id, child.node, &mut listed)?;
                }
                check_graph(definition, id, graph)?;
            }
            Body::Each(each) => {
                list(definition, id, each.body, &mut listed)?;
                check_each(id, each)?;
            }
        }
        check_binding(id, node)?;
        if let Some(handling) = &node.handling {
            check_handling(definition, id, node, handling, &mut listed)?;
        }
    }
    match listed.iter().skip(1).position(|is_listed| !is_listed) {
        Some(place) => Err(wrong(format!("node {} is not listed by its parent", place + 1))),
        None => Ok(()),
    }
}

/// The root comes first and every other node after its parent, so the parents form one tree.
fn check_parents(definition: &Definition) -> Check {
    if definition.root != NodeId(0) || definition.nodes[0].parent.is_some() {
        return Err(wrong("the root is not the first node"));
    }
    let mut depths = vec![0_usize; definition.nodes.len()];
    for (place, node) in definition.nodes.iter().enumerate().skip(1) {
        let parent = node.parent.map_or(usize::MAX, |parent| parent.0 as usize);
        if parent >= place {
            return Err(wrong(format!("node {place} does not stand after its parent")));
        }
        depths[place] = depths[parent] + 1;
        if depths[place] > SCOPE_DEPTH_MAX {
            return Err(wrong(format!("node {place} lies more than {SCOPE_DEPTH_MAX} scopes deep")));
        }
    }
    Ok(())
}

/// Notes that `parent` lists `child`, which must be its own and listed once.
fn list(definition: &Definition, parent: NodeId, child: NodeId, listed: &mut [bool]) -> Check {
    let node = definition.nodes.get(child.0 as usize);
    if node.is_none_or(|node| node.parent != Some(parent)) {
        return Err(wrong(format!("node {} lists node {}, which is not inside it", parent.0, child.0)));
    }
    let is_listed = &mut listed[child.0 as usize];
    if std::mem::replace(is_listed, true) {
        return Err(wrong(format!("node {} is listed twice", child.0)));
    }
    Ok(())
}

/// Checks that names of children tell them apart; `last` finds a child by name.
fn check_names(
    definition: &Definition,
    id: NodeId,
    children: impl Iterator<Item = NodeId>,
    last: impl Fn(&str) -> Option<u32>,
) -> Check {
    for (place, child) in (0..).zip(children) {
        let name = &definition.nodes[child.0 as usize].name;
        if last(name.as_str()) != Some(place) {
            return Err(wrong(format!("node {} has two children `{name}`", id.0)));
        }
    }
    Ok(())
}

fn check_flow(definition: &Definition, id: NodeId, flow: &Flow) -> Check {
    let children = || flow.children.iter().map(|child| child.node);
    check_names(definition, id, children(), |name| flow.child_index(name))?;
    flow.children.iter().try_for_each(|child| check_next(id, flow, child.next))
}

fn check_next(id: NodeId, flow: &Flow, next: Next) -> Check {
    match next {
        Next::Continue | Next::Exit | Next::End => Ok(()),
        Next::Goto(place) if (place as usize) < flow.children.len() => Ok(()),
        Next::Goto(place) => {
            Err(wrong(format!("flow {} jumps to child {place}, which does not exist", id.0)))
        }
    }
}

fn check_choose(definition: &Definition, id: NodeId, choose: &Choose) -> Check {
    let parent = definition.nodes[id.0 as usize].parent.map(|parent| (parent, &definition.node(parent).body));
    for case in &choose.cases {
        match (parent, case.next) {
            (Some((parent, Body::Flow(flow))), next)
                if flow.children.iter().any(|child| child.node == id) =>
            {
                check_next(parent, flow, next)?;
            }
            (_, Next::Continue) => {}
            (_, Next::Exit | Next::End | Next::Goto(_)) => {
                return Err(wrong(format!("node {} jumps outside of a flow", id.0)));
            }
        }
    }
    Ok(())
}

/// Inputs of its own has what is entered: a scope, but not the root, whose inputs are the run's.
fn check_binding(id: NodeId, node: &Node) -> Check {
    let is_scope = match &node.body {
        Body::Flow(_) | Body::Graph(_) => node.parent.is_some(),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Each(_)
        | Body::Call(_) => false,
    };
    if node.binding.is_some() && !is_scope {
        return Err(wrong(format!("node {} cannot have inputs of its own", id.0)));
    }
    Ok(())
}

/// Handlers are nodes of their own inside the node they belong to, with names of which no child may have one.
fn check_handling(
    definition: &Definition,
    id: NodeId,
    node: &Node,
    handling: &Handling,
    listed: &mut [bool],
) -> Check {
    for (_, handler) in handling.handlers() {
        list(definition, id, handler, listed)?;
        let name = definition.nodes[handler.0 as usize].name.as_str();
        let is_taken = match &node.body {
            Body::Flow(flow) => flow.child_index(name).is_some(),
            Body::Graph(graph) => graph.child_index(name).is_some(),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Each(_)
            | Body::Call(_) => false,
        };
        let namesakes =
            handling.handlers().filter(|(_, other)| definition.nodes[other.0 as usize].name.as_str() == name);
        if is_taken || namesakes.count() > 1 {
            return Err(wrong(format!("node {} has two children `{name}`", id.0)));
        }
    }
    Ok(())
}

/// Somebody can answer what waits for people, and names tell its parts apart.
fn check_await(id: NodeId, body: &Await) -> Check {
    if body.count == 0 {
        return Err(wrong(format!("node {} waits for no answer", id.0)));
    }
    let fields: BTreeSet<&str> = body.fields.iter().map(|field| field.name.as_str()).collect();
    if fields.len() < body.fields.len() {
        return Err(wrong(format!("node {} asks for a field twice", id.0)));
    }
    let AwaitKind::Gate(gate) = &body.kind else { return Ok(()) };
    let criteria: BTreeSet<&str> = gate.criteria.iter().map(|(name, _)| name.as_str()).collect();
    let items: BTreeSet<&str> = gate.checklist.iter().map(|item| item.name.as_str()).collect();
    let decisions: BTreeSet<_> = gate.decisions.iter().collect();
    let counts = (criteria.len(), items.len(), decisions.len());
    if counts != (gate.criteria.len(), gate.checklist.len(), gate.decisions.len()) {
        return Err(wrong(format!("gate {} names something twice", id.0)));
    }
    if gate.decisions.is_empty() {
        return Err(wrong(format!("gate {} leaves nothing to decide", id.0)));
    }
    Ok(())
}

fn check_complete(id: NodeId, complete: Complete) -> Check {
    match complete {
        Complete::First { count: 0, .. } => Err(wrong(format!("node {} waits for no success", id.0))),
        Complete::First { .. } | Complete::All => Ok(()),
    }
}

fn check_parallel(id: NodeId, max_parallel: Option<u32>) -> Check {
    if max_parallel == Some(0) {
        Err(wrong(format!("node {} never lets a child begin", id.0)))
    } else {
        Ok(())
    }
}

fn check_each(id: NodeId, each: &Each) -> Check {
    if each.tolerance.is_some_and(|tolerance| matches!(tolerance, Tolerance::Percent(part) if part > 100)) {
        return Err(wrong(format!("node {} asks for more than all of its items", id.0)));
    }
    check_complete(id, each.complete)?;
    check_parallel(id, each.max_parallel)
}

fn check_graph(definition: &Definition, id: NodeId, graph: &Graph) -> Check {
    let children = || graph.children.iter().map(|child| child.node);
    check_names(definition, id, children(), |name| graph.child_index(name))?;
    check_complete(id, graph.complete)?;
    check_parallel(id, graph.max_parallel)?;
    if graph.children.iter().any(|child| child.join == Join::First(0)) {
        return Err(wrong(format!("a child of graph {} waits for no edge", id.0)));
    }
    // That edges name children was checked when the graph was built.
    for edge in graph.edges().iter().filter(|edge| !edge.cases.is_empty()) {
        let from = graph.children[edge.from as usize].node;
        let count = match &definition.node(from).body {
            Body::Choose(choose) => choose.cases.len(),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_) => 0,
        };
        if let Some(case) = edge.cases.iter().find(|case| **case as usize >= count) {
            return Err(wrong(format!("an edge names case {case} of node {}, which does not exist", from.0)));
        }
    }
    check_acyclic(id, graph)
}

/// Takes away children without incoming edges until none is left.
fn check_acyclic(id: NodeId, graph: &Graph) -> Check {
    let count = u32::try_from(graph.children.len()).unwrap_or(u32::MAX);
    let mut left = vec![0_u32; graph.children.len()];
    for edge in graph.edges() {
        left[edge.to as usize] += 1;
    }
    let mut ready: Vec<u32> = (0..count).filter(|child| left[*child as usize] == 0).collect();
    let mut taken = 0;
    while let Some(child) = ready.pop() {
        taken += 1;
        for edge in graph.edges_from(child) {
            left[edge.to as usize] -= 1;
            if left[edge.to as usize] == 0 {
                ready.push(edge.to);
            }
        }
    }
    if taken == count { Ok(()) } else { Err(wrong(format!("the edges of graph {} form a cycle", id.0))) }
}
