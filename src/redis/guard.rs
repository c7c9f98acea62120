//! No panic reaches the server: every entry point runs inside [`guarded`].

use std::{
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
    sync::Mutex,
};

use super::info;

/// What the last panic said and where, for the log.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Replaces the panic hook by one that takes no backtrace: capturing one crashes servers that
/// load modules with RTLD_DEEPBIND.
pub fn install_hook() {
    set_hook(Box::new(|panic: &PanicHookInfo| {
        let message = panic.payload();
        let message = message
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| message.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if let Ok(mut last) = LAST.lock() {
            *last = format!("{message} at {place}");
        }
    }));
}

/// Runs an entry point; a panic is counted and answered with what it said.
pub fn guarded<T>(entry: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(entry)).map_err(|payload| {
        // Dropping a payload may panic in its turn; a forgotten one only leaks.
        std::mem::forget(payload);
        info::COUNTS.panics.add(1);
        LAST.lock().map(|last| last.clone()).unwrap_or_default()
    })
}
