//! Blocks that hold something while what is inside them asks for more.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

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
    let mut dispatch = machine(&[("p", 1), ("q", 1), ("r", 1)]);
    dispatch.enqueue(block("x", &[("p", 1)], &[("p", 1)]));
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

/// A block under way, with the demands of what is left to do inside it, one after the other.
struct Block {
    left: Vec<BTreeMap<Name, u32>>,
    token: Option<FencingToken>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever blocks hold and whatever is inside them asks for: all of them end, and no pool is ever over its capacity.
    #[test]
    fn blocks_never_wait_for_each_other_for_ever(
        drawn in vec((0_u32..3, 0_u32..3, vec((0_u32..2, 0_u32..2), 1..4)), 1..7),
        order in vec(any::<u8>(), 200),
    ) {
        let capacity = [("p", 3), ("q", 3)];
        let mut dispatch = machine(&capacity);
        let mut blocks: BTreeMap<String, Block> = BTreeMap::new();
        let asked = |(p, q): (u32, u32)| -> Vec<(&str, u32)> {
            [("p", p), ("q", q)].into_iter().filter(|(_, units)| *units > 0).collect()
        };
        for (index, (p, q, inside)) in drawn.iter().enumerate() {
            let most = inside.iter().fold((0, 0), |most, one| (most.0.max(one.0), most.1.max(one.1)));
            // What could never be had is refused before a run.
            let own = (*p.min(&(3 - most.0)), *q.min(&(3 - most.1)));
            let task = format!("b{index}");
            dispatch.enqueue(block(&task, &asked(own), &asked(most)));
            let left = inside.iter().map(|one| units(&asked(*one))).collect();
            blocks.insert(task, Block { left, token: None });
        }
        let mut held: BTreeMap<FencingToken, Ready> = BTreeMap::new();
        for (now, pick) in order.into_iter().enumerate() {
            let now = Timestamp(i64::try_from(now).unwrap() * 1_000_000_000);
            loop {
                let grants = dispatch.grant(now);
                if grants.is_empty() {
                    break;
                }
                for Grant { token, ready, .. } in grants {
                    let task = ready.task.to_string();
                    held.insert(token, ready);
                    if let Some(block) = blocks.get_mut(&task) {
                        block.token = Some(token);
                        let pools = block.left.pop().unwrap();
                        dispatch.enqueue(ready_inside(&task, Demand { pools, ..Demand::default() }));
                    }
                }
            }
            for (pool, most) in capacity {
                let of = |ready: &Ready| ready.demand.as_ref().map_or(0, |own| own.pools.get(&name(pool)).copied().unwrap_or(0));
                prop_assert!(held.values().map(of).sum::<u32>() <= most);
            }
            // One of the attempts under way ends; its block goes on, or ends.
            let attempts: Vec<_> = held.iter().filter(|(_, ready)| ready.task.as_str().contains('/')).collect();
            prop_assert!(!attempts.is_empty() || blocks.is_empty(), "{} blocks wait for ever", blocks.len());
            let Some((token, ready)) = attempts.get(usize::from(pick) % attempts.len().max(1)) else { break };
            let (token, task) = (**token, ready.task.to_string());
            held.remove(&token);
            dispatch.release(token);
            let owner = task.split('/').next().unwrap().to_owned();
            let block = blocks.get_mut(&owner).unwrap();
            if let Some(pools) = block.left.pop() {
                dispatch.enqueue(ready_inside(&owner, Demand { pools, ..Demand::default() }));
            } else {
                let token = block.token.unwrap();
                held.remove(&token);
                dispatch.release(token);
                blocks.remove(&owner);
            }
        }
        prop_assert!(blocks.is_empty());
    }
}

fn ready_inside(block: &str, demand: Demand) -> Ready {
    ready(RUN, &format!("{block}/x"), demand)
}
