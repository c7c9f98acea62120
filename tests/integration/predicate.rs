//! Predicates: each operator on each type, with and without an index.

use std::collections::BTreeSet;

use crate::{cli::Client, server::fresh};

const FIELDS: &str = "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME \
     ADD FIELD s STRING ADD FIELD u UUID ADD FIELD e ENUM ( low mid high ) TIMESTAMPS OFF";
const RANGES: &str =
    "ADD INDEX i ADD INDEX f ADD INDEX b ADD INDEX d ADD INDEX s ADD INDEX u ADD INDEX e";
const BITMAPS: &str = "ADD INDEX i BITMAP ADD INDEX f BITMAP ADD INDEX b BITMAP ADD INDEX d BITMAP ADD INDEX s BITMAP \
     ADD INDEX u BITMAP ADD INDEX e BITMAP";

/// Three tables with the same records: without index, with sorted sets, with bitmaps.
pub fn tables() -> Client {
    let mut client = fresh();
    client.ok(&format!("YARR.MIGRATE plain UP 1 make {FIELDS}"));
    client.ok(&format!("YARR.MIGRATE ranges UP 1 make {FIELDS} {RANGES}"));
    client.ok(&format!(
        "YARR.MIGRATE bitmaps UP 1 make {FIELDS} {BITMAPS}"
    ));
    for table in ["plain", "ranges", "bitmaps"] {
        client.ok(&format!(
            "YARR.CREATE {table} NULL ~ FIELDS 7 i f b d s u e VALUES \
             -5 -0.5 false 1000 '' 00000000-0000-0000-0000-000000000001 low \
             0 0 true 2000 a 10000000-0000-0000-0000-000000000000 mid \
             9007199254740993 9007199254740992 true 2013-01-01T10:00:00Z ab ffffffff-ffff-ffff-ffff-ffffffffffff high \
             9223372036854775807 1e300 false 253402300799999 \"b\\x00c\" a0000000-0000-0000-0000-00000000000a high \
             ~ ~ ~ ~ ~ ~ ~ \
             5 5.5 true -1 ) e4eaaaf2-d142-11e1-b3e4-080027620cdd low"
        ));
    }
    client
}

/// Each predicate and the ids it matches among the records of [`tables`].
const PREDICATES: &[(&str, &[u8])] = &[
    ("*", &[1, 2, 3, 4, 5, 6]),
    ("ALL", &[1, 2, 3, 4, 5, 6]),
    // Integers.
    ("i = 5", &[6]),
    ("i EQ 5", &[6]),
    ("i != 5", &[1, 2, 3, 4]),
    ("i NE 5", &[1, 2, 3, 4]),
    ("i < 5", &[1, 2]),
    ("i LT 5", &[1, 2]),
    ("i <= 5", &[1, 2, 6]),
    ("i le 5", &[1, 2, 6]),
    ("i > 5", &[3, 4]),
    ("i GT 5", &[3, 4]),
    ("i >= 5", &[3, 4, 6]),
    ("i ge 5", &[3, 4, 6]),
    ("i BETWEEN 0 AND 5", &[2, 6]),
    ("i BETWEEN 5 AND 0", &[]),
    ("i between -5 and -5", &[1]),
    ("i IN 3 5 0 5", &[2, 6]),
    ("i IN 0", &[]),
    ("i IN 1 7", &[]),
    ("i IS NULL", &[5]),
    ("i IS NOT NULL", &[1, 2, 3, 4, 6]),
    // Numbers that the field cannot hold compare exactly.
    ("i > 4.5", &[3, 4, 6]),
    ("i < 5.5", &[1, 2, 6]),
    ("i <= 4.9", &[1, 2]),
    ("i = 5.5", &[]),
    ("i = 5.0", &[6]),
    ("i != 5.5", &[1, 2, 3, 4, 6]),
    ("i BETWEEN -0.5 AND 5.5", &[2, 6]),
    ("i IN 2 5.5 0.0", &[2]),
    ("i >= 1e30", &[]),
    ("i < 1e30", &[1, 2, 3, 4, 6]),
    ("i > -1e30", &[1, 2, 3, 4, 6]),
    ("i > 9223372036854775807", &[]),
    ("i > 9223372036854775806", &[4]),
    ("i < 9223372036854775808", &[1, 2, 3, 4, 6]),
    ("i >= 9223372036854775808", &[]),
    ("i = 9007199254740992", &[]),
    ("i = 9007199254740993", &[3]),
    ("i > 9007199254740992", &[3, 4]),
    ("i <= 9007199254740992", &[1, 2, 6]),
    // Floats.
    ("f = 5.5", &[6]),
    ("f = 0", &[2]),
    ("f = -0", &[2]),
    ("f = 9007199254740992", &[3]),
    ("f = 9007199254740993", &[]),
    ("f < 9007199254740993", &[1, 2, 3, 6]),
    ("f >= 9007199254740993", &[4]),
    ("f > 5", &[3, 4, 6]),
    ("f <= 1e300", &[1, 2, 3, 4, 6]),
    ("f BETWEEN -1 AND 6", &[1, 2, 6]),
    ("f IN 2 -0.5 1E+300", &[1, 4]),
    ("f != 5.5", &[1, 2, 3, 4]),
    ("f IS NULL", &[5]),
    // Booleans: false before true.
    ("b = true", &[2, 3, 6]),
    ("b = 0", &[1, 4]),
    ("b != true", &[1, 4]),
    ("b < true", &[1, 4]),
    ("b >= false", &[1, 2, 3, 4, 6]),
    ("b > TRUE", &[]),
    ("b IN 2 true false", &[1, 2, 3, 4, 6]),
    ("b IS NULL", &[5]),
    // Times.
    ("d < 0", &[6]),
    ("d = 2013-01-01T10:00:00Z", &[3]),
    ("d = 1357034400000", &[3]),
    ("d BETWEEN 1970-01-01T00:00:01Z AND 2000", &[1, 2]),
    ("d < now", &[1, 2, 3, 6]),
    ("d > now+1h", &[4]),
    ("d > 1000.5", &[2, 3, 4]),
    ("d IS NOT NULL", &[1, 2, 3, 4, 6]),
    // Strings by their bytes.
    ("s = a", &[2]),
    ("s = ''", &[1]),
    ("s != a", &[1, 3, 4, 6]),
    ("s < a", &[1, 6]),
    ("s <= ab", &[1, 2, 3, 6]),
    ("s > ab", &[4]),
    ("s BETWEEN a AND ab", &[2, 3]),
    ("s STARTS WITH a", &[2, 3]),
    ("s starts with ab", &[3]),
    ("s STARTS WITH \"b\\x00\"", &[4]),
    ("s STARTS WITH ''", &[1, 2, 3, 4, 6]),
    ("s STARTS WITH abc", &[]),
    ("s = \"b\\x00c\"", &[4]),
    ("s = )", &[6]),
    ("s IN 2 ) a", &[2, 6]),
    ("s = AND", &[]),
    ("s IS NULL", &[5]),
    // UUIDs by their sixteen bytes.
    ("u = A0000000-0000-0000-0000-00000000000A", &[4]),
    ("u > a000000000000000000000000000000a", &[3, 6]),
    ("u <= 10000000000000000000000000000000", &[1, 2]),
    ("u IN 1 e4eaaaf2d14211e1b3e4080027620cdd", &[6]),
    ("u IS NULL", &[5]),
    // Names in the order they were declared.
    ("e = high", &[3, 4]),
    ("e != high", &[1, 2, 6]),
    ("e < high", &[1, 2, 6]),
    ("e > low", &[2, 3, 4]),
    ("e BETWEEN mid AND high", &[2, 3, 4]),
    ("e IN 2 mid mid", &[2]),
    ("e IS NULL", &[5]),
    // The id is a field like any other.
    ("id = 3", &[3]),
    ("id != 3", &[1, 2, 4, 5, 6]),
    ("id > 4", &[5, 6]),
    ("id BETWEEN 2 AND 4", &[2, 3, 4]),
    ("id IN 3 6 99 1", &[1, 6]),
    ("id < 2.5", &[1, 2]),
    ("id IS NULL", &[]),
    ("id IS NOT NULL", &[1, 2, 3, 4, 5, 6]),
    // NOT binds tighter than AND, AND than OR.
    ("i = 5 OR i = 0 AND b = false", &[6]),
    ("( i = 5 OR i = 0 ) AND b = true", &[2, 6]),
    ("NOT i = 5 AND b = true", &[2, 3]),
    ("NOT ( i = 5 AND b = true )", &[1, 2, 3, 4]),
    ("NOT ( i = 5 OR b = true )", &[1, 4]),
    ("NOT NOT i = 5", &[6]),
    ("not i > 0 or e = high", &[1, 2, 3, 4]),
    ("( ( ( i = 5 ) ) )", &[6]),
    ("i = 5 AND i = 0", &[]),
    (
        "i > 0 AND i < 9007199254740993 AND b = true AND f > 5 AND e = low",
        &[6],
    ),
    ("e = low AND b = true OR e = high AND b = false", &[4, 6]),
    // A comparison with a null is unknown, and stays so under NOT.
    ("NOT i = 5", &[1, 2, 3, 4]),
    ("NOT i != 5", &[6]),
    ("NOT i IS NULL", &[1, 2, 3, 4, 6]),
    ("NOT i IS NOT NULL", &[5]),
    ("NOT i BETWEEN 0 AND 5", &[1, 3, 4]),
    ("NOT i BETWEEN 5 AND 0", &[1, 2, 3, 4, 6]),
    ("NOT i IN 2 0 5", &[1, 3, 4]),
    ("NOT s STARTS WITH a", &[1, 4, 6]),
    ("i = 5 OR NOT i = 5", &[1, 2, 3, 4, 6]),
    ("id = 5 OR i = 5", &[5, 6]),
    ("NOT ( id = 5 AND i = 5 )", &[1, 2, 3, 4, 6]),
    ("NOT ( id = 5 OR i = 5 )", &[1, 2, 3, 4]),
];

#[test]
fn a_predicate_matches_the_same_records_with_and_without_an_index() {
    let mut client = tables();
    for (predicate, ids) in PREDICATES {
        let expected: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
        for table in ["plain", "ranges", "bitmaps"] {
            let line = format!("YARR.WHERE {table} {predicate} ORDER BY id SCAN IDS");
            assert_eq!(client.list(&line), expected, "{line}");
            let line = format!("YARR.WHERE {table} {predicate} SCAN IDS");
            let unordered: BTreeSet<String> = client.list(&line).into_iter().collect();
            assert_eq!(unordered, expected.iter().cloned().collect(), "{line}");
            let line = format!("YARR.WHERE {table} {predicate} SCAN COUNT");
            assert_eq!(
                client.count(&line),
                i64::try_from(ids.len()).expect("small"),
                "{line}"
            );
        }
    }
}

#[test]
fn a_value_in_a_predicate_must_fit_its_field() {
    let mut client = tables();
    for (condition, code) in [
        ("i = x", "BADVALUE"),
        ("i = ''", "BADVALUE"),
        ("i = nan", "BADVALUE"),
        ("f = inf", "BADVALUE"),
        ("b = 2", "BADVALUE"),
        ("d = yesterday", "BADVALUE"),
        ("u = 5", "BADVALUE"),
        ("e = none", "BADVALUE"),
        ("i BETWEEN 1 AND x", "BADVALUE"),
        ("i IN 2 1 x", "BADVALUE"),
        ("nothing = 1", "NOFIELD"),
        ("NOT nothing IS NULL", "NOFIELD"),
    ] {
        for table in ["plain", "ranges", "bitmaps"] {
            assert_eq!(
                client
                    .run(&format!("YARR.WHERE {table} {condition} SCAN"))
                    .code(),
                code,
                "{condition}"
            );
        }
    }
    for condition in ["i STARTS WITH 1", "e STARTS WITH l", "u STARTS WITH a"] {
        let reply = client.run(&format!("YARR.WHERE ranges {condition} SCAN"));
        assert!(reply.is_error(), "{condition}: {}", reply.print());
    }
}

#[test]
fn several_fields_of_an_index_answer_together() {
    let mut client = fresh();
    for (table, index) in [("t", "ADD INDEX a b c"), ("u", "")] {
        client.ok(&format!("YARR.MIGRATE {table} UP 1 make ADD FIELD a INTEGER ADD FIELD b STRING ADD FIELD c INTEGER {index} TIMESTAMPS OFF"));
        let rows: Vec<String> = (0..120)
            .map(|n| format!("{} {} {}", n % 4, ["x", "xy", "y", "~"][n / 4 % 4], n % 5))
            .collect();
        client.ok(&format!(
            "YARR.CREATE {table} NULL ~ FIELDS 3 a b c VALUES {}",
            rows.join(" ")
        ));
    }
    for predicate in [
        "a = 1 AND b = xy",
        "a = 1 AND b = x AND c = 3",
        "a = 1 AND b = x AND c >= 3",
        "a = 1 AND b STARTS WITH x",
        "a = 1 AND b > x",
        "a IN 2 1 3 AND b = y",
        "a = 1 AND b IS NULL",
        "a = 1 AND c = 2",
        "a > 1 AND b = xy AND c < 2",
        "a = 1 AND b IN 2 x y AND c BETWEEN 1 AND 3",
    ] {
        for order in ["id", "b c", "b DESC c DESC", "a b c", "c b", "c DESC"] {
            let ask = |client: &mut Client, table: &str| {
                client.list(&format!(
                    "YARR.WHERE {table} {predicate} ORDER BY {order} SCAN IDS"
                ))
            };
            let found = ask(&mut client, "t");
            assert!(!found.is_empty(), "{predicate}");
            assert_eq!(found, ask(&mut client, "u"), "{predicate} ORDER BY {order}");
        }
    }
}
