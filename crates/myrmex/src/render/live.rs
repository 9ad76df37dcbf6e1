//! What is under way in a run, as a tree in a few rows: what is done is a number in it, what runs says for how long, and what waits
//! says for what.
//!
//! It is told of events and asked for rows; it knows neither clock nor terminal.

use std::collections::BTreeMap;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use myrmex_engine::run::node_at;
use myrmex_model::address::Address;
use myrmex_model::demand::{Asks, Named};
use myrmex_model::event::{Event, NotBefore};
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::ir::{Definition, Holds};
use myrmex_model::time::{Length, Timestamp};

use super::remaining::Left;
use super::screen::Size;
use super::{summary, time};

/// The most rows of the tree, without the last one, which counts.
const ROWS_MAX: usize = 16;

/// The most columns of the names in the tree.
const NAMES_MAX: usize = 44;

/// What is under way in a run.
pub struct Live {
    definition: Option<Arc<Definition>>,
    /// What has something inside it, and has not ended.
    open: BTreeMap<Address, Open>,
    leaves: BTreeMap<Address, Leaf>,
    ended: usize,
    total: usize,
}

/// A task with others inside it.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    /// How many directly inside it have ended.
    ended: usize,
    failed: usize,
    /// How many there are, if that is known.
    count: Option<usize>,
}

struct Leaf {
    since: Timestamp,
    stands: Stands,
}

/// How a task stands.
enum Stands {
    Runs {
        attempt: Attempt,
    },
    /// It waits for an instant.
    Waits {
        until: Timestamp,
        why: String,
    },
    /// It waits for the end of another run.
    Calls {
        child: RunId,
        why: String,
    },
    /// It waits until work of others ends.
    Queued {
        why: String,
    },
}

/// What became of the tasks inside a task that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// How many ended.
    pub ended: usize,
    /// How many of those failed.
    pub failed: usize,
}

/// Says because of what a task does not begin yet, as what follows an instant.
pub fn not_before(because: &NotBefore) -> String {
    match because {
        NotBefore::Start => "the start of the project".to_owned(),
        NotBefore::Window => "the start of its `window`".to_owned(),
        NotBefore::Calendar(name) => format!("when calendar `{name}` is open"),
    }
}

impl Live {
    /// Begins with nothing under way in a run of this definition.
    pub fn new(definition: Option<Arc<Definition>>) -> Self {
        let total = definition.as_ref().map_or(0, |definition| definition.task_count());
        Self { definition, open: BTreeMap::new(), leaves: BTreeMap::new(), ended: 0, total }
    }

    /// Takes an event of the run that is not the end of a task.
    #[expect(clippy::too_many_lines, reason = "every event is named, so that a new one is not passed over")]
    pub fn event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ScopeEntered { task, .. } | Event::HoldGranted { task, .. } if !task.is_root() => {
                self.leaves.remove(task);
                self.open.entry(task.clone()).or_default();
            }
            Event::ItemsExpanded { task, count, .. } => {
                self.leaves.remove(task);
                self.total += *count as usize;
                self.open.insert(task.clone(), Open { count: Some(*count as usize), ..Open::default() });
            }
            Event::TaskQueued { task, named, .. } => {
                let why = self.asks(task, named.as_deref(), "a place");
                self.leaf(task, at, Stands::Queued { why });
            }
            Event::HoldQueued { task, named } => {
                let why = self.asks(task, named.as_deref(), "");
                self.leaf(task, at, Stands::Queued { why });
            }
            Event::AttemptGranted { task, attempt, .. } => {
                self.leaf(task, at, Stands::Runs { attempt: *attempt });
            }
            Event::AttemptEnded { task, .. } => drop(self.leaves.remove(task)),
            Event::RetryArmed { task, attempt, due, .. } => {
                let why = format!("to begin attempt {attempt}");
                self.leaf(task, at, Stands::Waits { until: *due, why });
            }
            Event::TimerArmed { task, due } => {
                self.leaf(task, at, Stands::Waits { until: *due, why: String::new() });
            }
            Event::AwaitOpened { task, asked } => {
                let whom = if asked.shown.is_some() { "for people" } else { "for a signal" };
                self.leaf(task, at, Stands::Queued { why: whom.to_owned() });
            }
            Event::LagArmed { from, to, holds: Holds::Begin, due } => {
                let why = format!("a while after `{}`", from.path());
                self.leaf(to, at, Stands::Waits { until: *due, why });
            }
            Event::TaskPostponed { task, until, because } => {
                self.leaf(task, at, Stands::Waits { until: *until, why: not_before(because) });
            }
            Event::LagElapsed { to: task, holds: Holds::Begin, .. } | Event::TaskReleased { task } => {
                drop(self.leaves.remove(task));
            }
            Event::ChildCalled { task, child, .. } => {
                self.leaf(task, at, Stands::Calls { child: *child, why: String::new() });
                self.calls(task, *child, None);
            }
            Event::LagArmed { holds: Holds::End, .. }
            | Event::LagElapsed { holds: Holds::End, .. }
            | Event::ScopeEntered { .. }
            | Event::HoldGranted { .. }
            | Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildUnknown { .. }
            | Event::CaseChosen { .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::TaskTaken { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    /// Takes what a run waits for that a task called; nothing if it has begun, or is not known.
    pub fn calls(&mut self, task: &Address, child: RunId, what_for: Option<&str>) {
        let why = match what_for {
            Some(what_for) => format!("for run {}, which {what_for}", summary::short(child)),
            None => format!("for run {}", summary::short(child)),
        };
        if let Some(leaf) = self.leaves.get_mut(task)
            && matches!(leaf.stands, Stands::Calls { .. })
        {
            leaf.stands = Stands::Calls { child, why };
        }
    }

    /// Returns the runs that tasks wait for, as many as have room.
    pub fn children(&self) -> Vec<(Address, RunId)> {
        let child = |(task, leaf): (&Address, &Leaf)| match leaf.stands {
            Stands::Calls { child, .. } => Some((task.clone(), child)),
            Stands::Runs { .. } | Stands::Waits { .. } | Stands::Queued { .. } => None,
        };
        self.leaves.iter().filter_map(child).take(ROWS_MAX).collect()
    }

    /// Takes the end of a task, and returns what ended inside it; nothing if it has no inside.
    pub fn ended(&mut self, task: &Address, is_failure: bool) -> Option<Inside> {
        self.ended += 1;
        self.leaves.remove(task);
        let own = self.open.remove(task);
        if own.is_some() {
            // A lag of something that never began has no end of its own.
            remove_inside(&mut self.leaves, task);
            remove_inside(&mut self.open, task);
        }
        if let Some(above) = self.above(task)
            && let Some(open) = self.open.get_mut(&above)
        {
            open.ended += 1;
            open.failed += usize::from(is_failure);
        }
        own.map(|Open { ended, failed, .. }| Inside { ended, failed })
    }

    /// Whether something is inside another task that has not ended.
    pub fn is_inside(&self, task: &Address) -> bool {
        self.above(task).is_some()
    }

    /// Returns how many items of a task have ended, and of how many; nothing if it has none under way.
    pub fn items(&self, task: &Address) -> Option<(usize, usize)> {
        self.open.get(task).and_then(|open| Some((open.ended, open.count?)))
    }

    /// Returns the rows for a terminal of this size: the tree, then one row that counts and says how long it will take. No row is wider.
    pub fn rows(&self, (now, left): (Timestamp, Option<Left>), size: Size) -> Vec<String> {
        let room = ROWS_MAX.min(size.rows / 2);
        let (shown, hidden) = self.chosen(room);
        // How a task stands is worth more than all of its name.
        let widest = NAMES_MAX.min(size.columns / 2);
        let width = shown.iter().map(Row::width).max().unwrap_or(0).min(widest);
        let mut rows: Vec<String> = shown.iter().map(|row| self.row(row, width, now)).collect();
        if hidden > 0 {
            rows.push(format!("  … and {hidden} more"));
        }
        rows.push(self.counts(left));
        rows.iter().map(|row| cut(row, size.columns.saturating_sub(1))).collect()
    }

    /// Chooses what there is room for, and says for how much there is none.
    fn chosen(&self, room: usize) -> (Vec<Row<'_>>, usize) {
        let mut leaves: Vec<(&Address, &Leaf)> = self.leaves.iter().collect();
        leaves.sort_by_key(|(_, leaf)| (leaf.stands.rank(), leaf.since));
        let mut shown: BTreeMap<&Address, Option<&Leaf>> = BTreeMap::new();
        let mut left = 0;
        for (address, leaf) in leaves {
            if shown.len() >= room {
                left += 1;
                continue;
            }
            let above: Vec<&Address> =
                self.all_above(address).filter(|above| !shown.contains_key(above)).collect();
            if shown.len() + above.len() < room {
                shown.extend(above.into_iter().map(|above| (above, None)));
                shown.insert(address, Some(leaf));
            } else {
                left += 1;
            }
        }
        let depth = |address: &Address| self.all_above(address).count();
        let rows = shown.into_iter().map(|(address, leaf)| Row { address, leaf, depth: depth(address) });
        (rows.collect(), left)
    }

    fn row(&self, row: &Row<'_>, width: usize, now: Timestamp) -> String {
        let name = cut(&format!("{}{}", "  ".repeat(row.depth), row.name()), width);
        let room = width.saturating_sub(name.chars().count());
        let stands = match row.leaf {
            None => of_inside(self.open.get(row.address).copied().unwrap_or_default()),
            Some(leaf) => leaf.text(now),
        };
        format!("  {name}{}  {stands}", " ".repeat(room))
    }

    /// Says how much ended, runs and waits, and how long it will take.
    fn counts(&self, left: Option<Left>) -> String {
        let runs = self.leaves.values().filter(|leaf| matches!(leaf.stands, Stands::Runs { .. })).count();
        let waits = self.leaves.len() - runs;
        let mut parts = vec![format!("{} of {} ended", self.ended, self.total.max(self.ended))];
        if runs > 0 {
            parts.push(format!("{runs} running"));
        }
        if waits > 0 {
            parts.push(format!("{waits} waiting"));
        }
        match left {
            Some(Left::About(Length(ms))) => parts.push(format!("about {} left", in_seconds(ms / 1_000))),
            Some(Left::Late) => parts.push("longer than usual".to_owned()),
            None => {}
        }
        format!("  {}", parts.join(", "))
    }

    fn leaf(&mut self, task: &Address, since: Timestamp, stands: Stands) {
        self.leaves.insert(task.clone(), Leaf { since, stands });
    }

    /// Says what a task asks for beside `first`.
    fn asks(&self, task: &Address, named: Option<&Named>, first: &str) -> String {
        let node = self
            .definition
            .as_deref()
            .and_then(|definition| Some(definition.node(node_at(definition, task)?)));
        let pools = node.and_then(|node| node.policy.asks.as_deref()).map(|Asks { pools, .. }| pools);
        let pools = pools.into_iter().flatten().map(|(pool, _)| format!("pool `{pool}`"));
        let lock = named.and_then(|named| named.lock.as_ref()).map(|lock| format!("lock `{lock}`"));
        let labels =
            named.map_or(&[][..], |named| &named.labels).iter().map(|label| format!("label `{label}`"));
        let first = Some(first.to_owned()).filter(|first| !first.is_empty());
        let asked: Vec<String> = first.into_iter().chain(pools).chain(lock).chain(labels).collect();
        format!("for {}", asked.join(", "))
    }

    /// Returns what a task is directly inside of.
    fn above(&self, task: &Address) -> Option<Address> {
        self.all_above(task).last().cloned()
    }

    /// Returns what a task is inside of and has not ended, the outermost first.
    fn all_above<'a>(&'a self, task: &Address) -> impl Iterator<Item = &'a Address> + use<'a> {
        let text = task.as_str();
        let ends = text.match_indices(['/', '[', '#', '~']).map(|(end, _)| end);
        let found = ends.filter_map(|end| {
            let outer = Address::parse(&text[..end]).ok()?;
            self.open.get_key_value(&outer).map(|(outer, _)| outer)
        });
        found.collect::<Vec<_>>().into_iter()
    }
}

/// Removes what is inside a task: its address begins theirs, so they stand behind it.
fn remove_inside<T>(tasks: &mut BTreeMap<Address, T>, outer: &Address) {
    let behind = tasks.range(outer..).map(|(task, _)| task);
    let begun = behind.take_while(|task| task.as_str().starts_with(outer.as_str()));
    let inside: Vec<Address> = begun.filter(|task| task.is_inside(outer)).cloned().collect();
    for task in &inside {
        tasks.remove(task);
    }
}

/// One row of the tree.
struct Row<'a> {
    address: &'a Address,
    leaf: Option<&'a Leaf>,
    depth: usize,
}

impl Row<'_> {
    /// Returns the path of a task, and of what is inside another one only what that does not show.
    fn name(&self) -> String {
        let path = self.address.path();
        if self.depth == 0 { path.into_owned() } else { last_of(&path).to_owned() }
    }

    fn width(&self) -> usize {
        2 * self.depth + self.name().chars().count()
    }
}

impl Stands {
    /// Returns in which order tasks are shown where there is no room for all of them.
    fn rank(&self) -> u8 {
        match self {
            Self::Runs { .. } => 0,
            Self::Waits { .. } | Self::Calls { .. } => 1,
            Self::Queued { .. } => 2,
        }
    }
}

impl Leaf {
    fn text(&self, now: Timestamp) -> String {
        match &self.stands {
            Stands::Runs { attempt } => {
                let again = if attempt.0 > 1 { format!("  attempt {attempt}") } else { String::new() };
                format!("{}  {}{again}", painted(AnsiColor::Cyan, "runs "), seconds(self.since, now))
            }
            Stands::Waits { until, why } => {
                let left = format!("{} more {why}", seconds(now, *until));
                format!("{}  {}", painted(AnsiColor::Yellow, "waits"), left.trim_end())
            }
            Stands::Calls { why, .. } | Stands::Queued { why } => {
                format!("{}  {why}", painted(AnsiColor::Yellow, "waits"))
            }
        }
    }
}

/// Says what ended inside a task that has not.
fn of_inside(open: Open) -> String {
    let Open { ended, failed, count } = open;
    let of = count.map(|count| format!(" of {count}")).unwrap_or_default();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!("{ended}{of} ended{failed}")
}

/// Shows the time between two instants in whole seconds: what changes ten times a second cannot be read.
fn seconds(from: Timestamp, to: Timestamp) -> String {
    in_seconds(to.since(from).0 / 1_000)
}

fn in_seconds(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { time::elapsed_ms(seconds * 1_000) }
}

fn painted(color: AnsiColor, word: &str) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{word}{style:#}")
}

/// Returns the last name of a path: keys of items have no `/` in it.
fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Cuts a text so that it takes this many columns at most. What colours it takes none.
fn cut(text: &str, columns: usize) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    if plain.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = plain.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use myrmex_model::id::{Epoch, FencingToken, ValueHash};
    use myrmex_model::name::Name;

    use super::*;

    const WIDE: Size = Size { rows: 40, columns: 120 };

    fn task(address: &str) -> Address {
        Address::parse(address).unwrap()
    }

    fn second(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000_000)
    }

    fn scope(address: &str) -> Event {
        Event::ScopeEntered { task: task(address), attempt: Attempt(1), inputs: None }
    }

    fn items(address: &str, count: u32) -> Event {
        Event::ItemsExpanded { task: task(address), count, items: ValueHash([0; 16]), keys: None }
    }

    fn queued(address: &str, lock: Option<&str>) -> Event {
        let named = lock.map(|lock| Box::new(Named { lock: Some(lock.to_owned()), labels: Vec::new() }));
        Event::TaskQueued { task: task(address), attempt: Attempt(1), input: None, named }
    }

    fn granted(address: &str, attempt: u32) -> Event {
        let token = FencingToken::new(Epoch(1), 1);
        let worker = Name::new("local").unwrap();
        Event::AttemptGranted { task: task(address), attempt: Attempt(attempt), token, worker }
    }

    fn retried(address: &str, attempt: u32, due: i64) -> Event {
        let (task, attempt) = (task(address), Attempt(attempt));
        Event::RetryArmed { task, attempt, due: second(due), by_catch: None }
    }

    fn live(events: &[(i64, Event)]) -> Live {
        let mut live = Live::new(None);
        for (at, event) in events {
            live.event(event, second(*at));
        }
        live
    }

    fn plain(live: &Live, now: i64, size: Size) -> Vec<String> {
        live.rows((second(now), None), size)
            .iter()
            .map(|row| anstream::adapter::strip_str(row).to_string())
            .collect()
    }

    #[test]
    fn what_runs_and_waits_stands_in_a_tree_and_what_is_done_is_a_number() {
        let mut live = live(&[
            (0, scope("deploy")),
            (0, items("deploy/copy", 3)),
            (1, granted("deploy/copy[0]", 1)),
            (1, queued("deploy/copy[1]", None)),
            (1, queued("deploy/copy[2]", Some("db"))),
            (2, granted("build", 2)),
            (3, retried("flaky", 3, 75)),
            (3, Event::TimerArmed { task: task("nap"), due: second(10) }),
        ]);
        assert_eq!(live.ended(&task("deploy/copy[1]"), true), None);
        assert_eq!(
            plain(&live, 5, WIDE),
            [
                "  build        runs   3 s  attempt 2",
                "  deploy       0 ended",
                "    copy       1 of 3 ended, 1 failed",
                "      copy[0]  runs   4 s",
                "      copy[2]  waits  for a place, lock `db`",
                "  flaky        waits  1 m 10 s more to begin attempt 3",
                "  nap          waits  5 s more",
                "  1 of 3 ended, 2 running, 3 waiting",
            ]
        );
        assert!(live.is_inside(&task("deploy/copy[0]")) && !live.is_inside(&task("build")));
        assert_eq!(live.ended(&task("deploy/copy"), false), Some(Inside { ended: 1, failed: 1 }));
        assert_eq!(live.ended(&task("deploy"), false), Some(Inside { ended: 1, failed: 0 }));
        assert_eq!(plain(&live, 5, WIDE).len(), 4, "what was inside is gone with it");
    }

    #[test]
    fn a_child_is_waited_for_until_it_begins() {
        let (child, hash) = (RunId([1; 16]), ValueHash([0; 16]));
        let definition = myrmex_model::id::DefinitionHash([0; 32]);
        let mut live =
            live(&[(0, Event::ChildCalled { task: task("call"), child, definition, inputs: hash })]);
        live.calls(&task("call"), child, Some("waits for its place"));
        let run = summary::short(child);
        assert_eq!(
            plain(&live, 0, WIDE)[0],
            format!("  call  waits  for run {run}, which waits for its place")
        );
        assert_eq!(live.children(), [(task("call"), child)]);
        live.calls(&task("call"), child, None);
        live.calls(&task("other"), child, None);
        assert_eq!(plain(&live, 0, WIDE)[0], format!("  call  waits  for run {run}"));
    }

    #[test]
    fn many_tasks_have_few_rows_and_what_runs_comes_first() {
        let waiting = (0..500).map(|item| (0, queued(&format!("copy[{item}]"), None)));
        let mut events: Vec<(i64, Event)> = std::iter::once((0, items("copy", 501))).chain(waiting).collect();
        events.push((1, granted("copy[500]", 1)));
        let rows = plain(&live(&events), 2, Size { rows: 12, columns: 30 });
        assert_eq!(rows.len(), 8, "{rows:?}");
        assert!(rows.iter().any(|row| row.contains("copy[500]  runs   1 s")), "{rows:?}");
        assert_eq!(rows[6..], ["  … and 496 more", "  0 of 501 ended, 1 running,…"]);
        assert!(rows.iter().all(|row| row.chars().count() < 30));
        let long = live(&[(0, granted(&"long".repeat(12), 1))]);
        let rows = plain(&long, 2, Size { rows: 24, columns: 40 });
        assert_eq!(rows[0], "  longlonglonglonglon…  runs   2 s");
    }

    #[test]
    fn nothing_is_left_of_a_run_whose_tasks_ended() {
        let attempt = granted("a", 1);
        let mut live = live(&[(0, attempt)]);
        live.ended(&task("a"), false);
        assert_eq!(plain(&live, 9, WIDE), ["  1 of 1 ended"]);
        let rows = |left| live.rows((second(9), Some(left)), WIDE);
        assert_eq!(rows(Left::About(Length(75_900))), ["  1 of 1 ended, about 1 m 15 s left"]);
        assert_eq!(rows(Left::Late), ["  1 of 1 ended, longer than usual"]);
        // A terminal without room is no reason to fail.
        assert_eq!(plain(&live, 9, Size { rows: 0, columns: 0 }).len(), 1);
    }
}
