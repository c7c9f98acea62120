//! Cursors: a position in an order, held by the client.
//!
//! ```text
//! lower-case hex of:
//! version   1 byte
//! table     8 bytes, the table's identity          (all numbers little-endian)
//! query     8 bytes, a hash of predicate and order
//! now       8 bytes, the instant that `now` in the predicate means on every page
//! values    for each field of the order: length in LEB128, key bytes of the last record's value
//! crc32     4 bytes, over all of the above
//! ```

use super::{
    order::Order,
    predicate::{Digest, Predicate},
    walk::Position,
};
use crate::{
    error::{Code, Error, Result, quoted},
    schema::Schema,
    table::{Record, Table, push_number, split_number},
};

const VERSION: u8 = 1;
/// Begins a walk, and ends it.
pub(super) const EDGE: &[u8] = b"0";

/// Where a walk stands.
pub(super) struct Cursor {
    /// The instant that `now` means in the predicate.
    pub(super) now: i64,
    /// The last record answered.
    pub(super) position: Position,
}

/// The hash that ties a cursor to its query.
pub(super) fn query_hash(schema: &Schema, predicate: &Predicate, order: &Order) -> u64 {
    let mut digest = Digest::default();
    predicate.digest(&mut digest);
    order.digest(schema, &mut digest);
    digest.finish()
}

/// The cursor that stands at a record.
pub(super) fn encode(table: &Table, query: u64, now: i64, order: &Order, last: &Record) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&table.identity().to_le_bytes());
    bytes.extend_from_slice(&query.to_le_bytes());
    bytes.extend_from_slice(&now.to_le_bytes());
    let mut key = Vec::new();
    for field in &order.fields {
        key.clear();
        last.value(field.position).key_into(&mut key);
        push_number(key.len() as u64, &mut bytes);
        bytes.extend_from_slice(&key);
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    to_hex(&bytes)
}

/// Reads a cursor of this table and query.
///
/// # Errors
/// BADCURSOR.
pub(super) fn decode(table: &Table, query: u64, order: &Order, token: &[u8]) -> Result<Cursor> {
    let damaged = || bad(token, "it is damaged, or no cursor");
    let bytes = from_hex(token).ok_or_else(damaged)?;
    let (body, crc) = bytes.split_last_chunk().ok_or_else(damaged)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(damaged());
    }
    let (version, body) = body.split_first().ok_or_else(damaged)?;
    if *version != VERSION {
        return Err(bad(token, "it is of another version of the module"));
    }
    let (identity, body) = body.split_first_chunk().ok_or_else(damaged)?;
    if u64::from_le_bytes(*identity) != table.identity() {
        return Err(bad(token, "it is of another table"));
    }
    let (hash, body) = body.split_first_chunk().ok_or_else(damaged)?;
    if u64::from_le_bytes(*hash) != query {
        return Err(bad(token, "it is of another predicate or order"));
    }
    let (now, body) = body.split_first_chunk().ok_or_else(damaged)?;
    Ok(Cursor {
        now: i64::from_le_bytes(*now),
        position: position(order, body).ok_or_else(damaged)?,
    })
}

fn position(order: &Order, mut body: &[u8]) -> Option<Position> {
    let (mut keys, mut sort_key) = (Vec::new(), Vec::new());
    for field in &order.fields {
        let (len, rest) = split_number(body)?;
        let (key, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        let start = sort_key.len();
        sort_key.extend_from_slice(key);
        field.turn(&mut sort_key, start);
        keys.push(key.to_vec());
        body = rest;
    }
    body.is_empty().then_some(Position { keys, sort_key })
}

fn bad(token: &[u8], why: &str) -> Error {
    Error::new(
        Code::BadCursor,
        format!(
            "expected 0 or the cursor of this query's last page, found {}: {why}; begin anew with CURSOR 0",
            quoted(token)
        ),
    )
}

fn to_hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if text.len() % 2 != 0 {
        return None;
    }
    let pairs = text.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    pairs.collect()
}
