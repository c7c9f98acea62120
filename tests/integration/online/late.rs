//! A replica that has not come to the end of a migration when its primary tells it of that: it has the new schema at
//! once, to the byte, builds what is missing in slices, and says so to who asks for it.

use super::{copies::alike, end, figure, last_state, make, options, together};
use crate::{
    able::needs,
    cli::Client,
    replication::{link, replicate, sync},
    sample::dumps,
    server::{Options, Server, eventually},
};

const RECORDS: usize = 60_000;

/// What is missing on the replica, and a question that it serves.
const KINDS: [(&str, &str); 4] = [
    ("ADD INDEX n", "n = 5"),
    ("ADD INDEX t BITMAP ADD INDEX u UNIQUE", "t CONTAINS a1"),
    (
        "ADD FIELD x INTEGER DEFAULT 7 INDEX SET FIELD u NOT NULL",
        "x = 7",
    ),
    ("ADD INDEX n SET FIELD n TYPE STRING", "n = 5"),
];

/// A primary and a replica that stands still from the middle of a migration, or from before it, until after its end.
fn behind(replica: Options, kind: &str, amid: bool) -> (Server, Server) {
    let primary = options().start();
    let replica = replica.replica_of(&primary).start();
    let (mut p, mut r) = (primary.connect(), replica.connect());
    make(&mut p, "t", RECORDS);
    sync(&mut p, &mut r);
    if !amid {
        replica.freeze();
    }
    let up = format!("YARR.MIGRATE t UP 2 more {kind}");
    assert_eq!(p.run(&up).print(), "RUNNING", "{kind}");
    if amid {
        eventually("the replica has it", || {
            last_state(&mut r, "t") != "APPLIED"
        });
        replica.freeze();
    }
    for line in ["YARR.CREATE t n 5 u 100000 t 1 a1", "YARR.DEL t 7"] {
        p.ok(line);
    }
    assert_eq!(end(&mut p, "t"), "APPLIED", "{kind}");
    for line in [
        "YARR.CREATE t n 5 u 100001 t 1 a1",
        "YARR.DEL t 8",
        "YARR.UPDATE t 59000 SET n 5 t 1 a1",
        "YARR.UPDATE t 10 SET n 5 t 1 a1",
    ] {
        p.ok(line);
    }
    (primary, replica)
}

/// Whether the replica knows the end.
fn is_told(r: &mut Client) -> bool {
    r.count("YARR.SCHEMA t VERSION") == 2
}

#[test]
fn a_replica_that_is_behind_builds_in_slices_what_is_missing() {
    needs!(TIMERS);
    for (kind, served) in KINDS {
        let (primary, replica) = behind(options(), kind, false);
        let (mut p, count) = (primary.connect(), format!("YARR.WHERE t {served} COUNT"));
        let right = p.count(&count);
        replica.thaw();
        let mut r = replica.connect();
        let mut waits = 0;
        eventually("it serves", || {
            let said = together(&mut r, &["YARR.SCHEMA t VERSION", &count]);
            match (said[0].number(), said[1].code().as_str()) {
                (1, _) => false,
                (_, "INDEXBUILDING") => {
                    waits += 1;
                    false
                }
                _ => {
                    assert_eq!(said[1].number(), right, "{kind}");
                    true
                }
            }
        });
        eventually("nothing is left to do", || {
            figure(&mut r, "tables_with_work") == 0
        });
        // It stood still from before the beginning.
        let slices = figure(&mut r, "slices");
        assert!(slices >= 4, "{kind}: {slices} slices");
        sync(&mut p, &mut r);
        alike(&mut [&mut p, &mut r], "t");
        let line = format!("YARR.WHERE t {served} ORDER BY id IDS");
        assert_eq!(p.list(&line), r.list(&line), "{kind}");
        eprintln!("{kind}: {slices} slices, {waits} times INDEXBUILDING");
    }
}

#[test]
fn the_bytes_are_the_same_while_it_builds_and_other_migrations_may_come() {
    needs!(TIMERS);
    let later = [
        "ADD FIELD y INTEGER DEFAULT 3",
        "ADD INDEX s",
        "RENAME FIELD s TO w ADD INDEX n u",
        "SET TTL 100000 ACTIVE",
    ];
    for ((kind, served), more) in KINDS.into_iter().zip(later) {
        let (primary, replica) = behind(options(), kind, true);
        let (mut p, mut r) = (primary.connect(), replica.connect());
        replica.thaw();
        eventually("it is told", || is_told(&mut r));
        sync(&mut p, &mut r);
        alike(&mut [&mut p, &mut r], "t");
        replica.freeze();
        p.ok(&format!("YARR.MIGRATE t UP 3 again {more}"));
        assert_eq!(end(&mut p, "t"), "APPLIED");
        p.ok("YARR.CREATE t n 5 u 100002");
        replica.thaw();
        sync(&mut p, &mut r);
        alike(&mut [&mut p, &mut r], "t");
        eventually("all that is missing is built", || {
            let said = r.run(&format!("YARR.WHERE t {served} COUNT")).code();
            said != "INDEXBUILDING"
        });
        let line = format!("YARR.WHERE t {served} ORDER BY id IDS");
        assert_eq!(p.list(&line), r.list(&line), "{kind}, then {more}");
        alike(&mut [&mut p, &mut r], "t");
    }
}

#[test]
fn a_replica_promoted_while_it_builds_lets_no_duplicate_in() {
    needs!(TIMERS);
    for amid in [false, true] {
        let (primary, replica) = behind(
            options(),
            "ADD INDEX u UNIQUE ADD INDEX n ADD INDEX t BITMAP",
            amid,
        );
        let mut r = replica.connect();
        replica.thaw();
        eventually("it is told", || is_told(&mut r));
        replicate(&mut r, "NO ONE");
        assert_eq!(r.run("YARR.CREATE t u 59000").code(), "DUPLICATE");
        r.ok("YARR.CREATE t u 59000 n 1 ON CONFLICT u UPDATE");
        assert_eq!(r.count("YARR.WHERE t u = 59000 COUNT"), 1);
        assert_eq!(r.count("YARR.WHERE t n = 1 AND u = 59000 COUNT"), 1);
        // The old primary takes what the new one has.
        let mut p = primary.connect();
        replicate(&mut p, &format!("127.0.0.1 {}", replica.port));
        eventually("it follows", || link(&mut p, "master_link_status") == "up");
        sync(&mut r, &mut p);
        alike(&mut [&mut p, &mut r], "t");
    }
}

#[test]
fn what_a_replica_saves_while_it_builds_is_whole() {
    needs!(TIMERS);
    for (options, save) in [
        (options(), "SAVE"),
        (options().appendonly(true), "BGREWRITEAOF"),
        (options().appendonly(false), "BGREWRITEAOF"),
        (options().appendonly(true), "PING"),
    ] {
        let options = options.set("appendfsync", "always");
        let (primary, mut replica) = behind(options, "ADD INDEX u UNIQUE ADD INDEX n", true);
        let (mut p, mut r) = (primary.connect(), replica.connect());
        replica.thaw();
        sync(&mut p, &mut r);
        assert!(is_told(&mut r));
        // A rewrite of the server's own may still be going on.
        eventually("it may be saved", || !r.run(save).is_error());
        eventually("it is saved", || {
            let info = r.ok("INFO persistence").text();
            info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
        });
        let bytes = dumps(&mut r, &["t"]);
        drop((p, primary));
        replica.kill();
        let mut r = replica.connect();
        assert!(dumps(&mut r, &["t"]) == bytes, "{save}");
        assert_eq!(
            r.count("YARR.WHERE t n = 5 COUNT"),
            RECORDS as i64 / 100 + 4
        );
        assert_eq!(r.count("YARR.WHERE t u >= 0 COUNT"), RECORDS as i64);
    }
}
