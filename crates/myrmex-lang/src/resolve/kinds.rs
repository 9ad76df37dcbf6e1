//! Finds a `catch` for a type of error that nothing in its `try` gives.

use myrmex_model::fault::FaultKind;
use myrmex_model::template::Template;

use crate::codes;
use crate::outline::{Catch, Data, Scope, Spot, Task, Verb};
use crate::report::Report;

/// The types of what is not supported yet: who writes them is ahead of us, not wrong.
const LATER: [&str; 4] = ["authentication", "authorization", "communication", "refused"];

/// Warns of the types in the `catch`es of `task` that no error inside its `try` can have.
pub(super) fn check(task: &Task, report: &mut Report) {
    let Some(Verb::Block(scope)) = &task.verb else { return };
    let catches: &[Catch] = &task.handlers.catches;
    if catches.iter().any(|catch| !catch.kinds.is_empty()) {
        let own = OwnKinds::of(scope);
        for kind in catches.iter().flat_map(|catch| &catch.kinds) {
            check_kind(kind, &own, report);
        }
    }
}

fn check_kind(kind: &Spot<String>, own: &OwnKinds<'_>, report: &mut Report) {
    let known = || FaultKind::KNOWN.iter().map(FaultKind::as_str).chain(LATER).chain(own.names.clone());
    if own.is_open || known().any(|name| name == kind.value) {
        return;
    }
    let near = report.nearest(&kind.value, known());
    let hint = near.map_or_else(
        || format!("an error gets a type of its own by `fail: {{type: {}, title: TEXT}}`", kind.value),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("nothing in this `try` fails with the type `{}`", kind.value);
    let warning = report.warning(codes::CATCH_KIND, kind.place, message);
    report.push(warning.with_hint(hint));
}

/// The types that the `fail`s of a `try` give.
#[derive(Default)]
struct OwnKinds<'o> {
    names: Vec<&'o str>,
    /// Whether there may be others: of an expression, of a called workflow, or of an action.
    is_open: bool,
}

impl<'o> OwnKinds<'o> {
    fn of(scope: &'o Scope) -> Self {
        let mut own = Self::default();
        for task in &scope.tasks {
            task.walk(&mut |task| match &task.verb {
                Some(Verb::Fail(data)) => own.add(data),
                Some(Verb::Call(_) | Verb::Use(_)) | None => own.is_open = true,
                Some(
                    Verb::Run(_)
                    | Verb::Set(_)
                    | Verb::Switch(_)
                    | Verb::Wait(_)
                    | Verb::Await(_)
                    | Verb::Block(_),
                ) => {}
            });
        }
        own
    }

    fn add(&mut self, data: &'o Data) {
        match &data.template {
            Template::Literal(value) => {
                self.names.extend(value.get("type").and_then(|kind| kind.as_str()));
            }
            Template::Map(fields) => match fields.iter().find(|(name, _)| name == "type") {
                Some((_, Template::Literal(kind))) => self.names.extend(kind.as_str()),
                Some((_, Template::Expr(_) | Template::Text(_) | Template::List(_) | Template::Map(_))) => {
                    self.is_open = true;
                }
                None => {}
            },
            Template::Expr(_) => self.is_open = true,
            Template::Text(_) | Template::List(_) => {}
        }
    }
}
