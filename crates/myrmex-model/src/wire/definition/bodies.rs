//! The types of form 1 for the bodies of nodes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::forms::{Text, expr, is_false, name, source, wrong};
use super::people::AwaitV1;
use super::template::TemplateV1;
use crate::ir::{
    Body, Call, Case, Choose, Complete, Each, Edge, Flow, FlowChild, Graph, GraphChild, Holds, Join, Late,
    Next, NodeId, Rest, RoundCondition, Rounds, Task, Timer, Tolerance,
};
use crate::name::Name;
use crate::outcome::{Outcome, OutcomeSet};
use crate::planning::Extent;
use crate::wire::WireError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum BodyV1<'a> {
    Task {
        #[serde(borrow)]
        executor: Text<'a>,
        arguments: TemplateV1<'a>,
    },
    Value(TemplateV1<'a>),
    After(TemplateV1<'a>),
    Until(TemplateV1<'a>),
    Choose(Vec<CaseV1<'a>>),
    Raise(TemplateV1<'a>),
    /// A flow without rounds.
    Flow(Vec<FlowChildV1>),
    /// A flow with rounds.
    Repeat {
        children: Vec<FlowChildV1>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#while: Option<Text<'a>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Text<'a>>,
        most: u32,
    },
    Graph {
        children: Vec<GraphChildV1>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<EdgeV1<'a>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_parallel: Option<u32>,
        #[serde(default, skip_serializing_if = "is_false")]
        fail_fast: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complete: Option<CompleteV1>,
    },
    Each {
        source: TemplateV1<'a>,
        item: Text<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_parallel: Option<u32>,
        #[serde(default, skip_serializing_if = "is_false")]
        fail_fast: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complete: Option<CompleteV1>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<ToleranceV1>,
        body: u32,
    },
    Call {
        workflow: Text<'a>,
        inputs: TemplateV1<'a>,
        #[serde(default, skip_serializing_if = "is_false")]
        detached: bool,
    },
    Await(Box<AwaitV1<'a>>),
}

impl<'a> From<&'a Body> for BodyV1<'a> {
    fn from(body: &'a Body) -> Self {
        match body {
            Body::Task(task) => {
                Self::Task { executor: task.executor.as_str().into(), arguments: (&task.arguments).into() }
            }
            Body::Value(template) => Self::Value(template.into()),
            Body::Timer(Timer::After(template)) => Self::After(template.into()),
            Body::Timer(Timer::Until(template)) => Self::Until(template.into()),
            Body::Choose(choose) => Self::Choose(choose.cases.iter().map(CaseV1::from).collect()),
            Body::Raise(template) => Self::Raise(template.into()),
            Body::Flow(flow) => flow_form(flow),
            Body::Graph(graph) => Self::Graph {
                children: graph.children.iter().map(GraphChildV1::from).collect(),
                edges: graph.edges().iter().map(EdgeV1::from).collect(),
                max_parallel: graph.max_parallel,
                fail_fast: graph.fail_fast,
                complete: CompleteV1::of(graph.complete),
            },
            Body::Each(each) => Self::Each {
                source: (&each.source).into(),
                item: each.item.as_str().into(),
                max_parallel: each.max_parallel,
                fail_fast: each.fail_fast,
                complete: CompleteV1::of(each.complete),
                tolerance: each.tolerance.map(ToleranceV1::from),
                body: each.body.0,
            },
            Body::Call(call) => Self::Call {
                workflow: call.workflow.as_str().into(),
                inputs: (&call.inputs).into(),
                detached: call.is_detached,
            },
            Body::Await(body) => Self::Await(Box::new((&**body).into())),
        }
    }
}

fn flow_form(flow: &Flow) -> BodyV1<'_> {
    let children = flow.children.iter().map(FlowChildV1::from).collect();
    let Some(rounds) = &flow.rounds else { return BodyV1::Flow(children) };
    let (r#while, until) = match &rounds.condition {
        RoundCondition::While(expr) => (source(Some(expr)), None),
        RoundCondition::Until(expr) => (None, source(Some(expr))),
    };
    BodyV1::Repeat { children, r#while, until, most: rounds.most }
}

fn condition(r#while: Option<Text<'_>>, until: Option<Text<'_>>) -> Result<RoundCondition, WireError> {
    match (expr(r#while), expr(until)) {
        (Some(condition), None) => Ok(RoundCondition::While(condition)),
        (None, Some(condition)) => Ok(RoundCondition::Until(condition)),
        (Some(_), Some(_)) | (None, None) => Err(wrong("rounds have either a `while` or an `until`")),
    }
}

impl BodyV1<'_> {
    pub(super) fn into_body(self, names: &[Name]) -> Result<Body, WireError> {
        let name_of = |node: u32| {
            let found = names.get(node as usize).cloned();
            found.ok_or_else(|| wrong(format!("node {node} does not exist")))
        };
        Ok(match self {
            Self::Task { executor, arguments } => {
                Body::Task(Task { executor: name(&executor)?, arguments: arguments.into() })
            }
            Self::Value(template) => Body::Value(template.into()),
            Self::After(template) => Body::Timer(Timer::After(template.into())),
            Self::Until(template) => Body::Timer(Timer::Until(template.into())),
            Self::Choose(cases) => {
                Body::Choose(Choose { cases: cases.into_iter().map(Case::from).collect() })
            }
            Self::Raise(template) => Body::Raise(template.into()),
            Self::Flow(children) => {
                let names =
                    children.iter().map(|child| name_of(child.node)).collect::<Result<Vec<_>, _>>()?;
                Body::Flow(Flow::new(children.into_iter().map(FlowChild::from).collect(), names))
            }
            Self::Repeat { children, r#while, until, most } => {
                let names =
                    children.iter().map(|child| name_of(child.node)).collect::<Result<Vec<_>, _>>()?;
                let mut flow = Flow::new(children.into_iter().map(FlowChild::from).collect(), names);
                flow.rounds = Some(Rounds { condition: condition(r#while, until)?, most });
                Body::Flow(flow)
            }
            Self::Graph { children, edges, max_parallel, fail_fast, complete } => {
                let names =
                    children.iter().map(|child| name_of(child.node)).collect::<Result<Vec<_>, _>>()?;
                let children = children.into_iter().map(GraphChild::from).collect();
                let edges = edges.into_iter().map(Edge::try_from).collect::<Result<_, _>>()?;
                let mut graph = Graph::new(children, edges, names).map_err(wrong)?;
                graph.max_parallel = max_parallel;
                graph.fail_fast = fail_fast;
                graph.complete = complete.map_or(Complete::All, Complete::from);
                Body::Graph(graph)
            }
            Self::Each { source, item, max_parallel, fail_fast, complete, tolerance, body } => {
                Body::Each(Each {
                    source: source.into(),
                    item: name(&item)?,
                    max_parallel,
                    fail_fast,
                    complete: complete.map_or(Complete::All, Complete::from),
                    tolerance: tolerance.map(Tolerance::from),
                    body: NodeId(body),
                })
            }
            Self::Call { workflow, inputs, detached } => {
                Body::Call(Call { workflow: name(&workflow)?, inputs: inputs.into(), is_detached: detached })
            }
            Self::Await(body) => Body::Await(Box::new((*body).try_into()?)),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseV1<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    when: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "NextV1::is_continue")]
    next: NextV1,
}

impl<'a> From<&'a Case> for CaseV1<'a> {
    fn from(case: &'a Case) -> Self {
        Self { when: source(case.when.as_ref()), next: case.next.into() }
    }
}

impl From<CaseV1<'_>> for Case {
    fn from(form: CaseV1<'_>) -> Self {
        Self { when: expr(form.when), next: form.next.into() }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NextV1 {
    #[default]
    Continue,
    Exit,
    End,
    Goto(u32),
}

impl NextV1 {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_continue(&self) -> bool {
        matches!(self, Self::Continue)
    }
}

impl From<Next> for NextV1 {
    fn from(next: Next) -> Self {
        match next {
            Next::Continue => Self::Continue,
            Next::Exit => Self::Exit,
            Next::End => Self::End,
            Next::Goto(place) => Self::Goto(place),
        }
    }
}

impl From<NextV1> for Next {
    fn from(form: NextV1) -> Self {
        match form {
            NextV1::Continue => Self::Continue,
            NextV1::Exit => Self::Exit,
            NextV1::End => Self::End,
            NextV1::Goto(place) => Self::Goto(place),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlowChildV1 {
    node: u32,
    #[serde(default, skip_serializing_if = "NextV1::is_continue")]
    next: NextV1,
}

impl From<&FlowChild> for FlowChildV1 {
    fn from(child: &FlowChild) -> Self {
        Self { node: child.node.0, next: child.next.into() }
    }
}

impl From<FlowChildV1> for FlowChild {
    fn from(form: FlowChildV1) -> Self {
        Self { node: NodeId(form.node), next: form.next.into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GraphChildV1 {
    node: u32,
    #[serde(default, skip_serializing_if = "JoinV1::is_all")]
    join: JoinV1,
    #[serde(default, skip_serializing_if = "is_false")]
    cancel_late: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompleteV1 {
    first: u32,
    #[serde(default)]
    rest: RestV1,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RestV1 {
    #[default]
    Cancel,
    Ignore,
    Run,
}

impl CompleteV1 {
    fn of(complete: Complete) -> Option<Self> {
        match complete {
            Complete::All => None,
            Complete::First { count, rest } => {
                let rest = match rest {
                    Rest::Cancel => RestV1::Cancel,
                    Rest::Ignore => RestV1::Ignore,
                    Rest::Run => RestV1::Run,
                };
                Some(Self { first: count, rest })
            }
        }
    }
}

impl From<CompleteV1> for Complete {
    fn from(form: CompleteV1) -> Self {
        let rest = match form.rest {
            RestV1::Cancel => Rest::Cancel,
            RestV1::Ignore => Rest::Ignore,
            RestV1::Run => Rest::Run,
        };
        Self::First { count: form.first, rest }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToleranceV1 {
    Count(u32),
    Percent(u8),
}

impl From<Tolerance> for ToleranceV1 {
    fn from(tolerance: Tolerance) -> Self {
        match tolerance {
            Tolerance::Count(count) => Self::Count(count),
            Tolerance::Percent(percent) => Self::Percent(percent),
        }
    }
}

impl From<ToleranceV1> for Tolerance {
    fn from(form: ToleranceV1) -> Self {
        match form {
            ToleranceV1::Count(count) => Self::Count(count),
            ToleranceV1::Percent(percent) => Self::Percent(percent),
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JoinV1 {
    #[default]
    All,
    AllLive,
    First(u32),
}

impl JoinV1 {
    fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

impl From<&GraphChild> for GraphChildV1 {
    fn from(child: &GraphChild) -> Self {
        let join = match child.join {
            Join::All => JoinV1::All,
            Join::AllLive => JoinV1::AllLive,
            Join::First(count) => JoinV1::First(count),
        };
        Self { node: child.node.0, join, cancel_late: child.late == Late::Cancel }
    }
}

impl From<GraphChildV1> for GraphChild {
    fn from(form: GraphChildV1) -> Self {
        let join = match form.join {
            JoinV1::All => Join::All,
            JoinV1::AllLive => Join::AllLive,
            JoinV1::First(count) => Join::First(count),
        };
        let late = if form.cancel_late { Late::Cancel } else { Late::Ignore };
        Self { node: NodeId(form.node), join, late }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EdgeV1<'a> {
    from: u32,
    to: u32,
    /// Absent if it is success alone.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    on: Option<Vec<Text<'a>>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    cases: Cow<'a, [u32]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lag: Option<u64>,
    /// A lag that is not so many milliseconds, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_false")]
    holds_end: bool,
}

/// Returns the milliseconds of a lag that needs no other form: of elapsed time, or of working time of a calendar that is named.
fn plain_lag(edge: &Edge) -> Option<u64> {
    match (edge.lag?, &edge.calendar) {
        (Extent::Elapsed { millis }, None) | (Extent::Working { days: 0, millis }, Some(_)) => {
            u64::try_from(millis).ok()
        }
        (Extent::Elapsed { .. } | Extent::Working { .. }, _) => None,
    }
}

/// Reads a lag in either form.
fn lag(form: &EdgeV1<'_>) -> Result<Option<Extent>, WireError> {
    match (form.lag, &form.offset) {
        (None, None) => Ok(None),
        (None, Some(text)) => text.parse().map(Some).map_err(wrong),
        (Some(millis), None) => {
            let millis = i64::try_from(millis).map_err(wrong)?;
            let is_working = form.calendar.is_some();
            Ok(Some(if is_working {
                Extent::Working { days: 0, millis }
            } else {
                Extent::Elapsed { millis }
            }))
        }
        (Some(_), Some(_)) => Err(wrong("an edge has two lags")),
    }
}

impl<'a> From<&'a Edge> for EdgeV1<'a> {
    fn from(edge: &'a Edge) -> Self {
        let words = || edge.on.iter().map(|outcome| Cow::Borrowed(outcome.as_str())).collect();
        Self {
            from: edge.from,
            to: edge.to,
            on: (edge.on != OutcomeSet::SUCCEEDED).then(words),
            cases: edge.cases.as_slice().into(),
            lag: plain_lag(edge),
            offset: edge.lag.filter(|_| plain_lag(edge).is_none()).map(|lag| lag.to_string()),
            holds_end: edge.holds == Holds::End,
            calendar: edge.calendar.as_ref().map(|calendar| calendar.as_str().into()),
        }
    }
}

impl TryFrom<EdgeV1<'_>> for Edge {
    type Error = WireError;

    fn try_from(form: EdgeV1<'_>) -> Result<Self, WireError> {
        let outcome = |word: &Text<'_>| {
            let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word);
            found.ok_or_else(|| wrong(format!("unknown outcome `{word}`")))
        };
        let lag = lag(&form)?;
        let on = match form.on {
            None => OutcomeSet::SUCCEEDED,
            Some(words) => OutcomeSet::of(&words.iter().map(outcome).collect::<Result<Vec<_>, _>>()?),
        };
        Ok(Self {
            from: form.from,
            to: form.to,
            on,
            cases: form.cases.into_owned(),
            holds: if form.holds_end { Holds::End } else { Holds::Begin },
            lag,
            calendar: form.calendar.map(|calendar| name(&calendar)).transpose()?,
        })
    }
}
