//! Which tasks of a run people are shown: a `for_each` may have a hundred thousand items, and a screen has fifty lines.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::outline::{outer, status_of};

/// What somebody wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The most items of one `for_each` that are shown by themselves.
    pub limit: usize,
    /// Whether only what failed is shown, with what it is inside of.
    pub is_failed_only: bool,
}

/// A line of the table of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row<'a> {
    /// A task by its path.
    Task(&'a str),
    /// Items that are not shown by themselves.
    Rest {
        /// Their status in the word for people.
        status: String,
        /// How many.
        count: usize,
    },
}

/// The tasks of a run, by what they are inside of.
pub(super) struct Shown<'a> {
    tasks: &'a Map<String, Value>,
    inside: BTreeMap<&'a str, Vec<&'a str>>,
    /// What failed, and what that is inside of.
    failed: BTreeSet<&'a str>,
    choice: Choice,
}

/// Returns whether a task did not end well, whatever became of its error.
fn has_failed(task: &Value) -> bool {
    matches!(task["status"].as_str(), Some("failed" | "timed_out" | "stuck")) || task["accepted"] == true
}

impl<'a> Shown<'a> {
    pub(super) fn of(tasks: &'a Map<String, Value>, choice: Choice) -> Self {
        let mut inside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut failed = BTreeSet::new();
        for (path, task) in tasks {
            let around = outer(path, tasks);
            inside.entry(around).or_default().push(path);
            let mut here: &str = if has_failed(task) { path } else { "" };
            while !here.is_empty() && failed.insert(here) {
                here = outer(here, tasks);
            }
        }
        Self { tasks, inside, failed, choice }
    }

    /// Returns the lines of what is inside of a path. Of too many items those that failed come first, then those that are not over; of
    /// each status the rest is counted.
    pub(super) fn inside(&self, path: &str) -> Vec<Row<'a>> {
        let all = self.inside.get(path).into_iter().flatten().copied();
        let wanted = all.filter(|own| !self.choice.is_failed_only || self.failed.contains(own));
        let (items, others): (Vec<&str>, Vec<&str>) = wanted
            .partition(|own| own.ends_with(']') && !path.is_empty() && own[path.len()..].starts_with('['));
        let mut rows: Vec<Row<'a>> = others.into_iter().map(Row::Task).collect();
        if items.len() <= self.choice.limit {
            rows.extend(items.into_iter().map(Row::Task));
            return rows;
        }
        let mut groups: BTreeMap<(u8, String), Vec<&str>> = BTreeMap::new();
        for item in items {
            let task = &self.tasks[item];
            let weight = match task["status"].as_str() {
                _ if has_failed(task) || self.failed.contains(item) => 0,
                Some("running" | "waiting" | "cancelled" | "compensated") => 1,
                _ => 2,
            };
            groups.entry((weight, status_of(task))).or_default().push(item);
        }
        let mut left = self.choice.limit;
        for ((_, status), items) in groups {
            let shown = items.len().min(left);
            left -= shown;
            rows.extend(items[..shown].iter().copied().map(Row::Task));
            let count = items.len() - shown;
            rows.extend((count > 0).then_some(Row::Rest { status, count }));
        }
        rows
    }
}
