//! Reads what puts a task in its place among the others, and when a scope has done enough.

use std::collections::BTreeMap;

use myrmex_model::ir::{Complete, Join, Late, Rest, Tolerance};
use myrmex_model::name::Name;
use myrmex_model::outcome::{Outcome, OutcomeSet};

use super::task::Around;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Bounds, Need, Spot, Task};
use crate::tree::{Entry, Meaning, Node, Place};

/// A task of a graph runs once, so nothing is left to be blocked: `block` is `ignore`.
const LATES: [(&str, Late); 3] =
    [("ignore", Late::Ignore), ("cancel", Late::Cancel), ("block", Late::Ignore)];

const RESTS: [(&str, Rest); 3] = [("cancel", Rest::Cancel), ("run", Rest::Run), ("ignore", Rest::Ignore)];

/// Returns the words of `late`.
pub(super) fn late_words() -> Vec<&'static str> {
    LATES.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `rest`.
pub(super) fn rest_words() -> Vec<&'static str> {
    RESTS.iter().map(|(word, _)| *word).collect()
}

/// Returns what an entry of `needs` may accept.
pub(crate) fn outcome_words() -> [(&'static str, OutcomeSet); 4] {
    [
        ("succeeded", OutcomeSet::SUCCEEDED),
        ("failed", OutcomeSet::of(&[Outcome::Failed])),
        ("skipped", OutcomeSet::of(&[Outcome::Skipped])),
        ("finished", OutcomeSet::FINISHED),
    ]
}

impl Reader<'_> {
    /// Reads what puts a task in its place among the others: `needs` in a graph, `then` in a flow.
    pub(super) fn order(&mut self, task: &mut Task, fields: &Fields<'_>, around: Around) {
        match around {
            Around::Graph => {
                self.misplaced(fields, "then", "the order under `tasks:` comes from `needs`");
                task.needs = fields.get("needs").map(|entry| self.needs(&entry.value)).unwrap_or_default();
                self.join(task, fields);
                return;
            }
            Around::Project => {
                self.misplaced(fields, "then", "the order of a project comes from `needs`");
                task.needs = fields.get("needs").map(|entry| self.links(&entry.value)).unwrap_or_default();
                self.join(task, fields);
                return;
            }
            Around::Flow | Around::Member => {
                let list = if around == Around::Flow { "`do:` list" } else { "list" };
                self.misplaced(fields, "needs", &format!("the tasks of a {list} run one after the other"));
                task.then = fields.get("then").and_then(|entry| self.target(&entry.value, "then", around));
            }
            Around::Alone | Around::Action | Around::Catch => {
                for key in ["needs", "then"] {
                    self.misplaced(fields, key, "there is no other task beside this one");
                }
            }
        }
        for key in ["join", "late"] {
            self.misplaced(fields, key, "only a task under `tasks:` waits for several others");
        }
    }

    pub(super) fn needs(&mut self, node: &Node) -> Vec<Need> {
        if let Some(map) = node.as_map() {
            let read = |entry: &Entry| {
                let name = Spot { value: entry.key.text.clone(), place: entry.key.place };
                self.outcomes(&entry.value).map(|on| Need::plain(name, on))
            };
            return map.entries.iter().filter_map(read).collect();
        }
        let nodes = match node.as_list() {
            Some(list) => list.items.iter().map(|item| &**item).collect(),
            None => vec![node],
        };
        let mut needs: Vec<Need> = Vec::with_capacity(nodes.len());
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        for node in nodes {
            let Some(name) = self.fixed_text("`needs`", node) else { continue };
            if let Some(before) = first.get(name) {
                let message = format!("`needs` names `{name}` twice");
                let diagnostic = self.report.warning(codes::NEEDS_DUPLICATE, node.place, message);
                self.report.push(diagnostic.with_related(self.report.span(*before), "first here"));
                continue;
            }
            if let Some(hint) = several_meant(name) {
                let message = format!("`{name}` is one text and no list of tasks");
                self.report.refuse_hint(codes::NAME, node.place, message, hint);
                continue;
            }
            first.insert(name, node.place);
            let name = Spot { value: name.to_owned(), place: node.place };
            needs.push(Need::plain(name, OutcomeSet::SUCCEEDED));
        }
        needs
    }

    pub(super) fn outcomes(&mut self, node: &Node) -> Option<OutcomeSet> {
        let what = "an outcome";
        let known = outcome_words();
        let Some(list) = node.as_list() else { return self.word(what, node, &known) };
        if list.items.is_empty() {
            self.report.refuse(codes::WORD, node.place, "a list of outcomes must name at least one");
        }
        let words: Vec<_> = list.items.iter().filter_map(|item| self.word(what, item, &known)).collect();
        words.into_iter().reduce(OutcomeSet::union)
    }

    /// Reads `join` and `late`.
    fn join(&mut self, task: &mut Task, fields: &Fields<'_>) {
        task.join = fields.get("join").and_then(|entry| self.join_word(&entry.value));
        if let Some(entry) = fields.get("late") {
            task.late = self.word("`late`", &entry.value, &LATES).unwrap_or_default();
        }
        let waits_for_all = match task.join.as_ref().map(|join| join.value) {
            Some(Join::All | Join::AllLive) => true,
            None => !fields.has("join"),
            Some(Join::First(_)) => false,
        };
        if waits_for_all {
            self.misplaced(fields, "late", "the task waits for all that it needs");
        }
    }

    fn join_word(&mut self, node: &Node) -> Option<Spot<Join>> {
        let text = self.fixed_text("`join`", node)?;
        let value = match text {
            "all" => Join::All,
            "all_live" => Join::AllLive,
            "any" => Join::First(1),
            text => match self.first("`join`", (text, node.place), &["all", "all_live", "any"]) {
                Some(count) => Join::First(count),
                None => return None,
            },
        };
        Some(Spot { value, place: node.place })
    }

    /// Reads `first(n)`, which stands beside `words`.
    fn first(&mut self, what: &str, (text, place): (&str, Place), words: &[&str]) -> Option<u32> {
        let number = text.strip_prefix("first(").and_then(|rest| rest.strip_suffix(')')).map(str::trim);
        if number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
            let count = number.and_then(|number| number.parse().ok()).filter(|count| *count > 0);
            if count.is_none() {
                let message = format!("the number of `{text}` must be between 1 and {}", u32::MAX);
                self.report.refuse(codes::NUMBER_BOUND, place, message);
            }
            return count;
        }
        let all: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        let message = format!("{what} is one of {}, `first(n)`, not `{text}`", all.join(", "));
        let words = words.iter().copied().chain(["first(n)"]);
        self.report.refuse_word(codes::WORD, place, message, (text, words));
        None
    }

    /// Reads `max_parallel`, `fail_fast`, `complete` and `rest`.
    pub(super) fn bounds(&mut self, fields: &Fields<'_>) -> Bounds {
        let max_parallel =
            fields.get("max_parallel").and_then(|entry| self.count("`max_parallel`", &entry.value));
        let fail_fast = fields.get("fail_fast").and_then(|entry| self.boolean("`fail_fast`", &entry.value));
        let complete = self.complete(fields);
        Bounds { max_parallel, fail_fast: fail_fast.unwrap_or(false), complete }
    }

    fn complete(&mut self, fields: &Fields<'_>) -> Complete {
        let rest = fields.get("rest").and_then(|entry| self.word("`rest`", &entry.value, &RESTS));
        let count = fields.get("complete").and_then(|entry| {
            let text = self.fixed_text("`complete`", &entry.value)?;
            if text == "all" { None } else { self.first("`complete`", (text, entry.value.place), &["all"]) }
        });
        let is_all = fields
            .get("complete")
            .is_none_or(|entry| entry.value.as_scalar().is_some_and(|scalar| scalar.text == "all"));
        if is_all {
            self.misplaced(fields, "rest", "all of it has to end; `complete: first(n)` leaves a rest");
        }
        count.map_or(Complete::All, |count| Complete::First { count, rest: rest.unwrap_or_default() })
    }

    /// Reports that a scope waits for more successes than it has tasks.
    pub(super) fn refuse_many(&mut self, complete: Complete, tasks: usize, fields: &Fields<'_>) {
        if let (Complete::First { count, .. }, Some(entry)) = (complete, fields.get("complete"))
            && count as usize > tasks
        {
            let plural = if tasks == 1 { "" } else { "s" };
            let message = format!("`complete` asks for {count} successes of {tasks} task{plural}");
            self.report.refuse(codes::NUMBER_BOUND, entry.value.place, message);
        }
    }

    /// Reads `min_success`: a count, or a part in percent.
    pub(super) fn tolerance(&mut self, node: &Node) -> Option<Tolerance> {
        let what = "`min_success`";
        if self.refuse_hole(what, node) {
            return None;
        }
        let scalar = node.as_scalar();
        let count = match scalar.map(|scalar| &scalar.meaning) {
            Some(Meaning::Number(number)) => number.as_u64().and_then(|count| u32::try_from(count).ok()),
            Some(Meaning::Text) => {
                let percent = scalar.and_then(|scalar| scalar.text.strip_suffix('%')?.trim().parse().ok());
                if let Some(percent) = percent.filter(|percent| *percent <= 100) {
                    return Some(Tolerance::Percent(percent));
                }
                None
            }
            Some(Meaning::Null | Meaning::Boolean(_)) | None => None,
        };
        if count.is_none() {
            self.refuse_tolerance(what, node);
        }
        count.map(Tolerance::Count)
    }

    fn refuse_tolerance(&mut self, what: &str, node: &Node) {
        if !node.is_broken() {
            let message = format!("{what} must be a count such as 3, or a part from `0%` to `100%`");
            self.report.refuse(codes::TYPE, node.place, message);
        }
    }
}

/// Returns the list that is meant by names with commas between.
fn several_meant(text: &str) -> Option<String> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let are_names = names.len() > 1 && names.iter().all(|name| Name::new(name).is_ok());
    are_names.then(|| format!("write `needs: [{}]`", names.join(", ")))
}
