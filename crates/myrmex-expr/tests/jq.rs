//! The filter `jq`: what programs give, and how they are refused. What must not hang stands in `jq_hazards`.

use myrmex_expr::{Evaluator, inspect};
use myrmex_model::template::Expr;
use myrmex_model::value::Value;
use serde_json::json;

/// Runs `program` on `input`; the value as JSON, or the message.
#[expect(clippy::needless_pass_by_value, reason = "inputs are written in place")]
fn run(program: &str, input: Value) -> String {
    let source = format!("x | jq({})", Value::from(program));
    match Evaluator::new().value(&Expr::jinja(&source), &mut |_| Some(input.clone())) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

fn check(program: &str, input: Value, expected: &str) {
    assert_eq!(run(program, input), expected, "{program}");
}

#[test]
fn a_program_reshapes_its_input() {
    let input = json!({"items": [{"id": 1, "os": "linux"}, {"id": 2, "os": "mac"}]});
    check("[.items[].id]", input.clone(), "[1,2]");
    check(".items | map({(.os): .id}) | add", input.clone(), r#"{"linux":1,"mac":2}"#);
    check("[.items[] | select(.os == \"mac\") | .id]", input.clone(), "[2]");
    check(".items | group_by(.os) | map(length)", input.clone(), "[1,1]");
    check("[.items[] | \"\\(.id):\\(.os)\"] | join(\",\")", input, r#""1:linux,2:mac""#);
    check(
        "[{os:.os[],cc:.cc[]}]",
        json!({"os": ["a", "b"], "cc": [1]}),
        r#"[{"os":"a","cc":1},{"os":"b","cc":1}]"#,
    );
    check("[paths]", json!({"a": [1]}), r#"[["a"],["a",0]]"#);
    check("to_entries | map(select(.value > 1)) | from_entries", json!({"a": 1, "b": 2}), r#"{"b":2}"#);
    check("[limit(3; repeat(1))]", json!(null), "[1,1,1]");
    check("[.[] as [$a, $b] | $a + $b]", json!([[1, 2], [3, 4]]), "[3,7]");
    check("[.[] | (1 / .)?]", json!([0, 1, "x"]), "`jq`: the result is not a finite number");
    check("try error(\"no\") catch .", json!(null), "\"no\"");
    check("try (1 | .a) catch .", json!(null), r#""cannot index 1 with \"a\"""#);
    check(".a // \"none\"", json!({"a": null}), "\"none\"");
    check("[.[(0, 1)], .[1:][0]]", json!([5, 6]), "[5,6,6]");
    check(".a.b[.i]", json!({"a": {"b": [4, 5]}, "i": 1}), "5");
    check("[.a[.i[]]]", json!({"a": [4, 5], "i": [1, 0]}), "[5,4]");
    check(
        "label $out | foreach .[] as $x (0; . + $x; if . > 2 then ., break $out else empty end)",
        json!([1, 2, 3]),
        "3",
    );
    check("def f($x; g): g + $x; f(1; .a)", json!({"a": 2}), "3");
}

#[test]
fn updates_change_a_copy() {
    let input = json!({"a": [1, 2], "b": null});
    check(".a[0] = 5", input.clone(), r#"{"a":[5,2],"b":null}"#);
    check(".a[] += 1", input.clone(), r#"{"a":[2,3],"b":null}"#);
    check(".a |= map(. * 2)", input.clone(), r#"{"a":[2,4],"b":null}"#);
    check(".b //= 3", input.clone(), r#"{"a":[1,2],"b":3}"#);
    check("[.a[] = (7, 8)] | length", input.clone(), "2");
    check(". as $x | .a[0] = 9 | [.a[0], $x.a[0]]", input.clone(), "[9,1]");
    check("del(.a[0])", input.clone(), r#"{"a":[2],"b":null}"#);
    check(".a[1:] = [7, 8]", input.clone(), r#"{"a":[1,7,8],"b":null}"#);
    check("walk(if type == \"number\" then . + 1 else . end)", input.clone(), r#"{"a":[2,3],"b":null}"#);
    check("setpath([\"c\", \"d\", 0]; 1)", input.clone(), r#"{"a":[1,2],"b":null,"c":{"d":[1]}}"#);
    check("[.. | numbers]", input, "[1,2]");
    check("(.a, .b) = 1", json!({"a": 0, "b": 0}), r#"{"a":1,"b":1}"#);
    check(".[1:] |= map(. + 1)", json!([1, 2, 3]), "[1,3,4]");
    check("(.[] | select(. > 1)) |= . * 10", json!([1, 2]), "[1,20]");
    check("first(.[] | select(. > 1))", json!([1, 2, 3]), "2");
    check("reduce range(3) as $i ([]; . + [$i])", json!(null), "[0,1,2]");
    check(
        "reduce range(5) as $i ({}; .[\"k\\($i % 2)\"] += [$i])",
        json!(null),
        r#"{"k0":[0,2,4],"k1":[1,3]}"#,
    );
}

#[test]
fn what_jaq_lacks_is_defined() {
    check("toarray", json!(1), "[1]");
    check("trimstr(\"a\")", json!("aba"), "\"b\"");
    check("[leaf_paths]", json!({"a": [1]}), r#"[["a",0]]"#);
    check("ascii", json!(65), "\"A\"");
    check(".[] as $x | $x | IN(1, 2)", json!([3]), "false");
    check("IN(.[]; 2, 3)", json!([1, 2]), "true");
    check("INDEX(.id)", json!([{"id": 7}]), r#"{"7":{"id":7}}"#);
    check("[tostream]", json!({"a": [1, {}]}), r#"[[["a",0],1],[["a",1],{}],[["a",1]],[["a"]]]"#);
    check("fromstream(tostream)", json!({"a": [1, {"b": [2]}], "c": 3}), r#"{"a":[1,{"b":[2]}],"c":3}"#);
    check("[. as $v | 1 | truncate_stream($v | tostream)]", json!([[1]]), "[[[0],1],[[0]]]");
    check("map(@csv) | join(\";\")", json!([[1, "a\"b", null, true]]), r#""1,\"a\"\"b\",,true""#);
    check("@tsv", json!(["a\tb", 1, false]), r#""a\\tb\t1\tfalse""#);
    check("join(\"-\")", json!(["a", null, 1, true]), "\"a--1-true\"");
    check("join(\"-\")", json!([]), "\"\"");
    check("dateadd(\"seconds\"; 60) | date", json!(0), "\"1970-01-01T00:01:00Z\"");
}

#[test]
fn formats_times_and_patterns_work() {
    check("@base64", json!("hi"), "\"aGk=\"");
    check("\"a=\" + (. | @uri)", json!("x y"), "\"a=x%20y\"");
    check("@json \"v \\(.)\"", json!([1]), "\"v [1]\"");
    check("@sh \"echo \\(.)\"", json!("it's"), r#""echo 'it'\\''s'""#);
    check("todate", json!(86_400), "\"1970-01-02T00:00:00Z\"");
    check("fromdate", json!("1970-01-02T00:00:00Z"), "86400");
    check("strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime", json!("1970-01-02T00:00:00Z"), "86400");
    check("gmtime | strftime(\"%F\")", json!(0), "\"1970-01-01\"");
    check("test(\"^V\"; \"i\")", json!("v1"), "true");
    check("sub(\"(?<n>[0-9]+)\"; \"<\\(.n)>\")", json!("v12"), "\"v<12>\"");
    check("[scan(\"[0-9]\")]", json!("a1b2"), r#"["1","2"]"#);
    check("capture(\"(?<a>.)\")", json!("xy"), r#"{"a":"x"}"#);
    check("[splits(\", *\")]", json!("a, b,c"), r#"["a","b","c"]"#);
    check("split(\",\")", json!("a,b"), r#"["a","b"]"#);
    check("fromjson | .a", json!("{\"a\": 1}"), "1");
    check("explode | implode", json!("aé"), "\"aé\"");
}

#[test]
fn one_output_is_the_value_and_none_is_a_missing_value() {
    let message = run("empty", json!(null));
    assert!(message.ends_with("has no value"), "{message}");
    check(".[]", json!([1, 2]), "`jq`: the program has more than one output; wrap it in `[...]`");
    check(".[]", json!([1]), "1");
    let value = Evaluator::new().value(&Expr::jinja("x | jq('empty') | default(3)"), &mut |_| Some(json!(1)));
    assert_eq!(value.unwrap(), json!(3));
}

#[test]
fn an_error_of_the_program_is_the_error_of_the_expression() {
    check("error(\"no disk\")", json!(null), "`jq`: no disk");
    check(".a", json!([1]), r#"`jq`: cannot index [1] with "a""#);
    let long = run(".a", json!("x".repeat(100_000)));
    assert!(long.len() < 300 && long.contains('…'), "{long}");
    check("tobytes", json!("x"), "`jq`: bytes are not data; make a text of them");
    check(
        "{(1|tostring): 1} | with_entries(.key |= 5)",
        json!(null),
        "`jq`: the keys of an object are texts",
    );
}

#[test]
fn numbers_stay_what_they_are_and_whole_ones_are_integers() {
    check(".", json!(18_446_744_073_709_551_615_u64), "18446744073709551615");
    check(".", json!(-9_223_372_036_854_775_808_i64), "-9223372036854775808");
    check(". + 1", json!(18_446_744_073_709_551_615_u64), "`jq`: an integer does not fit into 64 bits");
    check(". / 2", json!(10), "5");
    check(". / 4", json!(10), "2.5");
    check("1.50", json!(null), "1.5");
    check("1 / 0", json!(null), "`jq`: the result is not a finite number");
    check("nan", json!(null), "`jq`: the result is not a finite number");
}

#[test]
fn programs_are_compiled_when_the_expression_is_read() {
    let refused = |source: &str| {
        let error = inspect(source).unwrap_err();
        format!("{error} @ {}", &source[error.span.clone()])
    };
    assert_eq!(refused("x | jq('.a | nope(1)')"), "`jq`: unknown filter `nope/1` @ nope");
    assert_eq!(refused("x | jq('$y')"), "`jq`: unknown variable `$y` @ $y");
    assert_eq!(refused("x | jq('.a |')"), "`jq`: expected term, found the end @ ");
    assert_eq!(refused("x | jq('.a ) b')"), "`jq`: expected token at `) b` @ )");
    assert_eq!(refused("x | jq('[1')"), "`jq`: expected closing bracket, found the end @ ");
    assert_eq!(refused("x | jq(y)"), "the program of `jq` must be a literal string @ y");
    assert_eq!(refused("x | jq"), "`jq` takes one program, such as `jq('.a')` @ jq");
    assert_eq!(refused("x | jq('.', '.')"), "`jq` takes one program, such as `jq('.a')` @ jq");
    assert_eq!(refused("x | map('jq')"), "`map` does not apply `jq`; write `jq('map(...)')` @ 'jq'");
    // An escape makes places inside uncertain: the literal is marked.
    assert_eq!(refused(r"x | jq('\'a\' | nope')").split(" @ ").nth(1), Some(r"'\'a\' | nope'"));
    let found = inspect("inputs.a | jq('.b') | upper").unwrap();
    let names: Vec<_> = found.filters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["jq", "upper"]);
}

#[test]
fn what_reaches_outside_is_refused() {
    for name in [
        "env",
        "halt",
        "halt_error",
        "halt_error(1)",
        "input",
        "inputs",
        "debug",
        "debug(1)",
        "stderr",
        "localtime",
        "now",
        "strflocaltime(\"%Z\")",
    ] {
        let error = inspect(&format!("x | jq('{name}')")).unwrap_err().to_string();
        assert!(error.ends_with("is not allowed in an expression"), "{error}");
    }
    for program in [
        "$ENV",
        "$__prog_args",
        "input_filename",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "get_search_list",
    ] {
        assert!(inspect(&format!("x | jq('{program}')")).is_err(), "{program}");
    }
    check("strptime(\"%Q\")", json!("Europe/Berlin"), "`jq`: there are no time zones here: `%Q` is refused");
}

#[test]
fn own_names_are_reserved() {
    for program in ["_step", "def _sized: .; 1", "def f(_call): 1; f(1)", "_main"] {
        let error = inspect(&format!("x | jq('{program}')")).unwrap_err().to_string();
        assert!(error.contains("is reserved"), "{error}");
    }
}
