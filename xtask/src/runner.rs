//! Runs suites one after the other and keeps the time: `cargo xtask quick` and `cargo xtask test`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::suites::{SUITES, Suite, Work, slow_targets};
use crate::tools::{self, Tool};
use crate::workspace::Workspace;
use crate::{process, registry};

/// The C compiler builds the embedded `SQLite`.
const TOOLS: &[Tool] = &[Tool { program: "cc", package: "gcc" }, Tool { program: "git", package: "git" }];

/// How one suite ended.
struct Ended {
    suite: &'static Suite,
    took: Duration,
    failure: Option<Failure>,
}

/// Runs the fast suites.
pub(crate) fn quick(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::new(format!("`quick` takes no argument, found `{word}`")));
    }
    run(workspace, SUITES.iter().filter(|suite| suite.is_quick).collect())
}

/// Runs every suite, or the named ones.
pub(crate) fn test(workspace: &Workspace, names: &[&str]) -> Result<ExitCode, Failure> {
    if let Some(unknown) = names.iter().find(|name| SUITES.iter().all(|suite| suite.name != **name)) {
        let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(Failure::new(format!("unknown suite `{unknown}`; the suites are {}", known.join(", "))));
    }
    run(workspace, SUITES.iter().filter(|suite| names.is_empty() || names.contains(&suite.name)).collect())
}

fn run(workspace: &Workspace, suites: Vec<&'static Suite>) -> Result<ExitCode, Failure> {
    tools::ensure(TOOLS)?;
    let is_complete = suites.len() == SUITES.len();
    let mut ended: Vec<Ended> = Vec::new();
    for suite in suites {
        println!("\n== {} (budget {} min)", suite.name, suite.budget_minutes);
        let started = Instant::now();
        let passed = ended.iter().filter(|e| e.failure.is_none()).map(|e| e.suite.name);
        let passed: Option<Vec<&str>> = is_complete.then(|| passed.collect());
        let result = act(workspace, suite, passed.as_deref());
        let took = started.elapsed();
        let failure = result.and_then(|()| in_time(suite, took)).err();
        match &failure {
            Some(failure) => {
                println!("-- {} failed after {:.1} s: {failure}", suite.name, took.as_secs_f64());
            }
            None => println!("-- {} passed in {:.1} s", suite.name, took.as_secs_f64()),
        }
        ended.push(Ended { suite, took, failure });
    }
    Ok(summary(&ended))
}

fn act(workspace: &Workspace, suite: &Suite, passed: Option<&[&str]>) -> Result<(), Failure> {
    let limit = limit(suite);
    match suite.work {
        Work::Cargo(words) => process::run_within(workspace.cargo().args(words), limit),
        Work::TestTarget { package, target } => {
            let words = ["test", "--package", package, "--test", target];
            process::run_within(workspace.cargo().args(words), limit)
        }
        Work::OtherTests => other_tests(workspace, limit),
        Work::Check(check) => check(workspace),
        Work::Registry => registry::check(workspace, passed),
    }
}

/// Runs all tests that have no suite of their own: by nextest where it is installed, else by cargo itself.
fn other_tests(workspace: &Workspace, limit: Duration) -> Result<(), Failure> {
    let slow: Vec<&str> = slow_targets().collect();
    let mut command = workspace.cargo();
    if process::succeeds(workspace.cargo().args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--status-level", "fail"]);
    } else {
        command.arg("test");
    }
    command.args(["--workspace", "--no-fail-fast", "--lib", "--bins"]);
    // Targets are chosen by name, so that the slow ones are not even built.
    for package in Metadata::of_members(&workspace.root)?.packages {
        for target in package.test_targets().filter(|target| !slow.contains(target)) {
            command.args(["--test", target]);
        }
    }
    process::run_within(&mut command, limit)
}

/// Half as much again as the budget: above that a suite fails, and a running one is killed.
fn limit(suite: &Suite) -> Duration {
    Duration::from_secs(suite.budget_minutes * 90)
}

fn in_time(suite: &Suite, took: Duration) -> Result<(), Failure> {
    if took <= limit(suite) {
        return Ok(());
    }
    let minutes = suite.budget_minutes;
    Err(Failure::new(format!("its checks passed, but over its budget of {minutes} min by more than half")))
}

/// Prints the table of times and, as the last line of all, the counts.
fn summary(ended: &[Ended]) -> ExitCode {
    println!("\n{:<20} {:>9} {:>9}", "suite", "seconds", "budget");
    for Ended { suite, took, failure } in ended {
        let mark = if failure.is_some() { "failed" } else { "passed" };
        println!("{:<20} {:>9.1} {:>9} {mark}", suite.name, took.as_secs_f64(), suite.budget_minutes * 60);
    }
    let failed = ended.iter().filter(|ended| ended.failure.is_some()).count();
    println!("\n{} passed, {failed} failed", ended.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: Suite = Suite { name: "s", budget_minutes: 2, is_quick: false, work: Work::OtherTests };

    #[test]
    fn a_suite_may_exceed_its_budget_by_half_and_no_more() {
        assert!(in_time(&SUITE, Duration::from_mins(3)).is_ok());
        assert!(in_time(&SUITE, Duration::from_secs(181)).is_err());
    }
}
