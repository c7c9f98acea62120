//! Changes of all records of a query.

use redis::Value;

use crate::{
    changes::Assignments,
    command::Command,
    error::Result,
    expiry::Expiry,
    operation::Operation,
    query::Query,
    record::{Record, names},
    reply,
};

/// A change of all records of a query; see [`Query::update`]. More than the server's `max-write-records` without a
/// [`limit`](Query::limit) is [`Error::TooMany`](crate::Error::TooMany), with nothing changed.
#[derive(Debug)]
pub struct UpdateAll<R> {
    query: Query<R>,
    changes: Assignments,
    expiry: Option<Expiry>,
}

impl<R: Record> UpdateAll<R> {
    pub(crate) fn new(query: Query<R>, changes: Assignments) -> UpdateAll<R> {
        UpdateAll {
            query,
            changes,
            expiry: None,
        }
    }

    /// Until when the records live.
    pub fn expires(mut self, expiry: Expiry) -> UpdateAll<R> {
        self.expiry = Some(expiry);
        self
    }

    /// The same, answering the records as they are then.
    pub fn returning(self) -> Returning<UpdateAll<R>> {
        Returning(self)
    }
}

/// A write of all records of a query.
pub trait WriteAll: Operation {
    /// What the records are.
    type Record: Record;
}

impl<R: Record> WriteAll for UpdateAll<R> {
    type Record = R;
}

impl<R: Record> WriteAll for DeleteAll<R> {
    type Record = R;
}

/// The same write, answering the records in the place of their number.
#[derive(Debug)]
pub struct Returning<W>(W);

impl<W: WriteAll> Operation for Returning<W> {
    type Output = Vec<W::Record>;

    fn to_command(&self) -> Command {
        let mut command = self.0.to_command();
        command.returning(names::<W::Record>());
        command
    }

    fn read(&self, reply: Value) -> Result<Vec<W::Record>> {
        reply::present(&reply, names::<W::Record>(), W::Record::take)
    }
}

impl<R: Record> Operation for UpdateAll<R> {
    type Output = u64;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.UPDATE", self.query.table.name());
        command.word("WHERE");
        self.query.predicate(&mut command);
        self.changes.write_changes(&mut command);
        if self.changes.is_empty() {
            command.word("TOUCH");
        }
        Expiry::write(self.expiry, &mut command);
        self.query.ordered(&mut command);
        self.query.limited(self.query.limit, &mut command);
        command
    }

    fn read(&self, reply: Value) -> Result<u64> {
        reply::count(&reply)
    }
}

/// The end of all records of a query; see [`Query::delete`]. More than the server's `max-write-records` without a
/// [`limit`](Query::limit) is [`Error::TooMany`](crate::Error::TooMany), with nothing deleted.
#[derive(Debug)]
pub struct DeleteAll<R>(Query<R>);

impl<R: Record> DeleteAll<R> {
    pub(crate) fn new(query: Query<R>) -> DeleteAll<R> {
        DeleteAll(query)
    }

    /// The same, answering the records as they were.
    pub fn returning(self) -> Returning<DeleteAll<R>> {
        Returning(self)
    }
}

impl<R: Record> Operation for DeleteAll<R> {
    type Output = u64;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.DEL", self.0.table.name());
        command.word("WHERE");
        self.0.predicate(&mut command);
        self.0.ordered(&mut command);
        self.0.limited(self.0.limit, &mut command);
        command
    }

    fn read(&self, reply: Value) -> Result<u64> {
        reply::count(&reply)
    }
}
