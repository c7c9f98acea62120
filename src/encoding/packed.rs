//! Records as one string: the reply to PACKED. `docs/packed.md` has the format.
//!
//! Everything is as bincode 2 writes it in its standard configuration, so that a reader needs no
//! more than that: numbers little-endian, lengths and integers of variable width, an option a
//! byte before its value.

use crate::{
    error::{Code, Error, Result},
    schema::Field,
    table::Record,
    value::{Text, Type, ValueRef},
};

/// The first byte.
const VERSION: u8 = 1;
/// No bulk string of a client or a server may be longer by their own defaults.
const MOST: usize = 512 << 20;
/// What is set aside at the start, at most: a reply's size is not known before its end.
const RESERVED: usize = 64 << 10;

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Writes records, one after the other, behind a head that says what they hold.
pub struct Packer<'s> {
    positions: &'s [usize],
    bytes: Vec<u8>,
    most: usize,
}

impl<'s> Packer<'s> {
    /// Begins a string of `rows` records with the fields at these positions.
    pub fn new(fields: &[Field], positions: &'s [usize], rows: usize) -> Packer<'s> {
        let expected = rows.saturating_mul(positions.len()).saturating_mul(12);
        let mut bytes = Vec::with_capacity(expected.clamp(256, RESERVED));
        bytes.push(VERSION);
        push_unsigned(positions.len() as u64, &mut bytes);
        let columns = positions.iter().filter_map(|at| fields.get(*at));
        columns.for_each(|field| push_column(field, &mut bytes));
        push_unsigned(rows as u64, &mut bytes);
        Packer {
            positions,
            bytes,
            most: MOST,
        }
    }

    /// Writes a record, or that there is none.
    ///
    /// # Errors
    /// TOOMANY where the string becomes longer than a reply may be.
    #[inline]
    pub fn push(&mut self, record: Option<&Record<'_>>) -> Result<()> {
        let (bytes, most) = (&mut self.bytes, self.most);
        let mut fits = true;
        match record {
            None => bytes.push(ABSENT),
            Some(record) => {
                bytes.push(PRESENT);
                record.each(self.positions, |value| match value {
                    // Not even built: a few such texts are more than a server's memory.
                    ValueRef::String(text) if text.len() > most.saturating_sub(bytes.len()) => {
                        fits = false;
                    }
                    value => push_value(&value, bytes),
                });
            }
        }
        match fits && bytes.len() <= most {
            true => Ok(()),
            false => Err(too_long(most)),
        }
    }

    /// The string.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cold]
fn too_long(most: usize) -> Error {
    Error::new(
        Code::TooMany,
        format!(
            "the packed reply would be longer than {} MB; use LIMIT, CURSOR, fewer fields or smaller batches",
            most >> 20
        ),
    )
}

fn push_column(field: &Field, out: &mut Vec<u8>) {
    push_bytes(field.name.as_bytes(), out);
    // 7 is kept for sets of texts.
    out.push(match field.kind {
        Type::Integer => 0,
        Type::Float => 1,
        Type::Boolean => 2,
        Type::DateTime => 3,
        Type::String => 4,
        Type::Uuid => 5,
        Type::Enum(_) => 6,
    });
    if let Type::Enum(names) = &field.kind {
        push_unsigned(names.len() as u64, out);
        names
            .iter()
            .for_each(|name| push_bytes(name.as_bytes(), out));
    }
}

#[inline(always)]
fn push_value(value: &ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => out.push(ABSENT),
        ValueRef::Integer(n) | ValueRef::DateTime(n) => {
            push_present((n << 1 ^ n >> 63) as u64, out);
        }
        ValueRef::Float(f) => {
            out.push(PRESENT);
            out.extend_from_slice(&f.to_le_bytes());
        }
        ValueRef::Boolean(truth) => push_present(u64::from(*truth), out),
        ValueRef::String(Text::Bytes(bytes)) => {
            push_present(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        ValueRef::String(Text::Uuid(text)) => {
            push_present(text.len() as u64, out);
            out.extend_from_slice(text);
        }
        ValueRef::Uuid(bytes) => {
            out.push(PRESENT);
            out.extend_from_slice(bytes);
        }
        ValueRef::Enum(ordinal) => push_present(u64::from(*ordinal), out),
    }
}

/// A number that is there: as [`push_unsigned`], in one step where it is short.
#[inline]
fn push_present(number: u64, out: &mut Vec<u8>) {
    match number {
        0..=250 => out.extend_from_slice(&[PRESENT, number as u8]),
        _ => {
            out.push(PRESENT);
            push_unsigned(number, out);
        }
    }
}

#[inline]
fn push_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    push_unsigned(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A number of up to 250 is its byte; 251, 252 and 253 stand before 2, 4 and 8 bytes.
#[inline]
fn push_unsigned(number: u64, out: &mut Vec<u8>) {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    match number {
        0..=250 => out.push(a),
        251..=0xFFFF => out.extend_from_slice(&[251, a, b]),
        0x1_0000..=0xFFFF_FFFF => out.extend_from_slice(&[252, a, b, c, d]),
        _ => out.extend_from_slice(&[253, a, b, c, d, e, f, g, h]),
    }
}
