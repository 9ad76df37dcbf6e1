//! The store: whether this release can read it, whether it is whole, who holds it, and what was left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use myrmex_model::name::Namespace;
use myrmex_runtime::worker::{copies_folder, scratch_folder};
use myrmex_store::contract::SummaryFilter;
use myrmex_store::directory::{DataDirectory, Work};
use myrmex_store::sqlite::{FILE_NAME, SqliteReader};
use myrmex_store::{Reader, StoreError};

use super::Finding;
use super::machine::size;
use crate::driven::Driver;
use crate::exit::{Failure, command_of};
use crate::render::{summary, time};
use crate::workspace::Workspace;

/// The largest store that is read whole: about ten seconds of a slow disk.
const READ_BYTES_MAX: u64 = 2 << 30;

/// The most runs that are looked at for those that wait to be resumed.
const RUNS_MAX: usize = 1_000;

/// The end of the name of a store that is being made.
const UNFINISHED: &str = "store.partial";

pub(super) fn look(workspace: &Workspace) -> Vec<Finding> {
    if !workspace.data.is_dir() {
        return vec![Finding::fine("store", "none yet: the first `myrmex run` makes it")];
    }
    let mut findings = vec![holder(workspace), access(&workspace.data)];
    let path = workspace.data.join(FILE_NAME);
    if path.exists() {
        match SqliteReader::open(&workspace.data) {
            Ok(reader) => {
                findings.push(health(&reader, &path, workspace));
                findings.push(interrupted(&reader, workspace));
            }
            Err(error) => findings.push(unreadable(error)),
        }
    } else {
        findings.push(Finding::fine("store", "none yet: the first `myrmex run` makes it"));
    }
    findings.push(leftovers(workspace));
    findings
}

fn holder(workspace: &Workspace) -> Finding {
    let directory = DataDirectory::read_only(&workspace.data);
    let held = directory.and_then(|directory| Ok((directory.holder()?, directory.holding_process()?)));
    match held {
        Ok((Some(Work { since, run }), Some(pid))) => {
            let what = command_of(pid).map_or_else(String::new, |command| format!(" (`{command}`)"));
            let run = run.map_or_else(String::new, |run| format!(", with run {}", summary::short(run)));
            let since = time::instant(since);
            Finding::fine("holder", format!("process {pid}{what} works here since {since}{run}"))
        }
        Ok(_) => Finding::fine("holder", "nobody holds the store"),
        Err(error) => {
            let failure = Failure::file(&workspace.data, "cannot be read", &error);
            Finding::of_failure("holder", failure).with_hint("it must belong to the user who runs myrmex")
        }
    }
}

/// Whether the data is for its owner alone.
fn access(data: &Path) -> Finding {
    match fs::metadata(data) {
        Ok(metadata) if [0o070, 0o007].iter().all(|others| metadata.permissions().mode() & others == 0) => {
            Finding::fine("access", "the data directory is for its owner alone")
        }
        Ok(_) => Finding::doubtful(
            "access",
            "others may read the data directory",
            format!("`chmod 700 {}`", data.display()),
        ),
        Err(error) => Finding::of_failure("access", Failure::file(data, "cannot be read", &error)),
    }
}

fn unreadable(error: StoreError) -> Finding {
    Finding::of_failure("store", error.into())
}

fn health(reader: &SqliteReader, path: &Path, workspace: &Workspace) -> Finding {
    let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    let about = format!("of the format of this release, {}", size(bytes));
    if bytes > READ_BYTES_MAX {
        return Finding::fine("store", format!("{about}; too large to be read whole here"));
    }
    // It is one long read, and as long as one lasts the write-ahead log of a process that works here only grows.
    if Driver::of(workspace).is_ok_and(Driver::is_there) {
        return Finding::fine("store", format!("{about}; not read whole while a process works here"));
    }
    match reader.problems() {
        Ok(problems) if problems.is_empty() => Finding::fine("store", format!("{about}, whole")),
        Ok(problems) => {
            let message = format!("it is damaged: {}", problems.join("; "));
            Finding::broken("store", message, "`myrmex explain X0203` says what can be done")
        }
        Err(error) => unreadable(error),
    }
}

fn interrupted(reader: &SqliteReader, workspace: &Workspace) -> Finding {
    let count = || -> Result<(usize, usize), Failure> {
        let driver = Driver::of(workspace)?;
        let page = reader.summaries(&Namespace::standard(), &SummaryFilter::default(), None, RUNS_MAX)?;
        let mut left = 0;
        for run in &page.summaries {
            left += usize::from(driver.has_left(reader, run)?);
        }
        Ok((page.summaries.len(), left))
    };
    match count() {
        Ok((runs, 0)) => {
            let more = if runs == RUNS_MAX { " or more" } else { "" };
            Finding::fine("runs", format!("{runs}{more}, none of which waits to be resumed"))
        }
        Ok((_, left)) => Finding::doubtful(
            "runs",
            format!("{left} interrupted, waiting to be resumed or cancelled"),
            "`myrmex runs list --status interrupted` names them",
        ),
        Err(failure) => Finding::of_failure("runs", failure),
    }
}

/// What processes left that were killed.
fn leftovers(workspace: &Workspace) -> Finding {
    let is_held = Driver::of(workspace).is_ok_and(Driver::is_there);
    let folders = [scratch_folder(&workspace.data), copies_folder(&workspace.data)];
    let entries =
        folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten()).count();
    let unfinished = usize::from(workspace.data.join(UNFINISHED).exists());
    if is_held || entries + unfinished == 0 {
        return Finding::fine("leftovers", "nothing was left behind");
    }
    let message = format!(
        "{} of processes that were killed",
        if entries + unfinished == 1 {
            "1 file or folder".to_owned()
        } else {
            format!("{} files or folders", entries + unfinished)
        }
    );
    Finding::doubtful("leftovers", message, "the next run with a task that starts a process removes them")
}
