//! From source to [`Node`]: the only module that knows minijinja's unstable syntax tree (version pinned exactly).
//!
//! Paths become references here, and everything that can be refused without values is refused here: unknown filters,
//! tests, functions and methods, computed names where names must be known, numbers that JSON cannot hold.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::{Span, Token, ast, parse_expr, tokenize};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::SOURCE_BYTES_MAX;
use crate::error::{ExprError, ExprErrorKind};
use crate::inspect::{Inspection, Reference, Step};
use crate::jq::{Programs, Refused};
use crate::tree::{Arguments, Comparison, Kind, Node, Operator};
use crate::types;
use crate::vocabulary::{FILTERS, FUNCTIONS, TESTS, instead_of_method};

/// Names that stand for many things; what is read from them must be known before a run.
const STATIC_ROOTS: [&str; 3] = ["tasks", "inputs", "secrets"];

/// Those of them that are never used as a whole.
const BARE_REFUSED: [&str; 2] = ["tasks", "secrets"];

/// An expression that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) root: Node,
    pub(crate) inspection: Inspection,
}

/// Reads the expression `source`; `programs` has the jq programs that were compiled before.
pub(crate) fn parse(source: &str, programs: &mut Programs) -> Result<Parsed, ExprError> {
    let failed = |span, kind| ExprError { expression: Arc::from(source), span, kind };
    if source.len() > SOURCE_BYTES_MAX {
        return Err(failed(0..source.len(), ExprErrorKind::Long { bytes: source.len() }));
    }
    let tree = parse_expr(source).map_err(|error| {
        failed(syntax_error_span(source, &error), ExprErrorKind::Syntax(syntax_message(&error)))
    })?;
    // Where what follows a text is no token, the parser takes that for the end and is content.
    if let Some(error) = tokens(source).find_map(Result::err) {
        return Err(failed(syntax_error_span(source, &error), ExprErrorKind::Syntax(syntax_message(&error))));
    }
    let mut lowering = Lowering { source, programs, inspection: Inspection::default() };
    let root = lowering.node(&tree).map_err(|refusal| failed(refusal.span, refusal.kind))?;
    Ok(Parsed { root, inspection: lowering.inspection })
}

fn syntax_message(error: &Error) -> String {
    match error.detail() {
        Some(detail) if detail.contains("maximum recursion limits") => "brackets nest too deeply".to_owned(),
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

fn is_cut_short(error: &Error) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("unexpected end of input"))
}

/// Finds the token at fault. Errors bear no place, but every beginning of an expression that is right so far fails
/// with "unexpected end of input" or not at all, so the first token that changes this is the one.
fn syntax_error_span(source: &str, error: &Error) -> Range<usize> {
    let end = source.len()..source.len();
    if is_cut_short(error) {
        return end;
    }
    let tokens: Vec<Range<usize>> =
        tokens(source).map_while(Result::ok).map(|(_, span)| range_of(span)).collect();
    let is_right_until = |token: &Range<usize>| match parse_expr(&source[..token.end]) {
        Ok(_) => true,
        Err(error) => is_cut_short(&error),
    };
    match tokens.get(tokens.partition_point(is_right_until)) {
        Some(token) => token.clone(),
        // All tokens are right: what follows the last is not a token at all.
        None => tokens.last().map_or(0, |token| token.end)..source.len(),
    }
}

fn tokens(source: &str) -> impl Iterator<Item = Result<(Token<'_>, Span), Error>> {
    tokenize(source, true, minijinja::syntax::SyntaxConfig::default())
}

fn range_of(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// Why a tree is refused, and where.
struct Refusal {
    span: Range<usize>,
    kind: ExprErrorKind,
}

/// Walks the syntax tree and collects what the expression reads and calls.
struct Lowering<'s> {
    source: &'s str,
    programs: &'s mut Programs,
    inspection: Inspection,
}

impl Lowering<'_> {
    fn boxed(&mut self, expr: &ast::Expr<'_>) -> Result<Box<Node>, Refusal> {
        self.node(expr).map(Box::new)
    }

    fn node(&mut self, expr: &ast::Expr<'_>) -> Result<Node, Refusal> {
        let span = range_of(expr.span());
        // The spans of postfix and comparing nodes may begin a token too late or too early.
        let from = |base: &Node| base.span.start.min(span.start)..span.end;
        Ok(match expr {
            ast::Expr::Const(constant) => {
                check_number(&constant.value, &span)?;
                Node { span, kind: Kind::Constant(constant.value.clone()) }
            }
            ast::Expr::Var(_) => self.path(expr)?,
            ast::Expr::GetAttr(_) | ast::Expr::GetItem(_) if path_of(expr).is_some() => self.path(expr)?,
            ast::Expr::GetAttr(attribute) => {
                let base = self.boxed(&attribute.expr)?;
                let name = Kind::Constant(Value::from(attribute.name));
                let key = Box::new(Node { span: span.end - attribute.name.len()..span.end, kind: name });
                Node { span: from(&base), kind: Kind::Item { base, key } }
            }
            ast::Expr::GetItem(item) => {
                check_static(&item.expr, &item.subscript_expr)?;
                let (base, key) = (self.boxed(&item.expr)?, self.boxed(&item.subscript_expr)?);
                Node { span: from(&base), kind: Kind::Item { base, key } }
            }
            ast::Expr::Slice(slice) => {
                let base = self.boxed(&slice.expr)?;
                let mut bound =
                    |expr: &Option<ast::Expr<'_>>| expr.as_ref().map(|e| self.boxed(e)).transpose();
                let bounds = [bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?];
                Node { span: from(&base), kind: Kind::Slice { base, bounds } }
            }
            ast::Expr::UnaryOp(unary) => self.unary(unary, span)?,
            ast::Expr::BinOp(binary) => self.binary(binary, &span)?,
            ast::Expr::Compare(compare) => {
                let first = self.boxed(&compare.expr)?;
                let step = |step: &ast::CompareOp<'_>| Ok((comparison(step.op), self.node(&step.expr)?));
                let rest = compare.ops.iter().map(step).collect::<Result<_, _>>()?;
                Node { span: first.span.start..span.end, kind: Kind::Compare { first, rest } }
            }
            ast::Expr::IfExpr(choice) => {
                let then = self.boxed(&choice.true_expr)?;
                let test = self.boxed(&choice.test_expr)?;
                let otherwise = choice.false_expr.as_ref().map(|expr| self.boxed(expr)).transpose()?;
                Node { span: then.span.start..span.end, kind: Kind::If { test, then, otherwise } }
            }
            ast::Expr::Filter(filter) => self.filter(filter, &span)?,
            ast::Expr::Test(test) => {
                check_name(TESTS, test.name, &span, ExprErrorKind::UnknownTest)?;
                let before = self.inspection.references.len();
                let arguments = self.arguments(Some(&test.expr), &test.args, &span)?;
                if matches!(test.name, "defined" | "undefined") {
                    self.guard(before);
                }
                Node {
                    span: from(&arguments.by_place[0]),
                    kind: Kind::Test { name: test.name.to_owned(), arguments },
                }
            }
            ast::Expr::Call(call) => self.call(call, &span)?,
            ast::Expr::List(list) => Node { span, kind: Kind::List(self.nodes(&list.items)?) },
            ast::Expr::Tuple(tuple) => Node { span, kind: Kind::List(self.nodes(&tuple.items)?) },
            ast::Expr::Map(map) => {
                let pairs = map.keys.iter().zip(&map.values);
                let fields = pairs.map(|(key, value)| Ok((self.node(key)?, self.node(value)?)));
                Node { span, kind: Kind::Map(fields.collect::<Result<_, _>>()?) }
            }
        })
    }

    fn unary(&mut self, unary: &ast::UnaryOp<'_>, span: Range<usize>) -> Result<Node, Refusal> {
        let operand = self.boxed(&unary.expr)?;
        Ok(match unary.op {
            ast::UnaryOpKind::Neg => Node { span, kind: Kind::Negate(operand) },
            ast::UnaryOpKind::Not => {
                // That of `not in` and `is not` begins with its operand.
                let is_prefix = self.source[span.start..].starts_with("not");
                let start = if is_prefix { span.start } else { operand.span.start };
                Node { span: start..span.end.max(operand.span.end), kind: Kind::Not(operand) }
            }
        })
    }

    fn nodes(&mut self, items: &[ast::Expr<'_>]) -> Result<Vec<Node>, Refusal> {
        items.iter().map(|item| self.node(item)).collect()
    }

    /// Makes a reference of an expression for which [`path_of`] gives a path.
    fn path(&mut self, expr: &ast::Expr<'_>) -> Result<Node, Refusal> {
        let span = range_of(expr.span());
        let Some((root, start, steps)) = path_of(expr) else {
            return Err(Refusal { span, kind: ExprErrorKind::Syntax("expected a name".to_owned()) });
        };
        let span = start.min(span.start)..span.end;
        if steps.is_empty() && BARE_REFUSED.contains(&root) {
            return Err(Refusal { span, kind: ExprErrorKind::BareRoot { root: root.to_owned() } });
        }
        let kind = Kind::Reference(self.inspection.references.len());
        self.inspection.references.push(Reference { root: root.to_owned(), steps, span: span.clone() });
        Ok(Node { span, kind })
    }

    fn binary(&mut self, binary: &ast::BinOp<'_>, span: &Range<usize>) -> Result<Node, Refusal> {
        let (left, right) = (self.boxed(&binary.left)?, self.boxed(&binary.right)?);
        let arithmetic = |operator, left, right| Kind::Arithmetic { operator, left, right };
        let compare = |how, first, right: Box<Node>| Kind::Compare { first, rest: vec![(how, *right)] };
        let end = span.end.max(right.span.end);
        let is_comparison = |op| {
            matches!(
                op,
                ast::BinOpKind::Eq
                    | ast::BinOpKind::Ne
                    | ast::BinOpKind::Lt
                    | ast::BinOpKind::Lte
                    | ast::BinOpKind::Gt
                    | ast::BinOpKind::Gte
                    | ast::BinOpKind::In
            )
        };
        let start = if is_comparison(binary.op) { left.span.start } else { span.start.min(left.span.start) };
        let kind = match binary.op {
            ast::BinOpKind::ScAnd => Kind::And(left, right),
            ast::BinOpKind::ScOr => Kind::Or(left, right),
            ast::BinOpKind::Eq => compare(Comparison::Equal, left, right),
            ast::BinOpKind::Ne => compare(Comparison::Unequal, left, right),
            ast::BinOpKind::Lt => compare(Comparison::Less, left, right),
            ast::BinOpKind::Lte => compare(Comparison::LessOrEqual, left, right),
            ast::BinOpKind::Gt => compare(Comparison::Greater, left, right),
            ast::BinOpKind::Gte => compare(Comparison::GreaterOrEqual, left, right),
            ast::BinOpKind::In => compare(Comparison::In, left, right),
            ast::BinOpKind::Add => arithmetic(Operator::Add, left, right),
            ast::BinOpKind::Sub => arithmetic(Operator::Subtract, left, right),
            ast::BinOpKind::Mul => arithmetic(Operator::Multiply, left, right),
            ast::BinOpKind::Div => arithmetic(Operator::Divide, left, right),
            ast::BinOpKind::FloorDiv => arithmetic(Operator::FloorDivide, left, right),
            ast::BinOpKind::Rem => arithmetic(Operator::Remainder, left, right),
            ast::BinOpKind::Pow => arithmetic(Operator::Power, left, right),
            ast::BinOpKind::Concat => arithmetic(Operator::Concatenate, left, right),
        };
        check_repetition(&kind, start..end)?;
        Ok(Node { span: start..end, kind })
    }

    fn filter(&mut self, filter: &ast::Filter<'_>, span: &Range<usize>) -> Result<Node, Refusal> {
        let before = self.inspection.references.len();
        let arguments = self.arguments(filter.expr.as_ref(), &filter.args, span)?;
        if matches!(filter.name, "default" | "d") {
            self.guard(before);
        }
        let Some(base) = arguments.by_place.first() else {
            let kind = ExprErrorKind::Syntax("a filter needs a value before it".to_owned());
            return Err(Refusal { span: span.clone(), kind });
        };
        check_name(FILTERS, filter.name, span, ExprErrorKind::UnknownFilter)?;
        check_inner_name(filter.name, &arguments)?;
        if filter.name == "jq" {
            return self.jq(arguments, span);
        }
        let whole = base.span.start.min(span.start)..span.end;
        let place = span.start..span.start + filter.name.len();
        types::check(filter.name, place.clone(), &arguments)
            .map_err(|(span, message)| Refusal { span, kind: ExprErrorKind::Operation(message) })?;
        self.inspection.filters.push((filter.name.to_owned(), place));
        Ok(Node { span: whole, kind: Kind::Filter { name: filter.name.to_owned(), arguments } })
    }

    /// Notes that the references from `first` on may have no value.
    fn guard(&mut self, first: usize) {
        self.inspection.guarded.extend(first..self.inspection.references.len());
    }

    fn jq(&mut self, arguments: Arguments, span: &Range<usize>) -> Result<Node, Refusal> {
        let name = span.start..span.start + "jq".len();
        let refused = |span, reason| Err(Refusal { span, kind: ExprErrorKind::Syntax(reason) });
        let [_, program] = arguments.by_place.as_slice() else {
            return refused(name, "`jq` takes one program, such as `jq('.a')`".to_owned());
        };
        if !arguments.by_name.is_empty() {
            return refused(name, "`jq` takes one program, such as `jq('.a')`".to_owned());
        }
        let text = match &program.kind {
            Kind::Constant(value) => value.as_str(),
            _ => None,
        };
        let Some(text) = text else {
            return refused(program.span.clone(), "the program of `jq` must be a literal string".to_owned());
        };
        let program = match self.programs.get(text) {
            Ok(program) => program,
            Err(Refused { reason, span }) => {
                let place = self.place_in_literal(&program.span, text, span);
                return refused(place, format!("`jq`: {reason}"));
            }
        };
        self.inspection.filters.push(("jq".to_owned(), name));
        let input = arguments.by_place.into_iter().next().expect("a value and a program stand there");
        let whole = input.span.start.min(span.start)..span.end;
        Ok(Node { span: whole, kind: Kind::Jq { input: Box::new(input), program } })
    }

    /// Finds a part of a text in the literal that stands for it; the whole literal if there are escapes in it.
    fn place_in_literal(&self, literal: &Range<usize>, text: &str, part: Range<usize>) -> Range<usize> {
        let inner = literal.start + 1..literal.end.saturating_sub(1);
        if self.source.get(inner.clone()) != Some(text) {
            return literal.clone();
        }
        inner.start + part.start..inner.start + part.end
    }

    fn call(&mut self, call: &ast::Call<'_>, span: &Range<usize>) -> Result<Node, Refusal> {
        let callee = range_of(call.expr.span());
        match call.identify_call() {
            ast::CallType::Function(name) => {
                check_name(FUNCTIONS, name, &callee, ExprErrorKind::UnknownFunction)?;
                self.inspection.functions.push((name.to_owned(), callee.clone()));
                let arguments = self.arguments(None, &call.args, span)?;
                let kind = Kind::Call { function: name.to_owned(), arguments };
                Ok(Node { span: callee.start..span.end, kind })
            }
            ast::CallType::Method(_, name) => {
                let kind =
                    ExprErrorKind::Method { method: name.to_owned(), instead: instead_of_method(name) };
                Err(Refusal { span: callee.end - name.len()..span.end, kind })
            }
            ast::CallType::Object(_) => {
                let kind = ExprErrorKind::Syntax("only functions can be called".to_owned());
                Err(Refusal { span: span.clone(), kind })
            }
        }
    }

    fn arguments(
        &mut self,
        base: Option<&ast::Expr<'_>>,
        arguments: &[ast::CallArg<'_>],
        span: &Range<usize>,
    ) -> Result<Arguments, Refusal> {
        let mut lowered =
            Arguments { by_place: Vec::with_capacity(arguments.len() + 1), by_name: Vec::new() };
        if let Some(base) = base {
            lowered.by_place.push(self.node(base)?);
        }
        for argument in arguments {
            match argument {
                ast::CallArg::Pos(expr) => lowered.by_place.push(self.node(expr)?),
                ast::CallArg::Kwarg(name, expr) => {
                    lowered.by_name.push(((*name).to_owned(), self.node(expr)?));
                }
                ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => {
                    let kind =
                        ExprErrorKind::Syntax("arguments cannot be spread with `*` or `**`".to_owned());
                    return Err(Refusal { span: span.clone(), kind });
                }
            }
        }
        Ok(lowered)
    }
}

/// Returns root, beginning and steps if `expr` is a name followed by nothing but fields and constant subscripts.
fn path_of<'a>(expr: &ast::Expr<'a>) -> Option<(&'a str, usize, Vec<Step>)> {
    let (mut at, mut steps) = (expr, Vec::new());
    let mut start = range_of(expr.span()).start;
    loop {
        start = start.min(range_of(at.span()).start);
        match at {
            ast::Expr::Var(name) => {
                steps.reverse();
                return Some((name.id, start, steps));
            }
            ast::Expr::GetAttr(attribute) => {
                steps.push(Step::Field(attribute.name.to_owned()));
                at = &attribute.expr;
            }
            ast::Expr::GetItem(item) => {
                steps.push(constant_step(&item.subscript_expr)?);
                at = &item.expr;
            }
            ast::Expr::Const(_)
            | ast::Expr::Slice(_)
            | ast::Expr::UnaryOp(_)
            | ast::Expr::BinOp(_)
            | ast::Expr::Compare(_)
            | ast::Expr::IfExpr(_)
            | ast::Expr::Filter(_)
            | ast::Expr::Test(_)
            | ast::Expr::Call(_)
            | ast::Expr::List(_)
            | ast::Expr::Tuple(_)
            | ast::Expr::Map(_) => return None,
        }
    }
}

fn comparison(operator: ast::CompareOpKind) -> Comparison {
    match operator {
        ast::CompareOpKind::Eq => Comparison::Equal,
        ast::CompareOpKind::Ne => Comparison::Unequal,
        ast::CompareOpKind::Lt => Comparison::Less,
        ast::CompareOpKind::Lte => Comparison::LessOrEqual,
        ast::CompareOpKind::Gt => Comparison::Greater,
        ast::CompareOpKind::Gte => Comparison::GreaterOrEqual,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}

fn constant_step(subscript: &ast::Expr<'_>) -> Option<Step> {
    let is_literal = match subscript {
        ast::Expr::Const(_) => true,
        ast::Expr::UnaryOp(unary) => matches!(unary.expr, ast::Expr::Const(_)),
        _ => false,
    };
    let value = if is_literal { subscript.as_const()? } else { return None };
    match value.kind() {
        ValueKind::String => value.as_str().map(|text| Step::Field(text.to_owned())),
        ValueKind::Number if value.is_integer() => value.as_i64().map(Step::Index),
        _ => None,
    }
}

/// Refuses `tasks[computed]`.
fn check_static(base: &ast::Expr<'_>, subscript: &ast::Expr<'_>) -> Result<(), Refusal> {
    match base {
        ast::Expr::Var(name) if STATIC_ROOTS.contains(&name.id) => {
            let kind = ExprErrorKind::DynamicSubscript { root: name.id.to_owned() };
            Err(Refusal { span: range_of(subscript.span()), kind })
        }
        _ => Ok(()),
    }
}

/// Refuses numbers that JSON cannot hold. The largest magnitude below zero is negated later, so it passes here.
fn check_number(value: &Value, span: &Range<usize>) -> Result<(), Refusal> {
    let is_fine = value.kind() != ValueKind::Number
        || if value.is_integer() {
            u64::try_from(value.clone()).is_ok()
        } else {
            f64::try_from(value.clone()).is_ok_and(f64::is_finite)
        };
    let kind = || ExprErrorKind::Syntax("the number is out of range".to_owned());
    if is_fine { Ok(()) } else { Err(Refusal { span: span.clone(), kind: kind() }) }
}

/// Refuses `[0] * n` early; a list that is not literal is refused when its value is known.
fn check_repetition(kind: &Kind, span: Range<usize>) -> Result<(), Refusal> {
    if let Kind::Arithmetic { operator: Operator::Multiply, left, right } = kind
        && (matches!(left.kind, Kind::List(_)) || matches!(right.kind, Kind::List(_)))
    {
        let kind = ExprErrorKind::Operation("a list cannot be repeated with `*`".to_owned());
        return Err(Refusal { span, kind });
    }
    Ok(())
}

fn check_name(
    known: &[&str],
    name: &str,
    place: &Range<usize>,
    kind: fn(String) -> ExprErrorKind,
) -> Result<(), Refusal> {
    if known.contains(&name) {
        return Ok(());
    }
    // The span of a filter or a test runs from its name to its last argument.
    Err(Refusal { span: place.start..place.start + name.len(), kind: kind(name.to_owned()) })
}

/// Checks the name of the filter or test that a filter such as `map` applies to each member.
fn check_inner_name(filter: &str, arguments: &Arguments) -> Result<(), Refusal> {
    let (place, known, kind): (usize, _, fn(String) -> ExprErrorKind) = match filter {
        "map" => (1, FILTERS, ExprErrorKind::UnknownFilter),
        "select" | "reject" => (1, TESTS, ExprErrorKind::UnknownTest),
        "selectattr" | "rejectattr" => (2, TESTS, ExprErrorKind::UnknownTest),
        _ => return Ok(()),
    };
    let Some(argument) = arguments.by_place.get(place) else { return Ok(()) };
    let refused = |kind| Err(Refusal { span: argument.span.clone(), kind });
    let Kind::Constant(name) = &argument.kind else {
        let message = format!("what `{filter}` applies must be a literal name, not computed");
        return refused(ExprErrorKind::Syntax(message));
    };
    match name.as_str() {
        Some("jq") if filter == "map" => {
            refused(ExprErrorKind::Syntax("`map` does not apply `jq`; write `jq('map(...)')`".to_owned()))
        }
        Some(name) if known.contains(&name) => Ok(()),
        _ => refused(kind(name.to_string())),
    }
}
