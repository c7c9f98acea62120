//! The groups of a walk: records that its index does not tell apart.

use super::{
    executor::Checks,
    order::Order,
    row_set::gather,
    sort::TopK,
    source,
    walk::{Given, OrderedWalk, Position, clip},
};
use crate::{
    index::{KeyRange, Walk, successor},
    table::{Row, Table},
};
use roaring::RoaringBitmap;

/// A group of so many members is large: it is then taken at once, by what is fastest.
const LARGE: usize = if cfg!(any(test, fuzzing)) { 3 } else { 256 };
/// Stepping over so many ids costs less than reading one record.
const STEPS: u64 = 8;

/// What came of a record that was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// More are wanted.
    More,
    /// There are as many matches as are wanted.
    Enough,
    /// The group it is of is large.
    Large,
}

/// Gathers records that have the fields of a walk's steps in common, and sorts them by what is
/// left of the order.
pub(super) struct Groups<'w, 't, 'f> {
    walk: &'w OrderedWalk<'t, 'f>,
    table: &'w Table,
    order: &'w Order,
    /// What each record must pass.
    pub(super) checks: &'w Checks<'w, 'f>,
    after: Option<&'w Position>,
    wanted: u64,
    /// The key that the members have in common.
    pub(super) key: Vec<u8>,
    members: Vec<Row>,
    /// The matches, in order.
    pub(super) found: Vec<Row>,
}

impl<'w, 't, 'f> Groups<'w, 't, 'f> {
    /// No groups yet.
    pub(super) fn new(
        walk: &'w OrderedWalk<'t, 'f>,
        table: &'w Table,
        order: &'w Order,
        checks: &'w Checks<'w, 'f>,
        after: Option<&'w Position>,
        wanted: u64,
    ) -> Self {
        Groups {
            walk,
            table,
            order,
            checks,
            after,
            wanted,
            key: Vec::new(),
            members: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Takes the next match, of this key.
    pub(super) fn add(&mut self, row: Row, key: &[u8]) -> Taken {
        if self.walk.given == Given::Whole {
            self.found.push(row);
            return self.state();
        }
        let len = source::key_len(key, &self.walk.widths);
        let key = key.get(..len).unwrap_or(key);
        if self.members.is_empty() || self.key != key {
            self.flush();
            self.key.clear();
            self.key.extend_from_slice(key);
            if self.state() == Taken::Enough {
                return Taken::Enough;
            }
        }
        self.members.push(row);
        match self.members.len() < LARGE {
            true => Taken::More,
            false => Taken::Large,
        }
    }

    /// Ends the group, where one has begun.
    #[inline]
    pub(super) fn end(&mut self) -> Taken {
        match self.members.is_empty() {
            true => Taken::More,
            false => {
                self.flush();
                self.state()
            }
        }
    }

    /// Takes a match of the group at hand, or of the next one where that has ended. Its key is that of the walk's last
    /// entry, which is looked at only where somebody will ask for it.
    #[inline]
    pub(super) fn join(&mut self, row: Row, walk: &Walk<'_>) -> Taken {
        self.members.push(row);
        let large = self.members.len() >= LARGE;
        if large || (self.after.is_some() && self.members.len() == 1) {
            self.key.clear();
            walk.key_into(&mut self.key);
        }
        match large {
            true => Taken::Large,
            false => Taken::More,
        }
    }

    /// Whether more are wanted.
    pub(super) fn state(&self) -> Taken {
        match self.found.len() as u64 >= self.wanted {
            true => Taken::Enough,
            false => Taken::More,
        }
    }

    /// How many more are wanted.
    fn missing(&self) -> u64 {
        self.wanted.saturating_sub(self.found.len() as u64)
    }

    /// The position to go on from, where it stands in this group.
    fn position_here(&self) -> Option<&'w Position> {
        self.after
            .filter(|position| self.walk.key_at(position) == self.key)
    }

    /// Sorts the members of the group and takes those that are wanted.
    pub(super) fn flush(&mut self) {
        if self.members.is_empty() {
            return;
        }
        let position = self.position_here();
        if let ([only], None) = (self.members.as_slice(), position) {
            self.found.push(*only);
        } else {
            let mut sorted = self.sort(self.members.iter().copied(), position);
            self.found.append(&mut sorted);
        }
        self.members.clear();
    }

    /// The first of the rows, those after a position where one is given, by the whole order.
    fn sort(&self, rows: impl Iterator<Item = Row>, position: Option<&Position>) -> Vec<Row> {
        let mut top = TopK::new(self.missing());
        let mut key = Vec::new();
        for row in rows {
            let Some(record) = self.table.record(row) else {
                continue;
            };
            key.clear();
            self.order.key_into(&record, &mut key);
            if position.is_none_or(|position| key > position.sort_key) {
                top.push(&key, row);
            }
        }
        top.finish()
    }

    /// Takes the whole group at once, from all ranges of the walk, and answers how many rows that
    /// met.
    pub(super) fn flush_large(&mut self, ranges: &[KeyRange]) -> u64 {
        self.members.clear();
        let position = self.position_here();
        let end = successor(&self.key);
        let parts = ranges.iter().filter_map(|range| {
            let mut part = range.clone();
            clip(&mut part, Some(&self.key), false);
            clip(&mut part, end.as_deref(), true);
            (!part.is_empty()).then(|| self.walk.source.set.walk(&part))
        });
        let mut rows = gather(self.table, parts);
        let met = rows.len();
        self.checks.narrow(&mut rows);
        let by_id = match self.walk.given {
            Given::AllButId { descending } => self.by_id(&rows, position, descending),
            Given::Whole | Given::First => None,
        };
        let mut sorted = by_id.unwrap_or_else(|| {
            let passing = rows.iter().filter(|row| self.checks.pass(*row));
            self.sort(passing, position)
        });
        self.found.append(&mut sorted);
        met
    }

    /// The first of the rows by id, found by a walk over all ids; `None` where that goes further
    /// than reading the records would cost.
    fn by_id(
        &self,
        rows: &RoaringBitmap,
        position: Option<&Position>,
        descending: bool,
    ) -> Option<Vec<Row>> {
        let mut range = KeyRange::all();
        if let Some(id) = position.and_then(|position| position.keys.last()) {
            let cut = if descending {
                Some(id.clone())
            } else {
                successor(id)
            };
            clip(&mut range, cut.as_deref(), descending);
        }
        let mut walk = self.table.ids().walk(&range);
        let missing = self.missing();
        let mut found = Vec::new();
        for _ in 0..rows.len().saturating_mul(STEPS) {
            let next = if descending {
                walk.next_back()
            } else {
                walk.next()
            };
            let Some(row) = next else {
                return Some(found);
            };
            if rows.contains(row) && self.checks.pass(row) {
                found.push(row);
                if found.len() as u64 >= missing {
                    return Some(found);
                }
            }
        }
        None
    }
}
