//! The secrets that a run can come to name, as far as its definitions and its inputs tell before it begins.
//!
//! Nothing is asked of a provider here, and nothing is evaluated that needs more than the inputs. A name that only a task gives
//! is not known here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use myrmex_expr::{Evaluator, Reference, Step};
use myrmex_model::OrderedMap;
use myrmex_model::ir::{Body, Call, Definition, Flow, Graph, Join, Next, NodeId, RoundCondition};
use myrmex_model::name::Name;
use myrmex_model::outcome::Outcome;
use myrmex_model::schema::Type;
use myrmex_model::template::{Expr, Template};
use myrmex_model::value::Value;

/// The argument of a process with the variables that hold secrets.
const VARIABLES: &str = "secret_env";

/// The key of a part of such a variable that names a secret.
const PART: &str = "secret";

/// Whether a run comes to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    /// A condition on the inputs says that it does not.
    Never,
    /// Some condition decides, which is not known before.
    Maybe,
    /// Unless something fails before. What follows a failure counts as this: it must not lack anything then.
    Surely,
}

/// A secret with the first task that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The secret.
    pub secret: String,
    /// The called workflow that the task is in; none for the one that is run.
    pub workflow: Option<Name>,
    /// The task.
    pub node: NodeId,
    /// The expression that names the secret, if it is not written out as `secrets.NAME`.
    pub expression: Option<String>,
    /// Whether no condition that is open yet stands between the run and the task.
    pub is_certain: bool,
}

/// Values of inputs that are known before the run.
type Known = Rc<BTreeMap<String, Value>>;

/// Returns whether a run of `definition` can come to name a secret at all, which most cannot. Takes no expression apart, so any
/// stack will do.
pub(crate) fn names_any(definition: &Definition, called: &BTreeMap<Name, Definition>) -> bool {
    std::iter::once(definition).chain(called.values()).any(names_secrets)
}

/// Finds the secrets that a run of `definition` with these inputs can come to name, also in the workflows that it calls.
///
/// Needs a stack of [`myrmex_expr::STACK_BYTES`].
pub(crate) fn named_secrets(
    definition: &Definition,
    called: &BTreeMap<Name, Definition>,
    inputs: &serde_json::Map<String, Value>,
) -> Vec<Named> {
    // A file has no value yet.
    let is_known = |name: &str| {
        let input = definition.inputs.iter().find(|input| input.name.as_str() == name);
        input.is_some_and(|input| input.schema.kind != Type::File)
    };
    let known = inputs.iter().filter(|(name, _)| is_known(name));
    let known = Rc::new(known.map(|(name, value)| (name.clone(), value.clone())).collect());
    let mut search = Search {
        called,
        evaluator: Evaluator::new(),
        found: OrderedMap::default(),
        open: VecDeque::new(),
        seen: BTreeSet::new(),
    };
    search.definition(None, definition, &known, Certainty::Surely);
    while let Some((name, known, certainty)) = search.open.pop_front() {
        if let Some(definition) = called.get(&name) {
            search.definition(Some(&name), definition, &known, certainty);
        }
    }
    search.found.into_values().collect()
}

fn names_secrets(definition: &Definition) -> bool {
    definition.nodes.iter().any(|node| match &node.body {
        Body::Task(task) => !fields(&task.arguments, VARIABLES).is_empty(),
        Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_)
        | Body::Call(_) => false,
    })
}

/// What is known at a node.
#[derive(Clone)]
struct Scene {
    certainty: Certainty,
    /// The inputs that the node itself sees.
    known: Known,
}

struct Search<'d> {
    called: &'d BTreeMap<Name, Definition>,
    evaluator: Evaluator,
    found: OrderedMap<String, Named>,
    /// Calls whose workflow was not looked at.
    open: VecDeque<(Name, Known, Certainty)>,
    seen: BTreeSet<(Name, String, Certainty)>,
}

impl Search<'_> {
    /// Looks through a definition. A parent stands before its children.
    fn definition(
        &mut self,
        workflow: Option<&Name>,
        definition: &Definition,
        known: &Known,
        certainty: Certainty,
    ) {
        let mut scenes: Vec<Option<Scene>> = vec![None; definition.nodes.len()];
        scenes[definition.root.0 as usize] = Some(Scene { certainty, known: Rc::clone(known) });
        for (number, node) in (0..).zip(&definition.nodes) {
            let Some(Scene { certainty, known }) = scenes[number as usize].take() else { continue };
            if certainty == Certainty::Never {
                continue;
            }
            let inner = node.binding.as_ref().map_or_else(
                || Rc::clone(&known),
                |binding| {
                    let declared = binding.inputs.iter().map(|input| (&input.name, &input.default));
                    self.inputs(declared, &binding.values, &known)
                },
            );
            let inside = match &node.body {
                Body::Graph(graph) => self.graph(definition, graph, &inner),
                Body::Flow(flow) => self.flow(definition, flow, &inner),
                Body::Each(each) => {
                    let items = self.value(&each.source, &inner);
                    let of_items =
                        if items.as_ref().is_some_and(is_empty) { Certainty::Never } else { certainty };
                    vec![(each.body, self.guard(definition, each.body, &inner).min(of_items))]
                }
                Body::Task(task) => {
                    self.task((workflow, NodeId(number)), &task.arguments, &known, certainty);
                    Vec::new()
                }
                Body::Call(call) => {
                    self.call(call, &known, certainty);
                    Vec::new()
                }
                Body::Value(_) | Body::Timer(_) | Body::Choose(_) | Body::Raise(_) | Body::Await(_) => {
                    Vec::new()
                }
            };
            for (child, own) in inside {
                let scene = Scene { certainty: own.min(certainty), known: Rc::clone(&inner) };
                scenes[child.0 as usize] = Some(scene);
            }
            // What follows a body stands where its node stands.
            for (_, handler) in node.handling.iter().flat_map(|handling| handling.handlers()) {
                let own = self.guard(definition, handler, &known);
                let scene = Scene { certainty: own.min(certainty), known: Rc::clone(&known) };
                scenes[handler.0 as usize] = Some(scene);
            }
        }
    }

    /// Returns what the `if` of a node says.
    fn guard(&mut self, definition: &Definition, node: NodeId, known: &Known) -> Certainty {
        let Some(guard) = &definition.node(node).guard else { return Certainty::Surely };
        match self.value(&Template::Expr(guard.clone()), known) {
            Some(Value::Bool(true)) => Certainty::Surely,
            Some(Value::Bool(false)) => Certainty::Never,
            Some(_) | None => Certainty::Maybe,
        }
    }

    /// Follows the edges of a graph: what needs a task that may be skipped may be skipped.
    fn graph(&mut self, definition: &Definition, graph: &Graph, known: &Known) -> Vec<(NodeId, Certainty)> {
        let children = graph.children.iter().map(|child| child.node);
        let mut certain: Vec<(NodeId, Certainty)> =
            children.map(|child| (child, self.guard(definition, child, known))).collect();
        let count = u32::try_from(certain.len()).unwrap_or(u32::MAX);
        let mut missing: Vec<u32> = (0..count).map(|child| graph.in_count(child)).collect();
        let mut ready: Vec<u32> = (0..count).filter(|child| graph.in_count(*child) == 0).collect();
        while let Some(from) = ready.pop() {
            for edge in graph.edges_from(from) {
                let to = edge.to as usize;
                let before = certain[from as usize].1;
                let is_open = !edge.cases.is_empty() || !edge.on.contains(Outcome::Succeeded);
                let mut over = if edge.on.contains(Outcome::Skipped) { Certainty::Surely } else { before };
                if is_open {
                    over = over.min(Certainty::Maybe);
                }
                if graph.children[to].join != Join::All {
                    // Another edge may let it begin.
                    over = over.max(Certainty::Maybe);
                }
                certain[to].1 = certain[to].1.min(over);
                missing[to] -= 1;
                if missing[to] == 0 {
                    ready.push(edge.to);
                }
            }
        }
        certain
    }

    /// Follows a flow: behind the first jump nothing is certain.
    fn flow(&mut self, definition: &Definition, flow: &Flow, known: &Known) -> Vec<(NodeId, Certainty)> {
        let mut passed = match flow.rounds.as_ref().map(|rounds| &rounds.condition) {
            Some(RoundCondition::While(_)) => Certainty::Maybe,
            Some(RoundCondition::Until(_)) | None => Certainty::Surely,
        };
        let mut certain = Vec::with_capacity(flow.children.len());
        for child in &flow.children {
            certain.push((child.node, self.guard(definition, child.node, known).min(passed)));
            let jumps = matches!(definition.node(child.node).body, Body::Choose(_));
            if jumps || child.next != Next::Continue {
                passed = Certainty::Maybe;
            }
        }
        certain
    }

    fn call(&mut self, call: &Call, known: &Known, certainty: Certainty) {
        let Some(definition) = self.called.get(&call.workflow) else { return };
        let declared = definition.inputs.iter().map(|input| (&input.name, &input.default));
        let known = self.inputs(declared, &call.inputs, known);
        let shown = serde_json::to_string(&*known).unwrap_or_default();
        if self.seen.insert((call.workflow.clone(), shown, certainty)) {
            self.open.push_back((call.workflow.clone(), known, certainty));
        }
    }

    /// Returns what is known of inputs that are given as `values`.
    fn inputs<'i>(
        &mut self,
        declared: impl Iterator<Item = (&'i Name, &'i Option<Value>)>,
        values: &Template,
        known: &Known,
    ) -> Known {
        let mut inner = BTreeMap::new();
        for (name, default) in declared {
            let value = match field(values, name.as_str()) {
                Some(given) => self.value(&given, known),
                None => default.clone(),
            };
            inner.extend(value.map(|value| (name.as_str().to_owned(), value)));
        }
        Rc::new(inner)
    }

    /// Takes the secrets that a process is given.
    fn task(
        &mut self,
        (workflow, node): (Option<&Name>, NodeId),
        arguments: &Template,
        known: &Known,
        certainty: Certainty,
    ) {
        for part in fields(arguments, VARIABLES).iter().flat_map(items) {
            let (secret, expression) = match field(&part, PART) {
                Some(Template::Literal(Value::String(name))) => (name, None),
                Some(Template::Expr(expr)) => {
                    let Some(Value::String(name)) = self.value(&Template::Expr(expr.clone()), known) else {
                        continue;
                    };
                    (name, Some(source_of(&expr)))
                }
                Some(Template::Literal(_) | Template::Text(_) | Template::List(_) | Template::Map(_))
                | None => {
                    continue;
                }
            };
            let is_certain = certainty == Certainty::Surely;
            let is_better = self.found.get(&secret).is_none_or(|known| is_certain && !known.is_certain);
            if is_better {
                let workflow = workflow.cloned();
                self.found.insert(secret.clone(), Named { secret, workflow, node, expression, is_certain });
            }
        }
    }

    /// Returns the value of a template if the known inputs are enough for it.
    fn value(&mut self, template: &Template, known: &Known) -> Option<Value> {
        let mut is_open = false;
        let mut resolve = |reference: &Reference| {
            let value = input(reference, known);
            is_open |= value.is_none();
            value
        };
        let value = self.evaluator.render(template, &mut resolve);
        value.ok().filter(|_| !is_open)
    }
}

/// Whether a `for_each` over this has no items.
fn is_empty(items: &Value) -> bool {
    match items {
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
        Value::Number(count) => count.as_u64() == Some(0),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn source_of(expr: &Expr) -> String {
    expr.source.trim().to_owned()
}

/// Returns the known input that a path leads to.
fn input(reference: &Reference, known: &BTreeMap<String, Value>) -> Option<Value> {
    let [Step::Field(name), steps @ ..] = reference.steps.as_slice() else { return None };
    let mut value = known.get(name).filter(|_| reference.root == "inputs")?;
    for step in steps {
        value = match step {
            Step::Field(name) => value.get(name)?,
            Step::Index(index) => value.get(usize::try_from(*index).ok()?)?,
        };
    }
    Some(value.clone())
}

/// Returns the field `name` of a map.
fn field(template: &Template, name: &str) -> Option<Template> {
    match template {
        Template::Literal(value) => value.get(name).cloned().map(Template::Literal),
        Template::Map(fields) => {
            fields.iter().find(|(key, _)| key == name).map(|(_, template)| template.clone())
        }
        Template::Expr(_) | Template::Text(_) | Template::List(_) => None,
    }
}

/// Returns the values of the map at `name`.
fn fields(template: &Template, name: &str) -> Vec<Template> {
    match field(template, name) {
        Some(Template::Literal(Value::Object(map))) => map.into_values().map(Template::Literal).collect(),
        Some(Template::Map(fields)) => fields.into_iter().map(|(_, template)| template).collect(),
        Some(Template::Literal(_) | Template::Expr(_) | Template::Text(_) | Template::List(_)) | None => {
            Vec::new()
        }
    }
}

/// Returns the members of a list.
fn items(template: &Template) -> Vec<Template> {
    match template {
        Template::Literal(Value::Array(items)) => items.iter().cloned().map(Template::Literal).collect(),
        Template::List(items) => items.clone(),
        Template::Literal(_) | Template::Expr(_) | Template::Text(_) | Template::Map(_) => Vec::new(),
    }
}
