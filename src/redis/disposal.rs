//! Large tables are freed on a thread of their own, so that no `DEL`, `FLUSHALL`, `RENAME` or key that expires holds
//! the server up. `UNLINK` and the server's own lazy freeing come here on a thread of the server's: they free at once.
//!
//! A server that is about to evict keys waits to see the memory of each come back before it takes the next, so there
//! too a table is freed at once, and on a server that cannot be asked whether it does (before 4.0.3).

use std::{
    cell::Cell,
    ptr,
    sync::{
        OnceLock,
        mpsc::{self, Sender},
    },
    thread,
};

use super::{
    api::{Context, call, has, raw},
    guard::guard,
    holder::Holder,
    log,
};
use crate::index::Index;

/// A table of fewer bytes is freed at once: that takes less than half a millisecond.
const LARGE: usize = 1 << 20;

thread_local! {
    /// A context of no call, to ask the server by, on the thread that runs commands; null on every other.
    static CONTEXT: Cell<*mut raw::RedisModuleCtx> = const { Cell::new(ptr::null_mut()) };
}

/// The way to the thread that frees; `None` where it cannot be started.
static THREAD: OnceLock<Option<Sender<Waste>>> = OnceLock::new();

/// What is to be freed.
#[expect(dead_code, reason = "it is there to be dropped")]
enum Waste {
    Table(Box<Holder>),
    Indexes(Vec<Index>),
}

/// Tells that this thread runs commands.
pub fn begin() {
    let ctx = call!(RedisModule_GetThreadSafeContext(ptr::null_mut()));
    CONTEXT.set(ctx.unwrap_or(ptr::null_mut()));
}

/// Frees a value, later and elsewhere if that may be.
pub fn dispose(holder: Box<Holder>) {
    let large = holder
        .table_as_it_is()
        .is_some_and(|table| table.bytes() >= LARGE);
    discard(Waste::Table(holder), large);
}

/// Frees indexes that a migration has done away with, later and elsewhere if that may be.
pub fn dispose_indexes(indexes: Vec<Index>) {
    let bytes: usize = indexes.iter().map(Index::bytes).sum();
    discard(Waste::Indexes(indexes), bytes >= LARGE);
}

fn discard(waste: Waste, large: bool) {
    if large && may_wait() {
        if let Some(thread) = THREAD.get_or_init(start) {
            // A thread that is gone gives the value back, and it is freed here.
            drop(thread.send(waste));
            return;
        }
    }
    drop(waste);
}

/// Whether nobody waits for the memory: no key is being evicted.
fn may_wait() -> bool {
    let ctx = CONTEXT.get();
    let known = has!(RedisModule_GetContextFlags) && !ctx.is_null();
    // SAFETY: The context was made for this thread, and is never freed.
    known && !unsafe { Context::new(ctx) }.flags().evicts()
}

fn start() -> Option<Sender<Waste>> {
    let (sender, receiver) = mpsc::channel::<Waste>();
    let free = move || {
        for waste in receiver {
            if let Err(panic) = guard(|| drop(waste)) {
                log::warning_from_nowhere(&format!("internal error: cannot free a table: {panic}"));
            }
        }
    };
    let started = thread::Builder::new().name("yarr-free".into()).spawn(free);
    started.is_ok().then_some(sender)
}
