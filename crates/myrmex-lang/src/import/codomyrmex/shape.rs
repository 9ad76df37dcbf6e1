//! What a file holds, as far as its keys tell.

use super::File;
use crate::tree::{Map, Node};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A workflow: steps that name what they depend on.
    Steps,
    /// A workflow whose dependencies stand in a map beside its steps.
    Complex,
    /// Tasks with a map of dependencies and a bound.
    Parallel,
    /// A list of tasks that depend on each other by their ids.
    Tasks,
    /// Resources.
    Resources,
    /// A template of projects.
    Template,
    /// A project.
    Project,
    /// A session, or the settings of an engine.
    Session,
    /// What is left of an execution.
    Record,
    /// Anything else.
    Unknown,
}

impl Shape {
    /// Recognises what a file holds.
    pub(super) fn of(file: &File<'_>) -> Self {
        if let Some(list) = file.root.as_list() {
            let is_task = |node: &Node| {
                node.as_map()
                    .is_some_and(|map| ["id", "module", "action"].iter().all(|key| map.entry(key).is_some()))
            };
            // One task tells what the list is; whatever else is in it is reported then.
            return if list.items.iter().any(|item| is_task(item)) { Self::Tasks } else { Self::Unknown };
        }
        let Some(map) = file.root.as_map() else { return Self::Unknown };
        let has = |key: &str| map.entry(key).is_some();
        let is_map = |key: &str| map.entry(key).is_some_and(|entry| entry.value.as_map().is_some());
        let is_list = |key: &str| map.entry(key).is_some_and(|entry| entry.value.as_list().is_some());
        let of_steps = || if is_map("dependencies") { Self::Complex } else { Self::Steps };
        // What has steps is a workflow, whatever else stands beside them.
        if is_list("steps") {
            of_steps()
        } else if is_list("tasks") && is_map("dependencies") {
            Self::Parallel
        } else if is_record(map) {
            Self::Record
        } else if has("session_id") || has("max_workers") || has("resource_config") {
            Self::Session
        } else if has("steps") {
            of_steps()
        } else if has("tasks") && is_map("dependencies") {
            Self::Parallel
        } else if is_map("resources") {
            Self::Resources
        } else if has("type") && has("directory_structure") {
            Self::Template
        } else if is_project_file(file) || ["name", "status", "path"].iter().all(|key| has(key)) {
            Self::Project
        } else {
            Self::Unknown
        }
    }

    /// Returns how many steps a file of this shape holds, if it holds any.
    pub(super) fn steps(self, root: &Node) -> Option<usize> {
        let length = |key: &str| {
            let entry = root.as_map().and_then(|map| map.entry(key));
            entry.and_then(|entry| entry.value.as_list()).map_or(0, |list| list.items.len())
        };
        match self {
            Self::Steps | Self::Complex => Some(length("steps")),
            Self::Parallel => Some(length("tasks")),
            Self::Tasks => Some(root.as_list().map_or(0, |list| list.items.len())),
            Self::Resources
            | Self::Template
            | Self::Project
            | Self::Session
            | Self::Record
            | Self::Unknown => None,
        }
    }
}

/// Whether a map is what an execution left: it has results, or says when it began.
fn is_record(map: &Map) -> bool {
    let has = |key: &str| map.entry(key).is_some();
    let is_execution = has("workflow_name") && (has("status") || has("start_time"));
    is_execution || has("step_results") || has("execution_id")
}

fn is_project_file(file: &File<'_>) -> bool {
    let name = file.source.name.replace('\\', "/");
    name == ".codomyrmex/project.json" || name.ends_with("/.codomyrmex/project.json")
}
