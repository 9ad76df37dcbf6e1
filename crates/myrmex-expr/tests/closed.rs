//! Comparisons with values of which all are known: what is called never true is false for every value there can be.

use myrmex_expr::{Evaluator, Inferred, Reference, Shape, Step, infer};
use myrmex_model::template::Expr;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The values that each name can have.
fn possible(name: &str) -> Vec<Value> {
    match name {
        "status" => vec![json!("succeeded"), json!("failed"), json!("timed_out")],
        "other" => vec![json!("eu"), json!("failed")],
        "maybe" => vec![json!("eu"), Value::Null],
        "count" => vec![json!(1), json!(2.0)],
        "mixed" => vec![json!("1"), json!(2), json!(true)],
        "tags" => vec![json!([]), json!(["eu"]), json!(["eu", "us"])],
        "open" => vec![json!("anything"), json!(3)],
        "list" => vec![json!(["x"]), json!([])],
        other => panic!("no name {other}"),
    }
}

fn shape_of(name: &str) -> Shape {
    let among = |shape: Shape| shape.among(possible(name));
    match name {
        "status" | "other" => among(Shape::STRING),
        "maybe" => Shape::STRING.among(vec![json!("eu")]).or_null(),
        "count" => among(Shape::NUMBER),
        "mixed" => among(Shape::ANY),
        "tags" => Shape::list_of(Shape::STRING.among(vec![json!("eu"), json!("us")])),
        "list" => Shape::list_of(Shape::STRING),
        _ => Shape::ANY,
    }
}

const NAMES: [&str; 8] = ["status", "other", "maybe", "count", "mixed", "tags", "open", "list"];

fn inferred(source: &str) -> Inferred {
    infer(source, &mut |reference| shape_of(&reference.root).at(&reference.steps))
}

fn evaluate(source: &str, chosen: &[usize]) -> Option<Value> {
    let resolve = &mut |reference: &Reference| {
        let place = NAMES.iter().position(|name| *name == reference.root)?;
        let values = possible(NAMES[place]);
        let value = values[chosen[place] % values.len()].clone();
        reference.steps.iter().try_fold(value, |value, step| match step {
            Step::Field(name) => value.get(name).cloned(),
            Step::Index(index) => value.get(usize::try_from(*index).ok()?).cloned(),
        })
    };
    Evaluator::new().value(&Expr::jinja(source), resolve).ok()
}

fn comparison() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned);
    let constant = || {
        let all =
            vec!["'succeeded'", "'success'", "'eu'", "'uk'", "'1'", "1", "2", "2.0", "3", "true", "none"];
        prop::sample::select(all).prop_map(str::to_owned)
    };
    let sliced = name().prop_map(|name| format!("{name}[0:2]"));
    let defaulted =
        (name(), constant()).prop_map(|(name, other)| format!("({name} | default({other}, true))"));
    let chosen = (name(), name()).prop_map(|(a, b)| format!("({a} if open == 3 else {b})"));
    let list = prop::collection::vec(constant(), 0..3).prop_map(|all| format!("[{}]", all.join(", ")));
    let side = move || prop_oneof![4 => name(), 3 => constant(), 1 => sliced.clone(), 1 => defaulted.clone(), 1 => chosen.clone(), 2 => list.clone()];
    let operator = prop::sample::select(vec!["==", "!=", "in", "not in"]);
    (side(), operator, side()).prop_map(|(a, operator, b)| format!("{a} {operator} {b}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_never_true_is_false_whatever_the_values(
        source in comparison(),
        chosen in prop::collection::vec(0_usize..6, NAMES.len()),
    ) {
        for clash in inferred(&source).clashes {
            let value = evaluate(&source, &chosen);
            let expected = if clash.message.contains("never true") {
                json!(false)
            } else if clash.message.contains("always true") {
                json!(true)
            } else {
                continue;
            };
            prop_assert!(value.is_none_or(|value| value == expected), "{source}: {} {chosen:?}", clash.message);
        }
    }
}

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let found: Vec<String> = inferred(source).clashes.into_iter().map(|clash| clash.message).collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn what_can_never_be_is_said_with_what_can() {
    let status = "`status` is one of `succeeded`, `failed`, `timed_out`";
    check("status == 'success'", &[&format!("`status == 'success'` is never true: {status}")]);
    check("'success' != status", &[&format!("`'success' != status` is always true: {status}")]);
    check("status in ['success', 'failed']", &[&format!("`'success'` is never it: {status}")]);
    check("count == 3", &["`count == 3` is never true: `count` is one of `1`, `2.0`"]);
    check("maybe == 'us'", &["`maybe == 'us'` is never true: `maybe` is one of `eu`, `null`"]);
    check(
        "status == maybe",
        &[&format!("`status == maybe` is never true: {status}, `maybe` is one of `eu`, `null`")],
    );
    check("'uk' in tags", &["`'uk' in tags` is never true: the members of `tags` are `eu`, `us`"]);
    check(
        "5 not in list",
        &["`5 not in list` is always true: `5` is of type `integer`, the members of `list` of type `string`"],
    );
    check(
        "count in ['a', 'b']",
        &[
            "`count in ['a', 'b']` is never true: `count` is of type `number`, the members of `['a', 'b']` of type `string`",
        ],
    );
}

#[test]
fn what_may_be_is_left_alone() {
    for source in [
        "status == 'failed'",
        "status == other",
        "maybe == none",
        "open == 'x'",
        "'a' == 'b'",
        "'uk' in list",
        "status in []",
        "count == 1.0",
        "status[0:3] == 'suc'",
        "status | upper == 'FAILED'",
        "(status | default('none', true)) == 'none'",
        "mixed == 1",
        "status == open",
        "open in list",
        "'x' in open",
    ] {
        check(source, &[]);
    }
}

#[test]
fn a_text_that_is_none_of_those_possible_is_told() {
    let clash = inferred("status in ['failed', 'timeout']").clashes.remove(0);
    let stray = clash.stray.expect("it is a text among texts");
    assert_eq!((stray.text.as_str(), stray.words.len()), ("timeout", 3));
    assert_eq!(&"status in ['failed', 'timeout']"[clash.span], "'timeout'");
    assert_eq!(inferred("count == 3").clashes.remove(0).stray, None);
}

#[test]
fn what_rests_on_a_presumed_type_says_so() {
    let found = |source: &str| {
        infer(source, &mut |reference| match reference.root.as_str() {
            "printed" => Shape::STRING.presumed(),
            _ => Shape::STRING,
        })
    };
    assert!(found("printed == 3").clashes[0].is_presumed);
    assert!(!found("certain == 3").clashes[0].is_presumed);
    let both: Vec<bool> =
        found("certain == 3 or printed * 2 == 4").clashes.iter().map(|clash| clash.is_presumed).collect();
    assert_eq!(both, [false, true]);
    assert!(found("[printed + 'x']").shape.is_presumed() && !found("certain").shape.is_presumed());
}
