//! The form of what a plan reads of a node. Lengths, dates and prices stand in it as their authors wrote them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::forms::{name, wrong};
use crate::name::Name;
use crate::planning::{
    Accrue, Amount, Ask, Cost, Distribution, Earn, Estimate, Item, Millionths, Mode, Planning, Raci, Span,
    Split, Step, ThreePoint, Units, Window,
};
use crate::wire::WireError;

type Result<T> = std::result::Result<T, WireError>;

/// Whether a field says nothing.
pub(super) fn is_none<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Writes what is shown in the form that reads back.
pub(super) fn shown<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

/// Reads what was written by [`shown`].
pub(super) fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T> {
    text.parse().map_err(wrong)
}

/// Reads it if it is there.
pub(super) fn maybe<T: FromStr<Err: Display>>(text: Option<String>) -> Result<Option<T>> {
    text.map(|text| read(&text)).transpose()
}

pub(super) fn names(texts: &[String]) -> Result<Vec<Name>> {
    texts.iter().map(|text| name(text)).collect()
}

pub(super) fn maybe_name(text: Option<String>) -> Result<Option<Name>> {
    text.map(|text| name(&text)).transpose()
}

pub(super) fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

pub(super) fn counts(counts: &BTreeMap<Name, u32>) -> BTreeMap<String, u32> {
    counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

pub(super) fn read_counts(counts: BTreeMap<String, u32>) -> Result<BTreeMap<Name, u32>> {
    counts.into_iter().map(|(key, count)| Ok((name(&key)?, count))).collect()
}

/// Reads a part of a whole.
pub(super) fn part(millionths: u32) -> Result<Millionths> {
    let part = Some(Millionths(millionths)).filter(|part| *part <= Millionths::WHOLE);
    part.ok_or_else(|| wrong(format!("{millionths} millionths are more than the whole")))
}

pub(super) fn maybe_part(millionths: Option<u32>) -> Result<Option<Millionths>> {
    millionths.map(part).transpose()
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PlanningV1 {
    #[serde(skip_serializing_if = "is_none")]
    item: ItemV1,
    #[serde(skip_serializing_if = "is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    phase: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    estimate: Option<EstimateV1>,
    #[serde(skip_serializing_if = "is_none")]
    crew: Vec<AskV1>,
    #[serde(skip_serializing_if = "is_none")]
    consumes: BTreeMap<String, u32>,
    #[serde(skip_serializing_if = "is_none")]
    modes: Vec<ModeV1>,
    #[serde(skip_serializing_if = "is_none")]
    start_after: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    finish_before: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    must_start: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    calendars: Vec<String>,
    #[serde(skip_serializing_if = "is_none")]
    split: Option<SplitV1>,
    #[serde(skip_serializing_if = "is_none")]
    preemptible: bool,
    #[serde(skip_serializing_if = "is_none")]
    cost: Option<CostV1>,
    #[serde(skip_serializing_if = "is_none")]
    earn: Option<EarnV1>,
    #[serde(skip_serializing_if = "is_none")]
    span: Option<(String, String)>,
    #[serde(skip_serializing_if = "is_none")]
    points: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    raci: RaciV1,
    #[serde(skip_serializing_if = "is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    deliverable: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    was: Option<String>,
}

impl From<&Planning> for PlanningV1 {
    fn from(planning: &Planning) -> Self {
        Self {
            item: planning.item.into(),
            title: planning.title.clone(),
            phase: shown(planning.phase.as_ref()),
            summary: shown(planning.summary.as_ref()),
            estimate: planning.estimate.as_ref().map(EstimateV1::from),
            crew: planning.crew.iter().map(AskV1::from).collect(),
            consumes: counts(&planning.consumes),
            modes: planning.modes.iter().map(ModeV1::from).collect(),
            start_after: shown(planning.window.start_after.as_ref()),
            finish_before: shown(planning.window.finish_before.as_ref()),
            must_start: shown(planning.window.must_start.as_ref()),
            due: shown(planning.due.as_ref()),
            calendars: texts(&planning.calendars),
            split: planning.split.map(SplitV1::from),
            preemptible: planning.is_preemptible,
            cost: planning.cost.as_ref().map(CostV1::from),
            earn: planning.earn.as_ref().map(EarnV1::from),
            span: planning.span.as_ref().map(|span| (span.from.to_string(), span.to.to_string())),
            points: planning.points,
            raci: (&planning.raci).into(),
            owner: planning.owner.clone(),
            deliverable: shown(planning.deliverable.as_ref()),
            was: shown(planning.was.as_ref()),
        }
    }
}

impl TryFrom<PlanningV1> for Planning {
    type Error = WireError;

    fn try_from(form: PlanningV1) -> Result<Self> {
        let window = Window {
            start_after: maybe(form.start_after)?,
            finish_before: maybe(form.finish_before)?,
            must_start: maybe(form.must_start)?,
        };
        let span = form.span.map(|(from, to)| Ok(Span { from: name(&from)?, to: name(&to)? })).transpose()?;
        Ok(Self {
            item: form.item.into(),
            title: form.title,
            phase: maybe_name(form.phase)?,
            summary: maybe_name(form.summary)?,
            estimate: form.estimate.map(Estimate::try_from).transpose()?,
            crew: form.crew.into_iter().map(Ask::try_from).collect::<Result<_>>()?,
            consumes: read_counts(form.consumes)?,
            modes: form.modes.into_iter().map(Mode::try_from).collect::<Result<_>>()?,
            window,
            due: maybe(form.due)?,
            calendars: names(&form.calendars)?,
            split: form.split.map(Split::from),
            is_preemptible: form.preemptible,
            cost: form.cost.map(Cost::try_from).transpose()?,
            earn: form.earn.map(Earn::try_from).transpose()?,
            span,
            points: form.points,
            raci: form.raci.into(),
            owner: form.owner,
            deliverable: maybe_name(form.deliverable)?,
            was: maybe_name(form.was)?,
        })
    }
}

/// Makes a form of an enum whose variants hold nothing, with words for them.
macro_rules! words {
    ($form:ident, $model:ty, $($variant:ident),+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $form { $($variant),+ }

        impl From<$model> for $form {
            fn from(value: $model) -> Self {
                match value { $(<$model>::$variant => Self::$variant),+ }
            }
        }

        impl From<$form> for $model {
            fn from(form: $form) -> Self {
                match form { $($form::$variant => Self::$variant),+ }
            }
        }
    };
}
pub(super) use words;

words!(ItemV1, Item, Task, Summary, Phase, Milestone, Gate, Acceptance);
words!(SplitV1, Split, Closed, Any, Never);
words!(DistributionV1, Distribution, Pert, Triangular, Uniform);
words!(AccrueV1, Accrue, Linear, Start, End);

impl Default for ItemV1 {
    fn default() -> Self {
        Item::default().into()
    }
}

impl Default for DistributionV1 {
    fn default() -> Self {
        Distribution::default().into()
    }
}

impl Default for AccrueV1 {
    fn default() -> Self {
        Accrue::default().into()
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EstimateV1 {
    #[serde(skip_serializing_if = "is_none")]
    amount: Option<AmountV1>,
    #[serde(skip_serializing_if = "is_none")]
    items: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    passes: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    probability: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    group: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum AmountV1 {
    Duration(String),
    Effort(String),
    Spread {
        points: ThreePointV1,
        #[serde(default, skip_serializing_if = "is_none")]
        dist: DistributionV1,
    },
    History {
        quantile: u32,
        min_runs: u32,
    },
}

/// Three lengths from the best to the worst.
pub(super) type ThreePointV1 = (String, String, String);

pub(super) fn three_points(points: &ThreePoint) -> ThreePointV1 {
    (points.optimistic.to_string(), points.likely.to_string(), points.pessimistic.to_string())
}

pub(super) fn read_three_points(form: &ThreePointV1) -> Result<ThreePoint> {
    Ok(ThreePoint { optimistic: read(&form.0)?, likely: read(&form.1)?, pessimistic: read(&form.2)? })
}

impl From<&Estimate> for EstimateV1 {
    fn from(estimate: &Estimate) -> Self {
        let amount = |amount: &Amount| match amount {
            Amount::Duration(extent) => AmountV1::Duration(extent.to_string()),
            Amount::Effort(extent) => AmountV1::Effort(extent.to_string()),
            Amount::Spread(points, dist) => {
                AmountV1::Spread { points: three_points(points), dist: (*dist).into() }
            }
            Amount::History { quantile, runs_min } => {
                AmountV1::History { quantile: quantile.0, min_runs: *runs_min }
            }
        };
        Self {
            amount: estimate.amount.as_ref().map(amount),
            items: estimate.items,
            passes: estimate.passes,
            probability: estimate.probability.map(|part| part.0),
            group: shown(estimate.group.as_ref()),
        }
    }
}

impl TryFrom<EstimateV1> for Estimate {
    type Error = WireError;

    fn try_from(form: EstimateV1) -> Result<Self> {
        let amount = |amount: AmountV1| {
            Ok(match amount {
                AmountV1::Duration(extent) => Amount::Duration(read(&extent)?),
                AmountV1::Effort(extent) => Amount::Effort(read(&extent)?),
                AmountV1::Spread { points, dist } => Amount::Spread(read_three_points(&points)?, dist.into()),
                AmountV1::History { quantile, min_runs } => {
                    Amount::History { quantile: part(quantile)?, runs_min: min_runs }
                }
            })
        };
        Ok(Self {
            amount: form.amount.map(amount).transpose()?,
            items: form.items,
            passes: form.passes,
            probability: maybe_part(form.probability)?,
            group: maybe_name(form.group)?,
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskV1 {
    role: String,
    count: u32,
    units: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    skills: BTreeMap<String, u32>,
}

impl From<&Ask> for AskV1 {
    fn from(ask: &Ask) -> Self {
        Self { role: ask.role.to_string(), count: ask.count, units: ask.units.0, skills: counts(&ask.skills) }
    }
}

impl TryFrom<AskV1> for Ask {
    type Error = WireError;

    fn try_from(form: AskV1) -> Result<Self> {
        if form.count == 0 || form.units == 0 {
            return Err(wrong(format!("it asks for nobody as `{}`", form.role)));
        }
        let skills = read_counts(form.skills)?;
        Ok(Self { role: name(&form.role)?, count: form.count, units: Units(form.units), skills })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModeV1 {
    name: String,
    #[serde(default, skip_serializing_if = "is_none")]
    estimate: Option<EstimateV1>,
    #[serde(default, skip_serializing_if = "is_none")]
    crew: Option<Vec<AskV1>>,
    #[serde(default, skip_serializing_if = "is_none")]
    pools: Option<BTreeMap<String, u32>>,
    #[serde(default, skip_serializing_if = "is_none")]
    consumes: Option<BTreeMap<String, u32>>,
}

impl From<&Mode> for ModeV1 {
    fn from(mode: &Mode) -> Self {
        Self {
            name: mode.name.to_string(),
            estimate: mode.estimate.as_ref().map(EstimateV1::from),
            crew: mode.crew.as_ref().map(|crew| crew.iter().map(AskV1::from).collect()),
            pools: mode.pools.as_ref().map(counts),
            consumes: mode.consumes.as_ref().map(counts),
        }
    }
}

impl TryFrom<ModeV1> for Mode {
    type Error = WireError;

    fn try_from(form: ModeV1) -> Result<Self> {
        let crew = |crew: Vec<AskV1>| crew.into_iter().map(Ask::try_from).collect::<Result<_>>();
        Ok(Self {
            name: name(&form.name)?,
            estimate: form.estimate.map(Estimate::try_from).transpose()?,
            crew: form.crew.map(crew).transpose()?,
            pools: form.pools.map(read_counts).transpose()?,
            consumes: form.consumes.map(read_counts).transpose()?,
        })
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CostV1 {
    #[serde(skip_serializing_if = "is_none")]
    fixed: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    per_use: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    accrue: AccrueV1,
    #[serde(skip_serializing_if = "is_none")]
    account: Option<String>,
}

impl From<&Cost> for CostV1 {
    fn from(cost: &Cost) -> Self {
        Self {
            fixed: shown(cost.fixed.as_ref()),
            per_use: shown(cost.per_use.as_ref()),
            accrue: cost.accrue.into(),
            account: shown(cost.account.as_ref()),
        }
    }
}

impl TryFrom<CostV1> for Cost {
    type Error = WireError;

    fn try_from(form: CostV1) -> Result<Self> {
        Ok(Self {
            fixed: maybe(form.fixed)?,
            per_use: maybe(form.per_use)?,
            accrue: form.accrue.into(),
            account: maybe_name(form.account)?,
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum EarnV1 {
    AtEnd,
    Halves,
    Percent,
    Effort,
    /// Names with weights and places, in millionths.
    Milestones(Vec<(String, u32, u32)>),
    Units(u32),
    Apportioned(String),
}

impl From<&Earn> for EarnV1 {
    fn from(earn: &Earn) -> Self {
        match earn {
            Earn::AtEnd => Self::AtEnd,
            Earn::Halves => Self::Halves,
            Earn::Percent => Self::Percent,
            Earn::Effort => Self::Effort,
            Earn::Milestones(steps) => {
                let form = |step: &Step| (step.name.to_string(), step.weight.0, step.at.0);
                Self::Milestones(steps.iter().map(form).collect())
            }
            Earn::Units(units) => Self::Units(*units),
            Earn::Apportioned(task) => Self::Apportioned(task.to_string()),
        }
    }
}

impl TryFrom<EarnV1> for Earn {
    type Error = WireError;

    fn try_from(form: EarnV1) -> Result<Self> {
        Ok(match form {
            EarnV1::AtEnd => Self::AtEnd,
            EarnV1::Halves => Self::Halves,
            EarnV1::Percent => Self::Percent,
            EarnV1::Effort => Self::Effort,
            EarnV1::Milestones(steps) => {
                let step = |(key, weight, at): (String, u32, u32)| {
                    Ok(Step { name: name(&key)?, weight: part(weight)?, at: part(at)? })
                };
                Self::Milestones(steps.into_iter().map(step).collect::<Result<_>>()?)
            }
            EarnV1::Units(units) => Self::Units(units),
            EarnV1::Apportioned(task) => Self::Apportioned(name(&task)?),
        })
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RaciV1 {
    #[serde(skip_serializing_if = "is_none")]
    r: Vec<String>,
    #[serde(skip_serializing_if = "is_none")]
    a: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    c: Vec<String>,
    #[serde(skip_serializing_if = "is_none")]
    i: Vec<String>,
}

impl From<&Raci> for RaciV1 {
    fn from(raci: &Raci) -> Self {
        Self {
            r: raci.responsible.clone(),
            a: raci.accountable.clone(),
            c: raci.consulted.clone(),
            i: raci.informed.clone(),
        }
    }
}

impl From<RaciV1> for Raci {
    fn from(form: RaciV1) -> Self {
        Self { responsible: form.r, accountable: form.a, consulted: form.c, informed: form.i }
    }
}
