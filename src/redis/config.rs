//! Settings: module arguments everywhere, `CONFIG SET yarr.*` where the server knows module
//! configuration (Redis 7).

use std::{
    ffi::{CStr, c_char, c_int, c_longlong, c_void},
    ptr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    api::{Context, OK, call, has, raw},
    arguments::Arguments,
    log,
};
use crate::{commands::Limits, error::quoted, table::Caps};

/// A number that an operator may set.
struct Setting {
    name: &'static CStr,
    number: AtomicU64,
}

/// What a setting may be set to at most; at least it is 1.
const MOST: u64 = i64::MAX as u64;

static SETTINGS: [Setting; 6] = [
    Setting {
        name: c"max-reply-records",
        number: AtomicU64::new(Limits::DEFAULT.reply_records),
    },
    Setting {
        name: c"max-write-records",
        number: AtomicU64::new(Limits::DEFAULT.write_records),
    },
    Setting {
        name: c"max-inline-records",
        number: AtomicU64::new(Limits::DEFAULT.inline_records),
    },
    Setting {
        name: c"max-tombstones",
        number: AtomicU64::new(Limits::DEFAULT.tombstones.count),
    },
    Setting {
        name: c"max-tombstone-bytes",
        number: AtomicU64::new(Limits::DEFAULT.tombstones.bytes),
    },
    // In seconds.
    Setting {
        name: c"max-tombstone-age",
        number: AtomicU64::new(Limits::DEFAULT.tombstones.age / 1000),
    },
];

/// The limits of now.
#[inline]
pub fn limits() -> Limits {
    let [reply, write, inline, count, bytes, age] = &SETTINGS;
    Limits {
        reply_records: reply.number.load(Relaxed),
        write_records: write.number.load(Relaxed),
        inline_records: inline.number.load(Relaxed),
        tombstones: Caps {
            count: count.number.load(Relaxed),
            bytes: bytes.number.load(Relaxed),
            age: age.number.load(Relaxed).saturating_mul(1000),
        },
    }
}

/// Takes the module's arguments: names of settings and their values.
///
/// # Errors
/// What is wrong with them, for the log.
pub fn take_arguments(arguments: Arguments<'_>) -> Result<(), String> {
    for place in (0..arguments.len()).step_by(2) {
        let name = arguments.get(place).map_or(&[][..], |name| name.bytes());
        let matches = |setting: &&Setting| setting.name.to_bytes().eq_ignore_ascii_case(name);
        let Some(setting) = SETTINGS.iter().find(matches) else {
            return Err(format!(
                "unknown argument {}: expected {}",
                quoted(name),
                SETTINGS
                    .each_ref()
                    .map(|setting| setting.name.to_string_lossy())
                    .join(", ")
            ));
        };
        let value = arguments.get(place + 1).map(|value| value.bytes());
        let number = value.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        match number.filter(|number| (1..=MOST).contains(number)) {
            Some(number) => setting.number.store(number, Relaxed),
            None => {
                return Err(format!(
                    "{} expects a number from 1 on, found {}",
                    String::from_utf8_lossy(name),
                    value.map_or("nothing".into(), quoted)
                ));
            }
        }
    }
    Ok(())
}

/// Makes the settings known to CONFIG; what the arguments said is what they are by default.
///
/// # Errors
/// The server refused one, or a value in its configuration file is not fit.
pub fn register(ctx: Context) -> Result<(), String> {
    if !has!(RedisModule_RegisterNumericConfig) || !has!(RedisModule_LoadConfigs) {
        return Ok(());
    }
    for setting in &SETTINGS {
        let registered = call!(RedisModule_RegisterNumericConfig(
            ctx.pointer(),
            setting.name.as_ptr(),
            number_of(setting),
            raw::REDISMODULE_CONFIG_DEFAULT,
            1,
            MOST as c_longlong,
            Some(read),
            Some(write),
            None,
            ptr::from_ref(setting).cast_mut().cast()
        ));
        if registered != Some(OK) {
            return Err(format!(
                "the server refuses the setting yarr.{}",
                setting.name.to_string_lossy()
            ));
        }
    }
    match call!(RedisModule_LoadConfigs(ctx.pointer())) {
        Some(OK) => Ok(()),
        _ => Err("the server's configuration has a value for yarr.* that is not fit".into()),
    }
}

fn number_of(setting: &Setting) -> c_longlong {
    c_longlong::try_from(setting.number.load(Relaxed)).unwrap_or(c_longlong::MAX)
}

/// Answers CONFIG GET.
///
/// # Safety
/// Only the server may call it, with a setting that [`register`] gave.
unsafe extern "C" fn read(_name: *const c_char, setting: *mut c_void) -> c_longlong {
    // SAFETY: It is a setting, and all settings are static.
    number_of(unsafe { &*setting.cast::<Setting>() })
}

/// Takes what CONFIG SET says; the server has checked that it is within the bounds.
///
/// # Safety
/// Only the server may call it, with a setting that [`register`] gave.
unsafe extern "C" fn write(
    _name: *const c_char,
    number: c_longlong,
    setting: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: It is a setting, and all settings are static.
    let setting = unsafe { &*setting.cast::<Setting>() };
    setting.number.store(number.unsigned_abs().max(1), Relaxed);
    OK
}

/// A table is one key: a policy that evicts keys takes all its records at once. Redis 5 crashes
/// on a call made while it loads modules, so there nothing is asked.
pub fn warn_of_eviction(ctx: Context) {
    if !has!(RedisModule_IsIOError) {
        return;
    }
    let policy = maxmemory_policy(ctx);
    let taken = match policy.as_str() {
        policy if policy.starts_with("allkeys-") => "any table",
        policy if policy.starts_with("volatile-") => "any table that was given an EXPIRE",
        _ => return,
    };
    log::warning(
        ctx,
        &format!(
            "maxmemory-policy is {policy}: {taken} may be evicted, with all its records and its history; set it to noeviction"
        ),
    );
}

/// The server's policy, empty where it does not say.
fn maxmemory_policy(ctx: Context) -> String {
    let reply = call!(RedisModule_Call(
        ctx.pointer(),
        c"CONFIG".as_ptr(),
        c"cc".as_ptr(),
        c"GET".as_ptr(),
        c"maxmemory-policy".as_ptr()
    ));
    let Some(reply) = reply.filter(|reply| !reply.is_null()) else {
        return String::new();
    };
    let mut policy = String::new();
    let value = call!(RedisModule_CallReplyArrayElement(reply, 1));
    if let Some(value) = value.filter(|value| !value.is_null()) {
        let mut len = 0;
        let text = call!(RedisModule_CallReplyStringPtr(value, &mut len));
        if let Some(text) = text.filter(|text| !text.is_null()) {
            // SAFETY: The server answers the start and the length of the reply's text, which
            // stays until the reply is freed.
            let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) };
            policy = String::from_utf8_lossy(bytes).into_owned();
        }
    }
    call!(RedisModule_FreeCallReply(reply));
    policy
}
