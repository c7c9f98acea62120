//! A migration caught in the middle by everything that copies, moves or saves a table, and by failovers: it ends by
//! itself, and every copy is the same to the byte.

use super::{end, figure, last_state, make, options, together};
use crate::{
    able::{COPY, DIGEST, LISTENING, able, debuggable, needs},
    cli::Client,
    replication::{link, replicate, sync},
    sample::dumps,
    server::{Options, Server, eventually},
};

const RECORDS: usize = 5000;

/// The migrations that are caught, and what serves then and did not before.
const KINDS: [(&str, &str); 5] = [
    ("ADD INDEX n", "n = 5"),
    ("ADD INDEX t BITMAP", "t CONTAINS a1"),
    ("ADD INDEX u UNIQUE", "u BETWEEN 100 AND 199"),
    (
        "ADD FIELD x INTEGER DEFAULT 7 INDEX SET FIELD u NOT NULL",
        "x = 7",
    ),
    (
        "ADD INDEX n BITMAP ADD INDEX s n ADD INDEX u UNIQUE SET FIELD n NOT NULL",
        "s = s5",
    ),
];

/// Begins a migration and holds it: no server writes by itself while writes are paused. Answers the commands between.
#[track_caller]
fn begin_and_hold(client: &mut Client, operations: &str) {
    let up = format!("YARR.MIGRATE t UP 2 more {operations}");
    let replies = together(
        client,
        &[
            &up,
            "YARR.CREATE t n 5 u 100000 s s5 t 1 a1",
            "YARR.DEL t 7",
            "CLIENT PAUSE 100000 WRITE",
        ],
    );
    assert_eq!(replies[0].print(), "RUNNING", "{operations}");
}

#[track_caller]
fn let_go(client: &mut Client) {
    client.ok("CLIENT UNPAUSE");
}

/// Waits until no table has work left. Nobody touches one meanwhile: it must go on by itself.
#[track_caller]
fn rests(client: &mut Client) {
    eventually("nothing is left to do", || {
        figure(client, "tables_with_work") == 0
    });
}

/// The migration has ended by itself, and what it brought answers right.
#[track_caller]
fn ended(client: &mut Client, table: &str, kind: (&str, &str)) {
    rests(client);
    is_applied(client, table, kind);
}

#[track_caller]
fn is_applied(client: &mut Client, table: &str, (operations, served): (&str, &str)) {
    assert_eq!(last_state(client, table), "APPLIED", "{operations}");
    let ids = client.list(&format!("YARR.WHERE {table} {served} ORDER BY id IDS"));
    // No index serves the other side, and no record meets it.
    let walked = client.list(&format!(
        "YARR.WHERE {table} {served} OR z = 1 ORDER BY id IDS SCAN"
    ));
    assert!(
        !ids.is_empty() && ids == walked,
        "{operations}: {ids:?}\n{walked:?}"
    );
    assert_eq!(
        client.count(&format!("YARR.WHERE {table} * COUNT")),
        RECORDS as i64
    );
}

/// The copies hold the same bytes.
#[track_caller]
pub(super) fn alike(copies: &mut [&mut Client], table: &str) {
    let [first, others @ ..] = copies else {
        panic!("no copies")
    };
    let (bytes, digest) = (dumps(first, &[table]), digest(first, table));
    for other in others {
        assert!(dumps(other, &[table]) == bytes, "a copy has other bytes");
        assert_eq!(self::digest(other, table), digest);
    }
}

fn digest(client: &mut Client, table: &str) -> String {
    match able(DIGEST) {
        true => client
            .list(&format!("DEBUG DIGEST-VALUE {table}"))
            .join(" "),
        false => String::new(),
    }
}

#[test]
fn a_replica_ends_a_migration_when_its_primary_does() {
    needs!(TIMERS);
    let primary = options().start();
    // It would itself do all in the command.
    let replica = debuggable(Options::new()).replica_of(&primary).start();
    let (mut p, mut r) = (primary.connect(), replica.connect());
    for kind in KINDS {
        p.ok("FLUSHALL");
        make(&mut p, "t", RECORDS);
        let up = format!("YARR.MIGRATE t UP 2 more {}", kind.0);
        together(
            &mut p,
            &[
                &up,
                "YARR.CREATE t n 5 u 100000 s s5 t 1 a1",
                "YARR.DEL t 7",
            ],
        );
        sync(&mut p, &mut r);
        alike_at_rest(&mut p, &mut r);
        end(&mut p, "t");
        sync(&mut p, &mut r);
        is_applied(&mut p, "t", kind);
        ended(&mut r, "t", kind);
        alike(&mut [&mut p, &mut r], "t");
    }
    // One that fails, one that is stopped, and one that removes what has expired.
    for (between, said) in [
        ("YARR.CREATE t u 100", "FAILED DUPLICATE"),
        ("YARR.MIGRATE t CANCEL 2", "FAILED cancelled"),
        ("YARR.CREATE t PX 1 u 100", "APPLIED"),
    ] {
        p.ok("FLUSHALL");
        make(&mut p, "t", RECORDS);
        together(
            &mut p,
            &[
                "YARR.MIGRATE t UP 2 more ADD INDEX u UNIQUE",
                between,
                "DEBUG SLEEP 0.005",
            ],
        );
        let state = end(&mut p, "t");
        assert!(state.starts_with(said), "{between}: {state}");
        sync(&mut p, &mut r);
        rests(&mut r);
        assert_eq!(last_state(&mut r, "t"), state);
        alike(&mut [&mut p, &mut r], "t");
        assert_eq!(
            r.count("YARR.WHERE t * COUNT"),
            p.count("YARR.WHERE t * COUNT")
        );
    }
}

/// The bytes are the same also while a migration runs, however far each has come.
#[track_caller]
fn alike_at_rest(primary: &mut Client, replica: &mut Client) {
    eventually("the same bytes at one moment", || {
        dumps(primary, &["t"]) == dumps(replica, &["t"])
    });
}

#[test]
fn a_replica_that_joins_in_the_middle_ends_it_too() {
    needs!(TIMERS, PAUSE_WRITES);
    let primary = options().start();
    let mut p = primary.connect();
    for kind in KINDS {
        p.ok("FLUSHALL");
        make(&mut p, "t", RECORDS);
        begin_and_hold(&mut p, kind.0);
        let replica = options().replica_of(&primary).start();
        let mut r = replica.connect();
        eventually("it joins", || link(&mut r, "master_link_status") == "up");
        assert_eq!(last_state(&mut r, "t"), "RUNNING");
        alike(&mut [&mut p, &mut r], "t");
        let_go(&mut p);
        ended(&mut p, "t", kind);
        sync(&mut p, &mut r);
        ended(&mut r, "t", kind);
        alike(&mut [&mut p, &mut r], "t");
    }
}

#[test]
fn a_replica_promoted_in_the_middle_ends_it_and_the_old_primary_follows() {
    needs!(TIMERS, PAUSE_WRITES);
    let mut old = options().start();
    let mut new = options().replica_of(&old).start();
    for kind in KINDS {
        let (mut o, mut n) = (old.connect(), new.connect());
        o.ok("FLUSHALL");
        make(&mut o, "t", RECORDS);
        sync(&mut o, &mut n);
        begin_and_hold(&mut o, kind.0);
        eventually("the replica has it", || {
            last_state(&mut n, "t") == "RUNNING"
        });
        replicate(&mut n, "NO ONE");
        ended(&mut n, "t", kind);
        assert_eq!(last_state(&mut o, "t"), "RUNNING");
        let_go(&mut o);
        replicate(&mut o, &format!("127.0.0.1 {}", new.port));
        eventually("it follows", || link(&mut o, "master_link_status") == "up");
        sync(&mut n, &mut o);
        ended(&mut o, "t", kind);
        alike(&mut [&mut n, &mut o], "t");
        std::mem::swap(&mut old, &mut new);
    }
}

#[test]
fn a_failover_in_the_middle_hands_it_over() {
    needs!(TIMERS, FAILOVER);
    let mut old = options().start();
    let mut new = options().replica_of(&old).start();
    for kind in KINDS {
        let (mut o, mut n) = (old.connect(), new.connect());
        eventually("in step", || {
            link(&mut n, "master_link_status") == "up"
                && link(&mut o, "slave0").contains("state=online")
        });
        o.ok("FLUSHALL");
        make(&mut o, "t", RECORDS);
        sync(&mut o, &mut n);
        let up = format!("YARR.MIGRATE t UP 2 more {}", kind.0);
        together(
            &mut o,
            &[
                &up,
                "YARR.CREATE t n 5 u 100000 s s5 t 1 a1",
                "YARR.DEL t 7",
            ],
        );
        o.ok("FAILOVER");
        eventually("a new primary", || {
            link(&mut n, "role") == "master"
                && link(&mut o, "role") == "slave"
                && link(&mut o, "master_link_status") == "up"
        });
        ended(&mut n, "t", kind);
        sync(&mut n, &mut o);
        ended(&mut o, "t", kind);
        alike(&mut [&mut n, &mut o], "t");
        std::mem::swap(&mut old, &mut new);
    }
}

/// A migration held in the middle while `save` writes it to a file of the server's, which is then killed and started.
fn taken_up_from_a_file(mut server: Server, save: &str, sign: &str) {
    for (version, kind) in KINDS.into_iter().enumerate() {
        let mut client = server.connect();
        client.ok("FLUSHALL");
        make(&mut client, "t", RECORDS);
        begin_and_hold(&mut client, kind.0);
        let bytes = dumps(&mut client, &["t"]);
        if !save.is_empty() {
            client.ok(save);
            eventually("it is saved", || {
                client.ok("INFO persistence").text().contains(sign)
            });
        }
        server.kill();
        let mut client = server.connect();
        ended(&mut client, "t", kind);
        assert!(
            dumps(&mut client, &["t"]) != bytes,
            "{version}: it had ended before"
        );
    }
}

#[test]
fn a_snapshot_taken_in_the_middle_is_taken_up() {
    needs!(TIMERS, PAUSE_WRITES);
    taken_up_from_a_file(options().start(), "SAVE", "rdb_changes_since_last_save:0");
    taken_up_from_a_file(options().start(), "BGSAVE", "rdb_bgsave_in_progress:0");
}

#[test]
fn a_log_that_ends_in_the_middle_is_taken_up() {
    needs!(TIMERS, PAUSE_WRITES);
    for preamble in [true, false] {
        let logged = || {
            options()
                .appendonly(preamble)
                .set("appendfsync", "always")
                .start()
        };
        taken_up_from_a_file(logged(), "", "");
        taken_up_from_a_file(logged(), "BGREWRITEAOF", "aof_rewrite_in_progress:0");
    }
}

#[test]
fn a_log_of_a_whole_migration_makes_the_same_table() {
    needs!(TIMERS);
    for preamble in [true, false] {
        let mut server = options().appendonly(preamble).start();
        for kind in KINDS {
            let mut client = server.connect();
            client.ok("FLUSHALL");
            make(&mut client, "t", RECORDS);
            let up = format!("YARR.MIGRATE t UP 2 more {}", kind.0);
            together(
                &mut client,
                &[
                    &up,
                    "YARR.CREATE t n 5 u 100000 s s5 t 1 a1",
                    "YARR.DEL t 7",
                ],
            );
            end(&mut client, "t");
            let bytes = dumps(&mut client, &["t"]);
            server.restart();
            let mut client = server.connect();
            is_applied(&mut client, "t", kind);
            assert!(dumps(&mut client, &["t"]) == bytes, "{kind:?}");
        }
    }
}

#[test]
fn a_dump_taken_in_the_middle_goes_on_wherever_it_is_restored() {
    needs!(TIMERS);
    for kind in KINDS {
        let (server, other) = (options().start(), options().start());
        let mut client = server.connect();
        make(&mut client, "t", RECORDS - 1);
        let up = format!("YARR.MIGRATE t UP 2 more {}", kind.0);
        let replies = together(
            &mut client,
            &[&up, "YARR.CREATE t n 5 u 100000 s s5 t 1 a1", "DUMP t"],
        );
        let mut elsewhere = other.connect();
        for (client, name) in [(&mut client, "u"), (&mut elsewhere, "t")] {
            let restored = client.send(&[b"RESTORE", name.as_bytes(), b"0", replies[2].bytes()]);
            assert_eq!(restored.print(), "OK");
            ended(client, name, kind);
        }
        is_applied(&mut client, "t", kind);
    }
}

#[test]
fn a_table_that_is_moved_or_copied_in_the_middle_goes_on_at_its_new_place() {
    needs!(TIMERS);
    for kind in KINDS {
        let up = format!("YARR.MIGRATE t UP 2 more {}", kind.0);
        for (moves, db, name) in [
            ("RENAME t moved", 0, "moved"),
            ("MOVE t 3", 3, "t"),
            ("SWAPDB 0 3", 3, "t"),
            ("COPY t moved", 0, "moved"),
        ] {
            if moves.starts_with("COPY") && !able(COPY) {
                continue;
            }
            let server = options().start();
            let mut client = server.connect();
            // Another one in the way of a swap.
            client.ok("SELECT 3");
            if moves.starts_with("SWAPDB") {
                client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
            }
            client.ok("SELECT 0");
            make(&mut client, "t", RECORDS - 1);
            let replies = together(
                &mut client,
                &[&up, "YARR.CREATE t n 5 u 100000 s s5 t 1 a1", moves],
            );
            assert!(!replies[2].is_error(), "{moves}: {}", replies[2].print());
            client.ok(&format!("SELECT {db}"));
            if able(LISTENING)
                || !["RENAME", "COPY"]
                    .iter()
                    .any(|word| moves.starts_with(word))
            {
                ended(&mut client, name, kind);
            } else {
                // It comes back with the next command that touches it.
                end(&mut client, name);
                is_applied(&mut client, name, kind);
            }
            if moves.starts_with("COPY") {
                is_applied(&mut client, "t", kind);
            }
        }
    }
}

#[test]
fn a_table_that_goes_in_the_middle_takes_its_migration_along() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    for goes in [
        "DEL t",
        "UNLINK t",
        "FLUSHALL",
        "FLUSHDB ASYNC",
        "SET t x",
        "RENAME other t",
    ] {
        make(&mut client, "t", RECORDS);
        client.ok("SET other x");
        together(&mut client, &["YARR.MIGRATE t UP 2 more ADD INDEX n", goes]);
        rests(&mut client);
        // The server may free the table on a thread of its own, which DEL of Valkey does too.
        eventually(&format!("no migration runs after {goes}"), || {
            figure(&mut client, "migrations_running") == 0
        });
        client.ok("DEL t");
        make(&mut client, "t", 10);
        assert_eq!(client.count("YARR.SCHEMA t VERSION"), 1, "{goes}");
        client.ok("DEL t");
    }
}
