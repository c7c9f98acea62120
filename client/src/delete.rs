//! Records that go.

use redis::Value;

use crate::{
    command::Command,
    error::{Error, Result},
    find::write_id,
    operation::Operation,
    predicate::Predicate,
    record::Record,
    reply,
    table::Table,
    update::{id_of, unchanged},
    words::Words,
};

/// The end of the record of an id; see [`Table::delete`].
#[derive(Debug)]
pub struct Delete<R> {
    table: Table<R>,
    id: Words,
    condition: Option<Predicate<R>>,
}

impl<R: Record> Delete<R> {
    pub(crate) fn new(table: Table<R>, id: Words) -> Delete<R> {
        Delete {
            table,
            id,
            condition: None,
        }
    }

    /// Only where the record matches, else it is [`Error::Stale`]. It needs no index.
    pub fn only_if(mut self, predicate: Predicate<R>) -> Delete<R> {
        self.condition = Some(match self.condition {
            Some(before) => before.and(predicate),
            None => predicate,
        });
        self
    }
}

impl<R: Record> Operation for Delete<R> {
    type Output = bool;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.DEL", self.table.name());
        if !write_id(&mut command, &self.id) {
            command.word("IDS").number(1).extend(&self.id);
        }
        if let Some(condition) = &self.condition {
            command.word("IF").extend(condition.words());
        }
        command
    }

    fn read(&self, reply: Value) -> Result<bool> {
        match reply {
            Value::Nil => Ok(false),
            Value::Int(0) if self.condition.is_some() => Err(Error::Stale {
                table: self.table.name().into(),
                id: self.id.to_string(),
            }),
            reply => Ok(reply::count(&reply)? > 0),
        }
    }
}

/// The end of a record; see [`Table::destroy`].
#[derive(Debug)]
pub struct Destroy<R>(Delete<R>);

impl<R: Record> Destroy<R> {
    pub(crate) fn new(table: Table<R>, record: &R) -> Destroy<R> {
        let mut delete = Delete::new(table, id_of(record));
        delete.condition = unchanged(record);
        Destroy(delete)
    }
}

impl<R: Record> Operation for Destroy<R> {
    type Output = bool;

    fn to_command(&self) -> Command {
        self.0.to_command()
    }

    fn read(&self, reply: Value) -> Result<bool> {
        self.0.read(reply)
    }
}
