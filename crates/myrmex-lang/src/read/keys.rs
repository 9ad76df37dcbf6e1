//! Which keys exist where: those that are read, and those of the language that are not supported yet. The one table: the
//! JSON Schema is made of it too.

use super::{asks, concurrency, order, policy, schema};

pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod resources;

/// The keys of one kind of map.
#[derive(Debug)]
pub(crate) struct Keys {
    /// What the map is, for messages.
    pub(crate) owner: &'static str,
    pub(crate) known: &'static [Key],
    pub(crate) later: &'static [&'static str],
    /// A kind of map whose keys stand here too.
    pub(crate) base: Option<&'static Keys>,
}

/// A key that is read.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// What it is for, in a sentence.
    pub(crate) about: &'static str,
}

/// Which values may stand behind a key, as far as that can be said without looking around.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Text.
    Text,
    /// A name.
    Name,
    /// A semantic version.
    Version,
    /// A range of versions, or one version.
    Requirement,
    /// A map from names of inputs to values.
    Inputs,
    /// A list of names of secrets.
    Secrets,
    /// A list of labels.
    Labels,
    /// A map from names of pools to numbers of units.
    Units,
    /// A map from names of resources to amounts.
    Resources,
    /// A map from names to paths, or a list of paths.
    Artifacts,
    /// What `wait` takes: a text, a map, or false beside `workflow`.
    Wait,
    /// A regular expression.
    Pattern,
    /// A duration.
    Duration,
    /// An expression without braces.
    Condition,
    /// True or false.
    Boolean,
    /// An integer of at least one.
    Count,
    /// How many rounds there are at most.
    Rounds,
    /// When a task begins: `all`, `all_live`, `any`, `first(n)`.
    Join,
    /// When enough has succeeded: `all`, `first(n)`.
    Complete,
    /// A count, or a part in percent.
    Part,
    /// A number.
    Number,
    /// A status like those of HTTP, or an expression.
    Status,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Anything; expressions may stand in it.
    Data,
    /// A list of anything.
    List,
    /// A list, a map, a count, or an expression.
    Items,
    /// Names of tasks, or a map from them to outcomes.
    Needs,
    /// A map from names of variables to values.
    Variables,
    /// A map with these keys.
    Nested(&'static Keys),
    /// A text, or a map with these keys.
    TextOr(&'static Keys),
    /// A map from names to maps with these keys.
    MapOf(&'static Keys),
    /// A name, or a map with a body under `do`.
    Else,
    /// A list of maps with these keys.
    ListOf(&'static Keys),
    /// A map from any texts to schemas.
    Schemas,
    /// True, false, or a map with these keys.
    FlagOr(&'static Keys),
    /// True, false, or a list of texts.
    FlagOrTexts,
    /// An integer of at least zero.
    Size,
    /// What a handler does: a verb with its keys, or a list of these.
    Body,
    /// A handler of errors, or a list of them.
    Catch,
    /// One text, or a list of texts.
    Texts,
    /// One status, or a list of them.
    Statuses,
    /// A map from names to tasks.
    Graph,
    /// A list of maps from one name to its task.
    Flow,
    /// A length of time of a plan: working time, or elapsed time.
    Extent,
    /// A length of time of a plan, or a map with these keys.
    ExtentOr(&'static Keys),
    /// An amount of money with its currency.
    Price,
    /// A number from 0 to 1.
    Fraction,
    /// A day such as `2026-12-24`.
    Day,
    /// A list of days.
    Days,
    /// Hours by days of a week and ranges of them.
    Week,
    /// A list of stretches of hours.
    Hours,
    /// A map from names to lists of names.
    NameLists,
    /// `auto`, or a list of names.
    AutoOrNames,
    /// A person, `role:NAME` or `group:NAME`.
    Party,
    /// A day, or a time of a day.
    Date,
    /// A map from names to numbers from 0 to 1.
    Fractions,
    /// A part such as `10%`.
    Percent,
    /// A quantile such as `p80`.
    Quantile,
    /// A map from names to empty maps.
    EmptyMaps,
    /// Names of items, or a map from them to links.
    Links,
    /// A map from names to tasks of a project, or to summaries of tasks.
    ProjectTasks,
    /// Numbers of people by role.
    Crew,
    /// One name, or a list of names.
    Names,
    /// How value is earned.
    Earn,
    /// Outcomes: one or a list.
    Outcomes,
    /// A map from names to expressions.
    Conditions,
    /// A list of decisions.
    DecisionList,
    /// A number from 1 to 5.
    Grade,
}

impl Keys {
    /// Returns the keys that are read, own ones first; an own key hides that of the base.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Key> {
        let base = self.base.map_or(&[][..], |base| base.known).iter();
        self.known.iter().chain(base.filter(|key| self.known.iter().all(|own| own.name != key.name)))
    }

    /// Returns the keys that are not supported yet.
    pub(crate) fn all_later(&self) -> impl Iterator<Item = &'static str> {
        self.later.iter().chain(self.base.map_or(&[][..], |base| base.later)).copied()
    }

    /// Returns the key called `name`, if it is read.
    pub(crate) fn known(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, form, about }
}

/// The keys under which the kinds of files begin that are not workflows.
pub(crate) const KINDS_LATER: &[&str] = &["document", "StartAt", "States"];

pub(crate) static ROOT: Keys = Keys {
    owner: "a workflow",
    known: &[
        key("workflow", Form::Name, "The name of the workflow. Always the first key."),
        key(
            "version",
            Form::Version,
            "The version of the workflow: three numbers, perhaps with `-PRERELEASE` and `+BUILD`.",
        ),
        key("description", Form::Text, "What the workflow is for; for people."),
        key("owner", Form::Text, "Who answers for the workflow; for people."),
        key("inputs", Form::MapOf(&INPUT), "What a run is started with: names and their schemas."),
        key(
            "defaults",
            Form::Nested(&DEFAULTS),
            "What holds for every `run` task of the file that does not say otherwise.",
        ),
        key(
            "max_parallel",
            Form::Count,
            "How many tasks run at the same time; without it as many as the worker has slots.",
        ),
        key("fail_fast", Form::Boolean, "Cancel everything else as soon as one task has failed."),
        key("tasks", Form::Graph, "The body as a graph: tasks run as soon as what they need has ended."),
        key("do", Form::Flow, "The body as a flow: tasks run one after the other."),
        key("concurrency", Form::Nested(&CONCURRENCY), "How many runs may be under way at a time."),
        key("pools", Form::Units, "The pools that tasks take units of: names, and how many units there are."),
        key("deadline", Form::Duration, "How long a run may take from its start to its end."),
        key("complete", Form::Complete, "When enough tasks have succeeded, `all` if not said."),
        key("rest", Form::Word(order::rest_words), "What then becomes of the others, `cancel` if not said."),
        key("on_failure", Form::Body, "What is done if the run fails."),
        key("finally", Form::Body, "What is done last, however the run ends."),
        key("outputs", Form::Data, "What a run gives; expressions may read all tasks."),
    ],
    later: &["triggers", "states", "initial"],
    base: None,
};

pub(crate) static CONCURRENCY: Keys = Keys {
    owner: "`concurrency`",
    known: &[
        key(
            "key",
            Form::Text,
            "Runs with the same key wait for each other; expressions may read `inputs`. Without it all runs do.",
        ),
        key("limit", Form::Count, "How many runs with one key may be under way, 1 if not said."),
        key(
            "on_conflict",
            Form::Word(concurrency::conflict_words),
            "What becomes of a run for which there is no place, `queue` if not said.",
        ),
    ],
    later: &[],
    base: None,
};

pub(crate) static INPUT: Keys = Keys {
    owner: "an input",
    known: &[
        key("type", Form::Word(schema::input_type_words), "The type of the value."),
        key(
            "default",
            Form::Data,
            "What the input is when it is not given, of a `file` its path. Without it the input is required.",
        ),
        key(
            "required",
            Form::FlagOrTexts,
            "With `false` the input is null when it is not given. Of a map: the fields that it must have.",
        ),
    ],
    later: &[],
    base: Some(&SCHEMA),
};

pub(crate) static OUTPUT: Keys = Keys {
    owner: "an output",
    known: &[key(
        "required",
        Form::FlagOrTexts,
        "With `false` the output is null when the task does not give it. Of a map: the fields that it must have.",
    )],
    later: &[],
    base: Some(&SCHEMA),
};

/// The keywords of JSON Schema, with their meaning there; `type` knows a few more types.
pub(crate) static SCHEMA: Keys = Keys {
    owner: "a schema",
    known: &[
        key("type", Form::Word(schema::type_words), "The type of the value."),
        key("enum", Form::List, "The values that are allowed."),
        key("const", Form::Data, "The one value that is allowed."),
        key("items", Form::Nested(&SCHEMA), "What the members of a list are."),
        key("minItems", Form::Size, "The fewest members of a list."),
        key("maxItems", Form::Size, "The most members of a list."),
        key("uniqueItems", Form::Boolean, "Whether no two members of a list may be equal."),
        key("minimum", Form::Number, "The smallest number allowed."),
        key("maximum", Form::Number, "The largest number allowed."),
        key("exclusiveMinimum", Form::Number, "Numbers are larger than this."),
        key("exclusiveMaximum", Form::Number, "Numbers are less than this."),
        key("multipleOf", Form::Number, "Numbers are a multiple of this."),
        key("pattern", Form::Pattern, "A regular expression that a text matches somewhere."),
        key("minLength", Form::Size, "The fewest characters of a text."),
        key("maxLength", Form::Size, "The most characters of a text."),
        key("properties", Form::Schemas, "What the named fields of a map are."),
        key("required", Form::List, "The fields that a map must have."),
        key(
            "additionalProperties",
            Form::FlagOr(&SCHEMA),
            "What a map may hold beside `properties`: a schema, or `false` for nothing.",
        ),
        key("anyOf", Form::ListOf(&SCHEMA), "The value fits at least one of these."),
        key("oneOf", Form::ListOf(&SCHEMA), "The value fits exactly one of these."),
        key("allOf", Form::ListOf(&SCHEMA), "The value fits all of these."),
        key("not", Form::Nested(&SCHEMA), "The value does not fit this."),
        key("title", Form::Text, "What the value is, in a word or two; for people."),
        key("description", Form::Text, "What the value is for; for people."),
    ],
    later: &["format"],
    base: None,
};

/// The verbs that are read.
pub(crate) const VERBS: &[&str] = &[
    "run", "set", "switch", "fail", "wait", "tasks", "do", "try", "repeat", "workflow", "use", "manual",
    "approval", "form",
];

/// The verbs that are not supported yet.
pub(crate) const VERBS_LATER: &[&str] = &["http", "gate", "emit", "compensate", "notify", "states"];

pub(crate) static TASK: Keys = Keys {
    owner: "a task",
    known: &[
        key(
            "run",
            Form::TextOr(&RUN),
            "Runs a local process: text given to `sh -e`, a `command`, or a `script`.",
        ),
        key(
            "set",
            Form::Data,
            "Gives values: a map, or one expression. In a `do:` list each key is also `vars.KEY`.",
        ),
        key("switch", Form::ListOf(&CASE), "Goes on with the first case that holds."),
        key("fail", Form::TextOr(&FAIL), "Fails with an error of its own."),
        key(
            "wait",
            Form::Wait,
            "Waits for a duration, until a time, or for a message. Beside `workflow`: with `false` the task does not wait for the child.",
        ),
        key("tasks", Form::Graph, "A block: a graph with names of its own."),
        key("do", Form::Flow, "A block: a flow with names of its own."),
        key(
            "try",
            Form::Body,
            "A body whose errors `catch` handles; gives what the body or the `catch` gave.",
        ),
        key(
            "catch",
            Form::Catch,
            "What is done with an error of `try`: a body, or a list of them with filters.",
        ),
        key("on_failure", Form::Body, "What is done if the task fails; the failure stands."),
        key("finally", Form::Body, "What is done last, however the task ends."),
        key("continue_on_error", Form::Boolean, "With `true` a failure counts as success."),
        key("repeat", Form::Nested(&REPEAT), "Runs a `do:` list again and again, with a bound."),
        key("workflow", Form::Name, "Runs another workflow as a child."),
        key("use", Form::Text, "Does an action of a library: `LIBRARY/ACTION@VERSION`."),
        key("manual", Form::TextOr(&MANUAL), "Work that people do, and mark as done."),
        key("approval", Form::TextOr(&APPROVAL), "People agree, or refuse, which fails the task."),
        key("form", Form::TextOr(&FORM), "People give data."),
        key("with", Form::Inputs, "Of `workflow` and `use`: its inputs, by name."),
        key(
            "version",
            Form::Requirement,
            "Of `workflow`: which versions will do, such as `^1.2`, or one of them.",
        ),
        key("needs", Form::Needs, "Tasks beside this one that must have ended, and how."),
        key("join", Form::Join, "How many of them it waits for, `all` if not said."),
        key(
            "late",
            Form::Word(order::late_words),
            "What becomes of those that it did not wait for, `ignore` if not said.",
        ),
        key("if", Form::Condition, "An expression without braces; if it is false the task is skipped."),
        key(
            "for_each",
            Form::Items,
            "Runs the task once for each item of a list or map, or for each number below a count.",
        ),
        key("as", Form::Name, "What the item is called in expressions, `item` if not said."),
        key("max_parallel", Form::Count, "How many items, or tasks of the block, run at the same time."),
        key(
            "fail_fast",
            Form::Boolean,
            "Cancel the other items, or tasks of the block, as soon as one has failed.",
        ),
        key(
            "complete",
            Form::Complete,
            "When enough items, or tasks of the block, have succeeded; `all` if not said.",
        ),
        key("rest", Form::Word(order::rest_words), "What then becomes of the others, `cancel` if not said."),
        key(
            "min_success",
            Form::Part,
            "How many items must succeed, a count or a part such as `80%`; all if not said.",
        ),
        key("retry", Form::Nested(&RETRY), "Tries again when the task, or the block as a whole, fails."),
        key(
            "timeout",
            Form::TextOr(&TIMEOUT),
            "How long an attempt may take, or wait, or all of them together.",
        ),
        key(
            "env",
            Form::Variables,
            "Variables for the environment of the process, or of those in the block.",
        ),
        key("workdir", Form::Text, "The folder in which the process runs, from the workspace."),
        key(
            "effect",
            Form::Word(policy::effect_words),
            "What another attempt does, `idempotent` if not said.",
        ),
        key("secrets", Form::Secrets, "Secrets that the process finds in variables of the same names."),
        key("pools", Form::Units, "Units of pools that it takes, a block for as long as it is under way."),
        key("lock", Form::Text, "A text that one task or block at a time may hold."),
        key("queue", Form::Name, "The queue in which it waits; for people."),
        key(
            "priority",
            Form::Word(asks::priority_words),
            "How urgent it is beside others that wait, `normal` if not said.",
        ),
        key("labels", Form::Labels, "Labels that its worker must have, all of them."),
        key(
            "resources",
            Form::Resources,
            "What it takes of its worker: `cpu`, `memory`, or others by count.",
        ),
        key(
            "artifacts",
            Form::Artifacts,
            "Files that are kept when the process has ended: paths or globs by name, or a list.",
        ),
        key(
            "cache",
            Form::Nested(&CACHE),
            "Takes over the success of an earlier attempt that was given the same, instead of running.",
        ),
        key(
            "outputs",
            Form::Data,
            "Of `run` and `set`: the schemas of the fields it gives, a `file` by its path. Of a block: what it gives.",
        ),
        key(
            "estimate",
            Form::ExtentOr(&plan::ESTIMATE),
            "How long it takes with all its attempts, of a `for_each` one item; for plans.",
        ),
        key("cost", Form::Nested(&plan::COST), "What it costs; for plans."),
        key("then", Form::Name, "Where a `do:` list goes on: a task of the list, `exit` or `end`."),
        key("description", Form::Text, "What the task is for; for people."),
        key("owner", Form::Text, "Who answers for the task; for people."),
    ],
    later: &[
        "http",
        "gate",
        "emit",
        "notify",
        "states",
        "initial",
        "context",
        "compensate",
        "same_worker",
        "container",
        "ssh",
        "slurm",
        "kubernetes",
        "site",
        "expect",
    ],
    base: None,
};

/// A file of actions.
pub(crate) static LIBRARY: Keys = Keys {
    owner: "a library of actions",
    known: &[
        key("actions", Form::MapOf(&ACTION), "The actions by name. Always the first key."),
        key("description", Form::Text, "What the actions are for; for people."),
        key("owner", Form::Text, "Who answers for the actions; for people."),
    ],
    later: &[],
    base: None,
};

/// An action: a task of its own, with inputs.
pub(crate) static ACTION: Keys = Keys {
    owner: "an action",
    known: &[
        key("inputs", Form::MapOf(&INPUT), "What the action is given: names and their schemas."),
        key("version", Form::Version, "The version of the action, by which `use` selects it."),
    ],
    later: &[],
    base: Some(&TASK),
};

/// A task in a list of what is done one after the other.
pub(crate) static MEMBER: Keys = Keys {
    owner: "a task",
    known: &[key("name", Form::Name, "What the task is called, its verb if not said.")],
    later: &[],
    base: Some(&TASK),
};

pub(crate) static CATCH: Keys = Keys {
    owner: "a `catch`",
    known: &[
        key("type", Form::Texts, "The types of errors it is for, all if not said."),
        key("status", Form::Statuses, "The statuses of errors it is for, all if not said."),
        key(
            "when",
            Form::Condition,
            "An expression about `error`; if it is false the next `catch` is asked.",
        ),
    ],
    later: &[],
    base: Some(&TASK),
};

pub(crate) static DEFAULTS: Keys = Keys {
    owner: "`defaults`",
    known: &[
        key("retry", Form::Nested(&RETRY), "Tries again when a task fails."),
        key(
            "timeout",
            Form::TextOr(&TIMEOUT),
            "How long an attempt may take, or wait, or all of them together.",
        ),
        key("env", Form::Variables, "Variables for the environment; a task adds to them."),
        key(
            "effect",
            Form::Word(policy::effect_words),
            "What another attempt does, `idempotent` if not said.",
        ),
        key("pools", Form::Units, "Units of pools that each attempt takes."),
        key("lock", Form::Text, "A text that one at a time may hold."),
        key("queue", Form::Name, "The queue in which it waits; for people."),
        key(
            "priority",
            Form::Word(asks::priority_words),
            "How urgent it is beside others that wait, `normal` if not said.",
        ),
        key("labels", Form::Labels, "Labels that its worker must have, all of them."),
        key(
            "resources",
            Form::Resources,
            "What it takes of its worker: `cpu`, `memory`, or others by count.",
        ),
    ],
    later: &["workdir", "container", "ssh", "slurm", "kubernetes", "secrets"],
    base: None,
};

pub(crate) static RUN: Keys = Keys {
    owner: "`run`",
    known: &[
        key("command", Form::List, "A program and its arguments; no shell reads them."),
        key("script", Form::Text, "A text that the interpreter reads."),
        key("interpreter", Form::Text, "What reads the script, `sh -e` if not said."),
    ],
    later: &["container"],
    base: None,
};

pub(crate) static CACHE: Keys = Keys {
    owner: "`cache`",
    known: &[
        key("key", Form::Data, "What the result depends on; all that the task is given if not said."),
        key("files", Form::Texts, "Paths and globs, from `workdir`, whose content counts too."),
        key("ttl", Form::Duration, "How old a success may be, any age if not said."),
    ],
    later: &[],
    base: None,
};

pub(crate) static FAIL: Keys = Keys {
    owner: "`fail`",
    known: &[
        key("type", Form::Text, "The type of the error, for programs."),
        key("status", Form::Status, "A number like those of HTTP."),
        key("title", Form::Text, "What went wrong, in one line."),
        key("detail", Form::Text, "More about it."),
    ],
    later: &[],
    base: None,
};

pub(crate) static WAIT: Keys = Keys {
    owner: "`wait`",
    known: &[
        key("until", Form::Text, "A time with its offset from UTC, such as `2027-01-11T09:00:00Z`."),
        key(
            "signal",
            Form::Name,
            "A message to the run; its data is the output. One that came before is kept.",
        ),
        key("timeout", Form::Duration, "Of `signal`: how long it may take to come, for ever if not said."),
    ],
    later: &["event", "if"],
    base: None,
};

/// What all that people are asked has in common.
static ASKED: Keys = Keys {
    owner: "what people are asked",
    known: &[
        key("ask", Form::Text, "What people are asked or told; expressions may stand in it."),
        key(
            "from",
            Form::Texts,
            "Who may answer: names, or groups such as `group:board`; everybody if not said.",
        ),
        key("exclude", Form::Texts, "Who may not, although `from` names them."),
        key(
            "expires",
            Form::Duration,
            "How long an answer may take, for ever if not said; then the task times out.",
        ),
    ],
    later: &["remind", "escalate"],
    base: None,
};

pub(crate) static MANUAL: Keys = Keys {
    owner: "`manual`",
    known: &[key(
        "fields",
        Form::MapOf(&INPUT),
        "What is to be given when the work is done; names and their schemas.",
    )],
    later: &["effort"],
    base: Some(&ASKED),
};

pub(crate) static APPROVAL: Keys = Keys {
    owner: "`approval`",
    known: &[
        key("count", Form::Count, "How many different people have to agree, 1 if not said."),
        key("form", Form::MapOf(&INPUT), "What is to be given by whoever agrees; names and their schemas."),
    ],
    later: &[],
    base: Some(&ASKED),
};

pub(crate) static FORM: Keys = Keys {
    owner: "`form`",
    known: &[key("fields", Form::MapOf(&INPUT), "What is to be filled in; names and their schemas.")],
    later: &[],
    base: Some(&ASKED),
};

pub(crate) static CASE: Keys = Keys {
    owner: "a case",
    known: &[
        key("if", Form::Condition, "An expression without braces."),
        key("then", Form::Name, "The task that goes on; in a `do:` list also `exit` or `end`."),
        key("do", Form::Body, "Instead of `then`: what is done; its output is that of the `switch`."),
        key("name", Form::Name, "What the body is called, `if-1`, `if-2` … if not said."),
        key("else", Form::Else, "The task that goes on if no case holds, or `{do: BODY}`; the last case."),
    ],
    later: &[],
    base: None,
};

pub(crate) static ELSE: Keys = Keys {
    owner: "`else`",
    known: &[
        key("do", Form::Body, "What is done if no case holds; its output is that of the `switch`."),
        key("name", Form::Name, "What the body is called, `else` if not said."),
    ],
    later: &[],
    base: None,
};

pub(crate) static REPEAT: Keys = Keys {
    owner: "`repeat`",
    known: &[
        key("while", Form::Condition, "Asked before each round; if it is false the task has ended."),
        key("until", Form::Condition, "Asked after each round; if it is true the task has ended."),
        key("max", Form::Rounds, "The most rounds; if the end has not come then, the task fails."),
        key("do", Form::Flow, "The tasks of a round, one after the other."),
    ],
    later: &[],
    base: None,
};

pub(crate) static RETRY: Keys = Keys {
    owner: "`retry`",
    known: &[
        key("attempts", Form::Count, "How many attempts there are, the first included."),
        key("delay", Form::Duration, "The pause before the second attempt, `1s` if not said."),
        key("backoff", Form::Word(policy::backoff_words), "How the pause grows, `exponential` if not said."),
        key("max_delay", Form::Duration, "The longest pause."),
        key(
            "jitter",
            Form::Word(policy::jitter_words),
            "With `full` a random part of the pause, `none` if not said.",
        ),
        key(
            "when",
            Form::Condition,
            "An expression about `error`; if it is false there is no other attempt.",
        ),
    ],
    later: &[],
    base: None,
};

pub(crate) static TIMEOUT: Keys = Keys {
    owner: "`timeout`",
    known: &[
        key("queue", Form::Duration, "How long an attempt may wait for a place."),
        key("run", Form::Duration, "How long an attempt may take."),
        key("heartbeat", Form::Duration, "How long an attempt may give no sign of life."),
        key("total", Form::Duration, "How long all attempts and pauses together may take."),
    ],
    later: &[],
    base: None,
};
