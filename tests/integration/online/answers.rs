//! What an index that is being built answers while others write: right, or not yet.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{last_state, make, options, together};
use crate::{able::needs, cli::Client, random::Random};

/// Writes at random, of every kind, until it is told to stop; `n` and `s` stay in their ranges.
fn write_on(client: &mut Client, random: &mut Random, stop: &AtomicBool) {
    while !stop.load(Relaxed) {
        let (id, n, to) = (
            1 + random.below(30_000),
            random.below(100),
            random.below(100),
        );
        let line = match random.below(7) {
            0 => format!("YARR.CREATE t n {n} s s{} t 1 a{}", to % 10, n % 3),
            1 => format!("YARR.CREATE t FIELDS 2 n s VALUES {n} s1 {to} s2 {n} s3"),
            2 => format!("YARR.DEL t {id}"),
            3 => format!("YARR.UPDATE t {id} SET n {n} t 2 a0 a{}", to % 3),
            4 => format!(
                "YARR.UPDATE t WHERE id BETWEEN {id} AND {} SET n {to} s s{}",
                id + 20,
                n % 10
            ),
            5 => format!("YARR.UPDATE t {id} UNSET n t"),
            // Refused after its first rows are in, which then go again.
            _ => format!("YARR.CREATE t FIELDS 2 id n VALUES 900000 {n} 900001 {to} 900000 {n}"),
        };
        let code = client.run(&line).code();
        assert!(code != "ERR" && code != "BADVALUE", "{line}: {code}");
    }
}

#[test]
fn an_index_answers_right_or_not_yet_whatever_is_written_meanwhile() {
    needs!(TIMERS);
    let server = options().start();
    let mut client = server.connect();
    make(&mut client, "t", 30_000);
    let (mut random, seed) = Random::seeded(std::process::id().into());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (mut client, mut random, stop) =
                    (server.connect(), Random::from(random.bits()), &stop);
                scope.spawn(move || write_on(&mut client, &mut random, stop))
            })
            .collect();
        let look = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for (version, operations) in [
                "ADD INDEX n",
                "ADD INDEX n s",
                "ADD INDEX n BITMAP",
                "ADD INDEX t BITMAP",
                "ADD FIELD x INTEGER INDEX ADD INDEX n ADD INDEX t BITMAP ADD INDEX s n",
            ]
            .iter()
            .enumerate()
            {
                let up = format!("YARR.MIGRATE t UP {} index {operations}", version + 2);
                assert_eq!(client.run(&up).print(), "RUNNING");
                let waited = watch_an_index(&mut client, &mut random, operations);
                assert!(waited > 0, "seed {seed}, {operations}: never building");
                assert_eq!(last_state(&mut client, "t"), "APPLIED");
                client.ok(&format!("YARR.MIGRATE t DOWN {} DROP DATA", version + 2));
            }
        }));
        stop.store(true, Relaxed);
        assert!(
            look.is_ok() && writers.into_iter().all(|writer| writer.join().is_ok()),
            "seed {seed}"
        );
    });
}

/// Asks what the coming index serves until it is served, and a little longer; answers how often it was not.
#[track_caller]
fn watch_an_index(client: &mut Client, random: &mut Random, operations: &str) -> usize {
    let (mut waited, mut served) = (0, 0);
    while served < 20 {
        let asked = match operations.starts_with("ADD INDEX t") {
            true => format!("t CONTAINS a{}", random.below(3)),
            false => format!("n = {}", random.below(100)),
        };
        // No index serves the other side, and no record meets it: a walk over the table.
        let replies = together(
            client,
            &[
                &format!("YARR.WHERE t {asked} ORDER BY id IDS"),
                &format!("YARR.WHERE t {asked} OR u = -1 ORDER BY id IDS SCAN"),
            ],
        );
        match replies[0].code().as_str() {
            "INDEXBUILDING" => waited += 1,
            _ => {
                assert!(
                    replies[0] == replies[1],
                    "{operations}, {asked}: {} and {} ids",
                    replies[0].words().len(),
                    replies[1].words().len()
                );
                served += 1;
            }
        }
    }
    waited
}
