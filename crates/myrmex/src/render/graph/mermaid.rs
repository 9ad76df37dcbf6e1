//! A drawing as a Mermaid flowchart, as GitHub and others show it where it stands in Markdown.
//!
//! Ids are made here, because Mermaid takes words such as `end` for its own. Every text stands in quotes, and in it whatever
//! could mean something is written as its code.

use std::fmt::Write;

use myrmex_model::status::Status;

use super::model::{Arrow, Drawing, Kind, Role, Shape, ShapeId};

/// The statuses with their colours: of the border and of the ground, such that dark text can be read on it.
const COLOURS: [(Status, &str, &str); 10] = [
    (Status::Pending, "#7b8794", "#f5f7fa"),
    (Status::Running, "#1864ab", "#d0ebff"),
    (Status::Waiting, "#8a6100", "#fff3bf"),
    (Status::Succeeded, "#2b8a3e", "#d3f9d8"),
    (Status::Failed, "#c92a2a", "#ffe3e3"),
    (Status::Cancelled, "#52606d", "#e4e7eb"),
    (Status::TimedOut, "#b8480f", "#ffe8cc"),
    (Status::Compensated, "#0b7285", "#c5f6fa"),
    (Status::Stuck, "#862e9c", "#f3d9fa"),
    (Status::Skipped, "#7b8794", "#f5f7fa"),
];

/// The height of a line in the title of a block, in pixels.
const TITLE_LINE_HEIGHT: usize = 24;

/// Writes a drawing as Mermaid.
pub fn mermaid(drawing: &Drawing) -> String {
    let children = drawing.children();
    let mut out = preamble(drawing, &children);
    out.push_str("flowchart TB\n");
    let mut put = |depth: usize, line: String| {
        // Writing into a text cannot fail.
        let _ = writeln!(out, "{}{line}", "  ".repeat(depth + 1));
    };
    let mut open: Vec<(ShapeId, usize, bool)> =
        children[0].iter().rev().map(|shape| (*shape, 0, false)).collect();
    while let Some((id, depth, is_end)) = open.pop() {
        let shape = drawing.shape(id);
        if is_end {
            put(depth, "end".to_owned());
        } else if children[id.0].is_empty() {
            put(depth, node(id, shape));
        } else {
            put(depth, format!("subgraph n{}[\"{}\"]", id.0, text(shape)));
            open.push((id, depth, true));
            open.extend(children[id.0].iter().rev().map(|child| (*child, depth + 1, false)));
        }
    }
    for arrow in &drawing.arrows {
        put(0, edge(arrow));
    }
    for line in classes(drawing) {
        put(0, line);
    }
    out
}

/// Makes room for the titles of blocks: Mermaid leaves room for one line.
fn preamble(drawing: &Drawing, children: &[Vec<ShapeId>]) -> String {
    let blocks = drawing.inner().filter(|(id, _)| !children[id.0].is_empty());
    let lines = blocks.map(|(_, shape)| text(shape).matches("<br>").count()).max().unwrap_or(0);
    if lines == 0 {
        return String::new();
    }
    let room = lines * TITLE_LINE_HEIGHT;
    format!("---\nconfig:\n  flowchart:\n    subGraphTitleMargin:\n      top: 0\n      bottom: {room}\n---\n")
}

fn node(id: ShapeId, shape: &Shape) -> String {
    let text = text(shape);
    match shape.kind {
        Kind::Workflow => format!("n{}[[\"{text}\"]]", id.0),
        Kind::Switch => format!("n{}{{{{\"{text}\"}}}}", id.0),
        Kind::Run
        | Kind::Set
        | Kind::Wait
        | Kind::Fail
        | Kind::Manual
        | Kind::Approval
        | Kind::Form
        | Kind::Gate
        | Kind::Do
        | Kind::Tasks
        | Kind::Repeat
        | Kind::Try
        | Kind::Use
        | Kind::ForEach => format!("n{}[\"{text}\"]", id.0),
    }
}

/// Returns the text of a box: name, kind, notes, and where it stands.
fn text(shape: &Shape) -> String {
    let state = shape.state.as_ref();
    let lines = [format!("{} · {}", escaped(&shape.name), shape.kind.as_str())]
        .into_iter()
        .chain(shape.notes.iter().map(|note| escaped(note)))
        .chain(shape.measured.lines().into_iter().map(|line| escaped(&line)))
        .chain(state.map(|state| escaped(&state.line())))
        .chain(state.and_then(super::model::State::count_line));
    lines.collect::<Vec<_>>().join("<br>")
}

fn edge(arrow: &Arrow) -> String {
    let label = arrow.label();
    let label = if label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&label)) };
    let line = if arrow.is_back { "-.->" } else { "-->" };
    format!("n{} {line}{label} n{}", arrow.from.0, arrow.to.0)
}

/// Returns the lines that colour boxes by status, and make what follows a body and the critical path stand out.
fn classes(drawing: &Drawing) -> Vec<String> {
    let mut lines = Vec::new();
    let ids = |is_of: &dyn Fn(&Shape) -> bool| {
        let of = drawing.inner().filter(|(_, shape)| is_of(shape)).map(|(id, _)| format!("n{}", id.0));
        of.collect::<Vec<_>>().join(",")
    };
    for (status, border, ground) in COLOURS {
        let of = ids(&|shape| shape.state.as_ref().is_some_and(|state| state.status == status));
        if !of.is_empty() {
            lines.push(format!("classDef {status} stroke:{border},fill:{ground},color:#1f2933"));
            lines.push(format!("class {of} {status}"));
        }
    }
    let handlers = ids(&|shape| shape.role != Role::Body);
    if !handlers.is_empty() {
        lines.push("classDef handler stroke-dasharray:4 3".to_owned());
        lines.push(format!("class {handlers} handler"));
    }
    let critical: Vec<String> = drawing.critical.shapes.iter().map(|shape| format!("n{}", shape.0)).collect();
    if !critical.is_empty() {
        lines.push("classDef critical stroke-width:3px".to_owned());
        lines.push(format!("class {} critical", critical.join(",")));
    }
    let steps = drawing.critical.steps(&drawing.shapes);
    let thick = (0..).zip(&drawing.arrows).filter(|(_, arrow)| steps.contains(&(arrow.from, arrow.to)));
    let thick: Vec<String> = thick.map(|(number, _): (usize, _)| number.to_string()).collect();
    if !thick.is_empty() {
        lines.push(format!("linkStyle {} stroke-width:3px", thick.join(",")));
    }
    lines
}

/// Writes all but letters, digits and harmless signs as codes, which Mermaid reads in texts.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' | '.' | ',' | '-' | '_' | '/' | ':' | '+' | '…' | '·' => escaped.push(character),
            _ if character.is_alphanumeric() => escaped.push(character),
            // Writing into a text cannot fail.
            _ => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_mermaid_reads_are_written_as_codes() {
        assert_eq!(
            escaped("a-b \"c\" [x] {{y}} | <z> #1;"),
            "a-b #34;c#34; #91;x#93; #123;#123;y#125;#125; #124; #60;z#62; #35;1#59;"
        );
        assert_eq!(escaped("größe…"), "größe…");
    }
}
