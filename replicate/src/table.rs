//! What is replicated: a table's wish as it is configured, and what a plan makes of it.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The type of a field of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldType {
    /// `INTEGER`, of 64 bits.
    Integer,
    /// `FLOAT`, of 64 bits.
    Float,
    /// `BOOLEAN`.
    Boolean,
    /// `DATETIME`: milliseconds since 1970 UTC.
    DateTime,
    /// `STRING`: any bytes.
    String,
    /// `UUID`.
    Uuid,
    /// `ENUM` of these names.
    Enum(Vec<String>),
    /// `TAGS`: a set of texts.
    Tags,
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldType::Integer => "INTEGER",
            FieldType::Float => "FLOAT",
            FieldType::Boolean => "BOOLEAN",
            FieldType::DateTime => "DATETIME",
            FieldType::String => "STRING",
            FieldType::Uuid => "UUID",
            FieldType::Enum(_) => "ENUM",
            FieldType::Tags => "TAGS",
        })
    }
}

/// How a value is written in a part, for the column that it goes into. A format of its own types (Parquet) takes its
/// type from it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// As text: numbers as they are, `true` and `false`, the name of an ENUM, a UUID with dashes, a STRING as it is,
    /// which must be UTF-8 without NUL.
    Plain,
    /// A DATETIME as `2026-01-01 12:00:00.123`, in UTC.
    Timestamp,
    /// A DATETIME as `2026-01-01 12:00:00.123+00`.
    TimestampTz,
    /// A DATETIME as a number of milliseconds.
    Milliseconds,
    /// A STRING as `\x` and hex digits.
    Hex,
    /// A STRING as hex digits alone.
    Digits,
    /// TAGS as a list in JSON, `["a","b"]`; anything else as a JSON value.
    Json,
    /// TAGS as PostgreSQL writes an array, `{a,"b c"}`.
    Array,
}

/// A field and the column that it goes into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The field of the source.
    pub field: String,
    /// The field's type.
    pub kind: FieldType,
    /// The column of the target, not quoted.
    pub name: String,
    /// The column's type, as the target says it; a temporary stage is made of it.
    pub column_type: String,
    /// How a value is written for it.
    pub form: Form,
}

/// How rows that are new are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// What has changed since the watermark, by the table's change feed.
    Changes,
    /// What has changed since the watermark, by this DATETIME field; going back by so much each time, for clocks that
    /// are set by hand.
    Timed {
        /// The field.
        field: String,
        /// How far each batch goes back behind the last.
        overlap: Duration,
    },
    /// Rows are only ever added, with growing values of this INTEGER field.
    Identity {
        /// The field; `id` as a rule.
        field: String,
    },
    /// All of it, each time.
    Full {
        /// Whether the side table takes the place of the target's by renaming, which drops its grants and views.
        rename: bool,
    },
}

impl Strategy {
    /// Its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Strategy::Changes | Strategy::Timed { .. } => "timed",
            Strategy::Identity { .. } => "identity",
            Strategy::Full { .. } => "full",
        }
    }
}

/// What becomes of a row whose record is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deletes {
    /// It goes too.
    Hard,
    /// It stays, with the moment in this column, a time.
    Soft {
        /// The column.
        column: String,
    },
    /// It stays.
    Ignore,
}

/// A table as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The table of the source.
    pub source: String,
    /// The table of the target, `name` or `schema.name`.
    pub target: String,
    /// How rows that are new are told; `None` is by the change feed where the table has one, by `updated_at` else.
    pub strategy: Option<Strategy>,
    /// What becomes of a row whose record is gone.
    pub deletes: Deletes,
    /// Columns of the target that are not named as their fields: column to field.
    pub columns: BTreeMap<String, String>,
    /// Whether columns may be added to the target for fields that it lacks.
    pub evolve: bool,
    /// Fields that never become columns, whatever the target has or `evolve` would add.
    pub exclude: Vec<String>,
}

impl Wish {
    /// A wish for a table with everything as it is by default.
    pub fn new(source: impl Into<String>, target: impl Into<String>) -> Wish {
        Wish {
            source: source.into(),
            target: target.into(),
            strategy: None,
            deletes: Deletes::Hard,
            columns: BTreeMap::new(),
            evolve: false,
            exclude: Vec::new(),
        }
    }
}

/// A table as it is planned: every column has its field and fits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The table of the source.
    pub source: String,
    /// The table of the target, `name` or `schema.name`; not quoted.
    pub target: String,
    /// The columns in the order in which parts hold them. The one of the field `id` is the first.
    pub columns: Vec<Column>,
    /// How rows that are new are told.
    pub strategy: Strategy,
    /// What becomes of a row whose record is gone.
    pub deletes: Deletes,
}

impl Table {
    /// The column that holds the id.
    pub fn key(&self) -> Option<&Column> {
        self.columns.first()
    }

    /// The fields in the order of the columns.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.field.as_str())
    }
}
