//! Index operations as statements, and the small numbers that stand for runs and namespaces.

use std::collections::HashMap;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::event::Limit;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::name::{Name, Namespace};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::definition::{self, Stored};
use super::failed;
use crate::batch::LogId;
use crate::error::StoreError;
use crate::operation::{AttemptLog, CACHED_MAX, Cached, Grant, IndexOperation, Ready, RunSummary, Timer};
use crate::outbox::Message;
use crate::snapshot::Snapshot;

/// Runs whose numbers are remembered. Beyond it all are forgotten and looked up again: 64 Ki runs are a few MiB.
const RUNS_MAX: usize = 1 << 16;

/// Numbers of namespaces and runs, remembered from the table. Valid as long as every transaction that added one was
/// committed.
#[derive(Default)]
pub(super) struct Numbers {
    namespaces: HashMap<Namespace, i64>,
    runs: HashMap<(i64, RunId), i64>,
}

/// Copies a value of the second run to the first.
const COPY_VALUE: &str = "INSERT INTO value (run, hash, json)
    SELECT ?1, hash, json FROM value WHERE run = ?2 AND hash = ?3 ON CONFLICT DO NOTHING";

impl Numbers {
    /// Forgets everything, because a transaction was rolled back.
    pub(super) fn forget(&mut self) {
        self.namespaces.clear();
        self.runs.clear();
    }

    /// Returns the number of a run; gives it the next one if it is new.
    pub(super) fn run(
        &mut self,
        connection: &Connection,
        namespace: &Namespace,
        run: RunId,
    ) -> Result<i64, StoreError> {
        let namespace = self.namespace(connection, namespace)?;
        if let Some(number) = self.runs.get(&(namespace, run)) {
            return Ok(*number);
        }
        let number = numbered(
            connection,
            "SELECT number FROM run WHERE namespace = ?1 AND id = ?2",
            "INSERT INTO run (namespace, id) VALUES (?1, ?2)",
            params![namespace, run.0],
        )?;
        if self.runs.len() >= RUNS_MAX {
            self.runs.clear();
        }
        self.runs.insert((namespace, run), number);
        Ok(number)
    }

    fn namespace(&mut self, connection: &Connection, namespace: &Namespace) -> Result<i64, StoreError> {
        if let Some(number) = self.namespaces.get(namespace) {
            return Ok(*number);
        }
        let number = numbered(
            connection,
            "SELECT number FROM namespace WHERE name = ?1",
            "INSERT INTO namespace (name) VALUES (?1)",
            params![namespace.as_str()],
        )?;
        self.namespaces.insert(namespace.clone(), number);
        Ok(number)
    }

    /// Carries out one operation inside the open transaction.
    pub(super) fn apply(
        &mut self,
        connection: &Connection,
        log: LogId,
        operation: &IndexOperation,
    ) -> Result<(), StoreError> {
        match operation {
            IndexOperation::PutDefinition { namespace, hash, form, name, body } => {
                let namespace = self.namespace(connection, namespace)?;
                put_definition(connection, (namespace, *hash), (*form, name), body)
            }
            IndexOperation::PutValue { namespace, run, hash, json } => {
                let run = self.run(connection, namespace, *run)?;
                execute(
                    connection,
                    "INSERT INTO value (run, hash, json) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![run, hash.0, json],
                )
            }
            IndexOperation::CopyValue { namespace, from, run, hash } => {
                let (from, run) =
                    (self.run(connection, namespace, *from)?, self.run(connection, namespace, *run)?);
                execute(connection, COPY_VALUE, params![run, from, hash.0])
            }
            IndexOperation::PutSummary(summary) => self.put_summary(connection, log, summary),
            IndexOperation::PutReady(Ready { namespace, run, task, attempt, at }) => {
                let run = self.run(connection, namespace, *run)?;
                execute(
                    connection,
                    "REPLACE INTO ready (log, run, task, attempt, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![log.0, run, task.as_str(), attempt.0, at.0],
                )
            }
            IndexOperation::RemoveReady { namespace, run, task } => {
                let run = self.run(connection, namespace, *run)?;
                let delete = "DELETE FROM ready WHERE log = ?1 AND run = ?2 AND task = ?3";
                execute(connection, delete, params![log.0, run, task.as_str()])
            }
            IndexOperation::PutGrant(grant) => self.put_grant(connection, log, grant),
            IndexOperation::RemoveGrant { token } => {
                let delete = "DELETE FROM attempt_grant WHERE log = ?1 AND token = ?2";
                execute(connection, delete, params![log.0, token.0.cast_signed()])
            }
            IndexOperation::PutTimer(timer) => self.put_timer(connection, log, timer),
            IndexOperation::RemoveTimer { namespace, run, timer } => {
                let run = self.run(connection, namespace, *run)?;
                let delete = "DELETE FROM timer WHERE log = ?1 AND run = ?2 AND timer = ?3";
                execute(connection, delete, params![log.0, run, timer_text(timer)])
            }
            IndexOperation::PutLogRange(log) => self.put_range(connection, log),
            IndexOperation::PutCached(cached) => self.put_cached(connection, cached),
            IndexOperation::PutMessage(message) => self.put_message(connection, log, message),
            IndexOperation::RemoveMessages { to, through } => {
                let delete = "DELETE FROM outbox WHERE log = ?1 AND log_to = ?2 AND number <= ?3";
                execute(connection, delete, params![log.0, to.0, through.0.cast_signed()])
            }
            IndexOperation::PutReceived { from, through } => execute(
                connection,
                "REPLACE INTO received (log, log_from, number) VALUES (?1, ?2, ?3)",
                params![log.0, from.0, through.0.cast_signed()],
            ),
            IndexOperation::PutSnapshot(snapshot) => self.put_snapshot(connection, log, snapshot),
            IndexOperation::RemoveSnapshot { namespace, run } => {
                let run = self.run(connection, namespace, *run)?;
                execute(connection, "DELETE FROM snapshot WHERE run = ?1", [run])
            }
        }
    }

    fn put_summary(
        &mut self,
        connection: &Connection,
        log: LogId,
        summary: &RunSummary,
    ) -> Result<(), StoreError> {
        let run = self.run(connection, &summary.namespace, summary.run)?;
        let namespace = self.namespace(connection, &summary.namespace)?;
        let status = summary.status.as_str();
        let (last, fault) = (summary.last.0.cast_signed(), summary.fault.as_deref());
        // Most summaries differ from the one before by their last record alone; then no index has to be touched.
        let changed = connection
            .prepare_cached(
                "UPDATE summary SET last = ?2, fault = ?3, definition = ?4
                 WHERE run = ?1 AND status = ?5 AND started = ?6 AND ended IS ?7 AND key IS ?8 AND started_by = ?9
                 AND workflow = ?10",
            )
            .and_then(|mut statement| {
                let RunSummary { workflow, definition, started, ended, started_by, key, .. } = summary;
                let ended = ended.map(|at| at.0);
                statement.execute(params![
                    run, last, fault, definition.0, status, started.0, ended, key, started_by, workflow.as_str()
                ])
            })
            .map_err(failed("cannot write an index"))?;
        if changed > 0 {
            return Ok(());
        }
        let RunSummary { workflow, definition, started, ended, started_by, key, .. } = summary;
        let open_log = (!summary.status.is_terminal()).then_some(log.0);
        execute(
            connection,
            "REPLACE INTO summary (run, namespace, started, ended, open_log, status, last, workflow, definition,
             started_by, key, fault) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                run,
                namespace,
                started.0,
                ended.map(|at| at.0),
                open_log,
                status,
                last,
                workflow.as_str(),
                definition.0,
                started_by,
                key,
                fault
            ],
        )
    }

    fn put_grant(&mut self, connection: &Connection, log: LogId, grant: &Grant) -> Result<(), StoreError> {
        let Grant { namespace, run, task, attempt, token, worker, at, logs_from } = grant;
        let run = self.run(connection, namespace, *run)?;
        execute(
            connection,
            "REPLACE INTO attempt_grant (log, token, run, task, attempt, worker, at, segment, offset)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                log.0,
                token.0.cast_signed(),
                run,
                task.as_str(),
                attempt.0,
                worker.as_str(),
                at.0,
                logs_from.segment,
                logs_from.offset.cast_signed()
            ],
        )
    }

    fn put_timer(&mut self, connection: &Connection, log: LogId, timer: &Timer) -> Result<(), StoreError> {
        let Timer { namespace, run, timer, due } = timer;
        let run = self.run(connection, namespace, *run)?;
        execute(
            connection,
            "REPLACE INTO timer (log, run, timer, due) VALUES (?1, ?2, ?3, ?4)",
            params![log.0, run, timer_text(timer), due.0],
        )
    }

    fn put_range(&mut self, connection: &Connection, log: &AttemptLog) -> Result<(), StoreError> {
        let AttemptLog { namespace, run, task, attempt, token, range } = log;
        let run = self.run(connection, namespace, *run)?;
        let (first, end) = (range.start.cast_signed(), range.end.cast_signed());
        let token = token.0.cast_signed();
        execute(
            connection,
            "REPLACE INTO log_range (run, task, attempt, segment, token, first, end)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![run, task.as_str(), attempt.0, range.segment, token, first, end],
        )
    }

    fn put_message(
        &mut self,
        connection: &Connection,
        log: LogId,
        message: &Message,
    ) -> Result<(), StoreError> {
        let run = self.run(connection, &message.namespace, message.run)?;
        execute(
            connection,
            "REPLACE INTO outbox (log, log_to, number, run, stored) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![log.0, message.to.0, message.number.0.cast_signed(), run, message.seal(log)],
        )
    }

    fn put_snapshot(
        &mut self,
        connection: &Connection,
        log: LogId,
        snapshot: &Snapshot,
    ) -> Result<(), StoreError> {
        let run = self.run(connection, &snapshot.namespace, snapshot.run)?;
        execute(
            connection,
            "REPLACE INTO snapshot (run, log, last, stored) VALUES (?1, ?2, ?3, ?4)",
            params![run, log.0, snapshot.last.0.cast_signed(), snapshot.seal(log)],
        )
    }

    /// Numbers grow with every put, so those that are too small are the oldest.
    fn put_cached(&mut self, connection: &Connection, cached: &Cached) -> Result<(), StoreError> {
        let Cached { namespace, digest, run, task, output, artifacts, at } = cached;
        let run = self.run(connection, namespace, *run)?;
        let namespace = self.namespace(connection, namespace)?;
        let artifacts = artifacts.map(|hash| hash.0);
        execute(
            connection,
            "REPLACE INTO cached (namespace, digest, run, task, output, artifacts, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![namespace, digest.0, run, task.as_str(), output.0, artifacts, at.0],
        )?;
        let oldest = connection.last_insert_rowid() - i64::from(CACHED_MAX);
        execute(connection, "DELETE FROM cached WHERE number <= ?1", [oldest])
    }
}

fn put_definition(
    connection: &Connection,
    (namespace, hash): (i64, DefinitionHash),
    (form, name): (u16, &Name),
    body: &[u8],
) -> Result<(), StoreError> {
    // Most starts are of a definition that is there; it need not be packed again.
    let is_known = connection
        .prepare_cached("SELECT 1 FROM definition WHERE namespace = ?1 AND hash = ?2")
        .and_then(|mut statement| statement.exists(params![namespace, hash.0]))
        .map_err(failed("cannot look for a definition"))?;
    if is_known {
        return Ok(());
    }
    let Stored { bytes, unpacked } = definition::pack(body);
    let checksum = crc32fast::hash(&bytes);
    execute(
        connection,
        "INSERT INTO definition (namespace, hash, form, name, checksum, unpacked, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![namespace, hash.0, form, name.as_str(), checksum, unpacked, bytes],
    )
}

/// Returns the number that `select` finds, or the one that `insert` makes.
fn numbered<P: Params + Copy>(
    connection: &Connection,
    select: &str,
    insert: &str,
    key: P,
) -> Result<i64, StoreError> {
    let found = connection
        .prepare_cached(select)
        .and_then(|mut statement| statement.query_row(key, |row| row.get(0)).optional())
        .map_err(failed("cannot read a number of the store"))?;
    match found {
        Some(number) => Ok(number),
        None => execute(connection, insert, key).map(|()| connection.last_insert_rowid()),
    }
}

fn execute(connection: &Connection, statement: &str, values: impl Params) -> Result<(), StoreError> {
    connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.execute(values))
        .map(drop)
        .map_err(failed("cannot write an index"))
}

/// Writes the key of a timer as text: `w` wait, `r` retry, `b` begin, `l` lag with the length of the first address, `e` the same of
/// an end; limits are `q` queue, `a` attempt, `t` total.
pub(super) fn timer_text(timer: &TimerKey) -> String {
    match timer {
        TimerKey::Wait(task) => format!("w{task}"),
        TimerKey::Retry(task) => format!("r{task}"),
        TimerKey::Lag(from, to) => format!("l{}:{from}{to}", from.as_str().len()),
        TimerKey::EndLag(from, to) => format!("e{}:{from}{to}", from.as_str().len()),
        TimerKey::Begin(task) => format!("b{task}"),
        TimerKey::Limit(task, Limit::Queue) => format!("q{task}"),
        TimerKey::Limit(task, Limit::Attempt) => format!("a{task}"),
        TimerKey::Limit(task, Limit::Total) => format!("t{task}"),
    }
}

/// Reads what [`timer_text`] wrote.
pub(super) fn timer_from(text: &str) -> Option<TimerKey> {
    let address = |text: &str| Address::parse(text).ok();
    match text.split_at_checked(1)? {
        ("w", task) => address(task).map(TimerKey::Wait),
        ("r", task) => address(task).map(TimerKey::Retry),
        ("q", task) => address(task).map(|task| TimerKey::Limit(task, Limit::Queue)),
        ("a", task) => address(task).map(|task| TimerKey::Limit(task, Limit::Attempt)),
        ("t", task) => address(task).map(|task| TimerKey::Limit(task, Limit::Total)),
        ("b", task) => address(task).map(TimerKey::Begin),
        (kind @ ("l" | "e"), rest) => {
            let (length, both) = rest.split_once(':')?;
            let (from, to) = both.split_at_checked(length.parse().ok()?)?;
            let ends = (address(from)?, address(to)?);
            Some(if kind == "l" { TimerKey::Lag(ends.0, ends.1) } else { TimerKey::EndLag(ends.0, ends.1) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_timers_read_back() {
        let address = |text| Address::parse(text).unwrap();
        for timer in [
            TimerKey::Wait(address("a/b#2")),
            TimerKey::Retry(address("deploy[l3:é]")),
            TimerKey::Lag(address("a[1:]"), address("b")),
            TimerKey::Lag(Address::root(), address("b")),
            TimerKey::EndLag(address("a[1:]"), address("b")),
            TimerKey::Begin(address("a~2/b")),
            TimerKey::Limit(address("a~2/b"), Limit::Queue),
            TimerKey::Limit(address("q"), Limit::Attempt),
            TimerKey::Limit(Address::root(), Limit::Total),
        ] {
            assert_eq!(timer_from(&timer_text(&timer)), Some(timer));
        }
        assert_eq!(timer_from("l9:ab"), None);
        assert_eq!(timer_from(""), None);
    }
}
