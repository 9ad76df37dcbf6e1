//! Reads `cache`: when the success of an earlier attempt is taken over.

use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Cache, Data};
use crate::tree::Node;

impl Reader<'_> {
    pub(super) fn cache(&mut self, fields: &Fields<'_>) -> Option<Cache> {
        let entry = fields.get("cache")?;
        let map = self.map("`cache`", &entry.value)?;
        let own = self.fields(map, &keys::CACHE);
        let key = own.get("key").and_then(|entry| {
            if entry.value.is_null() {
                let hint = "leave it out, then all that the task is given counts";
                self.report.refuse_hint(codes::TYPE, entry.value.place, "`key` is empty", hint);
                return None;
            }
            self.data(&entry.value)
        });
        Some(Cache {
            place: entry.key.place,
            key_place: own.get("key").map(|entry| entry.key.place),
            key,
            files: own.get("files").map(|entry| self.patterns(&entry.value)).unwrap_or_default(),
            ttl: own.get("ttl").and_then(|entry| self.limit("a `ttl`", &entry.value)),
        })
    }

    /// Reads paths and globs: one, or a list.
    fn patterns(&mut self, node: &Node) -> Vec<Data> {
        let what = "a path of `files`";
        match node.as_list() {
            Some(list) => list.items.iter().filter_map(|item| self.text_data(what, item)).collect(),
            None if node.as_scalar().is_some() => self.text_data(what, node).into_iter().collect(),
            None => {
                self.refuse_type("`files`", "a path or glob, or a list of them", node);
                Vec::new()
            }
        }
    }
}
