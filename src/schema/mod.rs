//! What a table's records are: fields, indexes, time to live, and how migrations change them.

mod change;
mod check;
mod grammar;
mod history;
mod operation;

pub use change::{Facts, derive_down};
pub use grammar::parse_operations;
pub use history::{Direction, History, Line, Migration, State};
pub use operation::{FieldChange, IndexShape, Operation};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Code, Error, Result, quoted},
    value::{Type, Value, ValueRef, datetime, tags::Tags},
};

/// The most fields that users may add to a table.
pub const MAX_FIELDS: usize = 1024;
/// The most fields that one list can name: the users' and the server's own.
pub const MAX_NAMED: usize = MAX_FIELDS + 5;
/// The most indexes a table may have.
pub const MAX_INDEXES: usize = 64;
/// The most fields an index may have.
pub const MAX_INDEX_FIELDS: usize = 8;
/// The longest name of a field, in bytes.
pub const MAX_NAME: usize = 63;

/// The server's own name for a record's key.
pub const ID: &str = "id";
/// When a record was created.
pub const CREATED_AT: &str = "created_at";
/// When a record was last written.
pub const UPDATED_AT: &str = "updated_at";
/// When a record expires.
pub const EXPIRES_AT: &str = "expires_at";
/// The number of a record's last write, in a table with CHANGES ON; elsewhere a name as any other.
pub const CHANGE_NUMBER: &str = "change_number";

/// Names a field for ever: never given to another, so a removed field's values never reappear.
pub type FieldNumber = u32;
/// Names an index for ever.
pub type IndexNumber = u32;

/// A field of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Names the field in records and indexes, whatever it is called.
    pub number: FieldNumber,
    /// What users call it.
    pub name: Box<str>,
    /// What it holds.
    pub kind: Type,
    /// Whether null is refused.
    pub not_null: bool,
    /// What a new record takes where none is given.
    pub default: Option<DefaultValue>,
    /// What records written before the field was added have: its default of that moment.
    pub initial: Value,
}

/// What a field was before its type changed: records of then are read as it was, and converted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The field since.
    pub field: FieldNumber,
    /// The field before.
    pub former: FieldNumber,
    /// Its type then.
    pub kind: Type,
}

/// A default: a value, or an offset from the clock of the write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DefaultValue {
    /// This value.
    Fixed(Value),
    /// The time of the write plus so many milliseconds.
    Clock(i64),
}

impl DefaultValue {
    /// Reads a default for a field of this type from a migration's token.
    pub fn parse(kind: &Type, field: &str, token: &[u8]) -> Result<DefaultValue> {
        if *kind == Type::DateTime {
            if let Some(offset) = datetime::clock_offset(token) {
                return Ok(DefaultValue::Clock(offset));
            }
        }
        Ok(DefaultValue::Fixed(
            kind.expect(field, token, 0)?.to_value(),
        ))
    }

    /// A default of these tags for a field.
    ///
    /// # Errors
    /// BADVALUE for a tag that is too long.
    pub fn of_tags(field: &str, tags: &[&[u8]]) -> Result<DefaultValue> {
        let bytes = Type::Tags.expect_tags(field, tags)?;
        Ok(DefaultValue::Fixed(Value::Tags(bytes)))
    }

    /// The value at a moment.
    pub fn at(&self, now: i64) -> ValueRef<'_> {
        match self {
            DefaultValue::Fixed(value) => value.as_ref(),
            DefaultValue::Clock(offset) => ValueRef::DateTime(now.saturating_add(*offset)),
        }
    }

    /// The tokens a migration writes it as: one, or the number of tags and the tags.
    pub fn tokens(&self, kind: &Type) -> Vec<Vec<u8>> {
        match self {
            DefaultValue::Fixed(Value::Tags(bytes)) => {
                let tags = Tags::of(bytes);
                let mut tokens = vec![tags.len().to_string().into_bytes()];
                tokens.extend(tags.iter().map(<[u8]>::to_vec));
                tokens
            }
            DefaultValue::Fixed(value) => vec![value.as_ref().text(kind.names())],
            DefaultValue::Clock(offset) => vec![datetime::clock_text(*offset).into_bytes()],
        }
    }

    /// The change that gives a field of this type this default.
    fn change(&self, kind: &Type) -> FieldChange {
        let mut tokens = self.tokens(kind).into_iter().map(Into::into);
        let first = tokens.next();
        match kind {
            Type::Tags => FieldChange::DefaultTags(tokens.collect()),
            _ => FieldChange::Default(first),
        }
    }
}

/// What a table's ids are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdType {
    /// Counted up by the server unless given.
    Integer,
    /// Made by the server, version 7, unless given.
    Uuid,
    /// The caller's.
    String,
}

impl IdType {
    /// The type of the field `id`.
    pub fn kind(self) -> Type {
        match self {
            IdType::Integer => Type::Integer,
            IdType::Uuid => Type::Uuid,
            IdType::String => Type::String,
        }
    }
}

/// How an index finds its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Ranges, equality and order over one or more fields.
    SortedSet,
    /// Equality over one field of few values.
    Bitmap,
}

/// An index of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDefinition {
    /// Names the index for ever.
    pub number: IndexNumber,
    /// The fields, the leading one first.
    pub fields: Vec<FieldNumber>,
    /// Sorted set or bitmap.
    pub method: Method,
    /// Whether two records may not have the same values, nulls apart.
    pub unique: bool,
}

/// Fields, indexes and time to live.
///
/// `fields` begins with `id` and ends with `expires_at`; before it stand `created_at` and
/// `updated_at` where the table keeps them, and then `change_number` where it has a change feed. A
/// field's place in this list is its position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// What ids are.
    pub id: IdType,
    /// Whether created_at and updated_at are kept.
    pub timestamps: bool,
    /// Whether writes are numbered and removals remembered, for a change feed.
    #[serde(skip)]
    pub changes: bool,
    /// Milliseconds a record lives after each write.
    pub ttl: Option<i64>,
    /// Every field, by position.
    pub fields: Vec<Field>,
    /// Every index.
    pub indexes: Vec<IndexDefinition>,
    /// What fields were before their type changed, the first change first.
    #[serde(skip)]
    pub origins: Vec<Origin>,
    next_field: FieldNumber,
    next_index: IndexNumber,
}

impl Default for Schema {
    fn default() -> Self {
        Schema::new()
    }
}

impl Schema {
    /// A table before its first migration: an INTEGER id, timestamps, nothing else.
    pub fn new() -> Schema {
        let mut schema = Schema {
            id: IdType::Integer,
            timestamps: true,
            changes: false,
            ttl: None,
            fields: Vec::new(),
            indexes: Vec::new(),
            origins: Vec::new(),
            next_field: 0,
            next_index: 0,
        };
        let own = [
            (ID, Type::Integer),
            (CREATED_AT, Type::DateTime),
            (UPDATED_AT, Type::DateTime),
            (EXPIRES_AT, Type::DateTime),
        ];
        for (name, kind) in own {
            let field = schema.own_field(name, kind, name != EXPIRES_AT, Value::Null);
            schema.fields.push(field);
        }
        schema
    }

    /// One of the server's own fields, with a number of its own.
    fn own_field(&mut self, name: &str, kind: Type, not_null: bool, initial: Value) -> Field {
        Field {
            number: self.take_field_number(),
            name: name.into(),
            kind,
            not_null,
            default: None,
            initial,
        }
    }

    /// The next number. Past the last there is none: [`Schema::validate`] refuses what comes then.
    fn take_field_number(&mut self) -> FieldNumber {
        let number = self.next_field;
        self.next_field = number.saturating_add(1);
        number
    }

    fn take_index_number(&mut self) -> IndexNumber {
        let number = self.next_index;
        self.next_index = number.saturating_add(1);
        number
    }

    /// What a field was before its type changed last.
    pub fn origin_of(&self, number: FieldNumber) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.field == number)
    }

    /// Whether a field of this table has this number, or had it once.
    pub fn has_given(&self, number: FieldNumber) -> bool {
        number < self.next_field
    }

    /// The position of a field by its name; a leading `@` is passed over.
    pub fn position(&self, token: &[u8]) -> Result<usize> {
        self.position_near(token, 0)
    }

    /// [`Schema::position`], looked for from a position on and then before it: fields are mostly
    /// named in their order.
    #[inline]
    pub fn position_near(&self, token: &[u8], near: usize) -> Result<usize> {
        let name = token.strip_prefix(b"@").unwrap_or(token);
        let is_here = |field: &Field| field.name.as_bytes() == name;
        let (before, after) = self.fields.split_at_checked(near).unwrap_or_default();
        let found = match after.iter().position(is_here) {
            Some(at) => Some(before.len() + at),
            None => before.iter().position(is_here),
        };
        found.ok_or_else(|| self.no_field(name))
    }

    /// Whether a name is that of a field of TAGS.
    pub fn is_tags(&self, token: &[u8]) -> bool {
        let position = self.position(token).ok();
        let field = position.and_then(|position| self.fields.get(position));
        field.is_some_and(|field| field.kind == Type::Tags)
    }

    /// Whether a field is of TAGS.
    pub fn has_tags(&self) -> bool {
        self.fields.iter().any(|field| field.kind == Type::Tags)
    }

    /// The position of a field by its number.
    pub fn position_of(&self, number: FieldNumber) -> Option<usize> {
        self.fields.iter().position(|field| field.number == number)
    }

    /// The field at a position.
    pub fn field(&self, position: usize) -> Result<&Field> {
        self.fields
            .get(position)
            .ok_or_else(|| Error::internal("a field's position is out of range"))
    }

    /// The position of `expires_at`: the last.
    pub fn expires_at(&self) -> usize {
        self.fields.len().saturating_sub(1)
    }

    /// The positions of `created_at` and `updated_at`, where the table keeps them.
    pub fn timestamp_positions(&self) -> Option<(usize, usize)> {
        let end = self.visible().end;
        self.timestamps
            .then(|| (end.saturating_sub(2), end.saturating_sub(1)))
    }

    /// The position of `change_number`, where the table has a change feed.
    #[inline]
    pub fn change_number(&self) -> Option<usize> {
        self.changes.then(|| self.expires_at().saturating_sub(1))
    }

    /// The positions that `*` means, in the order of a reply: all but `change_number` and
    /// `expires_at`.
    pub fn visible(&self) -> std::ops::Range<usize> {
        0..self.expires_at().saturating_sub(usize::from(self.changes))
    }

    /// The positions of the fields that users added.
    pub fn added(&self) -> std::ops::Range<usize> {
        let own = if self.timestamps { 2 } else { 0 };
        1..self.visible().end.saturating_sub(own).max(1)
    }

    /// The names of an index's fields.
    pub fn index_names(&self, index: &IndexDefinition) -> Vec<&str> {
        index
            .fields
            .iter()
            .filter_map(|number| self.position_of(*number))
            .filter_map(|position| self.fields.get(position))
            .map(|field| &*field.name)
            .collect()
    }

    /// Whether an index is the one that a change feed reads by, which comes and goes with it.
    pub fn is_of_feed(&self, index: &IndexDefinition) -> bool {
        let field = self.change_number().and_then(|at| self.fields.get(at));
        let sorted = index.method == Method::SortedSet;
        sorted && field.is_some_and(|field| index.fields == [field.number])
    }

    /// The positions of an index's fields.
    pub fn index_positions(&self, index: &IndexDefinition) -> Vec<usize> {
        index
            .fields
            .iter()
            .filter_map(|number| self.position_of(*number))
            .collect()
    }

    fn no_field(&self, name: &[u8]) -> Error {
        let shown: Vec<&str> = self.fields.iter().take(32).map(|f| &*f.name).collect();
        let more = if self.fields.len() > 32 { ", ..." } else { "" };
        Error::new(
            Code::NoField,
            format!(
                "there is no field {}; the table has {}{more}",
                quoted(name),
                shown.join(", ")
            ),
        )
    }

    /// The operations that make this schema anew: its fields, then its indexes, both in the order of
    /// the fields, so that an index that goes and comes back stands where it stood.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        if self.id != IdType::Integer {
            operations.push(Operation::Id(self.id));
        }
        if !self.timestamps {
            operations.push(Operation::Timestamps(false));
        }
        if self.changes {
            operations.push(Operation::Changes(true));
        }
        let added = self.fields.get(self.added()).unwrap_or_default();
        operations.extend(added.iter().map(|field| Operation::AddField {
            name: field.name.clone(),
            kind: field.kind.clone(),
            not_null: field.not_null,
            default: field.default.clone(),
            index: None,
            position: None,
        }));
        let others = self.indexes.iter().filter(|index| !self.is_of_feed(index));
        let mut indexes: Vec<&IndexDefinition> = others.collect();
        indexes.sort_by_cached_key(|index| {
            let bitmap = index.method == Method::Bitmap;
            (self.index_positions(index), bitmap)
        });
        operations.extend(indexes.into_iter().map(|index| {
            Operation::AddIndex {
                fields: self
                    .index_names(index)
                    .into_iter()
                    .map(Into::into)
                    .collect(),
                shape: IndexShape::of(index),
            }
        }));
        if let Some(ttl) = self.ttl {
            operations.push(Operation::SetTtl { ttl: Some(ttl) });
        }
        operations
    }
}

/// Whether a token may name a field.
pub fn is_field_name(name: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_lowercase() || *b == b'_';
    name.len() <= MAX_NAME
        && name.first().is_some_and(letter)
        && name.iter().all(|b| letter(b) || b.is_ascii_digit())
}

/// Whether a name is the server's own.
pub fn is_own_name(name: &str) -> bool {
    [ID, CREATED_AT, UPDATED_AT, EXPIRES_AT].contains(&name)
}
