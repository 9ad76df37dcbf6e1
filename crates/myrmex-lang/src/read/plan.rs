//! Reads what only a plan uses, as far as tasks of workflows and of projects have it: lengths, dates and prices, `estimate`
//! and `cost`.

use std::str::FromStr;

use myrmex_model::name::Name;
use myrmex_model::planning::{
    Accrue, Amount, Cost, DAY_MS, Date, DateError, Day, Distribution, Estimate, Extent, ExtentError,
    Millionths, Planning, Price, ThreePoint,
};

use super::keys::plan as keys;
use super::{Fields, Reader, hints};
use crate::codes;
use crate::outline::{Mention, Mentioned, Spot, Task};
use crate::tree::{Meaning, Node, Place};

/// How sure a history is if that is not said: the half of the runs were faster.
const QUANTILE: Millionths = Millionths(500_000);

/// How many runs make a history if that is not said.
const RUNS_MIN: u32 = 5;

const DISTRIBUTIONS: [(&str, Distribution); 3] = [
    ("pert", Distribution::Pert),
    ("triangular", Distribution::Triangular),
    ("uniform", Distribution::Uniform),
];

const ACCRUALS: [(&str, Accrue); 3] =
    [("linear", Accrue::Linear), ("start", Accrue::Start), ("end", Accrue::End)];

/// Returns the words of `dist`.
pub(super) fn distribution_words() -> Vec<&'static str> {
    DISTRIBUTIONS.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `accrue`.
pub(super) fn accrue_words() -> Vec<&'static str> {
    ACCRUALS.iter().map(|(word, _)| *word).collect()
}

impl Reader<'_> {
    /// Reads `estimate` and `cost` of a task of a workflow.
    pub(super) fn planned(&mut self, task: &mut Task, fields: &Fields<'_>) {
        let estimate = self.task_estimate(fields);
        let cost = fields.get("cost").and_then(|entry| self.cost(&entry.value));
        if estimate.is_some() || cost.is_some() {
            task.planning = Some(Box::new(Planning { estimate, cost, ..Planning::default() }));
        }
    }

    /// Reads `estimate` of a task, of which `items` and `passes` mean something for some tasks only.
    pub(super) fn task_estimate(&mut self, fields: &Fields<'_>) -> Option<Estimate> {
        let entry = fields.get("estimate")?;
        let estimate = self.estimate(&entry.value);
        if let Some(map) = entry.value.as_map() {
            let own = Fields { map };
            if !fields.has("for_each") {
                self.misplaced(&own, "items", "there is no `for_each`");
            }
            if !fields.has("repeat") && !fields.has("do") {
                self.misplaced(&own, "passes", "only a `repeat` or a `do:` list goes round");
            }
        }
        estimate
    }

    /// Reads a single value that stands as text or number; reports anything else.
    pub(super) fn scalar_text<'n>(&mut self, what: &str, expected: &str, node: &'n Node) -> Option<&'n str> {
        if self.refuse_hole(what, node) {
            return None;
        }
        let is_value = |meaning: &Meaning| matches!(meaning, Meaning::Text | Meaning::Number(_));
        let scalar = node.as_scalar().filter(|scalar| is_value(&scalar.meaning));
        if scalar.is_none() {
            self.refuse_type(what, expected, node);
        }
        scalar.map(|scalar| scalar.text.as_str())
    }

    /// Reads a length of time of a plan: in a project working or elapsed time, in a workflow always elapsed.
    pub(super) fn extent(&mut self, what: &str, node: &Node) -> Option<Extent> {
        if !self.is_project {
            let elapsed = node.as_scalar().and_then(|own| own.text.parse::<Extent>().ok());
            if elapsed.is_some_and(Extent::is_elapsed) {
                let message = format!("{what} is elapsed time anyhow, there is no other in a workflow");
                self.report.refuse_hint(codes::DURATION, node.place, message, "leave out the `e`");
                return None;
            }
            let millis = i64::try_from(self.length(what, node)?.0).unwrap_or(i64::MAX);
            return Some(Extent::Elapsed { millis });
        }
        let extent = self.signed_extent(what, node)?;
        if extent.is_lead() {
            let message = format!("{what} cannot be below zero, this is {extent}");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
            return None;
        }
        Some(extent)
    }

    /// Reads a length of time that may be below zero.
    pub(super) fn signed_extent(&mut self, what: &str, node: &Node) -> Option<Extent> {
        let text = self.scalar_text(what, "a duration", node)?;
        let error = match Extent::from_str(text) {
            Ok(extent) => return Some(extent),
            Err(error) => error,
        };
        let hint = match &error {
            ExtentError::Unit(_) => Some(format!("write `{text}d` if it is working days")),
            ExtentError::Form(_) => extent_meant(text),
            ExtentError::Mixed(_) => Some("write all of it with `e`, or nothing".to_owned()),
            ExtentError::Long(_) => None,
        };
        let mut diagnostic = self.report.error(codes::DURATION, node.place, error.to_string());
        diagnostic.hint = hint;
        self.report.push(diagnostic);
        None
    }

    /// Reads a date, or a time of a day.
    pub(super) fn date(&mut self, what: &str, node: &Node) -> Option<Date> {
        let text = self.scalar_text(what, "a date", node)?;
        self.dated(Date::from_str(text), text, node)
    }

    /// Reads a whole day.
    pub(super) fn day(&mut self, what: &str, node: &Node) -> Option<Day> {
        let text = self.scalar_text(what, "a day", node)?;
        self.dated(Day::from_str(text), text, node)
    }

    fn dated<T>(&mut self, read: Result<T, DateError>, text: &str, node: &Node) -> Option<T> {
        let error = match read {
            Ok(date) => return Some(date),
            Err(error) => error,
        };
        let mut diagnostic = self.report.error(codes::DATE, node.place, error.to_string());
        diagnostic.hint = date_meant(text).map(|meant| format!("did you mean `{meant}`?"));
        self.report.push(diagnostic);
        None
    }

    /// Reads an amount of money with its currency.
    pub(super) fn price(&mut self, what: &str, node: &Node) -> Option<Price> {
        let text = self.scalar_text(what, "an amount with its currency", node)?;
        match Price::from_str(text) {
            Ok(price) if price.money.0 < 0 => {
                let message = format!("{what} cannot be below zero, this is {price}");
                self.report.refuse(codes::NUMBER_BOUND, node.place, message);
                None
            }
            Ok(price) => {
                self.prices.push(Spot { value: price, place: node.place });
                Some(price)
            }
            Err(error) => {
                let mut diagnostic = self.report.error(codes::MONEY, node.place, error.to_string());
                diagnostic.hint = price_meant(text).map(|meant| format!("did you mean `{meant}`?"));
                self.report.push(diagnostic);
                None
            }
        }
    }

    /// Reads a probability or another part of a whole, from 0 to 1.
    pub(super) fn fraction(&mut self, what: &str, node: &Node) -> Option<Millionths> {
        if self.refuse_hole(what, node) {
            return None;
        }
        let number = self.number(what, node)?;
        if !(0.0..=1.0).contains(&number) {
            let message = format!("{what} must be between 0 and 1, this is {number}");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 0 to a million"
        )]
        Some(Millionths((number * f64::from(Millionths::WHOLE.0)).round() as u32))
    }

    /// Reads a part in percent, from `0%` to `100%`.
    pub(super) fn percent(&mut self, what: &str, node: &Node) -> Option<Millionths> {
        let text = self.scalar_text(what, "a part such as `10%`", node)?;
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let Some(number) = number.filter(|number| (0.0..=100.0).contains(number)) else {
            let message = format!("{what} must be a part from `0%` to `100%`, not `{text}`");
            let mut diagnostic = self.report.error(codes::NUMBER_BOUND, node.place, message);
            let meant = text.parse::<f64>().ok().filter(|number| (1.0..=100.0).contains(number));
            diagnostic.hint = meant.map(|number| format!("write `{number}%`"));
            self.report.push(diagnostic);
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 0 to a million"
        )]
        Some(Millionths((number * 10_000.0).round() as u32))
    }

    /// Reads `estimate`: a duration, or a map.
    pub(super) fn estimate(&mut self, node: &Node) -> Option<Estimate> {
        let Some(map) = node.as_map() else {
            let amount = Amount::Duration(self.extent("`estimate`", node)?);
            return Some(Estimate { amount: Some(amount), ..Estimate::default() });
        };
        let fields = self.fields(map, &keys::ESTIMATE);
        let amount = self.amount(&fields, node);
        let mut count =
            |key: &str| fields.get(key).and_then(|entry| self.count(&format!("`{key}`"), &entry.value));
        let (items, passes) = (count("items"), count("passes"));
        let probability =
            fields.get("probability").and_then(|entry| self.fraction("`probability`", &entry.value));
        if !self.is_project {
            self.misplaced(&fields, "group", "only a project has groups of durations that vary together");
            self.misplaced(&fields, "effort", "nobody works on a task of a workflow");
        }
        let group = fields
            .get("group")
            .filter(|_| self.is_project)
            .and_then(|entry| self.mention_in(Mentioned::Correlation, "`group`", &entry.value));
        Some(Estimate { amount, items, passes, probability, group })
    }

    /// Reads the amount of an estimate that is a map.
    fn amount(&mut self, fields: &Fields<'_>, node: &Node) -> Option<Amount> {
        const POINTS: [&str; 3] = ["optimistic", "likely", "pessimistic"];
        let has_points = POINTS.iter().any(|key| fields.has(key));
        let forms =
            [("history", fields.has("history")), ("effort", fields.has("effort")), ("likely", has_points)];
        let mut present = forms.iter().filter(|(_, is_there)| *is_there).map(|(key, _)| *key);
        let (first, second) = (present.next(), present.next());
        if let (Some(first), Some(second)) = (first, second) {
            let message = format!("an `estimate` says its amount once: by `{first}` or by `{second}`");
            self.report.refuse(codes::KEY_MISPLACED, node.place, message);
            return None;
        }
        if first != Some("likely") {
            self.misplaced(fields, "dist", "there are no three points between which it lies");
        }
        match first? {
            "history" => self.history(fields),
            "effort" => {
                let entry = fields.get("effort")?;
                self.extent("`effort`", &entry.value).map(Amount::Effort)
            }
            _ => {
                let mut read = |key: &str| {
                    fields.get(key).and_then(|entry| self.extent(&format!("`{key}`"), &entry.value))
                };
                let [optimistic, likely, pessimistic] = POINTS.map(&mut read);
                if !fields.has("optimistic") && !fields.has("pessimistic") {
                    self.misplaced(fields, "dist", "there are no three points between which it lies");
                    return likely.map(Amount::Duration);
                }
                self.spread(fields, node, [optimistic, likely, pessimistic])
            }
        }
    }

    fn spread(&mut self, fields: &Fields<'_>, node: &Node, points: [Option<Extent>; 3]) -> Option<Amount> {
        for key in ["optimistic", "likely", "pessimistic"] {
            if !fields.has(key) {
                let message = format!("an `estimate` of three points needs `{key}` too");
                self.report.refuse(codes::KEY_MISSING, node.place, message);
            }
        }
        let dist = fields.get("dist").and_then(|entry| self.word("`dist`", &entry.value, &DISTRIBUTIONS));
        let [Some(optimistic), Some(likely), Some(pessimistic)] = points else { return None };
        self.ascending(fields, ("optimistic", optimistic), ("likely", likely));
        self.ascending(fields, ("likely", likely), ("pessimistic", pessimistic));
        Some(Amount::Spread(ThreePoint { optimistic, likely, pessimistic }, dist.unwrap_or_default()))
    }

    /// Reports that a length is longer than one that cannot be shorter, however long a working day is.
    pub(super) fn ascending(
        &mut self,
        fields: &Fields<'_>,
        (low, least): (&str, Extent),
        (high, most): (&str, Extent),
    ) {
        let hour = DAY_MS / 24;
        if [hour, DAY_MS].iter().all(|day| least.millis(*day) > most.millis(*day))
            && let Some(entry) = fields.get(high)
        {
            let written =
                |key: &str| fields.get(key).and_then(|own| Some(own.value.as_scalar()?.text.as_str()));
            let (least, most) = (written(low).unwrap_or_default(), written(high).unwrap_or_default());
            let message = format!("`{high}` of {most} is less than `{low}`, which is {least}");
            self.report.refuse(codes::NUMBER_BOUND, entry.value.place, message);
        }
    }

    fn history(&mut self, fields: &Fields<'_>) -> Option<Amount> {
        let entry = fields.get("history")?;
        let map = self.map("`history`", &entry.value)?;
        let fields = self.fields(map, &keys::HISTORY);
        let quantile = fields.get("quantile").and_then(|entry| self.fraction("`quantile`", &entry.value));
        let runs_min = fields.get("min_runs").and_then(|entry| self.count("`min_runs`", &entry.value));
        Some(Amount::History {
            quantile: quantile.unwrap_or(QUANTILE),
            runs_min: runs_min.unwrap_or(RUNS_MIN),
        })
    }

    /// Reads `cost`.
    pub(super) fn cost(&mut self, node: &Node) -> Option<Cost> {
        let map = self.map("`cost`", node)?;
        let fields = self.fields(map, &keys::COST);
        let mut price =
            |key: &str| fields.get(key).and_then(|entry| self.price(&format!("`{key}`"), &entry.value));
        let (fixed, per_use) = (price("fixed"), price("per_use"));
        let accrue = fields.get("accrue").and_then(|entry| self.word("`accrue`", &entry.value, &ACCRUALS));
        if !fields.has("fixed") {
            self.misplaced(&fields, "accrue", "there is no `fixed` cost");
        }
        if !self.is_project {
            self.misplaced(&fields, "account", "only a project has accounts");
        }
        let account = fields
            .get("account")
            .filter(|_| self.is_project)
            .and_then(|entry| self.mention_in(Mentioned::Account, "`account`", &entry.value));
        Some(Cost { fixed, per_use, accrue: accrue.unwrap_or_default(), account })
    }

    /// Notes that something is named, to be looked up when all of the file is read.
    pub(super) fn mention(&mut self, what: Mentioned, name: Spot<String>) {
        self.mentions.push(Mention { what, name });
    }

    /// Reads the name of something, and notes that it is named.
    pub(super) fn mention_in(&mut self, what: Mentioned, key: &str, node: &Node) -> Option<Name> {
        let text = self.fixed_text(key, node)?;
        self.mentioned(what, text, node.place)
    }

    /// Returns a name if it can be one, and notes that it is named.
    pub(super) fn mentioned(&mut self, what: Mentioned, text: &str, place: Place) -> Option<Name> {
        let spot = self.name(what.indefinite(), text, place);
        let name = Name::new(&spot.value).ok()?;
        self.mention(what, spot);
        Some(name)
    }
}

/// Returns the length that a text was probably meant to be.
fn extent_meant(text: &str) -> Option<String> {
    let number = |unit: &str| text.strip_suffix(unit).map(str::trim);
    let weeks = ["weeks", "week", "w"].iter().find_map(|unit| number(unit));
    if let Some(weeks) = weeks.and_then(|weeks| weeks.parse::<u32>().ok()) {
        return Some(format!(
            "there is no unit for weeks: write `{}d` if a week has five working days",
            weeks * 5
        ));
    }
    let is_fraction =
        ["days", "day", "d"].iter().find_map(|unit| number(unit)).is_some_and(|days| days.contains('.'));
    if is_fraction {
        return Some("write it in hours: how many a working day has is said by its calendar".to_owned());
    }
    hints::length_meant(text).map(|meant| format!("did you mean `{meant}`?"))
}

/// Returns the date that a text was probably meant to be: with other separators, day first, or a time after a space.
fn date_meant(text: &str) -> Option<String> {
    let (day, time) = text.split_once([' ', 'T']).map_or((text, None), |(day, time)| (day, Some(time)));
    let parts: Vec<&str> = day.split(['-', '.', '/']).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, b, a) };
    let number = |part: &str| part.parse::<u16>().ok();
    let day = format!("{:04}-{:02}-{:02}", number(year)?, number(month)?, number(day)?);
    let meant = match time {
        Some(time) => format!("{day}T{time}"),
        None => day,
    };
    Date::from_str(&meant).is_ok().then_some(meant)
}

/// Returns the price that a text was probably meant to be: with a sign for the currency, the currency first, or no space.
fn price_meant(text: &str) -> Option<String> {
    const SIGNS: [(char, &str); 4] = [('€', "EUR"), ('$', "USD"), ('£', "GBP"), ('¥', "JPY")];
    let text = text.trim();
    let sign = SIGNS.iter().find(|(sign, _)| text.contains(*sign));
    let digits: String = text.chars().filter(|own| own.is_ascii_digit() || *own == '.').collect();
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let currency = sign.map_or_else(|| letters.to_uppercase(), |(_, currency)| (*currency).to_owned());
    let meant = format!("{digits} {currency}");
    Price::from_str(&meant).is_ok().then_some(meant)
}
