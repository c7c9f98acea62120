//! What every schema holds to, checked where one is read from bytes.

use std::collections::BTreeSet;

use super::{
    CHANGE_NUMBER, CREATED_AT, DefaultValue, EXPIRES_AT, Field, ID, MAX_FIELDS, MAX_INDEX_FIELDS,
    MAX_INDEXES, Method, Schema, UPDATED_AT, grammar::MAX_ENUM_NAMES, is_field_name, is_own_name,
};
use crate::{
    error::{Error, Result},
    value::{Type, Value},
};

impl Schema {
    /// Whether this is a schema that migrations can make.
    ///
    /// # Errors
    /// BADVALUE naming what does not hold.
    pub fn validate(&self) -> Result<()> {
        let holds = [
            ("its own fields are out of place", self.own_in_place()),
            (
                "a field is there twice or has no number",
                self.fields_apart(),
            ),
            ("a field is wrong", self.fields.iter().all(field_holds)),
            ("an index is wrong", self.indexes_hold()),
            ("an earlier type is wrong", self.origins_hold()),
            (
                "the time to live is not above 0",
                self.ttl.is_none_or(|ttl| ttl > 0),
            ),
        ];
        match holds.iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(Error::corrupt(format!("the schema: {what}"))),
            None => Ok(()),
        }
    }

    fn own_in_place(&self) -> bool {
        let named = |position: usize, name: &str, kind: Type| {
            let field = self.fields.get(position);
            field.is_some_and(|field| &*field.name == name && field.kind == kind)
        };
        let time = |position: usize, name: &str| named(position, name, Type::DateTime);
        let id = self.fields.first();
        let own = if self.timestamps { 4 } else { 2 } + usize::from(self.changes);
        let added = self.fields.get(self.added()).unwrap_or_default();
        id.is_some_and(|id| &*id.name == ID && id.number == 0 && id.not_null)
            && id.is_some_and(|id| id.kind == self.id.kind())
            && (own..=own + MAX_FIELDS).contains(&self.fields.len())
            && time(self.expires_at(), EXPIRES_AT)
            && self
                .timestamp_positions()
                .is_none_or(|(c, u)| time(c, CREATED_AT) && time(u, UPDATED_AT))
            && self.change_number().is_none_or(|at| {
                let filled = self.fields.get(at).is_some_and(|field| field.not_null);
                filled && named(at, CHANGE_NUMBER, Type::Integer)
            })
            && self.changes == self.indexes.iter().any(|index| self.is_of_feed(index))
            && !added.iter().any(|field| is_own_name(&field.name))
    }

    fn fields_apart(&self) -> bool {
        let names: BTreeSet<&str> = self.fields.iter().map(|field| &*field.name).collect();
        let numbers: BTreeSet<u32> = self.fields.iter().map(|field| field.number).collect();
        names.len() == self.fields.len()
            && numbers.len() == self.fields.len()
            && numbers.last().is_some_and(|last| *last < self.next_field)
    }

    /// Each origin tells of numbers that were given, the older one last.
    fn origins_hold(&self) -> bool {
        self.origins.iter().all(|origin| {
            let names = match &origin.kind {
                Type::Enum(names) => (1..=MAX_ENUM_NAMES).contains(&names.len()),
                _ => true,
            };
            names && origin.former < origin.field && self.has_given(origin.field)
        })
    }

    fn indexes_hold(&self) -> bool {
        let numbers: BTreeSet<u32> = self.indexes.iter().map(|index| index.number).collect();
        numbers.len() == self.indexes.len()
            && numbers.last().is_none_or(|last| *last < self.next_index)
            && self.indexes.len() <= MAX_INDEXES
            && self.indexes.iter().enumerate().all(|(at, index)| {
                let fields: BTreeSet<u32> = index.fields.iter().copied().collect();
                (1..=MAX_INDEX_FIELDS).contains(&index.fields.len())
                    && fields.len() == index.fields.len()
                    && fields
                        .iter()
                        .all(|number| self.position_of(*number).is_some())
                    && (index.method == Method::SortedSet
                        || (index.fields.len() == 1 && !index.unique))
                    && self.check_tags(&index.fields, index.method).is_ok()
                    && self.index_on(&index.fields, index.method) == Some(at)
            })
    }
}

fn field_holds(field: &Field) -> bool {
    let fits = |value: &Value| {
        let ordinal = match value {
            Value::Enum(ordinal) => usize::from(*ordinal) < field.kind.names().len(),
            _ => true,
        };
        ordinal && value.as_ref().fits(field.kind.kind())
    };
    let names = match &field.kind {
        Type::Enum(names) => (1..=MAX_ENUM_NAMES).contains(&names.len()),
        _ => true,
    };
    is_field_name(field.name.as_bytes())
        && names
        && fits(&field.initial)
        && match &field.default {
            None => true,
            Some(DefaultValue::Fixed(value)) => fits(value),
            Some(DefaultValue::Clock(_)) => field.kind == Type::DateTime,
        }
}
