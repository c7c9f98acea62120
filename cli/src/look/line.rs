//! A line of the console: its words, as `redis-cli` reads and writes them.

use std::fmt::Write as _;

/// A word and where it stands in its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it says, quotes and escapes resolved.
    pub bytes: Vec<u8>,
    /// The byte of the line it begins at, its quote included.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
}

/// A quote that does not end, or goes on behind its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbalanced {
    /// The words before it.
    pub words: Vec<Word>,
    /// The word it stands in, as far as it goes.
    pub rest: Word,
    /// The byte of the line where the quote opens.
    pub at: usize,
}

/// The words of a line.
///
/// # Errors
/// Quotes that are not balanced.
pub fn split(line: &str) -> Result<Vec<Word>, Box<Unbalanced>> {
    let mut words = Vec::new();
    let mut reader = Reader {
        bytes: line.as_bytes(),
        at: 0,
    };
    loop {
        while reader.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            reader.at += 1;
        }
        let start = reader.at;
        if reader.peek().is_none() {
            return Ok(words);
        }
        let mut bytes = Vec::new();
        let quote = reader.word(&mut bytes);
        let word = Word {
            bytes,
            start,
            end: reader.at,
        };
        match quote {
            Ok(()) => words.push(word),
            Err(at) => {
                return Err(Box::new(Unbalanced {
                    words,
                    rest: word,
                    at,
                }));
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Reads a word up to the space after it; the error is where a quote opens that has no end.
    fn word(&mut self, word: &mut Vec<u8>) -> Result<(), usize> {
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\'' => {
                    let open = self.at;
                    self.at += 1;
                    self.quoted(byte, word).ok_or(open)?;
                    let ends = self.peek().is_none_or(|b| b.is_ascii_whitespace());
                    return if ends { Ok(()) } else { Err(open) };
                }
                _ if byte.is_ascii_whitespace() => return Ok(()),
                _ => word.push(byte),
            }
            self.at += 1;
        }
        Ok(())
    }

    fn quoted(&mut self, quote: u8, word: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.next()? {
                byte if byte == quote => return Some(()),
                b'\\' if quote == b'"' => {
                    let byte = self.escaped()?;
                    word.push(byte);
                }
                b'\\' if self.peek() == Some(b'\'') => {
                    self.at += 1;
                    word.push(b'\'');
                }
                byte => word.push(byte),
            }
        }
    }

    fn escaped(&mut self) -> Option<u8> {
        Some(match self.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'a' => 0x07,
            b'x' => self.hex().unwrap_or(b'x'),
            other => other,
        })
    }

    fn hex(&mut self) -> Option<u8> {
        let digits = self.bytes.get(self.at..self.at + 2)?;
        let text = std::str::from_utf8(digits).ok()?;
        let byte = u8::from_str_radix(text, 16).ok()?;
        self.at += 2;
        Some(byte)
    }
}

/// Bytes in double quotes, with the escapes of `redis-cli`.
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
                // Writing to a string does not fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// A word as it may be typed: in quotes only where it must be, text of any script as it is.
pub fn typed(bytes: &[u8]) -> String {
    let plain = |text: &str| {
        let fine = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\".contains(c);
        !text.is_empty() && text.chars().all(fine)
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if plain(text) => text.to_string(),
        _ => readable(bytes),
    }
}

/// Bytes in double quotes: text of any script as it is, what cannot be shown escaped.
pub fn readable(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '"' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() => {
                    for byte in c.to_string().bytes() {
                        let _ = write!(out, "\\x{byte:02x}");
                    }
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        let words = split(line).ok()?;
        Some(words.into_iter().map(|word| word.bytes).collect())
    }

    #[test]
    fn lines_split_as_redis_cli_splits_them() {
        let cases: &[(&str, Option<&[&[u8]]>)] = &[
            ("  a  b ", Some(&[b"a", b"b"])),
            (
                r#""a b" '' "\x00\xfF\n\"\q\xz""#,
                Some(&[b"a b", b"", b"\0\xff\n\"qxz"]),
            ),
            (r"'it\'s' '\n'", Some(&[b"it's", b"\\n"])),
            (r#"a"b""#, Some(&[b"ab"])),
            (r#""a"b"#, None),
            (r#"x "a"#, None),
            ("'", None),
            ("", Some(&[])),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|words| words.iter().map(|w| w.to_vec()).collect());
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn words_know_their_places() {
        let line = r#" ab "c d" é'f' "#;
        let found: Vec<&str> = split(line)
            .unwrap()
            .iter()
            .map(|word| &line[word.start..word.end])
            .collect();
        assert_eq!(found, ["ab", r#""c d""#, "é'f'"]);
        let open = split(r#"SET k "a b"#).unwrap_err();
        assert_eq!((open.words.len(), open.at), (2, 6));
        assert_eq!(open.rest.bytes, b"a b");
    }

    #[test]
    fn what_is_typed_or_shown_reads_back_the_same() {
        for bytes in [
            &b"plain"[..],
            b"",
            b"a b",
            b"\"q\"",
            b"'",
            b"\\",
            "grün\u{85}".as_bytes(),
            b"\xff\0\n\t\r\x07",
        ] {
            assert_eq!(words(&typed(bytes)).unwrap(), [bytes], "{}", typed(bytes));
            assert_eq!(words(&repr(bytes)).unwrap(), [bytes], "{}", repr(bytes));
            assert_eq!(words(&readable(bytes)).unwrap(), [bytes]);
        }
        assert_eq!(typed("grün".as_bytes()), "grün");
        assert_eq!(repr("ü".as_bytes()), r#""\xc3\xbc""#);
    }
}
