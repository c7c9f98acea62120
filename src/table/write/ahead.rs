//! Looking ahead: the leaves that a write will search and change are asked for before it does.
//!
//! A leaf is mostly not in the cache. What is done here changes nothing but the time that the
//! write takes: entries are looked for a first time, all that is known of at once, and what comes
//! between is done while their leaves are under way.

use super::{
    super::{MAX_INDEXED_TEXT, Table, TableIndex},
    Write, set_key, text_len,
};
use crate::{
    index::{Index, SortedSet, Spot},
    value::ValueRef,
};

/// The spots of entries that are about to be entered. They are taken in the order in
/// which they were looked for: that of the indexes, then the ids. One that is not taken keeps those behind it.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) spots: Vec<(Set, Spot)>,
    /// How many of them have been taken.
    taken: usize,
    /// Whether their leaves have been asked for.
    fetched: bool,
}

impl Ahead {
    pub(super) fn forget(&mut self) {
        self.spots.clear();
        self.taken = 0;
        self.fetched = false;
    }

    /// Looks for a record's entry in the index at this place. False where there is nothing to be asked for.
    #[inline(always)]
    fn look_in(
        &mut self,
        at: usize,
        index: &TableIndex,
        values: &[ValueRef<'_>],
        key: &mut Vec<u8>,
        spot: fn(&SortedSet, &[u8]) -> Option<Spot>,
    ) -> bool {
        // What is too long for an index is yet to be refused.
        let short = |position: &usize| values.get(*position).is_none_or(is_short);
        match &index.index {
            Index::SortedSet(set) if !set.is_at_hand() && index.positions.iter().all(short) => {
                key.clear();
                index.key_into(values, key);
                self.note(Set::Index(at), spot(set, key))
            }
            _ => false,
        }
    }

    /// Notes a spot in a set; false where there is none.
    #[inline]
    fn note(&mut self, which: Set, spot: Option<Spot>) -> bool {
        let Some(spot) = spot else {
            return false;
        };
        if self.fetched {
            self.forget();
        }
        self.spots.push((which, spot));
        true
    }

    /// Whether the spot that is taken next is one of this set.
    pub(super) fn is_next(&self, which: Set) -> bool {
        let next = self.spots.get(self.taken);
        next.is_some_and(|(set, _)| *set == which)
    }

    /// The indexes in which a spot is yet to be taken, a bit for each, by its place; none where one is of the ids,
    /// which are entered last.
    pub(super) fn indexes(&self) -> u64 {
        let mut left = self.spots.get(self.taken..).unwrap_or_default().iter();
        let bits = left.try_fold(0, |bits, (set, _)| match set {
            Set::Index(at) => Some(bits | 1 << at),
            Set::Ids => None,
        });
        bits.unwrap_or(0)
    }

    /// The spot in a set, if it is that set's turn. It may be another record's where one before
    /// was not written: no more than a hint is made of it.
    #[inline]
    pub(super) fn take(&mut self, which: Set) -> Option<Spot> {
        let (set, spot) = self.spots.get(self.taken)?;
        if !self.fetched || *set != which {
            return None;
        }
        self.taken += 1;
        Some(*spot)
    }
}

/// A sorted set of a table.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Set {
    Ids,
    /// That of the index at this place.
    Index(usize),
}

/// Whether an index takes a value.
fn is_short(value: &ValueRef<'_>) -> bool {
    text_len(value) <= MAX_INDEXED_TEXT
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
    /// Looks where the entries of a record will stand.
    pub fn look_ahead(&mut self, values: &[ValueRef<'_>]) {
        let table = &mut *self.table;
        let (key, ahead) = (&mut table.scratch.key, &mut table.scratch.ahead);
        for (at, index) in table.indexes.iter().enumerate() {
            ahead.look_in(at, index, values, key, SortedSet::spot);
        }
        // An id that is yet to be made will mostly be above all others.
        if let Some(id) = values.first().filter(|id| !id.is_null() && is_short(id)) {
            set_key(key, Some(id));
            ahead.note(Set::Ids, table.ids.spot(key));
        }
    }

    /// [`Write::look_ahead`] of records whose values, so many each, follow each other, and whose ids are
    /// yet to be made. What is looked for is asked for.
    pub(super) fn look_ahead_all(&mut self, values: &[ValueRef<'_>], width: usize) {
        let table = &mut *self.table;
        let (key, ahead) = (&mut table.scratch.key, &mut table.scratch.ahead);
        for (at, index) in table.indexes.iter().enumerate() {
            let mut records = values.chunks_exact(width);
            let first = records.next();
            let mut look = |values, spot| ahead.look_in(at, index, values, key, spot);
            // Where one is above all others, those that follow it mostly are as well; and so where it is not.
            if first.is_some_and(|values| look(values, SortedSet::spot)) {
                records.all(|values| look(values, SortedSet::spot_held));
            }
        }
        self.fetch();
    }

    /// What was looked for will not be written.
    pub fn look_no_more(&mut self) {
        self.table.scratch.ahead.forget();
    }

    /// Asks for the leaves of all that was looked for.
    pub fn fetch(&mut self) {
        if std::mem::replace(&mut self.table.scratch.ahead.fetched, true) {
            return;
        }
        for (which, spot) in &self.table.scratch.ahead.spots {
            if let Some(set) = set(self.table, *which) {
                set.fetch(Some(*spot));
            }
        }
    }
}
