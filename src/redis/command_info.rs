//! What COMMAND DOCS, ACL rules and cluster clients learn of the commands.

use std::ffi::{CString, c_int};

use redis_module::raw;

use super::context::{Context, api};
use crate::commands::{Command, Run};

/// The shape of the structures below, as the module API versions them.
static SHAPE: raw::RedisModuleCommandInfoVersion = raw::RedisModuleCommandInfoVersion {
    version: 1,
    sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
    sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
    sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
};

/// Describes a registered command, as far as the server has room for it.
pub fn describe(context: Context, command: &Command) {
    let name = CString::new(command.name).unwrap_or_default();
    let Some(get) = api!(RedisModule_GetCommand) else {
        return;
    };
    // SAFETY: the context and the C string live through the call.
    let registered = unsafe { get(context.0, name.as_ptr()) };
    if registered.is_null() {
        return;
    }
    if let Some(set) = api!(RedisModule_SetCommandACLCategories) {
        let categories = CString::new(command.categories).unwrap_or_default();
        // SAFETY: the server copies the C string.
        unsafe { set(registered, categories.as_ptr()) };
    }
    set_info(registered, command);
}

fn set_info(registered: *mut raw::RedisModuleCommand, command: &Command) {
    let Some(set) = api!(RedisModule_SetCommandInfo) else {
        return;
    };
    let summary = CString::new(command.summary).unwrap_or_default();
    let complexity = CString::new(command.complexity).unwrap_or_default();
    // SAFETY: zero is a valid value of these structures of numbers and pointers: it ends a list.
    let mut specs: [raw::RedisModuleCommandKeySpec; 2] = unsafe { std::mem::zeroed() };
    if let Some(spec) = specs.first_mut() {
        spec.flags = u64::from(key_flags(command));
        spec.begin_search_type =
            raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
        spec.bs.index.pos = 1;
        spec.find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
        spec.fk.range.lastkey = 0;
        spec.fk.range.keystep = 1;
        spec.fk.range.limit = 0;
    }
    let info = raw::RedisModuleCommandInfo {
        version: &SHAPE,
        summary: summary.as_ptr(),
        complexity: complexity.as_ptr(),
        since: c"0.1.0".as_ptr(),
        history: std::ptr::null_mut(),
        tips: std::ptr::null(),
        arity: command.arity as c_int,
        key_specs: specs.as_mut_ptr(),
        args: std::ptr::null_mut(),
    };
    // SAFETY: the server copies everything; the lists end with zeros.
    unsafe { set(registered, &info) };
}

fn key_flags(command: &Command) -> u32 {
    match (command.run, command.name) {
        (Run::Read(_), _) => raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS,
        (_, "yarr.create" | "yarr.migrate" | "yarr.apply") => {
            raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_UPDATE
        }
        _ => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_UPDATE
        }
    }
}
