//! Records by row number, packed in pages.
//!
//! A [`page`](super::page) holds the records of 32 rows in one block, so that a record is found by
//! few steps that lie far apart. A record of [`LARGE`] bytes or more has a block of its own, so that
//! no change moves more than a page. Pages hang in segments of 512 and segments in one list, so
//! nothing large is ever moved.
//!
//! A new record takes the lowest free row, which follows from the rows that are taken. Two tables that hold the same rows therefore give
//! the next record the same row, however they came to be.

use std::{collections::BTreeSet, ops::Add};

use prefetch_index::prefetch_index;

use super::page::{LARGE, Page, ROWS as PAGE_ROWS};
use crate::{
    error::{Code, Error, Result},
    index::Heap,
};

/// Names a record inside its table.
pub type Row = u32;

/// Pages in a segment.
const SEGMENT_PAGES: usize = 512;
/// Rows in a segment.
const SEGMENT_ROWS: usize = PAGE_ROWS * SEGMENT_PAGES;

/// So many records at most are worth a [`Records::fetch`] at once.
pub const FETCHED: usize = 16;

/// The large records of 32 rows.
type LargePage = [Option<Box<[u8]>>; PAGE_ROWS];

/// The pages of one stretch of rows. Without a record it holds no memory of its own.
#[derive(Clone, Default)]
struct Segment {
    /// How many rows hold a record.
    live: u32,
    /// No page before this one has a free row.
    first_free: u32,
    pages: Box<[Option<Page>]>,
    /// The large records, page by page; empty where there has been none.
    large: Box<[Option<Box<LargePage>>]>,
}

impl Segment {
    /// The memory of the lists.
    fn lists(&self) -> Heap {
        Heap {
            bytes: size_of_val(&*self.pages) + size_of_val(&*self.large),
            slack: 0,
        }
    }

    /// A row's record.
    #[inline]
    fn get(&self, page: usize, at: usize) -> Option<&[u8]> {
        let bytes = self.pages.get(page)?.as_ref()?.get(at)?;
        match bytes.is_empty() {
            true => self.large.get(page)?.as_ref()?.get(at)?.as_deref(),
            false => Some(bytes),
        }
    }

    /// Puts a record in a row and answers whether the row was empty.
    fn put(&mut self, page: usize, at: usize, record: &[u8]) -> bool {
        self.make_pages();
        self.drop_large(page, at);
        let inside = match record.len() < LARGE {
            true => record,
            false => {
                self.put_large(page, at, record);
                &[]
            }
        };
        let Some(slot) = self.pages.get_mut(page) else {
            return false;
        };
        let page = slot.get_or_insert_with(Page::new);
        let new = !page.holds(at);
        page.put(at, inside);
        self.live += u32::from(new);
        new
    }

    /// Has a page where there is none.
    fn put_page(&mut self, at: usize, page: Page) {
        self.make_pages();
        self.live += page.live().count_ones();
        if let Some(slot) = self.pages.get_mut(at) {
            *slot = Some(page);
        }
    }

    /// Makes the list of pages.
    fn make_pages(&mut self) {
        if self.pages.is_empty() {
            self.pages = (0..SEGMENT_PAGES).map(|_| None).collect();
        }
    }

    /// Puts a record in an empty row behind all others of its page, if there is room in it.
    #[inline]
    fn push(&mut self, page: usize, at: usize, record: &[u8]) -> bool {
        let inside = self.large.is_empty() && record.len() < LARGE;
        let page = self.pages.get_mut(page).and_then(Option::as_mut);
        let pushed = inside && page.is_some_and(|page| page.push(at, record));
        self.live += u32::from(pushed);
        pushed
    }

    /// Empties a row; false where it was empty.
    fn take(&mut self, page_at: usize, at: usize) -> bool {
        let Some(slot) = self.pages.get_mut(page_at) else {
            return false;
        };
        let Some(page) = slot.as_mut().filter(|page| page.holds(at)) else {
            return false;
        };
        page.take(at);
        if page.live() == 0 {
            *slot = None;
        }
        self.live -= 1;
        self.first_free = self.first_free.min(page_at as u32);
        self.drop_large(page_at, at);
        true
    }

    #[cold]
    fn put_large(&mut self, page: usize, at: usize, record: &[u8]) {
        if self.large.is_empty() {
            self.large = (0..SEGMENT_PAGES).map(|_| None).collect();
        }
        if let Some(slot) = self.large.get_mut(page) {
            let records = slot.get_or_insert_default();
            if let Some(place) = records.get_mut(at) {
                *place = Some(record.into());
            }
        }
    }

    /// Frees the large record of a row, where it has one.
    #[inline]
    fn drop_large(&mut self, page: usize, at: usize) {
        let Some(slot) = self.large.get_mut(page) else {
            return;
        };
        if let Some(records) = slot {
            if let Some(place) = records.get_mut(at) {
                *place = None;
            }
            if records.iter().all(Option::is_none) {
                *slot = None;
            }
        }
    }

    /// The memory of a page and its large records.
    fn page_heap(&self, page: usize) -> Heap {
        let block = self.pages.get(page).and_then(Option::as_ref);
        let mut heap = block.map_or(Heap::default(), Page::heap);
        if let Some(records) = self.large.get(page).and_then(Option::as_deref) {
            let records: usize = records.iter().flatten().map(|record| record.len()).sum();
            heap.bytes += records + size_of::<LargePage>();
        }
        heap
    }

    fn is_full(&self) -> bool {
        self.live as usize == SEGMENT_ROWS
    }

    fn is_full_page(&self, page: u32) -> bool {
        match self.pages.get(page as usize) {
            Some(Some(page)) => page.live() == u32::MAX,
            _ => false,
        }
    }

    /// The lowest free row, counted from the segment's first; it is not full.
    fn lowest_free(&self) -> usize {
        let page = self.first_free as usize;
        let taken = match self.pages.get(page) {
            Some(Some(page)) => page.live().trailing_ones() as usize,
            _ => 0,
        };
        page * PAGE_ROWS + taken
    }
}

/// Where a row lies: its segment, its page there, its place in the page.
fn place(row: Row) -> (usize, usize, usize) {
    let row = row as usize;
    (
        row / SEGMENT_ROWS,
        row % SEGMENT_ROWS / PAGE_ROWS,
        row % PAGE_ROWS,
    )
}

/// The records of a table.
#[derive(Clone, Default)]
pub struct Records {
    segments: Vec<Segment>,
    /// No segment before this one has a free row.
    first_free: usize,
    live: u32,
    heap: Heap,
}

impl Records {
    /// How many records there are.
    pub fn len(&self) -> u64 {
        u64::from(self.live)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// A row above every taken one.
    pub fn end(&self) -> Row {
        Row::try_from(self.segments.len() * SEGMENT_ROWS).unwrap_or(Row::MAX)
    }

    /// Bytes of memory held, without a walk.
    pub fn bytes(&self) -> usize {
        self.heap.bytes + self.segments.capacity() * size_of::<Segment>()
    }

    /// How many of these bytes hold no record: behind the last of a page, and where removed ones
    /// were.
    pub fn slack(&self) -> usize {
        self.heap.slack
    }

    /// A row's record.
    #[inline]
    pub fn get(&self, row: Row) -> Option<&[u8]> {
        let (segment, page, at) = place(row);
        self.segments.get(segment)?.get(page, at)
    }

    /// Asks for what is to be known before a record can be fetched.
    #[inline]
    pub fn approach(&self, row: Row) {
        let (segment, page, _) = place(row);
        if let Some(segment) = self.segments.get(segment) {
            prefetch_index(&segment.pages, page);
        }
    }

    /// Asks for the records of rows, so that what waits for one waits for all.
    pub fn fetch(&self, rows: impl Iterator<Item = Row> + Clone) {
        rows.clone().for_each(|row| self.approach(row));
        for row in rows {
            if let Some((page, at)) = self.page(row) {
                page.fetch(at);
            }
        }
    }

    /// [`Records::fetch`] of records that are about to change.
    pub fn fetch_to_change(&self, rows: impl Iterator<Item = Row> + Clone) {
        self.fetch(rows.clone());
        rows.for_each(|row| self.fetch_ends(row));
    }

    /// Asks for what a change of a record touches beside what was read of it.
    pub fn fetch_ends(&self, row: Row) {
        if let Some((page, _)) = self.page(row) {
            page.fetch_ends();
        }
    }

    /// The page that a row is of, where there is one, and its place there.
    #[inline]
    fn page(&self, row: Row) -> Option<(&Page, usize)> {
        let (segment, page, at) = place(row);
        Some((self.segments.get(segment)?.pages.get(page)?.as_ref()?, at))
    }

    /// The row that the next record takes.
    ///
    /// # Errors
    /// TOOMANY where the table is full.
    pub fn next_row(&self) -> Result<Row> {
        let lowest = match self.segments.get(self.first_free) {
            Some(segment) => segment.lowest_free(),
            None => 0,
        };
        match Row::try_from(self.first_free * SEGMENT_ROWS + lowest) {
            Ok(row) if row < Row::MAX => Ok(row),
            _ => Err(Error::new(
                Code::TooMany,
                "the table is full: it holds 2^32-1 records",
            )),
        }
    }

    /// Puts a record in a row, taken or not.
    pub fn put(&mut self, row: Row, record: &[u8]) {
        let (segment_at, page_at, at) = place(row);
        self.reach(segment_at);
        let Some(segment) = self.segments.get_mut(segment_at) else {
            return;
        };
        let before = segment.lists() + segment.page_heap(page_at);
        let new = segment.put(page_at, at, record);
        self.heap = self.heap + segment.lists() + segment.page_heap(page_at) - before;
        if new {
            self.live += 1;
            self.pass_full(segment_at);
        }
    }

    /// Puts records in free rows, by row: those of a page all at once.
    pub fn place(&mut self, records: &[(Row, &[u8])]) {
        let page_of = |record: &(Row, &[u8])| record.0 as usize / PAGE_ROWS;
        for records in records.chunk_by(|a, b| page_of(a) == page_of(b)) {
            let rows = records.first().map(|(row, _)| *row);
            let first = rows.filter(|row| self.page(*row).is_none());
            match first.filter(|_| records.iter().all(|(_, record)| record.len() < LARGE)) {
                Some(row) => self.put_page(row, Page::of(records)),
                None => records
                    .iter()
                    .for_each(|(row, record)| self.push(*row, record)),
            }
        }
    }

    /// Has the page of a row where there is none.
    fn put_page(&mut self, row: Row, page: Page) {
        let (segment_at, page_at, _) = place(row);
        self.reach(segment_at);
        let Some(segment) = self.segments.get_mut(segment_at) else {
            return;
        };
        let before = segment.lists();
        self.live += page.live().count_ones();
        self.heap += page.heap();
        segment.put_page(page_at, page);
        self.heap = self.heap + segment.lists() - before;
        self.pass_full(segment_at);
    }

    /// Has the segments up to this one.
    fn reach(&mut self, segment: usize) {
        if self.segments.len() <= segment {
            self.segments.resize_with(segment + 1, Segment::default);
        }
    }

    /// [`Records::put`] of a record that mostly comes behind all others.
    pub fn push(&mut self, row: Row, record: &[u8]) {
        let (segment, page, at) = place(row);
        let segment = self.segments.get_mut(segment);
        if segment.is_some_and(|segment| segment.push(page, at, record)) {
            self.heap.slack -= record.len();
            self.live += 1;
        } else {
            self.put(row, record);
        }
    }

    /// Moves the marks of the lowest free row past what is full.
    fn pass_full(&mut self, at: usize) {
        if let Some(segment) = self.segments.get_mut(at) {
            while segment.is_full_page(segment.first_free) {
                segment.first_free += 1;
            }
        }
        while self
            .segments
            .get(self.first_free)
            .is_some_and(Segment::is_full)
        {
            self.first_free += 1;
        }
    }

    /// Empties a row.
    pub fn remove(&mut self, row: Row) {
        let (segment_at, page_at, at) = place(row);
        let Some(segment) = self.segments.get_mut(segment_at) else {
            return;
        };
        let before = segment.page_heap(page_at);
        if !segment.take(page_at, at) {
            return;
        }
        self.heap = self.heap + segment.page_heap(page_at) - before;
        self.live -= 1;
        self.first_free = self.first_free.min(segment_at);
        if segment.live == 0 {
            self.heap -= segment.lists();
            *segment = Segment::default();
            self.retreat();
        }
    }

    /// Gives up the segments behind the last that holds a record.
    fn retreat(&mut self) {
        while self.segments.last().is_some_and(|last| last.live == 0) {
            self.segments.pop();
        }
        self.first_free = self.first_free.min(self.segments.len());
    }

    /// Every record, by row.
    pub fn iter(&self) -> impl Iterator<Item = (Row, &[u8])> {
        self.iter_from(0)
    }

    /// Every record from a row on, by row.
    pub fn iter_from(&self, from: Row) -> impl Iterator<Item = (Row, &[u8])> {
        let (first_segment, first_page, first_at) = place(from);
        self.segments
            .iter()
            .enumerate()
            .skip(first_segment)
            .filter(|(_, segment)| segment.live > 0)
            .flat_map(move |(at, segment)| {
                let skipped = if at == first_segment { first_page } else { 0 };
                let pages = segment.pages.iter().enumerate().skip(skipped);
                let pages = pages.filter(|(_, page)| page.is_some());
                pages.map(move |(page_at, _)| (at, page_at, segment))
            })
            .flat_map(move |(at, page_at, segment)| {
                let on_first = at == first_segment && page_at == first_page;
                let skipped = if on_first { first_at } else { 0 };
                let base = at * SEGMENT_ROWS + page_at * PAGE_ROWS;
                (skipped..PAGE_ROWS).filter_map(move |in_page| {
                    Some(((base + in_page) as Row, segment.get(page_at, in_page)?))
                })
            })
    }

    /// Whether everything kept beside the records agrees with them.
    ///
    /// # Errors
    /// What disagrees, for a test to print.
    pub fn check(&self) -> std::result::Result<(), String> {
        let rows: BTreeSet<Row> = self.iter().map(|(row, _)| row).collect();
        let lowest_free = (0..).find(|row| !rows.contains(row));
        let heap = self.segments.iter().map(|segment| {
            let pages = 0..segment.pages.len();
            let pages = pages.map(|page| segment.page_heap(page));
            pages.fold(segment.lists(), Heap::add)
        });
        let heap = heap.fold(Heap::default(), Heap::add);
        let mut pages = self.segments.iter().flat_map(|s| s.pages.iter().flatten());
        let packed = pages.all(Page::is_packed);
        let agreed = [
            ("the lowest free row", self.next_row().ok() == lowest_free),
            ("live", self.len() == rows.len() as u64),
            ("heap", self.heap == heap),
            ("pages", packed),
            ("end", self.segments.last().is_none_or(|last| last.live > 0)),
        ];
        match agreed.iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(format!("records: {what} disagrees")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn records_are_a_map_from_rows(
            steps in prop::collection::vec((0u8..8, any::<prop::sample::Index>(), 1usize..700), 1..400)
        ) {
            let mut records = Records::default();
            let mut model: BTreeMap<Row, Vec<u8>> = BTreeMap::new();
            for (step, which, len) in steps {
                let record = vec![len as u8; len];
                if step < 4 || model.is_empty() {
                    let free = (0..).find(|row| !model.contains_key(row)).unwrap();
                    let row = records.next_row().unwrap();
                    prop_assert_eq!(row, free);
                    // Now and then a row far away, as when a snapshot places its rows.
                    let row = if step == 0 { row + (len * 97) as u32 } else { row };
                    records.push(row, &record);
                    model.insert(row, record);
                } else {
                    let row = *model.keys().nth(which.index(model.len())).unwrap();
                    if step == 4 {
                        records.put(row, &record);
                        model.insert(row, record);
                    } else {
                        records.remove(row);
                        model.remove(&row);
                    }
                }
                let from = len as Row;
                prop_assert_eq!(
                    records.iter_from(from).next().map(|(row, bytes)| (row, bytes.to_vec())),
                    model.range(from..).next().map(|(row, bytes)| (*row, bytes.clone()))
                );
            }
            records.check().map_err(TestCaseError::fail)?;
            let all: BTreeMap<Row, Vec<u8>> =
                records.iter().map(|(row, bytes)| (row, bytes.to_vec())).collect();
            prop_assert_eq!(&all, &model);

            let all: Vec<(Row, &[u8])> = records.iter().collect();
            let mut placed = Records::default();
            for part in all.chunks(1 + model.len() / 3) {
                placed.place(part);
            }
            placed.check().map_err(TestCaseError::fail)?;
            prop_assert_eq!(placed.iter().collect::<Vec<_>>(), all);
        }
    }
}
