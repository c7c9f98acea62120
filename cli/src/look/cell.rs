//! A value of an answer as it is shown, in a table and as JSON.

use redis::Value;
use serde_json::{Value as Json, json};

use super::{catalog::Kind, line};

/// What a table shows in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The text of it, one line.
    pub text: String,
    /// What sort of text.
    pub sort: Sort,
}

/// What sort of text a cell holds: its colour and its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// No value.
    Null,
    /// A number: to the right.
    Number,
    /// Anything else.
    Text,
}

impl Cell {
    /// No value.
    pub fn null() -> Cell {
        Cell {
            text: "null".into(),
            sort: Sort::Null,
        }
    }

    /// Text of the tool's own.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell {
            text: text.into(),
            sort: Sort::Text,
        }
    }

    /// A number.
    pub fn number(number: impl ToString) -> Cell {
        Cell {
            text: number.to_string(),
            sort: Sort::Number,
        }
    }

    /// A value of a field of this kind.
    pub fn of(value: &Value, kind: Option<&Kind>) -> Cell {
        match (value, kind) {
            (Value::Nil, _) => Cell::null(),
            (Value::Int(time), Some(Kind::DateTime)) => Cell::text(time_text(*time)),
            (Value::Int(number), _) => Cell::number(number),
            (Value::Double(number), _) => Cell::number(number),
            (Value::Boolean(truth), _) => Cell::text(truth.to_string()),
            (Value::Array(items) | Value::Set(items), _) => {
                let items: Vec<String> =
                    items.iter().map(|item| Cell::of(item, None).text).collect();
                Cell::text(format!("{{{}}}", items.join(", ")))
            }
            _ => {
                let bytes = bytes(value).unwrap_or_default();
                match kind {
                    Some(Kind::Integer | Kind::Float) => {
                        Cell::number(String::from_utf8_lossy(bytes))
                    }
                    Some(Kind::DateTime) => Cell::text(match number(bytes) {
                        Some(time) => time_text(time),
                        None => String::from_utf8_lossy(bytes).into_owned(),
                    }),
                    _ => Cell::text(shown(bytes)),
                }
            }
        }
    }
}

/// The bytes of a string.
pub fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        Value::Okay => Some(b"OK"),
        _ => None,
    }
}

/// A number, whether it comes as one or as text.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => number(bytes(value)?),
    }
}

fn number(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Text as it is where that cannot be taken for something else, in quotes with escapes where it could.
fn shown(bytes: &[u8]) -> String {
    let plain = |text: &str| {
        let padded = text.starts_with(' ') || text.ends_with(' ') || text.starts_with('"');
        !text.is_empty() && !padded && text != "null" && !text.chars().any(char::is_control)
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if plain(text) => text.into(),
        _ => line::readable(bytes),
    }
}

/// Milliseconds since 1970 as RFC 3339 in UTC; as they are where that has no words for them.
pub fn time_text(milliseconds: i64) -> String {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.to_string(),
        Err(_) => milliseconds.to_string(),
    }
}

/// A value of a field of this kind, as JSON: times as RFC 3339, what is no text with its bytes as `\xHH`.
pub fn json(value: &Value, kind: Option<&Kind>) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Int(time) if kind == Some(&Kind::DateTime) => time_text(*time).into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => json!(number),
        Value::Boolean(truth) => (*truth).into(),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => {
            items.iter().map(|item| json(item, None)).collect()
        }
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| (key_text(key), json(value, None)))
            .collect(),
        Value::Attribute { data, .. } => json(data, kind),
        Value::ServerError(error) => json!({ "error": error.to_string() }),
        _ => {
            let bytes = bytes(value).unwrap_or_default();
            let text = || Json::from(json_text(bytes));
            match kind {
                Some(Kind::Integer) => number(bytes).map_or_else(text, Json::from),
                Some(Kind::Float) => match std::str::from_utf8(bytes).ok().map(str::parse::<f64>) {
                    Some(Ok(number)) => json!(number),
                    _ => text(),
                },
                Some(Kind::Boolean) => match bytes {
                    b"true" => true.into(),
                    b"false" => false.into(),
                    _ => text(),
                },
                Some(Kind::DateTime) => {
                    number(bytes).map_or_else(text, |time| time_text(time).into())
                }
                _ => text(),
            }
        }
    }
}

/// A key of a map.
pub fn key_text(key: &Value) -> String {
    match bytes(key) {
        Some(bytes) => json_text(bytes),
        None => json(key, None).to_string(),
    }
}

fn json_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let quoted = line::readable(bytes);
            let inner = quoted
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            inner.unwrap_or(&quoted).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(bytes: &[u8]) -> Value {
        Value::BulkString(bytes.into())
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_quoted() {
        for (bytes, expected) in [
            (&b"plain text"[..], "plain text"),
            ("grün".as_bytes(), "grün"),
            (b"", "\"\""),
            (b"null", "\"null\""),
            (b" x", "\" x\""),
            (b"\"", "\"\\\"\""),
            (b"a\nb\xff", "\"a\\nb\\xff\""),
        ] {
            assert_eq!(Cell::of(&bulk(bytes), Some(&Kind::Text)).text, expected);
        }
        assert_eq!(Cell::of(&Value::Nil, Some(&Kind::Text)).sort, Sort::Null);
    }

    #[test]
    fn values_are_shown_by_their_kind() {
        let cell = |bytes: &[u8], kind| {
            let cell = Cell::of(&bulk(bytes), Some(&kind));
            (cell.text, cell.sort)
        };
        assert_eq!(
            cell(b"1357740000000", Kind::DateTime),
            ("2013-01-09T14:00:00Z".into(), Sort::Text)
        );
        assert_eq!(
            cell(b"1357740000120", Kind::DateTime),
            ("2013-01-09T14:00:00.12Z".into(), Sort::Text)
        );
        assert_eq!(
            cell(b"9223372036854775807", Kind::DateTime).0,
            "9223372036854775807"
        );
        assert_eq!(cell(b"1e-7", Kind::Float), ("1e-7".into(), Sort::Number));
        assert_eq!(cell(b"5", Kind::Text), ("5".into(), Sort::Text));
        let tags = Value::Array(vec![bulk(b"a"), bulk(b"b c")]);
        assert_eq!(Cell::of(&tags, Some(&Kind::Tags)).text, "{a, b c}");
    }

    #[test]
    fn json_has_the_types_of_the_fields() {
        let of = |bytes: &[u8], kind| json(&bulk(bytes), Some(&kind)).to_string();
        assert_eq!(
            of(b"9223372036854775807", Kind::Integer),
            "9223372036854775807"
        );
        assert_eq!(of(b"0.5", Kind::Float), "0.5");
        assert_eq!(of(b"true", Kind::Boolean), "true");
        assert_eq!(of(b"0", Kind::DateTime), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(of(b"5", Kind::Text), "\"5\"");
        assert_eq!(of(b"\xff\"", Kind::Text), r#""\\xff\\\"""#);
        assert_eq!(json(&Value::Nil, None), Json::Null);
    }
}
