//! Nobody waits for a large table to go: the longest pause that another client sees is printed beside that of an idle server.
//!
//! `YARR_RECORDS` says how many records the tables have.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use crate::{
    cli::Client,
    server::{Options, Server, eventually},
};

/// Makes a table of so many records, with an index of each kind.
fn fill(client: &mut Client, table: &str, records: usize, expiry: &str) {
    client.ok(&format!(
        "YARR.MIGRATE {table} UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD FIELD e ENUM ( a b c ) BITMAP TIMESTAMPS OFF"
    ));
    for start in (0..records).step_by(5000) {
        let mut words: Vec<String> = format!("YARR.CREATE {table} {expiry} FIELDS 3 n s e VALUES")
            .split_whitespace()
            .map(String::from)
            .collect();
        for n in start..records.min(start + 5000) {
            words.extend([
                (n % 1000).to_string(),
                format!("text of {n}"),
                ["a", "b", "c"][n % 3].to_string(),
            ]);
        }
        let reply = client.send(&words);
        assert!(!reply.is_error(), "{}", reply.print());
    }
}

fn records() -> usize {
    std::env::var("YARR_RECORDS").map_or(60_000, |text| text.parse().expect("a number"))
}

/// The longest that a PING of another client took while `work` went on.
fn longest_pause(server: &Server, work: impl FnOnce()) -> Duration {
    let (started, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let pinger = scope.spawn(|| {
            let (mut client, mut longest) = (server.connect(), Duration::ZERO);
            while !stop.load(Relaxed) {
                let start = Instant::now();
                client.ok("PING");
                longest = longest.max(start.elapsed());
                started.store(true, Relaxed);
            }
            longest
        });
        eventually("pings are answered", || started.load(Relaxed));
        work();
        stop.store(true, Relaxed);
        pinger.join().expect("the pauses")
    })
}

fn used_memory(client: &mut Client) -> i64 {
    let info = client.ok("INFO memory").text();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn a_large_table_goes_without_holding_others_up() {
    let server = Options::new().start();
    let mut client = server.connect();
    let idle = longest_pause(&server, || std::thread::sleep(Duration::from_millis(100)));
    for line in [
        "UNLINK t",
        "DEL t",
        "SET t x",
        "RENAME small t",
        "FLUSHALL",
        "FLUSHALL ASYNC",
    ] {
        client.ok("YARR.MIGRATE small UP 1 make ADD FIELD n INTEGER");
        let empty = used_memory(&mut client);
        fill(&mut client, "t", records(), "");
        let full = used_memory(&mut client);
        let pause = longest_pause(&server, || {
            client.ok(line);
            eventually("the memory is given back", || {
                used_memory(&mut client) < empty + (full - empty) / 10
            });
        });
        eprintln!("{line} of {} records: {pause:?}, idle: {idle:?}", records());
        let found = client.run("YARR.FIND t 1").print();
        assert!(!found.contains("text of"), "{line}: {found}");
        client.ok("FLUSHALL");
    }
}
