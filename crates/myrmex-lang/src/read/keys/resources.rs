//! The keys of the people and things of a workspace.

use super::{Form, Keys, key};

/// A file of resources.
pub(crate) static FILE: Keys = Keys {
    owner: "a file of resources",
    known: &[key(
        "resources",
        Form::Nested(&RESOURCES),
        "The people and things of the workspace. Always the first key.",
    )],
    later: &[],
    base: None,
};

pub(crate) static RESOURCES: Keys = Keys {
    owner: "`resources`",
    known: &[
        key(
            "calendars",
            Form::MapOf(&CALENDAR),
            "When work can proceed: calendars by name. `always` is built in.",
        ),
        key("people", Form::MapOf(&PERSON), "The people by name."),
        key("roles", Form::MapOf(&ROLE), "What people are asked for as, by name."),
        key("groups", Form::NameLists, "Who decides together: names of people by name of the group."),
        key("pools", Form::MapOf(&POOL), "Countable capacity that is given back after use, by name."),
        key("budgets", Form::MapOf(&BUDGET), "What is used up, by name."),
    ],
    later: &["workers", "locks", "rates", "queues", "priorities", "fairness"],
    base: None,
};

pub(crate) static CALENDAR: Keys = Keys {
    owner: "a calendar",
    known: &[
        key("timezone", Form::Text, "Whose clock counts, such as `Europe/Berlin`; `UTC` if not said."),
        key(
            "week",
            Form::Week,
            "The open hours of each weekday: by `mon` … `sun`, or a range such as `mon-fri`.",
        ),
        key("day", Form::Duration, "How much time `1d` is, as much as its longest day has if not said."),
        key("holidays", Form::Days, "Days on which it is closed."),
        key(
            "exceptions",
            Form::ListOf(&EXCEPTION),
            "Days on which other hours are open, or none; later ones win.",
        ),
    ],
    later: &[],
    base: None,
};

pub(crate) static EXCEPTION: Keys = Keys {
    owner: "an exception",
    known: &[
        key("from", Form::Day, "The first day."),
        key("to", Form::Day, "The last day, the first if not said."),
        key("hours", Form::Hours, "What is open then, nothing if not said."),
    ],
    later: &[],
    base: None,
};

pub(crate) static PERSON: Keys = Keys {
    owner: "a person",
    known: &[
        key("name", Form::Text, "What they are called; for people."),
        key("email", Form::Text, "Where they are reached; for people."),
        key("roles", Form::Texts, "What they are asked for as: names of `roles`."),
        key("skills", Form::Units, "What they are good at, and how good: levels from 1."),
        key("calendar", Form::Name, "When they work, as the project does if not said."),
        key("fte", Form::Fraction, "How much of a full person they are in each open hour, 1 if not said."),
        key("rate", Form::Nested(&RATE), "What they cost."),
        key("leave", Form::ListOf(&LEAVE), "When they are away."),
        key("limits", Form::Nested(&LIMITS), "The most that they work."),
    ],
    later: &[],
    base: None,
};

pub(crate) static LEAVE: Keys = Keys {
    owner: "`leave`",
    known: &[
        key("from", Form::Day, "The first day."),
        key("to", Form::Day, "The last day, the first if not said."),
    ],
    later: &[],
    base: None,
};

pub(crate) static LIMITS: Keys = Keys {
    owner: "`limits`",
    known: &[key("day", Form::Duration, "The most time on one day.")],
    later: &["week"],
    base: None,
};

pub(crate) static RATE: Keys = Keys {
    owner: "`rate`",
    known: &[key("hour", Form::Price, "What an hour costs.")],
    later: &["overtime", "idle"],
    base: None,
};

pub(crate) static ROLE: Keys = Keys {
    owner: "a role",
    known: &[
        key(
            "members",
            Form::AutoOrNames,
            "Who has it: `auto` for everybody whose `roles` name it, or names of people.",
        ),
        key("capacity", Form::Count, "How many people there will be, while nobody is named."),
        key("calendar", Form::Name, "When those work who are not named yet."),
        key("rate", Form::Nested(&RATE), "What somebody costs who has no rate of their own."),
    ],
    later: &[],
    base: None,
};

pub(crate) static POOL: Keys = Keys {
    owner: "a pool",
    known: &[
        key("capacity", Form::Count, "How many units there are."),
        key("calendar", Form::Name, "When it can be used, always if not said."),
        key("rate", Form::Nested(&RATE), "What a unit costs."),
    ],
    later: &[],
    base: None,
};

pub(crate) static BUDGET: Keys = Keys {
    owner: "a budget",
    known: &[key("amount", Form::Count, "How much there is to be used up.")],
    later: &[],
    base: None,
};
