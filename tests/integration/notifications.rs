//! Keyspace notifications: which, how often, in which order and of which database.

use crate::{
    able::needs,
    cli::Client,
    replication::pair,
    server::{Options, Server, eventually},
};

/// A server that tells of the classes, and a connection that hears all it tells.
fn heard(classes: &str) -> (Server, Client, Client) {
    let server = Options::new()
        .set("notify-keyspace-events", classes)
        .start();
    let (client, listener) = (server.connect(), listening(&server));
    (server, client, listener)
}

fn listening(server: &Server) -> Client {
    let mut listener = server.connect();
    listener.ok("PSUBSCRIBE __keyevent@*__:*");
    listener
}

/// What was told until the key `end` was set, as `database:event key`.
#[track_caller]
fn told(listener: &mut Client) -> Vec<String> {
    let mut events = Vec::new();
    loop {
        let event = next(listener);
        if event.ends_with(" end") {
            return events;
        }
        events.push(event);
    }
}

#[track_caller]
fn next(listener: &mut Client) -> String {
    let words = listener.message().expect("an event").words();
    let channel = words[2].trim_start_matches("__keyevent@");
    format!("{} {}", channel.replacen("__:", ":", 1), words[3])
}

/// Types the line, and answers what was told of it.
#[track_caller]
fn events(client: &mut Client, listener: &mut Client, line: &str) -> Vec<String> {
    client.run(line);
    client.ok("SET end 1");
    told(listener)
}

const MAKE: &str =
    "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD k INTEGER UNIQUE TIMESTAMPS OFF";

#[test]
fn each_command_tells_once_what_it_did() {
    needs!(KEYSPACE_EVENTS);
    let (_server, mut client, mut listener) = heard("KEA");
    for (line, expected) in [
        (MAKE, "0:yarr.migrate t"),
        ("YARR.CREATE t n 1 k 1", "0:yarr.create t"),
        (
            "YARR.CREATE t FIELDS 2 n k VALUES 2 2 3 3",
            "0:yarr.create t",
        ),
        (
            "YARR.CREATE t n 5 k 1 ON CONFLICT k UPDATE",
            "0:yarr.update t",
        ),
        (
            "YARR.CREATE t ON CONFLICT k UPDATE FIELDS 2 n k VALUES 6 1 7 9",
            "0:yarr.create t|0:yarr.update t",
        ),
        ("YARR.CREATE t n 5 k 1 ON CONFLICT k KEEP", ""),
        ("YARR.UPDATE t 1 SET n 9", "0:yarr.update t"),
        ("YARR.UPDATE t WHERE n > 0 INCR n 1", "0:yarr.update t"),
        ("YARR.UPDATE t 1 EX 1000", "0:yarr.update t"),
        ("YARR.DEL t 3", "0:yarr.del t"),
        ("YARR.DEL t 3", ""),
        ("YARR.DEL t WHERE n > 0", "0:yarr.del t"),
        (MAKE, ""),
        (
            "YARR.MIGRATE t UP 2 more ADD FIELD more INTEGER",
            "0:yarr.migrate t",
        ),
        ("YARR.MIGRATE t UP 2 more ADD FIELD less INTEGER", ""),
        ("YARR.MIGRATE t DOWN 2", "0:yarr.migrate t"),
        ("YARR.SCHEMA t CHECK UP 3 x ADD FIELD x INTEGER", ""),
        ("YARR.WHERE t *", ""),
        ("YARR.CREATE t n x", ""),
    ] {
        let expected: Vec<&str> = expected.split('|').filter(|e| !e.is_empty()).collect();
        let found = events(&mut client, &mut listener, line);
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn the_key_has_events_of_its_own() {
    needs!(EVENTS_OF_NEW_KEYS);
    let (_server, mut client, mut listener) = heard("KEAn");
    client.ok("SET end 1");
    // New, and set.
    for _ in 0..2 {
        told(&mut listener);
    }
    for (line, expected) in [
        (MAKE, "0:new t|0:yarr.migrate t"),
        ("YARR.CREATE t n 1", "0:yarr.create t"),
        ("RENAME t u", "0:new u|0:rename_from t|0:rename_to u"),
        ("COPY u t", "0:new t|0:copy_to t"),
        ("PEXPIREAT t 9999999999999", "0:expire t"),
        ("PERSIST t", "0:persist t"),
        ("MOVE t 1", "1:new t|0:move_from t|1:move_to t"),
        ("DEL u", "0:del u"),
        (MAKE, "0:new t|0:yarr.migrate t"),
        ("UNLINK t", "0:del t"),
    ] {
        let expected: Vec<&str> = expected.split('|').collect();
        assert_eq!(events(&mut client, &mut listener, line), expected, "{line}");
    }
}

#[test]
fn events_are_of_the_database_of_their_table() {
    needs!(KEYSPACE_EVENTS);
    let (_server, mut client, mut listener) = heard("KEA");
    for db in [3, 0, 15] {
        client.ok(&format!("SELECT {db}"));
        assert_eq!(
            events(&mut client, &mut listener, MAKE),
            [format!("{db}:yarr.migrate t")]
        );
        client.ok("YARR.CREATE t n 1 PX 30");
        assert_eq!(next(&mut listener), format!("{db}:yarr.create t"));
        assert_eq!(next(&mut listener), format!("{db}:yarr.expired t"));
    }
}

#[test]
fn the_classes_say_what_is_told() {
    needs!(MODULE_EVENTS);
    for (classes, expected) in [
        ("Ed", vec!["0:yarr.migrate t", "0:yarr.create t"]),
        (
            "Edg",
            vec!["0:yarr.migrate t", "0:yarr.create t", "0:del t"],
        ),
        ("Eg", vec!["0:del t"]),
        ("Kd", vec![]),
        ("El", vec![]),
    ] {
        let (_server, mut client, mut listener) = heard(classes);
        for line in [MAKE, "YARR.CREATE t n 1", "DEL t"] {
            client.ok(line);
        }
        client.ok("CONFIG SET notify-keyspace-events E$");
        client.ok("SET end 1");
        assert_eq!(told(&mut listener), expected, "{classes}");
    }
}

#[test]
fn a_removal_in_the_background_is_told_once_a_batch_and_never_as_deletion() {
    needs!(KEYSPACE_EVENTS);
    let (_server, mut client, mut listener) = heard("EA");
    client.ok(MAKE);
    client.ok("YARR.CREATE t n 1 PX 30");
    let first: Vec<String> = (0..3).map(|_| next(&mut listener)).collect();
    assert_eq!(
        first,
        ["0:yarr.migrate t", "0:yarr.create t", "0:yarr.expired t"]
    );
    // One that stands in the way is removed by the write, which tells of both.
    for turn in 0..20 {
        client.ok("YARR.CREATE t id 5 k 5 PX 1");
        while client.run("YARR.FIND t 5").print() != "(nil)" {}
        client.ok("YARR.CREATE t id 5 k 5 EXAT 9999999999");
        client.ok("YARR.DEL t 5");
        client.ok("SET end 1");
        let found = told(&mut listener);
        let expired = found.iter().filter(|e| *e == "0:yarr.expired t").count();
        assert_eq!(expired, 1, "turn {turn}: {found:?}");
        let rest: Vec<&String> = found.iter().filter(|e| !e.contains("expired")).collect();
        assert_eq!(
            rest,
            ["0:yarr.create t", "0:yarr.create t", "0:yarr.del t"],
            "turn {turn}"
        );
        let place = |what: &str| found.iter().position(|e| e == what);
        assert!(place("0:yarr.expired t") < place("0:yarr.del t"));
    }
}

#[test]
fn transactions_and_scripts_tell_in_the_order_of_their_commands() {
    needs!(KEYSPACE_EVENTS);
    let (_server, mut client, mut listener) = heard("EA");
    client.ok(MAKE);
    client.ok("SET end 1");
    told(&mut listener);
    for line in [
        "MULTI",
        "YARR.CREATE t n 1 k 1",
        "SET a 1",
        "YARR.UPDATE t 1 SET n 2",
        "YARR.CREATE t n 1 k 1",
        "YARR.FIND t 1",
        "YARR.DEL t 1",
        "DEL a",
        "EXEC",
        "SET end 1",
    ] {
        client.run(line);
    }
    assert_eq!(
        told(&mut listener),
        [
            "0:yarr.create t",
            "0:set a",
            "0:yarr.update t",
            "0:yarr.del t",
            "0:del a"
        ]
    );
    let script = "redis.call('YARR.CREATE', KEYS[1], 'n', 1); redis.call('SET', 'a', 1); \
                  redis.pcall('YARR.CREATE', KEYS[1], 'n', 'x'); return redis.call('YARR.DEL', KEYS[1], 'WHERE', '*')";
    let words: [&[u8]; 4] = [b"EVAL", script.as_bytes(), b"1", b"t"];
    assert!(!client.send(&words).is_error());
    client.ok("SET end 1");
    assert_eq!(
        told(&mut listener),
        ["0:yarr.create t", "0:set a", "0:yarr.del t"]
    );
}

#[test]
fn a_discarded_transaction_tells_nothing() {
    let (_server, mut client, mut listener) = heard("EA");
    client.ok(MAKE);
    client.ok("SET end 1");
    told(&mut listener);
    for line in ["MULTI", "YARR.CREATE t n 1", "DISCARD", "SET end 1"] {
        client.ok(line);
    }
    assert_eq!(told(&mut listener), Vec::<String>::new());
}

#[test]
fn a_replica_tells_the_same_once_of_its_own_and_of_what_expired_that_it_went() {
    needs!(KEYSPACE_EVENTS);
    let (primary, replica) = pair(Options::new().set("notify-keyspace-events", "EA"));
    let mut client = primary.connect();
    client.ok("SET before 1");
    // What is written before the first sync is done comes without a word.
    let mut reader = replica.connect();
    eventually("the replica follows", || {
        reader.run("GET before").print() == "\"1\""
    });
    let (mut first, mut second) = (listening(&primary), listening(&replica));
    client.ok("SELECT 2");
    for line in [
        MAKE,
        "YARR.CREATE t n 1 k 1",
        "YARR.CREATE t FIELDS 1 n VALUES 2 3 4",
        "YARR.CREATE t ON CONFLICT k UPDATE FIELDS 2 n k VALUES 6 1 7 9",
        "YARR.UPDATE t WHERE n > 0 INCR n 1",
        "YARR.UPDATE t 99 SET n 1",
        "YARR.DEL t WHERE n > 5",
        "YARR.MIGRATE t UP 2 more ADD FIELD more INTEGER",
        "EXPIRE t 1000",
        "RENAME t u",
        "SET end 1",
    ] {
        client.run(line);
    }
    let heard = told(&mut first);
    assert_eq!(heard.len(), 11, "{heard:?}");
    assert_eq!(told(&mut second), heard);
    client.ok("YARR.CREATE u n 1 PX 30");
    for (listener, went) in [(&mut first, "yarr.expired"), (&mut second, "yarr.del")] {
        assert_eq!(next(listener), "2:yarr.create u");
        assert_eq!(next(listener), format!("2:{went} u"));
    }
}
