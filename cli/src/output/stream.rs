//! Rows that are written as they come.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{Cell, HEAD, Output, cell, painted};
use crate::error::Result;

/// A column: its name, how wide its cells are, and whether these stand to the right.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    name: &'static str,
    width: usize,
    right: bool,
}

impl Column {
    /// A column of texts.
    pub fn text(name: &'static str, width: usize) -> Column {
        Column {
            name,
            width: width.max(name.width()),
            right: false,
        }
    }

    /// A column of numbers.
    pub fn number(name: &'static str, width: usize) -> Column {
        Column {
            right: true,
            ..Column::text(name, width)
        }
    }
}

/// Rows that are written as they come, the names of the columns before the first.
#[derive(Debug)]
pub struct Stream<'o> {
    output: &'o Output,
    columns: Vec<Column>,
    begun: bool,
}

impl<'o> Stream<'o> {
    pub(super) fn new(output: &'o Output, columns: &[Column]) -> Stream<'o> {
        Stream {
            output,
            columns: columns.to_vec(),
            begun: false,
        }
    }

    /// Writes a row; in JSON mode a document.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn row(&mut self, cells: &[Cell]) -> Result<()> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        let text = match self.output.json {
            true => cell::documents(&names, std::slice::from_ref(&cells.to_vec())),
            false => {
                let head: Vec<Cell> = names
                    .iter()
                    .map(|name| Cell::from(*name).style(HEAD))
                    .collect();
                let head = match self.begun {
                    true => String::new(),
                    false => self.aligned(&head),
                };
                head + &self.aligned(cells)
            }
        };
        self.begun = true;
        let mut stdout = io::stdout();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    fn aligned(&self, cells: &[Cell]) -> String {
        let mut line = String::new();
        for (at, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            let blank = " ".repeat(column.width.saturating_sub(cell.shown.width()));
            let shown = painted(self.output.color.0, cell.style, &cell.shown);
            if at > 0 {
                line.push_str("  ");
            }
            match column.right {
                true => line.extend([blank, shown]),
                false => line.extend([shown, blank]),
            }
        }
        format!("{}\n", line.trim_end())
    }
}
