//! The conversation with the server, and how the reader sees it.

use std::error::Error;
use std::fmt::Debug;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use redis::{Connection, Value};

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
    fn echo(&self, command: &str) {
        let mut line = String::from("  >");
        for word in command.split(' ') {
            if line.len() + 1 + word.len() > WIDTH {
                println!("{}", self.paint("36", &line));
                line = String::from("     ");
            }
            line.push(' ');
            line.push_str(word);
        }
        println!("{}", self.paint("36", &line));
    }

    fn line(&self, label: &str, text: &str) {
        println!("    {} {text}", self.paint("2", &format!("{label:<5}")));
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
        for (n, step) in plan.iter().enumerate() {
            self.line(if n == 0 { "plan" } else { "" }, step);
        }
        Ok((answer, time))
    }

    fn time(&self, time: Duration) {
        self.line("time", &format!("{:.2} ms", time.as_secs_f64() * 1e3));
    }

    /// A command that answers one text or number.
    pub fn scalar(&mut self, command: &str) -> Result<String, Box<dyn Error>> {
        let (answer, time) = self.ask(command)?;
        let text = text(&answer);
        self.line("", &self.paint("1", &text));
        self.time(time);
        Ok(text)
    }

    /// A command that answers several lines of text.
    pub fn listing(&mut self, command: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let (answer, time) = self.ask(command)?;
        let lines = lines(&answer);
        for line in &lines {
            self.line("", &self.paint("1", line));
        }
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
                self.line("", &self.paint("33", &text));
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
        self.line(
            "",
            &self.paint(
                "1",
                &format!("{start} ... and {} more", ids.len().saturating_sub(SHOWN)),
            ),
        );
        self.line("next", next);
        self.time(time);
        Ok(())
    }

    fn table(&self, table: &Rows) {
        let shown: Vec<Vec<String>> = std::iter::once(table.fields.clone())
            .chain(table.rows.iter().take(SHOWN).map(|row| {
                row.iter()
                    .zip(&table.fields)
                    .map(|(value, field)| readable(field, value))
                    .collect()
            }))
            .collect();
        let widths: Vec<usize> = (0..table.fields.len())
            .map(|n| {
                shown
                    .iter()
                    .filter_map(|row| row.get(n))
                    .map(String::len)
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        for (n, row) in shown.iter().enumerate() {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}"))
                .collect();
            let line = cells.join("  ");
            let style = if n == 0 { "2" } else { "1" };
            self.line("", &self.paint(style, line.trim_end()));
        }
        if table.rows.len() > SHOWN {
            self.line("", &format!("... {} more", table.rows.len() - SHOWN));
        }
        if table.rows.is_empty() {
            self.line("", "(none)");
        }
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

/// What the server said, without what the client library puts around it.
fn server_text(error: &redis::RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

/// The parts of an array; anything else is one part.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Nil => &[],
        other => std::slice::from_ref(other),
    }
}

/// A reply that is one text.
pub fn text(value: &Value) -> String {
    match value {
        Value::Nil => "(nil)".into(),
        Value::Okay => "OK".into(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

/// A reply that is a list of texts, one a line.
pub fn lines(value: &Value) -> Vec<String> {
    items(value).iter().map(text).collect()
}

/// The records of a reply: one flat array, or an array of them.
fn records(value: &Value) -> Vec<Vec<(String, String)>> {
    let many = items(value)
        .iter()
        .all(|item| matches!(item, Value::Array(_)));
    let records = match many {
        true => items(value),
        false => std::slice::from_ref(value),
    };
    records
        .iter()
        .map(|record| {
            items(record)
                .chunks_exact(2)
                .map(|pair| (pair.first().map(text), pair.last().map(text)))
                .map(|(name, value)| (name.unwrap_or_default(), value.unwrap_or_default()))
                .collect()
        })
        .collect()
}

/// Milliseconds since 1970 as a date and time (UTC) where the field is a point in time.
fn readable(field: &str, value: &str) -> String {
    match value.parse() {
        Ok(ms) if field.ends_with("_at") || field.starts_with("time_") => moment(ms),
        _ if value.is_empty() => "-".into(),
        _ => value.into(),
    }
}

/// Days to a date after Howard Hinnant's civil_from_days, for years from 0 on.
fn moment(ms: i64) -> String {
    let (days, seconds) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) / 1000);
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
