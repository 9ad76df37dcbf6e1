//! Blocks that hold something while what is inside them asks for more.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

use super::books::Books;
use super::*;

const RUN: RunId = RunId([1; 16]);
const CHILD: RunId = RunId([2; 16]);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn units(pools: &[(&str, u32)]) -> BTreeMap<Name, u32> {
    pools.iter().map(|(pool, units)| (name(pool), *units)).collect()
}

fn ready(run: RunId, task: &str, demand: Demand) -> Ready {
    Ready { demand: Some(Arc::new(demand)), ..Ready::plain(run, address(task), Attempt::FIRST, Timestamp(0)) }
}

fn block(task: &str, own: &[(&str, u32)], inside: &[(&str, u32)]) -> Ready {
    let inside = Inside { pools: units(inside), ..Inside::default() };
    ready(RUN, task, Demand { pools: units(own), is_placeless: true, inside, ..Demand::default() })
}

fn leaf(run: RunId, task: &str, pools: &[(&str, u32)]) -> Ready {
    ready(run, task, Demand { pools: units(pools), ..Demand::default() })
}

fn machine(pools: &[(&str, u32)]) -> Dispatch {
    let mut dispatch = Dispatch::new(Epoch(1));
    dispatch.set_worker(name("w"), Some(Worker { slots: 9, ..Worker::default() }));
    for (pool, units) in pools {
        dispatch.set_pool(name(pool), Some(*units));
    }
    dispatch
}

fn granted(dispatch: &mut Dispatch, now_ms: i64) -> Vec<String> {
    let grants = dispatch.grant(Timestamp(now_ms * 1_000_000));
    grants.into_iter().map(|grant| grant.ready.task.to_string()).collect()
}

fn release(dispatch: &mut Dispatch, task: &str) {
    let token = dispatch.leases().find(|(_, ready)| ready.task.as_str() == task).unwrap().0;
    dispatch.release(token);
}

#[test]
fn two_blocks_that_could_wait_for_each_other_run_one_after_the_other() {
    let mut dispatch = machine(&[("p", 1), ("q", 1)]);
    dispatch.enqueue(block("a", &[("p", 1)], &[("q", 1)]));
    dispatch.enqueue(block("b", &[("q", 1)], &[("p", 1)]));
    assert_eq!(granted(&mut dispatch, 0), ["a"]);
    let wait = dispatch.why(RUN, &address("b"), Timestamp(0)).unwrap();
    assert_eq!(wait.to_string(), "with what it would hold, it and `a` could wait for each other for ever");
    dispatch.enqueue(leaf(RUN, "a/x", &[("q", 1)]));
    assert_eq!(granted(&mut dispatch, 0), ["a/x"]);
    release(&mut dispatch, "a/x");
    release(&mut dispatch, "a");
    assert_eq!(granted(&mut dispatch, 0), ["b"]);
}

#[test]
fn what_is_inside_a_holder_is_not_held_up_for_who_waits_for_the_holder() {
    let late = i64::try_from(KEEP_ALL_AFTER.0).unwrap() * 2;
    let mut dispatch = machine(&[("p", 2)]);
    dispatch.set_worker(name("w"), Some(Worker { slots: 1, ..Worker::default() }));
    dispatch.enqueue(block("a", &[("p", 1)], &[("p", 1)]));
    assert_eq!(granted(&mut dispatch, 0), ["a"]);
    dispatch.enqueue(leaf(RUN, "outside", &[("p", 2)]));
    dispatch.enqueue(leaf(RUN, "a/x", &[("p", 1)]));
    dispatch.enqueue(leaf(RUN, "other", &[("p", 1)]));
    assert_eq!(granted(&mut dispatch, late), ["a/x"]);
    release(&mut dispatch, "a/x");
    // Who is not inside has to leave room for the one that waits longer.
    assert_eq!(granted(&mut dispatch, late), Vec::<String>::new());
    release(&mut dispatch, "a");
    assert_eq!(granted(&mut dispatch, late), ["outside"]);
}

#[test]
fn what_a_called_run_does_is_inside_the_block_that_called_it() {
    let late = i64::try_from(KEEP_ALL_AFTER.0).unwrap() * 2;
    let mut dispatch = machine(&[("p", 2)]);
    dispatch.nest(CHILD, Some((RUN, address("a/call"))));
    dispatch.enqueue(block("a", &[("p", 1)], &[]));
    assert_eq!(granted(&mut dispatch, 0), ["a"]);
    dispatch.enqueue(leaf(RUN, "outside", &[("p", 2)]));
    dispatch.enqueue(leaf(CHILD, "x", &[("p", 1)]));
    assert_eq!(granted(&mut dispatch, late), ["x"]);
}

#[test]
fn a_bound_of_the_run_is_about_places_only() {
    let mut dispatch = machine(&[("p", 1)]);
    dispatch.limit(RUN, Some(1));
    dispatch.enqueue(leaf(RUN, "x", &[]));
    dispatch.enqueue(block("a", &[("p", 1)], &[]));
    assert_eq!(granted(&mut dispatch, 0), ["x", "a"]);
}

#[test]
fn a_block_that_can_never_end_holds_up_only_who_has_to_do_with_it() {
    let mut dispatch = machine(&[("p", 1), ("q", 1), ("r", 1), ("s", 1)]);
    dispatch.enqueue(block("x", &[("p", 1)], &[("s", 2)]));
    assert_eq!(granted(&mut dispatch, 0), ["x"]);
    dispatch.enqueue(block("y", &[("q", 1)], &[("r", 1)]));
    dispatch.enqueue(block("z", &[("r", 1)], &[("p", 1)]));
    assert_eq!(granted(&mut dispatch, 0), ["y"]);
}

#[test]
fn items_that_hold_something_leave_a_worker_to_one_that_waits_for_all_of_it() {
    let late = i64::try_from(KEEP_ALL_AFTER.0).unwrap() * 2;
    let cores = |amount| Demand { resources: [(name("cpu"), amount)].into(), ..Demand::default() };
    let mut dispatch = machine(&[("p", 3)]);
    let worker = Worker { slots: 9, resources: [(name("cpu"), 2)].into(), ..Worker::default() };
    dispatch.set_worker(name("w"), Some(worker));
    for item in ["i1", "i2", "i3"] {
        dispatch.enqueue(block(item, &[("p", 1)], &[]));
    }
    assert_eq!(granted(&mut dispatch, 0), ["i1", "i2", "i3"]);
    dispatch.enqueue(ready(RUN, "i1/x", cores(1)));
    assert_eq!(granted(&mut dispatch, 0), ["i1/x"]);
    dispatch.enqueue(ready(RUN, "large", cores(2)));
    dispatch.enqueue(ready(RUN, "i2/x", cores(1)));
    assert_eq!(granted(&mut dispatch, late), Vec::<String>::new());
    release(&mut dispatch, "i1/x");
    assert_eq!(granted(&mut dispatch, late), ["large"]);
}

#[test]
fn who_waits_behind_one_that_waits_for_a_block_holds_up_nothing_inside_it() {
    let late = i64::try_from(KEEP_ALL_AFTER.0).unwrap() * 2;
    let mut dispatch = machine(&[("p", 1), ("q", 3)]);
    dispatch.enqueue(block("a", &[("p", 1)], &[]));
    dispatch.enqueue(leaf(RUN, "v", &[("p", 1), ("q", 2)]));
    dispatch.enqueue(leaf(RUN, "w", &[("q", 3)]));
    assert_eq!(granted(&mut dispatch, late), ["a"]);
    dispatch.enqueue(leaf(RUN, "a/x", &[("q", 2)]));
    assert_eq!(granted(&mut dispatch, late), ["a/x"]);
}

#[test]
fn who_is_inside_a_block_is_served_though_one_outside_that_asks_for_the_same_waits_before_it() {
    let late = i64::try_from(KEEP_ALL_AFTER.0).unwrap() * 2;
    let mut dispatch = machine(&[("p", 1), ("q", 1)]);
    dispatch.enqueue(block("a", &[("p", 1)], &[("q", 1)]));
    assert_eq!(granted(&mut dispatch, 0), ["a"]);
    // It keeps `q`, since it waits for the block: the next one may not have it, and the one inside may.
    dispatch.enqueue(leaf(RUN, "both", &[("p", 1), ("q", 1)]));
    dispatch.enqueue(leaf(RUN, "outside", &[("q", 1)]));
    dispatch.enqueue(leaf(RUN, "a/x", &[("q", 1)]));
    let now = Timestamp(late * 1_000_000);
    let kept = dispatch.why(RUN, &address("outside"), now).unwrap().to_string();
    assert_eq!(kept, "pool `q` is kept for `both`, which waits longer");
    assert_eq!(dispatch.why(RUN, &address("a/x"), now), None);
    assert_eq!(granted(&mut dispatch, late), ["a/x"]);
}

#[test]
fn leases_that_are_known_late_count_for_what_waits_already() {
    let late = i64::try_from(KEEP_ALL_AFTER.0).unwrap() * 2;
    let mut dispatch = machine(&[("p", 1), ("q", 1)]);
    dispatch.enqueue(leaf(RUN, "both", &[("p", 1), ("q", 1)]));
    dispatch.enqueue(leaf(CHILD, "x", &[("q", 1)]));
    dispatch.nest(CHILD, Some((RUN, address("a/call"))));
    let held = block("a", &[("p", 1)], &[("q", 1)]);
    dispatch.adopt(Grant { token: FencingToken(7), worker: None, ready: held }, Timestamp(0));
    assert_eq!(granted(&mut dispatch, late), ["x"]);
}

#[test]
fn what_is_left_for_all_of_ten_thousand_blocks_is_seen_without_a_walk() {
    let mut dispatch = machine(&[("net", 5)]);
    for item in 0..10_000 {
        let mut ready = block(&format!("each[{item}]"), &[], &[("net", 1)]);
        Arc::make_mut(ready.demand.as_mut().unwrap()).locks.insert(format!("h-{item}"));
        dispatch.enqueue(ready);
    }
    let mut given = 0;
    while dispatch.waiting() > 0 {
        let mut books = Books::new(&dispatch.capacity, &dispatch.leases, &dispatch.nest);
        dispatch.look_into(&mut books, Timestamp(0), None);
        assert_eq!(books.safety.steps.get(), 0);
        let grants = granted(&mut dispatch, 0).len();
        assert!((1..=GRANTS_MAX).contains(&grants));
        given += grants;
    }
    assert_eq!(given, 10_000);
}

#[test]
fn blocks_that_hold_and_claim_the_same_are_walked_as_one() {
    let mut dispatch = machine(&[("p", 3_000)]);
    for item in 0..5_000 {
        let mut ready = block(&format!("each[{item}]"), &[("p", 1)], &[("p", 1)]);
        Arc::make_mut(ready.demand.as_mut().unwrap()).locks.insert(format!("h-{item}"));
        dispatch.enqueue(ready);
    }
    let mut given = 0;
    while let grants @ 1.. = granted(&mut dispatch, 0).len() {
        given += grants;
    }
    assert_eq!(given, 2_999);
    let mut books = Books::new(&dispatch.capacity, &dispatch.leases, &dispatch.nest);
    dispatch.look_into(&mut books, Timestamp(0), None);
    assert_eq!(books.safety.steps.get(), dispatch.waiting());
}

#[test]
fn a_lock_that_somebody_claims_tells_its_holder_from_others_that_hold_the_same_units() {
    let locked = |task: &str, own: &str, inside: &[&str]| {
        let inside =
            Inside { locks: inside.iter().map(|lock| (*lock).to_owned()).collect(), ..Inside::default() };
        let locks = [own.to_owned()].into();
        ready(RUN, task, Demand { locks, is_placeless: true, inside, ..Demand::default() })
    };
    let mut dispatch = machine(&[]);
    for (task, own, inside) in
        [("a", "x", &["y"][..]), ("b", "z", &[]), ("c", "y", &["x"]), ("d", "y", &["z"])]
    {
        dispatch.enqueue(locked(task, own, inside));
    }
    assert_eq!(granted(&mut dispatch, 0), ["a", "b", "d"]);
    let wait = dispatch.why(RUN, &address("c"), Timestamp(0)).unwrap();
    assert_eq!(wait.to_string(), "lock `y` is held by `d`");
    release(&mut dispatch, "d");
    let wait = dispatch.why(RUN, &address("c"), Timestamp(0)).unwrap();
    assert_eq!(wait.to_string(), "with what it would hold, it and `a` could wait for each other for ever");
}

/// Says of every run how much there is of each pool.
fn declared(units: u32) -> impl Fn(RunId, &Name) -> Option<u32> {
    move |_, _| Some(units)
}

#[test]
fn a_lock_that_is_held_around_the_call_of_a_run_is_asked_for_in_vain() {
    let lock = |run, task, is_placeless| {
        ready(run, task, Demand { locks: ["l".to_owned()].into(), is_placeless, ..Demand::default() })
    };
    let mut dispatch = machine(&[]);
    dispatch.nest(CHILD, Some((RUN, address("a/call"))));
    dispatch.enqueue(lock(RUN, "a", true));
    assert_eq!(granted(&mut dispatch, 0), ["a"]);
    for (run, task) in [(CHILD, "x"), (RUN, "other")] {
        dispatch.enqueue(lock(run, task, false));
    }
    let vain = dispatch.in_vain(CHILD, &address("x"), &declared(9)).unwrap();
    let title = "the lock `l` is held by `a`, around the call of this run";
    assert_eq!(vain.fault(CHILD).title, title);
    assert_eq!(dispatch.in_vain(RUN, &address("other"), &declared(9)), None);
    dispatch.nest(CHILD, None);
    assert_eq!(dispatch.in_vain(CHILD, &address("x"), &declared(9)), None, "nobody waits for it");
}

#[test]
fn more_of_a_pool_than_blocks_around_leave_is_asked_for_in_vain() {
    let mut dispatch = machine(&[("p", 2)]);
    dispatch.enqueue(block("a", &[("p", 1)], &[]));
    dispatch.enqueue(block("a/b", &[("p", 1)], &[]));
    assert_eq!(granted(&mut dispatch, 0), ["a", "a/b"]);
    for task in ["a/b/x", "a/y"] {
        dispatch.enqueue(leaf(RUN, task, &[("p", 1)]));
    }
    let vain = dispatch.in_vain(RUN, &address("a/b/x"), &declared(2)).unwrap();
    let title = "of 2 units of the pool `p` the blocks around this task hold 2, and it asks for 1";
    assert_eq!(vain.fault(RUN).title, title);
    assert_eq!(dispatch.in_vain(RUN, &address("a/y"), &declared(2)), None, "`a/b` ends before");
    // What bounds the pool so may be over before the task.
    assert_eq!(dispatch.in_vain(RUN, &address("a/b/x"), &declared(3)), None);
}

#[test]
fn what_fails_at_once_is_not_waited_for() {
    let mut dispatch = machine(&[("p", 3)]);
    // Two that call themselves, as deep as it goes: one after the other, although neither could ever have all of it.
    dispatch.enqueue(block("a", &[("p", 1)], &[("p", 16)]));
    dispatch.enqueue(block("b", &[("p", 1)], &[("p", 16)]));
    assert_eq!(granted(&mut dispatch, 0), ["a"]);
    dispatch.enqueue(block("a/a", &[("p", 1)], &[("p", 15)]));
    assert_eq!(granted(&mut dispatch, 0), ["a/a"]);
    release(&mut dispatch, "a/a");
    release(&mut dispatch, "a");
    assert_eq!(granted(&mut dispatch, 0), ["b"]);
}
