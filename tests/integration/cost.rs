//! What a query may cost: NOINDEX, SCAN, TOOMANY and the settings behind it.

use crate::{
    able::{SETTINGS, able},
    server::{Options, fresh},
};

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
            assert!(
                error.contains("ADD INDEX"),
                "it should say what would serve it: {error}"
            );
            assert!(
                field.is_empty() || error.contains(&format!("ADD INDEX {field}")),
                "{line}: {error}"
            );
            // A walk is permitted then, and finds what the predicate says.
            if line.starts_with("YARR.WHERE") {
                client.ok(&format!("{line} SCAN"));
            }
        }
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 3);
    assert_eq!(
        client.list("YARR.WHERE t d = 2 OR a = 1 SCAN ORDER BY id IDS"),
        ["1", "2"]
    );
}

#[test]
fn whether_a_query_is_served_does_not_depend_on_the_records() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD a INTEGER");
    assert_eq!(client.run("YARR.WHERE t a = 1").code(), "NOINDEX");
    client.ok("YARR.CREATE t a 1");
    assert_eq!(client.run("YARR.WHERE t a = 1").code(), "NOINDEX");
}

#[test]
fn nothing_is_cut_silently() {
    let limits = ["max-reply-records", "20", "max-write-records", "10"];
    let server = match able(SETTINGS) {
        true => Options::new().start(),
        false => Options::new().module_arguments(&limits).start(),
    };
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    let values: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    for half in values.chunks(15) {
        client.ok(&format!(
            "YARR.CREATE t FIELDS 1 n VALUES {}",
            half.join(" ")
        ));
    }
    if able(SETTINGS) {
        for pair in limits.chunks(2) {
            client.ok(&format!("CONFIG SET yarr.{} {}", pair[0], pair[1]));
        }
    }
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
    assert_eq!(
        client.count("YARR.DEL t WHERE n >= 0 ORDER BY n LIMIT 12"),
        12
    );
    assert_eq!(client.list("YARR.WHERE t * IDS").len(), 18);
}

#[test]
fn the_limits_are_a_hundred_thousand_read_and_ten_thousand_written_by_default() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER TIMESTAMPS OFF");
    let values = "1 ".repeat(10_001);
    client.ok(&format!("YARR.CREATE t FIELDS 1 n VALUES {values}"));
    assert_eq!(
        client.run("YARR.UPDATE t WHERE * SET n 2").code(),
        "TOOMANY"
    );
    assert_eq!(client.count("YARR.WHERE t n = 1 SCAN COUNT"), 10_001);
    client.ok("YARR.DEL t 1");
    assert_eq!(client.count("YARR.UPDATE t WHERE * SET n 2"), 10_000);
    for _ in 0..9 {
        client.ok(&format!(
            "YARR.CREATE t FIELDS 1 n VALUES {}",
            "1 ".repeat(10_000)
        ));
    }
    assert_eq!(client.list("YARR.WHERE t * IDS").len(), 100_000);
    client.ok("YARR.CREATE t n 3");
    assert_eq!(client.run("YARR.WHERE t * IDS").code(), "TOOMANY");
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 100_001);
    assert_eq!(
        client.list("YARR.WHERE t * LIMIT 100000 IDS").len(),
        100_000
    );
}

#[test]
fn settings_may_be_given_as_module_arguments() {
    let server = Options::new()
        .module_arguments(&["max-reply-records", "2"])
        .start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2");
    client.ok("YARR.CREATE t n 3");
    assert_eq!(client.run("YARR.WHERE t *").code(), "TOOMANY");
    assert_eq!(client.list("YARR.WHERE t * LIMIT 2 IDS"), ["1", "2"]);
}
