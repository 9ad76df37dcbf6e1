//! Reads the tasks of a project, which all know each other's names.

use std::collections::BTreeMap;

use myrmex_model::ir::AwaitKind;
use myrmex_model::name::Name;
use myrmex_model::planning::{Deliverable, Item, Planning, Project as Facts};

use super::keys::project as keys;
use super::project::{done, instant};
use super::task::Around;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Await, Data, Declared, Mentioned, Need, Spot, Task, Verb};
use crate::tree::{Entry, Node, Place};

/// The items of a project that were read so far.
#[derive(Default)]
pub(super) struct Items {
    pub(super) tasks: Vec<Task>,
    /// The names of the gates.
    pub(super) gates: Vec<String>,
    /// All names, with their places.
    taken: BTreeMap<String, Place>,
}

/// What stands around a task.
pub(super) struct Home {
    pub(super) phase: Option<Name>,
    pub(super) summary: Option<Name>,
    /// What all tasks in it need.
    pub(super) needs: Vec<Need>,
}

/// A phase whose tasks were read.
pub(super) struct PhaseDraft {
    pub(super) name: Spot<String>,
    pub(super) place: Place,
    pub(super) planning: Planning,
    pub(super) max_parallel: Option<u32>,
    pub(super) capacity: Option<u32>,
    pub(super) exit: Option<Spot<String>>,
    /// Its tasks, those of summaries included.
    pub(super) members: Vec<String>,
}

impl Reader<'_> {
    /// Notes the name of an item; reports it and returns false if another bears it.
    pub(super) fn take_name(&mut self, name: &Spot<String>, items: &mut Items) -> bool {
        let Some(before) = items.taken.get(&name.value) else {
            items.taken.insert(name.value.clone(), name.place);
            return true;
        };
        let message = format!("two items of the project are called `{}`", name.value);
        let diagnostic = self.report.error(codes::NAME_TAKEN, name.place, message);
        let diagnostic = diagnostic.with_related(self.report.span(*before), "the other one");
        let hint = "phases, tasks, milestones and gates share one set of names";
        self.report.push(diagnostic.with_hint(hint));
        false
    }

    /// Reads `tasks` of a phase or of a summary.
    pub(super) fn project_tasks(&mut self, entry: &Entry, home: &Home, items: &mut Items) {
        let Some(map) = self.map("`tasks`", &entry.value) else { return };
        if map.entries.is_empty() {
            self.report.refuse(codes::SCOPE_EMPTY, entry.key.place, "`tasks` holds no task");
        }
        for Entry { key, value } in &map.entries {
            let spot = Spot { value: key.text.clone(), place: key.place };
            if !self.take_name(&spot, items) {
                continue;
            }
            let is_summary = value.as_map().is_some_and(|map| map.entry("tasks").is_some());
            if is_summary {
                self.summary(&spot, value, home, items);
                continue;
            }
            let Some(mut task) = self.task(spot, value, Around::Project) else { continue };
            task.needs.extend(home.needs.iter().cloned());
            if let Some(planning) = &mut task.planning {
                (planning.phase, planning.summary) = (home.phase.clone(), home.summary.clone());
            }
            items.tasks.push(task);
        }
    }

    /// Reads a task whose body is `tasks`. It opens no scope: its tasks stand beside all others.
    fn summary(&mut self, name: &Spot<String>, node: &Node, home: &Home, items: &mut Items) {
        let spot = self.name("a task", &name.value, name.place);
        let Some(map) = node.as_map() else { return };
        let fields = self.fields(map, &keys::SUMMARY);
        let mut planning = Planning { item: Item::Summary, ..self.described(&fields) };
        (planning.phase, planning.summary) = (home.phase.clone(), home.summary.clone());
        let mut needs = fields.get("needs").map(|entry| self.links(&entry.value)).unwrap_or_default();
        needs.extend(home.needs.iter().cloned());
        let inside = Home { phase: home.phase.clone(), summary: Name::new(&spot.value).ok(), needs };
        let first = items.tasks.len();
        if let Some(entry) = fields.map.entry("tasks") {
            self.project_tasks(entry, &inside, items);
        }
        let is_own = |task: &&Task| {
            task.planning.as_ref().is_none_or(|own| own.summary == inside.summary && own.item != Item::Phase)
        };
        let own = items.tasks[first..].iter().filter(is_own);
        let at = spot.place;
        let ends = own.map(|task| Need::plain(Spot { value: task.name.value.clone(), place: at }, done()));
        let ends = ends.collect();
        items.tasks.push(instant(spot, node.place, planning, ends));
    }

    /// Reads the deliverables. One that is accepted brings an approval, after the task that makes it and in its phase.
    pub(super) fn deliverables(
        &mut self,
        fields: &Fields<'_>,
        (facts, declared): (&mut Facts, &mut Declared),
        mut phases: Vec<PhaseDraft>,
        items: &mut Items,
    ) -> Vec<PhaseDraft> {
        let map = fields.get("deliverables").and_then(|entry| self.map("`deliverables`", &entry.value));
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a deliverable", &key.text, key.place);
            declared.add(Mentioned::Deliverable, &spot);
            let Some(map) = self.map(&format!("the deliverable `{}`", spot.value), value) else { continue };
            let fields = self.fields(map, &keys::DELIVERABLE);
            if let Some(entry) = fields.get("description") {
                self.remark("description", &entry.value);
            }
            let path = fields.get("path").and_then(|entry| self.fixed_text("`path`", &entry.value));
            let path = path.map(str::to_owned);
            let accountable =
                fields.get("accountable").and_then(|entry| self.party("`accountable`", &entry.value));
            let acceptance =
                fields.get("accept").and_then(|entry| self.acceptance(&spot, entry, &mut phases, items));
            if let Ok(name) = Name::new(&spot.value) {
                facts.deliverables.push(Deliverable { name, path, accountable, acceptance });
            }
        }
        phases
    }

    /// Makes the approval of a deliverable, and returns its name.
    fn acceptance(
        &mut self,
        deliverable: &Spot<String>,
        entry: &Entry,
        phases: &mut [PhaseDraft],
        items: &mut Items,
    ) -> Option<Name> {
        let map = self.map("`accept`", &entry.value)?;
        let fields = self.fields(map, &keys::ACCEPT);
        let ask = Some(Data::text(format!("Is `{}` accepted?", deliverable.value)));
        let mut own = Await { kind: AwaitKind::Approval, ask, ..Await::default() };
        self.asked_of(&mut own, &fields);
        let estimate = fields.get("estimate").and_then(|entry| self.estimate(&entry.value));
        let makes_it = |task: &&Task| {
            let made = task.planning.as_ref().and_then(|planning| planning.deliverable.as_ref());
            made.is_some_and(|made| made.as_str() == deliverable.value)
        };
        let makers: Vec<&Task> = items.tasks.iter().filter(makes_it).collect();
        let Some(maker) = makers.last() else {
            let message =
                format!("no task makes the deliverable `{}`, so nothing can be accepted", deliverable.value);
            let hint = format!("say `deliverable: {}` at the task that makes it", deliverable.value);
            self.report.refuse_hint(codes::DELIVERABLE_UNMADE, entry.key.place, message, hint);
            return None;
        };
        let phase = maker.planning.as_ref().and_then(|planning| planning.phase.clone());
        let at = entry.key.place;
        let need = |task: &&Task| Need::plain(Spot { value: task.name.value.clone(), place: at }, done());
        let needs = makers.iter().map(need).collect();
        let name = Spot { value: format!("accept-{}", deliverable.value), place: deliverable.place };
        if !self.take_name(&name, items) {
            return None;
        }
        let name = self.name("an approval", &name.value, name.place);
        let own_phase = phases
            .iter_mut()
            .find(|draft| Some(draft.name.value.as_str()) == phase.as_ref().map(Name::as_str));
        if let Some(draft) = own_phase {
            draft.members.push(name.value.clone());
        }
        let acceptance = Name::new(&name.value).ok();
        let planning = Planning { item: Item::Acceptance, phase, estimate, ..Planning::default() };
        let mut task = Task::named(name, entry.value.place);
        task.verb = Some(Verb::Await(Box::new(own)));
        (task.needs, task.planning) = (needs, Some(Box::new(planning)));
        items.tasks.push(task);
        acceptance
    }
}
