//! Tasks that note their beginning and their end in the file `noted` of a workspace, and how many were under way together.

use std::fs;

use crate::support::Workspace;

/// Notes its beginning and its end, and holds its place for a moment.
pub(crate) const NOTED: &str = "echo \"begin $N\" >>noted; sleep 0.03; echo \"end $N\" >>noted";

/// Waits until the file `go` is there.
pub(crate) const WAITS: &str =
    "echo \"begin $N\" >>noted; until [ -e go ]; do sleep 0.01; done; echo \"end $N\" >>noted";

/// Returns what tasks noted, in order.
pub(crate) fn noted(workspace: &Workspace) -> Vec<String> {
    let text = fs::read_to_string(workspace.path("noted")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Returns the most that were under way at a time, as far as they noted it.
pub(crate) fn overlap(lines: &[String]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for line in lines {
        if line.starts_with("begin") {
            open += 1;
        } else {
            open -= 1;
        }
        most = most.max(open);
    }
    most
}
