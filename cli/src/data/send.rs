//! Batches into a table. Each goes in whole, together with the position behind it, or not at all: a script compares the
//! position, makes the records and moves it. So several can be under way at once: where one fails, those behind it find
//! another position than theirs and do nothing.

use redis::{ConnectionLike, RedisError, Value};

use super::{
    batch::{Batch, Expiry, Reject, bulk, head},
    position::{Place, Position},
    rejects::Rejects,
    row::Fault,
};
use crate::{Error, Result};

/// Moves the position from one to the next in the same step as it makes the records, if there are any: answers how
/// many were made, or -1 where the position is another.
const SCRIPT: &str = "\
if redis.call('HGET', KEYS[2], 'at') ~= ARGV[1] then return -1 end
local made, all = 0, 0
if #ARGV > 2 then
  local ids = redis.pcall('YARR.CREATE', KEYS[1], unpack(ARGV, 3))
  if ids.err then return ids end
  all = #ids
  for i = 1, all do if ids[i] then made = made + 1 end end
end
redis.call('HSET', KEYS[2], 'at', ARGV[2])
redis.call('HINCRBY', KEYS[2], 'created', made)
redis.call('HINCRBY', KEYS[2], 'passed', all - made)
return made";

/// The most values that a script can hand to a command, its other words aside.
pub const MOST_VALUES: usize = 7_000;

/// Why sending came to an end.
#[derive(Debug)]
pub enum Halt {
    /// A record that is refused.
    Fault(Fault),
    /// Anything else.
    Error(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Error(error)
    }
}

impl From<RedisError> for Halt {
    fn from(error: RedisError) -> Halt {
        Halt::Error(error.into())
    }
}

/// What has come of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Made, or changed by a conflict.
    pub created: u64,
    /// Passed over because of a conflict.
    pub passed: u64,
    /// Set aside.
    pub rejected: u64,
}

/// Sends batches.
pub struct Sender<'a, C> {
    server: &'a mut C,
    table: String,
    /// The fields' names as a command takes them.
    names: Vec<String>,
    /// The words of ON CONFLICT.
    conflict: Vec<String>,
    place: Option<Place>,
    at: Position,
    rejects: Option<Rejects>,
    counts: Counts,
}

impl<'a, C: ConnectionLike> Sender<'a, C> {
    /// To a table with these fields.
    pub fn new(server: &'a mut C, table: &str, names: Vec<String>) -> Sender<'a, C> {
        Sender {
            server,
            table: table.into(),
            names,
            conflict: Vec::new(),
            place: None,
            at: Position::default(),
            rejects: None,
            counts: Counts::default(),
        }
    }

    /// Says what a conflict comes to.
    pub fn on_conflict(mut self, words: Vec<String>) -> Self {
        self.conflict = words;
        self
    }

    /// Keeps a position, which is now this one.
    pub fn keep(mut self, place: Option<Place>, at: Position) -> Self {
        self.place = place;
        self.at = at;
        self
    }

    /// Sets records aside instead of coming to an end at one.
    pub fn set_aside(mut self, rejects: Option<Rejects>) -> Self {
        self.rejects = rejects;
        self
    }

    /// The records set aside that are held in memory.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        self.rejects.as_mut().map(Rejects::take).unwrap_or_default()
    }

    /// What it sends to, in between.
    pub fn server(&mut self) -> &mut C {
        self.server
    }

    /// How far it has come.
    pub fn at(&self) -> Position {
        self.at
    }

    /// What has come of the records.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many batches may be under way at once.
    pub fn depth(&self) -> usize {
        // Without a position nothing holds those back that come behind one that is refused.
        if self.place.is_some() { 64 } else { 1 }
    }

    /// Sends batches that follow on each other; only the first may have rejects before it.
    ///
    /// # Errors
    /// [`Halt::Fault`] at a record that is refused, where none is set aside: those before it are in.
    pub fn send(&mut self, batches: &[Batch]) -> Result<(), Halt> {
        if let Some(first) = batches.first() {
            self.put_rejects(first)?;
        }
        let mut message = Vec::new();
        let mut at = self.at;
        let mut ends = Vec::new();
        for batch in batches.iter().filter(|batch| !batch.entries.is_empty()) {
            let end = after(at, batch, 0, batch.entries.len());
            self.write(batch, 0, batch.entries.len(), &at, &end, &mut message);
            ends.push(end);
            at = end;
        }
        let answers = self.ask(&message, ends.len())?;
        let sent = batches.iter().filter(|batch| !batch.entries.is_empty());
        let mut late = false;
        for ((batch, answer), end) in sent.zip(answers).zip(ends) {
            let rows = batch.entries.len();
            if late {
                // It found another position and did nothing.
                self.send_part(batch, 0, rows)?;
                continue;
            }
            match self.outcome(answer, rows)? {
                None => self.at = end,
                Some(refused) => {
                    self.settle(batch, 0, rows, refused)?;
                    late = true;
                }
            }
        }
        Ok(())
    }

    /// Sends some rows of a batch, and finds those that are refused.
    fn send_part(&mut self, batch: &Batch, from: usize, to: usize) -> Result<(), Halt> {
        let end = after(self.at, batch, from, to);
        let mut message = Vec::new();
        self.write(batch, from, to, &self.at, &end, &mut message);
        let answer = self.ask(&message, 1)?.pop().unwrap_or(Value::Nil);
        match self.outcome(answer, to - from)? {
            None => self.at = end,
            Some(refused) => self.settle(batch, from, to, refused)?,
        }
        Ok(())
    }

    /// Finds the row among several that is refused; those before it go in, and those behind it after.
    fn settle(
        &mut self,
        batch: &Batch,
        from: usize,
        to: usize,
        refused: String,
    ) -> Result<(), Halt> {
        if to - from > 1 {
            let middle = from + (to - from) / 2;
            self.send_part(batch, from, middle)?;
            return self.send_part(batch, middle, to);
        }
        let Some(entry) = batch.entries.get(from) else {
            return Ok(());
        };
        let fault = Fault {
            line: entry.line,
            column: None,
            reason: refused,
        };
        let Some(rejects) = &mut self.rejects else {
            return Err(Halt::Fault(fault));
        };
        let raw = batch.raw(from).to_vec();
        rejects.put(&Reject { raw, fault })?;
        let mut end = after(self.at, batch, from, to);
        end.rejected += 1;
        end.rejects = rejects.length();
        self.counts.rejected += 1;
        self.move_to(end)
    }

    /// Writes a batch's rejects, and moves behind them.
    fn put_rejects(&mut self, batch: &Batch) -> Result<(), Halt> {
        if batch.rejects.is_empty() {
            return Ok(());
        }
        let mut end = self.at;
        if let Some(rejects) = &mut self.rejects {
            for reject in &batch.rejects {
                rejects.put(reject)?;
            }
            end.rejects = rejects.length();
        }
        let count = count(batch.rejects.len());
        end.records += count;
        end.rejected += count;
        end.mark = batch.rejected_to;
        self.counts.rejected += count;
        self.move_to(end)
    }

    /// Moves the position where no record is made.
    fn move_to(&mut self, end: Position) -> Result<(), Halt> {
        if let Some(place) = &self.place {
            let answer = redis::cmd("EVAL")
                .arg(SCRIPT)
                .arg(2)
                .arg(&self.table)
                .arg(place.key())
                .arg(self.at.text())
                .arg(end.text())
                .query::<Value>(self.server)?;
            self.outcome(answer, 0)?;
        }
        self.at = end;
        Ok(())
    }

    /// Writes the command for some rows of a batch.
    fn write(
        &self,
        batch: &Batch,
        from: usize,
        to: usize,
        at: &Position,
        end: &Position,
        out: &mut Vec<u8>,
    ) {
        let (values, count) = batch.values(from, to);
        let mut words: Vec<Vec<u8>> = Vec::new();
        match &self.place {
            None => words.extend(["YARR.CREATE", &self.table].map(|word| word.into())),
            Some(place) => {
                let (at, end) = (at.text(), end.text());
                let eval = ["EVAL", SCRIPT, "2", &self.table, place.key(), &at, &end];
                words.extend(eval.map(|word| word.into()));
            }
        }
        words.extend(self.conflict.iter().map(|word| word.as_bytes().to_vec()));
        match batch.expiry {
            Expiry::Unsaid => {}
            Expiry::Never => words.push("PERSIST".into()),
            Expiry::At(at) => words.extend(["PXAT".into(), at.to_string().into_bytes()]),
        }
        words.extend(["NULL".into(), batch.null.clone(), "FIELDS".into()]);
        words.push(batch.fields.len().to_string().into_bytes());
        let names = batch
            .fields
            .iter()
            .filter_map(|field| self.names.get(*field));
        words.extend(names.map(|name| name.as_bytes().to_vec()));
        words.push("VALUES".into());
        head(b'*', words.len() + count, out);
        words.iter().for_each(|word| bulk(word, out));
        out.extend_from_slice(values);
    }

    fn ask(&mut self, message: &[u8], commands: usize) -> Result<Vec<Value>, Halt> {
        match commands {
            0 => Ok(Vec::new()),
            // An error among the answers is one of them.
            1 => match self.server.req_packed_command(message) {
                Ok(answer) => Ok(vec![answer]),
                Err(error) => match refusal(&error) {
                    Some(refused) => Ok(vec![Value::SimpleString(refused)]),
                    None => Err(error.into()),
                },
            },
            _ => Ok(self.server.req_packed_commands(message, 0, commands)?),
        }
    }

    /// What an answer says: nothing where the rows are in, or why one of them is refused.
    fn outcome(&mut self, answer: Value, rows: usize) -> Result<Option<String>, Halt> {
        let made = match answer {
            // How many were made, by the script.
            Value::Int(-1) => return Err(moved()),
            Value::Int(made) => u64::try_from(made).unwrap_or_default(),
            // Ids, by the command itself.
            Value::Array(ids) => count(ids.iter().filter(|id| **id != Value::Nil).count()),
            Value::SimpleString(refused) => return Ok(Some(refused)),
            Value::ServerError(error) => {
                let error = RedisError::from(error);
                return match refusal(&error) {
                    Some(refused) => Ok(Some(refused)),
                    None => Err(error.into()),
                };
            }
            other => {
                let text = format!("expected the answer of YARR.CREATE, found {other:?}");
                return Err(Error::new(crate::Kind::Refused, text).into());
            }
        };
        self.counts.created += made;
        self.counts.passed += count(rows).saturating_sub(made);
        Ok(None)
    }
}

/// What the server says of a record, where it is the record that it refuses.
fn refusal(error: &RedisError) -> Option<String> {
    let code = error.code()?;
    ["BADVALUE", "NOTNULL", "DUPLICATE"]
        .contains(&code)
        .then(|| format!("{code} {}", error.detail().unwrap_or_default()))
}

fn moved() -> Halt {
    Halt::Error(Error::new(
        crate::Kind::Halfway,
        "another import of this file into this table is going on, for its position has moved; where there is none, an answer was lost",
    ))
}

/// The position behind some rows of a batch.
fn after(at: Position, batch: &Batch, from: usize, to: usize) -> Position {
    let last = to.checked_sub(1).and_then(|last| batch.entries.get(last));
    Position {
        records: at.records + count(to - from),
        mark: last.map_or(at.mark, |last| last.mark),
        ..at
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
