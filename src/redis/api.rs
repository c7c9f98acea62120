//! The server's functions: pointers found at load, each of which an older server may lack.
//!
//! [`call!`] is the one way to them. Around it stand thin types for what the server hands out:
//! a context, a string.

use std::{
    ffi::{CStr, c_char, c_int},
    marker::PhantomData,
    ptr, slice,
};

use smallvec::SmallVec;

pub use redis_module::raw;

/// Calls a function of the server: `Some` of its answer, `None` where this server has no such
/// function.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: The pointers are written once, at load, by the thread that later reads them.
        match unsafe { $crate::redis::api::raw::$name } {
            // SAFETY: The function has the signature that redismodule.h declares, and every
            // pointer given is one that the server gave for the call in progress, one to memory
            // that outlives it, or null where the server takes null.
            Some(function) => Some(unsafe { function($($argument),*) }),
            None => None,
        }
    }};
}

/// Whether this server has a function.
macro_rules! has {
    ($name:ident) => {{
        // SAFETY: As in `call!`.
        unsafe { $crate::redis::api::raw::$name }.is_some()
    }};
}

pub(super) use {call, has};

/// What the server calls success.
pub const OK: c_int = raw::REDISMODULE_OK as c_int;
/// What the server calls failure.
pub const ERR: c_int = raw::REDISMODULE_ERR as c_int;

/// Finds the server's functions and names the module. Nothing else may be called before.
///
/// # Errors
/// A module of this name is loaded already.
///
/// # Safety
/// `ctx` must be what the server gave to `RedisModule_OnLoad`.
pub unsafe fn init(ctx: *mut raw::RedisModuleCtx, name: &CStr, version: c_int) -> Result<(), ()> {
    // SAFETY: The caller's promise.
    let answer = unsafe { raw::Export_RedisModule_Init(ctx, name.as_ptr(), version, 1) };
    if answer == OK { Ok(()) } else { Err(()) }
}

/// The functions without which no table can be served, and that this server lacks.
pub fn missing() -> Vec<&'static str> {
    macro_rules! lacking {
        ($($name:ident)*) => {
            [$((stringify!($name), has!($name))),*]
        };
    }
    let required = lacking![
        RedisModule_CreateCommand RedisModule_CreateDataType RedisModule_ModuleTypeSetValue
        RedisModule_ModuleTypeGetType RedisModule_ModuleTypeGetValue RedisModule_OpenKey
        RedisModule_CloseKey RedisModule_KeyType RedisModule_DeleteKey RedisModule_StringPtrLen
        RedisModule_CreateString RedisModule_FreeString RedisModule_SaveStringBuffer
        RedisModule_LoadStringBuffer RedisModule_EmitAOF RedisModule_LogIOError
        RedisModule_Replicate RedisModule_ReplicateVerbatim
        RedisModule_ReplyWithArray RedisModule_ReplyWithError RedisModule_ReplyWithLongLong RedisModule_ReplyWithNull RedisModule_ReplyWithSimpleString
        RedisModule_ReplyWithStringBuffer RedisModule_WrongArity
        RedisModule_GetSelectedDb RedisModule_SelectDb
        RedisModule_Alloc RedisModule_Calloc RedisModule_Realloc RedisModule_Free
    ];
    let lacking = required.into_iter().filter(|(_, there)| !there);
    lacking.map(|(name, _)| name).collect()
}

/// Text as C has it: it ends with a byte of zero, and has no other. Short text takes no allocation.
pub struct CText(SmallVec<[u8; 64]>);

impl CText {
    /// Where it starts.
    pub fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

/// Text as C has it; bytes of zero are left out.
#[inline]
pub fn c_text(text: &str) -> CText {
    let mut bytes: SmallVec<[u8; 64]> = SmallVec::from_slice(text.as_bytes());
    bytes.retain(|byte| *byte != 0);
    bytes.push(0);
    CText(bytes)
}

/// What a call of the server belongs to: a command, a timer's tick, an event.
#[derive(Clone, Copy)]
pub struct Context(*mut raw::RedisModuleCtx);

impl Context {
    /// Takes what the server gave.
    ///
    /// # Safety
    /// `ctx` must be valid for as long as the value, or a copy of it, is used.
    pub unsafe fn new(ctx: *mut raw::RedisModuleCtx) -> Context {
        Context(ctx)
    }

    /// The pointer to give back to the server.
    #[inline]
    pub fn pointer(self) -> *mut raw::RedisModuleCtx {
        self.0
    }

    /// Whether the server is a Valkey whose version begins so.
    pub fn is_valkey(self, version: &str) -> bool {
        let info = call!(RedisModule_GetServerInfo(self.0, c"server".as_ptr()));
        let Some(info) = info.filter(|info| !info.is_null()) else {
            return false;
        };
        let field = call!(RedisModule_ServerInfoGetFieldC(
            info,
            c"valkey_version".as_ptr()
        ));
        let field = field.filter(|field| !field.is_null());
        let is = field.is_some_and(|field| {
            // SAFETY: The server answers text as C has it, which stays until the info is freed.
            let field = unsafe { CStr::from_ptr(field) };
            field.to_bytes().starts_with(version.as_bytes())
        });
        call!(RedisModule_FreeServerInfo(self.0, info));
        is
    }

    /// What the server says of itself and of this call. Servers before 4.0.3 do not say: only
    /// writes of a client ask there, which a primary has.
    pub fn flags(self) -> Flags {
        let flags = call!(RedisModule_GetContextFlags(self.0));
        Flags(flags.map_or(raw::REDISMODULE_CTX_FLAGS_MASTER, |flags| flags as u32))
    }

    /// The number of the database that keys are opened in.
    pub fn selected_db(self) -> i32 {
        call!(RedisModule_GetSelectedDb(self.0)).unwrap_or_default()
    }

    /// Opens keys in that database from now on; false where there is no such database.
    pub fn select_db(self, db: i32) -> bool {
        call!(RedisModule_SelectDb(self.0, db)) == Some(OK)
    }
}

/// What the server says of itself and of the call in progress.
#[derive(Clone, Copy)]
pub struct Flags(u32);

impl Flags {
    /// The client speaks RESP3.
    pub fn resp3(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_RESP3)
    }

    /// This server decides what is written: it is a primary, and not loading.
    pub fn decides(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_MASTER)
            && !self.has(raw::REDISMODULE_CTX_FLAGS_SLAVE)
            && !self.loading()
    }

    /// This server follows another one, and is not loading.
    pub fn follows(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_SLAVE) && !self.loading()
    }

    /// The command in progress is one that another server decided.
    pub fn told(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_REPLICATED) || self.loading()
    }

    /// The server is loading its data.
    pub fn loading(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_LOADING)
            || self.has(raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING)
    }

    /// The server is over its limit of memory, and its policy is to evict keys.
    pub fn evicts(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_EVICT) && self.has(raw::REDISMODULE_CTX_FLAGS_OOM)
    }

    /// The process is a forked child that saves.
    pub fn child(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_IS_CHILD)
    }

    fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// A string of the server's, for as long as the call that it was given for.
#[derive(Clone, Copy)]
pub struct StringRef<'a>(*mut raw::RedisModuleString, PhantomData<&'a [u8]>);

impl<'a> StringRef<'a> {
    /// Takes what the server gave.
    ///
    /// # Safety
    /// `string` must be valid and unchanged during `'a`.
    #[inline]
    pub unsafe fn new(string: *mut raw::RedisModuleString) -> StringRef<'a> {
        StringRef(string, PhantomData)
    }

    /// The pointer to give back to the server.
    #[inline]
    pub fn pointer(self) -> *mut raw::RedisModuleString {
        self.0
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        let mut len = 0;
        let start = call!(RedisModule_StringPtrLen(self.0, &mut len)).unwrap_or(ptr::null());
        if start.is_null() || len == 0 {
            return &[];
        }
        // SAFETY: The server answers the start and the length of the string's own bytes, which
        // stay during `'a`.
        unsafe { slice::from_raw_parts(start.cast(), len) }
    }
}

/// A string made for the server.
pub struct OwnedString(Context, *mut raw::RedisModuleString);

impl OwnedString {
    /// A string of these bytes.
    pub fn new(ctx: Context, bytes: &[u8]) -> OwnedString {
        let start = bytes.as_ptr().cast();
        let string = call!(RedisModule_CreateString(ctx.pointer(), start, bytes.len()));
        OwnedString(ctx, string.unwrap_or(ptr::null_mut()))
    }

    /// The string, to be given to the server.
    pub fn as_ref(&self) -> StringRef<'_> {
        // SAFETY: The string lives as long as `self`.
        unsafe { StringRef::new(self.1) }
    }
}

impl Drop for OwnedString {
    fn drop(&mut self) {
        call!(RedisModule_FreeString(self.0.pointer(), self.1));
    }
}
