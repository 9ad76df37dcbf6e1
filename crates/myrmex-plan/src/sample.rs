//! Large problems for measurements and tests, the same for the same seed on every machine.
//!
//! They are like nothing that people write; what they are for is their size.

use crate::problem::{
    ALWAYS, Amount, Calendar, Cost, Direction, Estimate, Fact, Kind, Link, LinkKind, Mode, Moment, Problem,
    Source, Span, Split, Task, TaskId, Window,
};
use crate::random::Random;

/// How many tasks a layer of [`layered`] has, at most.
const LAYER: u32 = 100;
/// The longest task of [`layered`], in minutes.
const MINUTES_MAX: u64 = 480;

/// Returns `tasks` tasks in layers of a hundred, always open, each of one minute to eight hours, with `links` finish-to-start links that lead
/// from one layer to the next: as many as there are tasks to one each, the rest anywhere. There are none if there is one layer.
pub fn layered(tasks: u32, links: u32, seed: u64) -> Problem {
    let random = Random::new(seed);
    let day = Span(86_400_000);
    let calendar = Calendar {
        name: "always".to_owned(),
        zone: "UTC".to_owned(),
        week: std::array::from_fn(|_| vec![(0, 1_440)]),
        exceptions: Vec::new(),
        day,
    };
    let linked = tasks.saturating_sub(LAYER);
    let link = |index: u32| {
        let below = |bound: u32, stream: u64| drawn(random, index, stream, u64::from(bound));
        let to = LAYER + if index < linked { index } else { below(linked, 1) };
        let from = (to / LAYER - 1) * LAYER + below(LAYER, 2);
        let kind = LinkKind::FinishStart;
        Link { from: TaskId(from), to: TaskId(to), kind, lag: Span(0), calendar: ALWAYS }
    };
    Problem {
        start: Moment(0),
        deadline: None,
        near: Span(0),
        direction: Direction::Early,
        tasks: (0..tasks).map(|index| task(index, random)).collect(),
        links: (0..if linked > 0 { links } else { 0 }).map(link).collect(),
        calendars: vec![calendar],
        pools: Vec::new(),
        people: Vec::new(),
        roles: Vec::new(),
        budgets: Vec::new(),
        phases: Vec::new(),
        risks: Vec::new(),
        groups: Vec::new(),
    }
}

fn task(index: u32, random: Random) -> Task {
    let length = Span((i64::from(drawn(random, index, 0, MINUTES_MAX)) + 1) * 60_000);
    let estimate =
        Estimate { amount: Amount::Duration(length), spread: None, group: None, source: Source::Author };
    Task {
        name: format!("t{index}"),
        kind: Kind::Automated,
        modes: vec![Mode { name: None, estimate, pools: Vec::new(), crew: Vec::new(), consumes: Vec::new() }],
        calendar: ALWAYS,
        split: Split::Never,
        window: Window::default(),
        due: None,
        priority: 0,
        phase: None,
        spans: None,
        fact: Fact::Open,
        cost: Cost::default(),
    }
}

/// Returns a number below `bound`, which is small enough that the remainder favours none.
fn drawn(random: Random, sample: u32, stream: u64, bound: u64) -> u32 {
    let drawn = random.bits(u64::from(sample), stream) % bound.max(1);
    u32::try_from(drawn).expect("bounds are those of indices or of minutes")
}
