//! Our own filters, apart from `jq`: what they give, what they refuse, and what is known of them before a run.

use myrmex_expr::{Evaluator, inspect};
use myrmex_model::template::Expr;
use myrmex_model::value::Value;
use serde_json::json;

/// Computes `source` with `input` as `x`; the value as JSON, or the message.
#[expect(clippy::needless_pass_by_value, reason = "inputs are written in place")]
fn check(source: &str, input: Value, expected: &str) {
    let shown = match Evaluator::new().value(&Expr::jinja(source), &mut |_| Some(input.clone())) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{source}");
}

/// Inspects `source`; the message and the text it marks.
fn refused(source: &str, expected: &str) {
    let error = inspect(source).expect_err(source);
    assert_eq!(format!("{error} @ {}", &source[error.span.clone()]), expected, "{source}");
}

#[test]
fn versions_meet_requirements() {
    for (version, requirement, expected) in [
        ("1.2.0", "^1.2", true),
        ("1.9.3", "^1.2", true),
        ("2.0.0", "^1.2", false),
        ("1.2.9", "~1.2.3", true),
        ("1.3.0", "~1.2.3", false),
        ("1.5.0", ">=1.2, <1.6", true),
        ("1.6.0", ">=1.2, <1.6", false),
        ("1.2.3", "=1.2.3", true),
        ("1.2.3", "1.*", true),
        ("0.3.1", "^0.2", false),
        ("2.0.0-rc.1", "^2.0", false),
        ("2.0.0-rc.1", ">=2.0.0-rc.0", true),
        ("1.2.3+build.5", "=1.2.3", true),
    ] {
        let source = format!("x | semver_match('{requirement}')");
        check(&source, json!(version), if expected { "true" } else { "false" });
    }
}

#[test]
fn an_error_of_semver_match_names_the_operand() {
    check(
        "x | semver_match('^1')",
        json!("1.2"),
        "`semver_match`: `1.2` is not a version: unexpected end of input while parsing minor version number",
    );
    check(
        "x | semver_match('^1')",
        json!("v1.2.3"),
        "`semver_match`: `v1.2.3` is not a version: unexpected character 'v' while parsing major version number",
    );
    check("x | semver_match('^1')", json!(1), "`semver_match` takes a string, not integer");
    check(
        "'1.2.3' | semver_match(x)",
        json!("one"),
        "`semver_match`: `one` is not a requirement: unexpected character 'o' while parsing major version number",
    );
    let long = Evaluator::new()
        .value(&Expr::jinja("x | semver_match('^1')"), &mut |_| Some(json!("9".repeat(5000))));
    assert!(long.unwrap_err().to_string().len() < 200);
}

#[test]
fn literals_are_read_before_a_run() {
    refused(
        "x | semver_match('^one')",
        "`semver_match`: `^one` is not a requirement: unexpected character 'o' while parsing major version number @ '^one'",
    );
    refused(
        "'soon' | duration",
        "`duration`: `soon` is not a duration such as `500ms`, `90s`, `1h30m` or `2d` @ 'soon'",
    );
    let error = inspect("x | regex_match('[')").unwrap_err().to_string();
    assert!(error.starts_with("`regex_match`: the pattern `[` is refused"), "{error}");
    assert!(inspect("x | semver_match(y)").is_ok());
}

#[test]
fn operands_of_a_known_type_are_checked_before_a_run() {
    refused("5 | sha256", "`sha256` takes a string, not integer @ 5");
    refused("[x] | regex_match('a')", "`regex_match` takes a string, not array @ [x]");
    refused("{'a': x} | semver_match('^1')", "`semver_match` takes a string, not object @ {'a': x}");
    refused("(x is defined) | from_json", "`from_json` takes a string, not boolean @ x is defined");
    refused("(x | duration) | duration", "`duration` takes a string, not integer @ x | duration");
    refused("x | regex_replace('a', 1)", "the arguments of `regex_replace` are strings, not integer @ 1");
    refused("x | regex_replace('a')", "`regex_replace` takes 2 arguments @ regex_replace");
    refused("x | to_json(indent=2)", "`to_json` takes no argument @ to_json");
    assert!(inspect("(x ~ 1) | sha256").is_ok() && inspect("x.y | sha256").is_ok());
}

#[test]
fn the_other_filters_give_what_their_pages_say() {
    check("x | from_json", json!("{\"a\": [1, 2.5]}"), r#"{"a":[1,2.5]}"#);
    check(
        "x | from_json",
        json!("{"),
        "`from_json`: not JSON: EOF while parsing an object at line 1 column 1",
    );
    check("x | to_json", json!({"b": 1, "a": null}), r#""{\"b\":1,\"a\":null}""#);
    check("x | sha256", json!("abc"), "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
    check("x | duration", json!("1h30m"), "5400000");
    check("x | regex_match('^v[0-9]+$')", json!("v12"), "true");
    check("x | regex_replace('v([0-9])', 'r$1')", json!("v1 v2"), "\"r1 r2\"");
}
