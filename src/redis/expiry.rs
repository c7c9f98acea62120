//! Expired records are removed in the background, in slices of at most 1 ms, by the primary alone.
//!
//! Which tables have records that expire is known by their keys' names: commands, loads and
//! keyspace events tell of them. Each slice opens the key anew; a key that is gone, or holds no
//! record that expires, is forgotten until it is told of again. Where the server has no timers
//! a slice rides on each write.

use std::{
    collections::BTreeSet,
    ffi::{CStr, c_char, c_int, c_void},
    ops::Bound,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use redis_module::raw;

use super::{
    context::{Context, ServerString, api, bytes},
    dispatch::now,
    guard::guarded,
    info,
    key::Key,
    replicate::carry,
    reply::OK,
};
use crate::table::{Event, Table};

/// A slice takes no longer.
const SLICE: Duration = Duration::from_millis(1);
/// Records removed between two looks at the clock: a few dozen microseconds of work.
const STEP: usize = 16;
/// Milliseconds to the next slice when there was nothing left to do, and when there was.
const IDLE: i64 = 100;
const BUSY: i64 = 5;

/// A key by its database and name.
type Place = (c_int, Vec<u8>);

/// The tables with records that expire, and where the last slice ended.
struct Watch {
    places: BTreeSet<Place>,
    last: Option<Place>,
}

static WATCH: Mutex<Watch> = Mutex::new(Watch {
    places: BTreeSet::new(),
    last: None,
});

fn watch() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// How many tables are watched.
pub fn watched() -> u64 {
    watch().places.len() as u64
}

/// Takes note of a table that a command touched.
pub fn notice(context: Context, name: &[u8], table: &Table) {
    if table.has_expiry() {
        note(context.db(), name);
    }
}

/// Takes note of a key that may hold a table with records that expire.
pub fn note(db: c_int, name: &[u8]) {
    let place = (db, name.to_vec());
    watch().places.insert(place);
}

/// Starts the timer and listens to what moves keys, as far as the server can tell.
pub fn begin(context: Context) {
    arm(context, IDLE);
    if let Some(subscribe) = api!(RedisModule_SubscribeToKeyspaceEvents) {
        // SAFETY: the callback stays for as long as the module, which is never unloaded.
        unsafe { subscribe(context.0, raw::REDISMODULE_NOTIFY_GENERIC, Some(key_moved)) };
    }
}

fn arm(context: Context, milliseconds: i64) {
    if let Some(create) = api!(RedisModule_CreateTimer) {
        // SAFETY: the callback takes no data.
        unsafe { create(context.0, milliseconds, Some(tick), std::ptr::null_mut()) };
    }
}

unsafe extern "C" fn tick(context: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    let context = Context(context);
    let more = guarded(|| slice(context));
    if let Err(panic) = &more {
        context.warn(&format!("yarr: expiry panicked: {panic}"));
    }
    arm(context, if more == Ok(true) { BUSY } else { IDLE });
}

/// A slice on a command, where the server has no timers.
pub fn ride_along(context: Context) {
    if api!(RedisModule_CreateTimer).is_none() {
        let db = context.db();
        slice(context);
        select(context, db);
    }
}

/// Works for one slice; answers whether something that is due was left.
fn slice(context: Context) -> bool {
    if !context.may_work() {
        return false;
    }
    let begun = Instant::now();
    let tables = watch().places.len();
    for _ in 0..tables {
        let Some(place) = next_place() else {
            return false;
        };
        if !reclaim(context, &place, begun) {
            return true;
        }
    }
    false
}

/// The place after the one of last time, around and around.
fn next_place() -> Option<Place> {
    let mut watch = watch();
    let after = match &watch.last {
        Some(last) => Bound::Excluded(last.clone()),
        None => Bound::Unbounded,
    };
    let later = watch.places.range((after, Bound::Unbounded)).next().cloned();
    let place = later.or_else(|| watch.places.first().cloned());
    watch.last.clone_from(&place);
    place
}

fn select(context: Context, db: c_int) -> bool {
    match api!(RedisModule_SelectDb) {
        // SAFETY: the context is the call's.
        Some(select) => unsafe { select(context.0, db) == OK },
        None => false,
    }
}

/// Removes expired records of one table while the slice lasts; answers whether it got through.
fn reclaim(context: Context, place: &Place, begun: Instant) -> bool {
    let forget = || {
        watch().places.remove(place);
        true
    };
    let (db, name) = place;
    let Some(name) = select(context, *db)
        .then(|| ServerString::new(context, name))
        .flatten()
    else {
        return forget();
    };
    loop {
        let mut key = Key::open(context, name.pointer, true);
        let effects = match key.table_mut() {
            Ok(Some(table)) if table.has_expiry() => table.reclaim(now(), STEP),
            _ => return forget(),
        };
        drop(key);
        if effects.is_empty() {
            return true;
        }
        info::COUNTS.expired.add(effects.count(Event::Expired));
        carry(context, name.pointer, &effects);
        if begun.elapsed() >= SLICE {
            return false;
        }
    }
}

/// A key came to a name by other ways than our commands: what lies there is looked at in a slice.
unsafe extern "C" fn key_moved(
    context: *mut raw::RedisModuleCtx,
    _class: c_int,
    event: *const c_char,
    name: *mut raw::RedisModuleString,
) -> c_int {
    const ARRIVALS: [&[u8]; 4] = [b"rename_to", b"copy_to", b"move_to", b"restore"];
    let _ = guarded(|| {
        // SAFETY: the server lends the event's name and the key's for the length of the call.
        let (event, name) = unsafe { (CStr::from_ptr(event), bytes(name)) };
        if ARRIVALS.contains(&event.to_bytes()) {
            note(Context(context).db(), name);
        }
    });
    OK
}
