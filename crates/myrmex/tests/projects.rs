//! Projects that run to their end in virtual time, played by the command line.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/said.rs"]
mod said;

use std::collections::BTreeMap;

use said::{Said, Workspace};
use serde_json::{Value, json};

const TOY: &str = "\
project: toy
plan: {start: 2026-12-01, deadline: 2026-12-11}
phases:
  design:
    tasks:
      draft: {manual: Draft it, estimate: 2d}
      review: {approval: Is it good?, needs: draft, estimate: 1d}
  delivery:
    tasks:
      build: {run: echo built, timeout: 1m, estimate: 10m}
      ship: {manual: Ship it, needs: {build: {lag: 1ed}}, estimate: 1d}
milestones: {out: {needs: delivery, due: 2026-12-10}}
";

const START: [&str; 5] = ["project", "start", "toy", "--clock", "2026-12-01T09:00:00Z"];

fn toy() -> Workspace {
    // A folder of its own, whatever lies above it.
    Workspace::with(&[("toy.yaml", TOY), ("myrmex.yaml", "")])
}

fn expect(said: &Said, code: i32) {
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
}

/// Plays commands, each with the exit code that it has.
fn play(workspace: &Workspace, lines: &[(&str, i32)]) {
    for (line, code) in lines {
        expect(&workspace.run(&line.split(' ').collect::<Vec<_>>()), *code);
    }
}

/// Returns when tasks ended.
fn ends(workspace: &Workspace) -> BTreeMap<String, String> {
    // A document for people is written over several lines.
    let shown: Value =
        serde_json::from_str(&workspace.run(&["runs", "show", "toy", "--json"]).stdout).unwrap();
    let tasks = shown["tasks"].as_object().unwrap().iter();
    tasks.map(|(path, task)| (path.clone(), task["ended"].as_str().unwrap()[..19].to_owned())).collect()
}

#[test]
fn a_rehearsal_gives_the_same_dates_every_time() {
    let rehearse = || {
        let workspace = toy();
        expect(&workspace.run(&START), 3);
        play(
            &workspace,
            &[
                ("start toy/draft", 0),
                ("project advance toy --to 2026-12-02T17:00:00Z", 0),
                ("done toy/draft", 3),
                ("project advance toy --by 16h", 0),
                ("approve toy/review", 3),
                ("project advance toy --next", 0),
                ("done toy/ship", 0),
            ],
        );
        ends(&workspace)
    };
    let dates = rehearse();
    let at = |task: &str| dates[task].as_str();
    assert_eq!((at("draft"), at("design")), ("2026-12-02T17:00:00", "2026-12-03T09:00:00"));
    // The lag of a day begins with the end of the build.
    assert_eq!((at("build"), at("out")), ("2026-12-03T09:00:00", "2026-12-04T09:00:00"));
    assert_eq!(rehearse(), dates);
}

#[test]
fn a_project_is_named_by_its_name_and_is_under_way_once() {
    let workspace = toy();
    expect(&workspace.run(&START), 3);
    let second = workspace.run(&["project", "start", "toy"]);
    expect(&second, 2);
    assert!(second.stderr.contains("the project `toy` is under way: run "), "{}", second.stderr);
    play(&workspace, &[("why toy", 0), ("why toy/draft", 0), ("runs show toy", 0), ("runs events toy", 0)]);
    let run = workspace.run(&["run", "toy"]);
    expect(&run, 2);
    assert!(run.stderr.contains("`myrmex project start toy` begins it"), "{}", run.stderr);
}

#[test]
fn virtual_and_real_time_do_not_mix() {
    let workspace = toy();
    play(&workspace, &[("project start toy", 3), ("project advance toy --next", 2), ("runs cancel toy", 0)]);
    expect(&workspace.run(&START), 2);
    // Another data folder is another time.
    let beside = [&["--data-dir", "rehearsal"], START.as_slice()].concat();
    expect(&workspace.run(&beside), 3);
    let other = ["--data-dir", "rehearsal", "project", "advance", "toy", "--to", "2026-11-30T00:00:00Z"];
    let back = workspace.run(&other);
    expect(&back, 2);
    assert!(back.stderr.contains("does not go back"), "{}", back.stderr);
}

#[test]
fn what_is_due_is_carried_out_before_an_answer_is_heard() {
    let workspace = toy();
    expect(&workspace.run(&START), 3);
    play(&workspace, &[("done toy/draft", 3), ("approve toy/review", 3), ("done toy/ship", 2)]);
    // As a command leaves it that was killed after it had moved the clock on.
    let clock = json!({"now": "2026-12-02T09:00:00Z", "target": "2026-12-03T09:00:00Z"});
    std::fs::write(workspace.path().join(".myrmex/clock.json"), clock.to_string()).unwrap();
    let advanced = workspace.run(&["project", "advance", "toy", "--by", "9d"]);
    expect(&advanced, 0);
    assert!(advanced.stderr.contains("stands at 2026-12-03 09:00:00"), "{}", advanced.stderr);
    play(&workspace, &[("done toy/ship", 0)]);
    assert_eq!(ends(&workspace)["out"], "2026-12-03T09:00:00");
}

/// Reads how the project stands.
fn status(workspace: &Workspace) -> Value {
    let said = workspace.run(&["project", "status", "toy", "--json"]);
    expect(&said, 0);
    serde_json::from_str(&said.stdout).unwrap()
}

/// A project with one task beside its critical path, which has two days of float.
const FORKED: &str = "\
project: toy
plan: {start: 2026-12-01, deadline: 2026-12-07}
phases:
  all:
    tasks:
      long: {manual: Long, estimate: 3d}
      short: {manual: Short, estimate: 1d}
      last: {manual: Last, needs: [long, short], estimate: 1d}
";

#[test]
fn what_happens_moves_the_forecast_and_the_plan_at_the_start_stays() {
    let workspace = Workspace::with(&[("toy.yaml", FORKED), ("myrmex.yaml", "")]);
    let planned = |workspace: &Workspace| workspace.run(&["plan", "toy.yaml", "--json"]).stdout;
    let before = planned(&workspace);
    expect(&workspace.run(&START), 3);
    let finish = |at: &str| status(&workspace)["finish"][at].as_str().map(|at| at[..16].to_owned());
    assert_eq!(finish("planned").as_deref(), Some("2026-12-04T17:00"));
    assert_eq!(finish("expected"), finish("planned"));
    // A day late beside the critical path takes float only.
    play(
        &workspace,
        &[("start toy/long", 0), ("start toy/short", 0), ("progress toy/short 10% --remaining 2d", 0)],
    );
    let standing = status(&workspace);
    assert_eq!(finish("expected").as_deref(), Some("2026-12-04T17:00"));
    assert_eq!(standing["tasks"]["short"]["later"], json!(86_400_000));
    assert_eq!(standing["tasks"]["short"]["because"], json!("it takes longer"));
    // Two days of float less one: a delay of four days moves the end by two.
    play(&workspace, &[("progress toy/short 10% --remaining 5d", 0)]);
    // The weekend lies between.
    assert_eq!(finish("expected").as_deref(), Some("2026-12-08T17:00"));
    play(&workspace, &[("progress toy/short 10% --remaining 1d", 0)]);
    // On the critical path a slip of two days of work is one of the whole.
    play(&workspace, &[("project advance toy --to 2026-12-03T17:00:00Z", 0), ("done toy/short", 3)]);
    play(&workspace, &[("progress toy/long 60% --remaining 2d", 0)]);
    let standing = status(&workspace);
    assert_eq!(finish("expected").as_deref(), Some("2026-12-08T17:00"));
    assert_eq!(standing["tasks"]["last"]["because"], json!("after long"));
    assert_eq!(standing["finish"]["deadline"], json!("2026-12-08T00:00:00Z"));
    assert_eq!(standing["tasks"]["long"]["planned"]["finish"], json!("2026-12-03T17:00:00Z"));
    assert_eq!(standing["phases"][0]["done"], json!(1));
    assert_eq!(planned(&workspace), before);
    play(
        &workspace,
        &[
            ("project advance toy --to 2026-12-07T17:00:00Z", 0),
            ("done toy/long", 3),
            ("project advance toy --to 2026-12-08T12:00:00Z", 0),
            ("done toy/last", 0),
        ],
    );
    let standing = status(&workspace);
    assert_eq!(standing["finish"]["expected"], json!("2026-12-08T12:00:00Z"));
    assert_eq!((&standing["status"], &standing["finish"]["p80"]), (&json!("succeeded"), &Value::Null));
    assert_eq!(standing["earned"]["ev"], standing["earned"]["bac"]);
}

/// Money: 800 a day for one person.
const PAID: &str = "\
project: toy
plan: {start: 2026-12-01}
phases:
  all:
    tasks:
      first: {manual: First, roles: {dev: 1}, estimate: 2d}
      second: {manual: Second, roles: {dev: 1}, needs: first, estimate: 2d}
";

const PEOPLE: &str = "\
resources:
  people: {ada: {roles: [dev], rate: {hour: 100 EUR}}}
  roles: {dev: {members: auto}}
";

#[test]
fn earned_value_is_told_in_money() {
    let workspace = Workspace::with(&[("toy.yaml", PAID), ("resources.yaml", PEOPLE), ("myrmex.yaml", "")]);
    expect(&workspace.run(&START), 3);
    play(
        &workspace,
        &[
            ("start toy/first", 0),
            ("project advance toy --to 2026-12-02T17:00:00Z", 0),
            ("progress toy/first 50% --hours 12 --remaining 1d", 0),
        ],
    );
    let earned = &status(&workspace)["earned"];
    // Four days of eight hours were to cost 3,200; by now 1,600; half of two days is done, in twelve hours.
    let of = |key: &str| earned[key].as_str().unwrap().to_owned();
    assert_eq!([of("bac"), of("pv"), of("ev"), of("ac")], ["3200", "1600", "800", "1200"]);
    assert_eq!([&earned["cpi"], &earned["spi"]], [&json!(0.666_667), &json!(0.5)]);
    assert_eq!([of("unit"), of("eac"), of("eac_as_planned")], ["EUR", "4800", "3600"]);
    assert_eq!(earned["assumed"], json!(false));
    let people = &status(&workspace)["tasks"]["first"]["who"];
    assert_eq!(people, &json!(["ada"]));
}

#[test]
fn a_workflow_has_no_status_of_a_project() {
    let workspace =
        Workspace::with(&[("w.yaml", "workflow: w\ntasks: {a: {run: echo a}}\n"), ("myrmex.yaml", "")]);
    let ran = workspace.run(&["run", "w", "--json"]);
    expect(&ran, 0);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    let asked = workspace.run(&["project", "status", last["run"].as_str().unwrap()]);
    expect(&asked, 2);
    assert!(asked.stderr.contains("is of a workflow, not of a project"), "{}", asked.stderr);
}

/// A project with a gate that asks for something that people said.
const GATED: &str = "\
project: toy
plan: {start: 2026-12-01}
phases:
  write:
    exit: ready
    tasks:
      draft: {manual: {ask: Draft it, fields: {pages: {type: integer}}}, estimate: 2d}
      check: {run: test -e good, timeout: 1m, estimate: 1m, needs: draft}
  delivery:
    tasks:
      ship: {manual: Ship it, estimate: 1d}
gates:
  ready:
    criteria: {long: tasks.draft.output.pages >= 10}
    checklist: {legal: {ask: Is it legal?, evidence: required}}
    from: group:board
    decisions: [go, hold, stop]
";

const BOARD: &str = "resources:\n  people: {ada: {}, bo: {}}\n  groups: {board: [ada]}\n";

/// Returns the files of [`GATED`].
fn gated() -> Workspace {
    Workspace::with(&[("toy.yaml", GATED), ("resources.yaml", BOARD), ("myrmex.yaml", "")])
}

/// Expects that a command is refused, with these words.
fn refused(workspace: &Workspace, arguments: &[&str], words: &str) {
    let said = workspace.run(arguments);
    expect(&said, 2);
    assert!(said.stderr.contains(words), "{}", said.stderr);
}

#[test]
fn a_gate_stays_closed_while_a_criterion_is_red_or_something_is_not_confirmed() {
    let workspace = gated();
    std::fs::write(workspace.path().join("good"), "").unwrap();
    expect(&workspace.run(&START), 3);
    expect(&workspace.run(&["done", "toy/draft", "--data", "{\"pages\": 3}"]), 3);
    let gate = ["project", "gate", "toy/ready"];
    let say = |more: &[&'static str]| [&gate[..], more].concat();
    refused(&workspace, &say(&["go", "--by", "bo"]), "`bo` is not asked, but group:board");
    let red = "criterion `long` is red: `tasks.draft.output.pages >= 10` does not hold";
    refused(&workspace, &say(&["go", "--by", "ada", "--confirm", "legal=letter"]), red);
    refused(&workspace, &["approve", "toy/ready", "--by", "ada"], "at a gate people decide go, hold, stop");
    expect(&workspace.run(&say(&["hold", "--by", "ada", "--reason", "more pages"])), 0);
    let listed = workspace.run(&["approvals", "list", "--json"]).json();
    assert_eq!(listed["waiting"][0]["criteria"], json!([{"name": "long", "holds": false, "why": null}]));
    let stopped = workspace.run(&say(&["stop", "--by", "ada", "--reason", "it stays short"]));
    expect(&stopped, 1);
    assert_eq!(status(&workspace)["status"], json!("failed"));
    assert_eq!(status(&workspace)["tasks"]["ship"]["status"], json!("cancelled"));
}

#[test]
fn what_failed_waits_for_its_owner_and_may_be_done_again() {
    let workspace = gated();
    expect(&workspace.run(&START), 3);
    expect(&workspace.run(&["done", "toy/draft", "--data", "{\"pages\": 12}"]), 3);
    let why = workspace.run(&["why", "toy/check"]).stdout;
    assert!(why.contains("is stuck: somebody has to decide what becomes of it"), "{why}");
    refused(&workspace, &["project", "gate", "toy/ready", "go", "--by", "ada"], "it does not ask yet");
    std::fs::write(workspace.path().join("good"), "").unwrap();
    play(&workspace, &[("project decide toy/check retry --reason mended", 3)]);
    play(
        &workspace,
        &[("project gate toy/ready go --by ada --confirm legal=letter", 3), ("done toy/ship", 0)],
    );
    assert_eq!(status(&workspace)["status"], json!("succeeded"));
}

#[test]
fn a_changed_file_is_followed_as_far_as_nothing_decided_is_undone() {
    let workspace = toy();
    expect(&workspace.run(&START), 3);
    play(&workspace, &[("project diff toy", 0), ("start toy/draft", 0)]);
    let write = |text: &str| std::fs::write(workspace.path().join("toy.yaml"), text).unwrap();
    let diff = |more: &[&str]| workspace.run(&[&["project", "diff", "toy", "--json"], more].concat());
    let first = |said: &Said| -> Value { serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap() };
    write(&TOY.replace("Draft it", "Draft something else"));
    let refused = diff(&["--apply"]);
    expect(&refused, 2);
    assert_eq!(first(&refused)["refused"], json!(["`draft` has begun and would become something else"]));
    // A day more at the end, and a task beside it.
    let changed = TOY.replace("manual: Ship it", "manual: Send it").replace(
        "estimate: 1d}\nmilestones",
        "estimate: 2d}\n      tell: {manual: Tell everybody, needs: ship, estimate: 1d}\nmilestones",
    );
    write(&changed);
    let shown = diff(&[]);
    expect(&shown, 1);
    let shown = first(&shown);
    let kinds: Vec<(&str, &str)> = shown["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["task"].as_str().unwrap(), change["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("delivery", "changed"), ("ship", "changed"), ("tell", "added")]);
    assert_eq!(shown["finish"]["before"], json!("2026-12-07T17:00:00Z"));
    assert_eq!(shown["finish"]["after"], json!("2026-12-09T17:00:00Z"));
    let applied = diff(&["--apply", "--reason", "the customer asked"]);
    expect(&applied, 0);
    play(&workspace, &[("project diff toy", 0)]);
    let finish = &status(&workspace)["finish"];
    assert_eq!(finish["planned"], json!("2026-12-07T17:00:00Z"), "the plan at the start stays");
    assert_eq!(finish["expected"], json!("2026-12-09T17:00:00Z"));
    play(&workspace, &[("done toy/draft", 3), ("approve toy/review", 3)]);
    play(&workspace, &[("project advance toy --next", 0), ("done toy/ship", 3), ("done toy/tell", 0)]);
}

/// Plays the release of `examples/17-release` to its end: a slip, a live change, a kill, a failure, a gate that is refused first.
fn release() -> (Workspace, Value) {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/17-release");
    let workspace = Workspace::with(&[("myrmex.yaml", "")]);
    std::fs::create_dir(workspace.path().join("parts")).unwrap();
    for folder in ["", "parts"] {
        for entry in
            std::fs::read_dir(from.join(folder)).unwrap().flatten().filter(|entry| entry.path().is_file())
        {
            std::fs::copy(entry.path(), workspace.path().join(folder).join(entry.file_name())).unwrap();
        }
    }
    let change = |file: &str, from: &str, to: &str| {
        let path = workspace.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    };
    play(
        &workspace,
        &[
            ("project start release --clock 2027-03-01T08:00:00Z", 3),
            ("start release/scope --by lea", 0),
            ("project advance release --to 2027-03-01T16:00:00Z", 0),
            ("done release/scope --by lea", 3),
            ("project advance release --to 2027-03-02T08:00:00Z", 0),
            ("start release/change --by dan", 0),
            ("project advance release --to 2027-03-03T16:00:00Z", 0),
            // A slip: it takes two days longer than was planned.
            ("progress release/change 30% --remaining 3d --by dan", 0),
            ("start release/notes --by wim", 0),
        ],
    );
    // A live change: the licences are to be collected too.
    let licences = "licences: {manual: Collect the licences, roles: {writer: 1}, needs: scope, estimate: 4h}";
    change("release.yaml", "  ship:\n", &format!("      {licences}\n  ship:\n"));
    expect(&workspace.run(&["project", "diff", "release"]), 1);
    expect(&workspace.run(&["project", "diff", "release", "--apply", "--reason", "the lawyers asked"]), 0);
    play(
        &workspace,
        &[
            ("project advance release --to 2027-03-05T16:00:00Z", 0),
            ("done release/licences --by wim", 3),
            ("done release/notes --by wim", 3),
            // A line of the catalogue has no number: the test fails, and somebody decides.
            ("done release/change --by dan", 3),
        ],
    );
    change("parts/greens.txt", "beans\n", "beans 3\n");
    kill_amid(&workspace, &["project", "decide", "release/test", "retry", "--by", "lea", "--id", "again"]);
    play(
        &workspace,
        &[
            ("project decide release/test retry --by lea --id again", 3),
            ("approve release/review --by lea", 3),
            ("project advance release --to 2027-03-09T13:00:00Z", 0),
            ("project gate release/ready go --by lea", 2),
            ("project gate release/ready go --by lea --confirm licences=list", 3),
            ("project advance release --next", 0),
            ("project advance release --to 2027-03-15T13:00:00Z", 0),
            ("done release/announce --by wim", 0),
        ],
    );
    let said = workspace.run(&["project", "status", "release", "--json"]);
    let standing = serde_json::from_str(&said.stdout).unwrap();
    (workspace, standing)
}

/// Kills a command with -9 at the first word that it prints.
fn kill_amid(workspace: &Workspace, arguments: &[&str]) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(arguments).current_dir(workspace.path()).env("NO_COLOR", "1").env("USER", "tester");
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0];
    std::io::Read::read_exact(&mut child.stderr.take().unwrap(), &mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_release_runs_to_its_end_as_it_was_planned_changed_and_decided() {
    let (workspace, standing) = release();
    assert_eq!((&standing["status"], &standing["virtual"]), (&json!("succeeded"), &json!(true)));
    let ended = |task: &str| standing["tasks"][task]["ended"].as_str().unwrap()[..16].to_owned();
    // The notes were done before, and held until four hours after the changes.
    let dates = ["scope", "change", "test", "notes", "ready", "publish", "announce"].map(ended);
    let expected = [
        "2027-03-01T16:00",
        "2027-03-05T16:00",
        "2027-03-05T16:00",
        "2027-03-09T12:00",
        "2027-03-09T13:00",
        "2027-03-15T08:00",
        "2027-03-15T13:00",
    ];
    assert_eq!(dates, expected);
    assert_eq!(standing["finish"]["planned"], json!("2027-03-15T12:10:00Z"));
    assert_eq!(standing["finish"]["later"], json!(50 * 60_000));
    assert!(workspace.path().join("public/catalogue.tar").exists());
    let events = workspace.run(&["runs", "events", "release"]).stdout;
    let count =
        |kind: &str| events.lines().filter(|line| line.contains(&format!("\"type\":\"{kind}\""))).count();
    assert_eq!([count("run.rebased"), count("task.stuck"), count("task.settled")], [1, 1, 1]);
    assert_eq!(count("run.ended"), 1);
}
