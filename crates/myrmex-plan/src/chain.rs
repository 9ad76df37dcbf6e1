//! From a placement to a partial order: who hands which units of what to whom.
//!
//! Each unit of a pool, of a person and of a phase's limit is followed from task to task. Where it goes from one to another that no link
//! orders already, an arc does. Links and arcs together are a rule for execution: a task that begins when its predecessors in both are
//! done never takes capacity that somebody holds, **whatever anything lasts**. That is what makes slack true and what a sample of
//! risk runs through once.
//!
//! Chaining after Policella, Cesta, Oddi and Smith, "From precedence constraint posting to partial order schedules" (AI
//! Communications 20, 2007); the arcs are a resource flow as Leus and Herroelen, "Stability and resource allocation in project planning"
//! (IIE Transactions 36, 2004), use it. To need few arcs, units are taken first from tasks that precede anyway, then from nobody,
//! then from who finished last.

use crate::network::{End, Network, holder};
use crate::placement::Placement;
use crate::problem::{Fact, LinkKind, Moment, PersonId, PhaseId, PoolId, Problem, TaskId};

/// Up to so many tasks it is known who precedes whom over any number of links: 8 MiB of bits. With more tasks only direct links
/// and arcs count, which costs some arcs that others imply.
const TRANSITIVE_MAX: usize = 8_192;

/// Something of which only so much is there at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Units of a pool.
    Pool(PoolId),
    /// Thousandths of a person.
    Person(PersonId),
    /// Places among the tasks of a phase that are under way.
    Phase(PhaseId),
}

/// A task that gets units from another one, so begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceArc {
    /// Who gives them back at its finish.
    pub from: TaskId,
    /// Who takes them at its start.
    pub to: TaskId,
    /// Of what.
    pub resource: Resource,
    /// How many, at least one.
    pub units: u32,
}

/// Returns the arcs that keep `placement` within every capacity of `problem`, none of which links or other arcs imply; in the order in
/// which the tasks that they lead to begin.
///
/// The placement keeps to all links and capacities. A task that lies there for no time holds nothing, unless it spans others. What is finished holds nothing any
/// more, and no arc leads to what has begun. Where facts hold more than there is, only what there is is handed on.
pub fn chain(problem: &Problem, network: &Network, placement: &Placement) -> Vec<ResourceArc> {
    let order = order(network, placement);
    let mut before = Before::of_links(problem, network, &order);
    let mut stocks = Stocks::new(problem);
    let mut arcs = Vec::new();
    for task in order {
        for (resource, units) in demands(problem, placement, task) {
            for (giver, units) in stocks.take(resource, units, task, placement, &before) {
                let ends = (end(problem, giver, End::Finish), end(problem, task, End::Start));
                let (Some(from), Some(to)) = ends else { continue };
                if problem.tasks[to.at()].fact == Fact::Open && from != to && !before.precedes(from, to) {
                    before.add(from, to);
                    arcs.push(ResourceArc { from, to, resource, units });
                }
            }
        }
    }
    arcs
}

/// Returns the tasks in the order in which they begin: what lies for no time first, and in the order of links where that is equal too.
fn order(network: &Network, placement: &Placement) -> Vec<TaskId> {
    let mut order = network.order().to_vec();
    // Stable, so what is equal stays in the order of links.
    order.sort_by_key(|task| (placement.of(*task).start, placement.of(*task).finish));
    order
}

/// Returns what `task` takes at its start and gives back at its finish.
fn demands(problem: &Problem, placement: &Placement, id: TaskId) -> Vec<(Resource, u32)> {
    let (task, placed) = (&problem.tasks[id.at()], placement.of(id));
    let is_over = match task.fact {
        Fact::Finished { .. } | Fact::Dropped => true,
        // What spans others may last once they lie elsewhere.
        Fact::Open | Fact::Started { .. } => placed.start == placed.finish && task.spans.is_none(),
    };
    if is_over {
        return Vec::new();
    }
    let pools = task.modes.get(placed.mode).into_iter().flat_map(|mode| &mode.pools);
    let pools = pools.map(|&(pool, units)| (Resource::Pool(pool), units));
    let people = placed.crew.iter().map(|&(person, units)| (Resource::Person(person), units));
    let limited = task.phase.filter(|phase| problem.phases[phase.at()].max_parallel.is_some());
    let limits = limited.map(|phase| (Resource::Phase(phase), 1));
    pools.chain(people).chain(limits).filter(|(_, units)| *units > 0).collect()
}

fn end(problem: &Problem, task: TaskId, end: End) -> Option<TaskId> {
    holder(problem, task, end).expect("a network was made of the problem, so no spans form a circle")
}

/// Who has units to give.
struct Stock {
    /// Who had them last; none if nobody ever had.
    giver: Option<TaskId>,
    /// How many.
    units: u32,
}

/// The units of every resource.
struct Stocks {
    pools: Vec<Vec<Stock>>,
    people: Vec<Vec<Stock>>,
    phases: Vec<Vec<Stock>>,
}

impl Stocks {
    fn new(problem: &Problem) -> Self {
        let full = |units: u32| vec![Stock { giver: None, units }];
        Self {
            pools: problem.pools.iter().map(|pool| full(pool.capacity)).collect(),
            people: problem.people.iter().map(|person| full(person.units)).collect(),
            phases: problem.phases.iter().map(|phase| full(phase.max_parallel.unwrap_or(0))).collect(),
        }
    }

    /// Takes `units` for `task`, which has them from then on, and returns who gives how many.
    fn take(
        &mut self,
        resource: Resource,
        units: u32,
        task: TaskId,
        placement: &Placement,
        before: &Before,
    ) -> Vec<(TaskId, u32)> {
        let stocks = match resource {
            Resource::Pool(pool) => &mut self.pools[pool.at()],
            Resource::Person(person) => &mut self.people[person.at()],
            Resource::Phase(phase) => &mut self.phases[phase.at()],
        };
        let start = placement.of(task).start;
        let mut ranked: Vec<(u8, i64, usize)> = Vec::new();
        for (index, stock) in stocks.iter().enumerate() {
            let finish = stock.giver.map_or(Moment(i64::MIN), |giver| placement.of(giver).finish);
            if finish <= start {
                let rank = match stock.giver {
                    Some(giver) if before.precedes(giver, task) => 0,
                    None => 1,
                    Some(_) => 2,
                };
                ranked.push((rank, finish.0.saturating_neg(), index));
            }
        }
        ranked.sort_unstable();
        let mut left = units;
        let mut given = Vec::new();
        for (_, _, index) in ranked {
            if left == 0 {
                break;
            }
            let stock = &mut stocks[index];
            let taken = stock.units.min(left);
            stock.units -= taken;
            left -= taken;
            given.extend(stock.giver.map(|giver| (giver, taken)));
        }
        stocks.retain(|stock| stock.units > 0);
        stocks.push(Stock { giver: Some(task), units: units - left });
        given
    }
}

/// Which tasks have ended for sure when which begin.
struct Before {
    /// The predecessors that a link or an arc names.
    direct: Vec<Vec<TaskId>>,
    /// One row of bits a task: all that precede it. Empty beyond [`TRANSITIVE_MAX`] tasks.
    all: Vec<u64>,
    /// The words of a row.
    words: usize,
}

impl Before {
    /// Reads the links of the tasks of `order`. Only what has yet to begin can be held back by a link, and only one from a finish to a
    /// start that is no lead says that the one is over when the other begins.
    fn of_links(problem: &Problem, network: &Network, order: &[TaskId]) -> Self {
        let count = problem.tasks.len();
        let words = if count <= TRANSITIVE_MAX { count.div_ceil(64) } else { 0 };
        let mut before = Self { direct: vec![Vec::new(); count], all: vec![0; words * count], words };
        for &task in order.iter().filter(|task| problem.tasks[task.at()].fact == Fact::Open) {
            for arc in
                network.arcs_into(task).filter(|arc| arc.kind == LinkKind::FinishStart && arc.lag.0 >= 0)
            {
                before.add(arc.from, task);
            }
        }
        before
    }

    fn precedes(&self, first: TaskId, second: TaskId) -> bool {
        if self.words == 0 {
            return self.direct[second.at()].contains(&first);
        }
        self.all[second.at() * self.words + first.at() / 64] >> (first.at() % 64) & 1 == 1
    }

    /// Adds that `first` precedes `second`. Whatever comes after `second` already does not learn of it: it may get an arc too many.
    fn add(&mut self, first: TaskId, second: TaskId) {
        self.direct[second.at()].push(first);
        for word in 0..self.words {
            let inherited = self.all[first.at() * self.words + word];
            self.all[second.at() * self.words + word] |= inherited;
        }
        if self.words > 0 {
            self.all[second.at() * self.words + first.at() / 64] |= 1 << (first.at() % 64);
        }
    }
}
