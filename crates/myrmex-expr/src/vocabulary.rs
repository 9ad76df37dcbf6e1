//! The filters, tests and functions that exist: an allow-list.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior};

use crate::{FUEL_MAX, filters};

/// How deep an evaluation inside minijinja may nest.
const RECURSION_MAX: usize = 64;

/// The filters. Those that are not minijinja's own stand in [`filters`].
pub(crate) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "duration",
    "first",
    "float",
    "format",
    "from_json",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "jq",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "regex_match",
    "regex_replace",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "semver_match",
    "sha256",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "to_json",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// The tests. Those that compare are our own, typed as the operators are.
pub(crate) const TESTS: &[&str] = &[
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// The functions.
pub(crate) const FUNCTIONS: &[&str] = &["dict", "range", "raw"];

/// What minijinja brings and nobody may use: they print the context, mark text as safe to insert, or look around.
const REFUSED_FILTERS: &[&str] = &["e", "escape", "pprint", "safe"];
const REFUSED_TESTS: &[&str] = &["escaped", "filter", "safe", "sameas", "test"];
const REFUSED_FUNCTIONS: &[&str] = &["debug", "namespace"];

/// What people write who know Python, and what to write instead.
const METHODS: &[(&str, &str)] = &[
    ("capitalize", "| capitalize"),
    ("count", "| length"),
    ("endswith", "is endingwith"),
    ("format", "| format"),
    ("get", "| default"),
    ("items", "| items"),
    ("join", "| join"),
    ("keys", "| list"),
    ("lower", "| lower"),
    ("replace", "| replace"),
    ("split", "| split"),
    ("splitlines", "| lines"),
    ("startswith", "is startingwith"),
    ("strip", "| trim"),
    ("title", "| title"),
    ("upper", "| upper"),
];

/// Returns what to write instead of the method `name`.
pub(crate) fn instead_of_method(name: &str) -> Option<&'static str> {
    METHODS.iter().find(|(method, _)| *method == name).map(|(_, instead)| *instead)
}

/// The one environment. Built from minijinja's full set and cut down, because only the registered forms of its
/// filters charge fuel; [`crate::syntax`] checks every name against the lists above before anything is called.
pub(crate) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    for name in REFUSED_FILTERS {
        environment.remove_filter(name);
    }
    for name in REFUSED_TESTS {
        environment.remove_test(name);
    }
    for name in REFUSED_FUNCTIONS {
        environment.remove_global(name);
    }
    filters::register(&mut environment);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_recursion_limit(RECURSION_MAX);
    // What an evaluation may not spend of it is taken away at once: see `limits::Tank`.
    environment.set_fuel(Some(FUEL_MAX));
    environment
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_on_the_lists_exists_and_nothing_refused_does() {
        let mut state = ENVIRONMENT.empty_state();
        for name in FILTERS {
            let error = state.apply_filter(name, &[]).map(|_| ()).err().map(|error| error.kind());
            assert_ne!(error, Some(minijinja::ErrorKind::UnknownFilter), "{name}");
        }
        for name in TESTS {
            let error = state.perform_test(name, &[]).map(|_| ()).err().map(|error| error.kind());
            assert_ne!(error, Some(minijinja::ErrorKind::UnknownTest), "{name}");
        }
        let functions: Vec<_> = ENVIRONMENT.globals().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(functions, FUNCTIONS);
        for name in REFUSED_FILTERS {
            let error = state.apply_filter(name, &["".into()]).unwrap_err().kind();
            assert_eq!(error, minijinja::ErrorKind::UnknownFilter, "{name}");
        }
        for name in REFUSED_TESTS {
            let error = state.perform_test(name, &["".into()]).unwrap_err().kind();
            assert_eq!(error, minijinja::ErrorKind::UnknownTest, "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted() {
        for list in [FILTERS, TESTS, FUNCTIONS] {
            assert!(list.is_sorted());
        }
    }
}
