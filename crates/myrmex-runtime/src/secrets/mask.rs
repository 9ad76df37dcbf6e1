//! Replaces secrets by `***`: in streams, across the borders of what is read at a time, in texts, values and errors.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use myrmex_model::fault::Fault;
use myrmex_model::value::{Value, to_text};

use super::automaton::{Automaton, Position};
use super::forms::Forms;
use super::{MASKED_BYTES_MIN, Secret};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// So many line breaks one after the other end a base64 text: writers put `\n` or `\r\n` between its lines.
const BREAKS_MAX: u8 = 2;

/// Everything that must not be shown, in all its forms.
#[derive(Default)]
pub(crate) struct Masks {
    /// The largest first.
    groups: Vec<Arc<Group>>,
}

/// Secrets that are searched for in one pass.
struct Group {
    secrets: Vec<Secret>,
    exact: Automaton,
    folded: Automaton,
}

impl Group {
    fn new(secrets: Vec<Secret>) -> Self {
        let forms: Vec<Forms> =
            secrets.iter().map(|secret| Forms::of(secret.expose(), MASKED_BYTES_MIN)).collect();
        let exact = Automaton::new(forms.iter().flat_map(|forms| &forms.exact).map(Vec::as_slice));
        let folded = Automaton::new(forms.iter().flat_map(|forms| &forms.folded).map(Vec::as_slice));
        Self { secrets, exact, folded }
    }
}

impl Masks {
    /// Builds the masks of `secrets`.
    #[cfg(test)]
    pub(crate) fn new(secrets: Vec<Secret>) -> Self {
        Self::default().with(secrets)
    }

    /// Builds the masks of these and of `secrets`.
    ///
    /// What is added takes in every group that is not larger, so that sizes double from group to group: of n secrets that
    /// come one by one, each is built about log n times, and a byte is looked at by about log n groups.
    pub(crate) fn with(&self, mut secrets: Vec<Secret>) -> Self {
        let mut groups = self.groups.clone();
        while let Some(last) = groups.pop_if(|last| last.secrets.len() <= secrets.len()) {
            secrets.extend(last.secrets.iter().cloned());
        }
        if !secrets.is_empty() {
            groups.push(Arc::new(Group::new(secrets)));
        }
        Self { groups }
    }

    /// Returns what it masks.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.groups.iter().flat_map(|group| &group.secrets)
    }

    /// Returns whether `bytes` hold a secret.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let mut scan = Scan::default();
        bytes.iter().any(|byte| scan.step(self, *byte).is_some())
    }

    /// Masks a text.
    pub(crate) fn text<'t>(self: &Arc<Self>, text: &'t str) -> Cow<'t, str> {
        if !self.is_in(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let mut stream = StreamMask::new(Arc::clone(self));
        let mut out = Vec::with_capacity(text.len());
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// Masks the texts of a value, the names of its fields among them. A number that holds a secret becomes a text.
    pub(crate) fn value(self: &Arc<Self>, value: Value) -> Value {
        match value {
            Value::String(text) => match self.text(&text) {
                Cow::Borrowed(_) => Value::String(text),
                Cow::Owned(masked) => Value::String(masked),
            },
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => Value::Object(self.fields(fields)),
            Value::Number(_) if self.is_in(to_text(&value).as_bytes()) => {
                Value::String(self.text(&to_text(&value)).into_owned())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Masks the fields of an object.
    pub(crate) fn fields(
        self: &Arc<Self>,
        fields: serde_json::Map<String, Value>,
    ) -> serde_json::Map<String, Value> {
        let masked =
            fields.into_iter().map(|(name, value)| (self.text(&name).into_owned(), self.value(value)));
        masked.collect()
    }

    /// Masks what an error says.
    pub(crate) fn fault(self: &Arc<Self>, mut fault: Fault) -> Fault {
        fault.title = self.text(&fault.title).into_owned();
        fault.detail = fault.detail.map(|detail| self.text(&detail).into_owned());
        fault
    }
}

/// How far one stream was searched. Places are counted in bytes from the start of the search.
#[derive(Default)]
pub(super) struct Scan {
    next: u64,
    groups: Vec<GroupScan>,
}

/// How far one stream was searched for the secrets of one group.
#[derive(Default)]
struct GroupScan {
    exact: Position,
    folded: Position,
    /// Where the bytes stand that `folded` has come by, line breaks left out.
    folded_at: VecDeque<u64>,
    breaks: u8,
}

impl Scan {
    /// Goes on by one byte; returns where a secret is that ends with it.
    pub(super) fn step(&mut self, masks: &Masks, byte: u8) -> Option<(u64, u64)> {
        let here = self.next;
        self.next += 1;
        self.groups.resize_with(masks.groups.len(), GroupScan::default);
        let groups = masks.groups.iter().zip(&mut self.groups);
        let from = groups.filter_map(|(group, scan)| scan.step(group, byte, here)).min();
        from.map(|from| (from, self.next))
    }

    /// Returns where what may yet become a secret begins; the end if nothing may.
    fn open_from(&self, masks: &Masks) -> u64 {
        let groups = masks.groups.iter().zip(&self.groups);
        groups.map(|(group, scan)| scan.open_from(group, self.next)).min().unwrap_or(self.next)
    }
}

impl GroupScan {
    /// Goes on by the byte at `here`; returns from where a secret is that ends with it.
    fn step(&mut self, group: &Group, byte: u8, here: u64) -> Option<u64> {
        self.exact = group.exact.step(self.exact, byte);
        let exact = match group.exact.found(self.exact) {
            0 => None,
            length => Some(here + 1 - length as u64),
        };
        let folded = self.step_folded(group, byte, here);
        match (exact, folded) {
            (Some(exact), Some(folded)) => Some(exact.min(folded)),
            (exact, folded) => exact.or(folded),
        }
    }

    fn step_folded(&mut self, group: &Group, byte: u8, here: u64) -> Option<u64> {
        if matches!(byte, b'\n' | b'\r') {
            self.breaks += 1;
            if self.breaks > BREAKS_MAX {
                (self.breaks, self.folded) = (BREAKS_MAX, Position::default());
                self.folded_at.clear();
            }
            return None;
        }
        self.breaks = 0;
        self.folded = group.folded.step(self.folded, byte);
        self.folded_at.push_back(here);
        let surplus = self.folded_at.len() - group.folded.depth(self.folded);
        self.folded_at.drain(..surplus);
        match group.folded.found(self.folded) {
            0 => None,
            length => self.folded_at.get(self.folded_at.len() - length).copied(),
        }
    }

    fn open_from(&self, group: &Group, next: u64) -> u64 {
        let exact = next - group.exact.depth(self.exact) as u64;
        self.folded_at.front().map_or(exact, |folded| exact.min(*folded))
    }
}

/// Masks one stream as it comes. It holds back only what may yet become a secret: fewer bytes than the longest form has.
pub(crate) struct StreamMask {
    masks: Arc<Masks>,
    scan: Scan,
    /// What was not given on yet, and where it begins.
    held: Vec<u8>,
    held_from: u64,
    /// Where secrets are in it, in order, apart from each other.
    hits: VecDeque<Hit>,
}

struct Hit {
    from: u64,
    to: u64,
    /// Whether the mask for it was given on.
    is_told: bool,
}

impl StreamMask {
    /// Begins a stream.
    pub(crate) fn new(masks: Arc<Masks>) -> Self {
        Self { masks, scan: Scan::default(), held: Vec::new(), held_from: 0, hits: VecDeque::new() }
    }

    /// Masks by other masks from now on, and what is held back too.
    pub(crate) fn replace_masks(&mut self, masks: Arc<Masks>, out: &mut Vec<u8>) {
        // What belongs to a hit of before stays masked; what is behind it is searched anew.
        let last = self.hits.back().map_or(self.held_from, |hit| hit.to);
        self.settle(last, out);
        let held = std::mem::take(&mut self.held);
        *self = Self::new(masks);
        self.push(&held, out);
    }

    /// Takes what comes next and gives on what can be said.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        for byte in bytes {
            if let Some((from, to)) = self.scan.step(&self.masks, *byte) {
                self.hit(from, to);
            }
        }
        self.settle(self.scan.open_from(&self.masks), out);
    }

    /// Gives on what is left at the end of the stream.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.settle(self.scan.next, out);
    }

    /// Notes a secret; those that share bytes are masked as one.
    fn hit(&mut self, from: u64, to: u64) {
        let mut hit = Hit { from, to, is_told: false };
        while let Some(last) = self.hits.pop_back_if(|last| hit.from < last.to) {
            hit.from = hit.from.min(last.from);
            hit.is_told |= last.is_told;
        }
        self.hits.push_back(hit);
    }

    /// Gives on everything before `limit`, which no later hit can reach.
    fn settle(&mut self, limit: u64, out: &mut Vec<u8>) {
        let mut here = self.held_from;
        while here < limit {
            let until = match self.hits.front_mut() {
                Some(hit) if hit.from <= here => {
                    if !std::mem::replace(&mut hit.is_told, true) {
                        out.extend_from_slice(MASK.as_bytes());
                    }
                    let until = hit.to.min(limit);
                    if hit.to <= limit {
                        self.hits.pop_front();
                    }
                    until
                }
                next => {
                    let until = next.map_or(limit, |hit| hit.from.min(limit));
                    out.extend_from_slice(
                        &self.held[offset(self.held_from, here)..offset(self.held_from, until)],
                    );
                    until
                }
            };
            here = until;
        }
        self.held.drain(..offset(self.held_from, here));
        self.held_from = here;
    }
}

fn offset(from: u64, to: u64) -> usize {
    usize::try_from(to - from).expect("what is held is in memory")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masks(secrets: &[&str]) -> Arc<Masks> {
        Arc::new(Masks::new(secrets.iter().map(|secret| Secret::new(secret.as_bytes().to_vec())).collect()))
    }

    /// Masks `text` given in pieces of each length, which must not matter.
    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &str) {
        let masks = masks(secrets);
        for length in 1..=text.len().max(1) {
            let mut stream = StreamMask::new(Arc::clone(&masks));
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(length) {
                stream.push(piece, &mut out);
            }
            stream.finish(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "in pieces of {length}");
        }
        assert_eq!(masks.text(text), expected);
    }

    #[test]
    fn a_secret_is_masked_wherever_a_read_cuts_it() {
        check(&["hunter2"], "login hunter2, hunter2x hunter hunter", "login ***, ***x hunter hunter");
        check(&["hunter2"], "hunter2hunter2", "******");
        check(&["hunter2"], "nothing to see", "nothing to see");
        check(&["hunter2"], "", "");
    }

    #[test]
    fn secrets_across_each_other_are_masked_whole() {
        check(&["abcdef", "defghi"], "xabcdefghiy", "x***y");
        check(&["abcd", "abcdefgh"], "abcdefgx abcdefgh", "***efgx ***");
        check(&["aaaa"], "aaaaaaaaaaab", "***b");
    }

    #[test]
    fn encoded_secrets_are_masked() {
        check(&["hunter2pass"], "aHVudGVyMnBhc3M=", "***M=");
        check(&["p w/\"1"], r#"{"a":"p w/\"1"} p%20w%2f%221 p+w%2F%221"#, r#"{"a":"***"} *** ***"#);
    }

    #[test]
    fn base64_is_masked_across_its_line_breaks() {
        // `printf '%050dhunter2-and-some-more-of-it-for-good-measure' 0 | base64`, which breaks lines at 76 digits.
        let text = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDBodW50ZXIyLWFu\n\
                    ZC1zb21lLW1vcmUtb2YtaXQtZm9yLWdvb2QtbWVhc3VyZQ==\n";
        let masks = masks(&["hunter2-and-some-more-of-it-for-good-measure"]);
        let masked = masks.text(text);
        assert!(
            masked.starts_with("MDAw") && masked.contains("***") && !masked.contains("ZC1zb21l"),
            "{masked}"
        );
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut stream = StreamMask::new(masks(&["aaaa", "-----BEGIN-----"]));
        let mut out = Vec::new();
        for _ in 0..1_000 {
            stream.push(b"aaaaaaaaaaaaaaaa", &mut out);
            assert!(stream.held.len() < 64 && stream.hits.len() < 2);
        }
        stream.push(&b"\n".repeat(1_000), &mut out);
        assert!(stream.held.is_empty());
        assert_eq!(out, [MASK.as_bytes(), &b"\n".repeat(1_000)].concat());
    }

    #[test]
    fn masks_can_be_replaced_in_the_middle() {
        let mut stream = StreamMask::new(masks(&["hunter2"]));
        let mut out = Vec::new();
        stream.push(b"a hunter2 b sec", &mut out);
        stream.replace_masks(masks(&["hunter2", "secret"]), &mut out);
        stream.push(b"ret c hun", &mut out);
        stream.replace_masks(masks(&["hunter2", "secret", "third"]), &mut out);
        stream.push(b"ter2", &mut out);
        stream.finish(&mut out);
        // What the first masks had no reason to hold back was given on before the second came.
        assert_eq!(String::from_utf8(out).unwrap(), "a *** b secret c ***");
    }

    #[test]
    fn secrets_that_come_one_by_one_are_all_masked() {
        let secret = |number: u32| format!("secret-{number:03}");
        let all = (0..100).map(secret);
        let masks =
            all.fold(Masks::default(), |masks, text| masks.with(vec![Secret::new(text.into_bytes())]));
        assert_eq!((masks.secrets().count(), masks.groups.len()), (100, 3));
        let masks = Arc::new(masks);
        for number in 0..100 {
            assert_eq!(masks.text(&format!("a {} b", secret(number))), "a *** b");
        }
    }

    #[test]
    fn values_keep_their_shape() {
        let masked = masks(&["12345678", "hunter2"])
            .value(json!({"n": 12_345_678, "hunter2": ["x hunter2", 1, null], "ok": true}));
        assert_eq!(masked, json!({"n": "***", "***": ["x ***", 1, null], "ok": true}));
    }
}
