//! Whether the files of the store are whole. SQLite reads a file that was cut off as if rows were missing, and one whose
//! write-ahead log is gone as if the last commits had never been: both would be silent losses.
//!
//! This finds files that are missing, empty or too short. What is wrong inside of pages is found when they are read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::failed;
use crate::error::StoreError;

/// Bytes of the shared memory's file that say how far the write-ahead log goes: two copies of a header, and how much
/// of the log is in the store already.
const INDEX_BYTES: usize = 100;

/// Bytes of each copy of the header.
const INDEX_HEADER_BYTES: usize = 48;

/// The only version of the header that there is.
const INDEX_VERSION: u32 = 3_007_000;

/// Bytes before the first frame of the write-ahead log.
const LOG_HEADER_BYTES: usize = 32;

/// Bytes before the page in each frame.
const FRAME_HEADER_BYTES: u64 = 24;

/// The stores that this process has opened, or is about to open.
static LOOKED_AT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Checks what can be seen before the store is opened, which would hide it; the write-ahead log only the first time.
///
/// # Errors
///
/// Returns [`StoreError::Damaged`] if the file is no file or empty, or the write-ahead log lacks commits.
pub(super) fn check_files(path: &Path) -> Result<(), StoreError> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.is_dir() {
        return Err(StoreError::damaged("it is a folder, not a file", path.display().to_string()));
    }
    if metadata.len() == 0 {
        return Err(StoreError::damaged("the file is empty", path.display().to_string()));
    }
    // A process that closes any descriptor of a file loses all locks it has on it, so the index must not be looked at
    // once there may be a connection: SQLite's locks are on it, and other processes would think the store unused.
    let mut looked_at = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if looked_at.contains(&path) {
        return Ok(());
    }
    check_log(&path)?;
    looked_at.insert(path);
    Ok(())
}

/// Checks that the write-ahead log holds what its index claims.
fn check_log(path: &Path) -> Result<(), StoreError> {
    let (index, log) = (beside(path, "-shm"), beside(path, "-wal"));
    let Some(claimed) = Claimed::read(&index) else { return Ok(()) };
    let held = claimed.frames_in(&log);
    // A writer or a checkpoint at work changes the index before the log; then nothing can be told, and nothing is lost.
    if held >= claimed.frames || Claimed::read(&index) != Some(claimed) {
        return Ok(());
    }
    let what = match held {
        0 => "the file is missing or empty, with the last commits in it".to_owned(),
        _ => format!("the file was cut off after {held} of {} pages, with the last commits", claimed.frames),
    };
    Err(StoreError::damaged(what, log.display().to_string()))
}

/// What the shared memory says of the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Claimed {
    /// Frames of commits that are not in the store yet, counted from the first of the log.
    frames: u64,
    page_bytes: u64,
    /// Tells this log from those before it in the same file.
    salt: [u8; 8],
}

impl Claimed {
    /// Reads the index; nothing if it says nothing that concerns commits, or cannot be relied on.
    fn read(index: &Path) -> Option<Self> {
        let mut bytes = [0; INDEX_BYTES];
        File::open(index).and_then(|file| file.read_exact_at(&mut bytes, 0)).ok()?;
        let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let (first, rest) = bytes.split_at(INDEX_HEADER_BYTES);
        let is_whole = first == &rest[..INDEX_HEADER_BYTES] && number(0)? == INDEX_VERSION && bytes[12] == 1;
        let (frames, moved) = (number(16)?, number(2 * INDEX_HEADER_BYTES)?);
        let page_bytes = match u16::from_ne_bytes([bytes[14], bytes[15]]) {
            1 => 1 << 16,
            other => u64::from(other),
        };
        let salt = bytes[32..40].try_into().ok()?;
        // What was moved into the store is not needed in the log.
        (is_whole && frames > moved).then_some(Self { frames: frames.into(), page_bytes, salt })
    }

    /// Counts the frames that the log holds; as many as are claimed if it is another log by now.
    fn frames_in(&self, log: &Path) -> u64 {
        let mut header = [0; LOG_HEADER_BYTES];
        let read = File::open(log).and_then(|file| {
            file.read_exact_at(&mut header, 0)?;
            file.metadata()
        });
        match read {
            Ok(_) if header[16..24] != self.salt => self.frames,
            Ok(metadata) => {
                (metadata.len() - LOG_HEADER_BYTES as u64) / (FRAME_HEADER_BYTES + self.page_bytes)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => 0,
                // Whoever opens the log next says better why it cannot be read.
                _ => self.frames,
            },
        }
    }
}

/// Checks that every page of the store is in its file or in its write-ahead log.
///
/// # Errors
///
/// Returns [`StoreError::Damaged`] if one is not.
pub(super) fn check_pages(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let number = |pragma: &str| {
        connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
            .map(i64::cast_unsigned)
            .map_err(failed("cannot read the store"))
    };
    let page_bytes = number("page_size")?;
    let look = || Ok::<_, StoreError>((number("page_count")?, whole_pages(path, page_bytes)?));
    let (wanted, held) = look()?;
    if held >= wanted {
        return Ok(());
    }
    // Beside a writer that is just moving pages only a transaction tells: what it sees stays in one of the two files.
    let run = |statement| connection.execute_batch(statement).map_err(failed("cannot read the store"));
    run("BEGIN")?;
    let looked = look().and_then(|(wanted, held)| {
        let in_log = pages_in_log(&beside(path, "-wal"), page_bytes)?;
        Ok(((held + 1)..=wanted).find(|page| !in_log.contains(page)).map(|missing| (missing, wanted)))
    });
    run("COMMIT")?;
    match looked? {
        Some((missing, wanted)) => {
            let what = format!("the file was cut off: page {missing} of {wanted} is missing");
            Err(StoreError::damaged(what, path.display().to_string()))
        }
        None => Ok(()),
    }
}

/// Returns how many whole pages the file has.
fn whole_pages(path: &Path, page_bytes: u64) -> Result<u64, StoreError> {
    let length =
        std::fs::metadata(path).map_err(|error| StoreError::io("cannot read the store", error))?.len();
    Ok(length / page_bytes.max(1))
}

/// Returns the pages that stand in the write-ahead log.
fn pages_in_log(log: &Path, page_bytes: u64) -> Result<BTreeSet<u64>, StoreError> {
    let failed = |error| StoreError::io("cannot read the write-ahead log", error);
    let file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok([].into()),
        opened => opened.map_err(failed)?,
    };
    let frames = file.metadata().map_err(failed)?.len().saturating_sub(LOG_HEADER_BYTES as u64)
        / (FRAME_HEADER_BYTES + page_bytes);
    let page = |frame: u64| {
        let mut number = [0; 4];
        let at = LOG_HEADER_BYTES as u64 + frame * (FRAME_HEADER_BYTES + page_bytes);
        file.read_exact_at(&mut number, at).map(|()| u64::from(u32::from_be_bytes(number)))
    };
    (0..frames).map(page).collect::<io::Result<_>>().map_err(failed)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
