//! `myrmex new`: what it writes passes the checks and runs, and nothing that lies there is overwritten.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use said::{Said, Workspace};
use serde_json::json;

fn myrmex(folder: &Path, words: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    Said::of(command.args(words).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null()))
}

/// What is in the workspace passes all checks.
fn passes(folder: &Path) {
    let checked = myrmex(folder, &["check", "--format", "json"]);
    assert_eq!(checked.json(), json!({"diagnostics": []}));
    let formatted = myrmex(folder, &["fmt", "--check"]);
    assert_eq!(formatted.code, 0, "{}{}", formatted.stdout, formatted.stderr);
}

#[test]
fn a_project_is_checked_formatted_and_runs() {
    let workspace = Workspace::with(&[]);
    let made = workspace.run(&["new", "project", "shop"]);
    let expected = "\
created shop/myrmex.yaml
created shop/workflows/hello.yaml
created shop/.gitignore
next:
  cd shop
  myrmex check
  myrmex run hello
  myrmex graph hello
";
    assert_eq!((made.code, made.stdout.as_str(), made.stderr.as_str()), (0, "", expected));
    let shop = workspace.path().join("shop");
    passes(&shop);
    for line in expected.lines().skip(5).filter_map(|line| line.strip_prefix("  myrmex ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let said = myrmex(&shop, &words);
        assert_eq!(said.code, 0, "{line}: {}", said.stderr);
    }
    let output = myrmex(&shop, &["run", "hello", "-i", "name=Ada"]);
    assert_eq!(output.stdout, "{\n  \"report\": \"Hello, Ada! 3 letters.\"\n}\n");
    let ignored = fs::read_to_string(shop.join(".gitignore")).unwrap();
    assert_eq!(ignored, ".myrmex/\n");
}

#[test]
fn a_project_in_a_folder_with_files_adds_to_them_and_overwrites_none() {
    let workspace = Workspace::with(&[(".gitignore", "target/")]);
    let made = workspace.json(&["new", "project", "--json"]);
    assert_eq!(
        made,
        json!({
            "created": ["myrmex.yaml", "workflows/hello.yaml"],
            "changed": [".gitignore"],
            "next": ["myrmex check", "myrmex run hello", "myrmex graph hello"],
        })
    );
    let ignored = || fs::read_to_string(workspace.path().join(".gitignore")).unwrap();
    assert_eq!(ignored(), "target/\n.myrmex/\n");
    fs::remove_file(workspace.path().join("myrmex.yaml")).unwrap();
    fs::write(workspace.path().join("workflows/hello.yaml"), "mine").unwrap();
    let refused = workspace.run(&["new", "project"]);
    let expected = "error[X0101]: `workflows/hello.yaml` is there already, and nothing is overwritten\n\
                    hint: choose another name, or remove what lies there\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (2, expected));
    assert!(!workspace.path().join("myrmex.yaml").exists(), "nothing at all is written");
    assert_eq!(ignored(), "target/\n.myrmex/\n");
}

#[test]
fn a_workflow_of_every_shape_is_checked_formatted_and_runs() {
    let workspace = Workspace::with(&[("myrmex.yaml", "pools: {}\n")]);
    for shape in ["graph", "sequence", "each", "guarded"] {
        let name = format!("{shape}-one");
        let made = workspace.run(&["new", "workflow", &name, "--shape", shape]);
        let expected = format!(
            "created workflows/{name}.yaml\nnext:\n  myrmex check workflows/{name}.yaml\n  myrmex run {name}\n  myrmex graph {name}\n"
        );
        assert_eq!((made.code, made.stderr), (0, expected));
        let ran = workspace.run(&["run", &name, "-q"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    }
    passes(workspace.path());
}

#[test]
fn a_workflow_outside_of_a_project_lies_where_one_stands() {
    let workspace = Workspace::with(&[]);
    let made = workspace.json(&["new", "workflow", "mine", "--json"]);
    assert_eq!(made["created"], json!(["mine.yaml"]));
    let again = workspace.run(&["new", "workflow", "mine"]);
    assert_eq!(
        (again.code, again.stderr.contains("there is a workflow `mine` already, in `mine.yaml`")),
        (2, true)
    );
    fs::write(workspace.path().join("other.yaml"), "").unwrap();
    let taken = workspace.run(&["new", "workflow", "other"]);
    assert_eq!((taken.code, taken.stderr.contains("`other.yaml` is there already")), (2, true));
    let wrong = workspace.run(&["new", "workflow", "a b"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn from_a_folder_below_a_workflow_lies_where_it_is_found_by_its_name() {
    let workspace = Workspace::with(&[("count.yaml", "workflow: count\ntasks: {a: {set: {n: 1}}}\n")]);
    assert_eq!(workspace.run(&["run", "count", "-q"]).code, 0);
    let below = workspace.path().join("below");
    fs::create_dir(&below).unwrap();
    assert_eq!(myrmex(&below, &["new", "workflow", "mine"]).code, 0);
    assert!(workspace.path().join("mine.yaml").exists());
    assert_eq!(myrmex(&below, &["run", "mine", "-q"]).code, 0);
}

#[test]
fn an_example_is_copied() {
    let workspace = Workspace::with(&[]);
    let made = workspace.json(&["new", "example", "catch", "--json"]);
    assert_eq!(made["created"], json!(["catch/README.md", "catch/catch.yaml"]));
    passes(&workspace.path().join("catch"));
}

#[test]
fn without_a_terminal_nothing_is_asked_and_what_is_missing_is_named() {
    let workspace = Workspace::with(&[]);
    for (words, missing) in [
        (["new"].as_slice(), "`project`, `workflow` or `example`"),
        (&["new", "workflow"], "`myrmex new workflow NAME`"),
        (&["new", "example"], "`myrmex example list` shows all"),
    ] {
        let refused = myrmex(workspace.path(), words);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains(missing), "{}", refused.stderr);
    }
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 0);
}

#[test]
fn who_agrees_to_all_gets_a_project_and_still_has_to_name_a_workflow() {
    let workspace = Workspace::with(&[]);
    let refused = myrmex(workspace.path(), &["new", "workflow", "--yes"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("`myrmex new workflow NAME`"), "{}", refused.stderr);
    let made = myrmex(workspace.path(), &["new", "--yes"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    passes(workspace.path());
}

#[test]
fn a_folder_that_is_no_text_is_reported() {
    use std::os::unix::ffi::OsStrExt;
    let workspace = Workspace::with(&[]);
    let folder = std::ffi::OsStr::from_bytes(b"p\xff");
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["new", "project"]).arg(folder).arg("--json").current_dir(workspace.path());
    let made = Said::of(&mut command);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(made.json()["created"][0], "p\u{fffd}/myrmex.yaml");
    assert!(workspace.path().join(folder).join("myrmex.yaml").is_file());
}
