//! Where our operators mean what minijinja means, they give the same values; and no soup of words ends the process.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use myrmex_expr::{Evaluator, FUEL, STACK_BYTES};
use myrmex_model::ir::{Body, Definition, Flow, FlowChild, Next, Node, NodeId, Outputs, Policy};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::template::{Expr, Template};
use myrmex_model::value::Value;
use myrmex_model::wire::definition::{decode, encode};
use serde_json::json;

fn context() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("i", json!(7)),
        ("f", json!(2.5)),
        ("s", json!("häl lo")),
        ("l", json!([3, 1, 2])),
        ("m", json!({"z": 1, "a": [1, {"b": "c"}]})),
        ("n", json!(null)),
        ("t", json!(true)),
    ])
}

/// Expressions without what is ours on purpose: order between types, null beside `<`, printing of null and of maps.
const SAME: &[&str] = &[
    "i + 1",
    "i - 10",
    "i * 3",
    "i / 2",
    "i // 2",
    "-i // 2",
    "i % 3",
    "-i % 3",
    "i % -3",
    "i ** 2",
    "2 ** f",
    "-f",
    "f + i",
    "f // 2",
    "-f % 2",
    "i + 1 * 2 - 3",
    "(i + 1) * 2",
    "2 ** 3 ** 2",
    "-2 ** 2",
    "s + 'x'",
    "s * 2",
    "s ~ i",
    "l + [4]",
    "i == 7",
    "i == 7.0",
    "f != 2.5",
    "i < 8",
    "i <= 7 < 9",
    "f > 2",
    "s >= 'a'",
    "1 < 2 > 1",
    "3 in l",
    "9 not in l",
    "'l' in s",
    "'z' in m",
    "not t",
    "not n",
    "t and i",
    "n or s",
    "n and s",
    "i if t else s",
    "i if not t else s",
    "l[0]",
    "l[-1]",
    "m.a[1].b",
    "m['z']",
    "s[0]",
    "s[1:3]",
    "s[::-1]",
    "s[-2:]",
    "l[1:]",
    "l[:-1]",
    "l[::2]",
    "l[::-2]",
    "l[5:]",
    "l[2:0:-1]",
    "l[i:]",
    "(l | sort)[0]",
    "[i, [f]]",
    "(i, f)",
    "{'k': i, 'j': l}",
    "l is defined",
    "q is undefined",
    "q is not defined",
    "i is odd",
    "i is divisibleby 7",
    "s is startingwith 'h'",
    "n is none",
    "m is mapping",
    "l is sequence",
    "i is eq 7",
    "l | length",
    "l | sum",
    "l | sort | join('-')",
    "l | map('string') | list",
    "s | upper",
    "s | replace('l', 'L')",
    "s | split | list",
    "m | items | list",
    "m | dictsort",
    "l | select('odd') | list",
    "l | reject('eq', 1) | list",
    "l | batch(2) | list",
    "l | first",
    "l | last",
    "l | max",
    "l | min",
    "l | reverse | list",
    "l | unique | list",
    "l | zip(l) | list",
    "s | title",
    "s | capitalize",
    "f | round",
    "f | int",
    "'12' | int + 1",
    "i | float",
    "q | default(i)",
    "q | default('x') ~ s",
    "q.r | default(1) if false else 2",
    "range(3) | list",
    "range(1, 9, 3) | list",
    "dict(a=i)",
    "'%s-%d' | format(s, i)",
    "l | map('abs') | sum",
    "[m, {'z': 2}] | map(attribute='z') | list",
    "[m] | selectattr('z', 'eq', 1) | length",
    "s | indent(2)",
    "i | abs",
    "'a' 'b'",
    "'\\u00e9\\n' ~ \"'\"",
    "0x1f + 0b11 + 1_000",
    "1e3",
    "[] or {}",
    "i is number and s is string",
];

#[test]
fn operators_agree_with_minijinja() {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for source in SAME {
        let expression = environment.compile_expression(source).unwrap();
        let theirs = expression.eval(Serde(context())).unwrap_or_else(|error| panic!("{source}: {error}"));
        let ours = Evaluator::new().value(&Expr::jinja(source), &mut |reference| {
            let value = context().get(reference.root.as_str()).cloned()?;
            reference.steps.iter().try_fold(value, |value, step| match step {
                myrmex_expr::Step::Field(name) => value.get(name).cloned(),
                myrmex_expr::Step::Index(index) if value.is_string() => value
                    .as_str()
                    .and_then(|text| text.chars().nth(usize::try_from(*index).ok()?))
                    .map(|c| json!(c.to_string())),
                myrmex_expr::Step::Index(index) => {
                    let items = value.as_array()?;
                    let place = if *index < 0 { index + i64::try_from(items.len()).ok()? } else { *index };
                    items.get(usize::try_from(place).ok()?).cloned()
                }
            })
        });
        let ours = ours.unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(ours.to_string(), serde_json::to_string(&theirs).unwrap(), "{source}");
    }
}

const WORDS: &[&str] = &[
    "i",
    "f",
    "s",
    "l",
    "m",
    "n",
    "t",
    "q",
    "0",
    "1",
    "-1",
    "2.5",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
    "'a'",
    "''",
    "'%5d'",
    "'\u{1F41C}'",
    "none",
    "true",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "~",
    "==",
    "<",
    ">=",
    " in ",
    " not in ",
    " and ",
    " or ",
    "not ",
    " if ",
    " else ",
    " is ",
    " is not ",
    "|",
    "|",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "[0]",
    "[::-1]",
    "[1:]",
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
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
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
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
    "odd",
    "even",
    "divisibleby",
    "startingwith",
    "lt",
    "eq",
    "range",
    "dict",
    "raw",
];

/// Calls whose arguments come from the words, so that more than the parser is tried.
const SHAPES: &[&str] = &[
    "A|W",
    "A|W(A)",
    "A|W(A,A)",
    "A|W(A,A,A)",
    "A|W(A)|W",
    "range(A,A,A)|list",
    "A is W(A)",
    "A|map('W')|list",
    "A[A:A:A]",
    "A[A]",
    "A**A",
    "A//A",
    "A%A",
    "A*A",
    "-A",
    "A<A",
    "A in A",
    "A|W(x=A)",
    "[A,A]|W",
    "{'k':A}|W(A)",
    "A~A",
    "W",
    "W W W W W",
    "A W A W A",
];

#[test]
fn no_soup_of_words_ends_the_process() {
    let atoms = [
        "i",
        "f",
        "s",
        "l",
        "m",
        "n",
        "t",
        "q",
        "-1",
        "0",
        "1e308",
        "'a'",
        "''",
        "[]",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
    ];
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let mut seed = 42_u64;
        let mut pick = |count: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % count
        };
        let (mut evaluator, context, mut values) = (Evaluator::new(), context(), 0);
        for _ in 0..30_000 {
            let shape = SHAPES[pick(SHAPES.len())];
            let mut source = String::new();
            for character in shape.chars() {
                match character {
                    'A' => source.push_str(atoms[pick(atoms.len())]),
                    'W' => source.push_str(WORDS[pick(WORDS.len())]),
                    other => source.push(other),
                }
            }
            let resolve =
                &mut |reference: &myrmex_expr::Reference| context.get(reference.root.as_str()).cloned();
            match evaluator.value(&Expr::jinja(&source), resolve) {
                Ok(value) => {
                    values += 1;
                    let text = value.to_string();
                    assert_eq!(serde_json::from_str::<Value>(&text).unwrap().to_string(), text, "{source}");
                }
                Err(error) => assert!(source.get(error.span.clone()).is_some(), "{source}: {error:?}"),
            }
        }
        values
    });
    let values = worker.unwrap().join().expect("an evaluation does not panic");
    assert!(values > 1_000, "only {values} of the expressions had a value");
    assert_eq!(FUEL, 50_000);
}

#[test]
fn numbers_survive_storage_exactly() {
    // Without serde_json's `float_roundtrip` one in ten of these changes its last bit, and with it every hash.
    let numbers: Vec<f64> = (1..2_000_u32).map(|n| f64::from(n) / 2_003.0).collect();
    let node = |name: &str, parent, body| Node {
        name: Name::new(name).unwrap(),
        parent,
        guard: None,
        body,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    };
    let child = FlowChild { node: NodeId(1), next: Next::Continue };
    let root = Body::Flow(Flow::new(vec![child], [Name::new("a").unwrap()]));
    let definition = Definition {
        namespace: Namespace::standard(),
        name: Name::new("w").unwrap(),
        version: None,
        inputs: Vec::new(),
        concurrency: None,
        pools: BTreeMap::new(),
        nodes: vec![
            node("w", None, root),
            node("a", Some(NodeId(0)), Body::Value(Template::Literal(json!(numbers)))),
        ],
        root: NodeId(0),
        project: None,
    };
    assert_eq!(decode(&encode(&definition)), Ok(definition));
}
