//! The names that an attempt, or a block, asks for: locks and labels, evaluated once when it gets ready.

use myrmex_engine::run::View;
use myrmex_model::demand::{Asks, NAMED_BYTES_MAX, Named};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::template::Template;
use myrmex_model::value::to_text;

use super::{Desk, render};

/// Evaluates the names that `asks` holds; none if they are literal.
///
/// # Errors
///
/// Returns the task's error if a name cannot be evaluated, is empty or too long, or is a lock that a block around holds.
pub(super) fn named(desk: &mut Desk<'_>, view: View<'_>, asks: &Asks) -> Result<Option<Box<Named>>, Fault> {
    if !asks.has_expressions() {
        return Ok(None);
    }
    let lock = match &asks.lock {
        Some(template) => Some(text(desk, view, ("lock", template))?),
        None => None,
    };
    if let Some(lock) = &lock
        && let Some(fault) = view.held_around(lock)
    {
        return Err(fault);
    }
    let labels = asks.labels.iter().map(|label| text(desk, view, ("labels", label)));
    let labels = labels.collect::<Result<_, _>>()?;
    Ok(Some(Box::new(Named { lock, labels })))
}

fn text(desk: &mut Desk<'_>, view: View<'_>, (key, template): (&str, &Template)) -> Result<String, Fault> {
    let value = render(desk, view, (key, template))?;
    let text = to_text(&value);
    let wrong = |why: String| Fault::new(FaultKind::Validation, format!("`{key}` {why}"));
    if value.is_null() || text.is_empty() {
        return Err(wrong("is empty".to_owned()));
    }
    if text.len() > NAMED_BYTES_MAX {
        let detail = "the filter `sha256` makes a short name of a long value";
        return Err(wrong(format!("is longer than {NAMED_BYTES_MAX} bytes")).with_detail(detail));
    }
    Ok(text)
}
