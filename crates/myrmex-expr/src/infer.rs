//! Types of whole expressions, found without evaluating them, and the operators that cannot work on their operands.
//!
//! Only what is certain is said: an operand whose type is not known can be anything. Where a condition tests what something
//! is, nothing is known of it in what depends on the condition.

mod closed;
mod lengths;

use std::ops::Range;

use minijinja::value::ValueKind;

use crate::inspect::Reference;
use crate::jq::Programs;
use crate::shape::{Kinds, Shape};
use crate::syntax::{self, Parsed};
use crate::tree::{Arguments, Comparison, Kind, Node, Operator};
use crate::types;

/// The most bytes of an operand that a message quotes.
const QUOTED_BYTES_MAX: usize = 60;

/// What is known of an expression before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// Its value.
    pub shape: Shape,
    /// What cannot work in it, in the order of the source.
    pub clashes: Vec<Clash>,
}

/// An operator or filter whose operands are known to be of types that it does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The bytes of the expression that are at fault.
    pub span: Range<usize>,
    /// What is wrong, with the types.
    pub message: String,
    /// What to write instead, if that is known.
    pub hint: Option<String>,
    /// The text that is not among those that are possible, if that is what is wrong.
    pub stray: Option<Stray>,
    /// Whether a type that it rests on is presumed, so that it may work after all.
    pub is_presumed: bool,
    /// Whether it works, but compares the texts of durations and not how long they are.
    pub is_of_texts: bool,
}

/// A text that is compared with something of which all values are known and which it is none of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The text.
    pub text: String,
    /// The texts that are possible.
    pub words: Vec<String>,
}

/// Finds what is known of the expression `source`; `shape_of` says what its references are. Of what is no expression
/// nothing is known.
///
/// ```
/// use myrmex_expr::{Shape, infer};
///
/// let inferred = infer("inputs.n + 'x'", &mut |_| Shape::INTEGER);
/// assert!(inferred.clashes[0].message.starts_with("`+` takes two numbers, two strings or two lists"));
/// ```
pub fn infer(source: &str, shape_of: &mut dyn FnMut(&Reference) -> Shape) -> Inferred {
    let Ok(Parsed { root, inspection }) = syntax::parse(source, &mut Programs::default()) else {
        return Inferred { shape: Shape::ANY, clashes: Vec::new() };
    };
    let mut walk = Walk {
        source,
        references: &inspection.references,
        shape_of,
        tested: Vec::new(),
        presumed: Vec::new(),
        clashes: Vec::new(),
    };
    let shape = walk.shape(&root);
    let presumed = walk.presumed;
    let mut clashes = walk.clashes;
    for clash in &mut clashes {
        let is_inside = |span: &Range<usize>| clash.span.start <= span.start && span.end <= clash.span.end;
        clash.is_presumed = presumed.iter().any(is_inside);
    }
    let shape = if presumed.is_empty() { shape } else { shape.presumed() };
    clashes.sort_by_key(|clash| clash.span.start);
    Inferred { shape, clashes }
}

/// Returns what is known of a part of an expression by itself, where nothing is known of what it reads.
pub(crate) fn shape_alone(node: &Node) -> Shape {
    let shape_of = &mut |_: &Reference| Shape::ANY;
    let mut walk = Walk {
        source: "",
        references: &[],
        shape_of,
        tested: Vec::new(),
        presumed: Vec::new(),
        clashes: Vec::new(),
    };
    walk.shape(node)
}

struct Walk<'a> {
    source: &'a str,
    references: &'a [Reference],
    shape_of: &'a mut dyn FnMut(&Reference) -> Shape,
    /// What the conditions around test, by its place among the references.
    tested: Vec<usize>,
    /// Where something is read whose type is presumed.
    presumed: Vec<Range<usize>>,
    clashes: Vec<Clash>,
}

impl Walk<'_> {
    fn shape(&mut self, node: &Node) -> Shape {
        match &node.kind {
            Kind::Constant(value) => match value.kind() {
                ValueKind::None => Shape::NULL,
                ValueKind::Bool => Shape::BOOLEAN,
                ValueKind::Number if value.is_integer() => Shape::INTEGER,
                ValueKind::Number => Shape::NUMBER,
                ValueKind::String => Shape::STRING,
                _ => Shape::ANY,
            },
            Kind::Reference(place) => self.reference(*place, &node.span),
            Kind::Item { base, key } => {
                self.shape(base);
                self.shape(key);
                Shape::ANY
            }
            Kind::Slice { base, bounds } => self.slice(node, base, bounds),
            Kind::Not(operand) => {
                self.shape(operand);
                Shape::BOOLEAN
            }
            Kind::Negate(operand) => self.negated(node, operand),
            Kind::And(left, right) | Kind::Or(left, right) => {
                let first = self.shape(left);
                first.or(self.guarded(left, right))
            }
            Kind::Arithmetic { operator, left, right } => self.arithmetic(node, *operator, left, right),
            Kind::Compare { first, rest } => {
                let (mut left, mut left_shape) = (&**first, self.shape(first));
                for (comparison, right) in rest {
                    let right_shape = self.shape(right);
                    self.compare(*comparison, (left, &left_shape), (right, &right_shape));
                    (left, left_shape) = (right, right_shape);
                }
                Shape::BOOLEAN
            }
            Kind::If { test, then, otherwise } => {
                self.shape(test);
                let shape = self.guarded(test, then);
                match otherwise {
                    Some(otherwise) => shape.or(self.guarded(test, otherwise)),
                    None => shape,
                }
            }
            Kind::Filter { name, arguments } => self.filter(name, arguments),
            Kind::Jq { input, .. } => {
                self.shape(input);
                Shape::ANY
            }
            Kind::Test { arguments, .. } => {
                self.arguments(arguments);
                Shape::BOOLEAN
            }
            Kind::Call { function, arguments } => {
                let shapes = self.arguments(arguments);
                match function.as_str() {
                    "range" => Shape::list_of(Shape::INTEGER),
                    "dict" => Shape::MAP,
                    "raw" => shapes.into_iter().next().unwrap_or(Shape::ANY),
                    _ => Shape::ANY,
                }
            }
            Kind::List(items) => {
                let items: Vec<Shape> = items.iter().map(|item| self.shape(item)).collect();
                Shape::list_of(Shape::one_of(items.into_iter()))
            }
            Kind::Map(fields) => self.map(fields),
        }
    }

    fn reference(&mut self, place: usize, span: &Range<usize>) -> Shape {
        let Some(reference) = self.references.get(place) else { return Shape::ANY };
        let is_tested = |tested: &usize| {
            let tested = &self.references[*tested];
            tested.is_prefix_of(reference) || reference.is_prefix_of(tested)
        };
        if self.tested.iter().any(is_tested) {
            return Shape::ANY;
        }
        let shape = (self.shape_of)(reference);
        if shape.is_presumed() {
            self.presumed.push(span.clone());
        }
        shape
    }

    /// Returns the shape of what is computed only if `condition` says so.
    fn guarded(&mut self, condition: &Node, node: &Node) -> Shape {
        let before = self.tested.len();
        note_tested(condition, &mut self.tested);
        let shape = self.shape(node);
        self.tested.truncate(before);
        shape
    }

    fn map(&mut self, fields: &[(Node, Node)]) -> Shape {
        let mut known = Vec::new();
        for (key, field) in fields {
            self.shape(key);
            let field = self.shape(field);
            match &key.kind {
                Kind::Constant(name) if name.as_str().is_some() => known.push((name.to_string(), field)),
                _ => return Shape::MAP,
            }
        }
        Shape::map_of(known)
    }

    fn arguments(&mut self, arguments: &Arguments) -> Vec<Shape> {
        for (_, argument) in &arguments.by_name {
            self.shape(argument);
        }
        arguments.by_place.iter().map(|argument| self.shape(argument)).collect()
    }

    fn slice(&mut self, node: &Node, base: &Node, bounds: &[Option<Box<Node>>; 3]) -> Shape {
        for bound in bounds.iter().flatten() {
            self.shape(bound);
        }
        let shape = self.shape(base);
        if !shape.kinds.meets(Kinds::STRING.or(Kinds::LIST)) {
            let message = format!("only lists and strings can be sliced: {}", self.is_of(base, &shape));
            self.clash(node.span.clone(), message, None);
            return Shape::ANY;
        }
        shape.of_any_value()
    }

    fn negated(&mut self, node: &Node, operand: &Node) -> Shape {
        let shape = self.shape(operand);
        if shape.kinds.meets(Kinds::NUMBER) {
            return if shape.kinds.is_within(Kinds::INTEGER) { Shape::INTEGER } else { Shape::NUMBER };
        }
        let message = format!("`-` takes a number: {}", self.is_of(operand, &shape));
        let hint = self.as_number(operand, &shape);
        self.clash(node.span.clone(), message, hint);
        Shape::ANY
    }

    fn arithmetic(&mut self, node: &Node, operator: Operator, left: &Node, right: &Node) -> Shape {
        let (first, second) = (self.shape(left), self.shape(right));
        let both = |kinds: Kinds| first.kinds.meets(kinds) && second.kinds.meets(kinds);
        let (takes, result) = match operator {
            Operator::Concatenate => return Shape::STRING,
            Operator::Add => {
                let mut result: Option<Shape> = None;
                for (kinds, shape) in [
                    (Kinds::NUMBER, number_of(&first, &second)),
                    (Kinds::STRING, Shape::STRING),
                    (Kinds::LIST, Shape::LIST),
                ] {
                    if both(kinds) {
                        result = Some(result.map_or(shape.clone(), |found| found.or(shape)));
                    }
                }
                ("two numbers, two strings or two lists", result)
            }
            Operator::Multiply => {
                let is_repeated = first.kinds.meets(Kinds::STRING) && second.kinds.meets(Kinds::NUMBER)
                    || first.kinds.meets(Kinds::NUMBER) && second.kinds.meets(Kinds::STRING);
                let number = both(Kinds::NUMBER).then(|| number_of(&first, &second));
                let text = is_repeated.then_some(Shape::STRING);
                let result = number.into_iter().chain(text).reduce(Shape::or);
                ("two numbers, or a string and an integer", result)
            }
            Operator::Subtract | Operator::FloorDivide | Operator::Remainder => {
                ("two numbers", both(Kinds::NUMBER).then(|| number_of(&first, &second)))
            }
            Operator::Divide | Operator::Power => {
                ("two numbers", both(Kinds::NUMBER).then_some(Shape::NUMBER))
            }
        };
        if let Some(result) = result {
            return result;
        }
        let operator_text = operator.as_str();
        let sides = self.are_of((left, &first), (right, &second));
        let is_text = |shape: &Shape| shape.kinds == Kinds::STRING;
        let hint = if operator == Operator::Add && (is_text(&first) || is_text(&second)) {
            let is_number = |shape: &Shape| shape.kinds.is_within(Kinds::NUMBER);
            let (text, other) =
                if is_text(&first) { ((left, &first), &second) } else { ((right, &second), &first) };
            let number = self.as_number(text.0, text.1).filter(|_| is_number(other));
            Some(number.map_or_else(
                || "join text with `~`".to_owned(),
                |number| format!("{number}, or join text with `~`"),
            ))
        } else {
            self.as_number(left, &first).or_else(|| self.as_number(right, &second))
        };
        self.clash(node.span.clone(), format!("`{operator_text}` takes {takes}: {sides}"), hint);
        Shape::ANY
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        (left, first): (&Node, &Shape),
        (right, second): (&Node, &Shape),
    ) {
        let is_null = first.kinds.meets(Kinds::NULL) || second.kinds.meets(Kinds::NULL);
        let both = |kinds: Kinds| first.kinds.meets(kinds) && second.kinds.meets(kinds);
        let span = left.span.start..right.span.end;
        let sides = || self.are_of((left, first), (right, second));
        let message = match comparison {
            Comparison::Equal | Comparison::Unequal => {
                // Who compares with null asks whether something is there; the answer may be the same always.
                if first == &Shape::NULL || second == &Shape::NULL {
                    return;
                }
                let always = if comparison == Comparison::Equal { "never true" } else { "always true" };
                if first.meets(second) {
                    self.compare_lengths(comparison, (left, first), (right, second));
                    return self.compare_values(always, (left, first), (right, second));
                }
                format!("`{}` is {always}: {}", self.quoted(&span), sides())
            }
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                if is_null || both(Kinds::NUMBER) || both(Kinds::STRING) {
                    return self.compare_lengths(comparison, (left, first), (right, second));
                }
                format!("only two numbers or two strings have an order: {}", sides())
            }
            Comparison::In | Comparison::NotIn => {
                let is_string = second.kinds == Kinds::STRING;
                if !second.kinds.meets(Kinds::LIST.or(Kinds::MAP).or(Kinds::STRING)) {
                    let side = self.is_of(right, second);
                    format!("`in` takes a list, a map or a string on its right: {side}")
                } else if is_string && !first.kinds.meets(Kinds::STRING) {
                    format!("only a string can be in a string: {}", sides())
                } else {
                    return self.compare_members(comparison, (left, first), (right, second));
                }
            }
        };
        let hint = match comparison {
            Comparison::In | Comparison::NotIn => None,
            Comparison::Equal | Comparison::Unequal => self.comparable((left, first), (right, second)),
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                self.in_order(left, first).or_else(|| self.in_order(right, second))
            }
        };
        self.clash(span, message, hint);
    }

    /// Says how a text becomes something that has an order with a number.
    fn in_order(&self, node: &Node, shape: &Shape) -> Option<String> {
        let hint = self.as_number(node, shape)?;
        Some(format!("{hint}, or of a duration: `{} | duration`", self.quoted(&node.span)))
    }

    /// Says how a text and a number can be compared.
    fn comparable(&self, left: (&Node, &Shape), right: (&Node, &Shape)) -> Option<String> {
        let ((text, _), (number, _)) = match (left.1.kinds, right.1.kinds) {
            (Kinds::STRING, other) if other.is_within(Kinds::NUMBER) => (left, right),
            (other, Kinds::STRING) if other.is_within(Kinds::NUMBER) => (right, left),
            _ => return None,
        };
        match (&text.kind, &number.kind) {
            (Kind::Constant(_), Kind::Constant(_)) => None,
            (Kind::Constant(text), _) => {
                let is_number = text.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
                is_number.then(|| format!("write `{text}` without quotes"))
            }
            (_, Kind::Constant(number)) => Some(format!("write `'{number}'`")),
            (_, _) => self.as_number(text, &Shape::STRING),
        }
    }

    fn filter(&mut self, name: &str, arguments: &Arguments) -> Shape {
        let shapes = self.arguments(arguments);
        let [input, given @ ..] = shapes.as_slice() else { return Shape::ANY };
        let Some(node) = arguments.by_place.first() else { return Shape::ANY };
        if let Some((wanted, words)) = types::input_of(name)
            && !input.kinds.meets(wanted)
        {
            let message = format!("`{name}` takes {words}: {}", self.is_of(node, input));
            self.clash(node.span.clone(), message, None);
        }
        result_of(name, input, given)
    }

    /// Says what to write where a number is needed and a text is found.
    fn as_number(&self, node: &Node, shape: &Shape) -> Option<String> {
        let is_text = shape.kinds == Kinds::STRING && matches!(node.kind, Kind::Reference(_));
        is_text.then(|| format!("make a number of it: `{} | int`", self.quoted(&node.span)))
    }

    fn is_of(&self, node: &Node, shape: &Shape) -> String {
        format!("`{}` is of type {shape}", self.quoted(&node.span))
    }

    fn are_of(&self, (left, first): (&Node, &Shape), (right, second): (&Node, &Shape)) -> String {
        format!("{}, `{}` of type {second}", self.is_of(left, first), self.quoted(&right.span))
    }

    fn quoted(&self, span: &Range<usize>) -> String {
        let text = self.source.get(span.clone()).unwrap_or(self.source);
        let cut = &text[..text.floor_char_boundary(QUOTED_BYTES_MAX)];
        if cut.len() < text.len() { format!("{cut}…") } else { cut.to_owned() }
    }

    fn clash(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        self.clashes.push(Clash { span, message, hint, stray: None, is_presumed: false, is_of_texts: false });
    }
}

/// Whole numbers give whole numbers, any other gives a number.
fn number_of(left: &Shape, right: &Shape) -> Shape {
    let is_whole = |shape: &Shape| shape.kinds.is_within(Kinds::INTEGER);
    if is_whole(left) && is_whole(right) { Shape::INTEGER } else { Shape::NUMBER }
}

/// Returns what the filter `name` makes of `input`.
fn result_of(name: &str, input: &Shape, given: &[Shape]) -> Shape {
    let is_list = input.kinds == Kinds::LIST;
    match name {
        "count" | "duration" | "int" | "length" => Shape::INTEGER,
        "abs" if input.kinds.is_within(Kinds::INTEGER) => Shape::INTEGER,
        "abs" | "float" | "round" => Shape::NUMBER,
        "bool" | "regex_match" | "semver_match" => Shape::BOOLEAN,
        "capitalize" | "format" | "indent" | "join" | "lower" | "regex_replace" | "replace" | "sha256"
        | "string" | "title" | "to_json" | "trim" | "upper" => Shape::STRING,
        "split" | "lines" => Shape::list_of(Shape::STRING),
        "sort" | "unique" | "reject" | "rejectattr" | "select" | "selectattr" if is_list => {
            Shape::list_of(input.member())
        }
        "first" | "last" if is_list => input.member(),
        "default" | "d" => match given {
            [] => Shape::ANY,
            [other, ..] => input.clone().or(other.clone()),
        },
        _ => Shape::ANY,
    }
}

/// Notes the references that `node` tests.
fn note_tested(node: &Node, tested: &mut Vec<usize>) {
    let mut all = |nodes: &[&Node]| nodes.iter().for_each(|node| note_tested(node, tested));
    match &node.kind {
        Kind::Test { arguments, .. } => {
            for argument in &arguments.by_place {
                note_read(argument, tested);
            }
        }
        Kind::Not(inner) => all(&[inner]),
        Kind::And(left, right) | Kind::Or(left, right) => all(&[left, right]),
        Kind::If { test, then, otherwise } => {
            all(&[test, then]);
            if let Some(otherwise) = otherwise {
                all(&[otherwise]);
            }
        }
        Kind::Compare { first, rest } => {
            all(&[first]);
            let rest: Vec<&Node> = rest.iter().map(|(_, node)| node).collect();
            all(&rest);
        }
        Kind::Constant(_)
        | Kind::Reference(_)
        | Kind::Item { .. }
        | Kind::Slice { .. }
        | Kind::Negate(_)
        | Kind::Arithmetic { .. }
        | Kind::Filter { .. }
        | Kind::Jq { .. }
        | Kind::Call { .. }
        | Kind::List(_)
        | Kind::Map(_) => {}
    }
}

/// Notes the references that the operand of a test is made of, over filters and subscripts.
fn note_read(node: &Node, tested: &mut Vec<usize>) {
    match &node.kind {
        Kind::Reference(place) => tested.push(*place),
        Kind::Item { base, .. } | Kind::Slice { base, .. } => note_read(base, tested),
        Kind::Jq { input, .. } => note_read(input, tested),
        Kind::Filter { arguments, .. } => {
            arguments.by_place.iter().for_each(|argument| note_read(argument, tested));
        }
        Kind::Constant(_)
        | Kind::Not(_)
        | Kind::Negate(_)
        | Kind::And(..)
        | Kind::Or(..)
        | Kind::Arithmetic { .. }
        | Kind::Compare { .. }
        | Kind::If { .. }
        | Kind::Test { .. }
        | Kind::Call { .. }
        | Kind::List(_)
        | Kind::Map(_) => {}
    }
}
