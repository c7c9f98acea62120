//! Another server becomes the primary while writers go on.

use crate::{
    able::needs,
    load::{Load, agree, keeps, options, rounds, settle},
    replication::{link, pair, replicate},
    server::Server,
};

/// The server has become a primary, and its records expire by themselves.
fn reigns(server: &Server, load: &Load) {
    let mut client = server.connect();
    load.until("a new primary", || link(&mut client, "role") == "master");
}

#[test]
fn a_replica_promoted_amid_writes_goes_on_and_the_old_primary_follows_it() {
    let (mut old, mut new) = pair(options());
    let load = Load::start(&old, 1);
    let mut survivors = vec![old.port];
    for _ in 0..rounds() {
        load.more(1000);
        load.until("the replica is in step", || {
            let mut client = new.connect();
            // The table that the load makes last.
            link(&mut client, "master_link_status") == "up" && client.count("EXISTS right") == 1
        });
        load.until_copied(&old);
        // The writers go on upon the old one until they hear of the new one.
        replicate(&mut new.connect(), "NO ONE");
        load.more(50);
        load.turn_to(&new);
        load.more(100);
        replicate(&mut old.connect(), &format!("127.0.0.1 {}", new.port));
        reigns(&new, &load);
        load.until("the old primary follows", || {
            link(&mut old.connect(), "master_link_status") == "up"
        });
        survivors.push(new.port);
        std::mem::swap(&mut old, &mut new);
    }
    load.more(500);
    let entries = load.rest();
    // By now `old` names the one that was promoted last.
    let mut copies = [old.connect(), new.connect()];
    settle(&mut copies[0]);
    agree(&mut copies);
    // Where there was one change alone, a server's port tells when it answered.
    match survivors[..] {
        [_, last] => keeps(&mut copies[0], &entries, |entry| entry.port == last),
        _ => keeps(&mut copies[0], &entries, |entry| entry.copied),
    }
    keeps(&mut copies[0], &entries, |entry| entry.copied);
}

#[test]
fn a_failover_loses_nothing_and_runs_into_no_expired_record() {
    needs!(FAILOVER);
    let (mut old, mut new) = pair(options());
    let load = Load::start(&old, 1);
    for _ in 0..2 * rounds() {
        load.until("the replica is in step", || {
            link(&mut new.connect(), "master_link_status") == "up"
        });
        load.more(500);
        old.connect().ok("FAILOVER");
        reigns(&new, &load);
        load.turn_to(&new);
        load.until("the old primary follows", || {
            link(&mut old.connect(), "role") == "slave"
                && link(&mut old.connect(), "master_failover_state") == "no-failover"
        });
        std::mem::swap(&mut old, &mut new);
    }
    load.more(500);
    let entries = load.rest();
    let mut copies = [old.connect(), new.connect()];
    agree(&mut copies);
    keeps(&mut copies[0], &entries, |_| true);
}
