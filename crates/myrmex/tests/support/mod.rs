//! What the crash tests share: temporary workspaces, the real binary in them, what it prints, what it leaves behind.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use myrmex_store::directory::LOCK_NAME;
use myrmex_testkit::history::{Breach, Export, Ledger};
use serde_json::{Map, Value, json};

/// Far longer than anything takes here; past this it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// How often something is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The variable that marks every process of a command.
const MARK: &str = "MYRMEX_CRASH_TEST_MARK";

/// The snippet that every task sources first.
const LEDGER_SNIPPET: &str = include_str!("ledger.sh");

/// A temporary workspace with a ledger.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
    data: PathBuf,
    has_one_partition: bool,
}

impl Workspace {
    /// Makes an empty one with its data directory inside.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("myrmex-crash-").tempdir().unwrap();
        fs::write(folder.path().join("myrmex.yaml"), "").unwrap();
        fs::write(folder.path().join("ledger.sh"), LEDGER_SNIPPET).unwrap();
        let data = folder.path().join(".myrmex");
        Self { folder, data, has_one_partition: false }
    }

    /// Lets the store have one partition, as it has for users: what one says then happens in an order.
    #[must_use]
    pub(crate) fn with_one_partition(mut self) -> Self {
        self.has_one_partition = true;
        self
    }

    /// Puts the data directory elsewhere.
    #[must_use]
    pub(crate) fn with_data(mut self, data: PathBuf) -> Self {
        self.data = data;
        self
    }

    /// Adds a file.
    #[must_use]
    pub(crate) fn with_file(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Keeps the files for whoever looks into a failure.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// Prepares the binary with these words.
    pub(crate) fn myrmex(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.arg("--data-dir").arg(&self.data).args(words);
        command.current_dir(self.root()).env("LEDGER", self.path("ledger")).env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        if self.has_one_partition {
            command.env_remove("MYRMEX_PARTITIONS");
        }
        command
    }

    /// Returns the file whose lock is held with the store.
    pub(crate) fn lock(&self) -> PathBuf {
        self.data.join(LOCK_NAME)
    }

    /// Returns the process that took the store last, unless it gave it back.
    pub(crate) fn holder(&self) -> Option<u32> {
        fs::read_to_string(self.lock()).ok()?.split(' ').next()?.parse().ok()
    }

    /// Returns whether nobody holds the store, and no process that an owner of it had started does.
    pub(crate) fn is_free(&self) -> bool {
        // The lock, if it was taken, is given back with the file.
        fs::File::open(self.lock()).map_or(true, |file| file.try_lock().is_ok())
    }

    /// Reads the store as it stands; nothing if there is none yet.
    pub(crate) fn export(&self) -> Result<Export, String> {
        let output = self.myrmex(&["events"]).output().unwrap();
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            // A process that was killed before its first commit leaves no store, or one without tables.
            return if text.contains("there is no store") { Ok(Export::default()) } else { Err(text) };
        }
        Export::parse(&String::from_utf8_lossy(&output.stdout)).map_err(|error| error.to_string())
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let text = fs::read_to_string(self.path("ledger")).unwrap_or_default();
        Ledger::parse(&text).unwrap_or_else(|| panic!("a torn line in the ledger:\n{text}"))
    }
}

/// A running command whose standard output is read as it comes.
pub(crate) struct Live {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    errors: Arc<Mutex<String>>,
    error_reader: Option<JoinHandle<()>>,
}

/// How a command ended and what it printed.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Whole lines of standard output.
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
}

impl Live {
    /// Starts the command as the leader of a process group, with a mark that all its descendants bear.
    pub(crate) fn start(mut command: Command, mark: &str) -> Self {
        command.process_group(0).env(MARK, mark).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (lines, errors) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(String::new())));
        let reader = read_lines(BufReader::new(child.stdout.take().unwrap()), Arc::clone(&lines));
        let error_reader = read_text(child.stderr.take().unwrap(), Arc::clone(&errors));
        Self { child, lines, reader: Some(reader), errors, error_reader: Some(error_reader) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_printed(&self) -> bool {
        !lock(&self.lines).is_empty()
    }

    pub(crate) fn errors(&self) -> String {
        lock(&self.errors).clone()
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills the main process alone, with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Kills the whole process group at once, with SIGKILL.
    pub(crate) fn kill_group(&mut self) {
        if self.is_over() {
            return;
        }
        let group = format!("-{}", self.pid());
        let killed =
            Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().unwrap();
        assert!(killed.success() || self.is_over(), "the process group cannot be killed");
    }

    /// Asks the main process to end, with SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(asked.success(), "the process cannot be asked to end");
    }

    /// Waits until the command has ended by itself.
    pub(crate) fn wait(mut self) -> Ended {
        if !poll(PATIENCE, || self.is_over()) {
            let errors = self.errors();
            self.kill();
            panic!("the command hangs; it said: {errors}\nit printed: {:#?}", self.finish().lines);
        }
        self.finish()
    }

    /// Collects what is left of a command that ends now.
    pub(crate) fn finish(mut self) -> Ended {
        let status = self.child.wait().unwrap();
        for reader in [self.reader.take(), self.error_reader.take()].into_iter().flatten() {
            reader.join().unwrap();
        }
        Ended { status, lines: std::mem::take(&mut lock(&self.lines)), errors: self.errors() }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Only a test that fails leaves one running; its reapers end the tasks.
        drop(self.child.kill());
    }
}

impl Ended {
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// Returns the lines that acknowledge events: printed, so committed before.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| !is_summary(line) && !is_wait(line))
    }

    /// Returns the last line of `run --json` if it is the summary.
    pub(crate) fn summary(&self) -> Option<Value> {
        let line = self.lines.last().filter(|line| is_summary(line))?;
        serde_json::from_str(line).ok()
    }
}

fn is_summary(line: &str) -> bool {
    line.starts_with(r#"{"type":"run.summary""#)
}

fn is_wait(line: &str) -> bool {
    line.starts_with(r#"{"type":"engine.waiting""#)
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_lines(mut from: impl BufRead + Send + 'static, to: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut line = String::new();
        // A line without its end was cut by the kill and acknowledges nothing.
        while from.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
            lock(&to).push(line.trim_end().to_owned());
            line.clear();
        }
    })
}

fn read_text(mut from: impl Read + Send + 'static, to: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            lock(&to).push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    })
}

/// Asks again and again until it is true; false if that takes longer than `limit`.
pub(crate) fn poll(limit: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if is_true() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Returns the living processes that bear this mark.
pub(crate) fn marked(mark: &str) -> Vec<String> {
    let entry = format!("{MARK}={mark}");
    let folders = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let bears_it = |folder: &PathBuf| {
        let environment = fs::read(folder.join("environ"));
        environment.is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(|text| text == entry.as_bytes()))
    };
    let describe = |folder: PathBuf| {
        let words = fs::read(folder.join("cmdline")).unwrap_or_default();
        format!("{}: {}", folder.display(), String::from_utf8_lossy(&words).replace('\0', " "))
    };
    folders.filter(bears_it).map(describe).collect()
}

/// Returns what a crash must not change of a summary: statuses and outputs, not attempts, times and ids.
pub(crate) fn outcome(summary: &Value) -> Value {
    let tasks = summary["tasks"].as_object().cloned().unwrap_or_default();
    let tasks: Map<String, Value> = tasks
        .into_iter()
        .map(|(path, task)| (path, json!({"status": task["status"], "output": task["output"]})))
        .collect();
    // The order in which tasks were reached may differ.
    let mut names: Vec<_> = tasks.into_iter().collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    let tasks: Map<String, Value> = names.into_iter().collect();
    let has_error = !summary["error"].is_null();
    json!({"status": summary["status"], "output": summary["output"], "has_error": has_error, "tasks": tasks})
}

/// Shows breaches, each on its own lines.
pub(crate) fn describe(breaches: &[Breach]) -> String {
    let texts: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

/// Prints a line that is seen although the test passes: figures, seeds, reasons for leaving something out.
pub(crate) fn say(text: &str) {
    // If standard error is closed there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// A small generator of numbers (`SplitMix64`), so that a seed gives the same decisions on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// Returns true in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns a duration from `from` up to but not including `to`.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = u64::try_from(to.saturating_sub(from).as_micros()).unwrap_or(u64::MAX);
        from + Duration::from_micros(self.below(span.max(1)))
    }
}
