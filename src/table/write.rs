//! One write: all of it or nothing.
//!
//! Each step changes the table at once and notes how to undo it. Uniqueness is judged at the
//! end, on the final state: until then an index may hold two records with one key, and the
//! keys where that happened are remembered. A write that is dropped without a commit, because
//! of an error or a panic, is undone in reverse; since the row of a new record follows from
//! the rows taken, the table is then what it was to the byte.

mod ahead;
mod enter;
mod moves;
mod numbers;
mod removal;
mod unique;

use std::ops::Range;

use smallvec::SmallVec;

use ahead::{Ahead, Set};
use moves::Moves;

use super::{Changed, Effects, Event, Record, Row, Table, encode_into, feed::Before};
use crate::{
    error::{Code, Error, Result},
    index::{Entries, Spot},
    schema::Field,
    value::ValueRef,
};

/// The most bytes of text in one record: what holds it must pass through a server's protocol,
/// which takes 512 MB.
pub const MAX_RECORD: usize = 256 << 20;

/// So many bytes are left to the next write at most, four times.
const LEFT: usize = 2048;

/// Where in [`Scratch::old`] the bytes of a record lie that was.
type Old = Range<usize>;

/// How to undo one step.
enum Undo {
    Insert(Row),
    Replace(Row, Old),
    Remove(Row, Old),
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
    /// The change feed as it was.
    feed_before: Option<Box<Before>>,
}

/// What a write works in. It stays in the table, for the room that one write leaves to the next, and
/// holds nothing between them.
#[derive(Default)]
pub(super) struct Scratch {
    /// The bytes of the record that is written.
    record: Vec<u8>,
    /// The key that is entered or taken out.
    key: Vec<u8>,
    /// The records that were, one after the other.
    old: Vec<u8>,
    /// What records that are added together have in one index.
    entries: Entries,
    /// What will soon be looked for.
    ahead: Ahead,
}

impl Scratch {
    /// Bytes of memory held.
    pub(super) fn bytes(&self) -> usize {
        let buffers = [&self.record, &self.key, &self.old].map(Vec::capacity);
        let spots = self.ahead.spots.capacity() * size_of::<(Set, Spot)>();
        buffers.iter().sum::<usize>() + self.entries.held() + spots
    }

    fn empty(&mut self) {
        empty(&mut self.record);
        empty(&mut self.key);
        empty(&mut self.old);
        self.entries.clear();
        if self.entries.held() > LEFT {
            self.entries = Entries::default();
        }
        self.ahead.forget();
        empty(&mut self.ahead.spots);
    }
}

/// Empties a buffer, and frees what is large.
fn empty<T>(buffer: &mut Vec<T>) {
    buffer.clear();
    if buffer.capacity() * size_of::<T>() > LEFT {
        *buffer = Vec::new();
    }
}

impl<'t> Write<'t> {
    /// Begins a write at the command's clock.
    pub fn begin(table: &'t mut Table, now: i64) -> Write<'t> {
        let highest_before = table.highest_id;
        let feed_before = table.feed.as_ref().map(|feed| Box::new(feed.before()));
        Write {
            table,
            now,
            undo: SmallVec::new(),
            effects: Effects::none(),
            suspects: Vec::new(),
            highest_before,
            feed_before,
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
        match self.feed_before {
            None => self.insert_numbered(values),
            Some(_) => self.insert_with_number(values),
        }
    }

    /// [`Write::insert`] of a record that has its number.
    fn insert_numbered(&mut self, values: &[ValueRef<'_>]) -> Result<Row> {
        let row = self.put_new(values)?;
        self.enter(row, values);
        Ok(row)
    }

    /// Adds records with these values, so many each, one record's after the other's: in a table without a
    /// change feed and with at most one unique index. `make_id` makes the id of each before it is added.
    ///
    /// # Errors
    /// As [`Write::insert`]; and what `make_id` says.
    pub fn insert_all<'v>(
        &mut self,
        values: &mut [ValueRef<'v>],
        width: usize,
        make_id: impl Fn(&Table, &mut [ValueRef<'v>]) -> Result<()>,
    ) -> Result<SmallVec<[Row; 16]>> {
        self.look_ahead_all(values, width);
        let mut rows = SmallVec::new();
        let placed = values.chunks_exact_mut(width).try_for_each(|values| {
            make_id(self.table, values)?;
            rows.push(self.put_new(values)?);
            Ok(())
        });
        self.enter_all(&rows, values, width);
        placed.map(|()| rows)
    }

    /// Puts a new record in the row that is next. It is yet to be entered into the indexes.
    fn put_new(&mut self, values: &[ValueRef<'_>]) -> Result<Row> {
        self.check(values)?;
        let row = self.table.records.next_row()?;
        self.encode(values);
        self.table.records.push(row, &self.table.scratch.record);
        self.effects.put(&self.table.scratch.record);
        self.created(row, values);
        self.fetch();
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
        if let Some(feed) = &self.table.feed {
            feed.check_placed(numbers::number_in(&self.table.form.schema, values))?;
        }
        self.table.records.push(row, bytes);
        self.effects.place(row, bytes);
        self.created(row, values);
        self.enter(row, values);
        Ok(())
    }

    /// What follows once a new record lies in its row.
    fn created(&mut self, row: Row, values: &[ValueRef<'_>]) {
        self.undo.push(Undo::Insert(row));
        self.follow(row, None);
        self.table
            .note_id(values.first().unwrap_or(&ValueRef::Null));
        self.effects.happened(Event::Create);
    }

    /// Gives a record other values; its id stays.
    ///
    /// # Errors
    /// As [`Write::change`].
    pub fn replace(&mut self, row: Row, values: &[ValueRef<'_>]) -> Result<()> {
        let numbered = self.numbered(values);
        let values = numbered.as_deref().unwrap_or(values);
        let mut bytes = Vec::new();
        encode_into(self.table.form.current(), values, &mut bytes);
        self.replace_by(row, &bytes, values)
    }

    /// Puts bytes that are a record of these values in place of a record of the same id.
    pub(super) fn replace_by(
        &mut self,
        row: Row,
        bytes: &[u8],
        values: &[ValueRef<'_>],
    ) -> Result<()> {
        let form = self.table.form();
        let old = self.table.records.get(row).map(Box::<[u8]>::from);
        let old = old.unwrap_or_default();
        let record = form.read(&old);
        let record = record.ok_or_else(|| Error::internal("a record to change does not read"))?;
        let before = record.values();
        let places = before.iter().zip(values).enumerate().skip(1);
        let fields: Vec<Changed> = places
            .filter(|(_, (before, after))| before.order(after).is_ne())
            .map(|(position, (_, after))| (position, *after))
            .collect();
        self.check_fields(&record, &fields)?;
        self.table.scratch.record.clear();
        self.table.scratch.record.extend_from_slice(bytes);
        let moves = self.moves(row, &record, &fields);
        self.changed(row, &record, &old, &fields, &moves);
        Ok(())
    }

    /// Gives some fields of a record other values; its id is not among them. `old` are the bytes
    /// of the record. The fields are put in the order of their positions.
    ///
    /// # Errors
    /// NOTNULL, BADVALUE for a text too long for its index or for a record.
    pub fn change(
        &mut self,
        row: Row,
        record: &Record<'_>,
        old: &[u8],
        fields: &mut [Changed<'_>],
    ) -> Result<()> {
        match self.feed_before {
            None => self.change_numbered(row, record, old, fields),
            Some(_) => self.change_with_number(row, record, old, fields),
        }
    }

    #[inline]
    fn change_numbered(
        &mut self,
        row: Row,
        record: &Record<'_>,
        old: &[u8],
        fields: &mut [Changed<'_>],
    ) -> Result<()> {
        self.check_fields(record, fields)?;
        fields.sort_unstable_by_key(|(position, _)| *position);
        let mut moves = self.moves(row, record, fields);
        self.look_ahead_of(&mut moves);
        self.table.scratch.record.clear();
        record.rewrite_into(
            self.table.form.current(),
            fields,
            &mut self.table.scratch.record,
        );
        self.changed(row, record, old, fields, &moves);
        Ok(())
    }

    /// Puts what lies ready in place of a record, with all that follows.
    #[inline]
    fn changed(
        &mut self,
        row: Row,
        record: &Record<'_>,
        old: &[u8],
        fields: &[Changed<'_>],
        moves: &Moves,
    ) {
        self.table.records.put(row, &self.table.scratch.record);
        self.fetch_ahead_of(moves);
        // What needs no leaf is done while the leaves are under way.
        self.effects.put(&self.table.scratch.record);
        self.effects.happened(Event::Update);
        let old = self.keep(old);
        self.follow(row, Some(old.clone()));
        self.undo.push(Undo::Replace(row, old));
        self.move_entries(row, record, fields, moves);
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

    /// Has others told of this write by the very command that asks for it, where neither a clock nor the change
    /// feed can have a part in what is done. The command's words must leave nothing open either.
    pub fn tell_as_asked(&mut self) {
        if self.feed_before.is_none() && !self.table.has_expiry() {
            self.effects.tell_as_asked();
        }
    }

    /// Ends the write: everything stays.
    ///
    /// # Errors
    /// DUPLICATE naming the index and the id in the way, where two records would have one key;
    /// then nothing stays.
    #[inline]
    pub fn commit(mut self) -> Result<Effects> {
        self.conclude()
    }

    /// [`Write::commit`] of a write where it is: it is not small.
    fn conclude(&mut self) -> Result<Effects> {
        self.judge()?;
        if let (Some(feed), Some(_)) = (&self.table.feed, &self.feed_before) {
            feed.check_numbers()?;
        }
        self.undo.clear();
        self.feed_before = None;
        self.highest_before = self.table.highest_id;
        Ok(std::mem::take(&mut self.effects))
    }

    fn encode(&mut self, values: &[ValueRef<'_>]) {
        self.table.scratch.record.clear();
        encode_into(
            self.table.form.current(),
            values,
            &mut self.table.scratch.record,
        );
    }

    /// What a record must be before any of it is written.
    fn check(&self, values: &[ValueRef<'_>]) -> Result<()> {
        let mut size = 0;
        let form = &self.table.form;
        for position in &form.checked {
            match values.get(*position) {
                Some(value @ ValueRef::Null) => check_null(form.schema.field(*position)?, value)?,
                Some(value @ (ValueRef::String(_) | ValueRef::Tags(_))) => {
                    size += text_len(value);
                    self.table.check_indexed_text(*position, value)?;
                }
                _ => {}
            }
        }
        check_size(size)
    }

    /// What some fields of a record must be before they are written.
    fn check_fields(&self, record: &Record<'_>, fields: &[Changed<'_>]) -> Result<()> {
        let mut size = 0;
        for (position, value) in fields {
            check_null(self.table.form.schema.field(*position)?, value)?;
            if let ValueRef::String(_) | ValueRef::Tags(_) = value {
                size += text_len(value);
                self.table.check_indexed_text(*position, value)?;
            }
        }
        if size + record.len() > MAX_RECORD {
            let values = record.values();
            let stay = |(position, _): &(usize, _)| fields.iter().all(|(at, _)| at != position);
            let stays = values.iter().enumerate().filter(stay);
            check_size(size + stays.map(|(_, value)| text_len(value)).sum::<usize>())?;
        }
        Ok(())
    }

    /// Keeps the bytes of a record that is about to be another or none.
    fn keep(&mut self, bytes: &[u8]) -> Old {
        let start = self.table.scratch.old.len();
        self.table.scratch.old.extend_from_slice(bytes);
        start..self.table.scratch.old.len()
    }

    /// [`Write::keep`] of what is in a row, if anything is.
    fn keep_row(&mut self, row: Row) -> Option<Old> {
        let start = self.table.scratch.old.len();
        self.table
            .scratch
            .old
            .extend_from_slice(self.table.records.get(row)?);
        Some(start..self.table.scratch.old.len())
    }

    /// Tells a pass that is under way what a row held, if anything, and holds now.
    #[inline]
    fn follow(&mut self, row: Row, old: Option<Old>) {
        let table = &mut *self.table;
        if let Some(pass) = &mut table.pass {
            let old = old.and_then(|old| table.scratch.old.get(old));
            pass.follow(row, old, table.records.get(row));
        }
    }

    /// Undoes one step.
    fn step_back(&mut self, step: Undo) {
        let (Undo::Insert(row) | Undo::Replace(row, _) | Undo::Remove(row, _)) = step;
        let new = self.keep_row(row);
        if let Some(new) = &new {
            self.leave(row, new.clone());
        }
        match step {
            Undo::Insert(_) => self.table.records.remove(row),
            Undo::Replace(_, old) | Undo::Remove(_, old) => {
                let old: Box<[u8]> = self.table.scratch.old.get(old).unwrap_or_default().into();
                self.table.records.put(row, &old);
                self.reenter(row, &old);
            }
        }
        self.follow(row, new);
    }

    fn reenter(&mut self, row: Row, bytes: &[u8]) {
        let form = self.table.form();
        if let Some(record) = form.read(bytes) {
            self.enter(row, &record.values());
        }
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        while let Some(step) = self.undo.pop() {
            self.step_back(step);
        }
        self.table.highest_id = self.highest_before;
        if let Some(before) = self.feed_before.take() {
            if let Some(feed) = &mut self.table.feed {
                feed.go_back(*before);
            }
        }
        self.table.scratch.empty();
    }
}

/// Bytes of text in a value.
fn text_len(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::String(text) => text.len(),
        ValueRef::Tags(tags) => tags.bytes().len(),
        _ => 0,
    }
}

#[inline]
fn check_null(field: &Field, value: &ValueRef<'_>) -> Result<()> {
    match field.not_null && value.is_null() {
        false => Ok(()),
        true => Err(Error::new(
            Code::NotNull,
            format!(
                "field '{}' is NOT NULL: expected a value, found null",
                field.name
            ),
        )),
    }
}

fn check_size(text: usize) -> Result<()> {
    match text <= MAX_RECORD {
        true => Ok(()),
        false => Err(Error::bad_value(format!(
            "a record holds at most {MAX_RECORD} bytes of text, found {text}"
        ))),
    }
}

fn set_key(key: &mut Vec<u8>, value: Option<&ValueRef<'_>>) {
    key.clear();
    value.unwrap_or(&ValueRef::Null).key_into(key);
}
