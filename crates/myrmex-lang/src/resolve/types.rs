//! Finds values whose type is known and cannot be right: only what is certain before the run is reported.

use myrmex_expr::Step;
use myrmex_model::schema::Type;
use myrmex_model::template::Template;

use super::Resolver;
use crate::codes;
use crate::outline::{Condition, Data, Read, Task, TaskOutputs};

/// Operators of comparisons; those of two characters first.
const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

/// What `for_each` goes over.
pub(super) const ITEMS: (&[Type], &str) =
    (&[Type::Array, Type::Object, Type::Integer, Type::Number], "a list, a map or a count");

/// What `wait` waits for.
pub(super) const LENGTH: (&[Type], &str) = (&[Type::Duration, Type::String], "a duration");

/// What `wait` waits until.
pub(super) const INSTANT: (&[Type], &str) = (&[Type::Date, Type::String], "a time");

impl<'o> Resolver<'o, '_> {
    /// Reports data that is a single reference of a type not among those that will do.
    pub(super) fn expect_type(&mut self, what: &str, data: &'o Data, (kinds, word): (&[Type], &str)) {
        let Template::Expr(expr) = &data.template else { return };
        let Some((read, kind)) = self.known_type(&expr.source, &data.reads) else { return };
        if !kinds.contains(&kind) {
            let message = format!("{what} must be {word}, `{}` is of type `{}`", expr.source, kind.as_str());
            self.report.refuse(codes::TYPE_CLASH, read.place, message);
        }
    }

    /// Reports a condition that is no boolean, or compares values of different types.
    pub(super) fn condition(&mut self, condition: &'o Condition) {
        self.reads(&condition.reads);
        let source = condition.expr.source.trim();
        if let Some((read, kind)) = self.known_type(source, &condition.reads) {
            if kind != Type::Boolean {
                let message =
                    format!("a condition must be true or false, `{source}` is of type `{}`", kind.as_str());
                self.report.refuse_hint(codes::TYPE_CLASH, read.place, message, "compare it with something");
            }
            return;
        }
        let Some((path, literal)) = comparison(source) else { return };
        let Some((read, kind)) = self.known_type(path, &condition.reads) else { return };
        if !literal.fits(kind) {
            let (kind, word) = (kind.as_str(), literal.word());
            let message = format!("`{path}` is of type `{kind}`, but it is compared with {word}");
            self.report.refuse(codes::TYPE_CLASH, read.place, message);
        }
    }

    /// Returns the type of an expression that is one reference and nothing else, if it is known and not any.
    pub(super) fn known_type(&self, source: &str, reads: &'o [Read]) -> Option<(&'o Read, Type)> {
        let [read] = reads else { return None };
        let mut path = read.root.clone();
        for step in &read.steps {
            let Step::Field(name) = step else { return None };
            path = format!("{path}.{name}");
        }
        let names: Vec<&str> = read
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                Step::Index(_) => None,
            })
            .collect();
        if path != source.trim() {
            return None;
        }
        let kind = match (read.root.as_str(), names.as_slice()) {
            ("inputs", [name, rest @ ..]) => {
                let input = self.inputs.get(name)?;
                member_type(input.declaration.input.schema.kind, rest)
            }
            ("tasks", [task, "output", rest @ ..]) => self.output_type(task, rest),
            ("tasks", [task, "artifacts", _, rest @ ..]) => {
                self.nearest_task(task).filter(|task| task.each.is_none())?;
                member_type(Type::File, rest)
            }
            _ => None,
        }?;
        (kind != Type::Any).then_some((read, kind))
    }

    fn nearest_task(&self, name: &str) -> Option<&'o Task> {
        let frame = self.frames.iter().rev().find(|frame| frame.names.contains_key(name))?;
        Some(&frame.scope.tasks[frame.names[name] as usize])
    }

    fn output_type(&self, name: &str, rest: &[&str]) -> Option<Type> {
        let task = self.nearest_task(name)?;
        match (&task.outputs, rest) {
            (_, []) if task.each.is_some() => Some(Type::Array),
            (TaskOutputs::Declared(_), []) => Some(Type::Object),
            (TaskOutputs::Declared(fields), [field, rest @ ..]) if task.each.is_none() => {
                let field = fields.iter().find(|own| own.name.as_str() == *field)?;
                member_type(field.schema.kind, rest)
            }
            (
                TaskOutputs::None | TaskOutputs::Declared(_) | TaskOutputs::Computed(_) | TaskOutputs::Last,
                _,
            ) => None,
        }
    }
}

/// Returns the type of what `rest` leads to in a value of type `kind`; of the types only files have members that are known.
fn member_type(kind: Type, rest: &[&str]) -> Option<Type> {
    match (kind, rest) {
        (kind, []) => Some(kind),
        (Type::File, ["name" | "hash"]) => Some(Type::String),
        (Type::File, ["size"]) => Some(Type::Integer),
        _ => None,
    }
}

/// Returns whether a value of type `given` can be one of type `wanted`.
pub(super) fn can_be(given: Type, wanted: Type) -> bool {
    let is_text = |kind| matches!(kind, Type::String | Type::Duration | Type::Date);
    let is_number = |kind| matches!(kind, Type::Integer | Type::Number);
    given == wanted
        || given == Type::Any
        || wanted == Type::Any
        || is_text(given) && is_text(wanted)
        || is_number(given) && is_number(wanted)
        // A file value is an object, and an object may be one.
        || matches!((given, wanted), (Type::File, Type::Object) | (Type::Object, Type::File))
}

/// A value that stands in an expression as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Literal {
    Text,
    Number,
    Boolean,
}

impl Literal {
    fn of(source: &str) -> Option<Self> {
        let quoted = |quote: char| {
            let inner = source.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            inner.is_some_and(|inner| !inner.contains(quote) && !inner.contains('\\'))
        };
        if quoted('\'') || quoted('"') {
            Some(Self::Text)
        } else if matches!(source, "true" | "false") {
            Some(Self::Boolean)
        } else {
            source.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| Self::Number)
        }
    }

    fn fits(self, kind: Type) -> bool {
        match self {
            Self::Text => can_be(kind, Type::String),
            Self::Number => can_be(kind, Type::Number),
            Self::Boolean => can_be(kind, Type::Boolean),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
        }
    }
}

/// Takes apart `PATH OPERATOR LITERAL`; anything else is left to the run.
fn comparison(source: &str) -> Option<(&str, Literal)> {
    let at = source.find(['=', '!', '<', '>'])?;
    let operator = COMPARISONS.iter().find(|operator| source[at..].starts_with(**operator))?;
    let (path, literal) = (source[..at].trim(), source[at + operator.len()..].trim());
    Literal::of(literal).map(|literal| (path, literal))
}
