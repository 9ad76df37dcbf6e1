//! Gates of projects: who decides, what has to hold, and the end of a project at one.

use myrmex_model::ir::{AwaitKind, Gate, GateDecision};
use myrmex_model::name::Name;
use myrmex_model::planning::{Group, Project, Role};
use myrmex_model::signal::{Answer, Look, Signal, Word};
use myrmex_model::status::Status;
use myrmex_model::template::Expr;

use super::build::{Spec, awaiting, graph, name, project_of, task};
use super::generate::gate;
use super::host::{Host, address, value_hash};
use crate::run::{Rejection, stands_for};

fn review() -> Spec {
    let criteria = vec![(name("drafted"), Expr::jinja("tasks.draft.status == 'succeeded'"))];
    awaiting("g1", AwaitKind::Gate(Box::new(Gate { criteria, ..gate() })))
}

fn go(by: &str) -> Signal {
    let word = Word::Answer { task: address("g1"), answer: Answer::Decided(GateDecision::Go) };
    Signal { id: format!("go-{by}"), by: by.to_owned(), word, data: None, comment: None }
}

fn red(why: &str) -> Look {
    Look { shown: value_hash("\"red\""), red: vec![why.to_owned()] }
}

#[test]
fn a_gate_does_not_open_while_a_criterion_is_red() {
    let root = graph("root", vec![review(), task("build").after("g1")]);
    let mut host = Host::of_project(&root, Project::default());
    let why = "criterion `drafted` is red: no data";
    let refused = host.say_after(go("ada"), Some(red(why))).unwrap_err();
    assert_eq!(refused.to_string(), format!("task `g1` takes no such answer: {why}"));
    let unseen = host.say_after(go("ada"), None).unwrap_err();
    assert_eq!(unseen.to_string(), "task `g1` takes no such answer: nobody has looked at its criteria");
    // What was refused leaves nothing, so it may be said again.
    host.say(go("ada")).unwrap();
    host.expect(&[("g1", Status::Succeeded)]);
    let shown = host.events().find_map(|event| match event {
        myrmex_model::event::Event::SignalReceived { shown, .. } => *shown,
        _ => None,
    });
    assert_eq!(shown, Some(value_hash("\"look\"")), "how the criteria stood is recorded");
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_gate_that_is_held_goes_on_asking() {
    let mut host = Host::of_project(&graph("root", vec![review()]), Project::default());
    host.reply("g1", "ada", Answer::Decided(GateDecision::Hold)).unwrap();
    host.expect(&[("g1", Status::Waiting)]);
    let latest = host
        .run
        .task(&address("g1"))
        .and_then(|task| task.awaited()?.latest.map(|(said, _)| said.by.clone()));
    assert_eq!(latest.as_deref(), Some("ada"));
    host.reply("g1", "ada", Answer::Decided(GateDecision::Go)).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_stop_ends_the_project_with_its_reason() {
    let root = graph("root", vec![review(), task("other"), task("build").after("g1")]);
    let mut host = Host::of_project(&root, Project::default());
    host.grant();
    let word = Word::Answer { task: address("g1"), answer: Answer::Decided(GateDecision::Stop) };
    let comment = Some("the market is gone".to_owned());
    host.say(Signal { id: "no".into(), by: "ada".into(), word, data: None, comment }).unwrap();
    host.expect(&[("g1", Status::Failed), ("other", Status::Running), ("build", Status::Skipped)]);
    host.finish();
    host.expect(&[("other", Status::Cancelled)]);
    assert_eq!(host.run.status(), Status::Failed);
    let fault = host.run.fault().unwrap();
    assert_eq!(fault.title, "`stop` was decided by ada");
    assert_eq!(fault.detail.as_deref(), Some("the market is gone"));
}

#[test]
fn groups_and_roles_of_a_project_are_its_people() {
    let names = |all: &[&str]| all.iter().map(|text| name(text)).collect::<Vec<Name>>();
    let role = |text: &str, members: &[&str]| Role {
        name: name(text),
        members: names(members),
        placeholders: u32::from(members.is_empty()),
        calendar: None,
        rate: None,
    };
    let mut project = Project::default();
    project.resources.groups = vec![Group { name: name("board"), members: names(&["ada", "bo"]) }];
    project.resources.roles = vec![role("lead", &["cy"]), role("dev", &[])];
    let check = |whom: &str, by: &str| stands_for(Some(&project), whom, by);
    assert_eq!((check("group:board", "ada"), check("team:board", "zed")), (Some(true), Some(false)));
    assert_eq!((check("role:lead", "cy"), check("role:lead", "ada")), (Some(true), Some(false)));
    assert_eq!((check("ada", "ada"), check("person:ada", "bo")), (Some(true), Some(false)));
    assert_eq!((check("role:dev", "zed"), check("group:gone", "zed")), (None, None));
    assert_eq!(stands_for(None, "group:board", "zed"), None);
}

#[test]
fn only_the_people_of_a_group_decide() {
    let mut project = Project::default();
    project.resources.groups = vec![Group { name: name("board"), members: vec![name("ada")] }];
    let mut host = Host::new(project_of(&graph("root", vec![review()]), project));
    let asked = myrmex_model::effect::Asked {
        shown: None,
        from: vec!["group:board".to_owned()],
        exclude: Vec::new(),
    };
    host.answer("g1", myrmex_model::effect::Evaluation::Asked(Box::new(asked)));
    host.start();
    let Err(Rejection::NotAnswerable { why, .. }) = host.say(go("zed")) else { panic!("it is refused") };
    assert_eq!(why, "`zed` is not asked, but group:board");
    host.say(go("ada")).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}
