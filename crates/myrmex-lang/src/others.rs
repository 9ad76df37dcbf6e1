//! The files that stand beside the one that is checked, and can be named in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_model::OrderedMap;
use myrmex_model::name::Name;

use crate::Source;
use crate::outline::{Library, Outline, Resources, Workflow};

/// Files beside the one that is checked. Those that nothing names are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Workflow files, which are called by the name in their first line.
    pub workflows: Vec<Source>,
    /// Libraries of actions, which are used by the name of their file without its ending.
    pub libraries: Vec<Source>,
    /// The folders in which workflows were looked for, as messages name them; none if nobody looked.
    pub workflow_folders: Vec<String>,
    /// The folder in which libraries were looked for; none if nobody looked.
    pub library_folder: Option<String>,
    /// The people and things of the workspace, for projects; none if there is no such file.
    pub resources: Option<Source>,
}

/// What a workspace says that it has, as far as it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supply {
    /// The pools of all workflows, with how much there is of each.
    pub pools: BTreeMap<Name, u32>,
    /// The labels of its worker beside those that a machine has by itself; none if nothing is said.
    pub labels: Option<BTreeSet<String>>,
    /// What its worker has of the resources that are said, as [`myrmex_model::demand`] counts.
    pub resources: BTreeMap<Name, u64>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The file at this place.
    One(usize),
    /// Files with these names: nobody knows which is meant.
    Several(Vec<String>),
}

/// The files that are read, and what they are called.
#[derive(Debug, Default)]
pub(crate) struct Others<'o> {
    /// What was read of each file; none if that failed.
    pub(crate) outlines: Vec<Option<&'o Outline>>,
    /// The names of these files.
    pub(crate) files: Vec<Arc<str>>,
    /// The workflows that something calls.
    pub(crate) workflows: OrderedMap<String, Found>,
    /// The libraries that something uses.
    pub(crate) libraries: OrderedMap<String, Found>,
    /// The names of all workflows there are, for suggestions, each with its file.
    pub(crate) workflow_names: Vec<(String, Arc<str>)>,
    /// The names of all libraries there are.
    pub(crate) library_names: Vec<String>,
    /// Where workflows were looked for, and where libraries.
    pub(crate) folders: (Vec<String>, Option<String>),
    /// What the workspace has.
    pub(crate) supply: Supply,
    /// The people and things of the workspace; none if there is no such file, or it could not be read.
    pub(crate) resources: Option<&'o Resources>,
    /// The tasks that the checked file has, and of which the run is to have nothing.
    pub(crate) left_out: Vec<String>,
}

impl<'o> Others<'o> {
    /// Returns the workflow that `name` stands for, if it could be read.
    pub(crate) fn workflow(&self, name: &str) -> Option<&'o Workflow> {
        match self.outline(self.workflows.get(name)?)? {
            Outline::Workflow(workflow) => Some(workflow),
            Outline::Library(_) | Outline::Resources(_) => None,
        }
    }

    /// Returns the library that `name` stands for, if it could be read.
    pub(crate) fn library(&self, name: &str) -> Option<&'o Library> {
        match self.outline(self.libraries.get(name)?)? {
            Outline::Library(library) => Some(library),
            Outline::Workflow(_) | Outline::Resources(_) => None,
        }
    }

    /// Returns the file of the library that `name` stands for, if there is one.
    pub(crate) fn library_file(&self, name: &str) -> Option<&str> {
        match self.libraries.get(name)? {
            Found::One(file) => self.files.get(*file).map(|file| &**file),
            Found::Several(_) => None,
        }
    }

    fn outline(&self, found: &Found) -> Option<&'o Outline> {
        match found {
            Found::One(file) => self.outlines.get(*file).copied().flatten(),
            Found::Several(_) => None,
        }
    }
}

/// Returns the name that a library has by its file: without folders and ending.
pub(crate) fn library_name(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}

/// Returns the name that a workflow file declares in its first key, as far as a look at the text can tell: enough to know
/// which file has to be read.
pub fn declared_name(text: &str) -> Option<&str> {
    let rest = behind_first(text, "workflow")?.trim_start().trim_start_matches(['"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

/// Returns whether the first key of a file is `key`, as far as a look at the text can tell.
pub fn begins_with(text: &str, key: &str) -> bool {
    behind_first(text, key).is_some()
}

/// Returns what stands behind the first key of a file and its colon, if that is `key`.
fn behind_first<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let is_content = |line: &&str| {
        let line = line.trim();
        !(line.is_empty() || line.starts_with('#') || line.starts_with('%') || line == "---")
    };
    let first = text.trim_start_matches('\u{feff}').lines().find(is_content)?;
    let start = first.as_ptr() as usize - text.as_ptr() as usize;
    let rest = text[start..].trim_start().strip_prefix("---").unwrap_or(&text[start..]).trim_start();
    let rest = rest.strip_prefix('{').unwrap_or(rest).trim_start();
    let forms = [format!("\"{key}\""), format!("'{key}'"), key.to_owned()];
    forms.iter().find_map(|key| rest.strip_prefix(key.as_str()))?.trim_start().strip_prefix(':')
}

#[cfg(test)]
mod tests {
    use super::{begins_with, declared_name, library_name};

    #[test]
    fn the_name_of_a_workflow_is_seen_without_reading_the_file() {
        for (text, name) in [
            ("workflow: a\ntasks: {}", Some("a")),
            ("# note\n---\n\nworkflow: 'a-b' # more", Some("a-b")),
            ("{\n  \"workflow\" : \"c\", \"tasks\": {}}", Some("c")),
            ("workflow:", None),
            ("actions: {workflow: x}", None),
            ("workflows: a", None),
            ("", None),
        ] {
            assert_eq!(declared_name(text), name, "{text}");
        }
    }

    #[test]
    fn the_kind_of_a_file_is_seen_without_reading_it() {
        assert!(
            begins_with("# note\nproject: p\n", "project") && begins_with("{\"resources\": {}}", "resources")
        );
        assert!(!begins_with("projects: p\n", "project") && !begins_with("workflow: project\n", "project"));
    }

    #[test]
    fn the_name_of_a_library_is_that_of_its_file() {
        assert_eq!(library_name("/x/actions/tools.yaml"), "tools");
        assert_eq!(library_name("tools"), "tools");
    }
}
