//! What a retry takes over in the place of a task that would begin.

use myrmex_engine::run::View;
use myrmex_model::address::Address;
use myrmex_model::fault::Fault;
use myrmex_model::ir::{Body, Node};
use myrmex_model::retry::Taken;
use myrmex_model::status::Status;
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_store::StoreError;

use super::Desk;
use super::lines::Unread;

/// Returns the result that is taken over, if there is one that fits.
pub(super) fn taken(desk: &mut Desk<'_>, view: View<'_>, node: &Node) -> Result<Option<Taken>, Fault> {
    let found = view.taken_address().zip(view.run().retry());
    let Some((address, retry)) = found else { return Ok(None) };
    let stored = desk.stored(retry.taken)?;
    let result = wire::retry::result_of(&stored, &address).map_err(|error| {
        let place = format!("run {}, value {}", view.run().id(), retry.taken);
        desk.fail(StoreError::Damaged { what: error.to_string(), place })
    })?;
    let result = result.filter(|result| result.status == Status::Succeeded && fits(result, node));
    match result {
        Some(result) if is_of_the_same_items(desk, view, &stored, &address)? => {
            Ok(Some(Taken { items: None, ..result }))
        }
        Some(_) | None => Ok(None),
    }
}

/// Returns whether a result can be that of a node. A `switch` needs to know which way to go.
fn fits(taken: &Taken, node: &Node) -> bool {
    match (&node.body, taken.case) {
        (Body::Choose(choose), Some(case)) => (case as usize) < choose.cases.len(),
        (Body::Choose(_), None) => false,
        (_, case) => case.is_none(),
    }
}

/// Returns whether every item that the task at `address` is in is the one that it was, although the lists may have changed.
fn is_of_the_same_items(
    desk: &mut Desk<'_>,
    view: View<'_>,
    stored: &Value,
    address: &Address,
) -> Result<bool, Fault> {
    let text = address.as_str();
    // Innermost first, as the view tells them.
    let lists = text.rmatch_indices('[').map(|(end, _)| Address::parse(&text[..end]).ok());
    for (each, item) in lists.zip(view.items()) {
        let before = each.and_then(|each| wire::retry::list_of(stored, &each));
        let is_same = match before {
            Some(before) if before == item.items => true,
            Some(before) => {
                let run = view.run().id();
                let mut member = |items| desk.sources().member(run, items, (item.key, item.index), &[]);
                match member(before).and_then(|before| Ok((before, member(item.items)?))) {
                    Ok((before, now)) => before.is_some() && before == now,
                    // Who needs it is told; nothing looks as it was.
                    Err(Unread::Fault(_)) => false,
                    Err(Unread::Store(error)) => return Err(desk.fail(error)),
                }
            }
            None => false,
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the results of the items of a `for_each` that was taken over, in order.
pub(super) fn items_of(stored: &Value, each: &Address) -> Vec<Taken> {
    let result = |address: &Address| wire::retry::result_of(stored, address).ok().flatten();
    let items = result(each).and_then(|taken| taken.items);
    let all = items.iter().flat_map(|items| (0..items.count).map(|index| each.item(&items.key(index))));
    all.filter_map(|address| result(&address)).collect()
}
