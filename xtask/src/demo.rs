//! `cargo xtask demo`: draws a real pipeline, runs it, kills it half-way, resumes it, shows when its tasks ran and what came of it,
//! and proves that nothing ran twice.
//!
//! The proof trusts neither the demo nor myrmex alone: it compares the events that myrmex recorded with a ledger that
//! the tasks themselves keep.

mod ledger;
mod proof;
mod timeline;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;
use ledger::Entry;
use proof::Event;

/// How often the ledger is read while waiting for the half: a fraction of the shortest task.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The whole run takes seconds; past this it hangs.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// After a kill every process of every task is gone this soon.
const DEATH_MAX: Duration = Duration::from_millis(300);
/// Longer than a task of the pipeline takes: one that still lives would write its last line within this time.
const TASK_MAX: Duration = Duration::from_secs(1);
/// Tasks that fan out over the crates, and those that do not: see `examples/16-demo/repository.yaml`.
const FAN_OUTS: usize = 3;
const SINGLE_TASKS: usize = 3;

/// The place where the demo runs.
struct Stage {
    /// The built binary.
    myrmex: PathBuf,
    /// The temporary workspace, a copy of `examples/16-demo`.
    folder: PathBuf,
    /// The repository that is measured.
    repository: PathBuf,
    /// Seconds that each task takes beside its work.
    pause: &'static str,
}

/// Builds myrmex and shows it; ends with 0 only if the proof holds.
pub(crate) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let is_short = match words {
        [] => false,
        ["--short"] => true,
        _ => return Err(Failure::new("usage: cargo xtask demo [--short]")),
    };
    say("building the release binary");
    process::run(workspace.cargo().args(["build", "--release", "--package", "myrmex"]))?;
    let stage = Stage::set(workspace, if is_short { "0.1" } else { "0.5" })?;
    stage.show()?;
    if is_short {
        fs::remove_dir_all(&stage.folder).map_err(Failure::because("temporary workspace"))?;
    } else {
        stage.point_further();
    }
    Ok(ExitCode::SUCCESS)
}

impl Stage {
    fn set(workspace: &Workspace, pause: &'static str) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("myrmex-demo-{}", std::process::id()));
        copy_folder(&workspace.root.join("examples/16-demo"), &folder)?;
        let myrmex = workspace.target.join("release/myrmex");
        Ok(Self { myrmex, folder, repository: workspace.root.clone(), pause })
    }

    fn show(&self) -> Result<(), Failure> {
        say("checking the pipeline");
        process::run(&mut self.myrmex(&["check", "repository.yaml"]))?;
        say("what it will do: myrmex graph repository.yaml --format text");
        process::run(&mut self.myrmex(&["graph", "repository.yaml", "--format", "text"]))?;

        say("running it");
        let tasks = self.tasks()?;
        let mut child = self.run().spawn().map_err(Failure::because("myrmex"))?;
        let half = self.wait_for_half(&mut child, tasks);
        // Child::kill sends SIGKILL: no handler runs, nothing is flushed.
        child.kill().and_then(|()| child.wait()).map_err(Failure::because("kill"))?;
        half?;

        let ledger_before = self.ledger_at_rest()?;
        let before = self.events(None)?;
        let run = ledger_before.first().map(|entry| entry.run.clone());
        let run = run.ok_or_else(|| Failure::new("the ledger is empty"))?;
        say(&format!("killed with -9 after {} of {tasks} tasks; the store now says", ended(&ledger_before)));
        process::run(&mut self.myrmex(&["runs", "list"]))?;

        say(&format!("resuming: myrmex runs resume {run}"));
        let result = process::output(&mut self.myrmex(&["runs", "resume", &run]))?;
        say("when each task ran; the kill falls into the gap");
        let whole = process::output(&mut self.myrmex(&["runs", "show", &run, "--json"]))?;
        print!("{}", timeline::draw(&whole)?);
        say("its result, typed");
        print!("{result}");

        say("all runs");
        process::run(&mut self.myrmex(&["runs", "list"]))?;
        say("the log of one task, kept from before or after the kill: public_items[0]");
        process::run(&mut self.myrmex(&["runs", "logs", &run, "--task", "public_items[0]"]))?;

        let after = self.events(Some(&run))?;
        say(&format!("the journal of the run holds {} events; comparing them with the ledger", after.len()));
        let ledger_after = ledger::read(&self.folder)?;
        proof::prove(&before, &after, ledger_before.len(), &ledger_after, tasks)
            .map(|proof| println!("{proof}"))
    }

    /// Counts the processes that the pipeline will have started in the end, retries apart.
    fn tasks(&self) -> Result<usize, Failure> {
        let crates = fs::read_dir(self.repository.join("crates")).map_err(Failure::because("crates"))?;
        let crates = crates.flatten().filter(|entry| entry.path().is_dir()).count();
        Ok(FAN_OUTS * crates + SINGLE_TASKS)
    }

    fn wait_for_half(&self, child: &mut Child, tasks: usize) -> Result<(), Failure> {
        let started = Instant::now();
        while ended(&ledger::read(&self.folder)?) < tasks / 2 {
            if let Some(status) = child.try_wait().map_err(Failure::because("myrmex"))? {
                return Err(Failure::new(format!("the run ended ({status}) before half of its tasks had")));
            }
            if started.elapsed() > WAIT_MAX {
                return Err(Failure::new(format!(
                    "half of the tasks took longer than {} s",
                    WAIT_MAX.as_secs()
                )));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Returns the ledger after the kill, once what is left of the tasks had time to show itself.
    ///
    /// # Errors
    ///
    /// Returns a failure if a task went on: then its process outlived myrmex.
    fn ledger_at_rest(&self) -> Result<Vec<Entry>, Failure> {
        thread::sleep(DEATH_MAX);
        let ledger = ledger::read(&self.folder)?;
        thread::sleep(TASK_MAX);
        let lines_later = ledger::read(&self.folder)?.len() - ledger.len();
        if lines_later > 0 {
            return Err(Failure::new(
                "a task went on after myrmex was killed, so its process was left behind",
            ));
        }
        Ok(ledger)
    }

    /// Returns the events recorded so far: of one run, or of all.
    fn events(&self, run: Option<&str>) -> Result<Vec<Event>, Failure> {
        let mut command = self.myrmex(&["events"]);
        command.args(run.iter().flat_map(|run| ["--run", run]));
        proof::parse(&process::output(&mut command)?)
    }

    fn run(&self) -> Command {
        let mut command = self.myrmex(&["run", "repository.yaml"]);
        command.arg("-i").arg(format!("repository={}", self.repository.display()));
        command.arg("-i").arg(format!("pause={}", self.pause));
        command
    }

    fn myrmex(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.myrmex);
        command.arg("--data-dir").arg(self.folder.join(".myrmex")).args(words).current_dir(&self.folder);
        // As users have it; cargo hands down what tests are to have.
        command.env_remove("MYRMEX_PARTITIONS");
        command
    }

    fn point_further(&self) {
        say("where to look next");
        println!("  the workspace of this demo:  {}", self.folder.display());
        println!("  the pipeline:                examples/16-demo/repository.yaml");
        println!("  how it is built:             ARCHITECTURE.md");
        println!("  the binary:                  {}", self.myrmex.display());
    }
}

/// Counts the attempts that came to their end.
fn ended(ledger: &[Entry]) -> usize {
    ledger.iter().filter(|entry| entry.mark == ledger::Mark::End).count()
}

fn say(text: &str) {
    println!("\n» {text}");
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    let context = || format!("copy of `{}`", from.display());
    fs::create_dir_all(to).map_err(Failure::because(context()))?;
    for entry in fs::read_dir(from).map_err(Failure::because(context()))? {
        let entry = entry.map_err(Failure::because(context()))?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        // A store that a person left in the example is not part of it.
        if entry.file_name() == ".myrmex" {
            continue;
        }
        if source.is_dir() {
            copy_folder(&source, &copy)?;
        } else {
            fs::copy(&source, &copy).map_err(Failure::because(context()))?;
        }
    }
    Ok(())
}
