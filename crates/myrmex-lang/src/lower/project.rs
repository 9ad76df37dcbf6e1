//! Lowers what only projects have: what people are asked, and the facts of the whole with the resources that it names.

use std::collections::BTreeSet;

use myrmex_model::ir::{CheckItem, Gate};
use myrmex_model::name::Name;
use myrmex_model::planning::{Project, Resources};

use super::Lowering;
use crate::outline::{self, Mentioned, Workflow};

/// Lowers what people decide by; nothing if a name in it is none.
pub(super) fn lower_gate(gate: &outline::Gate) -> Option<Gate> {
    let criterion = |(name, condition): &(outline::Spot<String>, outline::Condition)| {
        Some((Name::new(&name.value).ok()?, condition.expr.clone()))
    };
    let check = |item: &outline::CheckItem| {
        let (ask, needs_evidence) = (item.ask.template.clone(), item.needs_evidence);
        Some(CheckItem { name: Name::new(&item.name.value).ok()?, ask, needs_evidence })
    };
    Some(Gate {
        criteria: gate.criteria.iter().map(criterion).collect::<Option<_>>()?,
        checklist: gate.checklist.iter().map(check).collect::<Option<_>>()?,
        decisions: gate.decisions.clone(),
    })
}

impl Lowering<'_> {
    /// Returns what a plan reads of a project as a whole, with the resources that it names; nothing of a workflow.
    pub(super) fn project(&self, workflow: &Workflow) -> Option<Box<Project>> {
        let own = workflow.project.as_ref()?;
        let mut facts = own.facts.clone();
        let all = self.others.resources;
        let mut named = Named::default();
        for mention in &own.mentions {
            named.note(mention.what, &mention.name.value);
        }
        for pools in self.nodes.iter().filter_map(|node| node.policy.asks.as_ref()).map(|asks| &asks.pools) {
            for pool in pools.keys() {
                named.note(Mentioned::Pool, pool.as_str());
            }
        }
        facts.resources = all.map(|all| named.reached(&all.facts)).unwrap_or_default();
        let resource_prices = all.map_or(&[][..], |all| &all.prices);
        facts.currency =
            workflow.prices.iter().chain(resource_prices).map(|price| price.value.currency).next();
        Some(Box::new(facts))
    }
}

/// The names of people and things that a project reaches.
#[derive(Default)]
struct Named(BTreeSet<(u8, String)>);

impl Named {
    fn note(&mut self, what: Mentioned, name: &str) {
        self.0.insert((what as u8, name.to_owned()));
    }

    fn has(&self, what: Mentioned, name: &Name) -> bool {
        self.0.contains(&(what as u8, name.as_str().to_owned()))
    }

    /// Returns those of `all` that are named, and what these name: roles and groups their people, everything its calendar.
    fn reached(mut self, all: &Resources) -> Resources {
        let roles: Vec<_> =
            all.roles.iter().filter(|role| self.has(Mentioned::Role, &role.name)).cloned().collect();
        let groups: Vec<_> =
            all.groups.iter().filter(|group| self.has(Mentioned::Group, &group.name)).cloned().collect();
        let members =
            roles.iter().flat_map(|role| &role.members).chain(groups.iter().flat_map(|group| &group.members));
        members.for_each(|person| self.note(Mentioned::Person, person.as_str()));
        let people: Vec<_> =
            all.people.iter().filter(|person| self.has(Mentioned::Person, &person.name)).cloned().collect();
        let pools: Vec<_> =
            all.pools.iter().filter(|pool| self.has(Mentioned::Pool, &pool.name)).cloned().collect();
        let calendars = people.iter().filter_map(|person| person.calendar.as_ref());
        let calendars = calendars.chain(roles.iter().filter_map(|role| role.calendar.as_ref()));
        let calendars = calendars.chain(pools.iter().filter_map(|pool| pool.calendar.as_ref()));
        calendars.for_each(|calendar| self.note(Mentioned::Calendar, calendar.as_str()));
        let is_named =
            |calendar: &&myrmex_model::planning::Calendar| self.has(Mentioned::Calendar, &calendar.name);
        let calendars = all.calendars.iter().filter(is_named).cloned().collect();
        let budgets = all.budgets.iter().filter(|(name, _)| self.has(Mentioned::Budget, name));
        let budgets = budgets.map(|(name, amount)| (name.clone(), *amount)).collect();
        Resources { calendars, people, roles, groups, pools, budgets }
    }
}
