//! Effects leave the table: to replicas and the AOF, to watchers, to listeners.

use std::ffi::{CString, c_int};

use redis_module::raw;

use super::context::{Context, api};
use crate::table::Effects;

/// Replicates effects, tells the key's watchers that it changed, and notifies of what happened.
pub fn carry(context: Context, name: *mut raw::RedisModuleString, effects: &Effects) {
    if effects.is_empty() {
        return;
    }
    for piece in effects.pieces() {
        if let Some(replicate) = api!(RedisModule_Replicate) {
            // SAFETY: `s` takes the key's name, `b` a pointer and a length.
            unsafe {
                replicate(
                    context.0,
                    c"YARR.APPLY".as_ptr(),
                    c"sb".as_ptr(),
                    name,
                    piece.as_ptr(),
                    piece.len(),
                );
            }
        }
    }
    // Servers that have this function are told not to do so by themselves; see `load`.
    if let (Some(signal), Some(_)) = (
        api!(RedisModule_SignalModifiedKey),
        api!(RedisModule_SetModuleOptions),
    ) {
        // SAFETY: the context and the name are the call's.
        unsafe { signal(context.0, name) };
    }
    for event in effects.events() {
        notify(context, name, event);
    }
}

fn notify(context: Context, name: *mut raw::RedisModuleString, event: &str) {
    let Some(notify) = api!(RedisModule_NotifyKeyspaceEvent) else {
        return;
    };
    let event = CString::new(event).unwrap_or_default();
    // SAFETY: the context and the name are the call's; the server copies the event's name.
    unsafe { notify(context.0, event_class(), event.as_ptr(), name) };
}

/// The class of our events: that of modules where the server has one.
fn event_class() -> c_int {
    let known = match api!(RedisModule_GetKeyspaceNotificationFlagsAll) {
        // SAFETY: the function takes nothing.
        Some(all) => unsafe { all() },
        None => 0,
    };
    match known & raw::REDISMODULE_NOTIFY_MODULE {
        0 => raw::REDISMODULE_NOTIFY_GENERIC,
        module => module,
    }
}
