//! What partitions tell those who watch: that something became durable, which runs ended, and how the engine is.
//!
//! Watchers are told that there is something new, never what: they read it from the store by their own cursor. So a
//! slow watcher costs nothing and misses nothing.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use myrmex_model::id::RunId;
use myrmex_model::status::Status;
use myrmex_store::LogId;

/// The most notes kept until somebody takes them.
const NOTES_MAX: usize = 100;

/// How the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Well,
    /// A commit waits, such as for space on a full disk; nothing is lost and it goes on by itself.
    HeldUp(String),
    /// It was asked to stop and has stopped; what was under way was stopped too and can be resumed.
    Interrupted,
    /// It cannot go on. Everything acknowledged is in the store.
    Failed(String),
    /// It cannot go on, because what is in the store is not what was written.
    Damaged(String),
}

/// What is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How often something became durable.
    pub commits: u64,
    /// How the engine is.
    pub health: Health,
}

/// The shared board.
#[derive(Debug)]
pub struct Progress {
    board: Mutex<Board>,
    changed: Condvar,
    /// Told only when a run ends or the engine's health changes: whoever shows nothing need not wake for each commit.
    ended: Condvar,
}

#[derive(Debug)]
struct Board {
    commits: u64,
    health: Health,
    ended: BTreeMap<RunId, Status>,
    /// How many runs each partition has under way.
    under_way: BTreeMap<LogId, usize>,
    /// How many partitions work; the engine is interrupted once none does.
    at_work: u32,
    notes: Vec<String>,
}

impl Progress {
    /// Creates an empty board.
    pub fn new() -> Self {
        let board = Board {
            commits: 0,
            health: Health::Well,
            ended: BTreeMap::new(),
            under_way: BTreeMap::new(),
            at_work: 1,
            notes: Vec::new(),
        };
        Self { board: Mutex::new(board), changed: Condvar::new(), ended: Condvar::new() }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // The board is plain data, whole after every change.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_partitions(&self, count: u32) {
        self.board().at_work = count;
    }

    pub(crate) fn set_durable(&self, ended: &[(RunId, Status)]) {
        let mut board = self.board();
        board.commits += 1;
        board.ended.extend(ended.iter().copied());
        let was_held_up = matches!(board.health, Health::HeldUp(_));
        if was_held_up {
            board.health = Health::Well;
        }
        self.changed.notify_all();
        if was_held_up || !ended.is_empty() {
            self.ended.notify_all();
        }
    }

    pub(crate) fn set_under_way(&self, partition: LogId, count: usize) {
        let mut board = self.board();
        let before = board.under_way.insert(partition, count);
        if count == 0 && before.is_some_and(|before| before > 0) {
            self.ended.notify_all();
        }
    }

    /// Says that something waits, unless the engine has ended anyway.
    pub(crate) fn hold_up(&self, reason: String) {
        let mut board = self.board();
        if board.health == Health::Well {
            board.health = Health::HeldUp(reason);
            self.changed.notify_all();
            self.ended.notify_all();
        }
    }

    /// Says that what waited goes on. If something else still waits, that one says so again at its next try.
    pub(crate) fn go_on(&self) {
        let mut board = self.board();
        if matches!(board.health, Health::HeldUp(_)) {
            board.health = Health::Well;
            self.changed.notify_all();
            self.ended.notify_all();
        }
    }

    /// Notes that a partition ends and how the engine is then. It is interrupted once all partitions are.
    pub(crate) fn close(&self, health: Health) {
        let mut board = self.board();
        board.at_work = board.at_work.saturating_sub(1);
        let is_over = board.at_work == 0;
        drop(board);
        if is_over || health != Health::Interrupted {
            self.set_health(health);
        }
    }

    /// Says how the engine is. What a partition cannot go on for is not taken back by what others then say.
    pub(crate) fn set_health(&self, health: Health) {
        let mut board = self.board();
        if matches!(board.health, Health::Failed(_) | Health::Damaged(_)) {
            return;
        }
        board.health = health;
        self.changed.notify_all();
        self.ended.notify_all();
    }

    pub(crate) fn note(&self, note: String) {
        let mut board = self.board();
        if board.notes.len() < NOTES_MAX {
            board.notes.push(note);
        }
    }

    /// Returns what is known now.
    pub fn seen(&self) -> Seen {
        let board = self.board();
        Seen { commits: board.commits, health: board.health.clone() }
    }

    /// Waits until something differs from `seen`, at most `limit`, and returns what is known then.
    pub fn wait(&self, seen: &Seen, limit: Duration) -> Seen {
        let board = self.board();
        let same = |board: &mut Board| board.commits == seen.commits && board.health == seen.health;
        let waited = self.changed.wait_timeout_while(board, limit, same);
        let (board, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Seen { commits: board.commits, health: board.health.clone() }
    }

    /// Waits until a run has ended or the health differs from that in `seen`, at most `limit`.
    pub fn wait_for_end(&self, run: RunId, seen: &Seen, limit: Duration) -> Seen {
        let board = self.board();
        let same = |board: &mut Board| board.health == seen.health && !board.ended.contains_key(&run);
        let waited = self.ended.wait_timeout_while(board, limit, same);
        let (board, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Seen { commits: board.commits, health: board.health.clone() }
    }

    /// Waits until no run is under way any more or the health differs from that in `seen`, at most `limit`.
    pub fn wait_for_all(&self, seen: &Seen, limit: Duration) -> Seen {
        let board = self.board();
        let same = |board: &mut Board| board.health == seen.health && board.under_way() > 0;
        let waited = self.ended.wait_timeout_while(board, limit, same);
        let (board, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Seen { commits: board.commits, health: board.health.clone() }
    }

    /// Returns how many runs are under way.
    pub fn under_way(&self) -> usize {
        self.board().under_way()
    }

    /// Returns the final status of a run whose end is durable.
    pub fn ended(&self, run: RunId) -> Option<Status> {
        self.board().ended.get(&run).copied()
    }

    /// Takes the notes: things that went wrong on the way and were dealt with.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.board().notes)
    }
}

impl Board {
    fn under_way(&self) -> usize {
        self.under_way.values().sum()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_interrupted_once_all_partitions_are() {
        let progress = Progress::new();
        progress.set_partitions(2);
        progress.close(Health::Interrupted);
        assert_eq!(progress.seen().health, Health::Well);
        progress.close(Health::Interrupted);
        assert_eq!(progress.seen().health, Health::Interrupted);
    }

    #[test]
    fn why_it_cannot_go_on_is_not_hidden_by_what_follows() {
        let progress = Progress::new();
        progress.set_partitions(3);
        let damaged = Health::Damaged("a page".to_owned());
        progress.set_health(damaged.clone());
        progress.close(Health::Failed("another".to_owned()));
        progress.close(Health::Interrupted);
        progress.set_durable(&[]);
        progress.hold_up("full".to_owned());
        progress.go_on();
        assert_eq!(progress.seen().health, damaged);
    }
}
