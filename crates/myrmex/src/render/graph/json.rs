//! A drawing as JSON, for those who draw or count themselves. `docs/graph.md` describes the fields; they stay.

use serde_json::{Map, Value, json};

use super::model::{Arrow, Drawing, Shape, State};
use crate::render::measured;
use myrmex_model::outcome::Outcome;

/// Builds the document.
pub fn json(drawing: &Drawing) -> Value {
    let path = |shape: &super::model::ShapeId| drawing.shape(*shape).path.as_str();
    let run = drawing.run.as_ref().map(|run| {
        json!({"run": run.id, "status": run.status.as_str(), "interrupted": run.is_interrupted, "took_ms": run.took_ms})
    });
    let critical: Vec<&str> = drawing.critical.shapes.iter().map(path).collect();
    let mut document = json!({
        "workflow": drawing.workflow,
        "run": run,
        "nodes": drawing.inner().map(|(_, shape)| node(drawing, shape)).collect::<Vec<_>>(),
        "edges": drawing.arrows.iter().map(|arrow| edge(drawing, arrow)).collect::<Vec<_>>(),
        "critical": critical,
        "critical_by": drawing.critical.basis.as_str(),
    });
    if drawing.measured.is_some() {
        document["history"] = json!({"took": measured::quantiles(drawing.measured)});
    }
    document
}

fn node(drawing: &Drawing, shape: &Shape) -> Value {
    // The workflow itself is no node: what is in it has no parent.
    let parent = shape.parent.filter(|parent| parent.0 > 0).map(|parent| drawing.shape(parent).path.as_str());
    let mut node = json!({
        "path": shape.path,
        "name": shape.name,
        "kind": shape.kind.as_str(),
        "role": shape.role.as_str(),
        "parent": parent,
        "does": shape.does,
        "notes": shape.notes,
    });
    if let Some(state) = &shape.state {
        put_state(&mut node, state);
    }
    if let Some(history) = &shape.measured.whole {
        node["history"] = measured::task(history);
    }
    if let Some(history) = &shape.measured.items {
        node["item_history"] = measured::task(history);
    }
    node
}

fn put_state(node: &mut Value, state: &State) {
    node["status"] = json!(state.status.as_str());
    node["word"] = json!(state.word);
    node["attempts"] = json!(state.attempts);
    node["start"] = json!(state.started.map(|at| at.to_string()));
    node["end"] = json!(state.ended.map(|at| at.to_string()));
    node["took_ms"] = json!(state.took_ms());
    let counts: Map<String, Value> =
        state.counts.iter().map(|(status, count)| (status.as_str().to_owned(), json!(count))).collect();
    if !counts.is_empty() {
        node["counts"] = Value::Object(counts);
    }
}

fn edge(drawing: &Drawing, arrow: &Arrow) -> Value {
    json!({
        "from": drawing.shape(arrow.from).path,
        "to": drawing.shape(arrow.to).path,
        "on": arrow.on.iter().map(Outcome::as_str).collect::<Vec<_>>(),
        "condition": arrow.condition,
        "back": arrow.is_back,
    })
}
