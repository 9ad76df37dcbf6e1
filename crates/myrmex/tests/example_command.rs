//! `myrmex example`: what is listed, what a copy holds, and that a run of an example is a run like any other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::fs;
use std::path::Path;

use said::{Said, Workspace};
use serde_json::json;

/// Runs a command whose temporary files lie in the workspace.
fn run(workspace: &Workspace, words: &[&str]) -> Said {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(words).current_dir(workspace.path()).env("NO_COLOR", "1").env("TMPDIR", workspace.path());
    Said::of(&mut command)
}

#[test]
fn examples_are_listed_with_what_they_are_about() {
    let workspace = Workspace::with(&[]);
    let listed = workspace.run(&["example", "list"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    assert!(listed.stdout.starts_with("hello            Hello: a first workflow\n"), "{}", listed.stdout);
    assert_eq!(listed.stdout.lines().count(), 17);
    let json = workspace.json(&["example", "list", "--json"]);
    assert_eq!(
        json["examples"][0],
        json!({
            "name": "hello", "title": "Hello: a first workflow", "workflow": "hello.yaml",
            "files": ["README.md", "hello.yaml"],
        })
    );
}

#[test]
fn a_copy_is_a_workspace_of_its_own_and_says_what_to_do_in_it() {
    let workspace = Workspace::with(&[("myrmex.yaml", "")]);
    let copied = workspace.run(&["example", "copy", "library", "mine"]);
    let expected = "\
created mine/README.md
created mine/reminders.yaml
created mine/invoice.yaml
created mine/actions/letters.yaml
next:
  cd mine
  myrmex run reminders.yaml
";
    assert_eq!((copied.code, copied.stdout.as_str(), copied.stderr.as_str()), (0, "", expected));
    let path = workspace.path().join("mine");
    let there = Said::of(
        std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"))
            .args(["run", "invoice", "-q"])
            .current_dir(&path),
    );
    assert_eq!(there.code, 0, "{}", there.stderr);
    assert!(path.join(".myrmex/store.db").exists() && !workspace.path().join(".myrmex").exists());
}

#[test]
fn nothing_is_overwritten() {
    let workspace = Workspace::with(&[]);
    let folder = workspace.path().join("hello");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("hello.yaml"), "mine").unwrap();
    for words in [["example", "copy", "hello"].as_slice(), &["example", "run", "hello", "hello"]] {
        let refused = workspace.run(words);
        assert_eq!(refused.code, 2);
        assert!(
            refused.stderr.contains("is there already, and nothing is overwritten"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(fs::read_to_string(folder.join("hello.yaml")).unwrap(), "mine");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn an_example_runs_in_a_folder_of_its_own_with_the_options_of_run() {
    let workspace = Workspace::with(&[]);
    let ran = run(&workspace, &["example", "run", "hello", "--", "-i", r#"names=["Alan"]"#]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "{\n  \"report\": \"Hello, Alan!\"\n}\n"),
        "{}",
        ran.stderr
    );
    let folder = ran.stderr.lines().find_map(|line| line.strip_prefix("the example lies in ")).unwrap();
    assert!(
        Path::new(folder).join(".myrmex/store.db").exists() && !workspace.path().join(".myrmex").exists()
    );
    let failed = run(&workspace, &["example", "run", "failure", "there", "--", "--json"]);
    assert_eq!((failed.code, failed.json()["status"].as_str()), (1, Some("failed")));
    assert!(workspace.path().join("there/.myrmex/store.db").exists());
    let wrong = run(&workspace, &["example", "run", "hello", "--", "--nope"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("--nope"), "{}", wrong.stderr);
}

#[test]
fn a_name_that_is_not_known_is_told_what_was_meant() {
    let workspace = Workspace::with(&[]);
    let unknown = workspace.run(&["example", "copy", "penguin"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `penguins`?"), "{}", unknown.stderr);
    let unknown = workspace.run(&["example", "copy", "whatever-it-is"]);
    assert!(unknown.stderr.contains("`myrmex example list` names all"), "{}", unknown.stderr);
}

#[test]
fn an_example_is_not_run_again_and_again() {
    let workspace = Workspace::with(&[]);
    let refused = run(&workspace, &["example", "run", "hello", "there", "--", "--watch"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(
        refused.stderr.starts_with("error[X0102]: an example is not run again and again")
            && refused.stderr.contains("`myrmex example copy hello`"),
        "{}",
        refused.stderr
    );
    assert!(!workspace.path().join("there").exists());
}

#[test]
fn an_example_that_is_a_project_is_started() {
    let workspace = Workspace::with(&[]);
    let copied = workspace.run(&["example", "copy", "release", "mine"]);
    assert!(
        copied.stderr.ends_with("next:\n  cd mine\n  myrmex project start release.yaml\n"),
        "{}",
        copied.stderr
    );
    let listed = workspace.json(&["example", "list", "--json"]);
    let release = listed["examples"].as_array().unwrap().iter().find(|own| own["name"] == "release").unwrap();
    assert_eq!((&release["project"], &release["workflow"]), (&json!("release.yaml"), &json!(null)));
    // Whoever is to begin is waited for.
    let started =
        run(&workspace, &["example", "run", "release", "other", "--", "--clock", "2027-03-01T08:00:00Z"]);
    assert_eq!(started.code, 3, "{}", started.stderr);
    assert!(started.stderr.contains("Agree what is in it"), "{}", started.stderr);
}
