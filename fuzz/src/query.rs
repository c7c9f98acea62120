//! A query over a table with any set of indexes, over the same records without one, and over a
//! plain list: three times the same answer. And a fourth time packed, read from the bytes.
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
    value::Value,
};

use crate::{
    draw::Draw,
    model::{self, Asked, ENUM, NAMES, NOW, Order, Record, TAGS},
    packed::{assert_says, unpacked},
    reply::ask,
    shelf::{Question, Shelf, emptied, id, ids},
    tags,
    unpack::{Cell, Kind, Unpacked},
};

/// More rows than any shelf holds.
const MANY: u64 = 1000;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let mut shelf = Shelf::draw(&mut draw);
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
        let question = Question::new(&asked, &order);
        question.with(|mut query| {
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
        check_packed(&mut shelf, &question, &order, &whole, &mut draw);
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
    let rows = select(table, query, || NOW, MANY).expect("a query with SCAN is served");
    assert_same(ids(table, &rows), expected, whole, order);
    assert_eq!(count(table, query, || NOW), Ok(expected.len() as u64));
    let most = expected.len() as u64;
    assert_eq!(
        select(table, query, || NOW, most).map(|rows| rows.len() as u64),
        Ok(most)
    );
    if most > 0 {
        let refused = select(table, query, || NOW, most - 1).map_err(|error| error.code());
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
    let found = select(table, &query, || NOW, MANY).map_err(code);
    assert_eq!(
        found.as_ref().err(),
        select(empty, &query, || NOW, MANY)
            .map_err(code)
            .as_ref()
            .err(),
        "whether a query is served depends on the records"
    );
    match found {
        Ok(rows) => {
            query.scan = true;
            let scanned = select(table, &query, || NOW, MANY).expect("a query with SCAN is served");
            assert_eq!(rows.len(), scanned.len());
        }
        Err(code) => assert_eq!(code, Code::NoIndex),
    }
}

/// Some of the fields, each once, as RETURN or PLUCK names them.
fn wanted(draw: &mut Draw) -> Vec<usize> {
    let mut positions = vec![draw.below(NAMES.len())];
    for _ in 0..draw.below(6) {
        let position = draw.below(NAMES.len());
        if !positions.contains(&position) {
            positions.push(position);
        }
    }
    positions
}

/// A WHERE answers what the list says, packed and plainly.
fn check_packed(
    shelf: &mut Shelf,
    question: &Question,
    order: &Order,
    whole: &[i64],
    draw: &mut Draw,
) {
    let mut words = question.words();
    let positions = wanted(draw);
    words.push(draw.pick(&[b"RETURN".as_slice(), b"PLUCK"]));
    words.extend(positions.iter().map(|position| NAMES[*position].as_bytes()));
    let with_packed = [&words[..], &[b"PACKED"]].concat();
    for table in [&mut shelf.indexed, &mut shelf.plain] {
        let plain = ask(table, "yarr.where", &words, NOW).expect("a query with SCAN is served");
        let packed = ask(table, "yarr.where", &with_packed, NOW).expect("it is, packed too");
        assert_says("yarr.where", &packed, &plain);
        let Unpacked { columns, rows } = unpacked(&packed);
        let expected = positions
            .iter()
            .map(|position| (NAMES[*position].to_string(), kind(*position)));
        assert!(columns.iter().cloned().eq(expected), "{columns:?}");
        let mut rows: Vec<_> = rows.into_iter().flatten().collect();
        let mut expected: Vec<_> = whole
            .iter()
            .map(|id| cells(&shelf.records[id], &positions))
            .collect();
        if order.is_empty() {
            let text = |cells: &Vec<Option<Cell>>| format!("{cells:?}");
            rows.sort_by_cached_key(text);
            expected.sort_by_cached_key(text);
        }
        assert_eq!(rows, expected);
    }
}

/// The type of the field at a position, as a packed reply tells it.
fn kind(position: usize) -> Kind {
    match NAMES[position] {
        "id" | "i" => Kind::Integer,
        "f" => Kind::Float,
        "b" => Kind::Boolean,
        "s" => Kind::String,
        "u" => Kind::Uuid,
        "e" => Kind::Enum(ENUM.map(String::from).into()),
        "t" => Kind::Tags,
        _ => Kind::DateTime,
    }
}

/// Values of a record as a packed reply has them.
fn cells(record: &Record, positions: &[usize]) -> Vec<Option<Cell>> {
    let cell = |position: &usize| {
        let value = &record[*position];
        Some(match value {
            Value::Null => return None,
            Value::Integer(n) | Value::DateTime(n) => Cell::Integer(*n),
            Value::Float(f) => Cell::Float(*f),
            Value::Boolean(truth) => Cell::Boolean(*truth),
            Value::String(text) => Cell::Bytes(text.to_vec()),
            Value::Uuid(bytes) => Cell::Uuid(*bytes),
            Value::Enum(ordinal) => Cell::Name(ENUM[usize::from(*ordinal)].into()),
            Value::Tags(_) => Cell::Tags(tags::of_value(value)?.into_iter().collect()),
        })
    };
    positions.iter().map(cell).collect()
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
    let tags = NAMES[TAGS].as_bytes();
    let names_tags = |function: &Function<&[u8]>| match function {
        Function::Count => false,
        Function::CountDistinct(field)
        | Function::Sum(field)
        | Function::Average(field)
        | Function::Least(field)
        | Function::Greatest(field) => *field == tags,
    };
    if asked.group.contains(&tags) || asked.functions.iter().any(names_tags) {
        assert_eq!(
            plain.map_err(|error| error.code()).err(),
            Some(Code::BadValue)
        );
        return;
    }
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
