//! What every command prints, whole: its help, a success and a failure of it, as files in `outputs/`.
//!
//! `MYRMEX_BLESS=1` writes them down anew; read the difference. What differs from run to run or from machine to machine stands there
//! as a word: `RUN-1`, `INSTANT`, `TIME`, `FOLDER`, `HASH`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::CommandFactory;
use myrmex::cli::Cli;
use regex_lite::{Captures, Regex};
use said::{Said, Workspace};

/// One command as somebody gives it.
struct Row {
    /// Where it is written down: the command's words, and how it ends.
    name: &'static str,
    /// What lies in the workspace.
    files: &'static [(&'static str, &'static str)],
    /// What was done before, whatever came of it.
    before: &'static [&'static str],
    /// The words of the command; `RUN` is the newest run.
    line: &'static str,
}

const fn row(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    before: &'static [&'static str],
    line: &'static str,
) -> Row {
    Row { name, files, before, line }
}

/// Begins [`TOY`] in virtual time.
const BEGIN: &str = "project start toy --clock 2026-12-01T09:00:00Z";

/// Nothing in it starts a process, so everything has its order.
const COUNT: (&str, &str) = (
    "count.yaml",
    "workflow: count\ninputs: {upto: {type: integer, default: 2}}\ntasks:\n  numbers: {for_each: '${{ inputs.upto }}', set: '${{ item + 1 }}'}\n  \
     sum: {set: '${{ tasks.numbers.output | sum }}'}\noutputs: {sum: '${{ tasks.sum.output }}'}\n",
);

const TOY: (&str, &str) = (
    "toy.yaml",
    "project: toy\nplan: {start: 2026-12-01}\nphases:\n  design:\n    tasks:\n      draft: {manual: Draft it, estimate: 2d}\n  \
     delivery:\n    tasks:\n      ship: {manual: Ship it, estimate: 1d}\n",
);

/// A project that waits for nobody.
const ALONE: (&str, &str) =
    ("alone.yaml", "project: alone\nphases:\n  only:\n    tasks: {count: {set: {n: 1}}}\n");

/// A project with a task that fails.
const FAILS: (&str, &str) =
    ("fails.yaml", "project: fails\nphases:\n  only:\n    tasks: {test: {run: exit 3, timeout: 1m}}\n");

/// A project with a gate.
const GATED: (&str, &str) = (
    "gated.yaml",
    "project: gated\nphases:\n  only:\n    exit: ready\n    tasks: {count: {set: {n: 1}}}\ngates:\n  ready:\n    \
     criteria: {counted: tasks.count.output.n == 1}\n    checklist: {legal: {ask: Is it legal?, evidence: required}}\n",
);

const SHIP: (&str, &str) = (
    "ship.yaml",
    "workflow: ship\ndefaults: {timeout: 1m}\ntasks:\n  build:\n    run: echo built; echo app >app.txt\n    artifacts: {app: app.txt}\n",
);

/// It needs no place, for which it would wait now and then on a loaded machine.
const NAP: (&str, &str) = (
    "nap.yaml",
    "workflow: nap\ndefaults: {timeout: 1m}\ntasks:\n  nap: {wait: 100ms}\n  over: {needs: nap, set: {x: 1}}\n",
);

const BROKEN: (&str, &str) = (
    "broken.yaml",
    "workflow: broken\ndefaults: {timeout: 1m}\ntasks:\n  test: {run: 'echo no >&2; exit 3'}\n  after: {needs: test, run: echo never}\n",
);

/// Its process is killed in the middle, the first time.
const CUT: (&str, &str) = (
    "cut.yaml",
    "workflow: cut\ndefaults: {timeout: 1m}\ntasks:\n  half:\n    run: |\n      if [ -f once ]; then echo whole; exit; fi\n      touch once\n      \
     kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID)); sleep 60\n",
);

/// It waits for people, who may refuse.
const GO: (&str, &str) = (
    "go.yaml",
    "workflow: go\ntasks:\n  go: {approval: {ask: 'Ship it?', exclude: eve}, continue_on_error: true}\n",
);

/// It waits for work.
const PACK: (&str, &str) = (
    "pack.yaml",
    "workflow: pack\ntasks:\n  pack: {manual: {ask: Pack, fields: {crates: {type: integer}}}}\n",
);

/// It waits for a message.
const SENT: (&str, &str) = ("sent.yaml", "workflow: sent\ntasks:\n  sent: {wait: {signal: shipped}}\n");

const WRONG: (&str, &str) =
    ("wrong.yaml", "workflow: wrong\ntasks:\n  a: {needs: b, runn: echo}\n  b: {set: 1}\n");

const RECORDED: (&str, &str) = (
    "recorded.json",
    r#"{"name": "recorded", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": [
        {"name": "a", "id": "a", "parents": [], "children": ["b"]},
        {"name": "b", "id": "b", "parents": ["a"], "children": []}]}, "execution": {"tasks": [
        {"id": "a", "runtimeInSeconds": 1.0}, {"id": "b", "runtimeInSeconds": 2.0}], "machines": []}}}"#,
);

/// A success and a failure of each command.
const ROWS: &[Row] = &[
    row("approvals-list.success", &[PACK, GO], &["run go --no-wait", "run pack --no-wait"], "approvals list"),
    row("approvals-list.failure", &[], &[], "approvals list --all"),
    row("approve.success", &[GO], &["run go --no-wait"], "approve RUN/go --by ana"),
    row("approve.failure", &[GO], &["run go --no-wait"], "approve RUN/go --by eve"),
    row("analyze.success", &[NAP], &["run nap"], "analyze RUN"),
    row("analyze.failure", &[SHIP], &["run ship"], "analyze none"),
    row("check.success", &[COUNT, SHIP], &[], "check"),
    row("check.failure", &[WRONG], &[], "check wrong.yaml"),
    row("completions.success", &[], &[], "completions fish"),
    row("completions.failure", &[], &[], "completions tcsh"),
    row("done.success", &[PACK], &["run pack --no-wait"], "done RUN/pack --by ana --data {\"crates\":3}"),
    row("done.failure", &[PACK], &["run pack --no-wait"], "done RUN/pack --by ana"),
    row("doctor.success", &[], &[], "doctor"),
    row("doctor.failure", &[("myrmex.yaml", "poolz: {}\n")], &[], "doctor"),
    row("events.success", &[COUNT], &["run count -i upto=1"], "events --run RUN"),
    row("events.failure", &[COUNT], &["run count"], "events --run 99"),
    row("example-copy.success", &[], &[], "example copy hello"),
    row("example-copy.failure", &[], &[], "example copy hallo"),
    row("example-list.success", &[], &[], "example list"),
    row("example-list.failure", &[], &[], "example list --all"),
    row("example-run.success", &[], &[], "example run sequence there"),
    row("example-run.failure", &[], &[], "example run failure there -- --slots 1"),
    row("explain.success", &[], &[], "explain E0207"),
    row("explain.failure", &[], &[], "explain E9999"),
    row("export.success", &[COUNT], &[], "export count --to mermaid"),
    row("export.failure", &[COUNT], &[], "export count --to chrome-trace"),
    row("fmt.success", &[("w.yaml", "workflow:   w\ntasks:\n  a: { set: {n: 1} }\n")], &[], "fmt"),
    row("fmt.failure", &[("w.yaml", "workflow:   w\ntasks:\n  a: { set: {n: 1} }\n")], &[], "fmt --check"),
    row("graph.success", &[COUNT, SHIP], &[], "graph count --format text"),
    row("graph.failure", &[COUNT], &[], "graph cuont"),
    row("import.success", &[RECORDED], &[], "import --from wfformat recorded.json --out out"),
    row("import.failure", &[RECORDED], &[], "import --from wfformat nowhere.json --out out"),
    row("man.success", &[], &[], "man runs cancel"),
    row("man.failure", &[], &[], "man runs cancle"),
    row("new-example.success", &[], &[], "new example failure"),
    row("new-example.failure", &[], &[], "new example"),
    row("new-project.success", &[], &[], "new project shop"),
    row("new-project.failure", &[], &["new project shop"], "new project shop"),
    row("new-workflow.success", &[("myrmex.yaml", "")], &[], "new workflow release --shape sequence"),
    row("new-workflow.failure", &[COUNT], &[], "new workflow count"),
    row("plan.success", &[COUNT, SHIP], &[], "plan ship --what-if build=1h"),
    row("plan.failure", &[COUNT], &[], "plan count --what-if pack=1h"),
    row(
        "progress.success",
        &[PACK],
        &["run pack --no-wait"],
        "progress RUN/pack 60% --remaining 2h --by ana",
    ),
    row("progress.failure", &[GO], &["run go --no-wait"], "progress RUN/go 60%"),
    row("project-advance.success", &[TOY], &[BEGIN], "project advance toy --by 3h"),
    row("project-advance.failure", &[TOY], &["project start toy"], "project advance toy --next"),
    row(
        "project-decide.success",
        &[FAILS],
        &["project start fails"],
        "project decide fails/test skip --by ana",
    ),
    row("project-decide.failure", &[TOY], &[BEGIN], "project decide toy/draft retry"),
    row("project-diff.success", &[TOY], &[BEGIN], "project diff toy"),
    row("project-diff.failure", &[TOY, COUNT], &[BEGIN], "project diff toy count.yaml"),
    row(
        "project-gate.success",
        &[GATED],
        &["project start gated"],
        "project gate gated/ready go --confirm legal=letter --by ana",
    ),
    row("project-gate.failure", &[GATED], &["project start gated"], "project gate gated/ready go --by ana"),
    row("project-resume.success", &[TOY], &[BEGIN, "done toy/draft", "done toy/ship"], "project resume toy"),
    row("project-resume.failure", &[TOY], &[BEGIN], "project resume tool"),
    row("project-start.success", &[ALONE], &[], "project start alone --clock 2026-12-01T09:00:00Z"),
    row("project-start.failure", &[TOY], &["project start toy"], "project start toy"),
    row(
        "project-status.success",
        &[TOY],
        &[BEGIN, "start toy/draft", "progress toy/draft 50% --remaining 3d"],
        "project status toy",
    ),
    row("project-status.failure", &[TOY, COUNT], &["run count"], "project status RUN"),
    row("reject.success", &[GO], &["run go --no-wait"], "reject RUN/go --comment late --by ana"),
    row("reject.failure", &[GO], &["run go --no-wait"], "reject RUN/went"),
    row("run.success", &[COUNT], &[], "run count"),
    row("run.failure", &[BROKEN], &[], "run broken"),
    row("runs-artifacts.success", &[SHIP], &["run ship"], "runs artifacts RUN"),
    row("runs-artifacts.failure", &[SHIP], &["run ship"], "runs artifacts RUN build/none --to -"),
    row("runs-cancel.success", &[CUT], &["run cut"], "runs cancel RUN"),
    row("runs-cancel.failure", &[COUNT], &["run count"], "runs cancel RUN"),
    row("runs-events.success", &[COUNT], &["run count -i upto=1"], "runs events RUN"),
    row("runs-events.failure", &[COUNT], &["run count"], "runs events 99"),
    row("runs-list.success", &[COUNT, BROKEN], &["run count", "run broken"], "runs list"),
    row("runs-list.failure", &[], &[], "runs list"),
    row("runs-logs.success", &[SHIP], &["run ship"], "runs logs RUN"),
    row("runs-logs.failure", &[SHIP], &["run ship"], "runs logs RUN --task none"),
    row("runs-resume.success", &[CUT], &["run cut"], "runs resume RUN"),
    row("runs-resume.failure", &[COUNT], &["run count"], "runs resume 99"),
    row("runs-retry.success", &[BROKEN, SHIP], &["run ship"], "runs retry RUN --from build"),
    row("runs-retry.failure", &[COUNT], &["run count"], "runs retry RUN"),
    row("runs-show.success", &[BROKEN], &["run broken"], "runs show RUN"),
    row("runs-show.failure", &[COUNT], &["run count"], "runs show RUN --task none"),
    row(
        "runs-signal.success",
        &[SENT],
        &["run sent --no-wait"],
        "runs signal RUN shipped --by ana --data 12",
    ),
    row("runs-signal.failure", &[GO, COUNT], &["run count"], "runs signal RUN shipped"),
    row("runs-skip.success", &[CUT], &["run cut"], "runs skip RUN/half --reason late"),
    row("runs-skip.failure", &[COUNT], &["run count"], "runs skip RUN none"),
    row("runs-stats.success", &[COUNT, BROKEN], &["run count", "run broken"], "runs stats"),
    row("runs-stats.failure", &[COUNT], &["run count"], "runs stats none"),
    row("schema.success", &[], &[], "schema settings"),
    row("schema.failure", &[], &[], "schema everything"),
    row("start.success", &[TOY], &[BEGIN], "start toy/draft --by ana"),
    row("start.failure", &[TOY], &[BEGIN], "start toy/ship"),
    row("why.success", &[CUT], &["run cut"], "why RUN"),
    row("why.failure", &[COUNT], &["run count"], "why RUN/none"),
];

/// Runs a command in the workspace, as far as can be as on every other machine.
fn act(workspace: &Workspace, line: &str) -> Said {
    let newest = if line.contains("RUN") { workspace.newest() } else { String::new() };
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(line.split(' ').map(|word| word.replace("RUN", &newest)));
    command.current_dir(workspace.path()).stdin(Stdio::null());
    command.env("NO_COLOR", "1").env("USER", "tester").env("COLUMNS", "100").env("HOME", workspace.path());
    command.env_remove("MYRMEX_PARTITIONS").env_remove("CI").env_remove("SHELL");
    Said::of(&mut command)
}

/// Replaces what differs from run to run and from machine to machine.
fn plain(text: &str, folder: &Path) -> String {
    let real = fs::canonicalize(folder).unwrap();
    let text = text.replace(&*real.to_string_lossy(), "FOLDER").replace(&*folder.to_string_lossy(), "FOLDER");
    let text = text.replace(env!("CARGO_BIN_EXE_myrmex"), "PROGRAM");
    let every = |pattern: &str, text: &str, word: &str| {
        Regex::new(pattern).unwrap().replace_all(text, word).into_owned()
    };
    let text = every(r"\b[0-9a-f]{64}\b", &text, "HASH");
    let text = every(r#""(inputs|items|output)":"[0-9a-f]{32}""#, &text, r#""$1":"HASH""#);
    // The ids of runs by the order in which they are told; a short one is the beginning of a whole one.
    let mut runs: Vec<String> = Vec::new();
    let text = Regex::new(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{13}\b").unwrap().replace_all(
        &text,
        |found: &Captures<'_>| {
            let short = found[0][..13].to_owned();
            let at = runs.iter().position(|run| *run == short).unwrap_or_else(|| {
                runs.push(short);
                runs.len() - 1
            });
            format!("RUN-{}", at + 1)
        },
    );
    let text = every(r"\b[0-9a-f]{12}\b", &text, "HASH");
    let text = every(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", &text, "INSTANT");
    let text = every(r#""(token|boot|head)":("[^"]*"|\d+)"#, &text, r#""$1":…"#);
    let text = every(r"\bprocess \d+", &text, "process NUMBER");
    let text = every(r"\b\d+(\.\d+)? (ms|s)\b|\b\d+m \d+s\b", &text, "TIME");
    let text = every(r"\b\d+(\.\d+)? %", &text, "N %");
    let lines = text.lines().map(|line| {
        // A column is as wide as its widest time, and so is its heading.
        let is_of_times = ["TIME", "TOOK", "P50"].iter().any(|word| line.contains(word));
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let rest = if is_of_times { every(" {2,}", rest, "  ") } else { rest.to_owned() };
        format!("{indent}{rest}").trim_end().to_owned()
    });
    lines.map(|line| line + "\n").collect()
}

/// Leaves of what the doctor says only what is the same on every machine.
fn without_the_machine(text: &str) -> String {
    let of_machine = [
        "version",
        "disk",
        "file-system",
        "sync",
        "open-files",
        "processes",
        "watches",
        "machine",
        "clock",
        "shell",
        "terminal",
    ];
    let mut is_left_out = false;
    let mut lines = String::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().skip(1);
        let id = words.next().unwrap_or_default();
        is_left_out = of_machine.contains(&id) || (is_left_out && line.starts_with("  "));
        if of_machine.contains(&id) {
            writeln!(lines, "         {id:<11}  …").unwrap();
        } else if !is_left_out {
            lines += &Regex::new(r"^\d+ ok, \d+ warnings?").unwrap().replace(line, "N ok, N warnings");
            lines += "\n";
        }
    }
    lines
}

/// Returns what a command printed, as it is written down.
fn written(line: &str, said: &Said, folder: &Path) -> String {
    let mut text = format!("$ myrmex {line}\nexit code {}\n", said.code);
    for (stream, printed) in [("standard output", &said.stdout), ("standard error", &said.stderr)] {
        if !printed.is_empty() {
            let printed = plain(printed, folder);
            let printed = if line == "doctor" { without_the_machine(&printed) } else { printed };
            write!(text, "---- {stream}\n{printed}").unwrap();
        }
    }
    text
}

fn outputs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outputs")
}

/// Compares texts with the files of these names, or writes these.
fn compare(texts: &BTreeMap<String, String>) {
    let mut wrong = Vec::new();
    for (name, text) in texts {
        let path = outputs().join(format!("{name}.txt"));
        if std::env::var_os("MYRMEX_BLESS").is_some() {
            fs::write(path, text).unwrap();
            continue;
        }
        let known = fs::read_to_string(path).unwrap_or_default();
        if known != *text {
            wrong.push(format!("==== {name} is\n{text}==== and not\n{known}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n`MYRMEX_BLESS=1` writes them down anew", wrong.join("\n"));
}

/// Returns the words of every command, and whether it does something itself.
fn commands() -> Vec<(String, bool)> {
    fn walk(command: &clap::Command, words: &str, found: &mut Vec<(String, bool)>) {
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        let below: Vec<_> = below.collect();
        found.push((words.to_owned(), below.is_empty()));
        for command in below {
            walk(command, format!("{words} {}", command.get_name()).trim_start(), found);
        }
    }
    let mut found = Vec::new();
    walk(&Cli::command(), "", &mut found);
    found
}

#[test]
fn every_command_has_its_help() {
    let workspace = Workspace::with(&[]);
    let helps = commands().into_iter().map(|(words, _)| {
        let line = format!("{words} --help").trim_start().to_owned();
        let said = act(&workspace, &line);
        let name =
            if words.is_empty() { "help".to_owned() } else { format!("{}.help", words.replace(' ', "-")) };
        (name, written(&line, &said, workspace.path()))
    });
    compare(&helps.collect());
}

#[test]
fn commands_succeed_and_fail_with_these_words() {
    let texts = ROWS.iter().map(|row| {
        let workspace = Workspace::with(row.files);
        for line in row.before {
            act(&workspace, line);
        }
        let said = act(&workspace, row.line);
        assert_eq!(
            said.code == 0,
            row.name.ends_with(".success"),
            "{}: {}{}",
            row.name,
            said.stdout,
            said.stderr
        );
        (row.name.to_owned(), written(row.line, &said, workspace.path()))
    });
    compare(&texts.collect());
}

#[test]
fn every_command_has_a_success_and_a_failure_and_no_file_is_left_over() {
    let leaves =
        commands().into_iter().filter(|(_, is_leaf)| *is_leaf).map(|(words, _)| words.replace(' ', "-"));
    let wanted: BTreeSet<String> =
        leaves.flat_map(|words| [format!("{words}.success"), format!("{words}.failure")]).collect();
    let have: BTreeSet<String> = ROWS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(have, wanted, "add a row for each command to `ROWS`");
    let helps = commands().into_iter().map(|(words, _)| {
        if words.is_empty() { "help".to_owned() } else { format!("{}.help", words.replace(' ', "-")) }
    });
    let known: BTreeSet<String> = have.into_iter().chain(helps).map(|name| format!("{name}.txt")).collect();
    let files =
        fs::read_dir(outputs()).unwrap().flatten().map(|file| file.file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), known);
}
