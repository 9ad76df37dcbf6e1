//! What must hold of a run after every turn and over its whole journal, checked without trusting the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::event::{Event, Recorded, SkipReason};
use myrmex_model::id::Epoch;
use myrmex_model::ir::{AwaitKind, Body, Definition, Edge, Graph, Holds, Join};
use myrmex_model::outcome::Outcome;
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use myrmex_model::wire;

use super::host::{Host, RUN};
use crate::run::arena::{ActivationId, Counts, Work};
use crate::run::{Facts, Run};

/// Holds the state against the replayed journal, the restored facts, and what the effects built up.
pub(super) fn check_turn(host: &Host) {
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let replayed = Run::replay(RUN, &host.journal, &mut find).expect("the journal replays");
    if host.frugality.is_some() {
        assert_eq!(replayed.folded_facts(), host.run.folded_facts(), "replay equals state, both folded");
    } else {
        assert_eq!(replayed.facts(), host.run.facts(), "replay equals state");
    }
    // The order in which activations were made is no fact: a replay makes an item with its first event, a run before it.
    assert_eq!(sorted(replayed.queued()), sorted(host.run.queued()));
    assert_eq!(sorted(replayed.timers()), sorted(host.run.timers()));
    assert_eq!(sorted(replayed.grants()), sorted(host.run.grants()));
    check_counters(&host.run);
    check_restored(host);
    check_limits(host);
    if host.run.status().is_terminal() {
        return;
    }
    let timers: BTreeMap<_, _> = host.run.timers().into_iter().collect();
    // A timer that nobody waits for any more may stand until the agenda comes to it.
    let is_armed = |(timer, due): (&TimerKey, &Timestamp)| host.timers.get(timer) == Some(due);
    let is_right = if host.run.has_more() { timers.iter().all(is_armed) } else { host.timers == timers };
    assert!(is_right, "timers follow from effects: {timers:?}, armed are {:?}", host.timers);
    assert_eq!(host.dispatch.waiting(), host.run.queued().len(), "the queue follows from effects");
    let granted: BTreeSet<_> = host.run.grants().into_iter().map(|(_, _, token)| token).collect();
    assert_eq!(host.assigned.keys().copied().collect::<BTreeSet<_>>(), granted, "grants follow from effects");
    let is_idle = host.timers.is_empty()
        && host.dispatch.waiting() == 0
        && granted.is_empty()
        && host.children.is_empty()
        && !super::people::is_asked(host);
    assert!(
        !is_idle || host.run.has_more() || host.run.status() == Status::Pending,
        "a run without anything to wait for is over"
    );
}

fn sorted<T: Ord>(all: Vec<T>) -> BTreeSet<T> {
    all.into_iter().collect()
}

fn check_restored(host: &Host) {
    let facts = host.run.facts();
    let (definition, hash) = (Arc::clone(host.run.definition()), host.run.definition_hash());
    assert_eq!(Facts::decode(&facts.encode()).as_ref(), Some(&facts), "facts read back");
    let mut restored = Run::restore(&facts, definition, hash).expect("facts fit their own definition");
    if let Some(waiting) = host.frugality {
        restored.set_frugal(waiting);
    }
    assert_eq!(restored.facts(), facts, "restored facts equal the facts");
    assert_eq!(sorted(restored.queued()), sorted(host.run.queued()));
    assert_eq!(sorted(restored.timers()), sorted(host.run.timers()));
    if host.run.status().is_terminal() || host.run.has_more() {
        return;
    }
    assert_eq!(counters(&restored), counters(&host.run), "counters follow from facts");
    let left = restored.resume(host.now);
    assert_eq!(left.events, [], "between turns nothing is left to decide");
    assert!(left.requests.is_empty(), "between turns nothing is left to ask");
}

type Counters = BTreeMap<Address, ([u32; 3], Option<([u32; 5], Option<Address>)>)>;

/// Returns every counter inside scopes under way.
fn counters(run: &Run) -> Counters {
    let ids = (0..).map(ActivationId).zip(&run.arena);
    let live = ids.filter(|(_, activation)| {
        let parent = run.at(activation.parent);
        parent.status == Status::Running && parent.handling().is_none() && !activation.is_stale
    });
    live.map(|(id, activation)| {
        let counts = counts_of(&activation.work).map(|counts| {
            (
                [counts.open, counts.active, counts.succeeded, counts.skipped, counts.failed],
                counts.first_failed.map(|first| run.address(first)),
            )
        });
        (run.address(id), ([activation.open_edges, activation.true_edges, activation.lags_armed], counts))
    })
    .collect()
}

fn counts_of(work: &Work) -> Option<Counts> {
    match work {
        Work::Graph(state) => Some(state.counts),
        Work::Each(state) => Some(state.counts),
        Work::None
        | Work::Leaf(_)
        | Work::Timer { .. }
        | Work::Postponed { .. }
        | Work::Choice { .. }
        | Work::Await(_)
        | Work::Flow(_)
        | Work::Call(_) => None,
    }
}

/// Recounts the children of every scope from scratch.
fn check_counters(run: &Run) {
    for id in (0..u32::try_from(run.arena.len()).unwrap()).map(ActivationId) {
        let Some(counts) = counts_of(&run.at(id).work) else { continue };
        let children = run.inside(id);
        let folded: Vec<Status> = match &run.at(id).work {
            Work::Each(state) => state.folded().map(|(_, item)| item.status()).collect(),
            _ => Vec::new(),
        };
        let count = |is: &dyn Fn(Status) -> bool| {
            let live = children.iter().map(|child| run.at(*child).status);
            u32::try_from(live.chain(folded.iter().copied()).filter(|status| is(*status)).count()).unwrap()
        };
        let total = match &run.at(id).work {
            Work::Each(state) => state.count,
            _ => u32::try_from(children.len()).unwrap(),
        };
        assert_eq!(
            counts.open,
            total - count(&Status::is_terminal),
            "open children of `{}`",
            run.address(id)
        );
        let succeeded = count(&|status| status == Status::Succeeded);
        assert_eq!(counts.succeeded, succeeded, "succeeded children of `{}`", run.address(id));
        let failed = count(&|status| Outcome::of(status) == Some(Outcome::Failed));
        assert_eq!(counts.failed, failed, "failed children of `{}`", run.address(id));
    }
}

/// Checks that no scope has more children under way than it may. A move to another definition may lower the limit below
/// what is under way.
pub(super) fn check_limits(host: &Host) {
    let run = &host.run;
    if host.definitions.len() > 1 {
        return;
    }
    for (id, activation) in (0..).map(ActivationId).zip(&run.arena) {
        let most = match &run.node(id).body {
            Body::Graph(graph) => graph.max_parallel,
            Body::Each(each) => each.max_parallel,
            _ => None,
        };
        if let (Some(most), Some(counts)) = (most, counts_of(&activation.work)) {
            let active: Vec<_> =
                run.inside(id).into_iter().filter(|child| run.at(*child).is_active()).collect();
            // What is done again after it was stuck does not wait for a place.
            let again = active.iter().filter(|child| run.stuck_since(**child).is_some()).count();
            let active = active.len();
            assert!(active - again <= most.max(1) as usize, "`{}` has {active} under way", run.address(id));
            assert_eq!(counts.active as usize, active, "active children of `{}`", run.address(id));
        }
    }
}

/// Checks a whole journal: times, ends, grants, and that every event reads back as it was written.
pub(super) fn check_journal(journal: &[Recorded]) {
    let mut ended = BTreeSet::new();
    let mut cancels = 0;
    for (index, recorded) in journal.iter().enumerate() {
        assert!(index == 0 || journal[index - 1].at <= recorded.at, "time never goes backwards");
        let bytes = wire::event::encode(recorded, Epoch(1));
        assert_eq!(wire::event::decode(&bytes), Ok((recorded.clone(), Epoch(1))), "events read back");
        match &recorded.event {
            Event::Rebased { map, .. } => {
                ended = ended.into_iter().map(|task| moved(&task, map).unwrap_or(task)).collect();
            }
            Event::RunEnded { .. } => assert_eq!(index + 1, journal.len(), "nothing follows the end"),
            Event::CancelRequested { scope, by, .. } if scope.is_root() && by != "myrmex" => {
                cancels += 1;
            }
            Event::AttemptGranted { task, .. } => {
                // The first cancel lets what follows in any case run, the second does not.
                let is_shielded = task.segments().any(|segment| segment.name == "finally");
                assert!(
                    cancels == 0 || (cancels == 1 && is_shielded),
                    "`{task}` was granted after the cancel"
                );
            }
            _ => {}
        }
        if let Some(task) = recorded.event.task() {
            let is_about_edge = matches!(recorded.event, Event::LagArmed { .. } | Event::LagElapsed { .. });
            let is_end_of_run = matches!(recorded.event, Event::EndRequested { .. });
            assert!(
                is_about_edge || is_end_of_run || !ended.contains(task),
                "`{task}` goes on after its end"
            );
            if recorded.change.to.is_terminal() && !is_about_edge && !is_end_of_run {
                ended.insert(task.clone());
            }
        }
    }
}

/// Returns the new address of `task` if `map` renames it or something around it.
fn moved(task: &Address, map: &[(Address, Address)]) -> Option<Address> {
    map.iter().find_map(|(old, new)| {
        let rest = task.as_str().strip_prefix(old.as_str())?;
        let is_inside = rest.is_empty() || rest.starts_with(['/', '#', '[', '~']);
        is_inside.then(|| Address::parse(&format!("{new}{rest}")).unwrap())
    })
}

/// Checks, from the journal alone, that children of graphs began only when their joins let them, and were skipped only
/// when their joins never could.
pub(super) fn check_edges(host: &Host) {
    let definition = host.run.definition();
    let mut seen: BTreeMap<Address, Seen> = BTreeMap::new();
    for Recorded { event, change, .. } in &host.journal {
        if let Event::LagElapsed { from, to, holds } = event {
            let key = (from.clone(), *holds == Holds::End);
            *seen.entry(to.clone()).or_default().lags.entry(key).or_default() += 1;
        }
        let Some(task) = event.task().filter(|task| !task.is_root()) else { continue };
        let begins = matches!(
            event,
            Event::TaskQueued { .. }
                | Event::HoldQueued { .. }
                | Event::ScopeEntered { .. }
                | Event::ItemsExpanded { .. }
                | Event::ChildCalled { .. }
                | Event::TimerArmed { .. }
                | Event::AwaitOpened { .. }
                | Event::TaskTaken { .. }
        );
        let is_skip = matches!(
            event,
            Event::TaskSkipped { reason: SkipReason::Upstream { .. } | SkipReason::NotChosen { .. }, .. }
        );
        if matches!(event, Event::TaskSucceeded { fault: None, .. }) {
            check_end(&seen, definition, task);
        }
        let is_first = !seen.get(task).is_some_and(|seen| seen.has_begun);
        if let Some((graph, index)) = graph_of(definition, task)
            && (begins && is_first || is_skip)
        {
            let scope = parent_text(task);
            let edges = graph.edges().iter().filter(|edge| edge.to == index && edge.holds == Holds::Begin);
            let (mut open, mut holding) = (0, 0);
            for edge in edges {
                match edge_state(&seen, definition, graph, scope, task, edge) {
                    Some(true) => holding += 1,
                    Some(false) => {}
                    None => open += 1,
                }
            }
            let total = graph.in_count(index);
            let (may, never) = join_state(graph.children[index as usize].join, total, (holding, open));
            assert!(!begins || may, "`{task}` began before its join held: {holding} of {total}, {open} open");
            assert!(
                !is_skip || never,
                "`{task}` was skipped though its join could hold: {holding} of {total}"
            );
        }
        let entry = seen.entry(task.clone()).or_default();
        match event {
            Event::CaseChosen { case, .. } => entry.case = Some(*case),
            Event::TaskTaken { taken, .. } => entry.case = taken.case,
            Event::LagArmed { .. } | Event::LagElapsed { .. } => continue,
            _ => {}
        }
        entry.has_begun |= begins;
        entry.has_started |= starts(definition, event, task);
        entry.was_stuck |= matches!(event, Event::TaskStuck { .. });
        entry.outcome = entry.outcome.or(Outcome::of(change.to));
    }
}

/// Checks that no edge holds back the end of a task that succeeds.
fn check_end(seen: &BTreeMap<Address, Seen>, definition: &Definition, task: &Address) {
    let Some((graph, index)) = graph_of(definition, task) else { return };
    let edges = graph.edges().iter().filter(|edge| edge.to == index && edge.holds == Holds::End);
    let is_open =
        |edge: &&Edge| edge_state(seen, definition, graph, parent_text(task), task, edge) != Some(true);
    let open = edges.filter(is_open).count();
    assert_eq!(open, 0, "`{task}` succeeded though {open} edges held back its end");
}

/// Returns whether an event starts a task, as edges ask. Work of people starts when they say so.
fn starts(definition: &Definition, event: &Event, task: &Address) -> bool {
    let is_manual = graph_of(definition, task).is_some_and(|(graph, index)| {
        let node = definition.node(graph.children[index as usize].node);
        matches!(&node.body, Body::Await(body) if body.kind == AwaitKind::Manual)
    });
    match event {
        Event::AwaitOpened { .. } => !is_manual,
        Event::SignalReceived { .. }
        | Event::AttemptGranted { .. }
        | Event::ScopeEntered { .. }
        | Event::ItemsExpanded { .. }
        | Event::ChildCalled { .. }
        | Event::HandlerEntered { .. }
        | Event::TimerArmed { .. }
        | Event::TaskStuck { .. }
        | Event::TaskTaken { .. } => true,
        _ => false,
    }
}

/// Returns whether a join lets its child begin, and whether it never will, with so many edges that hold and that are open.
fn join_state(join: Join, total: u32, (holding, open): (u32, u32)) -> (bool, bool) {
    match join {
        Join::All => (holding == total, holding + open < total),
        Join::AllLive => (total == 0 || open == 0 && holding > 0, open == 0 && holding == 0 && total > 0),
        Join::First(n) => {
            let n = n.clamp(1, total.max(1));
            (total == 0 || holding >= n, holding + open < n)
        }
    }
}

#[derive(Default)]
struct Seen {
    has_begun: bool,
    has_started: bool,
    was_stuck: bool,
    outcome: Option<Outcome>,
    case: Option<u32>,
    /// How many lags into this task are over, by the task they come from and whether they hold back its end.
    lags: BTreeMap<(Address, bool), u32>,
}

/// Returns whether an edge is true, false, or open, from what the journal said so far. Lags between the same two tasks
/// cannot be told apart here, so an edge with a lag is true once any of them is over.
fn edge_state(
    seen: &BTreeMap<Address, Seen>,
    definition: &Definition,
    graph: &Graph,
    scope: &str,
    to: &Address,
    edge: &Edge,
) -> Option<bool> {
    let name = definition.node(graph.children[edge.from as usize].node).name.as_str();
    let from = if scope.is_empty() { name.to_owned() } else { format!("{scope}/{name}") };
    let from = Address::parse(&from).unwrap();
    let source = seen.get(&from)?;
    let asks_start = edge.on.contains(Outcome::Started);
    let accepts_failure = edge.on.contains(Outcome::Failed) && edge.cases.is_empty();
    let is_true = if (asks_start && source.has_started) || (accepts_failure && source.was_stuck) {
        true
    } else {
        let outcome = source.outcome?;
        let ran = matches!(outcome, Outcome::Succeeded | Outcome::Failed);
        let is_chosen = edge.cases.is_empty() || source.case.is_some_and(|case| edge.cases.contains(&case));
        (edge.on.contains(outcome) || asks_start && ran) && is_chosen
    };
    if is_true && edge.has_lag() {
        let key = (from, edge.holds == Holds::End);
        let is_over = seen.get(to).is_some_and(|seen| seen.lags.contains_key(&key));
        return is_over.then_some(true);
    }
    Some(is_true)
}

fn parent_text(task: &Address) -> &str {
    task.as_str().rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns the graph that holds `task` and the task's index in it; nothing if another kind of scope holds it.
fn graph_of<'a>(definition: &'a Definition, task: &Address) -> Option<(&'a Graph, u32)> {
    let mut node = definition.node(definition.root);
    let segments: Vec<_> = task.segments().collect();
    let (last, scopes) = segments.split_last()?;
    if last.key.is_some() {
        return None;
    }
    for segment in scopes {
        node = definition.node(child_of(&node.body, segment.name)?);
        if let (Some(_), Body::Each(each)) = (&segment.key, &node.body) {
            node = definition.node(each.body);
        }
    }
    match &node.body {
        Body::Graph(graph) => Some((graph, graph.child_index(last.name)?)),
        _ => None,
    }
}

fn child_of(body: &Body, name: &str) -> Option<myrmex_model::ir::NodeId> {
    match body {
        Body::Graph(graph) => Some(graph.children[graph.child_index(name)? as usize].node),
        Body::Flow(flow) => Some(flow.children[flow.child_index(name)? as usize].node),
        _ => None,
    }
}
