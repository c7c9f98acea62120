//! Client-side caching: what is remembered of a reader, and when it is told that a table changed.

use crate::{
    able::{READING_SCRIPTS, able, needs},
    cli::Client,
    replication::pair,
    reply::Reply,
    server::{Options, Server, eventually},
};

/// A server with a table `t` of two records, and a client that changes it.
fn served() -> (Server, Client) {
    let server = Server::start();
    let mut writer = server.connect();
    table(&mut writer, "t");
    (server, writer)
}

fn table(client: &mut Client, name: &str) {
    client.ok(&format!(
        "YARR.MIGRATE {name} UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD k INTEGER UNIQUE TIMESTAMPS OFF"
    ));
    client.ok(&format!("YARR.CREATE {name} FIELDS 2 n k VALUES 1 1 2 2"));
}

/// The keys that the next push says to forget.
#[track_caller]
fn forgotten(client: &mut Client) -> Vec<String> {
    let words = client.message().expect("a push").words();
    assert_eq!(words[0], "invalidate", "{words:?}");
    words[1..].to_vec()
}

/// The reads that a client may cache.
const READS: [&str; 10] = [
    "YARR.FIND t 1",
    "YARR.FIND t 99",
    "YARR.FIND t IDS 2 1 2",
    "YARR.FIND t WHERE n = 1",
    "YARR.WHERE t n >= 1 COUNT",
    "YARR.AGGREGATE t * GROUP BY n COUNT",
    "YARR.WHERE t * CURSOR 0",
    "YARR.SCHEMA t",
    "YARR.EXPLAIN t WHERE n = 1",
    "YARR.INFO t",
];

/// Commands that leave a table as it is.
const UNCHANGING: [&str; 12] = [
    "YARR.CREATE t n x",
    "YARR.CREATE t n 1 k 1",
    "YARR.CREATE t n 1 k 1 ON CONFLICT k IGNORE",
    "YARR.CREATE t n 1 k 1 ON CONFLICT k KEEP",
    "YARR.CREATE t FIELDS 1 k VALUES 7 7",
    "YARR.UPDATE t 99 SET n 1",
    "YARR.UPDATE t 1 SET n 5 IF n = 77",
    "YARR.UPDATE t WHERE n = 77 SET n 1",
    "YARR.DEL t 99",
    "YARR.DEL t WHERE n = 77",
    "YARR.MIGRATE t UP 1 make ADD FIELD s STRING",
    "YARR.MIGRATE t DOWN 9",
];

#[test]
fn every_read_of_a_table_is_remembered() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut reader = server.connect().resp3();
    reader.ok("CLIENT TRACKING ON");
    for read in READS {
        reader.ok(read);
        writer.ok("YARR.UPDATE t 1 INCR n 1");
        assert_eq!(forgotten(&mut reader), ["t"], "{read}");
    }
    // Told once, a reader is told no more until it reads again.
    writer.ok("YARR.UPDATE t 1 INCR n 1");
    reader.ok("GET end");
    writer.ok("SET end 1");
    assert_eq!(forgotten(&mut reader), ["end"]);
}

#[test]
fn a_write_that_changes_nothing_is_not_told() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut reader = server.connect().resp3();
    reader.ok("CLIENT TRACKING ON");
    for line in READS.into_iter().chain(UNCHANGING) {
        reader.ok("YARR.FIND t 1");
        reader.ok("GET end");
        writer.run(line);
        writer.ok("SET end 1");
        assert_eq!(forgotten(&mut reader), ["end"], "{line}");
    }
}

/// Counts the records of `t`, and again only when told that it changed, until there are so many.
#[track_caller]
fn read_anew_until(reader: &mut Client, records: i64) {
    while reader.count("YARR.WHERE t * COUNT") != records {
        assert_eq!(forgotten(reader), ["t"]);
    }
    reader.pushes.clear();
}

#[test]
fn what_is_removed_in_the_background_is_told() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut reader = server.connect().resp3();
    reader.ok("CLIENT TRACKING ON");
    for _ in 0..3 {
        writer.ok("YARR.CREATE t n 3 PX 50");
        read_anew_until(&mut reader, 2);
    }
}

#[test]
fn what_happens_to_the_key_is_told() {
    needs!(TRACKING, COPY);
    // A server looks for keys that expired in a few databases at a time.
    let server = Options::new().set("databases", "16").start();
    let mut writer = server.connect();
    table(&mut writer, "t");
    let mut reader = server.connect().resp3();
    reader.ok("CLIENT TRACKING ON");
    for line in [
        "RENAME t u",
        "RENAME u t",
        "COPY t u",
        "COPY u t REPLACE",
        "PEXPIRE t 1000000",
        "MOVE t 1",
        "COPY u t",
        "UNLINK t",
        "COPY u t",
    ] {
        reader.run("YARR.FIND t 1");
        reader.ok("GET end");
        writer.ok(line);
        writer.ok("SET end 1");
        let told = forgotten(&mut reader);
        if line == "COPY t u" {
            assert_eq!(told, ["end"], "a copy changes nothing of what it copies");
            continue;
        }
        assert_eq!(told, ["t"], "{line}");
        assert_eq!(forgotten(&mut reader), ["end"], "{line}");
    }
    reader.ok("YARR.FIND t 1");
    writer.ok("PEXPIRE t 1");
    reader.pushes.clear();
    assert_eq!(forgotten(&mut reader), ["t"], "its time is set");
    while !reader.run("YARR.FIND t 1").is_error() {
        assert_eq!(forgotten(&mut reader), ["t"], "its time has come");
    }
}

#[test]
fn another_connection_may_be_told() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut listener = server.connect();
    let id = listener.count("CLIENT ID");
    listener.ok("SUBSCRIBE __redis__:invalidate");
    let mut reader = server.connect();
    reader.ok(&format!("CLIENT TRACKING ON REDIRECT {id}"));
    reader.ok("YARR.FIND t 1");
    writer.ok("YARR.DEL t 2");
    assert_eq!(
        listener.message().expect("a message").words(),
        ["message", "__redis__:invalidate", "t"]
    );
}

#[test]
fn a_prefix_may_be_told_of_without_a_read() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    table(&mut writer, "app:t");
    let mut reader = server.connect().resp3();
    reader.ok("CLIENT TRACKING ON BCAST PREFIX app: PREFIX end");
    for (line, told) in [
        ("YARR.UPDATE app:t 1 SET n 7", true),
        ("YARR.UPDATE t 1 SET n 7", false),
        ("YARR.DEL app:t 99", false),
        ("YARR.FIND app:t 1", false),
        ("YARR.DEL app:t WHERE n = 7", true),
    ] {
        writer.ok(line);
        writer.ok("SET end 1");
        let mut keys = forgotten(&mut reader);
        if !keys.contains(&"end".to_string()) {
            keys.extend(forgotten(&mut reader));
        }
        assert_eq!(
            keys.contains(&"app:t".to_string()),
            told,
            "{line}: {keys:?}"
        );
        assert!(!keys.contains(&"t".to_string()), "{line}: {keys:?}");
    }
    writer.ok("YARR.CREATE app:t n 3 PX 30");
    assert_eq!(forgotten(&mut reader), ["app:t"], "it came");
    assert_eq!(forgotten(&mut reader), ["app:t"], "it was removed");
}

#[test]
fn a_reader_may_choose_what_is_remembered() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut reader = server.connect().resp3();
    for (mode, caching, remembered) in [
        ("OPTIN", "", false),
        ("OPTIN", "CLIENT CACHING YES", true),
        ("OPTOUT", "", true),
        ("OPTOUT", "CLIENT CACHING NO", false),
    ] {
        reader.ok("CLIENT TRACKING OFF");
        reader.ok(&format!("CLIENT TRACKING ON {mode}"));
        if !caching.is_empty() {
            reader.ok(caching);
        }
        reader.ok("YARR.WHERE t n >= 1");
        if mode == "OPTIN" {
            reader.ok("CLIENT CACHING YES");
        }
        reader.ok("GET end");
        writer.ok("YARR.UPDATE t 1 INCR n 1");
        writer.ok("SET end 1");
        let first = forgotten(&mut reader);
        let expected = if remembered { "t" } else { "end" };
        assert_eq!(first, [expected], "{mode} {caching}");
        if remembered {
            assert_eq!(forgotten(&mut reader), ["end"]);
        }
    }
}

#[test]
fn a_writer_need_not_hear_of_itself() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut client = server.connect().resp3();
    client.ok("CLIENT TRACKING ON NOLOOP");
    client.ok("YARR.FIND t 1");
    client.ok("YARR.UPDATE t 1 SET n 8");
    client.ok("YARR.FIND t 1");
    client.ok("GET end");
    writer.ok("SET end 1");
    assert_eq!(forgotten(&mut client), ["end"]);
    writer.ok("YARR.UPDATE t 1 SET n 9");
    assert_eq!(forgotten(&mut client), ["t"]);
}

#[test]
fn scripts_and_transactions_read_and_write_for_their_client() {
    needs!(TRACKING);
    let (server, mut writer) = served();
    let mut reader = server.connect().resp3();
    reader.ok("CLIENT TRACKING ON");
    let mut reads = vec![r#"EVAL "return redis.call('YARR.FIND', KEYS[1], 1)" 1 t"#];
    if able(READING_SCRIPTS) {
        reads.push(
            r#"EVAL_RO "return redis.call('YARR.WHERE', KEYS[1], 'n', '>', 0, 'COUNT')" 1 t"#,
        );
    }
    for read in reads {
        reader.ok(read);
        writer.ok(r#"EVAL "return redis.call('YARR.UPDATE', KEYS[1], 1, 'INCR', 'n', 1)" 1 t"#);
        assert_eq!(forgotten(&mut reader), ["t"], "{read}");
    }
    reader.ok("MULTI");
    reader.ok("YARR.FIND t 1");
    reader.ok("EXEC");
    for line in [
        "MULTI",
        "YARR.UPDATE t 1 INCR n 1",
        "YARR.UPDATE t 1 INCR n 1",
        "EXEC",
    ] {
        writer.ok(line);
    }
    assert_eq!(forgotten(&mut reader), ["t"]);
    reader.ok("GET end");
    writer.ok("SET end 1");
    assert_eq!(forgotten(&mut reader), ["end"], "once was enough");
}

#[test]
fn a_replica_tells_its_own_readers() {
    needs!(TRACKING);
    let (primary, replica) = pair(Options::new());
    let (mut writer, mut reader) = (primary.connect(), replica.connect().resp3());
    table(&mut writer, "t");
    eventually("the replica has the table", || {
        reader.run("YARR.WHERE t * COUNT") == Reply::Integer(2)
    });
    reader.ok("CLIENT TRACKING ON");
    for line in [
        "YARR.CREATE t n 5",
        "YARR.UPDATE t WHERE n = 5 SET n 6",
        "YARR.DEL t WHERE n = 6",
        "YARR.MIGRATE t UP 2 more ADD FIELD more INTEGER",
    ] {
        reader.ok("YARR.WHERE t * COUNT");
        writer.ok(line);
        assert_eq!(forgotten(&mut reader), ["t"], "{line}");
    }
    reader.ok("YARR.WHERE t * COUNT");
    writer.ok("YARR.CREATE t n 5 PX 200");
    assert_eq!(forgotten(&mut reader), ["t"], "it came");
    read_anew_until(&mut reader, 2);
}
