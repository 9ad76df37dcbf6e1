//! YAML files of others, read such that nothing can be forgotten: every value is either taken, or named in the report.
//!
//! A [`Document`] remembers what was taken of it, and [`Document::finish`] reports the rest, each at its place. Whoever reads
//! says nothing about keys that it does not know; what it does not ask for is reported by itself. A value counts as taken only
//! if it was read as what it is: a list where a text is read stays, and is reported.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use myrmex_model::diagnostic::{Code, Severity, Span};
use serde_json::Value;

use super::{Draft, codes, span, value};
use crate::Source;
use crate::report::Report;
use crate::tree::{self, Kind, Node, Place};

/// The most documents of one file: more than any tool puts into one.
const DOCUMENTS_MAX: usize = 1_000;

/// How much of a value, or of a key, a message shows, in characters.
const SHOWN_MAX: usize = 60;

/// How many keys of a path a message shows, the last ones.
const PATH_SHOWN_MAX: usize = 8;

/// A document of a file, with what was taken of it.
pub(super) struct Document<'s> {
    source: &'s Source,
    /// Where the document begins in the file.
    offset: usize,
    root: Arc<Node>,
    comments: usize,
    seen: Rc<Seen>,
}

/// What was taken of a value.
#[derive(Debug, Default)]
struct Seen {
    /// Whether all of it was.
    is_whole: Cell<bool>,
    /// What was taken of its members, by their order.
    members: RefCell<BTreeMap<usize, Rc<Seen>>>,
}

/// A value of a document.
#[derive(Clone)]
pub(super) struct Item<'d> {
    document: &'d Document<'d>,
    node: &'d Node,
    /// The key that it stands behind; nothing for the root and for members of lists.
    key: &'d str,
    place: Place,
    seen: Rc<Seen>,
}

impl<'s> Document<'s> {
    /// Parses the documents of a file. Of one that cannot be read nothing is handed out: the report says why.
    pub(super) fn all(source: &'s Source, draft: &mut Draft) -> Vec<Self> {
        let mut documents = Vec::new();
        for (number, (offset, text)) in cut(&source.text).into_iter().enumerate() {
            if number == DOCUMENTS_MAX {
                let message =
                    format!("the file has more than {DOCUMENTS_MAX} documents: the rest is not read");
                draft.error(codes::FILE, span(source, Place::new(offset, offset)), message);
                break;
            }
            let mut report = Report::new(&source.name);
            let tree = tree::parse(text, &mut report);
            let problems = report.finish();
            for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
                let place = Place::new(problem.span.start + offset, problem.span.end + offset);
                let message = format!("the file cannot be read: {}", problem.message);
                let hint = problem.hint.clone().unwrap_or_else(|| "mend the file".to_owned());
                draft.error_hint(codes::FILE, span(source, place), message, hint);
            }
            if let (Some(root), true) = (tree.root, problems.is_empty()) {
                let (comments, seen) = (tree.comments.len(), Rc::default());
                documents.push(Self { source, offset, root, comments, seen });
            }
        }
        documents
    }

    /// Returns the root.
    pub(super) fn root(&self) -> Item<'_> {
        let place = Place::new(self.root.place.start, self.root.place.start + 1);
        Item { document: self, node: &self.root, key: "", place, seen: Rc::clone(&self.seen) }
    }

    /// Returns the name of the file without folders and ending.
    pub(super) fn stem(&self) -> &str {
        crate::others::library_name(&self.source.name)
    }

    /// Returns the name of the file.
    pub(super) fn file(&self) -> &str {
        &self.source.name
    }

    /// Reports everything that nobody took, once for each key or member below which nothing was taken.
    pub(super) fn finish(&self, draft: &mut Draft) {
        self.report_rest(&self.root, &self.seen, &mut Vec::new(), draft);
        if self.comments > 0 {
            let message = format!("{} of the file left out", plural(self.comments, "comment"));
            draft.note(self.root().at(), message);
        }
    }

    fn report_rest<'n>(&self, node: &'n Node, seen: &Seen, path: &mut Vec<Step<'n>>, draft: &mut Draft) {
        if seen.is_whole.get() || node.is_null() {
            return;
        }
        let members = seen.members.borrow();
        match &node.followed().kind {
            Kind::Map(map) if !members.is_empty() || path.is_empty() => {
                for (index, entry) in map.entries.iter().enumerate() {
                    path.push(Step::Key(&entry.key.text));
                    match members.get(&index) {
                        Some(seen) => self.report_rest(&entry.value, seen, path, draft),
                        None => {
                            self.left_out(path, (&entry.value, entry.key.place.to(entry.value.place)), draft);
                        }
                    }
                    path.pop();
                }
            }
            Kind::List(list) if !members.is_empty() || path.is_empty() => {
                for (index, item) in list.items.iter().enumerate() {
                    path.push(Step::Index(index));
                    match members.get(&index) {
                        Some(seen) => self.report_rest(item, seen, path, draft),
                        None => self.left_out(path, (item, item.place), draft),
                    }
                    path.pop();
                }
            }
            Kind::Map(map) if map.entries.is_empty() => {}
            Kind::List(list) if list.items.is_empty() => {}
            Kind::Scalar(_) | Kind::Map(_) | Kind::List(_) | Kind::Alias(_) | Kind::Broken => {
                self.left_out(path, (node, node.place), draft);
            }
        }
    }

    fn left_out(&self, path: &[Step<'_>], (node, place): (&Node, Place), draft: &mut Draft) {
        let what = match &node.followed().kind {
            Kind::Scalar(scalar) if !node.is_null() => format!(" (`{}`)", shown(&scalar.text)),
            Kind::Map(map) if !map.entries.is_empty() => {
                format!(", with its {}", plural(map.entries.len(), "key"))
            }
            Kind::List(list) if !list.items.is_empty() => {
                format!(", with its {}", plural(list.items.len(), "member"))
            }
            Kind::Scalar(_) | Kind::Map(_) | Kind::List(_) | Kind::Alias(_) | Kind::Broken => String::new(),
        };
        let message = format!("`{}`{what} has no equal and is left out", shown_path(path));
        draft.warn(codes::NO_EQUAL, self.span(place), message);
    }

    fn span(&self, place: Place) -> Span {
        span(self.source, Place::new(place.start + self.offset, place.end + self.offset))
    }
}

/// A step of a path.
enum Step<'n> {
    Key(&'n str),
    Index(usize),
}

fn shown_path(path: &[Step<'_>]) -> String {
    let left_out = path.len().saturating_sub(PATH_SHOWN_MAX);
    let mut out = if left_out > 0 { "…".to_owned() } else { String::new() };
    for step in &path[left_out..] {
        match step {
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&shown(key));
            }
            Step::Index(index) => out.extend(["[", &index.to_string(), "]"]),
        }
    }
    out
}

/// Returns the beginning of a text on one line, for a message.
pub(super) fn shown(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let short: String = line.chars().take(SHOWN_MAX).collect();
    if short.len() < text.trim().len() { format!("{short}…") } else { short }
}

/// Returns a number with what it counts.
pub(super) fn plural(number: usize, what: &str) -> String {
    if number == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}

/// Cuts a text into its documents, each with where it begins. What holds nothing but comments is none.
fn cut(text: &str) -> Vec<(usize, &str)> {
    let is_mark = |line: &str| {
        line.strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let mut documents = Vec::new();
    let (mut start, mut at, mut is_empty) = (0, 0, true);
    for line in text.split_inclusive('\n') {
        if is_mark(line) {
            if !is_empty {
                documents.push((start, &text[start..at]));
            }
            (start, is_empty) = (at, line[3..].trim().is_empty());
        } else {
            is_empty &= line.trim().is_empty() || line.trim_start().starts_with('#');
        }
        at += line.len();
    }
    if !is_empty || documents.is_empty() {
        documents.push((start, &text[start..]));
    }
    documents
}

impl<'d> Item<'d> {
    /// Returns where it stands: its key with it, if it has one.
    pub(super) fn at(&self) -> Span {
        self.document.span(self.place)
    }

    /// Returns the key that it stands behind.
    pub(super) fn key(&self) -> &'d str {
        self.key
    }

    fn member(&self, index: usize, node: &'d Node, key: &'d str, place: Place) -> Self {
        let seen = Rc::clone(self.seen.members.borrow_mut().entry(index).or_default());
        Self { document: self.document, node, key, place, seen }
    }

    /// Returns the value of a key, of which nothing counts as taken yet; none if it is null.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let map = self.node.as_map()?;
        let index = map.entries.iter().position(|entry| entry.key.text == key)?;
        let entry = &map.entries[index];
        let place = entry.key.place.to(entry.value.place);
        let item = self.member(index, &entry.value, &entry.key.text, place);
        (!entry.value.is_null()).then_some(item)
    }

    /// Returns the value of the first of these keys that is there.
    pub(super) fn get_any(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Returns whether it has a key, which does not take it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.node.as_map().is_some_and(|map| map.entry(key).is_some())
    }

    /// Returns all its values with their keys, if it is a map.
    pub(super) fn entries(&self) -> Vec<Self> {
        let entries = self.node.as_map().map_or(&[][..], |map| &map.entries);
        let members = entries.iter().enumerate();
        members
            .map(|(index, entry)| {
                let place = entry.key.place.to(entry.value.place);
                self.member(index, &entry.value, &entry.key.text, place)
            })
            .collect()
    }

    /// Returns its members, if it is a list.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.node.as_list().map_or(&[][..], |list| &list.items);
        items.iter().enumerate().map(|(index, item)| self.member(index, item, "", item.place)).collect()
    }

    /// Returns its members, or itself if it is no list.
    pub(super) fn items_or_self(&self) -> Vec<Self> {
        if self.is_list() { self.items() } else { vec![self.clone()] }
    }

    pub(super) fn is_list(&self) -> bool {
        self.node.as_list().is_some()
    }

    pub(super) fn is_map(&self) -> bool {
        self.node.as_map().is_some()
    }

    /// Returns whether it is null.
    pub(super) fn is_null(&self) -> bool {
        self.node.is_null()
    }

    /// Returns a single value as it is written, which does not take it.
    pub(super) fn seen(&self) -> Option<&'d str> {
        self.node.as_scalar().map(|scalar| scalar.text.as_str())
    }

    /// Says that all of it was taken.
    pub(super) fn take(&self) {
        self.seen.is_whole.set(true);
    }

    /// Takes a single value as it is written.
    pub(super) fn text(&self) -> Option<String> {
        let scalar = self.node.as_scalar()?;
        self.take();
        Some(scalar.text.clone())
    }

    /// Takes true or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        let flag = self.node.as_scalar()?.value().as_bool()?;
        self.take();
        Some(flag)
    }

    /// Takes a number, one that is written as text too.
    pub(super) fn number(&self) -> Option<f64> {
        let number =
            self.node.as_scalar()?.text.trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
        self.take();
        Some(number)
    }

    /// Takes an integer of at least one.
    pub(super) fn count(&self) -> Option<u32> {
        let count = self.node.as_scalar()?.text.trim().parse::<u32>().ok().filter(|count| *count > 0)?;
        self.take();
        Some(count)
    }

    /// Takes all of it.
    pub(super) fn value(&self) -> Value {
        self.take();
        value(self.node)
    }

    /// Takes a list of texts, or one text.
    pub(super) fn texts(&self) -> Vec<String> {
        self.items_or_self().iter().filter_map(Self::text).collect()
    }

    /// Leaves it out, and says why.
    pub(super) fn leave_out(&self, draft: &mut Draft, why: impl AsRef<str>) {
        self.take();
        let what = if self.key.is_empty() { shown(&self.brief()) } else { shown(self.key) };
        let message = format!("`{what}` is left out: {}", why.as_ref());
        draft.warn(codes::NO_EQUAL, self.at(), message);
    }

    /// Says that what it became is only nearly the same.
    pub(super) fn nearly(&self, draft: &mut Draft, message: impl Into<String>) {
        draft.warn(codes::NEARLY, self.at(), message);
    }

    /// Reports something that is wrong with it.
    pub(super) fn error(&self, draft: &mut Draft, code: Code, message: impl Into<String>) {
        draft.error(code, self.at(), message);
    }

    fn brief(&self) -> String {
        self.node.as_scalar().map_or_else(|| self.node.type_word().to_owned(), |scalar| scalar.text.clone())
    }
}
