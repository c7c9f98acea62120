//! What a record's struct says of its table.

use std::fmt;

use crate::line;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `INTEGER`.
    Integer,
    /// `FLOAT`.
    Float,
    /// `BOOLEAN`.
    Boolean,
    /// `DATETIME`.
    DateTime,
    /// `STRING`.
    String,
    /// `UUID`.
    Uuid,
    /// `ENUM` of these names.
    Enum(&'static [&'static str]),
    /// `TAGS`.
    Tags,
}

/// The type as a migration names it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Integer => "INTEGER",
            Type::Float => "FLOAT",
            Type::Boolean => "BOOLEAN",
            Type::DateTime => "DATETIME",
            Type::String => "STRING",
            Type::Uuid => "UUID",
            Type::Enum(names) => return write!(f, "ENUM ( {} )", names.join(" ")),
            Type::Tags => "TAGS",
        })
    }
}

/// A field as the struct says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its default, as a migration says it.
    pub default: Option<&'static str>,
}

impl Field {
    /// Whether the server keeps it by itself: `id`, `created_at`, `updated_at` and `expires_at`.
    pub fn is_own(&self) -> bool {
        ["id", "created_at", "updated_at", "expires_at"].contains(&self.name)
    }
}

/// What an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A sorted set: ranges, order, and values that differ.
    Sorted,
    /// A sorted set that refuses a second record with the same values.
    Unique,
    /// A bitmap: equality on a field of few values, and tags.
    Bitmap,
}

/// An index as the struct says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its fields, the leading one first.
    pub fields: &'static [&'static str],
    /// What it is.
    pub shape: Shape,
}

/// The index as the rest of ADD INDEX and REMOVE INDEX.
fn index_text(fields: &[&str], suffix: &str) -> String {
    let fields: Vec<String> = fields.iter().map(|field| format!("@{field}")).collect();
    format!("{}{suffix}", fields.join(" "))
}

/// A struct's whole word on its table.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Its fields, those of the server's own among them.
    pub fields: &'static [Field],
    /// Its indexes.
    pub indexes: &'static [Index],
    /// How many seconds a record lives from each write on.
    pub ttl: Option<u64>,
}

impl Schema {
    /// The operations of a migration that makes such a table.
    pub fn operations(&self) -> Vec<String> {
        Found::default().lacks(self)
    }

    fn keeps_times(&self) -> bool {
        let times = |field: &Field| ["created_at", "updated_at"].contains(&field.name);
        self.fields.iter().any(times)
    }

    fn id(&self) -> Type {
        let id = self.fields.iter().find(|field| field.name == "id");
        id.map_or(Type::Integer, |id| id.kind)
    }
}

/// What a table lacks of what a struct says of it.
///
/// ```no_run
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "job")]
/// # struct Job { id: i64, task: String, priority: i64, owner: Option<i64>, tags: std::collections::BTreeSet<String> }
/// # fn main() -> yarr_client::Result<()> {
/// # let mut connection = yarr_client::redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
/// let drift = Job::check().run(&mut connection)?;
/// for operation in drift.missing() {
///     println!("missing: {operation}"); // missing: ADD FIELD owner INTEGER
/// }
/// drift.into_result()?; // refuses to start on such a table
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    table: String,
    missing: Vec<String>,
}

impl Drift {
    pub(crate) fn new(table: &str, missing: Vec<String>) -> Drift {
        Drift {
            table: table.into(),
            missing,
        }
    }

    /// The operations of a migration that would make the table fit, empty where it does.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// An error where something is missing: to refuse to start on such a table.
    ///
    /// # Errors
    /// [`Error::Schema`](crate::Error::Schema).
    pub fn into_result(self) -> crate::Result<()> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(crate::Error::Schema(self)),
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_empty() {
            true => write!(f, "table '{}' is as its struct says", self.table),
            false => write!(
                f,
                "table '{}' is not as its struct says; YARR.MIGRATE {0} UP <version> <name> {}",
                self.table,
                self.missing.join(" ")
            ),
        }
    }
}

/// A table as YARR.SCHEMA tells it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    exists: bool,
    fields: Vec<FoundField>,
    indexes: Vec<(Vec<String>, Shape)>,
    ttl: Option<u64>,
    id: Option<String>,
    no_times: bool,
}

#[derive(Debug, Default)]
struct FoundField {
    name: String,
    kind: String,
    names: Vec<String>,
    not_null: bool,
    default: Option<String>,
}

impl Found {
    /// Reads the operations that make the table anew. What this version does not know is passed over.
    pub(crate) fn read(operations: &[String]) -> Found {
        let mut found = Found {
            exists: true,
            ..Found::default()
        };
        for operation in operations {
            let words = split(operation);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["ADD", "FIELD", name, kind, rest @ ..] => {
                    found.fields.push(FoundField::read(name, kind, rest))
                }
                ["ADD", "INDEX", fields @ .., "UNIQUE"] => found.index(fields, Shape::Unique),
                ["ADD", "INDEX", fields @ .., "BITMAP"] => found.index(fields, Shape::Bitmap),
                ["ADD", "INDEX", fields @ ..] => found.index(fields, Shape::Sorted),
                ["SET", "TTL", seconds, ..] => found.ttl = seconds.parse().ok(),
                ["ID", kind] => found.id = Some((*kind).into()),
                ["TIMESTAMPS", "OFF"] => found.no_times = true,
                _ => {}
            }
        }
        found
    }

    fn index(&mut self, fields: &[&str], shape: Shape) {
        let name = |field: &&str| field.strip_prefix('@').unwrap_or(field).to_string();
        self.indexes
            .push((fields.iter().map(name).collect(), shape));
    }

    /// The operations that are missing.
    pub(crate) fn lacks(&self, schema: &Schema) -> Vec<String> {
        let mut missing = Vec::new();
        let id = schema.id().to_string();
        if self.id.as_deref().unwrap_or("INTEGER") != id {
            missing.push(format!("ID {id}"));
        }
        match schema.keeps_times() {
            true if self.no_times => missing.push("TIMESTAMPS ON".into()),
            false if !self.exists => missing.push("TIMESTAMPS OFF".into()),
            _ => {}
        }
        for field in schema.fields.iter().filter(|field| !field.is_own()) {
            match self.fields.iter().find(|found| found.name == field.name) {
                Some(found) => found.lacks(field, &mut missing),
                None => missing.push(added(field)),
            }
        }
        for index in schema.indexes {
            self.lacks_index(index, &mut missing);
        }
        if let Some(ttl) = schema.ttl.filter(|ttl| self.ttl != Some(*ttl)) {
            missing.push(format!("SET TTL {ttl} PASSIVE"));
        }
        missing
    }

    fn lacks_index(&self, index: &Index, missing: &mut Vec<String>) {
        let same = |shape: Shape| {
            let found = self.indexes.iter().filter(|found| found.1 == shape);
            found.filter(|found| found.0 == index.fields).count() > 0
        };
        if same(index.shape) {
            return;
        }
        let other = match index.shape {
            Shape::Sorted => Shape::Unique,
            _ => Shape::Sorted,
        };
        if index.shape != Shape::Bitmap && same(other) {
            missing.push(format!("REMOVE INDEX {}", index_text(index.fields, "")));
        }
        let suffix = match index.shape {
            Shape::Sorted => "",
            Shape::Unique => " UNIQUE",
            Shape::Bitmap => " BITMAP",
        };
        missing.push(format!("ADD INDEX {}", index_text(index.fields, suffix)));
    }
}

fn added(field: &Field) -> String {
    let mut text = format!("ADD FIELD {} {}", field.name, field.kind);
    if !field.nullable {
        text.push_str(" NOT NULL");
    }
    if let Some(default) = field.default {
        text.push_str(&format!(" DEFAULT {default}"));
    }
    text
}

impl FoundField {
    fn read(name: &str, kind: &str, rest: &[&str]) -> FoundField {
        let mut field = FoundField {
            name: name.into(),
            kind: kind.into(),
            ..FoundField::default()
        };
        let mut rest = rest;
        if let ["(", inner @ ..] = rest {
            let end = inner
                .iter()
                .position(|word| *word == ")")
                .unwrap_or(inner.len());
            let (names, after) = inner.split_at(end);
            field.names = names.iter().map(|name| name.to_string()).collect();
            rest = after.get(1..).unwrap_or_default();
        }
        if let ["NOT", "NULL", after @ ..] = rest {
            field.not_null = true;
            rest = after;
        }
        if let ["DEFAULT", default @ ..] = rest {
            field.default = Some(default.join(" "));
        }
        field
    }

    fn lacks(&self, field: &Field, missing: &mut Vec<String>) {
        let name = field.name;
        match field.kind {
            Type::Enum(names) if self.kind == "ENUM" => {
                let new = names
                    .iter()
                    .filter(|name| !self.names.iter().any(|known| known == *name));
                missing.extend(new.map(|value| format!("ADD ENUM VALUE {name} {value}")));
            }
            kind if kind.to_string() != self.kind => {
                missing.push(format!("SET FIELD {name} TYPE {kind}"))
            }
            _ => {}
        }
        if let Some(default) = field.default {
            let same = |found: &String| same_default(field.kind, found, default);
            if !self.default.as_ref().is_some_and(same) {
                missing.push(format!("SET FIELD {name} DEFAULT {default}"));
            }
        }
        match (field.nullable, self.not_null) {
            (false, false) => missing.push(format!("SET FIELD {name} NOT NULL")),
            (true, true) => missing.push(format!("SET FIELD {name} NULL")),
            _ => {}
        }
    }
}

/// Whether two texts say the same default, where that can be told here.
fn same_default(kind: Type, one: &str, other: &str) -> bool {
    let float = |text: &str| text.parse::<f64>().ok();
    let truth = |text: &str| text == "1" || text.eq_ignore_ascii_case("true");
    match kind {
        Type::Float => float(one) == float(other),
        Type::Boolean => truth(one) == truth(other),
        _ => split(one) == split(other),
    }
}

/// The words of an operation as text.
fn split(operation: &str) -> Vec<String> {
    let words = line::split(operation).unwrap_or_default();
    let text = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
    words.into_iter().map(text).collect()
}
