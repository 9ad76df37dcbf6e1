//! What somebody meets in the first hours: what is missing and where it was looked for, secrets that nobody gave, runs that were
//! cut off. Whole outputs of the command.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;

/// A workspace with files in folders.
fn workspace(files: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::with(&[("myrmex.yaml", "")]);
    for (name, text) in files {
        let path = workspace.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    workspace
}

const TOOLS: &str = "actions:\n  greet: {version: 1.0.0, run: echo hello, timeout: 1m}\n";

const CALLS: &str = "workflow: main\ntasks:\n  a: {workflow: deplyo}\n  b: {workflow: nothing-like-it}\n  \
                     c: {workflow: ship}\n";

#[test]
fn a_workflow_that_is_not_found_is_told_with_where_it_was_looked_for() {
    let kid = "workflow: deploy\ntasks: {a: {set: 1}}\n";
    let other = "workflow: release\ntasks: {a: {set: 1}}\n";
    let files = [("main.yaml", CALLS), ("workflows/deploy.yaml", kid), ("workflows/ship.yaml", other)];
    let shown = workspace(&files).run(&["check", "main.yaml"]);
    let expected = "\
error[E0601]: there is no workflow `deplyo`: no file in `.` or in `workflows` begins with `workflow: deplyo`
 --> main.yaml:3:17
  |
3 |   a: {workflow: deplyo}
  |                 ^^^^^^
hint: did you mean `deploy`?

error[E0601]: there is no workflow `nothing-like-it`: no file in `.` or in `workflows` begins with `workflow: nothing-like-it`
 --> main.yaml:4:17
  |
4 |   b: {workflow: nothing-like-it}
  |                 ^^^^^^^^^^^^^^^
hint: put its file there, such as `workflows/nothing-like-it.yaml`

error[E0601]: there is no workflow `ship`: no file in `.` or in `workflows` begins with `workflow: ship`
 --> main.yaml:5:17
  |
5 |   c: {workflow: ship}
  |                 ^^^^
hint: did you mean `release`, as `workflows/ship.yaml` calls it?

3 errors
";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
}

#[test]
fn a_file_elsewhere_is_told_the_folders_in_full() {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("main.yaml");
    std::fs::write(&file, "workflow: main\ntasks:\n  a: {workflow: kid}\n  b: {use: tools/greet@1}\n")
        .unwrap();
    let workspace = workspace(&[]);
    let shown = workspace.run(&["check", file.to_str().unwrap()]);
    let (outside, root) = (outside.path().display(), workspace.path().display());
    let root = root.to_string();
    assert!(
        shown
            .stderr
            .contains(&format!("no file in `{outside}` or in `workflows` begins with `workflow: kid`")),
        "{}",
        shown.stderr
    );
    let below = workspace.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let shown = said::Said::of(
        std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"))
            .args(["check"])
            .arg(&file)
            .current_dir(below),
    );
    assert!(shown.stderr.contains(&format!("no file `tools.yaml` in `{root}/actions`")), "{}", shown.stderr);
}

#[test]
fn a_library_or_an_action_that_is_not_found_is_told_with_where_it_was_looked_for() {
    let uses = "workflow: main\ntasks:\n  a: {use: toolz/greet@1}\n  b: {use: nothing-like-it/run@1}\n  \
                c: {use: tools/great@1}\n  d: {use: tools/unlike@1}\n";
    let shown = workspace(&[("main.yaml", uses), ("actions/tools.yaml", TOOLS)]).run(&["check", "main.yaml"]);
    let expected = "\
error[E0609]: there is no library `toolz`: no file `toolz.yaml` in `actions`
 --> main.yaml:3:12
  |
3 |   a: {use: toolz/greet@1}
  |            ^^^^^^^^^^^^^
hint: did you mean `tools`?

error[E0609]: there is no library `nothing-like-it`: no file `nothing-like-it.yaml` in `actions`
 --> main.yaml:4:12
  |
4 |   b: {use: nothing-like-it/run@1}
  |            ^^^^^^^^^^^^^^^^^^^^^
hint: write `run` under `actions:` of `actions/nothing-like-it.yaml`

error[E0609]: the library `tools`, the file `actions/tools.yaml`, has no action `great`
 --> main.yaml:5:12
  |
5 |   c: {use: tools/great@1}
  |            ^^^^^^^^^^^^^
hint: did you mean `greet`?

error[E0609]: the library `tools`, the file `actions/tools.yaml`, has no action `unlike`
 --> main.yaml:6:12
  |
6 |   d: {use: tools/unlike@1}
  |            ^^^^^^^^^^^^^^
hint: use one that it has: `greet`

4 errors
";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
}
