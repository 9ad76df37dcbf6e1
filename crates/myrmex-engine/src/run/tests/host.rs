//! A host that plays the world around a run: it evaluates, grants, reports and fires timers, in virtual time.
//!
//! After every turn it holds the run against what can be known without it: the replay of its journal, the reading back
//! of its facts, and the queue, grants and timers that its effects have built up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::command::{ChildEnd, Command, TimerKey};
use myrmex_model::demand::Demand;
use myrmex_model::effect::{Asked, CatchChoice, Decision, Effect, Evaluation, Question, Request};
use myrmex_model::event::{Event, Recorded};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::ir::{AwaitKind, Body, Definition, Node};
use myrmex_model::name::Name;
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss};
use myrmex_model::planning::Project;
use myrmex_model::retry::{Retry, Taken, Takings};
use myrmex_model::signal::{Answer as Reply, Look, Signal, Word};
use myrmex_model::status::Status;
use myrmex_model::time::{Length, Timestamp};

use super::build::{Spec, define, hash, name, project_of};
use super::generate::Chooser;
use crate::dispatch::{Dispatch, Grant, Ready, Worker};
use crate::run::{Callable, Reach, Rejection, Run, holds};

pub(super) const RUN: RunId = RunId([7; 16]);

pub(super) type Answer = Result<Evaluation, Fault>;

/// The workflows that a run may call, and how often they were asked for.
#[derive(Default)]
pub(super) struct Called {
    pub(super) workflows: BTreeMap<Name, Arc<Definition>>,
    pub(super) asked: usize,
}

impl Callable for Called {
    fn find(&mut self, _: ValueHash, workflow: &Name) -> Option<(DefinitionHash, Arc<Definition>)> {
        self.asked += 1;
        let definition = self.workflows.get(workflow)?;
        Some((hash(definition), Arc::clone(definition)))
    }
}

pub(super) struct Host {
    pub(super) run: Run,
    pub(super) journal: Vec<Recorded>,
    pub(super) now: Timestamp,
    pub(super) dispatch: Dispatch,
    /// What workers have: the task is the one that they were told.
    pub(super) assigned: BTreeMap<FencingToken, Ready>,
    pub(super) stopping: BTreeSet<FencingToken>,
    /// What blocks hold.
    pub(super) held: BTreeSet<FencingToken>,
    /// Timers that fired after nobody waited for them any more, and were not disarmed yet.
    stale: BTreeSet<TimerKey>,
    pub(super) timers: BTreeMap<TimerKey, Timestamp>,
    /// Child runs whose end is waited for: who called them, and whether they are to be cancelled.
    pub(super) children: BTreeMap<RunId, (Address, bool)>,
    /// Whether the run waits for its place among those of its workflow.
    pub(super) is_queued: bool,
    /// The effects of the last turn.
    pub(super) effects: Vec<Effect>,
    pub(super) definitions: BTreeMap<DefinitionHash, Arc<Definition>>,
    /// Answers to come, by address; without one the plainest that fits is given.
    answers: BTreeMap<String, VecDeque<Answer>>,
    pub(super) callable: Called,
    /// The signals that were acknowledged.
    pub(super) said: Vec<Signal>,
    /// What the run may take over, if it is a retry.
    pub(super) takings: Takings,
    /// Draws answers and their order instead, if it is there.
    pub(super) luck: Option<Chooser>,
    /// How many may wait before items are held, if everything is folded after every turn.
    pub(super) frugality: Option<usize>,
    /// Whether every turn is checked, which costs time with the size of the run.
    pub(super) is_checked: bool,
}

pub(super) fn value_hash(text: &str) -> ValueHash {
    ValueHash::of(text.as_bytes())
}

pub(super) fn fault(title: &str) -> Fault {
    Fault::new(FaultKind::Runtime, title)
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(super) fn ended_well() -> AttemptEnd {
    AttemptEnd::Succeeded { output: value_hash("\"done\"") }
}

pub(super) fn ended_badly() -> AttemptEnd {
    AttemptEnd::Failed { fault: fault("broke") }
}

pub(super) fn lost() -> AttemptEnd {
    AttemptEnd::Lost { loss: Loss::Worker, reason: "worker is gone".into() }
}

pub(super) fn lost_alone() -> AttemptEnd {
    AttemptEnd::Lost { loss: Loss::Watcher, reason: "watcher was killed".into() }
}

/// A dispatch machine with one worker that has so many places.
pub(super) fn dispatch(epoch: Epoch, slots: u32) -> Dispatch {
    let mut dispatch = Dispatch::new(epoch);
    dispatch.set_worker(name("local"), Some(Worker { slots, ..Worker::default() }));
    dispatch
}

impl Host {
    pub(super) fn new(definition: Arc<Definition>) -> Self {
        let pinned = hash(&definition);
        Self {
            run: Run::new(RUN, Arc::clone(&definition), pinned),
            journal: Vec::new(),
            now: Timestamp(1_000_000_000),
            dispatch: dispatch(Epoch(1), 1_000),
            assigned: BTreeMap::new(),
            stopping: BTreeSet::new(),
            held: BTreeSet::new(),
            timers: BTreeMap::new(),
            stale: BTreeSet::new(),
            children: BTreeMap::new(),
            is_queued: false,
            effects: Vec::new(),
            definitions: BTreeMap::from([(pinned, definition)]),
            answers: BTreeMap::new(),
            callable: Called::default(),
            said: Vec::new(),
            takings: Takings::default(),
            luck: None,
            frugality: None,
            is_checked: true,
        }
    }

    /// Makes a host whose run of `root` has started.
    pub(super) fn started(root: &Spec) -> Self {
        let mut host = Self::new(define(root));
        host.start();
        host
    }

    /// Makes a host whose run of a project has started.
    pub(super) fn of_project(root: &Spec, project: Project) -> Self {
        let mut host = Self::new(project_of(root, project));
        host.start();
        host
    }

    /// Gives `answer` to the next question about the task.
    pub(super) fn answer(&mut self, task: &str, answer: Evaluation) {
        self.answers.entry(task.to_owned()).or_default().push_back(Ok(answer));
    }

    pub(super) fn answer_error(&mut self, task: &str) {
        self.answers.entry(task.to_owned()).or_default().push_back(Err(fault("no value")));
    }

    pub(super) fn start(&mut self) {
        self.put(start()).unwrap();
    }

    /// Starts the run as a retry, which takes over what is in [`Host::takings`].
    pub(super) fn begin_retry(&mut self) {
        let Command::Start { inputs, started_by, trigger, closure, parent, .. } = start() else {
            unreachable!("`start` starts");
        };
        let retry = Some(Box::new(Retry { of: RUN, attempt: 2, taken: value_hash("taken") }));
        self.put(Command::Start { inputs, started_by, trigger, closure, parent, retry }).unwrap();
    }

    /// Takes one whole turn.
    pub(super) fn put(&mut self, command: Command) -> Result<(), Rejection> {
        let before = self.run.facts();
        let decision = self.run.decide(command, self.now).inspect_err(|_| {
            assert_eq!(self.run.facts(), before, "a rejected command changes nothing");
        })?;
        self.go_on(decision);
        Ok(())
    }

    /// Answers what a decision asks, then carries its effects out.
    pub(super) fn go_on(&mut self, decision: Decision) {
        let mut requests = Vec::new();
        let mut effects = Vec::new();
        let mut take = |host: &mut Self, decision: Decision, requests: &mut Vec<Request>| {
            host.journal.extend(decision.events);
            requests.extend(decision.requests);
            effects.extend(decision.effects);
            if host.is_checked {
                super::audit::check_limits(host);
            }
        };
        take(self, decision, &mut requests);
        while !requests.is_empty() {
            let next = self.luck.as_mut().map_or(0, |luck| luck.below(requests.len()));
            let request = requests.remove(next);
            let result = self.evaluate(&request);
            let command = Command::Evaluated { ticket: request.ticket, result };
            let decision =
                self.run.decide(command, self.now).expect("an answer to an open question is taken");
            take(self, decision, &mut requests);
        }
        for effect in &effects {
            self.carry_out(effect);
        }
        self.effects = effects;
        if let Some(waiting) = self.frugality {
            self.run.set_frugal(waiting);
            self.run.fold();
        }
        if self.is_checked {
            super::audit::check_turn(self);
        }
        // What a turn leaves may wait until something else has happened.
        let may_wait = |luck: &mut Chooser| luck.one_in(2);
        if !self.run.has_more() || !self.luck.as_mut().is_some_and(may_wait) {
            self.finish_turns();
        }
    }

    /// Takes turns until the run has nothing left to decide.
    pub(super) fn finish_turns(&mut self) {
        while self.run.has_more() {
            let decision = self.run.go_on(self.now);
            self.go_on(decision);
        }
    }

    fn evaluate(&mut self, request: &Request) -> Answer {
        let asking = self.run.view(request.ticket, false).address();
        let scripted = self.answers.get_mut(asking.as_str()).and_then(VecDeque::pop_front);
        if let Some(answer) = scripted {
            return answer;
        }
        let definition = Arc::clone(self.run.definition());
        let node = definition.node(request.node);
        let taken = self.taken(request);
        let is_held = self.run.view(request.ticket, false).is_held();
        let answer = match &mut self.luck {
            Some(luck) => luck.answer(node, &request.question, self.now),
            None => Ok(plain_answer(node, &request.question, self.now)),
        };
        match (answer, taken) {
            // A guard is asked once.
            (Ok(Evaluation::Skip), _) if is_held => Ok(plain_answer(node, &request.question, self.now)),
            // A guard that does not hold outweighs it.
            (Ok(Evaluation::Skip), _) => Ok(Evaluation::Skip),
            (_, Some(taken)) if !is_held => Ok(Evaluation::Taken(Box::new(taken))),
            (Ok(_), _) if request.question == Question::Begin && holds(node) && !is_held => {
                Ok(Evaluation::Hold(None))
            }
            (answer, Some(_) | None) => answer,
        }
    }

    /// Returns what is taken over in the place of what the question is about.
    fn taken(&self, request: &Request) -> Option<Taken> {
        let address = self.run.view(request.ticket, false).taken_address()?;
        let taken = self.takings.results.get(&address).filter(|_| request.question == Question::Begin)?;
        (taken.status == Status::Succeeded).then(|| Taken { items: None, ..taken.clone() })
    }

    /// Returns what a task asks for; the workflows that it calls are [`Host::callable`].
    pub(super) fn demand(&mut self, task: &Address) -> Option<Demand> {
        self.run.demand(task, &mut Reach::default(), &mut self.callable)
    }

    fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::QueueRun { .. } => self.is_queued = true,
            Effect::Queue { task, attempt } => {
                let demand = self.demand(task).map(Arc::new);
                self.dispatch
                    .enqueue(Ready { demand, ..Ready::plain(RUN, task.clone(), *attempt, self.now) });
            }
            Effect::Withdraw { task, .. } => self.dispatch.withdraw(RUN, task),
            Effect::Assign { task, attempt, token } => {
                let ready = Ready::plain(RUN, task.clone(), *attempt, Timestamp(0));
                assert_eq!(self.assigned.insert(*token, ready), None, "a token is granted once");
            }
            Effect::Release { token } => {
                self.dispatch.release(*token);
                self.stopping.remove(token);
                let was_given = self.assigned.remove(token).is_some() || self.held.remove(token);
                assert!(was_given, "only what was assigned or held is released");
            }
            Effect::Stop { token } => {
                assert!(self.assigned.contains_key(token), "only what was assigned is stopped");
                self.stopping.insert(*token);
            }
            Effect::Arm { timer, due } => {
                self.timers.insert(timer.clone(), *due);
            }
            Effect::Disarm { timer } => {
                let was_armed = self.timers.remove(timer).is_some() || self.stale.remove(timer);
                assert!(was_armed, "only what was armed is disarmed: {timer:?}");
            }
            Effect::StartChild { task, child, is_awaited, .. } => {
                let before = self.children.insert(*child, (task.clone(), false));
                assert!(before.is_none(), "a child begins once");
                if !is_awaited {
                    self.children.remove(child);
                }
            }
            Effect::CancelChild { child } => {
                self.children.get_mut(child).expect("only a child that was called is cancelled").1 = true;
            }
            Effect::End => assert!(self.run.status().is_terminal()),
        }
    }

    /// Grants everything that waits, as far as places are free.
    pub(super) fn grant(&mut self) {
        // Between these turns the queue is ahead of the run.
        let is_checked = std::mem::replace(&mut self.is_checked, false);
        for Grant { token, ready, .. } in self.dispatch.grant(self.now) {
            let (task, attempt) = (ready.task.clone(), ready.attempt);
            let grant = Command::Grant { task, attempt, token, worker: name("local") };
            let is_hold = ready.demand.as_ref().is_some_and(|demand| demand.is_placeless);
            if is_hold {
                self.held.insert(token);
            }
            match self.put(grant) {
                Ok(()) => {}
                // A grant before it let something begin that cancelled this one, or ended the item that it was in.
                Err(
                    Rejection::NotQueued { .. } | Rejection::UnknownTask { .. } | Rejection::RunOver { .. },
                ) => {
                    self.held.remove(&token);
                    self.dispatch.release(token);
                }
                Err(other) => panic!("{other}"),
            }
        }
        self.is_checked = is_checked;
        if is_checked {
            super::audit::check_turn(self);
        }
    }

    /// Returns the token of the running attempt of `task`.
    pub(super) fn token(&self, task: &str) -> FencingToken {
        let found = self.assigned.iter().find(|(_, ready)| ready.task.as_str() == task);
        *found.unwrap_or_else(|| panic!("`{task}` is not assigned")).0
    }

    /// Reports the end of a running attempt.
    pub(super) fn report(&mut self, token: FencingToken, end: AttemptEnd) -> Result<(), Rejection> {
        let Ready { task, attempt, .. } = self.assigned[&token].clone();
        self.put(report_of(&task, attempt, token, end))
    }

    /// Grants what waits and reports how the attempt of `task` ended.
    pub(super) fn end(&mut self, task: &str, end: AttemptEnd) {
        self.grant();
        self.report(self.token(task), end).unwrap();
    }

    pub(super) fn succeed(&mut self, task: &str) {
        self.end(task, ended_well());
    }

    pub(super) fn fail(&mut self, task: &str) {
        self.end(task, ended_badly());
    }

    /// Says something to the run. Every criterion of a gate holds.
    pub(super) fn say(&mut self, signal: Signal) -> Result<(), Rejection> {
        let look = Look { shown: value_hash("\"look\""), red: Vec::new() };
        self.say_after(signal, Some(look))
    }

    /// Says something to the run after somebody looked at the criteria of its gate.
    pub(super) fn say_after(&mut self, signal: Signal, look: Option<Look>) -> Result<(), Rejection> {
        let is_decision = matches!(signal.word, Word::Answer { answer: Reply::Decided(_), .. });
        let look = look.filter(|_| is_decision).map(Box::new);
        self.put(Command::Signal { signal: Box::new(signal.clone()), look })?;
        if !self.said.contains(&signal) {
            self.said.push(signal);
        }
        Ok(())
    }

    /// Answers a task, under an id of its own.
    pub(super) fn reply(&mut self, task: &str, by: &str, answer: Reply) -> Result<(), Rejection> {
        let word = Word::Answer { task: address(task), answer };
        let signal = Signal {
            id: format!("s{}", self.said.len()),
            by: by.to_owned(),
            word,
            data: None,
            comment: None,
        };
        self.say(signal)
    }

    /// Sends a message, under an id of its own.
    pub(super) fn send(&mut self, message: &str) -> Result<(), Rejection> {
        let (word, data) = (Word::Message(name(message)), Some(value_hash("\"data\"")));
        let signal =
            Signal { id: format!("s{}", self.said.len()), by: "bot".into(), word, data, comment: None };
        self.say(signal)
    }

    pub(super) fn cancel(&mut self) {
        self.put(Command::Cancel { by: "ana".into(), reason: "enough".into(), successor: None }).unwrap();
    }

    pub(super) fn rebase(&mut self, root: &Spec, map: &[(&str, &str)]) -> Result<(), Rejection> {
        let definition = match self.run.definition().project.clone() {
            Some(project) => project_of(root, *project),
            None => define(root),
        };
        let hash = hash(&definition);
        self.definitions.insert(hash, Arc::clone(&definition));
        let map = map.iter().map(|(old, new)| (address(old), address(new))).collect();
        let (by, reason) = ("ana".to_owned(), "the plan changed".to_owned());
        self.put(Command::Rebase { definition, hash, map, by, reason })
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Length(millis));
    }

    /// Moves the time to the earliest timer and fires it.
    pub(super) fn fire(&mut self) {
        let earliest = self.timers.iter().min_by_key(|(_, due)| **due);
        let (timer, due) = earliest.map(|(timer, due)| (timer.clone(), *due)).expect("a timer is armed");
        self.timers.remove(&timer);
        self.now = self.now.max(due);
        let may_be_stale = self.run.has_more();
        match self.put(Command::Fire { timer: timer.clone() }) {
            Ok(()) => {}
            Err(Rejection::NotDue | Rejection::UnknownTask { .. }) if may_be_stale => {
                self.stale.insert(timer);
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Returns the child that the task called and waits for.
    pub(super) fn child(&self, task: &str) -> RunId {
        let found = self.children.iter().find(|(_, (caller, _))| caller.as_str() == task);
        *found.unwrap_or_else(|| panic!("`{task}` waits for no child")).0
    }

    /// Ends a child run.
    pub(super) fn end_child(&mut self, child: RunId, end: ChildEnd) -> Result<(), Rejection> {
        let (task, _) = self.children.remove(&child).expect("the child is under way");
        self.put(Command::ChildEnded { task, child, end, is_unknown: false })
    }

    /// Lets everything succeed until nothing is left to do.
    pub(super) fn finish(&mut self) {
        for _ in 0..10_000 {
            self.grant();
            if let Some(token) = self.assigned.keys().next().copied() {
                let is_stopping = self.stopping.contains(&token);
                self.report(token, if is_stopping { AttemptEnd::Stopped } else { ended_well() }).unwrap();
            } else if let Some((child, (_, is_stopping))) = self.children.iter().next() {
                let (child, output) = (*child, value_hash("\"child\""));
                let end = if *is_stopping { ChildEnd::Cancelled } else { ChildEnd::Succeeded { output } };
                self.end_child(child, end).unwrap();
            } else if !self.timers.is_empty() {
                self.fire();
            } else {
                assert!(self.run.status().is_terminal(), "nothing is left to do, so the run is over");
                return;
            }
        }
        panic!("the run does not end");
    }

    pub(super) fn status(&self, task: &str) -> Status {
        self.run.task(&address(task)).unwrap_or_else(|| panic!("`{task}` was not reached")).status()
    }

    /// Asserts the status of tasks.
    pub(super) fn expect(&self, expected: &[(&str, Status)]) {
        let found: Vec<_> = expected.iter().map(|(task, _)| (*task, self.status(task))).collect();
        assert_eq!(found, expected);
    }

    /// Returns the kinds of events with their tasks from `from` on, one line each.
    pub(super) fn story(&self, from: usize) -> Vec<String> {
        let line = |recorded: &Recorded| {
            let task = recorded.event.task().map_or(String::new(), |task| format!(" {task}"));
            format!("{}{task}", recorded.event.kind())
        };
        self.journal[from..].iter().map(line).collect()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.journal.iter().map(|recorded| &recorded.event)
    }
}

pub(super) fn start() -> Command {
    let (started_by, trigger) = ("ana".to_owned(), "manual".to_owned());
    Command::Start { inputs: value_hash("{}"), started_by, trigger, closure: None, parent: None, retry: None }
}

pub(super) fn report_of(task: &Address, attempt: Attempt, token: FencingToken, end: AttemptEnd) -> Command {
    let report = AttemptReport::of(end);
    Command::Report { task: task.clone(), attempt, token, report }
}

/// The plainest answer: guards hold, cases do, and there are two items.
pub(super) fn plain_answer(node: &Node, question: &Question, now: Timestamp) -> Evaluation {
    match question {
        Question::Key => Evaluation::Key(Some("k".to_owned())),
        Question::MayBegin => Evaluation::MayBegin(None),
        // As if the calendar were open half of the time.
        Question::Lag { edge, since } => {
            Evaluation::LagDue { edge: *edge, due: lag_due(node, *edge, *since) }
        }
        Question::Output { raw } => Evaluation::Output(*raw),
        Question::Answered => Evaluation::Output(value_hash("\"answered\"")),
        Question::ScopeOutput => Evaluation::Output(value_hash("\"scope\"")),
        Question::Retry { .. } => Evaluation::Retry(true),
        Question::Round { round } => Evaluation::Round(*round < 1),
        Question::Catch { candidates, .. } => {
            Evaluation::Catch(Some(CatchChoice { handler: candidates[0], may_retry: true }))
        }
        Question::Begin => match &node.body {
            Body::Task(task) => {
                Evaluation::Input(task.arguments.as_literal().is_none().then(|| value_hash("\"input\"")))
            }
            Body::Value(_) => Evaluation::Value { output: value_hash("\"value\""), vars: None },
            Body::Timer(_) => Evaluation::Due(now.after(Length(1_000))),
            Body::Choose(_) => Evaluation::Case(Some(0)),
            Body::Raise(_) => Evaluation::Raise(fault("raised")),
            Body::Await(body) => Evaluation::Asked(Box::new(asked(&body.kind))),
            Body::Flow(_) | Body::Graph(_) => {
                Evaluation::Enter { inputs: node.binding.is_some().then(|| value_hash("{\"own\":1}")) }
            }
            Body::Each(_) => list(2),
            Body::Call(_) => {
                Evaluation::Call { definition: DefinitionHash([1; 32]), inputs: value_hash("{}") }
            }
        },
    }
}

/// Returns when a lag in working time is over, in a calendar that is open half of the time.
fn lag_due(node: &Node, edge: u32, since: Timestamp) -> Timestamp {
    let Body::Graph(graph) = &node.body else { panic!("only graphs have edges") };
    let lag = graph.edges()[edge as usize].lag.expect("only a lag is asked for");
    since.after(Length(u64::try_from(2 * lag.millis(0)).unwrap()))
}

/// What is asked: of everybody but `eve`.
fn asked(kind: &AwaitKind) -> Asked {
    match kind {
        AwaitKind::Signal(_) => Asked::default(),
        AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Gate(_) => {
            Asked { shown: Some(value_hash("\"ask\"")), from: Vec::new(), exclude: vec!["eve".to_owned()] }
        }
    }
}

pub(super) fn list(count: u32) -> Evaluation {
    Evaluation::Items { count, items: value_hash("[]"), keys: None }
}

pub(super) fn map(keys: &[&str]) -> Evaluation {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let count = u32::try_from(keys.len()).unwrap();
    Evaluation::Items { count, items: value_hash("{}"), keys: Some(keys) }
}
