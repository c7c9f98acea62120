//! Rows gathered from a walk into a set.

use roaring::RoaringBitmap;

use crate::{index::Walk, table::Table};

/// A set is gathered as plain bits where at least one row in so many is in it.
const DENSE: u64 = if cfg!(any(test, fuzzing)) { 2048 } else { 256 };

/// Gathers the rows of walks. Bits are joined 64 at a time, for rows that follow each other
/// mostly lie in one word.
struct Bits {
    bytes: Vec<u8>,
    word: usize,
    joined: u64,
}

impl Bits {
    #[inline]
    fn insert(&mut self, row: u32) {
        let word = row as usize / 64;
        if word != self.word {
            self.flush();
            self.word = word;
        }
        self.joined |= 1 << (row % 64);
    }

    #[inline]
    fn flush(&mut self) {
        let place = self
            .bytes
            .get_mut(self.word * 8..)
            .and_then(<[u8]>::first_chunk_mut);
        if let Some(bytes) = place {
            *bytes = (u64::from_le_bytes(*bytes) | self.joined).to_le_bytes();
        }
        self.joined = 0;
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
    let mut bits = Bits {
        bytes: vec![0; end.div_ceil(64) * 8],
        word: 0,
        joined: 0,
    };
    for walk in walks {
        walk.for_each(|row| bits.insert(row));
    }
    bits.flush();
    RoaringBitmap::from_lsb0_bytes(0, &bits.bytes)
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
