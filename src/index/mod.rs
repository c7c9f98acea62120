//! The indexes of a table: a sorted set over one or more fields, a bitmap over one.
//!
//! Both map memcomparable keys to row numbers and answer to the same verbs; see [`Index`].

mod bitmap;
mod block;
mod bulk;
mod check;
mod edit;
mod entries;
mod fetch;
mod heap;
mod inner;
mod key_range;
#[cfg(test)]
mod laws;
mod node;
mod pack;
mod rows;
mod search;
mod sorted_set;
mod twice;
mod walk;

pub use bitmap::{AscendingRows, Bitmap, Rows};
pub use entries::Entries;
pub use fetch::Spot;
pub use heap::Heap;
pub use key_range::{KeyRange, successor};
pub use sorted_set::{Ascending, SortedSet};
pub use walk::Walk;

/// An index of either kind.
#[derive(Debug)]
pub enum Index {
    /// Entries in order: for ranges, order, uniqueness and equality of many values.
    SortedSet(SortedSet),
    /// A set of rows for each value: for equality of few values.
    Bitmap(Bitmap),
}

impl Index {
    /// The spot of an entry in a sorted set that holds it.
    pub fn spot_held(&self, entry: &[u8]) -> Option<Spot> {
        match self {
            Self::SortedSet(set) => set.spot_held(entry),
            Self::Bitmap(_) => None,
        }
    }

    /// Asks for the leaf of a spot.
    pub fn fetch(&self, spot: Option<Spot>) {
        if let Self::SortedSet(set) = self {
            set.fetch(spot);
        }
    }

    /// Adds `row` under `key`; false if it was there.
    pub fn insert(&mut self, key: &[u8], row: u32) -> bool {
        match self {
            Self::SortedSet(set) => set.insert(key, row),
            Self::Bitmap(bitmap) => bitmap.insert(key, row),
        }
    }

    /// [`Self::insert`] of an entry, the bytes `key ‖ row`, whose spot in a sorted set may have been
    /// looked for.
    pub fn insert_entry(&mut self, entry: &[u8], spot: Option<Spot>) -> bool {
        match self {
            Self::SortedSet(set) => set.insert_entry(entry, spot),
            Self::Bitmap(bitmap) => {
                key_and_row(entry).is_some_and(|(key, row)| bitmap.insert(key, row))
            }
        }
    }

    /// Takes `row` from `key`; false if it was not there.
    pub fn remove(&mut self, key: &[u8], row: u32) -> bool {
        match self {
            Self::SortedSet(set) => set.remove(key, row),
            Self::Bitmap(bitmap) => bitmap.remove(key, row),
        }
    }

    /// [`Self::remove`] of an entry, the bytes `key ‖ row`, whose spot in a sorted set may have been
    /// looked for.
    pub fn remove_entry(&mut self, entry: &[u8], spot: Option<Spot>) -> bool {
        match self {
            Self::SortedSet(set) => set.remove_entry(entry, spot),
            Self::Bitmap(bitmap) => {
                key_and_row(entry).is_some_and(|(key, row)| bitmap.remove(key, row))
            }
        }
    }

    /// Whether `row` is under `key`.
    #[must_use]
    pub fn contains(&self, key: &[u8], row: u32) -> bool {
        match self {
            Self::SortedSet(set) => set.contains(key, row),
            Self::Bitmap(bitmap) => bitmap.contains(key, row),
        }
    }

    /// How many rows are under the keys of `range`.
    #[must_use]
    pub fn count(&self, range: &KeyRange) -> u64 {
        match self {
            Self::SortedSet(set) => set.count(range),
            Self::Bitmap(bitmap) => bitmap.count(range),
        }
    }

    /// Rows under all keys together.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::SortedSet(set) => set.len(),
            Self::Bitmap(bitmap) => bitmap.len(),
        }
    }

    /// Whether the index is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Heap bytes held: O(1).
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::SortedSet(set) => set.bytes(),
            Self::Bitmap(bitmap) => bitmap.bytes(),
        }
    }

    /// Heap bytes held and idle: O(1). What is idle in a bitmap nobody counts.
    #[must_use]
    pub fn heap(&self) -> Heap {
        match self {
            Self::SortedSet(set) => set.heap(),
            Self::Bitmap(bitmap) => Heap {
                bytes: bitmap.bytes(),
                slack: 0,
            },
        }
    }

    /// The structural self-check: O(n).
    ///
    /// # Errors
    /// A sentence for the developer.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::SortedSet(set) => set.check(),
            Self::Bitmap(bitmap) => bitmap.check(),
        }
    }
}

/// The key of an entry, and the row that ends it.
pub fn key_and_row(entry: &[u8]) -> Option<(&[u8], u32)> {
    let (key, row) = entry.split_last_chunk()?;
    Some((key, u32::from_be_bytes(*row)))
}
