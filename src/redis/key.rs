//! A key while it is open.

use std::ptr;

use super::{
    api::{Context, ERR, OK, StringRef, call, raw},
    data_type,
    holder::Holder,
};
use crate::{
    error::{Error, Result},
    table::Table,
};

/// How to open a key.
#[derive(Clone, Copy)]
pub enum Mode {
    /// To read, for a command.
    Read,
    /// To look at it without anybody noticing: neither its age nor the server's figures change.
    Peek,
    /// To write.
    Write,
}

/// The key holds something else than a table.
pub struct WrongType;

/// An open key. It is closed on drop.
pub struct Key<'a> {
    /// Null where there is no such key and it was opened to be read.
    pointer: *mut raw::RedisModuleKey,
    ctx: Context,
    name: StringRef<'a>,
}

impl<'a> Key<'a> {
    /// Opens a key of the selected database.
    #[inline]
    pub fn open(ctx: Context, name: StringRef<'a>, mode: Mode) -> Key<'a> {
        let mode = match mode {
            Mode::Read => raw::REDISMODULE_READ,
            Mode::Write => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
            // Servers pass over the bits that they do not know.
            Mode::Peek => {
                raw::REDISMODULE_READ
                    | raw::REDISMODULE_OPEN_KEY_NOTOUCH
                    | raw::REDISMODULE_OPEN_KEY_NONOTIFY
                    | raw::REDISMODULE_OPEN_KEY_NOSTATS
            }
        };
        let key = call!(RedisModule_OpenKey(
            ctx.pointer(),
            name.pointer(),
            mode as i32
        ));
        Key {
            pointer: key.unwrap_or(ptr::null_mut()),
            ctx,
            name,
        }
    }

    /// What the key holds; `None` where there is no such key.
    #[inline]
    pub fn holder(&self) -> std::result::Result<Option<&Holder>, WrongType> {
        // SAFETY: A value of our type is a holder, and it stays while the key is open. Nobody has
        // it mutably: that takes `&mut self`, and one key is open at a time.
        Ok(unsafe { self.value()?.as_ref() })
    }

    /// What the key holds, to be changed; `None` where there is no such key.
    #[inline]
    pub fn holder_mut(&mut self) -> std::result::Result<Option<&mut Holder>, WrongType> {
        // SAFETY: As in `holder`; `&mut self` makes it the only reference.
        Ok(unsafe { self.value()?.as_mut() })
    }

    /// Gives a key that does not exist its value.
    ///
    /// # Errors
    /// The server did not take it; the table is gone then.
    pub fn set(&mut self, table: Box<Table>) -> Result<()> {
        let value = Box::into_raw(Holder::new(table));
        let kind = data_type::pointer();
        if call!(RedisModule_ModuleTypeSetValue(
            self.pointer,
            kind,
            value.cast()
        )) == Some(OK)
        {
            return Ok(());
        }
        // SAFETY: The server did not take the value, so it is still ours.
        drop(unsafe { Box::from_raw(value) });
        Err(Error::internal("the server does not take the table"))
    }

    /// Deletes the key with its value.
    pub fn delete(&mut self) {
        call!(RedisModule_DeleteKey(self.pointer));
    }

    /// The value, null where there is no such key.
    #[inline]
    fn value(&self) -> std::result::Result<*mut Holder, WrongType> {
        if self.pointer.is_null() {
            return Ok(ptr::null_mut());
        }
        match call!(RedisModule_KeyType(self.pointer)).unwrap_or(ERR) as isize {
            kind if kind == raw::REDISMODULE_KEYTYPE_EMPTY => self.nothing(),
            kind if kind == raw::REDISMODULE_KEYTYPE_MODULE => {
                if call!(RedisModule_ModuleTypeGetType(self.pointer)) != Some(data_type::pointer())
                {
                    return Err(WrongType);
                }
                let value = call!(RedisModule_ModuleTypeGetValue(self.pointer));
                Ok(value.unwrap_or(ptr::null_mut()).cast())
            }
            _ => Err(WrongType),
        }
    }

    /// The value of a key that the server calls empty. It calls one so too whose type it does not
    /// tell modules, as streams in Redis 5; but opened to be read, only what does not exist is null.
    #[cold]
    fn nothing(&self) -> std::result::Result<*mut Holder, WrongType> {
        match Key::open(self.ctx, self.name, Mode::Peek).pointer.is_null() {
            true => Ok(ptr::null_mut()),
            false => Err(WrongType),
        }
    }
}

impl Drop for Key<'_> {
    #[inline]
    fn drop(&mut self) {
        // A key that does not exist and was opened to be read is null.
        if !self.pointer.is_null() {
            call!(RedisModule_CloseKey(self.pointer));
        }
    }
}
