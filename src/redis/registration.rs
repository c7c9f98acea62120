//! The commands, as the server is told of them.

use std::ptr;

use super::{
    api::{CText, Context, OK, c_text, call, has, raw},
    dispatch::{ENTRIES, Entry},
};
use crate::commands::{COMMANDS, Command, Run};

/// The version of the module in which the commands came.
const SINCE: &std::ffi::CStr = c"0.1.0";

/// Registers every command.
///
/// # Errors
/// The server refuses one.
pub fn register(ctx: Context) -> Result<(), String> {
    for (command, entry) in COMMANDS.iter().zip(ENTRIES) {
        create(ctx, command, entry)?;
        describe(ctx, command)?;
    }
    Ok(())
}

fn create(ctx: Context, command: &Command, entry: Entry) -> Result<(), String> {
    let (name, flags) = (c_text(command.name), flags(command));
    let created = call!(RedisModule_CreateCommand(
        ctx.pointer(),
        name.as_ptr(),
        Some(entry),
        flags.as_ptr(),
        1,
        1,
        1
    ));
    if created == Some(OK) {
        Ok(())
    } else {
        Err(refused(command))
    }
}

/// Servers without timers (Redis 4) replicate a script as its text, which would be run again with
/// another clock: writes cannot be in one there.
fn flags(command: &Command) -> CText {
    let writes = !matches!(command.run, Run::Read(_));
    match writes && !has!(RedisModule_CreateTimer) {
        true => c_text(&format!("{} deny-script", command.flags)),
        false => c_text(command.flags),
    }
}

/// Tells what the server shows of a command (Redis 7) and who may use it (Redis 7.2).
fn describe(ctx: Context, command: &Command) -> Result<(), String> {
    let name = c_text(command.name);
    let known = call!(RedisModule_GetCommand(ctx.pointer(), name.as_ptr()));
    let Some(known) = known.filter(|known| !known.is_null()) else {
        return Ok(());
    };
    set_info(known, command)?;
    let categories = c_text(command.categories);
    match call!(RedisModule_SetCommandACLCategories(
        known,
        categories.as_ptr()
    )) {
        None | Some(OK) => Ok(()),
        Some(_) => Err(refused(command)),
    }
}

fn refused(command: &Command) -> String {
    format!("the server refuses the command {}", command.name)
}

/// The server copies what it is told.
fn set_info(known: *mut raw::RedisModuleCommand, command: &Command) -> Result<(), String> {
    let version = raw::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
    };
    let (summary, complexity) = (c_text(command.summary), c_text(command.complexity));
    // SAFETY: A key specification of zeros is what ends the list.
    let mut keys = [key_spec(command), unsafe { std::mem::zeroed() }];
    let info = raw::RedisModuleCommandInfo {
        version: &version,
        summary: summary.as_ptr(),
        complexity: complexity.as_ptr(),
        since: SINCE.as_ptr(),
        history: ptr::null_mut(),
        tips: ptr::null(),
        arity: command.arity,
        key_specs: keys.as_mut_ptr(),
        args: ptr::null_mut(),
    };
    match call!(RedisModule_SetCommandInfo(known, &info)) {
        None | Some(OK) => Ok(()),
        Some(_) => Err(refused(command)),
    }
}

/// The key is the first argument. A write may show records too, so it needs the right to read.
fn key_spec(command: &Command) -> raw::RedisModuleCommandKeySpec {
    use raw::{
        REDISMODULE_CMD_KEY_ACCESS as ACCESS, REDISMODULE_CMD_KEY_RO as RO,
        REDISMODULE_CMD_KEY_RW as RW, REDISMODULE_CMD_KEY_UPDATE as UPDATE,
    };
    let flags = match command.run {
        Run::Read(_) => RO | ACCESS,
        Run::Write(_) | Run::Make(_) => RW | ACCESS | UPDATE,
    };
    raw::RedisModuleCommandKeySpec {
        notes: ptr::null(),
        flags: u64::from(flags),
        begin_search_type: raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX,
        bs: raw::RedisModuleCommandKeySpec__bindgen_ty_1 {
            index: raw::RedisModuleCommandKeySpec__bindgen_ty_1__bindgen_ty_1 { pos: 1 },
        },
        find_keys_type: raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE,
        fk: raw::RedisModuleCommandKeySpec__bindgen_ty_2 {
            range: raw::RedisModuleCommandKeySpec__bindgen_ty_2__bindgen_ty_1 {
                lastkey: 0,
                keystep: 1,
                limit: 0,
            },
        },
    }
}
