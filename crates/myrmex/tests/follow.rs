//! `myrmex runs logs --follow`: beside a process that runs, after it, and after it died.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use said::{Said, Workspace};

/// `a` prints a line, and another one once there is a file `go`; so does `b`, which is inside a block, and then all ends.
const TALK: &str = "\
workflow: talk
defaults: {timeout: 20m}
tasks:
  a: {run: 'echo one; printf half; until test -e go; do sleep 0.02; done; echo; echo two >&2'}
  block: {do: [b: {run: 'echo three'}]}
  last: {needs: [a, block], run: 'until test -e stop; do sleep 0.02; done; echo four'}
";

fn workspace() -> Workspace {
    Workspace::with(&[("myrmex.yaml", ""), ("talk.yaml", TALK)])
}

fn spawn(workspace: &Workspace, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(arguments).current_dir(workspace.path()).env("NO_COLOR", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Begins a run and returns its id, once it has one.
fn begin(workspace: &Workspace) -> (Child, String) {
    let mut child = spawn(workspace, &["run", "talk", "--json", "--slots", "3"]);
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    let event: serde_json::Value = serde_json::from_str(&first).unwrap();
    (child, event["run"].as_str().unwrap().to_owned())
}

fn allow(workspace: &Workspace, name: &str) {
    std::fs::write(workspace.path().join(name), "").unwrap();
}

/// What a process printed so far and goes on printing.
struct Printed(BufReader<ChildStdout>);

impl Printed {
    fn of(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().unwrap()))
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines: Vec<String> = (0..count)
            .map(|_| {
                let mut line = String::new();
                self.0.read_line(&mut line).unwrap();
                line
            })
            .collect();
        lines.sort_unstable();
        lines
    }

    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

#[test]
fn what_tasks_print_is_printed_while_they_do() {
    let workspace = workspace();
    let (mut running, run) = begin(&workspace);
    let mut all = spawn(&workspace, &["runs", "logs", &run, "-f"]);
    let mut one = spawn(&workspace, &["runs", "logs", &run, "-f", "--task", "a"]);
    let mut two = spawn(&workspace, &["runs", "logs", &run, "--follow", "--task", "a", "--task", "block"]);
    let (mut printed, alone, both) = (Printed::of(&mut all), Printed::of(&mut one), Printed::of(&mut two));
    assert_eq!(printed.lines(2), ["a | one\n", "block/b | three\n"]);
    allow(&workspace, "go");
    assert_eq!(printed.lines(2), ["a | half\n", "a | two\n"]);
    // What follows tasks ends with them, and what follows the run goes on.
    assert_eq!(alone.rest(), "one\nhalf\ntwo\n");
    let both = both.rest();
    let mut both: Vec<&str> = both.lines().collect();
    both.sort_unstable();
    assert_eq!(both, ["a | half", "a | one", "a | two", "block/b | three"]);
    assert!(one.wait().unwrap().success() && two.wait().unwrap().success());
    allow(&workspace, "stop");
    assert_eq!(printed.rest(), "last | four\n");
    assert!(all.wait().unwrap().success() && running.wait().unwrap().success());

    // After the end it is what is printed without following, at once.
    let plain = workspace.run(&["runs", "logs", &run]).stdout;
    assert_eq!(workspace.run(&["runs", "logs", &run, "-f"]).stdout, plain);
    let Said { code, stdout, stderr } = workspace.run(&["runs", "logs", &run, "-f"]);
    assert_eq!((code, stderr.as_str(), stdout.lines().count()), (0, "", 5));
    let lines = workspace.run(&["runs", "logs", &run, "-f", "--json", "--task", "last"]).stdout;
    let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&line["text"], &line["task"]), (&"four\n".into(), &"last".into()));
    let said = workspace.run(&["runs", "logs", &run, "-f", "--task", "none"]);
    assert!(said.code == 2 && said.stderr.contains("has no task `none`"), "{}", said.stderr);
}

#[test]
fn a_task_inside_of_a_block_is_followed_until_the_block_has_ended() {
    const AGAIN: &str = "\
workflow: talk
defaults: {timeout: 20m}
tasks:
  block: {retry: {attempts: 2, delay: 0s}, do: [
    inner: {run: 'echo inner'},
    outer: {run: 'until test -e go; do sleep 0.02; done; test -e second || { touch second; exit 1; }'}]}
  last: {needs: block, run: 'until test -e stop; do sleep 0.02; done'}
";
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("talk.yaml", AGAIN)]);
    let (mut running, run) = begin(&workspace);
    let mut following = spawn(&workspace, &["runs", "logs", &run, "-f", "--task", "block/inner"]);
    let mut printed = Printed::of(&mut following);
    assert_eq!(printed.lines(1), ["inner\n"]);
    allow(&workspace, "go");
    // The run goes on, and the block is over.
    assert_eq!(printed.rest(), "inner\n");
    assert!(following.wait().unwrap().success());
    allow(&workspace, "stop");
    assert!(running.wait().unwrap().success());
}

#[test]
fn the_death_of_the_process_ends_it() {
    let workspace = workspace();
    let (mut running, run) = begin(&workspace);
    let mut following = spawn(&workspace, &["runs", "logs", &run, "-f"]);
    let mut printed = Printed::of(&mut following);
    printed.lines(2);
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(printed.rest(), "a | half\n");
    let mut said = String::new();
    following.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, format!("run {0} was interrupted: `myrmex runs resume {0}` goes on\n", &run[..13]));
    assert!(following.wait().unwrap().success());
}
