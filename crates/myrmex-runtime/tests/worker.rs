//! Checks what the local worker does with attempts, with real processes.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

mod platform_host;
mod worker_host;

use std::process::ExitCode;

use myrmex_model::fault::FaultKind;
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::value::Value;
use myrmex_runtime::secrets::{Provider, Providers};
use myrmex_runtime::worker::{Outcome, Produced, Said, Worker};
use platform_host::run;
use serde_json::json;
use worker_host::{Host, fault, produced};

fn main() -> ExitCode {
    run(checks![
        an_attempt_is_reported_once_and_again_until_acknowledged,
        a_stopped_attempt_is_confirmed,
        an_attempt_without_a_sign_of_life_is_ended_with_its_tree,
        output_and_a_touched_file_are_signs_of_life,
        only_an_attempt_that_has_to_give_signs_finds_the_file_for_them,
        an_attempt_that_is_told_twice_runs_once,
        artifacts_are_kept_before_the_end_is_reported,
        a_missing_artifact_fails_a_success_and_not_a_failure,
        an_artifact_with_a_secret_is_refused,
        a_large_output_is_a_file,
        a_file_is_given_by_the_path_of_a_copy,
        a_copy_that_a_task_changed_is_made_again,
        interpreters_run_scripts,
        a_script_that_is_too_long_for_an_argument_runs,
        an_interpreter_that_is_not_installed_is_named,
        a_secret_reaches_the_process_and_nothing_else,
        encoded_secrets_are_masked_too,
        a_secret_is_masked_in_later_attempts_of_its_run,
        a_command_gives_a_secret,
        a_command_that_fails_fails_the_attempt,
        a_missing_secret_fails_the_attempt_by_name,
        an_attempt_that_waits_for_its_secret_can_be_stopped,
        tasks_do_not_inherit_the_variables_of_secrets,
    ])
}

/// The value that must never be seen.
const CANARY: &str = "c4n4ry/\"wéird\"+value";

fn with_canary() -> Host {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("TOKEN"), format!("{CANARY}\n")).unwrap();
    let providers = Providers { folder: Some(folder.path().to_owned()), ..Providers::default() };
    Host::with(providers, folder)
}

fn with_command(words: &[&str]) -> Host {
    let command = Provider::Command(words.iter().map(|word| (*word).to_owned()).collect());
    let providers = Providers { named: [("TOKEN".to_owned(), command)].into(), folder: None };
    Host::with(providers, tempfile::tempdir().unwrap())
}

fn script(text: &str) -> Value {
    json!({"script": text, "secret_env": {"TOKEN": [{"secret": "TOKEN"}]}})
}

#[track_caller]
fn check_clean(text: &str) {
    for form in [CANARY, "c4n4ry", "wéird", "c4n4ry%2F", "YzRuNHJ5", "M0bjRy", "jNG40cn"] {
        assert!(!text.contains(form), "{form} in {text}");
    }
}

fn an_attempt_is_reported_once_and_again_until_acknowledged() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "echo hello"}));
    assert_eq!(produced(&report), &Produced::Stdout(Some("hello".into())));
    assert_eq!(host.printed(&report), "hello\n");
    host.worker().recount();
    assert!(matches!(host.hear(), Said::Inventory(tokens) if tokens == [report.token]));
    assert_eq!(host.report().token, report.token);
    host.worker().acknowledge(report.token);
    host.worker().recount();
    assert!(matches!(host.hear(), Said::Inventory(tokens) if tokens.is_empty()));
}

fn a_stopped_attempt_is_confirmed() {
    let mut host = Host::new();
    let token = host.assign(json!({"command": ["sleep", "60"]}));
    host.worker().stop(token);
    let report = host.report();
    assert!(matches!(report.outcome, Outcome::Ended(ended) if ended.end == AttemptEnd::Stopped));
}

fn an_attempt_without_a_sign_of_life_is_ended_with_its_tree() {
    let mut host = Host::new();
    // It waits for a writer that never comes, and so does its child.
    let text = "mkfifo pipe; echo $$ >pid; cat pipe & cat pipe";
    host.assign_watched(json!({"script": text}), Some(300));
    let report = host.report();
    let Outcome::Ended(ended) = &report.outcome else { panic!("{report:?}") };
    assert!(matches!(ended.end, AttemptEnd::TimedOut { .. }), "{ended:?}");
    let fault = fault(&report);
    assert_eq!((&fault.kind, &*fault.title), (&FaultKind::Timeout, "no sign of life for 300ms"));
    assert!(fault.detail.as_ref().unwrap().contains("touch \"$MYRMEX_HEARTBEAT\""));
    let pid = std::fs::read_to_string(host.space().join("pid")).unwrap();
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists());
}

fn output_and_a_touched_file_are_signs_of_life() {
    // Each goes on for longer than it may be silent, and tells how long that was.
    for sign in ["echo .", "echo . >&2", "touch \"$MYRMEX_HEARTBEAT\"", "echo . >>\"$MYRMEX_HEARTBEAT\""] {
        let mut host = Host::new();
        let text = format!("for i in 1 2 3 4 5 6; do sleep 0.1; {sign}; done; touch done");
        host.assign_watched(json!({"script": text}), Some(400));
        let report = host.report();
        assert!(matches!(report.outcome, Outcome::Produced { .. }), "{sign}: {report:?}");
        assert!(host.space().join("done").exists());
        assert_eq!(std::fs::read_dir(host.scratch()).unwrap().count(), 0, "nothing is left of it");
    }
}

fn only_an_attempt_that_has_to_give_signs_finds_the_file_for_them() {
    let mut host = Host::new();
    let text = "echo ${MYRMEX_HEARTBEAT-none}";
    assert_eq!(produced(&host.run(json!({"script": text}))), &Produced::Stdout(Some("none".into())));
    host.assign_watched(json!({"script": text}), Some(60_000));
    let report = host.report();
    let Produced::Stdout(Some(path)) = produced(&report) else { panic!("{report:?}") };
    assert!(path.ends_with(".heartbeat"), "{path}");
}

fn an_attempt_that_is_told_twice_runs_once() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "echo once >>once"}));
    host.worker().recount();
    assert!(matches!(host.hear(), Said::Inventory(_)));
    assert_eq!(host.report().token, report.token);
    assert_eq!(std::fs::read_to_string(host.space().join("once")).unwrap(), "once\n");
}

fn artifacts_are_kept_before_the_end_is_reported() {
    let mut host = Host::new();
    let report = host.run(json!({
        "script": "mkdir out; echo one >out/one; echo two >out/two; echo plain >plain.txt",
        "artifacts": {"plain": "plain.txt", "folder": "out", "some": "out/t*"},
    }));
    produced(&report);
    assert_eq!(report.artifacts["plain"]["name"], "plain.txt");
    assert_eq!(host.content(&report.artifacts["plain"]), b"plain\n");
    assert_eq!(report.artifacts["folder"]["name"], "folder.tar");
    let archive = host.space().join("all.tar");
    std::fs::write(&archive, host.content(&report.artifacts["folder"])).unwrap();
    let listed = std::process::Command::new("tar").arg("-tf").arg(&archive).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "one\ntwo\n");
    assert_ne!(report.artifacts["some"]["hash"], report.artifacts["folder"]["hash"]);
}

fn a_missing_artifact_fails_a_success_and_not_a_failure() {
    let mut host = Host::new();
    let declared = json!({"report": "report.xml", "log": "log.txt"});
    let report = host.run(json!({"script": "echo >log.txt", "artifacts": declared}));
    assert_eq!(fault(&report).kind, FaultKind::Validation);
    assert_eq!(fault(&report).title, "the artifact `report` is missing: there is no `report.xml`");
    assert_eq!(report.artifacts.keys().collect::<Vec<_>>(), ["log"]);
    let report = host.run(json!({"script": "exit 4", "artifacts": declared}));
    assert_eq!(fault(&report).exit_code, Some(4));
    assert_eq!(report.artifacts.keys().collect::<Vec<_>>(), ["log"]);
}

fn an_artifact_with_a_secret_is_refused() {
    let mut host = with_canary();
    let mut arguments = script("mkdir out; printf 'x%s' \"$TOKEN\" | base64 >out/file");
    arguments["artifacts"] = json!({"out": "out"});
    let report = host.run(arguments);
    assert_eq!(fault(&report).title, "the artifact `out` holds a secret and is not stored");
    assert!(report.artifacts.is_empty());
}

fn a_large_output_is_a_file() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "head -c 2000000 /dev/zero | tr '\\0' x >$MYRMEX_OUTPUT"}));
    let Produced::File(file) = produced(&report) else { panic!("{report:?}") };
    assert_eq!(host.content(&Value::Object(file.clone())), b"x".repeat(2_000_000));
    // Its threads end with it; the next host begins with a fork.
    drop(host);
    let mut host = with_canary();
    let report =
        host.run(script("(head -c 2000000 /dev/zero | tr '\\0' x; printf %s \"$TOKEN\") >$MYRMEX_OUTPUT"));
    assert_eq!(fault(&report).detail.as_deref(), Some("it holds a secret"));
}

fn a_file_is_given_by_the_path_of_a_copy() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "echo content >data.txt", "artifacts": {"data": "data.txt"}}));
    let file = report.artifacts["data"].clone();
    let report = host.run(json!({"command": ["sh", "-c", "cat \"$0\" \"$DATA\"; stat -c %a \"$0\"; basename $0", file], "env": {"DATA": file}}));
    assert_eq!(produced(&report), &Produced::Stdout(Some("content\ncontent\n444\ndata.txt".into())));
    let report = host.run(json!({
        "command": ["sh", "-c", "cat \"${0#--in=}\" \"${X#*:}\"", "printed"],
        "env": {"X": "printed"},
        "joined": {"/command/3": ["--in=", file], "/env/X": [1, ":", file]},
    }));
    assert_eq!(produced(&report), &Produced::Stdout(Some("content\ncontent".into())));
    host.worker().forget(report.run);
    let report = host.run(json!({"script": "find ../copies -type f"}));
    assert_eq!(produced(&report), &Produced::Stdout(Some(String::new())), "copies go with their run");
    let mut wrong = file;
    wrong["hash"] = json!("0".repeat(64));
    let report = host.run(json!({"command": ["echo", wrong]}));
    assert_eq!(fault(&report).title, "the file `data.txt` cannot be made ready");
}

fn a_copy_that_a_task_changed_is_made_again() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "echo one >data.txt", "artifacts": {"data": "data.txt"}}));
    let env = json!({"DATA": report.artifacts["data"]});
    // As long as before, so that its size does not tell.
    produced(&host.run(json!({"script": "chmod u+w \"$DATA\"; echo two >\"$DATA\"", "env": env})));
    let report = host.run(json!({"script": "cat \"$DATA\"", "env": env}));
    assert_eq!(produced(&report), &Produced::Stdout(Some("one".into())));
}

fn interpreters_run_scripts() {
    let mut host = Host::new();
    let scripts = [
        ("sh", "false | true; echo ok"),
        ("bash", "a=(o k); echo ${a[0]}${a[1]}"),
        ("perl", "print \"ok\\n\""),
        ("awk -f", "BEGIN { print \"ok\" }"),
        ("/bin/sh", "echo ok"),
        ("sh -u", "echo \"${UNSET-ok}\""),
        ("cat", "ok"),
    ];
    for (interpreter, script) in scripts {
        let report = host.run(json!({"script": script, "interpreter": interpreter}));
        assert_eq!(produced(&report), &Produced::Stdout(Some("ok".into())), "{interpreter}");
    }
    for (interpreter, script) in [("sh", "false; true"), ("bash", "false | true")] {
        let report = host.run(json!({"script": script, "interpreter": interpreter}));
        assert_eq!(fault(&report).exit_code, Some(1), "{interpreter}");
    }
    // These are not on every machine.
    for (interpreter, script) in
        [("python", "print('ok')"), ("node", "console.log('ok')"), ("ruby", "puts 'ok'")]
    {
        let report = host.run(json!({"script": script, "interpreter": interpreter}));
        match &report.outcome {
            Outcome::Produced { produced, .. } => {
                assert_eq!(produced, &Produced::Stdout(Some("ok".into())), "{interpreter}");
            }
            Outcome::Ended(_) | Outcome::TakenOver { .. } => {
                assert!(fault(&report).title.ends_with("is not installed"), "{report:?}");
            }
        }
    }
}

fn a_script_that_is_too_long_for_an_argument_runs() {
    let mut host = Host::new();
    let long = format!("{}\n", "# comment".repeat(20_000));
    for (interpreter, last) in
        [("sh", "echo ok"), ("bash", "echo ok"), ("perl", "print \"ok\""), ("node", "console.log('ok')")]
    {
        let comment = if interpreter == "node" { long.replace('#', "//") } else { long.clone() };
        let report = host.run(json!({"script": format!("{comment}{last}\n"), "interpreter": interpreter}));
        if let Outcome::Ended(_) = report.outcome {
            assert_eq!(fault(&report).title, format!("the interpreter `{interpreter}` is not installed"));
        } else {
            assert_eq!(produced(&report), &Produced::Stdout(Some("ok".into())), "{interpreter}");
        }
    }
    assert_eq!(std::fs::read_dir(host.space()).unwrap().count(), 0);
}

fn an_interpreter_that_is_not_installed_is_named() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "x", "interpreter": "no-such-interpreter -x"}));
    assert_eq!(fault(&report).kind, FaultKind::Configuration);
    assert_eq!(fault(&report).title, "the interpreter `no-such-interpreter` is not installed");
    let report = host.run(json!({"command": ["no-such-program"]}));
    assert_eq!(fault(&report).title, "the program `no-such-program` is not installed");
}

fn a_secret_reaches_the_process_and_nothing_else() {
    let mut host = with_canary();
    let report = host.run(script(
        "printf %s \"$TOKEN\" >got; echo \"out $TOKEN.\"; echo \"err $TOKEN.\" >&2; echo \"token=<$TOKEN>\" >$MYRMEX_OUTPUT",
    ));
    assert_eq!(std::fs::read_to_string(host.space().join("got")).unwrap(), CANARY);
    let Produced::Lines(lines) = produced(&report) else { panic!("{report:?}") };
    assert_eq!(Value::Object(lines.clone()), json!({"token": "<***>"}));
    let printed = host.printed(&report);
    assert!(printed.contains("out ***.\n") && printed.contains("err ***.\n"), "{printed}");
    let failed = host.run(script("echo \"refused: $TOKEN\" >&2; exit 3"));
    assert_eq!(fault(&failed).detail.as_deref(), Some("refused: ***"));
    for report in [report, failed] {
        check_clean(&format!("{report:?} {}", host.printed(&report)));
    }
}

fn encoded_secrets_are_masked_too() {
    let mut host = with_canary();
    let report = host.run(script(
        "for before in '' x xx; do printf '%s%s' \"$before\" \"$TOKEN\" | base64; \
         printf '%s%s' \"$before\" \"$TOKEN\" | base64 | tr +/ -_; done; printf '%s' \"$TOKEN\" | cut -c1-4; \
         printf '%s' \"$TOKEN\" | perl -pe 's/([^A-Za-z0-9])/sprintf(\"%%%02X\", ord($1))/ge'",
    ));
    let printed = host.printed(&report);
    assert_eq!(printed.matches("***").count(), 7, "{printed}");
    check_clean(&printed.replace("c4n4\n", ""));
}

fn a_secret_is_masked_in_later_attempts_of_its_run() {
    let mut host = with_canary();
    host.run(script("printf %s \"$TOKEN\" >got"));
    let report = host.run(json!({"command": ["cat", "got"]}));
    assert_eq!(produced(&report), &Produced::Stdout(Some("***".into())));
    check_clean(&host.printed(&report));
}

fn a_command_gives_a_secret() {
    let mut host = with_command(&["printf", "%s\\n", CANARY]);
    let report = host.run(script("printf %s \"$TOKEN\" >got; echo $TOKEN"));
    assert_eq!(produced(&report), &Produced::Stdout(Some("***".into())));
    assert_eq!(std::fs::read_to_string(host.space().join("got")).unwrap(), CANARY);
}

fn a_command_that_fails_fails_the_attempt() {
    let mut host = with_command(&["sh", "-c", "echo c4n4ry; echo c4n4ry >&2; exit 7"]);
    let report = host.run(script("echo never >ran"));
    assert_eq!(fault(&report).kind, FaultKind::Configuration);
    assert_eq!(fault(&report).title, "the command `sh` did not give the secret `TOKEN`: exit code 7");
    check_clean(&format!("{report:?}"));
    assert!(!host.space().join("ran").exists() && report.logs.is_empty());
    drop(host);
    let mut host = with_command(&["no-such-program"]);
    let title = fault(&host.run(script("true"))).title.clone();
    assert!(title.starts_with("the command `no-such-program` did not give the secret `TOKEN`"), "{title}");
    drop(host);
    let mut host = with_command(&["true"]);
    assert_eq!(fault(&host.run(script("true"))).title, "the secret `TOKEN` is empty");
}

fn a_missing_secret_fails_the_attempt_by_name() {
    let mut host = Host::new();
    let report = host.run(json!({"script": "true", "secret_env": {"A": ["x", {"secret": "NOT_GIVEN"}]}}));
    assert_eq!(fault(&report).kind, FaultKind::Configuration);
    assert_eq!(fault(&report).title, "the secret `NOT_GIVEN` is missing");
    assert!(fault(&report).detail.as_ref().unwrap().contains("MYRMEX_SECRET_NOT_GIVEN"));
}

fn an_attempt_that_waits_for_its_secret_can_be_stopped() {
    let mut host = with_command(&["sleep", "60"]);
    let token = host.assign(script("true"));
    host.worker().recount();
    assert!(matches!(host.hear(), Said::Inventory(tokens) if tokens == [token]));
    host.worker().stop(token);
    assert!(matches!(host.report().outcome, Outcome::Ended(ended) if ended.end == AttemptEnd::Stopped));
}

fn tasks_do_not_inherit_the_variables_of_secrets() {
    // A variable that cargo sets for every test.
    let variable = Provider::Variable("CARGO_PKG_NAME".to_owned());
    let providers = Providers { named: [("TOKEN".to_owned(), variable)].into(), folder: None };
    let mut host = Host::with(providers, tempfile::tempdir().unwrap());
    let report = host.run(json!({"script": "echo \"${CARGO_PKG_NAME-none}\""}));
    assert_eq!(produced(&report), &Produced::Stdout(Some("none".into())));
    let report = host.run(script("echo \"${CARGO_PKG_NAME-none} $TOKEN\"; printf %s \"$TOKEN\" >got"));
    assert_eq!(produced(&report), &Produced::Stdout(Some("none ***".into())));
    assert_eq!(std::fs::read_to_string(host.space().join("got")).unwrap(), "myrmex-runtime");
}
