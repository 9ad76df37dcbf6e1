//! Looks for a canary in everything a run leaves behind: the store, logs, standard output and standard error.
//!
//! A secret is given to tasks that print it in every form they can. Afterwards no byte of the data directory and nothing
//! that was printed may hold it. The run happens in a process of its own, this program once more, because its standard
//! streams are looked at too.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Arc;

use myrmex::session::{Means, Session, Show, fork_zygote};
use myrmex::workspace::Workspace;
use myrmex_lang::{Source, check};
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::{Body, Definition};
use myrmex_model::template::Template;
use myrmex_model::wire;
use myrmex_runtime::partition::NewRun;
use myrmex_store::Sequence;
use serde_json::{Value, json};

/// The value that must never be seen.
const CANARY: &str = "c4n4ry/+value&9f31 for-all";

/// Variables whose names begin so stand for secrets: the rest of the value names the secret.
const MARK: &str = "SECRET:";

const WORKFLOW: &str = r#"workflow: canary
tasks:
  says:
    run: |
      echo "$TOKEN" >kept
      echo "out $TOKEN"; echo "err $TOKEN" >&2
      for before in '' x xx; do printf '%s%s' "$before" "$TOKEN" | base64; done
      printf '%s' "$TOKEN" | perl -pe 's/([^A-Za-z0-9_.~-])/sprintf("%%%02X", ord($1))/ge'
      printf '{"token": "%s", "list": ["x%sx"]}' "$TOKEN" "$TOKEN" >"$MYRMEX_OUTPUT"
    env: {TOKEN: 'SECRET:TOKEN'}
  fails: {run: 'echo "refused: $TOKEN" >&2; exit 3', env: {TOKEN: 'SECRET:TOKEN'}}
  finds: {needs: says, run: cat kept}
  missing: {run: echo never, env: {TOKEN: 'SECRET:NOT_GIVEN'}}
  keeps: {run: 'echo kept; echo plain >plain.txt', env: {ARTIFACTS: 'SECRET:TOKEN'}}
outputs: {token: '${{ tasks.says.output.token }}', found: '${{ tasks.finds.output.stdout }}'}
"#;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--run", show] => return command(if show == "json" { Show::Json } else { Show::People }),
        ["--list" | "--format", ..] => {
            if !words.contains(&"--ignored") {
                println!("no_byte_that_is_left_behind_holds_a_secret: test");
            }
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    no_byte_that_is_left_behind_holds_a_secret();
    println!("test no_byte_that_is_left_behind_holds_a_secret ... ok");
    ExitCode::SUCCESS
}

/// Does what `myrmex run` does, with secrets where the workflow says so.
fn command(show: Show) -> ExitCode {
    let zygote = fork_zygote().unwrap();
    let workspace = Workspace::current(None).unwrap();
    let mut definition = check(&Source::new("w.yaml", WORKFLOW)).definition.unwrap();
    give_secrets(&mut definition);
    let session = Session::open(zygote, &workspace, Means { slots: Some(2), ..Means::default() }).unwrap();
    let form = wire::definition::encode(&definition);
    let new = NewRun {
        run: RunId::derived(&[&format!("{show:?}")]),
        hash: DefinitionHash::of(&form),
        definition: Arc::new(definition),
        form: form.into(),
        inputs: json!({}),
        started_by: "tester".to_owned(),
        trigger: "manual".to_owned(),
        key: None,
        retry: None,
        called: Vec::new(),
    };
    let run = new.run;
    session.partition().start_run(new).recv().unwrap().unwrap();
    session.watch(run, Sequence::NONE, show).unwrap().into()
}

/// Moves the marked variables to where the worker looks for secrets.
fn give_secrets(definition: &mut Definition) {
    for node in &mut definition.nodes {
        let Body::Task(task) = &mut node.body else { continue };
        let Some(Value::Object(mut arguments)) = task.arguments.as_literal().cloned() else { continue };
        let Some(Value::Object(env)) = arguments.get("env").cloned() else { continue };
        let marked = env.iter().filter_map(|(name, value)| {
            let secret = value.as_str()?.strip_prefix(MARK)?;
            Some((name.clone(), json!([{"secret": secret}])))
        });
        let marked: serde_json::Map<String, Value> = marked.collect();
        if marked.contains_key("ARTIFACTS") {
            arguments.insert("artifacts".to_owned(), json!({"plain": "plain.txt"}));
        }
        if !marked.is_empty() {
            arguments.remove("env");
            arguments.insert("secret_env".to_owned(), Value::Object(marked));
            task.arguments = Template::Literal(Value::Object(arguments));
        }
    }
}

fn no_byte_that_is_left_behind_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("myrmex.yaml"), "").unwrap();
    let forms = forms();
    for show in ["json", "people"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--run", show]).current_dir(folder.path()).env("MYRMEX_SECRET_TOKEN", CANARY);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        check_output(&output, &forms);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let all = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
        assert!(all.contains("the secret `NOT_GIVEN` is missing"), "{all}");
        if show == "json" {
            let kept = r#""artifacts":{"plain":{"name":"plain.txt","size":6,"hash":""#;
            assert!(all.contains(kept), "{all}");
            assert!(
                all.contains("refused: ***") && all.contains(r#"{"token":"***","list":["x***x"]}"#),
                "{all}"
            );
        }
    }
    // The test would find nothing if the tasks had not been given the secret.
    assert_eq!(std::fs::read_to_string(folder.path().join("kept")).unwrap(), format!("{CANARY}\n"));
    for words in [["events", "--offline"], ["runs", "list"]] {
        check_output(&myrmex(folder.path(), &words), &forms);
    }
    let run = RunId::derived(&["Json"]).to_string();
    let logs = myrmex(folder.path(), &["runs", "logs", &run]);
    assert!(String::from_utf8_lossy(&logs.stdout).contains("out ***"), "{logs:?}");
    check_output(&logs, &forms);
    let files = check_folder(&folder.path().join(".myrmex"), &forms);
    assert!(files >= 3, "{files} files are no store");
}

fn myrmex(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    let output = command.args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Returns the canary as it is, percent-encoded, and the inside of what base64 makes of it at each alignment.
fn forms() -> Vec<Vec<u8>> {
    let mut forms = vec![CANARY.into(), "c4n4ry".into(), "c4n4ry%2F%2Bvalue%269f31%20for-all".into()];
    for before in ["", "x", "xx"] {
        let script = format!("printf '%s%s' '{before}' \"$0\" | base64 -w 0");
        let output = Command::new("sh").args(["-c", &script, CANARY]).output().unwrap();
        forms.push(output.stdout[4..output.stdout.len() - 4].to_vec());
    }
    forms
}

#[track_caller]
fn check_output(output: &Output, forms: &[Vec<u8>]) {
    check_bytes(&output.stdout, forms, "standard output");
    check_bytes(&output.stderr, forms, "standard error");
}

#[track_caller]
fn check_bytes(bytes: &[u8], forms: &[Vec<u8>], place: &str) {
    for form in forms {
        let is_in = bytes.windows(form.len()).any(|window| window == form);
        assert!(!is_in, "`{}` in {place}", String::from_utf8_lossy(form));
    }
}

/// Returns how many files were looked at.
fn check_folder(folder: &Path, forms: &[Vec<u8>]) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += check_folder(&path, forms);
        } else {
            check_bytes(&std::fs::read(&path).unwrap(), forms, &path.display().to_string());
            count += 1;
        }
    }
    count
}
