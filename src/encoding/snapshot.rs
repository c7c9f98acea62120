//! A whole table as chunks of bytes: what an RDB, DUMP and a rewritten AOF hold.
//!
//! ```text
//! chunk    tag (1 byte), body, CRC-32 of tag and body (4 bytes, little-endian)
//!
//! tag 1    State:   "YARR", version (1 byte), State in bincode           once, first
//! tag 2    Records: (rows passed over, length, bytes) again and again    any number, by row
//! tag 4    Tombstones: of the change feed, each as its distance to the one before     any number, in order
//! tag 3    End:     number of records (8 bytes, little-endian)           once, last
//! ```
//!
//! Numbers within Records are LEB128. Rows count up from 0 through all chunks. Indexes are not
//! written: they are built anew, sorted and in bulk, as the records come.

use crate::{
    error::{Error, Result},
    index::Index,
    schema::Field,
    table::{Effects, Form, Indexes, Row, Table, Values, push_number, split_number},
    value::{Kind, ValueRef},
};

/// The version of the format: the data type's encoding version too.
pub const VERSION: i32 = 1;

const STATE: u8 = 1;
const RECORDS: u8 = 2;
const END: u8 = 3;
const TOMBSTONES: u8 = 4;
/// A chunk takes on no further record past so many bytes.
const CHUNK: usize = 64 * 1024;

/// Writes a table, chunk by chunk.
pub fn save(table: &Table, sink: &mut dyn FnMut(&[u8])) {
    let mut chunk = vec![STATE];
    chunk.extend(table.state_bytes());
    seal(&mut chunk, sink);
    chunk.push(RECORDS);
    let mut next: Row = 0;
    // `for_each` runs through a chain of iterators much faster than `for` does.
    table.records().iter().for_each(|(row, record)| {
        push_number(u64::from(row - next), &mut chunk);
        push_number(record.len() as u64, &mut chunk);
        chunk.extend_from_slice(record);
        next = row + 1;
        if chunk.len() > CHUNK {
            seal(&mut chunk, sink);
            chunk.push(RECORDS);
        }
    });
    if chunk.len() > 1 {
        seal(&mut chunk, sink);
    }
    chunk.clear();
    if let Ok(feed) = table.feed() {
        feed.tombstones().chunks(&mut |body| {
            chunk.push(TOMBSTONES);
            chunk.extend_from_slice(body);
            seal(&mut chunk, sink);
        });
    }
    chunk.push(END);
    chunk.extend_from_slice(&table.len().to_le_bytes());
    seal(&mut chunk, sink);
}

/// Ends a chunk with its checksum, gives it away and empties it.
fn seal(chunk: &mut Vec<u8>, sink: &mut dyn FnMut(&[u8])) {
    let sum = crc32fast::hash(chunk);
    chunk.extend_from_slice(&sum.to_le_bytes());
    sink(chunk);
    chunk.clear();
}

/// The tag and the body of a chunk whose checksum is right.
fn open(chunk: &[u8]) -> Result<(u8, &[u8])> {
    let opened = chunk.split_last_chunk::<4>().and_then(|(bytes, sum)| {
        let (tag, body) = bytes.split_first()?;
        (crc32fast::hash(bytes) == u32::from_le_bytes(*sum)).then_some((*tag, body))
    });
    opened.ok_or_else(|| Error::corrupt("a chunk's checksum is wrong"))
}

/// Reads a table. `source` answers one chunk after the other.
///
/// # Errors
/// BADVALUE where a chunk is damaged, missing or out of place, or the records disagree with
/// the schema or with one another; what `source` answers.
pub fn load(source: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<Table> {
    let first = source()?;
    let (STATE, state) = open(&first)? else {
        return Err(Error::corrupt("the first chunk is not the state"));
    };
    let mut table = Table::from_state(state)?;
    let mut indexes = table.begin_indexes();
    let mut next: u64 = 0;
    loop {
        let chunk = source()?;
        match open(&chunk)? {
            (RECORDS, body) => load_records(&mut table, body, &mut next, &mut indexes)?,
            (TOMBSTONES, body) => table.place_tombstones(body)?,
            (END, count) if count == table.len().to_le_bytes() => break,
            (END, _) => return Err(Error::corrupt("records are missing")),
            _ => return Err(Error::corrupt("a chunk is out of place")),
        }
    }
    table.set_indexes(*indexes);
    validate_built(&table)?;
    Ok(table)
}

fn load_records(
    table: &mut Table,
    mut body: &[u8],
    next: &mut u64,
    indexes: &mut Indexes,
) -> Result<()> {
    let form = table.form();
    let (mut values, mut records) = (Values::new(), Vec::new());
    let fields = form.schema.fields.iter();
    let rules: Vec<Rule> = fields.map(Rule::of).collect();
    while !body.is_empty() {
        let (row, record, rest) = split_record(body, *next)
            .ok_or_else(|| Error::corrupt("a chunk ends within a record"))?;
        validate_record(table, &form, &rules, record, &mut values)?;
        table.gather(row, &values, indexes);
        records.push((row, record));
        *next = u64::from(row) + 1;
        body = rest;
    }
    table.place(&records);
    Ok(())
}

fn split_record(body: &[u8], next: u64) -> Option<(Row, &[u8], &[u8])> {
    let (passed, rest) = split_number(body)?;
    let row = Row::try_from(next.checked_add(passed)?).ok()?;
    let (len, rest) = split_number(rest)?;
    let (record, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    (row < Row::MAX).then_some((row, record, rest))
}

/// Finds the values of a record, which must read to its last byte and keep the schema's promises.
fn validate_record<'a>(
    table: &Table,
    form: &'a Form,
    rules: &[Rule],
    bytes: &'a [u8],
    values: &mut Values<'a>,
) -> Result<()> {
    let record = form.read(bytes);
    let record = record.ok_or_else(|| Error::corrupt("a record is cut"))?;
    record.validated_into(values)?;
    let mut values = values.iter().zip(rules).enumerate();
    values.try_for_each(|(position, (value, rule))| validate_value(table, position, *rule, value))
}

/// What the values of a field must be.
#[derive(Clone, Copy)]
struct Rule {
    kind: Kind,
    not_null: bool,
}

impl Rule {
    fn of(field: &Field) -> Rule {
        Rule {
            kind: field.kind.kind(),
            not_null: field.not_null,
        }
    }
}

/// A value must be one that its field and its indexes may have.
#[inline]
fn validate_value(table: &Table, position: usize, rule: Rule, value: &ValueRef<'_>) -> Result<()> {
    match value {
        ValueRef::Null if rule.not_null => Err(misfit(table, position)),
        value if !value.fits(rule.kind) => Err(misfit(table, position)),
        ValueRef::Integer(id) if position == 0 && *id > table.highest_id() => {
            Err(Error::corrupt("an id is above the highest used"))
        }
        ValueRef::Integer(..0) if Some(position) == table.schema().change_number() => {
            Err(Error::corrupt("a record has a number that no write has"))
        }
        ValueRef::String(_) => table.check_indexed_text(position, value),
        _ => Ok(()),
    }
}

#[cold]
fn misfit(table: &Table, position: usize) -> Error {
    match table.schema().field(position) {
        Ok(field) => Error::corrupt(format!(
            "field '{}' of a record has a value that it cannot have",
            field.name
        )),
        Err(error) => error,
    }
}

/// Ids and unique keys may not be there twice.
fn validate_built(table: &Table) -> Result<()> {
    if table.ids().has_key_twice() {
        return Err(Error::corrupt("an id is there twice"));
    }
    table.validate_numbers()?;
    for index in table.indexes() {
        if let (true, Index::SortedSet(_)) = (index.definition.unique, &index.index) {
            table
                .check_unique(index)
                .map_err(|_| Error::corrupt("a unique index has a key twice"))?;
        }
    }
    Ok(())
}

/// Writes a table as payloads of `YARR.APPLY`, which make it anew row by row.
pub fn rewrite(table: &Table, sink: &mut dyn FnMut(&[u8])) {
    let mut effects = Effects::none();
    effects.state(&table.state_bytes());
    for (row, record) in table.records().iter() {
        effects.place(row, record);
        effects.drain_full(sink);
    }
    if let Ok(feed) = table.feed() {
        feed.tombstones().chunks(&mut |chunk| {
            effects.tombstones(chunk);
            effects.drain_full(sink);
        });
    }
    effects.pieces().for_each(sink);
}
