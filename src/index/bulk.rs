//! Building a sorted set from ascending entries: leaf after leaf, each filled.
//!
//! Most entries are of one length and no longer than a number of 128 bits. As such they are compared
//! and written, and a leaf is made when it is known which entries it has; others go into it one by one.

use super::block::{Block, Entry, SLACK};
use super::heap::Heap;
use super::inner::Inner;
use super::node::{FEW, LEAF, Node};
use super::pack::separator;

/// Builds a tree along its right edge.
#[derive(Default)]
pub(super) struct Builder {
    /// The leaf being filled, one by one.
    leaf: Block,
    /// The entries of the leaf being filled, where they are words; then the other is empty.
    words: Words,
    /// The separator before it.
    before: Entry,
    /// The inner nodes being filled, lowest first, each with the separator before it.
    spine: Vec<(Entry, Inner)>,
    /// The last entry added.
    last: Vec<u8>,
    /// Entries added.
    len: u64,
    /// The memory of the nodes that are done.
    held: Heap,
}

impl Builder {
    /// Adds an entry, unless it is not above all before it.
    #[inline]
    pub(super) fn push(&mut self, entry: &[u8]) -> bool {
        if let (true, Some(word)) = (self.words.are_like(entry), word(entry)) {
            return self.push_word(word);
        }
        self.push_bytes(entry)
    }

    /// [`Self::push`] of an entry as the last one was.
    #[inline]
    fn push_word(&mut self, word: u128) -> bool {
        if self.words.last().is_some_and(|last| word <= last) {
            return false;
        }
        if !self.words.have_room(word) {
            self.close_words(&self.words.bytes(word));
        }
        self.words.words.push(word);
        self.len += 1;
        true
    }

    /// [`Self::push`] of any entry.
    fn push_bytes(&mut self, entry: &[u8]) -> bool {
        let last = self.words.last();
        if let Some(last) = last {
            self.last = self.words.bytes(last).to_vec();
        }
        if self.len > 0 && entry <= self.last.as_slice() {
            return false;
        }
        if last.is_some() {
            self.leaf = self.words.take();
            self.leaf.reserve(LEAF);
        }
        let len = self.leaf.len();
        if self.leaf.insert_alike(len, entry, LEAF).is_none() {
            let mut shape = self.leaf.shape_with(entry);
            if len >= FEW && shape.need() > LEAF {
                self.close_leaf(separator(&self.last, entry));
                shape = self.leaf.shape_with(entry);
            }
            if let (0, Some(word)) = (self.leaf.len(), word(entry)) {
                self.words.begin(word, entry.len());
                self.len += 1;
                return true;
            }
            self.leaf.insert(self.leaf.len(), entry, shape);
            // It will mostly be filled: better one large step than many small ones.
            self.leaf.reserve(LEAF);
        }
        self.last.clear();
        self.last.extend_from_slice(entry);
        self.len += 1;
        true
    }

    /// Hangs the leaf of the words into the tree; `next` is the first entry of the next one.
    fn close_words(&mut self, next: &[u8]) {
        let last = self.words.last().map(|last| self.words.bytes(last));
        self.leaf = self.words.take();
        self.close_leaf(separator(&last.unwrap_or_default(), next));
    }

    /// Hangs the leaf into the tree and starts the next one, with the separator before it.
    fn close_leaf(&mut self, before_next: Entry) {
        let mut leaf = std::mem::take(&mut self.leaf);
        leaf.fit();
        let before = std::mem::replace(&mut self.before, before_next);
        self.hang(0, before, Node::Leaf(leaf));
    }

    /// Adds `node`, which is done, as the last child of the inner node at `level`.
    fn hang(&mut self, level: usize, before: Entry, node: Node) {
        self.held += node.own_heap();
        let Some((_, inner)) = self.spine.get_mut(level) else {
            let mut inner = Inner::default();
            inner.push(node, &[]);
            self.spine.push((before, inner));
            return;
        };
        if inner.has_room(&before) {
            inner.push(node, &before);
            return;
        }
        let mut next = Inner::default();
        next.push(node, &[]);
        if let Some(open) = self.spine.get_mut(level) {
            let (before, mut full) = std::mem::replace(open, (before, next));
            full.fit();
            self.hang(level + 1, before, Node::Inner(Box::new(full)));
        }
    }

    /// The root, the count of entries, and the memory.
    pub(super) fn finish(mut self) -> (Node, u64, Heap) {
        if self.words.last().is_some() {
            self.leaf = self.words.take();
        }
        self.leaf.fit();
        let (mut before, mut node) = (
            std::mem::take(&mut self.before),
            Node::Leaf(std::mem::take(&mut self.leaf)),
        );
        for level in 0.. {
            if level == self.spine.len() {
                break;
            }
            self.hang(level, before, node);
            let open = self.spine.get_mut(level).map(std::mem::take);
            let (next_before, mut inner) = open.unwrap_or_default();
            inner.fit();
            (before, node) = (next_before, Node::Inner(Box::new(inner)));
        }
        self.held += node.own_heap();
        (node, self.len, self.held)
    }
}

/// Entries of one length, from 8 to 16 bytes, as numbers: big-endian, filled up with zeros. Their
/// order is that of the bytes.
#[derive(Default)]
struct Words {
    words: Vec<u128>,
    /// Bytes of each entry.
    width: usize,
}

/// The number of an entry that is neither too short nor too long for one.
#[inline]
fn word(entry: &[u8]) -> Option<u128> {
    let missing = Words::MOST.checked_sub(entry.len())? as u32;
    // The first eight bytes and the last, which may overlap.
    let (high, low) = (entry.first_chunk()?, entry.last_chunk()?);
    let low = u64::from_be_bytes(*low).checked_shl(8 * missing);
    Some(u128::from(u64::from_be_bytes(*high)) << 64 | u128::from(low.unwrap_or(0)))
}

impl Words {
    /// The longest entry.
    const MOST: usize = size_of::<u128>();

    /// Whether there are some, and this entry is as long as they are.
    #[inline]
    fn are_like(&self, entry: &[u8]) -> bool {
        !self.words.is_empty() && entry.len() == self.width
    }

    #[inline]
    fn last(&self) -> Option<u128> {
        self.words.last().copied()
    }

    fn begin(&mut self, word: u128, width: usize) {
        self.words.push(word);
        self.width = width;
    }

    /// The bytes of an entry.
    fn bytes(&self, word: u128) -> Entry {
        let mut bytes = Entry::from_slice(&word.to_be_bytes());
        bytes.truncate(self.width);
        bytes
    }

    /// How many bytes the words up to this one, which is the last, share. It is fewer than they have.
    #[inline]
    fn shared(&self, last: u128) -> usize {
        let first = self.words.first().copied().unwrap_or(last);
        ((first ^ last).leading_zeros() as usize / 8).min(self.width - 1)
    }

    /// Whether a leaf takes this word as its last.
    #[inline]
    fn have_room(&self, word: u128) -> bool {
        let prefix = self.shared(word);
        prefix + (self.words.len() + 1) * (self.width - prefix) + SLACK <= LEAF
    }

    /// The leaf of all words; none is left.
    fn take(&mut self) -> Block {
        let prefix = self.last().map_or(0, |last| self.shared(last));
        let leaf = Block::of_words(&self.words, self.width, prefix);
        self.words.clear();
        leaf
    }
}

#[cfg(test)]
mod tests {
    use crate::index::{KeyRange, SortedSet};

    #[test]
    fn entries_of_all_lengths_come_in_runs() {
        // Lengths in turn, and one of them again and again among the others.
        for lengths in [
            (3..30).collect::<Vec<_>>(),
            (3..30).flat_map(|len| [9, len]).collect(),
        ] {
            let (mut entries, mut row) = (Vec::new(), 0_u32);
            for (run, len) in lengths.into_iter().enumerate() {
                for i in 0..[1, 3, 700][run % 3] {
                    // Rows in step, and some that are not.
                    row += 1 + u32::from(i % 300 == 299);
                    let mut key = vec![run as u8];
                    key.extend_from_slice(&u16::to_be_bytes(i));
                    key.resize(len, 0xFF);
                    entries.push((key, row));
                }
            }
            let set = SortedSet::from_sorted(entries.clone());
            set.check().unwrap();
            let mut walk = set.walk(&KeyRange::all());
            for (key, row) in &entries {
                let (found, mut met) = (walk.next(), Vec::new());
                walk.key_into(&mut met);
                assert_eq!((found, &met), (Some(*row), key));
            }
            assert_eq!(walk.next(), None);
        }
    }
}
