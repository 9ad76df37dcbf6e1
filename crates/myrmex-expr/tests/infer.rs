//! Types that are known before a run: what is reported never works, and what is made is of the type that was said.

use myrmex_expr::{Evaluator, Shape, infer};
use myrmex_model::template::Expr;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The values that `a` to `h` stand for.
fn values() -> Vec<(&'static str, Value)> {
    vec![
        ("a", json!(3)),
        ("b", json!(2.5)),
        ("c", json!("text")),
        ("d", json!(true)),
        ("e", Value::Null),
        ("f", json!([1, 2])),
        ("g", json!({"x": 1, "y": "z"})),
        ("h", json!("12")),
    ]
}

fn value_of(name: &str) -> Option<Value> {
    values().into_iter().find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// Makes expressions; with `is_lazy` also those that do not compute all of their operands.
fn expression(is_lazy: bool) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "g", "h", "g.x", "f[0]"])
            .prop_map(str::to_owned),
        prop::sample::select(vec!["1", "0.5", "'t'", "true", "none", "[1]", "{'k': 1}"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 2, move |inner| {
        let eager = prop::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in",
        ]);
        let lazy = prop::sample::select(vec!["and", "or"]);
        let filter = prop::sample::select(vec![
            "length",
            "upper",
            "int",
            "first",
            "last",
            "sort",
            "string",
            "default(1)",
            "sha256",
            "to_json",
            "abs",
            "round",
            "unique",
            "bool",
            "float",
            "split",
            "jq('.')",
            "list",
            "trim",
            "reverse",
        ]);
        let pair = (inner.clone(), eager, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})"));
        let filtered = (inner.clone(), filter).prop_map(|(a, filter)| format!("({a} | {filter})"));
        let unary = inner.clone().prop_map(|a| format!("(-{a})"));
        let sliced = inner.clone().prop_map(|a| format!("({a})[0:1]"));
        let list = inner.clone().prop_map(|a| format!("[{a}]"));
        if !is_lazy {
            return prop_oneof![4 => pair, 2 => filtered, 1 => unary, 1 => sliced, 1 => list].boxed();
        }
        let shortened = (inner.clone(), lazy, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})"));
        let chosen =
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} if {b} else {c})"));
        prop_oneof![3 => pair, 2 => filtered, 1 => unary, 1 => list, 2 => shortened, 1 => chosen].boxed()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_reported_has_no_value(source in expression(false)) {
        let inferred = infer(&source, &mut |reference| {
            value_of(&reference.root).map_or(Shape::ANY, |value| Shape::of_value(&value).at(&reference.steps))
        });
        let is_failing = |message: &str| !message.contains("is never true") && !message.contains("is always true");
        let outcome = evaluate(&source);
        if let Some(clash) = inferred.clashes.iter().find(|clash| is_failing(&clash.message)) {
            prop_assert!(outcome.is_err(), "{source}: {} but {outcome:?}", clash.message);
        }
    }

    #[test]
    fn what_is_made_is_of_the_type_that_is_known(source in expression(true)) {
        let inferred = infer(&source, &mut |reference| {
            value_of(&reference.root).map_or(Shape::ANY, |value| Shape::of_value(&value).at(&reference.steps))
        });
        if let Ok(value) = evaluate(&source) {
            let found = Shape::of_value(&value);
            prop_assert!(inferred.shape.meets(&found), "{source}: {} but {value}", inferred.shape);
        }
    }
}

fn evaluate(source: &str) -> Result<Value, String> {
    let resolve = &mut |reference: &myrmex_expr::Reference| {
        let mut value = value_of(&reference.root)?;
        for step in &reference.steps {
            value = match step {
                myrmex_expr::Step::Field(name) => value.get(name)?.clone(),
                myrmex_expr::Step::Index(index) => value.get(usize::try_from(*index).ok()?)?.clone(),
            };
        }
        Some(value)
    };
    Evaluator::new().value(&Expr::jinja(source), resolve).map_err(|error| error.to_string())
}

#[test]
fn shapes_are_shown_as_the_types_of_the_language() {
    let shown = |shape: Shape| shape.to_string();
    assert_eq!(shown(Shape::NUMBER), "`number`");
    assert_eq!(shown(Shape::INTEGER.or_null()), "`integer` or `null`");
    assert_eq!(shown(Shape::ANY.or(Shape::NULL)), "`any`");
    assert_eq!(shown(Shape::list_of(Shape::STRING).or(Shape::MAP)), "`array` or `object`");
}
