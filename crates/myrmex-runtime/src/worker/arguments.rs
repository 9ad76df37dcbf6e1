//! From the evaluated arguments of a `run` task to a process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::RunId;
use myrmex_model::value::{Value, to_text, type_name};
use sha2::{Digest, Sha256};

use super::heartbeat::Heartbeat;
use super::interpreter::{self, Invocation};
use super::{Assignment, WorkerConfig};
use crate::platform::ProcessSpec;

/// Builds the process of an attempt.
///
/// # Errors
///
/// Returns the task's error if the arguments describe no process.
pub(super) fn process(
    assignment: &Assignment,
    config: &WorkerConfig,
    output: &Path,
) -> Result<ProcessSpec, Fault> {
    let arguments = &assignment.arguments;
    let workdir = workdir(arguments, &config.workspace);
    let mut env = Vec::new();
    if let Some(Value::Object(own)) = arguments.get("env") {
        for (name, value) in own {
            env.push((checked("an environment variable", name)?, checked(name, &to_text(value))?));
        }
    }
    // Ours come last: what identifies the attempt is not for a task to change.
    env.extend(task_environment(assignment, output));
    env.extend(assignment.heartbeat.map(|_| Heartbeat::variable(output)));
    let Invocation { argv, script } = invocation(arguments)?;
    Ok(ProcessSpec {
        argv,
        env,
        env_remove: Vec::new(),
        script,
        workdir,
        timeout: assignment.timeout.map(|length| Duration::from_millis(length.0)),
        grace: config.grace,
    })
}

/// Returns the directory in which a task works.
pub(super) fn workdir(arguments: &Value, workspace: &Path) -> PathBuf {
    match arguments.get("workdir") {
        None | Some(Value::Null) => workspace.to_owned(),
        Some(path) => workspace.join(to_text(path)),
    }
}

/// Returns the program and its arguments, and the script if it is not among them.
fn invocation(arguments: &Value) -> Result<Invocation, Fault> {
    let Some(command) = arguments.get("command") else {
        let script = arguments.get("script").map(to_text).unwrap_or_default();
        let interpreter = arguments.get("interpreter").and_then(Value::as_str).unwrap_or("sh");
        return interpreter::invoke(interpreter, checked("the script", &script)?);
    };
    let Some(words) = command.as_array().filter(|words| !words.is_empty()) else {
        let title = format!("`command` needs a list of at least one word, found {}", type_name(command));
        return Err(Fault::new(FaultKind::Validation, title));
    };
    let argv = words.iter().map(|word| checked("an argument", &to_text(word)));
    Ok(Invocation { argv: argv.collect::<Result<_, Fault>>()?, script: None })
}

/// Returns `text` for the operating system, which ends texts at the first zero byte.
fn checked(what: &str, text: &str) -> Result<OsString, Fault> {
    if text.contains('\0') {
        return Err(Fault::new(FaultKind::Validation, format!("{what} contains a zero byte")));
    }
    Ok(text.into())
}

/// What every attempt finds in its environment.
fn task_environment(assignment: &Assignment, output: &Path) -> Vec<(OsString, OsString)> {
    let Assignment { run, task, attempt, token, .. } = assignment;
    let pairs: [(&str, OsString); 7] = [
        ("MYRMEX_RUN", run.to_string().into()),
        ("MYRMEX_TASK", task.path().into_owned().into()),
        ("MYRMEX_ATTEMPT", attempt.to_string().into()),
        ("MYRMEX_FENCING_TOKEN", token.to_string().into()),
        ("MYRMEX_IDEMPOTENCY_KEY", RunId::derived(&[&run.to_string(), task.as_str()]).to_string().into()),
        ("MYRMEX_OUTPUT", output.into()),
        ("TRACEPARENT", trace_parent(assignment).into()),
    ];
    pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The run is the trace, the attempt the span (W3C Trace Context, version 00, sampled).
fn trace_parent(assignment: &Assignment) -> String {
    let mut hasher = Sha256::new();
    hasher.update(assignment.task.as_str().as_bytes());
    hasher.update(assignment.attempt.0.to_be_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let span = digest[..8].iter().fold(0_u64, |span, byte| span << 8 | u64::from(*byte));
    format!("00-{}-{span:016x}-01", assignment.run)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use myrmex_model::address::Address;
    use myrmex_model::id::{Attempt, FencingToken};
    use serde_json::json;

    use super::*;

    fn spec(arguments: Value) -> Result<ProcessSpec, Fault> {
        let assignment = Assignment {
            run: RunId([1; 16]),
            task: Address::parse("loop#2/deploy[eu]").unwrap(),
            attempt: Attempt(3),
            token: FencingToken(7),
            arguments: Arc::new(arguments),
            timeout: None,
            cache: None,
            heartbeat: None,
        };
        let config = WorkerConfig {
            workspace: "space".into(),
            scratch: "scratch".into(),
            grace: Duration::from_secs(1),
            providers: crate::secrets::Providers::default(),
            kin: crate::worker::Kin::new(
                Arc::new(|| myrmex_store::Store::reader(&myrmex_store::memory::MemoryStore::new())),
                myrmex_model::name::Namespace::standard(),
                Arc::default(),
            ),
            blobs: Arc::new(myrmex_store::blobs::MemoryBlobStore::new()),
            namespace: myrmex_model::name::Namespace::standard(),
            copies: "copies".into(),
            successes: None,
        };
        process(&assignment, &config, Path::new("out"))
    }

    #[test]
    fn text_is_given_to_a_shell_that_stops_at_the_first_failure() {
        assert_eq!(spec(json!({"script": "a\nb"})).unwrap().argv, ["sh", "-e", "-c", "a\nb"]);
    }

    #[test]
    fn words_of_a_command_are_printed_like_values_in_text() {
        assert_eq!(
            spec(json!({"command": ["echo", 3, true, ["x"]]})).unwrap().argv,
            ["echo", "3", "true", "[\"x\"]"]
        );
        assert_eq!(spec(json!({"command": []})).unwrap_err().kind, FaultKind::Validation);
        assert_eq!(spec(json!({"command": ["a\u{0}b"]})).unwrap_err().kind, FaultKind::Validation);
    }

    #[test]
    fn the_environment_names_the_attempt() {
        let spec = spec(json!({"command": ["true"], "env": {"N": 1}, "workdir": "sub"})).unwrap();
        let value = |name: &str| spec.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!(value("MYRMEX_TASK"), Some("loop/deploy[eu]".into()));
        assert_eq!(value("MYRMEX_ATTEMPT"), Some("3".into()));
        assert_eq!(value("MYRMEX_FENCING_TOKEN"), Some("7".into()));
        assert_eq!(value("N"), Some("1".into()));
        assert_eq!(value("TRACEPARENT").map(|text| text.len()), Some(55));
        assert_eq!(spec.workdir, Path::new("space/sub"));
    }
}
