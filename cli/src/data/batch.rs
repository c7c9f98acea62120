//! Rows on their way to the server: encoded once, in runs that one command can take, and told apart again where the
//! server refuses one of them.

use super::{
    columns::{Mapping, Target},
    convert::{Given, Reading, convert},
    row::{Fault, Row},
    schema::{EXPIRES_AT, Table},
    source::Mark,
};

/// How large a batch may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Records.
    pub rows: usize,
    /// Tokens of values.
    pub tokens: usize,
    /// Bytes of values.
    pub bytes: usize,
}

/// What a command says of the expiry of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing: the table's time to live.
    Unsaid,
    /// They do not expire.
    Never,
    /// They expire at this time, in milliseconds.
    At(i64),
}

/// A record that is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Its bytes in the file.
    pub raw: Vec<u8>,
    /// Why.
    pub fault: Fault,
}

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Where its tokens end.
    pub end: usize,
    /// How many tokens it has.
    pub tokens: usize,
    /// Where its bytes of the file end.
    pub raw_end: usize,
    /// The line it begins in.
    pub line: u64,
    /// How far the file is taken with it.
    pub mark: Mark,
}

/// Rows for one command.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What was found to be no row before the first of them.
    pub rejects: Vec<Reject>,
    /// How far the file is taken with these.
    pub rejected_to: Mark,
    /// The numbers of the fields that the rows give.
    pub fields: Vec<usize>,
    /// The token that stands for null.
    pub null: Vec<u8>,
    /// Their expiry.
    pub expiry: Expiry,
    /// The tokens as the protocol has them.
    pub tokens: Vec<u8>,
    /// The bytes of the file, where they may be asked for.
    pub raw: Vec<u8>,
    /// Where each row ends in these.
    pub entries: Vec<Entry>,
}

impl Batch {
    fn new() -> Batch {
        Batch {
            rejects: Vec::new(),
            rejected_to: Mark::default(),
            fields: Vec::new(),
            null: NULL.to_vec(),
            expiry: Expiry::Unsaid,
            tokens: Vec::new(),
            raw: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// The tokens of some of the rows, and how many there are.
    pub fn values(&self, from: usize, to: usize) -> (&[u8], usize) {
        let entries = self.entries.get(from..to).unwrap_or_default();
        let tokens = entries.iter().map(|entry| entry.tokens).sum();
        (
            self.slice(&self.tokens, from, to, |entry| entry.end),
            tokens,
        )
    }

    /// A row's bytes in the file.
    pub fn raw(&self, row: usize) -> &[u8] {
        self.slice(&self.raw, row, row + 1, |entry| entry.raw_end)
    }

    fn slice<'a>(
        &self,
        bytes: &'a [u8],
        from: usize,
        to: usize,
        end: impl Fn(&Entry) -> usize,
    ) -> &'a [u8] {
        let end_of = |row: usize| match row.checked_sub(1) {
            Some(last) => self.entries.get(last).map_or(bytes.len(), &end),
            None => 0,
        };
        bytes.get(end_of(from)..end_of(to)).unwrap_or_default()
    }
}

/// What stands for null, unless a value is the same.
const NULL: &[u8] = b"\0";

/// What a field is that a row does not have, and that has no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Left alone, where a record is changed.
    Never,
    /// Null, where other rows have it.
    Met,
    /// Null.
    Always,
}

/// Makes batches of rows.
pub struct Batcher {
    table: Table,
    mapping: Mapping,
    reading: Reading,
    limits: Limits,
    /// Whether the bytes of the file are kept.
    keep: bool,
    /// Where expiry is said for every record, with or without one.
    says_expiry: bool,
    fill: Fill,
    expires_at: Option<usize>,
    batch: Batch,
    /// The cell of each field in the row at hand.
    cells: Vec<Option<usize>>,
    fields: Vec<usize>,
    tokens: Vec<u8>,
    expired: u64,
}

impl Batcher {
    /// Of rows for this table.
    pub fn new(table: Table, mapping: Mapping, reading: Reading, limits: Limits) -> Batcher {
        Batcher {
            cells: vec![None; table.fields.len()],
            expires_at: table.position(EXPIRES_AT),
            says_expiry: mapping.has_expiry(&table),
            table,
            mapping,
            reading,
            limits,
            keep: false,
            fill: Fill::Met,
            batch: Batch::new(),
            fields: Vec::new(),
            tokens: Vec::new(),
            expired: 0,
        }
    }

    /// Keeps the rows' bytes of the file.
    pub fn keep_raw(mut self) -> Batcher {
        self.keep = true;
        self
    }

    /// Says what a field is that a row does not have.
    pub fn fill(mut self, fill: Fill) -> Batcher {
        self.fill = fill;
        self
    }

    /// Says of every record whether it expires: one without a time does not.
    pub fn say_expiry(mut self) -> Batcher {
        self.says_expiry = true;
        self
    }

    /// How many of the rows had expired before they were read.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// Adds a row of the file, and answers the batch that it does not go into.
    ///
    /// # Errors
    /// Why it is no record of the table; nothing is added then.
    pub fn push(
        &mut self,
        row: &Row,
        columns: &[String],
        raw: &[u8],
        mark: Mark,
    ) -> Result<Option<Batch>, Fault> {
        self.place(row, columns)?;
        let mut null = NULL.to_vec();
        let (tokens, expiry) = loop {
            match self.encode(row, columns, &null)? {
                Encoded::Row(tokens, expiry) => break (tokens, expiry),
                Encoded::Clash => null.push(0),
            }
        };
        if tokens > self.limits.tokens {
            return Err(Fault {
                line: row.line,
                column: None,
                reason: format!(
                    "expected at most {} values in a record (each tag is one), found {tokens}: import with --no-position",
                    self.limits.tokens
                ),
            });
        }
        let batch = &self.batch;
        let before = !batch.entries.is_empty();
        let full = batch.entries.len() >= self.limits.rows
            || batch.tokens.len() + self.tokens.len() > self.limits.bytes
            || self.batch_tokens() + tokens > self.limits.tokens;
        let other =
            before && (batch.fields != self.fields || batch.expiry != expiry || batch.null != null);
        let done = (before && (full || other)).then(|| self.finish());
        let batch = &mut self.batch;
        if batch.entries.is_empty() {
            batch.fields.clone_from(&self.fields);
            batch.expiry = expiry;
            batch.null = null;
        }
        batch.tokens.extend_from_slice(&self.tokens);
        if self.keep {
            batch.raw.extend_from_slice(raw);
        }
        batch.entries.push(Entry {
            end: batch.tokens.len(),
            tokens,
            raw_end: batch.raw.len(),
            line: row.line,
            mark,
        });
        Ok(done)
    }

    /// Adds a record that is not imported, and answers the batch of the rows before it.
    pub fn reject(&mut self, reject: Reject, mark: Mark) -> Option<Batch> {
        let done = (!self.batch.entries.is_empty()).then(|| self.finish());
        self.batch.rejects.push(reject);
        self.batch.rejected_to = mark;
        done
    }

    /// The batch of what is left.
    pub fn finish(&mut self) -> Batch {
        std::mem::replace(&mut self.batch, Batch::new())
    }

    /// Whether a field is null that a row does not have.
    fn fills(&self, field: usize) -> bool {
        match self.fill {
            Fill::Never => false,
            Fill::Met => self.mapping.is_met(field),
            Fill::Always => Some(field) != self.expires_at,
        }
    }

    fn batch_tokens(&self) -> usize {
        self.batch.entries.iter().map(|entry| entry.tokens).sum()
    }

    /// Finds the cell of each field.
    fn place(&mut self, row: &Row, columns: &[String]) -> Result<(), Fault> {
        self.mapping.meet(columns, &self.table);
        self.cells.fill(None);
        for (number, cell) in row.cells.iter().enumerate() {
            let fault = |reason: String| Fault {
                line: row.line,
                column: columns.get(cell.column).cloned(),
                reason,
            };
            match self.mapping.target(cell.column) {
                Target::Skip => {}
                Target::Unknown => {
                    let reason = format!("expected one of {}, or --skip", self.table.names());
                    return Err(fault(reason));
                }
                Target::Field(field) => {
                    let place = self.cells.get_mut(field);
                    if place.is_some_and(|place| place.replace(number).is_some()) {
                        return Err(fault("a second value for the same field".into()));
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the row's tokens; how many there are, and the row's expiry.
    fn encode(&mut self, row: &Row, columns: &[String], null: &[u8]) -> Result<Encoded, Fault> {
        self.tokens.clear();
        self.fields.clear();
        let mut count = 0;
        let mut expiry = match self.says_expiry {
            true => Expiry::Never,
            false => Expiry::Unsaid,
        };
        for (number, field) in self.table.fields.iter().enumerate() {
            let cell = self.cells.get(number).copied().flatten();
            let cell = cell.and_then(|cell| row.cells.get(cell));
            let given = match cell {
                None if field.not_null && !field.filled => {
                    return Err(Fault {
                        line: row.line,
                        column: Some(field.name.clone()),
                        reason: "expected a value (the field is NOT NULL), found none".into(),
                    });
                }
                None if !field.filled && self.fills(number) => Given::Null,
                None => continue,
                Some(cell) => {
                    let fault = |reason| Fault {
                        line: row.line,
                        column: columns.get(cell.column).cloned(),
                        reason,
                    };
                    convert(field, row, cell, &self.reading).map_err(fault)?
                }
            };
            if Some(number) == self.expires_at {
                expiry = expires(&given, &self.reading);
                if matches!(expiry, Expiry::At(at) if at <= self.reading.now) {
                    self.expired += 1;
                }
                continue;
            }
            match given {
                // No value where the server has one of its own: it is left to the server.
                Given::Null if number == 0 || is_time(&field.name) => continue,
                Given::Null => bulk(null, &mut self.tokens),
                Given::One(text) if text == null => return Ok(Encoded::Clash),
                Given::One(text) => bulk(text, &mut self.tokens),
                Given::Time(ms) => bulk(ms.to_string().as_bytes(), &mut self.tokens),
                Given::Tags(tags) => {
                    bulk(tags.len().to_string().as_bytes(), &mut self.tokens);
                    tags.iter().for_each(|tag| bulk(tag, &mut self.tokens));
                    count += tags.len();
                }
            }
            self.fields.push(number);
            count += 1;
        }
        if self.fields.is_empty() {
            return Err(Fault {
                line: row.line,
                column: None,
                reason: "expected a value for at least one field, found none".into(),
            });
        }
        Ok(Encoded::Row(count, expiry))
    }
}

enum Encoded {
    Row(usize, Expiry),
    /// A value is the token for null.
    Clash,
}

fn is_time(name: &str) -> bool {
    super::schema::TIMES.contains(&name)
}

fn expires(given: &Given<'_>, reading: &Reading) -> Expiry {
    match given {
        Given::Time(ms) => Expiry::At(*ms),
        Given::One(text) => match yarr::value::datetime::parse(text, reading.now) {
            Some(ms) => Expiry::At(ms),
            None => Expiry::Never,
        },
        _ => Expiry::Never,
    }
}

/// Writes a token as the protocol has it.
pub fn bulk(token: &[u8], out: &mut Vec<u8>) {
    head(b'$', token.len(), out);
    out.extend_from_slice(token);
    out.extend_from_slice(b"\r\n");
}

/// Writes the head of a token or of a command.
pub fn head(sort: u8, length: usize, out: &mut Vec<u8>) {
    out.push(sort);
    match u8::try_from(length) {
        // Most tokens are short.
        Ok(digit @ 0..=9) => out.push(b'0' + digit),
        _ => out.extend_from_slice(length.to_string().as_bytes()),
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::{super::columns::Wishes, super::convert::Times, *};

    fn batcher(columns: &[&str], limits: Limits) -> (Batcher, Vec<String>) {
        let operations = [
            "ADD FIELD a INTEGER",
            "ADD FIELD b STRING",
            "ADD FIELD g TAGS",
        ];
        let table = Table::parse("t", &operations.map(String::from)).unwrap();
        let mut mapping = Mapping::new(Wishes::default(), &table).unwrap();
        let columns: Vec<String> = columns.iter().map(|column| column.to_string()).collect();
        mapping.meet(&columns, &table);
        let reading = Reading {
            nulls: vec![Vec::new()],
            times: Times::Rfc3339,
            separator: b'|',
            now: 0,
        };
        (
            Batcher::new(table, mapping, reading, limits).keep_raw(),
            columns,
        )
    }

    const WIDE: Limits = Limits {
        rows: 100,
        tokens: 100,
        bytes: 1 << 20,
    };

    fn row(texts: &[&str]) -> Row {
        let mut row = Row::default();
        for (column, text) in texts.iter().enumerate() {
            row.push(column, super::super::row::Shape::Bare, text.as_bytes());
        }
        row
    }

    #[test]
    fn rows_of_one_kind_share_a_batch() {
        let (mut batcher, columns) = batcher(&["id", "b", "g"], WIDE);
        let mut push = |texts: &[&str]| {
            let raw = texts.join(",");
            batcher
                .push(&row(texts), &columns, raw.as_bytes(), Mark::default())
                .unwrap()
        };
        assert!(push(&["", "x", "p|q"]).is_none());
        assert!(push(&["", "", ""]).is_none());
        // With an id the fields are others.
        let batch = push(&["5", "z", ""]).unwrap();
        assert_eq!(batch.entries.len(), 2);
        assert_eq!(batch.fields, [2, 3]);
        let (tokens, count) = batch.values(0, 2);
        assert_eq!(
            tokens,
            b"$1\r\nx\r\n$1\r\n2\r\n$1\r\np\r\n$1\r\nq\r\n$1\r\n\0\r\n$1\r\n\0\r\n"
        );
        assert_eq!(count, 6);
        assert_eq!(batch.values(1, 2).1, 2);
        assert_eq!(batch.raw(1), b",,");
        // What is the null of the others has one of its own.
        let batch = push(&["6", "\0", ""]).unwrap();
        assert_eq!(batch.fields, [0, 2, 3]);
        let batch = batcher.finish();
        assert_eq!(batch.null, b"\0\0");
    }

    #[test]
    fn a_batch_has_an_end() {
        for limits in [
            Limits { rows: 2, ..WIDE },
            Limits { tokens: 2, ..WIDE },
            Limits { bytes: 16, ..WIDE },
        ] {
            let (mut batcher, columns) = batcher(&["a"], limits);
            for n in 0..2 {
                let push = batcher.push(&row(&["7"]), &columns, b"", Mark::default());
                assert!(push.unwrap().is_none(), "{n} {limits:?}");
            }
            let third = batcher
                .push(&row(&["7"]), &columns, b"", Mark::default())
                .unwrap();
            assert_eq!(third.unwrap().entries.len(), 2, "{limits:?}");
        }
    }

    #[test]
    fn a_row_that_does_not_fit_names_its_column() {
        let (mut batcher, columns) = batcher(&["a", "b"], WIDE);
        let fault = batcher
            .push(&row(&["x", ""]), &columns, b"", Mark::default())
            .unwrap_err();
        assert_eq!(fault.column.as_deref(), Some("a"));
        assert!(batcher.finish().entries.is_empty());
    }
}
