//! Which of the runs that are not over somebody goes on with.
//!
//! A process goes on with one run and what comes of it, and with what begins while it holds the store. Every other run stands still,
//! whatever its record says, until it is resumed.

use myrmex_store::directory::{DataDirectory, Work};
use myrmex_store::{Reader, RunSummary};

use crate::descendants;
use crate::exit::{Failure, FailureCode};
use crate::workspace::Workspace;

/// The process that holds the store of a workspace, if one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver(Option<Work>);

impl Driver {
    /// Looks who holds the store now. To be asked before a run is read: one that ends meanwhile is not taken for one that was
    /// left then.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the data directory cannot be read.
    pub fn of(workspace: &Workspace) -> Result<Self, Failure> {
        let holder = DataDirectory::read_only(&workspace.data).and_then(|directory| directory.holder());
        holder.map(Self).map_err(|error| Failure::from_error(FailureCode::File, &error))
    }

    /// Whether there is such a process.
    pub fn is_there(self) -> bool {
        self.0.is_some()
    }

    /// Whether a run was cut off and waits for `runs resume`.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn has_left(self, reader: &dyn Reader, run: &RunSummary) -> Result<bool, Failure> {
        if run.status.is_terminal() {
            return Ok(false);
        }
        let Some(Work { since, run: driven }) = self.0 else { return Ok(true) };
        // Before it has said what it goes on with, it may be any run.
        let Some(driven) = driven else { return Ok(false) };
        if run.run == driven || run.started >= since {
            return Ok(false);
        }
        Ok(!descendants::is_below(reader, (&run.namespace, run.run), |above| above == driven)?)
    }
}
