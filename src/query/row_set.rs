//! Rows gathered from a walk into a set.

use roaring::RoaringBitmap;

use crate::{index::Walk, table::Table};

/// A set is gathered as plain bits where at least one row in so many is in it.
const DENSE: u64 = if cfg!(test) { 4 } else { 256 };

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
