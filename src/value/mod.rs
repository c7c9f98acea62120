//! Values, their types, and the one order they have.
//!
//! A value is kept in two forms: [`Value`] owns its bytes (schemas, requests), [`ValueRef`]
//! borrows them from a record or from a command's tokens. Both compare only within one type;
//! the order is that of their [`key`] bytes, with null before everything.

mod alphabet;
pub mod convert;
pub mod datetime;
pub mod key;
pub mod number;
pub mod spelled;
pub mod tags;
mod text;
pub mod uuid;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, quoted};
use tags::Tags;
pub use text::Text;

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    /// 64-bit signed.
    Integer,
    /// Finite 64-bit float.
    Float,
    /// True or false.
    Boolean,
    /// Milliseconds since 1970 UTC.
    DateTime,
    /// Any bytes.
    String,
    /// 16 bytes.
    Uuid,
    /// One of these names, ordered as declared.
    Enum(Vec<Box<str>>),
    /// A set of short strings.
    Tags,
}

/// The shape of a type's values, without the names of an ENUM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// 64-bit signed.
    Integer,
    /// Finite 64-bit float.
    Float,
    /// True or false.
    Boolean,
    /// Milliseconds since 1970 UTC.
    DateTime,
    /// Any bytes.
    String,
    /// 16 bytes.
    Uuid,
    /// The ordinal of a name.
    Enum,
    /// A set of short strings.
    Tags,
}

impl Type {
    /// The shape of this type's values.
    pub fn kind(&self) -> Kind {
        match self {
            Type::Integer => Kind::Integer,
            Type::Float => Kind::Float,
            Type::Boolean => Kind::Boolean,
            Type::DateTime => Kind::DateTime,
            Type::String => Kind::String,
            Type::Uuid => Kind::Uuid,
            Type::Enum(_) => Kind::Enum,
            Type::Tags => Kind::Tags,
        }
    }

    /// The type's word in a migration.
    pub fn word(&self) -> &'static str {
        match self {
            Type::Integer => "INTEGER",
            Type::Float => "FLOAT",
            Type::Boolean => "BOOLEAN",
            Type::DateTime => "DATETIME",
            Type::String => "STRING",
            Type::Uuid => "UUID",
            Type::Enum(_) => "ENUM",
            Type::Tags => "TAGS",
        }
    }

    /// The names of an ENUM, none for the other types.
    pub fn names(&self) -> &[Box<str>] {
        match self {
            Type::Enum(names) => names,
            _ => &[],
        }
    }

    /// What the type accepts, for an error to say.
    pub fn expectation(&self) -> String {
        match self {
            Type::Integer => "a 64-bit integer".into(),
            Type::Float => "a finite number".into(),
            Type::Boolean => "true, false, 1 or 0".into(),
            Type::DateTime => {
                "milliseconds since 1970, an RFC 3339 time, or now, now-1h, now+90s".into()
            }
            Type::String => "bytes".into(),
            Type::Uuid => "a UUID of 32 hex digits, with or without hyphens".into(),
            Type::Enum(names) => {
                let shown: Vec<&str> = names.iter().take(16).map(|n| &**n).collect();
                let more = if names.len() > 16 { ", ..." } else { "" };
                format!("one of {}{more}", shown.join(", "))
            }
            Type::Tags => "the number of tags, then the tags".into(),
        }
    }

    /// Reads a value of this type from a token. `now` is the command's clock, in milliseconds.
    /// `None` where the token is none of this type's values. Of TAGS only `0`, the empty set, is
    /// one token; see [`Type::expect_tags`].
    pub fn parse<'a>(&self, token: &'a [u8], now: i64) -> Option<ValueRef<'a>> {
        let mut value = ValueRef::Null;
        self.parse_into(token, now, &mut value)?;
        Some(value)
    }

    /// [`Type::parse`] into the place where the value is to be: what is written in parts and at once
    /// copied as a whole, a processor waits for.
    fn parse_into<'a>(&self, token: &'a [u8], now: i64, value: &mut ValueRef<'a>) -> Option<()> {
        match self {
            Type::Integer => *value = ValueRef::Integer(number::parse_integer(token)?),
            Type::Float => *value = ValueRef::Float(number::parse_float(token)?),
            Type::Boolean => *value = ValueRef::Boolean(parse_boolean(token)?),
            Type::DateTime => *value = ValueRef::DateTime(datetime::parse(token, now)?),
            Type::String => *value = ValueRef::String(Text::Bytes(token)),
            Type::Uuid => *value = ValueRef::Uuid(uuid::parse(token)?),
            Type::Enum(names) => *value = ValueRef::Enum(ordinal(names, token)?),
            Type::Tags if token == b"0" => *value = ValueRef::Tags(Tags::of(&[])),
            Type::Tags => return None,
        }
        Some(())
    }

    /// Reads a value for the field `field`, or says in an error why the token is none.
    pub fn expect<'a>(&self, field: &str, token: &'a [u8], now: i64) -> Result<ValueRef<'a>> {
        let mut value = ValueRef::Null;
        self.expect_into(field, token, now, &mut value)?;
        Ok(value)
    }

    /// [`Type::expect`] into the place where the value is to be.
    #[inline]
    pub fn expect_into<'a>(
        &self,
        field: &str,
        token: &'a [u8],
        now: i64,
        value: &mut ValueRef<'a>,
    ) -> Result<()> {
        match self.parse_into(token, now, value) {
            Some(()) => Ok(()),
            None => Err(self.refusal(field, token)),
        }
    }

    /// Why a token is no value for the field `field`.
    #[cold]
    fn refusal(&self, field: &str, token: &[u8]) -> Error {
        Error::bad_value(format!(
            "field '{field}' is {}: expected {}, found {}",
            self.word(),
            self.expectation(),
            quoted(token)
        ))
    }
}

impl Type {
    /// The canonical bytes of a set of these tags, for the field `field` of TAGS.
    ///
    /// # Errors
    /// BADVALUE naming the length of a tag that is too long.
    pub fn expect_tags(&self, field: &str, tags: &[&[u8]]) -> Result<Box<[u8]>> {
        tags::collect(tags.iter().copied()).map_err(|tag| {
            Error::bad_value(format!(
                "field '{field}' is {}: expected tags of at most {} bytes, found one of {}",
                self.word(),
                tags::MAX_TAG,
                tag.len()
            ))
        })
    }
}

fn parse_boolean(token: &[u8]) -> Option<bool> {
    match token {
        b"1" => Some(true),
        b"0" => Some(false),
        _ if token.eq_ignore_ascii_case(b"true") => Some(true),
        _ if token.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

#[inline(never)]
fn ordinal(names: &[Box<str>], token: &[u8]) -> Option<u16> {
    let position = names.iter().position(|name| name.as_bytes() == token)?;
    u16::try_from(position).ok()
}

/// A value that borrows its bytes.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// 64-bit signed.
    Integer(i64),
    /// Finite, and never -0.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// Milliseconds since 1970 UTC.
    DateTime(i64),
    /// Any bytes.
    String(Text<'a>),
    /// 16 bytes.
    Uuid([u8; 16]),
    /// The ordinal of an ENUM's name.
    Enum(u16),
    /// A set of short strings.
    Tags(Tags<'a>),
}

impl ValueRef<'_> {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// The same value, owning its bytes.
    pub fn to_value(&self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Integer(*n),
            ValueRef::Float(f) => Value::Float(*f),
            ValueRef::Boolean(b) => Value::Boolean(*b),
            ValueRef::DateTime(n) => Value::DateTime(*n),
            ValueRef::String(text) => Value::String(text.tell(|bytes| bytes.into())),
            ValueRef::Uuid(bytes) => Value::Uuid(*bytes),
            ValueRef::Enum(ordinal) => Value::Enum(*ordinal),
            ValueRef::Tags(tags) => Value::Tags(tags.bytes().into()),
        }
    }

    /// Whether this value may stand in a field of this shape. Null may stand everywhere.
    #[inline]
    pub fn fits(&self, kind: Kind) -> bool {
        match self {
            ValueRef::Null => true,
            ValueRef::Integer(_) => kind == Kind::Integer,
            // -0 would have a key and an order of its own beside 0.
            ValueRef::Float(f) => {
                kind == Kind::Float && f.is_finite() && f.to_bits() != (-0.0f64).to_bits()
            }
            ValueRef::Boolean(_) => kind == Kind::Boolean,
            ValueRef::DateTime(_) => kind == Kind::DateTime,
            ValueRef::String(_) => kind == Kind::String,
            ValueRef::Uuid(_) => kind == Kind::Uuid,
            ValueRef::Enum(_) => kind == Kind::Enum,
            ValueRef::Tags(tags) => kind == Kind::Tags && tags.is_canonical(),
        }
    }

    /// The value as a person reads it and as a migration takes it; a null is `null`.
    pub fn text(&self, names: &[Box<str>]) -> Vec<u8> {
        match self {
            ValueRef::Null => b"null".to_vec(),
            ValueRef::Integer(n) | ValueRef::DateTime(n) => n.to_string().into_bytes(),
            ValueRef::Float(f) => number::float_text(*f).into_bytes(),
            ValueRef::Boolean(b) => b.to_string().into_bytes(),
            ValueRef::String(text) => text.tell(<[u8]>::to_vec),
            ValueRef::Uuid(bytes) => uuid::text(bytes).to_vec(),
            ValueRef::Enum(ordinal) => match names.get(usize::from(*ordinal)) {
                Some(name) => name.as_bytes().to_vec(),
                None => ordinal.to_string().into_bytes(),
            },
            ValueRef::Tags(tags) => tags.iter().collect::<Vec<_>>().join(&b' '),
        }
    }

    /// The order of two values of one type: null first, then the type's own order.
    /// Values of different types, which a schema never lets meet, compare as equal.
    pub fn order(&self, other: &ValueRef<'_>) -> Ordering {
        match (self, other) {
            (ValueRef::Null, ValueRef::Null) => Ordering::Equal,
            (ValueRef::Null, _) => Ordering::Less,
            (_, ValueRef::Null) => Ordering::Greater,
            (ValueRef::Integer(a), ValueRef::Integer(b))
            | (ValueRef::DateTime(a), ValueRef::DateTime(b)) => a.cmp(b),
            (ValueRef::Float(a), ValueRef::Float(b)) => a.total_cmp(b),
            (ValueRef::Boolean(a), ValueRef::Boolean(b)) => a.cmp(b),
            (ValueRef::String(a), ValueRef::String(b)) => a.tell(|a| b.tell(|b| a.cmp(b))),
            (ValueRef::Uuid(a), ValueRef::Uuid(b)) => a.cmp(b),
            (ValueRef::Enum(a), ValueRef::Enum(b)) => a.cmp(b),
            (ValueRef::Tags(a), ValueRef::Tags(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// Values are copied and kept by the dozen.
const _: () = assert!(size_of::<ValueRef>() == 24);

/// A value that owns its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    Null,
    /// 64-bit signed.
    Integer(i64),
    /// Finite, and never -0.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// Milliseconds since 1970 UTC.
    DateTime(i64),
    /// Any bytes.
    String(Box<[u8]>),
    /// 16 bytes.
    Uuid([u8; 16]),
    /// The ordinal of an ENUM's name.
    Enum(u16),
    /// A set of short strings, in its canonical bytes.
    Tags(Box<[u8]>),
}

impl Value {
    /// The same value, borrowing its bytes.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(n) => ValueRef::Integer(*n),
            Value::Float(f) => ValueRef::Float(*f),
            Value::Boolean(b) => ValueRef::Boolean(*b),
            Value::DateTime(n) => ValueRef::DateTime(*n),
            Value::String(bytes) => ValueRef::String(Text::Bytes(bytes)),
            Value::Uuid(bytes) => ValueRef::Uuid(*bytes),
            Value::Enum(ordinal) => ValueRef::Enum(*ordinal),
            Value::Tags(bytes) => ValueRef::Tags(Tags::of(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_finite_and_never_minus_zero() {
        assert!(ValueRef::Float(0.0).fits(Kind::Float));
        for number in [-0.0, f64::NAN, f64::INFINITY] {
            assert!(!ValueRef::Float(number).fits(Kind::Float));
        }
    }
}
