//! Cases that concern the whole of a query: sizes, limits, depths.

use super::{fixture::*, *};
use crate::value::Value;

#[test]
fn a_chain_of_a_million_conditions_is_answered() {
    let mut table = table("ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER TIMESTAMPS OFF");
    for id in 1..=20 {
        put(
            &mut table,
            &[
                Value::Integer(id),
                Value::Integer(id),
                Value::Integer(id),
                Value::Null,
            ],
        );
    }
    let numbers: Vec<String> = (0..1_000_000)
        .map(|n| (n % 500_000 + 11).to_string())
        .collect();
    for (word, operator, field, expected) in [("OR", "=", "a", 10), ("AND", "!=", "a", 10)] {
        let mut line: Vec<&[u8]> = Vec::new();
        for number in &numbers {
            if !line.is_empty() {
                line.push(word.as_bytes());
            }
            line.extend([field.as_bytes(), operator.as_bytes(), number.as_bytes()]);
        }
        let query = query(&line, &[]);
        assert_eq!(
            count(&table, &query, || 0).unwrap(),
            expected,
            "{word} {operator}"
        );
    }
}

#[test]
fn the_deepest_nesting_is_answered() {
    let mut table =
        table("ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER BITMAP ADD INDEX b a TIMESTAMPS OFF");
    for id in 1..=20 {
        put(
            &mut table,
            &[
                Value::Integer(id),
                Value::Integer(id),
                Value::Integer(id % 3),
                Value::Null,
            ],
        );
    }
    // Each level adds the records with one more a, or takes one away.
    let joints = [
        "b = 1 OR a = 5 AND NOT ( ",
        "a > 2 AND NOT ( ",
        "a = 9 OR NOT ( ",
    ];
    let line: String = (0..MAX_DEPTH).map(|level| joints[level % 3]).collect();
    let line = line + "a = 1" + &" )".repeat(MAX_DEPTH);
    let line = words(&line);
    let all = select(&table, &query(&line, &[b"a"]), || 0, 100).unwrap();
    let filter = filter(table.schema(), &predicate(&line).unwrap(), 0).unwrap();
    let rows = table.records().iter().map(|(row, _)| row);
    let expected: MatchedRows = rows
        .filter(|row| filter.matches(&table.record(*row).unwrap()))
        .collect();
    assert_eq!(all, expected);
    assert_eq!(
        count(&table, &query(&line, &[]), || 0).unwrap(),
        expected.len() as u64
    );
}

#[test]
fn many_parts_of_many_kinds_are_answered() {
    let mut table = table("ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER INDEX TIMESTAMPS OFF");
    put(
        &mut table,
        &[
            Value::Integer(1),
            Value::Integer(3),
            Value::Integer(3),
            Value::Null,
        ],
    );
    let line = "( a = 3 OR b = 4 ) AND ".repeat(30_000) + "id = 1";
    let line = words(&line);
    assert_eq!(count(&table, &query(&line, &[]), || 0).unwrap(), 1);
    assert_eq!(
        select(&table, &query(&line, &[b"a"]), || 0, 10)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn different_fields_in_a_long_chain_are_answered() {
    let mut table = table("ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER INDEX TIMESTAMPS OFF");
    put(
        &mut table,
        &[
            Value::Integer(1),
            Value::Integer(3),
            Value::Integer(3),
            Value::Null,
        ],
    );
    let part = "( a = 3 AND b = 3 ) OR ";
    let line = part.repeat(100_000) + "a = 1";
    let line = words(&line);
    let query = query(&line, &[]);
    assert_eq!(select(&table, &query, || 0, 10).unwrap().len(), 1);
    assert_eq!(count(&table, &query, || 0).unwrap(), 1);
    assert!(explain(&table, &query, 0).unwrap().lines().len() < 300);
}

#[test]
fn more_rows_than_the_limit_are_refused() {
    let mut table = table("ADD FIELD a INTEGER INDEX TIMESTAMPS OFF");
    for id in 1..=30 {
        put(
            &mut table,
            &[Value::Integer(id), Value::Integer(30 - id), Value::Null],
        );
    }
    for order in ["", "a", "a DESC", "id", "id DESC"] {
        let order = words(order);
        let args = words("a >= 0");
        let mut query = query(&args, &order);
        let refused = error(select(&table, &query, || 0, 20));
        assert_eq!(refused.code(), Code::TooMany);
        assert!(
            refused
                .to_string()
                .contains("at most 20 records, found more; use LIMIT or CURSOR")
        );
        assert_eq!(page(&table, &query, b"0", 0, 20).unwrap().1.len(), 20);
        assert_eq!(select(&table, &query, || 0, 30).unwrap().len(), 30);
        query.limit = Some(21);
        assert_eq!(
            error(select(&table, &query, || 0, 20)).code(),
            Code::TooMany
        );
        assert_eq!(
            error(page(&table, &query, b"0", 0, 20)).code(),
            Code::TooMany
        );
        query.limit = Some(20);
        assert_eq!(select(&table, &query, || 0, 20).unwrap().len(), 20);
        query.limit = Some(u64::MAX);
        query.offset = 10;
        assert_eq!(select(&table, &query, || 0, 20).unwrap().len(), 20);
        query.offset = u64::MAX;
        assert_eq!(select(&table, &query, || 0, u64::MAX).unwrap().len(), 0);
        assert_eq!(count(&table, &query, || 0).unwrap(), 0);
    }
}

#[test]
fn several_bitmaps_narrow_one_answer() {
    let mut table = table(
        "ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER BITMAP ADD FIELD c INTEGER BITMAP \
         ADD FIELD d INTEGER BITMAP TIMESTAMPS OFF",
    );
    for id in 1..=60 {
        let of = |n: i64| Value::Integer(id % n);
        put(
            &mut table,
            &[Value::Integer(id), of(7), of(2), of(3), of(5), Value::Null],
        );
    }
    let holds = |id: &i64| id % 2 == 1 && id % 3 == 1 && id % 5 != 4;
    for (line, expected) in [
        (
            "b = 1 AND c = 1 AND d < 4",
            (1..=60).filter(holds).collect::<Vec<_>>(),
        ),
        (
            "a < 3 AND b = 1 AND c = 1 AND d < 4",
            (1..=60).filter(holds).filter(|id| id % 7 < 3).collect(),
        ),
        (
            "a = 3 AND b = 1 AND c = 1 AND d < 4",
            (1..=60).filter(holds).filter(|id| id % 7 == 3).collect(),
        ),
    ] {
        let args = words(line);
        assert_eq!(
            count(&table, &query(&args, &[]), || 0).unwrap(),
            expected.len() as u64,
            "{line}"
        );
        let rows = select(&table, &query(&args, &[b"id"]), || 0, 100).unwrap();
        assert_eq!(ids(&table, &rows), expected, "{line}");
        let rows = select(&table, &query(&args, &[]), || 0, 100).unwrap();
        assert_eq!(rows.len(), expected.len(), "{line}");
    }
}
