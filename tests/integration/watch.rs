//! WATCH: what gives a transaction up, and what does not.

use std::{thread::sleep, time::Duration};

use crate::{
    able::needs,
    cli::Client,
    reply::Reply,
    server::{Server, eventually},
};

/// A server with a table `t`, a client that watches and one that writes.
fn watched() -> (Server, Client, Client) {
    let server = Server::start();
    let (client, mut other) = (server.connect(), server.connect());
    other.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD k INTEGER UNIQUE TIMESTAMPS OFF");
    other.ok("YARR.CREATE t FIELDS 2 n k VALUES 1 1 2 2 3 3");
    (server, client, other)
}

/// Whether a transaction of the client, which watches by now, is given up.
#[track_caller]
fn given_up(client: &mut Client) -> bool {
    client.ok("MULTI");
    client.ok("YARR.WHERE t * COUNT");
    client.ok("EXEC") == Reply::Null
}

#[test]
fn what_another_client_does_to_the_key_gives_a_transaction_up() {
    needs!(COPY);
    let (_server, mut client, mut other) = watched();
    for line in [
        "RENAME t u",
        "RENAME u t",
        "COPY t u",
        "COPY u t REPLACE",
        "EXPIRE t 1000",
        "PERSIST t",
        "MOVE t 1",
        "COPY u t",
        "SWAPDB 0 1",
        "SWAPDB 0 1",
        "FLUSHDB",
    ] {
        client.ok("WATCH t");
        other.ok(line);
        assert_eq!(given_up(&mut client), line != "COPY t u", "{line}");
    }
}

#[test]
fn what_a_script_or_a_transaction_changes_gives_another_up() {
    needs!(QUIET_CLOSE);
    let (_server, mut client, mut other) = watched();
    for (line, expected) in [
        (
            r#"EVAL "return redis.call('YARR.UPDATE', KEYS[1], 1, 'INCR', 'n', 1)" 1 t"#,
            true,
        ),
        (
            r#"EVAL "return redis.call('YARR.FIND', KEYS[1], 1)" 1 t"#,
            false,
        ),
        (
            r#"EVAL "return redis.pcall('YARR.CREATE', KEYS[1], 'n', 'x')" 1 t"#,
            false,
        ),
        (
            r#"EVAL "return redis.call('YARR.DEL', KEYS[1], 99)" 1 t"#,
            false,
        ),
    ] {
        client.ok("WATCH t");
        other.run(line);
        assert_eq!(given_up(&mut client), expected, "{line}");
    }
    client.ok("WATCH t");
    for line in ["MULTI", "YARR.FIND t 1", "YARR.DEL t 1", "EXEC"] {
        other.ok(line);
    }
    assert!(given_up(&mut client));
    client.ok("WATCH t");
    for line in ["MULTI", "YARR.FIND t 2", "YARR.DEL t 1", "EXEC"] {
        other.ok(line);
    }
    assert!(!given_up(&mut client));
}

#[test]
fn what_the_watcher_itself_wrote_before_counts_too() {
    let (_server, mut client, _other) = watched();
    client.ok("WATCH t");
    client.ok("YARR.FIND t 1");
    assert!(!given_up(&mut client));
    client.ok("WATCH t");
    client.ok("YARR.UPDATE t 1 SET n 9");
    assert!(given_up(&mut client));
    client.ok("WATCH t");
    client.ok("YARR.UPDATE t 1 SET n 8");
    client.ok("UNWATCH");
    assert!(!given_up(&mut client));
}

#[test]
fn writes_within_the_transaction_do_not_give_it_up() {
    let (_server, mut client, _other) = watched();
    client.ok("WATCH t");
    client.ok("MULTI");
    client.ok("YARR.UPDATE t 1 INCR n 1");
    client.ok("YARR.UPDATE t 1 INCR n 1 RETURN n");
    let done = client.ok("EXEC");
    assert_eq!(done.items()[1].words(), ["n", "3"]);
}

#[test]
fn a_record_that_goes_in_the_background_gives_a_transaction_up() {
    needs!(TIMERS);
    let (_server, mut client, mut other) = watched();
    other.ok("YARR.CREATE t n 4 PX 60");
    client.ok("WATCH t");
    eventually("the record is reclaimed", || {
        other.ok("YARR.INFO t").get("expiring").map(Reply::number) == Some(0)
    });
    assert!(given_up(&mut client));
    // When nothing is left that expires, nothing happens behind a watcher's back.
    client.ok("WATCH t");
    sleep(Duration::from_millis(250));
    assert!(!given_up(&mut client));
}

#[test]
fn many_clients_that_watch_lose_no_update() {
    const CLIENTS: usize = 8;
    const EACH: usize = 40;
    let (server, _client, mut other) = watched();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let mut client = server.connect();
            scope.spawn(move || {
                let mut done = 0;
                while done < EACH {
                    client.ok("WATCH t");
                    let n = client
                        .ok("YARR.FIND t 1 RETURN n")
                        .get("n")
                        .map(Reply::number);
                    client.ok("MULTI");
                    client.ok(&format!("YARR.UPDATE t 1 SET n {}", n.expect("n") + 1));
                    done += usize::from(client.ok("EXEC") != Reply::Null);
                }
            });
        }
    });
    let n = other
        .ok("YARR.FIND t 1 RETURN n")
        .get("n")
        .map(Reply::number);
    assert_eq!(n, Some(1 + (CLIENTS * EACH) as i64));
}
