//! Time to live: the record's own, the table's, and what an expired record is not.

use std::{thread::sleep, time::Duration};

use crate::{
    able::{COPY, LISTENING, TIMERS, able, copy, memory, needs, nudge},
    cli::Client,
    reply::Reply,
    server::{Options, eventually, fresh},
    transcript::transcript,
};

fn table(operations: &str) -> Client {
    let mut client = fresh();
    client.ok(&format!("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD k INTEGER UNIQUE TIMESTAMPS OFF {operations}"));
    client
}

/// The server's clock in milliseconds.
fn clock(client: &mut Client) -> i64 {
    let time = client.ok("TIME");
    time.items()[0].number() * 1000 + time.items()[1].number() / 1000
}

/// When a record expires, in milliseconds; `None` where it does not.
#[track_caller]
fn expiry(client: &mut Client, id: &str) -> Option<i64> {
    let record = client.ok(&format!("YARR.FIND t {id} RETURN id expires_at"));
    assert_eq!(record.get("id").map(|id| id.text()).as_deref(), Some(id));
    record.get("expires_at").map(|reply| reply.number())
}

/// Runs a command and checks that it set the record's expiry to `ms` from the instant it ran.
#[track_caller]
fn expires_in(client: &mut Client, line: &str, id: &str, ms: i64) {
    let before = clock(client);
    client.ok(line);
    let after = clock(client);
    let expiry = expiry(client, id).unwrap_or_else(|| panic!("{line}: no expiry"));
    assert!(
        (before + ms..=after + ms).contains(&expiry),
        "{line}: {before} + {ms} <= {expiry} <= {after} + {ms}"
    );
}

#[test]
fn a_record_may_have_an_expiry_of_its_own() {
    let mut client = table("");
    expires_in(&mut client, "YARR.CREATE t n 1 EX 100", "1", 100_000);
    expires_in(
        &mut client,
        "YARR.CREATE t PX 100000 FIELDS 1 n VALUES 2",
        "2",
        100_000,
    );
    expires_in(&mut client, "YARR.UPDATE t 1 SET n 1 EX 50", "1", 50_000);
    expires_in(
        &mut client,
        "YARR.UPDATE t WHERE n = 2 PX 50000",
        "2",
        50_000,
    );
    let kept = expiry(&mut client, "1");
    transcript(
        &mut client,
        r#"
        > YARR.UPDATE t 1 SET n 5
        (integer) 1
        > YARR.UPDATE t 1 SET n 5 KEEPTTL
        (integer) 1
        > YARR.CREATE t n 3
        "3"
        > YARR.FIND t 3 RETURN expires_at
        (empty array)
        > YARR.WHERE t id = 3 PLUCK expires_at
        1) (nil)
        > YARR.CREATE t n 4 EXAT 9999999999
        "4"
        > YARR.CREATE t n 5 PXAT 9999999999999
        "5"
        > YARR.WHERE t id >= 4 ORDER BY id PLUCK expires_at
        1) "9999999999000"
        2) "9999999999999"
        > YARR.UPDATE t 4 PERSIST
        (integer) 1
        > YARR.WHERE t id = 4 PLUCK expires_at
        1) (nil)
        > YARR.FIND t 5
        1) "id"
        2) "5"
        3) "n"
        4) "5"
        > YARR.FIND t 5 RETURN id expires_at
        1) "id"
        2) "5"
        3) "expires_at"
        4) "9999999999999"
        "#,
    );
    assert_eq!(expiry(&mut client, "1"), kept);
}

#[test]
fn an_expiry_is_read_only_but_may_stand_in_predicates_and_orders() {
    let mut client = table("");
    client.ok("YARR.CREATE t n 1 PXAT 9999999999999");
    client.ok("YARR.CREATE t n 2 PXAT 9999999999998");
    client.ok("YARR.CREATE t n 3");
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 4 expires_at 9999999999999
        (error) ...expires_at...
        > YARR.UPDATE t 1 SET expires_at 5
        (error) ...expires_at...
        > YARR.UPDATE t 1 UNSET expires_at
        (error) ...expires_at...
        > YARR.WHERE t expires_at IS NULL SCAN IDS
        1) "3"
        > YARR.WHERE t expires_at < 9999999999999 SCAN IDS
        1) "2"
        > YARR.WHERE t expires_at > now SCAN COUNT
        (integer) 2
        > YARR.WHERE t * ORDER BY expires_at IDS
        1) "3"
        2) "2"
        3) "1"
        > YARR.WHERE t * ORDER BY expires_at DESC IDS
        1) "1"
        2) "2"
        3) "3"
        > YARR.UPDATE t 1 SET n 9 IF expires_at IS NULL
        (integer) 0
        "#,
    );
}

#[test]
fn an_expiry_must_lie_in_the_future_or_be_a_past_instant() {
    let mut client = table("");
    for clause in [
        "EX 0",
        "EX -1",
        "PX 0",
        "PX -5",
        "EX 9223372036854775807",
        "PX 9223372036854775807",
        "EXAT 9223372036854775807",
    ] {
        assert_eq!(
            client.run(&format!("YARR.CREATE t n 1 {clause}")).code(),
            "BADVALUE",
            "{clause}"
        );
    }
    for clause in ["EX x", "EX 1.5"] {
        client.fail(&format!("YARR.CREATE t n 1 {clause}"));
    }
    for clause in ["EX", "EX 1 PX 1", "EX 1 PERSIST", "PERSIST KEEPTTL", "PXAT"] {
        assert_eq!(
            client.run(&format!("YARR.CREATE t n 1 {clause}")).code(),
            "ERR",
            "{clause}"
        );
    }
    assert_eq!(client.count("YARR.WHERE t * COUNT"), 0);
    transcript(
        &mut client,
        r#"
        > YARR.CREATE t n 1 k 1
        "1"
        > YARR.UPDATE t 1 EXAT 1
        (integer) 1
        > YARR.FIND t 1
        (nil)
        > YARR.WHERE t n = 1 COUNT
        (integer) 0
        > YARR.CREATE t id 1 k 1
        "1"
        > YARR.UPDATE t WHERE n IS NULL PXAT 1
        (integer) 1
        > YARR.WHERE t * COUNT
        (integer) 0
        > YARR.CREATE t n 7 k 7 EXAT 1
        ...
        > YARR.WHERE t * COUNT
        (integer) 0
        > YARR.CREATE t k 7
        "3"
        > YARR.CREATE t ON CONFLICT k KEEP EXAT 1 FIELDS 2 n k VALUES 1 8 2 8 3 9
        1) "4"
        2) "5"
        3) "6"
        > YARR.WHERE t * IDS
        1) "3"
        "#,
    );
}

#[test]
fn each_write_gives_the_tables_time_to_live_anew() {
    let mut client = table("SET TTL 100 PASSIVE");
    expires_in(&mut client, "YARR.CREATE t n 1", "1", 100_000);
    sleep(Duration::from_millis(3));
    let first = expiry(&mut client, "1");
    expires_in(&mut client, "YARR.UPDATE t 1 SET n 1", "1", 100_000);
    assert!(expiry(&mut client, "1") > first);
    expires_in(&mut client, "YARR.UPDATE t 1 TOUCH", "1", 100_000);
    expires_in(&mut client, "YARR.UPDATE t 1 SET n 1 EX 7", "1", 7_000);
    let own = expiry(&mut client, "1");
    client.ok("YARR.UPDATE t 1 SET n 2 KEEPTTL");
    assert_eq!(expiry(&mut client, "1"), own);
    expires_in(
        &mut client,
        "YARR.UPDATE t WHERE n = 2 INCR n 1",
        "1",
        100_000,
    );
    client.ok("YARR.UPDATE t 1 SET n 2 PERSIST");
    assert_eq!(expiry(&mut client, "1"), None);
    client.ok("YARR.CREATE t n 2 PERSIST");
    assert_eq!(expiry(&mut client, "2"), None);
    let unchanged = expiry(&mut client, "1");
    client.ok("YARR.UPDATE t 1 SET n 9 IF n = 77");
    assert_eq!(
        expiry(&mut client, "1"),
        unchanged,
        "an IF that does not hold is no write"
    );
}

#[test]
fn a_passive_time_to_live_reaches_a_record_with_its_next_write() {
    let mut client = table("");
    client.ok("YARR.CREATE t FIELDS 1 n VALUES 1 2");
    client.ok("YARR.CREATE t n 3 PXAT 9999999999999");
    client.ok("YARR.MIGRATE t UP 2 ttl SET TTL 100 PASSIVE");
    assert_eq!(expiry(&mut client, "1"), None);
    assert_eq!(expiry(&mut client, "3"), Some(9999999999999));
    expires_in(&mut client, "YARR.UPDATE t 1 SET n 1", "1", 100_000);
    expires_in(&mut client, "YARR.UPDATE t 3 SET n 3", "3", 100_000);
    let kept = expiry(&mut client, "1");
    client.ok("YARR.MIGRATE t UP 3 none SET TTL NONE PASSIVE");
    assert_eq!(expiry(&mut client, "1"), kept);
    client.ok("YARR.UPDATE t 1 SET n 5");
    assert_eq!(expiry(&mut client, "1"), kept);
    client.ok("YARR.CREATE t n 4");
    assert_eq!(expiry(&mut client, "4"), None);
    client.ok("YARR.MIGRATE t DOWN 3");
    expires_in(&mut client, "YARR.CREATE t n 5", "5", 100_000);
}

#[test]
fn an_expired_record_is_nowhere() {
    let mut client = table("");
    client.ok("YARR.CREATE t n 1 k 1");
    client.ok("YARR.CREATE t n 1 k 2 PX 30");
    client.ok("YARR.CREATE t n 2 k 3 PX 30");
    eventually("the records expire", || {
        client.run("YARR.FIND t 3 RETURN id").print() == "(nil)"
    });
    transcript(
        &mut client,
        r#"
        > YARR.FIND t 2
        (nil)
        > YARR.FIND t IDS 2 1 2 RETURN id
        1) 1) "id"
           2) "1"
        2) (nil)
        > YARR.FIND t WHERE n = 2
        (nil)
        > YARR.WHERE t * IDS
        1) "1"
        > YARR.WHERE t * COUNT
        (integer) 1
        > YARR.WHERE t n = 1 IDS
        1) "1"
        > YARR.WHERE t n >= 1 COUNT
        (integer) 1
        > YARR.WHERE t k > 0 ORDER BY k DESC LIMIT 1 IDS
        1) "1"
        > YARR.UPDATE t 2 SET n 5
        (nil)
        > YARR.UPDATE t 2 PERSIST
        (nil)
        > YARR.UPDATE t WHERE n >= 1 SET n 1
        (integer) 1
        > YARR.DEL t 2
        (nil)
        > YARR.DEL t IDS 2 2 3
        (integer) 0
        > YARR.CREATE t k 2 ON CONFLICT k KEEP
        "4"
        > YARR.CREATE t id 3 k 3
        "3"
        > YARR.FIND t 3
        1) "id"
        2) "3"
        3) "k"
        4) "3"
        > YARR.CREATE t
        "5"
        "#,
    );
}

#[test]
fn expired_records_are_reclaimed_though_nobody_asks_for_them() {
    needs!(TIMERS);
    let mut client = table("");
    client.ok("YARR.CREATE t n 1");
    let values = "2 ".repeat(5000);
    client.ok(&format!("YARR.CREATE t PX 20 FIELDS 1 n VALUES {values}"));
    let full = memory(&mut client, "t");
    sleep(Duration::from_millis(30));
    eventually("the memory is given back", || {
        nudge(&mut client, "YARR.UPDATE t 1 TOUCH");
        memory(&mut client, "t") < full / 2
    });
    assert_eq!(
        client
            .ok("YARR.INFO t")
            .get("records")
            .map(|reply| reply.number()),
        Some(1)
    );
    assert_eq!(client.list("YARR.WHERE t * IDS"), ["1"]);
    assert_eq!(client.count("EXISTS t"), 1);
}

#[test]
fn writes_reclaim_a_few_expired_records_each_where_no_timer_does() {
    let mut client = table("");
    client.ok("YARR.CREATE t n 1");
    let values = "2 ".repeat(100);
    client.ok(&format!("YARR.CREATE t PX 1 FIELDS 1 n VALUES {values}"));
    eventually("the records expire", || {
        client.count("YARR.WHERE t * COUNT") == 1
    });
    let left = |client: &mut Client| client.ok("YARR.INFO t").get("expired").map(Reply::number);
    if !able(TIMERS) {
        let before = left(&mut client).expect("a number");
        assert!(before > 16, "nobody has written: {before}");
        client.ok("YARR.UPDATE t 1 TOUCH");
        assert_eq!(left(&mut client), Some(before - 16));
    }
    eventually("all are reclaimed", || {
        nudge(&mut client, "YARR.UPDATE t 1 TOUCH");
        left(&mut client) == Some(0)
    });
}

#[test]
fn the_expiry_of_the_key_takes_the_whole_table() {
    let mut client = table("");
    client.ok("YARR.CREATE t n 1");
    client.ok("PEXPIRE t 20");
    eventually("the key expires", || client.count("EXISTS t") == 0);
    assert_eq!(client.run("YARR.FIND t 1").code(), "NOTABLE");
    assert_eq!(client.run("YARR.CREATE t n 1").code(), "NOTABLE");
}

#[test]
fn a_table_that_moved_goes_on_being_reclaimed() {
    let mut client = table("");
    let fill = |client: &mut Client, table: &str| {
        client.ok(&format!(
            "YARR.CREATE {table} PX 200 FIELDS 1 n VALUES {}",
            "2 ".repeat(2000)
        ));
        memory(client, table)
    };
    let full = fill(&mut client, "t");
    copy(&mut client, "t", "copy");
    client.ok("RENAME t renamed");
    if able(COPY) {
        client.ok("COPY copy moved DB 4094");
    } else {
        copy(&mut client, "copy", "moved");
        client.ok("MOVE moved 4094");
    }
    let payload = client.ok("DUMP copy").bytes().to_vec();
    assert_eq!(
        client
            .send(&[b"RESTORE".as_slice(), b"restored", b"0", &payload])
            .print(),
        "OK"
    );
    for table in ["copy", "renamed", "restored"] {
        if !able(LISTENING) {
            client.ok(&format!("YARR.FIND {table} 1"));
        }
        eventually(&format!("{table} is reclaimed"), || {
            nudge(&mut client, &format!("YARR.UPDATE {table} 1 TOUCH"));
            memory(&mut client, table) < full / 2
        });
    }
    client.ok("SELECT 4094");
    if !able(LISTENING) {
        client.ok("YARR.FIND moved 1");
    }
    eventually("moved is reclaimed", || {
        nudge(&mut client, "YARR.UPDATE moved 1 TOUCH");
        memory(&mut client, "moved") < full / 2
    });
    client.ok("UNLINK moved");
}

#[test]
fn a_table_that_goes_away_or_comes_anew_disturbs_no_reclaim() {
    let mut client = table("");
    for turn in 0..20 {
        client.ok(&format!(
            "YARR.CREATE t PX 5 FIELDS 1 n VALUES {}",
            "2 ".repeat(500)
        ));
        match turn % 4 {
            0 => client.ok("UNLINK t"),
            1 => client.ok("FLUSHDB"),
            2 => client.ok("SET t string"),
            _ => client.ok("RENAME t elsewhere"),
        };
        sleep(Duration::from_millis(8));
        client.ok("DEL t");
        client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
        client.ok("YARR.CREATE t n 1");
        assert_eq!(client.count("YARR.WHERE t n = 1 COUNT"), 1);
    }
}

#[test]
fn reclaiming_waits_while_writes_are_paused() {
    needs!(PAUSE_WRITES);
    let server = Options::new().appendonly(false).start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
    client.ok(&format!(
        "YARR.CREATE t PX 50 FIELDS 1 n VALUES {}",
        "2 ".repeat(3000)
    ));
    let full = memory(&mut client, "t");
    client.ok("CLIENT PAUSE 60000 WRITE");
    sleep(Duration::from_millis(400));
    assert_eq!(
        client.count("YARR.WHERE t * COUNT"),
        0,
        "expired all the same"
    );
    assert!(
        memory(&mut client, "t") > full * 9 / 10,
        "nothing is written while writes are paused"
    );
    client.ok("CLIENT UNPAUSE");
    eventually("the memory is given back", || {
        nudge(&mut client, "YARR.UPDATE t 1 TOUCH");
        memory(&mut client, "t") < full / 2
    });
}

#[test]
fn reclaiming_goes_on_after_a_restart() {
    for options in [
        Options::new(),
        Options::new().appendonly(true),
        Options::new().appendonly(false),
    ] {
        let mut server = options.start();
        let mut client = server.connect();
        client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX TIMESTAMPS OFF");
        client.ok("YARR.CREATE t n 1");
        client.ok(&format!(
            "YARR.CREATE t PX 300 FIELDS 1 n VALUES {}",
            "2 ".repeat(3000)
        ));
        let full = memory(&mut client, "t");
        server.restart();
        let mut client = server.connect();
        eventually("the records expire", || {
            client.count("YARR.WHERE t * COUNT") == 1
        });
        eventually("the memory is given back", || {
            nudge(&mut client, "YARR.UPDATE t 1 TOUCH");
            memory(&mut client, "t") < full / 2
        });
        assert_eq!(client.ok("YARR.CREATE t n 5").text(), "3002");
        server.restart();
        assert_eq!(
            server.connect().list("YARR.WHERE t * ORDER BY id IDS"),
            ["1", "3002"]
        );
    }
}
