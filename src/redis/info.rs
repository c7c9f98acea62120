//! What the module did so far: counters, and the section that INFO shows of them.

use std::{
    ffi::{CStr, c_int},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    api::{Context, OK, call, raw},
    background, config,
    guard::guard,
};

/// A number that INFO shows.
pub struct Counter(AtomicU64);

impl Counter {
    /// Nothing counted yet.
    pub const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Counts one more. Only for the thread that runs commands: it costs next to nothing.
    #[inline]
    pub fn bump(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Counts so many more, from any thread.
    #[inline]
    pub fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Relaxed);
        }
    }

    /// Counts so many fewer, from any thread.
    pub fn subtract(&self, fewer: u64) {
        self.0.fetch_sub(fewer, Relaxed);
    }

    /// Remembers the largest.
    pub fn at_least(&self, number: u64) {
        self.0.fetch_max(number, Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Tables in memory.
pub static TABLES: Counter = Counter::new();
/// Tables that are looked at between commands: some of their records expire, or a migration is running.
pub static TABLES_WITH_WORK: Counter = Counter::new();
/// Records removed because they had expired.
pub static EXPIRED: Counter = Counter::new();
/// Commands run, those that failed included.
pub static COMMANDS_RUN: Counter = Counter::new();
/// Commands that answered an error.
pub static ERRORS: Counter = Counter::new();
/// Panics caught.
pub static PANICS: Counter = Counter::new();
/// Migrations that are running.
pub static MIGRATIONS: Counter = Counter::new();
/// Records that migrations have met between commands.
pub static MIGRATED: Counter = Counter::new();
/// Slices of background work.
pub static SLICES: Counter = Counter::new();
/// The longest slice, in microseconds.
pub static LONGEST_SLICE: Counter = Counter::new();

/// The most that a slice took of a processor, in microseconds.
pub static LONGEST_SLICE_CPU: Counter = Counter::new();

/// Has INFO show the module's section, where the server asks modules for one (Redis 6).
pub fn register(ctx: Context) {
    call!(RedisModule_RegisterInfoFunc(ctx.pointer(), Some(show)));
}

/// Adds the section `yarr`. A crash report asks for it too, from a signal handler: nothing here
/// allocates or locks.
///
/// # Safety
/// Only the server may call it.
unsafe extern "C" fn show(info: *mut raw::RedisModuleInfoCtx, _for_crash_report: c_int) {
    let _caught = guard(|| {
        if call!(RedisModule_InfoAddSection(info, std::ptr::null())) != Some(OK) {
            return;
        }
        call!(RedisModule_InfoAddFieldCString(
            info,
            c"version".as_ptr(),
            super::VERSION.as_ptr()
        ));
        let limits = config::limits();
        let fields: [(&CStr, u64); 15] = [
            (c"tables", TABLES.get()),
            (c"tables_with_work", TABLES_WITH_WORK.get()),
            (c"commands", COMMANDS_RUN.get()),
            (c"errors", ERRORS.get()),
            (c"panics", PANICS.get()),
            (c"expired_records", EXPIRED.get()),
            (c"migrations_running", MIGRATIONS.get()),
            (c"migration_records", MIGRATED.get()),
            (c"slices", SLICES.get()),
            (c"longest_slice_us", LONGEST_SLICE.get()),
            (c"longest_slice_cpu_us", LONGEST_SLICE_CPU.get()),
            (c"background", u64::from(background::has_timer())),
            (c"max_reply_records", limits.reply_records),
            (c"max_write_records", limits.write_records),
            (c"max_inline_records", limits.inline_records),
        ];
        for (name, number) in fields {
            call!(RedisModule_InfoAddFieldULongLong(
                info,
                name.as_ptr(),
                number
            ));
        }
    });
}
