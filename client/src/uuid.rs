//! UUIDs, as values of UUID fields.

use ::uuid::Uuid;

use crate::{
    cell::{Cell, Unfit},
    field::{FieldValue, field},
    kind,
    schema::Type,
    value::Value,
    words::Words,
};

impl Value<kind::Uuid> for Uuid {
    fn write(&self, words: &mut Words) {
        words.push_display(self.as_hyphenated());
    }
}

field!(Uuid, kind::Uuid, Type::Uuid, "a UUID", Cell::Uuid(bytes) => Some(Uuid::from_bytes(*bytes)));
