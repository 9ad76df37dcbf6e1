//! Requests to the engine of this process: waiting for the answer, and telling meanwhile what holds it up.
//!
//! An answer comes when what was asked for is durable. On a full disk that may be never, so somebody must be told, and must be
//! able to stop.

use std::io::Write;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use myrmex_model::id::RunId;
use myrmex_runtime::partition::Answered;
use myrmex_runtime::progress::Health;

use crate::exit::{Exit, Failure, FailureCode};
use crate::render::held_up::{self, HeldUp, Waiting};
use crate::session::{Session, Show, print_line};

/// How often it is looked whether something holds the answer up. The answer itself is heard at once.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What was asked of the engine.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The run that it is about.
    pub run: RunId,
    /// What waits as long as there is no answer.
    pub waiting: Waiting,
    /// Who is told.
    pub show: Show,
}

/// Waits until a request is carried out and durable. Returns the command's exit if somebody stopped that before.
///
/// # Errors
///
/// Returns [`Failure`] if the request is refused, or the engine fails.
pub fn settled(session: &Session, answered: &Answered, asked: Asked) -> Result<Option<Exit>, Failure> {
    let mut held_up = HeldUp::new(asked.waiting);
    // Whoever reads standard output may be gone; the wait goes on, and standard error tells of it.
    let mut prints = asked.show == Show::Json;
    loop {
        match answered.recv_timeout(LOOK_UP) {
            Ok(Ok(())) => return Ok(None),
            Ok(Err(error)) => return Err(session.refused(error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return ended(session, asked).map(Some),
        }
        let reason = match session.health() {
            Health::HeldUp(reason) => Some(reason),
            Health::Well | Health::Interrupted | Health::Failed(_) | Health::Damaged(_) => None,
        };
        let said = held_up.say(reason.as_deref(), session.data(), Instant::now());
        let Some((reason, said)) = reason.zip(said) else { continue };
        tell(&said.line);
        if prints {
            let line = held_up::json(asked.run, &reason, session.data(), said.waited);
            prints = print_line(&line).is_ok();
        }
    }
}

/// Tells of an engine that ended without an answer. Its store is closed by now, so what is in it is all there will be.
fn ended(session: &Session, asked: Asked) -> Result<Exit, Failure> {
    let run = asked.run;
    match session.health() {
        Health::Interrupted => {}
        Health::Failed(reason) => {
            let hint = "nothing was acknowledged; `myrmex runs list` shows what is recorded";
            let mut failure = Failure::new(FailureCode::Store, reason).with_hint(hint);
            failure.causes.extend(session.take_notes());
            return Err(failure);
        }
        Health::Damaged(reason) => {
            let mut failure = Failure::engine_damaged(reason);
            failure.causes.extend(session.take_notes());
            return Err(failure);
        }
        Health::Well | Health::HeldUp(_) => {
            return Err(Failure::new(FailureCode::Store, "the engine has stopped"));
        }
    }
    let is_there = session.reader()?.summary(session.namespace(), run)?.is_some();
    tell(&match asked.waiting {
        Waiting::Start if !is_there => {
            "interrupted before the run began; nothing of it is recorded".to_owned()
        }
        Waiting::Cancel => format!("interrupted before the cancel was recorded; run {run} is as it was"),
        Waiting::Skip => format!("interrupted before the skip was recorded; run {run} is as it was"),
        Waiting::Signal => format!("interrupted before it was recorded; run {run} is as it was"),
        Waiting::Start | Waiting::Resume | Waiting::Run => {
            format!("interrupted; `myrmex runs resume {run}` goes on where it stopped")
        }
    });
    Ok(Exit::Interrupted)
}

fn tell(text: &str) {
    // If standard error is closed the exit code still tells.
    drop(writeln!(anstream::stderr(), "{text}"));
}
