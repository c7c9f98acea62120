//! Records by row number, packed in pages.
//!
//! A page holds the records of 32 rows one after the other, and where each ends:
//!
//! ```text
//! ends:  12  12  40 ...        rows 0, 1, 2 ...: row 1 is empty here
//! bytes: [record 0][record 2] ...
//! ```
//!
//! A record of [`LARGE`] bytes or more lies outside, so that no change moves more than a page.
//! Pages hang in segments of 512 and segments in one list, so nothing large is ever moved.
//!
//! A new record takes the lowest free row. Which rows are free follows from which are taken:
//! every row below the highest taken one. Two tables that hold the same rows therefore give
//! the next record the same row, however they came to be.

use roaring::RoaringBitmap;

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
    /// Where each row's record ends in `bytes`.
    ends: [u16; PAGE_ROWS],
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
        self.large.retain(|(row, _)| usize::from(*row) != at);
        if record.len() >= LARGE {
            self.large.push((at as u8, record.into()));
            self.splice(at, &[]);
        } else {
            self.splice(at, record);
        }
        self.live |= 1 << at;
    }

    fn take(&mut self, at: usize) {
        self.large.retain(|(row, _)| usize::from(*row) != at);
        self.splice(at, &[]);
        self.live &= !(1 << at);
        if self.bytes.capacity() > 2 * room(self.bytes.len()) {
            self.bytes.shrink_to(room(self.bytes.len()));
        }
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

struct Segment {
    /// How many rows hold a record.
    live: u32,
    pages: Box<[Option<Box<Page>>]>,
}

impl Segment {
    fn new() -> Segment {
        Segment {
            live: 0,
            pages: (0..SEGMENT_PAGES).map(|_| None).collect(),
        }
    }

    const HEAP: usize = SEGMENT_PAGES * size_of::<Option<Box<Page>>>() + size_of::<Segment>();
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
    /// One more than the highest taken row.
    end: u32,
    live: u32,
    /// The rows below `end` that hold nothing.
    free: RoaringBitmap,
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

    /// One more than the highest taken row.
    pub fn end(&self) -> Row {
        self.end
    }

    /// Bytes of memory held, without a walk.
    pub fn bytes(&self) -> usize {
        self.heap + self.free.len() as usize / 4
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
        match self.free.min() {
            Some(row) => Ok(row),
            None if self.end < Row::MAX => Ok(self.end),
            None => Err(Error::new(
                Code::TooMany,
                "the table is full: it holds 2^32-1 records",
            )),
        }
    }

    /// Puts a record in a row, taken or not.
    pub fn put(&mut self, row: Row, record: &[u8]) {
        let taken = self.get(row).is_some();
        let (segment, page, at) = place(row);
        while self.segments.len() <= segment {
            self.segments.push(Segment::new());
            self.heap += Segment::HEAP;
        }
        let Some(segment) = self.segments.get_mut(segment) else {
            return;
        };
        segment.live += u32::from(!taken);
        let Some(slot) = segment.pages.get_mut(page) else {
            return;
        };
        let before = slot.as_ref().map_or(0, |page| page.heap());
        let page = slot.get_or_insert_default();
        page.put(at, record);
        self.heap = self.heap + page.heap() - before;
        if !taken {
            self.take_row(row);
        }
    }

    fn take_row(&mut self, row: Row) {
        self.live += 1;
        if row < self.end {
            self.free.remove(row);
        } else {
            self.free.insert_range(self.end..row);
            self.end = row + 1;
        }
    }

    /// Empties a row.
    pub fn remove(&mut self, row: Row) {
        if self.get(row).is_none() {
            return;
        }
        let (segment, page, at) = place(row);
        let Some(segment) = self.segments.get_mut(segment) else {
            return;
        };
        segment.live -= 1;
        if let Some(slot) = segment.pages.get_mut(page) {
            if let Some(page) = slot {
                self.heap -= page.heap();
                page.take(at);
                self.heap += page.heap();
                if page.live == 0 {
                    self.heap -= page.heap();
                    *slot = None;
                }
            }
        }
        self.live -= 1;
        self.free.insert(row);
        if row + 1 == self.end {
            self.retreat();
        }
    }

    /// Brings `end` back to the highest taken row, and gives up what lies behind it.
    fn retreat(&mut self) {
        let end = self.highest().map_or(0, |row| row + 1);
        self.free.remove_range(end..self.end);
        self.end = end;
        let segments = (end as usize).div_ceil(SEGMENT_ROWS);
        let dropped = self.segments.len().saturating_sub(segments);
        self.segments.truncate(segments);
        self.heap -= dropped * Segment::HEAP;
    }

    /// The highest taken row; whole segments and pages without records are passed over.
    fn highest(&self) -> Option<Row> {
        let (at, segment) = self
            .segments
            .iter()
            .enumerate()
            .rfind(|(_, segment)| segment.live > 0)?;
        let (page_at, page) = segment
            .pages
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, page)| Some((at, page.as_ref()?)))?;
        let last = page.live.checked_ilog2()? as usize;
        Row::try_from(at * SEGMENT_ROWS + page_at * PAGE_ROWS + last).ok()
    }

    /// The first taken row at or after `from`, with its record.
    pub fn next_from(&self, from: Row) -> Option<(Row, &[u8])> {
        self.iter_from(from).next()
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
        let rows: RoaringBitmap = self.iter().map(|(row, _)| row).collect();
        let end = rows.max().map_or(0, |row| row + 1);
        let mut free = RoaringBitmap::new();
        free.insert_range(0..end);
        free -= &rows;
        let heap: usize = self
            .segments
            .iter()
            .map(|s| Segment::HEAP + s.pages.iter().flatten().map(|p| p.heap()).sum::<usize>())
            .sum();
        let pages = || self.segments.iter().flat_map(|s| s.pages.iter().flatten());
        let packed = pages().all(|page| usize::from(page.ends[PAGE_ROWS - 1]) == page.bytes.len());
        let agreed = [
            ("end", self.end == end),
            ("live", u64::from(self.live) == rows.len()),
            ("free", self.free == free),
            ("heap", self.heap == heap),
            ("pages", packed),
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
                    records.next_from(from).map(|(row, bytes)| (row, bytes.to_vec())),
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
