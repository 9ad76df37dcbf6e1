//! Retries: what of a run is over and done, what is to run again, and how a later run takes the rest over.
//!
//! A retry is a run of its own. Which results it may take is chosen before it begins, from what the earlier run left;
//! when a task of it would begin whose result was chosen, the result is taken instead. See `docs/decisions/0008-retry.md`.

use std::collections::BTreeSet;

use myrmex_model::OrderedMap;
use myrmex_model::address::Address;
use myrmex_model::event::Change;
use myrmex_model::ir::{Body, Definition, Flow, Graph, NodeId, Repetition};
use myrmex_model::retry::{Items, Taken, Takings};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::Run;
use super::arena::{ActivationId, Work};
use super::view::TaskView;

/// What a person wants to run again, beside everything that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// The task at this path, and what follows it.
    Task(String),
    /// The item of a `for_each` at this path, and what follows the `for_each`.
    Item(String),
}

/// Why something cannot be run again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// There is no such task.
    #[error("there is no task `{path}`")]
    Task {
        /// The path.
        path: String,
        /// The paths that there are.
        known: Vec<String>,
    },
    /// There is no such item.
    #[error("there is no item `{path}`")]
    Item {
        /// The path.
        path: String,
        /// The items that there are: of the same task, or else all of them.
        known: Vec<String>,
    },
}

/// What a run left, by address in the first attempts of everything around it: what holds something before what is inside,
/// what ran in a flow in the order in which it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    results: OrderedMap<Address, Taken>,
    /// What a person skipped. Other skips are decided again.
    by_hand: BTreeSet<Address>,
}

/// What a retry takes over, and what it does not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// What it takes over.
    pub takings: Takings,
    /// Whether nothing at all runs again.
    pub is_whole: bool,
    /// The tasks with `effect: once` that began before and are run again.
    pub once: Vec<Address>,
}

impl Run {
    /// Returns what the run left; `earlier` is what it took over itself.
    pub fn history(&self, earlier: &Takings) -> History {
        let (mut results, mut by_hand) = (OrderedMap::default(), BTreeSet::new());
        let mut open: Vec<ActivationId> = match self.arena.first() {
            Some(_) => self.inside(ActivationId::ROOT),
            None => Vec::new(),
        };
        open.reverse();
        while let Some(id) = open.pop() {
            if self.at(id).is_untouched() {
                continue;
            }
            let address = self.address(id).in_first_attempts();
            let is_taken = TaskView::of(self, id).taken_from().is_some();
            if is_taken && let Some(index) = earlier.results.get_index_of(&address) {
                results.extend(with_inside(&earlier.results, index));
            } else {
                if self.at(id).facts().is_some_and(|facts| facts.is_by_hand) {
                    by_hand.insert(address.clone());
                }
                results.insert(address, self.result_of(id));
                open.extend(self.inside(id).into_iter().rev());
            }
        }
        History { results, by_hand }
    }

    fn result_of(&self, id: ActivationId) -> Taken {
        let (activation, view) = (self.at(id), TaskView::of(self, id));
        let items = match &activation.work {
            Work::Each(each) => Some(Items {
                list: each.items,
                count: each.count,
                keys: each.keys.as_ref().map(|keys| keys.keys().cloned().collect()),
            }),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Call(_) => None,
        };
        let case = match activation.work {
            Work::Choice { case } => Some(case),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => None,
        };
        Taken {
            from: view.taken_from().unwrap_or(self.id),
            status: activation.status,
            output: activation.output,
            vars: activation.facts().and_then(|facts| facts.vars),
            fault: activation.fault.clone(),
            attempts: view.attempts(),
            started: activation.started,
            finished: activation.ended,
            artifacts: view.artifacts(),
            case,
            items,
        }
    }

    /// Returns whether there may be something to take over in the place of an activation.
    pub(super) fn may_take(&self, id: ActivationId) -> bool {
        let mut here = Some(id).filter(|_| self.retry().is_some());
        let is_body = here.is_some();
        while let Some(id) = here {
            if self.at(id).is_handler {
                return false;
            }
            here = self.parent(id);
        }
        is_body
    }

    /// Applies that the result of an activation that nothing was decided about is taken over.
    pub(super) fn apply_taken(&mut self, id: ActivationId, taken: &Taken, at: Timestamp) -> Change {
        let from = self.at(id).status;
        self.ends.remove(&id);
        self.update(id, |activation| {
            activation.status = Status::Succeeded;
            (activation.started, activation.ended) = (taken.started, Some(taken.finished.unwrap_or(at)));
            (activation.output, activation.fault) = (taken.output, taken.fault.clone());
            activation.artifacts = taken.artifacts.map(Box::new);
            if let Some(case) = taken.case {
                activation.work = Work::Choice { case };
            }
            let facts = activation.facts_mut();
            (facts.taken, facts.vars) = (Some((taken.from, taken.attempts)), taken.vars);
        });
        self.write_vars(id, taken.vars);
        self.mark_started(id);
        self.settle(id);
        Change { from, to: Status::Succeeded, phase: Phase::None }
    }

    /// Notes how the variables of the flow around stand after an activation that may have written some, for whoever takes
    /// its result over.
    pub(super) fn keep_vars(&mut self, id: ActivationId) {
        let activation = self.at(id);
        let may_write = matches!(self.node(id).body, Body::Value(_) | Body::Flow(_))
            || self.handlers(id).next().is_some();
        if activation.status != Status::Succeeded || !may_write {
            return;
        }
        let vars = self.vars_owner(id).and_then(|owner| self.flow(owner).vars);
        if vars.is_some() {
            self.at_mut(id).facts_mut().vars = vars;
        }
    }
}

/// Returns a result and those inside of it.
fn with_inside(results: &OrderedMap<Address, Taken>, index: usize) -> impl Iterator<Item = (Address, Taken)> {
    let scope = results.get_index(index).map(|(address, _)| address);
    let all = results.iter().skip(index);
    let own = all.take_while(move |(address, _)| {
        scope.is_some_and(|scope| *address == scope || address.is_inside(scope))
    });
    own.map(|(address, taken)| (address.clone(), taken.clone()))
}

impl History {
    /// Chooses what a retry that follows `definition` takes over: what succeeded, unless it was asked for `again`, is in
    /// `lost`, or follows something that runs again. What a person skipped runs again: that was said of the earlier run alone.
    ///
    /// With `is_other` the definition is not the one of the earlier run: then a `switch` always decides again, because
    /// its cases may be other ones.
    ///
    /// # Errors
    ///
    /// Returns [`SelectError`] if something is asked for that is neither in the run nor in its definition.
    pub fn choose(
        &self,
        (definition, is_other): (&Definition, bool),
        again: &[Again],
        lost: &BTreeSet<Address>,
    ) -> Result<Choice, SelectError> {
        let mut wanted = lost.clone();
        for one in again {
            wanted.extend(self.wanted(definition, one)?);
        }
        let choice = Choice { is_whole: true, ..Choice::default() };
        let mut walk = Walk { history: self, definition, is_other, wanted, choice };
        walk.scope(definition.root, &Address::root());
        let mut choice = walk.choice;
        let is_left = |address: &&Address| !choice.takings.results.contains_key(*address);
        let once = self.results.iter().filter(|(_, result)| result.attempts > 0).map(|(address, _)| address);
        choice.once = once
            .filter(is_left)
            .filter(|address| {
                let node = node_at(definition, address).map(|node| definition.node(node));
                node.is_some_and(|node| node.policy.repetition == Repetition::Forbidden)
            })
            .cloned()
            .collect();
        Ok(choice)
    }

    /// Finds every run of what is asked for.
    fn wanted(&self, definition: &Definition, again: &Again) -> Result<Vec<Address>, SelectError> {
        let (path, is_item) = match again {
            Again::Task(path) => (path, false),
            Again::Item(path) => (path, true),
        };
        let parsed = Address::parse(path).ok();
        let is_key = parsed.as_ref().and_then(|address| address.segments().last()?.key).is_some();
        let found = self.results.keys().filter(|address| address.path() == path.as_str());
        let found: Vec<Address> = found.filter(|_| is_key || !is_item).cloned().collect();
        let is_known = !found.is_empty()
            || !is_item && !is_key && parsed.is_some_and(|address| node_at(definition, &address).is_some());
        if is_known {
            return Ok(found);
        }
        let path = path.clone();
        let each = path.split_once('[').map_or(path.as_str(), |(each, _)| each);
        let items = |of: Option<&str>| -> Vec<String> {
            let items = self.results.keys().map(|address| address.path().into_owned());
            let items = items.filter(|item| item.ends_with(']'));
            items
                .filter(|item| of.is_none_or(|of| item.split_once('[').map(|(each, _)| each) == Some(of)))
                .collect()
        };
        if is_item || is_key {
            let own = items(Some(each));
            let known = if own.is_empty() { items(None) } else { own };
            return Err(SelectError::Item { path, known });
        }
        let known: BTreeSet<String> =
            self.results.keys().map(|address| address.path().into_owned()).collect();
        Err(SelectError::Task { path, known: known.into_iter().collect() })
    }
}

/// One walk over a definition, from the outside to the inside: what is taken over as a whole is not looked into.
struct Walk<'a> {
    history: &'a History,
    definition: &'a Definition,
    is_other: bool,
    /// What is to run again although it succeeded.
    wanted: BTreeSet<Address>,
    choice: Choice,
}

/// What becomes of one task run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is taken over.
    Kept,
    /// It is decided again, and most probably skipped again.
    Skipped,
    /// It runs again, and with it what follows.
    Again,
}

impl Walk<'_> {
    fn result(&self, address: &Address) -> Option<&Taken> {
        self.history.results.get(address)
    }

    fn fate(&self, node: NodeId, address: &Address) -> Fate {
        let is_wanted = self.wanted.iter().any(|wanted| wanted == address || wanted.is_inside(address));
        let Some(result) = self.result(address).filter(|_| !is_wanted) else { return Fate::Again };
        let is_choose = matches!(self.definition.node(node).body, Body::Choose(_));
        match result.status {
            Status::Succeeded if is_choose && (self.is_other || result.case.is_none()) => Fate::Again,
            Status::Succeeded => Fate::Kept,
            // Nothing skips it again by itself, and what follows was decided, and computed, without it.
            Status::Skipped if self.history.by_hand.contains(address) => Fate::Again,
            Status::Skipped => Fate::Skipped,
            Status::Pending
            | Status::Running
            | Status::Waiting
            | Status::Failed
            | Status::Cancelled
            | Status::TimedOut
            | Status::Compensated
            | Status::Stuck => Fate::Again,
        }
    }

    /// Takes a result over with everything inside.
    fn keep(&mut self, address: &Address) {
        if let Some(index) = self.history.results.get_index_of(address) {
            self.choice.takings.results.extend(with_inside(&self.history.results, index));
        }
    }

    /// Looks into what runs again, unless all of it was asked for.
    fn enter(&mut self, node: NodeId, address: &Address) {
        self.choice.is_whole = false;
        if !self.wanted.contains(address) && self.result(address).is_some() {
            self.scope(node, address);
        }
    }

    fn scope(&mut self, node: NodeId, address: &Address) {
        let definition = self.definition;
        match &definition.node(node).body {
            Body::Graph(graph) => self.graph(graph, address),
            Body::Flow(flow) => self.flow(flow, address),
            Body::Each(each) => self.each(each.body, address),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Call(_) => {}
        }
    }

    fn graph(&mut self, graph: &Graph, scope: &Address) {
        let at = |walk: &Self, index: u32| {
            let node = graph.children[index as usize].node;
            (node, scope.child(&walk.definition.node(node).name, 1))
        };
        let count = u32::try_from(graph.children.len()).unwrap_or(u32::MAX);
        let fates: Vec<Fate> = (0..count)
            .map(|index| {
                let (node, address) = at(self, index);
                self.fate(node, &address)
            })
            .collect();
        let mut follows = vec![false; graph.children.len()];
        let mut open: Vec<u32> = (0..count).filter(|index| fates[*index as usize] == Fate::Again).collect();
        while let Some(index) = open.pop() {
            for edge in graph.edges_from(index) {
                if !std::mem::replace(&mut follows[edge.to as usize], true) {
                    open.push(edge.to);
                }
            }
        }
        for index in 0..count {
            let (node, address) = at(self, index);
            match fates[index as usize] {
                _ if follows[index as usize] => self.choice.is_whole = false,
                Fate::Kept => self.keep(&address),
                Fate::Skipped => {}
                Fate::Again => self.enter(node, &address),
            }
        }
    }

    /// What ran in a flow after something that runs again runs again too.
    ///
    /// Rounds of which none failed led nowhere: all of them run again, or the retry would end where the run ended.
    fn flow(&mut self, flow: &Flow, scope: &Address) {
        if flow.rounds.is_some() && !self.holds_cause(scope) {
            return;
        }
        for address in self.directly_inside(scope) {
            let name = address.segments().last().map(|segment| segment.name.to_owned()).unwrap_or_default();
            let Some(index) = flow.child_index(&name) else { continue };
            let node = flow.children[index as usize].node;
            match self.fate(node, &address) {
                Fate::Kept => self.keep(&address),
                Fate::Skipped => {}
                Fate::Again => return self.enter(node, &address),
            }
        }
    }

    fn each(&mut self, body: NodeId, scope: &Address) {
        let Some(items) = self.result(scope).and_then(|result| result.items.clone()) else { return };
        self.choice.takings.lists.insert(scope.clone(), items.list);
        for address in (0..items.count).map(|index| scope.item(&items.key(index))) {
            match self.fate(body, &address) {
                Fate::Kept => self.keep(&address),
                Fate::Skipped => {}
                Fate::Again => self.enter(body, &address),
            }
        }
    }

    /// Whether something inside of a scope has to run again by itself.
    fn holds_cause(&self, scope: &Address) -> bool {
        let is_done = |status| matches!(status, Status::Succeeded | Status::Skipped);
        let is_asked = |address| self.wanted.contains(address) || self.history.by_hand.contains(address);
        let first = self.history.results.get_index_of(scope).map_or(0, |index| index + 1);
        let mut inside =
            self.history.results.iter().skip(first).take_while(|(address, _)| address.is_inside(scope));
        inside.any(|(address, result)| !is_done(result.status) || is_asked(address))
    }

    /// Returns what ran directly inside a flow, in order.
    fn directly_inside(&self, scope: &Address) -> Vec<Address> {
        let first = self.history.results.get_index_of(scope).map_or(0, |index| index + 1);
        let inside = self.history.results.keys().skip(first).take_while(|address| address.is_inside(scope));
        let skipped = if scope.is_root() { 0 } else { scope.as_str().len() + 1 };
        let is_direct = |address: &&Address| !address.as_str()[skipped..].contains(['/', '[']);
        inside.filter(is_direct).cloned().collect()
    }
}

/// Returns the node that a task at `address` follows; none if the definition has no such task.
pub fn node_at(definition: &Definition, address: &Address) -> Option<NodeId> {
    let (node, is_itself) = nearest_node(definition, address);
    is_itself.then_some(node)
}

/// Returns the node that a task at `address` follows, or the nearest around it that the definition has, and whether it is itself.
pub fn nearest_node(definition: &Definition, address: &Address) -> (NodeId, bool) {
    let mut node = definition.root;
    for segment in address.segments() {
        let child = match &definition.node(node).body {
            Body::Graph(graph) => {
                graph.child_index(segment.name).map(|index| graph.children[index as usize].node)
            }
            Body::Flow(flow) => {
                flow.child_index(segment.name).map(|index| flow.children[index as usize].node)
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Each(_)
            | Body::Call(_) => None,
        };
        let Some(child) = child else { return (node, false) };
        node = child;
        if segment.key.is_some() {
            let Body::Each(each) = &definition.node(node).body else { return (node, false) };
            node = each.body;
        }
    }
    (node, true)
}
