//! Writing a record's values.

use super::{EPOCH, SPELLED, STRING_1, STRING_2, STRING_4, UUID, UUID_TEXT, pack_values};
use crate::{
    table::leb128::push_number,
    value::{Text, ValueRef, spelled, uuid},
};

/// Writes a record of the layout with this number. `values` are by the positions of the schema
/// that the layout was made of.
pub fn encode_into(number: usize, values: &[ValueRef<'_>], out: &mut Vec<u8>) {
    // Room for most records at once.
    out.reserve(16 * values.len() + 8);
    push_number(number as u64, out);
    pack_values(values, out);
}

/// Writes a value's bytes and answers its code.
#[inline(always)]
pub(super) fn encode_value(value: &ValueRef<'_>, out: &mut Vec<u8>) -> u8 {
    let number = match value {
        ValueRef::Null => return 0,
        ValueRef::Integer(n) => fold(*n),
        ValueRef::DateTime(n) => fold(n.wrapping_sub(EPOCH)),
        ValueRef::Boolean(b) => u64::from(*b),
        ValueRef::Enum(ordinal) => u64::from(*ordinal),
        // Little-endian, this is big-endian.
        ValueRef::Float(f) => f.to_bits().swap_bytes(),
        ValueRef::Uuid(bytes) => {
            out.extend_from_slice(bytes);
            return UUID;
        }
        ValueRef::String(text) => return encode_string(text, out),
        ValueRef::Tags(tags) => return encode_bytes(tags.bytes(), out),
    };
    encode_number(number, out)
}

/// Writes a number without its last bytes that are zero and answers its code. All eight are written,
/// for a copy of a fixed length costs much less, and the rest is cut off.
#[inline]
fn encode_number(number: u64, out: &mut Vec<u8>) -> u8 {
    let (start, width) = (out.len(), (71 - number.leading_zeros() as usize) / 8);
    out.extend_from_slice(&number.to_le_bytes());
    out.truncate(start + width);
    width as u8 + 1
}

/// Apart from the other values: a text that is worked out takes room that these would have to make too.
#[inline(never)]
fn encode_string(text: &Text<'_>, out: &mut Vec<u8>) -> u8 {
    text.tell(|text| encode_text(text, out))
}

fn encode_text(text: &[u8], out: &mut Vec<u8>) -> u8 {
    if let Some(bytes) = uuid::parse_canonical(text) {
        out.extend_from_slice(&bytes);
        return UUID_TEXT;
    }
    if spelled::spell_into(text, out) {
        return SPELLED;
    }
    encode_bytes(text, out)
}

#[inline(never)]
fn encode_bytes(text: &[u8], out: &mut Vec<u8>) -> u8 {
    let code = match text.len() {
        0..=0xFF => {
            out.push(text.len() as u8);
            STRING_1
        }
        0x100..=0xFFFF => {
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            STRING_2
        }
        _ => {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            STRING_4
        }
    };
    out.extend_from_slice(text);
    code
}

fn fold(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}
