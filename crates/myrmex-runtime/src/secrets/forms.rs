//! The forms in which a secret can appear in what a program prints: as it is, and as common encodings write it.
//!
//! Encodings that nobody asked for, such as hexadecimal digits or a program's own, are not found; a task that wants to
//! give a secret away cannot be kept from it.

use std::fmt::Write as _;

/// The forms of one secret.
#[derive(Default)]
pub(super) struct Forms {
    /// Found as they are.
    pub(super) exact: Vec<Vec<u8>>,
    /// Base64, which programs break into lines: found also with line breaks inside.
    pub(super) folded: Vec<Vec<u8>>,
}

impl Forms {
    /// Returns the forms of `value`, which has at least `least` bytes, and of those of its lines that have as many: shorter
    /// ones, such as the brackets of a JSON text, would mask half of every log.
    pub(super) fn of(value: &[u8], least: usize) -> Self {
        let mut forms = Self::default();
        forms.add(value);
        let trimmed = value.trim_ascii();
        if trimmed.len() < value.len() && trimmed.len() >= least {
            forms.add(trimmed);
        }
        if trimmed.contains(&b'\n') {
            for line in trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
                if line.len() >= least {
                    forms.add(line);
                }
            }
        }
        for list in [&mut forms.exact, &mut forms.folded] {
            list.sort_unstable();
            list.dedup();
        }
        forms
    }

    fn add(&mut self, value: &[u8]) {
        self.exact.push(value.to_vec());
        if let Ok(text) = std::str::from_utf8(value) {
            self.exact.extend(json_escapes(text));
        }
        self.exact.extend(percent_encodings(value));
        for offset in 0..3 {
            self.folded.extend(base64_inside(value, offset));
        }
    }
}

/// Returns `text` as it stands inside a JSON string: as short as can be, with slashes escaped, in ASCII alone, and as
/// writers do it that protect HTML.
fn json_escapes(text: &str) -> [Vec<u8>; 4] {
    let escape = |is_escaped: &dyn Fn(char) -> bool| {
        let mut out = String::with_capacity(text.len() + 8);
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '/' if is_escaped('/') => out.push_str("\\/"),
                letter if letter < ' ' || is_escaped(letter) => {
                    let mut units = [0; 2];
                    for unit in letter.encode_utf16(&mut units) {
                        // Writing to a string cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                letter => out.push(letter),
            }
        }
        out.into_bytes()
    };
    [
        escape(&|_| false),
        escape(&|letter| letter == '/'),
        escape(&|letter| !letter.is_ascii()),
        escape(&|letter| matches!(letter, '<' | '>' | '&')),
    ]
}

/// Returns `value` percent-encoded as the usual writers do it, who differ about a few characters and the case of digits.
fn percent_encodings(value: &[u8]) -> Vec<Vec<u8>> {
    // What is left alone beside letters and digits: by RFC 3986, that with slashes, by JavaScript, and in forms.
    let alone: [&[u8]; 4] = [b"-._~", b"-._~/", b"-_.!~*'()", b"*-._"];
    let mut all = Vec::new();
    for (set, space) in alone.into_iter().zip(["%20", "%20", "%20", "+"]) {
        for is_upper in [true, false] {
            let mut out = Vec::with_capacity(value.len() + 8);
            for byte in value {
                match byte {
                    b' ' => out.extend_from_slice(space.as_bytes()),
                    byte if byte.is_ascii_alphanumeric() || set.contains(byte) => out.push(*byte),
                    byte if is_upper => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                    byte => out.extend_from_slice(format!("%{byte:02x}").as_bytes()),
                }
            }
            all.push(out);
        }
    }
    all
}

/// Returns what base64 surely writes for `value` when `offset` bytes stand before it in a group of three: the digits that
/// hold nothing but bits of `value`, in both alphabets.
fn base64_inside(value: &[u8], offset: usize) -> [Vec<u8>; 2] {
    let first = (8 * offset).div_ceil(6);
    let end = 8 * (offset + value.len()) / 6;
    let byte = |index: usize| match index.checked_sub(offset) {
        Some(inside) => value.get(inside).copied().unwrap_or(0),
        None => 0,
    };
    let digit = |index: usize| {
        let bit = 6 * index;
        let pair = u16::from(byte(bit / 8)) << 8 | u16::from(byte(bit / 8 + 1));
        usize::from(pair >> (10 - bit % 8) & 0x3f)
    };
    let alphabets: [&[u8; 64]; 2] = [
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    ];
    alphabets.map(|alphabet| (first..end).map(|index| alphabet[digit(index)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[Vec<u8>]) -> Vec<String> {
        list.iter().map(|form| String::from_utf8(form.clone()).unwrap()).collect()
    }

    #[test]
    fn base64_holds_the_secret_at_each_alignment() {
        // `printf hunter2pass | base64`, with nothing, one `x` and two before it.
        let whole = ["aHVudGVyMnBhc3M=", "eGh1bnRlcjJwYXNz", "eHhodW50ZXIycGFzcw=="];
        for (offset, whole) in whole.iter().enumerate() {
            let [standard, _] = base64_inside(b"hunter2pass", offset);
            let inside = String::from_utf8(standard).unwrap();
            assert!(whole.contains(&inside) && inside.len() >= 13, "{whole} {inside}");
        }
        let [standard, safe] = base64_inside(b"\xfb\xff\xfe", 0);
        assert_eq!((standard.as_slice(), safe.as_slice()), (b"+//+".as_slice(), b"-__-".as_slice()));
        assert!((0..3).all(|offset| base64_inside(b"abcd", offset)[0].len() >= 4));
    }

    #[test]
    fn encodings_of_texts_are_those_of_the_usual_writers() {
        let json = texts(&json_escapes("a\"/é<\n"));
        assert_eq!(json, ["a\\\"/é<\\n", "a\\\"\\/é<\\n", "a\\\"/\\u00e9<\\n", "a\\\"/é\\u003c\\n"]);
        let percent = texts(&percent_encodings(b"a b/c~!+"));
        for form in
            ["a%20b%2Fc~%21%2B", "a%20b/c~%21%2B", "a%20b%2Fc~!%2B", "a+b%2Fc%7E%21%2B", "a%20b%2fc~%21%2b"]
        {
            assert!(percent.iter().any(|found| found == form), "{form} {percent:?}");
        }
    }

    #[test]
    fn lines_of_a_long_secret_have_forms_of_their_own() {
        let forms = Forms::of(b"-----BEGIN-----\nabcd\n}\n", 4);
        let exact = texts(&forms.exact);
        assert!(exact.iter().any(|form| form == "abcd") && exact.iter().all(|form| form != "}"));
        assert_eq!(Forms::of(b"abcdef", 4).exact, [b"abcdef"]);
    }
}
