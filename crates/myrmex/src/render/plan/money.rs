//! What a plan costs: to whom it goes, when it is spent, what is to be kept back, and whether there is as much.

use serde_json::{Map, Value, json};

use myrmex_model::planning::{self, Finances, Millionths, Money};
use myrmex_plan::cost::{Payee, Period, Reserve, periods, reserve as reserve_of};
use myrmex_plan::problem::{ALWAYS, Moment, TaskId};
use myrmex_plan::ratio::Ratio;

use super::section::{Section, owned};
use super::shown::{View, instant_or_offset};
use crate::render::table::Side;

/// Says what a plan costs, and to whom it goes.
pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let costs = &view.plan.costs;
    if costs.total.0 == 0 {
        return None;
    }
    let phase = |phase: Option<myrmex_plan::problem::PhaseId>| {
        phase.map_or_else(|| "(no phase)".to_owned(), |phase| view.problem.phases[phase.at()].name.clone())
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    if costs.by_phase.len() > 1 {
        rows.extend(
            costs.by_phase.iter().map(|(at, sum)| vec!["phase".to_owned(), phase(*at), view.money(sum.0)]),
        );
    }
    if costs.by_account.len() > 1 {
        let name = |account: &Option<String>| account.clone().unwrap_or_else(|| "(no account)".to_owned());
        rows.extend(
            costs.by_account.iter().map(|(at, sum)| vec!["account".to_owned(), name(at), view.money(sum.0)]),
        );
    }
    rows.extend(costs.by_payee.iter().map(|(payee, sum)| {
        let (kind, name) = self::payee(view, *payee);
        vec![kind.to_owned(), name, view.money(sum.0)]
    }));
    let heads = [("OF", Side::Left), ("NAME", Side::Left), ("COST", Side::Right)];
    let mut lines = vec![format!("{} in all", view.money(costs.total.0))];
    if let Some(reserve) = reserve(view) {
        let (known, unknown) = (view.money(reserve.contingency.0), view.money(reserve.management.0));
        lines.push(format!(
            "to be kept back: {known} for what may happen, {unknown} for what nobody thought of"
        ));
    }
    Some(Section { heading: "Cost".to_owned(), lines, heads: owned(&heads), rows })
}

fn payee(view: &View<'_>, payee: Payee) -> (&'static str, String) {
    match payee {
        Payee::Person(person) => ("person", view.problem.people[person.at()].name.clone()),
        Payee::Pool(pool) => ("pool", view.problem.pools[pool.at()].name.clone()),
        Payee::Fixed => ("fixed", "fixed prices".to_owned()),
        Payee::Use => ("use", "prices of use".to_owned()),
    }
}

/// Returns the same as JSON.
pub(super) fn document(view: &View<'_>) -> Value {
    let costs = &view.plan.costs;
    let money = |amount: i128| json!(Money(amount).to_string());
    let phases = costs.by_phase.iter().map(|(phase, sum)| {
        let name = phase.map_or("", |phase| view.problem.phases[phase.at()].name.as_str());
        (name.to_owned(), money(sum.0))
    });
    let accounts =
        costs.by_account.iter().map(|(account, sum)| (account.clone().unwrap_or_default(), money(sum.0)));
    let payees = costs.by_payee.iter().map(|(payee, sum)| {
        let (kind, name) = self::payee(view, *payee);
        json!({"kind": kind, "name": name, "cost": money(sum.0)})
    });
    let curve = ends(view).and_then(|ends| {
        let planned = costs.planned(&view.plan.placement, &view.plan.hours, &ends).ok()?;
        let at = |(at, sum): (&Moment, Money)| json!([instant_or_offset(view, *at), money(sum.0)]);
        Some(ends.iter().zip(planned).map(at).collect::<Vec<_>>())
    });
    let reserve = reserve(view);
    json!({
        "total": money(costs.total.0),
        "currency": view.currency().map(|currency| currency.to_string()),
        "by_phase": phases.collect::<Map<_, _>>(),
        "by_account": accounts.collect::<Map<_, _>>(),
        "by_resource": payees.collect::<Vec<_>>(),
        "pv_curve": curve.unwrap_or_default(),
        "reserve": reserve.map(|reserve| {
            json!({"contingency": money(reserve.contingency.0), "management": money(reserve.management.0)})
        }),
        "limit": finances(view).and_then(|finances| finances.limit).map(|limit| money(limit.money.0)),
    })
}

/// Adds to each task of a document what it costs, and what of that is planned to be spent at the ends of the periods of `pv_curve`.
pub(super) fn add_to_tasks(view: &View<'_>, tasks: &mut Map<String, Value>) {
    let (costs, plan) = (&view.plan.costs, view.plan);
    let ends = if costs.total.0 == 0 { None } else { ends(view) }.unwrap_or_default();
    for (index, task) in (0..).map(TaskId).zip(&view.problem.tasks) {
        let Some(Value::Object(shown)) = tasks.get_mut(&task.name) else { continue };
        let items = || costs.items.iter().filter(move |item| item.task == index);
        let planned = |end: &Moment| {
            let sums =
                items().map(|item| item.planned(&plan.placement, &plan.hours, *end).unwrap_or_default());
            json!(Money(sums.map(|sum| sum.0).sum()).to_string())
        };
        let curve: Vec<Value> =
            if costs.by_task[index.at()].0 == 0 { Vec::new() } else { ends.iter().map(planned).collect() };
        shown.insert("cost".to_owned(), json!(costs.by_task[index.at()].to_string()));
        shown.insert("pv".to_owned(), Value::Array(curve));
    }
}

/// Says whether the budget suffices, if there is one.
pub(super) fn budget(view: &View<'_>) -> Option<String> {
    let limit = finances(view)?.limit?.money;
    let kept = reserve(view).map_or(0, |reserve| reserve.contingency.0 + reserve.management.0);
    let left = limit.0 - view.plan.costs.total.0;
    let of = format!("budget {}", view.money(limit.0));
    Some(match (left < 0, left < kept) {
        (true, _) => format!("{of}, exceeded by {}", view.money(-left)),
        (false, true) => format!(
            "{of}, {} left, which is less than the {} to be kept back",
            view.money(left),
            view.money(kept)
        ),
        (false, false) => format!("{of}, {} left", view.money(left)),
    })
}

fn finances<'p>(view: &View<'p>) -> Option<&'p Finances> {
    Some(&view.project?.finances)
}

/// Returns the ends of the project's periods from its start to its finish, weeks if it says nothing; none if they cannot be dated.
fn ends(view: &View<'_>) -> Option<Vec<Moment>> {
    let outcome = &view.plan.outcome;
    let period = match view.project.map(|project| project.period).unwrap_or_default() {
        planning::Period::Day => Period::Day,
        planning::Period::Week => Period::Week,
        planning::Period::Month => Period::Month,
    };
    periods(view.problem, view.calendar().unwrap_or(ALWAYS), outcome.start, outcome.finish, period).ok()
}

/// Returns what is to be kept back; nothing where no samples were drawn or nothing costs anything.
fn reserve(view: &View<'_>) -> Option<Reserve> {
    let cost = &view.plan.risk.as_ref()?.cost;
    let finances = finances(view)?;
    // Of the quantiles that are drawn the next one that is not below the one that is asked for.
    let quantile = match finances.contingency.map_or(800_000, |part| part.0) {
        0..=500_000 => cost.p50,
        500_001..=800_000 => cost.p80,
        800_001..=900_000 => cost.p90,
        _ => cost.p95,
    };
    let management = finances.management_reserve.unwrap_or(Millionths(0));
    let total = view.plan.costs.total;
    reserve_of(total, quantile, Ratio(i128::from(management.0))).filter(|_| total.0 != 0)
}
