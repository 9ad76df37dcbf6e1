//! Snapshots: what a run costs to bring back is bounded by what it holds, not by its past.
//!
//! A snapshot is put into a batch with the last of its records or into a later one. It is taken when so much has happened since the
//! one before that writing all the facts again is little beside it, and only where nothing is left to decide. Whether it
//! is there, whole, and of this build, changes nothing but the time that loading takes.

use myrmex_engine::run::{Run, SNAPSHOT_CODEC};
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::time::{Length, Timestamp};
use myrmex_store::{IndexOperation, Reader, Sequence, Snapshot, SnapshotTag, StoreError};

use super::State;
use super::journal::{Find, JournalError, load_definition, load_run, replay};

/// The tag of the snapshots that this build writes and reads.
pub const SNAPSHOT_TAG: SnapshotTag = SnapshotTag { codec: SNAPSHOT_CODEC, build: BUILD };

const BUILD: u64 = match u64::from_str_radix(env!("MYRMEX_ENGINE_BUILD"), 10) {
    Ok(build) => build,
    Err(_) => panic!("the build script writes a number"),
};

/// The most bytes of a snapshot; a run that would need more is read from its journal. A batch holds it as a whole.
const SNAPSHOT_BYTES_MAX: usize = 64 << 20;

/// When snapshots are taken and when runs leave memory.
#[derive(Debug, Clone, Copy)]
pub struct Thrift {
    /// The fewest events between two snapshots of a run that goes on.
    pub snapshot_events: usize,
    /// How many events must be new for each activation that a snapshot writes again.
    pub events_per_activation: usize,
    /// The fewest events since the last snapshot for which a run that leaves memory gets one.
    pub nap_events: usize,
    /// How long nothing must have happened to a run that only waits before it leaves memory.
    pub idle: Length,
    /// Whether every run that a snapshot gave back is compared with its journal; costs as much as there was to save.
    pub is_checked: bool,
}

impl Default for Thrift {
    fn default() -> Self {
        // So many events are read in some hundredths of a second, which nobody who waits for a run notices. A task makes
        // four events or more, which are larger than its fact, so a run that only goes forward gets few snapshots. After a
        // minute of silence the next word is likely to be far off.
        Self {
            snapshot_events: 4_096,
            events_per_activation: 4,
            nap_events: 64,
            idle: Length(60_000),
            is_checked: cfg!(debug_assertions),
        }
    }
}

/// A run that leaves memory gets a snapshot if its journal has at least one new event for so many activations: fewer cost
/// less to read again than the snapshot to write.
const ACTIVATIONS_PER_NAP_EVENT: usize = 16;

/// What is known of a run in memory beside its state.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// How many events its journal has since the last snapshot.
    tail: usize,
    /// The tail with which a snapshot is looked at again.
    look_at: usize,
    /// Whether the store has a snapshot of it, of whatever build.
    pub(super) has_snapshot: bool,
    /// Whether that snapshot is of no use, so that a new one would be.
    is_spoilt: bool,
    /// How large the run was when its snapshot would have been too large.
    too_large: Option<usize>,
    /// The last of its records; all up to there are in its state.
    pub(super) last: Sequence,
    /// When something happened to it last.
    pub(super) touched: Timestamp,
    /// Whether it is in the list of those that may come to leave memory.
    pub(super) is_listed: bool,
}

impl Upkeep {
    pub(super) fn new(thrift: &Thrift) -> Self {
        let (last, touched) = (Sequence::NONE, Timestamp(i64::MIN));
        let look_at = thrift.snapshot_events;
        Self {
            tail: 0,
            look_at,
            has_snapshot: false,
            is_spoilt: false,
            too_large: None,
            last,
            touched,
            is_listed: false,
        }
    }

    /// Notes events that were decided; `last` is the place of the last of them.
    pub(super) fn note(&mut self, count: usize, last: Sequence) {
        self.tail += count;
        if count > 0 {
            self.last = last;
        }
    }

    /// Whether it may be time for a snapshot.
    pub(super) fn is_due(&self) -> bool {
        self.tail >= self.look_at
    }

    /// Whether a run that leaves memory should get a snapshot.
    pub(super) fn is_worth_a_nap(&self, thrift: &Thrift, run: &Run) -> bool {
        let is_much = self.tail >= run.size() / ACTIVATIONS_PER_NAP_EVENT;
        self.is_spoilt || self.tail >= thrift.nap_events && is_much
    }
}

/// A run as the store gives it back.
pub struct Restored {
    /// The run.
    pub run: Run,
    /// How many events were read.
    pub tail: usize,
    /// The last of its records.
    pub last: Sequence,
    /// Whether the store has a snapshot of it, of whatever build.
    pub has_snapshot: bool,
    /// Why there is a snapshot of this build that was not used; none if there is none or it was used.
    pub trouble: Option<String>,
}

impl Restored {
    pub(super) fn upkeep(&self, thrift: &Thrift) -> Upkeep {
        let Self { tail, last, has_snapshot, .. } = *self;
        Upkeep { tail, has_snapshot, is_spoilt: self.trouble.is_some(), last, ..Upkeep::new(thrift) }
    }
}

/// Loads a run from its snapshot and what its journal says since, or from the whole journal; nothing if the store has no
/// such run.
///
/// # Errors
///
/// Returns [`JournalError`] if something of it cannot be read. A snapshot that is damaged, or cannot be read by this build,
/// is none. With `is_checked` the journal is read as well, and [`JournalError::Snapshot`] tells if it says something else.
pub fn restore_run(
    reader: &dyn Reader,
    (namespace, id): (&Namespace, RunId),
    is_checked: bool,
) -> Result<Option<Restored>, JournalError> {
    restore(reader, (namespace, id), is_checked, &mut |hash| load_definition(reader, namespace, hash))
}

/// Does the same with definitions from elsewhere.
pub(super) fn restore(
    reader: &dyn Reader,
    (namespace, id): (&Namespace, RunId),
    is_checked: bool,
    find: &mut Find<'_>,
) -> Result<Option<Restored>, JournalError> {
    let (mut has_snapshot, mut trouble, mut differs) = (true, None, false);
    match reader.snapshot(namespace, id) {
        Ok(Some(snapshot)) if snapshot.tag == SNAPSHOT_TAG => {
            match from_snapshot(reader, (namespace, id), &snapshot, find) {
                Ok(restored) if is_checked => return checked(reader, namespace, restored).map(Some),
                Ok(restored) => return Ok(Some(restored)),
                Err(JournalError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    differs = true;
                    trouble = Some(error.to_string());
                }
            }
        }
        // Another build wrote it.
        Ok(Some(_)) => {}
        Ok(None) => has_snapshot = false,
        Err(error @ StoreError::Damaged { .. }) => trouble = Some(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    let replayed = replay(reader, (namespace, id), (None, Sequence::NONE), find)?;
    if differs && is_checked {
        return Err(JournalError::Snapshot { run: id });
    }
    Ok(replayed.map(|(run, tail, last)| Restored { run, tail, last, has_snapshot, trouble }))
}

fn from_snapshot(
    reader: &dyn Reader,
    (namespace, id): (&Namespace, RunId),
    snapshot: &Snapshot,
    find: &mut Find<'_>,
) -> Result<Restored, JournalError> {
    let mut missing = None;
    let run = Run::from_snapshot(&snapshot.body, &mut |hash| match find(hash) {
        Ok(definition) => definition,
        Err(error) => {
            missing = Some(error);
            None
        }
    });
    let run = match (run, missing) {
        (_, Some(error)) => return Err(error),
        (run, None) => run?,
    };
    let replayed = replay(reader, (namespace, id), (Some(run), snapshot.last), find)?;
    let (run, tail, last) = replayed.ok_or(JournalError::Snapshot { run: id })?;
    Ok(Restored { run, tail, last, has_snapshot: true, trouble: None })
}

/// Compares a run with its journal.
fn checked(reader: &dyn Reader, namespace: &Namespace, restored: Restored) -> Result<Restored, JournalError> {
    let id = restored.run.id();
    let replayed = load_run(reader, namespace, id)?;
    let is_same = replayed.is_some_and(|replayed| replayed.is_same_as(&restored.run));
    if is_same { Ok(restored) } else { Err(JournalError::Snapshot { run: id }) }
}

impl State {
    /// Takes snapshots of the runs of which so much has happened that it is worth it.
    pub(super) fn take_snapshots(&mut self) {
        if self.trouble.is_some() {
            return;
        }
        if self.is_interrupted || self.owned.writer.is_held_up() {
            // The process is about to end, and no turn comes for this alone; or a full disk keeps others waiting for their commits,
            // and what is only a cache is not added to that. What happens to a run next lists it again.
            return self.eventful.clear();
        }
        for id in std::mem::take(&mut self.eventful) {
            if self.is_full() {
                self.eventful.push(id);
                continue;
            }
            let Some(loaded) = self.owned.runs.get_mut(&id) else { continue };
            let (run, upkeep) = (&mut loaded.run, &mut loaded.upkeep);
            if run.status().is_terminal() || !upkeep.is_due() {
                continue;
            }
            if run.has_more() {
                // Something is always left of a run that is busy enough; it is looked at again after every turn.
                self.eventful.push(id);
                continue;
            }
            run.fold_all();
            let enough = run.size().saturating_mul(self.parts.thrift.events_per_activation);
            // Looking costs a walk over the run. A run may grow as fast as its journal, so that the time never comes: it is
            // looked at again only after a part of its past as long as that walk is worth.
            upkeep.look_at = enough.max(upkeep.tail + upkeep.tail / 4);
            if upkeep.tail >= enough {
                self.take_snapshot(id);
            }
        }
    }

    /// Puts a snapshot of a run that has nothing left to decide into the batch; false if it would be too large. One that was is
    /// not made again before the run has become smaller.
    pub(super) fn take_snapshot(&mut self, id: RunId) -> bool {
        let Some(loaded) = self.owned.runs.get_mut(&id) else { return false };
        let (run, upkeep) = (&loaded.run, &mut loaded.upkeep);
        let size = run.size();
        if upkeep.too_large.is_some_and(|too_large| size >= too_large) {
            return false;
        }
        let body = run.snapshot();
        if body.len() > SNAPSHOT_BYTES_MAX {
            upkeep.too_large = Some(size);
            return false;
        }
        (upkeep.tail, upkeep.look_at) = (0, self.parts.thrift.snapshot_events);
        (upkeep.has_snapshot, upkeep.is_spoilt) = (true, false);
        let (namespace, last) = (self.parts.namespace.clone(), upkeep.last);
        let snapshot = Snapshot { namespace, run: id, last, tag: SNAPSHOT_TAG, body };
        self.owned.open.operations([IndexOperation::PutSnapshot(snapshot)]);
        self.tally.snapshots += 1;
        true
    }

    /// Forgets the snapshot of a run that is over.
    pub(super) fn drop_snapshot(&mut self, id: RunId) {
        if self.owned.runs.get(&id).is_some_and(|loaded| loaded.upkeep.has_snapshot) {
            let namespace = self.parts.namespace.clone();
            self.owned.open.operations([IndexOperation::RemoveSnapshot { namespace, run: id }]);
        }
    }
}
