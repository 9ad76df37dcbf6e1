//! JSON text as a tree with places: strict JSON with every escape it knows, unlike the YAML reader, which refuses surrogates and
//! tabs. A key that stands twice in one map is an error, because a reader that keeps one of them picks for the author.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Entry, Key, Kind, List, Map, Meaning, NESTING_MAX, Node, Place, Scalar, Style};

/// What is wrong with a text, and where.
pub(crate) type Problem = (Place, String);

/// Reads `text` as one JSON value.
///
/// # Errors
///
/// Returns the first thing that is not JSON, a key that stands twice in one map, or what nests deeper than [`NESTING_MAX`].
pub(crate) fn parse(text: &str) -> Result<Arc<Node>, Problem> {
    let mut reader = Reader { text, at: 0 };
    let root = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() { Err(reader.problem("here should be the end of the file")) } else { Ok(root) }
}

/// Reads from `at` on.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Arc<Node>, Problem> {
        if depth > NESTING_MAX {
            return Err(self.problem(format!("lists and maps nest deeper than {NESTING_MAX}")));
        }
        self.blanks();
        let start = self.at;
        let kind = match self.next() {
            Some(b'{') => Kind::Map(self.map(depth)?),
            Some(b'[') => Kind::List(self.list(depth)?),
            Some(b'"') => {
                let text = self.string()?;
                Kind::Scalar(Scalar { text, style: Style::DoubleQuoted, meaning: Meaning::Text })
            }
            Some(_) | None => Kind::Scalar(self.word()?),
        };
        Ok(Arc::new(Node::new(Place::new(start, self.at), kind)))
    }

    fn map(&mut self, depth: usize) -> Result<Map, Problem> {
        let mut map = Map { entries: Vec::new(), is_flow: true };
        let mut seen = BTreeSet::new();
        self.at += 1;
        if self.closes(b'}') {
            return Ok(map);
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.next() != Some(b'"') {
                return Err(self.problem("here should be a key in quotes"));
            }
            let text = self.string()?;
            let place = Place::new(start, self.at);
            if !seen.insert(text.clone()) {
                return Err((place, format!("the key `{text}` stands twice in one map")));
            }
            self.blanks();
            if self.next() != Some(b':') {
                return Err(self.problem("here should be a `:`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            map.entries.push(Entry { key: Key { text, place }, value });
            if !self.goes_on(b'}')? {
                return Ok(map);
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<List, Problem> {
        let mut list = List { items: Vec::new(), is_flow: true };
        self.at += 1;
        if self.closes(b']') {
            return Ok(list);
        }
        loop {
            list.items.push(self.value(depth + 1)?);
            if !self.goes_on(b']')? {
                return Ok(list);
            }
        }
    }

    /// Passes `end` if it is next.
    fn closes(&mut self, end: u8) -> bool {
        self.blanks();
        let closes = self.next() == Some(end);
        self.at += usize::from(closes);
        closes
    }

    /// Passes a comma, or `end`; returns whether it was the comma.
    fn goes_on(&mut self, end: u8) -> Result<bool, Problem> {
        self.blanks();
        let next = self.next();
        if next != Some(b',') && next != Some(end) {
            return Err(self.problem(format!("here should be a `,` or a `{}`", char::from(end))));
        }
        self.at += 1;
        Ok(next == Some(b','))
    }

    /// Reads a text in quotes.
    fn string(&mut self) -> Result<String, Problem> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end).filter(|byte| **byte != b'"') {
            end += if *byte == b'\\' { 2 } else { 1 };
        }
        if end >= bytes.len() {
            return Err((Place::new(start, start + 1), "the text in quotes does not end".to_owned()));
        }
        self.at = end + 1;
        let place = Place::new(start, self.at);
        serde_json::from_str(&self.text[start..self.at]).map_err(|error| (place, without_place(&error)))
    }

    /// Reads a number or one of the three words.
    fn word(&mut self) -> Result<Scalar, Problem> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let text = &rest[..end];
        let place = Place::new(self.at, self.at + end.max(1).min(rest.len()));
        let meaning = match text {
            "" => return Err(self.problem("here should be a value")),
            "null" => Meaning::Null,
            "true" => Meaning::Boolean(true),
            "false" => Meaning::Boolean(false),
            number => Meaning::Number(
                serde_json::from_str(number)
                    .map_err(|_| (place, format!("`{number}` is no value of JSON")))?,
            ),
        };
        self.at += end;
        Ok(Scalar { text: text.to_owned(), style: Style::Plain, meaning })
    }

    fn blanks(&mut self) {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.text.as_bytes()[self.at..].iter().take_while(|byte| is_blank(byte)).count();
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn problem(&self, message: impl Into<String>) -> Problem {
        (Place::new(self.at, self.at), message.into())
    }
}

/// Says what serde says, without its line and column: they count from the beginning of the text in quotes.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.split_once(" at line ").map_or(said.clone(), |(what, _)| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(node: &Node) -> serde_json::Value {
        match &node.kind {
            Kind::Scalar(scalar) => scalar.value(),
            Kind::List(list) => list.items.iter().map(|item| value(item)).collect(),
            Kind::Map(map) => {
                map.entries.iter().map(|own| (own.key.text.clone(), value(&own.value))).collect()
            }
            Kind::Alias(_) | Kind::Broken => panic!("JSON has none"),
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads_and_refuses_what_that_refuses() {
        for text in [
            "null",
            "\t[true, -1, 18446744073709551615, 1.5e3, \"\\ud83d\\ude00\\/\\n\"] ",
            "{\"b\": {\"a\": []}, \"a\": {}}",
            "",
            "[1",
            "1 2",
            "{\"a\": 1,}",
            "[1,]",
            "{a: 1}",
            "{\"a\" 1}",
            "NaN",
            "01",
            "+1",
            "\"\\ud83d\"",
            "\"a",
            "\"a\\",
            "\"\u{1}\"",
            "é",
            &"[".repeat(1000),
        ] {
            let expected = serde_json::from_str::<serde_json::Value>(text).ok();
            assert_eq!(parse(text).ok().map(|node| value(&node)), expected, "{text}");
        }
    }

    #[test]
    fn problems_have_their_place() {
        let said = |text: &str| parse(text).unwrap_err();
        assert_eq!(
            said("{\"a\": 1, \"\\u0061\": 2}"),
            (Place::new(9, 17), "the key `a` stands twice in one map".into())
        );
        assert_eq!(said("[1 2]").0, Place::new(3, 3));
        let root = parse("{\"a\": [\"b\"]}").unwrap();
        assert_eq!(
            root.as_map().unwrap().entries[0].value.as_list().unwrap().items[0].place,
            Place::new(7, 10)
        );
    }
}
