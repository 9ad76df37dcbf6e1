//! Describes definitions as text, so that tests can compare them.

use std::fmt::Write as _;

use myrmex_model::ir::{
    Await, AwaitKind, Binding, Body, Call, Catch, Complete, Definition, Each, Graph, Handling, Join, Next,
    Node, NodeId, Outputs, Policy, Repetition, RoundCondition, Rounds, Timer,
};
use myrmex_model::template::{Part, Template};
use myrmex_model::value::Value;

use super::definition;

fn template(template: &Template) -> String {
    match template {
        Template::Literal(value) => value.to_string(),
        Template::Expr(expr) => format!("<{}>", expr.source),
        Template::Text(parts) => {
            let part = |part: &Part| match part {
                Part::Text(text) => text.clone(),
                Part::Hole(expr) => format!("<{}>", expr.source),
            };
            format!("{:?}", parts.iter().map(part).collect::<String>())
        }
        Template::List(items) => {
            format!("[{}]", items.iter().map(self::template).collect::<Vec<_>>().join(","))
        }
        Template::Map(fields) => {
            let field = |(name, value): &(String, Template)| format!("{name:?}:{}", self::template(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
    }
}

fn next(next: Next) -> String {
    match next {
        Next::Continue => "continue".into(),
        Next::Exit => "exit".into(),
        Next::End => "end".into(),
        Next::Goto(index) => format!("goto {index}"),
    }
}

fn graph(definition: &Definition, graph: &Graph) -> String {
    let name = |index: u32| definition.node(graph.children[index as usize].node).name.clone();
    let edge = |edge: &myrmex_model::ir::Edge| {
        let on: Vec<_> = edge.on.iter().map(myrmex_model::outcome::Outcome::as_str).collect();
        let cases = if edge.cases.is_empty() { String::new() } else { format!(" cases {:?}", edge.cases) };
        format!("{}->{} on {}{cases}", name(edge.from), name(edge.to), on.join("|"))
    };
    let mut out = format!("graph {}", graph.edges().iter().map(edge).collect::<Vec<_>>().join(", "));
    for child in &graph.children {
        let name = &definition.node(child.node).name;
        match child.join {
            Join::All => {}
            Join::AllLive => out.push_str(&format!(" {name} joins live")),
            Join::First(count) => out.push_str(&format!(" {name} joins {count} {:?}", child.late)),
        }
    }
    if let Some(count) = graph.max_parallel {
        let _ = write!(out, " max {count}");
    }
    out.push_str(&complete(graph.complete));
    out + if graph.fail_fast { " fail fast" } else { "" }
}

fn complete(complete: Complete) -> String {
    match complete {
        Complete::All => String::new(),
        Complete::First { count, rest } => format!(" complete {count} {rest:?}"),
    }
}

/// Describes who is asked what; what says nothing is left out.
fn awaited(body: &Await) -> String {
    let names = |word: &str, of: &Template| {
        let is_empty = matches!(of.as_literal(), Some(Value::Array(names)) if names.is_empty());
        if is_empty { String::new() } else { format!(" {word} {}", template(of)) }
    };
    let fields = body.fields.iter().map(|field| format!(" {}:{}", field.name, field.schema.kind.as_str()));
    let kind = match &body.kind {
        AwaitKind::Signal(name) => format!("signal {name}"),
        kind @ (AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Gate(_)) => {
            format!("{} {}", kind.as_str(), template(&body.ask))
        }
    };
    let count = if body.count == 1 { String::new() } else { format!(" count {}", body.count) };
    let expires = body.expires.map_or(String::new(), |expires| format!(" expires {expires}"));
    let (from, exclude) = (names("from", &body.from), names("exclude", &body.exclude));
    format!("{kind}{from}{exclude}{count}{}{expires}", fields.collect::<String>())
}

/// Describes what a node does.
pub(crate) fn body(definition: &Definition, node: &Node) -> String {
    match &node.body {
        Body::Task(task) => format!("{} {}", task.executor, template(&task.arguments)),
        Body::Value(value) => format!("value {}", template(value)),
        Body::Timer(Timer::After(value)) => format!("after {}", template(value)),
        Body::Timer(Timer::Until(value)) => format!("until {}", template(value)),
        Body::Choose(choose) => {
            let case = |case: &myrmex_model::ir::Case| {
                let when = case.when.as_ref().map_or("else", |when| &when.source);
                format!("{when}: {}", next(case.next))
            };
            format!("choose {}", choose.cases.iter().map(case).collect::<Vec<_>>().join(", "))
        }
        Body::Raise(value) => format!("raise {}", template(value)),
        Body::Await(body) => awaited(body),
        Body::Flow(flow) => {
            let child = |child: &myrmex_model::ir::FlowChild| {
                format!("{} {}", definition.node(child.node).name, next(child.next))
            };
            let rounds = match &flow.rounds {
                None => String::new(),
                Some(Rounds { condition: RoundCondition::While(when), most }) => {
                    format!(" while {} at most {most}", when.source)
                }
                Some(Rounds { condition: RoundCondition::Until(when), most }) => {
                    format!(" until {} at most {most}", when.source)
                }
            };
            format!("flow {}{rounds}", flow.children.iter().map(child).collect::<Vec<_>>().join(", "))
        }
        Body::Graph(inner) => graph(definition, inner),
        Body::Each(Each {
            source,
            item,
            max_parallel,
            fail_fast,
            complete: done,
            tolerance,
            body: NodeId(body),
        }) => {
            let tolerance = tolerance.map_or(String::new(), |tolerance| format!(" tolerates {tolerance:?}"));
            format!(
                "each {item} of {} max {max_parallel:?} fail fast {fail_fast}{}{tolerance} body {body}",
                template(source),
                complete(*done)
            )
        }
        Body::Call(Call { workflow, inputs, is_detached }) => {
            format!("call {workflow} {}{}", template(inputs), if *is_detached { " detached" } else { "" })
        }
    }
}

/// Describes what follows the body of a node.
fn handling(handling: &Handling) -> String {
    let mut out = String::new();
    for Catch { kinds, statuses, when, retry, body: NodeId(body) } in &handling.catches {
        let _ = write!(out, " catch {body}");
        if !kinds.is_empty() || !statuses.is_empty() {
            let _ = write!(out, " of {kinds:?} {statuses:?}");
        }
        if let Some(when) = when {
            let _ = write!(out, " when {}", when.source);
        }
        if let Some(retry) = retry {
            let _ = write!(out, " after {} retries", retry.retries);
        }
    }
    if let Some(NodeId(body)) = handling.on_failure {
        let _ = write!(out, " on failure {body}");
    }
    if let Some(NodeId(body)) = handling.finally {
        let _ = write!(out, " finally {body}");
    }
    out + if handling.continues { " continues" } else { "" }
}

/// Describes how a node is carried out.
fn policy(policy: &Policy) -> String {
    let mut out = String::new();
    if let Some(retry) = &policy.retry {
        let _ = write!(out, " retries {}", retry.retries);
    }
    for (word, length) in
        [("queue", policy.queue_timeout), ("run", policy.attempt_timeout), ("total", policy.total_timeout)]
    {
        if let Some(length) = length {
            let _ = write!(out, " {word} {length}");
        }
    }
    out + if policy.repetition == Repetition::Forbidden { " once" } else { "" }
}

/// Describes the nodes of a definition: a line for each.
pub(crate) fn nodes(definition: &Definition) -> String {
    let mut out = String::new();
    for (index, node) in definition.nodes.iter().enumerate() {
        let parent = node.parent.map_or("-".into(), |NodeId(parent)| parent.to_string());
        let _ = write!(out, "{index} {parent} {}: {}", node.name, body(definition, node));
        if let Some(guard) = &node.guard {
            let _ = write!(out, " if {}", guard.source);
        }
        out.push_str(&policy(&node.policy));
        match &node.outputs {
            Outputs::Raw => {}
            Outputs::Declared(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|field| format!("{} {}", field.name, field.schema.kind.as_str()))
                    .collect();
                let _ = write!(out, " gives {}", fields.join(", "));
            }
            Outputs::Computed(value) => {
                let _ = write!(out, " gives {}", template(value));
            }
            Outputs::Last => out.push_str(" gives last"),
        }
        if let Some(Binding { values, inputs }) = node.binding.as_deref() {
            let inputs: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            let _ = write!(out, " binds {} to {}", inputs.join(", "), template(values));
        }
        out.push_str(&node.handling.as_deref().map(handling).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// Asserts what the nodes of a workflow with this `text` are: a line for each.
#[track_caller]
pub(crate) fn assert_nodes(text: &str, expected: &str) {
    let out = nodes(&definition(text));
    let expected = super::dedent(expected);
    assert!(out == expected, "\n=== found\n{out}\n=== expected\n{expected}");
}
