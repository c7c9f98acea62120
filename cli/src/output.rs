//! Where answers go: aligned and coloured on a terminal, plain in a pipe, JSON where it is asked for.

mod cell;
mod progress;
mod stream;

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

pub use cell::Cell;
pub use progress::Progress;
pub use stream::{Column, Stream};

use crate::{
    args::Global,
    error::{Error, Result},
};

/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What asks for attention.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// The head of a table.
pub const HEAD: Style = Style::new().bold();

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where answers go: to stdout what was asked for, to stderr what is said beside it.
#[derive(Debug, Clone)]
pub struct Output {
    json: bool,
    quiet: bool,
    /// Whether stdout and stderr take colours.
    color: (bool, bool),
}

impl Output {
    /// As the flags say.
    pub fn new(global: &Global) -> Output {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let color = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color && !dumb,
        };
        Output {
            json: global.json,
            quiet: global.quiet,
            color: (
                color(io::stdout().is_terminal()),
                color(io::stderr().is_terminal()),
            ),
        }
    }

    /// Whether answers are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether stdout takes colours.
    pub fn has_color(&self) -> bool {
        self.color.0
    }

    /// Text for stdout with a style, where that takes colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        painted(self.color.0, style, text)
    }

    /// A line of the answer; in JSON mode a remark.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn line(&self, text: &str) -> Result<()> {
        match self.json {
            true => self.note(text),
            false => Ok(writeln!(io::stdout(), "{text}")?),
        }
    }

    /// A document of the answer, in JSON mode alone.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn json(&self, document: &impl Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(document)
            .map_err(|error| Error::usage(format!("cannot write JSON: {error}")))?;
        Ok(writeln!(io::stdout(), "{text}")?)
    }

    /// A remark on stderr, unless `--quiet`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn note(&self, text: &str) -> Result<()> {
        match self.quiet {
            true => Ok(()),
            false => Ok(writeln!(io::stderr(), "{text}")?),
        }
    }

    /// A warning on stderr.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn warn(&self, text: &str) -> Result<()> {
        let word = painted(self.color.1, WARN, "warning:");
        match self.json {
            true => Ok(writeln!(
                io::stderr(),
                "{}",
                serde_json::json!({ "warning": text })
            )?),
            false => Ok(writeln!(io::stderr(), "{word} {text}")?),
        }
    }

    /// An error on stderr.
    pub fn error(&self, error: &Error) {
        let text = match self.json {
            true => serde_json::json!({ "error": { "kind": error.kind.name(), "message": error.message } })
                .to_string(),
            false => format!("{} {error}", painted(self.color.1, BAD, "error:")),
        };
        // Where even that fails there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Rows under the names of their columns: aligned, numbers to the right; in JSON mode a document a row.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn table(&self, columns: &[&str], rows: &[Vec<Cell>]) -> Result<()> {
        let text = match self.json {
            true => cell::documents(columns, rows),
            false => self.aligned(columns, rows),
        };
        Ok(io::stdout().write_all(text.as_bytes())?)
    }

    /// The same as text.
    pub fn aligned(&self, columns: &[&str], rows: &[Vec<Cell>]) -> String {
        let column = |at: usize| rows.iter().filter_map(move |row| row.get(at));
        let shape: Vec<(usize, bool)> = columns
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let widths = column(at).map(|cell| cell.shown.width());
                let width = widths.chain([name.width()]).max().unwrap_or_default();
                let mut values = column(at).filter(|cell| !cell.is_null()).peekable();
                let right = values.peek().is_some() && values.all(|cell| cell.right);
                (width, right)
            })
            .collect();
        let head = columns
            .iter()
            .map(|name| Cell::from(*name).style(HEAD))
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&head).chain(rows) {
            let row: &Vec<Cell> = row;
            let mut line = String::new();
            for (at, (cell, (width, right))) in row.iter().zip(&shape).enumerate() {
                let blank = " ".repeat(width.saturating_sub(cell.shown.width()));
                let shown = painted(self.color.0, cell.style, &cell.shown);
                if at > 0 {
                    line.push_str("  ");
                }
                match right {
                    true => line.extend([blank, shown]),
                    false => line.extend([shown, blank]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Rows that are written as they come; the widths of their columns are known before.
    pub fn stream<const N: usize>(&self, columns: &[Column; N]) -> Stream<'_> {
        Stream::new(self, columns)
    }

    /// A bar of how far something has come, on stderr; nothing where that is no terminal.
    pub fn progress(&self, total: Option<u64>, what: &str) -> Progress {
        Progress::new(total, what, !self.quiet)
    }
}

fn painted(color: bool, style: Style, text: &str) -> String {
    match color && !text.is_empty() {
        true => format!("{style}{text}{style:#}"),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let output = Output::new(&Global {
            color: Color::Never,
            ..Global::default()
        });
        let rows = [
            vec![Cell::from("a"), Cell::from(5), Cell::null()],
            vec![
                Cell::from("größer 日本"),
                Cell::from(1_000),
                Cell::from("x"),
            ],
        ];
        assert_eq!(
            output.aligned(&["name", "n", "last"], &rows),
            "name            n  last\na               5  -\ngrößer 日本  1000  x\n"
        );
    }
}
