//! Checks a file together with those it names: reads them all, resolves each, and lowers the workflows.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::OrderedMap;
use myrmex_model::ir::{Definition, NODES_MAX};
use myrmex_model::name::Name;
use myrmex_model::wire::{self, definition::SCOPE_DEPTH_MAX};

use crate::lower::{LowerError, Unit, lower};
use crate::others::{Beside, Found, Others, Supply, declared_name, library_name};
use crate::outline::{Handlers, Outline, Task, Verb, Workflow};
use crate::places::{FileExpressions, SourceMap};
use crate::report::Report;
use crate::resolve::{Links, resolve};
use crate::tree::Place;
use crate::{Checked, CheckedSource, Source, codes, read, tree};

/// Checks `source`, or what is left of it with the tasks `only`; see [`crate::check_in`] and [`crate::check_only`].
pub(crate) fn check(source: &Source, beside: &Beside, supply: &Supply, only: Option<&[String]>) -> Checked {
    let mut files = Files::new(source, beside);
    files.read(source);
    let left_out = only.map(|only| files.narrow(only)).unwrap_or_default();
    let mut next = 0;
    while next < files.outlines.len() {
        files.read_named(next);
        next += 1;
    }
    let Files { sources, mut reports, outlines, workflows, libraries, .. } = files;
    let others = Others {
        outlines: outlines.iter().map(Option::as_ref).collect(),
        files: sources.iter().map(|own| Arc::clone(&own.name)).collect(),
        workflows,
        libraries,
        workflow_names: beside.workflows.iter().chain([source]).filter_map(named).collect(),
        library_names: beside.libraries.iter().map(|own| library_name(&own.name).to_owned()).collect(),
        folders: (beside.workflow_folders.clone(), beside.library_folder.clone()),
        supply: supply.clone(),
        resources: outlines.iter().flatten().find_map(Outline::resources),
        left_out,
    };
    let links: Vec<Option<Links>> = outlines
        .iter()
        .zip(&mut reports)
        .zip(&sources)
        .map(|((outline, report), source)| Some(resolve(outline.as_ref()?, (source, &others), report)))
        .collect();
    report_broken(&others, &mut reports);
    let units: Vec<Unit<'_>> = outlines
        .iter()
        .zip(&links)
        .zip(&sources)
        .filter_map(|((outline, links), source)| {
            Some(Unit { outline: outline.as_ref()?, links: links.as_ref()?, file: &source.name })
        })
        .collect();
    let called = match &outlines[0] {
        Some(Outline::Workflow(workflow)) => Some(workflow.name.place),
        Some(Outline::Library(_) | Outline::Resources(_)) | None => None,
    };
    let is_whole = !reports[0].has_errors() && units.len() == outlines.len();
    let lowered = if is_whole { lower_all(&others, &units) } else { Err(LowerError::Nothing) };
    // What was read of the files is large, and so is what follows: only one of them is held at a time.
    drop(units);
    drop(links);
    drop(others);
    drop(outlines);
    let lowered = lowered.and_then(Lowered::readable);
    let lowered = lowered.unwrap_or_else(|error| {
        called.inspect(|place| report_unrunnable(*place, &error, &mut reports[0]));
        Lowered {
            entry: None,
            places: SourceMap::new(&source.name),
            called: BTreeMap::new(),
            called_places: BTreeMap::new(),
        }
    });
    let expressions = Arc::new(expressions(&mut reports, &sources));
    let mut reports = reports.into_iter();
    let diagnostics = reports.next().map(Report::finish).unwrap_or_default();
    let named = reports.zip(sources.into_iter().skip(1)).filter(|(report, _)| report.has_errors());
    let beside = named
        .map(|(report, source)| CheckedSource { source: source.clone(), diagnostics: report.finish() })
        .collect();
    let Lowered { entry: definition, places, called: closure, called_places } = lowered;
    let places = places.with_expressions(&expressions);
    let called_places = called_places
        .into_iter()
        .map(|(name, places)| (name, places.with_expressions(&expressions)))
        .collect();
    Checked { definition, places, closure, called_places, diagnostics, beside }
}

/// Leaves a workflow the outermost tasks with these names, and returns the names of the others.
fn narrow(workflow: &mut Workflow, only: &[String]) -> Vec<String> {
    let is_kept = |name: &String| only.contains(name);
    let (kept, others) =
        std::mem::take(&mut workflow.body.tasks).into_iter().partition(|task| is_kept(&task.name.value));
    workflow.body.tasks = kept;
    for task in &mut workflow.body.tasks {
        task.needs.retain(|need| is_kept(&need.name.value));
    }
    workflow.handlers = Handlers::default();
    workflow.outputs = None;
    let others: Vec<Task> = others;
    others.into_iter().map(|task| task.name.value).collect()
}

/// Takes the expressions of all files out of their reports.
fn expressions(reports: &mut [Report], sources: &[&Source]) -> Vec<FileExpressions> {
    let files = reports.iter_mut().zip(sources);
    files
        .map(|(report, source)| FileExpressions {
            source: (*source).clone(),
            all: std::mem::take(&mut report.expressions),
        })
        .collect()
}

/// What the checked workflow and all that it may come to call are lowered to.
struct Lowered {
    /// The definition of the checked workflow; none if it cannot be run.
    entry: Option<Definition>,
    /// Where its parts are written.
    places: SourceMap,
    /// The definitions of what it may come to call.
    called: BTreeMap<Name, Definition>,
    /// Where the parts of each are written.
    called_places: BTreeMap<Name, SourceMap>,
}

impl Lowered {
    /// Returns this if a run could read all of it back.
    ///
    /// # Errors
    ///
    /// Returns [`LowerError::Unreadable`], which is a defect of the passes before: they should have refused the file.
    fn readable(self) -> Result<Self, LowerError> {
        self.entry.iter().chain(self.called.values()).try_for_each(readable)?;
        Ok(self)
    }
}

/// Lowers the checked workflow and all that it may come to call.
fn lower_all<'o>(others: &'o Others<'o>, units: &'o [Unit<'o>]) -> Result<Lowered, LowerError> {
    let (entry, places) = lower(others, units, 0)?;
    let (mut called, mut called_places) = (BTreeMap::new(), BTreeMap::new());
    for (name, found) in &others.workflows {
        let (Found::One(file), Ok(name)) = (found, Name::new(name)) else { continue };
        if *file == 0 {
            called_places.insert(name.clone(), places.clone());
            called.insert(name, entry.clone());
            continue;
        }
        let (definition, places) = lower(others, units, *file)?;
        called.insert(name.clone(), definition);
        called_places.insert(name, places);
    }
    Ok(Lowered { entry: Some(entry), places, called, called_places })
}

/// Checks that the stored form of a definition can be read back and says the same: a run whose definition cannot is lost.
///
/// # Errors
///
/// Returns [`LowerError::Unreadable`], which is a defect of the passes before: they should have refused the file.
fn readable(definition: &Definition) -> Result<(), LowerError> {
    match wire::definition::decode(&wire::definition::encode(definition)) {
        Ok(read) if read == *definition => Ok(()),
        Ok(_) => Err(LowerError::Unreadable("it reads as another one".to_owned())),
        Err(error) => Err(LowerError::Unreadable(error.to_string())),
    }
}

/// Reports a workflow that is right, but cannot be run: its actions make it too large, or a defect spoils it.
fn report_unrunnable(name: Place, error: &LowerError, report: &mut Report) {
    let (code, message) = match error {
        LowerError::Nothing => return,
        LowerError::Large => {
            (codes::TASKS_MANY, format!("with its actions the workflow has more than {NODES_MAX} tasks"))
        }
        LowerError::Deep => (
            codes::NESTING_DEEP,
            format!("with its actions the workflow nests deeper than {SCOPE_DEPTH_MAX} blocks"),
        ),
        LowerError::Unreadable(why) => {
            (codes::UNREADABLE, format!("a defect of myrmex: the stored definition could not be read: {why}"))
        }
    };
    let hint = match error {
        LowerError::Nothing | LowerError::Large | LowerError::Deep => {
            "call a workflow instead of using an action"
        }
        LowerError::Unreadable(_) => "please report this file",
    };
    report.refuse_hint(code, name, message, hint);
}

/// Returns the name of the workflow that a file declares, with that of the file.
fn named(source: &Source) -> Option<(String, Arc<str>)> {
    Some((declared_name(&source.text)?.to_owned(), Arc::clone(&source.name)))
}

/// The files that were read so far, the checked one first.
struct Files<'s> {
    entry: &'s Source,
    beside: &'s Beside,
    sources: Vec<&'s Source>,
    reports: Vec<Report>,
    outlines: Vec<Option<Outline>>,
    workflows: OrderedMap<String, Found>,
    libraries: OrderedMap<String, Found>,
    /// The workflow files by the names they declare, made when the first is asked for.
    by_name: Option<OrderedMap<&'s str, Vec<&'s Source>>>,
}

impl<'s> Files<'s> {
    fn new(entry: &'s Source, beside: &'s Beside) -> Self {
        Self {
            entry,
            beside,
            sources: Vec::new(),
            reports: Vec::new(),
            outlines: Vec::new(),
            workflows: OrderedMap::default(),
            libraries: OrderedMap::default(),
            by_name: None,
        }
    }

    /// Reads a file, unless it was read before, and returns its place.
    fn read(&mut self, source: &'s Source) -> usize {
        if let Some(file) = self.sources.iter().position(|own| own.name == source.name) {
            return file;
        }
        let mut report = Report::new(&source.name);
        let tree = tree::parse(&source.text, &mut report);
        let outline = read::read(&source.text, &tree, &mut report);
        self.sources.push(source);
        self.reports.push(report);
        self.outlines.push(outline);
        self.sources.len() - 1
    }

    /// Leaves the checked file the outermost tasks with these names, and returns the names of the others.
    fn narrow(&mut self, only: &[String]) -> Vec<String> {
        match &mut self.outlines[0] {
            Some(Outline::Workflow(workflow)) => narrow(workflow, only),
            Some(Outline::Library(_) | Outline::Resources(_)) | None => Vec::new(),
        }
    }

    /// Reads what the file at `file` names.
    fn read_named(&mut self, file: usize) {
        let (mut called, mut used) = (Vec::new(), Vec::new());
        if let Some(outline) = &self.outlines[file] {
            outline.walk(&mut |task| match &task.verb {
                Some(Verb::Call(call)) => called.push(call.name.value.clone()),
                Some(Verb::Use(action)) => used.push(action.library.clone()),
                Some(
                    Verb::Run(_)
                    | Verb::Set(_)
                    | Verb::Switch(_)
                    | Verb::Fail(_)
                    | Verb::Wait(_)
                    | Verb::Await(_)
                    | Verb::Block(_),
                )
                | None => {}
            });
        }
        let is_project =
            matches!(&self.outlines[file], Some(Outline::Workflow(own)) if own.project.is_some());
        if let Some(resources) = self.beside.resources.as_ref().filter(|_| is_project) {
            self.read(resources);
        }
        for name in called {
            if !self.workflows.contains_key(&name) {
                let sources = self.workflow_files().get(name.as_str()).cloned().unwrap_or_default();
                self.found(&sources).map(|found| self.workflows.insert(name, found));
            }
        }
        for name in used {
            if !self.libraries.contains_key(&name) {
                let is_it = |own: &&Source| library_name(&own.name) == name;
                let is_entry = matches!(self.outlines[0], Some(Outline::Library(_)));
                let entry = Some(self.entry).filter(|_| is_entry);
                let sources: Vec<_> = entry.into_iter().chain(&self.beside.libraries).filter(is_it).collect();
                self.found(&sources).map(|found| self.libraries.insert(name, found));
            }
        }
    }

    fn found(&mut self, sources: &[&'s Source]) -> Option<Found> {
        match sources {
            [] => None,
            [one] => Some(Found::One(self.read(one))),
            several => Some(Found::Several(several.iter().map(|own| own.name.to_string()).collect())),
        }
    }

    fn workflow_files(&mut self) -> &OrderedMap<&'s str, Vec<&'s Source>> {
        let (entry, beside) = (self.entry, self.beside);
        self.by_name.get_or_insert_with(|| {
            let mut by_name: OrderedMap<&str, Vec<&Source>> = OrderedMap::default();
            for source in beside.workflows.iter().filter(|own| own.name != entry.name).chain([entry]) {
                if let Some(name) = declared_name(&source.text) {
                    by_name.entry(name).or_default().push(source);
                }
            }
            by_name
        })
    }
}

/// Reports each call of a file with errors: those of its own, or of a file that it needs.
fn report_broken(others: &Others<'_>, reports: &mut [Report]) {
    let needs: Vec<Vec<(usize, &str, Place)>> = others
        .outlines
        .iter()
        .map(|outline| outline.map(|own| needed(own, others)).unwrap_or_default())
        .collect();
    let mut is_broken: Vec<bool> = reports.iter().map(Report::has_errors).collect();
    loop {
        let mut has_changed = false;
        for file in 0..needs.len() {
            let becomes_broken = !is_broken[file] && needs[file].iter().any(|(other, ..)| is_broken[*other]);
            is_broken[file] |= becomes_broken;
            has_changed |= becomes_broken;
        }
        if !has_changed {
            break;
        }
    }
    for (file, needs) in needs.iter().enumerate() {
        for (other, what, place) in needs.iter().filter(|(other, ..)| is_broken[*other] && *other != file) {
            let message = format!("{what} has errors, see `{}`", reports[*other].file());
            reports[file].refuse(codes::FILE_BROKEN, *place, message);
        }
    }
}

/// Returns the files that `outline` needs, each with what it is called and where.
fn needed(outline: &Outline, others: &Others<'_>) -> Vec<(usize, &'static str, Place)> {
    let mut needed = Vec::new();
    outline.walk(&mut |task: &Task| {
        let (found, what, place) = match &task.verb {
            Some(Verb::Call(call)) => {
                (others.workflows.get(&call.name.value), "the workflow", call.name.place)
            }
            Some(Verb::Use(action)) => (others.libraries.get(&action.library), "the library", action.place),
            Some(
                Verb::Run(_)
                | Verb::Set(_)
                | Verb::Switch(_)
                | Verb::Fail(_)
                | Verb::Wait(_)
                | Verb::Await(_)
                | Verb::Block(_),
            )
            | None => return,
        };
        if let Some(Found::One(file)) = found {
            needed.push((*file, what, place));
        }
    });
    needed
}

#[cfg(test)]
mod tests {
    use myrmex_model::ir::NodeId;

    use super::*;

    #[test]
    fn a_definition_that_cannot_be_read_back_is_reported_and_never_stored() {
        let text = "workflow: w\ntasks: {a: {run: x}, b: {run: y}}\n";
        let mut definition =
            check(&Source::new("w.yaml", text), &Beside::default(), &Supply::default(), None)
                .definition
                .unwrap();
        assert_eq!(readable(&definition), Ok(()));
        definition.nodes[2].parent = Some(NodeId(1));
        let why = "node 0 lists node 2, which is not inside it";
        let Err(LowerError::Unreadable(found)) = readable(&definition) else { panic!("it was read") };
        assert!(found.contains(why), "{found}");
    }
}
