//! The change feed of a table: `YARR.CHANGES`, page after page, and `YARR.ACK`.

use std::collections::HashMap;

use redis::{FromRedisValue, Value, cmd};

use super::{
    Source, number,
    page::{Pace, Page, named, packed},
};
use crate::{
    error::{Error, Result},
    replication::Watermark,
};

/// A batch of changes. The first page fixes where it ends: what is written after that is the next batch's.
#[derive(Debug)]
pub struct Feed {
    table: String,
    /// `None` is from nothing: all that is there.
    since: Option<Watermark>,
    fields: Vec<String>,
    pace: Pace,
    cursor: Cursor,
    to: Watermark,
}

#[derive(Debug)]
enum Cursor {
    First,
    At(Vec<u8>),
    End,
}

impl Feed {
    /// Changes since a watermark. `fields` begin with `id`.
    pub fn new(
        table: &str,
        since: Option<Watermark>,
        fields: impl Iterator<Item = impl Into<String>>,
        page_bytes: u64,
    ) -> Feed {
        Feed {
            table: table.into(),
            since,
            // The id comes unasked.
            fields: fields.skip(1).map(Into::into).collect(),
            pace: Pace::new(page_bytes),
            cursor: Cursor::First,
            to: Watermark::nothing(),
        }
    }

    pub(super) fn watermark(&self) -> Watermark {
        self.to.clone()
    }

    pub(super) async fn next(&mut self, source: &mut Source) -> Result<Option<Page>> {
        let (epoch, upto, next, page) = loop {
            let mut command = cmd("YARR.CHANGES");
            command.arg(&self.table);
            match (&self.cursor, &self.since) {
                (Cursor::End, _) => return Ok(None),
                (Cursor::At(cursor), _) => _ = command.arg("CURSOR").arg(cursor),
                (Cursor::First, None) => {}
                (Cursor::First, Some(since)) => {
                    command.arg("SINCE").arg(&since.epoch).arg(since.position);
                }
            }
            command.arg("LIMIT").arg(self.pace.limit());
            command.arg("BYTES").arg(self.pace.bytes());
            if !self.fields.is_empty() {
                command.arg("RETURN");
                named(&mut command, &self.fields);
            }
            command.arg("PACKED");
            let asked = source.ask::<(String, i64, Vec<u8>, Value)>(&command).await;
            match asked {
                Err(error) if error.message.contains("TOOMANY") && self.pace.too_many() => {}
                Err(error) => return Err(error.at(&self.table)),
                Ok(answer) => break answer,
            }
        };
        let packed = packed(page)?;
        self.pace.came(packed.len());
        let to = Watermark {
            epoch,
            position: upto,
        };
        // The epoch also says what the reader has seen by then: that of the last page is the batch's.
        if !self.to.is_nothing() && self.to.position != to.position {
            return Err(Error::unreachable(format!(
                "{}: the feed moved from {} to {to} within a batch: read it anew",
                self.table, self.to
            )));
        }
        self.to = to;
        self.cursor = match next.as_slice() {
            b"0" => Cursor::End,
            _ => Cursor::At(next),
        };
        Ok(Some(Page {
            packed,
            first: None,
        }))
    }
}

/// What a source knows of a consumer of a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// How many changes it has not acknowledged.
    pub lag: u64,
    /// How many tombstones the table holds.
    pub tombstones: u64,
    /// Whether it is registered.
    pub registered: bool,
}

impl Source {
    /// Tells a feed that a consumer has what is up to a watermark: tombstones behind it may go.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn acknowledge(&mut self, table: &str, consumer: &str, to: &Watermark) -> Result<()> {
        let mut command = cmd("YARR.ACK");
        command
            .arg(table)
            .arg(consumer)
            .arg(&to.epoch)
            .arg(to.position);
        self.ask::<Value>(&command).await.map(|_| ())
    }

    /// Takes a consumer out of a feed's register.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn forget(&mut self, table: &str, consumer: &str) -> Result<()> {
        let mut command = cmd("YARR.ACK");
        command.arg(table).arg(consumer).arg("FORGET");
        self.ask::<Value>(&command).await.map(|_| ())
    }

    /// What a feed knows of a consumer; `None` where the table has no feed.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn consumer(&mut self, table: &str, consumer: &str) -> Result<Option<Consumer>> {
        let mut info: HashMap<String, Value> = self.ask(cmd("YARR.INFO").arg(table)).await?;
        let changes = info.remove("changes").unwrap_or(Value::Nil);
        let Ok(mut changes) = HashMap::<String, Value>::from_redis_value(changes) else {
            return Ok(None);
        };
        let consumers = changes.remove("consumers").unwrap_or(Value::Nil);
        let consumers: Vec<HashMap<String, Value>> =
            Vec::from_redis_value(consumers).unwrap_or_default();
        let own = consumers.into_iter().find(|one| {
            let name = one.get("name").map(String::from_redis_value_ref);
            matches!(name, Some(Ok(name)) if name == consumer)
        });
        Ok(Some(Consumer {
            lag: own
                .as_ref()
                .map_or_else(|| number(changes.get("head")), |own| number(own.get("lag"))),
            tombstones: number(changes.get("tombstones")),
            registered: own.is_some(),
        }))
    }
}
