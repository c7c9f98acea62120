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
    able::{WHOLE_TRANSACTIONS, WRITING_SCRIPTS, able, nudge},
    cli::Client,
    load::SCRIPT,
    random::Random,
    reply::Reply,
    server::{Options, Server, eventually},
};

/// Values of the field `n`.
const VALUES: usize = 12;
/// The value of `n` in records that live for a moment only. No other command touches them.
const FLEETING: i64 = 1000;

/// What every migration of the table adds, one at a time, and what its schema then says.
const MIGRATIONS: [&str; 3] = [
    "ADD INDEX n s",
    "ADD FIELD x INTEGER DEFAULT 7 INDEX",
    "REMOVE INDEX n BITMAP",
];

/// A record: its field `n`, and whether it will expire, if only long after the test.
type Record = (i64, bool);

/// What the table holds.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    /// By id, but for those that live for a moment.
    records: BTreeMap<i64, Record>,
    /// Which of [`MIGRATIONS`] is applied.
    migration: Option<usize>,
    /// The next id: one whose record is gone is not given again.
    next: i64,
}

impl State {
    fn matching(&self, n: i64) -> impl Iterator<Item = i64> {
        let records = self.records.iter();
        records
            .filter(move |(_, record)| record.0 == n)
            .map(|(id, _)| *id)
    }

    fn put(&mut self, n: i64, expires: bool) {
        if n != FLEETING {
            self.records.insert(self.next, (n, expires));
        }
        self.next += 1;
    }
}

/// How the commands of one step are given.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Alone,
    Transaction,
    Script,
}

/// One command, several in a transaction, or several in a script.
fn step(random: &mut Random, state: &mut State) -> (Way, Vec<String>) {
    let way = match random.below(10) {
        0 if able(WHOLE_TRANSACTIONS) => Way::Transaction,
        1 if able(WRITING_SCRIPTS) => Way::Script,
        _ => Way::Alone,
    };
    let most = match way {
        Way::Alone => 1,
        Way::Transaction | Way::Script => 2 + random.below(4),
    };
    (way, (0..most).map(|_| command(random, state)).collect())
}

/// One command, and what it makes of the records.
fn command(random: &mut Random, state: &mut State) -> String {
    let (n, to) = (random.below(VALUES) as i64, random.below(VALUES) as i64);
    match random.below(18) {
        0..5 => {
            let values: Vec<i64> = (0..1 + random.below(6))
                .map(|_| random.below(VALUES) as i64)
                .collect();
            let words: Vec<String> = values.iter().map(|n| format!("{n} s{n}")).collect();
            values.into_iter().for_each(|n| state.put(n, false));
            format!("YARR.CREATE t FIELDS 2 n s VALUES {}", words.join(" "))
        }
        5 => {
            state.put(n, true);
            format!("YARR.CREATE t n {n} s s{n} EX 100000")
        }
        6 | 7 => {
            let life = 1 + random.below(60);
            state.put(FLEETING, true);
            state.put(FLEETING, true);
            format!(
                "YARR.CREATE t PX {life} FIELDS 2 n s VALUES {FLEETING} s{FLEETING} {FLEETING} s{FLEETING}"
            )
        }
        8 => {
            let first: Vec<i64> = state.matching(n).take(2).collect();
            state.records.retain(|id, _| !first.contains(id));
            format!(
                "YARR.UPDATE t WHERE n = {n} ORDER BY id LIMIT 2 SET n {FLEETING} s s{FLEETING} PX 20"
            )
        }
        9 => {
            change(state, n, usize::MAX, |record| record.1 = false);
            format!("YARR.UPDATE t WHERE n = {n} PERSIST")
        }
        10 => {
            change(state, n, usize::MAX, |record| record.1 = true);
            format!("YARR.UPDATE t WHERE n = {n} EX 100000")
        }
        11 => {
            state.records.retain(|_, record| record.0 != n);
            format!("YARR.DEL t WHERE n = {n}")
        }
        12 | 13 => {
            let first: Vec<i64> = state.matching(n).take(2).collect();
            state.records.retain(|id, _| !first.contains(id));
            format!("YARR.DEL t WHERE n = {n} ORDER BY id LIMIT 2")
        }
        14 => {
            change(state, n, usize::MAX, |record| record.0 = to);
            format!("YARR.UPDATE t WHERE n = {n} SET n {to} s s{to}")
        }
        15 | 16 => {
            change(state, n, 3, |record| record.0 = to);
            format!("YARR.UPDATE t WHERE n = {n} ORDER BY id LIMIT 3 SET n {to} s s{to}")
        }
        _ => match state.migration.take() {
            Some(_) => "YARR.MIGRATE t DOWN 2 DROP DATA".into(),
            None => {
                let which = random.below(MIGRATIONS.len());
                state.migration = Some(which);
                format!("YARR.MIGRATE t UP 2 more {}", MIGRATIONS[which])
            }
        },
    }
}

/// Changes the first records with that value, in the order of their ids.
fn change(state: &mut State, n: i64, most: usize, change: impl Fn(&mut Record)) {
    let matching = state.records.values_mut().filter(|record| record.0 == n);
    matching.take(most).for_each(change);
}

/// Gives the commands of a step; false where the server is gone.
fn give(client: &mut Client, way: Way, lines: &[String]) -> bool {
    let whole = lines.join("; ");
    let answers: std::io::Result<Vec<Reply>> = match way {
        Way::Alone => {
            let words: Vec<&str> = lines[0].split(' ').collect();
            client.try_send(&words).map(|reply| vec![reply])
        }
        Way::Transaction => {
            let middle = lines.iter().map(String::as_str);
            let all: Vec<&str> = ["MULTI"]
                .into_iter()
                .chain(middle)
                .chain(["EXEC"])
                .collect();
            let sent = all.iter().try_for_each(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                client.write(&words)
            });
            sent.and_then(|()| all.iter().map(|_| client.reply()).collect())
        }
        Way::Script => {
            let words = ["EVAL", SCRIPT, "1", "t"].into_iter();
            let words: Vec<&str> = words.chain(lines.iter().map(String::as_str)).collect();
            client.try_send(&words).map(|reply| vec![reply])
        }
    };
    let Ok(answers) = answers else { return false };
    for answer in answers {
        let inner = match &answer {
            Reply::Array(items) => items.as_slice(),
            _ => &[],
        };
        let failed = answer.is_error() || inner.iter().any(Reply::is_error);
        assert!(!failed, "{whole}: {}", answer.print());
    }
    true
}

/// What a server holds, when all is gone that lives for a moment. Whatever its indexes say is the same.
#[track_caller]
fn found(client: &mut Client) -> State {
    eventually("what expires is reclaimed", || {
        nudge(client, "YARR.UPDATE t WHERE * LIMIT 0 TOUCH");
        let info = client.ok("YARR.INFO t");
        let fleeting = format!("YARR.WHERE t n = {FLEETING} COUNT");
        client.count(&fleeting) == 0 && info.get("expired").map(Reply::number) == Some(0)
    });
    let rows = client.ok("YARR.WHERE t * ORDER BY id PLUCK id n s expires_at");
    let mut state = State {
        next: client
            .ok("YARR.INFO t")
            .get("highest_id")
            .expect("an id")
            .number()
            + 1,
        ..State::default()
    };
    for row in rows.items() {
        let [id, n, s, expires] = row.items() else {
            panic!("four values: {}", row.print())
        };
        assert_eq!(s.text(), format!("s{}", n.number()), "half of a command");
        let record = (n.number(), *expires != Reply::Null);
        state.records.insert(id.number(), record);
    }
    state.migration = migration(client, &state);
    for n in 0..VALUES as i64 {
        let ids: Vec<String> = state.matching(n).map(|id| id.to_string()).collect();
        for served in ["n = {}", "s = s{}", "n = {} AND s = s{}"] {
            let served = served.replace("{}", &n.to_string());
            let line = format!("YARR.WHERE t {served} ORDER BY id IDS");
            assert_eq!(client.list(&line), ids, "{line}");
        }
        let line = format!("YARR.WHERE t n = {n} COUNT");
        assert_eq!(client.count(&line), ids.len() as i64);
    }
    state
}

/// Which migration the schema and the records tell of.
#[track_caller]
fn migration(client: &mut Client, state: &State) -> Option<usize> {
    let schema = client.list("YARR.SCHEMA t");
    let has = |operation: &str| schema.iter().any(|line| line == operation);
    let signs = [
        has("ADD INDEX n s"),
        has("ADD INDEX x"),
        !has("ADD INDEX n BITMAP"),
    ];
    let applied = signs.iter().position(|sign| *sign);
    let version = if applied.is_some() { "2" } else { "1" };
    assert_eq!(
        client.ok("YARR.SCHEMA t VERSION").text(),
        version,
        "{schema:?}"
    );
    let both = signs.iter().filter(|sign| **sign).count();
    assert!(both < 2, "half of two migrations: {schema:?}");
    if signs[1] {
        let sevens = client.count("YARR.WHERE t x = 7 COUNT");
        assert_eq!(sevens, state.records.len() as i64);
    }
    applied
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
    let mut state = State {
        next: 1,
        ..State::default()
    };
    for crash in 0..crashes {
        let at = format!("seed {seed}, crash {crash}");
        // What the records are after each command, and how many were answered.
        let states = Mutex::new(vec![state.clone()]);
        let answered = AtomicUsize::new(0);
        let mut source = Random::from(random.bits());
        let until = random.below(400);
        let work = random.pick(background);
        std::thread::scope(|scope| {
            let mut writer = server.connect();
            let (states, answered) = (&states, &answered);
            scope.spawn(move || {
                let mut state = states.lock().expect("the states")[0].clone();
                loop {
                    let (way, lines) = step(&mut source, &mut state);
                    states.lock().expect("the states").push(state.clone());
                    if !give(&mut writer, way, &lines) {
                        break;
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
        let same = states[first..].iter().find(|state| **state == held);
        let Some(same) = same else {
            panic!(
                "{at}: what is there is after no command\nthe last:\n{:?}\nfound:\n{held:?}",
                states.last()
            )
        };
        state = same.clone();
        if loss == Loss::TheLast {
            let id = server.connect().ok("YARR.CREATE t n 0 s s0").number();
            assert_eq!(id, state.next, "{at}");
            state.put(0, false);
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
