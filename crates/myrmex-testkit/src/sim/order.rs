//! Laws of a journal beside its definition: nothing begins before what its edges ask for, nothing is tried more often
//! than it may be, and what began has an end when the run has.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_engine::run::node_at;
use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::ir::{AwaitKind, Body, Definition, Edge, Graph, Holds, Join};
use myrmex_model::outcome::{AttemptEnd, Outcome};
use myrmex_model::status::Status;

/// What a journal has said so far.
struct Reading<'a> {
    definition: &'a Definition,
    outcomes: BTreeMap<String, Outcome>,
    cases: BTreeMap<String, u32>,
    begun: BTreeSet<String>,
    /// Tasks that have started, as links ask.
    started: BTreeSet<String>,
    /// Lags that are over: from where to where, and whether they hold back an end.
    elapsed: BTreeSet<(&'a str, &'a str, bool)>,
    /// Tasks that failed for good in a project, whatever became of them.
    stuck: BTreeSet<&'a str>,
    /// Tasks with an attempt under way.
    open: BTreeSet<&'a str>,
    /// Failures of attempts, and how many are forgiven by the `retry` of a `catch`.
    failures: BTreeMap<&'a Address, (u32, u32)>,
    breaches: Vec<String>,
}

/// Judges the journal of a run that follows `definition`.
pub(super) fn check(run: RunId, journal: &[Recorded], definition: &Definition, breaches: &mut Vec<String>) {
    let (outcomes, cases, begun) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let (started, elapsed) = (BTreeSet::new(), BTreeSet::new());
    let (stuck, open, failures) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    let breaches_found = Vec::new();
    let mut reading = Reading {
        definition,
        outcomes,
        cases,
        begun,
        started,
        elapsed,
        stuck,
        open,
        failures,
        breaches: breaches_found,
    };
    for recorded in journal {
        reading.start(&recorded.event);
        reading.read(&recorded.event);
    }
    breaches.extend(reading.breaches.into_iter().map(|breach| format!("run {run}: {breach}")));
}

impl<'a> Reading<'a> {
    /// Notes what links that ask for a start see. Work of people starts when they first say something of it.
    fn start(&mut self, event: &'a Event) {
        if let Event::LagElapsed { from, to, holds } = event {
            self.elapsed.insert((from.as_str(), to.as_str(), *holds == Holds::End));
        }
        let is_manual = |task: &Address| {
            let node = node_at(self.definition, task).map(|node| &self.definition.node(node).body);
            matches!(node, Some(Body::Await(body)) if body.kind == AwaitKind::Manual)
        };
        let is_offer = matches!(event, Event::AwaitOpened { task, .. } if is_manual(task));
        let starts = matches!(
            event,
            Event::AttemptGranted { .. }
                | Event::ScopeEntered { .. }
                | Event::TimerArmed { .. }
                | Event::ChildCalled { .. }
                | Event::ItemsExpanded { .. }
                | Event::AwaitOpened { .. }
                | Event::SignalReceived { .. }
                | Event::HandlerEntered { .. }
                | Event::TaskSucceeded { .. }
                | Event::TaskFailed { .. }
                | Event::TaskStuck { .. }
                | Event::TaskTaken { .. }
        );
        if let Some(task) = event.task().filter(|_| starts && !is_offer) {
            self.started.insert(task.as_str().to_owned());
        }
    }

    #[expect(clippy::too_many_lines, reason = "every event is named, so that a new one is not passed over")]
    fn read(&mut self, event: &'a Event) {
        match event {
            Event::TaskQueued { task, .. }
            | Event::HoldQueued { task, .. }
            | Event::ScopeEntered { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::AwaitOpened { task, .. }
            | Event::ChildCalled { task, .. }
            | Event::ItemsExpanded { task, .. } => self.begins(task),
            Event::CaseChosen { task, case } => {
                self.begins(task);
                self.cases.insert(task.as_str().to_owned(), *case);
            }
            Event::AttemptGranted { task, .. } => {
                self.open.insert(task.as_str());
                self.check_parallel(task);
            }
            Event::AttemptEnded { task, report, .. } => {
                self.open.remove(task.as_str());
                if let AttemptEnd::Failed { .. } | AttemptEnd::TimedOut { .. } = report.end {
                    self.failures.entry(task).or_default().0 += 1;
                    self.count(task);
                }
            }
            Event::RetryArmed { task, by_catch: Some(_), .. } => {
                self.failures.entry(task).or_default().1 += 1;
            }
            Event::TaskSucceeded { task, fault, .. } => {
                self.begins(task);
                if fault.is_none() {
                    self.check_end(task);
                }
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
            Event::TaskStuck { task, .. } => {
                self.begins(task);
                self.stuck.insert(task.as_str());
                // Done again it has all its attempts.
                self.failures.remove(task);
            }
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
            | Event::HoldGranted { .. }
            | Event::LimitReached { .. }
            | Event::ChildUnknown { .. }
            | Event::RetryArmed { by_catch: None, .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
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
        if let Some((graph, scope, child)) = self.place(task)
            && !self.may_begin(graph, scope, child)
        {
            self.breaches.push(format!("`{task}` begins before what it needs"));
        }
    }

    /// A task succeeds: every link that holds back its end is true.
    fn check_end(&mut self, task: &Address) {
        let Some((graph, scope, child)) = self.place(task) else { return };
        let mut edges = graph.edges().iter().filter(|edge| edge.to == child && edge.holds == Holds::End);
        if !edges.all(|edge| self.holds(graph, scope, edge)) {
            self.breaches.push(format!("`{task}` succeeds before its end may come"));
        }
    }

    /// Returns the graph in which a task stands, the scope of that graph, and the place of the task in it.
    fn place<'t>(&self, task: &'t Address) -> Option<(&'a Graph, &'t str, u32)> {
        let (scope, name) = task.as_str().rsplit_once('/').unwrap_or(("", task.as_str()));
        let address = if scope.is_empty() { Address::root() } else { Address::parse(scope).ok()? };
        let node = node_at(self.definition, &address)?;
        let Body::Graph(graph) = &self.definition.node(node).body else { return None };
        Some((graph, scope, graph.child_index(name)?))
    }

    fn may_begin(&self, graph: &Graph, scope: &str, child: u32) -> bool {
        let edges = || graph.edges().iter().filter(|edge| edge.to == child && edge.holds == Holds::Begin);
        let held = edges().filter(|edge| self.holds(graph, scope, edge)).count();
        match graph.children[child as usize].join {
            Join::All => held == edges().count(),
            Join::AllLive => {
                let is_decided = |edge: &Edge| {
                    let source = self.source(graph, scope, edge);
                    self.outcomes.contains_key(&source) || self.is_failed(&source, edge)
                };
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

    /// Whether a task counts as failed at once to an edge that accepts that, whatever becomes of it.
    fn is_failed(&self, source: &str, edge: &Edge) -> bool {
        self.stuck.contains(source) && edge.on.contains(Outcome::Failed) && edge.cases.is_empty()
    }

    fn holds(&self, graph: &Graph, scope: &str, edge: &Edge) -> bool {
        let source = self.source(graph, scope, edge);
        let is_case =
            edge.cases.is_empty() || self.cases.get(&source).is_some_and(|case| edge.cases.contains(case));
        let has_started = edge.on.contains(Outcome::Started) && self.started.contains(&source);
        let is_true = has_started
            || self.is_failed(&source, edge)
            || self.outcomes.get(&source).is_some_and(|outcome| edge.on.contains(*outcome));
        let target = self.definition.node(graph.children[edge.to as usize].node).name.as_str();
        let target = if scope.is_empty() { target.to_owned() } else { format!("{scope}/{target}") };
        let key = (source.as_str(), target.as_str(), edge.holds == Holds::End);
        is_case && is_true && (!edge.has_lag() || self.elapsed.contains(&key))
    }

    /// An attempt begins: nowhere around it are more under way than may be.
    fn check_parallel(&mut self, task: &Address) {
        let text = task.as_str();
        let inner = text.match_indices(['/', '[']).map(|(end, _)| &text[..end]);
        for scope in std::iter::once("").chain(inner) {
            let Ok(address) = (if scope.is_empty() { Ok(Address::root()) } else { Address::parse(scope) })
            else {
                continue;
            };
            let most =
                node_at(self.definition, &address).and_then(|node| match &self.definition.node(node).body {
                    Body::Graph(graph) => graph.max_parallel,
                    Body::Each(each) => each.max_parallel,
                    Body::Task(_)
                    | Body::Value(_)
                    | Body::Timer(_)
                    | Body::Choose(_)
                    | Body::Raise(_)
                    | Body::Await(_)
                    | Body::Flow(_)
                    | Body::Call(_) => None,
                });
            // Inside something each of its parts counts once, whatever it has under way; in a run every attempt does.
            let part = |open: &&'a str| {
                let rest = open.strip_prefix(scope)?;
                match rest.strip_prefix('[') {
                    Some(item) => item.split(']').next(),
                    None => rest.strip_prefix('/')?.split(['/', '[', '~']).next(),
                }
            };
            let count = match scope {
                "" => self.open.len(),
                _ => self.open.iter().filter_map(part).collect::<BTreeSet<_>>().len(),
            };
            if most.is_some_and(|most| count > most as usize) {
                self.breaches
                    .push(format!("`{task}` begins as one of {count} in `{scope}`, which are too many"));
            }
        }
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
    use myrmex_model::id::{Attempt, FencingToken, ValueHash};
    use myrmex_model::name::Name;
    use myrmex_model::status::Phase;
    use myrmex_model::time::Timestamp;

    use super::*;

    fn breaches(events: Vec<Event>) -> Vec<String> {
        breaches_in(r#"{"workflow":"w","tasks":{"a":{"run":"x"},"b":{"run":"x","needs":["a"]}}}"#, events)
    }

    fn breaches_in(text: &'static str, events: Vec<Event>) -> Vec<String> {
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
        Event::TaskQueued { task: at(name), attempt: Attempt::FIRST, input: None, named: None }
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
    fn no_more_are_under_way_than_may_be() {
        let text = r#"{"workflow":"w","tasks":{"a":{"max_parallel":1,"tasks":{"b":{"run":"x"},"c":{"run":"x"}}},
            "d":{"for_each":3,"max_parallel":2,"run":"x"}}}"#;
        let granted = |name: &str, token| Event::AttemptGranted {
            task: at(name),
            attempt: Attempt::FIRST,
            token: FencingToken(token),
            worker: Name::new("local").unwrap(),
        };
        assert!(
            breaches_in(text, vec![granted("a/b", 1), granted("d[0]", 2), granted("d[2]", 3)]).is_empty()
        );
        assert_eq!(breaches_in(text, vec![granted("a/b", 1), granted("a/c", 2)]).len(), 1);
        assert_eq!(
            breaches_in(text, vec![granted("d[0]", 1), granted("d[1]", 2), granted("d[2]", 3)]).len(),
            1
        );
    }

    #[test]
    fn what_began_has_an_end() {
        assert_eq!(breaches(vec![queued("a"), over()]).len(), 1);
    }
}
