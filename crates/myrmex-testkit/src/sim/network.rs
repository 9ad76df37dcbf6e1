//! The network between the coordinator's side, a process with its partitions, and its worker: a link for each direction, which
//! may be slow, cut, or broken, repeat words and let them overtake each other.
//!
//! **What the transport of today does.** The local worker is a thread of the process. What it is told goes through a
//! channel, what it says into inboxes: every word arrives once and in order, as long as both live, and both die together.
//!
//! **What the protocol bears beyond that, and this network does to it:**
//!
//! - A report may be late, be overtaken, overtake anything, arrive again, and be lost with a broken connection: the worker keeps it
//!   until it is acknowledged as durable, and a report that says nothing new is acknowledged once more.
//! - An acknowledgement may suffer the same: who loses it says the report again.
//! - Everything may be late by any time, also all of it for the same time: nothing in the protocol counts on a clock.
//!
//! **What it does not bear, and this network spares it:** nobody says an assignment, a stop, a recount or an inventory again,
//! and nobody would notice that it arrives twice. These stay in order, pass once, and wait until a cut has healed: so an
//! inventory says nothing of a grant that it could not know, and no stop comes before what it stops. A remote worker needs a
//! transport that gives them so: numbered words that are said again until they are confirmed, and dropped when
//! they were heard before. Its connection may then break as this one does, and whoever connects again says again what it has kept.
//! The planted bugs `assigned-twice`, `words-overtake` and `break-unnoticed` take these three away and are found.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::id::{FencingToken, RunId};
use myrmex_runtime::worker::{Assignment, Said, Worker};

use super::planted::Planted;
use super::random::Random;

/// The longest that a word is late, in things that happen meanwhile.
const LATE_MAX: u64 = 40;

/// The longest cut, in things that happen meanwhile.
const CUT_MAX: u64 = 60;

/// How many of a thousand words are lost that were under way when a connection broke, of those that may be.
const LOST: u64 = 700;

/// What a network did to words; without it the verdict about a simulation would mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Words that arrived.
    pub arrived: u64,
    /// Times in which nothing passed in one direction or in both.
    pub cuts: u64,
    /// Those of them after which the connection had to be made anew.
    pub breaks: u64,
    /// Words that were lost.
    pub lost: u64,
    /// Words that arrived, and were to arrive again.
    pub doubled: u64,
    /// Words that arrived later than they could have.
    pub delayed: u64,
    /// Words that overtook others.
    pub reordered: u64,
}

impl Traffic {
    /// Adds what another network did.
    pub(super) fn add(&mut self, other: &Self) {
        self.arrived += other.arrived;
        self.cuts += other.cuts;
        self.breaks += other.breaks;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.delayed += other.delayed;
        self.reordered += other.reordered;
    }
}

/// How often out of a thousand a network does something to a word that could arrive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quality {
    /// It stays under way.
    late: u64,
    /// It arrives, and stays under way too.
    doubled: u64,
    /// Another one arrives first.
    overtaken: u64,
    /// Whether connections are cut at all.
    pub(super) is_cut: bool,
}

impl Quality {
    /// Draws how the network of a simulation is; the simplest does nothing to anything.
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(5) {
            0 => Self::default(),
            1 => Self { late: 0, doubled: 0, overtaken: 0, is_cut: true },
            2 => Self { late: 50, doubled: 20, overtaken: 300, is_cut: true },
            3 => Self { late: 200, doubled: 10, overtaken: 300, is_cut: true },
            _ => Self { late: 50, doubled: 150, overtaken: 500, is_cut: false },
        }
    }

    fn draw_fate(self, random: &mut Random) -> Fate {
        if self.late + self.doubled + self.overtaken == 0 {
            return Fate::Arrives;
        }
        let drawn = 1_000 - random.below(1_000);
        match drawn {
            _ if drawn <= self.late => Fate::Late,
            _ if drawn <= self.late + self.doubled => Fate::Doubled,
            _ if drawn <= self.late + self.doubled + self.overtaken => Fate::Overtaken,
            _ => Fate::Arrives,
        }
    }
}

/// What becomes of a word that could arrive.
enum Fate {
    Arrives,
    Late,
    Doubled,
    Overtaken,
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Told {
    Assign(Box<Assignment>),
    Stop(FencingToken),
    StopAll,
    Acknowledge(FencingToken),
    Forget,
    Recount,
}

/// A word of the protocol.
trait Word: Sized {
    /// Returns the same word once more if it is one that is said again until it was heard, so that it may be lost, arrive
    /// twice, overtake and be overtaken.
    fn again(&self) -> Option<Self>;

    /// Whether it is such a word.
    fn is_repeatable(&self) -> bool;
}

impl Word for Told {
    fn again(&self) -> Option<Self> {
        match self {
            Self::Acknowledge(token) => Some(Self::Acknowledge(*token)),
            Self::Assign(_) | Self::Stop(_) | Self::StopAll | Self::Forget | Self::Recount => None,
        }
    }

    fn is_repeatable(&self) -> bool {
        matches!(self, Self::Acknowledge(_))
    }
}

impl Word for Said {
    fn again(&self) -> Option<Self> {
        match self {
            Self::Report(report) => Some(Self::Report(report.clone())),
            Self::Inventory(_) | Self::Broken(_) => None,
        }
    }

    fn is_repeatable(&self) -> bool {
        matches!(self, Self::Report(_))
    }
}

/// One direction of a connection.
#[derive(Debug)]
struct Link<W>(VecDeque<Parcel<W>>);

/// A word under way.
#[derive(Debug)]
struct Parcel<W> {
    word: W,
    /// When it can arrive, at the earliest.
    from: u64,
}

impl<W> Default for Link<W> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<W: Word> Link<W> {
    fn put(&mut self, word: W) {
        self.0.push_back(Parcel { word, from: 0 });
    }

    /// Returns the places of the words that can arrive now, the one that was sent first before all others. What is not
    /// repeatable waits for what is before it and is not repeatable either.
    fn ready(&self, moment: u64, is_in_order: bool) -> impl Iterator<Item = usize> {
        let mut may_pass = true;
        self.0.iter().enumerate().filter_map(move |(place, Parcel { word, from })| {
            let is_free = word.is_repeatable() || !is_in_order;
            let is_ready = *from <= moment && (is_free || may_pass);
            may_pass &= is_free;
            is_ready.then_some(place)
        })
    }

    /// Takes the word that arrives now, after the network has done to it what is drawn.
    fn take(&mut self, luck: Luck<'_>) -> Option<W> {
        let Luck { random, quality, moment, traffic, is_in_order } = luck;
        let mut place = self.ready(moment, is_in_order).next()?;
        match quality.draw_fate(random) {
            Fate::Arrives => {}
            Fate::Late => {
                self.0[place].from = moment + 1 + random.below(LATE_MAX);
                traffic.delayed += 1;
                return None;
            }
            Fate::Doubled => {
                if let Some(word) = self.0[place].word.again() {
                    self.0.push_back(Parcel { word, from: moment + 1 + random.below(LATE_MAX) });
                    traffic.doubled += 1;
                }
            }
            Fate::Overtaken => {
                let others: Vec<usize> = self.ready(moment, is_in_order).skip(1).collect();
                if !others.is_empty() {
                    place = *random.one_of(&others);
                    traffic.reordered += 1;
                }
            }
        }
        traffic.arrived += 1;
        self.0.remove(place).map(|parcel| parcel.word)
    }

    /// Loses words of a connection that broke.
    fn lose(&mut self, random: &mut Random, traffic: &mut Traffic) {
        let before = self.0.len();
        self.0.retain(|parcel| !parcel.word.is_repeatable() || !random.permille(LOST));
        traffic.lost += (before - self.0.len()) as u64;
    }

    /// Lets everything arrive as soon as somebody listens.
    fn hasten(&mut self) {
        self.0.iter_mut().for_each(|parcel| parcel.from = 0);
    }
}

/// What decides how a word arrives.
struct Luck<'a> {
    random: &'a mut Random,
    quality: Quality,
    moment: u64,
    traffic: &'a mut Traffic,
    is_in_order: bool,
}

/// The end of a link at which the partitions tell their worker something.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(Arc<Mutex<Link<Told>>>);

impl Line {
    fn link(&self) -> MutexGuard<'_, Link<Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, told: Told) {
        self.link().put(told);
    }
}

impl Worker for Line {
    fn assign(&self, assignment: Assignment) {
        self.put(Told::Assign(Box::new(assignment)));
    }

    fn stop(&self, token: FencingToken) {
        self.put(Told::Stop(token));
    }

    fn stop_all(&self) {
        self.put(Told::StopAll);
    }

    fn acknowledge(&self, token: FencingToken) {
        self.put(Told::Acknowledge(token));
    }

    fn forget(&self, _: RunId) {
        self.put(Told::Forget);
    }

    fn recount(&self) {
        self.put(Told::Recount);
    }
}

/// That nothing passes for a while.
#[derive(Debug, Clone, Copy)]
struct Cut {
    until: u64,
    to_worker: bool,
    to_partitions: bool,
    /// Whether the connection has to be made anew.
    is_break: bool,
}

/// The connection between the partitions of a process and its worker.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) line: Line,
    said: Link<Said>,
    quality: Quality,
    cut: Option<Cut>,
    /// How many things have happened.
    moment: u64,
    /// Whether words that are not repeatable stay in order, which a planted bug prevents.
    is_in_order: bool,
}

impl Network {
    pub(super) fn new(quality: Quality, planted: Option<Planted>) -> Self {
        let is_in_order = planted != Some(Planted::WordsOvertake);
        let quality = if is_in_order { quality } else { Quality { late: 100, overtaken: 500, ..quality } };
        Self { line: Line::default(), said: Link::default(), quality, cut: None, moment: 0, is_in_order }
    }

    /// Brings what the worker says on its way.
    pub(super) fn say(&mut self, said: impl IntoIterator<Item = Said>) {
        said.into_iter().for_each(|said| self.said.put(said));
    }

    /// Whether something is under way that may be lost.
    pub(super) fn may_lose(&self) -> bool {
        let may_lose = self.said.0.iter().any(|parcel| parcel.word.is_repeatable());
        may_lose || self.line.link().0.iter().any(|parcel| parcel.word.is_repeatable())
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.said.0.is_empty() && self.line.link().0.is_empty()
    }

    /// Lets a moment pass; true if a connection that was broken is there again.
    pub(super) fn pass(&mut self, random: &mut Random, traffic: &mut Traffic) -> bool {
        self.moment += 1;
        self.cut.is_some_and(|cut| cut.until <= self.moment) && self.mend(random, traffic)
    }

    /// Lets nothing pass for a while, and maybe breaks the connection.
    pub(super) fn cut(&mut self, random: &mut Random, traffic: &mut Traffic) {
        if self.cut.is_some() {
            return;
        }
        let until = self.moment + 1 + random.below(CUT_MAX);
        let (to_worker, to_partitions) = *random.one_of(&[(true, true), (true, false), (false, true)]);
        let is_break = random.permille(500);
        self.cut = Some(Cut { until, to_worker, to_partitions, is_break });
        traffic.cuts += 1;
        traffic.breaks += u64::from(is_break);
    }

    /// Ends the cut if there is one; true if the connection is a new one, and words were lost with the old one.
    fn mend(&mut self, random: &mut Random, traffic: &mut Traffic) -> bool {
        let is_break = self.cut.take().is_some_and(|cut| cut.is_break);
        if is_break {
            self.said.lose(random, traffic);
            self.line.link().lose(random, traffic);
        }
        is_break
    }

    /// From now on everything passes; true if a connection that was broken is there again.
    pub(super) fn heal(&mut self, random: &mut Random, traffic: &mut Traffic) -> bool {
        self.quality = Quality::default();
        self.said.hasten();
        self.line.link().hasten();
        self.mend(random, traffic)
    }

    /// Whether the worker can be told something now.
    pub(super) fn reaches_worker(&self) -> bool {
        let is_cut = self.cut.is_some_and(|cut| cut.to_worker);
        !is_cut && self.line.link().ready(self.moment, self.is_in_order).next().is_some()
    }

    /// Whether the partitions can hear something now.
    pub(super) fn reaches_partitions(&self) -> bool {
        let is_cut = self.cut.is_some_and(|cut| cut.to_partitions);
        !is_cut && self.said.ready(self.moment, self.is_in_order).next().is_some()
    }

    /// Takes what the worker is told now.
    pub(super) fn read(&mut self, random: &mut Random, traffic: &mut Traffic) -> Option<Told> {
        let Self { quality, moment, is_in_order, .. } = *self;
        self.line.link().take(Luck { random, quality, moment, traffic, is_in_order })
    }

    /// Takes what the partitions hear now.
    pub(super) fn hear(&mut self, random: &mut Random, traffic: &mut Traffic) -> Option<Said> {
        let Self { quality, moment, is_in_order, .. } = *self;
        self.said.take(Luck { random, quality, moment, traffic, is_in_order })
    }
}
