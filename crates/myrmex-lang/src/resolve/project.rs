//! Checks what only projects have: names of people and things, links that hold ends, leads, sizes of crews.

use std::collections::BTreeMap;

use myrmex_model::ir::Holds;
use myrmex_model::outcome::Outcome;
use myrmex_model::planning::Item;

use super::mentions;
use crate::codes;
use crate::others::Others;
use crate::outline::{Need, Project, Task, Verb, Workflow};
use crate::report::Report;

/// Checks a project; a workflow has nothing of it.
pub(super) fn check(workflow: &Workflow, others: &Others<'_>, report: &mut Report) {
    let Some(project) = &workflow.project else { return };
    let tasks: BTreeMap<&str, &Task> =
        workflow.body.tasks.iter().map(|task| (task.name.value.as_str(), task)).collect();
    mentions::check_project(project, &tasks, others, report);
    for task in &workflow.body.tasks {
        for need in &task.needs {
            check_link(task, need, &tasks, report);
        }
    }
    check_crews(project, others, report);
}

/// Returns whether people do it, so that it can be offered on a forecast and held open.
fn is_of_people(task: &Task) -> bool {
    matches!(task.verb, Some(Verb::Await(_)) | None)
}

fn item(task: &Task) -> Item {
    task.planning.as_ref().map_or(Item::Task, |planning| planning.item)
}

fn check_link(task: &Task, need: &Need, tasks: &BTreeMap<&str, &Task>, report: &mut Report) {
    let name = &task.name.value;
    let (asks_start, _) = need.ends();
    let from = tasks.get(need.name.value.as_str());
    if let Some(from) = from.filter(|from| asks_start && matches!(item(from), Item::Phase | Item::Summary)) {
        let message =
            format!("`{}` has no start of its own that `{name}` could be linked to", from.name.value);
        report.refuse_hint(codes::LINK, need.place, message, "name the task in it that begins first");
    }
    if need.holds == Holds::End && !is_of_people(task) && item(task) != Item::Milestone {
        let message = format!("nothing can hold open the end of `{name}`: no people do it");
        let hint = "link its start (`FS` or `SS`), or make it work of people";
        report.refuse_hint(codes::LINK, need.place, message, hint);
    }
    let lead = need.lag.as_ref().filter(|lag| lag.value.is_lead());
    if let Some(lead) = lead.filter(|_| !is_of_people(task)) {
        let message =
            format!("`{name}` would begin {} before it is known when", positive(&lead.value.to_string()));
        let hint = "a lead is for work of people only, which is offered by the forecast";
        report.refuse_hint(codes::LEAD, lead.place, message, hint);
    }
    debug_assert!(!asks_start || need.on.contains(Outcome::Started));
}

fn positive(lag: &str) -> &str {
    lag.trim_start_matches('-')
}

/// Reports tasks that ask for more people of a role than it has.
fn check_crews(project: &Project, others: &Others<'_>, report: &mut Report) {
    let Some(resources) = others.resources else { return };
    for crew in &project.crews {
        let (name, count) = &crew.value;
        let Some(role) = resources.facts.roles.iter().find(|role| role.name == *name) else { continue };
        let have = u32::try_from(role.members.len()).unwrap_or(u32::MAX).saturating_add(role.placeholders);
        if *count > have {
            let people =
                if have == 1 { "1 person has it".to_owned() } else { format!("{have} people have it") };
            let message = format!("{count} people of the role `{name}` are asked for, {people}");
            report.refuse(codes::CREW_LARGE, crew.place, message);
        }
    }
}
