//! The types of form 1 around the bodies of nodes, and their conversion to and from the internal representation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::asks::{AsksV1, counted, units};
use super::bodies::BodyV1;
use super::handling::HandlingV1;
use super::planning::PlanningV1;
use super::project::ProjectV1;
use super::schema::SchemaV1;
use super::template::TemplateV1;
use super::{FORM, WHAT};
use crate::demand::Asks;
use crate::ir::{
    Backoff, Binding, Concurrency, Definition, Handling, Input, Node, NodeId, OnConflict, OutputField,
    Outputs, Policy, Repetition, Retry,
};
use crate::name::{Name, Namespace};
use crate::planning::{Planning, Project};
use crate::template::{Expr, Template};
use crate::time::Length;
use crate::value::Value;
use crate::wire::WireError;

pub(super) type Text<'a> = Cow<'a, str>;

pub(super) fn wrong(reason: impl std::fmt::Display) -> WireError {
    WireError::new(WHAT, reason)
}

pub(super) fn name(text: &str) -> Result<Name, WireError> {
    Name::new(text).map_err(wrong)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

pub(super) fn source(expr: Option<&Expr>) -> Option<Text<'_>> {
    expr.map(|expr| Cow::Borrowed(&*expr.source))
}

pub(super) fn expr(source: Option<Text<'_>>) -> Option<Expr> {
    source.map(|source| Expr::jinja(&source))
}

/// Reads a field that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'static, Value>>, D::Error> {
    Value::deserialize(deserializer).map(|value| Some(Cow::Owned(value)))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionV1<'a> {
    form: u16,
    #[serde(borrow)]
    namespace: Text<'a>,
    name: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<InputV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrency: Option<ConcurrencyV1<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pools: BTreeMap<Text<'a>, u32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    root: u32,
    nodes: Vec<NodeV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<Box<ProjectV1>>,
}

impl<'a> From<&'a Definition> for DefinitionV1<'a> {
    fn from(definition: &'a Definition) -> Self {
        Self {
            form: FORM,
            namespace: definition.namespace.as_str().into(),
            name: definition.name.as_str().into(),
            version: definition.version.as_deref().map(Cow::Borrowed),
            inputs: definition.inputs.iter().map(InputV1::from).collect(),
            concurrency: definition.concurrency.as_ref().map(ConcurrencyV1::from),
            pools: units(&definition.pools),
            root: definition.root.0,
            nodes: definition.nodes.iter().map(NodeV1::from).collect(),
            project: definition.project.as_deref().map(|project| Box::new(project.into())),
        }
    }
}

impl TryFrom<DefinitionV1<'_>> for Definition {
    type Error = WireError;

    fn try_from(form: DefinitionV1<'_>) -> Result<Self, WireError> {
        if form.form != FORM {
            return Err(wrong(format!("form {} is not known", form.form)));
        }
        let names = form.nodes.iter().map(|node| name(&node.name)).collect::<Result<Vec<_>, _>>()?;
        let nodes = form.nodes.into_iter().zip(&names).map(|(node, name)| node.into_node(name, &names));
        Ok(Self {
            namespace: Namespace::new(&form.namespace).map_err(wrong)?,
            name: name(&form.name)?,
            version: form.version.map(Cow::into_owned),
            inputs: form.inputs.into_iter().map(Input::try_from).collect::<Result<_, _>>()?,
            concurrency: form.concurrency.map(Concurrency::try_from).transpose()?,
            pools: counted(form.pools)?,
            root: NodeId(form.root),
            nodes: nodes.collect::<Result<_, _>>()?,
            project: form.project.map(|project| Project::try_from(*project).map(Box::new)).transpose()?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConcurrencyV1<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    key: Option<TemplateV1<'a>>,
    limit: u32,
    #[serde(default, skip_serializing_if = "is_queue")]
    on_conflict: OnConflictV1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnConflictV1 {
    #[default]
    Queue,
    Skip,
    Cancel,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_queue(word: &OnConflictV1) -> bool {
    *word == OnConflictV1::Queue
}

impl<'a> From<&'a Concurrency> for ConcurrencyV1<'a> {
    fn from(concurrency: &'a Concurrency) -> Self {
        Self {
            key: concurrency.key.as_ref().map(TemplateV1::from),
            limit: concurrency.limit,
            on_conflict: match concurrency.on_conflict {
                OnConflict::Queue => OnConflictV1::Queue,
                OnConflict::Skip => OnConflictV1::Skip,
                OnConflict::Cancel => OnConflictV1::Cancel,
            },
        }
    }
}

impl TryFrom<ConcurrencyV1<'_>> for Concurrency {
    type Error = WireError;

    fn try_from(form: ConcurrencyV1<'_>) -> Result<Self, WireError> {
        if form.limit == 0 {
            return Err(wrong("its concurrency leaves no place for any run"));
        }
        Ok(Self {
            key: form.key.map(Template::from),
            limit: form.limit,
            on_conflict: match form.on_conflict {
                OnConflictV1::Queue => OnConflict::Queue,
                OnConflictV1::Skip => OnConflict::Skip,
                OnConflictV1::Cancel => OnConflict::Cancel,
            },
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputV1<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    schema: SchemaV1<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    default: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "is_false")]
    optional: bool,
}

impl<'a> From<&'a Input> for InputV1<'a> {
    fn from(input: &'a Input) -> Self {
        Self {
            name: input.name.as_str().into(),
            schema: (&input.schema).into(),
            default: input.default.as_ref().map(Cow::Borrowed),
            optional: input.is_optional,
        }
    }
}

impl TryFrom<InputV1<'_>> for Input {
    type Error = WireError;

    fn try_from(form: InputV1<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: name(&form.name)?,
            schema: form.schema.try_into()?,
            default: form.default.map(Cow::into_owned),
            is_optional: form.optional,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeV1<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<u32>,
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    guard: Option<Text<'a>>,
    body: BodyV1<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<RetryV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt_timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue_timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heartbeat_timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total_timeout: Option<u64>,
    /// Whether nothing may repeat an attempt of unknown outcome.
    #[serde(default, skip_serializing_if = "is_false")]
    once: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asks: Option<Box<AsksV1<'a>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outputs: Option<OutputsV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handling: Option<Box<HandlingV1<'a>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<Box<BindingV1<'a>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    planning: Option<Box<PlanningV1>>,
}

impl<'a> From<&'a Node> for NodeV1<'a> {
    fn from(node: &'a Node) -> Self {
        Self {
            name: node.name.as_str().into(),
            parent: node.parent.map(|parent| parent.0),
            guard: source(node.guard.as_ref()),
            body: (&node.body).into(),
            retry: node.policy.retry.as_ref().map(RetryV1::from),
            attempt_timeout: node.policy.attempt_timeout.map(|length| length.0),
            queue_timeout: node.policy.queue_timeout.map(|length| length.0),
            heartbeat_timeout: node.policy.heartbeat_timeout.map(|length| length.0),
            total_timeout: node.policy.total_timeout.map(|length| length.0),
            once: node.policy.repetition == Repetition::Forbidden,
            asks: node.policy.asks.as_deref().map(|asks| Box::new(asks.into())),
            outputs: OutputsV1::of(&node.outputs),
            handling: node.handling.as_deref().map(|handling| Box::new(handling.into())),
            binding: node.binding.as_deref().map(|binding| Box::new(binding.into())),
            planning: node.planning.as_deref().map(|planning| Box::new(planning.into())),
        }
    }
}

impl NodeV1<'_> {
    /// Makes the node called `own`; `names` are those of all nodes.
    fn into_node(self, own: &Name, names: &[Name]) -> Result<Node, WireError> {
        Ok(Node {
            name: own.clone(),
            parent: self.parent.map(NodeId),
            guard: expr(self.guard),
            body: self.body.into_body(names)?,
            policy: Policy {
                retry: self.retry.map(Retry::from),
                attempt_timeout: self.attempt_timeout.map(Length),
                queue_timeout: self.queue_timeout.map(Length),
                heartbeat_timeout: self.heartbeat_timeout.map(Length),
                total_timeout: self.total_timeout.map(Length),
                repetition: if self.once { Repetition::Forbidden } else { Repetition::Harmless },
                asks: self.asks.map(|asks| Asks::try_from(*asks).map(Box::new)).transpose()?,
            },
            outputs: match self.outputs {
                None => Outputs::Raw,
                Some(OutputsV1::Declared(fields)) => Outputs::Declared(
                    fields.into_iter().map(OutputField::try_from).collect::<Result<_, _>>()?,
                ),
                Some(OutputsV1::Computed(template)) => Outputs::Computed(template.into()),
                Some(OutputsV1::Last) => Outputs::Last,
            },
            handling: self.handling.map(|handling| Box::new(Handling::from(*handling))),
            binding: self.binding.map(|binding| Binding::try_from(*binding).map(Box::new)).transpose()?,
            planning: self
                .planning
                .map(|planning| Planning::try_from(*planning).map(Box::new))
                .transpose()?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindingV1<'a> {
    #[serde(borrow)]
    values: TemplateV1<'a>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<InputV1<'a>>,
}

impl<'a> From<&'a Binding> for BindingV1<'a> {
    fn from(binding: &'a Binding) -> Self {
        Self { values: (&binding.values).into(), inputs: binding.inputs.iter().map(InputV1::from).collect() }
    }
}

impl TryFrom<BindingV1<'_>> for Binding {
    type Error = WireError;

    fn try_from(form: BindingV1<'_>) -> Result<Self, WireError> {
        let inputs = form.inputs.into_iter().map(Input::try_from).collect::<Result<_, _>>()?;
        Ok(Self { values: form.values.into(), inputs })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutputsV1<'a> {
    #[serde(borrow)]
    Declared(Vec<OutputFieldV1<'a>>),
    Computed(TemplateV1<'a>),
    Last,
}

impl<'a> OutputsV1<'a> {
    /// Returns the form of what a node gives; none for whatever its body gives.
    pub(super) fn of(outputs: &'a Outputs) -> Option<Self> {
        match outputs {
            Outputs::Raw => None,
            Outputs::Declared(fields) => {
                Some(Self::Declared(fields.iter().map(OutputFieldV1::from).collect()))
            }
            Outputs::Computed(template) => Some(Self::Computed(template.into())),
            Outputs::Last => Some(Self::Last),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputFieldV1<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    schema: SchemaV1<'a>,
    #[serde(default, skip_serializing_if = "is_false")]
    optional: bool,
}

impl<'a> From<&'a OutputField> for OutputFieldV1<'a> {
    fn from(field: &'a OutputField) -> Self {
        Self { name: field.name.as_str().into(), schema: (&field.schema).into(), optional: field.is_optional }
    }
}

impl TryFrom<OutputFieldV1<'_>> for OutputField {
    type Error = WireError;

    fn try_from(form: OutputFieldV1<'_>) -> Result<Self, WireError> {
        Ok(Self { name: name(&form.name)?, schema: form.schema.try_into()?, is_optional: form.optional })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryV1<'a> {
    retries: u32,
    delay: u64,
    backoff: BackoffV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_max: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    jitter: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    when: Option<Text<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BackoffV1 {
    Constant,
    Linear,
    Exponential,
}

impl<'a> From<&'a Retry> for RetryV1<'a> {
    fn from(retry: &'a Retry) -> Self {
        Self {
            retries: retry.retries,
            delay: retry.delay.0,
            backoff: match retry.backoff {
                Backoff::Constant => BackoffV1::Constant,
                Backoff::Linear => BackoffV1::Linear,
                Backoff::Exponential => BackoffV1::Exponential,
            },
            delay_max: retry.delay_max.map(|length| length.0),
            jitter: retry.has_jitter,
            when: source(retry.when.as_ref()),
        }
    }
}

impl From<RetryV1<'_>> for Retry {
    fn from(form: RetryV1<'_>) -> Self {
        Self {
            retries: form.retries,
            delay: Length(form.delay),
            backoff: match form.backoff {
                BackoffV1::Constant => Backoff::Constant,
                BackoffV1::Linear => Backoff::Linear,
                BackoffV1::Exponential => Backoff::Exponential,
            },
            delay_max: form.delay_max.map(Length),
            has_jitter: form.jitter,
            when: expr(form.when),
        }
    }
}
