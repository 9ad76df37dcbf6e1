//! Reads what `myrmex events` prints.

use std::fmt;

use myrmex_model::status::Status;
use serde_json::Value;

/// One exported event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The log.
    pub log: u64,
    /// The place in the log.
    pub sequence: u64,
    /// Which owner of the log recorded it.
    pub boot: u64,
    /// The run.
    pub run: String,
    /// The address of the task; none for events of the run.
    pub task: Option<String>,
    /// The task's path: its address without visits.
    pub path: Option<String>,
    /// The attempt.
    pub attempt: Option<u64>,
    /// The grant's token.
    pub token: Option<u64>,
    /// The kind.
    pub kind: String,
    /// The status before.
    pub from: Status,
    /// The status after.
    pub to: Status,
    /// What belongs to the kind alone.
    pub data: Value,
    /// The line as it was printed.
    pub line: String,
}

impl Event {
    /// Returns how an `attempt.ended` says that the attempt ended; nothing for other events.
    pub fn end(&self) -> Option<&str> {
        (self.kind == "attempt.ended").then(|| self.data.get("end").and_then(Value::as_str)).flatten()
    }

    /// Returns the run and the task whose success an `attempt.ended` took over; nothing if it ran itself.
    pub fn origin(&self) -> Option<(&str, &str)> {
        let cached = self.data.get("cached")?;
        Some((cached.get("run")?.as_str()?, cached.get("task")?.as_str()?))
    }
}

/// The line that closes a commit batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub log: u64,
    /// The last sequence of the batch.
    pub sequence: u64,
    /// The head of the hash chain.
    pub head: String,
    /// The line as it was printed.
    pub line: String,
}

/// Everything that one call of `myrmex events` printed, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// The events.
    pub events: Vec<Event>,
    /// The heads.
    pub heads: Vec<Head>,
}

/// A line that is no event and no head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line.
    pub line: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.line)
    }
}

impl std::error::Error for ParseError {}

impl Export {
    /// Reads JSON lines.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] for the first line that is no event and no head.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut export = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let wrong = |reason: String| ParseError { line: line.to_owned(), reason };
            let value: Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            let fields = Fields { value: &value, line };
            if value.get("head").is_some() {
                export.heads.push(fields.head().map_err(wrong)?);
            } else {
                export.events.push(fields.event().map_err(wrong)?);
            }
        }
        Ok(export)
    }

    /// Returns the highest boot in it; 0 if there is no event.
    pub fn boot(&self) -> u64 {
        self.events.iter().map(|event| event.boot).max().unwrap_or(0)
    }
}

/// Reads the fields of one line.
struct Fields<'a> {
    value: &'a Value,
    line: &'a str,
}

impl Fields<'_> {
    fn number(&self, name: &str) -> Result<u64, String> {
        self.value.get(name).and_then(Value::as_u64).ok_or_else(|| format!("`{name}` is no number"))
    }

    fn text(&self, name: &str) -> Result<String, String> {
        self.optional(name).ok_or_else(|| format!("`{name}` is no text"))
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.value.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn status(&self, name: &str) -> Result<Status, String> {
        let word = self.text(name)?;
        Status::from_word(&word).ok_or_else(|| format!("`{name}` is no status"))
    }

    fn head(&self) -> Result<Head, String> {
        let (log, sequence) = (self.number("log")?, self.number("seq")?);
        Ok(Head { log, sequence, head: self.text("head")?, line: self.line.to_owned() })
    }

    fn event(&self) -> Result<Event, String> {
        let path = self.optional("task");
        Ok(Event {
            log: self.number("log")?,
            sequence: self.number("seq")?,
            boot: self.number("boot")?,
            run: self.text("run")?,
            task: self.optional("address").or_else(|| path.clone()),
            path,
            attempt: self.value.get("attempt").and_then(Value::as_u64),
            token: self.value.get("token").and_then(Value::as_u64),
            kind: self.text("type")?,
            from: self.status("from")?,
            to: self.status("to")?,
            data: self.value.get("data").cloned().unwrap_or(Value::Null),
            line: self.line.to_owned(),
        })
    }
}
