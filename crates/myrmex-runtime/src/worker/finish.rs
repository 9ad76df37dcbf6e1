//! What is done for an attempt beside its process and may take long, on a thread of its own: files are made ready before
//! it, and its artifacts and large outputs are kept after it. There are as many such threads as attempts that need one,
//! so never more than slots.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_model::value::Value;
use myrmex_store::{LogRange, StoreError};

use super::artifacts::{self, Collected};
use super::attempt::Running;
use super::blobs::{self, KeepError, Keeper};
use super::{Assignment, Outcome, Produced, Report, arguments, output};
use crate::platform::{Exit, ProcessEnd};

/// An attempt whose process has ended.
pub(super) struct Finish {
    pub(super) running: Running,
    pub(super) end: ProcessEnd,
    pub(super) logs: Vec<LogRange>,
    pub(super) workspace: PathBuf,
    pub(super) keeper: Keeper,
}

impl Finish {
    /// Makes the report of the attempt.
    pub(super) fn report(self) -> Report {
        let reported = catch_unwind(AssertUnwindSafe(|| self.outcome()));
        let (outcome, files) = reported.unwrap_or_else(|_| {
            let fault =
                Fault::new(FaultKind::Runtime, "the end of the attempt was lost by a defect of the worker");
            (self.running.failed(fault, &self.end), serde_json::Map::new())
        });
        let digest = self.running.assignment.digest();
        let Assignment { run, task, attempt, token, .. } = self.running.assignment;
        Report { run, task, attempt, token, outcome, artifacts: files, logs: self.logs, digest }
    }

    fn outcome(&self) -> (Outcome, serde_json::Map<String, Value>) {
        let outcome = match (self.end.exit == Exit::Code(0)).then(|| self.large_output()).flatten() {
            Some(Ok(file)) => self.running.gave(file, &self.end),
            Some(Err(fault)) => self.running.failed(fault, &self.end),
            None => self.running.outcome(&self.end),
        };
        let outcome = match outcome {
            Outcome::Produced { produced, facts } => match self.with_files(produced) {
                Ok(produced) => Outcome::Produced { produced, facts },
                Err(fault) => self.running.failed(self.masked(fault), &self.end),
            },
            ended @ (Outcome::Ended(_) | Outcome::TakenOver { .. }) => ended,
        };
        let assignment = &self.running.assignment;
        let declared = artifacts::declared(&assignment.arguments);
        if declared.is_empty() {
            return (outcome, serde_json::Map::new());
        }
        let workdir = arguments::workdir(&assignment.arguments, &self.workspace);
        let collected = artifacts::collect(
            &declared,
            (&self.workspace, &workdir),
            (&self.keeper, assignment.run),
            self.running.masks(),
        );
        let Collected { files, fault, unkept } = collected;
        let outcome = match (outcome, fault) {
            (Outcome::Produced { .. }, Some(fault)) => self.running.failed(self.masked(fault), &self.end),
            // Of a failure all that may be is kept, and the failure stays what it was.
            (Outcome::Ended(report), _) => {
                let unkept = unkept.into_iter().map(|why| self.masked_text(why)).collect();
                Outcome::Ended(AttemptReport { unkept, ..report })
            }
            (outcome @ (Outcome::Produced { .. } | Outcome::TakenOver { .. }), _) => outcome,
        };
        (outcome, files)
    }

    /// Keeps the files that are outputs, in the place of their paths.
    fn with_files(&self, produced: Produced) -> Result<Produced, Fault> {
        let Assignment { run, arguments, .. } = &self.running.assignment;
        let workdir = arguments::workdir(arguments, &self.workspace);
        let keep = |fields: &mut serde_json::Map<String, Value>| {
            artifacts::keep_outputs(
                artifacts::file_outputs(arguments),
                fields,
                (&self.workspace, &workdir),
                (&self.keeper, *run),
                self.running.masks(),
            )
        };
        match produced {
            Produced::Lines(mut fields) => keep(&mut fields).map(|()| Produced::Lines(fields)),
            Produced::Object(mut fields) => keep(&mut fields).map(|()| Produced::Object(fields)),
            other @ (Produced::Stdout(_) | Produced::File(_)) => Ok(other),
        }
    }

    /// Keeps an output that is larger than a value may be; nothing if it is not.
    fn large_output(&self) -> Option<Result<serde_json::Map<String, Value>, Fault>> {
        loop {
            let mut file = output::open_large(self.running.output())?;
            let run = self.running.assignment.run;
            let unkept = |reason: String| {
                let title = "the output is too large for a value and cannot be kept as a file";
                Some(Err(Fault::new(FaultKind::Runtime, title).with_detail(reason)))
            };
            return match self.keeper.keep(run, "output", &mut file, self.running.masks()) {
                Ok(Value::Object(fields)) => Some(Ok(fields)),
                Ok(_) => unkept("it has no name".to_owned()),
                Err(KeepError::Secret) => unkept("it holds a secret".to_owned()),
                Err(KeepError::Store(StoreError::Full)) if self.keeper.logs.wait_for_space() => continue,
                Err(KeepError::Store(error)) => unkept(blobs::reason(&error)),
            };
        }
    }

    fn masked_text(&self, text: String) -> String {
        match self.running.masks() {
            Some(masks) => masks.text(&text).into_owned(),
            None => text,
        }
    }

    fn masked(&self, fault: Fault) -> Fault {
        match self.running.masks() {
            Some(masks) => masks.fault(fault),
            None => fault,
        }
    }
}

/// Returns whether there is something to keep of an attempt whose process has ended.
pub(super) fn is_long(running: &Running, end: &ProcessEnd) -> bool {
    let has_run = !matches!(end.exit, Exit::NotStarted { .. });
    (has_run && !artifacts::declared(&running.assignment.arguments).is_empty())
        || (end.exit == Exit::Code(0)
            && (artifacts::file_outputs(&running.assignment.arguments).next().is_some()
                || output::open_large(running.output()).is_some()))
}

/// Makes the files ready that an assignment names; the attempt ends instead if that fails.
pub(super) fn unpack(keeper: &Keeper, assignment: Assignment) -> (Assignment, Option<AttemptEnd>) {
    let unpacked =
        catch_unwind(AssertUnwindSafe(|| keeper.with_copies(assignment.run, &assignment.arguments)));
    match unpacked {
        Ok(Ok(arguments)) => (Assignment { arguments: Arc::new(arguments), ..assignment }, None),
        Ok(Err(fault)) => (assignment, Some(AttemptEnd::Failed { fault })),
        Err(_) => {
            let fault = Fault::new(FaultKind::Runtime, "files were not made ready by a defect of the worker");
            (assignment, Some(AttemptEnd::Failed { fault }))
        }
    }
}
