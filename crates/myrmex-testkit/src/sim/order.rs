//! Laws of a journal beside its definition: nothing begins before what its edges ask for, nothing is tried more often
//! than it may be, and what began has an end when the run has.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_engine::run::node_at;
use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::ir::{Body, Definition, Edge, Graph, Join};
use myrmex_model::outcome::{AttemptEnd, Outcome};
use myrmex_model::status::Status;

/// What a journal has said so far.
struct Reading<'a> {
    definition: &'a Definition,
    outcomes: BTreeMap<String, Outcome>,
    cases: BTreeMap<String, u32>,
    begun: BTreeSet<String>,
    /// Failures of attempts, and how many are forgiven by the `retry` of a `catch`.
    failures: BTreeMap<&'a Address, (u32, u32)>,
    breaches: Vec<String>,
}

/// Judges the journal of a run that follows `definition`.
pub(super) fn check(run: RunId, journal: &[Recorded], definition: &Definition, breaches: &mut Vec<String>) {
    let (outcomes, cases, begun) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let failures = BTreeMap::new();
    let mut reading = Reading { definition, outcomes, cases, begun, failures, breaches: Vec::new() };
    for recorded in journal {
        reading.read(&recorded.event);
    }
    breaches.extend(reading.breaches.into_iter().map(|breach| format!("run {run}: {breach}")));
}

impl<'a> Reading<'a> {
    fn read(&mut self, event: &'a Event) {
        match event {
            Event::TaskQueued { task, .. }
            | Event::ScopeEntered { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::ChildCalled { task, .. }
            | Event::ItemsExpanded { task, .. } => self.begins(task),
            Event::CaseChosen { task, case } => {
                self.begins(task);
                self.cases.insert(task.as_str().to_owned(), *case);
            }
            Event::AttemptEnded { task, report, .. } => {
                if let AttemptEnd::Failed { .. } | AttemptEnd::TimedOut { .. } = report.end {
                    self.failures.entry(task).or_default().0 += 1;
                    self.count(task);
                }
            }
            Event::RetryArmed { task, by_catch: Some(_), .. } => {
                self.failures.entry(task).or_default().1 += 1;
            }
            Event::TaskSucceeded { task, .. } => {
                self.begins(task);
                self.ends(task, Outcome::Succeeded);
            }
            Event::TaskTaken { task, taken } => {
                let outcome = match taken.status {
                    Status::Succeeded => Outcome::Succeeded,
                    Status::Skipped => Outcome::Skipped,
                    Status::Cancelled => Outcome::Cancelled,
                    Status::Pending
                    | Status::Running
                    | Status::Waiting
                    | Status::Failed
                    | Status::TimedOut
                    | Status::Compensated
                    | Status::Stuck => Outcome::Failed,
                };
                self.ends(task, outcome);
                self.cases.extend(taken.case.map(|case| (task.as_str().to_owned(), case)));
            }
            Event::TaskFailed { task, .. } => self.ends(task, Outcome::Failed),
            Event::TaskSkipped { task, .. } => self.ends(task, Outcome::Skipped),
            Event::TaskCancelled { task } => self.ends(task, Outcome::Cancelled),
            Event::RunEnded { .. } => {
                let open = self.begun.iter().filter(|task| !self.outcomes.contains_key(*task));
                self.breaches.extend(open.map(|task| format!("`{task}` began and has no end")));
            }
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildUnknown { .. }
            | Event::AttemptGranted { .. }
            | Event::RetryArmed { by_catch: None, .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. } => {}
        }
    }

    fn ends(&mut self, task: &Address, outcome: Outcome) {
        self.outcomes.insert(task.as_str().to_owned(), outcome);
    }

    /// A task begins: if it is the first time, what it needs must be there.
    fn begins(&mut self, task: &Address) {
        if task.is_root() || !self.begun.insert(task.as_str().to_owned()) {
            return;
        }
        let (scope, name) = task.as_str().rsplit_once('/').unwrap_or(("", task.as_str()));
        let Ok(address) = (if scope.is_empty() { Ok(Address::root()) } else { Address::parse(scope) }) else {
            return;
        };
        let Some(node) = node_at(self.definition, &address) else { return };
        let Body::Graph(graph) = &self.definition.node(node).body else { return };
        if let Some(child) = graph.child_index(name)
            && !self.may_begin(graph, scope, child)
        {
            self.breaches.push(format!("`{task}` begins before what it needs"));
        }
    }

    fn may_begin(&self, graph: &Graph, scope: &str, child: u32) -> bool {
        let edges = || graph.edges().iter().filter(|edge| edge.to == child);
        let held = edges().filter(|edge| self.holds(graph, scope, edge)).count();
        match graph.children[child as usize].join {
            Join::All => held == edges().count(),
            Join::AllLive => {
                let is_decided = |edge: &Edge| self.outcomes.contains_key(&self.source(graph, scope, edge));
                edges().count() == 0 || held > 0 && edges().all(is_decided)
            }
            Join::First(count) => held >= count as usize,
        }
    }

    fn source(&self, graph: &Graph, scope: &str, edge: &Edge) -> String {
        let node = graph.children[edge.from as usize].node;
        let name = self.definition.node(node).name.as_str();
        if scope.is_empty() { name.to_owned() } else { format!("{scope}/{name}") }
    }

    fn holds(&self, graph: &Graph, scope: &str, edge: &Edge) -> bool {
        let source = self.source(graph, scope, edge);
        let is_case =
            edge.cases.is_empty() || self.cases.get(&source).is_some_and(|case| edge.cases.contains(case));
        is_case && self.outcomes.get(&source).is_some_and(|outcome| edge.on.contains(*outcome))
    }

    /// An attempt of a task failed: no more of them may than its `retry` says.
    fn count(&mut self, task: &Address) {
        let Some(node) = node_at(self.definition, task) else { return };
        let allowed = self.definition.node(node).policy.retry.as_ref().map_or(1, |retry| retry.retries + 1);
        let (failures, forgiven) = self.failures.get(task).copied().unwrap_or_default();
        if failures > allowed + forgiven {
            self.breaches.push(format!("`{task}` fails {failures} times, {allowed} are allowed"));
        }
    }
}

#[cfg(test)]
mod tests {
    use myrmex_model::event::{Change, SkipReason};
    use myrmex_model::id::{Attempt, ValueHash};
    use myrmex_model::status::Phase;
    use myrmex_model::time::Timestamp;

    use super::*;

    fn breaches(events: Vec<Event>) -> Vec<String> {
        let text = r#"{"workflow":"w","tasks":{"a":{"run":"x"},"b":{"run":"x","needs":["a"]}}}"#;
        let definition = std::thread::Builder::new()
            .stack_size(myrmex_expr::STACK_BYTES)
            .spawn(move || super::super::compile(&[text.to_owned()]).unwrap().remove(0))
            .unwrap()
            .join()
            .unwrap();
        let change = Change { from: Status::Pending, to: Status::Running, phase: Phase::None };
        let record = |event| Recorded { at: Timestamp(0), event, change };
        let journal: Vec<Recorded> = events.into_iter().map(record).collect();
        let mut breaches = Vec::new();
        check(RunId([0; 16]), &journal, &definition, &mut breaches);
        breaches
    }

    fn at(name: &str) -> Address {
        Address::parse(name).unwrap()
    }

    fn queued(name: &str) -> Event {
        Event::TaskQueued { task: at(name), attempt: Attempt::FIRST, input: None }
    }

    fn succeeded(name: &str) -> Event {
        Event::TaskSucceeded { task: at(name), output: ValueHash::of(b"null"), vars: None, fault: None }
    }

    fn over() -> Event {
        Event::RunEnded { status: Status::Succeeded, output: None, fault: None }
    }

    #[test]
    fn what_is_needed_comes_first() {
        assert!(breaches(vec![queued("a"), succeeded("a"), queued("b"), succeeded("b"), over()]).is_empty());
        assert_eq!(breaches(vec![queued("a"), queued("b")]).len(), 1);
        let skipped = Event::TaskSkipped { task: at("a"), reason: SkipReason::Condition };
        assert_eq!(breaches(vec![skipped, queued("b")]).len(), 1);
    }

    #[test]
    fn what_began_has_an_end() {
        assert_eq!(breaches(vec![queued("a"), over()]).len(), 1);
    }
}
