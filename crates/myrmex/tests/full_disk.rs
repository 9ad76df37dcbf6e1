//! A disk without room for the very first commit of a command: the person is told at once what waits and can stop it, and
//! with room it goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[path = "support/disk.rs"]
mod disk;

use disk::SmallDisk;
use serde_json::Value;
use support::{Live, PATIENCE, Workspace, poll, say};

/// Room to make a store in, and not for the commit that starts a run.
const TOO_SMALL_KIB: u64 = 176;

/// Room for everything here.
const LARGE_KIB: u64 = 16 << 10;

/// What one write of the store takes: the disk gets larger by this until there is room to open the store.
const STEP_KIB: u64 = 4;

/// Steps after which there is room enough for anything.
const STEPS_MAX: u64 = 100;

const SHORT: &str = "workflow: w\ntasks:\n  a: {run: echo done}\n";

/// Takes values that need more room than the log of the store has from an earlier run.
const FAILS: &str = "
workflow: w
inputs: {a: {type: string, default: ''}, b: {type: string, default: ''}, c: {type: string, default: ''}}
tasks:
  made: {run: echo made > made, artifacts: {made: made}}
  a: {run: test -e mended}
";

/// Computes such a value after a timer.
const LATER: &str = "
workflow: w
tasks:
  rest: {wait: 200ms}
  word: {needs: rest, set: {v: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}}
  text: {set: {v: '${{ tasks.word.output.v | replace(\"x\", tasks.word.output.v) }}'}}
  all: {set: {v: '${{ tasks.text.output.v | replace(\"x\", tasks.word.output.v) }}'}}
";

/// The bytes of an input: as many as one argument of a program may have.
const INPUT_BYTES: usize = 100 << 10;

/// Makes a workspace whose data directory lies on a disk of its own; nothing if this user may not mount one.
fn on_a_disk(text: &str, kib: u64) -> Option<(Workspace, SmallDisk)> {
    let workspace = Workspace::new().with_file("w.yaml", text);
    match SmallDisk::mount(workspace.path("disk"), kib) {
        Ok(disk) => Some((workspace.with_data(disk.data()), disk)),
        Err(reason) => {
            say(&format!("full-disk: SKIPPED, a tmpfs cannot be mounted: {reason}"));
            None
        }
    }
}

/// Starts a command and waits until it says that it waits.
fn start_until_told(workspace: &Workspace, words: &[&str], promise: &str) -> Live {
    let mut live = Live::start(workspace.myrmex(words), "full");
    assert!(poll(PATIENCE, || live.errors().contains("waiting:") || live.is_over()));
    let told = live.errors();
    assert!(!live.is_over(), "{words:?} ended: {told}");
    let data = workspace.data().display().to_string();
    assert!(told.contains("full") && told.contains(&data) && told.contains(promise), "{words:?}: {told}");
    live
}

/// Lets a command open a store on a disk without room for the commit that follows.
fn start_without_room(workspace: &Workspace, disk: &SmallDisk, words: &[&str]) -> Live {
    let used = disk.used_kib();
    for step in 0..STEPS_MAX {
        disk.resize(disk.used_kib().max(used + step * STEP_KIB));
        let mut live = Live::start(workspace.myrmex(words), "full");
        assert!(poll(PATIENCE, || live.errors().contains("waiting:") || live.is_over()));
        if !live.is_over() {
            return live;
        }
        let ended = live.wait();
        assert_eq!(ended.status.code(), Some(7), "{} found room: {}", words[1], ended.errors);
    }
    panic!("{} never has the room to open the store", words[1]);
}

fn runs(workspace: &Workspace) -> Vec<Value> {
    let output = workspace.myrmex(&["runs", "list", "--json"]).output().unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["runs"].as_array().unwrap().clone()
}

/// Returns how many runs have files.
fn folders_with_files(workspace: &Workspace) -> usize {
    std::fs::read_dir(workspace.data().join("blobs/default")).unwrap().count()
}

#[test]
fn a_run_that_has_no_room_to_begin_says_so_and_ends_when_it_is_asked_to() {
    for words in [&["run", "w.yaml"][..], &["run", "w.yaml", "-q"], &["run", "w.yaml", "--json"]] {
        let Some((workspace, disk)) = on_a_disk(SHORT, TOO_SMALL_KIB) else { return };
        let live = start_until_told(&workspace, words, "nothing of it is recorded");
        live.ask_to_end();
        let ended = live.wait();
        assert_eq!(ended.status.code(), Some(130), "{}", ended.errors);
        let reason = "interrupted before the run began; nothing of it is recorded";
        assert!(ended.errors.contains(reason), "{}", ended.errors);
        // Nothing runs that would have to be stopped.
        assert!(ended.errors.contains("stopping\n"), "{}", ended.errors);
        let lines: Vec<Value> = ended.lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        if words.contains(&"--json") {
            assert_eq!(lines[0]["type"], "engine.waiting", "{lines:#?}");
            assert_eq!(lines[0]["data_dir"], workspace.data().display().to_string());
            assert!(lines[0]["reason"].as_str().unwrap().contains("full"), "{lines:#?}");
        } else {
            assert_eq!(lines.len(), 0, "{lines:#?}");
        }
        disk.resize(LARGE_KIB);
        assert_eq!(runs(&workspace), Vec::<Value>::new(), "{words:?}");
    }
}

#[test]
fn a_run_that_waits_for_room_to_begin_goes_on_with_room() {
    let Some((workspace, disk)) = on_a_disk(SHORT, TOO_SMALL_KIB) else { return };
    let live = start_until_told(&workspace, &["run", "w.yaml"], "make room and it begins by itself");
    disk.resize(LARGE_KIB);
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(runs(&workspace)[0]["status"], "succeeded");
}

#[test]
fn a_retry_without_room_says_so_and_leaves_nothing_or_goes_on() {
    let Some((workspace, disk)) = on_a_disk(FAILS, LARGE_KIB) else { return };
    assert_eq!(Live::start(workspace.myrmex(&["run", "w.yaml"]), "first").wait().status.code(), Some(1));
    std::fs::write(workspace.path("mended"), "").unwrap();
    let run = runs(&workspace)[0]["run"].as_str().unwrap().to_owned();
    let [a, b, c] = ["a", "b", "c"].map(|name| format!("{name}={}", name.repeat(INPUT_BYTES)));
    let words = ["runs", "retry", &run, "-i", &a, "-i", &b, "-i", &c];
    let live = start_without_room(&workspace, &disk, &words);
    live.ask_to_end();
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.errors);
    assert!(ended.errors.contains("interrupted before the run began"), "{}", ended.errors);
    disk.resize(LARGE_KIB);
    assert_eq!(runs(&workspace).len(), 1);
    assert_eq!(folders_with_files(&workspace), 1, "the retry that never began has no files");

    let mut live = start_without_room(&workspace, &disk, &words);
    live.kill();
    live.finish();
    assert!(poll(PATIENCE, || workspace.is_free()));
    assert_eq!(folders_with_files(&workspace), 2, "the files of a retry are there before it begins");

    let live = start_without_room(&workspace, &disk, &words);
    disk.resize(LARGE_KIB);
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(runs(&workspace)[0]["retry_of"], run.as_str());
    assert_eq!(folders_with_files(&workspace), 2, "those of the killed one are gone");
    assert_eq!(std::fs::read_dir(workspace.data().join("taking")).unwrap().count(), 0);
}

#[test]
fn a_resume_without_room_says_so_and_can_be_tried_again() {
    let Some((workspace, disk)) = on_a_disk(LATER, LARGE_KIB) else { return };
    let mut live = Live::start(workspace.myrmex(&["run", "w.yaml", "--json"]), "first");
    assert!(poll(PATIENCE, || live.has_printed() || live.is_over()));
    live.kill();
    live.finish();
    assert!(poll(PATIENCE, || workspace.is_free()));
    let run = runs(&workspace)[0]["run"].as_str().unwrap().to_owned();
    let live = start_without_room(&workspace, &disk, &["runs", "resume", &run]);
    live.ask_to_end();
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.errors);
    assert!(ended.errors.contains("`myrmex runs resume"), "{}", ended.errors);
    disk.resize(LARGE_KIB);
    let ended = Live::start(workspace.myrmex(&["runs", "resume", &run]), "again").wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}
