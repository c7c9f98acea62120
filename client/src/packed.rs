//! Reading records that a server packed into one string: its head by bincode 2 and serde, its rows by their codes.
//!
//! Nothing in the string is believed before it is there: strings borrow from it, and no memory is set aside for a
//! count that was only claimed.

use serde::Deserialize;

use crate::{
    cell::Cell,
    error::{Error, Result},
    row::Row,
};

/// The version of the format.
const VERSION: u8 = 3;
/// A DATETIME counts from here: 2026-01-01, in milliseconds since 1970 UTC.
const EPOCH: i64 = 1_767_225_600_000;
/// What code 15 has of four bits, and of six.
const SIXTEEN: &[u8; 16] = b"0123456789abcdef";
const SIXTY_FOUR: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
/// Room made beforehand for rows, at most.
const ROOM: usize = 1024;

/// The type of a column, in the order of the format's numbers.
#[derive(Deserialize)]
enum Kind<'a> {
    Integer,
    Float,
    Boolean,
    DateTime,
    Text,
    Uuid,
    #[serde(borrow)]
    Enum(Vec<&'a str>),
    Tags,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    columns: Vec<(&'a str, Kind<'a>)>,
    rows: u64,
}

/// A column: its name and what it holds.
pub(crate) struct Column<'a> {
    pub(crate) name: &'a str,
    kind: Kind<'a>,
}

/// What is left of the string.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// The codes of the row that is read, a nibble each, and how many of them are behind.
    codes: &'a [u8],
    behind: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: bytes,
            codes: &[],
            behind: 0,
        }
    }

    fn next<T: Deserialize<'a>>(&mut self) -> Result<T> {
        let (value, read) =
            bincode::serde::borrow_decode_from_slice(self.rest, bincode::config::standard())
                .map_err(|error| Error::reply(format!("a packed answer: {error}")))?;
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(value)
    }

    /// The columns, and how many rows there are said to be.
    fn head(&mut self) -> Result<(Vec<Column<'a>>, u64)> {
        let version: u8 = self.next()?;
        if version != VERSION {
            return Err(Error::reply(format!(
                "a packed answer of version {version}, expected {VERSION}: take a yarr-client of the module's age"
            )));
        }
        let head: Head<'_> = self.next()?;
        let columns = head.columns.into_iter();
        let columns = columns.map(|(name, kind)| Column { name, kind }).collect();
        Ok((columns, head.rows))
    }

    /// Sees that nothing is left.
    fn end(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Error::reply(format!(
                "a packed answer: {left} bytes after its end"
            ))),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(Error::reply("a packed answer: it is cut off".into()));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// A number of so many bytes, as the lowest of eight.
    fn number(&mut self, length: usize) -> Result<[u8; 8]> {
        let mut number = [0; 8];
        for (to, from) in number.iter_mut().zip(self.take(length)?) {
            *to = *from;
        }
        Ok(number)
    }

    /// Begins a row of so many columns; false where there is no such record.
    fn row(&mut self, columns: usize) -> Result<bool> {
        let there = self.next()?;
        if there {
            (self.codes, self.behind) = (self.take(columns.div_ceil(2))?, 0);
        }
        Ok(there)
    }

    /// The value of the next column, or null.
    pub(crate) fn cell(&mut self, column: &Column<'a>) -> Result<Option<Cell<'a>>> {
        let pair = self.codes.get(self.behind / 2).copied().unwrap_or(0);
        let code = pair >> (self.behind % 2 * 4) & 15;
        self.behind += 1;
        let length = match code {
            0 => return Ok(None),
            1..=9 => {
                let number = self.number(usize::from(code) - 1)?;
                return plain(column, number).map(Some);
            }
            10 => self.number(1)?,
            11 => self.number(2)?,
            12 => self.number(4)?,
            15 => return self.spelled(column).map(Some),
            _ => 16_u64.to_le_bytes(),
        };
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
        let bytes = self.take(length)?;
        let whole = || <[u8; 16]>::try_from(bytes).unwrap_or_default();
        Ok(Some(match (&column.kind, code) {
            (Kind::Text, 10..=12) => Cell::Text(bytes.into()),
            (Kind::Text, 13) => Cell::Text(uuid_text(whole()).into()),
            (Kind::Uuid, 14) => Cell::Uuid(whole()),
            (Kind::Tags, 10..=12) => Cell::Tags(tags(bytes).ok_or_else(|| unfit(column))?),
            _ => return Err(unfit(column)),
        }))
    }

    /// A text of one alphabet, a few bits a character.
    fn spelled(&mut self, column: &Column<'a>) -> Result<Cell<'a>> {
        let Kind::Text = column.kind else {
            return Err(unfit(column));
        };
        let head: u8 = self.next()?;
        let (bits, alphabet) = match head {
            0..=127 => (4, &SIXTEEN[..]),
            _ => (6, &SIXTY_FOUR[..]),
        };
        let length = usize::from(head % 128) + 1;
        let bytes = self.take((length * bits).div_ceil(8))?;
        let mut text = Vec::with_capacity(length + 1);
        // The bits that are read and not yet used up, the lowest of `word`.
        let (mut word, mut left) = (0_u32, 0);
        for byte in bytes {
            word = word << 8 | u32::from(*byte);
            left += 8;
            while left >= bits {
                left -= bits;
                let place = (word >> left) as usize % alphabet.len();
                text.extend(alphabet.get(place));
            }
        }
        text.truncate(length);
        Ok(Cell::Text(text.into()))
    }
}

fn unfit(column: &Column<'_>) -> Error {
    let name = column.name;
    Error::reply(format!(
        "a packed answer: column '{name}' has bytes of another type"
    ))
}

/// The value of a column that is a number, little-endian but for a FLOAT.
fn plain<'a>(column: &Column<'a>, number: [u8; 8]) -> Result<Cell<'a>> {
    let unsigned = u64::from_le_bytes(number);
    let signed = (unsigned >> 1) as i64 ^ -((unsigned & 1) as i64);
    Ok(match &column.kind {
        Kind::Integer => Cell::Integer(signed),
        Kind::DateTime => Cell::DateTime(signed.wrapping_add(EPOCH)),
        Kind::Float => Cell::Float(f64::from_be_bytes(number)),
        Kind::Boolean if unsigned <= 1 => Cell::Boolean(unsigned == 1),
        Kind::Enum(names) => {
            let name = usize::try_from(unsigned).ok().and_then(|at| names.get(at));
            Cell::Name(name.ok_or_else(|| {
                Error::reply(format!("a packed answer: no name of number {unsigned}"))
            })?)
        }
        _ => return Err(unfit(column)),
    })
}

/// The text of a UUID, in lower case.
fn uuid_text(bytes: [u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(36);
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push(b'-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.push(if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            });
        }
    }
    text
}

/// Tags, each behind its length; `None` where they end within one.
fn tags(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut tags = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (tag, rest) = rest.split_at_checked(usize::from(*length))?;
        tags.push(tag);
        bytes = rest;
    }
    Some(tags)
}

/// Reads a packed answer whatever its columns are: `take` gets their names and the values of each row, or nothing where
/// there is no such record.
///
/// ```
/// # fn main() -> yarr_client::Result<()> {
/// // The answer to YARR.FIND t 7 RETURN id n PACKED, where n is null:
/// let answer = b"\x03\x02\x02id\x00\x01n\x00\x01\x01\x02\x0e";
/// yarr_client::unpack(answer, |columns, values| {
///     assert_eq!(columns, ["id", "n"]);
///     assert_eq!(values, Some(&[Some(yarr_client::Cell::Integer(7)), None][..]));
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// [`Error::Reply`] where the bytes are no such answer, and what `take` says.
pub fn unpack<'a>(
    bytes: &'a [u8],
    mut take: impl FnMut(&[&'a str], Option<&[Option<Cell<'a>>]>) -> Result<()>,
) -> Result<()> {
    let mut reader = Reader::new(bytes);
    let (columns, count) = reader.head()?;
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut cells = Vec::with_capacity(columns.len());
    for _ in 0..count {
        if !reader.row(columns.len())? {
            take(&names, None)?;
            continue;
        }
        cells.clear();
        for column in &columns {
            cells.push(reader.cell(column)?);
        }
        take(&names, Some(&cells))?;
    }
    reader.end()
}

/// The rows of a packed answer whose columns must be these; `None` where there is no such record.
///
/// # Errors
/// [`Error::Reply`] where the bytes are no such answer, [`Error::Field`] where a value does not fit.
pub(crate) fn rows<'n, T>(
    bytes: &[u8],
    names: impl Iterator<Item = &'n str> + Clone,
    mut take: impl FnMut(&mut Row<'_, '_>) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    let mut reader = Reader::new(bytes);
    let (columns, count) = reader.head()?;
    if !columns.iter().map(|column| column.name).eq(names.clone()) {
        let found: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let expected: Vec<&str> = names.collect();
        return Err(Error::reply(format!(
            "a packed answer: expected the columns {expected:?}, found {found:?}"
        )));
    }
    let claimed = usize::try_from(count).unwrap_or(usize::MAX);
    let mut rows = Vec::with_capacity(claimed.min(reader.rest.len()).min(ROOM));
    for _ in 0..count {
        rows.push(match reader.row(columns.len())? {
            false => None,
            true => {
                let mut row = Row::packed(&mut reader, &columns);
                let value = take(&mut row)?;
                match row.left() {
                    0 => Some(value),
                    left => return Err(Error::reply(format!("a row with {left} values too many"))),
                }
            }
        });
    }
    reader.end()?;
    Ok(rows)
}

/// The rows of a page of changes, whose columns behind number and kind must be `id` and these: `take` gets the kind, the
/// id, and a row of these.
///
/// # Errors
/// As [`rows`].
pub(crate) fn changes<'n>(
    bytes: &[u8],
    names: impl Iterator<Item = &'n str> + Clone,
    mut take: impl FnMut(&str, Option<Cell<'_>>, &mut Row<'_, '_>) -> Result<()>,
) -> Result<()> {
    let mut places = Vec::new();
    let mut others = 3..;
    for name in names.clone() {
        places.push(match name {
            "id" => 2,
            _ => others.next().unwrap_or_default(),
        });
    }
    let expected: Vec<&str> = ["change_number", "change_kind", "id"]
        .into_iter()
        .chain(names.clone().filter(|name| *name != "id"))
        .collect();
    unpack(bytes, |columns, cells| {
        if columns != expected {
            return Err(Error::reply(format!(
                "a page of changes: expected the columns {expected:?}, found {columns:?}"
            )));
        }
        let cells = cells.unwrap_or_default();
        let cell = |place: usize| cells.get(place).cloned().flatten();
        let Some(Cell::Name(kind)) = cell(1) else {
            return Err(Error::reply(
                "a page of changes: a row without its kind".into(),
            ));
        };
        let values = names.clone().zip(places.iter().map(|place| cell(*place)));
        take(kind, cell(2), &mut Row::cells(values.collect()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `YARR.FIND t IDS 3 1 2 9 RETURN id n e PACKED`, as docs/packed.md spells it out.
    const EXAMPLE: &[u8] = b"\x03\x03\x02id\x00\x01n\x00\x01e\x06\x02\x03low\x04high\
        \x03\x01\x22\x02\x02\x05\x01\x01\x02\x00\x04\x00";
    const NAMES: [&str; 3] = ["id", "n", "e"];

    fn shown(bytes: &[u8]) -> Result<Vec<Option<String>>> {
        rows(bytes, NAMES.into_iter(), |row| {
            let mut cells = Vec::new();
            for _ in 0..3 {
                cells.push(row.cell()?.map_or("null".into(), |cell| cell.to_string()));
            }
            Ok(cells.join(", "))
        })
    }

    #[test]
    fn the_example_of_the_format_is_read() {
        let shown = shown(EXAMPLE).unwrap();
        let line = |text: &str| Some(text.to_string());
        assert_eq!(
            shown,
            [
                line("the INTEGER 1, the INTEGER -3, the name 'high'"),
                line("the INTEGER 2, null, null"),
                None
            ]
        );
    }

    #[test]
    fn columns_that_nobody_foresaw_are_read() {
        let mut rows = Vec::new();
        unpack(EXAMPLE, |columns, values| {
            assert_eq!(columns, NAMES);
            rows.push(values.map(|values| values.iter().flatten().count()));
            Ok(())
        })
        .unwrap();
        assert_eq!(rows, [Some(3), Some(1), None]);
    }

    #[test]
    fn texts_of_one_alphabet_are_read() {
        let of = |text: &[u8]| [&b"\x03\x01\x01s\x04\x01\x01\x0f"[..], text].concat();
        let read = |text: &[u8]| {
            let mut found = None;
            unpack(&of(text), |_, cells| {
                found = cells.and_then(|cells| cells[0].as_ref().map(ToString::to_string));
                Ok(())
            })?;
            Ok::<_, Error>(found.unwrap_or_default())
        };
        let four = b"\x07\xCA\xFE\x01\x23";
        let six = b"\x87\xBF\x49\xE5\x14\x30\x3D";
        assert_eq!(read(four).unwrap(), "the STRING 'cafe0123'");
        assert_eq!(read(six).unwrap(), "the STRING 'job_42-x'");
        assert_eq!(
            read(b"\x06\xCA\xFE\x01\x20").unwrap(),
            "the STRING 'cafe012'"
        );
        for text in [&four[..], six] {
            for end in 0..text.len() {
                assert!(read(&text[..end]).is_err(), "{end} bytes");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_refused() {
        for end in 0..EXAMPLE.len() {
            assert!(shown(&EXAMPLE[..end]).is_err(), "{end} bytes");
        }
        assert!(shown(&[EXAMPLE, &[0]].concat()).is_err());
        for end in 0..EXAMPLE.len() {
            assert!(
                unpack(&EXAMPLE[..end], |_, _| Ok(())).is_err(),
                "{end} bytes"
            );
        }
        assert!(unpack(&[EXAMPLE, &[0]].concat(), |_, _| Ok(())).is_err());
    }

    #[test]
    fn every_changed_byte_is_read_or_refused() {
        for at in 0..EXAMPLE.len() {
            for byte in 0..=255 {
                let mut bytes = EXAMPLE.to_vec();
                bytes[at] = byte;
                let _ = shown(&bytes);
            }
        }
        let mut version = EXAMPLE.to_vec();
        version[0] = 1;
        let refused = shown(&version).unwrap_err().to_string();
        assert!(refused.contains("version 1"), "{refused}");
    }

    #[test]
    fn a_count_that_is_only_claimed_takes_no_memory() {
        // 2^63 columns, rows, names and bytes.
        let huge = [253, 0, 0, 0, 0, 0, 0, 0, 128];
        let columns = [&[3][..], &huge].concat();
        let rows = [&b"\x03\x03\x02id\x00\x01n\x00\x01e\x00"[..], &huge].concat();
        let names = [&b"\x03\x01\x01e\x06"[..], &huge].concat();
        let name = [&b"\x03\x01"[..], &huge].concat();
        for bytes in [columns, rows, names, name] {
            assert!(shown(&bytes).is_err());
        }
    }
}
