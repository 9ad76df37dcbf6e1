//! A look at a whole store: what opening does not find, because it lies inside of pages that nobody has read yet.

use super::reader::SqliteReader;
use crate::error::StoreError;

/// The most problems that are named: with one there is as much to do as with more.
const PROBLEMS_MAX: usize = 10;

impl SqliteReader {
    /// Reads every page of the store and says what is wrong with them; nothing if they are whole. Takes as long as reading the file,
    /// and is one read transaction: harmless while another process writes, but its write-ahead log cannot begin anew meanwhile.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store cannot be read, damage that keeps it from being read among it.
    pub fn problems(&self) -> Result<Vec<String>, StoreError> {
        let told =
            self.rows(&format!("PRAGMA quick_check({PROBLEMS_MAX})"), [], |row| row.get::<_, String>(0));
        Ok(told?.into_iter().filter(|line| line != "ok").collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::FileExt;

    use crate::sqlite::{FILE_NAME, SqliteReader, SqliteStore};

    #[test]
    fn a_store_is_whole_until_a_page_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(folder.path()).unwrap());
        let problems = || SqliteReader::open(folder.path()).and_then(|reader| reader.problems());
        assert_eq!(problems().unwrap(), [""; 0]);
        let file = OpenOptions::new().write(true).open(folder.path().join(FILE_NAME)).unwrap();
        let length = file.metadata().unwrap().len();
        file.write_all_at(&[0xff; 4096], length - 4096).unwrap();
        drop(file);
        assert!(problems().map_or(true, |problems| !problems.is_empty()));
    }
}
