//! Lines in the server's log. Text is never a printf format: a client could have written it.

use std::{ffi::CStr, ptr};

use super::api::{Context, c_text, call, has, raw};

const FORMAT: &CStr = c"%s";
const WARNING: &CStr = c"warning";

/// What an operator should look into.
pub fn warning(ctx: Context, text: &str) {
    write(ctx.pointer(), WARNING, text);
}

/// A warning from where there is no context. Servers before 6.0.9 do not take it.
pub fn warning_from_nowhere(text: &str) {
    if has!(RedisModule_GetDetachedThreadSafeContext) {
        write(ptr::null_mut(), WARNING, text);
    }
}

/// A warning about a table that is being read or written.
pub fn warning_of_io(io: *mut raw::RedisModuleIO, text: &str) {
    let text = c_text(text);
    call!(RedisModule_LogIOError(
        io,
        WARNING.as_ptr(),
        FORMAT.as_ptr(),
        text.as_ptr()
    ));
}

fn write(ctx: *mut raw::RedisModuleCtx, level: &CStr, text: &str) {
    let text = c_text(text);
    call!(RedisModule_Log(
        ctx,
        level.as_ptr(),
        FORMAT.as_ptr(),
        text.as_ptr()
    ));
}
