//! The nodes of a sorted set's tree.
//!
//! ```text
//!            separators  | s0 | s1 |            one fewer than children
//! Inner      children    | c0 | c1 | c2 |       c0 < s0 <= c1 < s1 <= c2
//!            counts      | n0 | n1 | n2 |       entries below each child
//! Leaf       Block of entries
//! ```
//!
//! All leaves are at one depth. No leaf is empty, but for the root of an empty set. An inner node
//! has one child at least; the root, when it is an inner node, has two.

use super::block::{Block, Entry};
use super::entries::Entries;
use super::fetch::Near;
use super::heap::Heap;
use super::inner::{FANOUT, Inner};
use super::pack::{Shape, separator};
use super::search::Part;

/// Most bytes of a leaf with more than [`FEW`] entries, slack included.
pub(super) const LEAF: usize = 2048;

/// So many entries may stand in one leaf, however long they are.
pub(super) const FEW: usize = 4;

// Half a line of memory where a pointer has eight bytes: a search reads one node after the other.
const _: () = assert!(size_of::<Node>() == 2 * size_of::<usize>() + 16);

/// A node of the tree.
#[derive(Debug)]
pub(super) enum Node {
    /// A block of entries.
    Leaf(Block),
    /// Children in order.
    Inner(Box<Inner>),
}

/// Where a node stands in its level, for an entry to insert.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Before another node.
    Inside,
    /// It is the last.
    Last,
    /// It is the last, and the entry is above all.
    Above,
}

/// What became of an entry to insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was there.
    Present,
    /// It was added.
    Added,
    /// Its leaf was cut in two to make room: insert it once more.
    Again,
}

/// What became of an entry that may only take room that is there.
#[derive(Clone, Copy)]
pub(super) enum Alike {
    /// It was there.
    Present,
    /// It was added and takes so many bytes.
    Added(usize),
    /// Its leaf has no room for it, or is packed in another way.
    Cramped,
    /// It is not of the leaf where it was to go.
    Astray,
}

impl Alike {
    fn of(added: Option<usize>) -> Alike {
        added.map_or(Alike::Cramped, Alike::Added)
    }
}

/// The right part of a node that was cut in two.
pub(super) struct Split {
    /// Above all entries of the left part, at or below those of the right part.
    pub(super) separator: Entry,
    /// The right part.
    pub(super) right: Node,
}

/// What became of the entry, and the right part of the node if it was cut.
pub(super) type Inserted = (Outcome, Option<Box<Split>>);

impl Default for Node {
    fn default() -> Self {
        Self::Leaf(Block::default())
    }
}

impl Node {
    /// The leftmost leaf.
    pub(super) fn first_leaf(&self) -> Option<&Block> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(block) => return Some(block),
                Self::Inner(inner) => node = inner.children.first()?,
            }
        }
    }

    /// The rightmost leaf.
    pub(super) fn last_leaf(&self) -> Option<&Block> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(block) => return Some(block),
                Self::Inner(inner) => node = inner.children.last()?,
            }
        }
    }

    /// Entries at or below this node: O(children).
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Leaf(block) => u64::from(block.len),
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    /// The memory of this node, without that of its children.
    pub(super) fn own_heap(&self) -> Heap {
        match self {
            Self::Leaf(block) => block.heap(),
            Self::Inner(inner) => inner.own_heap(),
        }
    }

    /// Adds `entry` if it is above all others, as far as a glance tells, and if all that it takes is
    /// room that is there: what mostly happens where entries ascend.
    pub(super) fn push_alike(&mut self, entry: &[u8]) -> Alike {
        match self {
            Self::Leaf(block) if block.ends_below(entry) => {
                Alike::of(block.insert_alike(block.len(), entry, LEAF))
            }
            Self::Leaf(_) => Alike::Astray,
            Self::Inner(inner) => inner.push_alike(entry),
        }
    }

    /// [`Self::push_alike`] of entries from number `from` on, up to the first that it does not add. Answers
    /// how many it added and how many bytes they take.
    pub(super) fn push_run(&mut self, entries: &Entries, from: usize) -> (usize, usize) {
        match self {
            Self::Leaf(block) => block.push_run(entries, from, LEAF),
            Self::Inner(inner) => inner.push_run(entries, from),
        }
    }

    /// Adds `entry` if all that it takes is room that is there: what mostly happens. `near` may be
    /// wrong.
    pub(super) fn insert_alike(&mut self, entry: &[u8], near: Near<'_>) -> Alike {
        match self {
            Self::Leaf(block) => {
                let len = block.len();
                match block.find(entry, near.part) {
                    Ok(_) => Alike::Present,
                    Err(at) if near.is_astray(at, len) => Alike::Astray,
                    Err(at) => Alike::of(block.insert_alike(at, entry, LEAF)),
                }
            }
            Self::Inner(inner) => inner.insert_alike(entry, near),
        }
    }

    /// Adds `entry`. `part` is of a leaf and may be wrong, `edge` must be right. `held` counts memory.
    /// The second part of the answer is to become the node's right neighbour.
    pub(super) fn insert(
        &mut self,
        entry: &[u8],
        part: Option<Part>,
        edge: Edge,
        held: &mut Heap,
    ) -> Inserted {
        match self {
            Self::Leaf(block) => {
                let before = block.heap();
                let inserted = insert_in_leaf(block, entry, part, edge);
                *held = *held + block.heap() - before;
                if let Some(split) = &inserted.1 {
                    *held += split.right.own_heap();
                }
                inserted
            }
            Self::Inner(inner) => inner.insert(entry, edge, held),
        }
    }

    /// Takes `entry` out if all that this leaves behind is room: what mostly happens. Answers how many bytes,
    /// or `None` where the leaf gives memory back or becomes too small, or is not the one that a hint led to.
    pub(super) fn remove_alike(&mut self, entry: &[u8], near: Near<'_>) -> Option<usize> {
        match self {
            Self::Leaf(block) => block.remove_alike(entry, near.part, LEAF / 4),
            Self::Inner(inner) => inner.remove_alike(entry, near),
        }
    }

    /// Takes `entry` out; false if it was not there.
    pub(super) fn remove(&mut self, entry: &[u8], held: &mut Heap) -> bool {
        match self {
            Self::Leaf(block) => {
                let Ok(at) = block.find(entry, None) else {
                    return false;
                };
                let before = block.heap();
                block.remove(at);
                *held = *held + block.heap() - before;
                true
            }
            Self::Inner(inner) => inner.remove(entry, held),
        }
    }

    /// Whether the node is so small that it should be joined with a neighbour.
    pub(super) fn is_underfull(&self) -> bool {
        match self {
            Self::Leaf(block) => block.len == 0 || block.used() < LEAF / 4,
            Self::Inner(inner) => inner.children.len() < FANOUT / 4,
        }
    }

    /// Whether `right`, the next node of the level, can be joined to this one.
    pub(super) fn takes(&self, separator: &[u8], right: &Self) -> bool {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => {
                left.used() + right.used() <= LEAF
                    && Shape::of_runs(left.all(), None, right.all()).need() <= LEAF * 3 / 4
            }
            (Self::Inner(left), Self::Inner(right)) => left.takes(separator, right),
            _ => false,
        }
    }

    /// Takes in all of `right`, the next node of the level.
    pub(super) fn join(&mut self, separator: &[u8], right: Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => {
                *left = Block::pack(left.all(), None, right.all());
            }
            (Self::Inner(left), Self::Inner(right)) => left.join(separator, *right),
            _ => debug_assert!(false, "nodes of one level are of one kind"),
        }
    }
}

/// Adds `entry` to a leaf, or cuts the leaf in two when it is full.
fn insert_in_leaf(block: &mut Block, entry: &[u8], part: Option<Part>, edge: Edge) -> Inserted {
    let len = block.len();
    let at = match edge {
        Edge::Above => len,
        Edge::Last | Edge::Inside => match block.find(entry, part) {
            Ok(_) => return (Outcome::Present, None),
            Err(at) => at,
        },
    };
    let shape = block.shape_with(entry);
    if len < FEW || shape.need() <= LEAF {
        let room = block.bytes();
        block.insert(at, entry, shape);
        if edge != Edge::Inside && room == LEAF {
            block.reserve(LEAF);
        }
        return (Outcome::Added, None);
    }
    let breaks = block.breaks_prefix(entry);
    if at == len && (edge != Edge::Inside || breaks) {
        // Ascending entries leave full leaves behind. The last one has room for those that will
        // mostly follow, and keeps it as long as it is the last.
        let mut right = Block::of_one(entry);
        if edge != Edge::Inside {
            right.reserve(LEAF);
            block.fit();
        }
        let split = Split {
            separator: separator(&block.entry(len - 1), entry),
            right: Node::Leaf(right),
        };
        return (Outcome::Added, Some(Box::new(split)));
    }
    if at == 0 && breaks {
        // Without the shared prefix neither the block nor its halves may fit.
        let separator = separator(entry, &block.entry(0));
        let right = Node::Leaf(std::mem::replace(block, Block::of_one(entry)));
        return (Outcome::Added, Some(Box::new(Split { separator, right })));
    }
    let cut = block.cut(if at == len { 7 } else { 4 });
    (Outcome::Again, Some(Box::new(cut_leaf(block, cut))))
}

/// Moves the entries of `block` from number `at` on to a new leaf; `0 < at < len`.
fn cut_leaf(block: &mut Block, at: usize) -> Split {
    let separator = separator(&block.entry(at - 1), &block.entry(at));
    let right = block.part(at, block.len());
    *block = block.part(0, at);
    Split {
        separator,
        right: Node::Leaf(right),
    }
}
