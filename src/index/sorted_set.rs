//! The sorted set: an ordered set of entries, each a key and a row.

use smallvec::SmallVec;

use super::block::{Block, ENTRY, Entry, ROW};
use super::bulk::Builder;
use super::entries::Entries;
use super::fetch::{Near, Spot};
use super::heap::Heap;
use super::inner::Inner;
use super::key_range::{KeyRange, succeed};
use super::node::{Alike, Edge, Node, Outcome};
use super::walk::Walk;

/// An ordered set of entries.
///
/// An entry is the byte string `key ‖ row`: a memcomparable key, then the row number as four
/// big-endian bytes. The order is that of the bytes. The set is a B+tree whose leaves are packed
/// blocks of at most 2 KiB (more only where fewer than four entries fit), and whose inner nodes count
/// the entries below each child. All operations take time in the logarithm of the set's size, and
/// move a few KiB at most.
///
/// Keys need not be of one length, but [`Self::first`] is at its best, and groups of equal keys are
/// adjacent, only where no key is a proper prefix of another.
#[derive(Debug, Default)]
pub struct SortedSet {
    root: Node,
    len: u64,
    /// The memory of all nodes.
    held: Heap,
    /// Whether the entry that came last was above all others: the next mostly is as well.
    ascends: bool,
}

/// Builds a set of entries that ascend strictly by `key ‖ row`.
#[derive(Default)]
pub struct Ascending(Builder);

impl Ascending {
    /// Adds an entry, the bytes `key ‖ row`, unless it is not above all before it.
    #[inline]
    pub fn push(&mut self, entry: &[u8]) -> bool {
        self.0.push(entry)
    }

    /// The set. Its leaves are full.
    pub fn finish(self) -> SortedSet {
        let (root, len, held) = self.0.finish();
        SortedSet {
            root,
            len,
            held,
            ascends: false,
        }
    }
}

/// A place among the entries: before entry `at` of a leaf, or behind its last one.
pub(super) struct Place<'a> {
    /// The leaf.
    pub(super) block: &'a Block,
    /// The children of the leaf's parent, itself among them; none where it is the root.
    pub(super) siblings: &'a [Node],
    /// The leaf's number among these.
    pub(super) child: usize,
    /// Entries of the leaf before the place.
    pub(super) at: usize,
    /// Entries of the set before the place.
    pub(super) rank: u64,
}

impl SortedSet {
    /// An empty set. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A set of `entries`, which ascend strictly by `key ‖ row`. Leaves are left full. Entries out
    /// of order cost more, as single insertions; doubles count once.
    pub fn from_sorted<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, u32)>) -> Self {
        let mut ascending = Ascending::default();
        let mut strays = Vec::new();
        for (key, row) in entries {
            if !with_entry(key.as_ref(), row, |entry| ascending.push(entry)) {
                strays.push((key, row));
            }
        }
        let mut set = ascending.finish();
        for (key, row) in strays {
            set.insert(key.as_ref(), row);
        }
        set
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The lowest key.
    pub fn first_key(&self) -> Option<SmallVec<[u8; ENTRY]>> {
        let leaf = self.root.first_leaf().filter(|leaf| leaf.len > 0)?;
        let mut key = leaf.entry(0);
        key.truncate(key.len().saturating_sub(ROW));
        Some(key)
    }

    /// Heap bytes held, by capacity: O(1).
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.bytes
    }

    /// Heap bytes held and idle, by capacity: O(1).
    #[must_use]
    pub fn heap(&self) -> Heap {
        self.held
    }

    /// The root of the tree.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Adds an entry; false if it was there.
    pub fn insert(&mut self, key: &[u8], row: u32) -> bool {
        with_entry(key, row, |entry| self.insert_entry(entry, None))
    }

    /// [`Self::insert`] of an entry, the bytes `key ‖ row`, whose spot may have been looked for.
    pub fn insert_entry(&mut self, entry: &[u8], spot: Option<Spot>) -> bool {
        let above = match &spot {
            None => self.root.push_alike(entry),
            Some(_) => Alike::Astray,
        };
        self.ascends = !matches!(above, Alike::Astray);
        let mut alike = match &spot {
            None => above,
            Some(spot) => self.root.insert_alike(entry, Near::of(spot)),
        };
        if let Alike::Astray = alike {
            alike = self.root.insert_alike(entry, Near::NONE);
        }
        match (alike, above) {
            (Alike::Added(bytes), _) => {
                self.held.slack -= bytes;
                self.len += 1;
                true
            }
            (Alike::Present, _) => false,
            (_, Alike::Cramped) => self.insert_anew(entry, Edge::Above),
            _ => self.insert_anew(entry, Edge::Last),
        }
    }

    /// Adds entries, most of which are likely to ascend above all others: those are added a leaf at a time.
    pub fn insert_all(&mut self, entries: &Entries) {
        let mut at = self.push_run(entries, 0);
        let ascend = at > 0;
        while let Some(entry) = entries.get(at) {
            self.insert_entry(entry, None);
            at += 1;
            if ascend {
                at += self.push_run(entries, at);
            }
        }
    }

    /// Adds those from number `from` on that go to the end of the last leaf, and answers how many did.
    fn push_run(&mut self, entries: &Entries, from: usize) -> usize {
        let (run, bytes) = self.root.push_run(entries, from);
        self.held.slack -= bytes;
        self.len += run as u64;
        self.ascends |= run > 0;
        run
    }

    /// [`Self::insert_entry`] where a leaf has to grow or to be cut.
    #[inline(never)]
    fn insert_anew(&mut self, entry: &[u8], edge: Edge) -> bool {
        loop {
            let (outcome, split) = self.root.insert(entry, None, edge, &mut self.held);
            if let Some(split) = split {
                let root = Inner::over(std::mem::take(&mut self.root), *split);
                self.held += root.own_heap();
                self.root = Node::Inner(Box::new(root));
            }
            match outcome {
                Outcome::Present => return false,
                Outcome::Added => {
                    self.len += 1;
                    return true;
                }
                // Each time the leaf is smaller; one of few entries takes any entry.
                Outcome::Again => {}
            }
        }
    }

    /// Whether the entry that came last was above all others: the next mostly is as well.
    pub(super) fn ascends(&self) -> bool {
        self.ascends
    }

    /// Whether an entry is above all others, as far as a glance tells.
    pub(super) fn is_above_all(&self, entry: &[u8]) -> bool {
        let last = self.root.last_leaf();
        last.is_some_and(|leaf| leaf.ends_below(entry))
    }

    /// Takes an entry out; false if it was not there.
    pub fn remove(&mut self, key: &[u8], row: u32) -> bool {
        with_entry(key, row, |entry| self.remove_entry(entry, None))
    }

    /// [`Self::remove`] of an entry, the bytes `key ‖ row`, whose spot may have been looked for.
    pub fn remove_entry(&mut self, entry: &[u8], spot: Option<Spot>) -> bool {
        let near = spot.as_ref().map_or(Near::NONE, Near::of);
        if let Some(bytes) = self.root.remove_alike(entry, near) {
            self.held.slack += bytes;
            self.len -= 1;
            return true;
        }
        self.remove_anew(entry)
    }

    /// [`Self::remove_entry`] where a leaf gives memory back or goes, or a hint was wrong.
    #[inline(never)]
    fn remove_anew(&mut self, entry: &[u8]) -> bool {
        let removed = self.root.remove(entry, &mut self.held);
        if removed {
            self.len -= 1;
            self.lower_root();
        }
        removed
    }

    /// Drops roots that have a single child.
    fn lower_root(&mut self) {
        while let Node::Inner(root) = &mut self.root {
            if root.children.len() > 1 {
                return;
            }
            self.held -= root.own_heap();
            self.root = root.children.pop().unwrap_or_default();
        }
    }

    /// Whether the entry is there.
    #[must_use]
    pub fn contains(&self, key: &[u8], row: u32) -> bool {
        with_entry(key, row, |entry| self.has_entry(entry))
    }

    fn has_entry(&self, entry: &[u8]) -> bool {
        let (mut node, mut part) = (&self.root, None);
        loop {
            match node {
                Node::Leaf(block) => return block.find(entry, part).is_ok(),
                Node::Inner(inner) => {
                    let (child, about) = inner.way_to(entry);
                    match inner.children.get(child) {
                        Some(child) => (node, part) = (child, about),
                        None => return false,
                    }
                }
            }
        }
    }

    /// The lowest row whose key is exactly `key`.
    #[must_use]
    pub fn first(&self, key: &[u8]) -> Option<u32> {
        let (block, at) = self.lower_bound(key)?;
        if !block.starts_with(at, key) {
            return None;
        }
        if block.entry_len(at) == key.len() + ROW {
            return Some(block.row(at));
        }
        self.first_among_longer(key)
    }

    /// [`Self::first`] where entries of other keys that start with `key` come before its own.
    fn first_among_longer(&self, key: &[u8]) -> Option<u32> {
        let mut walk = self.walk(&KeyRange::prefix(key));
        let mut found = Vec::new();
        while let Some(row) = walk.next() {
            found.clear();
            walk.key_into(&mut found);
            if found == key {
                return Some(row);
            }
        }
        None
    }

    /// The first entry at or above `bound`.
    fn lower_bound(&self, bound: &[u8]) -> Option<(&Block, usize)> {
        let mut node = &self.root;
        // The next leaf starts below this node.
        let (mut next, mut part) = (None, None);
        loop {
            match node {
                Node::Leaf(block) => {
                    let at = block.below_about(bound, part);
                    return if at < block.len() {
                        Some((block, at))
                    } else {
                        next.and_then(Node::first_leaf).map(|block| (block, 0))
                    };
                }
                Node::Inner(inner) => {
                    let (i, about) = inner.way_to(bound);
                    next = inner.children.get(i + 1).or(next);
                    (node, part) = (inner.children.get(i)?, about);
                }
            }
        }
    }

    /// The place before the first entry at or above `bound`, though perhaps at the end of the leaf
    /// before.
    pub(super) fn place(&self, bound: &[u8]) -> Option<Place<'_>> {
        let (mut node, mut rank) = (&self.root, 0);
        let (mut siblings, mut child, mut part): (&[Node], _, _) = (&[], 0, None);
        loop {
            match node {
                Node::Leaf(block) => {
                    let at = block.below_about(bound, part);
                    return Some(Place {
                        block,
                        siblings,
                        child,
                        at,
                        rank: rank + at as u64,
                    });
                }
                Node::Inner(inner) => {
                    (child, part) = inner.way_to(bound);
                    rank += inner.before(child);
                    siblings = &inner.children;
                    node = siblings.get(child)?;
                }
            }
        }
    }

    /// The entry that has `rank` entries before it.
    pub(super) fn nth(&self, rank: u64) -> Option<Place<'_>> {
        let (mut node, mut left) = (&self.root, rank);
        let (mut siblings, mut child): (&[Node], _) = (&[], 0);
        loop {
            match node {
                Node::Leaf(block) => {
                    let at = left as usize;
                    return (at < block.len()).then_some(Place {
                        block,
                        siblings,
                        child,
                        at,
                        rank,
                    });
                }
                Node::Inner(inner) => {
                    child = 0;
                    for count in &inner.counts {
                        if left < *count {
                            break;
                        }
                        left -= count;
                        child += 1;
                    }
                    siblings = &inner.children;
                    node = siblings.get(child)?;
                }
            }
        }
    }

    /// How many entries are below `bound` as byte strings `key ‖ row`.
    #[must_use]
    pub fn rank(&self, bound: &[u8]) -> u64 {
        self.place(bound).map_or(0, |place| place.rank)
    }

    /// The place where the range from `low` to below `high` starts, and the rank where it ends.
    fn ends(&self, low: &[u8], high: Option<&[u8]>) -> (Option<Place<'_>>, u64) {
        let start = self.place(low);
        let end = |place: &Place<'_>, high: &[u8]| place.block.below(high);
        let end = high.map_or(self.len, |high| self.end(start.as_ref(), high, end));
        (start, end)
    }

    /// [`Self::ends`] of what starts with these bytes: few rows mostly do where these are a key.
    fn ends_of_prefix(&self, prefix: &[u8]) -> (Option<Place<'_>>, u64) {
        let start = self.place(prefix);
        let mut high: Entry = Entry::from_slice(prefix);
        let end = |place: &Place<'_>, high: &[u8]| place.block.below_near(high, place.at);
        let end = match succeed(&mut high) {
            true => self.end(start.as_ref(), &high, end),
            false => self.len,
        };
        (start, end)
    }

    /// The rank of `high`. It is looked for by `within` in the leaf where the range starts, where it
    /// mostly is, and then in the whole set.
    fn end<'a>(
        &'a self,
        start: Option<&Place<'a>>,
        high: &[u8],
        within: impl Fn(&Place<'a>, &[u8]) -> usize,
    ) -> u64 {
        let end = start.and_then(|place| {
            let end = within(place, high);
            (end < place.block.len()).then(|| place.rank - place.at as u64 + end as u64)
        });
        end.unwrap_or_else(|| self.rank(high))
    }

    /// How many entries are in `range`.
    #[must_use]
    pub fn count(&self, range: &KeyRange) -> u64 {
        self.count_between(&range.low, range.high.as_deref())
    }

    /// How many entries are at or above `low` and below `high`, where there is one.
    #[must_use]
    pub fn count_between(&self, low: &[u8], high: Option<&[u8]>) -> u64 {
        let (start, end) = self.ends(low, high);
        end.saturating_sub(start.map_or(0, |place| place.rank))
    }

    /// Walks over the entries of `range`, from both ends.
    #[must_use]
    pub fn walk(&self, range: &KeyRange) -> Walk<'_> {
        Walk::new(self, self.ends(&range.low, range.high.as_deref()))
    }

    /// Walks over the entries that start with these bytes.
    #[must_use]
    pub fn walk_prefix(&self, prefix: &[u8]) -> Walk<'_> {
        Walk::new(self, self.ends_of_prefix(prefix))
    }
}

/// Calls `then` with the byte string `key ‖ row`. Where it is short it is only written once: what is
/// written in parts and at once copied as a whole, a processor waits for.
#[inline]
fn with_entry<T>(key: &[u8], row: u32, then: impl FnOnce(&[u8]) -> T) -> T {
    let mut short = [0; ENTRY];
    if let Some(entry) = short.get_mut(..key.len() + ROW) {
        if let Some((start, end)) = entry.split_last_chunk_mut() {
            start.copy_from_slice(key);
            *end = row.to_be_bytes();
        }
        return then(entry);
    }
    then(&[key, &row.to_be_bytes()].concat())
}
