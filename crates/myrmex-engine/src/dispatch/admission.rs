//! The admission machine: which waiting run gets a place among the runs of its workflow with its key.
//!
//! Places are counted from the runs that have them, never kept in a counter. Those who wait are served in turn, and
//! nobody overtakes: a run with a higher limit than the one before it waits all the same, so that neither starves. Runs
//! that had a place before the process died that drove them come first of all.
//!
//! Only runs that are driven here are known here. Nothing is stored: whoever drives the machine tells it again of every
//! run that it takes up.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::id::RunId;
use myrmex_model::ir::OnConflict;
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

/// What runs share that wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Their workflow.
    pub workflow: Name,
    /// The key of its `concurrency`, if it has one.
    pub key: Option<String>,
}

/// A run that asks for a place.
#[derive(Debug, Clone)]
pub struct Applicant {
    /// The run.
    pub run: RunId,
    /// What it shares with the runs that it waits for.
    pub group: Group,
    /// How many runs may have a place beside it and with it, at least 1.
    pub limit: u32,
    /// What becomes of it if there is no place. One that returns waits.
    pub on_conflict: OnConflict,
    /// Since when it waits.
    pub since: Timestamp,
    /// Whether it had a place before the process died that drove it.
    pub is_returning: bool,
    /// Whether it is being cancelled. One that had a place before may be, and needs it to end.
    pub is_ending: bool,
    /// The runs that wait for its end, the nearest first.
    pub callers: Vec<RunId>,
}

/// What was decided about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It has its place.
    Admitted,
    /// It gets none, because of this run.
    Skipped(RunId),
    /// It would wait for ever for this run.
    Deadlocked(RunId),
    /// It waits for its place, and these are to be cancelled for it.
    Ends(Vec<RunId>),
}

/// The runs that wait for a place, and those that have one.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    groups: BTreeMap<Group, Places>,
    members: BTreeMap<RunId, (Group, Turn)>,
    /// Those who wait, by the runs that wait for their end.
    below: BTreeMap<RunId, BTreeSet<RunId>>,
    /// Groups about which something may be decided.
    touched: BTreeSet<Group>,
}

#[derive(Debug, Clone, Default)]
struct Places {
    holders: BTreeMap<RunId, Holder>,
    waiting: BTreeMap<Turn, Waiting>,
    /// Those who wait and about whom nothing was decided yet.
    fresh: BTreeSet<Turn>,
}

#[derive(Debug, Clone)]
struct Holder {
    since: Timestamp,
    /// Whether it is being cancelled.
    is_ending: bool,
}

/// In which order those are served who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    is_fresh: bool,
    since: Timestamp,
    run: RunId,
}

#[derive(Debug, Clone)]
struct Waiting {
    limit: u32,
    on_conflict: OnConflict,
    /// Whether it is being cancelled.
    is_ending: bool,
    callers: Vec<RunId>,
}

impl Admission {
    /// Lets a run wait for its place. One that waits or has its place already changes nothing.
    pub fn ask(&mut self, applicant: Applicant) {
        let Applicant { run, group, limit, on_conflict, since, is_returning, is_ending, callers } = applicant;
        if self.members.contains_key(&run) {
            return;
        }
        for caller in &callers {
            self.below.entry(*caller).or_default().insert(run);
        }
        let on_conflict = if is_returning { OnConflict::Queue } else { on_conflict };
        let turn = Turn { is_fresh: !is_returning, since, run };
        let waiting = Waiting { limit: limit.max(1), on_conflict, is_ending, callers };
        let places = self.groups.entry(group.clone()).or_default();
        places.waiting.insert(turn, waiting);
        places.fresh.insert(turn);
        self.touched.insert(group.clone());
        self.members.insert(run, (group, turn));
    }

    /// Gives a run that waits its place whatever the limit is: it is taken up only to end.
    pub fn seat(&mut self, run: RunId) {
        if let Some((group, turn)) = self.members.get(&run).cloned() {
            self.take_place(&group, turn);
            self.note_cancel(run);
        }
    }

    /// Notes that a run is being cancelled, so that nobody cancels it once more for its place.
    pub fn note_cancel(&mut self, run: RunId) {
        let places = self.members.get(&run).and_then(|(group, _)| self.groups.get_mut(group));
        if let Some(holder) = places.and_then(|places| places.holders.get_mut(&run)) {
            holder.is_ending = true;
        }
    }

    /// Takes a run out, whether it waits or has its place.
    pub fn leave(&mut self, run: RunId) {
        let Some((group, turn)) = self.members.remove(&run) else { return };
        self.remove_waiting(&group, turn);
        if let Some(places) = self.groups.get_mut(&group) {
            places.holders.remove(&run);
            if places.holders.is_empty() && places.waiting.is_empty() {
                self.groups.remove(&group);
            }
        }
        self.touched.insert(group);
    }

    /// Returns the runs that have a place.
    pub fn holders(&self, group: &Group) -> impl Iterator<Item = RunId> {
        self.groups.get(group).into_iter().flat_map(|places| places.holders.keys().copied())
    }

    /// Returns the runs that wait, the next one first.
    pub fn waiting(&self, group: &Group) -> impl Iterator<Item = RunId> {
        self.groups.get(group).into_iter().flat_map(|places| places.waiting.keys().map(|turn| turn.run))
    }

    /// Decides what can be decided now. Called again until nothing is: taking up those that return brings others that do.
    pub fn settle(&mut self) -> Vec<(RunId, Ruling)> {
        let mut rulings = Vec::new();
        let touched: Vec<Group> = self.touched.iter().cloned().collect();
        for group in &touched {
            self.admit(group, true, &mut rulings);
        }
        if !rulings.is_empty() {
            return rulings;
        }
        self.touched.clear();
        for group in &touched {
            self.admit(group, false, &mut rulings);
            while self.decide_new(group, &mut rulings) {
                if let Some((_, Ruling::Ends(_))) = rulings.last() {
                    // Whoever is ended takes with it those that it called, who count until then.
                    self.touched.extend(touched);
                    return rulings;
                }
                self.admit(group, false, &mut rulings);
            }
        }
        rulings
    }

    /// Gives free places to those who wait longest.
    fn admit(&mut self, group: &Group, only_returning: bool, rulings: &mut Vec<(RunId, Ruling)>) {
        while let Some(places) = self.groups.get(group)
            && let Some((turn, head)) = places.waiting.first_key_value()
            && places.holders.len() < head.limit as usize
            && !(only_returning && turn.is_fresh)
        {
            let turn = *turn;
            self.take_place(group, turn);
            rulings.push((turn.run, Ruling::Admitted));
        }
    }

    fn take_place(&mut self, group: &Group, turn: Turn) {
        let is_ending = self.remove_waiting(group, turn).is_some_and(|waiting| waiting.is_ending);
        if let Some(places) = self.groups.get_mut(group) {
            places.holders.insert(turn.run, Holder { since: turn.since, is_ending });
        }
    }

    /// Decides about the first run for which there is no place and about which nothing was decided; false if there is
    /// none.
    fn decide_new(&mut self, group: &Group, rulings: &mut Vec<(RunId, Ruling)>) -> bool {
        let Some(places) = self.groups.get_mut(group) else { return false };
        let Some(turn) = places.fresh.pop_first() else { return false };
        let Some(waiting) = places.waiting.get(&turn) else { return true };
        let on_conflict = waiting.on_conflict;
        let ruling = match on_conflict {
            OnConflict::Queue if self.is_stuck(group, turn.run, &[]) => Some(self.refuse(group, turn)),
            OnConflict::Queue => None,
            OnConflict::Skip => Some(Ruling::Skipped(self.holder_for(group, turn))),
            OnConflict::Cancel => self.supersede(group, turn),
        };
        if let Some(Ruling::Skipped(_) | Ruling::Deadlocked(_)) = ruling {
            self.leave(turn.run);
        }
        rulings.extend(ruling.map(|ruling| (turn.run, ruling)));
        true
    }

    /// Decides about a run that would wait for ever. One that had its place before is not failed for that: it has it beside
    /// the others.
    fn refuse(&mut self, group: &Group, turn: Turn) -> Ruling {
        if turn.is_fresh {
            return Ruling::Deadlocked(self.holder_for(group, turn));
        }
        self.take_place(group, turn);
        Ruling::Admitted
    }

    /// Makes room for a run by ending those that came before it, the oldest first, and no more than are in its way.
    fn supersede(&mut self, group: &Group, turn: Turn) -> Option<Ruling> {
        let places = self.groups.get(group)?;
        let waiting = places.waiting.get(&turn)?;
        let mut before: Vec<(Timestamp, RunId)> = (places.holders.iter())
            .filter(|(_, holder)| !holder.is_ending)
            .map(|(run, holder)| (holder.since, *run))
            .collect();
        before.sort_unstable();
        let waiting_before = places.waiting.range(..turn).filter(|(_, waiting)| !waiting.is_ending);
        before.extend(waiting_before.map(|(turn, _)| (turn.since, turn.run)));
        let excess = (before.len() + 1).saturating_sub(waiting.limit as usize);
        let ended: Vec<RunId> = before.into_iter().take(excess).map(|(_, run)| run).collect();
        if let Some(caller) = ended.iter().find(|run| waiting.callers.contains(run)) {
            return Some(Ruling::Deadlocked(*caller));
        }
        // Those who are being cancelled already, its callers among them, may wait for it in what they do at last.
        if self.is_stuck(group, turn.run, &ended) {
            return Some(Ruling::Deadlocked(self.holder_for(group, turn)));
        }
        for run in &ended {
            let is_waiting = |(_, turn): &(Group, Turn)| {
                self.groups.get(group).is_some_and(|places| places.waiting.contains_key(turn))
            };
            // One that had its place before needs it once more, to end.
            match self.members.get(run).filter(|member| is_waiting(member)) {
                Some((_, turn)) if turn.is_fresh => self.leave(*run),
                Some(_) | None => self.note_cancel(*run),
            }
        }
        (!ended.is_empty()).then_some(Ruling::Ends(ended))
    }

    /// Returns the run to name to one that gets no place: a caller of its own if one has the place, or else the first.
    fn holder_for(&self, group: &Group, turn: Turn) -> RunId {
        let places = self.groups.get(group).expect("who waits is in a group");
        let callers = places.waiting.get(&turn).map_or(&[][..], |waiting| &waiting.callers);
        let caller = callers.iter().find(|caller| places.holders.contains_key(caller));
        let oldest = places.holders.iter().min_by_key(|(run, holder)| (holder.since, **run));
        *caller.or(oldest.map(|(run, _)| run)).expect("nobody waits while no place is taken")
    }

    /// Returns whether a run that waits will do so for ever: too many of those in its way wait, through runs that they
    /// called, for places of which that is true too. Those that are about to be ended for it are not in its way.
    fn is_stuck(&self, group: &Group, run: RunId, ended: &[RunId]) -> bool {
        let is_caller = |holder: RunId| self.below.contains_key(&holder);
        if !self.holders(group).any(is_caller) {
            return false;
        }
        let mut reached = BTreeSet::new();
        let mut open = vec![group];
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(self.holders(next).flat_map(|holder| self.awaited(holder)));
            }
        }
        // At first all are held to be stuck; then those are taken out who will be served, until no one is.
        let mut stuck: BTreeSet<RunId> = reached.iter().flat_map(|next| self.waiting(next)).collect();
        stuck.retain(|run| !ended.contains(run));
        loop {
            let before = stuck.len();
            for places in reached.iter().filter_map(|next| self.groups.get(*next)) {
                let stays = |holder: &&RunId| {
                    let below = self.below.get(*holder).filter(|_| !ended.contains(holder));
                    below.is_some_and(|below| !below.is_disjoint(&stuck))
                };
                let staying = places.holders.keys().filter(stays).count();
                // Nobody overtakes, so all after one who is not served are not served either.
                let waiting = places.waiting.iter().filter(|(turn, _)| !ended.contains(&turn.run));
                let served = waiting.take_while(|(_, next)| staying < next.limit as usize);
                served.for_each(|(turn, _)| {
                    stuck.remove(&turn.run);
                });
            }
            if stuck.len() == before {
                return stuck.contains(&run);
            }
        }
    }

    /// Returns the groups of which a run needs a place, in runs that it called and waits for.
    fn awaited(&self, run: RunId) -> impl Iterator<Item = &Group> {
        let below = self.below.get(&run).into_iter().flatten();
        below.filter_map(|below| self.members.get(below).map(|(group, _)| group))
    }

    fn remove_waiting(&mut self, group: &Group, turn: Turn) -> Option<Waiting> {
        let places = self.groups.get_mut(group)?;
        places.fresh.remove(&turn);
        let waiting = places.waiting.remove(&turn)?;
        self.forget_callers(turn.run, waiting.callers.iter());
        Some(waiting)
    }

    fn forget_callers<'a>(&mut self, run: RunId, callers: impl Iterator<Item = &'a RunId>) {
        for caller in callers {
            if let Some(below) = self.below.get_mut(caller) {
                below.remove(&run);
                if below.is_empty() {
                    self.below.remove(caller);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
