//! Comparisons with values of which all are known: the statuses, and what an `enum` lists.
//!
//! Two constants are never judged: who compares them means to switch something off.

use std::ops::Range;

use serde_json::Value as Json;

use super::{Stray, Walk};
use crate::shape::{Kinds, Shape};
use crate::tree::{Comparison, Kind, Node};

/// The most values that a message lists.
const LISTED_MAX: usize = 12;

impl Walk<'_> {
    /// Reports a comparison of values that are never equal though they are of one type. `always` says what it is.
    pub(super) fn compare_values(
        &mut self,
        always: &str,
        (left, first): (&Node, &Shape),
        (right, second): (&Node, &Shape),
    ) {
        let Some((own, other)) = pair((left, first), (right, second)) else { return };
        if can_meet(&own, &other) {
            return;
        }
        let span = left.span.start..right.span.end;
        let is_own = matches!(left.kind, Kind::Constant(_));
        let (closed, values, constant) = if is_own { (right, &other, left) } else { (left, &own, right) };
        let message = format!("`{}` is {always}: {}", self.quoted(&span), self.is_one_of(closed, values));
        let message = match constant.kind {
            Kind::Constant(_) => message,
            _ => format!("{message}, {}", self.is_one_of(right, &other)),
        };
        self.stray(span, message, (constant, values));
    }

    /// Reports that no member of a list can be what is looked for. `always` says what the condition is.
    pub(super) fn compare_members(
        &mut self,
        comparison: Comparison,
        (left, first): (&Node, &Shape),
        (right, second): (&Node, &Shape),
    ) {
        // Of a null the condition has no value at all.
        let is_list = second.kinds.meets(Kinds::LIST) && second.kinds.is_within(Kinds::LIST.or(Kinds::NULL));
        if !is_list || first == &Shape::NULL {
            return;
        }
        // The tree knows `a not in b` as `not (a in b)`, with the span of the whole.
        let between = self.source.get(left.span.end..right.span.start).unwrap_or_default();
        let is_negated = comparison == Comparison::NotIn || between.contains("not");
        let always = if is_negated { "always true" } else { "never true" };
        let member = second.member();
        let span = left.span.start..right.span.end;
        if !first.meets(&member) {
            let message = format!(
                "`{}` is {always}: {}, the members of `{}` of type {member}",
                self.quoted(&span),
                self.is_of(left, first),
                self.quoted(&right.span),
            );
            let hint = match left.kind {
                Kind::Constant(_) => self.comparable((left, first), (right, &member)),
                _ => self.as_number(left, first),
            };
            self.clash(span, message, hint);
            return;
        }
        if let Kind::List(items) = &right.kind {
            for item in items.iter().filter(|item| matches!(item.kind, Kind::Constant(_))) {
                self.compare_item((left, first), item);
            }
            return;
        }
        let Some((own, others)) = pair((left, first), (right, &member)) else { return };
        if can_meet(&own, &others) {
            return;
        }
        let members = format!("the members of `{}` are {}", self.quoted(&right.span), listed(&others));
        let message = format!("`{}` is {always}: {members}", self.quoted(&span));
        self.stray(span, message, (left, &others));
    }

    /// Reports a member of a written list that what is looked for in it cannot be.
    fn compare_item(&mut self, (left, first): (&Node, &Shape), item: &Node) {
        let Some((own, other)) = pair((left, first), (item, &Shape::ANY)) else { return };
        if !can_meet(&own, &other) {
            let message =
                format!("`{}` is never it: {}", self.quoted(&item.span), self.is_one_of(left, &own));
            self.stray(item.span.clone(), message, (item, &own));
        }
    }

    fn is_one_of(&self, node: &Node, values: &[Json]) -> String {
        format!("`{}` is one of {}", self.quoted(&node.span), listed(values))
    }

    /// Reports `message`; if `constant` is a text, with the texts that it may have been meant to be.
    fn stray(&mut self, span: Range<usize>, message: String, (constant, values): (&Node, &[Json])) {
        let text = match &constant.kind {
            Kind::Constant(value) => value.as_str().map(str::to_owned),
            _ => None,
        };
        let words = values.iter().filter_map(Json::as_str).map(str::to_owned).collect();
        self.clash(span, message, None);
        if let Some(clash) = self.clashes.last_mut() {
            clash.stray = text.map(|text| Stray { text, words });
        }
    }
}

/// Returns the values of both sides, if all of them are known and not both sides are constants.
fn pair((left, first): (&Node, &Shape), (right, second): (&Node, &Shape)) -> Option<(Vec<Json>, Vec<Json>)> {
    let is_constant = |node: &Node| matches!(node.kind, Kind::Constant(_));
    if is_constant(left) && is_constant(right) {
        return None;
    }
    Some((values_of(left, first)?, values_of(right, second)?))
}

/// Returns all values that `node` can have, if they are known.
fn values_of(node: &Node, shape: &Shape) -> Option<Vec<Json>> {
    match &node.kind {
        Kind::Constant(value) => {
            let value = serde_json::to_value(value).ok()?;
            (value.is_string() || value.is_number()).then(|| vec![value])
        }
        _ => shape.values().map(<[Json]>::to_vec),
    }
}

fn can_meet(some: &[Json], others: &[Json]) -> bool {
    some.iter().any(|one| others.iter().any(|other| can_equal(one, other)))
}

/// Returns whether an expression may find two values equal. Of lists and maps nothing is said.
fn can_equal(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::String(one), Json::String(other)) => one == other,
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::String(_), Json::Number(_) | Json::Bool(_) | Json::Null)
        | (Json::Number(_) | Json::Bool(_) | Json::Null, Json::String(_))
        | (Json::Number(_), Json::Null)
        | (Json::Null, Json::Number(_)) => false,
        (_, _) => true,
    }
}

fn listed(values: &[Json]) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(LISTED_MAX)
        .map(|value| value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`")))
        .collect();
    let more = if values.len() > LISTED_MAX { " …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
