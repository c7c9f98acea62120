//! Records by row number, packed in pages.
//!
//! A page holds the records of 32 rows one after the other, and where each ends:
//!
//! ```text
//! ends:  12  12  40 ...        rows 0, 1, 2 ...: row 1 is empty here
//! bytes: [record 0][record 2] ...
//! ```
//!
//! A removed record's bytes lie idle at first, so that most removals move nothing.
//!
//! A record of [`LARGE`] bytes or more lies outside, so that no change moves more than a page.
//! Pages hang in segments of 512 and segments in one list, so nothing large is ever moved.
//!
//! A new record takes the lowest free row, which follows from the rows that are taken. Two tables that hold the same rows therefore give
//! the next record the same row, however they came to be.

use std::collections::BTreeSet;

use crate::error::{Code, Error, Result};

/// Names a record inside its table.
pub type Row = u32;

/// Rows in a page.
const PAGE_ROWS: usize = 32;
/// Pages in a segment.
const SEGMENT_PAGES: usize = 512;
/// Rows in a segment.
const SEGMENT_ROWS: usize = PAGE_ROWS * SEGMENT_PAGES;
/// Records of so many bytes lie outside their page.
const LARGE: usize = 512;

/// The records of 32 rows.
#[derive(Default)]
struct Page {
    /// A bit for each row that holds a record.
    live: u32,
    /// Where each row's record ends in `bytes`. That of a removed record may still lie there.
    ends: [u16; PAGE_ROWS],
    /// How many of the bytes are of removed records.
    idle: u16,
    bytes: Vec<u8>,
    /// Large records by their row in the page.
    large: Vec<(u8, Box<[u8]>)>,
}

impl Page {
    fn holds(&self, at: usize) -> bool {
        self.live >> at & 1 == 1
    }

    fn span(&self, at: usize) -> std::ops::Range<usize> {
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
            None => 0,
        };
        let end = self.ends.get(at).copied().unwrap_or_default();
        usize::from(start)..usize::from(end)
    }

    #[inline]
    fn get(&self, at: usize) -> Option<&[u8]> {
        if !self.holds(at) {
            return None;
        }
        let span = self.span(at);
        if span.is_empty() {
            let large = self.large.iter().find(|(row, _)| usize::from(*row) == at)?;
            return Some(&large.1);
        }
        self.bytes.get(span)
    }

    /// Puts a record in place of what the row holds, or of nothing.
    fn put(&mut self, at: usize, record: &[u8]) {
        self.drop_large(at);
        if !self.holds(at) {
            self.idle -= self.span(at).len() as u16;
        }
        if record.len() >= LARGE {
            self.large.push((at as u8, record.into()));
            self.splice(at, &[]);
        } else {
            self.splice(at, record);
        }
        self.live |= 1 << at;
    }

    /// Empties a row. Its bytes stay where they are until a quarter of the page is of such.
    fn take(&mut self, at: usize) {
        self.drop_large(at);
        self.live &= !(1 << at);
        self.idle += self.span(at).len() as u16;
        if usize::from(self.idle) * 4 > self.bytes.len() {
            self.compact();
        }
    }

    #[inline]
    fn drop_large(&mut self, at: usize) {
        if !self.large.is_empty() {
            self.large.retain(|(row, _)| usize::from(*row) != at);
        }
    }

    /// Gives up the bytes of removed records.
    fn compact(&mut self) {
        let len = self.bytes.len() - usize::from(self.idle);
        let mut bytes = Vec::with_capacity(room(len));
        let mut ends = [0; PAGE_ROWS];
        for (at, end) in ends.iter_mut().enumerate() {
            if self.holds(at) {
                bytes.extend_from_slice(self.bytes.get(self.span(at)).unwrap_or_default());
            }
            // As many bytes as before at most.
            *end = bytes.len() as u16;
        }
        (self.bytes, self.ends, self.idle) = (bytes, ends, 0);
    }

    /// Replaces the bytes of a row and moves those behind it.
    fn splice(&mut self, at: usize, record: &[u8]) {
        let span = self.span(at);
        let (old, new) = (span.len(), record.len());
        let end = self.bytes.len();
        let grown = end - old + new;
        if grown > self.bytes.capacity() {
            self.bytes.reserve_exact(room(grown) - end);
        }
        if new > old {
            self.bytes.resize(grown, 0);
        }
        self.bytes.copy_within(span.end..end, span.start + new);
        self.bytes.truncate(grown);
        if let Some(place) = self.bytes.get_mut(span.start..span.start + new) {
            place.copy_from_slice(record);
        }
        for later in self.ends.iter_mut().skip(at) {
            // A page holds at most 32 x 511 bytes, so its ends fit 16 bits.
            *later = (usize::from(*later) + new - old) as u16;
        }
    }

    /// Whether the ends are those of the bytes, and what is idle is counted.
    fn is_packed(&self) -> bool {
        let removed = (0..PAGE_ROWS).filter(|at| !self.holds(*at));
        let idle: usize = removed.map(|at| self.span(at).len()).sum();
        let last = self.ends.last().copied().map(usize::from);
        last == Some(self.bytes.len()) && idle == usize::from(self.idle)
    }

    /// Bytes of memory the page holds.
    fn heap(&self) -> usize {
        let large: usize = self.large.iter().map(|(_, record)| record.len()).sum();
        size_of::<Page>()
            + self.bytes.capacity()
            + large
            + self.large.capacity() * size_of::<(u8, Box<[u8]>)>()
    }
}

/// Capacity for so many bytes: eight steps to a doubling, as allocators have size classes.
fn room(len: usize) -> usize {
    let step = (len.next_power_of_two() / 16).max(16);
    len.div_ceil(step) * step
}

/// The pages of one stretch of rows. Without a record it holds no memory of its own.
#[derive(Default)]
struct Segment {
    /// How many rows hold a record.
    live: u32,
    /// No page before this one has a free row.
    first_free: u32,
    pages: Box<[Option<Box<Page>>]>,
}

impl Segment {
    /// Bytes of the list of pages.
    const HEAP: usize = SEGMENT_PAGES * size_of::<Option<Box<Page>>>();

    /// The place of a page, the list made where there is none.
    fn slot(&mut self, page: usize) -> Option<&mut Option<Box<Page>>> {
        if self.pages.is_empty() {
            self.pages = (0..SEGMENT_PAGES).map(|_| None).collect();
        }
        self.pages.get_mut(page)
    }

    fn is_full(&self) -> bool {
        self.live as usize == SEGMENT_ROWS
    }

    fn is_full_page(&self, page: u32) -> bool {
        match self.pages.get(page as usize) {
            Some(Some(page)) => page.live == u32::MAX,
            _ => false,
        }
    }

    /// The lowest free row, counted from the segment's first; it is not full.
    fn lowest_free(&self) -> usize {
        let page = self.first_free as usize;
        let taken = match self.pages.get(page) {
            Some(Some(page)) => page.live.trailing_ones() as usize,
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
#[derive(Default)]
pub struct Records {
    segments: Vec<Segment>,
    /// No segment before this one has a free row.
    first_free: usize,
    live: u32,
    heap: usize,
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
        self.heap + self.segments.capacity() * size_of::<Segment>()
    }

    /// A row's record.
    #[inline]
    pub fn get(&self, row: Row) -> Option<&[u8]> {
        let (segment, page, at) = place(row);
        let page = self.segments.get(segment)?.pages.get(page)?;
        page.as_ref()?.get(at)
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
        if self.segments.len() <= segment_at {
            self.segments.resize_with(segment_at + 1, Segment::default);
        }
        let Some(segment) = self.segments.get_mut(segment_at) else {
            return;
        };
        let list_before = segment.pages.len();
        let Some(slot) = segment.slot(page_at) else {
            return;
        };
        let before = slot.as_ref().map_or(0, |page| page.heap());
        let page = slot.get_or_insert_default();
        let taken = page.holds(at);
        page.put(at, record);
        self.heap = self.heap + page.heap() - before;
        if list_before == 0 {
            self.heap += Segment::HEAP;
        }
        if !taken {
            segment.live += 1;
            self.live += 1;
            self.pass_full(segment_at);
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
        let Some(slot) = segment.pages.get_mut(page_at) else {
            return;
        };
        let Some(page) = slot.as_mut().filter(|page| page.holds(at)) else {
            return;
        };
        self.heap -= page.heap();
        page.take(at);
        match page.live {
            0 => *slot = None,
            _ => self.heap += page.heap(),
        }
        segment.live -= 1;
        segment.first_free = segment.first_free.min(page_at as u32);
        self.live -= 1;
        self.first_free = self.first_free.min(segment_at);
        if segment.live == 0 {
            *segment = Segment::default();
            self.heap -= Segment::HEAP;
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
                pages.filter_map(move |(page_at, page)| Some((at, page_at, page.as_deref()?)))
            })
            .flat_map(move |(at, page_at, page)| {
                let on_first = at == first_segment && page_at == first_page;
                let skipped = if on_first { first_at } else { 0 };
                let base = at * SEGMENT_ROWS + page_at * PAGE_ROWS;
                (skipped..PAGE_ROWS)
                    .filter_map(move |in_page| Some(((base + in_page) as Row, page.get(in_page)?)))
            })
    }

    /// Whether everything kept beside the records agrees with them.
    ///
    /// # Errors
    /// What disagrees, for a test to print.
    pub fn check(&self) -> std::result::Result<(), String> {
        let rows: BTreeSet<Row> = self.iter().map(|(row, _)| row).collect();
        let lowest_free = (0..).find(|row| !rows.contains(row));
        let pages = || self.segments.iter().flat_map(|s| s.pages.iter().flatten());
        let lists = self.segments.iter().filter(|s| !s.pages.is_empty()).count();
        let heap = lists * Segment::HEAP + pages().map(|page| page.heap()).sum::<usize>();
        let packed = pages().all(|page| page.is_packed());
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
                    records.put(row, &record);
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
            prop_assert_eq!(all, model);
        }
    }
}
