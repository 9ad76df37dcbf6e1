//! What went wrong in a development task: one message for the person at the terminal.

use std::fmt;

/// A message that says what went wrong and, where there is one, what to do.
///
/// Nothing here is handled by its kind, only printed; so there is one kind.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// Returns a failure with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Returns a function that adds `context` in front of an error, for `map_err`.
    pub(crate) fn because<E: fmt::Display>(context: impl Into<String>) -> impl FnOnce(E) -> Self {
        let context = context.into();
        move |error| Self(format!("{context}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
