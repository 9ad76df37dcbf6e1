//! How a command ends: exit codes and failures. Outsiders rely on both; `design.md` section 10 lists the codes.

use std::fmt;
use std::process::ExitCode;

use myrmex_model::status::Status;
use myrmex_runtime::partition::JournalError;
use myrmex_store::StoreError;
use myrmex_store::directory::HoldError;

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything went as asked.
    Success,
    /// The run failed.
    RunFailed,
    /// Files are not in the canonical form.
    Unformatted,
    /// Something that runs need is not as it should be.
    Unwell,
    /// Usage, bad or missing input, or an invalid file.
    Invalid,
    /// The run waits for people, and nobody waits with it.
    Waiting,
    /// There is nothing to do, or the run was skipped because its workflow's `concurrency` left no place for it.
    NothingToDo,
    /// The run was cancelled.
    Cancelled,
    /// The store is held by another process, or damaged.
    Store,
    /// Interrupted; the run can be resumed.
    Interrupted,
}

impl Exit {
    /// Returns the number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::RunFailed | Self::Unformatted | Self::Unwell => 1,
            Self::Invalid => 2,
            Self::Waiting => 3,
            Self::NothingToDo => 4,
            Self::Cancelled => 5,
            Self::Store => 7,
            Self::Interrupted => 130,
        }
    }

    /// Returns the exit that goes with the final status of a run.
    pub fn of_run(status: Status) -> Self {
        match status {
            Status::Succeeded => Self::Success,
            Status::Skipped => Self::NothingToDo,
            Status::Cancelled => Self::Cancelled,
            Status::Failed | Status::TimedOut | Status::Compensated | Status::Stuck => Self::RunFailed,
            Status::Pending | Status::Running | Status::Waiting => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command failed, in words for people, with a stable code for scripts.
#[derive(Debug)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// What is wrong: a fragment without a final period.
    pub message: String,
    /// What lies below, outermost first.
    pub causes: Vec<String>,
    /// One thing to do.
    pub hint: Option<String>,
}

/// The kinds of failure. Codes are never given a second meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCode {
    /// A file cannot be read or written.
    File,
    /// Inputs are missing or wrong.
    Inputs,
    /// No run has this id, or more than one does.
    RunId,
    /// The run cannot be asked for that now.
    Refused,
    /// Another process holds the store.
    Held,
    /// The store cannot be opened, read or written.
    Store,
    /// What the store holds is not what was written to it.
    Damaged,
    /// The operating system refuses what is needed.
    System,
    /// An import does not fit.
    Import,
    /// The same key was used for something else.
    Key,
    /// Whoever read standard output has closed it: no failure of the command.
    Closed,
    /// The settings of the workspace have errors.
    Settings,
    /// A run has no such task or item.
    Task,
    /// Something is too large to be drawn.
    Drawing,
    /// Somebody was asked and did not answer.
    Unanswered,
    /// There is no plan.
    Plan,
}

impl FailureCode {
    /// Returns the code as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "X0101",
            Self::Inputs => "X0102",
            Self::RunId => "X0103",
            Self::Refused => "X0104",
            Self::Import => "X0105",
            Self::Key => "X0106",
            Self::Closed => "X0107",
            Self::Settings => "X0108",
            Self::Task => "X0109",
            Self::Drawing => "X0110",
            Self::Unanswered => "X0111",
            Self::Plan => "X0112",
            Self::Held => "X0201",
            Self::Store => "X0202",
            Self::Damaged => "X0203",
            Self::System => "X0301",
        }
    }

    /// Returns the exit that goes with it.
    pub fn exit(self) -> Exit {
        match self {
            Self::File
            | Self::Inputs
            | Self::RunId
            | Self::Refused
            | Self::Import
            | Self::Key
            | Self::Settings
            | Self::Task
            | Self::Drawing
            | Self::Unanswered
            | Self::Plan
            | Self::System => Exit::Invalid,
            Self::Held | Self::Store | Self::Damaged => Exit::Store,
            Self::Closed => Exit::Success,
        }
    }
}

impl Failure {
    /// Builds a failure from a message alone.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Builds a failure from an error and what lies below it.
    pub fn from_error(code: FailureCode, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(code, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            failure.causes.push(error.downcast_ref().map_or_else(|| error.to_string(), reason));
            cause = error.source();
        }
        failure
    }

    /// Builds the failure of writing to standard output.
    pub fn output(error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::BrokenPipe => FailureCode::Closed,
            _ => FailureCode::File,
        };
        let mut failure = Self::new(code, "standard output cannot be written");
        failure.causes.push(reason(error));
        failure
    }

    /// Builds the failure of using the file or folder at `path`; `cannot` says what could not be done with it.
    pub fn file(path: &std::path::Path, cannot: &str, error: &std::io::Error) -> Self {
        let mut failure = Self::new(FailureCode::File, format!("`{}` {cannot}", path.display()));
        failure.causes.push(reason(error));
        failure
    }

    /// Builds the failure of something stored that is not what was written.
    pub fn damaged(error: &dyn std::error::Error) -> Self {
        Self::from_error(FailureCode::Damaged, error).with_hint(DAMAGED_HINT)
    }

    /// Builds the failure of an engine that met something stored that is not what was written.
    pub fn engine_damaged(reason: String) -> Self {
        Self::new(FailureCode::Damaged, reason).with_hint(DAMAGED_HINT)
    }

    /// Adds one thing to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What to do first with a damaged store.
const DAMAGED_HINT: &str =
    "copy the data directory before anything else; `myrmex explain X0203` says what can be done";

/// Says what the operating system said, without its number for it.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((reason, _)) => reason.to_lowercase(),
        None => text,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code.as_str(), self.message)?;
        for cause in &self.causes {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Returns the words of a process up to its first option, which may hold a secret; none if they cannot be read.
pub(crate) fn command_of(pid: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut words = text.split('\0').take_while(|word| !word.is_empty() && !word.starts_with('-'));
    let program = words.next().map(|path| path.rsplit('/').next().unwrap_or(path))?;
    Some(std::iter::once(program).chain(words).collect::<Vec<_>>().join(" "))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // The lock's file cannot be used, such as on a full disk: nobody is to be waited for.
            StoreError::Held(held @ HoldError::Io { .. }) => Self::from_error(FailureCode::Store, &held)
                .with_hint("runs need a data directory that can be written and has room: `--data-dir DIR` gives another"),
            StoreError::Held(HoldError::Held { pid, since, directory }) => {
                let who = command_of(pid).map_or_else(|| "it".to_owned(), |command| format!("`{command}`"));
                let held = HoldError::Held { pid, since, directory };
                Self::from_error(FailureCode::Held, &held).with_hint(format!(
                    "wait until {who} ends, or stop it by Ctrl-C there or `kill -INT {pid}`; then its run can be resumed or cancelled"
                ))
            }
            StoreError::Held(held @ HoldError::Remains { .. }) => Self::from_error(FailureCode::Held, &held)
                .with_hint("wait until they have ended, and try again"),
            StoreError::Full => Self::from_error(FailureCode::Store, &StoreError::Full).with_hint(
                "nothing has begun: make room, or give another place by `--data-dir DIR`, and try again",
            ),
            damaged @ StoreError::Damaged { .. } => Self::damaged(&damaged),
            StoreError::Format { found, known, place } => {
                let hint = if found > known {
                    "use the release that made it, or a later one"
                } else {
                    "give another data directory by `--data-dir DIR`, or remove this one with all its runs"
                };
                let error = StoreError::Format { found, known, place };
                Self::from_error(FailureCode::Store, &error).with_hint(hint)
            }
            other @ (StoreError::Busy
            | StoreError::Io { .. }
            | StoreError::Poisoned
            | StoreError::Conflict { .. }
            | StoreError::Fenced { .. }
            | StoreError::Bounds { .. }) => Self::from_error(FailureCode::Store, &other),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Store(error) => error.into(),
            JournalError::Form { .. } => Self::from_error(FailureCode::Store, &error),
            JournalError::Wire(_)
            | JournalError::Replay(_)
            | JournalError::Restore(_)
            | JournalError::Snapshot { .. } => {
                let mut failure = Self::damaged(&error);
                let what = std::mem::replace(&mut failure.message, "the store is damaged".to_owned());
                failure.causes.insert(0, what);
                failure
            }
        }
    }
}
