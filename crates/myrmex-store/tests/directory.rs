//! One owner at a time, also while what a dead one left behind is still being stopped.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not know for tests")]

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use myrmex_store::directory::{DataDirectory, HoldError, LOCK_NAME};

/// Names the directory that [`child_that_holds`] is to hold, in the process that is to be killed.
const CHILD: &str = "MYRMEX_STORE_TEST_HOLD";

/// Not a test by itself: the other tests run it in a process of its own, which holds a directory until it is killed.
/// Its standard input is copied into the descriptor of a `sleep`, as a reaper would have it.
#[test]
fn child_that_holds() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let owner = DataDirectory::open(path).unwrap().hold(Duration::ZERO).unwrap();
    let descriptor = owner.as_fd().try_clone_to_owned().unwrap();
    let mut reaper = Command::new("sleep").arg("60").stdin(Stdio::from(descriptor)).spawn().unwrap();
    println!("\nheld, and by {}", reaper.id());
    std::io::stdout().flush().unwrap();
    reaper.wait().unwrap();
}

/// Starts a process that holds `path`, and returns it with the id of its reaper once it does.
fn holder(path: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_holds", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let reaper = lines.find_map(|line| line.strip_prefix("held, and by ").map(str::to_owned)).unwrap();
    (child, reaper)
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
}

#[test]
fn a_new_directory_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    assert!(DataDirectory::read_only(&path).is_err());
    let directory = DataDirectory::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    assert_eq!(DataDirectory::read_only(&path).unwrap(), directory);
}

#[test]
fn a_second_owner_is_told_who_the_first_is() {
    let parent = tempfile::tempdir().unwrap();
    let (mut child, reaper) = holder(parent.path());
    let directory = DataDirectory::open(parent.path()).unwrap();
    let begin = Instant::now();
    let error = directory.hold(Duration::from_secs(30)).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(5), "a living owner is not waited for");
    assert!(matches!(error, HoldError::Held { pid, .. } if pid == child.id()), "{error}");
    let start =
        format!("process {} has been working with `{}` since 20", child.id(), parent.path().display());
    assert!(error.to_string().starts_with(&start), "{error}");
    child.kill().unwrap();
    kill(&reaper);
    child.wait().unwrap();
}

#[test]
fn what_a_dead_owner_left_is_waited_for() {
    let parent = tempfile::tempdir().unwrap();
    let (mut child, reaper) = holder(parent.path());
    child.kill().unwrap();
    // The process is dead but not yet reaped, as it is for a moment after every kill.
    let directory = DataDirectory::open(parent.path()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let error = loop {
        match directory.hold(Duration::ZERO).unwrap_err() {
            HoldError::Held { .. } if Instant::now() < deadline => {}
            error => break error,
        }
    };
    let HoldError::Remains { pid, .. } = error else { panic!("{error}") };
    assert_eq!(pid, Some(child.id()));
    kill(&reaper);
    directory.hold(Duration::from_secs(30)).unwrap();
    child.wait().unwrap();
}

#[test]
fn an_owner_that_lets_go_is_followed_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let directory = DataDirectory::open(parent.path()).unwrap();
    let owner = directory.hold(Duration::ZERO).unwrap();
    assert!(matches!(directory.hold(Duration::ZERO), Err(HoldError::Held { .. })));
    assert_eq!(owner.directory(), &directory);
    let reaper = owner.as_fd().try_clone_to_owned().unwrap();
    drop(owner);
    assert!(matches!(directory.hold(Duration::ZERO), Err(HoldError::Remains { pid: None, .. })));
    drop(reaper);
    directory.hold(Duration::ZERO).unwrap();
    assert!(parent.path().join(LOCK_NAME).exists());
}
