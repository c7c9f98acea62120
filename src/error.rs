//! The one error: its `Display` is the reply a client reads.
//!
//! A reply names its code first, then what was expected, what was found and what to do.

use std::fmt;

/// What every fallible function of the engine answers.
pub type Result<T> = std::result::Result<T, Error>;

/// The first word of an error reply: a client branches on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The command's syntax: a token that does not belong, a missing one, a wrong number of them.
    Syntax,
    /// The key holds another type of value.
    WrongType,
    /// There is no such table.
    NoTable,
    /// The table has no such field.
    NoField,
    /// A value does not fit its field or its clause.
    BadValue,
    /// A field that must have a value was left null.
    NotNull,
    /// A unique index already has the value.
    Duplicate,
    /// No index serves the predicate, and SCAN was not given.
    NoIndex,
    /// The index that would serve is still being built.
    IndexBuilding,
    /// More records than the limit allows.
    TooMany,
    /// The cursor is damaged or of another query.
    BadCursor,
    /// A migration applied under this version has other operations.
    Changed,
    /// There is no such version, or not in that place.
    NoVersion,
    /// There is no way back.
    Irreversible,
    /// Another migration is running.
    Busy,
    /// A position in a change feed cannot be continued: the reader must start anew.
    Resync,
    /// This server, or this version of the module, cannot.
    Unsupported,
}

impl Code {
    /// The word as it stands in a reply.
    pub fn word(self) -> &'static str {
        match self {
            Code::Syntax => "ERR",
            Code::WrongType => "WRONGTYPE",
            Code::NoTable => "NOTABLE",
            Code::NoField => "NOFIELD",
            Code::BadValue => "BADVALUE",
            Code::NotNull => "NOTNULL",
            Code::Duplicate => "DUPLICATE",
            Code::NoIndex => "NOINDEX",
            Code::IndexBuilding => "INDEXBUILDING",
            Code::TooMany => "TOOMANY",
            Code::BadCursor => "BADCURSOR",
            Code::Changed => "CHANGED",
            Code::NoVersion => "NOVERSION",
            Code::Irreversible => "IRREVERSIBLE",
            Code::Busy => "BUSY",
            Code::Resync => "RESYNC",
            Code::Unsupported => "UNSUPPORTED",
        }
    }
}

/// An error as a client reads it: a code and one line of printable text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: Code,
    text: Box<str>,
}

impl Error {
    /// An error of this code. `text` says what was expected, what was found and what to do.
    pub fn new(code: Code, text: impl Into<String>) -> Error {
        Error {
            code,
            text: text.into().into_boxed_str(),
        }
    }

    /// A syntax error.
    pub fn syntax(text: impl Into<String>) -> Error {
        Error::new(Code::Syntax, text)
    }

    /// A value that does not fit.
    pub fn bad_value(text: impl Into<String>) -> Error {
        Error::new(Code::BadValue, text)
    }

    /// The key does not exist.
    pub fn no_table(name: &[u8]) -> Error {
        Error::new(
            Code::NoTable,
            format!(
                "there is no table {}; make it with YARR.MIGRATE <table> UP <version> <name> ADD FIELD ...",
                quoted(name)
            ),
        )
    }

    /// A reply would hold more records than the limit allows.
    pub fn too_many_replies(most: u64) -> Error {
        Error::new(
            Code::TooMany,
            format!(
                "the reply would hold more than {most} records (max-reply-records); use LIMIT, CURSOR, COUNT or smaller batches"
            ),
        )
    }

    /// A field that only the server writes.
    pub fn read_only(field: &str, instead: &str) -> Error {
        Error::bad_value(format!("field '{field}' cannot be set: {instead}"))
    }

    /// A fault of the module itself, never of its user.
    pub fn internal(text: &str) -> Error {
        Error::new(
            Code::Syntax,
            format!("internal error: {text}; nothing was changed, please report it"),
        )
    }

    /// Bytes read from an RDB, an AOF or a payload that are not a table.
    pub fn corrupt(text: impl fmt::Display) -> Error {
        Error::new(Code::BadValue, format!("corrupt table bytes: {text}"))
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.word(), self.text)
    }
}

impl std::error::Error for Error {}

/// A token as an error may show it: in single quotes, escaped to printable ASCII, cut at 64 bytes.
pub fn quoted(token: &[u8]) -> String {
    const SHOWN: usize = 64;
    let head = token.get(..SHOWN).unwrap_or(token);
    let mut text = format!("'{}'", head.escape_ascii());
    if token.len() > SHOWN {
        text.push_str(&format!("... ({} bytes)", token.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_printable_line_whatever_the_token() {
        let error = Error::no_table(b"a\0\r\n\xff%s");
        let text = error.to_string();
        assert!(text.starts_with("NOTABLE there is no table 'a\\x00\\r\\n\\xff%s'"));
        assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
    }

    #[test]
    fn a_long_token_is_cut() {
        let text = quoted(&[b'x'; 1000]);
        assert!(text.len() < 100 && text.ends_with("(1000 bytes)"));
    }
}
