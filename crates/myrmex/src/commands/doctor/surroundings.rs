//! The workspace: where it is and why, its settings, its files.

use myrmex_model::diagnostic::Severity;

use super::Finding;
use crate::commands::check_placed;
use crate::settings::Settings;
use crate::sources::{self, read_text};
use crate::workspace::{DATA_NAME, SETTINGS_NAME, Workspace};

/// The most files that are checked: a look is to take seconds.
const FILES_MAX: usize = 200;

pub(super) fn look(workspace: &Workspace) -> Vec<Finding> {
    vec![place(workspace), settings(workspace), files(workspace)]
}

fn place(workspace: &Workspace) -> Finding {
    let root = workspace.root.display();
    let why = if workspace.root.join(SETTINGS_NAME).is_file() {
        format!("`{SETTINGS_NAME}` lies there")
    } else if workspace.root.join(DATA_NAME).is_dir() {
        format!("`{DATA_NAME}` lies there")
    } else {
        format!("the current folder: neither `{SETTINGS_NAME}` nor `{DATA_NAME}` lies in it or above it")
    };
    let elsewhere = workspace.data != workspace.root.join(DATA_NAME);
    let data = if elsewhere { format!("; data in {}", workspace.data.display()) } else { String::new() };
    Finding::fine("workspace", format!("{root} ({why}){data}"))
}

fn settings(workspace: &Workspace) -> Finding {
    let path = workspace.root.join(SETTINGS_NAME);
    if !path.exists() {
        return Finding::fine("settings", format!("no `{SETTINGS_NAME}`: what is built in holds"));
    }
    let hint = format!("`myrmex check {SETTINGS_NAME}` in the workspace shows the places");
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(reason) => {
            let message = format!("`{SETTINGS_NAME}` cannot be read: {reason}");
            return Finding::broken("settings", message, "make it a file that you can read");
        }
    };
    let (_, problems) = Settings::read(&myrmex_lang::Source::new(SETTINGS_NAME, text), &workspace.root);
    let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    match (errors.first(), problems.first()) {
        (Some(first), _) => {
            let message = format!(
                "{} in `{SETTINGS_NAME}`, the first: {}",
                counted(errors.len(), "error"),
                first.message
            );
            Finding::broken("settings", message, hint)
        }
        (None, Some(first)) => Finding::doubtful("settings", first.message.clone(), hint),
        (None, None) => Finding::fine("settings", format!("`{SETTINGS_NAME}` has no problems")),
    }
}

fn files(workspace: &Workspace) -> Finding {
    let files = sources::ours(&workspace.root);
    let files: Vec<_> = files.into_iter().filter(|file| !file.ends_with(SETTINGS_NAME)).collect();
    let checked = &files[..files.len().min(FILES_MAX)];
    let is_wrong = |file: &&std::path::PathBuf| {
        let checked = check_placed(file, &workspace.root);
        checked.diagnostics.iter().any(|problem| problem.severity == Severity::Error)
    };
    let wrong = checked.iter().filter(is_wrong).count();
    let total = counted(checked.len(), "file");
    let rest = if checked.len() < files.len() { format!(" of {}", files.len()) } else { String::new() };
    match (checked.len(), wrong) {
        (0, _) => Finding::fine("files", "no workflow and no library in the workspace yet")
            .with_hint("`myrmex new workflow NAME` makes one"),
        (_, 0) => Finding::fine("files", format!("{total}{rest} without errors")),
        (_, wrong) => {
            let verb = if wrong == 1 { "has" } else { "have" };
            Finding::doubtful(
                "files",
                format!("{wrong} of {total} {verb} errors"),
                "`myrmex check` shows them",
            )
        }
    }
}

/// Says how many there are of something.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
