//! Tells the two forms of lists of tasks apart: `- NAME: {…}` in a `do:` list, `- {name: NAME, …}` in a list of bodies.
//!
//! Who writes one where the other belongs reads what to write, and the task is read all the same.

use super::task::Around;
use super::{Reader, foreign, keys};
use crate::codes;
use crate::report::nearest;
use crate::tree::{Entry, Map, Node};

/// Returns the verb of a task as it stands in `map`, if it has one.
pub(super) fn verb_entry(map: &Map) -> Option<&Entry> {
    let is_verb = |entry: &&Entry| {
        let key = entry.key.text.as_str();
        keys::VERBS.contains(&key) || keys::VERBS_LATER.contains(&key)
    };
    map.entries.iter().find(is_verb)
}

/// Returns the verb of `map`, also if it is that of another language.
fn verb_meant(map: &Map) -> Option<&str> {
    let is_foreign = |entry: &&Entry| foreign::is_verb(&entry.key.text);
    verb_entry(map).or_else(|| map.entries.iter().find(is_foreign)).map(|entry| entry.key.text.as_str())
}

/// Returns the verb of a task that stands under its name as `entry`, where no name belongs.
fn verb_of_named(entry: &Entry, around: Around) -> Option<&str> {
    let key = entry.key.text.as_str();
    let keys = around.keys();
    let is_name = keys.known(key).is_none() && keys.all_later().all(|later| later != key);
    entry.value.as_map().filter(|_| is_name).and_then(verb_meant)
}

/// Returns the one entry of a member of a list that is a task under its name.
pub(super) fn named_member(map: &Map) -> Option<&Entry> {
    let [entry] = map.entries.as_slice() else { return None };
    (verb_of_named(entry, Around::Member).is_some() || is_named_command(entry)).then_some(entry)
}

/// Returns whether a member of a list is a command under a name, as in `- cleanup: rm -rf x`.
fn is_named_command(entry: &Entry) -> bool {
    let key = entry.key.text.as_str();
    let is_text = entry.value.as_scalar().is_some_and(|scalar| scalar.as_text().is_some());
    let is_slip = foreign::is_verb(key) || nearest(key, keys::VERBS.iter().copied()).is_some();
    let is_key = keys::MEMBER.known(key).is_some() || keys::MEMBER.all_later().any(|later| later == key);
    is_text && !is_key && !is_slip
}

impl Reader<'_> {
    /// Reports a task under its name among the members of a list.
    pub(super) fn refuse_named_member(&mut self, entry: &Entry) {
        let name = &entry.key.text;
        let verb = verb_of_named(entry, Around::Member).unwrap_or("run");
        let message =
            format!("`{name}` is no key of a task: in this list a task bears its name under `name`");
        let hint = format!("here write `- {{name: {name}, {verb}: …}}`");
        self.report.refuse_hint(codes::KEY_UNKNOWN, entry.key.place, message, hint);
    }

    /// Reports tasks under their names where one body stands; returns whether there are any.
    pub(super) fn refuse_named_body(&mut self, body: &str, map: &Map, around: Around) -> bool {
        match around {
            Around::Alone | Around::Catch => {}
            Around::Graph | Around::Project | Around::Flow | Around::Member | Around::Action => return false,
        }
        let Some(first) = map.entries.first() else { return false };
        let Some(verb) = verb_of_named(first, around) else { return false };
        if !map.entries.iter().all(|entry| verb_of_named(entry, around).is_some()) {
            return false;
        }
        let name = &first.key.text;
        let message = format!("`{name}` is no key of a task: a body is one task without a name, or a list");
        let hint = match map.entries.len() {
            1 if around == Around::Catch => format!("here write `{{{verb}: …}}`"),
            1 => format!("here write `- {{name: {name}, {verb}: …}}`"),
            _ => format!("put them one level deeper, under `tasks:` in `{body}`"),
        };
        self.report.refuse_hint(codes::KEY_UNKNOWN, first.key.place, message, hint);
        true
    }

    /// Reports an entry of a `do:` list that is not one task under its name.
    pub(super) fn refuse_flow_item(&mut self, item: &Node) {
        if item.is_broken() {
            return;
        }
        let message = "an entry of `do:` is a map with one key, the name of its task";
        self.report.refuse_hint(codes::FLOW_ITEM, item.place, message, flow_item_hint(item));
    }
}

/// Returns whether an entry of a `do:` list is the verb of a task without a name, as in `- run: make`.
pub(super) fn is_nameless(entry: &Entry) -> bool {
    let is_verb = keys::VERBS.contains(&entry.key.text.as_str()) || foreign::is_verb(&entry.key.text);
    let is_task = entry.value.as_map().is_some_and(|map| verb_meant(map).is_some());
    is_verb && !is_task && !entry.value.is_null()
}

/// Returns what to write instead of an entry of a `do:` list that is not one task under its name.
fn flow_item_hint(item: &Node) -> String {
    let Some(map) = item.as_map() else {
        let text = item.as_scalar().and_then(|scalar| scalar.as_text());
        return if text.is_some() { "write `- NAME: {run: …}`" } else { "write `- NAME: {…}`" }.to_owned();
    };
    let verb = verb_meant(map).unwrap_or("run");
    let name = map.entry("name").or_else(|| map.entry("id")).and_then(|entry| entry.value.as_scalar());
    match (name, map.entries.first()) {
        (Some(name), _) => format!("here write `- {}: {{{verb}: …}}`", name.text),
        (None, Some(first)) if first.value.is_null() && keys::TASK.known(&first.key.text).is_none() => {
            format!("indent what follows `{}:` deeper", first.key.text)
        }
        (None, Some(_)) if verb_meant(map).is_some() => {
            format!("here write `- NAME: {{{verb}: …}}`, with a name for the task")
        }
        (None, _) => "write `- NAME: {…}`".to_owned(),
    }
}
