//! Looks up the workflows that are called and the actions that are used, and checks what they are given.

use std::collections::BTreeSet;

use myrmex_model::diagnostic::Diagnostic;
use myrmex_model::schema::Type;
use myrmex_model::template::Template;

use super::Resolver;
use super::types::shape_of_schema;
use crate::codes;
use crate::inputs::pattern_matches;
use crate::others::{Found, library_name};
use crate::outline::{Action, Call, Given, Handlers, InputDeclaration, Library, Task, Use, Verb};
use crate::tree::Place;

/// What can be given where a file is wanted.
const GIVE_A_FILE: &str = "give an artifact, or an output or an input of type `file`";

/// The folder of libraries where nobody says which one was looked into.
const ACTIONS: &str = "actions";

/// The most names of actions that a hint lists: as many as are read at a glance.
const NAMES_MAX: usize = 6;

impl<'o> Resolver<'o, '_> {
    pub(super) fn call(&mut self, call: &'o Call) {
        self.given_data(&call.with, self.others.workflow(&call.name.value).map(|own| own.inputs.as_slice()));
        let (name, place) = (call.name.value.as_str(), call.name.place);
        match self.others.workflows.get(name) {
            None => self.refuse_workflow(name, place),
            Some(Found::Several(files)) => self.refuse_several((name, place), files),
            Some(Found::One(_)) => {}
        }
        let Some(workflow) = self.others.workflow(name) else { return };
        self.given(&call.with, &workflow.inputs, (&format!("the workflow `{name}`"), place));
        let Some(wanted) = &call.version else { return };
        let has = workflow.version.as_deref();
        let is_met = has
            .and_then(|version| semver::Version::parse(version).ok())
            .is_some_and(|version| wanted.value.matches(&version));
        if !is_met {
            let has = has.map_or("has no version".to_owned(), |has| format!("has version {has}"));
            let message = format!("the workflow `{name}` {has}");
            self.report.refuse(codes::VERSION_UNMET, wanted.place, message);
        }
    }

    /// Reports a workflow that is not there, with where it was looked for and what would have to stand there.
    fn refuse_workflow(&mut self, name: &str, place: Place) {
        let others = self.others;
        let folders = &others.folders.0;
        let message = if folders.is_empty() {
            format!("there is no workflow `{name}` in the files beside this one")
        } else {
            let quoted: Vec<_> = folders.iter().map(|folder| format!("`{folder}`")).collect();
            let looked = quoted.join(" or in ");
            format!("there is no workflow `{name}`: no file in {looked} begins with `workflow: {name}`")
        };
        let all = &others.workflow_names;
        let near = self.report.nearest(name, all.iter().map(|(own, _)| own.as_str()));
        // Who takes the name of the file for that of the workflow in it is told both.
        let by_file = all.iter().find(|(_, file)| library_name(file) == name);
        let hint = match (near, by_file) {
            (Some(near), _) => Some(format!("did you mean `{near}`?")),
            (None, Some((own, file))) => Some(format!("did you mean `{own}`, as `{file}` calls it?")),
            (None, None) => folders
                .last()
                .map(|folder| format!("put its file there, such as `{}`", file_in(folder, name))),
        };
        let diagnostic = self.report.error(codes::WORKFLOW_UNKNOWN, place, message);
        self.report.push(Diagnostic { hint, ..diagnostic });
    }

    fn refuse_several(&mut self, (name, place): (&str, Place), files: &[String]) {
        let all: Vec<_> = files.iter().map(|file| format!("`{file}`")).collect();
        let message = format!("several files are called `{name}`: {}", all.join(", "));
        self.report.refuse(codes::WORKFLOW_AMBIGUOUS, place, message);
    }

    pub(super) fn used(&mut self, used: &'o Use) {
        let action = self.action_of(used);
        self.given_data(&used.with, action.map(|action| action.inputs.as_slice()));
        let Some(action) = action else { return };
        self.given(&used.with, &action.inputs, (&format!("the action `{}`", used.action), used.place));
        if let Some(version) = action.version.as_deref().filter(|version| !used.admits(version)) {
            let message = format!("the action `{}` has version {version}", used.action);
            self.report.refuse(codes::VERSION_UNMET, used.place, message);
        }
        let Some((library, own)) = self.action.clone() else { return };
        if self.leads_to(used, (&library, own), &mut BTreeSet::new()) {
            let message = format!("the action `{own}` uses itself");
            let hint = "use a `repeat`, or call a workflow";
            self.report.refuse_hint(codes::ACTION_CYCLE, used.place, message, hint);
        }
    }

    /// Reports an action called like a handler beside its use: it stands inside the task under its own name.
    pub(super) fn refuse_namesake(&mut self, used: &Use, handlers: &Handlers) {
        let Some(handler) = handlers.tasks().find(|handler| handler.name.value == used.action) else {
            return;
        };
        let name = &used.action;
        let message = format!("the action `{name}` cannot be used where a handler bears that name");
        let diagnostic = self.report.error(codes::HANDLER_NAME, used.place, message);
        let diagnostic = diagnostic.with_related(self.report.span(handler.name.place), "the handler");
        self.report.push(diagnostic.with_hint("use it inside a block that has the handler"));
    }

    /// Finds the action, or reports that it is not there; says nothing of a library that could not be read.
    fn action_of(&mut self, used: &Use) -> Option<&'o Action> {
        let (library, name, place) = (used.library.as_str(), used.action.as_str(), used.place);
        let (message, hint) = match self.others.libraries.get(library) {
            None => self.no_library(library, name),
            Some(Found::Several(files)) => {
                self.refuse_several((library, place), files);
                return None;
            }
            Some(Found::One(_)) => {
                let own = self.others.library(library)?;
                if let Some(action) = own.action(name) {
                    return Some(action);
                }
                self.no_action(own, (library, name))
            }
        };
        let diagnostic = self.report.error(codes::ACTION_UNKNOWN, place, message);
        self.report.push(Diagnostic { hint, ..diagnostic });
        None
    }

    /// Says that a library is not there, where it was looked for, and what would have to stand there.
    fn no_library(&mut self, library: &str, action: &str) -> (String, Option<String>) {
        let others = self.others;
        let folder = others.folders.1.as_deref().unwrap_or(ACTIONS);
        let message = format!("there is no library `{library}`: no file `{library}.yaml` in `{folder}`");
        let near = self.report.nearest(library, others.library_names.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write `{action}` under `actions:` of `{}`", file_in(folder, library)),
        };
        (message, Some(hint))
    }

    /// Says that a library has no such action, and which it has.
    fn no_action(&mut self, own: &Library, (library, action): (&str, &str)) -> (String, Option<String>) {
        let file = self.others.library_file(library).unwrap_or(library);
        let message = format!("the library `{library}`, the file `{file}`, has no action `{action}`");
        let names = || own.actions.iter().map(|action| action.task.name.value.as_str());
        if let Some(near) = self.report.nearest(action, names()) {
            return (message, Some(format!("did you mean `{near}`?")));
        }
        let known: Vec<_> = names().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
        let more = if names().nth(NAMES_MAX).is_some() { ", …" } else { "" };
        let hint = format!("use one that it has: {}{more}", known.join(", "));
        (message, (!known.is_empty()).then_some(hint))
    }

    /// Returns whether an action comes to use `target`, over whatever others.
    fn leads_to(&self, used: &'o Use, target: (&str, &str), seen: &mut BTreeSet<(&'o str, &'o str)>) -> bool {
        if (used.library.as_str(), used.action.as_str()) == target {
            return true;
        }
        if !seen.insert((&used.library, &used.action)) {
            return false;
        }
        let action = self.others.library(&used.library).and_then(|library| library.action(&used.action));
        let Some(action) = action else { return false };
        let mut inner = Vec::new();
        action.task.walk(&mut |task: &'o Task| {
            if let Some(Verb::Use(used)) = &task.verb {
                inner.push(used);
            }
        });
        inner.into_iter().any(|used| self.leads_to(used, target, seen))
    }

    /// Looks at what is given for `inputs`. The name of a secret may be passed on, as it is and to an input of that type.
    fn given_data(&mut self, with: &'o [Given], inputs: Option<&'o [InputDeclaration]>) {
        for given in with {
            let wanted =
                inputs.and_then(|all| all.iter().find(|own| own.input.name.as_str() == given.name.value));
            let passed = match (&given.data.template, &given.data.reads[..]) {
                (Template::Expr(expr), [read]) if wanted.is_some_and(|own| own.is_secret) => self
                    .inputs
                    .get_mut(expr.source.strip_prefix("inputs.").unwrap_or_default())
                    .filter(|_| read.root == "inputs"),
                _ => None,
            };
            match passed {
                Some(input) if input.declaration.is_secret => input.is_used = true,
                Some(_) | None => drop(self.data(&given.data)),
            }
        }
    }

    /// Checks what is given for `inputs` of `what`, which is named at `place`.
    fn given(&mut self, with: &'o [Given], inputs: &[InputDeclaration], (what, place): (&str, Place)) {
        for given in with {
            let name = given.name.value.as_str();
            let Some(declaration) = inputs.iter().find(|own| own.input.name.as_str() == name) else {
                let message = format!("{what} has no input `{name}`");
                let names = inputs.iter().map(|own| own.input.name.as_str());
                self.report.refuse_word(codes::GIVEN_UNKNOWN, given.name.place, message, (name, names));
                continue;
            };
            if let Err(wrong) = fits(declaration, &given.data.template) {
                let message = format!("the input `{name}` of {what}{wrong}");
                let mut diagnostic = self.report.error(codes::GIVEN_MISFIT, given.place, message);
                if declaration.input.schema.kind == Type::File {
                    diagnostic = diagnostic.with_hint(GIVE_A_FILE);
                }
                self.report.push(diagnostic);
            }
            let Template::Expr(expr) = &given.data.template else { continue };
            let mut wanted = shape_of_schema(&declaration.input.schema);
            if declaration.input.is_optional {
                wanted = wanted.or_null();
            }
            let found = self.shape(&given.data);
            if !found.meets(&wanted) {
                let message = format!(
                    "the input `{name}` of {what}: expected {}, `{}` is of type {found}",
                    declaration.input.schema.kind.as_str(),
                    expr.source
                );
                self.report.refuse(codes::GIVEN_MISFIT, given.place, message);
            }
        }
        let is_missing = |declaration: &&InputDeclaration| {
            let input = &declaration.input;
            let is_given = with.iter().any(|given| given.name.value == input.name.as_str());
            let has_default = input.default.is_some() && input.schema.kind != Type::File;
            !has_default && !input.is_optional && !is_given
        };
        let missing: Vec<_> = inputs.iter().filter(is_missing).collect();
        for declaration in missing {
            let input = &declaration.input;
            let (name, kind) = (&input.name, input.schema.type_word());
            let message = if input.default.is_some() {
                format!(
                    "{what} needs the input `{name}` ({kind}), whose default counts for who starts it alone"
                )
            } else {
                format!("{what} needs the input `{name}` ({kind})")
            };
            let hint = format!("add `with: {{{name}: …}}`");
            self.report.refuse_hint(codes::GIVEN_MISSING, place, message, hint);
        }
    }
}

/// Names the file of `name` in a folder.
fn file_in(folder: &str, name: &str) -> String {
    if folder == "." { format!("{name}.yaml") } else { format!("{folder}/{name}.yaml") }
}

/// Checks a value as far as it is known before the run.
fn fits(declaration: &InputDeclaration, template: &Template) -> Result<(), String> {
    let (input, kind) = (&declaration.input, declaration.input.schema.kind);
    let known = match template {
        Template::Literal(value) if value.is_null() && input.is_optional => return Ok(()),
        Template::Literal(value) => {
            let checked = input.schema.check(value, &pattern_matches);
            return checked.map_err(|wrong| format!("{}: {}", wrong.place, wrong.message));
        }
        Template::Expr(_) => return Ok(()),
        Template::Text(_) => (matches!(kind, Type::String | Type::Duration | Type::Date), "text"),
        Template::List(_) => (kind == Type::Array, "a list"),
        Template::Map(_) => (kind == Type::Object, "a map"),
    };
    match known {
        (true, _) => Ok(()),
        (false, _) if kind == Type::Any => Ok(()),
        (false, word) => Err(format!(": expected {}, found {word}", kind.as_str())),
    }
}
