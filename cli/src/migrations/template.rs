//! The text of a migration to begin with, of fields as they are written on a command line.

use crate::{
    Error, Result,
    config::{nearest, span},
};

/// Types and the names they may go by.
const TYPES: [(&str, &str); 13] = [
    ("integer", "INTEGER"),
    ("int", "INTEGER"),
    ("bigint", "INTEGER"),
    ("float", "FLOAT"),
    ("double", "FLOAT"),
    ("boolean", "BOOLEAN"),
    ("bool", "BOOLEAN"),
    ("datetime", "DATETIME"),
    ("timestamp", "DATETIME"),
    ("string", "STRING"),
    ("text", "STRING"),
    ("uuid", "UUID"),
    ("tags", "TAGS"),
];

const MODIFIERS: [&str; 5] = ["index", "unique", "bitmap", "required", "default="];

/// A field as `name:type:index` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// Its type, as an operation says it; none where it was not said.
    pub(super) kind: Option<String>,
    required: bool,
    default: Option<String>,
    /// INDEX, UNIQUE or BITMAP.
    index: Option<&'static str>,
}

impl Field {
    /// Reads `name[:type[:modifier ...]]`: modifiers are `index`, `unique`, `bitmap`, `required` and `default=value`; a `!`
    /// behind the type is `required` too, and `user:references` is `user_id:integer:index`.
    pub(super) fn parse(text: &str) -> Result<Field> {
        let refused = |what: String| Error::usage(what).at(format_args!("field '{text}'"));
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let first = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !first || !name.bytes().all(rest) || name.len() > 63 {
            return Err(refused(format!(
                "expected name:type:index with a name of [a-z_][a-z0-9_]*, found '{name}'"
            )));
        }
        if ["id", "created_at", "updated_at", "expires_at"].contains(&name) {
            return Err(refused(format!(
                "expected another name: '{name}' is the server's own"
            )));
        }
        let mut field = Field {
            name: name.into(),
            kind: None,
            required: false,
            default: None,
            index: None,
        };
        let Some(kind) = parts.next() else {
            return Ok(field);
        };
        let (kind, required) = kind
            .strip_suffix('!')
            .map_or((kind, false), |kind| (kind, true));
        field.required = required;
        field.kind = Some(match kind {
            "references" => {
                field.name.push_str("_id");
                field.index = Some("INDEX");
                "INTEGER".into()
            }
            kind => of_type(kind).map_err(|error| refused(error.message))?,
        });
        for part in parts {
            match (part, part.strip_prefix("default=")) {
                ("index", _) => field.index = Some("INDEX"),
                ("unique", _) => field.index = Some("UNIQUE"),
                ("bitmap", _) => field.index = Some("BITMAP"),
                ("required", _) => field.required = true,
                (_, Some(value)) => field.default = Some(value.into()),
                _ => {
                    let near = nearest(part, MODIFIERS);
                    return Err(refused(match near {
                        Some(near) => format!("unknown '{part}'; did you mean '{near}'?"),
                        None => format!("expected one of {}, found '{part}'", MODIFIERS.join(", ")),
                    }));
                }
            }
        }
        Ok(field)
    }

    /// The operation that adds it.
    pub(super) fn added(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or("STRING");
        let mut text = format!("ADD FIELD {} {kind}", self.name);
        if self.required {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &self.default {
            let mut word = yarr_client::Words::new();
            word.push(default);
            text.push_str(&format!(" DEFAULT {word}"));
        }
        if let Some(index) = self.index {
            text.push_str(&format!(" {index}"));
        }
        text
    }

    /// The operations that remove it, its index first.
    pub(super) fn removed(&self) -> Vec<String> {
        let bitmap = if self.index == Some("BITMAP") {
            " BITMAP"
        } else {
            ""
        };
        let index = self
            .index
            .map(|_| format!("REMOVE INDEX {}{bitmap}", self.name));
        index
            .into_iter()
            .chain([format!("REMOVE FIELD {}", self.name)])
            .collect()
    }
}

/// A type: one of the names, or `enum(a,b,c)`.
fn of_type(text: &str) -> Result<String> {
    if let Some(names) = text
        .strip_prefix("enum(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        return match names
            .iter()
            .find(|name| name.is_empty() || !name.bytes().all(fits))
        {
            None => Ok(format!("ENUM ( {} )", names.join(" "))),
            Some(name) => Err(Error::usage(format!(
                "expected names such as enum(new,open,done), found '{name}'"
            ))),
        };
    }
    match TYPES
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
    {
        Some((_, kind)) => Ok((*kind).into()),
        None => Err(Error::usage(
            match nearest(text, TYPES.map(|(name, _)| name)) {
                Some(near) => format!("unknown type '{text}'; did you mean '{near}'?"),
                None => format!(
                    "expected a type (integer, float, boolean, datetime, string, uuid, tags, enum(a,b)), found '{text}'"
                ),
            },
        )),
    }
}

/// The operation for a time to live.
pub(super) fn ttl(text: &str) -> Result<String> {
    let span = span(text).map_err(|error| error.at("--ttl"))?;
    match span.as_secs() {
        0 => Err(Error::usage(format!(
            "--ttl: expected a second at least, found '{text}'"
        ))),
        seconds => Ok(format!("SET TTL {seconds} PASSIVE")),
    }
}

/// The operation for an index over fields that commas part.
pub(super) fn index(text: &str, suffix: &str) -> Result<String> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    for name in &names {
        Field::parse(name).or_else(|error| match *name {
            "id" | "created_at" | "updated_at" | "expires_at" => Field::parse("_"),
            _ => Err(error),
        })?;
    }
    let names: Vec<String> = names.iter().map(|name| format!("@{name}")).collect();
    Ok(format!("ADD INDEX {}{suffix}", names.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_the_operation_it_is() {
        for (text, expected) in [
            ("user_id:integer:index", "ADD FIELD user_id INTEGER INDEX"),
            (
                "session_id:string:unique",
                "ADD FIELD session_id STRING UNIQUE",
            ),
            ("name:string!", "ADD FIELD name STRING NOT NULL"),
            (
                "name:text:required:default=a b",
                "ADD FIELD name STRING NOT NULL DEFAULT \"a b\"",
            ),
            (
                "state:enum(new,done):default=new:bitmap",
                "ADD FIELD state ENUM ( new done ) DEFAULT new BITMAP",
            ),
            ("user:references", "ADD FIELD user_id INTEGER INDEX"),
            ("note", "ADD FIELD note STRING"),
        ] {
            assert_eq!(Field::parse(text).unwrap().added(), expected);
        }
        let removed = Field::parse("state:enum(a):bitmap").unwrap().removed();
        assert_eq!(removed, ["REMOVE INDEX state BITMAP", "REMOVE FIELD state"]);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for (text, expected) in [
            (
                "Name:string",
                "field 'Name:string': expected name:type:index with a name of [a-z_][a-z0-9_]*, found 'Name'",
            ),
            (
                "id:integer",
                "field 'id:integer': expected another name: 'id' is the server's own",
            ),
            (
                "a:strng",
                "field 'a:strng': unknown type 'strng'; did you mean 'string'?",
            ),
            (
                "a:json",
                "field 'a:json': expected a type (integer, float, boolean, datetime, string, uuid, tags, enum(a,b)), found 'json'",
            ),
            (
                "a:string:indx",
                "field 'a:string:indx': unknown 'indx'; did you mean 'index'?",
            ),
            (
                "a:string:fast",
                "field 'a:string:fast': expected one of index, unique, bitmap, required, default=, found 'fast'",
            ),
            (
                "a:enum(x,,y)",
                "field 'a:enum(x,,y)': expected names such as enum(new,open,done), found ''",
            ),
        ] {
            assert_eq!(Field::parse(text).unwrap_err().message, expected);
        }
        assert_eq!(ttl("2h").unwrap(), "SET TTL 7200 PASSIVE");
        assert_eq!(
            ttl("2").unwrap_err().message,
            "--ttl: expected a span such as 30s (ms s m h d w), found '2'"
        );
        assert_eq!(
            ttl("5ms").unwrap_err().message,
            "--ttl: expected a second at least, found '5ms'"
        );
        assert_eq!(
            index("user_id, created_at", " UNIQUE").unwrap(),
            "ADD INDEX @user_id @created_at UNIQUE"
        );
    }
}
