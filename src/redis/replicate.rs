//! What a write did, told to whoever should know: replicas and the AOF, WATCH and client-side
//! caches, subscribers of keyspace events.

use std::ffi::{CStr, c_char, c_int};

use super::{
    api::{Context, StringRef, call, raw},
    info::EXPIRED,
};
use crate::table::{Effects, Event};

/// The command that carries effects.
const APPLY: &CStr = c"YARR.APPLY";

/// Tells what a write did to the table of that name. The key must be closed: whoever is told may
/// open it.
#[inline]
pub fn publish(ctx: Context, name: StringRef<'_>, effects: &Effects) {
    if effects.is_empty() {
        return;
    }
    // This spares the server the making of another command.
    if effects.as_asked() {
        call!(RedisModule_ReplicateVerbatim(ctx.pointer()));
    }
    for piece in effects.pieces() {
        replicate(ctx, name, piece);
    }
    call!(RedisModule_SignalModifiedKey(ctx.pointer(), name.pointer()));
    for event in effects.events() {
        notify(ctx, name, event);
    }
    EXPIRED.add(effects.count(Event::Expired));
}

/// Pieces of one command travel within one MULTI.
#[inline]
fn replicate(ctx: Context, name: StringRef<'_>, piece: &[u8]) {
    let start: *const c_char = piece.as_ptr().cast();
    call!(RedisModule_Replicate(
        ctx.pointer(),
        APPLY.as_ptr(),
        c"sb".as_ptr(),
        name.pointer(),
        start,
        piece.len()
    ));
}

#[inline]
fn notify(ctx: Context, name: StringRef<'_>, event: &CStr) {
    let kind = event_kind();
    call!(RedisModule_NotifyKeyspaceEvent(
        ctx.pointer(),
        kind,
        event.as_ptr(),
        name.pointer()
    ));
}

/// The class of events: that of modules where the server knows it, else the general one.
fn event_kind() -> c_int {
    let known = call!(RedisModule_GetKeyspaceNotificationFlagsAll()).unwrap_or_default();
    match known & raw::REDISMODULE_NOTIFY_MODULE {
        0 => raw::REDISMODULE_NOTIFY_GENERIC,
        module => module,
    }
}
