//! CSV as RFC 4180 has it, without a head: `_change`, `_kind`, then the columns of the table.
//!
//! Null is a word without quotes. Whatever could be read as something else stands in quotes, an empty text too.

use std::{io::Write, mem};

use super::{Row, Rules, clash, value};
use crate::{
    error::{Error, Result},
    table::Table,
};

/// Puts a row behind others.
pub fn write(row: &Row<'_>, table: &Table, rules: &Rules, out: &mut Vec<u8>) -> Result<()> {
    // A Vec takes everything.
    let _ = write!(out, "{},{}", row.number, row.change.letter());
    for (at, column) in table.columns.iter().enumerate() {
        out.push(b',');
        let Some(cell) = row.cells.get(at).and_then(Option::as_ref) else {
            out.extend_from_slice(rules.null.as_bytes());
            continue;
        };
        let from = out.len();
        value::write(cell, column.form, rules.replacement, out)
            .map_err(|error| error.at(format_args!("column '{}'", column.name)))?;
        quote(from, rules, out)?;
    }
    out.push(b'\n');
    Ok(())
}

/// Puts the value that begins there into quotes, where it needs them.
fn quote(from: usize, rules: &Rules, out: &mut Vec<u8>) -> Result<()> {
    let value = out.get(from..).unwrap_or_default();
    if value == rules.null.as_bytes() {
        return Err(clash());
    }
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let spaced = value.first() == Some(&b' ') || value.last() == Some(&b' ');
    if !value.is_empty() && !spaced && !value.iter().any(special) {
        return Ok(());
    }
    let value = out.split_off(from);
    out.push(b'"');
    for byte in value {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
    Ok(())
}

/// Reads what [`write`] has written, a record at a time, from bytes that come in chunks.
#[derive(Default)]
pub struct Records {
    pending: Vec<u8>,
    at: usize,
}

impl Records {
    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let rest = self.pending.split_off(self.at);
        self.pending = rest;
        self.at = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next record, its values as text and null as `None`; nothing where its end has not come yet.
    ///
    /// # Errors
    /// Where it is no UTF-8.
    pub fn next(&mut self, null: &str) -> Result<Option<Vec<Option<String>>>> {
        let rest = self.pending.get(self.at..).unwrap_or_default();
        let mut values = Vec::new();
        let mut value = Vec::new();
        let (mut quoted, mut was_quoted) = (false, false);
        for (at, &byte) in rest.iter().enumerate() {
            match byte {
                b'"' => {
                    // The second of two quotes: it is the value's own.
                    if !quoted && was_quoted && rest.get(at.wrapping_sub(1)) == Some(&b'"') {
                        value.push(b'"');
                    }
                    quoted = !quoted;
                    was_quoted = true;
                }
                b',' | b'\n' if !quoted => {
                    let text = String::from_utf8(mem::take(&mut value))
                        .map_err(|_| Error::refused("a part is no UTF-8"))?;
                    let is_null = !was_quoted && text == null;
                    values.push((!is_null).then_some(text));
                    was_quoted = false;
                    if byte == b'\n' {
                        self.at += at + 1;
                        return Ok(Some(values));
                    }
                }
                byte => value.push(byte),
            }
        }
        Ok(None)
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.at == self.pending.len()
    }
}
