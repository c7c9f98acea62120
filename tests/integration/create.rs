//! YARR.CREATE: one record, many records, defaults, timestamps.

use crate::{cli::Client, server::fresh, transcript::transcript};

/// A client with a table `t` made by these operations.
#[track_caller]
pub fn table(operations: &str) -> Client {
    let mut client = fresh();
    client.ok(&format!("YARR.MIGRATE t UP 1 make {operations}"));
    client
}

#[test]
fn the_server_keeps_created_at_and_updated_at() {
    let mut client = table("ADD FIELD n INTEGER");
    let before = client.ok("TIME").items()[0].number() * 1000;
    client.ok("YARR.CREATE t n 1");
    let record = client.ok("YARR.FIND t 1");
    let names: Vec<String> = record.words().into_iter().step_by(2).collect();
    assert_eq!(names, ["id", "n", "created_at", "updated_at"]);
    let created = record.get("created_at").expect("created_at").number();
    let after = client.ok("TIME").items()[0].number() * 1000 + 999;
    assert!(
        (before..=after).contains(&created),
        "{before} <= {created} <= {after}"
    );
    assert_eq!(
        record.get("updated_at").expect("updated_at").number(),
        created
    );
}

#[test]
fn a_given_timestamp_wins() {
    let mut client = table("ADD FIELD n INTEGER");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 1 created_at 2013-01-01T10:00:00Z updated_at 5
        "1"
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "n"
        4) "1"
        5) "created_at"
        6) "1357034400000"
        7) "updated_at"
        8) "5"
        "#,
    );
}

#[test]
fn a_table_without_timestamps_has_no_such_fields() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t created_at 5
        (error) NOFIELD ...created_at...
        > YARR.CREATE t
        "1"
        > YARR.FIND t 1 RETURN updated_at
        (error) NOFIELD ...updated_at...
        "#,
    );
}

#[test]
fn now_is_the_instant_of_the_command() {
    let mut client =
        table("ADD FIELD d DATETIME ADD FIELD e DATETIME ADD FIELD f DATETIME DEFAULT now");
    client.ok("YARR.CREATE t d now e now-1h");
    let record = client.ok("YARR.FIND t 1");
    let get = |name: &str| record.get(name).expect(name).number();
    assert_eq!(get("d"), get("created_at"));
    assert_eq!(get("d") - get("e"), 3_600_000);
    assert_eq!(get("f"), get("d"));
}

#[test]
fn a_field_left_out_takes_its_default_and_unset_makes_it_null() {
    let mut client = table(
        "ADD FIELD n INTEGER DEFAULT 7 ADD FIELD s STRING DEFAULT 'a b' ADD FIELD e ENUM ( x y ) DEFAULT y \
         ADD FIELD b BOOLEAN NOT NULL DEFAULT false TIMESTAMPS OFF",
    );
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t
        "1"
        > YARR.FIND t 1
         1) "id"
         2) "1"
         3) "n"
         4) "7"
         5) "s"
         6) "a b"
         7) "e"
         8) "y"
         9) "b"
        10) "false"
        > YARR.CREATE t s given UNSET n e
        "2"
        > YARR.FIND t 2
        1) "id"
        2) "2"
        3) "s"
        4) "given"
        5) "b"
        6) "false"
        > YARR.CREATE t UNSET b
        (error) NOTNULL ...b...
        > YARR.CREATE t n 1 UNSET n
        (error) ERR ...
        > YARR.CREATE t UNSET nothing
        (error) NOFIELD ...nothing...
        > YARR.WHERE t * COUNT
        (integer) 2
        "#,
    );
}

#[test]
fn a_field_that_must_have_a_value_is_missed() {
    let mut client = table("ADD FIELD n INTEGER NOT NULL ADD FIELD s STRING TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t s x
        (error) NOTNULL ...n...
        > YARR.CREATE t
        (error) NOTNULL ...n...
        > YARR.CREATE t FIELDS 2 n s VALUES 1 a 2 b
        1) "1"
        2) "2"
        > YARR.CREATE t NULL - FIELDS 2 n s VALUES 3 a - b
        (error) NOTNULL ...n...
        > YARR.WHERE t * COUNT
        (integer) 2
        "#,
    );
}

#[test]
fn many_records_are_created_in_one_command() {
    let mut client = table("ADD FIELD n INTEGER ADD FIELD s STRING TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t FIELDS 2 n s VALUES 1 a 2 b 3 c
        1) "1"
        2) "2"
        3) "3"
        > YARR.CREATE t RETURN s FIELDS 1 s VALUES VALUES RETURN
        1) 1) "s"
           2) "VALUES"
        2) 1) "s"
           2) "RETURN"
        > YARR.CREATE t NULL ~ FIELDS 2 n s VALUES ~ x 7 ~
        1) "6"
        2) "7"
        > YARR.FIND t IDS 3 2 6 7
        1) 1) "id"
           2) "2"
           3) "n"
           4) "2"
           5) "s"
           6) "b"
        2) 1) "id"
           2) "6"
           3) "s"
           4) "x"
        3) 1) "id"
           2) "7"
           3) "n"
           4) "7"
        > YARR.CREATE t FIELDS 2 n s VALUES 1 a 2
        (error) ERR ...
        > YARR.CREATE t FIELDS 2 n s VALUES 1 a x b
        (error) BADVALUE ...
        > YARR.CREATE t FIELDS 3 id n s VALUES 100 1 a 100 2 b
        (error) DUPLICATE ...100...
        > YARR.CREATE t FIELDS 2 n n VALUES 1 2
        (error) ERR ...
        > YARR.CREATE t FIELDS 2 n x VALUES 1 2
        (error) NOFIELD ...x...
        > YARR.CREATE t FIELDS 3 n s VALUES 1 2 3
        (error) ...
        > YARR.WHERE t * COUNT
        (integer) 7
        > YARR.CREATE t n 8
        "8"
        "#,
    );
}

#[test]
fn a_field_given_twice_is_refused() {
    let mut client = table("ADD FIELD n INTEGER ADD FIELD s STRING");
    for line in [
        "YARR.CREATE t n 1 n 2",
        "YARR.CREATE t n 1 s x n 1",
        "YARR.CREATE t id 1 id 1",
        "YARR.CREATE t UNSET n n",
    ] {
        let error = client.fail(line);
        assert!(error.starts_with("ERR "), "{line}: {error}");
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 0);
}

#[test]
fn a_field_may_be_named_like_a_clause() {
    let mut client = table(
        "ADD FIELD count INTEGER ADD FIELD return STRING ADD FIELD unset STRING ADD FIELD on STRING TIMESTAMPS OFF",
    );
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t @count 5 @return x @unset y @on z
        "1"
        > YARR.FIND t 1 RETURN @count @return
        1) "count"
        2) "5"
        3) "return"
        4) "x"
        > YARR.CREATE t FIELDS 2 @count @on VALUES 1 2
        1) "2"
        > YARR.WHERE t @count = 5 SCAN PLUCK @unset @on
        1) 1) "y"
           2) "z"
        > YARR.UPDATE t 1 INCR @count 1 UNSET @on RETURN @count @on
        1) "count"
        2) "6"
        "#,
    );
}

#[test]
fn create_answers_what_return_asks_for() {
    let mut client = table("ADD FIELD n INTEGER ADD FIELD s STRING TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 1 s x RETURN *
        1) "id"
        2) "1"
        3) "n"
        4) "1"
        5) "s"
        6) "x"
        > YARR.CREATE t n 2 RETURN n s
        1) "n"
        2) "2"
        > YARR.CREATE t n 3 RETURN nothing
        (error) NOFIELD ...nothing...
        > YARR.WHERE t * COUNT
        (integer) 2
        "#,
    );
}
