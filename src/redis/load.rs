//! The module is loaded: a server is looked at, and takes the data type and the commands.

use std::ffi::{CString, c_char, c_int};

use redis_module::raw;

use super::{
    command_info,
    context::{Context, api, bytes},
    data_type,
    dispatch::ENTRIES,
    expiry,
    guard::{guarded, install_hook},
    info,
    reply::{FAILED, OK},
    settings,
};
use crate::commands::{COMMANDS, Command, Run};

unsafe extern "C" {
    /// `RedisModule_Init` of redismodule.h, which finds the server's functions.
    fn Export_RedisModule_Init(
        context: *mut raw::RedisModuleCtx,
        name: *const c_char,
        version: c_int,
        api_version: c_int,
    ) -> c_int;
}

/// The module's version as the server shows it: 10,000 a major, 100 a minor.
const VERSION: c_int = 100;

/// What a server calls when it loads the module.
///
/// # Safety
/// Only a server may call it, with a context and so many arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RedisModule_OnLoad(
    context: *mut raw::RedisModuleCtx,
    arguments: *mut *mut raw::RedisModuleString,
    count: c_int,
) -> c_int {
    // SAFETY: the context is the server's. Nothing is allocated before this finds the server's
    // allocator.
    let begun = unsafe {
        Export_RedisModule_Init(
            context,
            c"yarr".as_ptr(),
            VERSION,
            raw::REDISMODULE_APIVER_1 as c_int,
        )
    };
    if begun != OK {
        return FAILED;
    }
    install_hook();
    let context = Context(context);
    let loaded = guarded(|| {
        let count = usize::try_from(count).unwrap_or(0);
        let arguments: Vec<&[u8]> = (0..count)
            // SAFETY: the server lends so many strings for the length of the call.
            .map(|at| unsafe { bytes(*arguments.add(at)) })
            .collect();
        load(context, &arguments)
    });
    let refusal = match loaded {
        Ok(Ok(())) => return OK,
        Ok(Err(refusal)) => refusal,
        Err(panic) => format!("loading panicked: {panic}"),
    };
    context.warn(&format!("yarr: not loaded: {refusal}"));
    FAILED
}

fn load(context: Context, arguments: &[&[u8]]) -> Result<(), String> {
    settings::take_arguments(arguments)?;
    set_options(context);
    if !data_type::register(context) {
        return Err("this server does not take the data type 'yarrtable'; Redis 4.0 or later does".into());
    }
    for (command, entry) in COMMANDS.iter().zip(ENTRIES) {
        let name = CString::new(command.name).unwrap_or_default();
        let flags = CString::new(flags(command)).unwrap_or_default();
        let create = api!(RedisModule_CreateCommand).ok_or("this server has no module commands")?;
        // SAFETY: the server copies the strings; the entry stays for as long as the module.
        let taken = unsafe { create(context.0, name.as_ptr(), Some(entry), flags.as_ptr(), 1, 1, 1) };
        if taken != OK {
            return Err(format!("this server does not take the command {}", command.name));
        }
        command_info::describe(context, command);
    }
    settings::register(context);
    info::register(context);
    expiry::begin(context);
    warn_of_eviction(context);
    Ok(())
}

/// Scripts replicate their own words below Redis 5, so there they may not write: an id or a
/// time would differ from server to server.
fn flags(command: &Command) -> String {
    let verbatim_scripts = api!(RedisModule_CreateTimer).is_none();
    match (verbatim_scripts, command.run) {
        (true, Run::Write(_) | Run::Make(_)) => format!("{} deny-script", command.flags),
        _ => command.flags.into(),
    }
}

/// Payloads that end too early are ours to refuse, and only a change is told to watchers.
fn set_options(context: Context) {
    let mut options = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS;
    if api!(RedisModule_SignalModifiedKey).is_some() {
        options |= raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED;
    }
    if let Some(set) = api!(RedisModule_SetModuleOptions) {
        // SAFETY: the context is the call's.
        unsafe { set(context.0, options as c_int) };
    }
}

/// An eviction takes a whole table with its history.
fn warn_of_eviction(context: Context) {
    let policy = configured(context, "maxmemory-policy").unwrap_or_default();
    if policy.starts_with("allkeys") {
        context.warn(&format!(
            "yarr: maxmemory-policy is {policy}: an eviction would take a whole table with its history; use noeviction"
        ));
    }
}

/// A value of the server's configuration.
fn configured(context: Context, name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    let call = api!(RedisModule_Call)?;
    let element = api!(RedisModule_CallReplyArrayElement)?;
    let text = api!(RedisModule_CallReplyStringPtr)?;
    let free = api!(RedisModule_FreeCallReply)?;
    // SAFETY: `c` takes a C string each; the reply is checked for null and given back once, and
    // its element dies with it.
    unsafe {
        let reply = call(context.0, c"CONFIG".as_ptr(), c"cc".as_ptr(), c"GET".as_ptr(), name.as_ptr());
        if reply.is_null() {
            return None;
        }
        let value = element(reply, 1);
        let mut len = 0;
        let bytes = match value.is_null() {
            true => std::ptr::null(),
            false => text(value, &mut len),
        };
        let value = (!bytes.is_null())
            .then(|| std::slice::from_raw_parts(bytes.cast::<u8>(), len))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        free(reply);
        value
    }
}
