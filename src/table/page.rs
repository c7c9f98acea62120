//! A page: the records of 32 rows, one after the other in one block of memory.
//!
//! ```text
//! live   4 bytes      a bit for each row that holds a record
//! idle   2 bytes      how many of the bytes are of removed records
//! -      2 bytes
//! ends   32 x 2 bytes where each row's record ends, counted from the first
//! bytes  the records; behind the last one, slack
//! ```
//!
//! Numbers are little-endian. A row is empty, or its record lies in the page, or the record is
//! large and lies elsewhere: then its row is live and has no bytes. A removed record's bytes lie
//! idle at first, so that most removals move nothing.

use prefetch_index::prefetch_index;
use smallvec::SmallVec;

use super::Row;
use crate::index::Heap;

/// Rows in a page.
pub(super) const ROWS: usize = 32;
/// Records of so many bytes lie outside their page: a page then has no more bytes than 16 bits
/// count.
pub(super) const LARGE: usize = 512;

const IDLE: usize = 4;
const ENDS: usize = 8;
const HEAD: usize = ENDS + 2 * ROWS;

/// Half of what comes to the cache at once.
const HALF_LINE: usize = 32;

const _: () = assert!(ROWS * LARGE <= u16::MAX as usize);

/// The records of 32 rows.
#[derive(Clone)]
pub(super) struct Page(Box<[u8]>);

impl Page {
    /// A page without a record.
    pub(super) fn new() -> Page {
        Page(vec![0; HEAD].into())
    }

    /// A page of records, by row; a large one has no bytes.
    pub(super) fn of(records: &[(Row, &[u8])]) -> Page {
        let bytes: usize = records.iter().map(|(_, record)| record.len()).sum();
        let len = room(HEAD + bytes);
        let mut block = Vec::with_capacity(len);
        block.resize(HEAD, 0);
        let (mut live, mut ends) = (0_u32, [0; ROWS]);
        let mut next = records.iter().peekable();
        for (at, end) in ends.iter_mut().enumerate() {
            if let Some((_, record)) = next.next_if(|(row, _)| *row as usize % ROWS == at) {
                live |= 1 << at;
                block.extend_from_slice(record);
            }
            *end = (block.len() - HEAD) as u16;
        }
        block.resize(len, 0);
        let places = block.get_mut(ENDS..HEAD).unwrap_or_default();
        for (place, end) in places.chunks_exact_mut(2).zip(ends) {
            place.copy_from_slice(&end.to_le_bytes());
        }
        let mut page = Page(block.into());
        page.set_live(live);
        page
    }

    /// A bit for each row that holds a record.
    #[inline]
    pub(super) fn live(&self) -> u32 {
        self.0.first_chunk().copied().map_or(0, u32::from_le_bytes)
    }

    /// Whether a row holds a record.
    #[inline]
    pub(super) fn holds(&self, at: usize) -> bool {
        self.live() >> at & 1 == 1
    }

    /// A row's record, without a byte where it is large.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        self.fetch_record(at);
        match self.holds(at) {
            true => self.0.get(self.span(at)),
            false => None,
        }
    }

    /// Asks for the head and for where a row's record should be.
    #[inline]
    pub(super) fn fetch(&self, at: usize) {
        prefetch_index(&self.0, 0);
        prefetch_index(&self.0, ENDS + 2 * at);
        self.fetch_record(at);
    }

    /// Asks for what a change of any record touches: the end of the head.
    #[inline]
    pub(super) fn fetch_ends(&self) {
        prefetch_index(&self.0, HEAD - 1);
    }

    /// Asks for where a row's record should be, if all in the page are of one length: the head,
    /// which tells where it is, is mostly under way as well.
    #[inline]
    fn fetch_record(&self, at: usize) {
        let near = HEAD + (self.0.len() - HEAD) * at / ROWS;
        prefetch_index(&self.0, near - HALF_LINE);
        prefetch_index(&self.0, near + HALF_LINE / 2);
    }

    /// Puts a record in place of what the row holds, or of nothing; a large one has no bytes.
    pub(super) fn put(&mut self, at: usize, record: &[u8]) {
        let new = !self.holds(at);
        if new {
            self.set_idle(self.idle() - self.span(at).len());
            self.set_live(self.live() | 1 << at);
        }
        self.splice(at, record);
        if new && self.live() == u32::MAX {
            self.trim();
        }
    }

    /// Puts a record in an empty row behind all others, if there is room: what mostly happens to a
    /// new one, done quickly. It must not make the page a full one.
    #[inline]
    pub(super) fn push(&mut self, at: usize, record: &[u8]) -> bool {
        let (live, start) = (self.live(), self.end(ROWS));
        let (from, end) = (HEAD + start, start + record.len());
        let last = live >> at == 0 && self.end(at) == start;
        if !last || at + 1 >= ROWS || HEAD + end > self.0.len() {
            return false;
        }
        self.set_live(live | 1 << at);
        let ends = self.0.get_mut(ENDS + 2 * at..HEAD).unwrap_or_default();
        for later in ends.chunks_exact_mut(2) {
            later.copy_from_slice(&(end as u16).to_le_bytes());
        }
        if let Some(place) = self.0.get_mut(from..HEAD + end) {
            place.copy_from_slice(record);
        }
        true
    }

    /// Empties a row. Its bytes stay where they are until a quarter of the page is of such.
    pub(super) fn take(&mut self, at: usize) {
        self.set_live(self.live() & !(1 << at));
        self.set_idle(self.idle() + self.span(at).len());
        if self.idle() * 4 > self.end(ROWS) {
            self.compact();
        }
    }

    /// The memory held.
    pub(super) fn heap(&self) -> Heap {
        Heap {
            bytes: self.0.len(),
            slack: (self.0.len() + self.idle()).saturating_sub(HEAD + self.end(ROWS)),
        }
    }

    /// Whether the ends ascend and lie within the block, and what is idle is counted.
    pub(super) fn is_packed(&self) -> bool {
        let mut rows = 0..ROWS;
        let removed = rows.clone().filter(|at| !self.holds(*at));
        let idle: usize = removed.map(|at| self.span(at).len()).sum();
        rows.all(|at| self.end(at) <= self.end(at + 1))
            && HEAD + self.end(ROWS) <= self.0.len()
            && idle == self.idle()
    }

    /// Where the records of the first so many rows end.
    #[inline]
    fn end(&self, rows: usize) -> usize {
        match rows.checked_sub(1) {
            Some(last) => self.number(ENDS + 2 * last),
            None => 0,
        }
    }

    /// Where in the block a row's record lies.
    #[inline]
    fn span(&self, at: usize) -> std::ops::Range<usize> {
        HEAD + self.end(at)..HEAD + self.end(at + 1)
    }

    fn idle(&self) -> usize {
        self.number(IDLE)
    }

    #[inline]
    fn number(&self, at: usize) -> usize {
        let bytes = self.0.get(at..).and_then(<[u8]>::first_chunk);
        bytes.copied().map_or(0, u16::from_le_bytes).into()
    }

    fn set_live(&mut self, live: u32) {
        if let Some(place) = self.0.first_chunk_mut() {
            *place = live.to_le_bytes();
        }
    }

    fn set_idle(&mut self, idle: usize) {
        if let Some(place) = self.0.get_mut(IDLE..).and_then(<[u8]>::first_chunk_mut) {
            *place = (idle as u16).to_le_bytes();
        }
    }

    /// Replaces the bytes of a row and moves those behind it.
    fn splice(&mut self, at: usize, record: &[u8]) {
        let (span, end) = (self.span(at), HEAD + self.end(ROWS));
        let (old, new) = (span.len(), record.len());
        let grown = end - old + new;
        if grown > self.0.len() {
            self.resize(room(self.goal(grown)));
        }
        if old != new {
            self.0.copy_within(span.end..end, span.start + new);
            let ends = self.0.get_mut(ENDS..HEAD).unwrap_or_default();
            for later in ends.chunks_exact_mut(2).skip(at) {
                if let [low, high] = later {
                    let end = usize::from(u16::from_le_bytes([*low, *high]));
                    [*low, *high] = ((end + new - old) as u16).to_le_bytes();
                }
            }
        }
        if let Some(place) = self.0.get_mut(span.start..span.start + new) {
            place.copy_from_slice(record);
        }
    }

    /// Gives up the bytes of removed records.
    fn compact(&mut self) {
        let packed = {
            let records = (0..ROWS).filter_map(|at| Some((at as Row, self.get(at)?)));
            Page::of(&records.collect::<SmallVec<[_; ROWS]>>())
        };
        *self = packed;
    }

    /// Where a page that needs so many bytes is headed: the same for each of its rows, but no more
    /// than four times as much. Most pages are filled row by row, and few are left half-way.
    fn goal(&self, len: usize) -> usize {
        let each = (len - HEAD) / self.live().count_ones().max(1) as usize;
        (HEAD + each * ROWS).clamp(len, 4 * len)
    }

    /// Gives back what a full page does not need.
    fn trim(&mut self) {
        let len = room(HEAD + self.end(ROWS));
        if len < self.0.len() {
            let mut block = std::mem::take(&mut self.0).into_vec();
            block.truncate(len);
            self.0 = block.into();
        }
    }

    /// Makes the block so long.
    fn resize(&mut self, len: usize) {
        let mut block = std::mem::take(&mut self.0).into_vec();
        block.reserve_exact(len - block.len());
        block.resize(len, 0);
        self.0 = block.into();
    }
}

/// The length of a block for so many bytes: eight steps to a doubling, as allocators have size
/// classes.
fn room(len: usize) -> usize {
    let step = (len.next_power_of_two() / 16).max(16);
    len.div_ceil(step) * step
}
