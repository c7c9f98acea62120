//! Moving the index entries of a record whose fields change.

use smallvec::SmallVec;

use super::{
    super::{Changed, Record, Row},
    Write, set_key,
};
use crate::index::{Index, Spot, key_and_row};

/// The entries that move, in the order of their indexes.
pub(super) type Moves = SmallVec<[Move; 4]>;

/// An entry that moves from one place of an index to another. What it is, `key ‖ row`, and what it will be lie in
/// [`Scratch::key`](super::Scratch::key), behind those of the moves before.
pub(super) struct Move {
    /// The place of the index.
    at: usize,
    /// Where what it is ends.
    old: usize,
    /// Where what it will be ends.
    new: usize,
    /// Whether a field of the new key is null.
    null: bool,
    /// Where the entry stands.
    left: Option<Spot>,
    /// Where it will stand.
    entered: Option<Spot>,
}

impl Write<'_> {
    /// What moves once these fields have changed. Entries of TAGS are not among it.
    #[inline]
    pub(super) fn moves(&mut self, row: Row, record: &Record<'_>, fields: &[Changed<'_>]) -> Moves {
        let mut moves = Moves::new();
        let keys = &mut self.table.scratch.key;
        keys.clear();
        for (at, index) in self.table.indexes.iter().enumerate() {
            if !index.is_over_any(fields) || index.is_over_tags() {
                continue;
            }
            let start = keys.len();
            index.record_key_into(record, keys);
            keys.extend_from_slice(&row.to_be_bytes());
            let old = keys.len();
            let null = index.changed_key_into(record, fields, keys);
            keys.extend_from_slice(&row.to_be_bytes());
            if keys.get(start..old) == keys.get(old..) {
                keys.truncate(start);
                continue;
            }
            moves.push(Move {
                at,
                old,
                new: keys.len(),
                null,
                left: None,
                entered: None,
            });
        }
        moves
    }

    /// Looks where the entries stand and where they will.
    #[inline]
    pub(super) fn look_ahead_of(&self, moves: &mut Moves) {
        let mut start = 0;
        for moved in moves {
            if let Some(Index::SortedSet(set)) = self.index(moved.at) {
                moved.left = set.spot_held(self.part_of_key(start, moved.old));
                moved.entered = set.spot(self.part_of_key(moved.old, moved.new));
            }
            start = moved.new;
        }
    }

    /// Asks for the leaves that were looked for.
    #[inline]
    pub(super) fn fetch_ahead_of(&self, moves: &Moves) {
        for moved in moves {
            if let Some(index) = self.index(moved.at) {
                index.fetch(moved.left);
                index.fetch(moved.entered);
            }
        }
    }

    fn index(&self, at: usize) -> Option<&Index> {
        self.table.indexes.get(at).map(|index| &index.index)
    }

    fn part_of_key(&self, start: usize, end: usize) -> &[u8] {
        self.table.scratch.key.get(start..end).unwrap_or_default()
    }

    /// Moves the entries of a record to where they belong once these fields have changed.
    pub(super) fn move_entries(
        &mut self,
        row: Row,
        record: &Record<'_>,
        fields: &[Changed<'_>],
        moves: &Moves,
    ) {
        let table = &mut *self.table;
        let keys = &table.scratch.key;
        let mut start = 0;
        for moved in moves {
            let Some(index) = table.indexes.get_mut(moved.at) else {
                continue;
            };
            let old = keys.get(start..moved.old).unwrap_or_default();
            let new = keys.get(moved.old..moved.new).unwrap_or_default();
            start = moved.new;
            index.index.remove_entry(old, moved.left);
            if let (true, false, Index::SortedSet(set), Some((key, _))) = (
                index.definition.unique,
                moved.null,
                &index.index,
                key_and_row(new),
            ) {
                if set.first(key).is_some() {
                    self.suspects.push((moved.at, key.to_vec()));
                }
            }
            index.index.insert_entry(new, moved.entered);
        }
        self.move_tags(row, record, fields);
        self.move_expiry(row, record, fields);
    }

    /// Enters other tags of a record in place of those it has.
    #[inline]
    fn move_tags(&mut self, row: Row, record: &Record<'_>, fields: &[Changed<'_>]) {
        for index in &mut self.table.indexes {
            if !index.is_over_tags() || !index.is_over_any(fields) {
                continue;
            }
            let (before, mut after) = (record.values(), record.values());
            for (position, value) in fields {
                if let Some(place) = after.get_mut(*position) {
                    *place = *value;
                }
            }
            index.enter_tags(row, Some(&before), &after, &mut self.table.scratch.key);
        }
    }

    #[inline]
    fn move_expiry(&mut self, row: Row, record: &Record<'_>, fields: &[Changed<'_>]) {
        let table = &mut *self.table;
        let expires_at = table.form.schema.expires_at();
        let Some((_, after)) = fields.iter().find(|(at, _)| *at == expires_at) else {
            return;
        };
        let before = record.value(expires_at);
        if !before.is_null() {
            set_key(&mut table.scratch.key, Some(&before));
            table.expiry.remove(&table.scratch.key, row);
        }
        if !after.is_null() {
            set_key(&mut table.scratch.key, Some(after));
            table.expiry.insert(&table.scratch.key, row);
        }
    }
}
