//! Folding: what has ended and cannot be asked for in full any more is forgotten, or kept in a few bytes.
//!
//! A run of a hundred thousand items must not hold a hundred thousand activations. An item that succeeded or was skipped
//! becomes a [`Folded`] of 32 bytes, and what was inside it goes, as do the earlier attempts of scopes. Of the visits of a
//! flow's child only those stay that something can still see: the last one, the last that ran, and the last that succeeded;
//! the numbers of those that stay tell how many there were. The arena is then packed. Nothing of this is an event: a run that
//! is replayed from its journal holds everything until it is folded again, and decides the same.

use std::collections::BTreeSet;

use myrmex_model::id::ValueHash;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::arena::{Activation, ActivationId, RareFacts, Reached, Work};
use super::view::TaskView;
use super::{Agenda, Run};

/// A run with fewer activations is not worth folding.
const WORTH_FOLDING: usize = 4_096;

/// The bytes of a time, in nanoseconds since the run started: enough for two years.
type Offset = [u8; 7];

/// What is kept of an item that ended as it should, in 32 bytes together with what tells it from a live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folded {
    /// Its condition did not hold.
    Skipped {
        ended: Offset,
    },
    Succeeded {
        output: [u8; 16],
        started: Offset,
        ended: Offset,
        attempts: u8,
    },
}

impl Folded {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Skipped { .. } => Status::Skipped,
            Self::Succeeded { .. } => Status::Succeeded,
        }
    }

    pub(super) fn output(&self) -> Option<ValueHash> {
        match self {
            Self::Skipped { .. } => None,
            Self::Succeeded { output, .. } => Some(ValueHash(*output)),
        }
    }

    pub(super) fn attempts(&self) -> u32 {
        match self {
            Self::Skipped { .. } => 0,
            Self::Succeeded { attempts, .. } => u32::from(*attempts),
        }
    }

    /// Returns when it began; `run` is when the run started.
    pub(super) fn started(&self, run: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Skipped { .. } => None,
            Self::Succeeded { started, .. } => Some(later(run, *started)),
        }
    }

    /// Returns when it ended; `run` is when the run started.
    pub(super) fn ended(&self, run: Timestamp) -> Timestamp {
        match self {
            Self::Skipped { ended } | Self::Succeeded { ended, .. } => later(run, *ended),
        }
    }
}

fn later(than: Timestamp, offset: Offset) -> Timestamp {
    let mut bytes = [0; 8];
    bytes[..7].copy_from_slice(&offset);
    Timestamp(than.0.saturating_add_unsigned(u64::from_le_bytes(bytes)))
}

/// Returns how much later than `run` a time is; nothing if that does not fit.
fn offset(run: Timestamp, at: Option<Timestamp>) -> Option<Offset> {
    let bytes = u64::try_from(at?.0.checked_sub(run.0)?).ok()?.to_le_bytes();
    (bytes[7] == 0).then(|| [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6]])
}

impl Run {
    /// Forgets what nothing can ask for any more, if that is worth the work: the run decides as if it had not.
    ///
    /// To be called between turns, when every request is answered. The cost is that of one walk over the activations, and
    /// is paid only after as many again were made.
    pub fn fold(&mut self) {
        if self.is_worth_folding() {
            self.fold_all();
        }
    }

    /// Does the same whether it is worth the work or not: before a snapshot, which costs as much.
    pub fn fold_all(&mut self) {
        if self.status.is_terminal() || self.arena.iter().any(|own| own.is_evaluating) {
            return;
        }
        self.fold_items();
        self.fold_visits();
        self.pack();
        self.fold_at = WORTH_FOLDING.max(self.arena.len() * 2);
    }

    /// Returns whether [`Run::fold`] would do something between turns.
    pub fn is_worth_folding(&self) -> bool {
        self.arena.len() >= self.fold_at && !self.status.is_terminal()
    }

    /// How many activations [`Run::fold`] waits for at the beginning.
    pub(super) const FOLD_FIRST: usize = WORTH_FOLDING;

    /// Returns how many records of what was folded there are.
    pub(super) fn folded_count(&self) -> usize {
        let each = |own: &Activation| match &own.work {
            Work::Each(each) => each.folded().count(),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Call(_) => 0,
        };
        self.arena.iter().map(each).sum()
    }

    /// Returns the facts that would be left if the run were folded now.
    pub(super) fn folded_facts(&self) -> super::Facts {
        let mut run = self.clone();
        // A replayed run has on its agenda what is long settled.
        run.agenda.clear();
        run.fold_items();
        run.fold_visits();
        run.pack();
        run.facts()
    }

    fn fold_items(&mut self) {
        let asked: BTreeSet<ActivationId> = self.agenda.iter().filter_map(Agenda::about).collect();
        for id in (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId) {
            let Some(folded) = self.folded(id, &asked) else { continue };
            let (parent, index) = (self.at(id).parent, self.at(id).index as usize);
            if let Work::Each(each) = &mut self.at_mut(parent).work
                && each.reached.get(index) == Some(&Reached::Live(id))
            {
                each.reached[index] = Reached::Folded(folded);
            }
        }
    }

    /// Lets go of the visits of flows that nothing can see any more.
    fn fold_visits(&mut self) {
        let asked: BTreeSet<ActivationId> = self.agenda.iter().filter_map(Agenda::about).collect();
        for flow in (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId) {
            let Work::Flow(state) = &self.at(flow).work else { continue };
            let kept: Vec<Vec<ActivationId>> =
                state.visits.iter().map(|visits| self.visits_to_keep(visits, &asked)).collect();
            if let Work::Flow(state) = &mut self.at_mut(flow).work {
                state.visits = kept;
            }
        }
    }

    /// Returns those visits of one child that something can see, or that are not over. Which ones does not depend on
    /// other children, for a new definition may take those away.
    fn visits_to_keep(&self, visits: &[ActivationId], asked: &BTreeSet<ActivationId>) -> Vec<ActivationId> {
        let last = |is: &dyn Fn(&Activation) -> bool| {
            visits.iter().rev().find(|visit| is(self.at(**visit))).copied()
        };
        let seen = [
            last(&|_| true),
            // The last one, if nothing was decided about it yet, is no fact, and if it is postponed a move to another definition
            // forgets that: then this one tells how many there were.
            last(&|visit| !visit.is_untouched() && visit.phase != Phase::Postponed),
            last(&|visit| visit.status != Status::Skipped),
            last(&|visit| visit.status == Status::Succeeded),
        ];
        let keeps = |visit: &ActivationId| {
            seen.contains(&Some(*visit))
                || self.has_unknown_below(*visit)
                || !self.is_over_below(*visit, asked)
        };
        visits.iter().copied().filter(keeps).collect()
    }

    /// Returns what an item is folded to; nothing if more is known of it than that, or something inside is asked for.
    fn folded(&self, id: ActivationId, asked: &BTreeSet<ActivationId>) -> Option<Folded> {
        let item = self.at(id);
        let is_plain = item.is_item
            && item.phase == Phase::None
            && item.fault.is_none()
            && item.artifacts.is_none()
            && item.facts().is_none_or(is_plain)
            && !self.has_unknown_below(id)
            && self.is_over_below(id, asked);
        let run = self.header.as_ref().filter(|_| is_plain)?.started;
        let ended = offset(run, item.ended)?;
        match item.status {
            Status::Skipped if item.output.is_none() && item.started.is_none() => {
                Some(Folded::Skipped { ended })
            }
            Status::Succeeded => Some(Folded::Succeeded {
                output: item.output?.0,
                started: offset(run, item.started)?,
                ended,
                attempts: u8::try_from(TaskView::of(self, id).attempts()).ok()?,
            }),
            Status::Skipped
            | Status::Failed
            | Status::TimedOut
            | Status::Cancelled
            | Status::Compensated
            | Status::Stuck
            | Status::Pending
            | Status::Running
            | Status::Waiting => None,
        }
    }

    /// Returns whether an activation, and everything inside, is over and none of those that are asked for. What a new
    /// definition added to a scope that has ended never begins.
    fn is_over_below(&self, id: ActivationId, asked: &BTreeSet<ActivationId>) -> bool {
        let own = self.at(id);
        let is_over = (own.status.is_terminal() || own.is_untouched()) && !asked.contains(&id);
        is_over && self.children(id).into_iter().all(|child| self.is_over_below(child, asked))
    }

    /// Drops what cannot be reached from the root, and closes the gaps.
    fn pack(&mut self) {
        let kept = self.reachable();
        let mut places: Vec<Option<ActivationId>> = Vec::with_capacity(kept.len());
        let mut next = 0;
        for is_kept in &kept {
            places.push(is_kept.then_some(ActivationId(next)));
            next += u32::from(*is_kept);
        }
        // What an attempt left open outlives the place where it did.
        self.is_unknown = self.has_unknown_outcome();
        let place = |id: ActivationId| places.get(id.index()).copied().flatten();
        let arena = std::mem::take(&mut self.arena).into_iter().zip(&kept);
        self.arena = arena.filter(|(_, is_kept)| **is_kept).map(|(own, _)| own).collect();
        self.arena.iter_mut().for_each(|own| own.follow(&place));
        let lags = std::mem::take(&mut self.lags).into_iter();
        self.lags = lags.filter_map(|((scope, edge), lag)| Some(((place(scope)?, edge), lag))).collect();
        let ends = std::mem::take(&mut self.ends).into_iter();
        self.ends = ends.filter_map(|(id, ends)| Some((place(id)?, ends))).collect();
        self.withheld = std::mem::take(&mut self.withheld).into_iter().filter_map(place).collect();
        let agenda = std::mem::take(&mut self.agenda).into_iter();
        self.agenda = agenda.filter_map(|item| item.moved(&place)).collect();
    }

    /// Returns of each activation whether it can be reached from the root.
    fn reachable(&self) -> Vec<bool> {
        let mut kept = vec![false; self.arena.len()];
        let mut open = vec![ActivationId::ROOT];
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut kept[id.index()], true) {
                open.extend(self.children(id));
            }
        }
        kept
    }
}

/// Whether an item that ended says no more than one that has nothing rare.
fn is_plain(facts: &RareFacts) -> bool {
    let is_own = facts.taken.is_none() && facts.cached.is_none() && !facts.is_by_hand;
    is_own && facts.vars.is_none() && facts.inputs.is_none()
}

const _: () = assert!(size_of::<Reached>() == 32, "a folded item takes 32 bytes");

impl Agenda {
    /// Returns the activation about which there is something to decide even if it has ended.
    fn about(&self) -> Option<ActivationId> {
        match self {
            Self::Handled(id) | Self::End(id) | Self::Cancel(id) | Self::Begin(id) | Self::Skip(id, _) => {
                Some(*id)
            }
            Self::Key | Self::Check(_) | Self::Attend(_) | Self::Lag(..) => None,
        }
    }

    /// Returns the same about the new places; nothing about what is not kept.
    fn moved(self, place: &impl Fn(ActivationId) -> Option<ActivationId>) -> Option<Self> {
        Some(match self {
            Self::Key => Self::Key,
            Self::Begin(id) => Self::Begin(place(id)?),
            Self::Skip(id, reason) => Self::Skip(place(id)?, reason),
            Self::Check(id) => Self::Check(place(id)?),
            Self::Attend(id) => Self::Attend(place(id)?),
            Self::Lag((from, to), holds) => Self::Lag((place(from)?, place(to)?), holds),
            Self::Cancel(id) => Self::Cancel(place(id)?),
            Self::Handled(id) => Self::Handled(place(id)?),
            Self::End(id) => Self::End(place(id)?),
        })
    }
}

impl Activation {
    /// Changes every place that it names.
    fn follow(&mut self, place: &impl Fn(ActivationId) -> Option<ActivationId>) {
        let moved = |id: ActivationId| place(id).expect("what is kept names only what is kept");
        self.parent = moved(self.parent);
        if let Some(rare) = &mut self.rare {
            rare.handlers.iter_mut().for_each(|(_, handler)| *handler = moved(*handler));
        }
        match &mut self.work {
            Work::Graph(graph) => {
                // An empty graph has no first child.
                graph.first = place(graph.first).unwrap_or(ActivationId::ROOT);
            }
            Work::Flow(flow) => {
                flow.visits.iter_mut().flatten().for_each(|visit| *visit = moved(*visit));
                flow.current = flow.current.map(&moved);
            }
            Work::Each(each) => {
                for item in &mut each.reached {
                    if let Reached::Live(id) = item {
                        *id = moved(*id);
                    }
                }
            }
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Call(_) => {}
        }
        if let Some(counts) = self.counts_mut() {
            counts.first_failed = counts.first_failed.map(moved);
        }
    }
}
