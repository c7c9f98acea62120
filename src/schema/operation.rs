//! The operations that a migration is made of.

use serde::{Deserialize, Serialize};

use super::{DefaultValue, IdType, IndexDefinition, Method};
use crate::value::Type;

/// The kind of index that an operation adds or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexShape {
    /// A sorted set.
    SortedSet,
    /// A sorted set that refuses a second record with the same values.
    Unique,
    /// A bitmap.
    Bitmap,
}

impl IndexShape {
    /// The shape of an index.
    pub fn of(index: &IndexDefinition) -> IndexShape {
        match (index.method, index.unique) {
            (Method::Bitmap, _) => IndexShape::Bitmap,
            (Method::SortedSet, true) => IndexShape::Unique,
            (Method::SortedSet, false) => IndexShape::SortedSet,
        }
    }

    /// How such an index finds its records.
    pub fn method(self) -> Method {
        match self {
            IndexShape::Bitmap => Method::Bitmap,
            IndexShape::SortedSet | IndexShape::Unique => Method::SortedSet,
        }
    }
}

/// What SET FIELD changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FieldChange {
    /// The default, or none.
    Default(Option<DefaultToken>),
    /// Whether null is refused.
    NotNull(bool),
    /// The default of a TAGS field.
    DefaultTags(Vec<DefaultToken>),
    /// The type; every value converts exactly.
    Type(Type),
}

/// A default as its token: what it means depends on the field's type.
pub type DefaultToken = Box<[u8]>;

/// One change of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// Adds a field.
    AddField {
        /// Its name.
        name: Box<str>,
        /// Its type.
        kind: Type,
        /// Whether null is refused.
        not_null: bool,
        /// What a record takes where no value is given.
        default: Option<DefaultValue>,
        /// An index over it alone.
        index: Option<IndexShape>,
        /// Its place among the fields; the last where none is said. Only a way back says one.
        position: Option<usize>,
    },
    /// Removes a field and its values.
    RemoveField {
        /// Its name.
        name: Box<str>,
    },
    /// Gives a field another name.
    RenameField {
        /// The name it has.
        from: Box<str>,
        /// The name it gets.
        to: Box<str>,
    },
    /// Changes a field.
    SetField {
        /// Its name.
        name: Box<str>,
        /// What changes.
        change: FieldChange,
    },
    /// Appends a name to an ENUM.
    AddEnumValue {
        /// The field.
        field: Box<str>,
        /// The new name.
        value: Box<str>,
    },
    /// Adds an index.
    AddIndex {
        /// Its fields, the leading one first.
        fields: Vec<Box<str>>,
        /// What it is.
        shape: IndexShape,
    },
    /// Removes an index.
    RemoveIndex {
        /// Its fields.
        fields: Vec<Box<str>>,
        /// Sorted set or bitmap.
        method: Method,
    },
    /// Sets how long a record lives after each write, from its next write on.
    SetTtl {
        /// Milliseconds, or `None` to leave records without an end.
        ttl: Option<i64>,
    },
    /// Sets what ids are, while the table is empty.
    Id(IdType),
    /// Whether created_at and updated_at are kept.
    Timestamps(bool),
    /// Sets how long a record lives, for those there are as for those to come: each is given the
    /// time of the migration and so long.
    SetTtlActive {
        /// Milliseconds, or `None` to leave every record without an end.
        ttl: Option<i64>,
    },
    /// Changes records: a migration of data, which stands alone.
    Update {
        /// The words after UPDATE: a predicate, SET, fields and values.
        words: Vec<Box<[u8]>>,
    },
    /// Whether writes are numbered and removals remembered, for a change feed.
    Changes(bool),
}

impl Operation {
    /// Whether the operation looks at every record of the table.
    pub fn needs_pass(&self) -> bool {
        match self {
            Operation::AddField { index, .. } => index.is_some(),
            Operation::AddIndex { .. }
            | Operation::SetTtlActive { .. }
            | Operation::Update { .. }
            | Operation::Changes(true) => true,
            Operation::SetField { change, .. } => {
                matches!(change, FieldChange::NotNull(true) | FieldChange::Type(_))
            }
            _ => false,
        }
    }

    /// Whether records that nobody writes have other values after it, or other numbers; a new
    /// field's default and a removed field apart. UPDATE writes what it changes.
    pub fn rewrites(&self) -> bool {
        match self {
            Operation::SetField { change, .. } => matches!(change, FieldChange::Type(_)),
            Operation::SetTtlActive { .. }
            | Operation::Timestamps(_)
            | Operation::Changes(false) => true,
            _ => false,
        }
    }
}
