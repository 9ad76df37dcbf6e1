//! Builds the tree from the events of the parser.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, Placement, ScalarStyle, ScanError, StructureStyle};
use myrmex_model::OrderedMap;

use super::{
    ALIAS_WEIGHT_MAX, Comment, CommentPosition, Entry, Key, Kind, List, Map, Meaning, NESTING_MAX, Node,
    Place, Scalar, Style, TEXT_BYTES_MAX, Tree, plain, tabs,
};
use crate::codes;
use crate::report::Report;

/// Reports a directive that asks for another version of YAML, in which words mean something else.
fn refuse_version(text: &str, report: &mut Report) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_head = line.starts_with(['%', '#']) || line.trim().is_empty();
        if !is_head {
            return;
        }
        let version =
            line.strip_prefix("%YAML").map(|rest| rest.split('#').next().unwrap_or_default().trim());
        if let Some(version) = version.filter(|version| *version != "1.2") {
            let message = format!("only YAML 1.2 is read, this file says {version}");
            let place = Place::new(start, start + line.trim_end().len());
            report.refuse_hint(codes::SYNTAX, place, message, "leave out the line");
        }
        start += line.len();
    }
}

/// Parses `text` and reports what is wrong with it.
pub(super) fn build(text: &str, report: &mut Report) -> Tree {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has {} bytes, the limit is {TEXT_BYTES_MAX}", text.len());
        report.refuse(codes::TEXT_LONG, Place::default(), message);
        report.is_partial = true;
        return Tree { root: None, comments: Vec::new(), anchors: BTreeMap::new(), is_whole: false };
    }
    refuse_version(text, report);
    let options = granit_parser::options! {
        strict_indentation: true,
        emit_unresolved_aliases: true,
        max_buffered_comment_events: TEXT_BYTES_MAX,
        // Deeper than ours, so that ours strikes first and at the right place.
        flow_nesting_limit: NESTING_MAX + 20,
        block_nesting_limit: NESTING_MAX + 20,
    };
    let mut builder = Builder::new(text, report);
    let mut read_end = text.len();
    for next in Parser::new_from_str_with_options(text, options) {
        let step = match next {
            Ok((event, span)) => {
                let place =
                    span.byte_range().map_or(Place::default(), |range| Place::new(range.start, range.end));
                builder.event(event, place)
            }
            Err(error) => {
                // Where texts in quotes lie behind the error is not known, so tabs are looked for up to its line only.
                let at = builder.scan_error(&error);
                read_end = text[at..].find('\n').map_or(text.len(), |end| at + end);
                Break(())
            }
        };
        if step.is_break() {
            builder.report.is_partial = true;
            break;
        }
    }
    while let Some(open) = builder.open.pop() {
        builder.close(open, None);
    }
    let Builder { root, mut comments, anchored, scalars, .. } = builder;
    // The comment behind the `|` of a block text comes after the text.
    comments.sort_by_key(|comment| comment.place);
    let anchors = anchored
        .into_iter()
        .filter_map(|start| Some((start, anchor_name(text, start, &comments)?)))
        .collect();
    // The parser takes the end of a block for something that a comment can stand above.
    for comment in comments.iter_mut().filter(|comment| comment.position != CommentPosition::Right) {
        if root.as_ref().is_none_or(|root| comment.place.start >= root.place.end) {
            comment.position = CommentPosition::Last;
        }
    }
    tabs::check(&text[..read_end], &scalars, &comments, report);
    if root.is_none() {
        report.refuse_hint(
            codes::EMPTY,
            Place::default(),
            "the file is empty",
            "begin with `workflow: NAME`",
        );
    }
    Tree { root, comments, anchors, is_whole: !report.is_partial }
}

struct Builder<'t> {
    text: &'t str,
    report: &'t mut Report,
    root: Option<Arc<Node>>,
    comments: Vec<Comment>,
    open: Vec<Open>,
    /// What anchors stand before; none while it is still open.
    anchors: BTreeMap<usize, Option<Arc<Node>>>,
    /// Where values with an anchor begin.
    anchored: Vec<usize>,
    alias_weight: usize,
    documents: usize,
    /// The places of all scalars, with whether tabs belong to their text.
    scalars: Vec<(Place, bool)>,
}

/// A list or map whose end was not read yet.
struct Open {
    start: Place,
    anchor: usize,
    is_flow: bool,
    content: Content,
}

enum Content {
    List(Vec<Arc<Node>>),
    Map { entries: Vec<Entry>, key: Option<PendingKey> },
}

/// The key of the value that comes next.
enum PendingKey {
    Text(Key),
    /// Something that cannot be a key; it was reported, and its value is dropped.
    Refused,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, report: &'t mut Report) -> Self {
        Self {
            text,
            report,
            root: None,
            comments: Vec::new(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            anchored: Vec::new(),
            alias_weight: 0,
            documents: 0,
            scalars: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, place: Place) -> ControlFlow<()> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let hint = "put each document into a file of its own";
                    let message = "a file holds one document, here a second one begins";
                    self.report.refuse_hint(codes::DOCUMENT_SECOND, place, message, hint);
                    return Break(());
                }
            }
            Event::Comment(text, placement) => {
                self.comments.push(Comment {
                    place,
                    text: text.into_owned(),
                    position: comment_position(placement),
                });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = self.refuse_tag(tag.is_some(), place);
                self.scalar(text, style_of(style), place, (anchor, tagged));
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), place);
                return self.begin(Content::List(Vec::new()), style, place, anchor);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), place);
                let content = Content::Map { entries: Vec::new(), key: None };
                return self.begin(content, style, place, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.close(open, Some(place));
                }
            }
            Event::Alias(id) => self.alias(id, place),
            Event::UnresolvedAlias(name) => {
                self.report.refuse(
                    codes::ALIAS,
                    place,
                    format!("no anchor `&{name}` stands before this alias"),
                );
                self.complete(Node::new(place, Kind::Broken), 0);
            }
            // The rest of this foreign enum says nothing about values; it is open for more.
            _ => {}
        }
        Continue(())
    }

    /// Reports why the parser stopped and returns where.
    fn scan_error(&mut self, error: &ScanError) -> usize {
        let start = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let start = (0..=start).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let width = self.text[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let place = Place::new(start, start + width);
        let kind = error.kind();
        if *kind == ErrorKind::RecursionLimitExceeded {
            self.report.refuse(codes::NESTING_DEEP, place, nesting_message());
        } else if tabs::is_about_tabs(kind) {
            // Found again, on every line, by the check for tabs.
            let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
            if !self.text[line..].lines().next().is_some_and(|line| line.contains('\t')) {
                self.report.refuse(codes::TAB, place, kind.to_string());
            }
        } else {
            self.report.cut = self.scalars.last().map(|(last, _)| *last);
            let message = syntax_message(kind).map_or_else(|| kind.to_string(), str::to_owned);
            let mut diagnostic = self.report.error(codes::SYNTAX, place, message);
            if let Some(hint) = syntax_hint(kind, self.text, start) {
                diagnostic = diagnostic.with_hint(hint);
            }
            self.report.push(diagnostic);
        }
        start
    }

    fn refuse_tag(&mut self, is_tagged: bool, place: Place) -> bool {
        if is_tagged {
            let line = self.text[..place.start].rfind('\n').map_or(0, |at| at + 1);
            let start = self.text[line..place.start].rfind('!').map_or(place.start, |at| line + at);
            let start = self.text[line..start].trim_end_matches('!').len() + line;
            let end = self.text[start..].find(char::is_whitespace).map_or(place.end, |at| start + at);
            let hint = "remove it; a value that is to be text goes in quotes";
            self.report.refuse_hint(codes::TAG, Place::new(start, end), "tags are not allowed", hint);
        }
        is_tagged
    }

    fn begin(
        &mut self,
        content: Content,
        style: StructureStyle,
        start: Place,
        anchor: usize,
    ) -> ControlFlow<()> {
        if self.open.len() >= NESTING_MAX {
            self.report.refuse(codes::NESTING_DEEP, start, nesting_message());
            return Break(());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { start, anchor, is_flow: style == StructureStyle::Flow, content });
        Continue(())
    }

    /// Makes a node of what is complete. Without `end`, the text broke off: a key that waits gets a broken value.
    fn close(&mut self, open: Open, end: Option<Place>) {
        let Open { start, anchor, is_flow, content } = open;
        let (kind, last) = match content {
            Content::List(items) => {
                let last = items.last().map(|item| item.place);
                (Kind::List(List { items, is_flow }), last)
            }
            Content::Map { mut entries, key } => {
                if let Some(PendingKey::Text(key)) = key {
                    let value = Arc::new(Node::new(key.place, Kind::Broken));
                    entries.push(Entry { key, value });
                }
                let last = entries.last().map(|entry| entry.key.place.to(entry.value.place));
                (Kind::Map(Map { entries: self.without_duplicates(entries), is_flow }), last)
            }
        };
        // The end of a block is only noticed where the next thing begins.
        let end = if is_flow { end.or(last) } else { last };
        self.complete(Node::new(end.map_or(start, |end| start.to(end)), kind), anchor);
    }

    fn without_duplicates(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut first: OrderedMap<&str, Place> = OrderedMap::default();
        let mut duplicates = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(place) = first.get(entry.key.text.as_str()) {
                duplicates.push((index, *place));
            } else {
                first.insert(&entry.key.text, entry.key.place);
            }
        }
        if duplicates.is_empty() {
            return entries;
        }
        let mut duplicates = duplicates.into_iter().peekable();
        let mut kept = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            if let Some((_, before)) = duplicates.next_if(|(duplicate, _)| *duplicate == index) {
                let message = format!("the key `{}` stands twice in this map", entry.key.text);
                let diagnostic = self.report.error(codes::KEY_DUPLICATE, entry.key.place, message);
                self.report.push(diagnostic.with_related(self.report.span(before), "first here"));
            } else {
                kept.push(entry);
            }
        }
        kept
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: Style, place: Place, (anchor, is_tagged): (usize, bool)) {
        // An absent value comes as `~` without extent.
        let text = if style == Style::Plain && place.start == place.end { Cow::Borrowed("") } else { text };
        let place = match style {
            Style::Literal | Style::Folded => {
                // Only what YAML takes for blank: other white space belongs to the text.
                let blank = [' ', '\t', '\r', '\n'];
                let end = place.start + self.text[place.start..place.end].trim_end_matches(blank).len();
                Place::new(place.start, end)
            }
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => place,
        };
        self.scalars.push((place, style != Style::Plain));
        if self.awaits_key() {
            let key = Key { text: text.into_owned(), place };
            let key = if key.text == "<<" && style == Style::Plain {
                let hint = "repeat the keys, or put what tasks share into `defaults`";
                self.report.refuse_hint(codes::MERGE_KEY, place, "merge keys (`<<`) are not supported", hint);
                PendingKey::Refused
            } else {
                PendingKey::Text(key)
            };
            self.set_key(key);
            return;
        }
        let meaning = match style {
            Style::Plain => plain::meaning(&text, place, self.report),
            Style::SingleQuoted | Style::DoubleQuoted | Style::Literal | Style::Folded => Some(Meaning::Text),
        };
        let kind = match meaning {
            Some(meaning) if !is_tagged => Kind::Scalar(Scalar { text: text.into_owned(), style, meaning }),
            Some(_) | None => Kind::Broken,
        };
        self.complete(Node::new(place, kind), anchor);
    }

    fn alias(&mut self, id: usize, place: Place) {
        let Some(Some(target)) = self.anchors.get(&id) else {
            self.report.refuse(codes::ALIAS, place, "an alias cannot stand inside what it stands for");
            self.complete(Node::new(place, Kind::Broken), 0);
            return;
        };
        let target = Arc::clone(target);
        let before = self.alias_weight;
        self.alias_weight = before.saturating_add(target.weight);
        let kind = if self.alias_weight > ALIAS_WEIGHT_MAX {
            // Once for the file: all aliases after the first that is too much are too much.
            if before <= ALIAS_WEIGHT_MAX {
                let message =
                    format!("the aliases of this file expand to more than {ALIAS_WEIGHT_MAX} bytes");
                self.report.refuse(codes::ALIAS_EXPANSION, place, message);
            }
            Kind::Broken
        } else if self.open.len() + target.height > NESTING_MAX {
            self.report.refuse(codes::NESTING_DEEP, place, nesting_message());
            Kind::Broken
        } else {
            Kind::Alias(target)
        };
        self.complete(Node::new(place, kind), 0);
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn set_key(&mut self, new: PendingKey) {
        if let Some(Open { content: Content::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(new);
        }
    }

    /// Puts a complete node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) {
        if self.awaits_key() {
            if !node.is_broken() {
                self.report.refuse(codes::KEY_NOT_TEXT, node.place, "a key must be plain text");
            }
            self.set_key(PendingKey::Refused);
            return;
        }
        let node = Arc::new(node);
        if anchor > 0 {
            self.anchored.push(node.place.start);
            self.anchors.insert(anchor, Some(Arc::clone(&node)));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => {
                if let Some(PendingKey::Text(key)) = key.take() {
                    entries.push(Entry { key, value: node });
                }
            }
        }
    }
}

/// Returns the name of the anchor of the value that begins at `start`: between the two stand only blanks, comments and
/// the mark of a block text.
fn anchor_name(text: &str, start: usize, comments: &[Comment]) -> Option<String> {
    let is_comment = |at: usize| {
        let next = comments.partition_point(|comment| comment.place.start <= at);
        next.checked_sub(1).is_some_and(|before| at < comments[before].place.end)
    };
    let at = text[..start].rmatch_indices('&').map(|(at, _)| at).find(|at| !is_comment(*at))?;
    let rest = &text[at + 1..start];
    let end = rest.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

fn nesting_message() -> String {
    format!("lists and maps nest deeper than {NESTING_MAX}")
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

fn comment_position(placement: Placement) -> CommentPosition {
    match placement {
        Placement::Above => CommentPosition::Above,
        Placement::Right => CommentPosition::Right,
        Placement::Last => CommentPosition::Last,
        // `Free` is the parser's word for everything else.
        _ => CommentPosition::Free,
    }
}

/// Returns what is wrong in the words of an author, for the commonest mistakes.
fn syntax_message(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ExpectedBlockMappingKey => Some("this line does not line up with the keys above it"),
        ErrorKind::MappingValueNotAllowed => Some("a `:` cannot stand here"),
        ErrorKind::ExpectedFlowMappingSeparator => Some("a `,` or `}` is missing here"),
        ErrorKind::ExpectedFlowSequenceSeparator => Some("a `,` or `]` is missing here"),
        ErrorKind::SimpleKeyExpected => Some("this line is no key: it has no `:`"),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            Some("something stands behind the closing quote")
        }
        // A foreign enum of some 90 kinds; most explain themselves.
        _ => None,
    }
}

/// Returns whether the line above the one that begins at `line_start` is a word without `:`, and is indented less.
fn lacks_colon_above(text: &str, line_start: usize) -> bool {
    let Some(above) = text[..line_start].trim_end_matches('\n').lines().next_back() else { return false };
    let indentation = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let line = text[line_start..].lines().next().unwrap_or_default();
    let word = above.trim();
    let is_word =
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    is_word && indentation(above) < indentation(line)
}

/// Returns whether the line above the one that begins at `line_start` ends with the sign for text in the lines below.
fn is_below_block_text(text: &str, line_start: usize) -> bool {
    let above = text[..line_start].trim_end_matches('\n').lines().next_back().unwrap_or_default();
    let sign = above.trim_end().trim_end_matches(['-', '+']);
    sign.ends_with(": |") || sign.ends_with(": >")
}

/// Returns what the line above the one that begins at `line_start` leaves open.
fn left_open(text: &str, line_start: usize) -> Option<&'static str> {
    let above = text[..line_start].trim_end_matches('\n').lines().next_back()?;
    let count = |c: char| above.matches(c).count();
    if count('"') % 2 == 1 {
        Some("close the quote above")
    } else if count('{') > count('}') || count('[') > count(']') {
        Some("close the bracket above")
    } else {
        None
    }
}

/// Returns whether a line, as far as it was read, is within a map in one line, at a condition without quotes around it.
fn is_in_condition(line: &str) -> bool {
    let starts = ["if: ", "when: ", "while: ", "until: "].iter().filter_map(|key| {
        let at = line.rfind(key)?;
        let is_key = line[..at].trim_end().ends_with(['{', ',']);
        is_key.then_some(at + key.len())
    });
    starts.max().is_some_and(|value| !line[value..].trim_start().starts_with(['"', '\'']))
}

/// Returns what an author can do about the commonest mistakes.
fn syntax_hint(kind: &ErrorKind, text: &str, at: usize) -> Option<&'static str> {
    let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[line_start..].lines().next().unwrap_or("");
    if line.contains("${{")
        && matches!(kind, ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator)
    {
        return Some("inside `{}` and `[]` an expression goes in quotes: '${{ … }}'");
    }
    if is_in_condition(&text[line_start..at])
        && matches!(
            kind,
            ErrorKind::ExpectedFlowMappingSeparator
                | ErrorKind::ExpectedFlowSequenceSeparator
                | ErrorKind::InvalidTrailingSingleQuotedScalar
                | ErrorKind::InvalidTrailingDoubleQuotedScalar
        )
    {
        return Some(
            "inside `{}` an expression with quotes or `,` goes in quotes as a whole, such as 'x in [\"a\", \"b\"]'",
        );
    }
    match kind {
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator
            if text[at..].starts_with(": ") || text[..at].ends_with(": ") =>
        {
            Some("put quotes around text that holds `: `")
        }
        ErrorKind::MappingValueNotAllowed if lacks_colon_above(text, line_start) => {
            Some("end the line above with `:`")
        }
        ErrorKind::MappingValueNotAllowed => Some("put quotes around text that holds `: `"),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            Some("close the quote above")
        }
        ErrorKind::SimpleKeyExpected if is_below_block_text(text, line_start) => {
            Some("the text below a `|` or `>` stands further to the right than its key")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            Some("within single quotes a quote is written twice: 'it''s'")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => Some(r#"within double quotes a quote is written \""#),
        ErrorKind::UnexpectedCharacter { .. } => Some("put quotes around text that begins so"),
        ErrorKind::InvalidIndentation => {
            left_open(text, line_start).or(Some("align it with the lines above"))
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedDocumentStart => {
            Some("align it with the lines above")
        }
        // A foreign enum of some 90 kinds; most explain themselves.
        _ => None,
    }
}
