//! What a jq program must not do to the process (`semantics.md` section 9.2): hang, abort, take all memory.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "measures that bounds on work hold")]

use std::time::{Duration, Instant};

use myrmex_expr::{Evaluator, ExprErrorKind, FUEL, ResultLimit, STACK_BYTES, inspect};
use myrmex_model::template::Expr;
use myrmex_model::value::Value;
use serde_json::json;

/// How long bounded work may take without optimisation on a busy machine; with it, a twentieth.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Runs `program` on a stack of the promised size.
fn run(program: &str, input: Value) -> Result<Value, ExprErrorKind> {
    let expr = Expr::jinja(&format!("x | jq({})", Value::from(program)));
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let result = Evaluator::new().value(&expr, &mut |_| Some(input.clone()));
        result.map_err(|error| error.kind)
    });
    worker.expect("threads can be made").join().expect("an evaluation does not panic")
}

/// Checks that a program ends soon, with an error.
fn stops(program: &str, input: Value) -> ExprErrorKind {
    let begun = Instant::now();
    let error = run(program, input).expect_err(program);
    assert!(begun.elapsed() < TIME_MAX, "{program} took {:?}", begun.elapsed());
    error
}

/// Checks that a program ends soon, in whatever way.
fn ends(program: &str, input: Value) {
    let begun = Instant::now();
    let _ = run(program, input);
    assert!(begun.elapsed() < TIME_MAX, "{program} took {:?}", begun.elapsed());
}

fn big() -> Value {
    (0..20_000).map(|n| json!({"n": n, "t": "text"})).collect()
}

#[test]
fn nested_programs_and_chains_fit_the_stack() {
    let programs = [
        format!("{}1{}", "[".repeat(2000), "]".repeat(2000)),
        format!("{}1{}", "(".repeat(2000), ")".repeat(2000)),
        format!("1{}", "+1".repeat(2000)),
        format!(".{}", "|.".repeat(2000)),
        format!("{}1", "-".repeat(4000)),
        format!(".{}", "[0]".repeat(1300)),
        format!(".{}", "|not".repeat(900)),
        format!("{}.", "try ".repeat(1000)),
        format!("{}1{}", "first(".repeat(550), ")".repeat(550)),
        "[".repeat(4000),
        "if ".repeat(1300),
        "\"\\(".repeat(1300),
        format!(".{}", "?".repeat(4000)),
        format!("{}1{}", "def f: 1; ".repeat(150), " + f".repeat(500)),
    ];
    for program in programs {
        let expr = format!("x | jq({})", Value::from(program.as_str()));
        let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            let _ = inspect(&expr);
        });
        worker.unwrap().join().unwrap();
        ends(&program, json!(1));
    }
    assert_eq!(run(&format!("1{}", "+1".repeat(1900)), Value::Null), Ok(json!(1901)));
}

#[test]
fn a_recursive_definition_is_refused() {
    for program in [
        "def f: f; f",
        "def f: f + 1; f",
        "def f(g): def h: f(g); h; f(1)",
        "def f: def g: f; g; f",
        "def f($n): if $n == 0 then 0 else f($n - 1) end; f(3)",
        "def f: 1; def f: f; f",
    ] {
        let source = format!("x | jq('{program}')");
        let error = inspect(&source).unwrap_err();
        assert!(error.to_string().contains("calls itself; recursive definitions are not allowed"), "{error}");
    }
}

#[test]
fn values_built_in_a_loop_do_not_nest_too_deeply() {
    let deep = ExprErrorKind::Limit(ResultLimit::Depth { levels_max: 112 });
    assert_eq!(stops("reduce range(100000) as $i (1; [.])", Value::Null), deep);
    assert_eq!(stops("reduce range(100000) as $i (1; {a: .})", Value::Null), deep);
    assert_eq!(stops("last(limit(100000; 1 | recurse([.])))", Value::Null), deep);
    stops("reduce range(100000) as $i (null; setpath([\"a\"]; .) | {a: .})", Value::Null);
    stops("def d(f): [f, f]; reduce range(10000) as $i (1; d(.))", Value::Null);
    stops("setpath([range(5000) | 0]; 1)", Value::Null);
}

#[test]
fn values_that_grow_without_end_are_stopped() {
    for program in [
        "[range(1000000000)]",
        "[range(0; infinite)]",
        "[repeat(1)]",
        "[recurse(. + 1)]",
        "reduce range(1000) as $i (\"a\"; . + .)",
        "reduce range(1000) as $i ([1]; . + .)",
        "reduce range(1000) as $i ({a: 1}; {a: ., b: .})",
        "[limit(1000000000; repeat(\"abc\"))]",
        "reduce range(100000) as $i (2; . * .)",
        "reduce range(1000000) as $i (1; . + 9223372036854775807)",
        "[range(1000) as $i | range(1000) as $j | [$i, $j]]",
        "\"x\" * 1000 | [limit(10000; repeat(. * 100))] | add",
        "[limit(100000; path(recurse(.a)))]",
        "[range(30)] | combinations(20)",
        "[range(100000)] | [.[] as $x | .[] as $y | 1]",
        "[\"\\(range(1000))\\(range(1000))\\(range(1000))\"]",
        "[{a: range(1000), b: range(1000), c: range(1000)}]",
        "[range(1e5)] | map(tojson) | join(\"x\") | [limit(1000; repeat(.))] | add",
        "[range(200000)] | tostring | [., .] | tojson | [., .] | tojson | [., .] | tojson | [., .] | tojson",
        "(\"%255Y\" * 100) as $f | 0 | strftime($f)",
    ] {
        stops(program, Value::Null);
    }
}

#[test]
fn repeating_a_text_ten_thousand_million_times_is_a_limit() {
    let limit = ExprErrorKind::Limit(ResultLimit::Bytes);
    assert_eq!(stops("\"a\" * 10000000000", Value::Null), limit);
    assert_eq!(stops("10000000000 * \"a\"", Value::Null), limit);
    assert_eq!(stops("\"a\" * 1e300", Value::Null), limit);
    assert_eq!(stops("{a: \"a\"} | .a *= 10000000000", Value::Null), limit);
    assert_eq!(stops(". * infinite", json!("a")), limit);
}

#[test]
fn endless_programs_run_out_of_fuel() {
    for program in [
        "last(repeat(1))",
        "repeat(empty)",
        "[recurse(.)] | length",
        "first(repeat(empty))",
        "until(false; .)",
        "[while(true; .)]",
        "last(range(0; 1; 0))",
        "isempty(repeat(empty))",
        "try last(repeat(error)) catch last(repeat(1))",
        "last(limit(1e18; repeat(1)))",
        "last(skip(1e18; repeat(1)))",
        "reduce repeat(1) as $x (0; .)",
        "label $l | repeat(1) | empty",
        "foreach repeat(1) as $x (0; .; empty)",
        "[.[]?] | until(length > 0; .)",
    ] {
        assert_eq!(stops(program, Value::Null), ExprErrorKind::Fuel { fuel_max: FUEL }, "{program}");
    }
}

#[test]
fn work_without_outputs_is_paid_too() {
    for program in [
        // Definitions that double what they are given.
        "def d(f): f | f; d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(d(.))))))))))))))))))))))))))))))))",
        "def a(f): f|f|f|f|f|f|f|f; def b(f): a(a(f)); def c(f): b(b(f)); def d(f): c(c(f)); d(d(.))",
        // Combinations of subscripts, none of which is there.
        "(range(100000))[range(100000)]?",
        "[1 | .[range(1000)]?[range(1000)]?[range(1000)]?]",
        "1 | [.[range(1000):range(1000)]?]",
        // Folds that go through the same inputs again.
        "last(reduce range(100000) as $x (range(100000); .))",
        "reduce range(64) as $x (0; ., .)",
        "last(foreach range(100000) as $x (range(100000); .; empty))",
    ] {
        ends(program, Value::Null);
    }
}

#[test]
fn costly_calls_on_large_values_are_paid() {
    let input = big();
    for program in [
        "[range(100000) as $i | try ($i | error) catch 0] | length",
        "reduce range(100000) as $i (0; try ([$i] | .a) catch 0)",
        "tojson as $t | reduce range(200000) as $i (0; $t | length)",
        ". as $b | reduce range(200000) as $i (0; $b | .[$i])",
        ". as $b | reduce range(200000) as $i (0; $b | first(.. | numbers))",
        ". as $b | reduce range(200000) as $i (0; $b | .[0].n = 1 | 0)",
        ". as $b | {b: $b} as $c | reduce range(200000) as $i (0; $c | .b[0] = 1 | 0)",
        ". as $b | reduce range(200000) as $i (0; try ($b | .a) catch 0)",
        ". as $b | reduce range(200000) as $i (0; ($b | .a)? // 0)",
        ". as $b | reduce range(200000) as $i (0; ($b == $b | 0))",
        ". as $b | reduce range(200000) as $i ($b; .[0] = (1, 2))",
        ". as $b | reduce range(200000) as $i ($b; .[1:2] = [1])",
        "[.[], .[], .[]] | sort_by(.t) | unique | group_by(.n) | length",
        ". - . | . - .",
        "indices([{}])",
        ".[[{}]]",
        "inside(.)",
        "contains(.)",
        "reduce range(1000) as $i (.; reverse)",
        "tojson | explode | implode | ascii_downcase | @base64 | @uri | @html | @sh | length",
        "to_entries | from_entries",
        "[tostream] | fromstream(.[])",
        "transpose",
        "[paths] | length",
        "with_entries(.value |= tojson) | join(\"\")",
        "flatten | add | keys",
        "map(.t) | join(\",\") | split(\",\") | unique",
        "[limit(50; repeat(.))] | flatten | length",
        "walk(.)",
        "del(.[] | select(.n > 5))",
        "delpaths([paths])",
        "[.[] | .t |= ascii_upcase] | map(has(\"t\")) | all",
        "INDEX(.n) | length",
    ] {
        ends(program, input.clone());
    }
}

#[test]
fn regular_expressions_are_bounded() {
    let text = json!("a".repeat(16_000));
    for program in [
        "test(\"(a{1,50}){1,50}b\")",
        "test(\"((a{1,100}){1,100}){1,100}\")",
        "[match(\"a*?a*?a*?a*?b\"; \"g\")]",
        "[scan(\"\")] | length",
        "gsub(\"a\"; \"bb\") | length",
        "gsub(\"\"; \"a\") | length",
        "[range(10000) as $i | test(\"a.*z\")] | length",
        "test(\"a # [\\n(a{99}){99}{99} ]\"; \"x\")",
        "test(\"(?x)a # [\\n(a{99}){99}{99} ]\")",
        "[splits(\"a|aa|aaa\")] | length",
        "test(\"[\"; \"g\")",
        "test(\"a\"; \"q\")",
    ] {
        ends(program, text.clone());
    }
    stops("test(\"a\")", json!("a".repeat(100_000)));
    ends("[.[] | test(\"a.*z\")] | length", (0..20_000).map(|n| json!(format!("text {n}"))).collect());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list")]
fn arithmetic_at_the_edges_does_not_panic() {
    let edges = json!([
        9_223_372_036_854_775_807_i64,
        -9_223_372_036_854_775_808_i64,
        18_446_744_073_709_551_615_u64,
        0,
        -1,
        1.5,
        1e308,
        -1e308,
        5e-324,
        "a",
        null,
        true,
        [],
        {},
        [127],
        [1970, 127, 1, 0, 0, 0],
        [1e300, 1, 1, 1, 1, 1]
    ]);
    for filter in [
        "-.",
        "abs",
        ". + 1",
        ". - 1",
        ". * .",
        ". / 3",
        ". % 7",
        "7 % .",
        ". % -1",
        "floor",
        "round",
        "ceil",
        "trunc",
        "sqrt",
        "gmtime",
        "mktime",
        "todate",
        "strftime(\"%c\")",
        "date",
        "fromdate",
        "[.] | implode",
        "tojson | fromjson",
        "frexp",
        "ldexp(.; 2)",
        "ldexp(1; .)",
        "scalb(1; .)",
        "scalbln(1; .)",
        "logb",
        "gamma",
        "significand",
        "pow(.; .)",
        "pow10",
        "range(.; 3; 1e18)",
        "limit(.; 1, 2)",
        "skip(.; 1, 2)",
        "nth(.; 1, 2)",
        "splits(\"a\")",
        "\"ab\" * .",
        ".[.]",
        "[1, 2, 3][.]",
        "[1, 2, 3][.:]",
        "[1, 2, 3][:.]",
        "\"abc\"[.:]",
        "[1, 2, 3] | .[-1:.]",
        "[1] | .[.[0]] = 2",
        "ltrimstr(.)",
        "tostring",
        "@text",
        "@json",
        "@csv",
        "has(.)",
        "[.] | index(.)",
        "explode",
        "flatten(.)",
        "tobytes",
        "[range(.; . + 3)]",
        "getpath([.])",
        "setpath([.]; 1)",
        "fma(.; .; .)",
        "drem(.; .)",
        "nearbyint",
        "ilogb",
        "modf",
        "lgamma",
        "tgamma",
        "exp10",
        "exp2",
        "cbrt",
        "nexttoward(.; 1)",
        "combinations",
        "combinations(.)",
        "first(range(.; infinite))",
        "strptime(\"%s\")",
        "bsearch(.)",
        "min_by(.)",
        "del(.[.])",
        "to_entries",
        "ascii",
        "[1, 2][. : . ] = [.]",
        "\"x\" | .[2:3] = .",
        "test(.)",
        "splits(.)",
        "@base64d",
        "@urid",
        "@htmld",
    ] {
        ends(&format!("[.[] | try [limit(3; {filter})] catch .] | length"), edges.clone());
    }
}

#[test]
fn breaking_out_and_halting_stay_inside() {
    assert_eq!(run("label $a | 1, break $a, 2", Value::Null), Ok(json!(1)));
    assert_eq!(run("[label $a | label $b | 1, break $a, 2]", Value::Null), Ok(json!([1])));
    assert!(inspect("x | jq('break $a')").is_err());
    assert!(inspect("x | jq('halt')").is_err());
    assert!(run("error", Value::Null).is_err());
    assert!(run("error(null)", Value::Null).is_err());
}

#[test]
fn large_inputs_and_results_are_refused() {
    let limit = Err(ExprErrorKind::Limit(ResultLimit::Bytes));
    assert_eq!(run("[., .]", json!("x".repeat(600_000))), limit);
    assert_eq!(run(". + .", json!("x".repeat(600_000))), limit);
    let much: Value = (0..8).map(|_| json!("x".repeat(500_000))).collect();
    assert_eq!(run("length", much), Err(ExprErrorKind::Fuel { fuel_max: FUEL }));
    let some: Value = (0..3).map(|_| json!("x".repeat(500_000))).collect();
    assert_eq!(run("length", some), Ok(json!(3)));
}
