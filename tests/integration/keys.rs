//! A table as a key: what the commands for keys of any kind do to it.

use crate::{
    able::{EXPIRE_CONDITIONS, MEMORY_USAGE, SCAN_TYPE, able, debuggable, expires_at, needs},
    cli::Client,
    reply::Reply,
    sample::{TABLES, fill, state},
    server::{Options, Server, eventually, fresh},
    transcript::transcript,
};

/// A table `t` with two records, the first of which has `n` 1.
pub fn table(client: &mut Client) {
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2");
}

#[test]
fn a_table_takes_another_name_and_the_place_of_what_had_it() {
    let mut client = fresh();
    table(&mut client);
    transcript(
        &mut client,
        r#"
        > SET string v
        OK
        > RENAMENX t string
        (integer) 0
        > RENAMENX t t2
        (integer) 1
        > YARR.CREATE t n 3
        (error) NOTABLE ...
        > YARR.CREATE t2 n 3
        "3"
        > RENAME t2 string
        OK
        > YARR.WHERE string n >= 1 IDS
        1) "1"
        2) "2"
        3) "3"
        > RENAME string string
        OK
        > SET other v
        OK
        > RENAME other string
        OK
        > YARR.FIND string 1
        (error) WRONGTYPE ...
        > DBSIZE
        (integer) 1
        "#,
    );
}

#[test]
fn a_copy_does_not_take_a_place_unless_told_to() {
    needs!(COPY);
    let mut client = fresh();
    table(&mut client);
    transcript(
        &mut client,
        r#"
        > PEXPIREAT t 9999999999999
        (integer) 1
        > SET u v
        OK
        > COPY t u
        (integer) 0
        > COPY t u REPLACE
        (integer) 1
        "#,
    );
    expires_at(&mut client, "u", 9_999_999_999_999);
    transcript(
        &mut client,
        r#"
        > YARR.UPDATE u 1 SET n 7
        (integer) 1
        > YARR.DEL t 2
        (integer) 1
        > YARR.WHERE u * ORDER BY id PLUCK n
        1) "7"
        2) "2"
        > YARR.WHERE t * PLUCK n
        1) "1"
        > COPY u t REPLACE
        (integer) 1
        > YARR.WHERE t n = 7 IDS
        1) "1"
        > COPY t t
        (error) ERR ...
        "#,
    );
}

#[test]
fn databases_hold_tables_of_one_name_apart() {
    needs!(COPY);
    let server = Server::start();
    let mut client = server.connect();
    table(&mut client);
    transcript(
        &mut client,
        r#"
        > COPY t t DB 1
        (integer) 1
        > MOVE t 1
        (integer) 0
        > YARR.DEL t 1
        (integer) 1
        > PEXPIREAT t 9999999999999
        (integer) 1
        > MOVE t 2
        (integer) 1
        > YARR.FIND t 1
        (error) NOTABLE ...
        > SELECT 2
        OK
        "#,
    );
    expires_at(&mut client, "t", 9_999_999_999_999);
    transcript(
        &mut client,
        r#"
        > YARR.WHERE t n > 0 IDS
        1) "2"
        > SWAPDB 1 2
        OK
        > YARR.WHERE t n > 0 IDS
        1) "1"
        2) "2"
        > PTTL t
        (integer) -1
        "#,
    );
}

#[test]
fn swapped_databases_go_on_being_reclaimed() {
    needs!(TIMERS);
    let server = Server::start();
    let mut client = server.connect();
    for db in 0..3 {
        client.ok(&format!("SELECT {db}"));
        table(&mut client);
        client.ok(&format!(
            "YARR.CREATE t PX 200 FIELDS 1 n VALUES {}",
            "5 ".repeat(2000)
        ));
    }
    let full = client.ok("MEMORY USAGE t SAMPLES 0").number();
    for swap in ["SWAPDB 0 1", "SWAPDB 1 7", "SWAPDB 2 9"] {
        client.ok(swap);
    }
    for db in [0, 7, 9] {
        client.ok(&format!("SELECT {db}"));
        eventually(&format!("database {db} is reclaimed"), || {
            client.ok("MEMORY USAGE t SAMPLES 0").number() < full / 2
        });
        assert_eq!(client.list("YARR.WHERE t n < 5 IDS"), ["1", "2"]);
    }
}

#[test]
fn a_key_keeps_its_expiry_through_every_write() {
    let mut client = fresh();
    table(&mut client);
    client.ok("PEXPIREAT t 9999999999999");
    for line in [
        "YARR.CREATE t n 3",
        "YARR.CREATE t n 4 EX 100",
        "YARR.UPDATE t 1 SET n 5",
        "YARR.UPDATE t 1 PERSIST",
        "YARR.UPDATE t 1 EXAT 1",
        "YARR.DEL t 2",
        "YARR.MIGRATE t UP 2 ttl SET TTL 50 PASSIVE",
        "YARR.CREATE t n 6",
        "RENAME t t",
    ] {
        client.ok(line);
        expires_at(&mut client, "t", 9_999_999_999_999);
    }
    transcript(
        &mut client,
        r#"
        > PERSIST t
        (integer) 1
        > TTL t
        (integer) -1
        "#,
    );
    if able(EXPIRE_CONDITIONS) {
        transcript(
            &mut client,
            r#"
            > EXPIRE t 100 NX
            (integer) 1
            > EXPIRE t 200 NX
            (integer) 0
            > EXPIRE t 50 LT
            (integer) 1
            "#,
        );
    }
    transcript(
        &mut client,
        r#"
        > EXPIREAT t 1
        (integer) 1
        > YARR.FIND t 1
        (error) NOTABLE ...
        "#,
    );
}

#[test]
fn the_key_and_its_records_expire_each_in_their_time() {
    let mut client = fresh();
    table(&mut client);
    client.ok("YARR.CREATE t n 3 PX 100");
    client.ok("YARR.CREATE t n 4 EX 1000");
    client.ok("PEXPIRE t 400");
    eventually("the record expires", || {
        client.count("YARR.WHERE t * COUNT") == 3
    });
    assert!(client.count("PTTL t") > 0, "the key goes with the record");
    eventually("the key expires", || client.ok("TYPE t").print() == "none");
    transcript(
        &mut client,
        r#"
        > YARR.FIND t 4
        (error) NOTABLE ...
        > YARR.MIGRATE t UP 1 make ADD FIELD s STRING TIMESTAMPS OFF
        OK
        > TTL t
        (integer) -1
        > YARR.CREATE t s x
        "1"
        > YARR.SCHEMA t VERSION
        (integer) 1
        "#,
    );
}

#[test]
fn a_key_that_expires_takes_its_table_wherever_its_records_are_due() {
    let server = Server::start();
    let mut client = server.connect();
    for turn in 0..30 {
        table(&mut client);
        client.ok(&format!(
            "YARR.CREATE t PX 5 FIELDS 1 n VALUES {}",
            "3 ".repeat(500)
        ));
        client.ok(&format!("PEXPIRE t {}", 2 + turn % 8));
        eventually("the key expires", || client.count("EXISTS t") == 0);
    }
    table(&mut client);
    assert_eq!(client.count("YARR.WHERE t n >= 1 COUNT"), 2);
}

#[test]
fn the_server_tells_of_a_table_what_it_tells_of_every_key() {
    let mut client = fresh();
    table(&mut client);
    transcript(
        &mut client,
        r#"
        > RANDOMKEY
        "t"
        > KEYS *
        1) "t"
        > TOUCH t none
        (integer) 1
        > EXISTS t t
        (integer) 2
        > TYPE t
        yarrtable
        > OBJECT ENCODING t
        "raw"
        > OBJECT REFCOUNT t
        (integer) 1
        "#,
    );
    if able(SCAN_TYPE) {
        transcript(
            &mut client,
            r#"
            > SET string v
            OK
            > SCAN 0 TYPE yarrtable COUNT 1000
            1) "0"
            2) 1) "t"
            > SCAN 0 TYPE YARRTABLE MATCH t* COUNT 1000
            1) "0"
            2) ...
            > SCAN 0 TYPE string COUNT 1000
            1) "0"
            2) 1) "string"
            "#,
        );
    }
    if !able(MEMORY_USAGE) {
        return;
    }
    assert_eq!(client.ok("MEMORY USAGE none"), Reply::Null);
    assert!(client.ok("MEMORY USAGE t").number() > 200);
    assert_eq!(
        client.ok("MEMORY USAGE t SAMPLES 1"),
        client.ok("MEMORY USAGE t SAMPLES 0"),
        "it is counted, not sampled"
    );
}

#[test]
fn every_command_on_a_table_makes_it_young() {
    needs!(RESTORE_OPTIONS);
    let mut client = fresh();
    table(&mut client);
    let payload = client.ok("DUMP t");
    for line in [
        "YARR.FIND t 1",
        "YARR.WHERE t n = 1",
        "YARR.AGGREGATE t * COUNT",
        "YARR.CREATE t n 3",
        "YARR.UPDATE t 1 SET n 3",
        "YARR.DEL t 1",
        "YARR.INFO t",
        "YARR.SCHEMA t",
        "YARR.EXPLAIN t WHERE n = 1",
        "YARR.MIGRATE t UP 2 more ADD FIELD more INTEGER",
    ] {
        let words: [&[u8]; 7] = [
            b"RESTORE",
            b"t",
            b"0",
            payload.bytes(),
            b"REPLACE",
            b"IDLETIME",
            b"5000",
        ];
        client.send(&words);
        let idle = client.count("OBJECT IDLETIME t");
        assert!(idle >= 5000, "{idle}");
        client.ok(line);
        let idle = client.count("OBJECT IDLETIME t");
        assert!(idle < 5000, "{idle} after {line}");
    }
}

#[test]
fn a_table_that_is_used_often_is_known_to_be() {
    let server = Options::new()
        .set("maxmemory-policy", "volatile-lfu")
        .set("lfu-log-factor", "0")
        .start();
    let mut client = server.connect();
    table(&mut client);
    let before = client.count("OBJECT FREQ t");
    for _ in 0..10 {
        client.ok("YARR.FIND t 1");
    }
    assert_eq!(client.count("OBJECT FREQ t"), before + 10);
}

#[test]
fn a_table_is_the_same_after_it_is_loaded_in_place() {
    needs!(DIGEST);
    for (options, has_aof) in [
        (Options::new(), false),
        (Options::new().appendonly(true), true),
        (Options::new().appendonly(false), true),
    ] {
        let server = debuggable(options).start();
        let mut client = server.connect();
        fill(&mut client);
        client.ok("EXPIREAT words 9999999999");
        let before = state(&mut client, &TABLES);
        let digest = client.ok("DEBUG DIGEST");
        client.ok("DEBUG RELOAD");
        assert_eq!(client.ok("DEBUG DIGEST"), digest);
        assert_eq!(state(&mut client, &TABLES), before);
        if has_aof {
            client.ok("DEBUG LOADAOF");
            assert_eq!(client.ok("DEBUG DIGEST"), digest);
            assert_eq!(state(&mut client, &TABLES), before);
        }
    }
}

#[test]
fn a_digest_tells_tables_apart_and_copies_not() {
    needs!(COPY);
    let server = debuggable(Options::new()).start();
    let mut client = server.connect();
    table(&mut client);
    client.ok("COPY t copy");
    let same = client.list("DEBUG DIGEST-VALUE t copy");
    assert_eq!(same[0], same[1]);
    assert!(same[0].chars().any(|digit| digit != '0'), "{}", same[0]);
    for line in [
        "YARR.UPDATE copy 1 SET n 9",
        "YARR.DEL copy 2",
        "YARR.MIGRATE copy UP 2 more ADD FIELD more INTEGER",
    ] {
        let before = client.list("DEBUG DIGEST-VALUE t copy");
        client.ok(line);
        let after = client.list("DEBUG DIGEST-VALUE t copy");
        assert_eq!(before[0], after[0], "{line}");
        assert_ne!(before[1], after[1], "{line}");
    }
    let object = client.ok("DEBUG OBJECT t").text();
    assert!(object.contains("serializedlength:"), "{object}");
}

#[test]
fn a_reload_in_place_goes_on_reclaiming() {
    needs!(TIMERS);
    let server = debuggable(Options::new()).start();
    let mut client = server.connect();
    table(&mut client);
    client.ok("SELECT 3");
    table(&mut client);
    client.ok(&format!(
        "YARR.CREATE t PX 100 FIELDS 1 n VALUES {}",
        "5 ".repeat(2000)
    ));
    let full = client.ok("MEMORY USAGE t SAMPLES 0").number();
    client.ok("DEBUG RELOAD");
    eventually("the memory is given back", || {
        client.ok("MEMORY USAGE t SAMPLES 0").number() < full / 2
    });
    assert_eq!(client.list("YARR.WHERE t n < 5 IDS"), ["1", "2"]);
}

#[test]
fn a_table_goes_with_its_key_whoever_frees_it() {
    needs!(SYNC_FLUSHES);
    for (lazy, line) in [
        ("no", "DEL t"),
        ("yes", "DEL t"),
        ("no", "UNLINK t"),
        ("no", "FLUSHDB SYNC"),
        ("no", "FLUSHALL ASYNC"),
        ("yes", "SET t v"),
        ("yes", "PEXPIRE t 1"),
    ] {
        let server = Options::new()
            .set("lazyfree-lazy-user-del", lazy)
            .set("lazyfree-lazy-server-del", lazy)
            .set("lazyfree-lazy-expire", lazy)
            // The fewer there are, the sooner the server finds keys that expired.
            .set("databases", "16")
            .start();
        let mut client = server.connect();
        table(&mut client);
        client.ok(&format!(
            "YARR.CREATE t FIELDS 1 n VALUES {}",
            "5 ".repeat(50_000)
        ));
        let memory = |client: &mut Client| {
            let info = client.ok("INFO memory").text();
            let used = info.lines().find_map(|l| l.strip_prefix("used_memory:"));
            used.and_then(|used| used.parse::<i64>().ok())
                .expect("used_memory")
        };
        let table = client.ok("MEMORY USAGE t SAMPLES 0").number();
        let full = memory(&mut client);
        client.ok(line);
        eventually(&format!("{line} gives the memory back"), || {
            memory(&mut client) < full - table * 9 / 10
        });
    }
}
