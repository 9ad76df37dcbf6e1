//! What operators do with values: typed, exact for integers of 64 bits, and bounded.
//!
//! They are our own because minijinja orders values of different types, adds booleans, repeats lists lazily and
//! computes with 128 bits, and none of that may leave an expression.

use std::cmp::Ordering;

use minijinja::Value;
use minijinja::value::ValueKind;
use myrmex_model::value::VALUE_BYTES_MAX;

use crate::convert::{Failure, charge, text_of, type_name};
use crate::error::ResultLimit;
use crate::limits::Fuel;
use crate::tree::{Comparison, Operator};

/// What visiting one member of a list counts for, in bytes.
const MEMBER_BYTES: usize = 32;

type Outcome = Result<Value, Failure>;

fn reason(text: &str) -> Failure {
    Failure::Reason(text.to_owned())
}

/// A number of either kind.
#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value.kind() {
            ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok().map(Self::Integer),
            ValueKind::Number => f64::try_from(value.clone()).ok().map(Self::Float),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as in JSON, an integer that meets a float becomes one")]
    fn as_float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

fn integer(value: Option<i128>) -> Outcome {
    let value = value.ok_or_else(|| reason("the result does not fit into 64 bits"))?;
    if let Ok(small) = i64::try_from(value) {
        return Ok(Value::from(small));
    }
    u64::try_from(value).map(Value::from).map_err(|_| reason("the result does not fit into 64 bits"))
}

fn float(value: f64) -> Outcome {
    if value.is_finite() { Ok(Value::from(value)) } else { Err(reason("the result is not a finite number")) }
}

/// Computes `left operator right`.
pub(crate) fn arithmetic(fuel: &dyn Fuel, operator: Operator, left: &Value, right: &Value) -> Outcome {
    if operator == Operator::Concatenate {
        let mut text = text_of(fuel, left)?;
        text.push_str(&text_of(fuel, right)?);
        return bounded(text);
    }
    if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
        return match (left, right) {
            (Number::Integer(left), Number::Integer(right)) => integers(operator, left, right),
            (Number::Integer(_) | Number::Float(_), _) => floats(operator, left.as_float(), right.as_float()),
        };
    }
    match (operator, left.kind(), right.kind()) {
        (Operator::Add, ValueKind::String, ValueKind::String) => {
            let mut text = text_of(fuel, left)?;
            text.push_str(&text_of(fuel, right)?);
            bounded(text)
        }
        (Operator::Add, ValueKind::Seq | ValueKind::Iterable, ValueKind::Seq | ValueKind::Iterable) => {
            let mut items = members(fuel, left)?;
            items.extend(members(fuel, right)?);
            Ok(Value::from(items))
        }
        (Operator::Multiply, ValueKind::String, ValueKind::Number) => repeated(fuel, left, right),
        (Operator::Multiply, ValueKind::Number, ValueKind::String) => repeated(fuel, right, left),
        (Operator::Multiply, ValueKind::Seq | ValueKind::Iterable, _)
        | (Operator::Multiply, _, ValueKind::Seq | ValueKind::Iterable) => {
            Err(reason("a list cannot be repeated"))
        }
        (Operator::Add, _, _) => Err(reason("`+` takes two numbers, two strings or two lists")),
        (Operator::Multiply, _, _) => Err(reason("`*` takes two numbers, or a string and an integer")),
        (
            Operator::Subtract
            | Operator::Divide
            | Operator::FloorDivide
            | Operator::Remainder
            | Operator::Power
            | Operator::Concatenate,
            _,
            _,
        ) => Err(Failure::Reason(format!("`{}` takes two numbers", operator.as_str()))),
    }
}

fn bounded(text: String) -> Outcome {
    if text.len() > VALUE_BYTES_MAX { Err(Failure::Limit(ResultLimit::Bytes)) } else { Ok(Value::from(text)) }
}

fn repeated(fuel: &dyn Fuel, text: &Value, times: &Value) -> Outcome {
    let text = text.as_str().unwrap_or_default();
    let times = times.as_i64().ok_or_else(|| reason("a string is repeated a whole number of times"))?;
    let times = usize::try_from(times).unwrap_or(0);
    let length = text.len().saturating_mul(times);
    if length > VALUE_BYTES_MAX {
        return Err(Failure::Limit(ResultLimit::Bytes));
    }
    charge(fuel, length)?;
    Ok(Value::from(text.repeat(times)))
}

fn integers(operator: Operator, left: i128, right: i128) -> Outcome {
    let is_zero = right == 0;
    match operator {
        Operator::Add => integer(left.checked_add(right)),
        Operator::Subtract => integer(left.checked_sub(right)),
        Operator::Multiply => integer(left.checked_mul(right)),
        Operator::FloorDivide | Operator::Remainder if is_zero => Err(reason("division by zero")),
        // The result of both rounds down, and the remainder has the sign of the divisor.
        Operator::FloorDivide => {
            let quotient = left.checked_div(right);
            let is_inexact = left.checked_rem(right).is_some_and(|rest| rest != 0);
            integer(quotient.map(|q| q - i128::from(is_inexact && (left < 0) != (right < 0))))
        }
        Operator::Remainder => {
            let rest = left.checked_rem(right);
            integer(rest.map(|rest| if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }))
        }
        Operator::Power => match u32::try_from(right) {
            Ok(exponent) => integer(left.checked_pow(exponent)),
            Err(_) if right > 0 && !(-1..=1).contains(&left) => integer(None),
            Err(_) => floats(operator, Number::Integer(left).as_float(), Number::Integer(right).as_float()),
        },
        Operator::Divide | Operator::Concatenate => {
            floats(operator, Number::Integer(left).as_float(), Number::Integer(right).as_float())
        }
    }
}

fn floats(operator: Operator, left: f64, right: f64) -> Outcome {
    let is_division = matches!(operator, Operator::Divide | Operator::FloorDivide | Operator::Remainder);
    if is_division && right == 0.0 {
        return Err(reason("division by zero"));
    }
    match operator {
        Operator::Add => float(left + right),
        Operator::Subtract => float(left - right),
        Operator::Multiply => float(left * right),
        Operator::Divide => float(left / right),
        Operator::FloorDivide => float((left / right).floor()),
        Operator::Remainder => {
            let rest = left % right;
            float(if rest != 0.0 && (rest < 0.0) != (right < 0.0) { rest + right } else { rest })
        }
        Operator::Power => float(left.powf(right)),
        Operator::Concatenate => Err(reason("`~` joins text")),
    }
}

/// Computes `-value`.
pub(crate) fn negated(value: &Value) -> Outcome {
    match Number::of(value) {
        Some(Number::Integer(value)) => integer(value.checked_neg()),
        Some(Number::Float(value)) => float(-value),
        None => Err(Failure::Reason(format!("`-` takes a number, not {}", type_name(value)))),
    }
}

/// Answers `left comparison right`.
pub(crate) fn compared(
    fuel: &dyn Fuel,
    comparison: Comparison,
    left: &Value,
    right: &Value,
) -> Result<bool, Failure> {
    Ok(match comparison {
        Comparison::Equal => is_equal(fuel, left, right)?,
        Comparison::Unequal => !is_equal(fuel, left, right)?,
        Comparison::In => is_member(fuel, left, right)?,
        Comparison::NotIn => !is_member(fuel, left, right)?,
        Comparison::Less => ordering(fuel, left, right)?.is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => ordering(fuel, left, right)?.is_some_and(Ordering::is_le),
        Comparison::Greater => ordering(fuel, left, right)?.is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => ordering(fuel, left, right)?.is_some_and(Ordering::is_ge),
    })
}

/// Orders two numbers or two strings. Null has no order, so every question about it is answered with no.
fn ordering(fuel: &dyn Fuel, left: &Value, right: &Value) -> Result<Option<Ordering>, Failure> {
    match (left.kind(), right.kind()) {
        (ValueKind::None, _) | (_, ValueKind::None) => Ok(None),
        (ValueKind::Number, ValueKind::Number) => Ok(left.partial_cmp(right)),
        (ValueKind::String, ValueKind::String) => {
            charge(fuel, left.as_str().map_or(0, str::len))?;
            Ok(left.as_str().partial_cmp(&right.as_str()))
        }
        _ => Err(reason("only two numbers or two strings have an order")),
    }
}

fn is_equal(fuel: &dyn Fuel, left: &Value, right: &Value) -> Result<bool, Failure> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        charge(fuel, left.len())?;
        return Ok(left == right);
    }
    if (left.kind() == ValueKind::Bool) != (right.kind() == ValueKind::Bool) {
        return Ok(false);
    }
    charge_walk(fuel, left)?;
    Ok(left == right)
}

/// Pays for one look at each member, or each byte of a text.
fn charge_walk(fuel: &dyn Fuel, value: &Value) -> Result<(), Failure> {
    match value.as_str() {
        Some(text) => charge(fuel, text.len()),
        None if value.as_object().is_none() => Ok(()),
        None => charge(fuel, value.len().unwrap_or(0).saturating_mul(MEMBER_BYTES)),
    }
}

fn is_member(fuel: &dyn Fuel, item: &Value, container: &Value) -> Result<bool, Failure> {
    charge_walk(fuel, container)?;
    match container.kind() {
        ValueKind::String => match item.as_str() {
            Some(part) => Ok(container.as_str().unwrap_or_default().contains(part)),
            None => Err(reason("only a string can be in a string")),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            for member in container.try_iter()?.checked() {
                if is_equal(fuel, &member?, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        ValueKind::Map => Ok(item.as_str().is_some() && !container.get_item(item)?.is_undefined()),
        _ => Err(reason("`in` takes a list, a map or a string on its right")),
    }
}

fn members(fuel: &dyn Fuel, value: &Value) -> Result<Vec<Value>, Failure> {
    charge_walk(fuel, value)?;
    Ok(value.try_iter()?.checked().collect::<Result<_, _>>()?)
}

/// Computes `value[first:end:step]` with the rules of Python.
pub(crate) fn sliced(fuel: &dyn Fuel, value: &Value, bounds: [Option<&Value>; 3]) -> Outcome {
    let bound = |value: Option<&Value>| match value {
        None => Ok(None),
        Some(value) if value.is_none() => Ok(None),
        Some(value) if value.is_integer() && value.as_i64().is_some() => Ok(value.as_i64()),
        Some(_) => Err(reason("the bounds of a slice are integers")),
    };
    let (first, end) = (bound(bounds[0])?, bound(bounds[1])?);
    let step = bound(bounds[2])?.unwrap_or(1);
    if step == 0 {
        return Err(reason("the step of a slice is not 0"));
    }
    match value.kind() {
        ValueKind::String => {
            charge_walk(fuel, value)?;
            let characters: Vec<char> = value.as_str().unwrap_or_default().chars().collect();
            Ok(Value::from(picked(&characters, first, end, step).into_iter().collect::<String>()))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            Ok(Value::from(picked(&members(fuel, value)?, first, end, step)))
        }
        _ => Err(Failure::Reason(format!("only lists and strings can be sliced, not {}", type_name(value)))),
    }
}

fn picked<T: Clone>(items: &[T], first: Option<i64>, end: Option<i64>, step: i64) -> Vec<T> {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    // Backwards, the places run from the last to one before the first.
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: i64| (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(low, high);
    let mut at = first.map_or(if step > 0 { low } else { high }, place);
    let end = end.map_or(if step > 0 { high } else { low }, place);
    let mut found = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        found.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(step);
    }
    found
}
