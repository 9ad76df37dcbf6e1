//! Cases of the indexes: definitions, values, summaries, what is ready, granted and armed, and ranges of output.

use myrmex_model::command::TimerKey;
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;

use super::{LOG, Session, Subject, elsewhere, here, name, record, run, summary, task};
use crate::batch::LogId;
use crate::contract::{Arrival, StoredDefinition, SummaryFilter};
use crate::error::StoreError;
use crate::operation::{
    AttemptLog, CACHED_MAX, CacheDigest, Cached, Grant, IndexOperation, LogPosition, LogRange, Ready,
    RunSummary, Timer,
};

const ALL: usize = usize::MAX;

/// A definition is found by namespace and hash; putting it again changes nothing.
pub fn definitions_are_kept_once(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let hash = DefinitionHash([7; 32]);
    let put = |body: &str| IndexOperation::PutDefinition {
        namespace: here(),
        hash,
        form: 1,
        name: name("release"),
        body: body.as_bytes().to_vec(),
    };
    session.operate(vec![put("first")]);
    session.operate(vec![put("second")]);
    let reader = session.reader();
    let kept = StoredDefinition { form: 1, name: name("release"), body: b"first".to_vec() };
    assert_eq!(reader.definition(&here(), hash).expect("readable"), Some(kept));
    assert_eq!(reader.definition(&elsewhere(), hash).expect("readable"), None);
    assert_eq!(reader.definition(&here(), DefinitionHash([8; 32])).expect("readable"), None);
}

/// A value is found by run and hash; putting it again, also in the same batch, changes nothing.
pub fn values_belong_to_their_run(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    for json in ["null".to_owned(), "\"é\"".to_owned(), format!("\"{}\"", "x".repeat(100_000))] {
        let hash = ValueHash::of(json.as_bytes());
        let put =
            IndexOperation::PutValue { namespace: here(), run: run(1), hash, json: json.clone().into() };
        session.operate(vec![put.clone(), put.clone()]);
        session.operate(vec![put]);
        let reader = session.reader();
        assert_eq!(reader.value(&here(), run(1), hash).expect("readable"), Some(json.into_bytes()));
        assert_eq!(reader.value(&here(), run(2), hash).expect("readable"), None);
    }
}

/// A value is copied from run to run; what the one does not have, or the other has, changes nothing.
pub fn values_are_copied_to_other_runs(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let json = format!("\"{}\"", "x".repeat(100_000)).into_bytes();
    let hash = ValueHash::of(&json);
    let copy =
        |from, to| IndexOperation::CopyValue { namespace: here(), from: run(from), run: run(to), hash };
    session.operate(vec![copy(1, 2)]);
    assert_eq!(session.reader().value(&here(), run(2), hash).expect("readable"), None);
    let put = IndexOperation::PutValue { namespace: here(), run: run(1), hash, json: json.clone() };
    session.operate(vec![put]);
    for _ in 0..2 {
        session.operate(vec![copy(1, 2), copy(1, 2)]);
        for number in [1, 2] {
            let found = session.reader().value(&here(), run(number), hash).expect("readable");
            assert_eq!(found.as_ref(), Some(&json));
        }
        assert_eq!(session.reader().value(&elsewhere(), run(2), hash).expect("readable"), None);
    }
}

/// A value is hashed when it is read.
pub fn a_value_that_lies_about_its_hash_is_reported(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let hash = ValueHash([3; 16]);
    let put = IndexOperation::PutValue { namespace: here(), run: run(1), hash, json: b"1".to_vec() };
    session.operate(vec![put]);
    let error = session.reader().value(&here(), run(1), hash).expect_err("the hash is wrong");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

/// A summary replaces the one before, whatever changed, and reads back whole.
pub fn the_last_summary_counts(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let started = summary(1, 10, Status::Running);
    let further =
        RunSummary { last: crate::Sequence(9), definition: DefinitionHash([9; 32]), ..started.clone() };
    let failed = RunSummary { last: crate::Sequence(12), ..summary(1, 10, Status::Failed) };
    for said in [started, further.clone(), failed.clone(), further, failed] {
        session.operate(vec![IndexOperation::PutSummary(said.clone())]);
        assert_eq!(session.reader().summary(&here(), run(1)).expect("readable"), Some(said));
    }
    let reader = session.reader();
    let page = reader.summaries(&here(), &SummaryFilter::default(), None, ALL).expect("readable");
    assert_eq!(page.summaries.len(), 1);
    assert_eq!(reader.summary(&here(), run(2)).expect("readable"), None);
}

/// Lists the runs of a namespace in pages of `limit`.
fn listed(session: &Session, filter: &SummaryFilter, limit: usize) -> Vec<u8> {
    let reader = session.reader();
    let (mut cursor, mut runs) = (None, Vec::new());
    loop {
        let page = reader.summaries(&here(), filter, cursor, limit).expect("readable");
        assert!(page.summaries.len() <= limit);
        runs.extend(page.summaries.iter().map(|summary| summary.run.0[0]));
        cursor = page.next;
        if cursor.is_none() {
            return runs;
        }
    }
}

/// The list is in order of start, then of arrival, the same in pages of any length; later changes do not move a run.
pub fn summaries_are_listed_newest_first_in_pages(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    for (number, started) in [(1, 30), (2, 10), (3, 20), (4, 20), (5, 40), (6, -5)] {
        session.operate(vec![IndexOperation::PutSummary(summary(number, started, Status::Running))]);
    }
    session.operate(vec![
        IndexOperation::PutSummary(RunSummary { namespace: elsewhere(), ..summary(7, 25, Status::Running) }),
        IndexOperation::PutSummary(summary(3, 20, Status::Succeeded)),
    ]);
    for limit in [1, 2, 3, 6, ALL] {
        assert_eq!(listed(&session, &SummaryFilter::default(), limit), [5, 1, 4, 3, 2, 6]);
    }
}

/// Filters by status and by workflow, alone and together.
pub fn summaries_are_filtered(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    for number in 1..=6 {
        let status = if number % 2 == 0 { Status::Failed } else { Status::Running };
        let workflow = name(if number < 4 { "release" } else { "nightly" });
        let said = RunSummary { workflow, ..summary(number, i64::from(number), status) };
        session.operate(vec![IndexOperation::PutSummary(said)]);
    }
    let filter = |status, workflow: Option<&str>| SummaryFilter { status, workflow: workflow.map(name) };
    for limit in [1, 2, ALL] {
        assert_eq!(listed(&session, &filter(Some(Status::Failed), None), limit), [6, 4, 2]);
        assert_eq!(listed(&session, &filter(None, Some("release")), limit), [3, 2, 1]);
        assert_eq!(listed(&session, &filter(Some(Status::Running), Some("nightly")), limit), [5]);
        assert_eq!(listed(&session, &filter(Some(Status::Stuck), None), limit), [0; 0]);
    }
}

/// The runs of a log that are not over, of all namespaces, in order of arrival.
pub fn runs_that_are_not_over_are_listed(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let said = [
        summary(1, 50, Status::Running),
        summary(2, 40, Status::Succeeded),
        RunSummary { namespace: elsewhere(), ..summary(3, 30, Status::Stuck) },
        summary(4, 20, Status::Waiting),
    ];
    session.operate(said.into_iter().map(IndexOperation::PutSummary).collect());
    let open =
        |session: &Session, after, limit| session.reader().open_runs(LOG, after, limit).expect("readable");
    let runs = |page: Vec<crate::contract::OpenRun>| {
        page.iter().map(|open| open.summary.run.0[0]).collect::<Vec<_>>()
    };
    assert_eq!(runs(open(&session, Arrival::NONE, ALL)), [1, 3, 4]);
    let first = open(&session, Arrival::NONE, 1);
    assert_eq!(runs(open(&session, first[0].arrival, ALL)), [3, 4]);
    session.operate(vec![IndexOperation::PutSummary(summary(1, 50, Status::Cancelled))]);
    assert_eq!(runs(open(&session, Arrival::NONE, ALL)), [3, 4]);
    assert!(session.reader().open_runs(LogId(1), Arrival::NONE, ALL).expect("readable").is_empty());
}

/// Ids are found by any number of leading digits; what is no beginning of an id finds nothing.
pub fn runs_are_found_by_the_beginning_of_their_id(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    for number in [0xa1, 0xa2, 0xb0] {
        session.operate(vec![IndexOperation::PutSummary(summary(number, 1, Status::Running))]);
    }
    session.commit(vec![record(0xa3, "a run without a summary")], vec![]);
    let reader = session.reader();
    let find = |prefix: &str, limit| reader.find_runs(&here(), prefix, limit).expect("readable");
    assert_eq!(find("a", ALL), [run(0xa1), run(0xa2)]);
    assert_eq!(find("a", 1), [run(0xa1)]);
    assert_eq!(find("A2", ALL), [run(0xa2)]);
    assert_eq!(find(&run(0xb0).to_string(), ALL), [run(0xb0)]);
    assert_eq!(find("", ALL).len(), 3);
    for nothing in ["c", "a1f", "x", "a-", "é", &"0".repeat(33)] {
        assert_eq!(find(nothing, ALL), [RunId([0; 16]); 0], "{nothing}");
    }
}

fn ready(number: u8, at: &str, attempt: u32) -> Ready {
    Ready { namespace: here(), run: run(number), task: task(at), attempt: Attempt(attempt), at: Timestamp(5) }
}

/// Rows are replaced by task, listed in pages, and removed; removing what is not there is no error.
pub fn ready_rows_come_and_go(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let rows = [ready(9, "a", 1), ready(9, "b[x]", 1), ready(1, "a", 1)];
    session.operate(rows.iter().cloned().map(IndexOperation::PutReady).collect());
    session.operate(vec![IndexOperation::PutReady(ready(9, "a", 2))]);
    let reader = session.reader();
    let wanted = [ready(9, "a", 2), ready(9, "b[x]", 1), ready(1, "a", 1)];
    assert_eq!(reader.ready(LOG, None, ALL).expect("readable"), wanted);
    assert_eq!(reader.ready(LOG, Some(&wanted[0]), 1).expect("readable"), wanted[1..2]);
    assert_eq!(reader.ready(LOG, Some(&wanted[1]), ALL).expect("readable"), wanted[2..]);
    assert!(reader.ready(LogId(1), None, ALL).expect("readable").is_empty());
    let remove =
        |number, at| IndexOperation::RemoveReady { namespace: here(), run: run(number), task: task(at) };
    session.operate(vec![remove(9, "a"), remove(9, "nothing"), remove(8, "a")]);
    assert_eq!(reader.ready(LOG, None, ALL).expect("readable"), wanted[1..]);
}

fn grant(token: FencingToken) -> Grant {
    Grant {
        namespace: here(),
        run: run(1),
        task: task("build"),
        attempt: Attempt(2),
        token,
        worker: name("local"),
        at: Timestamp(6),
        logs_from: LogPosition { segment: 3, offset: 1 << 40 },
    }
}

/// Grants read back whole, in order of tokens over epochs, and are removed by token.
pub fn grants_come_and_go(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let tokens = [(1, 7), (1, 8), (2, 1)].map(|(epoch, counter)| FencingToken::new(Epoch(epoch), counter));
    let grants = tokens.map(grant);
    session.operate(grants.iter().rev().cloned().map(IndexOperation::PutGrant).collect());
    let reader = session.reader();
    assert_eq!(reader.grants(LOG, FencingToken(0), ALL).expect("readable"), grants);
    assert_eq!(reader.grants(LOG, tokens[0], 1).expect("readable"), grants[1..2]);
    assert!(reader.grants(LogId(1), FencingToken(0), ALL).expect("readable").is_empty());
    let remove = |token| IndexOperation::RemoveGrant { token };
    session.operate(vec![remove(tokens[1]), remove(FencingToken(99))]);
    assert_eq!(
        reader.grants(LOG, FencingToken(0), ALL).expect("readable"),
        [grant(tokens[0]), grant(tokens[2])]
    );
}

/// Timers are listed by when they are due, in pages; putting one again moves it.
pub fn timers_come_in_the_order_they_are_due(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let timer =
        |number, timer, due| Timer { namespace: here(), run: run(number), timer, due: Timestamp(due) };
    let wait = timer(1, TimerKey::Wait(task("w")), 30);
    let retry = timer(2, TimerKey::Retry(task("w")), 10);
    let lag = timer(1, TimerKey::Lag(task("a[1]"), task("b#2")), 20);
    let twin = timer(2, TimerKey::Wait(task("x")), 20);
    let put = |rows: &[&Timer]| rows.iter().map(|row| IndexOperation::PutTimer((*row).clone())).collect();
    session.operate(put(&[&wait, &retry, &lag, &twin]));
    let reader = session.reader();
    let due = |before, after: Option<&Timer>, limit| {
        reader.timers(LOG, Timestamp(before), after, limit).expect("readable")
    };
    assert_eq!(due(i64::MAX, None, ALL), [&retry, &lag, &twin, &wait].map(Clone::clone));
    assert_eq!(due(30, None, ALL), [&retry, &lag, &twin].map(Clone::clone));
    assert_eq!(due(i64::MAX, Some(&lag), 1), std::slice::from_ref(&twin));
    assert!(due(10, None, ALL).is_empty());
    let moved = Timer { due: Timestamp(5), ..wait };
    let remove = |row: &Timer| IndexOperation::RemoveTimer {
        namespace: here(),
        run: row.run,
        timer: row.timer.clone(),
    };
    session.operate(vec![remove(&twin), IndexOperation::PutTimer(moved.clone()), remove(&twin)]);
    assert_eq!(due(i64::MAX, None, ALL), [moved, retry, lag]);
}

/// Within a batch, the last operation on a key counts, whatever was stored before.
pub fn the_last_operation_on_a_key_counts(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let put = |attempt| IndexOperation::PutReady(ready(1, "a", attempt));
    let remove = || IndexOperation::RemoveReady { namespace: here(), run: run(1), task: task("a") };
    let token = FencingToken(4);
    let rows = |session: &Session| session.reader().ready(LOG, None, ALL).expect("readable");
    session.operate(vec![put(1), remove(), IndexOperation::PutGrant(grant(token))]);
    assert_eq!(rows(&session), []);
    session.operate(vec![remove(), put(2), put(3)]);
    assert_eq!(rows(&session), [ready(1, "a", 3)]);
    session.operate(vec![put(4), remove(), IndexOperation::RemoveGrant { token }]);
    assert_eq!(rows(&session), []);
    assert_eq!(session.reader().grants(LOG, FencingToken(0), ALL).expect("readable"), []);
}

/// Ranges are kept by attempt and segment, and listed for a task or for the run, in pages.
pub fn ranges_of_output_are_found_by_task(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let range = |at, attempt, segment, end| AttemptLog {
        namespace: here(),
        run: run(1),
        task: task(at),
        attempt: Attempt(attempt),
        token: FencingToken(u64::from(attempt) << 32),
        range: LogRange { segment, start: 4, end },
    };
    let rows = [range("a", 1, 1, 9), range("a", 1, 2, 9), range("a", 2, 2, 9), range("b", 1, 1, 9)];
    session.operate(vec![IndexOperation::PutLogRange(range("a", 1, 1, 5))]);
    session.operate(rows.iter().rev().cloned().map(IndexOperation::PutLogRange).collect());
    let reader = session.reader();
    let found = |at: Option<&str>, after: Option<&AttemptLog>, limit| {
        reader.log_ranges(&here(), run(1), at.map(task).as_ref(), after, limit).expect("readable")
    };
    assert_eq!(found(None, None, ALL), rows);
    assert_eq!(found(Some("a"), None, ALL), rows[..3]);
    assert_eq!(found(Some("a"), Some(&rows[0]), 1), rows[1..2]);
    assert_eq!(found(None, Some(&rows[2]), ALL), rows[3..]);
    assert!(reader.log_ranges(&here(), run(2), None, None, ALL).expect("readable").is_empty());
}

fn cached(number: u8, digest: u32) -> Cached {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&digest.to_be_bytes());
    Cached {
        namespace: here(),
        digest: CacheDigest(bytes),
        run: run(number),
        task: task("build[eu]"),
        output: ValueHash([number; 16]),
        artifacts: (number > 1).then_some(ValueHash([1; 16])),
        at: Timestamp(i64::from(number)),
    }
}

/// A success is found by namespace and digest, whole; a later one takes its place.
pub fn the_last_success_of_a_digest_can_be_taken_over(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let other = Cached { namespace: elsewhere(), ..cached(9, 1) };
    let puts = [cached(1, 1), cached(2, 2), other.clone()].map(IndexOperation::PutCached);
    session.operate(puts.to_vec());
    let reader = session.reader();
    let found = |of: &Cached| reader.cached(&of.namespace, of.digest).expect("readable");
    assert_eq!(found(&cached(0, 1)), Some(cached(1, 1)));
    assert_eq!(found(&cached(0, 2)), Some(cached(2, 2)));
    assert_eq!(found(&other), Some(other.clone()));
    assert_eq!(found(&cached(0, 3)), None);
    session.operate(vec![IndexOperation::PutCached(cached(3, 1)), IndexOperation::PutCached(cached(4, 1))]);
    assert_eq!(found(&cached(0, 1)), Some(cached(4, 1)));
    assert_eq!(found(&cached(0, 2)), Some(cached(2, 2)));
}

/// Only so many are kept; one that is put again counts as new.
pub fn the_oldest_successes_are_forgotten(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.operate((0..CACHED_MAX).map(|digest| IndexOperation::PutCached(cached(1, digest))).collect());
    session.operate(vec![IndexOperation::PutCached(cached(2, 0))]);
    session.operate(vec![IndexOperation::PutCached(cached(2, CACHED_MAX))]);
    let reader = session.reader();
    let has = |digest| reader.cached(&here(), cached(0, digest).digest).expect("readable").is_some();
    assert!(has(0) && has(CACHED_MAX) && has(CACHED_MAX - 1) && has(2));
    assert!(!has(1));
}
