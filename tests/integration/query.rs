//! YARR.WHERE: predicates, order, pages, forms of the answer, and what a query may cost.

use std::collections::BTreeSet;

use crate::{
    cli::{Client, Reply},
    server::{Options, fresh},
    transcript::transcript,
};

const FIELDS: &str = "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME \
     ADD FIELD s STRING ADD FIELD u UUID ADD FIELD e ENUM ( low mid high ) TIMESTAMPS OFF";
const RANGES: &str = "ADD INDEX i ADD INDEX f ADD INDEX b ADD INDEX d ADD INDEX s ADD INDEX u ADD INDEX e";
const BITMAPS: &str = "ADD INDEX i BITMAP ADD INDEX f BITMAP ADD INDEX b BITMAP ADD INDEX d BITMAP ADD INDEX s BITMAP \
     ADD INDEX u BITMAP ADD INDEX e BITMAP";

/// Three tables with the same records: without index, with sorted sets, with bitmaps.
fn tables() -> Client {
    let mut client = fresh();
    client.ok(&format!("YARR.MIGRATE plain UP 1 make {FIELDS}"));
    client.ok(&format!("YARR.MIGRATE ranges UP 1 make {FIELDS} {RANGES}"));
    client.ok(&format!("YARR.MIGRATE bitmaps UP 1 make {FIELDS} {BITMAPS}"));
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
    ("i > 0 AND i < 9007199254740993 AND b = true AND f > 5 AND e = low", &[6]),
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
            assert_eq!(client.count(&line), i64::try_from(ids.len()).expect("small"), "{line}");
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
            assert_eq!(client.run(&format!("YARR.WHERE {table} {condition} SCAN")).code(), code, "{condition}");
        }
    }
    for condition in ["i STARTS WITH 1", "e STARTS WITH l", "u STARTS WITH a"] {
        let reply = client.run(&format!("YARR.WHERE ranges {condition} SCAN"));
        assert!(reply.is_error(), "{condition}: {}", reply.print());
    }
}

#[test]
fn order_by_sorts_nulls_before_every_value() {
    let mut client = tables();
    let by = |client: &mut Client, order: &str| -> Vec<String> {
        let lists: Vec<_> =
            ["plain", "ranges", "bitmaps"].iter().map(|t| client.list(&format!("YARR.WHERE {t} * ORDER BY {order} IDS"))).collect();
        assert!(lists.windows(2).all(|pair| pair[0] == pair[1]), "{order}: {lists:?}");
        lists.into_iter().next().expect("three lists")
    };
    for (order, expected) in [
        ("i", "512634"),
        ("i ASC", "512634"),
        ("i DESC", "436215"),
        ("f", "512634"),
        ("d", "561234"),
        ("s", "516234"),
        ("s desc", "432615"),
        ("u", "512463"),
        ("b", "514236"),
        ("b DESC", "632415"),
        ("e", "516234"),
        ("e DESC", "432615"),
        ("e id DESC", "561243"),
        ("e DESC id ASC", "342165"),
        ("b DESC e DESC", "326415"),
        ("b e DESC i", "541326"),
        ("id", "123456"),
        ("id DESC", "654321"),
    ] {
        let expected: Vec<String> = expected.chars().map(String::from).collect();
        assert_eq!(by(&mut client, order), expected, "{order}");
    }
}

#[test]
fn limit_and_offset_cut_a_page() {
    let mut client = tables();
    for table in ["plain", "ranges", "bitmaps"] {
        let mut page = |clauses: &str| client.list(&format!("YARR.WHERE {table} * {clauses} IDS")).concat();
        assert_eq!(page("ORDER BY i LIMIT 2"), "51");
        assert_eq!(page("ORDER BY i LIMIT 2 OFFSET 2"), "26");
        assert_eq!(page("OFFSET 4 ORDER BY i"), "34");
        assert_eq!(page("ORDER BY i DESC LIMIT 100 OFFSET 5"), "5");
        assert_eq!(page("ORDER BY i OFFSET 6"), "");
        assert_eq!(page("ORDER BY i OFFSET 9223372036854775807"), "");
        assert_eq!(page("ORDER BY i LIMIT 9223372036854775807"), "512634");
        assert_eq!(page("LIMIT 0"), "");
        assert_eq!(page("LIMIT 3").len(), 3);
    }
    transcript(
        &mut client,
        r#"
        > YARR.WHERE ranges i >= 0 COUNT
        (integer) 4
        > YARR.WHERE ranges i >= 0 LIMIT 3 COUNT
        (integer) 3
        > YARR.WHERE ranges i >= 0 OFFSET 3 COUNT
        (integer) 1
        > YARR.WHERE ranges i >= 0 OFFSET 30 COUNT
        (integer) 0
        > YARR.WHERE ranges i >= 0 LIMIT 0 COUNT
        (integer) 0
        > YARR.WHERE ranges i >= 0 LIMIT 3 OFFSET 2 COUNT
        (integer) 2
        > YARR.WHERE ranges * LIMIT -1
        (error) ...
        > YARR.WHERE ranges * OFFSET -1
        (error) ...
        > YARR.WHERE ranges * LIMIT x
        (error) ...x...
        > YARR.WHERE ranges * LIMIT 1 LIMIT 2
        (error) ERR ...LIMIT...
        "#,
    );
}

#[test]
fn an_answer_takes_the_form_that_is_asked_for() {
    transcript(
        &mut tables(),
        r#"
        > YARR.WHERE ranges i = 5
        1)  1) "id"
            2) "6"
            3) "i"
            4) "5"
            5) "f"
            6) "5.5"
            7) "b"
            8) "true"
            9) "d"
           10) "-1"
           11) "s"
           12) ")"
           13) "u"
           14) "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
           15) "e"
           16) "low"
        > YARR.WHERE ranges i <= 0 ORDER BY i RETURN i e
        1) 1) "i"
           2) "-5"
           3) "e"
           4) "low"
        2) 1) "i"
           2) "0"
           3) "e"
           4) "mid"
        > YARR.WHERE ranges * ORDER BY i LIMIT 2 PLUCK e
        1) (nil)
        2) "low"
        > YARR.WHERE ranges * ORDER BY i LIMIT 2 PLUCK e i id
        1) 1) (nil)
           2) (nil)
           3) "5"
        2) 1) "low"
           2) "-5"
           3) "1"
        > YARR.WHERE ranges i = 77
        (empty array)
        > YARR.WHERE ranges i = 77 COUNT
        (integer) 0
        > YARR.WHERE ranges id = 5
        1) 1) "id"
           2) "5"
        > YARR.WHERE ranges id = 5 RETURN i
        1) (empty array)
        > YARR.WHERE ranges * IDS COUNT
        (error) ERR ...
        > YARR.WHERE ranges * RETURN i PLUCK i
        (error) ERR ...
        > YARR.WHERE ranges * PLUCK
        (error) ERR ...
        > YARR.WHERE ranges * PLUCK nothing
        (error) NOFIELD ...nothing...
        "#,
    );
}

#[test]
fn clauses_may_come_in_any_order() {
    let mut client = tables();
    let clauses = ["ORDER BY i DESC", "LIMIT 2", "OFFSET 1", "PLUCK e", "SCAN"];
    let expected = ["high", "low"];
    for turn in 0..clauses.len() {
        let mut turned = clauses;
        turned.rotate_left(turn);
        let line = format!("YARR.WHERE plain b IS NOT NULL {}", turned.join(" "));
        assert_eq!(client.list(&line), expected, "{line}");
        turned.reverse();
        let line = format!("YARR.WHERE plain b IS NOT NULL {}", turned.join(" "));
        assert_eq!(client.list(&line), expected, "{line}");
    }
}

#[test]
fn what_no_index_serves_is_refused_unless_scan_is_said() {
    let mut client = fresh();
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD FIELD c INTEGER ADD FIELD s STRING INDEX \
         ADD FIELD e ENUM ( x y z ) BITMAP ADD FIELD d INTEGER ADD INDEX b c TIMESTAMPS OFF",
    );
    client.ok("YARR.CREATE t FIELDS 6 a b c s e d VALUES 1 1 1 p x 1 2 2 2 q y 2 3 3 3 r z 3");
    for served in [
        "a = 1",
        "a < 2",
        "a >= 2",
        "a BETWEEN 1 AND 2",
        "a IN 2 1 2",
        "a IS NULL",
        "a IS NOT NULL",
        "s STARTS WITH p",
        "e = x",
        "e IN 2 x y",
        "e IS NULL",
        "e IS NOT NULL",
        "e < z",
        "b = 1",
        "b > 1",
        "id = 1",
        "id > 1",
        "*",
        "a = 1 AND d = 1",
        "d = 1 AND a = 1",
        "d = 1 AND c = 2 AND e = x",
        "a = 1 OR b = 1",
        "a = 1 AND d = 1 OR e = y AND c = 2",
        "NOT a < 2",
        "NOT ( a != 2 )",
        "NOT ( a < 2 OR d = 1 )",
        "NOT ( a < 2 AND b > 1 )",
        "NOT a IS NULL",
        "( a = 1 OR e = x ) AND d = 1",
    ] {
        let line = format!("YARR.WHERE t {served}");
        let plain = client.ok(&line);
        assert_eq!(client.ok(&format!("{line} SCAN")), plain, "{line}");
    }
    for (refused, field) in [
        ("d = 1", "d"),
        ("c = 1", "c"),
        ("a = 1 OR d = 1", "d"),
        ("d = 1 OR a = 1", "d"),
        ("d = 1 AND c = 1", ""),
        ("NOT d < 2", "d"),
        ("NOT ( a < 2 AND d = 1 )", "d"),
        ("d IS NULL", "d"),
        ("( a = 1 OR d = 1 ) AND c = 1", ""),
    ] {
        for line in [
            format!("YARR.WHERE t {refused}"),
            format!("YARR.WHERE t {refused} COUNT"),
            format!("YARR.WHERE t {refused} ORDER BY a LIMIT 1"),
            format!("YARR.FIND t WHERE {refused}"),
            format!("YARR.UPDATE t WHERE {refused} SET d 5"),
            format!("YARR.DEL t WHERE {refused}"),
        ] {
            let error = client.fail(&line);
            assert!(error.starts_with("NOINDEX "), "{line}: {error}");
            assert!(error.contains("ADD INDEX"), "it should say what would serve it: {error}");
            assert!(field.is_empty() || error.contains(&format!("ADD INDEX {field}")), "{line}: {error}");
            // A walk is permitted then, and finds what the predicate says.
            if line.starts_with("YARR.WHERE") {
                client.ok(&format!("{line} SCAN"));
            }
        }
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 3);
    assert_eq!(client.list("YARR.WHERE t d = 2 OR a = 1 SCAN ORDER BY id IDS"), ["1", "2"]);
}

#[test]
fn whether_a_query_is_served_does_not_depend_on_the_records() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER");
    assert_eq!(client.run("YARR.WHERE t a = 1").code(), "NOINDEX");
    client.ok("YARR.CREATE t a 1");
    assert_eq!(client.run("YARR.WHERE t a = 1").code(), "NOINDEX");
}

/// Walks a query to its end by cursor and answers each page's ids.
#[track_caller]
fn walk(client: &mut Client, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = "0".to_string();
    loop {
        let reply = client.ok(&format!("{query} IDS CURSOR {cursor}"));
        let [next, rows] = reply.items() else { panic!("{query}: {}", reply.print()) };
        pages.push(rows.items().iter().map(Reply::text).collect());
        cursor = next.text();
        if cursor == "0" {
            return pages;
        }
        assert!(pages.len() < 1000, "the walk does not end: {query}");
    }
}

#[test]
fn a_cursor_walks_a_query_to_its_end() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    let values: Vec<String> = (0..250).map(|n| format!("{} s{}", n % 7, n % 3)).collect();
    client.ok(&format!("YARR.CREATE t FIELDS 2 n s VALUES {}", values.join(" ")));
    client.ok("YARR.CREATE t FIELDS 1 s VALUES s1 s2");
    for query in [
        "YARR.WHERE t *",
        "YARR.WHERE t * ORDER BY n",
        "YARR.WHERE t * ORDER BY n DESC",
        "YARR.WHERE t * ORDER BY s n DESC",
        "YARR.WHERE t * ORDER BY s DESC id ASC",
        "YARR.WHERE t n BETWEEN 2 AND 4",
        "YARR.WHERE t n BETWEEN 2 AND 4 ORDER BY n DESC",
        "YARR.WHERE t n IN 2 2 3 ORDER BY s",
        "YARR.WHERE t n IS NULL OR n = 6",
        "YARR.WHERE t s = s1 SCAN",
        "YARR.WHERE t s = s1 SCAN ORDER BY n",
    ] {
        let ordered = if query.contains("ORDER") { query.to_string() } else { format!("{query} ORDER BY id") };
        let whole = client.list(&format!("{ordered} IDS"));
        assert!(whole.len() > 30, "{query}");
        for limit in [1, 7, 100, 1000] {
            let pages = walk(&mut client, &format!("{query} LIMIT {limit}"));
            assert_eq!(pages.concat(), whole, "{query} LIMIT {limit}");
            assert!(pages.iter().all(|page| page.len() <= limit), "{query} LIMIT {limit}");
        }
        let pages = walk(&mut client, query);
        assert_eq!(pages.concat(), whole, "{query}");
        assert!(pages.iter().all(|page| page.len() <= 100), "100 is the page where nothing is said");
    }
    assert_eq!(walk(&mut client, "YARR.WHERE t n = 99"), [Vec::<String>::new()]);
}

#[test]
fn a_walk_sees_a_record_that_does_not_move_exactly_once() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    let values: Vec<String> = (0..100).map(|n| (n * 10).to_string()).collect();
    client.ok(&format!("YARR.CREATE t FIELDS 1 n VALUES {}", values.join(" ")));
    let mut seen = Vec::new();
    let mut cursor = "0".to_string();
    let mut turn = 0;
    loop {
        let reply = client.ok(&format!("YARR.WHERE t n >= 0 ORDER BY n LIMIT 9 CURSOR {cursor} PLUCK n"));
        seen.extend(reply.items()[1].items().iter().map(Reply::number));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
        // Records come and go on both sides; the last one seen goes too.
        let last = *seen.last().expect("a page");
        client.ok(&format!("YARR.DEL t WHERE n = {last}"));
        client.ok(&format!("YARR.CREATE t n {}", last - 5));
        client.ok(&format!("YARR.CREATE t n {}", last + 5));
        turn += 1;
        assert!(turn < 100, "the walk does not end");
    }
    let standing: Vec<i64> = seen.iter().copied().filter(|n| n % 10 == 0).collect();
    assert_eq!(standing, (0..100).map(|n| n * 10).collect::<Vec<_>>());
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once: {seen:?}");
}

#[test]
fn a_cursor_belongs_to_its_query() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX TIMESTAMPS OFF");
    client.ok("YARR.MIGRATE other UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX TIMESTAMPS OFF");
    for table in ["t", "other"] {
        client.ok(&format!("YARR.CREATE {table} FIELDS 2 n s VALUES 1 a 2 b 3 c 4 d"));
    }
    let reply = client.ok("YARR.WHERE t n > 0 ORDER BY n LIMIT 2 CURSOR 0 IDS");
    let cursor = reply.items()[0].text();
    assert_ne!(cursor, "0");
    assert_eq!(client.ok(&format!("YARR.WHERE t n > 0 ORDER BY n LIMIT 9 CURSOR {cursor} IDS")).items()[1].words(), ["3", "4"]);
    for line in [
        format!("YARR.WHERE t n > 1 ORDER BY n LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE t n > 0 ORDER BY n DESC LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE t n > 0 ORDER BY s LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE t n > 0 LIMIT 2 CURSOR {cursor} IDS"),
        format!("YARR.WHERE other n > 0 ORDER BY n LIMIT 2 CURSOR {cursor} IDS"),
        "YARR.WHERE t * CURSOR x".to_string(),
        "YARR.WHERE t * CURSOR ''".to_string(),
        "YARR.WHERE t * CURSOR 1".to_string(),
        "YARR.WHERE t * CURSOR -1".to_string(),
        "YARR.WHERE t * CURSOR \"\\x00\\xff\"".to_string(),
    ] {
        assert_eq!(client.run(&line).code(), "BADCURSOR", "{line}");
    }
    // Damaged at each place, or cut.
    for place in 0..cursor.len() {
        let mut damaged = cursor.clone().into_bytes();
        damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
        let head = &cursor.as_bytes()[..place];
        for bytes in [&damaged[..], head] {
            let words: [&[u8]; 12] = [b"YARR.WHERE", b"t", b"n", b">", b"0", b"ORDER", b"BY", b"n", b"LIMIT", b"2", b"CURSOR", bytes];
            let reply = client.send(&words);
            // Base64 or hex in the other case may say the same bytes; a wrong answer it must not give.
            if reply.code() != "BADCURSOR" {
                let rows: Vec<String> = reply.items()[1].items().iter().map(|r| r.get("id").expect("id").text()).collect();
                assert_eq!(rows, ["3", "4"], "a damaged cursor was taken: {}", String::from_utf8_lossy(bytes));
            }
        }
    }
    transcript(
        &mut client,
        r#"
        > YARR.WHERE t * CURSOR 0 OFFSET 1
        (error) ERR ...
        > YARR.WHERE t * CURSOR 0 COUNT
        (error) ERR ...
        > YARR.WHERE t * CURSOR 0 LIMIT 0
        (error) ERR ...
        > YARR.WHERE t n > 0 CURSOR 0 PLUCK s n
        1) "0"
        2) 1) 1) "a"
              2) "1"
           2) 1) "b"
              2) "2"
           3) 1) "c"
              2) "3"
           4) 1) "d"
              2) "4"
        "#,
    );
}

#[test]
fn a_cursor_keeps_the_clock_of_its_first_page() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD d DATETIME INDEX TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 1 d VALUES 1 2 3 4 5");
    let first = client.ok("YARR.WHERE t d < now ORDER BY d LIMIT 2 CURSOR 0 IDS");
    let cursor = first.items()[0].text();
    // A record that came after the walk began lies beyond its `now`.
    std::thread::sleep(std::time::Duration::from_millis(3));
    client.ok("YARR.CREATE t d now");
    std::thread::sleep(std::time::Duration::from_millis(3));
    let rest = client.ok(&format!("YARR.WHERE t d < now ORDER BY d LIMIT 100 CURSOR {cursor} IDS"));
    assert_eq!(rest.items()[1].words(), ["3", "4", "5"]);
    assert_eq!(client.count("YARR.WHERE t d < now COUNT"), 6);
}

#[test]
fn several_fields_of_an_index_answer_together() {
    let mut client = fresh();
    for (table, index) in [("t", "ADD INDEX a b c"), ("u", "")] {
        client.ok(&format!("YARR.MIGRATE {table} UP 1 make ADD FIELD a INTEGER ADD FIELD b STRING ADD FIELD c INTEGER {index} TIMESTAMPS OFF"));
        let rows: Vec<String> = (0..120).map(|n| format!("{} {} {}", n % 4, ["x", "xy", "y", "~"][n / 4 % 4], n % 5)).collect();
        client.ok(&format!("YARR.CREATE {table} NULL ~ FIELDS 3 a b c VALUES {}", rows.join(" ")));
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
            let ask = |client: &mut Client, table: &str| client.list(&format!("YARR.WHERE {table} {predicate} ORDER BY {order} SCAN IDS"));
            let found = ask(&mut client, "t");
            assert!(!found.is_empty(), "{predicate}");
            assert_eq!(found, ask(&mut client, "u"), "{predicate} ORDER BY {order}");
        }
    }
}

#[test]
fn nothing_is_cut_silently() {
    let server = Options::new().start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    let values: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    client.ok(&format!("YARR.CREATE t FIELDS 1 n VALUES {}", values.join(" ")));
    client.ok("CONFIG SET yarr.max-reply-records 20");
    client.ok("CONFIG SET yarr.max-write-records 10");
    let ids: Vec<String> = (1..=21).map(|n| n.to_string()).collect();
    for line in [
        "YARR.WHERE t *".to_string(),
        "YARR.WHERE t n >= 0 IDS".to_string(),
        "YARR.WHERE t n >= 0 PLUCK n".to_string(),
        "YARR.WHERE t * LIMIT 21".to_string(),
        "YARR.WHERE t n < 21".to_string(),
        "YARR.WHERE t * CURSOR 0 LIMIT 21".to_string(),
        format!("YARR.FIND t IDS 21 {}", ids.join(" ")),
        "YARR.UPDATE t WHERE n < 11 SET n 5".to_string(),
        "YARR.UPDATE t WHERE * SET n 5".to_string(),
        "YARR.DEL t WHERE n < 11".to_string(),
        "YARR.DEL t WHERE *".to_string(),
    ] {
        assert_eq!(client.run(&line).code(), "TOOMANY", "{line}");
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 30);
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 1);
    assert_eq!(client.list("YARR.WHERE t * LIMIT 20 IDS").len(), 20);
    assert_eq!(client.list("YARR.WHERE t n < 20 IDS").len(), 20);
    assert_eq!(client.list("YARR.WHERE t n >= 5 OFFSET 10 IDS").len(), 15);
    assert_eq!(client.count("YARR.UPDATE t WHERE n < 10 INCR n 0"), 10);
    assert_eq!(client.count("YARR.UPDATE t WHERE * LIMIT 11 INCR n 0"), 11);
    assert_eq!(client.count("YARR.DEL t WHERE n >= 0 ORDER BY n LIMIT 12"), 12);
    assert_eq!(client.list("YARR.WHERE t * IDS").len(), 18);
}

#[test]
fn the_limits_are_a_hundred_thousand_read_and_ten_thousand_written_by_default() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER TIMESTAMPS OFF");
    let values = "1 ".repeat(10_001);
    client.ok(&format!("YARR.CREATE t FIELDS 1 n VALUES {values}"));
    assert_eq!(client.run("YARR.UPDATE t WHERE * SET n 2").code(), "TOOMANY");
    assert_eq!(client.count("YARR.WHERE t n = 1 SCAN COUNT"), 10_001);
    client.ok("YARR.DEL t 1");
    assert_eq!(client.count("YARR.UPDATE t WHERE * SET n 2"), 10_000);
    for _ in 0..9 {
        client.ok(&format!("YARR.CREATE t FIELDS 1 n VALUES {}", "1 ".repeat(10_000)));
    }
    assert_eq!(client.list("YARR.WHERE t * IDS").len(), 100_000);
    client.ok("YARR.CREATE t n 3");
    assert_eq!(client.run("YARR.WHERE t * IDS").code(), "TOOMANY");
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 100_001);
    assert_eq!(client.list("YARR.WHERE t * LIMIT 100000 IDS").len(), 100_000);
}

#[test]
fn settings_may_be_given_as_module_arguments() {
    let server = Options::new().module_arguments(&["max-reply-records", "2"]).start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2 3");
    assert_eq!(client.run("YARR.WHERE t *").code(), "TOOMANY");
    assert_eq!(client.list("YARR.WHERE t * LIMIT 2 IDS"), ["1", "2"]);
}
