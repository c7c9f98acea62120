//! Tables in a cluster: who serves them, how they move, and a failover under writes.

mod nodes;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::able::{COPY, PARTED_SLOTS, TIMERS, able, needs};
use crate::{reply::Reply, server::eventually};
use nodes::{Cluster, Guest};

/// A table of the first node (slot 5061), one beside it, and one of the last (slot 12182).
const NEAR: &str = "{bar}:t";
const BESIDE: &str = "{bar}:u";
const FAR: &str = "{foo}:t";

const MAKE: &str = "UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING TIMESTAMPS OFF";

/// Set when it goes, whatever the reason.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The slot of a key.
fn slot(cluster: &Cluster, key: &str) -> i64 {
    cluster.client(0).count(&format!("CLUSTER KEYSLOT {key}"))
}

/// The place of the node that owns a key.
fn owner(cluster: &Cluster, key: &str) -> usize {
    let place = (0..cluster.nodes.len()).find(|place| {
        let mut client = cluster.client(*place);
        client.run(&format!("YARR.INFO {key}")).code() != "MOVED"
    });
    place.expect("an owner")
}

#[test]
fn a_client_is_sent_to_the_node_of_a_table() {
    let cluster = Cluster::start(3, 0);
    let near = owner(&cluster, NEAR);
    let mut away = cluster.client((near + 1) % 3);
    let moved = format!(
        "MOVED {} 127.0.0.1:{}",
        slot(&cluster, NEAR),
        cluster.nodes[near].port
    );
    for line in [
        "YARR.MIGRATE {} UP 1 make ADD FIELD n INTEGER",
        "YARR.CREATE {} n 1",
        "YARR.FIND {} 1",
        "YARR.WHERE {} *",
        "YARR.AGGREGATE {} * COUNT",
        "YARR.UPDATE {} 1 SET n 1",
        "YARR.DEL {} 1",
        "YARR.SCHEMA {}",
        "YARR.EXPLAIN {} WHERE *",
        "YARR.INFO {}",
        "YARR.APPLY {} x",
    ] {
        let line = line.replace("{}", NEAR);
        assert_eq!(away.fail(&line), moved, "{line}");
    }
}

#[test]
fn tables_of_one_tag_are_served_together_and_others_not() {
    needs!(WRITING_SCRIPTS);
    let cluster = Cluster::start(3, 0);
    let mut guest = cluster.guest();
    for table in [NEAR, BESIDE, FAR] {
        guest.ok(&format!("YARR.MIGRATE {table} {MAKE}"));
        guest.ok(&format!("YARR.CREATE {table} n 1"));
    }
    let both = "return redis.call('YARR.CREATE', KEYS[1], 'n', 2) + redis.call('YARR.CREATE', KEYS[2], 'n', 2)";
    assert_eq!(
        guest.run(&format!("EVAL \"{both}\" 2 {NEAR} {BESIDE}")),
        Reply::Integer(4)
    );
    assert_eq!(
        guest.run(&format!("EVAL \"{both}\" 2 {NEAR} {FAR}")).code(),
        "CROSSSLOT"
    );
    let near = owner(&cluster, NEAR);
    let mut client = cluster.client(near);
    client.ok("MULTI");
    client.ok(&format!("YARR.UPDATE {NEAR} 1 SET n 5"));
    assert_eq!(
        client.run(&format!("YARR.UPDATE {FAR} 1 SET n 5")).code(),
        "MOVED"
    );
    assert_eq!(client.run("EXEC").code(), "EXECABORT");
    client.ok("MULTI");
    client.ok(&format!("YARR.UPDATE {NEAR} 1 SET n 5"));
    client.ok("YARR.UPDATE {bar}:u 1 SET n 5");
    assert_eq!(client.ok("EXEC").words(), ["1", "1"]);
    assert_eq!(
        client.run(&format!("RENAME {NEAR} {FAR}")).code(),
        "CROSSSLOT"
    );
    if able(COPY) {
        assert_eq!(
            client.run(&format!("COPY {NEAR} {FAR}")).code(),
            "CROSSSLOT"
        );
    }
    let near = slot(&cluster, NEAR);
    assert_eq!(client.count(&format!("CLUSTER COUNTKEYSINSLOT {near}")), 2);
    let mut keys = client.list(&format!("CLUSTER GETKEYSINSLOT {near} 10"));
    keys.sort();
    assert_eq!(keys, [NEAR, BESIDE]);
}

#[test]
fn a_slot_that_moves_is_served_on_both_sides() {
    let cluster = Cluster::start(3, 0);
    let (from, to) = (owner(&cluster, NEAR), (owner(&cluster, NEAR) + 1) % 3);
    let slot = slot(&cluster, NEAR);
    let (mut source, mut target) = (cluster.client(from), cluster.client(to));
    source.ok(&format!("YARR.MIGRATE {NEAR} {MAKE}"));
    source.ok(&format!("YARR.CREATE {NEAR} n 1"));
    target.ok(&format!(
        "CLUSTER SETSLOT {slot} IMPORTING {}",
        cluster.id(from)
    ));
    source.ok(&format!(
        "CLUSTER SETSLOT {slot} MIGRATING {}",
        cluster.id(to)
    ));
    // What is still here is served here, what is not may be there.
    source.ok(&format!("YARR.UPDATE {NEAR} 1 SET n 2"));
    let port = cluster.nodes[to].port;
    for line in ["YARR.FIND {bar}:u 1", "YARR.MIGRATE {bar}:u DOWN 1"] {
        assert_eq!(source.fail(line), format!("ASK {slot} 127.0.0.1:{port}"));
    }
    let both = format!("EVAL \"return redis.call('YARR.FIND', KEYS[1], 1)\" 2 {NEAR} {BESIDE}");
    let parted = if able(PARTED_SLOTS) {
        "TRYAGAIN"
    } else {
        "ASK"
    };
    assert_eq!(source.run(&both).code(), parted);
    assert_eq!(target.run("YARR.FIND {bar}:u 1").code(), "MOVED");
    target.ok("ASKING");
    target.ok(&format!("YARR.MIGRATE {BESIDE} {MAKE}"));
    target.ok("ASKING");
    assert_eq!(target.run(&both).code(), "TRYAGAIN");
    source.ok(&format!("MIGRATE 127.0.0.1 {port} {NEAR} 0 60000"));
    assert_eq!(source.run(&format!("YARR.FIND {NEAR} 1")).code(), "ASK");
    target.ok("ASKING");
    assert_eq!(
        target.ok(&format!("YARR.FIND {NEAR} 1 RETURN n")).words(),
        ["n", "2"]
    );
    target.ok("ASKING");
    assert_eq!(target.ok(&both).words(), ["id", "1", "n", "2"]);
    for node in [to, from] {
        cluster
            .client(node)
            .ok(&format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(to)));
    }
    assert_eq!(
        target.ok(&format!("YARR.FIND {NEAR} 1 RETURN n")).words(),
        ["n", "2"]
    );
    assert_eq!(source.run(&format!("YARR.FIND {NEAR} 1")).code(), "MOVED");
}

/// Creates records, some of which soon expire, until told to stop; answers the ids of the others.
fn write_until(mut guest: Guest, stop: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    for turn in 1.. {
        if stop.load(Relaxed) {
            break;
        }
        guest.ok(&format!(
            "YARR.CREATE {NEAR} PX 20 FIELDS 1 n VALUES 7 7 7 7"
        ));
        ids.push(guest.ok(&format!("YARR.CREATE {NEAR} n 1 s x")).text());
        if turn % 5 == 0 {
            let id = ids.pop().expect("an id");
            assert_eq!(
                guest.run(&format!("YARR.DEL {NEAR} {id}")),
                Reply::Integer(1)
            );
        }
        guest.ok(&format!("YARR.UPDATE {NEAR} WHERE n = 1 LIMIT 3 SET s y"));
    }
    ids
}

/// Checks that exactly the records that were answered are there, and the others go.
#[track_caller]
fn holds(guest: &mut Guest, mut ids: Vec<String>) {
    let timers = able(TIMERS);
    eventually("what expired is removed", || {
        if !timers {
            guest.ok(&format!("YARR.UPDATE {NEAR} WHERE n = 1 LIMIT 1 SET s y"));
        }
        let info = guest.ok(&format!("YARR.INFO {NEAR}"));
        info.get("expiring").map(Reply::number) == Some(0)
    });
    let found = guest
        .ok(&format!("YARR.WHERE {NEAR} n = 1 ORDER BY id IDS"))
        .words();
    ids.sort_by_key(|id| id.parse::<i64>().unwrap_or_default());
    assert!(
        found == ids,
        "{} records were answered, {} are there",
        ids.len(),
        found.len()
    );
    assert_eq!(
        guest.ok(&format!("YARR.WHERE {NEAR} * COUNT")),
        Reply::Integer(ids.len() as i64)
    );
}

#[test]
fn a_table_moves_between_nodes_while_it_is_written_and_its_records_expire() {
    let cluster = Cluster::start(3, 0);
    let slot = slot(&cluster, NEAR);
    let mut guest = cluster.guest();
    guest.ok(&format!("YARR.MIGRATE {NEAR} {MAKE}"));
    let stop = AtomicBool::new(false);
    let ids = std::thread::scope(|scope| {
        let ends = Stop(&stop);
        let writers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| write_until(cluster.guest(), &stop)))
            .collect();
        let first = owner(&cluster, NEAR);
        for turn in 0..6 {
            let (from, to) = ((first + turn) % 3, (first + turn + 1) % 3);
            let (mut source, mut target) = (cluster.client(from), cluster.client(to));
            let count =
                |guest: &mut Guest| guest.ok(&format!("YARR.WHERE {NEAR} n = 1 COUNT")).number();
            let before = count(&mut guest);
            eventually("more is written", || count(&mut guest) > before + 20);
            target.ok(&format!(
                "CLUSTER SETSLOT {slot} IMPORTING {}",
                cluster.id(from)
            ));
            source.ok(&format!(
                "CLUSTER SETSLOT {slot} MIGRATING {}",
                cluster.id(to)
            ));
            source.ok(&format!(
                "MIGRATE 127.0.0.1 {} {NEAR} 0 60000",
                cluster.nodes[to].port
            ));
            for node in [to, from, (to + 1) % 3] {
                cluster
                    .client(node)
                    .ok(&format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(to)));
            }
            cluster.wait_until_agreed();
        }
        drop(ends);
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("a writer"))
            .collect::<Vec<_>>()
    });
    holds(&mut guest, ids);
}

#[test]
fn a_failover_under_writes_loses_nothing_and_ends_no_server() {
    let mut cluster = Cluster::start(3, 1);
    let mut guest = cluster.guest();
    guest.ok(&format!("YARR.MIGRATE {NEAR} {MAKE}"));
    let stop = AtomicBool::new(false);
    let ids = std::thread::scope(|scope| {
        let ends = Stop(&stop);
        let writers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| write_until(cluster.guest(), &stop)))
            .collect();
        // The first node and its replica change places and back. A node that was elected is not
        // asked again: for a while it would count the votes of its last election once more.
        for replica in [3, 0] {
            let mut client = cluster.client(replica);
            let info = |client: &mut crate::cli::Client| client.ok("INFO replication").text();
            eventually("the replica follows", || {
                info(&mut client).contains("master_link_status:up")
            });
            let count =
                |guest: &mut Guest| guest.ok(&format!("YARR.WHERE {NEAR} n = 1 COUNT")).number();
            let before = count(&mut guest);
            eventually("more is written", || count(&mut guest) > before + 20);
            client.ok("CLUSTER FAILOVER");
            eventually("the replica takes over", || {
                info(&mut client).contains("role:master")
            });
            cluster.wait_until_agreed();
        }
        drop(ends);
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("a writer"))
            .collect::<Vec<_>>()
    });
    for node in &mut cluster.nodes {
        assert!(node.is_alive(), "{}", node.log());
    }
    holds(&mut guest, ids);
    let mut replica = cluster.client(3);
    replica.ok("READONLY");
    let mut primary = cluster.client(0);
    eventually("both have the same bytes", || {
        replica.run(&format!("DUMP {NEAR}")) == primary.run(&format!("DUMP {NEAR}"))
    });
}

#[test]
fn a_replica_answers_reads_to_whom_it_was_said() {
    let cluster = Cluster::start(3, 1);
    let mut guest = cluster.guest();
    guest.ok(&format!("YARR.MIGRATE {NEAR} {MAKE}"));
    guest.ok(&format!("YARR.CREATE {NEAR} n 1"));
    let mut replica = cluster.client(3);
    let find = format!("YARR.FIND {NEAR} 1 RETURN n");
    assert_eq!(replica.run(&find).code(), "MOVED");
    replica.ok("READONLY");
    eventually("the replica follows", || !replica.run(&find).is_error());
    assert_eq!(replica.ok(&find).words(), ["n", "1"]);
    for line in [
        format!("YARR.WHERE {NEAR} n = 1"),
        format!("YARR.INFO {NEAR}"),
        format!("YARR.SCHEMA {NEAR}"),
        format!("YARR.EXPLAIN {NEAR} DEL WHERE n = 1"),
    ] {
        replica.ok(&line);
    }
    for line in [
        format!("YARR.CREATE {NEAR} n 1"),
        format!("YARR.UPDATE {NEAR} 1 SET n 2"),
        format!("YARR.DEL {NEAR} 1"),
        format!("YARR.MIGRATE {NEAR} DOWN 1"),
        format!("YARR.FIND {FAR} 1"),
    ] {
        assert_eq!(replica.run(&line).code(), "MOVED", "{line}");
    }
    replica.ok("READWRITE");
    assert_eq!(replica.run(&find).code(), "MOVED");
}
