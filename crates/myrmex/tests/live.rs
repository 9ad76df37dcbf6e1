//! A run as people see it on a real terminal, and what a pipe gets instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::io::Read;
use std::process::{Command, Stdio};

use said::Workspace;

/// `hold` runs until somebody writes a line into `go`.
const WORKFLOW: &str = "workflow: w
defaults: {timeout: 1m}
tasks:
  copy:
    for_each: ['a', 'b', 'c']
    as: letter
    run: 'true'
  hold: {run: 'read -r line <go'}
  next: {needs: [hold], run: 'true'}
";

/// Runs `w.yaml` on a terminal. Once `until` is there, `hold` may end. Returns all that was shown.
fn on_a_terminal(workspace: &Workspace, environment: &[(&str, &str)], until: &str) -> String {
    let variables =
        environment.iter().map(|(name, value)| format!("{name}={value} ")).collect::<Vec<_>>().concat();
    told(workspace, &format!("{variables}{} run w.yaml", env!("CARGO_BIN_EXE_myrmex")), until, &go)
}

/// Lets `hold` end.
fn go(workspace: &Workspace) {
    std::fs::write(workspace.path().join("go"), "go\n").unwrap();
}

/// Runs a command on a terminal that `script` makes, acts once `until` was shown, and returns all that was.
fn told(workspace: &Workspace, command: &str, until: &str, act: &dyn Fn(&Workspace)) -> String {
    let go = workspace.path().join("go");
    if !go.exists() {
        assert!(Command::new("mkfifo").arg(&go).status().unwrap().success());
    }
    let mut script = Command::new("script")
        .args(["-qfc", command, "/dev/null"])
        .current_dir(workspace.path())
        .env_remove("CI")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut shown, mut piece, mut is_told) = (String::new(), [0; 4_096], false);
    let mut output = script.stdout.take().unwrap();
    loop {
        let length = output.read(&mut piece).unwrap();
        if length == 0 {
            break;
        }
        shown.push_str(&String::from_utf8_lossy(&piece[..length]));
        if !is_told && shown.contains(until) {
            is_told = true;
            act(workspace);
        }
    }
    script.wait().unwrap();
    assert!(is_told, "{shown}");
    shown
}

/// Removes what colours a text.
fn plain(text: &str) -> String {
    regex_lite::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}

#[test]
fn a_terminal_shows_what_runs_and_only_counts_what_is_done_inside_others() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    let shown = on_a_terminal(&workspace, &[], "4 of 6 ended, 1 running");
    assert!(shown.contains("\x1b[36mruns \x1b[0m"), "it has colours: {shown}");
    let shown = plain(&shown);
    assert!(shown.contains("  hold  runs   "), "{shown}");
    assert!(shown.contains(" succeeded  copy  ") && shown.contains("(3 inside)"), "{shown}");
    assert!(!shown.contains("copy[0]  1") && !shown.contains("succeeded  copy["), "{shown}");
    let end = shown.rsplit('\u{1b}').next().unwrap();
    assert!(!end.contains("ended,"), "nothing of the tree is left: {shown}");
}

#[test]
fn a_run_whose_like_is_known_says_how_long_it_will_take() {
    let slow = WORKFLOW.replace("'true'}\n", "'true'}\n  slow: {needs: [hold], run: 'true'}\n");
    let workspace = Workspace::with(&[("w.yaml", &slow), ("go", "go\n")]);
    assert_eq!(workspace.run(&["run", "w.yaml"]).code, 0);
    std::fs::remove_file(workspace.path().join("go")).unwrap();
    // Tasks that have not begun are still to come, however short they are.
    let shown = on_a_terminal(&workspace, &[], " left");
    assert!(plain(&shown).contains("4 of 7 ended, 1 running, about 0 s left"), "{shown}");
}

#[test]
fn an_interrupt_takes_the_tree_away() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    let stop = |workspace: &Workspace| {
        let path = workspace.path().join("pid");
        let pid = std::fs::read_to_string(path).unwrap();
        assert!(Command::new("kill").args(["-INT", pid.trim()]).status().unwrap().success());
    };
    let command = format!("echo $$ >pid; exec {} run w.yaml", env!("CARGO_BIN_EXE_myrmex"));
    let shown = told(&workspace, &command, "4 of 6 ended, 1 running", &stop);
    let (_, after) = shown.split_once("stopping what runs").unwrap();
    assert!(
        !after.contains("ended,") && !after.contains("waits") && !after.contains("hold  runs"),
        "{shown}"
    );
    assert!(plain(after).trim_end().ends_with("goes on where it stopped"), "{shown}");
    // What had ended before is known to the one that goes on.
    let command = format!("{} runs resume --all", env!("CARGO_BIN_EXE_myrmex"));
    let shown = told(&workspace, &command, "4 of 6 ended, 1 running", &go);
    assert!(plain(&shown).contains("(5 succeeded") || plain(&shown).contains("succeeded in"), "{shown}");
}

#[test]
fn no_color_leaves_words() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    let shown = on_a_terminal(&workspace, &[("NO_COLOR", "1")], "4 of 6 ended, 1 running");
    assert!(shown.contains("  hold  runs   "), "{shown}");
    assert_eq!(plain(&shown), shown, "nothing has a colour");
}

#[test]
fn a_terminal_that_nobody_watches_gets_plain_lines() {
    for environment in [("CI", "true"), ("TERM", "dumb")] {
        let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
        let shown = on_a_terminal(&workspace, &[environment], "  copy  ");
        let shown = plain(&shown);
        assert!(shown.contains(" succeeded  copy[0]  "), "{shown}");
        assert!(!shown.contains("\x1b[") && !shown.contains("1 running"), "{environment:?}: {shown}");
    }
}

#[test]
fn a_pipe_gets_a_line_for_each_task() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW), ("go", "go\n")]);
    let said = workspace.run(&["run", "w.yaml"]);
    assert_eq!(said.code, 0);
    assert_eq!(said.stderr.matches(" succeeded  ").count(), 6, "{}", said.stderr);
    assert!(!said.stderr.contains('\x1b'));
}
