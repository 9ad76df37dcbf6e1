//! Child processes: run one and see how it ends, read its output, or stop it when its time is over.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::failure::Failure;

/// How often a limited child is looked at: short beside any suite, long enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs `command` with the terminal of this process and fails unless it ends with 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(Failure::because(name(command)))?;
    judge(command, status)
}

/// Runs `command` as [`run`] does, without standard input, and kills it with all its descendants after `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), Failure> {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).spawn().map_err(Failure::because(name(command)))?;
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::because(name(command)))? {
            return judge(command, status);
        }
        if started.elapsed() > limit {
            kill_tree(&mut child);
            return Err(Failure::new(format!("killed after {} s: over its budget by half", limit.as_secs())));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Runs `command` and returns what it wrote to standard output; its standard error goes to the terminal.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(Failure::because(name(command)))?;
    judge(command, output.status)?;
    String::from_utf8(output.stdout).map_err(Failure::because(format!("output of `{}`", name(command))))
}

/// Returns whether `command` can be started and ends with 0; shows nothing of it.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn judge(command: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` ended with {status}", name(command))))
}

/// Returns the command as a person would type it: the program without its folder.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Kills `child` and every process below it.
///
/// The children share our process group, so that Ctrl-C reaches all of them; hence a walk and no group signal.
fn kill_tree(child: &mut Child) {
    let parents = parents().unwrap_or_default();
    let doomed = descendants(child.id(), &parents);
    let ids = doomed.iter().map(u32::to_string);
    succeeds(Command::new("kill").arg("-9").args(ids));
    // It may have ended between the look and the kill; either way nothing is left to wait for.
    let _ = child.kill();
    let _ = child.wait();
}

/// Returns `(process, parent)` of every process. Only Linux can tell; elsewhere only the child itself is killed.
fn parents() -> io::Result<Vec<(u32, u32)>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        if let Some(parent) =
            fs::read_to_string(format!("/proc/{id}/stat")).ok().as_deref().and_then(parent_in_stat)
        {
            parents.push((id, parent));
        }
    }
    Ok(parents)
}

/// Reads the parent out of a `stat` line, whose second field may itself hold blanks and parentheses.
fn parent_in_stat(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(1)?.parse().ok()
}

fn descendants(root: u32, parents: &[(u32, u32)]) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(id, _)| *id));
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_is_read_past_a_name_with_blanks_and_parentheses() {
        assert_eq!(parent_in_stat("7 (a) b (c) S 3 7 7 0"), Some(3));
    }

    #[test]
    fn descendants_are_found_at_any_depth() {
        assert_eq!(descendants(1, &[(2, 1), (3, 2), (9, 8)]), vec![1, 2, 3]);
    }

    #[test]
    fn a_child_over_its_limit_is_killed() {
        let failure = run_within(Command::new("sleep").arg("60"), Duration::from_millis(1)).unwrap_err();
        assert!(failure.to_string().contains("over its budget"), "{failure}");
    }
}
