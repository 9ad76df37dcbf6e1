//! What a plan says beside its chart: a heading, sentences, a table.

use crate::render::table::Side;

/// One part of what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub heading: String,
    /// Sentences.
    pub lines: Vec<String>,
    /// The heads of the table.
    pub heads: Vec<(String, Side)>,
    /// The rows of the table, each with as many cells as there are heads; empty for no table.
    pub rows: Vec<Vec<String>>,
}

/// Returns the heads of a table as a section holds them.
pub fn owned(heads: &[(&str, Side)]) -> Vec<(String, Side)> {
    heads.iter().map(|(head, side)| ((*head).to_owned(), *side)).collect()
}
