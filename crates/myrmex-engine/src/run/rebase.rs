//! Moving a run to another definition: its facts, renamed, restored under the new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::{Body, Definition};
use myrmex_model::status::Phase;

use super::Run;
use super::arena::{ActivationId, Work};

/// Why a run cannot move to a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebaseError {
    /// A task that is under way has no counterpart.
    #[error("task `{task}` is under way and the new definition has no such task")]
    Missing {
        /// The task under its new address.
        task: Address,
    },
    /// A task that is under way would become something else.
    #[error("task `{task}` is under way and is another kind of task in the new definition")]
    Kind {
        /// The task under its new address.
        task: Address,
    },
    /// A task that is under way took its arguments from the old definition, where they were literal, and the new one
    /// has none to take.
    #[error("task `{task}` is under way and its arguments are not literal any more in the new definition")]
    Arguments {
        /// The task under its new address.
        task: Address,
    },
    /// A scope that is under way has inputs of its own in the new definition only: nothing evaluates them any more.
    #[error("task `{task}` is under way and has inputs of its own only in the new definition")]
    Inputs {
        /// The task under its new address.
        task: Address,
    },
    /// The map of names brings two tasks together where only one can be.
    #[error("two tasks would come together as `{task}`")]
    Clash {
        /// The address of both.
        task: Address,
    },
}

impl Run {
    /// Moves the run to another definition; `map` renames tasks (old address, new address) before they are looked up.
    pub(super) fn rebase(
        &mut self,
        definition: Arc<Definition>,
        hash: DefinitionHash,
        map: &[(Address, Address)],
    ) -> Result<(), RebaseError> {
        let mut facts = self.facts();
        // What has not begun follows the new definition, its dates and calendars too.
        facts.activations.retain(|fact| fact.phase != Phase::Postponed);
        let mut children: BTreeMap<String, String> = BTreeMap::new();
        for fact in &mut facts.activations {
            let address = moved(&fact.address, map);
            // Visits of two children may differ in their numbers because others were folded.
            if let (Some(old), Some(new)) = (child_of_visit(&fact.address), child_of_visit(&address))
                && children.insert(new.to_owned(), old.to_owned()).is_some_and(|other| other != old)
            {
                return Err(RebaseError::Clash { task: address });
            }
            fact.address = address;
        }
        for (from, to, ..) in &mut facts.lags {
            (*from, *to) = (moved(from, map), moved(to, map));
        }
        // A task that moved into another scope may stand before it.
        facts.activations.sort_by_key(|fact| level(&fact.address));
        let mut addresses: Vec<&Address> = facts.activations.iter().map(|fact| &fact.address).collect();
        addresses.sort_unstable();
        if let Some(pair) = addresses.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(RebaseError::Clash { task: pair[0].clone() });
        }
        let run = Self::restore(&facts, definition, hash)?;
        check_arguments(&run)?;
        check_inputs(&run)?;
        // The turn goes on as it was.
        *self = Self { left: self.left, turn_items: self.turn_items, waiting_max: self.waiting_max, ..run };
        Ok(())
    }
}

/// Refuses a move after which an attempt would be given arguments that nothing evaluates.
fn check_arguments(moved: &Run) -> Result<(), RebaseError> {
    for (id, leaf) in moved.leaves() {
        let is_literal = match &moved.node(id).body {
            Body::Task(task) => task.arguments.as_literal().is_some(),
            Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_) => true,
        };
        if leaf.input.is_none() && !is_literal {
            return Err(RebaseError::Arguments { task: moved.address(id) });
        }
    }
    Ok(())
}

/// Refuses a move into a scope whose inputs nothing evaluates.
fn check_inputs(moved: &Run) -> Result<(), RebaseError> {
    for id in (0..).map(ActivationId).take(moved.arena.len()) {
        let scope = moved.at(id);
        let is_entered = matches!(scope.work, Work::Flow(_) | Work::Graph(_)) && !scope.status.is_terminal();
        if is_entered && moved.is_bound(id) && scope.inputs().is_none() {
            return Err(RebaseError::Inputs { task: moved.address(id) });
        }
    }
    Ok(())
}

/// Returns the address of what is at `address` without the number of its visit; nothing for an item, which has none.
fn child_of_visit(address: &Address) -> Option<&str> {
    let text = address.as_str();
    let start = text.rfind('/').map_or(0, |at| at + 1);
    let last = &text[start..];
    (!last.contains('[')).then(|| &text[..start + last.find('#').unwrap_or(last.len())])
}

/// Returns how many scopes and `for_each` are around what is at `address`.
fn level(address: &Address) -> usize {
    address.as_str().bytes().filter(|byte| matches!(byte, b'/' | b'[')).count()
}

/// Returns `address` after the renaming of the longest of its beginnings that `map` knows.
fn moved(address: &Address, map: &[(Address, Address)]) -> Address {
    let text = address.as_str();
    let fits = |old: &Address| {
        text.strip_prefix(old.as_str())
            .filter(|rest| rest.is_empty() || rest.starts_with(['/', '[', '#', '~']))
    };
    let best = map.iter().filter_map(|(old, new)| Some((old, new, fits(old)?)));
    match best.max_by_key(|(old, _, _)| old.as_str().len()) {
        Some((_, new, rest)) => Address::parse(&format!("{new}{rest}")).unwrap_or_else(|_| address.clone()),
        None => address.clone(),
    }
}
