//! A server at its `maxmemory`: writes are refused whole, or a table is evicted whole.

use crate::{
    cli::Client,
    sample::{TABLES, dumps, fill, state},
    server::{Options, eventually},
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
        "YARR.MIGRATE other UP 1 make ADD FIELD z INTEGER",
        "EVAL \"return redis.call('YARR.UPDATE', KEYS[1], '1', 'SET', 'age', '5')\" 1 people",
    ] {
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
