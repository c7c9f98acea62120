//! A primary and its replica: the same records, the same answers, the same bytes.

use std::{thread::sleep, time::Duration};

use crate::{
    able::{REPLICAOF, WRITING_SCRIPTS, able, copy, memory, nudge},
    cli::Client,
    reply::Reply,
    sample::{TABLES, dumps, fill, state},
    server::{Options, Server, eventually},
};

/// A field of INFO replication.
pub fn link(client: &mut Client, field: &str) -> String {
    let info = client.ok("INFO replication").text();
    info.lines()
        .find_map(|line| line.strip_prefix(&format!("{field}:")))
        .unwrap_or_default()
        .to_string()
}

/// Waits until the replica has everything the primary wrote.
#[track_caller]
pub fn sync(primary: &mut Client, replica: &mut Client) {
    eventually("the replica follows", || {
        let offset = link(primary, "master_repl_offset");
        link(replica, "master_link_status") == "up"
            && link(replica, "slave_repl_offset") == offset
            && link(primary, "master_repl_offset") == offset
    });
}

#[track_caller]
fn same(primary: &mut Client, replica: &mut Client, tables: &[&str], after: &str) {
    sync(primary, replica);
    let (first, second) = (state(primary, tables), state(replica, tables));
    assert!(
        first == second,
        "after {after}\nprimary:\n{first}\nreplica:\n{second}"
    );
    // Removals of expired records may be on their way between the two.
    eventually(&format!("the same bytes after {after}"), || {
        dumps(primary, tables) == dumps(replica, tables)
    });
}

/// Follows a primary, or none.
pub fn replicate(client: &mut Client, primary: &str) {
    let command = match able(REPLICAOF) {
        true => "REPLICAOF",
        false => "SLAVEOF",
    };
    client.ok(&format!("{command} {primary}"));
}

/// A primary and its replica.
pub fn pair(options: Options) -> (Server, Server) {
    let primary = options.clone().start();
    let replica = options.replica_of(&primary).start();
    (primary, replica)
}

#[test]
fn a_replica_takes_the_tables_that_are_there_and_follows_every_kind_of_write() {
    let primary = Options::new().start();
    fill(&mut primary.connect());
    let replica = Options::new().replica_of(&primary).start();
    let (mut p, mut r) = (primary.connect(), replica.connect());
    same(&mut p, &mut r, &TABLES, "the full sync");
    for line in [
        "YARR.CREATE people name x",
        "YARR.CREATE people name x token 0000000000000000000000000000000a",
        "YARR.CREATE people name y token 0000000000000000000000000000000a ON CONFLICT token IGNORE",
        "YARR.CREATE people name y token 0000000000000000000000000000000a ON CONFLICT token KEEP RETURN *",
        "YARR.CREATE people name y token 0000000000000000000000000000000a ON CONFLICT token UPDATE",
        "YARR.CREATE people FIELDS 2 name age VALUES p 1 q 2 r 3",
        "YARR.CREATE people name z joined now",
        "YARR.CREATE people name z EX 1000",
        "YARR.CREATE jobs priority 3",
        "YARR.CREATE jobs FIELDS 1 priority VALUES 4 5 6",
        "YARR.CREATE words id w n 77",
        "YARR.UPDATE people 1 SET age 5 joined now-1h",
        "YARR.UPDATE people 1 INCR age 5 UNSET city TOUCH",
        "YARR.UPDATE people 1 TOUCH",
        "YARR.UPDATE people 1 SET age 6 IF age = 10",
        "YARR.UPDATE people 1 SET age 6 IF age = 999",
        "YARR.UPDATE people WHERE age BETWEEN 3 AND 9 INCR age 1 SET score 2.5 RETURN *",
        "YARR.UPDATE people WHERE age > 1 ORDER BY age DESC LIMIT 5 SET status gone",
        "YARR.UPDATE people WHERE joined < now TOUCH",
        "YARR.UPDATE people 1 PX 1000000",
        "YARR.UPDATE people 1 SET age 1 KEEPTTL",
        "YARR.UPDATE people 1 PERSIST",
        "YARR.UPDATE people 2 EXAT 1",
        "YARR.UPDATE jobs WHERE state = ready ORDER BY priority LIMIT 1 SET state running RETURN *",
        "YARR.DEL people 100",
        "YARR.DEL people 100",
        "YARR.DEL people IDS 3 101 102 99999",
        "YARR.DEL people WHERE age = 7 LIMIT 3",
        "YARR.DEL words \"\" IF n = 2",
        "YARR.DEL words w",
        "YARR.DEL words w",
        "YARR.DEL labels 1",
        "YARR.DEL labels 2 RETURN *",
        "EVAL \"return redis.call('YARR.DEL', 'labels', '3')\" 1 labels",
        "YARR.MIGRATE people UP 20 more ADD FIELD more INTEGER DEFAULT 4 INDEX",
        "YARR.MIGRATE people UP 20 more ADD FIELD more INTEGER DEFAULT 4 INDEX",
        "YARR.CREATE people name m more 9",
        "YARR.MIGRATE people UP 21 name RENAME FIELD more TO most",
        "YARR.MIGRATE people UP 22 dup ADD FIELD dup INTEGER DEFAULT 1 UNIQUE",
        "YARR.MIGRATE people DOWN 21",
        "YARR.MIGRATE people DOWN 20 DROP DATA",
        "YARR.MIGRATE people UP 23 less REMOVE INDEX age ADD INDEX age BITMAP SET TTL 5000 PASSIVE",
        "YARR.UPDATE people 1 SET age 77",
        "YARR.MIGRATE hollow UP 8 make ID STRING ADD FIELD b FLOAT",
        "YARR.CREATE hollow id \"\\x00\" b -0",
        "EVAL \"return redis.call('YARR.CREATE', 'people', 'name', 'lua', 'joined', 'now')\" 1 people",
        "COPY jobs people REPLACE",
        "YARR.UPDATE people WHERE state = ready SET priority 0",
        "RENAME people other",
        "RENAME other people",
        "EXPIRE hollow 1000",
        "PERSIST hollow",
    ] {
        let reply = match line {
            "COPY jobs people REPLACE" => {
                copy(&mut p, "jobs", "people");
                Reply::Status("OK".into())
            }
            line if line.starts_with("EVAL") && !able(WRITING_SCRIPTS) => continue,
            line => p.run(line),
        };
        let expected = ["dup ADD FIELD", "SET age 6 IF", "IGNORE"]
            .iter()
            .any(|part| line.contains(part));
        assert!(!reply.is_error() || expected, "{line}\n{}", reply.print());
        same(&mut p, &mut r, &TABLES, line);
    }
    for line in [
        "MULTI",
        "YARR.CREATE jobs priority 1",
        "YARR.UPDATE jobs WHERE priority = 1 SET priority 2",
        "YARR.DEL jobs WHERE priority = 2 LIMIT 1",
        "YARR.CREATE labels n 5",
        "YARR.DEL labels 5",
        "YARR.CREATE labels n 6",
        "EXEC",
    ] {
        p.run(line);
    }
    same(&mut p, &mut r, &TABLES, "a transaction");
    p.ok("UNLINK people");
    same(&mut p, &mut r, &["jobs", "words", "hollow"], "UNLINK");
    eventually("the table goes", || r.count("EXISTS people") == 0);
}

#[test]
fn a_replica_refuses_writes_and_serves_reads() {
    let (primary, replica) = pair(Options::new());
    let (mut p, mut r) = (primary.connect(), replica.connect());
    fill(&mut p);
    sync(&mut p, &mut r);
    for line in [
        "YARR.CREATE people name x",
        "YARR.UPDATE people 1 SET age 1",
        "YARR.DEL people 1",
        "YARR.MIGRATE people UP 9 x ADD FIELD x INTEGER",
    ] {
        assert_eq!(r.run(line).code(), "READONLY", "{line}");
    }
    assert_eq!(r.ok("YARR.FIND people 1"), p.ok("YARR.FIND people 1"));
    assert_eq!(
        r.ok("YARR.EXPLAIN people WHERE age = 1"),
        p.ok("YARR.EXPLAIN people WHERE age = 1")
    );
    let cursor = p
        .ok("YARR.WHERE people * ORDER BY age LIMIT 5 CURSOR 0 IDS")
        .items()[0]
        .text();
    let next = format!("YARR.WHERE people * ORDER BY age LIMIT 5 CURSOR {cursor} IDS");
    assert_eq!(
        r.ok(&next),
        p.ok(&next),
        "a cursor of the primary serves on the replica"
    );
}

#[test]
fn reads_and_commands_that_fail_do_not_replicate() {
    let (primary, replica) = pair(Options::new().appendonly(true));
    let (mut p, mut r) = (primary.connect(), replica.connect());
    fill(&mut p);
    sync(&mut p, &mut r);
    // The primary's own pings move the offset, so commands are counted instead.
    let calls = |client: &mut Client| {
        let stats = client.ok("INFO commandstats").text();
        stats
            .lines()
            .filter(|line| line.starts_with("cmdstat_yarr"))
            .filter(|line| !line.contains("rejected"))
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let before = calls(&mut r);
    for line in [
        "YARR.FIND people 1",
        "YARR.FIND people WHERE age = 1",
        "YARR.WHERE people * COUNT",
        "YARR.AGGREGATE people * GROUP BY age COUNT",
        "YARR.SCHEMA people",
        "YARR.INFO people",
        "YARR.EXPLAIN people WHERE age = 1",
        "YARR.EXPLAIN people DEL WHERE age = 1",
        "YARR.SCHEMA people CHECK UP 50 x ADD FIELD x INTEGER",
        "YARR.CREATE people name x id 1",
        "YARR.CREATE people",
        "YARR.UPDATE people 1 SET nothing 1",
        "YARR.UPDATE people 1 SET age 1 IF age = 12345",
        "YARR.UPDATE people 99999 SET age 1",
        "YARR.UPDATE people WHERE age = 12345 SET age 1",
        "YARR.DEL people 99999",
        "YARR.DEL people WHERE age = 12345",
        "YARR.CREATE people name x token e4eaaaf2-d142-11e1-b3e4-080027620cdd ON CONFLICT token IGNORE",
        "YARR.MIGRATE people UP 1 other ADD FIELD x INTEGER",
        "YARR.MIGRATE people DOWN 1",
    ] {
        p.run(line);
    }
    p.ok("SET done 1");
    eventually("the replica follows", || {
        r.run("GET done").print() == "\"1\""
    });
    assert_eq!(calls(&mut r), before);
}

#[test]
fn expired_records_are_invisible_on_a_replica_and_never_removed_by_it() {
    let (mut primary, replica) = pair(Options::new());
    let (mut p, mut r) = (primary.connect(), replica.connect());
    p.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF");
    p.ok("YARR.CREATE t n 1");
    sync(&mut p, &mut r);
    let values = "2 long-long-long-long-long-long ".repeat(2000);
    p.ok(&format!(
        "YARR.CREATE t PX 3000 FIELDS 2 n s VALUES {values}"
    ));
    sync(&mut p, &mut r);
    let full = memory(&mut r, "t");
    assert_eq!(
        r.count("YARR.WHERE t n = 2 COUNT"),
        2000,
        "the primary went before the records expired"
    );
    // Without a primary, nobody may remove anything.
    drop(p);
    primary.stop();
    eventually("the records expire by the replica's own clock", || {
        r.count("YARR.WHERE t * COUNT") == 1
    });
    sleep(Duration::from_millis(300));
    for (line, expected) in [
        ("YARR.WHERE t n = 2 COUNT", "(integer) 0"),
        ("YARR.WHERE t n >= 1 IDS", "1) \"1\""),
        ("YARR.FIND t 2", "(nil)"),
        ("YARR.FIND t IDS 1 3", "1) (nil)"),
        ("YARR.FIND t WHERE n = 2", "(nil)"),
        ("YARR.WHERE t * ORDER BY n DESC LIMIT 1 IDS", "1) \"1\""),
    ] {
        assert_eq!(r.run(line).print(), expected, "{line}");
    }
    assert!(
        memory(&mut r, "t") > full * 9 / 10,
        "the replica removed records by itself"
    );
    // Promoted, it is the one that reclaims.
    replicate(&mut r, "NO ONE");
    eventually("the memory is given back", || {
        nudge(&mut r, "YARR.UPDATE t 1 TOUCH");
        memory(&mut r, "t") < full / 2
    });
    assert_eq!(
        r.ok("YARR.CREATE t n 5").text(),
        "2002",
        "no id is given twice"
    );
}

#[test]
fn the_primary_replicates_the_removal_of_expired_records() {
    let (primary, replica) = pair(Options::new().appendonly(false));
    let (mut p, mut r) = (primary.connect(), replica.connect());
    p.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    p.ok("YARR.CREATE t n 1");
    p.ok(&format!(
        "YARR.CREATE t PX 30 FIELDS 1 n VALUES {}",
        "2 ".repeat(3000)
    ));
    let full = memory(&mut p, "t");
    sync(&mut p, &mut r);
    eventually("the primary reclaims", || {
        nudge(&mut p, "YARR.UPDATE t 1 TOUCH");
        memory(&mut p, "t") < full / 2
    });
    eventually("the replica is told", || memory(&mut r, "t") < full / 2);
    same(&mut p, &mut r, &["t"], "the removal");
}

#[test]
fn an_expired_record_in_the_way_of_a_write_is_removed_on_both_sides() {
    let (primary, replica) = pair(Options::new());
    let (mut p, mut r) = (primary.connect(), replica.connect());
    p.ok("YARR.MIGRATE t UP 1 make ADD FIELD k INTEGER UNIQUE ADD FIELD n INTEGER TIMESTAMPS OFF");
    for turn in 0..50 {
        p.ok(&format!("YARR.CREATE t id 1 k 5 n {turn} PX 2"));
        sleep(Duration::from_millis(3));
        match turn % 3 {
            0 => p.ok("YARR.CREATE t k 5 PX 1"),
            1 => p.ok("YARR.CREATE t id 1 n 3 ON CONFLICT id KEEP PX 1"),
            _ => p.ok("YARR.CREATE t k 5 n 4 ON CONFLICT k UPDATE PX 1"),
        };
        sleep(Duration::from_millis(3));
    }
    p.ok("YARR.CREATE t k 6 n 6");
    eventually("all that expired is reclaimed", || {
        nudge(&mut p, "YARR.UPDATE t WHERE k = 6 TOUCH");
        p.ok("YARR.INFO t").get("expired").map(|r| r.number()) == Some(0)
    });
    same(&mut p, &mut r, &["t"], "expired records in the way");
}

#[test]
fn a_replica_that_lost_its_link_catches_up() {
    let (primary, replica) = pair(Options::new());
    let (mut p, mut r) = (primary.connect(), replica.connect());
    fill(&mut p);
    sync(&mut p, &mut r);
    p.ok("CLIENT KILL TYPE slave");
    p.ok("YARR.UPDATE people WHERE age < 9 INCR age 1");
    p.ok("YARR.DEL people WHERE age = 3");
    same(&mut p, &mut r, &TABLES, "a lost link");
    replicate(&mut r, "NO ONE");
    r.ok("YARR.CREATE people name astray");
    p.ok("YARR.CREATE people name again");
    replicate(&mut r, &format!("127.0.0.1 {}", primary.port));
    same(&mut p, &mut r, &TABLES, "a full sync anew");
}

#[test]
fn a_promoted_replica_goes_on_where_the_primary_was() {
    let (mut primary, replica) = pair(Options::new());
    let (mut p, mut r) = (primary.connect(), replica.connect());
    fill(&mut p);
    p.ok("YARR.CREATE people id 5000 name x");
    p.ok("YARR.DEL people 5000");
    sync(&mut p, &mut r);
    let before = state(&mut p, &TABLES);
    drop(p);
    primary.stop();
    replicate(&mut r, "NO ONE");
    assert_eq!(state(&mut r, &TABLES), before);
    assert_eq!(r.ok("YARR.CREATE people name y").text(), "5001");
    assert_eq!(
        r.run("YARR.MIGRATE people UP 3 name RENAME FIELD rank TO place ADD INDEX place city")
            .print(),
        "APPLIED"
    );
}

#[test]
fn a_replica_keeps_an_append_only_file_of_the_same_tables() {
    let primary = Options::new().start();
    let mut replica = Options::new()
        .appendonly(false)
        .replica_of(&primary)
        .start();
    let (mut p, mut r) = (primary.connect(), replica.connect());
    fill(&mut p);
    sync(&mut p, &mut r);
    p.ok("YARR.UPDATE people WHERE age < 9 INCR age 1 SET joined now");
    assert_eq!(p.count("YARR.DEL labels 1"), 1);
    same(&mut p, &mut r, &TABLES, "writes");
    replica.restart();
    let mut r = replica.connect();
    same(&mut p, &mut r, &TABLES, "the replica's restart");
}
