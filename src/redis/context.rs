//! The server as one call sees it.

use std::ffi::{CStr, CString, c_int};

use redis_module::raw;

/// A call's context, which the server lends for the length of the call.
#[derive(Clone, Copy)]
pub struct Context(pub *mut raw::RedisModuleCtx);

/// A function of the module API; `None` where the server is too old to have it.
macro_rules! api {
    ($name:ident) => {{
        // SAFETY: a copy of a pointer that the server sets once, while it loads the module.
        unsafe { redis_module::raw::$name }
    }};
}
pub(super) use api;

impl Context {
    /// Writes a line into the server's log. The text is never a format.
    pub fn log(self, level: &CStr, text: &str) {
        let Ok(text) = CString::new(text.replace('\0', "\\0")) else {
            return;
        };
        if let Some(log) = api!(RedisModule_Log) {
            // SAFETY: `%s` takes the one C string that follows.
            unsafe { log(self.0, level.as_ptr(), c"%s".as_ptr(), text.as_ptr()) };
        }
    }

    /// Writes a warning into the server's log.
    pub fn warn(self, text: &str) {
        self.log(c"warning", text);
    }

    /// The flags of the server's state and the client's protocol.
    pub fn flags(self) -> u32 {
        match api!(RedisModule_GetContextFlags) {
            // SAFETY: the context is the call's.
            Some(flags) => unsafe { flags(self.0) as u32 },
            None => 0,
        }
    }

    /// The database that the call works on.
    pub fn db(self) -> c_int {
        match api!(RedisModule_GetSelectedDb) {
            // SAFETY: the context is the call's.
            Some(db) => unsafe { db(self.0) },
            None => 0,
        }
    }

    /// Whether background work may write and replicate: on a primary that is neither loading
    /// nor paused. Replicating otherwise ends the server.
    pub fn may_work(self) -> bool {
        let flags = self.flags();
        let hindered = raw::REDISMODULE_CTX_FLAGS_SLAVE | raw::REDISMODULE_CTX_FLAGS_LOADING;
        // SAFETY: the function takes nothing.
        let paused = api!(RedisModule_AvoidReplicaTraffic).is_some_and(|avoid| unsafe { avoid() } != 0);
        flags & hindered == 0 && !paused
    }

    /// Whether the client speaks RESP3.
    pub fn resp3(self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_RESP3 != 0
    }
}

/// The bytes of a string that the server lends.
///
/// # Safety
/// `string` must be a live string of the server for as long as `'a`.
pub unsafe fn bytes<'a>(string: *const raw::RedisModuleString) -> &'a [u8] {
    let mut len = 0;
    let Some(pointer_and_len) = api!(RedisModule_StringPtrLen) else {
        return &[];
    };
    // SAFETY: the caller vouches for the string; the server answers its bytes and their number.
    unsafe {
        let pointer = pointer_and_len(string, &mut len);
        if pointer.is_null() {
            return &[];
        }
        std::slice::from_raw_parts(pointer.cast(), len)
    }
}

/// A string made for the server, given back when it is dropped.
pub struct ServerString {
    context: Context,
    /// The server's own pointer.
    pub pointer: *mut raw::RedisModuleString,
}

impl ServerString {
    /// A string of these bytes.
    pub fn new(context: Context, bytes: &[u8]) -> Option<ServerString> {
        let create = api!(RedisModule_CreateString)?;
        // SAFETY: the server copies so many bytes from the pointer.
        let pointer = unsafe { create(context.0, bytes.as_ptr().cast(), bytes.len()) };
        Some(ServerString { context, pointer })
    }
}

impl Drop for ServerString {
    fn drop(&mut self) {
        if let Some(free) = api!(RedisModule_FreeString) {
            // SAFETY: the string was made with this context and is given back once.
            unsafe { free(self.context.0, self.pointer) };
        }
    }
}
