//! The capability registry, `docs/capabilities.yaml`: no capability is called done without a test that passed.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;
use crate::suites;
use crate::workspace::Workspace;

const FILE: &str = "docs/capabilities.yaml";
/// The charter names this many; the list neither grows nor shrinks.
const CAPABILITIES: usize = 104;

/// One line of the registry; the head of the file describes the format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capability {
    id: usize,
    wording: Vec<String>,
    status: Status,
    test: Option<String>,
    document: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Done,
    Partial,
    Planned,
}

/// Checks the registry against the files and, where all suites ran, against those that `passed`.
pub(crate) fn check(workspace: &Workspace, passed: Option<&[&str]>) -> Result<(), Failure> {
    let text = fs::read_to_string(workspace.root.join(FILE)).map_err(Failure::because(FILE))?;
    let (capabilities, mut complaints) = parse(&text);
    complaints.extend(ids(&capabilities));
    for capability in &capabilities {
        complaints
            .extend(judge(capability, &workspace.root, passed).map(|c| format!("{}: {c}", capability.id)));
    }
    for complaint in &complaints {
        println!("{FILE}: {complaint}");
    }
    if !complaints.is_empty() {
        return Err(Failure::new(format!("{} entries of `{FILE}` are wrong", complaints.len())));
    }
    let count = |status| capabilities.iter().filter(|capability| capability.status == status).count();
    let (done, partial, planned) = (count(Status::Done), count(Status::Partial), count(Status::Planned));
    println!("capabilities: {done} done, {partial} partial, {planned} planned");
    if passed.is_none() && done > 0 {
        println!("not checked: whether the tests of the {done} done ones passed (only a full run knows)");
    }
    Ok(())
}

fn parse(text: &str) -> (Vec<Capability>, Vec<String>) {
    let mut capabilities = Vec::new();
    let mut complaints = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = line.strip_prefix("- ").ok_or_else(|| "expected `- {…}`".to_owned());
        match entry.and_then(|entry| serde_json::from_str(entry).map_err(|error| error.to_string())) {
            Ok(capability) => capabilities.push(capability),
            Err(error) => complaints.push(format!("line {}: {error}", index + 1)),
        }
    }
    (capabilities, complaints)
}

fn ids(capabilities: &[Capability]) -> Option<String> {
    let ids: Vec<usize> = capabilities.iter().map(|capability| capability.id).collect();
    let expected: Vec<usize> = (1..=CAPABILITIES).collect();
    (ids != expected).then(|| format!("the ids must be 1 to {CAPABILITIES}, each once and in order"))
}

fn judge(capability: &Capability, root: &Path, passed: Option<&[&str]>) -> Option<String> {
    let Capability { wording, status, test, document, .. } = capability;
    if wording.is_empty() || wording.iter().any(String::is_empty) {
        return Some("has no wording".to_owned());
    }
    match (status, test, document) {
        (Status::Planned, Some(_), _) => return Some("is planned, and so cannot name a test yet".to_owned()),
        (Status::Done, None, _) => return Some("is done, and so must name a test".to_owned()),
        (Status::Done, _, None) => return Some("is done, and so must name a document".to_owned()),
        (Status::Planned | Status::Partial | Status::Done, _, _) => {}
    }
    if let Some(document) = document
        && !root.join(document).is_file()
    {
        return Some(format!("document `{document}` does not exist"));
    }
    let suite = match test.as_deref().map(|test| suite_of(test, root))? {
        Ok(suite) => suite,
        Err(complaint) => return Some(complaint),
    };
    let is_unproven = *status == Status::Done && passed.is_some_and(|passed| !passed.contains(&suite));
    is_unproven.then(|| format!("is done, but suite `{suite}` with its test did not pass"))
}

/// Returns the suite that runs a test `PACKAGE::TARGET` or `PACKAGE::TARGET::FUNCTION`, or why there is no such test.
fn suite_of(test: &str, root: &Path) -> Result<&'static str, String> {
    let parts: Vec<&str> = test.split("::").collect();
    let (package, target, function) = match parts.as_slice() {
        [package, target] => (*package, *target, None),
        [package, target, .., function] => (*package, *target, Some(*function)),
        _ => {
            return Err(format!(
                "test `{test}` is not of the form PACKAGE::TARGET or PACKAGE::TARGET::FUNCTION"
            ));
        }
    };
    let folder = root.join("crates").join(package);
    let places = if target == "lib" {
        vec![folder.join("src")]
    } else {
        let tests = folder.join("tests");
        vec![tests.join(format!("{target}.rs")), tests.join(target)]
    };
    let sources: Vec<String> = places.iter().flat_map(|place| sources(place)).collect();
    if sources.is_empty() {
        return Err(format!("test target `{package}::{target}` does not exist"));
    }
    if let Some(function) = function
        && !sources.iter().any(|source| source.contains(&format!("fn {function}(")))
    {
        return Err(format!("test target `{package}::{target}` has no function `{function}`"));
    }
    Ok(suites::suite_of_target(package, target))
}

/// Returns the text of a Rust file, or of all in a folder and below.
fn sources(place: &Path) -> Vec<String> {
    if place.is_dir() {
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        return entries.flat_map(|entry| sources(&entry.path())).collect();
    }
    let is_rust = place.extension().is_some_and(|extension| extension == "rs");
    is_rust.then(|| fs::read_to_string(place).ok()).flatten().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that no file outside has, made where cargo lets tests write.
    fn tree(name: &str) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("xtask-registry-{name}-{}", std::process::id()));
        let tests = root.join("crates/myrmex/tests");
        fs::create_dir_all(&tests).unwrap();
        fs::write(tests.join("kill.rs"), "fn nothing_runs_twice() {}").unwrap();
        fs::write(root.join("page.md"), "").unwrap();
        root
    }

    fn verdict(name: &str, fields: &str, passed: Option<&[&str]>) -> Option<String> {
        let line = format!("- {{\"id\": 1, \"wording\": [\"x\"], {fields}}}");
        let (capabilities, complaints) = parse(&line);
        assert_eq!(complaints, Vec::<String>::new());
        let root = tree(name);
        let verdict = judge(&capabilities[0], &root, passed);
        fs::remove_dir_all(root).unwrap();
        verdict
    }

    #[test]
    fn a_done_capability_needs_a_test_that_exists_and_passed_and_a_document() {
        let done = r#""status": "done", "test": "myrmex::kill::nothing_runs_twice", "document": "page.md""#;
        assert_eq!(verdict("a", done, Some(&["kill"])), None);
        assert_eq!(verdict("b", done, None), None);
        let unproven = verdict("c", done, Some(&["fmt"])).unwrap();
        assert!(unproven.contains("did not pass"), "{unproven}");
        for (name, wrong) in [
            ("d", r#""status": "done", "test": null, "document": "page.md""#),
            ("e", r#""status": "done", "test": "myrmex::kill", "document": null"#),
            ("f", r#""status": "done", "test": "myrmex::kill", "document": "missing.md""#),
            ("g", r#""status": "done", "test": "myrmex::missing", "document": "page.md""#),
            ("h", r#""status": "done", "test": "myrmex::kill::missing", "document": "page.md""#),
            ("i", r#""status": "done", "test": "kill", "document": "page.md""#),
        ] {
            assert!(verdict(name, wrong, Some(&["kill"])).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_planned_capability_with_a_test_fails() {
        assert!(
            verdict("j", r#""status": "planned", "test": "myrmex::kill", "document": null"#, None).is_some()
        );
        assert_eq!(verdict("k", r#""status": "planned", "test": null, "document": null"#, None), None);
    }

    #[test]
    fn an_unknown_status_an_unknown_key_and_loose_text_fail_with_their_line() {
        for line in [
            r#"- {"id": 1, "wording": ["x"], "status": "soon", "test": null, "document": null}"#,
            r#"- {"id": 1, "wording": ["x"], "status": "done", "test": null, "document": null, "note": 1}"#,
            "capabilities:",
        ] {
            let (_, complaints) = parse(&format!("# head\n\n{line}\n"));
            assert_eq!(complaints.len(), 1, "{line}");
            assert!(complaints[0].starts_with("line 3: "), "{complaints:?}");
        }
    }

    #[test]
    fn missing_ids_fail() {
        let line = |id| {
            format!(
                r#"- {{"id": {id}, "wording": ["x"], "status": "planned", "test": null, "document": null}}"#
            )
        };
        let text = |ids: Vec<usize>| ids.into_iter().map(line).collect::<Vec<_>>().join("\n");
        assert!(ids(&parse(&text((1..=CAPABILITIES).collect())).0).is_none());
        assert!(ids(&parse(&text((2..=CAPABILITIES).collect())).0).is_some());
        assert!(ids(&parse(&text((1..=CAPABILITIES).rev().collect())).0).is_some());
    }
}
