//! Building a sorted set from ascending entries: leaf after leaf, each filled.

use super::block::{Block, Entry};
use super::heap::Heap;
use super::inner::Inner;
use super::node::{FEW, LEAF, Node};
use super::pack::separator;

/// Builds a tree along its right edge.
#[derive(Default)]
pub(super) struct Builder {
    /// The leaf being filled.
    leaf: Block,
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
        if self.len > 0 && entry <= self.last.as_slice() {
            return false;
        }
        let len = self.leaf.len();
        if !self.leaf.insert_alike(len, entry, LEAF) {
            let mut shape = self.leaf.shape_with(entry);
            if len >= FEW && shape.need() > LEAF {
                self.close_leaf(separator(&self.last, entry));
                shape = self.leaf.shape_with(entry);
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
