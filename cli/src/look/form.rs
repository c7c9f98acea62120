//! Answers in the forms of `redis-cli`.

use std::fmt::Write as _;

use redis::Value;

use super::line::repr;

/// Commands whose answer is text for people: shown as it is.
const TEXTS: [&str; 14] = [
    "INFO",
    "LOLWUT",
    "CLIENT LIST",
    "CLIENT INFO",
    "CLUSTER INFO",
    "CLUSTER NODES",
    "MEMORY DOCTOR",
    "MEMORY MALLOC-STATS",
    "LATENCY DOCTOR",
    "LATENCY GRAPH",
    "DEBUG HTSTATS",
    "DEBUG HTSTATS-KEY",
    "PROXY INFO",
    "DEBUG MALLCTL",
];

/// The answer to a command as text that ends with a newline.
pub fn text(value: &Value, words: &[Vec<u8>]) -> String {
    let word = |at: usize| words.get(at).map(|w| w.to_ascii_uppercase());
    let first = word(0).unwrap_or_default();
    let two = [first.as_slice(), &word(1).unwrap_or_default()].join(&b' ');
    let is_text = TEXTS
        .iter()
        .any(|name| name.as_bytes() == first || name.as_bytes() == two);
    match value {
        Value::BulkString(bytes) if is_text => {
            let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
            format!("{}\n", text.trim_end_matches('\n'))
        }
        _ => plain(value),
    }
}

/// The answer in its general form.
pub fn plain(value: &Value) -> String {
    let mut out = String::new();
    write(value, "", &mut out);
    out
}

fn write(value: &Value, prefix: &str, out: &mut String) {
    let line = match value {
        Value::Nil => "(nil)".into(),
        Value::Int(number) => format!("(integer) {number}"),
        Value::BulkString(bytes) => repr(bytes),
        Value::SimpleString(text) => text.clone(),
        Value::Okay => "OK".into(),
        Value::Double(number) => format!("(double) {number}"),
        Value::Boolean(truth) => format!("({truth})"),
        Value::BigNumber(digits) => String::from_utf8_lossy(digits).into_owned(),
        Value::VerbatimString { text, .. } => text.clone(),
        Value::ServerError(error) => format!("(error) {}", error_text(error)),
        Value::Array(items) | Value::Push { data: items, .. } => {
            return list(items, "(empty array)", ')', prefix, out);
        }
        Value::Set(items) => return list(items, "(empty set)", '~', prefix, out),
        Value::Map(pairs) => return map(pairs, prefix, out),
        Value::Attribute { data, .. } => return write(data, prefix, out),
        other => format!("{other:?}"),
    };
    out.push_str(&line);
    out.push('\n');
}

fn error_text(error: &redis::ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_string(),
    }
}

fn list(items: &[Value], empty: &str, mark: char, prefix: &str, out: &mut String) {
    if items.is_empty() {
        out.push_str(empty);
        out.push('\n');
    }
    let width = items.len().to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(prefix);
        }
        let _ = write!(out, "{:>width$}{mark} ", at + 1);
        write(item, &inner, out);
    }
}

fn map(pairs: &[(Value, Value)], prefix: &str, out: &mut String) {
    if pairs.is_empty() {
        out.push_str("(empty hash)\n");
    }
    let width = pairs.len().to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    for (at, (key, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push_str(prefix);
        }
        let _ = write!(out, "{:>width$}# {} => ", at + 1, plain(key).trim_end());
        write(value, &inner, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn answers_look_as_in_redis_cli() {
        let nested = Value::Array(vec![
            Value::Array(vec![bulk("id"), bulk("1\n")]),
            Value::Nil,
            Value::Int(5),
            Value::Array(Vec::new()),
        ]);
        assert_eq!(
            plain(&nested),
            "1) 1) \"id\"\n   2) \"1\\n\"\n2) (nil)\n3) (integer) 5\n4) (empty array)\n"
        );
        let ten = Value::Array((0..10).map(Value::Int).collect());
        assert!(plain(&ten).starts_with(" 1) (integer) 0\n"));
        assert!(plain(&ten).ends_with("\n10) (integer) 9\n"));
        let map = Value::Map(vec![(bulk("a"), Value::Double(1.5))]);
        assert_eq!(plain(&map), "1# \"a\" => (double) 1.5\n");
    }

    #[test]
    fn text_for_people_is_shown_as_it_is() {
        let words = |line: &str| line.split(' ').map(|w| w.into()).collect::<Vec<Vec<u8>>>();
        let value = bulk("# Server\r\nredis_version:7\r\n");
        assert_eq!(
            text(&value, &words("info server")),
            "# Server\nredis_version:7\n"
        );
        assert_eq!(text(&bulk("a b"), &words("CLIENT LIST")), "a b\n");
        assert_eq!(text(&bulk("a b"), &words("GET x")), "\"a b\"\n");
    }
}
