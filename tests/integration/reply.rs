//! A reply of RESP2 or RESP3, read from the wire and printed as redis-cli prints it.

use std::{fmt::Write as _, io::BufRead};

use crate::line::repr;

/// A reply of RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// `+OK`.
    Status(String),
    /// `-ERR ...`, without the `-`.
    Error(String),
    /// `:1`.
    Integer(i64),
    /// `$3`.
    Bulk(Vec<u8>),
    /// A null of either protocol.
    Null,
    /// `*2`.
    Array(Vec<Reply>),
    /// `%2`.
    Map(Vec<(Reply, Reply)>),
    /// `~2`.
    Set(Vec<Reply>),
    /// `,0.5`, as it was written.
    Double(String),
    /// `#t`.
    Boolean(bool),
    /// `=15`, its kind cut off.
    Verbatim(Vec<u8>),
    /// `(123`.
    Big(String),
    /// `>2`.
    Push(Vec<Reply>),
}

impl Reply {
    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_))
    }

    /// The first word of an error, or what came in its place.
    pub fn code(&self) -> String {
        match self {
            Reply::Error(text) => text.split(' ').next().unwrap_or_default().to_string(),
            reply => reply.print(),
        }
    }

    /// The bytes of a bulk string.
    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bulk(bytes) | Reply::Verbatim(bytes) => bytes,
            reply => panic!("expected a bulk string, got {}", reply.print()),
        }
    }

    /// The elements of an array.
    #[track_caller]
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items,
            reply => panic!("expected an array, got {}", reply.print()),
        }
    }

    /// The number in an integer or in a bulk string of digits.
    #[track_caller]
    pub fn number(&self) -> i64 {
        self.text()
            .parse()
            .unwrap_or_else(|_| panic!("expected a number, got {}", self.print()))
    }

    /// A scalar as plain text; a null is `(nil)`.
    pub fn text(&self) -> String {
        match self {
            Reply::Status(text) | Reply::Error(text) | Reply::Double(text) | Reply::Big(text) => {
                text.clone()
            }
            Reply::Integer(number) => number.to_string(),
            Reply::Bulk(bytes) | Reply::Verbatim(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            Reply::Boolean(truth) => truth.to_string(),
            other => other.print(),
        }
    }

    /// The value beside a name in a map, or in a flat array of names and values.
    pub fn get(&self, name: &str) -> Option<&Reply> {
        match self {
            Reply::Map(pairs) => pairs
                .iter()
                .find(|(key, _)| key.text() == name)
                .map(|(_, value)| value),
            Reply::Array(items) => items
                .chunks_exact(2)
                .find(|pair| pair[0].text() == name)
                .map(|pair| &pair[1]),
            _ => None,
        }
    }

    /// All scalars in the order they stand, whatever holds them.
    pub fn words(&self) -> Vec<String> {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
                items.iter().flat_map(Reply::words).collect()
            }
            Reply::Map(pairs) => pairs
                .iter()
                .flat_map(|(key, value)| [key.words(), value.words()].concat())
                .collect(),
            scalar => vec![scalar.text()],
        }
    }

    /// What redis-cli shows at a terminal, without the last newline.
    pub fn print(&self) -> String {
        let mut out = String::new();
        self.print_into(&mut out, "");
        out.truncate(out.trim_end_matches('\n').len());
        out
    }

    fn print_into(&self, out: &mut String, prefix: &str) {
        let (rows, mark, empty): (Vec<(&Reply, Option<&Reply>)>, char, &str) = match self {
            Reply::Status(text) => return out.push_str(&format!("{text}\n")),
            Reply::Error(text) => return out.push_str(&format!("(error) {text}\n")),
            Reply::Integer(number) => return out.push_str(&format!("(integer) {number}\n")),
            Reply::Bulk(bytes) => return out.push_str(&format!("{}\n", repr(bytes))),
            Reply::Null => return out.push_str("(nil)\n"),
            Reply::Double(text) => return out.push_str(&format!("(double) {text}\n")),
            Reply::Boolean(truth) => return out.push_str(&format!("({truth})\n")),
            Reply::Verbatim(bytes) => {
                return out.push_str(&format!("{}\n", String::from_utf8_lossy(bytes)));
            }
            Reply::Big(text) => return out.push_str(&format!("{text}\n")),
            Reply::Array(items) => (
                items.iter().map(|i| (i, None)).collect(),
                ')',
                "(empty array)\n",
            ),
            Reply::Set(items) => (
                items.iter().map(|i| (i, None)).collect(),
                '~',
                "(empty set)\n",
            ),
            Reply::Push(items) => (
                items.iter().map(|i| (i, None)).collect(),
                ')',
                "(empty push)\n",
            ),
            Reply::Map(pairs) => (
                pairs.iter().map(|(k, v)| (k, Some(v))).collect(),
                '#',
                "(empty hash)\n",
            ),
        };
        if rows.is_empty() {
            return out.push_str(empty);
        }
        let width = rows.len().to_string().len();
        let inner = format!("{prefix}{:width$}  ", "");
        for (place, (first, second)) in rows.into_iter().enumerate() {
            // The caller has already written the prefix of the first line.
            let before = if place == 0 { "" } else { prefix };
            let _ = write!(out, "{before}{:width$}{mark} ", place + 1);
            first.print_into(out, &inner);
            if let Some(second) = second {
                out.truncate(out.len() - 1);
                let mut value = String::new();
                second.print_into(&mut value, &inner);
                // A value of several lines begins on a line of its own.
                let gap = if value.matches('\n').count() > 1 {
                    format!("\n{inner}")
                } else {
                    String::new()
                };
                let _ = write!(out, " => {gap}{value}");
            }
        }
    }
}

/// Reads one reply.
pub fn read_reply(input: &mut impl BufRead) -> std::io::Result<Reply> {
    let line = read_line(input)?;
    let (mark, rest) = line
        .split_at_checked(1)
        .ok_or_else(|| broken("an empty line"))?;
    let len = || rest.parse::<i64>().map_err(|_| broken(&line));
    Ok(match mark {
        "+" => Reply::Status(rest.into()),
        "-" => Reply::Error(rest.into()),
        ":" => Reply::Integer(len()?),
        "_" => Reply::Null,
        "," => Reply::Double(rest.into()),
        "#" => Reply::Boolean(rest == "t"),
        "(" => Reply::Big(rest.into()),
        "$" => match len()? {
            -1 => Reply::Null,
            n => Reply::Bulk(read_bytes(input, n)?),
        },
        "=" => Reply::Verbatim(read_bytes(input, len()?)?.split_off(4)),
        "*" => match len()? {
            -1 => Reply::Null,
            n => Reply::Array(read_replies(input, n)?),
        },
        "~" => Reply::Set(read_replies(input, len()?)?),
        ">" => Reply::Push(read_replies(input, len()?)?),
        "%" => {
            let mut pairs = Vec::new();
            for _ in 0..len()? {
                pairs.push((read_reply(input)?, read_reply(input)?));
            }
            Reply::Map(pairs)
        }
        _ => return Err(broken(&line)),
    })
}

fn read_replies(input: &mut impl BufRead, len: i64) -> std::io::Result<Vec<Reply>> {
    (0..len).map(|_| read_reply(input)).collect()
}

fn read_line(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

fn read_bytes(input: &mut impl BufRead, len: i64) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(len).map_err(|_| broken("a negative length"))?;
    let mut bytes = vec![0; len + 2];
    input.read_exact(&mut bytes)?;
    match bytes.ends_with(b"\r\n") {
        true => bytes.truncate(len),
        false => return Err(broken("a bulk string of another length than it said")),
    }
    Ok(bytes)
}

fn broken(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, format!("not RESP: {what}"))
}

#[test]
fn replies_print_as_redis_cli_prints_them() {
    let cases: &[(&str, &str)] = &[
        ("+OK\r\n", "OK"),
        ("-ERR no\r\n", "(error) ERR no"),
        (":7\r\n", "(integer) 7"),
        ("$-1\r\n", "(nil)"),
        ("*-1\r\n", "(nil)"),
        ("_\r\n", "(nil)"),
        ("*0\r\n", "(empty array)"),
        ("%0\r\n", "(empty hash)"),
        ("~0\r\n", "(empty set)"),
        (",0.5\r\n", "(double) 0.5"),
        ("#t\r\n", "(true)"),
        ("$9\r\na\"\\\n\x01\t\x7f z\r\n", r#""a\"\\\n\x01\t\x7f z""#),
        ("=6\r\ntxt:hi\r\n", "hi"),
        (
            "*2\r\n*2\r\n:1\r\n:2\r\n*0\r\n",
            "1) 1) (integer) 1\n   2) (integer) 2\n2) (empty array)",
        ),
        (
            "%2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n$1\r\nb\r\n_\r\n",
            "1# \"a\" => \n   1) (integer) 1\n   2) (integer) 2\n2# \"b\" => (nil)",
        ),
        ("~1\r\n%1\r\n+k\r\n+v\r\n", "1~ 1# k => v"),
    ];
    for (wire, shown) in cases {
        let reply = read_reply(&mut wire.as_bytes()).expect(wire);
        assert_eq!(reply.print(), *shown, "{wire}");
    }
    let ten: String = format!("*10\r\n{}", ":5\r\n".repeat(10));
    let shown = read_reply(&mut ten.as_bytes()).expect("ten").print();
    assert!(
        shown.starts_with(" 1) (integer) 5\n 2) ") && shown.ends_with("\n10) (integer) 5"),
        "{shown}"
    );
}
