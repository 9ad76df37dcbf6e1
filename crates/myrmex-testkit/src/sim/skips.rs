//! People who ask for tasks of a run to be skipped: when, which ones, and what has to hold of what they are told.
//!
//! What they want is drawn from a tape of its own, so that a seed means to the world and to the disk what it would mean without them, and
//! a case that knows nothing of them is one in which nobody asks. They ask more often when a process has just begun, when the store has
//! just failed, and while a cancel is under way. Who hears nothing asks again.

use std::collections::BTreeSet;
use std::sync::mpsc::TryRecvError;

use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded, SkipReason};
use myrmex_model::id::RunId;
use myrmex_model::status::{Phase, Status};
use myrmex_runtime::partition::{Answered, RequestError, event_of, load_run};
use myrmex_store::Sequence;

use super::planted::Planted;
use super::random::{Random, mix, mix_text};
use super::world::World;

/// The most requests of one history: more would leave little of its runs.
const WISHES_MAX: usize = 6;

/// How many tasks a request names.
const COUNTS: [u64; 5] = [1, 1, 1, 2, 3];

/// For how many things that happen people remember that the store failed.
const UNREST: u64 = 10;

/// A page of records.
const PAGE: usize = 1_000;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    Done,
    Refused,
}

/// A request that tasks be skipped.
struct Wish {
    run: RunId,
    tasks: Vec<Address>,
    /// Who asks. Nobody asks twice by one name, so whatever a journal says was skipped by it is of this request.
    by: String,
    answer: Option<Answered>,
    /// Whether an answer was lost: it may have been carried out then, and is refused when it is asked for again.
    is_doubtful: bool,
    verdict: Verdict,
}

impl Wish {
    /// Forgets an answer that will not come.
    fn lose_answer(&mut self) {
        self.is_doubtful |= self.answer.take().is_some();
    }

    /// Says what of a journal is not as it has to be after what was answered; nothing if all is well.
    fn breach(&self, journal: &[Recorded]) -> Option<String> {
        let is_ours = |event: &Event| match event {
            Event::TaskSkipped { task, reason: SkipReason::Person { by, .. } } if *by == self.by => {
                Some(task.clone())
            }
            _ => None,
        };
        let found: Vec<Address> = journal.iter().filter_map(|recorded| is_ours(&recorded.event)).collect();
        let wanted: BTreeSet<&Address> = self.tasks.iter().collect();
        let is_all = found.len() == wanted.len() && found.iter().collect::<BTreeSet<_>>() == wanted;
        let is_good = match self.verdict {
            Verdict::Done => is_all,
            Verdict::Refused if !self.is_doubtful => found.is_empty(),
            Verdict::Refused | Verdict::Open => is_all || found.is_empty(),
        };
        let (verdict, tasks) = (self.verdict, &self.tasks);
        (!is_good).then(|| {
            format!("run {}: a skip of {tasks:?} is {verdict:?}, and {found:?} are skipped", self.run)
        })
    }
}

/// What people want to be skipped in one history.
pub(super) struct Wishes {
    pub(super) random: Random,
    all: Vec<Wish>,
    /// How often the store had failed when they looked last, and how long they still think of it.
    failures: u64,
    unrest: u64,
    /// The request with which a process was opened: what else is to go on is asked for when that is answered.
    first: Option<usize>,
}

impl Wishes {
    pub(super) fn new(random: Random) -> Self {
        Self { random, all: Vec::new(), failures: 0, unrest: 0, first: None }
    }

    /// Whether all requests are answered.
    pub(super) fn are_answered(&self) -> bool {
        self.all.iter().all(|wish| wish.verdict != Verdict::Open)
    }

    /// The process died: who waits for an answer will not hear it.
    pub(super) fn lose_answers(&mut self) {
        self.all.iter_mut().for_each(Wish::lose_answer);
        self.first = None;
    }

    /// Returns what waits for an answer, for whoever looks into a breach.
    pub(super) fn describe(&self) -> impl Iterator<Item = String> {
        let open = self.all.iter().filter(|wish| wish.verdict == Verdict::Open);
        open.map(|wish| format!("to be skipped of {}: {:?}", wish.run, wish.tasks))
    }

    /// Says what the journal of a run does not hold of what people were told about it.
    pub(super) fn breaches(&self, run: RunId, journal: &[Recorded]) -> impl Iterator<Item = String> {
        self.all.iter().filter(move |wish| wish.run == run).filter_map(|wish| wish.breach(journal))
    }
}

impl World {
    /// Lets somebody find that some tasks need not run, sometimes.
    pub(super) fn wish(&mut self) {
        self.wishes.random.mark();
        let failures = self.disk.trouble().failed;
        self.wishes.unrest =
            if failures > self.wishes.failures { UNREST } else { self.wishes.unrest.saturating_sub(1) };
        self.wishes.failures = failures;
        let is_shaken = self.is_shaken();
        let rate = if is_shaken || self.is_cancelling() { 50 } else { 12 };
        if self.wishes.all.len() >= WISHES_MAX || !self.wishes.random.permille(rate / self.pace()) {
            return;
        }
        let mut runs: Vec<RunId> = self.open_runs().into_iter().map(|open| open.run).collect();
        if self.wishes.random.permille(100) {
            // Some do not know that their run is over.
            runs = self.clients.iter().filter(|known| known.is_acknowledged).map(|known| known.run).collect();
        }
        if runs.is_empty() {
            return;
        }
        let run = *self.wishes.random.one_of(&runs);
        let Some(tasks) = self.draw_tasks(run) else { return };
        let counts = &mut self.counts;
        counts.skips.asked += 1;
        counts.skips.shaken += u64::from(is_shaken);
        let by = format!("somebody else {}", self.wishes.all.len());
        let wish = Wish { run, tasks, by, answer: None, is_doubtful: false, verdict: Verdict::Open };
        self.wishes.all.push(wish);
        // Some change their mind about the whole at the same moment.
        let asks_both = self.wishes.random.permille(150);
        if let Some(client) = self.clients.iter_mut().find(|client| client.run == run) {
            client.wants_cancel |= asks_both && client.is_acknowledged && !client.is_cancelled;
        }
        self.counts.skips.beside_cancels += u64::from(self.is_cancelling());
    }

    /// Draws which tasks of a run are to be skipped: mostly such as wait, now and then others, or one that there is not; none if
    /// there are none such.
    fn draw_tasks(&mut self, run: RunId) -> Option<Vec<Address>> {
        let loaded = load_run(self.disk.reader().as_ref(), &self.namespace, run).ok()??;
        let (mut waiting, mut busy, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for task in loaded.tasks() {
            let waits =
                matches!(task.status(), Status::Pending | Status::Waiting) || task.phase() == Phase::Queued;
            let kind = match task.status().is_terminal() {
                true => &mut over,
                false if waits => &mut waiting,
                false => &mut busy,
            };
            kind.push(task.address());
        }
        let random = &mut self.wishes.random;
        let nowhere = Address::parse("nowhere").expect("it is an address");
        let count = *random.one_of(&COUNTS);
        let mut draw = || {
            let kind = match random.below(20) {
                0..=16 => &waiting,
                17 => &busy,
                18 => &over,
                _ => return Some(nowhere.clone()),
            };
            (!kind.is_empty()).then(|| random.one_of(kind).clone())
        };
        (0..count).map(|_| draw()).collect()
    }

    /// Whether a process has just begun, or the store has just failed.
    fn is_shaken(&self) -> bool {
        self.wishes.unrest > 0
            || self
                .process
                .as_ref()
                .is_none_or(|process| process.opening.is_some() || process.resuming.is_some())
    }

    /// Whether somebody waits for a run to be cancelled.
    fn is_cancelling(&self) -> bool {
        self.clients.iter().any(|client| client.wants_cancel && !client.is_cancelled)
    }

    /// Whether a process is opened in order to skip tasks, so that this is the first that it is asked for; as `runs skip` does.
    pub(super) fn asks_to_skip_first(&mut self) -> bool {
        let open = self.wishes.all.iter().position(|wish| wish.verdict == Verdict::Open);
        self.wishes.first = open.filter(|_| self.wishes.random.permille(250));
        self.wishes.first.is_some()
    }

    /// Lets people ask for what they want to be skipped, and hear what they are answered.
    pub(super) fn ask_to_skip(&mut self) {
        let Some(process) = &self.process else { return };
        let halved = self.planted == Some(Planted::SkipHalved);
        let mut heard = Vec::new();
        for (index, wish) in self.wishes.all.iter_mut().enumerate() {
            let is_in_turn = self.wishes.first.is_none_or(|first| first == index);
            if wish.verdict != Verdict::Open || !is_in_turn {
                continue;
            }
            let Wish { run, tasks, by, answer, .. } = &mut *wish;
            let tasks = if halved { &tasks[..1] } else { &tasks[..] };
            let answer =
                answer.get_or_insert_with(|| process.partitions.skip_tasks(*run, tasks, (by, "not needed")));
            match answer.try_recv() {
                Ok(Ok(())) => wish.verdict = Verdict::Done,
                Ok(Err(RequestError::Rejected(_))) => wish.verdict = Verdict::Refused,
                // Nothing was done.
                Ok(Err(RequestError::Journal(_))) => wish.answer = None,
                // Nobody knows whether it was done.
                Ok(Err(RequestError::Unknowable)) | Err(TryRecvError::Disconnected) => wish.lose_answer(),
                Ok(Err(error)) => self.breaches.push(format!("a skip is refused: {error}")),
                Err(TryRecvError::Empty) if self.planted == Some(Planted::SkipRace) => {
                    wish.verdict = Verdict::Done;
                }
                Err(TryRecvError::Empty) => {}
            }
            if wish.verdict != Verdict::Open {
                heard.push(index);
            }
        }
        for index in heard {
            self.hear_of_skip(index);
        }
    }

    /// Somebody was answered: what is durable now has to be so.
    fn hear_of_skip(&mut self, index: usize) {
        let journal = self.journal(self.wishes.all[index].run);
        let wish = &self.wishes.all[index];
        self.breaches.extend(wish.breach(&journal));
        let is_done = wish.verdict == Verdict::Done;
        self.trace = mix(mix_text(self.trace, &wish.by), u64::from(is_done));
        let skips = &mut self.counts.skips;
        skips.done += u64::from(is_done);
        skips.refused += u64::from(!is_done);
        skips.several += u64::from(is_done && wish.tasks.iter().collect::<BTreeSet<_>>().len() > 1);
        skips.again += u64::from(wish.is_doubtful);
        if self.wishes.first.take_if(|first| *first == index).is_some() {
            self.resume();
        }
    }

    /// Reads what is durable of a run.
    pub(super) fn journal(&self, run: RunId) -> Vec<Recorded> {
        let (reader, mut after, mut journal) = (self.disk.reader(), Sequence::NONE, Vec::new());
        loop {
            let page = reader.run_records(&self.namespace, run, after, PAGE).unwrap_or_default();
            let Some(last) = page.last() else { return journal };
            after = last.sequence;
            journal.extend(page.iter().filter_map(|record| event_of(record).ok()));
        }
    }
}

/// What came of requests that tasks be skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skips {
    /// Requests.
    pub asked: u64,
    /// Those that were carried out.
    pub done: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those that were carried out for several tasks.
    pub several: u64,
    /// Those that were answered after an answer had been lost.
    pub again: u64,
    /// Those that somebody had while a process began, or just after the store had failed.
    pub shaken: u64,
    /// Those that somebody had while a cancel was under way.
    pub beside_cancels: u64,
    /// Processes that were asked to skip tasks before anything else.
    pub first: u64,
}

impl Skips {
    /// Adds what came of others.
    pub(super) fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.done += other.done;
        self.refused += other.refused;
        self.several += other.several;
        self.again += other.again;
        self.shaken += other.shaken;
        self.beside_cancels += other.beside_cancels;
        self.first += other.first;
    }
}

#[cfg(test)]
mod tests {
    use myrmex_model::event::Change;
    use myrmex_model::time::Timestamp;

    use super::*;

    fn at(name: &str) -> Address {
        Address::parse(name).unwrap()
    }

    /// Says whether a journal with these skips is good after an answer.
    fn is_good(verdict: Verdict, is_doubtful: bool, skipped: &[(&str, &str)]) -> bool {
        let tasks = vec![at("a"), at("b"), at("a")];
        let wish = Wish { run: RunId([1; 16]), tasks, by: "me".into(), answer: None, is_doubtful, verdict };
        let change = Change { from: Status::Pending, to: Status::Skipped, phase: Phase::None };
        let record = |(task, by): &(&str, &str)| {
            let reason = SkipReason::Person { by: (*by).to_owned(), reason: String::new() };
            Recorded { at: Timestamp(0), event: Event::TaskSkipped { task: at(task), reason }, change }
        };
        wish.breach(&skipped.iter().map(record).collect::<Vec<_>>()).is_none()
    }

    #[test]
    fn all_tasks_of_a_request_are_skipped_once_or_none() {
        let (both, one) = ([("a", "me"), ("c", "you"), ("b", "me")], [("a", "me"), ("b", "you")]);
        let twice = [("a", "me"), ("b", "me"), ("a", "me")];
        for (verdict, is_doubtful, may_be_both, may_be_none) in [
            (Verdict::Done, false, true, false),
            (Verdict::Done, true, true, false),
            (Verdict::Refused, false, false, true),
            (Verdict::Refused, true, true, true),
            (Verdict::Open, false, true, true),
        ] {
            let is_good = |skipped: &[_]| is_good(verdict, is_doubtful, skipped);
            assert_eq!(
                (is_good(&both), is_good(&[])),
                (may_be_both, may_be_none),
                "{verdict:?} {is_doubtful}"
            );
            assert!(!is_good(&one) && !is_good(&twice), "{verdict:?} {is_doubtful}");
        }
    }
}
