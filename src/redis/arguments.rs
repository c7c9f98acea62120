//! The arguments of a command, as the server holds them.

use std::{ffi::c_int, slice};

use smallvec::SmallVec;

use super::api::{StringRef, raw};

/// The words after the table's name. So many find room without an allocation.
pub type Tokens<'a> = SmallVec<[&'a [u8]; 32]>;

/// The words of a command, its own name first.
#[derive(Clone, Copy)]
pub struct Arguments<'a>(&'a [*mut raw::RedisModuleString]);

impl<'a> Arguments<'a> {
    /// Takes what the server gave.
    ///
    /// # Safety
    /// `argv` must point to `argc` strings, all valid and unchanged during `'a`.
    pub unsafe fn new(argv: *mut *mut raw::RedisModuleString, argc: c_int) -> Arguments<'a> {
        let len = usize::try_from(argc).unwrap_or_default();
        match argv.is_null() {
            true => Arguments(&[]),
            // SAFETY: The caller's promise.
            false => Arguments(unsafe { slice::from_raw_parts(argv, len) }),
        }
    }

    /// How many words.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// The word at that place.
    #[inline]
    pub fn get(self, place: usize) -> Option<StringRef<'a>> {
        // SAFETY: All strings are valid and unchanged during `'a`.
        self.0
            .get(place)
            .map(|string| unsafe { StringRef::new(*string) })
    }

    /// The bytes of the words from that place on.
    #[inline]
    pub fn tokens_from(self, place: usize) -> Tokens<'a> {
        let strings = self.0.get(place..).unwrap_or_default();
        // SAFETY: All strings are valid and unchanged during `'a`.
        let bytes = |string: &*mut _| unsafe { StringRef::new(*string) }.bytes();
        strings.iter().map(bytes).collect()
    }
}
