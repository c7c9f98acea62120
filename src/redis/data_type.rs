//! The data type `yarrtable`: how a server saves, loads, copies, weighs and frees a table.

use std::{
    ffi::{CString, c_int, c_void},
    sync::atomic::Ordering,
};

use redis_module::raw;

use super::{
    context::{Context, api, bytes},
    expiry,
    guard::guarded,
    key::DATA_TYPE,
};
use crate::{
    encoding::snapshot,
    error::{Error, Result},
    table::Table,
};

/// Registers the data type; answers whether the server took it.
pub fn register(context: Context) -> bool {
    let mut methods = raw::RedisModuleTypeMethods {
        version: u64::from(raw::REDISMODULE_TYPE_METHOD_VERSION),
        rdb_load: Some(load),
        rdb_save: Some(save),
        aof_rewrite: Some(rewrite),
        mem_usage: Some(weigh),
        digest: Some(digest),
        free: Some(free),
        aux_load: None,
        aux_save: None,
        aux_save_triggers: 0,
        free_effort: Some(free_effort),
        unlink: None,
        copy: Some(copy),
        defrag: None,
        mem_usage2: None,
        free_effort2: None,
        unlink2: None,
        copy2: None,
        aux_save2: None,
    };
    let Some(create) = api!(RedisModule_CreateDataType) else {
        return false;
    };
    // SAFETY: the name has nine characters; the server copies the methods.
    let kind = unsafe {
        create(
            context.0,
            c"yarrtable".as_ptr(),
            snapshot::VERSION,
            &mut methods,
        )
    };
    DATA_TYPE.store(kind, Ordering::Relaxed);
    !kind.is_null()
}

/// The table behind a value that the server hands to a method.
///
/// # Safety
/// `value` must be a value of our type, alive and not being changed for as long as `'a`.
unsafe fn table<'a>(value: *const c_void) -> &'a Table {
    // SAFETY: values of our type are tables that this module boxed.
    unsafe { &*value.cast::<Table>() }
}

unsafe extern "C" fn save(io: *mut raw::RedisModuleIO, value: *mut c_void) {
    let saved = guarded(|| {
        // SAFETY: the server saves a live value, in a child or between commands.
        let table = unsafe { table(value) };
        snapshot::save(table, &mut |chunk| {
            if let Some(save) = api!(RedisModule_SaveStringBuffer) {
                // SAFETY: the server reads so many bytes from the pointer.
                unsafe { save(io, chunk.as_ptr().cast(), chunk.len()) };
            }
        });
    });
    if let Err(panic) = saved {
        complain(io, &format!("saving panicked: {panic}"));
    }
}

unsafe extern "C" fn load(io: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    if version > snapshot::VERSION {
        let known = snapshot::VERSION;
        complain(
            io,
            &format!("a table of format version {version}, this module knows {known}: load a newer one"),
        );
        return std::ptr::null_mut();
    }
    match guarded(|| snapshot::load(&mut || load_chunk(io))) {
        Ok(Ok(table)) => {
            note_expiry(io, &table);
            Box::into_raw(Box::new(table)).cast()
        }
        Ok(Err(error)) => {
            complain(io, &error.to_string());
            std::ptr::null_mut()
        }
        Err(panic) => {
            complain(io, &format!("loading panicked: {panic}"));
            std::ptr::null_mut()
        }
    }
}

fn load_chunk(io: *mut raw::RedisModuleIO) -> Result<Vec<u8>> {
    let ended = || Error::corrupt("the payload ends too early");
    let load = api!(RedisModule_LoadStringBuffer).ok_or_else(ended)?;
    let mut len = 0;
    // SAFETY: the server writes the length of the block it answers.
    let block = unsafe { load(io, &mut len) };
    // SAFETY: `io` is the call's.
    let failed = api!(RedisModule_IsIOError).is_some_and(|failed| unsafe { failed(io) } != 0);
    if block.is_null() {
        return Err(ended());
    }
    // SAFETY: the block has `len` bytes and is ours to free.
    let chunk = unsafe { std::slice::from_raw_parts(block.cast::<u8>(), len) }.to_vec();
    if let Some(free) = api!(RedisModule_Free) {
        // SAFETY: the block came from the server's allocator and is freed once.
        unsafe { free(block.cast()) };
    }
    match failed {
        true => Err(ended()),
        false => Ok(chunk),
    }
}

/// Tells the expiry of a table that was loaded, where the server tells its key.
fn note_expiry(io: *mut raw::RedisModuleIO, table: &Table) {
    let (Some(key_name), Some(db)) = (
        api!(RedisModule_GetKeyNameFromIO),
        api!(RedisModule_GetDbIdFromIO),
    ) else {
        return;
    };
    if !table.has_expiry() {
        return;
    }
    // SAFETY: `io` is the call's; the name, where there is one, lives as long.
    unsafe {
        let name = key_name(io);
        if !name.is_null() {
            expiry::note(db(io), bytes(name));
        }
    }
}

/// Writes into the server's log what is wrong with what it loads or saves.
fn complain(io: *mut raw::RedisModuleIO, text: &str) {
    let text = CString::new(format!("yarr: {text}")).unwrap_or_default();
    if let Some(log) = api!(RedisModule_LogIOError) {
        // SAFETY: `%s` takes the one C string that follows.
        unsafe { log(io, c"warning".as_ptr(), c"%s".as_ptr(), text.as_ptr()) };
    }
}

unsafe extern "C" fn rewrite(
    io: *mut raw::RedisModuleIO,
    key: *mut raw::RedisModuleString,
    value: *mut c_void,
) {
    let rewritten = guarded(|| {
        // SAFETY: the server rewrites a live value, in a child.
        let table = unsafe { table(value) };
        snapshot::rewrite(table, &mut |piece| {
            if let Some(emit) = api!(RedisModule_EmitAOF) {
                // SAFETY: `s` takes the key's name, `b` a pointer and a length.
                unsafe {
                    emit(
                        io,
                        c"YARR.APPLY".as_ptr(),
                        c"sb".as_ptr(),
                        key,
                        piece.as_ptr(),
                        piece.len(),
                    );
                }
            }
        });
    });
    if let Err(panic) = rewritten {
        complain(io, &format!("rewriting panicked: {panic}"));
    }
}

unsafe extern "C" fn weigh(value: *const c_void) -> usize {
    // SAFETY: the server weighs a live value between commands.
    guarded(|| unsafe { table(value) }.bytes()).unwrap_or(0)
}

unsafe extern "C" fn digest(digest: *mut raw::RedisModuleDigest, value: *mut c_void) {
    let _ = guarded(|| {
        // SAFETY: the server digests a live value between commands.
        let table = unsafe { table(value) };
        snapshot::save(table, &mut |chunk| {
            if let Some(add) = api!(RedisModule_DigestAddStringBuffer) {
                // SAFETY: the server reads so many bytes from the pointer.
                unsafe { add(digest, chunk.as_ptr().cast(), chunk.len()) };
            }
        });
        if let Some(end) = api!(RedisModule_DigestEndSequence) {
            // SAFETY: the digest is the call's.
            unsafe { end(digest) };
        }
    });
}

unsafe extern "C" fn free(value: *mut c_void) {
    let _ = guarded(|| {
        // SAFETY: the server gives up the value, which this module boxed. Perhaps on another
        // thread: a table holds nothing that is bound to one.
        drop(unsafe { Box::from_raw(value.cast::<Table>()) });
    });
}

/// More effort than a handful, so that UNLINK frees off the main thread.
unsafe extern "C" fn free_effort(
    _key: *mut raw::RedisModuleString,
    value: *const c_void,
) -> usize {
    // SAFETY: the server asks about a live value.
    guarded(|| unsafe { table(value) }.len() as usize).unwrap_or(1).max(1)
}

unsafe extern "C" fn copy(
    _from: *mut raw::RedisModuleString,
    _to: *mut raw::RedisModuleString,
    value: *const c_void,
) -> *mut c_void {
    // SAFETY: the server copies a live value between commands.
    match guarded(|| unsafe { table(value) }.duplicate()) {
        Ok(copy) => Box::into_raw(copy).cast(),
        Err(_) => std::ptr::null_mut(),
    }
}
