//! What a plan reads of a definition: every field is read back, damage is refused, and the bytes never change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use myrmex_model::ir::{
    Body, Definition, Edge, Graph, GraphChild, Holds, Join, Late, Node, NodeId, Outputs, Policy,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::{
    Accrue, Amount, Ask, Calendar, Closure, Cost, Defaults, Deliverable, Direction, Distribution, Earn,
    Estimate, Finances, Group, Hours, Impact, Item, Millionths, Mode, Period, Person, Phase, Planning, Pool,
    Project, Raci, Resources, Risk, RiskKind, RiskStatus, Role, Span, Split, Step, ThreePoint, Tolerances,
    Units, Window,
};
use myrmex_model::template::Template;
use myrmex_model::time::Length;
use myrmex_model::wire::definition::{decode, encode};

/// The canonical form of [`everything`], one line without its end. It must be read and written like this for ever.
const GOLDEN: &str = include_str!("golden/definition-v1-project.json");

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "most fields are optional")]
fn some<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Option<T> {
    Some(read(text))
}

fn node(text: &str, parent: Option<u32>, body: Body, planning: Planning) -> Node {
    Node {
        name: name(text),
        parent: parent.map(NodeId),
        guard: None,
        body,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: (planning != Planning::default()).then(|| Box::new(planning)),
    }
}

fn points() -> ThreePoint {
    ThreePoint { optimistic: read("1d"), likely: read("2d4h"), pessimistic: read("5d") }
}

fn ask() -> Ask {
    Ask { role: name("dev"), count: 2, units: Units(500), skills: BTreeMap::from([(name("rust"), 3)]) }
}

fn work() -> Planning {
    let estimate = Estimate {
        amount: Some(Amount::Spread(points(), Distribution::Triangular)),
        items: Some(20),
        passes: Some(3),
        probability: Some(Millionths(300_000)),
        group: Some(name("weather")),
    };
    let steps = vec![
        Step { name: name("draft"), weight: Millionths(400_000), at: Millionths(500_000) },
        Step { name: name("final"), weight: Millionths(600_000), at: Millionths::WHOLE },
    ];
    let mode = Mode {
        name: name("pair"),
        estimate: Some(Estimate { amount: Some(Amount::Effort(read("40h"))), ..Estimate::default() }),
        crew: Some(vec![ask()]),
        pools: Some(BTreeMap::from([(name("gpu"), 1)])),
        consumes: Some(BTreeMap::new()),
    };
    let plain = Mode { name: name("solo"), estimate: None, crew: None, pools: None, consumes: None };
    let parties = |text: &str| vec![text.to_owned()];
    Planning {
        item: Item::Task,
        title: Some("Build it".into()),
        phase: Some(name("delivery")),
        summary: Some(name("parts")),
        estimate: Some(estimate),
        crew: vec![ask()],
        consumes: BTreeMap::from([(name("licences"), 2)]),
        modes: vec![mode, plain],
        window: Window {
            start_after: some("2026-12-10"),
            finish_before: some("2027-02-01T12:00"),
            must_start: some("2026-12-11T08:00:00Z"),
        },
        due: some("2027-01-31"),
        calendars: vec![name("office"), name("change")],
        split: Some(Split::Never),
        is_preemptible: true,
        cost: Some(Cost {
            fixed: some("100 EUR"),
            per_use: some("2.50 EUR"),
            accrue: Accrue::End,
            account: Some(name("dev")),
        }),
        earn: Some(Earn::Milestones(steps)),
        span: Some(Span { from: name("a"), to: name("b") }),
        points: Some(5),
        raci: Raci {
            responsible: parties("role:dev"),
            accountable: Some("role:lead".into()),
            consulted: parties("ada"),
            informed: parties("group:board"),
        },
        owner: Some("role:pm".into()),
        deliverable: Some(name("paper")),
        was: Some(name("infra")),
    }
}

fn resources() -> Resources {
    let hours = vec![Hours { from: 540, to: 720 }, Hours { from: 780, to: 1_080 }];
    let night = vec![Hours { from: 1_320, to: 1_800 }];
    let week = [hours, vec![], vec![], vec![], vec![], night, vec![]];
    let closure = Closure { from: read("2026-12-25"), to: read("2026-12-26"), hours: vec![] };
    Resources {
        calendars: vec![Calendar {
            name: name("office"),
            zone: "Europe/Berlin".into(),
            week,
            exceptions: vec![closure],
            day: Length(28_800_000),
        }],
        people: vec![Person {
            name: name("ada"),
            calendar: Some(name("office")),
            units: Units(800),
            skills: BTreeMap::from([(name("rust"), 3)]),
            rate: some("80 EUR"),
            leave: vec![(read("2027-02-01"), read("2027-02-05"))],
            day_limit: Some(Length(21_600_000)),
        }],
        roles: vec![Role {
            name: name("dev"),
            members: vec![name("ada")],
            placeholders: 2,
            calendar: Some(name("office")),
            rate: some("70 EUR"),
        }],
        groups: vec![Group { name: name("board"), members: vec![name("ada")] }],
        pools: vec![Pool {
            name: name("gpu"),
            capacity: 4,
            calendar: Some(name("office")),
            rate: some("2.10 EUR"),
        }],
        budgets: BTreeMap::from([(name("licences"), 10)]),
    }
}

fn project() -> Project {
    let risk = Risk {
        name: name("late"),
        event: Some("the supplier is late".into()),
        kind: RiskKind::Opportunity,
        status: RiskStatus::Triggered,
        probability: Millionths(300_000),
        impact: Some(4),
        owner: Some("role:pm".into()),
        category: Some("supplier".into()),
        affects: vec![Impact { task: name("a"), time: Some(points()), cost: some("5000 EUR") }],
    };
    Project {
        title: Some("Apollo".into()),
        owner: Some("role:pm".into()),
        start: some("2026-12-01"),
        deadline: some("2027-03-31"),
        calendar: Some(name("office")),
        direction: Direction::Late,
        period: Period::Month,
        near: some("1d"),
        defaults: Defaults { manual: some("2d"), approval: some("3d"), automated: some("5m") },
        correlations: BTreeMap::from([(name("weather"), Millionths(300_000))]),
        phases: vec![Phase {
            name: name("delivery"),
            title: Some("Delivery".into()),
            exit: Some(name("g1")),
            max_parallel: Some(3),
            capacity: Some(30),
        }],
        risks: vec![risk],
        deliverables: vec![Deliverable {
            name: name("paper"),
            path: Some("docs/paper.md".into()),
            accountable: Some("ada".into()),
            acceptance: Some(name("accept-paper")),
        }],
        finances: Finances {
            limit: some("250000 EUR"),
            contingency: Some(Millionths(800_000)),
            management_reserve: Some(Millionths(50_000)),
            accounts: vec![name("dev")],
        },
        tolerances: Tolerances {
            time: Some(Millionths(100_000)),
            cost: Some(Millionths(50_000)),
            p_deadline: Some(Millionths(800_000)),
        },
        currency: some("EUR"),
        resources: resources(),
    }
}

fn definition(nodes: Vec<Node>) -> Definition {
    Definition {
        namespace: Namespace::standard(),
        name: name("apollo"),
        version: None,
        inputs: Vec::new(),
        concurrency: None,
        pools: BTreeMap::new(),
        nodes,
        root: NodeId(0),
        project: None,
    }
}

fn value() -> Body {
    Body::Value(Template::Literal(serde_json::Value::Null))
}

/// A graph of two children with these edges.
fn graph(edges: Vec<Edge>) -> Body {
    let child = |node| GraphChild { node: NodeId(node), join: Join::All, late: Late::Ignore };
    Body::Graph(Graph::new(vec![child(1), child(2)], edges, [name("a"), name("b")]).unwrap())
}

fn everything() -> Definition {
    let started = OutcomeSet::of(&[Outcome::Started]);
    let edge = Edge::new(0, 1, started);
    let edges = vec![
        Edge { lag: some("2d"), calendar: Some(name("office")), ..edge.clone() },
        Edge { lag: some("-1d"), holds: Holds::End, ..edge.clone() },
        Edge { lag: some("2ed"), ..edge },
    ];
    let mut definition = definition(vec![
        node("apollo", None, graph(edges), Planning::default()),
        node("a", Some(0), value(), work()),
        node("b", Some(0), value(), Planning { item: Item::Milestone, ..Planning::default() }),
    ]);
    definition.project = Some(Box::new(project()));
    definition
}

#[test]
fn what_a_plan_reads_is_read_and_written_for_ever() {
    let text = GOLDEN.trim_end();
    assert_eq!(String::from_utf8(encode(&everything())).unwrap(), text);
    assert_eq!(decode(text.as_bytes()).unwrap(), everything());
}

#[test]
fn every_amount_and_every_way_to_earn_reads_back() {
    let amounts = [
        Amount::Duration(read("5ed")),
        Amount::Effort(read("16h")),
        Amount::Spread(points(), Distribution::Pert),
        Amount::Spread(points(), Distribution::Uniform),
        Amount::History { quantile: Millionths(500_000), runs_min: 5 },
    ];
    let earns = [
        Earn::AtEnd,
        Earn::Halves,
        Earn::Percent,
        Earn::Effort,
        Earn::Units(120),
        Earn::Apportioned(name("b")),
    ];
    let splits = [Split::Closed, Split::Any, Split::Never];
    for (place, amount) in amounts.into_iter().enumerate() {
        let estimate = Estimate { amount: Some(amount), ..Estimate::default() };
        let planning = Planning {
            estimate: Some(estimate),
            earn: earns.get(place).cloned(),
            split: splits.get(place).copied(),
            ..Planning::default()
        };
        let definition = definition(vec![node("apollo", None, value(), planning)]);
        assert_eq!(decode(&encode(&definition)).unwrap(), definition);
    }
}

#[test]
fn a_definition_without_plan_facts_is_stored_as_before() {
    let text =
        String::from_utf8(encode(&definition(vec![node("apollo", None, value(), Planning::default())])))
            .unwrap();
    let before = r#"{"form":1,"namespace":"default","name":"apollo","nodes":[{"name":"apollo","body":{"value":["=",null]}}]}"#;
    assert_eq!(text, before);
}

#[test]
fn an_edge_waits_as_long_as_it_was_stored_before_there_was_working_time() {
    for (stored, lag, calendar) in [
        (r#","lag":90000"#, some("90es"), None),
        (r#","lag":90000,"calendar":"office""#, some("90s"), Some(name("office"))),
        (r#","offset":"1m30s""#, some("90s"), None),
        (r#","offset":"-1ed""#, some("-1ed"), None),
        (r#","offset":"1d1m","calendar":"office""#, some("1d1m"), Some(name("office"))),
    ] {
        let edge = Edge { lag, calendar, ..Edge::new(0, 1, OutcomeSet::SUCCEEDED) };
        let nodes = vec![
            node("apollo", None, graph(vec![edge]), Planning::default()),
            node("a", Some(0), value(), Planning::default()),
            node("b", Some(0), value(), Planning::default()),
        ];
        let text = String::from_utf8(encode(&definition(nodes.clone()))).unwrap();
        assert!(text.contains(&format!(r#"{{"from":0,"to":1{stored}}}"#)), "{text}");
        assert_eq!(decode(text.as_bytes()).unwrap(), definition(nodes));
    }
}

#[test]
fn an_edge_that_holds_an_end_does_not_hold_back_the_begin() {
    let end = Edge { holds: Holds::End, ..Edge::new(0, 1, OutcomeSet::SUCCEEDED) };
    let Body::Graph(graph) = graph(vec![end, Edge::new(0, 1, OutcomeSet::SUCCEEDED)]) else { panic!() };
    assert_eq!((graph.in_count(1), graph.edges().len()), (1, 2));
}

#[test]
fn damage_is_refused() {
    let text = GOLDEN.trim_end();
    for (whole, broken) in [
        (r#""probability":300000"#, r#""probability":1000001"#),
        (r#"{"role":"dev","count":2"#, r#"{"role":"dev","count":0"#),
        (r#""units":800"#, r#""units":1001"#),
        (r#""units":800"#, r#""units":0"#),
        (r"[1320,1800]", r"[1320,2761]"),
        (r"[1320,1800]", r"[1440,1800]"),
        (r"[540,720]", r"[720,720]"),
        (r#""day":28800000"#, r#""day":0"#),
        (r#""capacity":4"#, r#""capacity":0"#),
        (r#""max_parallel":3"#, r#""max_parallel":0"#),
        (r#""2026-12-01""#, r#""2026-02-30""#),
        (r#""250000 EUR""#, r#""250000""#),
        (r#""offset":"-1d""#, r#""offset":"1x""#),
        (r#""offset":"-1d""#, r#""lag":5,"offset":"-1d""#),
        (r#""currency":"EUR""#, r#""currency":"Euro""#),
        (r#""item":"milestone""#, r#""item":"mile""#),
    ] {
        assert!(text.contains(whole), "{whole}");
        assert!(decode(text.replacen(whole, broken, 1).as_bytes()).is_err(), "{broken}");
    }
}
