//! Which of the runs that are not over somebody goes on with.
//!
//! A process goes on with one run and what comes of it, and holds the store meanwhile. Every other run stands still, whatever its
//! record says, until it is resumed.

use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_store::Reader;
use myrmex_store::directory::{DataDirectory, Purpose};

use crate::descendants;
use crate::exit::{Failure, FailureCode};
use crate::workspace::Workspace;

/// The process that holds the store of a workspace, if one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver(Option<Purpose>);

impl Driver {
    /// Looks who holds the store now.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the data directory cannot be read.
    pub fn of(workspace: &Workspace) -> Result<Self, Failure> {
        let holder = DataDirectory::read_only(&workspace.data).and_then(|directory| directory.holder());
        holder.map(Self).map_err(|error| Failure::from_error(FailureCode::File, &error))
    }

    /// Whether a run of this status was cut off and waits for `runs resume`.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn has_left(
        self,
        reader: &dyn Reader,
        (namespace, run): (&Namespace, RunId),
        status: Status,
    ) -> Result<bool, Failure> {
        if status.is_terminal() {
            return Ok(false);
        }
        Ok(match self.0 {
            None => true,
            // It opens the store; in a moment it says what for.
            Some(Purpose::Unsaid) => false,
            Some(Purpose::Run(driven)) => {
                run != driven && !descendants::is_below(reader, (namespace, run), |above| above == driven)?
            }
        })
    }
}
