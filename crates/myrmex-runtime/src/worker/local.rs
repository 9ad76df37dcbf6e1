//! The local worker: one thread that starts processes, keeps their output and reports their ends.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::FencingToken;
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_store::segments::Stream as LogStream;
use myrmex_store::{LogRange, StoreError};

use super::attempt::{Running, is_shortage};
use super::{Assignment, Outcome, Report, Said, WorkerConfig, arguments};
use crate::clock::Clock;
use crate::logs::Logs;
use crate::platform::{ProcessEnd, ProcessEvent, ProcessId, Processes, Stream, Waker, Zygote};

/// What the worker is told.
enum Told {
    Assign(Box<Assignment>),
    Stop(FencingToken),
    StopAll,
    /// The report of the attempt is durable and need not be kept.
    Acknowledge(FencingToken),
    /// Tell what is under way, then every report again that is kept.
    Recount,
    /// Kill what runs and end.
    Quit,
}

/// Why the worker could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The loop that watches processes could not be made.
    #[error("the local worker cannot watch processes")]
    Processes(#[source] std::io::Error),
    /// Its thread could not be made.
    #[error("the local worker's thread cannot be started")]
    Thread(#[source] std::io::Error),
}

/// A handle on the local worker. Dropping it kills what runs and waits for the thread to end.
pub struct LocalWorker {
    told: Sender<Told>,
    waker: Waker,
    logs: Logs,
    thread: Option<JoinHandle<()>>,
}

impl LocalWorker {
    /// Starts the worker. What it has to say goes to `say`, which must not block.
    ///
    /// # Errors
    ///
    /// Returns [`WorkerError`] if the operating system refuses what it needs.
    pub fn start(
        zygote: Zygote,
        config: WorkerConfig,
        logs: Logs,
        clock: Box<dyn Clock>,
        say: Box<dyn Fn(Said) + Send>,
    ) -> Result<Self, WorkerError> {
        let processes = Processes::new(zygote).map_err(WorkerError::Processes)?;
        let waker = processes.waker();
        let (told, inbox) = channel();
        let shared_logs = logs.clone();
        let state = State {
            config,
            logs,
            clock,
            say,
            running: BTreeMap::new(),
            trouble: None,
            postponed: BTreeMap::new(),
            kept: BTreeMap::new(),
            made_scratch: false,
        };
        let body = move || state.run(processes, &inbox);
        let thread =
            std::thread::Builder::new().name("worker".into()).spawn(body).map_err(WorkerError::Thread)?;
        Ok(Self { told, waker, logs: shared_logs, thread: Some(thread) })
    }

    fn tell(&self, told: Told) {
        // A worker that has ended said why before; there is nobody left to tell.
        drop(self.told.send(told));
        self.waker.wake();
    }

    /// Lets the worker carry out an attempt. It reports exactly one end, again and again until acknowledged.
    pub fn assign(&self, assignment: Assignment) {
        self.tell(Told::Assign(Box::new(assignment)));
    }

    /// Asks for the end of an attempt: told to stop, killed after the grace. The report confirms it.
    pub fn stop(&self, token: FencingToken) {
        self.tell(Told::Stop(token));
    }

    /// Asks for the end of everything under way.
    pub fn stop_all(&self) {
        self.tell(Told::StopAll);
    }

    /// Tells that the report of an attempt is durable.
    pub fn acknowledge(&self, token: FencingToken) {
        self.tell(Told::Acknowledge(token));
    }

    /// Asks what is under way and for every report that is kept; first comes one [`Said::Inventory`].
    pub fn recount(&self) {
        self.tell(Told::Recount);
    }
}

impl Drop for LocalWorker {
    fn drop(&mut self) {
        // Nobody waits for output any more that a full disk refuses.
        self.logs.give_up();
        self.tell(Told::Quit);
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has nothing left to wait for.
            drop(thread.join());
        }
    }
}

/// What the worker's thread owns.
struct State {
    config: WorkerConfig,
    logs: Logs,
    clock: Box<dyn Clock>,
    say: Box<dyn Fn(Said) + Send>,
    running: BTreeMap<FencingToken, Running>,
    /// Why output cannot be kept any more.
    trouble: Option<StoreError>,
    /// Attempts for which the machine had no process or descriptor to spare.
    postponed: BTreeMap<FencingToken, Assignment>,
    /// Reports that are not yet known to be durable.
    kept: BTreeMap<FencingToken, Report>,
    made_scratch: bool,
}

impl State {
    fn run(mut self, processes: Processes, inbox: &Receiver<Told>) {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work(processes, inbox)));
        if worked.is_err() {
            (self.say)(Said::Broken("the local worker stopped by a defect of its own".to_owned()));
        }
    }

    fn work(&mut self, mut processes: Processes, inbox: &Receiver<Told>) {
        loop {
            let mut ended = Vec::new();
            let mut is_broken = false;
            let polled = processes.poll(None, &mut |event| match event {
                ProcessEvent::Output { id, stream, bytes } => self.output(FencingToken(id.0), stream, bytes),
                ProcessEvent::Ended { id, end } => ended.push((FencingToken(id.0), end)),
                ProcessEvent::Woken => {}
                ProcessEvent::Broken => is_broken = true,
            });
            let has_ended = !ended.is_empty();
            self.ended(ended);
            if let Some(reason) = self.trouble_with(polled, is_broken) {
                return (self.say)(Said::Broken(reason));
            }
            if has_ended && !self.start_postponed(&mut processes) {
                return;
            }
            while let Ok(told) = inbox.try_recv() {
                if !self.obey(&mut processes, told) {
                    return;
                }
            }
        }
    }

    /// Returns why the worker cannot go on, if it cannot.
    fn trouble_with(&mut self, polled: std::io::Result<()>, is_broken: bool) -> Option<String> {
        if let Err(error) = self.logs.flush() {
            self.trouble.get_or_insert(error);
        }
        match (&self.trouble, polled) {
            (Some(error), _) => Some(format!("what tasks print cannot be kept: {error}")),
            (None, Err(error)) => Some(format!("the local worker cannot watch processes: {error}")),
            (None, Ok(())) if is_broken => Some("the process that starts tasks was killed".to_owned()),
            (None, Ok(())) => None,
        }
    }

    /// Does what it was told; false when it was told to end.
    fn obey(&mut self, processes: &mut Processes, told: Told) -> bool {
        match told {
            Told::Assign(assignment) => return self.start(processes, *assignment),
            Told::Stop(token) => {
                if let Some(assignment) = self.postponed.remove(&token) {
                    self.end_unstarted(assignment, AttemptEnd::Stopped);
                }
                if let Some(running) = self.running.get_mut(&token) {
                    running.is_stopping = true;
                }
                // A process that cannot be signalled has ended; its report is on the way.
                drop(processes.stop(ProcessId(token.0)));
            }
            Told::StopAll => {
                for assignment in std::mem::take(&mut self.postponed).into_values() {
                    self.end_unstarted(assignment, AttemptEnd::Stopped);
                }
                for (token, running) in &mut self.running {
                    running.is_stopping = true;
                    drop(processes.stop(ProcessId(token.0)));
                }
            }
            Told::Acknowledge(token) => {
                self.kept.remove(&token);
            }
            Told::Recount => {
                let tokens =
                    self.running.keys().chain(self.postponed.keys()).chain(self.kept.keys()).copied();
                let tokens = tokens.collect();
                (self.say)(Said::Inventory(tokens));
                for report in self.kept.values() {
                    (self.say)(Said::Report(Box::new(report.clone())));
                }
            }
            Told::Quit => return false,
        }
        true
    }

    /// Starts an attempt; false if the worker cannot go on. That its own directory cannot be made is no failure of the
    /// task: the next owner finds the attempt lost and repeats it.
    fn start(&mut self, processes: &mut Processes, assignment: Assignment) -> bool {
        let token = assignment.token;
        if self.running.contains_key(&token) || self.kept.contains_key(&token) {
            return true;
        }
        if let Err(error) = self.scratch() {
            let folder = self.config.scratch.display();
            (self.say)(Said::Broken(format!("the directory `{folder}` cannot be made: {error}")));
            return false;
        }
        let output = self.config.scratch.join(token.to_string());
        let spec = match arguments::process(&assignment, &self.config, &output) {
            Ok(spec) => spec,
            Err(fault) => {
                self.end_unstarted(assignment, AttemptEnd::Failed { fault });
                return true;
            }
        };
        match processes.start(ProcessId(token.0), &spec) {
            Ok(()) => {
                self.running.insert(token, Running::new(assignment, output));
            }
            // The machine has no more to give now; the end of another attempt gives some back.
            Err(error) if is_shortage(&error) && !self.running.is_empty() => {
                self.postponed.insert(token, assignment);
            }
            Err(error) => {
                let fault = Fault::new(FaultKind::Runtime, "no process could be made");
                let fault = fault.with_detail(error.to_string());
                self.end_unstarted(assignment, AttemptEnd::Failed { fault });
            }
        }
        true
    }

    fn end_unstarted(&mut self, assignment: Assignment, end: AttemptEnd) {
        self.report(assignment, Outcome::Ended(AttemptReport::of(end)), Vec::new());
    }

    /// Tries again to start what the machine had no place for; false if the worker cannot go on.
    fn start_postponed(&mut self, processes: &mut Processes) -> bool {
        let postponed = std::mem::take(&mut self.postponed);
        postponed.into_values().all(|assignment| self.start(processes, assignment))
    }

    /// Makes the directory of output files when the first attempt needs it. Waits while the disk is full.
    fn scratch(&mut self) -> std::io::Result<()> {
        if !self.made_scratch {
            // Files of attempts that an earlier worker lost: their ends are recorded, nobody reads them any more.
            drop(std::fs::remove_dir_all(&self.config.scratch));
        }
        while !self.made_scratch {
            let made: std::io::Result<()> = std::fs::create_dir_all(&self.config.scratch);
            match made {
                Ok(()) => self.made_scratch = true,
                Err(error) if error.kind() == ErrorKind::StorageFull && self.logs.wait_for_space() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn output(&mut self, token: FencingToken, stream: Stream, bytes: &[u8]) {
        let Some(running) = self.running.get_mut(&token) else { return };
        running.keep(stream, bytes);
        let log_stream = match stream {
            Stream::Stdout => LogStream::Stdout,
            Stream::Stderr => LogStream::Stderr,
        };
        if let Err(error) = self.logs.append(token, log_stream, self.clock.now(), bytes) {
            self.trouble.get_or_insert(error);
        }
    }

    /// Reports the ends of one round. What the attempts printed is written before any of them is reported.
    fn ended(&mut self, ended: Vec<(FencingToken, ProcessEnd)>) {
        for (token, end) in ended {
            let Some(running) = self.running.remove(&token) else { continue };
            if running.may_begin_later(&end) && !self.running.is_empty() {
                // Nothing of it ever ran. The end of another attempt gives back what it needs.
                self.postponed.insert(token, running.assignment);
                continue;
            }
            let ranges = self.log_ranges(token, &running);
            if self.trouble.is_some() {
                // Without its output the end of an attempt is not reported; the next owner finds the attempt lost.
                return;
            }
            let outcome = running.outcome(&end);
            self.report(running.assignment, outcome, ranges);
        }
    }

    /// Ends the attempt's output and tells where it lies; nothing if it printed nothing.
    fn log_ranges(&mut self, token: FencingToken, running: &Running) -> Vec<LogRange> {
        if !running.has_printed() {
            return Vec::new();
        }
        self.logs.finish(token, self.clock.now()).unwrap_or_else(|error| {
            self.trouble.get_or_insert(error);
            Vec::new()
        })
    }

    fn report(&mut self, assignment: Assignment, outcome: Outcome, logs: Vec<LogRange>) {
        let Assignment { run, task, attempt, token, .. } = assignment;
        let report = Report { run, task, attempt, token, outcome, logs };
        self.kept.insert(token, report.clone());
        (self.say)(Said::Report(Box::new(report)));
    }
}
