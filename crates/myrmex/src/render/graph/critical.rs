//! The critical path: of a run the chain of tasks that decided when it ended, of a workflow the longest chain.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::ir::NodeId;
use myrmex_model::time::Timestamp;

use super::model::{Arrow, Role, Shape, ShapeId, children};

/// A chain of shapes, in order. What is inside a block stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Critical {
    /// How it was found.
    pub basis: Basis,
    /// The shapes on it.
    pub shapes: Vec<ShapeId>,
}

impl Critical {
    /// Returns which shapes follow each other on it: those beside each other, without what is inside of them between.
    pub fn steps(&self, shapes: &[Shape]) -> BTreeSet<(ShapeId, ShapeId)> {
        let mut last: BTreeMap<Option<ShapeId>, ShapeId> = BTreeMap::new();
        let mut steps = BTreeSet::new();
        for shape in &self.shapes {
            if let Some(before) = last.insert(shapes[shape.0].parent, *shape) {
                steps.insert((before, *shape));
            }
        }
        steps
    }
}

/// How a critical path was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// By when the tasks of a run began and ended.
    Recorded,
    /// By counting tasks: the language has no estimates yet, so each counts one.
    Longest,
}

impl Basis {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Longest => "longest_chain",
        }
    }
}

/// One time that a node ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Where.
    pub address: Address,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; of one that is under way the last instant of the run.
    pub ended: Timestamp,
}

/// The arrows into each shape, without those that lead back.
fn sources(count: usize, arrows: &[Arrow]) -> Vec<Vec<ShapeId>> {
    let mut sources = vec![Vec::new(); count];
    for arrow in arrows.iter().filter(|arrow| !arrow.is_back) {
        sources[arrow.to.0].push(arrow.from);
    }
    sources
}

/// Finds the longest chain of tasks. What follows a body is not part of it: most of it runs only after a failure.
pub fn longest(shapes: &[Shape], arrows: &[Arrow]) -> Critical {
    let (children, sources) = (children(shapes), sources(shapes.len(), arrows));
    // How many tasks are on the longest chain inside a shape, and where that chain ends.
    let mut inside: Vec<(usize, Option<ShapeId>)> = vec![(1, None); shapes.len()];
    // How many are on the longest chain that ends with a shape, and what stands before it there.
    let mut chains: Vec<(usize, Option<ShapeId>)> = vec![(0, None); shapes.len()];
    for index in (0..shapes.len()).rev() {
        let body: Vec<ShapeId> = body(&children[index], shapes).collect();
        let mut last: Option<ShapeId> = None;
        for child in in_order(&body, &sources) {
            let mut before: Option<ShapeId> = None;
            for source in &sources[child.0] {
                if before.is_none_or(|before| chains[source.0].0 > chains[before.0].0) {
                    before = Some(*source);
                }
            }
            let length = before.map_or(0, |before| chains[before.0].0) + inside[child.0].0;
            chains[child.0] = (length, before);
            if last.is_none_or(|last| length > chains[last.0].0) {
                last = Some(child);
            }
        }
        if let Some(last) = last {
            inside[index] = (chains[last.0].0, Some(last));
        }
    }
    let mut found = Vec::new();
    let mut open = vec![ShapeId(0)];
    while let Some(shape) = open.pop() {
        if shape.0 > 0 {
            found.push(shape);
        }
        // The stack gives the chain from its beginning, and what is inside a block behind it.
        let mut next = inside[shape.0].1;
        while let Some(end) = next {
            open.push(end);
            next = chains[end.0].1;
        }
    }
    Critical { basis: Basis::Longest, shapes: found }
}

fn body<'a>(children: &'a [ShapeId], shapes: &'a [Shape]) -> impl Iterator<Item = ShapeId> + 'a {
    children.iter().copied().filter(|child| shapes[child.0].role == Role::Body)
}

/// Returns the children of a scope such that each stands behind its sources.
pub fn in_order(children: &[ShapeId], sources: &[Vec<ShapeId>]) -> Vec<ShapeId> {
    let mut left: BTreeMap<ShapeId, usize> =
        children.iter().map(|child| (*child, sources[child.0].len())).collect();
    let mut targets: BTreeMap<ShapeId, Vec<ShapeId>> = BTreeMap::new();
    for child in children {
        for source in &sources[child.0] {
            targets.entry(*source).or_default().push(*child);
        }
    }
    let mut order: Vec<ShapeId> = children.iter().copied().filter(|child| left[child] == 0).collect();
    let mut next = 0;
    while let Some(shape) = order.get(next).copied() {
        next += 1;
        for target in targets.get(&shape).into_iter().flatten() {
            if let Some(count) = left.get_mut(target) {
                *count -= 1;
                if *count == 0 {
                    order.push(*target);
                }
            }
        }
    }
    order
}

/// One time that something ran, on the chain that decided when a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What ran.
    pub shape: ShapeId,
    /// Where.
    pub address: Address,
    /// How many steps it is inside of.
    pub depth: usize,
}

/// Finds the chain that decided when a run ended.
pub fn recorded(
    shapes: &[Shape],
    arrows: &[Arrow],
    instances: &BTreeMap<NodeId, Vec<Instance>>,
    bodies: &BTreeMap<NodeId, NodeId>,
) -> Critical {
    let steps = recorded_steps(shapes, arrows, instances, bodies);
    Critical { basis: Basis::Recorded, shapes: steps.into_iter().map(|step| step.shape).collect() }
}

/// Finds the chain that decided when a run ended: from the task that ended last back to those whose end it waited for, inside
/// blocks too, and of a `for_each` along the item that ended last. What is inside a step stands behind it.
pub fn recorded_steps(
    shapes: &[Shape],
    arrows: &[Arrow],
    instances: &BTreeMap<NodeId, Vec<Instance>>,
    bodies: &BTreeMap<NodeId, NodeId>,
) -> Vec<Step> {
    let looking =
        Looking { shapes, instances, bodies, children: children(shapes), arrows: by_target(arrows) };
    let mut found = Vec::new();
    let mut open = vec![(ShapeId(0), Address::root(), 0)];
    while let Some((shape, address, depth)) = open.pop() {
        let inside = looking.chain(shape, &address).into_iter().rev();
        open.extend(inside.map(|(shape, address)| (shape, address, depth + 1)));
        if shape.0 > 0 {
            found.push(Step { shape, address, depth: depth - 1 });
        }
    }
    found
}

/// The sources of each shape, those that an arrow back comes from among them.
fn by_target(arrows: &[Arrow]) -> BTreeMap<ShapeId, Vec<ShapeId>> {
    let mut sources: BTreeMap<ShapeId, Vec<ShapeId>> = BTreeMap::new();
    for arrow in arrows {
        sources.entry(arrow.to).or_default().push(arrow.from);
    }
    sources
}

struct Looking<'a> {
    shapes: &'a [Shape],
    instances: &'a BTreeMap<NodeId, Vec<Instance>>,
    bodies: &'a BTreeMap<NodeId, NodeId>,
    children: Vec<Vec<ShapeId>>,
    arrows: BTreeMap<ShapeId, Vec<ShapeId>>,
}

impl Looking<'_> {
    /// Returns the last time that a node ran inside of what is at `within`.
    fn last(&self, node: NodeId, within: &Address) -> Option<&Instance> {
        let all = self.instances.get(&node)?.iter();
        all.filter(|instance| instance.address.is_inside(within)).max_by_key(|instance| instance.ended)
    }

    /// Returns the chain through the children of a shape that ran at `within`, from its beginning, each with its address.
    fn chain(&self, shape: ShapeId, within: &Address) -> Vec<(ShapeId, Address)> {
        // Inside a `for_each` only the item counts that ended last.
        let item = self.bodies.get(&self.shapes[shape.0].node).and_then(|body| self.last(*body, within));
        let within = item.map_or(within, |item| &item.address);
        let ran = |child: ShapeId| Some((child, self.last(self.shapes[child.0].node, within)?));
        let (body, handlers): (Vec<_>, Vec<_>) = self.children[shape.0]
            .iter()
            .filter_map(|child| ran(*child))
            .partition(|(child, _)| self.shapes[child.0].role == Role::Body);
        let last = body.iter().max_by_key(|(_, instance)| instance.ended).copied();
        let mut chain: Vec<(ShapeId, Address)> = Vec::new();
        let mut next = last;
        while let Some((shape, instance)) = next {
            chain.push((shape, instance.address.clone()));
            let sources = self.arrows.get(&shape).into_iter().flatten().filter_map(|source| ran(*source));
            // In a loop a task may have run again since; what ended later was not waited for.
            let before = sources.filter(|(source, earlier)| {
                earlier.ended <= instance.started && chain.iter().all(|(known, _)| known != source)
            });
            next = before.max_by_key(|(_, earlier)| earlier.ended);
        }
        chain.reverse();
        let mut after: Vec<_> = handlers;
        after.sort_by_key(|(_, instance)| instance.started);
        chain.extend(after.into_iter().map(|(shape, instance)| (shape, instance.address.clone())));
        chain
    }
}
