//! The table of test suites: what `cargo xtask quick` and `cargo xtask test` run, in one place.
//!
//! A new slow suite is a test target of its own and one line here; every other test runs in the suite `tests`.

use crate::failure::Failure;
use crate::workspace::Workspace;
use crate::{book, budget, licences, tidy};

/// One suite.
#[derive(Debug)]
pub(crate) struct Suite {
    /// The name it is called by on the command line.
    pub(crate) name: &'static str,
    /// Minutes on a small machine (2 cores) with nothing built; half as much again fails the suite.
    pub(crate) budget_minutes: u64,
    /// Whether `cargo xtask quick` runs it too.
    pub(crate) is_quick: bool,
    /// What it does.
    pub(crate) work: Work,
}

/// What a suite does.
#[derive(Debug)]
pub(crate) enum Work {
    /// Runs cargo with these words.
    Cargo(&'static [&'static str]),
    /// Runs one slow test target of a package, alone.
    TestTarget { package: &'static str, target: &'static str },
    /// Runs all unit and integration tests but those of [`Work::TestTarget`].
    OtherTests,
    /// Runs a check of this program.
    Check(fn(&Workspace) -> Result<(), Failure>),
    /// Compares the capability registry with the suites that passed before it; so it comes last.
    Registry,
}

/// Every suite, in the order they run: what fails fast comes first.
pub(crate) const SUITES: &[Suite] = &[
    cargo("fmt", 1, true, &["fmt", "--all", "--check"]),
    check("tidy", 1, true, tidy::check),
    check("licences", 1, false, licences::check),
    check("dependency-budget", 1, true, budget::check),
    cargo("clippy", 5, true, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    Suite { name: "tests", budget_minutes: 9, is_quick: true, work: Work::OtherTests },
    cargo("doc-tests", 2, false, &["test", "--workspace", "--doc"]),
    // A minute of it is mdbook itself, where it is not yet built.
    check("book", 3, false, book::check),
    slow("traces", 1, "myrmex", "traces"),
    slow("faults", 5, "myrmex", "faults"),
    slow("jq-hazards", 1, "myrmex-expr", "jq_hazards"),
    slow("kill", 3, "myrmex", "kill"),
    slow("simulator", 8, "myrmex-testkit", "simulator"),
    slow("fuzz", 2, "myrmex", "fuzz"),
    cargo("demo", 6, false, &["run", "--quiet", "--package", "xtask", "--", "demo", "--short"]),
    Suite { name: "registry", budget_minutes: 1, is_quick: true, work: Work::Registry },
];

const fn cargo(
    name: &'static str,
    budget_minutes: u64,
    is_quick: bool,
    words: &'static [&'static str],
) -> Suite {
    Suite { name, budget_minutes, is_quick, work: Work::Cargo(words) }
}

const fn check(
    name: &'static str,
    budget_minutes: u64,
    is_quick: bool,
    check: fn(&Workspace) -> Result<(), Failure>,
) -> Suite {
    Suite { name, budget_minutes, is_quick, work: Work::Check(check) }
}

const fn slow(name: &'static str, budget_minutes: u64, package: &'static str, target: &'static str) -> Suite {
    Suite { name, budget_minutes, is_quick: false, work: Work::TestTarget { package, target } }
}

/// Returns the test targets that run in suites of their own.
pub(crate) fn slow_targets() -> impl Iterator<Item = &'static str> {
    SUITES.iter().filter_map(|suite| match suite.work {
        Work::TestTarget { target, .. } => Some(target),
        Work::Cargo(_) | Work::OtherTests | Work::Check(_) | Work::Registry => None,
    })
}

/// Returns the name of the suite that runs this test target of this package.
pub(crate) fn suite_of_target(package: &str, target: &str) -> &'static str {
    let own = SUITES.iter().find(|suite| match suite.work {
        Work::TestTarget { package: p, target: t } => p == package && t == target,
        Work::Cargo(_) | Work::OtherTests | Work::Check(_) | Work::Registry => false,
    });
    own.map_or("tests", |suite| suite.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the whole may take from a clean clone on 2 cores: longer, and nobody runs it before a submission.
    const MINUTES_MAX: u64 = 50;

    #[test]
    fn all_budgets_together_fit_into_one_check_run() {
        assert!(SUITES.iter().map(|suite| suite.budget_minutes).sum::<u64>() <= MINUTES_MAX);
    }

    #[test]
    fn names_are_unique_and_the_registry_comes_last() {
        let mut names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
        assert_eq!(names.last(), Some(&"registry"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SUITES.len());
    }

    #[test]
    fn a_target_without_a_suite_of_its_own_runs_with_the_others() {
        assert_eq!(suite_of_target("myrmex", "kill"), "kill");
        assert_eq!(suite_of_target("myrmex", "commands"), "tests");
    }
}
