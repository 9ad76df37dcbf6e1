//! Reads what only tasks of projects have: links with lags, people, windows, ways to earn.

use myrmex_model::ir::Holds;
use myrmex_model::name::Name;
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::{
    Ask, Date, Earn, Millionths, Mode, Planning, Raci, Span, Split, Step, Units, Window,
};

use super::keys::project as keys;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Mentioned, Need, Spot, Task};
use crate::tree::{Entry, Meaning, Node};

const SPLITS: [(&str, Split); 3] = [("closed", Split::Closed), ("any", Split::Any), ("never", Split::Never)];

/// Whether a link asks for the start of what is before, and which end it holds back.
const LINKS: [(&str, (bool, Holds)); 4] = [
    ("FS", (false, Holds::Begin)),
    ("SS", (true, Holds::Begin)),
    ("FF", (false, Holds::End)),
    ("SF", (true, Holds::End)),
];

const EARNS: [(&str, Earn); 4] =
    [("0/100", Earn::AtEnd), ("50/50", Earn::Halves), ("percent", Earn::Percent), ("effort", Earn::Effort)];

/// Returns the words of `split`.
pub(super) fn split_words() -> Vec<&'static str> {
    SPLITS.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `type` of a link.
pub(crate) fn link_words() -> Vec<&'static str> {
    LINKS.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `earn`.
pub(crate) fn earn_words() -> Vec<&'static str> {
    EARNS.iter().map(|(word, _)| *word).collect()
}

impl Reader<'_> {
    /// Reads what a plan reads of a task of a project.
    pub(super) fn work(&mut self, task: &mut Task, fields: &Fields<'_>) {
        let mut planning = self.described(fields);
        planning.estimate = self.task_estimate(fields);
        planning.crew = fields.get("roles").map(|entry| self.crew(&entry.value)).unwrap_or_default();
        let consumes = fields.get("consume");
        planning.consumes = consumes
            .map(|entry| self.counted_of(Mentioned::Budget, "`consume`", &entry.value))
            .unwrap_or_default();
        planning.modes = fields.get("modes").map(|entry| self.modes(&entry.value)).unwrap_or_default();
        let calendars = fields.get("calendar");
        planning.calendars = calendars
            .map(|entry| self.name_list(Mentioned::Calendar, "`calendar`", &entry.value))
            .unwrap_or_default();
        planning.split = fields.get("split").and_then(|entry| self.word("`split`", &entry.value, &SPLITS));
        let is_preemptible = fields.get("preemptible");
        planning.is_preemptible =
            is_preemptible.and_then(|entry| self.boolean("`preemptible`", &entry.value)).unwrap_or(false);
        planning.cost = fields.get("cost").and_then(|entry| self.cost(&entry.value));
        planning.earn = fields.get("earn").and_then(|entry| self.earn(&entry.value));
        planning.span = fields.get("span").and_then(|entry| self.span(&entry.value, task));
        planning.points = fields.get("points").and_then(|entry| self.count("`points`", &entry.value));
        planning.raci = fields.get("raci").map(|entry| self.raci(&entry.value)).unwrap_or_default();
        let deliverable = fields.get("deliverable");
        planning.deliverable = deliverable
            .and_then(|entry| self.mention_in(Mentioned::Deliverable, "`deliverable`", &entry.value));
        planning.was = fields.get("was").and_then(|entry| {
            let text = self.fixed_text("`was`", &entry.value)?;
            Name::new(&self.name("a task", text, entry.value.place).value).ok()
        });
        if planning.span.is_some() {
            self.misplaced(fields, "estimate", "the task lasts as long as its `span`");
            self.misplaced(fields, "modes", "the task lasts as long as its `span`");
        }
        task.planning = Some(Box::new(planning));
    }

    /// Reads what every item of a project may have.
    pub(super) fn described(&mut self, fields: &Fields<'_>) -> Planning {
        let title = fields.get("title").and_then(|entry| self.fixed_text("`title`", &entry.value));
        let title = title.map(str::to_owned);
        let owner = fields.get("owner").and_then(|entry| self.party("`owner`", &entry.value));
        if let Some(entry) = fields.get("description") {
            self.remark("description", &entry.value);
        }
        let window = fields.get("window").map(|entry| self.window(&entry.value)).unwrap_or_default();
        let due = fields.get("due").and_then(|entry| self.date("`due`", &entry.value));
        Planning { title, owner, window, due, ..Planning::default() }
    }

    /// Reads `needs` of an item of a project: a name, a list of names, or a map from names to links.
    pub(super) fn links(&mut self, node: &Node) -> Vec<Need> {
        let Some(map) = node.as_map() else { return self.needs(node) };
        let mut needs = Vec::with_capacity(map.entries.len());
        for Entry { key, value } in &map.entries {
            let name = Spot { value: key.text.clone(), place: key.place };
            let is_links = |list: &crate::tree::List| list.items.iter().any(|item| item.as_map().is_some());
            let several = value.as_list().filter(|list| is_links(list));
            let nodes: Vec<&Node> = several
                .map_or_else(|| vec![&**value], |list| list.items.iter().map(|item| &**item).collect());
            for node in nodes {
                let need = self.link(&name, node);
                self.add_link(&mut needs, need);
            }
        }
        needs
    }

    /// Adds a link, unless there is one between the same ends already.
    fn add_link(&mut self, needs: &mut Vec<Need>, need: Option<Need>) {
        let Some(need) = need else { return };
        let is_same = |own: &&Need| own.name.value == need.name.value && own.ends() == need.ends();
        if needs.iter().find(is_same).is_some() {
            let message = format!("`{}` is linked twice between the same ends", need.name.value);
            self.report.refuse(codes::LINK, need.place, message);
            return;
        }
        needs.push(need);
    }

    fn link(&mut self, name: &Spot<String>, node: &Node) -> Option<Need> {
        let Some(map) = node.as_map() else {
            let on = self.outcomes(node)?;
            return Some(Need::plain(name.clone(), on));
        };
        let fields = self.fields(map, &keys::LINK);
        let kind = fields.get("type").map(|entry| self.word("`type`", &entry.value, &LINKS));
        let lag =
            fields.get("lag").map(|entry| (self.signed_extent("`lag`", &entry.value), entry.value.place));
        let (asks_start, holds) = kind.unwrap_or(Some(LINKS[0].1))?;
        let on = if asks_start {
            self.misplaced(&fields, "on", "the link asks for a start and not for an outcome");
            OutcomeSet::of(&[Outcome::Started])
        } else {
            let on = fields.get("on").map(|entry| self.outcomes(&entry.value));
            on.unwrap_or(Some(OutcomeSet::SUCCEEDED))?
        };
        let lag = match lag {
            Some((value, place)) => Some(Spot { value: value?, place }),
            None => None,
        };
        Some(Need { name: name.clone(), on, holds, lag, place: node.place })
    }

    /// Reads `roles`: how many people of each.
    fn crew(&mut self, node: &Node) -> Vec<Ask> {
        let map = self.map("`roles`", node);
        let mut crew = Vec::new();
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let role = self.mentioned(Mentioned::Role, &key.text, key.place);
            let ask = self.asked_people(&key.text, value);
            if let (Some(role), Some((count, units, skills))) = (role, ask) {
                self.crews.push(Spot { value: (role.clone(), count), place: value.place });
                crew.push(Ask { role, count, units, skills });
            }
        }
        crew
    }

    /// Reads how many people of one role a task asks for: a whole number, a part of one, or a map.
    fn asked_people(
        &mut self,
        role: &str,
        node: &Node,
    ) -> Option<(u32, Units, std::collections::BTreeMap<Name, u32>)> {
        let what = format!("`{role}`");
        let Some(map) = node.as_map() else {
            let scalar = node.as_scalar();
            if let Some(Meaning::Number(number)) = scalar.map(|scalar| &scalar.meaning)
                && number.is_f64()
            {
                let part = number.as_f64().filter(|part| *part < 1.0);
                if part.is_none() {
                    let message = format!("{what} is a number of people, or a part of one, this is {number}");
                    let hint = "write `{count: 2, units: 0.5}` for half of two people";
                    self.report.refuse_hint(codes::NUMBER_BOUND, node.place, message, hint);
                    return None;
                }
                return Some((1, self.units_of(&what, node)?, std::collections::BTreeMap::new()));
            }
            return Some((self.count(&what, node)?, Units::WHOLE, std::collections::BTreeMap::new()));
        };
        let fields = self.fields(map, &keys::ASK);
        let count = fields.get("count").map_or(Some(1), |entry| self.count("`count`", &entry.value));
        let units =
            fields.get("units").map_or(Some(Units::WHOLE), |entry| self.units_of("`units`", &entry.value));
        let skills =
            fields.get("skills").map(|entry| self.counted("a skill", &entry.value)).unwrap_or_default();
        Some((count?, units?, skills))
    }

    fn units_of(&mut self, what: &str, node: &Node) -> Option<Units> {
        let Millionths(part) = self.fraction(what, node)?;
        let units = part / 1_000;
        if units == 0 {
            let message = format!("{what} must be at least 0.001: nobody is less");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
            return None;
        }
        Some(Units(units))
    }

    fn modes(&mut self, node: &Node) -> Vec<Mode> {
        let map = self.map("`modes`", node);
        let mut modes = Vec::new();
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a mode", &key.text, key.place);
            let Some(map) = self.map(&format!("the mode `{}`", key.text), value) else { continue };
            let fields = self.fields(map, &keys::MODE);
            let estimate = fields.get("estimate").and_then(|entry| self.estimate(&entry.value));
            let crew = fields.get("roles").map(|entry| self.crew(&entry.value));
            let pools = fields.get("pools");
            let pools = pools.map(|entry| self.counted_of(Mentioned::Pool, "`pools`", &entry.value));
            let consumes = fields.get("consume");
            let consumes =
                consumes.map(|entry| self.counted_of(Mentioned::Budget, "`consume`", &entry.value));
            if let Ok(name) = Name::new(&spot.value) {
                modes.push(Mode { name, estimate, crew, pools, consumes });
            }
        }
        modes
    }

    fn window(&mut self, node: &Node) -> Window {
        let Some(map) = self.map("`window`", node) else { return Window::default() };
        let fields = self.fields(map, &keys::WINDOW);
        let mut date = |key: &str| {
            let entry = fields.get(key).filter(|entry| !entry.value.is_null())?;
            self.date(&format!("`{key}`"), &entry.value)
        };
        let window = Window {
            start_after: date("start_after"),
            finish_before: date("finish_before"),
            must_start: date("must_start"),
        };
        let start = window.must_start.or(window.start_after);
        let word = if window.must_start.is_some() { "must_start" } else { "start_after" };
        self.dates_in_order(&fields, (word, start), ("finish_before", window.finish_before));
        self.dates_in_order(&fields, ("start_after", window.start_after), ("must_start", window.must_start));
        window
    }

    /// Reports a date on a day before that of one which comes first.
    pub(super) fn dates_in_order(
        &mut self,
        fields: &Fields<'_>,
        (low, first): (&str, Option<Date>),
        (high, last): (&str, Option<Date>),
    ) {
        if let (Some(first), Some(last), Some(entry)) = (first, last, fields.get(high))
            && last.day() < first.day()
        {
            let message = format!("`{high}` is {}, which is before `{low}`, {}", last.day(), first.day());
            self.report.refuse(codes::DATES, entry.value.place, message);
        }
    }

    fn earn(&mut self, node: &Node) -> Option<Earn> {
        let Some(map) = node.as_map() else {
            let text = self.fixed_text("`earn`", node)?;
            let found = EARNS.iter().find(|(word, _)| *word == text).map(|(_, earn)| earn.clone());
            if found.is_none() {
                let words = earn_words();
                let all: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                let message = format!("`earn` is one of {} or a map, not `{text}`", all.join(", "));
                self.report.refuse_word(codes::WORD, node.place, message, (text, words.into_iter()));
            }
            return found;
        };
        let fields = self.fields(map, &keys::EARN);
        let said: Vec<&Entry> = ["milestones", "units", "apportioned"]
            .into_iter()
            .filter_map(|key| fields.map.entry(key))
            .collect();
        let [entry] = said.as_slice() else {
            let message = "`earn` takes one of `milestones`, `units` and `apportioned`";
            self.report.refuse(codes::KEY_MISPLACED, node.place, message);
            return None;
        };
        match entry.key.text.as_str() {
            "units" => self.count("`units`", &entry.value).map(Earn::Units),
            "apportioned" => {
                self.mention_in(Mentioned::Task, "`apportioned`", &entry.value).map(Earn::Apportioned)
            }
            _ => self.steps(&entry.value).map(Earn::Milestones),
        }
    }

    fn steps(&mut self, node: &Node) -> Option<Vec<Step>> {
        let map = self.map("`milestones`", node)?;
        let mut steps: Vec<Step> = Vec::with_capacity(map.entries.len());
        for Entry { key, value } in &map.entries {
            let spot = self.name("a step", &key.text, key.place);
            let map = self.map(&format!("the step `{}`", key.text), value)?;
            let fields = self.fields(map, &keys::STEP);
            for key in ["weight", "at"] {
                if !fields.has(key) {
                    let message = format!("the step `{}` needs `{key}`", spot.value);
                    self.report.refuse(codes::KEY_MISSING, value.place, message);
                }
            }
            let weight = fields.get("weight").and_then(|entry| self.percent("`weight`", &entry.value));
            let at = fields.get("at").and_then(|entry| self.percent("`at`", &entry.value));
            steps.push(Step { name: Name::new(&spot.value).ok()?, weight: weight?, at: at? });
        }
        let whole: u64 = steps.iter().map(|step| u64::from(step.weight.0)).sum();
        if whole != u64::from(Millionths::WHOLE.0) {
            let percent = whole / 10_000;
            let message = format!("the weights of the steps add up to {percent}%, they must give 100%");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
            return None;
        }
        Some(steps)
    }

    /// Reads `span`: the task begins when one begins, and ends when one ends, so it is linked to them.
    fn span(&mut self, node: &Node, task: &mut Task) -> Option<Span> {
        let map = self.map("`span`", node)?;
        let fields = self.fields(map, &keys::SPAN);
        let mut end = |key: &str| {
            if !fields.has(key) {
                self.report.refuse(codes::KEY_MISSING, node.place, format!("`span` needs `{key}`: a task"));
            }
            let entry = fields.get(key)?;
            let text = self.fixed_text(&format!("`{key}`"), &entry.value)?;
            Some(self.name("a task", text, entry.value.place))
        };
        let (from, to) = (end("from")?, end("to")?);
        let span = Span { from: Name::new(&from.value).ok()?, to: Name::new(&to.value).ok()? };
        task.needs.push(Need::plain(from, OutcomeSet::of(&[Outcome::Started])));
        task.needs.push(Need { holds: Holds::End, ..Need::plain(to, OutcomeSet::SUCCEEDED) });
        Some(span)
    }

    fn raci(&mut self, node: &Node) -> Raci {
        let Some(map) = self.map("`raci`", node) else { return Raci::default() };
        let fields = self.fields(map, &keys::RACI);
        let mut parties = |key: &str| {
            fields.get(key).map(|entry| self.parties(&format!("`{key}`"), &entry.value)).unwrap_or_default()
        };
        let (responsible, consulted, informed) = (parties("R"), parties("C"), parties("I"));
        let accountable = fields.get("A").and_then(|entry| self.party("`A`", &entry.value));
        Raci { responsible, accountable, consulted, informed }
    }
}
