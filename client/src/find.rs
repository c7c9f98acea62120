//! Records by their ids.

use redis::Value;

use crate::{
    command::Command,
    error::Result,
    operation::Operation,
    record::{Record, names},
    reply,
    table::Table,
    words::Words,
};

/// The record of an id; see [`Table::find`].
#[derive(Debug)]
pub struct Find<R> {
    table: Table<R>,
    id: Words,
}

impl<R: Record> Find<R> {
    pub(crate) fn new(table: Table<R>, id: Words) -> Find<R> {
        Find { table, id }
    }
}

/// An id that is a word of the command's own (IDS, WHERE) is asked for among several.
pub(crate) fn write_id(command: &mut Command, id: &Words) -> bool {
    let bare = !id.iter().any(|id| {
        [&b"IDS"[..], b"WHERE"]
            .iter()
            .any(|word| id.eq_ignore_ascii_case(word))
    });
    if bare {
        command.extend(id);
    }
    bare
}

impl<R: Record> Operation for Find<R> {
    type Output = Option<R>;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.FIND", self.table.name());
        if !write_id(&mut command, &self.id) {
            command
                .word("WHERE")
                .fields(["id"])
                .word("=")
                .extend(&self.id);
        }
        command.returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<Option<R>> {
        reply::one(&reply, names::<R>(), R::take)
    }
}

/// The records of several ids; see [`Table::find_many`].
#[derive(Debug)]
pub struct FindMany<R> {
    table: Table<R>,
    ids: Words,
}

impl<R: Record> FindMany<R> {
    pub(crate) fn new(table: Table<R>, ids: Words) -> FindMany<R> {
        FindMany { table, ids }
    }
}

impl<R: Record> Operation for FindMany<R> {
    type Output = Vec<Option<R>>;

    fn to_command(&self) -> Command {
        let mut command = Command::new("YARR.FIND", self.table.name());
        command.word("IDS").number(self.ids.len()).extend(&self.ids);
        command.returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<Vec<Option<R>>> {
        reply::rows(&reply, names::<R>(), R::take)
    }
}
