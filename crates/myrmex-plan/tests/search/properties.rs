//! Whatever the problem is, what comes out is a plan or a reason.

use myrmex_plan::problem::*;
use myrmex_plan::search::{Effort, Infeasible, plan};
use myrmex_plan::verify::verify;
use proptest::prelude::*;

use super::psplib::{always, blank, link, mode, task as task_of};

const MINUTE: i64 = 60_000;

fn calendar(stretches: &[(u16, u16)], closed: usize) -> Calendar {
    let mut calendar = always();
    for (day, hours) in calendar.week.iter_mut().enumerate() {
        *hours = if day == closed { Vec::new() } else { stretches.to_vec() };
    }
    calendar
}

fn ways() -> impl Strategy<Value = Mode> {
    let amount = (0_i64..600, any::<bool>());
    let pools = prop::collection::vec((0_u32..2, 1_u32..3), 0..2);
    let crew = prop::collection::vec((0_u32..2, 1_u32..3, prop::sample::select(vec![250, 500, 1_000])), 0..2);
    (amount, pools, crew, 0_u32..3).prop_map(|((minutes, is_effort), mut pools, crew, used)| {
        let span = Span(minutes * MINUTE);
        let mut mode = mode(if is_effort { Amount::Effort(span) } else { Amount::Duration(span) });
        pools.dedup_by_key(|(pool, _)| *pool);
        mode.pools = pools.into_iter().map(|(pool, units)| (PoolId(pool), units)).collect();
        mode.crew = crew
            .into_iter()
            .map(|(role, count, units)| Ask { role: RoleId(role), count, units, skills: Vec::new() })
            .collect();
        mode.consumes = vec![(BudgetId(0), used)];
        mode
    })
}

fn tasks() -> impl Strategy<Value = Task> {
    let window = (prop::option::of(0_i64..4_000), prop::option::weighted(0.1, 3_000_i64..20_000));
    let pin = prop::option::weighted(0.05, 0_i64..3_000);
    let fact = prop_oneof![
        12 => Just(Fact::Open),
        1 => Just(Fact::Dropped),
        1 => (1_i64..500, prop::option::of(0_i64..300)).prop_map(|(ago, left)| Fact::Started {
            at: Moment(-ago * MINUTE),
            left: left.map(|left| Span(left * MINUTE)),
        }),
        1 => (1_i64..500).prop_map(|ago| Fact::Finished { start: Moment(-900 * MINUTE), finish: Moment(-ago * MINUTE) }),
    ];
    let rest = (0_u32..3, any::<bool>(), 0_i32..3, prop::option::of(Just(PhaseId(0))), 0_usize..4);
    (prop::collection::vec(ways(), 1..3), window, pin, fact, rest).prop_map(
        |(modes, (after, before), pin, fact, (calendar, is_whole, priority, phase, kind))| {
            let mut task = task_of("t", modes);
            task.calendar = CalendarId(calendar);
            task.split = if is_whole { Split::Never } else { Split::Closed };
            task.window = Window {
                start_after: after.map(|at| Moment(at * MINUTE)),
                finish_before: before.map(|at| Moment(at * MINUTE)),
                must_start: pin.map(|at| Moment(at * MINUTE)),
            };
            task.fact = fact;
            task.priority = priority;
            task.phase = phase;
            task.kind = [Kind::Automated, Kind::Manual, Kind::Decision, Kind::Milestone][kind];
            // An instant does not go on.
            if task.kind == Kind::Milestone && matches!(task.fact, Fact::Started { .. }) {
                task.fact = Fact::Open;
            }
            task
        },
    )
}

fn links(count: u32) -> impl Strategy<Value = Vec<Link>> {
    let kind = prop::sample::select(vec![
        LinkKind::FinishStart,
        LinkKind::FinishStart,
        LinkKind::StartStart,
        LinkKind::FinishFinish,
        LinkKind::StartFinish,
    ]);
    let one = (0..count, 0..count, kind, -200_i64..300, 0_u32..3);
    prop::collection::vec(one, 0..12).prop_map(|links| {
        let forward = links.into_iter().filter(|(from, to, ..)| from < to);
        forward
            .map(|(from, to, kind, lag, calendar)| Link {
                kind,
                lag: Span(lag * MINUTE),
                calendar: CalendarId(calendar),
                ..link(from, to)
            })
            .collect()
    })
}

fn person(units: u32, calendar: u32, limit: Option<i64>) -> Person {
    Person {
        name: "p".to_owned(),
        calendar: CalendarId(calendar),
        units,
        day_limit: limit.map(|hours| Span(hours * 60 * MINUTE)),
        skills: Vec::new(),
        rate: Some(Money(i128::from(units))),
        is_placeholder: false,
    }
}

fn problems() -> impl Strategy<Value = Problem> {
    let people = prop::collection::vec(
        (prop::sample::select(vec![333, 500, 1_000]), 0_u32..3, prop::option::of(2_i64..8)),
        2..5,
    );
    let size = 2_u32..9;
    size.prop_flat_map(move |count| {
        let tasks = prop::collection::vec(tasks(), count as usize);
        let span = prop::option::weighted(0.3, (0..count, 0..count));
        (tasks, links(count), people.clone(), span, any::<bool>(), 0_u32..12)
    })
    .prop_map(|(tasks, links, people, span, is_late, licences)| {
        let mut problem = blank();
        problem.calendars.push(calendar(&[(540, 720), (780, 1_020)], 3));
        problem.calendars.push(calendar(&[(1_200, 1_700)], 5));
        problem.tasks = tasks;
        problem.links = links;
        problem.direction = if is_late { Direction::Late } else { Direction::Early };
        for calendar in 0..2 {
            problem.pools.push(Pool {
                name: "pool".to_owned(),
                capacity: 2,
                calendar: CalendarId(calendar),
                rate: None,
            });
        }
        problem
            .roles
            .push(Role { name: "all".to_owned(), members: (0..).map(PersonId).take(people.len()).collect() });
        problem.roles.push(Role { name: "two".to_owned(), members: vec![PersonId(1), PersonId(0)] });
        problem.people =
            people.into_iter().map(|(units, calendar, limit)| person(units, calendar, limit)).collect();
        problem.budgets.push(Budget { name: "licences".to_owned(), amount: licences });
        problem.phases.push(Phase { name: "phase".to_owned(), max_parallel: Some(2) });
        if let Some((from, to)) = span.filter(|(from, to)| from != to) {
            let mut span = task_of("span", vec![mode(Amount::Duration(Span(0)))]);
            span.spans = Some((TaskId(from), TaskId(to)));
            span.modes[0].pools.push((PoolId(0), 1));
            problem.tasks.push(span);
        }
        problem
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_out_is_a_plan_or_a_reason(problem in problems()) {
        let effort = Effort { candidates: 40 };
        match plan(&problem, effort, 3) {
            Ok(found) => {
                prop_assert_eq!(verify(&problem, &found.placement), []);
                prop_assert!(found.bound.finish <= found.finish);
                prop_assert!(found.candidates <= 40);
                prop_assert_eq!(plan(&problem, effort, 3), Ok(found));
            }
            Err(Infeasible::Calendar(_) | Infeasible::Cycle(_)) => prop_assert!(false, "it has no such mistake"),
            Err(Infeasible::Modes { missing, .. }) => prop_assert!(missing > 0),
            Err(Infeasible::Place { tasks, .. }) => prop_assert!(!tasks.is_empty()),
            Err(Infeasible::Window { late, .. }) => prop_assert!(late > Span(0)),
        }
    }
}

/// The candidate before the one that is placed in parallel chose another mode for the last task.
#[test]
fn dates_are_those_of_the_mode_that_is_told() {
    let mut problem = blank();
    problem.calendars.push(calendar(&[(540, 720), (780, 1_020)], 3));
    problem.calendars.push(calendar(&[(1_200, 1_700)], 5));
    let lasting = |minutes: i64| mode(Amount::Duration(Span(minutes * MINUTE)));
    let mut tasks = [
        task_of("a", vec![lasting(0), lasting(501)]),
        task_of("b", vec![lasting(0), lasting(0)]),
        task_of("c", vec![lasting(187)]),
        task_of("d", vec![lasting(325), lasting(0)]),
    ];
    tasks[1].window.start_after = Some(Moment(2_859 * MINUTE));
    tasks[3].window.start_after = Some(Moment(1_700 * MINUTE));
    (tasks[3].calendar, tasks[3].priority) = (CalendarId(2), 1);
    problem.tasks = tasks.into();
    problem.links = vec![
        Link { kind: LinkKind::FinishFinish, lag: Span(106 * MINUTE), ..link(1, 2) },
        Link { kind: LinkKind::FinishFinish, ..link(1, 3) },
        link(0, 1),
    ];
    let found = plan(&problem, Effort { candidates: 40 }, 3).expect("there is room for all");
    assert_eq!(verify(&problem, &found.placement), []);
}
