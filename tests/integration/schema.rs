//! YARR.SCHEMA, YARR.EXPLAIN, YARR.INFO and `INFO yarr`: what a table tells about itself.

use crate::{able::needs, cli::Client, line::split, server::fresh, transcript::transcript};

fn table() -> Client {
    let mut client = fresh();
    client.ok(
        "YARR.MIGRATE t UP 20240101 make ADD FIELD user_id INTEGER INDEX ADD FIELD status ENUM ( new open done ) NOT NULL DEFAULT new BITMAP \
         ADD FIELD note STRING ADD FIELD email STRING UNIQUE SET TTL 3600 PASSIVE",
    );
    client.ok("YARR.MIGRATE t UP 20240201 score ADD FIELD score FLOAT DEFAULT 0.5 ADD INDEX status score REMOVE FIELD note");
    client
}

#[test]
fn a_schema_makes_the_same_table_anew() {
    let mut client = table();
    let schema = client.ok("YARR.SCHEMA t");
    let operations = schema.words().join(" ");
    for word in [
        "user_id", "ENUM", "status", "NOT NULL", "DEFAULT", "UNIQUE", "BITMAP", "score", "3600",
        "INDEX",
    ] {
        assert!(operations.contains(word), "{word} is missing: {operations}");
    }
    assert!(!operations.contains("note"), "{operations}");
    assert!(split(&operations).is_some(), "{operations}");
    client.ok(&format!("YARR.MIGRATE anew UP 1 make {operations}"));
    assert_eq!(client.ok("YARR.SCHEMA anew").print(), schema.print());
}

#[test]
fn the_history_tells_every_migration_in_the_order_it_was_applied() {
    let mut client = table();
    client.ok("YARR.MIGRATE t UP 20231231 late ADD FIELD extra INTEGER");
    let history = client.ok("YARR.SCHEMA t HISTORY").print();
    let places: Vec<_> = ["20240101", "20240201", "20231231"]
        .iter()
        .map(|version| history.find(version))
        .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{history}"
    );
    for word in ["make", "score", "late"] {
        assert!(history.contains(word), "{word} is missing: {history}");
    }
    client.ok("YARR.MIGRATE t DOWN 20231231");
    assert_ne!(client.ok("YARR.SCHEMA t HISTORY").print(), history);
}

#[test]
fn the_version_is_that_of_the_migration_applied_last() {
    let mut client = table();
    assert_eq!(client.ok("YARR.SCHEMA t VERSION").number(), 20240201);
    client.ok("YARR.MIGRATE t UP 20231231 late ADD FIELD extra INTEGER");
    assert_eq!(client.ok("YARR.SCHEMA t VERSION").number(), 20231231);
    client.ok("YARR.MIGRATE t DOWN 20231231");
    assert_eq!(client.ok("YARR.SCHEMA t VERSION").number(), 20240201);
}

#[test]
fn check_says_what_a_migration_would_do_and_does_nothing() {
    let mut client = table();
    client.ok("YARR.CREATE t FIELDS 2 user_id email VALUES 1 a 1 b");
    let before = client.ok("YARR.SCHEMA t HISTORY").print();
    client.ok("YARR.SCHEMA t CHECK UP 3 more ADD FIELD extra INTEGER");
    client.ok("YARR.SCHEMA t CHECK DOWN 20240201 DROP DATA");
    for (line, code) in [
        (
            "YARR.SCHEMA t CHECK UP 20240101 make ADD FIELD other INTEGER",
            "CHANGED",
        ),
        ("YARR.SCHEMA t CHECK DOWN 20240101", "NOVERSION"),
        ("YARR.SCHEMA t CHECK DOWN 7", "NOVERSION"),
        (
            "YARR.SCHEMA t CHECK UP 3 more REMOVE FIELD nothing",
            "NOFIELD",
        ),
        (
            "YARR.SCHEMA t CHECK UP 3 more ADD INDEX user_id nothing",
            "NOFIELD",
        ),
        (
            "YARR.SCHEMA t CHECK UP 3 more ADD FIELD extra INTEGER DEFAULT x",
            "BADVALUE",
        ),
        (
            "YARR.SCHEMA t CHECK UP 3 more ADD FIELD extra INTEGER NOT NULL",
            "NOTNULL",
        ),
        ("YARR.SCHEMA t CHECK SIDEWAYS", "ERR"),
        ("YARR.SCHEMA t CHECK", "ERR"),
    ] {
        assert_eq!(client.run(line).code(), code, "{line}");
    }
    assert_eq!(client.ok("YARR.SCHEMA t HISTORY").print(), before);
    assert_eq!(client.run("YARR.WHERE t extra = 1 SCAN").code(), "NOFIELD");
}

#[test]
fn a_plan_names_the_index_that_serves() {
    let mut client = table();
    client.ok(
        "YARR.CREATE t FIELDS 3 user_id status score VALUES 1 new 1 2 open 2 3 done 3 1 done 4",
    );
    for (query, index) in [
        ("WHERE user_id = 1", "user_id"),
        ("WHERE user_id > 1 ORDER BY user_id LIMIT 1", "user_id"),
        ("FIND WHERE email = x", "email"),
        ("WHERE status = done AND score > 1", "status"),
        ("UPDATE WHERE user_id = 1 SET score 9", "user_id"),
        ("DEL WHERE user_id = 1", "user_id"),
        ("FIND 1", "id"),
    ] {
        let plan = client
            .ok(&format!("YARR.EXPLAIN t {query}"))
            .words()
            .join(" ");
        assert!(plan.contains(index), "{query}: {plan}");
    }
    assert_eq!(
        client.count("YARR.WHERE t * COUNT"),
        4,
        "nothing is written"
    );
    assert_eq!(
        client.count("YARR.WHERE t score = 9 SCAN COUNT"),
        0,
        "nothing is written"
    );
}

#[test]
fn a_plan_is_run_by_analyze_where_it_only_reads() {
    let mut client = table();
    client.ok("YARR.CREATE t FIELDS 2 user_id status VALUES 1 new 2 open 3 done 1 done");
    let plan = client
        .ok("YARR.EXPLAIN t ANALYZE WHERE user_id = 1")
        .words();
    assert!(
        plan.iter()
            .any(|word| word.split(|c: char| !c.is_ascii_digit()).any(|n| n == "2")),
        "two records match: {plan:?}"
    );
    for line in [
        "YARR.EXPLAIN t ANALYZE UPDATE WHERE user_id = 1 SET score 1",
        "YARR.EXPLAIN t ANALYZE DEL WHERE user_id = 1",
        "YARR.EXPLAIN t ANALYZE DEL 1",
    ] {
        assert!(client.fail(line).starts_with("ERR "), "{line}");
    }
    for line in [
        "YARR.EXPLAIN t",
        "YARR.EXPLAIN t ANALYZE",
        "YARR.EXPLAIN t CREATE user_id 1",
        "YARR.EXPLAIN t WHERE",
    ] {
        assert!(client.fail(line).starts_with("ERR "), "{line}");
    }
    assert_eq!(
        client.run("YARR.EXPLAIN t WHERE nothing = 1").code(),
        "NOFIELD"
    );
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 4);
}

#[test]
fn info_counts_the_records() {
    let mut client = table();
    let records = |client: &mut Client| {
        client
            .ok("YARR.INFO t")
            .get("records")
            .map(|reply| reply.number())
    };
    assert_eq!(records(&mut client), Some(0));
    client.ok("YARR.CREATE t FIELDS 1 user_id VALUES 1 2 3");
    assert_eq!(records(&mut client), Some(3));
    client.ok("YARR.DEL t 2");
    assert_eq!(records(&mut client), Some(2));
    assert!(client.fail("YARR.INFO t more").starts_with("ERR "));
    let print = client.ok("YARR.INFO t").print();
    assert!(
        print.contains("bytes") || print.contains("memory"),
        "{print}"
    );
}

#[test]
fn the_server_info_has_a_section_of_its_own() {
    needs!(INFO_SECTIONS);
    let mut client = table();
    let text = client.ok("INFO yarr").text();
    assert!(text.contains("# yarr"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("yarr_") && line.contains(':')),
        "{text}"
    );
    assert!(client.ok("INFO everything").text().contains("# yarr"));
}

#[test]
fn these_commands_only_read() {
    let mut client = fresh();
    transcript(
        &mut client,
        r#"
        > YARR.SCHEMA t
        (error) NOTABLE ...
        > YARR.INFO t
        (error) NOTABLE ...
        > YARR.EXPLAIN t FIND 1
        (error) NOTABLE ...
        > EXISTS t
        (integer) 0
        > YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER
        OK
        > YARR.SCHEMA t SIDEWAYS
        (error) ERR ...SIDEWAYS...
        > YARR.SCHEMA t HISTORY more
        (error) ERR ...more...
        "#,
    );
}

#[test]
fn a_check_of_a_table_that_is_not_there_is_that_of_its_first_migration() {
    let mut client = fresh();
    client.run("YARR.SCHEMA t CHECK UP 1 make ADD FIELD a INTEGER");
    assert_eq!(client.count("EXISTS t"), 0);
}
