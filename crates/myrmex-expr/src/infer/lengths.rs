//! Comparisons of durations, which are texts: `2h` is less than `30m` by its letters.

use myrmex_model::time::Length;

use super::Walk;
use crate::shape::{Kinds, Shape};
use crate::tree::{Comparison, Kind, Node};

impl Walk<'_> {
    /// Reports a comparison of a duration with a text by their letters.
    pub(super) fn compare_lengths(
        &mut self,
        comparison: Comparison,
        (left, first): (&Node, &Shape),
        (right, second): (&Node, &Shape),
    ) {
        let is_text = |shape: &Shape| {
            shape.kinds.meets(Kinds::STRING) && shape.kinds.is_within(Kinds::STRING.or(Kinds::NULL))
        };
        if !(first.is_duration() || second.is_duration()) || !is_text(first) || !is_text(second) {
            return;
        }
        let why = match comparison {
            Comparison::Equal | Comparison::Unequal => {
                // Of texts that are all known, and of one that is no duration, equality means what it says.
                let is_closed = first.values().or(second.values()).is_some();
                if is_closed || is_no_length(left) || is_no_length(right) {
                    return;
                }
                "`60m` is not equal to `1h`"
            }
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                "`2h` is less than `30m`"
            }
            Comparison::In | Comparison::NotIn => return,
        };
        let span = left.span.start..right.span.end;
        let (own, other) = (self.quoted(&left.span), self.quoted(&right.span));
        let between = self.source.get(left.span.end..right.span.start).unwrap_or_default().trim();
        let message = format!("`{}` compares durations as texts: {why}", self.quoted(&span));
        let hint = format!("write `{own} | duration {between} {other} | duration`");
        self.clash(span, message, Some(hint));
        if let Some(clash) = self.clashes.last_mut() {
            clash.is_of_texts = true;
        }
    }
}

/// Returns whether `node` is a text that is no duration.
fn is_no_length(node: &Node) -> bool {
    match &node.kind {
        Kind::Constant(value) => value.as_str().is_none_or(|text| text.parse::<Length>().is_err()),
        _ => false,
    }
}
