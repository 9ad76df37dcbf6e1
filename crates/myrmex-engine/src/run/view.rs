//! What an expression may see of a run: read-only, by name, without values.

use myrmex_model::address::Address;
use myrmex_model::effect::{Asked, Ticket};
use myrmex_model::event::{HandlerKind, Pending};
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, FencingToken, RunId, ValueHash};
use myrmex_model::ir::{Await, Body, NodeId};
use myrmex_model::outcome::{Origin, Outcome};
use myrmex_model::signal::Signal;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::Run;
use super::arena::{Activation, ActivationId, EachState, Reached, Work};
use super::fold::Folded;
use super::signals::Received;

/// A run as one of its activations sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    run: &'a Run,
    from: ActivationId,
    /// Whether names are looked up inside the activation's own scope first.
    is_inside: bool,
    /// Whether what is evaluated belongs to where the activation stands, although it sees the tasks inside.
    is_beside: bool,
}

/// A task as an expression or a summary sees it.
#[derive(Debug, Clone, Copy)]
pub struct TaskView<'a> {
    run: &'a Run,
    place: Place,
}

/// Where what is known of a task stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Live(ActivationId),
    /// Of an item of a `for_each` only its result was kept.
    Folded {
        each: ActivationId,
        index: u32,
    },
}

/// The item of a `for_each` that an activation belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView<'a> {
    /// The name under which it is seen.
    pub name: &'a str,
    /// Its place, from 0.
    pub index: u32,
    /// Its key, if the source is a map.
    pub key: Option<&'a str>,
    /// The whole list, map or number, or the file.
    pub items: ValueHash,
}

/// What a task asks people, or waits to be told.
#[derive(Debug, Clone)]
pub struct AwaitedView<'a> {
    /// What kind of thing it waits for, and how many people have to agree.
    pub body: &'a Await,
    /// What is asked of whom.
    pub asked: &'a Asked,
    /// Since when.
    pub opened: Timestamp,
    /// What was said that counts, with the time of each, in order.
    pub answers: Vec<(&'a Signal, Timestamp)>,
    /// What was said last that leaves everything open, such as progress.
    pub latest: Option<(&'a Signal, Timestamp)>,
}

/// An error as the handler that is about it sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorView<'a> {
    /// The error.
    pub fault: &'a Fault,
    /// The attempt that failed last.
    pub attempt: Attempt,
    /// The task whose body failed.
    pub task: Address,
}

impl Run {
    /// Returns what the activation of a request sees; `is_inside` for the output of a scope.
    pub fn view(&self, ticket: Ticket, is_inside: bool) -> View<'_> {
        View { run: self, from: ActivationId(ticket.0), is_inside, is_beside: false }
    }

    /// Returns what the task at `address` sees, if it is under way.
    pub fn view_of(&self, address: &Address) -> Option<View<'_>> {
        let from = self.find(address)?;
        Some(View { run: self, from, is_inside: false, is_beside: false })
    }

    /// Returns the task at `address`, if it was reached.
    pub fn task(&self, address: &Address) -> Option<TaskView<'_>> {
        let live = self.find(address).map(|id| TaskView::of(self, id));
        live.or_else(|| {
            let (each, index) = self.find_folded(address)?;
            let item = TaskView { run: self, place: Place::Folded { each, index } };
            (item.address() == *address).then_some(item)
        })
    }

    /// Returns the messages that no task has taken, with the time of each, in the order of their receipt.
    pub fn messages(&self) -> impl Iterator<Item = (&Signal, Timestamp)> {
        self.signals.kept.iter().map(|received| (&received.signal, received.at))
    }

    /// Returns every task that was reached, in the order of being reached; the root scope is not one, and what earlier
    /// attempts of a scope left behind is not shown, nor is what was folded.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'_>> {
        (1..u32::try_from(self.arena.len()).unwrap_or(u32::MAX))
            .map(ActivationId)
            .filter(|id| !self.at(*id).is_stale)
            .map(|id| TaskView::of(self, id))
    }

    /// Returns the inputs of the run, once it has started.
    pub fn inputs(&self) -> Option<ValueHash> {
        self.header.as_ref().map(|header| header.inputs)
    }

    /// Returns what started the run, once it has started.
    pub fn trigger(&self) -> Option<&str> {
        self.header.as_ref().map(|header| header.trigger.as_str())
    }

    /// Returns the flow whose variables an activation writes: the outermost flow of those around it without another
    /// kind of scope between; variables do not leave a scope with inputs of its own.
    pub(super) fn vars_owner(&self, id: ActivationId) -> Option<ActivationId> {
        let mut owner = None;
        let mut here = id;
        while let Some(parent) = self.parent(here) {
            match self.at(parent).work {
                Work::Flow(_) if self.is_bound(parent) => {
                    if !self.at(here).is_handler {
                        return Some(parent);
                    }
                }
                Work::Flow(_) => owner = Some(parent),
                // What follows the body of a task stands where the task stands.
                Work::None
                | Work::Leaf(_)
                | Work::Timer { .. }
                | Work::Postponed { .. }
                | Work::Choice { .. }
                | Work::Await(_)
                | Work::Call(_)
                    if self.at(here).is_handler => {}
                Work::None
                | Work::Leaf(_)
                | Work::Timer { .. }
                | Work::Postponed { .. }
                | Work::Choice { .. }
                | Work::Await(_)
                | Work::Graph(_)
                | Work::Each(_)
                | Work::Call(_) => break,
            }
            here = parent;
        }
        owner
    }
}

impl Run {
    /// Returns the last of a task's visits that is a run of it: a visit that was skipped is none, unless all were.
    fn last_run(&self, visits: &[ActivationId]) -> Option<ActivationId> {
        let is_run = |visit: &&ActivationId| self.at(**visit).status != Status::Skipped;
        visits.iter().rev().find(is_run).or(visits.last()).copied()
    }

    /// Returns whether something around an activation, below the root, ended as it should: then what failed inside was
    /// caught, or was not needed.
    fn is_caught(&self, id: ActivationId) -> bool {
        let around = std::iter::successors(self.parent(id), |here| self.parent(*here));
        let mut below = around.filter(|here| *here != ActivationId::ROOT);
        below.any(|here| self.at(here).status == Status::Succeeded)
    }

    /// Returns whether an error arose in the activation itself or in a run that it called.
    fn raised(&self, id: ActivationId, fault: &Fault) -> bool {
        let Some(task) = fault.task.as_deref() else { return false };
        let address = self.address(id);
        let inside = task.strip_prefix(&*address.path());
        let is_call = matches!(self.node(id).body, Body::Call(_));
        inside.is_some_and(|inside| inside.is_empty() || (is_call && inside.starts_with('/')))
    }
}

impl<'a> View<'a> {
    /// Returns the run.
    pub fn run(&self) -> &'a Run {
        self.run
    }

    /// Returns the task whose activation it is.
    pub fn own(&self) -> TaskView<'a> {
        TaskView::of(self.run, self.from)
    }

    /// Returns the address of the activation.
    pub fn address(&self) -> Address {
        self.run.address(self.from)
    }

    /// Returns the address under which an earlier run may have the result of the activation; none if the run retries
    /// nothing, and for what follows a body, which is never taken over.
    pub fn taken_address(&self) -> Option<Address> {
        self.run.may_take(self.from).then(|| self.address())
    }

    /// Returns the last run of the task `name` in the nearest scope around that has one.
    pub fn task(&self, name: &str) -> Option<TaskView<'a>> {
        let mut scope = if self.is_inside { Some(self.from) } else { self.run.parent(self.from) };
        while let Some(here) = scope {
            let (has_name, found) = match (&self.run.at(here).work, &self.run.node(here).body) {
                (Work::Graph(state), Body::Graph(graph)) => {
                    let index = graph.child_index(name);
                    (index.is_some(), index.map(|index| state.first.offset(index)))
                }
                (Work::Flow(state), Body::Flow(flow)) => {
                    let index = flow.child_index(name);
                    (
                        index.is_some(),
                        index.and_then(|index| self.run.last_run(&state.visits[index as usize])),
                    )
                }
                (
                    Work::None
                    | Work::Leaf(_)
                    | Work::Timer { .. }
                    | Work::Postponed { .. }
                    | Work::Choice { .. }
                    | Work::Await(_)
                    | Work::Graph(_)
                    | Work::Flow(_)
                    | Work::Each(_)
                    | Work::Call(_),
                    _,
                ) => (false, None),
            };
            if has_name {
                return found.map(|id| TaskView::of(self.run, id));
            }
            scope = self.run.parent(here);
        }
        None
    }

    /// Returns the items that the activation belongs to, the nearest first.
    pub fn items(&self) -> Vec<ItemView<'a>> {
        let mut items = Vec::new();
        let mut here = Some(self.from);
        while let Some(id) = here {
            let (activation, parent) = (self.run.at(id), self.run.parent(id));
            if activation.is_item
                && let Some(parent) = parent
                && let (Work::Each(state), Body::Each(each)) =
                    (&self.run.at(parent).work, &self.run.node(parent).body)
            {
                let key = state.keys.as_ref().and_then(|keys| keys.get_index(activation.index as usize));
                items.push(ItemView {
                    name: each.item.as_str(),
                    index: activation.index,
                    key: key.map(|(key, _)| key.as_str()),
                    items: state.items,
                });
            }
            here = parent;
        }
        items
    }

    /// Returns whether the activation is a block that has what it asked for and is about to begin.
    pub fn is_held(&self) -> bool {
        self.run.is_held(self.from)
    }

    /// Returns the error of work that would wait for ever for `lock`, because a block around it holds that.
    pub fn held_around(&self, lock: &str) -> Option<Fault> {
        self.run.held_around(self.from, lock)
    }

    /// Lets the view be that of a handler's condition: it sees the tasks inside, but `inputs` and variables as what
    /// stands beside the scope.
    #[must_use]
    pub fn beside(self) -> Self {
        Self { is_beside: true, ..self }
    }

    /// Returns the innermost scope or `for_each` around what is evaluated.
    fn innermost(&self) -> Option<ActivationId> {
        let is_inside = self.is_inside && !(self.is_beside && self.run.is_bound(self.from));
        if is_inside { Some(self.from) } else { self.run.outside(self.from) }
    }

    /// Returns the inputs that the activation sees: those of the nearest scope around with inputs of its own, or else
    /// those of the run.
    pub fn inputs(&self) -> Option<ValueHash> {
        let mut here = self.innermost();
        while let Some(id) = here {
            if self.run.is_bound(id) {
                return self.run.at(id).inputs();
            }
            here = self.run.outside(id);
        }
        self.run.inputs()
    }

    /// Returns the variables that the activation sees, if any were written.
    pub fn vars(&self) -> Option<ValueHash> {
        let run = self.run;
        let mut here = self.innermost();
        while let Some(id) = here {
            let mut owner = id;
            if let Work::Flow(_) = run.at(id).work {
                owner = run.vars_owner(id).filter(|_| !run.is_bound(id)).unwrap_or(id);
                if let Some(vars) = run.flow(owner).vars {
                    return Some(vars);
                }
            }
            here = run.outside(owner).filter(|_| !run.is_bound(owner));
        }
        None
    }

    /// Returns whether a map that the activation sets becomes variables of a flow.
    pub fn writes_vars(&self) -> bool {
        self.run.vars_owner(self.from).is_some()
    }

    /// Returns which round of a flow, or which item of a `for_each`, the activation is in, from 0; of the nearest.
    pub fn index(&self) -> Option<u32> {
        let mut here = Some(self.from);
        let mut is_inside = self.is_inside;
        while let Some(id) = here {
            if is_inside
                && let Work::Flow(flow) = &self.run.at(id).work
                && let Some(round) = flow.round
            {
                return Some(round);
            }
            if self.run.at(id).is_item {
                return Some(self.run.at(id).index);
            }
            (here, is_inside) = (self.run.parent(id), true);
        }
        None
    }

    /// Returns the activation whose body the nearest handler around follows.
    fn handled(&self) -> Option<ActivationId> {
        let mut here = self.from;
        while let Some(parent) = self.run.parent(here) {
            if self.run.at(here).is_handler {
                return Some(parent);
            }
            here = parent;
        }
        None
    }

    /// Returns the error that the nearest handler around is about; nothing if there is no handler or no error.
    pub fn error(&self) -> Option<ErrorView<'a>> {
        let run = self.run;
        let id = self.handled()?;
        let (_, pending) = run.at(id).handling()?;
        match pending {
            Pending::Failed { fault, .. } => {
                Some(ErrorView { fault, attempt: run.at(id).attempt(), task: run.address(id) })
            }
            Pending::Succeeded { .. } | Pending::Cancelled => None,
        }
    }

    /// Returns what the body gave that the nearest handler around follows; nothing if it gave nothing.
    pub fn given(&self) -> Option<ValueHash> {
        let run = self.run;
        let (_, pending) = run.at(self.handled()?).handling()?;
        match pending {
            Pending::Succeeded { output, .. } => Some(*output),
            Pending::Failed { .. } | Pending::Cancelled => None,
        }
    }

    /// Returns how the run is about to end, and the errors of its tasks that nothing caught, as its own handlers see it; nothing elsewhere.
    pub fn run_end(&self) -> Option<(Status, Vec<&'a Fault>)> {
        let run = self.run;
        let mut here = self.from;
        while run.parent(here).is_some_and(|parent| parent != ActivationId::ROOT) {
            here = run.at(here).parent;
        }
        let (_, pending) = run.at(ActivationId::ROOT).handling().filter(|_| run.at(here).is_handler)?;
        let (status, own) = match pending {
            Pending::Succeeded { .. } => (Status::Succeeded, None),
            Pending::Failed { fault, is_timeout: true } => (Status::TimedOut, Some(&**fault)),
            Pending::Failed { fault, is_timeout: false } => (Status::Failed, Some(&**fault)),
            Pending::Cancelled => (Status::Cancelled, None),
        };
        let failed = run.tasks().filter(|task| Outcome::of(task.status()) == Some(Outcome::Failed));
        let raised = failed.filter_map(|task| {
            let (id, fault) = (task.id()?, task.fault()?);
            (run.raised(id, fault) && !run.is_caught(id)).then_some(fault)
        });
        let mut errors: Vec<&Fault> = raised.collect();
        errors.extend(own.filter(|own| own.task.is_none()));
        Some((status, errors))
    }

    /// Returns the outputs of a `for_each`'s items in order; none for an item that gave nothing or was never begun.
    pub fn item_outputs(&self) -> impl Iterator<Item = Option<ValueHash>> + use<'a> {
        let each = TaskView::of(self.run, self.from);
        let count = each.item_count();
        each.items().map(|item| item.output()).chain(std::iter::repeat(None)).take(count)
    }
}

impl<'a> TaskView<'a> {
    pub(super) fn of(run: &'a Run, id: ActivationId) -> Self {
        Self { run, place: Place::Live(id) }
    }

    /// Returns its activation; none if it is an item of which only the result was kept.
    fn live(&self) -> Option<&'a Activation> {
        self.id().map(|id| self.run.at(id))
    }

    fn id(&self) -> Option<ActivationId> {
        match self.place {
            Place::Live(id) => Some(id),
            Place::Folded { .. } => None,
        }
    }

    fn folded(&self) -> Option<&'a Folded> {
        let Place::Folded { each, index } = self.place else { return None };
        match &self.run.at(each).work {
            Work::Each(state) => match &state.reached[index as usize] {
                Reached::Folded(folded) => Some(folded),
                Reached::Live(_) => None,
            },
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Call(_) => None,
        }
    }

    fn run_started(&self) -> Timestamp {
        self.run.started().unwrap_or(self.run.last)
    }

    /// Returns the task's address.
    pub fn address(&self) -> Address {
        match self.place {
            Place::Live(id) => self.run.address(id),
            Place::Folded { each, index } => self.run.item_address(each, index),
        }
    }

    /// Returns the node it follows.
    pub fn node(&self) -> NodeId {
        match self.place {
            Place::Live(id) => self.run.at(id).node,
            Place::Folded { each, .. } => match &self.run.node(each).body {
                Body::Each(body) => body.body,
                Body::Task(_)
                | Body::Value(_)
                | Body::Timer(_)
                | Body::Choose(_)
                | Body::Raise(_)
                | Body::Await(_)
                | Body::Flow(_)
                | Body::Graph(_)
                | Body::Call(_) => unreachable!("only a `for_each` has items"),
            },
        }
    }

    /// Returns its status.
    pub fn status(&self) -> Status {
        let folded = self.folded().map(Folded::status);
        self.live().map(|own| own.status).or(folded).unwrap_or(Status::Pending)
    }

    /// Returns its phase.
    pub fn phase(&self) -> Phase {
        self.live().map_or(Phase::None, |own| own.phase)
    }

    /// Returns how many attempts were granted; of a body without a worker, how many were entered.
    pub fn attempts(&self) -> u32 {
        let Some(activation) = self.live() else { return self.folded().map_or(0, Folded::attempts) };
        match activation.leaf() {
            _ if self.taken().is_some() => self.taken().map_or(0, |(_, attempts)| attempts),
            Some(leaf) => leaf.attempts_made,
            None if activation.has_started || activation.status == Status::Succeeded => {
                activation.attempt().0
            }
            None => 0,
        }
    }

    fn taken(&self) -> Option<(RunId, u32)> {
        self.live()?.facts()?.taken
    }

    /// Returns the run that its result was taken over from, if it was.
    pub fn taken_from(&self) -> Option<RunId> {
        self.taken().map(|(run, _)| run)
    }

    /// Returns its output, once it succeeded.
    pub fn output(&self) -> Option<ValueHash> {
        self.live().map_or_else(|| self.folded().and_then(Folded::output), |own| own.output)
    }

    /// Returns the artifacts of its last attempt, a map of file values, once there are some.
    pub fn artifacts(&self) -> Option<ValueHash> {
        self.live()?.artifacts.as_deref().copied()
    }

    /// Returns whose success its last attempt took over instead of running anything; none if it did not.
    pub fn cached(&self) -> Option<&'a Origin> {
        self.live()?.facts()?.cached.as_deref()
    }

    /// Returns what its body gave, once that succeeded, also while what follows the body is under way.
    pub fn given(&self) -> Option<ValueHash> {
        match self.live().and_then(Activation::handling) {
            Some((_, Pending::Succeeded { output, .. })) => Some(*output),
            Some((_, Pending::Failed { .. } | Pending::Cancelled)) => None,
            None => self.output(),
        }
    }

    /// Returns its error, once it failed.
    pub fn fault(&self) -> Option<&'a Fault> {
        self.live()?.fault.as_deref()
    }

    /// Returns whether it failed and counts as succeeded all the same, because of `continue_on_error`: its error is still
    /// there. An error that a `catch` took is another thing.
    pub fn is_accepted(&self) -> bool {
        let Some(id) = self.id() else { return false };
        let continues = self.run.node(id).handling.as_ref().is_some_and(|handling| handling.continues);
        let is_caught = || {
            let mut handlers = self.run.at(id).rare.iter().flat_map(|rare| &rare.handlers);
            handlers.any(|(kind, handler)| {
                matches!(kind, HandlerKind::Catch(_)) && self.run.at(*handler).status == Status::Succeeded
            })
        };
        continues && self.status() == Status::Succeeded && self.fault().is_some() && !is_caught()
    }

    /// Returns when it began, once it has: of work of people when they said so, of what else asks people when it asked.
    pub fn started(&self) -> Option<Timestamp> {
        let folded = || self.folded().and_then(|folded| folded.started(self.run_started()));
        self.live().map_or_else(folded, |own| own.started)
    }

    /// Returns when it ended, once it has.
    pub fn ended(&self) -> Option<Timestamp> {
        let folded = || self.folded().map(|folded| folded.ended(self.run_started()));
        self.live().map_or_else(folded, |own| own.ended)
    }

    /// Returns when its people were done with it, or its message came, although links may still hold back its end; nothing if that
    /// has not happened, and for what waits for nobody.
    pub fn answered(&self) -> Option<Timestamp> {
        let Work::Await(state) = &self.run.at(self.id()?).work else { return None };
        let is_done = self.phase() == Phase::Held || self.status() == Status::Succeeded;
        state.answers.last().filter(|_| is_done).map(|received| received.at)
    }

    /// Returns the input of its attempts, if it is not literal in the definition.
    pub fn input(&self) -> Option<ValueHash> {
        self.live()?.leaf().and_then(|leaf| leaf.input)
    }

    /// Returns the attempt under way or to come, with the token of its grant if it has one.
    pub fn attempt(&self) -> Option<(Attempt, Option<FencingToken>)> {
        self.live()?.leaf().map(|leaf| (leaf.attempt, leaf.token))
    }

    /// Returns what it asks, or asked last; none if it asks nobody and waits for no message, or has not begun to.
    pub fn awaited(&self) -> Option<AwaitedView<'a>> {
        let id = self.id()?;
        let (Some(body), Work::Await(state)) = (self.run.await_of(id), &self.run.at(id).work) else {
            return None;
        };
        let told = |received: &'a Received| (&received.signal, received.at);
        let answers = state.answers.iter().map(told).collect();
        let latest = state.latest.as_ref().map(told);
        Some(AwaitedView { body, asked: &state.asked, opened: state.opened, answers, latest })
    }

    /// Returns whether what is said to it may still change something.
    pub fn is_awaiting(&self) -> bool {
        self.id().is_some_and(|id| self.run.awaiting(id).is_some())
    }

    /// Returns since when it is stuck, or was for the first time; nothing if it never was.
    pub fn stuck_since(&self) -> Option<Timestamp> {
        self.run.stuck_since(self.id()?)
    }

    /// Returns whether a person has to decide what becomes of it.
    pub fn is_stuck(&self) -> bool {
        self.id().is_some_and(|id| self.run.is_unsettled(id))
    }

    /// Returns whether it is a `for_each`.
    pub fn is_each(&self) -> bool {
        matches!(self.run.definition.node(self.node()).body, Body::Each(_))
    }

    fn each(&self) -> Option<(ActivationId, &'a EachState)> {
        let id = self.id()?;
        match &self.run.at(id).work {
            Work::Each(each) => Some((id, each)),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Call(_) => None,
        }
    }

    /// Returns how many items it has, those that were never reached too; 0 if it is no `for_each` that has begun.
    pub fn item_count(&self) -> usize {
        self.each().map_or(0, |(_, each)| each.count as usize)
    }

    /// Returns its items if it is a `for_each`, in order, as far as they were reached.
    pub fn items(&self) -> impl Iterator<Item = TaskView<'a>> + use<'a> {
        let run = self.run;
        self.each().into_iter().flat_map(move |(each, state)| {
            (0..).zip(&state.reached).map(move |(index, item)| match item {
                Reached::Live(id) => TaskView::of(run, *id),
                Reached::Folded(_) => TaskView { run, place: Place::Folded { each, index } },
            })
        })
    }
}
