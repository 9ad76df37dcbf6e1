//! Reading the store in memory.

use std::ops::Bound;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::id::{DefinitionHash, FencingToken, RunId, ValueHash};
use myrmex_model::name::Namespace;
use myrmex_model::time::Timestamp;

use super::{Contents, MemoryStore};
use crate::batch::{LogId, Record, Sequence};
use crate::contract::{
    Arrival, OpenRun, PAGE_BYTES_MAX, PAGE_LOOKS_MAX, Reader, StoredDefinition, SummaryCursor, SummaryFilter,
    SummaryPage, page_rows, prefix_range, value_checked,
};
use crate::error::StoreError;
use crate::operation::{AttemptLog, CacheDigest, Cached, Grant, Ready, RunSummary, Timer};
use crate::outbox::{Message, MessageNumber};
use crate::partitions::Partitions;
use crate::snapshot::Snapshot;

impl Contents {
    /// Reads the records at `places` until the page is full.
    fn page(
        &self,
        places: impl Iterator<Item = (LogId, Sequence)>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut page = Vec::new();
        let mut bytes = 0;
        for (log, sequence) in places.take(page_rows(limit)) {
            let index = usize::try_from(sequence.0 - 1).unwrap_or(usize::MAX);
            let Some(stored) = self.logs.get(&log).and_then(|log| log.records.get(index)) else { break };
            let owner = (stored.namespace.clone(), stored.run);
            page.push(Record::open((log, sequence), owner, &stored.bytes, stored.head)?);
            bytes += stored.bytes.len();
            if bytes >= PAGE_BYTES_MAX {
                break;
            }
        }
        Ok(page)
    }
}

impl Reader for MemoryStore {
    fn logs(&self) -> Result<Vec<LogId>, StoreError> {
        Ok(self.contents().logs.keys().copied().collect())
    }

    fn records(&self, log: LogId, after: Sequence, limit: usize) -> Result<Vec<Record>, StoreError> {
        let contents = self.contents();
        let last = contents.logs.get(&log).map_or(0, |log| log.last().0);
        contents.page((after.0 + 1..=last).map(|sequence| (log, Sequence(sequence))), limit)
    }

    fn run_records(
        &self,
        namespace: &Namespace,
        run: RunId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let contents = self.contents();
        let Some(run) = contents.arrival(namespace, run).and_then(|arrival| contents.run(arrival)) else {
            return Ok(Vec::new());
        };
        let first = run.records.partition_point(|(_, sequence)| *sequence <= after);
        contents.page(run.records[first..].iter().copied(), limit)
    }

    fn summary(&self, namespace: &Namespace, run: RunId) -> Result<Option<RunSummary>, StoreError> {
        let contents = self.contents();
        let run = contents.arrival(namespace, run).and_then(|arrival| contents.run(arrival));
        Ok(run.and_then(|run| run.summary.clone()))
    }

    fn summaries(
        &self,
        namespace: &Namespace,
        filter: &SummaryFilter,
        cursor: Option<SummaryCursor>,
        limit: usize,
    ) -> Result<SummaryPage, StoreError> {
        let contents = self.contents();
        let mut page = SummaryPage { summaries: Vec::new(), next: None };
        let Some(list) = contents.lists.get(namespace) else { return Ok(page) };
        let end = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let mut places = list.range((Bound::Unbounded, end)).rev().peekable();
        let mut looks = 0;
        while let Some(place) = places.next() {
            let summary = contents.run(place.arrival).and_then(|run| run.summary.as_ref());
            page.summaries.extend(summary.filter(|summary| filter.fits(summary)).cloned());
            looks += 1;
            if page.summaries.len() >= page_rows(limit) || looks == PAGE_LOOKS_MAX {
                page.next = places.peek().map(|_| *place);
                break;
            }
        }
        Ok(page)
    }

    fn open_runs(&self, log: LogId, after: Arrival, limit: usize) -> Result<Vec<OpenRun>, StoreError> {
        let contents = self.contents();
        let Some(log) = contents.logs.get(&log) else { return Ok(Vec::new()) };
        let open = log.open.range((Bound::Excluded(after), Bound::Unbounded)).take(page_rows(limit));
        let summary = |arrival| contents.run(arrival).and_then(|run| run.summary.clone());
        Ok(open
            .filter_map(|arrival| Some(OpenRun { arrival: *arrival, summary: summary(*arrival)? }))
            .collect())
    }

    fn find_runs(&self, namespace: &Namespace, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let contents = self.contents();
        let Some((low, high)) = prefix_range(prefix) else { return Ok(Vec::new()) };
        let range = (namespace.clone(), low)..=(namespace.clone(), high);
        let runs = contents.arrivals.range(range);
        let listed =
            runs.filter(|(_, arrival)| contents.run(**arrival).is_some_and(|run| run.summary.is_some()));
        Ok(listed.take(page_rows(limit)).map(|((_, run), _)| *run).collect())
    }

    fn definition(
        &self,
        namespace: &Namespace,
        hash: DefinitionHash,
    ) -> Result<Option<StoredDefinition>, StoreError> {
        Ok(self.contents().definitions.get(&(namespace.clone(), hash)).cloned())
    }

    fn value(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: ValueHash,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let contents = self.contents();
        let stored = contents.arrival(namespace, run).and_then(|arrival| contents.run(arrival));
        let json = stored.and_then(|run| run.values.get(&hash)).cloned();
        json.map(|json| value_checked(run, hash, json)).transpose()
    }

    fn ready(&self, log: LogId, after: Option<&Ready>, limit: usize) -> Result<Vec<Ready>, StoreError> {
        let contents = self.contents();
        let Some(log) = contents.logs.get(&log) else { return Ok(Vec::new()) };
        let after = after.map(|row| (contents.arrival(&row.namespace, row.run), row.task.clone()));
        let start = match after {
            Some((arrival, task)) => Bound::Excluded((arrival.unwrap_or(Arrival::NONE), task)),
            None => Bound::Unbounded,
        };
        let rows = log.ready.range((start, Bound::Unbounded));
        Ok(rows.take(page_rows(limit)).map(|(_, row)| row.clone()).collect())
    }

    fn grants(&self, log: LogId, after: FencingToken, limit: usize) -> Result<Vec<Grant>, StoreError> {
        let contents = self.contents();
        let Some(log) = contents.logs.get(&log) else { return Ok(Vec::new()) };
        let rows = log.grants.range((Bound::Excluded(after), Bound::Unbounded));
        Ok(rows.take(page_rows(limit)).map(|(_, row)| row.clone()).collect())
    }

    fn timers(
        &self,
        log: LogId,
        before: Timestamp,
        after: Option<&Timer>,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        let contents = self.contents();
        let Some(log) = contents.logs.get(&log) else { return Ok(Vec::new()) };
        let start = after.map_or(Bound::Unbounded, |row| {
            let arrival = contents.arrival(&row.namespace, row.run).unwrap_or(Arrival::NONE);
            Bound::Excluded((row.due, arrival, row.timer.clone()))
        });
        let rows = log.due.range::<(Timestamp, Arrival, TimerKey), _>((start, Bound::Unbounded));
        let rows = rows.map(|(_, row)| row).take_while(|row| row.due < before);
        Ok(rows.take(page_rows(limit)).cloned().collect())
    }

    fn log_ranges(
        &self,
        namespace: &Namespace,
        run: RunId,
        task: Option<&Address>,
        after: Option<&AttemptLog>,
        limit: usize,
    ) -> Result<Vec<AttemptLog>, StoreError> {
        let contents = self.contents();
        let Some(run) = contents.arrival(namespace, run).and_then(|arrival| contents.run(arrival)) else {
            return Ok(Vec::new());
        };
        let start = after.map_or(Bound::Unbounded, |row| {
            Bound::Excluded((row.task.clone(), row.attempt, row.range.segment))
        });
        let rows = run.ranges.range((start, Bound::Unbounded)).map(|(_, row)| row);
        let rows = rows.filter(|row| task.is_none_or(|task| row.task == *task));
        Ok(rows.take(page_rows(limit)).cloned().collect())
    }

    fn cached(&self, namespace: &Namespace, digest: CacheDigest) -> Result<Option<Cached>, StoreError> {
        let contents = self.contents();
        Ok(contents.cached.by_digest.get(&(namespace.clone(), digest)).map(|(_, cached)| cached.clone()))
    }

    fn partitions(&self) -> Result<Partitions, StoreError> {
        Ok(self.contents().partitions.unwrap_or(Partitions::ONE))
    }

    fn messages(
        &self,
        (from, to): (LogId, LogId),
        after: MessageNumber,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let contents = self.contents();
        let range =
            (Bound::Excluded((from, to, after)), Bound::Included((from, to, MessageNumber(u64::MAX))));
        if after == MessageNumber(u64::MAX) {
            return Ok(Vec::new());
        }
        Ok(contents.outbox.range(range).take(page_rows(limit)).map(|(_, message)| message.clone()).collect())
    }

    fn snapshot(&self, namespace: &Namespace, run: RunId) -> Result<Option<Snapshot>, StoreError> {
        let contents = self.contents();
        let found = contents.arrival(namespace, run).and_then(|arrival| contents.run(arrival));
        let Some((log, last, stored)) = found.and_then(|found| found.snapshot.as_ref()) else {
            return Ok(None);
        };
        Snapshot::open((*log, *last), (namespace.clone(), run), stored).map(Some)
    }

    fn received(&self, log: LogId, from: LogId) -> Result<MessageNumber, StoreError> {
        Ok(self.contents().received.get(&(log, from)).copied().unwrap_or(MessageNumber::NONE))
    }
}
