//! Where in the source the nodes of a definition stand, and the expressions in them.

use std::fmt;
use std::sync::Arc;

use myrmex_model::diagnostic::Span;
use myrmex_model::ir::NodeId;

use crate::Source;
use crate::tree::Place;

/// The places of the nodes of a definition. Kept beside it, because a definition means the same wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMap {
    file: Arc<str>,
    nodes: Vec<NodePlaces>,
    expressions: Arc<Vec<FileExpressions>>,
}

/// The expressions of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileExpressions {
    pub(crate) source: Source,
    pub(crate) all: Vec<(Arc<str>, Place)>,
}

/// A place as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The name of the file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
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
        Self { file: Arc::clone(file), nodes: Vec::new(), expressions: Arc::default() }
    }

    /// Returns the name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the places of a node.
    pub fn of(&self, node: NodeId) -> Option<&NodePlaces> {
        self.nodes.get(node.0 as usize)
    }

    /// Returns where the expression stands in a node that `is_meant` says is the one; of several alike the first under the key
    /// that `key` ends with. What stands in the nodes inside is theirs. One that is handed to the node from around it, as by
    /// `defaults` or `with`, is found if it is the only one of its kind. Nothing is better than the wrong place.
    pub fn expression(
        &self,
        node: NodeId,
        key: Option<&str>,
        is_meant: impl Fn(&str) -> bool,
    ) -> Option<Position> {
        self.meant(node, key, is_meant).map(|(source, place)| position(source, place))
    }

    /// Returns the stretch of such an expression, with its file; without one, that of the key of the node.
    pub fn stretch(&self, node: NodeId, is_meant: impl Fn(&str) -> bool) -> Option<(&Source, Span)> {
        if let Some((source, place)) = self.meant(node, None, is_meant) {
            let span = Span { file: Arc::clone(&source.name), start: place.start, end: place.end };
            return Some((source, span));
        }
        let key = &self.of(node)?.key;
        let own = self.expressions.iter().find(|file| file.source.name == key.file)?;
        Some((&own.source, key.clone()))
    }

    fn meant(
        &self,
        node: NodeId,
        key: Option<&str>,
        is_meant: impl Fn(&str) -> bool,
    ) -> Option<(&Source, Place)> {
        let whole = &self.of(node)?.whole;
        let meant = |file: &FileExpressions| {
            let places = file.all.iter().filter(|(source, _)| is_meant(source)).map(|(_, place)| *place);
            let mut places: Vec<Place> = places.collect();
            // One that names a secret is read as data, and once more as the name.
            places.sort_by_key(|place| (place.start, place.end));
            places.dedup_by_key(|place| (place.start, place.end));
            places
        };
        let own = self.expressions.iter().find(|file| file.source.name == whole.file)?;
        let is_in = |span: &Span, start: usize, end: usize| span.start <= start && end <= span.end;
        // The body of a `for_each` stands where the `for_each` does.
        let inside = self.nodes.iter().map(|node| &node.whole).filter(|inner| {
            inner.file == whole.file && is_in(whole, inner.start, inner.end) && *inner != whole
        });
        let inside: Vec<&Span> = inside.collect();
        let is_own = |place: &Place| {
            is_in(whole, place.start, place.end)
                && !inside.iter().any(|inner| is_in(inner, place.start, place.end))
        };
        let found: Vec<Place> = meant(own).into_iter().filter(is_own).collect();
        match found.as_slice() {
            [] => {}
            [place] => return Some((&own.source, *place)),
            several => {
                let wanted = key?.rsplit('.').next()?.split('[').next();
                let text = &own.source.text;
                let is_there = |place: &&Place| key_before(&text[whole.start..place.start]) == wanted;
                return several.iter().find(is_there).map(|place| (&own.source, *place));
            }
        }
        let mut others = self
            .expressions
            .iter()
            .flat_map(|file| meant(file).into_iter().map(|place| (&file.source, place)).collect::<Vec<_>>());
        others.next().filter(|_| others.next().is_none())
    }

    /// Adds the expressions of all files that the definition is made of.
    pub(crate) fn with_expressions(self, expressions: &Arc<Vec<FileExpressions>>) -> Self {
        Self { expressions: Arc::clone(expressions), ..self }
    }

    /// Adds the places of the next node, which stands in `file`.
    pub(crate) fn push(&mut self, file: &Arc<str>, [key, whole, body]: [Place; 3]) {
        let span = |place: Place| Span { file: Arc::clone(file), start: place.start, end: place.end };
        self.nodes.push(NodePlaces { key: span(key), whole: span(whole), body: span(body) });
    }
}

/// Returns the key that stands last in a piece of source.
fn key_before(text: &str) -> Option<&str> {
    let ends = text.match_indices(':').map(|(at, _)| at).rev();
    let keys = ends.filter_map(|at| {
        let key = text[..at].trim_end_matches(['"', '\'']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let start = key.rfind(|c| !is_part(c)).map_or(0, |before| before + 1);
        let is_key = text[at + 1..].starts_with([' ', '\n', '\r', '\t']) || at + 1 == text.len();
        // What stands before the first byte of a key is one byte, or the key is none.
        key.get(start..).filter(|key| is_key && !key.is_empty())
    });
    keys.into_iter().next()
}

fn position(source: &Source, place: Place) -> Position {
    let before = &source.text[..place.start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    Position { file: Arc::clone(&source.name), line, column }
}
