//! Where in a run something is: names, item keys and visit counters, never positions in a file.
//!
//! The canonical text is `block~2/deploy#2[eu]/copy`: segments apart by `/`, each a name, the visit if it is not the
//! first, and the item key if it is an item. What lies inside a scope that is not in its first attempt, or inside such a
//! `for_each`, bears that attempt (`~2`) behind the scope: `deploy~2[eu]`, `deploy[eu]~2/copy`. The scope itself does not.
//! What lies inside a later attempt of the root begins with that attempt: `~2/deploy`. Inserting a task above another moves
//! nobody's address.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::id::Attempt;
use crate::name::Name;

/// The address of an activation within its run. The empty address is the run's root scope.
///
/// Cloning is cheap. Equal text means equal address, because the text is canonical.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

/// One level of an [`Address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The task's name.
    pub name: &'a str,
    /// Which visit of the task in its flow, from 1.
    pub visit: u32,
    /// In which attempt of the `for_each` the item is, from 1; 1 if this is no item.
    pub each_attempt: u32,
    /// The item's key, if this is one item of a `for_each`.
    pub key: Option<Cow<'a, str>>,
    /// In which attempt of this scope the next level is, from 1; 1 at the last level.
    pub attempt: u32,
}

/// A text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of a task")]
pub struct AddressError {
    /// The text that was given.
    pub text: String,
}

impl Address {
    /// Returns the address of the run's root scope.
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Returns the address of the `visit`-th activation (from 1) of `name` inside this scope.
    #[must_use]
    pub fn child(&self, name: &Name, visit: u32) -> Self {
        if self.0.is_empty() && visit == 1 {
            return Self(name.shared());
        }
        let mut text = String::with_capacity(self.0.len() + name.as_str().len() + 4);
        if !self.0.is_empty() {
            text.push_str(&self.0);
            text.push('/');
        }
        text.push_str(name.as_str());
        if visit > 1 {
            text.push('#');
            text.push_str(&visit.to_string());
        }
        Self(text.into())
    }

    /// Returns what the addresses of everything in the `attempt`-th attempt of this scope begin with.
    #[must_use]
    pub fn inside(&self, attempt: Attempt) -> Self {
        if attempt <= Attempt::FIRST { self.clone() } else { Self(format!("{}~{attempt}", self.0).into()) }
    }

    /// Returns the address of the item `key` of the `for_each` at this address.
    #[must_use]
    pub fn item(&self, key: &str) -> Self {
        let mut text = String::with_capacity(self.0.len() + key.len() + 2);
        text.push_str(&self.0);
        text.push('[');
        for character in key.chars() {
            if matches!(character, '/' | '[' | ']' | '#' | '%' | '~') || character.is_control() {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    let digit = |value: u8| {
                        char::from_digit(u32::from(value), 16).map(|digit| digit.to_ascii_uppercase())
                    };
                    text.push('%');
                    text.extend([digit(byte >> 4), digit(byte & 15)].into_iter().flatten());
                }
            } else {
                text.push(character);
            }
        }
        text.push(']');
        Self(text.into())
    }

    /// Reads the canonical text.
    ///
    /// # Errors
    ///
    /// Returns [`AddressError`] if a segment is not a name with an optional visit, key and attempt.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError { text: text.to_owned() };
        if !text.is_empty() {
            for part in without_root_attempt(text).ok_or_else(wrong)?.1 {
                let segment = parse_segment(part).ok_or_else(wrong)?;
                Name::new(segment.name).map_err(|_| wrong())?;
            }
        }
        Ok(Self(text.into()))
    }

    /// Returns the levels from the outermost to the innermost; none for the root.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let parts = without_root_attempt(&self.0).map(|(_, parts)| parts);
        parts.into_iter().flatten().filter_map(parse_segment)
    }

    /// Returns in which attempt of the root this is, from 1.
    pub fn root_attempt(&self) -> u32 {
        without_root_attempt(&self.0).map_or(1, |(attempt, _)| attempt)
    }

    /// Returns the address that this has when it, and everything around it, is in its first attempt.
    #[must_use]
    pub fn in_first_attempts(&self) -> Self {
        if self.0.contains('~') { Self(without_numbers(&self.0, &['~']).into()) } else { self.clone() }
    }

    /// Returns whether this is inside what is at `scope`, at whatever depth.
    pub fn is_inside(&self, scope: &Self) -> bool {
        match self.0.strip_prefix(&*scope.0) {
            Some(rest) => scope.is_root() && !rest.is_empty() || rest.starts_with(['/', '[', '~']),
            None => false,
        }
    }

    /// Returns the canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is the run's root scope.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path that people see: the address without visits and attempts, so that a task that ran several times
    /// has one.
    pub fn path(&self) -> Cow<'_, str> {
        if !self.0.contains(['#', '~']) {
            return Cow::Borrowed(&self.0);
        }
        Cow::Owned(without_numbers(&self.0, &['#', '~']))
    }
}

/// Returns the text of an address without the numbers behind `marks`.
fn without_numbers(text: &str, marks: &[char]) -> String {
    let mut left = String::with_capacity(text.len());
    let mut is_number = false;
    for character in text.chars() {
        is_number = marks.contains(&character) || (is_number && character.is_ascii_digit());
        if !is_number {
            left.push(character);
        }
    }
    if left.starts_with('/') {
        left.remove(0);
    }
    left
}

/// Splits the attempt of the root from the levels below it.
fn without_root_attempt(text: &str) -> Option<(u32, impl Iterator<Item = &str>)> {
    let (attempt, levels) = if text.starts_with('~') {
        let (first, levels) = text.split_once('/').map_or((text, None), |(first, rest)| (first, Some(rest)));
        (number_after(first, '~')?.1, levels)
    } else {
        (1, Some(text).filter(|text| !text.is_empty()))
    };
    Some((attempt, levels.into_iter().flat_map(|levels| levels.split('/'))))
}

/// Reads `name`, `name#2`, `name[key]`, `name#2[key]`, each with `~2` at its end, and with another before the key.
fn parse_segment(text: &str) -> Option<Segment<'_>> {
    let (head, key, attempt) = match text.split_once('[') {
        Some((head, rest)) => {
            let (key, tail) = rest.split_once(']')?;
            let ("", attempt) = number_after(tail, '~')? else { return None };
            (head, Some(unescape(key)?), Some(attempt))
        }
        None => (text, None, None),
    };
    let (head, number) = number_after(head, '~')?;
    let (name, visit) = number_after(head, '#')?;
    let (each_attempt, attempt) = match attempt {
        Some(attempt) => (number, attempt),
        None => (1, number),
    };
    (!name.is_empty()).then_some(Segment { name, visit, each_attempt, key, attempt })
}

/// Splits a number above 1 off the end of `text`; without `mark` it is 1.
fn number_after(text: &str, mark: char) -> Option<(&str, u32)> {
    match text.split_once(mark) {
        Some((rest, digits)) => {
            let is_canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
            Some((rest, digits.parse().ok().filter(|number| *number > 1 && is_canonical)?))
        }
        None => Some((text, 1)),
    }
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_what_they_show() {
        let block = Address::root().child(&Name::new("block").unwrap(), 1);
        let deploy = block.child(&Name::new("deploy").unwrap(), 2).item("a/b#1~2 %[é]");
        assert_eq!(deploy.as_str(), "block/deploy#2[a%2Fb%231%7E2 %25%5Bé%5D]");
        assert_eq!(Address::parse(deploy.as_str()), Ok(deploy.clone()));
        let last = deploy.segments().last().unwrap();
        assert_eq!((last.name, last.visit, last.key.as_deref()), ("deploy", 2, Some("a/b#1~2 %[é]")));
        assert_eq!(Address::root().segments().count(), 0);
    }

    #[test]
    fn paths_leave_visits_out() {
        assert_eq!(Address::parse("loop#2/get#13[0]").unwrap().path(), "loop/get[0]");
        assert_eq!(Address::parse("deploy[0]").unwrap().path(), "deploy[0]");
        assert_eq!(Address::parse("loop#2~3/get~2[0]~4/x").unwrap().path(), "loop/get[0]/x");
    }

    #[test]
    fn first_attempts_keep_visits_and_keys() {
        let address = |text| Address::parse(text).unwrap();
        assert_eq!(
            address("~2/loop#2~3/get~2[a%7E2]~4/x").in_first_attempts().as_str(),
            "loop#2/get[a%7E2]/x"
        );
        let (block, each) = (address("block"), address("block/each"));
        assert!(address("block/each[1]/x").is_inside(&each) && each.is_inside(&block));
        assert!(each.is_inside(&Address::root()) && !address("blocks").is_inside(&block));
        assert!(!block.is_inside(&block) && !Address::root().is_inside(&Address::root()));
    }

    #[test]
    fn attempts_stand_behind_the_scope_that_is_repeated() {
        let name = |text| Name::new(text).unwrap();
        let block = Address::root().child(&name("block"), 2).inside(Attempt(3));
        assert_eq!(block.child(&name("x"), 1).as_str(), "block#2~3/x");
        let item = Address::root().child(&name("each"), 1).inside(Attempt(2)).item("a~").inside(Attempt(4));
        let inner = item.child(&name("x"), 1);
        assert_eq!(inner.as_str(), "each~2[a%7E]~4/x");
        let first = inner.segments().next().unwrap();
        assert_eq!((first.each_attempt, first.key.as_deref(), first.attempt), (2, Some("a~"), 4));
        assert_eq!(Address::parse(inner.as_str()), Ok(inner));
        assert_eq!(block.inside(Attempt::FIRST), block);
        let top = Address::root().inside(Attempt(2)).child(&name("x"), 1);
        assert_eq!((top.as_str(), top.root_attempt(), &*top.path()), ("~2/x", 2, "x"));
        assert_eq!(top.segments().map(|segment| segment.name).collect::<Vec<_>>(), ["x"]);
        assert_eq!(Address::parse("~2/x"), Ok(top));
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "a//b", "a[", "a]", "a#1", "a#x", "[k]", "a[%zz]", "/", "a~1", "a~", "a~x", "a[k]b", "a#02",
            "a~2#2",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
