//! Large tables are freed on a thread of their own, so that no `DEL`, `FLUSHALL`, `RENAME` or key that expires holds
//! the server up. `UNLINK` and the server's own lazy freeing come here on a thread of the server's: they free at once.
//!
//! A server that is about to evict keys waits to see the memory of each come back before it takes the next, so there
//! too a table is freed at once. Before Redis 6 a server cannot be asked, and everything is freed at once.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        mpsc::{self, Sender},
    },
    thread,
};

use super::{
    api::{call, has, raw},
    guard::guard,
    holder::Holder,
    log,
};

/// A table of fewer bytes is freed at once: that takes less than half a millisecond.
const LARGE: usize = 1 << 20;

thread_local! {
    /// Whether this is the thread that runs commands.
    static COMMANDS: Cell<bool> = const { Cell::new(false) };
}

/// The way to the thread that frees; `None` where it cannot be started.
static THREAD: OnceLock<Option<Sender<Box<Holder>>>> = OnceLock::new();

/// Tells that this thread runs commands.
pub fn begin() {
    COMMANDS.set(true);
}

/// Frees a value, later and elsewhere if that may be.
pub fn dispose(holder: Box<Holder>) {
    let large = holder
        .table_as_it_is()
        .is_some_and(|table| table.bytes() >= LARGE);
    if large && COMMANDS.get() && may_wait() {
        if let Some(thread) = THREAD.get_or_init(start) {
            // A thread that is gone gives the value back, and it is freed here.
            drop(thread.send(holder));
            return;
        }
    }
    drop(holder);
}

/// Whether nobody waits for the memory: no key is being evicted.
fn may_wait() -> bool {
    // Earlier servers want a context, of which there is none here.
    if !has!(RedisModule_IsIOError) {
        return false;
    }
    let flags = call!(RedisModule_GetContextFlags(std::ptr::null_mut()));
    let evicts = raw::REDISMODULE_CTX_FLAGS_EVICT | raw::REDISMODULE_CTX_FLAGS_OOM;
    flags.is_some_and(|flags| flags as u32 & evicts != evicts)
}

fn start() -> Option<Sender<Box<Holder>>> {
    let (sender, receiver) = mpsc::channel::<Box<Holder>>();
    let free = move || {
        for holder in receiver {
            if let Err(panic) = guard(|| drop(holder)) {
                log::warning_from_nowhere(&format!("internal error: cannot free a table: {panic}"));
            }
        }
    };
    let started = thread::Builder::new().name("yarr-free".into()).spawn(free);
    started.is_ok().then_some(sender)
}
