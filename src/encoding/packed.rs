//! Records as one string: the reply to PACKED. `docs/packed.md` has the format.
//!
//! A row has its columns as a record has its fields, so that mostly it is a copy of the record's
//! bytes. The head is as bincode 2 writes it in its standard configuration: numbers little-endian,
//! lengths of variable width.

use crate::{
    error::{Code, Error, Result},
    schema::Field,
    table::{Record, Values, are_first, pack_values},
    value::{Type, ValueRef},
};

/// The first byte.
const VERSION: u8 = 3;
/// No bulk string of a client or a server may be longer by their own defaults.
const MOST: usize = 512 << 20;
/// What is set aside at the start, at most: a reply's size is not known before its end.
const RESERVED: usize = 64 << 10;

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Writes records, one after the other, behind a head that says what they hold.
pub struct Packer<'s> {
    positions: &'s [usize],
    /// Whether they are the first ones of the schema, in its order.
    first: bool,
    bytes: Vec<u8>,
    most: usize,
}

/// What happened to a record, as a page of changes tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was written.
    Put,
    /// It was deleted.
    Delete,
    /// It expired.
    Expire,
}

impl Change {
    const ALL: [Change; 3] = [Change::Put, Change::Delete, Change::Expire];

    /// The word of a reply.
    pub fn word(self) -> &'static str {
        match self {
            Change::Put => "put",
            Change::Delete => "delete",
            Change::Expire => "expire",
        }
    }
}

impl<'s> Packer<'s> {
    /// Begins a string of `rows` changes of records with the fields at these positions, `id` first:
    /// before them stand the number of each change and what it was.
    pub fn of_changes(fields: &[Field], positions: &'s [usize], rows: usize) -> Packer<'s> {
        let mut lead = Vec::new();
        push_bytes(b"change_number", &mut lead);
        lead.push(0);
        push_bytes(b"change_kind", &mut lead);
        lead.push(6);
        push_unsigned(Change::ALL.len() as u64, &mut lead);
        for change in Change::ALL {
            push_bytes(change.word().as_bytes(), &mut lead);
        }
        Packer::begin(fields, positions, rows, 2, &lead)
    }

    /// A record that was written.
    ///
    /// # Errors
    /// As [`Packer::push`].
    pub fn push_put(&mut self, number: u64, record: &Record<'_>) -> Result<()> {
        // The codes of both are one byte, and what follows it are codes again.
        let mut lead = Vec::with_capacity(12);
        pack_values(&change_values(number, Change::Put), &mut lead);
        let Some((codes, lead)) = lead.split_first() else {
            return Err(Error::internal("a change has no codes"));
        };
        self.bytes.extend_from_slice(&[PRESENT, *codes]);
        let (bytes, most) = (&mut self.bytes, self.most);
        match record.pack_into(self.positions, self.first, lead, bytes, most) {
            true => Ok(()),
            false => Err(too_long(most)),
        }
    }

    /// A record that is gone.
    ///
    /// # Errors
    /// As [`Packer::push`].
    pub fn push_gone(&mut self, number: u64, change: Change, id: &ValueRef<'_>) -> Result<()> {
        let mut values = Values::from_slice(&change_values(number, change));
        values.push(*id);
        values.resize(self.positions.len() + 2, ValueRef::Null);
        self.bytes.push(PRESENT);
        pack_values(&values, &mut self.bytes);
        match self.bytes.len() <= self.most {
            true => Ok(()),
            false => Err(too_long(self.most)),
        }
    }

    /// Begins a string of `rows` records with the fields at these positions.
    pub fn new(fields: &[Field], positions: &'s [usize], rows: usize) -> Packer<'s> {
        Packer::begin(fields, positions, rows, 0, &[])
    }

    /// Writes the head; `lead` describes so many columns that stand before the fields.
    fn begin(
        fields: &[Field],
        positions: &'s [usize],
        rows: usize,
        more: usize,
        lead: &[u8],
    ) -> Packer<'s> {
        let expected = rows.saturating_mul(positions.len()).saturating_mul(12);
        let mut bytes = Vec::with_capacity(expected.clamp(256, RESERVED));
        bytes.push(VERSION);
        push_unsigned((more + positions.len()) as u64, &mut bytes);
        bytes.extend_from_slice(lead);
        let columns = positions.iter().filter_map(|at| fields.get(*at));
        columns.for_each(|field| push_column(field, &mut bytes));
        push_unsigned(rows as u64, &mut bytes);
        Packer {
            positions,
            first: are_first(positions),
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
        let fits = match record {
            None => {
                self.bytes.push(ABSENT);
                self.bytes.len() <= self.most
            }
            Some(record) => {
                self.bytes.push(PRESENT);
                record.pack_into(self.positions, self.first, &[], &mut self.bytes, self.most)
            }
        };
        match fits {
            true => Ok(()),
            false => Err(too_long(self.most)),
        }
    }

    /// The string.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// What stands before the fields of a change.
fn change_values(number: u64, change: Change) -> [ValueRef<'static>; 2] {
    [
        ValueRef::Integer(number as i64),
        ValueRef::Enum(change as u16),
    ]
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
    out.push(match field.kind {
        Type::Integer => 0,
        Type::Float => 1,
        Type::Boolean => 2,
        Type::DateTime => 3,
        Type::String => 4,
        Type::Uuid => 5,
        Type::Enum(_) => 6,
        Type::Tags => 7,
    });
    if let Type::Enum(names) = &field.kind {
        push_unsigned(names.len() as u64, out);
        names
            .iter()
            .for_each(|name| push_bytes(name.as_bytes(), out));
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

#[cfg(test)]
mod tests {
    use bincode::{config::standard, error::DecodeError, serde::decode_from_slice};
    use proptest::prelude::*;
    use serde::{Deserialize, de::DeserializeOwned};

    use super::*;
    use crate::{
        schema::{Facts, Operation, Schema},
        table::{Form, Layout, encode_into},
        value::{Value, tags},
    };

    const FACTS: Facts = Facts {
        empty: false,
        drop_data: true,
        now: 0,
    };

    /// A type as a client in Rust may have it.
    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Integer,
        Float,
        Boolean,
        DateTime,
        String,
        Uuid,
        Enum(Vec<String>),
        Tags,
    }

    /// The names of the columns, and the rows.
    type Rows = (Vec<String>, Vec<Option<Vec<Value>>>);

    /// Reads the head with nothing but bincode, and the rows as the format says.
    struct Reader<'b>(&'b [u8]);

    impl Reader<'_> {
        fn next<T: DeserializeOwned>(&mut self) -> std::result::Result<T, DecodeError> {
            let (item, length) = decode_from_slice(self.0, standard())?;
            self.0 = &self.0[length..];
            Ok(item)
        }

        fn take(&mut self, length: usize) -> std::result::Result<&[u8], DecodeError> {
            let Some((taken, rest)) = self.0.split_at_checked(length) else {
                return Err(DecodeError::UnexpectedEnd { additional: length });
            };
            self.0 = rest;
            Ok(taken)
        }

        fn value(&mut self, kind: &Kind, code: u8) -> std::result::Result<Value, DecodeError> {
            let number = |bytes: &[u8]| {
                let mut wide = [0; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                wide
            };
            let length = match code {
                0 => return Ok(Value::Null),
                1..=9 => usize::from(code) - 1,
                10 => usize::from(self.take(1)?[0]),
                11 => usize::from(u16::from_le_bytes(self.take(2)?.try_into().unwrap())),
                12 => u32::from_le_bytes(self.take(4)?.try_into().unwrap()) as usize,
                15 => {
                    let head = self
                        .0
                        .first()
                        .ok_or(DecodeError::UnexpectedEnd { additional: 1 })?;
                    let bits = if *head < 128 { 4 } else { 6 };
                    1 + (usize::from(head % 128 + 1) * bits).div_ceil(8)
                }
                _ => 16,
            };
            let bytes = self.take(length)?;
            let folded = || u64::from_le_bytes(number(bytes));
            let signed = || (folded() >> 1) as i64 ^ -((folded() & 1) as i64);
            Ok(match (kind, code) {
                (Kind::Integer, ..=9) => Value::Integer(signed()),
                (Kind::DateTime, ..=9) => Value::DateTime(signed().wrapping_add(1_767_225_600_000)),
                (Kind::Float, ..=9) => Value::Float(f64::from_be_bytes(number(bytes))),
                (Kind::Boolean, ..=9) => Value::Boolean(folded() == 1),
                (Kind::Enum(_), ..=9) => Value::Enum(folded() as u16),
                (Kind::String, 10..=12) => Value::String(bytes.into()),
                (Kind::String, 13) => {
                    Value::String(crate::value::uuid::text(bytes.try_into().unwrap()).into())
                }
                (Kind::String, 15) => Value::String(spelled(bytes).into()),
                (Kind::Uuid, 14) => Value::Uuid(bytes.try_into().unwrap()),
                (Kind::Tags, 10..=12) => Value::Tags(bytes.into()),
                other => panic!("{other:?}"),
            })
        }

        fn rows(&mut self) -> std::result::Result<Rows, DecodeError> {
            assert_eq!(self.next::<u8>()?, VERSION);
            let columns: Vec<(String, Kind)> = self.next()?;
            let mut rows = Vec::new();
            for _ in 0..self.next::<u64>()? {
                rows.push(match self.next::<bool>()? {
                    false => None,
                    true => {
                        let codes = self.take(columns.len().div_ceil(2))?.to_vec();
                        let code = |at: usize| codes[at / 2] >> (at % 2 * 4) & 15;
                        let each = columns.iter().enumerate();
                        let values = each.map(|(at, (_, kind))| self.value(kind, code(at)));
                        Some(values.collect::<std::result::Result<_, _>>()?)
                    }
                });
            }
            Ok((columns.into_iter().map(|column| column.0).collect(), rows))
        }
    }

    fn add(schema: &Schema, name: &str, kind: Type) -> Schema {
        let operation = Operation::AddField {
            name: name.into(),
            kind,
            not_null: false,
            default: None,
            index: None,
            position: None,
        };
        schema.change(&operation, &FACTS).unwrap()
    }

    /// The characters of code 15, bit by bit.
    fn spelled(bytes: &[u8]) -> Vec<u8> {
        let (each, alphabet) = match bytes[0] < 128 {
            true => (4, "0123456789abcdef"),
            false => (
                6,
                "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
            ),
        };
        let bit = |at: usize| usize::from(bytes[1 + at / 8] >> (7 - at % 8) & 1);
        let place = |at: usize| (at * each..(at + 1) * each).fold(0, |n, at| n << 1 | bit(at));
        let characters = 0..usize::from(bytes[0] % 128 + 1);
        characters
            .map(|at| alphabet.as_bytes()[place(at)])
            .collect()
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            prop_oneof![any::<i64>(), -300i64..300, -70_000i64..70_000].prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("finite", |f| f.is_finite())
                .prop_map(Value::Float),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::DateTime),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(|b| Value::String(b.into())),
            "[0-9a-f]{0,140}|[-0-9A-Z_a-z]{0,140}"
                .prop_map(|text| Value::String(text.into_bytes().into())),
            any::<[u8; 16]>()
                .prop_map(|b| Value::String(crate::value::uuid::text(&b).to_vec().into())),
            any::<[u8; 16]>().prop_map(Value::Uuid),
            (0u16..300).prop_map(Value::Enum),
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..256), 0..5)
                .prop_map(|tags| Value::Tags(tags::collect(tags.iter().map(|t| &t[..])).unwrap())),
        ]
    }

    fn kind_of(value: &Value) -> Type {
        match value {
            Value::Null | Value::Integer(_) => Type::Integer,
            Value::Float(_) => Type::Float,
            Value::Boolean(_) => Type::Boolean,
            Value::DateTime(_) => Type::DateTime,
            Value::String(_) => Type::String,
            Value::Uuid(_) => Type::Uuid,
            Value::Tags(_) => Type::Tags,
            Value::Enum(_) => Type::Enum((0..300).map(|n| format!("n{n}").into()).collect()),
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_and_nothing_shorter_does(
            values in prop::collection::vec(value(), 0..12),
            nulls in prop::collection::vec(any::<bool>(), 12),
            wanted in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 30),
        ) {
            let mut schema = Schema::new();
            for (at, value) in values.iter().enumerate() {
                schema = add(&schema, &format!("f{at}"), kind_of(value));
            }
            let mut full = vec![Value::Integer(7)];
            full.extend(values.iter().cloned());
            full.extend([Value::DateTime(1), Value::DateTime(-2), Value::Null]);
            let holes = nulls.iter().chain(std::iter::repeat(&false));
            let hollow: Vec<Value> = full
                .iter()
                .zip(holes)
                .map(|(value, null)| if *null { Value::Null } else { value.clone() })
                .collect();
            let layout = Layout::of(&schema);
            // Both were written before the last field was there.
            let schema = add(&schema, "later", Type::String);
            let form = Form::new(schema, vec![layout]);
            let bytes = [&full, &hollow].map(|values| {
                let refs: Vec<ValueRef> = values.iter().map(Value::as_ref).collect();
                let mut bytes = Vec::new();
                encode_into(0, &refs, &mut bytes);
                bytes
            });
            let fields = &form.schema.fields;
            let mut positions: Vec<usize> = Vec::new();
            for index in wanted {
                let position = index.index(fields.len());
                if !positions.contains(&position) {
                    positions.push(position);
                }
            }

            let mut packer = Packer::new(fields, &positions, 3);
            packer.push(form.read(&bytes[0]).as_ref()).unwrap();
            packer.push(None).unwrap();
            packer.push(form.read(&bytes[1]).as_ref()).unwrap();
            let packed = packer.finish();

            let expected = |values: &[Value]| {
                let mut values = values.to_vec();
                values.insert(values.len() - 3, Value::Null);
                Some(positions.iter().map(|at| values[*at].clone()).collect::<Vec<_>>())
            };
            let mut reader = Reader(&packed);
            let (names, rows) = reader.rows().unwrap();
            prop_assert!(reader.0.is_empty());
            let fields: Vec<&str> = positions.iter().map(|at| &*fields[*at].name).collect();
            prop_assert_eq!(names, fields);
            prop_assert_eq!(rows, vec![expected(&full), None, expected(&hollow)]);
            for end in ends {
                let cut = &packed[..end.index(packed.len())];
                prop_assert!(cut.is_empty() || Reader(cut).rows().is_err());
            }
        }
    }

    #[test]
    fn a_string_is_refused_before_it_is_too_long() {
        let schema = add(&Schema::new(), "s", Type::String);
        let layout = Layout::of(&schema);
        let form = Form::new(schema, vec![layout]);
        let text = Value::String(vec![b'x'; 1000].into());
        let values = [
            Value::Integer(1),
            text,
            Value::Null,
            Value::Null,
            Value::Null,
        ];
        let refs: Vec<ValueRef> = values.iter().map(Value::as_ref).collect();
        let mut bytes = Vec::new();
        encode_into(0, &refs, &mut bytes);
        let record = form.read(&bytes);
        let positions = [1];
        let mut packer = Packer::new(&form.schema.fields, &positions, 4);
        packer.most = 3500;
        for _ in 0..3 {
            packer.push(record.as_ref()).unwrap();
        }
        let error = packer.push(record.as_ref()).unwrap_err();
        assert_eq!(error.code(), Code::TooMany);
        assert!(packer.bytes.len() <= 3500);
    }
}
