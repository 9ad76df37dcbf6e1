//! The types of form 1 for what waits for people or for a message.

use serde::{Deserialize, Serialize};

use super::forms::{InputV1, Text, is_false, name, wrong};
use super::template::TemplateV1;
use crate::ir::{Await, AwaitKind, CheckItem, Gate, GateDecision, Input};
use crate::template::{Expr, Template};
use crate::time::Length;
use crate::value::Value;
use crate::wire::WireError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AwaitV1<'a> {
    #[serde(borrow)]
    kind: AwaitKindV1<'a>,
    /// Absent if it is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask: Option<TemplateV1<'a>>,
    /// Absent if it is everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<TemplateV1<'a>>,
    /// Absent if it is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exclude: Option<TemplateV1<'a>>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<InputV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AwaitKindV1<'a> {
    Manual,
    Approval,
    Form,
    #[serde(borrow)]
    Signal(Text<'a>),
    Gate(GateV1<'a>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateV1<'a> {
    /// Name and source of each.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    criteria: Vec<(Text<'a>, Text<'a>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checklist: Vec<CheckItemV1<'a>>,
    decisions: Vec<Text<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckItemV1<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    ask: TemplateV1<'a>,
    #[serde(default, skip_serializing_if = "is_false")]
    needs_evidence: bool,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

/// Returns the form of names; none for an empty list.
fn names(template: &Template) -> Option<TemplateV1<'_>> {
    let is_empty = matches!(template.as_literal(), Some(Value::Array(names)) if names.is_empty());
    (!is_empty).then(|| template.into())
}

fn names_of(form: Option<TemplateV1<'_>>) -> Template {
    form.map_or_else(|| Template::Literal(Value::Array(Vec::new())), Template::from)
}

impl<'a> From<&'a Await> for AwaitV1<'a> {
    fn from(body: &'a Await) -> Self {
        Self {
            kind: match &body.kind {
                AwaitKind::Manual => AwaitKindV1::Manual,
                AwaitKind::Approval => AwaitKindV1::Approval,
                AwaitKind::Form => AwaitKindV1::Form,
                AwaitKind::Signal(name) => AwaitKindV1::Signal(name.as_str().into()),
                AwaitKind::Gate(gate) => AwaitKindV1::Gate((&**gate).into()),
            },
            ask: (body.ask.as_literal() != Some(&Value::Null)).then(|| (&body.ask).into()),
            from: names(&body.from),
            exclude: names(&body.exclude),
            count: body.count,
            fields: body.fields.iter().map(InputV1::from).collect(),
            expires: body.expires.map(|length| length.0),
        }
    }
}

impl TryFrom<AwaitV1<'_>> for Await {
    type Error = WireError;

    fn try_from(form: AwaitV1<'_>) -> Result<Self, WireError> {
        Ok(Self {
            kind: match form.kind {
                AwaitKindV1::Manual => AwaitKind::Manual,
                AwaitKindV1::Approval => AwaitKind::Approval,
                AwaitKindV1::Form => AwaitKind::Form,
                AwaitKindV1::Signal(signal) => AwaitKind::Signal(name(&signal)?),
                AwaitKindV1::Gate(gate) => AwaitKind::Gate(Box::new(gate.try_into()?)),
            },
            ask: form.ask.map_or(Template::Literal(Value::Null), Template::from),
            from: names_of(form.from),
            exclude: names_of(form.exclude),
            count: form.count,
            fields: form.fields.into_iter().map(Input::try_from).collect::<Result<_, _>>()?,
            expires: form.expires.map(Length),
        })
    }
}

impl<'a> From<&'a Gate> for GateV1<'a> {
    fn from(gate: &'a Gate) -> Self {
        Self {
            criteria: (gate.criteria.iter())
                .map(|(name, expr)| (name.as_str().into(), Text::Borrowed(&*expr.source)))
                .collect(),
            checklist: gate.checklist.iter().map(CheckItemV1::from).collect(),
            decisions: gate.decisions.iter().map(|decision| decision.as_str().into()).collect(),
        }
    }
}

impl TryFrom<GateV1<'_>> for Gate {
    type Error = WireError;

    fn try_from(form: GateV1<'_>) -> Result<Self, WireError> {
        let criterion = |(own, source): (Text<'_>, Text<'_>)| Ok((name(&own)?, Expr::jinja(&source)));
        let decision = |word: Text<'_>| {
            GateDecision::from_word(&word).ok_or_else(|| wrong(format!("unknown decision `{word}`")))
        };
        Ok(Self {
            criteria: form.criteria.into_iter().map(criterion).collect::<Result<_, WireError>>()?,
            checklist: form.checklist.into_iter().map(CheckItem::try_from).collect::<Result<_, _>>()?,
            decisions: form.decisions.into_iter().map(decision).collect::<Result<_, _>>()?,
        })
    }
}

impl<'a> From<&'a CheckItem> for CheckItemV1<'a> {
    fn from(item: &'a CheckItem) -> Self {
        Self { name: item.name.as_str().into(), ask: (&item.ask).into(), needs_evidence: item.needs_evidence }
    }
}

impl TryFrom<CheckItemV1<'_>> for CheckItem {
    type Error = WireError;

    fn try_from(form: CheckItemV1<'_>) -> Result<Self, WireError> {
        Ok(Self { name: name(&form.name)?, ask: form.ask.into(), needs_evidence: form.needs_evidence })
    }
}
