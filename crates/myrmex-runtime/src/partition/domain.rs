//! The dispatch domain: the queues, leases and places that must agree with each other. One partition holds it.
//!
//! Runs of all partitions claim places on workers and places among the runs of their workflow; the partition of
//! [`DOMAIN_LOG`] decides about them with the pure machines. Both sides of that are in memory only. What is durable are
//! the facts in the journals of the runs that claim: that an attempt is queued, granted, ended; that a run waits or was
//! admitted. A claim is made only when the fact that it follows from is durable, and a verdict becomes a fact before
//! anybody acts on it. After every opening of the store each partition makes the claims of the runs that it has loaded
//! and then says so; nothing is given away before all have. A claim or verdict of an earlier opening is void.
//!
//! In the partition that holds the domain, both take effect in the turn that makes them: they are in one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_engine::dispatch::{Applicant, Grant as Granted, Ready as Waiting, Ruling};
use myrmex_model::address::Address;
use myrmex_model::command::Command;
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, FencingToken, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::rank::Ranks;
use myrmex_store::{LogId, Partitions};

use super::State;
use super::batch::Release;
use super::post::Word;

/// The log of the partition that holds the domain: every store has it. Fencing tokens are counted in it, so the output of
/// all attempts lies under it in the log segments.
pub const DOMAIN_LOG: LogId = LogId(0);

/// What a run wants of the domain, or gives back.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// An attempt waits for a place, or a block for what it is to hold.
    Enqueue(Waiting),
    /// A task does not wait any more.
    Withdraw(RunId, Address),
    /// An attempt or a block has a lease of an earlier opening.
    Adopt(Granted),
    /// A lease is over.
    Release(FencingToken),
    /// A run has come into memory; its attempts and blocks may claim something from now on.
    SettleIn(Box<Settling>),
    /// A run has left memory.
    SettleOut(RunId),
    /// A run waits for its place among those of its workflow.
    Ask(Applicant),
    /// A run that waits is taken up to end, whether there is a place or not.
    Seat(RunId),
    /// A run is being cancelled.
    NoteCancel(RunId),
    /// A run that had its place before has it again, and has made its claims.
    TakenUp(RunId),
    /// A run is over.
    Leave(RunId),
    /// The runs of this opening that were to be loaded are, and have made their claims.
    Declared,
}

/// What counts of a run as long as it is in memory.
#[derive(Debug, Clone)]
pub(super) struct Settling {
    pub(super) run: RunId,
    /// How many of its attempts may be under way; none for any number.
    pub(super) most: Option<u32>,
    /// Which task waits for its end.
    pub(super) caller: Option<(RunId, Address)>,
    /// What it says of pools.
    pub(super) pools: BTreeMap<Name, u32>,
    /// How much is left of it after each node, if the order goes by that.
    pub(super) ranks: Option<(Arc<Definition>, Arc<Ranks>)>,
}

/// What was decided about a run.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// An attempt gets a place, or a block what it is to hold.
    Granted(Granted),
    /// An attempt or a block can never get what it asks for.
    Refused { run: RunId, task: Address, attempt: Attempt, fault: Box<Fault> },
    /// Whether a run gets its place.
    Ruled(RunId, Ruling),
    /// A run is in the way of another one and is to be cancelled.
    Ends { run: RunId, by: String, reason: String, successor: RunId },
}

/// Who has to be heard before something is given away.
#[derive(Debug, Default)]
pub(super) struct Holds {
    undeclared: BTreeSet<LogId>,
    /// How many requests are under way that take up runs of several partitions.
    resumes: u32,
    /// Runs of other partitions that wait for the place that they had before.
    returning: BTreeSet<RunId>,
    /// Those of them that have it, and whose leases are not known yet.
    admitted: BTreeSet<RunId>,
    /// Whether something was claimed or given back since places were last given away.
    pub(super) has_heard: bool,
}

impl Holds {
    pub(super) fn until_declared(partitions: Partitions) -> Self {
        Self { undeclared: partitions.logs().collect(), ..Self::default() }
    }

    /// Takes over the requests that are under way from before the store was opened again: each tells when it ends.
    pub(super) fn follow(&mut self, before: &Self) {
        self.resumes = before.resumes;
    }

    pub(super) fn begin_resume(&mut self) {
        self.resumes += 1;
    }

    pub(super) fn end_resume(&mut self) {
        self.resumes = self.resumes.saturating_sub(1);
    }

    /// Notes that a run gets its place.
    fn note_admitted(&mut self, run: RunId) {
        if self.returning.remove(&run) {
            self.admitted.insert(run);
        }
    }

    fn note_taken_up(&mut self, run: RunId) {
        self.returning.remove(&run);
        self.admitted.remove(&run);
    }

    fn is_over(&self) -> bool {
        self.undeclared.is_empty() && self.resumes == 0
    }
}

impl State {
    /// Whether this partition holds the domain and may give something away now.
    pub(super) fn may_decide(&self) -> bool {
        self.parts.log == DOMAIN_LOG && !self.is_interrupted && self.owned.holds.is_over()
    }

    /// Whether this partition may give away what runs take from each other's attempts and blocks: all who have something
    /// must have said so.
    pub(super) fn may_grant(&self) -> bool {
        self.may_decide() && self.owned.holds.admitted.is_empty()
    }

    /// Whether something may be given away that could not when this turn gave places away: what a batch releases, and a grant
    /// that could not be carried out, are given back after that.
    pub(super) fn may_give_more(&self) -> bool {
        self.owned.holds.has_heard && self.may_decide()
    }

    /// Makes a claim: at once if the domain is here, else once what was decided until now is durable.
    pub(super) fn wish(&mut self, wish: Wish) {
        if self.parts.log == DOMAIN_LOG {
            self.hear_wish(DOMAIN_LOG, wish);
        } else {
            self.owned.open.effects.push(Release::Say(DOMAIN_LOG, Word::Wish(wish)));
        }
    }

    /// Takes a claim of a run of `from`.
    pub(super) fn hear_wish(&mut self, from: LogId, wish: Wish) {
        let now = self.parts.clock.now();
        self.owned.holds.has_heard = true;
        let (dispatch, admission) = (&mut self.owned.dispatch, &mut self.owned.admission);
        match wish {
            Wish::Enqueue(waiting) => self.line_up(waiting),
            Wish::Withdraw(run, task) => dispatch.withdraw(run, &task),
            Wish::Adopt(granted) => dispatch.adopt(granted, now),
            Wish::Release(token) => dispatch.release(token),
            Wish::SettleIn(settling) => self.count_in(*settling),
            Wish::SettleOut(run) => self.count_out(run),
            Wish::Ask(applicant) => {
                if applicant.is_returning && from != DOMAIN_LOG {
                    self.owned.holds.returning.insert(applicant.run);
                }
                admission.ask(applicant);
            }
            Wish::Seat(run) => admission.seat(run),
            Wish::NoteCancel(run) => admission.note_cancel(run),
            Wish::TakenUp(run) => self.owned.holds.note_taken_up(run),
            Wish::Leave(run) => admission.leave(run),
            Wish::Declared => {
                self.owned.holds.undeclared.remove(&from);
            }
        }
    }

    /// Tells a run what was decided about it: at once if it is here, else once what the decision saw is durable.
    pub(super) fn pronounce(&mut self, run: RunId, verdict: Verdict) {
        let log = self.parts.partitions.log_of(run);
        if log == self.parts.log {
            self.obey(verdict);
        } else {
            if let Verdict::Ruled(run, Ruling::Admitted) = &verdict {
                self.owned.holds.note_admitted(*run);
            }
            self.owned.open.effects.push(Release::Say(log, Word::Verdict(verdict)));
        }
    }

    /// Takes a verdict about a run of this partition.
    pub(super) fn obey(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Granted(granted) => self.take_grant(granted),
            Verdict::Refused { run, task, attempt, fault } => self.take_refusal(run, task, attempt, *fault),
            Verdict::Ruled(run, ruling) => self.take_ruling(run, ruling),
            Verdict::Ends { run, by, reason, successor } => {
                self.take_up_at_once(run);
                self.tell(run, Command::Cancel { by, reason, successor: Some(successor) });
            }
        }
    }

    /// Lets what waits in vain fail. After an interrupt a resume finds it again.
    fn take_refusal(&mut self, run: RunId, task: Address, attempt: Attempt, fault: Fault) {
        if self.is_interrupted {
            return;
        }
        if let Err(rejection) = self.put(run, Command::Refuse { task, attempt, fault }) {
            self.note_refusal(rejection.to_string());
        }
    }

    /// Notes why a run refused what was decided about it. One of another partition may have ended meanwhile.
    pub(super) fn note_refusal(&self, refusal: String) {
        if self.parts.partitions == Partitions::ONE {
            self.parts.progress.note(refusal);
        }
    }

    fn take_grant(&mut self, granted: Granted) {
        let Granted { token, worker, ready } = granted;
        let Waiting { run, task, attempt, .. } = ready;
        if self.is_interrupted || self.worker.is_none() {
            return self.wish(Wish::Release(token));
        }
        let is_block = worker.is_none();
        let worker = worker.unwrap_or_else(|| self.parts.worker.clone());
        if let Err(rejection) = self.put(run, Command::Grant { task: task.clone(), attempt, token, worker }) {
            self.wish(Wish::Release(token));
            self.note_refusal(format!("attempt {attempt} of `{task}`: {rejection}"));
        }
        if is_block && !self.unfinished.contains(&run) {
            // What the block lets begin is served in this turn, or in the next one, which comes at once then.
            self.unfinished.push_back(run);
        }
    }
}
