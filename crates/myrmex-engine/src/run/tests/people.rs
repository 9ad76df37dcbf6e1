//! People who answer, and messages that come early, late and twice.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::event::Event;
use myrmex_model::fault::FaultKind;
use myrmex_model::ir::{AwaitKind, GateDecision};
use myrmex_model::signal::{Answer, Progress, Settlement, Signal, Word};
use myrmex_model::status::{Phase, Status};

use super::build::{approval, awaiting, catch, flow, graph, listener, name, task, value};
use super::generate::gate;
use super::host::{Host, address, value_hash};
use crate::run::{MESSAGES_KEPT_MAX, Reason, Rejection};

const HALF: Answer = Answer::Progress(Progress { percent: 50, spent: None, remaining: None });

fn why(result: Result<(), Rejection>) -> String {
    result.expect_err("it is refused").to_string()
}

/// Returns the data and who gave it of what a run recorded, in order.
fn received(host: &Host) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::SignalReceived { signal, .. } => Some(format!("{} by {}", event.kind(), signal.by)),
        _ => None,
    };
    host.events().filter_map(line).collect()
}

#[test]
fn an_approval_of_two_needs_two_different_people() {
    let mut host = Host::started(&flow("root", vec![approval("go", 2), task("ship")]));
    assert_eq!(host.run.why(&address("go")), Some(Reason::Awaited));
    assert!(host.run.only_waits());
    host.reply("go", "ana", Answer::Approved).unwrap();
    let again = why(host.reply("go", "ana", Answer::Approved));
    assert!(again.ends_with("`ana` has answered already, and 2 people have to agree"), "{again}");
    host.expect(&[("go", Status::Waiting)]);
    host.reply("go", "bob", Answer::Approved).unwrap();
    host.expect(&[("go", Status::Succeeded)]);
    assert_eq!(host.run.task(&address("go")).unwrap().output(), Some(value_hash("\"answered\"")));
    host.finish();
}

#[test]
fn a_refusal_fails_the_task_with_a_type_of_its_own() {
    let root = flow("root", vec![approval("go", 2).catching(catch(value("h")).of_kind("refused"))]);
    let mut host = Host::started(&root);
    host.reply("go", "ana", Answer::Approved).unwrap();
    let word = Word::Answer { task: address("go"), answer: Answer::Rejected };
    let comment = Some("not today".to_owned());
    host.say(Signal { id: "no".into(), by: "bob".into(), word, data: None, comment }).unwrap();
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
    let fault = host.run.task(&address("go")).unwrap().fault().cloned().unwrap();
    assert_eq!(
        (fault.kind, fault.status, fault.title.as_str()),
        (FaultKind::Refused, 403, "rejected by bob")
    );
    assert_eq!(fault.detail.as_deref(), Some("not today"));
}

#[test]
fn what_is_said_twice_counts_once() {
    let mut host = Host::started(&graph("root", vec![approval("go", 2), awaiting("do", AwaitKind::Manual)]));
    host.reply("go", "ana", Answer::Approved).unwrap();
    let first = host.said[0].clone();
    let before = host.journal.len();
    host.say(first.clone()).unwrap();
    assert_eq!(host.journal.len(), before, "nothing is recorded");
    let other = Signal { by: "bob".into(), ..first.clone() };
    assert_eq!(why(host.say(other)), "another signal was received before under the id `s0`");
    host.reply("go", "bob", Answer::Approved).unwrap();
    host.reply("do", "bob", Answer::Done).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
    host.say(first).unwrap();
    let late = host.reply("go", "cid", Answer::Approved);
    assert_eq!(late, Err(Rejection::RunOver { status: Status::Succeeded }));
}

#[test]
fn who_is_excluded_or_not_asked_cannot_answer() {
    let mut host = Host::started(&flow("root", vec![awaiting("do", AwaitKind::Manual)]));
    let excluded = why(host.reply("do", "eve", Answer::Done));
    assert_eq!(excluded, "task `do` takes no such answer: `eve` is excluded from answering");
    let asked = |from: &[&str]| myrmex_model::effect::Asked {
        from: from.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    for (from, by, may) in [
        (vec!["ana"], "ana", true),
        (vec!["person:ana"], "ana", true),
        (vec!["ana", "bob"], "cid", false),
        (vec!["group:board"], "cid", true),
        (vec![], "cid", true),
    ] {
        let mut host = Host::new(super::build::define(&flow("root", vec![awaiting("do", AwaitKind::Form)])));
        let question = myrmex_model::effect::Evaluation::Asked(Box::new(asked(&from)));
        host.answer("do", question);
        host.start();
        assert_eq!(host.reply("do", by, Answer::Done).is_ok(), may, "{from:?} {by}");
    }
}

#[test]
fn each_kind_takes_its_own_answers() {
    let kinds = [
        ("manual", AwaitKind::Manual, vec![Answer::Done, Answer::Failed, HALF]),
        ("approval", AwaitKind::Approval, vec![Answer::Approved, Answer::Rejected]),
        ("form", AwaitKind::Form, vec![Answer::Done, Answer::Failed]),
        ("signal", AwaitKind::Signal(name("go")), vec![]),
        (
            "gate",
            AwaitKind::Gate(Box::new(gate())),
            GateDecision::ALL.into_iter().map(Answer::Decided).collect(),
        ),
    ];
    let all = [Answer::Approved, Answer::Rejected, Answer::Done, Answer::Failed, HALF];
    let all = all.into_iter().chain(GateDecision::ALL.map(Answer::Decided));
    for answer in all {
        for (word, kind, takes) in &kinds {
            let mut host = Host::started(&flow("root", vec![awaiting("a", kind.clone())]));
            assert_eq!(host.reply("a", "ana", answer).is_ok(), takes.contains(&answer), "{word} {answer:?}");
        }
    }
}

#[test]
fn progress_is_recorded_and_leaves_the_work_open() {
    let mut host = Host::started(&flow("root", vec![awaiting("do", AwaitKind::Manual)]));
    host.reply("do", "ana", HALF).unwrap();
    let view = host.run.task(&address("do")).unwrap().awaited().unwrap();
    assert_eq!(view.latest.map(|(signal, _)| signal.by.as_str()), Some("ana"));
    let beyond = Answer::Progress(Progress { percent: 101, spent: None, remaining: None });
    assert!(why(host.reply("do", "ana", beyond)).ends_with("and not `progress`"));
    host.expect(&[("do", Status::Waiting)]);
    host.reply("do", "ana", Answer::Done).unwrap();
    assert_eq!(received(&host), ["task.progress by ana", "task.answered by ana"]);
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_gate_that_is_held_is_asked_again() {
    let kind = AwaitKind::Gate(Box::new(gate()));
    let mut host = Host::started(&flow("root", vec![awaiting("g", kind)]));
    host.reply("g", "ana", Answer::Decided(GateDecision::Hold)).unwrap();
    host.expect(&[("g", Status::Waiting)]);
    host.reply("g", "ana", Answer::Decided(GateDecision::Go)).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_message_that_came_before_is_kept_and_taken_once() {
    let listeners = vec![task("first"), listener("a", "go"), listener("b", "go")];
    let mut host = Host::started(&flow("root", listeners));
    host.send("go").unwrap();
    host.send("other").unwrap();
    assert_eq!(host.run.messages().count(), 2);
    host.succeed("first");
    host.expect(&[("a", Status::Succeeded), ("b", Status::Waiting)]);
    assert_eq!(host.run.task(&address("a")).unwrap().output(), Some(value_hash("\"data\"")));
    host.send("go").unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
    assert_eq!(host.run.messages().map(|(signal, _)| signal.id.as_str()).collect::<Vec<_>>(), ["s1"]);
}

#[test]
fn a_message_goes_to_the_task_that_waits_longest() {
    let mut host =
        Host::started(&graph("root", vec![task("t"), listener("a", "go").after("t"), listener("b", "go")]));
    host.pass(10);
    host.succeed("t");
    host.send("go").unwrap();
    host.expect(&[("a", Status::Waiting), ("b", Status::Succeeded)]);
}

#[test]
fn messages_that_nobody_takes_are_bounded() {
    let mut host = Host::started(&flow("root", vec![awaiting("do", AwaitKind::Manual)]));
    host.is_checked = false;
    for _ in 0..MESSAGES_KEPT_MAX {
        host.send("go").unwrap();
    }
    assert_eq!(host.send("go"), Err(Rejection::MessagesKept { count: MESSAGES_KEPT_MAX }));
    let first = host.said[0].clone();
    host.say(first).unwrap();
    assert_eq!(host.run.messages().count(), MESSAGES_KEPT_MAX);
}

#[test]
fn who_does_not_answer_in_time_is_too_late_whoever_notices_first() {
    let root =
        flow("root", vec![approval("go", 1).expiring(100).catching(catch(value("h")).of_kind("timeout"))]);
    let mut host = Host::started(&root);
    host.pass(100);
    assert!(why(host.reply("go", "ana", Answer::Approved)).ends_with("its time has run out"));
    host.fire();
    let over = why(host.reply("go", "ana", Answer::Approved));
    assert!(over.contains("over"), "{over}");
    let fault = host.run.task(&address("go")).unwrap().fault().cloned().unwrap();
    assert_eq!(fault.title, "nobody answered within 100ms");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn answers_count_for_the_attempt_that_asked() {
    let mut host = Host::started(&flow("root", vec![approval("go", 2).retried(1, 50)]));
    host.reply("go", "ana", Answer::Approved).unwrap();
    host.reply("go", "bob", Answer::Rejected).unwrap();
    host.expect(&[("go", Status::Waiting)]);
    let between = why(host.reply("go", "cid", Answer::Approved));
    assert!(between.ends_with("it waits for its next attempt"), "{between}");
    host.fire();
    host.reply("go", "cid", Answer::Approved).unwrap();
    host.expect(&[("go", Status::Waiting)]);
    host.reply("go", "ana", Answer::Approved).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn what_comes_after_a_cancel_is_refused_with_the_reason() {
    let root = graph("root", vec![awaiting("do", AwaitKind::Manual).finally(task("f")), listener("a", "go")]);
    let mut host = Host::started(&root);
    host.reply("do", "ana", HALF).unwrap();
    host.cancel();
    let ended = why(host.reply("do", "ana", Answer::Done));
    assert!(ended.ends_with("how it ends is decided already"), "{ended}");
    assert_eq!(host.send("go"), Err(Rejection::RunEnding));
    host.finish();
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn what_follows_a_cancel_may_wait_for_a_message() {
    let root = graph("root", vec![task("t")]).finally(flow("root", vec![listener("a", "go")]));
    let mut host = Host::started(&root);
    host.grant();
    host.cancel();
    host.end("t", myrmex_model::outcome::AttemptEnd::Stopped);
    assert_eq!(host.send("other"), Err(Rejection::RunEnding));
    host.send("go").unwrap();
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn a_task_that_waits_for_people_can_be_skipped() {
    let mut host = Host::started(&flow("root", vec![awaiting("do", AwaitKind::Manual)]));
    let skip = myrmex_model::command::Command::Skip {
        tasks: vec![address("do")],
        by: "ana".into(),
        reason: "done elsewhere".into(),
    };
    host.put(skip).unwrap();
    host.expect(&[("do", Status::Skipped)]);
}

#[test]
fn a_run_that_waits_for_nobody_else_stands_still() {
    let mut host = Host::started(&graph("root", vec![task("t"), approval("go", 1).expiring(100)]));
    assert_eq!(host.run.standstill(), None, "a task is under way");
    host.succeed("t");
    assert!(host.run.standstill().is_some_and(|still| still.asks && still.children.is_empty()));
    host.reply("go", "ana", Answer::Approved).unwrap();
    assert_eq!(host.run.standstill(), None, "it is over");
}

#[test]
fn a_task_that_asks_says_so() {
    let host = Host::started(&flow("root", vec![approval("go", 1)]));
    let change = host.journal.last().unwrap().change;
    assert_eq!((change.to, change.phase), (Status::Waiting, Phase::Awaiting));
    assert_eq!(host.story(1), ["task.entered", "await.opened go"][1..]);
}

/// Returns whether a task waits for people or a message.
pub(super) fn is_asked(host: &Host) -> bool {
    host.run.tasks().any(|task| task.is_awaiting() || task.is_stuck())
}

fn draw(host: &mut Host, count: usize) -> usize {
    host.luck.as_mut().map_or(0, |luck| luck.below(count))
}

/// Lets somebody say something: to a task that asks, or else to any.
pub(super) fn speak(host: &mut Host) {
    let asking: Vec<Address> = host
        .run
        .tasks()
        .filter(|task| task.is_awaiting() || task.is_stuck())
        .map(|task| task.address())
        .collect();
    let all: Vec<Address> = host.run.tasks().map(|task| task.address()).collect();
    let tasks = if asking.is_empty() || draw(host, 8) == 7 { all } else { asking };
    let Some(task) = (!tasks.is_empty()).then(|| tasks[draw(host, tasks.len())].clone()) else { return };
    if host.run.task(&task).is_some_and(|task| task.is_stuck()) {
        let settlement = [Settlement::Skip, Settlement::Retry, Settlement::Abandon][draw(host, 3)];
        return told(&host.reply(task.as_str(), "ana", Answer::Settled(settlement)));
    }
    let view = host.run.task(&task).and_then(|task| task.awaited());
    let (kind, count) = view.map_or((None, 0), |view| (Some(view.body.kind.clone()), view.answers.len()));
    let by = match draw(host, 6) {
        4 => "p0".to_owned(),
        5 => "eve".to_owned(),
        _ => format!("p{count}"),
    };
    let choose = |host: &mut Host, answers: &[Answer]| answers[draw(host, answers.len())];
    let yes = |answer: Answer| [answer; 4];
    let answer = match kind {
        Some(AwaitKind::Signal(own)) => {
            let message = if draw(host, 6) == 5 { "other".to_owned() } else { own.as_str().to_owned() };
            return told(&host.send(&message));
        }
        Some(AwaitKind::Approval) => {
            choose(host, &[&yes(Answer::Approved)[..], &[Answer::Rejected, Answer::Done]].concat())
        }
        Some(AwaitKind::Gate(_)) => {
            let all = GateDecision::ALL.map(Answer::Decided);
            choose(host, &[&yes(Answer::Decided(GateDecision::Go))[..], &all].concat())
        }
        Some(AwaitKind::Manual) => {
            choose(host, &[&yes(Answer::Done)[..], &[Answer::Failed, HALF, HALF, HALF, HALF, HALF]].concat())
        }
        Some(AwaitKind::Form) | None => choose(host, &[&yes(Answer::Done)[..], &[Answer::Failed]].concat()),
    };
    told(&host.reply(task.as_str(), &by, answer));
}

fn told(result: &Result<(), Rejection>) {
    assert!(
        matches!(
            result,
            Ok(())
                | Err(Rejection::NotAnswerable { .. }
                        | Rejection::UnknownTask { .. }
                        | Rejection::RunEnding
                        // What came before in the same step ended the run.
                        | Rejection::RunOver { .. })
        ),
        "{result:?}"
    );
}

/// Says again what was acknowledged: nothing happens, and another content under the same id is refused.
pub(super) fn say_again(host: &mut Host) {
    if host.said.is_empty() {
        return;
    }
    let index = draw(host, host.said.len());
    let signal = host.said[index].clone();
    // In short turns what is left to decide is decided meanwhile.
    let before = received(host).len();
    host.say(signal.clone()).unwrap();
    assert_eq!(received(host).len(), before, "what is said again changes nothing");
    let other = Signal { comment: Some("other".into()), ..signal };
    // The run may have ended meanwhile.
    let reused = host.say(other);
    assert!(matches!(reused, Err(Rejection::SignalReused { .. } | Rejection::RunOver { .. })), "{reused:?}");
}

/// Checks that everything that was acknowledged is recorded once, that a message is taken once at most, and that people are counted
/// once.
pub(super) fn check(host: &Host) {
    let mut recorded: BTreeMap<&str, &Signal> = BTreeMap::new();
    let (mut taken, mut agreed): (BTreeSet<&str>, BTreeMap<&Address, BTreeSet<&str>>) = Default::default();
    for event in host.events() {
        match event {
            Event::SignalReceived { signal, .. } => {
                assert!(recorded.insert(&signal.id, signal).is_none(), "`{}` is recorded twice", signal.id);
                if let Word::Answer { task, answer: Answer::Approved } = &signal.word {
                    let is_new = agreed.entry(task).or_default().insert(&signal.by);
                    assert!(is_new, "`{}` counts twice for `{task}`", signal.by);
                }
            }
            Event::SignalTaken { id, .. } => {
                assert!(recorded.contains_key(id.as_str()), "`{id}` was never said");
                assert!(taken.insert(id), "`{id}` is taken twice");
            }
            Event::AwaitOpened { task, .. } => drop(agreed.remove(task)),
            _ => {}
        }
    }
    for signal in &host.said {
        assert_eq!(recorded.get(signal.id.as_str()), Some(&signal), "what was acknowledged is recorded");
    }
    assert_eq!(recorded.len(), host.said.len(), "what was not acknowledged is not recorded");
    // What was kept and not taken is still there.
    let messages = recorded.values().filter(|signal| matches!(signal.word, Word::Message(_)));
    let left: BTreeSet<&str> =
        messages.map(|signal| signal.id.as_str()).filter(|id| !taken.contains(id)).collect();
    let kept: BTreeSet<&str> = host.run.messages().map(|(signal, _)| signal.id.as_str()).collect();
    assert_eq!(kept, left, "no message is lost");
}

#[test]
fn a_person_is_the_same_one_with_the_word_for_its_kind() {
    let mut host = Host::started(&graph("root", vec![approval("go", 2)]));
    host.reply("go", "ana", Answer::Approved).unwrap();
    let again = why(host.reply("go", "person:ana", Answer::Approved));
    assert!(again.contains("has answered already"), "{again}");
    host.reply("go", "person:bob", Answer::Approved).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn no_message_is_kept_while_a_task_waits_for_it_whoever_is_attended_first() {
    let root = |name: &str| graph("root", vec![listener("z", name), listener("a", name)]);
    let mut host = Host::started(&root("go"));
    host.send("other").unwrap();
    host.send("other").unwrap();
    host.rebase(&root("other"), &[]).unwrap();
    host.expect(&[("z", Status::Succeeded), ("a", Status::Succeeded)]);
}
