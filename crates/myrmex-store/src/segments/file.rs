//! Segments as files: `logs/00000001.log` and so on in the data directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use myrmex_model::time::Timestamp;

use super::walk::{Reading, Shelf, Step, Walk, scan};
use super::writer::{Medium, Writer};
use super::{LogReader, LogStore, Pieces, Source, Stream, Tail};
use crate::directory::sync_directory;
use crate::error::StoreError;
use crate::operation::{LogPosition, LogRange};

/// A segment shorter than this is read through and continued when the segments are opened, so that a thousand short
/// runs share a file. A longer one is left as it is, so that opening takes no time.
const CONTINUED_BYTES_MAX: u64 = 1 << 20;

/// The segments in a data directory, for writing. Its owner holds the directory, see [`crate::directory::Owner`].
pub struct FileLogStore {
    writer: Writer<Files>,
    directory: PathBuf,
}

/// The segments in a data directory, for reading.
#[derive(Debug, Clone)]
pub struct FileLogReader {
    directory: PathBuf,
}

impl FileLogStore {
    /// Opens the segments of a data directory. Creates nothing: a file is made for the first bytes that it holds.
    ///
    /// If the last segment is short and ends with a torn chunk, that one is cut off. A torn end of a long segment
    /// stays, and a new segment is begun.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let directory = directory.join("logs");
        let reader = FileLogReader { directory: directory.clone() };
        let failed = |error| StoreError::io("cannot open the log segments", error);
        let last = reader.last().map_err(failed)?;
        let mut files = Files { directory: directory.clone(), current: None, is_new_name: false };
        let start = match continued(&reader, last)? {
            Some(length) => {
                files.cut(last, length).map_err(failed)?;
                LogPosition { segment: last, offset: length }
            }
            None => LogPosition { segment: last + 1, offset: 0 },
        };
        // The earlier owner syncs a segment before it begins the next one, so only the last one is in doubt.
        let unsynced = (last > 0).then_some(last);
        files.is_new_name = unsynced.is_some();
        Ok(Self { writer: Writer::new(files, start, unsynced), directory })
    }

    /// Lets an attempt write at most `bytes_max`; at least 128 KiB.
    #[must_use]
    pub fn with_attempt_bytes_max(mut self, bytes_max: u64) -> Self {
        self.writer.bound_attempts(bytes_max);
        self
    }
}

impl FileLogReader {
    /// Names the segments of a data directory; they need not exist.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.join("logs") }
    }
}

/// Returns the length of the last segment as far as it is whole, if it is one to go on with.
fn continued(reader: &FileLogReader, segment: u32) -> Result<Option<u64>, StoreError> {
    let end = reader.length(segment).map_err(|error| StoreError::io("cannot open a log segment", error))?;
    if segment == 0 || end >= CONTINUED_BYTES_MAX {
        return Ok(None);
    }
    let mut walk = Walk::new(reader, LogRange { segment, start: 0, end });
    loop {
        match walk.step()? {
            Step::Chunk(..) => {}
            // A damaged length can look like a torn end; nothing whole may be cut off.
            Step::Torn(place) if walk.search(place.offset + 1)?.is_none() => return Ok(Some(place.offset)),
            Step::Torn(_) | Step::Damaged(_) => return Ok(None),
            Step::End => return Ok(Some(end)),
        }
    }
}

fn path_of(directory: &Path, segment: u32) -> PathBuf {
    directory.join(format!("{segment:08}.log"))
}

struct Files {
    directory: PathBuf,
    current: Option<(u32, File)>,
    /// Whether the name of a segment may not have been synced.
    is_new_name: bool,
}

impl Files {
    fn file(&mut self, segment: u32) -> io::Result<&File> {
        if self.current.as_ref().is_none_or(|(number, _)| *number != segment) {
            let path = path_of(&self.directory, segment);
            let mut options = OpenOptions::new();
            options.write(true).mode(0o600);
            let file = match options.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(&self.directory)?;
                    self.is_new_name = true;
                    options.create_new(true).open(&path)?
                }
                opened => opened?,
            };
            self.current = Some((segment, file));
        }
        self.current.as_ref().map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Medium for Files {
    fn write(&mut self, segment: u32, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(segment)?.write_all_at(bytes, offset)
    }

    fn cut(&mut self, segment: u32, length: u64) -> io::Result<()> {
        match fs::metadata(path_of(&self.directory, segment)) {
            Ok(metadata) if metadata.len() > length => self.file(segment)?.set_len(length),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync(&mut self, segment: u32) -> io::Result<()> {
        self.file(segment)?.sync_data()?;
        if self.is_new_name {
            sync_directory(&self.directory)?;
            self.directory.parent().map_or(Ok(()), sync_directory)?;
            self.is_new_name = false;
        }
        Ok(())
    }
}

impl Shelf for FileLogReader {
    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = match File::open(path_of(&self.directory, segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            opened => opened?,
        };
        let mut length = 0;
        while length < buffer.len() {
            match file.read_at(&mut buffer[length..], offset + length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn length(&self, segment: u32) -> io::Result<u64> {
        match fs::metadata(path_of(&self.directory, segment)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn last(&self) -> io::Result<u32> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut last = 0;
        for entry in entries {
            let name = entry?.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|n| n.parse().ok());
            last = last.max(number.unwrap_or(0));
        }
        Ok(last)
    }

    fn name(&self, segment: u32) -> String {
        path_of(&self.directory, segment).display().to_string()
    }
}

impl LogStore for FileLogStore {
    fn append(
        &mut self,
        source: Source,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.writer.append(source, stream, at, bytes)
    }

    fn finish(&mut self, source: Source, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
        self.writer.finish(source, at)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.writer.flush()
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.writer.sync()
    }

    fn position(&self) -> LogPosition {
        self.writer.position()
    }

    fn reader(&self) -> Box<dyn LogReader> {
        Box::new(FileLogReader { directory: self.directory.clone() })
    }
}

impl LogReader for FileLogReader {
    fn read(&self, ranges: Vec<LogRange>, source: Source) -> Pieces<'_> {
        Box::new(Reading::new(self, ranges, source))
    }

    fn scan_tail(&self, from: LogPosition) -> Result<Tail, StoreError> {
        scan(self, from)
    }
}
