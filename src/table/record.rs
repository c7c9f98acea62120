//! The bytes of one record.
//!
//! ```text
//! layout  number of the layout it was written with, LEB128
//! codes   one nibble a field of that layout, the low nibble first
//! data    the fields' bytes, one after the other
//!
//! code   bytes
//! 0      none: null
//! 1..9   code - 1 bytes of a number, without the zero bytes that its type lets be left out
//! 10     1 byte of length, then so many bytes of a STRING or of TAGS
//! 11     2 bytes of length, little-endian, ...
//! 12     4 bytes of length, little-endian, ...
//! 13     16 bytes: a STRING that is a UUID's canonical text
//! 14     16 bytes: a UUID
//! 15     a STRING in the bits of an alphabet, see `value::spelled`
//! ```
//!
//! An INTEGER is folded so that small magnitudes are small (zigzag), then little-endian; a
//! DATETIME the same, counted from 2026. A FLOAT is its bits big-endian, cut after the last
//! byte that is not zero. A BOOLEAN and an ENUM are their ordinal, little-endian.

mod encode;
mod pack;
mod width;

pub use encode::encode_into;
pub use pack::{are_first, pack_values};

use smallvec::SmallVec;

use encode::encode_value;
use width::{VARIES, WIDTHS, code_at, take, width};

use super::{
    Layout,
    leb128::{push_number, split_number},
};
use crate::{
    error::{Error, Result},
    schema::{Field, FieldNumber},
    value::{Kind, Text, ValueRef, convert::convert, spelled::Spelled, tags::Tags},
};

/// DATETIME is kept as the distance from here, 2026-01-01T00:00:00Z: 5 bytes for 17 years either way.
const EPOCH: i64 = 1_767_225_600_000;

const STRING_1: u8 = 10;
const STRING_2: u8 = 11;
const STRING_4: u8 = 12;
const UUID_TEXT: u8 = 13;
const UUID: u8 = 14;
const SPELLED: u8 = 15;

/// The values of one record, by position.
pub type Values<'a> = SmallVec<[ValueRef<'a>; 12]>;

/// A field's position and the value it takes.
pub type Changed<'v> = (usize, ValueRef<'v>);

/// A record as its table's schema of now reads it.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    codes: &'a [u8],
    data: &'a [u8],
    layout: &'a Layout,
    fields: &'a [Field],
}

impl<'a> Record<'a> {
    /// Reads a record's head. `None` where its bytes are not one.
    #[inline]
    pub fn new(bytes: &'a [u8], layouts: &'a [Layout], fields: &'a [Field]) -> Option<Record<'a>> {
        let (number, rest) = split_number(bytes)?;
        let layout = layouts.get(usize::try_from(number).ok()?)?;
        let (codes, data) = rest.split_at_checked(layout.fields.len().div_ceil(2))?;
        Some(Record {
            codes,
            data,
            layout,
            fields,
        })
    }

    /// Bytes of the fields.
    #[expect(clippy::len_without_is_empty, reason = "no collection")]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// The value at a position of the schema; what the record lacks is the field's initial value.
    #[inline]
    pub fn value(&self, position: usize) -> ValueRef<'a> {
        let mut value = ValueRef::Null;
        self.read(position, &mut value);
        value
    }

    /// Makes a value, which is null, that at a position: where it is to be, without a copy.
    #[inline(never)]
    pub fn read(&self, position: usize, value: &mut ValueRef<'a>) {
        match self.layout.places.get(position) {
            Some(Some(place)) => _ = self.decode_into(usize::from(*place), value),
            Some(None) => *value = self.elsewhere(position, |place| self.decode(place)),
            None => {}
        }
    }

    /// Every value, by position.
    pub fn values(&self) -> Values<'a> {
        let mut in_layout = Values::from_elem(ValueRef::Null, self.layout.fields.len());
        let mut data = self.data;
        let fields = self.layout.fields.iter().zip(&mut in_layout);
        for (place, ((_, kind), value)) in fields.enumerate() {
            let code = code_at(self.codes, place);
            let (bytes, rest) = take(code, data);
            _ = decode(*kind, code, bytes, value);
            data = rest;
        }
        if self.layout.current {
            return in_layout;
        }
        let at = |place: usize| in_layout.get(place).copied();
        let value = |(position, place): (usize, &Option<u16>)| match place {
            Some(place) => at(usize::from(*place)).unwrap_or(ValueRef::Null),
            None => self.elsewhere(position, at),
        };
        let places = self.layout.places.iter().enumerate();
        places.map(value).collect()
    }

    /// The values at these positions, which ascend, by position; null stands at the others.
    pub fn some(&self, positions: &[usize]) -> Values<'a> {
        let mut values = Values::from_elem(ValueRef::Null, self.fields.len());
        let mut places = positions.iter();
        self.each(positions, |value| {
            let place = places.next().and_then(|position| values.get_mut(*position));
            if let Some(place) = place {
                *place = *value;
            }
        });
        values
    }

    /// The value of a field that the layout has not: that of an earlier type, converted, or what
    /// records older than the field have.
    #[cold]
    fn elsewhere(
        &self,
        position: usize,
        at: impl FnOnce(usize) -> Option<ValueRef<'a>>,
    ) -> ValueRef<'a> {
        let converted = self
            .layout
            .converted
            .iter()
            .find(|c| c.position == position);
        let Some(converted) = converted else {
            let field = self.fields.get(position);
            return field.map_or(ValueRef::Null, |field| field.initial.as_ref());
        };
        let value = at(converted.place).unwrap_or(ValueRef::Null);
        let mut steps = converted.kinds.windows(2);
        let value = steps.try_fold(value, |value, kinds| match kinds {
            [from, to] => convert(value, from, to),
            _ => Some(value),
        });
        value.unwrap_or(ValueRef::Null)
    }

    /// Whether the value at a position is null. Mostly its code alone tells.
    #[inline]
    pub fn is_null(&self, position: usize) -> bool {
        match self.layout.places.get(position) {
            Some(Some(place)) => code_at(self.codes, usize::from(*place)) == 0,
            _ => self.value(position).is_null(),
        }
    }

    /// Calls `then` with the values at these positions, in their order. It goes over the bytes once
    /// as long as the positions ascend, and once more where they do not.
    #[inline]
    pub fn each(&self, positions: &[usize], mut then: impl FnMut(&ValueRef<'a>)) {
        let (mut next, mut data) = (0, self.data);
        let mut all: Option<Values<'a>> = None;
        for position in positions {
            let place = self.layout.places.get(*position).copied().flatten();
            let place = place.map_or(usize::MAX, usize::from);
            let mut value = ValueRef::Null;
            match self.layout.fields.get(place) {
                Some((_, kind)) if place >= next => {
                    for before in next..place {
                        data = take(code_at(self.codes, before), data).1;
                    }
                    let code = code_at(self.codes, place);
                    let (bytes, rest) = take(code, data);
                    (next, data) = (place + 1, rest);
                    _ = decode(*kind, code, bytes, &mut value);
                }
                _ => value = self.out_of_turn(*position, &mut all),
            }
            // By reference: a value is 24 bytes, and a copy of it costs more than its bytes.
            then(&value);
        }
    }

    /// Whether the first so many fields of the schema stand first in the record, in their order.
    #[inline]
    pub fn begins_with(&self, count: usize) -> bool {
        count <= self.layout.aligned
    }

    /// How many of the first fields are not null, where the record begins with them.
    #[inline]
    pub fn present(&self, count: usize) -> usize {
        let pairs = self.codes.iter().take(count / 2);
        let pairs = pairs.map(|pair| usize::from(pair & 15 != 0) + usize::from(pair >> 4 != 0));
        let odd = count % 2 == 1 && code_at(self.codes, count - 1) != 0;
        pairs.sum::<usize>() + usize::from(odd)
    }

    /// Calls `then` with the position and the value of each of the first fields that is not null, where
    /// the record begins with them.
    #[inline]
    pub fn each_present(&self, count: usize, mut then: impl FnMut(usize, &ValueRef<'a>)) {
        let mut data = self.data;
        for (place, (_, kind)) in self.layout.fields.iter().take(count).enumerate() {
            let code = code_at(self.codes, place);
            if code == 0 {
                continue;
            }
            let (bytes, rest) = take(code, data);
            data = rest;
            let mut value = ValueRef::Null;
            _ = decode(*kind, code, bytes, &mut value);
            then(place, &value);
        }
    }

    /// A value that is not met on the way: one before the others, or none of this layout.
    #[inline(never)]
    fn out_of_turn(&self, position: usize, all: &mut Option<Values<'a>>) -> ValueRef<'a> {
        let all = all.get_or_insert_with(|| self.values());
        all.get(position).copied().unwrap_or(ValueRef::Null)
    }

    #[inline(never)]
    fn decode(&self, place: usize) -> Option<ValueRef<'a>> {
        let mut value = ValueRef::Null;
        self.decode_into(place, &mut value)?;
        Some(value)
    }

    /// Makes a value, which is null, that at a place; `None`, and it stays, where there is none.
    #[inline(always)]
    fn decode_into(&self, place: usize, value: &mut ValueRef<'a>) -> Option<()> {
        let kind = self.layout.fields.get(place)?.1;
        let code = code_at(self.codes, place);
        if code == 0 {
            return Some(());
        }
        let data = self.data.get(self.offset(place)?..)?;
        decode(kind, code, data.get(..width(code, data)?)?, value)
    }

    /// Where the bytes of a field begin in the data.
    #[inline(always)]
    fn offset(&self, place: usize) -> Option<usize> {
        let (pairs, rest) = self.codes.split_at_checked(place / 2)?;
        let width = |pair: u8| WIDTHS.get(usize::from(pair)).map_or(0, |w| usize::from(*w));
        let mut offset: usize = pairs.iter().map(|pair| width(*pair)).sum();
        if place % 2 == 1 {
            offset += width(rest.first()? & 15);
        }
        match offset < usize::from(VARIES) {
            true => Some(offset),
            false => self.offset_by_field(place),
        }
    }

    /// [`Record::offset`] where a field before says itself how long it is.
    fn offset_by_field(&self, place: usize) -> Option<usize> {
        let mut data = self.data;
        for before in 0..place {
            data = data.get(width(code_at(self.codes, before), data)?..)?;
        }
        Some(self.data.len() - data.len())
    }

    /// Whether it was written in the layout of now: then each field has its position for its place.
    pub fn is_current(&self) -> bool {
        self.layout.current
    }

    /// Writes the record anew, in the layout with this number, which is that of the schema of now,
    /// with other values in some fields, which ascend. The bytes of the other fields are not looked at.
    pub fn rewrite_into(&self, number: usize, fields: &[Changed<'_>], out: &mut Vec<u8>) {
        if !self.layout.current {
            let mut values = self.values();
            for (position, value) in fields {
                if let Some(place) = values.get_mut(*position) {
                    *place = *value;
                }
            }
            return encode_into(number, &values, out);
        }
        out.reserve(self.data.len() + 16 * fields.len() + 16);
        push_number(number as u64, out);
        let codes = out.len();
        out.extend_from_slice(self.codes);
        // What is not yet written begins here.
        let mut data = self.data;
        for (place, value) in fields {
            let start = self.offset(*place).and_then(|at| self.data.get(at..));
            let start = start.unwrap_or_default();
            let stays = data.get(..data.len().saturating_sub(start.len()));
            out.extend_from_slice(stays.unwrap_or_default());
            let code = encode_value(value, out);
            if let Some(pair) = out.get_mut(codes + place / 2) {
                let shift = place % 2 * 4;
                *pair = *pair & !(15 << shift) | code << shift;
            }
            data = take(code_at(self.codes, *place), start).1;
        }
        out.extend_from_slice(data);
    }

    /// Whether the bytes are a record to the last: every code one of its field's, nothing missing
    /// and nothing left. Says so of bytes from outside.
    ///
    /// # Errors
    /// BADVALUE naming what is wrong.
    pub fn validate(&self) -> Result<()> {
        self.validate_fields(&mut Values::new())
    }

    /// Makes `values` all values by position, once they are known to be a record's.
    ///
    /// # Errors
    /// As [`Record::validate`].
    pub fn validated_into(&self, values: &mut Values<'a>) -> Result<()> {
        self.validate_fields(values)?;
        if !self.layout.current {
            *values = self.values();
        }
        Ok(())
    }

    /// [`Record::validate`]; `values` become those of the layout's fields.
    fn validate_fields(&self, values: &mut Values<'a>) -> Result<()> {
        // Each is set anew: mostly the record before had as many.
        if values.len() != self.layout.fields.len() {
            values.resize(self.layout.fields.len(), ValueRef::Null);
        }
        let mut data = self.data;
        let fields = self.layout.fields.iter().zip(values);
        for (place, ((number, kind), value)) in fields.enumerate() {
            let code = code_at(self.codes, place);
            let taken = width(code, data).and_then(|width| data.split_at_checked(width));
            let (bytes, rest) =
                taken.ok_or_else(|| Error::corrupt("a record ends within a field"))?;
            let decoded = decode(*kind, code, bytes, value);
            decoded.ok_or_else(|| Error::corrupt("a field has bytes of another type"))?;
            self.validate_name(*number, value)?;
            if matches!(value, ValueRef::Tags(tags) if !tags.is_canonical()) {
                return Err(Error::corrupt("a field's tags are out of order"));
            }
            data = rest;
        }
        match data.is_empty() {
            true => Ok(()),
            false => Err(Error::corrupt("a record is longer than its fields")),
        }
    }

    /// An ENUM's ordinal must have a name.
    fn validate_name(&self, number: FieldNumber, value: &ValueRef) -> Result<()> {
        let ValueRef::Enum(ordinal) = value else {
            return Ok(());
        };
        match self.fields.iter().find(|field| field.number == number) {
            Some(field) if usize::from(*ordinal) >= field.kind.names().len() => {
                Err(Error::corrupt("an ENUM's ordinal has no name"))
            }
            _ => Ok(()),
        }
    }
}

/// Sets a value to what a field's code and bytes say; `None`, and the value stays, where they are not
/// of this kind.
///
/// It is written where it is to be: what is written in parts and at once copied as a whole, a processor
/// waits for.
#[inline(always)]
fn decode<'d>(kind: Kind, code: u8, bytes: &'d [u8], value: &mut ValueRef<'d>) -> Option<()> {
    match (kind, code) {
        (_, 0) => *value = ValueRef::Null,
        (Kind::Integer, 1..=9) => *value = ValueRef::Integer(unfold(little_endian(bytes))),
        (Kind::DateTime, 1..=9) => {
            *value = ValueRef::DateTime(unfold(little_endian(bytes)).wrapping_add(EPOCH));
        }
        (Kind::Float, 1..=9) => {
            let number = f64::from_bits(little_endian(bytes).swap_bytes());
            *value = ValueRef::Float(number.is_finite().then_some(number)?);
        }
        (Kind::Boolean, 1..=2) => match little_endian(bytes) {
            0 => *value = ValueRef::Boolean(false),
            1 => *value = ValueRef::Boolean(true),
            _ => return None,
        },
        (Kind::Enum, 1..=3) => *value = ValueRef::Enum(little_endian(bytes) as u16),
        (Kind::String, STRING_1) => *value = ValueRef::String(Text::Bytes(bytes.get(1..)?)),
        (Kind::String, STRING_2) => *value = ValueRef::String(Text::Bytes(bytes.get(2..)?)),
        (Kind::String, STRING_4) => *value = ValueRef::String(Text::Bytes(bytes.get(4..)?)),
        (Kind::String, UUID_TEXT) => {
            *value = ValueRef::String(Text::Uuid(*bytes.first_chunk()?));
        }
        (Kind::String, SPELLED) => {
            *value = ValueRef::String(Text::Spelled(Spelled::new(bytes)?));
        }
        (Kind::Uuid, UUID) => *value = ValueRef::Uuid(*bytes.first_chunk()?),
        (Kind::Tags, STRING_1) => *value = ValueRef::Tags(Tags::of(bytes.get(1..)?)),
        (Kind::Tags, STRING_2) => *value = ValueRef::Tags(Tags::of(bytes.get(2..)?)),
        (Kind::Tags, STRING_4) => *value = ValueRef::Tags(Tags::of(bytes.get(4..)?)),
        _ => return None,
    }
    Some(())
}

/// The number of up to 8 bytes: its first half and its last, which may overlap, read at once.
#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    let shift = |by: usize| 8 * (bytes.len() - by) as u32;
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift(4)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u16::from_le_bytes(*first)) | u64::from(u16::from_le_bytes(*last)) << shift(2)
    } else {
        bytes.first().copied().map_or(0, u64::from)
    }
}

fn unfold(folded: u64) -> i64 {
    (folded >> 1) as i64 ^ -((folded & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::uuid;
    use crate::{
        schema::{Facts, Operation, Schema},
        value::{Type, Value, tags},
    };
    use proptest::prelude::*;

    const FACTS: Facts = Facts {
        empty: false,
        drop_data: true,
        now: 0,
    };

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

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            prop_oneof![any::<i64>(), -300i64..300].prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("finite", |f| f.is_finite())
                .prop_map(Value::Float),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::DateTime),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(|b| Value::String(b.into())),
            "[0-9a-f]{0,140}|[-0-9A-Z_a-z]{0,140}"
                .prop_map(|text| Value::String(text.into_bytes().into())),
            prop::collection::vec(any::<u8>(), 65_530..65_540)
                .prop_map(|b| Value::String(b.into())),
            any::<[u8; 16]>().prop_map(|b| Value::String(uuid::text(&b).to_vec().into())),
            any::<[u8; 16]>().prop_map(Value::Uuid),
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..90)
                .prop_map(|tags| Value::Tags(tags::collect(tags.iter().map(|t| &t[..])).unwrap())),
            (0u16..300).prop_map(Value::Enum),
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
        fn a_record_reads_back_through_later_schemas(added in prop::collection::vec(value(), 0..12), removed: prop::sample::Index) {
            let mut schema = Schema::new();
            for (at, value) in added.iter().enumerate() {
                schema = add(&schema, &format!("f{at}"), kind_of(value));
            }
            let own = [Value::Integer(7), Value::DateTime(1), Value::DateTime(2), Value::Null];
            let mut values = vec![own[0].clone()];
            values.extend(added.iter().cloned());
            values.extend(own[1..].iter().cloned());
            let mut bytes = Vec::new();
            let refs: Vec<ValueRef> = values.iter().map(Value::as_ref).collect();
            encode_into(0, &refs, &mut bytes);

            let mut layouts = [Layout::of(&schema)];
            let record = Record::new(&bytes, &layouts, &schema.fields).unwrap();
            record.validate().unwrap();
            let read: Vec<Value> = record.values().iter().map(ValueRef::to_value).collect();
            prop_assert_eq!(&read, &values);
            for (position, value) in values.iter().enumerate() {
                prop_assert_eq!(&record.value(position).to_value(), value);
            }
            for end in 0..bytes.len().min(400) {
                let cut = Record::new(&bytes[..end], &layouts, &schema.fields);
                prop_assert!(cut.is_none_or(|record| record.validate().is_err()));
            }

            // A field is removed and another added: the old bytes are read all the same.
            if !added.is_empty() {
                let gone = removed.index(added.len());
                let operation = Operation::RemoveField { name: format!("f{gone}").into() };
                schema = schema.change(&operation, &FACTS).unwrap();
                values.remove(1 + gone);
            }
            schema = add(&schema, "later", Type::String);
            values.insert(values.len() - 3, Value::Null);
            layouts[0].read_through(&schema);
            let record = Record::new(&bytes, &layouts, &schema.fields).unwrap();
            let read: Vec<Value> = record.values().iter().map(ValueRef::to_value).collect();
            prop_assert_eq!(&read, &values);
        }

        #[test]
        fn any_bytes_are_a_record_or_refused(bytes: Vec<u8>) {
            let schema = add(&add(&Schema::new(), "a", Type::String), "b", Type::Float);
            let layouts = [Layout::of(&schema)];
            if let Some(record) = Record::new(&bytes, &layouts, &schema.fields) {
                let _ = record.values();
                if record.validate().is_ok() {
                    prop_assert_eq!(record.values().len(), schema.fields.len());
                }
            }
        }
    }
}
