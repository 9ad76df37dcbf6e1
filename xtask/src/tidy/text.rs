//! Rules about the text of single files.

use super::Finding;
use crate::workspace::SourceFile;

/// Above this a file holds more than one idea; about half of it is what a reader takes in at once.
const LINES_MAX: usize = 1_000;

/// Finds files that are too long. Reason: a file holds one idea, its main type first, in reading order.
///
/// Only what people read top to bottom counts: recorded journals, snapshots and data may be longer.
pub(super) fn size(files: &[SourceFile]) -> Vec<Finding> {
    let read =
        files.iter().filter(|file| ["rs", "md", "sh", "toml", "yaml"].iter().any(|e| file.has_extension(e)));
    read.filter_map(|file| {
        let lines = file.text.lines().count();
        let message = format!("{lines} lines, more than {LINES_MAX}; split it by idea");
        (lines > LINES_MAX).then(|| Finding::file(&file.path, message))
    })
    .collect()
}

/// Finds macros that mark unfinished work. Reason: they compile, pass review and panic at a user.
pub(super) fn unfinished(files: &[SourceFile]) -> Vec<Finding> {
    const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
    code_lines(files, |line| {
        let name = MACROS.into_iter().find(|name| calls_macro(line, name))?;
        Some(format!("`{name}!` does not belong into a commit; finish the work or return an error"))
    })
}

/// Finds ignored tests without a reason. Reason: a test nobody runs, and nobody knows why, is a lie about coverage.
pub(super) fn ignored_tests(files: &[SourceFile]) -> Vec<Finding> {
    code_lines(files, |line| {
        let after = line.trim_start().strip_prefix("#[ignore")?;
        let has_reason = after.starts_with(" = \"") && !after.starts_with(" = \"\"");
        (!has_reason).then(|| "an ignored test needs a reason: `= \"why\"`".to_owned())
    })
}

/// Finds paths of one person's machine. Reason: they break everywhere else and tell strangers about the machine.
pub(super) fn machine_paths(files: &[SourceFile]) -> Vec<Finding> {
    // Written in two halves, so that this file does not break its own rule.
    let roots = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("C:", "\\"),
    ];
    lines(
        files,
        |_| true,
        |line| {
            let root = roots.into_iter().find(|root| names_root(line, root))?;
            Some(format!(
                "`{root}` is a path of one machine; write it from the repository or from the user's input"
            ))
        },
    )
}

/// Returns whether `line` holds `root` as the start of a path: `x/work/` and `a.b/home/` are parts of longer ones.
fn names_root(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-*~}".contains(c))
    })
}

fn calls_macro(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let is_whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        is_whole && line[at + name.len()..].starts_with("!(")
    })
}

fn code_lines(files: &[SourceFile], judge: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    lines(
        files,
        |file| file.has_extension("rs"),
        |line| {
            if line.trim_start().starts_with("//") { None } else { judge(line) }
        },
    )
}

fn lines(
    files: &[SourceFile],
    is_meant: impl Fn(&SourceFile) -> bool,
    judge: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_meant(file)) {
        for (index, line) in file.text.lines().enumerate() {
            findings.extend(judge(line).map(|message| Finding::line(&file.path, index + 1, message)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn count(rule: fn(&[SourceFile]) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&[file(path, text)]).len()
    }

    #[test]
    fn a_file_of_more_than_a_thousand_lines_fails() {
        assert_eq!(count(size, "a.rs", &"x\n".repeat(1_000)), 0);
        assert_eq!(count(size, "a.rs", &"x\n".repeat(1_001)), 1);
        assert_eq!(count(size, "journal.jsonl", &"x\n".repeat(1_001)), 0);
    }

    #[test]
    fn unfinished_code_fails_but_not_in_a_comment_or_inside_a_name() {
        for name in ["todo", "unimplemented", "dbg"] {
            assert_eq!(count(unfinished, "a.rs", &format!("    {name}!(x)")), 1);
            assert_eq!(count(unfinished, "a.rs", &format!("// {name}!(x)")), 0);
            assert_eq!(count(unfinished, "a.rs", &format!("my_{name}!(x)")), 0);
        }
    }

    #[test]
    fn an_ignored_test_without_a_reason_fails() {
        assert_eq!(count(ignored_tests, "a.rs", concat!("#[ign", "ore]")), 1);
        assert_eq!(count(ignored_tests, "a.rs", concat!("#[ign", "ore = \"\"]")), 1);
        assert_eq!(count(ignored_tests, "a.rs", concat!("#[ign", "ore = \"needs a real clock\"]")), 0);
    }

    #[test]
    fn a_path_of_one_machine_fails() {
        assert_eq!(count(machine_paths, "a.md", concat!("see /ho", "me/ann/x")), 1);
        assert_eq!(count(machine_paths, "a.rs", concat!("\"/wo", "rk/x\"")), 1);
        assert_eq!(count(machine_paths, "a.md", concat!("files/ho", "me/x and $dir/wo", "rk/x")), 0);
        assert_eq!(count(machine_paths, "a.md", "/bin/true and /tmp/x"), 0);
    }
}
