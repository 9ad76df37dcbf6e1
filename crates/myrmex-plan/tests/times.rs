//! What dates and calendars of a project mean to a run of it: when a lag is over, and when a task may begin.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use myrmex_lang::{Source, check as check_file};
use myrmex_model::event::NotBefore;
use myrmex_model::ir::{Body, Definition};
use myrmex_model::name::Name;
use myrmex_model::planning::{Calendar, Hours, Pool};
use myrmex_model::time::{Length, Timestamp};
use myrmex_plan::lower::{lag_due, may_begin};

/// A project whose work of people counts in the usual calendar, Monday to Friday from 09:00 to 17:00 UTC.
fn project(tasks: &str) -> Definition {
    let text =
        format!("project: p\nplan: {{start: 2026-12-01T10:00:00Z}}\nphases:\n  x:\n    tasks:\n{tasks}");
    let checked = check_file(&Source::new("p.yaml", text));
    checked.definition.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

/// Adds the calendar `night`, every day from 22:00 to 06:00 in Berlin, with the pool `gpu` that is open then.
fn with_night(mut definition: Definition) -> Definition {
    let night = Name::new("night").unwrap();
    let resources = &mut definition.project.as_mut().unwrap().resources;
    resources.calendars.push(Calendar {
        name: night.clone(),
        zone: "Europe/Berlin".to_owned(),
        week: std::array::from_fn(|_| vec![Hours { from: 22 * 60, to: 30 * 60 }]),
        exceptions: Vec::new(),
        day: Length(8 * 3_600_000),
    });
    resources.pools.push(Pool {
        name: Name::new("gpu").unwrap(),
        capacity: 1,
        calendar: Some(night),
        rate: None,
    });
    definition
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns when the lag of the link into `b` is over that counts from `since`.
fn lag(link: &str, since: &str) -> String {
    let tasks = format!(
        "      a: {{manual: A, estimate: 1d}}\n      b: {{manual: B, estimate: 1d, needs: {{a: {link}}}}}\n"
    );
    let definition = project(&tasks);
    let Body::Graph(graph) = &definition.node(definition.root).body else { panic!("it is a graph") };
    let edge = graph.edges().iter().find(|edge| edge.lag.is_some()).expect("there is a lag");
    lag_due(&definition, graph, edge, at(since)).unwrap().to_string()
}

/// Returns until when `task` is held back, and because of what.
fn held(definition: &Definition, task: &str, now: &str) -> Option<(String, NotBefore)> {
    let place = definition.nodes.iter().position(|node| node.name.as_str() == task).expect("it is there");
    let id = myrmex_model::ir::NodeId(u32::try_from(place).unwrap());
    may_begin(definition, id, at(now)).unwrap().map(|(until, because)| (until.to_string(), because))
}

#[test]
fn a_lag_counts_the_working_time_of_the_task_it_holds_back() {
    // 2026-12-04 is a Friday.
    assert_eq!(lag("{lag: 1d}", "2026-12-04T15:00:00Z"), at("2026-12-07T15:00:00Z").to_string());
    assert_eq!(lag("{lag: 2h}", "2026-12-04T15:00:00Z"), at("2026-12-04T17:00:00Z").to_string());
    assert_eq!(lag("{lag: 3h}", "2026-12-04T15:00:00Z"), at("2026-12-07T10:00:00Z").to_string());
    assert_eq!(lag("{type: FF, lag: 1d}", "2026-12-05T03:00:00Z"), at("2026-12-07T17:00:00Z").to_string());
    assert_eq!(lag("{lag: 1ed}", "2026-12-04T15:00:00Z"), at("2026-12-05T15:00:00Z").to_string());
}

#[test]
fn a_lag_is_never_over_early_by_a_part_of_a_millisecond() {
    assert_eq!(
        lag("{lag: 1h}", "2026-12-04T10:00:00.000000001Z"),
        at("2026-12-04T11:00:00.001Z").to_string()
    );
}

#[test]
fn nothing_begins_before_the_project_or_its_window() {
    let definition = project(concat!(
        "      a: {manual: A}\n",
        "      b: {manual: B, window: {start_after: 2026-12-10}}\n",
        "      c: {run: work, timeout: 1h, window: {must_start: 2026-12-03T12:00:00Z}}\n",
    ));
    assert_eq!(
        held(&definition, "a", "2026-11-30T10:00:00Z"),
        Some((at("2026-12-01T10:00:00Z").to_string(), NotBefore::Start))
    );
    assert_eq!(held(&definition, "a", "2026-12-01T10:00:00Z"), None);
    assert_eq!(
        held(&definition, "b", "2026-12-05T10:00:00Z"),
        Some((at("2026-12-10T00:00:00Z").to_string(), NotBefore::Window))
    );
    assert_eq!(
        held(&definition, "c", "2026-11-30T10:00:00Z"),
        Some((at("2026-12-03T12:00:00Z").to_string(), NotBefore::Window))
    );
    assert_eq!(held(&definition, "c", "2026-12-06T10:00:00Z"), None);
}

#[test]
fn closed_calendars_hold_back_machines_and_not_people() {
    let mut definition = with_night(project(concat!(
        "      a: {manual: A}\n",
        "      b: {run: work, timeout: 1h}\n",
        "      c: {run: work, timeout: 1h, window: {start_after: 2026-12-10}}\n",
    )));
    let night = Name::new("night").unwrap();
    for node in definition.nodes.iter_mut().filter(|node| ["a", "b", "c"].contains(&node.name.as_str())) {
        node.planning.as_mut().expect("it stands in a phase").calendars = vec![night.clone()];
    }
    let closed = || NotBefore::Calendar(night.clone());
    assert_eq!(held(&definition, "a", "2026-12-02T10:00:00Z"), None);
    assert_eq!(
        held(&definition, "b", "2026-12-02T10:00:00Z"),
        Some((at("2026-12-02T21:00:00Z").to_string(), closed()))
    );
    assert_eq!(held(&definition, "b", "2026-12-02T21:00:00Z"), None);
    assert_eq!(held(&definition, "b", "2026-12-03T04:59:59Z"), None);
    assert_eq!(
        held(&definition, "b", "2026-12-03T05:00:00Z"),
        Some((at("2026-12-03T21:00:00Z").to_string(), closed()))
    );
    // Midnight of the calendar's time zone, at which it is open.
    assert_eq!(
        held(&definition, "c", "2026-12-03T05:00:00Z"),
        Some((at("2026-12-09T23:00:00Z").to_string(), NotBefore::Window))
    );
}

#[test]
fn a_pool_that_is_closed_holds_back_what_asks_for_it() {
    let mut definition = with_night(project("      b: {run: work, timeout: 1h}\n"));
    let node = definition.nodes.iter_mut().find(|node| node.name.as_str() == "b").expect("it is there");
    node.policy.asks.get_or_insert_default().pools.insert(Name::new("gpu").unwrap(), 1);
    let closed = NotBefore::Calendar(Name::new("night").unwrap());
    assert_eq!(
        held(&definition, "b", "2026-12-02T10:00:00Z"),
        Some((at("2026-12-02T21:00:00Z").to_string(), closed))
    );
}
