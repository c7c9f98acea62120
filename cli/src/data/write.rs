//! Records as a file has them.

use std::io::{self, Write};

use yarr::value::{number::float_text, uuid};
use yarr_client::Cell;

use super::{convert::Times, csv, json, reader::Format};

/// How values are written.
#[derive(Debug, Clone)]
pub struct Writing {
    /// The format.
    pub format: Format,
    /// What stands for null in CSV and TSV.
    pub null: Vec<u8>,
    /// How times are written.
    pub times: Times,
    /// What stands between tags in CSV and TSV.
    pub separator: u8,
}

/// Writes records to a file.
pub struct Writer<W> {
    to: W,
    writing: Writing,
    names: Vec<String>,
    value: Vec<u8>,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Of these columns; nothing is written yet.
    pub fn new(to: W, writing: Writing, names: &[String]) -> Writer<W> {
        Writer {
            to,
            names: names.to_vec(),
            writing,
            value: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Writes the header, of CSV and TSV.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(&mut self) -> io::Result<()> {
        let delimiter = char::from(self.writing.format.delimiter());
        match self.writing.format {
            Format::Jsonl => Ok(()),
            // Names of fields have nothing in them that asks for quotes.
            _ => writeln!(self.to, "{}", self.names.join(&delimiter.to_string())),
        }
    }

    /// Writes a record.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&mut self, cells: &[Option<Cell<'_>>]) -> io::Result<()> {
        self.line.clear();
        match self.writing.format {
            Format::Jsonl => self.object(cells),
            Format::Csv | Format::Tsv => self.fields(cells)?,
        }
        self.line.push(b'\n');
        self.to.write_all(&self.line)
    }

    fn fields(&mut self, cells: &[Option<Cell<'_>>]) -> io::Result<()> {
        let delimiter = self.writing.format.delimiter();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.line.push(delimiter);
            }
            let Some(cell) = cell else {
                self.line.extend_from_slice(&self.writing.null);
                continue;
            };
            self.value.clear();
            match cell {
                Cell::Text(text) => {
                    csv::write(text, &self.writing.null, delimiter, &mut self.line)?;
                    continue;
                }
                Cell::Tags(tags) => csv::join_tags(tags, self.writing.separator, &mut self.value),
                Cell::Name(name) => self.value.extend_from_slice(name.as_bytes()),
                other => write_plain(other, self.writing.times, &mut self.value),
            }
            csv::write(&self.value, &self.writing.null, delimiter, &mut self.line)?;
        }
        Ok(())
    }

    fn object(&mut self, cells: &[Option<Cell<'_>>]) {
        for (at, (cell, name)) in cells.iter().zip(&self.names).enumerate() {
            self.line.push(if at > 0 { b',' } else { b'{' });
            json::write_text(name, &mut self.line);
            self.line.push(b':');
            match cell {
                None => self.line.extend_from_slice(b"null"),
                Some(Cell::Text(text)) => json::write_bytes(text, &mut self.line),
                Some(Cell::Name(name)) => json::write_text(name, &mut self.line),
                Some(Cell::Tags(tags)) => {
                    self.line.push(b'[');
                    for (at, tag) in tags.iter().enumerate() {
                        if at > 0 {
                            self.line.push(b',');
                        }
                        json::write_bytes(tag, &mut self.line);
                    }
                    self.line.push(b']');
                }
                Some(cell) => {
                    self.value.clear();
                    write_plain(cell, self.writing.times, &mut self.value);
                    let text = matches!(cell, Cell::Uuid(_)) || self.value.contains(&b':');
                    let quote: &[u8] = if text { b"\"" } else { b"" };
                    for part in [quote, &self.value, quote] {
                        self.line.extend_from_slice(part);
                    }
                }
            }
        }
        self.line.push(b'}');
    }
}

/// Writes a value whose text has nothing in it that asks for quotes.
pub fn write_plain(cell: &Cell<'_>, times: Times, out: &mut Vec<u8>) {
    match cell {
        Cell::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Float(number) => out.extend_from_slice(float_text(*number).as_bytes()),
        Cell::Boolean(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Cell::DateTime(ms) => out.extend_from_slice(time_text(*ms, times).as_bytes()),
        Cell::Uuid(bytes) => out.extend_from_slice(&uuid::text(bytes)),
        Cell::Text(_) | Cell::Name(_) | Cell::Tags(_) => {}
    }
}

/// A time as text. One that RFC 3339 has no year for, or that lies in the last hours of the year 9999, is written in
/// milliseconds.
pub fn time_text(ms: i64, times: Times) -> String {
    match times {
        Times::Ms => ms.to_string(),
        Times::S => {
            let sign = if ms < 0 { "-" } else { "" };
            let (whole, part) = (ms.unsigned_abs() / 1_000, ms.unsigned_abs() % 1_000);
            let text = format!("{sign}{whole}.{part:03}");
            text.trim_end_matches('0').trim_end_matches('.').into()
        }
        Times::Ns => match ms {
            0 => "0".into(),
            ms => format!("{ms}000000"),
        },
        Times::Rfc3339 => match jiff::Timestamp::from_millisecond(ms) {
            Ok(time) => {
                let text = time.to_string();
                match text.starts_with('-') {
                    true => ms.to_string(),
                    false => text,
                }
            }
            Err(_) => ms.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yarr::value::datetime;

    use super::*;

    #[test]
    fn times_are_written_short() {
        for (ms, expected) in [
            (1_357_034_400_000, "2013-01-01T10:00:00Z"),
            (1_357_034_400_500, "2013-01-01T10:00:00.5Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_200_000_000, "9999-12-30T20:00:00Z"),
            (253_402_300_800_000, "253402300800000"),
            (-62_167_219_200_001, "-62167219200001"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(time_text(ms, Times::Rfc3339), expected);
        }
        assert_eq!(time_text(-1_500, Times::S), "-1.5");
        assert_eq!(time_text(-5, Times::S), "-0.005");
        assert_eq!(time_text(0, Times::S), "0");
        assert_eq!(time_text(2_000_000, Times::S), "2000");
    }

    proptest! {
        #[test]
        fn times_are_read_back(ms in prop_oneof![any::<i64>(), -99_999_999_999_999..300_000_000_000_000_i64]) {
            let text = time_text(ms, Times::Rfc3339);
            prop_assert_eq!(datetime::parse(text.as_bytes(), 0), Some(ms));
        }
    }
}
