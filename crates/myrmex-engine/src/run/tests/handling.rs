//! What follows a body: handlers of errors, `on_failure`, `finally`, and attempts of scopes.

use myrmex_model::effect::{CatchChoice, Effect, Evaluation};
use myrmex_model::event::Event;
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::status::{Phase, Status};

use super::build::{Then, catch, define, each, flow, graph, raise, task, timer, value};
use super::host::{Host, address, list, value_hash};

const fn succeeded(task: &str) -> (&str, Status) {
    (task, Status::Succeeded)
}

const fn failed(task: &str) -> (&str, Status) {
    (task, Status::Failed)
}

#[test]
fn a_catch_ends_a_failure_and_the_error_stays_readable() {
    let root = graph("root", vec![task("a").catching(catch(value("_"))), task("b").after("a")]);
    let mut host = Host::started(&root);
    host.fail("a");
    host.finish();
    host.expect(&[succeeded("a"), succeeded("a/catch"), succeeded("b")]);
    let caught = host.run.task(&address("a")).unwrap();
    assert_eq!(
        (caught.fault().unwrap().title.as_str(), caught.output()),
        ("broke", Some(value_hash("\"value\"")))
    );
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn the_first_catch_that_fits_takes_the_error() {
    let broken = || {
        let other = catch(task("_")).of_kind("timeout");
        raise("a").catching(other).catching(catch(value("_")).of_status(500)).catching(catch(task("_")))
    };
    let mut host = Host::started(&flow("root", vec![broken()]));
    host.finish();
    host.expect(&[succeeded("a"), succeeded("a/catch-2")]);
    let mut host = Host::started(&flow("root", vec![raise("a").catching(catch(value("_")).of_status(404))]));
    host.finish();
    host.expect(&[failed("a")]);
}

#[test]
fn a_catch_whose_condition_is_false_takes_nothing() {
    let root = flow("root", vec![task("a").catching(catch(value("_")).when())]);
    let mut host = Host::started(&root);
    host.grant();
    host.answer("a", Evaluation::Catch(None));
    host.fail("a");
    assert_eq!((host.status("a"), host.run.status()), (Status::Failed, Status::Failed));
    let mut host = Host::started(&root);
    host.grant();
    host.answer_error("a");
    host.fail("a");
    assert_eq!(
        host.run.fault().unwrap().title,
        "no value",
        "a condition without a value takes nothing either"
    );
}

#[test]
fn a_catch_that_fails_hands_its_own_error_on() {
    let root = flow("root", vec![task("a").catching(catch(raise("_"))).on_failure(value("_"))]);
    let mut host = Host::started(&root);
    host.fail("a");
    host.expect(&[failed("a"), failed("a/catch"), succeeded("a/on_failure")]);
    assert_eq!(host.run.fault().unwrap().title, "raised");
}

#[test]
fn the_retry_of_a_catch_counts_for_itself() {
    let taken = catch(value("_")).retried(2, 10);
    let root = flow("root", vec![task("a").retried(1, 5).catching(taken)]);
    let mut host = Host::started(&root);
    for _ in 0..3 {
        host.fail("a");
        host.fire();
    }
    host.fail("a");
    host.expect(&[succeeded("a"), succeeded("a/catch")]);
    let by = host.events().filter_map(|event| match event {
        Event::RetryArmed { by_catch, .. } => Some(*by_catch),
        _ => None,
    });
    assert_eq!(by.collect::<Vec<_>>(), [None, Some(0), Some(0)]);
}

#[test]
fn a_catch_repeats_a_body_only_if_its_condition_lets_it() {
    let root = flow("root", vec![task("a").catching(catch(value("_")).when().retried(2, 10))]);
    let mut host = Host::started(&root);
    host.grant();
    host.answer("a", Evaluation::Catch(Some(CatchChoice { handler: 0, may_retry: false })));
    host.fail("a");
    host.expect(&[succeeded("a"), succeeded("a/catch")]);
}

#[test]
fn a_task_is_handled_while_its_handlers_run() {
    let root = graph("root", vec![task("a").on_failure(task("_")).finally(task("_")), task("b").after("a")]);
    let mut host = Host::started(&root);
    host.fail("a");
    let phase = |host: &Host| host.run.task(&address("a")).unwrap().phase();
    assert_eq!((host.status("a"), phase(&host)), (Status::Running, Phase::Handling));
    host.fail("a/on_failure");
    assert_eq!((host.status("a"), phase(&host)), (Status::Running, Phase::Finishing));
    assert_eq!(host.status("b"), Status::Pending);
    host.succeed("a/finally");
    host.expect(&[failed("a"), failed("a/on_failure"), ("b", Status::Skipped)]);
    assert_eq!(host.run.fault().unwrap().title, "broke", "what `on_failure` comes to changes nothing");
}

#[test]
fn finally_follows_every_end_and_its_failure_fails_what_succeeded() {
    let mut host = Host::started(&flow("root", vec![value("a").finally(raise("_")), task("b")]));
    host.finish();
    host.expect(&[failed("a")]);
    assert_eq!(host.run.fault().unwrap().task.as_deref(), Some("a/finally"));
    let mut host = Host::started(&flow("root", vec![raise("a").finally(task("_")).continuing(), task("b")]));
    host.succeed("a/finally");
    host.finish();
    host.expect(&[succeeded("a"), succeeded("b")]);
    assert_eq!(host.run.task(&address("a")).unwrap().fault().unwrap().title, "raised");
}

#[test]
fn what_was_skipped_or_never_began_has_no_handlers() {
    let skipped = task("a").guarded().finally(task("_"));
    let mut host =
        Host::new(define(&graph("root", vec![skipped, timer("t"), task("b").after("t").finally(task("_"))])));
    host.answer("a", Evaluation::Skip);
    host.start();
    host.cancel();
    host.expect(&[("a", Status::Skipped), ("b", Status::Cancelled)]);
    assert!(!host.story(0).iter().any(|line| line.starts_with("handler")));
}

#[test]
fn a_cancel_spares_finally_and_a_second_one_does_not() {
    let root =
        flow("root", vec![task("a").catching(catch(task("_"))).on_failure(task("_")).finally(task("_"))]);
    let mut host = Host::started(&root);
    host.fail("a");
    host.grant();
    let handler = host.token("a/catch");
    host.cancel();
    assert!(host.effects.contains(&Effect::Stop { token: handler }), "a catch under way is cancelled");
    host.report(handler, AttemptEnd::Stopped).unwrap();
    host.grant();
    let last = host.token("a/finally");
    assert!(!host.stopping.contains(&last));
    host.cancel();
    assert!(host.stopping.contains(&last));
    host.report(last, AttemptEnd::Stopped).unwrap();
    host.expect(&[
        ("a", Status::Cancelled),
        ("a/catch", Status::Cancelled),
        ("a/finally", Status::Cancelled),
    ]);
    assert_eq!(host.run.status(), Status::Cancelled);
    assert_eq!(host.run.cancels(), 2);
}

#[test]
fn a_cancelled_body_is_followed_by_finally_alone() {
    let root = flow("root", vec![task("a").retried(3, 10).catching(catch(task("_"))).finally(task("_"))]);
    let mut host = Host::started(&root);
    host.grant();
    host.cancel();
    host.report(host.token("a"), AttemptEnd::Stopped).unwrap();
    host.succeed("a/finally");
    assert_eq!((host.status("a"), host.run.status()), (Status::Cancelled, Status::Cancelled));
    assert!(host.run.task(&address("a/catch")).is_none());
}

#[test]
fn an_early_end_of_the_run_waits_for_finally() {
    let children = vec![
        task("long").finally(task("_")),
        flow("f", vec![value("stop").then(Then::End)])
            .after_on("long", &[myrmex_model::outcome::Outcome::Started]),
    ];
    let mut host = Host::started(&graph("root", children).finally(task("_")));
    host.grant();
    host.report(host.token("long"), AttemptEnd::Stopped).unwrap();
    host.succeed("long/finally");
    host.succeed("finally");
    host.expect(&[("long", Status::Cancelled), succeeded("finally")]);
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn fail_fast_spares_finally() {
    let children = vec![task("a"), task("b").finally(task("_"))];
    let mut host = Host::started(&graph("root", children).failing_fast().on_failure(value("_")));
    host.grant();
    host.report(host.token("a"), super::host::ended_badly()).unwrap();
    host.report(host.token("b"), AttemptEnd::Stopped).unwrap();
    host.succeed("b/finally");
    host.expect(&[failed("a"), ("b", Status::Cancelled), succeeded("b/finally"), succeeded("on_failure")]);
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn the_run_has_handlers_of_its_own() {
    let root = flow("root", vec![task("a")]).catching(catch(value("_"))).finally(task("_"));
    let mut host = Host::started(&root);
    host.fail("a");
    host.succeed("finally");
    host.expect(&[failed("a"), succeeded("catch"), succeeded("finally")]);
    assert_eq!((host.run.status(), host.run.output()), (Status::Succeeded, Some(value_hash("\"value\""))));
}

#[test]
fn every_item_has_handlers_of_its_own() {
    let mut host =
        Host::new(define(&graph("root", vec![each("e", task("_").finally(task("_"))).finally(value("_"))])));
    host.answer("e", list(2));
    host.start();
    host.fail("e[0]");
    host.succeed("e[0]/finally");
    host.succeed("e[1]");
    host.succeed("e[1]/finally");
    host.expect(&[failed("e[0]"), succeeded("e[1]"), succeeded("e/finally"), failed("e")]);
}

#[test]
fn a_handler_counts_against_the_limit_of_its_scope() {
    let mut host = Host::started(&graph("root", vec![task("a").finally(task("_")), task("b")]).parallel(1));
    host.succeed("a");
    assert_eq!(host.status("b"), Status::Pending);
    host.succeed("a/finally");
    assert_eq!(host.run.queued().len(), 1);
    host.finish();
}

#[test]
fn a_flow_gives_what_its_last_child_gave() {
    let skipped = value("c").guarded();
    let mut host = Host::new(define(&flow("root", vec![value("a"), task("b"), skipped]).last()));
    host.answer("c", Evaluation::Skip);
    host.start();
    host.succeed("b");
    assert_eq!(host.run.output(), Some(value_hash("\"done\"")));
}

#[test]
fn a_scope_that_failed_is_done_again_as_a_whole() {
    let block = graph("block", vec![task("x"), task("y").after("x")]).retried(1, 50);
    let mut host = Host::started(&flow("root", vec![block, task("next")]));
    host.succeed("block/x");
    host.fail("block/y");
    let view = host.run.task(&address("block")).unwrap();
    assert_eq!((view.status(), view.phase(), view.attempts()), (Status::Waiting, Phase::Retrying, 1));
    host.fire();
    assert!(host.run.task(&address("block/x")).is_none(), "nobody sees the attempt before");
    assert_eq!(host.run.tasks().filter(|task| task.address().path() == "block/x").count(), 1);
    host.succeed("block~2/x");
    host.succeed("block~2/y");
    host.finish();
    host.expect(&[succeeded("block"), succeeded("block~2/x"), succeeded("next")]);
    assert_eq!(host.run.task(&address("block")).unwrap().attempts(), 2);
}

#[test]
fn a_scope_fails_once_its_attempts_are_used_up() {
    let block = flow("block", vec![task("x").retried(1, 0)]).retried(1, 0);
    let mut host = Host::started(&flow("root", vec![block]));
    (0..2).for_each(|_| host.fail("block/x"));
    (0..2).for_each(|_| host.fail("block~2/x"));
    assert_eq!((host.status("block"), host.run.status()), (Status::Failed, Status::Failed));
}

#[test]
fn a_catch_repeats_any_body() {
    let items = each("e", task("_")).catching(catch(value("_")).retried(1, 0));
    let mut host = Host::started(&flow("root", vec![items]));
    host.fail("e[0]");
    host.succeed("e[1]");
    host.succeed("e~2[0]");
    host.succeed("e~2[1]");
    host.expect(&[succeeded("e")]);
    let mut host = Host::started(&flow("root", vec![raise("r").catching(catch(value("_")).retried(2, 0))]));
    assert_eq!(host.story(0).iter().filter(|line| *line == "task.retrying r").count(), 2);
    host.finish();
    host.expect(&[succeeded("r")]);
}

#[test]
fn a_cancel_ends_the_pause_of_a_scope() {
    let block = flow("block", vec![task("x")]).retried(1, 50).finally(task("_"));
    let mut host = Host::started(&flow("root", vec![block]));
    host.fail("block/x");
    host.cancel();
    host.succeed("block/finally");
    assert_eq!((host.status("block"), host.timers.len()), (Status::Cancelled, 0));
}

#[test]
fn a_run_that_was_ended_early_is_not_done_again() {
    let root = flow("root", vec![value("a").then(Then::End), task("b")]).computed();
    let mut host = Host::new(define(&root.catching(catch(value("_")).retried(1, 0))));
    host.answer_error("");
    host.start();
    host.expect(&[succeeded("a"), succeeded("catch")]);
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_cancel_in_the_pause_after_a_fast_failure_is_a_cancel() {
    let root = graph("root", vec![task("a")]).failing_fast();
    let mut host = Host::started(&root.catching(catch(value("_")).retried(1, 50)));
    host.fail("a");
    host.cancel();
    assert_eq!(host.run.status(), Status::Cancelled);
}
