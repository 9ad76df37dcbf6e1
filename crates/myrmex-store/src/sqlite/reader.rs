//! Reading connections.

use std::path::Path;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, StatementStatus, params};

use super::operations::{timer_from, timer_text};
use super::{connect, definition, failed, path_in, schema, whole};
use crate::batch::{LogId, Record, Sequence};
use crate::chain::Head;
use crate::contract::{
    Arrival, OpenRun, PAGE_BYTES_MAX, PAGE_LOOKS_MAX, Reader, StoredDefinition, SummaryCursor, SummaryFilter,
    SummaryPage, page_rows, prefix_range, value_checked,
};
use crate::error::StoreError;
use crate::operation::{
    AttemptLog, CacheDigest, Cached, Grant, LogPosition, LogRange, Ready, RunSummary, Timer,
};
use crate::outbox::{Message, MessageNumber};
use crate::partitions::Partitions;
use crate::snapshot::Snapshot;

/// A read-only connection to the store of a directory.
///
/// It may be opened and used while another process writes, and after one was killed.
pub struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    /// Opens the store of `directory` for reading. The store must exist.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Format`] for the store of another release, [`StoreError::Io`] if there is none, and
    /// [`StoreError::Damaged`] if its files are not whole.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_file(&path_in(directory))
    }

    pub(super) fn open_file(path: &Path) -> Result<Self, StoreError> {
        whole::check_files(path)?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        schema::inspect(&connection)?;
        whole::check_pages(&connection, path)?;
        Ok(Self { connection })
    }

    /// Returns all rows of one statement, which is one read transaction.
    pub(super) fn rows<T>(
        &self,
        select: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(select).map_err(failed(READING))?;
        let rows = statement.query_map(values, read).map_err(failed(READING))?;
        let rows = rows.collect::<rusqlite::Result<_>>().map_err(failed(READING));
        // A page that has to be sorted costs what the table holds, not what the page does.
        debug_assert_eq!(
            statement.get_status(StatementStatus::Sort),
            0,
            "no index gives the order: {select}"
        );
        rows
    }

    fn row<T>(
        &self,
        select: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(select).map_err(failed(READING))?;
        statement.query_row(values, read).optional().map_err(failed(READING))
    }

    /// Returns the number of a run; none if the namespace does not know it.
    fn number(&self, namespace: &Namespace, run: RunId) -> Result<Option<i64>, StoreError> {
        let select = "SELECT run.number FROM run JOIN namespace ON namespace.number = run.namespace
                      WHERE namespace.name = ?1 AND run.id = ?2";
        self.row(select, params![namespace.as_str(), run.0], |row| row.get(0))
    }

    /// Reads records until the page is full.
    fn page(&self, select: &str, values: impl Params) -> Result<Vec<Record>, StoreError> {
        let mut statement = self.connection.prepare_cached(select).map_err(failed(READING))?;
        let mut rows = statement.query(values).map_err(failed(READING))?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(failed(READING))? {
            page.push(record(row)?);
            bytes += page.last().map_or(0, |record| record.body.len());
            if bytes >= PAGE_BYTES_MAX {
                break;
            }
        }
        Ok(page)
    }
}

const READING: &str = "cannot read the store";

fn rows_of(limit: usize) -> i64 {
    i64::try_from(page_rows(limit)).unwrap_or(i64::MAX)
}

/// Reads `position, stored, head, namespace, run`.
fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    let read = || {
        let head: Option<[u8; 32]> = row.get(2)?;
        Ok((schema::place(row.get(0)?), (namespace(row, 3)?, RunId(row.get(4)?)), head.map(Head)))
    };
    let (place, owner, head) = read().map_err(failed(READING))?;
    let stored = row.get_ref(1).map_err(failed(READING))?;
    let stored = stored
        .as_blob()
        .map_err(|error| StoreError::damaged(error.to_string(), format!("log {}", place.0)))?;
    Record::open(place, owner, stored, head)
}

/// Reads a text column through a checked type; a text that is not one is damage.
fn checked<T>(row: &Row<'_>, column: usize, read: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    read(text).ok_or_else(|| {
        let reason = format!("`{text}` is not what column {column} holds").into();
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason)
    })
}

fn namespace(row: &Row<'_>, column: usize) -> rusqlite::Result<Namespace> {
    checked(row, column, |text| Namespace::new(text).ok())
}

fn address(row: &Row<'_>, column: usize) -> rusqlite::Result<Address> {
    checked(row, column, |text| Address::parse(text).ok())
}

fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    checked(row, column, |text| Name::new(text).ok())
}

/// Reads a number that was stored with its sign bit as the highest bit.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

const SUMMARY: &str = "SELECT namespace.name, run.id, summary.workflow, summary.definition, summary.status,
    summary.started, summary.ended, summary.started_by, summary.last, summary.key, summary.fault, summary.run
    FROM summary JOIN run ON run.number = summary.run JOIN namespace ON namespace.number = run.namespace";

fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    Ok(RunSummary {
        namespace: namespace(row, 0)?,
        run: RunId(row.get(1)?),
        workflow: name(row, 2)?,
        definition: DefinitionHash(row.get(3)?),
        status: checked(row, 4, Status::from_word)?,
        started: Timestamp(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        started_by: row.get(7)?,
        last: Sequence(unsigned(row, 8)?),
        key: row.get(9)?,
        fault: row.get(10)?,
    })
}

const RECORD: &str = "SELECT record.position, record.stored, record.head, namespace.name, run.id
    FROM record JOIN run ON run.number = record.run JOIN namespace ON namespace.number = run.namespace";

impl Reader for SqliteReader {
    fn logs(&self) -> Result<Vec<LogId>, StoreError> {
        self.rows("SELECT log FROM log ORDER BY log", [], |row| row.get(0).map(LogId))
    }

    fn records(&self, log: LogId, after: Sequence, limit: usize) -> Result<Vec<Record>, StoreError> {
        let select = format!(
            "{RECORD} WHERE record.position > ?1 AND record.position <= ?2 ORDER BY record.position LIMIT ?3"
        );
        let last = schema::position(log, Sequence::MAX);
        self.page(&select, params![schema::position(log, after), last, rows_of(limit)])
    }

    fn run_records(
        &self,
        namespace: &Namespace,
        run: RunId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let Some(run) = self.number(namespace, run)? else { return Ok(Vec::new()) };
        let first = "SELECT position FROM record WHERE run = ?1 ORDER BY position LIMIT 1";
        let Some(first) = self.row(first, [run], |row| row.get(0))? else { return Ok(Vec::new()) };
        // All records of a run are in one log.
        let after = schema::position(schema::place(first).0, after);
        let select = format!(
            "{RECORD} WHERE record.run = ?1 AND record.position > ?2 ORDER BY record.position LIMIT ?3"
        );
        self.page(&select, params![run, after, rows_of(limit)])
    }

    fn summary(&self, namespace: &Namespace, run: RunId) -> Result<Option<RunSummary>, StoreError> {
        let select = format!("{SUMMARY} WHERE namespace.name = ?1 AND run.id = ?2");
        self.row(&select, params![namespace.as_str(), run.0], summary)
    }

    fn summaries(
        &self,
        namespace: &Namespace,
        filter: &SummaryFilter,
        cursor: Option<SummaryCursor>,
        limit: usize,
    ) -> Result<SummaryPage, StoreError> {
        let by_status = if filter.status.is_some() { "AND summary.status = ?5" } else { "AND ?5 IS NULL" };
        let select = format!(
            "{SUMMARY} WHERE summary.namespace = (SELECT number FROM namespace WHERE name = ?1) {by_status}
             AND (summary.started, summary.run) < (?2, ?3)
             ORDER BY summary.started DESC, summary.run DESC LIMIT ?4"
        );
        let cursor = cursor.map_or((i64::MAX, i64::MAX), |cursor| (cursor.started.0, cursor.arrival.0));
        let looks_max = i64::try_from(PAGE_LOOKS_MAX).unwrap_or(i64::MAX);
        let status = filter.status.map(Status::as_str);
        let values = params![namespace.as_str(), cursor.0, cursor.1, looks_max, status];
        let mut statement = self.connection.prepare_cached(&select).map_err(failed(READING))?;
        let mut rows = statement.query(values).map_err(failed(READING))?;
        let mut page = SummaryPage { summaries: Vec::new(), next: None };
        let mut looks = 0;
        while let Some(row) = rows.next().map_err(failed(READING))? {
            let found = summary(row).map_err(failed(READING))?;
            let arrival = Arrival(row.get(11).map_err(failed(READING))?);
            let place = SummaryCursor { started: found.started, arrival };
            page.summaries.extend(filter.fits(&found).then_some(found));
            looks += 1;
            if page.summaries.len() >= page_rows(limit) || looks == PAGE_LOOKS_MAX {
                page.next = Some(place);
                break;
            }
        }
        Ok(page)
    }

    fn open_runs(&self, log: LogId, after: Arrival, limit: usize) -> Result<Vec<OpenRun>, StoreError> {
        let select =
            format!("{SUMMARY} WHERE open_log = ?1 AND summary.run > ?2 ORDER BY summary.run LIMIT ?3");
        self.rows(&select, params![log.0, after.0, rows_of(limit)], |row| {
            Ok(OpenRun { arrival: Arrival(row.get(11)?), summary: summary(row)? })
        })
    }

    fn find_runs(&self, namespace: &Namespace, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let Some((low, high)) = prefix_range(prefix) else { return Ok(Vec::new()) };
        let select = "SELECT run.id FROM run JOIN summary ON summary.run = run.number
            WHERE run.namespace = (SELECT number FROM namespace WHERE name = ?1) AND run.id BETWEEN ?2 AND ?3
            ORDER BY run.id LIMIT ?4";
        let values = params![namespace.as_str(), low.0, high.0, rows_of(limit)];
        self.rows(select, values, |row| row.get(0).map(RunId))
    }

    fn definition(
        &self,
        namespace: &Namespace,
        hash: DefinitionHash,
    ) -> Result<Option<StoredDefinition>, StoreError> {
        let select = "SELECT form, name, body, checksum, unpacked FROM definition
            WHERE namespace = (SELECT number FROM namespace WHERE name = ?1) AND hash = ?2";
        let found = self.row(select, params![namespace.as_str(), hash.0], |row| {
            let definition = StoredDefinition { form: row.get(0)?, name: name(row, 1)?, body: row.get(2)? };
            Ok((definition, row.get::<_, u32>(3)?, row.get::<_, Option<u32>>(4)?))
        })?;
        let Some((StoredDefinition { form, name, body }, checksum, unpacked)) = found else {
            return Ok(None);
        };
        let damaged = |what: &str| StoreError::damaged(what, format!("definition {hash}"));
        if crc32fast::hash(&body) != checksum {
            return Err(damaged("the checksum of a definition is wrong"));
        }
        let body =
            definition::unpack(body, unpacked).ok_or_else(|| damaged("a definition cannot be unpacked"))?;
        Ok(Some(StoredDefinition { form, name, body }))
    }

    fn value(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: ValueHash,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(number) = self.number(namespace, run)? else { return Ok(None) };
        let select = "SELECT json FROM value WHERE run = ?1 AND hash = ?2";
        let json = self.row(select, params![number, hash.0], |row| row.get(0))?;
        json.map(|json| value_checked(run, hash, json)).transpose()
    }

    fn ready(&self, log: LogId, after: Option<&Ready>, limit: usize) -> Result<Vec<Ready>, StoreError> {
        let after = match after {
            Some(row) => (self.number(&row.namespace, row.run)?.unwrap_or(0), row.task.as_str()),
            None => (0, ""),
        };
        let select = "SELECT namespace.name, run.id, ready.task, ready.attempt, ready.at
            FROM ready JOIN run ON run.number = ready.run JOIN namespace ON namespace.number = run.namespace
            WHERE ready.log = ?1 AND (ready.run, ready.task) > (?2, ?3)
            ORDER BY ready.run, ready.task LIMIT ?4";
        self.rows(select, params![log.0, after.0, after.1, rows_of(limit)], |row| {
            Ok(Ready {
                namespace: namespace(row, 0)?,
                run: RunId(row.get(1)?),
                task: address(row, 2)?,
                attempt: Attempt(row.get(3)?),
                at: Timestamp(row.get(4)?),
            })
        })
    }

    fn grants(&self, log: LogId, after: FencingToken, limit: usize) -> Result<Vec<Grant>, StoreError> {
        let select = "SELECT namespace.name, run.id, g.task, g.attempt, g.token, g.worker, g.at, g.segment, g.offset
            FROM attempt_grant AS g JOIN run ON run.number = g.run JOIN namespace ON namespace.number = run.namespace
            WHERE g.log = ?1 AND g.token > ?2 ORDER BY g.token LIMIT ?3";
        self.rows(select, params![log.0, after.0.cast_signed(), rows_of(limit)], |row| {
            Ok(Grant {
                namespace: namespace(row, 0)?,
                run: RunId(row.get(1)?),
                task: address(row, 2)?,
                attempt: Attempt(row.get(3)?),
                token: FencingToken(unsigned(row, 4)?),
                worker: name(row, 5)?,
                at: Timestamp(row.get(6)?),
                logs_from: LogPosition { segment: row.get(7)?, offset: unsigned(row, 8)? },
            })
        })
    }

    fn timers(
        &self,
        log: LogId,
        before: Timestamp,
        after: Option<&Timer>,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        let after = match after {
            Some(row) => {
                (row.due.0, self.number(&row.namespace, row.run)?.unwrap_or(0), timer_text(&row.timer))
            }
            None => (i64::MIN, 0, String::new()),
        };
        let select = "SELECT namespace.name, run.id, timer.timer, timer.due
            FROM timer JOIN run ON run.number = timer.run JOIN namespace ON namespace.number = run.namespace
            WHERE timer.log = ?1 AND timer.due < ?2 AND (timer.due, timer.run, timer.timer) > (?3, ?4, ?5)
            ORDER BY timer.due, timer.run, timer.timer LIMIT ?6";
        let values = params![log.0, before.0, after.0, after.1, after.2, rows_of(limit)];
        self.rows(select, values, |row| {
            Ok(Timer {
                namespace: namespace(row, 0)?,
                run: RunId(row.get(1)?),
                timer: checked(row, 2, timer_from)?,
                due: Timestamp(row.get(3)?),
            })
        })
    }

    fn cached(&self, namespace: &Namespace, digest: CacheDigest) -> Result<Option<Cached>, StoreError> {
        let select = "SELECT run.id, cached.task, cached.output, cached.artifacts, cached.at
                      FROM cached JOIN run ON run.number = cached.run
                      WHERE cached.namespace = (SELECT number FROM namespace WHERE name = ?1) AND cached.digest = ?2";
        self.row(select, params![namespace.as_str(), digest.0], |row| {
            Ok(Cached {
                namespace: namespace.clone(),
                digest,
                run: RunId(row.get(0)?),
                task: address(row, 1)?,
                output: ValueHash(row.get(2)?),
                artifacts: row.get::<_, Option<[u8; 16]>>(3)?.map(ValueHash),
                at: Timestamp(row.get(4)?),
            })
        })
    }

    fn partitions(&self) -> Result<Partitions, StoreError> {
        let found = self.row("SELECT partitions FROM layout", [], |row| row.get(0))?;
        found
            .and_then(Partitions::new)
            .ok_or_else(|| StoreError::damaged("the number of partitions is wrong", super::FILE_NAME))
    }

    fn messages(
        &self,
        (from, to): (LogId, LogId),
        after: MessageNumber,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let select = "SELECT outbox.number, outbox.stored, namespace.name, run.id
            FROM outbox JOIN run ON run.number = outbox.run JOIN namespace ON namespace.number = run.namespace
            WHERE outbox.log = ?1 AND outbox.log_to = ?2 AND outbox.number > ?3
            ORDER BY outbox.number LIMIT ?4";
        let values = params![from.0, to.0, after.0.cast_signed(), rows_of(limit)];
        let rows = self.rows(select, values, |row| {
            let number = MessageNumber(unsigned(row, 0)?);
            Ok((number, row.get::<_, Vec<u8>>(1)?, (namespace(row, 2)?, RunId(row.get(3)?))))
        })?;
        let opened =
            rows.into_iter().map(|(number, stored, owner)| Message::open((from, to, number), owner, &stored));
        opened.collect()
    }

    fn received(&self, log: LogId, from: LogId) -> Result<MessageNumber, StoreError> {
        let select = "SELECT number FROM received WHERE log = ?1 AND log_from = ?2";
        let found = self.row(select, params![log.0, from.0], |row| unsigned(row, 0))?;
        Ok(found.map_or(MessageNumber::NONE, MessageNumber))
    }

    fn snapshot(&self, namespace: &Namespace, run: RunId) -> Result<Option<Snapshot>, StoreError> {
        let Some(number) = self.number(namespace, run)? else { return Ok(None) };
        let select = "SELECT log, last, stored FROM snapshot WHERE run = ?1";
        let found = self.row(select, [number], |row| {
            let place = (LogId(row.get(0)?), Sequence(unsigned(row, 1)?));
            Ok((place, row.get::<_, Vec<u8>>(2)?))
        })?;
        let opened = found.map(|(place, stored)| Snapshot::open(place, (namespace.clone(), run), &stored));
        opened.transpose()
    }

    fn log_ranges(
        &self,
        namespace: &Namespace,
        run: RunId,
        task: Option<&Address>,
        after: Option<&AttemptLog>,
        limit: usize,
    ) -> Result<Vec<AttemptLog>, StoreError> {
        let Some(number) = self.number(namespace, run)? else { return Ok(Vec::new()) };
        let first = after.filter(|row| task.is_none_or(|task| row.task == *task));
        let first = first.map_or(("", 0, 0), |row| (row.task.as_str(), row.attempt.0, row.range.segment));
        let (rest, task) = match task {
            Some(task) => ("task = ?2 AND (attempt, segment) > (?3, ?4)", task.as_str()),
            None => ("(task, attempt, segment) > (?2, ?3, ?4)", first.0),
        };
        let select = format!(
            "SELECT task, attempt, token, segment, first, end FROM log_range
             WHERE run = ?1 AND {rest} ORDER BY task, attempt, segment LIMIT ?5"
        );
        let values = params![number, task, first.1, first.2, rows_of(limit)];
        self.rows(&select, values, |row| {
            Ok(AttemptLog {
                namespace: namespace.clone(),
                run,
                task: address(row, 0)?,
                attempt: Attempt(row.get(1)?),
                token: FencingToken(unsigned(row, 2)?),
                range: LogRange { segment: row.get(3)?, start: unsigned(row, 4)?, end: unsigned(row, 5)? },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SqliteStore;
    use super::*;

    #[test]
    fn a_statement_that_stays_prepared_is_compiled_once() {
        let folder = tempfile::tempdir().unwrap();
        let _store = SqliteStore::open(folder.path()).unwrap();
        let reader = SqliteReader::open(folder.path()).unwrap();
        let namespace = Namespace::standard();
        for run in 0..3 {
            assert_eq!(reader.summary(&namespace, RunId([run; 16])).unwrap(), None);
        }
        let select = format!("{SUMMARY} WHERE namespace.name = ?1 AND run.id = ?2");
        let statement = reader.connection.prepare_cached(&select).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 3, "it is the statement of the summaries");
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
