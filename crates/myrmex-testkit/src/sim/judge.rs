//! What must hold of a store at any moment, and of the whole history at its end; judged by what is durable, never by the
//! memory of a partition.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::{Attempt, FencingToken, RunId};
use myrmex_model::name::Namespace;
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::status::Status;
use myrmex_runtime::partition::{event_of, load_run, restore_run};
use myrmex_store::contract::Arrival;
use myrmex_store::{LogId, Partitions, Reader, Record, Sequence};

use super::laws::{self, Move};
use super::workflow::UNITS;

/// A page of anything.
const PAGE: usize = 1_000;

/// Everything that is durable.
pub(super) struct Durable {
    pub(super) runs: BTreeMap<RunId, Vec<Recorded>>,
    pub(super) tokens: BTreeSet<FencingToken>,
    /// The workflow of each run.
    pub(super) workflows: BTreeMap<RunId, String>,
    /// Who had a place when.
    pub(super) moves: Vec<Move>,
    /// What shows that more of the pool was taken than there is.
    pub(super) overtaken: Option<String>,
}

/// Reads all logs, which grew in this order, and judges each run's journal, and that each run is in the log where it belongs.
pub(super) fn read(
    reader: &dyn Reader,
    (partitions, order): (Partitions, &[(LogId, Sequence)]),
    breaches: &mut Vec<String>,
) -> Durable {
    let mut runs: BTreeMap<RunId, Vec<Recorded>> = BTreeMap::new();
    let mut taken = Taken::default();
    let (mut workflows, mut moves) = (BTreeMap::new(), Vec::new());
    for record in in_order(reader, (partitions, order), breaches) {
        match event_of(&record) {
            Ok(recorded) => {
                taken.note(record.run, &recorded.event);
                moves.extend(Move::of(record.run, &recorded.event));
                if let Event::RunStarted { workflow, .. } = &recorded.event {
                    workflows.insert(record.run, workflow.as_str().to_owned());
                }
                runs.entry(record.run).or_default().push(recorded);
            }
            Err(error) => breaches.push(format!("a record cannot be read: {error}")),
        }
    }
    let mut tokens = BTreeSet::new();
    for (run, journal) in &runs {
        check_journal(*run, journal, &mut tokens, breaches);
        laws::check(*run, journal, breaches);
    }
    Durable { runs, tokens, workflows, moves, overtaken: taken.breach }
}

/// Returns how many messages between partitions nobody has taken.
pub(super) fn untaken(reader: &dyn Reader, partitions: Partitions) -> usize {
    let routes = partitions.logs().flat_map(|from| partitions.logs().map(move |to| (from, to)));
    let waiting = routes.filter_map(|(from, to)| {
        let taken = reader.received(to, from).ok()?;
        Some(reader.messages((from, to), taken, PAGE).ok()?.len())
    });
    waiting.sum()
}

/// Returns the records of all logs in the order in which they became durable.
fn in_order(
    reader: &dyn Reader,
    (partitions, order): (Partitions, &[(LogId, Sequence)]),
    breaches: &mut Vec<String>,
) -> Vec<Record> {
    let mut logs: BTreeMap<LogId, VecDeque<Record>> =
        partitions.logs().map(|log| (log, read_log(reader, (log, partitions), breaches))).collect();
    let mut records = Vec::new();
    for (log, last) in order {
        let Some(log) = logs.get_mut(log) else { continue };
        while log.front().is_some_and(|record| record.sequence <= *last) {
            records.extend(log.pop_front());
        }
    }
    // A planted bug may leave what no commit accounts for.
    records.extend(logs.into_values().flatten());
    records
}

fn read_log(
    reader: &dyn Reader,
    (log, partitions): (LogId, Partitions),
    breaches: &mut Vec<String>,
) -> VecDeque<Record> {
    let mut records = VecDeque::new();
    let mut after = Sequence::NONE;
    loop {
        let page = match reader.records(log, after, PAGE) {
            Ok(page) => page,
            Err(error) => {
                breaches.push(format!("the log cannot be read: {error}"));
                break;
            }
        };
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for record in &page {
            if partitions.log_of(record.run) != log {
                breaches.push(format!("run {} is in log {log}", record.run));
            }
        }
        records.extend(page);
    }
    match reader.verify(log) {
        Ok(verified) => {
            breaches.extend(verified.broken.map(|found| format!("the chain is broken: {found:?}")));
        }
        Err(error) => breaches.push(format!("the chain cannot be read: {error}")),
    }
    records
}

/// What has a unit of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holding {
    Attempt,
    Block,
}

/// Who has a unit of the pool, recounted from the log.
#[derive(Default)]
struct Taken {
    holders: BTreeSet<((RunId, Address), Holding)>,
    breach: Option<String>,
}

impl Taken {
    fn note(&mut self, run: RunId, event: &Event) {
        let Some(task) = event.task() else { return };
        let is_asked = || task.segments().last().is_some_and(|last| last.name.ends_with("_p"));
        let holder = (run, task.clone());
        if matches!(event, Event::AttemptGranted { .. }) && is_asked() {
            self.holders.insert((holder, Holding::Attempt));
        } else if matches!(event, Event::AttemptEnded { .. }) {
            self.holders.remove(&(holder, Holding::Attempt));
        } else if matches!(event, Event::HoldGranted { .. }) {
            self.holders.insert((holder, Holding::Block));
        } else if matches!(
            event,
            Event::TaskSucceeded { .. }
                | Event::TaskFailed { .. }
                | Event::TaskStuck { .. }
                | Event::TaskCancelled { .. }
                | Event::TaskSkipped { .. }
        ) {
            self.holders.remove(&(holder, Holding::Block));
        }
        if self.holders.len() > UNITS as usize && self.breach.is_none() {
            let found = format!("{} units of {UNITS} are taken: {:?}", self.holders.len(), self.holders);
            self.breach = Some(found);
        }
    }
}

/// Judges one journal: legal order, one outcome for each attempt and each task run, nothing after the end.
fn check_journal(
    run: RunId,
    journal: &[Recorded],
    tokens: &mut BTreeSet<FencingToken>,
    breaches: &mut Vec<String>,
) {
    let mut wrong = |text: String| breaches.push(format!("run {run}: {text}"));
    let mut ended: BTreeSet<&Address> = BTreeSet::new();
    let mut open: BTreeMap<&Address, (Attempt, FencingToken)> = BTreeMap::new();
    let (mut last, mut is_over, mut is_cancelled) = (None, false, false);
    for recorded in journal {
        if last.is_some_and(|last| recorded.at < last) {
            wrong(format!("time goes back at {}", recorded.event.kind()));
        }
        last = Some(recorded.at);
        if is_over {
            wrong(format!("{} after the end", recorded.event.kind()));
        }
        if let Event::AttemptGranted { task, attempt, token, .. } = &recorded.event {
            if !tokens.insert(*token) {
                wrong(format!("token {token} is granted twice"));
            }
            if let Some((before, _)) = open.insert(task, (*attempt, *token)) {
                wrong(format!("`{task}` is granted attempt {attempt} while attempt {before} is open"));
            }
            if is_cancelled && !is_in_handler(task) {
                wrong(format!("`{task}` is granted after the cancel"));
            }
        }
        if let Event::AttemptEnded { task, attempt, token, .. } = &recorded.event
            && open.remove(task) != Some((*attempt, *token))
        {
            wrong(format!("`{task}`: attempt {attempt} ends by token {token}, which is not open"));
        }
        if let Event::TaskSucceeded { task, .. }
        | Event::TaskFailed { task, .. }
        | Event::TaskSkipped { task, .. }
        | Event::TaskTaken { task, .. }
        | Event::TaskCancelled { task } = &recorded.event
        {
            if !ended.insert(task) {
                wrong(format!("`{task}` ends twice"));
            }
            if open.contains_key(task) {
                wrong(format!("`{task}` ends while an attempt is open"));
            }
        }
        is_cancelled |= matches!(&recorded.event, Event::CancelRequested { scope, by, .. }
            if scope.is_root() && by == super::CANCELLER);
        is_over |= matches!(recorded.event, Event::RunEnded { .. });
    }
    if is_over && !open.is_empty() {
        wrong("it is over and attempts are open".to_owned());
    }
}

/// Whether a task stands in a handler: their tasks are named so by the workflow's generator.
fn is_in_handler(task: &Address) -> bool {
    let text = task.to_string();
    let is_handler = |part: &str| {
        let name = part.split(['[', '#', '~']).next().unwrap_or(part);
        matches!(name, "catch" | "on_failure" | "finally") || name.starts_with('h')
    };
    text.split('/').any(is_handler)
}

/// Judges the index rows of open runs: they are what the journals say, and there are none of runs that are over.
pub(super) fn check_indexes(
    reader: &dyn Reader,
    log: LogId,
    namespace: &Namespace,
    breaches: &mut Vec<String>,
) {
    if let Err(error) = compare_indexes(reader, log, namespace, breaches) {
        breaches.push(format!("the store cannot be read: {error}"));
    }
}

fn compare_indexes(
    reader: &dyn Reader,
    log: LogId,
    namespace: &Namespace,
    breaches: &mut Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut ready, mut grants, mut timers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut after = Arrival::NONE;
    loop {
        let page = reader.open_runs(log, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.arrival;
        for open in &page {
            let id = open.summary.run;
            let Some(run) = load_run(reader, namespace, id)? else {
                breaches.push(format!("run {id} is listed and has no journal"));
                continue;
            };
            if let Err(error) = restore_run(reader, (namespace, id), true) {
                breaches.push(format!("run {id} cannot be restored: {error}"));
            }
            if run.status().is_terminal() {
                breaches.push(format!("run {id} is over and listed as open"));
            }
            ready.extend(run.queued().into_iter().map(|(task, attempt)| (id, task, attempt)));
            grants.extend(run.grants().into_iter().map(|(_, _, token)| token));
            timers.extend(run.timers().into_iter().map(|(timer, due)| (id, timer, due)));
        }
    }
    let rows = reader.ready(log, None, PAGE)?;
    let found: BTreeSet<_> = rows.into_iter().map(|row| (row.run, row.task, row.attempt)).collect();
    if found != ready {
        breaches.push(format!("ready rows are {found:?}, the journals say {ready:?}"));
    }
    let rows = reader.grants(log, FencingToken(0), PAGE)?;
    let found: BTreeSet<_> = rows.into_iter().map(|row| row.token).collect();
    if found != grants {
        breaches.push(format!("grant rows are {found:?}, the journals say {grants:?}"));
    }
    let rows = reader.timers(log, myrmex_model::time::Timestamp(i64::MAX), None, PAGE)?;
    let found: BTreeSet<_> = rows.into_iter().map(|row| (row.run, row.timer, row.due)).collect();
    // A row may outlive for a moment the timer that nobody waits for any more, never the other way round.
    if !timers.is_subset(&found) {
        breaches.push(format!("timer rows are {found:?}, the journals say {timers:?}"));
    }
    Ok(())
}

/// Returns what is durable as lines, for whoever looks into a breach.
pub(super) fn history(reader: &dyn Reader, log: LogId) -> Vec<String> {
    let records = reader.records(log, Sequence::NONE, PAGE).unwrap_or_default();
    let line = |record: &Record| {
        let event = event_of(record).map_or("?".to_owned(), |recorded| format!("{:?}", recorded.event));
        format!("{} {} {event}", record.sequence, record.run)
    };
    records.iter().map(line).collect()
}

/// Returns how a run ended, if it did.
pub(super) fn end_of(journal: &[Recorded]) -> Option<Status> {
    journal.iter().rev().find_map(|recorded| {
        if let Event::RunEnded { status, .. } = &recorded.event { Some(*status) } else { None }
    })
}

/// Returns the successes that a journal records: which attempt gave which output.
pub(super) fn successes(journal: &[Recorded]) -> impl Iterator<Item = (&Address, Attempt, FencingToken)> {
    journal.iter().filter_map(|recorded| {
        let Event::AttemptEnded { task, attempt, token, report } = &recorded.event else { return None };
        matches!(report.end, AttemptEnd::Succeeded { .. }).then_some((task, *attempt, *token))
    })
}
