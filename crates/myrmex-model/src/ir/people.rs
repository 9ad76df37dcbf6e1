//! What waits for people or for a message: who is asked what, and what they may answer.
//!
//! Nothing here says who a person is. Names are texts, as an author wrote them or as an expression gave them.

use crate::name::Name;
use crate::template::{Expr, Template};
use crate::time::Length;
use crate::value::Value;

use super::Input;

/// Waits until people answered, or until a message came. It has no worker, and costs no place.
#[derive(Debug, Clone, PartialEq)]
pub struct Await {
    /// What is waited for.
    pub kind: AwaitKind,
    /// What people are asked or told: text. Of a message null.
    pub ask: Template,
    /// Who may answer: a text, or a list of texts, such as `alice` or `group:board`. An empty list is everybody.
    pub from: Template,
    /// Who may not, although `from` names them: a text, or a list of texts.
    pub exclude: Template,
    /// How many different people have to agree, at least 1; more than one only where people agree to something.
    pub count: u32,
    /// What an answer has to bring along, in the author's order.
    pub fields: Vec<Input>,
    /// How long an answer may take, from when people are asked; none for ever. Beyond it the task is out of its time.
    pub expires: Option<Length>,
}

impl Await {
    /// Waits for one answer of anybody, for as long as it takes.
    pub fn new(kind: AwaitKind, ask: Template) -> Self {
        let nobody = || Template::Literal(Value::Array(Vec::new()));
        Self { kind, ask, from: nobody(), exclude: nobody(), count: 1, fields: Vec::new(), expires: None }
    }
}

/// What an [`Await`] waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum AwaitKind {
    /// Work that people do and mark as done, or as failed.
    Manual,
    /// That people agree; whoever refuses fails it.
    Approval,
    /// Data that people give.
    Form,
    /// A message of this name to the run. One that came before is kept, and taken.
    Signal(Name),
    /// That people decide whether the work goes on, by criteria.
    Gate(Box<Gate>),
}

impl AwaitKind {
    /// Returns the word for it, as the language has it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Approval => "approval",
            Self::Form => "form",
            Self::Signal(_) => "signal",
            Self::Gate(_) => "gate",
        }
    }
}

/// What people decide by whether the work goes on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gate {
    /// What has to hold, by name, in the author's order. One that has no value does not hold.
    pub criteria: Vec<(Name, Expr)>,
    /// What people have to confirm, in the author's order.
    pub checklist: Vec<CheckItem>,
    /// What they may decide, in the author's order and without repetition.
    pub decisions: Vec<GateDecision>,
}

/// A thing that people confirm before a gate opens.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckItem {
    /// Its name, unique in the gate.
    pub name: Name,
    /// What is to be confirmed: text.
    pub ask: Template,
    /// Whether a confirmation has to name evidence.
    pub needs_evidence: bool,
}

/// What people decide at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateDecision {
    /// The work goes on.
    Go,
    /// Nothing is decided yet: the gate goes on asking.
    Hold,
    /// The work ends here.
    Stop,
}

impl GateDecision {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Go, Self::Hold, Self::Stop];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Hold => "hold",
            Self::Stop => "stop",
        }
    }

    /// Returns the decision that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == word)
    }
}
