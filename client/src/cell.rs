//! One value of an answer.

use std::{borrow::Cow, fmt};

/// One value of an answer that is not null.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Of an `INTEGER`.
    Integer(i64),
    /// Of a `FLOAT`.
    Float(f64),
    /// Of a `BOOLEAN`.
    Boolean(bool),
    /// Of a `DATETIME`: milliseconds since 1970 UTC.
    DateTime(i64),
    /// Of a `STRING`.
    Text(Cow<'a, [u8]>),
    /// Of a `UUID`.
    Uuid([u8; 16]),
    /// The name of an `ENUM`.
    Name(&'a str),
    /// Of `TAGS`, in ascending order.
    Tags(Vec<&'a [u8]>),
}

/// A value is not of the Rust type that was to hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What the Rust type holds.
    pub expected: &'static str,
    /// What there was.
    pub found: String,
}

impl Unfit {
    /// A value, or a null, where something else was expected.
    pub fn new(expected: &'static str, found: Option<Cell<'_>>) -> Unfit {
        let found = match found {
            None => "null".to_string(),
            Some(cell) => cell.to_string(),
        };
        Unfit { expected, found }
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Integer(n) => write!(f, "the INTEGER {n}"),
            Cell::Float(x) => write!(f, "the FLOAT {x:?}"),
            Cell::Boolean(truth) => write!(f, "the BOOLEAN {truth}"),
            Cell::DateTime(at) => write!(f, "the DATETIME {at}"),
            Cell::Text(bytes) => {
                let shown = bytes.get(..32).unwrap_or(bytes);
                write!(f, "the STRING '{}'", shown.escape_ascii())
            }
            Cell::Uuid(bytes) => write!(f, "the UUID {:032x}", u128::from_be_bytes(*bytes)),
            Cell::Name(name) => write!(f, "the name '{}'", name.escape_debug()),
            Cell::Tags(tags) => write!(f, "{} TAGS", tags.len()),
        }
    }
}
