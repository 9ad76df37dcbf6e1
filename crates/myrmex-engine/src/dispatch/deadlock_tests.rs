//! Whatever blocks hold and whatever is inside them asks for, in called runs too: all of them end.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// How much there is of each of the pools `p` and `q`: enough for what stands inside each other at the deepest.
const UNITS: u32 = 4;

/// Work as it is drawn: a leaf, or a block with what is inside it.
#[derive(Debug, Clone)]
struct Drawn {
    /// Units of `p` and `q`.
    own: (u32, u32),
    /// Whether what is inside begins at once, and not one after the other.
    is_parallel: bool,
    /// Whether what is inside is a run of its own.
    is_called: bool,
    inside: Vec<Drawn>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let own = || (0_u32..2, 0_u32..2);
    let leaf = own().prop_map(|own| Drawn { own, is_parallel: false, is_called: false, inside: Vec::new() });
    leaf.prop_recursive(3, 12, 3, move |inside| {
        (own(), any::<bool>(), any::<bool>(), vec(inside, 1..4))
            .prop_map(|(own, is_parallel, is_called, inside)| Drawn { own, is_parallel, is_called, inside })
    })
}

/// Work under way.
struct Piece {
    drawn: Drawn,
    parent: Option<usize>,
    run: RunId,
    task: Address,
    /// What is inside and has not begun, the next one last.
    ahead: Vec<usize>,
    /// What is inside and has not ended.
    left: usize,
    token: Option<FencingToken>,
}

struct World {
    dispatch: Dispatch,
    pieces: Vec<Piece>,
    by_task: BTreeMap<(RunId, Address), usize>,
    /// The attempts under way.
    attempts: Vec<usize>,
    now: Timestamp,
    ended: usize,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn units((p, q): (u32, u32)) -> BTreeMap<Name, u32> {
    [("p", p), ("q", q)]
        .into_iter()
        .filter(|(_, units)| *units > 0)
        .map(|(pool, units)| (name(pool), units))
        .collect()
}

/// Returns the most that a piece of work inside asks for, with the blocks around it there.
fn claim(drawn: &Drawn) -> (u32, u32) {
    drawn.inside.iter().fold((0, 0), |most, piece| {
        let below = claim(piece);
        (most.0.max(piece.own.0 + below.0), most.1.max(piece.own.1 + below.1))
    })
}

impl World {
    fn new(drawn: &[Drawn], slots: u32) -> Self {
        let mut dispatch = Dispatch::new(Epoch(1));
        dispatch.set_worker(name("w"), Some(Worker { slots, ..Worker::default() }));
        for pool in ["p", "q"] {
            dispatch.set_pool(name(pool), Some(UNITS));
        }
        let (pieces, by_task) = (Vec::new(), BTreeMap::new());
        let mut world = Self { dispatch, pieces, by_task, attempts: Vec::new(), now: Timestamp(0), ended: 0 };
        for (index, drawn) in drawn.iter().enumerate() {
            world.plant(drawn, None, (RunId([1; 16]), &format!("b{index}")));
        }
        world
    }

    fn plant(&mut self, drawn: &Drawn, parent: Option<usize>, (run, task): (RunId, &str)) -> usize {
        let own = self.pieces.len();
        let address = Address::parse(task).unwrap();
        self.by_task.insert((run, address.clone()), own);
        let (drawn, left) = (drawn.clone(), drawn.inside.len());
        self.pieces.push(Piece {
            drawn: drawn.clone(),
            parent,
            run,
            task: address.clone(),
            ahead: Vec::new(),
            left,
            token: None,
        });
        let below = if drawn.is_called {
            let child = RunId::derived(&["child", &own.to_string()]);
            self.dispatch.nest(child, Some((run, address)));
            (child, String::new())
        } else {
            (run, format!("{task}/"))
        };
        let plant = |(index, inner)| self.plant(inner, Some(own), (below.0, &format!("{}n{index}", below.1)));
        let mut ahead: Vec<usize> = drawn.inside.iter().enumerate().map(plant).collect();
        ahead.reverse();
        self.pieces[own].ahead = ahead;
        own
    }

    fn begin(&mut self, piece: usize) {
        let Piece { drawn, run, task, .. } = &self.pieces[piece];
        let is_placeless = !drawn.inside.is_empty();
        if is_placeless && drawn.own == (0, 0) {
            return self.enter(piece);
        }
        let inside = Inside { pools: units(claim(drawn)), ..Inside::default() };
        let demand = Demand { pools: units(drawn.own), is_placeless, inside, ..Demand::default() };
        let ready = Ready::plain(*run, task.clone(), Attempt::FIRST, self.now);
        self.dispatch.enqueue(Ready { demand: Some(Arc::new(demand)), ..ready });
    }

    /// Lets begin what is inside a block.
    fn enter(&mut self, piece: usize) {
        let count = if self.pieces[piece].drawn.is_parallel { usize::MAX } else { 1 };
        for _ in 0..count {
            let Some(next) = self.pieces[piece].ahead.pop() else { return };
            self.begin(next);
        }
    }

    fn grant(&mut self) {
        loop {
            let grants = self.dispatch.grant(self.now);
            if grants.is_empty() {
                return;
            }
            for Grant { token, ready, worker } in grants {
                let piece = self.by_task[&(ready.run, ready.task)];
                self.pieces[piece].token = Some(token);
                if worker.is_some() { self.attempts.push(piece) } else { self.enter(piece) }
            }
            for pool in ["p", "q"] {
                let used = self
                    .dispatch
                    .leases()
                    .map(|(_, ready)| ready.demand().pools.get(&name(pool)).copied().unwrap_or(0));
                assert!(used.sum::<u32>() <= UNITS, "{pool}");
            }
        }
    }

    fn end(&mut self, piece: usize) {
        self.ended += 1;
        if let Some(token) = self.pieces[piece].token {
            self.dispatch.release(token);
        }
        let Some(parent) = self.pieces[piece].parent else { return };
        self.pieces[parent].left -= 1;
        if self.pieces[parent].left == 0 {
            self.end(parent);
        } else if !self.pieces[parent].drawn.is_parallel {
            self.enter(parent);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nested blocks, blocks that call runs, and the same demands inside and outside of them.
    #[test]
    fn blocks_never_wait_for_each_other_for_ever(
        drawn in vec(drawn(), 1..8),
        slots in 1_u32..4,
        picks in vec(any::<u8>(), 200),
    ) {
        let mut world = World::new(&drawn, slots);
        let tops: Vec<usize> = (0..world.pieces.len()).filter(|piece| world.pieces[*piece].parent.is_none()).collect();
        for piece in tops {
            world.begin(piece);
        }
        for pick in picks.iter().cycle() {
            world.grant();
            let open = world.pieces.len() - world.ended;
            if open == 0 {
                break;
            }
            prop_assert!(!world.attempts.is_empty(), "{open} pieces of work wait for ever");
            let ended = world.attempts.swap_remove(usize::from(*pick) % world.attempts.len());
            world.end(ended);
            // Long enough that those who wait begin to keep what they do not lack.
            world.now.0 += 20_000_000_000;
        }
    }
}
