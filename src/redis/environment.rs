//! What a command may know of the world: the clock, chance and the limits.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    api::{call, has},
    background, config,
};
use crate::commands::{Environment, Now};

/// Random bits are fetched so many at a time.
const FETCHED: usize = 8;

/// Random bits not yet handed out, and how many.
static POOL: Mutex<([u64; FETCHED], usize)> = Mutex::new(([0; FETCHED], 0));

/// The world as one command sees it.
#[inline]
pub fn environment() -> Environment<'static> {
    let mut limits = config::limits();
    if !background::has_timer() {
        // Nothing goes on between commands.
        limits.inline_records = u64::MAX;
    }
    Environment {
        now: Now::of(now),
        limits,
        random: &random,
    }
}

/// Milliseconds since 1970 UTC: the server asks for them around each command, so its way of asking is at
/// hand.
#[inline]
pub fn now() -> i64 {
    call!(RedisModule_Milliseconds()).unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    })
}

/// How long a processor has been at this thread: what a slice took of the server, whoever else had the
/// machine meanwhile.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: It writes to `time`, which is there, and to nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
}

/// The server's random bits: seeded from the system's, and other ones in every process.
fn random() -> u64 {
    let Ok(mut pool) = POOL.lock() else {
        return fetch()[0];
    };
    if pool.1 == 0 {
        *pool = (fetch(), FETCHED);
    }
    pool.1 -= 1;
    let next = pool.1;
    pool.0.get(next).copied().unwrap_or_default()
}

fn fetch() -> [u64; FETCHED] {
    if !has!(RedisModule_GetRandomBytes) {
        // Redis 4: the keys of the standard library's hash maps come from the system's random bits.
        return std::array::from_fn(|_| RandomState::new().build_hasher().finish());
    }
    let mut bytes = [0u8; FETCHED * 8];
    call!(RedisModule_GetRandomBytes(bytes.as_mut_ptr(), bytes.len()));
    let mut words = [0; FETCHED];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_le_bytes);
    }
    words
}
