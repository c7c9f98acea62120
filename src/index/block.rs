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

use std::cmp::Ordering;

use smallvec::SmallVec;

/// Bytes kept free behind the last suffix, so that a word may be read at any suffix.
pub(super) const SLACK: usize = 7;

/// Bytes of the row number that ends an entry.
pub(super) const ROW: usize = 4;

/// A whole entry, put together from prefix and suffix.
pub(super) type Entry = SmallVec<[u8; 64]>;

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
    /// Entries.
    pub(super) len: u32,
    /// Length of the prefix: shared by all entries and shorter than each of them.
    pub(super) prefix: u32,
    /// Where the suffixes are.
    pub(super) form: Form,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            data: Box::default(),
            len: 0,
            prefix: 0,
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

    /// Whether entry `i` is `bytes`.
    pub(super) fn is_at(&self, i: usize, bytes: &[u8]) -> bool {
        i < self.len() && bytes.strip_prefix(self.prefix()) == Some(self.suffix(i))
    }

    /// Whether entry `i` starts with `bytes`.
    pub(super) fn starts_with(&self, i: usize, bytes: &[u8]) -> bool {
        let prefix = self.prefix();
        i < self.len()
            && match bytes.strip_prefix(prefix) {
                Some(rest) => self.suffix(i).starts_with(rest),
                None => prefix.starts_with(bytes),
            }
    }

    /// How many entries are below `target`.
    pub(super) fn below(&self, target: &[u8]) -> usize {
        self.partition(target, false)
    }

    /// How many entries are at or below `target`.
    pub(super) fn through(&self, target: &[u8]) -> usize {
        self.partition(target, true)
    }

    /// How many entries are below `target`, or with `ties` at or below it.
    fn partition(&self, target: &[u8], ties: bool) -> usize {
        let prefix = self.prefix();
        let (head, rest) = target
            .split_at_checked(prefix.len())
            .unwrap_or((target, &[]));
        match head.cmp(prefix) {
            // A target shorter than the prefix compares as less than it or lies outside.
            Ordering::Less => 0,
            Ordering::Greater => self.len(),
            Ordering::Equal => match self.form {
                Form::Fixed(stride) if stride <= 8 => {
                    self.partition_words(rest, stride as usize, ties)
                }
                Form::Fixed(_) | Form::Narrow | Form::Wide => self.partition_heads(rest, ties),
            },
        }
    }

    /// [`Self::partition`] where a suffix is at most eight bytes: it is compared as one integer.
    fn partition_words(&self, rest: &[u8], stride: usize, ties: bool) -> usize {
        let shift = 64 - 8 * stride as u32;
        let word = leading(rest) >> shift;
        // `rest` cut or zero-filled to the stride is `word`: an equal suffix is then below a
        // longer `rest`, above a shorter one, and a tie where the lengths agree.
        let equal_counts = rest.len() > stride || (ties && rest.len() == stride);
        let Some(limit) = word.checked_add(u64::from(equal_counts)) else {
            return self.len();
        };
        let prefix = self.prefix_len();
        partition_point(self.len(), |i| {
            load(&self.data, prefix + i * stride) >> shift < limit
        })
    }

    /// [`Self::partition`] for longer suffixes: by their first eight bytes, then by the rest.
    fn partition_heads(&self, rest: &[u8], ties: bool) -> usize {
        let target = leading(rest);
        let body = self.body();
        partition_point(self.len(), |i| {
            let (from, to) = (body + self.start(i), body + self.start(i + 1));
            let head = load(&self.data, from) & head_mask(to - from);
            match head.cmp(&target) {
                Ordering::Equal => match piece(&self.data, from, to).cmp(rest) {
                    Ordering::Equal => ties,
                    order => order == Ordering::Less,
                },
                order => order == Ordering::Less,
            }
        })
    }

    /// The row that ends entry `i`; 0 past the end.
    pub(super) fn row(&self, i: usize) -> u32 {
        RowReader::new(self).row(i)
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

/// Reads the rows of a block's entries: in the fixed form, one load of four bytes each.
///
/// ```text
/// | prefix ... p p | s s s | s s s |      stride 3: the row is one byte of the prefix, shared
///              `base`  `mask` keeps the suffix's part of the four bytes before its end
/// ```
#[derive(Clone, Copy)]
pub(super) struct RowReader<'a> {
    block: &'a Block,
    /// The fixed stride; 0 in the other forms.
    stride: usize,
    /// Four bytes before the end of suffix 0: at 0 or later, for an entry has four bytes or more.
    first: usize,
    mask: u32,
    base: u32,
}

impl<'a> RowReader<'a> {
    /// A reader of `block`.
    pub(super) fn new(block: &'a Block) -> Self {
        let stride = match block.form {
            Form::Fixed(stride) => stride as usize,
            Form::Narrow | Form::Wide => 0,
        };
        let (base, mask) = shared_row(block.prefix(), stride);
        let first = (block.prefix_len() + stride).saturating_sub(ROW);
        Self {
            block,
            stride,
            first,
            mask,
            base,
        }
    }

    /// The block that is read.
    pub(super) fn block(&self) -> &'a Block {
        self.block
    }

    /// The row of entry `i`.
    #[inline]
    pub(super) fn row(&self, i: usize) -> u32 {
        if self.stride == 0 {
            return self.row_by_offset(i);
        }
        let bytes = word::<4>(&self.block.data, self.first + i * self.stride);
        self.base | (bytes.map_or(0, u32::from_be_bytes) & self.mask)
    }

    /// [`Self::row`] where suffixes are of different lengths.
    fn row_by_offset(&self, i: usize) -> u32 {
        let end = self.block.body() + self.block.start(i + 1);
        let (base, mask) = shared_row(self.block.prefix(), self.block.suffix(i).len());
        let bytes = end
            .checked_sub(ROW)
            .and_then(|at| word::<4>(&self.block.data, at));
        base | (bytes.map_or(0, u32::from_be_bytes) & mask)
    }
}

/// The part of a row that stands in the prefix, and the mask of the part that stands in a suffix of
/// `suffix` bytes.
fn shared_row(prefix: &[u8], suffix: usize) -> (u32, u32) {
    match ROW.checked_sub(suffix) {
        None | Some(0) => (0, u32::MAX),
        Some(shared) => {
            let tail = prefix.iter().skip(prefix.len().saturating_sub(shared));
            let base = tail.fold(0_u32, |row, byte| row << 8 | u32::from(*byte));
            let bits = 8 * suffix as u32;
            (base.checked_shl(bits).unwrap_or(0), (1_u32 << bits) - 1)
        }
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
fn word<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    debug_assert!(at + N <= data.len(), "{N} bytes at {at} of {}", data.len());
    data.get(at..).and_then(<[u8]>::first_chunk).copied()
}

/// Eight bytes at `at` as a big-endian integer. The slack keeps this inside for every suffix.
#[inline]
fn load(data: &[u8], at: usize) -> u64 {
    word(data, at).map_or(0, u64::from_be_bytes)
}

/// The first eight bytes of `bytes` as a big-endian integer, filled up with zeros.
fn leading(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut chunk = [0; 8];
            chunk
                .iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(chunk)
        }
    }
}

/// Keeps the first `len` bytes of a big-endian word, at least one.
fn head_mask(len: usize) -> u64 {
    match len {
        0..8 => !(u64::MAX >> (8 * len)),
        _ => u64::MAX,
    }
}

/// The first `i` below `len` where `low(i)` is false, `low` being true and then false.
#[inline]
fn partition_point(len: usize, low: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut left) = (0, len);
    while left > 1 {
        let half = left / 2;
        from = if low(from + half - 1) {
            from + half
        } else {
            from
        };
        left -= half;
    }
    from + usize::from(left == 1 && low(from))
}
