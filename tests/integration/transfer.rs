//! DUMP, RESTORE and MIGRATE: a table leaves a server and arrives in another.

use crate::{
    able::{USERS, able, expires_at, needs, nudge},
    cli::Client,
    replication::pair,
    reply::Reply,
    sample::{TABLES, dumps, fill, state},
    server::{Options, Server, eventually},
};

/// Restores a payload with the words behind it.
#[track_caller]
fn restore(client: &mut Client, key: &str, ttl: &str, payload: &Reply, options: &str) -> Reply {
    let mut words: Vec<&[u8]> = vec![b"RESTORE", key.as_bytes(), ttl.as_bytes(), payload.bytes()];
    words.extend(
        options
            .split(' ')
            .filter(|w| !w.is_empty())
            .map(str::as_bytes),
    );
    client.send(&words)
}

fn table(client: &mut Client) {
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2 3");
}

#[test]
fn a_table_is_restored_with_what_is_said_of_its_key() {
    needs!(RESTORE_OPTIONS);
    let server = Server::start();
    let mut client = server.connect();
    table(&mut client);
    let payload = client.ok("DUMP t");
    client.ok("YARR.DEL t 1");
    assert_eq!(
        restore(&mut client, "t", "0", &payload, "").code(),
        "BUSYKEY"
    );
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 2);
    assert_eq!(
        restore(&mut client, "t", "0", &payload, "REPLACE").print(),
        "OK"
    );
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 3);
    client.ok("SET u v");
    restore(
        &mut client,
        "u",
        "100000",
        &payload,
        "REPLACE IDLETIME 5000",
    );
    assert!((1..=100_000).contains(&client.count("PTTL u")));
    assert!(client.count("OBJECT IDLETIME u") >= 5000);
    restore(&mut client, "v", "9999999999999", &payload, "ABSTTL");
    expires_at(&mut client, "v", 9_999_999_999_999);
    assert_eq!(client.count("YARR.WHERE v n > 1 COUNT"), 2);
    // What should have expired does not come, and takes away what it would replace.
    assert_eq!(
        restore(&mut client, "v", "1", &payload, "ABSTTL REPLACE").print(),
        "OK"
    );
    assert_eq!(client.count("EXISTS v"), 0);
    client.ok("CONFIG SET maxmemory-policy volatile-lfu");
    restore(&mut client, "w", "0", &payload, "FREQ 77");
    assert_eq!(client.count("OBJECT FREQ w"), 77);
    assert_eq!(client.ok("DUMP w"), payload);
}

#[test]
fn what_expires_on_the_way_is_not_there_and_what_does_not_keeps_its_instant() {
    let (from, to) = (Server::start(), Server::start());
    let (mut client, mut other) = (from.connect(), to.connect());
    table(&mut client);
    client.ok("YARR.CREATE t n 4 PX 100");
    client.ok("YARR.CREATE t n 5 PXAT 9999999999999");
    let payload = client.ok("DUMP t");
    eventually("the record expires", || {
        client.run("YARR.FIND t 4").print() == "(nil)"
    });
    restore(&mut other, "t", "0", &payload, "");
    assert_eq!(
        other.list("YARR.WHERE t * ORDER BY id IDS"),
        ["1", "2", "3", "5"]
    );
    assert_eq!(
        other.ok("YARR.FIND t 5 RETURN expires_at").words(),
        ["expires_at", "9999999999999"]
    );
    nudge(&mut other, "YARR.UPDATE t 1 SET n 1");
    eventually("the record is removed", || {
        other.ok("YARR.INFO t").get("expiring").map(Reply::number) == Some(1)
    });
    assert_eq!(other.ok("YARR.CREATE t n 6").text(), "6");
}

#[test]
fn tables_are_migrated_together_with_other_keys() {
    let (from, to) = (Server::start(), Server::start());
    let (mut client, mut other) = (from.connect(), to.connect());
    fill(&mut client);
    client.ok("SET string v");
    client.ok("PEXPIREAT words 9999999999999");
    let (before, bytes) = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    let keys = format!("{} string none", TABLES.join(" "));
    let port = to.port;
    client.ok(&format!(
        "MIGRATE 127.0.0.1 {port} \"\" 5 60000 COPY KEYS {keys}"
    ));
    assert_eq!(state(&mut client, &TABLES), before, "a copy was asked for");
    other.ok("SELECT 5");
    assert_eq!(state(&mut other, &TABLES), before);
    assert!(dumps(&mut other, &TABLES) == bytes, "other bytes");
    // The time that is left travels, and the way takes some.
    let seconds: i64 = other.list("TIME")[0].parse().expect("seconds");
    let expiry = other.count("PTTL words") + seconds * 1000 - 9_999_999_999_999;
    assert!((-1010..60_000).contains(&expiry), "{expiry} ms later");
    // They are there now: without REPLACE all stays as it is.
    client.ok("YARR.UPDATE people 1 SET name later");
    let error = client.fail(&format!("MIGRATE 127.0.0.1 {port} people 5 60000"));
    assert!(error.contains("BUSYKEY"), "{error}");
    assert_eq!(client.count("EXISTS people"), 1);
    client.ok(&format!(
        "MIGRATE 127.0.0.1 {port} \"\" 5 60000 REPLACE KEYS {keys}"
    ));
    assert_eq!(client.count("DBSIZE"), 0);
    assert_eq!(
        other.ok("YARR.FIND people 1 RETURN name").words(),
        ["name", "later"]
    );
    assert_eq!(
        client
            .ok(&format!("MIGRATE 127.0.0.1 {port} people 5 60000"))
            .print(),
        "NOKEY"
    );
}

#[test]
fn a_server_that_asks_who_is_there_is_told() {
    needs!(MIGRATE_AUTH);
    let (from, to) = (Server::start(), Server::start());
    let (mut client, mut other) = (from.connect(), to.connect());
    other.ok("CONFIG SET requirepass secret");
    other.ok("AUTH secret");
    let mut cases = vec![("", false), ("AUTH wrong", false), ("AUTH secret", true)];
    if able(USERS) {
        other.ok("ACL SETUSER mover on >secret ~t +restore +select");
        cases.push(("AUTH2 mover secret", true));
    }
    for (auth, moved) in cases {
        client.ok("FLUSHALL");
        other.ok("FLUSHALL");
        table(&mut client);
        let reply = client.run(&format!("MIGRATE 127.0.0.1 {} t 0 60000 {auth}", to.port));
        assert_eq!(!reply.is_error(), moved, "{auth}: {}", reply.print());
        assert_eq!(client.count("EXISTS t"), i64::from(!moved), "{auth}");
        assert_eq!(other.count("EXISTS t"), i64::from(moved), "{auth}");
    }
}

#[test]
fn a_table_stays_where_it_is_when_the_other_server_has_no_module_or_is_not_there() {
    let (from, mut to) = (Server::start(), Options::new().start_plain());
    let mut client = from.connect();
    table(&mut client);
    let before = client.ok("DUMP t");
    let line = format!("MIGRATE 127.0.0.1 {} t 0 60000", to.port);
    assert!(client.fail(&line).contains("ERR"), "no module");
    assert_eq!(client.ok("DUMP t"), before);
    to.stop();
    assert!(client.fail(&line).starts_with("IOERR"));
    assert_eq!(client.ok("DUMP t"), before);
    client.ok("YARR.CREATE t n 4");
}

#[test]
fn replicas_and_files_on_both_sides_see_a_table_go_and_come() {
    let (from, first) = pair(Options::new().appendonly(false));
    let (mut to, second) = pair(Options::new().appendonly(false));
    let mut client = from.connect();
    fill(&mut client);
    let before = dumps(&mut client, &TABLES);
    client.ok(&format!(
        "MIGRATE 127.0.0.1 {} \"\" 0 60000 KEYS {}",
        to.port,
        TABLES.join(" ")
    ));
    eventually("the replica of the one sees them go", || {
        first.connect().count("DBSIZE") == 0
    });
    eventually("the replica of the other sees them come", || {
        let mut reader = second.connect();
        reader.count("DBSIZE") == TABLES.len() as i64 && dumps(&mut reader, &TABLES) == before
    });
    to.restart();
    assert!(dumps(&mut to.connect(), &TABLES) == before, "other bytes");
}

#[test]
fn a_table_goes_to_and_fro_while_its_records_expire() {
    let servers = [
        Options::new().appendonly(false).start(),
        Options::new().appendonly(true).start(),
    ];
    let mut clients = [servers[0].connect(), servers[1].connect()];
    table(&mut clients[0]);
    for turn in 0..40 {
        let (here, there) = (turn % 2, 1 - turn % 2);
        let client = &mut clients[here];
        client.ok(&format!(
            "YARR.CREATE t PX {} FIELDS 1 n VALUES {}",
            5 + turn,
            "9 ".repeat(300)
        ));
        client.ok("YARR.CREATE t n 4 EX 1000");
        client.ok(&format!(
            "MIGRATE 127.0.0.1 {} t 0 60000",
            servers[there].port
        ));
        assert_eq!(client.run("YARR.FIND t 1").code(), "NOTABLE");
    }
    let client = &mut clients[0];
    eventually("what expired is removed", || {
        for _ in 0..100 {
            nudge(client, "YARR.UPDATE t 1 SET n 1");
        }
        client.ok("YARR.INFO t").get("expiring").map(Reply::number) == Some(40)
    });
    assert_eq!(client.count("YARR.WHERE t n = 4 COUNT"), 40);
    assert_eq!(client.count("YARR.WHERE t n < 4 COUNT"), 3);
    let id = 3 + 40 * 301 + 1;
    assert_eq!(client.ok("YARR.CREATE t n 5").text(), id.to_string());
}
