//! Finds tabs that are not part of a text: readers differ in how wide they are, and nobody sees them.

use granit_parser::ErrorKind;

use super::{Comment, Place};
use crate::codes;
use crate::report::Report;

/// Reports the first tab of each line that stands outside comments and outside quoted and block text. JSON may be
/// indented with tabs: its structure does not hang on white space.
pub(super) fn check(text: &str, scalars: &[(Place, bool)], comments: &[Comment], report: &mut Report) {
    if !text.contains('\t') || text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        return;
    }
    let mut opaque: Vec<Place> =
        scalars.iter().filter(|(_, keeps_tabs)| *keeps_tabs).map(|(place, _)| *place).collect();
    opaque.extend(comments.iter().map(|comment| comment.place));
    opaque.sort_unstable();
    let (mut covering, mut line_reported) = (opaque.iter().peekable(), None);
    let mut line = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => line += 1,
            b'\t' => {
                while covering.next_if(|place| place.end <= at).is_some() {}
                let is_text = covering.peek().is_some_and(|place| place.start <= at);
                if !is_text && line_reported != Some(line) {
                    line_reported = Some(line);
                    let hint = "use spaces; a tab that belongs to a text goes in quotes";
                    report.refuse_hint(
                        codes::TAB,
                        Place::new(at, at + 1),
                        "a tab stands outside quotes",
                        hint,
                    );
                }
            }
            _ => {}
        }
    }
}

/// Returns whether the parser stopped because of a tab.
pub(super) fn is_about_tabs(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}
