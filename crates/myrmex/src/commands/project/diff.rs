//! `myrmex project diff`: what a changed file would change in a project that runs, whether the run can follow it, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::run::{Refusal, Run, is_same_work};
use myrmex_model::address::Address;
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::{Body, Definition, Graph, Node};
use myrmex_model::name::Namespace;
use myrmex_model::planning::Planning;
use myrmex_model::wire;
use myrmex_plan::problem::Moment;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::partition::{NewChange, load_run};
use serde_json::{Value, json};

use super::Telling;
use crate::clock::DataClock;
use crate::commands::run::{no_definition, resolve, tell_problems};
use crate::commands::runs::{find, open_reader};
use crate::commands::{CheckedFile, check_placed};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::forecast::{self, Forecast, Planned};
use crate::render::held_up::Waiting;
use crate::render::plan::words::signed;
use crate::render::standing::Standing;
use crate::request::{self, Asked};
use crate::session::{self, Session, print_line};
use crate::workspace::Workspace;

/// Show what a changed file would change in a project that runs, and with `--apply` have the run follow it
///
/// Says what is added, gone and changed, whether the run can follow, and how the expected end moves. Exit code 1 if something differs,
/// 0 if nothing does; 2 if the run cannot follow.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The project's name, or the id of its run
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(complete::runs_and_names))]
    project: String,

    /// The changed file [default: where the project's file is]
    #[arg(value_name = "FILE")]
    file: Option<String>,

    /// Have the run follow the file, if it can
    #[arg(long)]
    apply: bool,

    /// Why; recorded with the change
    #[arg(long, requires = "apply", default_value = "")]
    reason: String,

    /// Who changes it [default: the user of the system]
    #[arg(long, requires = "apply", value_name = "NAME")]
    by: Option<String>,

    #[command(flatten)]
    telling: Telling,
}

/// What becomes of one task, phase, milestone or gate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    task: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Added,
    Gone,
    /// With what of it, in words, and its name before if that was another one.
    Changed(Vec<&'static str>, Option<String>),
}

/// Shows the differences, and applies them.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, the file is no project, the run cannot follow it, or the engine fails.
pub(super) fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let (reader, namespace) = (open_reader(&workspace)?, Namespace::standard());
    let id = find(&reader, &namespace, &args.project)?;
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let run = load_run(&reader, &namespace, id)?.ok_or_else(unknown)?;
    if run.status().is_terminal() {
        let message = format!("the run is over: {}", run.status());
        return Err(Failure::new(FailureCode::Refused, message));
    }
    let named = args.file.clone().unwrap_or_else(|| run.definition().name.to_string());
    let (file, changed) = match read(&named, &workspace) {
        Ok(read) => read?,
        Err(exit) => return Ok(exit),
    };
    let map = renamed(&changed);
    let differences = differences(run.definition(), &changed);
    let refusals = run.check_change(&changed, &map);
    let called = forecast::begun_with(&reader, &namespace, id)?.map(|(_, called)| called).unwrap_or_default();
    let unknown = unknown_calls(&changed, &called, &file);
    let now = DataClock::of(&workspace.data)?.now();
    let standing = forecast::of_run(&reader, &namespace, &run, now)?;
    let after =
        forecast::of_definition(&changed, &called, (&standing.baseline, &standing.actuals), standing.now);
    let refused: Vec<String> = refusals.iter().map(Refusal::to_string).chain(unknown).collect();
    let shown =
        Shown { run: &run, differences: &differences, refused: &refused, before: &standing, after: &after };
    if args.telling.json {
        print_line(&shown.document(args.apply && refused.is_empty()))?;
    } else {
        write!(anstream::stdout(), "{}", shown.text()).map_err(|error| Failure::output(&error))?;
    }
    if !refused.is_empty() {
        let hint = "what has begun keeps what it does and what it needs; later phases may change";
        return Err(Failure::new(FailureCode::Refused, "the run cannot follow the change").with_hint(hint));
    }
    if differences.is_empty() || !args.apply {
        return Ok(if differences.is_empty() { Exit::Success } else { Exit::Unformatted });
    }
    drop(reader);
    let form = wire::definition::encode(&changed);
    let change = NewChange {
        run: id,
        hash: DefinitionHash::of(&form),
        definition: Arc::new(changed),
        form: form.into(),
        map,
        by: args.by.clone().unwrap_or_else(session::user),
        reason: args.reason.clone(),
    };
    apply(args, &Session::open(zygote, &workspace, args.telling.means())?, change)
}

/// Has the run follow the change, and goes on with it until only people or time are waited for.
fn apply(args: &Args, session: &Session, change: NewChange) -> Result<Exit, Failure> {
    let (run, show) = (change.run, args.telling.show());
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    if let Some(exit) = session.catch_up(run, show)? {
        return Ok(exit);
    }
    let changed = session.partition().change_run(change);
    if let Some(exit) = request::settled(session, &changed, Asked { run, waiting: Waiting::Signal, show })? {
        return Ok(exit);
    }
    if let Some(exit) = session.take_up(run, show)? {
        return Ok(exit);
    }
    // That the run waits is what was asked for.
    Ok(match session.watch(run, after, show)? {
        Exit::Waiting => Exit::Success,
        other => other,
    })
}

/// Reads the changed file; the exit if it cannot be run.
fn read(named: &str, workspace: &Workspace) -> Result<Result<(CheckedFile, Definition), Failure>, Exit> {
    let mut file = match resolve(named, workspace) {
        Ok(path) => check_placed(&path, &workspace.root),
        Err(problem) => CheckedFile::unreadable(*problem),
    };
    tell_problems(&file, true);
    match file.definition.take() {
        Some(definition) if definition.project.is_some() => Ok(Ok((file, definition))),
        Some(_) => {
            let message = format!("`{}` is a workflow, not a project", file.source.name);
            Ok(Err(Failure::new(FailureCode::File, message)))
        }
        None => match no_definition(&file) {
            Ok(exit) => Err(exit),
            Err(failure) => Ok(Err(failure)),
        },
    }
}

/// Returns what was renamed, as the file says with `was`: old and new address.
fn renamed(changed: &Definition) -> Vec<(Address, Address)> {
    let nodes = changed.nodes.iter();
    let was = nodes.filter_map(|node| Some((node.planning.as_ref()?.was.as_ref()?, &node.name)));
    was.filter_map(|(old, new)| Address::parse(old.as_str()).ok().zip(Address::parse(new.as_str()).ok()))
        .collect()
}

/// Says which workflows tasks name that the run did not begin with: it cannot call them.
fn unknown_calls(changed: &Definition, known: &forecast::Called, file: &CheckedFile) -> Vec<String> {
    let is_known = |name: &myrmex_model::name::Name| known.contains_key(name);
    let calls = changed.nodes.iter().filter_map(|node| match &node.body {
        Body::Call(call) => Some((&node.name, &call.workflow)),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_) => None,
    });
    let new = calls.filter(|(_, workflow)| !is_known(workflow) && file.closure.contains_key(*workflow));
    new.map(|(task, workflow)| {
        format!("`{task}` calls the workflow `{workflow}`, which the run did not begin with")
    })
    .collect()
}

fn graph_of(definition: &Definition) -> Option<&Graph> {
    match &definition.node(definition.root).body {
        Body::Graph(graph) => Some(graph),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Flow(_)
        | Body::Each(_)
        | Body::Call(_) => None,
    }
}

/// Returns the children of a project by name, with what each needs in words that can be compared.
fn parts(definition: &Definition) -> BTreeMap<&str, (&Node, BTreeSet<String>)> {
    let Some(graph) = graph_of(definition) else { return BTreeMap::new() };
    let node = |index: u32| definition.node(graph.children[index as usize].node);
    let of = |index: u32| {
        let into = graph.edges().iter().filter(|edge| edge.to == index);
        let need = |edge: &myrmex_model::ir::Edge| {
            let (on, holds) = (edge.on, edge.holds);
            format!("{} {on:?} {holds:?} {:?} {:?}", node(edge.from).name, edge.lag, edge.calendar)
        };
        (node(index).name.as_str(), (node(index), into.map(need).collect()))
    };
    (0..u32::try_from(graph.children.len()).unwrap_or(u32::MAX)).map(of).collect()
}

/// Compares two forms of a project.
fn differences(old: &Definition, new: &Definition) -> Vec<Difference> {
    let (before, after) = (parts(old), parts(new));
    let was =
        |node: &Node| node.planning.as_ref().and_then(|facts| facts.was.as_ref()).map(ToString::to_string);
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for (name, (node, needs)) in &after {
        let earlier = was(node).filter(|was| before.contains_key(was.as_str()) && !before.contains_key(name));
        let before = before.get(earlier.as_deref().unwrap_or(name));
        let Some((old_node, old_needs)) = before else {
            found.push(Difference { task: (*name).to_owned(), kind: Kind::Added });
            continue;
        };
        taken.insert(old_node.name.as_str());
        let mut what = of_planning(old_node.planning.as_deref(), node.planning.as_deref());
        if !is_same_work((old, old_node), (new, node)) || old_node.guard != node.guard {
            what.insert(0, "what it does");
        }
        if old_needs != needs {
            what.push("what it needs");
        }
        if old_node.policy != node.policy || old_node.handling.is_some() != node.handling.is_some() {
            what.push("limits and retries");
        }
        if !what.is_empty() || earlier.is_some() {
            found.push(Difference { task: (*name).to_owned(), kind: Kind::Changed(what, earlier) });
        }
    }
    let gone = before.keys().filter(|name| !taken.contains(*name));
    found.extend(gone.map(|name| Difference { task: (*name).to_owned(), kind: Kind::Gone }));
    if old.project != new.project {
        let kind = Kind::Changed(vec!["the plan, its people or its money"], None);
        found.push(Difference { task: new.name.to_string(), kind });
    }
    found
}

/// Says what of the facts for the plan is different.
fn of_planning(old: Option<&Planning>, new: Option<&Planning>) -> Vec<&'static str> {
    let usual = Planning::default();
    let (old, new) = (old.unwrap_or(&usual), new.unwrap_or(&usual));
    let all = [
        ("estimate", old.estimate != new.estimate),
        ("people", old.crew != new.crew || old.owner != new.owner || old.modes != new.modes),
        (
            "dates",
            old.window != new.window
                || old.due != new.due
                || old.calendars != new.calendars
                || old.split != new.split
                || old.span != new.span,
        ),
        ("cost", old.cost != new.cost || old.earn != new.earn || old.consumes != new.consumes),
        ("phase", old.phase != new.phase || old.summary != new.summary),
        ("title", old.title != new.title),
    ];
    all.into_iter().filter(|(_, is_other)| *is_other).map(|(what, _)| what).collect()
}

/// What is shown.
struct Shown<'s> {
    run: &'s Run,
    differences: &'s [Difference],
    refused: &'s [String],
    before: &'s Forecast,
    after: &'s Result<Planned, Failure>,
}

impl Shown<'_> {
    fn ends(&self) -> (Option<Moment>, Option<Moment>) {
        let end = |planned: &Result<Planned, Failure>| {
            planned.as_ref().ok().map(|planned| planned.plan.outcome.finish)
        };
        (end(&self.before.forecast), end(self.after))
    }

    fn costs(&self) -> (Option<i128>, Option<i128>) {
        let cost = |planned: &Result<Planned, Failure>| {
            planned.as_ref().ok().map(|planned| planned.plan.costs.total.0)
        };
        (cost(&self.before.forecast), cost(self.after))
    }

    fn text(&self) -> String {
        if self.differences.is_empty() {
            return "nothing differs\n".to_owned();
        }
        let mut lines = Vec::new();
        for found in self.differences {
            lines.push(match &found.kind {
                Kind::Added => format!("added    {}", found.task),
                Kind::Gone => format!("gone     {}", found.task),
                Kind::Changed(what, None) => format!("changed  {}: {}", found.task, what.join(", ")),
                Kind::Changed(what, Some(was)) if what.is_empty() => {
                    format!("renamed  {}, was {was}", found.task)
                }
                Kind::Changed(what, Some(was)) => {
                    format!("renamed  {}, was {was}: {}", found.task, what.join(", "))
                }
            });
        }
        let standing = Standing::new(self.run, self.before, false);
        match (self.ends(), self.after) {
            ((Some(before), Some(after)), _) => {
                let moved = match after.0 - before.0 {
                    0 => "as before".to_owned(),
                    later @ 1.. => format!("{} later", signed(later)),
                    earlier => format!("{} earlier", signed(-earlier)),
                };
                lines.push(format!("expected to end {}, {moved}", standing.instant(after)));
            }
            (_, Err(failure)) => lines.push(format!("no forecast: {failure}")),
            (_, Ok(_)) => {}
        }
        if let (Some(before), Some(after)) = self.costs()
            && before != after
        {
            lines.push(format!("cost {} instead of {}", standing.amount(after), standing.amount(before)));
        }
        lines.extend(self.refused.iter().map(|why| format!("refused  {why}")));
        lines.into_iter().map(|line| line + "\n").collect()
    }

    fn document(&self, is_applied: bool) -> Value {
        let changes = self.differences.iter().map(|found| {
            let (kind, what, was) = match &found.kind {
                Kind::Added => ("added", Vec::new(), None),
                Kind::Gone => ("gone", Vec::new(), None),
                Kind::Changed(what, was) => ("changed", what.clone(), was.clone()),
            };
            json!({"task": found.task, "kind": kind, "what": what, "was": was})
        });
        let (ends, costs) = (self.ends(), self.costs());
        let money =
            |amount: Option<i128>| amount.map(|amount| myrmex_model::planning::Money(amount).to_string());
        json!({
            "project": self.run.definition().name.as_str(),
            "run": self.run.id().to_string(),
            "changes": changes.collect::<Vec<_>>(),
            "refused": self.refused,
            "finish": {"before": ends.0.map(|at| at.to_string()), "after": ends.1.map(|at| at.to_string())},
            "cost": {"before": money(costs.0), "after": money(costs.1)},
            "applied": is_applied,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_for_the_plan_are_told_by_what_they_are_about() {
        let usual = Planning::default();
        let other = Planning { title: Some("other".to_owned()), ..Planning::default() };
        assert_eq!(of_planning(Some(&usual), Some(&other)), ["title"]);
        assert_eq!(of_planning(None, Some(&usual)), Vec::<&str>::new());
    }
}
