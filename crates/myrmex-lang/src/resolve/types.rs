//! Finds values whose type is known and cannot be right: only what is certain before the run is reported.
//!
//! What is known of a name is said here: the schemas of inputs, the declared outputs of tasks, what a `set` gives, and what
//! the names of the language hold. `myrmex-expr` finds what expressions make of that.

use myrmex_expr::{Clash, Reference, Shape, Step, Stray, infer};
use myrmex_model::schema::{Schema, Type};
use myrmex_model::status::Status;
use myrmex_model::template::Template;

use super::{Frame, Resolver};
use crate::codes;
use crate::outline::{Condition, Data, Hole, Task, TaskOutputs, Verb};
use crate::read::foreign::instead_of_word;
use crate::tree::Place;

/// What something must be, and how messages say that.
pub(super) type Wanted = ([Shape; 3], &'static str);

/// What `for_each` goes over.
pub(super) const ITEMS: Wanted =
    ([Shape::LIST, Shape::MAP, Shape::INTEGER], "a list, a map, a count or a file");

/// What `wait` waits for.
pub(super) const LENGTH: Wanted = ([Shape::STRING, Shape::STRING, Shape::STRING], "a duration");

/// What `wait` waits until.
pub(super) const INSTANT: Wanted = ([Shape::STRING, Shape::STRING, Shape::STRING], "a time");

/// The expressions of data that were not looked at yet.
type Holes<'h> = std::slice::Iter<'h, Hole>;

impl<'o> Resolver<'o, '_> {
    /// Reports data that is one expression of a type not among those that will do.
    pub(super) fn expect_type(&mut self, what: &str, (data, found): (&Data, &Shape), (kinds, word): &Wanted) {
        let (Template::Expr(expr), Some(hole)) = (&data.template, data.reads.holes.first()) else { return };
        // A file is a map, but stands for its lines or for nothing.
        let is_unfit_file = *found == file() && *word != ITEMS.1;
        if is_unfit_file || !kinds.iter().any(|kind| kind.meets(found)) {
            let found_word = word_of(found);
            let message = format!("{what} must be {word}, `{}` is of type {found_word}", expr.source.trim());
            let is_text = *word == ITEMS.1 && *found == Shape::STRING.presumed();
            let hint = is_text.then(|| format!("`{} | lines` are its lines", expr.source.trim()));
            self.clash(found.is_presumed(), hole.place, message, hint);
        }
    }

    /// Reports what cannot be right, as a warning if it rests on what is presumed.
    fn clash(&mut self, is_presumed: bool, place: Place, message: String, hint: Option<String>) {
        let mut diagnostic = if is_presumed {
            self.report.warning(codes::PRINTED_CLASH, place, message)
        } else {
            self.report.error(codes::TYPE_CLASH, place, message)
        };
        diagnostic.hint = hint;
        self.report.push(diagnostic);
    }

    /// Reports a condition that is no boolean, and what cannot work in it.
    pub(super) fn condition(&mut self, condition: &'o Condition) {
        self.reads(&condition.reads);
        let Some(hole) = condition.reads.holes.first() else { return };
        let found = self.infer(hole);
        if !found.meets(&Shape::BOOLEAN) {
            let source = condition.expr.source.trim();
            let word = word_of(&found);
            let message = format!("a condition must be true or false, `{source}` is of type {word}");
            let hint = Some("compare it with something".to_owned());
            self.clash(found.is_presumed(), hole.place, message, hint);
        }
    }

    /// Returns what is known of data, and reports what cannot work in it.
    pub(super) fn shape(&mut self, data: &Data) -> Shape {
        // Its template is a list of parts, but its value is a text.
        if data.is_secret {
            return Shape::STRING;
        }
        self.shape_of_template(&data.template, &mut data.reads.holes.iter())
    }

    fn shape_of_template(&mut self, template: &Template, holes: &mut Holes<'_>) -> Shape {
        match template {
            Template::Literal(value) => Shape::of_value(value),
            Template::Expr(_) => holes.next().map_or(Shape::ANY, |hole| self.infer(hole)),
            Template::Text(parts) => {
                let count =
                    parts.iter().filter(|part| matches!(part, myrmex_model::template::Part::Hole(_))).count();
                for hole in holes.take(count) {
                    self.infer(hole);
                }
                Shape::STRING
            }
            Template::List(items) => {
                let items: Vec<Shape> =
                    items.iter().map(|item| self.shape_of_template(item, holes)).collect();
                Shape::list_of(Shape::one_of(items.into_iter()))
            }
            Template::Map(fields) => {
                let field =
                    |(name, field): &(String, Template)| (name.clone(), self.shape_of_template(field, holes));
                Shape::map_of(fields.iter().map(field).collect())
            }
        }
    }

    /// Reports fields of a `set` that cannot be what its declared outputs say. Literals were checked when they were read.
    pub(super) fn declared_fit(&mut self, task: &Task, data: &Data) {
        let (TaskOutputs::Declared(declared), Template::Map(fields)) = (&task.outputs, &data.template) else {
            return;
        };
        let mut holes = data.reads.holes.iter();
        for (name, template) in fields {
            let first = holes.as_slice().first();
            let found = self.shape_of_template(template, &mut holes);
            let (Some(hole), Some(output)) = (first, declared.iter().find(|own| own.name.as_str() == name))
            else {
                continue;
            };
            let is_null = output.is_optional && found.meets(&Shape::NULL);
            if template.as_literal().is_none() && !is_null && !found.meets(&shape_of_schema(&output.schema)) {
                let kind = output.schema.kind.as_str();
                let source = match template {
                    Template::Expr(expr) => format!("`{}`", expr.source.trim()),
                    Template::Literal(_) | Template::Text(_) | Template::List(_) | Template::Map(_) => {
                        "what `set` gives".to_owned()
                    }
                };
                let message =
                    format!("the output `{name}` is declared as `{kind}`, but {source} is of type {found}");
                self.clash(found.is_presumed(), hole.place, message, None);
            }
        }
    }

    /// Returns what is known of an expression, and reports what cannot work in it.
    fn infer(&mut self, hole: &Hole) -> Shape {
        let mut processes = Vec::new();
        let inferred = infer(&hole.source, &mut |reference| {
            let shape = self.shape_of(reference);
            if shape == printed() {
                processes.push((reference.span.clone(), reference.to_string()));
            }
            shape
        });
        for Clash { span, message, hint, stray, is_presumed, is_of_texts } in inferred.clashes {
            if is_of_texts {
                let warning = self.report.warning(codes::DURATION_TEXT, hole.part(&span), message);
                self.report.push(warning.with_hint(hint.unwrap_or_default()));
                continue;
            }
            let meant = stray.and_then(|stray| self.meant(&stray));
            let whole = processes.iter().find(|(own, _)| span.start <= own.start && own.end <= span.end);
            let printed = whole.map(|(_, path)| format!("what it printed is `{path}.stdout`"));
            self.clash(is_presumed, hole.part(&span), message, hint.or(meant).or(printed));
        }
        inferred.shape
    }

    /// Says what a text was probably meant to be that is none of those possible.
    fn meant(&mut self, Stray { text, words }: &Stray) -> Option<String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ours = instead_of_word(text, &words).or_else(|| self.report.nearest(text, words.iter().copied()));
        ours.map(|ours| format!("did you mean `{ours}`?"))
    }

    /// Returns what is known of a path.
    pub(super) fn shape_of(&self, reference: &Reference) -> Shape {
        let (root, steps) = (reference.root.as_str(), reference.steps.as_slice());
        if let Some(items) = self.items.iter().rev().find(|items| items.name == root) {
            return items.item.at(steps);
        }
        match root {
            "inputs" => match steps {
                [Step::Field(name), rest @ ..] => self.shape_of_input(name).at(rest),
                [Step::Index(_), ..] | [] => Shape::ANY,
            },
            "tasks" => self.shape_of_task(steps),
            "run" if *steps == [Step::Field("status".to_owned())] => status(),
            "run" => of_fields(RUN_FIELDS, steps),
            "error" => of_fields(ERROR_FIELDS, steps),
            "index" if steps.is_empty() => Shape::INTEGER,
            "key" if steps.is_empty() => self.shape_of_key(),
            _ => Shape::ANY,
        }
    }

    fn shape_of_input(&self, name: &str) -> Shape {
        let Some(input) = self.inputs.get(name).map(|input| &input.declaration.input) else {
            return Shape::ANY;
        };
        let shape = shape_of_schema(&input.schema);
        if input.is_optional { shape.or_null() } else { shape }
    }

    fn shape_of_task(&self, steps: &[Step]) -> Shape {
        let [Step::Field(name), Step::Field(field), rest @ ..] = steps else { return Shape::ANY };
        let is_here = |frame: &&Frame<'_>| frame.names.contains_key(name.as_str());
        let Some(frame) = self.frames.iter().rev().find(is_here) else { return Shape::ANY };
        let index = frame.names[name.as_str()] as usize;
        match field.as_str() {
            "output" => frame.shapes[index].at(rest),
            "error" => of_fields(ERROR_FIELDS, rest),
            "status" if rest.is_empty() => status(),
            // The items of a `for_each` are records with the fields of a task.
            "items" => Shape::ANY,
            "artifacts" => match rest {
                [Step::Field(_), rest @ ..] if frame.scope.tasks[index].each.is_none() => file().at(rest),
                [..] => Shape::ANY,
            },
            _ => of_fields(TASK_FIELDS, steps.get(1..).unwrap_or_default()),
        }
    }
}

/// What a field holds that is always there.
type Fields = &'static [(&'static str, Shape)];

const TASK_FIELDS: Fields =
    &[("attempts", Shape::INTEGER), ("started", Shape::STRING_OR_NULL), ("finished", Shape::STRING_OR_NULL)];

const ERROR_FIELDS: Fields = &[
    ("type", Shape::STRING),
    ("status", Shape::INTEGER_OR_NULL),
    ("title", Shape::STRING_OR_NULL),
    ("detail", Shape::STRING_OR_NULL),
    ("exit_code", Shape::INTEGER_OR_NULL),
    ("task", Shape::STRING_OR_NULL),
    ("attempt", Shape::INTEGER_OR_NULL),
    ("summary", Shape::STRING_OR_NULL),
];

const RUN_FIELDS: Fields = &[
    ("id", Shape::STRING),
    ("started", Shape::STRING_OR_NULL),
    ("started_by", Shape::STRING_OR_NULL),
    ("workflow", Shape::STRING),
    ("version", Shape::STRING_OR_NULL),
    ("attempt", Shape::INTEGER),
    ("trigger", Shape::STRING_OR_NULL),
    ("errors", Shape::LIST),
];

/// Returns what is known of a path into one of the maps of the language.
fn of_fields(fields: Fields, steps: &[Step]) -> Shape {
    let [Step::Field(name), rest @ ..] = steps else { return Shape::ANY };
    fields.iter().find(|(own, _)| own == name).map_or(Shape::ANY, |(_, shape)| shape.at(rest))
}

/// Returns what the status of a task or a run is.
fn status() -> Shape {
    Shape::STRING.among(Status::ALL.into_iter().map(|status| status.as_str().into()).collect())
}

/// Returns what a value that fits `schema` is.
pub(super) fn shape_of_schema(schema: &Schema) -> Shape {
    let shape = shape_of_type(schema);
    if schema.allowed.is_empty() { shape } else { shape.among(schema.allowed.clone()) }
}

fn shape_of_type(schema: &Schema) -> Shape {
    match schema.kind {
        Type::String | Type::Date => Shape::STRING,
        Type::Duration => Shape::DURATION,
        Type::Integer => Shape::INTEGER,
        Type::Number => Shape::NUMBER,
        Type::Boolean => Shape::BOOLEAN,
        Type::Array => {
            schema.items.as_deref().map_or(Shape::LIST, |items| Shape::list_of(shape_of_schema(items)))
        }
        Type::Object => {
            let named = schema.more.as_deref().map(|more| more.properties.as_slice()).unwrap_or_default();
            Shape::map_of(named.iter().map(|(name, field)| (name.clone(), shape_of_schema(field))).collect())
        }
        Type::File => file(),
        Type::Any => Shape::one_of(schema.allowed.iter().map(Shape::of_value)),
    }
}

/// Returns what messages call it.
fn word_of(shape: &Shape) -> String {
    if *shape == file() { "`file`".to_owned() } else { shape.to_string() }
}

/// Returns what a file value is.
fn file() -> Shape {
    let fields = [("name", Shape::STRING), ("size", Shape::INTEGER), ("hash", Shape::STRING)];
    Shape::map_of(fields.map(|(name, field)| (name.to_owned(), field)).into())
}

/// Returns whether it is a file value, or null where an input was left out.
pub(super) fn is_file(shape: &Shape) -> bool {
    *shape == file() || *shape == file().or_null()
}

/// Returns what a process gives that declares nothing: what it printed, unless it writes something of its own.
fn printed() -> Shape {
    Shape::map_of(vec![("stdout".to_owned(), Shape::STRING.presumed())])
}

/// Returns what is known of the output of a task whose body gives `given`: null where it failed and that is caught.
pub(super) fn output_of(task: &Task, given: Shape) -> Shape {
    let own = match &task.outputs {
        TaskOutputs::Declared(fields) => {
            let field = |field: &myrmex_model::ir::OutputField| {
                let shape = shape_of_schema(&field.schema);
                (field.name.as_str().to_owned(), if field.is_optional { shape.or_null() } else { shape })
            };
            Shape::map_of(fields.iter().map(field).collect())
        }
        TaskOutputs::None if matches!(task.verb, Some(Verb::Run(_))) => printed(),
        TaskOutputs::Computed(_) | TaskOutputs::None => given,
        TaskOutputs::Last => Shape::ANY,
    };
    let own = if task.handlers.continues { own.or_null() } else { own };
    if task.each.is_some() { Shape::list_of(own.or_null()) } else { own }
}
