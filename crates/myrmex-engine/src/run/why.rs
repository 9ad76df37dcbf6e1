//! What each task of a run waits for, as far as the run itself knows: read from its state, decided by nobody.
//!
//! What waits for a place, a pool or a lock is [`Reason::Queued`] here; [`crate::dispatch::Dispatch::why`] knows the rest.

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::event::NotBefore;
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::ir::{Body, Graph, Holds};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::Run;
use super::arena::{ActivationId, Hold, Work, parallel_max};
use super::ends::Holder;
use super::view::TaskView;

/// What a task waits for, or that it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is over.
    Ended(Status),
    /// Tasks that it needs have not ended.
    Upstream(Vec<Address>),
    /// A task before it in its flow is under way.
    Order(Address),
    /// An edge from this task waits out its lag.
    Lag {
        /// The task.
        from: Address,
        /// When that is over.
        due: Timestamp,
    },
    /// It has done what it does, or takes no time, and links hold back its end.
    Held(Vec<Holder>),
    /// Its links allow it to begin, and it must not before an instant.
    Postponed {
        /// That instant.
        until: Timestamp,
        /// Because of what.
        because: NotBefore,
    },
    /// As many tasks beside it are under way as may be.
    Bounded {
        /// The scope or `for_each` that bounds them; the root for the run.
        scope: Address,
        /// How many that are.
        most: u32,
    },
    /// What is around it has not begun.
    Around(Address),
    /// It waits for what it asks for: a place, pools, a lock.
    Queued,
    /// A worker has it.
    Runs(Attempt),
    /// The pause before its next attempt.
    Pause {
        /// That attempt.
        attempt: Attempt,
        /// When it is over.
        due: Timestamp,
    },
    /// A `wait`.
    Timer(Timestamp),
    /// What people say to it, or a message: [`TaskView::awaited`] tells.
    Awaited,
    /// What a person decides about it: it is stuck.
    Decision,
    /// The end of a run that it called.
    Child(RunId),
    /// The end of what is inside it, or follows it.
    Inside(Vec<Address>),
    /// What is left to decide; a run that is driven does that at once.
    Undecided,
}

/// The edges of graphs by the child whose beginning they hold back, made where they are asked for.
#[derive(Default)]
struct Sources(BTreeMap<ActivationId, Vec<Vec<u32>>>);

impl Sources {
    /// Returns the children of `scope`, whose body is `graph`, that edges to `child` leave.
    fn of(&mut self, scope: ActivationId, graph: &Graph, child: u32) -> &[u32] {
        let entering = self.0.entry(scope).or_insert_with(|| {
            let mut entering = vec![Vec::new(); graph.children.len()];
            for edge in graph.edges().iter().filter(|edge| edge.holds == Holds::Begin) {
                entering[edge.to as usize].push(edge.from);
            }
            entering
        });
        &entering[child as usize]
    }
}

impl Run {
    /// Returns the limit of time of a task that runs out first, if one does.
    pub fn next_limit(&self, task: &Address) -> Option<Timestamp> {
        let id = self.find(task)?;
        myrmex_model::event::Limit::ALL.into_iter().filter_map(|limit| self.due(id, limit)).min()
    }

    /// Returns what the task at `task` waits for; none if it was never reached.
    pub fn why(&self, task: &Address) -> Option<Reason> {
        self.find(task).map(|id| self.reason(id, &mut Sources::default()))
    }

    /// Returns what a task waits for that was not reached: `around` is the nearest around it that was.
    pub fn why_unreached(&self, around: &Address) -> Option<Reason> {
        let id = self.find(around)?;
        let current = match &self.at(id).work {
            Work::Flow(flow) => flow.current.filter(|current| !self.at(*current).status.is_terminal()),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Each(_)
            | Work::Call(_) => None,
        };
        Some(match current {
            Some(current) => Reason::Order(self.address(current)),
            None if self.at(id).status.is_terminal() => Reason::Ended(self.at(id).status),
            None => Reason::Around(self.address(id)),
        })
    }

    /// Returns the tasks that are neither over nor only around others that are not, in the order of being reached, each with
    /// what it waits for. The cost is that of the tasks and edges there are.
    pub fn open_tasks(&self) -> Vec<(TaskView<'_>, Reason)> {
        let mut sources = Sources::default();
        let ids = (1..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId);
        let open = ids.filter(|id| !self.at(*id).is_stale && !self.at(*id).status.is_terminal());
        open.filter_map(|id| match self.reason(id, &mut sources) {
            Reason::Ended(_) | Reason::Inside(_) => None,
            reason => Some((TaskView::of(self, id), reason)),
        })
        .collect()
    }

    fn reason(&self, id: ActivationId, sources: &mut Sources) -> Reason {
        let activation = self.at(id);
        if activation.status.is_terminal() {
            return Reason::Ended(activation.status);
        }
        if activation.is_untouched() {
            return self.reason_to_begin(id, sources);
        }
        if activation.phase == Phase::Held {
            return Reason::Held(self.holders(id));
        }
        if activation.status == Status::Stuck {
            return Reason::Decision;
        }
        if self.hold(id) == Some(Hold::Waiting) || activation.phase == Phase::Queued {
            return Reason::Queued;
        }
        if activation.handling().is_some() {
            return self.inside_reason(id);
        }
        let repeat = activation.facts().and_then(|facts| facts.repeat);
        match (&activation.work, repeat) {
            (Work::Leaf(leaf), _) => match leaf.retry_due {
                Some(due) => Reason::Pause { attempt: leaf.attempt, due },
                None if leaf.token.is_some() => Reason::Runs(leaf.attempt),
                None => Reason::Undecided,
            },
            (_, Some((attempt, due))) => Reason::Pause { attempt, due },
            (Work::Timer { due }, None) => Reason::Timer(*due),
            (Work::Postponed { until, because }, None) => {
                Reason::Postponed { until: *until, because: because.clone() }
            }
            (Work::Await(_), None) => Reason::Awaited,
            (Work::Call(call), None) => Reason::Child(call.child),
            (Work::Graph(_) | Work::Flow(_) | Work::Each(_), None) => self.inside_reason(id),
            (Work::None | Work::Choice { .. }, None) => Reason::Undecided,
        }
    }

    fn inside_reason(&self, id: ActivationId) -> Reason {
        let live = self.children(id).into_iter().filter(|child| !self.at(*child).status.is_terminal());
        Reason::Inside(live.map(|child| self.address(child)).collect())
    }

    /// Returns why something has not begun about which nothing was decided.
    fn reason_to_begin(&self, id: ActivationId, sources: &mut Sources) -> Reason {
        let Some(parent) = self.parent(id) else { return Reason::Undecided };
        let activation = self.at(id);
        if self.at(parent).status == Status::Pending {
            return Reason::Around(self.address(parent));
        }
        if let (Work::Graph(state), Body::Graph(graph)) = (&self.at(parent).work, &self.node(parent).body) {
            let from = sources.of(parent, graph, activation.index);
            let sources: Vec<ActivationId> = from.iter().map(|from| self.sibling(parent, *from)).collect();
            let lag = |from: &ActivationId| Some((*from, self.lag_armed((*from, id), Holds::Begin)?.1));
            let lag = sources.iter().find_map(lag);
            if let Some((from, due)) = lag {
                return Reason::Lag { from: self.address(from), due };
            }
            if activation.open_edges > 0 && !state.waiting.contains(&activation.index) {
                let is_open = |from: &&ActivationId| !self.at(**from).status.is_terminal();
                let open = sources.iter().filter(is_open).map(|from| self.address(*from));
                return Reason::Upstream(open.collect());
            }
            if self.await_of(id).is_none() && self.holds_end(id) {
                return Reason::Held(self.holders(id));
            }
        }
        match parallel_max(&self.node(parent).body) {
            Some(most) => Reason::Bounded { scope: self.address(parent), most },
            None => Reason::Undecided,
        }
    }
}
