//! Where in a template an expression stands that failed, said as keys: `env.TOKEN`, `command[1]`.

use myrmex_expr::ExprError;
use myrmex_model::fault::Fault;
use myrmex_model::template::{Part, Template};

/// Returns the place of the expression of `error` in `template`, below the key `base`; of several alike the first, which
/// is the one that failed.
pub(super) fn of(base: &str, template: &Template, error: &ExprError) -> Option<String> {
    match template {
        Template::Literal(_) => None,
        Template::Expr(expr) => (expr.source == error.expression).then(|| base.to_owned()),
        Template::Text(parts) => {
            let is_hole = |part: &Part| matches!(part, Part::Hole(expr) if expr.source == error.expression);
            parts.iter().any(is_hole).then(|| base.to_owned())
        }
        Template::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| of(&format!("{base}[{index}]"), item, error))
        }
        Template::Map(fields) => fields.iter().find_map(|(key, field)| {
            let here = if base.is_empty() { key.clone() } else { format!("{base}.{key}") };
            of(&here, field, error)
        }),
    }
}

/// Lets the error say under which key it arose.
pub(super) fn told(mut fault: Fault, place: &str) -> Fault {
    let more = fault.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    fault.detail = Some(format!("in `{place}`{more}"));
    fault
}
