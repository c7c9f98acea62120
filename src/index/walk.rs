//! Walking over a range of a sorted set, from both ends.

use std::ops::Range;

use super::block::Block;
use super::node::Node;
use super::rows::RowReader;
use super::sorted_set::{Place, SortedSet};

/// A walk over a range of a sorted set, from both ends: the rows, in the order of the entries.
///
/// Within a leaf a step is one load; the next leaf mostly hangs beside it, else the walk descends
/// from the root, by rank.
#[derive(Clone)]
pub struct Walk<'a> {
    set: &'a SortedSet,
    /// The rank where the walk began at the front.
    first: u64,
    /// The rank where the walk began at the back.
    past: u64,
    /// The rank of the next entry from the front.
    start: u64,
    /// The rank behind the next entry from the back.
    end: u64,
    /// Reads at `start`.
    front: Option<Cursor<'a>>,
    /// Reads before `end`; set up by the first step from the back.
    back: Option<Cursor<'a>>,
    /// Where the last entry came from.
    last: Option<End>,
}

/// One end of a walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Front,
    Back,
}

/// A place in a leaf, as an end of a walk.
#[derive(Clone)]
struct Cursor<'a> {
    rows: RowReader<'a>,
    /// Entries of the leaf.
    len: usize,
    /// Entries of the leaf before the place.
    at: usize,
    /// The entry last returned.
    last: usize,
    /// Entries of the set before the leaf.
    base: u64,
    /// The children of the leaf's parent.
    siblings: &'a [Node],
    /// The leaf's number among these.
    child: usize,
}

impl<'a> Cursor<'a> {
    fn new(place: &Place<'a>) -> Self {
        Self {
            rows: RowReader::new(place.block),
            len: place.block.len(),
            at: place.at,
            last: 0,
            base: place.rank - place.at as u64,
            siblings: place.siblings,
            child: place.child,
        }
    }

    /// The start of the leaf behind this one, where one parent has both.
    fn behind(&self) -> Option<Self> {
        let child = self.child + 1;
        let base = self.base + self.len as u64;
        self.sibling(child, base)
    }

    /// The end of the leaf before this one, where one parent has both.
    fn before(&self) -> Option<Self> {
        let child = self.child.checked_sub(1)?;
        let mut cursor = self.sibling(child, self.base)?;
        cursor.base -= cursor.len as u64;
        cursor.at = cursor.len;
        Some(cursor)
    }

    fn sibling(&self, child: usize, base: u64) -> Option<Self> {
        match self.siblings.get(child)? {
            Node::Leaf(block) => Some(Self {
                rows: RowReader::new(block),
                len: block.len(),
                at: 0,
                last: 0,
                base,
                siblings: self.siblings,
                child,
            }),
            Node::Inner(_) => None,
        }
    }

    fn block(&self) -> &'a Block {
        self.rows.block()
    }

    /// Asks for the leaf behind this one, where a walk over so many entries goes on to it.
    fn fetch_next(&self, remaining: u64) {
        if remaining <= (self.len - self.at) as u64 {
            return;
        }
        if let Some(Node::Leaf(next)) = self.siblings.get(self.child + 1) {
            next.fetch_rows();
        }
    }
}

impl<'a> Walk<'a> {
    /// A walk from a place to the rank where it ends.
    pub(super) fn new(set: &'a SortedSet, (place, end): (Option<Place<'a>>, u64)) -> Self {
        let start = place.as_ref().map_or(0, |place| place.rank);
        let end = end.max(start);
        Self {
            set,
            first: start,
            past: end,
            start,
            end,
            front: place.as_ref().map(Cursor::new),
            back: None,
            last: None,
        }
    }

    /// Entries not yet returned or skipped.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.end - self.start
    }

    /// Passes over the next `n` entries from the front: O(log n).
    pub fn skip_front(&mut self, n: u64) {
        let n = n.min(self.remaining());
        self.start += n;
        if let Some(cursor) = &mut self.front {
            // Past the leaf the next step looks for its place by rank.
            cursor.at = cursor
                .at
                .saturating_add(usize::try_from(n).unwrap_or(usize::MAX));
        }
    }

    /// Passes over the next `n` entries from the back: O(log n).
    pub fn skip_back(&mut self, n: u64) {
        let n = n.min(self.remaining());
        self.end -= n;
        if let Some(cursor) = &mut self.back {
            cursor.at = cursor
                .at
                .saturating_sub(usize::try_from(n).unwrap_or(usize::MAX));
        }
    }

    /// Calls `met` with the rows in the order of the entries: one range for what is left of a leaf in
    /// step, else one for each row.
    #[inline]
    pub fn each_range(mut self, mut met: impl FnMut(Range<u64>)) {
        while self.start < self.end {
            if self
                .front
                .as_ref()
                .is_none_or(|front| front.at >= front.len)
            {
                self.enter_from_front();
            }
            let Some(front) = &self.front else { return };
            front.fetch_next(self.end - self.start);
            let count = ((front.len - front.at) as u64).min(self.remaining());
            let first = u64::from(front.rows.row(front.at));
            if front.block().in_step {
                met(first..first + count);
            } else {
                for i in front.at..front.at + count as usize {
                    let row = u64::from(front.rows.row(i));
                    met(row..row + 1);
                }
            }
            self.skip_front(count);
        }
    }

    /// Puts the front cursor on the leaf of the next entry.
    #[cold]
    fn enter_from_front(&mut self) {
        let behind = self.front.as_ref().and_then(Cursor::behind);
        self.front = match behind.filter(|cursor| cursor.base == self.start) {
            Some(cursor) => Some(cursor),
            None => self.set.nth(self.start).as_ref().map(Cursor::new),
        };
    }

    /// Puts the back cursor on the leaf of the next entry.
    #[cold]
    fn enter_from_back(&mut self) {
        let before = self.back.as_ref().and_then(Cursor::before);
        let ends_here = |cursor: &Cursor| cursor.base + cursor.len as u64 == self.end;
        if let Some(cursor) = before.filter(ends_here) {
            self.back = Some(cursor);
            return;
        }
        let place = self.end.checked_sub(1).and_then(|rank| self.set.nth(rank));
        self.back = place.map(|place| Cursor {
            at: place.at + 1,
            ..Cursor::new(&place)
        });
    }

    /// The cursor that returned the last entry.
    fn last(&self) -> Option<(End, &Cursor<'a>)> {
        let end = self.last?;
        let cursor = match end {
            End::Front => self.front.as_ref(),
            End::Back => self.back.as_ref(),
        };
        cursor.map(|cursor| (end, cursor))
    }

    /// Whether the entry last returned has the key of the one before it in its direction (returned
    /// or skipped) in the range. False for the first one: a group of equal keys starts where this
    /// is false.
    #[must_use]
    pub fn same_key_as_last(&self) -> bool {
        let Some((end, cursor)) = self.last() else {
            return false;
        };
        let rank = cursor.base + cursor.last as u64;
        let (other, at) = match end {
            End::Front if rank > self.first => (rank - 1, cursor.last.checked_sub(1)),
            End::Back if rank + 1 < self.past => (rank + 1, Some(cursor.last + 1)),
            End::Front | End::Back => return false,
        };
        match at {
            Some(at) if at < cursor.len => cursor.block().same_key(at, cursor.last),
            _ => self.set.nth(other).is_some_and(|place| {
                let (mut a, mut b) = (Vec::new(), Vec::new());
                cursor.block().key_into(cursor.last, &mut a);
                place.block.key_into(place.at, &mut b);
                a == b
            }),
        }
    }

    /// Appends the key, without the row, of the entry last returned from either end; nothing
    /// before the first one.
    pub fn key_into(&self, out: &mut Vec<u8>) {
        if let Some((_, cursor)) = self.last() {
            cursor.block().key_into(cursor.last, out);
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.start == self.end {
            return None;
        }
        if self
            .front
            .as_ref()
            .is_none_or(|cursor| cursor.at >= cursor.len)
        {
            self.enter_from_front();
        }
        let cursor = self.front.as_mut()?;
        cursor.last = cursor.at;
        cursor.at += 1;
        self.start += 1;
        self.last = Some(End::Front);
        Some(cursor.rows.row(cursor.last))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let exact = usize::try_from(self.remaining()).ok();
        (exact.unwrap_or(usize::MAX), exact)
    }

    fn nth(&mut self, n: usize) -> Option<u32> {
        self.skip_front(n as u64);
        self.next()
    }

    /// Leaf by leaf, in a tight loop.
    fn fold<B, F: FnMut(B, u32) -> B>(mut self, init: B, mut f: F) -> B {
        let mut sum = init;
        while let Some(row) = self.next() {
            sum = f(sum, row);
            let Some(cursor) = &self.front else { break };
            cursor.fetch_next(self.end - self.start);
            let here = (cursor.len - cursor.at) as u64;
            let stop = cursor.at + here.min(self.remaining()) as usize;
            sum = (cursor.at..stop).fold(sum, |sum, i| f(sum, cursor.rows.row(i)));
            self.skip_front((stop - cursor.at) as u64);
        }
        sum
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<u32> {
        if self.start == self.end {
            return None;
        }
        if self.back.as_ref().is_none_or(|cursor| cursor.at == 0) {
            self.enter_from_back();
        }
        let cursor = self.back.as_mut()?;
        cursor.at -= 1;
        cursor.last = cursor.at;
        self.end -= 1;
        self.last = Some(End::Back);
        Some(cursor.rows.row(cursor.last))
    }

    fn nth_back(&mut self, n: usize) -> Option<u32> {
        self.skip_back(n as u64);
        self.next_back()
    }
}

impl std::iter::FusedIterator for Walk<'_> {}
