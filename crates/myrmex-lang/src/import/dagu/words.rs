//! Variables in texts of Dagu.

use std::collections::BTreeSet;

use crate::import::template::Piece;

/// Returns the variables that a text for a shell reads, as far as they can be seen: `$NAME` and `${NAME…}`.
pub(super) fn variables(text: &str) -> BTreeSet<&str> {
    let names = text.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        &rest[..word(rest)]
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// Cuts a text at what a shell does not know: fields of a variable, `${NAME.field}`, and arguments of the workflow, `$1`, of
/// which there are so many.
pub(super) fn cut(text: &str, arguments: usize) -> Vec<Piece<'_>> {
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
        at = dollar + 1;
        if text[..dollar].ends_with('\\') {
            continue;
        }
        let rest = &text[at..];
        let is_argument =
            |name: &str| name.parse::<usize>().is_ok_and(|number| (1..=arguments).contains(&number));
        let (inner, end) = if let Some(braced) = rest.strip_prefix('{') {
            let Some(end) = braced.find(['}', '\n', ' ', '$']).filter(|end| braced[*end..].starts_with('}'))
            else {
                continue;
            };
            (&braced[..end], at + end + 2)
        } else {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            (&rest[..end], at + end)
        };
        let is_field = inner.split_once('.').is_some_and(|(name, fields)| {
            !name.is_empty()
                && word(name) == name.len()
                && !fields.is_empty()
                && !fields.contains([':', '%', '#', '/'])
        });
        if is_field || is_argument(inner) {
            pieces.push(Piece::Text(&text[start..dollar]));
            pieces.push(Piece::Hole(inner));
            (start, at) = (end, end);
        }
    }
    pieces.push(Piece::Text(&text[start..]));
    pieces
}

/// Returns the length of the name that a text begins with.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// Returns the name if a text is one variable and nothing else.
pub(super) fn only_variable(text: &str) -> Option<&str> {
    let rest = text.trim().strip_prefix('$')?;
    let name = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
    (!name.is_empty() && word(name) == name.len()).then_some(name)
}

/// Cuts parameters in one text at blanks outside of quotes.
pub(super) fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut now, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                now.get_or_insert_default();
            }
            (_, Some(open)) if c == open => quote = None,
            (_, None) if c.is_whitespace() => found.extend(now.take()),
            (_, Some(_) | None) => now.get_or_insert_default().push(c),
        }
    }
    found.extend(now);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_does_not_know_is_cut_out() {
        let holes = |text| {
            let pieces = cut(text, 2).into_iter();
            pieces
                .filter_map(|piece| match piece {
                    Piece::Hole(inner) => Some(inner),
                    Piece::Text(_) => None,
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(holes("echo $1 ${2} $3 ${A} ${A.b.c} ${A%.x} \\$1"), ["1", "2", "A.b.c"]);
        assert_eq!(variables("$A ${B} ${C:-x} $1"), BTreeSet::from(["1", "A", "B", "C"]));
        assert_eq!((only_variable("${A}"), only_variable("$A b")), (Some("A"), None));
        assert_eq!(arguments("a 'b c' D=\"e f\" ''"), ["a", "b c", "D=e f", ""]);
    }
}
