//! A run that waits for room on a full disk: what is said of it, and how often.

use std::path::Path;
use std::time::{Duration, Instant};

/// When it is said again after the first time; later once in each of the last pause. Often enough to be seen on a screen,
/// seldom enough for the log of a service that waits for a night.
const SAID_AGAIN: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(30), Duration::from_mins(1)];

/// Knows since when a run waits, and what was said of it.
#[derive(Debug, Default)]
pub struct HeldUp {
    since: Option<Instant>,
    said: u32,
}

impl HeldUp {
    /// Returns what is to be said now that the run waits for `reason`, or for nothing. `data` is where there is no room.
    pub fn line(&mut self, reason: Option<&str>, data: &Path, now: Instant) -> Option<String> {
        let Some(reason) = reason else {
            *self = Self::default();
            return None;
        };
        let waited = now.saturating_duration_since(*self.since.get_or_insert(now));
        if waited < due(self.said) {
            return None;
        }
        self.said += 1;
        let data = data.display();
        Some(if self.said == 1 {
            format!(
                "waiting: {reason} (`{data}`); nothing is lost, and it tries again by itself until it succeeds; Ctrl-C \
                 stops it and leaves the run to be resumed"
            )
        } else {
            format!("waiting for {} s: {reason} (`{data}`)", waited.as_secs())
        })
    }
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
        let (start, mut held_up) = (Instant::now(), HeldUp::default());
        let mut told = |seconds: u64, reason| {
            let line = held_up.line(reason, Path::new("/d"), start + Duration::from_secs(seconds));
            line.map(|line| (seconds, line.chars().take(16).collect::<String>()))
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
