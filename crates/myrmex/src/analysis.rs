//! Where the time of runs went: which tasks decided when they ended, what waited for what, what was tried again.
//!
//! Pure: timelines and definitions in, sums out. What is said about them in words is `render/analyzed.rs`.

use std::collections::BTreeMap;

use myrmex_engine::history::{Ending, Lack, Task, Timeline, Wait, covered, shared_path, waits};
use myrmex_model::address::Address;
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::time::{Length, Timestamp};

use crate::places::Places;
use crate::render::graph::critical::{Step, recorded_steps};
use crate::render::graph::model::Drawing;

/// Sums over the runs that were added.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// How many runs.
    pub runs: usize,
    /// How long they took, together.
    pub wall: Length,
    /// The tasks by their paths without the keys of items.
    pub tasks: BTreeMap<String, TaskTime>,
    /// What decided when the runs ended, in the order in which it first did.
    pub critical: Vec<Link>,
    /// What was waited for.
    pub lacks: BTreeMap<Lack, Lacking>,
    /// How much there is of each pool that was waited for.
    pub capacities: BTreeMap<Name, u32>,
}

/// The time of one task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskTime {
    /// How often it was carried out to its end.
    pub count: usize,
    /// How long that took, together.
    pub took: Length,
    /// How long it took at most.
    pub longest: Length,
    /// All attempts.
    pub attempts: usize,
    /// The attempts after the first.
    pub retries: usize,
    /// How long attempts of work took that did not succeed, together.
    pub lost: Length,
    /// How long it was ready and waited, by what for.
    pub waited: BTreeMap<Lack, Length>,
    /// How long it was not ready since what is around it began, by the task before it that ended last.
    pub held_back: BTreeMap<String, Length>,
}

/// A task on the chain that decided when the runs ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its path as a drawing has it: without items.
    pub path: String,
    /// How long it was carried out there; of a block, without what is inside of it.
    pub took: Length,
    /// How long nothing on the chain was carried out before it began.
    pub waited: Length,
    /// How long it, or one of its items at least, was ready and waited, by what for.
    pub lacked: BTreeMap<Lack, Length>,
    /// How much of `took` items of it waited or attempts took that did not succeed: what making it faster does not change.
    pub beside: Length,
    /// How long attempts took that did not succeed; at most `took`.
    pub lost: Length,
}

/// What waiting for one thing came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacking {
    /// How many waits there were.
    pub waits: usize,
    /// How long they lasted, together.
    pub waited: Length,
    /// How long at least one was under way.
    pub covered: Length,
}

impl Link {
    /// Returns what it adds to the length of the runs.
    pub fn total(&self) -> Length {
        Length(self.took.0 + self.waited.0)
    }

    /// Returns how long it was carried out, without waiting and without what failed.
    pub fn work(&self) -> Length {
        Length(self.took.0.saturating_sub(self.beside.0))
    }

    /// Adds what it was in another run.
    fn add(&mut self, other: Self) {
        self.took.0 += other.took.0;
        self.waited.0 += other.waited.0;
        self.beside.0 += other.beside.0;
        self.lost.0 += other.lost.0;
        for (lack, length) in other.lacked {
            self.lacked.entry(lack).or_default().0 += length.0;
        }
    }
}

impl TaskTime {
    /// Returns how long it was ready and waited.
    pub fn waited_in_all(&self) -> Length {
        Length(self.waited.values().map(|length| length.0).sum())
    }

    /// Returns how long it was not ready.
    pub fn held_back_in_all(&self) -> Length {
        Length(self.held_back.values().map(|length| length.0).sum())
    }
}

impl Analysis {
    /// Returns a length as a share of the time of all runs, in whole percent.
    pub fn percent(&self, length: Length) -> u64 {
        (length.0 * 100).checked_div(self.wall.0).unwrap_or(0).min(100)
    }

    /// Adds a run, which followed `definition`. `capacities` says how much there is of each pool.
    pub fn add(&mut self, timeline: &Timeline, definition: &Definition, capacities: &BTreeMap<Name, u32>) {
        self.runs += 1;
        self.wall.0 += timeline.wall().0;
        let place = Places::of(definition);
        for task in timeline.tasks() {
            self.add_task(task);
        }
        let asks = |address: &Address| {
            let node = place.node(&shared_path(address))?;
            definition.node(node).policy.asks.as_deref().cloned()
        };
        let waits = waits(timeline, &asks, capacities);
        self.add_waits(timeline, &waits);
        for wait in self.lacks.keys() {
            if let Lack::Pool(pool) = wait
                && let Some(units) = capacities.get(pool)
            {
                self.capacities.insert(pool.clone(), *units);
            }
        }
        let instances = place.instances(timeline);
        let Drawing { shapes, arrows, .. } = &place.drawing;
        let steps = recorded_steps(shapes, arrows, &instances, &place.bodies);
        self.add_held_back(timeline, &place);
        if let Some((from, to)) = timeline.started.zip(timeline.last) {
            let chain = Chain::of(timeline, &place, &waits);
            let mut links = Vec::new();
            chain.walk(&steps, (timeline.admitted.unwrap_or(from), to), &mut links);
            for link in links {
                self.add_link(link);
            }
        }
    }

    fn add_task(&mut self, task: &Task) {
        // What a person skipped may have begun, but was not carried out to its end.
        if task.is_taken() || matches!(task.ended, Some((_, Ending::Skipped))) {
            return;
        }
        let Some(took) = task.took() else { return };
        let own = self.tasks.entry(shared_path(&task.address)).or_default();
        own.count += 1;
        own.took.0 += took.0;
        own.longest = own.longest.max(took);
        own.attempts += task.attempts_made as usize;
        own.retries += (task.attempts_made as usize).saturating_sub(1);
        own.lost.0 += lost(task).0;
    }

    fn add_waits(&mut self, timeline: &Timeline, waits: &[Wait]) {
        let mut spans: BTreeMap<&Lack, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        for wait in waits {
            let length = wait.to.since(wait.from);
            let path = shared_path(&timeline.tasks()[wait.task].address);
            self.tasks.entry(path).or_default().waited.entry(wait.lack.clone()).or_default().0 += length.0;
            let lacking = self.lacks.entry(wait.lack.clone()).or_default();
            lacking.waits += 1;
            lacking.waited.0 += length.0;
            spans.entry(&wait.lack).or_default().push((wait.from, wait.to));
        }
        for (lack, spans) in spans {
            if let Some(lacking) = self.lacks.get_mut(lack) {
                lacking.covered.0 += covered(spans).0;
            }
        }
    }

    /// Adds how long tasks were not ready since what is around them began, by the last of those before them.
    fn add_held_back(&mut self, timeline: &Timeline, place: &Places) {
        let spans = spans(timeline);
        for task in timeline.tasks() {
            let ready = task.attempts.first().map(|first| first.queued).or(task.started);
            let path = shared_path(&task.address);
            let (Some(ready), Some(shape)) = (ready, place.shapes.get(&path)) else { continue };
            let Some((scope, _)) = task.address.as_str().rsplit_once('/').or(Some(("", ""))) else {
                continue;
            };
            let around = if scope.is_empty() {
                timeline.admitted.or(timeline.started)
            } else {
                spans.get(scope).map(|(from, _)| *from)
            };
            let sources = place.sources.get(shape).into_iter().flatten();
            let before = sources.filter_map(|source| {
                let name = &place.drawing.shape(*source).name;
                let address = if scope.is_empty() { name.clone() } else { format!("{scope}/{name}") };
                let (_, ended) = spans.get(address.as_str())?;
                (*ended <= ready).then(|| (*ended, place.drawing.shape(*source).path.clone()))
            });
            if let Some(((_, last), around)) = before.max().zip(around) {
                let held = ready.since(around);
                self.tasks.entry(path).or_default().held_back.entry(last).or_default().0 += held.0;
            }
        }
    }

    fn add_link(&mut self, link: Link) {
        match self.critical.iter_mut().find(|known| known.path == link.path) {
            Some(known) => known.add(link),
            None => self.critical.push(link),
        }
    }
}

/// Returns when each task began and ended, by its address.
fn spans(timeline: &Timeline) -> BTreeMap<&str, (Timestamp, Timestamp)> {
    let span = |task: &'_ Task| {
        let ended = task.ended.map(|(ended, _)| ended).or(timeline.last)?;
        Some((task.started?, ended))
    };
    timeline.tasks().iter().filter_map(|task| Some((task.address.as_str(), span(task)?))).collect()
}

/// Returns how long attempts of a task took that did not succeed.
fn lost(task: &Task) -> Length {
    let failed = task.attempts.iter().filter(|attempt| attempt.end != Some("succeeded"));
    let took = failed.filter_map(|attempt| Some(attempt.ended?.since(attempt.granted.as_ref()?.0).0));
    Length(took.sum())
}

/// The chain of steps, from which the time of each is told. What is known of items stands by the address of their `for_each`.
struct Chain<'a> {
    spans: BTreeMap<&'a str, (Timestamp, Timestamp)>,
    place: &'a Places,
    waits: BTreeMap<&'a str, Vec<&'a Wait>>,
    item_waits: BTreeMap<&'a str, Vec<&'a Wait>>,
    lost: BTreeMap<&'a str, Length>,
}

impl<'a> Chain<'a> {
    fn of(timeline: &'a Timeline, place: &'a Places, all: &'a [Wait]) -> Self {
        let mut waits: BTreeMap<&str, Vec<&Wait>> = BTreeMap::new();
        let mut item_waits: BTreeMap<&str, Vec<&Wait>> = BTreeMap::new();
        let mut lost_by: BTreeMap<&str, Length> = BTreeMap::new();
        for wait in all {
            let address = timeline.tasks()[wait.task].address.as_str();
            match around_item(address) {
                Some(each) => item_waits.entry(each).or_default().push(wait),
                None => waits.entry(address).or_default().push(wait),
            }
        }
        for task in timeline.tasks() {
            let address = task.address.as_str();
            lost_by.entry(around_item(address).unwrap_or(address)).or_default().0 += lost(task).0;
        }
        Self { spans: spans(timeline), place, waits, item_waits, lost: lost_by }
    }

    /// Divides the time between two instants among steps, those that are inside of others behind these. Returns when the last ended.
    fn walk(&self, steps: &[Step], (from, to): (Timestamp, Timestamp), links: &mut Vec<Link>) -> Timestamp {
        let mut here = from;
        let mut rest = steps;
        while let Some((step, behind)) = rest.split_first() {
            let inner = behind.iter().take_while(|inner| inner.depth > step.depth).count();
            let (inside, next) = behind.split_at(inner);
            rest = next;
            let Some((began, ended)) = self.spans.get(step.address.as_str()) else { continue };
            let began = (*began).clamp(here, to.max(here));
            let ended = (*ended).clamp(began, to.max(began));
            let at = links.len();
            links.push(self.link(step, began.since(here), ended.since(began)));
            let within = self.walk(inside, (began, ended), links);
            links[at].took = ended.since(within);
            here = ended;
        }
        here
    }

    fn link(&self, step: &Step, waited: Length, took: Length) -> Link {
        let address = step.address.as_str();
        let mut lacked: BTreeMap<Lack, Length> = BTreeMap::new();
        for wait in self.waits.get(address).into_iter().flatten() {
            lacked.entry(wait.lack.clone()).or_default().0 += wait.to.since(wait.from).0;
        }
        let mut by_lack: BTreeMap<&Lack, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        let items = self.item_waits.get(address).into_iter().flatten();
        for wait in items {
            by_lack.entry(&wait.lack).or_default().push((wait.from, wait.to));
        }
        let all = covered(by_lack.values().flatten().copied().collect());
        for (lack, spans) in by_lack {
            lacked.entry(lack.clone()).or_default().0 += covered(spans).0;
        }
        let lost = Length(self.lost.get(address).map_or(0, |lost| lost.0).min(took.0));
        let beside = Length((all.0 + lost.0).min(took.0));
        let path = self.place.drawing.shape(step.shape).path.clone();
        Link { path, took, waited, lacked, beside, lost }
    }
}

/// Returns the address of the `for_each` that an item belongs to; nothing of what is no item.
fn around_item(address: &str) -> Option<&str> {
    if !address.ends_with(']') {
        return None;
    }
    address.rfind('[').map(|at| &address[..at])
}
