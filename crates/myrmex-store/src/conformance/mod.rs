//! Test support: what every backend must do, as cases that one line runs.
//!
//! [`store_conformance!`](crate::store_conformance), [`log_conformance!`](crate::log_conformance) and
//! [`blob_conformance!`](crate::blob_conformance) make a module with one test for each case:
//!
//! ```
//! struct InMemory(myrmex_store::memory::MemoryStore);
//!
//! impl myrmex_store::conformance::Subject for InMemory {
//!     fn open(&mut self) -> Box<dyn myrmex_store::Store> {
//!         Box::new(self.0.clone())
//!     }
//!     fn damage(&mut self, log: myrmex_store::LogId, sequence: myrmex_store::Sequence) {
//!         self.0.damage(log, sequence);
//!     }
//!     fn damage_snapshot(&mut self, run: myrmex_model::id::RunId) {
//!         self.0.damage_snapshot(run);
//!     }
//! }
//!
//! myrmex_store::store_conformance!(memory, InMemory(Default::default()));
//! ```
//!
//! The cases panic where a backend does not keep the contract.

pub mod blobs;
pub mod index;
pub mod journal;
pub mod logs;
pub mod outbox;
pub mod snapshots;

use myrmex_model::address::Address;
use myrmex_model::id::{DefinitionHash, Epoch, RunId};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;

use crate::batch::{Batch, LogId, NewRecord, Sequence};
use crate::contract::{Committed, Reader, Store};
use crate::error::StoreError;
use crate::operation::{IndexOperation, RunSummary};

/// Makes a module of tests with the cases of [`journal`], [`index`], [`outbox`] and [`snapshots`]: its name, and what makes
/// a fresh [`Subject`].
#[macro_export]
macro_rules! store_conformance {
    ($module:ident, $make:expr) => {
        $crate::conformance_tests!($module, $make, journal: [
            a_batch_is_read_back_in_order,
            a_batch_with_a_wrong_end_is_refused_whole,
            a_stale_epoch_is_refused,
            a_log_that_was_never_opened_is_refused,
            a_batch_without_records_changes_indexes_only,
            what_was_acknowledged_is_there_after_reopening,
            logs_do_not_touch_each_other,
            namespaces_do_not_see_each_other,
            records_of_a_run_are_found_among_others,
            pages_follow_each_other,
            every_commit_batch_has_a_head,
            an_untouched_chain_verifies,
            a_damaged_record_is_reported_with_its_place,
            a_reader_sees_later_commits
        ], index: [
            definitions_are_kept_once,
            values_belong_to_their_run,
            values_are_copied_to_other_runs,
            a_value_that_lies_about_its_hash_is_reported,
            the_last_summary_counts,
            summaries_are_listed_newest_first_in_pages,
            summaries_are_filtered,
            runs_that_are_not_over_are_listed,
            runs_are_found_by_the_beginning_of_their_id,
            ready_rows_come_and_go,
            grants_come_and_go,
            timers_come_in_the_order_they_are_due,
            the_last_operation_on_a_key_counts,
            ranges_of_output_are_found_by_task,
            the_last_success_of_a_digest_can_be_taken_over,
            the_oldest_successes_are_forgotten
        ], outbox: [
            messages_wait_until_they_are_removed,
            messages_of_each_pair_of_logs_are_counted_apart,
            a_refused_batch_sends_and_takes_nothing,
            messages_survive_reopening
        ], snapshots: [
            the_last_snapshot_of_a_run_counts,
            a_snapshot_is_gone_once_it_is_removed,
            a_damaged_snapshot_is_reported
        ]);
    };
}

/// Makes a module of tests with the cases of [`logs`]: its name, and what makes a fresh [`logs::LogSubject`].
#[macro_export]
macro_rules! log_conformance {
    ($module:ident, $make:expr) => {
        $crate::conformance_tests!($module, $make, logs: [
            output_is_read_back_by_attempt,
            nothing_written_is_nothing_stored,
            flushed_output_of_a_lost_attempt_is_found,
            a_torn_chunk_ends_the_tail,
            a_damaged_chunk_is_reported_and_passed,
            an_attempt_keeps_its_beginning_and_its_end,
            a_loss_in_the_middle_of_dropping_is_marked,
            the_same_token_of_two_logs_is_two_attempts,
            output_longer_than_a_chunk_is_whole
        ]);
    };
}

/// Makes a module of tests with the cases of [`blobs`]: its name, and what makes a fresh [`blobs::BlobSubject`].
#[macro_export]
macro_rules! blob_conformance {
    ($module:ident, $make:expr) => {
        $crate::conformance_tests!($module, $make, blobs: [
            content_is_read_back_by_its_hash,
            parts_are_read_from_anywhere,
            the_same_content_is_put_twice,
            an_error_of_the_content_leaves_nothing,
            runs_are_deleted_apart,
            damaged_content_is_noticed_by_who_reads_it,
            a_blob_is_given_to_another_run
        ]);
    };
}

/// Makes one test for each named case. Used by the other macros.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($module:ident, $make:expr, $($cases:ident: [$($case:ident),*]),*) => {
        mod $module {
            #[allow(unused_imports, reason = "what makes the subject may name what is around the module")]
            use super::*;
            $($(
                #[test]
                fn $case() {
                    $crate::conformance::$cases::$case(&mut $make);
                }
            )*)*
        }
    };
}

/// A store under test.
pub trait Subject {
    /// Opens the store, as a new process would. The one that was opened before has been dropped.
    fn open(&mut self) -> Box<dyn Store>;

    /// Changes a byte of a stored record behind the store's back.
    fn damage(&mut self, log: LogId, sequence: Sequence);

    /// Changes a byte of the snapshot of a run behind the store's back.
    fn damage_snapshot(&mut self, run: RunId);
}

/// The log of most cases.
const LOG: LogId = LogId(0);

/// An opened store that knows the end of [`LOG`].
struct Session {
    store: Box<dyn Store>,
    epoch: Epoch,
    last: Sequence,
}

impl Session {
    fn open(subject: &mut dyn Subject) -> Self {
        let mut store = subject.open();
        let opened = store.open_log(LOG).expect("a log can be opened");
        Self { store, epoch: opened.epoch, last: opened.last }
    }

    fn batch(&self, records: Vec<NewRecord>, operations: Vec<IndexOperation>) -> Batch {
        Batch { log: LOG, expected: self.last, epoch: self.epoch, records, operations }
    }

    fn try_commit(
        &mut self,
        records: Vec<NewRecord>,
        operations: Vec<IndexOperation>,
    ) -> Result<Committed, StoreError> {
        let committed = self.store.commit(&self.batch(records, operations))?;
        self.last = committed.last;
        Ok(committed)
    }

    fn commit(&mut self, records: Vec<NewRecord>, operations: Vec<IndexOperation>) -> Committed {
        self.try_commit(records, operations).expect("a right batch is committed")
    }

    fn operate(&mut self, operations: Vec<IndexOperation>) {
        self.commit(Vec::new(), operations);
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.store.reader().expect("a store that is open can be read")
    }
}

fn here() -> Namespace {
    Namespace::standard()
}

fn elsewhere() -> Namespace {
    namespace("elsewhere")
}

fn namespace(text: &str) -> Namespace {
    Namespace::new(text).expect("the case's namespace is one")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the case's name is one")
}

fn task(text: &str) -> Address {
    Address::parse(text).expect("the case's address is one")
}

fn run(number: u8) -> RunId {
    let mut id = [0; 16];
    id[0] = number;
    RunId(id)
}

fn record(number: u8, body: &str) -> NewRecord {
    NewRecord { namespace: here(), run: run(number), codec: 1, body: body.as_bytes().to_vec() }
}

fn summary(number: u8, started: i64, status: Status) -> RunSummary {
    RunSummary {
        namespace: here(),
        run: run(number),
        workflow: name("release"),
        definition: DefinitionHash([number; 32]),
        status,
        started: Timestamp(started),
        ended: status.is_terminal().then_some(Timestamp(started + 1)),
        started_by: "ann".to_owned(),
        last: Sequence(u64::from(number)),
        key: (number == 1).then(|| "key".to_owned()),
        fault: (status == Status::Failed).then(|| "exit code 1".to_owned()),
    }
}
