//! Words of codomyrmex that mean one of ours: statuses and priorities.

use super::Dialect;

/// The words for how far something is.
const STATUSES: [&str; 10] = [
    "pending",
    "running",
    "waiting",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
    "compensated",
    "stuck",
    "skipped",
];

/// Other words for them.
const STATUS_ALIASES: [(&str, &str); 12] = [
    ("blocked", "pending"),
    ("completed", "succeeded"),
    ("created", "pending"),
    ("done", "succeeded"),
    ("error", "failed"),
    ("failure", "failed"),
    ("passed", "succeeded"),
    ("queued", "pending"),
    ("ready", "pending"),
    ("retrying", "running"),
    ("success", "succeeded"),
    ("timeout", "timed_out"),
];

/// The words for how urgent something is.
const PRIORITIES: [&str; 5] = ["background", "low", "normal", "high", "critical"];

/// Returns our word for a status.
pub(super) fn status(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let own = STATUSES.iter().find(|own| **own == word);
    own.or_else(|| STATUS_ALIASES.iter().find(|(other, _)| *other == word).map(|(_, own)| own)).copied()
}

/// Returns our word for a priority that is written as a word.
pub(super) fn priority(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    PRIORITIES.iter().find(|own| **own == word).copied()
}

/// Returns our word for a priority that is written as a number, which means different things in the dialects.
pub(super) fn priority_number(number: u64, dialect: Dialect) -> Option<&'static str> {
    let words: &[(u64, &str)] = match dialect {
        Dialect::Guides => &[(1, "low"), (2, "normal"), (3, "high"), (4, "critical")],
        Dialect::Package => &[(0, "critical"), (1, "high"), (2, "normal"), (3, "low"), (4, "background")],
    };
    words.iter().find(|(own, _)| *own == number).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_different_priorities_in_the_dialects() {
        let both =
            |number| [Dialect::Guides, Dialect::Package].map(|dialect| priority_number(number, dialect));
        assert_eq!(both(0), [None, Some("critical")]);
        assert_eq!(both(1), [Some("low"), Some("high")]);
        assert_eq!(both(2), [Some("normal"), Some("normal")]);
        assert_eq!(both(3), [Some("high"), Some("low")]);
        assert_eq!(both(4), [Some("critical"), Some("background")]);
        assert_eq!(both(5), [None, None]);
    }

    #[test]
    fn words_are_read_in_any_case() {
        assert_eq!((priority("HIGH"), priority("urgent")), (Some("high"), None));
        assert_eq!(
            (status("Completed"), status("retrying"), status("lost")),
            (Some("succeeded"), Some("running"), None)
        );
    }
}
