//! Replicas that join, lose and find their primary again while it is being written to.

use crate::{
    able::{memory, needs, nudge},
    cli::Client,
    load::{BUSY, Load, agree, options, rounds},
    replication::{link, pair, sync},
    sample::dumps,
    server::{Options, Server, eventually},
};

/// A number of INFO stats.
fn stat(client: &mut Client, field: &str) -> i64 {
    let info = client.ok("INFO stats").text();
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{field}:")));
    value.unwrap_or("0").trim().parse().expect("a number")
}

/// Holds the replica still and cuts its link, lets the primary write so many bytes, and waits for what comes of it.
#[track_caller]
fn cut(primary: &Server, replica: &Server, load: &Load, bytes: i64, comes_of_it: &str) {
    let mut p = primary.connect();
    let before = stat(&mut p, comes_of_it);
    replica.freeze();
    p.ok("CLIENT KILL TYPE slave");
    let mut offset = || link(&mut p, "master_repl_offset").parse().unwrap_or(0);
    let start: i64 = offset();
    load.until("the primary writes on", || offset() > start + bytes);
    replica.thaw();
    load.until(comes_of_it, || stat(&mut p, comes_of_it) > before);
    load.until("the link is up", || {
        link(&mut replica.connect(), "master_link_status") == "up"
    });
}

/// A replica joins under load, is cut off now and then, and agrees in the end.
fn joins_under_load(options: Options) {
    let primary = options.clone().set("repl-backlog-size", "64mb").start();
    let load = Load::start(&primary, 1);
    load.more(1000);
    let replica = options.replica_of(&primary).start();
    let mut copies = [primary.connect(), replica.connect()];
    load.until("the replica joins", || {
        link(&mut copies[1], "master_link_status") == "up"
    });
    assert!(stat(&mut copies[0], "sync_full") > 0);
    for _ in 0..rounds() {
        load.more(300);
        cut(&primary, &replica, &load, 1000, "sync_partial_ok");
        // A cut without a pause: the replica comes back by itself.
        let before = stat(&mut copies[0], "sync_partial_ok");
        copies[0].ok("CLIENT KILL TYPE slave");
        load.until("a partial sync", || {
            stat(&mut copies[0], "sync_partial_ok") > before
        });
        copies[0].ok("CONFIG SET repl-backlog-size 16384");
        cut(&primary, &replica, &load, 400_000, "sync_full");
        copies[0].ok("CONFIG SET repl-backlog-size 64mb");
    }
    load.more(300);
    load.rest();
    agree(&mut copies);
}

#[test]
fn a_replica_that_joins_under_load_by_way_of_a_file_agrees() {
    joins_under_load(options().set("repl-diskless-sync", "no"));
}

#[test]
fn a_replica_that_joins_under_load_by_way_of_a_socket_agrees() {
    joins_under_load(options().set("repl-diskless-sync", "yes"));
}

#[test]
fn a_replica_that_loads_from_the_socket_beside_its_old_tables_agrees() {
    needs!(SWAPPING_LOAD);
    joins_under_load(
        options()
            .set("repl-diskless-sync", "yes")
            .set("repl-diskless-load", "swapdb"),
    );
}

#[test]
fn a_replica_of_a_replica_agrees_with_both() {
    let options = options().set("repl-backlog-size", "64mb");
    let (primary, middle) = pair(options.clone());
    let load = Load::start(&primary, 1);
    load.more(500);
    // It keeps a log besides, which must come to the same, and would itself take no write of two records.
    let mut last = options
        .appendonly(false)
        .replica_of(&middle)
        .module_arguments(&["max-write-records", "1"])
        .start();
    let up = |server: &Server| link(&mut server.connect(), "master_link_status") == "up";
    load.until("all are joined", || up(&middle) && up(&last));
    for _ in 0..rounds() {
        load.more(300);
        cut(&middle, &last, &load, 1000, "sync_partial_ok");
        cut(&primary, &middle, &load, 1000, "sync_partial_ok");
        load.until("all are joined again", || up(&middle) && up(&last));
    }
    load.more(300);
    load.rest();
    let mut copies = [primary.connect(), middle.connect(), last.connect()];
    agree(&mut copies);
    last.restart();
    copies[2] = last.connect();
    agree(&mut copies);
}

#[test]
fn a_replica_that_hears_nothing_shows_no_expired_record_and_keeps_all() {
    let (primary, replica) = pair(options());
    let mut copies = [primary.connect(), replica.connect()];
    copies[0].ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING UNIQUE ADD INDEX n BITMAP");
    copies[0].ok("YARR.CREATE t n 1 s one");
    copies[0].ok("YARR.CREATE t n 2 s two EX 5000");
    // The primary is to be held still before the first record expires, and machines differ.
    let mut lives = [1000, 5000, 25_000].into_iter();
    let (ids, sent, full) = loop {
        let life = lives.next().expect("the primary is never still in time");
        let values: Vec<String> = (0..500).map(|n| format!("2 l{life}x{n}")).collect();
        let line = format!(
            "YARR.CREATE t PX {life} FIELDS 2 n s VALUES {}",
            values.join(" ")
        );
        let ids = copies[0].list(&line);
        let sent = dumps(&mut copies[0], &["t"]);
        let [p, r] = &mut copies;
        sync(p, r);
        primary.freeze();
        let bytes = memory(r, "t");
        let held = format!("YARR.FIND t IDS 500 {}", ids.join(" "));
        if r.ok(&held)
            .items()
            .iter()
            .all(|record| record.print() != "(nil)")
        {
            break (ids, sent, bytes);
        }
        primary.thaw();
    };
    let r = &mut copies[1];
    assert_eq!(dumps(r, &["t"]), sent);
    eventually("the records expire by the replica's own clock", || {
        r.count("YARR.WHERE t * COUNT") == 2
    });
    let some = &ids[7];
    for (line, expected) in [
        ("YARR.WHERE t n = 2 COUNT", "(integer) 1"),
        ("YARR.WHERE t n >= 1 ORDER BY id IDS", "1) \"1\"\n2) \"2\""),
        ("YARR.WHERE t n > 1 PLUCK s", "1) \"two\""),
        ("YARR.WHERE t s STARTS WITH l COUNT", "(integer) 0"),
        ("YARR.WHERE t * ORDER BY n DESC LIMIT 1 IDS", "1) \"2\""),
        ("YARR.WHERE t expires_at < now SCAN COUNT", "(integer) 0"),
        ("YARR.FIND t WHERE n = 2 AND s != two SCAN", "(nil)"),
    ] {
        assert_eq!(r.run(line).print(), expected, "{line}");
    }
    assert_eq!(r.run(&format!("YARR.FIND t {some}")).print(), "(nil)");
    assert_eq!(
        r.run(&format!("YARR.FIND t IDS 2 1 {some} RETURN n"))
            .items()[1]
            .print(),
        "(nil)"
    );
    assert_eq!(
        dumps(r, &["t"]),
        sent,
        "the replica removed records by itself"
    );
    assert_eq!(memory(r, "t"), full);
    primary.thaw();
    eventually(
        "the primary reclaims them, and the replica after it",
        || {
            nudge(&mut copies[0], "YARR.UPDATE t 1 TOUCH");
            copies
                .iter_mut()
                .all(|copy| copy.ok("YARR.INFO t").get("expired").map(|n| n.number()) == Some(0))
        },
    );
    let [p, r] = &mut copies;
    sync(p, r);
    assert_eq!(dumps(p, &["t"]), dumps(r, &["t"]));
}

#[test]
fn the_tables_of_a_load_are_all_written_to() {
    let primary = options().start();
    let load = Load::start(&primary, 1);
    let mut client = primary.connect();
    for table in BUSY {
        load.until(&format!("records in {table}"), || {
            client.count(&format!("YARR.WHERE {table} * COUNT")) > 0
        });
    }
    load.until("a migration", || {
        client.ok("YARR.SCHEMA work HISTORY").items().len() > 1
    });
    load.rest();
}
