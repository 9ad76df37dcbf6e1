//! Reads the tree into an [outline](crate::outline): keys and the forms of their values, each on its own.
//!
//! Names of other tasks, inputs and variables are only collected here; [`crate::resolve`] looks them up.

mod asks;
mod cache;
mod calendar;
mod call;
mod concurrency;
mod expression;
mod files;
pub(crate) mod foreign;
mod forms;
pub(crate) mod gate;
mod handlers;
mod hints;
mod items;
pub(crate) mod keys;
mod keywords;
mod library;
pub(crate) mod order;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod project;
pub(crate) mod resources;
mod risks;
pub(crate) mod schema;
mod secret;
mod slips;
mod switch;
pub(crate) mod task;
pub(crate) mod verb;
pub(crate) mod work;
mod workflow;

use std::collections::BTreeSet;
use std::str::FromStr;

use myrmex_model::diagnostic::Code;
use myrmex_model::name::Name;
use myrmex_model::planning::Price;
use myrmex_model::time::{Length, TimeError};

use self::keys::Keys;
use crate::codes;
use crate::outline::{Mention, Spot};
use crate::report::Report;
use crate::tree::{Entry, List, Map, Meaning, Node, Place, Scalar};

pub(crate) use workflow::read;

/// Reads parts of one file and reports what is wrong with each.
struct Reader<'t> {
    text: &'t str,
    report: &'t mut Report,
    scopes: usize,
    tasks: usize,
    /// The inputs whose values are names of secrets.
    secret_inputs: BTreeSet<String>,
    /// Whether it is a project, whose durations count working time.
    is_project: bool,
    /// What is named and has to be looked up.
    mentions: Vec<Mention>,
    /// All prices.
    prices: Vec<Spot<Price>>,
    /// How many people of which role are asked for at a time.
    crews: Vec<Spot<(Name, u32)>>,
}

/// The entries of a map whose keys were checked.
struct Fields<'n> {
    map: &'n Map,
}

impl<'n> Fields<'n> {
    /// Returns the entry of `key`, if it has a value that was not refused.
    fn get(&self, key: &str) -> Option<&'n Entry> {
        self.map.entry(key).filter(|entry| !entry.value.is_broken())
    }

    /// Returns whether `key` is there at all.
    fn has(&self, key: &str) -> bool {
        self.map.entry(key).is_some()
    }
}

/// How an expression starts.
const HOLE: &str = "${{";

impl Reader<'_> {
    /// Checks the keys of `map`: unknown ones, and ones that are not supported yet.
    fn fields<'n>(&mut self, map: &'n Map, keys: &Keys) -> Fields<'n> {
        for entry in &map.entries {
            let (key, place) = (entry.key.text.as_str(), entry.key.place);
            if keys.known(key).is_some() || key.starts_with("x-") {
                continue;
            }
            if keys.all_later().any(|later| later == key) {
                self.report.refuse(codes::KEY_LATER, place, format!("`{key}` is not supported yet"));
            } else {
                let message = format!("unknown key `{key}` in {}", keys.owner);
                if let Some(hint) = foreign::instead_of_key(key, keys) {
                    self.report.refuse_hint(codes::KEY_UNKNOWN, place, message, hint);
                    continue;
                }
                let words = keys.all().map(|key| key.name).chain(keys.all_later());
                self.report.refuse_word(codes::KEY_UNKNOWN, place, message, (key, words));
            }
        }
        Fields { map }
    }

    /// Reports a value of the wrong type, unless it was refused before.
    fn refuse_type(&mut self, what: &str, expected: &str, node: &Node) {
        if node.is_broken() {
            return;
        }
        let message = match expected {
            "something" => format!("{what} is empty"),
            _ => format!("{what} must be {expected}, this is {}", node.type_word()),
        };
        match hints::of_type(what, expected, node) {
            Some(hint) => self.report.refuse_hint(codes::TYPE, node.place, message, hint),
            None => self.report.refuse(codes::TYPE, node.place, message),
        }
    }

    fn map<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n Map> {
        let map = node.as_map();
        if map.is_none() {
            self.refuse_type(what, "a map", node);
        }
        map
    }

    fn list<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n List> {
        let list = node.as_list();
        if list.is_none() {
            self.refuse_type(what, "a list", node);
        }
        list
    }

    /// Reads text in which no expression may stand.
    fn fixed_text<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n str> {
        let Some(text) = node.as_scalar().and_then(|scalar| scalar.as_text()) else {
            self.refuse_type(what, "text", node);
            return None;
        };
        if self.refuse_hole(what, node) { None } else { Some(text) }
    }

    /// Checks text that is for people only; nothing in it is an expression.
    fn remark(&mut self, key: &str, node: &Node) {
        if node.as_scalar().and_then(|scalar| scalar.as_text()).is_none() {
            self.refuse_type(&format!("`{key}`"), "text", node);
        }
    }

    /// Reports an expression where a fixed value is needed; returns whether there is one.
    fn refuse_hole(&mut self, what: &str, node: &Node) -> bool {
        let is_hole = node.as_scalar().is_some_and(|scalar| scalar.text.contains(HOLE));
        if is_hole {
            let message = format!("{what} must be fixed, an expression cannot stand here");
            self.report.refuse(codes::EXPRESSION_MISPLACED, node.place, message);
        }
        is_hole
    }

    /// Reads a name; reports it if it is not one, but returns the text all the same, so that what refers to it is
    /// not reported too.
    fn name(&mut self, what: &str, text: &str, place: Place) -> Spot<String> {
        let source = self.text.get(place.start..place.end).unwrap_or_default();
        let refused = match Name::new(text) {
            Err(error) => Some((error.to_string(), hints::of_name(text))),
            Ok(_) => hints::bare_meaning(source).map(|meaning| {
                (format!("without quotes it is {meaning}"), Some("put it in quotes, or take another name"))
            }),
        };
        if let Some((why, hint)) = refused {
            let mut diagnostic =
                self.report.error(codes::NAME, place, format!("`{text}` cannot name {what}: {why}"));
            diagnostic.hint = hint.map(str::to_owned);
            self.report.push(diagnostic);
        }
        Spot { value: text.to_owned(), place }
    }

    fn boolean(&mut self, what: &str, node: &Node) -> Option<bool> {
        match node.as_scalar().map(|scalar| &scalar.meaning) {
            Some(Meaning::Boolean(flag)) => Some(*flag),
            Some(Meaning::Text | Meaning::Null | Meaning::Number(_)) | None => {
                if !self.refuse_hole(what, node) {
                    self.refuse_type(what, "`true` or `false`", node);
                }
                None
            }
        }
    }

    /// Reads a count of at least one.
    fn count(&mut self, what: &str, node: &Node) -> Option<u32> {
        self.count_up_to(what, node, u32::MAX)
    }

    fn count_up_to(&mut self, what: &str, node: &Node, most: u32) -> Option<u32> {
        let Some(Meaning::Number(number)) = node.as_scalar().map(|scalar| &scalar.meaning) else {
            if !self.refuse_hole(what, node) {
                self.refuse_type(what, "an integer", node);
            }
            return None;
        };
        if number.is_f64() {
            self.report.refuse(
                codes::TYPE,
                node.place,
                format!("{what} must be an integer, this is {number}"),
            );
            return None;
        }
        let count = number.as_u64().and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (1..=most).contains(count));
        if count.is_none() {
            let is_small = number.as_u64().is_none_or(|count| count == 0);
            let bound = match most {
                u32::MAX if is_small => "at least 1".to_owned(),
                u32::MAX => format!("at most {most}"),
                _ => format!("between 1 and {most}"),
            };
            let message = format!("{what} must be {bound}, this is {number}");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
        }
        count
    }

    fn number(&mut self, what: &str, node: &Node) -> Option<f64> {
        match node.as_scalar().map(|scalar| &scalar.meaning) {
            Some(Meaning::Number(number)) => number.as_f64(),
            Some(Meaning::Text | Meaning::Null | Meaning::Boolean(_)) | None => {
                self.refuse_type(what, "a number", node);
                None
            }
        }
    }

    fn length(&mut self, what: &str, node: &Node) -> Option<Length> {
        if self.refuse_hole(what, node) {
            return None;
        }
        let Some(text) = node.as_scalar().map(|scalar| scalar.text.as_str()).filter(|_| !node.is_null())
        else {
            self.refuse_type(what, "a duration", node);
            return None;
        };
        self.parsed_length(text, node.place)
    }

    fn parsed_length(&mut self, text: &str, place: Place) -> Option<Length> {
        match Length::from_str(text) {
            Ok(length) => Some(length),
            Err(error) => {
                let mut diagnostic = self.report.error(codes::DURATION, place, error.to_string());
                if matches!(error, TimeError::Unit(_)) {
                    diagnostic = diagnostic.with_hint(format!("write `{text}s` if it is seconds"));
                } else if let Some(meant) = hints::length_meant(text) {
                    diagnostic = diagnostic.with_hint(format!("did you mean `{meant}`?"));
                } else if text.strip_prefix('-').is_some_and(|rest| Length::from_str(rest).is_ok()) {
                    diagnostic = diagnostic.with_hint("write it without `-`: no duration is below zero");
                }
                self.report.push(diagnostic);
                None
            }
        }
    }

    /// Reads one word of a closed set.
    fn word<T: Copy>(&mut self, what: &str, node: &Node, words: &[(&'static str, T)]) -> Option<T> {
        let is_word = |own: &Scalar| !matches!(own.meaning, Meaning::Null);
        let text = match node.as_scalar().filter(|own| own.as_text().is_none() && is_word(own)) {
            Some(own) => own.text.as_str(),
            None => self.fixed_text(what, node)?,
        };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!("{what} is one of {}, not `{text}`", all.join(", "));
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            if let Some(ours) = foreign::instead_of_word(text, &known) {
                let hint = format!("did you mean `{ours}`?");
                self.report.refuse_hint(codes::WORD, node.place, message, hint);
                return None;
            }
            self.report.refuse_word(codes::WORD, node.place, message, (text, known.into_iter()));
        }
        found
    }

    /// Reports a key that has no effect where it stands.
    fn misplaced(&mut self, fields: &Fields<'_>, key: &str, why: &str) {
        if let Some(entry) = fields.map.entry(key) {
            let message = format!("`{key}` has no effect here: {why}");
            let mut diagnostic = self.report.error(codes::KEY_MISPLACED, entry.key.place, message);
            diagnostic.hint = hints::of_misplaced(key, fields.has("run")).map(str::to_owned);
            self.report.push(diagnostic);
        }
    }

    /// Reports a key that the language gives a meaning here, but not yet.
    fn later(&mut self, code: Code, place: Place, what: &str) {
        self.report.refuse(code, place, format!("{what} is not supported yet"));
    }
}
