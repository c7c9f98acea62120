//! A command's arguments, read from left to right.

use crate::error::{Error, Result, quoted};
use crate::value::number::parse_integer;

/// The arguments after the table's name, and how far they are read.
#[derive(Clone)]
pub struct Tokens<'a> {
    args: &'a [&'a [u8]],
    at: usize,
}

/// The words that may follow a list, such as those that begin a command's clauses.
pub struct Keywords {
    words: &'static [&'static str],
    /// The bits of the words: most tokens that are none of them have another.
    sieve: u64,
}

impl Keywords {
    /// These words.
    pub const fn of(words: &'static [&'static str]) -> Keywords {
        let (mut left, mut sieve) = (words, 0);
        while let [word, rest @ ..] = left {
            sieve |= Keywords::bit(word.as_bytes());
            left = rest;
        }
        Keywords { words, sieve }
    }

    /// The bit of a token's first letter, in any case, and of its length.
    const fn bit(token: &[u8]) -> u64 {
        match token {
            [first, ..] => 1 << (((*first & 31) as usize + 5 * token.len()) % 64),
            [] => 0,
        }
    }

    /// How many.
    pub const fn count(&self) -> usize {
        self.words.len()
    }

    #[inline]
    fn contain(&self, token: &[u8]) -> bool {
        self.sieve & Keywords::bit(token) != 0
            && self
                .words
                .iter()
                .any(|word| token.eq_ignore_ascii_case(word.as_bytes()))
    }
}

impl<'a> Tokens<'a> {
    /// The arguments that follow the table's name.
    pub fn new(args: &'a [&'a [u8]]) -> Tokens<'a> {
        Tokens { args, at: 0 }
    }

    /// The next token, left where it is.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.args.get(self.at).copied()
    }

    /// Takes the next token.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// How many tokens are left.
    pub fn left(&self) -> usize {
        self.args.len().saturating_sub(self.at)
    }

    /// How many tokens have been taken.
    pub fn taken(&self) -> usize {
        self.at
    }

    /// Everything not yet taken, and takes it.
    pub fn take_rest(&mut self) -> &'a [&'a [u8]] {
        let rest = self.args.get(self.at..).unwrap_or_default();
        self.at = self.args.len();
        rest
    }

    /// What was taken since `before`, an earlier state of these tokens.
    pub fn since(&self, before: &Tokens<'a>) -> &'a [&'a [u8]] {
        self.args.get(before.at..self.at).unwrap_or_default()
    }

    /// Takes `count` tokens, or says that `what` needs so many.
    pub fn take_many(&mut self, count: usize, what: &str) -> Result<&'a [&'a [u8]]> {
        let end = self.at.checked_add(count);
        let Some(tokens) = end.and_then(|end| self.args.get(self.at..end)) else {
            return Err(Error::syntax(format!(
                "expected {count} {what} after argument {}, found {}",
                self.at + 1,
                self.left()
            )));
        };
        self.at += count;
        Ok(tokens)
    }

    /// Whether the next token is this keyword, in any case.
    pub fn is(&self, keyword: &str) -> bool {
        self.peek()
            .is_some_and(|token| token.eq_ignore_ascii_case(keyword.as_bytes()))
    }

    /// Whether the next token is one of these keywords, in any case.
    pub fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// Whether the next token is one of many keywords, in any case.
    #[inline]
    pub fn is_among(&self, keywords: &Keywords) -> bool {
        self.peek().is_some_and(|token| keywords.contain(token))
    }

    /// Takes the next token if it is this keyword.
    pub fn accept(&mut self, keyword: &str) -> bool {
        let found = self.is(keyword);
        self.at += usize::from(found);
        found
    }

    /// Takes the next token, which must be this keyword.
    pub fn expect(&mut self, keyword: &str) -> Result<()> {
        match self.accept(keyword) {
            true => Ok(()),
            false => Err(self.unexpected(keyword)),
        }
    }

    /// Takes the next token, whatever it is; `what` says what it should have been.
    pub fn expect_token(&mut self, what: &str) -> Result<&'a [u8]> {
        self.take().ok_or_else(|| self.unexpected(what))
    }

    /// [`Tokens::expect_token`] as a list of one.
    #[inline]
    pub fn expect_one(&mut self, what: &str) -> Result<&'a [&'a [u8]]> {
        match self.args.get(self.at..).and_then(|rest| rest.get(..1)) {
            Some(one) => {
                self.at += 1;
                Ok(one)
            }
            None => Err(self.unexpected(what)),
        }
    }

    /// Takes a number of things that is not negative.
    pub fn expect_count(&mut self, what: &str) -> Result<u64> {
        let count = self.peek().and_then(parse_integer);
        match count.and_then(|count| u64::try_from(count).ok()) {
            Some(count) => {
                self.at += 1;
                Ok(count)
            }
            None => Err(self.unexpected(what)),
        }
    }

    /// Takes a 64-bit integer.
    pub fn expect_integer(&mut self, what: &str) -> Result<i64> {
        match self.peek().and_then(parse_integer) {
            Some(number) => {
                self.at += 1;
                Ok(number)
            }
            None => Err(self.unexpected(what)),
        }
    }

    /// Nothing may be left.
    pub fn finish(&self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the command")),
        }
    }

    /// The next token is not what it should be. Arguments are counted as a client wrote them,
    /// the table being the first.
    pub fn unexpected(&self, expected: &str) -> Error {
        let position = self.at + 2;
        Error::syntax(match self.peek() {
            Some(token) => format!(
                "syntax error: expected {expected} at argument {position}, found {}",
                quoted(token)
            ),
            None => format!(
                "syntax error: expected {expected} at argument {position}, found the end of the command"
            ),
        })
    }
}
