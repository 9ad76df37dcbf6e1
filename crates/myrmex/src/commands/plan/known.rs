//! What is known of a run before it begins, from its inputs alone: what a `for_each` goes over, which case a `switch` takes, what is skipped.
//!
//! Only expressions that read nothing but inputs with a value are computed; whatever else there is stays open. A condition that fails to compute
//! decides nothing here: the run will say why.

use std::path::Path;

use myrmex_expr::{Evaluator, Reference, Step, inspect};
use myrmex_lang::Given as GivenInput;
use myrmex_model::ir::{Body, Choose, Definition, Node};
use myrmex_model::schema::Type;
use myrmex_model::template::{Expr, Template};
use myrmex_model::value::Value;
use myrmex_plan::lower::{Given, Items};
use serde_json::Map;

use crate::commands::run::inputs;
use crate::exit::Failure;

/// Returns the inputs that are given or have a default: a plan needs no others.
///
/// # Errors
///
/// Returns [`Failure`] if one that is given does not exist or has the wrong value.
pub(super) fn values(
    definition: &Definition,
    before: Vec<(String, GivenInput)>,
    pairs: &[String],
    file: &Path,
) -> Result<Map<String, Value>, Failure> {
    let flags = pairs.iter().filter_map(|pair| pair.split_once('=')).map(|(name, _)| name);
    let names: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).chain(flags).collect();
    let mut asked = definition.clone();
    // Of a name that does not exist the message lists all that do.
    if names.iter().all(|name| definition.inputs.iter().any(|input| input.name.as_str() == *name)) {
        asked.inputs.retain(|input| {
            let has_default = input.default.is_some() && input.schema.kind != Type::File;
            has_default || input.is_optional || names.contains(&input.name.as_str())
        });
    }
    let ways = "`-i NAME=VALUE` or `--input-file FILE`";
    let mut values = inputs(before, pairs, (&asked, file), ways)?.values().clone();
    // Of a secret only its name is there, and of a file nothing.
    let is_open = |name: &str| {
        let input = definition.inputs.iter().find(|input| input.name.as_str() == name);
        input.is_some_and(|input| input.schema.kind != Type::File && !input.schema.names_secret())
    };
    values.retain(|name, _| is_open(name));
    Ok(values)
}

/// Adds what `inputs` decide to what is given anyway.
pub(super) fn known(definition: &Definition, inputs: &Map<String, Value>, mut given: Given) -> Given {
    let mut desk = Desk { evaluator: Evaluator::new(), inputs };
    for node in definition.nodes.iter().filter(|node| !is_bound(definition, node)) {
        let path = path_of(definition, node);
        if node.guard.as_ref().and_then(|guard| desk.condition(guard)) == Some(false) {
            given.skipped.insert(path.clone());
        }
        match &node.body {
            Body::Each(each) => {
                if let Some(items) = desk.render(&each.source).and_then(|value| Items::of(&value)) {
                    given.items.insert(path, items);
                }
            }
            Body::Choose(choose) => {
                if let Some(case) = desk.case(choose) {
                    given.cases.insert(path, case);
                }
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Raise(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Call(_)
            | Body::Await(_) => {}
        }
    }
    given
}

/// Whether `inputs` means something else at `node` than the inputs of the run.
fn is_bound(definition: &Definition, node: &Node) -> bool {
    let outwards = std::iter::successors(Some(node), |node| node.parent.map(|id| definition.node(id)));
    outwards.into_iter().any(|node| node.binding.is_some())
}

/// Returns the path of a node that it shares over items.
fn path_of(definition: &Definition, node: &Node) -> String {
    let Some(parent) = node.parent.map(|id| definition.node(id)) else { return String::new() };
    let outer = path_of(definition, parent);
    match (&parent.body, outer.is_empty()) {
        (Body::Each(_), _) => format!("{outer}[]"),
        (_, true) => node.name.to_string(),
        (_, false) => format!("{outer}/{}", node.name),
    }
}

/// Computes what reads nothing but inputs.
struct Desk<'i> {
    evaluator: Evaluator,
    inputs: &'i Map<String, Value>,
}

impl Desk<'_> {
    /// Whether all that an expression reads is known.
    fn is_known(&self, expr: &Expr) -> bool {
        let Ok(found) = inspect(&expr.source) else { return false };
        found.references.iter().all(|reference| match (reference.root.as_str(), reference.steps.first()) {
            ("inputs", Some(Step::Field(name))) => self.inputs.contains_key(name.as_str()),
            (_, _) => false,
        })
    }

    fn condition(&mut self, expr: &Expr) -> Option<bool> {
        if !self.is_known(expr) {
            return None;
        }
        let inputs = self.inputs;
        self.evaluator.condition(expr, &mut |reference| read(inputs, reference)).ok()
    }

    fn render(&mut self, template: &Template) -> Option<Value> {
        let mut all_known = true;
        template.for_each_expr(&mut |expr| all_known &= self.is_known(expr));
        let inputs = self.inputs;
        let rendered =
            all_known.then(|| self.evaluator.render(template, &mut |reference| read(inputs, reference)))?;
        rendered.ok()
    }

    /// Returns the first case that holds, if all before it are known not to.
    fn case(&mut self, choose: &Choose) -> Option<u32> {
        for (place, case) in (0..).zip(&choose.cases) {
            let holds = match &case.when {
                Some(when) => self.condition(when)?,
                None => true,
            };
            if holds {
                return Some(place);
            }
        }
        None
    }
}

/// Returns what a reference to an input leads to.
fn read(inputs: &Map<String, Value>, reference: &Reference) -> Option<Value> {
    let mut steps = reference.steps.iter();
    let Some(Step::Field(name)) = steps.next() else { return None };
    let first = inputs.get(name.as_str())?;
    let found = steps.try_fold(first, |value, step| match step {
        Step::Field(name) => value.get(name.as_str()),
        Step::Index(index) => value.get(usize::try_from(*index).ok()?),
    });
    found.cloned()
}
