//! The shim `fault.c`: compiled once per test program, preloaded into the binary, and read afterwards.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::support::{Ended, Live, Workspace};

/// The length of `struct report` in the shim: four counters and a name.
const REPORT_BYTES: usize = 4 * 8 + 256;

/// The compiled shim.
pub(crate) struct Shim {
    _folder: tempfile::TempDir,
    library: PathBuf,
}

/// What the shim counted.
#[derive(Debug)]
pub(crate) struct Report {
    /// Calls that change files of the data directory.
    pub(crate) calls: u64,
    /// Syncs among them.
    pub(crate) syncs: u64,
    /// How often the fault took place.
    pub(crate) fired: u64,
    /// Syncs of files whose sync had failed before.
    pub(crate) resyncs: u64,
    /// The call that the first fault hit, and its file.
    pub(crate) what: String,
}

impl Shim {
    /// Compiles it with the C compiler that the embedded `SQLite` needs as well.
    pub(crate) fn compile() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("fault.c");
        fs::write(&source, include_str!("fault.c")).unwrap();
        let library = folder.path().join("fault.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        let output = compiler.arg(&library).arg(&source).arg("-ldl").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { _folder: folder, library }
    }

    /// Prepares the binary with the shim and a fault as `fault.c` describes them.
    pub(crate) fn command(&self, workspace: &Workspace, fault: &str, words: &[&str]) -> Command {
        fs::write(report_of(workspace), [0; REPORT_BYTES]).unwrap();
        let mut command = workspace.myrmex(words);
        let data = super::real(workspace.root()).join(".myrmex");
        command.env("LD_PRELOAD", &self.library).env("MYRMEX_FAULT", fault);
        command.env("MYRMEX_FAULT_DIR", data).env("MYRMEX_FAULT_REPORT", report_of(workspace));
        command
    }

    /// Runs the binary with a fault to its end, whatever that is.
    pub(crate) fn run(&self, workspace: &Workspace, fault: &str, words: &[&str]) -> (Ended, Report) {
        let ended = Live::start(self.command(workspace, fault, words), fault).wait();
        (ended, Report::read(&fs::read(report_of(workspace)).unwrap()))
    }
}

fn report_of(workspace: &Workspace) -> PathBuf {
    workspace.path("fault-report")
}

impl Report {
    fn read(bytes: &[u8]) -> Self {
        let number = |index: usize| u64::from_le_bytes(bytes[index * 8..][..8].try_into().unwrap());
        let what = bytes[32..].split(|byte| *byte == 0).next().unwrap_or_default();
        let what = String::from_utf8_lossy(what).into_owned();
        Self { calls: number(0), syncs: number(1), fired: number(2), resyncs: number(3), what }
    }
}
