//! Collects the problems of one file.

use std::sync::Arc;

use myrmex_model::diagnostic::{Code, Diagnostic, Severity, Span};

use crate::codes;
use crate::tree::Place;

/// The most problems shown of one file. Nobody reads more, and a broken file of 1 MiB could have 500,000.
pub const PROBLEMS_MAX: usize = 1_000;

/// The most names compared for suggestions in one file, so that many wrong names cost no quadratic time.
pub(crate) const COMPARISONS_MAX: usize = 100_000;

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Report {
    file: Arc<str>,
    diagnostics: Vec<Diagnostic>,
    comparisons_left: usize,
    /// Whether the rest of the file could not be read, so that nothing can be said to be missing.
    pub(crate) is_partial: bool,
    /// The value in which the text broke off; its type means nothing.
    pub(crate) cut: Option<Place>,
    /// The expressions that were read, and where each stands.
    pub(crate) expressions: Vec<(Arc<str>, Place)>,
}

impl Report {
    /// Starts a report on the file `name`.
    pub(crate) fn new(name: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(name),
            diagnostics: Vec::new(),
            comparisons_left: COMPARISONS_MAX,
            is_partial: false,
            cut: None,
            expressions: Vec::new(),
        }
    }

    /// Returns the name of the file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Returns the span of `place` in the file.
    pub(crate) fn span(&self, place: Place) -> Span {
        Span { file: Arc::clone(&self.file), start: place.start, end: place.end }
    }

    /// Builds an error at `place`, to be [pushed](Self::push).
    pub(crate) fn error(&self, code: Code, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.span(place), message)
    }

    /// Builds a warning at `place`, to be [pushed](Self::push).
    pub(crate) fn warning(&self, code: Code, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, self.span(place), message)
    }

    /// Adds a problem, unless it only says that something is missing which may stand in the unread rest of the file.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_partial && NEEDS_WHOLE_FILE.contains(&diagnostic.code) {
            return;
        }
        let is_at = |cut: Place| (cut.start, cut.end) == (diagnostic.span.start, diagnostic.span.end);
        if diagnostic.code == codes::TYPE && self.cut.is_some_and(is_at) {
            return;
        }
        // What a condition lacks stands in the unread rest of the file.
        let is_in = |cut: Place| cut.start <= diagnostic.span.start && diagnostic.span.end <= cut.end;
        if diagnostic.code == codes::EXPRESSION && self.cut.is_some_and(is_in) {
            return;
        }
        self.diagnostics.push(diagnostic);
    }

    /// Adds an error without label or hint.
    pub(crate) fn refuse(&mut self, code: Code, place: Place, message: impl Into<String>) {
        self.push(self.error(code, place, message));
    }

    /// Adds an error with a hint.
    pub(crate) fn refuse_hint(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(self.error(code, place, message).with_hint(hint));
    }

    /// Adds an error about a word that is not in `words`, with the nearest of them as hint.
    pub(crate) fn refuse_word<'w>(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        (word, words): (&str, impl Iterator<Item = &'w str>),
    ) {
        let mut diagnostic = self.error(code, place, message);
        if let Some(near) = self.nearest(word, words) {
            diagnostic = diagnostic.with_hint(format!("did you mean `{near}`?"));
        }
        self.push(diagnostic);
    }

    /// Returns the one of `words` that `word` was probably meant to be.
    pub(crate) fn nearest<'w>(
        &mut self,
        word: &str,
        words: impl Iterator<Item = &'w str>,
    ) -> Option<&'w str> {
        // Problems that are not shown need no suggestion.
        if self.diagnostics.len() >= PROBLEMS_MAX {
            return None;
        }
        let words = words.take(self.comparisons_left).inspect(|_| self.comparisons_left -= 1);
        nearest(word, words)
    }

    /// Returns whether there is an error so far.
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Returns the problems, sorted by place, without duplicates, at most [`PROBLEMS_MAX`].
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut all = self.diagnostics;
        all.sort_by(|a, b| {
            (a.span.start, a.code, a.span.end, &a.message).cmp(&(
                b.span.start,
                b.code,
                b.span.end,
                &b.message,
            ))
        });
        all.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.message == b.message);
        if all.len() > PROBLEMS_MAX {
            // Errors must survive the cut: a file with errors has no definition, and somebody must say why.
            let (errors, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
            let total = errors.len() + others.len();
            all = errors.into_iter().chain(others).take(PROBLEMS_MAX).collect();
            all.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.code));
            if let Some(last) = all.last().map(|diagnostic| diagnostic.span.clone()) {
                let message = format!("{} more problems are not shown", total - PROBLEMS_MAX);
                all.push(Diagnostic::warning(codes::PROBLEMS_MANY, last, message));
            }
        }
        all
    }
}

/// Codes that say that something is missing: true only of a file that was read to its end.
const NEEDS_WHOLE_FILE: [Code; 13] = [
    codes::EMPTY,
    codes::KIND,
    codes::KEY_MISSING,
    codes::BODY_COUNT,
    codes::VERB_COUNT,
    codes::TASK_UNKNOWN,
    codes::TASK_DEAD,
    codes::SCOPE_EMPTY,
    codes::INPUT_UNKNOWN,
    codes::REFERENCE_UNKNOWN,
    codes::REFERENCE_EARLY,
    codes::FIELD_UNKNOWN,
    codes::ROOT_UNKNOWN,
];

/// The longest word, in bytes, that anybody means and mistypes: a comparison takes as long as both are, multiplied.
const NEAREST_BYTES_MAX: usize = 64;

/// Returns the one of `words` that `word` was probably meant to be: at most a third of its letters differ, or three if
/// both begin alike. Words of more than 64 bytes are not compared.
pub fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    const ALIKE: usize = 4;
    if word.len() > NEAREST_BYTES_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let length = word.chars().count();
    let distance_max = (length / 3).max(1).min(length.saturating_sub(1));
    let distance = |candidate: &'w str| {
        let lower = candidate.to_lowercase();
        let is_alike = word.len() > ALIKE
            && word.bytes().zip(lower.bytes()).take_while(|(a, b)| a == b).count() >= ALIKE;
        let distance_max = if is_alike { distance_max.max(3) } else { distance_max };
        if lower.len().abs_diff(word.len()) > distance_max * 4 {
            return None;
        }
        let distance = strsim::osa_distance(&lower, &word);
        (distance <= distance_max).then_some((distance, candidate))
    };
    words
        .filter(|candidate| candidate.len() <= NEAREST_BYTES_MAX)
        .filter_map(distance)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_mistypes_are_not_compared() {
        let nearest_to = |word: &str| nearest(word, [word.replace('x', "y").as_str()].into_iter()).is_some();
        assert!(nearest_to(&format!("{}x", "a".repeat(NEAREST_BYTES_MAX - 1))));
        assert!(!nearest_to(&format!("{}x", "a".repeat(NEAREST_BYTES_MAX))));
        let long = "a".repeat(NEAREST_BYTES_MAX + 1);
        assert_eq!(nearest(&long[1..], [long.as_str()].into_iter()), None);
    }
}
