//! TAGS: sets of short strings, each tag in a bitmap of its own.

use crate::{able::needs, cli::Client, create::table, server::fresh, transcript::transcript};

fn tagged() -> Client {
    let mut client =
        table("ADD FIELD n INTEGER ADD FIELD tags TAGS BITMAP ADD FIELD free TAGS TIMESTAMPS OFF");
    client.ok("YARR.CREATE t n 1 tags 2 red blue");
    client.ok("YARR.CREATE t tags 1 red n 2 free 2 any (");
    client.ok("YARR.CREATE t tags 0 n 3");
    client.ok("YARR.CREATE t n 4");
    client.ok(
        "YARR.CREATE t NULL ~ FIELDS 3 tags n free VALUES 3 a b red 5 ~ ~ 6 0 1 \"\" 7 1 RETURN",
    );
    client
}

#[test]
fn a_set_is_written_and_read() {
    transcript(
        &mut tagged(),
        r#"
        > YARR.WHERE t * ORDER BY id
        1) 1) "id"
           2) "1"
           3) "n"
           4) "1"
           5) "tags"
           6) 1) "blue"
              2) "red"
        2) 1) "id"
           2) "2"
           3) "n"
           4) "2"
           5) "tags"
           6) 1) "red"
           7) "free"
           8) 1) "("
              2) "any"
        3) 1) "id"
           2) "3"
           3) "n"
           4) "3"
           5) "tags"
           6) (empty array)
        4) 1) "id"
           2) "4"
           3) "n"
           4) "4"
        5) 1) "id"
           2) "5"
           3) "n"
           4) "5"
           5) "tags"
           6) 1) "a"
              2) "b"
              3) "red"
        6) 1) "id"
           2) "6"
           3) "n"
           4) "6"
           5) "free"
           6) (empty array)
        7) 1) "id"
           2) "7"
           3) "n"
           4) "7"
           5) "tags"
           6) 1) ""
           7) "free"
           8) 1) "RETURN"
        > YARR.WHERE t id IN 2 1 4 ORDER BY id PLUCK n tags
        1) 1) "1"
           2) 1) "blue"
              2) "red"
        2) 1) "4"
           2) (nil)
        > YARR.CREATE t id 1 tags 1 new ON CONFLICT id UPDATE RETURN tags
        1) "tags"
        2) 1) "new"
        > YARR.CREATE t id 1 ON CONFLICT id UPDATE UNSET tags RETURN tags
        (empty array)
        "#,
    );
}

#[test]
fn a_set_is_a_set_in_resp3() {
    needs!(MAPS);
    let mut client = fresh().resp3();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD tags TAGS BITMAP TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t tags 3 b a b RETURN *
        1# "id" => (integer) 1
        2# "tags" =>
           1~ "a"
           2~ "b"
        > YARR.WHERE t tags CONTAINS a PLUCK tags
        1) 1~ "a"
           2~ "b"
        "#,
    );
}

#[test]
fn contains_finds_what_it_says() {
    let mut client = tagged();
    for scan in ["", " SCAN"] {
        for (asked, expected) in [
            ("tags CONTAINS red", "1 2 5"),
            ("tags contains RED", ""),
            ("tags CONTAINS \"\"", "7"),
            ("tags CONTAINS ANY 2 blue b", "1 5"),
            ("tags CONTAINS ANY 0", ""),
            ("tags CONTAINS ALL 2 red blue", "1"),
            ("tags CONTAINS ALL 3 red red b", "5"),
            ("tags CONTAINS ALL 0", "1 2 3 5 7"),
            ("tags IS NULL", "4 6"),
            ("tags IS NOT NULL", "1 2 3 5 7"),
            ("tags CONTAINS red AND NOT tags CONTAINS blue", "2 5"),
            ("tags CONTAINS red AND free CONTAINS ANY 1 any", "2"),
            ("tags CONTAINS red AND n > 1", "2 5"),
            ("tags CONTAINS blue OR tags CONTAINS a", "1 5"),
            (
                "NOT ( tags CONTAINS red OR tags IS NULL ) AND tags IS NOT NULL",
                "3 7",
            ),
        ] {
            let ids = client
                .ok(&format!("YARR.WHERE t {asked} ORDER BY id IDS{scan}"))
                .words();
            assert_eq!(ids.join(" "), expected, "{asked}");
            let count = client.count(&format!("YARR.WHERE t {asked} COUNT{scan}"));
            assert_eq!(
                count as usize,
                expected.split_whitespace().count(),
                "{asked}"
            );
        }
    }
    let left = client.ok("YARR.WHERE t NOT tags CONTAINS red ORDER BY id IDS SCAN");
    assert_eq!(left.words().join(" "), "3 7");
    assert_eq!(
        client.count("YARR.UPDATE t 1 SET n 9 IF tags CONTAINS green"),
        0
    );
    assert_eq!(
        client.count("YARR.UPDATE t 1 SET n 9 IF tags CONTAINS ANY 2 red green"),
        1
    );
}

#[test]
fn tags_are_added_and_removed() {
    transcript(
        &mut tagged(),
        r#"
        > YARR.UPDATE t 1 ADD tags 2 red green free 1 x REMOVE RETURN tags free
        (error) ERR syntax error: expected a field's name at argument 12, found 'RETURN'
        > YARR.UPDATE t 1 ADD tags 2 red green free 1 x RETURN tags free
        1) "tags"
        2) 1) "blue"
           2) "green"
           3) "red"
        3) "free"
        4) 1) "x"
        > YARR.UPDATE t 1 REMOVE tags 3 red blue none free 1 x RETURN tags free
        1) "tags"
        2) 1) "green"
        3) "free"
        4) (empty array)
        > YARR.UPDATE t 4 REMOVE tags 1 red RETURN tags
        (empty array)
        > YARR.UPDATE t WHERE tags CONTAINS red SET tags 1 new
        (integer) 2
        > YARR.WHERE t tags CONTAINS red COUNT
        (integer) 0
        > YARR.WHERE t tags CONTAINS new IDS
        1) "2"
        2) "5"
        > YARR.UPDATE t 2 UNSET tags
        (integer) 1
        > YARR.WHERE t tags IS NULL ORDER BY id IDS
        1) "2"
        2) "4"
        3) "6"
        > YARR.DEL t WHERE tags CONTAINS new
        (integer) 1
        "#,
    );
}

#[test]
fn a_migration_keeps_its_default_and_its_index() {
    let mut client = fresh();
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER TIMESTAMPS OFF
        OK
        > YARR.CREATE t n 1
        "1"
        > YARR.MIGRATE t UP 2 tags ADD FIELD tags TAGS NOT NULL DEFAULT 2 b ADD BITMAP
        OK
        > YARR.CREATE t n 2 RETURN *
        1) "id"
        2) "2"
        3) "n"
        4) "2"
        5) "tags"
        6) 1) "ADD"
           2) "b"
        > YARR.WHERE t tags CONTAINS ADD COUNT
        (integer) 2
        > YARR.MIGRATE t UP 3 other SET FIELD tags DEFAULT 1 x
        OK
        > YARR.MIGRATE t UP 4 none SET FIELD tags DEFAULT 0
        OK
        > YARR.CREATE t n 3 RETURN tags
        1) "tags"
        2) (empty array)
        > YARR.MIGRATE t DOWN 4
        OK
        > YARR.MIGRATE t DOWN 3
        OK
        > YARR.SCHEMA t
        1) "TIMESTAMPS OFF"
        2) "ADD FIELD n INTEGER"
        3) "ADD FIELD tags TAGS NOT NULL DEFAULT 2 ADD b"
        4) "ADD INDEX tags BITMAP"
        "#,
    );
}

#[test]
fn what_tags_are_not_is_refused() {
    let mut client = tagged();
    let before = client.ok("YARR.WHERE t * ORDER BY id").print();
    let long = "x".repeat(256);
    for (line, expected) in [
        (
            "YARR.CREATE t tags red",
            "ERR syntax error: expected the number of tags at argument 3, found 'red'",
        ),
        (
            "YARR.CREATE t tags 2 red",
            "ERR expected 2 tags after argument 3, found 1",
        ),
        (
            "YARR.CREATE t tags -1",
            "ERR syntax error: expected the number of tags at argument 3, found '-1'",
        ),
        (
            "YARR.CREATE t tags 99999999999999999999 a",
            "ERR syntax error: expected the number of tags",
        ),
        (
            "YARR.CREATE t FIELDS 2 tags n VALUES 1 a 1 2 b",
            "ERR expected 2 tags after argument 10, found 1",
        ),
        (
            "YARR.CREATE t FIELDS 2 tags n VALUES 1 a 1 1 b",
            "ERR syntax error: VALUES takes 2 values a record",
        ),
        (
            &format!("YARR.CREATE t tags 1 {long}"),
            "BADVALUE field 'tags' is TAGS: expected tags of at most 255 bytes, found one of 256",
        ),
        (
            &format!("YARR.WHERE t tags CONTAINS {long}"),
            "BADVALUE field 'tags' is TAGS: expected tags of at most 255 bytes",
        ),
        (
            "YARR.UPDATE t 1 ADD n 1 a",
            "BADVALUE ADD is for TAGS: field 'n' is INTEGER; use SET",
        ),
        ("YARR.UPDATE t 1 REMOVE id 1 a", "BADVALUE"),
        (
            "YARR.UPDATE t 1 ADD tags 1 a SET tags 0",
            "ERR syntax error: field 'tags' is changed twice",
        ),
        (
            "YARR.UPDATE t 1 INCR tags 1",
            "BADVALUE INCR adds to INTEGER, FLOAT or DATETIME: field 'tags' is TAGS",
        ),
        (
            "YARR.WHERE t n CONTAINS 1",
            "BADVALUE field 'n' is INTEGER: CONTAINS is for TAGS; use = or IN",
        ),
        (
            "YARR.WHERE t tags = red",
            "BADVALUE field 'tags' is TAGS: expected CONTAINS",
        ),
        (
            "YARR.WHERE t tags IN 1 red",
            "BADVALUE field 'tags' is TAGS: expected CONTAINS",
        ),
        (
            "YARR.WHERE t tags STARTS WITH r",
            "BADVALUE field 'tags' is TAGS: STARTS WITH is for STRING",
        ),
        (
            "YARR.WHERE t tags CONTAINS",
            "ERR syntax error: expected a tag, ANY or ALL at argument 4, found the end of the command",
        ),
        (
            "YARR.WHERE t tags CONTAINS ANY red",
            "ERR syntax error: expected the number of tags at argument 5, found 'red'",
        ),
        (
            "YARR.WHERE t * ORDER BY tags",
            "BADVALUE field 'tags' is TAGS, which have no order",
        ),
        (
            "YARR.WHERE t free CONTAINS x",
            "NOINDEX no index serves this predicate: expected an index that begins with 'free', found none; add one with YARR.MIGRATE ... ADD INDEX free BITMAP",
        ),
        (
            "YARR.WHERE t NOT tags CONTAINS x",
            "NOINDEX no index serves this predicate: no index serves !=, NOT IN, NOT STARTS WITH and NOT CONTAINS, found on 'tags'",
        ),
        (
            "YARR.MIGRATE t UP 2 x ADD INDEX tags",
            "BADVALUE field 'tags' is TAGS: expected BITMAP as its index, over it alone; use ADD INDEX tags BITMAP",
        ),
        (
            "YARR.MIGRATE t UP 2 x ADD INDEX n tags",
            "BADVALUE field 'tags' is TAGS",
        ),
        (
            "YARR.MIGRATE t UP 2 x ADD INDEX tags UNIQUE",
            "BADVALUE field 'tags' is TAGS",
        ),
        (
            "YARR.MIGRATE t UP 2 x ADD FIELD more TAGS INDEX",
            "BADVALUE field 'more' is TAGS",
        ),
        (
            "YARR.MIGRATE t UP 2 x SET FIELD n DEFAULT 2 a b",
            "BADVALUE field 'n' is INTEGER: expected one value as its DEFAULT, found 3",
        ),
        (
            "YARR.MIGRATE t UP 2 x SET FIELD tags DEFAULT 1",
            "BADVALUE field 'tags' is TAGS: expected the number of tags, then the tags, found '1'",
        ),
    ] {
        let reply = client.run(line);
        assert!(
            reply.is_error() && reply.text().starts_with(expected),
            "{line}\n{}",
            reply.print()
        );
    }
    assert_eq!(client.ok("YARR.WHERE t * ORDER BY id").print(), before);
}
