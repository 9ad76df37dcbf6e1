//! The keys of projects.

use super::{Form, Keys, TASK, key, plan};
use crate::read::{gate, project, work};

/// A file of a project.
pub(crate) static PROJECT: Keys = Keys {
    owner: "a project",
    known: &[
        key("project", Form::Name, "The name of the project. Always the first key."),
        key("title", Form::Text, "What people call it."),
        key("description", Form::Text, "What it is for; for people."),
        key("owner", Form::Party, "Who answers for it: `role:NAME`, `group:NAME` or a person."),
        key("plan", Form::Nested(&PLAN), "How it is planned."),
        key("tolerances", Form::Nested(&TOLERANCES), "What deviates by more is told before it happens."),
        key("budget", Form::Nested(&BUDGET), "Its money."),
        key("phases", Form::MapOf(&PHASE), "Its parts in order, with their tasks."),
        key("milestones", Form::MapOf(&MILESTONE), "Instants that matter, by name."),
        key("gates", Form::MapOf(&GATE), "Decisions about going on, by name."),
        key("deliverables", Form::MapOf(&DELIVERABLE), "What it makes, by name."),
        key("risks", Form::MapOf(&RISK), "What may happen, by name."),
    ],
    later: &["charter", "stakeholders", "communications", "quality", "kpis", "changes", "closure"],
    base: None,
};

pub(crate) static PLAN: Keys = Keys {
    owner: "`plan`",
    known: &[
        key("start", Form::Date, "Before this nothing begins, the moment of planning if not said."),
        key("deadline", Form::Date, "When all should have ended."),
        key(
            "calendar",
            Form::Name,
            "The calendar of people's work, Monday to Friday 09:00 to 17:00 UTC if not said.",
        ),
        key(
            "direction",
            Form::Word(project::direction_words),
            "Whether tasks lie early or late, `asap` if not said.",
        ),
        key("period", Form::Word(project::period_words), "The steps of planned value, `week` if not said."),
        key("near", Form::Extent, "Up to which total float a task counts as critical, `0d` if not said."),
        key("defaults", Form::Nested(&PLAN_DEFAULTS), "What work takes of which nothing is known."),
        key("correlation", Form::Fractions, "Groups of durations that vary together, and how strongly."),
    ],
    later: &["objective", "weight"],
    base: None,
};

pub(crate) static PLAN_DEFAULTS: Keys = Keys {
    owner: "`plan.defaults`",
    known: &[
        key("manual", Form::Extent, "Work of people, `1d` if not said."),
        key("approval", Form::Extent, "Decisions of people, `1d` if not said."),
        key("automated", Form::Extent, "Work of machines, `10m` if not said."),
    ],
    later: &[],
    base: None,
};

pub(crate) static TOLERANCES: Keys = Keys {
    owner: "`tolerances`",
    known: &[
        key("time", Form::Percent, "Of the planned duration."),
        key("cost", Form::Percent, "Of the planned cost."),
        key("p_deadline", Form::Fraction, "The least probability of keeping the deadline."),
    ],
    later: &[],
    base: None,
};

pub(crate) static BUDGET: Keys = Keys {
    owner: "`budget`",
    known: &[
        key("limit", Form::Price, "How much there is."),
        key(
            "contingency",
            Form::Quantile,
            "Up to which simulated cost known risks are covered, such as `p80`.",
        ),
        key("management_reserve", Form::Percent, "The part that is kept back for what nobody thought of."),
        key("accounts", Form::EmptyMaps, "Where costs go, by name."),
    ],
    later: &["guard"],
    base: None,
};

pub(crate) static ACCOUNT: Keys = Keys { owner: "an account", known: &[], later: &[], base: None };

pub(crate) static PHASE: Keys = Keys {
    owner: "a phase",
    known: &[
        key("title", Form::Text, "What people call it."),
        key("description", Form::Text, "What it is for; for people."),
        key("owner", Form::Party, "Who answers for it."),
        key(
            "needs",
            Form::Links,
            "What comes before all of its tasks, the phase above it if not said; `[]` for nothing.",
        ),
        key("max_parallel", Form::Count, "How many of its tasks may be under way at a time."),
        key("capacity", Form::Count, "How many `points` of its tasks may be under way at a time."),
        key("tasks", Form::ProjectTasks, "Its tasks by name."),
        key("exit", Form::Name, "The gate at its end."),
    ],
    later: &[],
    base: None,
};

pub(crate) static MILESTONE: Keys = Keys {
    owner: "a milestone",
    known: &[
        key("title", Form::Text, "What people call it."),
        key("description", Form::Text, "What it is for; for people."),
        key("owner", Form::Party, "Who answers for it."),
        key("needs", Form::Links, "What it marks the end of: tasks, phases, gates or milestones."),
        key("due", Form::Date, "When it should be reached."),
        key("window", Form::Nested(&WINDOW), "When it may lie."),
    ],
    later: &[],
    base: None,
};

pub(crate) static SUMMARY: Keys = Keys {
    owner: "a summary task",
    known: &[
        key("title", Form::Text, "What people call it."),
        key("description", Form::Text, "What it is for; for people."),
        key("owner", Form::Party, "Who answers for it."),
        key("needs", Form::Links, "What comes before all of its tasks."),
        key("tasks", Form::ProjectTasks, "Its tasks by name."),
    ],
    later: &[],
    base: None,
};

/// A task of a project: what a task of a workflow has, and more.
pub(crate) static WORK: Keys = Keys {
    owner: "a task of a project",
    known: &[
        key("title", Form::Text, "What people call it."),
        key("owner", Form::Party, "Who answers for it: `role:NAME`, `group:NAME` or a person."),
        key("needs", Form::Links, "What comes before it: names, or links with their kind and lag."),
        key("roles", Form::Crew, "Who works on it: a number of people by role."),
        key("consume", Form::Units, "What it uses up: amounts of `budgets`."),
        key("modes", Form::MapOf(&MODE), "Other ways to do it, by name; the plan takes one."),
        key("window", Form::Nested(&WINDOW), "When it may lie."),
        key("due", Form::Date, "When it should have ended."),
        key("calendar", Form::Names, "When work on it can proceed: while all of these are open."),
        key("split", Form::Word(work::split_words), "What a pause of its calendar means."),
        key("preemptible", Form::Boolean, "Whether it may be interrupted for something more urgent."),
        key("earn", Form::Earn, "How its value is earned."),
        key("span", Form::Nested(&SPAN), "Lasts from the start of one task to the finish of another."),
        key("points", Form::Count, "How large it is for the `capacity` of its phase."),
        key("raci", Form::Nested(&RACI), "Who answers for what of it."),
        key("deliverable", Form::Name, "What it makes: one of `deliverables`."),
        key("was", Form::Name, "What it was called before."),
    ],
    later: &[],
    base: Some(&TASK),
};

pub(crate) static LINK: Keys = Keys {
    owner: "a link",
    known: &[
        key(
            "type",
            Form::Word(work::link_words),
            "Which ends it connects, `FS` if not said: finish to start.",
        ),
        key("on", Form::Outcomes, "How what is before must have ended, `succeeded` if not said."),
        key("lag", Form::Extent, "How much later; below zero it is a lead."),
    ],
    later: &[],
    base: None,
};

pub(crate) static ASK: Keys = Keys {
    owner: "people of a role",
    known: &[
        key("count", Form::Count, "How many different ones, 1 if not said."),
        key("units", Form::Fraction, "How much of each, 1 if not said."),
        key("skills", Form::Units, "The least skills: levels from 1."),
    ],
    later: &[],
    base: None,
};

pub(crate) static MODE: Keys = Keys {
    owner: "a mode",
    known: &[
        key("estimate", Form::ExtentOr(&plan::ESTIMATE), "How long it takes this way."),
        key("roles", Form::Crew, "Who works on it."),
        key("pools", Form::Units, "Units of pools that it takes."),
        key("consume", Form::Units, "What it uses up."),
    ],
    later: &["calendar", "cost"],
    base: None,
};

pub(crate) static WINDOW: Keys = Keys {
    owner: "`window`",
    known: &[
        key("start_after", Form::Date, "It begins here at the earliest."),
        key("finish_before", Form::Date, "It has ended here at the latest."),
        key("must_start", Form::Date, "It begins exactly here."),
    ],
    later: &[],
    base: None,
};

pub(crate) static SPAN: Keys = Keys {
    owner: "`span`",
    known: &[
        key("from", Form::Name, "The task with whose start it begins."),
        key("to", Form::Name, "The task with whose finish it ends."),
    ],
    later: &[],
    base: None,
};

pub(crate) static RACI: Keys = Keys {
    owner: "`raci`",
    known: &[
        key("R", Form::Texts, "Who does it."),
        key("A", Form::Party, "The one who answers for it."),
        key("C", Form::Texts, "Who is asked."),
        key("I", Form::Texts, "Who is told."),
    ],
    later: &[],
    base: None,
};

pub(crate) static EARN: Keys = Keys {
    owner: "`earn`",
    known: &[
        key("milestones", Form::MapOf(&STEP), "At steps on the way, whose weights add up to 100%."),
        key("units", Form::Count, "By pieces, of which there are so many."),
        key("apportioned", Form::Name, "As another task earns its value."),
    ],
    later: &[],
    base: None,
};

pub(crate) static STEP: Keys = Keys {
    owner: "a step",
    known: &[
        key("weight", Form::Percent, "Which part of the value it earns."),
        key("at", Form::Percent, "Where on the way it lies."),
    ],
    later: &[],
    base: None,
};

pub(crate) static GATE: Keys = Keys {
    owner: "a gate",
    known: &[
        key("title", Form::Text, "What people call it."),
        key("description", Form::Text, "What it is for; for people."),
        key("owner", Form::Party, "Who answers for it."),
        key("needs", Form::Links, "What comes before it, if it is not the `exit` of a phase."),
        key("ask", Form::Text, "What people are asked."),
        key("criteria", Form::Conditions, "What has to hold: expressions by name."),
        key("checklist", Form::MapOf(&CHECK), "What people have to confirm, by name."),
        key("from", Form::Texts, "Who decides: `role:NAME`, `group:NAME`, people; everybody if not said."),
        key("exclude", Form::Texts, "Who may not, although `from` names them."),
        key("count", Form::Count, "How many different people have to agree, 1 if not said."),
        key("decisions", Form::DecisionList, "What they may decide, `go` and `stop` if not said."),
        key("estimate", Form::ExtentOr(&plan::ESTIMATE), "How long it takes to wait for people."),
        key("expires", Form::Extent, "How long it may take, as elapsed time."),
        key("due", Form::Date, "When it should be decided."),
    ],
    later: &["form", "escalate", "remind", "waive", "recycle", "evidence"],
    base: None,
};

pub(crate) static CHECK: Keys = Keys {
    owner: "an entry of `checklist`",
    known: &[
        key("ask", Form::Text, "What is to be confirmed."),
        key(
            "evidence",
            Form::Word(gate::evidence_words),
            "Whether the answer names evidence, `optional` if not said.",
        ),
    ],
    later: &[],
    base: None,
};

pub(crate) static DELIVERABLE: Keys = Keys {
    owner: "a deliverable",
    known: &[
        key("path", Form::Text, "The file that it is, from the workspace."),
        key("description", Form::Text, "What it is; for people."),
        key("accountable", Form::Party, "Who answers for it."),
        key("accept", Form::Nested(&ACCEPT), "Its approval, after the task that makes it."),
    ],
    later: &[],
    base: None,
};

pub(crate) static ACCEPT: Keys = Keys {
    owner: "`accept`",
    known: &[
        key("from", Form::Texts, "Who accepts it."),
        key("count", Form::Count, "How many different people have to agree, 1 if not said."),
        key("estimate", Form::ExtentOr(&plan::ESTIMATE), "How long it takes to wait for them."),
    ],
    later: &[],
    base: None,
};

pub(crate) static RISK: Keys = Keys {
    owner: "a risk",
    known: &[
        key("cause", Form::Text, "Why it may happen; for people."),
        key("event", Form::Text, "What may happen; for people."),
        key("effect", Form::Text, "What follows; for people."),
        key("category", Form::Text, "What kind of risk it is; for people."),
        key("kind", Form::Word(project::risk_kind_words), "Whether it does harm, `threat` if not said."),
        key(
            "status",
            Form::Word(project::risk_status_words),
            "Whether it may still happen, `open` if not said.",
        ),
        key("probability", Form::Fraction, "How likely it is, from 0 to 1."),
        key("impact", Form::Grade, "How bad it is, from 1 to 5; for people."),
        key("owner", Form::Party, "Who watches it."),
        key("affects", Form::MapOf(&IMPACT), "What it does to tasks, by name."),
    ],
    later: &["group", "proximity", "when", "contingency", "response"],
    base: None,
};

pub(crate) static IMPACT: Keys = Keys {
    owner: "an impact",
    known: &[
        key("time", Form::ExtentOr(&DELAY), "How much longer the task lasts, of an opportunity shorter."),
        key("cost", Form::Price, "What it costs more, of an opportunity less."),
    ],
    later: &[],
    base: None,
};

pub(crate) static DELAY: Keys = Keys {
    owner: "`time`",
    known: &[
        key("min", Form::Extent, "If all goes well."),
        key("likely", Form::Extent, "Most likely."),
        key("max", Form::Extent, "If much goes wrong."),
    ],
    later: &[],
    base: None,
};
