//! Servers killed with signal 9 while migrations go on between commands: they are taken up again and end by themselves.
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

/// What is under way when the server is killed, and how it ends.
const WORKS: [(&str, &str); 8] = [
    ("ADD INDEX n", "APPLIED"),
    ("ADD INDEX n BITMAP", "APPLIED"),
    ("ADD INDEX t BITMAP", "APPLIED"),
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
    ("ADD INDEX u n ADD INDEX n UNIQUE", "FAILED"),
];

/// The field `n` of each record by its id.
type Records = BTreeMap<i64, i64>;

/// One write that breaks no constraint to come, and what it makes of the records.
fn command(random: &mut Random, records: &mut Records, next: &mut i64) -> String {
    let (id, n) = (
        1 + random.below(RECORDS as usize) as i64,
        random.below(100) as i64,
    );
    match random.below(4) {
        0 => {
            records.insert(*next, n);
            *next += 1;
            format!("YARR.CREATE t id {0} n {n} u {0} s new t 1 a1", *next - 1)
        }
        1 => {
            records.remove(&id);
            format!("YARR.DEL t {id}")
        }
        2 => {
            records
                .range_mut(id..id + 50)
                .for_each(|record| *record.1 = n);
            format!(
                "YARR.UPDATE t WHERE id BETWEEN {id} AND {} SET n {n}",
                id + 49
            )
        }
        _ => {
            records.entry(id).and_modify(|held| *held = n);
            format!("YARR.UPDATE t {id} SET n {n} s other t 2 a0 b0")
        }
    }
}

/// What a server holds. Whatever indexes there are say the same.
#[track_caller]
fn found(client: &mut Client, at: &str) -> Records {
    let rows = client.ok("YARR.WHERE t * ORDER BY id PLUCK id n");
    let pair = |row: &crate::reply::Reply| (row.items()[0].number(), row.items()[1].number());
    let records: Records = rows.items().iter().map(pair).collect();
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
            "YARR.WHERE t {served} OR z = 1 ORDER BY id IDS SCAN"
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

fn survives(options: Options) {
    let crashes: usize =
        std::env::var("YARR_CRASHES").map_or(WORKS.len(), |text| text.parse().expect("a number"));
    let (mut random, seed) = Random::seeded(std::process::id().into());
    let mut server = options.start();
    let mut amid = 0;
    for crash in 0..crashes {
        let (operations, ends) = WORKS[crash % WORKS.len()];
        let at = format!("seed {seed}, crash {crash}, {operations}");
        let mut client = server.connect();
        client.ok("FLUSHALL");
        make(&mut client, "t", RECORDS as usize);
        let before: Records = (1..=RECORDS).map(|id| (id, (id - 1) % 100)).collect();
        let (states, answered) = (Mutex::new(vec![before]), AtomicUsize::new(0));
        let mut source = Random::from(random.bits());
        let (until, rewrite) = (random.below(25), random.one_in(3));
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
            if rewrite {
                client.run("BGREWRITEAOF");
            }
            eventually("some are answered", || answered.load(Relaxed) >= until);
            amid += usize::from(last_state(&mut client, "t") == "RUNNING");
            server.kill();
        });
        let mut client = server.connect();
        // Nobody touches the table meanwhile: it goes on by itself.
        eventually("the migration is taken up and ends", || {
            figure(&mut client, "tables_with_work") == 0
        });
        let state = last_state(&mut client, "t");
        assert!(state.starts_with(ends), "{at}: {state}");
        let held = found(&mut client, &at);
        let states = states.into_inner().expect("the states");
        let same = states[answered.into_inner()..].contains(&held);
        assert!(
            same,
            "{at}: what is there is after no command that was answered or under way"
        );
        if operations.contains("u UNIQUE") {
            let u = client.list("YARR.WHERE t * LIMIT 1 PLUCK u").concat();
            assert_eq!(
                client.run(&format!("YARR.CREATE t n 1 u {u}")).code(),
                "DUPLICATE",
                "{at}"
            );
        }
    }
    eprintln!("{crashes} crashes, {amid} of them seen to be amid a migration, seed {seed}");
}

#[test]
fn migrations_are_taken_up_after_a_crash_where_every_write_is_synced() {
    needs!(TIMERS);
    survives(options().appendonly(true).set("appendfsync", "always"));
}

#[test]
fn migrations_are_taken_up_after_a_crash_where_the_log_is_of_commands_alone() {
    needs!(TIMERS);
    survives(options().appendonly(false).set("appendfsync", "always"));
}
