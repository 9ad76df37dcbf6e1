//! Durations are texts: what compares them by their letters is found, and nothing else.

use myrmex_expr::{Shape, infer};

/// Checks whether `source` is found to compare durations as texts, where `inputs.d` is one and `inputs.e` one of two.
#[track_caller]
fn check(source: &str, is_found: bool) {
    let inferred = infer(source, &mut |reference| match reference.to_string().as_str() {
        "inputs.d" => Shape::DURATION,
        "inputs.e" => Shape::DURATION.among(vec!["5m".into(), "1h".into()]),
        "inputs.text" => Shape::STRING,
        _ => Shape::ANY,
    });
    let found: Vec<bool> = inferred.clashes.iter().map(|clash| clash.is_of_texts).collect();
    assert_eq!(found, vec![true; usize::from(is_found)], "{source}");
}

#[test]
fn durations_have_no_order_as_texts() {
    check("inputs.d > '30m'", true);
    check("'30m' >= inputs.e", true);
    check("inputs.d < inputs.text", true);
    check("inputs.d != '30m'", true);
}

#[test]
fn what_says_what_it_means_is_no_mistake() {
    check("inputs.d | duration > '30m' | duration", false);
    check("inputs.d == ''", false);
    check("inputs.e == '5m'", false);
    check("inputs.d == none", false);
    check("inputs.text > '30m'", false);
    check("inputs.d > tasks.x.output", false);
    check("inputs.d[0:1] > '3'", false);
}
