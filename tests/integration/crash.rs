//! Servers killed with signal 9 at random moments: what was answered is there, and no command by half.
//!
//! `YARR_CRASHES` says how many each test survives.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::{
    cli::Client,
    random::Random,
    server::{Options, Server, eventually},
};

/// The field `n` of each record, by id.
type Records = BTreeMap<i64, i64>;

/// Values of the field `n`.
const VALUES: usize = 12;

/// One command, and what it makes of the records.
fn command(random: &mut Random, records: &mut Records, next: &mut i64) -> String {
    let n = random.below(VALUES) as i64;
    match random.below(8) {
        0..4 => {
            let values: Vec<i64> = (0..1 + random.below(6))
                .map(|_| random.below(VALUES) as i64)
                .collect();
            let words: Vec<String> = values.iter().map(|n| format!("{n} s{n}")).collect();
            for n in values {
                records.insert(*next, n);
                *next += 1;
            }
            format!("YARR.CREATE t FIELDS 2 n s VALUES {}", words.join(" "))
        }
        4 => {
            records.retain(|_, value| *value != n);
            format!("YARR.DEL t WHERE n = {n}")
        }
        5 => {
            let first: Vec<i64> = matching(records, n).take(2).collect();
            records.retain(|id, _| !first.contains(id));
            format!("YARR.DEL t WHERE n = {n} ORDER BY id LIMIT 2")
        }
        6 => {
            let to = random.below(VALUES) as i64;
            records
                .values_mut()
                .filter(|value| **value == n)
                .for_each(|value| *value = to);
            format!("YARR.UPDATE t WHERE n = {n} SET n {to} s s{to}")
        }
        _ => {
            let to = random.below(VALUES) as i64;
            let first: Vec<i64> = matching(records, n).take(3).collect();
            records.extend(first.into_iter().map(|id| (id, to)));
            format!("YARR.UPDATE t WHERE n = {n} ORDER BY id LIMIT 3 SET n {to} s s{to}")
        }
    }
}

fn matching(records: &Records, n: i64) -> impl Iterator<Item = i64> {
    records
        .iter()
        .filter(move |record| *record.1 == n)
        .map(|record| *record.0)
}

/// The records that a server holds. Whatever its indexes say is the same.
#[track_caller]
fn found(client: &mut Client) -> Records {
    let rows = client.ok("YARR.WHERE t * ORDER BY id PLUCK id n s");
    let records: Records = rows
        .items()
        .iter()
        .map(|row| {
            let [id, n, s] = row.items() else {
                panic!("three values: {}", row.print())
            };
            assert_eq!(s.text(), format!("s{}", n.number()), "half of a command");
            (id.number(), n.number())
        })
        .collect();
    for n in 0..VALUES as i64 {
        let ids: Vec<String> = matching(&records, n).map(|id| id.to_string()).collect();
        assert_eq!(
            client.list(&format!("YARR.WHERE t n = {n} ORDER BY id IDS")),
            ids
        );
        assert_eq!(
            client.list(&format!("YARR.WHERE t s = s{n} ORDER BY id IDS")),
            ids
        );
        assert_eq!(
            client.count(&format!("YARR.WHERE t n = {n} COUNT")),
            ids.len() as i64
        );
    }
    records
}

/// What a crash may take.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    /// Nothing that was answered.
    Nothing,
    /// The last commands.
    TheLast,
}

/// Writes until the server is killed, again and again, and looks at what is there then.
fn survives(options: Options, loss: Loss, background: &[&str]) {
    let crashes: usize =
        std::env::var("YARR_CRASHES").map_or(6, |text| text.parse().expect("a number"));
    let (mut random, seed) = Random::seeded(std::process::id().into());
    let mut server: Server = options.start();
    let mut client = server.connect();
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD INDEX n BITMAP TIMESTAMPS OFF");
    // Where a crash may take the last commands, it must not take the first.
    if loss == Loss::TheLast {
        client.run("SAVE");
        client.run("BGREWRITEAOF");
        eventually("a first file is written", || {
            let info = client.ok("INFO persistence").text();
            info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
        });
    }
    let (mut records, mut next) = (Records::new(), 1);
    for crash in 0..crashes {
        let at = format!("seed {seed}, crash {crash}");
        // What the records are after each command, and how many were answered.
        let states = Mutex::new(vec![(records.clone(), next)]);
        let answered = AtomicUsize::new(0);
        let mut source = Random::from(random.bits());
        let until = random.below(400);
        let work = random.pick(background);
        std::thread::scope(|scope| {
            let mut writer = server.connect();
            let (states, answered) = (&states, &answered);
            scope.spawn(move || {
                let (mut records, mut next) = states.lock().expect("the states")[0].clone();
                loop {
                    let line = command(&mut source, &mut records, &mut next);
                    states
                        .lock()
                        .expect("the states")
                        .push((records.clone(), next));
                    let words: Vec<&str> = line.split(' ').collect();
                    match writer.try_send(&words) {
                        Ok(reply) => assert!(!reply.is_error(), "{line}: {}", reply.print()),
                        Err(_) => break,
                    }
                    answered.fetch_add(1, Relaxed);
                }
            });
            let mut client = server.connect();
            eventually("some are answered", || answered.load(Relaxed) >= until);
            if !work.is_empty() {
                client.run(work);
            }
            let more = until + random.below(20);
            eventually("some more are answered", || answered.load(Relaxed) >= more);
            server.kill();
        });
        let states = states.into_inner().expect("the states");
        let held = found(&mut server.connect());
        let first = match loss {
            Loss::Nothing => answered.into_inner(),
            Loss::TheLast => 0,
        };
        let same = states[first..].iter().find(|state| state.0 == held);
        let Some(same) = same else {
            panic!(
                "{at}: {} records are there after no command\nthe last:\n{:?}\nfound:\n{held:?}",
                held.len(),
                states.last()
            )
        };
        records = held;
        // An id whose record is gone is not given again, unless the crash took that command too.
        next = same.1;
        if loss == Loss::TheLast {
            let id = server.connect().ok("YARR.CREATE t n 0 s s0").number();
            records.insert(id, 0);
            next = id + 1;
            let mut client = server.connect();
            client.run("BGSAVE");
            eventually("what is there is saved", || {
                client
                    .ok("INFO persistence")
                    .text()
                    .contains("rdb_bgsave_in_progress:0")
            });
        }
    }
}

#[test]
fn nothing_that_was_answered_is_lost_where_every_write_is_synced() {
    let options = Options::new().appendonly(true).set("appendfsync", "always");
    survives(options, Loss::Nothing, &["", "BGREWRITEAOF", "BGSAVE"]);
}

#[test]
fn nothing_that_was_answered_is_lost_where_the_log_is_of_commands_alone() {
    let options = Options::new()
        .appendonly(false)
        .set("appendfsync", "always");
    survives(options, Loss::Nothing, &["", "BGREWRITEAOF"]);
}

#[test]
fn what_is_there_after_a_crash_is_what_some_command_left_where_writes_are_synced_each_second() {
    let options = Options::new()
        .appendonly(true)
        .set("appendfsync", "everysec");
    survives(options, Loss::TheLast, &["", "BGREWRITEAOF", "BGSAVE"]);
}

#[test]
fn what_is_there_after_a_crash_is_what_some_command_left_where_there_are_snapshots_alone() {
    survives(Options::new(), Loss::TheLast, &["", "BGSAVE", "SAVE"]);
}
