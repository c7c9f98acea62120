//! What a query answers of its records.

use redis::Value;

use crate::{
    column::Columns,
    command::Command,
    error::Result,
    operation::Operation,
    query::Query,
    record::{Record, names},
    reply,
};

/// The records; see [`Query::load`].
#[derive(Debug)]
pub struct Load<R>(Query<R>);

impl<R: Record> Load<R> {
    pub(crate) fn new(query: Query<R>) -> Load<R> {
        Load(query)
    }
}

impl<R: Record> Operation for Load<R> {
    type Output = Vec<R>;

    fn to_command(&self) -> Command {
        let mut command = self.0.select();
        command.returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<Vec<R>> {
        reply::present(&reply, names::<R>(), R::take)
    }
}

/// The first record; see [`Query::first`].
#[derive(Debug)]
pub struct First<R>(Load<R>);

impl<R: Record> First<R> {
    pub(crate) fn new(query: Query<R>) -> First<R> {
        let limit = query.limit.map_or(1, |limit| limit.min(1));
        First(Load(query.limit(limit)))
    }
}

impl<R: Record> Operation for First<R> {
    type Output = Option<R>;

    fn to_command(&self) -> Command {
        self.0.to_command()
    }

    fn read(&self, reply: Value) -> Result<Option<R>> {
        Ok(self.0.read(reply)?.into_iter().next())
    }
}

/// The number of records; see [`Query::count`].
#[derive(Debug)]
pub struct Count<R>(Query<R>);

impl<R: Record> Count<R> {
    pub(crate) fn new(query: Query<R>) -> Count<R> {
        Count(query)
    }
}

impl<R: Record> Operation for Count<R> {
    type Output = u64;

    fn to_command(&self) -> Command {
        let mut command = self.0.select();
        command.word("COUNT");
        command
    }

    fn read(&self, reply: Value) -> Result<u64> {
        reply::count(&reply)
    }
}

/// Whether there is a record; see [`Query::exists`].
#[derive(Debug)]
pub struct Exists<R>(Count<R>);

impl<R: Record> Exists<R> {
    pub(crate) fn new(query: Query<R>) -> Exists<R> {
        let limit = query.limit.map_or(1, |limit| limit.min(1));
        Exists(Count(query.limit(limit)))
    }
}

impl<R: Record> Operation for Exists<R> {
    type Output = bool;

    fn to_command(&self) -> Command {
        self.0.to_command()
    }

    fn read(&self, reply: Value) -> Result<bool> {
        Ok(self.0.read(reply)? > 0)
    }
}

/// The ids of the records; see [`Query::ids`].
#[derive(Debug)]
pub struct Ids<R>(Query<R>);

impl<R: Record> Ids<R> {
    pub(crate) fn new(query: Query<R>) -> Ids<R> {
        Ids(query)
    }
}

impl<R: Record> Operation for Ids<R> {
    type Output = Vec<R::Id>;

    fn to_command(&self) -> Command {
        let mut command = self.0.select();
        command.word("IDS").word("PACKED");
        command
    }

    fn read(&self, reply: Value) -> Result<Vec<R::Id>> {
        reply::present(&reply, ["id"].into_iter(), |row| row.take())
    }
}

/// Values of fields; see [`Query::pluck`].
#[derive(Debug)]
pub struct Pluck<R, C> {
    query: Query<R>,
    columns: C,
}

impl<R: Record, C: Columns<R>> Pluck<R, C> {
    pub(crate) fn new(query: Query<R>, columns: C) -> Pluck<R, C> {
        Pluck { query, columns }
    }
}

impl<R: Record, C: Columns<R>> Operation for Pluck<R, C> {
    type Output = Vec<C::Values>;

    fn to_command(&self) -> Command {
        let mut command = self.query.select();
        command
            .word("PLUCK")
            .fields(self.columns.names())
            .word("PACKED");
        command
    }

    fn read(&self, reply: Value) -> Result<Self::Output> {
        let names = self.columns.names();
        reply::present(&reply, names.iter().copied(), |row| self.columns.take(row))
    }
}
