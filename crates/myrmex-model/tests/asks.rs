//! What nodes ask for beside a place, as it is stored.

use std::collections::BTreeMap;

use myrmex_model::demand::{Asks, Named, Priority};
use myrmex_model::ir::{Body, Definition, Node, NodeId, Outputs, Policy, Task};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::wire::definition::{decode, encode};
use serde_json::json;

fn name(text: &str) -> Name {
    Name::new(text).expect("it is a name")
}

fn asks() -> Asks {
    let lock = Template::Text(vec![Part::Text("deploy-".into()), Part::Hole(Expr::jinja("inputs.env"))]);
    Asks {
        priority: Priority::High,
        queue: Some(name("slow")),
        pools: BTreeMap::from([(name("db"), 2)]),
        lock: Some(lock),
        labels: vec![Template::Literal(json!("linux"))],
        resources: BTreeMap::from([(name("cpu"), 1_500)]),
    }
}

fn definition(asks: Asks) -> Definition {
    let body = Body::Task(Task { executor: name("process"), arguments: Template::Literal(json!({})) });
    let policy = Policy { asks: Some(Box::new(asks)), ..Policy::default() };
    let (guard, handling, binding) = (None, None, None);
    let node = Node {
        name: name("a"),
        parent: None,
        guard,
        body,
        policy,
        outputs: Outputs::Raw,
        handling,
        binding,
        planning: None,
    };
    Definition {
        namespace: Namespace::standard(),
        name: name("w"),
        version: None,
        inputs: Vec::new(),
        concurrency: None,
        pools: BTreeMap::from([(name("db"), 3)]),
        nodes: vec![node],
        root: NodeId(0),
        project: None,
    }
}

#[test]
fn what_a_node_asks_for_is_written_and_read_for_ever() {
    let definition = definition(asks());
    let bytes = encode(&definition);
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        r#"{"form":1,"namespace":"default","name":"w","pools":{"db":3},"nodes":[{"name":"a","body":{"task":{"executor":"process","arguments":["=",{}]}},"asks":{"priority":"high","queue":"slow","pools":{"db":2},"lock":["~","deploy-",["inputs.env"]],"labels":[["=","linux"]],"resources":{"cpu":1500}}}]}"#
    );
    assert_eq!(decode(&bytes), Ok(definition));
}

#[test]
fn no_units_of_a_pool_are_refused() {
    let text = String::from_utf8(encode(&definition(asks()))).expect("it is text");
    for wrong in [text.replace(r#""db":2"#, r#""db":0"#), text.replace("high", "highest")] {
        assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn evaluated_names_go_before_written_ones() {
    let named = Named { lock: Some("deploy-eu".into()), labels: vec!["arm".into()] };
    let demand = asks().demand(Some(&named));
    assert!(demand.locks.contains("deploy-eu") && demand.labels.contains("arm") && demand.labels.len() == 1);
    assert!(asks().has_expressions() && asks().holds());
}
