//! CSV and TSV by RFC 4180, with what is left open there defined: a field in quotes is told from one without (only the
//! latter can be null), bytes need be no UTF-8, a line ends with LF or CR LF, a blank line is a row only where there is
//! one column, and what is neither is refused instead of guessed at.

use std::io::{self, Write};

use memchr::{memchr, memchr3};

use super::row::{Row, Shape};

/// What stands at the start of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A row of so many bytes, its line end among them.
    Row(usize),
    /// More bytes are needed to tell.
    Short,
    /// No row: so many bytes to be passed over, the number of the column from 0, and why.
    Fault(usize, usize, String),
}

/// Reads the row at the start of the bytes; `ended` where nothing comes behind them.
pub fn parse(bytes: &[u8], ended: bool, delimiter: u8, row: &mut Row) -> Parsed {
    row.clear();
    let mut at = 0;
    for column in 0.. {
        let rest = bytes.get(at..).unwrap_or_default();
        let field = match rest.first() {
            Some(b'"') => quoted(rest, ended, delimiter, column, row),
            _ => bare(rest, ended, delimiter, column, row),
        };
        match field {
            Field::Next(length) => at += length,
            Field::Last(length) => return Parsed::Row(at + length),
            Field::Short => return Parsed::Short,
            Field::Garbage(place) => {
                let line = match memchr(b'\n', bytes.get(at + place..).unwrap_or_default()) {
                    Some(end) => at + place + end + 1,
                    None if ended => bytes.len(),
                    None => return Parsed::Short,
                };
                let reason = format!(
                    "expected {} or the end of the line behind the closing quote, found {}",
                    super::row::shown(&[delimiter]),
                    super::row::shown(bytes.get(at + place..at + place + 1).unwrap_or_default()),
                );
                return Parsed::Fault(line, column, reason);
            }
            Field::Open => {
                let line = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
                let reason = "expected a closing quote, found the end of the file".into();
                return Parsed::Fault(line, column, reason);
            }
        }
    }
    Parsed::Short
}

enum Field {
    /// Another one comes behind so many bytes.
    Next(usize),
    /// The row ends with so many bytes.
    Last(usize),
    Short,
    /// Something else than a delimiter behind the closing quote, at this place.
    Garbage(usize),
    /// A quote that is not closed.
    Open,
}

fn bare(rest: &[u8], ended: bool, delimiter: u8, column: usize, row: &mut Row) -> Field {
    let (end, taken, last) = match memchr3(delimiter, b'\n', b'\n', rest) {
        Some(end) => (end, end + 1, rest.get(end) == Some(&b'\n')),
        None if ended => (rest.len(), rest.len(), true),
        None => return Field::Short,
    };
    let text = rest.get(..end).unwrap_or_default();
    // The CR of a line end is no part of the field.
    let text = match last {
        true => text.strip_suffix(b"\r").unwrap_or(text),
        false => text,
    };
    row.push(column, Shape::Bare, text);
    match last {
        true => Field::Last(taken),
        false => Field::Next(taken),
    }
}

fn quoted(rest: &[u8], ended: bool, delimiter: u8, column: usize, row: &mut Row) -> Field {
    let start = row.text.len();
    let mut at = 1;
    loop {
        let Some(quote) = memchr(b'"', rest.get(at..).unwrap_or_default()) else {
            return if ended { Field::Open } else { Field::Short };
        };
        let quote = at + quote;
        row.text
            .extend_from_slice(rest.get(at..quote).unwrap_or_default());
        let behind = rest.get(quote + 1..).unwrap_or_default();
        let (length, last) = match behind {
            [b'"', ..] => {
                row.text.push(b'"');
                at = quote + 2;
                continue;
            }
            [byte, ..] if *byte == delimiter => (1, false),
            [b'\n', ..] => (1, true),
            [b'\r', b'\n', ..] => (2, true),
            [b'\r'] | [] if !ended => return Field::Short,
            [b'\r'] | [] => (behind.len(), true),
            _ => return Field::Garbage(quote + 1),
        };
        let end = row.text.len();
        row.cells.push(super::row::Cell {
            column,
            shape: Shape::Quoted,
            start,
            end,
        });
        return match last {
            true => Field::Last(quote + 1 + length),
            false => Field::Next(quote + 1 + length),
        };
    }
}

/// Writes a value as a field; in quotes where it would be read as something else, as the null for one.
///
/// # Errors
/// What the writer says.
pub fn write(value: &[u8], null: &[u8], delimiter: u8, out: &mut impl Write) -> io::Result<()> {
    let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if value != null && !value.iter().any(special) {
        return out.write_all(value);
    }
    out.write_all(b"\"")?;
    let mut pieces = value.split(|byte| *byte == b'"');
    if let Some(first) = pieces.next() {
        out.write_all(first)?;
    }
    for piece in pieces {
        out.write_all(b"\"\"")?;
        out.write_all(piece)?;
    }
    out.write_all(b"\"")
}

/// Tags as one field: `|` between them, `\|` and `\\` for these two in a tag, `\e` for an empty tag.
pub fn join_tags(tags: &[&[u8]], separator: u8, out: &mut Vec<u8>) {
    for (n, tag) in tags.iter().enumerate() {
        if n > 0 {
            out.push(separator);
        }
        if tag.is_empty() {
            out.extend_from_slice(b"\\e");
        }
        for &byte in *tag {
            if byte == separator || byte == b'\\' {
                out.push(b'\\');
            }
            out.push(byte);
        }
    }
}

/// The tags in a field, each ended in `ends` behind its bytes in `text`.
///
/// # Errors
/// What was expected behind a backslash.
pub fn split_tags(field: &[u8], separator: u8) -> Result<Vec<Vec<u8>>, String> {
    if field.is_empty() {
        return Ok(Vec::new());
    }
    let mut tags = vec![Vec::new()];
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        let Some(tag) = tags.last_mut() else { break };
        match byte {
            b'\\' => match bytes.next() {
                Some(b'e') => {}
                Some(escaped) if escaped == separator || escaped == b'\\' => tag.push(escaped),
                _ => {
                    return Err(format!(
                        "expected \\{0}, \\\\ or \\e in TAGS (tags stand between '{0}'), found {1}",
                        char::from(separator),
                        super::row::shown(field)
                    ));
                }
            },
            _ if byte == separator => tags.push(Vec::new()),
            _ => tag.push(byte),
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut row = Row::default();
        assert_eq!(parse(bytes, true, b',', &mut row), Parsed::Row(bytes.len()));
        let quoted = |cell: &super::super::row::Cell| cell.shape == Shape::Quoted;
        row.cells
            .iter()
            .map(|cell| (row.text_of(cell).to_vec(), quoted(cell)))
            .collect()
    }

    #[test]
    fn fields_end_where_they_should() {
        let bare = |text: &str| (text.as_bytes().to_vec(), false);
        let quoted = |text: &str| (text.as_bytes().to_vec(), true);
        for (line, expected) in [
            ("a,b\n", vec![bare("a"), bare("b")]),
            ("a,b\r\n", vec![bare("a"), bare("b")]),
            ("a,b", vec![bare("a"), bare("b")]),
            ("\n", vec![bare("")]),
            (",\n", vec![bare(""), bare("")]),
            ("\"\",\n", vec![quoted(""), bare("")]),
            (
                "\"a\"\"b\",\"c\nd\"\r\n",
                vec![quoted("a\"b"), quoted("c\nd")],
            ),
            ("a\"b,c\rd\n", vec![bare("a\"b"), bare("c\rd")]),
            ("\"x\"\r", vec![quoted("x")]),
        ] {
            assert_eq!(fields(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_no_row_says_so_and_how_much_of_it_there_is() {
        let mut row = Row::default();
        let Parsed::Fault(6, 1, reason) = parse(b"a,\"b\"c\nd\n", true, b',', &mut row) else {
            // "a,"b"c\n" is seven bytes.
            let Parsed::Fault(7, 1, reason) = parse(b"a,\"b\"c\nd\n", true, b',', &mut row) else {
                panic!("a letter behind a closing quote is a fault")
            };
            assert!(reason.contains("closing quote, found 'c'"), "{reason}");
            return;
        };
        panic!("{reason}");
    }

    #[test]
    fn a_quote_without_end_costs_its_first_line() {
        let mut row = Row::default();
        let fault = parse(b"a,\"b\nc,d\n", true, b',', &mut row);
        assert!(matches!(fault, Parsed::Fault(5, 1, _)), "{fault:?}");
        assert_eq!(parse(b"a,\"b\nc,d\n", false, b',', &mut row), Parsed::Short);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            values in prop::collection::vec(prop::option::of(prop::collection::vec(
                prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'N'), Just(b'A'), any::<u8>()], 0..6)), 1..6),
            null in prop_oneof![Just(&b""[..]), Just(&b"NA"[..])],
        ) {
            let mut line = Vec::new();
            for (n, value) in values.iter().enumerate() {
                if n > 0 { line.push(b','); }
                match value {
                    None => line.extend_from_slice(null),
                    Some(value) => write(value, null, b',', &mut line).unwrap(),
                }
            }
            line.push(b'\n');
            for end in 0..line.len() {
                // A part of a row is never taken for the whole.
                let parsed = parse(&line[..end], false, b',', &mut Row::default());
                prop_assert_eq!(parsed, Parsed::Short);
            }
            let read: Vec<Option<Vec<u8>>> = fields(&line)
                .into_iter()
                .map(|(text, quoted)| (quoted || text != null).then_some(text))
                .collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn tags_are_read_back(tags in prop::collection::btree_set(
            prop::collection::vec(prop_oneof![Just(b'|'), Just(b'\\'), Just(b'e'), any::<u8>()], 0..4), 0..5)) {
            let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
            let mut field = Vec::new();
            join_tags(&tags, b'|', &mut field);
            prop_assert_eq!(split_tags(&field, b'|').unwrap(), tags);
        }
    }
}
