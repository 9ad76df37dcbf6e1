//! Words of other workflow languages (Argo Workflows, Dagu, GitHub Actions, Kestra and their like), and ours for them.
//!
//! They only make hints: a word that stands here is refused like any other that is unknown.

use std::ops::Range;

use super::keys::Keys;

/// Words that others use for what we write in this way. The key that ours begins with tells whether it is supported yet.
struct Ours {
    theirs: &'static [&'static str],
    write: &'static str,
}

const fn ours(theirs: &'static [&'static str], write: &'static str) -> Ours {
    Ours { theirs, write }
}

/// In a workflow.
const ROOT: &[Ours] = &[
    ours(&["jobs", "steps", "stages", "templates", "nodes", "dag", "spec", "pipeline"], "tasks: {NAME: {…}}"),
    ours(&["on", "schedule", "trigger", "cron", "when"], "triggers: […]"),
    ours(&["env", "environment", "variables", "vars", "globals"], "defaults: {env: {…}}"),
    ours(&["params", "parameters", "arguments", "args", "input"], "inputs: {NAME: {type: string}}"),
    ours(
        &["timeout", "timeout-minutes", "timeoutSec", "activeDeadlineSeconds", "maxDuration"],
        "deadline: 1h",
    ),
    ours(
        &["retry", "retries", "retryStrategy", "retryPolicy", "max_retries", "maxRetries"],
        "defaults: {retry: {attempts: 3}}",
    ),
    ours(&["heartbeat", "heartbeat_timeout"], "defaults: {timeout: {heartbeat: 1m}}"),
    ours(
        &["concurrency_limit", "concurrencyPolicy", "max_concurrency", "max_active_runs", "maxActiveRuns"],
        "concurrency: {limit: 1, on_conflict: queue}",
    ),
    ours(
        &["errors", "onError", "on_error", "onFailure", "on-failure", "handlerOn", "handler_on"],
        "on_failure: {…}",
    ),
    ours(&["onExit", "on_exit", "always", "after"], "finally: {…}"),
    ours(&["parallelism", "maxActiveSteps", "max_active_steps"], "max_parallel: 2"),
];

/// In a task: what it does.
const VERBS: &[Ours] = &[
    ours(&["command", "cmd", "exec", "bash", "sh", "commands"], "run: TEXT"),
    ours(&["shell", "interpreter"], "run: {script: TEXT, interpreter: bash}"),
    ours(&["script", "python", "node", "source"], "run: {script: TEXT, interpreter: python}"),
    ours(&["args"], "run: {command: [PROGRAM, ARGUMENT]}"),
    ours(&["uses", "action"], "use: LIBRARY/ACTION@VERSION"),
    ours(
        &["call", "template", "templateRef", "subflow", "sub_workflow", "subworkflow", "flowId"],
        "workflow: NAME",
    ),
    ours(&["steps"], "do: [{NAME: {run: …}}]"),
    ours(&["jobs", "dag", "stages"], "tasks: {NAME: {…}}"),
    ours(&["sleep", "suspend", "delay", "pause"], "wait: 30s"),
    ours(&["repeatPolicy", "repeat_policy", "loopUntil"], "repeat: {until: …, max: 10, do: […]}"),
    ours(&["uri", "url", "request"], "http: {method: GET, url: …}"),
];

/// In a task: how it does it.
const TASK: &[Ours] = &[
    ours(
        &[
            "depends",
            "depends_on",
            "depends-on",
            "dependsOn",
            "dependencies",
            "after",
            "upstream",
            "requires",
        ],
        "needs: NAME",
    ),
    ours(
        &["when", "condition", "conditions", "only_if", "runIf", "precondition", "preconditions"],
        "if: CONDITION",
    ),
    ours(
        &[
            "withItems",
            "withParam",
            "withSequence",
            "with_items",
            "with_list",
            "with_sequence",
            "matrix",
            "strategy",
            "loop",
            "forEach",
            "parallel",
            "each",
        ],
        "for_each: LIST",
    ),
    ours(
        &["retries", "retryStrategy", "retryPolicy", "retry_policy", "max_retries", "maxRetries"],
        "retry: {attempts: 3}",
    ),
    ours(
        &["heartbeat", "heartbeat_timeout", "heartbeatTimeout", "heartbeatSeconds"],
        "timeout: {heartbeat: 1m}",
    ),
    ours(
        &[
            "timeout-minutes",
            "timeout_minutes",
            "timeoutSec",
            "timeout_sec",
            "timeoutSeconds",
            "activeDeadlineSeconds",
        ],
        "timeout: 5m",
    ),
    ours(
        &["continueOn", "continue_on", "continue-on-error", "allow_failure", "allowFailure", "ignore_errors"],
        "continue_on_error: true",
    ),
    ours(
        &["working-directory", "working_directory", "workingDir", "working_dir", "cwd", "dir", "chdir"],
        "workdir: FOLDER",
    ),
    ours(&["environment", "variables", "vars"], "env: {NAME: VALUE}"),
    ours(&["params", "parameters", "arguments", "inputs", "input"], "with: {NAME: VALUE}"),
    ours(&["output"], "outputs: {NAME: {type: string}}"),
    ours(&["onError", "on_error", "onFailure", "on-failure", "errors"], "on_failure: {…}"),
    ours(&["except", "rescue", "on_exception"], "catch: {…}"),
    ours(&["onExit", "on_exit", "always"], "finally: {…}"),
    ours(&["image", "docker"], "container: IMAGE"),
    ours(&["runs-on", "runs_on", "nodeSelector", "workerSelector"], "labels: […]"),
    ours(&["title", "label", "summary"], "description: TEXT"),
];

/// In a case of a `switch`.
const CASE: &[Ours] = &[
    ours(&["when", "condition", "case", "expression"], "if: CONDITION"),
    ours(&["goto", "next", "target", "to", "task"], "then: NAME"),
    ours(&["default", "otherwise"], "else: NAME"),
    ours(&["tasks", "steps", "run", "body"], "do: [{name: NAME, run: …}]"),
];

/// In `fail`.
const FAIL: &[Ours] = &[ours(&["message", "text", "reason", "msg", "error"], "title: TEXT")];

/// In `run`.
const RUN: &[Ours] = &[
    ours(&["cmd", "exec", "argv", "program"], "command: [PROGRAM, ARGUMENT]"),
    ours(&["text", "source", "code", "inline", "shell", "bash"], "script: TEXT"),
    ours(&["language", "lang", "executor"], "interpreter: python"),
];

/// In `repeat`.
const REPEAT: &[Ours] = &[
    ours(&["times", "count", "limit", "max_iterations", "maxIterations", "attempts"], "max: 10"),
    ours(&["condition", "if", "when"], "while: CONDITION"),
    ours(&["tasks", "steps", "run", "body"], "do: [NAME: {…}]"),
];

/// In `concurrency`.
const CONCURRENCY: &[Ours] = &[
    ours(&["group", "name", "id"], "key: TEXT"),
    ours(&["max", "count", "size", "max_runs", "max_parallel"], "limit: 1"),
    ours(&["cancel-in-progress", "cancel_in_progress", "policy", "overlap"], "on_conflict: cancel"),
];

/// In `cache`.
const CACHE: &[Ours] = &[
    ours(&["path", "paths", "sources", "inputs", "hash"], "files: [GLOB]"),
    ours(&["expires", "expiration", "max_age", "maxAge", "duration"], "ttl: 1d"),
];

/// Keys of others that no single key of ours stands for, by the kind of map, and what is done instead.
const OTHERWISE: &[(&str, &[&str], &str)] = &[
    (
        "a workflow",
        &["secrets"],
        "a secret is named where it is needed: `env: {TOKEN: '${{ secrets.TOKEN }}'}` of a task",
    ),
    (
        "an output",
        &["default", "optional", "nullable"],
        "with `required: false` an output that is not given is null; who reads it writes `| default(x)`",
    ),
    (
        "`run`",
        &["args", "arguments", "params"],
        "arguments follow their program: `command: [PROGRAM, ARGUMENT]`",
    ),
    (
        "`wait`",
        &["for", "duration", "seconds", "minutes", "time", "after", "delay"],
        "how long is written without a map: `wait: 30s`",
    ),
    (
        "`timeout`",
        &["seconds", "minutes", "duration", "after", "limit"],
        "how long is written without a map: `timeout: 5m`",
    ),
    (
        "a workflow",
        &["depends_on", "dependsOn", "needs"],
        "tasks wait for each other: `needs: NAME` in the task that comes after",
    ),
    (
        "a task",
        &["trigger_rule", "trigger_rules", "triggerRule"],
        "which ends are accepted is `needs: {NAME: finished}`; `join: any` waits for one of several",
    ),
    (
        "a task",
        &["concurrency", "concurrency_limit", "max_concurrency", "parallelism"],
        "`max_parallel: 2` bounds the items of a `for_each` or the tasks of a block; `concurrency` beside `tasks` bounds runs",
    ),
    (
        "a task",
        &["schedule", "cron", "on", "trigger"],
        "what starts a run is said by `triggers`, beside `tasks`",
    ),
    (
        "a task",
        &["name", "id"],
        "the name of a task is the key it stands under; `description: TEXT` is for people",
    ),
    (
        "a task",
        &["on_success", "on-success", "onSuccess", "next", "goto"],
        "in the task that comes after write `needs: NAME`; in a `do:` list `then: NAME` goes on elsewhere",
    ),
];

/// In `retry`.
const RETRY: &[Ours] = &[
    ours(
        &[
            "limit",
            "max",
            "count",
            "times",
            "retries",
            "max_attempts",
            "maxAttempts",
            "maxAttempt",
            "max_retries",
        ],
        "attempts: 3",
    ),
    ours(&["interval", "intervalSec", "interval_sec", "duration", "pause", "wait", "sleep"], "delay: 10s"),
    ours(&["maxInterval", "max_interval", "maxDuration", "maxDelay", "cap"], "max_delay: 2m"),
    ours(&["factor", "multiplier", "exponential"], "backoff: exponential"),
    ours(&["if", "on", "condition", "expression"], "when: CONDITION"),
];

/// Roots of expressions, and where what they hold is found here.
const ROOTS: &[(&[&str], &str)] = &[
    (&["params", "parameters", "arguments", "args"], "inputs of a run are `inputs.NAME`"),
    (&["steps", "needs", "jobs", "step", "nodes"], "what a task gave is `tasks.NAME.output`"),
    (&["matrix", "taskrun", "each"], "the item of a `for_each` is `item`, or the name that `as` gives it"),
    (
        &["env", "envs"],
        "a process finds variables in its environment; an expression reads `inputs` or `vars`",
    ),
    (
        &["github", "workflow", "job", "execution", "flow", "dag"],
        "facts of the run are `run.id`, `run.workflow` …",
    ),
    (&["null", "nil", "undefined"], "write `none`"),
];

/// Functions, and what is written here.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (&["always", "cancelled"], "write it under `finally:`, or accept every end: `needs: {NAME: finished}`"),
    (&["failure", "failed"], "write it under `on_failure:`, or `needs: {NAME: failed}`"),
    (&["success", "succeeded"], "leave it out: a task runs if what it needs has succeeded"),
    (&["contains"], "write `'x' in value`"),
    (&["startsWith", "startswith"], "write `value is startingwith 'x'`"),
    (&["endsWith", "endswith"], "write `value is endingwith 'x'`"),
    (&["toJSON", "toJson", "to_json"], "write `value | to_json`"),
    (&["fromJSON", "fromJson", "from_json"], "write `value | from_json`"),
    (&["len", "length", "size"], "write `value | length`"),
];

/// Words of closed sets, and ours.
const WORDS: &[(&[&str], &str)] = &[
    (&["success", "Succeeded", "ok"], "succeeded"),
    (&["failure", "fail", "error", "Failed"], "failed"),
    (&["skip", "omitted"], "skipped"),
    (&["always", "completed", "complete", "done", "any", "all", "finish"], "finished"),
    (&["true"], "full"),
    (&["false"], "none"),
    (&["exp", "double"], "exponential"),
    (&["fixed"], "constant"),
];

/// Kinds of files by a key that only they have.
const FILES: &[(&str, &str)] = &[
    ("apiVersion", "Kubernetes or Argo Workflows"),
    ("namespace", "Kestra"),
    ("jobs", "GitHub Actions"),
    ("steps", "Dagu"),
];

fn found(words: &[(&'static [&'static str], &'static str)], word: &str) -> Option<&'static str> {
    words.iter().find(|(theirs, _)| theirs.contains(&word)).map(|(_, ours)| *ours)
}

/// Returns what to write instead of `key` in a map with these `keys`.
pub(super) fn instead_of_key(key: &str, keys: &Keys) -> Option<String> {
    let otherwise = OTHERWISE.iter().find(|(owner, theirs, _)| *owner == keys.owner && theirs.contains(&key));
    if let Some((.., hint)) = otherwise {
        return Some((*hint).to_owned());
    }
    let tables: &[&[Ours]] = match keys.owner {
        "a workflow" => &[ROOT],
        "a task" | "an action" | "a `catch`" => &[VERBS, TASK],
        "a case" => &[CASE],
        "`fail`" => &[FAIL],
        "`run`" => &[RUN],
        "`repeat`" => &[REPEAT],
        "`retry`" => &[RETRY],
        "`concurrency`" => &[CONCURRENCY],
        "`cache`" => &[CACHE],
        _ => &[],
    };
    let ours = tables.iter().copied().flatten().find(|ours| ours.theirs.contains(&key))?;
    let own = ours.write.split(':').next().unwrap_or_default();
    let is_later = keys.known(own).is_none();
    if is_later {
        return Some(format!("`{own}` says this, and is not supported yet"));
    }
    Some(format!("write `{}`", ours.write))
}

/// Returns whether `key` is what others call a verb.
pub(super) fn is_verb(key: &str) -> bool {
    VERBS.iter().any(|ours| ours.theirs.contains(&key))
}

/// Returns whether `key` is what others call the tasks of a workflow.
pub(super) fn is_body(key: &str) -> bool {
    ROOT.iter().any(|ours| ours.theirs.contains(&key) && ours.write.starts_with("tasks"))
}

/// Returns where that is found which others call `root` in expressions.
pub(crate) fn instead_of_root(root: &str) -> Option<&'static str> {
    found(ROOTS, root)
}

/// Returns what to write instead of a call of `function`.
pub(super) fn instead_of_function(function: &str) -> Option<&'static str> {
    found(FUNCTIONS, function)
}

/// Returns the one of `words` that others call `word`.
pub(crate) fn instead_of_word(word: &str, words: &[&str]) -> Option<&'static str> {
    let fitting = |(theirs, ours): &&(&[&str], &str)| words.contains(ours) && theirs.contains(&word);
    WORDS.iter().find(fitting).map(|(_, ours)| *ours)
}

/// Returns whose file it probably is that has these keys.
pub(super) fn file_of<'k>(mut keys: impl Iterator<Item = &'k str>) -> Option<&'static str> {
    keys.find_map(|key| FILES.iter().find(|(own, _)| *own == key)).map(|(_, whose)| *whose)
}

/// Returns what to write instead of an operator of other languages that stands at `at` in an expression, and where it
/// stands.
pub(super) fn instead_of_operator(source: &str, at: usize) -> Option<(&'static str, Range<usize>)> {
    let (before, here) = (source.get(..at)?, source.get(at..)?);
    let rest = here.trim_start();
    let start = source.len() - rest.len();
    let starts = |operator: &str| rest.starts_with(operator);
    // An operator that was read in part before `at` goes on there without a space.
    let goes_on = |first: &str, then: &str| before.ends_with(first) && here.starts_with(then);
    let other_space = here.chars().next().filter(|c| c.is_whitespace() && !c.is_ascii());
    let (write, place) = match () {
        () if let Some(space) = other_space => {
            ("write an ordinary space, this is another", at..at + space.len_utf8())
        }
        () if starts("&&") => ("write `and`", start..start + 2),
        () if goes_on("&", "&") => ("write `and`", at - 1..at + 1),
        () if before.ends_with('&') => ("write `and`", at - 1..at),
        () if goes_on("|", "|") => ("write `or`", at - 1..at + 1),
        () if starts("===") => ("write `==`", start..start + 3),
        () if goes_on("==", "=") => ("write `==`", at - 2..at + 1),
        () if starts("=") => ("write `==` to compare", start..start + 1),
        () if starts("&") => ("write `and`", start..start + 1),
        () if starts("!") => ("write `not`", start..start + 1),
        () if starts("?") => ("write `A if CONDITION else B`", start..start + 1),
        () => return None,
    };
    Some((write, place))
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    fn tables() -> [(Vec<&'static [Ours]>, &'static Keys); 9] {
        [
            (vec![ROOT], &keys::ROOT),
            (vec![VERBS, TASK], &keys::TASK),
            (vec![RETRY], &keys::RETRY),
            (vec![CASE], &keys::CASE),
            (vec![FAIL], &keys::FAIL),
            (vec![RUN], &keys::RUN),
            (vec![REPEAT], &keys::REPEAT),
            (vec![CONCURRENCY], &keys::CONCURRENCY),
            (vec![CACHE], &keys::CACHE),
        ]
    }

    #[test]
    fn no_word_of_others_is_one_of_ours_and_each_stands_once() {
        for (tables, keys) in tables() {
            let theirs: Vec<&str> =
                tables.iter().copied().flatten().flat_map(|ours| ours.theirs).copied().collect();
            let known: Vec<_> = theirs.iter().filter(|key| keys.known(key).is_some()).collect();
            assert!(known.is_empty(), "{known:?}");
            let twice: Vec<_> =
                theirs.iter().filter(|key| theirs.iter().filter(|other| other == key).count() > 1).collect();
            assert!(twice.is_empty(), "{twice:?}");
        }
    }

    #[test]
    fn what_is_to_be_written_is_a_key_of_the_language() {
        for (tables, keys) in tables() {
            for ours in tables.iter().copied().flatten() {
                let own = ours.write.split(':').next().unwrap();
                let exists = keys.known(own).is_some() || keys.all_later().any(|later| later == own);
                assert!(exists, "{own}");
            }
        }
    }
}
