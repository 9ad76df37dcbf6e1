//! Texts with expressions of ours, made of texts with placeholders of others.

use super::foreign::shown;

/// A piece of a text of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that stands for itself.
    Text(&'t str),
    /// What stands between the marks of a placeholder, without blanks around it.
    Hole(&'t str),
}

/// Cuts a text at its placeholders, in time that grows as the text does.
///
/// # Errors
///
/// Returns a message if a placeholder is not closed. Quotes within one are not looked at: no tool here allows its end in them.
pub(super) fn pieces<'t>(text: &'t str, open: &str, close: &str) -> Result<Vec<Piece<'t>>, String> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find(open) {
        let inner = &rest[start + open.len()..];
        let end = inner.find(close).ok_or_else(|| format!("`{}` is not closed", shown(&rest[start..])))?;
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        pieces.push(Piece::Hole(inner[..end].trim()));
        rest = &inner[end + close.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// A text of ours under construction.
#[derive(Debug, Default)]
pub(super) struct Template {
    out: String,
    literal: String,
}

impl Template {
    /// Adds text that stands for itself, whatever it looks like.
    pub(super) fn text(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    /// Adds an expression. Any `$` right before it would make it a literal, so an expression gives all of those.
    pub(super) fn hole(&mut self, expression: &str) {
        let literal = std::mem::take(&mut self.literal);
        let before = literal.trim_end_matches('$');
        self.out.push_str(&escaped(before));
        if before.len() < literal.len() {
            self.out.extend(["${{ '", &literal[before.len()..], "' }}"]);
        }
        self.out.extend(["${{ ", expression, " }}"]);
    }

    /// Returns the text.
    pub(super) fn finish(mut self) -> String {
        self.out.push_str(&escaped(&self.literal));
        self.out
    }
}

/// Writes a literal text so that nothing in it begins an expression.
pub(super) fn escaped(literal: &str) -> String {
    literal.replace("${{", "$${{")
}

/// Writes a text as it stands in an expression.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}

/// Writes the way to a field of a value in an expression.
pub(super) fn field(name: &str) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word { format!(".{name}") } else { format!("[{}]", quoted(name)) }
}

/// Writes the way to a task in an expression.
pub(super) fn task(name: &str) -> String {
    format!("tasks{}", field(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_placeholders() {
        assert_eq!(
            pieces("a ${{ b }}c", "${{", "}}").unwrap(),
            [Piece::Text("a "), Piece::Hole("b"), Piece::Text("c")]
        );
        assert_eq!(pieces("{{a", "{{", "}}").unwrap_err(), "`{{a` is not closed");
    }

    #[test]
    fn what_stands_for_itself_begins_no_expression() {
        let mut template = Template::default();
        template.text("${{ a }} $$");
        template.hole("b");
        assert_eq!(template.finish(), "$${{ a }} ${{ '$$' }}${{ b }}");
        assert_eq!(quoted("it's\n"), r"'it\'s\n'");
    }
}
