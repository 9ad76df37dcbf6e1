//! Dates and calendars of projects, which only the plan knows to read.

use myrmex_model::effect::Evaluation;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::ir::{Body, Definition, Node, NodeId};
use myrmex_model::time::Timestamp;
use myrmex_plan::lower;

use super::Desk;

/// Tells when a task may begin.
///
/// # Errors
///
/// Returns the task's error if a date or a calendar means nothing, which the check of the definition would have told.
pub(super) fn may_begin(desk: &Desk<'_>, definition: &Definition, node: NodeId) -> Result<Evaluation, Fault> {
    let told = lower::may_begin(definition, node, desk.now);
    told.map(Evaluation::MayBegin).map_err(|error| Fault::new(FaultKind::Configuration, error.to_string()))
}

/// Tells when a lag is over. One whose calendar means nothing never is: that stands in the answer, for a link has no error.
pub(super) fn lag(definition: &Definition, node: &Node, edge: u32, since: Timestamp) -> Evaluation {
    let Body::Graph(graph) = &node.body else { unreachable!("only graphs have edges") };
    let told = lower::lag_due(definition, graph, &graph.edges()[edge as usize], since);
    Evaluation::LagDue { edge, due: told.unwrap_or(Timestamp(i64::MAX)) }
}
