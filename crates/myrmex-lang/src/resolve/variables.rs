//! Which flow the variables belong to that a `set` writes, and who sees them.
//!
//! Flows in each other share those of the outermost one. A `tasks:` block and an item of a `for_each` work on a copy: what
//! is written in a flow inside them is seen there only.

use myrmex_expr::Step;
use myrmex_model::OrderedMap;

use super::Resolver;
use crate::codes;
use crate::outline::{Data, Read, Scope, ScopeId, ScopeKind};

/// Stands for the flow around an action.
pub(super) const ACTION: ScopeId = ScopeId(usize::MAX);

/// The variables that the `set` tasks of a file write.
#[derive(Default)]
pub(super) struct Variables<'o> {
    /// What is written, by the flow that it belongs to.
    written: OrderedMap<ScopeId, Written<'o>>,
    /// The flow to which the variables belong that are written in a flow.
    owners: OrderedMap<ScopeId, ScopeId>,
}

#[derive(Default)]
struct Written<'o> {
    names: OrderedMap<&'o str, ()>,
    /// Whether some `set` writes a map whose keys are not known before the run.
    is_open: bool,
}

impl<'o> Variables<'o> {
    /// Returns whose variables a `set` in `scope` writes, which stands where those of `outer` are written; none if it writes
    /// none.
    pub(super) fn enter(&mut self, scope: &Scope, outer: Option<ScopeId>) -> Option<ScopeId> {
        match scope.kind {
            ScopeKind::Graph => None,
            ScopeKind::Flow => {
                let owner = outer.unwrap_or(scope.id);
                self.owners.insert(scope.id, owner);
                Some(owner)
            }
        }
    }

    /// Notes what a `set` gives.
    pub(super) fn write(&mut self, owner: Option<ScopeId>, data: &'o Data) {
        let Some(owner) = owner else { return };
        let written = self.written.entry(owner).or_default();
        match data.field_names() {
            Some(names) => written.names.extend(names.into_iter().map(|name| (name, ()))),
            None => written.is_open = true,
        }
    }

    /// Returns whether some flow writes `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.written.values().any(|written| written.names.contains_key(name))
    }

    fn is_seen(&self, name: &str, flow: ScopeId) -> bool {
        let owner = self.owners.get(&flow).copied().unwrap_or(flow);
        let written = self.written.get(&owner);
        written.is_some_and(|written| written.is_open || written.names.contains_key(name))
    }
}

impl<'o> Resolver<'o, '_> {
    /// Looks up a variable.
    pub(super) fn read_variable(&mut self, read: &'o Read) {
        let Some(Step::Field(name)) = read.steps.first() else { return };
        let mut flows = self.frames.iter().map(|frame| frame.scope.id).chain([ACTION]);
        if flows.any(|flow| self.variables.is_seen(name, flow)) {
            return;
        }
        if self.variables.has(name) {
            let message = format!(
                "`vars.{name}` is not seen here: a `tasks:` block and an item of `for_each` write a copy"
            );
            let hint = "give the value out by the `outputs` of the block";
            self.report.refuse_hint(codes::FIELD_UNKNOWN, read.place, message, hint);
            return;
        }
        let message = format!("no `set` in a `do:` list writes `vars.{name}`");
        let words = self.variables.written.values().flat_map(|written| written.names.keys().copied());
        self.report.refuse_word(codes::FIELD_UNKNOWN, read.place, message, (name, words));
    }
}
