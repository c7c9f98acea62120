//! Settings: module arguments on every server, CONFIG SET yarr.* on those that know module
//! configuration.

use std::{
    ffi::{CStr, c_char, c_int, c_longlong, c_void},
    sync::atomic::{AtomicI64, Ordering},
};

use redis_module::raw;

use super::{
    context::{Context, api},
    reply::{FAILED, OK},
};
use crate::{commands::Limits, error::quoted, value::number::parse_integer};

/// One number that an administrator may set.
struct Setting {
    name: &'static CStr,
    value: AtomicI64,
    default: i64,
}

impl Setting {
    const fn new(name: &'static CStr, default: u64) -> Setting {
        Setting {
            name,
            value: AtomicI64::new(default as i64),
            default: default as i64,
        }
    }
}

/// The least and the most that a setting may be.
const RANGE: std::ops::RangeInclusive<i64> = 1..=u32::MAX as i64;

static SETTINGS: [Setting; 2] = [
    Setting::new(c"max-reply-records", Limits::DEFAULT.reply_records),
    Setting::new(c"max-write-records", Limits::DEFAULT.write_records),
];

/// The limits of now.
pub fn limits() -> Limits {
    let [reply, write] = &SETTINGS;
    Limits {
        reply_records: reply.value.load(Ordering::Relaxed) as u64,
        write_records: write.value.load(Ordering::Relaxed) as u64,
    }
}

/// Takes the module's arguments: `name value` pairs.
///
/// # Errors
/// What is wrong, for the log; the module is then not loaded.
pub fn take_arguments(arguments: &[&[u8]]) -> Result<(), String> {
    for pair in arguments.chunks(2) {
        let name = pair.first().copied().unwrap_or_default();
        let setting = SETTINGS.iter().find(|setting| setting.name.to_bytes() == name);
        let Some(setting) = setting else {
            let known: Vec<_> = SETTINGS.iter().map(|s| s.name.to_string_lossy()).collect();
            return Err(format!(
                "unknown module argument {}; known are {}",
                quoted(name),
                known.join(", ")
            ));
        };
        let value = pair.get(1).copied().unwrap_or_default();
        match parse_integer(value).filter(|value| RANGE.contains(value)) {
            Some(value) => setting.value.store(value, Ordering::Relaxed),
            None => {
                return Err(format!(
                    "module argument {}: expected a number from {} to {}, found {}",
                    setting.name.to_string_lossy(),
                    RANGE.start(),
                    RANGE.end(),
                    quoted(value)
                ));
            }
        }
    }
    Ok(())
}

/// Registers the settings where the server knows module configuration; what its configuration
/// file says then wins over the arguments.
pub fn register(context: Context) {
    let (Some(register), Some(load)) = (
        api!(RedisModule_RegisterNumericConfig),
        api!(RedisModule_LoadConfigs),
    ) else {
        return;
    };
    for setting in &SETTINGS {
        let value = setting.value.load(Ordering::Relaxed);
        let default = if RANGE.contains(&value) { value } else { setting.default };
        // SAFETY: the name is a C string without end of life, and so is the setting that the
        // callbacks get back.
        unsafe {
            register(
                context.0,
                setting.name.as_ptr(),
                default,
                raw::REDISMODULE_CONFIG_DEFAULT,
                *RANGE.start(),
                *RANGE.end(),
                Some(read),
                Some(write),
                None,
                std::ptr::from_ref(setting).cast_mut().cast(),
            );
        }
    }
    // SAFETY: the settings are registered.
    unsafe { load(context.0) };
}

unsafe extern "C" fn read(_name: *const c_char, setting: *mut c_void) -> c_longlong {
    // SAFETY: the pointer is one of SETTINGS, see `register`.
    let setting = unsafe { &*setting.cast::<Setting>() };
    setting.value.load(Ordering::Relaxed)
}

unsafe extern "C" fn write(
    _name: *const c_char,
    value: c_longlong,
    setting: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: the pointer is one of SETTINGS, see `register`.
    let setting = unsafe { &*setting.cast::<Setting>() };
    if !RANGE.contains(&value) {
        return FAILED;
    }
    setting.value.store(value, Ordering::Relaxed);
    OK
}
