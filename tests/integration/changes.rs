//! The change feed: what readers of a server see of it through restarts, copies, failovers and settings.

use crate::{
    able::{copy, needs},
    cli::Client,
    replication::{pair, replicate, sync},
    reply::Reply,
    server::{Options, eventually, fresh},
};

/// A table with a feed, and records older than it.
fn feed(client: &mut Client) {
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2 3");
    client.ok("YARR.MIGRATE t UP 2 feed CHANGES ON");
}

/// The epoch and the end of a batch, and the number, kind and id of each of its changes.
fn batch(client: &mut Client, since: &str) -> (String, i64, Vec<String>) {
    let mut rows = Vec::new();
    let mut line = format!("YARR.CHANGES t {since} LIMIT 2 RETURN id");
    loop {
        let page = client.ok(&line);
        let [epoch, upto, cursor, page] = page.items() else {
            panic!("{}", page.print());
        };
        for row in page.items() {
            let [number, kind, what] = row.items() else {
                panic!("{}", row.print());
            };
            let id = what.get("id").map_or(what.text(), Reply::text);
            rows.push(format!("{} {} {id}", number.text(), kind.text()));
        }
        if cursor.text() == "0" {
            return (epoch.text(), upto.number(), rows);
        }
        line = format!("YARR.CHANGES t CURSOR {} LIMIT 2 RETURN id", cursor.text());
    }
}

fn changes(client: &mut Client, field: &str) -> String {
    let info = client.ok("YARR.INFO t");
    let changes = info.get("changes").unwrap_or(&Reply::Null).clone();
    changes.get(field).map_or("none".into(), Reply::text)
}

#[test]
fn a_reader_sees_each_record_once_and_each_removal() {
    let mut client = fresh();
    feed(&mut client);
    let (epoch, head, rows) = batch(&mut client, "");
    assert_eq!(
        (head, rows),
        (
            1,
            vec!["0 put 1".into(), "0 put 2".into(), "0 put 3".into()]
        )
    );
    for line in [
        "YARR.UPDATE t 1 SET n 10",
        "YARR.CREATE t n 4",
        "YARR.UPDATE t 1 SET n 11",
        "YARR.DEL t 2",
        "YARR.CREATE t id 2 n 5",
        "YARR.DEL t 4",
    ] {
        client.ok(line);
    }
    let (epoch, head, rows) = batch(&mut client, &format!("SINCE {epoch} 1"));
    assert_eq!(
        (head, rows.join(", ")),
        (7, "4 put 1, 5 delete 2, 6 put 2, 7 delete 4".into())
    );
    // From where it is there is nothing more.
    let (_, head, rows) = batch(&mut client, &format!("SINCE {epoch} 7"));
    assert_eq!((head, rows.len()), (7, 0));
    // What expires is told when it is removed.
    client.ok("YARR.UPDATE t 3 PX 1");
    eventually("the record is reclaimed", || {
        _ = client.run("YARR.UPDATE t 1 TOUCH");
        changes(&mut client, "tombstones") == "3"
    });
    let (_, _, rows) = batch(&mut client, &format!("SINCE {epoch} 7"));
    assert!(
        rows.iter().any(|row| row.ends_with(" expire 3")),
        "{rows:?}"
    );
}

#[test]
fn a_batch_has_a_fixed_end_whatever_is_written_meanwhile() {
    let mut client = fresh();
    feed(&mut client);
    let page = client.ok("YARR.CHANGES t LIMIT 1 RETURN id");
    let cursor = page.items()[2].text();
    client.ok("YARR.UPDATE t 3 SET n 9");
    client.ok("YARR.CREATE t n 8");
    let page = client.ok(&format!("YARR.CHANGES t CURSOR {cursor} RETURN id"));
    let [epoch, upto, end, rows] = page.items() else {
        panic!("{}", page.print());
    };
    // Record 3 is after the end now: the next batch has it.
    assert_eq!(
        (upto.number(), end.text(), rows.items().len()),
        (1, "0".into(), 1)
    );
    let (_, head, rows) = batch(&mut client, &format!("SINCE {} 1", epoch.text()));
    assert_eq!((head, rows.join(", ")), (3, "2 put 3, 3 put 4".into()));
}

#[test]
fn a_page_ends_at_its_bytes() {
    let mut client = fresh();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD s STRING CHANGES ON");
    let text = "x".repeat(1000);
    for _ in 0..10 {
        client.ok(&format!("YARR.CREATE t s {text}"));
    }
    let page = client.ok("YARR.CHANGES t BYTES 2500");
    assert_eq!(page.items()[3].items().len(), 3);
    assert_ne!(page.items()[2].text(), "0");
    for line in [
        "LIMIT 0",
        "BYTES 0",
        "LIMIT x",
        "UPTO 100",
        "SINCE",
        "SINCE 1 1",
        "CURSOR 0 UPTO 1",
    ] {
        let reply = client.run(&format!("YARR.CHANGES t {line}"));
        assert!(reply.is_error(), "{line}: {}", reply.print());
    }
}

#[test]
fn tombstones_go_when_the_slowest_consumer_has_them() {
    let mut client = fresh();
    feed(&mut client);
    let (epoch, ..) = batch(&mut client, "");
    client.ok(&format!("YARR.ACK t slow {epoch} 0"));
    client.ok(&format!("YARR.ACK t fast {epoch} 1"));
    client.ok("YARR.DEL t 1");
    client.ok("YARR.DEL t 2");
    let (epoch, head, _) = batch(&mut client, &format!("SINCE {epoch} 1"));
    client.ok(&format!("YARR.ACK t fast {epoch} {head}"));
    assert_eq!(changes(&mut client, "tombstones"), "2");
    client.ok(&format!("YARR.ACK t slow {epoch} 2"));
    assert_eq!(
        (
            changes(&mut client, "tombstones"),
            changes(&mut client, "floor")
        ),
        ("1".into(), "2".into())
    );
    let reply = client.run(&format!("YARR.CHANGES t SINCE {epoch} 1"));
    assert_eq!(reply.code(), "RESYNC", "{}", reply.print());
    assert_eq!(client.ok("YARR.ACK t slow FORGET").number(), 1);
    assert_eq!(client.ok("YARR.ACK t slow FORGET").number(), 0);
    assert_eq!(changes(&mut client, "tombstones"), "0");
    for (line, code) in [
        (format!("YARR.ACK t late {epoch} 1"), "RESYNC"),
        (format!("YARR.ACK t late {epoch} 99"), "RESYNC"),
        ("YARR.ACK t late 0123456789abcdef 3".into(), "RESYNC"),
        (
            format!("YARR.ACK t {} {epoch} 3", "n".repeat(256)),
            "BADVALUE",
        ),
        (format!("YARR.ACK t late {epoch} x"), "ERR"),
        ("YARR.ACK t late FORGET now".into(), "ERR"),
    ] {
        assert_eq!(client.run(&line).code(), code, "{line}");
    }
    for name in 0..64 {
        let reply = client.run(&format!("YARR.ACK t c{name} {epoch} 3"));
        assert_eq!(reply.is_error(), name == 63, "{}", reply.print());
    }
}

#[test]
fn no_more_tombstones_are_kept_than_the_settings_say() {
    let arguments = ["max-tombstones", "5", "max-tombstone-bytes", "1000"];
    let server = Options::new().module_arguments(&arguments).start();
    let mut client = server.connect();
    feed(&mut client);
    let values: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    client.ok(&format!(
        "YARR.CREATE t FIELDS 1 n VALUES {}",
        values.join(" ")
    ));
    let (epoch, head, _) = batch(&mut client, "");
    client.ok("YARR.DEL t WHERE id > 3");
    assert_eq!(
        (
            changes(&mut client, "tombstones"),
            changes(&mut client, "floor")
        ),
        ("5".into(), "36".into())
    );
    let behind = client.run(&format!("YARR.CHANGES t SINCE {epoch} {head}"));
    assert_eq!(behind.code(), "RESYNC", "{}", behind.print());
    // Who reads all there is goes on from there.
    let (epoch, head, rows) = batch(&mut client, "");
    assert_eq!((head, rows.len()), (41, 3));
    assert_eq!(
        batch(&mut client, &format!("SINCE {epoch} {head}")).2.len(),
        0
    );
}

#[test]
fn a_restart_goes_on_and_a_restore_of_older_data_is_told() {
    let mut server = Options::new().start();
    let mut client = server.connect();
    feed(&mut client);
    client.ok("YARR.CREATE t n 4");
    let (epoch, head, _) = batch(&mut client, "");
    client.ok("SAVE");
    client.ok("YARR.CREATE t n 5");
    let (later, later_head, _) = batch(&mut client, &format!("SINCE {epoch} {head}"));
    assert_eq!((&later, later_head), (&epoch, 3));
    drop(client);
    // What was not saved is lost.
    server.kill();
    let mut client = server.connect();
    let since = |epoch: &str, head: i64| format!("SINCE {epoch} {head}");
    let lost = client.run(&format!("YARR.CHANGES t {}", since(&later, later_head)));
    assert_eq!(lost.code(), "RESYNC", "{}", lost.print());
    client.ok("YARR.CREATE t n 6");
    client.ok("YARR.CREATE t n 7");
    // Now the numbers are there again, for other writes: still it is told.
    let lost = client.run(&format!("YARR.CHANGES t {}", since(&later, later_head)));
    assert_eq!(lost.code(), "RESYNC", "{}", lost.print());
    // Who had only what was saved goes on, in the next epoch.
    let (next, head, rows) = batch(&mut client, &since(&epoch, head));
    assert_eq!((head, rows.join(", ")), (4, "3 put 5, 4 put 6".into()));
    assert_ne!(next, epoch);
}

#[test]
fn a_failover_that_loses_writes_is_told_and_one_that_loses_none_is_not() {
    let (primary, replica) = pair(Options::new());
    let (mut p, mut r) = (primary.connect(), replica.connect());
    feed(&mut p);
    p.ok("YARR.CREATE t n 4");
    p.ok("YARR.DEL t 1");
    sync(&mut p, &mut r);
    let (epoch, head, rows) = batch(&mut p, "");
    // A replica may be read as well.
    assert_eq!(batch(&mut r, ""), (epoch.clone(), head, rows));
    let refused = r.run(&format!("YARR.ACK t me {epoch} {head}"));
    assert_eq!(refused.code(), "READONLY");
    replicate(&mut r, "NO ONE");
    p.ok("YARR.CREATE t n 5");
    let (ahead, ahead_head, _) = batch(&mut p, &format!("SINCE {epoch} {head}"));
    r.ok("YARR.CREATE t n 6");
    r.ok("YARR.DEL t 2");
    let (next, next_head, rows) = batch(&mut r, &format!("SINCE {epoch} {head}"));
    assert_eq!(
        (next_head, rows.join(", ")),
        (5, "4 put 5, 5 delete 2".into())
    );
    assert_ne!(next, epoch);
    let lost = r.run(&format!("YARR.CHANGES t SINCE {ahead} {ahead_head}"));
    assert_eq!(lost.code(), "RESYNC", "{}", lost.print());
    // The first one comes back as the replica of the second.
    replicate(&mut p, &format!("127.0.0.1 {}", replica.port));
    sync(&mut r, &mut p);
    assert_eq!(batch(&mut p, ""), batch(&mut r, ""));
}

#[test]
fn a_replica_that_is_written_to_still_follows() {
    needs!(REPLICAOF);
    let (primary, replica) = pair(Options::new().set("replica-read-only", "no"));
    let (mut p, mut r) = (primary.connect(), replica.connect());
    feed(&mut p);
    sync(&mut p, &mut r);
    r.ok("YARR.UPDATE t 3 SET n 30");
    r.ok("YARR.DEL t 3");
    p.ok("YARR.UPDATE t 1 SET n 9");
    p.ok("YARR.DEL t 2");
    p.ok("YARR.CREATE t id 7 n 7");
    sync(&mut p, &mut r);
    assert_eq!(
        r.ok("YARR.WHERE t * ORDER BY id PLUCK id n").print(),
        "1) 1) \"1\"\n   2) \"9\"\n2) 1) \"7\"\n   2) \"7\""
    );
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut client = fresh();
    feed(&mut client);
    client.ok("YARR.DEL t 1");
    let (epoch, head, _) = batch(&mut client, "");
    copy(&mut client, "t", "other");
    client.ok("YARR.CREATE other n 9");
    client.ok("YARR.CREATE t n 8");
    client.ok("RENAME t first");
    client.ok("RENAME other t");
    // What came to the copy continues where they parted, not where the first one went.
    let (next, _, rows) = batch(&mut client, &format!("SINCE {epoch} {head}"));
    assert_eq!(rows.join(", "), "3 put 4");
    assert_ne!(next, epoch);
    let other = client.run(&format!("YARR.CHANGES t SINCE {epoch} 3"));
    assert_eq!(other.code(), "RESYNC", "{}", other.print());
}

#[test]
fn migrations_that_rewrite_values_begin_the_feed_anew() {
    let mut client = fresh();
    feed(&mut client);
    let (epoch, head, _) = batch(&mut client, "");
    let since = format!("YARR.CHANGES t SINCE {epoch} {head}");
    client.ok("YARR.MIGRATE t UP 3 more ADD FIELD more STRING DEFAULT x INDEX");
    client.ok("YARR.MIGRATE t UP 4 name RENAME FIELD more TO most");
    client.ok("YARR.MIGRATE t UP 5 ttl SET TTL 100 PASSIVE");
    assert_eq!(client.ok(&since).items()[3].items().len(), 0);
    client.ok("YARR.MIGRATE t UP 6 type SET FIELD n TYPE STRING");
    assert_eq!(client.run(&since).code(), "RESYNC");
    let (epoch, head, rows) = batch(&mut client, "");
    assert_eq!(rows.len(), 3);
    client.ok("YARR.MIGRATE t UP 7 data UPDATE n = 2 SET n 20");
    eventually("the migration of data is done", || {
        client.ok("YARR.SCHEMA t VERSION").text() == "7"
    });
    let (_, _, rows) = batch(&mut client, &format!("SINCE {epoch} {head}"));
    assert_eq!(rows.len(), 1, "{rows:?}");
    client.ok("YARR.MIGRATE t UP 8 off CHANGES OFF");
    assert_eq!(client.run("YARR.CHANGES t").code(), "UNSUPPORTED");
    client.ok("YARR.MIGRATE t UP 9 on CHANGES ON");
    assert_eq!(client.run(&since).code(), "RESYNC");
    assert_eq!(batch(&mut client, "").2.len(), 3);
}

#[test]
fn a_feed_that_ends_and_begins_in_one_migration_has_no_past() {
    let mut client = fresh();
    feed(&mut client);
    client.ok("YARR.CREATE t n 4");
    let (epoch, head, _) = batch(&mut client, "");
    client.ok("YARR.UPDATE t 1 SET n 9");
    client.ok("YARR.MIGRATE t UP 3 again CHANGES OFF CHANGES ON");
    let since = format!("YARR.CHANGES t SINCE {epoch} {head}");
    assert_eq!(client.run(&since).code(), "RESYNC");
    assert_eq!(batch(&mut client, "").2.len(), 4);
    // What is left of ids of another type goes with it.
    client.ok("YARR.DEL t WHERE *");
    client.ok("YARR.MIGRATE t UP 4 uuids CHANGES OFF ID UUID CHANGES ON");
    client.ok("YARR.CREATE t n 1");
    let before = batch(&mut client, "");
    let bytes = client.ok("DUMP t").bytes().to_vec();
    client.ok("DEL t");
    let restored = client.send(&[&b"RESTORE"[..], b"t", b"0", &bytes]);
    assert_eq!(restored.print(), "OK");
    assert_eq!(batch(&mut client, ""), before);
}

#[test]
fn a_write_that_fails_has_no_number() {
    let mut client = fresh();
    feed(&mut client);
    client.ok("YARR.MIGRATE t UP 3 unique ADD INDEX n UNIQUE");
    let head = changes(&mut client, "head");
    for line in [
        "YARR.CREATE t FIELDS 1 n VALUES 7 8 1",
        "YARR.UPDATE t WHERE id > 0 SET n 5",
        "YARR.UPDATE t 1 SET change_number 5",
        "YARR.CREATE t change_number 5",
        "YARR.CREATE t UNSET change_number",
    ] {
        assert!(client.run(line).is_error(), "{line}");
    }
    assert_eq!(changes(&mut client, "head"), head);
    assert_eq!(
        client
            .ok("YARR.UPDATE t 1 SET n 9 IF change_number = 0")
            .number(),
        1
    );
    assert_eq!(
        client
            .ok("YARR.UPDATE t 1 SET n 9 IF change_number = 0")
            .number(),
        0
    );
    assert_eq!(
        client.ok("YARR.FIND t 1 RETURN change_number").words(),
        ["change_number", "2"]
    );
}

#[test]
fn resp3_has_integers_and_maps() {
    needs!(MAPS);
    let server = Options::new().start();
    let mut client = server.connect().resp3();
    feed(&mut client);
    let page = client.ok("YARR.CHANGES t LIMIT 1 RETURN n");
    let row = &page.items()[3].items()[0];
    assert!(
        matches!(
            row.items(),
            [Reply::Integer(0), Reply::Bulk(_), Reply::Map(_)]
        ),
        "{}",
        row.print()
    );
}

#[test]
fn a_table_with_a_feed_goes_to_another_server_whole() {
    let mut client = fresh();
    feed(&mut client);
    client.ok("YARR.DEL t 2");
    let before = batch(&mut client, "");
    let bytes = client.ok("DUMP t").bytes().to_vec();
    let other = Options::new().start();
    let mut there = other.connect();
    let restored = there.send(&[&b"RESTORE"[..], b"t", b"0", &bytes]);
    assert_eq!(restored.print(), "OK");
    assert_eq!(batch(&mut there, ""), before);
    let (epoch, ..) = before;
    assert_eq!(
        batch(&mut there, &format!("SINCE {epoch} 1")).2,
        ["2 delete 2"]
    );
}
