//! Gathering the entries of one index over every record, in the order of the rows.

use smallvec::SmallVec;

use super::Row;
use crate::{
    index::{Ascending, AscendingRows, Index, KeyRange, SortedSet},
    schema::Method,
};

/// The bytes of a row that end an entry.
const ROW: usize = size_of::<Row>();

/// The entries of one index, `key ‖ row`, met so far.
pub(super) enum Gathered {
    SortedSet(Box<Ordered>),
    Bitmap(AscendingRows),
}

impl Gathered {
    /// No entries so far.
    pub(super) fn new(method: Method) -> Gathered {
        match method {
            Method::SortedSet => Gathered::SortedSet(Box::default()),
            Method::Bitmap => Gathered::Bitmap(AscendingRows::default()),
        }
    }

    /// Adds an entry; its row is that of the entry before it, or a later one.
    #[inline]
    pub(super) fn add(&mut self, entry: &[u8]) {
        match self {
            Gathered::SortedSet(ordered) => ordered.add(entry),
            Gathered::Bitmap(rows) => {
                if let Some((key, row)) = entry.split_last_chunk::<ROW>() {
                    rows.push(key, Row::from_be_bytes(*row));
                }
            }
        }
    }

    /// Whether its entries need not be sorted before the index is made.
    pub(super) fn is_sorted(&self) -> bool {
        match self {
            Gathered::SortedSet(ordered) => ordered.others.is_empty(),
            Gathered::Bitmap(_) => true,
        }
    }

    /// The index.
    pub(super) fn finish(self) -> Index {
        match self {
            Gathered::SortedSet(ordered) => Index::SortedSet(ordered.finish()),
            Gathered::Bitmap(rows) => Index::Bitmap(rows.finish()),
        }
    }
}

/// Entries of a sorted set in the order in which they are met. As long as they ascend, as ids and
/// times mostly do, they go into the set at once; else all are gathered and sorted.
#[derive(Default)]
pub(super) struct Ordered {
    ascending: Ascending,
    others: Entries,
}

impl Ordered {
    #[inline]
    fn add(&mut self, entry: &[u8]) {
        if self.others.is_empty() {
            if self.ascending.push(entry) {
                return;
            }
            self.scatter();
        }
        if let Some((key, row)) = entry.split_last_chunk::<ROW>() {
            self.others.add(key, Row::from_be_bytes(*row));
        }
    }

    /// Gives up that entries ascend.
    #[cold]
    fn scatter(&mut self) {
        let set = std::mem::take(&mut self.ascending).finish();
        let (mut walk, mut key) = (set.walk(&KeyRange::all()), Vec::new());
        while let Some(row) = walk.next() {
            key.clear();
            walk.key_into(&mut key);
            self.others.add(&key, row);
        }
    }

    fn finish(self) -> SortedSet {
        match self.others.is_empty() {
            true => self.ascending.finish(),
            false => self.others.sorted(),
        }
    }
}

/// A key of up to this length is sorted as two integers.
const SHORT: usize = 16;

/// An entry whose key is short: filled up with zeros, as two big-endian integers. No key is a
/// proper prefix of another, so the zeros tell none apart that are the same, nor the other way round.
type Short = ([u64; 2], Row, u8);

/// An entry whose key lies in the buffer, and the first eight bytes of the key behind what all
/// keys share, which mostly tell it from others.
struct Long {
    head: u64,
    from: usize,
    to: usize,
    row: Row,
}

/// Entries gathered to be sorted; of equal keys those of lower rows come first.
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
            self.long.push(Long {
                head: 0,
                from: start,
                to: self.keys.len(),
                row,
            });
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
        self.sort_long();
        let short = self.short.iter().map(|entry| (short_key(entry), entry.1));
        let key = |entry: &Long| self.keys.get(entry.from..entry.to).unwrap_or_default();
        let long = self.long.iter().map(|entry| (key(entry), entry.row));
        match (self.short.is_empty(), self.long.is_empty()) {
            (_, true) => SortedSet::from_sorted(short),
            (true, _) => SortedSet::from_sorted(long),
            // Few indexes have keys of both kinds: short texts or nulls among long ones.
            _ => {
                let long = long.map(|(key, row)| (SmallVec::from_slice(key), row));
                let mut all: Vec<_> = short.chain(long).collect();
                all.sort_unstable();
                SortedSet::from_sorted(all)
            }
        }
    }

    /// Sorts the long entries.
    fn sort_long(&mut self) {
        let keys = &self.keys;
        let key = |entry: &Long| keys.get(entry.from..entry.to).unwrap_or_default();
        let first = self.long.first().map(key).unwrap_or_default();
        let shared = self.long.iter().fold(first.len(), |shared, entry| {
            let pairs = first.iter().zip(key(entry)).take(shared);
            pairs.take_while(|(a, b)| a == b).count()
        });
        for entry in &mut self.long {
            let rest = keys.get(entry.from + shared..entry.to).unwrap_or_default();
            let mut head = [0; 8];
            head.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            entry.head = u64::from_be_bytes(head);
        }
        // A key that ends within its head ends in zeros, as none does that goes on in them: no key is
        // a proper prefix of another.
        self.long.sort_unstable_by(|a, b| {
            let heads = a.head.cmp(&b.head);
            heads.then_with(|| key(a).cmp(key(b)).then(a.row.cmp(&b.row)))
        });
    }

    /// Sorts the short entries by the bits that tell their keys apart, the lowest first (a radix
    /// sort). Rows need no look: the entries came in the order of these, and each round keeps the
    /// order of what is equal in its bits.
    fn sort_short(&mut self) {
        let Some((first, ..)) = self.short.first().copied() else {
            return;
        };
        let differ = self.short.iter().fold(0, |differ, (words, ..)| {
            differ | (number(*words) ^ number(first))
        });
        let (low, high) = (differ.trailing_zeros(), 128 - differ.leading_zeros());
        if high.saturating_sub(low) > MOST_ROUNDS * DIGIT || self.short.len() < FEW {
            // In place, for which there is no better order than that of the rows too.
            return self.short.sort_unstable();
        }
        let mut other = vec![([0; 2], 0, 0); self.short.len()];
        for shift in (low..high).step_by(DIGIT as usize) {
            let digit = |words: [u64; 2]| (number(words) >> shift) as usize % DIGITS;
            let mut places = [0_usize; DIGITS];
            for (words, ..) in &self.short {
                if let Some(count) = places.get_mut(digit(*words)) {
                    *count += 1;
                }
            }
            let mut before = 0;
            for place in &mut places {
                before += std::mem::replace(place, before);
            }
            for entry in &self.short {
                let Some(place) = places.get_mut(digit(entry.0)) else {
                    continue;
                };
                if let Some(to) = other.get_mut(*place) {
                    *to = *entry;
                }
                *place += 1;
            }
            std::mem::swap(&mut self.short, &mut other);
        }
    }
}

/// Bits that one round of a sort looks at.
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
/// Keys that more rounds would take are compared instead.
const MOST_ROUNDS: u32 = 6;
/// Fewer entries than these are compared too.
const FEW: usize = if cfg!(any(test, fuzzing)) { 16 } else { 1024 };

fn number(words: [u64; 2]) -> u128 {
    u128::from(words[0]) << 64 | u128::from(words[1])
}

/// The bytes of a short key.
fn short_key((words, _, len): &Short) -> SmallVec<[u8; SHORT]> {
    let mut key = SmallVec::from_buf(number(*words).to_be_bytes());
    key.truncate(usize::from(*len));
    key
}
