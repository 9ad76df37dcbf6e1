//! The syntax tree: YAML 1.2 text (JSON is a part of it) with the place of every key and value, and its comments.
//!
//! Parsing always returns a tree, together with what is wrong with the text. Surprises of YAML are errors here, so that
//! nothing above has to think of them: duplicate keys, tabs, bare `no`, `1:30`, octal numbers, merge keys, tags.
//! The tree knows nothing of workflows.

mod build;
pub(crate) mod json;
mod plain;
mod tabs;

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::value::Value;

use crate::report::Report;

pub(crate) use plain::meaning as plain_meaning;

/// The longest text that is read, in bytes. A workflow of 10,000 tasks has about 700 KiB; what is longer was generated
/// and belongs in a `for_each` over data.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The deepest nesting of lists and maps. Recursion over a tree is safe on a small stack with it.
pub const NESTING_MAX: usize = 100;

/// How much the aliases of a file may expand to, in bytes of text plus [`NODE_WEIGHT`] for each node: enough for a
/// policy shared by 10,000 tasks, too little for an attack.
pub const ALIAS_WEIGHT_MAX: usize = 8 << 20;

/// What a node weighs beside its text, about what it takes in memory.
pub const NODE_WEIGHT: usize = 32;

/// A stretch of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Where it begins.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
}

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The document; none if the text is empty or broken from the start.
    pub root: Option<Arc<Node>>,
    /// All comments in order.
    pub comments: Vec<Comment>,
    /// The names of the anchors of values, by where the value begins.
    pub anchors: BTreeMap<usize, String>,
    /// Whether the text was read to its end. If not, something that seems missing may stand in the rest.
    pub is_whole: bool,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Where it is, `#` included.
    pub place: Place,
    /// Its text after the `#`.
    pub text: String,
    /// Where it stands to what is around it.
    pub position: CommentPosition,
}

/// Where a comment stands to what is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentPosition {
    /// On lines of its own, right above something.
    Above,
    /// Behind something on the same line.
    Right,
    /// On lines of its own, apart from everything.
    Free,
    /// At the end of the file.
    Last,
}

/// A value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it is. Of an alias: the alias, not what it stands for.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    weight: usize,
    height: usize,
}

/// What a [`Node`] is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(List),
    /// A map.
    Map(Map),
    /// `*name`: what `&name` stands before.
    Alias(Arc<Node>),
    /// Something that was refused and reported. Whoever meets it says nothing more about it.
    Broken,
}

/// A single value.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// Its text after unquoting.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// What it means.
    pub meaning: Meaning,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Bare.
    Plain,
    /// `'text'`.
    SingleQuoted,
    /// `"text"`.
    DoubleQuoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// What a scalar means.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// Its text.
    Text,
    /// Nothing: `null`, `~`, or no text at all.
    Null,
    /// True or false.
    Boolean(bool),
    /// A number within 64 bits.
    Number(serde_json::Number),
}

/// A list.
#[derive(Debug, Clone)]
pub struct List {
    /// Its members.
    pub items: Vec<Arc<Node>>,
    /// Whether it is written in brackets.
    pub is_flow: bool,
}

/// A map, without the duplicates of its keys.
#[derive(Debug, Clone)]
pub struct Map {
    /// Its entries in the author's order.
    pub entries: Vec<Entry>,
    /// Whether it is written in braces.
    pub is_flow: bool,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Arc<Node>,
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it is.
    pub place: Place,
}

/// Parses `text` and reports what is wrong with it.
pub(crate) fn parse(text: &str, report: &mut Report) -> Tree {
    build::build(text, report)
}

/// Parses `text` as a file called `name`: the tree, and what is wrong with the text, sorted by place.
pub fn parse_source(source: &crate::Source) -> (Tree, Vec<myrmex_model::diagnostic::Diagnostic>) {
    let mut report = Report::new(&source.name);
    let tree = parse(&source.text, &mut report);
    (tree, report.finish())
}

impl Place {
    /// Returns the stretch from `start` to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Returns the stretch from the start of this to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.end) }
    }
}

impl Node {
    /// Builds a node and weighs it.
    fn new(place: Place, kind: Kind) -> Self {
        let (weight, height) = match &kind {
            Kind::Scalar(scalar) => (scalar.text.len(), 0),
            Kind::List(list) => measure(list.items.iter().map(|item| (0, &**item))),
            Kind::Map(map) => measure(map.entries.iter().map(|entry| (entry.key.text.len(), &*entry.value))),
            Kind::Alias(target) => (target.weight, target.height),
            Kind::Broken => (0, 0),
        };
        Self { place, kind, weight: weight.saturating_add(NODE_WEIGHT), height }
    }

    /// Returns the node itself, or what it stands for if it is an alias.
    pub fn followed(&self) -> &Self {
        let mut node = self;
        while let Kind::Alias(target) = &node.kind {
            node = target;
        }
        node
    }

    /// Returns the map it is, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.followed().kind {
            Kind::Map(map) => Some(map),
            Kind::Scalar(_) | Kind::List(_) | Kind::Alias(_) | Kind::Broken => None,
        }
    }

    /// Returns the list it is, if it is one.
    pub fn as_list(&self) -> Option<&List> {
        match &self.followed().kind {
            Kind::List(list) => Some(list),
            Kind::Scalar(_) | Kind::Map(_) | Kind::Alias(_) | Kind::Broken => None,
        }
    }

    /// Returns the single value it is, if it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.followed().kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) | Kind::Alias(_) | Kind::Broken => None,
        }
    }

    /// Returns whether it was refused and reported.
    pub fn is_broken(&self) -> bool {
        matches!(self.followed().kind, Kind::Broken)
    }

    /// Returns whether it is null.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.meaning == Meaning::Null)
    }

    /// Whether it is true or false.
    pub fn is_boolean(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| matches!(scalar.meaning, Meaning::Boolean(_)))
    }

    /// Returns the word for what it is that messages use.
    pub fn type_word(&self) -> &'static str {
        match &self.followed().kind {
            Kind::Scalar(scalar) => match scalar.meaning {
                Meaning::Text => "text",
                Meaning::Null => "nothing",
                Meaning::Boolean(_) => "a boolean",
                Meaning::Number(_) => "a number",
            },
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Alias(_) | Kind::Broken => "something refused",
        }
    }
}

impl Scalar {
    /// Returns the value it means.
    pub fn value(&self) -> Value {
        match &self.meaning {
            Meaning::Text => Value::String(self.text.clone()),
            Meaning::Null => Value::Null,
            Meaning::Boolean(flag) => Value::Bool(*flag),
            Meaning::Number(number) => Value::Number(number.clone()),
        }
    }

    /// Returns its text, if that is what it means.
    pub fn as_text(&self) -> Option<&str> {
        match self.meaning {
            Meaning::Text => Some(&self.text),
            Meaning::Null | Meaning::Boolean(_) | Meaning::Number(_) => None,
        }
    }
}

impl Map {
    /// Returns the entry of `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.text == key)
    }
}

fn measure<'n>(children: impl Iterator<Item = (usize, &'n Node)>) -> (usize, usize) {
    children.fold((0, 1), |(weight, height): (usize, usize), (extra, child)| {
        (weight.saturating_add(child.weight).saturating_add(extra), height.max(child.height + 1))
    })
}

#[cfg(test)]
mod tests;
