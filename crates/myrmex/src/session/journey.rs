//! Time for a run: when nothing in it goes on before somebody answers or time has passed, and moving a virtual clock on from timer to timer.

use myrmex_model::id::RunId;
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::clock::Clock;
use myrmex_runtime::partition::load_definition;

use super::{Session, Show};
use crate::asked::{self, Still};
use crate::exit::{Exit, Failure};
use crate::render::held_up::Waiting;
use crate::request::{self, Asked};

/// Timers of a project that are due within this time are waited for: a pause before another attempt is no reason to leave.
const SOON: Length = Length(60_000);

/// Where a virtual clock is moved on to, at most: a run that ends stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journey {
    /// To this instant.
    To(Timestamp),
    /// To the next timer.
    Next,
}

/// A run that is watched, as far as it matters for how long it is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    run: RunId,
    /// Whether time that has to pass is not waited for.
    leaves: bool,
}

impl Session {
    /// Returns whether people are waited for, and for how long time is.
    pub(super) fn patience(&self, run: RunId) -> Result<Patience, Failure> {
        let is_project = || -> Result<bool, Failure> {
            let (reader, namespace) = (self.reader()?, &self.namespace);
            let Some(summary) = reader.summary(namespace, run)? else { return Ok(false) };
            let definition = load_definition(reader, namespace, summary.definition)?;
            Ok(definition.is_some_and(|definition| definition.project.is_some()))
        };
        let leaves = !self.waits_for_people && (self.clock.is_virtual() || is_project()?);
        Ok(Patience { run, leaves })
    }

    /// Returns what a run waits for, if nothing goes on by itself and nobody waits for that.
    pub(super) fn still(&self, patience: Patience, is_quiet: bool) -> Result<Option<Still>, Failure> {
        if self.waits_for_people || self.busy.is_busy() {
            return Ok(None);
        }
        let still = asked::standstill(self.reader()?, &self.namespace, (patience.run, is_quiet))?;
        let Some(still) = still else { return Ok(None) };
        let now = self.clock.now();
        let is_due = |due: Option<Timestamp>, until: Timestamp| due.is_some_and(|due| due <= until);
        let goes_on = match (self.clock.is_virtual(), patience.leaves) {
            (true, _) => is_due(still.next_due, now),
            (false, true) => is_due(still.leads_on, now.after(SOON)),
            (false, false) => still.leads_on.is_some() || still.asking.is_empty(),
        };
        Ok((!goes_on).then_some(still))
    }

    /// Moves the virtual clock one step on, if the journey is not at its end, and has everything carried out that is due then. Returns the
    /// instant that was reached.
    pub(super) fn step(&self, run: RunId, (still, journey): (&Still, &mut Journey)) -> Result<Step, Failure> {
        let now = self.clock.now();
        let target = match *journey {
            Journey::To(target) => target,
            Journey::Next => {
                let Some(due) = still.next_due else { return Ok(Step::Arrived) };
                *journey = Journey::To(due);
                due
            }
        };
        if now >= target {
            // Only now nothing is left of the way.
            self.clock.move_to(now, None)?;
            return Ok(Step::Arrived);
        }
        let to = still.next_due.map_or(target, |due| due.clamp(now, target));
        self.clock.move_to(to, Some(target))?;
        Ok(match self.take_up(run, Show::Nothing)? {
            Some(exit) => Step::Stopped(exit),
            None => Step::Moved(to),
        })
    }

    /// Takes a run up with all that came of it: timers that are due are carried out. Returns the exit if somebody stopped that.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there is no such run, or the engine fails.
    pub fn take_up(&self, run: RunId, show: Show) -> Result<Option<Exit>, Failure> {
        let below = self.open_below(run)?;
        let resumed = self.partition().resume_run(run, &below);
        request::settled(self, &resumed, Asked { run, waiting: Waiting::Resume, show })
    }

    /// Takes a run up if a timer of it is due: before somebody says something that may depend on it.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] as [`Session::take_up`] does.
    pub fn catch_up(&self, run: RunId, show: Show) -> Result<Option<Exit>, Failure> {
        let still = asked::standstill(self.reader()?, &self.namespace, (run, false))?;
        let is_due = still.and_then(|still| still.next_due).is_some_and(|due| due <= self.clock.now());
        if is_due { self.take_up(run, show) } else { Ok(None) }
    }
}

/// What came of a step of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The clock stands here now, and the run goes on.
    Moved(Timestamp),
    /// It had come to its end.
    Arrived,
    /// Somebody stopped this process.
    Stopped(Exit),
}
