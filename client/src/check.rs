//! Whether a table is what a struct says.

use redis::Value;

use crate::{
    command::Command,
    error::{Error, Result},
    operation::Operation,
    record::Record,
    reply,
    schema::{Drift, Found},
    table::Table,
};

/// A comparison of a table with its struct; see [`Table::check`].
#[derive(Debug)]
pub struct Check<R>(Table<R>);

impl<R: Record> Check<R> {
    pub(crate) fn new(table: Table<R>) -> Check<R> {
        Check(table)
    }
}

impl<R: Record> Operation for Check<R> {
    type Output = Drift;

    fn to_command(&self) -> Command {
        Command::new("YARR.SCHEMA", self.0.name())
    }

    fn read(&self, reply: Value) -> Result<Drift> {
        let operations = reply::array(reply)?.into_iter().map(reply::text);
        let found = Found::read(&operations.collect::<Result<Vec<String>>>()?);
        Ok(Drift::new(self.0.name(), found.lacks(&R::SCHEMA)))
    }

    /// A table that is not there lacks everything.
    fn refused(&self, error: Error) -> Result<Drift> {
        match error {
            Error::NoTable(_) => Ok(Drift::new(self.0.name(), R::SCHEMA.operations())),
            error => Err(error),
        }
    }
}
