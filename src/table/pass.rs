//! The pass of a migration over the records: what must be looked at in each of them, and built of
//! all of them, before the schema may change.
//!
//! It goes row by row, as many at a time as there is time for. What is written meanwhile to a row
//! that it has left behind is followed here; a row ahead of it is met when it comes. Nothing of it
//! is seen before it ends. It reads each record through the schema that is coming.
//!
//! What stands in the way is not judged here, for a write that is undone, or another one, may
//! take it away again, and what has expired is not in the way: objections are gathered, and
//! whoever decides looks at each again.

use std::{ops::ControlFlow, sync::Arc};

use super::{Form, Indexes, MAX_INDEXED_TEXT, Record, Records, Row, TableIndex, build::Built};
use crate::{
    error::{Code, Error, quoted},
    index::{Index, KeyRange, SortedSet},
    schema::Schema,
    value::{Kind, ValueRef},
};

/// Of more objections the rest is not kept: the pass must begin anew. Only where nobody judges
/// them for long do they come to so many.
const MOST_OBJECTIONS: usize = 1 << 14;
/// Where they are judged, the pass rests at so many: what is in the way is cleared away in pieces.
const SOME_OBJECTIONS: usize = 16;

/// What may stand in the way of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// A record.
    Row(Row),
    /// Records with the same key in the unique index of this place among those that are built.
    Key(usize, Vec<u8>),
}

/// When a pass is done whose end another server decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// At the latest when this server is told of the end.
    Told,
    /// It may go on between commands after that.
    Later,
    /// It does: the schema that was coming is in force, and only indexes are still missing.
    Late,
}

/// A pass under way.
pub struct Pass {
    /// Reads records through the schema that is coming.
    form: Arc<Form>,
    /// Reads them through the schema of now.
    before: Arc<Form>,
    /// The fields whose type changes, by their positions in the schema that is coming and in that of now.
    converted: Vec<(usize, usize)>,
    /// The indexes that are coming.
    pub(super) built: Vec<TableIndex>,
    /// Every record that expires, where that changes for all of them at once.
    pub(super) expiry: Option<SortedSet>,
    /// The fields that become NOT NULL.
    not_null: Vec<usize>,
    /// The fields of text that an index is coming over.
    texts: Vec<usize>,
    /// Rows below this one are behind.
    next: Row,
    /// How many records have been met.
    met: u64,
    objections: Vec<Objection>,
    /// Whether there were more objections than are kept.
    overflow: bool,
    pub(super) ending: Ending,
    key: Vec<u8>,
}

impl Pass {
    /// The pass that a change from the schema of `form` to another asks for. `there` are the
    /// indexes there are.
    pub fn new(form: &Arc<Form>, there: &[&TableIndex], schema: Schema) -> Pass {
        let before = &form.schema;
        let same_expiry =
            number_at(before, before.expires_at()) == number_at(&schema, schema.expires_at());
        let coming = Arc::new(form.under(schema));
        let schema = &coming.schema;
        let is_there = |number| there.iter().any(|index| index.definition.number == number);
        let missing = schema
            .indexes
            .iter()
            .filter(|definition| !is_there(definition.number));
        let built: Vec<TableIndex> = missing
            .map(|definition| TableIndex::new(definition.clone(), schema))
            .collect();
        let newly = |position: &usize| {
            schema.fields.get(*position).is_some_and(|field| {
                let was = before.fields.iter().find(|f| f.number == field.number);
                let filled = match was {
                    Some(was) => was.not_null,
                    // A field that comes has its default in every record.
                    None => {
                        !field.initial.as_ref().is_null()
                            && schema.origin_of(field.number).is_none()
                    }
                };
                field.not_null && !filled
            })
        };
        let is_text = |position: &usize| {
            let field = schema.fields.get(*position);
            field.is_some_and(|field| field.kind.kind() == Kind::String)
        };
        let mut texts: Vec<usize> = built
            .iter()
            .flat_map(|index| index.positions.iter().copied())
            .filter(is_text)
            .collect();
        texts.sort_unstable();
        texts.dedup();
        let converted = schema
            .fields
            .iter()
            .enumerate()
            .filter_map(|(position, field)| {
                // The type may change more than once in one migration.
                let mut number = field.number;
                while before.position_of(number).is_none() {
                    number = schema.origin_of(number)?.former;
                }
                let former = before.position_of(number)?;
                (number != field.number).then_some((position, former))
            });
        Pass {
            converted: converted.collect(),
            before: Arc::clone(form),
            not_null: (0..schema.fields.len()).filter(newly).collect(),
            texts,
            built,
            expiry: (!same_expiry).then(SortedSet::new),
            form: coming,
            next: 0,
            met: 0,
            objections: Vec::new(),
            overflow: false,
            ending: Ending::Told,
            key: Vec::new(),
        }
    }

    /// Whether there is anything to look at or to build.
    pub fn is_needed(&self) -> bool {
        let looks = !(self.not_null.is_empty() && self.converted.is_empty());
        looks || !self.built.is_empty() || self.expiry.is_some()
    }

    /// What records mean once the pass has ended.
    pub fn form(&self) -> &Arc<Form> {
        &self.form
    }

    /// Whether what is left of it, once it is known to end well, is to build indexes, and may be done
    /// between commands. When records expire must be known at once.
    pub fn may_be_late(&self, records: &Records) -> bool {
        let left = records.iter_from(self.next).next().is_some();
        self.ending == Ending::Later && left && self.expiry.is_none()
    }

    /// How many records have been met.
    pub fn met(&self) -> u64 {
        self.met
    }

    /// Meets up to `most` records more, fewer where objections are `judged` and there are some;
    /// true where none is left.
    pub fn advance(&mut self, records: &Records, most: usize, judged: bool) -> bool {
        let form = Arc::clone(&self.form);
        let mut rows = records.iter_from(self.next);
        // `try_for_each` runs through a chain of iterators much faster than `for` does.
        let _ = rows.by_ref().take(most).try_for_each(|(row, bytes)| {
            if let Some(record) = form.read(bytes) {
                self.enter(row, bytes, &record);
            }
            self.met += 1;
            self.next = row + 1;
            match judged && self.objections.len() >= SOME_OBJECTIONS {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        match rows.next() {
            Some(_) => false,
            None => {
                self.next = records.end();
                true
            }
        }
    }

    /// Meets every record at once, which is much faster than one by one, and keeps all objections.
    pub fn whole(&mut self, records: &Records) {
        let form = Arc::clone(&self.form);
        let looks =
            !(self.not_null.is_empty() && self.texts.is_empty() && self.converted.is_empty());
        let expires_at = self.expiry.as_ref().map(|_| form.schema.expires_at());
        let mut indexes = Indexes::new(false, expires_at, &self.built);
        // `for_each` runs through a chain of iterators much faster than `for` does.
        records.iter().for_each(|(row, bytes)| {
            let record = form.read(bytes);
            if looks && record.is_none_or(|record| !self.takes(bytes, &record)) {
                self.objections.push(Objection::Row(row));
            }
            if let Some(record) = record {
                let values = record.some(indexes.positions());
                indexes.add(&self.built, row, &values);
            }
        });
        let Built { expiry, others, .. } = indexes.finish();
        for (index, built) in self.built.iter_mut().zip(others) {
            index.index = built;
        }
        self.expiry = expiry;
        self.find_duplicates(records);
        self.next = records.end();
        self.met = records.len();
    }

    /// Objects to each key that a unique index has twice, nulls apart.
    fn find_duplicates(&mut self, records: &Records) {
        let mut found: Vec<Objection> = Vec::new();
        for (at, index) in self.built.iter().enumerate() {
            let (true, Index::SortedSet(set)) = (index.definition.unique, &index.index) else {
                continue;
            };
            let mut walk = set.walk(&KeyRange::all());
            let (mut key, mut objected) = (Vec::new(), false);
            while let Some(row) = walk.next() {
                if !walk.same_key_as_last() {
                    objected = false;
                    continue;
                }
                if std::mem::replace(&mut objected, true) {
                    continue;
                }
                let record = records.get(row).and_then(|bytes| self.form.read(bytes));
                if record.is_some_and(|record| !index.has_null(&record.values())) {
                    key.clear();
                    walk.key_into(&mut key);
                    found.push(Objection::Key(at, key.clone()));
                }
            }
        }
        self.objections.append(&mut found);
    }

    /// A row has other bytes, or none, or had none: what is built follows where it is behind.
    pub(super) fn follow(&mut self, row: Row, old: Option<&[u8]>, new: Option<&[u8]>) {
        if row >= self.next {
            return;
        }
        let form = Arc::clone(&self.form);
        if let Some(record) = old.and_then(|bytes| form.read(bytes)) {
            self.leave(row, &record);
        }
        if let Some((bytes, record)) = new.and_then(|bytes| Some((bytes, form.read(bytes)?))) {
            self.enter(row, bytes, &record);
        }
    }

    fn enter(&mut self, row: Row, bytes: &[u8], record: &Record<'_>) {
        if !self.takes(bytes, record) {
            return self.object(Objection::Row(row));
        }
        let mut key = std::mem::take(&mut self.key);
        let mut twice = Vec::new();
        for (at, index) in self.built.iter_mut().enumerate() {
            if let (true, Index::SortedSet(set)) = (index.definition.unique, &index.index) {
                key.clear();
                index.record_key_into(record, &mut key);
                if set.first(&key).is_some() && !index.has_null(&record.values()) {
                    twice.push(Objection::Key(at, key.clone()));
                }
            }
            index.record_enter(row, record, &mut key);
        }
        if let Some(expiry) = &mut self.expiry {
            let at = record.value(self.form.schema.expires_at());
            if !at.is_null() {
                key.clear();
                at.key_into(&mut key);
                expiry.insert(&key, row);
            }
        }
        self.key = key;
        twice
            .into_iter()
            .for_each(|objection| self.object(objection));
    }

    /// A record that was objected to has no entries, and taking them out does nothing.
    fn leave(&mut self, row: Row, record: &Record<'_>) {
        let mut key = std::mem::take(&mut self.key);
        for index in &mut self.built {
            index.record_leave(row, record, &mut key);
        }
        if let Some(expiry) = &mut self.expiry {
            key.clear();
            record
                .value(self.form.schema.expires_at())
                .key_into(&mut key);
            expiry.remove(&key, row);
        }
        self.key = key;
    }

    fn object(&mut self, objection: Objection) {
        match self.objections.len() < MOST_OBJECTIONS {
            true => self.objections.push(objection),
            false => self.overflow = true,
        }
    }

    /// The objections since the last time. `None` where they were too many to keep.
    pub fn take_objections(&mut self) -> Option<Vec<Objection>> {
        (!self.overflow).then(|| std::mem::take(&mut self.objections))
    }

    /// The objections that are kept, if there were more or not.
    pub fn take_some_objections(&mut self) -> Vec<Objection> {
        std::mem::take(&mut self.objections)
    }

    /// Whether there were more objections than are kept.
    pub fn overflowed(&self) -> bool {
        self.overflow
    }

    /// Begins anew.
    pub fn restart(&mut self) {
        for index in &mut self.built {
            index.clear();
        }
        if let Some(expiry) = &mut self.expiry {
            *expiry = SortedSet::new();
        }
        (self.next, self.met, self.overflow) = (0, 0, false);
        self.objections.clear();
    }

    /// The rows that a key of a unique index has.
    pub fn rows_of(&self, place: usize, key: &[u8]) -> impl Iterator<Item = Row> {
        let walk = match self.built.get(place).map(|index| &index.index) {
            Some(Index::SortedSet(set)) => Some(set.walk(&KeyRange::prefix(key))),
            _ => None,
        };
        walk.into_iter().flatten()
    }

    /// The names of the fields of an index that is built.
    pub fn names_of(&self, place: usize) -> String {
        let index = self.built.get(place);
        index.map_or(String::new(), |index| {
            self.form.schema.index_names(&index.definition).join(", ")
        })
    }

    /// Bytes of memory of what is built.
    pub fn bytes(&self) -> usize {
        let built: usize = self.built.iter().map(|index| index.index.bytes()).sum();
        built + self.expiry.as_ref().map_or(0, SortedSet::bytes)
    }

    /// Whether what is built holds the rows that are behind, and nothing else.
    ///
    /// # Errors
    /// What disagrees, for a test to print.
    pub fn check(&self, records: &Records) -> Result<(), String> {
        let (mut key, mut counts) = (Vec::new(), vec![0u64; self.built.len()]);
        for (row, bytes) in records.iter().filter(|(row, _)| *row < self.next) {
            let record = self.form.read(bytes).ok_or("a record does not read")?;
            if !self.takes(bytes, &record) {
                continue;
            }
            for (index, count) in self.built.iter().zip(&mut counts) {
                let mut missing = false;
                index.record_keys(&record, &mut key, |key| {
                    *count += 1;
                    missing |= !index.index.contains(key, row);
                });
                if missing {
                    return Err(format!(
                        "row {row}: missing in the coming {:?}",
                        index.definition
                    ));
                }
            }
        }
        for (index, count) in self.built.iter().zip(counts) {
            index.index.check()?;
            if index.index.len() != count {
                return Err(format!(
                    "the coming {:?} holds more than the records",
                    index.definition
                ));
            }
        }
        Ok(())
    }

    /// Whether nothing stands in a record's way.
    fn takes(&self, bytes: &[u8], record: &Record<'_>) -> bool {
        self.refusal(bytes, record).is_none()
    }

    /// What stands in a record's way.
    fn refusal(&self, bytes: &[u8], record: &Record<'_>) -> Option<Refusal> {
        if !self.converted.is_empty() {
            // What does not convert reads as null.
            let before = self.before.read(bytes)?;
            let lost = self.converted.iter().find(|(position, former)| {
                record.value(*position).is_null() && !before.value(*former).is_null()
            });
            if let Some((position, former)) = lost {
                return Some(Refusal::Lost(*position, *former));
            }
        }
        let null = self.not_null.iter().find(|at| record.value(**at).is_null());
        if let Some(position) = null {
            return Some(Refusal::Null(*position));
        }
        self.texts.iter().find_map(|at| match record.value(*at) {
            ValueRef::String(text) if text.len() > MAX_INDEXED_TEXT => {
                Some(Refusal::Long(*at, text.len()))
            }
            _ => None,
        })
    }

    /// What stands in the way of a record's bytes, as an error.
    pub fn refuse(&self, bytes: &[u8]) -> Option<Error> {
        let record = self.form.read(bytes)?;
        let refusal = self.refusal(bytes, &record)?;
        let id = quoted(&record.value(0).text(&[]));
        let name = |position: usize| {
            self.form
                .schema
                .fields
                .get(position)
                .map_or("", |f| &*f.name)
        };
        Some(match refusal {
            Refusal::Null(position) => Error::new(
                Code::NotNull,
                format!(
                    "field '{}' cannot be NOT NULL: the record with id {id} has a null there",
                    name(position)
                ),
            ),
            Refusal::Lost(position, former) => {
                let kind = self
                    .form
                    .schema
                    .fields
                    .get(position)
                    .map_or("", |f| f.kind.word());
                let was = self.before.schema.fields.get(former);
                let value = self.before.read(bytes)?.value(former);
                Error::bad_value(format!(
                    "field '{}' cannot be {kind}: {} in the record with id {id} would not be the same value",
                    name(position),
                    quoted(&value.text(was.map_or(&[], |field| field.kind.names())))
                ))
            }
            Refusal::Long(position, length) => Error::bad_value(format!(
                "field '{}' cannot be in an index: expected at most {MAX_INDEXED_TEXT} bytes, found {length} in the record with id {id}",
                name(position)
            )),
        })
    }
}

/// Why a record cannot be taken.
enum Refusal {
    /// A null in this field.
    Null(usize),
    /// A value that does not convert: in this field, which was at this position.
    Lost(usize, usize),
    /// A text in this field, of this length.
    Long(usize, usize),
}

fn number_at(schema: &Schema, position: usize) -> Option<u32> {
    schema.fields.get(position).map(|field| field.number)
}
