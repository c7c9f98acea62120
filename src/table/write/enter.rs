//! Entering new records into the indexes.

use super::{
    super::{Row, TableIndex},
    Write,
    ahead::{Ahead, Set},
    set_key,
};
use crate::{index::Index, value::ValueRef};

/// What is needed to enter a record.
struct Entering<'w> {
    key: &'w mut Vec<u8>,
    ahead: &'w mut Ahead,
    suspects: &'w mut Vec<(usize, Vec<u8>)>,
}

impl Entering<'_> {
    /// Adds a record's entries in the index at this place.
    #[inline(always)]
    fn enter(&mut self, at: usize, index: &mut TableIndex, row: Row, values: &[ValueRef<'_>]) {
        if index.is_over_tags() {
            return index.enter_tags(row, None, values, self.key);
        }
        self.key.clear();
        index.key_into(values, self.key);
        let unique = index.definition.unique && !index.has_null(values);
        match &mut index.index {
            Index::Bitmap(bitmap) => _ = bitmap.insert(self.key, row),
            Index::SortedSet(set) => {
                if unique && set.first(self.key).is_some() {
                    self.suspects.push((at, self.key.clone()));
                }
                let spot = self.ahead.take(Set::Index(at));
                self.key.extend_from_slice(&row.to_be_bytes());
                set.insert_entry(self.key, spot);
            }
        }
    }
}

impl Write<'_> {
    /// Adds the index entries of a new record.
    pub(super) fn enter(&mut self, row: Row, values: &[ValueRef<'_>]) {
        let table = &mut *self.table;
        let mut entering = Entering {
            key: &mut table.scratch.key,
            ahead: &mut table.scratch.ahead,
            suspects: &mut self.suspects,
        };
        // Leaves that were asked for are still under way: their entries come last. But which of two unique
        // indexes a record is refused for follows from their order.
        let under_way = match table.indexes.iter().any(|index| index.definition.unique) {
            true => 0,
            false => entering.ahead.indexes(),
        };
        let waits = |at: usize| under_way >> at & 1 == 1;
        for (at, index) in table.indexes.iter_mut().enumerate() {
            if !waits(at) {
                entering.enter(at, index, row, values);
            }
        }
        set_key(entering.key, values.first());
        entering.key.extend_from_slice(&row.to_be_bytes());
        table
            .ids
            .insert_entry(entering.key, entering.ahead.take(Set::Ids));
        if under_way != 0 {
            for (at, index) in table.indexes.iter_mut().enumerate() {
                if waits(at) {
                    entering.enter(at, index, row, values);
                }
            }
        }
        self.enter_expiry(row, values);
    }

    /// [`Write::enter`] of records whose values, so many each, follow each other. One index is entered
    /// after the other: where the records ascend in it, they are added all at once.
    pub(super) fn enter_all(&mut self, rows: &[Row], values: &[ValueRef<'_>], width: usize) {
        let records = || rows.iter().copied().zip(values.chunks_exact(width));
        let table = &mut *self.table;
        let entries = &mut table.scratch.entries;
        let mut entering = Entering {
            key: &mut table.scratch.key,
            ahead: &mut table.scratch.ahead,
            suspects: &mut self.suspects,
        };
        for (at, index) in table.indexes.iter_mut().enumerate() {
            let ascends = !index.definition.unique && !entering.ahead.is_next(Set::Index(at));
            if let (true, Index::SortedSet(_)) = (ascends, &index.index) {
                entries.clear();
                records().for_each(|(row, values)| {
                    entries.push(row, |key| index.key_into(values, key));
                });
                if let Index::SortedSet(set) = &mut index.index {
                    set.insert_all(entries);
                }
            } else {
                records().for_each(|(row, values)| entering.enter(at, index, row, values));
            }
        }
        entries.clear();
        for (row, values) in records() {
            let id = values.first().unwrap_or(&ValueRef::Null);
            entries.push(row, |key| id.key_into(key));
        }
        table.ids.insert_all(entries);
        records().for_each(|(row, values)| self.enter_expiry(row, values));
    }

    fn enter_expiry(&mut self, row: Row, values: &[ValueRef<'_>]) {
        let table = &mut *self.table;
        let expires_at = values.get(table.form.schema.expires_at());
        if let Some(ValueRef::DateTime(_)) = expires_at {
            set_key(&mut table.scratch.key, expires_at);
            table.expiry.insert(&table.scratch.key, row);
        }
    }
}
