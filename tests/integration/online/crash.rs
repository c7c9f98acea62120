//! Servers killed with signal 9 while migrations go on between commands and clients write: they are taken up again and
//! end by themselves, and nothing that was answered is lost.
//!
//! `YARR_CRASHES` says how many each test survives.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::{figure, last_state, make, options};
use crate::{
    able::needs,
    cli::Client,
    random::Random,
    server::{Options, eventually},
};

const RECORDS: i64 = 8000;

/// The records that the UPDATE changes have `u` below this, which nobody changes.
const CHANGED: i64 = 5000;

/// What is under way when the server is killed, and how it ends.
const WORKS: [(&str, &str); 12] = [
    ("ADD INDEX n", "APPLIED"),
    ("UPDATE u < 5000 SET s done z 1", "APPLIED"),
    ("ADD INDEX n BITMAP", "APPLIED"),
    ("ADD INDEX n SET FIELD n TYPE STRING", "APPLIED"),
    ("ADD INDEX t BITMAP", "APPLIED"),
    ("SET TTL 100000 ACTIVE", "APPLIED"),
    ("ADD INDEX u UNIQUE", "APPLIED"),
    ("SET FIELD u NOT NULL", "APPLIED"),
    (
        "ADD FIELD x INTEGER DEFAULT 7 INDEX SET FIELD n NOT NULL",
        "APPLIED",
    ),
    (
        "ADD INDEX n BITMAP ADD INDEX s n ADD INDEX u UNIQUE ADD INDEX t BITMAP ADD INDEX n",
        "APPLIED",
    ),
    (
        "SET TTL 100000 ACTIVE SET FIELD u TYPE FLOAT SET FIELD s TYPE STRING ADD INDEX u UNIQUE",
        "APPLIED",
    ),
    ("ADD INDEX u n ADD INDEX n UNIQUE", "FAILED"),
];

/// A record: its fields `u`, which stays, `n` and `s`, and whether a client wrote `s`.
#[derive(Debug, Clone, PartialEq)]
struct Record {
    u: i64,
    n: i64,
    s: String,
    written: bool,
}

/// The records by their ids.
type Records = BTreeMap<i64, Record>;

/// What [`make`] makes.
fn made() -> Records {
    let record = |i: i64| Record {
        u: i,
        n: i % 100,
        s: format!("s{}", i % 10),
        written: false,
    };
    (0..RECORDS).map(|i| (i + 1, record(i))).collect()
}

/// One write that breaks no constraint to come, and what it makes of the records.
fn command(random: &mut Random, records: &mut Records, next: &mut i64) -> String {
    let (id, n) = (
        1 + random.below(RECORDS as usize) as i64,
        random.below(100) as i64,
    );
    match random.below(4) {
        0 => {
            let (u, s) = (*next, "new".to_string());
            let written = true;
            records.insert(*next, Record { u, n, s, written });
            *next += 1;
            format!("YARR.CREATE t id {u} n {n} u {u} s new t 1 a1")
        }
        1 => {
            records.remove(&id);
            format!("YARR.DEL t {id}")
        }
        2 => {
            records
                .range_mut(id..id + 50)
                .for_each(|record| record.1.n = n);
            format!(
                "YARR.UPDATE t WHERE id BETWEEN {id} AND {} SET n {n}",
                id + 49
            )
        }
        _ => {
            let s = format!("other{n}");
            if let Some(record) = records.get_mut(&id) {
                (record.n, record.s, record.written) = (n, s.clone(), true);
            }
            format!("YARR.UPDATE t {id} SET n {n} s {s} t 2 a0 b0")
        }
    }
}

/// Whether these records are those, but for what an UPDATE has made of `s`: it comes to each once, before or after
/// the client's last write.
fn fit(held: &Records, state: &Records, updated: bool) -> bool {
    let fits = |((id, held), (other, state)): ((&i64, &Record), (&i64, &Record))| {
        let same_s = match updated && state.u < CHANGED {
            true => held.s == "done" || (state.written && held.s == state.s),
            false => held.s == state.s,
        };
        id == other && (held.u, held.n) == (state.u, state.n) && same_s
    };
    held.len() == state.len() && held.iter().zip(state).all(fits)
}

/// What a server holds. Whatever indexes there are say the same.
#[track_caller]
fn found(client: &mut Client, at: &str) -> Records {
    let rows = client.ok("YARR.WHERE t * ORDER BY id PLUCK id u n s");
    let record = |row: &crate::reply::Reply| {
        let [id, u, n, s] = row.items() else {
            panic!("{at}: {}", row.print())
        };
        let (u, n) = (u.number(), n.number());
        let (s, written) = (s.text(), false);
        (id.number(), Record { u, n, s, written })
    };
    let records: Records = rows.items().iter().map(record).collect();
    let schema = client.list("YARR.SCHEMA t");
    for served in ["n = 5", "s = new", "u > 4000", "t CONTAINS a1", "x = 7"] {
        let field = &served[..1];
        if !schema
            .iter()
            .any(|line| line.starts_with(&format!("ADD INDEX {field}")))
        {
            continue;
        }
        let ids = client.list(&format!("YARR.WHERE t {served} ORDER BY id IDS"));
        let walked = client.list(&format!(
            "YARR.WHERE t {served} OR z = 2 ORDER BY id IDS SCAN"
        ));
        assert!(
            ids == walked,
            "{at}: {served}: {} ids, {} records",
            ids.len(),
            walked.len()
        );
    }
    records
}

/// What a migration that is applied has made of all records.
#[track_caller]
fn check(client: &mut Client, operations: &str, held: &Records, at: &str) {
    if operations.starts_with("UPDATE") {
        let changed = client.list("YARR.WHERE t z = 1 ORDER BY id IDS SCAN");
        let expected = held.iter().filter(|(_, record)| record.u < CHANGED);
        let expected: Vec<String> = expected.map(|(id, _)| id.to_string()).collect();
        assert!(changed == expected, "{at}: a record was passed over");
    }
    if operations.contains("TTL") {
        let expiring = client.count("YARR.WHERE t expires_at > now COUNT");
        assert_eq!(expiring, held.len() as i64, "{at}");
    }
    if operations.contains("u UNIQUE") {
        let u = client.list("YARR.WHERE t * LIMIT 1 PLUCK u").concat();
        let again = client.run(&format!("YARR.CREATE t n 1 u {u}"));
        assert_eq!(again.code(), "DUPLICATE", "{at}");
    }
}

/// What a crash may take.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    /// Nothing that was answered.
    Nothing,
    /// What came after the last snapshot.
    TheLast,
}

fn survives(options: Options, loss: Loss) {
    let crashes: usize =
        std::env::var("YARR_CRASHES").map_or(WORKS.len(), |text| text.parse().expect("a number"));
    let (mut random, seed) = Random::seeded(std::process::id().into());
    let mut server = options.start();
    let (mut amid, mut resumed) = (0, 0);
    for crash in 0..crashes {
        let (operations, ends) = WORKS[crash % WORKS.len()];
        let at = format!("seed {seed}, crash {crash}, {operations}");
        let mut client = server.connect();
        client.ok("FLUSHALL");
        make(&mut client, "t", RECORDS as usize);
        if loss == Loss::TheLast {
            client.ok("SAVE");
        }
        let (states, answered) = (Mutex::new(vec![made()]), AtomicUsize::new(0));
        let mut source = Random::from(random.bits());
        let (until, rewrite) = (random.below(15), random.one_in(3));
        std::thread::scope(|scope| {
            let mut writer = server.connect();
            let (states, answered) = (&states, &answered);
            let up = format!("YARR.MIGRATE t UP 2 more {operations}");
            assert_eq!(client.run(&up).print(), "RUNNING", "{at}");
            scope.spawn(move || {
                let (mut records, mut next) =
                    (states.lock().expect("the states")[0].clone(), RECORDS + 1);
                loop {
                    let line = command(&mut source, &mut records, &mut next);
                    states.lock().expect("the states").push(records.clone());
                    let words: Vec<&str> = line.split(' ').collect();
                    let Ok(reply) = writer.try_send(&words) else {
                        break;
                    };
                    assert!(!reply.is_error(), "{line}: {}", reply.print());
                    answered.fetch_add(1, Relaxed);
                }
            });
            match loss {
                Loss::Nothing if rewrite => client.run("BGREWRITEAOF").print(),
                Loss::TheLast => client.run(if rewrite { "BGSAVE" } else { "SAVE" }).print(),
                Loss::Nothing => String::new(),
            };
            eventually("some are answered", || answered.load(Relaxed) >= until);
            amid += usize::from(last_state(&mut client, "t") == "RUNNING");
            server.kill();
        });
        let mut client = server.connect();
        // Nobody touches the table meanwhile: it goes on by itself. Where records expire there is always work.
        let expires = operations.contains("TTL");
        eventually("the migration is taken up and ends", || match expires {
            true => last_state(&mut client, "t") != "RUNNING",
            false => figure(&mut client, "tables_with_work") == 0,
        });
        // A snapshot may be of a time before the migration.
        let lines = client.ok("YARR.SCHEMA t HISTORY").items().len();
        assert!(lines == 2 || (lines == 1 && loss == Loss::TheLast), "{at}");
        resumed += usize::from(lines == 2);
        let state = last_state(&mut client, "t");
        assert!(lines == 1 || state.starts_with(ends), "{at}: {state}");
        let held = found(&mut client, &at);
        let updated = lines == 2 && operations.starts_with("UPDATE");
        let states = states.into_inner().expect("the states");
        let first = match loss {
            Loss::Nothing => answered.into_inner(),
            Loss::TheLast => 0,
        };
        assert!(
            states[first..]
                .iter()
                .any(|state| fit(&held, state, updated)),
            "{at}: what is there is after no command that was answered or under way"
        );
        if lines == 2 && ends == "APPLIED" {
            check(&mut client, operations, &held, &at);
        }
    }
    eprintln!(
        "{crashes} crashes, {amid} of them seen to be amid a migration, {resumed} that knew of it afterwards, seed {seed}"
    );
}

#[test]
fn migrations_are_taken_up_after_a_crash_where_every_write_is_synced() {
    needs!(TIMERS);
    let options = options().appendonly(true).set("appendfsync", "always");
    survives(options, Loss::Nothing);
}

#[test]
fn migrations_are_taken_up_after_a_crash_where_the_log_is_of_commands_alone() {
    needs!(TIMERS);
    let options = options().appendonly(false).set("appendfsync", "always");
    survives(options, Loss::Nothing);
}

#[test]
fn migrations_are_taken_up_after_a_crash_where_there_are_snapshots_alone() {
    needs!(TIMERS);
    survives(options(), Loss::TheLast);
}
