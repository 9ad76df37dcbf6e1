//! Builders of definitions: a tree of [`Spec`]s becomes a [`Definition`].

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::demand::Asks;
use myrmex_model::event::Limit;
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::{
    Await, AwaitKind, Backoff, Binding, Body, Call, Case, Catch, Choose, Complete, Concurrency, Definition,
    Each, Edge, Flow, FlowChild, Graph, GraphChild, Handling, Holds, Join, Late, Next, Node, NodeId,
    OnConflict, OutputField, Outputs, Policy, Repetition, Rest, Retry, RoundCondition, Rounds, Task, Timer,
    Tolerance,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::{Date, Extent, Planning, Project, Window};
use myrmex_model::schema::{Schema, Type};
use myrmex_model::template::{Expr, Template};
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::value::Value;

/// A node to be.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) has_guard: bool,
    pub(super) what: What,
    pub(super) retry: Option<Retry>,
    pub(super) outputs: Outputs,
    /// Edges that enter it, if it stands in a graph.
    pub(super) needs: Vec<Need>,
    pub(super) join: Join,
    /// Where the token goes after it, if it stands in a flow.
    pub(super) then: Then,
    pub(super) handling: Option<Box<HandlingSpec>>,
    pub(super) late: Late,
    /// Limits in milliseconds: queue, attempt, total.
    pub(super) limits: [Option<u64>; 3],
    pub(super) is_once: bool,
    /// Of a flow: whether `while` is asked or `until`, and how many rounds there may be.
    pub(super) rounds: Option<(bool, u32)>,
    /// Of a graph or a `for_each`.
    pub(super) complete: Complete,
    /// Of a `for_each`.
    pub(super) tolerance: Option<Tolerance>,
    /// Of a scope: whether it has inputs of its own.
    pub(super) is_bound: bool,
    pub(super) asks: Option<Asks>,
    /// Whether it has a date before which it must not begin, so that it is asked whether it may.
    pub(super) is_dated: bool,
}

/// What follows a node to be. The handlers take the names that handlers have.
#[derive(Debug, Clone, Default)]
pub(super) struct HandlingSpec {
    pub(super) catches: Vec<CatchSpec>,
    pub(super) on_failure: Option<Spec>,
    pub(super) finally: Option<Spec>,
    pub(super) continues: bool,
}

#[derive(Debug, Clone)]
pub(super) struct CatchSpec {
    pub(super) kinds: Vec<String>,
    pub(super) statuses: Vec<u16>,
    pub(super) has_when: bool,
    pub(super) retry: Option<Retry>,
    pub(super) body: Spec,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Task { is_literal: bool },
    Value,
    Timer,
    Choose(Vec<Then>),
    Raise,
    Flow(Vec<Spec>),
    Graph(GraphSpec),
    Each { body: Box<Spec>, max_parallel: Option<u32>, fail_fast: bool },
    Call { is_detached: bool },
    Await { kind: AwaitKind, count: u32, expires_ms: Option<u64> },
}

#[derive(Debug, Clone)]
pub(super) struct GraphSpec {
    pub(super) children: Vec<Spec>,
    pub(super) max_parallel: Option<u32>,
    pub(super) fail_fast: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Need {
    pub(super) from: String,
    pub(super) on: OutcomeSet,
    pub(super) cases: Vec<u32>,
    pub(super) lag_ms: u64,
    /// Whether the lag is working time, so that its end is asked for.
    pub(super) is_working: bool,
    pub(super) holds: Holds,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    Continue,
    Exit,
    End,
    Goto(String),
}

fn spec(name: &str, what: What) -> Spec {
    Spec {
        name: name.to_owned(),
        has_guard: false,
        what,
        retry: None,
        outputs: Outputs::Raw,
        needs: Vec::new(),
        join: Join::All,
        then: Then::Continue,
        handling: None,
        late: Late::Ignore,
        limits: [None; 3],
        is_once: false,
        rounds: None,
        complete: Complete::All,
        tolerance: None,
        is_bound: false,
        asks: None,
        is_dated: false,
    }
}

/// A task with literal arguments: it is queued without anything being evaluated.
pub(super) fn task(name: &str) -> Spec {
    spec(name, What::Task { is_literal: true })
}

/// A task whose arguments are evaluated.
pub(super) fn computed_task(name: &str) -> Spec {
    spec(name, What::Task { is_literal: false })
}

/// A task that waits for people, or for a message.
pub(super) fn awaiting(name: &str, kind: AwaitKind) -> Spec {
    spec(name, What::Await { kind, count: 1, expires_ms: None })
}

/// An approval that so many people have to give.
pub(super) fn approval(name: &str, count: u32) -> Spec {
    spec(name, What::Await { kind: AwaitKind::Approval, count, expires_ms: None })
}

/// A task that waits for the message `message`.
pub(super) fn listener(text: &str, message: &str) -> Spec {
    awaiting(text, AwaitKind::Signal(name(message)))
}

pub(super) fn value(name: &str) -> Spec {
    spec(name, What::Value)
}

pub(super) fn timer(name: &str) -> Spec {
    spec(name, What::Timer)
}

pub(super) fn raise(name: &str) -> Spec {
    spec(name, What::Raise)
}

pub(super) fn choose(name: &str, cases: Vec<Then>) -> Spec {
    spec(name, What::Choose(cases))
}

pub(super) fn flow(name: &str, children: Vec<Spec>) -> Spec {
    spec(name, What::Flow(children))
}

pub(super) fn graph(name: &str, children: Vec<Spec>) -> Spec {
    spec(name, What::Graph(GraphSpec { children, max_parallel: None, fail_fast: false }))
}

/// A call of another workflow whose end is waited for.
pub(super) fn call(name: &str) -> Spec {
    spec(name, What::Call { is_detached: false })
}

pub(super) fn detached_call(name: &str) -> Spec {
    spec(name, What::Call { is_detached: true })
}

/// A `retry` with a constant pause.
pub(super) fn retry(retries: u32, delay_ms: u64) -> Retry {
    Retry {
        retries,
        delay: Length(delay_ms),
        backoff: Backoff::Constant,
        delay_max: None,
        has_jitter: false,
        when: None,
    }
}

/// A `catch` of everything.
pub(super) fn catch(body: Spec) -> CatchSpec {
    CatchSpec { kinds: Vec::new(), statuses: Vec::new(), has_when: false, retry: None, body }
}

impl CatchSpec {
    pub(super) fn of_kind(mut self, kind: &str) -> Self {
        self.kinds.push(kind.to_owned());
        self
    }

    pub(super) fn of_status(mut self, status: u16) -> Self {
        self.statuses.push(status);
        self
    }

    pub(super) fn when(mut self) -> Self {
        self.has_when = true;
        self
    }

    pub(super) fn retried(mut self, retries: u32, delay_ms: u64) -> Self {
        self.retry = Some(retry(retries, delay_ms));
        self
    }
}

/// A `for_each`; its body bears its name.
pub(super) fn each(name: &str, mut body: Spec) -> Spec {
    body.name = name.to_owned();
    spec(name, What::Each { body: Box::new(body), max_parallel: None, fail_fast: false })
}

pub(super) fn goto(name: &str) -> Then {
    Then::Goto(name.to_owned())
}

impl Spec {
    /// Lets a task wait for people no longer than this.
    pub(super) fn expiring(mut self, ms: u64) -> Self {
        if let What::Await { expires_ms, .. } = &mut self.what {
            *expires_ms = Some(ms);
        }
        self
    }

    pub(super) fn guarded(mut self) -> Self {
        self.has_guard = true;
        self
    }

    /// Adds an edge that asks for success.
    pub(super) fn after(self, from: &str) -> Self {
        self.after_with(from, &[Outcome::Succeeded], 0)
    }

    pub(super) fn after_on(self, from: &str, on: &[Outcome]) -> Self {
        self.after_with(from, on, 0)
    }

    pub(super) fn after_with(mut self, from: &str, on: &[Outcome], lag_ms: u64) -> Self {
        let (on, cases) = (OutcomeSet::of(on), Vec::new());
        let (is_working, holds) = (false, Holds::Begin);
        self.needs.push(Need { from: from.to_owned(), on, cases, lag_ms, is_working, holds });
        self
    }

    /// Lets the edge that was added last hold back the end.
    pub(super) fn at_end(mut self) -> Self {
        self.needs.last_mut().expect("an edge was added").holds = Holds::End;
        self
    }

    /// Lets the lag of the edge that was added last be working time.
    pub(super) fn in_working_time(mut self) -> Self {
        self.needs.last_mut().expect("an edge was added").is_working = true;
        self
    }

    /// Gives it a date before which it must not begin.
    pub(super) fn dated(mut self) -> Self {
        self.is_dated = true;
        self
    }

    pub(super) fn after_case(mut self, from: &str, case: u32) -> Self {
        let on = OutcomeSet::SUCCEEDED;
        let (is_working, holds) = (false, Holds::Begin);
        let need = Need { from: from.to_owned(), on, cases: vec![case], lag_ms: 0, is_working, holds };
        self.needs.push(need);
        self
    }

    pub(super) fn join(mut self, join: Join) -> Self {
        self.join = join;
        self
    }

    pub(super) fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub(super) fn retried(mut self, retries: u32, delay_ms: u64) -> Self {
        self.retry = Some(retry(retries, delay_ms));
        self
    }

    pub(super) fn retried_when(mut self, retries: u32, delay_ms: u64) -> Self {
        self = self.retried(retries, delay_ms);
        if let Some(retry) = &mut self.retry {
            retry.when = Some(Expr::jinja("may_retry"));
        }
        self
    }

    /// Declares an output, so that what the body gives is checked.
    pub(super) fn declared(mut self) -> Self {
        let field = OutputField { name: name("out"), schema: Schema::of(Type::Any), is_optional: false };
        self.outputs = Outputs::Declared(vec![field]);
        self
    }

    /// Gives what the last child of a flow gave.
    pub(super) fn last(mut self) -> Self {
        self.outputs = Outputs::Last;
        self
    }

    fn handling_mut(&mut self) -> &mut HandlingSpec {
        self.handling.get_or_insert_default()
    }

    pub(super) fn catching(mut self, catch: CatchSpec) -> Self {
        self.handling_mut().catches.push(catch);
        self
    }

    pub(super) fn on_failure(mut self, body: Spec) -> Self {
        self.handling_mut().on_failure = Some(body);
        self
    }

    pub(super) fn finally(mut self, body: Spec) -> Self {
        self.handling_mut().finally = Some(body);
        self
    }

    pub(super) fn continuing(mut self) -> Self {
        self.handling_mut().continues = true;
        self
    }

    pub(super) fn cancelling_late(mut self) -> Self {
        self.late = Late::Cancel;
        self
    }

    pub(super) fn limit(mut self, limit: Limit, ms: u64) -> Self {
        let place = Limit::ALL.iter().position(|other| *other == limit).unwrap();
        self.limits[place] = Some(ms);
        self
    }

    /// Lets it ask for units of the pool `p`.
    pub(super) fn pooled(mut self, units: u32) -> Self {
        self.asks.get_or_insert_default().pools.insert(name("p"), units);
        self
    }

    pub(super) fn locked(mut self, lock: &str) -> Self {
        self.asks.get_or_insert_default().lock = Some(Template::Literal(Value::from(lock)));
        self
    }

    pub(super) fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    pub(super) fn repeated_while(mut self, most: u32) -> Self {
        self.rounds = Some((true, most));
        self
    }

    pub(super) fn repeated_until(mut self, most: u32) -> Self {
        self.rounds = Some((false, most));
        self
    }

    pub(super) fn first(mut self, count: u32, rest: Rest) -> Self {
        self.complete = Complete::First { count, rest };
        self
    }

    pub(super) fn tolerating(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    pub(super) fn bound(mut self) -> Self {
        self.is_bound = true;
        self
    }

    pub(super) fn is_scope(&self) -> bool {
        matches!(self.what, What::Flow(_) | What::Graph(_))
    }

    pub(super) fn computed(mut self) -> Self {
        self.outputs = Outputs::Computed(Template::Expr(Expr::jinja("out")));
        self
    }

    pub(super) fn parallel(mut self, most: u32) -> Self {
        match &mut self.what {
            What::Graph(graph) => graph.max_parallel = Some(most),
            What::Each { max_parallel, .. } => *max_parallel = Some(most),
            _ => panic!("only a graph or a `for_each` has children side by side"),
        }
        self
    }

    pub(super) fn failing_fast(mut self) -> Self {
        match &mut self.what {
            What::Graph(graph) => graph.fail_fast = true,
            What::Each { fail_fast, .. } => *fail_fast = true,
            _ => panic!("only a graph or a `for_each` has children side by side"),
        }
        self
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Makes the definition whose root scope is `root`.
pub(super) fn define(root: &Spec) -> Arc<Definition> {
    let mut nodes = Vec::new();
    add(&mut nodes, None, root);
    let project = nodes.iter().any(|node| node.planning.is_some()).then(Box::default);
    Arc::new(Definition {
        namespace: Namespace::standard(),
        name: name("test"),
        version: None,
        inputs: Vec::new(),
        concurrency: None,
        pools: BTreeMap::new(),
        nodes,
        root: NodeId(0),
        project,
    })
}

/// Makes the definition of a project whose tasks are those of `root`.
pub(super) fn project_of(root: &Spec, project: Project) -> Arc<Definition> {
    Arc::new(Definition { project: Some(Box::new(project)), ..Definition::clone(&define(root)) })
}

/// Makes the definition of which one run may be under way at a time, by key.
pub(super) fn bounded(definition: &Definition) -> Arc<Definition> {
    let concurrency = Concurrency { key: None, limit: 1, on_conflict: OnConflict::Queue };
    Arc::new(Definition { concurrency: Some(concurrency), ..definition.clone() })
}

/// Returns the hash that runs of the definition are pinned to.
pub(super) fn hash(definition: &Definition) -> DefinitionHash {
    myrmex_model::wire::definition::hash(definition)
}

fn add(nodes: &mut Vec<Node>, parent: Option<NodeId>, spec: &Spec) -> NodeId {
    let id = NodeId(u32::try_from(nodes.len()).unwrap());
    nodes.push(Node {
        name: name(&spec.name),
        parent,
        guard: spec.has_guard.then(|| Expr::jinja("guard")),
        body: Body::Raise(Template::Literal(Value::Null)),
        policy: Policy {
            retry: spec.retry.clone(),
            queue_timeout: spec.limits[0].map(Length),
            attempt_timeout: spec.limits[1].map(Length),
            total_timeout: spec.limits[2].map(Length),
            heartbeat_timeout: None,
            repetition: if spec.is_once { Repetition::Forbidden } else { Repetition::Harmless },
            asks: spec.asks.clone().map(Box::new),
        },
        outputs: spec.outputs.clone(),
        handling: None,
        binding: spec
            .is_bound
            .then(|| Box::new(Binding { values: Template::Expr(Expr::jinja("values")), inputs: Vec::new() })),
        planning: spec.is_dated.then(|| {
            let start_after = Some(Date::At(Timestamp(0)));
            Box::new(Planning { window: Window { start_after, ..Window::default() }, ..Planning::default() })
        }),
    });
    let body = body(nodes, id, spec);
    nodes[id.0 as usize].body = body;
    nodes[id.0 as usize].handling =
        spec.handling.as_ref().map(|handling| Box::new(handlers(nodes, id, handling)));
    id
}

fn handlers(nodes: &mut Vec<Node>, id: NodeId, spec: &HandlingSpec) -> Handling {
    let mut named = |body: &Spec, name: &str| {
        let mut body = body.clone();
        name.clone_into(&mut body.name);
        if let What::Each { body, .. } = &mut body.what {
            name.clone_into(&mut body.name);
        }
        add(nodes, Some(id), &body)
    };
    let catches = spec.catches.iter().enumerate().map(|(index, catch)| {
        let name = if index == 0 { "catch".to_owned() } else { format!("catch-{}", index + 1) };
        Catch {
            kinds: catch.kinds.clone(),
            statuses: catch.statuses.clone(),
            when: catch.has_when.then(|| Expr::jinja("when")),
            retry: catch.retry.clone(),
            body: named(&catch.body, &name),
        }
    });
    Handling {
        catches: catches.collect(),
        on_failure: spec.on_failure.as_ref().map(|body| named(body, "on_failure")),
        finally: spec.finally.as_ref().map(|body| named(body, "finally")),
        continues: spec.continues,
    }
}

fn body(nodes: &mut Vec<Node>, id: NodeId, spec: &Spec) -> Body {
    let literal = Template::Literal(Value::Null);
    let computed = Template::Expr(Expr::jinja("x"));
    match &spec.what {
        What::Task { is_literal } => Body::Task(Task {
            executor: name("process"),
            arguments: if *is_literal { literal } else { computed },
        }),
        What::Value => Body::Value(computed),
        What::Timer => Body::Timer(Timer::After(computed)),
        What::Raise => Body::Raise(computed),
        What::Choose(cases) => {
            // Jumps name siblings, which may not exist yet; `flow_body` sets them.
            let case = |_: &Then| Case { when: Some(Expr::jinja("when")), next: Next::Continue };
            Body::Choose(Choose { cases: cases.iter().map(case).collect() })
        }
        What::Flow(children) => flow_body(nodes, id, children, spec.rounds),
        What::Graph(graph) => graph_body(nodes, id, graph, spec.complete),
        What::Call { is_detached } => {
            Body::Call(Call { workflow: name("other"), inputs: literal, is_detached: *is_detached })
        }
        What::Await { kind, count, expires_ms } => Body::Await(Box::new(Await {
            count: *count,
            expires: expires_ms.map(Length),
            ..Await::new(kind.clone(), computed)
        })),
        What::Each { body, max_parallel, fail_fast } => Body::Each(Each {
            source: computed,
            item: name("item"),
            max_parallel: *max_parallel,
            fail_fast: *fail_fast,
            complete: spec.complete,
            tolerance: spec.tolerance,
            body: add(nodes, Some(id), body),
        }),
    }
}

fn flow_body(nodes: &mut Vec<Node>, id: NodeId, children: &[Spec], rounds: Option<(bool, u32)>) -> Body {
    let next = |then: &Then| match then {
        Then::Continue => Next::Continue,
        Then::Exit => Next::Exit,
        Then::End => Next::End,
        Then::Goto(target) => Next::Goto(index_of(children, target)),
    };
    let mut made = Vec::new();
    for child in children {
        let node = add(nodes, Some(id), child);
        if let (Body::Choose(choose), What::Choose(cases)) = (&mut nodes[node.0 as usize].body, &child.what) {
            choose.cases.iter_mut().zip(cases).for_each(|(case, then)| case.next = next(then));
        }
        made.push(FlowChild { node, next: next(&child.then) });
    }
    let mut flow = Flow::new(made, children.iter().map(|child| name(&child.name)));
    flow.rounds = rounds.map(|(is_while, most)| {
        let expr = Expr::jinja("again");
        let condition = if is_while { RoundCondition::While(expr) } else { RoundCondition::Until(expr) };
        Rounds { condition, most }
    });
    Body::Flow(flow)
}

fn graph_body(nodes: &mut Vec<Node>, id: NodeId, spec: &GraphSpec, complete: Complete) -> Body {
    let children = &spec.children;
    let mut made = Vec::new();
    let mut edges = Vec::new();
    for (to, child) in (0..).zip(children) {
        made.push(GraphChild { node: add(nodes, Some(id), child), join: child.join, late: child.late });
        for need in &child.needs {
            let mut edge = Edge::new(index_of(children, &need.from), to, need.on);
            edge.cases.clone_from(&need.cases);
            let millis = i64::try_from(need.lag_ms).unwrap();
            edge.lag = match need.is_working {
                _ if millis == 0 => None,
                true => Some(Extent::Working { days: 0, millis }),
                false => Some(Extent::Elapsed { millis }),
            };
            edge.holds = need.holds;
            edges.push(edge);
        }
    }
    let mut graph = Graph::new(made, edges, children.iter().map(|child| name(&child.name))).unwrap();
    (graph.max_parallel, graph.fail_fast) = (spec.max_parallel, spec.fail_fast);
    graph.complete = complete;
    Body::Graph(graph)
}

fn index_of(children: &[Spec], name: &str) -> u32 {
    u32::try_from(children.iter().position(|child| child.name == name).expect("a sibling")).unwrap()
}
