//! What `check` says about projects and resources, and what it makes of those that are right.

use myrmex_lang::{Beside, Checked, Source, Supply, check_in, codes};
use myrmex_model::diagnostic::Severity;
use myrmex_model::ir::{AwaitKind, Body, Definition, Edge, Graph, Holds, Node};
use myrmex_model::name::Name;
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::{Amount, Earn, Item, Millionths, Planning, Project, Units};

use super::{dedent, describe};

/// The workspace of most tests here.
const RESOURCES: &str = "
resources:
  calendars:
    office: {timezone: Europe/Berlin, week: {mon-fri: ['09:00-12:00', '13:00-18:00']}, holidays: [2026-12-25]}
    unused: {week: {sat: ['22:00-06:00']}}
  people:
    ada: {roles: [dev, pm], skills: {rust: 3}, calendar: office, fte: 0.8, rate: {hour: 80 EUR}}
    bo: {roles: [dev]}
    cy: {}
  roles: {dev: {rate: {hour: 70 EUR}}, pm: {}, tester: {capacity: 2, calendar: office}}
  groups: {board: [ada, cy]}
  pools: {gpu: {capacity: 4, rate: {hour: 2.10 EUR}}}
  budgets: {licences: {amount: 10}}
";

fn checked(text: &str, resources: Option<&str>) -> Checked {
    let resources = resources.map(|text| Source::new("resources.yaml", text));
    let beside = Beside { resources, ..Beside::default() };
    check_in(&Source::new("project.yaml", text), &beside, &Supply::default())
}

/// Asserts what is wrong with a project that has this `body`, which begins on line 2.
#[track_caller]
fn check(body: &str, expected: &str) {
    check_whole(&format!("project: p\n{}", dedent(body)), expected);
}

#[track_caller]
fn check_whole(text: &str, expected: &str) {
    let (text, expected) = (dedent(text), dedent(expected));
    let mut checked = checked(&text, Some(RESOURCES));
    checked.diagnostics.retain(|diagnostic| diagnostic.code != codes::TIMEOUT_MISSING);
    let found = describe(&text, &checked.diagnostics);
    assert!(found == expected, "\n=== text\n{text}\n=== found\n{found}\n=== expected\n{expected}");
    let has_errors = checked.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert!(has_errors || checked.definition.is_some());
}

/// Returns the definition of a project with this `body`.
#[track_caller]
fn definition(body: &str) -> Definition {
    let text = format!("project: p\n{}", dedent(body));
    let checked = checked(&text, Some(RESOURCES));
    checked.definition.unwrap_or_else(|| panic!("{}", describe(&text, &checked.diagnostics)))
}

fn node<'d>(definition: &'d Definition, name: &str) -> &'d Node {
    definition.nodes.iter().find(|node| node.name.as_str() == name).expect("it is there")
}

fn planning<'d>(definition: &'d Definition, name: &str) -> &'d Planning {
    node(definition, name).planning.as_deref().expect("it says something")
}

fn project(definition: &Definition) -> &Project {
    definition.project.as_deref().expect("it is a project")
}

fn graph(definition: &Definition) -> &Graph {
    match &definition.node(definition.root).body {
        Body::Graph(graph) => graph,
        other => panic!("{other:?}"),
    }
}

/// Returns the links into a node: name before, outcomes, what is held back, lag.
fn links(definition: &Definition, name: &str) -> Vec<String> {
    let graph = graph(definition);
    let to = graph.child_index(name).expect("it is there");
    let shown = |edge: &Edge| {
        let from = &definition.node(graph.children[edge.from as usize].node).name;
        let asks_start = edge.on.contains(Outcome::Started);
        let kind = match (asks_start, edge.holds) {
            (false, Holds::Begin) => "FS",
            (true, Holds::Begin) => "SS",
            (false, Holds::End) => "FF",
            (true, Holds::End) => "SF",
        };
        let lag = edge.lag.map(|lag| format!(" {lag}")).unwrap_or_default();
        let on = if asks_start || edge.on == OutcomeSet::SUCCEEDED {
            String::new()
        } else {
            format!(" {}", edge.on.iter().map(Outcome::as_str).collect::<Vec<_>>().join("|"))
        };
        format!("{kind} {from}{on}{lag}")
    };
    let mut all: Vec<String> = graph.edges().iter().filter(|edge| edge.to == to).map(shown).collect();
    all.sort();
    all
}

#[test]
fn a_project_is_one_flat_graph_of_tasks_phases_and_gates() {
    let definition = definition(
        "
        phases:
          first:
            tasks:
              a: {manual: Do a}
              b: {run: ./b, needs: a}
            exit: g1
          second:
            tasks:
              c:
                tasks:
                  d: {manual: Do d}
                  e: {approval: {ask: Fine?, from: [group:board, ada], count: 2}, needs: d}
              f: {manual: Do f, needs: c}
          free: {needs: [], tasks: {h: {manual: Do h}}}
        gates: {g1: {from: group:board, criteria: {cheap: project.cpi >= 0.9}, decisions: [go, hold]}}
        milestones: {ga: {needs: [second, free], due: 2027-03-15}}
        ",
    );
    assert_eq!(definition.name.as_str(), "p");
    let names: Vec<&str> = definition.nodes.iter().skip(1).map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "d", "e", "c", "f", "h", "ga", "g1", "first", "second", "free"]);
    assert_eq!(links(&definition, "b"), ["FS a"]);
    assert_eq!(links(&definition, "g1"), ["FS a succeeded|skipped", "FS b succeeded|skipped"]);
    assert_eq!(links(&definition, "first"), ["FS g1"]);
    assert_eq!(links(&definition, "d"), ["FS first"]);
    assert_eq!(links(&definition, "e"), ["FS d", "FS first"]);
    assert_eq!(links(&definition, "c"), ["FS d succeeded|skipped", "FS e succeeded|skipped"]);
    assert_eq!(links(&definition, "f"), ["FS c", "FS first"]);
    assert_eq!(links(&definition, "h"), Vec::<String>::new());
    assert_eq!(links(&definition, "ga"), ["FS free", "FS second"]);
    let items = ["a", "c", "g1", "ga", "second"].map(|name| planning(&definition, name).item);
    assert_eq!(items, [Item::Task, Item::Summary, Item::Gate, Item::Milestone, Item::Phase]);
    let inner = planning(&definition, "d");
    assert_eq!(
        (inner.phase.as_ref().map(Name::as_str), inner.summary.as_ref().map(Name::as_str)),
        (Some("second"), Some("c"))
    );
    assert_eq!(planning(&definition, "g1").phase.as_ref().map(Name::as_str), Some("first"));
    let Body::Await(gate) = &node(&definition, "g1").body else { panic!("a gate waits for people") };
    let AwaitKind::Gate(gate) = &gate.kind else { panic!("it is a gate") };
    assert_eq!((gate.criteria.len(), gate.decisions.len()), (1, 2));
    let Body::Await(approval) = &node(&definition, "e").body else { panic!("an approval waits for people") };
    assert_eq!((&approval.kind, approval.count), (&AwaitKind::Approval, 2));
    assert_eq!(project(&definition).phases[0].exit.as_ref().map(Name::as_str), Some("g1"));
}

#[test]
fn links_have_four_kinds_and_signed_lags() {
    let definition = definition(
        "
        phases:
          only:
            tasks:
              a: {manual: Do a}
              b: {manual: Do b, needs: {a: [{type: SS, lag: 2d}, {type: FF, lag: 1d}]}}
              c: {manual: Do c, needs: {a: {type: FS, on: [succeeded, failed], lag: -1d}, b: {type: SF, lag: 2ed}}}
              d: {run: ./d, needs: {a: {type: SS, lag: 4h}, b: [succeeded, skipped]}}
        ",
    );
    assert_eq!(links(&definition, "b"), ["FF a 1d", "SS a 2d"]);
    assert_eq!(links(&definition, "c"), ["FS a succeeded|failed -1d", "SF b 2ed"]);
    assert_eq!(links(&definition, "d"), ["FS b succeeded|skipped", "SS a 4h"]);
}

#[test]
fn a_span_is_linked_to_the_tasks_between_which_it_lasts() {
    let definition = definition(
        "
        phases:
          only:
            tasks:
              a: {manual: Do a}
              b: {manual: Do b, needs: a}
              lead: {manual: Lead, roles: {pm: 0.25}, span: {from: a, to: b}, earn: effort}
        ",
    );
    assert_eq!(links(&definition, "lead"), ["FF b", "SS a"]);
    let lead = planning(&definition, "lead");
    assert!(lead.span.is_some() && lead.earn == Some(Earn::Effort));
    assert_eq!(lead.crew[0].units, Units(250));
}

#[test]
fn what_a_task_says_for_the_plan_is_kept_as_it_was_written() {
    let definition = definition(
        "
        title: Apollo
        owner: role:pm
        plan: {start: 2026-12-01, deadline: 2027-03-31T12:00, calendar: office, direction: alap, period: month,
               near: 1d, defaults: {manual: 2d}, correlation: {weather: 0.3}}
        tolerances: {time: 10%, cost: 2.5%, p_deadline: 0.8}
        budget: {limit: 250000 EUR, contingency: p80, management_reserve: 5%, accounts: {dev: {}}}
        phases:
          only:
            max_parallel: 3
            capacity: 30
            tasks:
              a:
                manual: Do a
                title: Task a
                roles: {dev: {count: 2, units: 0.5, skills: {rust: 2}}, tester: 1}
                estimate: {optimistic: 3d, likely: 5d, pessimistic: 12d, dist: triangular, group: weather}
                modes: {pair: {estimate: 3d, roles: {dev: 2}}, solo: {estimate: {effort: 40h}, pools: {gpu: 2}}}
                pools: {gpu: 1}
                consume: {licences: 2}
                priority: high
                window: {start_after: 2026-12-10, finish_before: 2027-02-01, must_start: null}
                due: 2027-01-31
                calendar: [office, always]
                split: never
                preemptible: true
                cost: {fixed: 100 EUR, account: dev}
                earn: {milestones: {draft: {weight: 40%, at: 50%}, final: {weight: 60%, at: 100%}}}
                points: 5
                raci: {R: [role:dev], A: ada, I: [group:board]}
                deliverable: paper
                was: infra
        deliverables: {paper: {path: docs/paper.md, accountable: role:pm, accept: {from: role:pm, estimate: 2d}}}
        risks:
          late: {event: The supplier is late, probability: 0.3, impact: 4, affects: {a: {time: {min: 2d, likely: 4d, max: 10d}, cost: 5000 EUR}}}
        ",
    );
    let own = project(&definition);
    assert_eq!(own.deadline.map(|date| date.to_string()).as_deref(), Some("2027-03-31T12:00"));
    assert_eq!(own.currency.map(|currency| currency.to_string()).as_deref(), Some("EUR"));
    assert_eq!(own.tolerances.cost, Some(Millionths(25_000)));
    assert_eq!((own.phases[0].max_parallel, own.phases[0].capacity), (Some(3), Some(30)));
    assert_eq!(own.risks[0].probability, Millionths(300_000));
    let a = planning(&definition, "a");
    assert!(
        matches!(a.estimate.as_ref().and_then(|own| own.amount), Some(Amount::Spread(points, _)) if points.likely.to_string() == "5d")
    );
    assert_eq!((a.crew[0].count, a.crew[0].units, a.modes.len()), (2, Units(500), 2));
    assert_eq!(a.calendars.len(), 2);
    let asks = node(&definition, "a").policy.asks.as_deref().expect("it asks for a pool");
    assert_eq!((asks.pools.len(), asks.priority.as_str()), (1, "high"));
    let accept = node(&definition, "accept-paper");
    assert!(matches!(&accept.body, Body::Await(own) if own.kind == AwaitKind::Approval));
    assert_eq!(links(&definition, "accept-paper"), ["FS a succeeded|skipped"]);
    assert_eq!(links(&definition, "only"), ["FS a succeeded|skipped", "FS accept-paper succeeded|skipped"]);
    assert_eq!(own.deliverables[0].acceptance.as_ref().map(Name::as_str), Some("accept-paper"));
}

#[test]
fn a_project_holds_the_resources_that_it_reaches_and_no_others() {
    let definition = definition(
        "phases: {only: {tasks: {a: {manual: Do a, roles: {dev: 1, tester: 1}, consume: {licences: 1}}}}}",
    );
    let resources = &project(&definition).resources;
    let names = |names: Vec<&str>| names.join(" ");
    assert_eq!(names(resources.calendars.iter().map(|own| own.name.as_str()).collect()), "office");
    assert_eq!(names(resources.people.iter().map(|own| own.name.as_str()).collect()), "ada bo");
    assert_eq!(names(resources.roles.iter().map(|own| own.name.as_str()).collect()), "dev tester");
    assert_eq!((resources.groups.len(), resources.pools.len(), resources.budgets.len()), (0, 0, 1));
    let (dev, tester) = (&resources.roles[0], &resources.roles[1]);
    assert_eq!((dev.members.len(), dev.placeholders), (2, 0));
    assert_eq!((tester.members.len(), tester.placeholders), (0, 2));
    let ada = &resources.people[0];
    assert_eq!((ada.units, ada.skills.len()), (Units(800), 1));
    let office = &resources.calendars[0];
    assert_eq!((office.day.0, office.week[0].len(), office.week[5].len()), (28_800_000, 2, 0));
    assert_eq!((office.exceptions.len(), office.zone.as_str()), (1, "Europe/Berlin"));
}

#[test]
fn names_are_shared_by_all_items_of_a_project() {
    check(
        "
        phases:
          one: {tasks: {a: {manual: Do a}, b: {tasks: {c: {manual: Do c}}}}}
          two: {tasks: {a: {manual: Do a}, one: {manual: Do it}, c: {manual: Do c}}}
        milestones: {two: {needs: one}}
        gates: {b: {}}
        ",
        "
        E0241 4:17 two items of the project are called `a`
          3:17 the other one
          hint: phases, tasks, milestones and gates share one set of names
        E0241 4:36 two items of the project are called `one`
          3:3 the other one
          hint: phases, tasks, milestones and gates share one set of names
        E0241 4:58 two items of the project are called `c`
          3:48 the other one
          hint: phases, tasks, milestones and gates share one set of names
        E0241 5:14 two items of the project are called `two`
          4:3 the other one
          hint: phases, tasks, milestones and gates share one set of names
        E0241 6:9 two items of the project are called `b`
          3:36 the other one
          hint: phases, tasks, milestones and gates share one set of names
        ",
    );
}

#[test]
fn unknown_names_are_told_with_what_is_meant() {
    check(
        "
        owner: role:pn
        plan: {calendar: offic}
        budget: {accounts: {dev: {}}}
        phases:
          one:
            exit: g2
            tasks:
              design: {manual: Do it, roles: {devs: 1}, owner: eda, calendar: nights}
              b: {manual: Do it, needs: desing, consume: {licence: 1}, cost: {fixed: 1 EUR, account: dov}}
              c: {manual: Do it, earn: {apportioned: x}, estimate: {likely: 1d, group: weather}, deliverable: paper}
              d: {run: ./d, pools: {cpu: 1}, span: {from: desig, to: b}}
              e: {approval: {ask: Fine?, from: [group:bord, role:dev, stakeholder:ops, user:x]}}
        gates: {g1: {}}
        risks: {r: {probability: 0.1, affects: {desgn: {time: 1d}}}}
        ",
        "
        E0242 2:8 there is no role `pn`
          hint: did you mean `pm`?
        E0242 3:18 there is no calendar `offic`
          hint: did you mean `office`?
        E0209 7:11 there is no gate `g2`
          hint: did you mean `g1`?
        E0242 9:39 there is no role `devs`
          hint: did you mean `dev`?
        E0242 9:56 there is no person `eda`
          hint: did you mean `ada`?
        E0242 9:71 there is no calendar `nights`
          hint: declare it in `resources.yaml`, under `calendars`
        E0209 10:33 there is no task, phase, milestone or gate `desing`
          hint: did you mean `design`?
        E0242 10:51 there is no budget `licence`
          hint: did you mean `licences`?
        E0243 10:94 the project has no account `dov`
          hint: did you mean `dev`?
        E0243 11:46 the project has no task `x`
        E0243 11:80 the project has no group of durations `weather`
          hint: declare it under `plan.correlation`
        E0243 11:103 the project has no deliverable `paper`
          hint: declare it under `deliverables`
        E0231 12:29 the pool `cpu` is declared nowhere
          hint: did you mean `gpu`?
        E0209 12:51 there is no task, phase, milestone or gate `desig`
          hint: did you mean `design`?
        E0244 12:62 nothing can hold open the end of `d`: no people do it
          hint: link its start (`FS` or `SS`), or make it work of people
        E0242 13:41 there is no group `bord`
          hint: did you mean `board`?
        E0501 13:63 `stakeholder:` is not supported yet
        E0303 13:80 `from` names a person, `role:NAME` or `group:NAME`, not `user:`
        E0243 15:41 the project has no task `desgn`
          hint: did you mean `design`?
        ",
    );
}

#[test]
fn without_resources_every_name_of_them_is_unknown() {
    let text = "project: p\nphases: {one: {tasks: {a: {manual: Do a, roles: {dev: 1}}}}}\n";
    let found = describe(text, &checked(text, None).diagnostics);
    let expected = "E0242 2:50 there is no role `dev`\n  hint: write a `resources.yaml` in the workspace, and declare it there under `roles`\n";
    assert_eq!(found, expected);
}

#[test]
fn links_that_cannot_be_are_refused() {
    check(
        "
        phases:
          one: {tasks: {a: {manual: Do a}, s: {tasks: {t: {manual: Do t}}}}}
          two:
            tasks:
              b: {run: ./b, needs: {a: {type: FF}}}
              c: {run: ./c, needs: {a: {lag: -1d}}}
              d: {manual: Do d, needs: {one: {type: SS}, s: {type: SF}}}
              e: {manual: Do e, needs: {a: [{type: SS}, {type: SS, lag: 1d}]}}
              f: {manual: Do f, needs: {a: {type: SS, on: failed}}}
              g: {manual: Do g, needs: {a: {type: XX}, b: {lag: 2 days}}}
              h: {set: {x: 1}, span: {from: a, to: b}}
        ",
        "
        E0244 6:32 nothing can hold open the end of `b`: no people do it
          hint: link its start (`FS` or `SS`), or make it work of people
        E0245 7:38 `c` would begin 1d before it is known when
          hint: a lead is for work of people only, which is offered by the forecast
        E0244 8:38 `one` has no start of its own that `d` could be linked to
          hint: name the task in it that begins first
        E0244 8:53 `s` has no start of its own that `d` could be linked to
          hint: name the task in it that begins first
        E0244 9:49 `a` is linked twice between the same ends
        E0204 10:47 `on` has no effect here: the link asks for a start and not for an outcome
        E0303 11:43 `type` is one of `FS`, `SS`, `FF`, `SF`, not `XX`
        E0302 11:57 `2 days` is not a duration such as `3d`, `1d4h`, `90m`, or `2ed` for elapsed time
          hint: did you mean `2d`?
        E0244 12:44 nothing can hold open the end of `h`: no people do it
          hint: link its start (`FS` or `SS`), or make it work of people
        ",
    );
}

#[test]
fn cycles_are_told_with_all_names() {
    check(
        "
        phases:
          one: {tasks: {a: {manual: Do a, needs: c}}}
          two: {tasks: {b: {manual: Do b}, c: {manual: Do c, needs: b}}}
        ",
        "
        E0207 3:42 dependency cycle between tasks: a -> c -> one -> a
          `a` needs `c`
          4:3 `c` needs `one`
          3:3 `one` needs `a`
          hint: remove one of these dependencies
        ",
    );
}

#[test]
fn values_that_cannot_be_are_refused() {
    check(
        "
        plan: {start: 2026-12-01, deadline: 2026-11-30, near: 2w, correlation: {x: 3}}
        tolerances: {time: 10, p_deadline: 80%}
        budget: {limit: 5 EUR, contingency: 80}
        phases:
          one:
            tasks:
              a: {manual: Do a, estimate: 1.5d, due: 31.12.2026, points: 0}
              b: {manual: Do b, estimate: {optimistic: 3d, likely: 2d, pessimistic: 4d}}
              c: {manual: Do c, estimate: {effort: 8h}, cost: {fixed: 5 USD}, window: {start_after: 2027-01-02, finish_before: 2027-01-01}}
              d: {manual: Do d, roles: {dev: 3, pm: 1.5, tester: {count: 1, units: 0}}}
              e: {manual: Do e, earn: half}
              f: {manual: Do f, earn: {milestones: {x: {weight: 40%, at: 50%}}}}
              g: {form: {ask: What?, expires: 5d, count: 2}}
              h: {manual: Do h, due: 2027-02-30, split: maybe, estimate: 1d4eh}
              i: {manual: Do i, run: ./i}
              j: {manual: Do j, timeout: 5m, retry: {attempts: 2}}
        deliverables: {paper: {accept: {from: ada}}}
        ",
        "
        E0336 2:37 `deadline` is 2026-11-30, which is before `start`, 2026-12-01
        E0302 2:55 `2w` is not a duration such as `3d`, `1d4h`, `90m`, or `2ed` for elapsed time
          hint: there is no unit for weeks: write `10d` if a week has five working days
        E0308 2:76 `x` must be between 0 and 1, this is 3
        E0308 3:20 `time` must be a part from `0%` to `100%`, not `10`
          hint: write `10%`
        E0301 3:36 `p_deadline` must be a number, this is text
        E0308 4:37 `contingency` is a quantile from `p1` to `p99`, not `80`
          hint: write `p80`
        E0302 8:35 `1.5d` is not a duration such as `3d`, `1d4h`, `90m`, or `2ed` for elapsed time
          hint: write it in hours: how many a working day has is said by its calendar
        E0332 8:46 `31.12.2026` is not a date such as `2026-12-01`, or a time such as `2026-12-01T09:00`
          hint: did you mean `2026-12-31`?
        E0308 8:66 `points` must be at least 1, this is 0
        E0308 9:60 `likely` of 2d is less than `optimistic`, which is 3d
        E0333 10:63 this is in USD, and others are in EUR
          4:17 the first amount
          hint: convert it to EUR
        E0336 10:120 `finish_before` is 2027-01-01, which is before `start_after`, 2027-01-02
        E0246 11:38 3 people of the role `dev` are asked for, 2 people have it
        E0308 11:45 `pm` is a number of people, or a part of one, this is 1.5
          hint: write `{count: 2, units: 0.5}` for half of two people
        E0308 11:76 `units` must be at least 0.001: nobody is less
        E0303 12:31 `earn` is one of `0/100`, `50/50`, `percent`, `effort` or a map, not `half`
        E0308 13:44 the weights of the steps add up to 40%, they must give 100%
        E0501 14:39 `expires` in working time is not supported yet
          hint: write elapsed time, such as `5ed`
        E0202 14:43 unknown key `count` in `form`
        E0332 15:30 there is no day `2027-02-30`
        E0303 15:49 `split` is one of `closed`, `any`, `never`, not `maybe`
        E0302 15:66 the duration `1d4eh` mixes working and elapsed time
          hint: write all of it with `e`, or nothing
        E0206 16:25 the task `i` has two verbs, `manual` and `run`
          16:11 the other one
        E0204 17:25 `timeout` has no effect here: the task does `manual`
        E0204 17:38 `retry` has no effect here: the task does `manual`
        E0247 18:24 no task makes the deliverable `paper`, so nothing can be accepted
          hint: say `deliverable: paper` at the task that makes it
        ",
    );
}

#[test]
fn what_does_not_work_yet_is_said() {
    check(
        "
        charter: {purpose: x}
        plan: {objective: cost}
        phases: {one: {tasks: {a: {manual: {ask: Do a, remind: 1h}, http: {url: x}}}}}
        gates: {g: {waive: {from: role:pm}}}
        kpis: {}
        ",
        "
        E0501 2:1 `charter` is not supported yet
        E0501 3:8 `objective` is not supported yet
        E0206 4:61 the task `a` has two verbs, `manual` and `http`
          4:28 the other one
        E0501 4:61 `http` is not supported yet
        E0501 5:13 `waive` is not supported yet
        E0501 6:1 `kpis` is not supported yet
        ",
    );
}

#[test]
fn a_project_without_phases_or_tasks_is_refused() {
    check(
        "title: x\n",
        "
        E0203 1:1 the project has no `phases`
          hint: add `phases: {delivery: {tasks: {…}}}`
        ",
    );
    check("phases: {}\n", "E0213 2:1 `phases` holds no phase\n");
    check(
        "phases: {one: {}, two: {tasks: {}}}\n",
        "
        E0203 2:10 the phase `one` has no `tasks`
        E0213 2:25 `tasks` holds no task
        ",
    );
}

/// Asserts what is wrong with a file of resources; `resources:` is line 1.
#[track_caller]
fn check_resources(body: &str, expected: &str) {
    let indented: String = dedent(body).lines().map(|line| format!("  {line}\n")).collect();
    check_whole(&format!("resources:\n{indented}"), expected);
}

#[test]
fn resources_that_cannot_be_are_refused() {
    check_resources(
        "
        calendars:
          always: {week: {mon: ['09:00-17:00']}}
          a: {timezone: Berlin, week: {mon-fri: ['09:00-12:00', '11:00-13:00'], fri: ['9-17'], monday: []}}
          b: {timezone: Europe/Berln, week: {fri-mon: ['09:00-17:00']}}
          c: {week: {}, holidays: [2026-02-30], exceptions: [{from: 2027-01-05, to: 2027-01-04}, {to: 2027-01-01}]}
          d: {day: 0s}
        people:
          ada: {roles: [dve], calendar: nights, fte: 2, leave: [{from: 24.12.2026}], rate: {hour: 80}}
          bo: {roles: dev, rate: {hour: 1 EUR, overtime: 2 EUR}, limits: {day: 25}}
        roles: {dev: {members: [edda]}, none: {}}
        groups: {board: [ada, boo], odd: ada}
        pools: {gpu: {rate: {hour: 1 USD}}}
        budgets: {x: {amount: 0}}
        workers: {}
        ",
        "
        E0241 3:5 the calendar `always` is built in
          hint: give it another name
        E0335 4:19 there is no time zone `Berlin`
          hint: did you mean `Europe/Berlin`?
        E0334 4:59 `11:00-13:00` does not come after `09:00-12:00`
        E0334 4:75 the hours of `fri` are said twice
        E0334 4:81 `9-17` is not a stretch of hours such as `09:00-12:00`
        E0334 4:90 `monday` is no day of a week, and no range of days
          hint: did you mean `mon`?
        E0335 5:19 there is no time zone `Europe/Berln`
          hint: did you mean `Europe/Berlin`?
        E0334 5:40 `fri-mon` is no day of a week, and no range of days
          hint: did you mean `fri`?
        E0334 6:9 the calendar `c` is never open in a week
          hint: say with `day` how long `1d` is, if only its exceptions are open
        E0332 6:30 there is no day `2026-02-30`
        E0336 6:79 `to` is 2027-01-04, which is before `from`, 2027-01-05
        E0203 6:92 `from` is missing: the first day
        E0203 7:8 the calendar `d` needs `week`
        E0308 7:14 a `day` of zero leaves no time at all
        E0242 9:19 there is no role `dve`
          hint: did you mean `dev`?
        E0242 9:35 there is no calendar `nights`
          hint: declare it in `resources.yaml`, under `calendars`
        E0308 9:48 `fte` must be between 0 and 1, this is 2
        E0332 9:66 `24.12.2026` is not a date such as `2026-12-01`, or a time such as `2026-12-01T09:00`
          hint: did you mean `2026-12-24`?
        E0331 9:93 `80` is not an amount with its currency, such as `80 EUR`
        E0501 10:42 `overtime` is not supported yet
        E0302 10:74 the duration `25` has no unit (ms, s, m, h or d)
          hint: write `25s` if it is seconds
        E0242 11:27 there is no person `edda`
          hint: declare it in `resources.yaml`, under `people`
        W0231 11:35 nobody has the role `none`
          hint: name it in `roles` of a person, or say how many there will be with `capacity`
        E0242 12:25 there is no person `boo`
          hint: did you mean `bo`?
        E0301 12:36 the group `odd` must be a list, this is text
        E0203 13:16 the pool `gpu` needs `capacity`
        E0333 13:30 this is in USD, and others are in EUR
          10:35 the first amount
          hint: convert it to EUR
        E0308 14:25 `amount` must be at least 1, this is 0
        E0501 15:3 `workers` is not supported yet
        ",
    );
}

#[test]
fn resources_that_are_right_have_no_definition_and_no_problem() {
    let checked = checked(&RESOURCES[1..], None);
    assert_eq!((checked.definition, checked.diagnostics), (None, Vec::new()));
}

#[test]
fn errors_in_the_resources_are_told_with_the_project() {
    let text = "project: p\nphases: {one: {tasks: {a: {manual: Do a, roles: {dev: 1}}}}}\n";
    let checked = checked(text, Some("resources: {roles: {dev: {capacity: 0}}}\n"));
    assert_eq!(checked.definition, None);
    assert_eq!(checked.beside.len(), 1);
    assert_eq!(checked.beside[0].diagnostics.len(), 1);
}
