//! Work between commands, in slices of at most 1 ms: reclaiming expired records, and the passes of
//! migrations that are running.
//!
//! A primary removes what has expired and replicates the removal. Nobody sees an expired record,
//! reclaimed or not; what the slices give back is memory. A migration's pass goes on everywhere, so
//! that a replica has what it needs when its primary decides how the migration ends.
//!
//! Which tables have such work is kept in a [`Register`]. A timer looks at those that are due.
//! Before Redis 6 there is none: each write to a table reclaims a few of its records instead, and
//! a migration is carried out in its command. Redis 4 has no timers, and Redis 5 takes what a
//! timer replicates for the beginning of a transaction that never ends.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    api::{Context, OwnedString, StringRef, call, has, raw},
    config::limits,
    environment::{now, processor_time},
    guard::guard,
    holder::Holder,
    info::{LONGEST_SLICE, LONGEST_SLICE_CPU, MIGRATED, SLICES},
    key::{Key, Mode},
    log,
    register::{Look, Place, Register},
    replicate,
};
use crate::{
    commands::work,
    schema::State,
    table::{Effects, Table},
};

/// Records removed between two looks at the clock, at first and where a write does it.
const BATCH: usize = 16;
/// A batch grows and shrinks until it takes about so long: each travels by itself.
const STRIDE: Duration = Duration::from_micros(100);
/// A slice takes on no further batch after so long.
const SLICE: Duration = Duration::from_micros(600);
/// From one slice to the next, while nothing is due.
const REST: Duration = Duration::from_millis(100);
/// From one slice to the next, while more is due: a quarter of the time at most.
const BREATH: Duration = Duration::from_millis(3);

static REGISTER: Mutex<Register> = Mutex::new(Register::new());
/// Whether the timer runs.
static TIMER: AtomicBool = AtomicBool::new(false);

/// Never held while the server is called, which may call back.
fn register() -> MutexGuard<'static, Register> {
    REGISTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether slices run by themselves.
pub fn has_timer() -> bool {
    TIMER.load(Relaxed)
}

/// Starts the timer, where a timer may replicate. On Redis 5 none may, and one that is made while
/// modules are loaded crashes the server; its IO errors tell Redis 6.
pub fn start(ctx: Context) {
    if has!(RedisModule_CreateTimer) && has!(RedisModule_IsIOError) {
        TIMER.store(true, Relaxed);
        rearm(ctx, REST);
    }
}

fn rearm(ctx: Context, rest: Duration) {
    let rest = rest.as_millis() as i64;
    call!(RedisModule_CreateTimer(
        ctx.pointer(),
        rest,
        Some(tick),
        ptr::null_mut()
    ));
}

/// Where this server is about to be told how a migration of the table ended, it need not have come to
/// the end itself: what is missing is built in slices, if there are any.
#[inline]
pub fn allow_late(ctx: Context, table: Option<&mut Table>) {
    if let Some(table) = table.filter(|table| table.running().is_some()) {
        if has_timer() && ctx.flags().follows() {
            table.may_be_late();
        }
    }
}

/// Puts a table that a command touched into the register, if there is work to do on it and it is
/// not there yet.
#[inline]
pub fn note(ctx: Context, name: StringRef<'_>, holder: &Holder) {
    let works = holder.table_as_it_is().is_some_and(Table::has_work);
    if works && holder.noted().get() != super::register::generation() {
        note_anew(ctx, name, holder);
    }
}

#[cold]
fn note_anew(ctx: Context, name: StringRef<'_>, holder: &Holder) {
    let (true, Some(table)) = (has_timer(), holder.table_as_it_is()) else {
        return;
    };
    let place = Place::new(Some(ctx.selected_db()), name.bytes());
    register().add(place, table.identity(), now());
    holder.noted().set(super::register::generation());
    holder.count_migration();
    subscribe(ctx);
}

/// Puts a table that is being loaded into the register, if there is work to do on it.
pub fn note_loaded(ctx: Option<Context>, db: Option<i32>, name: &[u8], table: &Table) {
    if has_timer() && table.has_work() {
        register().add(Place::new(db, name), table.identity(), now());
        ctx.into_iter().for_each(subscribe);
    }
}

/// One slice, when the timer says so.
///
/// # Safety
/// Only the server may call it.
unsafe extern "C" fn tick(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    // SAFETY: The server's promise.
    let ctx = unsafe { Context::new(ctx) };
    let (started, processor) = (Instant::now(), processor_time());
    let more = guard(|| !ctx.flags().loading() && slice(ctx, started));
    let more = more.unwrap_or_else(|panic| {
        log::warning(ctx, &format!("internal error between commands: {panic}"));
        false
    });
    let processor = processor_time().saturating_sub(processor);
    LONGEST_SLICE.at_least(started.elapsed().as_micros() as u64);
    LONGEST_SLICE_CPU.at_least(processor.as_micros() as u64);
    rearm(ctx, if more { BREATH } else { REST });
}

/// Whether this server decides what is written, and may do so now: while it is paused for a
/// failover, a replicated write would abort it.
fn may_write(ctx: Context) -> bool {
    ctx.flags().decides() && call!(RedisModule_AvoidReplicaTraffic()).unwrap_or_default() == 0
}

/// Looks at the tables that are due, until all are done or the time is up; then it answers true.
fn slice(ctx: Context, started: Instant) -> bool {
    let now = now();
    let decides = may_write(ctx);
    loop {
        let Some((place, identity)) = register().next_due(now) else {
            return false;
        };
        let look = match place.db {
            Some(db) => look(ctx, db, &place.name, identity, now, started, decides),
            None => search(ctx, &place.name, now),
        };
        let more = matches!(look, Look::More);
        register().looked(place, identity, look, now);
        if more || started.elapsed() >= SLICE {
            return true;
        }
    }
}

/// Looks at one table, and works on it as long as there is time. `decides`: whether this server
/// decides what is written.
fn look(
    ctx: Context,
    db: i32,
    name: &[u8],
    identity: u64,
    now: i64,
    started: Instant,
    decides: bool,
) -> Look {
    if !ctx.select_db(db) {
        return Look::Gone;
    }
    let name = OwnedString::new(ctx, name);
    let Some((other, next_expiry, migrates)) = peek(ctx, name.as_ref()) else {
        return Look::Gone;
    };
    if migrates && decides && next_expiry.is_some_and(|at| at <= now) {
        // What has expired gives its memory back also while a long migration goes on.
        reclaim(ctx, name.as_ref(), now, started, SLICE / 2);
    }
    if migrates && go_on(ctx, name.as_ref(), started, decides) {
        return Look::More;
    }
    match next_expiry {
        None if other != identity => Look::Gone,
        None if migrates => Look::Later(now),
        None => Look::Quiet,
        Some(at) if at > now => Look::Later(at),
        Some(_) if !decides => Look::Later(i64::MAX),
        Some(_) => reclaim(ctx, name.as_ref(), now, started, SLICE),
    }
}

/// Goes on with the migration that is running on a table; whether there is more to do here.
fn go_on(ctx: Context, name: StringRef<'_>, started: Instant, decides: bool) -> bool {
    SLICES.bump();
    let (mut batch, mut before) = (BATCH, started.elapsed());
    while work_batch(ctx, name, batch, decides) {
        let after = started.elapsed();
        if after >= SLICE {
            return true;
        }
        batch = stride(batch, after - before);
        before = after;
    }
    false
}

/// Has the migration look at so many records more; whether there is more to do here.
fn work_batch(ctx: Context, name: StringRef<'_>, batch: usize, decides: bool) -> bool {
    // Where nothing is decided nobody sees a change.
    let mode = if decides { Mode::Write } else { Mode::Peek };
    let mut key = Key::open(ctx, name, mode);
    let Ok(Some(holder)) = key.holder_mut() else {
        return false;
    };
    let worked = holder.change(|table| match table {
        Some(table) => {
            let before = table.progress().map_or(0, |progress| progress.met);
            let worked = work(table, batch, now(), decides)?;
            // One that has ended well has met them all.
            let ended = table.history().lines.last().map(|line| &line.state);
            let after = match table.progress() {
                Some(progress) => progress.met,
                None if ended == Some(&State::Applied) => table.len(),
                None => before,
            };
            MIGRATED.add(after.saturating_sub(before));
            Ok(worked)
        }
        None => Ok((Effects::none(), false)),
    });
    holder.count_migration();
    drop(key);
    match worked {
        Ok((effects, more)) => {
            replicate::publish(ctx, name, &effects);
            more
        }
        Err(error) => {
            log::warning(ctx, &format!("a migration does not go on: {error}"));
            false
        }
    }
}

/// The size of the next batch, where one took so long.
fn stride(batch: usize, took: Duration) -> usize {
    match took {
        took if took < STRIDE / 2 => batch * 2,
        took if took > STRIDE * 2 => (batch / 2).max(1),
        _ => batch,
    }
}

/// The identity of the table of that name, when its first record expires, and whether a migration
/// is running or its indexes are late.
fn peek(ctx: Context, name: StringRef<'_>) -> Option<(u64, Option<i64>, bool)> {
    let key = Key::open(ctx, name, Mode::Peek);
    let holder = key.holder().ok()??;
    holder.count_migration();
    let table = holder.table().ok()?;
    let migrates = table.running().is_some() || table.is_late();
    Some((table.identity(), table.next_expiry(), migrates))
}

fn reclaim(ctx: Context, name: StringRef<'_>, now: i64, started: Instant, until: Duration) -> Look {
    SLICES.bump();
    let (mut batch, mut before) = (BATCH, started.elapsed());
    while reclaim_batch(ctx, name, now, batch) {
        let after = started.elapsed();
        if after >= until {
            return Look::More;
        }
        batch = stride(batch, after - before);
        before = after;
    }
    Look::Later(now)
}

/// Removes up to `most` of the records that have expired; false where none is left.
fn reclaim_batch(ctx: Context, name: StringRef<'_>, now: i64, most: usize) -> bool {
    let mut key = Key::open(ctx, name, Mode::Write);
    let Ok(Some(holder)) = key.holder_mut() else {
        return false;
    };
    let reclaimed = holder.change(|table| {
        Ok(table.as_mut().map(|table| {
            let effects = table.reclaim(now, most);
            effects.and(table.keep_tombstones(&limits().tombstones, now))
        }))
    });
    drop(key);
    match reclaimed {
        Ok(Some(effects)) if !effects.is_empty() => {
            replicate::publish(ctx, name, &effects);
            true
        }
        _ => false,
    }
}

/// Looks for a table of that name in every database: it was loaded from an RDB that does not
/// tell which, or SWAPDB took it away.
fn search(ctx: Context, name: &[u8], now: i64) -> Look {
    let string = OwnedString::new(ctx, name);
    for db in 0.. {
        if !ctx.select_db(db) {
            break;
        }
        match peek(ctx, string.as_ref()) {
            Some((identity, expiry, migrates)) if expiry.is_some() || migrates => {
                register().add(Place::new(Some(db), name), identity, now);
            }
            _ => {}
        }
    }
    Look::Searched
}

/// Whether a write to this table is to do some of its work, because no timer does it.
#[inline]
pub fn rides(holder: &Holder) -> bool {
    !has_timer() && holder.table_as_it_is().is_some_and(Table::has_work)
}

/// Does some of the work on a table that was written to.
#[cold]
pub fn ride(ctx: Context, name: StringRef<'_>) {
    if ctx.flags().decides() {
        reclaim_batch(ctx, name, now(), BATCH);
        // Here a migration is running only where another server began it.
        go_on(ctx, name, Instant::now(), true);
    }
}

/// Asks, once, to be told of keys that get another name. Not before the register has a table: a
/// server whose records do not expire does not pay for it.
///
/// Valkey 8.1 calls back on the client that moved the key and leaves it in the other database.
/// There nothing is asked: a table that was moved is searched for, one that was renamed comes
/// back with the next command that touches it.
fn subscribe(ctx: Context) {
    static SUBSCRIBED: AtomicBool = AtomicBool::new(false);
    if !SUBSCRIBED.swap(true, Relaxed) && !ctx.is_valkey("8.1.") {
        let general = raw::REDISMODULE_NOTIFY_GENERIC;
        call!(RedisModule_SubscribeToKeyspaceEvents(
            ctx.pointer(),
            general,
            Some(hear)
        ));
    }
}

/// A key came to a name: if it is a table with records that expire, it goes into the register.
///
/// # Safety
/// Only the server may call it.
unsafe extern "C" fn hear(
    ctx: *mut raw::RedisModuleCtx,
    _kind: c_int,
    event: *const c_char,
    name: *mut raw::RedisModuleString,
) -> c_int {
    const ARRIVALS: [&[u8]; 4] = [b"rename_to", b"copy_to", b"move_to", b"restore"];
    // SAFETY: The server's promise; it gives the event as C has text.
    let (event, ctx, name) = unsafe {
        (
            CStr::from_ptr(event),
            Context::new(ctx),
            StringRef::new(name),
        )
    };
    if ARRIVALS.contains(&event.to_bytes()) {
        let noted = guard(|| {
            let key = Key::open(ctx, name, Mode::Peek);
            if let Ok(Some(holder)) = key.holder() {
                holder.noted().set(0);
                note(ctx, name, holder);
            }
        });
        if let Err(panic) = noted {
            log::warning(ctx, &format!("internal error: {panic}"));
        }
    }
    super::api::OK
}
