//! What must not hang, abort or slip through (`semantics.md` section 9.1).

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "measures that bounds on work hold")]

use std::time::{Duration, Instant};

use myrmex_expr::{Evaluator, ExprErrorKind, FUEL_MAX, Limits, ResultLimit, STACK_BYTES, inspect};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::template::Expr;
use myrmex_model::value::VALUE_DEPTH_MAX;
use myrmex_model::value::Value;
use serde_json::json;

/// How long bounded work may take without optimisation on a busy machine; with it, a tenth.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Evaluates on a stack of the promised size, with `value` for every name.
fn evaluate(source: &str, value: Value) -> Result<Value, ExprErrorKind> {
    let expr = Expr::jinja(source);
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let result = Evaluator::new().value(&expr, &mut |_| Some(value.clone()));
        result.map_err(|error| error.kind)
    });
    worker.expect("threads can be made").join().expect("an evaluation does not panic")
}

#[test]
fn an_undefined_result_is_an_error_not_null() {
    for source in ["inputs.missing", "[] | first", "{}['a']", "1 if false", "{'a': 1}.b", "[[] | first]"] {
        let result = Evaluator::new().value(&Expr::jinja(source), &mut |_| None);
        assert!(matches!(result.unwrap_err().kind, ExprErrorKind::Missing { .. }), "{source}");
    }
}

#[test]
fn a_missing_member_of_a_result_is_an_error() {
    let result = evaluate("[{'a': 1}, {}] | map(attribute='a') | list", Value::Null);
    assert!(matches!(result, Err(ExprErrorKind::Missing { .. })), "{result:?}");
}

#[test]
fn numbers_that_json_cannot_hold_are_errors() {
    for source in [
        "1e308 * 10",
        "1e200 ** 2",
        "'1e400' | float",
        "'nan' | float",
        "-1e308 - 1e308",
        "[1e308, 1e308] | sum",
    ] {
        assert!(matches!(evaluate(source, Value::Null), Err(ExprErrorKind::Operation(_))), "{source}");
    }
    let overflows = [
        "9223372036854775807 * 3",
        "18446744073709551615 + 1",
        "2 ** 64",
        "3 ** 99999999999",
        "-9223372036854775808 - 1",
        "'99999999999999999999' | int",
        "[18446744073709551615, 1] | sum",
        "-18446744073709551615",
        "10 ** 5000000000",
    ];
    for source in overflows {
        assert!(matches!(evaluate(source, Value::Null), Err(ExprErrorKind::Operation(_))), "{source}");
    }
    assert_eq!(evaluate("2 ** 63", Value::Null), Ok(json!(1_u64 << 63)));
}

#[test]
fn a_list_that_is_not_literal_is_not_repeated_either() {
    for source in ["x * 100000000", "100000000 * x", "(x | list) * 3", "([0]) * 100000000"] {
        assert!(matches!(evaluate(source, json!([0])), Err(ExprErrorKind::Operation(_))), "{source}");
    }
}

#[test]
fn data_is_bounded_by_fuel() {
    let big = json!("x".repeat(500_000));
    let sources = [
        "range(100000) | list == range(100000) | list",
        "x ~ x ~ x",
        "x | replace('', x)",
        "'a' | indent(1000000000)",
        "'%1000000000d' | format(1)",
        "range(90000) | join(x)",
        "range(100000) | map('string') | sort | unique | list",
        "range(50000) | batch(1) | map('list') | list",
        "'x' * 1000000000",
        "range(1000000)",
        "range(100000) | zip(range(100000)) | list",
    ];
    for source in sources {
        let begun = Instant::now();
        let result = evaluate(source, big.clone());
        assert!(result.is_err(), "{source}");
        assert!(begun.elapsed() < TIME_MAX, "{source} took {:?}", begun.elapsed());
    }
}

#[test]
fn regular_expressions_are_bounded() {
    let text = json!("a".repeat(200_000));
    for source in [
        "x | regex_match('(a{1,50}){1,50}b')",
        "x | regex_replace('a.*z|a', 'b')",
        "x | regex_replace('', x)",
        "(x ~ x) | regex_match('b')",
        "x | regex_match('((((((((((((((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))))))))))))))')",
        "x | regex_replace('a+', '$0$0$0$0$0$0$0$0')",
    ] {
        let begun = Instant::now();
        assert!(evaluate(source, text.clone()).is_err(), "{source}");
        assert!(begun.elapsed() < TIME_MAX, "{source} took {:?}", begun.elapsed());
    }
    assert_eq!(evaluate("x | regex_match('b')", text), Ok(json!(false)));
}

#[test]
fn long_chains_of_operators_fit_the_stack() {
    let chains = [
        format!("{}true", "not ".repeat(1000)),
        format!("{}1", "-".repeat(4000)),
        format!("1{}", "+1".repeat(2000)),
        format!("1{}", "~1".repeat(2000)),
        format!("1{}", "<1".repeat(2000)),
        format!("1{}", "**1".repeat(1300)),
        format!("1{}", " and 1".repeat(600)),
        format!("1{}", " or 1".repeat(600)),
        format!("x{}", "|d".repeat(2000)),
        format!("x{}", "|list".repeat(800)),
        format!("1{}", " is lt 1".repeat(500)),
        format!("1{}", " if 1 else 1".repeat(330)),
        format!("1{}", " if 1".repeat(800)),
        format!("x{}", "[0]".repeat(1300)),
        format!("(x|d){}", "[0]".repeat(1300)),
        format!("(x|d){}", ".a".repeat(2000)),
        format!("x{}", "[:]".repeat(1300)),
        format!("[{}]", "x,".repeat(2000)),
        "[".repeat(4000),
        "(".repeat(4000),
        "{1:".repeat(1300),
        format!("{}x{}", "(".repeat(2000), ")".repeat(2000)),
    ];
    for source in chains {
        assert!(source.len() <= 4096);
        // Any answer will do; none of them may end the process.
        let _ = evaluate(&source, json!([1]));
    }
    assert_eq!(evaluate(&format!("1{}", "+1".repeat(2000)), Value::Null), Ok(json!(2001)));
    assert_eq!(evaluate(&format!("{}1", "-".repeat(4000)), Value::Null), Ok(json!(1)));
}

#[test]
fn deep_brackets_are_refused() {
    let refused =
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(|| inspect(&"[".repeat(2000)).unwrap_err());
    assert_eq!(refused.unwrap().join().unwrap().to_string(), "brackets nest too deeply");
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn deep_values_are_refused_on_the_way_in_and_out() {
    let deep = ExprErrorKind::Limit(ResultLimit::Depth { levels_max: 112 });
    assert_eq!(evaluate("x", nested(VALUE_DEPTH_MAX)), Ok(nested(VALUE_DEPTH_MAX)));
    assert_eq!(evaluate("x", nested(VALUE_DEPTH_MAX + 1)), Err(deep.clone()));
    assert_eq!(evaluate("x | length", nested(VALUE_DEPTH_MAX + 1)), Err(deep.clone()));
    assert_eq!(evaluate("[x]", nested(VALUE_DEPTH_MAX)), Err(deep.clone()));
    assert!(matches!(
        evaluate("x | from_json", json!("[".repeat(100_000))),
        Err(ExprErrorKind::Operation(_))
    ));
}

#[test]
fn large_results_are_refused() {
    let large = Err(ExprErrorKind::Limit(ResultLimit::Bytes));
    assert_eq!(evaluate("[x, x]", json!("x".repeat(600_000))), large);
    assert_eq!(evaluate("x ~ x", json!("x".repeat(600_000))), large);
    assert_eq!(evaluate("x", json!("x".repeat((1 << 20) - 1))), large);
    assert_eq!(evaluate("'a' * 1048577", Value::Null), large);
    // Control characters take six bytes each in JSON.
    assert_eq!(evaluate("x", json!("\u{1}".repeat(200_000))), large);
    let error = Evaluator::new().value(&Expr::jinja("'a' * 1048577"), &mut |_| None).unwrap_err();
    assert_eq!(Fault::from(error).kind, FaultKind::DataLimit);
}

#[test]
fn the_context_cannot_be_printed() {
    for source in ["debug()", "x | pprint", "self", "loop", "x | attr('__class__')"] {
        let result = Evaluator::new().value(&Expr::jinja(source), &mut |_| None);
        assert!(result.is_err(), "{source}");
    }
}

#[test]
fn limits_are_set_by_whoever_evaluates_and_named_by_what_meets_them() {
    let said = |limits: Limits, source: &str, value: Value| {
        let mut evaluator = Evaluator::new().with_limits(limits);
        let outcome = evaluator.value(&Expr::jinja(source), &mut |_| Some(value.clone()));
        outcome.map(|value| value.to_string().len()).map_err(|error| error.to_string())
    };
    let frugal = Limits { fuel: 100, ..Limits::default() };
    let spent = "the expression does more than the limit `expressions.fuel` of 100 steps allows";
    for source in ["inputs.x ~ 'x'", "inputs.x | upper | length", "inputs.x | jq('length')"] {
        assert_eq!(said(frugal, source, json!("x".repeat(8_000))), Err(spent.to_owned()), "{source}");
    }
    assert_eq!(said(frugal, "'a' | upper ~ 1", Value::Null), Ok(4));
    let rich = Limits { fuel: FUEL_MAX, ..Limits::default() };
    let much = "range(60000) | map('string') | list | length";
    assert!(said(Limits::default(), much, Value::Null).is_err());
    assert_eq!(said(rich, much, Value::Null), Ok(5));
    let flat = Limits { depth: 1, ..Limits::default() };
    let deep = "the value nests deeper than the limit `expressions.depth` of 1 levels";
    for source in ["inputs.x", "[inputs.x]", "inputs.x | length", "[[1]]", "[1] | jq('[.]')"] {
        assert_eq!(said(flat, source, json!([[1]])), Err(deep.to_owned()), "{source}");
    }
    assert_eq!(said(flat, "[1]", Value::Null), Ok(3));
}

#[test]
fn what_is_no_token_is_refused_wherever_it_stands() {
    for source in
        ["'s' && true", "1 == 's' ^ 2", "'s' &", "'a' 'b' $", "['s' §]", "x | default('s' \\ )", "1 & 2"]
    {
        let error = inspect(source).expect_err(source);
        assert!(matches!(error.kind, ExprErrorKind::Syntax(_)), "{source}: {error}");
    }
    let error = inspect("x == 's' && true").unwrap_err();
    assert_eq!((error.to_string().as_str(), error.span), ("unexpected character", 8..16));
    assert!(inspect("'a' ~ 'b' == \"c\" and x['s']").is_ok());
}
