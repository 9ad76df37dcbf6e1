//! Rules about manifests: what keeps the pure crates pure and the layers in order.

use super::Finding;
use crate::metadata::Package;
use crate::workspace::SourceFile;

/// The crates that decide and never do.
const PURE: [&str; 5] = ["myrmex-model", "myrmex-expr", "myrmex-lang", "myrmex-plan", "myrmex-engine"];

/// What a pure crate may depend on: data structures, text and arithmetic, nothing that can reach the outside.
/// jiff is here for its types; its clock is refused by the `clippy.toml` of each pure crate. What jaq-std brings of
/// clock and environment is left out by the list of names in `myrmex-expr`.
const PURE_DEPENDENCIES: [&str; 17] = [
    "granit-parser",
    "indexmap",
    "jaq-core",
    "jaq-json",
    "jaq-std",
    "jiff",
    "libm",
    "minijinja",
    "regex-lite",
    "rustc-hash",
    "semver",
    "serde",
    "serde_json",
    "sha2",
    "strsim",
    "thiserror",
    "uuid",
];

/// What the `clippy.toml` of a pure crate disallows at least.
const NOT_PURE: [&str; 5] = [
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::env::var",
    "std::thread::spawn",
    "std::collections::HashMap",
];

/// Which crates of ours a crate may depend on. A new crate gets a line.
const LAYERS: &[(&str, &[&str])] = &[
    ("myrmex-model", &[]),
    ("myrmex-expr", &["myrmex-model"]),
    ("myrmex-lang", &["myrmex-model", "myrmex-expr"]),
    ("myrmex-plan", &["myrmex-model"]),
    ("myrmex-engine", &["myrmex-model"]),
    ("myrmex-store", &["myrmex-model"]),
    ("myrmex-runtime", &["myrmex-model", "myrmex-expr", "myrmex-plan", "myrmex-engine", "myrmex-store"]),
    (
        "myrmex",
        &[
            "myrmex-model",
            "myrmex-expr",
            "myrmex-lang",
            "myrmex-plan",
            "myrmex-engine",
            "myrmex-store",
            "myrmex-runtime",
        ],
    ),
    (
        "myrmex-testkit",
        &[
            "myrmex-model",
            "myrmex-expr",
            "myrmex-lang",
            "myrmex-plan",
            "myrmex-engine",
            "myrmex-store",
            "myrmex-runtime",
        ],
    ),
    ("xtask", &[]),
];

/// Finds members without the workspace's lints. Reason: a crate that forgets the line is checked by nothing.
pub(super) fn lints(files: &[SourceFile]) -> Vec<Finding> {
    let members = files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    members
        .filter(|file| !inherits_lints(&file.text))
        .map(|file| Finding::file(&file.path, "add `[lints]` with `workspace = true`"))
        .collect()
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim);
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

/// Finds pure crates without lints of their own against clocks and the like. Reason: the standard library is always
/// there, so the manifest alone keeps nobody from asking it for the time.
pub(super) fn pure_lints(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PURE {
        let path = format!("crates/{name}/clippy.toml");
        let own = files.iter().find(|file| file.path == path);
        if !own.is_some_and(|file| NOT_PURE.iter().all(|call| file.text.contains(call))) {
            findings.push(Finding::file(path, format!("must disallow {}", NOT_PURE.join(", "))));
        }
    }
    findings
}

/// Finds outside crates in pure crates. Reason: what decides must not be able to do, or replay stops being the truth.
pub(super) fn purity(members: &[Package]) -> Vec<Finding> {
    let pure = members.iter().filter(|package| PURE.contains(&package.name.as_str()));
    let mut findings = Vec::new();
    for package in pure {
        let outside =
            shipped(package).filter(|(name, is_ours)| !is_ours && !PURE_DEPENDENCIES.contains(name));
        findings.extend(outside.map(|(name, _)| {
            Finding::file(
                manifest(package),
                format!("`{name}` is not among the dependencies a pure crate may have"),
            )
        }));
    }
    findings
}

/// Finds dependencies against the layers. Reason: `runtime` knows no language, `store` no meaning of an event.
pub(super) fn direction(members: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in members {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == package.name) else {
            findings.push(Finding::file(
                manifest(package),
                "has no layer; give it a line in the table of layers",
            ));
            continue;
        };
        let ours = shipped(package).filter(|(name, is_ours)| *is_ours && !allowed.contains(name));
        findings.extend(ours.map(|(name, _)| {
            Finding::file(manifest(package), format!("must not depend on `{name}`; see the table of layers"))
        }));
    }
    findings
}

/// Returns the name of every dependency that is more than a test's, and whether it is a crate of ours.
fn shipped(package: &Package) -> impl Iterator<Item = (&str, bool)> {
    let dependencies =
        package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    dependencies.map(|dependency| (dependency.name.as_str(), dependency.path.is_some()))
}

fn manifest(package: &Package) -> String {
    format!("manifest of {}", package.name)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |&(name, kind): &(&str, Option<&str>)| Dependency {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            path: name.starts_with("myrmex").then(|| name.into()),
        };
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            source: None,
            dependencies: dependencies.iter().map(dependency).collect(),
            targets: Vec::new(),
        }
    }

    #[test]
    fn a_member_without_the_workspace_lints_fails() {
        assert_eq!(lints(&[file("crates/a/Cargo.toml", "[lints]\nworkspace = true\n")]), []);
        assert_eq!(lints(&[file("crates/a/Cargo.toml", "[package]\n")]).len(), 1);
        assert_eq!(lints(&[file("crates/a/Cargo.toml", "[lints]\nworkspace = false\n")]).len(), 1);
    }

    #[test]
    fn a_pure_crate_that_may_ask_for_the_time_fails() {
        let clippy = |name: &str, text: &str| file(&format!("crates/{name}/clippy.toml"), text);
        let strict: Vec<SourceFile> = PURE.map(|name| clippy(name, &NOT_PURE.join("\n"))).into();
        assert_eq!(pure_lints(&strict), []);
        assert_eq!(pure_lints(&strict[1..]).len(), 1);
        assert_eq!(pure_lints(&PURE.map(|name| clippy(name, &NOT_PURE[1..].join("\n")))).len(), PURE.len());
    }

    #[test]
    fn an_outside_crate_in_a_pure_crate_fails_unless_only_tests_use_it() {
        assert_eq!(purity(&[package("myrmex-engine", &[("tokio", None)])]).len(), 1);
        assert_eq!(purity(&[package("myrmex-engine", &[("cc", Some("build"))])]).len(), 1);
        assert_eq!(purity(&[package("myrmex-engine", &[("proptest", Some("dev")), ("serde", None)])]), []);
        assert_eq!(purity(&[package("myrmex-store", &[("rusqlite", None)])]), []);
    }

    #[test]
    fn a_dependency_against_the_layers_fails() {
        assert_eq!(direction(&[package("myrmex-runtime", &[("myrmex-lang", None)])]).len(), 1);
        assert_eq!(direction(&[package("myrmex", &[("myrmex-testkit", None)])]).len(), 1);
        assert_eq!(direction(&[package("myrmex", &[("myrmex-testkit", Some("dev"))])]), []);
        assert_eq!(direction(&[package("myrmex-new", &[])]).len(), 1);
    }
}
