//! What migrations of a large table cost those who go on using it: their pace, their longest waits, and the server's time.
//!
//! `YARR_RECORDS` says how many records the table has.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{end, figure};
use crate::{
    able::needs,
    cli::Client,
    random::Random,
    server::{Options, Server},
};

/// Connections that read and write.
const CLIENTS: usize = 3;
/// The field `n` of a client's own records: this, and its number.
const OWN: i64 = 1_000_000_000;

fn records() -> usize {
    std::env::var("YARR_RECORDS").map_or(20_000, |text| text.parse().expect("a number"))
}

/// What a client waited for its answers.
type Waits = Vec<Duration>;

/// A connection, and the records that are its own: nobody else changes them.
struct Worker {
    client: Client,
    random: Random,
    n: i64,
    /// The field `u` of each by its id.
    own: BTreeMap<i64, i64>,
    next: i64,
}

impl Worker {
    fn new(client: Client, number: usize) -> Worker {
        let n = OWN + number as i64;
        Worker {
            client,
            random: Random::from(number as u64),
            n,
            own: BTreeMap::new(),
            next: n * 1_000_000,
        }
    }

    /// One command. What it answers is right, or not yet: the index is being built, or is not there.
    fn step(&mut self) {
        let id = self
            .own
            .keys()
            .nth(self.random.below(self.own.len().max(1)))
            .copied();
        match (self.random.below(8), id) {
            (0, _) | (_, None) => {
                self.next += 1;
                let line = format!("YARR.CREATE t n {} u {} s text", self.n, self.next);
                let id = self.client.ok(&line).number();
                self.own.insert(id, self.next);
            }
            (1, Some(id)) if self.own.len() > 20 => {
                assert_eq!(self.client.count(&format!("YARR.DEL t {id}")), 1);
                self.own.remove(&id);
            }
            (2, Some(id)) => {
                self.next += 1;
                let line = format!("YARR.UPDATE t {id} SET u {} s other", self.next);
                assert_eq!(self.client.count(&line), 1);
                self.own.insert(id, self.next);
            }
            (3, Some(_)) => {
                let id = 1 + self.random.below(records());
                self.client.ok(&format!("YARR.UPDATE t {id} SET s changed"));
            }
            (4, Some(_)) => {
                let line = format!("YARR.WHERE t n = {} ORDER BY id IDS", self.n);
                let ids: Vec<String> = self.own.keys().map(i64::to_string).collect();
                self.served(&line, &ids);
            }
            (5, Some(id)) => {
                let line = format!("YARR.WHERE t u = {} IDS", self.own[&id]);
                self.served(&line, &[id.to_string()]);
            }
            (_, Some(id)) => {
                let found = self
                    .client
                    .ok(&format!("YARR.FIND t {id} RETURN n u"))
                    .words();
                assert_eq!(
                    found,
                    ["n", &self.n.to_string(), "u", &self.own[&id].to_string()]
                );
            }
        }
    }

    fn served(&mut self, line: &str, ids: &[String]) {
        let reply = self.client.run(line);
        match reply.code().as_str() {
            "NOINDEX" | "INDEXBUILDING" => {}
            _ => assert_eq!(reply.words(), ids, "{line}"),
        }
    }
}

/// Has all clients at work until `until` is over: how long that took, what they waited, and the longest that a PING took.
fn at_work(
    server: &Server,
    workers: &mut [Worker],
    until: impl FnOnce(),
) -> (Duration, Waits, Duration) {
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let (waits, longest) = std::thread::scope(|scope| {
        let stop = &stop;
        let at_work: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                scope.spawn(move || {
                    let mut waits = Waits::new();
                    while !stop.load(Relaxed) {
                        let start = Instant::now();
                        worker.step();
                        waits.push(start.elapsed());
                    }
                    waits
                })
            })
            .collect();
        let mut pinger = server.connect();
        let pings = scope.spawn(move || {
            let mut longest = Duration::ZERO;
            while !stop.load(Relaxed) {
                let start = Instant::now();
                pinger.ok("PING");
                longest = longest.max(start.elapsed());
                std::thread::sleep(Duration::from_micros(200));
            }
            longest
        });
        let over = std::panic::catch_unwind(std::panic::AssertUnwindSafe(until));
        stop.store(true, Relaxed);
        let waits: Waits = at_work
            .into_iter()
            .flat_map(|worker| worker.join().expect("a wrong answer"))
            .collect();
        assert!(over.is_ok(), "the migration");
        (waits, pings.join().expect("the pings"))
    });
    (begun.elapsed(), waits, longest)
}

fn tell(what: &str, (took, mut waits, ping): (Duration, Waits, Duration)) {
    waits.sort_unstable();
    let pace = waits.len() as f64 / took.as_secs_f64();
    let at = |part: f64| {
        waits
            .get((waits.len() as f64 * part) as usize)
            .copied()
            .unwrap_or_default()
    };
    let longest = waits.last().copied().unwrap_or_default();
    eprintln!(
        "{what:<44} {took:>9.2?} {pace:>8.0}/s  median {:>8.1?}  p99 {:>8.1?}  longest {longest:>8.1?}  PING {ping:>8.1?}",
        at(0.5),
        at(0.99)
    );
}

/// Seconds of CPU that the server has used.
fn cpu(client: &mut Client) -> f64 {
    let info = client.ok("INFO cpu").text();
    let lines = info
        .lines()
        .filter(|line| line.starts_with("used_cpu_user:") || line.starts_with("used_cpu_sys:"));
    lines
        .filter_map(|line| line.split(':').nth(1)?.trim().parse::<f64>().ok())
        .sum()
}

/// Migrations, and the way down of those that have none of their own.
const MIGRATIONS: [(&str, &str); 9] = [
    ("ADD FIELD x INTEGER DEFAULT 7", ""),
    ("ADD INDEX n", ""),
    ("ADD INDEX u UNIQUE", ""),
    ("ADD INDEX n BITMAP", ""),
    ("ADD FIELD y INTEGER DEFAULT 7 INDEX", ""),
    ("SET FIELD u NOT NULL", ""),
    ("SET FIELD n TYPE STRING", ""),
    ("SET TTL 100000 ACTIVE", ""),
    (
        "UPDATE u >= 0 SET s changed",
        "DOWN UPDATE u < 0 SET s changed",
    ),
];

#[test]
fn a_large_table_is_migrated_while_clients_go_on() {
    needs!(TIMERS);
    let server = Options::new().start();
    let mut client = server.connect();
    client
        .ok("YARR.MIGRATE t UP 1 make ADD FIELD n INTEGER ADD FIELD u INTEGER ADD FIELD s STRING");
    for start in (0..records()).step_by(5000) {
        let rows = start..records().min(start + 5000);
        let rows: String = rows
            .map(|i| format!(" {} {i} text{i}", i.wrapping_mul(2_654_435_761) % 100_000))
            .collect();
        client.ok(&format!("YARR.CREATE t FIELDS 3 n u s VALUES{rows}"));
    }
    // Nobody else is there: what the server does it does for the migration, but for a rest that is measured too.
    for (place, (operations, down)) in MIGRATIONS.iter().enumerate() {
        let before = (cpu(&mut client), Instant::now());
        let version = place + 2;
        client.ok(&format!(
            "YARR.MIGRATE t UP {version} alone {operations} {down}"
        ));
        let state = end(&mut client, "t");
        let (used, took) = (cpu(&mut client) - before.0, before.1.elapsed());
        assert_eq!(state, "APPLIED", "{operations}");
        eprintln!(
            "{operations:<44} alone: {used:.3} s of server CPU in {took:.2?}, longest slice {} us",
            figure(&mut client, "longest_slice_us")
        );
        client.ok(&format!("YARR.MIGRATE t DOWN {version} DROP DATA"));
        assert_eq!(end(&mut client, "t"), "APPLIED");
    }
    let mut workers: Vec<Worker> = (0..CLIENTS)
        .map(|number| Worker::new(server.connect(), number))
        .collect();
    let rest = Duration::from_millis(records() as u64 / 500);
    tell(
        "no migration",
        at_work(&server, &mut workers, || std::thread::sleep(rest)),
    );
    for (place, (operations, down)) in MIGRATIONS.iter().enumerate() {
        let during = at_work(&server, &mut workers, || {
            client.ok(&format!(
                "YARR.MIGRATE t UP {} amid {operations} {down}",
                place + 2
            ));
            assert_eq!(end(&mut client, "t"), "APPLIED");
        });
        tell(operations, during);
        // With its index, and right.
        at_work(&server, &mut workers, || std::thread::sleep(rest / 10));
    }
    tell(
        "no migration",
        at_work(&server, &mut workers, || std::thread::sleep(rest)),
    );
    eprintln!(
        "longest slice {} us",
        figure(&mut client, "longest_slice_us")
    );
}
