//! YARR.MIGRATE: versions up and down, every operation, and what is refused.

use crate::{cli::Client, server::fresh, transcript::transcript};

/// Everything a client can see of a table, to tell whether a command changed it.
#[track_caller]
fn state(client: &mut Client, table: &str) -> String {
    let lines = [
        format!("YARR.SCHEMA {table}"),
        format!("YARR.SCHEMA {table} VERSION"),
        format!("YARR.WHERE {table} * ORDER BY id RETURN *"),
    ];
    lines.map(|line| client.ok(&line).print()).join("\n")
}

/// The operations that make the table's schema anew.
#[track_caller]
fn schema(client: &mut Client, table: &str) -> String {
    client.ok(&format!("YARR.SCHEMA {table}")).words().join(" ")
}

#[test]
fn the_first_migration_makes_the_table() {
    transcript(
        &mut fresh(),
        r#"
        > EXISTS t
        (integer) 0
        > YARR.MIGRATE t UP 20240101120000 create_t ADD FIELD n INTEGER
        OK
        > TYPE t
        yarrtable
        > YARR.CREATE t n 1
        "1"
        "#,
    );
}

#[test]
fn a_migration_applied_again_answers_applied_and_changes_nothing() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD e ENUM ( a b ) DEFAULT a");
    client.ok("YARR.CREATE t n 1");
    let before = state(&mut client, "t");
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD e ENUM ( a b ) DEFAULT a
        APPLIED
        > yarr.migrate t up 1 make add field n integer ; add field e enum ( a b ) default a ;
        APPLIED
        > YARR.MIGRATE t UP 1 make ADD FIELD n FLOAT
        (error) CHANGED ...1...
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER
        (error) CHANGED ...
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD e ENUM ( a b ) DEFAULT b
        (error) CHANGED ...
        > YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD e ENUM ( b a ) DEFAULT a
        (error) CHANGED ...
        "#,
    );
    assert_eq!(state(&mut client, "t"), before);
}

#[test]
fn any_version_not_yet_applied_may_go_up_and_only_the_last_applied_down() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 20 make ADD FIELD a INTEGER
        OK
        > YARR.MIGRATE t UP 10 late ADD FIELD b INTEGER
        OK
        > YARR.MIGRATE t UP -5 before_all ADD FIELD c INTEGER
        ...
        > YARR.MIGRATE t UP 30 more ADD FIELD d INTEGER
        OK
        > YARR.SCHEMA t VERSION
        ...30...
        > YARR.MIGRATE t DOWN 20
        (error) NOVERSION ...
        > YARR.MIGRATE t DOWN 10
        (error) NOVERSION ...
        > YARR.MIGRATE t DOWN 99
        (error) NOVERSION ...99...
        > YARR.MIGRATE t DOWN 30
        OK
        > YARR.CREATE t d 1
        (error) NOFIELD ...d...
        > YARR.MIGRATE t DOWN 30
        (error) NOVERSION ...
        > YARR.MIGRATE t UP 30 more ADD FIELD d STRING
        OK
        > YARR.CREATE t d x
        "1"
        "#,
    );
}

#[test]
fn going_all_the_way_down_leaves_the_history_and_no_fields() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1 b x
        "1"
        > YARR.MIGRATE t DOWN 1
        (error) ...DROP DATA...
        > YARR.FIND t 1 RETURN a
        1) "a"
        2) "1"
        > YARR.MIGRATE t DOWN 1 DROP DATA
        OK
        > EXISTS t
        (integer) 1
        > YARR.WHERE t a = 1
        (error) NOFIELD ...a...
        > YARR.SCHEMA t HISTORY
        ...make...
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING TIMESTAMPS OFF
        OK
        > YARR.WHERE t a = 1 COUNT
        (integer) 0
        "#,
    );
}

#[test]
fn a_version_is_an_integer_and_a_migration_has_a_name_and_operations() {
    let mut client = fresh();
    for line in [
        "YARR.MIGRATE t",
        "YARR.MIGRATE t UP",
        "YARR.MIGRATE t UP x make ADD FIELD a INTEGER",
        "YARR.MIGRATE t UP 1.5 make ADD FIELD a INTEGER",
        "YARR.MIGRATE t UP 9223372036854775808 make ADD FIELD a INTEGER",
        "YARR.MIGRATE t UP 1",
        "YARR.MIGRATE t UP 1 make",
        "YARR.MIGRATE t UP 1 make ADD",
        "YARR.MIGRATE t UP 1 make ADD FIELD",
        "YARR.MIGRATE t UP 1 make ADD FIELD a",
        "YARR.MIGRATE t UP 1 make ADD FIELD a NUMBER",
        "YARR.MIGRATE t UP 1 make ADD FIELD a ENUM",
        "YARR.MIGRATE t UP 1 make ADD FIELD a ENUM a b",
        "YARR.MIGRATE t UP 1 make ADD FIELD a ENUM ( )",
        "YARR.MIGRATE t UP 1 make ADD FIELD a ENUM ( x",
        "YARR.MIGRATE t UP 1 make ADD FIELD a ENUM ( x x )",
        "YARR.MIGRATE t UP 1 make ADD FIELD a ENUM ( 'x y' )",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER NOT",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER DEFAULT",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER DEFAULT x",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER SOMETHING",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX UNIQUE BITMAP",
        "YARR.MIGRATE t UP 1 make ADD FIELD A INTEGER",
        "YARR.MIGRATE t UP 1 make ADD FIELD 1a INTEGER",
        "YARR.MIGRATE t UP 1 make ADD FIELD a-b INTEGER",
        "YARR.MIGRATE t UP 1 make ADD FIELD '' INTEGER",
        "YARR.MIGRATE t UP 1 make ADD FIELD id INTEGER",
        "YARR.MIGRATE t UP 1 make ADD FIELD created_at DATETIME",
        "YARR.MIGRATE t UP 1 make ADD FIELD updated_at DATETIME",
        "YARR.MIGRATE t UP 1 make ADD FIELD expires_at DATETIME",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD a STRING",
        "YARR.MIGRATE t UP 1 make REMOVE FIELD a",
        "YARR.MIGRATE t UP 1 make RENAME FIELD a TO b",
        "YARR.MIGRATE t UP 1 make ADD INDEX a",
        "YARR.MIGRATE t UP 1 make REMOVE INDEX a",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD INDEX b",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD INDEX a a",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD INDEX a",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD b INTEGER ADD INDEX a b BITMAP",
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD INDEX a BITMAP ADD INDEX a BITMAP",
        "YARR.MIGRATE t UP 1 make SET TTL x PASSIVE",
        "YARR.MIGRATE t UP 1 make SET TTL 0 PASSIVE",
        "YARR.MIGRATE t UP 1 make SET TTL -1 PASSIVE",
        "YARR.MIGRATE t UP 1 make ID FLOAT",
        "YARR.MIGRATE t UP 1 make TIMESTAMPS MAYBE",
        "YARR.MIGRATE t UP 1 make SIDEWAYS",
        "YARR.MIGRATE t SIDEWAYS 1",
        "YARR.MIGRATE t DOWN",
        "YARR.MIGRATE t DOWN x",
    ] {
        client.fail(line);
        assert_eq!(client.count("EXISTS t"), 0, "{line}");
    }
    assert_eq!(client.run("YARR.MIGRATE t DOWN 1").code(), "NOTABLE");
}

#[test]
fn all_operations_of_a_migration_take_effect_or_none() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 2 a b VALUES 1 1 2 1");
    let before = state(&mut client, "t");
    for operations in [
        "ADD FIELD c INTEGER ADD FIELD a INTEGER",
        "ADD FIELD c INTEGER REMOVE FIELD nothing",
        "RENAME FIELD a TO c ADD INDEX a",
        "REMOVE INDEX a REMOVE FIELD a DROP",
        "ADD FIELD c INTEGER ADD INDEX b UNIQUE",
        "REMOVE INDEX a ADD FIELD c INTEGER NOT NULL",
        "ADD FIELD c INTEGER DEFAULT x",
        "RENAME FIELD a TO b",
    ] {
        client.fail(&format!("YARR.MIGRATE t UP 2 more {operations}"));
        assert_eq!(state(&mut client, "t"), before, "{operations}");
    }
    assert_eq!(client.ok("YARR.MIGRATE t UP 2 more ADD FIELD c INTEGER").print(), "OK");
}

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
fn a_unique_index_over_duplicates_fails_and_leaves_a_line_in_the_history() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER TIMESTAMPS OFF");
    client.ok("YARR.CREATE t NULL ~ FIELDS 1 a VALUES 1 2 ~ ~ 2");
    let before = state(&mut client, "t");
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 2 unique ADD FIELD b INTEGER ADD INDEX a UNIQUE
        (error) DUPLICATE ...a...
        > YARR.SCHEMA t HISTORY
        ...2...FAILED...
        "#,
    );
    assert_eq!(state(&mut client, "t"), before);
    transcript(
        &mut client,
        r#"
        > YARR.UPDATE t 5 SET a 3
        (integer) 1
        > YARR.MIGRATE t UP 2 unique ADD FIELD b INTEGER ADD INDEX a UNIQUE
        OK
        > YARR.CREATE t a 3
        (error) DUPLICATE ...a...5...
        > YARR.WHERE t a = 3 IDS
        1) "5"
        "#,
    );
}

#[test]
fn the_way_down_is_derived_where_every_operation_can_be_undone() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING DEFAULT x NOT NULL ADD FIELD c INTEGER TIMESTAMPS OFF");
    client.ok("YARR.CREATE t a 1 c 3");
    for (version, operations, down) in [
        (2, "ADD FIELD d INTEGER", "DROP DATA"),
        (3, "RENAME FIELD b TO bb", ""),
        (4, "ADD INDEX c", ""),
        (5, "ADD INDEX c BITMAP", ""),
        (6, "REMOVE INDEX a", ""),
        (7, "ADD INDEX a c UNIQUE", ""),
        (8, "SET TTL 100 PASSIVE", ""),
        (9, "ADD FIELD z INTEGER ADD INDEX z RENAME FIELD z TO y ADD INDEX y BITMAP", "DROP DATA"),
        (10, "TIMESTAMPS ON", "DROP DATA"),
    ] {
        let before = state(&mut client, "t");
        assert_eq!(client.ok(&format!("YARR.MIGRATE t UP {version} x {operations}")).print(), "OK", "{operations}");
        assert_ne!(state(&mut client, "t"), before, "{operations}");
        assert_eq!(client.ok(&format!("YARR.MIGRATE t DOWN {version} {down}")).print(), "OK", "{operations}");
        assert_eq!(state(&mut client, "t"), before, "{operations}");
    }
}

#[test]
fn a_given_way_down_is_taken() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD b INTEGER NOT NULL TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1 b 2
        "1"
        > YARR.MIGRATE t UP 2 less REMOVE FIELD b DOWN ADD FIELD b INTEGER NOT NULL DEFAULT 9 DROP DATA
        OK
        > YARR.MIGRATE t DOWN 2
        OK
        > YARR.FIND t 1 RETURN a b
        1) "a"
        2) "1"
        3) "b"
        4) "9"
        "#,
    );
}

#[test]
fn where_there_is_no_way_back_it_is_said() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD b INTEGER NOT NULL TIMESTAMPS OFF
        OK
        > YARR.CREATE t a 1 b 2
        "1"
        > YARR.MIGRATE t UP 2 less REMOVE FIELD b DROP DATA
        OK
        > YARR.MIGRATE t DOWN 2
        (error) IRREVERSIBLE ...2...
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "a"
        4) "1"
        "#,
    );
}

#[test]
fn what_discards_values_needs_drop_data_unless_the_table_is_empty() {
    transcript(
        &mut fresh(),
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER ADD FIELD b INTEGER
        OK
        > YARR.MIGRATE t UP 2 less REMOVE FIELD b
        OK
        > YARR.MIGRATE t DOWN 2
        OK
        > YARR.MIGRATE t UP 3 more ADD FIELD c INTEGER
        OK
        > YARR.CREATE t a 1
        "1"
        > YARR.MIGRATE t DOWN 3
        (error) ...DROP DATA...
        > YARR.MIGRATE t UP 4 less REMOVE FIELD b
        (error) ...DROP DATA...
        > YARR.MIGRATE t UP 4 less TIMESTAMPS OFF
        (error) ...DROP DATA...
        > YARR.MIGRATE t UP 4 less TIMESTAMPS OFF DROP DATA
        OK
        > YARR.FIND t 1
        1) "id"
        2) "1"
        3) "a"
        4) "1"
        > YARR.MIGRATE t DOWN 4
        OK
        > YARR.MIGRATE t DOWN 3 DROP DATA
        OK
        > YARR.FIND t 1 RETURN c
        (error) NOFIELD ...
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
    let fields: Vec<String> = (0..1024).map(|n| format!("ADD FIELD f{n} INTEGER")).collect();
    client.ok(&format!("YARR.MIGRATE t UP 1 make TIMESTAMPS OFF {}", fields.join(" ")));
    client.fail("YARR.MIGRATE t UP 2 more ADD FIELD one_more INTEGER");
    let values: Vec<String> = (0..1024).map(|n| format!("f{n} {n}")).collect();
    client.ok(&format!("YARR.CREATE t {}", values.join(" ")));
    let record = client.ok("YARR.FIND t 1").words();
    assert_eq!(record.len(), 2 * 1025);
    assert_eq!(record[2 * 1024..], ["f1023", "1023"]);
    let indexes: Vec<String> = (0..64).map(|n| format!("ADD INDEX f{n}")).collect();
    client.ok(&format!("YARR.MIGRATE t UP 3 index {}", indexes.join(" ")));
    client.fail("YARR.MIGRATE t UP 4 more ADD INDEX f64");
    assert_eq!(client.list("YARR.WHERE t f63 = 63 IDS"), ["1"]);
    client.ok("YARR.MIGRATE t UP 5 less REMOVE INDEX f0");
    client.fail("YARR.MIGRATE t UP 6 more ADD INDEX f0 f1 f2 f3 f4 f5 f6 f7 f8");
    client.ok("YARR.MIGRATE t UP 6 more ADD INDEX f0 f1 f2 f3 f4 f5 f6 f7");
    assert_eq!(client.list("YARR.WHERE t f0 = 0 AND f1 = 1 AND f7 = 7 IDS"), ["1"]);
    let long = "a".repeat(63);
    let mut other = fresh();
    other.ok(&format!("YARR.MIGRATE t UP 1 make ADD FIELD {long} INTEGER"));
    other.fail(&format!("YARR.MIGRATE t UP 2 more ADD FIELD {long}a INTEGER"));
}

#[test]
fn an_operation_ends_where_the_next_begins_or_at_a_semicolon() {
    let mut client = fresh();
    let forms = [
        "ADD FIELD a INTEGER INDEX ADD FIELD b STRING DEFAULT ADD ADD INDEX a b SET TTL 60 PASSIVE TIMESTAMPS OFF ID STRING",
        "ADD FIELD a INTEGER INDEX ; ADD FIELD b STRING DEFAULT ADD ; ADD INDEX a b ; SET TTL 60 PASSIVE ; TIMESTAMPS OFF ; ID STRING ;",
        "add field @a integer index ; add field @b string default ADD add index @a @b ; set ttl 60 passive timestamps off id string",
    ];
    for (place, form) in forms.iter().enumerate() {
        client.ok(&format!("YARR.MIGRATE t{place} UP 1 make {form}"));
        let made = schema(&mut client, &format!("t{place}"));
        assert_eq!(made, schema(&mut client, "t0"), "{form}");
    }
}

#[test]
fn a_field_may_be_named_like_an_operation() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD @add INTEGER ADD FIELD @down INTEGER ADD FIELD @unique INTEGER ADD INDEX @add @unique TIMESTAMPS OFF");
    client.ok("YARR.CREATE t @add 1 @down 2 @unique 3");
    assert_eq!(client.list("YARR.WHERE t @add = 1 AND @unique = 3 PLUCK @down"), ["2"]);
    client.ok("YARR.MIGRATE t UP 2 less REMOVE INDEX @add @unique REMOVE FIELD @down DROP DATA");
    assert_eq!(client.run("YARR.WHERE t @down = 2 SCAN").code(), "NOFIELD");
}

#[test]
fn another_type_of_key_is_not_migrated() {
    let mut client = fresh();
    client.ok("SET k v");
    assert_eq!(client.run("YARR.MIGRATE k UP 1 make ADD FIELD a INTEGER").code(), "WRONGTYPE");
    assert_eq!(client.run("GET k").print(), "\"v\"");
}
