//! A table as one key among others: what the server and its other commands know of it.

use crate::{
    able::{ARITY, COMMAND_DOCS, READ_PATTERNS, SCAN_TYPE, SET_GET, able, copy, needs},
    cli::Client,
    reply::Reply,
    server::{Options, Server, eventually, fresh},
    transcript::transcript,
};

/// The commands, and whether they write.
const COMMANDS: [(&str, bool); 10] = [
    ("yarr.create", true),
    ("yarr.find", false),
    ("yarr.where", false),
    ("yarr.aggregate", false),
    ("yarr.update", true),
    ("yarr.del", true),
    ("yarr.migrate", true),
    ("yarr.schema", false),
    ("yarr.explain", false),
    ("yarr.info", false),
];

fn table(client: &mut Client) {
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    client.ok("YARR.CREATE t n 1 s a");
}

#[test]
fn the_server_knows_the_commands_their_flags_and_their_key() {
    let mut client = fresh();
    for (name, writes) in COMMANDS.into_iter().chain([("yarr.apply", true)]) {
        let info = client.ok(&format!("COMMAND INFO {name}"));
        let info = info.items()[0].items();
        assert_eq!(info[0].text(), name);
        assert!(
            info[1].number() < 0 || name == "yarr.info" || name == "yarr.apply" || !able(ARITY),
            "{name}: arity {}",
            info[1].text()
        );
        let flags = info[2].words();
        let has = |flag: &str| flags.iter().any(|f| f == flag);
        assert_eq!(has("write"), writes, "{name}: {flags:?}");
        assert_eq!(has("readonly"), !writes, "{name}: {flags:?}");
        assert!(has("module") || !able(COMMAND_DOCS), "{name}: {flags:?}");
        assert_eq!(
            [info[3].number(), info[4].number(), info[5].number()],
            [1, 1, 1],
            "{name}: its key is its first argument"
        );
        match name {
            "yarr.create" | "yarr.update" => assert!(has("denyoom"), "{name}: {flags:?}"),
            "yarr.del" => assert!(!has("denyoom"), "{name}: {flags:?}"),
            _ => {}
        }
    }
    if !able(COMMAND_DOCS) {
        return;
    }
    let list = client.list("COMMAND LIST FILTERBY MODULE yarr");
    for (name, _) in COMMANDS {
        assert!(list.iter().any(|n| n == name), "{name} is not in {list:?}");
    }
}

#[test]
fn the_server_finds_the_key_of_a_command() {
    let mut client = fresh();
    for line in [
        "YARR.FIND people 1",
        "YARR.WHERE people n = 1",
        "YARR.AGGREGATE people * COUNT",
        "YARR.CREATE people n 1",
        "YARR.UPDATE people 1 SET n 1",
        "YARR.DEL people 1",
        "YARR.INFO people",
        "YARR.SCHEMA people",
        "YARR.MIGRATE people DOWN 1",
        "YARR.EXPLAIN people WHERE *",
    ] {
        assert_eq!(
            client.list(&format!("COMMAND GETKEYS {line}")),
            ["people"],
            "{line}"
        );
    }
}

#[test]
fn every_command_is_documented() {
    needs!(COMMAND_DOCS);
    let mut client = fresh();
    for (name, _) in COMMANDS {
        let docs = client.ok(&format!("COMMAND DOCS {name}"));
        let entry = docs
            .get(name)
            .unwrap_or_else(|| panic!("no docs of {name}"));
        for part in ["summary", "complexity"] {
            let text = entry.get(part).map(Reply::text).unwrap_or_default();
            assert!(text.len() > 3, "{name} has no {part}");
        }
    }
}

#[test]
fn a_table_is_a_key_of_its_own_type() {
    let mut client = fresh();
    table(&mut client);
    if able(SCAN_TYPE) {
        let scanned = client.ok("SCAN 0 TYPE yarrtable");
        assert_eq!(scanned.print(), "1) \"0\"\n2) 1) \"t\"");
    }
    if able(SET_GET) {
        assert_eq!(client.run("SET t v XX GET").code(), "WRONGTYPE");
    }
    transcript(
        &mut client,
        r#"
        > TYPE t
        yarrtable
        > EXISTS t
        (integer) 1
        > OBJECT REFCOUNT t
        (integer) 1
        > OBJECT ENCODING t
        ...
        > TTL t
        (integer) -1
        > GET t
        (error) WRONGTYPE ...
        > YARR.FIND t 1 RETURN s
        1) "s"
        2) "a"
        > SET t v
        OK
        > YARR.FIND t 1
        (error) WRONGTYPE ...
        > DEL t
        (integer) 1
        > YARR.FIND t 1
        (error) NOTABLE ...
        "#,
    );
    assert!(!client.run("OBJECT ENCODING t").is_error());
}

#[test]
fn memory_usage_grows_with_the_records() {
    needs!(MEMORY_USAGE);
    let mut client = fresh();
    table(&mut client);
    let small = client.ok("MEMORY USAGE t").number();
    assert!(small > 100, "{small}");
    client.ok(&format!(
        "YARR.CREATE t FIELDS 2 n s VALUES {}",
        "7 0123456789 ".repeat(10_000)
    ));
    let large = client.ok("MEMORY USAGE t").number();
    assert!(
        (200_000..5_000_000).contains(&large),
        "10,000 records of 20 bytes: {large}"
    );
    client.ok("YARR.DEL t WHERE * LIMIT 10000");
    assert!(client.ok("MEMORY USAGE t").number() < large / 2);
}

#[test]
fn a_user_reaches_the_tables_of_its_patterns_only() {
    needs!(USERS);
    let server = Server::start();
    let mut admin = server.connect();
    table(&mut admin);
    admin.ok("RENAME t app:t");
    copy(&mut admin, "app:t", "other:t");
    admin.ok("ACL SETUSER ann on >secret resetkeys ~app:* +@all");
    let mut ann = server.connect();
    ann.ok("AUTH ann secret");
    transcript(
        &mut ann,
        r#"
        > YARR.FIND app:t 1 RETURN n
        1) "n"
        2) "1"
        > YARR.CREATE app:t n 2
        "2"
        > YARR.FIND other:t 1
        (error) NOPERM ...
        > YARR.CREATE other:t n 2
        (error) NOPERM ...
        > YARR.MIGRATE new:t UP 1 make ADD FIELD a INTEGER
        (error) NOPERM ...
        "#,
    );
    admin.ok("ACL SETUSER carl on >secret ~* -@all +yarr.find");
    let mut carl = server.connect();
    carl.ok("AUTH carl secret");
    assert!(!carl.run("YARR.FIND app:t 1").is_error());
    assert_eq!(carl.run("YARR.WHERE app:t *").code(), "NOPERM");
    if !able(READ_PATTERNS) {
        return;
    }
    admin.ok("ACL SETUSER bob on >secret resetkeys %R~app:* +@all");
    let mut bob = server.connect();
    bob.ok("AUTH bob secret");
    transcript(
        &mut bob,
        r#"
        > YARR.WHERE app:t n = 1 COUNT
        (integer) 1
        > YARR.INFO app:t
        ...
        > YARR.CREATE app:t n 2
        (error) NOPERM ...
        > YARR.UPDATE app:t 1 SET n 2
        (error) NOPERM ...
        > YARR.DEL app:t 1
        (error) NOPERM ...
        > YARR.MIGRATE app:t DOWN 1
        (error) NOPERM ...
        > YARR.FIND other:t 1
        (error) NOPERM ...
        "#,
    );
    assert!(!bob.run("YARR.INFO app:t").is_error());
}

#[test]
fn a_user_may_be_given_the_commands_by_their_categories() {
    needs!(CATEGORIES);
    let server = Server::start();
    let mut admin = server.connect();
    table(&mut admin);
    let (read, write) = ("YARR.FIND t 1", "YARR.UPDATE t 1 TOUCH");
    let (migrate, apply) = ("YARR.MIGRATE t UP 1 other", "YARR.APPLY t x");
    for (rule, may, may_not) in [
        ("-@all +@read", vec![read], vec![write, migrate, apply]),
        ("-@all +@write", vec![write, migrate, apply], vec![read]),
        ("-@all +@write -@admin", vec![write], vec![migrate, apply]),
        ("+@all -@dangerous", vec![read, write], vec![migrate, apply]),
    ] {
        admin.ok(&format!("ACL SETUSER ann reset on >secret ~* {rule}"));
        let mut ann = server.connect();
        ann.ok("AUTH ann secret");
        for line in may {
            assert_ne!(ann.run(line).code(), "NOPERM", "{rule}: {line}");
        }
        for line in may_not {
            assert_eq!(ann.run(line).code(), "NOPERM", "{rule}: {line}");
        }
    }
}

#[test]
fn client_side_caching_is_told_of_each_change_of_a_table() {
    needs!(TRACKING);
    let server = Server::start();
    let mut admin = server.connect();
    table(&mut admin);
    let mut client = server.connect().resp3();
    client.ok("CLIENT TRACKING ON");
    for line in [
        "YARR.CREATE t n 2",
        "YARR.UPDATE t 1 SET n 3",
        "YARR.UPDATE t WHERE n = 3 SET n 1",
        "YARR.DEL t 2",
        "YARR.MIGRATE t UP 2 x ADD FIELD x INTEGER",
        "DEL t",
    ] {
        client.ok("YARR.FIND t 1");
        admin.ok(line);
        let push = client.message().expect("an invalidation");
        assert_eq!(push.words(), ["invalidate", "t"], "{line}");
    }
}

#[test]
fn a_change_of_a_table_is_a_keyspace_event() {
    needs!(KEYSPACE_EVENTS);
    let server = Options::new().set("notify-keyspace-events", "KA").start();
    let mut admin = server.connect();
    let mut listener = server.connect();
    listener.ok("SUBSCRIBE __keyspace@0__:t __keyspace@0__:end");
    listener.message().expect("the second subscription");
    let mut events = |line: &str| {
        admin.run(line);
        admin.ok("SET end 1");
        let mut events = Vec::new();
        loop {
            let event = listener.message().expect("an event").words();
            if event[1].ends_with(":end") {
                return events;
            }
            events.push(event[2].clone());
        }
    };
    for line in [
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX",
        "YARR.CREATE t n 1",
        "YARR.CREATE t FIELDS 1 n VALUES 2 3",
        "YARR.UPDATE t 1 SET n 9",
        "YARR.UPDATE t WHERE n = 9 SET n 1",
        "YARR.DEL t 1",
        "YARR.DEL t WHERE n = 2",
    ] {
        assert!(!events(line).is_empty(), "{line} was no event");
    }
    for line in [
        "YARR.FIND t 3",
        "YARR.WHERE t *",
        "YARR.INFO t",
        "YARR.UPDATE t 5 SET n 1",
        "YARR.DEL t 5",
        "YARR.CREATE t n x",
        "YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX",
    ] {
        assert_eq!(events(line), Vec::<String>::new(), "{line} changed nothing");
    }
}

#[test]
fn databases_are_swapped_and_flushed_with_the_tables_in_them() {
    let server = Server::start();
    let mut client = server.connect();
    table(&mut client);
    transcript(
        &mut client,
        r#"
        > SWAPDB 0 1
        OK
        > YARR.FIND t 1
        (error) NOTABLE ...
        > SELECT 1
        OK
        > YARR.CREATE t n 2
        "2"
        > FLUSHALL ASYNC
        OK
        > YARR.FIND t 1
        (error) NOTABLE ...
        > DBSIZE
        (integer) 0
        "#,
    );
}

#[test]
fn a_node_of_a_cluster_serves_tables_by_their_hash_tag() {
    let server = Options::new()
        .set("cluster-enabled", "yes")
        .set("databases", "1")
        .start();
    let mut client = server.connect();
    let slots: Vec<String> = (0..16384).map(|slot| slot.to_string()).collect();
    client.ok(&format!("CLUSTER ADDSLOTS {}", slots.join(" ")));
    eventually("the cluster is up", || {
        client
            .ok("CLUSTER INFO")
            .text()
            .contains("cluster_state:ok")
    });
    transcript(
        &mut client,
        r#"
        > YARR.MIGRATE {app}:t UP 1 make ADD FIELD n INTEGER INDEX
        OK
        > MULTI
        OK
        > YARR.CREATE {app}:t n 1
        QUEUED
        > SET {app}:other v
        QUEUED
        > EXEC
        1) "1"
        2) OK
        > YARR.WHERE {app}:t n = 1 IDS
        1) "1"
        > RENAME {app}:t {app}:u
        OK
        > YARR.FIND {app}:u 1 RETURN n
        1) "n"
        2) "1"
        "#,
    );
    client.ok(&format!("CLUSTER DELSLOTS {}", slots.join(" ")));
    assert_eq!(client.run("YARR.FIND {app}:u 1").code(), "CLUSTERDOWN");
}

#[test]
fn a_policy_that_evicts_tables_is_warned_of() {
    needs!(EVICTION_WARNING);
    let server = Options::new()
        .set("maxmemory-policy", "allkeys-lru")
        .start();
    assert!(server.log().contains("noeviction"), "{}", server.log());
    let quiet = Server::start();
    assert!(!quiet.log().contains("noeviction"), "{}", quiet.log());
}

#[test]
fn the_module_is_listed_by_its_name() {
    let mut client = fresh();
    let modules = client.ok("MODULE LIST");
    assert!(
        modules
            .items()
            .iter()
            .any(|module| module.get("name").is_some_and(|name| name.text() == "yarr")),
        "{}",
        modules.print()
    );
}

#[test]
fn settings_are_shown_and_changed_as_the_servers_own() {
    needs!(SETTINGS);
    let server = Server::start();
    let mut client = server.connect();
    transcript(
        &mut client,
        r#"
        > CONFIG GET yarr.max-*-records
        1) ...
        > CONFIG SET yarr.max-reply-records 7
        OK
        > CONFIG GET yarr.max-reply-records
        1) "yarr.max-reply-records"
        2) "7"
        > CONFIG SET yarr.max-reply-records none
        (error) ...
        "#,
    );
    let defaults = Server::start();
    let mut client = defaults.connect();
    assert_eq!(
        client.list("CONFIG GET yarr.max-reply-records"),
        ["yarr.max-reply-records", "100000"]
    );
    assert_eq!(
        client.list("CONFIG GET yarr.max-write-records"),
        ["yarr.max-write-records", "10000"]
    );
}
