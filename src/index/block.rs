//! A block: a sorted run of byte strings, packed into one allocation.
//!
//! The prefix that all entries share is stored once, then what is left of each entry, its suffix.
//! When all suffixes are of one length they follow each other at a fixed stride; otherwise a table
//! of their ends comes first.
//!
//! ```text
//! Fixed   | prefix | suffix 0 | suffix 1 | ... | slack, at least 7 bytes |
//! Narrow  | prefix | end 0 | end 1 | ... | suffix 0 | suffix 1 | ... | slack |
//!                    u16 little-endian, from the start of suffix 0; u32 in Wide
//! ```
//!
//! No suffix is empty: the prefix stops one byte before the end of the shortest entry. The slack
//! lets eight bytes be read at once from the start of any suffix. The length of the allocation is a
//! size class of the allocator, so nothing is lost between the two.
//!
//! A block of a leaf holds entries `key ‖ row`; a block of an inner node holds separators.
//!
//! Where records are made in the order of an index, as they are of times and of ids, the rows of a
//! leaf count up by one. Such a leaf is in step, and knows it: many of its rows are met at once.

use smallvec::SmallVec;

use super::heap::Heap;
use super::rows::RowReader;

/// Bytes kept free behind the last suffix, so that a word may be read at any suffix.
pub(super) const SLACK: usize = 7;

/// Bytes of the row number that ends an entry.
pub(super) const ROW: usize = 4;

/// Entries of so many bytes are put together without an allocation.
pub(super) const ENTRY: usize = 64;

/// A whole entry.
pub(super) type Entry = SmallVec<[u8; ENTRY]>;

/// How the suffixes of a block are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All suffixes have this length, at least 1.
    Fixed(u32),
    /// A table of ends, two bytes each.
    Narrow,
    /// A table of ends, four bytes each: the suffixes are more than 65,535 bytes together.
    Wide,
}

impl Form {
    /// Bytes of one end in the table; 0 without a table.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Fixed(_) => 0,
            Self::Narrow => 2,
            Self::Wide => 4,
        }
    }
}

/// A sorted run of distinct byte strings, none of them empty.
#[derive(Debug)]
pub(super) struct Block {
    /// The packed bytes; the length is the capacity.
    pub(super) data: Box<[u8]>,
    /// Length of the prefix: shared by all entries and shorter than each of them.
    pub(super) prefix: u32,
    /// Entries: a leaf of few bytes has no more.
    pub(super) len: u16,
    /// Whether the rows are known to count up by one from entry to entry.
    pub(super) in_step: bool,
    /// Where the suffixes are.
    pub(super) form: Form,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            data: Box::default(),
            prefix: 0,
            len: 0,
            in_step: true,
            form: Form::Fixed(1),
        }
    }
}

impl Block {
    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Heap bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The memory held.
    pub(super) fn heap(&self) -> Heap {
        let bytes = self.bytes();
        Heap {
            bytes,
            slack: bytes.saturating_sub(self.used()),
        }
    }

    /// Bytes in use, without the slack.
    pub(super) fn used(&self) -> usize {
        match self.form {
            Form::Fixed(stride) => self.prefix_len() + self.len() * stride as usize,
            Form::Narrow | Form::Wide => self.body() + self.body_len(),
        }
    }

    /// Length of the common prefix.
    pub(super) fn prefix_len(&self) -> usize {
        self.prefix as usize
    }

    /// The common prefix.
    pub(super) fn prefix(&self) -> &[u8] {
        piece(&self.data, 0, self.prefix_len())
    }

    /// Where the suffixes start.
    pub(super) fn body(&self) -> usize {
        self.prefix_len() + self.len() * self.form.width()
    }

    /// Length of all suffixes together.
    pub(super) fn body_len(&self) -> usize {
        self.start(self.len())
    }

    /// Where suffix `i` starts, counted from [`Self::body`]; for `i == len` where the last one ends.
    pub(super) fn start(&self, i: usize) -> usize {
        match (self.form, i.checked_sub(1)) {
            (Form::Fixed(stride), _) => i * stride as usize,
            (_, None) => 0,
            (Form::Narrow, Some(before)) => {
                let at = self.prefix_len() + 2 * before;
                word::<2>(&self.data, at).map_or(0, u16::from_le_bytes) as usize
            }
            (Form::Wide, Some(before)) => {
                let at = self.prefix_len() + 4 * before;
                word::<4>(&self.data, at).map_or(0, u32::from_le_bytes) as usize
            }
        }
    }

    /// What follows the prefix in entry `i`; empty past the end.
    pub(super) fn suffix(&self, i: usize) -> &[u8] {
        if i >= self.len() {
            return &[];
        }
        let body = self.body();
        piece(&self.data, body + self.start(i), body + self.start(i + 1))
    }

    /// The whole of entry `i`.
    pub(super) fn entry(&self, i: usize) -> Entry {
        let mut entry = Entry::from_slice(self.prefix());
        entry.extend_from_slice(self.suffix(i));
        entry
    }

    /// Length of the whole of entry `i`.
    pub(super) fn entry_len(&self, i: usize) -> usize {
        self.prefix_len() + self.suffix(i).len()
    }

    /// The row that ends entry `i`; 0 past the end.
    #[inline]
    pub(super) fn row(&self, i: usize) -> u32 {
        match self.form {
            Form::Fixed(stride) if stride as usize >= ROW => {
                let end = self.prefix_len() + (i + 1) * stride as usize;
                word::<ROW>(&self.data, end - ROW).map_or(0, u32::from_be_bytes)
            }
            _ => self.row_apart(i),
        }
    }

    /// [`Self::row`] where the prefix may have a part of it.
    #[inline(never)]
    fn row_apart(&self, i: usize) -> u32 {
        RowReader::new(self).row(i)
    }

    /// Whether the rows count up by one with `entry` as number `at`, if they do without it.
    #[inline]
    pub(super) fn stays_in_step(&self, at: usize, entry: &[u8]) -> bool {
        let Some(row) = entry.last_chunk().copied().map(u32::from_be_bytes) else {
            return false;
        };
        match at.checked_sub(1) {
            _ if !self.in_step => false,
            Some(last) => at == self.len() && self.row(last).checked_add(1) == Some(row),
            None => self.len == 0 || row.checked_add(1) == Some(self.row(0)),
        }
    }

    /// Whether the rows count up by one, found out by a look at each.
    pub(super) fn is_in_step(&self) -> bool {
        let rows = RowReader::new(self);
        (1..self.len()).all(|i| rows.row(i - 1).checked_add(1) == Some(rows.row(i)))
    }

    /// Whether entries `i` and `j` have one key, that is, differ in their last four bytes at most.
    pub(super) fn same_key(&self, i: usize, j: usize) -> bool {
        key_part(self.suffix(i)) == key_part(self.suffix(j))
            && self.suffix(i).len() == self.suffix(j).len()
    }

    /// Appends the key of entry `i`, that is, all but its last four bytes.
    pub(super) fn key_into(&self, i: usize, out: &mut Vec<u8>) {
        let (prefix, suffix) = (self.prefix(), self.suffix(i));
        let key = (prefix.len() + suffix.len()).saturating_sub(ROW);
        out.extend_from_slice(piece(prefix, 0, key.min(prefix.len())));
        out.extend_from_slice(key_part(suffix));
    }
}

/// A suffix without the row: empty where the row takes all of it.
fn key_part(suffix: &[u8]) -> &[u8] {
    piece(suffix, 0, suffix.len().saturating_sub(ROW))
}

/// `data[from..to]`, or nothing outside.
pub(super) fn piece(data: &[u8], from: usize, to: usize) -> &[u8] {
    debug_assert!(
        from <= to && to <= data.len(),
        "{from}..{to} of {}",
        data.len()
    );
    data.get(from..to).unwrap_or_default()
}

/// The `N` bytes at `at`.
#[inline]
pub(super) fn word<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    debug_assert!(at + N <= data.len(), "{N} bytes at {at} of {}", data.len());
    // One comparison, and with a bound that a loop works out once.
    match at <= data.len().checked_sub(N)? {
        true => data.get(at..).and_then(<[u8]>::first_chunk).copied(),
        false => None,
    }
}

/// Eight bytes at `at` as a big-endian integer. The slack keeps this inside for every suffix.
#[inline]
pub(super) fn load(data: &[u8], at: usize) -> u64 {
    word(data, at).map_or(0, u64::from_be_bytes)
}
