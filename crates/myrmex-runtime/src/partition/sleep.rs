//! Runs that only wait leave memory after a while and come back when something is about them.
//!
//! What is left of one is its id, when its first timer is due, and what the [domain](super::domain) holds for it. Whoever has a word for a
//! run asks for it by [`State::at_hand`], which reads it again if it is away. Nothing of this is in the journal.

use myrmex_model::id::RunId;
use myrmex_model::time::{Length, Timestamp};
use myrmex_store::StoreError;

use super::journal::JournalError;
use super::sleepers::Asleep;
use super::snapshot::restore;
use super::{Loaded, Owned, State};
use crate::values::Values;

/// The most runs that are looked at in one turn whether they may leave memory. Looking costs the run's open work, and
/// leaving may cost a snapshot.
const NAPS_PER_TURN: usize = 64;

/// For how long runs that may leave memory are waited for, so that the loop does not turn for each of them.
const NAPS_TOGETHER: Length = Length(1_000);

/// For how many runs the list of quiet ones keeps room.
const QUIET_ROOM: usize = 64;

/// How often what is done to save memory and time was done, since the partition began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Snapshots that were taken.
    pub snapshots: u64,
    /// Runs that left memory.
    pub naps: u64,
    /// Runs that came back.
    pub wakes: u64,
}

impl Owned {
    /// Gives the room of the list of quiet runs back, once it has become much shorter.
    fn give_room_back(&mut self) {
        let (len, room) = (self.quiet.len(), self.quiet.capacity());
        if room > QUIET_ROOM && len < room / 4 {
            self.quiet.shrink_to((2 * len).max(QUIET_ROOM));
        }
    }
}

impl State {
    /// Notes that something happened to a run.
    pub(super) fn touch(&mut self, id: RunId) {
        let now = self.parts.clock.now();
        let Some(Loaded { upkeep, .. }) = self.owned.runs.get_mut(&id) else { return };
        upkeep.touched = now;
        if !std::mem::replace(&mut upkeep.is_listed, true) {
            self.owned.quiet.push_back((now, id));
        }
        if upkeep.is_due() && !self.eventful.contains(&id) {
            self.eventful.push(id);
        }
    }

    /// Returns when it is to be looked next whether a run may leave memory. Runs that became quiet within a second are looked at
    /// together.
    pub(super) fn next_nap(&self) -> Option<Timestamp> {
        let (since, _) = self.owned.quiet.front().filter(|_| self.may_let_sleep())?;
        let (due, now) = (since.after(self.parts.thrift.idle), self.parts.clock.now());
        if *since > now {
            // It was read before the clock was set back.
            return Some(now);
        }
        Some(if self.parts.thrift.idle < NAPS_TOGETHER { due } else { due.after(NAPS_TOGETHER) })
    }

    /// Whether a nap would be in nobody's way. A full disk keeps others waiting for their commits, and a process that ends has
    /// others to wait for: what is only a cache is not added to that.
    fn may_let_sleep(&self) -> bool {
        !self.owned.writer.is_held_up() && !self.is_interrupted && self.closing.is_none()
    }

    /// Lets runs leave memory that only wait, and to which nothing has happened for a while.
    pub(super) fn let_sleep(&mut self) {
        let now = self.parts.clock.now();
        for _ in 0..NAPS_PER_TURN {
            if self.is_full() || !self.may_let_sleep() {
                return;
            }
            // A time to come was read before the clock was set back.
            let due = |(since, _): &mut (Timestamp, RunId)| {
                *since > now || since.after(self.parts.thrift.idle) <= now
            };
            let next = if self.trouble.is_none() { self.owned.quiet.pop_front_if(due) } else { None };
            self.owned.give_room_back();
            let Some((since, id)) = next else { return };
            let Some(Loaded { run, upkeep, .. }) = self.owned.runs.get_mut(&id) else { continue };
            // What is not durable could not be read when it comes back.
            let is_durable = upkeep.last <= self.owned.durable;
            if upkeep.touched != since || since > now || !is_durable {
                let since = if is_durable { upkeep.touched.min(now) } else { now };
                upkeep.touched = since;
                self.owned.quiet.push_back((since, id));
            } else if run.only_waits() && !self.unfinished.contains(&id) {
                self.nap(id);
            } else {
                // The next thing that happens to it lists it again.
                upkeep.is_listed = false;
            }
        }
    }

    fn nap(&mut self, id: RunId) {
        let Some(Loaded { run, upkeep, .. }) = self.owned.runs.get_mut(&id) else { return };
        run.fold_all();
        if upkeep.is_worth_a_nap(&self.parts.thrift, run) && !self.take_snapshot(id) {
            // Reading its whole journal again each time would cost more than it takes. It may be smaller when something has
            // happened to it.
            if let Some(Loaded { upkeep, .. }) = self.owned.runs.get_mut(&id) {
                upkeep.is_listed = false;
            }
            return;
        }
        if let Some(Loaded { upkeep, .. }) = self.owned.runs.remove(&id) {
            let first_due = self.owned.timers.disarm_all(id).into_iter().map(|(_, due)| due).min();
            self.owned.asleep.insert(id, Asleep { has_snapshot: upkeep.has_snapshot, first_due });
            self.tally.naps += 1;
        }
    }

    /// Returns a run that is driven here, from the store if it left memory; nothing if no such run is, or it cannot be
    /// read. The turn is dropped then. What a run claims that cannot be read any more is not known, so nothing goes on before
    /// the store is opened again without it.
    pub(super) fn at_hand(&mut self, id: RunId) -> Option<&mut Loaded> {
        if let Some(asleep) = self.owned.asleep.get(id)
            && let Err(error) = self.bring_back(id, asleep)
        {
            let error = match error {
                JournalError::Store(error) => error,
                other => StoreError::Damaged { what: other.to_string(), place: format!("run {id}") },
            };
            self.trouble.get_or_insert(error);
        }
        self.owned.runs.get_mut(&id)
    }

    /// Returns the run that is to come back next because a timer of it is due at `now`, before any other timer fires. Of timers
    /// that are due at the same instant those of runs in memory fire first, so that not all sleepers of one instant come back
    /// before the first of them has gone on.
    pub(super) fn sleeper_due(&self, now: Timestamp) -> Option<RunId> {
        let (due, run) = self.owned.asleep.first()?;
        let is_first = self.owned.timers.next_due().is_none_or(|other| due < other);
        (due <= now && is_first).then_some(run)
    }

    /// Brings a run back that left memory, and arms its timers. What it claims was never given up.
    fn bring_back(&mut self, id: RunId, asleep: Asleep) -> Result<(), JournalError> {
        let mut loaded = self.read(id)?.ok_or_else(|| StoreError::Damaged {
            what: "the journal of a run is gone".to_owned(),
            place: format!("run {id}"),
        })?;
        // A snapshot that it got before it left may not be durable yet.
        loaded.upkeep.has_snapshot |= asleep.has_snapshot;
        let timers = loaded.run.timers();
        // What a replay leaves on the agenda is long settled.
        let decision = loaded.run.go_on(self.parts.clock.now());
        self.owned.asleep.remove(id);
        for (timer, due) in timers {
            self.owned.timers.arm(id, timer, due);
        }
        self.owned.runs.insert(id, loaded);
        self.tally.wakes += 1;
        self.absorb(id, decision);
        Ok(())
    }

    /// Reads a run from the store; nothing if there is no such run.
    pub(super) fn read(&mut self, id: RunId) -> Result<Option<Loaded>, JournalError> {
        let namespace = &self.parts.namespace;
        let Owned { reader, definitions, .. } = &mut self.owned;
        let Some(summary) = reader.summary(namespace, id)? else { return Ok(None) };
        // Runs of one definition share it.
        let mut find = |hash| definitions.get(reader.as_ref(), namespace, hash);
        let is_checked = self.parts.thrift.is_checked;
        let restored = restore(reader.as_ref(), (namespace, id), is_checked, &mut find)?;
        let Some(mut restored) = restored else { return Ok(None) };
        if let Some(trouble) = restored.trouble.take() {
            let note =
                format!("run {id} was read from its journal, for its snapshot cannot be read: {trouble}");
            self.parts.progress.note(note);
        }
        let values = Values::new(namespace.clone(), id);
        let upkeep = restored.upkeep(&self.parts.thrift);
        Ok(Some(Loaded { run: restored.run, values, key: summary.key, upkeep }))
    }
}
