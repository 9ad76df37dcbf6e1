//! Puts prices into a jq program: calls of our own filters that pay for outputs, copies and comparisons.
//!
//! jaq has no fuel. Where a program can make more work than its text shows (outputs of `.[]`, `,` and recursion, calls of
//! definitions, copies by operators, doubled values) a call is inserted that passes its input through and pays for it.
//! What remains unpriced is bounded by the length of the source.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term as Tree};
use jaq_core::ops::Math;
use jaq_core::path::{Opt, Part, Path};

use super::natives::{DEEP, OWN, TEXTS};

pub(super) type Term<'s> = Tree<&'s str>;

/// Variables that no program can name.
const RIGHT: &str = "$ right";
const INPUT: &str = "$ input";

/// The longest number in a program. Reading one takes time in proportion to the square of its length.
const NUMBER_BYTES_MAX: usize = 64;

/// Filters that call their argument once for each member, without a price of their own.
const EACH: &[&str] = &["group_by", "max_by_or_empty", "min_by_or_empty", "sort_by"];

/// Filters whose outputs are made from outside the value: as long as the way to it.
const LONG: &[&str] = &["path", "path_value"];

/// Filters that give one output at most.
const SINGLE: &[&str] = &["ascii_downcase", "ascii_upcase", "length", "tonumber", "tostring", "type"];

/// One pass over a program.
#[derive(Default)]
pub(super) struct Rewriting<'s> {
    /// The filters that are called, by name.
    pub(super) calls: Vec<&'s str>,
    /// The first thing that is refused, and the name at fault.
    pub(super) refused: Option<(&'s str, String)>,
    /// The definitions around the current place. Those of the standard library may call themselves.
    around: Option<Vec<(&'s str, usize)>>,
    /// The names of definitions and of their arguments so far; calling them costs.
    defined: Vec<&'s str>,
}

fn call(name: &'static str) -> Term<'static> {
    Tree::Call(name, Vec::new())
}

fn binary<'s>(left: Term<'s>, operator: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
    Tree::BinOp(Box::new(left), operator, Box::new(right))
}

fn piped<'s>(left: Term<'s>, right: Term<'s>) -> Term<'s> {
    binary(left, BinaryOp::Pipe(None), right)
}

/// Writes `left as $name | right`.
fn bound<'s>(left: Term<'s>, name: &'static str, right: Term<'s>) -> Term<'s> {
    binary(left, BinaryOp::Pipe(Some(Pattern::Var(name))), right)
}

/// Writes `term | name`.
fn then<'s>(term: Term<'s>, name: &'static str) -> Term<'s> {
    piped(term, call(name))
}

/// Writes `name | term`.
fn after<'s>(name: &'static str, term: Term<'s>) -> Term<'s> {
    piped(call(name), term)
}

fn sized(term: Term<'_>) -> Term<'_> {
    then(term, "_sized")
}

/// Returns whether comparing with `term` costs next to nothing, because it is a short constant.
fn is_constant(term: &Term<'_>) -> bool {
    match term {
        Tree::Num(_) | Tree::Arr(None) => true,
        Tree::Str(None, parts) => parts.iter().all(|part| !matches!(part, StrPart::Term(_))),
        Tree::Obj(fields) => fields.is_empty(),
        Tree::Neg(operand) => is_constant(operand),
        Tree::Call(name, arguments) => {
            arguments.is_empty() && ["true", "false", "null", "nan", "infinite"].contains(name)
        }
        Tree::Id
        | Tree::Recurse
        | Tree::Str(Some(_), _)
        | Tree::Arr(Some(_))
        | Tree::BinOp(..)
        | Tree::Label(..)
        | Tree::Break(_)
        | Tree::Fold(..)
        | Tree::TryCatch(..)
        | Tree::IfThenElse(..)
        | Tree::Def(..)
        | Tree::Var(_)
        | Tree::Path(..) => false,
    }
}

/// Returns whether `term` gives one output at most.
fn is_single(term: &Term<'_>) -> bool {
    match term {
        Tree::Id | Tree::Num(_) | Tree::Var(_) => true,
        Tree::Str(None, parts) => parts.iter().all(|part| match part {
            StrPart::Term(term) => is_single(term),
            StrPart::Str(_) | StrPart::Char(_) => true,
        }),
        Tree::Neg(operand) => is_single(operand),
        Tree::BinOp(
            left,
            BinaryOp::Math(_) | BinaryOp::Cmp(_) | BinaryOp::Pipe(None) | BinaryOp::Alt,
            right,
        ) => is_single(left) && is_single(right),
        Tree::Call(name, arguments) => arguments.is_empty() && SINGLE.contains(name),
        Tree::Path(head, path) => is_single(head) && path.0.iter().all(|(part, _)| is_single_part(part)),
        Tree::Recurse
        | Tree::Str(Some(_), _)
        | Tree::Arr(_)
        | Tree::Obj(_)
        | Tree::BinOp(..)
        | Tree::Label(..)
        | Tree::Break(_)
        | Tree::Fold(..)
        | Tree::TryCatch(..)
        | Tree::IfThenElse(..)
        | Tree::Def(..) => false,
    }
}

fn is_single_part(part: &Part<Term<'_>>) -> bool {
    match part {
        Part::Index(index) => is_single(index),
        Part::Range(None, None) => false,
        Part::Range(from, to) => from.iter().chain(to).all(is_single),
    }
}

impl<'s> Rewriting<'s> {
    /// Begins with a program that a person wrote.
    pub(super) fn of_program() -> Self {
        Self { around: Some(Vec::new()), ..Self::default() }
    }

    fn refuse(&mut self, name: &'s str, reason: String) {
        self.refused.get_or_insert((name, reason));
    }

    fn boxed(&mut self, term: Term<'s>) -> Box<Term<'s>> {
        Box::new(self.term(term))
    }

    pub(super) fn term(&mut self, term: Term<'s>) -> Term<'s> {
        match term {
            Tree::Id | Tree::Var(_) | Tree::Break(_) => term,
            Tree::Num(text) => {
                if text.len() > NUMBER_BYTES_MAX {
                    self.refuse(text, format!("a number has at most {NUMBER_BYTES_MAX} characters"));
                }
                term
            }
            Tree::Recurse => after("_sized", then(Tree::Recurse, "_step")),
            Tree::Str(format, parts) => {
                self.calls.extend(format);
                let part = |part| match part {
                    StrPart::Term(term) => StrPart::Term(sized(self.term(term))),
                    StrPart::Str(_) | StrPart::Char(_) => part,
                };
                Tree::Str(format, parts.into_iter().map(part).collect())
            }
            Tree::Arr(items) => sized(Tree::Arr(items.map(|items| self.boxed(*items)))),
            Tree::Obj(fields) => {
                let field =
                    |(key, value): (_, Option<_>)| (self.term(key), value.map(|value| self.term(value)));
                sized(Tree::Obj(fields.into_iter().map(field).collect()))
            }
            Tree::Neg(operand) => Tree::Neg(Box::new(sized(self.term(*operand)))),
            Tree::BinOp(left, operator, right) => self.binary(*left, operator, *right),
            Tree::Label(name, body) => Tree::Label(name, self.boxed(*body)),
            Tree::Fold(name, items, pattern, arguments) => self.fold(name, *items, pattern, arguments),
            // jaq prints the whole value of each error that is caught; ours prints the beginning.
            Tree::TryCatch(body, catch) => {
                let catch = catch.map_or(call("!empty"), |catch| self.term(*catch));
                Tree::Call("_try", vec![self.term(*body), catch])
            }
            Tree::IfThenElse(branches, otherwise) => {
                let branch = |(test, then)| (self.term(test), self.term(then));
                let branches = branches.into_iter().map(branch).collect();
                Tree::IfThenElse(branches, otherwise.map(|otherwise| self.boxed(*otherwise)))
            }
            Tree::Def(definitions, body) => {
                let definitions =
                    definitions.into_iter().map(|definition| self.definition(definition)).collect();
                Tree::Def(definitions, self.boxed(*body))
            }
            Tree::Call(name, arguments) => self.call(name, arguments),
            Tree::Path(head, path) => self.path(*head, path),
        }
    }

    /// Prices each step of a fold: its inputs are kept, and gone through again for each output before.
    fn fold(
        &mut self,
        name: &'s str,
        items: Term<'s>,
        pattern: Pattern<&'s str>,
        arguments: Vec<Term<'s>>,
    ) -> Term<'s> {
        let (items, pattern) = (self.boxed(items), self.pattern(pattern));
        let mut arguments: Vec<_> = arguments.into_iter().map(|argument| self.term(argument)).collect();
        if let Some(update) = arguments.get_mut(1) {
            *update = after("_step", std::mem::take(update));
        }
        Tree::Fold(name, items, pattern, arguments)
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(_) => pattern,
            Pattern::Arr(items) => Pattern::Arr(items.into_iter().map(|item| self.pattern(item)).collect()),
            Pattern::Obj(fields) => {
                let field = |(key, field)| (self.key(key), self.pattern(field));
                Pattern::Obj(fields.into_iter().map(field).collect())
            }
        }
    }

    /// What stands in a subscript: an array there would be searched for, at any cost.
    fn key(&mut self, key: Term<'s>) -> Term<'s> {
        if is_constant(&key) { self.term(key) } else { then(self.term(key), "_subscript") }
    }

    fn binary(&mut self, left: Term<'s>, operator: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
        let is_short = is_constant(&left) || is_constant(&right);
        let (left, right) = (self.term(left), self.term(right));
        // What is added to is changed in place where nothing else holds it, so that `reduce` takes linear time.
        let updated = |left, body| after("_copied", binary(left, BinaryOp::Update, sized(body)));
        match operator {
            BinaryOp::Pipe(Some(pattern)) => {
                let pattern = self.pattern(pattern);
                binary(left, BinaryOp::Pipe(Some(pattern)), right)
            }
            BinaryOp::Pipe(None) | BinaryOp::Alt | BinaryOp::Or | BinaryOp::And => {
                binary(left, operator, right)
            }
            BinaryOp::Comma => binary(left, operator, after("_step", right)),
            BinaryOp::Cmp(_) if is_short => binary(left, operator, right),
            BinaryOp::Cmp(_) => binary(sized(left), operator, sized(right)),
            BinaryOp::Math(operator) => calculated(left, operator, right),
            BinaryOp::Update => updated(left, right),
            BinaryOp::Assign => bound(sized(right), RIGHT, updated(left, Tree::Var(RIGHT))),
            BinaryOp::UpdateAlt => {
                let body = binary(Tree::Id, BinaryOp::Alt, Tree::Var(RIGHT));
                bound(sized(right), RIGHT, updated(left, body))
            }
            BinaryOp::UpdateMath(operator) => {
                let body = calculated(Tree::Id, operator, Tree::Var(RIGHT));
                bound(sized(right), RIGHT, updated(left, body))
            }
        }
    }

    pub(super) fn definition(&mut self, definition: Def<&'s str>) -> Def<&'s str> {
        let Def { name, args, body } = definition;
        if let Some(around) = &mut self.around {
            around.push((name, args.len()));
            if let Some(own) = args.iter().chain([&name]).find(|name| OWN.contains(name)) {
                self.refuse(own, format!("the name `{own}` is reserved"));
            }
        }
        self.defined.push(name);
        self.defined.extend(&args);
        let body = self.term(body);
        if let Some(around) = &mut self.around {
            around.pop();
        }
        Def { name, args, body }
    }

    fn call(&mut self, name: &'s str, arguments: Vec<Term<'s>>) -> Term<'s> {
        if let Some(around) = &self.around {
            // A name that is shadowed inside is refused too: telling the two apart is not worth an endless program.
            if around.contains(&(name, arguments.len())) {
                self.refuse(name, format!("`{name}` calls itself; recursive definitions are not allowed"));
            }
            if OWN.contains(&name) {
                self.refuse(name, format!("the name `{name}` is reserved"));
            }
        }
        self.calls.push(name);
        let is_each = EACH.contains(&name);
        let argument = |argument| {
            let argument = self.term(argument);
            if is_each { after("_step", argument) } else { argument }
        };
        let arguments = arguments.into_iter().map(argument).collect();
        let call = Tree::Call(name, arguments);
        if self.defined.contains(&name) {
            after("_call", call)
        } else if DEEP.contains(&name) {
            after("_sized", call)
        } else if TEXTS.contains(&name) {
            after("_text", call)
        } else if LONG.contains(&name) {
            then(call, "_long")
        } else {
            call
        }
    }

    /// Cuts a path at each part, where something is paid for. What stands in brackets still sees the input of the whole
    /// path: it stays an argument of the cut piece or, where it may give several outputs, reads a variable.
    fn path(&mut self, head: Term<'s>, path: Path<Term<'s>>) -> Term<'s> {
        let is_plain =
            path.0.iter().all(|(part, _)| matches!(part, Part::Range(None, None)) || is_single_part(part));
        let mut whole = self.term(head);
        for (part, optional) in path.0 {
            let mut subscript = |term| {
                let term = self.key(term);
                if is_plain { term } else { piped(Tree::Var(INPUT), term) }
            };
            let (part, before, is_many) = match part {
                Part::Index(index) => (Part::Index(subscript(index)), "_owned", !is_plain),
                Part::Range(None, None) => (Part::Range(None, None), "_copied", true),
                Part::Range(from, to) => {
                    let (from, to) = (from.map(&mut subscript), to.map(&mut subscript));
                    (Part::Range(from, to), "_sliced", !is_plain)
                }
            };
            let paid = then(whole, before);
            whole = if is_plain {
                one(paid, part, optional)
            } else {
                // A subscript is computed again for each value, so that none is gone through without a price.
                piped(after("_step", paid), one(Tree::Id, part, optional))
            };
            if is_many {
                whole = then(whole, "_step");
            }
        }
        if is_plain { whole } else { bound(Tree::Id, INPUT, whole) }
    }
}

/// Writes `left operator right` with the prices of both.
fn calculated<'s>(left: Term<'s>, operator: Math, right: Term<'s>) -> Term<'s> {
    match operator {
        Math::Add => binary(then(left, "_copied"), BinaryOp::Math(operator), sized(right)),
        Math::Mul => Tree::Call("_multiply", vec![left, right]),
        Math::Sub | Math::Div | Math::Rem => binary(sized(left), BinaryOp::Math(operator), sized(right)),
    }
}

fn one<'s>(head: Term<'s>, part: Part<Term<'s>>, optional: Opt) -> Term<'s> {
    Tree::Path(Box::new(head), Path(vec![(part, optional)]))
}
