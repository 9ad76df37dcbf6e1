//! Evaluation: a walk over the tree of an expression, with compiled expressions kept by source.

use std::ops::Range;
use std::sync::Arc;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{ErrorKind, Value};
use myrmex_model::template::{Expr, ExprLang, Part, Template};
use myrmex_model::value::{VALUE_BYTES_MAX, Value as Json, to_text};

use crate::compiled::{Cache, Compiled};
use crate::convert::{self, Depth, Failure, charge, type_name};
use crate::error::{ExprError, ExprErrorKind, ResultLimit};
use crate::inspect::Reference;
use crate::jq::{JqAnswer, JqDirect, JqJob, JqRunner, Program};
use crate::limits::{Fuel, Limits, Tank};
use crate::operators;
use crate::tree::{Arguments, Kind, Node};

/// The most bytes of an operand that a message quotes.
const OPERAND_BYTES_MAX: usize = 60;

/// Answers what a reference stands for; none if it has no value.
pub type Resolve<'a> = dyn FnMut(&Reference) -> Option<Json> + 'a;

/// Computes the values of expressions and keeps them in compiled form.
///
/// Not shared: each thread has its own. What it keeps is bounded.
#[derive(Debug)]
pub struct Evaluator {
    cache: Cache,
    /// What runs jq programs.
    runner: Box<dyn JqRunner>,
    limits: Limits,
    /// The memory of the last evaluation for what it read; empty.
    read: Vec<Option<Value>>,
}

impl Default for Evaluator {
    fn default() -> Self {
        Self::with_jq(Box::new(JqDirect))
    }
}

impl Evaluator {
    /// Builds an evaluator that keeps nothing yet.
    ///
    /// jq programs run where the evaluation happens, without a deadline.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds an evaluator whose jq programs are run by `runner`.
    pub fn with_jq(runner: Box<dyn JqRunner>) -> Self {
        Self { cache: Cache::default(), runner, limits: Limits::default(), read: Vec::new() }
    }

    /// Sets the limits of each evaluation.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits: limits.bounded(), ..self }
    }

    /// Computes the value of `expr`.
    ///
    /// `resolve` is asked at most once for each path, when it is first needed; where one path begins another, for
    /// the shorter. The result is as deep as [`Limits`] allow, and at most [`VALUE_BYTES_MAX`] long. Needs a stack of
    /// [`crate::STACK_BYTES`].
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the expression, or why it has no value. A missing value is an error that names it.
    pub fn value(&mut self, expr: &Expr, resolve: &mut Resolve<'_>) -> Result<Json, ExprError> {
        let compiled = self.compiled(expr)?;
        let (limits, depth) = (self.limits, Depth::new(self.limits.depth));
        let whole = |failure| Problem::new(&compiled.root, &compiled, limits, failure).of(&compiled);
        if let Some(read) = compiled.lone_read() {
            // The value passes through as it is: it need not be taken in and given out again.
            let json = resolve(read).ok_or_else(|| whole(Failure::Missing))?;
            convert::check(&json, depth).map_err(whole)?;
            return Ok(json);
        }
        let value = self.walk(&compiled, resolve)?;
        convert::write(&value, depth).map_err(whole)
    }

    /// Computes a condition.
    ///
    /// # Errors
    ///
    /// Returns what [`Evaluator::value`] returns, and an error if the value is not a boolean: text and numbers are
    /// neither true nor false, though `and`, `or`, `not` and `if` inside an expression take them as Jinja does.
    pub fn condition(&mut self, expr: &Expr, resolve: &mut Resolve<'_>) -> Result<bool, ExprError> {
        let compiled = self.compiled(expr)?;
        let value = self.walk(&compiled, resolve)?;
        if value.kind() == ValueKind::Bool {
            return Ok(value.is_true());
        }
        let kind = ExprErrorKind::NotBoolean { found: type_name(&value) };
        Err(Problem { span: compiled.root.span.clone(), kind }.of(&compiled))
    }

    /// Computes what `compiled` stands for.
    fn walk(&mut self, compiled: &Compiled, resolve: &mut Resolve<'_>) -> Result<Value, ExprError> {
        let mut read = std::mem::take(&mut self.read);
        read.resize(compiled.reads.len(), None);
        let (limits, tank) = (self.limits, Tank::new(self.limits.fuel));
        let mut walk = Walk { compiled, runner: &mut *self.runner, resolve, read, limits, tank };
        let value = walk.defined(&compiled.root).map_err(|problem| problem.of(compiled));
        self.read = walk.read;
        self.read.clear();
        value
    }

    /// Computes data with expressions in it: literals are copied, text with holes gives a string.
    ///
    /// # Errors
    ///
    /// Returns the first expression, in the author's order, that has no value.
    pub fn render(&mut self, template: &Template, resolve: &mut Resolve<'_>) -> Result<Json, ExprError> {
        Ok(match template {
            Template::Literal(value) => value.clone(),
            Template::Expr(expr) => self.value(expr, resolve)?,
            Template::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(literal) => text.push_str(literal),
                        Part::Hole(expr) => {
                            text.push_str(&to_text(&self.value(expr, resolve)?));
                            if text.len() > VALUE_BYTES_MAX {
                                return Err(too_long(expr));
                            }
                        }
                    }
                }
                Json::String(text)
            }
            Template::List(items) => {
                Json::Array(items.iter().map(|item| self.render(item, resolve)).collect::<Result<_, _>>()?)
            }
            Template::Map(fields) => {
                let fields =
                    fields.iter().map(|(key, field)| Ok((key.clone(), self.render(field, resolve)?)));
                Json::Object(fields.collect::<Result<_, ExprError>>()?)
            }
        })
    }

    fn compiled(&mut self, expr: &Expr) -> Result<Arc<Compiled>, ExprError> {
        match expr.lang {
            ExprLang::Jinja => {}
        }
        self.cache.get(&expr.source)
    }
}

fn too_long(expr: &Expr) -> ExprError {
    let kind = ExprErrorKind::Limit(ResultLimit::Bytes);
    ExprError { expression: expr.source.clone(), span: 0..expr.source.len(), kind }
}

/// What is wrong, and where.
struct Problem {
    span: Range<usize>,
    kind: ExprErrorKind,
}

impl Problem {
    /// Says that `node` failed.
    fn new(node: &Node, compiled: &Compiled, limits: Limits, failure: Failure) -> Self {
        let kind = match failure {
            Failure::Fuel => ExprErrorKind::Fuel { fuel_max: limits.fuel },
            Failure::Limit(limit) => ExprErrorKind::Limit(limit),
            Failure::Missing => ExprErrorKind::Missing { path: quoted(node, compiled) },
            Failure::Reason(reason) => ExprErrorKind::Operation(reason),
        };
        Self { span: node.span.clone(), kind }
    }

    /// Says it of the expression as a whole.
    fn of(self, compiled: &Compiled) -> ExprError {
        ExprError { expression: compiled.source.clone(), span: self.span, kind: self.kind }
    }
}

/// Returns the source of `node`, cut if it is long.
fn quoted(node: &Node, compiled: &Compiled) -> String {
    let text = compiled.source.get(node.span.clone()).unwrap_or(&compiled.source);
    if text.len() <= OPERAND_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(OPERAND_BYTES_MAX)])
}

/// One evaluation.
struct Walk<'c, 'r, 'f> {
    compiled: &'c Compiled,
    runner: &'c mut dyn JqRunner,
    resolve: &'r mut Resolve<'f>,
    /// The values of [`Compiled::reads`] that were asked for; undefined if there is none.
    read: Vec<Option<Value>>,
    limits: Limits,
    /// Holds the fuel, and what filters need.
    tank: Tank,
}

type Stepped<T> = Result<T, Problem>;

impl Walk<'_, '_, '_> {
    fn failed(&self, node: &Node, failure: impl Into<Failure>) -> Problem {
        Problem::new(node, self.compiled, self.limits, failure.into())
    }

    /// Computes `node`, which must have a value.
    fn defined(&mut self, node: &Node) -> Stepped<Value> {
        let value = self.value(node)?;
        if value.is_undefined() { Err(self.failed(node, Failure::Missing)) } else { Ok(value) }
    }

    fn is_true(&mut self, node: &Node) -> Stepped<bool> {
        self.defined(node).map(|value| value.is_true())
    }

    fn defined_all(&mut self, nodes: &[Node]) -> Stepped<Vec<Value>> {
        nodes.iter().map(|node| self.defined(node)).collect()
    }

    /// Computes `node`; undefined if it has no value.
    fn value(&mut self, node: &Node) -> Stepped<Value> {
        self.tank.burn(1).map_err(|failure| self.failed(node, failure))?;
        match &node.kind {
            Kind::Constant(value) => Ok(value.clone()),
            Kind::Reference(place) => self.reference(node, *place),
            Kind::Item { base, key } => {
                let (base, key) = (self.defined(base)?, self.defined(key)?);
                base.get_item(&key).map_err(|error| self.failed(node, error))
            }
            Kind::Slice { base, bounds } => self.slice(node, base, bounds),
            Kind::Not(operand) => Ok(Value::from(!self.is_true(operand)?)),
            Kind::Negate(operand) => {
                let value = self.defined(operand)?;
                operators::negated(&value).map_err(|failure| self.failed(node, failure))
            }
            Kind::And(left, right) => {
                let value = self.defined(left)?;
                if value.is_true() { self.value(right) } else { Ok(value) }
            }
            Kind::Or(left, right) => {
                let value = self.defined(left)?;
                if value.is_true() { Ok(value) } else { self.value(right) }
            }
            Kind::Arithmetic { operator, left, right } => {
                let (a, b) = (self.defined(left)?, self.defined(right)?);
                operators::arithmetic(&self.tank, *operator, &a, &b).map_err(|failure| {
                    self.operands(node, (left, &a), operator.as_str(), (right, &b), failure)
                })
            }
            Kind::Compare { first, rest } => self.compare(node, first, rest),
            Kind::If { test, then, otherwise } => match (self.is_true(test)?, otherwise) {
                (true, _) => self.value(then),
                (false, Some(otherwise)) => self.value(otherwise),
                (false, None) => Ok(Value::UNDEFINED),
            },
            Kind::Filter { name, arguments } => self.filter(node, name, arguments),
            Kind::Jq { input, program } => {
                let value = self.defined(input)?;
                self.jq(program, &value).map_err(|failure| match failure {
                    Failure::Reason(reason) => self.failed(node, Failure::Reason(format!("`jq`: {reason}"))),
                    Failure::Fuel | Failure::Limit(_) | Failure::Missing => self.failed(node, failure),
                })
            }
            Kind::Test { name, arguments } => self.test(node, name, arguments),
            Kind::Call { function, arguments } => {
                let arguments = self.arguments(arguments)?;
                let result = self.tank.state().and_then(|state| {
                    let callee = state.lookup(function);
                    callee
                        .ok_or_else(|| ErrorKind::UndefinedError.into())
                        .and_then(|own| own.call(state, &arguments))
                });
                self.paid(node, result.map_err(|error| self.called(node, function, error))?)
            }
            Kind::List(items) => self.defined_all(items).map(Value::from),
            Kind::Map(fields) => self.map(fields),
        }
    }

    /// Runs a jq program; undefined if it has no output.
    fn jq(&mut self, program: &Arc<Program>, value: &Value) -> Result<Value, Failure> {
        let input = convert::write_paid(&self.tank, value)?;
        let answer = self.runner.run(JqJob::new(Arc::clone(program), input, self.tank.left()));
        let JqAnswer { outcome, spent } = answer.map_err(|trouble| Failure::Reason(trouble.to_string()))?;
        let output = outcome?;
        if spent > 0 {
            self.tank.burn(spent)?;
        }
        match output {
            Some(json) => convert::read(&self.tank, json, Depth::default()),
            None => Ok(Value::UNDEFINED),
        }
    }

    fn reference(&mut self, node: &Node, place: usize) -> Stepped<Value> {
        let (slot, rest) = &self.compiled.slots[place];
        if self.read[*slot].is_none() {
            let value = match (self.resolve)(&self.compiled.reads[*slot]) {
                Some(json) => convert::read(&self.tank, json, Depth::new(self.limits.depth))
                    .map_err(|failure| self.failed(node, failure))?,
                None => Value::UNDEFINED,
            };
            self.read[*slot] = Some(value);
        }
        let mut value = self.read[*slot].clone().unwrap_or_default();
        for key in rest {
            if value.is_undefined() {
                break;
            }
            value = value.get_item(key).map_err(|error| self.failed(node, error))?;
        }
        Ok(value)
    }

    fn slice(&mut self, node: &Node, base: &Node, bounds: &[Option<Box<Node>>; 3]) -> Stepped<Value> {
        let base = self.defined(base)?;
        let mut bound = |node: &Option<Box<Node>>| node.as_ref().map(|node| self.defined(node)).transpose();
        let bounds = [bound(&bounds[0])?, bound(&bounds[1])?, bound(&bounds[2])?];
        operators::sliced(&self.tank, &base, bounds.each_ref().map(Option::as_ref))
            .map_err(|failure| self.failed(node, failure))
    }

    fn compare(
        &mut self,
        node: &Node,
        first: &Node,
        rest: &[(crate::tree::Comparison, Node)],
    ) -> Stepped<Value> {
        let (mut left_node, mut left) = (first, self.defined(first)?);
        for (comparison, right_node) in rest {
            let right = self.defined(right_node)?;
            let holds = operators::compared(&self.tank, *comparison, &left, &right);
            let sides = ((left_node, &left), (right_node, &right));
            if !holds
                .map_err(|failure| self.operands(node, sides.0, comparison.as_str(), sides.1, failure))?
            {
                return Ok(Value::from(false));
            }
            (left_node, left) = (right_node, right);
        }
        Ok(Value::from(true))
    }

    fn map(&mut self, fields: &[(Node, Node)]) -> Stepped<Value> {
        let mut pairs = Vec::with_capacity(fields.len());
        for (key_node, field) in fields {
            let key = self.defined(key_node)?;
            if key.as_str().is_none() {
                return Err(self.failed(key_node, convert::key_failure(&key)));
            }
            pairs.push((key, self.defined(field)?));
        }
        Ok(Value::from_pairs(pairs))
    }

    fn filter(&mut self, node: &Node, name: &str, arguments: &Arguments) -> Stepped<Value> {
        let values = if matches!(name, "default" | "d") {
            let value = self.value(&arguments.by_place[0])?;
            // What stands in is not computed where nothing is missing; with a second argument, what is false counts
            // as missing too.
            if !value.is_undefined() && arguments.by_place.len() < 3 && arguments.by_name.is_empty() {
                return Ok(value);
            }
            self.with_first(value, arguments)?
        } else {
            self.arguments(arguments)?
        };
        let length = values[0].as_str().map_or(0, str::len);
        charge(&self.tank, length).map_err(|failure| self.failed(node, failure))?;
        let result = self.tank.state().and_then(|state| state.apply_filter(name, &values));
        self.paid(node, result.map_err(|error| self.called(node, name, error))?)
    }

    /// Pays for what a filter or function made.
    fn paid(&self, node: &Node, result: Value) -> Stepped<Value> {
        let length = result.as_str().map_or_else(|| result.len().unwrap_or(0) * size_of::<Value>(), str::len);
        charge(&self.tank, length).map_err(|failure| self.failed(node, failure))?;
        Ok(result)
    }

    fn test(&mut self, node: &Node, name: &str, arguments: &Arguments) -> Stepped<Value> {
        let values = if matches!(name, "defined" | "undefined") {
            let value = self.value(&arguments.by_place[0])?;
            self.with_first(value, arguments)?
        } else {
            self.arguments(arguments)?
        };
        let holds = self.tank.state().and_then(|state| state.perform_test(name, &values));
        Ok(Value::from(holds.map_err(|error| self.called(node, name, error))?))
    }

    fn arguments(&mut self, arguments: &Arguments) -> Stepped<Vec<Value>> {
        let values = self.defined_all(&arguments.by_place)?;
        self.with_names(values, arguments)
    }

    fn with_first(&mut self, first: Value, arguments: &Arguments) -> Stepped<Vec<Value>> {
        let mut values = vec![first];
        for argument in &arguments.by_place[1..] {
            values.push(self.defined(argument)?);
        }
        self.with_names(values, arguments)
    }

    fn with_names(&mut self, mut values: Vec<Value>, arguments: &Arguments) -> Stepped<Vec<Value>> {
        if !arguments.by_name.is_empty() {
            let named = arguments.by_name.iter().map(|(name, node)| Ok((name.clone(), self.defined(node)?)));
            values.push(named.collect::<Stepped<Kwargs>>()?.into());
        }
        Ok(values)
    }

    /// Says that the filter, test or function `name` failed.
    fn called(&self, node: &Node, name: &str, error: minijinja::Error) -> Problem {
        self.failed(
            node,
            match Failure::from(error) {
                Failure::Reason(reason) if !reason.contains(&format!("`{name}`")) => {
                    Failure::Reason(format!("`{name}`: {reason}"))
                }
                other @ (Failure::Reason(_) | Failure::Fuel | Failure::Limit(_) | Failure::Missing) => other,
            },
        )
    }

    /// Says what stood on either side of an operator that failed.
    fn operands(
        &self,
        node: &Node,
        left: (&Node, &Value),
        operator: &str,
        right: (&Node, &Value),
        failure: Failure,
    ) -> Problem {
        let shown = |(node, value): (&Node, &Value)| {
            format!("`{}` ({})", quoted(node, self.compiled), type_name(value))
        };
        self.failed(
            node,
            match failure {
                Failure::Reason(reason) => {
                    Failure::Reason(format!("{} {operator} {}: {reason}", shown(left), shown(right)))
                }
                Failure::Fuel | Failure::Limit(_) | Failure::Missing => failure,
            },
        )
    }
}
