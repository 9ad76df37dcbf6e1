//! The end of a run in which several tasks failed, as a person reads it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;

use insta::assert_snapshot;

/// Runs a workflow of this text, one task at a time; shows what stands below the line with the end of the run.
fn end_of(workflow: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.yaml"), workflow).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "--slots", "1", "w.yaml"]).current_dir(folder.path()).env("NO_COLOR", "1");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let mut lines = text.lines().skip_while(|line| !(line.starts_with("run ") && line.contains(" in ")));
    let run = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let below: Vec<&str> = lines.collect();
    format!("exit {}\n{}\n", output.status.code().unwrap(), below.join("\n").replace(&run, "RUN"))
}

#[test]
fn every_task_that_failed_is_told_once_and_nothing_that_was_caught() {
    let workflow = "
workflow: many
tasks:
  first: {run: 'echo no such part >&2; exit 3'}
  second: {run: 'echo first; echo quota exceeded >&2; exit 4'}
  block: {tasks: {inside: {run: exit 5}, fine: {set: {n: 1}}}}
  caught: {try: {run: exit 6}, catch: {set: {n: 1}}}
  tolerated: {for_each: [0, 1], min_success: 1, run: 'exit $N', env: {N: '${{ item }}'}}
  accepted: {run: exit 7, continue_on_error: true}
  skipped: {needs: [first, second], run: 'true'}
  slow: {run: sleep 60, timeout: 10ms}
";
    assert_snapshot!(end_of(workflow.trim_start()), @r"
    exit 1
    error: `first`: exit code 3 (runtime)
      no such part
    hint: `myrmex runs logs RUN --task 'first'` prints what it printed
    error: `second`: exit code 4 (runtime)
      quota exceeded
    error: `block/inside`: exit code 5 (runtime)
    error: `slow`: timed out after 10ms (timeout)
      it was ended by SIGTERM
    ");
}

#[test]
fn of_many_the_first_are_told() {
    let workflow = "
workflow: many
tasks:
  items: {for_each: 12, run: 'exit $N', env: {N: '${{ item + 20 }}'}}
";
    assert_snapshot!(end_of(workflow.trim_start()), @r"
    exit 1
    error: `items[0]`: exit code 20 (runtime)
    error: `items[1]`: exit code 21 (runtime)
    error: `items[2]`: exit code 22 (runtime)
    error: `items[3]`: exit code 23 (runtime)
    error: `items[4]`: exit code 24 (runtime)
    error: `items[5]`: exit code 25 (runtime)
    error: `items[6]`: exit code 26 (runtime)
    error: `items[7]`: exit code 27 (runtime)
    error: `items[8]`: exit code 28 (runtime)
    error: `items[9]`: exit code 29 (runtime)
    and 2 more; `myrmex runs show RUN` lists all tasks
    ");
}

#[test]
fn one_is_told_as_ever() {
    let workflow = "
workflow: one
tasks:
  only: {run: exit 3}
  block: {needs: {only: failed}, tasks: {inside: {set: {n: 1}}}}
";
    assert_snapshot!(end_of(workflow.trim_start()), @r"
    exit 1
    error: `only`: exit code 3 (runtime)
    ");
}
