//! A query over a table with any set of indexes, over the same records without one, and over a
//! plain list: three times the same answer.
//!
//! Held too: whether a query is served without SCAN is the schema's to say, so an empty table
//! says the same; more rows than are allowed are refused; a walk by pages sees every match once,
//! in order; EXPLAIN has an answer wherever the query has one. And what the matches come to, by any
//! functions and in any groups, is the same with indexes and without.

use yarr::{
    error::Code,
    query::{
        Aggregation, Answer, ColumnOrder, Function, Query, aggregate, count, each, explain,
        explain_aggregate, explain_count, page, select,
    },
    table::Table,
};

use crate::{
    draw::Draw,
    model::{self, Asked, NAMES, NOW, Order},
    shelf::{Question, Shelf, emptied, id, ids},
};

/// More rows than any shelf holds.
const MANY: u64 = 1000;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let shelf = Shelf::draw(&mut draw);
    shelf.indexed.check_consistency().expect("a sound table");
    let empty = emptied(&shelf.indexed);
    for _ in 0..4 {
        let (asked, order) = (Asked::draw(&mut draw), model::order(&mut draw));
        let limit = (draw.below(3) == 0).then(|| draw.below(20) as u64);
        let offset = if draw.below(3) == 0 {
            draw.below(10) as u64
        } else {
            0
        };
        let size = 1 + draw.below(8) as u64;
        let whole: Vec<i64> = shelf.matches(&asked, &order).into_iter().map(id).collect();
        Question::new(&asked, &order).with(|mut query| {
            for table in [&shelf.indexed, &shelf.plain] {
                query.limit = Some(size);
                check_pages(table, &query, &order, &whole);
                (query.limit, query.offset) = (limit, offset);
                check_rows(table, &query, &order, &whole);
                query.offset = 0;
            }
            query.offset = offset;
            check_served(&shelf.indexed, &empty, query.clone());
            query.order = Vec::new();
            check_aggregate(&shelf, query, whole.len() as u64, &mut draw);
        });
        if draw.is_done() {
            break;
        }
    }
}

/// Where nothing orders the matches, only which they are can be compared.
fn assert_same(found: Vec<i64>, expected: &[i64], within: &[i64], order: &Order) {
    if !order.is_empty() {
        return assert_eq!(found, expected);
    }
    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(
        once.len(),
        found.len(),
        "a record is answered twice: {found:?}"
    );
    assert_eq!(
        once.len(),
        expected.len(),
        "{found:?} instead of {expected:?}"
    );
    assert!(
        once.iter().all(|id| within.contains(id)),
        "{found:?} are not of {within:?}"
    );
}

fn check_rows(table: &Table, query: &Query, order: &Order, whole: &[i64]) {
    let from = whole.len().min(query.offset as usize);
    let to = query
        .limit
        .map_or(whole.len(), |limit| whole.len().min(from + limit as usize));
    let expected = &whole[from..to];
    let rows = select(table, query, NOW, MANY).expect("a query with SCAN is served");
    assert_same(ids(table, &rows), expected, whole, order);
    assert_eq!(count(table, query, NOW), Ok(expected.len() as u64));
    let most = expected.len() as u64;
    assert_eq!(
        select(table, query, NOW, most).map(|rows| rows.len() as u64),
        Ok(most)
    );
    if most > 0 {
        let refused = select(table, query, NOW, most - 1).map_err(|error| error.code());
        assert_eq!(refused, Err(Code::TooMany));
    }
    let mut met = Vec::new();
    each(table, &query.predicate, true, NOW, &mut |row| {
        met.push(row);
        true
    })
    .expect("a predicate with SCAN is served");
    assert_same(ids(table, &met), whole, whole, &Order::new());
    let lines = explain(table, query, NOW).expect("a plan").lines();
    let counted = explain_count(table, query, NOW).expect("a plan").lines();
    assert!(!lines.is_empty() && !counted.is_empty());
}

fn check_pages(table: &Table, query: &Query, order: &Order, whole: &[i64]) {
    let mut expected = whole.to_vec();
    if order.is_empty() {
        expected.sort_unstable();
    }
    let mut cursor = b"0".to_vec();
    for part in expected.chunks(query.limit.unwrap_or(1) as usize) {
        let (next, rows) = page(table, query, &cursor, NOW, MANY).expect("a page");
        assert_eq!(ids(table, &rows), part);
        cursor = next;
    }
    if expected.is_empty() {
        let (next, rows) = page(table, query, &cursor, NOW, MANY).expect("a page");
        assert!(rows.is_empty());
        cursor = next;
    }
    assert_eq!(cursor, b"0", "the walk does not end");
}

fn check_served(table: &Table, empty: &Table, mut query: Query) {
    query.scan = false;
    let code = |error: yarr::error::Error| error.code();
    let found = select(table, &query, NOW, MANY).map_err(code);
    assert_eq!(
        found.as_ref().err(),
        select(empty, &query, NOW, MANY)
            .map_err(code)
            .as_ref()
            .err(),
        "whether a query is served depends on the records"
    );
    match found {
        Ok(rows) => {
            query.scan = true;
            let scanned = select(table, &query, NOW, MANY).expect("a query with SCAN is served");
            assert_eq!(rows.len(), scanned.len());
        }
        Err(code) => assert_eq!(code, Code::NoIndex),
    }
}

/// Aggregates drawn at random: the same with indexes and without, and every match counted once.
fn check_aggregate(shelf: &Shelf, query: Query, matches: u64, draw: &mut Draw) {
    let mut group: Vec<&[u8]> = Vec::new();
    for _ in 0..draw.below(4) {
        let field = draw.pick(&NAMES).as_bytes();
        if !group.contains(&field) {
            group.push(field);
        }
    }
    let mut functions = Vec::new();
    for _ in 0..1 + draw.below(4) {
        let function = function(draw);
        if !functions.contains(&function) {
            functions.push(function);
        }
    }
    let mut order: Vec<ColumnOrder> = Vec::new();
    for _ in 0..draw.below(3) {
        let sorting = ColumnOrder {
            column: draw.below(group.len() + functions.len()),
            descending: draw.below(2) == 1,
        };
        if order.iter().all(|other| other.column != sorting.column) {
            order.push(sorting);
        }
    }
    let mut asked = Aggregation {
        query,
        group,
        functions,
        order,
    };
    let plain = aggregate(&shelf.plain, &asked, NOW, MANY);
    assert_eq!(aggregate(&shelf.indexed, &asked, NOW, MANY), plain);
    let plan = explain_aggregate(&shelf.indexed, &asked, NOW).expect("a plan");
    assert!(!plan.lines().is_empty());
    asked.functions = vec![Function::Count];
    (asked.query.limit, asked.query.offset) = (None, 0);
    asked.order.clear();
    let counted = aggregate(&shelf.indexed, &asked, NOW, MANY).expect("counts never overflow");
    let last = |row: &[Answer]| match row.last() {
        Some(Answer::Count(count)) => *count,
        other => panic!("a count is {other:?}"),
    };
    assert_eq!(counted.rows().map(last).sum::<u64>(), matches);
}

/// A function of a field that takes it.
fn function(draw: &mut Draw) -> Function<&'static [u8]> {
    let number = draw.pick(&["id", "i", "f"]).as_bytes();
    let field = draw.pick(&NAMES).as_bytes();
    match draw.below(6) {
        0 => Function::Count,
        1 => Function::CountDistinct(field),
        2 => Function::Sum(number),
        3 => Function::Average(number),
        4 => Function::Least(field),
        _ => Function::Greatest(field),
    }
}
