//! Replies in the client's protocol.

use std::ffi::{CString, c_long};

use redis_module::raw;

use super::context::{Context, api};
use crate::{commands::Reply, error::Error, value::number::float_text};

/// Writes replies to the client of a call.
pub struct ClientReply {
    context: Context,
    /// Whether numbers, booleans and maps have types of their own.
    resp3: bool,
}

impl ClientReply {
    /// Replies to the client of this call.
    pub fn new(context: Context) -> ClientReply {
        ClientReply {
            context,
            resp3: context.resp3(),
        }
    }

    /// Answers an error.
    pub fn error(&mut self, error: &Error) {
        let text = CString::new(error.to_string()).unwrap_or_default();
        if let Some(reply) = api!(RedisModule_ReplyWithError) {
            // SAFETY: the server copies the C string.
            unsafe { reply(self.context.0, text.as_ptr()) };
        }
    }
}

impl Reply for ClientReply {
    fn null(&mut self) {
        if let Some(reply) = api!(RedisModule_ReplyWithNull) {
            // SAFETY: the context is the call's.
            unsafe { reply(self.context.0) };
        }
    }

    fn integer(&mut self, number: i64) {
        if let Some(reply) = api!(RedisModule_ReplyWithLongLong) {
            // SAFETY: the context is the call's.
            unsafe { reply(self.context.0, number) };
        }
    }

    fn status(&mut self, text: &str) {
        let text = CString::new(text).unwrap_or_default();
        if let Some(reply) = api!(RedisModule_ReplyWithSimpleString) {
            // SAFETY: the server copies the C string.
            unsafe { reply(self.context.0, text.as_ptr()) };
        }
    }

    #[inline]
    fn bulk(&mut self, bytes: &[u8]) {
        if let Some(reply) = api!(RedisModule_ReplyWithStringBuffer) {
            // SAFETY: the server copies so many bytes from the pointer.
            unsafe { reply(self.context.0, bytes.as_ptr().cast(), bytes.len()) };
        }
    }

    fn array(&mut self, len: usize) {
        if let Some(reply) = api!(RedisModule_ReplyWithArray) {
            // SAFETY: the context is the call's.
            unsafe { reply(self.context.0, len as c_long) };
        }
    }

    fn map(&mut self, len: usize) {
        match api!(RedisModule_ReplyWithMap) {
            // SAFETY: the context is the call's.
            Some(reply) if self.resp3 => unsafe {
                reply(self.context.0, len as c_long);
            },
            _ => self.array(2 * len),
        }
    }

    fn number(&mut self, number: i64) {
        match self.resp3 {
            true => self.integer(number),
            false => {
                let mut digits = [0; 20];
                self.bulk(decimal(number, &mut digits));
            }
        }
    }

    fn double(&mut self, number: f64) {
        match api!(RedisModule_ReplyWithDouble) {
            // SAFETY: the context is the call's.
            Some(reply) if self.resp3 => unsafe {
                reply(self.context.0, number);
            },
            _ => self.bulk(float_text(number).as_bytes()),
        }
    }

    fn boolean(&mut self, truth: bool) {
        match api!(RedisModule_ReplyWithBool) {
            // SAFETY: the context is the call's.
            Some(reply) if self.resp3 => unsafe {
                reply(self.context.0, truth.into());
            },
            _ => self.bulk(if truth { b"true" } else { b"false" }),
        }
    }
}

/// The decimal digits of a number, written from the end of `digits`.
fn decimal(number: i64, digits: &mut [u8; 20]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        // 19 digits at most stand there, so one place is left for the sign.
        start -= 1;
        digits[start] = b'-';
    }
    &digits[start..]
}

/// Says that a command has too few or too many arguments, in the server's own words.
pub fn wrong_arity(context: Context) {
    if let Some(reply) = api!(RedisModule_WrongArity) {
        // SAFETY: the context is the call's.
        unsafe { reply(context.0) };
    }
}

/// What an entry point answers to the server.
pub const OK: i32 = raw::REDISMODULE_OK as i32;
/// What an entry point that fails answers to the server.
pub const FAILED: i32 = raw::REDISMODULE_ERR as i32;

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for number in [0, 1, -1, 10, -987, i64::MAX, i64::MIN] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
