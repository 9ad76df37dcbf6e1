//! Form 1 of definitions: every variant is read back, damage is refused, and the bytes never change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::too_many_lines, reason = "lists of every variant, and one of every damage")]

use std::collections::BTreeMap;

use myrmex_model::ir::{
    Backoff, Binding, Body, Call, Case, Catch, Choose, Complete, Concurrency, Definition, Each, Edge, Flow,
    FlowChild, Graph, GraphChild, Handling, Input, Join, Late, Next, Node, NodeId, OnConflict, OutputField,
    Outputs, Policy, Repetition, Rest, Retry, RoundCondition, Rounds, Task, Timer, Tolerance,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::Extent;
use myrmex_model::schema::{Schema, Type};
use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::time::Length;
use myrmex_model::value::Value;
use myrmex_model::wire::definition::{SCOPE_DEPTH_MAX, TEMPLATE_DEPTH_MAX, decode, encode, hash};
use serde_json::json;

/// The canonical form of [`everything`], one line without its end. It must be read and written like this for ever.
const GOLDEN: &str = include_str!("golden/definition-v1.json");

/// The canonical form of [`handled`], likewise.
const GOLDEN_HANDLED: &str = include_str!("golden/definition-v1-handling.json");

/// The canonical form of [`bound`], likewise.
const GOLDEN_BOUND: &str = include_str!("golden/definition-v1-binding.json");

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn node(text: &str, parent: Option<u32>, body: Body) -> Node {
    Node {
        name: name(text),
        parent: parent.map(NodeId),
        guard: None,
        body,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    }
}

fn definition(nodes: Vec<Node>) -> Definition {
    Definition {
        namespace: Namespace::standard(),
        name: name("w"),
        version: None,
        inputs: Vec::new(),
        concurrency: None,
        pools: BTreeMap::new(),
        nodes,
        root: NodeId(0),
        project: None,
    }
}

fn literal(value: Value) -> Template {
    Template::Literal(value)
}

fn flow(children: &[(u32, &str, Next)]) -> Body {
    let places = children.iter().map(|(node, _, next)| FlowChild { node: NodeId(*node), next: *next });
    Body::Flow(Flow::new(places.collect(), children.iter().map(|(_, text, _)| name(text))))
}

fn graph(children: &[(u32, &str, Join)], edges: Vec<Edge>) -> Graph {
    let places = children.iter().map(|(node, _, join)| GraphChild {
        node: NodeId(*node),
        join: *join,
        late: Late::Ignore,
    });
    Graph::new(places.collect(), edges, children.iter().map(|(_, text, _)| name(text))).unwrap()
}

fn case(when: Option<&str>, next: Next) -> Case {
    Case { when: when.map(Expr::jinja), next }
}

fn inputs() -> Vec<Input> {
    let schema = |kind| Schema::of(kind);
    let input = |text, schema| Input { name: name(text), schema, default: None, is_optional: false };
    let regions = Schema {
        items: Some(Box::new(Schema { allowed: vec![json!("eu"), json!("us")], ..schema(Type::String) })),
        ..schema(Type::Array)
    };
    // The golden forms are older than files.
    let kinds = Type::ALL.into_iter().filter(|kind| *kind != Type::File);
    let mut inputs: Vec<Input> = kinds.map(|kind| input(kind.as_str(), schema(kind))).collect();
    inputs.push(Input { default: Some(json!(["eu"])), ..input("regions", regions) });
    inputs.push(Input { default: Some(Value::Null), ..input("nothing", schema(Type::Any)) });
    inputs.push(Input { is_optional: true, ..input("maybe", schema(Type::Boolean)) });
    let bounded = Schema { minimum: Some(0.5), maximum: Some(3.0), ..schema(Type::Number) };
    inputs.push(input("ratio", bounded));
    inputs.push(input("tag", Schema { pattern: Some("^v\\d+$".into()), ..schema(Type::String) }));
    inputs
}

fn edges() -> Vec<Edge> {
    vec![
        Edge { on: OutcomeSet::FINISHED, cases: vec![0], ..Edge::new(0, 1, OutcomeSet::SUCCEEDED) },
        Edge { cases: vec![1, 2], ..Edge::new(0, 2, OutcomeSet::SUCCEEDED) },
        Edge {
            lag: Some(Extent::Working { days: 0, millis: 90_000 }),
            calendar: Some(name("business")),
            ..Edge::new(1, 3, OutcomeSet::of(&Outcome::ALL))
        },
        Edge::new(2, 3, OutcomeSet::of(&[])),
    ]
}

/// A definition with every variant and every field in it.
fn everything() -> Definition {
    let retry = |backoff| Retry {
        retries: 2,
        delay: Length(1_000),
        backoff,
        delay_max: Some(Length(120_000)),
        has_jitter: true,
        when: Some(Expr::jinja("error.exit_code in [75, 137]")),
    };
    let plain = Retry { delay_max: None, has_jitter: false, when: None, ..retry(Backoff::Constant) };
    let arguments = Template::Map(vec![
        ("run".into(), literal(json!("./x \"$A\"\n\u{1F41C}"))),
        (
            "env".into(),
            Template::List(vec![
                Template::Expr(Expr::jinja("inputs.tag")),
                Template::Text(vec![Part::Text("v".into()), Part::Hole(Expr::jinja("inputs.ratio"))]),
                literal(json!({"z": [1, 2.5, null, true], "a": {}})),
            ]),
        ),
    ]);
    let mut route = graph(
        &[
            (5, "choose", Join::All),
            (6, "left", Join::All),
            (7, "right", Join::AllLive),
            (8, "end-it", Join::First(1)),
        ],
        edges(),
    );
    route.max_parallel = Some(2);
    route.fail_fast = true;
    let each = Each {
        source: Template::Expr(Expr::jinja("inputs.regions")),
        item: name("region"),
        max_parallel: Some(4),
        fail_fast: true,
        complete: Complete::All,
        tolerance: None,
        body: NodeId(10),
    };
    let other = Each {
        source: literal(json!(3)),
        item: name("item"),
        max_parallel: None,
        fail_fast: false,
        complete: Complete::All,
        tolerance: None,
        body: NodeId(14),
    };
    let root = flow(&[
        (1, "start", Next::Continue),
        (2, "pick", Next::Exit),
        (3, "pause", Next::Goto(0)),
        (4, "route", Next::End),
        (9, "deploy", Next::Continue),
        (11, "until", Next::Continue),
        (12, "stop", Next::Continue),
        (13, "more", Next::Continue),
    ]);
    let cases = vec![
        case(Some("a"), Next::Goto(7)),
        case(Some("b"), Next::Exit),
        case(Some("c"), Next::End),
        case(None, Next::Continue),
    ];
    let within =
        vec![case(Some("a"), Next::Continue), case(Some("b"), Next::Continue), case(None, Next::Continue)];
    let task = |arguments| Body::Task(Task { executor: name("process"), arguments });
    let mut nodes = vec![
        node("main", None, root),
        node("start", Some(0), task(arguments)),
        node("pick", Some(0), Body::Choose(Choose { cases })),
        node("pause", Some(0), Body::Timer(Timer::After(literal(json!("1h30m"))))),
        node("route", Some(0), Body::Graph(route)),
        node("choose", Some(4), Body::Choose(Choose { cases: within })),
        node("left", Some(4), Body::Value(Template::Expr(Expr::jinja("1 + 1")))),
        node("right", Some(4), Body::Value(literal(Value::Null))),
        node("end-it", Some(4), Body::Raise(literal(json!({"type": "own", "title": "t"})))),
        node("deploy", Some(0), Body::Each(each)),
        node("deploy", Some(9), task(literal(json!({})))),
        node("until", Some(0), Body::Timer(Timer::Until(Template::Expr(Expr::jinja("inputs.date"))))),
        node("stop", Some(0), flow(&[])),
        node("more", Some(0), Body::Each(other)),
        node("more", Some(13), Body::Graph(graph(&[], Vec::new()))),
    ];
    nodes[1].guard = Some(Expr::jinja("inputs.boolean"));
    nodes[1].policy = Policy {
        retry: Some(retry(Backoff::Exponential)),
        attempt_timeout: Some(Length(1_800_000)),
        ..Policy::default()
    };
    nodes[10].policy.retry = Some(retry(Backoff::Linear));
    nodes[6].policy.retry = Some(plain);
    nodes[1].outputs = Outputs::Declared(vec![OutputField {
        name: name("image"),
        schema: Schema::of(Type::String),
        is_optional: false,
    }]);
    nodes[10].outputs = Outputs::Declared(Vec::new());
    nodes[0].outputs = Outputs::Computed(Template::Map(vec![(
        "image".into(),
        Template::Expr(Expr::jinja("tasks.start.output.image")),
    )]));
    Definition {
        namespace: Namespace::new("team").unwrap(),
        name: name("release"),
        version: Some("2.1.0".into()),
        inputs: inputs(),
        ..definition(nodes)
    }
}

/// A definition with handlers, rounds, limits, calls, and every way for a scope to be complete.
fn handled() -> Definition {
    let retry = Retry {
        retries: 1,
        delay: Length(10),
        backoff: Backoff::Constant,
        delay_max: None,
        has_jitter: false,
        when: None,
    };
    let full = Catch {
        kinds: vec!["timeout".into(), "own".into()],
        statuses: vec![408, 500],
        when: Some(Expr::jinja("error.attempt < 3")),
        retry: Some(retry.clone()),
        body: NodeId(2),
    };
    let plain = Catch { kinds: Vec::new(), statuses: Vec::new(), when: None, retry: None, body: NodeId(3) };
    let rounds = |condition| {
        let Body::Flow(mut body) = flow(&[]) else { unreachable!("a flow is a flow") };
        body.rounds = Some(Rounds { condition, most: 9 });
        Body::Flow(body)
    };
    let first = |count, rest| Complete::First { count, rest };
    let mut race = graph(&[(6, "a", Join::First(1))], Vec::new());
    race.children[0].late = Late::Cancel;
    let mut race = Graph::new(race.children, Vec::new(), [name("a")]).unwrap();
    race.complete = first(1, Rest::Ignore);
    let each = |complete, tolerance, body| {
        let (source, item) = (literal(json!(3)), name("item"));
        Body::Each(Each { source, item, max_parallel: None, fail_fast: false, complete, tolerance, body })
    };
    let call = |is_detached| {
        Body::Call(Call { workflow: name("other"), inputs: literal(json!({"n": 1})), is_detached })
    };
    let root =
        [(1, "work"), (5, "race"), (7, "while"), (8, "until"), (9, "some"), (11, "most"), (13, "call")];
    let mut nodes = vec![
        node("main", None, flow(&root.map(|(place, text)| (place, text, Next::Continue)))),
        node("work", Some(0), call(false)),
        node("catch", Some(1), Body::Value(literal(Value::Null))),
        node("catch-2", Some(1), flow(&[])),
        node("finally", Some(0), flow(&[])),
        node("race", Some(0), Body::Graph(race)),
        node("a", Some(5), Body::Value(literal(json!(1)))),
        node("while", Some(0), rounds(RoundCondition::While(Expr::jinja("index < 3")))),
        node("until", Some(0), rounds(RoundCondition::Until(Expr::jinja("true")))),
        node("some", Some(0), each(first(2, Rest::Cancel), Some(Tolerance::Count(1)), NodeId(10))),
        node("some", Some(9), call(true)),
        node("most", Some(0), each(first(1, Rest::Run), Some(Tolerance::Percent(90)), NodeId(12))),
        node("most", Some(11), Body::Value(literal(json!(1)))),
        node("call", Some(0), call(true)),
        node("on_failure", Some(0), flow(&[])),
    ];
    nodes[0].handling = Some(Box::new(Handling {
        on_failure: Some(NodeId(14)),
        finally: Some(NodeId(4)),
        ..Handling::default()
    }));
    nodes[0].policy.total_timeout = Some(Length(3_600_000));
    let catches = vec![full, plain];
    nodes[1].handling = Some(Box::new(Handling { catches, continues: true, ..Handling::default() }));
    nodes[1].policy = Policy {
        retry: Some(retry),
        attempt_timeout: Some(Length(1)),
        queue_timeout: Some(Length(2)),
        heartbeat_timeout: None,
        total_timeout: Some(Length(3)),
        repetition: Repetition::Forbidden,
        asks: None,
    };
    nodes[3].outputs = Outputs::Last;
    definition(nodes)
}

#[test]
fn every_variant_is_read_back() {
    let everything = everything();
    assert_eq!(decode(&encode(&everything)), Ok(everything));
    assert_eq!(decode(&encode(&handled())), Ok(handled()));
}

#[test]
fn the_golden_definition_with_handlers_is_read_and_written_for_ever() {
    let bytes = GOLDEN_HANDLED.trim_end().as_bytes();
    assert_eq!(decode(bytes).unwrap(), handled());
    assert_eq!(String::from_utf8(encode(&handled())).unwrap(), GOLDEN_HANDLED.trim_end());
}

/// A scope with inputs of its own, as an action that a workflow uses.
fn bound() -> Definition {
    let binding = Binding { values: Template::Expr(Expr::jinja("inputs.a")), inputs: inputs() };
    let mut nodes = vec![
        node("main", None, flow(&[(1, "use", Next::Continue)])),
        node("use", Some(0), flow(&[(2, "greet", Next::Continue)])),
        node("greet", Some(1), Body::Value(literal(json!(1)))),
    ];
    nodes[1].binding = Some(Box::new(binding));
    definition(nodes)
}

#[test]
fn inputs_of_a_scope_are_read_and_written_for_ever() {
    let text = GOLDEN_BOUND.trim_end();
    assert_eq!(String::from_utf8(encode(&bound())).unwrap(), text);
    assert_eq!(decode(text.as_bytes()).unwrap(), bound());
}

#[test]
fn inputs_of_type_file_are_read_and_written_for_ever() {
    let mut definition = definition(vec![node("main", None, flow(&[]))]);
    let (name, schema) = (Name::new("data").unwrap(), Schema::of(Type::File));
    definition.inputs = vec![Input { name, schema, default: Some(json!("a.csv")), is_optional: false }];
    let text = String::from_utf8(encode(&definition)).unwrap();
    assert!(text.contains(r#"{"name":"data","schema":{"type":"file"},"default":"a.csv"}"#), "{text}");
    assert_eq!(decode(text.as_bytes()).unwrap(), definition);
}

#[test]
fn a_bound_on_runs_is_read_and_written_for_ever() {
    let plain = Concurrency { key: None, limit: 1, on_conflict: OnConflict::Queue };
    let key = Some(Template::Expr(Expr::jinja("inputs.a")));
    let full = Concurrency { key, limit: 3, on_conflict: OnConflict::Cancel };
    for (concurrency, text) in [
        (plain, r#""concurrency":{"limit":1},"#),
        (full, r#""concurrency":{"key":["$","inputs.a"],"limit":3,"on_conflict":"cancel"},"#),
    ] {
        let definition = Definition { concurrency: Some(concurrency), ..bound() };
        let written = GOLDEN_BOUND.trim_end().replacen(r#""nodes":"#, &format!(r#"{text}"nodes":"#), 1);
        assert_eq!(String::from_utf8(encode(&definition)).unwrap(), written);
        assert_eq!(decode(written.as_bytes()).unwrap(), definition);
        let none = written.replace(r#""limit":1"#, r#""limit":0"#).replace(r#""limit":3"#, r#""limit":0"#);
        assert!(decode(none.as_bytes()).is_err());
    }
}

#[test]
fn a_limit_of_silence_is_read_and_written_for_ever() {
    let mut definition = bound();
    definition.nodes[2].policy.heartbeat_timeout = Some(Length(5));
    let text = String::from_utf8(encode(&definition)).unwrap();
    assert!(text.contains(r#""heartbeat_timeout":5"#), "{text}");
    assert_eq!(text.replace(r#","heartbeat_timeout":5"#, ""), GOLDEN_BOUND.trim_end());
    assert_eq!(decode(text.as_bytes()).unwrap(), definition);
}

#[test]
fn only_a_scope_inside_has_inputs_of_its_own() {
    for place in [0, 2] {
        let mut wrong = bound();
        wrong.nodes[place].binding = wrong.nodes[1].binding.clone();
        let error = decode(&encode(&wrong)).unwrap_err().to_string();
        assert!(error.contains(&format!("node {place} cannot have inputs of its own")), "{error}");
    }
}

#[test]
fn damaged_handlers_are_refused() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(GOLDEN_HANDLED.contains(from), "{from}");
        let error = decode(GOLDEN_HANDLED.trim_end().replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{from} -> {to}: {error}");
    };
    check(r#""name":"call""#, r#""name":"finally""#, "node 0 has two children `finally`");
    check(r#""name":"catch-2""#, r#""name":"catch""#, "node 1 has two children `catch`");
    check(r#""body":3}"#, r#""body":2}"#, "node 1 has two children `catch`");
    check(r#""finally":4"#, r#""finally":6"#, "node 0 lists node 6, which is not inside it");
    check(r#""while":"index < 3","#, "", "either a `while` or an `until`");
    check(r#"{"first":2,"#, r#"{"first":0,"#, "node 9 waits for no success");
    check(r#""percent":90"#, r#""percent":101"#, "more than all of its items");
}

#[test]
fn a_switch_that_handles_an_error_jumps_nowhere() {
    let cases = vec![case(None, Next::Goto(0))];
    let mut nodes = vec![
        node("main", None, flow(&[(1, "a", Next::Continue)])),
        node("a", Some(0), Body::Value(literal(Value::Null))),
        node("finally", Some(0), Body::Choose(Choose { cases })),
    ];
    nodes[0].handling = Some(Box::new(Handling { finally: Some(NodeId(2)), ..Handling::default() }));
    let error = decode(&encode(&definition(nodes))).unwrap_err();
    assert!(error.to_string().contains("node 2 jumps outside of a flow"), "{error}");
}

#[test]
fn the_golden_definition_is_read_and_written_for_ever() {
    let bytes = GOLDEN.trim_end().as_bytes();
    let read = decode(bytes).unwrap();
    assert_eq!(read, everything());
    assert_eq!(String::from_utf8(encode(&read)).unwrap(), GOLDEN.trim_end());
    assert_eq!(hash(&read).to_string(), "07fec8e4d431946ee8dff4c7657918582088e24e2235e5b939a557e8fea35212");
}

#[test]
fn an_output_that_may_be_left_out_says_so() {
    let output = |own: &str, is_optional| OutputField {
        name: name(own),
        schema: Schema::of(Type::String),
        is_optional,
    };
    let mut nodes = vec![node("w", None, Body::Value(literal(Value::Null)))];
    nodes[0].outputs = Outputs::Declared(vec![output("image", false), output("notes", true)]);
    let optional = definition(nodes);
    let bytes = encode(&optional);
    assert_eq!(decode(&bytes).unwrap(), optional);
    let text = String::from_utf8(bytes).unwrap();
    let expected = r#"[{"name":"image","schema":{"type":"string"}},{"name":"notes","schema":{"type":"string"},"optional":true}]"#;
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_small_definition_says_little() {
    let root = Body::Graph(graph(
        &[(1, "a", Join::All), (2, "b", Join::All)],
        vec![Edge::new(0, 1, OutcomeSet::SUCCEEDED)],
    ));
    let task = || Body::Task(Task { executor: name("process"), arguments: literal(json!({"run": "true"})) });
    let small =
        definition(vec![node("w", None, root), node("a", Some(0), task()), node("b", Some(0), task())]);
    let expected = concat!(
        r#"{"form":1,"namespace":"default","name":"w","nodes":["#,
        r#"{"name":"w","body":{"graph":{"children":[{"node":1},{"node":2}],"edges":[{"from":0,"to":1}]}}},"#,
        r#"{"name":"a","parent":0,"body":{"task":{"executor":"process","arguments":["=",{"run":"true"}]}}},"#,
        r#"{"name":"b","parent":0,"body":{"task":{"executor":"process","arguments":["=",{"run":"true"}]}}}]}"#,
    );
    assert_eq!(String::from_utf8(encode(&small)).unwrap(), expected);
}

#[test]
fn the_order_in_which_edges_were_written_does_not_matter() {
    let build = |edges| {
        let children = [(1, "a", Join::All), (2, "b", Join::All), (3, "c", Join::All)];
        let value = || Body::Value(literal(json!(1)));
        let nodes = vec![
            node("w", None, Body::Graph(graph(&children, edges))),
            node("a", Some(0), value()),
            node("b", Some(0), value()),
            node("c", Some(0), value()),
        ];
        hash(&definition(nodes))
    };
    let edge = |from, to| Edge::new(from, to, OutcomeSet::SUCCEEDED);
    assert_eq!(
        build(vec![edge(0, 1), edge(0, 2), edge(1, 2)]),
        build(vec![edge(1, 2), edge(0, 2), edge(0, 1)])
    );
}

/// Checks that the golden definition is refused once `from` is replaced by `to` in its text.
fn check_damage(from: &str, to: &str, expected: &str) {
    assert!(GOLDEN.contains(from), "{from}");
    let error = decode(GOLDEN.trim_end().replacen(from, to, 1).as_bytes()).unwrap_err();
    assert!(error.to_string().contains(expected), "{from} -> {to}: {error}");
}

#[test]
fn damage_is_refused() {
    check_damage(r#""form":1"#, r#""form":2"#, "form 2 is not known");
    check_damage(r#""form":1"#, r#""form":1,"extra":1"#, "unknown field `extra`");
    check_damage(r#""namespace":"team""#, r#""namespace":"a/b""#, "not `/`");
    check_damage(r#""form":1,"#, r#""form":1,"root":1,"#, "the root is not the first node");
    check_damage(r#"{"name":"main","#, r#"{"name":"main","parent":0,"#, "the root is not the first node");
    check_damage(
        r#""name":"pick","parent":0"#,
        r#""name":"pick","parent":2"#,
        "node 2 does not stand after its parent",
    );
    check_damage(
        r#""name":"pick","parent":0"#,
        r#""name":"pick","parent":99"#,
        "node 2 does not stand after its parent",
    );
    check_damage(r#""name":"pick","parent":0"#, r#""name":"pick""#, "node 2 does not stand after its parent");
    check_damage(
        r#""name":"pick","parent":0"#,
        r#""name":"pick","parent":1"#,
        "node 0 lists node 2, which is not inside it",
    );
    check_damage(
        r#""name":"pick","parent":0"#,
        r#""name":"start","parent":0"#,
        "node 0 has two children `start`",
    );
    check_damage(
        r#"{"each":{"source":["=",3],"item":"item","body":14}}"#,
        r#"{"value":["=",3]}"#,
        "node 14 is not listed by its parent",
    );
    check_damage(r#"{"node":2,"next":"exit"},"#, r#"{"node":1},"#, "node 1 is listed twice");
    check_damage(r#"{"node":2,"next":"exit"}"#, r#"{"node":99}"#, "node 99 does not exist");
    check_damage(
        r#""next":{"goto":0}"#,
        r#""next":{"goto":8}"#,
        "flow 0 jumps to child 8, which does not exist",
    );
    check_damage(
        r#""next":{"goto":7}"#,
        r#""next":{"goto":8}"#,
        "flow 0 jumps to child 8, which does not exist",
    );
    check_damage(
        r#""choose":[{"when":"a"}"#,
        r#""choose":[{"when":"a","next":"exit"}"#,
        "node 5 jumps outside of a flow",
    );
    check_damage(r#""from":1,"to":3"#, r#""from":1,"to":4"#, "edge 1 -> 4 leaves a graph of 4 children");
    check_damage(r#""from":1,"to":3"#, r#""from":1,"to":0"#, "the edges of graph 4 form a cycle");
    check_damage(r#""from":1,"to":3"#, r#""from":1,"to":1"#, "the edges of graph 4 form a cycle");
    check_damage(
        r#""cases":[1,2]"#,
        r#""cases":[1,3]"#,
        "an edge names case 3 of node 5, which does not exist",
    );
    check_damage(
        r#""from":2,"to":3"#,
        r#""from":2,"to":3,"cases":[0]"#,
        "an edge names case 0 of node 7, which does not exist",
    );
    check_damage(r#""join":{"first":1}"#, r#""join":{"first":0}"#, "a child of graph 4 waits for no edge");
    check_damage(r#""max_parallel":2"#, r#""max_parallel":0"#, "node 4 never lets a child begin");
    check_damage(
        r#""max_parallel":4,"fail_fast":true,"body":10"#,
        r#""max_parallel":0,"body":10"#,
        "node 9 never lets a child begin",
    );
    check_damage(r#""body":10"#, r#""body":11"#, "node 9 lists node 11, which is not inside it");
    check_damage(
        r#""body":10"#,
        r#""body":4294967295"#,
        "node 9 lists node 4294967295, which is not inside it",
    );
    check_damage(
        r#""on":["succeeded","failed""#,
        r#""on":["succeeded","fallen""#,
        "unknown outcome `fallen`",
    );
    check_damage(r#""type":"integer""#, r#""type":"int""#, "unknown type `int`");
    check_damage(r#"["$","inputs.tag"]"#, r#"["?","inputs.tag"]"#, "unknown template `?`");
    check_damage(r#"["$","inputs.tag"]"#, r#"["$"]"#, "a template is cut short");
    check_damage(r#"["$","inputs.tag"]"#, r#"["$","inputs.tag",1]"#, "trailing");
}

#[test]
fn no_cut_or_flipped_byte_ends_the_process() {
    let bytes = GOLDEN.trim_end().as_bytes();
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err());
    }
    for place in 0..bytes.len() {
        for replacement in *b"9[\"" {
            let mut damaged = bytes.to_vec();
            damaged[place] = replacement;
            // What is still a definition must be written as it reads.
            if let Ok(read) = decode(&damaged) {
                assert_eq!(decode(&encode(&read)), Ok(read));
            }
        }
    }
    assert!(decode(br#"{"form":1,"namespace":"a","name":"b","nodes":[]}"#).is_err());
}

fn templated(template: Template) -> Definition {
    definition(vec![
        node("w", None, flow(&[(1, "a", Next::Continue)])),
        node("a", Some(0), Body::Value(template)),
    ])
}

#[test]
fn deep_templates_are_read_back() {
    let list = (0..TEMPLATE_DEPTH_MAX)
        .fold(Template::Expr(Expr::jinja("x")), |inner, _| Template::List(vec![inner]));
    let value = (0..TEMPLATE_DEPTH_MAX).fold(json!(1), |inner, _| json!({"k": inner}));
    for template in [list, literal(value)] {
        let deep = templated(template);
        assert_eq!(decode(&encode(&deep)), Ok(deep));
    }
    let deeper = (0..200).fold(json!(1), |inner, _| json!([inner]));
    assert!(decode(&encode(&templated(literal(deeper)))).is_err());
}

#[test]
fn deep_scopes_are_refused() {
    let nested = |depth: u32| {
        let scope = |place: u32| flow(&[(place + 1, "a", Next::Continue)]);
        let mut nodes: Vec<Node> =
            (0..depth).map(|place| node("a", place.checked_sub(1), scope(place))).collect();
        nodes.push(node("a", Some(depth - 1), Body::Value(literal(json!(1)))));
        decode(&encode(&definition(nodes)))
    };
    let limit = u32::try_from(SCOPE_DEPTH_MAX).unwrap();
    assert!(nested(limit).is_ok());
    assert!(nested(limit + 1).unwrap_err().to_string().contains("scopes deep"));
}

#[test]
fn ten_thousand_nodes_are_read_back() {
    let count = 10_000;
    let names: Vec<String> = (0..count).map(|place| format!("task-{place}")).collect();
    let children: Vec<_> =
        (0..count).zip(&names).map(|(place, text)| (place + 1, text.as_str(), Join::All)).collect();
    let edges = (1..count).map(|place| Edge::new(place - 1, place, OutcomeSet::SUCCEEDED)).collect();
    let mut nodes = vec![node("w", None, Body::Graph(graph(&children, edges)))];
    let arguments = || {
        Template::Map(vec![
            ("run".into(), literal(json!("echo"))),
            ("x".into(), Template::Expr(Expr::jinja("inputs.x"))),
        ])
    };
    nodes.extend(names.iter().map(|text| {
        node(text, Some(0), Body::Task(Task { executor: name("process"), arguments: arguments() }))
    }));
    let large = definition(nodes);
    assert_eq!(decode(&encode(&large)), Ok(large));
}
