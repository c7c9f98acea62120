//! YARR inside a server: the only place that names `redis_module` or `unsafe`.
//!
//! One shared library loads into Redis 4.0 and later and into Valkey. The server's functions are
//! found at load, and what an old server lacks is done another way or left out; see [`api`].
//!
//! ```text
//! RedisModule_OnLoad   here: in what order things are found, checked and registered
//! api                  the server's functions, and thin types around what it hands out
//! allocator, shelf     the server's allocator, so that tables count in its memory
//! guard, log           no panic reaches the server; lines in its log
//! registration         what the server is told of each command
//! dispatch             one way through for every command; arguments, environment, key, reply,
//!                      replicate are its steps
//! data_type, holder    the type `yarrtable`, and what the value of a key is
//! background, register work in slices: reclaiming expired records, migrations
//! config, info         settings, and the section of INFO
//! ```

#![deny(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

mod allocator;
mod api;
mod arguments;
mod background;
mod config;
mod data_type;
mod dispatch;
mod disposal;
mod environment;
mod guard;
mod holder;
mod info;
mod key;
mod log;
mod register;
mod registration;
mod replicate;
mod reply;
mod shelf;

use std::ffi::{CStr, c_int};

use api::{Context, ERR, OK, raw};
use arguments::Arguments;

/// The module's name.
const NAME: &CStr = c"yarr";

/// The version as INFO shows it.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version as MODULE LIST shows it: 10203 is 1.2.3.
fn version_number() -> c_int {
    let parts = VERSION
        .to_str()
        .unwrap_or_default()
        .split(['.', '-'])
        .take(3);
    parts.fold(0, |number, part| {
        number * 100 + part.parse::<c_int>().unwrap_or_default()
    })
}

/// Loads the module into the server that calls. The server finds it by this name.
///
/// # Safety
/// Only a server may call it, once, with a context and the module's arguments.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the server looks for this name")]
pub unsafe extern "C" fn RedisModule_OnLoad(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // Nothing may be allocated before the server's allocator is found.
    // SAFETY: The server's promise.
    if unsafe { api::init(ctx, NAME, version_number()) }.is_err() {
        return ERR;
    }
    let counted = allocator::adopt();
    // SAFETY: The server's promise: the context and the arguments stay during the call.
    let (ctx, arguments) = unsafe { (Context::new(ctx), Arguments::new(argv, argc)) };
    disposal::begin();
    guard::install_hook();
    let loaded = guard::guard(|| load(ctx, arguments, counted));
    match loaded.unwrap_or_else(|panic| Err(panic.to_string())) {
        Ok(()) => OK,
        Err(reason) => {
            log::warning(ctx, &format!("YARR does not load: {reason}"));
            ERR
        }
    }
}

/// Everything that may be refused comes before the data type: a server cannot let go of that.
fn load(ctx: Context, arguments: Arguments<'_>, counted: bool) -> Result<(), String> {
    let missing = api::missing();
    if !missing.is_empty() {
        return Err(format!(
            "this server has no {}; Redis 4.0 or later does",
            missing.join(", ")
        ));
    }
    config::take_arguments(arguments)?;
    registration::register(ctx)?;
    config::register(ctx)?;
    data_type::register(ctx)?;
    set_options(ctx);
    info::register(ctx);
    background::start(ctx);
    if !counted {
        log::warning(
            ctx,
            "the memory of tables is not counted in used_memory: something was allocated before the load",
        );
    }
    config::warn_of_eviction(ctx);
    Ok(())
}

/// A read error of an RDB is told and not fatal; only real changes touch WATCH and client-side
/// caches; a replica may load beside the data that it serves. Servers pass over what they do not know.
fn set_options(ctx: Context) {
    let options = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
        | raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED
        | raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD;
    api::call!(RedisModule_SetModuleOptions(
        ctx.pointer(),
        options as c_int
    ));
}
