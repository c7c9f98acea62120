//! The change feed of a table: what was written since a position, and what is gone.

use std::{fmt, str::FromStr};

use redis::Value;

use crate::{
    command::Command,
    error::{Error, Result},
    field::FieldValue,
    operation::Operation,
    packed,
    record::{Record, names},
    reply,
    table::Table,
};

/// How far a reader of a change feed has come. It is kept with what was read, and is text to keep: the epoch, a colon
/// and a number.
///
/// ```
/// # use yarr_client::Position;
/// let position: Position = "20fdebfb9cab55cc:17".parse()?;
/// assert_eq!(position.to_string(), "20fdebfb9cab55cc:17");
/// # Ok::<(), yarr_client::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    epoch: String,
    number: u64,
}

impl Position {
    /// The number; 0 is before all there is.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.number)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Position> {
        let parts = text.split_once(':');
        let parts = parts.and_then(|(epoch, number)| Some((epoch, number.parse().ok()?)));
        match parts {
            Some((epoch, number)) => Ok(Position {
                epoch: epoch.into(),
                number,
            }),
            None => Err(Error::reply(format!(
                "expected a position, an epoch and a number with a colon between, found '{text}'"
            ))),
        }
    }
}

/// Where a page of a feed begins.
#[derive(Debug, Clone)]
enum From {
    Nothing,
    Position(Position),
    Cursor(String),
}

/// A page of a table's change feed to be got; see [`Table::feed`].
#[derive(Debug)]
pub struct Feed<R> {
    table: Table<R>,
    from: From,
    limit: Option<u64>,
}

/// A page of changes.
pub struct Changed<R: Record> {
    /// The changes, in their order: the last of an id says what is.
    pub entries: Vec<Entry<R, R::Id>>,
    /// Where the batch ends: once its last page is taken, a reader has come so far.
    pub end: Position,
    /// The next page of the batch; `None` after the last.
    pub next: Option<Feed<R>>,
}

impl<R: Record> fmt::Debug for Changed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed")
            .field("entries", &self.entries.len())
            .field("end", &self.end)
            .field("next", &self.next.is_some())
            .finish()
    }
}

/// One change of a table of `R`, whose ids are `I`.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<R, I> {
    /// The record as it is since its last write.
    Put(R),
    /// The id of a record that was deleted.
    Deleted(I),
    /// The id of a record that has expired.
    Expired(I),
}

impl<R: Record> Feed<R> {
    pub(crate) fn new(table: Table<R>) -> Feed<R> {
        let (from, limit) = (From::Nothing, None);
        Feed { table, from, limit }
    }

    /// What has changed since a position, instead of all there is.
    pub fn since(mut self, position: Position) -> Feed<R> {
        self.from = From::Position(position);
        self
    }

    /// Pages of so many changes; 1,000 unless it is said.
    pub fn limit(mut self, changes: u64) -> Feed<R> {
        self.limit = Some(changes);
        self
    }
}

impl<R: Record> Operation for Feed<R> {
    type Output = Changed<R>;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.CHANGES", self.table.name());
        match &self.from {
            From::Nothing => {}
            From::Position(at) => _ = command.word("SINCE").word(&at.epoch).number(at.number),
            From::Cursor(cursor) => _ = command.word("CURSOR").word(cursor),
        }
        if let Some(limit) = self.limit {
            command.word("LIMIT").number(limit);
        }
        command.returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<Changed<R>> {
        let mut parts = reply::array(reply)?.into_iter();
        let mut part = || parts.next().unwrap_or_default();
        let end = Position {
            epoch: reply::text(part())?,
            number: reply::count(&part())?,
        };
        let cursor = reply::text(part())?;
        let rows = part();
        let Value::BulkString(bytes) = &rows else {
            return Err(reply::unexpected("a packed answer", &rows));
        };
        let next = (cursor != "0").then(|| Feed {
            table: self.table.clone(),
            from: From::Cursor(cursor),
            limit: self.limit,
        });
        let mut entries = Vec::new();
        packed::changes(bytes, names::<R>(), |kind, id, row| {
            entries.push(match kind {
                "put" => Entry::Put(R::take(row)?),
                kind => {
                    let id = R::Id::read(id).map_err(|unfit| Error::Field {
                        field: "id".into(),
                        expected: unfit.expected,
                        found: unfit.found,
                    })?;
                    match kind {
                        "expire" => Entry::Expired(id),
                        _ => Entry::Deleted(id),
                    }
                }
            });
            Ok(())
        })?;
        Ok(Changed { entries, end, next })
    }
}

/// What a consumer says of itself; see [`Table::acknowledge`] and [`Table::forget`].
#[derive(Debug)]
pub struct Acknowledge<R> {
    table: Table<R>,
    consumer: String,
    position: Option<Position>,
}

impl<R: Record> Acknowledge<R> {
    pub(crate) fn new(
        table: Table<R>,
        consumer: String,
        position: Option<Position>,
    ) -> Acknowledge<R> {
        Acknowledge {
            table,
            consumer,
            position,
        }
    }
}

impl<R: Record> Operation for Acknowledge<R> {
    type Output = ();

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.ACK", self.table.name());
        command.word(&self.consumer);
        match &self.position {
            Some(position) => command.word(&position.epoch).number(position.number),
            None => command.word("FORGET"),
        };
        command
    }

    fn read(&self, _: Value) -> Result<()> {
        Ok(())
    }
}
