//! The data type `yarrtable`: how the server saves, loads, copies, measures and frees a table.

use std::{
    ffi::{c_int, c_void},
    ptr,
    sync::atomic::{AtomicPtr, Ordering::Relaxed},
};

use super::{
    api::{Context, StringRef, call, raw},
    background, disposal,
    guard::{Panic, guard},
    holder::Holder,
    log,
};
use crate::{
    encoding::snapshot,
    error::{Error, Result},
    table::Table,
};

unsafe extern "C" {
    /// Ends a forked child without running what its parent had planned for its own end.
    safe fn _exit(status: c_int) -> !;
}

/// The type, once it is made.
static TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(ptr::null_mut());

/// The type, as the server knows it.
#[inline]
pub fn pointer() -> *mut raw::RedisModuleType {
    TYPE.load(Relaxed)
}

/// Makes the type.
///
/// # Errors
/// The server refuses it: another module has a type of that name.
pub fn register(ctx: Context) -> std::result::Result<(), String> {
    let mut methods = methods();
    let made = call!(RedisModule_CreateDataType(
        ctx.pointer(),
        c"yarrtable".as_ptr(),
        snapshot::VERSION,
        &mut methods
    ));
    let made = made.unwrap_or(ptr::null_mut());
    TYPE.store(made, Relaxed);
    match made.is_null() {
        true => Err("the server refuses the data type yarrtable".into()),
        false => Ok(()),
    }
}

/// The methods that this server knows. One that does not say which has those of the first version.
fn methods() -> raw::RedisModuleTypeMethods {
    let known =
        call!(RedisModule_GetTypeMethodVersion()).map_or(1, |version| version.max(1) as u64);
    raw::RedisModuleTypeMethods {
        version: known.min(u64::from(raw::REDISMODULE_TYPE_METHOD_VERSION)),
        rdb_load: Some(rdb_load),
        rdb_save: Some(rdb_save),
        aof_rewrite: Some(aof_rewrite),
        mem_usage: Some(mem_usage),
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
    }
}

/// The table of a value.
///
/// # Safety
/// `value` must be one of our values, and nobody may change it during `'a`.
unsafe fn table<'a>(value: *const c_void) -> Option<&'a Table> {
    // SAFETY: The caller's promise; each of our values is a holder.
    let holder = unsafe { value.cast::<Holder>().as_ref() };
    holder.and_then(Holder::table_as_it_is)
}

/// Reads a table from an RDB or a RESTORE; null where it is refused.
///
/// # Safety
/// Only the server may call it.
unsafe extern "C" fn rdb_load(io: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    let loaded = guard(|| match version == snapshot::VERSION {
        true => snapshot::load(&mut || next_chunk(io)),
        false => Err(Error::corrupt(format!(
            "expected encoding version {}, found {version}; load a module that knows it",
            snapshot::VERSION
        ))),
    });
    let loaded = loaded.unwrap_or_else(|panic| Err(Error::internal(&panic.to_string())));
    match loaded {
        Ok(table) => {
            note_loaded(io, &table);
            Box::into_raw(Holder::new(Box::new(table))).cast()
        }
        Err(error) => {
            log::warning_of_io(io, &format!("cannot load a table: {error}"));
            ptr::null_mut()
        }
    }
}

/// The next chunk of a saved table. Its length is what the server really read.
fn next_chunk(io: *mut raw::RedisModuleIO) -> Result<Vec<u8>> {
    let mut len = 0;
    let chunk = call!(RedisModule_LoadStringBuffer(io, &mut len)).unwrap_or(ptr::null_mut());
    if chunk.is_null() {
        return Err(Error::corrupt("the saved table ends too early"));
    }
    // SAFETY: The server answers the start and the length of a block that is ours to free.
    let bytes = unsafe { std::slice::from_raw_parts(chunk.cast::<u8>(), len) }.to_vec();
    call!(RedisModule_Free(chunk.cast()));
    match call!(RedisModule_IsIOError(io)).unwrap_or_default() {
        0 => Ok(bytes),
        _ => Err(Error::corrupt("the saved table cannot be read to its end")),
    }
}

/// A table that comes with records that expire is watched from the start.
fn note_loaded(io: *mut raw::RedisModuleIO, table: &Table) {
    let name = call!(RedisModule_GetKeyNameFromIO(io)).unwrap_or(ptr::null());
    if name.is_null() {
        return;
    }
    // SAFETY: The name stays while the table is being loaded.
    let name = unsafe { StringRef::new(name.cast_mut()) };
    let db = call!(RedisModule_GetDbIdFromIO(io)).filter(|db| *db >= 0);
    background::note_loaded(context(io), db, name.bytes(), table);
}

/// The context of a load or a save, for as long as that goes on.
fn context(io: *mut raw::RedisModuleIO) -> Option<Context> {
    let ctx = call!(RedisModule_GetContextFromIO(io)).filter(|ctx| !ctx.is_null())?;
    // SAFETY: The server's promise; nobody keeps it beyond the callback.
    Some(unsafe { Context::new(ctx) })
}

/// Writes a table for an RDB or a DUMP.
///
/// # Safety
/// Only the server may call it, with one of our values.
unsafe extern "C" fn rdb_save(io: *mut raw::RedisModuleIO, value: *mut c_void) {
    // SAFETY: The server's promise.
    let table = unsafe { table(value) };
    let saved = guard(|| {
        if let Some(table) = table {
            snapshot::save(table, &mut |chunk| {
                let start = chunk.as_ptr().cast();
                call!(RedisModule_SaveStringBuffer(io, start, chunk.len()));
            });
        }
    });
    give_up_saving(io, saved);
}

/// Writes a table as the commands that make it anew.
///
/// # Safety
/// Only the server may call it, with one of our values.
unsafe extern "C" fn aof_rewrite(
    io: *mut raw::RedisModuleIO,
    key: *mut raw::RedisModuleString,
    value: *mut c_void,
) {
    // SAFETY: The server's promise.
    let table = unsafe { table(value) };
    let saved = guard(|| {
        if let Some(table) = table {
            snapshot::rewrite(table, &mut |piece| {
                let start: *const u8 = piece.as_ptr();
                call!(RedisModule_EmitAOF(
                    io,
                    c"YARR.APPLY".as_ptr(),
                    c"sb".as_ptr(),
                    key,
                    start,
                    piece.len()
                ));
            });
        }
    });
    give_up_saving(io, saved);
}

/// A save that broke off half-way must not be taken for a good one. A child that saves in the
/// background fails as a whole; elsewhere what was written is refused when it is loaded.
fn give_up_saving(io: *mut raw::RedisModuleIO, saved: std::result::Result<(), Panic>) {
    let Err(panic) = saved else { return };
    log::warning_of_io(io, &format!("internal error: cannot save a table: {panic}"));
    if context(io).is_some_and(|ctx| ctx.flags().child()) {
        _exit(1);
    }
}

/// Bytes of memory, without a walk.
///
/// # Safety
/// Only the server may call it, with one of our values.
unsafe extern "C" fn mem_usage(value: *const c_void) -> usize {
    // SAFETY: The server's promise.
    let table = unsafe { table(value) };
    let bytes = guard(|| table.map_or(0, Table::bytes)).unwrap_or_default();
    size_of::<Holder>() + bytes
}

/// What DEBUG DIGEST compares: the table as it would be saved.
///
/// # Safety
/// Only the server may call it, with one of our values.
unsafe extern "C" fn digest(digest: *mut raw::RedisModuleDigest, value: *mut c_void) {
    // SAFETY: The server's promise.
    let table = unsafe { table(value) };
    let _caught = guard(|| {
        if let Some(table) = table {
            snapshot::save(table, &mut |chunk| {
                let start = chunk.as_ptr().cast();
                call!(RedisModule_DigestAddStringBuffer(
                    digest,
                    start,
                    chunk.len()
                ));
            });
        }
        call!(RedisModule_DigestEndSequence(digest));
    });
}

/// Frees a value, on whatever thread the server likes.
///
/// # Safety
/// Only the server may call it, with one of our values, and never again.
unsafe extern "C" fn free(value: *mut c_void) {
    if value.is_null() {
        return;
    }
    // SAFETY: The value was made by `Box::into_raw`, and the server gives it back for good.
    let freed = guard(|| disposal::dispose(unsafe { Box::from_raw(value.cast::<Holder>()) }));
    if let Err(panic) = freed {
        log::warning_from_nowhere(&format!("internal error: cannot free a table: {panic}"));
    }
}

/// How many pieces are to be freed: by that the server decides whether to do it in the background.
///
/// # Safety
/// Only the server may call it, with one of our values.
unsafe extern "C" fn free_effort(_key: *mut raw::RedisModuleString, value: *const c_void) -> usize {
    /// A block of memory is about so large.
    const BLOCK: usize = 1024;
    // SAFETY: The server's promise.
    let table = unsafe { table(value) };
    let bytes = guard(|| table.map_or(0, Table::bytes)).unwrap_or_default();
    1 + bytes / BLOCK
}

/// A copy of the value, for COPY; null where it fails.
///
/// # Safety
/// Only the server may call it, with one of our values.
unsafe extern "C" fn copy(
    _from: *mut raw::RedisModuleString,
    _to: *mut raw::RedisModuleString,
    value: *const c_void,
) -> *mut c_void {
    // SAFETY: The server's promise.
    let table = unsafe { table(value) };
    match guard(|| table.map(|table| Holder::new(table.duplicate()))) {
        Ok(Some(holder)) => Box::into_raw(holder).cast(),
        Ok(None) => ptr::null_mut(),
        Err(panic) => {
            log::warning_from_nowhere(&format!("internal error: cannot copy a table: {panic}"));
            ptr::null_mut()
        }
    }
}
