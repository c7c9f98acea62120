//! A reply that minds its grammar and is kept.

use yarr::{
    commands::{COMMANDS, Environment, Limits, Reply as Sink, Run},
    error::Result,
    table::Table,
    value::number::float_text,
};

/// What was answered, as RESP2 has it; but a map stays one, so that no record is taken for a list.
#[derive(Debug, PartialEq)]
pub enum Reply {
    /// No value.
    Null,
    /// A count.
    Integer(i64),
    /// OK and its like.
    Status(String),
    /// Bytes, and values as their text.
    Bulk(Vec<u8>),
    /// An array or a set.
    Array(Vec<Reply>),
    /// Names and values.
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// The bytes of a bulk string.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bulk(bytes) => bytes,
            other => panic!("expected a bulk string, found {other:?}"),
        }
    }

    /// The elements of an array.
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) => items,
            other => panic!("expected an array, found {other:?}"),
        }
    }

    /// The same, the elements of an array in an order of their own.
    pub fn sorted(mut self) -> Reply {
        if let Reply::Array(items) = &mut self {
            items.sort_by_cached_key(|item| format!("{item:?}"));
        }
        self
    }

    /// Whether records are answered, or a record.
    pub fn has_records(&self) -> bool {
        match self {
            Reply::Map(_) => true,
            Reply::Array(items) => items.iter().any(Reply::has_records),
            _ => false,
        }
    }
}

/// What a command answered: whether each array and map got what its head promised.
#[derive(Default)]
pub struct Strict {
    /// The arrays and maps that wait for more.
    open: Vec<Open>,
    written: usize,
    whole: Vec<Reply>,
}

struct Open {
    left: usize,
    is_map: bool,
    items: Vec<Reply>,
}

impl Strict {
    /// Whether nothing was answered.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// What was answered: exactly one reply, to its end.
    pub fn whole(mut self) -> Reply {
        let reply = self.whole.pop();
        assert!(
            self.open.is_empty() && self.whole.is_empty(),
            "a reply is not whole"
        );
        reply.expect("a reply")
    }

    fn one(&mut self, mut reply: Reply) {
        self.written += 1;
        while let Some(open) = self.open.last_mut() {
            open.items.push(reply);
            open.left -= 1;
            if open.left > 0 {
                return;
            }
            let Some(closed) = self.open.pop() else {
                unreachable!("there is a last one")
            };
            reply = closed.close();
        }
        self.whole.push(reply);
    }

    fn head(&mut self, left: usize, is_map: bool) {
        let open = Open {
            left,
            is_map,
            items: Vec::new(),
        };
        match left {
            0 => self.one(open.close()),
            _ => {
                self.written += 1;
                self.open.push(open);
            }
        }
    }
}

impl Open {
    fn close(self) -> Reply {
        if !self.is_map {
            return Reply::Array(self.items);
        }
        let mut items = self.items.into_iter();
        let pairs = std::iter::from_fn(|| items.next().zip(items.next()));
        Reply::Map(pairs.collect())
    }
}

impl Sink for Strict {
    fn null(&mut self) {
        self.one(Reply::Null);
    }
    fn integer(&mut self, number: i64) {
        self.one(Reply::Integer(number));
    }
    fn status(&mut self, text: &str) {
        assert!(
            !text.contains(['\r', '\n']),
            "a status of two lines: {text:?}"
        );
        self.one(Reply::Status(text.into()));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.one(Reply::Bulk(bytes.into()));
    }
    fn array(&mut self, len: usize) {
        self.head(len, false);
    }
    fn set(&mut self, len: usize) {
        self.head(len, false);
    }
    fn map(&mut self, len: usize) {
        self.head(2 * len, true);
    }
    fn number(&mut self, number: i64) {
        self.one(Reply::Bulk(number.to_string().into()));
    }
    fn double(&mut self, number: f64) {
        assert!(
            number.is_finite() && (number != 0.0 || number.is_sign_positive()),
            "{number}"
        );
        self.one(Reply::Bulk(float_text(number).into()));
    }
    fn boolean(&mut self, truth: bool) {
        self.one(Reply::Bulk(truth.to_string().into()));
    }
}

/// What a command answers on a table, at a time.
pub fn ask(table: &mut Table, name: &str, args: &[&[u8]], now: i64) -> Result<Reply> {
    let environment = Environment {
        now: now.into(),
        limits: Limits::DEFAULT,
        random: &|| 4,
    };
    let mut reply = Strict::default();
    let command = COMMANDS.iter().find(|command| command.name == name);
    match command.map(|command| command.run) {
        Some(Run::Read(run)) => run(table, args, &environment, &mut reply)?,
        Some(Run::Write(run)) => drop(run(table, args, &environment, &mut reply)?),
        _ => panic!("{name} neither reads nor writes"),
    }
    Ok(reply.whole())
}
