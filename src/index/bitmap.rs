//! The bitmap: for each value of a field, the rows that have it.

use std::collections::BTreeMap;
use std::ops::Bound;

use roaring::RoaringBitmap;

use super::key_range::KeyRange;

/// Rows of one segment: those with the same upper sixteen bits.
const SEGMENT_BITS: u32 = 16;

/// Above so many rows a segment is a bitset, not an array.
const ARRAY_ROWS: u32 = 4096;

/// Heap bytes of a bitset segment.
const BITSET: usize = 8192;

/// Heap bytes beside the rows of a segment: its header and its count.
const SEGMENT: usize = 32 + size_of::<(u16, u32)>();

/// Heap bytes of a value beside its key and its rows: its place in the tree, which on average is
/// two thirds full.
const VALUE: usize = size_of::<(Box<[u8]>, Rows)>() * 3 / 2;

/// A map from the key of a value to the rows that have it.
///
/// Keys are memcomparable byte strings. Good for fields of few values; no value is kept without rows.
#[derive(Debug, Default)]
pub struct Bitmap {
    values: BTreeMap<Box<[u8]>, Rows>,
    /// Rows of all values together.
    len: u64,
    /// Heap bytes of all values together.
    held: usize,
}

/// The rows of one value.
#[derive(Debug, Default)]
struct Rows {
    bits: RoaringBitmap,
    /// Number of rows: the sum of the segments.
    len: u64,
    /// Rows in each segment that has any, by the upper sixteen bits.
    segments: Vec<(u16, u32)>,
}

impl Rows {
    /// Adds a row that is not there; the heap bytes that costs.
    fn added(&mut self, row: u32) -> usize {
        let segment = (row >> SEGMENT_BITS) as u16;
        self.len += 1;
        let at = self
            .segments
            .partition_point(|(number, _)| *number < segment);
        match self.segments.get_mut(at) {
            Some((number, count)) if *number == segment => {
                let before = segment_bytes(*count);
                *count += 1;
                // A segment that becomes a bitset past 4,096 rows is as large as it was.
                segment_bytes(*count) - before
            }
            _ => {
                self.segments.insert(at, (segment, 1));
                segment_bytes(1)
            }
        }
    }

    /// Counts a row off that was there; the heap bytes that frees.
    fn removed(&mut self, row: u32) -> usize {
        let segment = (row >> SEGMENT_BITS) as u16;
        self.len -= 1;
        let at = self
            .segments
            .partition_point(|(number, _)| *number < segment);
        let Some((_, count)) = self.segments.get_mut(at) else {
            debug_assert!(false, "no segment of row {row}");
            return 0;
        };
        let before = segment_bytes(*count);
        *count -= 1;
        let after = segment_bytes(*count);
        if *count == 0 {
            self.segments.remove(at);
        }
        before - after
    }
}

/// Heap bytes of a segment of `rows`.
fn segment_bytes(rows: u32) -> usize {
    match rows {
        0 => 0,
        1..=ARRAY_ROWS => SEGMENT + 2 * rows as usize,
        _ => SEGMENT + BITSET,
    }
}

impl Bitmap {
    /// An empty bitmap. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows of all values together.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether no value has a row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Heap bytes held, nearly: O(1). Counted by rows and segments, not by allocations.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held
    }

    /// Adds `row` to the value of `key`; false if it was there.
    pub fn insert(&mut self, key: &[u8], row: u32) -> bool {
        let Some(rows) = self.values.get_mut(key) else {
            let mut rows = Rows::default();
            rows.bits.insert(row);
            self.held += VALUE + key.len() + rows.added(row);
            self.values.insert(key.into(), rows);
            self.len += 1;
            return true;
        };
        let inserted = rows.bits.insert(row);
        if inserted {
            self.held += rows.added(row);
            self.len += 1;
        }
        inserted
    }

    /// Takes `row` from the value of `key`; false if it was not there. A value left without rows goes.
    pub fn remove(&mut self, key: &[u8], row: u32) -> bool {
        let Some(rows) = self.values.get_mut(key) else {
            return false;
        };
        if !rows.bits.remove(row) {
            return false;
        }
        self.held -= rows.removed(row);
        self.len -= 1;
        if rows.len == 0 {
            self.values.remove(key);
            self.held -= VALUE + key.len();
        }
        true
    }

    /// Whether `row` has the value of `key`.
    #[must_use]
    pub fn contains(&self, key: &[u8], row: u32) -> bool {
        self.get(key).is_some_and(|rows| rows.contains(row))
    }

    /// The rows of the value of `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&RoaringBitmap> {
        self.values.get(key).map(|rows| &rows.bits)
    }

    /// How many rows have a value whose key is in `range`: O(values in the range).
    #[must_use]
    pub fn count(&self, range: &KeyRange) -> u64 {
        self.range(range).map(|(_, rows)| rows.len).sum()
    }

    /// The rows that have a value whose key is in `range`.
    #[must_use]
    pub fn rows(&self, range: &KeyRange) -> RoaringBitmap {
        let mut union = RoaringBitmap::new();
        for (_, rows) in self.range(range) {
            union |= &rows.bits;
        }
        union
    }

    /// The key of each value, and how many rows have it, in order of the keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = (&[u8], u64)> + ExactSizeIterator {
        self.values
            .iter()
            .map(|(key, rows)| (key.as_ref(), rows.len))
    }

    /// The values whose key is in `range`.
    fn range(&self, range: &KeyRange) -> impl Iterator<Item = (&Box<[u8]>, &Rows)> {
        // `BTreeMap::range` panics on bounds that cross.
        let bounds = (!range.is_empty()).then(|| {
            let high = range
                .high
                .as_deref()
                .map_or(Bound::Unbounded, Bound::Excluded);
            (Bound::Included(range.low.as_slice()), high)
        });
        bounds
            .into_iter()
            .flat_map(|bounds| self.values.range::<[u8], _>(bounds))
    }

    /// Counts everything anew and names the first thing that does not hold.
    ///
    /// # Errors
    /// A sentence for the developer.
    pub fn check(&self) -> Result<(), String> {
        let (mut len, mut held) = (0, 0);
        for (key, rows) in &self.values {
            let mut segments: Vec<(u16, u32)> = Vec::new();
            for row in &rows.bits {
                let segment = (row >> SEGMENT_BITS) as u16;
                match segments.last_mut() {
                    Some((number, count)) if *number == segment => *count += 1,
                    _ => segments.push((segment, 1)),
                }
            }
            if segments != rows.segments || rows.len != rows.bits.len() || rows.len == 0 {
                return Err(format!(
                    "counts of value {key:?}: {:?}, not {segments:?}",
                    rows.segments
                ));
            }
            len += rows.len;
            held += VALUE + key.len();
            held += segments
                .iter()
                .map(|(_, count)| segment_bytes(*count))
                .sum::<usize>();
        }
        if (len, held) != (self.len, self.held) {
            return Err(format!(
                "len and bytes are {}, {}, not {len}, {held}",
                self.len, self.held
            ));
        }
        Ok(())
    }
}
