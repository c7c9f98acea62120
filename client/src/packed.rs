//! Reading records that a server packed into one string, by bincode 2 and serde.
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
const VERSION: u8 = 1;
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
}

impl<'a> Reader<'a> {
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
                "a packed answer of version {version}, expected {VERSION}: take a newer yarr-client"
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

    /// The value of a column, or null.
    pub(crate) fn cell(&mut self, column: &Column<'a>) -> Result<Option<Cell<'a>>> {
        if !self.next::<bool>()? {
            return Ok(None);
        }
        Ok(Some(match &column.kind {
            Kind::Integer => Cell::Integer(self.next()?),
            Kind::Float => Cell::Float(self.next()?),
            Kind::Boolean => Cell::Boolean(self.next()?),
            Kind::DateTime => Cell::DateTime(self.next()?),
            Kind::Text => Cell::Text(self.next()?),
            Kind::Uuid => Cell::Uuid(self.next()?),
            Kind::Enum(names) => {
                let ordinal: u16 = self.next()?;
                let name = names.get(usize::from(ordinal));
                Cell::Name(name.ok_or_else(|| {
                    Error::reply(format!("a packed answer: no name of number {ordinal}"))
                })?)
            }
            Kind::Tags => Cell::Tags(self.next()?),
        }))
    }
}

/// Reads a packed answer whatever its columns are: `take` gets their names and the values of each row, or nothing where
/// there is no such record.
///
/// ```
/// # fn main() -> yarr_client::Result<()> {
/// // The answer to YARR.FIND t 7 RETURN id n PACKED, where n is null:
/// let answer = b"\x01\x02\x02id\x00\x01n\x00\x01\x01\x01\x0e\x00";
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
    let mut reader = Reader { rest: bytes };
    let (columns, count) = reader.head()?;
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut cells = Vec::with_capacity(columns.len());
    for _ in 0..count {
        if !reader.next::<bool>()? {
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
    let mut reader = Reader { rest: bytes };
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
        rows.push(match reader.next::<bool>()? {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `YARR.FIND t IDS 3 1 2 9 RETURN id n e PACKED`, as docs/packed.md spells it out.
    const EXAMPLE: &[u8] = b"\x01\x03\x02id\x00\x01n\x00\x01e\x06\x02\x03low\x04high\
        \x03\x01\x01\x02\x01\x05\x01\x01\x01\x01\x04\x00\x00\x00";
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
        version[0] = 2;
        let refused = shown(&version).unwrap_err().to_string();
        assert!(refused.contains("version 2"), "{refused}");
    }

    #[test]
    fn a_count_that_is_only_claimed_takes_no_memory() {
        // 2^63 columns, rows, names and bytes.
        let huge = [253, 0, 0, 0, 0, 0, 0, 0, 128];
        let columns = [&[1][..], &huge].concat();
        let rows = [&b"\x01\x03\x02id\x00\x01n\x00\x01e\x00"[..], &huge].concat();
        let names = [&b"\x01\x01\x01e\x06"[..], &huge].concat();
        let name = [&b"\x01\x01"[..], &huge].concat();
        for bytes in [columns, rows, names, name] {
            assert!(shown(&bytes).is_err());
        }
    }
}
