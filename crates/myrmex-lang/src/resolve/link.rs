//! What goes on to what: `needs` and cases of a `switch` become links of a graph, `then` becomes jumps of a flow.

use myrmex_model::OrderedMap;
use myrmex_model::diagnostic::Code;
use myrmex_model::ir::Holds;
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::Extent;

use super::{Frame, Resolver};
use crate::codes;
use crate::outline::{Case, ScopeKind, Spot, Target, Task, Verb};
use crate::tree::Place;

/// A dependency between two tasks of a graph. There is at most one between the same two ends of two tasks.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) on: OutcomeSet,
    pub(crate) holds: Holds,
    pub(crate) lag: Option<Extent>,
    /// The cases of the `switch` it comes from that lead to its end; empty if it comes from elsewhere.
    pub(crate) cases: Vec<u32>,
    pub(crate) origin: Origin,
    /// Where it is written.
    pub(crate) place: Place,
}

impl Link {
    /// Returns one that holds back the begin until an outcome is there.
    pub(crate) fn new((from, to): (u32, u32), on: OutcomeSet, origin: Origin, place: Place) -> Self {
        Self { from, to, on, holds: Holds::Begin, lag: None, cases: Vec::new(), origin, place }
    }

    /// Returns what tells it apart: the tasks, whether it asks for a start, whether it holds back an end.
    pub(super) fn key(&self) -> LinkKey {
        (self.from, self.to, (self.on.contains(Outcome::Started), self.holds == Holds::End))
    }
}

/// What tells links apart.
pub(super) type LinkKey = (u32, u32, (bool, bool));

/// What a [`Link`] was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Needs,
    Reference,
    Case,
}

/// Links by their ends.
pub(super) type LinkMap = OrderedMap<LinkKey, Link>;

impl<'o> Resolver<'o, '_> {
    /// Looks up what the tasks of a scope say about their order.
    pub(super) fn order(&mut self, frame: &mut Frame<'o>) {
        match frame.scope.kind {
            ScopeKind::Graph => {
                for (index, task) in (0..).zip(&frame.scope.tasks) {
                    self.needs(frame, index, task);
                    if let Some(Verb::Switch(cases)) = &task.verb {
                        self.cases(frame, index, cases);
                    }
                }
            }
            ScopeKind::Flow => self.jumps(frame),
        }
    }

    fn needs(&mut self, frame: &mut Frame<'o>, to: u32, task: &'o Task) {
        for need in &task.needs {
            let name = need.name.value.as_str();
            match frame.names.get(name) {
                None => self.refuse_sibling(frame, &need.name, name),
                Some(from) if *from == to => {
                    let message = format!("the task `{name}` needs itself");
                    self.report.refuse(codes::NEEDS_SELF, need.name.place, message);
                }
                Some(from) => {
                    let mut link = Link::new((*from, to), need.on, Origin::Needs, need.name.place);
                    (link.holds, link.lag) = (need.holds, need.lag.as_ref().map(|lag| lag.value));
                    // A case of a `switch` above may have linked the two already.
                    let on = link.on;
                    frame.links.entry(link.key()).or_insert(link).on = on;
                }
            }
        }
    }

    fn cases(&mut self, frame: &mut Frame<'o>, from: u32, cases: &'o [Case]) {
        for (index, case) in (0..).zip(cases) {
            let Target::Task(name) = &case.then.value else { continue };
            match frame.names.get(name.as_str()) {
                None => self.refuse_sibling(frame, &case.then, name),
                Some(to) if *to == from => {
                    let message = format!("the `switch` of `{name}` cannot go on to itself under `tasks:`");
                    self.report.refuse(codes::NEEDS_SELF, case.then.place, message);
                }
                Some(to) => {
                    let (on, origin, place) = (OutcomeSet::SUCCEEDED, Origin::Case, case.then.place);
                    let link = Link::new((from, *to), on, origin, place);
                    let link = frame.links.entry(link.key()).or_insert(link);
                    link.cases.push(index);
                }
            }
        }
    }

    fn jumps(&mut self, frame: &mut Frame<'o>) {
        let count = u32::try_from(frame.scope.tasks.len()).unwrap_or(u32::MAX);
        let mut earliest = vec![count; frame.scope.tasks.len()];
        for (index, task) in frame.scope.tasks.iter().enumerate() {
            for spot in targets(task) {
                let Target::Task(name) = &spot.value else { continue };
                match frame.names.get(name.as_str()) {
                    None => self.refuse_sibling(frame, spot, name),
                    Some(to) => earliest[index] = earliest[index].min(*to),
                }
            }
        }
        for index in (1..earliest.len()).rev() {
            earliest[index - 1] = earliest[index - 1].min(earliest[index]);
        }
        frame.back_to = earliest;
    }

    /// Reports a name that no task of the scope bears.
    fn refuse_sibling<T>(&mut self, frame: &Frame<'o>, spot: &Spot<T>, name: &str) {
        if self.is_left_out(name) {
            return self.refuse_left_out(codes::TASK_UNKNOWN, name, spot.place);
        }
        let message = if self.is_project {
            format!("there is no task, phase, milestone or gate `{name}`")
        } else {
            format!("there is no task `{name}` beside this one")
        };
        let outer = self.frames.iter().rev().find(|outer| outer.names.contains_key(name));
        let hint =
            if let Some(block) = outer.and_then(|outer| Some(&outer.scope.tasks[outer.current? as usize])) {
                Some(format!("`{name}` stands beside the block `{}`; say it there", block.name.value))
            } else if let Some(near) = self.report.nearest(name, frame.names.keys().copied()) {
                Some(format!("did you mean `{near}`?"))
            } else {
                self.homes
                    .get(name)
                    .map(|block| format!("`{name}` is inside the block `{block}`; name the block"))
            };
        let mut diagnostic = self.report.error(codes::TASK_UNKNOWN, spot.place, message);
        diagnostic.hint = hint;
        self.report.push(diagnostic);
    }
}

impl Resolver<'_, '_> {
    /// Whether the file has a task of this name that the run is to leave out.
    pub(super) fn is_left_out(&self, name: &str) -> bool {
        self.others.left_out.iter().any(|left_out| left_out == name)
    }

    /// Reports that a task goes on to one that is left out, or reads it.
    pub(super) fn refuse_left_out(&mut self, code: Code, name: &str, place: Place) {
        let message = format!("`{name}` has no part in this run, for only some tasks are asked for");
        self.report.refuse_hint(code, place, message, format!("ask for it too: `--only {name}`"));
    }
}

/// Returns where a task of a flow can jump.
pub(super) fn targets(task: &Task) -> impl Iterator<Item = &Spot<Target>> {
    let cases: &[Case] = match &task.verb {
        Some(Verb::Switch(cases)) => cases,
        Some(
            Verb::Run(_)
            | Verb::Set(_)
            | Verb::Fail(_)
            | Verb::Wait(_)
            | Verb::Await(_)
            | Verb::Block(_)
            | Verb::Call(_)
            | Verb::Use(_),
        )
        | None => &[],
    };
    task.then.iter().chain(cases.iter().map(|case| &case.then))
}
