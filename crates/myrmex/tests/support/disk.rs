//! A small filesystem in memory, for tests of what happens when it is full.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small filesystem in memory; unmounted when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many KiB, or says why this user may not.
    pub(crate) fn mount(path: PathBuf, kib: u64) -> Result<Self, String> {
        fs::create_dir(&path).unwrap();
        mount(&format!("size={kib}k"), &path).map(|()| Self(path))
    }

    /// Gives it another size, which is not less than what is used.
    pub(crate) fn resize(&self, kib: u64) {
        mount(&format!("remount,size={kib}k"), &self.0).unwrap();
    }

    /// Returns how many KiB are used.
    pub(crate) fn used_kib(&self) -> u64 {
        let words = ["--block-size=1024", "--output=used"];
        let output = Command::new("df").args(words).arg(&self.0).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().last().unwrap().trim().parse().unwrap()
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        for size in [64 << 10, 4 << 10, 1 << 10, 1] {
            while ballast.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

fn mount(options: &str, path: &Path) -> Result<(), String> {
    let words = ["-t", "tmpfs", "-o", options, "tmpfs"];
    match Command::new("mount").args(words).arg(path).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Processes of a failed test may still hold it; lazily it goes when they do.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}
