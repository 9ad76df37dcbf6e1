//! A drawing for a terminal: one line a task, below the block that it is in, with what it waits for and where it stands.

use std::fmt::Write;

use super::critical::Basis;
use super::model::{Drawing, Role, ShapeId};
use crate::render::{measured, time};

/// The most characters of what a task waits for.
const AFTER_CHARACTERS_MAX: usize = 44;

/// Writes a drawing as text. `*` marks the critical path.
pub fn text(drawing: &Drawing) -> String {
    let children = drawing.children();
    let mut rows: Vec<[String; 6]> = Vec::new();
    let mut open: Vec<(ShapeId, usize)> = children[0].iter().rev().map(|shape| (*shape, 0)).collect();
    let after = after(drawing);
    let mut is_critical = vec![false; drawing.shapes.len()];
    for shape in &drawing.critical.shapes {
        is_critical[shape.0] = true;
    }
    while let Some((id, depth)) = open.pop() {
        let shape = drawing.shape(id);
        let mark = if is_critical[id.0] { "*" } else { " " };
        let notes = match shape.role {
            Role::Body => after[id.0].clone(),
            Role::Handler(_) => shape.notes.first().cloned().unwrap_or_default(),
        };
        let state = shape.state.as_ref().map(|state| {
            let counts = state.count_line().map(|counts| format!(" ({counts})")).unwrap_or_default();
            format!("{}{counts}", state.line())
        });
        rows.push([
            format!("{mark} {}{}", "  ".repeat(depth), shape.name),
            shape.kind.as_str().to_owned(),
            notes,
            state.unwrap_or_default(),
            shape.measured.lines().join("; "),
            shape.does.clone(),
        ]);
        open.extend(children[id.0].iter().rev().map(|child| (*child, depth + 1)));
    }
    let mut out = heading(drawing);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3), width(4), 0];
    for row in &rows {
        let columns = row.iter().zip(widths);
        // A column that is empty everywhere, such as that of the states of no run, is left out.
        let shown: Vec<String> = columns
            .filter(|(text, width)| *width > 0 || !text.is_empty())
            .map(|(text, width)| format!("{text:<width$}"))
            .collect();
        out.push_str(shown.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn heading(drawing: &Drawing) -> String {
    let run = drawing
        .run
        .as_ref()
        .map(|run| format!(": run {}, {} in {}", run.id, run.word(), time::elapsed_ms(run.took_ms)));
    let measured = drawing.measured.map(|took| format!(": {}", measured::line(took, took.count, "run")));
    let legend = match drawing.critical.basis {
        Basis::Recorded => "* decided when the run ended",
        Basis::Longest => "* the longest chain, each task counted as one",
    };
    format!("{}{}\n{legend}\n\n", drawing.workflow, run.or(measured).unwrap_or_default())
}

/// Says of each shape what it follows: `after build, lint (finished)`.
fn after(drawing: &Drawing) -> Vec<String> {
    let mut after = vec![String::new(); drawing.shapes.len()];
    for arrow in &drawing.arrows {
        let text = &mut after[arrow.to.0];
        let label = arrow.label();
        let label = if label.is_empty() { label } else { format!(" ({label})") };
        let word = if text.is_empty() { "after " } else { ", " };
        // Writing into a text cannot fail.
        let _ = write!(text, "{word}{}{label}", drawing.shape(arrow.from).name);
    }
    for text in &mut after {
        *text = super::glyphs::shortened(text, AFTER_CHARACTERS_MAX);
    }
    after
}
