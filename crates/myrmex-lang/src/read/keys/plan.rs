//! The keys that only a plan uses, of tasks of workflows and of projects.

use super::{Form, Keys, key};
use crate::read::plan;

pub(crate) static ESTIMATE: Keys = Keys {
    owner: "`estimate`",
    known: &[
        key("optimistic", Form::Extent, "How long it takes if all goes well."),
        key("likely", Form::Extent, "How long it takes most likely; alone, how long it takes."),
        key("pessimistic", Form::Extent, "How long it takes if much goes wrong."),
        key(
            "dist",
            Form::Word(plan::distribution_words),
            "How it lies between the three, `pert` if not said.",
        ),
        key("effort", Form::Extent, "In a project: time of persons; with more of them it is shorter."),
        key("history", Form::Nested(&HISTORY), "As long as past runs took."),
        key("items", Form::Count, "How many items its `for_each` has, where that is not known otherwise."),
        key("passes", Form::Count, "How often its `repeat` goes round."),
        key("probability", Form::Fraction, "How likely it is that this branch is taken, from 0 to 1."),
        key("group", Form::Name, "In a project: which durations vary with it, one of `plan.correlation`."),
    ],
    later: &[],
    base: None,
};

pub(crate) static HISTORY: Keys = Keys {
    owner: "`history`",
    known: &[
        key("quantile", Form::Fraction, "Which quantile of the past durations, 0.5 if not said."),
        key("min_runs", Form::Count, "Below so many runs it is a guess, 5 if not said."),
    ],
    later: &[],
    base: None,
};

pub(crate) static COST: Keys = Keys {
    owner: "`cost`",
    known: &[
        key("fixed", Form::Price, "What it costs whatever happens."),
        key("per_use", Form::Price, "What each start costs."),
        key("accrue", Form::Word(plan::accrue_words), "When the fixed cost is spent, `linear` if not said."),
        key("account", Form::Name, "In a project: the account it goes to, one of `budget.accounts`."),
    ],
    later: &[],
    base: None,
};
