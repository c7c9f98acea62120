//! A table as the source tells it: its fields, and the lines of its history.

use crate::{
    error::{Error, Result},
    table::FieldType,
};

/// A field of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
    /// Whether it always has a value.
    pub not_null: bool,
}

/// A field that was added: the words of its default, none where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its type.
    pub kind: FieldType,
    /// The words behind DEFAULT.
    pub default: Vec<String>,
}

/// What a line of the history did to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It was added.
    Add(String, Added),
    /// It is gone.
    Remove(String),
    /// It has another name.
    Rename(String, String),
    /// Records have other values without having been written by anyone.
    Rewrite,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Its key.
    pub name: String,
    /// What tells it from another table of the same name.
    pub identity: String,
    /// Its fields: `id`, those of the schema in order, `created_at`, `updated_at`, `expires_at`.
    pub fields: Vec<Field>,
    /// Whether it has a change feed.
    pub feed: bool,
    /// Fields that an index begins with: they give an order without a sort.
    pub ordered: Vec<String>,
    /// What each line of its history did.
    pub lines: Vec<Vec<Step>>,
}

impl Schema {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// How many lines the history has.
    pub fn length(&self) -> i64 {
        i64::try_from(self.lines.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn parse(
        name: &str,
        identity: String,
        operations: &[String],
        lines: Vec<Vec<Step>>,
    ) -> Result<Schema> {
        let (mut id, mut times, mut feed) = (FieldType::Integer, true, false);
        let (mut own, mut ordered) = (Vec::new(), vec!["id".to_string()]);
        for operation in operations {
            let words = split(operation);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["ID", rest @ ..] => id = kind_of(rest).ok_or_else(|| unknown(operation))?.0,
                ["TIMESTAMPS", state] => times = *state == "ON",
                ["CHANGES", state] => feed = *state == "ON",
                ["ADD", "FIELD", name, rest @ ..] => {
                    let (kind, rest) = kind_of(rest).ok_or_else(|| unknown(operation))?;
                    own.push(Field {
                        name: bare(name),
                        kind,
                        not_null: rest.starts_with(&["NOT", "NULL"]),
                    });
                }
                ["ADD", "INDEX", .., "BITMAP"] => {}
                ["ADD", "INDEX", first, ..] => ordered.push(bare(first)),
                _ => {}
            }
        }
        let made = |name: &str, kind, not_null| Field {
            name: name.into(),
            kind,
            not_null,
        };
        let mut fields = vec![made("id", id, true)];
        fields.append(&mut own);
        if times {
            fields.push(made("created_at", FieldType::DateTime, true));
            fields.push(made("updated_at", FieldType::DateTime, true));
        }
        fields.push(made("expires_at", FieldType::DateTime, false));
        Ok(Schema {
            name: name.into(),
            identity,
            fields,
            feed,
            ordered,
            lines,
        })
    }
}

/// What the operations of a line did.
pub(super) fn steps(operations: &[String]) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for operation in operations {
        let words = split(operation);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        steps.extend(match words.as_slice() {
            ["ADD", "FIELD", name, rest @ ..] => {
                let (kind, rest) = kind_of(rest).ok_or_else(|| unknown(operation))?;
                let at = rest.iter().position(|word| *word == "DEFAULT");
                let default = at.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
                let default = default.iter().map(|word| word.to_string()).collect();
                Some(Step::Add(bare(name), Added { kind, default }))
            }
            ["REMOVE", "FIELD", name, ..] => Some(Step::Remove(bare(name))),
            ["RENAME", "FIELD", from, "TO", to] => Some(Step::Rename(bare(from), bare(to))),
            ["SET", "FIELD", _, "TYPE", ..] | ["UPDATE", ..] | ["TIMESTAMPS", ..] => {
                Some(Step::Rewrite)
            }
            _ => None,
        });
    }
    Ok(steps)
}

fn bare(name: &str) -> String {
    name.strip_prefix('@').unwrap_or(name).into()
}

fn unknown(operation: &str) -> Error {
    Error::refused(format!(
        "the source's schema says '{operation}', which this version does not know: take a newer one"
    ))
}

/// The type that words begin with, and the words behind it.
fn kind_of<'a, 'b>(words: &'a [&'b str]) -> Option<(FieldType, &'a [&'b str])> {
    let (word, rest) = words.split_first()?;
    Some(match *word {
        "INTEGER" => (FieldType::Integer, rest),
        "FLOAT" => (FieldType::Float, rest),
        "BOOLEAN" => (FieldType::Boolean, rest),
        "DATETIME" => (FieldType::DateTime, rest),
        "STRING" => (FieldType::String, rest),
        "UUID" => (FieldType::Uuid, rest),
        "TAGS" => (FieldType::Tags, rest),
        "ENUM" => {
            let end = rest.iter().position(|word| *word == ")")?;
            let names = rest.get(1..end)?.iter().map(|name| name.to_string());
            (FieldType::Enum(names.collect()), rest.get(end + 1..)?)
        }
        _ => return None,
    })
}

/// The words of an operation; one with blanks stands in quotes, with the escapes of Rust's `escape_ascii`. What is no
/// UTF-8 comes out as such a text with U+FFFD: such a default is not told to a target.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.bytes().peekable();
    while rest.peek().is_some() {
        let mut word = Vec::new();
        let quoted = rest.next_if_eq(&b'"').is_some();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' if quoted => break,
                b' ' if !quoted => break,
                b'\\' if quoted => match rest.next() {
                    Some(b'n') => word.push(b'\n'),
                    Some(b'r') => word.push(b'\r'),
                    Some(b't') => word.push(b'\t'),
                    Some(b'x') => {
                        let mut digit = || char::from(rest.next()?).to_digit(16);
                        let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                        word.extend(value.and_then(|value| u8::try_from(value).ok()));
                    }
                    other => word.extend(other),
                },
                byte => word.push(byte),
            }
        }
        if quoted {
            rest.next_if_eq(&b' ');
        }
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(operations: &[&str]) -> Vec<String> {
        operations.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn a_schema_is_read_as_the_source_tells_it() {
        let operations = texts(&[
            "ID UUID",
            "CHANGES ON",
            "ADD FIELD a INTEGER NOT NULL",
            "ADD FIELD e ENUM ( x y ) DEFAULT x",
            "ADD INDEX @a id",
            "ADD INDEX e BITMAP",
        ]);
        let schema = Schema::parse("t", "1f".into(), &operations, Vec::new()).unwrap();
        let shown: Vec<String> = schema
            .fields
            .iter()
            .map(|f| format!("{} {} {}", f.name, f.kind, f.not_null))
            .collect();
        assert_eq!(
            shown,
            [
                "id UUID true",
                "a INTEGER true",
                "e ENUM false",
                "created_at DATETIME true",
                "updated_at DATETIME true",
                "expires_at DATETIME false"
            ]
        );
        assert!(schema.feed);
        assert_eq!(schema.ordered, ["id", "a"]);
    }

    #[test]
    fn a_type_of_the_future_is_refused_by_name() {
        let refused = Schema::parse("t", "1".into(), &texts(&["ADD FIELD a DECIMAL"]), vec![]);
        let refused = refused.unwrap_err();
        assert!(refused.message.contains("ADD FIELD a DECIMAL"), "{refused}");
    }

    #[test]
    fn a_line_says_what_became_of_fields() {
        let operations = texts(&[
            r#"ADD FIELD a STRING NOT NULL DEFAULT "x \"y\"\x0a""#,
            "ADD INDEX a",
            "RENAME FIELD b TO c",
            "REMOVE FIELD d DROP DATA",
            "SET FIELD e TYPE FLOAT",
            "SET FIELD e NOT NULL",
        ]);
        let added = Added {
            kind: FieldType::String,
            default: vec!["x \"y\"\n".into()],
        };
        assert_eq!(
            steps(&operations).unwrap(),
            [
                Step::Add("a".into(), added),
                Step::Rename("b".into(), "c".into()),
                Step::Remove("d".into()),
                Step::Rewrite,
            ]
        );
    }
}
