//! The filters that jq programs may call: an allow-list of jaq's, and our own that look at values and pay.

use std::cmp::Ordering;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Fun, v};
use jaq_core::{Bind, Cv, Exn, Native, ValR, ValXs};
use jaq_json::{Num, Val};
use myrmex_model::value::{VALUE_BYTES_MAX, Value as Json};

use super::meter::{Metered, STEP_UNITS, pay, shallow_size, size};
use super::values;
use crate::convert::Failure;
use crate::error::ResultLimit;
use crate::filters::{self, RegexFlags};

/// The longest text that jq matches with a regular expression: it may search the rest again at each match.
const REGEX_TEXT_MAX: usize = 16 << 10;

/// The longest format of a time. Two bytes of it can make fifty of text.
const FORMAT_BYTES_MAX: usize = 256;

/// Seconds on both sides of 1970 that hold all years of four digits; jaq multiplies them without a look.
const SECONDS_MAX: f64 = 4e11;

/// What catching an error costs: its message is made.
const CAUGHT_UNITS: u64 = 256;

/// Names that are ours, inserted by [`super::rewrite`] or by our definitions; programs may not use them.
#[rustfmt::skip]
pub(super) const OWN: &[&str] = &[
    "_call", "_cells", "_codes", "_contains", "_copied", "_format", "_gmtime", "_has", "_implode", "_indices", "_key", "_long",
    "_main", "_matches", "_mktime", "_multiply", "_owned", "_product", "_put", "_regex", "_sized", "_sliced", "_split_",
    "_split_matches", "_step", "_strftime", "_strptime", "_subscript", "_text", "_time", "_todateiso8601", "_try",
];

/// Filters of jaq that read their whole input and arguments.
#[rustfmt::skip]
pub(super) const DEEP: &[&str] = &[
    "ascii_downcase", "ascii_upcase", "bsearch", "decode_base64", "decode_uri", "encode_base64", "encode_uri",
    "endswith", "escape_html", "escape_sh", "explode", "fromdateiso8601", "fromjson", "group_by", "implode",
    "key_values", "keys_unsorted", "ltrim", "ltrimstr", "max_by_or_empty", "min_by_or_empty", "reverse", "rtrim",
    "rtrimstr", "sort", "sort_by", "startswith", "strftime", "strptime", "tobytes", "tojson", "trim", "unescape_html",
];

/// Filters of jaq that read their whole input if it is a text, and next to nothing of others.
pub(super) const TEXTS: &[&str] = &["length", "utf8bytelength"];

/// Filters of jaq that stand under another name, because our definition of the name looks at the input first.
const RENAMED: &[(&str, &str)] = &[
    ("contains", "_contains"),
    ("gmtime", "_gmtime"),
    ("has", "_has"),
    ("implode", "_implode"),
    ("indices", "_indices"),
    ("matches", "_matches"),
    ("mktime", "_mktime"),
    ("split_", "_split_"),
    ("split_matches", "_split_matches"),
    ("strftime", "_strftime"),
    ("strptime", "_strptime"),
    ("todateiso8601", "_todateiso8601"),
];

/// The filters of jaq that are native and allowed. Left out on purpose: see [`super::REFUSED`]; `fromjson` and `range`
/// are our own.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    "acos", "acosh", "ascii_downcase", "ascii_upcase", "asin", "asinh", "atan", "atan2", "atanh", "bsearch", "cbrt",
    "ceil", "contains", "copysign", "cos", "cosh", "decode_base64", "decode_uri", "encode_base64", "encode_uri",
    "endswith", "erf", "erfc", "error_empty", "escape_html", "escape_sh", "exp", "exp10", "exp2", "explode", "expm1",
    "fabs", "fdim", "first", "floor", "fma", "fmax", "fmin", "fmod", "frexp", "fromdateiso8601", "gmtime",
    "group_by", "has", "hypot", "ilogb", "implode", "indices", "j0", "j1", "key_values", "keys_unsorted", "last",
    "ldexp", "length", "lgamma", "limit", "log", "log10", "log1p", "log2", "ltrim", "ltrimstr", "matches",
    "max_by_or_empty", "min_by_or_empty", "mktime", "modf", "nearbyint", "nextafter", "path", "path_value", "pow",
    "remainder", "reverse", "rint", "round", "rtrim", "rtrimstr", "scalbln", "sin", "sinh", "skip", "sort", "sort_by",
    "split_", "split_matches", "sqrt", "startswith", "strftime", "strptime", "tan", "tanh", "tgamma", "tobytes",
    "todateiso8601", "tojson", "trim", "trunc", "unescape_html", "utf8bytelength", "y0", "y1",
];

/// What a change costs: a copy, unless nothing else holds the value.
#[expect(clippy::unnecessary_wraps, reason = "prices have one type")]
fn copied(value: &Val, _: u64) -> Result<u64, Failure> {
    let is_ours = match value {
        Val::Null | Val::Bool(_) | Val::Num(_) => true,
        Val::BStr(text) | Val::TStr(text) => text.is_unique(),
        Val::Arr(items) => jaq_json::Rc::strong_count(items) == 1,
        Val::Obj(fields) => jaq_json::Rc::strong_count(fields) == 1,
    };
    Ok(if is_ours { 0 } else { shallow_size(value) })
}

#[expect(clippy::unnecessary_wraps, reason = "prices have one type")]
fn sliced(value: &Val, _: u64) -> Result<u64, Failure> {
    Ok(shallow_size(value))
}

#[expect(clippy::unnecessary_wraps, reason = "prices have one type")]
fn text(value: &Val, _: u64) -> Result<u64, Failure> {
    Ok(match value {
        Val::BStr(text) | Val::TStr(text) => text.len() as u64,
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::Arr(_) | Val::Obj(_) => 0,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "prices have one type")]
fn step(_: &Val, _: u64) -> Result<u64, Failure> {
    Ok(STEP_UNITS)
}

#[expect(clippy::unnecessary_wraps, reason = "prices have one type")]
fn called(_: &Val, _: u64) -> Result<u64, Failure> {
    Ok(STEP_UNITS / 2)
}

/// What a path costs: it is copied twice, step by step.
fn long(value: &Val, most: u64) -> Result<u64, Failure> {
    size(value, most).map(|units| units.saturating_mul(8))
}

/// A filter that passes its input through and pays for it; paths and updates pass through too.
macro_rules! paying {
    ($name:literal, $price:ident) => {
        (
            $name,
            v(0),
            Native::<Metered>::new(|cv| {
                let paid = pay(&cv.0, |left| $price(&cv.1, left));
                box_once(paid.map(|()| cv.1))
            })
            .with_paths(|cv| {
                let paid = pay(&cv.0, |left| $price(&cv.1.0, left));
                box_once(paid.map(|()| cv.1))
            })
            .with_update(|cv, update| match pay(&cv.0, |left| $price(&cv.1, left)) {
                Ok(()) => update(cv.1),
                Err(stop) => box_once(Err(stop)),
            }),
        )
    };
}

/// Pays for a copy where something is changed; reading it is free.
fn owned() -> Fun<Metered> {
    let native = Native::<Metered>::new(|cv| box_once(Ok(cv.1)))
        .with_paths(|cv| box_once(Ok(cv.1)))
        .with_update(|cv, update| match pay(&cv.0, |left| copied(&cv.1, left)) {
            Ok(()) => update(cv.1),
            Err(stop) => box_once(Err(stop)),
        });
    ("_owned", v(0), native)
}

/// `try body catch handler`, with messages of bounded length.
fn attempt() -> Fun<Metered> {
    let native = Native::<Metered>::new(|mut cv| {
        let (handler, handler_context) = cv.0.pop_fun();
        let (body, body_context) = cv.0.pop_fun();
        let purse = cv.0.data().purse;
        let mut outputs = body.run((body_context, cv.1));
        let mut second: Option<ValXs<'_, Val>> = None;
        Box::new(std::iter::from_fn(move || {
            if let Some(second) = &mut second {
                return second.next();
            }
            match outputs.next()?.map_err(Exn::get_err) {
                Ok(value) => Some(Ok(value)),
                Err(Err(passing)) => Some(Err(passing)),
                Err(Ok(error)) => {
                    if let Err(stop) = purse.pay(Ok(CAUGHT_UNITS)) {
                        return Some(Err(stop));
                    }
                    let value = values::of_error(error);
                    second.insert(handler.run((handler_context.clone(), value))).next()
                }
            }
        }))
    })
    .with_paths(|mut cv| {
        let _handler = cv.0.pop_fun();
        let (body, body_context) = cv.0.pop_fun();
        let mut outputs = body.paths((body_context, cv.1));
        // What a handler gives has no path; without a handler the paths simply end.
        Box::new(std::iter::from_fn(move || match outputs.next()?.map_err(Exn::get_err) {
            Ok(found) => Some(Ok(found)),
            Err(Err(passing)) => Some(Err(passing)),
            Err(Ok(_)) => None,
        }))
    });
    ("_try", [Bind::Fun(()), Bind::Fun(())].into(), native)
}

/// Returns all native filters, ours first.
pub(super) fn natives() -> Vec<Fun<Metered>> {
    let mut natives: Vec<Fun<Metered>> = vec![
        paying!("_step", step),
        paying!("_call", called),
        paying!("_sized", size),
        paying!("_copied", copied),
        paying!("_sliced", sliced),
        paying!("_text", text),
        paying!("_long", long),
        owned(),
        attempt(),
        ("_subscript", v(0), Native::<Metered>::new(subscript)),
        ("_key", v(1), Native::<Metered>::new(key)),
        ("_multiply", v(2), Native::<Metered>::new(multiply)),
        ("_product", v(1), Native::<Metered>::new(product)),
        ("_regex", v(2), Native::<Metered>::new(regex)),
        ("_time", v(0), Native::<Metered>::new(time)),
        ("_format", v(1), Native::<Metered>::new(format)),
        ("_codes", v(0), Native::<Metered>::new(codes)),
        ("range", v(3), Native::<Metered>::new(range)),
    ];
    let theirs =
        jaq_core::funs::<Metered>().chain(jaq_std::funs::<Metered>()).chain(jaq_json::funs::<Metered>());
    natives.extend(theirs.filter(|(name, _, _)| ALLOWED.contains(name)).map(|(name, arguments, native)| {
        let renamed = RENAMED.iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| to);
        (renamed, arguments, native)
    }));
    natives.push(("fromjson", v(0), Native::<Metered>::new(from_json)));
    natives
}

fn failed<'a>(reason: impl Into<String>) -> ValXs<'a, Val> {
    box_once(Err(jaq_core::Error::str(reason.into()).into()))
}

/// Passes a subscript that is found at once; jaq searches for an array.
fn subscript(cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    match &cv.1 {
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::TStr(_) => {
            let paid = pay(&cv.0, |left| size(&cv.1, left));
            box_once(paid.map(|()| cv.1))
        }
        Val::Arr(_) | Val::Obj(_) => {
            failed("a subscript is a text or a number; see `indices` and `.[from:to]`")
        }
    }
}

/// Looks at a key before it is looked up; passes the input through.
fn key(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    match cv.0.pop_var() {
        Val::Arr(_) | Val::Obj(_) => failed("a key is a text or a number"),
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::TStr(_) => box_once(Ok(cv.1)),
    }
}

/// `$left * $right`, priced before it is made.
fn multiply(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let right = cv.0.pop_var();
    let left = cv.0.pop_var();
    let paid = pay(&cv.0, |most| {
        let sizes = size(&left, most)?.saturating_add(size(&right, most)?);
        match (&left, &right) {
            (text @ (Val::TStr(_) | Val::BStr(_)), Val::Num(number))
            | (Val::Num(number), text @ (Val::TStr(_) | Val::BStr(_))) => repeated(text, number),
            _ => Ok(sizes),
        }
    });
    box_once(paid.and_then(|()| (left * right).map_err(Exn::from)))
}

/// Returns what a text costs that is repeated `times` times.
fn repeated(text: &Val, times: &Num) -> Result<u64, Failure> {
    let times = values::float_of(times).max(0.0).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
    let bytes = shallow_size(text).saturating_mul(times as u64);
    if bytes > VALUE_BYTES_MAX as u64 { Err(Failure::Limit(ResultLimit::Bytes)) } else { Ok(bytes) }
}

/// Pays for comparing each part of the input with each part of the argument; passes the input through.
fn product(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let other = cv.0.pop_var();
    let paid = pay(&cv.0, |most| {
        let (one, other) = (size(&cv.1, most)?, size(&other, most)?);
        Ok(one.saturating_add(other).saturating_add(one.saturating_mul(other) / 256))
    });
    box_once(paid.map(|()| cv.1))
}

/// Looks at a pattern and a text before they meet; passes the text through.
fn regex(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    let (Val::TStr(text), Val::TStr(pattern), Val::TStr(flags)) = (&cv.1, &pattern, &flags) else {
        return failed("a regular expression, its flags and what it is matched with are texts");
    };
    if text.len() > REGEX_TEXT_MAX {
        return failed(format!("a text of more than {REGEX_TEXT_MAX} bytes is not matched in jq"));
    }
    let flags = RegexFlags { ignore_case: flags.contains(&b'i'), ignore_blanks: flags.contains(&b'x') };
    let size = match std::str::from_utf8(pattern).map(|pattern| filters::size_of_pattern(pattern, flags)) {
        Ok(Ok(size)) => size as u64,
        Ok(Err(refusal)) => return failed(refusal),
        Err(_) => return failed("the pattern is not text"),
    };
    let paid = pay(&cv.0, |_| Ok(size / 4 + (text.len() as u64 + 64).saturating_mul(size / 512)));
    box_once(paid.map(|()| cv.1))
}

/// Passes a time that jaq can compute with: seconds since 1970, or a list of year, month (from 0), day and so on.
fn time(cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let within = |value: &Val, low: f64, high: f64| match value {
        Val::Num(number) => (low..=high).contains(&values::float_of(number)),
        Val::Null | Val::Bool(_) | Val::BStr(_) | Val::TStr(_) | Val::Arr(_) | Val::Obj(_) => false,
    };
    let is_fine = match &cv.1 {
        Val::Arr(parts) => {
            parts.iter().all(|part| within(part, -10_000.0, 10_000.0))
                && parts.get(1).is_none_or(|month| within(month, 0.0, 11.0))
        }
        other => within(other, -SECONDS_MAX, SECONDS_MAX),
    };
    if is_fine { box_once(Ok(cv.1)) } else { failed("this is not a time") }
}

/// Looks at the format of a time; passes the input through.
fn format(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    match cv.0.pop_var() {
        Val::TStr(format) if format.len() > FORMAT_BYTES_MAX => {
            failed(format!("the format of a time has at most {FORMAT_BYTES_MAX} bytes"))
        }
        // They stand for the names of time zones, which are found on the machine.
        Val::TStr(format) if reads_zone(&format) => failed("there are no time zones here: `%Q` is refused"),
        _ => box_once(Ok(cv.1)),
    }
}

/// Returns whether `format` holds `%Q`, with or without flags, width and colons between the two.
fn reads_zone(format: &[u8]) -> bool {
    let mut rest = format.iter();
    while rest.by_ref().any(|byte| *byte == b'%') {
        let letter = rest.by_ref().find(|byte| byte.is_ascii_alphabetic() || **byte == b'%');
        if letter == Some(&b'Q') {
            return true;
        }
    }
    false
}

/// Passes a list of code points; negative ones stand for bytes.
fn codes(cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let is_code = |item: &Val| match item {
        Val::Num(Num::Int(code)) => (-255..=0x10_FFFF).contains(code),
        _ => false,
    };
    match &cv.1 {
        Val::Arr(items) if items.iter().all(is_code) => {
            let paid = pay(&cv.0, |left| size(&cv.1, left));
            box_once(paid.map(|()| cv.1))
        }
        _ => failed("a text is made of a list of code points"),
    }
}

/// Reads one JSON text, as the filter `from_json` does. jaq reads several, and more than JSON.
#[expect(clippy::needless_pass_by_value, reason = "native filters have one type")]
fn from_json(cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let Val::TStr(text) = &cv.1 else { return failed("`fromjson` takes a text") };
    match serde_json::from_slice::<Json>(text) {
        Ok(json) => box_once(Ok(values::input(json))),
        Err(error) => failed(format!("not JSON: {error}")),
    }
}

/// `range($from; $to; $by)`, each output paid.
fn range(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let by = cv.0.pop_var();
    let to = cv.0.pop_var();
    let from = cv.0.pop_var();
    let direction = by.cmp(&Val::from(0_usize));
    let purse = cv.0.data().purse;
    let mut next: Option<ValR<Val>> = Some(Ok(from));
    Box::new(std::iter::from_fn(move || {
        let current = match next.take()? {
            Ok(current) => current,
            Err(error) => return Some(Err(error.into())),
        };
        let goes_on = match direction {
            Ordering::Greater => current < to,
            Ordering::Less => current > to,
            Ordering::Equal => current != to,
        };
        if !goes_on {
            return None;
        }
        let paid = purse.pay(size(&current, purse.left()).map(|units| units + STEP_UNITS));
        if paid.is_ok() {
            next = Some(current.clone() + by.clone());
        }
        Some(paid.map(|()| current))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jq::REFUSED;

    #[test]
    fn every_native_filter_of_jaq_is_allowed_or_refused() {
        let theirs =
            jaq_core::funs::<Metered>().chain(jaq_std::funs::<Metered>()).chain(jaq_json::funs::<Metered>());
        let names: Vec<&str> = theirs.map(|(name, _, _)| name).collect();
        for name in &names {
            let is_ours = ["fromjson", "range"].contains(name);
            assert!(ALLOWED.contains(name) || REFUSED.contains(name) || is_ours, "{name}");
            assert!(!(ALLOWED.contains(name) && REFUSED.contains(name)), "{name}");
        }
        assert!(ALLOWED.iter().all(|name| names.contains(name)));
        assert!(RENAMED.iter().all(|(from, to)| ALLOWED.contains(from) && OWN.contains(to)));
        assert!(ALLOWED.is_sorted() && OWN.is_sorted() && DEEP.is_sorted());
    }

    #[test]
    fn names_of_time_zones_are_found_behind_flags() {
        assert!(reads_zone(b"%F %Q") && reads_zone(b"%:Q") && reads_zone(b"%%%-10Q"));
        assert!(!reads_zone(b"%FQ") && !reads_zone(b"%%Q") && !reads_zone(b"%H:%M:%SZ"));
    }
}
