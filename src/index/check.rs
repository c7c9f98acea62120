//! The structural self-check of a sorted set.

use super::block::{Block, Entry, Form, SLACK};
use super::heap::Heap;
use super::inner::{FANOUT, GROWTH, Inner};
use super::node::{FEW, LEAF, Node};
use super::pack::capacity_for;
use super::sorted_set::SortedSet;

/// What a subtree was found to hold.
#[derive(Default)]
struct Found {
    entries: u64,
    heap: Heap,
}

impl SortedSet {
    /// Reads the whole set and names the first thing that does not hold: order of the entries,
    /// separators, counts, prefixes, sizes, depth of the leaves, bytes held. O(n).
    ///
    /// # Errors
    /// A sentence for the developer.
    pub fn check(&self) -> Result<(), String> {
        if let Node::Inner(root) = self.root() {
            ensure(root.children.len() > 1, || {
                "an inner root has one child".into()
            })?;
        }
        let depth = depth(self.root());
        let found = check_node(self.root(), depth, None, None)?;
        ensure(found.entries == self.len(), || {
            format!("len is {}, entries are {}", self.len(), found.entries)
        })?;
        ensure(found.heap == self.heap(), || {
            format!("counted is {:?}, held is {:?}", self.heap(), found.heap)
        })
    }
}

/// Levels of inner nodes on the leftmost way down.
fn depth(root: &Node) -> usize {
    match root {
        Node::Leaf(_) => 0,
        Node::Inner(inner) => 1 + inner.children.first().map_or(0, depth),
    }
}

/// Checks a node whose entries are at or above `low` and below `high`.
fn check_node(
    node: &Node,
    depth: usize,
    low: Option<&[u8]>,
    high: Option<&[u8]>,
) -> Result<Found, String> {
    match (node, depth.checked_sub(1)) {
        (Node::Leaf(block), None) => check_leaf(block, low, high),
        (Node::Inner(inner), Some(below)) => check_inner(inner, below, low, high),
        _ => Err("leaves at different depths".into()),
    }
}

fn check_leaf(block: &Block, low: Option<&[u8]>, high: Option<&[u8]>) -> Result<Found, String> {
    // The last leaf may have room for what will mostly follow.
    let roomy = high.is_none() && block.bytes() == LEAF;
    check_block(block, low, high, roomy)?;
    let bounded = low.is_some() || high.is_some();
    ensure(block.len > 0 || !bounded, || "an empty leaf".into())?;
    ensure(block.len() <= FEW || block.used() + SLACK <= LEAF, || {
        format!("a leaf of {} entries and {} bytes", block.len, block.used())
    })?;
    ensure(!block.in_step || block.is_in_step(), || {
        "a leaf in step whose rows are not".into()
    })?;
    for i in 0..block.len() {
        let entry = block.entry(i);
        let row = entry.last_chunk().map(|row| u32::from_be_bytes(*row));
        ensure(row == Some(block.row(i)), || {
            format!("row {} of {entry:?}", block.row(i))
        })?;
    }
    Ok(Found {
        entries: u64::from(block.len),
        heap: block.heap(),
    })
}

fn check_inner(
    inner: &Inner,
    below: usize,
    low: Option<&[u8]>,
    high: Option<&[u8]>,
) -> Result<Found, String> {
    let len = inner.children.len();
    ensure((1..=FANOUT).contains(&len), || format!("{len} children"))?;
    ensure(
        inner.counts.len() == len && inner.separators.len() + 1 == len,
        || {
            format!(
                "{len} children, {} counts, {} separators",
                inner.counts.len(),
                inner.separators.len
            )
        },
    )?;
    ensure(inner.children.capacity() < len + 2 * GROWTH, || {
        format!("{len} children, room for {}", inner.children.capacity())
    })?;
    check_block(&inner.separators, low, high, false)?;
    let separators: Vec<Entry> = (0..len - 1).map(|i| inner.separators.entry(i)).collect();
    let mut sum = Found {
        entries: 0,
        heap: inner.own_heap(),
    };
    for (i, (child, count)) in inner.children.iter().zip(&inner.counts).enumerate() {
        let from = i
            .checked_sub(1)
            .and_then(|i| separators.get(i))
            .map(Entry::as_slice)
            .or(low);
        let to = separators.get(i).map(Entry::as_slice).or(high);
        let found = check_node(child, below, from, to)?;
        ensure(found.entries == *count, || {
            format!("count {count}, entries {}", found.entries)
        })?;
        sum.entries += found.entries;
        sum.heap += found.heap;
    }
    Ok(sum)
}

/// Checks the layout of a block, and that its entries ascend within `low..high`. A block that is not
/// roomy has no more than a quarter of its memory idle.
fn check_block(
    block: &Block,
    low: Option<&[u8]>,
    high: Option<&[u8]>,
    roomy: bool,
) -> Result<(), String> {
    if block.len == 0 {
        return ensure(block.bytes() == 0, || "an empty block holds memory".into());
    }
    let need = capacity_for(block.used());
    ensure(
        need <= block.bytes() && (roomy || need * 4 > block.bytes() * 3),
        || format!("{} of {} bytes used", block.used(), block.bytes()),
    )?;
    ensure(block.form != Form::Fixed(0), || "a stride of 0".into())?;
    let ascend = (0..block.len()).all(|i| block.start(i) < block.start(i + 1));
    ensure(ascend, || "the ends of suffixes do not ascend".into())?;
    let mut before: Option<Entry> = None;
    for i in 0..block.len() {
        let entry = block.entry(i);
        ensure(before.as_ref().is_none_or(|before| *before < entry), || {
            format!("{entry:?} after {before:?}")
        })?;
        ensure(low.is_none_or(|low| low <= entry.as_slice()), || {
            format!("{entry:?} below {low:?}")
        })?;
        ensure(high.is_none_or(|high| entry.as_slice() < high), || {
            format!("{entry:?} not below {high:?}")
        })?;
        before = Some(entry);
    }
    Ok(())
}

/// `Ok` where `holds`.
fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}
