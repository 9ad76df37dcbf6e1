//! Makes a failing case smaller, as long as the same thing does not hold in it: fewer choices, smaller ones, less of the
//! workflows.
//!
//! The method is that of Hypothesis (D. R. `MacIver`, A. F. Donaldson, "Test-case reduction via test-case generation", 2020):
//! what is cut is the record of choices, not the history, so whatever is left is a history that can happen.

use serde_json::Value;

use super::case::Case;
use super::random::Choices;
use super::{Outcome, replay};

/// The most histories that are tried; each takes a few milliseconds.
const TRIES_MAX: usize = 1_500;

/// Returns the smallest case that was found in which the same breach comes first as in `case`, with what came of it;
/// nothing if none comes in `case` itself.
///
/// Needs a stack of `myrmex_expr::STACK_BYTES`.
pub fn shrink(case: &Case) -> Option<Outcome> {
    let best = replay(case)?;
    let kind = kind(best.breaches.first()?);
    let mut shrinking = Shrinking { best, kind, tries: 0 };
    loop {
        let before = shrinking.best.case.clone();
        // Most histories fail without them, and are shorter then.
        shrinking.cut_choices(|case| &mut case.people);
        shrinking.cut_workflows();
        shrinking.cut_choices(|case| &mut case.world);
        shrinking.cut_choices(|case| &mut case.disk);
        if shrinking.best.case == before || shrinking.tries >= TRIES_MAX {
            return Some(shrinking.best);
        }
    }
}

/// Returns what a breach says without the names and numbers in it.
fn kind(breach: &str) -> String {
    let first = breach.lines().next().unwrap_or_default();
    let without_literals: String = first.split('`').step_by(2).collect();
    let words = without_literals.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 3);
    words.take(6).collect::<Vec<_>>().join(" ")
}

struct Shrinking {
    best: Outcome,
    kind: String,
    tries: usize,
}

impl Shrinking {
    /// Plays a case, and keeps it if it fails in the same way and is smaller.
    fn try_case(&mut self, case: &Case) -> bool {
        if self.tries >= TRIES_MAX {
            return false;
        }
        self.tries += 1;
        let Some(mut outcome) = replay(case) else { return false };
        if outcome.breaches.first().is_none_or(|breach| kind(breach) != self.kind) {
            return false;
        }
        let Case { world, disk, people, .. } = &mut outcome.case;
        for choices in [world, disk, people] {
            // Where there are no choices left, 0 is made.
            let used = choices.numbers.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
            choices.numbers.truncate(used);
        }
        let is_smaller = weight(&outcome.case) < weight(&self.best.case);
        if is_smaller {
            self.best = outcome;
        }
        is_smaller
    }

    /// Cuts choices: the end, then groups that belong together, then makes single ones smaller.
    fn cut_choices(&mut self, which: fn(&mut Case) -> &mut Choices) {
        let mut length = which(&mut self.best.case.clone()).numbers.len();
        let mut cut = length;
        while cut > 0 {
            let mut case = self.best.case.clone();
            let numbers = &mut which(&mut case).numbers;
            length = numbers.len();
            numbers.truncate(length.saturating_sub(cut));
            if !self.try_case(&case) {
                cut /= 2;
            }
        }
        for group in [32, 8, 4, 2, 1] {
            self.cut_groups(which, group);
        }
        self.lower(which);
    }

    /// Leaves out so many things in a row that happened, or makes all choices of them the simplest; the last first.
    fn cut_groups(&mut self, which: fn(&mut Case) -> &mut Choices, group: usize) {
        let mut end = usize::MAX;
        loop {
            let mut case = self.best.case.clone();
            let Choices { numbers, marks } = which(&mut case);
            let bounds: Vec<usize> =
                marks.iter().copied().filter(|mark| *mark < numbers.len().min(end)).collect();
            let Some(from) = bounds.len().checked_sub(group).map(|index| bounds[index]) else { return };
            let to = marks.get(bounds.len()).copied().unwrap_or(numbers.len()).min(numbers.len());
            let mut zeroed = case.clone();
            which(&mut case).numbers.drain(from..to);
            which(&mut zeroed).numbers[from..to].fill(0);
            if !self.try_case(&case) {
                self.try_case(&zeroed);
            }
            end = from;
        }
    }

    /// Makes single choices smaller.
    fn lower(&mut self, which: fn(&mut Case) -> &mut Choices) {
        let mut index = 0;
        while index < which(&mut self.best.case.clone()).numbers.len() {
            let number = which(&mut self.best.case.clone()).numbers[index];
            for smaller in [0, number / 2, number.saturating_sub(1)] {
                let mut case = self.best.case.clone();
                let numbers = &mut which(&mut case).numbers;
                if numbers.get(index).is_some_and(|number| smaller < *number) {
                    numbers[index] = smaller;
                    if self.try_case(&case) {
                        break;
                    }
                }
            }
            index += 1;
        }
    }

    /// Leaves out what the workflows do not need to fail: a key, a member of a list, or a block for what is in it.
    fn cut_workflows(&mut self) {
        for file in 0..self.best.case.workflows.len() {
            let mut place = 0;
            while let Ok(mut value) = serde_json::from_str::<Value>(&self.best.case.workflows[file]) {
                let mut left = place;
                if !remove(&mut value, &mut left) {
                    break;
                }
                let mut case = self.best.case.clone();
                case.workflows[file] = value.to_string();
                if !self.try_case(&case) {
                    place += 1;
                }
            }
        }
    }
}

/// What makes one case smaller than another: text of workflows first, then choices that are made, then how large they are.
fn weight(case: &Case) -> (usize, usize, u64) {
    let (choices, text) = case.size();
    let numbers = case.world.numbers.iter().chain(&case.disk.numbers).chain(&case.people.numbers);
    (text, choices, numbers.sum())
}

/// Removes the place with this number from a value, counted from the outside in; false if there is none.
fn remove(value: &mut Value, place: &mut usize) -> bool {
    let count = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    if *place < count {
        match value {
            Value::Object(fields) => {
                let key = fields.keys().nth(*place).cloned();
                key.and_then(|key| fields.shift_remove(&key));
            }
            Value::Array(members) => drop(members.remove(*place)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        return true;
    }
    *place -= count;
    match value {
        Value::Object(fields) => fields.values_mut().any(|inner| remove(inner, place)),
        Value::Array(members) => members.iter_mut().any(|inner| remove(inner, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
