//! What holds a run up: what is said of one that waits for room on a full disk, and how often; and of one that waits for people and time.

use std::path::Path;
use std::time::{Duration, Instant};

use myrmex_model::id::RunId;
use myrmex_runtime::clock::Clock;
use serde_json::{Value, json};

use super::time;
use crate::asked::Still;
use crate::clock::DataClock;

/// When it is said again after the first time; later once in each of the last pause. Often enough to be seen on a screen,
/// seldom enough for the log of a service that waits for a night.
const SAID_AGAIN: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(30), Duration::from_mins(1)];

/// What waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The commit that starts the run.
    Start,
    /// The commit with which it goes on after an interruption.
    Resume,
    /// The commit that cancels it.
    Cancel,
    /// The commit that skips tasks of it.
    Skip,
    /// The commit that records what somebody says to it.
    Signal,
    /// A commit of a run that is under way.
    Run,
}

/// Knows since when a run waits, and what was said of it.
#[derive(Debug)]
pub struct HeldUp {
    waiting: Waiting,
    since: Option<Instant>,
    said: u32,
}

/// That a run waits, for people and for scripts.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// A line for people.
    pub line: String,
    /// For how long it has waited.
    pub waited: Duration,
}

impl HeldUp {
    /// Begins to tell of something that does not wait yet.
    pub fn new(waiting: Waiting) -> Self {
        Self { waiting, since: None, said: 0 }
    }

    /// Returns what is to be said now that the run waits for `reason`, or for nothing. `data` is where there is no room.
    pub fn say(&mut self, reason: Option<&str>, data: &Path, now: Instant) -> Option<Said> {
        let Some(reason) = reason else {
            *self = Self::new(self.waiting);
            return None;
        };
        let waited = now.saturating_duration_since(*self.since.get_or_insert(now));
        if waited < due(self.said) {
            return None;
        }
        self.said += 1;
        let data = data.display();
        let line = if self.said == 1 {
            format!("waiting: {reason} (`{data}`); {}", self.waiting.what_to_do())
        } else {
            format!("waiting for {} s: {reason} (`{data}`)", waited.as_secs())
        };
        Some(Said { line, waited })
    }
}

impl Waiting {
    /// Says what the wait means and what there is to do.
    fn what_to_do(self) -> &'static str {
        match self {
            Self::Start => {
                "the run has not begun and nothing of it is recorded; make room and it begins by itself, Ctrl-C gives it up"
            }
            Self::Resume => {
                "nothing goes on yet; make room and the run goes on by itself, Ctrl-C leaves it to be resumed"
            }
            Self::Skip => {
                "the skip is not recorded yet; make room and it is carried out by itself, Ctrl-C gives it up"
            }
            Self::Signal => {
                "what was said is not recorded yet; make room and it is by itself, Ctrl-C gives it up"
            }
            Self::Cancel => {
                "the cancel is not recorded yet; make room and it is carried out by itself, Ctrl-C gives it up"
            }
            Self::Run => {
                "nothing is lost, and it tries again by itself until it succeeds; Ctrl-C stops it and leaves the run to be \
                 resumed"
            }
        }
    }
}

/// Builds the line for scripts that a run waits for `reason`. It is no event: nothing is recorded while there is no room.
pub fn json(run: RunId, reason: &str, data: &Path, waited: Duration) -> Value {
    json!({
        "type": "engine.waiting",
        "run": run.to_string(),
        "reason": reason,
        "data_dir": data.display().to_string(),
        "waited_ms": u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Says what a run waits for in which nothing goes on by itself: who is to do what, with what is to be typed, and until when.
pub fn waits(still: &Still, clock: &DataClock) -> Vec<String> {
    let mut lines = Vec::new();
    if !still.asking.is_empty() {
        lines.push("the run waits for people:".to_owned());
    }
    for own in &still.asking {
        let ask = own.ask.as_ref().map(|ask| format!("  {ask}")).unwrap_or_default();
        lines.push(format!("  {}{ask}", own.task.path()));
        lines.extend(own.beside().map(|beside| format!("    {beside}")));
        lines.push(format!("    for {}: {}", own.what(), own.how()));
    }
    let due = if clock.is_virtual() { still.next_due } else { still.leads_on };
    if let Some(due) = due {
        let named = &still.called;
        let how = if clock.is_virtual() {
            format!("`myrmex project advance {named} --next`")
        } else {
            format!("`myrmex project resume {named}` goes on then")
        };
        lines.push(format!("the run waits for time, until {}: {how}", time::instant(due)));
    }
    if clock.is_virtual() {
        lines.push(format!("the virtual clock stands at {}", time::instant(clock.now())));
    }
    lines
}

/// Returns after how long a wait it is said for the next time.
fn due(said: u32) -> Duration {
    let Some(again) = said.checked_sub(1) else { return Duration::ZERO };
    let [.., last] = SAID_AGAIN;
    match usize::try_from(again).ok().and_then(|index| SAID_AGAIN.get(index)) {
        Some(due) => *due,
        None => last * (said - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_at_once_and_then_ever_more_seldom() {
        let (start, mut held_up) = (Instant::now(), HeldUp::new(Waiting::Run));
        let mut told = |seconds: u64, reason| {
            let said = held_up.say(reason, Path::new("/d"), start + Duration::from_secs(seconds));
            said.map(|said| (seconds, said.line.chars().take(16).collect::<String>()))
        };
        let lines: Vec<_> = (0..200).filter_map(|seconds| told(seconds, Some("full"))).collect();
        let expected = [(0, "waiting: full (`"), (10, "waiting for 10 s"), (30, "waiting for 30 s")];
        let later = [(60, "waiting for 60 s"), (120, "waiting for 120 "), (180, "waiting for 180 ")];
        let expected: Vec<_> =
            expected.into_iter().chain(later).map(|(at, text)| (at, text.to_owned())).collect();
        assert_eq!(lines, expected);
        assert_eq!(told(201, None), None);
        assert_eq!(told(202, Some("full")).unwrap().1, "waiting: full (`", "a new wait begins anew");
    }
}
