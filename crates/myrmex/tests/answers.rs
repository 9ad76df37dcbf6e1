//! Runs that wait for people and for messages, by the commands with which they are answered.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/said.rs"]
mod said;

use myrmex_model::time::Timestamp;
use myrmex_runtime::clock::{Clock, SystemClock};
use said::Workspace;
use serde_json::{Value, json};

const RELEASE: &str = "\
workflow: release
tasks:
  build: {run: echo built, timeout: 1m}
  go:
    needs: build
    approval:
      ask: Ship it?
      from: [ana, bob, 'group:board']
      exclude: tester
      count: 2
      form: {window: {enum: [now, tonight]}}
  pack: {needs: go, manual: {ask: Pack, fields: {crates: {type: integer, minimum: 1}}}}
  sent: {needs: pack, wait: {signal: shipped}}
outputs:
  window: ${{ tasks.go.output.window }}
  by: ${{ tasks.go.output.by }}
  crates: ${{ tasks.pack.output.crates }}
  carrier: ${{ tasks.sent.output }}
";

fn workspace(text: &str) -> Workspace {
    Workspace::with(&[("w.yaml", text)])
}

/// Returns the summary that a command printed last, and its exit code.
fn summary(workspace: &Workspace, args: &[&str]) -> (i32, Value) {
    let said = workspace.run(args);
    (said.code, said.json())
}

/// Says something that is refused, and returns why.
fn refused(workspace: &Workspace, args: &[&str]) -> String {
    let said = workspace.run(args);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}: {}", said.stderr);
    said.stderr
}

#[test]
fn a_release_is_agreed_to_packed_and_sent_by_people() {
    let w = workspace(RELEASE);
    let (code, waiting) = summary(&w, &["run", "w.yaml", "--no-wait", "--json"]);
    assert_eq!((code, &waiting["status"], &waiting["interrupted"]), (3, &json!("waiting"), &json!(false)));
    assert_eq!(waiting["waiting"][0]["task"], "go");
    assert_eq!(waiting["waiting"][0]["from"], json!(["ana", "bob", "group:board"]));
    let run = waiting["run"].as_str().unwrap();
    let (go, pack) = (format!("{run}/go"), format!("{run}/pack"));
    let now = ["--data", r#"{"window": "now"}"#];

    assert!(refused(&w, &["approve", &go, now[0], now[1]]).contains("`tester` is excluded"));
    assert!(
        refused(&w, &["approve", &go, "--by", "ana"]).contains("the field `window` (string) is required")
    );
    assert!(
        refused(&w, &["done", &go, "--by", "ana"])
            .contains("`approval` is approved or rejected, and not `done`")
    );
    assert!(refused(&w, &["approve", &pack, "--by", "ana"]).contains("it does not ask yet"));

    let first = ["approve", &go, "--by", "ana", "--id", "one", now[0], now[1], "--json"];
    assert_eq!(summary(&w, &first).0, 3);
    // Whoever heard nothing says it again: nothing happens twice.
    let (_, again) = summary(&w, &first);
    assert_eq!(again["waiting"][0]["agreed"], json!(["ana"]));
    assert!(refused(&w, &["approve", &go, "--by", "ana", now[0], now[1]]).contains("answered already"));
    let reused = ["approve", &go, "--by", "bob", "--id", "one", now[0], now[1]];
    assert!(refused(&w, &reused).contains("another signal was received before under the id `one`"));
    let tonight = r#"{"window": "tonight"}"#;
    assert_eq!(summary(&w, &["approve", &go, "--by", "bob", "--data", tonight, "--json"]).0, 3);

    let said = w.run(&["progress", &pack, "60%", "--hours", "1.5", "--remaining", "2h"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let why: Value = serde_json::from_str(&w.run(&["why", &pack, "--json"]).stdout).unwrap();
    assert_eq!((&why["why"]["percent"], &why["why"]["kind"]), (&json!(60), &json!("people")));
    // A message that nobody waits for yet is kept.
    assert_eq!(summary(&w, &["runs", "signal", run, "shipped", "--data", "\"snail\"", "--json"]).0, 3);
    let (code, ended) = summary(&w, &["done", &pack, "--data", r#"{"crates": 3}"#, "--json"]);
    assert_eq!((code, &ended["status"]), (0, &json!("succeeded")));
    let output = json!({"window": "tonight", "by": ["ana", "bob"], "crates": 3, "carrier": "snail"});
    assert_eq!(ended["output"], output);
    // What was acknowledged before the end is acknowledged after it; anything else comes too late.
    assert_eq!(summary(&w, &first).0, 0);
    assert!(refused(&w, &["approve", &go, "--by", "cid", now[0], now[1]]).contains("the run is over"));
}

#[test]
fn what_waits_is_listed_with_what_is_to_be_typed() {
    let w = workspace(RELEASE);
    assert_eq!(w.run(&["approvals", "list"]).stdout, "nothing waits for people\n");
    let (_, waiting) = summary(&w, &["run", "w.yaml", "--no-wait", "--json"]);
    let list: Value = serde_json::from_str(&w.run(&["approvals", "list", "--json"]).stdout).unwrap();
    let own = &list["waiting"][0];
    assert_eq!(
        (&own["run"], &own["kind"], &own["ask"]),
        (&waiting["run"], &json!("approval"), &json!("Ship it?"))
    );
    assert_eq!((&own["count"], &own["agreed"], &own["fields"]), (&json!(2), &json!([]), &json!(["window"])));
    let shown = w.run(&["approvals", "list"]).stdout;
    assert!(shown.contains("`myrmex approve ") && shown.contains("`myrmex reject "), "{shown}");
}

#[test]
fn a_refusal_and_work_that_failed_are_errors_with_their_reasons() {
    let text = "workflow: w\ntasks:\n  go: {approval: 'Ship?'}\n  pack: {manual: Pack}\n";
    let w = workspace(text);
    let (_, waiting) = summary(&w, &["run", "w.yaml", "--no-wait", "--json"]);
    let run = waiting["run"].as_str().unwrap();
    let (go, pack) = (format!("{run}/go"), format!("{run}/pack"));
    let (code, still) = summary(&w, &["reject", &go, "--by", "ana", "--comment", "too early", "--json"]);
    let error = &still["tasks"]["go"]["error"];
    assert_eq!((code, &error["type"], &error["detail"]), (3, &json!("refused"), &json!("too early")));
    let failed = ["done", &pack, "--failed", "--reason", "no crates", "--by", "bob", "--json"];
    let (code, ended) = summary(&w, &failed);
    assert_eq!((code, &ended["status"]), (1, &json!("failed")));
    assert_eq!(ended["tasks"]["pack"]["error"]["title"], "marked as failed by bob");
}

#[test]
fn a_run_with_a_timer_is_waited_for_although_people_are_asked() {
    let text = "workflow: w\ntasks:\n  go: {approval: 'Ship?'}\n  pause: {wait: 300ms}\n  after: {needs: pause, set: {v: 1}}\n";
    let w = workspace(text);
    let (code, waiting) = summary(&w, &["run", "w.yaml", "--no-wait", "--json"]);
    assert_eq!((code, &waiting["tasks"]["after"]["status"]), (3, &json!("succeeded")));
}

#[test]
fn a_called_run_that_waits_for_people_lets_its_caller_wait() {
    let w = Workspace::with(&[
        ("w.yaml", "workflow: w\ntasks:\n  call: {workflow: inner}\n"),
        (
            "inner.yaml",
            "workflow: inner\ntasks:\n  go: {approval: 'Ship?'}\noutputs: {by: '${{ tasks.go.output.by }}'}\n",
        ),
    ]);
    let (code, waiting) = summary(&w, &["run", "w.yaml", "--no-wait", "--json"]);
    assert_eq!((code, &waiting["waiting"][0]["task"]), (3, &json!("go")));
    let child = waiting["waiting"][0]["run"].as_str().unwrap();
    assert_ne!(waiting["run"], child);
    // The answer is about the child alone; its caller goes on when it is resumed.
    assert_eq!(summary(&w, &["approve", &format!("{child}/go"), "--by", "ana", "--json"]).0, 0);
    let (code, ended) = summary(&w, &["runs", "resume", waiting["run"].as_str().unwrap(), "--json"]);
    assert_eq!((code, &ended["tasks"]["call"]["output"]), (0, &json!({"by": "ana"})));
}

#[test]
fn an_answer_that_comes_after_its_time_is_refused() {
    let text = "workflow: w\ntasks:\n  go: {approval: {ask: 'Ship?', expires: 200ms}, continue_on_error: true}\n  \
                other: {manual: Wait}\n";
    let w = workspace(text);
    let (_, waiting) = summary(&w, &["run", "w.yaml", "--no-wait", "--json"]);
    let run = waiting["run"].as_str().unwrap();
    let go = format!("{run}/go");
    let until = waiting["waiting"][0]["until"].as_str().unwrap().parse::<Timestamp>().unwrap();
    while SystemClock.now() < until {
        std::thread::yield_now();
    }
    let late = refused(&w, &["approve", &go]);
    assert!(late.contains("its time has run out") || late.contains("it is over"), "{late}");
}
