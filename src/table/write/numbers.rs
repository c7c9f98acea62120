//! Writes to a table with a change feed: each is given a number, or comes with that which another server gave.

use smallvec::SmallVec;

use super::{
    super::{Changed, Effects, Record, Row, Table, Values, tombstones::Tombstone},
    Write,
};
use crate::{error::Result, schema::Schema, value::ValueRef};

impl Write<'_> {
    /// The position of `change_number` and the number of the next write, in a table with a change
    /// feed.
    #[inline]
    pub(super) fn number(&mut self) -> Option<(usize, u64)> {
        let before = self.feed_before.as_deref_mut()?;
        let position = self.table.form.schema.change_number()?;
        let feed = self.table.feed.as_deref_mut()?;
        Some((position, feed.next(before, &mut self.effects)))
    }

    /// These values with the number of the next write, in a table with a change feed.
    pub(super) fn numbered<'v>(&mut self, values: &[ValueRef<'v>]) -> Option<Values<'v>> {
        let (position, number) = self.number()?;
        let mut values = Values::from(values);
        if let Some(value) = values.get_mut(position) {
            *value = ValueRef::Integer(number as i64);
        }
        Some(values)
    }

    #[inline(never)]
    pub(super) fn insert_with_number(&mut self, values: &[ValueRef<'_>]) -> Result<Row> {
        match self.numbered(values) {
            Some(values) => self.insert_numbered(&values),
            None => self.insert_numbered(values),
        }
    }

    #[inline(never)]
    pub(super) fn change_with_number(
        &mut self,
        row: Row,
        record: &Record<'_>,
        old: &[u8],
        fields: &[Changed<'_>],
    ) -> Result<()> {
        let mut fields: SmallVec<[Changed; 8]> = fields.into();
        if let Some((position, number)) = self.number() {
            fields.push((position, ValueRef::Integer(number as i64)));
        }
        self.change_numbered(row, record, old, &mut fields)
    }

    /// Takes tombstones of a table that is made anew.
    ///
    /// # Errors
    /// BADVALUE where they cannot be this table's.
    pub(in crate::table) fn place_tombstones(&mut self, chunk: &[u8]) -> Result<()> {
        self.effects.tombstones(chunk);
        self.table.place_tombstones(chunk)
    }

    /// An epoch of the change feed has begun elsewhere.
    pub(in crate::table) fn enter_epoch(&mut self, name: u64) {
        if let (Some(feed), Some(before)) = (&mut self.table.feed, &mut self.feed_before) {
            feed.enter_told(before, name);
        }
    }

    /// Begins a write that another server decided. Its effects are told in the bytes they came in.
    pub(in crate::table) fn begin_told(table: &mut Table) -> Write<'_> {
        let mut write = Write::begin(table, i64::MIN);
        write.effects = Effects::mute();
        write
    }

    /// Ends a write that another server decided.
    ///
    /// # Errors
    /// As [`Write::commit`].
    pub(in crate::table) fn commit_told(self) -> Result<Effects> {
        if let Some(feed) = &mut self.table.feed {
            feed.follow();
        }
        self.commit()
    }

    /// Notes the number that a record came with.
    fn told(&mut self, values: &[ValueRef<'_>]) -> Result<()> {
        match &mut self.table.feed {
            Some(feed) => feed.told(number_in(&self.table.form.schema, values)),
            None => Ok(()),
        }
    }

    /// Removes a record as another server did.
    pub(in crate::table) fn bury_told(
        &mut self,
        row: Row,
        tombstone: &Tombstone<'_>,
    ) -> Result<()> {
        self.table.feed_mut()?.told(Some(tombstone.number))?;
        let Tombstone {
            number, at, gone, ..
        } = *tombstone;
        self.remove_numbered(row, Some(number), at, gone);
        Ok(())
    }

    /// [`Write::replace_by`] as another server did.
    pub(in crate::table) fn replace_told(
        &mut self,
        row: Row,
        bytes: &[u8],
        values: &[ValueRef<'_>],
    ) -> Result<()> {
        self.told(values)?;
        self.replace_by(row, bytes, values)
    }

    /// Adds a record that another server numbered.
    pub(in crate::table) fn insert_told(&mut self, values: &[ValueRef<'_>]) -> Result<()> {
        self.told(values)?;
        self.insert_numbered(values).map(drop)
    }
}

/// The number that a record of these values has; none where it is null or negative.
pub(super) fn number_in(schema: &Schema, values: &[ValueRef<'_>]) -> Option<u64> {
    match schema.change_number().and_then(|at| values.get(at)) {
        Some(ValueRef::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}
