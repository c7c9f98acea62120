//! Rows gathered from a walk into a set.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::{index::Walk, table::Table};

/// A set is gathered as plain bits where at least one row in so many is in it.
const DENSE: u64 = if cfg!(any(test, fuzzing)) { 2048 } else { 256 };

/// Words of the bits that a set holds in one piece.
const CONTAINER: usize = 1024;

/// Gathers the rows of walks. Bits are joined 64 at a time, for rows that follow each other
/// mostly lie in one word.
struct Bits {
    bytes: Vec<u8>,
    word: usize,
    joined: u64,
    /// The first and the last word in which bits were set.
    touched: Option<(usize, usize)>,
}

impl Bits {
    /// No row so far, and none at or behind `end`.
    fn new(end: usize) -> Bits {
        Bits {
            bytes: vec![0; end.div_ceil(64) * 8],
            word: 0,
            joined: 0,
            touched: None,
        }
    }

    #[inline]
    fn insert(&mut self, rows: Range<u64>) {
        let word = (rows.start / 64) as usize;
        if word != self.word {
            self.flush();
            self.word = word;
        }
        self.joined |= 1 << (rows.start % 64);
        if rows.end - rows.start > 1 {
            self.insert_many(rows);
        }
    }

    /// Rows that follow each other; the first of them is in the word at hand.
    fn insert_many(&mut self, rows: Range<u64>) {
        let last = rows.end - 1;
        let (head, tail) = (u64::MAX << (rows.start % 64), u64::MAX >> (63 - last % 64));
        let end = (last / 64) as usize;
        if end == self.word {
            self.joined |= head & tail;
            return;
        }
        self.joined |= head;
        self.flush();
        let between = self.bytes.get_mut((self.word + 1) * 8..end * 8);
        between.unwrap_or_default().fill(u8::MAX);
        self.word = end;
        self.joined = tail;
    }

    #[inline]
    fn flush(&mut self) {
        if self.joined == 0 {
            return;
        }
        let place = self
            .bytes
            .get_mut(self.word * 8..)
            .and_then(<[u8]>::first_chunk_mut);
        if let Some(bytes) = place {
            *bytes = (u64::from_le_bytes(*bytes) | self.joined).to_le_bytes();
        }
        let (first, last) = self.touched.unwrap_or((self.word, self.word));
        self.touched = Some((first.min(self.word), last.max(self.word)));
        self.joined = 0;
    }

    /// The rows as a set. Where no bit was set nothing is looked at.
    fn finish(mut self) -> RoaringBitmap {
        self.flush();
        let Some((first, last)) = self.touched else {
            return RoaringBitmap::new();
        };
        let first = first / CONTAINER * CONTAINER;
        let words = self.bytes.get(first * 8..(last + 1) * 8);
        RoaringBitmap::from_lsb0_bytes((first * 64) as u32, words.unwrap_or_default())
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
