//! Building indexes over every record: sorted, and in bulk.

use smallvec::SmallVec;

use super::{Record, Row, TableIndex};
use crate::{
    index::{Ascending, Bitmap, Index, KeyRange, SortedSet},
    schema::Method,
};

/// Indexes over every record, while the records are met one after the other, by row.
pub struct Indexes {
    ids: Option<Gathered>,
    expiry: Option<Gathered>,
    others: Vec<Other>,
    key: Vec<u8>,
}

/// An index of the schema's.
enum Other {
    SortedSet(Box<Gathered>),
    Bitmap(Bitmap),
}

/// Indexes that are done.
pub(super) struct Built<Others> {
    /// The ids, if they were wanted.
    pub ids: Option<SortedSet>,
    /// The records that expire, if they were wanted.
    pub expiry: Option<SortedSet>,
    /// The indexes of the schema, in their order.
    pub others: Others,
}

impl Indexes {
    /// These indexes, and the ids and the expiry where they are wanted, without a record.
    pub(super) fn new(indexes: &[TableIndex], ids: bool, expiry: bool) -> Indexes {
        let other = |index: &TableIndex| match index.definition.method {
            Method::SortedSet => Other::SortedSet(Box::default()),
            Method::Bitmap => Other::Bitmap(Bitmap::new()),
        };
        Indexes {
            ids: ids.then(Gathered::default),
            expiry: expiry.then(Gathered::default),
            others: indexes.iter().map(other).collect(),
            key: Vec::new(),
        }
    }

    /// Enters a record.
    pub(super) fn add(
        &mut self,
        expires_at: usize,
        indexes: &[TableIndex],
        row: Row,
        record: &Record<'_>,
    ) {
        let key = &mut self.key;
        if let Some(ids) = &mut self.ids {
            key.clear();
            record.value(0).key_into(key);
            ids.add(key, row);
        }
        // Most tables keep no record that expires, and then its code alone tells so.
        let expiry = self.expiry.as_mut();
        if let Some(expiry) = expiry.filter(|_| !record.is_null(expires_at)) {
            key.clear();
            record.value(expires_at).key_into(key);
            expiry.add(key, row);
        }
        for (index, other) in indexes.iter().zip(&mut self.others) {
            match other {
                Other::SortedSet(gathered) => {
                    key.clear();
                    index.record_key_into(record, key);
                    gathered.add(key, row);
                }
                Other::Bitmap(bitmap) => {
                    index.record_keys(record, key, |key| _ = bitmap.insert(key, row));
                }
            }
        }
    }

    /// The indexes of all records met.
    pub(super) fn finish(self) -> Built<impl Iterator<Item = Index>> {
        Built {
            ids: self.ids.map(Gathered::finish),
            expiry: self.expiry.map(Gathered::finish),
            others: self.others.into_iter().map(|other| match other {
                Other::SortedSet(gathered) => Index::SortedSet(gathered.finish()),
                Other::Bitmap(bitmap) => Index::Bitmap(bitmap),
            }),
        }
    }
}

/// Entries of a sorted set in the order in which they are met. As long as they ascend, as ids and
/// times mostly do, they go into the set at once; else all are gathered and sorted.
#[derive(Default)]
struct Gathered {
    ascending: Ascending,
    others: Entries,
}

impl Gathered {
    #[inline]
    fn add(&mut self, key: &[u8], row: Row) {
        if !self.others.is_empty() || !self.ascending.push(key, row) {
            self.others.add(key, row);
        }
    }

    fn finish(mut self) -> SortedSet {
        let set = self.ascending.finish();
        if self.others.is_empty() {
            return set;
        }
        let (mut walk, mut key) = (set.walk(&KeyRange::all()), Vec::new());
        while let Some(row) = walk.next() {
            key.clear();
            walk.key_into(&mut key);
            self.others.add(&key, row);
        }
        self.others.sorted()
    }
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
    fn is_empty(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }

    fn add(&mut self, key: &[u8], row: Row) {
        if key.len() > SHORT {
            let start = self.keys.len();
            self.keys.extend_from_slice(key);
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
    }

    /// The set of all entries.
    fn sorted(mut self) -> SortedSet {
        self.sort_short();
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

    /// Sorts the short entries. Where no more than eight bytes tell their keys apart, by these alone.
    fn sort_short(&mut self) {
        let [mut high, mut low] = [0; 2];
        if let Some((first, ..)) = self.short.first().copied() {
            for (words, ..) in &self.short {
                high |= words[0] ^ first[0];
                low |= words[1] ^ first[1];
            }
        }
        let differ = u128::from(high) << 64 | u128::from(low);
        let shared = differ.leading_zeros();
        if differ == 0 || (differ << shared) as u64 != 0 {
            return self.short.sort_unstable();
        }
        self.short.sort_unstable_by_key(|(words, row, _)| {
            ((number(*words) << shared >> 64) as u64, *row)
        });
    }
}

fn number(words: [u64; 2]) -> u128 {
    u128::from(words[0]) << 64 | u128::from(words[1])
}

/// The bytes of a short key.
fn short_key((words, _, len): &Short) -> SmallVec<[u8; SHORT]> {
    let mut key = SmallVec::from_buf(number(*words).to_be_bytes());
    key.truncate(usize::from(*len));
    key
}
