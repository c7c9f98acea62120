//! A table as YARR.SCHEMA tells it: what a value must be to go into it.

use redis::{ConnectionLike, FromRedisValue, Value};
use yarr::value::Type;

use crate::{Error, Result};

/// The field that holds when a record expires.
pub const EXPIRES_AT: &str = "expires_at";
/// The fields that the server fills by itself where they are not given, beside the id.
pub const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// A field of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// Whether it must have a value.
    pub not_null: bool,
    /// Whether the server has a value for it where none is given: a default, an id of its own, its clock.
    pub filled: bool,
}

impl Field {
    /// The name as a command takes it, whatever word it is.
    pub fn token(&self) -> String {
        format!("@{}", self.name)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its key.
    pub name: String,
    /// Its fields: `id`, those of the schema in order, `created_at`, `updated_at`, `expires_at`.
    pub fields: Vec<Field>,
    /// The fields of each UNIQUE index.
    pub uniques: Vec<Vec<String>>,
    /// Whether its records get a time to live at each write.
    pub ttl: bool,
}

impl Table {
    /// Asks a server for a table; `None` where there is none.
    ///
    /// # Errors
    /// Where the key is something else, or the server has no YARR.
    pub fn find(name: &str, server: &mut impl ConnectionLike) -> Result<Option<Table>> {
        let answer = redis::cmd("YARR.SCHEMA")
            .arg(name)
            .query::<Vec<String>>(server);
        match answer.map_err(yarr_client::Error::from) {
            Ok(operations) => Ok(Some(Table::parse(name, &operations)?)),
            Err(yarr_client::Error::NoTable(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks a server for a table that must be there.
    ///
    /// # Errors
    /// As [`find`](Table::find), and where there is none.
    pub fn get(name: &str, server: &mut impl ConnectionLike) -> Result<Table> {
        Table::find(name, server)?.ok_or_else(|| {
            Error::usage(format!(
                "there is no table '{name}': make it by a migration (yarr generate migration), or let --create propose one"
            ))
        })
    }

    /// Reads the operations that make a table.
    ///
    /// # Errors
    /// Where one of them is not known: the server is newer than this tool.
    pub fn parse(name: &str, operations: &[String]) -> Result<Table> {
        let mut id = Type::Integer;
        let mut times = true;
        let mut own = Vec::new();
        let mut uniques = Vec::new();
        let mut ttl = false;
        for operation in operations {
            let words: Vec<&str> = operation.split(' ').collect();
            match words.as_slice() {
                ["ID", kind] => id = kind_of(&[kind]).ok_or_else(|| unknown(operation))?.0,
                ["TIMESTAMPS", state] => times = *state == "ON",
                ["ADD", "FIELD", name, rest @ ..] => {
                    own.push(field(name, rest).ok_or_else(|| unknown(operation))?);
                }
                ["ADD", "INDEX", fields @ .., "UNIQUE"] => {
                    uniques.push(fields.iter().map(|field| bare(field)).collect());
                }
                ["SET", "TTL", seconds, ..] => ttl = *seconds != "NONE",
                _ => {}
            }
        }
        let made = |name: &str, kind, not_null, filled| Field {
            name: name.into(),
            kind,
            not_null,
            filled,
        };
        let counted = id != Type::String;
        let mut fields = vec![made("id", id, true, counted)];
        fields.append(&mut own);
        if times {
            fields.extend(TIMES.map(|name| made(name, Type::DateTime, false, true)));
        }
        fields.push(made(EXPIRES_AT, Type::DateTime, false, false));
        Ok(Table {
            name: name.into(),
            fields,
            uniques,
            ttl,
        })
    }

    /// The number of a field.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The type of the ids.
    pub fn id(&self) -> &Type {
        self.fields.first().map_or(&Type::Integer, |id| &id.kind)
    }

    /// The names of the fields, for an error to say.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        names.join(", ")
    }

    /// One of the numbers that YARR.INFO tells.
    ///
    /// # Errors
    /// What the server says instead.
    pub fn info(&self, key: &str, server: &mut impl ConnectionLike) -> Result<u64> {
        let answer: Value = redis::cmd("YARR.INFO").arg(&self.name).query(server)?;
        let pairs: Vec<(String, Value)> =
            Vec::from_redis_value(answer).map_err(redis::RedisError::from)?;
        let found = pairs.into_iter().find(|(name, _)| name == key);
        let number = found.and_then(|(_, value)| u64::from_redis_value(value).ok());
        Ok(number.unwrap_or_default())
    }
}

fn bare(name: &str) -> String {
    name.strip_prefix('@').unwrap_or(name).into()
}

fn unknown(operation: &str) -> Error {
    Error::usage(format!(
        "the server's schema says '{operation}', which this version of yarr does not know: take a newer one"
    ))
}

/// The type that words begin with, and the words behind it.
fn kind_of<'a, 'b>(words: &'a [&'b str]) -> Option<(Type, &'a [&'b str])> {
    let (word, rest) = words.split_first()?;
    Some(match *word {
        "INTEGER" => (Type::Integer, rest),
        "FLOAT" => (Type::Float, rest),
        "BOOLEAN" => (Type::Boolean, rest),
        "DATETIME" => (Type::DateTime, rest),
        "STRING" => (Type::String, rest),
        "UUID" => (Type::Uuid, rest),
        "TAGS" => (Type::Tags, rest),
        "ENUM" => {
            let end = rest.iter().position(|word| *word == ")")?;
            let names = rest.get(1..end)?.iter().map(|name| Box::from(*name));
            (Type::Enum(names.collect()), rest.get(end + 1..)?)
        }
        _ => return None,
    })
}

fn field(name: &str, words: &[&str]) -> Option<Field> {
    let (kind, rest) = kind_of(words)?;
    let (not_null, rest) = match rest {
        ["NOT", "NULL", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    Some(Field {
        name: bare(name),
        kind,
        not_null,
        filled: rest.first() == Some(&"DEFAULT"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_read_as_the_server_tells_it() {
        let operations = [
            "ID UUID",
            "ADD FIELD a INTEGER NOT NULL",
            "ADD FIELD b STRING DEFAULT NOT NULL",
            "ADD FIELD e ENUM ( x y ) NOT NULL DEFAULT x",
            "ADD FIELD g TAGS",
            "ADD INDEX b UNIQUE",
            "ADD INDEX a @id",
            "SET TTL 3600 PASSIVE",
        ];
        let table = Table::parse("t", &operations.map(String::from)).unwrap();
        let shown: Vec<String> = table
            .fields
            .iter()
            .map(|f| format!("{} {} {} {}", f.name, f.kind.word(), f.not_null, f.filled))
            .collect();
        assert_eq!(
            shown,
            [
                "id UUID true true",
                "a INTEGER true false",
                "b STRING false true",
                "e ENUM true true",
                "g TAGS false false",
                "created_at DATETIME false true",
                "updated_at DATETIME false true",
                "expires_at DATETIME false false",
            ]
        );
        assert_eq!(table.uniques, [["b"]]);
        assert!(table.ttl);
    }

    #[test]
    fn a_type_of_the_future_is_refused_by_name() {
        let refused = Table::parse("t", &["ADD FIELD a DECIMAL".into()]).unwrap_err();
        assert!(refused.message.contains("ADD FIELD a DECIMAL"), "{refused}");
    }
}
