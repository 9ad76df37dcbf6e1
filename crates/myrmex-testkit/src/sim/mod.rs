//! A deterministic simulator: partitions, one or four, with their worker, store, clock and users in one thread, where a seed decides
//! what happens next.
//!
//! It drives the very loop that the product runs ([`myrmex_runtime::partition::Stepper`]) with workflows that are drawn
//! at random and pass the product's own checker. While faults may happen, the process dies, commits fail or are lost,
//! the disk is full, the clock jumps, people cancel. Then faults stop, and every run must end. What is judged is what is
//! durable. A seed gives the same history on every machine; [`Outcome::trace`] tells two histories apart.

mod attempts;
mod cache;
mod case;
mod coverage;
mod disk;
mod ending;
mod faults;
mod judge;
mod laws;
mod network;
mod order;
mod people;
mod planted;
mod process;
mod project;
mod random;
mod reading;
mod segments;
mod shrink;
mod skips;
mod soak;
mod voices;
mod worker;
mod workflow;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use myrmex_lang::{Beside, Source, check_with};
use myrmex_model::diagnostic::Severity;
use myrmex_model::ir::Definition;

pub use case::Case;
pub use coverage::CONSTRUCTS;
pub use disk::Trouble;
pub use network::Traffic;
pub use planted::Planted;
pub use random::Choices;
use random::{Random, mix};
pub use shrink::shrink;
pub use skips::Skips;
pub use soak::{Soaked, TWICE_EVERY, Tell, soak};
pub use voices::VoiceCounts;
use world::World;

/// Who cancels runs in a simulation.
pub(crate) const CANCELLER: &str = "somebody";

/// The most workflows that are drawn for one seed before the simulator gives up.
const DRAWS_MAX: u64 = 50;

/// What a simulation was made of: without load its verdict would mean nothing.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Things that happened.
    pub steps: u64,
    /// Processes that were started.
    pub processes: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Those that died with an attempt under way, or a report of one that was not known to be durable.
    pub crashes_under_load: u64,
    /// Processes that ended because the store failed too often.
    pub gave_up: u64,
    /// Batches in which a partition took messages, and those in which it took messages of itself.
    pub messages: (u64, u64),
    /// Letters that arrived, and those of them that arrive again.
    pub letters: (u64, u64),
    /// Turns of processes that were taken for dead.
    pub zombie_turns: u64,
    /// Those that died before they had taken up what they found.
    pub crashes_in_recovery: u64,
    /// What the disk did.
    pub disk: Trouble,
    /// Times in which no commit came to its end.
    pub slow_disks: u64,
    /// Times in which the worker stood still.
    pub frozen_workers: u64,
    /// Those that died before they had asked for anything.
    pub crashes_in_opening: u64,
    /// Processes that took up a few runs first, and the others later.
    pub left_alone: u64,
    /// What the network did between partitions and their worker.
    pub traffic: Traffic,
    /// Reports that came back after they were heard.
    pub echoes: u64,
    /// Successes that were taken over.
    pub taken_over: u64,
    /// Runs that were retried.
    pub retries: u64,
    /// What came of requests that tasks be skipped.
    pub skips: Skips,
    /// What came of what people said to runs.
    pub voices: VoiceCounts,
    /// Jumps of the wall clock.
    pub clock_jumps: u64,
    /// Attempts that began.
    pub attempts: u64,
    /// Events in the journals.
    pub events: u64,
    /// Snapshots that were taken.
    pub snapshots: u64,
    /// Runs that left memory while they waited.
    pub naps: u64,
    /// Those that came back because something was about them.
    pub wakes: u64,
    /// How often time passed with nothing due.
    pub idle: u64,
    /// How the runs ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// The kinds of events that occurred.
    pub kinds: BTreeSet<&'static str>,
}

/// What came of one seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// A hash of everything that happened.
    pub trace: u64,
    /// What it was made of.
    pub counts: Counts,
    /// What did not hold; none if all is well.
    pub breaches: Vec<String>,
    /// The first thousand records of the log, if something did not hold.
    pub history: Vec<String>,
    /// What it was: the same happens whenever it is played again.
    pub case: Case,
}

/// Where the choices of a simulation come from.
struct Tapes {
    world: Random,
    disk: Random,
    /// What people want to be skipped.
    people: Random,
}

/// Simulates one seed, with a planted bug or none.
///
/// Needs a stack of `myrmex_expr::STACK_BYTES`, as every checker does.
///
/// # Panics
///
/// Panics if no workflow that is drawn passes the checker: a defect of the generator.
pub fn simulate(seed: u64, planted: Option<Planted>) -> Outcome {
    let (workflows, definitions) = (0..DRAWS_MAX)
        .find_map(|draw| {
            let files = workflow::draw(&mut Random::new(mix(mix(seed, 3), draw)));
            compile(&files).ok().map(|definitions| (files, definitions))
        })
        .expect("most workflows that are drawn are good");
    let tape = |number| Random::new(mix(seed, number));
    let tapes = Tapes { world: tape(1), disk: tape(2), people: tape(5) };
    live((seed, planted), workflows, &definitions, tapes)
}

/// Simulates a case once more; nothing if its workflows do not pass the checker.
///
/// Needs a stack of `myrmex_expr::STACK_BYTES`.
pub fn replay(case: &Case) -> Option<Outcome> {
    let definitions = compile(&case.workflows).ok()?;
    let [world, disk, people] = [&case.world, &case.disk, &case.people].map(Random::replaying);
    let tapes = Tapes { world, disk, people };
    Some(live((case.seed, case.planted), case.workflows.clone(), &definitions, tapes))
}

fn live(
    (seed, planted): (u64, Option<Planted>),
    workflows: Vec<String>,
    definitions: &[Definition],
    tapes: Tapes,
) -> Outcome {
    let mut world = World::new(seed, definitions, tapes, planted);
    world.live();
    let history = if world.breaches.is_empty() { Vec::new() } else { world.history() };
    let World { trace, counts, breaches, random, disk, wishes, .. } = world;
    let (world, disk, people) = (random.taken(), disk.taken(), wishes.random.taken());
    let case = Case { seed, planted, workflows, world, disk, people };
    Outcome { seed, trace, counts, breaches, history, case }
}

/// Checks files as the product does: the first is the entry.
fn compile(files: &[String]) -> Result<Vec<Definition>, String> {
    let source = |(index, text): (usize, &String)| Source::new(format!("{index}.json"), text.as_str());
    let mut sources = files.iter().enumerate().map(source);
    let entry = sources.next().ok_or("there is no file")?;
    let beside = Beside { workflows: sources.collect(), ..Beside::default() };
    let checked = check_with(&entry, &beside);
    let errors: Vec<String> = checked
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| format!("{}: {}", found.code, found.message))
        .collect();
    match checked.definition {
        Some(definition) => Ok(std::iter::once(definition).chain(checked.closure.into_values()).collect()),
        None => Err(errors.join("; ")),
    }
}

#[cfg(test)]
mod tests;
