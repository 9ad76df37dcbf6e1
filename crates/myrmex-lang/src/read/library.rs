//! Reads an `actions:` file: a library of tasks that workflows use.

use super::task::Around;
use super::{Reader, keys};
use crate::codes;
use crate::outline::{Action, Defaults, Library, Spot};
use crate::tree::{Entry, Map};

impl Reader<'_> {
    pub(super) fn library(&mut self, root: &Map) -> Option<Library> {
        let fields = self.fields(root, &keys::LIBRARY);
        for key in ["description", "owner"] {
            if let Some(entry) = fields.get(key) {
                self.remark(key, &entry.value);
            }
        }
        let entry = fields.map.entry("actions")?;
        let map = self.map("`actions`", &entry.value)?;
        if map.entries.is_empty() {
            self.report.refuse(codes::SCOPE_EMPTY, entry.key.place, "`actions` holds no action");
        }
        let actions = map.entries.iter().filter_map(|entry| self.action(entry)).collect();
        Some(Library { actions, defaults: Defaults::default() })
    }

    fn action(&mut self, entry: &Entry) -> Option<Action> {
        let name = Spot { value: entry.key.text.clone(), place: entry.key.place };
        let (mut inputs, mut version) = (Vec::new(), None);
        if let Some(map) = entry.value.as_map() {
            let own = super::Fields { map };
            inputs = own.get("inputs").map(|entry| self.inputs(&entry.value)).unwrap_or_default();
            version = own.get("version").and_then(|entry| self.version(&entry.value));
            if !own.has("version") {
                let message = format!("the action `{}` needs a `version`", name.value);
                self.report.refuse(codes::KEY_MISSING, name.place, message);
            }
        }
        let task = self.task(name, &entry.value, Around::Action)?;
        Some(Action { version, inputs, task })
    }
}
