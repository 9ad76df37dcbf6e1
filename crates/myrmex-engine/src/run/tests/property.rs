//! Invariants over generated definitions and generated luck. A failing case prints its bytes; `shrunk_*` tests keep the
//! ones that were found.

use std::collections::BTreeSet;

use myrmex_model::address::Address;
use myrmex_model::command::{ChildEnd, Command};
use myrmex_model::event::Event;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::planning::Project;
use myrmex_model::retry::Takings;
use myrmex_model::status::Status;
use proptest::collection::vec;
use proptest::prelude::*;

use super::audit::{check_edges, check_journal};
use super::build::{Spec, Then, What, bounded, define, project_of, task, value};
use super::generate::Chooser;
use super::host::{
    Host, address, dispatch, ended_badly, ended_well, fault, lost, lost_alone, report_of, value_hash,
};
use super::people;
use crate::run::{Again, Rejection, Run, TURN_ITEMS_MAX};

/// More steps than any generated run needs once its luck has run out.
const STEPS_MAX: usize = 20_000;

/// The steps after which the check of every turn stops: it replays the whole journal.
const STEPS_CHECKED: usize = 300;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn runs_keep_every_invariant_and_end(shape in vec(any::<u8>(), 0..160), luck in vec(any::<u8>(), 0..240)) {
        live(shape, luck, Meddling::Reports);
    }

    #[test]
    fn runs_that_are_cancelled_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
    ) {
        live(shape, luck, Meddling::Cancel);
    }

    #[test]
    fn runs_that_are_rebased_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
    ) {
        live(shape, luck, Meddling::Rebase);
    }

    #[test]
    fn runs_with_tasks_that_are_skipped_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
    ) {
        live(shape, luck, Meddling::Skip);
    }

    #[test]
    fn runs_that_wait_for_people_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
    ) {
        live(shape, luck, Meddling::People);
    }

    #[test]
    fn runs_of_projects_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
    ) {
        live(shape, luck, Meddling::Project);
    }

    #[test]
    fn runs_that_are_retried_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
    ) {
        retry(shape, luck);
    }

    #[test]
    fn runs_in_short_turns_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
        turn_items in 1..4_u32,
        meddling in prop_oneof![
            Just(Meddling::Reports),
            Just(Meddling::Cancel),
            Just(Meddling::Rebase),
            Just(Meddling::Skip),
            Just(Meddling::People),
            Just(Meddling::Project),
        ],
    ) {
        live_in_turns(shape, luck, meddling, turn_items);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn runs_that_forget_keep_every_invariant_and_end(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
        waiting in 1..4_usize,
        turn_items in prop_oneof![1..4_u32, Just(TURN_ITEMS_MAX)],
        meddling in prop_oneof![
            Just(Meddling::Reports),
            Just(Meddling::Cancel),
            Just(Meddling::Rebase),
            Just(Meddling::People),
            Just(Meddling::Project),
        ],
    ) {
        live_frugally(shape, luck, meddling, Some(waiting), turn_items);
    }

    #[test]
    fn runs_that_forget_what_has_ended_decide_as_those_that_do_not(
        shape in vec(any::<u8>(), 0..160),
        luck in vec(any::<u8>(), 0..240),
        meddling in prop_oneof![Just(Meddling::Reports), Just(Meddling::Cancel)],
    ) {
        let all = live(shape.clone(), luck.clone(), meddling);
        let some = live_frugally(shape, luck, meddling, Some(usize::MAX), TURN_ITEMS_MAX);
        prop_assert_eq!(all.journal, some.journal);
    }
}

/// Without this the properties above could hold because nothing happens.
#[test]
fn generated_runs_reach_every_kind_of_event() {
    let mut kinds = std::collections::BTreeMap::<_, usize>::new();
    let mut state = 1_u64;
    let mut bytes = |count: usize| -> Vec<u8> {
        let draw = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..count).map(draw).collect()
    };
    for _ in 0..150 {
        for meddling in
            [Meddling::Reports, Meddling::Cancel, Meddling::Rebase, Meddling::People, Meddling::Project]
        {
            let (shape, luck) = (bytes(160), bytes(240));
            for event in live(shape, luck, meddling).events() {
                *kinds.entry(event.kind()).or_default() += 1;
            }
        }
        for event in retry(bytes(160), bytes(240)).events() {
            *kinds.entry(event.kind()).or_default() += 1;
        }
    }
    assert_eq!(kinds.len(), 37, "{kinds:?}");
    assert!(kinds.values().all(|count| *count >= 5), "{kinds:?}");
}

/// What the host does beside running tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meddling {
    Reports,
    Cancel,
    Rebase,
    /// And somebody skips what waits.
    Skip,
    /// And tasks wait for people and messages; the run may be cancelled or moved.
    People,
    /// And it is a project: what fails is stuck.
    Project,
}

impl Meddling {
    fn has_people(self) -> bool {
        matches!(self, Self::People | Self::Project)
    }
}

/// Lives a run to its end and checks everything.
fn live(shape: Vec<u8>, luck: Vec<u8>, meddling: Meddling) -> Host {
    live_in_turns(shape, luck, meddling, TURN_ITEMS_MAX)
}

/// Does the same in turns of at most so many items.
fn live_in_turns(shape: Vec<u8>, luck: Vec<u8>, meddling: Meddling, turn_items: u32) -> Host {
    live_frugally(shape, luck, meddling, None, turn_items)
}

/// Does the same, and folds after every turn, if that is wanted.
fn live_frugally(
    shape: Vec<u8>,
    luck: Vec<u8>,
    meddling: Meddling,
    frugality: Option<usize>,
    turn_items: u32,
) -> Host {
    let is_bounded = shape.last().is_some_and(|byte| byte % 4 == 1);
    let chooser = Chooser::new(shape);
    let mut chooser = if meddling.has_people() { chooser.with_people() } else { chooser };
    let is_project = meddling == Meddling::Project;
    let root = if is_project { chooser.project() } else { chooser.root() };
    let definition = if is_project { project_of(&root, Project::default()) } else { define(&root) };
    let mut host = Host::new(if is_bounded { bounded(&definition) } else { definition });
    let mut luck = Chooser::new(luck);
    host.dispatch = dispatch(Epoch(1), 1 + u32::try_from(luck.below(5)).unwrap());
    host.luck = Some(luck);
    host.run.set_turn_items(turn_items);
    host.frugality = frugality;
    if let Some(waiting) = frugality {
        host.run.set_frugal(waiting);
    }
    host.start();
    go_on(host, root, meddling)
}

/// Lives a run to its end, asks for some of it again, and lives the retry to its end.
fn retry(shape: Vec<u8>, mut luck: Vec<u8>) -> Host {
    let second = luck.split_off(luck.len() / 2);
    let first = live(shape, luck, Meddling::Reports);
    let history = first.run.history(&Takings::default());
    let mut luck = Chooser::new(second);
    let tasks: Vec<_> = first.run.tasks().map(|task| task.address().path().into_owned()).collect();
    let wanted = Some(luck.below(tasks.len() + 1)).filter(|index| *index < tasks.len() && luck.one_in(2));
    // What is inside of a handler is never taken over, so it is nothing that can be asked for.
    let again: Vec<Again> = wanted.map(|index| Again::Task(tasks[index].clone())).into_iter().collect();
    let definition = std::sync::Arc::clone(first.run.definition());
    let choice = history.choose((&definition, false), &again, &BTreeSet::new());
    let choice = choice.or_else(|_| history.choose((&definition, false), &[], &BTreeSet::new())).unwrap();
    let mut host = Host::new(definition);
    (host.luck, host.takings) = (Some(luck), choice.takings);
    host.begin_retry();
    let host = go_on(host, task("_"), Meddling::Reports);
    for event in host.events() {
        if let Event::TaskTaken { task, taken } = event {
            let before = &host.takings.results[task];
            assert_eq!((before.status, before.output), (Status::Succeeded, taken.output));
        }
        let ran = matches!(event, Event::AttemptGranted { .. } | Event::ChildCalled { .. });
        let task = event.task().filter(|_| ran);
        let is_taken = |task: &Address| {
            host.takings.results.get(task).is_some_and(|taken| taken.status == Status::Succeeded)
        };
        assert!(!task.is_some_and(is_taken), "`{task:?}` ran although its result was there");
    }
    host
}

/// Lives a run that has started to its end and checks everything.
fn go_on(mut host: Host, mut root: Spec, meddling: Meddling) -> Host {
    let mut snapshot: Option<(Vec<u8>, usize)> = None;
    for step in 0.. {
        assert!(step < STEPS_MAX, "the run does not end: {root:#?}");
        host.is_checked = step < STEPS_CHECKED;
        if host.run.status().is_terminal() {
            break;
        }
        match draw(&mut host, 16) {
            13 if meddling == Meddling::Cancel && draw(&mut host, 3) == 0 => host.cancel(),
            13 if meddling.has_people() && draw(&mut host, 8) == 1 => host.cancel(),
            13 | 10 if meddling.has_people() => people::speak(&mut host),
            9 if meddling.has_people() => people::say_again(&mut host),
            14 if meddling.has_people() && draw(&mut host, 4) == 1 => rebase(&mut host, &mut root),
            13 if meddling == Meddling::Skip => skip(&mut host),
            14 if meddling == Meddling::Rebase => rebase(&mut host, &mut root),
            15 => report_nonsense(&mut host),
            12 if !host.run.has_more() => snapshot = Some((host.run.snapshot(), host.journal.len())),
            11 => host.pass(7),
            kind => advance(&mut host, kind),
        }
    }
    host.is_checked = true;
    super::audit::check_turn(&host);
    check_end(&host, snapshot);
    host
}

fn draw(host: &mut Host, count: usize) -> usize {
    host.luck.as_mut().map_or(0, |luck| luck.below(count))
}

/// Skips a task if it waits.
fn skip(host: &mut Host) {
    let tasks: Vec<Address> = host.run.tasks().map(|task| task.address()).collect();
    if tasks.is_empty() {
        return;
    }
    let tasks = vec![tasks[draw(host, tasks.len())].clone()];
    let asked = host.put(Command::Skip { tasks, by: "ana".into(), reason: String::new() });
    assert!(matches!(asked, Ok(()) | Err(Rejection::NotSkippable { .. })), "{asked:?}");
}

/// Does something that leads on.
fn advance(host: &mut Host, kind: usize) {
    if host.run.has_more() && kind < 4 {
        return host.finish_turns();
    }
    if std::mem::take(&mut host.is_queued) {
        let holder = RunId([3; 16]);
        let ruling = match draw(host, 8) {
            0 => Command::TurnAway { holder, is_deadlock: false },
            1 => Command::TurnAway { holder, is_deadlock: true },
            _ => Command::Admit,
        };
        return host.put(ruling).unwrap();
    }
    let queued = host.run.queued().len();
    if queued > 0 && kind < 9 {
        host.grant();
    }
    let tokens: Vec<FencingToken> = host.assigned.keys().copied().collect();
    if !tokens.is_empty() && (host.timers.is_empty() || kind < 8) {
        let token = tokens[draw(host, tokens.len())];
        let is_stopping = host.stopping.contains(&token);
        let end = match draw(host, 13) {
            0..=4 if is_stopping => AttemptEnd::Stopped,
            0..=6 => ended_well(),
            7 | 8 => ended_badly(),
            9 => AttemptEnd::TimedOut { fault: fault("late") },
            10 => lost(),
            11 => lost_alone(),
            _ => AttemptEnd::Stopped,
        };
        host.report(token, end).unwrap();
    } else if !host.children.is_empty() && (host.timers.is_empty() || kind < 8) {
        end_child(host);
    } else if !host.timers.is_empty() && (kind < 12 || !people::is_asked(host)) {
        host.fire();
    } else {
        people::speak(host);
    }
}

fn end_child(host: &mut Host) {
    let children: Vec<_> =
        host.children.iter().map(|(child, (_, is_stopping))| (*child, *is_stopping)).collect();
    let (child, is_stopping) = children[draw(host, children.len())];
    let end = match draw(host, 9) {
        0..=3 if is_stopping => ChildEnd::Cancelled,
        0..=4 => ChildEnd::Succeeded { output: value_hash("\"child\"") },
        5 => ChildEnd::Failed { fault: fault("the child broke"), is_timeout: false },
        6 => ChildEnd::Failed { fault: fault("the child is late"), is_timeout: true },
        7 => ChildEnd::Skipped,
        _ => ChildEnd::Cancelled,
    };
    host.end_child(child, end).unwrap();
    let again =
        Command::ChildEnded { task: address("none"), child, end: ChildEnd::Cancelled, is_unknown: false };
    if !host.run.status().is_terminal() {
        assert!(matches!(host.put(again), Err(Rejection::StaleChild { .. })));
    }
}

/// Reports that belong to no running attempt are refused.
fn report_nonsense(host: &mut Host) {
    let granted = host.journal.iter().filter_map(|recorded| match &recorded.event {
        Event::AttemptGranted { task, attempt, token, .. } => Some((task.clone(), *attempt, *token)),
        _ => None,
    });
    let granted: Vec<_> = granted.collect();
    if granted.is_empty() {
        return;
    }
    let (task, attempt, token) = granted[draw(host, granted.len())].clone();
    let is_running = host.assigned.contains_key(&token);
    let foreign = FencingToken(token.0 + (1 << 40));
    let wrong_token = host.put(report_of(&task, attempt, foreign, ended_well()));
    assert!(matches!(wrong_token, Err(Rejection::StaleAttempt { .. } | Rejection::UnknownTask { .. })));
    let wrong_attempt = host.put(report_of(&task, Attempt(attempt.0 + 1), token, ended_well()));
    assert!(matches!(wrong_attempt, Err(Rejection::StaleAttempt { .. } | Rejection::UnknownTask { .. })));
    if !is_running {
        let again = host.put(report_of(&task, attempt, token, ended_badly()));
        assert!(matches!(again, Err(Rejection::StaleAttempt { .. } | Rejection::UnknownTask { .. })));
    }
}

fn rebase(host: &mut Host, root: &mut Spec) {
    let mut luck = host.luck.take().unwrap();
    let mut changed = root.clone();
    let mut count = host.definitions.len() * 100;
    mutate(&mut changed, &mut luck, &mut count);
    let renamed = if luck.one_in(2) { rename(&mut changed, &mut luck, &format!("r{count}")) } else { None };
    host.luck = Some(luck);
    let map: Vec<_> = renamed.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    match host.rebase(&changed, &map) {
        Ok(()) => *root = changed,
        Err(Rejection::Rebase(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Renames a child of a root that is a graph, and returns its old and its new name.
fn rename(root: &mut Spec, luck: &mut Chooser, new: &str) -> Option<(String, String)> {
    let What::Graph(graph) = &mut root.what else { return None };
    let index = luck.below(graph.children.len());
    let child = graph.children.get_mut(index)?;
    let old = std::mem::replace(&mut child.name, new.to_owned());
    if let What::Each { body, .. } = &mut child.what {
        new.clone_into(&mut body.name);
    }
    let needs = graph.children.iter_mut().flat_map(|child| &mut child.needs);
    for need in needs.filter(|need| need.from == old) {
        new.clone_into(&mut need.from);
    }
    Some((old, new.to_owned()))
}

/// Changes a definition here and there.
fn mutate(spec: &mut Spec, luck: &mut Chooser, count: &mut usize) {
    match &mut spec.what {
        What::Graph(graph) => {
            let children = &mut graph.children;
            for child in children.iter_mut() {
                mutate(child, luck, count);
            }
            if luck.one_in(2) {
                *count += 1;
                let mut child =
                    if luck.one_in(2) { task(&format!("n{count}")) } else { value(&format!("n{count}")) };
                if luck.one_in(2) && !children.is_empty() {
                    child = child.after(&children[luck.below(children.len())].name);
                }
                children.push(child);
            }
            if luck.one_in(3) && children.len() > 1 {
                let gone = children.remove(luck.below(children.len())).name;
                for child in children.iter_mut() {
                    child.needs.retain(|need| need.from != gone);
                }
            }
            if luck.one_in(3) && children.len() > 1 {
                let to = 1 + luck.below(children.len() - 1);
                let from = children[luck.below(to)].name.clone();
                let child =
                    children[to].clone().after_with(&from, &[myrmex_model::outcome::Outcome::Succeeded], 5);
                children[to] = child;
            }
            if luck.one_in(4) {
                graph.fail_fast = !graph.fail_fast;
            }
            if luck.one_in(4) {
                graph.max_parallel = Some(1);
            }
        }
        What::Flow(children) => {
            for child in children.iter_mut() {
                mutate(child, luck, count);
            }
            if luck.one_in(2) {
                *count += 1;
                let at = luck.below(children.len() + 1);
                children.insert(at, value(&format!("n{count}")).then(Then::Continue));
            }
        }
        What::Each { body, .. } => mutate(body, luck, count),
        What::Task { .. }
        | What::Value
        | What::Timer
        | What::Choose(_)
        | What::Raise
        | What::Await { .. }
        | What::Call { .. } => {}
    }
}

fn check_end(host: &Host, snapshot: Option<(Vec<u8>, usize)>) {
    check_journal(&host.journal);
    people::check(host);
    let is_rebased = host.events().any(|event| matches!(event, Event::Rebased { .. }));
    if !is_rebased {
        check_edges(host);
    }
    for view in host.run.tasks() {
        assert!(view.status().is_terminal(), "`{}` is left {}", view.address(), view.status());
    }
    let is_cancelled = host.events().any(
        |event| matches!(event, Event::CancelRequested { scope, by, .. } if scope.is_root() && by == "ana"),
    );
    assert_eq!(is_cancelled, host.run.status() == Status::Cancelled);
    assert!(host.children.is_empty(), "nobody is waited for after the end");
    assert!(host.assigned.is_empty() && host.dispatch.waiting() == 0 && host.dispatch.leases().count() == 0);
    let refused = Run::clone(&host.run)
        .decide(Command::Cancel { by: String::new(), reason: String::new(), successor: None }, host.now);
    assert!(matches!(refused, Err(Rejection::RunOver { .. })));
    if let Some((bytes, index)) = snapshot {
        let mut find = |hash| host.definitions.get(&hash).cloned();
        let mut restored = Run::from_snapshot(&bytes, &mut find).unwrap();
        restored.replay_more(&host.journal[index..], &mut find).unwrap();
        assert_eq!(restored.folded_facts(), host.run.folded_facts(), "snapshot and tail equal the journal");
        assert!(restored.is_same_as(&host.run));
    }
}

#[test]
fn shrunk_a_run_that_is_cancelled_between_two_short_turns_ends_cancelled() {
    let shape = vec![
        0, 3, 235, 14, 83, 8, 0, 0, 0, 0, 0, 4, 0, 164, 1, 126, 0, 0, 39, 81, 0, 0, 0, 0, 187, 0, 0, 0, 0,
        108, 60, 60, 42, 0, 0, 28, 83, 178, 0, 0, 0, 27, 3,
    ];
    let luck = vec![0, 0, 0, 20, 0, 0, 0, 0, 171, 45, 4, 19, 45, 63, 0];
    live_in_turns(shape, luck, Meddling::Cancel, 1);
}

#[test]
fn shrunk_a_block_that_waits_for_what_it_holds_in_its_second_attempt_has_no_timer() {
    let shape = vec![
        0, 191, 1, 101, 0, 189, 0, 0, 0, 187, 9, 3, 115, 134, 0, 0, 92, 0, 0, 0, 0, 0, 4, 91, 235, 98, 0, 0,
        25, 0, 0, 32, 0, 0, 191,
    ];
    live(shape, vec![0, 48, 0, 0, 0, 0, 0, 23, 0, 0], Meddling::Rebase);
}
