//! Journals of released formats. They were written once, by [`write_missing_golden_files`], and replay for ever.
//!
//! A scenario has three files in `tests/golden`: its journal (`.journal`, each event in words and below it its bytes, codec
//! 2), the definitions that the journal names (`.definitions.jsonl`, form 1, one a line), and what must come out
//! (`.expected`). None is edited.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::command::{ChildEnd, Command, TimerKey};
use myrmex_model::effect::Evaluation;
use myrmex_model::event::{Limit, Recorded};
use myrmex_model::id::{DefinitionHash, Epoch, ValueHash};
use myrmex_model::ir::Rest;
use myrmex_model::outcome::{AttemptEnd, Outcome};
use myrmex_model::retry::Takings;
use myrmex_model::wire;

use super::build::{
    Then, call, catch, choose, computed_task, define, each, flow, goto, graph, raise, task, timer, value,
};
use super::host::{Host, RUN, lost, map};
use crate::run::Run;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// What lived a scenario.
type Scenario = fn() -> Host;

/// Every scenario, with what lived it when its files were written.
const SCENARIOS: [(&str, Scenario); 11] = [
    ("graph-with-failure-and-skip", graph_with_failure_and_skip),
    ("flow-with-loop-and-retry", flow_with_loop_and_retry),
    ("for-each-with-map-keys-and-a-lost-attempt", for_each_with_map_keys),
    ("cancel-during-a-run", cancel_during_a_run),
    ("rebase-with-renamed-tasks", rebase_with_renamed_tasks),
    ("unfinished-with-timers-and-grants", unfinished),
    ("handlers-scope-attempts-and-rounds", handlers),
    ("calls-limits-and-early-ends", calls_and_limits),
    ("unfinished-in-handlers-and-calls", unfinished_in_handlers),
    ("retry-with-results-taken-over", retry),
    ("tasks-that-a-person-skipped", skipped_by_hand),
];

#[test]
fn golden_journals_replay() {
    for (scenario, _) in SCENARIOS {
        let definitions: BTreeMap<_, _> = read(scenario, "definitions.jsonl")
            .lines()
            .map(|line| {
                let definition = wire::definition::decode(line.as_bytes()).expect("form 1 reads for ever");
                (DefinitionHash::of(line.as_bytes()), Arc::new(definition))
            })
            .collect();
        let text = read(scenario, "journal");
        let lines: Vec<_> = text.lines().collect();
        let journal: Vec<_> = lines.chunks(2).map(|lines| event(lines[0], lines[1].trim_start())).collect();
        let replayed = Run::replay(RUN, &journal, &mut |hash| definitions.get(&hash).cloned());
        let run = replayed.unwrap_or_else(|error| panic!("{scenario}: {error}"));
        assert_eq!(shown(&run), read(scenario, "expected"), "{scenario}");
        assert_eq!(run.clone().resume(run.last()).events, [], "{scenario}: nothing is left to decide");
    }
}

#[test]
#[ignore = "writes the files of a new scenario; run by hand, once"]
#[expect(clippy::disallowed_methods, reason = "the only place that writes the golden files")]
fn write_missing_golden_files() {
    for (scenario, live) in SCENARIOS {
        if std::path::Path::new(&path(scenario, "journal")).exists() {
            continue;
        }
        let host = live();
        let lines = |lines: Vec<Vec<u8>>| {
            lines.into_iter().map(|line| String::from_utf8(line).unwrap() + "\n").collect::<String>()
        };
        let definitions = host.definitions.values().map(|definition| wire::definition::encode(definition));
        std::fs::write(path(scenario, "definitions.jsonl"), lines(definitions.collect())).unwrap();
        std::fs::write(path(scenario, "expected"), shown(&host.run)).unwrap();
        let journal = host.journal.iter().map(|recorded| {
            let mut lines = format!("{}\n  ", in_words(recorded));
            for byte in wire::event::encode(recorded, Epoch(1)) {
                write!(lines, "{byte:02x}").unwrap();
            }
            lines + "\n"
        });
        std::fs::write(path(scenario, "journal"), journal.collect::<String>()).unwrap();
    }
}

/// Reads an event from its bytes, which say what stands above them in words.
fn event(words: &str, digits: &str) -> Recorded {
    let places = (0..digits.len()).step_by(2);
    let bytes: Vec<_> = places
        .map(|place| u8::from_str_radix(&digits[place..place + 2], 16).expect("it is a digit"))
        .collect();
    let (recorded, _) = wire::event::decode(&bytes).expect("codec 2 reads for ever");
    assert_eq!(in_words(&recorded), words);
    recorded
}

fn in_words(Recorded { at, event, change }: &Recorded) -> String {
    let (from, to, phase) = (change.from, change.to, change.phase.as_str().unwrap_or("-"));
    let task = event.task().map_or("-", Address::as_str);
    let attempt = event.attempt().map_or("-".to_owned(), |attempt| attempt.to_string());
    let token = event.token().map_or("-".to_owned(), |token| token.to_string());
    let data = wire::shown::data(event);
    format!(
        "{} at {} {from}>{to} {phase} task {task} attempt {attempt} token {token} {data}",
        event.kind(),
        at.0
    )
}

fn path(scenario: &str, kind: &str) -> String {
    format!("{DIRECTORY}/{scenario}.{kind}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "golden files are read where they lie, so that a missing one is named"
)]
fn read(scenario: &str, kind: &str) -> String {
    let path = path(scenario, kind);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("golden file {path} is missing: {error}"))
}

/// Renders what a run came to, in words that do not change with the machine's types.
fn shown(run: &Run) -> String {
    let mut text = String::new();
    let hash = |hash: Option<ValueHash>| hash.map_or("-".to_owned(), |hash| hash.to_string());
    let fault =
        |fault: Option<&myrmex_model::fault::Fault>| fault.map_or("-".to_owned(), ToString::to_string);
    writeln!(text, "run {} output {} fault {}", run.status(), hash(run.output()), fault(run.fault()))
        .unwrap();
    for task in run.tasks() {
        let phase = task.phase().as_str().unwrap_or("-");
        let (status, attempts) = (task.status(), task.attempts());
        write!(
            text,
            "{} {status} {phase} attempts {attempts} output {}",
            task.address(),
            hash(task.output())
        )
        .unwrap();
        writeln!(text, " fault {}", fault(task.fault())).unwrap();
    }
    run.queued().iter().for_each(|(task, attempt)| writeln!(text, "queued {task} {attempt}").unwrap());
    run.grants().iter().for_each(|(task, _, token)| writeln!(text, "granted {task} {token}").unwrap());
    for (timer, due) in run.timers() {
        let timer = match timer {
            TimerKey::Wait(task) => format!("wait {task}"),
            TimerKey::Retry(task) => format!("retry {task}"),
            TimerKey::Lag(from, to) => format!("lag {from} {to}"),
            TimerKey::EndLag(from, to) => format!("end lag {from} {to}"),
            TimerKey::Begin(task) => format!("begin {task}"),
            TimerKey::Limit(task, limit) => format!("limit {task} {}", limit.as_str()),
        };
        writeln!(text, "timer {timer} {due}").unwrap();
    }
    text
}

fn graph_with_failure_and_skip() -> Host {
    let children = vec![
        task("fetch"),
        computed_task("build").after("fetch").declared(),
        task("test").after("build"),
        task("report").after_on("test", &[Outcome::Succeeded, Outcome::Failed, Outcome::Skipped]),
        task("ship").after("test"),
        choose("route", vec![Then::Continue; 2]).after("fetch"),
        task("east").after_case("route", 0),
        task("west").after_case("route", 1),
    ];
    let mut host = Host::started(&graph("root", children).computed());
    host.succeed("fetch");
    host.succeed("build");
    host.pass(20);
    host.fail("test");
    host.finish();
    host
}

fn flow_with_loop_and_retry() -> Host {
    let again = choose("again", vec![goto("try"), Then::Continue]);
    let work = flow("try", vec![value("set"), task("work").retried(2, 500)]);
    let mut host = Host::new(define(&flow("root", vec![work, again, timer("pause"), task("last")])));
    let vars = Some(super::host::value_hash("{\"n\":1}"));
    host.answer("try/set", Evaluation::Value { output: super::host::value_hash("1"), vars });
    host.answer("again#2", Evaluation::Case(Some(1)));
    host.start();
    host.fail("try/work");
    host.fire();
    host.fail("try/work");
    host.finish();
    host
}

fn for_each_with_map_keys() -> Host {
    let body = graph("_", vec![task("deploy"), task("check").after("deploy")]);
    let mut host = Host::new(define(&graph("root", vec![each("regions", body).parallel(2)])));
    host.answer("regions", map(&["eu", "us/east", "ap"]));
    host.start();
    host.succeed("regions[eu]/deploy");
    host.end("regions[us%2Feast]/deploy", lost());
    host.finish();
    host
}

fn cancel_during_a_run() -> Host {
    let block = graph("block", vec![task("x"), task("y").after("x")]);
    let lagged = task("late").after_with("done", &[Outcome::Succeeded], 1_000);
    let children = vec![task("done"), lagged, block, timer("wait"), task("again").retried(1, 60_000)];
    let mut host = Host::started(&graph("root", children));
    host.succeed("done");
    host.fail("again");
    host.cancel();
    host.finish();
    host
}

fn rebase_with_renamed_tasks() -> Host {
    let block = |name: &str| graph(name, vec![task("x"), task("y").after("x")]);
    let mut host = Host::started(&graph("root", vec![block("old"), task("gone").after("old")]));
    host.succeed("old/x");
    host.grant();
    let root = graph("root", vec![task("first"), block("new").after("first"), task("next").after("new")]);
    host.rebase(&root, &[("old", "new")]).unwrap();
    host.finish();
    host
}

/// A task that was not reached, one that waits for its next attempt, and a timer, skipped at once.
fn skipped_by_hand() -> Host {
    let inside = graph("block", vec![task("late").retried(2, 1_000), timer("pause")]);
    let mut host =
        Host::started(&graph("root", vec![task("a"), task("b").after("a"), task("c").after("b"), inside]));
    host.grant();
    host.fail("block/late");
    let tasks = ["b", "block/late", "block/pause"].map(|task| Address::parse(task).unwrap()).to_vec();
    host.put(Command::Skip { tasks, by: "ana".into(), reason: "not today".into() }).unwrap();
    host.succeed("a");
    host
}

fn unfinished() -> Host {
    let children = vec![
        task("running"),
        task("queued").after_on("running", &[Outcome::Started]),
        timer("wait"),
        task("retrying").retried(1, 60_000),
        task("late").after_with("wait", &[Outcome::Started], 5_000),
    ];
    let mut host = Host::started(&graph("root", children));
    host.fail("retrying");
    host
}

fn handlers() -> Host {
    let broken =
        task("broken").catching(catch(value("_")).of_kind("runtime").retried(1, 20)).finally(task("_"));
    let block = flow("block", vec![task("x"), task("y")]).retried(1, 0);
    let rounds = flow("rounds", vec![value("step")]).repeated_while(4).last();
    let root = flow("root", vec![broken, block, rounds, raise("stop").on_failure(task("_")).continuing()]);
    let mut host = Host::started(&root.finally(value("_")));
    host.fail("broken");
    host.fire();
    host.fail("broken");
    host.succeed("broken/finally");
    host.succeed("block/x");
    host.fail("block/y");
    host.finish();
    host
}

fn calls_and_limits() -> Host {
    let slow = graph("slow", vec![task("x"), timer("z")]).limit(Limit::Attempt, 50).retried(1, 0);
    let race = graph("race", vec![task("a"), task("b")]).first(1, Rest::Cancel);
    let called = call("called").after_on("slow", &[Outcome::Failed]).retried(1, 0);
    let once = task("once").once().after("race");
    let mut host = Host::started(&graph("root", vec![slow, race, called, once]).limit(Limit::Total, 60_000));
    host.grant();
    host.report(host.token("race/a"), super::host::ended_well()).unwrap();
    host.report(host.token("race/b"), AttemptEnd::Stopped).unwrap();
    host.end("once", lost());
    for attempt in ["slow/x", "slow~2/x"] {
        host.grant();
        host.fire();
        host.report(host.token(attempt), AttemptEnd::Stopped).unwrap();
    }
    let broke = ChildEnd::Failed { fault: super::host::fault("the child broke"), is_timeout: false };
    host.end_child(host.child("called"), broke).unwrap();
    host.finish();
    host
}

fn retry() -> Host {
    let steps =
        || flow("steps", vec![value("set"), choose("way", vec![goto("stop"), Then::Continue]), task("stop")]);
    let block = graph("block", vec![task("x").continuing(), task("y").after("x")]);
    let root = graph("root", vec![steps(), each("items", task("_")), block, task("last").after("items")]);
    let mut first = Host::new(define(&root));
    let vars = Some(super::host::value_hash("{\"n\":1}"));
    first.answer("steps/set", Evaluation::Value { output: super::host::value_hash("1"), vars });
    first.start();
    first.succeed("items[0]");
    first.fail("items[1]");
    first.fail("steps/stop");
    first.fail("block/x");
    first.finish();
    let takings = first.run.history(&Takings::default());
    let choice = takings.choose((&**first.run.definition(), false), &[], &BTreeSet::new()).unwrap();
    let mut host = Host::new(define(&root));
    host.takings = choice.takings;
    host.begin_retry();
    host.fail("items[1]");
    host.finish();
    host
}

fn unfinished_in_handlers() -> Host {
    let children = vec![
        task("handled").catching(catch(task("_"))),
        task("finishing").finally(timer("_")),
        call("called").limit(Limit::Attempt, 5_000),
        flow("again", vec![task("x")]).retried(1, 60_000).limit(Limit::Total, 90_000),
        task("queued").after_on("handled", &[Outcome::Started]).limit(Limit::Queue, 9_000),
    ];
    let mut host = Host::started(&graph("root", children));
    host.fail("handled");
    host.succeed("finishing");
    host.fail("again/x");
    host.cancel();
    host
}
