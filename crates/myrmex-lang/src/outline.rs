//! What an author wrote, read from the tree but not yet resolved: names are still text, and nothing was looked up.
//!
//! Whatever was refused is left out, so the passes after this one see only what makes sense on its own.

use std::sync::Arc;

use myrmex_expr::Step;
use myrmex_model::demand::Priority;
use myrmex_model::ir::{
    AwaitKind, Backoff, Complete, GateDecision, Holds, Input, Join, Late, OnConflict, OutputField,
    Repetition, Tolerance,
};
use myrmex_model::name::Name;
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::{Extent, Planning, Price, Project as ProjectFacts, Resources as Facts};
use myrmex_model::template::{Expr, Template};
use myrmex_model::time::Length;
use semver::VersionReq;

use crate::tree::Place;

/// A `workflow:` file.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) name: Spot<String>,
    /// Where the whole file is.
    pub(crate) place: Place,
    pub(crate) version: Option<String>,
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) defaults: Defaults,
    pub(crate) concurrency: Option<Concurrency>,
    /// The pools that it declares.
    pub(crate) pools: Units<u32>,
    pub(crate) deadline: Option<Length>,
    pub(crate) body: Scope,
    pub(crate) handlers: Handlers,
    pub(crate) outputs: Option<Data>,
    /// All prices in it.
    pub(crate) prices: Vec<Spot<Price>>,
    /// What a plan reads of it as a whole, if it is a project.
    pub(crate) project: Option<Box<Project>>,
}

/// A project, apart from its graph.
#[derive(Debug)]
pub(crate) struct Project {
    /// What a plan reads of it, without resources and currency.
    pub(crate) facts: ProjectFacts,
    /// The names in it beside those of the graph.
    pub(crate) declared: Declared,
    pub(crate) mentions: Vec<Mention>,
    /// How many people of which role are asked for at a time.
    pub(crate) crews: Vec<Spot<(Name, u32)>>,
}

/// How many runs of a workflow may be under way at a time.
#[derive(Debug)]
pub(crate) struct Concurrency {
    pub(crate) key: Option<Data>,
    pub(crate) limit: u32,
    pub(crate) on_conflict: OnConflict,
}

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Outline {
    Workflow(Box<Workflow>),
    Library(Library),
    Resources(Box<Resources>),
}

/// A `resources:` file.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) facts: Facts,
    /// The names in it, those of things that could not be read included.
    pub(crate) declared: Declared,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) prices: Vec<Spot<Price>>,
}

/// The names that a file declares, with their places.
#[derive(Debug, Default)]
pub(crate) struct Declared(Vec<(Mentioned, Spot<String>)>);

impl Declared {
    /// Notes a name.
    pub(crate) fn add(&mut self, kind: Mentioned, name: &Spot<String>) {
        self.0.push((kind, name.clone()));
    }

    /// Returns where a name of this kind is declared.
    pub(crate) fn place(&self, kind: Mentioned, name: &str) -> Option<Place> {
        let is_it = |(own, spot): &&(Mentioned, Spot<String>)| *own == kind && spot.value == name;
        self.0.iter().find(is_it).map(|(_, spot)| spot.place)
    }

    /// Returns the names of this kind.
    pub(crate) fn names(&self, kind: Mentioned) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| *own == kind).map(|(_, spot)| spot.value.as_str())
    }
}

/// An `actions:` file.
#[derive(Debug)]
pub(crate) struct Library {
    pub(crate) actions: Vec<Action>,
    /// Nothing: the defaults of a workflow hold for its own tasks only.
    pub(crate) defaults: Defaults,
}

/// A task that others use.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) version: Option<String>,
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) task: Task,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Spot<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// An input whose name and schema could be read.
#[derive(Debug)]
pub(crate) struct InputDeclaration {
    pub(crate) input: Input,
    /// Whether its value is the name of a secret.
    pub(crate) is_secret: bool,
    pub(crate) key: Place,
}

/// What holds for the `run` tasks of a file that do not say otherwise.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) env: Vec<(String, Data)>,
    pub(crate) effect: Option<Repetition>,
    pub(crate) asks: Box<Asks>,
}

/// Names with numbers.
pub(crate) type Units<T> = Vec<(Spot<String>, Spot<T>)>;

/// What a task asks for beside a place, as far as it says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asks {
    pub(crate) pools: Option<Units<u32>>,
    pub(crate) lock: Option<Spot<Data>>,
    pub(crate) queue: Option<Spot<String>>,
    pub(crate) priority: Option<Priority>,
    pub(crate) labels: Option<Vec<Spot<Data>>>,
    pub(crate) resources: Option<Units<u64>>,
}

impl Asks {
    /// Returns the data in it in which expressions may stand.
    pub(crate) fn data(&self) -> impl Iterator<Item = &Data> {
        self.lock.iter().chain(self.labels.iter().flatten()).map(|spot| &spot.value)
    }
}

/// The limits of time of a task.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timeout {
    pub(crate) queue: Option<Length>,
    pub(crate) run: Option<Length>,
    pub(crate) heartbeat: Option<Length>,
    pub(crate) total: Option<Length>,
}

/// The place of a [`Scope`] in the tables of later passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ScopeId(pub(crate) usize);

/// A body: tasks that know each other's names.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) id: ScopeId,
    pub(crate) kind: ScopeKind,
    /// Where its key is: `tasks` or `do`.
    pub(crate) key: Place,
    pub(crate) tasks: Vec<Task>,
    /// How a graph goes about its tasks.
    pub(crate) bounds: Bounds,
    /// How often a flow goes round.
    pub(crate) rounds: Option<Rounds>,
}

/// How a graph goes about its tasks, or a `for_each` about its items.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    pub(crate) max_parallel: Option<u32>,
    pub(crate) fail_fast: bool,
    pub(crate) complete: Complete,
}

/// What decides about another round of a `repeat`.
#[derive(Debug)]
pub(crate) struct Rounds {
    pub(crate) condition: Condition,
    /// Whether it is asked before the round and ends it when false, or after and ends it when true.
    pub(crate) is_while: bool,
    pub(crate) most: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Graph,
    Flow,
}

/// A task.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: Spot<String>,
    pub(crate) place: Place,
    pub(crate) needs: Vec<Need>,
    pub(crate) join: Option<Spot<Join>>,
    pub(crate) late: Late,
    pub(crate) guard: Option<Condition>,
    pub(crate) each: Option<ForEach>,
    /// None if it was refused.
    pub(crate) verb: Option<Verb>,
    /// Where the value of the verb is.
    pub(crate) verb_place: Place,
    pub(crate) then: Option<Spot<Target>>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) effect: Option<Repetition>,
    /// What a block hands on to the tasks inside.
    pub(crate) handed: Option<Box<Handed>>,
    pub(crate) asks: Option<Box<Asks>>,
    pub(crate) handlers: Handlers,
    pub(crate) outputs: TaskOutputs,
    /// What a plan reads of it. The names in it were noted as [`Mention`]s.
    pub(crate) planning: Option<Box<Planning>>,
}

/// Something that a file names, and that stands elsewhere in it or in the resources of the workspace.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) what: Mentioned,
    pub(crate) name: Spot<String>,
}

/// What a [`Mention`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mentioned {
    Account,
    Budget,
    Calendar,
    Correlation,
    Deliverable,
    Group,
    Person,
    Pool,
    Role,
    Task,
}

impl Mentioned {
    /// Returns the word for one of it.
    pub(crate) fn indefinite(self) -> &'static str {
        match self {
            Self::Account => "an account",
            Self::Budget => "a budget",
            Self::Calendar => "a calendar",
            Self::Correlation => "a group of durations",
            Self::Deliverable => "a deliverable",
            Self::Group => "a group",
            Self::Person => "a person",
            Self::Pool => "a pool",
            Self::Role => "a role",
            Self::Task => "a task",
        }
    }

    /// Returns the key under which it is declared.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Self::Account => "budget.accounts",
            Self::Budget => "budgets",
            Self::Calendar => "calendars",
            Self::Correlation => "plan.correlation",
            Self::Deliverable => "deliverables",
            Self::Group => "groups",
            Self::Person => "people",
            Self::Pool => "pools",
            Self::Role => "roles",
            Self::Task => "tasks",
        }
    }

    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        self.indefinite().trim_start_matches("an ").trim_start_matches("a ")
    }
}

/// What follows the body of a task or of the whole workflow. The handlers are tasks called by their keys.
#[derive(Debug, Default)]
pub(crate) struct Handlers {
    pub(crate) catches: Vec<Catch>,
    pub(crate) on_failure: Option<Box<Task>>,
    pub(crate) finally: Option<Box<Task>>,
    pub(crate) continues: bool,
}

/// A handler of errors of a `try`.
#[derive(Debug)]
pub(crate) struct Catch {
    pub(crate) kinds: Vec<Spot<String>>,
    pub(crate) statuses: Vec<u16>,
    pub(crate) when: Option<Condition>,
    pub(crate) retry: Option<Retry>,
    pub(crate) body: Task,
}

/// One entry of `needs`.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) name: Spot<String>,
    pub(crate) on: OutcomeSet,
    pub(crate) holds: Holds,
    pub(crate) lag: Option<Spot<Extent>>,
    /// Where what is said of it stands.
    pub(crate) place: Place,
}

impl Need {
    /// Returns one that holds back the begin until an outcome is there.
    pub(crate) fn plain(name: Spot<String>, on: OutcomeSet) -> Self {
        let place = name.place;
        Self { name, on, holds: Holds::Begin, lag: None, place }
    }

    /// Returns which ends it connects: whether it asks for a start, and what it holds back.
    pub(crate) fn ends(&self) -> (bool, bool) {
        (self.on.contains(Outcome::Started), self.holds == Holds::End)
    }
}

/// `for_each` and what belongs to it.
#[derive(Debug)]
pub(crate) struct ForEach {
    pub(crate) source: Data,
    pub(crate) item: String,
    pub(crate) bounds: Bounds,
    pub(crate) tolerance: Option<Tolerance>,
}

/// What a block hands on to the `run` tasks inside.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) env: Vec<(String, Data)>,
    pub(crate) workdir: Option<Data>,
}

#[derive(Debug)]
pub(crate) enum Verb {
    Run(Run),
    Set(Data),
    Switch(Vec<Case>),
    Fail(Data),
    Wait(Wait),
    Block(Scope),
    Call(Call),
    Use(Use),
    Await(Box<Await>),
}

/// An action of a library.
#[derive(Debug)]
pub(crate) struct Use {
    /// Where it is written.
    pub(crate) place: Place,
    pub(crate) library: String,
    pub(crate) action: String,
    /// With which numbers its version begins.
    pub(crate) version: String,
    pub(crate) with: Vec<Given>,
}

/// A run of another workflow.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Spot<String>,
    pub(crate) with: Vec<Given>,
    pub(crate) is_detached: bool,
    pub(crate) version: Option<Spot<VersionReq>>,
}

/// A value that an input of something else is given.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) name: Spot<String>,
    pub(crate) data: Data,
    /// Where the value is.
    pub(crate) place: Place,
}

/// What waits for people, or for a message.
#[derive(Debug)]
pub(crate) struct Await {
    pub(crate) kind: AwaitKind,
    /// None of a message.
    pub(crate) ask: Option<Data>,
    /// None for everybody.
    pub(crate) from: Option<Data>,
    /// None for nobody.
    pub(crate) exclude: Option<Data>,
    /// None for one.
    pub(crate) count: Option<u32>,
    pub(crate) fields: Vec<InputDeclaration>,
    pub(crate) expires: Option<Length>,
    /// Of a gate: what `kind` will hold.
    pub(crate) gate: Option<Box<Gate>>,
}

/// What people decide by at a gate.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) criteria: Vec<(Spot<String>, Condition)>,
    pub(crate) checklist: Vec<CheckItem>,
    pub(crate) decisions: Vec<GateDecision>,
}

/// What people confirm at a gate.
#[derive(Debug)]
pub(crate) struct CheckItem {
    pub(crate) name: Spot<String>,
    pub(crate) ask: Data,
    pub(crate) needs_evidence: bool,
}

impl Default for Await {
    fn default() -> Self {
        let (ask, from, exclude, count, expires) = (None, None, None, None, None);
        Self { kind: AwaitKind::Manual, ask, from, exclude, count, fields: Vec::new(), expires, gate: None }
    }
}

impl Await {
    /// Returns the data in which expressions may stand.
    pub(crate) fn data(&self) -> impl Iterator<Item = &Data> {
        let checklist = self.gate.iter().flat_map(|gate| &gate.checklist);
        self.ask.iter().chain(&self.from).chain(&self.exclude).chain(checklist.map(|item| &item.ask))
    }
}

/// A local process.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) what: RunWhat,
    /// The paths of what is kept, by name.
    pub(crate) artifacts: Vec<(String, Data)>,
    pub(crate) cache: Option<Box<Cache>>,
    pub(crate) env: Vec<(String, Data)>,
    pub(crate) workdir: Option<Data>,
}

/// When the success of an earlier attempt is taken over.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) place: Place,
    pub(crate) key_place: Option<Place>,
    /// None for all that the task is given.
    pub(crate) key: Option<Data>,
    pub(crate) files: Vec<Data>,
    pub(crate) ttl: Option<Length>,
}

#[derive(Debug)]
pub(crate) enum RunWhat {
    Command(Data),
    Script { text: Data, interpreter: Option<String> },
}

/// One case of a `switch`.
#[derive(Debug)]
pub(crate) struct Case {
    /// None for `else`.
    pub(crate) when: Option<Condition>,
    pub(crate) then: Spot<Target>,
}

/// Where `then` leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Task(String),
    Exit,
    End,
}

#[derive(Debug)]
pub(crate) enum Wait {
    After(Data),
    Until(Data),
}

#[derive(Debug, Clone)]
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    pub(crate) delay: Length,
    pub(crate) backoff: Backoff,
    pub(crate) delay_max: Option<Length>,
    pub(crate) has_jitter: bool,
    pub(crate) when: Option<Condition>,
}

/// `outputs` of a task.
#[derive(Debug)]
pub(crate) enum TaskOutputs {
    None,
    Declared(Vec<OutputField>),
    Computed(Data),
    /// What the last task inside that succeeded gave.
    Last,
}

/// Data in which expressions may stand, with what they read.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    pub(crate) template: Template,
    pub(crate) reads: Arc<Reads>,
    /// Whether it is the value of a variable that names secrets: the template is then the list of its parts, each a text or
    /// the map `{secret: NAME}`.
    pub(crate) is_secret: bool,
}

/// A bare expression, with what it reads.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) expr: Expr,
    pub(crate) reads: Arc<Reads>,
}

/// What expressions read, and where they stand; as a slice it is what they read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads {
    pub(crate) paths: Vec<Read>,
    /// The expressions in the order of the data that they stand in.
    pub(crate) holes: Vec<Hole>,
}

impl std::ops::Deref for Reads {
    type Target = [Read];

    fn deref(&self) -> &[Read] {
        &self.paths
    }
}

/// Where an expression stands.
#[derive(Debug, Clone)]
pub(crate) struct Hole {
    pub(crate) source: Arc<str>,
    pub(crate) place: Place,
    /// Whether it stands in the file as it is, without escapes: then parts of it have places.
    pub(crate) is_verbatim: bool,
}

impl Hole {
    /// Returns where a part of it stands, as closely as can be said.
    pub(crate) fn part(&self, span: &std::ops::Range<usize>) -> Place {
        if !self.is_verbatim {
            return self.place;
        }
        Place::new(self.place.start + span.start, self.place.start + span.end)
    }
}

/// A path that an expression reads.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) root: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) place: Place,
    /// Whether a secret may be named here.
    pub(crate) is_secret: bool,
    /// Whether something is said for the case that it has no value.
    pub(crate) is_guarded: bool,
}

impl Data {
    /// Returns a fixed text.
    pub(crate) fn text(text: String) -> Self {
        Self { template: Template::Literal(text.into()), reads: Arc::default(), is_secret: false }
    }

    /// Returns no value.
    pub(crate) fn null() -> Self {
        let template = Template::Literal(myrmex_model::value::Value::Null);
        Self { template, reads: Arc::default(), is_secret: false }
    }

    /// Returns the names of the fields it certainly has, if it is a map.
    pub(crate) fn field_names(&self) -> Option<Vec<&str>> {
        match &self.template {
            Template::Literal(value) => Some(value.as_object()?.keys().map(String::as_str).collect()),
            Template::Map(fields) => Some(fields.iter().map(|(name, _)| name.as_str()).collect()),
            Template::Expr(_) | Template::Text(_) | Template::List(_) => None,
        }
    }
}

impl Scope {
    /// Returns a flow whose tasks run once, one after the other.
    pub(crate) fn flow(id: ScopeId, key: Place, tasks: Vec<Task>) -> Self {
        Self { id, kind: ScopeKind::Flow, key, tasks, bounds: Bounds::default(), rounds: None }
    }
}

impl Task {
    /// Returns a task of which nothing but its name is known.
    pub(crate) fn named(name: Spot<String>, place: Place) -> Self {
        Self {
            name,
            place,
            needs: Vec::new(),
            join: None,
            late: Late::Ignore,
            guard: None,
            each: None,
            verb: None,
            verb_place: place,
            then: None,
            retry: None,
            timeout: None,
            effect: None,
            handed: None,
            asks: None,
            handlers: Handlers::default(),
            outputs: TaskOutputs::None,
            planning: None,
        }
    }
}

impl Outline {
    /// Returns the people and things that it holds, if it is a file of them.
    pub(crate) fn resources(&self) -> Option<&Resources> {
        match self {
            Self::Resources(resources) => Some(resources),
            Self::Workflow(_) | Self::Library(_) => None,
        }
    }

    /// Calls `visit` for every task of the file; a task comes before those inside it.
    pub(crate) fn walk<'o>(&'o self, visit: &mut dyn FnMut(&'o Task)) {
        match self {
            Self::Workflow(workflow) => workflow.walk(visit),
            Self::Library(library) => library.actions.iter().for_each(|action| action.task.walk(visit)),
            Self::Resources(_) => {}
        }
    }
}

impl Library {
    /// Returns the action called `name`.
    pub(crate) fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.task.name.value == name)
    }
}

impl Use {
    /// Returns whether an action of this version will do.
    pub(crate) fn admits(&self, version: &str) -> bool {
        let core = version.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = core.split('.');
        self.version.split('.').all(|wanted| numbers.next() == Some(wanted))
    }
}

impl Workflow {
    /// Returns one of which nothing but its name and body is known.
    pub(crate) fn of(name: Spot<String>, body: Scope) -> Self {
        Self {
            place: name.place,
            name,
            version: None,
            inputs: Vec::new(),
            defaults: Defaults::default(),
            concurrency: None,
            pools: Vec::new(),
            deadline: None,
            body,
            handlers: Handlers::default(),
            outputs: None,
            prices: Vec::new(),
            project: None,
        }
    }

    /// Calls `visit` for every task, those of handlers included; a task comes before those inside it.
    pub(crate) fn walk<'o>(&'o self, visit: &mut dyn FnMut(&'o Task)) {
        self.body.tasks.iter().chain(self.handlers.tasks()).for_each(|task| task.walk(visit));
    }
}

impl Task {
    /// Calls `visit` for the task and every task inside it, those of handlers included.
    pub(crate) fn walk<'o>(&'o self, visit: &mut dyn FnMut(&'o Task)) {
        visit(self);
        if let Some(Verb::Block(scope)) = &self.verb {
            scope.tasks.iter().for_each(|task| task.walk(visit));
        }
        self.handlers.tasks().for_each(|task| task.walk(visit));
    }
}

impl Handlers {
    /// Returns the tasks that handle, in the order in which they could run.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        let catches = self.catches.iter().map(|catch| &catch.body);
        catches.chain(self.on_failure.as_deref()).chain(self.finally.as_deref())
    }

    /// Returns whether nothing follows the body.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks().next().is_none() && !self.continues
    }
}

impl ScopeKind {
    /// Returns the key that stands for it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Graph => "tasks",
            Self::Flow => "do",
        }
    }
}
