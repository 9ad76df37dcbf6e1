//! Names that people write: of workflows, tasks, inputs, variables and namespaces.

use std::fmt;
use std::sync::Arc;

/// The longest name, in bytes. Names are parts of paths, URLs and environment variables, all of which have bounds.
pub const NAME_BYTES_MAX: usize = 64;

/// Words that mean something else where a task's name may stand.
pub const RESERVED_NAMES: [&str; 2] = ["end", "exit"];

/// A checked name: a letter or `_`, then letters, digits, `_` or `-`, at most [`NAME_BYTES_MAX`] bytes, not reserved.
///
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text is longer than [`NAME_BYTES_MAX`] bytes.
    #[error("a name has at most {NAME_BYTES_MAX} characters, this one has {0}")]
    Long(usize),
    /// The first character is not a letter or `_`.
    #[error("a name begins with a letter or `_`, not with `{0}`")]
    Start(char),
    /// A later character is not a letter, a digit, `_` or `-`.
    #[error("a name holds letters, digits, `_` and `-`, not `{0}`")]
    Character(char),
    /// The word is reserved.
    #[error("`{0}` is reserved")]
    Reserved(String),
}

impl Name {
    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    ///
    /// Returns the first rule that `text` breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mut characters = text.chars();
        let first = characters.next().ok_or(NameError::Empty)?;
        if !(first.is_ascii_alphabetic() || first == '_') {
            return Err(NameError::Start(first));
        }
        if let Some(wrong) = characters.find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
            return Err(NameError::Character(wrong));
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(NameError::Long(text.len()));
        }
        if RESERVED_NAMES.contains(&text) {
            return Err(NameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text, shared.
    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The tenant a run, a definition or a value belongs to. It comes first in every key of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Name);

impl Namespace {
    /// Returns the namespace of everything that names none.
    pub fn standard() -> Self {
        Self(Name("default".into()))
    }

    /// Checks `text` and makes it a namespace.
    ///
    /// # Errors
    ///
    /// Returns the first rule of [`Name`] that `text` breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        Name::new(text).map(Self)
    }

    /// Returns the namespace as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_the_language() {
        for good in ["a", "_x", "build-2", "T_9"] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new("2a"), Err(NameError::Start('2')));
        assert_eq!(Name::new("a/b"), Err(NameError::Character('/')));
        assert_eq!(Name::new("end"), Err(NameError::Reserved("end".into())));
        assert_eq!(Name::new(&"x".repeat(65)), Err(NameError::Long(65)));
    }
}
