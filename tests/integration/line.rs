//! A command line: its words, as redis-cli reads and writes them.

use std::fmt::Write as _;

/// Bytes in double quotes, with redis-cli's escapes.
pub fn repr(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(*byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// A command line's words, quoted as redis-cli reads them; `None` where quotes are not balanced.
pub fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii().as_bytes();
    while !rest.is_empty() {
        let (word, tail) = split_word(rest)?;
        words.push(word);
        rest = tail.trim_ascii_start();
    }
    Some(words)
}

/// The first word and what follows it. A closing quote must end its word.
fn split_word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return Some((word, rest)),
            [space, ..] if space.is_ascii_whitespace() => return Some((word, rest)),
            [quote @ (b'"' | b'\''), tail @ ..] => {
                rest = if *quote == b'"' {
                    double_quoted(tail, &mut word)?
                } else {
                    single_quoted(tail, &mut word)?
                };
                let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, rest));
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
                word.push(digit(high) * 16 + digit(low));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = tail;
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return Some(tail),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

#[test]
fn command_lines_split_as_redis_cli_splits_them() {
    let cases: &[(&str, Option<&[&[u8]]>)] = &[
        ("  a  b ", Some(&[b"a", b"b"])),
        (
            r#""a b" '' "\x00\xfF\n\"\q""#,
            Some(&[b"a b", b"", b"\0\xff\n\"q"]),
        ),
        (r"'it\'s' '\n'", Some(&[b"it's", b"\\n"])),
        (r#"a"b""#, Some(&[b"ab"])),
        (r#""a"b"#, None),
        (r#""a"#, None),
        ("'", None),
        ("", Some(&[])),
    ];
    for (line, words) in cases {
        let words = words.map(|words| words.iter().map(|w| w.to_vec()).collect::<Vec<_>>());
        assert_eq!(split(line), words, "{line}");
    }
}
