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

/// What some editors write at the beginning of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

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
    /// The run that used it last. It has the file.
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

    /// Returns how many lines a file of a run has, of which at most `most` are allowed.
    ///
    /// # Errors
    ///
    /// Returns [`Unread::Fault`] if the file cannot be cut into lines within the limits, is not there, is not what was put, or
    /// cannot be read, and [`Unread::Store`] if the store cannot.
    pub(super) fn count(&mut self, run: RunId, file: &FileValue, most: u32) -> Result<u32, Unread> {
        if file.size > FILE_BYTES_MAX {
            return Err(Uncut::TooLarge.fault(&file.name, most).into());
        }
        if let Some(count) = self.turn_to(run, file)?.map(|book| book.count).filter(|count| *count <= most) {
            return Ok(count);
        }
        let content =
            self.blobs.get(&self.namespace, run, file.hash).map_err(|error| unread_store(file, error))?;
        let mut content = content.ok_or_else(|| gone(file))?;
        let unread = |source| unread((run, file), source);
        match cut(&mut content, most).map_err(unread)? {
            Ok((pages, count)) => {
                self.keep(Book { run, hash: file.hash, count, pages, open: None });
                Ok(count)
            }
            Err(uncut) => {
                // What is damaged is told as such, and not for what it looks like: its end tells.
                io::copy(&mut content, &mut io::sink()).map_err(unread)?;
                Err(uncut.fault(&file.name, most).into())
            }
        }
    }

    /// Returns a line of a file that a `for_each` of the run went over, by its number from 0; none if there is no such line.
    ///
    /// # Errors
    ///
    /// Returns [`Unread::Fault`] if the file is not there any more, not what was put, or cannot be read, and [`Unread::Store`] if
    /// the store cannot.
    pub(super) fn line(
        &mut self,
        run: RunId,
        file: &FileValue,
        number: u32,
    ) -> Result<Option<String>, Unread> {
        // It was counted by a process before, or has made way for others; that it can be cut was seen when it was counted.
        self.count(run, file, u32::MAX)?;
        let Some(book) = self.books.last_mut().filter(|book| number < book.count) else { return Ok(None) };
        let place = book.pages.partition_point(|page| page.first <= number) - 1;
        let page = &book.pages[place];
        let in_page = (number - page.first) as usize;
        if let Some((open, lines)) = &book.open
            && *open == place
        {
            return Ok(lines.get(in_page).cloned());
        }
        let bytes = self.blobs.part(&self.namespace, run, file.hash, page.range.clone());
        let bytes = bytes.map_err(|error| unread_store(file, error))?;
        let text = page.text(bytes.ok_or_else(|| gone(file))?).ok_or_else(|| damaged(file))?;
        let (_, lines) = book.open.insert((place, text.lines().map(str::to_owned).collect()));
        let line = lines.get(in_page).cloned();
        let closed = self.books.len().saturating_sub(OPEN_MAX);
        self.books[..closed].iter_mut().for_each(|book| book.open = None);
        Ok(line)
    }

    /// Puts the book of a file last and returns it; none if there is none. Runs that have the same file share it.
    fn turn_to(&mut self, run: RunId, file: &FileValue) -> Result<Option<&Book>, Unread> {
        let Some(place) = self.books.iter().rposition(|book| book.hash == file.hash) else { return Ok(None) };
        if self.books[place].run != run {
            let part = self.blobs.part(&self.namespace, run, file.hash, 0..0);
            part.map_err(|error| unread_store(file, error))?.ok_or_else(|| gone(file))?;
            self.books[place].run = run;
        }
        self.books[place..].rotate_left(1);
        Ok(self.books.last())
    }

    fn keep(&mut self, book: Book) {
        self.books.retain(|own| own.hash != book.hash);
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

/// Why lines are not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is an error of the task that would read them. The file may be gone for good, and a run must be able to end all the
    /// same.
    Fault(Fault),
    /// Nobody knows yet.
    Store(StoreError),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn gone(file: &FileValue) -> Fault {
    let title = format!("the lines of `{}` cannot be read: this run does not have the file", file.name);
    let fault = Fault::new(FaultKind::Validation, title);
    fault.with_detail("files are inputs of the type `file`, artifacts, and what calls give of them")
}

fn damaged(file: &FileValue) -> Fault {
    let title = format!("the lines of `{}` cannot be read: the file is not what was kept", file.name);
    let fault = Fault::new(FaultKind::Runtime, title);
    fault.with_detail(format!("the content of the blob {} has changed in the data directory", file.hash))
}

/// Says why a file of a run is not read to its end.
fn unread((run, file): (RunId, &FileValue), source: io::Error) -> Unread {
    if source.kind() == io::ErrorKind::InvalidData {
        return damaged(file).into();
    }
    let doing = format!("cannot read a file whose lines are items (run {run}, blob {})", file.hash);
    unread_store(file, StoreError::Io { doing, source })
}

/// Tells what is wrong with one file, and stays so, from what is wrong with the store.
fn unread_store(file: &FileValue, error: StoreError) -> Unread {
    match error {
        StoreError::Io { source, .. } if is_of_the_file(&source) => {
            let title = format!("the lines of `{}` cannot be read: {source}", file.name);
            let detail = format!("this is about the blob {} in the data directory", file.hash);
            Fault::new(FaultKind::Runtime, title).with_detail(detail).into()
        }
        other => Unread::Store(other),
    }
}

/// Whether the system refuses this very file: it may not be read, is no file, or lies on a bad place of the disk.
fn is_of_the_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory)
        || error.raw_os_error() == Some(libc::EIO)
}

/// Why a file is not cut into lines, which are counted from 1.
#[derive(Debug)]
enum Uncut {
    TooLarge,
    TooMany,
    TooLong { line: u32 },
    NoText { line: u32 },
}

impl Uncut {
    /// Returns the error of the task that would go over the lines of the file `name`.
    fn fault(self, name: &str, most: u32) -> Fault {
        match self {
            Self::TooLarge => {
                let most = FILE_BYTES_MAX >> 20;
                let title = format!("`for_each` goes over files of at most {most} MiB, `{name}` is larger");
                Fault::new(FaultKind::DataLimit, title)
            }
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

/// Reads content and finds its pages, and how many lines it has. What [`str::lines`] makes of it is what counts as a line, but for
/// a byte order mark before the first.
/// Content that is cut was read to its end.
fn cut(content: &mut dyn Read, most: u32) -> io::Result<Result<(Vec<Page>, u32), Uncut>> {
    let mut content = BufReader::with_capacity(usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX), content);
    let (mut pages, mut page) = (Vec::new(), Vec::new());
    let (mut count, mut first, mut begin) = (0_u32, 0, 0);
    // It says how the text is encoded and is no part of it.
    if content.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        content.consume(BYTE_ORDER_MARK.len());
        begin = BYTE_ORDER_MARK.len() as u64;
    }
    loop {
        let before = page.len();
        let read = content.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut page)?;
        count += u32::from(read > 0);
        if count > most {
            return Ok(Err(Uncut::TooMany));
        }
        if begin > FILE_BYTES_MAX {
            return Ok(Err(Uncut::TooLarge));
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

    const GONE: &str = "the lines of `f` cannot be read: this run does not have the file";

    const DAMAGED: &str = "the lines of `f` cannot be read: the file is not what was kept";

    fn title<T: std::fmt::Debug>(read: Result<T, Unread>) -> String {
        match read {
            Err(Unread::Fault(fault)) => fault.title,
            other => panic!("{other:?}"),
        }
    }

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
            let count = lines.count(RUN, &file, 10).expect("readable");
            assert_eq!(all(&mut lines, &file, count), text.lines().collect::<Vec<_>>(), "{text:?}");
            assert_eq!(lines.line(RUN, &file, count).expect("readable"), None);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let texts: [(&str, &[&str]); 3] =
            [("\u{feff}", &[]), ("\u{feff}a\n\u{feff}b", &["a", "\u{feff}b"]), ("\u{feff}\n", &[""])];
        for (text, expected) in texts {
            let (mut lines, file) = lines_of(text.as_bytes());
            let count = lines.count(RUN, &file, 10).expect("readable");
            assert_eq!(all(&mut lines, &file, count), expected, "{text:?}");
        }
    }

    #[test]
    fn pages_are_found_in_any_order_and_after_others_took_their_place() {
        let text = (0..30_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
        let (mut lines, file) = lines_of(text.as_bytes());
        assert_eq!(lines.count(RUN, &file, 30_000).expect("readable"), 30_000);
        assert!(lines.books[0].pages.len() > 4);
        for number in [29_999, 0, 12_345, 12_346, 1] {
            let line = lines.line(RUN, &file, number).expect("readable");
            assert_eq!(line.as_deref(), Some(format!("line {number}").as_str()));
            lines.books.clear();
        }
        let stranger = RunId([8; 16]);
        assert_eq!(title(lines.count(stranger, &file, 9)), GONE);
        assert_eq!(title(lines.line(stranger, &file, 0)), GONE);
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
        for file in &files {
            lines.count(RUN, file, 2).expect("readable");
        }
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
    fn a_file_that_is_not_what_was_put_is_told_as_that_whatever_it_looks_like() {
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
        assert_eq!(lines.count(RUN, &file, 30_000).expect("readable"), 30_000);
        assert_eq!(lines.line(RUN, &file, 0).expect("readable").as_deref(), Some("line"));
        damage(&text.replace("line", "lime").into_bytes());
        for known in [true, false] {
            if !known {
                lines.books.clear();
            }
            assert_eq!(title(lines.line(RUN, &file, 29_999)), DAMAGED);
        }
        // It looks like too many lines, and like no text.
        for content in ["\n".repeat(30_001).as_bytes(), b"\xff"] {
            damage(content);
            assert_eq!(title(lines.count(RUN, &file, 30_000)), DAMAGED);
        }
        std::fs::remove_file(kept.join(file.hash.to_string())).expect("it is there");
        assert_eq!(title(lines.count(RUN, &file, 30_000)), GONE);
        lines.books.clear();
        std::fs::create_dir(kept.join(file.hash.to_string())).expect("there is room");
        let refused = title(lines.line(RUN, &file, 0));
        assert!(refused.starts_with("the lines of `f` cannot be read: Is a directory"), "{refused}");
    }
}
