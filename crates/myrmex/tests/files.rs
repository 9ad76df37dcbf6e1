//! Files as values: given to a run, given by its tasks, passed between runs, and copied out again.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::{Ended, Live, PATIENCE, Workspace, poll};

/// Runs the binary to its end.
fn run(workspace: &Workspace, words: &[&str]) -> Ended {
    Live::start(workspace.myrmex(words), "files").wait()
}

/// Runs a workflow and returns its summary.
#[track_caller]
fn summary(workspace: &Workspace, words: &[&str]) -> Value {
    let ended = run(workspace, &[&["run", "--json"], words].concat());
    ended.summary().unwrap_or_else(|| panic!("no summary: {}", ended.errors))
}

/// Returns the files below a folder of the data directory.
fn below(workspace: &Workspace, folder: &str) -> Vec<PathBuf> {
    let mut open = vec![workspace.data().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { open.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files
}

/// The SHA-256 of `data\n`.
const DATA_HASH: &str = "6667b2d1aab6a00caa5aee5af8ad9f1465e567abf1c209d15727d57b3e8f6e5f";

const READS: &str = r#"workflow: reads
inputs: {data: {type: file}, extra: {type: file, default: beside.txt}, more: {type: file, required: false}}
tasks:
  env: {run: 'cat "$D" "$E"; stat -c %a "$D"', env: {D: '${{ inputs.data }}', E: '${{ inputs.extra }}'}}
  text: {run: {command: [sh, -c, 'cat "${1#--in=}"', sh, '--in=${{ inputs.data }}']}}
  both: {run: 'cat "${B%:*}" "${B#*:}"', env: {B: '${{ inputs.data }}:${{ inputs.extra }}'}}
  list: {run: 'echo "$L"', env: {L: '${{ [inputs.data] }}'}}
outputs: {data: '${{ inputs.data }}', size: '${{ inputs.data.size }}', more: '${{ inputs.more }}'}
"#;

#[test]
fn files_are_given_by_path_and_reach_tasks_as_paths() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path("flows")).unwrap();
    let workspace = workspace
        .with_file("flows/reads.yaml", READS)
        .with_file("flows/beside.txt", "beside\n")
        .with_file("data.txt", "data\n")
        .with_file("inputs.json", r#"{"data": "data.txt", "extra": "data.txt"}"#);
    let file = json!({"name": "data.txt", "size": 5, "hash": DATA_HASH});
    let given = summary(&workspace, &["flows/reads.yaml", "-i", "data=./data.txt"]);
    assert_eq!(given["output"], json!({"data": file, "size": 5, "more": null}));
    assert_eq!(given["tasks"]["env"]["output"]["stdout"], "data\nbeside\n444");
    assert_eq!(given["tasks"]["text"]["output"]["stdout"], "data");
    assert_eq!(given["tasks"]["both"]["output"]["stdout"], "data\nbeside");
    assert_eq!(given["tasks"]["list"]["output"]["stdout"], json!([file]).to_string());
    let read = summary(&workspace, &["flows/reads.yaml", "--input-file", "inputs.json"]);
    assert_eq!(read["tasks"]["both"]["output"]["stdout"], "data\ndata");
    assert_eq!(below(&workspace, "files"), Vec::<PathBuf>::new(), "copies go with their run");
    assert_eq!(below(&workspace, "taking"), Vec::<PathBuf>::new());
}

#[test]
fn what_is_wrong_with_files_is_told_before_anything_begins() {
    let workspace = Workspace::new().with_file("reads.yaml", READS).with_file("beside.txt", "");
    let said = |words: &[&str]| {
        let ended = run(&workspace, &[&["run", "reads.yaml"], words].concat());
        assert_eq!((ended.status.code(), ended.lines.len()), (Some(2), 0));
        ended.errors
    };
    let hint = "hint: give inputs with `-i NAME=VALUE` or `--input-file FILE`; `reads` takes `data` (file), `extra` (file), \
                `more` (file)\n";
    assert_eq!(
        said(&["-i", "data=none.txt", "-i", "extra=.", "-i", "more=/dev/null"]),
        format!(
            "error[X0102]: 3 inputs are missing or wrong\n  \
             because: the input `data`: `none.txt` is not there\n  \
             because: the input `extra`: `.` is a folder; pack it into one file\n  \
             because: the input `more`: `/dev/null` is no regular file\n{hint}"
        )
    );
    assert_eq!(
        said(&[]),
        format!(
            "error[X0102]: an input is missing or wrong\n  because: the input `data` (file) is required\n{hint}"
        )
    );
    // Nothing but a name takes place on a disk.
    File::create(workspace.path("large")).unwrap().set_len((16 << 30) + 1).unwrap();
    let large = said(&["-i", "data=large"]);
    assert!(large.contains("because: the input `data`: `large` is larger than 16 GiB\n"), "{large}");
    assert!(!workspace.data().exists(), "nothing was begun");
}

#[test]
fn a_key_stands_for_the_content_of_files() {
    let workspace = Workspace::new()
        .with_file("reads.yaml", READS)
        .with_file("beside.txt", "")
        .with_file("data.txt", "data\n");
    let words = ["reads.yaml", "--key", "k", "-i", "data=data.txt"];
    let first = summary(&workspace, &words);
    let kept = below(&workspace, "blobs").len();
    assert_eq!(summary(&workspace, &words)["run"], first["run"]);
    fs::write(workspace.path("data.txt"), "other\n").unwrap();
    let ended = run(&workspace, &[&["run"], &words[..]].concat());
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.errors.starts_with("error[X0106]: the key was used for run "), "{}", ended.errors);
    assert_eq!(below(&workspace, "blobs").len(), kept, "what is only compared is not kept");
}

#[test]
fn outputs_of_type_file_are_kept() {
    let workspace = Workspace::new().with_file(
        "w.yaml",
        r#"workflow: w
tasks:
  line:
    run: 'mkdir build; echo report >build/r.html; echo report=build/r.html >>"$MYRMEX_OUTPUT"; echo n=3 >>"$MYRMEX_OUTPUT"'
    outputs: {report: {type: file}, n: {type: integer}}
  whole: {needs: line, run: 'echo "{\"report\": \"$PWD/build/r.html\"}" >"$MYRMEX_OUTPUT"', outputs: {report: {type: file}}}
  folder: {needs: line, run: 'echo all=build >"$MYRMEX_OUTPUT"', outputs: {all: {type: file}}}
  read: {run: 'cat "$R"', env: {R: '${{ tasks.line.output.report }}'}}
  none: {run: 'echo report=nowhere >"$MYRMEX_OUTPUT"', outputs: {report: {type: file}}, continue_on_error: true}
  away: {run: 'echo report=/etc/hostname >"$MYRMEX_OUTPUT"', outputs: {report: {type: file}}, continue_on_error: true}
  number: {run: 'echo "{\"report\": 3}" >"$MYRMEX_OUTPUT"', outputs: {report: {type: file}}, continue_on_error: true}
  unset: {run: 'true', outputs: {report: {type: file}}, continue_on_error: true}
"#,
    );
    let summary = summary(&workspace, &["w.yaml"]);
    let output = |task: &str| summary["tasks"][task]["output"].clone();
    let error = |task: &str| summary["tasks"][task]["error"]["title"].as_str().unwrap_or_default().to_owned();
    assert_eq!(output("line")["n"], 3);
    assert_eq!(output("line")["report"]["name"], "r.html");
    assert_eq!(output("whole")["report"], output("line")["report"]);
    assert_eq!(output("folder")["all"]["name"], "all.tar");
    assert_eq!(output("read")["stdout"], "report");
    assert_eq!(error("none"), "the output `report` is missing: there is no `nowhere`");
    assert_eq!(error("away"), "the output `report` leads out of the workspace: `/etc/hostname`");
    assert_eq!(error("number"), "output `report`: expected file, found integer `3`");
    assert_eq!(error("unset"), "the declared output `report` was not written");
}

#[test]
fn a_large_output_can_be_copied_out() {
    let workspace = Workspace::new().with_file(
        "w.yaml",
        "workflow: w\ntasks:\n  large: {run: 'head -c 1100000 /dev/zero >$MYRMEX_OUTPUT'}\n",
    );
    let summary = summary(&workspace, &["w.yaml"]);
    let id = summary["run"].as_str().unwrap();
    let ended = run(&workspace, &["runs", "artifacts", id, "large/output", "--to", "copy", "--json"]);
    let written: Value = serde_json::from_str(&ended.lines.concat()).unwrap();
    let hash = &summary["tasks"]["large"]["output"]["hash"];
    let file = json!({"task": "large", "name": "output", "file": "output", "size": 1_100_000, "hash": hash, "path": "copy"});
    assert_eq!(written, file);
    assert_eq!(fs::read(workspace.path("copy")).unwrap(), vec![0; 1_100_000]);
}

#[test]
fn declared_outputs_that_are_too_large_say_what_to_do() {
    let workspace = Workspace::new().with_file(
        "w.yaml",
        r#"workflow: w
tasks:
  large:
    run: '{ printf text=; head -c 1100000 /dev/zero | tr "\0" x; } >"$MYRMEX_OUTPUT"'
    outputs: {text: {type: string}}
"#,
    );
    let summary = summary(&workspace, &["w.yaml"]);
    let error = &summary["tasks"]["large"]["error"];
    assert_eq!(error["type"], "data-limit");
    assert_eq!(error["title"], "the declared outputs are larger than 1 MiB together");
    assert_eq!(
        error["detail"],
        "write what is large to a file of its own, declare that output with `type: file`, and give its path"
    );
}

const PARENT: &str = r"workflow: parent
inputs: {data: {type: file}}
tasks:
  make: {run: echo made >made.txt, artifacts: {made: made.txt}}
  child: {workflow: child, with: {given: '${{ inputs.data }}', list: ['${{ tasks.make.artifacts.made }}']}}
  read: {run: 'cat $A $B', env: {A: '${{ tasks.child.output.report }}', B: '${{ tasks.child.output.given }}'}}
  block:
    env: {ALL: '--all=${{ inputs.data }}'}
    tasks:
      action: {use: files/show@1, with: {file: '${{ inputs.data }}'}}
    outputs: {said: '${{ tasks.action.output.stdout }}'}
";

const CHILD: &str = r"workflow: child
inputs: {given: {type: file}, list: {type: array, items: {type: file}}}
tasks:
  read: {run: 'cat $A $B >report.txt', env: {A: '${{ inputs.given }}', B: '${{ inputs.list[0] }}'}, artifacts: {report: report.txt}}
outputs: {report: '${{ tasks.read.artifacts.report }}', given: '${{ inputs.given }}'}
";

const ACTIONS: &str = r"actions:
  show: {version: 1.0.0, inputs: {file: {type: file}}, run: 'cat $F ${ALL#--all=}', env: {F: '${{ inputs.file }}'}}
";

#[test]
fn files_go_to_children_and_actions_and_back_and_belong_to_every_run_that_has_them() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path("actions")).unwrap();
    let workspace = workspace
        .with_file("parent.yaml", PARENT)
        .with_file("child.yaml", CHILD)
        .with_file("actions/files.yaml", ACTIONS)
        .with_file("data.txt", "data\n");
    let summary = summary(&workspace, &["parent.yaml", "-i", "data=data.txt"]);
    assert_eq!(summary["tasks"]["read"]["output"]["stdout"], "data\nmade\ndata", "{summary:#}");
    assert_eq!(summary["tasks"]["block"]["output"]["said"], "data\ndata");
    let listed = run(&workspace, &["runs", "list", "--json"]).lines.concat();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let child = listed["runs"].as_array().unwrap().iter().find(|run| run["workflow"] == "child").unwrap();
    // Each run has a name of its own for the content, which lies there once.
    let names = below(&workspace, "blobs");
    let of = |run: &Value| {
        let run = run.as_str().unwrap().to_owned();
        names.iter().filter(move |path| path.parent().unwrap().ends_with(&run)).count()
    };
    assert_eq!((of(&summary["run"]), of(&child["run"])), (3, 3));
    let of_child = names.iter().find(|path| path.parent().unwrap().ends_with(child["run"].as_str().unwrap()));
    fs::remove_dir_all(of_child.unwrap().parent().unwrap()).unwrap();
    let id = summary["run"].as_str().unwrap();
    let ended = run(&workspace, &["runs", "artifacts", id, "child/output.report", "--to", "out.txt"]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(fs::read_to_string(workspace.path("out.txt")).unwrap(), "data\nmade\n");
}

#[test]
fn secrets_and_files_stand_in_one_variable() {
    let workspace = Workspace::new().with_file("data.txt", "data\n").with_file(
        "w.yaml",
        r#"workflow: w
inputs: {data: {type: file}}
tasks:
  a: {run: 'cat "${X#*:}"; test "${X%%:*}" = hidden', env: {X: '${{ secrets.TOKEN }}:${{ inputs.data }}'}}
"#,
    );
    let mut command = workspace.myrmex(&["run", "--json", "w.yaml", "-i", "data=data.txt"]);
    command.env("MYRMEX_SECRET_TOKEN", "hidden");
    let summary = Live::start(command, "files").wait().summary().unwrap();
    assert_eq!(summary["tasks"]["a"]["output"]["stdout"], "data", "{summary:#}");
}

#[test]
fn artifacts_are_listed_and_copied_out() {
    let workspace = Workspace::new().with_file(
        "w.yaml",
        r#"workflow: w
tasks:
  build:
    run: 'mkdir out; echo app >out/app.bin; echo log >out/a.log; echo report=out/app.bin >"$MYRMEX_OUTPUT"'
    artifacts: {app: out/app.bin, logs: 'out/*.log'}
    outputs: {report: {type: file}}
  show: {set: '${{ tasks.build.artifacts.app }}'}
"#,
    );
    let summary = summary(&workspace, &["w.yaml"]);
    let id = summary["run"].as_str().unwrap();
    let hash = summary["tasks"]["build"]["artifacts"]["app"]["hash"].as_str().unwrap();
    let logs = &summary["tasks"]["build"]["artifacts"]["logs"];
    assert_eq!(logs["name"], "logs.tar");
    let listed = run(&workspace, &["runs", "artifacts", id]);
    assert_eq!(
        listed.lines,
        [
            "ARTIFACT             FILE              SIZE  HASH".to_owned(),
            format!("build/app            app.bin              4  {}", &hash[..12]),
            format!("build/logs           logs.tar          2048  {}", &logs["hash"].as_str().unwrap()[..12]),
            format!("build/output.report  app.bin              4  {}", &hash[..12]),
        ]
    );
    let json = run(&workspace, &["runs", "artifacts", id, "build/app", "--json"]).lines.concat();
    let app = json!({"task": "build", "name": "app", "file": "app.bin", "size": 4, "hash": hash});
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({"run": id, "artifacts": [app]}));
    let to = |words: &[&str]| {
        let ended = run(&workspace, &[&["runs", "artifacts", id], words].concat());
        (ended.status.code().unwrap(), ended.lines.concat() + &ended.errors)
    };
    assert_eq!(to(&["build/app", "--to", "copy"]), (0, "wrote `copy` (4 bytes)\n".into()));
    assert_eq!(fs::read_to_string(workspace.path("copy")).unwrap(), "app\n");
    fs::write(workspace.path("copy"), "mine").unwrap();
    assert_eq!(
        to(&["build/app", "--to", "copy"]),
        (2, "error[X0101]: `copy` is there already\nhint: `--force` replaces it\n".into())
    );
    assert_eq!(fs::read_to_string(workspace.path("copy")).unwrap(), "mine");
    assert_eq!(to(&["build/app", "--to", "copy", "--force"]), (0, "wrote `copy` (4 bytes)\n".into()));
    assert_eq!(to(&["build/logs", "--to", "."]).1, format!("wrote `./logs.tar` ({} bytes)\n", logs["size"]));
    assert_eq!(
        to(&["build/none"]),
        (
            2,
            format!(
                "error[X0103]: run {id} has no artifact `build/none`\nhint: there are `build/app`, `build/logs`, \
                 `build/output.report`\n"
            )
        )
    );
    assert_eq!(to(&["--to", "copy"]).0, 2, "all of them do not fit into one file");
    let left: Vec<_> =
        fs::read_dir(workspace.root()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

/// A blob that is damaged or gone is told with the exit of a damaged store, and no file is made.
#[test]
fn a_damaged_artifact_is_not_copied_out() {
    let workspace = Workspace::new().with_file(
        "w.yaml",
        "workflow: w\ntasks:\n  build: {run: echo app >app.bin, artifacts: {app: app.bin}}\n",
    );
    let summary = summary(&workspace, &["w.yaml"]);
    let id = summary["run"].as_str().unwrap();
    let blob = below(&workspace, "blobs").remove(0);
    fs::write(&blob, "App\n").unwrap();
    let ended = run(&workspace, &["runs", "artifacts", id, "build/app", "--to", "copy"]);
    assert_eq!(ended.status.code(), Some(7), "{}", ended.errors);
    fs::remove_file(&blob).unwrap();
    let ended = run(&workspace, &["runs", "artifacts", id, "build/app", "--to", "copy"]);
    assert_eq!(ended.status.code(), Some(7), "{}", ended.errors);
    assert!(!workspace.path("copy").exists());
}

const HOSTS: &str = r#"workflow: hosts
inputs: {hosts: {type: file, default: hosts.txt}}
tasks:
  ping:
    for_each: ${{ inputs.hosts }}
    as: host
    run: echo "$HOST" >>"$LEDGER"; test "$HOST" != stop || test -e go
    env: {HOST: '${{ host }}', LEDGER: ledger.txt}
    max_parallel: 1
    fail_fast: true
"#;

/// What a `for_each` goes over is the content that the run keeps, whatever becomes of the file.
#[test]
fn lines_of_a_file_are_items_and_a_retry_compares_them() {
    let workspace =
        Workspace::new().with_file("hosts.yaml", HOSTS).with_file("hosts.txt", "a\n\nb\r\nstop\nc");
    let ledger = || fs::read_to_string(workspace.path("ledger.txt")).unwrap_or_default();
    let first = summary(&workspace, &["hosts.yaml"]);
    assert_eq!((first["status"].as_str(), ledger().as_str()), (Some("failed"), "a\n\nb\nstop\n"));
    assert_eq!(first["tasks"]["ping[2]"]["status"], "succeeded");
    // The retry keeps the content of the run, and takes over what is the same line at the same place.
    fs::write(workspace.path("hosts.txt"), "other\n").unwrap();
    fs::write(workspace.path("go"), "").unwrap();
    fs::remove_file(workspace.path("ledger.txt")).unwrap();
    let id = first["run"].as_str().unwrap();
    let ended = run(&workspace, &["runs", "retry", "--json", id]);
    assert_eq!((ended.status.code(), ledger().as_str()), (Some(0), "stop\nc\n"), "{}", ended.errors);
    fs::write(workspace.path("hosts.txt"), "a\nx\nb\nstop\n").unwrap();
    fs::remove_file(workspace.path("ledger.txt")).unwrap();
    let ended = run(&workspace, &["runs", "retry", "--json", id, "-i", "hosts=hosts.txt"]);
    assert_eq!((ended.status.code(), ledger().as_str()), (Some(0), "x\nstop\n"), "{}", ended.errors);
}

#[test]
fn lines_come_back_after_a_kill_and_from_artifacts() {
    let workflow = r#"workflow: w
tasks:
  list: {run: 'seq 20000 | sed s/^/line-of-some-length-/ >list.txt', artifacts: {list: list.txt}}
  each:
    needs: list
    for_each: ${{ tasks.list.artifacts.list }}
    max_parallel: 4
    set: ${{ item ~ '/' ~ index }}
  stop: {needs: each, run: 'echo $$ >stopped; test -e go || sleep 600'}
  again: {needs: stop, for_each: '${{ tasks.list.artifacts.list }}', set: '${{ index ~ "/" ~ item }}'}
outputs:
  first: ${{ tasks.each.output[0] }}
  last: ${{ tasks.each.output[19999] }}
  count: ${{ tasks.again.output | length }}
  same: ${{ tasks.again.output[12345] }}
"#;
    let workspace = Workspace::new().with_file("w.yaml", workflow);
    let mut live = Live::start(workspace.myrmex(&["run", "w.yaml"]), "files");
    let is_stopped = || fs::read_to_string(workspace.path("stopped")).is_ok_and(|pid| pid.ends_with('\n'));
    assert!(poll(PATIENCE, is_stopped), "{}", live.errors());
    live.kill();
    fs::write(workspace.path("go"), "").unwrap();
    let listed = run(&workspace, &["runs", "list", "--json"]).lines.concat();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let ended = run(&workspace, &["runs", "resume", "--json", listed["runs"][0]["run"].as_str().unwrap()]);
    let summary = ended.summary().unwrap_or_else(|| panic!("no summary: {}", ended.errors));
    let nth = |number: u32| format!("line-of-some-length-{number}");
    let first = format!("{}/0", nth(1));
    let last = format!("{}/19999", nth(20_000));
    let same = format!("12345/{}", nth(12_346));
    assert_eq!(summary["output"], json!({"first": first, "last": last, "count": 20_000, "same": same}));
}

/// The files of a map are items with keys, each of them goes to a child, and there its lines are items.
#[test]
fn lines_are_items_within_items_and_in_children() {
    let parent = r"workflow: parent
inputs: {a: {type: file, default: a.txt}, b: {type: file, default: b.txt}}
tasks:
  each:
    for_each: {a: '${{ inputs.a }}', b: '${{ inputs.b }}'}
    as: file
    tasks:
      here: {for_each: '${{ file }}', set: '${{ [file.name, item, index] }}'}
      twice:
        for_each: ${{ inputs.a }}
        as: outer
        tasks:
          inner: {for_each: '${{ inputs.a }}', set: '${{ outer ~ item }}'}
        outputs: {all: '${{ tasks.inner.output }}'}
      there: {workflow: child, with: {list: '${{ file }}'}}
    outputs:
      here: ${{ tasks.here.output }}
      twice: ${{ tasks.twice.output }}
      there: ${{ tasks.there.output.lines }}
      back: ${{ tasks.there.output.back }}
  back: {for_each: '${{ tasks.each.output[1].back }}', set: '${{ item }}'}
outputs: {each: '${{ tasks.each.output }}', back: '${{ tasks.back.output }}'}
";
    let child = "workflow: child\ninputs: {list: {type: file}}\ntasks:\n  \
                 each: {for_each: '${{ inputs.list }}', set: '${{ item }}'}\n  \
                 make: {run: 'echo made >made.txt', artifacts: {made: made.txt}}\n\
                 outputs: {lines: '${{ tasks.each.output }}', back: '${{ tasks.make.artifacts.made }}'}\n";
    let workspace = Workspace::new()
        .with_file("parent.yaml", parent)
        .with_file("child.yaml", child)
        .with_file("a.txt", "1\n2\n")
        .with_file("b.txt", "x");
    let output = &summary(&workspace, &["parent.yaml"])["output"];
    let (a, b) = (&output["each"][0], &output["each"][1]);
    assert_eq!(a["here"], json!([["a.txt", "1", 0], ["a.txt", "2", 1]]), "{output:#}");
    assert_eq!(b["here"], json!([["b.txt", "x", 0]]));
    assert_eq!(a["twice"], json!([{"all": ["11", "12"]}, {"all": ["21", "22"]}]));
    assert_eq!((&a["there"], &b["there"]), (&json!(["1", "2"]), &json!(["x"])));
    assert_eq!(output["back"], json!(["made"]));
}

/// The file may never come back, but a run must be able to end.
#[test]
fn a_file_that_is_gone_while_its_lines_are_read_fails_the_items() {
    let workflow = "workflow: w
inputs: {list: {type: file}}
tasks:
  first: {run: 'touch begun; until test -e go; do sleep 0.02; done'}
  each: {needs: first, for_each: '${{ inputs.list }}', set: '${{ item }}'}
  after: {needs: {each: finished}, for_each: '${{ inputs.list }}', set: '${{ item }}'}
";
    for damage in ["gone", "changed"] {
        let workspace = Workspace::new().with_file("w.yaml", workflow).with_file("list.txt", "a\nb\n");
        let mut live = Live::start(workspace.myrmex(&["run", "w.yaml", "-i", "list=list.txt"]), "files");
        assert!(poll(PATIENCE, || workspace.path("begun").exists()));
        live.kill();
        let blob = below(&workspace, "blobs").remove(0);
        let title = if damage == "gone" {
            fs::remove_file(blob).unwrap();
            "the lines of `list.txt` cannot be read: this run does not have the file"
        } else {
            fs::write(blob, "a\nc\n").unwrap();
            "the lines of `list.txt` cannot be read: the file is not what was kept"
        };
        fs::write(workspace.path("go"), "").unwrap();
        let run_id = workspace.export().unwrap().events[0].run.clone();
        let ended = run(&workspace, &["runs", "resume", &run_id, "--json"]);
        let told = ended.summary().unwrap_or_else(|| panic!("no summary: {}", ended.errors));
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(told["tasks"]["each"]["error"]["title"], title, "{damage}");
        assert_eq!(told["tasks"]["after"]["error"]["title"], title, "{damage}");
    }
}

#[test]
fn what_cannot_be_cut_into_lines_is_told() {
    let workspace = Workspace::new().with_file("hosts.yaml", HOSTS);
    let title = |content: &[u8]| {
        fs::write(workspace.path("hosts.txt"), content).unwrap();
        let told = summary(&workspace, &["hosts.yaml"]);
        assert_eq!(told["status"], "failed");
        told["error"]["title"].as_str().unwrap().to_owned()
    };
    assert_eq!(title(b"a\nb\xff\n"), "line 2 of `hosts.txt` is not UTF-8, and items are text");
    assert_eq!(title(&vec![b'a'; (1 << 20) + 1]), "line 1 of `hosts.txt` is longer than 1 MiB");
    let many = "\n".repeat(1_000_001);
    assert_eq!(
        title(many.as_bytes()),
        "`hosts.txt` has more than 1000000 lines, and `for_each` at most so many items"
    );
    File::create(workspace.path("hosts.txt")).unwrap().set_len((256 << 20) + 1).unwrap();
    let ended = run(&workspace, &["run", "--json", "hosts.yaml"]);
    let told = ended.summary().unwrap();
    assert_eq!(
        told["error"]["title"],
        "`for_each` goes over files of at most 256 MiB, `hosts.txt` is larger"
    );
    fs::write(workspace.path("hosts.txt"), "").unwrap();
    assert_eq!(summary(&workspace, &["hosts.yaml"])["tasks"]["ping"]["output"], json!([]));
}

const LARGE: &str = "workflow: large\ninputs: {data: {type: file}}\ntasks: {show: {set: {size: '${{ inputs.data.size }}'}}}\n";

/// Starts a run with a file that takes long to keep and waits until it is being kept.
fn taking(workspace: &Workspace) -> Live {
    File::create(workspace.path("data")).unwrap().set_len(8 << 30).unwrap();
    let mut live =
        Live::start(workspace.myrmex(&["run", "large.yaml", "--key", "k", "-i", "data=data"]), "files");
    let is_partial = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("partial");
    let is_taking = poll(PATIENCE, || below(workspace, "blobs").iter().any(is_partial));
    assert!(is_taking && !live.is_over(), "{}", live.errors());
    live
}

#[test]
fn a_process_killed_while_it_takes_a_file_leaves_no_run_and_its_successor_no_rest() {
    let workspace = Workspace::new().with_file("large.yaml", LARGE);
    let mut live = taking(&workspace);
    live.kill();
    assert!(live.finish().was_killed());
    assert_eq!(below(&workspace, "taking").len(), 1);
    let listed = run(&workspace, &["runs", "list", "--json"]);
    assert_eq!(listed.lines.concat(), r#"{"runs":[]}"#);
    // Another run of the workspace clears up; then the same key starts what had not begun.
    let other = workspace
        .with_file("small", "")
        .with_file("other.yaml", "workflow: other\ntasks: {a: {set: {n: 1}}}\n");
    assert!(poll(PATIENCE, || other.is_free()));
    assert_eq!(summary(&other, &["other.yaml"])["status"], "succeeded");
    assert_eq!(below(&other, "blobs"), Vec::<PathBuf>::new());
    assert_eq!(below(&other, "taking"), Vec::<PathBuf>::new());
    let again = summary(&other, &["large.yaml", "--key", "k", "-i", "data=small"]);
    assert_eq!(again["tasks"]["show"]["output"], json!({"size": 0}));
}

#[test]
fn an_interrupted_taking_leaves_nothing() {
    let workspace = Workspace::new().with_file("large.yaml", LARGE);
    let live = taking(&workspace);
    let pid = live.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.errors);
    assert_eq!(below(&workspace, "blobs"), Vec::<PathBuf>::new());
    assert_eq!(below(&workspace, "taking"), Vec::<PathBuf>::new());
}

#[test]
fn copies_that_a_killed_process_left_are_gone_after_the_next_start() {
    let workspace = Workspace::new().with_file("data.txt", "data\n").with_file(
        "w.yaml",
        "workflow: w\ninputs: {data: {type: file}}\ntasks:\n  a: {run: 'cat $D; touch began; while test ! -e go; do sleep 0.01; \
         done; cat $D', env: {D: '${{ inputs.data }}'}}\n",
    );
    let mut live =
        Live::start(workspace.myrmex(&["run", "w.yaml", "--key", "k", "-i", "data=data.txt"]), "files");
    assert!(poll(PATIENCE, || workspace.path("began").exists()));
    let copies = below(&workspace, "files");
    assert_eq!(copies.len(), 1);
    assert_eq!(fs::metadata(&copies[0]).unwrap().permissions().mode() & 0o777, 0o444);
    live.kill();
    assert!(live.finish().was_killed());
    assert!(poll(PATIENCE, || workspace.is_free()));
    assert_eq!(below(&workspace, "files").len(), 1);
    let workspace = workspace.with_file("other.yaml", "workflow: other\ntasks: {a: {run: 'true'}}\n");
    assert_eq!(summary(&workspace, &["other.yaml"])["status"], "succeeded");
    assert_eq!(below(&workspace, "files"), Vec::<PathBuf>::new());
    fs::write(workspace.path("go"), "").unwrap();
    let again = summary(&workspace, &["w.yaml", "--key", "k", "-i", "data=data.txt"]);
    assert_eq!(again["tasks"]["a"]["output"]["stdout"], "data\ndata");
    assert_eq!(below(&workspace, "files"), Vec::<PathBuf>::new());
}
