//! `--watch` of `run` and `check`: the command again and again, each time that what it is about changes.
//!
//! Each round is a process of its own, so nothing of one is left in the next. What tasks write does not begin a round, unless it is
//! a workflow.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::changes::Changes;
use crate::exit::{Exit, Failure, FailureCode};
use crate::sources::STANDARD_INPUT;
use crate::workspace::Workspace;

/// The option that this command takes, and that its rounds are not given.
const OPTION: &str = "--watch";

/// For how long nothing may change before a round begins: editors write a file in several steps.
const STILL: Duration = Duration::from_millis(150);

/// Why a round begins, or none does any more.
enum Word {
    Changed,
    Interrupted,
}

/// Does what this process was asked for now and after each change, until a signal. Beside the `files` and folders that were named, all
/// workflows, libraries and settings beside them and in the workspace are watched.
///
/// # Errors
///
/// Returns [`Failure`] if one of the files is standard input, or the operating system refuses to watch or to start.
pub(super) fn run(files: &[PathBuf], workspace: &Workspace) -> Result<Exit, Failure> {
    if files.iter().any(|path| path.as_os_str() == STANDARD_INPUT) {
        let failure = Failure::new(FailureCode::Inputs, "standard input can be read only once".to_owned());
        return Err(failure.with_hint("with `--watch` give files"));
    }
    let (tell, words) = channel();
    listen_to_signals(tell.clone())?;
    let mut watched = Watched::new(tell, files, workspace)?;
    let program = std::env::current_exe().map_err(|error| system(&error))?;
    loop {
        watched.look_again()?;
        let arguments = std::env::args_os().skip(1).filter(|argument| argument != OPTION);
        let ended = Command::new(&program).args(arguments).status().map_err(|error| system(&error))?;
        tell_end(ended.code());
        if !wait(&words) {
            return Ok(Exit::Interrupted);
        }
    }
}

/// Waits for a change that no other one follows at once; false if there will be no round.
fn wait(words: &Receiver<Word>) -> bool {
    let Ok(Word::Changed) = words.recv() else { return false };
    loop {
        match words.recv_timeout(STILL) {
            Ok(Word::Changed) => {}
            Ok(Word::Interrupted) => return false,
            Err(_) => return true,
        }
    }
}

fn tell_end(code: Option<i32>) {
    let how = match code {
        Some(0) => "ended well".to_owned(),
        Some(code) => format!("ended with exit code {code}"),
        None => "was killed".to_owned(),
    };
    // If standard error is closed there is nobody to tell.
    drop(writeln!(anstream::stderr(), "this round {how}; the next begins when a file changes; Ctrl-C ends"));
}

/// The folders that workflows, libraries, settings and the inputs lie in.
struct Watched {
    changes: Changes,
    folders: BTreeSet<PathBuf>,
}

impl Watched {
    /// Watches none yet.
    fn new(tell: Sender<Word>, files: &[PathBuf], workspace: &Workspace) -> Result<Self, Failure> {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let own: Vec<PathBuf> = files.iter().filter_map(|file| real(file)).collect();
        let (named, beside): (Vec<&PathBuf>, Vec<&PathBuf>) = own.iter().partition(|path| path.is_dir());
        let beside = beside.iter().filter_map(|file| file.parent());
        let mut folders: BTreeSet<PathBuf> =
            named.iter().map(|folder| folder.as_path()).chain(beside).map(Path::to_owned).collect();
        let root = real(&workspace.root).unwrap_or_else(|| workspace.root.clone());
        folders.extend(["workflows", "actions"].map(|folder| root.join(folder)));
        folders.insert(root);
        let wanted: BTreeSet<PathBuf> = folders.iter().cloned().chain(own).collect();
        let is_about_us = move |path: &PathBuf| {
            path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
                || wanted.contains(path)
        };
        // Nobody listens any more once the last round has ended.
        let changes = Changes::new(is_about_us, move || drop(tell.send(Word::Changed)))?;
        Ok(Self { changes, folders })
    }

    /// Watches the folders that are there now: one may have been made since, or another one put in its place.
    fn look_again(&mut self) -> Result<(), Failure> {
        for folder in self.folders.iter().filter(|folder| folder.is_dir()) {
            self.changes.watch(folder)?;
        }
        Ok(())
    }
}

/// Sees to it that a signal ends the rounds. The round under way gets it from the terminal too, and ends as every run does.
fn listen_to_signals(tell: Sender<Word>) -> Result<(), Failure> {
    let wanted = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
    let mut signals = signal_hook::iterator::Signals::new(wanted).map_err(|error| system(&error))?;
    let listen = move || {
        for _ in signals.forever() {
            // Nobody listens any more once the last round has ended.
            drop(tell.send(Word::Interrupted));
        }
    };
    let thread = std::thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map(drop).map_err(|error| system(&error))
}

fn system(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(FailureCode::System, error)
}
