//! What somebody meets in the first hours: what is missing and where it was looked for, secrets that nobody gave, runs that were
//! cut off. Whole outputs of the command.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;

/// A workspace with files in folders.
fn workspace(files: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::with(&[("myrmex.yaml", "")]);
    for (name, text) in files {
        let path = workspace.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    workspace
}

const TOOLS: &str = "actions:\n  greet: {version: 1.0.0, run: echo hello, timeout: 1m}\n";

const CALLS: &str = "workflow: main\ntasks:\n  a: {workflow: deplyo}\n  b: {workflow: nothing-like-it}\n  \
                     c: {workflow: ship}\n";

#[test]
fn a_workflow_that_is_not_found_is_told_with_where_it_was_looked_for() {
    let kid = "workflow: deploy\ntasks: {a: {set: 1}}\n";
    let other = "workflow: release\ntasks: {a: {set: 1}}\n";
    let files = [("main.yaml", CALLS), ("workflows/deploy.yaml", kid), ("workflows/ship.yaml", other)];
    let shown = workspace(&files).run(&["check", "main.yaml"]);
    let expected = "\
error[E0601]: there is no workflow `deplyo`: no file in `.` or in `workflows` begins with `workflow: deplyo`
 --> main.yaml:3:17
  |
3 |   a: {workflow: deplyo}
  |                 ^^^^^^
hint: did you mean `deploy`?

error[E0601]: there is no workflow `nothing-like-it`: no file in `.` or in `workflows` begins with `workflow: nothing-like-it`
 --> main.yaml:4:17
  |
4 |   b: {workflow: nothing-like-it}
  |                 ^^^^^^^^^^^^^^^
hint: put its file there, such as `workflows/nothing-like-it.yaml`

error[E0601]: there is no workflow `ship`: no file in `.` or in `workflows` begins with `workflow: ship`
 --> main.yaml:5:17
  |
5 |   c: {workflow: ship}
  |                 ^^^^
hint: did you mean `release`, as `workflows/ship.yaml` calls it?

3 errors
";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
}

#[test]
fn a_file_elsewhere_is_told_the_folders_in_full() {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("main.yaml");
    std::fs::write(&file, "workflow: main\ntasks:\n  a: {workflow: kid}\n  b: {use: tools/greet@1}\n")
        .unwrap();
    let workspace = workspace(&[]);
    let shown = workspace.run(&["check", file.to_str().unwrap()]);
    let (outside, root) = (outside.path().display(), workspace.path().display());
    let root = root.to_string();
    assert!(
        shown
            .stderr
            .contains(&format!("no file in `{outside}` or in `workflows` begins with `workflow: kid`")),
        "{}",
        shown.stderr
    );
    let below = workspace.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let shown = said::Said::of(
        std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"))
            .args(["check"])
            .arg(&file)
            .current_dir(below),
    );
    assert!(shown.stderr.contains(&format!("no file `tools.yaml` in `{root}/actions`")), "{}", shown.stderr);
}

#[test]
fn a_library_or_an_action_that_is_not_found_is_told_with_where_it_was_looked_for() {
    let uses = "workflow: main\ntasks:\n  a: {use: toolz/greet@1}\n  b: {use: nothing-like-it/run@1}\n  \
                c: {use: tools/great@1}\n  d: {use: tools/unlike@1}\n";
    let shown = workspace(&[("main.yaml", uses), ("actions/tools.yaml", TOOLS)]).run(&["check", "main.yaml"]);
    let expected = "\
error[E0609]: there is no library `toolz`: no file `toolz.yaml` in `actions`
 --> main.yaml:3:12
  |
3 |   a: {use: toolz/greet@1}
  |            ^^^^^^^^^^^^^
hint: did you mean `tools`?

error[E0609]: there is no library `nothing-like-it`: no file `nothing-like-it.yaml` in `actions`
 --> main.yaml:4:12
  |
4 |   b: {use: nothing-like-it/run@1}
  |            ^^^^^^^^^^^^^^^^^^^^^
hint: write `run` under `actions:` of `actions/nothing-like-it.yaml`

error[E0609]: the library `tools`, the file `actions/tools.yaml`, has no action `great`
 --> main.yaml:5:12
  |
5 |   c: {use: tools/great@1}
  |            ^^^^^^^^^^^^^
hint: did you mean `greet`?

error[E0609]: the library `tools`, the file `actions/tools.yaml`, has no action `unlike`
 --> main.yaml:6:12
  |
6 |   d: {use: tools/unlike@1}
  |            ^^^^^^^^^^^^^^
hint: use one that it has: `greet`

4 errors
";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
}

#[test]
fn a_secret_input_that_is_missing_is_told_with_how_secrets_are_given() {
    let workflow = "workflow: w\ninputs: {token: {type: secret}, n: {type: integer}}\n\
                    tasks:\n  a: {run: 'true', env: {T: '${{ inputs.token }}', N: '${{ inputs.n }}'}}\n";
    let shown = workspace(&[("w.yaml", workflow)]).run(&["run", "w.yaml", "-i", "n=1"]);
    let expected = "\
error[X0102]: an input is missing or wrong
  because: the input `token` (secret) is required
hint: give inputs with `-i NAME=VALUE` or `--input-file FILE`; `w` takes `token` (secret), `n` (integer); of a secret give the \
name, as `-i token=NAME`, never the value: that comes from the variable MYRMEX_SECRET_NAME, or from where `secrets` in \
myrmex.yaml says
";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
}

/// Half of the work is done before the secrets are needed, in a task and in a workflow that is called.
const HALF: &str = "workflow: main
inputs: {env: {type: string, default: dev}, key: {type: secret, default: OWN_KEY}}
tasks:
  first: {run: touch done}
  push: {needs: first, run: 'true', env: {T: 'x${{ secrets.PUSH_TOKEN }}', S: '${{ secrets.SHORT }}'}}
  prod: {needs: first, if: inputs.env == 'prod', run: 'true', secrets: [PROD_TOKEN]}
  told: {needs: prod, run: 'true', secrets: [AFTER_PROD]}
  kid: {needs: push, workflow: kid, with: {key: '${{ inputs.key }}'}}
  asked: {needs: push, use: tools/ask@1, with: {key: '${{ inputs.key }}'}}
on_failure: {run: 'true', secrets: [ALARM_TOKEN]}
";

const KID: &str = "workflow: kid
inputs: {key: {type: secret}}
tasks:
  a: {run: 'true', env: {K: '${{ inputs.key }}', L: '${{ secrets.KID_TOKEN }}'}}
";

const ASK: &str = "actions:\n  ask:\n    version: 1.0.0\n    inputs: {key: {type: secret}}\n    run: 'true'\n    \
                   env: {K: '${{ inputs.key }}'}\n";

const SETTINGS: &str = "secrets:
  OWN_KEY: {file: own.key}
  SHORT: {file: short}
  ALARM_TOKEN: {command: [no-such-program-here, read]}
";

#[test]
fn secrets_that_are_missing_are_all_told_before_anything_begins() {
    let files = [
        ("main.yaml", HALF),
        ("kid.yaml", KID),
        ("actions/tools.yaml", ASK),
        ("myrmex.yaml", SETTINGS),
        ("short", "ab"),
    ];
    let workspace = workspace(&files);
    let shown = workspace.run(&["run", "main.yaml"]);
    let expected = "\
error[E0702]: the secret `OWN_KEY` is missing
 --> actions/tools.yaml:6:19
  |
6 |     env: {K: '${{ inputs.key }}'}
  |                   ^^^^^^^^^^ `ask` needs it
hint: `myrmex.yaml` takes it from the file `ROOT/own.key`, which does not exist

error[E0702]: the secret `KID_TOKEN` is missing
 --> kid.yaml:4:58
  |
4 |   a: {run: 'true', env: {K: '${{ inputs.key }}', L: '${{ secrets.KID_TOKEN }}'}}
  |                                                          ^^^^^^^^^^^^^^^^^ `a` needs it
hint: set the environment variable MYRMEX_SECRET_KID_TOKEN of myrmex, or say under `secrets` in `myrmex.yaml` where it comes from

error[E0702]: the secret `PUSH_TOKEN` is missing
 --> main.yaml:5:52
  |
5 |   push: {needs: first, run: 'true', env: {T: 'x${{ secrets.PUSH_TOKEN }}', S: '${{ secrets.SHORT }}'}}
  |                                                    ^^^^^^^^^^^^^^^^^^ `push` needs it
hint: set the environment variable MYRMEX_SECRET_PUSH_TOKEN of myrmex, or say under `secrets` in `myrmex.yaml` where it comes from

error[E0702]: the secret `SHORT` is shorter than 4 bytes and cannot be masked
 --> main.yaml:5:84
  |
5 |   push: {needs: first, run: 'true', env: {T: 'x${{ secrets.PUSH_TOKEN }}', S: '${{ secrets.SHORT }}'}}
  |                                                                                    ^^^^^^^^^^^^^ `push` needs it
hint: a text as short stands in every log by chance; choose a longer one

error[E0702]: the secret `ALARM_TOKEN` is missing
  --> main.yaml:10:1
   |
10 | on_failure: {run: 'true', secrets: [ALARM_TOKEN]}
   | ^^^^^^^^^^ `on_failure` needs it
hint: `myrmex.yaml` takes it from the command `no-such-program-here`, which is not installed

the run has not begun
";
    let stderr = shown.stderr.replace(&workspace.path().display().to_string(), "ROOT");
    assert_eq!((shown.code, stderr.as_str()), (2, expected));
    assert!(!workspace.path().join("done").exists() && !workspace.path().join(".myrmex/store.db").exists());
}

/// Runs `main.yaml` with these inputs and variables; returns the exit code and the first lines of what is said.
fn told(workflow: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, Vec<String>) {
    let workspace = workspace(&[("main.yaml", workflow)]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "main.yaml"]).args(arguments).current_dir(workspace.path()).env("NO_COLOR", "1");
    let said = said::Said::of(command.envs(variables.iter().copied()));
    let all = said.stderr + &said.stdout;
    let told = all.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning["));
    (said.code, told.map(str::to_owned).collect())
}

#[test]
fn a_secret_behind_a_condition_is_told_by_how_much_is_known_of_that() {
    let conditional = "workflow: main\ninputs: {env: {type: string, default: dev}}\ntasks:\n  \
                       a: {run: echo dev}\n  prod: {if: inputs.env == 'prod', run: 'true', secrets: [PROD]}\n  \
                       later: {if: tasks.a.output.stdout == 'prod', run: 'true', secrets: [LATER]}\n  \
                       after: {needs: later, run: 'true', secrets: [AFTER]}\n";
    let warnings =
        ["warning[W0701]: the secret `LATER` is missing", "warning[W0701]: the secret `AFTER` is missing"];
    assert_eq!(told(conditional, &[], &[]), (0, warnings.map(str::to_owned).to_vec()));
    assert_eq!(told(conditional, &["-q"], &[]), (0, Vec::new()));
    let (code, lines) = told(conditional, &["-i", "env=prod"], &[]);
    assert_eq!((code, lines[0].as_str()), (2, "error[E0702]: the secret `PROD` is missing"));
    let given = [
        ("MYRMEX_SECRET_PROD", "hunter2"),
        ("MYRMEX_SECRET_LATER", "hunter2"),
        ("MYRMEX_SECRET_AFTER", "hunter2"),
    ];
    assert_eq!(told(conditional, &["-i", "env=prod"], &given), (0, Vec::new()));
    let items = "workflow: main\ninputs: {to: {type: array, items: {type: string}}}\ntasks:\n  \
                 each: {for_each: '${{ inputs.to }}', run: 'true', secrets: [EACH]}\n";
    assert_eq!(told(items, &["-i", "to=[]"], &[]), (0, Vec::new()));
    assert_eq!(told(items, &["-i", "to=[\"a\"]"], &[]).0, 2);
    let jumps = "workflow: main\ndo:\n  - a: {set: {n: 1}}\n  - b: {switch: [{if: vars.n == 2, then: d}, {else: e}]}\n  \
                 - d: {run: 'true', secrets: [D]}\n  - e: {run: 'true', secrets: [E]}\n";
    let (code, lines) = told(jumps, &[], &[("MYRMEX_SECRET_E", "hunter2")]);
    assert_eq!((code, lines), (0, vec!["warning[W0701]: the secret `D` is missing".to_owned()]));
}

#[test]
fn a_secret_that_is_missing_is_told_as_json() {
    let workspace = workspace(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: 'true', secrets: [NO_SUCH]}\n")]);
    let shown = workspace.run(&["run", "w.yaml", "--json"]);
    let problem = &shown.json()["diagnostics"][0];
    assert_eq!((shown.code, shown.stderr.as_str()), (2, ""));
    assert_eq!((&problem["code"], &problem["line"]), (&serde_json::json!("E0702"), &serde_json::json!(3)));
    let around = "workflow: w\ntasks:\n  b:\n    env: {T: 'x ${{ secrets.AROUND }}'}\n    tasks:\n      a: {run: 'true'}\n";
    std::fs::write(workspace.path().join("w.yaml"), around).unwrap();
    let problem = &workspace.json(&["run", "w.yaml", "--json"])["diagnostics"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&serde_json::json!(4), &serde_json::json!(21)));
}

#[test]
fn a_key_of_a_run_that_is_over_needs_no_secret_any_more() {
    let workspace = workspace(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: 'true', secrets: [GONE]}\n")]);
    let run = |secret: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(["run", "w.yaml", "-q", "--key", "k"]).current_dir(workspace.path());
        said::Said::of(command.envs(secret.map(|secret| ("MYRMEX_SECRET_GONE", secret)))).code
    };
    assert_eq!((run(None), run(Some("hunter2")), run(None)), (2, 0, 0));
}

#[test]
fn a_bad_file_is_told_as_json_by_run_as_by_check() {
    let files = [
        ("bad.yaml", "workflow: w\ntasks:\n  a: {runn: x}\n"),
        ("good.yaml", "workflow: g\ntasks: {a: {set: {n: 1}}}\n"),
    ];
    let workspace = workspace(&files);
    for file in ["bad.yaml", "none.yaml"] {
        let checked = workspace.run(&["check", "--format", "json", file]);
        let run = workspace.run(&["run", "--json", file]);
        assert_eq!((run.code, run.stderr.as_str()), (2, ""), "{file}");
        if file == "bad.yaml" {
            assert_eq!(run.stdout, checked.stdout);
        } else {
            assert_eq!(run.json()["diagnostics"][0]["code"], checked.json()["diagnostics"][0]["code"]);
        }
    }
    assert_eq!(workspace.run(&["run", "good.yaml", "-q"]).code, 0);
    let run = workspace.newest();
    let retry = workspace.run(&["runs", "retry", &run, "--to", "bad.yaml", "--json"]);
    assert_eq!((retry.code, &retry.json()["diagnostics"][0]["code"]), (2, &serde_json::json!("E0202")));
}

#[test]
fn a_limit_of_time_is_told_in_one_line_that_names_it() {
    let workflow = "workflow: w\ntasks:\n  long: {run: sleep 9, timeout: {total: 100ms}, continue_on_error: false}\n  \
                    holds: {run: sleep 2, lock: l, timeout: 1m}\n  \
                    queued: {run: sleep 9, lock: l, needs: {before: succeeded}, timeout: {queue: 100ms}}\n  \
                    before: {wait: 100ms}\n  \
                    again: {run: sleep 9, timeout: {total: 100ms}, retry: {attempts: 2, delay: 1ms}}\n";
    let shown = workspace(&[("w.yaml", workflow)]).run(&["run", "w.yaml", "--slots", "8"]);
    let timed_out: Vec<_> = shown.stderr.lines().filter(|line| line.contains("timed out")).collect();
    let of = |task: &str| {
        let own: Vec<_> = timed_out.iter().filter(|line| line.contains(&format!("  {task}  "))).collect();
        assert_eq!(own.len(), 1, "{task}: {}", shown.stderr);
        own[0].rsplit("  ").next().unwrap().to_owned()
    };
    assert_eq!(of("long"), "took longer in all than 100ms (`timeout: {total: …}`)");
    assert_eq!(of("again"), "took longer in all than 100ms (`timeout: {total: …}`)");
    assert_eq!(of("queued"), "waited for a place longer than 100ms (`timeout: {queue: …}`)");
}

/// A run that was killed while an item of a list was under way.
fn killed() -> (Workspace, String) {
    let workflow = "workflow: w\ntasks:\n  first: {run: echo one, timeout: 1m}\n  \
                    each: {needs: first, for_each: 3, run: 'test \"$N\" != 2 || { echo x >begun; exec sleep 600; }', \
                    env: {N: '${{ item }}'}, max_parallel: 1}\n  after: {needs: each, run: echo done}\n";
    let workspace = workspace(&[("w.yaml", workflow)]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml", "-q"]).current_dir(workspace.path());
    let mut child = command.spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !workspace.path().join("begun").exists() {
        assert!(std::time::Instant::now() < deadline, "the task never began");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while workspace.json(&["runs", "list", "--json"])["runs"][0]["interrupted"] != true {
        assert!(std::time::Instant::now() < deadline, "the store stays held");
    }
    let run = workspace.newest();
    (workspace, run)
}

#[test]
fn what_was_under_way_when_a_run_was_cut_off_is_told_as_interrupted() {
    let (workspace, run) = killed();
    let shown = workspace.json(&["runs", "show", &run, "--json"]);
    let item = &shown["tasks"]["each[2]"];
    assert_eq!(
        (&item["status"], &item["interrupted"]),
        (&serde_json::json!("running"), &serde_json::json!(true))
    );
    assert_eq!(
        (&item["took_ms"], &shown["tasks"]["after"]["interrupted"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    // The item was granted with the last event, so nothing is known of its time; of the whole list something is.
    assert_eq!(item["so_far_ms"], 0);
    let text = workspace.run(&["runs", "show", &run]).stdout;
    let of = |task: &str| text.lines().find(|line| line.trim_start().starts_with(task)).unwrap().trim_start();
    assert_eq!(of("status"), "status    interrupted; `runs resume` goes on");
    assert_eq!(of("[2]"), "[2]  interrupted         1");
    assert!(
        of("each").starts_with("each   interrupted         1  at least ") && of("each").ends_with(" ms"),
        "{text}"
    );
    assert!(of("took").starts_with("took      at least ") && of("took").ends_with(" ms"), "{text}");
    assert_eq!(of("after"), "after  pending");
    let task = workspace.run(&["runs", "show", &run, "--task", "each[2]"]).stdout;
    assert!(task.contains("\nstatus    interrupted\n") && !task.contains("\ntook "), "{task}");
}

#[test]
fn why_says_what_was_running_when_a_run_stopped() {
    let (workspace, run) = killed();
    let short = &run[..13];
    let expected = format!(
        "run {short} was interrupted, nobody works on it: `myrmex runs resume {short}` goes on\n\
         `after` waits for `each`\n`each[2]` was running when it stopped, attempt 1\n"
    );
    assert_eq!(workspace.run(&["why", &run]).stdout, expected);
}

#[test]
fn a_task_from_the_cache_names_the_run_that_it_comes_from() {
    let workflow = "workflow: w\ntasks:\n  a: {run: echo made, cache: {}, timeout: 1m}\n";
    let workspace = workspace(&[("w.yaml", workflow)]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 0);
    let first = workspace.newest();
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 0);
    let second = workspace.newest();
    let shown = workspace.run(&["runs", "show", &second]).stdout;
    let row = shown.lines().find(|line| line.starts_with("a ")).unwrap();
    assert!(
        row.starts_with("a     cached") && row.contains(&format!("  from run {}  {{", &first[..13])),
        "{shown}"
    );
    let task = workspace.run(&["runs", "show", &second, "--task", "a"]).stdout;
    assert!(
        task.contains("\nstatus    cached\n") && task.contains(&format!("\ncached    from run {first}\n")),
        "{task}"
    );
    assert_eq!(
        workspace.json(&["runs", "show", &second, "--task", "a", "--json"])["cached_from"],
        first.as_str()
    );
}

#[test]
fn all_edges_of_a_cycle_are_in_every_form() {
    let cycle =
        "workflow: w\ntasks:\n  a: {run: x, needs: b}\n  b: {run: x, needs: c}\n  c: {run: x, needs: a}\n";
    let workspace = workspace(&[("w.yaml", cycle)]);
    let text = workspace.run(&["check", "w.yaml"]).stderr;
    let edges = ["`a` needs `b`", "`b` needs `c`", "`c` needs `a`"];
    assert!(edges.iter().all(|edge| text.contains(edge)), "{text}");
    let json = workspace.json(&["check", "--format", "json", "w.yaml"]);
    let problem = &json["diagnostics"][0];
    assert_eq!(problem["label"], "`a` needs `b`");
    let of = |related: &serde_json::Value| {
        (related["label"].clone(), related["line"].clone(), related["column"].clone())
    };
    let related: Vec<_> = problem["related"].as_array().unwrap().iter().map(of).collect();
    let expected = [("`b` needs `c`", 4, 22), ("`c` needs `a`", 5, 22)];
    assert_eq!(related, expected.map(|(label, line, column)| (label.into(), line.into(), column.into())));
    assert_eq!(problem["related"][0]["file"], "w.yaml");
    let github = workspace.run(&["check", "--format", "github", "w.yaml"]).stdout;
    assert_eq!(
        github,
        "::error file=w.yaml,line=3,col=22,endLine=3,endColumn=23,title=E0207::dependency cycle between tasks: a -> b -> c -> a\
         %0Aw.yaml:3:22: `a` needs `b`%0Aw.yaml:4:22: `b` needs `c`%0Aw.yaml:5:22: `c` needs `a`\
         %0Ahint: remove one of these dependencies\n"
    );
    let sarif: serde_json::Value =
        serde_json::from_str(&workspace.run(&["check", "--format", "sarif", "w.yaml"]).stdout).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["message"]["text"], edges[0]);
    for (place, edge) in result["relatedLocations"].as_array().unwrap().iter().zip(&edges[1..]) {
        assert_eq!(place["message"]["text"], *edge);
    }
}

#[test]
fn of_many_problems_of_one_code_people_see_the_first_and_how_many_there_are() {
    let tasks: Vec<String> = (0..50).map(|number| format!("  t{number}: {{runn: x}}\n")).collect();
    let workflow = format!("workflow: w\ntasks:\n{}  z: {{run: x, needs: none}}\n", tasks.concat());
    let workspace = workspace(&[("w.yaml", &workflow)]);
    let text = workspace.run(&["check", "w.yaml"]).stderr;
    assert_eq!(text.matches("error[E0202]: unknown key `runn`").count(), 20);
    assert!(
        text.contains("\nand 30 more of E0202 in `w.yaml` (`myrmex check --format json` shows all)\n"),
        "{text}"
    );
    assert!(text.contains("error[E0209]"), "the others are not lost: {text}");
    let json = workspace.json(&["check", "--format", "json", "w.yaml"]);
    let all = json["diagnostics"].as_array().unwrap().iter().filter(|found| found["code"] == "E0202");
    assert_eq!(all.count(), 50);
}

#[test]
fn nothing_after_the_last_event_is_said_plainly() {
    let workspace = workspace(&[("w.yaml", "workflow: w\ntasks: {a: {set: {n: 1}}}\n")]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 0);
    // A token names a log; the run is in one of several.
    let log = workspace.json(&["events"])["log"].to_string();
    let (beyond, run) = (format!("{log}:9999"), workspace.newest());
    let shown = workspace.run(&["events", "--after", &beyond]);
    let expected = format!("there is no event after {beyond}\n");
    assert_eq!((shown.code, shown.stdout, shown.stderr), (0, String::new(), expected));
    let shown = workspace.run(&["events", "--run", &run, "--after", &beyond]);
    let expected = format!("there is no event of the run after {beyond}\n");
    assert_eq!((shown.code, shown.stdout, shown.stderr), (0, String::new(), expected));
    assert_eq!(workspace.run(&["events", "--after", &format!("{log}:1")]).stderr, "");
}

#[test]
fn a_quiet_run_that_succeeds_says_nothing_and_one_that_fails_all() {
    let kid = ("kid.yaml", "workflow: kid\ntasks:\n  a: {run: sleep 0.2}\n");
    let loud = "yes | head -c 2000000";
    let workflow = |then: &str| {
        format!(
            "workflow: w\ntasks:\n  d: {{workflow: kid, wait: false}}\n  a: {{run: \"{loud}\"}}\n  b: {{needs: a, run: {then}}}\n"
        )
    };
    let (good, bad) = (workflow("'true'"), workflow("exit 1"));
    let workspace = workspace(&[("good.yaml", &good), ("bad.yaml", &bad), kid]);
    let shown = workspace.run(&["run", "good.yaml", "-q", "--data-dir", "elsewhere"]);
    assert_eq!((shown.code, shown.stdout.as_str(), shown.stderr.as_str()), (0, "", ""));
    let shown = workspace.run(&["run", "bad.yaml", "-q", "--data-dir", "elsewhere"]);
    assert!(shown.code == 1 && shown.stderr.starts_with("`a` printed more than 1 MiB"), "{}", shown.stderr);
    let loud = workspace.run(&["run", "good.yaml", "--data-dir", "elsewhere"]);
    assert!(loud.stderr.contains("`a` printed more than 1 MiB"), "{}", loud.stderr);
}

#[test]
fn an_artifact_of_a_failed_task_that_holds_a_secret_is_not_dropped_in_silence() {
    let workflow = "workflow: w\ntasks:\n  a:\n    run: 'echo \"$TOKEN\" >out; echo fine >good; exit 3'\n    secrets: [TOKEN]\n    \
                    artifacts: {out: out, good: good, none: none}\n    timeout: 1m\n";
    let workspace = workspace(&[("w.yaml", workflow)]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command
        .args(["run", "w.yaml"])
        .current_dir(workspace.path())
        .env("MYRMEX_SECRET_TOKEN", "hunter2-and-more");
    let shown = said::Said::of(&mut command);
    let why = "the artifact `out` holds a secret and is not stored";
    let told: Vec<_> = shown.stderr.lines().filter(|line| line.contains("not kept")).collect();
    assert_eq!((shown.code, told), (1, vec![format!("  not kept  a  {why}").as_str()]), "{}", shown.stderr);
    let run = workspace.newest();
    let task = workspace.run(&["runs", "show", &run, "--task", "a"]).stdout;
    assert!(task.contains(&format!(": exit code 3\n           not kept: {why}\n")), "{task}");
    let task = workspace.json(&["runs", "show", &run, "--task", "a", "--json"]);
    assert_eq!(task["history"][0]["unkept"], serde_json::json!([why]));
    assert_eq!(task["artifacts"]["good"]["name"], "good");
    assert!(workspace.run(&["events", "--run", &run]).stdout.contains(why));
}

#[test]
fn files_that_do_not_say_that_they_are_workflows_are_named() {
    let good = "workflow: ok\ntasks: {a: {run: 'true', timeout: 1m}}\n";
    let slip = "# Says hello.\nworklow: hello\ntasks: {a: {runn: x}}\n";
    let workspace = Workspace::with(&[
        ("ok.yaml", good),
        ("hello.yaml", slip),
        ("ci.yml", "on: push\njobs: {}\n"),
        ("old.yml", "name: old\ntasks: {}\n"),
        ("package.json", "{}"),
    ]);
    let said = workspace.run(&["check"]);
    assert_eq!(said.code, 0);
    for part in [
        "note[N0001]: it is not checked",
        "hello.yaml",
        "did you mean `workflow` in its first line?",
        "old.yml",
        "1 file without errors",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    let found = workspace.json(&["check", ".", "--format", "json"]);
    let found = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["code"].as_str(), one["file"].as_str()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(Some("N0001"), Some("hello.yaml")), (Some("N0001"), Some("old.yml"))]
    );
    assert_eq!(workspace.run(&["check", "hello.yaml"]).code, 2, "by its name it is checked");
}
