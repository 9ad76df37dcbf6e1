//! Looks up every name of an [outline](crate::outline): tasks, inputs, variables, items. What refers to a task of a
//! graph becomes a link; what is left to check of the links (cycles, dead tasks) is done per scope.

mod bounds;
mod cache;
mod call;
mod currency;
mod cycle;
mod demands;
mod each;
mod kinds;
mod link;
mod mentions;
mod project;
mod reach;
mod reference;
mod types;
mod variables;

use myrmex_expr::Shape;
use myrmex_model::OrderedMap;
use myrmex_model::ir::AwaitKind;

use crate::Source;
use crate::codes;
use crate::others::{Others, library_name};
use crate::outline::{
    Await, Condition, Data, Handlers, InputDeclaration, Outline, Read, Run, RunWhat, Scope, ScopeId,
    ScopeKind, Task, TaskOutputs, Verb, Wait, Workflow,
};
use crate::report::Report;

use variables::{ACTION, Variables};

pub(crate) use link::{Link, Origin};

/// The links between the tasks of each scope, by its id.
#[derive(Debug)]
pub(crate) struct Links(Vec<Vec<Link>>);

impl Links {
    /// Returns the links of a scope; a flow has none.
    pub(crate) fn of(&self, scope: &Scope) -> &[Link] {
        self.0.get(scope.id.0).map_or(&[], Vec::as_slice)
    }
}

/// Looks up every name of a file and reports what is wrong; `others` are the files that it names.
pub(crate) fn resolve<'o>(
    outline: &'o Outline,
    (source, others): (&Source, &'o Others<'o>),
    report: &mut Report,
) -> Links {
    match outline {
        Outline::Workflow(workflow) => {
            let mut resolver = Resolver::new(&workflow.inputs, others, report);
            resolver.root = Some(workflow.body.id);
            resolver.is_project = workflow.project.is_some();
            resolver.survey(&workflow.body, None, None);
            let owner = resolver.variables.enter(&workflow.body, None);
            resolver.survey_handlers(&workflow.handlers, None, owner);
            resolver.concurrency(workflow);
            resolver.defaults(workflow);
            resolver.scope(&workflow.body, workflow.outputs.as_ref(), &workflow.handlers);
            resolver.unused_inputs();
            let links = Links(resolver.links);
            workflow.walk(&mut |task| {
                cache::check(task, workflow.defaults.effect, report);
                kinds::check(task, report);
            });
            bounds::check(workflow, report);
            currency::check(&workflow.prices, report);
            project::check(workflow, others, report);
            demands::check(workflow, others, report);
            links
        }
        Outline::Library(library) => {
            let mut links = Vec::new();
            for action in &library.actions {
                let mut resolver = Resolver::new(&action.inputs, others, report);
                resolver.links = links;
                resolver.action = Some((library_name(&source.name).to_owned(), &action.task.name.value));
                // An action stands in a flow of its own.
                resolver.survey_task(&action.task, None, Some(ACTION));
                resolver.task(&action.task);
                resolver.unused_inputs();
                links = resolver.links;
                action.task.walk(&mut |task| {
                    cache::check(task, library.defaults.effect, report);
                    kinds::check(task, report);
                });
            }
            demands::check_library(outline, others, report);
            Links(links)
        }
        Outline::Resources(resources) => {
            mentions::check(&resources.mentions, others, report);
            currency::check(&resources.prices, report);
            Links(Vec::new())
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each says where the walk is, apart from the others")]
struct Resolver<'o, 'r> {
    report: &'r mut Report,
    others: &'o Others<'o>,
    /// The scope of the workflow as a whole; none in a library.
    root: Option<ScopeId>,
    /// The action that is looked at, with the name of its library.
    action: Option<(String, &'o str)>,
    inputs: OrderedMap<&'o str, InputUse<'o>>,
    variables: Variables<'o>,
    /// For each task inside a block, that block; for hints only.
    homes: OrderedMap<&'o str, &'o str>,
    frames: Vec<Frame<'o>>,
    loops: Vec<Loop<'o>>,
    /// What is known of the `for_each`s around.
    items: Vec<each::Items<'o>>,
    /// What the values that blocks hand on to their tasks read: it must mean the same inside.
    handed: Vec<&'o Read>,
    links: Vec<Vec<Link>>,
    /// In how many handlers and conditions that know `error` the expression stands.
    faults: u32,
    /// In how many handlers that know `output` it stands.
    given: u32,
    /// Whether it stands in a handler of the workflow as a whole.
    is_run_over: bool,
    are_tasks_readable: bool,
    /// Whether it is a criterion of a gate.
    is_gate: bool,
    /// Whether it is a project.
    is_project: bool,
}

/// A repetition around what is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loop<'o> {
    /// A `for_each`, with the name of its item.
    Items(&'o str),
    /// A `repeat`.
    Rounds,
}

struct InputUse<'o> {
    declaration: &'o InputDeclaration,
    is_used: bool,
}

/// A scope that is being looked at, and which of its tasks.
struct Frame<'o> {
    scope: &'o Scope,
    names: OrderedMap<&'o str, u32>,
    current: Option<u32>,
    /// What is known of what each task gives; of those that were not looked at yet nothing.
    shapes: Vec<Shape>,
    links: link::LinkMap,
    /// For each task of a flow, the earliest task to which it or a later one jumps.
    back_to: Vec<u32>,
}

impl<'o, 'r> Resolver<'o, 'r> {
    fn new(inputs: &'o [InputDeclaration], others: &'o Others<'o>, report: &'r mut Report) -> Self {
        let used = |declaration: &'o InputDeclaration| {
            (declaration.input.name.as_str(), InputUse { declaration, is_used: false })
        };
        Self {
            report,
            others,
            root: None,
            action: None,
            inputs: inputs.iter().map(used).collect(),
            variables: Variables::default(),
            homes: OrderedMap::default(),
            frames: Vec::new(),
            loops: Vec::new(),
            items: Vec::new(),
            handed: Vec::new(),
            links: Vec::new(),
            faults: 0,
            given: 0,
            is_run_over: false,
            are_tasks_readable: true,
            is_gate: false,
            is_project: false,
        }
    }

    /// Notes what must be known of the whole file: which variables are written where, and which task lives in which block.
    /// `owner` is the flow whose variables a flow inside it writes too.
    fn survey(&mut self, scope: &'o Scope, block: Option<&'o str>, owner: Option<ScopeId>) {
        let owner = self.variables.enter(scope, owner);
        for task in &scope.tasks {
            self.survey_task(task, block, owner);
        }
    }

    fn survey_handlers(&mut self, handlers: &'o Handlers, block: Option<&'o str>, owner: Option<ScopeId>) {
        handlers.tasks().for_each(|task| self.survey_task(task, block, owner));
    }

    fn survey_task(&mut self, task: &'o Task, block: Option<&'o str>, owner: Option<ScopeId>) {
        if let Some(block) = block {
            self.homes.entry(&task.name.value).or_insert(block);
        }
        // Each item works on a copy.
        let owner = owner.filter(|_| task.each.is_none());
        let mut handlers_owner = owner;
        match &task.verb {
            Some(Verb::Set(data)) => self.variables.write(owner, data),
            Some(Verb::Block(inner)) => {
                self.survey(inner, Some(&task.name.value), owner);
                handlers_owner = self.variables.enter(inner, owner);
            }
            Some(
                Verb::Run(_)
                | Verb::Switch(_)
                | Verb::Fail(_)
                | Verb::Wait(_)
                | Verb::Call(_)
                | Verb::Use(_)
                | Verb::Await(_),
            )
            | None => {}
        }
        self.survey_handlers(&task.handlers, Some(&task.name.value), handlers_owner);
    }

    /// Looks at the key of `concurrency`: it is asked for before anything of the run begins.
    fn concurrency(&mut self, workflow: &'o Workflow) {
        let Some(key) = workflow.concurrency.as_ref().and_then(|own| own.key.as_ref()) else { return };
        for read in key.reads.iter() {
            self.read_before(read);
        }
    }

    fn defaults(&mut self, workflow: &'o Workflow) {
        self.are_tasks_readable = false;
        for (_, data) in &workflow.defaults.env {
            self.data(data);
        }
        for data in workflow.defaults.asks.data() {
            self.data(data);
        }
        if let Some(when) = workflow.defaults.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
            self.retry_condition(when);
        }
        self.are_tasks_readable = true;
    }

    /// Looks at a scope, with the `outputs` and handlers that see the tasks inside it. Returns what is known of the outputs.
    fn scope(&mut self, scope: &'o Scope, outputs: Option<&'o Data>, handlers: &'o Handlers) -> Shape {
        let mut frame = Frame {
            scope,
            names: (0..).zip(&scope.tasks).map(|(index, task)| (task.name.value.as_str(), index)).collect(),
            current: None,
            shapes: vec![Shape::ANY; scope.tasks.len()],
            links: link::LinkMap::default(),
            back_to: Vec::new(),
        };
        self.order(&mut frame);
        self.refuse_hidden(|read| {
            let name = read.steps.first().filter(|_| read.root == "tasks");
            matches!(name, Some(myrmex_expr::Step::Field(name)) if frame.names.contains_key(name.as_str()))
        });
        self.frames.push(frame);
        if scope.rounds.is_some() {
            self.enter_loop(Loop::Rounds);
        }
        for (index, task) in (0..).zip(&scope.tasks) {
            self.set_current(Some(index));
            let shape = self.task(task);
            if let Some(own) = self.frames.last_mut().and_then(|frame| frame.shapes.get_mut(index as usize)) {
                *own = shape;
            }
        }
        self.set_current(None);
        if let Some(rounds) = &scope.rounds {
            self.condition(&rounds.condition);
            self.loops.pop();
        }
        let shape = outputs.map_or(Shape::ANY, |outputs| self.data(outputs));
        self.handlers(handlers, self.root == Some(scope.id));
        let Some(frame) = self.frames.pop() else { return shape };
        let links: Vec<Link> = frame.links.into_values().collect();
        match scope.kind {
            ScopeKind::Graph => {
                if !cycle::check(scope, &links, self.report) {
                    reach::check_graph(scope, &links, self.report);
                }
            }
            ScopeKind::Flow => reach::check_flow(scope, &frame.names, self.report),
        }
        self.links.resize_with(self.links.len().max(scope.id.0 + 1), Vec::new);
        self.links[scope.id.0] = links;
        shape
    }

    fn set_current(&mut self, current: Option<u32>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.current = current;
        }
    }

    /// Looks at a task, and returns what is known of its output.
    fn task(&mut self, task: &'o Task) -> Shape {
        if let Some(each) = &task.each {
            let source = self.data(&each.source);
            self.expect_type("`for_each`", (&each.source, &source), &types::ITEMS);
            self.items.push(each::Items::of(each, &source));
            self.enter_loop(Loop::Items(&each.item));
        }
        if let Some(guard) = &task.guard {
            self.condition(guard);
        }
        let handed_before = self.handed.len();
        if let Some(handed) = &task.handed {
            self.surroundings(&handed.env, handed.workdir.as_ref());
            let all = handed.env.iter().map(|(_, data)| data).chain(&handed.workdir);
            self.handed.extend(all.flat_map(|data| data.reads.iter()));
        }
        if let Some(asks) = &task.asks {
            asks.data().for_each(|data| drop(self.data(data)));
            let labels = asks.labels.iter().flatten().filter(|_| matches!(task.verb, Some(Verb::Block(_))));
            self.handed.extend(labels.flat_map(|label| label.value.reads.iter()));
        }
        let given = self.verb(task);
        self.handed.truncate(handed_before);
        if let Some(when) = task.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
            self.retry_condition(when);
        }
        if !matches!(task.verb, Some(Verb::Block(_))) {
            self.handlers(&task.handlers, false);
        }
        if task.each.is_some() {
            self.loops.pop();
            self.items.pop();
        }
        types::output_of(task, given)
    }

    /// Looks at what a task does, and returns what is known of what that gives.
    fn verb(&mut self, task: &'o Task) -> Shape {
        match &task.verb {
            Some(Verb::Run(run)) => self.run(run),
            Some(Verb::Set(data)) => {
                let shape = self.data(data);
                self.declared_fit(task, data);
                return shape;
            }
            Some(Verb::Fail(data)) => drop(self.data(data)),
            Some(Verb::Wait(Wait::After(data))) => {
                let shape = self.data(data);
                self.expect_type("`wait`", (data, &shape), &types::LENGTH);
            }
            Some(Verb::Wait(Wait::Until(data))) => {
                let shape = self.data(data);
                self.expect_type("`until`", (data, &shape), &types::INSTANT);
            }
            Some(Verb::Await(body)) => return self.asked(body),
            Some(Verb::Switch(cases)) => {
                for condition in cases.iter().filter_map(|case| case.when.as_ref()) {
                    self.condition(condition);
                }
            }
            Some(Verb::Block(scope)) => {
                let outputs = match &task.outputs {
                    TaskOutputs::Computed(data) => Some(data),
                    TaskOutputs::None | TaskOutputs::Declared(_) | TaskOutputs::Last => None,
                };
                return self.scope(scope, outputs, &task.handlers);
            }
            Some(Verb::Call(call)) => self.call(call),
            Some(Verb::Use(action)) => {
                self.used(action);
                self.refuse_namesake(action, &task.handlers);
            }
            None => {}
        }
        Shape::ANY
    }

    /// Looks at what people are asked, and returns what is known of their answer.
    fn asked(&mut self, body: &'o Await) -> Shape {
        for data in body.data() {
            self.data(data);
        }
        if let Some(gate) = &body.gate {
            // What has to hold may be known of the project only.
            self.is_gate = true;
            gate.criteria.iter().for_each(|(_, condition)| self.condition(condition));
            self.is_gate = false;
        }
        let by = match body.kind {
            AwaitKind::Signal(_) => return Shape::ANY,
            _ if body.count.unwrap_or(1) > 1 => Shape::list_of(Shape::STRING),
            AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Gate(_) => Shape::STRING,
        };
        if body.kind == AwaitKind::Manual && body.fields.is_empty() {
            return Shape::ANY;
        }
        let field = |own: &InputDeclaration| {
            let shape = types::shape_of_schema(&own.input.schema);
            let shape = if own.input.is_optional { shape.or_null() } else { shape };
            (own.input.name.as_str().to_owned(), shape)
        };
        let own = [("by".to_owned(), by), ("comment".to_owned(), Shape::STRING_OR_NULL)];
        Shape::map_of(body.fields.iter().map(field).chain(own).collect())
    }

    fn enter_loop(&mut self, inner: Loop<'o>) {
        self.refuse_hidden(|read| match inner {
            Loop::Items(name) => matches!(read.root.as_str(), "index" | "key") || read.root == name,
            Loop::Rounds => read.root == "index",
        });
        self.loops.push(inner);
    }

    /// Reports what is handed on to tasks for which `is_hidden`: there it would mean something else.
    fn refuse_hidden(&mut self, is_hidden: impl Fn(&Read) -> bool) {
        for read in self.handed.iter().filter(|read| is_hidden(read)) {
            let path = match read.steps.first() {
                Some(myrmex_expr::Step::Field(name)) if read.root == "tasks" => format!("tasks.{name}"),
                Some(_) | None => read.root.clone(),
            };
            let message = format!("`{path}` means something else for a task inside this block");
            let hint = "give the value to that task itself";
            self.report.refuse_hint(codes::NAME_HIDDEN, read.place, message, hint);
        }
    }

    /// Looks at what follows a task, or at the root the whole workflow.
    fn handlers(&mut self, handlers: &'o Handlers, is_root: bool) {
        if handlers.tasks().next().is_none() {
            return;
        }
        self.refuse_hidden(|read| matches!(read.root.as_str(), "error" | "output"));
        self.faults += 1;
        for catch in &handlers.catches {
            if let Some(when) = &catch.when {
                self.condition(when);
            }
            if let Some(when) = catch.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
                self.condition(when);
            }
            self.task(&catch.body);
        }
        let was_over = self.is_run_over;
        self.is_run_over |= is_root;
        self.given += u32::from(!is_root);
        for task in handlers.on_failure.as_deref().into_iter().chain(handlers.finally.as_deref()) {
            self.task(task);
        }
        self.given -= u32::from(!is_root);
        self.is_run_over = was_over;
        self.faults -= 1;
    }

    fn run(&mut self, run: &'o Run) {
        match &run.what {
            RunWhat::Command(data) | RunWhat::Script { text: data, .. } => drop(self.data(data)),
        }
        self.surroundings(&run.env, run.workdir.as_ref());
        run.artifacts.iter().for_each(|(_, path)| drop(self.data(path)));
        if let Some(cache) = &run.cache {
            cache.key.iter().chain(&cache.files).for_each(|data| drop(self.data(data)));
        }
    }

    fn surroundings(&mut self, env: &'o [(String, Data)], workdir: Option<&'o Data>) {
        env.iter().map(|(_, data)| data).chain(workdir).for_each(|data| drop(self.data(data)));
    }

    fn retry_condition(&mut self, when: &'o Condition) {
        self.faults += 1;
        self.condition(when);
        self.faults -= 1;
    }

    /// Looks at data, and returns what is known of it.
    fn data(&mut self, data: &'o Data) -> Shape {
        self.reads(&data.reads);
        self.shape(data)
    }

    fn reads(&mut self, reads: &'o [Read]) {
        for read in reads {
            self.read(read);
        }
    }

    /// Says nothing if there are errors: what was refused may use any input.
    fn unused_inputs(&mut self) {
        if self.report.has_errors() {
            return;
        }
        for (name, input) in &self.inputs {
            if !input.is_used {
                let place = input.declaration.key;
                let message = format!("nothing uses the input `{name}`");
                self.report.push(self.report.warning(codes::INPUT_UNUSED, place, message));
            }
        }
    }
}
