//! YARR's side: one table, and commands as a server would run them.

use std::cell::Cell;

use yarr::{
    commands::{COMMANDS, Environment, Limits, Run},
    table::Table,
};

use crate::answer::{Answer, Listener};

/// A command's arguments after the table's name.
pub type Words = Vec<Vec<u8>>;

/// Words of a line that has no other spaces.
pub fn words(line: &str) -> Words {
    line.split_whitespace().map(|word| word.into()).collect()
}

/// Words as a person reads them.
pub fn shown(words: &[Vec<u8>]) -> String {
    let word = |word: &Vec<u8>| match !word.is_empty() && word.iter().all(u8::is_ascii_graphic) {
        true => String::from_utf8_lossy(word).into_owned(),
        false => format!("\"{}\"", word.escape_ascii()),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A table and its clock.
pub struct Engine {
    table: Option<Box<Table>>,
    /// Milliseconds since 1970.
    pub now: i64,
    drawn: Cell<u64>,
}

impl Engine {
    /// No table yet.
    pub fn new(now: i64) -> Engine {
        Engine {
            table: None,
            now,
            drawn: Cell::new(0),
        }
    }

    /// The same table once more.
    pub fn duplicate(&self) -> Engine {
        Engine {
            table: self.table.as_deref().map(Table::duplicate),
            now: self.now,
            drawn: self.drawn.clone(),
        }
    }

    /// Whether the engine has this command.
    pub fn has(name: &str) -> bool {
        COMMANDS.iter().any(|command| command.name == name)
    }

    /// Runs a command; answers the error's text where it fails.
    pub fn run(&mut self, name: &str, words: &[Vec<u8>]) -> Result<Answer, String> {
        let command = COMMANDS.iter().find(|command| command.name == name);
        let command = command.expect("a command of this name");
        let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let random = || {
            self.drawn
                .set(self.drawn.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
            self.drawn.get()
        };
        let environment = Environment {
            now: self.now.into(),
            limits: Limits::DEFAULT,
            random: &random,
        };
        let mut reply = Listener::default();
        let done = match (command.run, &mut self.table) {
            (Run::Read(_) | Run::Write(_), None) => panic!("no table"),
            (Run::Read(read), Some(table)) => read(table, &args, &environment, &mut reply),
            (Run::Write(write), Some(table)) => {
                write(table, &args, &environment, &mut reply).map(drop)
            }
            (Run::Make(make), table) => make(table, &args, &environment, &mut reply).map(drop),
        };
        if !matches!(command.run, Run::Read(_)) {
            if let Some(table) = &self.table {
                table.check_consistency().expect("a sound table");
            }
        }
        match done {
            Ok(()) => Ok(reply.answer()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Frees some of what has expired, as a server does between commands.
    pub fn reclaim(&mut self, most: usize) {
        if let Some(table) = &mut self.table {
            table.reclaim(self.now, most);
        }
    }
}
