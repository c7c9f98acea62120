//! Having leaves come to the cache before they are needed.
//!
//! A leaf is mostly not in the cache, and neither is what its parent says of it: a search waits for
//! memory several times, each time for what the last has told. Where the entries to search for are
//! known beforehand their leaves are asked for together, so that the waits overlap: first a
//! [`Spot`] is found for each, then each is fetched.

use prefetch_index::prefetch_index;

use super::block::Block;
use super::inner::Inner;
use super::node::{LEAF, Node};
use super::search::Part;
use super::sorted_set::SortedSet;

/// Bytes that come to the cache at once.
const LINE: usize = 64;

/// More levels than this a set has only with very long keys; then nothing is asked for.
const LEVELS: usize = 6;

/// Of fewer entries no leaf is asked for.
const SMALL: u64 = if cfg!(any(test, fuzzing)) { 8 } else { 1 << 14 };

/// Where in a set a key stands: a hint, which a change of the set may make a wrong one.
#[derive(Clone, Copy, Default)]
pub struct Spot {
    /// The numbers of the children on the way to the leaf.
    steps: [u8; LEVELS],
    levels: u8,
    /// How much of the leaf is below the key.
    part: Option<Part>,
}

/// What is left of the way to a spot: no more than likely to be right.
#[derive(Clone, Copy)]
pub(super) struct Near<'s> {
    steps: &'s [u8],
    /// Which part of the leaf's entries is likely to be below the key.
    pub(super) part: Option<Part>,
    /// Whether a step has been taken that nobody looked at: the leaf may be another.
    pub(super) unsure: bool,
}

impl<'s> Near<'s> {
    /// Nothing is known.
    pub(super) const NONE: Near<'static> = Near {
        steps: &[],
        part: None,
        unsure: false,
    };

    pub(super) fn of(spot: &'s Spot) -> Near<'s> {
        let levels = usize::from(spot.levels);
        Near {
            steps: spot.steps.get(..levels).unwrap_or_default(),
            part: spot.part,
            unsure: false,
        }
    }

    /// Whether an entry that would be number `at` of so many in the leaf may be another leaf's. What lies
    /// between two entries of a leaf belongs there.
    #[inline]
    pub(super) fn is_astray(&self, at: usize, len: usize) -> bool {
        self.unsure && (at == 0 || at == len)
    }

    /// The number of the child that is next on the way.
    #[inline]
    pub(super) fn step(&mut self) -> Option<usize> {
        let (step, rest) = self.steps.split_first()?;
        self.steps = rest;
        self.unsure = true;
        Some(usize::from(*step))
    }
}

impl SortedSet {
    /// Whether the leaf that an entry will go to is mostly in the cache: that of a small set is, and the
    /// last leaf where entries ascend.
    pub fn is_at_hand(&self) -> bool {
        self.len() < SMALL || self.ascends()
    }

    /// The spot of a key that is to be entered; asks for what the leaf's parent says of the leaf.
    /// None where that is at hand, as for a key above all others.
    pub fn spot(&self, key: &[u8]) -> Option<Spot> {
        match self.is_at_hand() || self.is_above_all(key) {
            true => None,
            false => self.way_to(key),
        }
    }

    /// [`Self::spot`] of a key that the set holds, or that is hardly above all others.
    pub fn spot_held(&self, key: &[u8]) -> Option<Spot> {
        match self.len() < SMALL {
            true => None,
            false => self.way_to(key),
        }
    }

    fn way_to(&self, key: &[u8]) -> Option<Spot> {
        let mut node = self.root();
        let mut spot = Spot::default();
        for step in &mut spot.steps {
            let Node::Inner(inner) = node else {
                return None;
            };
            let (child, part) = inner.way_to(key);
            spot.levels += 1;
            *step = child as u8;
            if inner.is_lowest() {
                prefetch_index(&inner.children, child);
                prefetch_index(&inner.counts, child);
                spot.part = part;
                return Some(spot);
            }
            node = inner.children.get(child)?;
        }
        None
    }

    /// Asks for what a search looks at in the leaf of a spot, and for the entries that an
    /// insertion or a removal moves.
    pub fn fetch(&self, spot: Option<Spot>) {
        let Some(spot) = spot else { return };
        let mut node = self.root();
        for step in spot.steps.iter().take(spot.levels.into()) {
            let Node::Inner(inner) = node else {
                return;
            };
            match inner.children.get(usize::from(*step)) {
                Some(child) => node = child,
                None => return,
            }
        }
        if let Node::Leaf(block) = node {
            block.fetch(spot.part);
        }
    }
}

impl Inner {
    /// Whether its children are leaves.
    fn is_lowest(&self) -> bool {
        matches!(self.children.first(), Some(Node::Leaf(_)))
    }
}

impl Block {
    /// Asks for what a search looks at that finds this part of the entries below what it looks
    /// for, and for all behind it.
    fn fetch(&self, part: Option<Part>) {
        let used = self.used();
        let at = part.map_or(used / 2, |part| part.of(used));
        prefetch_index(&self.data, 0);
        self.fetch_bytes(at.saturating_sub(LINE), used);
    }

    /// Asks for the rows of all entries.
    pub(super) fn fetch_rows(&self) {
        let end = match self.in_step {
            true => LINE,
            false => self.used(),
        };
        self.fetch_bytes(0, end);
    }

    /// No more than most leaves have: few long entries take more.
    fn fetch_bytes(&self, from: usize, to: usize) {
        for line in (from..to.min(from + LEAF)).step_by(LINE) {
            prefetch_index(&self.data, line);
        }
    }
}
