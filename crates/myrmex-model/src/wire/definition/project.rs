//! The form of what a plan reads of a project as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::forms::{name, wrong};
use super::planning::{
    ThreePointV1, is_none, maybe, maybe_name, maybe_part, names, part, read_three_points, shown, texts,
    three_points, words,
};
use super::resources::ResourcesV1;
use crate::name::Name;
use crate::planning::{
    Defaults, Deliverable, Direction, Finances, Impact, Millionths, Period, Phase, Project, Resources, Risk,
    RiskKind, RiskStatus, Tolerances,
};
use crate::wire::WireError;

type Result<T> = std::result::Result<T, WireError>;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ProjectV1 {
    #[serde(skip_serializing_if = "is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    deadline: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    calendar: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    direction: Option<DirectionV1>,
    #[serde(skip_serializing_if = "is_none")]
    period: Option<PeriodV1>,
    #[serde(skip_serializing_if = "is_none")]
    near: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    manual: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    approval: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    automated: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    correlations: BTreeMap<String, u32>,
    #[serde(skip_serializing_if = "is_none")]
    phases: Vec<PhaseV1>,
    #[serde(skip_serializing_if = "is_none")]
    risks: Vec<RiskV1>,
    #[serde(skip_serializing_if = "is_none")]
    deliverables: Vec<DeliverableV1>,
    #[serde(skip_serializing_if = "is_none")]
    finances: FinancesV1,
    #[serde(skip_serializing_if = "is_none")]
    tolerances: TolerancesV1,
    #[serde(skip_serializing_if = "is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    resources: ResourcesV1,
}

words!(DirectionV1, Direction, Early, Late);
words!(PeriodV1, Period, Day, Week, Month);
words!(RiskKindV1, RiskKind, Threat, Opportunity);
words!(RiskStatusV1, RiskStatus, Open, Triggered, Closed);

/// Returns the form of a word unless it is the usual one.
fn unusual<T: Default + PartialEq + Copy + Into<F>, F>(value: T) -> Option<F> {
    (value != T::default()).then(|| value.into())
}

/// Reads the form of a word; the usual one if it is absent.
fn usual<T: Default + From<F>, F>(form: Option<F>) -> T {
    form.map_or_else(T::default, T::from)
}

impl From<&Project> for ProjectV1 {
    fn from(project: &Project) -> Self {
        let correlation = |(group, part): (&Name, &Millionths)| (group.to_string(), part.0);
        Self {
            title: project.title.clone(),
            owner: project.owner.clone(),
            start: shown(project.start.as_ref()),
            deadline: shown(project.deadline.as_ref()),
            calendar: shown(project.calendar.as_ref()),
            direction: unusual(project.direction),
            period: unusual(project.period),
            near: shown(project.near.as_ref()),
            manual: shown(project.defaults.manual.as_ref()),
            approval: shown(project.defaults.approval.as_ref()),
            automated: shown(project.defaults.automated.as_ref()),
            correlations: project.correlations.iter().map(correlation).collect(),
            phases: project.phases.iter().map(PhaseV1::from).collect(),
            risks: project.risks.iter().map(RiskV1::from).collect(),
            deliverables: project.deliverables.iter().map(DeliverableV1::from).collect(),
            finances: (&project.finances).into(),
            tolerances: (&project.tolerances).into(),
            currency: shown(project.currency.as_ref()),
            resources: (&project.resources).into(),
        }
    }
}

impl TryFrom<ProjectV1> for Project {
    type Error = WireError;

    fn try_from(form: ProjectV1) -> Result<Self> {
        let defaults = Defaults {
            manual: maybe(form.manual)?,
            approval: maybe(form.approval)?,
            automated: maybe(form.automated)?,
        };
        let correlation = |(group, share): (String, u32)| Ok((name(&group)?, part(share)?));
        Ok(Self {
            title: form.title,
            owner: form.owner,
            start: maybe(form.start)?,
            deadline: maybe(form.deadline)?,
            calendar: maybe_name(form.calendar)?,
            direction: usual(form.direction),
            period: usual(form.period),
            near: maybe(form.near)?,
            defaults,
            correlations: form.correlations.into_iter().map(correlation).collect::<Result<_>>()?,
            phases: form.phases.into_iter().map(Phase::try_from).collect::<Result<_>>()?,
            risks: form.risks.into_iter().map(Risk::try_from).collect::<Result<_>>()?,
            deliverables: form.deliverables.into_iter().map(Deliverable::try_from).collect::<Result<_>>()?,
            finances: form.finances.try_into()?,
            tolerances: form.tolerances.try_into()?,
            currency: maybe(form.currency)?,
            resources: Resources::try_from(form.resources)?,
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PhaseV1 {
    name: String,
    #[serde(default, skip_serializing_if = "is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    exit: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    max_parallel: Option<u32>,
    #[serde(default, skip_serializing_if = "is_none")]
    capacity: Option<u32>,
}

impl From<&Phase> for PhaseV1 {
    fn from(phase: &Phase) -> Self {
        Self {
            name: phase.name.to_string(),
            title: phase.title.clone(),
            exit: shown(phase.exit.as_ref()),
            max_parallel: phase.max_parallel,
            capacity: phase.capacity,
        }
    }
}

impl TryFrom<PhaseV1> for Phase {
    type Error = WireError;

    fn try_from(form: PhaseV1) -> Result<Self> {
        if form.max_parallel == Some(0) || form.capacity == Some(0) {
            return Err(wrong(format!("the phase `{}` never lets a task begin", form.name)));
        }
        Ok(Self {
            name: name(&form.name)?,
            title: form.title,
            exit: maybe_name(form.exit)?,
            max_parallel: form.max_parallel,
            capacity: form.capacity,
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RiskV1 {
    name: String,
    #[serde(default, skip_serializing_if = "is_none")]
    event: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    kind: Option<RiskKindV1>,
    #[serde(default, skip_serializing_if = "is_none")]
    status: Option<RiskStatusV1>,
    probability: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    impact: Option<u8>,
    #[serde(default, skip_serializing_if = "is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    category: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    affects: Vec<ImpactV1>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImpactV1 {
    task: String,
    #[serde(default, skip_serializing_if = "is_none")]
    time: Option<ThreePointV1>,
    #[serde(default, skip_serializing_if = "is_none")]
    cost: Option<String>,
}

impl From<&Risk> for RiskV1 {
    fn from(risk: &Risk) -> Self {
        let impact = |impact: &Impact| ImpactV1 {
            task: impact.task.to_string(),
            time: impact.time.as_ref().map(three_points),
            cost: shown(impact.cost.as_ref()),
        };
        Self {
            name: risk.name.to_string(),
            event: risk.event.clone(),
            kind: unusual(risk.kind),
            status: unusual(risk.status),
            probability: risk.probability.0,
            impact: risk.impact,
            owner: risk.owner.clone(),
            category: risk.category.clone(),
            affects: risk.affects.iter().map(impact).collect(),
        }
    }
}

impl TryFrom<RiskV1> for Risk {
    type Error = WireError;

    fn try_from(form: RiskV1) -> Result<Self> {
        let impact = |form: ImpactV1| {
            let time = form.time.as_ref().map(read_three_points).transpose()?;
            Ok(Impact { task: name(&form.task)?, time, cost: maybe(form.cost)? })
        };
        Ok(Self {
            name: name(&form.name)?,
            event: form.event,
            kind: usual(form.kind),
            status: usual(form.status),
            probability: part(form.probability)?,
            impact: form.impact,
            owner: form.owner,
            category: form.category,
            affects: form.affects.into_iter().map(impact).collect::<Result<_>>()?,
        })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliverableV1 {
    name: String,
    #[serde(default, skip_serializing_if = "is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    accountable: Option<String>,
    #[serde(default, skip_serializing_if = "is_none")]
    acceptance: Option<String>,
}

impl From<&Deliverable> for DeliverableV1 {
    fn from(deliverable: &Deliverable) -> Self {
        Self {
            name: deliverable.name.to_string(),
            path: deliverable.path.clone(),
            accountable: deliverable.accountable.clone(),
            acceptance: shown(deliverable.acceptance.as_ref()),
        }
    }
}

impl TryFrom<DeliverableV1> for Deliverable {
    type Error = WireError;

    fn try_from(form: DeliverableV1) -> Result<Self> {
        Ok(Self {
            name: name(&form.name)?,
            path: form.path,
            accountable: form.accountable,
            acceptance: maybe_name(form.acceptance)?,
        })
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FinancesV1 {
    #[serde(skip_serializing_if = "is_none")]
    limit: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    contingency: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    management_reserve: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    accounts: Vec<String>,
}

impl From<&Finances> for FinancesV1 {
    fn from(finances: &Finances) -> Self {
        Self {
            limit: shown(finances.limit.as_ref()),
            contingency: finances.contingency.map(|part| part.0),
            management_reserve: finances.management_reserve.map(|part| part.0),
            accounts: texts(&finances.accounts),
        }
    }
}

impl TryFrom<FinancesV1> for Finances {
    type Error = WireError;

    fn try_from(form: FinancesV1) -> Result<Self> {
        Ok(Self {
            limit: maybe(form.limit)?,
            contingency: maybe_part(form.contingency)?,
            management_reserve: maybe_part(form.management_reserve)?,
            accounts: names(&form.accounts)?,
        })
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TolerancesV1 {
    #[serde(skip_serializing_if = "is_none")]
    time: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    cost: Option<u32>,
    #[serde(skip_serializing_if = "is_none")]
    p_deadline: Option<u32>,
}

impl From<&Tolerances> for TolerancesV1 {
    fn from(tolerances: &Tolerances) -> Self {
        let Tolerances { time, cost, p_deadline } = tolerances;
        let form = |part: &Option<Millionths>| part.map(|part| part.0);
        Self { time: form(time), cost: form(cost), p_deadline: form(p_deadline) }
    }
}

impl TryFrom<TolerancesV1> for Tolerances {
    type Error = WireError;

    fn try_from(form: TolerancesV1) -> Result<Self> {
        Ok(Self {
            time: maybe_part(form.time)?,
            cost: maybe_part(form.cost)?,
            p_deadline: maybe_part(form.p_deadline)?,
        })
    }
}
