//! Licences and sources of every package we build on.
//!
//! cargo-deny does this and more, but cannot be assumed to be installed; so the two rules that must never be skipped
//! are checked here as well, against the same `deny.toml`.

use std::fs;

use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::process;
use crate::workspace::Workspace;

/// Checks the licence and the source of every package of the lock file.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let text = fs::read_to_string(workspace.root.join("deny.toml")).map_err(Failure::because("deny.toml"))?;
    let allowed = allowed(&text);
    let packages = Metadata::of_everything(&workspace.root)?.packages;
    let mut complaints = Vec::new();
    for package in &packages {
        complaints.extend(complaint(package, &allowed));
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !complaints.is_empty() {
        return Err(Failure::new(format!("{} packages break `deny.toml`", complaints.len())));
    }
    println!("{} packages have an allowed licence and an allowed source", packages.len());
    deny(workspace)
}

/// Runs cargo-deny where it is installed; else says what nobody checked.
fn deny(workspace: &Workspace) -> Result<(), Failure> {
    if process::succeeds(workspace.cargo().args(["deny", "--version"])) {
        println!("not checked: advisories (the database is not fetched here)");
        return process::run(workspace.cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    }
    println!("not checked: advisories; bans and duplicate versions (cargo-deny is not installed)");
    Ok(())
}

fn complaint(package: &Package, allowed: &[&str]) -> Option<String> {
    let Package { name, version, license, source, .. } = package;
    if source.as_deref().is_some_and(|source| !source.starts_with("registry+")) {
        return Some(format!("{name} {version}: comes from outside the registry"));
    }
    match license.as_deref() {
        None => Some(format!("{name} {version}: its manifest names no licence")),
        Some(expression) if satisfied(expression, allowed) => None,
        Some(expression) => Some(format!("{name} {version}: licence `{expression}` is not allowed")),
    }
}

/// Reads the quoted entries of `allow` in `[licenses]`, a list with one entry a line.
fn allowed(deny: &str) -> Vec<&str> {
    let lines = deny.lines().map(str::trim).skip_while(|line| *line != "[licenses]");
    let entries =
        lines.skip_while(|line| !line.starts_with("allow = [")).skip(1).take_while(|line| *line != "]");
    entries.filter(|line| !line.starts_with('#')).filter_map(|line| line.split('"').nth(1)).collect()
}

/// Returns whether an SPDX expression can be met by the allowed licences alone.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    // The slash is an older way to write `OR`.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let result = any_of(&words, &mut at, allowed);
    result && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut result = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all_of(words, at, allowed);
    }
    result
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut result = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allowed);
    }
    result
}

fn one(words: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let result = any_of(words, at, allowed);
        *at += 1;
        return result && words.get(*at - 1) == Some(&")");
    }
    if words.get(*at) == Some(&"WITH") {
        // An exception only adds permissions to the licence it stands beside.
        *at += 2;
    }
    allowed.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 3] = ["MIT", "Apache-2.0", "Unicode-3.0"];

    #[test]
    fn expressions_are_met_by_allowed_licences_alone() {
        for met in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(satisfied(met, &ALLOWED), "{met}");
        }
        for unmet in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "", "(MIT", "MIT MIT"]
        {
            assert!(!satisfied(unmet, &ALLOWED), "{unmet}");
        }
    }

    #[test]
    fn the_list_is_read_from_its_own_section() {
        let deny = "[bans]\nallow = [\n  \"x\",\n]\n[licenses]\nallow = [\n  # why\n  \"MIT\", # why\n]\n[sources]\n";
        assert_eq!(allowed(deny), ["MIT"]);
    }
}
