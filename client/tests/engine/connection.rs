//! A connection whose other end is the engine itself.

use std::{cell::Cell, collections::HashMap};

use yarr::{
    commands::{COMMANDS, Environment, Limits, Reply, Run},
    error::Error,
    table::Table,
};
use yarr_client::redis::{self, ConnectionLike, ErrorKind, RedisError, RedisResult, Value};

/// Tables in memory, spoken to in RESP2 or RESP3.
pub struct Engine {
    tables: HashMap<Vec<u8>, Option<Box<Table>>>,
    resp3: bool,
}

/// Milliseconds since 1970 at every command.
pub const NOW: i64 = 1_767_225_600_000;

impl Engine {
    pub fn new(resp3: bool) -> Engine {
        Engine {
            tables: HashMap::new(),
            resp3,
        }
    }

    fn answer(&mut self, words: &[Vec<u8>]) -> Result<Value, Error> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let [name, table, args @ ..] = words.as_slice() else {
            panic!("a command without a table");
        };
        let name = String::from_utf8(name.to_ascii_lowercase()).unwrap();
        let command = COMMANDS.iter().find(|command| command.name == name);
        let slot = self.tables.entry(table.to_vec()).or_default();
        let seed = Cell::new(1);
        let random = || {
            seed.set(seed.get() + 1);
            seed.get()
        };
        let environment = Environment {
            now: NOW.into(),
            limits: Limits::DEFAULT,
            random: &random,
        };
        let mut replies = Replies {
            resp3: self.resp3,
            said: Vec::new(),
        };
        match (command.expect("a command").run, slot) {
            (Run::Make(run), slot) => drop(run(slot, args, &environment, &mut replies)?),
            (Run::Read(run), Some(table)) => run(table, args, &environment, &mut replies)?,
            (Run::Write(run), Some(table)) => drop(run(table, args, &environment, &mut replies)?),
            (_, None) => return Err(Error::no_table(table)),
        }
        Ok(tree(&mut replies.said.into_iter()))
    }
}

impl ConnectionLike for Engine {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let words: Vec<Vec<u8>> = redis::from_redis_value(redis::parse_redis_value(command)?)?;
        match self.answer(&words) {
            Ok(value) => Ok(value),
            Err(error) => redis::parse_redis_value(format!("-{error}\r\n").as_bytes()),
        }
    }

    fn req_packed_commands(&mut self, _: &[u8], _: usize, _: usize) -> RedisResult<Vec<Value>> {
        Err(RedisError::from((
            ErrorKind::Client,
            "the engine takes one command at a time",
        )))
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// What is said one after another.
enum Said {
    Value(Value),
    Array(usize),
    Set(usize),
    Map(usize),
}

struct Replies {
    resp3: bool,
    said: Vec<Said>,
}

impl Replies {
    fn say(&mut self, value: Value) {
        self.said.push(Said::Value(value));
    }

    /// A value of its own in RESP3, and text in RESP2.
    fn say_or(&mut self, value: Value, text: String) {
        self.say(match self.resp3 {
            true => value,
            false => Value::BulkString(text.into()),
        });
    }
}

impl Reply for Replies {
    fn null(&mut self) {
        self.say(Value::Nil);
    }
    fn integer(&mut self, number: i64) {
        self.say(Value::Int(number));
    }
    fn status(&mut self, text: &str) {
        self.say(Value::SimpleString(text.into()));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.say(Value::BulkString(bytes.into()));
    }
    fn array(&mut self, len: usize) {
        self.said.push(Said::Array(len));
    }
    fn set(&mut self, len: usize) {
        self.said.push(if self.resp3 {
            Said::Set(len)
        } else {
            Said::Array(len)
        });
    }
    fn map(&mut self, len: usize) {
        self.said.push(if self.resp3 {
            Said::Map(len)
        } else {
            Said::Array(2 * len)
        });
    }
    fn number(&mut self, number: i64) {
        self.say_or(Value::Int(number), number.to_string());
    }
    fn double(&mut self, number: f64) {
        self.say_or(Value::Double(number), format!("{number:e}"));
    }
    fn boolean(&mut self, truth: bool) {
        self.say_or(Value::Boolean(truth), truth.to_string());
    }
}

fn tree(said: &mut impl Iterator<Item = Said>) -> Value {
    match said.next().expect("an answer") {
        Said::Value(value) => value,
        Said::Array(len) => Value::Array((0..len).map(|_| tree(said)).collect()),
        Said::Set(len) => Value::Set((0..len).map(|_| tree(said)).collect()),
        Said::Map(len) => Value::Map((0..len).map(|_| (tree(said), tree(said))).collect()),
    }
}
