//! The machine: the program, the disk, limits, the clock, the shell, the terminal.

use std::env;
use std::fs::{self, File};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use myrmex_runtime::platform::{self, FileSystem, Volume};

use super::Finding;
use crate::machine;
use crate::workspace::Workspace;

/// Below this much room the store soon cannot record what happens.
const FREE_BYTES_LOW: u64 = 1 << 30;

/// Below this much room a run may not come to its end.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// Fewer files than this that may still be made are soon used up.
const FREE_FILES_LOW: u64 = 10_000;

/// An attempt needs about three open files, and 1,024 attempts may run at a time.
const OPEN_FILES_LOW: u64 = 4_096;

/// Each attempt is two processes, and what it starts itself.
const PROCESSES_LOW: u64 = 512;

/// An editor alone watches some thousand folders.
const WATCHES_LOW: u64 = 8_192;

/// Each program that watches takes one at least; the system gives 128.
const WATCHERS_LOW: u64 = 64;

/// No clock that is set showed less when this was written: 2026-01-01.
const CLOCK_MIN: Duration = Duration::from_hours(490_896);

/// A clock that differs by less from the times of files is only not exact.
const CLOCK_SLACK: Duration = Duration::from_mins(1);

/// The files in which shells may be told to complete, from the home folder.
const START_FILES: [&str; 6] = [
    ".bashrc",
    ".bash_profile",
    ".zshrc",
    ".config/fish/config.fish",
    ".config/fish/completions/myrmex.fish",
    ".local/share/bash-completion/completions/myrmex",
];

pub(super) fn version() -> Finding {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (version, system, machine) = (env!("CARGO_PKG_VERSION"), env::consts::OS, env::consts::ARCH);
    let own = env::current_exe().map_or_else(|_| String::new(), |path| format!(", {}", path.display()));
    Finding::fine("version", format!("myrmex {version}, {build} build for {system} on {machine}{own}"))
}

pub(super) fn look(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = disk(&workspace.data);
    findings.extend([open_files(), processes(), watches(), cores(), clock(&workspace.data)]);
    findings.extend([shell(), completions(), terminal()]);
    findings
}

/// Writes a number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// Returns the nearest folder upwards that is there: where the data directory lies or would be made.
fn nearest(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path)
}

fn disk(data: &Path) -> Vec<Finding> {
    let place = nearest(data);
    match platform::volume_of(place) {
        Ok(volume) => vec![room(&volume, place), kind(volume.kind), syncs(place)],
        Err(error) => {
            let message = format!("`{}` tells nothing about its disk: {error}", place.display());
            vec![Finding::doubtful("disk", message, "give another data directory by `--data-dir DIR`")]
        }
    }
}

fn room(volume: &Volume, place: &Path) -> Finding {
    let free = format!("{} free", size(volume.free_bytes));
    let hint = "make room, or give another place by `--data-dir DIR`";
    if !volume.is_writable {
        let message = format!("you may not write in `{}`", place.display());
        return Finding::broken("disk", message, "give another place by `--data-dir DIR`");
    }
    match (volume.free_bytes, volume.free_files) {
        (..FREE_BYTES_MIN, _) => Finding::broken("disk", free, hint),
        (_, Some(0)) => Finding::broken("disk", format!("{free}, but no more file can be made"), hint),
        (..FREE_BYTES_LOW, _) => Finding::doubtful("disk", free, hint),
        (_, Some(files @ ..FREE_FILES_LOW)) => {
            Finding::doubtful("disk", format!("{free}, but only {files} more files can be made"), hint)
        }
        (_, _) => Finding::fine("disk", free),
    }
}

fn kind(kind: FileSystem) -> Finding {
    let hint = "give a folder on a disk of this machine by `--data-dir DIR`";
    match kind {
        FileSystem::Local(name) => Finding::fine("file-system", format!("{name}, on this machine")),
        FileSystem::Unknown => Finding::fine("file-system", "of a kind that is not known here"),
        FileSystem::Memory(name) => Finding::doubtful(
            "file-system",
            format!("{name}: all runs are gone when the machine is switched off"),
            hint,
        ),
        FileSystem::Network(name) => Finding::doubtful(
            "file-system",
            format!(
                "{name}, over a network: whether a lock holds and a sync is durable is up to the other side"
            ),
            hint,
        ),
        FileSystem::User(name) => Finding::doubtful(
            "file-system",
            format!("{name}, served by a program: whether a lock holds and a sync is durable is up to that"),
            hint,
        ),
    }
}

/// Whether names of files can be made durable there. Changes nothing.
fn syncs(place: &Path) -> Finding {
    match File::open(place).and_then(|folder| folder.sync_all()) {
        Ok(()) => Finding::fine("sync", "what is written can be made durable"),
        Err(error) => {
            let message = format!("`{}` cannot be synced: {error}", place.display());
            Finding::broken("sync", message, "give a folder on a disk of this machine by `--data-dir DIR`")
        }
    }
}

fn open_files() -> Finding {
    match platform::limits().open_files {
        Some(limit @ ..OPEN_FILES_LOW) => Finding::doubtful(
            "open-files",
            format!("at most {limit} open files: about {} tasks at a time", limit / 4),
            "raise the hard limit (`ulimit -Hn`), or run fewer at a time by `--slots`",
        ),
        Some(limit) => Finding::fine("open-files", format!("at most {limit} open files")),
        None => Finding::fine("open-files", "no limit of open files"),
    }
}

fn processes() -> Finding {
    // What a container may have is bounded apart from what a user may.
    let of_container =
        fs::read_to_string("/sys/fs/cgroup/pids.max").ok().and_then(|text| text.trim().parse::<u64>().ok());
    match platform::limits().processes.into_iter().chain(of_container).min() {
        Some(limit @ ..PROCESSES_LOW) => Finding::doubtful(
            "processes",
            format!("at most {limit} processes: two for each task, and what it starts"),
            "raise the limit (`ulimit -u`, or that of the container), or run fewer at a time by `--slots`",
        ),
        Some(limit) => Finding::fine("processes", format!("at most {limit} processes")),
        None => Finding::fine("processes", "no limit of processes"),
    }
}

/// How many folders a user may watch for changes, all programs together.
fn watches() -> Finding {
    let limit = |name: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    match (limit("max_user_instances"), limit("max_user_watches")) {
        (Some(programs), Some(folders)) if programs < WATCHERS_LOW || folders < WATCHES_LOW => {
            Finding::doubtful(
                "watches",
                format!("at most {folders} folders, in {programs} places, are watched for changes"),
                "raise `fs.inotify.max_user_watches` and `fs.inotify.max_user_instances` (`sysctl`)",
            )
        }
        (_, Some(folders)) => {
            Finding::fine("watches", format!("at most {folders} folders are watched for changes"))
        }
        (_, None) => Finding::fine("watches", "how many folders may be watched for changes is not told"),
    }
}

fn cores() -> Finding {
    let memory =
        platform::memory_bytes().map_or_else(String::new, |bytes| format!(", {} of memory", size(bytes)));
    let cores = machine::cores();
    let plural = if cores == 1 { "" } else { "s" };
    Finding::fine("machine", format!("{cores} core{plural}{memory}"))
}

/// Whether the clock is set, and was not set back since something was last written.
fn clock(data: &Path) -> Finding {
    let now = SystemTime::now();
    let hint = "set the clock; deadlines and durable timers go by it";
    if now < UNIX_EPOCH + CLOCK_MIN {
        return Finding::broken("clock", "it shows a time before this program was written", hint);
    }
    let written = fs::metadata(data).and_then(|metadata| metadata.modified()).ok();
    let ahead =
        written.and_then(|written| written.duration_since(now).ok()).filter(|ahead| *ahead > CLOCK_SLACK);
    match ahead {
        Some(ahead) => {
            let message = format!(
                "the data directory was changed {} s from now: the clock was set back",
                ahead.as_secs()
            );
            Finding::doubtful("clock", message, hint)
        }
        None => Finding::fine("clock", "it is set"),
    }
}

fn shell() -> Finding {
    let path = env::var_os("PATH").unwrap_or_default();
    let found: Option<PathBuf> =
        env::split_paths(&path).map(|folder| folder.join("sh")).find(|file| file.is_file());
    match found {
        Some(file) => Finding::fine("shell", format!("`{}` runs the scripts of `run`", file.display())),
        None => Finding::broken(
            "shell",
            "no `sh` on the PATH: `run` with a text does not work",
            "install a shell",
        ),
    }
}

fn completions() -> Finding {
    let shell = env::var("SHELL").unwrap_or_default();
    let shell = shell.rsplit('/').next().filter(|shell| ["bash", "zsh", "fish", "elvish"].contains(shell));
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let is_told = |file: &&str| fs::read_to_string(home.join(file)).is_ok_and(|text| text.contains("myrmex"));
    match (START_FILES.iter().copied().find(is_told), shell) {
        (Some(file), _) => Finding::fine("completions", format!("`~/{file}` names myrmex")),
        (None, Some("fish")) => Finding::fine("completions", "not installed, as far as is seen")
            .with_hint("`myrmex completions fish >~/.config/fish/completions/myrmex.fish`"),
        (None, Some(shell @ ("bash" | "zsh"))) => {
            Finding::fine("completions", "not installed, as far as is seen")
                .with_hint(format!("add `source <(myrmex completions {shell})` to `~/.{shell}rc`"))
        }
        (None, _) => Finding::fine("completions", "not installed, as far as is seen")
            .with_hint("`myrmex completions --help` names the shells"),
    }
}

fn terminal() -> Finding {
    let word = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let place = if std::io::stdout().is_terminal() { "a terminal" } else { "no terminal" };
    let colors = match (word("NO_COLOR"), word("TERM")) {
        (Some(_), _) => "no colors (NO_COLOR)",
        (None, Some(term)) if term == "dumb" => "no colors (TERM=dumb)",
        (None, _) if std::io::stdout().is_terminal() => "colors",
        (None, _) => "no colors",
    };
    let locale = word("LC_ALL").or_else(|| word("LC_CTYPE")).or_else(|| word("LANG")).unwrap_or_default();
    let is_utf8 = ["utf-8", "utf8"].iter().any(|name| locale.to_lowercase().contains(name));
    let letters = if is_utf8 { "UTF-8" } else { "a locale without UTF-8" };
    let in_ci = if word("CI").is_some() { ", under CI" } else { "" };
    Finding::fine("terminal", format!("{place}, {colors}, {letters}{in_ci}"))
}
