//! Samples: against answers in closed form, and what must hold of any.

use std::path::Path;

use myrmex_plan::network::Network;
use myrmex_plan::placement::Placement;
use myrmex_plan::problem::*;
use myrmex_plan::ratio::Ratio;
use myrmex_plan::risk::{Model, Report, SAMPLES, summarise};
use serde_json::Value;

use super::build::{DAY, HOUR, MONDAY, arcs_of, empty, link, office, person, placed, pool, task, tasks};

/// The milliseconds of one unit of the vectors: a fine grain.
const UNIT: f64 = 1_000_000.0;

#[expect(clippy::cast_possible_truncation, reason = "small numbers of a test")]
fn units(value: &Value) -> Span {
    Span((value.as_f64().unwrap() * UNIT).round() as i64)
}

#[expect(clippy::cast_precision_loss, reason = "small numbers of a test")]
fn float(value: i64) -> f64 {
    value as f64
}

fn vectors() -> Vec<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/planning/vectors/monte_carlo.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn spread_task(spread: Spread) -> Task {
    let likely = match &spread {
        Spread::Pert(_, likely, _) | Spread::Triangular(_, likely, _) | Spread::Uniform(_, likely) => *likely,
        Spread::Sample(values) => values[0],
    };
    let mut task = task(likely.0);
    task.modes[0].estimate.spread = Some(spread);
    task
}

/// Returns a problem of tasks with these spreads, in a row or side by side, and a placement with nothing of the dates that matter.
fn spreads(spreads: &[Spread], in_row: bool) -> (Problem, Placement) {
    let mut problem = empty();
    problem.tasks = spreads.iter().map(|spread| spread_task(spread.clone())).collect();
    let count = u32::try_from(spreads.len()).unwrap();
    if in_row {
        problem.links = (1..count).map(|to| link(to - 1, to, LinkKind::FinishStart, 0)).collect();
    }
    let spots: Vec<(i64, i64)> = (0..spreads.len()).map(|_| (0, 0)).collect();
    (problem, placed(&spots))
}

fn report(problem: &Problem, placement: &Placement, seed: u64, samples: u32) -> Report {
    let network = Network::new(problem).unwrap();
    let model = Model::new(problem, &network, placement, &arcs_of(problem, placement), seed).unwrap();
    summarise(&model, model.samples(0..u64::from(samples)).unwrap()).unwrap()
}

/// Asserts that `found` is within four standard errors of `expected`.
fn close(what: &str, found: f64, expected: f64, error: f64) {
    assert!((found - expected).abs() <= 4.0 * error, "{what}: {found} instead of {expected}, error {error}");
}

#[test]
fn triangular_tasks_in_a_row_have_the_mean_and_deviation_of_the_vectors() {
    let case = &vectors()[0];
    let corner = |task: &Value, key: &str| units(&task[key]);
    let shapes: Vec<Spread> = case["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| Spread::Triangular(corner(task, "min"), corner(task, "mode"), corner(task, "max")))
        .collect();
    let (problem, placement) = spreads(&shapes, true);
    let report = report(&problem, &placement, 1, SAMPLES);
    let (mean, deviation) = (case["exact_mean"].as_f64().unwrap(), case["exact_sd"].as_f64().unwrap());
    let count = f64::from(SAMPLES);
    close("mean", float(report.finish.mean.0) / UNIT, mean, deviation / count.sqrt());
    // The error of a deviation is at most that of a normal one: the tails of triangles are light.
    close("deviation", float(report.finish.deviation.0) / UNIT, deviation, deviation / (2.0 * count).sqrt());
    assert!(report.criticality.iter().all(|share| *share == Ratio(1_000_000)));
}

#[test]
fn parallel_tasks_show_merge_bias_and_share_the_critical_path() {
    for case in &vectors()[1..4] {
        let width = case["n"].as_u64().unwrap();
        let shapes = vec![Spread::Uniform(Span(0), units(&1.into())); usize::try_from(width).unwrap()];
        let (problem, placement) = spreads(&shapes, false);
        let report = report(&problem, &placement, 2, SAMPLES);
        let (count, n) = (f64::from(SAMPLES), f64::from(u32::try_from(width).unwrap()));
        // The greatest of n uniform numbers: variance n / ((n + 1)^2 (n + 2)), density n x^(n - 1).
        let deviation = (n / ((n + 1.0) * (n + 1.0) * (n + 2.0))).sqrt();
        let expected = |key: &str| case[key].as_f64().unwrap();
        close("mean", float(report.finish.mean.0) / UNIT, expected("exact_mean"), deviation / count.sqrt());
        for (found, key, share) in [
            (report.finish.p50, "exact_p50", 0.5_f64),
            (report.finish.p80, "exact_p80", 0.8),
            (report.finish.p95, "exact_p95", 0.95),
        ] {
            let quantile = expected(key);
            let density = n * quantile.powf(n - 1.0);
            close(key, float(found.0) / UNIT, quantile, (share * (1.0 - share) / count).sqrt() / density);
        }
        let each = expected("criticality_index_each");
        for share in &report.criticality {
            #[expect(clippy::cast_precision_loss, reason = "at most a million")]
            let share = share.0 as f64 / 1e6;
            close("criticality", share, each, (each * (1.0 - each) / count).sqrt());
        }
        // The likeliest date of one alone is far too early for all of them.
        assert!(float(report.finish.p50.0) / UNIT > 0.5 + (n - 1.0) * 0.02);
        let error = float(report.finish.p80_error.0) / UNIT;
        let theory = (0.16 / count).sqrt() / (n * expected("exact_p80").powf(n - 1.0));
        assert!(error > theory / 2.0 && error < theory * 2.0, "{error} instead of {theory}");
    }
}

#[test]
fn pert_tasks_in_a_row_have_the_means_of_the_vectors_and_the_deviation_of_their_beta() {
    let case = &vectors()[4];
    let list = case["tasks"].as_array().unwrap();
    let corners: Vec<[Span; 3]> =
        list.iter().map(|task| ["o", "m", "p"].map(|key| units(&task[key]))).collect();
    let shapes: Vec<Spread> = corners.iter().map(|[o, m, p]| Spread::Pert(*o, *m, *p)).collect();
    let (problem, placement) = spreads(&shapes, true);
    let report = report(&problem, &placement, 3, SAMPLES);
    let means: Vec<f64> = case["pert_mean"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    // Of beta(alpha, beta) with alpha + beta = 6 the variance is (mean - o) (p - mean) / 7; (p - o) / 6 is its rule of thumb.
    let variance =
        |([o, _, p], mean): (&[Span; 3], &f64)| (mean - float(o.0) / UNIT) * (float(p.0) / UNIT - mean) / 7.0;
    let deviation = corners.iter().zip(&means).map(variance).sum::<f64>().sqrt();
    let count = f64::from(SAMPLES);
    close("mean", float(report.finish.mean.0) / UNIT, means.iter().sum(), deviation / count.sqrt());
    close("deviation", float(report.finish.deviation.0) / UNIT, deviation, deviation / (2.0 * count).sqrt());
    let classical =
        case["pert_sd"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap().powi(2)).sum::<f64>().sqrt();
    assert!((deviation - classical).abs() < 0.1 * classical);
    // Who varies most matters most: they are in the order of their ranges.
    let order: Vec<TaskId> = report.sensitivity.iter().map(|(task, _)| *task).collect();
    assert_eq!(order, [TaskId(0), TaskId(2), TaskId(1)]);
}

#[test]
fn a_risk_that_adds_days_makes_two_dates_of_one() {
    let case = &vectors()[5];
    let mut problem = tasks(&[10 * DAY], &[]);
    let five = Spread::Uniform(Span(5 * DAY), Span(5 * DAY));
    let affects = vec![Impact { task: TaskId(0), time: Some(five), cost: Some(Money(70)) }];
    problem.risks.push(Risk { name: "r".into(), probability: 300_000, affects });
    let report = report(&problem, &placed(&[(0, 10 * DAY)]), 4, SAMPLES);
    let days = |moment: Moment| float(moment.0) / float(DAY);
    let deviation = 5.0 * (0.3_f64 * 0.7).sqrt();
    let error = deviation / f64::from(SAMPLES).sqrt();
    close("mean", days(report.finish.mean), case["exact_mean"].as_f64().unwrap(), error);
    let dates = [report.finish.p50, report.finish.p80, report.finish.p95].map(days);
    assert_eq!(dates.map(Some), ["p50", "p80", "p95"].map(|key| case[key].as_f64()));
    assert_eq!(report.contingency, Span(5 * DAY));
    assert_eq!((report.cost.p50, report.cost.p80), (Money(0), Money(70)));
    // With minus without, in the same samples: exactly the five days where it happened.
    let effect = report.risks[0];
    let share = float(i64::try_from(effect.happened).unwrap()) / f64::from(SAMPLES);
    close("share", share, 0.3, (0.21 / f64::from(SAMPLES)).sqrt());
    assert_eq!(effect.delay, Span(report.finish.mean.0 - 10 * DAY));
}

#[test]
fn a_risk_of_one_half_and_ten_days_on_the_critical_path_costs_five_days() {
    let mut problem = tasks(&[20 * DAY, 3 * DAY], &[]);
    let ten = Spread::Sample(vec![Span(10 * DAY)]);
    problem.risks.push(Risk {
        name: "beside".into(),
        probability: 500_000,
        affects: vec![Impact { task: TaskId(1), time: Some(ten.clone()), cost: None }],
    });
    let placement = placed(&[(0, 20 * DAY), (0, 3 * DAY)]);
    let without = report(&problem, &placement, 5, SAMPLES);
    problem.risks.push(Risk {
        name: "on the path".into(),
        probability: 500_000,
        affects: vec![Impact { task: TaskId(0), time: Some(ten), cost: None }],
    });
    let with = report(&problem, &placement, 5, SAMPLES);
    let raised = float(with.finish.mean.0 - without.finish.mean.0) / float(DAY);
    close("raised", raised, 5.0, 5.0 / f64::from(SAMPLES).sqrt());
    assert_eq!(with.risks[0].risk, RiskId(1));
    assert_eq!(with.risks[0].delay, Span(with.finish.mean.0 - without.finish.mean.0));
    assert_eq!(with.risks[1].delay, Span(0));
    assert!(with.risks[1].happened > 0);
}

#[test]
fn what_varies_together_adds_up() {
    let case = &vectors()[6];
    let run = |correlation: u32| {
        let ten = Spread::Uniform(Span(0), units(&10.into()));
        let (mut problem, placement) = spreads(&[ten.clone(), ten], true);
        problem.groups.push(Group { name: "g".into(), correlation });
        problem.tasks.iter_mut().for_each(|task| task.modes[0].estimate.group = Some(GroupId(0)));
        report(&problem, &placement, 6, SAMPLES).finish
    };
    let (apart, tied) = (run(0), run(1_000_000));
    let expected = |key: &str| case[key].as_f64().unwrap();
    let count = f64::from(SAMPLES);
    let check = |found: Span, key: &str| {
        close(key, float(found.0) / UNIT, expected(key), expected(key) / (2.0 * count).sqrt());
    };
    check(apart.deviation, "exact_sd_independent");
    check(tied.deviation, "exact_sd_fully_correlated");
    // Uniform from 0 to 20.
    let error = (0.16 / count).sqrt() * 20.0;
    close("p80", float(tied.p80.0) / UNIT, expected("exact_p80_fully_correlated"), error);
    let half = run(500_000);
    assert!(half.deviation > apart.deviation && half.deviation < tied.deviation);
}

#[test]
fn a_factor_gives_normal_scores_its_correlation() {
    // Of uniform numbers from normal scores with correlation r, Pearson's is 6 / pi * asin(r / 2): the variance of a sum tells it.
    let one = Spread::Uniform(Span(0), units(&1.into()));
    let (mut problem, placement) = spreads(&[one.clone(), one], true);
    problem.groups.push(Group { name: "g".into(), correlation: 600_000 });
    problem.tasks.iter_mut().for_each(|task| task.modes[0].estimate.group = Some(GroupId(0)));
    let samples = 20_000;
    let found = report(&problem, &placement, 7, samples).finish.deviation;
    let pearson = 6.0 / std::f64::consts::PI * 0.3_f64.asin();
    let deviation = ((2.0 + 2.0 * pearson) / 12.0).sqrt();
    close("deviation", float(found.0) / UNIT, deviation, deviation / f64::from(2 * samples).sqrt());
}

/// Returns a project with all that samples know: people, pools, calendars, effort, groups, risks, facts, cost.
fn project() -> (Problem, Placement) {
    let mut problem =
        tasks(&[8 * HOUR, 16 * HOUR, 4 * HOUR, 0, 24 * HOUR, 6 * HOUR], &[(0, 1), (1, 3), (2, 3)]);
    problem.start = Moment(MONDAY + 9 * HOUR);
    problem.deadline = Some(Moment(MONDAY + 7 * DAY));
    problem.calendars.push(office());
    problem.pools.push(Pool { rate: Some(Money(2_100_000)), ..pool(1) });
    problem.people.push(Person { rate: Some(Money(80_000_000)), calendar: CalendarId(1), ..person(WHOLE) });
    problem.groups.push(Group { name: "g".into(), correlation: 300_000 });
    for index in [0, 1, 4] {
        let mode = &mut problem.tasks[index].modes[0];
        let Amount::Duration(length) = mode.estimate.amount else { unreachable!("tasks have durations") };
        mode.estimate.amount = Amount::Effort(length);
        mode.estimate.spread = Some(Spread::Pert(Span(length.0 / 2), length, Span(length.0 * 3)));
        mode.estimate.group = Some(GroupId(0));
        problem.tasks[index].calendar = CalendarId(1);
    }
    problem.tasks[2].modes[0].pools.push((PoolId(0), 1));
    problem.tasks[5].modes[0].pools.push((PoolId(0), 1));
    problem.tasks[5].modes[0].estimate.spread = Some(Spread::Sample(vec![Span(HOUR), Span(50 * HOUR)]));
    problem.tasks[2].cost.fixed = Some(Money(5_000_000));
    let affects = vec![Impact {
        task: TaskId(2),
        time: Some(Spread::Triangular(Span(HOUR), Span(9 * HOUR), Span(90 * HOUR))),
        cost: Some(Money(1_000_000)),
    }];
    problem.risks.push(Risk { name: "r".into(), probability: 250_000, affects });
    let at = |day: i64, hour: i64| MONDAY + day * DAY + hour * HOUR;
    let mut placement = placed(&[
        (at(0, 9), 8 * HOUR),
        (at(1, 9), 32 * HOUR),
        (at(0, 9), 4 * HOUR),
        (at(2, 17), 0),
        (at(3, 9), 5 * DAY),
        (at(0, 13), 6 * HOUR),
    ]);
    for index in [0, 1, 4] {
        placement.tasks[index].crew = vec![(PersonId(0), WHOLE)];
    }
    (problem, placement)
}

#[test]
fn any_split_of_the_samples_gives_the_same_report() {
    let (problem, placement) = project();
    let network = Network::new(&problem).unwrap();
    let arcs = arcs_of(&problem, &placement);
    let model = Model::new(&problem, &network, &placement, &arcs, 11).unwrap();
    let sample = |sample| model.sample(sample).unwrap();
    let whole = summarise(&model, (0..500).map(sample).collect()).unwrap();
    let backwards = summarise(&model, (0..500).rev().map(sample).collect()).unwrap();
    let (even, odd): (Vec<u64>, Vec<u64>) = (0..500).partition(|sample| sample % 2 == 0);
    let split = summarise(&model, odd.into_iter().chain(even).map(sample).collect()).unwrap();
    let doubled = summarise(&model, (0..500).chain(0..9).map(sample).collect()).unwrap();
    assert_eq!(format!("{whole:?}"), format!("{backwards:?}"));
    assert_eq!(whole, split);
    assert_eq!(whole, doubled);
    assert_eq!(summarise(&model, model.samples(0..500).unwrap()), Some(whole.clone()));
    assert_eq!(whole.samples, 500);
    let again = Model::new(&problem, &network, &placement, &arcs, 11).unwrap();
    assert_eq!(
        summarise(&again, (0..500).map(|sample| again.sample(sample).unwrap()).collect()),
        Some(whole.clone())
    );
    let other = Model::new(&problem, &network, &placement, &arcs, 12).unwrap();
    assert_ne!(
        summarise(&other, (0..500).map(|sample| other.sample(sample).unwrap()).collect()),
        Some(whole)
    );
    assert_eq!(summarise(&model, Vec::new()), None);
}

#[test]
fn a_report_of_one_seed_has_these_figures_on_every_machine() {
    let (problem, placement) = project();
    let report = report(&problem, &placement, 42, SAMPLES);
    let finish = report.finish;
    let dates = [finish.p10, finish.p50, finish.p80, finish.p95, finish.mean].map(|moment| moment.0 - MONDAY);
    assert_eq!(dates, [637_998_619, 817_481_905, 984_014_984, 1_264_838_309, 819_043_911]);
    assert_eq!((report.cost.p80, report.cost.deviation), (Money(5_885_088_022), Money(1_227_242_834)));
    assert_eq!((report.on_time, report.criticality[4]), (Some(Ratio(95_000)), Ratio(996_500)));
    assert_eq!(report.sensitivity[0], (TaskId(4), Ratio(856_637)));
    assert_eq!(
        (report.risks[0].happened, report.risks[0].delay, report.risks[0].cost),
        (522, Span(197_688), Money(18_670_443))
    );
}

#[test]
fn calendars_people_and_pools_hold_in_every_sample() {
    let (problem, placement) = project();
    let report = report(&problem, &placement, 11, SAMPLES);
    // The last task is the person's, who works on workdays from 9 to 17, unless the pool was the slower one.
    let hour = |moment: Moment| (moment.0 - MONDAY).rem_euclid(DAY) / HOUR;
    assert!((9..=17).contains(&hour(report.finish.p80)), "{report:?}");
    // Forty-eight hours of one person that may triple: two days of the plan are not enough for half of the samples.
    assert!(report.finish.p50 > placement.finish().unwrap());
    assert!(report.contingency > Span(0));
    assert_eq!(report.criticality[3], Ratio(0));
}

#[test]
fn what_is_over_is_certain_and_what_runs_varies_by_its_rest() {
    let check = |fact: Fact, least: i64, greatest: i64| {
        let ten = Spread::Uniform(Span(5 * HOUR), Span(15 * HOUR));
        let (mut problem, _) = spreads(&[ten], true);
        problem.start = Moment(10 * HOUR);
        problem.tasks[0].fact = fact;
        problem.tasks[0].modes[0].estimate.amount = Amount::Duration(Span(10 * HOUR));
        let placement = placed(&[(0, 12 * HOUR)]);
        let network = Network::new(&problem).unwrap();
        let model = Model::new(&problem, &network, &placement, &[], 9).unwrap();
        let finishes: Vec<i64> = (0..2_000).map(|sample| model.sample(sample).unwrap().finish.0).collect();
        let (low, high) = (*finishes.iter().min().unwrap(), *finishes.iter().max().unwrap());
        assert!(low >= least && low <= least + HOUR / 10, "{low}");
        assert!(high <= greatest && high >= greatest - HOUR / 10, "{high}");
    };
    check(Fact::Finished { start: Moment(0), finish: Moment(7 * HOUR) }, 7 * HOUR, 7 * HOUR);
    // Drawn below the ten hours that have passed it ends now.
    check(Fact::Started { at: Moment(0), left: None }, 10 * HOUR, 15 * HOUR);
    // Four hours are left of ten: two to six.
    check(Fact::Started { at: Moment(0), left: Some(Span(4 * HOUR)) }, 12 * HOUR, 16 * HOUR);
}

#[test]
fn a_worst_case_beyond_the_first_horizon_is_dated_too() {
    let mut problem = tasks(&[8 * HOUR], &[]);
    problem.start = Moment(MONDAY + 9 * HOUR);
    problem.calendars.push(office());
    problem.tasks[0].calendar = CalendarId(1);
    let years = Span(8 * HOUR * 250 * 20);
    problem.tasks[0].modes[0].estimate.spread = Some(Spread::Uniform(Span(8 * HOUR), years));
    let report = report(&problem, &placed(&[(MONDAY + 9 * HOUR, 8 * HOUR)]), 1, 200);
    assert!(report.finish.p95.0 > MONDAY + 15 * 365 * DAY);
}

#[test]
fn the_cost_of_a_sample_with_planned_lengths_is_the_cost_of_the_plan() {
    let (mut problem, placement) = project();
    problem.risks.clear();
    problem.tasks.iter_mut().for_each(|task| task.modes[0].estimate.spread = None);
    let report = report(&problem, &placement, 1, 3);
    // Forty-eight hours of the person, ten of the pool, and a fixed price.
    assert_eq!(report.cost.p50, Money(48 * 80_000_000 + 10 * 2_100_000 + 5_000_000));
    assert_eq!(report.cost.deviation, Money(0));
    assert_eq!(report.sensitivity, []);
}
