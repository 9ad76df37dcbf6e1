//! The lines of a file as the items of a `for_each`: counted in one pass, then read a page at a time.
//!
//! What is in memory of a file is where its pages begin and the page that was read last, however long the file is.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::file::FileValue;
use myrmex_model::id::{BlobHash, RunId};
use myrmex_model::name::Namespace;
use myrmex_store::StoreError;
use myrmex_store::blobs::BlobStore;

/// The largest file of which the lines are items. It is read to its end within one turn.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The longest line with its end. A page holds at least one.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A page ends with the line that makes it so long: reading one costs no more than a file of this size.
const PAGE_BYTES: u64 = 64 << 10;

/// The most files of which a partition knows where their pages are, a few KiB for each 10 MiB. Another one takes the place of that
/// which was not used for longest, and costs a pass over the file when it is used again.
const BOOKS_MAX: usize = 256;

/// The most files of which a page is in memory.
const OPEN_MAX: usize = 16;

/// Where the pages of files are that runs of one partition go over. Throwing it away costs another pass over each file.
pub(crate) struct Lines {
    blobs: Arc<dyn BlobStore>,
    namespace: Namespace,
    /// The one that was used last stands last.
    books: Vec<Book>,
}

/// The pages of one file.
struct Book {
    run: RunId,
    hash: BlobHash,
    count: u32,
    pages: Vec<Page>,
    /// The lines of the page that was read last, with its place among the pages.
    open: Option<(usize, Vec<String>)>,
}

/// Some lines that follow each other.
struct Page {
    /// The number of its first line, from 0.
    first: u32,
    /// Its bytes in the file.
    range: Range<u64>,
    /// The checksum of its bytes: the hash of the file says nothing about a part of it.
    check: u32,
}

impl Lines {
    pub(crate) fn new(blobs: Arc<dyn BlobStore>, namespace: Namespace) -> Self {
        Self { blobs, namespace, books: Vec::new() }
    }

    /// Returns how many lines a file of a run has, of which at most `most` are allowed; none if the run does not have the file.
    ///
    /// # Errors
    ///
    /// Returns the error of the task if the file cannot be cut into lines within the limits, and [`StoreError`] if it cannot be
    /// read or is not what was put.
    pub(super) fn count(
        &mut self,
        run: RunId,
        file: &FileValue,
        most: u32,
    ) -> Result<Result<Option<u32>, Fault>, StoreError> {
        if file.size > FILE_BYTES_MAX {
            let title = format!(
                "`for_each` goes over files of at most {} MiB, `{}` is larger",
                FILE_BYTES_MAX >> 20,
                file.name
            );
            return Ok(Err(Fault::new(FaultKind::DataLimit, title)));
        }
        if let Some(count) =
            self.turn_to(run, file.hash).map(|book| book.count).filter(|count| *count <= most)
        {
            return Ok(Ok(Some(count)));
        }
        let Some(mut content) = self.blobs.get(&self.namespace, run, file.hash)? else { return Ok(Ok(None)) };
        let unread = |source| unread((run, file.hash), source);
        match cut(&mut content, most).map_err(unread)? {
            Ok((pages, count)) => {
                self.keep(Book { run, hash: file.hash, count, pages, open: None });
                Ok(Ok(Some(count)))
            }
            Err(uncut) => {
                // What is damaged is told as such, and not for what it looks like: its end tells.
                io::copy(&mut content, &mut io::sink()).map_err(unread)?;
                Ok(Err(uncut.fault(&file.name, most)))
            }
        }
    }

    /// Returns a line of a file that a `for_each` of the run went over, by its number from 0; none if there is no such line, or
    /// the run does not have the file.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if it cannot be read or is not what was put.
    pub(super) fn line(
        &mut self,
        run: RunId,
        file: &FileValue,
        number: u32,
    ) -> Result<Option<String>, StoreError> {
        // It was counted by a process before, or has made way for others; that it can be cut was seen when it was counted.
        if !matches!(self.count(run, file, u32::MAX)?, Ok(Some(_))) {
            return Ok(None);
        }
        let Some(book) = self.books.last_mut().filter(|book| number < book.count) else { return Ok(None) };
        let place = book.pages.partition_point(|page| page.first <= number) - 1;
        let page = &book.pages[place];
        if book.open.as_ref().is_none_or(|(open, _)| *open != place) {
            let bytes = self.blobs.part(&self.namespace, run, file.hash, page.range.clone())?;
            let Some(text) = bytes.and_then(|bytes| page.text(bytes)) else {
                let source =
                    io::Error::new(io::ErrorKind::InvalidData, "it has changed since it was counted");
                return Err(unread((run, file.hash), source));
            };
            book.open = Some((place, text.lines().map(str::to_owned).collect()));
        }
        let line =
            book.open.as_ref().and_then(|(_, lines)| lines.get((number - page.first) as usize)).cloned();
        // All that have an open page were used last.
        if let Some(closed) = self.books.len().checked_sub(OPEN_MAX + 1) {
            self.books[closed].open = None;
        }
        Ok(line)
    }

    /// Puts the book of a file last and returns it; none if there is none.
    fn turn_to(&mut self, run: RunId, hash: BlobHash) -> Option<&Book> {
        let place = self.books.iter().rposition(|book| book.run == run && book.hash == hash)?;
        self.books[place..].rotate_left(1);
        self.books.last()
    }

    fn keep(&mut self, book: Book) {
        self.books.retain(|own| own.run != book.run || own.hash != book.hash);
        if self.books.len() == BOOKS_MAX {
            self.books.remove(0);
        }
        self.books.push(book);
    }
}

impl Page {
    /// Returns its text; none if these are not its bytes.
    fn text(&self, bytes: Vec<u8>) -> Option<String> {
        let is_whole = crc32fast::hash(&bytes) == self.check;
        is_whole.then(|| String::from_utf8(bytes).ok()).flatten()
    }
}

/// Says that a file of a run cannot be read, or is not what was put.
fn unread((run, hash): (RunId, BlobHash), source: io::Error) -> StoreError {
    let place = format!("run {run}, blob {hash}");
    match source.kind() {
        io::ErrorKind::InvalidData => {
            StoreError::Damaged { what: format!("a file whose lines are items: {source}"), place }
        }
        _ => StoreError::Io { doing: format!("cannot read a file whose lines are items ({place})"), source },
    }
}

/// Why a file is not cut into lines, which are counted from 1.
#[derive(Debug)]
enum Uncut {
    TooMany,
    TooLong { line: u32 },
    NoText { line: u32 },
}

impl Uncut {
    /// Returns the error of the task that would go over the lines of the file `name`.
    fn fault(self, name: &str, most: u32) -> Fault {
        match self {
            Self::TooMany => {
                let title =
                    format!("`{name}` has more than {most} lines, and `for_each` at most so many items");
                Fault::new(FaultKind::DataLimit, title)
            }
            Self::TooLong { line } => {
                let title = format!("line {line} of `{name}` is longer than {} MiB", LINE_BYTES_MAX >> 20);
                Fault::new(FaultKind::DataLimit, title)
            }
            Self::NoText { line } => {
                let title = format!("line {line} of `{name}` is not UTF-8, and items are text");
                Fault::new(FaultKind::Validation, title)
            }
        }
    }
}

/// Reads content and finds its pages, and how many lines it has. What [`str::lines`] makes of it is what counts as a line.
/// Content that is cut was read to its end.
fn cut(content: &mut dyn Read, most: u32) -> io::Result<Result<(Vec<Page>, u32), Uncut>> {
    let mut content = BufReader::with_capacity(usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX), content);
    let (mut pages, mut page) = (Vec::new(), Vec::new());
    let (mut count, mut first, mut begin) = (0_u32, 0, 0);
    loop {
        let before = page.len();
        let read = content.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut page)?;
        count += u32::from(read > 0);
        if count > most {
            return Ok(Err(Uncut::TooMany));
        }
        if read as u64 > LINE_BYTES_MAX {
            return Ok(Err(Uncut::TooLong { line: count }));
        }
        if std::str::from_utf8(&page[before..]).is_err() {
            return Ok(Err(Uncut::NoText { line: count }));
        }
        if !page.is_empty() && (read == 0 || page.len() as u64 >= PAGE_BYTES) {
            let range = begin..begin + page.len() as u64;
            begin = range.end;
            pages.push(Page { first, range, check: crc32fast::hash(&page) });
            first = count;
            page.clear();
        }
        if read == 0 {
            return Ok(Ok((pages, count)));
        }
    }
}

#[cfg(test)]
mod tests {
    use myrmex_model::name::Namespace;
    use myrmex_store::blobs::{FileBlobStore, MemoryBlobStore};

    use super::*;

    const RUN: RunId = RunId([7; 16]);

    fn lines_of(content: &[u8]) -> (Lines, FileValue) {
        let blobs = MemoryBlobStore::new();
        let namespace = Namespace::standard();
        let blob = blobs.put(&namespace, RUN, &mut &content[..]).expect("there is room");
        let file = FileValue { name: "f".into(), size: blob.bytes, hash: blob.hash };
        (Lines::new(Arc::new(blobs), namespace), file)
    }

    fn all(lines: &mut Lines, file: &FileValue, count: u32) -> Vec<String> {
        (0..count).map(|number| lines.line(RUN, file, number).expect("readable").expect("there")).collect()
    }

    #[test]
    fn what_counts_as_a_line_is_what_the_standard_library_says() {
        let long = "y".repeat(usize::try_from(PAGE_BYTES).expect("small") - 1);
        let texts = [
            "",
            "\n",
            "a",
            "a\n",
            "a\n\n",
            "\r\n",
            "a\r",
            "a\r\nb\rc\n",
            "ä\n€",
            &long,
            &format!("{long}\n{long}\nz"),
        ];
        for text in texts {
            let (mut lines, file) = lines_of(text.as_bytes());
            let count = lines.count(RUN, &file, 10).expect("readable").expect("cut").expect("there");
            assert_eq!(all(&mut lines, &file, count), text.lines().collect::<Vec<_>>(), "{text:?}");
            assert_eq!(lines.line(RUN, &file, count).expect("readable"), None);
        }
    }

    #[test]
    fn pages_are_found_in_any_order_and_after_others_took_their_place() {
        let text = (0..30_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
        let (mut lines, file) = lines_of(text.as_bytes());
        let counted = lines.count(RUN, &file, 30_000).expect("readable");
        assert_eq!(counted, Ok(Some(30_000)));
        assert!(lines.books[0].pages.len() > 4);
        for number in [29_999, 0, 12_345, 12_346, 1] {
            let line = lines.line(RUN, &file, number).expect("readable");
            assert_eq!(line.as_deref(), Some(format!("line {number}").as_str()));
            lines.books.clear();
        }
        let stranger = RunId([8; 16]);
        assert_eq!(lines.count(stranger, &file, 9).expect("readable"), Ok(None));
        assert_eq!(lines.line(stranger, &file, 0).expect("readable"), None);
    }

    #[test]
    fn many_files_are_gone_over_at_once_with_few_pages_in_memory() {
        let (mut lines, _) = lines_of(b"");
        let content = |number: usize| format!("{number}\n{}\n", number + 1);
        let files: Vec<FileValue> = (0..BOOKS_MAX + 9)
            .map(|number| {
                let text = content(number);
                let blob =
                    lines.blobs.put(&lines.namespace, RUN, &mut text.as_bytes()).expect("there is room");
                FileValue { name: number.to_string(), size: blob.bytes, hash: blob.hash }
            })
            .collect();
        for line in 0..2 {
            for (number, file) in files.iter().enumerate() {
                let read = lines.line(RUN, file, line).expect("readable");
                assert_eq!(read.as_deref(), content(number).lines().nth(line as usize));
                assert!(lines.books.iter().filter(|book| book.open.is_some()).count() <= OPEN_MAX);
            }
        }
        assert_eq!(lines.books.len(), BOOKS_MAX);
    }

    #[test]
    fn a_file_that_is_not_what_was_put_is_damage_and_no_error_of_the_task() {
        let directory = tempfile::tempdir().expect("there is room");
        let namespace = Namespace::standard();
        let blobs = FileBlobStore::new(directory.path());
        let text = "line\n".repeat(30_000);
        let blob = blobs.put(&namespace, RUN, &mut text.as_bytes()).expect("there is room");
        let file = FileValue { name: "f".into(), size: blob.bytes, hash: blob.hash };
        let kept = directory.path().join("blobs").join(namespace.as_str()).join(RUN.to_string());
        let damage = |content: &[u8]| {
            std::fs::write(kept.join(file.hash.to_string()), content).expect("there is room");
        };
        let mut lines = Lines::new(Arc::new(blobs), namespace);
        assert_eq!(lines.count(RUN, &file, 30_000).expect("readable"), Ok(Some(30_000)));
        assert_eq!(lines.line(RUN, &file, 0).expect("readable").as_deref(), Some("line"));
        damage(&text.replace("line", "lime").into_bytes());
        for known in [true, false] {
            if !known {
                lines.books.clear();
            }
            let read = lines.line(RUN, &file, 29_999);
            assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
        }
        // It looks like too many lines, and like no text.
        for content in ["\n".repeat(30_001).as_bytes(), b"\xff"] {
            damage(content);
            let counted = lines.count(RUN, &file, 30_000);
            assert!(matches!(counted, Err(StoreError::Damaged { .. })), "{counted:?}");
        }
        std::fs::remove_file(kept.join(file.hash.to_string())).expect("it is there");
        assert_eq!(lines.count(RUN, &file, 30_000).expect("readable"), Ok(None));
    }
}
