//! The operations of a migration: fields, indexes, ids, timestamps.

use crate::{server::fresh, transcript::transcript};

#[test]
fn old_records_take_the_default_of_the_time_the_field_was_added() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1
        "1"
        > YARR.MIGRATE t UP 2 more ADD FIELD b INTEGER DEFAULT 7 ADD FIELD c STRING ADD FIELD e ENUM ( x y ) NOT NULL DEFAULT y
        OK
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "a"
        4) "1"
        5) "b"
        6) "7"
        7) "e"
        8) "y"
        > YARR.WHERE t b = 7 AND e = y AND c IS NULL SCAN COUNT
        (integer) 1
        > YARR.UPDATE t 1 SET a 2
        (integer) 1
        > YARR.UPDATE t 1 UNSET b
        (integer) 1
        > YARR.FIND t 1 RETURN a b e
        1) "a"
        2) "2"
        3) "e"
        4) "y"
        > YARR.CREATE t a 3
        "2"
        > YARR.MIGRATE t UP 3 index ADD INDEX b ADD INDEX e BITMAP
        OK
        > YARR.WHERE t b = 7 IDS
        1) "2"
        > YARR.WHERE t e = y ORDER BY id IDS
        1) "1"
        2) "2"
        "#,
    );
}

#[test]
fn a_new_field_may_come_with_its_index_over_old_records() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER TIMESTAMPS OFF
        OK
        > YARR.CREATE t FIELDS 1 a VALUES 1 2 3
        ...
        > YARR.MIGRATE t UP 2 more ADD FIELD b INTEGER DEFAULT 7 INDEX ADD FIELD c BOOLEAN BITMAP ADD FIELD u STRING UNIQUE
        OK
        > YARR.WHERE t b = 7 COUNT
        (integer) 3
        > YARR.WHERE t c IS NULL COUNT
        (integer) 3
        > YARR.WHERE t u IS NULL COUNT
        (integer) 3
        > YARR.MIGRATE t UP 3 bad ADD FIELD v INTEGER DEFAULT 1 UNIQUE
        (error) DUPLICATE ...
        > YARR.WHERE t v = 1 SCAN
        (error) NOFIELD ...v...
        "#,
    );
}

#[test]
fn not_null_needs_a_default_or_no_nulls() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER NOT NULL
        OK
        > YARR.CREATE t a 1
        "1"
        > YARR.MIGRATE t UP 2 more ADD FIELD b INTEGER NOT NULL
        (error) NOTNULL ...b...
        > YARR.MIGRATE t UP 2 more ADD FIELD b INTEGER NOT NULL DEFAULT 5
        OK
        > YARR.FIND t 1 RETURN a b
        1) "a"
        2) "1"
        3) "b"
        4) "5"
        > YARR.DEL t 1
        (integer) 1
        > YARR.MIGRATE t UP 3 now_it_is_empty ADD FIELD c INTEGER NOT NULL
        OK
        "#,
    );
}

#[test]
fn a_removed_field_never_reappears_with_old_values() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD b STRING TIMESTAMPS OFF
        OK
        > YARR.CREATE t FIELDS 2 a b VALUES 1 old 2 old
        ...
        > YARR.MIGRATE t UP 2 less REMOVE FIELD b
        (error) ...DROP DATA...
        > YARR.FIND t 1 RETURN b
        1) "b"
        2) "old"
        > YARR.MIGRATE t UP 2 less REMOVE FIELD b DROP DATA
        OK
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "a"
        4) "1"
        > YARR.FIND t 1 RETURN b
        (error) NOFIELD ...b...
        > YARR.UPDATE t 2 SET a 3
        (integer) 1
        > YARR.MIGRATE t DOWN 2
        OK
        > YARR.WHERE t b IS NULL SCAN COUNT
        (integer) 2
        > YARR.CREATE t b new
        "3"
        > YARR.MIGRATE t UP 3 less REMOVE FIELD b DROP DATA
        OK
        > YARR.MIGRATE t UP 4 again ADD FIELD b STRING DEFAULT d INDEX
        OK
        > YARR.WHERE t * ORDER BY id PLUCK b
        1) "d"
        2) "d"
        3) "d"
        > YARR.WHERE t b = old COUNT
        (integer) 0
        > YARR.WHERE t b = d COUNT
        (integer) 3
        "#,
    );
}

#[test]
fn a_field_that_an_index_has_cannot_be_removed() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD FIELD c INTEGER BITMAP ADD INDEX a b
        OK
        > YARR.MIGRATE t UP 2 less REMOVE FIELD b
        (error) ...
        > YARR.MIGRATE t UP 2 less REMOVE FIELD c
        (error) ...
        > YARR.MIGRATE t UP 2 less REMOVE INDEX a b REMOVE FIELD b
        OK
        > YARR.WHERE t a = 1 COUNT
        (integer) 0
        > YARR.WHERE t b = 1
        (error) NOFIELD ...
        > YARR.MIGRATE t UP 3 less REMOVE INDEX c BITMAP REMOVE FIELD c
        OK
        "#,
    );
}

#[test]
fn a_renamed_field_keeps_its_values_and_its_indexes() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER ADD INDEX a b UNIQUE TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1 b 2
        "1"
        > YARR.MIGRATE t UP 2 name RENAME FIELD a TO z
        OK
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "z"
        4) "1"
        5) "b"
        6) "2"
        > YARR.WHERE t z = 1 IDS
        1) "1"
        > YARR.WHERE t a = 1
        (error) NOFIELD ...a...
        > YARR.CREATE t z 1 b 2
        (error) DUPLICATE ...z...b...
        > YARR.MIGRATE t UP 3 name RENAME FIELD z TO b
        (error) ...b...
        > YARR.MIGRATE t UP 3 name RENAME FIELD z TO id
        (error) ...
        > YARR.MIGRATE t UP 3 name RENAME FIELD id TO key
        (error) ...
        > YARR.MIGRATE t UP 3 swap RENAME FIELD z TO tmp RENAME FIELD b TO z RENAME FIELD tmp TO b
        OK
        > YARR.FIND t 1 RETURN b
        1) "b"
        2) "1"
        > YARR.FIND t 1 RETURN z
        1) "z"
        2) "2"
        > YARR.MIGRATE t DOWN 3
        OK
        > YARR.MIGRATE t DOWN 2
        OK
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "a"
        4) "1"
        5) "b"
        6) "2"
        > YARR.WHERE t a = 1 IDS
        1) "1"
        "#,
    );
}

#[test]
fn an_index_added_to_records_serves_them_at_once() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD s STRING TIMESTAMPS OFF
        OK
        > YARR.CREATE t NULL ~ FIELDS 2 a s VALUES 3 x 1 y ~ z 2 x
        ...
        > YARR.WHERE t a > 1
        (error) NOINDEX ...
        > YARR.MIGRATE t UP 2 index ADD INDEX a ADD INDEX s a ADD INDEX s BITMAP
        OK
        > YARR.WHERE t a > 1 ORDER BY a IDS
        1) "4"
        2) "1"
        > YARR.WHERE t s = x ORDER BY a IDS
        1) "4"
        2) "1"
        > YARR.WHERE t a IS NULL IDS
        1) "3"
        > YARR.UPDATE t 3 SET a 9
        (integer) 1
        > YARR.WHERE t a > 2 ORDER BY a IDS
        1) "1"
        2) "3"
        > YARR.MIGRATE t UP 3 less REMOVE INDEX a
        OK
        > YARR.WHERE t a > 1
        (error) NOINDEX ...
        > YARR.MIGRATE t UP 4 less REMOVE INDEX a
        (error) ...
        > YARR.MIGRATE t UP 4 less REMOVE INDEX s BITMAP
        OK
        > YARR.WHERE t s = x COUNT
        (integer) 2
        > YARR.MIGRATE t DOWN 4
        OK
        > YARR.MIGRATE t DOWN 3
        OK
        > YARR.WHERE t a > 1 ORDER BY a IDS
        1) "4"
        2) "1"
        3) "3"
        > YARR.MIGRATE t DOWN 2
        OK
        > YARR.WHERE t s = x
        (error) NOINDEX ...
        > YARR.WHERE t * COUNT
        (integer) 4
        "#,
    );
}

#[test]
fn the_id_changes_its_type_only_on_an_empty_table() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1
        "1"
        > YARR.MIGRATE t UP 2 key ID STRING
        (error) ...
        > YARR.DEL t 1
        (integer) 1
        > YARR.MIGRATE t UP 2 key ID STRING
        OK
        > YARR.CREATE t id x a 1
        "x"
        > YARR.MIGRATE t DOWN 2
        (error) ...
        > YARR.FIND t x RETURN a
        1) "a"
        2) "1"
        "#,
    );
}

#[test]
fn timestamps_may_be_turned_on_for_old_records() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1
        "1"
        > YARR.MIGRATE t UP 2 time TIMESTAMPS ON
        OK
        > YARR.CREATE t a 2 created_at 5 updated_at 6
        "2"
        > YARR.FIND t 2
        1) "id"
        2) "2"
        3) "a"
        4) "2"
        5) "created_at"
        6) "5"
        7) "updated_at"
        8) "6"
        > YARR.FIND t 1 RETURN a
        1) "a"
        2) "1"
        > YARR.MIGRATE t UP 3 index ADD INDEX created_at
        OK
        > YARR.WHERE t created_at = 5 IDS
        1) "2"
        "#,
    );
}

#[test]
fn a_table_holds_as_many_fields_and_indexes_as_it_says() {
    let mut client = fresh();
    let fields: Vec<String> = (0..1020)
        .map(|n| format!("ADD FIELD f{n} INTEGER"))
        .collect();
    client.ok(&format!(
        "YARR.MIGRATE t UP 1 make TIMESTAMPS OFF {}",
        fields.join(" ")
    ));
    client.fail("YARR.MIGRATE t UP 2 more ADD FIELD a INTEGER ADD FIELD b INTEGER ADD FIELD c INTEGER ADD FIELD d INTEGER ADD FIELD e INTEGER");
    let values: Vec<String> = (0..1020).map(|n| format!("f{n} {n}")).collect();
    client.ok(&format!("YARR.CREATE t {}", values.join(" ")));
    let record = client.ok("YARR.FIND t 1").words();
    assert_eq!(record.len(), 2 * 1021);
    assert_eq!(record[2 * 1020..], ["f1019", "1019"]);
    let indexes: Vec<String> = (0..64).map(|n| format!("ADD INDEX f{n}")).collect();
    client.ok(&format!("YARR.MIGRATE t UP 3 index {}", indexes.join(" ")));
    client.fail("YARR.MIGRATE t UP 4 more ADD INDEX f64");
    assert_eq!(client.list("YARR.WHERE t f63 = 63 IDS"), ["1"]);
    client.ok("YARR.MIGRATE t UP 5 less REMOVE INDEX f0");
    client.fail("YARR.MIGRATE t UP 6 more ADD INDEX f0 f1 f2 f3 f4 f5 f6 f7 f8");
    client.ok("YARR.MIGRATE t UP 6 more ADD INDEX f0 f1 f2 f3 f4 f5 f6 f7");
    assert_eq!(
        client.list("YARR.WHERE t f0 = 0 AND f1 = 1 AND f7 = 7 IDS"),
        ["1"]
    );
    let long = "a".repeat(63);
    let mut other = fresh();
    other.ok(&format!(
        "YARR.MIGRATE t UP 1 make ADD FIELD {long} INTEGER"
    ));
    other.fail(&format!(
        "YARR.MIGRATE t UP 2 more ADD FIELD {long}a INTEGER"
    ));
}

#[test]
fn a_field_may_be_named_like_an_operation() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD @add INTEGER ADD FIELD @down INTEGER ADD FIELD @unique INTEGER ADD INDEX @add @unique TIMESTAMPS OFF");
    client.ok("YARR.CREATE t @add 1 @down 2 @unique 3");
    assert_eq!(
        client.list("YARR.WHERE t @add = 1 AND @unique = 3 PLUCK @down"),
        ["2"]
    );
    client.ok("YARR.MIGRATE t UP 2 less REMOVE INDEX @add @unique REMOVE FIELD @down DROP DATA");
    assert_eq!(client.run("YARR.WHERE t @down = 2 SCAN").code(), "NOFIELD");
}
