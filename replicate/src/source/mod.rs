//! The source: a Redis server with the module; its schema, its change feed, and walks through its tables.

use std::time::Duration;

use crate::{
    address::Address,
    error::{Error, Result},
};

/// A connection to the source, single, by Sentinels or to a cluster, with TLS or without. It is made anew after an
/// error.
pub struct Source {}

impl Source {
    /// A source at an address; `timeout` is how long to wait for a connection.
    ///
    /// # Errors
    /// Where it cannot be reached, or has not the module.
    pub async fn connect(_: &Address, _timeout: Duration) -> Result<Source> {
        Err(Error::usage("there is no source"))
    }

    /// How many records a table has.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn count(&mut self, _table: &str) -> Result<u64> {
        Err(Error::usage("there is no source"))
    }
}
