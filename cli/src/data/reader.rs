//! Records of a file one after another, whatever its format.

use clap::ValueEnum;

use super::{
    csv::{self, Parsed},
    json::{self, Columns},
    row::{Fault, Row},
    source::{Mark, Source, Window},
};
use crate::{Error, Result};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Fields between commas, a header line first.
    Csv,
    /// Fields between tabs, a header line first.
    Tsv,
    /// A JSON object a line.
    Jsonl,
}

impl Format {
    /// What stands between fields.
    pub fn delimiter(self) -> u8 {
        match self {
            Format::Tsv => b'\t',
            Format::Csv | Format::Jsonl => b',',
        }
    }
}

/// What comes next in a file.
#[derive(Debug)]
pub enum Next {
    /// A row, in the place that was given for it.
    Row,
    /// A record that is no row.
    Fault(Fault),
    /// Nothing.
    End,
}

/// The records of a file.
pub struct Reader {
    window: Window,
    format: Format,
    columns: Columns,
    /// How many fields a row of CSV has.
    width: usize,
    /// The length of the record that came last.
    last: usize,
    /// What a line begins with that is passed over.
    comment: Option<String>,
}

/// How a file is laid out.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Its format.
    pub format: Format,
    /// Its columns, where no header line names them.
    pub columns: Option<Vec<String>>,
    /// What a line begins with that is passed over.
    pub comment: Option<String>,
}

impl Reader {
    /// Begins a file: reads the header of CSV, unless the columns are given.
    ///
    /// # Errors
    /// Where there is no header, or it names a column twice.
    pub fn new(source: Source, layout: &Layout) -> Result<Reader> {
        let format = layout.format;
        let given = layout.columns.as_deref();
        let mut reader = Reader {
            window: Window::new(source),
            format,
            columns: Columns::default(),
            width: 0,
            last: 0,
            comment: layout.comment.clone(),
        };
        reader.window.widen()?;
        // A byte order mark is no part of the first column.
        if reader.window.view().starts_with(b"\xef\xbb\xbf") {
            reader.window.take(3);
        }
        match (format, given) {
            (Format::Jsonl, Some(_)) => Err(Error::usage(
                "--columns is for CSV and TSV: each line of JSONL names its fields itself",
            )),
            (Format::Jsonl, None) => Ok(reader),
            (_, Some(names)) => reader.head(names),
            (_, None) => {
                let mut row = Row::default();
                // The width of the header is not known before it is read.
                reader.width = usize::MAX;
                let names: Vec<String> = match reader.next_csv(&mut row)? {
                    Next::Row => row
                        .cells
                        .iter()
                        .map(|cell| String::from_utf8_lossy(row.text_of(cell)).into_owned())
                        .collect(),
                    Next::Fault(fault) => {
                        return Err(Error::usage(format!("{} {fault}", reader.window.name())));
                    }
                    Next::End => {
                        return Err(Error::usage(format!(
                            "{}: expected a header line, found nothing; name the columns with --columns where there is none",
                            reader.window.name()
                        )));
                    }
                };
                reader.head(&names)
            }
        }
    }

    fn head(mut self, names: &[String]) -> Result<Reader> {
        for name in names {
            let known = self.columns.names().len();
            if self.columns.number(name) < known {
                return Err(Error::usage(format!(
                    "{}: expected each column once, found '{name}' twice",
                    self.window.name()
                )));
            }
        }
        self.width = names.len();
        Ok(self)
    }

    /// What the user called the file.
    pub fn name(&self) -> &str {
        self.window.name()
    }

    /// The columns that have been met.
    pub fn columns(&self) -> &[String] {
        self.columns.names()
    }

    /// How far the file has been taken, the last record included.
    pub fn mark(&self) -> Mark {
        self.window.mark()
    }

    /// The bytes of the record that came last.
    pub fn raw(&self) -> &[u8] {
        self.window.taken(self.last)
    }

    /// Goes on behind what was taken before.
    ///
    /// # Errors
    /// Where it is another file.
    pub fn go_to(&mut self, mark: Mark) -> Result<()> {
        self.window.take_to(mark)
    }

    /// The next record.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next(&mut self, row: &mut Row) -> Result<Next> {
        match self.format {
            Format::Jsonl => self.next_json(row),
            Format::Csv | Format::Tsv => self.next_csv(row),
        }
    }

    fn next_csv(&mut self, row: &mut Row) -> Result<Next> {
        loop {
            let view = self.window.view();
            if view.is_empty() && self.window.ended() {
                return Ok(Next::End);
            }
            if self.pass_comment()? {
                continue;
            }
            let view = self.window.view();
            let line = self.window.line();
            let parsed = match view.is_empty() {
                true => Parsed::Short,
                false => csv::parse(view, self.window.ended(), self.format.delimiter(), row),
            };
            let (length, fault) = match parsed {
                Parsed::Short => {
                    self.window.widen()?;
                    continue;
                }
                Parsed::Row(length) => (length, None),
                Parsed::Fault(length, column, reason) => (length, Some((Some(column), reason))),
            };
            let blank = matches!(view.get(..length), Some(b"\n" | b"\r\n"));
            self.window.take(length);
            self.last = length;
            if blank && self.width != 1 {
                continue;
            }
            row.line = line;
            let found = row.cells.len();
            let fault = fault.or_else(|| {
                let fits = found == self.width || self.width == usize::MAX;
                let reason = format!("expected {} fields, found {found}", self.width);
                (!fits).then_some((None, reason))
            });
            return Ok(match fault {
                None => Next::Row,
                Some((column, reason)) => {
                    let name = |column: usize| match self.columns().get(column) {
                        Some(name) => name.clone(),
                        None => (column + 1).to_string(),
                    };
                    let column = column.map(name);
                    Next::Fault(Fault {
                        line,
                        column,
                        reason,
                    })
                }
            });
        }
    }

    /// Passes over a line, or a part of it, that is a comment.
    fn pass_comment(&mut self) -> Result<bool> {
        let Some(comment) = self.comment.as_deref() else {
            return Ok(false);
        };
        while self.window.view().len() < comment.len() && !self.window.ended() {
            self.window.widen()?;
        }
        if !self.window.view().starts_with(comment.as_bytes()) {
            return Ok(false);
        }
        loop {
            match memchr::memchr(b'\n', self.window.view()) {
                Some(end) => self.window.take(end + 1),
                None if self.window.ended() => self.window.take(self.window.view().len()),
                None => {
                    self.window.widen()?;
                    continue;
                }
            }
            return Ok(true);
        }
    }

    fn next_json(&mut self, row: &mut Row) -> Result<Next> {
        loop {
            if self.pass_comment()? {
                continue;
            }
            let view = self.window.view();
            let length = match memchr::memchr(b'\n', view) {
                Some(end) => end + 1,
                None if !self.window.ended() => {
                    self.window.widen()?;
                    continue;
                }
                None if view.is_empty() => return Ok(Next::End),
                None => view.len(),
            };
            let line = self.window.line();
            let text = view.get(..length).unwrap_or_default().trim_ascii();
            if text.is_empty() {
                self.window.take(length);
                continue;
            }
            let parsed = json::parse(text, &mut self.columns, row);
            row.line = line;
            self.window.take(length);
            self.last = length;
            return Ok(match parsed {
                Ok(()) => Next::Row,
                Err((column, reason)) => Next::Fault(Fault {
                    line,
                    column,
                    reason,
                }),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(format: Format, text: &str, given: Option<&[String]>) -> Result<Reader> {
        let bytes = std::io::Cursor::new(text.as_bytes().to_vec());
        let layout = Layout {
            format,
            columns: given.map(<[String]>::to_vec),
            comment: Some("#".into()),
        };
        Reader::new(Source::over("test", bytes, None)?, &layout)
    }

    fn all(mut reader: Reader) -> Vec<String> {
        let mut row = Row::default();
        let mut found = Vec::new();
        loop {
            match reader.next(&mut row).unwrap() {
                Next::End => return found,
                Next::Fault(fault) => found.push(fault.to_string()),
                Next::Row => {
                    let texts = row.cells.iter().map(|cell| {
                        let text = String::from_utf8_lossy(row.text_of(cell));
                        format!("{}={text}", reader.columns()[cell.column])
                    });
                    found.push(format!(
                        "{}: {}",
                        row.line,
                        texts.collect::<Vec<_>>().join(" ")
                    ));
                }
            }
        }
    }

    #[test]
    fn rows_know_their_lines_and_columns() {
        let text = "\u{feff}a,b\n1,\"x\ny\"\n\n2\n3,4,5\n6,\"7\"8\n9,10";
        let rows = all(reader(Format::Csv, text, None).unwrap());
        assert_eq!(
            rows,
            [
                "2: a=1 b=x\ny",
                "line 5: expected 2 fields, found 1",
                "line 6: expected 2 fields, found 3",
                "line 7, column 'b': expected ',' or the end of the line behind the closing quote, found '8'",
                "8: a=9 b=10",
            ]
        );
    }

    #[test]
    fn a_blank_line_is_a_row_where_there_is_one_column() {
        let rows = all(reader(Format::Tsv, "#x\na\n1\n\n#y\n2\n#", None).unwrap());
        assert_eq!(rows, ["3: a=1", "4: a=", "6: a=2"]);
    }

    #[test]
    fn columns_may_be_given_and_none_stands_twice() {
        let given = ["a".to_string(), "b".to_string()];
        let rows = all(reader(Format::Csv, "1,2\n", Some(&given)).unwrap());
        assert_eq!(rows, ["1: a=1 b=2"]);
        let refused = |text| reader(Format::Csv, text, None).err().unwrap().to_string();
        assert!(refused("a,b,a\n").contains("found 'a' twice"));
        assert!(refused("a,a\n").contains("found 'a' twice"));
        assert!(refused("").contains("found nothing"));
    }

    #[test]
    fn lines_of_json_are_rows() {
        let rows = all(reader(
            Format::Jsonl,
            "{\"a\":1}\n\n  {\"b\":2,\"a\":3}\r\n{\n{\"b\":4}",
            None,
        )
        .unwrap());
        assert_eq!(rows[0], "1: a=1");
        assert_eq!(rows[1], "3: b=2 a=3");
        assert!(
            rows[2].starts_with("line 4: expected a JSON object"),
            "{}",
            rows[2]
        );
        assert_eq!(rows[3], "5: b=4");
    }
}
