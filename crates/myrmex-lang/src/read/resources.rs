//! Reads a `resources:` file: the people and things of a workspace.

use std::collections::BTreeMap;

use myrmex_model::name::Name;
use myrmex_model::planning::{Group, Person, Pool, Price, Resources as Facts, Role, Units};
use myrmex_model::time::Length;

use super::keys::resources as keys;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Declared, Mentioned, Resources};
use crate::tree::{Entry, Map, Node};

/// The calendar that is always open. It is built in.
pub(crate) const ALWAYS: &str = "always";

/// A role as it was read, before it is known who says that they have it.
struct RoleDraft {
    role: Role,
    /// Whether its members are those who name it.
    is_auto: bool,
    /// Whether it says how many there will be.
    has_capacity: bool,
}

impl Reader<'_> {
    pub(super) fn workspace_resources(&mut self, root: &Map) -> Option<Resources> {
        let fields = self.fields(root, &keys::FILE);
        let entry = fields.get("resources")?;
        let map = self.map("`resources`", &entry.value)?;
        let fields = self.fields(map, &keys::RESOURCES);
        let mut declared = Declared::default();
        let calendars = self.each(&fields, (Mentioned::Calendar, "calendars"), &mut declared, Self::calendar);
        if let Some(place) = declared.place(Mentioned::Calendar, ALWAYS) {
            let message = format!("the calendar `{ALWAYS}` is built in");
            self.report.refuse_hint(codes::NAME_TAKEN, place, message, "give it another name");
        }
        let people = self.each(&fields, (Mentioned::Person, "people"), &mut declared, Self::person);
        let drafts = self.each(&fields, (Mentioned::Role, "roles"), &mut declared, Self::role);
        let groups = self.each(&fields, (Mentioned::Group, "groups"), &mut declared, Self::people_group);
        let pools = self.each(&fields, (Mentioned::Pool, "pools"), &mut declared, Self::pool);
        let budgets = self.each(&fields, (Mentioned::Budget, "budgets"), &mut declared, Self::budget);
        let roles = drafts.into_iter().map(|draft| self.staffed(draft, &people, &declared)).collect();
        let people = people.into_iter().map(|(person, _)| person).collect();
        let budgets = budgets.into_iter().collect();
        let facts = Facts { calendars, people, roles, groups, pools, budgets };
        let (mentions, prices) = (std::mem::take(&mut self.mentions), std::mem::take(&mut self.prices));
        Some(Resources { facts, declared, mentions, prices })
    }

    /// Reads each entry of the map under a key, and notes its name.
    fn each<T>(
        &mut self,
        fields: &Fields<'_>,
        (kind, key): (Mentioned, &str),
        declared: &mut Declared,
        mut read: impl FnMut(&mut Self, Name, &Node) -> Option<T>,
    ) -> Vec<T> {
        let Some(entry) = fields.get(key) else { return Vec::new() };
        let map = self.map(&format!("`{key}`"), &entry.value);
        let entries = map.map_or(&[][..], |map| &map.entries);
        let mut all = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            let spot = self.name(kind.indefinite(), &key.text, key.place);
            // What cannot be read still bears its name, so that what names it is not reported too.
            declared.add(kind, &spot);
            let Ok(name) = Name::new(&spot.value) else { continue };
            all.extend(read(self, name, value));
        }
        all
    }

    /// Reads the map of one thing; one of which nothing is said may be left empty.
    fn thing<'n>(&mut self, what: &str, node: &'n Node, keys: &super::keys::Keys) -> Option<Fields<'n>> {
        let map = self.map(what, node)?;
        Some(self.fields(map, keys))
    }

    /// Reads a person, and the roles that they say they have.
    fn person(&mut self, name: Name, node: &Node) -> Option<(Person, Vec<Name>)> {
        let fields = self.thing(&format!("the person `{name}`"), node, &keys::PERSON)?;
        for key in ["name", "email"] {
            if let Some(entry) = fields.get(key) {
                self.remark(key, &entry.value);
            }
        }
        let roles = fields.get("roles").map(|entry| self.name_list(Mentioned::Role, "`roles`", &entry.value));
        let skills =
            fields.get("skills").map(|entry| self.counted("a skill", &entry.value)).unwrap_or_default();
        let calendar = self.calendar_named(&fields);
        let units = fields.get("fte").map_or(Some(Units::WHOLE), |entry| self.fte(&entry.value));
        let rate = self.rate(&fields);
        let leave = fields.get("leave").map(|entry| self.leave(&entry.value)).unwrap_or_default();
        let day_limit = fields.get("limits").and_then(|entry| self.day_limit(&entry.value));
        let units = units?;
        let person = Person { name, calendar, units, skills, rate, leave, day_limit };
        Some((person, roles.unwrap_or_default()))
    }

    fn fte(&mut self, node: &Node) -> Option<Units> {
        let part = self.fraction("`fte`", node)?;
        let units = part.0 / (1_000_000 / Units::WHOLE.0);
        if units == 0 {
            let message = "`fte` must be at least 0.001: nobody is less";
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
            return None;
        }
        Some(Units(units))
    }

    fn leave(&mut self, node: &Node) -> Vec<(myrmex_model::planning::Day, myrmex_model::planning::Day)> {
        let Some(list) = self.list("`leave`", node) else { return Vec::new() };
        let read = |item: &std::sync::Arc<Node>| {
            let map = self.map("a `leave`", item)?;
            let fields = self.fields(map, &keys::LEAVE);
            self.days(&fields, item)
        };
        list.items.iter().filter_map(read).collect()
    }

    fn day_limit(&mut self, node: &Node) -> Option<Length> {
        let map = self.map("`limits`", node)?;
        let fields = self.fields(map, &keys::LIMITS);
        fields.get("day").and_then(|entry| self.limit("a limit", &entry.value))
    }

    /// Reads `rate`, of which only the hour is used.
    pub(super) fn rate(&mut self, fields: &Fields<'_>) -> Option<Price> {
        let entry = fields.get("rate")?;
        let map = self.map("`rate`", &entry.value)?;
        let fields = self.fields(map, &keys::RATE);
        fields.get("hour").and_then(|entry| self.price("`hour`", &entry.value))
    }

    fn calendar_named(&mut self, fields: &Fields<'_>) -> Option<Name> {
        fields
            .get("calendar")
            .and_then(|entry| self.mention_in(Mentioned::Calendar, "`calendar`", &entry.value))
    }

    fn role(&mut self, name: Name, node: &Node) -> Option<RoleDraft> {
        let fields = self.thing(&format!("the role `{name}`"), node, &keys::ROLE)?;
        let mut is_auto = true;
        let mut members = Vec::new();
        if let Some(entry) = fields.get("members") {
            is_auto = entry.value.as_scalar().is_some_and(|scalar| scalar.text == "auto");
            if !is_auto {
                members = self.name_list(Mentioned::Person, "`members`", &entry.value);
            }
        }
        let capacity = fields.get("capacity").and_then(|entry| self.count("`capacity`", &entry.value));
        let calendar = self.calendar_named(&fields);
        let rate = self.rate(&fields);
        let placeholders = capacity.unwrap_or(0);
        let has_capacity = fields.has("capacity");
        Some(RoleDraft { role: Role { name, members, placeholders, calendar, rate }, is_auto, has_capacity })
    }

    /// Gives a role those who say that they have it; who stands in for nobody does so only while there is nobody.
    fn staffed(&mut self, draft: RoleDraft, people: &[(Person, Vec<Name>)], declared: &Declared) -> Role {
        let RoleDraft { mut role, is_auto, has_capacity } = draft;
        if is_auto {
            let has_it = |(_, roles): &&(Person, Vec<Name>)| roles.contains(&role.name);
            role.members = people.iter().filter(has_it).map(|(person, _)| person.name.clone()).collect();
        }
        if !role.members.is_empty() {
            role.placeholders = 0;
        } else if !has_capacity && let Some(place) = declared.place(Mentioned::Role, role.name.as_str()) {
            let message = format!("nobody has the role `{}`", role.name);
            let hint = "name it in `roles` of a person, or say how many there will be with `capacity`";
            self.report.push(self.report.warning(codes::ROLE_EMPTY, place, message).with_hint(hint));
        }
        role
    }

    fn people_group(&mut self, name: Name, node: &Node) -> Option<Group> {
        node.as_list().or_else(|| self.list(&format!("the group `{name}`"), node))?;
        let members = self.name_list(Mentioned::Person, "a group", node);
        Some(Group { name, members })
    }

    fn pool(&mut self, name: Name, node: &Node) -> Option<Pool> {
        let fields = self.thing(&format!("the pool `{name}`"), node, &keys::POOL)?;
        let calendar = self.calendar_named(&fields);
        let rate = self.rate(&fields);
        let capacity = self.needed_count(&fields, "capacity", &format!("the pool `{name}`"), node)?;
        Some(Pool { name, capacity, calendar, rate })
    }

    fn budget(&mut self, name: Name, node: &Node) -> Option<(Name, u32)> {
        let fields = self.thing(&format!("the budget `{name}`"), node, &keys::BUDGET)?;
        let amount = self.needed_count(&fields, "amount", &format!("the budget `{name}`"), node)?;
        Some((name, amount))
    }

    fn needed_count(&mut self, fields: &Fields<'_>, key: &str, owner: &str, node: &Node) -> Option<u32> {
        if !fields.has(key) {
            self.report.refuse(codes::KEY_MISSING, node.place, format!("{owner} needs `{key}`"));
        }
        fields.get(key).and_then(|entry| self.count(&format!("`{key}`"), &entry.value))
    }

    /// Reads one name or a list of names, and notes what they name.
    pub(super) fn name_list(&mut self, what: Mentioned, key: &str, node: &Node) -> Vec<Name> {
        let Some(list) = node.as_list() else {
            return self.mention_in(what, key, node).into_iter().collect();
        };
        list.items
            .iter()
            .filter_map(|item| self.mention_in(what, &format!("a name in {key}"), item))
            .collect()
    }

    /// Reads a map from names to counts of at least one.
    pub(super) fn counted(&mut self, what: &str, node: &Node) -> BTreeMap<Name, u32> {
        let map = self.map(what, node);
        let mut all = BTreeMap::new();
        for entry in map.map_or(&[][..], |map| &map.entries) {
            let name = self.name(what, &entry.key.text, entry.key.place);
            let count = self.count(&format!("`{}`", entry.key.text), &entry.value);
            if let (Ok(name), Some(count)) = (Name::new(&name.value), count) {
                all.insert(name, count);
            }
        }
        all
    }

    /// Reads a map from names of `kind` to counts of at least one, and notes what they name.
    pub(super) fn counted_of(&mut self, kind: Mentioned, what: &str, node: &Node) -> BTreeMap<Name, u32> {
        let map = self.map(what, node);
        let mut all = BTreeMap::new();
        for entry in map.map_or(&[][..], |map| &map.entries) {
            let name = self.mentioned(kind, &entry.key.text, entry.key.place);
            let count = self.count(&format!("`{}`", entry.key.text), &entry.value);
            all.extend(name.zip(count));
        }
        all
    }
}
