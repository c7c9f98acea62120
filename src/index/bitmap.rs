//! The bitmap: for each value of a field, the rows that have it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;

use roaring::RoaringBitmap;
use smallvec::SmallVec;

use super::key_range::KeyRange;

/// Rows of one segment: those with the same upper sixteen bits.
const SEGMENT_BITS: u32 = 16;

/// Above so many rows a segment is a bitset, not an array.
const ARRAY_ROWS: u32 = 4096;

/// Heap bytes of a bitset segment.
const BITSET: usize = 8192;

/// Heap bytes beside the rows of a segment: its header and its count.
const SEGMENT: usize = 32 + size_of::<(u16, u32)>();

/// A value of up to so many rows keeps them in a list: a segment for each few rows would take far more.
const FEW: usize = 64;

/// A value that is left with so many rows goes back to a list.
const FEW_AGAIN: u64 = FEW as u64 / 2;

/// Heap bytes of a value beside its key and its rows: its place in the tree, which on average is
/// two thirds full.
const VALUE: usize = size_of::<(Key, Rows)>() * 3 / 2;

/// The key of a value. Those of numbers and short texts lie in the tree itself, where a search meets them.
type Key = SmallVec<[u8; INLINE]>;
const INLINE: usize = 16;

/// A map from the key of a value to the rows that have it.
///
/// Keys are memcomparable byte strings. Good for fields of few values; no value is kept without rows.
#[derive(Debug, Default)]
pub struct Bitmap {
    values: BTreeMap<Key, Rows>,
    /// Rows of all values together.
    len: u64,
    /// Heap bytes of all values together.
    held: usize,
}

/// Builds a bitmap of rows that come in ascending order.
#[derive(Default)]
pub struct AscendingRows(BTreeMap<Key, Vec<u32>>);

impl AscendingRows {
    /// Adds a row, above all before it, to the value of `key`.
    #[inline]
    pub fn push(&mut self, key: &[u8], row: u32) {
        match self.0.get_mut(key) {
            Some(rows) => rows.push(row),
            None => _ = self.0.insert(Key::from_slice(key), vec![row]),
        }
    }

    /// The bitmap.
    pub fn finish(self) -> Bitmap {
        let mut bitmap = Bitmap::new();
        for (key, rows) in self.0 {
            let rows = Rows::of(rows);
            bitmap.len += rows.len();
            bitmap.hold(value_bytes(&key) + rows.bytes());
            bitmap.values.insert(key, rows);
        }
        bitmap
    }
}

/// The rows of one value.
#[derive(Debug)]
pub struct Rows(Kept);

#[derive(Debug)]
enum Kept {
    /// At most [`FEW`], ascending.
    List(Vec<u32>),
    Segments(Box<Segments>),
}

/// Rows in segments.
#[derive(Debug, Default)]
struct Segments {
    bits: RoaringBitmap,
    /// Number of rows: the sum of the segments.
    len: u64,
    /// Rows in each segment that has any, by the upper sixteen bits.
    segments: Vec<(u16, u32)>,
}

impl Rows {
    /// A single row.
    fn new(row: u32) -> Rows {
        Rows(Kept::List(vec![row]))
    }

    /// These rows, which ascend.
    fn of(mut rows: Vec<u32>) -> Rows {
        if rows.len() <= FEW {
            rows.shrink_to_fit();
            return Rows(Kept::List(rows));
        }
        let segment = |row: &u32| (row >> SEGMENT_BITS) as u16;
        let segments = rows.chunk_by(|a, b| segment(a) == segment(b));
        let segments =
            segments.filter_map(|rows| Some((segment(rows.first()?), rows.len() as u32)));
        Rows(Kept::Segments(Box::new(Segments {
            segments: segments.collect(),
            len: rows.len() as u64,
            bits: RoaringBitmap::from_sorted_iter(rows.iter().copied())
                .unwrap_or_else(|_| rows.iter().copied().collect()),
        })))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kept::List(list) => list.len() as u64,
            Kept::Segments(segments) => segments.len,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lowest.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        match &self.0 {
            Kept::List(list) => list.first().copied(),
            Kept::Segments(segments) => segments.bits.min(),
        }
    }

    /// Whether a row is among them.
    #[must_use]
    pub fn contains(&self, row: u32) -> bool {
        match &self.0 {
            Kept::List(list) => list.binary_search(&row).is_ok(),
            Kept::Segments(segments) => segments.bits.contains(row),
        }
    }

    /// How many of them are among others.
    #[must_use]
    pub fn common(&self, others: &RoaringBitmap) -> u64 {
        match &self.0 {
            Kept::List(list) => list.iter().filter(|row| others.contains(**row)).count() as u64,
            Kept::Segments(segments) => others.intersection_len(&segments.bits),
        }
    }

    /// All of them, as a set.
    #[must_use]
    pub fn bits(&self) -> Cow<'_, RoaringBitmap> {
        match &self.0 {
            Kept::List(list) => Cow::Owned(list.iter().copied().collect()),
            Kept::Segments(segments) => Cow::Borrowed(&segments.bits),
        }
    }

    /// Adds them to a set.
    fn union_into(&self, set: &mut RoaringBitmap) {
        match &self.0 {
            Kept::List(list) => set.extend(list),
            Kept::Segments(segments) => *set |= &segments.bits,
        }
    }

    /// Adds a row: the heap bytes that this takes, or `None` if it was there.
    fn insert(&mut self, row: u32) -> Option<isize> {
        match &mut self.0 {
            Kept::Segments(segments) => segments.insert(row),
            Kept::List(list) => {
                let at = list.binary_search(&row).err()?;
                let before = list_bytes(list);
                if list.len() < FEW {
                    list.insert(at, row);
                    return Some(list_bytes(list) - before);
                }
                let mut segments = Box::<Segments>::default();
                for row in list.iter().chain([&row]) {
                    segments.insert(*row);
                }
                let after = segments.bytes();
                self.0 = Kept::Segments(segments);
                Some(after - before)
            }
        }
    }

    /// Takes a row out: the heap bytes that this frees, or `None` if it was not there.
    fn remove(&mut self, row: u32) -> Option<isize> {
        match &mut self.0 {
            Kept::List(list) => {
                let at = list.binary_search(&row).ok()?;
                let before = list_bytes(list);
                list.remove(at);
                if list.len() <= list.capacity() / 4 {
                    list.shrink_to(list.len() * 2);
                }
                Some(before - list_bytes(list))
            }
            Kept::Segments(segments) => {
                let freed = segments.remove(row)?;
                if segments.len > FEW_AGAIN {
                    return Some(freed);
                }
                let before = segments.bytes();
                let list: Vec<u32> = segments.bits.iter().collect();
                let after = list_bytes(&list);
                self.0 = Kept::List(list);
                Some(freed + before - after)
            }
        }
    }

    /// Heap bytes, nearly.
    fn bytes(&self) -> isize {
        match &self.0 {
            Kept::List(list) => list_bytes(list),
            Kept::Segments(segments) => segments.bytes(),
        }
    }

    /// Whether what is counted is so.
    fn check(&self) -> Result<(), String> {
        let segments = match &self.0 {
            Kept::List(list) => {
                let ascend = list.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
                return match ascend && (1..=FEW).contains(&list.len()) {
                    true => Ok(()),
                    false => Err(format!("a list of rows is wrong: {list:?}")),
                };
            }
            Kept::Segments(segments) => segments,
        };
        let mut counted: Vec<(u16, u32)> = Vec::new();
        for row in &segments.bits {
            let segment = (row >> SEGMENT_BITS) as u16;
            match counted.last_mut() {
                Some((number, count)) if *number == segment => *count += 1,
                _ => counted.push((segment, 1)),
            }
        }
        let len = segments.bits.len();
        match counted == segments.segments && segments.len == len && len > FEW_AGAIN {
            true => Ok(()),
            false => Err(format!("counts {:?}, not {counted:?}", segments.segments)),
        }
    }
}

impl Segments {
    fn place(&self, segment: u16) -> usize {
        self.segments
            .partition_point(|(number, _)| *number < segment)
    }

    fn insert(&mut self, row: u32) -> Option<isize> {
        if !self.bits.insert(row) {
            return None;
        }
        let segment = (row >> SEGMENT_BITS) as u16;
        let at = self.place(segment);
        self.len += 1;
        Some(match self.segments.get_mut(at) {
            Some((number, count)) if *number == segment => {
                *count += 1;
                // A segment that becomes a bitset past 4,096 rows is as large as it was.
                segment_bytes(*count) - segment_bytes(*count - 1)
            }
            _ => {
                self.segments.insert(at, (segment, 1));
                segment_bytes(1)
            }
        })
    }

    fn remove(&mut self, row: u32) -> Option<isize> {
        if !self.bits.remove(row) {
            return None;
        }
        let at = self.place((row >> SEGMENT_BITS) as u16);
        self.len -= 1;
        let Some((_, count)) = self.segments.get_mut(at) else {
            debug_assert!(false, "no segment of row {row}");
            return Some(0);
        };
        *count -= 1;
        let freed = segment_bytes(*count + 1) - segment_bytes(*count);
        if *count == 0 {
            self.segments.remove(at);
        }
        Some(freed)
    }

    /// O(segments).
    fn bytes(&self) -> isize {
        let segments = self.segments.iter();
        let rows: isize = segments.map(|(_, count)| segment_bytes(*count)).sum();
        size_of::<Segments>() as isize + rows
    }
}

/// Heap bytes of a segment of `rows`.
fn segment_bytes(rows: u32) -> isize {
    let bytes = match rows {
        0 => 0,
        1..=ARRAY_ROWS => SEGMENT + 2 * rows as usize,
        _ => SEGMENT + BITSET,
    };
    bytes as isize
}

/// Heap bytes of a value beside its rows.
fn value_bytes(key: &[u8]) -> isize {
    let apart = if key.len() > INLINE { key.len() } else { 0 };
    (VALUE + apart) as isize
}

/// Heap bytes of a list of rows.
fn list_bytes(list: &Vec<u32>) -> isize {
    (list.capacity() * size_of::<u32>()) as isize
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
            let rows = Rows::new(row);
            self.hold(value_bytes(key) + rows.bytes());
            self.values.insert(Key::from_slice(key), rows);
            self.len += 1;
            return true;
        };
        let Some(taken) = rows.insert(row) else {
            return false;
        };
        self.hold(taken);
        self.len += 1;
        true
    }

    /// So many more heap bytes are held.
    fn hold(&mut self, more: isize) {
        self.held = self.held.saturating_add_signed(more);
    }

    /// Takes `row` from the value of `key`; false if it was not there. A value left without rows goes.
    pub fn remove(&mut self, key: &[u8], row: u32) -> bool {
        let Some(rows) = self.values.get_mut(key) else {
            return false;
        };
        let Some(mut freed) = rows.remove(row) else {
            return false;
        };
        if rows.is_empty() {
            freed += value_bytes(key) + rows.bytes();
            self.values.remove(key);
        }
        self.hold(-freed);
        self.len -= 1;
        true
    }

    /// Whether `row` has the value of `key`.
    #[must_use]
    pub fn contains(&self, key: &[u8], row: u32) -> bool {
        self.get(key).is_some_and(|rows| rows.contains(row))
    }

    /// The rows of the value of `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Rows> {
        self.values.get(key)
    }

    /// How many rows have a value whose key is in `range`: O(values in the range).
    #[must_use]
    pub fn count(&self, range: &KeyRange) -> u64 {
        self.range(range).map(|(_, rows)| rows.len()).sum()
    }

    /// The rows that have a value whose key is in `range`.
    #[must_use]
    pub fn rows(&self, range: &KeyRange) -> RoaringBitmap {
        let mut union = RoaringBitmap::new();
        for (_, rows) in self.range(range) {
            rows.union_into(&mut union);
        }
        union
    }

    /// The key of each value, and the rows that have it, in order of the keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = (&[u8], &Rows)> + ExactSizeIterator {
        self.values.iter().map(|(key, rows)| (key.as_slice(), rows))
    }

    /// The values whose key is in `range`.
    fn range(&self, range: &KeyRange) -> impl Iterator<Item = (&Key, &Rows)> {
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
        let (mut len, mut held) = (0, 0_isize);
        for (key, rows) in &self.values {
            rows.check()
                .map_err(|error| format!("value {key:?}: {error}"))?;
            len += rows.len();
            held += value_bytes(key) + rows.bytes();
        }
        if (len, held) != (self.len, self.held as isize) {
            return Err(format!(
                "len and bytes are {}, {}, not {len}, {held}",
                self.len, self.held
            ));
        }
        Ok(())
    }
}
