//! No panic reaches the server: every function that it calls runs in [`guard`].

use std::{
    any::Any,
    fmt, mem,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Mutex,
};

use super::info::PANICS;

/// What the hook wrote of the last panic; the guard that catches it takes it.
static LAST: Mutex<String> = Mutex::new(String::new());

/// A panic that was caught: what it said and where it came from, in printable ASCII.
#[derive(Debug)]
pub struct Panic(String);

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Has panics say what they are into a string, not to the console. The hook takes no backtrace: where a
/// server loads modules with RTLD_DEEPBIND (Valkey), that alone would crash it.
pub fn install_hook() {
    panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST.lock() {
            *last = describe(panic);
        }
    }));
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or(payload.downcast_ref::<String>().map(String::as_str));
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let text = format!("{} at {place}", text.unwrap_or("a panic"));
    text.escape_default().to_string()
}

/// Runs `work`; what it panics with is caught, counted and answered.
///
/// # Errors
/// The panic.
#[inline]
pub fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(caught)
}

#[cold]
fn caught(payload: Box<dyn Any + Send>) -> Panic {
    // To drop it runs foreign code, which may panic in its turn. It is leaked instead.
    mem::forget(payload);
    PANICS.add(1);
    let last = LAST.lock().map(|mut last| mem::take(&mut *last));
    Panic(last.unwrap_or_default())
}
