//! Errors of tasks and runs, in the shape of RFC 9457 (problem details).

use std::fmt;

/// The canonical kinds of error (`semantics.md` section 4); any other text is an author's own kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A definition or setting that cannot be carried out.
    Configuration,
    /// Data that does not fit its declared type.
    Validation,
    /// An expression that has no value.
    Expression,
    /// A limit of time that ran out.
    Timeout,
    /// A task that failed by itself, such as an exit code other than zero.
    Runtime,
    /// No case of a `switch` holds and there is no `else`.
    NoChoice,
    /// A task inside a block, or an item of a `for_each`, failed.
    BranchFailed,
    /// More items failed than are tolerated, or fewer succeeded than are asked for.
    ToleranceExceeded,
    /// A loop asked for more rounds than it may make.
    RoundsExceeded,
    /// A run for which `concurrency` leaves no place.
    Conflict,
    /// A run that would wait for ever: those that hold its place wait for it.
    Deadlock,
    /// A person said no.
    Refused,
    /// A value beyond a stated size or depth.
    DataLimit,
    /// A kind named by `fail`.
    Own(String),
}

impl FaultKind {
    /// All kinds that are not an author's own.
    pub const KNOWN: [Self; 13] = [
        Self::Configuration,
        Self::Validation,
        Self::Expression,
        Self::Timeout,
        Self::Runtime,
        Self::NoChoice,
        Self::BranchFailed,
        Self::ToleranceExceeded,
        Self::RoundsExceeded,
        Self::Conflict,
        Self::Deadlock,
        Self::Refused,
        Self::DataLimit,
    ];

    /// Returns the kind as the text that expressions and filters see.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Configuration => "configuration",
            Self::Validation => "validation",
            Self::Expression => "expression",
            Self::Timeout => "timeout",
            Self::Runtime => "runtime",
            Self::NoChoice => "flow/no-choice",
            Self::BranchFailed => "flow/branch-failed",
            Self::ToleranceExceeded => "flow/tolerance-exceeded",
            Self::RoundsExceeded => "flow/rounds-exceeded",
            Self::Conflict => "flow/conflict",
            Self::Deadlock => "flow/deadlock",
            Self::Refused => "refused",
            Self::DataLimit => "data-limit",
            Self::Own(kind) => kind,
        }
    }

    /// Returns the kind that `text` names; an unknown text is an author's own kind.
    pub fn from_text(text: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .unwrap_or_else(|| Self::Own(text.to_owned()))
    }

    /// Returns the HTTP-like status that goes with the kind unless an author gave another.
    pub fn status(&self) -> u16 {
        match self {
            Self::Configuration | Self::Validation | Self::Expression | Self::NoChoice => 400,
            Self::Refused => 403,
            Self::Timeout => 408,
            Self::Conflict | Self::Deadlock => 409,
            Self::DataLimit => 413,
            Self::Runtime
            | Self::BranchFailed
            | Self::ToleranceExceeded
            | Self::RoundsExceeded
            | Self::Own(_) => 500,
        }
    }
}

/// An error of a task or a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of error it is.
    pub kind: FaultKind,
    /// HTTP-like status.
    pub status: u16,
    /// One line for people.
    pub title: String,
    /// More for people, such as the end of standard error.
    pub detail: Option<String>,
    /// The exit code of the process, where there was one.
    pub exit_code: Option<i32>,
    /// The path of the task that raised the error first, where it is not the one that bears it.
    pub task: Option<String>,
}

impl Fault {
    /// Builds an error with the kind's own status and no detail.
    pub fn new(kind: FaultKind, title: impl Into<String>) -> Self {
        let status = kind.status();
        Self { kind, status, title: title.into(), detail: None, exit_code: None, task: None }
    }

    /// Adds more for people.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(task) = &self.task {
            write!(f, "`{task}`: ")?;
        }
        write!(f, "{} ({})", self.title, self.kind.as_str())
    }
}
