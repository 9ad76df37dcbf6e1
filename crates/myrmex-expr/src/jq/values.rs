//! Between JSON and jaq's values, within bounds on the way out.

use std::fmt;

use jaq_json::{Map, Num, Val};
use myrmex_model::value::{VALUE_BYTES_MAX, Value as Json};
use serde_json::Number;

use crate::convert::{Depth, Failure};
use crate::error::ResultLimit;

/// The most bytes of jq's own messages that are shown; they quote whole values.
const MESSAGE_BYTES_MAX: usize = 200;

/// Beyond this, floats do not tell neighbouring integers apart.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Takes in a value whose size and depth are bounded.
pub(super) fn input(json: Json) -> Val {
    match json {
        Json::Null => Val::Null,
        Json::Bool(flag) => Val::Bool(flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Val::Num(Num::from_integral(integer)),
            (None, Some(integer)) => Val::Num(Num::from_integral(integer)),
            (None, None) => Val::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Val::from(text),
        Json::Array(items) => items.into_iter().map(input).collect(),
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(key, field)| (Val::from(key), input(field)));
            Val::obj(fields.collect::<Map>())
        }
    }
}

/// Gives out what a program made, and how many bytes it has.
pub(super) fn output(value: &Val) -> Result<(Json, usize), Failure> {
    let mut left = VALUE_BYTES_MAX;
    let json = give(value, Depth::default(), &mut left)?;
    Ok((json, VALUE_BYTES_MAX - left))
}

fn give(value: &Val, depth: Depth, left: &mut usize) -> Result<Json, Failure> {
    take(left, 2)?;
    Ok(match value {
        Val::Null => Json::Null,
        Val::Bool(flag) => Json::Bool(*flag),
        Val::Num(number) => Json::Number(given_number(number)?),
        Val::TStr(text) => {
            take(left, text.len())?;
            Json::String(text_of(text)?)
        }
        Val::BStr(_) => return Err(Failure::Reason("bytes are not data; make a text of them".to_owned())),
        Val::Arr(items) => {
            let depth = depth.inner()?;
            Json::Array(items.iter().map(|item| give(item, depth, left)).collect::<Result<_, _>>()?)
        }
        Val::Obj(fields) => {
            let depth = depth.inner()?;
            let fields = fields.iter().map(|(key, field)| {
                let Val::TStr(name) = key else {
                    return Err(Failure::Reason("the keys of an object are texts".to_owned()));
                };
                take(left, name.len())?;
                Ok((text_of(name)?, give(field, depth, left)?))
            });
            Json::Object(fields.collect::<Result<_, _>>()?)
        }
    })
}

fn take(left: &mut usize, bytes: usize) -> Result<(), Failure> {
    *left = left.checked_sub(bytes).ok_or(Failure::Limit(ResultLimit::Bytes))?;
    Ok(())
}

fn text_of(bytes: &[u8]) -> Result<String, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::Reason("the text is not UTF-8".to_owned()));
    text.map(str::to_owned)
}

/// Makes a JSON number. jq knows one kind of number, so whole ones are integers, as jq prints them.
fn given_number(number: &Num) -> Result<Number, Failure> {
    if let Num::Int(integer) = number {
        return Ok(Number::from(*integer));
    }
    if let Num::BigInt(integer) = number {
        let text = if integer.bits() > 64 { String::new() } else { integer.to_string() };
        let too_large = |_| Failure::Reason("an integer does not fit into 64 bits".to_owned());
        let positive = text.parse::<u64>().map(Number::from);
        return positive.or_else(|_| text.parse::<i64>().map(Number::from)).map_err(too_large);
    }
    let float = float_of(number);
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number within the range of exact integers"
        )]
        return Ok(Number::from(float as i64));
    }
    let not_finite = || Failure::Reason("the result is not a finite number".to_owned());
    Number::from_f64(float).ok_or_else(not_finite)
}

/// Reads any number as a float.
#[expect(clippy::cast_precision_loss, reason = "as in jq, an integer beyond the exact ones is rounded")]
pub(super) fn float_of(number: &Num) -> f64 {
    match number {
        Num::Int(integer) => *integer as f64,
        Num::Float(float) => *float,
        Num::Dec(digits) => digits.parse().unwrap_or(f64::NAN),
        Num::BigInt(integer) if integer.bits() > 1024 => f64::INFINITY,
        Num::BigInt(integer) => integer.to_string().parse().unwrap_or(f64::NAN),
    }
}

/// Returns what `catch` is given: the value of `error(value)`, or jq's message, cut if it is long.
pub(super) fn of_error(error: jaq_core::Error<Val>) -> Val {
    // The two are told apart by the derived form, which begins with the name of the variant.
    let form = shown(format_args!("{error:?}"), "Error(Val".len());
    if form.starts_with("Error(Val") { error.into_val() } else { Val::from(message(error)) }
}

/// Returns jq's message, cut if it is long. A text that the program gave to `error` stands there as it is.
pub(super) fn message(error: jaq_core::Error<Val>) -> String {
    let message = shown(format_args!("{error}"), MESSAGE_BYTES_MAX);
    if !message.starts_with('"') {
        return message;
    }
    match error.into_val() {
        Val::TStr(text) => {
            let (beginning, is_cut) =
                text.split_at_checked(MESSAGE_BYTES_MAX).map_or((&**text, false), |(b, _)| (b, true));
            let mut text = String::from_utf8_lossy(beginning).into_owned();
            text.push_str(if is_cut { "…" } else { "" });
            text
        }
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => message,
    }
}

fn shown(what: fmt::Arguments<'_>, bytes_max: usize) -> String {
    let mut text = Short { text: String::new(), bytes_max };
    let is_whole = fmt::write(&mut text, what).is_ok();
    if is_whole { text.text } else { format!("{}…", text.text) }
}

/// Takes so much text and no more.
struct Short {
    text: String,
    bytes_max: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes_max - self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}
