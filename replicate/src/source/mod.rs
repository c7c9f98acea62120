//! The source: a Redis server with the module; its schema, its change feed, and walks through its tables.

mod connection;
mod feed;
mod lease;
mod page;
mod schema;
mod walk;

use std::{collections::HashMap, fmt, time::Duration};

use redis::{Cmd, FromRedisValue, Value, cmd};

use self::connection::Connection;
pub use self::{
    feed::{Consumer, Feed},
    lease::Lease,
    page::{Page, Pages},
    schema::{Added, Field, Schema, Step},
    walk::Walk,
};
use crate::{
    address::Address,
    error::{Error, Result},
};

/// A connection to the source, single, by Sentinels or to a cluster, with TLS or without. It is made anew after an
/// error.
pub struct Source {
    connection: Connection,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name()).finish()
    }
}

impl Source {
    /// A source at an address; `timeout` is how long to wait for a connection.
    ///
    /// # Errors
    /// Where it cannot be reached, or has not the module.
    pub async fn connect(address: &Address, timeout: Duration) -> Result<Source> {
        let mut source = Source {
            connection: Connection::new(address, timeout),
        };
        // A user may not be allowed to ask, which is no reason to stop.
        let asked: Result<Value> = source
            .ask(cmd("COMMAND").arg("INFO").arg("YARR.WHERE"))
            .await;
        match asked {
            Ok(Value::Array(found)) if found == [Value::Nil] => Err(Error::refused(
                "the server has no YARR module: load libyarr.so",
            )
            .at(source.name())),
            Err(error) if error.kind == crate::Kind::Unreachable => Err(error),
            Err(error) if !error.message.contains("NOPERM") => Err(error),
            _ => Ok(source),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        self.connection.name()
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T> {
        self.connection.ask(command).await
    }

    /// How many records a table has.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn count(&mut self, table: &str) -> Result<u64> {
        let info: HashMap<String, Value> = self.ask(cmd("YARR.INFO").arg(table)).await?;
        Ok(number(info.get("records")))
    }

    /// The server's clock, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn now(&mut self) -> Result<i64> {
        let (seconds, micros): (i64, i64) = self.ask(&cmd("TIME")).await?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// A table, as it is now.
    ///
    /// # Errors
    /// Where there is none, and those of the server.
    pub async fn schema(&mut self, table: &str) -> Result<Schema> {
        // The history first: what a migration changes meanwhile is then a line that was not counted.
        let lines = self.lines(table).await?;
        let operations: Vec<String> = self.ask(cmd("YARR.SCHEMA").arg(table)).await?;
        let info: HashMap<String, Value> = self.ask(cmd("YARR.INFO").arg(table)).await?;
        let identity = info.get("identity").cloned().unwrap_or(Value::Nil);
        let identity = String::from_redis_value(identity).unwrap_or_default();
        Schema::parse(table, identity, &operations, lines).map_err(|error| error.at(table))
    }

    /// What each line of a table's history did; a migration that is still running is none.
    ///
    /// # Errors
    /// Where there is no such table, and those of the server.
    pub async fn lines(&mut self, table: &str) -> Result<Vec<Vec<Step>>> {
        let lines: Vec<HashMap<String, Value>> = self
            .ask(cmd("YARR.SCHEMA").arg(table).arg("HISTORY"))
            .await?;
        let mut all = Vec::new();
        for mut line in lines {
            let mut take = |name: &str| line.remove(name).unwrap_or(Value::Nil);
            let state = String::from_redis_value(take("state")).unwrap_or_default();
            let operations = Vec::from_redis_value(take("operations")).unwrap_or_default();
            match state.as_str() {
                "APPLIED" => all.push(schema::steps(&operations)?),
                "RUNNING" => break,
                _ => all.push(Vec::new()),
            }
        }
        Ok(all)
    }
}

fn number(value: Option<&Value>) -> u64 {
    let number = value.and_then(|value| u64::from_redis_value_ref(value).ok());
    number.unwrap_or_default()
}
