//! Tests of the dispatch machine: single rules by example, invariants over generated histories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{CLASS_HEAD_START, Demand, Dispatch, Grant, KEEP_ALL_AFTER, Priority, Ready, Worker};

const RUN: RunId = RunId([1; 16]);
const OTHER: RunId = RunId([2; 16]);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(ms: u64) -> Timestamp {
    Timestamp(i64::try_from(ms).unwrap() * 1_000_000)
}

fn ready(task: &str) -> Ready {
    let task = Address::parse(task).unwrap();
    Ready { run: RUN, task, attempt: Attempt::FIRST, since: at(0), demand: None }
}

fn asking(task: &str, demand: Demand) -> Ready {
    Ready { demand: Some(Arc::new(demand)), ..ready(task) }
}

fn pools<const N: usize>(pools: [(&str, u32); N]) -> Demand {
    Demand { pools: pools.map(|(pool, units)| (name(pool), units)).into(), ..Demand::default() }
}

fn slots(slots: u32) -> Worker {
    Worker { slots, ..Worker::default() }
}

fn machine(places: u32) -> Dispatch {
    let mut dispatch = Dispatch::new(Epoch(1));
    dispatch.set_worker(name("local"), Some(slots(places)));
    dispatch
}

fn tasks(grants: Vec<Grant>) -> Vec<String> {
    grants.into_iter().map(|grant| grant.ready.task.to_string()).collect()
}

fn granted(dispatch: &mut Dispatch) -> Vec<String> {
    tasks(dispatch.grant(at(0)))
}

fn release(dispatch: &mut Dispatch, task: &str) {
    let token = dispatch.leases().find(|(_, ready)| ready.task.to_string() == task).unwrap().0;
    dispatch.release(token);
}

fn why(dispatch: &Dispatch, task: &str) -> String {
    let wait = dispatch.why(RUN, &Address::parse(task).unwrap(), at(0));
    wait.map_or_else(|| "nothing".into(), |wait| wait.to_string())
}

#[test]
fn places_go_to_those_who_wait_longest() {
    let mut dispatch = machine(2);
    for task in ["a", "b", "c", "d"] {
        dispatch.enqueue(ready(task));
    }
    assert_eq!(granted(&mut dispatch), ["a", "b"]);
    assert_eq!(granted(&mut dispatch), Vec::<String>::new());
    assert_eq!(why(&dispatch, "d"), "all places are taken (2); 1 come before it");
    let first = dispatch.leases().next().unwrap().0;
    dispatch.release(first);
    dispatch.release(first);
    dispatch.withdraw(RUN, &Address::parse("c").unwrap());
    assert_eq!(granted(&mut dispatch), ["d"]);
    assert_eq!((dispatch.waiting(), dispatch.leases().count()), (0, 2));
}

#[test]
fn a_run_at_its_bound_does_not_hold_up_others() {
    let mut dispatch = machine(3);
    dispatch.limit(RUN, Some(1));
    for task in ["a", "b", "c"] {
        dispatch.enqueue(ready(task));
    }
    dispatch.enqueue(Ready { run: OTHER, ..ready("d") });
    assert_eq!(granted(&mut dispatch), ["a", "d"]);
    assert_eq!(why(&dispatch, "b"), "its run has 1 attempts under way, as many as it may");
    release(&mut dispatch, "a");
    assert_eq!(granted(&mut dispatch), ["b"]);
    dispatch.limit(RUN, None);
    assert_eq!(granted(&mut dispatch), ["c"]);
}

#[test]
fn a_bound_that_comes_later_holds_for_those_that_wait_already() {
    let mut dispatch = machine(3);
    for task in ["a", "b", "c"] {
        dispatch.enqueue(ready(task));
    }
    dispatch.limit(RUN, Some(2));
    assert_eq!(granted(&mut dispatch), ["a", "b"]);
}

#[test]
fn tokens_grow_over_grants_and_epochs() {
    let (mut old, mut new) = (machine(9), Dispatch::new(Epoch(2)));
    new.set_worker(name("local"), Some(slots(9)));
    old.enqueue(ready("a"));
    old.enqueue(ready("b"));
    new.enqueue(ready("a"));
    let (old, new) = (old.grant(at(0)), new.grant(at(0)));
    assert!(old[0].token < old[1].token && old[1].token < new[0].token);
}

#[test]
fn a_task_waits_once() {
    let mut dispatch = machine(1);
    dispatch.enqueue(ready("a"));
    dispatch.enqueue(Ready { attempt: Attempt(2), ..ready("a") });
    assert_eq!(dispatch.waiting(), 1);
    assert_eq!(dispatch.grant(at(0))[0].ready.attempt, Attempt(2));
}

#[test]
fn urgent_work_goes_first_until_the_other_has_waited_long_enough() {
    let of =
        |task, priority, since| Ready { since, ..asking(task, Demand { priority, ..Demand::default() }) };
    let head_start = CLASS_HEAD_START.0;
    let mut dispatch = machine(1);
    dispatch.enqueue(of("low", Priority::Low, at(0)));
    dispatch.enqueue(of("soon", Priority::Critical, at(head_start * 3 - 1)));
    dispatch.enqueue(of("late", Priority::Critical, at(head_start * 3 + 1)));
    let mut order = Vec::new();
    for _ in 0..3 {
        order.extend(granted(&mut dispatch));
        let token = dispatch.leases().next().unwrap().0;
        dispatch.release(token);
    }
    assert_eq!(order, ["soon", "low", "late"]);
}

#[test]
fn a_full_pool_does_not_hide_work_for_a_free_one() {
    let mut dispatch = machine(64);
    dispatch.set_pool(name("full"), Some(1));
    dispatch.set_pool(name("free"), Some(50));
    for index in 0..1_000 {
        dispatch.enqueue(asking(&format!("full{index}"), pools([("full", 1)])));
    }
    for index in 0..100 {
        dispatch.enqueue(asking(&format!("free{index}"), pools([("free", 1)])));
    }
    let grants = granted(&mut dispatch);
    assert_eq!((grants.len(), grants[0].as_str(), grants[1].as_str()), (51, "full0", "free0"));
    assert_eq!(why(&dispatch, "full1"), "pool `full` has 0 of 1 left, 1 are asked for; held by `full0`");
}

#[test]
fn all_of_it_is_given_or_nothing() {
    let mut dispatch = machine(9);
    dispatch.set_pool(name("a"), Some(1));
    dispatch.set_pool(name("b"), Some(1));
    dispatch.enqueue(asking("one", pools([("a", 1)])));
    dispatch.enqueue(asking("both", pools([("a", 1), ("b", 1)])));
    dispatch.enqueue(asking("other", pools([("b", 1)])));
    assert_eq!(granted(&mut dispatch), ["one", "other"]);
    release(&mut dispatch, "one");
    assert_eq!(granted(&mut dispatch), Vec::<String>::new());
    release(&mut dispatch, "other");
    assert_eq!(granted(&mut dispatch), ["both"]);
}

#[test]
fn a_large_demand_is_not_overtaken_for_ever() {
    let mut dispatch = machine(99);
    dispatch.set_pool(name("p"), Some(4));
    for task in ["s1", "s2", "s3"] {
        dispatch.enqueue(asking(task, pools([("p", 1)])));
    }
    assert_eq!(granted(&mut dispatch), ["s1", "s2", "s3"]);
    dispatch.enqueue(asking("large", pools([("p", 3)])));
    dispatch.enqueue(asking("s4", pools([("p", 1)])));
    dispatch.enqueue(asking("s5", pools([("p", 1)])));
    // One unit may be taken: with it the large one still fits once the three before it have ended.
    assert_eq!(granted(&mut dispatch), ["s4"]);
    assert_eq!(
        why(&dispatch, "s5"),
        "pool `p` has 0 of 4 left, 1 are asked for; held by `s1`, `s2`, `s3`, `s4`"
    );
    release(&mut dispatch, "s1");
    assert_eq!(granted(&mut dispatch), Vec::<String>::new());
    assert_eq!(why(&dispatch, "s5"), "pool `p` is kept for `large`, which waits longer");
    release(&mut dispatch, "s2");
    release(&mut dispatch, "s3");
    assert_eq!(granted(&mut dispatch), ["large"]);
}

#[test]
fn who_asks_for_two_pools_keeps_both_after_a_while() {
    let mut dispatch = machine(9);
    dispatch.set_pool(name("a"), Some(1));
    dispatch.set_pool(name("b"), Some(1));
    dispatch.enqueue(asking("a1", pools([("a", 1)])));
    dispatch.enqueue(asking("both", pools([("a", 1), ("b", 1)])));
    assert_eq!(granted(&mut dispatch), ["a1"]);
    let later = at(KEEP_ALL_AFTER.0);
    dispatch.enqueue(Ready { since: later, ..asking("b1", pools([("b", 1)])) });
    assert_eq!(tasks(dispatch.grant(later)), Vec::<String>::new());
    release(&mut dispatch, "a1");
    assert_eq!(tasks(dispatch.grant(later)), ["both"]);
}

#[test]
fn what_can_never_be_served_holds_up_nobody_and_says_so() {
    let mut dispatch = machine(2);
    dispatch.set_pool(name("p"), Some(2));
    dispatch.enqueue(asking("huge", pools([("p", 3)])));
    let labels = BTreeSet::from(["gpu".to_owned()]);
    dispatch.enqueue(asking("gpu", Demand { labels, ..Demand::default() }));
    dispatch.enqueue(asking("small", pools([("p", 2)])));
    assert_eq!(granted(&mut dispatch), ["small"]);
    assert_eq!(why(&dispatch, "gpu"), "no worker has the label `gpu`");
    dispatch.set_pool(name("p"), None);
    assert_eq!(granted(&mut dispatch), ["huge"]);
}

#[test]
fn a_lock_has_one_holder() {
    let locked = |task| asking(task, Demand { locks: ["db".to_owned()].into(), ..Demand::default() });
    let mut dispatch = machine(2);
    dispatch.enqueue(locked("a"));
    dispatch.enqueue(locked("b"));
    assert_eq!(granted(&mut dispatch), ["a"]);
    assert_eq!(why(&dispatch, "b"), "lock `db` is held by `a`");
    release(&mut dispatch, "a");
    assert_eq!(granted(&mut dispatch), ["b"]);
}

#[test]
fn a_worker_gets_what_its_labels_and_resources_allow() {
    let resources = |cpu| BTreeMap::from([(name("cpu"), cpu)]);
    let mut dispatch = Dispatch::new(Epoch(1));
    let arm = BTreeSet::from(["arm".to_owned()]);
    dispatch.set_worker(name("a"), Some(Worker { slots: 4, labels: arm.clone(), resources: resources(2) }));
    dispatch
        .set_worker(name("b"), Some(Worker { slots: 2, labels: BTreeSet::new(), resources: resources(8) }));
    dispatch.enqueue(asking("arm", Demand { labels: arm, resources: resources(2), ..Demand::default() }));
    dispatch.enqueue(asking("eight", Demand { resources: resources(8), ..Demand::default() }));
    dispatch.enqueue(asking("one", Demand { resources: resources(1), ..Demand::default() }));
    dispatch.enqueue(ready("plain"));
    let grants = dispatch.grant(at(0));
    let places: Vec<_> = grants
        .iter()
        .map(|grant| (grant.ready.task.to_string(), grant.worker.as_ref().unwrap().as_str().to_owned()))
        .collect();
    let expected = [("arm", "a"), ("eight", "b"), ("plain", "a")];
    assert_eq!(places, expected.map(|(task, worker)| (task.to_owned(), worker.to_owned())));
    assert_eq!(
        why(&dispatch, "one"),
        "of 0.002 `cpu` the worker has 0 left, 0.001 are asked for; held by `arm`"
    );
}

#[test]
fn a_lack_of_places_and_a_lack_of_a_resource_are_told_apart() {
    let cards = |cards| Demand { resources: [(name("card"), cards)].into(), ..Demand::default() };
    let mut dispatch = Dispatch::new(Epoch(1));
    let resources = BTreeMap::from([(name("card"), 2)]);
    dispatch.set_worker(name("w"), Some(Worker { slots: 2, labels: BTreeSet::new(), resources }));
    dispatch.enqueue(asking("a", cards(2)));
    dispatch.enqueue(asking("b", cards(1)));
    assert_eq!(granted(&mut dispatch), ["a"]);
    assert_eq!(why(&dispatch, "b"), "of 2 `card` the worker has 0 left, 1 are asked for; held by `a`");
    dispatch.enqueue(ready("c"));
    assert_eq!(granted(&mut dispatch), ["c"]);
    assert_eq!(why(&dispatch, "b"), "all places are taken (2); it is next");
}

#[test]
fn more_of_a_pool_than_there_is_can_not_be_had_by_waiting_for_others() {
    let mut dispatch = machine(2);
    dispatch.set_pool(name("p"), Some(1));
    dispatch.enqueue(asking("huge", pools([("p", 3)])));
    let wait = dispatch.suits_nobody(RUN, &Address::parse("huge").unwrap()).unwrap().to_string();
    assert_eq!(wait, "pool `p` has 1, 3 are asked for, so it waits until there are more");
    assert_eq!(why(&dispatch, "huge"), wait);
    dispatch.set_pool(name("p"), Some(3));
    assert_eq!(dispatch.suits_nobody(RUN, &Address::parse("huge").unwrap()), None);
    assert_eq!(granted(&mut dispatch), ["huge"]);
}

#[test]
fn a_block_holds_its_pools_without_a_place() {
    let mut dispatch = machine(1);
    dispatch.set_pool(name("p"), Some(1));
    dispatch.enqueue(asking("block", Demand { is_placeless: true, ..pools([("p", 1)]) }));
    dispatch.enqueue(ready("inside"));
    dispatch.enqueue(asking("next", Demand { is_placeless: true, ..pools([("p", 1)]) }));
    assert_eq!(granted(&mut dispatch), ["block", "inside"]);
    release(&mut dispatch, "block");
    // The only place is taken, and the block gets its pool nevertheless.
    assert_eq!(granted(&mut dispatch), ["next"]);
}

/// What is done to the machine, drawn from bytes.
struct History {
    dispatch: Dispatch,
    pools: BTreeMap<Name, u32>,
    slots: BTreeMap<Name, u32>,
    bound: Option<u32>,
    /// What is held, counted by the test on its own.
    held: BTreeMap<FencingToken, Grant>,
    waiting: BTreeSet<(RunId, Address)>,
    now: u64,
    count: u32,
    last: Option<FencingToken>,
}

const POOLS: [&str; 3] = ["p", "q", "r"];
const WORKERS: [&str; 2] = ["v", "w"];

impl History {
    fn new() -> Self {
        let mut history = Self {
            dispatch: Dispatch::new(Epoch(3)),
            pools: BTreeMap::new(),
            slots: BTreeMap::new(),
            bound: None,
            held: BTreeMap::new(),
            waiting: BTreeSet::new(),
            now: 0,
            count: 0,
            last: None,
        };
        for (pool, capacity) in POOLS.iter().zip([1, 3, 5]) {
            history.set_pool(name(pool), Some(capacity));
        }
        for worker in WORKERS {
            history.set_worker(name(worker), Some(2));
        }
        history
    }

    fn set_pool(&mut self, pool: Name, capacity: Option<u32>) {
        self.dispatch.set_pool(pool.clone(), capacity);
        match capacity {
            Some(capacity) => self.pools.insert(pool, capacity),
            None => self.pools.remove(&pool),
        };
    }

    fn set_worker(&mut self, worker: Name, places: Option<u32>) {
        self.dispatch.set_worker(worker.clone(), places.map(slots));
        match places {
            Some(places) => self.slots.insert(worker, places),
            None => self.slots.remove(&worker),
        };
    }

    fn arrive(&mut self, kind: u8, amount: u8) {
        self.count += 1;
        let mut demand = Demand { priority: Priority::ALL[usize::from(amount % 5)], ..Demand::default() };
        for (bit, pool) in POOLS.iter().enumerate() {
            if kind >> bit & 1 == 1 {
                demand.pools.insert(name(pool), 1 + u32::from(amount >> (2 * bit)) % 3);
            }
        }
        if kind & 8 != 0 {
            demand.locks.insert(format!("lock{}", amount % 2));
        }
        demand.is_placeless = kind & 0b11_0000 == 0b11_0000;
        let run = if kind & 64 == 0 { RUN } else { OTHER };
        let ready = Ready { run, since: at(self.now), ..asking(&format!("t{}", self.count), demand) };
        self.waiting.insert((run, ready.task.clone()));
        self.dispatch.enqueue(ready);
    }

    fn grant(&mut self) {
        // What is there already when capacity shrinks may stay; nothing may be added to it.
        for grant in self.dispatch.grant(at(self.now)) {
            assert!(self.last < Some(grant.token), "tokens grow");
            self.last = Some(grant.token);
            assert!(self.waiting.remove(&(grant.ready.run, grant.ready.task.clone())), "it waited");
            self.held.insert(grant.token, grant.clone());
            self.check_after(&grant);
        }
        assert_eq!(self.waiting.len(), self.dispatch.waiting(), "nobody is lost");
    }

    /// Checks all bounds of what the newest lease holds.
    fn check_after(&self, grant: &Grant) {
        let demand = grant.ready.demand.as_deref().unwrap();
        for pool in demand.pools.keys() {
            let units =
                |held: &Grant| held.ready.demand.as_deref().unwrap().pools.get(pool).copied().unwrap_or(0);
            let used: u32 = self.held.values().map(units).sum();
            assert!(
                self.pools.get(pool).is_none_or(|capacity| used <= *capacity),
                "pool {pool:?} has {used}"
            );
        }
        for lock in &demand.locks {
            let holders =
                self.held.values().filter(|held| held.ready.demand.as_deref().unwrap().locks.contains(lock));
            assert_eq!(holders.count(), 1, "lock {lock}");
        }
        assert_eq!(grant.worker.is_none(), demand.is_placeless);
        if let Some(worker) = &grant.worker {
            let used = self.held.values().filter(|held| held.worker.as_ref() == Some(worker)).count();
            assert!(used <= self.slots[worker] as usize, "worker {worker:?} has {used}");
            let of_run =
                self.held.values().filter(|held| held.ready.run == grant.ready.run && held.worker.is_some());
            assert!(
                grant.ready.run != RUN || self.bound.is_none_or(|bound| of_run.count() <= bound as usize)
            );
        }
    }

    fn release(&mut self, pick: u8) {
        let index = usize::from(pick) % self.held.len().max(1);
        if let Some(token) = self.held.keys().nth(index).copied() {
            self.held.remove(&token);
            self.dispatch.release(token);
        }
    }

    fn step(&mut self, [what, kind, amount]: [u8; 3]) {
        self.now += u64::from(kind) * 500;
        match what % 12 {
            0..=5 => self.arrive(kind, amount),
            6..=8 => self.release(amount),
            9 => self.set_pool(
                name(POOLS[usize::from(kind) % 3]),
                (amount % 4 > 0).then_some(u32::from(amount % 7)),
            ),
            10 => {
                let places = (amount % 4 > 0).then_some(u32::from(amount % 3));
                self.set_worker(name(WORKERS[usize::from(kind) % 2]), places);
            }
            _ => {
                self.bound = (amount % 2 == 0).then_some(1 + u32::from(amount % 3));
                self.dispatch.limit(RUN, self.bound);
            }
        }
        self.grant();
    }

    /// Gives back what is held, one lease after the other, with enough of everything: all that wait must be served.
    fn drain(&mut self) {
        for pool in POOLS {
            self.set_pool(name(pool), Some(5));
        }
        for worker in WORKERS {
            self.set_worker(name(worker), Some(1));
        }
        self.grant();
        for round in 0..=self.count * 2 {
            for (run, task) in &self.waiting {
                assert!(
                    self.dispatch.why(*run, task, at(self.now)).is_some(),
                    "{task} waits without a reason"
                );
            }
            if self.waiting.is_empty() {
                return;
            }
            assert!(
                !self.held.is_empty(),
                "nothing is held in round {round} and {} wait",
                self.waiting.len()
            );
            self.release(0);
            self.now += 1_000;
            self.grant();
        }
        panic!("{} wait for ever", self.waiting.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bound_is_broken_and_all_are_served(steps in vec(any::<[u8; 3]>(), 0..80)) {
        let mut history = History::new();
        for step in steps {
            history.step(step);
        }
        history.drain();
    }

    /// A large demand is served though small ones never stop coming.
    #[test]
    fn no_stream_of_small_demands_starves_a_large_one(ends in vec(any::<u8>(), 200)) {
        let mut history = History::new();
        for _ in 0..5 {
            history.arrive(4, 2);
        }
        history.grant();
        history.count += 1;
        let large = Ready { since: at(history.now), ..asking("large", pools([("r", 5)])) };
        history.waiting.insert((RUN, large.task.clone()));
        history.dispatch.enqueue(large.clone());
        for end in ends {
            history.now += 1;
            history.arrive(4, 2);
            history.arrive(4, 2);
            history.release(end);
            history.grant();
        }
        prop_assert!(!history.waiting.contains(&(RUN, large.task)), "the large one waits still");
    }
}
