//! The clock of a data folder: that of the machine, or a virtual one for rehearsals, which stands still until somebody moves it on.
//!
//! A virtual clock is a file of the folder. It is replaced before the time in it is used, so no record is ever later than it. A folder is
//! virtual from its first run on or never: what happened in real time and what was rehearsed never mix.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use myrmex_model::time::Timestamp;
use myrmex_runtime::clock::{Clock, StandingClock, SystemClock};
use myrmex_store::sqlite::FILE_NAME;
use serde_json::{Value, json};

use crate::exit::{Failure, FailureCode};

/// The file of a virtual clock in the data folder.
const CLOCK: &str = "clock.json";

/// The clock of a data folder.
#[derive(Debug, Clone)]
pub enum DataClock {
    /// That of the operating system.
    Real,
    /// One that stands still.
    Virtual {
        /// What it tells.
        clock: StandingClock,
        /// Its file.
        file: PathBuf,
        /// Where it was to be moved on to by a command that did not come to its end.
        target: Option<Timestamp>,
    },
}

impl Clock for DataClock {
    fn now(&self) -> Timestamp {
        match self {
            Self::Real => SystemClock.now(),
            Self::Virtual { clock, .. } => clock.now(),
        }
    }
}

impl DataClock {
    /// Reads the clock of the folder `data`, which need not be there.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there is a file of a clock that cannot be read or means nothing.
    pub fn of(data: &Path) -> Result<Self, Failure> {
        let file = data.join(CLOCK);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::Real),
            Err(error) => return Err(Failure::file(&file, "cannot be read", &error)),
        };
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        let instant = |key: &str| said[key].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let Some(now) = instant("now") else {
            let message = format!("`{}` holds no virtual clock", file.display());
            return Err(Failure::new(FailureCode::File, message)
                .with_hint("rehearse anew in another data folder: `--data-dir DIR`"));
        };
        Ok(Self::Virtual { clock: StandingClock::at(now), file, target: instant("target") })
    }

    /// Gives the folder `data` a virtual clock that tells `at`. One that has it already, and no run, has it set.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there are runs in it that another time passes for, or its file cannot be written.
    pub fn make(data: &Path, at: Timestamp) -> Result<(), Failure> {
        let is_used = data.join(FILE_NAME).exists();
        match Self::of(data)? {
            Self::Real if is_used => {
                let message = format!("runs of real time are in `{}`", data.display());
                return Err(Failure::new(FailureCode::Refused, message)
                    .with_hint("a virtual clock needs a data folder of its own: `--data-dir DIR`"));
            }
            Self::Virtual { clock, .. } if is_used && clock.now() != at => {
                let now = clock.now();
                let message = format!("the virtual clock of `{}` stands at {now} already", data.display());
                return Err(Failure::new(FailureCode::Refused, message)
                    .with_hint("`myrmex project advance` moves it on; a rehearsal from the start needs another data folder"));
            }
            Self::Real | Self::Virtual { .. } => {}
        }
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
        made.map_err(|error| Failure::file(data, "cannot be the data directory", &error))?;
        replace(&data.join(CLOCK), at, None)
    }

    /// Returns whether it is virtual.
    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual { .. })
    }

    /// Returns where a virtual clock was to be moved on to by a command that did not come to its end.
    pub fn target(&self) -> Option<Timestamp> {
        match self {
            Self::Real => None,
            Self::Virtual { target, .. } => *target,
        }
    }

    /// Moves a virtual clock on to `at`, on the way to `target`; the real one is left alone. It is durable when it returns.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if its file cannot be written. Nothing has changed then.
    pub fn move_to(&self, at: Timestamp, target: Option<Timestamp>) -> Result<(), Failure> {
        let Self::Virtual { clock, file, .. } = self else { return Ok(()) };
        let at = at.max(clock.now());
        replace(file, at, target)?;
        clock.set(at);
        Ok(())
    }
}

/// Replaces the file of a clock: after a crash it is the old one or the new one.
fn replace(file: &Path, now: Timestamp, target: Option<Timestamp>) -> Result<(), Failure> {
    let document = json!({"now": now.to_string(), "target": target.map(|target| target.to_string())});
    let beside = file.with_extension("new");
    let write = || {
        let mut new = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        writeln!(new, "{document}")?;
        new.sync_all()?;
        std::fs::rename(&beside, file)?;
        file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| Failure::file(file, "cannot be written", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_virtual_clock_is_kept_and_goes_only_forwards() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("rehearsal");
        assert!(!DataClock::of(&data).unwrap().is_virtual());
        DataClock::make(&data, at("2026-12-01T09:00:00Z")).unwrap();
        let clock = DataClock::of(&data).unwrap();
        clock.move_to(at("2026-12-03T09:00:00Z"), Some(at("2026-12-05T00:00:00Z"))).unwrap();
        clock.move_to(at("2026-12-02T09:00:00Z"), Some(at("2026-12-05T00:00:00Z"))).unwrap();
        let again = DataClock::of(&data).unwrap();
        assert_eq!((again.now(), clock.now()), (at("2026-12-03T09:00:00Z"), at("2026-12-03T09:00:00Z")));
        assert_eq!(again.target(), Some(at("2026-12-05T00:00:00Z")));
    }

    #[test]
    fn a_folder_with_runs_keeps_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let instant = at("2026-12-01T09:00:00Z");
        std::fs::write(folder.path().join(FILE_NAME), "").unwrap();
        assert_eq!(DataClock::make(folder.path(), instant).unwrap_err().code, FailureCode::Refused);
        std::fs::remove_file(folder.path().join(FILE_NAME)).unwrap();
        DataClock::make(folder.path(), instant).unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "").unwrap();
        assert!(DataClock::make(folder.path(), instant).is_ok());
        let other = at("2026-12-02T09:00:00Z");
        assert_eq!(DataClock::make(folder.path(), other).unwrap_err().code, FailureCode::Refused);
        std::fs::write(folder.path().join(CLOCK), "{}").unwrap();
        assert_eq!(DataClock::of(folder.path()).unwrap_err().code, FailureCode::File);
    }
}
