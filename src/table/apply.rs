//! Effects carried out again: on a replica, from an AOF, or from a snapshot's pieces.
//!
//! The bytes are read whole and checked before any of them takes effect.

use super::{
    Effects, Form, Outcome, Row, Table, Values, Write,
    effects::{
        ACKNOWLEDGE, BEGIN, BURY, DROP, END, EPOCH, HIGHEST, MAKE, MIGRATE, PLACE, PUT, REACH,
        REMOVE, STATE, TOMBSTONES, VERSION,
    },
    feed::Acknowledgement,
    running::{End, Running},
    split_number,
    state::from_bytes,
    tombstones::{Tombstone, Walk as TombstoneWalk},
};
use crate::{
    error::{Error, Result},
    value::ValueRef,
};

/// One effect, as it stands in a piece.
enum Effect<'a> {
    Put(&'a [u8]),
    Remove(&'a [u8]),
    Make(u64),
    Highest(i64),
    Migrate(Outcome),
    Begin(Running),
    End(End),
    Reach(&'a [u8]),
    State(&'a [u8]),
    Place(Row, &'a [u8]),
    Epoch(u64),
    Bury(Tombstone<'a>),
    Drop(u64),
    Acknowledge(Acknowledgement),
    Tombstones(&'a [u8]),
}

impl Effect<'_> {
    /// Whether nothing else is in its piece, once there is a table.
    fn stands_alone(&self) -> bool {
        matches!(
            self,
            Effect::Migrate(_)
                | Effect::Begin(_)
                | Effect::End(_)
                | Effect::Acknowledge(_)
                | Effect::Drop(_)
        )
    }
}

/// Carries out one piece on a table, which a piece may also bring into being. Answers the
/// effects, which are the piece itself: a replica's own AOF takes it on.
///
/// # Errors
/// BADVALUE where the bytes are damaged, of a later version, or do not belong to this table.
pub fn apply(table: &mut Option<Box<Table>>, piece: &[u8]) -> Result<Effects> {
    let effects = decode(piece)?;
    if table.is_some() && effects.len() > 1 && effects.iter().any(Effect::stands_alone) {
        // Each piece takes effect whole: what cannot be undone and records are never in one.
        return Err(Error::corrupt(
            "a migration or an acknowledgement does not stand alone",
        ));
    }
    let makes = table.is_none();
    let done = carry_out(table, effects);
    if makes && done.is_err() {
        // What the piece began is no table.
        *table = None;
    }
    Ok(done?.told_as(piece))
}

/// Carries out effects in their order, what concerns records last.
fn carry_out(table: &mut Option<Box<Table>>, effects: Vec<Effect<'_>>) -> Result<Effects> {
    let mut done = Effects::none();
    let mut records = Vec::new();
    for effect in effects {
        match effect {
            Effect::Make(identity) if table.is_none() => {
                *table = Some(Box::new(Table::new(identity)));
                done.make(identity);
            }
            Effect::State(state) if table.is_none() => {
                *table = Some(Box::new(Table::from_state(state)?));
                done.state(state);
            }
            Effect::Make(_) | Effect::State(_) => {
                return Err(Error::corrupt(
                    "it would make a table that is there already",
                ));
            }
            Effect::Migrate(outcome) => {
                let took = outcome.line.took;
                let effects = existing(table)?.migrate(outcome.line, true, i64::MIN, || took)?;
                done = done.and(effects);
            }
            Effect::Begin(running) => {
                done = done.and(existing(table)?.begin(running.line)?);
            }
            Effect::Reach(key) => done = done.and(existing(table)?.reach(key)?),
            Effect::End(end) => done = done.and(existing(table)?.end(end)?),
            Effect::Acknowledge(said) => {
                done = done.and(existing(table)?.take_acknowledgement(said)?);
            }
            Effect::Drop(number) => {
                existing(table)?.feed_mut()?.drop_through(number);
                done.drop_through(number);
            }
            effect => records.push(effect),
        }
    }
    if !records.is_empty() {
        done = done.and(apply_records(existing(table)?, &records)?);
    }
    Ok(done)
}

fn existing(table: &mut Option<Box<Table>>) -> Result<&mut Table> {
    table
        .as_deref_mut()
        .ok_or_else(|| Error::corrupt("it is for a table that does not exist"))
}

/// Carries out what concerns records, all of it or nothing. No clock is asked: what had expired
/// on the server that decided is removed by an effect of its own.
fn apply_records(table: &mut Table, effects: &[Effect<'_>]) -> Result<Effects> {
    let mut write = Write::begin_told(table);
    for effect in effects {
        match effect {
            Effect::Put(record) => put(&mut write, record)?,
            Effect::Place(row, record) => write.place(*row, record)?,
            Effect::Highest(id) => write.use_id(*id),
            Effect::Remove(id_key) => {
                if write.table().schema().changes {
                    return Err(Error::corrupt("a removal has no number"));
                }
                let row = row_of(&write, id_key)?;
                write.remove(row);
            }
            Effect::Bury(tombstone) => bury(&mut write, tombstone)?,
            Effect::Epoch(name) => write.enter_epoch(*name),
            Effect::Tombstones(chunk) => write.place_tombstones(chunk)?,
            _ => {}
        }
    }
    write.commit_told()
}

fn row_of(write: &Write<'_>, id_key: &[u8]) -> Result<Row> {
    let row = write.table().ids().first(id_key);
    row.ok_or_else(|| Error::corrupt("it removes a record that is not there"))
}

fn bury(write: &mut Write<'_>, tombstone: &Tombstone<'_>) -> Result<()> {
    let row = row_of(write, tombstone.id)?;
    write.bury_told(row, tombstone)
}

fn put(write: &mut Write<'_>, bytes: &[u8]) -> Result<()> {
    let form = write.table().form();
    if split_number(bytes).is_none_or(|(layout, _)| layout != form.current() as u64) {
        return Err(Error::corrupt("a record is not of the table's layout"));
    }
    let values = validated(&form, bytes)?;
    match write.table().row(values.first().unwrap_or(&ValueRef::Null)) {
        Some(row) => write.replace_told(row, bytes, &values),
        None => write.insert_told(&values),
    }
}

/// The values of bytes from outside, once they are known to be a record.
fn validated<'a>(form: &'a Form, bytes: &'a [u8]) -> Result<Values<'a>> {
    let record = form.read(bytes);
    let record = record.ok_or_else(|| Error::corrupt("a record is cut"))?;
    let mut values = Values::new();
    record.validated_into(&mut values)?;
    // An id was of another type while there were no records: a layout of then is for none of now.
    let mut fields = form.schema.fields.iter().zip(&values);
    match fields.all(|(field, value)| value.fits(field.kind.kind())) {
        true => Ok(values),
        false => Err(Error::corrupt("a record has a value of another type")),
    }
}

fn decode(piece: &[u8]) -> Result<Vec<Effect<'_>>> {
    let (version, mut rest) = piece
        .split_first()
        .ok_or_else(|| Error::corrupt("there are none"))?;
    if *version != VERSION {
        return Err(Error::corrupt(format!(
            "expected version {VERSION}, found {version}; load a module that knows it"
        )));
    }
    let mut effects = Vec::new();
    while !rest.is_empty() {
        let (effect, left) =
            decode_effect(rest)?.ok_or_else(|| Error::corrupt("they end within an effect"))?;
        effects.push(effect);
        rest = left;
    }
    Ok(effects)
}

/// Reads one effect; `None` where the bytes end within it.
fn decode_effect(bytes: &[u8]) -> Result<Option<(Effect<'_>, &[u8])>> {
    let Some((tag, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    Ok(match *tag {
        PUT => split_bytes(rest).map(|(record, rest)| (Effect::Put(record), rest)),
        REMOVE => split_bytes(rest).map(|(key, rest)| (Effect::Remove(key), rest)),
        REACH => split_bytes(rest).map(|(key, rest)| (Effect::Reach(key), rest)),
        STATE => split_bytes(rest).map(|(state, rest)| (Effect::State(state), rest)),
        TOMBSTONES => split_bytes(rest).map(|(chunk, rest)| (Effect::Tombstones(chunk), rest)),
        BURY => match split_bytes(rest) {
            Some((chunk, rest)) => Some((Effect::Bury(one_tombstone(chunk)?), rest)),
            None => None,
        },
        ACKNOWLEDGE => match split_bytes(rest) {
            Some((said, rest)) => Some((Effect::Acknowledge(from_bytes(said)?), rest)),
            None => None,
        },
        EPOCH => split_word(rest).map(|(name, rest)| (Effect::Epoch(name), rest)),
        DROP => split_word(rest).map(|(number, rest)| (Effect::Drop(number), rest)),
        MIGRATE => match split_bytes(rest) {
            Some((outcome, rest)) => Some((Effect::Migrate(from_bytes(outcome)?), rest)),
            None => None,
        },
        BEGIN => match split_bytes(rest) {
            Some((running, rest)) => Some((Effect::Begin(from_bytes(running)?), rest)),
            None => None,
        },
        END => match split_bytes(rest) {
            Some((end, rest)) => Some((Effect::End(from_bytes(end)?), rest)),
            None => None,
        },
        MAKE => split_word(rest).map(|(id, rest)| (Effect::Make(id), rest)),
        HIGHEST => split_word(rest).map(|(id, rest)| (Effect::Highest(id as i64), rest)),
        PLACE => match split_number(rest) {
            Some((row, rest)) => {
                let row = Row::try_from(row).map_err(|_| Error::corrupt("a row is too high"))?;
                split_bytes(rest).map(|(record, rest)| (Effect::Place(row, record), rest))
            }
            None => None,
        },
        _ => return Err(Error::corrupt(format!("there is no effect {tag}"))),
    })
}

/// The tombstone of a chunk of one.
fn one_tombstone(chunk: &[u8]) -> Result<Tombstone<'_>> {
    let mut walk = TombstoneWalk::of_chunk(chunk);
    match (walk.next(), walk.is_over()) {
        (Some(tombstone), true) => Ok(tombstone),
        _ => Err(Error::corrupt("a tombstone does not read")),
    }
}

fn split_word(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*word), rest))
}

/// A length in LEB128 and so many bytes.
fn split_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = split_number(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

impl Write<'_> {
    /// Puts a record, as its bytes are, into a row that is free.
    ///
    /// # Errors
    /// BADVALUE where the bytes are not a record of this table, or row or id are taken.
    pub(crate) fn place(&mut self, row: Row, bytes: &[u8]) -> Result<()> {
        if self.table().records().get(row).is_some() || row == Row::MAX {
            return Err(Error::corrupt("a row is taken"));
        }
        let form = self.table().form();
        let values = validated(&form, bytes)?;
        if self
            .table()
            .row(values.first().unwrap_or(&ValueRef::Null))
            .is_some()
        {
            return Err(Error::corrupt("an id is taken"));
        }
        self.insert_at(row, bytes, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schema::{Direction, Line, State, parse_operations},
        tokens::Tokens,
    };

    #[test]
    fn a_record_is_placed_in_no_layout_whose_id_was_of_another_type() {
        let mut table = Box::new(Table::new(7));
        let operations = parse_operations(&mut Tokens::new(&[b"ID", b"STRING"])).unwrap();
        let line = Line {
            version: 1,
            name: "make".into(),
            direction: Direction::Up,
            state: State::Applied,
            at: 0,
            took: 0,
            operations,
            down: None,
        };
        table.migrate(line, true, 0, || 0).unwrap();
        let mut record = Vec::new();
        let now = ValueRef::DateTime(0);
        let values = [ValueRef::Integer(1), now, now, ValueRef::Null];
        crate::table::encode_into(0, &values, &mut record);
        let mut effects = Effects::none();
        effects.place(0, &record);
        let piece = effects.pieces().next().unwrap().to_vec();
        let error = apply(&mut Some(table), &piece).unwrap_err().to_string();
        assert!(error.contains("of another type"), "{error}");
    }

    #[test]
    fn a_piece_that_fails_leaves_no_table_behind() {
        let mut effects = Effects::none();
        effects.make(7);
        effects.remove(b"nobody");
        let piece = effects.pieces().next().unwrap().to_vec();
        let mut table = None;
        assert!(apply(&mut table, &piece).is_err());
        assert!(table.is_none());
    }
}
