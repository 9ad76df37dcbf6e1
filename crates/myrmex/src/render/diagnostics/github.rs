//! Diagnostics as workflow commands of GitHub Actions, which shows them beside the changed lines.

use std::fmt::Write as _;

use myrmex_model::diagnostic::Severity;

use super::Places;
use crate::commands::CheckedFile;

/// Builds one command for each diagnostic, each on a line.
pub fn github(checked: &[CheckedFile]) -> String {
    let mut out = String::new();
    for file in checked {
        let places = Places::new(&file.source.text);
        for found in &file.diagnostics {
            let command = match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "notice",
            };
            let (line, column) = places.of(found.span.start);
            let (end_line, end_column) = places.of(found.span.end);
            let mut message = found.message.clone();
            // A command has one place, so the others are named in the text.
            if !found.related.is_empty() {
                let own = Some((&found.span, &found.label)).filter(|(_, label)| !label.is_empty());
                let others = found.related.iter().map(|(span, label)| (span, label));
                for (span, label) in own.into_iter().chain(others) {
                    let (line, column) = places.of(span.start);
                    let written = write!(message, "\n{}:{line}:{column}: {label}", span.file);
                    written.expect("writing to a text cannot fail");
                }
            }
            if let Some(hint) = &found.hint {
                write!(message, "\nhint: {hint}").expect("writing to a text cannot fail");
            }
            let written = writeln!(
                out,
                "::{command} file={},line={line},col={column},endLine={end_line},endColumn={end_column},title={}::{}",
                property(&found.span.file),
                found.code,
                data(&message)
            );
            written.expect("writing to a text cannot fail");
        }
    }
    out
}

/// Escapes what stands behind the last `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_message_or_property_is_escaped() {
        assert_eq!(data("50%:\r\na,b"), "50%25:%0D%0Aa,b");
        assert_eq!(property("50%:\r\na,b"), "50%25%3A%0D%0Aa%2Cb");
    }
}
