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
    seal(bytes)
}

/// Reads a cursor of this table and query.
///
/// # Errors
/// BADCURSOR.
pub(super) fn decode(table: &Table, query: u64, order: &Order, token: &[u8]) -> Result<Cursor> {
    let damaged = || bad(token, "it is damaged, or no cursor");
    let bytes = open(token).ok_or_else(damaged)?;
    let (version, body) = bytes.split_first().ok_or_else(damaged)?;
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

/// What a cursor holds, as the token that a client keeps.
pub fn seal(mut body: Vec<u8>) -> Vec<u8> {
    let crc = crc32fast::hash(&body);
    body.extend_from_slice(&crc.to_le_bytes());
    to_hex(&body)
}

/// What the cursor of this token holds; nothing where it is damaged, or none.
pub fn open(token: &[u8]) -> Option<Vec<u8>> {
    let mut body = from_hex(token)?;
    let (_, crc) = body.split_last_chunk()?;
    let crc = u32::from_le_bytes(*crc);
    body.truncate(body.len() - size_of::<u32>());
    (crc32fast::hash(&body) == crc).then_some(body)
}

/// Bytes as lower-case hex.
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

/// The bytes of lower-case hex.
pub fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use super::super::{
        executor::{Checks, Clock},
        filter::Filter,
        fixture::*,
        page,
        walk::{Bounds, OrderedWalk},
    };
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_cursor_is_bound_to_its_table_and_query() {
        let records = |mut table: Table| {
            for id in 1..=9 {
                put(
                    &mut table,
                    &[Value::Integer(id), Value::Integer(id % 3), Value::Null],
                );
            }
            table
        };
        let operations = "ADD FIELD a INTEGER INDEX TIMESTAMPS OFF";
        let table = records(table(operations));
        let (args, order) = (words("a >= 0"), words("a DESC"));
        let mut first = query(&args, &order);
        first.limit = Some(4);
        let (cursor, rows) = page(&table, &first, b"0", 0, 100).unwrap();
        assert_eq!(ids(&table, &rows), [8, 5, 2, 7]);
        first.limit = Some(9);
        let (end, rows) = page(&table, &first, &cursor, 0, 100).unwrap();
        assert_eq!(
            (end.as_slice(), ids(&table, &rows)),
            (&b"0"[..], vec![4, 1, 9, 6, 3])
        );
        for (predicate, order) in [
            ("id >= 0", "a DESC"),
            ("a > 0", "a DESC"),
            ("NOT a >= 0", "a DESC"),
            ("a >= 1", "a DESC"),
            ("a >= 0", "a"),
            ("a >= 0", "id"),
            ("*", "a DESC"),
        ] {
            let (args, order) = (words(predicate), words(order));
            let other = query(&args, &order);
            assert_eq!(
                error(page(&table, &other, &cursor, 0, 100)).code(),
                Code::BadCursor
            );
        }
        // Written with @ it is the same query.
        let (args, order) = (words("@a >= 0"), words("@a DESC"));
        assert!(page(&table, &query(&args, &order), &cursor, 0, 100).is_ok());
        for place in 0..cursor.len() {
            let mut damaged = cursor.clone();
            damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                error(page(&table, &first, &damaged, 0, 100)).code(),
                Code::BadCursor
            );
            damaged[place] = if cursor[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(
                error(page(&table, &first, &damaged, 0, 100)).code(),
                Code::BadCursor
            );
            if place != 1 {
                assert_eq!(
                    error(page(&table, &first, &cursor[..place], 0, 100)).code(),
                    Code::BadCursor
                );
            }
        }
        let foreign = records(table_of(8, operations));
        assert_eq!(
            error(page(&foreign, &first, &cursor, 0, 100)).code(),
            Code::BadCursor
        );
        first.limit = Some(0);
        assert_eq!(
            error(page(&table, &first, b"0", 0, 100)).code(),
            Code::Syntax
        );
    }

    #[test]
    fn a_cursor_keeps_the_clock_of_its_first_page() {
        let mut table = table("ADD FIELD d DATETIME INDEX TIMESTAMPS OFF");
        for id in 1..=6 {
            put(
                &mut table,
                &[Value::Integer(id), Value::DateTime(id * 10), Value::Null],
            );
        }
        let (args, order) = (words("d < now"), words("d"));
        let mut walk = query(&args, &order);
        walk.limit = Some(2);
        let (cursor, rows) = page(&table, &walk, b"0", 45, 100).unwrap();
        assert_eq!(ids(&table, &rows), [1, 2]);
        let (cursor, rows) = page(&table, &walk, &cursor, 1000, 100).unwrap();
        assert_eq!((cursor, ids(&table, &rows)), (b"0".to_vec(), vec![3, 4]));
    }

    #[test]
    fn a_page_costs_the_same_at_the_end_as_at_the_start() {
        let mut table = table(
            "ADD FIELD a INTEGER ADD FIELD b INTEGER ADD INDEX a ADD INDEX a b @id TIMESTAMPS OFF",
        );
        for id in 1..=3000 {
            put(
                &mut table,
                &[
                    Value::Integer(id),
                    Value::Integer(id % 1000),
                    Value::Integer(id % 7),
                    Value::Null,
                ],
            );
        }
        for order in ["a", "a DESC", "a b", "id DESC", "id"] {
            let (args, order) = (words("*"), words(order));
            let mut walk = query(&args, &order);
            walk.limit = Some(10);
            let resolved = Order::resolve(table.schema(), &walk.order).unwrap();
            let filter = Filter::everything();
            let sets = OrderedWalk::all(&table, filter.root.conjuncts(), &resolved);
            let hash = query_hash(table.schema(), &walk.predicate, &resolved);
            let mut cursor = b"0".to_vec();
            let mut seen = 0;
            loop {
                let (next, rows) = page(&table, &walk, &cursor, 0, 100).unwrap();
                seen += rows.len();
                cursor = next;
                if cursor == b"0" {
                    break;
                }
                // A page needs but its own rows and the groups of equal keys they lie in.
                let from = decode(&table, hash, &resolved, &cursor).unwrap().position;
                let checks = Checks::new(&table, &[], || 0, Clock::new(&table, || 0));
                let bounds = Bounds {
                    wanted: 10,
                    budget: 40,
                };
                let found = sets[0].run(&table, &resolved, &checks, Some(&from), bounds);
                assert_eq!(found.unwrap().len(), 10.min(3000 - seen), "{order:?}");
            }
            assert_eq!(seen, 3000);
        }
    }
}
