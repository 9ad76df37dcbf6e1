//! What follows a body: another round, or the handler that takes an error.

use myrmex_engine::run::View;
use myrmex_model::effect::{CatchChoice, Evaluation};
use myrmex_model::fault::Fault;
use myrmex_model::id::Attempt;
use myrmex_model::ir::{Body, Node, RoundCondition};
use myrmex_model::template::Expr;

use super::resolve::Resolver;
use super::{Desk, place};

/// Evaluates whether a flow goes round once more.
pub(super) fn round(
    desk: &mut Desk<'_>,
    view: View<'_>,
    node: &Node,
    round: u32,
) -> Result<Evaluation, Fault> {
    let Body::Flow(flow) = &node.body else { return Ok(Evaluation::Round(false)) };
    let Some(rounds) = &flow.rounds else { return Ok(Evaluation::Round(false)) };
    let (condition, goes_on_if, key) = match &rounds.condition {
        RoundCondition::While(condition) => (condition, true, "repeat.while"),
        RoundCondition::Until(condition) => (condition, false, "repeat.until"),
    };
    let (evaluator, sources) = desk.split();
    let mut resolver = Resolver::new(view, sources).with_index(round);
    let held = evaluator.condition(condition, &mut |reference| resolver.resolve(reference));
    let finished = resolver.finish(held);
    let holds = desk.settle(finished).map_err(|fault| place::told(fault, key))?;
    Ok(Evaluation::Round(holds == goes_on_if))
}

/// Finds the first handler whose `when` holds for an error, and whether its `retry` may repeat the body first.
pub(super) fn catch(
    desk: &mut Desk<'_>,
    view: View<'_>,
    node: &Node,
    error: (&Fault, Attempt),
    candidates: &[u32],
) -> Result<Evaluation, Fault> {
    let catches = node.handling.as_ref().map_or(&[][..], |handling| &handling.catches);
    for handler in candidates {
        let Some(catch) = catches.get(*handler as usize) else { continue };
        if !holds(desk, view, error, (catch.when.as_ref(), "catch.when"))? {
            continue;
        }
        let retry = catch.retry.as_ref().and_then(|retry| retry.when.as_ref());
        let may_retry = holds(desk, view, error, (retry, "catch.retry.when"))?;
        return Ok(Evaluation::Catch(Some(CatchChoice { handler: *handler, may_retry })));
    }
    Ok(Evaluation::Catch(None))
}

/// Evaluates a condition about an error; one that is not there holds.
fn holds(
    desk: &mut Desk<'_>,
    view: View<'_>,
    (fault, attempt): (&Fault, Attempt),
    (when, key): (Option<&Expr>, &str),
) -> Result<bool, Fault> {
    let Some(when) = when else { return Ok(true) };
    let (evaluator, sources) = desk.split();
    let mut resolver = Resolver::new(view, sources).with_error(fault, attempt);
    let held = evaluator.condition(when, &mut |reference| resolver.resolve(reference));
    let finished = resolver.finish(held);
    desk.settle(finished).map_err(|fault| place::told(fault, key))
}
