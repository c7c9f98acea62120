//! YARR.CREATE: one record, many records, defaults, ids, timestamps, conflicts.

use crate::{cli::Client, server::fresh, transcript::transcript};

#[track_caller]
fn table(operations: &str) -> Client {
    let mut client = fresh();
    client.ok(&format!("YARR.MIGRATE t UP 1 make {operations}"));
    client
}

#[test]
fn ids_are_counted_up_from_one() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 42
        "1"
        > yarr.create t
        "2"
        > YARR.CREATE t n -7
        "3"
        > YARR.WHERE t * ORDER BY id
        1) 1) "id"
           2) "1"
           3) "n"
           4) "42"
        2) 1) "id"
           2) "2"
        3) 1) "id"
           2) "3"
           3) "n"
           4) "-7"
        "#,
    );
}

#[test]
fn an_automatic_id_is_one_more_than_the_highest_ever_used() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t id 10
        "10"
        > YARR.CREATE t id -5
        "-5"
        > YARR.CREATE t id 3 n 1
        "3"
        > YARR.CREATE t
        "11"
        > YARR.DEL t 11
        (integer) 1
        > YARR.CREATE t
        "12"
        > YARR.CREATE t id 9223372036854775806
        "9223372036854775806"
        > YARR.CREATE t
        "9223372036854775807"
        > YARR.CREATE t
        (error) ...
        > YARR.WHERE t * COUNT
        (integer) 6
        > YARR.CREATE t id -9223372036854775808
        "-9223372036854775808"
        > YARR.CREATE t id 9223372036854775808
        (error) BADVALUE ...
        > YARR.CREATE t id 1.5
        (error) BADVALUE ...
        > YARR.WHERE t * ORDER BY id LIMIT 3 IDS
        1) "-9223372036854775808"
        2) "-5"
        3) "3"
        "#,
    );
}

#[test]
fn an_id_in_use_is_a_duplicate() {
    let mut client = table("ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t id 1 n 1
        "1"
        > YARR.CREATE t id 1 n 2
        (error) DUPLICATE ...id...1...
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "n"
        4) "1"
        "#,
    );
}

#[test]
fn every_type_reads_back_in_its_own_form() {
    let mut client = table(
        "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME ADD FIELD s STRING \
         ADD FIELD u UUID ADD FIELD e ENUM ( new Old a.b-c_9 ) TIMESTAMPS OFF",
    );
    let cases: &[(&str, &str, &str)] = &[
        ("i", "9223372036854775807", "9223372036854775807"),
        ("i", "-9223372036854775808", "-9223372036854775808"),
        ("i", "0", "0"),
        ("f", "5", "5"),
        ("f", "5.0", "5"),
        ("f", "0.1", "0.1"),
        ("f", "-0", "0"),
        ("f", "1e300", "1e+300"),
        ("f", "1E300", "1e+300"),
        ("f", "1e20", "100000000000000000000"),
        ("f", "1e21", "1e+21"),
        ("f", "123456789012345680000", "123456789012345680000"),
        ("f", "0.000001", "0.000001"),
        ("f", "1e-7", "1e-7"),
        ("f", "-1.5e-10", "-1.5e-10"),
        ("f", "1.7976931348623157e308", "1.7976931348623157e+308"),
        ("f", "5e-324", "5e-324"),
        ("f", "0.30000000000000004", "0.30000000000000004"),
        ("f", "9007199254740993", "9007199254740992"),
        ("b", "true", "true"),
        ("b", "TRUE", "true"),
        ("b", "1", "true"),
        ("b", "False", "false"),
        ("b", "0", "false"),
        ("d", "0", "0"),
        ("d", "-1", "-1"),
        ("d", "1357034400000", "1357034400000"),
        ("d", "2013-01-01T10:00:00Z", "1357034400000"),
        ("d", "2013-01-01T10:00:00.1239Z", "1357034400123"),
        ("d", "2013-01-01T10:00:00+01:30", "1357029000000"),
        ("d", "1969-12-31T23:59:59.999Z", "-1"),
        ("s", "\"\"", ""),
        ("s", "plain", "plain"),
        ("s", "\"with space\"", "with space"),
        ("s", "E4EAAAF2-D142-11E1-B3E4-080027620CDD", "E4EAAAF2-D142-11E1-B3E4-080027620CDD"),
        ("s", "e4eaaaf2-d142-11e1-b3e4-080027620cdd", "e4eaaaf2-d142-11e1-b3e4-080027620cdd"),
        ("s", "e4eaaaf2d14211e1b3e4080027620cdd", "e4eaaaf2d14211e1b3e4080027620cdd"),
        ("s", "007", "007"),
        ("u", "E4EAAAF2-D142-11E1-B3E4-080027620CDD", "e4eaaaf2-d142-11e1-b3e4-080027620cdd"),
        ("u", "e4eaaaf2d14211e1b3e4080027620cdd", "e4eaaaf2-d142-11e1-b3e4-080027620cdd"),
        ("e", "new", "new"),
        ("e", "Old", "Old"),
        ("e", "a.b-c_9", "a.b-c_9"),
    ];
    for (field, given, kept) in cases {
        let id = client.ok(&format!("YARR.CREATE t {field} {given}")).text();
        let found = client.ok(&format!("YARR.FIND t {id} RETURN {field}"));
        assert_eq!(found.words(), [*field, *kept], "{field} {given}");
    }
}

#[test]
fn a_string_holds_any_bytes() {
    let mut client = table("ADD FIELD s STRING TIMESTAMPS OFF");
    let every_byte: Vec<u8> = (0..=255).collect();
    for bytes in [&every_byte[..], b"\0", b"\r\n", b")", b"AND", b"*", b"RETURN", b"\xff\xfe", b"%s%n", &[b'x'; 100_000]] {
        let id = client.send(&[b"YARR.CREATE".as_slice(), b"t", b"s", bytes]);
        let found = client.send(&[b"YARR.FIND".as_slice(), b"t", id.bytes(), b"RETURN", b"s"]);
        assert_eq!(found.items()[1].bytes(), bytes);
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    let mut client = table(
        "ADD FIELD i INTEGER ADD FIELD f FLOAT ADD FIELD b BOOLEAN ADD FIELD d DATETIME ADD FIELD u UUID ADD FIELD e ENUM ( a b )",
    );
    let cases = [
        ("i", vec!["x", "''", "1.5", "9223372036854775808", "-9223372036854775809", "' 1'", "1e3", "0x10"]),
        ("f", vec!["x", "''", "nan", "inf", "-inf", "1e999", "1,5", "infinity"]),
        ("b", vec!["yes", "''", "2", "t"]),
        ("d", vec!["yesterday", "''", "2013-13-01T00:00:00Z", "2013-02-29T00:00:00Z", "2013-01-01T10:00:00", "now-1y", "nowhere"]),
        ("u", vec!["x", "''", "e4eaaaf2-d142-11e1-b3e4-080027620cd", "e4eaaaf2-d142-11e1-b3e4-080027620cdg", "e4eaaaf2d142-11e1-b3e4-080027620cdd-"]),
        ("e", vec!["c", "''", "A", "0"]),
    ];
    for (field, values) in cases {
        for value in values {
            let error = client.fail(&format!("YARR.CREATE t {field} {value}"));
            assert!(error.starts_with("BADVALUE "), "{field} {value}: {error}");
            assert!(error.contains(field), "the error should name the field: {error}");
        }
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 0);
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
    assert!((before..=after).contains(&created), "{before} <= {created} <= {after}");
    assert_eq!(record.get("updated_at").expect("updated_at").number(), created);
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
    let mut client = table("ADD FIELD d DATETIME ADD FIELD e DATETIME ADD FIELD f DATETIME DEFAULT now");
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
    for line in ["YARR.CREATE t n 1 n 2", "YARR.CREATE t n 1 s x n 1", "YARR.CREATE t id 1 id 1", "YARR.CREATE t UNSET n n"] {
        let error = client.fail(line);
        assert!(error.starts_with("ERR "), "{line}: {error}");
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 0);
}

#[test]
fn a_field_may_be_named_like_a_clause() {
    let mut client = table("ADD FIELD count INTEGER ADD FIELD return STRING ADD FIELD unset STRING ADD FIELD on STRING TIMESTAMPS OFF");
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

#[test]
fn a_uuid_id_is_made_by_the_server_in_the_order_of_time() {
    let mut client = table("ID UUID ADD FIELD n INTEGER TIMESTAMPS OFF");
    let mut made = Vec::new();
    for n in 0..20 {
        made.push(client.ok(&format!("YARR.CREATE t n {n}")).text());
    }
    for id in &made {
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(id.as_bytes()[14], b'7', "version 7: {id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "variant of RFC 9562: {id}");
    }
    let millisecond = |id: &String| id[..13].to_string();
    assert!(made.windows(2).all(|pair| millisecond(&pair[0]) <= millisecond(&pair[1])), "{made:?}");
    let mut distinct = made.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);
    assert_eq!(client.list("YARR.WHERE t * ORDER BY id IDS"), distinct);
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t id E4EAAAF2-D142-11E1-B3E4-080027620CDD
        "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
        > YARR.FIND t e4eaaaf2d14211e1b3e4080027620cdd
        1) "id"
        2) "e4eaaaf2-d142-11e1-b3e4-080027620cdd"
        > YARR.CREATE t id e4eaaaf2d14211e1b3e4080027620cdd
        (error) DUPLICATE ...
        > YARR.CREATE t id 7
        (error) BADVALUE ...
        "#,
    );
}

#[test]
fn a_string_id_is_the_callers() {
    let mut client = table("ID STRING ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 1
        (error) NOTNULL ...id...
        > YARR.CREATE t id "a\x00b" n 1
        "a\x00b"
        > YARR.CREATE t id "" n 2
        ""
        > YARR.CREATE t id WHERE n 3
        "WHERE"
        > YARR.CREATE t id IDS n 4
        "IDS"
        > YARR.CREATE t id IDS n 5
        (error) DUPLICATE ...
        > YARR.FIND t IDS 3 WHERE IDS ""
        1) 1) "id"
           2) "WHERE"
           3) "n"
           4) "3"
        2) 1) "id"
           2) "IDS"
           3) "n"
           4) "4"
        3) 1) "id"
           2) ""
           3) "n"
           4) "2"
        > YARR.FIND t "a\x00b" RETURN n
        1) "n"
        2) "1"
        > YARR.WHERE t * ORDER BY id IDS
        1) ""
        2) "IDS"
        3) "WHERE"
        4) "a\x00b"
        > YARR.UPDATE t WHERE id = WHERE SET n 9
        (integer) 1
        > YARR.DEL t IDS 2 WHERE nowhere
        (integer) 1
        "#,
    );
}

#[test]
fn a_unique_index_refuses_a_second_record_with_its_values() {
    let mut client = table("ADD FIELD email STRING UNIQUE ADD FIELD a INTEGER ADD FIELD b INTEGER ADD INDEX a b UNIQUE TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t email x a 1 b 1
        "1"
        > YARR.CREATE t email x
        (error) DUPLICATE ...email...1...
        > YARR.CREATE t email y a 1 b 1
        (error) DUPLICATE ...a...b...1...
        > YARR.CREATE t email y a 1 b 2
        "2"
        # A null in any field never conflicts.
        > YARR.CREATE t
        "3"
        > YARR.CREATE t
        "4"
        > YARR.CREATE t a 1
        "5"
        > YARR.CREATE t a 1
        "6"
        > YARR.CREATE t FIELDS 1 email VALUES p q p
        (error) DUPLICATE ...
        > YARR.WHERE t * COUNT
        (integer) 6
        > YARR.CREATE t email q
        "7"
        "#,
    );
}

#[test]
fn a_conflict_is_ignored_kept_or_updated_as_asked() {
    let mut client = table("ADD FIELD email STRING UNIQUE ADD FIELD n INTEGER ADD FIELD s STRING DEFAULT d TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t email x n 1 s given ON CONFLICT email KEEP
        "1"
        > YARR.CREATE t email x n 2 ON CONFLICT email IGNORE
        (nil)
        > YARR.CREATE t email x n 2 ON CONFLICT email KEEP
        "1"
        > YARR.CREATE t email x n 2 ON CONFLICT email KEEP RETURN *
        1) "id"
        2) "1"
        3) "email"
        4) "x"
        5) "n"
        6) "1"
        7) "s"
        8) "given"
        > YARR.CREATE t email x n 2 ON CONFLICT email IGNORE RETURN *
        (nil)
        # Only the given fields are set: the default does not come back.
        > YARR.CREATE t email x n 3 ON CONFLICT email UPDATE
        "1"
        > YARR.CREATE t email x n 4 ON CONFLICT email UPDATE RETURN *
        1) "id"
        2) "1"
        3) "email"
        4) "x"
        5) "n"
        6) "4"
        7) "s"
        8) "given"
        > YARR.CREATE t email y ON CONFLICT email KEEP RETURN *
        1) "id"
        2) "2"
        3) "email"
        4) "y"
        5) "s"
        6) "d"
        > YARR.CREATE t id 2 n 7 ON CONFLICT id UPDATE
        "2"
        > YARR.FIND t 2 RETURN email n
        1) "email"
        2) "y"
        3) "n"
        4) "7"
        # A conflict on another index than the one named.
        > YARR.CREATE t id 3 email x ON CONFLICT id IGNORE
        (error) DUPLICATE ...email...1...
        > YARR.CREATE t id 2 email x ON CONFLICT id UPDATE
        (error) DUPLICATE ...email...1...
        > YARR.FIND t 2 RETURN email
        1) "email"
        2) "y"
        # An id that an ignored record would have had.
        > YARR.CREATE t email z ON CONFLICT email IGNORE
        ...
        > YARR.WHERE t * COUNT
        (integer) 3
        "#,
    );
}

#[test]
fn on_conflict_names_a_unique_index() {
    let mut client = table("ADD FIELD a INTEGER ADD FIELD b INTEGER ADD FIELD c INTEGER INDEX ADD INDEX a b UNIQUE TIMESTAMPS OFF");
    client.ok("YARR.CREATE t a 1 b 2 c 3");
    for names in ["c", "a", "b", "a b c", "nothing", "a c"] {
        let error = client.fail(&format!("YARR.CREATE t a 1 b 2 c 3 ON CONFLICT {names} IGNORE"));
        assert!(!error.starts_with("DUPLICATE"), "{names}: {error}");
    }
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t a 1 b 2 c 4 ON CONFLICT a b UPDATE
        "1"
        > YARR.FIND t 1 RETURN c
        1) "c"
        2) "4"
        > YARR.CREATE t a 1 b 2 ON CONFLICT a b
        (error) ERR ...
        > YARR.CREATE t a 1 b 2 ON CONFLICT a b REPLACE
        (error) ...
        > YARR.WHERE t * COUNT
        (integer) 1
        "#,
    );
}

#[test]
fn conflicts_of_many_rows_apply_in_order_all_or_none() {
    let mut client = table("ADD FIELD email STRING UNIQUE ADD FIELD n INTEGER TIMESTAMPS OFF");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t email x n 1
        "1"
        > YARR.CREATE t ON CONFLICT email IGNORE FIELDS 2 email n VALUES y 2 x 3 y 4
        1) "2"
        2) (nil)
        3) (nil)
        > YARR.CREATE t ON CONFLICT email KEEP FIELDS 2 email n VALUES x 5 y 6
        1) "1"
        2) "2"
        > YARR.CREATE t ON CONFLICT email UPDATE FIELDS 2 email n VALUES x 5 y 6 x 7
        1) "1"
        2) "2"
        3) "1"
        > YARR.WHERE t * ORDER BY id PLUCK email n
        1) 1) "x"
           2) "7"
        2) 1) "y"
           2) "6"
        > YARR.CREATE t ON CONFLICT email UPDATE FIELDS 2 email n VALUES x 8 y bad
        (error) BADVALUE ...
        > YARR.CREATE t ON CONFLICT email UPDATE FIELDS 3 email id n VALUES x 1 8 z 2 9
        (error) ...
        > YARR.WHERE t * ORDER BY id PLUCK n
        1) "7"
        2) "6"
        > YARR.CREATE t ON CONFLICT email KEEP RETURN n FIELDS 1 email VALUES x new x
        1) 1) "n"
           2) "7"
        2) (empty array)
        3) 1) "n"
           2) "7"
        "#,
    );
}
