//! What a table is, read from YARR.SCHEMA: its fields, indexes and time to live.

use super::line;

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit integer.
    Integer,
    /// A 64-bit float.
    Float,
    /// True or false.
    Boolean,
    /// Milliseconds since 1970 UTC.
    DateTime,
    /// Any bytes.
    Text,
    /// Sixteen bytes.
    Uuid,
    /// One of these names.
    Enum(Vec<String>),
    /// A set of strings.
    Tags,
}

impl Kind {
    /// The type as a migration names it, without the names of an ENUM.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Integer => "INTEGER",
            Kind::Float => "FLOAT",
            Kind::Boolean => "BOOLEAN",
            Kind::DateTime => "DATETIME",
            Kind::Text => "STRING",
            Kind::Uuid => "UUID",
            Kind::Enum(_) => "ENUM",
            Kind::Tags => "TAGS",
        }
    }

    /// The type with its names.
    pub fn text(&self) -> String {
        match self {
            Kind::Enum(names) => format!("ENUM ( {} )", names.join(" ")),
            _ => self.word().to_string(),
        }
    }

    /// What a type's word means; a type of a later version reads as bytes.
    fn named(word: &str) -> Kind {
        match word {
            "INTEGER" => Kind::Integer,
            "FLOAT" => Kind::Float,
            "BOOLEAN" => Kind::Boolean,
            "DATETIME" => Kind::DateTime,
            "UUID" => Kind::Uuid,
            "TAGS" => Kind::Tags,
            "ENUM" => Kind::Enum(Vec::new()),
            _ => Kind::Text,
        }
    }
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether null is refused.
    pub not_null: bool,
    /// Its default, as a migration writes it.
    pub default: Option<String>,
}

impl Field {
    fn own(name: &str, kind: Kind) -> Field {
        Field {
            name: name.into(),
            kind,
            not_null: name != "expires_at",
            default: None,
        }
    }

    /// Reads what follows ADD FIELD.
    fn read(name: &str, kind: &str, mut rest: &[&str]) -> Field {
        let mut field = Field {
            name: name.trim_start_matches('@').into(),
            kind: Kind::named(kind),
            not_null: false,
            default: None,
        };
        if let Kind::Enum(names) = &mut field.kind {
            let end = rest.iter().position(|word| *word == ")").unwrap_or(0);
            let inside = rest.get(1..end).unwrap_or_default();
            names.extend(inside.iter().map(|name| name.to_string()));
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        loop {
            rest = match rest {
                [] => return field,
                ["NOT", "NULL", rest @ ..] => {
                    field.not_null = true;
                    rest
                }
                ["DEFAULT", count, rest @ ..] if field.kind == Kind::Tags => {
                    let count: usize = count.parse().unwrap_or(0);
                    let tags = rest.get(..count).unwrap_or_default();
                    field.default = Some(tags.join(", "));
                    rest.get(count..).unwrap_or_default()
                }
                ["DEFAULT", value, rest @ ..] => {
                    field.default = Some(value.to_string());
                    rest
                }
                [_, rest @ ..] => rest,
            };
        }
    }
}

/// What an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A sorted set.
    Sorted,
    /// A sorted set that refuses a second record with the same values.
    Unique,
    /// A bitmap.
    Bitmap,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its fields, the leading one first.
    pub fields: Vec<String>,
    /// What it is.
    pub shape: Shape,
}

/// A table's schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// Its fields in the order of a record: `id` first, the times last.
    pub fields: Vec<Field>,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// How many seconds a record lives from each write on.
    pub ttl: Option<u64>,
    /// Whether it has a change feed.
    pub changes: bool,
}

impl Schema {
    /// Reads the answer of YARR.SCHEMA. What this version does not know is passed over.
    pub fn read<S: AsRef<str>>(operations: &[S]) -> Schema {
        let mut schema = Schema::default();
        let (mut id, mut times) = (Kind::Integer, true);
        for operation in operations {
            let words = line::split(operation.as_ref()).unwrap_or_default();
            let texts: Vec<String> = words
                .iter()
                .map(|word| String::from_utf8_lossy(&word.bytes).into_owned())
                .collect();
            let words: Vec<&str> = texts.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["ADD", "FIELD", name, kind, rest @ ..] => {
                    schema.fields.push(Field::read(name, kind, rest));
                    let shape = match rest.last() {
                        Some(&"INDEX") => Some(Shape::Sorted),
                        Some(&"UNIQUE") => Some(Shape::Unique),
                        Some(&"BITMAP") => Some(Shape::Bitmap),
                        _ => None,
                    };
                    if let Some(shape) = shape {
                        schema.index(&[name], shape);
                    }
                }
                ["ADD", "INDEX", fields @ .., "UNIQUE"] => schema.index(fields, Shape::Unique),
                ["ADD", "INDEX", fields @ .., "BITMAP"] => schema.index(fields, Shape::Bitmap),
                ["ADD", "INDEX", fields @ ..] => schema.index(fields, Shape::Sorted),
                ["SET", "TTL", seconds, ..] => schema.ttl = seconds.parse().ok(),
                ["ID", kind, ..] => id = Kind::named(kind),
                ["TIMESTAMPS", "OFF"] => times = false,
                ["CHANGES", "ON"] => schema.changes = true,
                _ => {}
            }
        }
        schema.fields.insert(0, Field::own("id", id));
        if times {
            for name in ["created_at", "updated_at"] {
                schema.fields.push(Field::own(name, Kind::DateTime));
            }
        }
        schema
    }

    fn index(&mut self, fields: &[&str], shape: Shape) {
        let fields = fields.iter().map(|f| f.trim_start_matches('@').into());
        self.indexes.push(Index {
            fields: fields.collect(),
            shape,
        });
    }

    /// A field by its name, with `@` before it or without; `expires_at` too.
    pub fn field(&self, name: &[u8]) -> Option<&Field> {
        let name = name.strip_prefix(b"@").unwrap_or(name);
        self.fields
            .iter()
            .find(|field| field.name.as_bytes() == name)
    }

    /// What a field holds, `expires_at` and `change_number` too.
    pub fn kind(&self, name: &[u8]) -> Option<Kind> {
        let bare = name.strip_prefix(b"@").unwrap_or(name);
        match self.field(bare) {
            Some(field) => Some(field.kind.clone()),
            None if bare == b"change_number" && self.changes => Some(Kind::Integer),
            None => (bare == b"expires_at").then_some(Kind::DateTime),
        }
    }

    /// How a field is indexed, in a few words; empty where it leads no index.
    pub fn role(&self, name: &str) -> &'static str {
        let leads = |index: &&Index| index.fields.first().is_some_and(|field| field == name);
        let mut leading: Vec<&Index> = self.indexes.iter().filter(leads).collect();
        leading.sort_by_key(|index| index.fields.len());
        match leading.first() {
            _ if name == "id" => "key",
            None => "",
            Some(index) => match (index.shape, index.fields.len()) {
                (Shape::Unique, 1) => "unique",
                (Shape::Bitmap, _) => "bitmap",
                _ => "indexed",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_read_from_its_operations() {
        let schema = Schema::read(&[
            "ID UUID",
            "ADD FIELD email STRING NOT NULL",
            "ADD FIELD plan ENUM ( free pro ) DEFAULT free",
            "ADD FIELD tags TAGS DEFAULT 2 a \"b c\" BITMAP",
            "ADD FIELD count INTEGER",
            "ADD INDEX email UNIQUE",
            "ADD INDEX plan @count",
            "SET TTL 7200 PASSIVE",
        ]);
        let fields: Vec<_> = schema
            .fields
            .iter()
            .map(|field| {
                (
                    field.name.as_str(),
                    field.kind.text(),
                    schema.role(&field.name),
                )
            })
            .collect();
        assert_eq!(
            fields,
            [
                ("id", "UUID".into(), "key"),
                ("email", "STRING".into(), "unique"),
                ("plan", "ENUM ( free pro )".into(), "indexed"),
                ("tags", "TAGS".into(), "bitmap"),
                ("count", "INTEGER".into(), ""),
                ("created_at", "DATETIME".into(), ""),
                ("updated_at", "DATETIME".into(), ""),
            ]
        );
        assert_eq!(schema.ttl, Some(7200));
        let default = |name: &[u8]| schema.field(name).unwrap().default.clone();
        assert_eq!(default(b"plan").as_deref(), Some("free"));
        assert_eq!(default(b"@tags").as_deref(), Some("a, b c"));
        assert!(schema.field(b"email").unwrap().not_null);
        assert_eq!(schema.indexes[2].fields, ["plan", "count"]);
        assert_eq!(schema.kind(b"expires_at"), Some(Kind::DateTime));
    }

    #[test]
    fn a_table_without_times_has_none() {
        let schema = Schema::read(&["TIMESTAMPS OFF", "ADD FIELD n INTEGER"]);
        let names: Vec<_> = schema.fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["id", "n"]);
    }
}
