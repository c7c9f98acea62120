//! The inner nodes of a sorted set's tree; see [`super::node`] for the picture.

use super::block::Block;
use super::entries::Entries;
use super::fetch::Near;
use super::heap::Heap;
use super::node::{Alike, Edge, FEW, Inserted, Node, Outcome, Split};
use super::pack::Shape;
use super::search::Part;

/// Most children of an inner node.
pub(super) const FANOUT: usize = 128;

/// Most bytes of the separators of an inner node with more than [`LONG`] children.
const SEPARATORS: usize = 4096;

/// So many children an inner node may have, however long their separators are.
const LONG: usize = 2 * FEW;

/// The arrays grow by so many children.
pub(super) const GROWTH: usize = 16;

/// An inner node.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Separator `i` is above all entries of child `i`, and at or below those of child `i + 1`.
    pub(super) separators: Block,
    /// Entries below each child.
    pub(super) counts: Vec<u64>,
    /// The children, all leaves or all inner nodes.
    pub(super) children: Vec<Node>,
}

impl Inner {
    /// A new root over two nodes.
    pub(super) fn over(left: Node, split: Split) -> Self {
        let mut inner = Self::default();
        inner.push(left, &[]);
        inner.push(split.right, &split.separator);
        inner
    }

    /// Adds a last child; the separator before it counts only when it is not the first.
    pub(super) fn push(&mut self, child: Node, separator: &[u8]) {
        self.insert_child(self.children.len(), child, separator);
    }

    /// The memory of this node, without that of its children.
    pub(super) fn own_heap(&self) -> Heap {
        let child = size_of::<u64>() + size_of::<Node>();
        let lists = Heap {
            bytes: size_of::<Self>() + self.children.capacity() * child,
            slack: (self.children.capacity() - self.children.len()) * child,
        };
        lists + self.separators.heap()
    }

    /// The number of the child that holds `entry` if any does.
    pub(super) fn child_for(&self, entry: &[u8]) -> usize {
        self.separators.through(entry)
    }

    /// That, and which part of the child's entries is likely to be below `entry`, where it is a leaf.
    pub(super) fn way_to(&self, entry: &[u8]) -> (usize, Option<Part>) {
        self.separators.way_to(entry)
    }

    /// The child that a hint leads to, else [`Self::child_for`] and which part of a leaf is below
    /// `entry`.
    #[inline]
    fn child_near(&self, entry: &[u8], near: &mut Near<'_>) -> usize {
        if let Some(child) = near.step() {
            return child;
        }
        let (child, part) = self.way_to(entry);
        near.part = part;
        child
    }

    /// Entries below the children before number `i`.
    pub(super) fn before(&self, i: usize) -> u64 {
        self.counts.iter().take(i).sum()
    }

    /// Whether one more separator and child fit without a cut.
    pub(super) fn has_room(&self, separator: &[u8]) -> bool {
        let len = self.children.len();
        len < LONG || (len < FANOUT && self.separators.shape_with(separator).need() <= SEPARATORS)
    }

    /// See [`Node::push_alike`].
    #[inline]
    pub(super) fn push_alike(&mut self, entry: &[u8]) -> Alike {
        let (Some(child), Some(count)) = (self.children.last_mut(), self.counts.last_mut()) else {
            return Alike::Astray;
        };
        let alike = child.push_alike(entry);
        *count += u64::from(matches!(alike, Alike::Added(_)));
        alike
    }

    /// See [`Node::push_run`].
    pub(super) fn push_run(&mut self, entries: &Entries, from: usize) -> (usize, usize) {
        let (Some(child), Some(count)) = (self.children.last_mut(), self.counts.last_mut()) else {
            return (0, 0);
        };
        let (run, bytes) = child.push_run(entries, from);
        *count += run as u64;
        (run, bytes)
    }

    /// See [`Node::insert_alike`].
    #[inline]
    pub(super) fn insert_alike(&mut self, entry: &[u8], mut near: Near<'_>) -> Alike {
        let i = self.child_near(entry, &mut near);
        let (Some(child), Some(count)) = (self.children.get_mut(i), self.counts.get_mut(i)) else {
            return Alike::Astray;
        };
        let alike = child.insert_alike(entry, near);
        *count += u64::from(matches!(alike, Alike::Added(_)));
        alike
    }

    /// See [`Node::insert`].
    pub(super) fn insert(&mut self, entry: &[u8], edge: Edge, held: &mut Heap) -> Inserted {
        let (i, part) = match edge {
            Edge::Above => (self.separators.len(), None),
            Edge::Last | Edge::Inside => self.way_to(entry),
        };
        let edge = match i + 1 == self.children.len() {
            true => edge,
            false => Edge::Inside,
        };
        let (Some(child), Some(count)) = (self.children.get_mut(i), self.counts.get_mut(i)) else {
            debug_assert!(false, "no child {i}");
            return (Outcome::Present, None);
        };
        let (outcome, split) = child.insert(entry, part, edge, held);
        let Some(split) = split else {
            *count += u64::from(outcome == Outcome::Added);
            return (outcome, None);
        };
        *count = child.count();
        let before = self.own_heap();
        let above = self.take_in(i, *split, edge != Edge::Inside);
        *held = *held + self.own_heap() - before;
        if let Some(split) = &above {
            *held += split.right.own_heap();
        }
        (outcome, above.map(Box::new))
    }

    /// Puts the right part of child `i` behind it; cuts this node in two if it is full.
    fn take_in(&mut self, i: usize, split: Split, edge: bool) -> Option<Split> {
        let Split { separator, right } = split;
        if !self.has_room(&separator) && self.separators.breaks_prefix(&separator) {
            // Without the shared prefix the separators may not fit. It comes before or after all
            // of them, so cut there: then it moves up.
            let mut tail = self.cut_off(i + 1, self.separators.part(i, self.separators.len()));
            self.separators = self.separators.part(0, i);
            tail.insert_first(right);
            return Some(Split {
                separator,
                right: Node::Inner(Box::new(tail)),
            });
        }
        let full = !self.has_room(&separator);
        self.insert_child(i + 1, right, &separator);
        full.then(|| {
            let len = self.children.len();
            self.cut(if edge { len - 1 } else { len / 2 })
        })
    }

    /// Moves the children from number `at` on to a new node; `0 < at < len`.
    fn cut(&mut self, at: usize) -> Split {
        let separator = self.separators.entry(at - 1);
        let right = self.cut_off(at, self.separators.part(at, self.separators.len()));
        self.separators = self.separators.part(0, at - 1);
        Split {
            separator,
            right: Node::Inner(Box::new(right)),
        }
    }

    /// Moves the children from number `at` on to a new node with `separators`.
    fn cut_off(&mut self, at: usize, separators: Block) -> Self {
        let right = Self {
            separators,
            counts: self.counts.split_off(at),
            children: self.children.split_off(at),
        };
        self.fit();
        right
    }

    /// Puts `child` before all others, where no separator is missing.
    fn insert_first(&mut self, child: Node) {
        self.reserve();
        self.counts.insert(0, child.count());
        self.children.insert(0, child);
    }

    /// Makes `child` number `at`, with `separator` before it unless `at` is 0.
    fn insert_child(&mut self, at: usize, child: Node, separator: &[u8]) {
        self.reserve();
        self.counts.insert(at, child.count());
        self.children.insert(at, child);
        if let Some(before) = at.checked_sub(1) {
            let shape = self.separators.shape_with(separator);
            self.separators.insert(before, separator, shape);
        }
    }

    /// Makes room for one more child.
    fn reserve(&mut self) {
        if self.children.len() == self.children.capacity() {
            self.children.reserve_exact(GROWTH);
        }
        if self.counts.len() == self.counts.capacity() {
            self.counts.reserve_exact(GROWTH);
        }
    }

    /// Gives memory back that the children do not need.
    pub(super) fn fit(&mut self) {
        if self.children.capacity() >= self.children.len() + 2 * GROWTH {
            self.children.shrink_to_fit();
            self.counts.shrink_to_fit();
        }
    }

    /// See [`Node::remove_alike`].
    #[inline]
    pub(super) fn remove_alike(&mut self, entry: &[u8], mut near: Near<'_>) -> Option<usize> {
        let i = self.child_near(entry, &mut near);
        let freed = self.children.get_mut(i)?.remove_alike(entry, near)?;
        *self.counts.get_mut(i)? -= 1;
        Some(freed)
    }

    /// See [`Node::remove`].
    pub(super) fn remove(&mut self, entry: &[u8], held: &mut Heap) -> bool {
        let i = self.child_for(entry);
        let (Some(child), Some(count)) = (self.children.get_mut(i), self.counts.get_mut(i)) else {
            return false;
        };
        if !child.remove(entry, held) {
            return false;
        }
        *count -= 1;
        if child.is_underfull() {
            let before = self.own_heap();
            self.mend(i, held);
            *held = *held + self.own_heap() - before;
        }
        true
    }

    /// Drops child `i` if it is empty, else joins it with a neighbour if they fit in one node.
    fn mend(&mut self, i: usize, held: &mut Heap) {
        if self.counts.get(i) == Some(&0) {
            self.counts.remove(i);
            *held -= self.children.remove(i).own_heap();
            if self.separators.len > 0 {
                self.separators.remove(i.saturating_sub(1));
            }
            self.fit();
            return;
        }
        let joined = self.join_children(i, held);
        if let (false, Some(before)) = (joined, i.checked_sub(1)) {
            self.join_children(before, held);
        }
    }

    /// Joins children `i` and `i + 1` if they fit in one node.
    fn join_children(&mut self, i: usize, held: &mut Heap) -> bool {
        let separator = self.separators.entry(i);
        match (self.children.get(i), self.children.get(i + 1)) {
            (Some(left), Some(right)) if left.takes(&separator, right) => {}
            _ => return false,
        }
        let (right, count) = (self.children.remove(i + 1), self.counts.remove(i + 1));
        self.separators.remove(i);
        if let (Some(left), Some(sum)) = (self.children.get_mut(i), self.counts.get_mut(i)) {
            let before = left.own_heap() + right.own_heap();
            left.join(&separator, right);
            *held = *held + left.own_heap() - before;
            *sum += count;
        }
        self.fit();
        true
    }

    /// Whether `right`, the next node of the level, can be joined to this one.
    pub(super) fn takes(&self, separator: &[u8], right: &Self) -> bool {
        let (left, right_separators) = (self.separators.all(), right.separators.all());
        self.children.len() + right.children.len() <= FANOUT * 3 / 4
            && Shape::of_runs(left, Some(separator), right_separators).need() <= SEPARATORS
    }

    /// Takes in all children of `right`, the next node of the level.
    pub(super) fn join(&mut self, separator: &[u8], right: Self) {
        self.separators = Block::pack(
            self.separators.all(),
            Some(separator),
            right.separators.all(),
        );
        self.counts.reserve_exact(right.counts.len());
        self.counts.extend(right.counts);
        self.children.reserve_exact(right.children.len());
        self.children.extend(right.children);
    }
}
