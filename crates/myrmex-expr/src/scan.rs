//! Text with holes: where `${{ … }}` begins and ends.
//!
//! Knows just enough of the grammar to find the end of a hole: quotes and braces. What is in it is not looked at.

use std::ops::Range;

use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::value::Value;

/// What opens a hole.
const OPEN: &str = "${{";
/// What closes it.
const CLOSE: &str = "}}";
/// What stands for a literal [`OPEN`].
const ESCAPED: &str = "$${{";

/// A stretch of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Literal text, never empty, with `$${{` already made `${{`.
    Text(String),
    /// A hole.
    Hole {
        /// The expression, without the braces and the blanks around it.
        source: String,
        /// The bytes of `source` inside the text that was scanned.
        span: Range<usize>,
    },
}

/// A hole that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ScanError {
    /// The bytes at fault.
    pub span: Range<usize>,
    /// What is wrong.
    pub kind: ScanErrorKind,
}

/// What is wrong with a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanErrorKind {
    /// There is no `}}` after it.
    #[error("`${{{{` is not closed by `}}}}`")]
    Unclosed,
    /// A string in it does not end.
    #[error("the text in quotes does not end")]
    UnclosedString,
    /// There is nothing in it.
    #[error("`${{{{ }}}}` holds no expression")]
    Empty,
}

/// Cuts `text` at its holes.
///
/// `}}` inside a string or a nested map does not end a hole; `$${{` is a literal `${{`.
///
/// # Errors
///
/// Returns the first hole that is empty or does not end.
///
/// ```
/// use myrmex_expr::{Piece, scan};
///
/// let pieces = scan("v${{ inputs.x }}").unwrap();
/// assert_eq!(pieces[0], Piece::Text("v".into()));
/// assert_eq!(pieces[1], Piece::Hole { source: "inputs.x".into(), span: 5..13 });
/// ```
pub fn scan(text: &str) -> Result<Vec<Piece>, ScanError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|offset| at + offset) {
        literal.push_str(&text[at..dollar]);
        let rest = &text[dollar..];
        if rest.starts_with(ESCAPED) {
            literal.push_str(OPEN);
            at = dollar + ESCAPED.len();
        } else if let Some(hole) = rest.strip_prefix(OPEN) {
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            let inside = dollar + OPEN.len();
            let end = inside
                + hole_length(hole).map_err(|kind| match kind {
                    ScanErrorKind::UnclosedString => ScanError { span: inside..text.len(), kind },
                    ScanErrorKind::Unclosed | ScanErrorKind::Empty => {
                        ScanError { span: dollar..inside, kind }
                    }
                })?;
            at = end + CLOSE.len();
            let source = text[inside..end].trim();
            if source.is_empty() {
                return Err(ScanError { span: dollar..at, kind: ScanErrorKind::Empty });
            }
            let start = inside + (end - inside - text[inside..end].trim_start().len());
            pieces.push(Piece::Hole { source: source.to_owned(), span: start..start + source.len() });
        } else {
            literal.push('$');
            at = dollar + 1;
        }
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

/// Returns how many bytes of `text` lie before the `}}` that ends the hole.
fn hole_length(text: &str) -> Result<usize, ScanErrorKind> {
    let bytes = text.as_bytes();
    // Only braces count: a `}}` inside round or square brackets alone is no expression, so it must be the end.
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at += 1;
                while *bytes.get(at).ok_or(ScanErrorKind::UnclosedString)? != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err(ScanErrorKind::Unclosed)
}

/// Makes text that a person wrote into data.
///
/// Exactly one hole and nothing else is an expression, whose value keeps its type; no hole is a literal; anything
/// else is text with holes.
///
/// # Errors
///
/// Returns the first hole that is empty or does not end.
pub fn template_of_text(text: &str) -> Result<Template, ScanError> {
    let mut pieces = scan(text)?;
    if pieces.len() <= 1 {
        return Ok(match pieces.pop() {
            None => Template::Literal(Value::from("")),
            Some(Piece::Text(text)) => Template::Literal(Value::from(text)),
            Some(Piece::Hole { source, .. }) => Template::Expr(Expr::jinja(&source)),
        });
    }
    let part = |piece| match piece {
        Piece::Text(text) => Part::Text(text),
        Piece::Hole { source, .. } => Part::Hole(Expr::jinja(&source)),
    };
    Ok(Template::Text(pieces.into_iter().map(part).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown: Vec<String> = match scan(text) {
            Ok(pieces) => pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => format!("text {text:?}"),
                    Piece::Hole { source, span } => {
                        assert_eq!(&text[span], source);
                        format!("hole {source:?}")
                    }
                })
                .collect(),
            Err(error) => vec![format!("{:?} {:?}", error.kind, &text[error.span])],
        };
        assert_eq!(shown.join(", "), expected, "{text}");
    }

    #[test]
    fn holes_are_cut_out_of_text() {
        check("", "");
        check("plain $HOME {{ x }}", r#"text "plain $HOME {{ x }}""#);
        check("a ${{ b }} c ${{d}}", r#"text "a ", hole "b", text " c ", hole "d""#);
        check("é${{ 'é' }}é", r#"text "é", hole "'é'", text "é""#);
    }

    #[test]
    fn quotes_and_braces_do_not_end_a_hole() {
        check(r#"${{ {"a": {"b": 1}} }}"#, r#"hole "{\"a\": {\"b\": 1}}""#);
        check(r#"${{ {"a":{"b":1}}}}"#, r#"hole "{\"a\":{\"b\":1}}""#);
        check("${{ '}}' }}", r#"hole "'}}'""#);
        check(r#"${{ "\"}}" }}"#, r#"hole "\"\\\"}}\"""#);
        check("${{ [a}} b", r#"hole "[a", text " b""#);
    }

    #[test]
    fn a_doubled_dollar_is_literal() {
        check("$${{ x }}", r#"text "${{ x }}""#);
        check("$$${{ x }}", r#"text "$${{ x }}""#);
        check("$$ ${{ x }}", r#"text "$$ ", hole "x""#);
    }

    #[test]
    fn holes_that_do_not_end_are_errors() {
        check("a ${{ b", r#"Unclosed "${{""#);
        check("a ${{ 'b }}", r#"UnclosedString " 'b }}""#);
        check("${{ 'b\\", r#"UnclosedString " 'b\\""#);
        check("${{  }}", r#"Empty "${{  }}""#);
    }

    #[test]
    fn one_hole_alone_keeps_its_type() {
        assert_eq!(template_of_text("${{ a }}"), Ok(Template::Expr(Expr::jinja("a"))));
        assert_eq!(template_of_text("a"), Ok(Template::Literal("a".into())));
        assert_eq!(template_of_text(""), Ok(Template::Literal("".into())));
        let parts = vec![Part::Text(" ".into()), Part::Hole(Expr::jinja("a"))];
        assert_eq!(template_of_text(" ${{ a }}"), Ok(Template::Text(parts)));
    }
}
