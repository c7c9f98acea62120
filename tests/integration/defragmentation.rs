//! Active defragmentation: the server moves what it may move, and tables are the same.

use crate::{
    able::{copy, needs, nudge},
    cli::Client,
    reply::Reply,
    sample::{TABLES, dumps, fill, state},
    server::{Options, eventually},
};

/// The number of one line of INFO.
fn figure(client: &mut Client, section: &str, name: &str) -> i64 {
    let info = client.ok(&format!("INFO {section}")).text();
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

#[test]
fn tables_are_the_same_while_the_server_moves_its_memory() {
    needs!(DEFRAGMENTATION);
    let server = Options::new()
        .set("active-defrag-ignore-bytes", "1")
        .set("active-defrag-threshold-lower", "0")
        .set("active-defrag-threshold-upper", "1")
        .set("active-defrag-cycle-min", "50")
        .set("active-defrag-cycle-max", "75")
        .set("databases", "16")
        .start();
    let mut client = server.connect();
    fill(&mut client);
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD FIELD b BOOLEAN BITMAP TIMESTAMPS OFF");
    for _ in 0..5 {
        let values = "1 some-text-of-a-record true 2 some-other-text false ".repeat(5_000);
        client.ok(&format!("YARR.CREATE t FIELDS 3 n s b VALUES {values}"));
    }
    client.ok("YARR.CREATE t PX 500 FIELDS 1 n VALUES 3 3 3 3");
    // Keys of the server's own, so that there is something to move.
    for turn in 0..40 {
        let pairs: String = (0..1000)
            .map(|n| format!(" k{}-{n} {}", turn % 2, "x".repeat(100 + turn)))
            .collect();
        client.ok(&format!("MSET{pairs}"));
    }
    client.ok("YARR.DEL t WHERE n = 1 LIMIT 24000");
    let names: String = (0..1000)
        .filter(|n| n % 3 > 0)
        .map(|n| format!(" k0-{n}"))
        .collect();
    client.ok(&format!("DEL{names}"));
    let before = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    let moves = client.run("CONFIG SET activedefrag yes");
    if !moves.is_error() {
        eventually("something is moved", || {
            figure(&mut client, "stats", "active_defrag_hits") > 0
        });
        for turn in 0..200 {
            client.ok(&format!("YARR.CREATE t n {} s moving b true", 1000 + turn));
            client.ok("YARR.UPDATE t WHERE n = 2 LIMIT 20 INCR n 100");
            client.ok("YARR.DEL t WHERE n = 102 LIMIT 10");
        }
        assert_eq!(client.count("YARR.WHERE t s = moving COUNT"), 200);
        let keys = figure(&mut client, "stats", "active_defrag_key_misses");
        eventually("every key is looked at once more", || {
            figure(&mut client, "stats", "active_defrag_key_misses") > keys + 100
                || figure(&mut client, "memory", "active_defrag_running") == 0
        });
    }
    let after = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    assert!(after == before, "other records, or other bytes");
    eventually("what expired is removed", || {
        nudge(&mut client, "YARR.UPDATE t WHERE n = 2 LIMIT 1 TOUCH");
        client.ok("YARR.INFO t").get("expiring").map(Reply::number) == Some(0)
    });
    let dump = client.ok("DUMP t");
    copy(&mut client, "t", "u");
    assert!(client.ok("DUMP u") == dump, "a copy is another table");
}
