//! Sentinels that make a replica the primary when a primary is killed amid writes.

use crate::{
    able::{QUICK_SENTINEL, able},
    cli::Client,
    load::{Load, agree, keeps, options, rounds},
    replication::replicate,
    reply::Reply,
    server::{Server, eventually},
};

/// After so many milliseconds a silent server counts as down: none does on a busy machine.
const CALM: u32 = 600_000;
/// The same while a server is down indeed.
const ALERT: u32 = 600;

/// So many sentinels, which know of one another and of both replicas of the primary.
fn watch(primary: &Server, sentinels: usize, replicas: i64) -> Vec<Server> {
    let configuration = format!(
        "sentinel monitor shop 127.0.0.1 {} {}\nsentinel down-after-milliseconds shop {CALM}\n\
         sentinel failover-timeout shop 5000\nsentinel parallel-syncs shop 2\n",
        primary.port,
        sentinels / 2 + 1
    );
    let all: Vec<Server> = (0..sentinels)
        .map(|_| Server::start_sentinel(&configuration))
        .collect();
    if able(QUICK_SENTINEL) {
        for sentinel in &all {
            sentinel
                .connect()
                .ok("SENTINEL DEBUG INFO-PERIOD 1000 PUBLISH-PERIOD 100 ASK-PERIOD 100");
        }
    }
    for sentinel in &all {
        let mut client = sentinel.connect();
        eventually("the sentinels know of all", || {
            knows(&mut client, "num-slaves") == replicas
                && knows(&mut client, "num-other-sentinels") == sentinels as i64 - 1
        });
    }
    all
}

/// A number that a sentinel keeps of the primary.
fn knows(sentinel: &mut Client, what: &str) -> i64 {
    let about = sentinel.ok("SENTINEL MASTER shop");
    about.get(what).expect(what).number()
}

/// The port of the primary, as a sentinel says.
fn told(sentinel: &Server) -> u16 {
    let address = sentinel
        .connect()
        .list("SENTINEL GET-MASTER-ADDR-BY-NAME shop");
    address[1].parse().expect("a port")
}

/// Whether a replica is joined to the primary on that port. Sentinels cut the connections of clients when they change
/// a server's part: then it is not known yet.
fn follows(server: &Server, port: u16) -> bool {
    let info = Client::connect(server.port)
        .and_then(|mut client| client.try_send(&["INFO", "replication"]));
    let text = info.map(|reply| reply.text()).unwrap_or_default();
    text.contains(&format!("master_port:{port}\r\n")) && text.contains("master_link_status:up")
}

/// Whether what a primary writes reaches so many replicas. One that calls its link up may wait a second more for that,
/// and would know nothing of it if it were chosen.
fn feeds(primary: &Server, replicas: i64) -> bool {
    let acknowledged = Client::connect(primary.port).and_then(|mut client| {
        client.try_send(&["SET", "probe", "1"])?;
        client.try_send(&["WAIT", &replicas.to_string(), "100"])
    });
    matches!(acknowledged, Ok(Reply::Integer(count)) if count >= replicas)
}

/// Has the sentinels see that the primary is down, and waits until all of them tell of another.
#[track_caller]
fn replace(sentinels: &[Server], old: u16, load: &Load) {
    let mut clients: Vec<Client> = sentinels.iter().map(Server::connect).collect();
    let mut patience = CALM;
    load.until("the sentinels tell of another primary", || {
        let done = sentinels.iter().all(|sentinel| told(sentinel) != old);
        let begun = clients.iter_mut().any(|client| {
            let about = client.ok("SENTINEL MASTER shop");
            let flags = about.get("flags").map(Reply::text).unwrap_or_default();
            flags.contains("failover_in_progress")
        });
        let wanted = if done || begun { CALM } else { ALERT };
        if wanted != patience {
            patience = wanted;
            for client in &mut clients {
                client.ok(&format!(
                    "SENTINEL SET shop down-after-milliseconds {patience}"
                ));
            }
        }
        done
    });
}

/// Kills the primary amid writes; the sentinels choose another, and the old one comes back behind it.
fn outlives_its_primary(sentinels: usize) {
    // The old primary comes back with tables that the new one knows nothing of.
    let options = options().appendonly(true);
    let primary = options.clone().start();
    let replica = || options.clone().replica_of(&primary).start();
    let mut servers = vec![replica(), replica()];
    servers.insert(0, primary);
    eventually("the replicas follow", || feeds(&servers[0], 2));
    let sentinels = watch(&servers[0], sentinels, 2);
    let load = Load::start(&servers[0], 2);
    for _ in 0..rounds() {
        let old = servers[0].port;
        load.more(1000);
        servers[0].stop();
        replace(&sentinels, old, &load);
        let port = told(&sentinels[0]);
        let place = servers.iter().position(|server| server.port == port);
        servers.swap(0, place.expect("one of the replicas"));
        load.turn_to(&servers[0]);
        load.more(500);
        let old = servers.iter_mut().find(|server| server.port == old);
        let old = old.expect("the old primary");
        old.start_again();
        // A sentinel makes it a replica, but an unhurried one takes ten seconds over it.
        if !able(QUICK_SENTINEL) {
            replicate(&mut old.connect(), &format!("127.0.0.1 {port}"));
        }
        load.until("all follow the new primary", || {
            servers[1..].iter().all(|server| follows(server, port)) && feeds(&servers[0], 2)
        });
    }
    load.more(300);
    let last = servers[0].port;
    let entries = load.rest();
    let mut copies: Vec<Client> = servers.iter().map(Server::connect).collect();
    agree(&mut copies);
    keeps(&mut copies[0], &entries, |entry| {
        // Only a server that became the primary once has kept all that it answered.
        entry.copied || (rounds() == 1 && entry.port == last)
    });
    if rounds() == 1 {
        keeps(&mut copies[0], &entries, |entry| {
            entry.copied || entry.port == last
        });
    }
}

#[test]
fn one_sentinel_has_a_replica_take_over() {
    outlives_its_primary(1);
}

#[test]
fn three_sentinels_agree_on_a_replica_that_takes_over() {
    outlives_its_primary(3);
}
