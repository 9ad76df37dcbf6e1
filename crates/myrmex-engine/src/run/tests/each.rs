//! `for_each`: lists and maps, windows, failures, empty sources.

use myrmex_model::effect::Evaluation;
use myrmex_model::id::Epoch;
use myrmex_model::status::Status;

use super::build::{Spec, define, each, flow, graph, raise, task};
use super::host::{Host, address, dispatch, list, map, value_hash};

fn over(spec: Spec, items: Evaluation) -> Host {
    let mut host = Host::new(define(&graph("root", vec![spec, task("after").after("e")])));
    host.answer("e", items);
    host.start();
    host
}

#[test]
fn items_of_a_list_are_keyed_by_index() {
    let mut host = over(each("e", task("_")), list(3));
    assert_eq!(host.run.queued().len(), 3);
    for item in ["e[2]", "e[0]", "e[1]"] {
        host.succeed(item);
    }
    host.expect(&[("e", Status::Succeeded), ("after", Status::Pending)]);
    let view = host.run.task(&address("e")).unwrap();
    assert!(view.is_each() && view.items().all(|item| item.output() == Some(value_hash("\"done\""))));
}

#[test]
fn items_of_a_map_are_keyed_by_key() {
    let mut host = over(each("e", flow("_", vec![task("x")])), map(&["eu", "a/b"]));
    host.succeed("e[a%2Fb]/x");
    host.succeed("e[eu]/x");
    host.expect(&[("e", Status::Succeeded)]);
}

#[test]
fn no_more_items_than_the_window_are_under_way() {
    let mut host = over(each("e", task("_")).parallel(2), list(5));
    for index in 0..5 {
        assert_eq!(host.run.queued().len() + host.assigned.len(), 2.min(5 - index));
        host.succeed(&format!("e[{index}]"));
    }
    host.expect(&[("e", Status::Succeeded)]);
}

#[test]
fn a_window_is_filled_again_in_the_same_turn_when_its_items_end_at_once() {
    let mut host = Host::new(define(&graph("root", vec![each("e", task("_").guarded()).parallel(1)])));
    host.answer("e", list(3));
    (0..3).for_each(|index| host.answer(&format!("e[{index}]"), Evaluation::Skip));
    host.start();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_failed_item_fails_it_after_the_others_ended() {
    let mut host = over(each("e", task("_")), list(2));
    host.fail("e[0]");
    host.expect(&[("e", Status::Running)]);
    host.succeed("e[1]");
    host.expect(&[("e", Status::Failed), ("after", Status::Skipped)]);
    assert_eq!(host.run.fault().unwrap().task.as_deref(), Some("e[0]"));
}

#[test]
fn fail_fast_cancels_the_items_under_way_and_begins_no_other() {
    let mut host = over(each("e", task("_")).parallel(2).failing_fast(), list(5));
    host.fail("e[0]");
    host.finish();
    host.expect(&[("e", Status::Failed), ("e[1]", Status::Cancelled)]);
    assert!(host.run.task(&address("e[2]")).is_none());
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn an_empty_source_succeeds_at_once() {
    over(each("e", task("_")), list(0)).expect(&[("e", Status::Succeeded), ("after", Status::Pending)]);
    over(each("e", task("_")), map(&[])).expect(&[("e", Status::Succeeded)]);
}

#[test]
fn a_source_without_value_fails_it() {
    let mut host = Host::new(define(&graph("root", vec![each("e", task("_"))])));
    host.answer_error("e");
    host.start();
    host.expect(&[("e", Status::Failed)]);
}

#[test]
fn items_that_fail_at_once_do_not_stop_the_window() {
    let mut host = over(each("e", raise("_")).parallel(1), list(4));
    host.expect(&[("e[3]", Status::Failed), ("e", Status::Failed)]);
    host.finish();
}

#[test]
fn items_that_ended_are_kept_in_a_few_bytes_and_look_the_same() {
    let host = |frugality: Option<usize>| {
        let mut host = Host::new(define(&graph("root", vec![each("e", flow("_", vec![task("x")]))])));
        host.answer("e", list(4));
        host.answer("e[1]", Evaluation::Skip);
        host.frugality = frugality;
        host.start();
        for item in ["e[0]/x", "e[2]/x", "e[1]/x"] {
            host.now.0 += 7;
            host.succeed(item);
        }
        host
    };
    let (all, some) = (host(None), host(Some(1_000)));
    assert!(some.run.tasks().count() < all.run.tasks().count());
    for item in ["e[0]", "e[1]", "e[2]", "e[3]"] {
        let [one, other] = [&all, &some].map(|host| {
            let item = host.run.task(&address(item)).unwrap();
            let times = (item.started(), item.ended(), item.attempts());
            (item.address(), item.node(), item.status(), item.phase(), item.output(), times)
        });
        assert_eq!(one, other);
    }
    assert!(some.run.task(&address("e[0]/x")).is_none());
    assert!(some.run.task(&address("e[3]/x")).is_some());
}

#[test]
fn items_are_held_while_many_wait_and_reached_in_the_end() {
    let mut host = Host::new(define(&graph("root", vec![each("e", task("_")), task("after").after("e")])));
    host.answer("e", list(50));
    host.frugality = Some(4);
    host.run.set_frugal(4);
    host.dispatch = dispatch(Epoch(1), 1);
    host.start();
    let mut most = 0;
    for index in 0..50 {
        most = most.max(host.run.tasks().count());
        host.succeed(&format!("e[{index}]"));
    }
    assert!(most < 12, "{most} activations for 4 that wait");
    host.expect(&[("e", Status::Succeeded), ("after", Status::Pending)]);
    assert_eq!(host.run.task(&address("e")).unwrap().items().count(), 50);
}

#[test]
fn what_waits_does_not_keep_the_items_of_another_list_from_being_reached() {
    let root = vec![task("first"), each("e", task("_")), each("f", task("_")).after("first")];
    let mut host = Host::new(define(&graph("root", root)));
    host.answer("e", list(50));
    host.answer("f", list(3));
    host.frugality = Some(4);
    host.run.set_frugal(4);
    host.dispatch = dispatch(Epoch(1), 1);
    host.start();
    assert!(host.run.queued().len() < 10, "{:?}", host.run.queued());
    host.succeed("first");
    let queued = host.run.queued();
    assert!(queued.iter().any(|(task, _)| task.path().starts_with("f[")), "{queued:?}");
}
