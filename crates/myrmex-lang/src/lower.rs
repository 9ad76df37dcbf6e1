//! Makes the internal representation of an [outline](crate::outline) in which nothing is wrong.

use myrmex_model::OrderedMap;
use myrmex_model::ir::{
    Body, Case, Catch, Choose, Definition, Each, Edge, Flow, FlowChild, Graph, GraphChild, Handling, Join,
    Next, Node, NodeId, Outputs, Policy, Retry, RoundCondition, Rounds, Task as Leaf, Timer,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::template::Template;

use crate::outline::{
    Condition, Data, Defaults, ForEach, Handed, Handlers, Run, RunWhat, Scope, ScopeKind, Target, Task,
    TaskOutputs, Verb, Wait, Workflow,
};
use crate::places::{NodePlaces, SourceMap};
use crate::resolve::Links;
use crate::tree::Place;

/// The executor of `run`.
const PROCESS: &str = "process";

/// Lowers `workflow`. Returns nothing if something of it was refused.
pub(crate) fn lower(
    workflow: &Workflow,
    links: &Links,
    places: SourceMap,
) -> Option<(Definition, SourceMap)> {
    let (nodes, handed) = (Vec::new(), Vec::new());
    let mut lowering = Lowering { links, defaults: &workflow.defaults, nodes, places, handed };
    let name = Name::new(&workflow.name.value).ok()?;
    let outputs =
        workflow.outputs.as_ref().map_or(Outputs::Raw, |data| Outputs::Computed(data.template.clone()));
    let node_places = [workflow.name.place, workflow.place, workflow.body.key];
    let root = lowering.reserve(name.clone(), None, node_places);
    let body = lowering.scope(&workflow.body, root)?;
    let handling = lowering.handling(&workflow.handlers, root)?;
    let node = &mut lowering.nodes[root.0 as usize];
    (node.body, node.outputs, node.handling) = (body, outputs, handling);
    node.policy.total_timeout = workflow.deadline;
    let definition = Definition {
        namespace: Namespace::standard(),
        name,
        version: workflow.version.clone(),
        inputs: workflow.inputs.iter().map(|declaration| declaration.input.clone()).collect(),
        nodes: lowering.nodes,
        root,
    };
    Some((definition, lowering.places))
}

struct Lowering<'o> {
    links: &'o Links,
    defaults: &'o Defaults,
    nodes: Vec<Node>,
    places: SourceMap,
    /// What the blocks around hand on, the nearest last.
    handed: Vec<&'o Handed>,
}

impl<'o> Lowering<'o> {
    /// Takes the next place in the arena, so that a parent stands before its children.
    fn reserve(&mut self, name: Name, parent: Option<NodeId>, [key, whole, body]: [Place; 3]) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            name,
            parent,
            guard: None,
            body: Body::Value(Template::Literal(serde_json::Value::Null)),
            policy: Policy::default(),
            outputs: Outputs::Raw,
            handling: None,
        });
        self.places.push(|span| NodePlaces { key: span(key), whole: span(whole), body: span(body) });
        id
    }

    fn scope(&mut self, scope: &'o Scope, parent: NodeId) -> Option<Body> {
        let siblings = &Siblings::of(scope);
        let mut ids = Vec::with_capacity(scope.tasks.len());
        for task in &scope.tasks {
            ids.push(self.task(task, siblings, parent)?);
        }
        let names =
            scope.tasks.iter().map(|task| Name::new(&task.name.value).ok()).collect::<Option<Vec<_>>>()?;
        match scope.kind {
            ScopeKind::Graph => {
                let child = |(node, task): (NodeId, &Task)| {
                    let join = task.join.as_ref().map_or(Join::All, |join| join.value);
                    GraphChild { node, join, late: task.late }
                };
                let children = ids.into_iter().zip(&scope.tasks).map(child).collect();
                let mut graph = Graph::new(children, self.edges(scope), names).ok()?;
                graph.max_parallel = scope.bounds.max_parallel;
                graph.fail_fast = scope.bounds.fail_fast;
                graph.complete = scope.bounds.complete;
                Some(Body::Graph(graph))
            }
            ScopeKind::Flow => {
                let next = |task: &Task| match &task.then {
                    Some(then) => siblings.next(&then.value),
                    None => Some(Next::Continue),
                };
                let children = ids.into_iter().zip(&scope.tasks);
                let children = children
                    .map(|(node, task)| Some(FlowChild { node, next: next(task)? }))
                    .collect::<Option<_>>()?;
                let mut flow = Flow::new(children, names);
                flow.rounds = scope.rounds.as_ref().map(lower_rounds);
                Some(Body::Flow(flow))
            }
        }
    }

    fn edges(&self, scope: &Scope) -> Vec<Edge> {
        let edge = |link: &crate::resolve::Link| Edge {
            cases: link.cases.clone(),
            ..Edge::new(link.from, link.to, link.on)
        };
        self.links.of(scope).iter().map(edge).collect()
    }

    fn task(&mut self, task: &'o Task, siblings: &Siblings<'o>, parent: NodeId) -> Option<NodeId> {
        let name = Name::new(&task.name.value).ok()?;
        let places = [task.name.place, task.place, task.verb_place];
        let guard = task.guard.as_ref();
        let Some(each) = &task.each else {
            let id = self.reserve(name, Some(parent), places);
            self.fill(id, task, siblings, guard)?;
            return Some(id);
        };
        let outer = self.reserve(name.clone(), Some(parent), places);
        let inner = self.reserve(name, Some(outer), places);
        let (outer_guard, inner_guard) =
            if guard.is_some_and(|guard| names_item(guard, each)) { (None, guard) } else { (guard, None) };
        self.fill(inner, task, siblings, inner_guard)?;
        let node = &mut self.nodes[outer.0 as usize];
        node.guard = outer_guard.map(|guard| guard.expr.clone());
        node.body = Body::Each(Each {
            source: each.source.template.clone(),
            item: Name::new(&each.item).ok()?,
            max_parallel: each.bounds.max_parallel,
            fail_fast: each.bounds.fail_fast,
            complete: each.bounds.complete,
            tolerance: each.tolerance,
            body: inner,
        });
        Some(outer)
    }

    fn fill(
        &mut self,
        id: NodeId,
        task: &'o Task,
        siblings: &Siblings<'o>,
        guard: Option<&Condition>,
    ) -> Option<()> {
        let verb = task.verb.as_ref()?;
        let handed_before = self.handed.len();
        self.handed.extend(task.handed.as_deref());
        let body = match verb {
            Verb::Run(run) => Body::Task(Leaf {
                executor: Name::new(PROCESS).ok()?,
                arguments: self.process_arguments(run),
            }),
            Verb::Set(data) => Body::Value(data.template.clone()),
            Verb::Switch(cases) => Body::Choose(Choose {
                cases: cases.iter().map(|case| siblings.case(case)).collect::<Option<_>>()?,
            }),
            Verb::Fail(data) => Body::Raise(data.template.clone()),
            Verb::Wait(Wait::After(data)) => Body::Timer(Timer::After(data.template.clone())),
            Verb::Wait(Wait::Until(data)) => Body::Timer(Timer::Until(data.template.clone())),
            Verb::Block(inner) => self.scope(inner, id)?,
        };
        let policy = self.policy(task, matches!(verb, Verb::Run(_)));
        let node = &mut self.nodes[id.0 as usize];
        node.body = body;
        node.policy = policy;
        node.guard = guard.map(|guard| guard.expr.clone());
        node.outputs = match &task.outputs {
            TaskOutputs::None => Outputs::Raw,
            TaskOutputs::Declared(fields) => Outputs::Declared(fields.clone()),
            TaskOutputs::Computed(data) => Outputs::Computed(data.template.clone()),
            TaskOutputs::Last => Outputs::Last,
        };
        self.nodes[id.0 as usize].handling = self.handling(&task.handlers, id)?;
        self.handed.truncate(handed_before);
        Some(())
    }

    /// Returns how a task is carried out; `defaults` hold for leaf work only.
    fn policy(&self, task: &Task, is_leaf: bool) -> Policy {
        let defaults = is_leaf.then_some(self.defaults);
        let retry = task.retry.as_ref().or(defaults.and_then(|defaults| defaults.retry.as_ref()));
        let timeout = task.timeout.or(defaults.and_then(|defaults| defaults.timeout)).unwrap_or_default();
        let effect = task.effect.or(defaults.and_then(|defaults| defaults.effect));
        Policy {
            retry: retry.and_then(lower_retry),
            attempt_timeout: timeout.run,
            queue_timeout: timeout.queue,
            total_timeout: timeout.total,
            repetition: effect.unwrap_or_default(),
        }
    }

    /// Lowers what follows the body of `owner`. The outer option is none if something of it was refused.
    #[expect(
        clippy::option_option,
        reason = "nothing wrong with nothing to do is not the same as something wrong"
    )]
    fn handling(&mut self, handlers: &'o Handlers, owner: NodeId) -> Option<Option<Box<Handling>>> {
        if handlers.is_empty() {
            return Some(None);
        }
        let alone = &Siblings { kind: ScopeKind::Flow, by_name: OrderedMap::default() };
        let mut handling = Handling { continues: handlers.continues, ..Handling::default() };
        for catch in &handlers.catches {
            handling.catches.push(Catch {
                kinds: catch.kinds.clone(),
                statuses: catch.statuses.clone(),
                when: catch.when.as_ref().map(|when| when.expr.clone()),
                retry: catch.retry.as_ref().and_then(lower_retry),
                body: self.task(&catch.body, alone, owner)?,
            });
        }
        if let Some(task) = &handlers.on_failure {
            handling.on_failure = Some(self.task(task, alone, owner)?);
        }
        if let Some(task) = &handlers.finally {
            handling.finally = Some(self.task(task, alone, owner)?);
        }
        Some(Some(Box::new(handling)))
    }
}

/// Returns whether a guard is asked per item.
fn names_item(guard: &Condition, each: &ForEach) -> bool {
    guard.reads.iter().any(|read| read.root == each.item || read.root == "index" || read.root == "key")
}

/// The tasks of a scope by name, as jumps name them.
struct Siblings<'o> {
    kind: ScopeKind,
    by_name: OrderedMap<&'o str, u32>,
}

impl<'o> Siblings<'o> {
    fn of(scope: &'o Scope) -> Self {
        let names = scope.tasks.iter().map(|task| task.name.value.as_str());
        Self { kind: scope.kind, by_name: names.zip(0..).collect() }
    }

    fn next(&self, target: &Target) -> Option<Next> {
        match target {
            Target::Exit => Some(Next::Exit),
            Target::End => Some(Next::End),
            Target::Task(name) => self.by_name.get(name.as_str()).map(|index| Next::Goto(*index)),
        }
    }

    /// In a graph, edges name the case instead of a jump.
    fn case(&self, case: &crate::outline::Case) -> Option<Case> {
        let next = match self.kind {
            ScopeKind::Graph => Next::Continue,
            ScopeKind::Flow => self.next(&case.then.value)?,
        };
        Some(Case { when: case.when.as_ref().map(|when| when.expr.clone()), next })
    }
}

/// One attempt in all is no retry.
fn lower_retry(retry: &crate::outline::Retry) -> Option<Retry> {
    (retry.attempts > 1).then(|| Retry {
        retries: retry.attempts - 1,
        delay: retry.delay,
        backoff: retry.backoff,
        delay_max: retry.delay_max,
        has_jitter: retry.has_jitter,
        when: retry.when.as_ref().map(|when| when.expr.clone()),
    })
}

fn lower_rounds(rounds: &crate::outline::Rounds) -> Rounds {
    let expr = rounds.condition.expr.clone();
    let condition = if rounds.is_while { RoundCondition::While(expr) } else { RoundCondition::Until(expr) };
    Rounds { condition, most: rounds.most }
}

impl Lowering<'_> {
    /// Returns what the process executor is given: `command`, or `script` with `interpreter` if one is named, then `env`
    /// and `workdir` if there are any.
    fn process_arguments(&self, run: &Run) -> Template {
        let mut fields = match &run.what {
            RunWhat::Command(data) => vec![("command".to_owned(), data.template.clone())],
            RunWhat::Script { text, interpreter } => {
                let mut fields = vec![("script".to_owned(), text.template.clone())];
                if let Some(interpreter) = interpreter {
                    let interpreter = Template::Literal(interpreter.as_str().into());
                    fields.push(("interpreter".to_owned(), interpreter));
                }
                fields
            }
        };
        let env = self.environment(&run.env);
        if !env.is_empty() {
            fields.push(("env".to_owned(), Template::map(env)));
        }
        let handed = self.handed.iter().rev().find_map(|handed| handed.workdir.as_ref());
        if let Some(workdir) = run.workdir.as_ref().or(handed) {
            fields.push(("workdir".to_owned(), workdir.template.clone()));
        }
        Template::map(fields)
    }

    /// Returns the variables of a task: those of `defaults`, of the blocks around it, and its own; the nearest of a name
    /// wins.
    fn environment(&self, own: &[(String, Data)]) -> Vec<(String, Template)> {
        let mut variables: OrderedMap<&str, &Template> = OrderedMap::default();
        let handed = self.handed.iter().flat_map(|handed| &handed.env);
        for (name, data) in self.defaults.env.iter().chain(handed).chain(own) {
            // A name that comes again takes the later place, as if the earlier one were not there.
            variables.shift_remove(name.as_str());
            variables.insert(name, &data.template);
        }
        variables.into_iter().map(|(name, template)| (name.to_owned(), template.clone())).collect()
    }
}
