//! The world of a simulation: one process with its partitions and their worker, the disk, the clock, and people who start and
//! cancel runs. What happens next is drawn from the seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use myrmex_model::ir::Definition;
use myrmex_model::name::Namespace;
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::worker::Report;
use myrmex_store::{LogId, Partitions};

use super::attempts::Attempts;
use super::disk::{Disk, Faults};
use super::faults::Weather;
use super::network::Quality;
use super::people::Client;
use super::planted::Planted;
use super::process::Process;
use super::random::{Random, mix};
use super::segments::Segments;
use super::skips::Wishes;
use super::voices::Voices;
use super::{Counts, Tapes};

/// The most things that happen while faults may.
const FAULTY_STEPS: u64 = 250;

/// How many things happen in a world with several partitions where one happens with one: what runs say to each other is
/// sent, brought and taken. Faults then come as much more seldom, so that as much is under way when they do.
const PACE: u64 = 3;

/// More than happens in any run that ends.
const STEPS_MAX: u64 = 60_000;

/// Where virtual time begins: any instant will do.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) now: Arc<AtomicI64>,
    pub(super) disk: Disk,
    pub(super) segments: Segments,
    pub(super) process: Option<Process>,
    /// A process that was taken for dead and lives: its lock is gone, and its commits must be refused.
    pub(super) zombie: Option<Process>,
    /// Reports of workers that died, as a network may keep them.
    pub(super) late: Vec<Report>,
    pub(super) clients: Vec<Client>,
    pub(super) wishes: Wishes,
    pub(super) voices: Voices,
    pub(super) namespace: Namespace,
    pub(super) partitions: Partitions,
    /// The partition whose turn it is, if nothing else is drawn.
    next: u64,
    pub(super) planted: Option<Planted>,
    pub(super) weather: Weather,
    /// How the network of each process is.
    pub(super) quality: Quality,
    /// How many turns are to come after what has happened, until nothing is left of it.
    news: u64,
    pub(super) attempts: Attempts,
    pub(super) definitions: Vec<Definition>,
    pub(super) trace: u64,
    pub(super) counts: Counts,
    pub(super) breaches: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64, definitions: &[Definition], tapes: Tapes, planted: Option<Planted>) -> Self {
        let Tapes { world: mut random, disk, people } = tapes;
        // Most workflows say something to each other then.
        let count = if random.permille(600) { 4 } else { 1 };
        let partitions = Partitions::new(count).expect("there is at least one");
        let faults = match random.below(5) {
            0 => Faults::default(),
            1 => Faults { full: 20, unknown: 20, unreadable: 0 },
            2 => Faults { full: 0, unknown: 60, unreadable: 0 },
            3 => Faults { full: 150, unknown: 5, unreadable: 0 },
            _ => Faults { full: 0, unknown: 5, unreadable: 25 },
        };
        let quality = Quality::draw(&mut random);
        let disk = Disk::new(disk, faults, planted, partitions);
        let mut world = Self {
            seed,
            random,
            now: Arc::new(AtomicI64::new(EPOCH_NS)),
            disk,
            segments: Segments::default(),
            process: None,
            zombie: None,
            late: Vec::new(),
            clients: Vec::new(),
            wishes: Wishes::new(people),
            voices: Voices::default(),
            namespace: Namespace::standard(),
            partitions,
            next: 0,
            planted,
            weather: Weather::default(),
            quality,
            news: 0,
            attempts: Attempts::default(),
            definitions: definitions.to_vec(),
            trace: seed,
            counts: Counts::default(),
            breaches: Vec::new(),
        };
        let count = 1 + world.random.below(3);
        for index in 0..count {
            let client = world.client(index, definitions);
            world.clients.push(client);
        }
        world
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    /// Returns how many things happen where one happens in a world with one partition.
    pub(super) fn pace(&self) -> u64 {
        if self.partitions == Partitions::ONE { 1 } else { PACE }
    }

    pub(super) fn wrong(&mut self, text: impl Into<String>) {
        self.breaches.push(text.into());
    }

    /// Lives through faults, then to the end of all runs, and judges.
    pub(super) fn live(&mut self) {
        let faulty = self.random.below(FAULTY_STEPS * self.pace());
        for _ in 0..faulty {
            self.step(true);
            if !self.breaches.is_empty() {
                return;
            }
        }
        self.heal();
        for step in 0.. {
            if step > STEPS_MAX {
                return self.wrong("the runs do not end");
            }
            if self.is_over() || !self.breaches.is_empty() {
                break;
            }
            if !self.step(false) {
                let open = self.describe();
                return self.wrong(format!("nothing is left to happen and a run is not over: {open}"));
            }
        }
        self.judge_end();
    }

    /// Lets one thing happen; false if nothing can.
    fn step(&mut self, is_faulty: bool) -> bool {
        self.counts.steps += 1;
        self.random.mark();
        self.weather.pass();
        match &mut self.process {
            None => {
                self.begin_process();
                return true;
            }
            Some(process) => {
                if process.network.pass(&mut self.random, &mut self.counts.traffic) {
                    self.reconnect();
                }
            }
        }
        self.people_act(is_faulty);
        if is_faulty && self.meddle() {
            return true;
        }
        let now = self.now();
        let process = self.process.as_mut().expect("it lives");
        let benches = process.loaded_benches();
        let is_writing = !benches.is_empty() && !self.weather.is_disk_slow();
        let works = !self.weather.is_worker_frozen();
        let routes = process.partitions.routes();
        let ended = process.hands.ended(now);
        // Each kind of thing that can happen, as often as it is likely; the first is what brings things on.
        let mut choices = vec![Choice::Write; usize::from(is_writing) * 4];
        choices.extend(vec![Choice::Hear; usize::from(process.network.reaches_partitions()) * 4]);
        choices.extend(vec![Choice::Read; usize::from(works && process.network.reaches_worker()) * 4]);
        choices.extend(vec![Choice::End; usize::from(works && !ended.is_empty()) * 3]);
        choices.extend(vec![Choice::Deliver; usize::from(!routes.is_empty()) * 5]);
        let is_quiet = choices.is_empty();
        if !is_faulty && is_quiet && self.news == 0 && self.answer_plainly() {
            self.ask_to_hear();
            self.news = 2 * u64::from(self.partitions.count());
            return true;
        }
        choices.extend(vec![Choice::Turn; 3]);
        match is_quiet && self.news == 0 {
            true => choices.insert(0, Choice::Pass),
            false if is_faulty || is_quiet => choices.push(Choice::Pass),
            false => {}
        }
        let choice = *self.random.one_of(&choices);
        self.trace = mix(self.trace, choice as u64);
        self.news = match choice {
            Choice::Turn => self.news.saturating_sub(1),
            Choice::Read | Choice::Hear | Choice::End | Choice::Write | Choice::Deliver | Choice::Pass => {
                u64::from(self.partitions.count())
            }
        };
        match choice {
            Choice::Turn => self.turn(),
            Choice::Read => self.read(),
            Choice::Hear => self.hear(),
            Choice::End => {
                let token = *self.random.one_of(&ended);
                self.end(token);
            }
            Choice::Write => self.random.one_of(&benches).work(&self.disk),
            Choice::Deliver => {
                let route = *self.random.one_of(&routes);
                self.deliver(route, is_faulty);
            }
            Choice::Pass => return self.pass(),
        }
        let wrong = self.disk.take_breaches();
        self.breaches.extend(wrong);
        true
    }

    /// Lets those outside begin runs, and ask for what they want.
    fn people_act(&mut self, is_faulty: bool) {
        self.open();
        if is_faulty {
            self.wish();
            self.speak();
        }
        self.ask();
    }

    /// Brings a letter of one partition to another, which it may reach twice while faults may happen.
    fn deliver(&mut self, route: (LogId, LogId), is_faulty: bool) {
        let again = is_faulty && self.random.permille(200);
        let Some(process) = &mut self.process else { return };
        process.partitions.deliver(route, again);
        self.counts.letters.0 += 1;
        self.counts.letters.1 += u64::from(again);
    }

    /// Draws one of the partitions; the simplest is the next one in turn.
    pub(super) fn draw_log(&mut self) -> LogId {
        let count = u64::from(self.partitions.count());
        let drawn = (self.next + self.random.below(count)) % count;
        self.next = (drawn + 1) % count;
        LogId(u32::try_from(drawn).expect("it is small"))
    }

    fn turn(&mut self) {
        let (log, now) = (self.draw_log(), self.now());
        let Some(process) = &mut self.process else { return };
        let (sleeps, before) = (process.partitions.sleeps(log, now), self.disk.commits());
        let handed_over = process.loaded_benches().len();
        let goes_on = process.partitions.turn(log);
        if sleeps && (self.disk.commits(), process.loaded_benches().len()) != (before, handed_over) {
            self.breaches.push(format!("partition {log} had something to do and would have slept"));
        }
        if !goes_on {
            // It ended by itself, such as after too many failures of the store: the process leaves.
            self.counts.gave_up += 1;
            self.trace = mix(self.trace, 99);
            self.crash();
        }
        self.trace = mix(self.trace, self.disk.commits());
    }

    /// Time passes: until the next thing is due. False if nothing ever is.
    fn pass(&mut self) -> bool {
        let Some(process) = &self.process else { return true };
        let now = self.now();
        let due = process.partitions.next_due().into_iter().chain(process.hands.next_end()).min();
        let next = match due {
            Some(due) if due > now => due,
            Some(_) => now.after(Length(1)),
            // A full disk is tried again after a while.
            None if self.random.permille(900) => now.after(Length(10)),
            None => {
                self.counts.idle += 1;
                now.after(Length(1_000))
            }
        };
        self.now.store(next.0, Ordering::Relaxed);
        self.counts.idle < 1_000
    }
}

/// A kind of thing that can happen.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Turn,
    Read,
    Hear,
    End,
    Write,
    Deliver,
    Pass,
}
