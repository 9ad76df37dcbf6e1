//! jq programs inside expressions: compiled when an expression is read, run with the fuel of its evaluation.
//!
//! jaq interprets them. What it offers is cut down by name to what depends on nothing but the input, and prices are
//! put into every program ([`rewrite`]), so that generators, copies and doubled values end with the fuel. Recursive
//! definitions of a program are refused. What this module does not do: it bounds no time; see [`JqRunner`].

mod job;
mod meter;
mod natives;
mod programs;
mod rewrite;
mod values;

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use jaq_core::load::lex::Lexer;
use jaq_core::load::parse::{Def, Parser};
use jaq_core::load::{Arena, File, Loader, parse};
use jaq_core::{Compiler, Ctx, Exn, Filter, Vars};
use jaq_json::Val;
use myrmex_model::value::Value as Json;

use crate::convert::{BYTES_PER_FUEL, Failure};
use meter::{Meter, Metered, Purse, UNITS_PER_FUEL};
use rewrite::{Rewriting, Term};

pub(crate) use programs::Programs;

pub use job::{JqAnswer, JqDirect, JqJob, JqRunner, JqTrouble};

/// What jaq brings and no program may call: it ends the process, reads its input, environment, clock or time zone,
/// writes to its log, or takes time by the size of a number.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "debug", "debug_empty", "env", "halt", "halt_error", "input", "inputs", "jn", "localtime", "now", "stderr",
    "stderr_empty", "strflocaltime", "yn",
];

/// The definitions of jaq that are allowed.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    "@base64", "@base64d", "@html", "@htmld", "@json", "@sh", "@text", "@uri", "@urid", "abs", "add", "all", "any",
    "arrays", "booleans", "capture", "capture_of_match", "combinations", "del", "delpaths", "drem", "empty", "error",
    "false", "finites", "first", "flatten", "from_entries", "fromdate", "gamma", "getpath", "gsub", "in", "index",
    "infinite", "inside", "isarray", "isboolean", "isempty", "isfinite", "isinfinite", "isnan", "isnormal", "isnumber",
    "isobject", "isstring", "iterables", "join", "keys", "last", "logb", "map", "map_values", "match", "max", "max_by",
    "min", "min_by", "nan", "nexttoward", "normals", "not", "nth", "null", "nulls", "numbers", "objects", "paths",
    "pick", "pow10", "range", "recurse", "repeat", "rindex", "scalars", "scalb", "scan", "scan_", "select", "setpath",
    "significand", "split", "splits", "strings", "sub", "test", "to_entries", "toboolean", "todate", "tonumber",
    "tostring", "totype", "transpose", "true", "type", "unique", "unique_by", "until", "values", "walk", "while",
    "with_entries",
];

/// Those of them for which ours stand.
const REPLACED: &[&str] = &["join", "null", "setpath", "until", "while"];

/// Our definitions that stand between those of jaq-core and of jaq-std.
const GUARDS: &str = include_str!("guards.jq");

/// Our definitions that stand after those of jaq.
const ADDITIONS: &str = include_str!("additions.jq");

/// A definition of the standard library with prices in it, and the names it calls.
struct Standard {
    definition: Def<&'static str>,
    calls: Vec<&'static str>,
}

static STANDARD: LazyLock<Vec<Standard>> = LazyLock::new(|| {
    let own = |source| parse(source, |parser| parser.defs()).expect("our own definitions are jq");
    let allowed =
        |definition: &Def<&str>| ALLOWED.contains(&definition.name) && !REPLACED.contains(&definition.name);
    let all = jaq_core::defs()
        .filter(allowed)
        .chain(own(GUARDS))
        .chain(jaq_std::defs().chain(jaq_json::defs()).filter(allowed))
        .chain(own(ADDITIONS));
    let price = |definition| {
        let mut rewriting = Rewriting::default();
        let definition = rewriting.definition(definition);
        Standard { definition, calls: rewriting.calls }
    };
    all.map(price).collect()
});

/// A jq program, compiled.
pub(crate) struct Program {
    filter: Filter<Metered>,
}

/// Why a program is refused, and the bytes of it at fault.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    pub(crate) span: Range<usize>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Compiles `source`.
    ///
    /// # Errors
    ///
    /// Returns jq's message if `source` is no program, calls what does not exist or is refused, or defines a filter
    /// that calls itself.
    pub(crate) fn new(source: &str) -> Result<Self, Refused> {
        let mut rewriting = Rewriting::of_program();
        let main = rewriting.term(parsed(source)?);
        if let Some((name, reason)) = rewriting.refused {
            return Err(Refused { reason, span: span_of(source, name) });
        }
        let names = needed(rewriting.calls);
        let standard = STANDARD.iter().filter(|standard| names.contains(&standard.definition.name));
        let main = Def { name: "_main", args: Vec::new(), body: main };
        let prelude = standard.map(|standard| standard.definition.clone()).chain([main]);
        let arena = Arena::default();
        let whole = |reason: &str| Refused { reason: reason.to_owned(), span: 0..source.len() };
        let modules = Loader::new(prelude).load(&arena, File { code: "_main", path: () });
        let modules = modules.map_err(|_| whole("the program cannot be loaded"))?;
        let natives = natives::natives().into_iter();
        let natives = natives.filter(|(name, _, _)| names.contains(name) || natives::OWN.contains(name));
        let compiled = Compiler::default().with_funs(natives).compile(modules);
        let filter = compiled.map_err(|errors| {
            let first = errors.first().and_then(|(_, errors)| errors.first());
            first.map_or_else(
                || whole("the program cannot be compiled"),
                |(name, kind)| Refused { reason: unknown(name, kind), span: span_of(source, name) },
            )
        })?;
        Ok(Self { filter })
    }

    /// Runs the program on `input`, of bounded size and depth.
    fn run(&self, input: Json, fuel: u64) -> JqAnswer {
        let purse = Purse::new(fuel);
        let meter = Meter { lut: &self.filter.lut, purse: &purse };
        let input = values::input(input);
        let mut outputs = self.filter.id.run((Ctx::<Metered>::new(meter, Vars::new([])), input));
        let first = outputs.next();
        // One value is wanted: there is no use in a second but to know that there is one.
        let is_more = matches!(first, Some(Ok(_))) && outputs.next().is_some();
        drop(outputs);
        let outcome = first.transpose().map_err(|exception| failure_of(&exception));
        let spent = fuel - purse.left() / UNITS_PER_FUEL;
        let outcome = match purse.into_failure() {
            Some(failure) => Err(failure),
            None if is_more => {
                Err(Failure::Reason("the program has more than one output; wrap it in `[...]`".to_owned()))
            }
            None => outcome,
        };
        let given = outcome.and_then(|value| value.map(|value| values::output(&value)).transpose());
        match given {
            Ok(Some((json, bytes))) => {
                JqAnswer { outcome: Ok(Some(json)), spent: spent + bytes as u64 / BYTES_PER_FUEL }
            }
            Ok(None) => JqAnswer { outcome: Ok(None), spent },
            Err(failure) => JqAnswer { outcome: Err(failure), spent },
        }
    }
}

fn failure_of(exception: &Exn<'_, Val>) -> Failure {
    let reason = match exception.clone().get_err() {
        Ok(error) => values::message(error),
        Err(_) => "`break` without its label".to_owned(),
    };
    Failure::Reason(reason)
}

/// Returns where `part`, which was cut out of `source`, stands in it; all of it if it stands elsewhere.
fn span_of(source: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(source.as_ptr().addr());
    match start.checked_add(part.len()) {
        Some(end) if end <= source.len() => start..end,
        _ => 0..source.len(),
    }
}

fn parsed(source: &str) -> Result<Term<'_>, Refused> {
    let cut = |text: &str| text.chars().take(20).collect::<String>();
    let end = source.len()..source.len();
    let unreadable = || Refused { reason: "the program cannot be read".to_owned(), span: 0..source.len() };
    let tokens = Lexer::new(source).lex().map_err(|errors| match errors.first() {
        Some((expected, "")) => {
            Refused { reason: format!("expected {}, found the end", expected.as_str()), span: end.clone() }
        }
        Some((expected, found)) => {
            let first = &found[..found.chars().next().map_or(0, char::len_utf8)];
            let reason = format!("expected {} at `{}`", expected.as_str(), cut(found));
            Refused { reason, span: span_of(source, first) }
        }
        None => unreadable(),
    })?;
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| match errors.first() {
        Some((expected, Some(found))) => {
            let reason = format!("expected {} at `{}`", expected.as_str(), cut(found.0));
            Refused { reason, span: span_of(source, found.0) }
        }
        Some((expected, None)) => {
            Refused { reason: format!("expected {}, found the end", expected.as_str()), span: end.clone() }
        }
        None => unreadable(),
    })
}

/// Adds to `calls` what the standard library calls for them.
fn needed(calls: Vec<&str>) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut open = calls;
    while let Some(name) = open.pop() {
        if !names.contains(&name) {
            names.push(name);
            let standard = STANDARD.iter().filter(|standard| standard.definition.name == name);
            open.extend(standard.flat_map(|standard| &standard.calls));
        }
    }
    names
}

fn unknown(name: &str, kind: &jaq_core::compile::Undefined) -> String {
    use jaq_core::compile::Undefined;
    match kind {
        Undefined::Filter(_) if REFUSED.contains(&name) => {
            format!("`{name}` is not allowed in an expression")
        }
        Undefined::Filter(arity) => format!("unknown filter `{name}/{arity}`"),
        other => format!("unknown {} `{name}`", other.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_of_jaq_is_allowed_or_refused() {
        let names: Vec<&str> =
            jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).map(|d| d.name).collect();
        assert!(names.iter().all(|name| ALLOWED.contains(name) != REFUSED.contains(name)));
        assert!(ALLOWED.iter().all(|name| names.contains(name)));
        assert!(ALLOWED.is_sorted() && REFUSED.is_sorted());
        assert!(REPLACED.iter().all(|name| ALLOWED.contains(name)));
    }

    #[test]
    fn what_our_definitions_call_exists() {
        for standard in STANDARD.iter() {
            let Def { name, args, .. } = &standard.definition;
            if natives::OWN.contains(name) || ["capture_of_match", "scan_"].contains(name) {
                continue;
            }
            let arguments: Vec<&str> = args.iter().map(|_| ".").collect();
            let call = match arguments.len() {
                0 => (*name).to_owned(),
                _ => format!("{name}({})", arguments.join("; ")),
            };
            if let Err(refused) = Program::new(&call) {
                panic!("{call}: {}", refused.reason);
            }
        }
    }
}
