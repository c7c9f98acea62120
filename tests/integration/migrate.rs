//! YARR.MIGRATE: versions up and down, all or nothing, and the way back.

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
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING
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
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b STRING
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
    client.ok(
        "YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER TIMESTAMPS OFF",
    );
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
    assert_eq!(
        client
            .ok("YARR.MIGRATE t UP 2 more ADD FIELD c INTEGER")
            .print(),
        "OK"
    );
}

#[test]
fn a_unique_index_over_duplicates_fails_until_they_are_gone() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER TIMESTAMPS OFF");
    client.ok("YARR.CREATE t NULL ~ FIELDS 1 a VALUES 1 2 ~ ~ 2");
    let before = state(&mut client, "t");
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 2 unique ADD FIELD b INTEGER ADD INDEX a UNIQUE
        (error) DUPLICATE ...a...
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
        (
            9,
            "ADD FIELD z INTEGER ADD INDEX z RENAME FIELD z TO y ADD INDEX y BITMAP",
            "DROP DATA",
        ),
        (10, "TIMESTAMPS ON", "DROP DATA"),
    ] {
        let before = state(&mut client, "t");
        assert_eq!(
            client
                .ok(&format!("YARR.MIGRATE t UP {version} x {operations}"))
                .print(),
            "OK",
            "{operations}"
        );
        assert_ne!(state(&mut client, "t"), before, "{operations}");
        assert_eq!(
            client
                .ok(&format!("YARR.MIGRATE t DOWN {version} {down}"))
                .print(),
            "OK",
            "{operations}"
        );
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
fn a_way_back_that_the_records_do_not_allow_is_refused() {
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
        (error) ...b...
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
fn another_type_of_key_is_not_migrated() {
    let mut client = fresh();
    client.ok("SET k v");
    assert_eq!(
        client
            .run("YARR.MIGRATE k UP 1 make ADD FIELD a INTEGER")
            .code(),
        "WRONGTYPE"
    );
    assert_eq!(client.run("GET k").print(), "\"v\"");
}

#[test]
fn what_one_operation_leaves_is_looked_at_as_what_was_there_before() {
    let mut client = fresh();
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE t UP 1 make ADD FIELD n STRING ADD FIELD o STRING TIMESTAMPS OFF
        OK
        > YARR.CREATE t n x
        "1"
        > YARR.MIGRATE t UP 2 x ADD FIELD m INTEGER SET FIELD m NOT NULL
        (error) NOTNULL field 'm' cannot be NOT NULL: the record with id '1' has a null there
        > YARR.MIGRATE t UP 2 x SET FIELD o TYPE INTEGER SET FIELD o NOT NULL
        (error) NOTNULL field 'o' cannot be NOT NULL: the record with id '1' has a null there
        > YARR.MIGRATE t UP 2 x SET FIELD n TYPE INTEGER SET FIELD n TYPE STRING
        (error) BADVALUE field 'n' cannot be STRING: 'x' in the record with id '1' would not be the same value
        > YARR.MIGRATE t UP 2 x SET FIELD n TYPE INTEGER REMOVE FIELD n DROP DATA
        OK
        > YARR.MIGRATE t UP 3 x ADD FIELD m INTEGER DEFAULT 5 SET FIELD m NOT NULL SET FIELD m TYPE STRING
        OK
        > YARR.WHERE t * PLUCK m
        1) "5"
        "#,
    );
}

#[test]
fn the_way_down_of_a_type_leads_to_the_same_default() {
    let mut client = fresh();
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD a STRING DEFAULT 05 ADD FIELD b STRING DEFAULT 5");
    let schema = client.list("YARR.SCHEMA t");
    client.ok("YARR.MIGRATE t UP 2 numbers SET FIELD a TYPE INTEGER SET FIELD b TYPE INTEGER");
    assert!(
        client
            .list("YARR.SCHEMA t")
            .contains(&"ADD FIELD a INTEGER DEFAULT 5".to_string())
    );
    client.ok("YARR.MIGRATE t DOWN 2");
    assert_eq!(client.list("YARR.SCHEMA t"), schema);
}

#[test]
fn an_index_that_goes_and_comes_back_stands_where_it_stood() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER INDEX ADD FIELD b INTEGER UNIQUE ADD INDEX b BITMAP ADD INDEX a b");
    let schema = client.list("YARR.SCHEMA t");
    client.ok("YARR.MIGRATE t UP 2 less REMOVE INDEX a REMOVE INDEX b ADD INDEX b a");
    client.ok("YARR.MIGRATE t DOWN 2");
    assert_eq!(client.list("YARR.SCHEMA t"), schema);
}
