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
        self.leave(row, old.clone());
        self.table.records.remove(row);
        self.follow(row, Some(old.clone()));
        match (number, &mut self.table.feed) {
            (Some(number), Some(feed)) => {
                let id = &self.table.scratch.key;
                let tombstone = Tombstone {
                    number,
                    at,
                    gone,
                    id,
                };
                feed.bury(&tombstone);
                self.effects.bury(&tombstone);
            }
            _ => self.effects.remove(&self.table.scratch.key),
        }
        self.effects.happened(gone.event());
        self.undo.push(Undo::Remove(row, old));
    }

    /// Takes every entry of a row's record, which is kept, out of the indexes and leaves the key of
    /// its id in `Scratch::key`. All keys are known and the leaves of all asked for before the first is
    /// taken out.
    pub(super) fn leave(&mut self, row: Row, kept: Old) {
        let table = &mut *self.table;
        let bytes = table.scratch.old.get(kept).unwrap_or_default();
        let Some(record) = table.form.read(bytes) else {
            return;
        };
        let keys = &mut table.scratch.key;
        keys.clear();
        let mut id = ValueRef::Null;
        record.read(0, &mut id);
        id.key_into(keys);
        let id = keys.len();
        keys.extend_from_slice(&row.to_be_bytes());
        let id_entry = keys.len();
        let mut entries: SmallVec<[Leaving; 8]> = SmallVec::new();
        for index in &table.indexes {
            let start = keys.len();
            index.record_key_into(&record, keys);
            keys.extend_from_slice(&row.to_be_bytes());
            let spot = index.index.spot_held(keys.get(start..).unwrap_or_default());
            let end = keys.len();
            entries.push(Leaving { end, spot });
        }
        let id_spot = table
            .ids
            .spot_held(keys.get(..id_entry).unwrap_or_default());
        for (index, entry) in table.indexes.iter().zip(&entries) {
            index.index.fetch(entry.spot);
        }
        table.ids.fetch(id_spot);
        let mut start = id_entry;
        for (index, entry) in table.indexes.iter_mut().zip(&entries) {
            match index.is_over_tags() {
                true => index.record_leave(row, &record, &mut table.scratch.record),
                false => {
                    let leaving = keys.get(start..entry.end).unwrap_or_default();
                    index.index.remove_entry(leaving, entry.spot);
                }
            }
            start = entry.end;
        }
        let expires_at = table.form.schema.expires_at();
        if !record.is_null(expires_at) {
            keys.truncate(id_entry);
            record.value(expires_at).key_into(keys);
            let key = keys.get(id_entry..).unwrap_or_default();
            table.expiry.remove(key, row);
        }
        keys.truncate(id_entry);
        table.ids.remove_entry(keys, id_spot);
        keys.truncate(id);
    }
}
