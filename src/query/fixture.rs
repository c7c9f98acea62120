//! Tables and predicates for the tests of this module.

use super::{Predicate, Query, parse_order, parse_predicate};
use crate::{
    error::{Error, Result},
    schema::{Direction, Line, State, parse_operations},
    table::{Row, Table, Write},
    tokens::{Keywords, Tokens},
    value::{Value, ValueRef},
};

/// The words of a line, each a token; `''` is the empty one.
pub(super) fn words(line: &str) -> Vec<&[u8]> {
    let words = line.split_whitespace();
    words
        .map(|word| {
            if word == "''" {
                &b""[..]
            } else {
                word.as_bytes()
            }
        })
        .collect()
}

/// A table made by these operations.
pub(super) fn table(operations: &str) -> Table {
    table_of(7, operations)
}

/// A table of this identity made by these operations.
pub(super) fn table_of(identity: u64, operations: &str) -> Table {
    let args = words(operations);
    let mut table = Table::new(identity);
    let line = Line {
        version: 1,
        name: "make".into(),
        direction: Direction::Up,
        state: State::Applied,
        at: 0,
        took: 0,
        operations: parse_operations(&mut Tokens::new(&args)).unwrap(),
        down: None,
    };
    table.migrate(line, false, 0, || 0).unwrap();
    table
}

/// Puts a record of these values, by position, in place of the one that has its id.
pub(super) fn put(table: &mut Table, values: &[Value]) -> Row {
    let values: Vec<ValueRef> = values.iter().map(Value::as_ref).collect();
    let row = table.row(&values[0]);
    let mut write = Write::begin(table, 0);
    let row = match row {
        Some(row) => {
            write.replace(row, &values).unwrap();
            row
        }
        None => write.insert(&values).unwrap(),
    };
    write.commit().unwrap();
    row
}

/// Removes the record of an id.
pub(super) fn remove(table: &mut Table, id: i64) {
    let Some(row) = table.row(&ValueRef::Integer(id)) else {
        return;
    };
    let mut write = Write::begin(table, 0);
    write.remove(row);
    write.commit().unwrap();
}

/// The ids of rows.
pub(super) fn ids(table: &Table, rows: &[Row]) -> Vec<i64> {
    let id = |row: &Row| match table.record(*row).unwrap().value(0) {
        ValueRef::Integer(id) => id,
        other => panic!("an id is {other:?}"),
    };
    rows.iter().map(id).collect()
}

/// Reads all of the tokens as a predicate.
pub(super) fn predicate<'a>(args: &'a [&'a [u8]]) -> Result<Predicate<'a>> {
    let mut tokens = Tokens::new(args);
    let predicate = parse_predicate(&mut tokens)?;
    tokens.finish()?;
    Ok(predicate)
}

/// A query of a predicate and the fields of an ORDER BY, with SCAN.
pub(super) fn query<'a>(args: &'a [&'a [u8]], order: &'a [&'a [u8]]) -> Query<'a> {
    let mut query = Query::of(predicate(args).unwrap());
    query.scan = true;
    if !order.is_empty() {
        query.order = parse_order(&mut Tokens::new(order), &Keywords::of(&[])).unwrap();
    }
    query
}

/// The error of what should have failed.
pub(super) fn error<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error,
    }
}
