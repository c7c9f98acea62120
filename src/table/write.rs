//! One write: all of it or nothing.
//!
//! Each step changes the table at once and notes how to undo it. Uniqueness is judged at the
//! end, on the final state: until then an index may hold two records with one key, and the
//! keys where that happened are remembered. A write that is dropped without a commit, because
//! of an error or a panic, is undone in reverse; since the row of a new record follows from
//! the rows taken, the table is then what it was to the byte.

use smallvec::SmallVec;

use super::{Effects, Event, Row, Table, TableIndex, encode_into};
use crate::{
    error::{Code, Error, Result, quoted},
    index::{Index, KeyRange},
    value::ValueRef,
};

/// The most bytes of text in one record: what holds it must pass through a server's protocol,
/// which takes 512 MB.
pub const MAX_RECORD: usize = 256 << 20;

/// So much room is left to the next write at most, twice.
const LEFT: usize = 1024;

/// How to undo one step.
enum Undo {
    Insert(Row),
    Replace(Row, Box<[u8]>),
    Remove(Row, Box<[u8]>),
}

/// A write under way.
pub struct Write<'t> {
    table: &'t mut Table,
    now: i64,
    undo: SmallVec<[Undo; 2]>,
    effects: Effects,
    /// Keys that two records had at some moment, by the place of their index.
    suspects: Vec<(usize, Vec<u8>)>,
    highest_before: i64,
    /// The bytes of the record that is written.
    record: Vec<u8>,
    /// The key that is entered or taken out.
    key: Vec<u8>,
}

/// Room that one write leaves to the next.
#[derive(Default)]
pub(super) struct Scratch {
    record: Vec<u8>,
    key: Vec<u8>,
}

impl Scratch {
    /// Bytes of memory held.
    pub(super) fn bytes(&self) -> usize {
        self.record.capacity() + self.key.capacity()
    }
}

/// The buffer, emptied, if it is not large.
fn kept(buffer: &mut Vec<u8>) -> Vec<u8> {
    let mut buffer = std::mem::take(buffer);
    buffer.clear();
    match buffer.capacity() <= LEFT {
        true => buffer,
        false => Vec::new(),
    }
}

impl<'t> Write<'t> {
    /// Begins a write at the command's clock.
    pub fn begin(table: &'t mut Table, now: i64) -> Write<'t> {
        let highest_before = table.highest_id;
        let Scratch { record, key } = std::mem::take(&mut table.scratch);
        Write {
            table,
            now,
            undo: SmallVec::new(),
            effects: Effects::none(),
            suspects: Vec::new(),
            highest_before,
            record,
            key,
        }
    }

    /// The table as the write has left it so far.
    pub fn table(&self) -> &Table {
        self.table
    }

    /// Adds a record with these values, by position. Its id must not be in the table: see
    /// [`Write::make_way`].
    ///
    /// # Errors
    /// NOTNULL, BADVALUE for a text too long for its index, TOOMANY where the table is full.
    pub fn insert(&mut self, values: &[ValueRef<'_>]) -> Result<Row> {
        self.check(values)?;
        let row = self.table.records.next_row()?;
        self.encode(values);
        self.table.records.put(row, &self.record);
        self.effects.put(&self.record);
        self.created(row, values);
        Ok(row)
    }

    /// Puts bytes that are a record of these values into a free row.
    pub(super) fn insert_at(
        &mut self,
        row: Row,
        bytes: &[u8],
        values: &[ValueRef<'_>],
    ) -> Result<()> {
        self.check(values)?;
        self.table.records.put(row, bytes);
        self.effects.place(row, bytes);
        self.created(row, values);
        Ok(())
    }

    /// What follows once a new record lies in its row.
    fn created(&mut self, row: Row, values: &[ValueRef<'_>]) {
        self.undo.push(Undo::Insert(row));
        self.enter(row, values, None);
        self.follow(row, None);
        self.table
            .note_id(values.first().unwrap_or(&ValueRef::Null));
        self.effects.happened(Event::Create);
    }

    /// Gives a record other values; its id stays.
    ///
    /// # Errors
    /// NOTNULL, BADVALUE for a text too long for its index.
    pub fn replace(&mut self, row: Row, values: &[ValueRef<'_>]) -> Result<()> {
        let form = self.table.form();
        let bytes = self.table.records.get(row).map(Box::<[u8]>::from);
        let bytes = bytes.unwrap_or_default();
        let record = form.read(&bytes);
        let record = record.ok_or_else(|| Error::internal("a record to change does not read"))?;
        self.change(row, &bytes, &record.values(), values)
    }

    /// Gives a record other values in place of those it has, which are `before` and the bytes
    /// `old`; its id stays.
    ///
    /// # Errors
    /// As [`Write::replace`].
    pub fn change(
        &mut self,
        row: Row,
        old: &[u8],
        before: &[ValueRef<'_>],
        values: &[ValueRef<'_>],
    ) -> Result<()> {
        self.check(values)?;
        self.encode(values);
        self.table.records.put(row, &self.record);
        self.enter(row, values, Some(before));
        self.follow(row, Some(old));
        self.undo.push(Undo::Replace(row, old.into()));
        self.effects.put(&self.record);
        self.effects.happened(Event::Update);
        Ok(())
    }

    /// Removes a record.
    pub fn remove(&mut self, row: Row) {
        self.remove_as(row, Event::Delete);
    }

    /// Removes a record that has expired.
    pub fn remove_expired(&mut self, row: Row) {
        self.remove_as(row, Event::Expired);
    }

    /// Removes the record of an id where it has expired, so that another may have the id.
    /// Answers the row where the record has not expired.
    pub fn make_way(&mut self, id: &ValueRef<'_>) -> Option<Row> {
        let row = self.table.row(id)?;
        if self.table.is_expired(row, self.now) {
            self.remove_expired(row);
            return None;
        }
        Some(row)
    }

    /// Notes the highest id used, where no record that stays tells it.
    pub fn use_id(&mut self, id: i64) {
        if id > self.table.highest_id {
            self.table.highest_id = id;
            self.effects.highest(id);
        }
    }

    /// Ends the write: everything stays.
    ///
    /// # Errors
    /// DUPLICATE naming the index and the id in the way, where two records would have one key;
    /// then nothing stays.
    pub fn commit(mut self) -> Result<Effects> {
        self.judge()?;
        self.undo.clear();
        self.highest_before = self.table.highest_id;
        Ok(std::mem::take(&mut self.effects))
    }

    /// Whether the final state is unique. A record that has expired gives way.
    fn judge(&mut self) -> Result<()> {
        for (at, key) in std::mem::take(&mut self.suspects) {
            let range = KeyRange::prefix(&key);
            loop {
                let rows: SmallVec<[Row; 4]> = match self.table.indexes.get(at) {
                    Some(TableIndex {
                        index: Index::SortedSet(set),
                        ..
                    }) => set.walk(&range).take(3).collect(),
                    _ => SmallVec::new(),
                };
                if rows.len() < 2 {
                    break;
                }
                match rows
                    .iter()
                    .find(|row| self.table.is_expired(**row, self.now))
                {
                    Some(expired) => self.remove_expired(*expired),
                    None => return Err(self.duplicate(at, &rows)),
                }
            }
        }
        Ok(())
    }

    /// The error that names the index and the id in the way: that of the record this write
    /// did not touch, where there is one.
    fn duplicate(&self, at: usize, rows: &[Row]) -> Error {
        let touched = |row: &Row| {
            self.undo.iter().any(|undo| match undo {
                Undo::Insert(r) | Undo::Replace(r, _) | Undo::Remove(r, _) => r == row,
            })
        };
        let in_the_way = rows.iter().find(|row| !touched(row)).or(rows.first());
        let schema = &self.table.form.schema;
        let names = self
            .table
            .indexes
            .get(at)
            .map(|index| schema.index_names(&index.definition));
        let id = in_the_way
            .and_then(|row| self.table.record(*row))
            .map(|r| r.value(0));
        let id = id.unwrap_or(ValueRef::Null).text(&[]);
        Error::new(
            Code::Duplicate,
            format!(
                "the unique index on ({}) already has these values, in the record with id {}",
                names.unwrap_or_default().join(", "),
                quoted(&id)
            ),
        )
    }

    fn encode(&mut self, values: &[ValueRef<'_>]) {
        self.record.clear();
        encode_into(self.table.form.current(), values, &mut self.record);
    }

    /// What a record must be before any of it is written.
    fn check(&self, values: &[ValueRef<'_>]) -> Result<()> {
        let schema = &self.table.form.schema;
        for (field, value) in schema.fields.iter().zip(values) {
            if field.not_null && value.is_null() {
                return Err(Error::new(
                    Code::NotNull,
                    format!(
                        "field '{}' is NOT NULL: expected a value, found null",
                        field.name
                    ),
                ));
            }
        }
        let text = |value: &ValueRef<'_>| match value {
            ValueRef::String(text) => text.len(),
            ValueRef::Tags(tags) => tags.bytes().len(),
            _ => 0,
        };
        let size: usize = values.iter().map(text).sum();
        if size > MAX_RECORD {
            return Err(Error::bad_value(format!(
                "a record holds at most {MAX_RECORD} bytes of text, found {size}"
            )));
        }
        self.table.check_indexed_texts(values)
    }

    /// Adds the index entries of a new record; `old` are the entries it has already.
    fn enter(&mut self, row: Row, values: &[ValueRef<'_>], old: Option<&[ValueRef<'_>]>) {
        let expires_at = self.table.form.schema.expires_at();
        if old.is_none() {
            set_key(&mut self.key, values.first());
            self.table.ids.insert(&self.key, row);
        }
        let expiry = |values: &[ValueRef<'_>]| match values.get(expires_at) {
            Some(ValueRef::DateTime(at)) => Some(*at),
            _ => None,
        };
        let (before, after) = (old.and_then(expiry), expiry(values));
        if before != after {
            if let Some(at) = before {
                set_key(&mut self.key, Some(&ValueRef::DateTime(at)));
                self.table.expiry.remove(&self.key, row);
            }
            if let Some(at) = after {
                set_key(&mut self.key, Some(&ValueRef::DateTime(at)));
                self.table.expiry.insert(&self.key, row);
            }
        }
        for (at, index) in self.table.indexes.iter_mut().enumerate() {
            if index.enter_tags(row, old, values, &mut self.key) {
                continue;
            }
            if let Some(old) = old {
                let same = |p: &usize| match (old.get(*p), values.get(*p)) {
                    (Some(a), Some(b)) => a.order(b).is_eq(),
                    _ => false,
                };
                if index.positions.iter().all(same) {
                    continue;
                }
                self.key.clear();
                index.key_into(old, &mut self.key);
                index.index.remove(&self.key, row);
            }
            self.key.clear();
            index.key_into(values, &mut self.key);
            if let (true, Index::SortedSet(set)) = (index.definition.unique, &index.index) {
                if !index.has_null(values) && set.first(&self.key).is_some() {
                    self.suspects.push((at, self.key.clone()));
                }
            }
            index.index.insert(&self.key, row);
        }
    }

    fn remove_as(&mut self, row: Row, event: Event) {
        let Some(old) = self.table.records.get(row).map(Box::<[u8]>::from) else {
            return;
        };
        self.leave(row, &old);
        self.table.records.remove(row);
        self.follow(row, Some(&old));
        self.effects.remove(&self.key);
        self.effects.happened(event);
        self.undo.push(Undo::Remove(row, old));
    }

    /// Removes every index entry of a record and leaves the key of its id in `self.key`.
    fn leave(&mut self, row: Row, bytes: &[u8]) {
        let table = &mut *self.table;
        let Some(record) = table.form.read(bytes) else {
            return;
        };
        let values = record.values();
        for index in &mut table.indexes {
            index.leave(row, &values, &mut self.key);
        }
        if let Some(at @ ValueRef::DateTime(_)) = values.last() {
            set_key(&mut self.key, Some(at));
            table.expiry.remove(&self.key, row);
        }
        set_key(&mut self.key, values.first());
        table.ids.remove(&self.key, row);
    }

    /// A pass under way follows what has become of a row.
    #[inline]
    fn follow(&mut self, row: Row, old: Option<&[u8]>) {
        if let Some(pass) = &mut self.table.pass {
            pass.follow(row, old, self.table.records.get(row));
        }
    }

    /// Undoes one step.
    fn step_back(&mut self, step: Undo) {
        match step {
            Undo::Insert(row) => {
                let Some(bytes) = self.table.records.get(row).map(Box::<[u8]>::from) else {
                    return;
                };
                self.leave(row, &bytes);
                self.table.records.remove(row);
                self.follow(row, Some(&bytes));
            }
            Undo::Replace(row, old) => {
                let new = self.table.records.get(row).map(Box::<[u8]>::from);
                if let Some(new) = &new {
                    self.leave(row, new);
                }
                self.table.records.put(row, &old);
                self.reenter(row, &old);
                self.follow(row, new.as_deref());
            }
            Undo::Remove(row, old) => {
                self.table.records.put(row, &old);
                self.reenter(row, &old);
                self.follow(row, None);
            }
        }
    }

    fn reenter(&mut self, row: Row, bytes: &[u8]) {
        let form = self.table.form();
        if let Some(record) = form.read(bytes) {
            self.enter(row, &record.values(), None);
        }
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        while let Some(step) = self.undo.pop() {
            self.step_back(step);
        }
        self.table.highest_id = self.highest_before;
        self.table.scratch = Scratch {
            record: kept(&mut self.record),
            key: kept(&mut self.key),
        };
    }
}

fn set_key(key: &mut Vec<u8>, value: Option<&ValueRef<'_>>) {
    key.clear();
    value.unwrap_or(&ValueRef::Null).key_into(key);
}
