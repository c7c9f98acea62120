//! The bytes of a STRING, in the form in which they are at hand.

use std::fmt;

use super::{number, spelled::Spelled, uuid};
use crate::error::quoted;

/// The bytes of a STRING: borrowed, or worked out when they are asked for.
#[derive(Clone, Copy)]
pub enum Text<'a> {
    /// Bytes as they are kept.
    Bytes(&'a [u8]),
    /// The canonical text of this UUID.
    Uuid([u8; 16]),
    /// Characters of one alphabet.
    Spelled(Spelled<'a>),
    /// What a reply says of a value that the record keeps as another type.
    Shown(Shown),
}

/// A value of another type that is read as its text.
#[derive(Clone, Copy)]
pub enum Shown {
    /// Of an INTEGER or a DATETIME.
    Integer(i64),
    /// Of a FLOAT.
    Float(f64),
    /// Of a BOOLEAN.
    Boolean(bool),
}

impl Shown {
    #[cold]
    fn tell<T>(self, then: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Shown::Integer(n) => then(n.to_string().as_bytes()),
            Shown::Float(f) => number::tell_float(f, |text| then(text.as_bytes())),
            Shown::Boolean(truth) => then(truth.to_string().as_bytes()),
        }
    }
}

impl<'a> Text<'a> {
    /// Calls `then` with the bytes.
    #[inline]
    pub fn tell<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Text::Bytes(bytes) => then(bytes),
            Text::Uuid(bytes) => then(&uuid::text(bytes)),
            Text::Spelled(spelled) => spelled.tell(then),
            Text::Shown(shown) => shown.tell(then),
        }
    }

    /// How many bytes there are.
    #[expect(clippy::len_without_is_empty, reason = "no collection")]
    pub fn len(&self) -> usize {
        match self {
            Text::Bytes(bytes) => bytes.len(),
            Text::Uuid(_) => uuid::TEXT_LEN,
            Text::Spelled(spelled) => spelled.len(),
            Text::Shown(shown) => shown.tell(<[u8]>::len),
        }
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Text<'a> {
        Text::Bytes(bytes)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell(|bytes| write!(f, "{}", quoted(bytes)))
    }
}
