//! A server at its `maxmemory`: writes are refused whole, or a table is evicted whole.

use crate::{
    able::{FORGED_PAYLOADS, WRITING_SCRIPTS, able},
    cli::Client,
    payload::resealed,
    sample::{TABLES, dumps, fill, state},
    server::{Options, Server, eventually},
};

fn used_memory(client: &mut Client) -> i64 {
    let info = client.ok("INFO memory").text();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn at_the_limit_each_write_is_refused_whole_and_the_rest_goes_on() {
    let server = Options::new().start();
    let mut client = server.connect();
    fill(&mut client);
    let (before, bytes) = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    let small = used_memory(&mut client) / 2;
    client.ok(&format!("CONFIG SET maxmemory {small}"));
    for line in [
        "YARR.CREATE people name x",
        "YARR.CREATE people FIELDS 1 name VALUES x y z",
        "YARR.CREATE people name x id 1 ON CONFLICT id UPDATE",
        "YARR.UPDATE people 1 SET age 5",
        "YARR.UPDATE people WHERE age > 0 INCR age 1",
        "YARR.MIGRATE people UP 50 more ADD FIELD z INTEGER",
        "YARR.MIGRATE people UP 50 more ADD INDEX score age",
        "YARR.MIGRATE other UP 1 make ADD FIELD z INTEGER",
        "EVAL \"return redis.call('YARR.UPDATE', KEYS[1], '1', 'SET', 'age', '5')\" 1 people",
    ] {
        if line.starts_with("EVAL") && !able(WRITING_SCRIPTS) {
            continue;
        }
        let reply = client.run(line);
        assert!(reply.is_error(), "{line}\n{}", reply.print());
        assert!(reply.print().contains("OOM"), "{line}\n{}", reply.print());
    }
    client.ok("MULTI");
    assert_eq!(client.run("YARR.CREATE people name x").code(), "OOM");
    assert_eq!(client.run("EXEC").code(), "EXECABORT");
    assert_eq!(state(&mut client, &TABLES), before);
    assert!(dumps(&mut client, &TABLES) == bytes);
    assert_eq!(client.ok("YARR.DEL people 1").number(), 1);
    client.ok("CONFIG SET maxmemory 0");
    client.ok("YARR.CREATE people name x");
}

#[test]
fn a_policy_that_evicts_takes_a_table_whole_and_no_more_than_it_needs() {
    // A server that frees what it evicts in the background (Valkey, unless told) evicts more while it waits.
    let server = Options::new()
        .set("maxmemory-policy", "allkeys-random")
        .set("lazyfree-lazy-eviction", "no")
        .start();
    let mut client = server.connect();
    let text = "t".repeat(500);
    let values = vec![text.as_str(); 4000].join(" ");
    let tables = ["a", "b", "c", "d"];
    for table in tables {
        client.ok(&format!(
            "YARR.MIGRATE {table} UP 1 make ADD FIELD s STRING TIMESTAMPS OFF"
        ));
        client.ok(&format!("YARR.CREATE {table} FIELDS 1 s VALUES {values}"));
    }
    // Each table has two megabytes: to get below the limit takes one of them.
    let full = used_memory(&mut client);
    client.ok(&format!("CONFIG SET maxmemory {}", full - 1_000_000));
    eventually("the memory is given back", || {
        client.run("SET k v");
        used_memory(&mut client) < full - 1_000_000
    });
    client.ok("CONFIG SET maxmemory 0");
    let left: Vec<&str> = tables
        .into_iter()
        .filter(|table| client.count(&format!("EXISTS {table}")) == 1)
        .collect();
    assert!(left.len() == 3, "tables that are left: {left:?}");
    for table in tables {
        let expected = if left.contains(&table) { 4000 } else { 0 };
        let reply = client.run(&format!("YARR.WHERE {table} * COUNT"));
        match expected {
            0 => assert_eq!(reply.code(), "NOTABLE"),
            _ => assert_eq!(reply.number(), expected),
        }
    }
}

/// Makes a table of two megabytes.
fn large(client: &mut Client, table: &str) {
    let values = vec!["t".repeat(500); 4000].join(" ");
    client.ok(&format!(
        "YARR.MIGRATE {table} UP 1 make ADD FIELD s STRING TIMESTAMPS OFF"
    ));
    client.ok(&format!("YARR.CREATE {table} FIELDS 1 s VALUES {values}"));
}

#[test]
fn a_volatile_policy_takes_tables_with_an_expiry_and_then_refuses() {
    for policy in [
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ] {
        let server = Options::new()
            .set("maxmemory-policy", policy)
            .set("lazyfree-lazy-eviction", "no")
            .start();
        let mut client = server.connect();
        for table in ["kept", "lent"] {
            large(&mut client, table);
        }
        client.ok("EXPIRE lent 100000");
        let full = used_memory(&mut client);
        client.ok(&format!("CONFIG SET maxmemory {}", full - 1_000_000));
        eventually("the table with an expiry goes", || {
            client.run("SET k v");
            client.count("EXISTS lent") == 0
        });
        client.ok(&format!("CONFIG SET maxmemory {}", full / 4));
        for line in ["YARR.CREATE kept s x", "YARR.UPDATE kept 1 SET s x"] {
            let reply = client.run(line);
            assert_eq!(reply.code(), "OOM", "{policy}: {line}");
        }
        assert_eq!(client.count("YARR.WHERE kept * COUNT"), 4000, "{policy}");
        assert_eq!(client.count("YARR.DEL kept 1"), 1, "{policy}");
    }
}

#[test]
fn a_request_of_unreasonable_size_is_refused_and_takes_no_memory() {
    let server = Options::new().set("maxmemory-policy", "noeviction").start();
    let mut client = server.connect();
    fill(&mut client);
    let (before, bytes) = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    let used = used_memory(&mut client);
    client.ok(&format!("CONFIG SET maxmemory {}", used + 16_000_000));
    for count in [
        "50000000",
        "4294967297",
        "9223372036854775807",
        "18446744073709551615",
    ] {
        for line in [
            format!("YARR.FIND people IDS {count} 1 2"),
            format!("YARR.DEL people IDS {count} 1 2"),
            format!("YARR.UPDATE people IDS {count} 1 2 SET age 1"),
            format!("YARR.WHERE people id IN {count} 1 2"),
            format!("YARR.DEL people WHERE id IN {count} 1 2"),
            format!("YARR.CREATE people FIELDS {count} name age VALUES x 1"),
        ] {
            let reply = client.run(&line);
            assert!(reply.is_error(), "{line}\n{}", reply.print());
            assert!(!reply.print().contains('\n'), "{line}\n{}", reply.print());
        }
    }
    let most = i64::MAX;
    for line in [
        format!("YARR.WHERE people * OFFSET {most} LIMIT {most} IDS"),
        format!("YARR.WHERE people * ORDER BY age OFFSET {most} LIMIT {most} IDS"),
    ] {
        let reply = client.run(&line);
        assert!(
            reply.is_error() || reply.items().is_empty(),
            "{line}\n{}",
            reply.print()
        );
    }
    // The words of a command count as memory in use, so one that is too long for the limit is over it.
    let huge = "h".repeat(32_000_000);
    let reply = client.send(&["YARR.CREATE", "people", "name", &huge]);
    assert_eq!(reply.code(), "OOM");
    if able(FORGED_PAYLOADS) {
        let payload = client.ok("DUMP people").bytes().to_vec();
        for claimed in [1_u64 << 31, 1 << 40, 1 << 62] {
            // Behind the type and the module's own mark: a string of a length in eight bytes, and few bytes of it.
            let mut body = payload[..10].to_vec();
            body.extend_from_slice(&[5, 0x81]);
            body.extend_from_slice(&claimed.to_be_bytes());
            body.extend_from_slice(b"YARR");
            let forged = resealed(&body, &payload);
            let reply = client.send(&[b"RESTORE".as_slice(), b"forged", b"0", &forged]);
            assert!(reply.is_error(), "{claimed}\n{}", reply.print());
        }
        assert_eq!(client.count("EXISTS forged"), 0);
    }
    drop(client);
    let mut client = server.connect();
    eventually("the memory of the requests is given back", || {
        used_memory(&mut client) < used + 2_000_000
    });
    assert_eq!(state(&mut client, &TABLES), before);
    assert!(dumps(&mut client, &TABLES) == bytes);
}

#[test]
fn a_replica_over_its_limit_follows_all_the_same() {
    let primary = Server::start();
    let replica = Options::new()
        .set("maxmemory-policy", "noeviction")
        .set("maxmemory", "1")
        .replica_of(&primary)
        .start();
    let (mut client, mut reader) = (primary.connect(), replica.connect());
    fill(&mut client);
    client.ok("YARR.UPDATE people WHERE age > 0 SET score 2");
    client.ok("YARR.DEL people 1");
    let expected = dumps(&mut client, &TABLES);
    eventually("the replica has it all", || {
        dumps(&mut reader, &TABLES) == expected
    });
    assert_eq!(state(&mut reader, &TABLES), state(&mut client, &TABLES));
}
