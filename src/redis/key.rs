//! A key that a command opened: nothing, a table, or something else.

use std::{
    ffi::c_int,
    sync::atomic::{AtomicPtr, Ordering},
};

use redis_module::raw;

use super::context::{Context, api};
use crate::{
    error::{Code, Error, Result},
    table::Table,
};

/// The data type, once the server knows it.
pub static DATA_TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(std::ptr::null_mut());

/// An open key, closed when it is dropped.
pub struct Key {
    key: *mut raw::RedisModuleKey,
}

impl Key {
    /// Opens a key to read, or to write too.
    pub fn open(context: Context, name: *mut raw::RedisModuleString, write: bool) -> Key {
        let mode = match write {
            true => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
            false => raw::REDISMODULE_READ,
        };
        let key = match api!(RedisModule_OpenKey) {
            // SAFETY: the context and the name are the call's.
            Some(open) => unsafe { open(context.0, name, mode as c_int) },
            None => std::ptr::null_mut(),
        };
        Key { key }
    }

    /// Whether there is no such key.
    fn is_empty(&self) -> bool {
        // SAFETY: the key is open, or null, which the server takes as empty.
        api!(RedisModule_KeyType).is_none_or(|kind| unsafe {
            kind(self.key) == raw::REDISMODULE_KEYTYPE_EMPTY as c_int
        })
    }

    /// The table of the key; `None` where there is no such key.
    ///
    /// # Errors
    /// WRONGTYPE where the key holds another type.
    fn pointer(&self) -> Result<Option<*mut Table>> {
        if self.is_empty() {
            return Ok(None);
        }
        let table = match (
            api!(RedisModule_ModuleTypeGetType),
            api!(RedisModule_ModuleTypeGetValue),
        ) {
            // SAFETY: the key is open and not empty; the value of a key of our type is a table
            // that this module made.
            (Some(kind), Some(value)) => unsafe {
                (kind(self.key) == DATA_TYPE.load(Ordering::Relaxed)).then(|| value(self.key))
            },
            _ => None,
        };
        table.map(|table| Some(table.cast())).ok_or_else(|| {
            Error::new(
                Code::WrongType,
                "Operation against a key holding the wrong kind of value",
            )
        })
    }

    /// The table, to read.
    ///
    /// # Errors
    /// WRONGTYPE.
    pub fn table(&self) -> Result<Option<&Table>> {
        // SAFETY: the table lives as long as its key holds it, and the key is open while
        // `self` is; the server runs one command at a time.
        Ok(self.pointer()?.map(|table| unsafe { &*table }))
    }

    /// The table, to write.
    ///
    /// # Errors
    /// WRONGTYPE.
    pub fn table_mut(&mut self) -> Result<Option<&mut Table>> {
        // SAFETY: as for `table`; `self` is borrowed for as long as the table is.
        Ok(self.pointer()?.map(|table| unsafe { &mut *table }))
    }

    /// Runs `make` on the table where there is one, or on nothing; a table it brings into being
    /// becomes the key's value unless it fails.
    ///
    /// # Errors
    /// WRONGTYPE, and what `make` answers.
    pub fn make<T>(
        &mut self,
        make: impl FnOnce(&mut Option<Box<Table>>) -> Result<T>,
    ) -> Result<T> {
        match self.pointer()? {
            Some(table) => {
                // SAFETY: the key owns the table; the loan gives it back even through a panic.
                let mut loan = Loan(Some(unsafe { Box::from_raw(table) }));
                make(&mut loan.0)
            }
            None => {
                let mut fresh = None;
                let answer = make(&mut fresh)?;
                if let (Some(table), Some(set)) = (fresh, api!(RedisModule_ModuleTypeSetValue)) {
                    let kind = DATA_TYPE.load(Ordering::Relaxed);
                    // SAFETY: the key is open to write; it owns the table from here on.
                    unsafe { set(self.key, kind, Box::into_raw(table).cast()) };
                }
                Ok(answer)
            }
        }
    }
}

/// A table that belongs to its key.
struct Loan(Option<Box<Table>>);

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(table) = self.0.take() {
            // The key has this very pointer.
            let _ = Box::into_raw(table);
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let (false, Some(close)) = (self.key.is_null(), api!(RedisModule_CloseKey)) {
            // SAFETY: the key is open and is closed once.
            unsafe { close(self.key) };
        }
    }
}
