//! `runs retry` as a person meets it: what runs again, what is taken over, and what is said about it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[path = "support/said.rs"]
mod said;

use std::fs;

use said::Said;
use serde_json::{Value, json};
use support::{Live, PATIENCE, Workspace, poll};

/// Every task of these workflows leaves one line in the ledger for each time it runs.
const ITEMS: &str = r"
workflow: w
inputs:
  word: {type: string, default: one}
  regions: {type: array, default: [eu, us, ap]}
tasks:
  build:
    run: echo build >> ledger; echo built > image
    artifacts: {image: image}
  deploy:
    needs: build
    for_each: ${{ inputs.regions }}
    max_parallel: 1
    run: echo deploy $REGION >> ledger; test $REGION != us || test -e mended
    env: {REGION: '${{ item }}'}
  report:
    needs: deploy
    run: echo report $(cat $IMAGE) $SECOND $ATTEMPT $WORD >> ledger
    env:
      IMAGE: ${{ tasks.build.artifacts.image }}
      SECOND: ${{ tasks.deploy.items[1].status }}
      ATTEMPT: ${{ run.attempt }}
      WORD: ${{ inputs.word }}
";

/// A workspace with one workflow.
struct Place(Workspace);

impl Place {
    fn with(workflow: &str) -> Self {
        Self(Workspace::new().with_file("w.yaml", workflow))
    }

    fn say(&self, words: &[&str]) -> Said {
        Said::of(self.0.myrmex(words).env("USER", "tester"))
    }

    /// Runs a command with `--json` and returns its exit code and the summary.
    fn summary(&self, words: &[&str]) -> (i32, Value) {
        let said = self.say(&[words, &["--json"]].concat());
        (said.code, said.json())
    }

    /// Returns the runs, the oldest first.
    fn runs(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.say(&["runs", "list", "--json"]).stdout).unwrap();
        list["runs"].as_array().unwrap().iter().rev().cloned().collect()
    }

    /// Returns the id of a run by its place among all, from 0.
    fn id(&self, index: usize) -> String {
        self.runs()[index]["run"].as_str().unwrap().to_owned()
    }

    /// Returns the lines of the ledger that were added since the last look.
    fn ledger(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path("ledger")).unwrap_or_default();
        fs::write(self.0.path("ledger"), "").unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn make(&self, name: &str, text: &str) {
        fs::write(self.0.path(name), text).unwrap();
    }

    /// Replaces the ids of runs by their numbers, and how long something took.
    fn shown(&self, text: &str) -> String {
        let mut text = text.replace(&format!("{}/", self.0.root().display()), "");
        for (index, run) in self.runs().iter().enumerate() {
            let id = run["run"].as_str().unwrap();
            text = text.replace(id, &format!("RUN{index}")).replace(&id[..13], &format!("RUN{index}"));
        }
        let lines = text.lines().map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let is_time = |index: usize| {
                words.get(index + 1).is_some_and(|unit| matches!(*unit, "ms" | "s" | "us" | "µs"))
                    && words[index].parse::<f64>().is_ok()
            };
            let all = (0..words.len()).filter(|index| *index == 0 || !is_time(index - 1));
            let shown = all.map(|index| if is_time(index) { "TIME" } else { words[index] });
            shown.collect::<Vec<_>>().join(" ") + "\n"
        });
        lines.collect()
    }
}

#[test]
fn only_the_failed_item_runs_again_and_artifacts_are_there() {
    let place = Place::with(ITEMS);
    assert_eq!(place.say(&["run", "w.yaml"]).code, 1);
    assert_eq!(place.ledger(), ["build", "deploy eu", "deploy us", "deploy ap"]);
    place.make("mended", "");
    let said = place.say(&["runs", "retry", &place.id(0)]);
    assert_eq!(place.ledger(), ["deploy us", "report built succeeded 2 one"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""));
    assert_eq!(
        place.shown(&said.stderr),
        "run RUN1 of w
     taken  build  from run RUN0
     taken  deploy[0]  from run RUN0
 succeeded  deploy[1]  TIME
     taken  deploy[2]  from run RUN0
 succeeded  deploy  TIME
 succeeded  report  TIME
run RUN1 succeeded in TIME (6 succeeded; 3 taken over)
"
    );
    let runs = place.runs();
    assert_eq!((&runs[0]["retry_of"], &runs[0]["attempt"]), (&Value::Null, &json!(1)));
    assert_eq!((&runs[1]["retry_of"], &runs[1]["attempt"]), (&runs[0]["run"], &json!(2)));
    assert_eq!(runs[0]["status"], "failed", "what is over stays as it is");
    let list = place.say(&["runs", "list"]).stdout;
    assert!(place.shown(&list).lines().nth(1).unwrap().ends_with("  retry of RUN0"), "{list}");
}

#[test]
fn summary_and_events_say_what_was_taken() {
    let place = Place::with(ITEMS);
    let (_, before) = place.summary(&["run", "w.yaml"]);
    place.make("mended", "");
    let (code, after) = place.summary(&["runs", "retry", &place.id(0)]);
    assert_eq!(code, 0);
    let mut build = before["tasks"]["build"].clone();
    build["taken_from"] = json!(place.id(0));
    assert_eq!(after["tasks"]["build"], build, "with its output and artifacts");
    assert_eq!(after["tasks"]["deploy[1]"].get("taken_from"), None);
    let events = place.say(&["events", "--run", &place.id(1)]).stdout;
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let taken: Vec<_> = events.iter().filter(|event| event["type"] == "task.taken").collect();
    let paths: Vec<_> = taken.iter().map(|event| event["task"].as_str().unwrap()).collect();
    assert_eq!(paths, ["build", "deploy[0]", "deploy[2]"]);
    assert_eq!(taken[0]["cause"], format!("taken over from run {}", place.id(0)));
    assert_eq!((&taken[0]["from"], &taken[0]["to"]), (&json!("pending"), &json!("succeeded")));
    let started = events.iter().find(|event| event["type"] == "run.started").unwrap();
    assert_eq!(started["data"]["retry"]["of"], json!(place.id(0)));
}

#[test]
fn a_retry_can_be_retried_and_needs_nothing_of_the_first_run() {
    let place = Place::with(ITEMS);
    place.say(&["run", "w.yaml"]);
    place.say(&["runs", "retry", &place.id(0), "--item", "deploy[2]"]);
    assert_eq!(place.ledger(), ["build", "deploy eu", "deploy us", "deploy ap", "deploy us", "deploy ap"]);
    fs::remove_dir_all(place.0.data().join("blobs/default").join(place.id(0))).unwrap();
    place.make("mended", "");
    let (code, summary) = place.summary(&["runs", "retry", &place.id(1)]);
    assert_eq!(code, 0);
    assert_eq!(place.ledger(), ["deploy us", "report built succeeded 3 one"]);
    assert_eq!(summary["tasks"]["build"]["taken_from"], json!(place.id(0)), "where it ran");
    assert_eq!(summary["tasks"]["deploy[2]"]["taken_from"], json!(place.id(1)));
    let (code, summary) = place.summary(&["runs", "retry", &place.id(2), "--from", "report"]);
    assert_eq!((code, place.ledger()), (0, vec!["report built succeeded 4 one".to_owned()]));
    assert_eq!(summary["tasks"]["deploy"]["taken_from"], json!(place.id(2)), "as a whole");
}

#[test]
fn what_left_a_file_that_is_gone_runs_again() {
    let place = Place::with(ITEMS);
    place.say(&["run", "w.yaml"]);
    place.ledger();
    fs::remove_dir_all(place.0.data().join("blobs")).unwrap();
    place.make("mended", "");
    let said = place.say(&["runs", "retry", &place.id(0)]);
    assert_eq!(said.code, 0);
    assert!(
        said.stderr.starts_with("a file that `build` left is gone, so it runs again\n"),
        "{}",
        said.stderr
    );
    assert_eq!(place.ledger().len(), 5, "and what follows it too");
}

#[test]
fn an_edited_input_reaches_what_runs_again() {
    let place = Place::with(ITEMS);
    place.say(&["run", "w.yaml", "-i", "word=first"]);
    place.ledger();
    place.make("mended", "");
    let wrong = place.say(&["runs", "retry", &place.id(0), "-i", "wort=x"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("unknown input `wort`, did you mean `word`?"), "{}", wrong.stderr);
    place.say(&["runs", "retry", &place.id(0), "-i", "word=second"]);
    assert_eq!(place.ledger(), ["deploy us", "report built succeeded 2 second"]);
}

#[test]
fn an_item_is_taken_only_if_it_still_is_the_same() {
    let place = Place::with(ITEMS);
    place.say(&["run", "w.yaml"]);
    place.ledger();
    let (code, _) =
        place.summary(&["runs", "retry", &place.id(0), "-i", r#"regions=["eu", "cn", "ap", "au"]"#]);
    assert_eq!(
        (code, place.ledger().join(", ")),
        (0, "deploy cn, deploy au, report built succeeded 2 one".into())
    );
}

#[test]
fn from_a_task_of_a_graph_its_edges_say_what_follows() {
    let place = Place::with(
        r"
workflow: w
tasks:
  a: {run: echo a >> ledger}
  block:
    needs: a
    tasks:
      x: {run: echo x >> ledger}
      y: {needs: x, run: 'echo y >> ledger; echo made'}
      z: {run: echo z >> ledger}
    outputs: {made: '${{ tasks.y.output.stdout }}'}
  b: {run: 'echo b $MADE >> ledger', env: {MADE: '${{ tasks.block.output.made }}'}}
  c: {needs: a, run: echo c >> ledger}
",
    );
    assert_eq!(place.say(&["run", "w.yaml"]).code, 0);
    place.ledger();
    let again = |task: &str| {
        let said = place.say(&["runs", "retry", &place.id(0), "--from", task]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        place.ledger()
    };
    assert_eq!(again("block/y"), ["y", "b made"]);
    assert_eq!(again("b"), ["b made"]);
    assert_eq!(again("c"), ["c"]);
    let (_, summary) = place.summary(&["runs", "retry", &place.id(0), "--from", "c"]);
    let tasks: Vec<&String> = summary["tasks"].as_object().unwrap().keys().collect();
    assert_eq!(
        tasks,
        ["a", "block", "b", "c"],
        "what is inside of what was taken is told by the run it was taken from"
    );
}

#[test]
fn from_a_task_of_a_flow_everything_that_began_later_runs_again() {
    let place = Place::with(
        r"
workflow: w
do:
  - first: {set: {n: 1}}
  - loop:
      repeat:
        max: 5
        while: vars.n < 3
        do:
          - more: {set: {n: '${{ vars.n + 1 }}'}}
          - work: {run: echo work $N >> ledger, env: {N: '${{ vars.n }}'}}
  - way: {switch: [{if: vars.n == 3, then: last}, {else: never}]}
  - never: {run: echo never >> ledger}
  - last: {run: echo last $N >> ledger; test -e mended, env: {N: '${{ vars.n }}'}}
",
    );
    assert_eq!(place.say(&["run", "w.yaml"]).code, 1);
    assert_eq!(place.ledger(), ["work 2", "work 3", "last 3"]);
    place.make("mended", "");
    assert_eq!(place.say(&["runs", "retry", &place.id(0)]).code, 0);
    assert_eq!(place.ledger(), ["last 3"]);
    assert_eq!(place.say(&["runs", "retry", &place.id(1), "--from", "way"]).code, 0);
    assert_eq!(place.ledger(), ["last 3"]);
    assert_eq!(place.say(&["runs", "retry", &place.id(1), "--from", "loop"]).code, 0);
    assert_eq!(place.ledger(), ["work 2", "work 3", "last 3"]);
}

#[test]
fn calls_that_succeeded_are_taken_and_others_begin_anew() {
    let caller = r"
workflow: w
tasks:
  good: {workflow: part, with: {name: good}}
  bad: {workflow: part, with: {name: bad}}
  last: {needs: [good, bad], run: 'echo last $SAID >> ledger', env: {SAID: '${{ tasks.good.output.said }}'}}
";
    let part = r"
workflow: part
inputs: {name: {type: string}}
tasks:
  one: {run: 'echo one $NAME >> ledger; echo $NAME', env: {NAME: '${{ inputs.name }}'}}
  two: {needs: one, run: 'test $NAME = good || test -e mended', env: {NAME: '${{ inputs.name }}'}}
outputs: {said: '${{ tasks.one.output.stdout }}'}
";
    let place = Place(Workspace::new().with_file("w.yaml", caller).with_file("part.yaml", part));
    assert_eq!(place.say(&["run", "w.yaml"]).code, 1);
    place.ledger();
    place.make("mended", "");
    fs::remove_file(place.0.path("part.yaml")).unwrap();
    let of = place.runs().iter().position(|run| run["workflow"] == "w").unwrap();
    let said = place.say(&["runs", "retry", &place.id(of)]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(place.ledger(), ["one bad", "last good"]);
}

#[test]
fn a_retry_that_is_killed_takes_the_same_when_it_is_resumed() {
    let place = Place::with(
        r"
workflow: w
tasks:
  a: {run: echo a >> ledger; echo text > file, artifacts: {file: file}}
  items: {needs: a, for_each: 3, run: 'echo item >> ledger'}
  slow: {needs: items, run: 'test -e mended; echo slow >> ledger; until test -e go; do sleep 0.01; done'}
  last: {needs: [slow, items], run: 'echo last $(cat $FILE) >> ledger', env: {FILE: '${{ tasks.a.artifacts.file }}'}}
",
    );
    assert_eq!(place.say(&["run", "w.yaml"]).code, 1);
    assert_eq!(place.ledger().len(), 4);
    place.make("mended", "");
    let mut live = Live::start(place.0.myrmex(&["runs", "retry", &place.id(0), "--json"]), "retry");
    let has_begun = || fs::read_to_string(place.0.path("ledger")).unwrap().contains("slow");
    assert!(poll(PATIENCE, has_begun), "{}", live.errors());
    live.kill();
    live.finish();
    assert!(poll(PATIENCE, || place.0.is_free()));
    place.ledger();
    let refused = place.say(&["runs", "retry", &place.id(1)]);
    assert_eq!(refused.code, 2);
    assert_eq!(
        place.shown(&refused.stderr),
        "error[X0104]: run RUN1 is not over: only a run that is over can be retried\n\
         hint: `myrmex runs resume RUN1` goes on with it, `myrmex runs cancel RUN1` ends it\n"
    );
    place.make("go", "");
    let (code, summary) = place.summary(&["runs", "resume", &place.id(1)]);
    assert_eq!(code, 0, "{summary}");
    assert_eq!(place.ledger(), ["slow", "last text"]);
    assert_eq!(summary["tasks"]["items"]["taken_from"], json!(place.id(0)));
    assert_eq!(summary["tasks"]["slow"]["attempts"], 2);
}

#[test]
fn another_definition_is_followed_on_demand() {
    let broken = "workflow: w\ntasks:\n  a: {run: echo a >> ledger}\n  b: {needs: a, run: 'false'}\n";
    let place = Place::with(broken);
    place.say(&["run", "w.yaml"]);
    place.ledger();
    place.make("w.yaml", &broken.replace("'false'", "echo b >> ledger"));
    let pinned = place.say(&["runs", "retry", &place.id(0)]);
    let first = place.shown(&pinned.stderr).lines().next().unwrap().to_owned();
    assert_eq!(first, "follows the definition of the run that it retries; `w.yaml` holds another one");
    assert_eq!((pinned.code, place.ledger()), (1, vec![]));
    let now = place.say(&["runs", "retry", &place.id(0), "--to", "w.yaml"]);
    assert_eq!((now.code, place.ledger()), (0, vec!["b".to_owned()]), "{}", now.stderr);
    let other = place.0.path("other.yaml");
    fs::write(&other, "workflow: other\ntasks:\n  a: {run: 'true'}\n").unwrap();
    let refused = place.say(&["runs", "retry", &place.id(0), "--to", "other.yaml"]);
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (2, "error[X0104]: the file holds the workflow `other`, and the run is one of `w`\n")
    );
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let place = Place::with(ITEMS);
    place.say(&["run", "w.yaml"]);
    let refused = |words: &[&str]| {
        let said = place.say(&[&["runs", "retry", &place.id(0)], words].concat());
        assert_eq!((said.code, said.stdout.as_str()), (2, ""));
        said.stderr
    };
    assert_eq!(
        refused(&["--from", "depoly"]),
        "error[X0109]: there is no task `depoly`\nhint: did you mean `deploy`?\n"
    );
    assert_eq!(
        refused(&["--item", "deploy[3]"]),
        "error[X0109]: there is no item `deploy[3]`\nhint: there are `deploy[0]`, `deploy[1]`, `deploy[2]`\n"
    );
    assert!(refused(&["--failed", "--from", "build"]).contains("cannot be used with"));
    assert_eq!(place.runs().len(), 1, "nothing was started");
}

#[test]
fn of_a_run_that_succeeded_there_is_nothing_to_do() {
    // What was cancelled because the run had come to its end is nothing that is missing.
    let place =
        Place::with("workflow: w\ntasks:\n  a: {do: [{x: {run: 'true', then: end}}]}\n  b: {wait: 1h}\n");
    place.say(&["run", "w.yaml"]);
    let said = place.say(&["runs", "retry", &place.id(0)]);
    assert_eq!(
        (said.code, said.stdout.as_str(), said.stderr.as_str()),
        (
            4,
            "",
            "nothing to do: the run succeeded; `--from TASK` runs a task again, `--item 'TASK[KEY]'` an item of a `for_each`, \
             and what follows\n"
        )
    );
    assert_eq!(place.runs().len(), 1);
}

#[test]
fn what_may_happen_once_happens_again_because_a_person_asks() {
    let place = Place::with(
        "workflow: w\ntasks:\n  pay: {run: 'echo pay >> ledger; test -e mended', effect: once}\n",
    );
    place.say(&["run", "w.yaml"]);
    place.make("mended", "");
    let said = place.say(&["runs", "retry", &place.id(0)]);
    assert!(
        said.stderr.starts_with("`pay` has `effect: once` and runs again, because you ask for it\n"),
        "{}",
        said.stderr
    );
    assert_eq!((said.code, place.ledger().len()), (0, 2));
}

#[test]
fn a_run_that_failed_at_its_output_alone_can_be_retried() {
    let place = Place::with(
        "workflow: w\ninputs: {n: {type: integer, default: 0}}\ntasks:\n  a: {run: echo a >> ledger}\n\
         outputs: {part: '${{ 10 // inputs.n }}'}\n",
    );
    assert_eq!(place.say(&["run", "w.yaml"]).code, 1);
    place.ledger();
    let said = place.say(&["runs", "retry", &place.id(0), "-i", "n=5"]);
    assert_eq!((said.code, said.stdout.as_str(), place.ledger()), (0, "{\n  \"part\": 2\n}\n", vec![]));
}

#[test]
fn the_log_of_a_task_that_was_taken_is_where_it_ran() {
    let place = Place::with("workflow: w\ntasks:\n  a: {run: echo said}\n  b: {needs: a, run: 'false'}\n");
    place.say(&["run", "w.yaml"]);
    place.say(&["runs", "retry", &place.id(0)]);
    let said = place.say(&["runs", "logs", &place.id(1), "--task", "a"]);
    assert_eq!(
        (said.code, place.shown(&said.stderr).as_str()),
        (
            2,
            "error[X0103]: the result of task `a` was taken over from run RUN0, where it ran\n\
             hint: `myrmex runs logs RUN0 --task 'a'` prints what it printed\n"
        )
    );
}

#[test]
fn a_loop_that_ran_out_of_rounds_polls_again() {
    let place = Place::with(
        r#"
workflow: w
do:
  - loop:
      repeat:
        max: 3
        until: tasks.look.output.stdout == "ready"
        do:
          - look: {run: "echo look >> ledger; test -e mended && echo ready || echo not yet"}
"#,
    );
    assert_eq!(place.say(&["run", "w.yaml"]).code, 1);
    place.make("mended", "");
    assert_eq!(place.say(&["runs", "retry", &place.id(0)]).code, 0);
    assert_eq!(place.ledger(), ["look"; 4]);
}

#[test]
fn what_is_asked_for_runs_whatever_has_been_done_before() {
    let place = Place::with("workflow: w\ntasks:\n  a: {run: echo ran >> ledger, cache: {key: 1}}\n");
    for words in [&["run", "w.yaml"][..], &["run", "w.yaml"]] {
        assert_eq!(place.say(words).code, 0);
    }
    assert_eq!(place.ledger(), ["ran"]);
    let said = place.say(&["runs", "retry", &place.id(0), "--from", "a"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(place.ledger(), ["ran"]);
}

#[test]
fn a_secret_that_nobody_knows_is_refused_and_not_shown() {
    let place = Place::with(
        "workflow: w\ninputs: {who: {type: secret}}\ntasks:\n  a: {run: exit 1, env: {T: '${{ inputs.who }}'}}\n",
    );
    place.make("myrmex.yaml", "secrets: {KNOWN: {command: [echo, x]}}\n");
    assert_eq!(place.say(&["run", "w.yaml", "-i", "who=KNOWN"]).code, 1);
    let said = place.say(&["runs", "retry", &place.id(0), "-i", "who=ghp_canary"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let shown = [said.stdout, said.stderr, place.say(&["events"]).stdout].concat();
    assert!(!shown.contains("ghp_canary"), "{shown}");
}

#[test]
fn a_retry_tells_of_runs_that_were_interrupted() {
    let long = "workflow: long\ntasks:\n  a: {run: sleep 1000}\n";
    let place = Place::with("workflow: w\ntasks:\n  a: {run: test -e mended}\n");
    place.make("long.yaml", long);
    assert_eq!(place.say(&["run", "w.yaml", "-q"]).code, 1);
    let mut live = Live::start(place.0.myrmex(&["run", "long.yaml", "--json"]), "long");
    assert!(poll(PATIENCE, || live.has_printed() || live.is_over()));
    live.kill();
    live.finish();
    let said = place.say(&["runs", "retry", &place.id(0)]);
    let expected = "a run was interrupted before and waits for `myrmex runs resume`";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
    let quiet = place.say(&["runs", "retry", &place.id(0), "-q"]);
    assert!(!quiet.stderr.contains(expected), "{}", quiet.stderr);
}

#[test]
fn an_item_may_be_written_as_its_key_is_or_as_it_is_printed() {
    let place = Place::with("workflow: w\ntasks:\n  each: {for_each: {a/b: 1, c: 2}, set: '${{ item }}'}\n");
    place.say(&["run", "w.yaml"]);
    for written in ["each[a/b]", "each[a%2Fb]"] {
        let (code, summary) = place.summary(&["runs", "retry", &place.id(0), "--item", written]);
        assert_eq!(code, 0);
        assert_eq!(summary["tasks"]["each[a%2Fb]"].get("taken_from"), None, "{written}");
        assert_eq!(summary["tasks"]["each[c]"]["taken_from"], json!(place.id(0)), "{written}");
    }
}
