//! Rounds of questions to YARR and SQLite: a fixed number of them, the same each time.
//!
//! `QUERIES` says how many questions (40,000), `YARR_SEED` the seed of the first round (1). A
//! difference is told with the seed of its round.

use std::sync::atomic::{AtomicU64, Ordering};

use yarr_differential::{QUESTIONS, round};

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: expected a number, found {text}")),
        Err(_) => otherwise,
    }
}

#[test]
fn yarr_answers_as_sqlite_does() {
    let first = setting("YARR_SEED", 1);
    let rounds = setting("QUERIES", 40_000).div_ceil(QUESTIONS as u64);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= rounds {
                        break;
                    }
                    round(first.wrapping_add(at));
                }
            });
        }
    });
    println!(
        "{} questions in {rounds} rounds, none answered differently",
        rounds * QUESTIONS as u64
    );
}
