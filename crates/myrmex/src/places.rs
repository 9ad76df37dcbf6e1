//! Which shape and which node of a definition a task of a run is: found by its path, whatever became of it in memory.

use std::collections::BTreeMap;

use myrmex_engine::history::{Timeline, shared_path};
use myrmex_model::ir::{Body, Definition, NodeId};

use crate::render::graph::critical::Instance;
use crate::render::graph::model::{Drawing, ShapeId};
use crate::render::graph::states::of_definition;

/// Where tasks stand in a definition.
pub struct Places {
    /// The definition as shapes.
    pub drawing: Drawing,
    /// The shapes by the shared paths of their tasks; not of items.
    pub shapes: BTreeMap<String, ShapeId>,
    /// What leads to each shape, back in a flow too.
    pub sources: BTreeMap<ShapeId, Vec<ShapeId>>,
    /// The bodies of each `for_each`.
    pub bodies: BTreeMap<NodeId, NodeId>,
}

impl Places {
    /// Reads a definition.
    pub fn of(definition: &Definition) -> Self {
        let drawing = of_definition(definition);
        let mut bodies = BTreeMap::new();
        for shape in &drawing.shapes {
            if let Body::Each(each) = &definition.node(shape.node).body {
                bodies.insert(shape.node, each.body);
            }
        }
        let mut shapes: BTreeMap<String, ShapeId> = BTreeMap::new();
        // A parent stands before its children, so the path around a shape is known.
        let mut shared: Vec<String> = Vec::new();
        for (index, shape) in drawing.shapes.iter().enumerate() {
            let around = shape.parent.map(|parent| {
                let is_each = bodies.contains_key(&drawing.shape(parent).node);
                format!("{}{}", shared[parent.0], if is_each { "[]" } else { "" })
            });
            let path = match around {
                Some(around) if around.is_empty() => shape.name.clone(),
                Some(around) => format!("{around}/{}", shape.name),
                None => String::new(),
            };
            shapes.insert(path.clone(), ShapeId(index));
            shared.push(path);
        }
        let mut sources: BTreeMap<ShapeId, Vec<ShapeId>> = BTreeMap::new();
        for arrow in &drawing.arrows {
            sources.entry(arrow.to).or_default().push(arrow.from);
        }
        Self { drawing, shapes, sources, bodies }
    }

    /// Returns the node of a task by its shared path: of `deploy[]` the body of the `for_each`.
    pub fn node(&self, path: &str) -> Option<NodeId> {
        let (outer, is_item) = path.strip_suffix("[]").map_or((path, false), |outer| (outer, true));
        let node = self.drawing.shape(*self.shapes.get(outer)?).node;
        if is_item { self.bodies.get(&node).copied() } else { Some(node) }
    }

    /// Returns when each node ran.
    pub fn instances(&self, timeline: &Timeline) -> BTreeMap<NodeId, Vec<Instance>> {
        let mut instances: BTreeMap<NodeId, Vec<Instance>> = BTreeMap::new();
        for task in timeline.tasks() {
            let ended = task.ended.map(|(ended, _)| ended).or(timeline.last);
            let Some((started, ended)) = task.started.zip(ended) else { continue };
            if let Some(node) = self.node(&shared_path(&task.address)) {
                let address = task.address.clone();
                instances.entry(node).or_default().push(Instance { address, started, ended });
            }
        }
        instances
    }
}
