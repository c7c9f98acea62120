//! The first so many of the records that are met.

use smallvec::SmallVec;

use crate::table::Row;

/// Entries are not cut before there are so many.
const LEAST_CUT: usize = if cfg!(any(test, fuzzing)) { 2 } else { 64 };

type Key = SmallVec<[u8; 32]>;

/// Keeps the rows of the least keys. What is beyond them is thrown away each time twice as many
/// have come together.
pub(super) struct TopK {
    k: usize,
    entries: Vec<(Key, Row)>,
    /// A key at which there are `k` lesser ones already.
    bound: Option<Key>,
}

impl TopK {
    /// Keeps `k` rows at most.
    pub(super) fn new(k: u64) -> TopK {
        TopK {
            k: usize::try_from(k).unwrap_or(usize::MAX),
            entries: Vec::new(),
            bound: None,
        }
    }

    /// Offers a row. No two have the same key.
    pub(super) fn push(&mut self, key: &[u8], row: Row) {
        if self.k == 0
            || self
                .bound
                .as_ref()
                .is_some_and(|bound| key >= bound.as_slice())
        {
            return;
        }
        self.entries.push((Key::from_slice(key), row));
        if self.entries.len() >= self.k.saturating_mul(2).max(LEAST_CUT) {
            self.cut();
        }
    }

    /// Throws away what is beyond the first `k`.
    fn cut(&mut self) {
        if self.entries.len() <= self.k {
            return;
        }
        let last = self.k - 1;
        self.entries
            .select_nth_unstable_by(last, |a, b| a.0.cmp(&b.0));
        self.entries.truncate(self.k);
        self.bound = self.entries.last().map(|entry| entry.0.clone());
    }

    /// The rows in the order of their keys.
    pub(super) fn finish(mut self) -> Vec<Row> {
        if self.k == 0 {
            return Vec::new();
        }
        self.cut();
        self.entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        self.entries.iter().map(|entry| entry.1).collect()
    }
}
