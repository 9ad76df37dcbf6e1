//! A drawing in the language of Graphviz, with blocks as clusters.

use std::collections::BTreeSet;
use std::fmt::Write;

use myrmex_model::status::Status;

use super::model::{Arrow, Drawing, Kind, Role, Shape, ShapeId};

/// Writes a drawing as DOT.
pub fn dot(drawing: &Drawing) -> String {
    let mut writing = Writing { drawing, children: drawing.children(), out: String::new() };
    writing.write();
    writing.out
}

struct Writing<'d> {
    drawing: &'d Drawing,
    children: Vec<Vec<ShapeId>>,
    out: String,
}

impl Writing<'_> {
    fn put(&mut self, depth: usize, line: &str) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.out, "{}{line}", "  ".repeat(depth));
    }

    fn write(&mut self) {
        let critical: BTreeSet<ShapeId> = self.drawing.critical.shapes.iter().copied().collect();
        self.put(0, &format!("digraph {} {{", quoted(&self.drawing.workflow)));
        self.put(1, "graph [compound=true, fontname=\"Helvetica\", fontsize=12, style=\"rounded\", color=\"#9aa5b1\"]");
        self.put(1, "node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#9aa5b1\", fontname=\"Helvetica\", fontsize=11]");
        self.put(1, "edge [color=\"#66758a\", fontname=\"Helvetica\", fontsize=10]");
        let mut open: Vec<(ShapeId, usize, bool)> =
            self.children[0].iter().rev().map(|shape| (*shape, 1, false)).collect();
        while let Some((id, depth, is_end)) = open.pop() {
            let shape = self.drawing.shape(id);
            let is_critical = critical.contains(&id);
            if is_end {
                self.put(depth, "}");
            } else if self.children[id.0].is_empty() {
                self.put(depth, &format!("n{} [{}]", id.0, attributes(shape, is_critical).join(", ")));
            } else {
                self.put(depth, &format!("subgraph cluster_n{} {{", id.0));
                for attribute in attributes(shape, is_critical) {
                    self.put(depth + 1, &attribute);
                }
                open.push((id, depth, true));
                open.extend(self.children[id.0].iter().rev().map(|child| (*child, depth + 1, false)));
            }
        }
        let steps = self.drawing.critical.steps(&self.drawing.shapes);
        for arrow in &self.drawing.arrows {
            self.arrow(arrow, steps.contains(&(arrow.from, arrow.to)));
        }
        self.put(0, "}");
    }

    /// Writes an arrow. One at a cluster leads to a task inside of it, and is cut at the border.
    fn arrow(&mut self, arrow: &Arrow, is_critical: bool) {
        let mut attributes = Vec::new();
        let (from, to) = (self.leaf(arrow.from, true), self.leaf(arrow.to, false));
        if from != arrow.from {
            attributes.push(format!("ltail=cluster_n{}", arrow.from.0));
        }
        if to != arrow.to {
            attributes.push(format!("lhead=cluster_n{}", arrow.to.0));
        }
        let label = arrow.label();
        if !label.is_empty() {
            attributes.push(format!("label={}", quoted(&label)));
        }
        if arrow.is_back {
            attributes.push("style=dashed, constraint=false".to_owned());
        }
        if is_critical {
            attributes.push("penwidth=2.5".to_owned());
        }
        let attributes =
            if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        self.put(1, &format!("n{} -> n{}{attributes}", from.0, to.0));
    }

    /// Returns the first task inside a shape, or the last one of its body, or the shape itself if nothing is inside.
    fn leaf(&self, shape: ShapeId, is_last: bool) -> ShapeId {
        let is_body = |child: &&ShapeId| self.drawing.shape(**child).role == Role::Body;
        let mut leaf = shape;
        loop {
            let children = &self.children[leaf.0];
            let last = children.iter().rfind(is_body).filter(|_| is_last);
            let Some(next) = last.or(children.first()) else { return leaf };
            leaf = *next;
        }
    }
}

fn attributes(shape: &Shape, is_critical: bool) -> Vec<String> {
    let state = shape.state.as_ref();
    let lines: Vec<String> = [shape.name.clone(), shape.kind.as_str().to_owned()]
        .into_iter()
        .chain(shape.notes.iter().cloned())
        .chain(shape.measured.lines())
        .chain(state.map(super::model::State::line))
        .chain(state.and_then(super::model::State::count_line))
        .collect();
    let mut attributes = vec![format!("label={}", quoted(&lines.join("\n")))];
    if shape.kind == Kind::Workflow {
        attributes.push("peripheries=2".to_owned());
    }
    if shape.role != Role::Body {
        attributes.push("style=\"rounded,dashed\"".to_owned());
    }
    if let Some(state) = state {
        attributes.push(format!("color={}", quoted(colour(state.status))));
    }
    if is_critical {
        attributes.push("penwidth=2.5".to_owned());
    }
    attributes
}

fn colour(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "#2b8a3e",
        Status::Failed => "#c92a2a",
        Status::TimedOut => "#b8480f",
        Status::Stuck => "#862e9c",
        Status::Running => "#1864ab",
        Status::Waiting => "#8a6100",
        Status::Pending | Status::Skipped => "#7b8794",
        Status::Cancelled => "#52606d",
        Status::Compensated => "#0b7285",
    }
}

/// Writes a text in quotes; a new line in it is one in the drawing.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a \"b\" \\n\nc"), "\"a \\\"b\\\" \\\\n\\nc\"");
    }
}
