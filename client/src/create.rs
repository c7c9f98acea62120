//! New records.

use redis::Value;

use crate::{
    changes::Assignments,
    command::Command,
    error::{Error, Result},
    expiry::Expiry,
    operation::Operation,
    record::{Record, names},
    reply,
    table::Table,
    words::Words,
};

/// What is done where a record with the same values is there already.
#[derive(Debug)]
pub(crate) struct Conflict {
    fields: Vec<&'static str>,
    resolution: &'static str,
}

impl Conflict {
    pub(crate) fn update(fields: Vec<&'static str>) -> Conflict {
        let resolution = "UPDATE";
        Conflict { fields, resolution }
    }

    pub(crate) fn keep(fields: Vec<&'static str>) -> Conflict {
        let resolution = "KEEP";
        Conflict { fields, resolution }
    }

    fn write(conflict: Option<&Conflict>, command: &mut Command) {
        if let Some(Conflict { fields, resolution }) = conflict {
            command
                .word("ON")
                .word("CONFLICT")
                .fields(fields.iter().copied());
            command.word(resolution);
        }
    }
}

/// A new record; see [`Table::create`], [`Table::upsert`] and [`Table::find_or_create`].
#[derive(Debug)]
pub struct Create<R> {
    table: Table<R>,
    values: Assignments,
    conflict: Option<Conflict>,
    expiry: Option<Expiry>,
}

impl<R: Record> Create<R> {
    pub(crate) fn new(
        table: Table<R>,
        values: Assignments,
        conflict: Option<Conflict>,
    ) -> Create<R> {
        Create {
            table,
            values,
            conflict,
            expiry: None,
        }
    }

    /// Until when the record lives.
    pub fn expires(mut self, expiry: Expiry) -> Create<R> {
        self.expiry = Some(expiry);
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new("YARR.CREATE", self.table.name());
        self.values.write_values(&mut command);
        Conflict::write(self.conflict.as_ref(), &mut command);
        Expiry::write(self.expiry, &mut command);
        command
    }

    /// The same, answering the id alone.
    pub fn id(self) -> CreateId<R> {
        CreateId(self)
    }
}

fn none(table: &str) -> Error {
    Error::reply(format!("a record of '{table}', found null"))
}

impl<R: Record> Operation for Create<R> {
    type Output = R;

    fn to_command(&self) -> Command {
        let mut command = self.command();
        command.returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<R> {
        reply::one(&reply, names::<R>(), R::take)?.ok_or_else(|| none(self.table.name()))
    }
}

/// The id of a new record; see [`Create::id`].
#[derive(Debug)]
pub struct CreateId<R>(Create<R>);

impl<R: Record> Operation for CreateId<R> {
    type Output = R::Id;

    fn to_command(&self) -> Command {
        let mut command = self.0.command();
        command.returning(["id"]);
        command
    }

    fn read(&self, reply: Value) -> Result<R::Id> {
        let id = reply::one(&reply, ["id"].into_iter(), |row| row.take())?;
        id.ok_or_else(|| none(self.0.table.name()))
    }
}

/// Many new records; see [`Table::create_many`].
#[derive(Debug)]
pub struct CreateMany<R> {
    table: Table<R>,
    rows: Vec<Assignments>,
    conflict: Option<Conflict>,
    expiry: Option<Expiry>,
}

impl<R: Record> CreateMany<R> {
    pub(crate) fn new(table: Table<R>, rows: Vec<Assignments>) -> CreateMany<R> {
        CreateMany {
            table,
            rows,
            conflict: None,
            expiry: None,
        }
    }

    /// Sets the values on the record that has the same in these fields, where there is one.
    pub fn or_update(mut self, on: impl crate::Columns<R>) -> CreateMany<R> {
        self.conflict = Some(Conflict::update(on.names()));
        self
    }

    /// Keeps the record that has the same in these fields, where there is one, and answers its id.
    pub fn or_keep(mut self, on: impl crate::Columns<R>) -> CreateMany<R> {
        self.conflict = Some(Conflict::keep(on.names()));
        self
    }

    /// Until when the records live.
    pub fn expires(mut self, expiry: Expiry) -> CreateMany<R> {
        self.expiry = Some(expiry);
        self
    }

    /// What keeps the rows from being one list of values: rows that give other fields than the first one, or none.
    fn fault(&self) -> Option<String> {
        let fields = |row: &Assignments| row.fields().collect::<Vec<_>>();
        let first = fields(self.rows.first()?);
        if first.is_empty() {
            return Some("the rows of create_many give no fields; make each by itself".into());
        }
        let other = self
            .rows
            .iter()
            .position(|row| !row.fields().eq(first.iter().copied()))?;
        let found = self.rows.get(other).map(fields).unwrap_or_default();
        Some(format!(
            "the rows of create_many give the same fields in the same order: expected {first:?} as in the first, found {found:?} in row {}",
            other + 1
        ))
    }

    /// A word that is none of the values, to stand for null; none where there are no nulls.
    fn null(&self) -> Option<Vec<u8>> {
        let values = || self.rows.iter().flat_map(Assignments::values);
        if values().all(|value| value.is_some()) {
            return None;
        }
        let taken = |null: &[u8]| {
            values()
                .flatten()
                .flat_map(Words::iter)
                .any(|word| word == null)
        };
        let mut null = b"-".to_vec();
        while taken(&null) {
            null.push(b'-');
        }
        Some(null)
    }
}

impl<R: Record> Operation for CreateMany<R> {
    type Output = Vec<R::Id>;

    /// With no rows it asks for no records, so that it is one command as ever; with rows that are no list it is one that
    /// the server refuses.
    fn to_command(&self) -> Command {
        let Some(first) = self.rows.first() else {
            let mut command = Command::new("YARR.FIND", self.table.name());
            command.word("IDS").number(0).returning(["id"]);
            return command;
        };
        let mut command = Command::new("YARR.CREATE", self.table.name());
        if self.fault().is_some() {
            command.word("FIELDS").number(0);
            return command;
        }
        Conflict::write(self.conflict.as_ref(), &mut command);
        Expiry::write(self.expiry, &mut command);
        command.returning(["id"]);
        let mut null = Words::new();
        if let Some(token) = self.null() {
            null.push(token);
            command.word("NULL").extend(&null);
        }
        command
            .word("FIELDS")
            .number(first.fields().count())
            .fields(first.fields());
        command.word("VALUES");
        for value in self.rows.iter().flat_map(Assignments::values) {
            command.extend(value.unwrap_or(&null));
        }
        command
    }

    fn read(&self, reply: Value) -> Result<Vec<R::Id>> {
        reply::present(&reply, ["id"].into_iter(), |row| row.take())
    }

    fn refused(&self, error: Error) -> Result<Vec<R::Id>> {
        Err(match self.fault() {
            Some(fault) if matches!(error, Error::Syntax(_)) => Error::Rows(fault),
            _ => error,
        })
    }
}
