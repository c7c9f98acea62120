//! A table: schema, records and indexes together.
//!
//! Everything that changes records goes through [`Write`], the only place where a record and
//! its index entries change together. What it changed it tells as [`Effects`], and a table
//! that applies the effects of another becomes the same table, row by row.

mod apply;
mod build;
mod effects;
mod feed;
mod form;
mod gather;
mod guess;
#[cfg(test)]
mod laws;
mod layout;
mod leb128;
mod lookup;
mod migrate;
mod page;
mod pass;
mod record;
mod records;
mod running;
mod state;
mod table_index;
mod tombstones;
mod write;

pub use apply::apply;
pub(crate) use build::Indexes;
pub use effects::{Effects, Event};
pub use feed::{Consumer, Epoch, Feed, MAX_CONSUMER, MOST_CONSUMERS, Position};
pub use form::Form;
pub use layout::Layout;
pub use leb128::{push_number, split_number};
pub use lookup::expires_by;
pub use migrate::Outcome;
pub use record::{Changed, Record, Values, are_first, encode_into, pack_values};
pub use records::{FETCHED, Records, Row};
pub use running::{End, Progress, Running, busy};
pub use table_index::{TableIndex, tag_key};
pub use tombstones::{Caps, Gone, Tombstone, Tombstones};
pub use write::Write;

use std::sync::Arc;

use build::Built;
use guess::Guess;
use pass::Pass;
use write::Scratch;

use crate::{
    error::{Error, Result},
    index::{Index, KeyRange, SortedSet},
    schema::{FieldNumber, History, Schema},
    value::{ValueRef, key::integer},
};

/// The longest STRING value in an index, in bytes.
pub const MAX_INDEXED_TEXT: usize = 4096;

/// Schema, records, indexes and history: the value of one Redis key.
pub struct Table {
    identity: u64,
    form: Arc<Form>,
    history: History,
    records: Records,
    /// Every record by its id.
    ids: SortedSet,
    /// Every record that expires, by when.
    expiry: SortedSet,
    indexes: Vec<TableIndex>,
    /// The change feed, where there is one.
    feed: Option<Box<Feed>>,
    /// The highest INTEGER id ever used, 0 at least.
    highest_id: i64,
    /// The migration that is running, which is part of the state.
    running: Option<Running>,
    /// How far it has come here, which is not. Where no migration is running, what is built late.
    pass: Option<Box<Pass>>,
    /// Indexes that a migration has done away with: large ones take long to free.
    dropped: Vec<Index>,
    scratch: Scratch,
    guess: Guess,
}

impl Table {
    /// A table without fields or records. `identity` is drawn at random once, where the table
    /// is made; its copies keep it.
    pub fn new(identity: u64) -> Table {
        let schema = Schema::new();
        let layouts = vec![Layout::of(&schema)];
        Table {
            identity,
            form: Arc::new(Form::new(schema, layouts)),
            history: History::default(),
            records: Records::default(),
            ids: SortedSet::new(),
            expiry: SortedSet::new(),
            indexes: Vec::new(),
            feed: None,
            highest_id: 0,
            running: None,
            pass: None,
            dropped: Vec::new(),
            scratch: Scratch::default(),
            guess: Guess::default(),
        }
    }

    /// Tells this table from every other, through copies, restarts and failovers.
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// Fields, indexes, time to live.
    pub fn schema(&self) -> &Schema {
        &self.form.schema
    }

    /// What the records' bytes mean, to hold on to while the table changes.
    pub fn form(&self) -> Arc<Form> {
        Arc::clone(&self.form)
    }

    /// The migrations.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Every layout that a record of this table may have been written with, by number.
    pub fn layouts(&self) -> &[Layout] {
        &self.form.layouts
    }

    /// The highest INTEGER id ever used, 0 at least.
    pub fn highest_id(&self) -> i64 {
        self.highest_id
    }

    /// How many records are held, expired ones that are not yet removed included.
    pub fn len(&self) -> u64 {
        self.records.len()
    }

    /// Whether no record is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory, without a walk.
    pub fn bytes(&self) -> usize {
        let indexes: usize = self.indexes.iter().map(|i| i.index.bytes()).sum();
        let pass = self.pass.as_ref().map_or(0, |pass| pass.bytes());
        let feed = self.feed.as_ref().map_or(0, |feed| feed.bytes());
        let parts = self.records.bytes() + self.ids.bytes() + self.expiry.bytes() + indexes + pass;
        size_of::<Table>() + parts + feed + self.scratch.bytes()
    }

    /// How many of these bytes hold nothing, without a walk: room for records and entries to come, and
    /// places where removed ones were. What is idle in bitmaps nobody counts.
    pub fn slack(&self) -> usize {
        let indexes = self.indexes.iter().map(|index| index.index.heap().slack);
        let own = [&self.ids, &self.expiry].map(|set| set.heap().slack);
        let feed = self.feed.as_ref().map_or(0, |feed| feed.slack());
        self.records.slack() + feed + own.into_iter().chain(indexes).sum::<usize>()
    }

    /// Every record by its id: the key is the id's.
    pub fn ids(&self) -> &SortedSet {
        &self.ids
    }

    /// Every record that expires: the key is that of `expires_at`.
    pub fn expiry(&self) -> &SortedSet {
        &self.expiry
    }

    /// The indexes, in the order of the schema's.
    pub fn indexes(&self) -> &[TableIndex] {
        &self.indexes
    }

    /// The records by row.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The record of a row.
    #[inline]
    pub fn record(&self, row: Row) -> Option<Record<'_>> {
        self.read(self.records.get(row)?)
    }

    /// Reads a record's bytes.
    #[inline]
    pub fn read<'a>(&'a self, bytes: &'a [u8]) -> Option<Record<'a>> {
        self.form.read(bytes)
    }

    /// Whether any record that has expired is still held. When not, every count of an index is
    /// a count of records that can be seen.
    pub fn any_expired(&self, now: i64) -> bool {
        self.next_expiry().is_some_and(|at| at <= now)
    }

    /// How many records that have expired are still held.
    pub fn expired(&self, now: i64) -> u64 {
        self.expiry.rank(&expiry_bound(now))
    }

    /// Whether [`Table::take_dropped`] has something to give.
    #[inline]
    pub fn has_dropped(&self) -> bool {
        !self.dropped.is_empty()
    }

    /// Indexes that are no longer the table's, for the caller to free when there is time.
    pub fn take_dropped(&mut self) -> Vec<Index> {
        std::mem::take(&mut self.dropped)
    }

    /// Whether there is work to do between commands: records expire, or a migration is running.
    pub fn has_work(&self) -> bool {
        self.running.is_some() || self.is_late() || self.has_expiry()
    }

    /// Whether any record expires.
    pub fn has_expiry(&self) -> bool {
        !self.expiry.is_empty()
    }

    /// When the first record expires, in milliseconds since 1970 UTC.
    pub fn next_expiry(&self) -> Option<i64> {
        integer(&self.expiry.first_key()?)
    }

    /// Removes records that have expired, the longest expired first, `most` at most. Empty where
    /// none is due. The caller owns the clock, and replicates what was removed.
    pub fn reclaim(&mut self, now: i64, most: usize) -> Effects {
        let due = KeyRange {
            low: Vec::new(),
            high: Some(expiry_bound(now)),
        };
        let rows: Vec<Row> = self.expiry.walk(&due).take(most).collect();
        let mut write = Write::begin(self, now);
        for row in rows {
            write.remove_expired(row);
        }
        write.commit().unwrap_or_default()
    }

    /// The same table once more, its identity kept.
    pub fn duplicate(&self) -> Box<Table> {
        let mut copy = Table::new(self.identity);
        copy.take_state(
            self.schema().clone(),
            self.history.clone(),
            self.layouts().to_vec(),
            self.highest_id,
        );
        let mut indexes = copy.begin_indexes();
        for (row, bytes) in self.records.iter() {
            if let Some(record) = self.form.read(bytes) {
                let values = record.some(indexes.positions());
                copy.gather(row, &values, &mut indexes);
            }
        }
        copy.records = self.records.clone();
        copy.set_indexes(*indexes);
        copy.feed = self.feed.as_ref().map(|feed| Box::new(feed.duplicate()));
        if let Some(running) = &self.running {
            // What could begin here can begin there.
            _ = copy.resume(running.clone());
        }
        Box::new(copy)
    }

    /// Takes on the state of a table without its records; there must be none.
    pub(crate) fn take_state(
        &mut self,
        schema: Schema,
        history: History,
        layouts: Vec<Layout>,
        highest_id: i64,
    ) {
        let indexes = schema.indexes.iter();
        self.indexes = indexes
            .map(|definition| TableIndex::new(definition.clone(), &schema))
            .collect();
        self.form = Arc::new(Form::new(schema, layouts));
        self.history = history;
        self.highest_id = highest_id;
    }

    /// What gathers the entries of records that come with [`Table::place`].
    pub(crate) fn begin_indexes(&self) -> Box<Indexes> {
        let expires_at = self.form.schema.expires_at();
        Box::new(Indexes::new(true, Some(expires_at), &self.indexes))
    }

    /// Places the bytes of records in free rows, by row. What they have in the indexes must be
    /// gathered too.
    pub(crate) fn place(&mut self, records: &[(Row, &[u8])]) {
        self.records.place(records);
    }

    /// Gathers the index entries of a record of these values in `indexes`; [`Table::set_indexes`] must
    /// follow.
    pub(crate) fn gather(&self, row: Row, values: &[ValueRef<'_>], indexes: &mut Indexes) {
        indexes.add(&self.indexes, row, values);
    }

    /// Takes on the indexes over every record.
    pub(crate) fn set_indexes(&mut self, indexes: Indexes) {
        let Built {
            ids,
            expiry,
            others,
        } = indexes.finish();
        self.ids = ids.unwrap_or_default();
        self.expiry = expiry.unwrap_or_default();
        for (index, built) in self.indexes.iter_mut().zip(others) {
            index.index = built;
        }
    }

    /// No text in an index, nor a STRING id, may be longer than [`MAX_INDEXED_TEXT`].
    ///
    /// # Errors
    /// BADVALUE naming the field.
    pub(crate) fn check_indexed_text(&self, position: usize, value: &ValueRef<'_>) -> Result<()> {
        let long = matches!(value, ValueRef::String(text) if text.len() > MAX_INDEXED_TEXT);
        let mut indexes = self.indexes.iter();
        if !long || (position > 0 && !indexes.any(|index| index.positions.contains(&position))) {
            return Ok(());
        }
        Err(Error::bad_value(format!(
            "field '{}' is in an index: expected at most {MAX_INDEXED_TEXT} bytes, found {}",
            self.form.schema.field(position)?.name,
            value.text(&[]).len()
        )))
    }

    /// The highest INTEGER id among the records and those used before.
    fn note_id(&mut self, id: &ValueRef<'_>) {
        if let ValueRef::Integer(id) = id {
            self.highest_id = self.highest_id.max(*id);
        }
    }

    /// Whether everything kept beside the records agrees with them.
    ///
    /// # Errors
    /// What disagrees, for a test to print.
    pub fn check_consistency(&self) -> std::result::Result<(), String> {
        self.records.check()?;
        self.ids.check()?;
        self.expiry.check()?;
        let mut ids = std::collections::BTreeSet::new();
        let mut expiring = 0;
        let mut counts = vec![0; self.indexes.len()];
        for (row, bytes) in self.records.iter() {
            let record = self.read(bytes).ok_or("a record does not read")?;
            record.validate().map_err(|error| error.to_string())?;
            let values = record.values();
            let id = values.first().ok_or("a record has no id")?;
            let mut key = Vec::new();
            id.key_into(&mut key);
            if !self.ids.contains(&key, row) || !ids.insert(key) {
                return Err(format!("row {row}: its id is missing or there twice"));
            }
            if matches!(id, ValueRef::Integer(id) if *id > self.highest_id) {
                return Err(format!("row {row}: its id is above the highest used"));
            }
            if let Some(at @ ValueRef::DateTime(_)) = values.get(self.form.schema.expires_at()) {
                let mut key = Vec::new();
                at.key_into(&mut key);
                expiring += 1;
                if !self.expiry.contains(&key, row) {
                    return Err(format!("row {row}: its expiry is missing"));
                }
            }
            self.check_entries(row, &values, &mut counts)?;
        }
        if self.ids.len() != self.len() || self.expiry.len() != expiring {
            return Err("ids or expiry hold more than the records".into());
        }
        if let Some(pass) = &self.pass {
            pass.check(&self.records)?;
        }
        self.check_feed()?;
        self.check_indexes(&counts)
    }

    /// The entries of a record are there; counts them, an index a place.
    fn check_entries(
        &self,
        row: Row,
        values: &[ValueRef<'_>],
        counts: &mut [u64],
    ) -> std::result::Result<(), String> {
        for (index, count) in self.indexes.iter().zip(counts) {
            let (mut key, mut missing) = (Vec::new(), false);
            index.keys(values, &mut key, |key| {
                *count += 1;
                missing |= !index.index.contains(key, row);
            });
            if missing {
                return Err(format!("row {row}: missing in {:?}", index.definition));
            }
            if let (true, false, Index::SortedSet(set)) = (
                index.definition.unique,
                index.has_null(values),
                &index.index,
            ) {
                if set.count(&KeyRange::prefix(&key)) != 1 {
                    return Err(format!("row {row}: not unique in {:?}", index.definition));
                }
            }
        }
        Ok(())
    }

    fn check_indexes(&self, counts: &[u64]) -> std::result::Result<(), String> {
        let late = self.pass.iter().filter(|_| self.is_late());
        let late: Vec<_> = late.flat_map(|pass| &pass.built).collect();
        let is_late = |number| late.iter().any(|index| index.definition.number == number);
        let definitions = self.form.schema.indexes.iter();
        let definitions = definitions.filter(|definition| !is_late(definition.number));
        for ((index, definition), count) in self.indexes.iter().zip(definitions).zip(counts) {
            index.index.check()?;
            let positions = self.form.schema.index_positions(definition);
            if index.definition != *definition || index.positions.as_slice() != positions {
                return Err(format!("{definition:?} is not the schema's"));
            }
            if index.index.len() != *count {
                return Err(format!("{definition:?} holds more than the records"));
            }
        }
        match self.indexes.len() + late.len() == self.form.schema.indexes.len() {
            true => Ok(()),
            false => Err("the schema has another number of indexes".into()),
        }
    }

    /// The position of a field by its number, as plans and cursors keep it.
    pub fn position_of(&self, number: FieldNumber) -> Option<usize> {
        self.form.schema.position_of(number)
    }
}

/// The bound of the expiry set below which everything has expired.
fn expiry_bound(now: i64) -> Vec<u8> {
    let mut bound = Vec::new();
    ValueRef::DateTime(now.saturating_add(1)).key_into(&mut bound);
    bound
}
