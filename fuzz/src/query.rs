//! A query over a table with any set of indexes, over the same records without one, and over a
//! plain list: three times the same answer.
//!
//! Held too: whether a query is served without SCAN is the schema's to say, so an empty table
//! says the same; more rows than are allowed are refused; a walk by pages sees every match once,
//! in order; EXPLAIN has an answer wherever the query has one.

use yarr::{
    error::Code,
    query::{Query, count, each, explain, explain_count, page, select},
    table::Table,
};

use crate::{
    draw::Draw,
    model::{self, Asked, NOW, Order},
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
            check_served(&shelf.indexed, &empty, query);
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
