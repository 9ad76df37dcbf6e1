//! What the checks of the process layer share: a runner without threads, and a host that collects what processes print.
//!
//! The zygote can be forked only while there is one thread, and the usual test harness has several. So these targets
//! have their own small runner; every check forks its own zygote.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, process};

use myrmex_runtime::platform::{
    Exit, ProcessEnd, ProcessEvent, ProcessId, ProcessSpec, Processes, Stream, Zygote,
};

/// No check takes longer on a busy machine; a longer wait is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Some checks wait for something that is no event.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The variable that marks the processes of one check.
const MARK: &str = "MYRMEX_CHECK_MARK";

pub(crate) type Check = (&'static str, fn());

/// Names the checks after their functions.
#[macro_export]
macro_rules! checks {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}

/// Runs the checks whose names contain the first argument, if there is one. Knows as much of the usual harness as
/// test runners ask: `--list` names the checks, `--exact NAME` runs one, and none is ever ignored.
pub(crate) fn run(checks: &[Check]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-') && *argument != "terse");
    let is_chosen = |name: &str| match filter {
        Some(filter) if has("--exact") => name == filter,
        Some(filter) => name.contains(filter.as_str()),
        None => true,
    };
    let chosen = checks.iter().filter(|(name, _)| is_chosen(name) && !has("--ignored"));
    if has("--list") {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in chosen {
        if catch_unwind(AssertUnwindSafe(check)).is_ok() {
            println!("test {name} ... ok");
            passed += 1;
        } else {
            println!("test {name} ... FAILED");
            failed += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What one process printed, and its end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) end: Option<ProcessEnd>,
}

impl Outcome {
    pub(crate) fn exit(&self) -> Exit {
        self.end.expect("it has ended").exit
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

pub(crate) struct Host {
    pub(crate) processes: Processes,
    pub(crate) mark: String,
    pub(crate) is_broken: bool,
    pub(crate) woken: u32,
    outcomes: BTreeMap<ProcessId, Outcome>,
    next: u64,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(Zygote::fork().unwrap())
    }

    pub(crate) fn with(zygote: Zygote) -> Self {
        let mark = format!("{}-{}", process::id(), zygote.pid());
        let processes = Processes::new(zygote).unwrap();
        Self { processes, mark, is_broken: false, woken: 0, outcomes: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn start(&mut self, spec: &ProcessSpec) -> ProcessId {
        let mut spec = spec.clone();
        spec.env.push((MARK.into(), self.mark.clone().into()));
        let id = ProcessId(self.next);
        self.next += 1;
        self.processes.start(id, &spec).unwrap();
        self.outcomes.insert(id, Outcome::default());
        id
    }

    pub(crate) fn poll(&mut self) {
        let Self { processes, outcomes, is_broken, woken, .. } = self;
        let on = &mut |event: ProcessEvent<'_>| match event {
            ProcessEvent::Output { id, stream, bytes } => {
                let outcome = outcomes.get_mut(&id).expect("only processes that were started print");
                assert!(outcome.end.is_none(), "output comes before the end");
                assert!(!bytes.is_empty());
                match stream {
                    Stream::Stdout => outcome.stdout.extend_from_slice(bytes),
                    Stream::Stderr => outcome.stderr.extend_from_slice(bytes),
                }
            }
            ProcessEvent::Ended { id, end } => {
                let outcome = outcomes.get_mut(&id).expect("only processes that were started end");
                assert!(outcome.end.replace(end).is_none(), "the end comes once");
            }
            ProcessEvent::Woken => *woken += 1,
            ProcessEvent::Broken => *is_broken = true,
        };
        processes.poll(Some(LOOK_AGAIN), on).unwrap();
    }

    pub(crate) fn poll_until(&mut self, mut is_done: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_done(self) {
            assert!(began.elapsed() < PATIENCE, "nothing happened for too long");
            self.poll();
        }
    }

    /// Waits until the process has printed `text`.
    pub(crate) fn wait_for_output(&mut self, id: ProcessId, text: &str) {
        self.poll_until(|host| {
            let outcome = &host.outcomes[&id];
            assert!(outcome.end.is_none(), "it ended early: {outcome:?}");
            String::from_utf8_lossy(&outcome.stdout).contains(text)
        });
    }

    /// Returns what a running process has printed so far.
    pub(crate) fn output(&self, id: ProcessId) -> String {
        String::from_utf8_lossy(&self.outcomes[&id].stdout).into_owned()
    }

    pub(crate) fn finish(&mut self, id: ProcessId) -> Outcome {
        self.poll_until(|host| host.outcomes[&id].end.is_some());
        self.outcomes.remove(&id).unwrap()
    }

    pub(crate) fn run(&mut self, spec: &ProcessSpec) -> Outcome {
        let id = self.start(spec);
        self.finish(id)
    }

    /// Returns the living processes that this host's processes left behind.
    pub(crate) fn survivors(&self) -> Vec<u32> {
        survivors(&self.mark)
    }
}

/// Returns the living processes whose environment has the mark.
pub(crate) fn survivors(mark: &str) -> Vec<u32> {
    let entry = format!("{MARK}={mark}");
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let environment = fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
        environment.is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(|text| text == entry.as_bytes()))
    })
    .collect()
}

pub(crate) fn argv<const N: usize>(arguments: [&str; N]) -> ProcessSpec {
    ProcessSpec {
        argv: arguments.map(OsString::from).to_vec(),
        env: Vec::new(),
        env_remove: Vec::new(),
        script: None,
        workdir: "/".into(),
        timeout: None,
        grace: PATIENCE,
    }
}

pub(crate) fn shell(script: &str) -> ProcessSpec {
    argv(["/bin/sh", "-c", script])
}

/// Returns how many files this process has open.
pub(crate) fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
