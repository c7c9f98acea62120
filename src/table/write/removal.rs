//! Taking a record out: its entries leave the indexes, and its bytes the page.

use smallvec::SmallVec;

use super::{
    super::{
        Row,
        tombstones::{Gone, Tombstone},
    },
    Old, Undo, Write,
};
use crate::{index::Spot, value::ValueRef};

/// An entry that is about to leave an index.
struct Leaving {
    /// Where it ends in [`Scratch::key`](super::Scratch::key), which holds those of all indexes.
    end: usize,
    spot: Option<Spot>,
}

/// The entries of a record that is about to leave the indexes. They lie one after the other in
/// [`Scratch::key`](super::Scratch::key): of the ids, of each index, of the expiry.
struct Leavings {
    /// Where the key of the id ends.
    id: usize,
    id_spot: Option<Spot>,
    of_indexes: SmallVec<[Leaving; 8]>,
}

impl Write<'_> {
    /// Removes a record.
    pub fn remove(&mut self, row: Row) {
        self.remove_as(row, Gone::Deleted);
    }

    /// Removes a record that has expired.
    pub fn remove_expired(&mut self, row: Row) {
        self.remove_as(row, Gone::Expired);
    }

    fn remove_as(&mut self, row: Row, gone: Gone) {
        let number = match self.feed_before {
            None => None,
            // What is not there goes without a number.
            Some(_) if self.table.records.get(row).is_none() => return,
            Some(_) => self.number().map(|(_, number)| number),
        };
        self.remove_numbered(row, number, self.now, gone);
    }

    /// Removes a record, and leaves a tombstone where the removal has a number.
    pub(super) fn remove_numbered(&mut self, row: Row, number: Option<u64>, at: i64, gone: Gone) {
        let Some(old) = self.keep_row(row) else {
            return;
        };
        let leavings = self.look_for_leavings(row, old.clone());
        // What needs no leaf is done while the leaves' places come from memory.
        self.table.records.remove(row);
        self.follow(row, Some(old.clone()));
        let id = self
            .table
            .scratch
            .key
            .get(..leavings.id)
            .unwrap_or_default();
        match (number, &mut self.table.feed) {
            (Some(number), Some(feed)) => {
                let tombstone = Tombstone {
                    number,
                    at,
                    gone,
                    id,
                };
                feed.bury(&tombstone);
                self.effects.bury(&tombstone);
            }
            _ => self.effects.remove(id),
        }
        self.effects.happened(gone.event());
        self.take_out(row, old.clone(), &leavings);
        self.undo.push(Undo::Remove(row, old));
    }

    /// Takes every entry of a row's record, which is kept, out of the indexes.
    pub(super) fn leave(&mut self, row: Row, kept: Old) {
        let leavings = self.look_for_leavings(row, kept.clone());
        self.take_out(row, kept, &leavings);
    }

    /// Looks for all entries of a row's record, which is kept, before the first is taken out.
    fn look_for_leavings(&mut self, row: Row, kept: Old) -> Leavings {
        let table = &mut *self.table;
        let mut leavings = Leavings {
            id: 0,
            id_spot: None,
            of_indexes: SmallVec::new(),
        };
        let keys = &mut table.scratch.key;
        keys.clear();
        let bytes = table.scratch.old.get(kept).unwrap_or_default();
        let Some(record) = table.form.read(bytes) else {
            return leavings;
        };
        let mut id = ValueRef::Null;
        record.read(0, &mut id);
        id.key_into(keys);
        leavings.id = keys.len();
        keys.extend_from_slice(&row.to_be_bytes());
        leavings.id_spot = table.ids.spot_held(keys);
        for index in &table.indexes {
            let start = keys.len();
            index.record_key_into(&record, keys);
            keys.extend_from_slice(&row.to_be_bytes());
            let spot = index.index.spot_held(keys.get(start..).unwrap_or_default());
            let end = keys.len();
            leavings.of_indexes.push(Leaving { end, spot });
        }
        let expires_at = table.form.schema.expires_at();
        if !record.is_null(expires_at) {
            record.value(expires_at).key_into(keys);
        }
        leavings
    }

    /// Takes entries that were looked for out of the indexes.
    fn take_out(&mut self, row: Row, kept: Old, leavings: &Leavings) {
        let table = &mut *self.table;
        for (index, entry) in table.indexes.iter().zip(&leavings.of_indexes) {
            index.index.fetch(entry.spot);
        }
        table.ids.fetch(leavings.id_spot);
        let keys = &table.scratch.key;
        let mut start = leavings.id + size_of::<Row>();
        let Some(id_entry) = keys.get(..start) else {
            return;
        };
        for (index, entry) in table.indexes.iter_mut().zip(&leavings.of_indexes) {
            match index.is_over_tags() {
                true => {
                    let bytes = table.scratch.old.get(kept.clone()).unwrap_or_default();
                    if let Some(record) = table.form.read(bytes) {
                        index.record_leave(row, &record, &mut table.scratch.record);
                    }
                }
                false => {
                    let leaving = keys.get(start..entry.end).unwrap_or_default();
                    index.index.remove_entry(leaving, entry.spot);
                }
            }
            start = entry.end;
        }
        if let Some(expiry @ [_, ..]) = keys.get(start..) {
            table.expiry.remove(expiry, row);
        }
        table.ids.remove_entry(id_entry, leavings.id_spot);
    }
}
