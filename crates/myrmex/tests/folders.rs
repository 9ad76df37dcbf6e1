//! Files that are not named: `check` and `fmt` of a folder, and of the workspace.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

#[path = "support/said.rs"]
mod said;

use said::Workspace;

const GOOD: &str = "workflow: good\ntasks:\n  a:\n    run: x\n    timeout: 1m\n";
const BAD: &str = "workflow: bad\ntasks: {a: {rum: x}}\n";

fn workspace(files: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::with(&[]);
    for (name, text) in files {
        let path = workspace.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    workspace
}

/// Returns the files in which something was found.
fn files(workspace: &Workspace, arguments: &[&str]) -> Vec<String> {
    let document = workspace.json(&[&["check", "--format", "json"], arguments].concat());
    let found = document["diagnostics"].as_array().unwrap().iter();
    found.map(|problem| problem["file"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn check_without_files_checks_the_workspace() {
    let workspace = workspace(&[
        ("myrmex.yaml", "pools: {db: none}\n"),
        ("good.yaml", GOOD),
        ("docker-compose.yaml", "services: {web: {image: nginx}}\n"),
        ("workflows/bad.yaml", BAD),
        ("actions/tools.yaml", "actions:\n  act: {rum: x}\n"),
        ("deploy/bad.yaml", BAD),
    ]);
    let mut found = files(&workspace, &[]);
    found.dedup();
    assert_eq!(found, ["myrmex.yaml", "actions/tools.yaml", "workflows/bad.yaml"]);
    assert_eq!(workspace.run(&["check"]).code, 2);
    let mut found = files(&workspace, &["deploy"]);
    found.dedup();
    assert_eq!(found, ["deploy/bad.yaml", "myrmex.yaml"]);
}

#[test]
fn check_in_a_folder_of_the_workspace_means_the_whole_of_it() {
    let workspace = workspace(&[("myrmex.yaml", ""), ("good.yaml", GOOD), ("inner/notes.txt", "x")]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.arg("check").current_dir(workspace.path().join("inner"));
    let said = said::Said::of(&mut command);
    assert_eq!((said.code, said.stderr.as_str()), (0, "2 files without errors, 1 task\n"));
}

#[test]
fn fmt_takes_folders_too() {
    let loose = "workflow:   good\ntasks:\n    a: {run: x, timeout: 1m}\n";
    let other = "services:   {}\n";
    let workspace =
        workspace(&[("good.yaml", loose), ("compose.yaml", other), ("workflows/kid.yaml", loose)]);
    let said = workspace.run(&["fmt", "--check"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, "good.yaml\nworkflows/kid.yaml\n"));
    assert_eq!(workspace.run(&["fmt", "."]).code, 0);
    assert_eq!(workspace.run(&["fmt", "--check", "."]).code, 0);
    assert_eq!(fs::read_to_string(workspace.path().join("compose.yaml")).unwrap(), other);
}

#[test]
fn a_folder_with_nothing_in_it_is_told() {
    let workspace = workspace(&[("compose.yaml", "services: {}\n")]);
    for command in ["check", "fmt"] {
        let said = workspace.run(&[command]);
        let expected = "error[E0001]: the file cannot be read: it is a folder\n--> .\n\
                        hint: no workflow and no library is in it: a workflow says `workflow: NAME` in its first line, \
                        libraries lie in `actions/`\n\n";
        assert_eq!(said.code, 2);
        assert!(said.stderr.starts_with(expected), "{}", said.stderr);
    }
}

#[test]
fn check_of_any_file_tells_what_is_wrong_with_the_settings() {
    let workspace = workspace(&[("myrmex.yaml", "pols: {db: 2}\n"), ("good.yaml", GOOD)]);
    assert_eq!(files(&workspace, &["good.yaml"]), ["myrmex.yaml"]);
    let said = workspace.run(&["check", "good.yaml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("unknown key `pols`"), "{}", said.stderr);
    // Named twice it is told once.
    assert_eq!(files(&workspace, &["good.yaml", "./myrmex.yaml"]), ["./myrmex.yaml"]);
}

#[test]
fn a_name_that_several_files_bear_starts_nothing() {
    let named = |name: &str| GOOD.replace("good", name);
    let workspace = workspace(&[
        ("one.yaml", &named("deploy")),
        ("two.yaml", &named("deploy")),
        ("workflows/deploy.yaml", &named("other")),
        ("alone.yaml", &named("single")),
        ("old.yaml", &named("both")),
        ("both.yaml", &named("both")),
    ]);
    let said = workspace.run(&["run", "deploy"]);
    let expected = "error[E0602]: several files are called `deploy`\n--> deploy\n\
                    hint: give the path of one of them: `workflows/deploy.yaml`, `one.yaml`, `two.yaml`\n\n";
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
    assert!(!workspace.path().join(".myrmex").exists(), "nothing was begun");
    for name in ["single", "both"] {
        let said = workspace.run(&["run", "-q", name]);
        assert!(said.stderr.contains("`a`"), "{}", said.stderr);
    }
}
