//! Reads a `project:` file. It becomes one flat graph, as a workflow is one: phases, summaries and milestones are tasks that
//! take no time, gates are tasks of people, and what stands inside a phase or a summary needs what that needs.

use myrmex_model::name::Name;
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::{
    Defaults, Direction, Finances, Item, Millionths, Period, Phase, Planning, Project as Facts, Tolerances,
};

use super::keys::project as keys;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{
    Bounds, Data, Declared, Mentioned, Need, Project, Scope, ScopeKind, Spot, Task, Verb, Workflow,
};
use crate::tree::{Entry, Map, Node};

use super::items::{Items, PhaseDraft};

const DIRECTIONS: [(&str, Direction); 2] = [("asap", Direction::Early), ("alap", Direction::Late)];

const PERIODS: [(&str, Period); 3] = [("day", Period::Day), ("week", Period::Week), ("month", Period::Month)];

/// Returns the words of `direction`.
pub(super) fn direction_words() -> Vec<&'static str> {
    DIRECTIONS.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `period`.
pub(super) fn period_words() -> Vec<&'static str> {
    PERIODS.iter().map(|(word, _)| *word).collect()
}

pub(super) use super::risks::{risk_kind_words, risk_status_words};

impl Reader<'_> {
    /// Reads a project as the workflow that it is, with what only a plan reads of it.
    pub(super) fn project(&mut self, root: &Node, map: &Map) -> Workflow {
        self.is_project = true;
        let fields = self.fields(map, &keys::PROJECT);
        let name = fields.get("project").and_then(|entry| {
            let text = self.fixed_text("`project`", &entry.value)?;
            Some(self.name("a project", text, entry.value.place))
        });
        let described = self.described(&fields);
        let mut declared = Declared::default();
        let mut facts = Facts { title: described.title, owner: described.owner, ..Facts::default() };
        if let Some(entry) = fields.get("plan") {
            self.plan(&entry.value, &mut facts, &mut declared);
        }
        facts.tolerances =
            fields.get("tolerances").map(|entry| self.tolerances(&entry.value)).unwrap_or_default();
        facts.finances =
            fields.get("budget").map(|entry| self.finances(&entry.value, &mut declared)).unwrap_or_default();
        let mut items = Items::default();
        let id = self.scope_id();
        let phases = self.phases(&fields, root, &mut items);
        self.milestones(&fields, &mut items);
        let phases = self.deliverables(&fields, (&mut facts, &mut declared), phases, &mut items);
        self.gates(&fields, &phases, &mut items);
        self.close_phases(phases, &mut facts, &mut items);
        facts.risks = fields.get("risks").map(|entry| self.risks(&entry.value)).unwrap_or_default();
        let key = fields.map.entry("phases").map_or(root.place, |entry| entry.key.place);
        let (kind, bounds, rounds) = (ScopeKind::Graph, Bounds::default(), None);
        let body = Scope { id, kind, key, tasks: items.tasks, bounds, rounds };
        let mut workflow =
            Workflow::of(name.unwrap_or(Spot { value: String::new(), place: root.place }), body);
        workflow.place = root.place;
        workflow.prices = std::mem::take(&mut self.prices);
        let mentions = std::mem::take(&mut self.mentions);
        let crews = std::mem::take(&mut self.crews);
        workflow.project = Some(Box::new(Project { facts, declared, mentions, crews }));
        workflow
    }

    fn plan(&mut self, node: &Node, facts: &mut Facts, declared: &mut Declared) {
        let Some(map) = self.map("`plan`", node) else { return };
        let fields = self.fields(map, &keys::PLAN);
        facts.start = fields.get("start").and_then(|entry| self.date("`start`", &entry.value));
        facts.deadline = fields.get("deadline").and_then(|entry| self.date("`deadline`", &entry.value));
        self.dates_in_order(&fields, ("start", facts.start), ("deadline", facts.deadline));
        let calendar = fields.get("calendar");
        facts.calendar =
            calendar.and_then(|entry| self.mention_in(Mentioned::Calendar, "`calendar`", &entry.value));
        let direction = fields.get("direction");
        let direction = direction.and_then(|entry| self.word("`direction`", &entry.value, &DIRECTIONS));
        let period = fields.get("period").and_then(|entry| self.word("`period`", &entry.value, &PERIODS));
        (facts.direction, facts.period) = (direction.unwrap_or_default(), period.unwrap_or_default());
        facts.near = fields.get("near").and_then(|entry| self.extent("`near`", &entry.value));
        facts.defaults =
            fields.get("defaults").map(|entry| self.plan_defaults(&entry.value)).unwrap_or_default();
        let Some(entry) = fields.get("correlation") else { return };
        let groups = self.map("`correlation`", &entry.value);
        for Entry { key, value } in groups.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a group of durations", &key.text, key.place);
            let part = self.fraction(&format!("`{}`", key.text), value);
            declared.add(Mentioned::Correlation, &spot);
            if let (Ok(name), Some(part)) = (Name::new(&spot.value), part) {
                facts.correlations.insert(name, part);
            }
        }
    }

    fn plan_defaults(&mut self, node: &Node) -> Defaults {
        let Some(map) = self.map("`defaults`", node) else { return Defaults::default() };
        let fields = self.fields(map, &keys::PLAN_DEFAULTS);
        let mut extent =
            |key: &str| fields.get(key).and_then(|entry| self.extent(&format!("`{key}`"), &entry.value));
        Defaults { manual: extent("manual"), approval: extent("approval"), automated: extent("automated") }
    }

    fn tolerances(&mut self, node: &Node) -> Tolerances {
        let Some(map) = self.map("`tolerances`", node) else { return Tolerances::default() };
        let fields = self.fields(map, &keys::TOLERANCES);
        let mut percent =
            |key: &str| fields.get(key).and_then(|entry| self.percent(&format!("`{key}`"), &entry.value));
        let (time, cost) = (percent("time"), percent("cost"));
        let p_deadline = fields.get("p_deadline");
        let p_deadline = p_deadline.and_then(|entry| self.fraction("`p_deadline`", &entry.value));
        Tolerances { time, cost, p_deadline }
    }

    fn finances(&mut self, node: &Node, declared: &mut Declared) -> Finances {
        let Some(map) = self.map("`budget`", node) else { return Finances::default() };
        let fields = self.fields(map, &keys::BUDGET);
        let limit = fields.get("limit").and_then(|entry| self.price("`limit`", &entry.value));
        let contingency = fields.get("contingency").and_then(|entry| self.quantile(&entry.value));
        let reserve = fields.get("management_reserve");
        let management_reserve = reserve.and_then(|entry| self.percent("`management_reserve`", &entry.value));
        let mut accounts = Vec::new();
        let map = fields.get("accounts").and_then(|entry| self.map("`accounts`", &entry.value));
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("an account", &key.text, key.place);
            declared.add(Mentioned::Account, &spot);
            if let Some(map) = self.map(&format!("the account `{}`", key.text), value) {
                self.fields(map, &keys::ACCOUNT);
            }
            accounts.extend(Name::new(&spot.value));
        }
        Finances { limit, contingency, management_reserve, accounts }
    }

    /// Reads a quantile such as `p80`.
    fn quantile(&mut self, node: &Node) -> Option<Millionths> {
        let text = self.scalar_text("`contingency`", "a quantile such as `p80`", node)?;
        let percent = text.strip_prefix('p').and_then(|number| number.parse::<u32>().ok());
        let percent = percent.filter(|percent| (1..100).contains(percent));
        if percent.is_none() {
            let message = format!("`contingency` is a quantile from `p1` to `p99`, not `{text}`");
            self.report.refuse_hint(codes::NUMBER_BOUND, node.place, message, "write `p80`");
        }
        percent.map(|percent| Millionths(percent * 10_000))
    }

    /// Reads the phases with their tasks.
    fn phases(&mut self, fields: &Fields<'_>, root: &Node, items: &mut Items) -> Vec<PhaseDraft> {
        let Some(entry) = fields.map.entry("phases") else {
            let place = fields.map.entries.first().map_or(root.place, |entry| entry.key.place);
            let hint = "add `phases: {delivery: {tasks: {…}}}`";
            self.report.refuse_hint(codes::KEY_MISSING, place, "the project has no `phases`", hint);
            return Vec::new();
        };
        let map = self.map("`phases`", &entry.value);
        let mut drafts: Vec<PhaseDraft> = Vec::new();
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a phase", &key.text, key.place);
            if !self.take_name(&spot, items) {
                continue;
            }
            let before = drafts.last().map(|draft| draft.name.value.clone());
            drafts.extend(self.phase(spot, value, before, items));
        }
        if map.is_some_and(|map| map.entries.is_empty()) {
            self.report.refuse(codes::SCOPE_EMPTY, entry.key.place, "`phases` holds no phase");
        }
        drafts
    }

    fn phase(
        &mut self,
        name: Spot<String>,
        node: &Node,
        before: Option<String>,
        items: &mut Items,
    ) -> Option<PhaseDraft> {
        let map = self.map(&format!("the phase `{}`", name.value), node)?;
        let fields = self.fields(map, &keys::PHASE);
        let planning = Planning { item: Item::Phase, ..self.described(&fields) };
        let place = name.place;
        let needs = if let Some(entry) = fields.get("needs") {
            self.links(&entry.value)
        } else {
            let need = |before| Need::plain(Spot { value: before, place }, OutcomeSet::SUCCEEDED);
            before.map(need).into_iter().collect()
        };
        let max_parallel = fields.get("max_parallel");
        let max_parallel = max_parallel.and_then(|entry| self.count("`max_parallel`", &entry.value));
        let capacity = fields.get("capacity").and_then(|entry| self.count("`capacity`", &entry.value));
        let exit = fields.get("exit").and_then(|entry| {
            let text = self.fixed_text("`exit`", &entry.value)?;
            Some(self.name("a gate", text, entry.value.place))
        });
        let first = items.tasks.len();
        let home = super::items::Home { phase: Name::new(&name.value).ok(), summary: None, needs };
        if let Some(entry) = fields.map.entry("tasks") {
            self.project_tasks(entry, &home, items);
        } else {
            let message = format!("the phase `{}` has no `tasks`", name.value);
            self.report.refuse(codes::KEY_MISSING, name.place, message);
        }
        let is_member = |task: &&Task| task.planning.as_ref().is_none_or(|own| own.item != Item::Summary);
        let members = items.tasks[first..].iter().filter(is_member);
        let members = members.map(|task| task.name.value.clone()).collect();
        Some(PhaseDraft { name, place: node.place, planning, max_parallel, capacity, exit, members })
    }

    /// Makes the tasks that stand for the ends of phases, and checks their exits.
    fn close_phases(&mut self, phases: Vec<PhaseDraft>, facts: &mut Facts, items: &mut Items) {
        for phase in phases {
            let PhaseDraft { name, place, planning, max_parallel, capacity, exit, members } = phase;
            let at = name.place;
            let exit = exit.filter(|exit| {
                let is_gate = items.gates.contains(&exit.value);
                if !is_gate {
                    let message = format!("there is no gate `{}`", exit.value);
                    let words = items.gates.iter().map(String::as_str);
                    self.report.refuse_word(codes::TASK_UNKNOWN, exit.place, message, (&exit.value, words));
                }
                is_gate
            });
            let needs = match &exit {
                Some(exit) => vec![Need::plain(exit.clone(), OutcomeSet::SUCCEEDED)],
                None => members
                    .into_iter()
                    .map(|name| Need::plain(Spot { value: name, place: at }, done()))
                    .collect(),
            };
            if let Ok(name) = Name::new(&name.value) {
                let exit = exit.and_then(|exit| Name::new(&exit.value).ok());
                facts.phases.push(Phase {
                    name,
                    title: planning.title.clone(),
                    exit,
                    max_parallel,
                    capacity,
                });
            }
            items.tasks.push(instant(name, place, planning, needs));
        }
    }

    fn milestones(&mut self, fields: &Fields<'_>, items: &mut Items) {
        let map = fields.get("milestones").and_then(|entry| self.map("`milestones`", &entry.value));
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a milestone", &key.text, key.place);
            if !self.take_name(&spot, items) {
                continue;
            }
            let Some(map) = self.map(&format!("the milestone `{}`", spot.value), value) else { continue };
            let fields = self.fields(map, &keys::MILESTONE);
            let planning = Planning { item: Item::Milestone, ..self.described(&fields) };
            let needs = fields.get("needs").map(|entry| self.links(&entry.value)).unwrap_or_default();
            items.tasks.push(instant(spot, value.place, planning, needs));
        }
    }

    /// Reads the gates. One that is the exit of a phase needs all tasks of the phase.
    fn gates(&mut self, fields: &Fields<'_>, phases: &[PhaseDraft], items: &mut Items) {
        let map = fields.get("gates").and_then(|entry| self.map("`gates`", &entry.value));
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a gate", &key.text, key.place);
            if !self.take_name(&spot, items) {
                continue;
            }
            items.gates.push(spot.value.clone());
            let Some(map) = self.map(&format!("the gate `{}`", spot.value), value) else { continue };
            let fields = self.fields(map, &keys::GATE);
            let mut planning = Planning { item: Item::Gate, ..self.described(&fields) };
            planning.estimate = fields.get("estimate").and_then(|entry| self.estimate(&entry.value));
            let mut needs = fields.get("needs").map(|entry| self.links(&entry.value)).unwrap_or_default();
            let is_exit =
                |phase: &&PhaseDraft| phase.exit.as_ref().is_some_and(|exit| exit.value == spot.value);
            let mut homes = phases.iter().filter(is_exit);
            for phase in homes.clone() {
                let at = phase.exit.as_ref().map_or(spot.place, |exit| exit.place);
                let members = phase.members.iter();
                needs
                    .extend(members.map(|name| Need::plain(Spot { value: name.clone(), place: at }, done())));
            }
            planning.phase = homes.next().and_then(|phase| Name::new(&phase.name.value).ok());
            let gate = self.gate(&spot, &fields);
            let mut task = Task::named(spot, value.place);
            task.verb = Some(Verb::Await(Box::new(gate)));
            (task.needs, task.planning) = (needs, Some(Box::new(planning)));
            items.tasks.push(task);
        }
    }
}

/// How a task of a phase ends that the phase may end with: a failure has to be decided about by people.
pub(super) fn done() -> OutcomeSet {
    OutcomeSet::of(&[Outcome::Succeeded, Outcome::Skipped])
}

/// Makes a task that takes no time.
pub(super) fn instant(
    name: Spot<String>,
    place: crate::tree::Place,
    planning: Planning,
    needs: Vec<Need>,
) -> Task {
    let mut task = Task::named(name, place);
    task.verb = Some(Verb::Set(Data::null()));
    (task.needs, task.planning) = (needs, Some(Box::new(planning)));
    task
}
