//! Looks up one path that an expression reads.

use myrmex_expr::Step;
use myrmex_model::file::FileValue;
use myrmex_model::ir::AwaitKind;
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::schema::Type;

use super::{Frame, Link, Loop, Origin, Resolver};
use crate::codes;
use crate::others::Others;
use crate::outline::{Read, ScopeKind, Task, TaskOutputs, Use, Verb};
use crate::read::foreign;
use crate::read::people::ANSWER_FIELDS;
use crate::roots;
use crate::tree::Place;

/// What is known of the output of a task.
enum Known<'o> {
    /// Nothing.
    Open,
    /// It has these fields and no others.
    Fields(Vec<&'o str>),
    /// It has none: the task gives nothing.
    Nothing,
}

impl<'o> Resolver<'o, '_> {
    /// Looks up what `read` reads.
    pub(super) fn read(&mut self, read: &'o Read) {
        let root = read.root.as_str();
        if self.loops.contains(&Loop::Items(root)) {
            return;
        }
        match root {
            "inputs" => self.read_input(read),
            "tasks" => self.read_task(read),
            "run" => self.read_run(read),
            "vars" => self.read_variable(read),
            "secrets" if read.is_secret => {}
            "secrets" => self.refuse_secret(read, "`secrets`"),
            "error" if self.faults > 0 => self.read_field(read, roots::ERROR_FIELDS, &[]),
            "index" if !self.loops.is_empty() => {}
            "key" if self.item_name().is_some() => self.warn_key(read),
            "output" if self.given > 0 => {}
            "error" => self.misplaced(read, "an error is known in `retry.when` and in handlers only"),
            "output" => self.misplaced(read, "it is known in `on_failure` and `finally` of a task only"),
            "item" | "index" | "key" => self.misplaced_item(read),
            "project" if self.is_gate => {}
            _ if roots::LATER.contains(&root) => {
                let message = format!("`{root}` in expressions is not supported yet");
                self.report.refuse(codes::ROOT_LATER, read.place, message);
            }
            _ => self.refuse_root(read),
        }
    }

    /// Looks up what is read before a run begins: its inputs.
    pub(super) fn read_before(&mut self, read: &'o Read) {
        match read.root.as_str() {
            root if root == "inputs" || !roots::is_root(root) => self.read(read),
            "secrets" => self.refuse_secret(read, "`secrets`"),
            _ => {
                self.misplaced(read, "a run waits for its place before anything of it begins; read `inputs`");
            }
        }
    }

    fn misplaced(&mut self, read: &Read, why: &str) {
        let message = format!("`{}` holds nothing here: {why}", read.root);
        self.report.refuse(codes::ROOT_MISPLACED, read.place, message);
    }

    fn misplaced_item(&mut self, read: &Read) {
        match self.item_name() {
            // Only `item` itself comes here: it is hidden by the name that `as` gives.
            Some(name) => {
                let message = format!("`{}` holds nothing here: the item is called `{name}`", read.root);
                let hint = format!("write `{name}`");
                self.report.refuse_hint(codes::ROOT_MISPLACED, read.place, message, hint);
            }
            None => self.misplaced(read, "there is no `for_each` around it"),
        }
    }

    /// Returns what the nearest `for_each` calls its item.
    fn item_name(&self) -> Option<&'o str> {
        self.loops.iter().rev().find_map(|around| match around {
            Loop::Items(name) => Some(*name),
            Loop::Rounds => None,
        })
    }

    fn refuse_root(&mut self, read: &Read) {
        let root = read.root.as_str();
        let hint = if self.inputs.contains_key(root) {
            Some(format!("did you mean `inputs.{root}`?"))
        } else if self.frames.iter().any(|frame| frame.names.contains_key(root)) {
            Some(format!("did you mean `tasks.{root}`?"))
        } else if self.variables.has(root) {
            Some(format!("did you mean `vars.{root}`?"))
        } else {
            let items = self.loops.iter().filter_map(|around| match around {
                Loop::Items(name) => Some(*name),
                Loop::Rounds => None,
            });
            let words = roots::KNOWN.iter().chain(roots::LATER).copied().chain(items);
            let near = self.report.nearest(root, words).map(|near| format!("did you mean `{near}`?"));
            let dashed = self.in_brackets(|name| name.ends_with(&format!("-{root}")));
            foreign::instead_of_root(root).map(str::to_owned).or(dashed).or(near)
        };
        let mut diagnostic =
            self.report.error(codes::ROOT_UNKNOWN, read.place, format!("unknown name `{root}`"));
        diagnostic.hint = hint;
        self.report.push(diagnostic);
    }

    /// Returns how a task is named whose name holds `-`, and was taken for a subtraction.
    fn in_brackets(&self, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let mut names = self.frames.iter().rev().flat_map(|frame| frame.names.keys());
        let name = names.find(|name| is_meant(name))?;
        Some(format!("a name with `-` goes in brackets: `tasks['{name}']`"))
    }

    fn read_run(&mut self, read: &Read) {
        match read.steps.first() {
            Some(Step::Field(field)) if roots::RUN_FIELDS_AT_END.contains(&field.as_str()) => {
                if !self.is_run_over {
                    let message = format!(
                        "`run.{field}` holds nothing here: it is known in the workflow's `on_failure` and `finally` only"
                    );
                    self.report.refuse(codes::ROOT_MISPLACED, read.place, message);
                }
            }
            Some(Step::Field(_) | Step::Index(_)) | None => {
                self.read_field(read, roots::RUN_FIELDS, roots::RUN_FIELDS_LATER);
            }
        }
    }

    fn read_field(&mut self, read: &Read, known: &'static [&'static str], later: &[&str]) {
        match read.steps.first() {
            None => {}
            Some(Step::Field(field)) if known.contains(&field.as_str()) => {}
            Some(Step::Field(field)) if later.contains(&field.as_str()) => {
                let message = format!("`{}.{field}` is not supported yet", read.root);
                self.report.refuse(codes::ROOT_LATER, read.place, message);
            }
            Some(Step::Field(field)) => {
                let message = format!("`{}` has no field `{field}`", read.root);
                self.report.refuse_word(
                    codes::FIELD_UNKNOWN,
                    read.place,
                    message,
                    (field, known.iter().copied()),
                );
            }
            Some(Step::Index(_)) => {
                let message = format!("`{}` is not a list", read.root);
                self.report.refuse(codes::FIELD_UNKNOWN, read.place, message);
            }
        }
    }

    fn read_input(&mut self, read: &Read) {
        let Some(step) = read.steps.first() else {
            self.inputs.values_mut().for_each(|input| input.is_used = true);
            return;
        };
        let Step::Field(name) = step else {
            self.report.refuse(codes::INPUT_UNKNOWN, read.place, "inputs have names, not numbers");
            return;
        };
        let Some(input) = self.inputs.get_mut(name.as_str()) else {
            let message = format!("there is no input `{name}`");
            let words = self.inputs.keys().copied();
            self.report.refuse_word(codes::INPUT_UNKNOWN, read.place, message, (name, words));
            return;
        };
        input.is_used = true;
        if input.declaration.is_secret && !read.is_secret {
            self.refuse_secret(read, &format!("the input `{name}` of type `secret`"));
            return;
        }
        let kind = input.declaration.input.schema.kind;
        if kind == Type::File {
            return self.file_field(&format!("the input `{name}`"), read.steps.get(1), read.place);
        }
        let is_wrong = read.steps.get(1).is_some_and(|step| match kind {
            Type::Any => false,
            Type::Array | Type::String | Type::Duration | Type::Date => matches!(step, Step::Field(_)),
            Type::Object => matches!(step, Step::Index(_)),
            Type::Integer | Type::Number | Type::Boolean | Type::File => true,
        });
        if is_wrong {
            let message = format!("the input `{name}` is of type `{}` and has no such member", kind.as_str());
            self.report.refuse(codes::FIELD_UNKNOWN, read.place, message);
        }
    }

    fn refuse_secret(&mut self, read: &Read, what: &str) {
        let message = format!("{what} can only be read in the value of a variable under `env`");
        self.report.refuse(codes::SECRET_MISPLACED, read.place, message);
    }

    fn read_task(&mut self, read: &'o Read) {
        let Some(Step::Field(name)) = read.steps.first() else {
            let message = "a reference must name its task: `tasks.NAME`";
            self.report.refuse(codes::REFERENCE_WHOLE, read.place, message);
            return;
        };
        if !self.are_tasks_readable {
            let message = "`tasks` holds nothing here: `defaults` hold for every task";
            self.report.refuse(codes::ROOT_MISPLACED, read.place, message);
            return;
        }
        let Some(depth) = self.frames.iter().rposition(|frame| frame.names.contains_key(name.as_str()))
        else {
            self.refuse_task(name, read);
            return;
        };
        let is_innermost = depth + 1 == self.frames.len();
        let frame = &mut self.frames[depth];
        let index = frame.names[name.as_str()];
        let task = &frame.scope.tasks[index as usize];
        if let Some(current) = frame.current {
            let is_handled = is_innermost && self.faults > 0 && index == current;
            if is_handled {
                let message = format!("the task `{name}` has not ended yet where its error is looked at");
                let hint = "read `error`, or in `on_failure` and `finally` also `output`";
                self.report.refuse_hint(codes::REFERENCE_EARLY, read.place, message, hint);
                return;
            }
            if let Some(message) = early(frame, (index, current), name, is_innermost) {
                self.report.refuse(codes::REFERENCE_EARLY, read.place, message);
                return;
            }
            if frame.scope.kind == ScopeKind::Graph {
                let link = Link::new((index, current), OutcomeSet::SUCCEEDED, Origin::Reference, read.place);
                frame.links.entry(link.key()).or_insert(link);
            }
        }
        if !read.is_guarded && is_empty(&self.frames[depth], index, &read.steps[1..]) {
            let message = format!(
                "`tasks.{name}.output` cannot have a value: the task goes on only where `{name}` did not succeed"
            );
            let hint = format!("read `tasks.{name}.error`, or accept `succeeded` too");
            self.report.refuse_hint(codes::REFERENCE_EMPTY, read.place, message, hint);
            return;
        }
        self.task_field(task, &read.steps[1..], read.place);
    }

    fn refuse_task(&mut self, name: &str, read: &Read) {
        if self.is_left_out(name) {
            return self.refuse_left_out(codes::REFERENCE_UNKNOWN, name, read.place);
        }
        let message = format!("there is no task `{name}`");
        let words = self.frames.iter().rev().flat_map(|frame| frame.names.keys().copied());
        let near = self.report.nearest(name, words);
        // A path that ends with the name of a task is no value: the rest was taken for what is subtracted.
        let is_cut = read.steps.len() == 1;
        let dashed = self.in_brackets(|own| is_cut && own.starts_with(&format!("{name}-")));
        let hint = if dashed.is_some() {
            dashed
        } else if let Some(near) = near {
            Some(format!("did you mean `{near}`?"))
        } else {
            self.homes.get(name).map(|block| {
                format!("`{name}` is inside the block `{block}`, which must give it out by its `outputs`")
            })
        };
        let mut diagnostic = self.report.error(codes::REFERENCE_UNKNOWN, read.place, message);
        diagnostic.hint = hint;
        self.report.push(diagnostic);
    }

    /// Checks what is read of a task.
    fn task_field(&mut self, task: &'o Task, steps: &[Step], place: Place) {
        let name = &task.name.value;
        let Some(Step::Field(field)) = steps.first() else {
            let message = format!("`tasks.{name}` alone is not a value");
            let hint = format!("read one of its fields, such as `tasks.{name}.output`");
            self.report.refuse_hint(codes::REFERENCE_WHOLE, place, message, hint);
            return;
        };
        match field.as_str() {
            "output" if task.each.is_some() => match steps.get(1) {
                Some(Step::Field(field)) => {
                    let message = format!("`tasks.{name}.output` is a list, one member for each item");
                    let hint = self.item_of_key(task, ("output", field)).unwrap_or_else(|| {
                        format!("write `tasks.{name}.output[0].{field}`, or `| map(attribute='{field}')`")
                    });
                    self.report.refuse_hint(codes::FIELD_UNKNOWN, place, message, hint);
                }
                Some(Step::Index(_)) => self.output_field(task, &steps[2..], place),
                None => {}
            },
            "output" => self.output_field(task, &steps[1..], place),
            "artifacts" if task.each.is_some() => {
                let message = format!("`tasks.{name}` has no artifacts of its own: its items have them");
                let hint = format!("write `tasks.{name}.items[0].artifacts.NAME`");
                self.report.refuse_hint(codes::FIELD_UNKNOWN, place, message, hint);
            }
            "artifacts" => self.artifact(task, &steps[1..], place),
            "items" if task.each.is_some() => match (steps.get(1), steps.get(2)) {
                (Some(Step::Index(_)), Some(Step::Field(field))) if field == "output" => {
                    self.output_field(task, &steps[3..], place);
                }
                (Some(Step::Index(_)), Some(Step::Field(field))) if field == "artifacts" => {
                    self.artifact(task, &steps[3..], place);
                }
                (Some(Step::Index(_)), Some(Step::Field(field))) => self.plain_field(task, field, place),
                (Some(Step::Field(field)), _) => {
                    let message = format!("`tasks.{name}.items` is a list, one member for each item");
                    let hint = self
                        .item_of_key(task, ("items", field))
                        .unwrap_or_else(|| format!("write `tasks.{name}.items[0].{field}`"));
                    self.report.refuse_hint(codes::FIELD_UNKNOWN, place, message, hint);
                }
                (Some(Step::Index(_)), Some(Step::Index(_)) | None) | (None, _) => {}
            },
            field => self.plain_field(task, field, place),
        }
    }

    /// Checks what is read of the artifacts of a task; those of a `for_each` belong to its items.
    fn artifact(&mut self, task: &'o Task, steps: &[Step], place: Place) {
        let Some(Step::Field(name)) = steps.first() else { return };
        let kept: Vec<&str> = match &task.verb {
            Some(Verb::Run(run)) => run.artifacts.iter().map(|(name, _)| name.as_str()).collect(),
            Some(
                Verb::Set(_)
                | Verb::Switch(_)
                | Verb::Fail(_)
                | Verb::Wait(_)
                | Verb::Await(_)
                | Verb::Block(_)
                | Verb::Call(_)
                | Verb::Use(_),
            ) => Vec::new(),
            None => return,
        };
        if kept.contains(&name.as_str()) {
            return self.file_field(&format!("the artifact `{name}`"), steps.get(1), place);
        }
        let message = format!("the task `{}` keeps no artifact `{name}`", task.name.value);
        self.report.refuse_word(codes::FIELD_UNKNOWN, place, message, (name, kept.into_iter()));
    }

    /// Checks what is read of a file.
    fn file_field(&mut self, what: &str, step: Option<&Step>, place: Place) {
        match step {
            None => {}
            Some(Step::Field(field)) if FileValue::FIELDS.contains(&field.as_str()) => {}
            Some(Step::Field(field)) => {
                let message = format!("{what} is a file, which has no field `{field}`");
                let words = FileValue::FIELDS.into_iter();
                self.report.refuse_word(codes::FIELD_UNKNOWN, place, message, (field, words));
            }
            Some(Step::Index(_)) => {
                self.report.refuse(codes::FIELD_UNKNOWN, place, format!("{what} is a file, not a list"));
            }
        }
    }

    fn plain_field(&mut self, task: &Task, field: &str, place: Place) {
        if roots::TASK_FIELDS.contains(&field) {
            return;
        }
        let name = &task.name.value;
        let message = if field == "items" {
            format!("`tasks.{name}` has no items, it has no `for_each`")
        } else {
            format!("a task has no field `{field}`")
        };
        if let Some(Verb::Block(scope)) = &task.verb
            && scope.tasks.iter().any(|inner| inner.name.value == field)
        {
            let hint =
                format!("`{field}` is inside the block `{name}`, which must give it out by its `outputs`");
            self.report.refuse_hint(codes::FIELD_UNKNOWN, place, message, hint);
            return;
        }
        let near = self.report.nearest(field, roots::TASK_FIELDS.iter().copied());
        let near = near.map_or_else(|| format!("output.{field}"), str::to_owned);
        let hint = format!("did you mean `tasks.{name}.{near}`?");
        self.report.refuse_hint(codes::FIELD_UNKNOWN, place, message, hint);
    }

    fn output_field(&mut self, task: &'o Task, steps: &[Step], place: Place) {
        let Some(Step::Field(field)) = steps.first() else { return };
        let name = &task.name.value;
        if let TaskOutputs::Declared(fields) = &task.outputs
            && fields.iter().any(|own| own.name.as_str() == field && own.schema.kind == Type::File)
        {
            return self.file_field(&format!("the output `{field}`"), steps.get(1), place);
        }
        match known_output(task, self.others) {
            Known::Open => {}
            Known::Fields(fields) if fields.contains(&field.as_str()) => {}
            Known::Fields(fields) => {
                let message = format!("the task `{name}` gives no output `{field}`");
                if field == "stdout" && matches!(task.outputs, TaskOutputs::Declared(_)) {
                    let hint = "declared `outputs` take its place: write the value to `$MYRMEX_OUTPUT`";
                    self.report.refuse_hint(codes::FIELD_UNKNOWN, place, message, hint);
                    return;
                }
                self.report.refuse_word(codes::FIELD_UNKNOWN, place, message, (field, fields.into_iter()));
            }
            Known::Nothing => {
                let message = format!("the task `{name}` gives no output");
                self.report.refuse(codes::FIELD_UNKNOWN, place, message);
            }
        }
    }
}

/// Returns whether `steps` read the output of the task at `index`, of which the current one asks that it did not succeed. A
/// `for_each` that failed gives a list all the same.
fn is_empty(frame: &Frame<'_>, index: u32, steps: &[Step]) -> bool {
    let is_output = matches!(steps.first(), Some(Step::Field(field)) if field == "output");
    let link = frame.current.and_then(|current| frame.links.get(&(index, current, (false, false))));
    let can_give = |link: &Link| link.on.contains(Outcome::Succeeded) || link.on.contains(Outcome::Started);
    is_output && frame.scope.tasks[index as usize].each.is_none() && link.is_some_and(|link| !can_give(link))
}

/// Returns why the task at `index` cannot have finished when the one at `current` begins, if that can be proved.
fn early(frame: &Frame<'_>, (index, current): (u32, u32), name: &str, is_innermost: bool) -> Option<String> {
    if index == current {
        return Some(if is_innermost {
            format!("the task `{name}` cannot have finished when it begins itself")
        } else {
            format!("the block `{name}` cannot have finished while a task inside it begins")
        });
    }
    // A later task of a flow can have run before if it, or one after it, jumps back to here or further.
    let is_later = frame.scope.kind == ScopeKind::Flow && index > current;
    let leads_back =
        frame.scope.rounds.is_some() || frame.back_to.get(index as usize).is_some_and(|to| *to <= current);
    (is_later && !leads_back)
        .then(|| format!("the task `{name}` comes later in this `do:` list and cannot have finished"))
}

/// Returns what is known of the output of a task.
fn known_output<'o>(task: &'o Task, others: &Others<'o>) -> Known<'o> {
    let fields = |names: Option<Vec<_>>| names.map_or(Known::Open, Known::Fields);
    match (&task.outputs, &task.verb) {
        (TaskOutputs::Declared(declared), _) => {
            Known::Fields(declared.iter().map(|field| field.name.as_str()).collect())
        }
        (TaskOutputs::Computed(data), _) | (TaskOutputs::None, Some(Verb::Set(data))) => {
            fields(data.field_names())
        }
        (TaskOutputs::None, Some(Verb::Call(call))) if call.is_detached => Known::Nothing,
        (TaskOutputs::None, Some(Verb::Call(call))) => match others.workflow(&call.name.value) {
            Some(workflow) => {
                workflow.outputs.as_ref().map_or(Known::Nothing, |data| fields(data.field_names()))
            }
            None => Known::Open,
        },
        (TaskOutputs::Last, Some(Verb::Use(used))) => known_action(used, others),
        (TaskOutputs::None, Some(Verb::Await(body))) => match &body.kind {
            AwaitKind::Signal(_) => Known::Open,
            // Whoever did the work may say more.
            AwaitKind::Manual if body.fields.is_empty() => Known::Open,
            AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Gate(_) => {
                let own = body.fields.iter().map(|own| own.input.name.as_str());
                Known::Fields(own.chain(ANSWER_FIELDS).collect())
            }
        },
        (TaskOutputs::Last, _) | (TaskOutputs::None, Some(Verb::Run(_) | Verb::Use(_)) | None) => Known::Open,
        (TaskOutputs::None, Some(Verb::Switch(_) | Verb::Fail(_) | Verb::Wait(_) | Verb::Block(_))) => {
            Known::Nothing
        }
    }
}

/// Returns what is known of the output of an action. One that uses another is not followed: they may go round.
fn known_action<'o>(used: &Use, others: &Others<'o>) -> Known<'o> {
    let action = others.library(&used.library).and_then(|library| library.action(&used.action));
    match action.map(|action| &action.task) {
        Some(task) if task.each.is_none() && !matches!(task.verb, Some(Verb::Use(_))) => {
            known_output(task, others)
        }
        Some(_) | None => Known::Open,
    }
}
