//! A promise that a history breaks, with what shows it.

use std::fmt;

use super::export::{Event, Export};

/// The most lines that a breach shows: a page of a terminal.
const WINDOW_LINES_MAX: usize = 40;

/// What a history must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Sequences have no gaps, every batch is closed by a head, and nothing seen earlier changes or vanishes.
    HistoryGrows,
    /// Transitions are legal, each begins where the last one ended, and final is final.
    LegalTransitions,
    /// A task succeeds at most once; an attempt has one outcome.
    OneOutcome,
    /// A recorded outcome was earned: the ledger knows its token.
    OutcomeInLedger,
    /// A later attempt is granted only after the end of the earlier one is recorded; tokens grow.
    NoOverlap,
    /// A task begins only after the success of those it needs.
    EdgesHold,
    /// Attempts are at most one and the retries allowed and the losses.
    AttemptsBounded,
    /// Every run and every task in it comes to an end.
    ReachesEnd,
    /// Nothing that is recorded as succeeded runs again.
    NoRepetition,
    /// Nothing has an effect before the grant that allows it is recorded.
    GrantBeforeEffect,
    /// What was acknowledged is there.
    AcknowledgedIsThere,
    /// A task that began does not end before its `finally` ran.
    FinallyRuns,
    /// Nothing is granted inside a scope whose time is over.
    LimitsHold,
}

impl Invariant {
    /// Returns the number that `guarantees.md` gives to it; a word where it gives none.
    pub fn id(self) -> &'static str {
        match self {
            Self::HistoryGrows => "I2",
            Self::LegalTransitions => "I3",
            Self::OneOutcome => "I4",
            Self::OutcomeInLedger => "I5",
            Self::NoOverlap => "I6",
            Self::EdgesHold => "I7",
            Self::AttemptsBounded => "I8",
            Self::ReachesEnd => "I12",
            Self::NoRepetition => "no-repetition",
            Self::GrantBeforeEffect => "grant-before-effect",
            Self::AcknowledgedIsThere => "acknowledged",
            Self::FinallyRuns => "finally-runs",
            Self::LimitsHold => "limits-hold",
        }
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The promise.
    pub invariant: Invariant,
    /// What is wrong.
    pub message: String,
    /// The shortest stretch of lines that shows it: from the first event concerned to the last, of that task alone.
    pub window: Vec<String>,
}

impl Breach {
    /// Builds a breach without lines to show.
    pub(super) fn new(invariant: Invariant, message: String) -> Self {
        Self { invariant, message, window: Vec::new() }
    }

    /// Shows the events from `first` to `last` (indices of [`Export::events`]) that are about the task of the last.
    #[must_use]
    pub(super) fn between(mut self, export: &Export, first: usize, last: usize) -> Self {
        let subject = &export.events[last];
        let concerns = |event: &&Event| event.run == subject.run && event.task == subject.task;
        let events = export.events[first.min(last)..=last].iter();
        self.window = events.filter(concerns).map(|event| event.line.clone()).collect();
        self
    }

    /// Shows these lines.
    #[must_use]
    pub(super) fn showing(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.window = lines.into_iter().collect();
        self
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.id(), self.message)?;
        for line in self.window.iter().take(WINDOW_LINES_MAX) {
            write!(f, "\n  {line}")?;
        }
        match self.window.len().saturating_sub(WINDOW_LINES_MAX) {
            0 => Ok(()),
            more => write!(f, "\n  … {more} more lines"),
        }
    }
}
