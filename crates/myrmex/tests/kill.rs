//! The kill harness: real runs are killed with -9 at random moments, resumed, killed again, and in the end nobody can
//! tell from their outcome that anything happened.
//!
//! Each cycle runs one workflow in a workspace of its own, kills it up to [`KILLS_PER_CYCLE_MAX`] times and lets it
//! finish. The judges are outside of the engine: a crash-free run of the same workflow (the oracle), the exported
//! events and the ledger that the tasks keep (`myrmex_testkit::history`), the lines that were printed before a kill,
//! and `/proc`.
//!
//! `MYRMEX_KILL_SEED` repeats the decisions of an earlier suite; with it, a failed cycle's own seed from the message
//! goes into `MYRMEX_KILL_CYCLE`. Moments of kills are drawn from the seed; what happens at them is up to the machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use myrmex_testkit::history::{Event, Expected, Export, Ledger, check, compare, contains_lines};
use serde_json::Value;
use support::{Ended, Live, PATIENCE, Random, Workspace, describe, marked, outcome, poll, say};

/// How many kills one run of the suite makes at least.
const KILLS_MIN: u64 = 400;

/// The most kills of one run before it may finish.
const KILLS_PER_CYCLE_MAX: u64 = 8;

/// When the suite gives up; the budget is four minutes.
const SUITE_MAX: Duration = Duration::from_mins(5);

/// In how many of 100 kills the moment lies before anything can be in flight: startup, recovery.
const STARTUP_PERCENT: u64 = 4;

/// In how many of 100 kills the whole process group is killed instead of the main process.
const GROUP_PERCENT: u64 = 25;

/// The share of [`KILLS_MIN`], in percent, that must hit a task in flight or a commit under way. As long as the kills hit
/// less often, they are aimed.
const LOADED_PERCENT_MIN: u64 = 90;

/// How many kills there are at most, if many hit nothing because the machine is slower than it was for the oracle.
const KILLS_MAX: u64 = 2 * KILLS_MIN;

/// How many kills must hit something.
const LOADED_MIN: u64 = KILLS_MIN * LOADED_PERCENT_MIN / 100;

/// After how many kills their share says something.
const KILLS_TELLING: u64 = 20;

/// Cycles at a time: they mostly wait for tasks that sleep.
const WORKERS: u64 = 3;

/// Places for tasks: more than the widest workflow needs at a time.
const SLOTS: &str = "4";

/// A workflow, and what is known of it.
struct Load {
    name: &'static str,
    text: &'static str,
    edges: &'static [(&'static str, &'static str)],
    attempts_max: &'static [(&'static str, u32)],
    kind: Kind,
}

/// What is done with a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is run.
    Plain,
    /// It is run, and calls this other one, of which only so many runs may have a place at a time.
    Calling(&'static str, &'static str),
    /// It is run until it has failed, mended, and then retried.
    Retried,
}

const LOADS: &[Load] = &[
    Load {
        name: "fan",
        text: include_str!("support/workflows/fan.yaml"),
        edges: &[
            ("seed", "one"),
            ("seed", "two"),
            ("seed", "three"),
            ("seed", "four"),
            ("one", "join"),
            ("two", "join"),
            ("three", "join"),
            ("four", "join"),
            ("join", "report"),
        ],
        attempts_max: &[],
        kind: Kind::Plain,
    },
    Load {
        name: "chain",
        text: include_str!("support/workflows/chain.yaml"),
        edges: &[("first", "second"), ("second", "third"), ("third", "fourth"), ("fourth", "fifth")],
        attempts_max: &[],
        kind: Kind::Plain,
    },
    Load {
        name: "loop",
        text: include_str!("support/workflows/loop.yaml"),
        edges: &[("begin", "work"), ("work", "add"), ("add", "again"), ("again#6", "finish")],
        attempts_max: &[],
        kind: Kind::Plain,
    },
    Load {
        name: "items",
        text: include_str!("support/workflows/items.yaml"),
        edges: &[("each", "join"), ("each[0]", "join"), ("each[7]", "join"), ("join", "last")],
        attempts_max: &[("each", 3)],
        kind: Kind::Plain,
    },
    Load {
        name: "nested",
        text: include_str!("support/workflows/nested.yaml"),
        edges: &[
            ("outer/begin", "outer/inner"),
            ("outer/inner/left", "outer/inner/both"),
            ("outer/inner/right", "outer/inner/both"),
            ("outer/inner", "outer/after"),
            ("blocks[1]/make", "blocks[1]/use"),
            ("outer", "finish"),
            ("blocks", "finish"),
        ],
        attempts_max: &[],
        kind: Kind::Plain,
    },
    Load {
        name: "waits",
        text: include_str!("support/workflows/waits.yaml"),
        edges: &[("short", "slow"), ("nap", "rescue")],
        attempts_max: &[("stubborn", 3)],
        kind: Kind::Plain,
    },
    Load {
        name: "handlers",
        text: include_str!("support/workflows/handlers.yaml"),
        edges: &[
            ("guarded/prepare", "guarded/break"),
            ("guarded", "last"),
            ("poll", "last"),
            ("block", "last"),
            ("guarded/catch-2", "guarded/finally"),
        ],
        attempts_max: &[("block", 2)],
        kind: Kind::Plain,
    },
    Load {
        name: "cached",
        text: include_str!("support/workflows/cached.yaml"),
        edges: &[("begin", "work"), ("work", "read"), ("read", "add"), ("again#6", "finish")],
        attempts_max: &[],
        kind: Kind::Plain,
    },
    Load {
        name: "daemons",
        text: include_str!("support/workflows/daemons.yaml"),
        edges: &[("storm", "stuck"), ("keeper", "after")],
        attempts_max: &[],
        kind: Kind::Plain,
    },
    Load {
        name: "queue",
        text: include_str!("support/workflows/queue.yaml"),
        edges: &[("begin", "each"), ("each[0]", "last"), ("each[3]", "last"), ("each", "last")],
        attempts_max: &[],
        kind: Kind::Calling("queued.yaml", include_str!("support/workflows/queued.yaml")),
    },
    Load {
        name: "retried",
        text: include_str!("support/workflows/retried.yaml"),
        edges: &[("begin", "each"), ("each", "join"), ("each[5]", "join"), ("join", "last")],
        attempts_max: &[],
        kind: Kind::Retried,
    },
];

/// What a run of a workflow gives if nobody disturbs it, and how long that takes.
struct Oracle {
    outcome: Value,
    /// Until the first event is acknowledged.
    startup: Duration,
    whole: Duration,
}

/// What the suite did.
#[derive(Default)]
struct Figures {
    cycles: AtomicU64,
    kills: AtomicU64,
    group_kills: AtomicU64,
    loaded: AtomicU64,
    in_flight: AtomicU64,
    commits: AtomicU64,
    acknowledged: AtomicU64,
    lost: AtomicU64,
    processes: AtomicU64,
}

#[test]
fn runs_that_are_killed_end_as_if_nothing_had_happened() {
    let began = Instant::now();
    let seed = number_from("MYRMEX_KILL_SEED").unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| u64::from(since.subsec_nanos()))
    });
    say(&format!("kill: MYRMEX_KILL_SEED={seed}"));
    let oracles: Vec<Oracle> = LOADS.iter().map(run_undisturbed).collect();
    let figures = Figures::default();
    if let Some(cycle) = number_from("MYRMEX_KILL_CYCLE") {
        run_cycle(cycle, &oracles, &figures).unwrap_or_else(|wrong| panic!("{wrong}"));
        return;
    }
    let (next, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while !figures.are_enough()
                    && !has_failed.load(Ordering::Relaxed)
                    && began.elapsed() < SUITE_MAX
                {
                    let cycle = seed.wrapping_add(next.fetch_add(1, Ordering::Relaxed));
                    if let Err(message) = run_cycle(cycle, &oracles, &figures) {
                        has_failed.store(true, Ordering::Relaxed);
                        wrong.lock().unwrap().push(message);
                    }
                }
            });
        }
    });
    figures.report(seed, began.elapsed());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    figures.assert_real();
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Runs a workflow twice without a kill: for the oracle and the time it takes. Both must agree.
fn run_undisturbed(load: &Load) -> Oracle {
    let run = || {
        let workspace = load.workspace();
        let words = load.prepare(&workspace);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let began = Instant::now();
        let mut live = Live::start(workspace.myrmex(&words), &format!("oracle-{}", load.name));
        assert!(poll(PATIENCE, || live.has_printed() || live.is_over()));
        let startup = began.elapsed();
        let ended = live.wait();
        let summary = ended.summary().unwrap_or_else(|| panic!("{}: {}", load.name, ended.errors));
        let export = workspace.export().unwrap();
        let breaches = check(&export, &workspace.ledger(), &load.expected(true));
        assert!(breaches.is_empty(), "{} without a kill:\n{}", load.name, describe(&breaches));
        load.judge_places(&export).unwrap_or_else(|wrong| panic!("{} without a kill: {wrong}", load.name));
        Oracle { outcome: outcome(&summary), startup, whole: began.elapsed() }
    };
    let (first, second) = (run(), run());
    assert_eq!(first.outcome, second.outcome, "{} gives the same every time", load.name);
    if first.whole < second.whole { first } else { second }
}

fn run_words() -> [&'static str; 7] {
    ["run", "load.yaml", "--key", "cycle", "--json", "--slots", SLOTS]
}

impl Load {
    fn expected(&self, is_over: bool) -> Expected {
        let edges = self.edges.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        let attempts_max = self.attempts_max.iter().map(|(task, max)| ((*task).to_owned(), *max)).collect();
        Expected { edges, attempts_max, is_over, keeps_ledger: true, ..Expected::default() }
    }

    fn workspace(&self) -> Workspace {
        let workspace = Workspace::new().with_file("load.yaml", self.text);
        match self.kind {
            Kind::Calling(name, text) => workspace.with_file(name, text),
            Kind::Plain | Kind::Retried => workspace,
        }
    }

    /// Does what comes before the first kill, and returns the words of the command that is killed.
    fn prepare(&self, workspace: &Workspace) -> Vec<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        if self.kind != Kind::Retried {
            return owned(&run_words());
        }
        let failed = Live::start(workspace.myrmex(&run_words()), "prepare").wait();
        assert_eq!(failed.status.code(), Some(1), "{}", failed.errors);
        std::fs::write(workspace.path("mended"), "").unwrap();
        let run = workspace.export().unwrap().events[0].run.clone();
        owned(&["runs", "retry", &run, "--json", "--slots", SLOTS])
    }

    /// Judges who had a place when: one run at a time, each once, and nobody works who has none.
    fn judge_places(&self, export: &Export) -> Result<(), String> {
        let (mut queued, mut admitted, mut placed) = (HashSet::new(), HashSet::new(), None);
        // The runs are in several logs; which of their events came first is told by the clock.
        let mut events: Vec<_> = export.events.iter().collect();
        events.sort_by_cached_key(|event| {
            let line: Value = serde_json::from_str(&event.line).unwrap();
            line["at"].as_str().unwrap().to_owned()
        });
        for event in events {
            let run = event.run.as_str();
            match event.kind.as_str() {
                "run.queued" => {
                    queued.insert(run);
                }
                "run.admitted" if placed.is_some() || !admitted.insert(run) => {
                    return Err(format!("run {run} is admitted while {placed:?} has the place, or again"));
                }
                "run.admitted" => placed = Some(run),
                "run.ended" if placed == Some(run) => placed = None,
                "attempt.granted" if queued.contains(run) && placed != Some(run) => {
                    return Err(format!("run {run} works, and {placed:?} has the place"));
                }
                _ => {}
            }
        }
        let is_calling = matches!(self.kind, Kind::Calling(..));
        if is_calling && queued.is_empty() && export.events.iter().any(|event| event.kind == "run.ended") {
            return Err("nobody waited for a place".to_owned());
        }
        Ok(())
    }

    /// Judges what a retry leaves beside its run: one run that was retried, one retry, and files of no other.
    fn judge_retry(&self, workspace: &Workspace, export: &Export) -> Result<(), String> {
        if self.kind != Kind::Retried {
            return Ok(());
        }
        let runs: BTreeSet<&str> = export.events.iter().map(|event| event.run.as_str()).collect();
        if runs.len() != 2 {
            return Err(format!("there are the runs {runs:?}"));
        }
        let folders = std::fs::read_dir(workspace.data().join("blobs/default")).unwrap().flatten();
        let names = folders.map(|folder| folder.file_name().into_string().unwrap());
        let strangers: Vec<String> = names.filter(|name| !runs.contains(name.as_str())).collect();
        if strangers.is_empty() { Ok(()) } else { Err(format!("there are files of {strangers:?}")) }
    }
}

/// One workflow from its start over its kills to its end.
struct Cycle<'a> {
    load: &'a Load,
    oracle: &'a Oracle,
    figures: &'a Figures,
    seed: u64,
    random: Random,
    workspace: Workspace,
    /// The words of the command that begins it.
    words: Vec<String>,
    /// The runs that were there before it.
    before: BTreeSet<String>,
    /// The store after the last kill.
    export: Export,
    /// Marks of killed processes that were not yet looked for.
    marks: Vec<String>,
}

fn run_cycle(seed: u64, oracles: &[Oracle], figures: &Figures) -> Result<(), String> {
    let mut random = Random::new(seed);
    let index = usize::try_from(random.below(LOADS.len() as u64)).unwrap();
    let load = &LOADS[index];
    let mut cycle = Cycle { random, ..Cycle::new(load, &oracles[index], figures, seed) };
    let ran = cycle.run();
    figures.cycles.fetch_add(1, Ordering::Relaxed);
    ran.map_err(|wrong| {
        let folder = cycle.workspace.keep();
        format!("MYRMEX_KILL_CYCLE={seed} ({}), files in {}: {wrong}", load.name, folder.display())
    })
}

impl<'a> Cycle<'a> {
    fn new(load: &'a Load, oracle: &'a Oracle, figures: &'a Figures, seed: u64) -> Self {
        let workspace = load.workspace();
        let words = load.prepare(&workspace);
        let export = workspace.export().unwrap();
        let before = export.events.iter().map(|event| event.run.clone()).collect();
        let (random, marks) = (Random::new(seed), Vec::new());
        Self { load, oracle, figures, seed, random, workspace, words, before, export, marks }
    }

    fn run(&mut self) -> Result<(), String> {
        let kills = 1 + self.random.below(KILLS_PER_CYCLE_MAX);
        for _ in 0..kills {
            if let Some(ended) = self.kill_once()? {
                return self.judge(&ended);
            }
        }
        let live = self.start();
        let ended = self.watch(live, PATIENCE)?.wait();
        self.judge(&ended)
    }

    /// Starts the run, or goes on with it in one of the two ways there are. A retry that began has one only: asked for
    /// again it is another.
    fn start(&mut self) -> Live {
        let own = self.export.events.iter().find(|event| !self.before.contains(&event.run));
        let run = own.map(|event| event.run.clone());
        let is_retried = self.load.kind == Kind::Retried;
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let command = match run.filter(|_| is_retried || self.random.chance(60)) {
            Some(run) => self.workspace.myrmex(&["runs", "resume", &run, "--json", "--slots", SLOTS]),
            None => self.workspace.myrmex(&words),
        };
        Live::start(command, &self.mark())
    }

    /// Returns the mark of the process that is started next.
    fn mark(&self) -> String {
        format!("{}-{}-{}", std::process::id(), self.seed, self.marks.len())
    }

    /// Starts, waits for the moment, kills, and looks at what is left. Returns the end if the run was faster.
    fn kill_once(&mut self) -> Result<Option<Ended>, String> {
        let (startup, whole) = (self.oracle.startup, self.oracle.whole);
        let is_aimed = self.figures.hit_too_little();
        let delay = if is_aimed {
            self.random.between(Duration::ZERO, whole.saturating_sub(startup) / 2)
        } else if self.random.chance(STARTUP_PERCENT) {
            self.random.between(Duration::ZERO, startup)
        } else {
            self.random.between(startup + startup / 2, whole.mul_f64(0.95))
        };
        let is_group = self.random.chance(GROUP_PERCENT);
        let mark = self.mark();
        let mut live = self.start();
        if is_aimed {
            // From the first event on something is in flight, however long the start took.
            poll(PATIENCE, || live.has_printed() || live.is_over());
        }
        let mut live = self.watch(live, delay)?;
        if is_group {
            live.kill_group();
        } else {
            live.kill();
        }
        let ended = live.finish();
        if !ended.was_killed() {
            return Ok(Some(ended));
        }
        self.marks.push(mark);
        self.figures.kills.fetch_add(1, Ordering::Relaxed);
        self.figures.group_kills.fetch_add(u64::from(is_group), Ordering::Relaxed);
        self.look_at_remains(&ended)?;
        Ok(None)
    }

    /// Lets the process work for `time`. As soon as it shows that it holds the store, nothing of the killed ones may
    /// be alive.
    ///
    /// A process that prints need not hold the store: the end of a run that is over is only read, while what a killed
    /// process left may still be dying, with the lock. Such a process ends at once, and [`Self::judge`] looks then.
    fn watch(&mut self, mut live: Live, time: Duration) -> Result<Live, String> {
        let mut is_judged = false;
        let mut survivors = Vec::new();
        poll(time, || {
            let is_over = live.is_over();
            if !is_judged && (live.has_printed() || is_over) && self.workspace.holder() == Some(live.pid()) {
                is_judged = true;
                survivors = self.survivors();
            }
            is_over
        });
        if survivors.is_empty() { Ok(live) } else { Err(format!("processes survived: {survivors:#?}")) }
    }

    /// Returns what is alive of the killed processes.
    fn survivors(&self) -> Vec<String> {
        self.marks.iter().flat_map(|mark| marked(mark)).collect()
    }

    /// Waits until nobody holds the store. Whoever is alive then has survived: the next owner might be at work beside
    /// it, so there is no patience with that one.
    fn judge_survivors(&self) -> Result<(), String> {
        if !poll(PATIENCE, || self.workspace.is_free()) {
            return Err(format!("the store is still held, maybe by {:#?}", self.survivors()));
        }
        let survivors = self.survivors();
        if survivors.is_empty() {
            Ok(())
        } else {
            Err(format!("processes survived the lock: {survivors:#?}"))
        }
    }

    /// Judges the store right after a kill, before anybody else has written to it.
    fn look_at_remains(&mut self, ended: &Ended) -> Result<(), String> {
        let export = self.workspace.export()?;
        let mut breaches = compare(&self.export, &export);
        breaches.extend(contains_lines(&export, ended.acknowledged()));
        breaches.extend(check(
            &export,
            &Ledger::default(),
            &Expected { keeps_ledger: false, ..self.load.expected(false) },
        ));
        if !breaches.is_empty() {
            return Err(format!("after a kill:\n{}", describe(&breaches)));
        }
        self.load.judge_places(&export)?;
        let acknowledged = ended.acknowledged().count();
        let is_in_flight = has_open_attempt(&export, self.export.boot());
        let is_committing = export.events.len() > self.export.events.len() + acknowledged;
        let figures = self.figures;
        figures.in_flight.fetch_add(u64::from(is_in_flight), Ordering::Relaxed);
        figures.loaded.fetch_add(u64::from(is_in_flight || is_committing), Ordering::Relaxed);
        figures.acknowledged.fetch_add(acknowledged as u64, Ordering::Relaxed);
        self.export = export;
        Ok(())
    }

    /// Judges a run that is over.
    fn judge(&self, ended: &Ended) -> Result<(), String> {
        self.judge_survivors()?;
        let errors = &ended.errors;
        let summary = ended.summary().ok_or_else(|| format!("no summary, {}: {errors}", ended.status))?;
        let found = outcome(&summary);
        if found != self.oracle.outcome {
            return Err(format!("another outcome: {found:#}\nthan without kills: {:#}", self.oracle.outcome));
        }
        let (export, ledger) = (self.workspace.export()?, self.workspace.ledger());
        let mut breaches = compare(&self.export, &export);
        breaches.extend(contains_lines(&export, ended.acknowledged()));
        breaches.extend(check(&export, &ledger, &self.load.expected(true)));
        if !breaches.is_empty() {
            return Err(format!("at the end:\n{}", describe(&breaches)));
        }
        self.load.judge_places(&export)?;
        self.load.judge_retry(&self.workspace, &export)?;
        let mark = self.mark();
        if !poll(PATIENCE, || marked(&mark).is_empty()) {
            return Err(format!("processes survived the end: {:#?}", marked(&mark)));
        }
        let figures = self.figures;
        let lost = export.events.iter().filter(|event| event.end() == Some("lost")).count();
        figures.lost.fetch_add(lost as u64, Ordering::Relaxed);
        figures.commits.fetch_add(export.heads.len() as u64, Ordering::Relaxed);
        figures.acknowledged.fetch_add(ended.acknowledged().count() as u64, Ordering::Relaxed);
        figures.processes.fetch_add(ledger.entries.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Returns whether an attempt was at work that the killed process itself had granted: its boot is above `before`.
fn has_open_attempt(export: &Export, before: u64) -> bool {
    let own = |event: &&Event| event.boot > before;
    let count = |kind: &str| export.events.iter().filter(own).filter(|event| event.kind == kind).count();
    let grants = export.events.iter().filter(own).filter(|event| event.kind == "attempt.granted");
    let ended: HashSet<_> =
        export.events.iter().filter(|event| event.kind == "attempt.ended").map(|event| event.token).collect();
    count("attempt.granted") > 0 && grants.into_iter().any(|grant| !ended.contains(&grant.token))
}

impl Figures {
    fn report(&self, seed: u64, took: Duration) {
        let get = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        say(&format!(
            "kill: {} kills with -9 ({} of whole groups) in {} cycles, {} with a task in flight, {} with that or a \
             commit under way; {} commits, {} attempts lost and repeated, {} acknowledged events all kept, {} ledger \
             lines; {:.1} s, MYRMEX_KILL_SEED={seed}",
            get(&self.kills),
            get(&self.group_kills),
            get(&self.cycles),
            get(&self.in_flight),
            get(&self.loaded),
            get(&self.commits),
            get(&self.lost),
            get(&self.acknowledged),
            get(&self.processes),
            took.as_secs_f64(),
        ));
    }

    fn counts(&self) -> (u64, u64) {
        (self.kills.load(Ordering::Relaxed), self.loaded.load(Ordering::Relaxed))
    }

    /// Returns whether the kills so far hit something less often than they must in the end.
    fn hit_too_little(&self) -> bool {
        let (kills, loaded) = self.counts();
        kills >= KILLS_TELLING && loaded * 100 < kills * LOADED_PERCENT_MIN
    }

    fn are_enough(&self) -> bool {
        let (kills, loaded) = self.counts();
        kills >= KILLS_MAX || (kills >= KILLS_MIN && loaded >= LOADED_MIN)
    }

    /// A suite that hits nothing proves nothing.
    fn assert_real(&self) {
        let (kills, loaded) = self.counts();
        assert!(kills >= KILLS_MIN, "{kills} kills in the time there is");
        assert!(loaded >= LOADED_MIN, "only {loaded} of {kills} kills hit anything; {LOADED_MIN} must");
    }
}

#[test]
fn whoever_survives_is_caught_and_whoever_dies_with_the_lock_is_waited_for() {
    let load = LOADS.iter().find(|load| load.name == "chain").unwrap();
    let (oracle, figures) = (run_undisturbed(load), Figures::default());
    let mut cycle = Cycle::new(load, &oracle, &figures, 0);
    let plant = |cycle: &mut Cycle<'_>, seconds: &str, lock: Stdio| {
        let mut command = Command::new("sleep");
        command.arg(seconds).stdin(lock);
        let mark = format!("planted-{}", cycle.mark());
        cycle.marks.push(mark.clone());
        let live = Live::start(command, &mark);
        assert!(poll(PATIENCE, || !marked(&mark).is_empty()));
        live
    };

    let survivor = plant(&mut cycle, "1000", Stdio::null());
    let holding = cycle.start();
    let caught = cycle.watch(holding, PATIENCE).err().unwrap();
    assert!(caught.contains("processes survived"), "while another holds the store: {caught}");
    drop(survivor);
    cycle.marks.clear();
    let ended = cycle.start().wait();
    cycle.judge(&ended).unwrap();

    // The run is over: what follows prints its end without the store.
    let lock = File::open(cycle.workspace.lock()).unwrap();
    lock.try_lock().unwrap();
    let mut dying = plant(&mut cycle, "0.5", lock.into());
    let run = cycle.workspace.export().unwrap().events[0].run.clone();
    let reading = Live::start(cycle.workspace.myrmex(&["runs", "resume", &run, "--json"]), &cycle.mark());
    let ended = cycle.watch(reading, PATIENCE).unwrap().wait();
    assert!(!dying.is_over(), "the end was read while the store was held");
    cycle.judge(&ended).unwrap();

    let survivor = plant(&mut cycle, "1000", Stdio::null());
    let caught = cycle.judge(&ended).unwrap_err();
    assert!(caught.contains("processes survived the lock"), "after the end: {caught}");
    drop(survivor);
}

#[test]
fn kills_that_hit_nothing_are_aimed_and_are_not_enough() {
    let figures = |kills, loaded| {
        let figures = Figures::default();
        figures.kills.store(kills, Ordering::Relaxed);
        figures.loaded.store(loaded, Ordering::Relaxed);
        figures
    };
    assert!(!figures(KILLS_TELLING, KILLS_TELLING).hit_too_little());
    assert!(figures(KILLS_TELLING, 0).hit_too_little());
    assert!(figures(KILLS_MIN, LOADED_MIN).are_enough());
    assert!(!figures(KILLS_MIN, LOADED_MIN - 1).are_enough());
    let never = figures(KILLS_MAX, LOADED_MIN - 1);
    assert!(never.are_enough(), "there is an end");
    assert!(std::panic::catch_unwind(|| never.assert_real()).is_err(), "which is a failure");
}

#[test]
fn a_second_process_is_told_who_holds_the_store() {
    let load = LOADS.iter().find(|load| load.name == "chain").unwrap();
    let workspace = Workspace::new().with_file("load.yaml", load.text);
    let mut first = Live::start(workspace.myrmex(&run_words()), "first");
    assert!(poll(PATIENCE, || first.has_printed() || first.is_over()));
    let run = workspace.export().unwrap().events[0].run.clone();
    for words in [&run_words()[..], &["runs", "resume", &run], &["runs", "cancel", &run]] {
        let second = workspace.myrmex(words).output().unwrap();
        let errors = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(second.status.code(), Some(7), "{words:?}: {errors}");
        assert!(errors.contains(&format!("process {} ", first.pid())), "{words:?}: {errors}");
    }
    assert!(!first.is_over(), "the holder is still at work, so the second was refused at once");
    let ended = first.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let third = workspace.myrmex(&run_words()).output().unwrap();
    assert_eq!(third.status.code(), Some(0), "the store is free again");
}

/// How often the commands are killed that give one answer, before it may be given.
const ANSWER_KILLS: u64 = 3;

/// The latest moment at which a command that gives an answer is killed: it mostly ends before.
const ANSWER_KILLED_WITHIN: Duration = Duration::from_millis(150);

#[test]
fn an_answer_whose_command_is_killed_is_recorded_once() {
    let text = "workflow: w\ntasks:\n  go: {approval: {ask: 'Ship?', count: 3}}\n  after: {needs: go, run: echo after, timeout: 1m}\n";
    let seed = number_from("MYRMEX_KILL_SEED").unwrap_or(1);
    let mut random = Random::new(seed);
    for cycle in 0..6 {
        let workspace = Workspace::new().with_file("w.yaml", text);
        let mark = format!("answer-{cycle}");
        let live = |words: &[&str]| Live::start(workspace.myrmex(words), &mark);
        let begun = live(&["run", "w.yaml", "--no-wait", "--json"]).wait();
        assert_eq!(begun.status.code(), Some(3), "{}", begun.errors);
        let run = begun.summary().unwrap()["run"].as_str().unwrap().to_owned();
        let go = format!("{run}/go");
        let mut last = None;
        for by in ["ana", "bob", "cid"] {
            let words = ["approve", &go, "--by", by, "--id", by, "--json"];
            for _ in 0..ANSWER_KILLS {
                let mut killed = live(&words);
                poll(random.between(Duration::ZERO, ANSWER_KILLED_WITHIN), || killed.is_over());
                killed.kill();
                drop(killed.wait());
            }
            // Whoever heard nothing says it again, under the same id.
            last = Some(live(&words).wait());
        }
        let last = last.unwrap();
        assert_eq!(last.status.code(), Some(0), "seed {seed}, cycle {cycle}: {}", last.errors);
        let events = workspace.myrmex(&["events", "--run", &run]).output().unwrap();
        let events = String::from_utf8(events.stdout).unwrap();
        let answered: Vec<&str> = events.lines().filter(|line| line.contains("task.answered")).collect();
        assert_eq!(answered.len(), 3, "seed {seed}, cycle {cycle}: {answered:?}");
        assert!(marked(&mark).is_empty(), "nothing is left of the commands");
    }
}
