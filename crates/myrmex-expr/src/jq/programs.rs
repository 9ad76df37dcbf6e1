//! The programs that were compiled before: compiling one takes a hundred times as long as running it.

use std::sync::{Arc, Weak};

use myrmex_model::OrderedMap;

use super::{Program, Refused};

/// With fewer programs than this nothing is swept.
const SWEPT_MIN: usize = 64;

/// The jq programs that somebody holds, by source.
///
/// It holds none itself, so it is as large as what the expressions of its owner hold, or twice that before it is swept.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    known: OrderedMap<Box<str>, Weak<Program>>,
    /// How many there were after they were last swept.
    swept: usize,
    /// How many programs were compiled.
    #[cfg(test)]
    pub(crate) compiled: usize,
}

impl Programs {
    /// Returns the program `source`.
    ///
    /// # Errors
    ///
    /// Returns what [`Program::new`] returns.
    pub(crate) fn get(&mut self, source: &str) -> Result<Arc<Program>, Refused> {
        if let Some(program) = self.known.get(source).and_then(Weak::upgrade) {
            return Ok(program);
        }
        let program = Arc::new(Program::new(source)?);
        #[cfg(test)]
        {
            self.compiled += 1;
        }
        if self.known.len() >= 2 * self.swept.max(SWEPT_MIN) {
            self.known.retain(|_, program| program.strong_count() > 0);
            self.swept = self.known.len();
        }
        self.known.insert(source.into(), Arc::downgrade(&program));
        Ok(program)
    }

    /// Returns how many programs are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}
