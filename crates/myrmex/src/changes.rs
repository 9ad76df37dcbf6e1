//! Files that change in folders, told as they do.

use std::path::{Path, PathBuf};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::exit::{Failure, FailureCode};

/// Watches folders until it is dropped.
pub struct Changes(RecommendedWatcher);

impl Changes {
    /// Begins to watch no folder. From its own thread `heard` is called when a file changes that `is_wanted`, comes or goes; that one was only
    /// read changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the operating system has no more to give.
    pub fn new(
        is_wanted: impl Fn(&PathBuf) -> bool + Send + 'static,
        heard: impl Fn() + Send + 'static,
    ) -> Result<Self, Failure> {
        let told = move |event: notify::Result<notify::Event>| {
            let is_change = match event {
                Ok(event) => {
                    event.need_rescan()
                        || !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(&is_wanted)
                }
                // What happened is not known, so it may be anything.
                Err(_) => true,
            };
            if is_change {
                heard();
            }
        };
        let eyes = notify::recommended_watcher(told);
        eyes.map(Self).map_err(|error| Failure::from_error(FailureCode::System, &error))
    }

    /// Watches what lies directly in a folder; one that is watched already stays so.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there is no such folder, or the operating system refuses.
    pub fn watch(&mut self, folder: &Path) -> Result<(), Failure> {
        self.0.watch(folder, RecursiveMode::NonRecursive).map_err(|error| {
            let mut failure = Failure::from_error(FailureCode::System, &error);
            failure.message = format!("`{}` cannot be watched: {}", folder.display(), failure.message);
            failure
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn what_is_wanted_is_told_and_reading_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = channel();
        let looked = Arc::clone(&asked);
        let is_wanted = move |path: &PathBuf| {
            looked.lock().unwrap().push(path.file_name().unwrap().to_owned());
            path.ends_with("wanted")
        };
        let heard = move || tell.send(asked.lock().unwrap().clone()).unwrap();
        let mut changes = Changes::new(is_wanted, heard).unwrap();
        std::fs::write(folder.path().join("wanted"), "before").unwrap();
        changes.watch(folder.path()).unwrap();
        changes.watch(folder.path()).unwrap();
        std::fs::read(folder.path().join("wanted")).unwrap();
        std::fs::write(folder.path().join("other"), "x").unwrap();
        std::fs::write(folder.path().join("wanted"), "now").unwrap();
        // What happened before is asked about before: reading is not among it, and `other` is not told.
        let asked = told.recv().unwrap();
        let (last, others) = asked.split_last().unwrap();
        assert!(
            last == "wanted" && !others.is_empty() && others.iter().all(|name| name == "other"),
            "{asked:?}"
        );
        let missing = changes.watch(&folder.path().join("missing")).unwrap_err();
        assert!(missing.message.contains("missing` cannot be watched"), "{}", missing.message);
    }
}
