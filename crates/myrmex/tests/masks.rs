//! Secrets and what is left behind, by the real binary: no byte of the data directory and nothing that was printed may
//! hold one, whoever was given it: another process, or a run that was called.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::{Live, Workspace, poll};

/// The value that must never be seen: longer than what an error quotes of a line.
const CANARY: &str =
    "c4n4ry-000-111-222-333-444-555-666-777-888-999-aaa-bbb-ccc-ddd-eee-fff-ggg-hhh-iii-jjj-kkk-lll";

/// A value that is cut where a line of an output file is: at its first `=`.
const CUT: &str = "Q0FOQVJZLWluLWJhc2U2NA==";

/// Pieces of them; none may be found anywhere.
const PIECES: [&str; 3] = ["c4n4ry-000", "-777-888-999", "Q0FOQVJZLWluLWJhc2U2NA"];

fn command(space: &Workspace, words: &[&str]) -> Command {
    let mut command = space.myrmex(words);
    command.env("MYRMEX_SECRET_TOKEN", CANARY).env("MYRMEX_SECRET_CUT", CUT);
    command
}

#[track_caller]
fn check(space: &Workspace, output: &Output) {
    check_bytes(&output.stdout, "standard output");
    check_bytes(&output.stderr, "standard error");
    let files = check_folder(space.data());
    assert!(files >= 2, "{files} files are no store");
}

#[track_caller]
fn check_bytes(bytes: &[u8], place: &str) {
    for piece in PIECES {
        let is_in = bytes.windows(piece.len()).any(|window| window == piece.as_bytes());
        assert!(!is_in, "`{piece}` in {place}: {}", String::from_utf8_lossy(bytes));
    }
}

/// Returns how many files were looked at.
#[track_caller]
fn check_folder(folder: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += check_folder(&path);
        } else {
            check_bytes(&std::fs::read(&path).unwrap(), &path.display().to_string());
            count += 1;
        }
    }
    count
}

#[test]
fn what_an_error_quotes_of_an_output_file_is_masked() {
    let file = r#"workflow: wrong
tasks:
  long: {secrets: [TOKEN], run: 'echo "$TOKEN" > "$MYRMEX_OUTPUT"'}
  cut: {secrets: [CUT], run: 'echo "$CUT" > "$MYRMEX_OUTPUT"'}
  json: {secrets: [CUT], run: 'printf "{\"a\": \"%s" "$CUT" > "$MYRMEX_OUTPUT"'}
"#;
    let space = Workspace::new().with_file("wrong.yaml", file);
    let output = command(&space, &["run", "wrong.yaml", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("it is `***`"));
    check(&space, &output);
}

#[test]
fn a_secret_of_a_child_is_masked_in_its_caller() {
    let dad = "workflow: dad\ntasks:\n  a: {workflow: kid}\n  b: {needs: a, run: cat cred.txt}\n";
    let kid = "workflow: kid\ntasks:\n  a: {secrets: [TOKEN], run: 'echo \"$TOKEN\" > cred.txt'}\n";
    let space = Workspace::new().with_file("dad.yaml", dad).with_file("kid.yaml", kid);
    let output = command(&space, &["run", "dad.yaml", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(space.path("cred.txt")).unwrap().trim(), CANARY);
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#"{"stdout":"***"}"#));
    check(&space, &output);
}

/// Kills a run whose task and whose child have put secrets into files, and has it resumed.
fn resumed(resume: impl FnOnce(&Workspace, &[&str]) -> Command) -> (Workspace, Output) {
    let dad = r#"workflow: dad
tasks:
  a: {secrets: [TOKEN], run: 'echo "$TOKEN" > cred.txt'}
  k: {workflow: kid, with: {name: CUT}}
  b: {needs: [a, k], run: 'if [ -e begun ]; then exit 0; fi; touch begun; sleep 60'}
  c: {needs: b, run: cat cred.txt cut.txt}
"#;
    let kid = r#"workflow: kid
inputs: {name: {type: secret}}
tasks:
  a: {env: {T: '${{ inputs.name }}'}, run: 'echo "$T" > cut.txt'}
"#;
    let space = Workspace::new().with_file("dad.yaml", dad).with_file("kid.yaml", kid);
    let mut running = Live::start(command(&space, &["run", "dad.yaml", "--json"]), "masks");
    // What is printed comes after what happens.
    assert!(poll(support::PATIENCE, || running.has_printed() && space.path("begun").exists()));
    running.kill();
    let ended = running.finish();
    assert!(poll(support::PATIENCE, || space.is_free()));
    let first: serde_json::Value = serde_json::from_str(&ended.lines[0]).unwrap();
    let run = first["run"].as_str().unwrap();
    let output = resume(&space, &["runs", "resume", run, "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    (space, output)
}

#[test]
fn a_secret_of_an_earlier_process_is_masked_after_a_resume() {
    let (space, output) = resumed(command);
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#"{"stdout":"***\n***"}"#));
    check(&space, &output);
}

#[test]
fn a_secret_that_cannot_be_had_any_more_is_told_after_a_resume() {
    let (_space, output) = resumed(|space, words| {
        let mut command = space.myrmex(words);
        command.env("MYRMEX_SECRET_TOKEN", CANARY);
        command
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = "what an earlier process gave to tasks as the secret `CUT` is not masked any more: the secret `CUT` is missing";
    assert!(errors.contains(told), "{errors}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!(r#"{{"stdout":"***\n{CUT}"}}"#)));
}

#[test]
fn a_secret_given_in_place_of_its_name_is_neither_recorded_nor_shown() {
    let file = "workflow: w\ninputs: {name: {type: secret}}\ntasks:\n  a: {env: {T: '${{ inputs.name }}'}, run: 'echo \"$T\"'}\n";
    let space = Workspace::new().with_file("w.yaml", file);
    // The one looks like a name, the other does not.
    for given in [CANARY, CUT] {
        let input = format!("name={}", given.trim_end_matches('=').get(..32).unwrap_or(given));
        let output = command(&space, &["run", "w.yaml", "-i", &input]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("the name of a secret"), "{errors}");
        check_bytes(&output.stdout, "standard output");
        check_bytes(&output.stderr, "standard error");
        assert!(!space.data().join("store.db").exists());
    }
}

/// Runs a workflow once with each of these arguments; nothing may show a secret. Returns what the last run printed.
#[track_caller]
fn run_all(space: &Workspace, runs: &[&[&str]]) -> String {
    let mut printed = String::new();
    for arguments in runs {
        let words = [&["run", "w.yaml", "--json"], *arguments].concat();
        let output = command(space, &words).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        check(space, &output);
        printed = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    printed
}

#[test]
fn a_secret_that_a_hit_left_in_a_file_is_masked() {
    let token = r#"workflow: w
tasks:
  get: {run: 'printf %s "$TOKEN" > tok.txt', secrets: [TOKEN], cache: {}}
  show: {needs: get, run: cat tok.txt}
"#;
    // Another provider: it is asked by a process, for which the hit waits.
    let asked = "secrets: {TOKEN: {command: [sh, -c, 'echo \"$MYRMEX_SECRET_TOKEN\"']}}\n";
    for config in ["{}\n", asked] {
        let space = Workspace::new().with_file("w.yaml", token).with_file("myrmex.yaml", config);
        for again in [1, 2, 3] {
            let printed = run_all(&space, &[&[]]);
            assert_eq!(printed.contains("cached_from"), again > 1, "{printed}");
            assert!(printed.contains(r#"{"stdout":"***"}"#), "{printed}");
        }
        assert_eq!(std::fs::read_to_string(space.path("tok.txt")).unwrap(), CANARY);
    }
}

#[test]
fn a_hit_by_key_is_only_of_an_attempt_with_the_same_secrets() {
    let file = r#"workflow: w
inputs: {name: {type: secret}}
tasks:
  get: {run: 'printf %s "$T" > tok.txt', env: {T: '${{ inputs.name }}'}, cache: {key: same}}
  show: {needs: get, run: cat tok.txt}
"#;
    let space = Workspace::new().with_file("w.yaml", file);
    let printed = run_all(&space, &[&["-i", "name=TOKEN"], &["-i", "name=CUT"]]);
    assert!(!printed.contains("cached_from"), "{printed}");
    let printed = run_all(&space, &[&["-i", "name=CUT"]]);
    assert!(printed.contains("cached_from"), "{printed}");
    assert!(printed.contains(r#"{"stdout":"***"}"#), "{printed}");
}
