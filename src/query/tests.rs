//! Cases: what is read, what it means, what is refused.

use super::{fixture::*, *};
use crate::{
    tokens::Tokens,
    value::{Value, ValueRef},
};

/// What a predicate is read as, with parentheses around each joint.
fn read(line: &str) -> String {
    fn text(token: &[u8]) -> String {
        String::from_utf8_lossy(token).into_owned()
    }
    fn condition(condition: &Condition) -> String {
        let field = text(condition.field);
        match &condition.test {
            Test::Compare(comparison, value) => format!("{field} {comparison:?} {}", text(value)),
            Test::Between(low, high) => format!("{field} between {} {}", text(low), text(high)),
            Test::In(values) => {
                format!(
                    "{field} in {:?}",
                    values.iter().map(|v| text(v)).collect::<Vec<_>>()
                )
            }
            Test::StartsWith(prefix) => format!("{field} starts {}", text(prefix)),
            Test::IsNull => format!("{field} null"),
            Test::IsNotNull => format!("{field} not null"),
        }
    }
    fn node(part: &Node) -> String {
        let joined = |parts: &[Node], word: &str| {
            format!(
                "({})",
                parts.iter().map(node).collect::<Vec<_>>().join(word)
            )
        };
        match part {
            Node::And(parts) => joined(parts, " & "),
            Node::Or(parts) => joined(parts, " | "),
            Node::Not(part) => format!("!{}", node(part)),
            Node::Condition(c) => condition(c),
        }
    }
    match predicate(&words(line)) {
        Ok(Predicate::Everything) => "*".into(),
        Ok(Predicate::Where(root)) => node(&root),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_predicate_is_read_as_the_grammar_says() {
    for (line, expected) in [
        ("*", "*"),
        ("all", "*"),
        ("a = 1", "a Equal 1"),
        ("a eq 1", "a Equal 1"),
        ("a != 1", "a NotEqual 1"),
        ("a NE 1", "a NotEqual 1"),
        ("a < 1", "a Less 1"),
        ("a LT 1", "a Less 1"),
        ("a <= 1", "a LessOrEqual 1"),
        ("a Le 1", "a LessOrEqual 1"),
        ("a > 1", "a Greater 1"),
        ("a GT 1", "a Greater 1"),
        ("a >= 1", "a GreaterOrEqual 1"),
        ("a GE 1", "a GreaterOrEqual 1"),
        ("a BETWEEN 1 AND 2", "a between 1 2"),
        ("a between AND and AND", "a between AND AND"),
        ("a IN 0", "a in []"),
        ("a in 2 ) (", "a in [\")\", \"(\"]"),
        ("a IS NULL", "a null"),
        ("a is not null", "a not null"),
        ("a STARTS WITH x", "a starts x"),
        ("@all = *", "@all Equal *"),
        ("@not = NOT", "@not Equal NOT"),
        ("in IN 1 in", "in in [\"in\"]"),
        (
            "a = AND AND b = OR OR c = (",
            "((a Equal AND & b Equal OR) | c Equal ()",
        ),
        (
            "a = 1 OR b = 2 AND NOT c = 3",
            "(a Equal 1 | (b Equal 2 & !c Equal 3))",
        ),
        ("NOT NOT a = 1", "a Equal 1"),
        ("NOT NOT NOT a = 1", "!a Equal 1"),
        (
            "NOT ( a = 1 OR b = 2 ) AND c = 3",
            "(!(a Equal 1 | b Equal 2) & c Equal 3)",
        ),
        ("( ( a = 1 ) )", "a Equal 1"),
        (
            "a = 1 AND b = 2 AND c = 3",
            "(a Equal 1 & b Equal 2 & c Equal 3)",
        ),
    ] {
        assert_eq!(read(line), expected, "{line}");
    }
}

#[test]
fn a_syntax_error_names_the_token_and_its_place() {
    // The table is argument 1, so the first token here is argument 2.
    for (line, expected) in [
        (
            "",
            "a field's name, NOT or '(' at argument 2, found the end of the command",
        ),
        (
            "AND a = 1",
            "a field's name, NOT or '(' at argument 2, found 'AND'",
        ),
        (
            "a",
            "an operator (= != < <= > >= BETWEEN, IN, IS, STARTS WITH) at argument 3, found the end of the command",
        ),
        ("a == 1", "STARTS WITH) at argument 3, found '=='"),
        ("a =", "a value at argument 4, found the end of the command"),
        ("a = 1 AND", "at argument 6, found the end of the command"),
        ("a = 1 OR *", "at argument 6, found '*'"),
        ("a = 1 )", "the end of the command at argument 5, found ')'"),
        (
            "( a = 1",
            "AND, OR or ')' at argument 6, found the end of the command",
        ),
        ("( )", "at argument 3, found ')'"),
        ("NOT", "at argument 3, found the end"),
        ("a BETWEEN 1 2", "expected AND at argument 5, found '2'"),
        ("a BETWEEN 1", "expected AND at argument 5, found the end"),
        ("a IN x 1", "the number of values at argument 4, found 'x'"),
        ("a IN -1", "the number of values at argument 4, found '-1'"),
        ("a IN 2 1", "expected 2 values after argument 4, found 1"),
        ("a IN 18446744073709551615 1", "the number of values"),
        (
            "a IN 9223372036854775807 1",
            "expected 9223372036854775807 values",
        ),
        ("a IS 1", "expected NULL at argument 4, found '1'"),
        ("a STARTS x", "expected WITH at argument 4, found 'x'"),
        (
            "* AND a = 1",
            "the end of the command at argument 3, found 'AND'",
        ),
    ] {
        let error = read(line);
        assert!(
            error.starts_with("ERR ") && error.contains(expected),
            "{line}: {error}"
        );
    }
}

#[test]
fn nesting_is_bounded_and_chains_are_not() {
    let nested = |depth: usize| {
        let mut line = vec![&b"("[..]; depth];
        line.extend([&b"a"[..], b"=", b"1"]);
        line.extend(vec![&b")"[..]; depth]);
        predicate(&line).map(drop)
    };
    nested(MAX_DEPTH).unwrap();
    let refused = error(nested(MAX_DEPTH + 1)).to_string();
    assert!(refused.contains("at most 128 levels"), "{refused}");
    assert!(nested(100_000).is_err());
    let mut line = vec![&b"NOT"[..]; 100_001];
    line.extend([&b"a"[..], b"=", b"1"]);
    assert!(matches!(
        predicate(&line).unwrap(),
        Predicate::Where(Node::Not(_))
    ));
}

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
            count(&table, &query, 0).unwrap(),
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
    let all = select(&table, &query(&line, &[b"a"]), 0, 100).unwrap();
    let filter = filter(table.schema(), &predicate(&line).unwrap(), 0).unwrap();
    let rows = table.records().iter().map(|(row, _)| row);
    let expected: Vec<Row> = rows
        .filter(|row| filter.matches(&table.record(*row).unwrap()))
        .collect();
    assert_eq!(all, expected);
    assert_eq!(
        count(&table, &query(&line, &[]), 0).unwrap(),
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
    let line = "( a = 3 OR b = 4 ) AND ".repeat(100_000) + "id = 1";
    let line = words(&line);
    assert_eq!(count(&table, &query(&line, &[]), 0).unwrap(), 1);
    assert_eq!(
        select(&table, &query(&line, &[b"a"]), 0, 10).unwrap().len(),
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
    assert_eq!(select(&table, &query, 0, 10).unwrap().len(), 1);
    assert_eq!(count(&table, &query, 0).unwrap(), 1);
    assert!(explain(&table, &query, 0).unwrap().lines().len() < 300);
}

/// A table with a field of each type, and records in the order of their values.
fn typed() -> Table {
    let mut table = table(
        "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME \
         ADD FIELD s STRING ADD FIELD u UUID ADD FIELD e ENUM ( low mid high ) TIMESTAMPS OFF",
    );
    let text = |text: &str| Value::String(text.as_bytes().into());
    let values: [[Value; 7]; 5] = [
        [
            Value::Integer(i64::MIN),
            Value::Float(f64::MIN),
            Value::Boolean(false),
            Value::DateTime(-1),
            text(""),
            Value::Uuid([0; 16]),
            Value::Enum(0),
        ],
        [
            Value::Integer(5),
            Value::Float(0.1),
            Value::Boolean(false),
            Value::DateTime(1000),
            text("a"),
            Value::Uuid([1; 16]),
            Value::Enum(0),
        ],
        [
            Value::Integer(6),
            Value::Float(9_007_199_254_740_992.0),
            Value::Boolean(true),
            Value::DateTime(1_357_034_400_000),
            text("ab"),
            Value::Uuid([2; 16]),
            Value::Enum(1),
        ],
        [
            Value::Integer(i64::MAX),
            Value::Float(f64::MAX),
            Value::Boolean(true),
            Value::DateTime(i64::MAX),
            text("b\u{0}"),
            Value::Uuid([255; 16]),
            Value::Enum(2),
        ],
        [const { Value::Null }; 7],
    ];
    for (at, values) in values.into_iter().enumerate() {
        let mut record = vec![Value::Integer(at as i64 + 1)];
        record.extend(values);
        record.push(Value::Null);
        put(&mut table, &record);
    }
    table
}

#[test]
fn a_condition_matches_the_values_it_says() {
    let table = typed();
    for (line, expected) in [
        ("i = 5", "2"),
        ("i = 5.0", "2"),
        ("i = 5e0", "2"),
        ("i = 5.5", ""),
        ("i != 5.5", "1234"),
        ("i < 5.5", "12"),
        ("i <= 5.5", "12"),
        ("i > 5.5", "34"),
        ("i >= 5.5", "34"),
        ("i BETWEEN 4.5 AND 5.5", "2"),
        ("i BETWEEN 5.1 AND 5.9", ""),
        ("NOT i BETWEEN 5.1 AND 5.9", "1234"),
        ("i IN 3 5 5.5 5.0", "2"),
        ("i > 9223372036854775807", ""),
        ("i >= 9223372036854775807", "4"),
        ("i < 9223372036854775808", "1234"),
        ("i <= 9223372036854775807.5", "1234"),
        ("i >= 9223372036854775807.5", ""),
        ("i = 9223372036854775808", ""),
        ("NOT i >= 9223372036854775808", "1234"),
        ("i < -9223372036854775808", ""),
        ("i <= -9223372036854775808", "1"),
        ("i >= -9223372036854775809", "1234"),
        ("i < 1e400", "1234"),
        ("i > -1e400", "1234"),
        ("i <= -1e400", ""),
        ("i BETWEEN -1e400 AND 1e400", "1234"),
        ("f = 9007199254740992", "3"),
        ("f = 9007199254740993", ""),
        ("f != 9007199254740993", "1234"),
        ("f < 9007199254740993", "123"),
        ("f >= 9007199254740993", "4"),
        ("f > 9007199254740991", "34"),
        ("f = 0.1", "2"),
        ("f <= 1e400", "1234"),
        ("f >= 1e400", ""),
        ("f > -1e400", "1234"),
        ("b = TRUE", "34"),
        ("b > 0", "34"),
        ("b != true", "12"),
        ("d = 2013-01-01T10:00:00Z", "3"),
        ("d < now", "12"),
        ("d <= now", "12"),
        ("d = now-1s", "2"),
        ("d > 999.5", "234"),
        ("s = ''", "1"),
        ("s STARTS WITH ''", "1234"),
        ("s STARTS WITH a", "23"),
        ("NOT s STARTS WITH a", "14"),
        ("s BETWEEN a AND ab", "23"),
        ("s > ab", "4"),
        ("u = 01010101010101010101010101010101", "2"),
        ("u < ffffffff-ffff-ffff-ffff-ffffffffffff", "123"),
        ("e < high", "123"),
        ("e BETWEEN high AND low", ""),
        ("e IN 3 high high low", "124"),
        ("i IS NULL", "5"),
        ("NOT i IS NULL", "1234"),
        ("NOT i IS NOT NULL", "5"),
        ("i IN 0", ""),
        ("NOT i IN 0", "1234"),
        ("i BETWEEN 6 AND 5", ""),
        ("NOT i BETWEEN 6 AND 5", "1234"),
        ("NOT ( i = 5 OR s = ab )", "14"),
        ("NOT ( i = 5 AND s = ab )", "1234"),
        ("NOT ( i IS NULL OR i = 5 )", "134"),
        ("i > 5 AND i < 9223372036854775807", "3"),
        ("i = 5 OR i IS NULL", "25"),
        ("i = 5 AND i IS NULL", ""),
        ("id = 3 OR id = 5", "35"),
        ("expires_at IS NULL", "12345"),
    ] {
        let line = words(line);
        let filter = filter(table.schema(), &predicate(&line).unwrap(), 2000).unwrap();
        let matched: Vec<String> = (1..=5)
            .filter(|id| {
                let row = table.row(&ValueRef::Integer(*id)).unwrap();
                filter.matches(&table.record(row).unwrap())
            })
            .map(|id| id.to_string())
            .collect();
        assert_eq!(
            matched.concat(),
            expected,
            "{:?}",
            String::from_utf8_lossy(&line.join(&b' '))
        );
        // And the same through a walk.
        let found = select(&table, &query(&line, &[b"id"]), 2000, 10).unwrap();
        let found: Vec<String> = ids(&table, &found).iter().map(i64::to_string).collect();
        assert_eq!(found.concat(), expected);
    }
}

#[test]
fn what_does_not_fit_its_field_is_refused() {
    let table = typed();
    for (line, expected) in [
        (
            "i = x",
            "BADVALUE field 'i' is INTEGER: expected a number, found 'x'",
        ),
        ("i = nan", "BADVALUE field 'i' is INTEGER"),
        ("i = ''", "found ''"),
        (
            "f = inf",
            "BADVALUE field 'f' is FLOAT: expected a finite number, found 'inf'",
        ),
        ("f > NaN", "BADVALUE"),
        ("b = 2", "BADVALUE field 'b' is BOOLEAN"),
        ("d = yesterday", "BADVALUE field 'd' is DATETIME"),
        ("u = 5", "BADVALUE field 'u' is UUID"),
        (
            "e = none",
            "BADVALUE field 'e' is ENUM: expected one of low, mid, high, found 'none'",
        ),
        ("i IN 2 1 x", "BADVALUE"),
        ("i BETWEEN x AND 1", "BADVALUE"),
        ("i = 1 OR b = 2", "BADVALUE"),
        (
            "i STARTS WITH 1",
            "BADVALUE field 'i' is INTEGER: STARTS WITH is for STRING",
        ),
        ("none = 1", "NOFIELD there is no field 'none'"),
        ("@@i = 1", "NOFIELD"),
        ("I = 1", "NOFIELD"),
    ] {
        let line = words(line);
        let error = error(filter(table.schema(), &predicate(&line).unwrap(), 0)).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_no_index_serves_is_refused_with_what_would_serve() {
    let table = table(
        "ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD FIELD c INTEGER ADD FIELD d INTEGER \
         ADD FIELD e ENUM ( x y ) BITMAP ADD INDEX b c TIMESTAMPS OFF",
    );
    for (line, expected) in [
        ("a = 1", None),
        ("e = x", None),
        ("b > 1", None),
        ("id = 1", None),
        ("id != 1", Some("!=")),
        ("expires_at < now", None),
        ("expires_at IS NOT NULL", None),
        ("expires_at IS NULL", Some("'expires_at'")),
        ("*", None),
        ("d = 1", Some("ADD INDEX d")),
        ("c = 1", Some("ADD INDEX c")),
        ("a != 1", Some("no index serves !=")),
        ("a = 1 OR d = 1", Some("'d'")),
        ("a = 1 OR d = 1 OR c = 1", Some("ADD INDEX c ADD INDEX d")),
        ("a = 1 AND d = 1", None),
        ("a != 1 AND a > 0", None),
        ("a != 1 OR a = 3", Some("!=")),
        ("a IN 0", None),
        ("d IN 0", Some("ADD INDEX d")),
        ("NOT a != 1", None),
        ("NOT a BETWEEN 1 AND 2", None),
        ("NOT a IN 1 1", Some("NOT IN")),
        ("NOT ( a < 2 OR d = 1 )", None),
        ("NOT ( a < 2 AND d = 1 )", Some("'d'")),
        ("c = 1 AND d != 1", Some("ADD INDEX c")),
    ] {
        let args = words(line);
        let mut query = Query::of(predicate(&args).unwrap());
        match (select(&table, &query, 0, 10), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => {
                let error = error.to_string();
                assert!(
                    error.starts_with("NOINDEX ") && error.contains(expected),
                    "{line}: {error}"
                );
            }
            (found, expected) => panic!("{line}: {found:?}, not {expected:?}"),
        }
        query.scan = true;
        assert_eq!(select(&table, &query, 0, 10), Ok(vec![]), "{line}");
    }
}

#[test]
fn an_order_ends_at_a_clause_and_has_each_field_once() {
    let order = |line: &str| {
        let args = words(line);
        let mut tokens = Tokens::new(&args);
        let order = parse_order(&mut tokens, &["LIMIT", "COUNT"]).map(|order| {
            order
                .iter()
                .map(|f| {
                    format!(
                        "{}{}",
                        String::from_utf8_lossy(f.field),
                        if f.descending { "-" } else { "+" }
                    )
                })
                .collect::<Vec<_>>()
                .join(" ")
        });
        match order {
            Ok(order) => format!("{order} ({} left)", tokens.left()),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(order("a"), "a+ (0 left)");
    assert_eq!(order("a asc b desc c limit 5"), "a+ b- c+ (2 left)");
    assert_eq!(order("@count DESC count"), "@count- (1 left)");
    assert_eq!(order("@asc @desc DESC"), "@asc+ @desc- (0 left)");
    assert!(order("a @a").contains("each field of ORDER BY once at argument 3, found '@a'"));
    assert!(order("").contains("a field to order by at argument 2"));
    assert!(order("LIMIT 5").contains("a field to order by at argument 2, found 'LIMIT'"));
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
        let refused = error(select(&table, &query, 0, 20));
        assert_eq!(refused.code(), Code::TooMany);
        assert!(
            refused
                .to_string()
                .contains("at most 20 records, found more; use LIMIT or CURSOR")
        );
        assert_eq!(page(&table, &query, b"0", 0, 20).unwrap().1.len(), 20);
        assert_eq!(select(&table, &query, 0, 30).unwrap().len(), 30);
        query.limit = Some(21);
        assert_eq!(error(select(&table, &query, 0, 20)).code(), Code::TooMany);
        assert_eq!(
            error(page(&table, &query, b"0", 0, 20)).code(),
            Code::TooMany
        );
        query.limit = Some(20);
        assert_eq!(select(&table, &query, 0, 20).unwrap().len(), 20);
        query.limit = Some(u64::MAX);
        query.offset = 10;
        assert_eq!(select(&table, &query, 0, 20).unwrap().len(), 20);
        query.offset = u64::MAX;
        assert_eq!(select(&table, &query, 0, u64::MAX).unwrap().len(), 0);
        assert_eq!(count(&table, &query, 0).unwrap(), 0);
    }
}

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
        let plan = explain(&table, &walk, 0).unwrap().to_string();
        assert!(plan.contains("walk the index"), "{plan}");
        let mut cursor = b"0".to_vec();
        let mut seen = 0;
        loop {
            let (next, rows) = page(&table, &walk, &cursor, 0, 100).unwrap();
            seen += rows.len();
            cursor = next;
            if cursor == b"0" {
                break;
            }
        }
        assert_eq!(seen, 3000);
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
            count(&table, &query(&args, &[]), 0).unwrap(),
            expected.len() as u64,
            "{line}"
        );
        let rows = select(&table, &query(&args, &[b"id"]), 0, 100).unwrap();
        assert_eq!(ids(&table, &rows), expected, "{line}");
        let rows = select(&table, &query(&args, &[]), 0, 100).unwrap();
        assert_eq!(rows.len(), expected.len(), "{line}");
    }
}

#[test]
fn a_plan_says_what_is_done() {
    let mut table = table(
        "ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD FIELD e ENUM ( x y ) BITMAP \
         ADD INDEX b a TIMESTAMPS OFF",
    );
    for id in 1..=1000 {
        let e = Value::Enum(u16::from(id % 2 == 0));
        put(
            &mut table,
            &[
                Value::Integer(id),
                Value::Integer(id % 100),
                Value::Integer(id % 10),
                e,
                Value::Null,
            ],
        );
    }
    for (line, order, limit, expected) in [
        (
            "a = 5",
            "",
            None,
            "read the index on (a), 1 range: about 10 records examined",
        ),
        (
            "a = 5 AND e = y",
            "",
            None,
            "read the index on (a), 1 range: about 10 records examined\nkeep those whose e match",
        ),
        (
            "a > 5 AND e = y",
            "",
            None,
            "read the bitmap on (e): about 500 records examined\nkeep those whose a match",
        ),
        (
            "b = 5 AND a = 15",
            "",
            None,
            "read the index on (b, a), 1 range: about 10 records examined",
        ),
        (
            "b = 5",
            "a",
            None,
            "walk the index on (b, a) forward, 1 range with 100 entries: about 100 records examined\nthe index gives the order, records equal in it are sorted",
        ),
        (
            "b = 5",
            "a DESC",
            Some(3),
            "walk the index on (b, a) backward, 1 range with 100 entries: about 3 records examined\nthe index gives the order, records equal in it are sorted\nanswer 3 of them from match 1 on",
        ),
        (
            "e = x",
            "id",
            Some(10),
            "walk the index on (id) forward, 1 range with 1000 entries: about 20 records examined\nkeep those whose e match\nthe index gives the order\nanswer 10 of them from match 1 on",
        ),
        (
            "b = 5",
            "e",
            None,
            "read the index on (b, a), 1 range: about 100 records examined\nsort the matches by e, id",
        ),
        (
            "a = 5 OR b = 3",
            "",
            None,
            "join, each record once: about 110 records examined\n  read the index on (a), 1 range: about 10 records examined\n  read the index on (b, a), 1 range: about 100 records examined",
        ),
        ("*", "", None, "walk the table: 1000 records examined"),
        (
            "b != 5",
            "",
            None,
            "walk the table: 1000 records examined\nkeep those whose b match",
        ),
    ] {
        let (args, order) = (words(line), words(order));
        let mut query = query(&args, &order);
        query.limit = limit;
        assert_eq!(
            explain(&table, &query, 0).unwrap().to_string(),
            expected,
            "{line}"
        );
    }
}
