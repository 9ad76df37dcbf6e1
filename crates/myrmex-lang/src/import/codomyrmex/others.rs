//! What is recognised and has no equal yet: the report names each, and every key of it.

use super::shape::Shape;
use super::{Context, Fields, File, words};
use crate::import::codes;

/// The ways a session can go about its tasks.
const MODES: [&str; 4] = ["sequential", "parallel", "priority", "resource_aware"];

/// The states of a project.
const STATES: [&str; 6] = ["planning", "active", "paused", "completed", "archived", "failed"];

/// Reports a file of which nothing is written.
pub(super) fn report(file: &File<'_>, shape: Shape, context: &mut Context<'_>) {
    let what = match shape {
        Shape::Template => "a project template",
        Shape::Project => "a project",
        Shape::Session => "a session or the settings of an engine",
        Shape::Record => {
            let message = "what an execution left is not imported: the file is passed over";
            context.draft.note(file.start(), message);
            return;
        }
        Shape::Steps
        | Shape::Complex
        | Shape::Parallel
        | Shape::Tasks
        | Shape::Resources
        | Shape::Unknown => {
            let message = "the file is of no shape that is known: it is passed over";
            context.draft.warn(codes::NO_EQUAL, file.start(), message);
            return;
        }
    };
    let Some(map) = file.root.as_map() else { return };
    let mut fields = Fields::new(map);
    let name =
        fields.get("name").and_then(|node| node.as_scalar()).map(|scalar| format!(" `{}`", scalar.text));
    let name = name.unwrap_or_default();
    let message = format!("{what}{name} has no equal yet: nothing of it is written");
    context.draft.warn(codes::NO_EQUAL, file.start(), message);
    words_of(file, shape, &mut fields, context);
    for entry in &map.entries {
        let message = format!("`{}` of {what} has no equal yet and is left out", entry.key.text);
        context.draft.warn(codes::NO_EQUAL, file.at(entry.key.place), message);
    }
}

/// Reports words that mean nothing, so that they are mended before there is an equal.
fn words_of(file: &File<'_>, shape: Shape, fields: &mut Fields<'_>, context: &mut Context<'_>) {
    let mut refuse = |key: &'static str, is_known: &dyn Fn(&str) -> bool, what: &str| {
        let Some(node) = fields.get(key) else { return };
        let word = node.as_scalar().map_or(String::new(), |scalar| scalar.text.to_lowercase());
        if !is_known(&word) {
            context.draft.error(codes::MEANING, file.at(node.place), format!("`{word}` is no {what}"));
        }
    };
    match shape {
        Shape::Session => refuse("mode", &|word| MODES.contains(&word), "mode of a session"),
        Shape::Project => {
            let is_known = |word: &str| STATES.contains(&word) || words::status(word).is_some();
            refuse("status", &is_known, "state of a project");
        }
        Shape::Steps
        | Shape::Complex
        | Shape::Parallel
        | Shape::Tasks
        | Shape::Resources
        | Shape::Template
        | Shape::Record
        | Shape::Unknown => {}
    }
}
