//! Whether a set has a key twice.

use super::block::{Block, Form, ROW, load, piece};
use super::node::Node;
use super::sorted_set::SortedSet;

impl SortedSet {
    /// Whether two entries have one key: O(n).
    #[must_use]
    pub fn has_key_twice(&self) -> bool {
        has_key_twice(self.root(), &mut None)
    }
}

/// Whether entries of a node have one key, the last of the leaf before them among these.
fn has_key_twice<'a>(node: &'a Node, before: &mut Option<&'a Block>) -> bool {
    match node {
        Node::Leaf(block) => {
            let before = before.replace(block);
            before.is_some_and(|before| before.ends_as_begins(block)) || block.has_key_twice()
        }
        Node::Inner(inner) => {
            let mut children = inner.children.iter();
            children.any(|child| has_key_twice(child, before))
        }
    }
}

impl Block {
    /// Whether the last entry has the key of the first one of `next`.
    fn ends_as_begins(&self, next: &Block) -> bool {
        let key = |block: &Block, i| {
            let mut entry = block.entry(i);
            entry.truncate(entry.len().saturating_sub(ROW));
            entry
        };
        let last = self.len().checked_sub(1);
        last.is_some_and(|last| next.len > 0 && key(self, last) == key(next, 0))
    }

    fn has_key_twice(&self) -> bool {
        match self.form {
            // What a suffix has of its key is a number.
            Form::Fixed(stride @ 5..=8) => {
                let (start, stride) = (self.prefix_len(), stride as usize);
                let shift = 64 - 8 * (stride - ROW) as u32;
                let suffixes = piece(&self.data, start, self.data.len());
                let key = |i: usize| load(suffixes, i * stride) >> shift;
                (1..self.len()).any(|i| key(i - 1) == key(i))
            }
            _ => (1..self.len()).any(|i| self.same_key(i - 1, i)),
        }
    }
}
