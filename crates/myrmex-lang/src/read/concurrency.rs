//! Reads `concurrency`: how many runs of a workflow may be under way at a time.

use myrmex_model::ir::OnConflict;

use super::{Reader, keys};
use crate::outline::Concurrency;
use crate::tree::Node;

const CONFLICTS: [(&str, OnConflict); 3] =
    [("queue", OnConflict::Queue), ("skip", OnConflict::Skip), ("cancel", OnConflict::Cancel)];

/// Returns the words of `on_conflict`.
pub(super) fn conflict_words() -> Vec<&'static str> {
    CONFLICTS.iter().map(|(word, _)| *word).collect()
}

impl Reader<'_> {
    pub(super) fn concurrency(&mut self, node: &Node) -> Option<Concurrency> {
        let map = self.map("`concurrency`", node)?;
        let fields = self.fields(map, &keys::CONCURRENCY);
        let key = fields.get("key").and_then(|entry| self.text_data("`key`", &entry.value));
        let limit = fields.get("limit").and_then(|entry| self.count("`limit`", &entry.value));
        let on_conflict = fields.get("on_conflict");
        let on_conflict = on_conflict.and_then(|entry| self.word("`on_conflict`", &entry.value, &CONFLICTS));
        Some(Concurrency { key, limit: limit.unwrap_or(1), on_conflict: on_conflict.unwrap_or_default() })
    }
}
