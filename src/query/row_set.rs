//! Rows gathered from a walk into a set.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::{index::Walk, table::Table};

/// A set is gathered as plain bits where at least one row in so many is in it.
const DENSE: u64 = if cfg!(any(test, fuzzing)) { 2048 } else { 256 };

/// Rows that a set holds in one piece.
const CONTAINER: usize = 1 << 16;
/// So many rows at most are made a set at once: the library counts them in 32 bits.
const PIECE: usize = 1 << 31;

/// Gathers the rows of walks.
struct Bits {
    bytes: Vec<u8>,
    /// The containers that have a row.
    met: Vec<bool>,
}

impl Bits {
    /// No row so far, and none at or behind `end`.
    fn new(end: usize) -> Bits {
        Bits {
            bytes: vec![0; end.div_ceil(64) * 8],
            met: vec![false; end.div_ceil(CONTAINER)],
        }
    }

    #[inline]
    fn insert(&mut self, rows: Range<u64>) {
        match rows.end - rows.start {
            1 => self.insert_one(rows.start as usize),
            _ => self.insert_many(rows.start as usize, rows.end as usize - 1),
        }
    }

    /// Rows of a leaf that are only nearly in order lie in many words in turn: a jump that depended
    /// on the word would mostly be guessed wrong.
    #[inline]
    fn insert_one(&mut self, row: usize) {
        if let Some(byte) = self.bytes.get_mut(row / 8) {
            *byte |= 1 << (row % 8);
        }
        if let Some(met) = self.met.get_mut(row / CONTAINER) {
            *met = true;
        }
    }

    /// The rows from the first to the last.
    fn insert_many(&mut self, first: usize, last: usize) {
        let met = self.met.get_mut(first / CONTAINER..=last / CONTAINER);
        met.unwrap_or_default().fill(true);
        let (head, tail) = (u8::MAX << (first % 8), u8::MAX >> (7 - last % 8));
        match self.bytes.get_mut(first / 8..=last / 8).unwrap_or_default() {
            [] => {}
            [only] => *only |= head & tail,
            [first, between @ .., last] => {
                *first |= head;
                between.fill(u8::MAX);
                *last |= tail;
            }
        }
    }

    /// The rows as a set. The containers before and behind all rows are not looked at.
    fn finish(self) -> RoaringBitmap {
        let first = self.met.iter().position(|met| *met);
        let last = self.met.iter().rposition(|met| *met);
        let (Some(first), Some(last)) = (first, last) else {
            return RoaringBitmap::new();
        };
        let end = ((last + 1) * CONTAINER / 8).min(self.bytes.len());
        let bytes = self.bytes.get(first * CONTAINER / 8..end);
        let mut rows = RoaringBitmap::new();
        for (at, piece) in bytes.unwrap_or_default().chunks(PIECE / 8).enumerate() {
            let offset = first * CONTAINER + at * PIECE;
            rows |= RoaringBitmap::from_lsb0_bytes(offset as u32, piece);
        }
        rows
    }
}

/// The rows of walks as a set.
pub(super) fn gather<'t>(
    table: &Table,
    walks: impl IntoIterator<Item = Walk<'t>>,
) -> RoaringBitmap {
    let walks: Vec<Walk> = walks.into_iter().collect();
    let count: u64 = walks.iter().map(Walk::remaining).sum();
    let end = table.records().end() as usize;
    if count.saturating_mul(DENSE) < end as u64 {
        let mut rows: Vec<u32> = walks.into_iter().flatten().collect();
        rows.sort_unstable();
        let sorted = RoaringBitmap::from_sorted_iter(rows.iter().copied());
        return sorted.unwrap_or_else(|_| rows.into_iter().collect());
    }
    let mut bits = Bits::new(end);
    for walk in walks {
        walk.each_range(|rows| bits.insert(rows));
    }
    bits.finish()
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::{index::KeyRange, table::Row, value::Value};

    #[test]
    fn rows_are_gathered_in_whatever_order_they_come() {
        let mut table = table("ADD FIELD a INTEGER INDEX TIMESTAMPS OFF");
        // The index meets rows that lie words apart, back and forth.
        for id in 0..1000 {
            let turned = Value::Integer(id * 18 % 1000 + id / 500);
            put(&mut table, &[Value::Integer(id), turned, Value::Null]);
        }
        let crate::index::Index::SortedSet(set) = &table.indexes()[0].index else {
            panic!("it is a sorted set");
        };
        let all: Vec<Row> = set.walk(&KeyRange::all()).collect();
        assert!(!all.is_sorted());
        for (first, last) in [(0, 1000), (0, 10), (300, 900), (995, 1000), (5, 5)] {
            let walk = |from: usize, to: usize| {
                let mut walk = set.walk(&KeyRange::all());
                walk.skip_front(from as u64);
                walk.skip_back(1000 - to as u64);
                walk
            };
            let expected: RoaringBitmap = all[first..last].iter().copied().collect();
            assert_eq!(gather(&table, [walk(first, last)]), expected);
            let middle = (first + last) / 2;
            assert_eq!(
                gather(&table, [walk(middle, last), walk(first, middle)]),
                expected
            );
        }
    }
}
