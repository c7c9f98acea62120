//! The conversation with the server, and how the reader sees it.

use std::error::Error;
use std::fmt::Debug;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use redis::{Connection, Value};

use crate::reply::{items, lines, readable, records, server_text, text};

/// Columns of text before a command is broken into a second line.
const WIDTH: usize = 96;
/// Rows shown of an answer; the check looks at all of them.
const SHOWN: usize = 5;

/// Rows of an answer, by field. A field that a record does not have is an empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pub fields: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// One connection, and a tally of what it was told.
pub struct Console {
    connection: Connection,
    colour: bool,
    right: usize,
    wrong: usize,
}

impl Console {
    /// Colours only for a terminal; a pipe gets plain text.
    pub fn new(connection: Connection) -> Console {
        Console {
            connection,
            colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            right: 0,
            wrong: 0,
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// The first line of all.
    pub fn title(&self, text: &str) {
        println!("\n{}", self.paint("1", text));
    }

    /// The start of a chapter.
    pub fn chapter(&self, text: &str) {
        println!("\n{}\n{}", self.paint("1;34", text), "-".repeat(text.len()));
    }

    /// A sentence about what follows.
    pub fn say(&self, text: &str) {
        println!("\n{text}");
    }

    /// Prints a command, broken between words.
    pub fn echo(&self, command: &str) {
        for (n, line) in wrapped(command, WIDTH - 6).iter().enumerate() {
            let margin = if n == 0 { "  > " } else { "      " };
            println!("{}", self.paint("36", &format!("{margin}{line}")));
        }
    }

    /// Prints lines under a label that stands before the first of them.
    fn lines(&self, label: &str, style: &str, lines: &[String]) {
        for (n, line) in lines.iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            let label = self.paint("2", &format!("{label:<6}"));
            println!("    {label} {}", self.paint(style, line));
        }
    }

    fn line(&self, label: &str, text: &str) {
        self.lines(label, "0", &[text.to_owned()]);
    }

    /// Prints an answer.
    pub fn answer(&self, text: &str) {
        self.lines("answer", "1", &wrapped(text, WIDTH - 11));
    }

    /// Sends a command whose tokens have no spaces in them, and prints nothing.
    pub fn send(&mut self, command: &str) -> Result<Value, Box<dyn Error>> {
        let tokens: Vec<&str> = command.split(' ').collect();
        self.send_tokens(&tokens)
    }

    /// Sends any tokens, and prints nothing. An error of the server is an error here.
    pub fn send_tokens(&mut self, tokens: &[&str]) -> Result<Value, Box<dyn Error>> {
        let mut command = redis::Cmd::new();
        for token in tokens {
            command.arg(*token);
        }
        command.query(&mut self.connection).map_err(|error| {
            let start: String = tokens.join(" ").chars().take(120).collect();
            format!("{start}: {}", server_text(&error)).into()
        })
    }

    /// Prints the command and how it is going to be answered; sends it and takes the time.
    fn ask(&mut self, command: &str) -> Result<(Value, Duration), Box<dyn Error>> {
        self.echo(command);
        let plan = match explained(command) {
            Some(explain) => lines(&self.send(&explain)?),
            None => Vec::new(),
        };
        let start = Instant::now();
        let answer = self.send(command)?;
        let time = start.elapsed();
        self.lines("plan", "2", &plan);
        Ok((answer, time))
    }

    fn time(&self, time: Duration) {
        self.line("time", &format!("{:.2} ms", time.as_secs_f64() * 1e3));
    }

    /// A command that answers one text or number.
    pub fn scalar(&mut self, command: &str) -> Result<String, Box<dyn Error>> {
        let (answer, time) = self.ask(command)?;
        let text = text(&answer);
        self.answer(&text);
        self.time(time);
        Ok(text)
    }

    /// A command that answers several lines of text.
    pub fn listing(&mut self, command: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let (answer, time) = self.ask(command)?;
        let lines = lines(&answer);
        self.lines("answer", "1", &lines);
        self.time(time);
        Ok(lines)
    }

    /// A command that answers records; only `fields` of them are of interest.
    pub fn records(&mut self, command: &str, fields: &str) -> Result<Rows, Box<dyn Error>> {
        let (answer, time) = self.ask(command)?;
        let fields: Vec<String> = fields.split(' ').map(str::to_owned).collect();
        let rows = records(&answer)
            .iter()
            .map(|record| {
                let value = |field| record.iter().find(|(name, _)| name == field);
                fields
                    .iter()
                    .map(|field| value(field).map(|(_, v)| v.clone()).unwrap_or_default())
                    .collect()
            })
            .collect();
        let rows = Rows { fields, rows };
        self.table(&rows);
        self.time(time);
        Ok(rows)
    }

    /// A PLUCK of several fields.
    pub fn plucked(&mut self, command: &str, fields: &str) -> Result<Rows, Box<dyn Error>> {
        let (answer, time) = self.ask(command)?;
        let rows = Rows {
            fields: fields.split(' ').map(str::to_owned).collect(),
            rows: items(&answer).iter().map(lines).collect(),
        };
        self.table(&rows);
        self.time(time);
        Ok(rows)
    }

    /// A command that must be refused: answers the error's code.
    pub fn refused(&mut self, command: &str) -> Result<String, Box<dyn Error>> {
        self.echo(command);
        let tokens: Vec<&str> = command.split(' ').collect();
        let mut cmd = redis::Cmd::new();
        for token in &tokens {
            cmd.arg(*token);
        }
        match cmd.query::<Value>(&mut self.connection) {
            Ok(answer) => Ok(format!("no error but {}", text(&answer))),
            Err(error) => {
                let text = server_text(&error);
                self.lines("error", "33", &wrapped(&text, WIDTH - 11));
                Ok(text.split(' ').next().unwrap_or_default().to_owned())
            }
        }
    }

    /// A page of ids, with its plan; the page itself has been fetched already.
    pub fn page(&mut self, command: &str, next: &str, ids: &Value) -> Result<(), Box<dyn Error>> {
        let (_, time) = self.ask(command)?;
        let ids = lines(ids);
        let start = ids
            .iter()
            .take(SHOWN)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ");
        self.answer(&format!(
            "{start} ... and {} more",
            ids.len().saturating_sub(SHOWN)
        ));
        self.line("next", next);
        self.time(time);
        Ok(())
    }

    fn table(&self, table: &Rows) {
        let mut shown = vec![table.fields.clone()];
        shown.extend(table.rows.iter().take(SHOWN).map(|row| {
            let cells = row.iter().zip(&table.fields);
            cells.map(|(value, field)| readable(field, value)).collect()
        }));
        let mut lines = aligned(&shown);
        match table.rows.len() {
            0 => lines = vec!["no record".into()],
            n if n > SHOWN => lines.push(format!("... and {} more", n - SHOWN)),
            _ => {}
        }
        self.lines("answer", "1", &lines);
    }

    /// Compares an answer with what was worked out without YARR.
    pub fn check<T: PartialEq + Debug>(&mut self, source: &str, got: &T, expected: &T) {
        if got == expected {
            self.right += 1;
            self.line(
                "check",
                &format!("{}, {source}", self.paint("32", "as expected")),
            );
        } else {
            self.wrong += 1;
            self.line("check", &self.paint("1;31", &format!("WRONG, {source}")));
            println!("      got      {got:?}\n      expected {expected:?}");
        }
    }

    /// The last line of all; whether every answer was right.
    pub fn verdict(&self) -> bool {
        let total = self.right + self.wrong;
        let (code, text) = match self.wrong {
            0 => ("1;32", format!("All {total} answers were as expected.")),
            n => ("1;31", format!("{n} of {total} answers were WRONG.")),
        };
        println!("\n{}\n", self.paint(code, &text));
        self.wrong == 0
    }
}

/// `YARR.EXPLAIN table WHERE ...` for `YARR.WHERE table ...`, where the command has a plan.
fn explained(command: &str) -> Option<String> {
    let (name, rest) = command.split_once(' ')?;
    let (table, rest) = rest.split_once(' ')?;
    let verb = name.strip_prefix("YARR.")?;
    let plans = verb == "WHERE"
        || (["FIND", "UPDATE", "DEL"].contains(&verb) && rest.starts_with("WHERE "));
    plans.then(|| format!("YARR.EXPLAIN {table} {verb} {rest}"))
}

/// Breaks a text between words into lines of at most `width` columns.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Rows as lines, their cells in columns.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |n| {
        rows.iter()
            .filter_map(|row| row.get(n))
            .map(String::len)
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|n| width(n).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
