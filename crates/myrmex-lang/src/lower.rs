//! Makes the internal representation of an [outline](crate::outline) in which nothing is wrong.

mod project;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_model::OrderedMap;
use myrmex_model::demand::{self as model, Priority};
use myrmex_model::ir::{
    self, Binding, Body, Call, Case, Catch, Choose, Concurrency, Definition, Each, Edge, Flow, FlowChild,
    Graph, GraphChild, Handling, Input, Join, NODES_MAX, Next, Node, NodeId, Outputs, Policy, Retry,
    RoundCondition, Rounds, Task as Leaf, Timer,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::schema::{Schema, Type};
use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::value::Value;
use myrmex_model::wire::definition::SCOPE_DEPTH_MAX;

use crate::others::{Found, Others};
use crate::outline::{
    Action, Asks, Await, Cache, Condition, Data, Defaults, ForEach, Given, Handed, Handlers, Outline, Run,
    RunWhat, Scope, ScopeKind, Spot, Target, Task, TaskOutputs, Use, Verb, Wait, Workflow,
};
use crate::places::SourceMap;
use crate::resolve::Links;
use crate::tree::Place;

use self::project::lower_gate;

/// The executor of `run`.
const PROCESS: &str = "process";

/// A file that was read and resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit<'o> {
    pub(crate) outline: &'o Outline,
    pub(crate) links: &'o Links,
    /// Its name.
    pub(crate) file: &'o Arc<str>,
}

/// Why there is no definition of a file in which no error was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LowerError {
    /// It is a library, or something of it was refused after all.
    Nothing,
    /// With all actions in their places it has too many nodes.
    Large,
    /// With all actions in their places it nests too deep.
    Deep,
    /// What would be stored could not be read back, with the reason.
    Unreadable(String),
}

/// Lowers the workflow at `file` of `units`.
///
/// # Errors
///
/// Returns [`LowerError`] if there is nothing that could be run.
pub(crate) fn lower<'o>(
    others: &'o Others<'o>,
    units: &'o [Unit<'o>],
    file: usize,
) -> Result<(Definition, SourceMap), LowerError> {
    let Some(unit) = units.get(file) else { return Err(LowerError::Nothing) };
    let Outline::Workflow(workflow) = unit.outline else { return Err(LowerError::Nothing) };
    let around =
        Around { links: unit.links, file: unit.file, defaults: &workflow.defaults, handed: Vec::new() };
    let (nodes, places) = (Vec::new(), SourceMap::new(unit.file));
    let mut lowering = Lowering { others, units, around, nodes, places };
    let definition = lowering.workflow(workflow);
    if lowering.nodes.len() > NODES_MAX {
        return Err(LowerError::Large);
    }
    let definition = definition.ok_or(LowerError::Nothing)?;
    if depth(&definition) > SCOPE_DEPTH_MAX {
        return Err(LowerError::Deep);
    }
    Ok((definition, lowering.places))
}

/// Returns how many scopes lie around the deepest node.
fn depth(definition: &Definition) -> usize {
    let mut depths: Vec<usize> = Vec::with_capacity(definition.nodes.len());
    for node in &definition.nodes {
        let parent = node.parent.and_then(|parent| depths.get(parent.0 as usize));
        depths.push(parent.map_or(0, |depth| depth + 1));
    }
    depths.into_iter().max().unwrap_or(0)
}

struct Lowering<'o> {
    others: &'o Others<'o>,
    units: &'o [Unit<'o>],
    around: Around<'o>,
    nodes: Vec<Node>,
    places: SourceMap,
}

/// What holds for the tasks that are being lowered: an action brings all of it with it.
struct Around<'o> {
    links: &'o Links,
    file: &'o Arc<str>,
    defaults: &'o Defaults,
    /// What the blocks around hand on, the nearest last.
    handed: Vec<Surroundings>,
}

/// Variables and folder of processes, as a block hands them on.
#[derive(Default)]
struct Surroundings {
    env: Vec<Variable>,
    workdir: Option<Template>,
    labels: Option<Vec<Template>>,
    queue: Option<String>,
    priority: Option<Priority>,
}

/// A variable of a process.
#[derive(Clone)]
struct Variable {
    name: String,
    template: Template,
    /// Whether the template is a list of parts of which some name secrets.
    is_secret: bool,
}

impl Variable {
    fn of((name, data): &(String, Data)) -> Self {
        Self { name: name.clone(), template: data.template.clone(), is_secret: data.is_secret }
    }
}

impl Surroundings {
    fn of(handed: &Handed) -> Self {
        let env = handed.env.iter().map(Variable::of).collect();
        let workdir = handed.workdir.as_ref().map(|data| data.template.clone());
        Self { env, workdir, ..Self::default() }
    }
}

impl Surroundings {
    /// Returns what a block hands on of what it asks for; the rest it holds itself.
    fn asked(asks: &Asks) -> Self {
        let labels = asks.labels.as_ref().map(|labels| templates(labels));
        let queue = asks.queue.as_ref().map(|queue| queue.value.clone());
        Self { labels, queue, priority: asks.priority, ..Self::default() }
    }
}

fn templates(spots: &[Spot<Data>]) -> Vec<Template> {
    spots.iter().map(|spot| spot.value.template.clone()).collect()
}

/// Lowers names with numbers; nothing if one is not a name.
fn units<T: Copy>(spots: &[(Spot<String>, Spot<T>)]) -> Option<BTreeMap<Name, T>> {
    spots.iter().map(|(name, units)| Some((Name::new(&name.value).ok()?, units.value))).collect()
}

impl<'o> Lowering<'o> {
    fn workflow(&mut self, workflow: &'o Workflow) -> Option<Definition> {
        let name = Name::new(&workflow.name.value).ok()?;
        let outputs =
            workflow.outputs.as_ref().map_or(Outputs::Raw, |data| Outputs::Computed(data.template.clone()));
        let node_places = [workflow.name.place, workflow.place, workflow.body.key];
        let root = self.reserve(name.clone(), None, node_places);
        let body = self.scope(&workflow.body, root)?;
        let handling = self.handling(&workflow.handlers, root)?;
        let node = &mut self.nodes[root.0 as usize];
        (node.body, node.outputs, node.handling) = (body, outputs, handling);
        node.policy.total_timeout = workflow.deadline;
        let concurrency = workflow.concurrency.as_ref().map(|own| Concurrency {
            key: own.key.as_ref().map(|key| key.template.clone()),
            limit: own.limit,
            on_conflict: own.on_conflict,
        });
        // It looks through the nodes for the pools that they name.
        let project = self.project(workflow);
        Some(Definition {
            namespace: Namespace::standard(),
            name,
            version: workflow.version.clone(),
            inputs: workflow.inputs.iter().map(|declaration| declaration.input.clone()).collect(),
            concurrency,
            pools: units(&workflow.pools)?,
            nodes: std::mem::take(&mut self.nodes),
            root,
            project,
        })
    }

    /// Takes the next place in the arena, so that a parent stands before its children.
    fn reserve(&mut self, name: Name, parent: Option<NodeId>, places: [Place; 3]) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            name,
            parent,
            guard: None,
            body: Body::Value(Template::Literal(Value::Null)),
            policy: Policy::default(),
            outputs: Outputs::Raw,
            handling: None,
            binding: None,
            planning: None,
        });
        self.places.push(self.around.file, places);
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
            holds: link.holds,
            lag: link.lag,
            ..Edge::new(link.from, link.to, link.on)
        };
        self.around.links.of(scope).iter().map(edge).collect()
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
        let planning = self.nodes[inner.0 as usize].planning.take();
        let node = &mut self.nodes[outer.0 as usize];
        node.planning = planning;
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

    /// Puts an action in the place of the task `id`: a flow of the one task that the action is.
    fn used(&mut self, used: &'o Use, id: NodeId) -> Option<Body> {
        let Some(Found::One(file)) = self.others.libraries.get(&used.library) else { return None };
        let unit = self.units.get(*file)?;
        let Outline::Library(library) = unit.outline else { return None };
        let action = library.action(&used.action)?;
        if self.nodes.len() > NODES_MAX {
            return None;
        }
        let (binding, handed) = self.binding(used, action)?;
        let handed = vec![handed];
        let inside = Around { links: unit.links, file: unit.file, defaults: &library.defaults, handed };
        let outside = std::mem::replace(&mut self.around, inside);
        let child = self.task(&action.task, &Siblings::none(), id);
        self.around = outside;
        self.nodes[id.0 as usize].binding = Some(Box::new(binding));
        let name = Name::new(&action.task.name.value).ok()?;
        Some(Body::Flow(Flow::new(vec![FlowChild { node: child?, next: Next::Continue }], [name])))
    }

    /// Returns what `inputs` means inside an action, and what the blocks around hand on to it. Expressions of theirs are
    /// evaluated outside: they go in as inputs that the action does not know.
    fn binding(&self, used: &Use, action: &Action) -> Option<(Binding, Surroundings)> {
        let mut values: Vec<(String, Template)> =
            used.with.iter().map(|given| (given.name.value.clone(), given.data.template.clone())).collect();
        let mut inputs: Vec<Input> =
            action.inputs.iter().map(|declaration| declaration.input.clone()).collect();
        let taken: BTreeSet<&str> =
            action.inputs.iter().map(|declaration| declaration.input.name.as_str()).collect();
        let mut numbers = 1..u32::MAX;
        let mut bind_value = |template: &Template| {
            if template.as_literal().is_some() {
                return Some(template.clone());
            }
            let is_free = |name: &String| !taken.contains(name.as_str());
            let name = numbers.by_ref().map(|number| format!("_around_{number}")).find(is_free)?;
            let schema = Schema::of(Type::Any);
            inputs.push(Input { name: Name::new(&name).ok()?, schema, default: None, is_optional: true });
            let inside = Template::Expr(Expr::jinja(&format!("inputs.{name}")));
            values.push((name, template.clone()));
            Some(inside)
        };
        // Text hole by hole: a file in it is not printed before the process that gets it.
        let mut bind = |template: &Template| match template {
            Template::Text(parts) => {
                let part = |part: &Part| match part {
                    Part::Text(_) => Some(part.clone()),
                    Part::Hole(expr) => match bind_value(&Template::Expr(expr.clone()))? {
                        Template::Expr(inside) => Some(Part::Hole(inside)),
                        Template::Literal(_) | Template::Text(_) | Template::List(_) | Template::Map(_) => {
                            None
                        }
                    },
                };
                parts.iter().map(part).collect::<Option<_>>().map(Template::Text)
            }
            Template::Literal(_) | Template::Expr(_) | Template::List(_) | Template::Map(_) => {
                bind_value(template)
            }
        };
        let mut handed = Surroundings::default();
        for variable in self.handed_on() {
            let template = if variable.is_secret {
                bind_parts(&variable.template, &mut bind)?
            } else {
                bind(&variable.template)?
            };
            handed.env.push(Variable { template, ..variable.clone() });
        }
        let workdir = self.around.handed.iter().rev().find_map(|handed| handed.workdir.as_ref());
        if let Some(workdir) = workdir {
            handed.workdir = Some(bind(workdir)?);
        }
        if let Some(labels) = self.handed(|handed| handed.labels.as_ref()) {
            handed.labels = Some(labels.iter().map(bind).collect::<Option<_>>()?);
        }
        handed.queue = self.handed(|handed| handed.queue.as_ref()).cloned();
        handed.priority = self.handed(|handed| handed.priority.as_ref()).copied();
        Some((Binding { values: Template::map(values), inputs }, handed))
    }

    /// Returns the variables that the blocks around hand on, the nearest of a name last.
    fn handed_on(&self) -> impl Iterator<Item = &Variable> {
        self.around.handed.iter().flat_map(|handed| &handed.env)
    }

    fn fill(
        &mut self,
        id: NodeId,
        task: &'o Task,
        siblings: &Siblings<'o>,
        guard: Option<&Condition>,
    ) -> Option<()> {
        let verb = task.verb.as_ref()?;
        let handed_before = self.around.handed.len();
        self.around.handed.extend(task.handed.as_deref().map(Surroundings::of));
        // Those of a leaf are its own.
        let asks = task.asks.as_deref().filter(|_| !matches!(verb, Verb::Run(_)));
        self.around.handed.extend(asks.map(Surroundings::asked));
        let body = match verb {
            Verb::Run(run) => Body::Task(Leaf {
                executor: Name::new(PROCESS).ok()?,
                arguments: self.process_arguments(run, &task.outputs),
            }),
            Verb::Set(data) => Body::Value(data.template.clone()),
            Verb::Switch(cases) => Body::Choose(Choose {
                cases: cases.iter().map(|case| siblings.case(case)).collect::<Option<_>>()?,
            }),
            Verb::Fail(data) => Body::Raise(data.template.clone()),
            Verb::Wait(Wait::After(data)) => Body::Timer(Timer::After(data.template.clone())),
            Verb::Wait(Wait::Until(data)) => Body::Timer(Timer::Until(data.template.clone())),
            Verb::Await(body) => Body::Await(Box::new(awaited(body)?)),
            Verb::Block(inner) => self.scope(inner, id)?,
            Verb::Call(call) => Body::Call(Call {
                workflow: Name::new(&call.name.value).ok()?,
                inputs: given(&call.with),
                is_detached: call.is_detached,
            }),
            Verb::Use(used) => self.used(used, id)?,
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
        node.planning.clone_from(&task.planning);
        self.nodes[id.0 as usize].handling = self.handling(&task.handlers, id)?;
        self.around.handed.truncate(handed_before);
        Some(())
    }

    /// Returns how a task is carried out; `defaults` hold for leaf work only.
    fn policy(&self, task: &Task, is_leaf: bool) -> Policy {
        let defaults = is_leaf.then_some(self.around.defaults);
        let retry = task.retry.as_ref().or(defaults.and_then(|defaults| defaults.retry.as_ref()));
        let timeout = task.timeout.or(defaults.and_then(|defaults| defaults.timeout)).unwrap_or_default();
        let effect = task.effect.or(defaults.and_then(|defaults| defaults.effect));
        Policy {
            retry: retry.and_then(lower_retry),
            attempt_timeout: timeout.run,
            queue_timeout: timeout.queue,
            heartbeat_timeout: timeout.heartbeat,
            total_timeout: timeout.total,
            repetition: effect.unwrap_or_default(),
            asks: self.asks(task, is_leaf),
        }
    }

    /// Returns what the nearest block around that says something of it hands on.
    fn handed<T>(&self, of: impl Fn(&Surroundings) -> Option<&T>) -> Option<&T> {
        self.around.handed.iter().rev().find_map(of)
    }

    /// Returns what a task asks for. Of leaf work: what it says itself, then what the blocks around hand on, then what
    /// `defaults` say. Of anything else: what it holds.
    fn asks(&self, task: &Task, is_leaf: bool) -> Option<Box<model::Asks>> {
        let own = task.asks.as_deref();
        let defaults = is_leaf.then_some(&self.around.defaults.asks);
        let pools = own.and_then(|own| own.pools.as_ref()).or(defaults.and_then(|own| own.pools.as_ref()));
        let lock = own.and_then(|own| own.lock.as_ref()).or(defaults.and_then(|own| own.lock.as_ref()));
        let priority = own.and_then(|own| own.priority).or(self.handed(|own| own.priority.as_ref()).copied());
        let queue = own.and_then(|own| own.queue.as_ref()).map(|queue| &queue.value);
        let queue = queue.or(self.handed(|own| own.queue.as_ref()));
        let mut asks = model::Asks {
            priority: priority.or(defaults.and_then(|own| own.priority)).unwrap_or_default(),
            queue: queue
                .or(defaults.and_then(|own| own.queue.as_ref()).map(|queue| &queue.value))
                .and_then(|queue| Name::new(queue).ok()),
            pools: pools.and_then(|pools| units(pools)).unwrap_or_default(),
            lock: lock.map(|lock| lock.value.template.clone()),
            ..model::Asks::default()
        };
        if let Some(defaults) = defaults {
            let own_labels = own.and_then(|own| own.labels.as_ref()).map(|labels| templates(labels));
            let labels = own_labels.or_else(|| self.handed(|own| own.labels.as_ref()).cloned());
            let default_labels = || defaults.labels.as_ref().map(|labels| templates(labels));
            asks.labels = labels.or_else(default_labels).unwrap_or_default();
            let resources = own.and_then(|own| own.resources.as_ref()).or(defaults.resources.as_ref());
            asks.resources = resources.and_then(|resources| units(resources)).unwrap_or_default();
        } else if !asks.holds() && task.planning.is_none() {
            return None;
        }
        (asks != model::Asks::default()).then(|| Box::new(asks))
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
        let alone = &Siblings::none();
        let mut handling = Handling { continues: handlers.continues, ..Handling::default() };
        for catch in &handlers.catches {
            handling.catches.push(Catch {
                kinds: catch.kinds.iter().map(|kind| kind.value.clone()).collect(),
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
    /// Returns those of a task that stands alone.
    fn none() -> Self {
        Self { kind: ScopeKind::Flow, by_name: OrderedMap::default() }
    }

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
    /// Returns what the process executor is given: `command`, or `script` with `interpreter` if one is named, then `env`,
    /// `secret_env`, `artifacts`, `file_outputs`, `cache` and `workdir` if there are any.
    fn process_arguments(&self, run: &Run, outputs: &TaskOutputs) -> Template {
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
        let (secret, plain): (Vec<_>, Vec<_>) =
            self.environment(&run.env).into_iter().partition(|variable| variable.is_secret);
        for (key, variables) in [("env", plain), ("secret_env", secret)] {
            if !variables.is_empty() {
                let all = variables.into_iter().map(|variable| (variable.name, variable.template));
                fields.push((key.to_owned(), Template::map(all.collect())));
            }
        }
        if !run.artifacts.is_empty() {
            let all = run.artifacts.iter().map(|(name, path)| (name.clone(), path.template.clone()));
            fields.push(("artifacts".to_owned(), Template::map(all.collect())));
        }
        if let TaskOutputs::Declared(declared) = outputs {
            let files = declared.iter().filter(|field| field.schema.kind == Type::File);
            let names: Vec<&str> = files.map(|field| field.name.as_str()).collect();
            if !names.is_empty() {
                fields.push(("file_outputs".to_owned(), Template::Literal(names.into())));
            }
        }
        if let Some(cache) = &run.cache {
            fields.push(("cache".to_owned(), lower_cache(cache)));
        }
        let handed = self.around.handed.iter().rev().find_map(|handed| handed.workdir.as_ref());
        if let Some(workdir) = run.workdir.as_ref().map(|data| &data.template).or(handed) {
            fields.push(("workdir".to_owned(), workdir.clone()));
        }
        Template::map(fields)
    }

    /// Returns the variables of a task: those of `defaults`, of the blocks around it, and its own; the nearest of a name
    /// wins.
    fn environment(&self, own: &[(String, Data)]) -> Vec<Variable> {
        let mut variables: OrderedMap<String, Variable> = OrderedMap::default();
        let defaults = self.around.defaults.env.iter().map(Variable::of);
        for variable in defaults.chain(self.handed_on().cloned()).chain(own.iter().map(Variable::of)) {
            // A name that comes again takes the later place, as if the earlier one were not there.
            variables.shift_remove(&variable.name);
            variables.insert(variable.name.clone(), variable);
        }
        variables.into_values().collect()
    }
}

/// Returns what the executor is told of `cache`: `key`, `files` and `ttl_ms`, if they are said.
fn lower_cache(cache: &Cache) -> Template {
    let key = cache.key.as_ref().map(|key| ("key".to_owned(), key.template.clone()));
    let files = cache.files.iter().map(|path| path.template.clone()).collect();
    let ttl = cache.ttl.map(|ttl| ("ttl_ms".to_owned(), Template::Literal(ttl.0.into())));
    Template::map(key.into_iter().chain([("files".to_owned(), Template::list(files))]).chain(ttl).collect())
}

/// Binds the expressions in the parts of a variable that names secrets; parts stay texts and names.
fn bind_parts(parts: &Template, bind: &mut impl FnMut(&Template) -> Option<Template>) -> Option<Template> {
    let Template::List(parts) = parts else { return Some(parts.clone()) };
    let part = |part: &Template| match part {
        Template::Literal(_) => Some(part.clone()),
        Template::Map(fields) => {
            let field = |(name, value): &(String, Template)| Some((name.clone(), bind(value)?));
            Some(Template::Map(fields.iter().map(field).collect::<Option<_>>()?))
        }
        Template::Expr(_) | Template::Text(_) | Template::List(_) => match bind(part)? {
            Template::Expr(expr) => Some(Template::Text(vec![Part::Hole(expr)])),
            bound @ (Template::Literal(_) | Template::Text(_) | Template::List(_) | Template::Map(_)) => {
                Some(bound)
            }
        },
    };
    Some(Template::list(parts.iter().map(part).collect::<Option<_>>()?))
}

/// Returns the inputs that something else is given, as one object.
fn given(with: &[Given]) -> Template {
    Template::map(with.iter().map(|given| (given.name.value.clone(), given.data.template.clone())).collect())
}

/// Lowers what waits for people, or for a message.
fn awaited(body: &Await) -> Option<ir::Await> {
    let names = |data: &Option<Data>| {
        data.as_ref()
            .map_or_else(|| Template::Literal(Value::Array(Vec::new())), |data| data.template.clone())
    };
    let kind = match &body.gate {
        Some(gate) => ir::AwaitKind::Gate(Box::new(lower_gate(gate)?)),
        None => body.kind.clone(),
    };
    Some(ir::Await {
        kind,
        ask: body.ask.as_ref().map_or(Template::Literal(Value::Null), |data| data.template.clone()),
        from: names(&body.from),
        exclude: names(&body.exclude),
        count: body.count.unwrap_or(1),
        fields: body.fields.iter().map(|own| own.input.clone()).collect(),
        expires: body.expires,
    })
}
