//! One run of a jq program, made so that it can be carried to another thread.

use std::fmt;
use std::sync::Arc;

use myrmex_model::value::Value as Json;

use super::Program;
use crate::convert::Failure;

/// Runs the jq programs of an [`crate::Evaluator`].
///
/// A program ends by its fuel, but what one call inside of jaq may take is only known to be bounded, not how long it is.
/// This crate knows no clock and no thread; a caller that does keeps the deadline here.
pub trait JqRunner: fmt::Debug + Send {
    /// Carries out `job`, which may be on another thread with a stack of [`crate::STACK_BYTES`].
    ///
    /// # Errors
    ///
    /// Returns [`JqTrouble`] if the job has no answer: it took too long, or cannot be started.
    fn run(&mut self, job: JqJob) -> Result<JqAnswer, JqTrouble>;
}

/// Runs programs where the evaluation happens: for tests and for whoever needs no deadline.
#[derive(Debug, Clone, Copy, Default)]
pub struct JqDirect;

impl JqRunner for JqDirect {
    fn run(&mut self, job: JqJob) -> Result<JqAnswer, JqTrouble> {
        Ok(job.run())
    }
}

/// Why a program was given up from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JqTrouble {
    /// It did not end in time.
    #[error("the program did not end within the limit `expressions.jq_deadline` of {deadline_ms} ms")]
    Deadline {
        /// The limit.
        deadline_ms: u64,
    },
    /// Too many programs that did not end in time are still running.
    #[error(
        "no program is run: {lost} earlier ones did not end in time and still run, the limit `expressions.jq_lost` is {lost_max}"
    )]
    Lost {
        /// How many.
        lost: u32,
        /// The limit.
        lost_max: u32,
    },
    /// The thread that ran it panicked.
    #[error("the program met a defect of the jq library")]
    Broken,
    /// There is no thread for it.
    #[error("the system gives no thread to run the program")]
    NoThread,
}

/// A program and what it works on.
#[derive(Debug)]
pub struct JqJob {
    program: Arc<Program>,
    input: Json,
    fuel: u64,
}

/// What came of a [`JqJob`].
#[derive(Debug)]
pub struct JqAnswer {
    /// The one output; none if there was none.
    pub(crate) outcome: Result<Option<Json>, Failure>,
    /// The fuel that was used up.
    pub(crate) spent: u64,
}

impl JqJob {
    pub(crate) fn new(program: Arc<Program>, input: Json, fuel: u64) -> Self {
        Self { program, input, fuel }
    }

    /// Carries it out on this thread, which needs a stack of [`crate::STACK_BYTES`].
    pub fn run(self) -> JqAnswer {
        let Self { program, input, fuel } = self;
        program.run(input, fuel)
    }
}
