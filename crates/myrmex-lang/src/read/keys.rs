//! Which keys exist where: those that are read, and those of the language that are not supported yet.

/// The keys of one kind of map.
#[derive(Debug)]
pub(crate) struct Keys {
    /// What the map is, for messages.
    pub(crate) owner: &'static str,
    pub(crate) known: &'static [&'static str],
    pub(crate) later: &'static [&'static str],
}

/// The keys under which the kinds of files begin that are not workflows.
pub(crate) const KINDS_LATER: &[&str] = &["project", "actions", "document", "StartAt", "States"];

pub(crate) const ROOT: Keys = Keys {
    owner: "a workflow",
    known: &[
        "workflow",
        "version",
        "description",
        "owner",
        "inputs",
        "defaults",
        "max_parallel",
        "fail_fast",
        "tasks",
        "do",
        "outputs",
    ],
    later: &["triggers", "concurrency", "deadline", "pools", "on_failure", "finally", "states", "initial"],
};

pub(crate) const INPUT: Keys = Keys {
    owner: "an input",
    known: &["type", "default", "required", "enum", "items", "minimum", "maximum", "pattern", "description"],
    later: SCHEMA_LATER,
};

pub(crate) const SCHEMA: Keys = Keys {
    owner: "a schema",
    known: &["type", "enum", "items", "minimum", "maximum", "pattern", "description"],
    later: SCHEMA_LATER,
};

const SCHEMA_LATER: &[&str] = &[
    "properties",
    "additionalProperties",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "const",
    "title",
    "format",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
];

/// The verbs that are read.
pub(crate) const VERBS: &[&str] = &["run", "set", "switch", "fail", "wait", "tasks", "do"];

/// The verbs that are not supported yet.
pub(crate) const VERBS_LATER: &[&str] = &[
    "http",
    "workflow",
    "approval",
    "form",
    "manual",
    "gate",
    "emit",
    "try",
    "repeat",
    "use",
    "compensate",
    "notify",
    "states",
];

pub(crate) const TASK: Keys = Keys {
    owner: "a task",
    known: &[
        "run",
        "set",
        "switch",
        "fail",
        "wait",
        "tasks",
        "do",
        "needs",
        "if",
        "for_each",
        "as",
        "max_parallel",
        "fail_fast",
        "retry",
        "timeout",
        "env",
        "workdir",
        "outputs",
        "then",
        "description",
        "owner",
    ],
    later: &[
        "http",
        "workflow",
        "approval",
        "form",
        "manual",
        "gate",
        "emit",
        "try",
        "repeat",
        "use",
        "notify",
        "states",
        "initial",
        "context",
        "join",
        "late",
        "complete",
        "rest",
        "min_success",
        "with",
        "resources",
        "pools",
        "lock",
        "queue",
        "priority",
        "labels",
        "effect",
        "cache",
        "artifacts",
        "estimate",
        "cost",
        "secrets",
        "compensate",
        "on_failure",
        "finally",
        "catch",
        "continue_on_error",
        "same_worker",
        "container",
        "ssh",
        "slurm",
        "kubernetes",
        "name",
        "version",
        "site",
        "expect",
    ],
};

pub(crate) const DEFAULTS: Keys = Keys {
    owner: "`defaults`",
    known: &["retry", "timeout", "env"],
    later: &[
        "workdir",
        "resources",
        "pools",
        "lock",
        "queue",
        "priority",
        "labels",
        "effect",
        "cache",
        "container",
        "ssh",
        "slurm",
        "kubernetes",
        "secrets",
    ],
};

pub(crate) const RUN: Keys =
    Keys { owner: "`run`", known: &["command", "script", "interpreter"], later: &["container"] };

pub(crate) const FAIL: Keys =
    Keys { owner: "`fail`", known: &["type", "status", "title", "detail"], later: &[] };

pub(crate) const WAIT: Keys =
    Keys { owner: "`wait`", known: &["until"], later: &["event", "signal", "if", "timeout"] };

pub(crate) const CASE: Keys = Keys { owner: "a case", known: &["if", "then", "else"], later: &["do"] };

pub(crate) const RETRY: Keys = Keys {
    owner: "`retry`",
    known: &["attempts", "delay", "backoff", "max_delay", "jitter", "when"],
    later: &[],
};

pub(crate) const TIMEOUT: Keys =
    Keys { owner: "`timeout`", known: &["run"], later: &["queue", "total", "heartbeat"] };
