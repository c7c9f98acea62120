//! Nobody waits for a large table to grow, to expire or to go: the longest pause that another client sees is printed
//! beside that of an idle server.
//!
//! `YARR_RECORDS` says how many records the tables have.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    cli::Client,
    server::{Options, Server, eventually},
};

/// Makes a table of so many records, with an index of each kind, so many by one command.
fn fill(client: &mut Client, table: &str, records: usize, step: usize, expiry: &str) {
    client.ok(&format!(
        "YARR.MIGRATE {table} UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD s STRING INDEX ADD FIELD e ENUM ( a b c ) BITMAP TIMESTAMPS OFF"
    ));
    for start in (0..records).step_by(step) {
        let mut words: Vec<String> = format!("YARR.CREATE {table} {expiry} FIELDS 3 n s e VALUES")
            .split_whitespace()
            .map(String::from)
            .collect();
        for n in start..records.min(start + step) {
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
        // The pings end also where the work fails.
        let worked = catch_unwind(AssertUnwindSafe(|| {
            eventually("pings are answered", || started.load(Relaxed));
            work();
        }));
        stop.store(true, Relaxed);
        if let Err(panic) = worked {
            resume_unwind(panic);
        }
        pinger.join().expect("the pauses")
    })
}

/// The longest pause while nothing goes on.
fn idle(server: &Server) -> Duration {
    longest_pause(server, || std::thread::sleep(Duration::from_millis(100)))
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
    let idle = idle(&server);
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
        fill(&mut client, "t", records(), 5000, "");
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

#[test]
fn a_table_grows_without_holding_others_up() {
    const STEP: usize = 100;
    let server = Options::new().start();
    let mut client = server.connect();
    let idle = idle(&server);
    let small = longest_pause(&server, || {
        fill(&mut client, "small", STEP * 50, STEP, "");
    });
    let pause = longest_pause(&server, || {
        fill(&mut client, "t", records(), STEP, "");
    });
    eprintln!(
        "growing to {} records by commands of {STEP}: {pause:?}, to {}: {small:?}, idle: {idle:?}",
        records(),
        STEP * 50
    );
    assert_eq!(client.count("YARR.WHERE t * COUNT"), records() as i64);
}

#[test]
fn records_that_expire_at_once_go_without_holding_others_up() {
    let server = Options::new().start();
    let mut client = server.connect();
    let empty = used_memory(&mut client);
    let idle = idle(&server);
    let mut patience = Duration::from_micros(20 * records() as u64);
    // Each record goes at the same millisecond, which must not come before the last of them is there.
    let (at, full) = loop {
        let at = since_epoch() + patience;
        let expiry = format!("PXAT {}", at.as_millis());
        fill(&mut client, "t", records(), 5000, &expiry);
        if since_epoch() < at {
            break (at, used_memory(&mut client));
        }
        client.ok("FLUSHALL");
        patience *= 2;
    };
    while let Some(left) = at.checked_sub(since_epoch()) {
        std::thread::sleep(left);
    }
    let pause = longest_pause(&server, || {
        for tenths in (1..10).rev() {
            eventually("the memory is given back", || {
                // Where no timer reclaims, writes do.
                (0..20).for_each(|_| _ = client.ok("YARR.CREATE t n 1"));
                used_memory(&mut client) < empty + (full - empty) / 10 * tenths
            });
        }
    });
    let took = since_epoch() - at;
    // Where the server shows it, what the slices took by themselves.
    let info = client.run("INFO yarr").print();
    let slice = info
        .split("longest_slice_us:")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    eprintln!(
        "{} records expire in one millisecond: {pause:?}, all gone after {took:?}, idle: {idle:?}, longest slice {} us",
        records(),
        slice.unwrap_or("-")
    );
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock past 1970")
}
