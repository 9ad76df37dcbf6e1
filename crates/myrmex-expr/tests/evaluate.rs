//! What expressions evaluate to.

#![expect(clippy::needless_pass_by_value, reason = "literals read better without a reference")]

use myrmex_expr::{Evaluator, Reference, template_of_text};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::template::{Expr, Template};
use myrmex_model::value::Value;
use serde_json::json;

fn context() -> Value {
    json!({
        "inputs": {"region": "eu", "count": 3, "flag": true, "list": [3, 1, 2], "none": null, "ratio": 1.5,
                   "words": ["b", "a"], "map": {"z": 1, "a": 2}, "big": u64::MAX, "empty": []},
        "tasks": {"build": {"status": "succeeded", "output": {"image": "x:1", "n": 7}}, "a-b": {"output": "o"}},
        "error": {"exit_code": null, "type": "runtime"},
        "item": {"name": "n1"}, "index": 1,
    })
}

fn lookup(reference: &Reference) -> Option<Value> {
    let pointer = |path: String, step: &myrmex_expr::Step| match step {
        myrmex_expr::Step::Field(name) => format!("{path}/{name}"),
        myrmex_expr::Step::Index(index) => format!("{path}/{index}"),
    };
    let path = reference.steps.iter().fold(format!("/{}", reference.root), pointer);
    context().pointer(&path).cloned()
}

fn check(source: &str, expected: Value) {
    let value = Evaluator::new().value(&Expr::jinja(source), &mut lookup);
    match value {
        Ok(value) => assert_eq!(value.to_string(), expected.to_string(), "{source}"),
        Err(error) => panic!("{source}: {error}"),
    }
}

fn check_error(source: &str, expected: &str) {
    match Evaluator::new().value(&Expr::jinja(source), &mut lookup) {
        Ok(value) => panic!("{source}: {value}"),
        Err(error) => assert_eq!(error.to_string(), expected, "{source}"),
    }
}

#[test]
fn values_keep_their_types_and_order() {
    check("inputs.count", json!(3));
    check("inputs.big", json!(u64::MAX));
    check("[inputs.big, -9223372036854775808]", json!([u64::MAX, i64::MIN]));
    check("inputs.map", json!({"z": 1, "a": 2}));
    check("{'z': inputs.ratio, 'a': none, 'm': [true]}", json!({"z": 1.5, "a": null, "m": [true]}));
    check("tasks['a-b'].output ~ '-' ~ inputs.count", json!("o-3"));
    check("(1, 'a')", json!([1, "a"]));
}

#[test]
fn arithmetic_is_exact_and_typed() {
    check("7 // 2 * 2 + 7 % 2", json!(7));
    check("[-7 // 2, -7 % 2, 7 % -2, 7.5 // 2]", json!([-4, 1, -1, 3.0]));
    check("6 / 3", json!(2.0));
    check("[2 ** 10, 2 ** -1, 2 ** 0.5 > 1.4]", json!([1024, 0.5, true]));
    check("9007199254740993 + 0", json!(9_007_199_254_740_993_i64));
    check("inputs.big - 1", json!(u64::MAX - 1));
    check("'a' + 'b' ~ 'c' * 3", json!("abccc"));
    check("[1] + inputs.list", json!([1, 3, 1, 2]));
    check_error("1 + 'a'", "`1` (integer) + `'a'` (string): `+` takes two numbers, two strings or two lists");
    check_error(
        "true + 1",
        "`true` (boolean) + `1` (integer): `+` takes two numbers, two strings or two lists",
    );
    check_error("1 // 0", "`1` (integer) // `0` (integer): division by zero");
    check_error("1 / 0", "`1` (integer) / `0` (integer): division by zero");
    check_error("-inputs.region", "`-` takes a number, not string");
}

#[test]
fn comparisons_are_typed_and_null_has_no_order() {
    check("1 < 2 <= 2 and 'a' < 'b' and 1 < 1.5", json!(true));
    check("1 < 3 < 2", json!(false));
    check("[error.exit_code < 5, error.exit_code >= 5, 5 < error.exit_code]", json!([false, false, false]));
    check(
        "[1 == 1.0, 1 == '1', true == 1, none == false, [1] == [1]]",
        json!([true, false, false, false, true]),
    );
    check(
        "[2 in inputs.list, 'e' in inputs.region, 'z' in inputs.map, 9 not in inputs.list]",
        json!([true, true, true, true]),
    );
    check("inputs.count is lt 5 and inputs.count is not gt(5)", json!(true));
    check_error("1 < '2'", "`1` (integer) < `'2'` (string): only two numbers or two strings have an order");
    check_error(
        "inputs.list < 3",
        "`inputs.list` (array) < `3` (integer): only two numbers or two strings have an order",
    );
    check_error(
        "inputs.list | select('lt', 'x') | list",
        "`select`: only two numbers or two strings have an order",
    );
    check_error(
        "1 in inputs.count",
        "`1` (integer) in `inputs.count` (integer): `in` takes a list, a map or a string on its right",
    );
}

#[test]
fn logic_follows_jinja() {
    check("inputs.none or 'x'", json!("x"));
    check("inputs.empty and nope", json!([]));
    check("not inputs.flag", json!(false));
    check("'a' if inputs.flag else nope", json!("a"));
    check_error("'a' if not inputs.flag", "`'a' if not inputs.flag` has no value");
}

#[test]
fn a_missing_value_is_named() {
    check_error("inputs.region2", "`inputs.region2` has no value");
    check_error("inputs.region ~ inputs.x.y", "`inputs.x.y` has no value");
    check_error("[inputs.count, [nope]]", "`nope` has no value");
    check_error("nope | upper", "`nope` has no value");
    check_error("inputs.empty | first", "`inputs.empty | first` has no value");
    check_error("(inputs.empty | first) + 1", "`inputs.empty | first` has no value");
    check_error("inputs.list[inputs.count]", "`inputs.list[inputs.count]` has no value");
    check_error("nope == 1", "`nope` has no value");
    check_error("inputs.map['q' ~ '']['x' ~ '']", "`inputs.map['q' ~ '']` has no value");
}

#[test]
fn a_default_stands_in_for_a_missing_value() {
    check("inputs.x | default(inputs.count)", json!(3));
    check("inputs.x.y.z | default('d')", json!("d"));
    check("inputs.count | default(nope)", json!(3));
    check("inputs.none | default(1)", json!(null));
    check("inputs.none | default(1, true)", json!(1));
    check("(inputs.empty | first) | default(0)", json!(0));
    check(
        "[inputs.x is defined, inputs.x is undefined, inputs.count is defined]",
        json!([false, true, true]),
    );
}

#[test]
fn slices_and_subscripts_follow_python() {
    check("inputs.list[0:2]", json!([3, 1]));
    check(
        "[inputs.list[::-1], inputs.list[-2:], inputs.list[5:1:-1], inputs.list[:-1]]",
        json!([[2, 1, 3], [1, 2], [2], [3, 1]]),
    );
    check("'äbc'[1:] ~ 'abc'[::-2]", json!("bcca"));
    check("inputs.list[index] + inputs.list[-1]", json!(3));
    check("inputs.list[9223372036854775807:-9223372036854775807:9223372036854775807]", json!([]));
    check_error("inputs.list[::0]", "the step of a slice is not 0");
    check_error("inputs.map[1:]", "only lists and strings can be sliced, not object");
}

#[test]
fn filters_of_jinja_work() {
    check("inputs.words | sort | join(', ')", json!("a, b"));
    check("inputs.list | map('string') | join", json!("312"));
    check("inputs.list | select('odd') | sum", json!(4));
    check("inputs.map | items", json!([["z", 1], ["a", 2]]));
    check("inputs.map | list", json!(["z", "a"]));
    check("'a,b' | split(',') | length", json!(2));
    check("[{'n': 1}, {'n': 2}] | selectattr('n', 'gt', 1) | map(attribute='n') | list", json!([2]));
    check("range(2, 6, 2) | list", json!([2, 4]));
    check("dict(a=1)", json!({"a": 1}));
    check("raw(inputs.region)", json!("eu"));
    check("3.7 | round | int", json!(4));
    check_error("inputs.count | join", "`join`: cannot join value of type number");
}

#[test]
fn own_filters_work() {
    check("'{\"b\": [1, 2.5], \"a\": null}' | from_json", json!({"b": [1, 2.5], "a": null}));
    check("{'b': 1, 'a': [none]} | to_json", json!("{\"b\":1,\"a\":[null]}"));
    check("'abc' | sha256", json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    check("'1h30m' | duration", json!(5_400_000));
    check(
        "[inputs.map, none, 'x', 1.0] | map('string') | list",
        json!(["{\"z\":1,\"a\":2}", "null", "x", "1.0"]),
    );
    check("'v1.2' | regex_match('^v(\\\\d+)') and not 'x' | regex_match('y')", json!(true));
    check("'a1b22' | regex_replace('(?<n>[0-9]+)', '<$n>')", json!("a<1>b<22>"));
    check_error("'{' | from_json", "`from_json`: not JSON: EOF while parsing an object at line 1 column 1");
    check_error("1 | sha256", "`sha256` takes a string, not integer");
    check_error("'90' | duration", "`duration`: the duration `90` has no unit (ms, s, m, h or d)");
    check_error(
        "'a' | regex_match('(')",
        "`regex_match`: the pattern `(` is refused: found open group without closing ')'",
    );
}

#[test]
fn conditions_are_booleans() {
    let condition = |source: &str| Evaluator::new().condition(&Expr::jinja(source), &mut lookup);
    assert_eq!(condition("inputs.flag and tasks.build.status == 'succeeded'"), Ok(true));
    assert_eq!(condition("error.exit_code in [75, 137]"), Ok(false));
    assert_eq!(
        condition("inputs.region").unwrap_err().to_string(),
        "a condition must be a boolean, this is string"
    );
    assert_eq!(
        condition("inputs.count").unwrap_err().to_string(),
        "a condition must be a boolean, this is integer"
    );
    assert_eq!(condition("inputs.x").unwrap_err().to_string(), "`inputs.x` has no value");
}

#[test]
fn templates_are_rendered() {
    let mut evaluator = Evaluator::new();
    let mut render = |template: &Template| evaluator.render(template, &mut lookup).unwrap();
    let text = |text: &str| template_of_text(text).unwrap();
    assert_eq!(render(&text("${{ inputs.list }}")), json!([3, 1, 2]));
    assert_eq!(
        render(&text("a ${{ inputs.list }} ${{ inputs.none }}${{ inputs.flag }} $${{")),
        json!("a [3,1,2] nulltrue ${{")
    );
    assert_eq!(render(&text("plain")), json!("plain"));
    let map = Template::map(vec![
        ("z".into(), Template::list(vec![text("${{ inputs.count }}"), text("x")])),
        ("a".into(), text("y")),
    ]);
    assert_eq!(render(&map).to_string(), r#"{"z":[3,"x"],"a":"y"}"#);
}

#[test]
fn each_path_is_asked_for_once_and_the_shortest_wins() {
    let mut asked = Vec::new();
    let source = "inputs.map.z + inputs.map.a + (inputs.map | length) + inputs.count + inputs.count";
    let value = Evaluator::new().value(&Expr::jinja(source), &mut |reference| {
        asked.push(reference.to_string());
        lookup(reference)
    });
    assert_eq!(value, Ok(json!(11)));
    assert_eq!(asked, ["inputs.map", "inputs.count"]);
}

#[test]
fn what_is_not_needed_is_not_asked_for() {
    let mut asked = Vec::new();
    let source = "inputs.a if index == 1 else inputs.b";
    let value = Evaluator::new().value(&Expr::jinja(source), &mut |reference| {
        asked.push(reference.to_string());
        Some(json!(1))
    });
    assert_eq!((value, asked), (Ok(json!(1)), vec!["index".to_owned(), "inputs.a".to_owned()]));
}

#[test]
fn an_error_becomes_a_fault_that_names_expression_and_operand() {
    let fault: Fault = Evaluator::new().value(&Expr::jinja("1 + nope"), &mut lookup).unwrap_err().into();
    assert_eq!((fault.kind, fault.status), (FaultKind::Expression, 400));
    assert_eq!(fault.title, "expression `1 + nope`: `nope` has no value");
    let long = format!("nope ~ '{}'", "é".repeat(100));
    let fault: Fault = Evaluator::new().value(&Expr::jinja(&long), &mut lookup).unwrap_err().into();
    assert!(fault.title.ends_with("…`: `nope` has no value") && fault.detail == Some(long));
}

#[test]
fn spans_mark_what_is_at_fault() {
    let source = "inputs.count + (inputs.list | first + nope.x)";
    let error = Evaluator::new().value(&Expr::jinja(source), &mut lookup).unwrap_err();
    assert_eq!(&source[error.span], "nope.x");
}
