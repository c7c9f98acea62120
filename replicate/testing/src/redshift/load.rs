//! The rows of a COPY: read from the bucket, held against the columns, and turned into what PostgreSQL copies.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use super::copy::Copy;
use crate::s3;

/// A column of the table.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub kind: String,
    /// The most bytes of a text.
    pub length: Option<usize>,
}

/// Why a row is not loaded, as SYS_LOAD_ERROR_DETAIL tells it.
#[derive(Debug, Clone, Default)]
pub struct LoadError {
    pub file: String,
    pub line: u64,
    pub column: String,
    pub kind: String,
    pub code: u32,
    pub reason: String,
}

/// The rows of the files of a COPY.
pub struct Rows<'a> {
    copy: &'a Copy,
    columns: &'a [Column],
    folder: &'a std::path::Path,
    files: std::vec::IntoIter<String>,
    open: Option<(String, csv::Reader<Box<dyn Read>>)>,
    record: ByteRecord,
    /// How many rows came of each file.
    counts: Vec<(String, u64)>,
}

impl<'a> Rows<'a> {
    pub fn new(
        copy: &'a Copy,
        columns: &'a [Column],
        folder: &'a std::path::Path,
        files: Vec<String>,
    ) -> Rows<'a> {
        Rows {
            copy,
            columns,
            folder,
            files: files.into_iter(),
            open: None,
            record: ByteRecord::new(),
            counts: Vec::new(),
        }
    }

    /// How many rows there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// The file and the line in it of a row, by its number from 1.
    pub fn place(&self, mut number: u64) -> (String, u64) {
        for (file, count) in &self.counts {
            if number <= *count {
                return (file.clone(), number + self.copy.headers as u64);
            }
            number -= count;
        }
        (String::new(), number)
    }

    /// Puts the next row behind others, in PostgreSQL's text format; `false` after the last.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, LoadError> {
        loop {
            let Some((file, reader)) = &mut self.open else {
                let Some(file) = self.files.next() else {
                    return Ok(false);
                };
                self.open = Some((file.clone(), self.reader(&file)?));
                self.counts.push((file, 0));
                continue;
            };
            let line = reader.position().line();
            let read = reader.read_byte_record(&mut self.record);
            let more = read.map_err(|error| LoadError {
                file: file.clone(),
                line,
                code: 1214,
                reason: format!("Delimiter not found or broken file: {error}"),
                ..LoadError::default()
            })?;
            if more {
                let file = file.clone();
                if let Some((_, count)) = self.counts.last_mut() {
                    *count += 1;
                }
                self.row(out).map_err(|error| LoadError {
                    file,
                    line,
                    ..error
                })?;
                return Ok(true);
            }
            self.open = None;
        }
    }

    fn reader(&self, key: &str) -> Result<csv::Reader<Box<dyn Read>>, LoadError> {
        let missing = |error: std::io::Error| LoadError {
            file: key.into(),
            code: 8001,
            reason: format!("The specified key does not exist ({error})"),
            ..LoadError::default()
        };
        let file = s3::file(self.folder, key).map_err(missing)?;
        let file: Box<dyn Read> = match self.copy.gzip {
            true => Box::new(MultiGzDecoder::new(file)),
            false => Box::new(file),
        };
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(file);
        for _ in 0..self.copy.headers {
            let _ = reader.read_byte_record(&mut ByteRecord::new());
        }
        Ok(reader)
    }

    fn row(&self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        let found = self.record.len();
        if found != self.columns.len() {
            let more = found > self.columns.len();
            return Err(LoadError {
                code: if more { 1202 } else { 1203 },
                reason: if more {
                    "Extra column(s) found"
                } else {
                    "Delimiter not found"
                }
                .into(),
                ..LoadError::default()
            });
        }
        for (at, (column, value)) in self.columns.iter().zip(&self.record).enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            self.value(column, value, out)
                .map_err(|(code, reason)| LoadError {
                    column: column.name.clone(),
                    kind: column.kind.clone(),
                    code,
                    reason,
                    ..LoadError::default()
                })?;
        }
        out.push(b'\n');
        Ok(())
    }

    fn value(&self, column: &Column, value: &[u8], out: &mut Vec<u8>) -> Result<(), (u32, String)> {
        let text = column.kind.starts_with("character");
        // Whether in quotes or not: a value that looks like null is null.
        if value == self.copy.null.as_bytes()
            || value.is_empty() && (!text || self.copy.empty_as_null)
        {
            out.extend_from_slice(b"\\N");
            return Ok(());
        }
        if value.contains(&0) {
            return Err((1213, "Invalid null byte - field longer than 1 byte".into()));
        }
        let mut value = match (std::str::from_utf8(value), self.copy.replacement) {
            (Ok(value), _) => value.to_string(),
            (Err(_), Some(sign)) if text => replaced(value, sign),
            (Err(error), _) => {
                let bad = value.get(error.valid_up_to()..).unwrap_or_default();
                let bad: Vec<String> = bad
                    .iter()
                    .take(4)
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                let reason = "String contains invalid or unsupported UTF8 codepoints.";
                return Err((
                    1220,
                    format!(
                        "{reason} Bad UTF8 hex sequence: {} (error 3)",
                        bad.join(" ")
                    ),
                ));
            }
        };
        if let Some(length) = column.length.filter(|length| value.len() > *length) {
            if !self.copy.truncate {
                return Err((1204, "String length exceeds DDL length".into()));
            }
            let end = (0..=length).rev().find(|end| value.is_char_boundary(*end));
            value.truncate(end.unwrap_or(0));
        }
        if column.kind.starts_with("timestamp")
            && !self.copy.free_times
            && value.contains(['T', 'Z'])
        {
            return Err((
                1206,
                "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]".into(),
            ));
        }
        if column.kind == "bytea" {
            out.extend_from_slice(b"\\\\x");
        }
        for byte in value.bytes() {
            match byte {
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                byte => out.push(byte),
            }
        }
        Ok(())
    }
}

/// A text with a sign in place of each byte that is none.
fn replaced(bytes: &[u8], sign: u8) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::from(sign)));
    }
    text
}
