//! Looks up what plans name: people and things of the workspace, and what a project declares.

use std::collections::BTreeMap;

use crate::codes;
use crate::others::Others;
use crate::outline::{Mention, Mentioned, Project, Task};
use crate::read::resources::ALWAYS;
use crate::report::Report;

/// Reports each name that the resources of the workspace do not have.
pub(super) fn check(mentions: &[Mention], others: &Others<'_>, report: &mut Report) {
    for mention in mentions {
        resource(mention, others, report);
    }
}

/// Reports each name in a project that neither it nor the resources of the workspace have.
pub(super) fn check_project(
    project: &Project,
    tasks: &BTreeMap<&str, &Task>,
    others: &Others<'_>,
    report: &mut Report,
) {
    for mention in &project.mentions {
        match mention.what {
            Mentioned::Task => {
                if !tasks.contains_key(mention.name.value.as_str()) {
                    refuse_item(mention, tasks.keys().copied(), report);
                }
            }
            Mentioned::Account | Mentioned::Correlation | Mentioned::Deliverable => {
                if project.declared.place(mention.what, &mention.name.value).is_none() {
                    refuse_item(mention, project.declared.names(mention.what), report);
                }
            }
            Mentioned::Budget
            | Mentioned::Calendar
            | Mentioned::Group
            | Mentioned::Person
            | Mentioned::Pool
            | Mentioned::Role => resource(mention, others, report),
        }
    }
}

/// Reports a name that the project does not declare.
fn refuse_item<'n>(
    Mention { what, name }: &Mention,
    names: impl Iterator<Item = &'n str>,
    report: &mut Report,
) {
    let message = format!("the project has no {} `{}`", what.word(), name.value);
    let mut diagnostic = report.error(codes::ITEM_UNKNOWN, name.place, message);
    diagnostic.hint = match report.nearest(&name.value, names) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if *what == Mentioned::Task => None,
        None => Some(format!("declare it under `{}`", what.section())),
    };
    report.push(diagnostic);
}

/// Reports the name of a person or thing of the workspace that there is not.
fn resource(Mention { what, name }: &Mention, others: &Others<'_>, report: &mut Report) {
    let is_built_in = *what == Mentioned::Calendar && name.value == ALWAYS;
    let declared = others.resources.map(|resources| &resources.declared);
    if is_built_in || declared.is_some_and(|own| own.place(*what, &name.value).is_some()) {
        return;
    }
    let section = what.section();
    let message = format!("there is no {} `{}`", what.word(), name.value);
    let mut diagnostic = report.error(codes::RESOURCE_UNKNOWN, name.place, message);
    let names = declared.into_iter().flat_map(|own| own.names(*what));
    diagnostic.hint = Some(match (report.nearest(&name.value, names), declared) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(_)) => format!("declare it in `resources.yaml`, under `{section}`"),
        (None, None) => {
            format!("write a `resources.yaml` in the workspace, and declare it there under `{section}`")
        }
    });
    report.push(diagnostic);
}
