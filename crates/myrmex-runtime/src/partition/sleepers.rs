//! Runs that left memory, in little room: of each its id, when its first timer is due, and whether it has a snapshot.
//!
//! They lie in pages, ordered by their ids within a page and from page to page, as in the leaves of a B+ tree (Comer, "The
//! ubiquitous B-tree", 1979) whose inner nodes are one list. Ids ascend with time, so most runs are added at the end: a full
//! last page stays full and the next one begins, where a tree that splits in the middle would leave every page half empty.

use myrmex_model::id::RunId;
use myrmex_model::time::Timestamp;

/// The most rows of a page. Adding one and taking one away move so many at most.
const ROWS_MAX: usize = 256;

/// How many rows a page makes room for at a time.
const ROOM: usize = 16;

/// What is left of a run that left memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asleep {
    /// Whether it has a snapshot, which may not be durable yet.
    pub(super) has_snapshot: bool,
    /// When the first of its timers is due.
    pub(super) first_due: Option<Timestamp>,
}

/// Runs that left memory. Finding one costs the logarithm of their number; adding one and taking one away cost a page, and the
/// list of pages where that changes; taking the one away that is due first costs a look at each page.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    /// None of them is empty.
    pages: Vec<Page>,
    len: usize,
    /// The run whose timer is due before all others, and when.
    first: Option<(Timestamp, RunId)>,
}

#[derive(Debug, Default)]
struct Page {
    rows: Vec<Row>,
    first: Option<(Timestamp, RunId)>,
}

/// Takes 25 bytes: its parts are bytes, so that nothing is lost to alignment.
#[derive(Debug, Clone, Copy)]
struct Row {
    run: RunId,
    /// The instant, as big-endian bytes; without a meaning if there is none.
    due: [u8; 8],
    marks: u8,
}

const HAS_SNAPSHOT: u8 = 1;
const HAS_DUE: u8 = 2;

impl Row {
    fn new(run: RunId, asleep: Asleep) -> Self {
        let has_snapshot = if asleep.has_snapshot { HAS_SNAPSHOT } else { 0 };
        let has_due = if asleep.first_due.is_some() { HAS_DUE } else { 0 };
        let due = asleep.first_due.map_or([0; 8], |due| due.0.to_be_bytes());
        Self { run, due, marks: has_snapshot | has_due }
    }

    fn asleep(self) -> Asleep {
        let first_due = (self.marks & HAS_DUE != 0).then(|| Timestamp(i64::from_be_bytes(self.due)));
        Asleep { has_snapshot: self.marks & HAS_SNAPSHOT != 0, first_due }
    }

    fn due(self) -> Option<(Timestamp, RunId)> {
        Some((self.asleep().first_due?, self.run))
    }
}

impl Page {
    fn of(rows: Vec<Row>) -> Self {
        let mut page = Self { rows, first: None };
        page.look();
        page
    }

    fn look(&mut self) {
        self.first = self.rows.iter().filter_map(|row| row.due()).min();
    }

    fn insert(&mut self, at: usize, row: Row) {
        if self.rows.len() == self.rows.capacity() {
            self.rows.reserve_exact(ROOM);
        }
        self.rows.insert(at, row);
        self.first = self.first.into_iter().chain(row.due()).min();
    }
}

impl Sleepers {
    /// Returns how many runs are asleep.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the runs in the order of their ids.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.pages.iter().flat_map(|page| page.rows.iter().map(|row| row.run))
    }

    /// Returns the run whose first timer is due before those of all others, the lowest id of them, and when it is due.
    pub(super) fn first(&self) -> Option<(Timestamp, RunId)> {
        self.first
    }

    /// Returns what is left of a run; nothing if it is not asleep.
    pub(super) fn get(&self, run: RunId) -> Option<Asleep> {
        let (page, row) = self.find(run);
        let row = row.ok()?;
        Some(self.pages[page].rows[row].asleep())
    }

    /// Adds a run, or changes what is left of it.
    pub(super) fn insert(&mut self, run: RunId, asleep: Asleep) {
        self.remove(run);
        let row = Row::new(run, asleep);
        let (mut page, found) = self.find(run);
        let mut at = found.unwrap_or_else(|at| at);
        if self.pages.get(page).is_none_or(|page| page.rows.len() == ROWS_MAX) {
            (page, at) = self.make_room(page, at);
        }
        self.pages[page].insert(at, row);
        self.len += 1;
        self.first = self.first.into_iter().chain(row.due()).min();
    }

    /// Takes a run away, and returns what was left of it.
    pub(super) fn remove(&mut self, run: RunId) -> Option<Asleep> {
        let (at, row) = self.find(run);
        let row = row.ok()?;
        let page = &mut self.pages[at];
        let row = page.rows.remove(row);
        if page.first == row.due() {
            page.look();
        }
        if page.rows.is_empty() {
            self.pages.remove(at);
        } else {
            self.join(at);
        }
        self.len -= 1;
        if self.first == row.due() {
            self.first = self.pages.iter().filter_map(|page| page.first).min();
        }
        Some(row.asleep())
    }

    /// Returns the page in which a run is or would be, and where in it. Without pages it is the first, which is not there yet.
    fn find(&self, run: RunId) -> (usize, Result<usize, usize>) {
        let after = self.pages.partition_point(|page| page.rows.first().is_some_and(|row| row.run <= run));
        let page = after.saturating_sub(1);
        let rows = self.pages.get(page).map_or(&[][..], |page| &page.rows);
        (page, rows.binary_search_by_key(&run, |row| row.run))
    }

    /// Makes room for a row in a page that is full or missing, and returns where it has its place then.
    fn make_room(&mut self, page: usize, at: usize) -> (usize, usize) {
        if self.pages.is_empty() {
            self.pages.push(Page::default());
            return (page, at);
        }
        if page + 1 == self.pages.len() && at == ROWS_MAX {
            self.pages.push(Page::default());
            return (page + 1, 0);
        }
        let mut rows = std::mem::take(&mut self.pages[page].rows);
        let upper = rows.split_off(ROWS_MAX / 2);
        rows.shrink_to_fit();
        self.pages[page] = Page::of(rows);
        self.pages.insert(page + 1, Page::of(upper));
        if at > ROWS_MAX / 2 { (page + 1, at - ROWS_MAX / 2) } else { (page, at) }
    }

    /// Joins a page with the next one or the one before it, if both together fill no more than half a page.
    fn join(&mut self, at: usize) {
        let fits = |lower: usize| {
            let rows = |page: usize| self.pages.get(page).map_or(ROWS_MAX, |page| page.rows.len());
            rows(lower) + rows(lower + 1) <= ROWS_MAX / 2
        };
        let Some(lower) = [Some(at), at.checked_sub(1)].into_iter().flatten().find(|lower| fits(*lower))
        else {
            return;
        };
        let upper = self.pages.remove(lower + 1);
        let page = &mut self.pages[lower];
        page.rows.reserve_exact(upper.rows.len());
        page.rows.extend(upper.rows);
        page.first = page.first.into_iter().chain(upper.first).min();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn run(number: u16) -> RunId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        RunId(id)
    }

    fn asleep(due: Option<i64>) -> Asleep {
        Asleep { has_snapshot: due.is_some_and(|due| due % 3 == 0), first_due: due.map(Timestamp) }
    }

    /// What the pages promise: their order, their size, what each knows of its rows, and who is first.
    fn check(sleepers: &Sleepers, model: &BTreeMap<RunId, Asleep>) {
        assert_eq!(sleepers.len(), model.len());
        assert!(sleepers.runs().eq(model.keys().copied()), "all of them, in order");
        let first = model.iter().filter_map(|(run, asleep)| Some((asleep.first_due?, *run))).min();
        assert_eq!(sleepers.first(), first);
        for page in &sleepers.pages {
            assert!((1..=ROWS_MAX).contains(&page.rows.len()));
            assert_eq!(page.first, page.rows.iter().filter_map(|row| row.due()).min());
        }
    }

    proptest! {
        #[test]
        fn they_do_what_a_map_does(
            steps in prop::collection::vec((0..2_000_u16, prop::option::of(-50..50_i64), 0..5_u8), 1..3_000),
        ) {
            let (mut sleepers, mut model) = (Sleepers::default(), BTreeMap::new());
            for (number, due, what) in steps {
                if what == 0 {
                    prop_assert_eq!(sleepers.remove(run(number)), model.remove(&run(number)));
                } else {
                    sleepers.insert(run(number), asleep(due));
                    model.insert(run(number), asleep(due));
                }
                prop_assert_eq!(sleepers.get(run(number)), model.get(&run(number)).copied());
                prop_assert_eq!(sleepers.get(run(2_001)), None);
            }
            check(&sleepers, &model);
            // They come back in the order in which they are due.
            while let Some((_, first)) = sleepers.first() {
                prop_assert_eq!(sleepers.remove(first), model.remove(&first));
            }
            check(&sleepers, &model);
        }
    }

    #[test]
    fn runs_that_come_in_order_take_full_pages() {
        let (mut sleepers, mut model) = (Sleepers::default(), BTreeMap::new());
        for number in 0..10_000 {
            sleepers.insert(run(number), asleep(Some(i64::from(number))));
            model.insert(run(number), asleep(Some(i64::from(number))));
        }
        check(&sleepers, &model);
        let room: usize = sleepers.pages.iter().map(|page| page.rows.capacity()).sum();
        assert_eq!((size_of::<Row>(), room), (25, 10_000));
    }

    #[test]
    fn pages_that_empty_are_joined() {
        let (mut sleepers, mut model) = (Sleepers::default(), BTreeMap::new());
        for number in 0..10_000 {
            sleepers.insert(run(number), asleep(None));
        }
        for number in (0..10_000).filter(|number| number % 50 != 0) {
            sleepers.remove(run(number));
        }
        model.extend((0..10_000).step_by(50).map(|number| (run(number), asleep(None))));
        check(&sleepers, &model);
        assert!(sleepers.pages.len() < 8, "{} pages for {} runs", sleepers.pages.len(), sleepers.len());
    }
}
