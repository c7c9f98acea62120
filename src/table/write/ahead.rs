//! Looking ahead: the leaves that a write will search and change are asked for before it does.
//!
//! A leaf is mostly not in the cache. What is done here changes nothing but the time that the
//! write takes: entries are looked for a first time, all that is known of at once, and what comes
//! between is done while their leaves are under way.

use smallvec::SmallVec;

use super::{
    super::{Changed, Record, Table},
    Write, set_key,
};
use crate::{
    index::{Index, SortedSet, Spot},
    value::ValueRef,
};

/// The spots of entries that are about to be entered or taken out.
pub(super) type Ahead = SmallVec<[(Set, Spot); 8]>;

/// A sorted set of a table.
#[derive(Clone, Copy)]
pub(super) enum Set {
    Ids,
    /// That of the index at this place.
    Index(usize),
}

fn set(table: &Table, which: Set) -> Option<&SortedSet> {
    match which {
        Set::Ids => Some(&table.ids),
        Set::Index(at) => match &table.indexes.get(at)?.index {
            Index::SortedSet(set) => Some(set),
            Index::Bitmap(_) => None,
        },
    }
}

impl Write<'_> {
    /// Looks where the entries of a record stand or will.
    pub fn expect(&mut self, values: &[ValueRef<'_>]) {
        // An id that is yet to be made will be above all others.
        if let Some(id) = values.first().filter(|id| !id.is_null()) {
            set_key(&mut self.key, Some(id));
            look(&mut self.ahead, &self.table.ids, Set::Ids, &self.key);
        }
        for (at, index) in self.table.indexes.iter().enumerate() {
            if let Index::SortedSet(set) = &index.index {
                self.key.clear();
                index.key_into(values, &mut self.key);
                look(&mut self.ahead, set, Set::Index(at), &self.key);
            }
        }
    }

    /// Looks where the entries of a record stand that fields move, and where they go.
    pub(super) fn expect_moves(&mut self, record: &Record<'_>, fields: &[Changed<'_>]) {
        for (at, index) in self.table.indexes.iter().enumerate() {
            let Index::SortedSet(set) = &index.index else {
                continue;
            };
            let changed = |position: usize| fields.iter().find(|(at, _)| *at == position);
            if !index.positions.iter().any(|p| changed(*p).is_some()) {
                continue;
            }
            self.key.clear();
            index.record_key_into(record, &mut self.key);
            look(&mut self.ahead, set, Set::Index(at), &self.key);
            self.key.clear();
            for position in &index.positions {
                match changed(*position) {
                    Some((_, value)) => value.key_into(&mut self.key),
                    None => record.value(*position).key_into(&mut self.key),
                }
            }
            look(&mut self.ahead, set, Set::Index(at), &self.key);
        }
    }

    /// Asks for the leaves of all that is expected.
    pub fn fetch(&mut self) {
        for (which, spot) in self.ahead.drain(..) {
            if let Some(set) = set(self.table, which) {
                set.fetch(spot);
            }
        }
    }
}

#[inline]
fn look(ahead: &mut Ahead, set: &SortedSet, which: Set, key: &[u8]) {
    if let Some(spot) = set.spot(key) {
        ahead.push((which, spot));
    }
}
