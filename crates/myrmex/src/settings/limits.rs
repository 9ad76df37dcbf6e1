//! The key `expressions` of the settings: what an evaluation may do.

use std::ops::RangeInclusive;
use std::time::Duration;

use myrmex_expr::FUEL_MAX;
use myrmex_lang::codes;
use myrmex_lang::tree::{Node, Scalar};
use myrmex_model::time::Length;
use myrmex_model::value::{VALUE_DEPTH_MAX, Value};
use myrmex_runtime::evaluate::EvaluationLimits;
use serde_json::json;

use super::Reader;

/// Its keys.
const KEYS: [&str; 4] = ["fuel", "depth", "jq_deadline", "jq_lost"];

/// With less fuel not even a small condition over a text could be evaluated.
const FUEL_MIN: u64 = 100;

/// How long a jq program may be allowed to take. A run whose program takes long holds up all others of the workspace.
const DEADLINE_MS: RangeInclusive<u64> = 1..=60_000;

/// How many lost programs may be allowed: each may take a core and some hundred MB.
const LOST: RangeInclusive<u64> = 0..=64;

/// Returns the JSON Schema of what stands under `expressions`.
pub(super) fn schema() -> Value {
    let count = |range: RangeInclusive<u64>, about: &str| {
        let (least, most) = range.into_inner();
        json!({"description": about, "type": "integer", "minimum": least, "maximum": most})
    };
    json!({
        "description": "What an evaluation of an expression may do",
        "type": "object",
        "properties": {
            "fuel": count(FUEL_MIN..=FUEL_MAX, "How many steps it may take"),
            "depth": count(1..=VALUE_DEPTH_MAX as u64, "How deep its values may nest"),
            "jq_deadline": {
                "description": "How long a jq program may take, such as `250ms`",
                "type": "string",
                "pattern": "^([0-9]+(ms|s|m|h|d))+$",
            },
            "jq_lost": count(LOST, "How many jq programs that did not end may still run"),
        },
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
    })
}

impl Reader<'_> {
    /// Reads what stands under `expressions`; what is not said stays as it is built in.
    pub(super) fn limits(&mut self, node: &Node) -> EvaluationLimits {
        let mut limits = EvaluationLimits::default();
        let Some(map) = self.map("`expressions`", node) else { return limits };
        self.keys(map, &KEYS, "`expressions`");
        let deepest = VALUE_DEPTH_MAX as u64;
        if let Some(fuel) =
            map.entry("fuel").and_then(|own| self.count("fuel", &own.value, FUEL_MIN..=FUEL_MAX))
        {
            limits.expression.fuel = fuel;
        }
        if let Some(depth) = map.entry("depth").and_then(|own| self.count("depth", &own.value, 1..=deepest)) {
            limits.expression.depth = usize::try_from(depth).unwrap_or(VALUE_DEPTH_MAX);
        }
        if let Some(deadline) = map.entry("jq_deadline").and_then(|own| self.deadline(&own.value)) {
            limits.jq_deadline = deadline;
        }
        if let Some(lost) = map.entry("jq_lost").and_then(|own| self.count("jq_lost", &own.value, LOST)) {
            limits.jq_lost_max = u32::try_from(lost).unwrap_or(u32::MAX);
        }
        limits
    }

    pub(super) fn count(&mut self, key: &str, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        let number = node.as_scalar().map(Scalar::value).filter(Value::is_number);
        let Some(number) = number else {
            self.refuse_type(&format!("`{key}`"), "a whole number", node);
            return None;
        };
        let count = number.as_u64().filter(|count| range.contains(count));
        if count.is_none() {
            let (least, most) = range.into_inner();
            let message = format!("`{key}` must be a whole number from {least} to {most}, this is {number}");
            self.refuse(codes::NUMBER_BOUND, node.place, message);
        }
        count
    }

    fn deadline(&mut self, node: &Node) -> Option<Duration> {
        let Some(text) = node.as_scalar().and_then(|scalar| scalar.as_text()) else {
            self.refuse_type("`jq_deadline`", "a duration such as `250ms`", node);
            return None;
        };
        match text.parse() {
            Ok(Length(ms)) if DEADLINE_MS.contains(&ms) => Some(Duration::from_millis(ms)),
            Ok(length) => {
                let [least, most] = [*DEADLINE_MS.start(), *DEADLINE_MS.end()].map(Length);
                let message = format!("`jq_deadline` must be from {least} to {most}, this is {length}");
                self.refuse(codes::NUMBER_BOUND, node.place, message);
                None
            }
            Err(error) => {
                self.refuse(codes::DURATION, node.place, error.to_string());
                None
            }
        }
    }
}
