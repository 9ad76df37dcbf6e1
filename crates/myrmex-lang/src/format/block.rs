//! Writes a tree as YAML, with the comments and blank lines of its text.
//!
//! The tree is walked in the order of the text, beside the list of comments: each is written before the first thing
//! that stands behind it, or at the end of the map or list that it is indented like.

use std::collections::BTreeSet;

use super::WIDTH;
use super::scalar::{self, Around};
use crate::tree::{Comment, Entry, Kind, Node, Place, Scalar, Style, TEXT_BYTES_MAX, Tree};

/// What a level of nesting is indented by.
const STEP: usize = 2;

/// What a comment behind something is set off by: two blanks, which common linters ask for.
const COMMENT_GAP: &str = "  ";

/// Writes the tree of `text`.
pub(super) fn print(text: &str, tree: &Tree, root: &Node) -> String {
    let line_starts = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut printer = Printer {
        text,
        tree,
        line_starts: std::iter::once(0).chain(line_starts).collect(),
        next: 0,
        taken: BTreeSet::new(),
        out: String::new(),
        last_end: 0,
        ends_in_kept_lines: false,
    };
    let outside = Outside { limit: text.len(), column: 0 };
    if let Kind::Scalar(scalar) = &root.kind {
        // No file of ours is a single value; how it is written is of no interest.
        printer.begin_line(printer.start_of(root), 0);
        let line = scalar::value(scalar, Around::Flow);
        printer.out.push_str(&line);
        printer.out.push('\n');
        printer.last_end = root.place.end;
    } else if matches!(printer.layout(root, 0), Layout::Lines)
        && !tree.anchors.contains_key(&root.place.start)
    {
        printer.members(root, 0, outside, false);
    } else {
        let start = printer.start_of(root);
        printer.begin_line(start, 0);
        printer.value(root, start, 0, outside);
    }
    printer.comments_before(text.len() + 1, 0);
    printer.out
}

struct Printer<'t> {
    text: &'t str,
    tree: &'t Tree,
    line_starts: Vec<usize>,
    /// The first comment that was not written yet.
    next: usize,
    /// Comments behind it that were written.
    taken: BTreeSet<usize>,
    out: String,
    /// Where in the text that ends which was written last.
    last_end: usize,
    /// Whether a block text ends in blank lines that belong to it: more of them would belong to it too.
    ends_in_kept_lines: bool,
}

/// How a value is laid out.
enum Layout<'n> {
    /// On the line of its key.
    Line(String),
    /// As a block text.
    Block(&'n Scalar),
    /// Each member on lines of its own.
    Lines,
}

/// What is around a value.
#[derive(Clone, Copy)]
struct Outside {
    /// Where the next thing begins.
    limit: usize,
    /// The least column of a comment that belongs to the end of the value, not to what is around it.
    column: usize,
}

impl<'t> Printer<'t> {
    /// Writes the members of a list or map on lines of their own, and the comments at its end. The line of the first
    /// may have begun already.
    fn members(&mut self, node: &Node, indent: usize, outside: Outside, mut has_begun: bool) {
        let limit = if is_flow(node) { node.place.end } else { outside.limit };
        match &node.kind {
            Kind::List(list) => {
                let column = self.column(node.place.start);
                for (index, item) in list.items.iter().enumerate() {
                    // Indentation can make of a short text one that could not be read again; its rest is of no use.
                    if self.out.len() > TEXT_BYTES_MAX {
                        return;
                    }
                    let limit =
                        list.items.get(index + 1).map_or(limit, |next| self.end_before(next, list.is_flow));
                    let start = self.start_of(item);
                    if !std::mem::take(&mut has_begun) {
                        self.begin_line(start, indent);
                    }
                    self.last_end = self.last_end.max(start);
                    self.out.push('-');
                    self.value(item, start, indent, Outside { limit, column });
                }
            }
            Kind::Map(map) => {
                for (index, entry) in map.entries.iter().enumerate() {
                    let limit = map.entries.get(index + 1).map_or(limit, |next| next.key.place.start);
                    if !std::mem::take(&mut has_begun) {
                        self.begin_line(entry.key.place.start, indent);
                    }
                    self.entry(entry, indent, limit);
                }
            }
            Kind::Scalar(_) | Kind::Alias(_) | Kind::Broken => {}
        }
        let column = if is_flow(node) { 0 } else { outside.column.max(self.column(node.place.start)) };
        while self.pending(limit).is_some_and(|comment| self.column(comment.place.start) >= column) {
            self.comment_line(indent);
        }
        self.last_end = self.last_end.max(node.place.end);
    }

    fn entry(&mut self, entry: &Entry, indent: usize, limit: usize) {
        let place = entry.key.place;
        self.out.push_str(&scalar::key(&entry.key, self.text, Around::Block));
        self.out.push(':');
        self.last_end = self.last_end.max(place.end);
        let column = self.column(place.start) + 1;
        self.value(&entry.value, place.end, indent, Outside { limit, column });
    }

    /// Writes a value and ends the line, on which its key or dash stands, indented by `indent`; in the text that ends
    /// at `head_end`.
    fn value(&mut self, node: &Node, head_end: usize, indent: usize, outside: Outside) {
        let is_dash = self.out.ends_with('-');
        let mut glue = if self.out.is_empty() || self.out.ends_with('\n') { "" } else { " " };
        if let Some(name) = self.tree.anchors.get(&node.place.start) {
            self.out.extend([glue, "&", name]);
            glue = " ";
        }
        let written = self.out.chars().rev().take_while(|c| *c != '\n').count();
        let inside = node.place.end;
        match self.layout(node, written + glue.len()) {
            Layout::Line(line) => {
                // Absent is said by nothing after a key, but nothing after a dash is easily overlooked.
                let line = if line.is_empty() && is_dash { "null" } else { line.as_str() };
                if !line.is_empty() {
                    self.out.push_str(glue);
                    self.out.push_str(line);
                }
                self.comment_behind(head_end.max(inside), inside, outside.limit);
                self.out.push('\n');
                self.last_end = self.last_end.max(inside);
                self.comments_before(inside, indent);
            }
            Layout::Block(scalar) => {
                self.out.push_str(glue);
                self.block_text(node, scalar, indent);
                self.last_end = self.last_end.max(inside);
                self.comments_before(inside, indent);
            }
            Layout::Lines => {
                let shares_line = self.out.ends_with('-') && is_dash;
                if shares_line {
                    self.out.push(' ');
                } else {
                    let first = self.start_of(node);
                    let is_free = !self.comment_behind(head_end, 0, first);
                    if is_free && is_flow(node) {
                        self.comment_behind_bracket(node, outside.limit);
                    }
                    self.out.push('\n');
                }
                self.members(node, indent + STEP, outside, shares_line);
            }
        }
    }

    /// Decides how a value is laid out that would begin at `column`.
    fn layout<'n>(&self, node: &'n Node, column: usize) -> Layout<'n> {
        let (is_empty, is_flow) = match &node.kind {
            Kind::Alias(_) | Kind::Broken => return Layout::Line(self.verbatim(node).to_owned()),
            Kind::Scalar(scalar) => return self.scalar_layout(node, scalar, column),
            Kind::List(list) => (list.items.is_empty(), list.is_flow),
            Kind::Map(map) => (map.entries.is_empty(), map.is_flow),
        };
        if !is_empty && (!is_flow || self.holds_comment(node.place)) {
            return Layout::Lines;
        }
        let mut line = String::new();
        self.flow(node, &mut line);
        if is_empty || column + line.chars().count() <= WIDTH { Layout::Line(line) } else { Layout::Lines }
    }

    fn scalar_layout<'n>(&self, node: &Node, scalar: &'n Scalar, column: usize) -> Layout<'n> {
        let has_lines = match scalar.style {
            Style::Literal => !scalar.text.trim_matches(['\n', ' ']).is_empty(),
            // The author's last line does not tell of the blanks behind it.
            Style::Folded => {
                let body = scalar.text.trim_end_matches('\n');
                !body.trim_matches(['\n', ' ']).is_empty() && !body.ends_with(' ')
            }
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => false,
        };
        if has_lines {
            return Layout::Block(scalar);
        }
        let line = scalar::value(scalar, Around::Block);
        let was_broken = self.verbatim(node).contains('\n');
        if was_broken && column + line.chars().count() > WIDTH && scalar::can_fold(&scalar.text) {
            return Layout::Block(scalar);
        }
        Layout::Line(line)
    }

    /// Writes a value inside braces or brackets; not to its end if that does not fit on a line anyway.
    fn flow(&self, node: &Node, out: &mut String) {
        if out.len() > WIDTH * '\u{10ffff}'.len_utf8() {
            return;
        }
        match &node.kind {
            Kind::Scalar(scalar) => out.push_str(&scalar::value(scalar, Around::Flow)),
            Kind::Alias(_) | Kind::Broken => out.push_str(self.verbatim(node)),
            Kind::List(list) => {
                out.push('[');
                for (index, item) in list.items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    self.flow_member(item, out);
                }
                out.push(']');
            }
            Kind::Map(map) => {
                out.push('{');
                for (index, entry) in map.entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    out.push_str(&scalar::key(&entry.key, self.text, Around::Flow));
                    out.push_str(": ");
                    self.flow_member(&entry.value, out);
                }
                out.push('}');
            }
        }
    }

    fn flow_member(&self, node: &Node, out: &mut String) {
        if let Some(name) = self.tree.anchors.get(&node.place.start) {
            out.extend(["&", name, " "]);
        }
        self.flow(node, out);
    }

    /// Writes a block text: its mark, and its lines indented by a step.
    fn block_text(&mut self, node: &Node, scalar: &Scalar, indent: usize) {
        let body = scalar.text.trim_end_matches('\n');
        let newlines = scalar.text.len() - body.len();
        self.out.push(if scalar.style == Style::Literal { '|' } else { '>' });
        if body.trim_start_matches('\n').starts_with(' ') {
            self.out.push_str(&STEP.to_string());
        }
        self.out.push_str(match newlines {
            0 => "-",
            1 => "",
            _ => "+",
        });
        self.comment_behind(node.place.start, node.place.start, 0);
        self.out.push('\n');
        for line in self.block_lines(node, scalar, WIDTH.saturating_sub(indent + STEP)) {
            if !line.is_empty() {
                self.out.extend(std::iter::repeat_n(' ', indent + STEP));
                self.out.push_str(&line);
            }
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n('\n', newlines.saturating_sub(1)));
        self.ends_in_kept_lines = newlines > 1;
    }

    /// Returns the lines of a block text.
    fn block_lines(&self, node: &Node, scalar: &Scalar, width: usize) -> Vec<String> {
        let body = scalar.text.trim_end_matches('\n');
        match scalar.style {
            Style::Literal => body.split('\n').map(str::to_owned).collect(),
            // Those of the author, because folding loses them.
            Style::Folded => {
                let leading = body.len() - body.trim_start_matches('\n').len();
                let margin = self.column(node.place.start);
                let mut lines = vec![String::new(); leading];
                for (index, line) in self.verbatim(node).split('\n').enumerate() {
                    let line = line.strip_suffix('\r').unwrap_or(line);
                    let blanks = line.len() - line.trim_start_matches(' ').len();
                    lines.push(line[if index == 0 { 0 } else { blanks.min(margin) }..].to_owned());
                }
                lines
            }
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => scalar::folded(body, width),
        }
    }

    /// Begins a line for what stands at `start`, after the comments and the blank line before it.
    fn begin_line(&mut self, start: usize, indent: usize) {
        self.comments_before(start, indent);
        self.blank_line(start);
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// Writes one blank line if there is any in the text before what stands at `start`.
    fn blank_line(&mut self, start: usize) {
        let between = self.text.get(self.last_end..start).unwrap_or("");
        // The first and the last part stand on lines that hold something.
        let mut lines = between.split('\n').skip(1).peekable();
        let mut has_blank = false;
        while let Some(line) = lines.next() {
            has_blank |= lines.peek().is_some() && line.trim().is_empty();
        }
        if has_blank && !self.out.is_empty() && !self.ends_in_kept_lines {
            self.out.push('\n');
        }
        self.ends_in_kept_lines = false;
    }

    /// Writes all comments that begin before `end`, each on a line of its own.
    fn comments_before(&mut self, end: usize, indent: usize) {
        while self.pending(end).is_some() {
            self.comment_line(indent);
        }
    }

    fn comment_line(&mut self, indent: usize) {
        let Some(comment) = self.pending(usize::MAX) else { return };
        self.begin_comment_line(comment, indent);
        self.write_comment(comment);
        self.out.push('\n');
        self.next += 1;
    }

    fn begin_comment_line(&mut self, comment: &Comment, indent: usize) {
        self.blank_line(comment.place.start);
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.last_end = self.last_end.max(comment.place.end);
    }

    fn write_comment(&mut self, comment: &Comment) {
        self.out.push('#');
        self.out.push_str(comment.text.trim_end());
    }

    /// Returns the next comment if it begins before `end`.
    fn pending(&mut self, end: usize) -> Option<&'t Comment> {
        while self.taken.remove(&self.next) {
            self.next += 1;
        }
        let tree: &'t Tree = self.tree;
        tree.comments.get(self.next).filter(|comment| comment.place.start < end)
    }

    /// Writes the next comment behind what was written, if it stands before `inside`, or between `end` and `limit` on
    /// the line of `end`. Returns whether it does.
    fn comment_behind(&mut self, end: usize, inside: usize, limit: usize) -> bool {
        let Some(comment) = self.pending(inside.max(limit)) else { return false };
        let start = comment.place.start;
        let is_same_line = start >= end && start < limit && !self.text[end..start].contains('\n');
        if !is_same_line && start >= inside {
            return false;
        }
        self.out.push_str(COMMENT_GAP);
        self.write_comment(comment);
        self.last_end = self.last_end.max(comment.place.end);
        self.next += 1;
        true
    }

    /// Writes the comment that stands behind the closing bracket of `node`, before its members: that line goes.
    fn comment_behind_bracket(&mut self, node: &Node, limit: usize) {
        let end = node.place.end;
        let index = self.tree.comments.partition_point(|comment| comment.place.start < end);
        let Some(comment) = self.tree.comments.get(index) else { return };
        let start = comment.place.start;
        if start < limit && !self.text[end..start].contains('\n') {
            self.out.push_str(COMMENT_GAP);
            self.write_comment(comment);
            self.taken.insert(index);
        }
    }

    /// Returns where the first of all that belongs to a value stands, a dash excepted.
    fn start_of(&self, node: &Node) -> usize {
        match &node.kind {
            Kind::List(list) => list.items.first().map_or(node.place.start, |item| self.start_of(item)),
            Kind::Map(map) => map.entries.first().map_or(node.place.start, |entry| entry.key.place.start),
            Kind::Scalar(Scalar { style: Style::Literal | Style::Folded, .. }) => {
                self.mark_before(node.place.start, &['|', '>'])
            }
            Kind::Scalar(_) | Kind::Alias(_) | Kind::Broken => node.place.start,
        }
    }

    /// Returns where an item of a list begins, its dash included.
    fn end_before(&self, item: &Node, is_flow: bool) -> usize {
        if is_flow {
            return item.place.start;
        }
        let is_block_list = matches!(&item.kind, Kind::List(list) if !list.is_flow);
        let mut start = if is_block_list { item.place.start } else { self.start_of(item) };
        if self.tree.anchors.contains_key(&item.place.start) {
            start = self.mark_before(start, &['&']);
        }
        self.mark_before(start, &['-'])
    }

    /// Returns where the last of these marks before `start` stands that is not part of a comment.
    fn mark_before(&self, start: usize, marks: &[char]) -> usize {
        let mut found = self.text[..start].rmatch_indices(marks).map(|(at, _)| at);
        found.find(|at| !self.holds_comment(Place::new(*at, *at + 1))).unwrap_or(start)
    }

    /// Returns whether a comment reaches into a place.
    fn holds_comment(&self, place: Place) -> bool {
        let next = self.tree.comments.partition_point(|comment| comment.place.end <= place.start);
        self.tree.comments.get(next).is_some_and(|comment| comment.place.start < place.end)
    }

    /// Returns the column of a place in the text, in bytes from 0.
    fn column(&self, at: usize) -> usize {
        let line = self.line_starts.partition_point(|start| *start <= at) - 1;
        at - self.line_starts[line]
    }

    fn verbatim(&self, node: &Node) -> &'t str {
        &self.text[node.place.start..node.place.end]
    }
}

fn is_flow(node: &Node) -> bool {
    match &node.kind {
        Kind::List(list) => list.is_flow,
        Kind::Map(map) => map.is_flow,
        Kind::Scalar(_) | Kind::Alias(_) | Kind::Broken => false,
    }
}
