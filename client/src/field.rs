//! The Rust types that a field of a record may have.

use std::collections::{BTreeSet, HashSet};

use crate::{
    cell::{Cell, Unfit},
    kind::*,
    schema::Type,
    value::Value,
    words::Words,
};

/// A Rust type that a field of a record may have.
///
/// | Rust | the field |
/// | --- | --- |
/// | `i8` to `i64`, `u8` to `u64` | `INTEGER` |
/// | `f32`, `f64` | `FLOAT` |
/// | `bool` | `BOOLEAN` |
/// | [`SystemTime`](std::time::SystemTime); times of `chrono`, `time`, `jiff` with those features | `DATETIME` |
/// | `String`, `Box<str>`, `Vec<u8>` | `STRING` |
/// | `uuid::Uuid` with the feature `uuid` | `UUID` |
/// | an enum with [`#[derive(Enum)]`](macro@crate::Enum) | `ENUM` |
/// | `BTreeSet<String>`, `HashSet<String>`, `Vec<String>` | `TAGS` |
/// | `Option` of any of these | the same, and may be null |
///
/// A type of your own implements this and [`Value`], mostly by handing on to the type inside:
///
/// ```
/// use yarr_client::{Cell, FieldValue, Type, Unfit, Value, Words, kind};
///
/// struct UserId(i64);
///
/// impl Value<kind::Integer> for UserId {
///     fn write(&self, words: &mut Words) {
///         Value::<kind::Integer>::write(&self.0, words);
///     }
/// }
///
/// impl FieldValue for UserId {
///     type Kind = kind::Integer;
///     type NotNull = UserId;
///     const TYPE: Type = Type::Integer;
///
///     fn read(cell: Option<Cell<'_>>) -> Result<UserId, Unfit> {
///         i64::read(cell).map(UserId)
///     }
///
///     fn write(&self, words: &mut Words) {
///         FieldValue::write(&self.0, words);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a record",
    label = "no type of a field",
    note = "take an integer, a float, bool, String, Vec<u8>, a time, Uuid (feature `uuid`), an enum with #[derive(Enum)], BTreeSet<String>, or Option of one of these"
)]
pub trait FieldValue: Sized {
    /// What such a field holds on the server.
    type Kind: Kind;
    /// The type without its null: itself, or what the `Option` is of.
    type NotNull: FieldValue<Kind = Self::Kind>;
    /// The field's type in a migration.
    const TYPE: Type;
    /// Whether it may be null.
    const NULLABLE: bool = false;

    /// Takes a value of an answer.
    ///
    /// # Errors
    /// Where the value is another one, or null where that cannot be.
    fn read(cell: Option<Cell<'_>>) -> Result<Self, Unfit>;

    /// Writes the value, unless it is null.
    fn write(&self, words: &mut Words);

    /// Whether it is null.
    fn is_null(&self) -> bool {
        false
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    type Kind = T::Kind;
    type NotNull = T::NotNull;
    const TYPE: Type = T::TYPE;
    const NULLABLE: bool = true;

    fn read(cell: Option<Cell<'_>>) -> Result<Self, Unfit> {
        cell.map(|cell| T::read(Some(cell))).transpose()
    }

    fn write(&self, words: &mut Words) {
        if let Some(value) = self {
            value.write(words);
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

/// Implements [`FieldValue`] for a type that is also a [`Value`].
macro_rules! field {
    ($name:ty, $kind:ty, $type:expr, $expected:literal, $pattern:pat => $value:expr) => {
        impl FieldValue for $name {
            type Kind = $kind;
            type NotNull = $name;
            const TYPE: Type = $type;

            fn read(cell: Option<Cell<'_>>) -> Result<Self, Unfit> {
                let value: Option<$name> = match &cell {
                    Some($pattern) => $value,
                    _ => None,
                };
                value.ok_or_else(|| Unfit::new($expected, cell))
            }

            fn write(&self, words: &mut Words) {
                Value::<$kind>::write(self, words);
            }
        }
    };
}
pub(crate) use field;

field!(i8, Integer, Type::Integer, "an INTEGER of 8 bits", Cell::Integer(n) => (*n).try_into().ok());
field!(i16, Integer, Type::Integer, "an INTEGER of 16 bits", Cell::Integer(n) => (*n).try_into().ok());
field!(i32, Integer, Type::Integer, "an INTEGER of 32 bits", Cell::Integer(n) => (*n).try_into().ok());
field!(i64, Integer, Type::Integer, "an INTEGER", Cell::Integer(n) => Some(*n));
field!(u8, Integer, Type::Integer, "an INTEGER from 0 to 255", Cell::Integer(n) => (*n).try_into().ok());
field!(u16, Integer, Type::Integer, "an INTEGER from 0 to 65535", Cell::Integer(n) => (*n).try_into().ok());
field!(u32, Integer, Type::Integer, "an INTEGER from 0 to 4294967295", Cell::Integer(n) => (*n).try_into().ok());
field!(u64, Integer, Type::Integer, "an INTEGER of 0 or more", Cell::Integer(n) => (*n).try_into().ok());
field!(f64, Float, Type::Float, "a FLOAT", Cell::Float(x) => Some(*x));
field!(f32, Float, Type::Float, "a FLOAT", Cell::Float(x) => Some(*x as f32));
field!(bool, Boolean, Type::Boolean, "a BOOLEAN", Cell::Boolean(truth) => Some(*truth));
field!(String, Text, Type::String, "a STRING of UTF-8", Cell::Text(bytes) => text(bytes));
field!(Box<str>, Text, Type::String, "a STRING of UTF-8", Cell::Text(bytes) => text(bytes).map(Into::into));
field!(Vec<u8>, Text, Type::String, "a STRING", Cell::Text(bytes) => Some(bytes.to_vec()));
field!(BTreeSet<String>, Tags, Type::Tags, "TAGS of UTF-8", Cell::Tags(tags) => all(tags));
field!(HashSet<String>, Tags, Type::Tags, "TAGS of UTF-8", Cell::Tags(tags) => all(tags));
field!(Vec<String>, Tags, Type::Tags, "TAGS of UTF-8", Cell::Tags(tags) => all(tags));

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

fn all<C: FromIterator<String>>(tags: &[&[u8]]) -> Option<C> {
    tags.iter().map(|tag| text(tag)).collect()
}
