//! Where in the source the nodes of a definition stand.

use std::sync::Arc;

use myrmex_model::diagnostic::Span;
use myrmex_model::ir::NodeId;

use crate::tree::Place;

/// The places of the nodes of a definition. Kept beside it, because a definition means the same wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMap {
    file: Arc<str>,
    nodes: Vec<NodePlaces>,
}

/// The places of one node. The body of a `for_each` has those of the `for_each`; what stems from an action stands in its
/// library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlaces {
    /// Its key, the name; of the root, the name of the workflow.
    pub key: Span,
    /// Everything under that key.
    pub whole: Span,
    /// The value of its verb; of the root, the key of its body.
    pub body: Span,
}

impl SourceMap {
    pub(crate) fn new(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), nodes: Vec::new() }
    }

    /// Returns the name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the places of a node.
    pub fn of(&self, node: NodeId) -> Option<&NodePlaces> {
        self.nodes.get(node.0 as usize)
    }

    /// Adds the places of the next node, which stands in `file`.
    pub(crate) fn push(&mut self, file: &Arc<str>, [key, whole, body]: [Place; 3]) {
        let span = |place: Place| Span { file: Arc::clone(file), start: place.start, end: place.end };
        self.nodes.push(NodePlaces { key: span(key), whole: span(whole), body: span(body) });
    }
}
