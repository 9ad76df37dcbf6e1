//! Form 1 of what waits for people or for a message: every kind is read back, damage is refused, the bytes never change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use myrmex_model::ir::{
    Await, AwaitKind, Body, CheckItem, Definition, Flow, FlowChild, Gate, GateDecision, Input, Next, Node,
    NodeId, Outputs, Policy,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::schema::{Schema, Type};
use myrmex_model::template::{Expr, Template};
use myrmex_model::time::Length;
use myrmex_model::wire::definition::{decode, encode};
use serde_json::json;

/// The canonical form of [`awaiting`], one line without its end. It must be read and written like this for ever.
const GOLDEN: &str = include_str!("golden/definition-v1-people.json");

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

fn waits(kind: AwaitKind, ask: &str) -> Await {
    Await::new(kind, Template::Literal(json!(ask)))
}

/// One of each kind, the first with everything that all of them can have.
fn awaiting() -> Definition {
    let window = Schema { allowed: vec![json!("now"), json!("tonight")], ..Schema::of(Type::String) };
    let approval = Await {
        from: Template::Literal(json!(["group:board", "alice"])),
        exclude: Template::Expr(Expr::jinja("run.started_by")),
        count: 2,
        fields: vec![Input { name: name("window"), schema: window, default: None, is_optional: true }],
        expires: Some(Length(86_400_000)),
        ..waits(AwaitKind::Approval, "Ship it?")
    };
    let gate = Gate {
        criteria: vec![(name("tested"), Expr::jinja("tasks.test.output.passed"))],
        checklist: vec![CheckItem {
            name: name("uat"),
            ask: Template::Literal(json!("Accepted by users?")),
            needs_evidence: true,
        }],
        decisions: vec![GateDecision::Go, GateDecision::Stop],
    };
    let signal = Await::new(AwaitKind::Signal(name("shipped")), Template::Literal(json!(null)));
    let bodies = [
        ("approve", approval),
        ("do", waits(AwaitKind::Manual, "Pack the crate")),
        ("tell", waits(AwaitKind::Form, "How much?")),
        ("listen", signal),
        ("decide", waits(AwaitKind::Gate(Box::new(gate)), "Go on?")),
    ];
    let children = (1..=5).map(|index| FlowChild { node: NodeId(index), next: Next::Continue });
    let flow = Flow::new(children.collect(), bodies.iter().map(|(text, _)| name(text)));
    let mut nodes = vec![node("main", None, Body::Flow(flow))];
    nodes.extend(bodies.into_iter().map(|(text, body)| node(text, Some(0), Body::Await(Box::new(body)))));
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

#[test]
fn what_waits_for_people_is_read_and_written_for_ever() {
    let text = GOLDEN.trim_end();
    assert_eq!(String::from_utf8(encode(&awaiting())).unwrap(), text);
    assert_eq!(decode(text.as_bytes()).unwrap(), awaiting());
}

#[test]
fn what_nobody_can_answer_or_tell_apart_is_refused() {
    for (from, to, expected) in [
        (r#""count":2"#, r#""count":0"#, "waits for no answer"),
        (r#""decisions":["go","stop"]"#, r#""decisions":[]"#, "leaves nothing to decide"),
        (r#""decisions":["go","stop"]"#, r#""decisions":["go","go"]"#, "names something twice"),
        (r#""decisions":["go","stop"]"#, r#""decisions":["went"]"#, "unknown decision `went`"),
        (r#""kind":"manual""#, r#""kind":"wish""#, "unknown variant `wish`"),
    ] {
        let text = GOLDEN.trim_end();
        assert!(text.contains(from), "{from}");
        let error = decode(text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
