//! What a command answers, in the server's own calls.
//!
//! Replies are told one after the other, and an array or a map is only its head: what is owed
//! to the client is then so many replies more. As long as that number is known, a command that
//! breaks off half-way leaves the client with a whole answer.

use std::ffi::{c_char, c_int, c_long};

use super::api::{Context, c_text, call, has};
use crate::{commands::Reply, value::number::tell_float};

/// The answer of one command.
pub struct Replier {
    ctx: Context,
    /// How many replies the client still waits for.
    owed: u64,
    /// Whether the client speaks RESP3, once somebody asked.
    resp3: Option<bool>,
}

impl Replier {
    /// The client of this context waits for one reply.
    #[inline]
    pub fn new(ctx: Context) -> Replier {
        Replier {
            ctx,
            owed: 1,
            resp3: None,
        }
    }

    /// Answers an error, in the place of the next reply that is owed, and nulls for the rest.
    #[cold]
    pub fn fail(&mut self, text: &str) {
        let text = c_text(text);
        if self.owed > 0 {
            self.tell(call!(RedisModule_ReplyWithError(
                self.ctx.pointer(),
                text.as_ptr()
            )));
        }
        while self.owed > 0 {
            self.null();
        }
    }

    /// Answers that the number of arguments is wrong, in the server's own words.
    #[cold]
    pub fn wrong_arity(&mut self) {
        self.tell(call!(RedisModule_WrongArity(self.ctx.pointer())));
    }

    /// Whether nothing is owed any more.
    #[inline]
    pub fn is_whole(&self) -> bool {
        self.owed == 0
    }

    /// One reply was told.
    #[inline]
    fn tell(&mut self, _told: Option<c_int>) {
        self.owed = self.owed.saturating_sub(1);
    }

    /// The server works this out anew with each question, and most commands need not know.
    #[inline]
    fn resp3(&mut self) -> bool {
        *self.resp3.get_or_insert_with(|| self.ctx.flags().resp3())
    }
}

impl Reply for Replier {
    #[inline]
    fn null(&mut self) {
        self.tell(call!(RedisModule_ReplyWithNull(self.ctx.pointer())));
    }

    #[inline]
    fn integer(&mut self, number: i64) {
        self.tell(call!(RedisModule_ReplyWithLongLong(
            self.ctx.pointer(),
            number
        )));
    }

    fn status(&mut self, text: &str) {
        // A line break would end the reply.
        let line: &str = text.lines().next().unwrap_or_default();
        let text = c_text(line);
        self.tell(call!(RedisModule_ReplyWithSimpleString(
            self.ctx.pointer(),
            text.as_ptr()
        )));
    }

    #[inline]
    fn bulk(&mut self, bytes: &[u8]) {
        let start: *const c_char = bytes.as_ptr().cast();
        self.tell(call!(RedisModule_ReplyWithStringBuffer(
            self.ctx.pointer(),
            start,
            bytes.len()
        )));
    }

    #[inline]
    fn array(&mut self, len: usize) {
        self.owed += len as u64;
        self.tell(call!(RedisModule_ReplyWithArray(
            self.ctx.pointer(),
            len as c_long
        )));
    }

    #[inline]
    fn set(&mut self, len: usize) {
        // The server makes it an array for a client of RESP2.
        match call!(RedisModule_ReplyWithSet(self.ctx.pointer(), len as c_long)) {
            Some(_) => self.owed = (self.owed + len as u64).saturating_sub(1),
            None => self.array(len),
        }
    }

    #[inline]
    fn map(&mut self, len: usize) {
        // The server makes it a flat array for a client of RESP2.
        match call!(RedisModule_ReplyWithMap(self.ctx.pointer(), len as c_long)) {
            Some(_) => self.owed = (self.owed + 2 * len as u64).saturating_sub(1),
            None => self.array(2 * len),
        }
    }

    #[inline]
    fn number(&mut self, number: i64) {
        match self.resp3() {
            true => self.integer(number),
            false => self.bulk(itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    #[inline]
    fn double(&mut self, number: f64) {
        if has!(RedisModule_ReplyWithDouble) && self.resp3() {
            return self.tell(call!(RedisModule_ReplyWithDouble(
                self.ctx.pointer(),
                number
            )));
        }
        tell_float(number, |text| self.bulk(text.as_bytes()));
    }

    #[inline]
    fn boolean(&mut self, truth: bool) {
        if has!(RedisModule_ReplyWithBool) && self.resp3() {
            let truth = c_int::from(truth);
            return self.tell(call!(RedisModule_ReplyWithBool(self.ctx.pointer(), truth)));
        }
        self.bulk(if truth { b"true" } else { b"false" });
    }
}
