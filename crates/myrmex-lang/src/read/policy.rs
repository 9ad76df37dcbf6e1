//! Reads how a task is carried out: `retry`, `timeout`, `env`, and the `defaults` for them.

use myrmex_model::ir::{Backoff, Repetition};
use myrmex_model::time::Length;

use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Data, Defaults, Retry, Timeout};
use crate::tree::{Meaning, Node};

/// The pause before the first retry if none is written.
const RETRY_DELAY: Length = Length(1_000);

const BACKOFFS: [(&str, Backoff); 3] =
    [("constant", Backoff::Constant), ("linear", Backoff::Linear), ("exponential", Backoff::Exponential)];

const JITTERS: [(&str, bool); 2] = [("full", true), ("none", false)];

/// What `pure` adds to `idempotent` is of interest to caches only.
const EFFECTS: [(&str, Repetition); 3] =
    [("pure", Repetition::Harmless), ("idempotent", Repetition::Harmless), ("once", Repetition::Forbidden)];

/// Returns the words of `effect`.
pub(super) fn effect_words() -> Vec<&'static str> {
    EFFECTS.iter().map(|(word, _)| *word).collect()
}

/// What every attempt is told about itself; a task cannot say otherwise.
pub(crate) const OWN_VARIABLES: [&str; 8] = [
    "MYRMEX_RUN",
    "MYRMEX_TASK",
    "MYRMEX_ATTEMPT",
    "MYRMEX_FENCING_TOKEN",
    "MYRMEX_IDEMPOTENCY_KEY",
    "MYRMEX_OUTPUT",
    "MYRMEX_HEARTBEAT",
    "TRACEPARENT",
];

/// Returns the words of `backoff`.
pub(super) fn backoff_words() -> Vec<&'static str> {
    BACKOFFS.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `jitter`.
pub(super) fn jitter_words() -> Vec<&'static str> {
    JITTERS.iter().map(|(word, _)| *word).collect()
}

impl Reader<'_> {
    pub(super) fn retry(&mut self, node: &Node) -> Option<Retry> {
        if let Some(count) =
            node.as_scalar().filter(|scalar| matches!(scalar.value(), serde_json::Value::Number(_)))
        {
            let hint = format!("write `retry: {{attempts: {}}}`", count.text);
            self.report.refuse_hint(codes::TYPE, node.place, "`retry` must be a map, this is a number", hint);
            return None;
        }
        let map = self.map("`retry`", node)?;
        let fields = self.fields(map, &keys::RETRY);
        let mut retry = Retry {
            attempts: 1,
            delay: RETRY_DELAY,
            backoff: Backoff::Exponential,
            delay_max: None,
            has_jitter: false,
            when: None,
        };
        if let Some(entry) = fields.get("attempts") {
            retry.attempts = self.count("`attempts`", &entry.value).unwrap_or(1);
        }
        if let Some(entry) = fields.get("delay") {
            retry.delay = self.length("`delay`", &entry.value).unwrap_or(RETRY_DELAY);
        }
        if let Some(entry) = fields.get("backoff") {
            retry.backoff = self.word("`backoff`", &entry.value, &BACKOFFS).unwrap_or(retry.backoff);
        }
        if let Some(entry) = fields.get("max_delay") {
            retry.delay_max = self.length("`max_delay`", &entry.value);
            if let Some(most) = retry.delay_max.filter(|most| fields.has("delay") && *most < retry.delay) {
                let message = format!("`max_delay` of {most} is less than `delay`, which is {}", retry.delay);
                self.report.refuse(codes::NUMBER_BOUND, entry.value.place, message);
            }
        }
        if let Some(entry) = fields.get("jitter") {
            retry.has_jitter = self.word("`jitter`", &entry.value, &JITTERS).unwrap_or(false);
        }
        retry.when = fields.get("when").and_then(|entry| self.condition("when", &entry.value));
        // A key that is written wrong was refused, and may be the one that is meant.
        let is_known = map.entries.iter().all(|entry| keys::RETRY.known(&entry.key.text).is_some());
        if !fields.has("attempts") && is_known {
            let message = "`retry` without `attempts` repeats nothing";
            self.report.refuse(codes::KEY_MISSING, node.place, message);
        }
        Some(retry)
    }

    /// Reads `timeout`: a duration, or a map. Only what has a worker waits for a place and gives signs of life.
    pub(super) fn timeout(&mut self, node: &Node, has_queue: bool) -> Option<Timeout> {
        let Some(map) = node.as_map() else {
            let run = self.limit("a `timeout`", node)?;
            return Some(Timeout { run: Some(run), ..Timeout::default() });
        };
        let fields = self.fields(map, &keys::TIMEOUT);
        if !has_queue {
            self.misplaced(&fields, "queue", "only the wait of a `run` can be bounded");
            self.misplaced(&fields, "heartbeat", "only the process of a `run` gives signs of life");
        }
        let mut limit =
            |key: &str| fields.get(key).and_then(|entry| self.limit(&format!("`{key}`"), &entry.value));
        Some(Timeout {
            queue: limit("queue"),
            run: limit("run"),
            heartbeat: limit("heartbeat"),
            total: limit("total"),
        })
    }

    /// Reads a limit of time, which is more than nothing.
    pub(super) fn limit(&mut self, what: &str, node: &Node) -> Option<Length> {
        let length = self.length(what.trim_start_matches("a "), node)?;
        if length == Length(0) {
            self.report.refuse(
                codes::NUMBER_BOUND,
                node.place,
                format!("{what} of zero leaves no time at all"),
            );
            return None;
        }
        Some(length)
    }

    pub(super) fn effect(&mut self, node: &Node) -> Option<Repetition> {
        self.word("`effect`", node, &EFFECTS)
    }

    /// Reads `env` and `workdir`.
    pub(super) fn surroundings(&mut self, fields: &Fields<'_>) -> (Vec<(String, Data)>, Option<Data>) {
        let env = fields.get("env").map(|entry| self.env(&entry.value)).unwrap_or_default();
        (env, fields.get("workdir").and_then(|entry| self.text_data("`workdir`", &entry.value)))
    }

    pub(super) fn env(&mut self, node: &Node) -> Vec<(String, Data)> {
        let Some(map) = self.map("`env`", node) else { return Vec::new() };
        let mut variables = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let (name, place) = (entry.key.text.as_str(), entry.key.place);
            if !is_variable(name) {
                let message = format!("`{name}` cannot name an environment variable");
                let hint = "use letters, digits and `_`, no digit first";
                self.report.refuse_hint(codes::VARIABLE, place, message, hint);
            }
            if OWN_VARIABLES.contains(&name) {
                let message = format!("every task finds its own `{name}` in its environment");
                self.report.refuse_hint(codes::VARIABLE, place, message, "choose another name");
            }
            if entry.value.is_null() {
                let hint = "write '' for an empty variable";
                self.report.refuse_hint(
                    codes::TYPE,
                    place,
                    format!("the variable `{name}` has no value"),
                    hint,
                );
            } else if let Some(data) = self.variable(&entry.value) {
                self.warn_reshaped(&format!("`{name}`"), &entry.value);
                self.warn_foreign_holes(&entry.value);
                self.warn_self_reference(entry);
                if let Some(value) = data.template.as_literal().filter(|_| !data.is_secret) {
                    self.warn_plain_secret(name, value, entry.value.place);
                }
                variables.push((name.to_owned(), data));
            }
        }
        variables
    }

    /// Warns of a number that is not printed as it is written, such as the version `1.10`.
    pub(super) fn warn_reshaped(&mut self, what: &str, node: &Node) {
        let Some(scalar) = node.as_scalar() else { return };
        let Meaning::Number(number) = &scalar.meaning else { return };
        let (written, printed) = (&scalar.text, number.to_string());
        if *written != printed {
            let message = format!("{what} becomes `{printed}`: bare `{written}` is a number");
            let warning = self.report.warning(codes::NUMBER_RESHAPED, node.place, message);
            self.report.push(warning.with_hint(format!("write `'{written}'` for the text")));
        }
    }

    pub(super) fn defaults(&mut self, node: &Node) -> Defaults {
        let Some(map) = self.map("`defaults`", node) else { return Defaults::default() };
        let fields = self.fields(map, &keys::DEFAULTS);
        Defaults {
            retry: fields.get("retry").and_then(|entry| self.retry(&entry.value)),
            timeout: fields.get("timeout").and_then(|entry| self.timeout(&entry.value, true)),
            env: fields.get("env").map(|entry| self.env(&entry.value)).unwrap_or_default(),
            effect: fields.get("effect").and_then(|entry| self.effect(&entry.value)),
            asks: Box::new(self.default_asks(&fields)),
        }
    }
}

pub(super) fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
