//! The data directory and the lock of its owner.
//!
//! Exactly one process owns a data directory: it writes the store, the log segments and the blobs. The lock is an
//! exclusive `flock` on `owner.lock`, which the system drops when the last descriptor of the owner's open file is
//! closed. An owner that starts task processes passes the descriptor on to their reapers, so that nobody becomes the
//! next owner while processes of the dead one are alive.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use myrmex_model::id::RunId;
use myrmex_model::time::Timestamp;

/// The lock's file in the data directory.
pub const LOCK_NAME: &str = "owner.lock";

/// How long between two tries for a lock that the remains of a dead owner hold: a tenth of what people notice.
const POLL: Duration = Duration::from_millis(10);

/// The longest text in the lock's file that is read; what we write is shorter.
const LOCK_TEXT_MAX: usize = 256;

/// A directory that holds, or will hold, a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDirectory {
    path: PathBuf,
}

/// The right to write in a data directory. It ends when this and all copies of its descriptor are closed.
#[derive(Debug)]
pub struct Owner {
    file: File,
    directory: DataDirectory,
    holder: Holder,
}

/// What the process that holds a data directory is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Since when it holds the directory.
    pub since: Timestamp,
    /// The run that it goes on with, and with those that came of it; none while it has not said.
    pub run: Option<RunId>,
}

/// Why a data directory cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process is at work with it.
    #[error("process {pid} has been working with `{}` since {since}", directory.display())]
    Held {
        /// The process.
        pid: u32,
        /// Since when it holds the directory.
        since: Timestamp,
        /// The directory.
        directory: PathBuf,
    },
    /// Its last owner is dead, yet what that one had started still holds the lock after the wait.
    #[error("processes that an earlier owner of `{}` had started are still being stopped", directory.display())]
    Remains {
        /// The dead process, if it is known.
        pid: Option<u32>,
        /// The directory.
        directory: PathBuf,
    },
    /// The directory or the lock's file cannot be used.
    #[error("cannot lock `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl DataDirectory {
    /// Opens the directory, and creates it, for its owner alone (mode 0700), if there is none.
    ///
    /// A new directory survives loss of power from now on.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if !path.is_dir() {
            let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.is_dir();
            // Each new directory is named by the one around it.
            let around: Vec<&Path> = path.ancestors().skip(1).collect();
            let named_by = around.iter().position(is_there).map_or(around.len(), |place| place + 1);
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
            for folder in &around[..named_by] {
                sync_directory(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
            }
        }
        Ok(Self { path })
    }

    /// Opens an existing directory to read in it, which needs no lock. Creates nothing.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::NotFound`] if there is none.
    pub fn read_only(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if std::fs::metadata(&path)?.is_dir() {
            return Ok(Self { path });
        }
        Err(io::ErrorKind::NotADirectory.into())
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what a living process that holds the directory is about, if one does. It may have changed by the time of the
    /// answer.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system; a directory that was never held has no holder.
    pub fn holder(&self) -> io::Result<Option<Work>> {
        Ok(self.living_holder()?.map(|holder| holder.work))
    }

    fn living_holder(&self) -> io::Result<Option<Holder>> {
        let file = match File::open(self.path.join(LOCK_NAME)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Holder::read(&file)?.filter(Holder::is_alive))
    }

    /// Returns the number of the living process that holds the directory, if one does. It may have changed by the time of the answer.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system; a directory that was never held has no holder.
    pub fn holding_process(&self) -> io::Result<Option<u32>> {
        Ok(self.living_holder()?.map(|holder| holder.pid))
    }

    /// Becomes the owner, or says who is.
    ///
    /// If the owner is dead but processes that it had started are still being stopped, waits for them up to `wait`.
    /// A living owner is reported at once.
    ///
    /// # Errors
    ///
    /// Returns [`HoldError::Held`] for a living owner, [`HoldError::Remains`] if the wait was not enough.
    pub fn hold(&self, wait: Duration) -> Result<Owner, HoldError> {
        let path = self.path.join(LOCK_NAME);
        let failed = |source| HoldError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            let holder = Holder::read(&file).map_err(failed)?;
            let directory = self.path.clone();
            if let Some(Holder { pid, work, .. }) = holder.as_ref().filter(|holder| holder.is_alive()) {
                return Err(HoldError::Held { pid: *pid, since: work.since, directory });
            }
            if Instant::now() >= deadline {
                return Err(HoldError::Remains { pid: holder.map(|holder| holder.pid), directory });
            }
            std::thread::sleep(POLL);
        }
        let holder = Holder::current();
        holder.write(&file).map_err(failed)?;
        Ok(Owner { file, directory: self.clone(), holder })
    }
}

impl Owner {
    /// Returns the directory that is held.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Says that the process goes on with `run` and what comes of it. Who reads beside it knows then that other runs stand still.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub fn goes_on_with(&self, run: RunId) -> io::Result<()> {
        let work = Work { run: Some(run), ..self.holder.work };
        Holder { work, ..self.holder.clone() }.write(&self.file)
    }
}

/// The descriptor that carries the lock. A process that inherits a copy holds the directory with the owner.
impl AsFd for Owner {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // An owner that lives on, but no longer owns, must not be reported as the holder while its reapers finish.
        // If this does not work, the next one is told to wait for us, which is true enough.
        let _is_cleared = self.file.set_len(0).is_ok();
    }
}

/// Who holds the lock, as its file says: `pid start boot since run`, on one line; `-` for a run that is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    pid: u32,
    /// When the process started, in clock ticks since the machine did; a reused process id differs here.
    start: u64,
    /// Which start of the machine.
    boot: String,
    work: Work,
}

impl Holder {
    fn current() -> Self {
        let pid = std::process::id();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let since = Timestamp(i64::try_from(since).unwrap_or(i64::MAX));
        let work = Work { since, run: None };
        Self { pid, start: start_of(pid).unwrap_or(0), boot: boot_id(), work }
    }

    fn write(&self, file: &File) -> io::Result<()> {
        let Self { pid, start, boot, work: Work { since, run } } = self;
        let run = run.map_or_else(|| "-".to_owned(), |run| run.to_string());
        let text = format!("{pid} {start} {boot} {} {run}\n", since.0);
        file.write_all_at(text.as_bytes(), 0)?;
        file.set_len(text.len() as u64)
    }

    /// Reads what the file says; nothing while its holder has not written it yet.
    fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; LOCK_TEXT_MAX];
        let length = file.read_at(&mut bytes, 0)?;
        Ok(std::str::from_utf8(&bytes[..length]).ok().and_then(Self::parse))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let holder = Self {
            pid: words.next()?.parse().ok()?,
            start: words.next()?.parse().ok()?,
            boot: words.next()?.to_owned(),
            work: Work {
                since: Timestamp(words.next()?.parse().ok()?),
                run: match words.next()? {
                    "-" => None,
                    run => Some(run.parse().ok()?),
                },
            },
        };
        words.next().is_none().then_some(holder)
    }

    /// Returns whether the very process is at work. Where the system does not tell (no `/proc`), it counts as alive.
    fn is_alive(&self) -> bool {
        if !Path::new("/proc/self/stat").exists() {
            return true;
        }
        self.boot == boot_id() && start_of(self.pid) == Some(self.start)
    }
}

/// Returns when a process started, in clock ticks since the machine did; none if it is dead, also if its parent has
/// not taken notice yet.
fn start_of(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything, so count from its end.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    // The start is field 22; the state was field 3.
    let start = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X" | "x")).then_some(start)
}

/// Returns what tells this start of the machine from every other.
fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { "-".to_owned() } else { id.to_owned() }
}

/// Makes the names in a directory survive loss of power.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_reads_back_what_it_wrote() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[b'x'; 200], 0).unwrap();
        let holder = Holder::current();
        holder.write(&file).unwrap();
        assert_eq!(Holder::read(&file).unwrap(), Some(holder.clone()));
        let said = Holder { work: Work { run: Some(RunId([7; 16])), ..holder.work }, ..holder.clone() };
        said.write(&file).unwrap();
        assert_eq!(Holder::read(&file).unwrap(), Some(said));
        assert!(holder.is_alive());
    }

    #[test]
    fn a_reused_process_id_and_another_boot_are_not_the_holder() {
        let holder = Holder::current();
        assert!(!Holder { start: holder.start + 1, ..holder.clone() }.is_alive());
        assert!(!Holder { boot: "other".to_owned(), ..holder }.is_alive());
    }

    #[test]
    fn other_texts_name_nobody() {
        for text in ["", "1 2", "1 2 b 3 -", "x 2 b 3 -\n", "1 2 b 3\n", "1 2 b 3 4\n", "1 2 b 3 - 4\n"] {
            assert_eq!(Holder::parse(text), None, "{text}");
        }
    }
}
