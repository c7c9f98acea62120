//! Building an index over every record: sorted, and in bulk.

use smallvec::SmallVec;

use super::{Form, Record, Records, Row, TableIndex};
use crate::index::{Bitmap, SortedSet};

/// A bitmap over every record.
pub(super) fn bitmap(records: &Records, form: &Form, index: &TableIndex) -> Bitmap {
    let (mut bitmap, mut key) = (Bitmap::new(), Vec::new());
    // `for_each` runs through a chain of iterators much faster than `for` does.
    records.iter().for_each(|(row, record)| {
        if let Some(record) = form.read(record) {
            index.record_keys(&record, &mut key, |key| _ = bitmap.insert(key, row));
        }
    });
    bitmap
}

/// A sorted set over every record for which `key_of` appends a key.
pub(super) fn sorted_set(
    records: &Records,
    form: &Form,
    key_of: impl Fn(&Record<'_>, &mut Vec<u8>) -> bool,
) -> SortedSet {
    let mut entries = Entries::default();
    records.iter().for_each(|(row, record)| {
        if let Some(record) = form.read(record) {
            entries.add(row, |key| key_of(&record, key));
        }
    });
    entries.sorted()
}

/// A key of up to this length is sorted as two integers.
const SHORT: usize = 16;

/// An entry whose key is short: filled up with zeros, as two big-endian integers. No key is a
/// proper prefix of another, so the zeros tell none apart that are the same, nor the other way round.
type Short = ([u64; 2], Row, u8);

/// An entry whose key lies in the buffer, from where to where.
type Long = (usize, usize, Row);

/// Entries gathered to be sorted.
#[derive(Default)]
struct Entries {
    short: Vec<Short>,
    long: Vec<Long>,
    /// The long keys one after the other, so that a million of them are one allocation.
    keys: Vec<u8>,
}

impl Entries {
    /// Adds a row if it has a key.
    fn add(&mut self, row: Row, key_of: impl FnOnce(&mut Vec<u8>) -> bool) {
        let start = self.keys.len();
        if !key_of(&mut self.keys) {
            self.keys.truncate(start);
            return;
        }
        let key = self.keys.get(start..).unwrap_or_default();
        if key.len() > SHORT {
            self.long.push((start, self.keys.len(), row));
            return;
        }
        let mut padded = [0; SHORT];
        if let Some(place) = padded.get_mut(..key.len()) {
            place.copy_from_slice(key);
        }
        let number = u128::from_be_bytes(padded);
        let words = [(number >> 64) as u64, number as u64];
        self.short.push((words, row, key.len() as u8));
        self.keys.truncate(start);
    }

    /// The set of all entries.
    fn sorted(mut self) -> SortedSet {
        self.short.sort_unstable();
        let keys = &self.keys;
        let key = |entry: &Long| keys.get(entry.0..entry.1).unwrap_or_default();
        self.long
            .sort_unstable_by(|a, b| key(a).cmp(key(b)).then(a.2.cmp(&b.2)));
        let short = self.short.iter().map(|entry| (short_key(entry), entry.1));
        let long = self
            .long
            .iter()
            .map(|entry| (SmallVec::from_slice(key(entry)), entry.2));
        match (self.short.is_empty(), self.long.is_empty()) {
            (_, true) => SortedSet::from_sorted(short),
            (true, _) => SortedSet::from_sorted(long),
            // Few indexes have keys of both kinds: short texts or nulls among long ones.
            _ => {
                let mut all: Vec<_> = short.chain(long).collect();
                all.sort_unstable();
                SortedSet::from_sorted(all)
            }
        }
    }
}

/// The bytes of a short key.
fn short_key((words, _, len): &Short) -> SmallVec<[u8; SHORT]> {
    let number = u128::from(words[0]) << 64 | u128::from(words[1]);
    let mut key = SmallVec::from_buf(number.to_be_bytes());
    key.truncate(usize::from(*len));
    key
}
