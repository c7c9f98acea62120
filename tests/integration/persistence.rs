//! RDB, AOF, DUMP, RESTORE, COPY, RENAME: a table comes back as it was.

use crate::{
    able::{EXPIRETIME, able, copy, needs},
    aof::{append_only_file, commands},
    cli::Client,
    reply::Reply,
    sample::{TABLES, dumps, fill, state},
    server::{Options, Server, eventually, fresh},
};

/// Fills a server, lets `pass` happen to it, and compares what was with what is; then writes on.
#[track_caller]
fn survives(options: Options, pass: impl FnOnce(&mut Server)) {
    let mut server = options.start();
    let mut client = server.connect();
    fill(&mut client);
    let (before, bytes) = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    drop(client);
    pass(&mut server);
    let mut client = server.connect();
    let after = state(&mut client, &TABLES);
    assert!(after == before, "before:\n{before}\nafter:\n{after}");
    assert!(
        dumps(&mut client, &TABLES) == bytes,
        "the same records, but other bytes"
    );
    let id = client.ok("YARR.CREATE people name next").number();
    assert_eq!(
        client
            .ok(&format!("YARR.FIND people {id} RETURN id city status"))
            .words(),
        ["id", &id.to_string(), "city", "New York", "status", "new"]
    );
    assert_eq!(
        client.list("YARR.WHERE people name = next IDS"),
        [id.to_string()]
    );
    assert_eq!(
        client
            .run("YARR.CREATE people name x token e4eaaaf2-d142-11e1-b3e4-080027620cdd")
            .code(),
        "DUPLICATE"
    );
    assert_eq!(
        client
            .run("YARR.MIGRATE hollow UP 7 make ADD FIELD a INTEGER")
            .print(),
        "OK"
    );
    assert_eq!(
        client
            .run("YARR.MIGRATE people UP 3 name RENAME FIELD rank TO place ADD INDEX place city")
            .print(),
        "APPLIED"
    );
}

/// Rewrites the append-only file and waits until it is done.
fn rewrite(server: &Server) {
    let mut client = server.connect();
    eventually("a rewrite may begin", || {
        !client.run("BGREWRITEAOF").is_error()
    });
    eventually("the rewrite is done", || {
        let info = client.ok("INFO persistence").text();
        info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
    });
    assert!(
        client
            .ok("INFO persistence")
            .text()
            .contains("aof_last_bgrewrite_status:ok"),
        "{}",
        server.log()
    );
}

#[test]
fn tables_come_back_from_an_rdb() {
    survives(Options::new(), Server::restart);
}

#[test]
fn tables_come_back_from_a_background_save_after_a_crash() {
    survives(Options::new(), |server| {
        let mut client = server.connect();
        client.ok("BGSAVE");
        eventually("the save is done", || {
            client
                .ok("INFO persistence")
                .text()
                .contains("rdb_bgsave_in_progress:0")
        });
        server.kill();
    });
}

#[test]
fn tables_come_back_from_an_append_only_file() {
    survives(Options::new().appendonly(true), Server::restart);
}

#[test]
fn tables_come_back_from_an_append_only_file_after_a_crash() {
    survives(
        Options::new()
            .appendonly(false)
            .set("appendfsync", "always"),
        Server::kill,
    );
}

#[test]
fn tables_come_back_from_a_rewritten_file_with_a_preamble() {
    survives(Options::new().appendonly(true), |server| {
        rewrite(server);
        server.restart();
    });
}

#[test]
fn tables_come_back_from_a_rewritten_file_without_a_preamble() {
    survives(Options::new().appendonly(false), |server| {
        rewrite(server);
        server.restart();
    });
}

#[test]
fn what_is_written_after_a_rewrite_comes_back_too() {
    for preamble in [true, false] {
        let mut server = Options::new()
            .appendonly(preamble)
            .set("appendfsync", "always")
            .start();
        let mut client = server.connect();
        fill(&mut client);
        rewrite(&server);
        for line in [
            "YARR.UPDATE people WHERE age < 5 INCR age 1 SET score 7",
            "YARR.DEL people WHERE age = 8",
            "YARR.CREATE people name late token 00000000000000000000000000000007",
            "YARR.CREATE people name late2 token 00000000000000000000000000000007 ON CONFLICT token UPDATE",
            "YARR.MIGRATE people UP 9 late ADD FIELD late INTEGER DEFAULT 3 INDEX",
            "YARR.UPDATE jobs WHERE state = running SET state done",
            "RENAME words letters",
            "EXPIREAT hollow 9999999999",
        ] {
            client.ok(line);
        }
        copy(&mut client, "people", "persons");
        let tables = ["people", "jobs", "letters", "persons", "hollow"];
        let (before, bytes) = (state(&mut client, &tables), dumps(&mut client, &tables));
        server.kill();
        let mut client = server.connect();
        assert_eq!(state(&mut client, &tables), before);
        assert!(
            dumps(&mut client, &tables) == bytes,
            "the same records, but other bytes"
        );
        assert_eq!(client.count("EXISTS words"), 0);
        if able(EXPIRETIME) {
            assert_eq!(client.count("EXPIRETIME hollow"), 9999999999);
        } else {
            let left = client.count("TTL hollow");
            let now = client.ok("TIME").items()[0].number();
            // The time to live is rounded to the second.
            assert!((9999999998..=9999999999).contains(&(left + now)), "{left}");
        }
    }
}

#[test]
fn a_command_is_in_the_append_only_file_whole_or_not_at_all() {
    needs!(WHOLE_TRANSACTIONS);
    let mut server = Options::new()
        .appendonly(false)
        .set("appendfsync", "always")
        .start();
    let mut client = server.connect();
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    client.ok(&format!(
        "YARR.CREATE t FIELDS 1 n VALUES {}",
        "1 ".repeat(3000)
    ));
    let path = append_only_file(server.folder.path());
    let before = std::fs::read(&path).expect("the file").len();
    let text = "x".repeat(2000);
    assert_eq!(
        client.count(&format!("YARR.UPDATE t WHERE n = 1 SET n 2 s {text}")),
        3000
    );
    let whole = std::fs::read(&path).expect("the file");
    let len = whole.len() - before;
    for cut in [len, len - 1, len - 20, len / 2, len / 3, 2000, 100, 1, 0] {
        // The running server never reads the file: the kill leaves it as it is written here.
        std::fs::write(&path, &whole[..before + cut]).expect("a cut");
        server.kill();
        let changed = server.connect().count("YARR.WHERE t n = 2 COUNT");
        assert_eq!(
            changed,
            if cut == len { 3000 } else { 0 },
            "cut after {cut} of {len} bytes"
        );
    }
}

#[test]
fn a_removal_by_an_id_travels_as_it_was_asked_where_nothing_else_decides() {
    let mut server = Options::new()
        .appendonly(false)
        .set("appendfsync", "always")
        .start();
    let mut client = server.connect();
    fill(&mut client);
    let told = |server: &Server| {
        let file = std::fs::read(append_only_file(server.folder.path())).expect("the file");
        let mut commands = commands(&file).into_iter().rev();
        let ours = commands.find(|words| words[0].to_ascii_uppercase().starts_with(b"YARR."));
        ours.expect("a command")
    };
    assert_eq!(client.count("YARR.DEL words \"\""), 1);
    assert_eq!(told(&server), [&b"YARR.DEL"[..], b"words", b""]);
    for line in [
        // A condition, and records: others are told what became of them.
        "YARR.DEL labels 1 IF n < 5",
        "YARR.DEL labels 2 RETURN *",
        "YARR.DEL labels IDS 1 3",
        // Records of these tables expire.
        "YARR.DEL jobs 00000000-0000-0000-0000-000000000001",
        "YARR.DEL people 1",
        // A removal has a number in the change feed.
        "YARR.DEL parcels old",
    ] {
        client.ok(line);
        assert_eq!(told(&server)[0], b"YARR.APPLY", "{line}");
    }
    assert_eq!(client.run("YARR.DEL words nobody"), Reply::Null);
    assert_eq!(told(&server)[1], b"parcels", "nothing was removed");
    let (before, bytes) = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    server.kill();
    let mut client = server.connect();
    assert_eq!(state(&mut client, &TABLES), before);
    assert!(dumps(&mut client, &TABLES) == bytes, "other bytes");
}

#[test]
fn writes_of_many_records_come_back_whole() {
    let mut server = Options::new()
        .appendonly(false)
        .set("appendfsync", "always")
        .start();
    let replica = Options::new().replica_of(&server).start();
    let (mut client, mut other) = (server.connect(), replica.connect());
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING ADD FIELD b BOOLEAN BITMAP");
    let values = "5 some-text-that-takes-its-place-in-a-record true ".repeat(20_000);
    client.ok(&format!("YARR.CREATE t FIELDS 3 n s b VALUES {values}"));
    assert_eq!(
        client.count("YARR.UPDATE t WHERE n = 5 LIMIT 10000 INCR n 1 SET s changed b false"),
        10_000
    );
    assert_eq!(client.count("YARR.DEL t WHERE b = false LIMIT 9000"), 9_000);
    assert_eq!(
        client.count("YARR.UPDATE t WHERE n = 5 LIMIT 10000 EX 100000"),
        10_000
    );
    client.ok("YARR.MIGRATE t UP 2 index ADD INDEX s n ADD INDEX updated_at");
    eventually("the migration ends", || {
        client.count("YARR.SCHEMA t VERSION") == 2
    });
    let dump = client.ok("DUMP t");
    eventually("the replica has it all", || other.run("DUMP t") == dump);
    server.kill();
    let mut client = server.connect();
    assert!(client.ok("DUMP t") == dump, "the same bytes come back");
    assert_eq!(client.count("YARR.WHERE t n = 5 COUNT"), 10_000);
    assert_eq!(
        client.count("YARR.WHERE t s = changed AND n = 6 COUNT"),
        1_000
    );
}

#[test]
fn a_table_moves_to_another_server_whole() {
    let (from, to) = (Server::start(), Server::start());
    let mut client = from.connect();
    fill(&mut client);
    let before = state(&mut client, &TABLES);
    for table in TABLES {
        assert_eq!(
            client
                .ok(&format!("MIGRATE 127.0.0.1 {} {table} 0 60000", to.port))
                .print(),
            "OK"
        );
        assert_eq!(client.count(&format!("EXISTS {table}")), 0);
    }
    assert_eq!(state(&mut to.connect(), &TABLES), before);
}

#[test]
fn an_append_only_file_cut_in_its_last_command_loads_without_it() {
    needs!(WHOLE_TRANSACTIONS);
    let mut server = Options::new()
        .appendonly(true)
        .set("appendfsync", "always")
        .start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    for n in 0..10 {
        client.ok(&format!("YARR.CREATE t n {n}"));
    }
    let path = append_only_file(server.folder.path());
    let whole = std::fs::read(&path).expect("the file");
    // The file is cut while the server runs and never reads it: the kill leaves it so.
    std::fs::write(&path, &whole[..whole.len() - 5]).expect("a cut");
    server.kill();
    let mut client = server.connect();
    assert_eq!(
        client.list("YARR.WHERE t n >= 0 ORDER BY n PLUCK n").len(),
        9
    );
    assert_eq!(client.ok("YARR.CREATE t n 100").text(), "10");
}

#[test]
fn a_cursor_survives_a_restart() {
    let mut server = Server::start();
    let mut client = server.connect();
    fill(&mut client);
    let query = "YARR.WHERE people age >= 0 ORDER BY age DESC LIMIT 20 IDS CURSOR";
    let whole = client.list("YARR.WHERE people age >= 0 ORDER BY age DESC IDS");
    let first = client.ok(&format!("{query} 0"));
    server.restart();
    let mut client = server.connect();
    let second = client.ok(&format!("{query} {}", first.items()[0].text()));
    assert_eq!(
        [first.items()[1].words(), second.items()[1].words()].concat(),
        whole[..40]
    );
}

#[test]
fn an_id_is_not_given_twice_though_its_record_is_gone() {
    let mut server = Options::new().start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2 3");
    client.ok("YARR.DEL t WHERE *");
    server.restart();
    assert_eq!(server.connect().ok("YARR.CREATE t").text(), "4");
}

#[test]
fn a_copy_a_rename_a_move_and_a_restored_dump_are_the_table() {
    let mut client = fresh();
    fill(&mut client);
    for table in TABLES {
        let before = state(&mut client, &[table]);
        let named = |client: &mut Client, name: &str| {
            state(client, &[name])
                .replace(&format!(" {name} "), &format!(" {table} "))
                .replace(&format!(" {name}\n"), &format!(" {table}\n"))
        };
        copy(&mut client, table, "copy");
        assert_eq!(named(&mut client, "copy"), before);
        client.ok("RENAME copy renamed");
        assert_eq!(named(&mut client, "renamed"), before);
        let payload = client.ok("DUMP renamed");
        let restored = client.send(&[b"RESTORE".as_slice(), b"restored", b"0", payload.bytes()]);
        assert_eq!(restored.print(), "OK");
        assert_eq!(named(&mut client, "restored"), before);
        assert_eq!(client.ok("DUMP restored"), payload);
        client.ok("UNLINK restored");
        client.ok("DEL renamed");
        assert_eq!(state(&mut client, &[table]), before);
    }
    let before = state(&mut client, &["people"]);
    copy(&mut client, "people", "copy");
    client.ok("YARR.DEL copy WHERE *");
    client.ok("YARR.MIGRATE copy DOWN 3");
    assert_eq!(
        state(&mut client, &["people"]),
        before,
        "a copy is a table of its own"
    );
}

#[test]
fn a_table_moves_to_another_database_whole() {
    let mut client = fresh();
    fill(&mut client);
    let before = state(&mut client, &["people"]);
    client.ok("MOVE people 4095");
    assert_eq!(client.count("EXISTS people"), 0);
    client.ok("SELECT 4095");
    assert_eq!(state(&mut client, &["people"]), before);
    client.ok("FLUSHDB ASYNC");
    assert_eq!(client.run("YARR.FIND people 1").code(), "NOTABLE");
}

/// The indexes of so many records are finished by several threads.
#[test]
fn a_large_table_comes_back_with_every_index() {
    const RECORDS: u64 = 70_000;
    let mut server = Server::start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE large UP 1 make TIMESTAMPS OFF ADD FIELD n INTEGER INDEX ADD FIELD text STRING INDEX ADD FIELD share FLOAT BITMAP ADD INDEX text n");
    for first in (1..=RECORDS).step_by(1000) {
        let mut words = [
            "YARR.CREATE",
            "large",
            "FIELDS",
            "3",
            "n",
            "text",
            "share",
            "VALUES",
        ]
        .map(String::from)
        .to_vec();
        for i in first..first + 1000 {
            let scattered = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            words.extend([
                (scattered % 5000).to_string(),
                format!("{scattered:016x} of them"),
                (i % 8).to_string(),
            ]);
        }
        assert!(!client.send(&words).is_error());
    }
    let ask = |client: &mut Client| {
        [
            "YARR.WHERE large n BETWEEN 100 AND 120 ORDER BY n IDS",
            "YARR.WHERE large text STARTS WITH ab ORDER BY text DESC IDS",
            "YARR.WHERE large text GE f AND n LT 50 IDS",
            "YARR.AGGREGATE large * GROUP BY share COUNT ORDER BY share",
        ]
        .map(|line| client.ok(line).print())
    };
    let before = ask(&mut client);
    let bytes = dumps(&mut client, &["large"]);
    drop(client);
    server.restart();
    let mut client = server.connect();
    assert_eq!(ask(&mut client), before);
    assert!(dumps(&mut client, &["large"]) == bytes);
    for line in [
        "YARR.DEL large WHERE n LT 100",
        "YARR.DEL large WHERE text STARTS WITH c",
        "YARR.DEL large WHERE share = 3",
    ] {
        assert!(client.count(line) > 100, "{line}");
    }
    assert_eq!(client.count("YARR.WHERE large share = 3 COUNT"), 0);
}
