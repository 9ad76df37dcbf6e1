//! The dependency budget: how many packages we build on, raised on purpose or not at all.

use std::fs;

use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::workspace::Workspace;

const FILE: &str = "xtask/dependency-budget.toml";

/// Compares the lock file and the manifests with the budget and fails where there is more than it allows.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let text = fs::read_to_string(workspace.root.join(FILE)).map_err(Failure::because(FILE))?;
    let lock =
        fs::read_to_string(workspace.root.join("Cargo.lock")).map_err(Failure::because("Cargo.lock"))?;
    let members = Metadata::of_members(&workspace.root)?.packages;
    let mut is_over = false;
    for (name, counted) in [("packages", packages(&lock)), ("direct", direct(&members))] {
        let allowed = allowed(&text, name)?;
        println!("{name}: {counted} of {allowed}");
        is_over |= counted > allowed;
    }
    if is_over {
        return Err(Failure::new(format!("over the dependency budget; `{FILE}` says how to raise it")));
    }
    Ok(())
}

/// Counts the packages of a lock file that are not ours: those that have a source.
fn packages(lock: &str) -> usize {
    lock.lines().filter(|line| line.starts_with("source = ")).count()
}

/// Counts the outside packages that manifests of ours name, each once.
fn direct(members: &[Package]) -> usize {
    let dependencies = members.iter().flat_map(|package| &package.dependencies);
    let mut names: Vec<&str> = dependencies.filter(|d| d.path.is_none()).map(|d| d.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// Reads `name = NUMBER` from the budget.
fn allowed(budget: &str, name: &str) -> Result<usize, Failure> {
    let entries = budget.lines().filter_map(|line| line.split_once('='));
    let value = entries.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).next();
    let number = value.and_then(|value| value.parse().ok());
    number.ok_or_else(|| Failure::new(format!("`{FILE}` has no number for `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_with_a_source_count() {
        let lock = "[[package]]\nname = \"ours\"\n\n[[package]]\nname = \"serde\"\nsource = \"registry\"\n";
        assert_eq!(packages(lock), 1);
    }

    #[test]
    fn the_budget_is_read_past_comments_and_a_missing_entry_is_an_error() {
        let budget = "# packages = 1\npackages = 7\n";
        assert_eq!(allowed(budget, "packages").unwrap(), 7);
        assert!(allowed(budget, "direct").is_err());
    }
}
