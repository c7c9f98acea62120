//! Answers that are not packed.

use redis::Value;

use crate::{
    cell::Cell,
    error::{Error, Result},
    packed,
    row::Row,
    schema::Type,
};

/// An answer of another form than the command has.
pub(crate) fn unexpected(expected: &str, reply: &Value) -> Error {
    let mut found = format!("{reply:?}");
    if let Some((end, _)) = found.char_indices().nth(80) {
        found.truncate(end);
    }
    Error::reply(format!("expected {expected}, found {found}"))
}

/// A number.
pub(crate) fn integer(reply: &Value) -> Result<i64> {
    match reply {
        Value::Int(number) => Ok(*number),
        other => Err(unexpected("a number", other)),
    }
}

/// A count, or another number that is not negative.
pub(crate) fn count(reply: &Value) -> Result<u64> {
    u64::try_from(integer(reply)?).map_err(|_| unexpected("a count", reply))
}

/// Text.
pub(crate) fn text(reply: Value) -> Result<String> {
    match reply {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text),
        Value::Okay => Ok("OK".into()),
        other => Err(unexpected("text", &other)),
    }
}

/// The elements of an array or a set.
pub(crate) fn array(reply: Value) -> Result<Vec<Value>> {
    match reply {
        Value::Array(items) | Value::Set(items) => Ok(items),
        other => Err(unexpected("an array", &other)),
    }
}

/// The pairs of a map, or of a flat array where the protocol has no maps.
pub(crate) fn map(reply: Value) -> Result<Vec<(Value, Value)>> {
    match reply {
        Value::Map(pairs) => Ok(pairs),
        Value::Array(items) => {
            let mut items = items.into_iter();
            let mut pairs = Vec::with_capacity(items.len() / 2);
            while let Some(key) = items.next() {
                pairs.push((key, items.next().unwrap_or_default()));
            }
            Ok(pairs)
        }
        other => Err(unexpected("a map", &other)),
    }
}

/// The value of a field that is answered by itself, in either protocol; `None` for a null.
pub(crate) fn cell(kind: Type, reply: &Value) -> Result<Option<Cell<'_>>> {
    if *reply == Value::Nil {
        return Ok(None);
    }
    let cell = match (kind, reply) {
        (Type::Integer, Value::Int(n)) => Some(Cell::Integer(*n)),
        (Type::DateTime, Value::Int(n)) => Some(Cell::DateTime(*n)),
        (Type::Float, Value::Double(x)) => Some(Cell::Float(*x)),
        (Type::Boolean, Value::Boolean(truth)) => Some(Cell::Boolean(*truth)),
        (Type::String, Value::BulkString(bytes)) => Some(Cell::Text(bytes.as_slice().into())),
        (kind, Value::BulkString(bytes)) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| of_text(kind, text)),
        _ => None,
    };
    match cell {
        Some(cell) => Ok(Some(cell)),
        None => Err(unexpected(&format!("a value of type {kind}"), reply)),
    }
}

fn of_text(kind: Type, text: &str) -> Option<Cell<'_>> {
    Some(match kind {
        Type::Integer => Cell::Integer(text.parse().ok()?),
        Type::DateTime => Cell::DateTime(text.parse().ok()?),
        Type::Float => Cell::Float(text.parse().ok()?),
        Type::Boolean => Cell::Boolean(text.parse().ok()?),
        Type::Enum(_) => Cell::Name(text),
        Type::Uuid => {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            Cell::Uuid(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
        }
        Type::String => Cell::Text(text.as_bytes().into()),
        Type::Tags => return None,
    })
}

/// The rows of a packed answer.
pub(crate) fn rows<'n, T>(
    reply: &Value,
    names: impl Iterator<Item = &'n str> + Clone,
    take: impl FnMut(&mut Row<'_, '_>) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    match reply {
        Value::BulkString(bytes) => packed::rows(bytes, names, take),
        other => Err(unexpected("a packed answer", other)),
    }
}

/// The rows of a packed answer in which no record is absent.
pub(crate) fn present<'n, T>(
    reply: &Value,
    names: impl Iterator<Item = &'n str> + Clone,
    take: impl FnMut(&mut Row<'_, '_>) -> Result<T>,
) -> Result<Vec<T>> {
    let rows = rows(reply, names, take)?.into_iter();
    let absent = || Error::reply("a packed answer without one of its records".into());
    rows.map(|row| row.ok_or_else(absent)).collect()
}

/// The one row of a packed answer; `None` for a null.
pub(crate) fn one<'n, T>(
    reply: &Value,
    names: impl Iterator<Item = &'n str> + Clone,
    take: impl FnMut(&mut Row<'_, '_>) -> Result<T>,
) -> Result<Option<T>> {
    if *reply == Value::Nil {
        return Ok(None);
    }
    let mut rows = present(reply, names, take)?.into_iter();
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(Some(row)),
        _ => Err(Error::reply(
            "a packed answer that is not of one record".into(),
        )),
    }
}
