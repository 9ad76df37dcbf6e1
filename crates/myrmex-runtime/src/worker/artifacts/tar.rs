//! A folder as one stream: the ustar format of POSIX.1-1988, with pax records of POSIX.1-2001 for long names.
//!
//! The stream depends on names, contents, links and the right to execute, and on nothing else: owners are 0 and times are
//! the epoch. So the same content has the same hash on every machine and at all times.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Take};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const BLOCK_BYTES: usize = 512;

/// How long the name and the prefix of a header may be.
const NAME_BYTES_MAX: usize = 100;
const PREFIX_BYTES_MAX: usize = 155;

/// Something in the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path in the stream, relative.
    pub(super) name: PathBuf,
    pub(super) what: What,
}

/// What an [`Entry`] is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Folder,
    Link { target: OsString },
    File { source: PathBuf, bytes: u64, is_executable: bool },
}

/// Opens a file of the folder.
pub(super) type Open<'o> = dyn FnMut(&std::path::Path) -> io::Result<File> + 'o;

/// Reads entries as a stream. Memory does not grow with the length of files.
pub(super) struct Stream<'o> {
    entries: std::vec::IntoIter<Entry>,
    open: Box<Open<'o>>,
    /// A header, or what fills the last block, and how much of it was given.
    block: Vec<u8>,
    given: usize,
    /// The file that follows, and how long it is.
    file: Option<(Take<File>, u64)>,
    has_ended: bool,
}

impl<'o> Stream<'o> {
    /// Makes the stream of `entries`, whose files are opened by `open` when they are read.
    pub(super) fn new(entries: Vec<Entry>, open: Box<Open<'o>>) -> Self {
        let entries = entries.into_iter();
        Self { entries, open, block: Vec::new(), given: 0, file: None, has_ended: false }
    }

    /// Prepares the header of the next entry, or the end; false if that was given too.
    fn advance(&mut self) -> io::Result<bool> {
        let Some(entry) = self.entries.next() else {
            // Two empty blocks are the end.
            self.give(vec![0; 2 * BLOCK_BYTES]);
            return Ok(!std::mem::replace(&mut self.has_ended, true));
        };
        self.give(header(&entry));
        if let What::File { source, bytes, .. } = entry.what {
            self.file = Some(((self.open)(&source)?.take(bytes), bytes));
        }
        Ok(true)
    }

    fn give(&mut self, block: Vec<u8>) {
        (self.block, self.given) = (block, 0);
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = (&self.block[self.given..]).read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.given += count;
                return Ok(count);
            }
            let Some((file, bytes)) = &mut self.file else {
                if self.advance()? {
                    continue;
                }
                return Ok(0);
            };
            let count = file.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if file.limit() > 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a file changed while it was stored",
                ));
            }
            let padding = bytes.next_multiple_of(BLOCK_BYTES as u64) - *bytes;
            self.file = None;
            self.give(vec![0; usize::try_from(padding).unwrap_or(0)]);
        }
    }
}

/// Returns the header of an entry, with the records of names that do not fit before it.
fn header(entry: &Entry) -> Vec<u8> {
    let mut name = entry.name.as_os_str().as_bytes().to_vec();
    let (kind, mode, bytes, target): (u8, u32, u64, &[u8]) = match &entry.what {
        What::Folder => {
            name.push(b'/');
            (b'5', 0o755, 0, b"")
        }
        What::Link { target } => (b'2', 0o777, 0, target.as_bytes()),
        What::File { bytes, is_executable: true, .. } => (b'0', 0o755, *bytes, b""),
        What::File { bytes, is_executable: false, .. } => (b'0', 0o644, *bytes, b""),
    };
    let mut records = Vec::new();
    let (prefix, short) = split(&name).unwrap_or_else(|| {
        records.extend(record("path", &name));
        (b"".as_slice(), &name[..NAME_BYTES_MAX])
    });
    if target.len() > NAME_BYTES_MAX {
        records.extend(record("linkpath", target));
    }
    let mut out = Vec::new();
    if !records.is_empty() {
        out.extend(block(b'x', 0o644, records.len() as u64, (b"", b"pax"), b""));
        let length = records.len().next_multiple_of(BLOCK_BYTES);
        records.resize(length, 0);
        out.extend(records);
    }
    let target = &target[..target.len().min(NAME_BYTES_MAX)];
    out.extend(block(kind, mode, bytes, (prefix, short), target));
    out
}

/// Cuts a name at a slash so that both parts fit; nothing if they cannot.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME_BYTES_MAX {
        return Some((b"", name));
    }
    // A slash at the end belongs to the name of a folder.
    let slashes = (1..name.len() - 1).filter(|index| name[*index] == b'/');
    let mut fitting =
        slashes.filter(|index| *index <= PREFIX_BYTES_MAX && name.len() - index - 1 <= NAME_BYTES_MAX);
    fitting.next().map(|index| (&name[..index], &name[index + 1..]))
}

/// Returns a pax record: its own length, a key and a value.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    // The length counts its own digits.
    let length =
        (1..=20).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length);
    let mut out = format!("{} {key}=", length.unwrap_or(rest)).into_bytes();
    out.extend_from_slice(value);
    out.push(b'\n');
    out
}

/// Returns one header block.
fn block(
    kind: u8,
    mode: u32,
    bytes: u64,
    (prefix, name): (&[u8], &[u8]),
    target: &[u8],
) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, name);
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{bytes:011o}").as_bytes());
    put(136, b"00000000000");
    // The sum is taken with spaces in its own place.
    put(148, b"        ");
    put(156, &[kind]);
    put(157, target);
    put(257, b"ustar\x0000");
    put(345, prefix);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        std::fs::write(&source, "x".repeat(700)).unwrap();
        let file = |name: String, is_executable| Entry {
            name: name.into(),
            what: What::File { source: source.clone(), bytes: 700, is_executable },
        };
        let deep = format!("{}/{}", "d".repeat(90), "f".repeat(90));
        let long = "n".repeat(200);
        let entries = vec![
            Entry { name: "empty".into(), what: What::Folder },
            file("run".into(), true),
            file(deep.clone(), false),
            file(long.clone(), false),
            Entry { name: "link".into(), what: What::Link { target: "run".into() } },
        ];
        let mut stream = Stream::new(entries, Box::new(|path| File::open(path)));
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() % BLOCK_BYTES, 0);
        let archive = folder.path().join("all.tar");
        std::fs::write(&archive, &bytes).unwrap();
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let untarred = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&out).output().unwrap();
        assert!(untarred.status.success(), "{untarred:?}");
        assert!(out.join("empty").is_dir());
        for name in ["run", "link", &deep, &long] {
            assert_eq!(std::fs::read(out.join(name)).unwrap().len(), 700, "{name}");
        }
        assert_eq!(std::fs::read_link(out.join("link")).unwrap().to_str(), Some("run"));
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        std::fs::write(&source, "short").unwrap();
        let entry = Entry { name: "a".into(), what: What::File { source, bytes: 9, is_executable: false } };
        let mut stream = Stream::new(vec![entry], Box::new(|path| File::open(path)));
        assert!(stream.read_to_end(&mut Vec::new()).is_err());
    }
}
