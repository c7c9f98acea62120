//! The section `yarr` of INFO.

use std::{
    ffi::{CStr, c_int},
    sync::atomic::{AtomicU64, Ordering},
};

use redis_module::raw;

use super::{
    context::{Context, api},
    expiry,
    guard::guarded,
};

/// A number that only grows.
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What has happened since the module was loaded.
pub struct Counts {
    /// Commands run.
    pub commands: Counter,
    /// Commands that answered an error.
    pub errors: Counter,
    /// Records that expired and were removed here.
    pub expired: Counter,
    /// Panics caught.
    pub panics: Counter,
}

/// What has happened since the module was loaded.
pub static COUNTS: Counts = Counts {
    commands: Counter(AtomicU64::new(0)),
    errors: Counter(AtomicU64::new(0)),
    expired: Counter(AtomicU64::new(0)),
    panics: Counter(AtomicU64::new(0)),
};

/// Registers the section where the server has sections of modules.
pub fn register(context: Context) {
    if let Some(register) = api!(RedisModule_RegisterInfoFunc) {
        // SAFETY: the callback stays for as long as the module, which is never unloaded.
        unsafe { register(context.0, Some(section)) };
    }
}

unsafe extern "C" fn section(info: *mut raw::RedisModuleInfoCtx, _crash: c_int) {
    let _ = guarded(|| {
        let (Some(section), Some(number)) = (
            api!(RedisModule_InfoAddSection),
            api!(RedisModule_InfoAddFieldULongLong),
        ) else {
            return;
        };
        let version = api!(RedisModule_InfoAddFieldCString);
        let fields: [(&CStr, u64); 5] = [
            (c"commands", COUNTS.commands.value()),
            (c"errors", COUNTS.errors.value()),
            (c"expired_records", COUNTS.expired.value()),
            (c"tables_with_expiry", expiry::watched()),
            (c"panics_caught", COUNTS.panics.value()),
        ];
        // SAFETY: the server lends `info` for the length of the call and copies the strings.
        unsafe {
            section(info, c"".as_ptr());
            if let Some(text) = version {
                text(info, c"version".as_ptr(), VERSION.as_ptr());
            }
            for (name, value) in fields {
                number(info, name.as_ptr(), value);
            }
        }
    });
}

/// The module's version.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes())
{
    Ok(version) => version,
    Err(_) => c"",
};
