//! Waiting until something is written to the files of a folder: for whoever follows what another process does.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::syscall;

/// Changes to the files in folders, from when they are first watched. What happens between two waits is not missed, and several changes
/// may be told as one.
pub struct Changes {
    notify: OwnedFd,
}

impl Changes {
    /// Begins to watch nothing.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if it has no more to give.
    pub fn new() -> io::Result<Self> {
        Ok(Self { notify: syscall::inotify()? })
    }

    /// Watches a folder; one that is watched already stays so.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, such as that there is no such folder.
    pub fn watch(&self, folder: &Path) -> io::Result<()> {
        let path = CString::new(folder.as_os_str().as_bytes())?;
        syscall::watch_writes(&self.notify, &path)
    }

    /// Waits until something was written since the last wait, or this time is over.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    pub fn wait(&self, longest: Duration) -> io::Result<()> {
        syscall::wait_readable(&self.notify, longest)?;
        syscall::drain(&self.notify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_the_wait_ends_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let changes = Changes::new().unwrap();
        changes.watch(folder.path()).unwrap();
        std::fs::write(folder.path().join("a"), "x").unwrap();
        changes.wait(Duration::from_hours(1)).unwrap();
        // Nothing is left of it: the next wait lasts as long as it may.
        changes.wait(Duration::ZERO).unwrap();
        assert!(changes.watch(&folder.path().join("missing")).is_err());
    }
}
