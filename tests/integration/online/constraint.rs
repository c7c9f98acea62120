//! Constraints that come while records break them, or are made to.

use super::{end, make, migrate, options, together};
use crate::{
    able::{debuggable, needs},
    cli::Client,
    reply::Reply,
    server::Options,
};

/// The ids that a FAILED line names.
#[track_caller]
fn named(state: &str) -> Vec<String> {
    state
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(String::from)
        .collect()
}

#[test]
fn old_duplicates_fail_a_migration_that_names_two_of_them() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 30_000);
    for (version, operations, field) in [
        (2, "ADD INDEX n UNIQUE", "n"),
        (3, "ADD INDEX s n UNIQUE ADD INDEX u", "n"),
        (4, "ADD FIELD x INTEGER DEFAULT 1 UNIQUE", "id"),
    ] {
        let state = migrate(
            &mut client,
            "t",
            &format!("UP {version} unique {operations}"),
        );
        assert!(state.starts_with("FAILED DUPLICATE "), "{state}");
        let ids = named(&state);
        assert_eq!(ids.len(), 2, "{state}");
        let values = client
            .ok(&format!(
                "YARR.WHERE t id IN 2 {} {} PLUCK {field}",
                ids[0], ids[1]
            ))
            .words();
        assert!(
            values.len() == 2 && (field == "id" || values[0] == values[1]),
            "{state}: {values:?}"
        );
        assert_eq!(client.count("YARR.SCHEMA t VERSION"), 1);
    }
    // The last record of all is in the way of one far before it.
    let id = client.ok("YARR.CREATE t n 1 u 77").text();
    let state = migrate(&mut client, "t", "UP 5 unique ADD INDEX u UNIQUE");
    assert!(
        state.starts_with("FAILED DUPLICATE ") && named(&state).contains(&id),
        "{state}"
    );
    assert!(named(&state).contains(&"78".into()), "{state}");
    client.ok(&format!("YARR.DEL t {id}"));
    assert_eq!(
        migrate(&mut client, "t", "UP 5 unique ADD INDEX u UNIQUE"),
        "APPLIED"
    );
    assert_eq!(client.run("YARR.CREATE t u 77").code(), "DUPLICATE");
}

#[test]
fn writes_that_break_the_coming_constraint_succeed_and_the_migration_fails() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 20_000);
    let mut version = 1;
    for (operations, writes, code) in [
        ("ADD INDEX u UNIQUE", "YARR.CREATE t n 1 u 7", "DUPLICATE"),
        (
            "ADD INDEX u UNIQUE",
            "YARR.UPDATE t 100 SET u 7",
            "DUPLICATE",
        ),
        (
            "ADD INDEX u UNIQUE",
            "YARR.UPDATE t WHERE id BETWEEN 100 AND 900 SET u 7",
            "DUPLICATE",
        ),
        ("ADD INDEX u n UNIQUE", "YARR.CREATE t n 7 u 7", "DUPLICATE"),
        ("SET FIELD u NOT NULL", "YARR.CREATE t n 1", "NOTNULL"),
        (
            "SET FIELD u NOT NULL",
            "YARR.UPDATE t 100 UNSET u",
            "NOTNULL",
        ),
        (
            "SET FIELD u NOT NULL ADD INDEX n",
            "YARR.UPDATE t WHERE id <= 5000 UNSET u",
            "NOTNULL",
        ),
    ] {
        version += 1;
        let before = client.ok("DUMP t").bytes().to_vec();
        let up = format!("YARR.MIGRATE t UP {version} break {operations}");
        let replies = together(&mut client, &[&up, writes]);
        assert!(!replies[1].is_error(), "{writes}: {}", replies[1].print());
        let state = end(&mut client, "t");
        assert!(
            state.starts_with(&format!("FAILED {code} ")),
            "{operations} {writes}: {state}"
        );
        assert_eq!(named(&state).len(), 2, "{state}");
        assert_eq!(client.count("YARR.SCHEMA t VERSION"), 1);
        let restored = client.send(&[b"RESTORE".as_slice(), b"t", b"0", &before, b"REPLACE"]);
        assert_eq!(restored.print(), "OK");
    }
    // What is made good again is in nobody's way, nor what never was.
    for (operations, writes) in [
        (
            "ADD INDEX u UNIQUE",
            ["YARR.CREATE t id 50000 u 7", "YARR.DEL t 50000"],
        ),
        (
            "ADD INDEX s u UNIQUE",
            [
                "YARR.UPDATE t 100 SET u 7 s s7",
                "YARR.UPDATE t 100 SET u 99",
            ],
        ),
        (
            "SET FIELD u NOT NULL",
            ["YARR.UPDATE t 100 UNSET u", "YARR.UPDATE t 100 SET u 99"],
        ),
        (
            "SET FIELD n NOT NULL",
            [
                "YARR.CREATE t FIELDS 2 id n VALUES 60000 1 60000 2",
                "YARR.CREATE t id 60001 n 0 u 60001",
            ],
        ),
    ] {
        version += 1;
        let up = format!("YARR.MIGRATE t UP {version} mend {operations}");
        together(&mut client, &[&up, writes[0], writes[1]]);
        assert_eq!(end(&mut client, "t"), "APPLIED", "{operations} {writes:?}");
    }
}

/// Makes `x` of records that have expired and nobody has reclaimed, others, and what `migration` makes of it.
#[track_caller]
fn amid_expired(client: &mut Client, offender: &str, migration: &str) -> String {
    let expired = " 1 ~".repeat(3000);
    let live: String = (10..2010).map(|n| format!(" {n} {n}")).collect();
    let replies = together(
        client,
        &[
            "DEL x",
            "YARR.MIGRATE x UP 1 make ADD FIELD u INTEGER ADD FIELD v INTEGER TIMESTAMPS OFF",
            &format!("YARR.CREATE x PX 1 NULL ~ FIELDS 2 u v VALUES{expired}"),
            &format!("YARR.CREATE x FIELDS 2 u v VALUES{live}"),
            offender,
            "DEBUG SLEEP 0.005",
            "YARR.INFO x",
            migration,
        ],
    );
    // Where no timer reclaims, each write has taken a few.
    let expired = replies[6].get("expired").map(Reply::number);
    assert!(expired.is_some_and(|count| count > 2900), "{expired:?}");
    let answer = replies[7].print();
    match answer.as_str() {
        "OK" => "APPLIED".into(),
        "RUNNING" => end(client, "x"),
        _ => format!("FAILED {}", answer.trim_start_matches("(error) ")),
    }
}

#[test]
fn what_has_expired_is_in_no_migrations_way_however_much_it_is() {
    // Between commands where that can be, and in the command.
    for server in [
        options().start(),
        debuggable(Options::new())
            .module_arguments(&["max-inline-records", "1000000"])
            .start(),
    ] {
        let mut client = server.connect();
        for migration in [
            "ADD INDEX u UNIQUE",
            "SET FIELD v NOT NULL",
            "SET FIELD v NOT NULL ADD INDEX u UNIQUE ADD INDEX v",
        ] {
            let up = format!("YARR.MIGRATE x UP 2 more {migration}");
            let state = amid_expired(&mut client, "PING", &up);
            assert_eq!(state, "APPLIED", "{migration}");
            assert_eq!(client.count("YARR.WHERE x * COUNT"), 2000);
            let (code, offender) = match migration.starts_with("SET") {
                true => ("NOTNULL", "YARR.CREATE x u 5"),
                false => ("DUPLICATE", "YARR.CREATE x u 2009 v 1"),
            };
            let state = amid_expired(&mut client, offender, &up);
            assert!(
                state.starts_with(&format!("FAILED {code} ")),
                "{migration}: {state}"
            );
            assert!(
                named(&state).contains(&"5001".into()),
                "{migration}: {state}"
            );
            assert_eq!(client.count("YARR.WHERE x * COUNT"), 2001);
        }
    }
}
