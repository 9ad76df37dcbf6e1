//! What somebody is told who asks for what is not there, and the file that is given on standard input: whole outputs.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::Write;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use tempfile::TempDir;

const HELLO: &str = "workflow: hello\ntasks: {a: {set: {n: 1}}}\noutputs: '${{ tasks.a.output.n }}'\n";

/// A workspace with these files.
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".myrmex")).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Runs the program; shows its exit code, standard output and standard error.
fn run(folder: &TempDir, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(arguments).current_dir(folder.path()).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads no input may have ended already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    format!("exit {}\n--- stdout\n{stdout}--- stderr\n{stderr}", output.status.code().unwrap_or(-1))
}

#[test]
fn a_command_that_stands_elsewhere_is_named() {
    let folder = workspace(&[]);
    assert_snapshot!(run(&folder, &["retry", "01a2"], ""), @r"
    exit 2
    --- stdout
    --- stderr
    error: unrecognized subcommand 'retry'

      tip: did you mean `myrmex runs retry`?

    Usage: myrmex [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    for (given, meant) in [
        ("list", "runs list"),
        ("logs", "runs logs"),
        ("show", "runs show"),
        ("cancel", "runs cancel"),
        ("resume", "runs resume"),
        ("artifacts", "runs artifacts"),
        ("ls", "runs list"),
        ("lint", "check"),
        ("runs run", "run"),
        ("runs rerun", "runs retry"),
    ] {
        let shown = run(&folder, &given.split(' ').collect::<Vec<_>>(), "");
        assert!(shown.contains(&format!("tip: did you mean `myrmex {meant}`?\n")), "{given}: {shown}");
    }
    let shown = run(&folder, &["status"], "");
    assert!(shown.contains("tip: did you mean `myrmex runs show` or `myrmex project status`?\n"), "{shown}");
    assert!(!run(&folder, &["frobnicate"], "").contains("tip:"));
}

#[test]
fn a_file_that_is_not_there_is_told_with_the_one_that_is() {
    let folder = workspace(&[("hello.yaml", HELLO), ("workflows/release.yaml", HELLO)]);
    assert_snapshot!(run(&folder, &["run", "helo.yaml"], ""), @r"
    exit 2
    --- stdout
    --- stderr
    error[E0001]: there is no workflow `helo.yaml`
    --> helo.yaml
    hint: did you mean `hello.yaml`?
    ");
    let hint = |workflow: &str| {
        let shown = run(&folder, &["run", workflow], "");
        shown.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default().to_owned()
    };
    assert_eq!(hint("helo"), "did you mean `hello.yaml`?");
    assert_eq!(hint("hello.yml"), "did you mean `hello.yaml`?");
    assert_eq!(hint("relese"), "did you mean `workflows/release.yaml`?");
    assert!(hint("nothing-like-it").starts_with("looked for "));
}

#[test]
fn a_workflow_is_read_from_standard_input() {
    let folder = workspace(&[]);
    assert_snapshot!(run(&folder, &["check", "-"], HELLO), @r"
    exit 0
    --- stdout
    --- stderr
    1 file without errors, 1 task
    ");
    assert_snapshot!(run(&folder, &["check", "-"], "workflow: w\n"), @r"
    exit 2
    --- stdout
    --- stderr
    error[E0205]: the workflow has no body
     --> <stdin>:1:1
      |
    1 | workflow: w
      | ^^^^^^^^
    hint: add `tasks:` or `do:`
    ");
    assert_snapshot!(run(&folder, &["run", "--quiet", "-"], HELLO), @r"
    exit 0
    --- stdout
    --- stderr
    ");
    assert_snapshot!(run(&folder, &["run", "-", "--input-file", "-"], HELLO), @r"
    exit 2
    --- stdout
    --- stderr
    error[X0102]: standard input holds either the workflow or its inputs, not both
    ");
    // As a file it always worked.
    assert!(run(&folder, &["check", "/dev/stdin"], HELLO).starts_with("exit 0"));
}

#[test]
fn a_word_is_explained_by_the_codes_that_are_about_it() {
    let folder = workspace(&[]);
    assert_snapshot!(run(&folder, &["explain", "Cycle"], ""), @r"
    exit 0
    --- stdout
    E0207  a dependency cycle between tasks
    --- stderr
    ");
    assert_snapshot!(run(&folder, &["explain", "deadlock"], ""), @r"
    exit 0
    --- stdout
    error type flow/deadlock: a run that would wait for ever: those that hold its place wait for it
    --- stderr
    ");
    assert_snapshot!(run(&folder, &["explain", "deadlock", "--json"], ""), @r#"
    exit 0
    --- stdout
    {
      "codes": [],
      "types": [
        {
          "type": "flow/deadlock",
          "title": "a run that would wait for ever: those that hold its place wait for it"
        }
      ]
    }
    --- stderr
    "#);
    assert_snapshot!(run(&folder, &["explain", "xyzzy"], ""), @r"
    exit 2
    --- stdout
    --- stderr
    error: invalid value 'xyzzy' for '[CODE]': no code is about `xyzzy`; without one, `explain` lists them all

    For more information, try '--help'.
    ");
    let shown = run(&folder, &["explain", "flow"], "");
    assert_eq!(shown.matches("error type flow/").count(), 6, "{shown}");
}
