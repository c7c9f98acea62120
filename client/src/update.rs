//! Changes of one record.

use redis::Value;

use crate::{
    changes::Assignments,
    column::Column,
    command::Command,
    error::{Error, Result},
    expiry::Expiry,
    field::FieldValue,
    find::write_id,
    kind::Number,
    operation::Operation,
    predicate::Predicate,
    record::{Record, names},
    reply,
    row::Row,
    table::Table,
    words::Words,
};

/// A change of the record of an id; see [`Table::update`].
#[derive(Debug)]
pub struct Update<R> {
    table: Table<R>,
    id: Words,
    changes: Assignments,
    condition: Option<Predicate<R>>,
    expiry: Option<Expiry>,
    touch: bool,
}

impl<R: Record> Update<R> {
    pub(crate) fn new(table: Table<R>, id: Words, changes: Assignments) -> Update<R> {
        Update {
            table,
            id,
            // A command without a change is none: nothing to change is to touch.
            touch: changes.is_empty(),
            changes,
            condition: None,
            expiry: None,
        }
    }

    /// Only where the record matches, else it is [`Error::Stale`]. It needs no index.
    pub fn only_if(mut self, predicate: Predicate<R>) -> Update<R> {
        self.condition = Some(match self.condition {
            Some(before) => before.and(predicate),
            None => predicate,
        });
        self
    }

    /// Until when the record lives.
    pub fn expires(mut self, expiry: Expiry) -> Update<R> {
        self.expiry = Some(expiry);
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new("YARR.UPDATE", self.table.name());
        let mut condition = self.condition.clone();
        if !write_id(&mut command, &self.id) {
            let this = id_is(&self.id);
            let all = match condition.take() {
                Some(condition) => this.and(condition),
                None => this,
            };
            command.word("WHERE").extend(all.words());
        }
        self.changes.write_changes(&mut command);
        if self.touch {
            command.word("TOUCH");
        }
        Expiry::write(self.expiry, &mut command);
        if let Some(condition) = condition {
            command.word("IF").extend(condition.words());
        }
        command
    }

    /// What is answered of the record; null is that there is none, 0 that the condition did not hold.
    fn done<'n, T>(
        &self,
        reply: &Value,
        names: impl Iterator<Item = &'n str> + Clone,
        take: impl FnMut(&mut Row<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let (table, id) = (self.table.name().to_string(), self.id.to_string());
        match reply {
            Value::Int(0) => Err(Error::Stale { table, id }),
            Value::Nil => Err(Error::NotFound { table, id }),
            reply => {
                let record = reply::present(reply, names, take)?.into_iter().next();
                record.ok_or(Error::NotFound { table, id })
            }
        }
    }
}

/// Whether the id is this one.
fn id_is<R: Record>(id: &Words) -> Predicate<R> {
    let mut words = Words::new();
    words.push_field("id");
    words.push("=");
    words.extend(id);
    Predicate::condition(words)
}

impl<R: Record> Operation for Update<R> {
    type Output = R;

    fn to_command(&self) -> Command {
        let mut command = self.command();
        command.returning(names::<R>());
        command
    }

    fn read(&self, reply: Value) -> Result<R> {
        self.done(&reply, names::<R>(), R::take)
    }
}

/// A number that is added to; see [`Table::increment`].
#[derive(Debug)]
pub struct Increment<R, T> {
    update: Update<R>,
    field: Column<R, T>,
}

impl<R: Record, T: FieldValue> Increment<R, T>
where
    T::Kind: Number,
{
    pub(crate) fn new(
        table: Table<R>,
        id: Words,
        field: Column<R, T>,
        by: impl crate::Value<T::Kind>,
    ) -> Increment<R, T> {
        let changes = Assignments::of::<R, _>(&field.increment(by));
        Increment {
            update: Update::new(table, id, changes),
            field,
        }
    }

    /// Only where the record matches, else it is [`Error::Stale`].
    pub fn only_if(mut self, predicate: Predicate<R>) -> Increment<R, T> {
        self.update = self.update.only_if(predicate);
        self
    }
}

impl<R: Record, T: FieldValue> Operation for Increment<R, T> {
    type Output = T;

    fn to_command(&self) -> Command {
        let mut command = self.update.command();
        command.returning([self.field.name()]);
        command
    }

    fn read(&self, reply: Value) -> Result<T> {
        let names = [self.field.name()].into_iter();
        self.update.done(&reply, names, |row| row.take())
    }
}

/// The condition that a record still has the version it was read with.
pub(crate) fn unchanged<R: Record>(record: &R) -> Option<Predicate<R>> {
    let (field, version) = (R::VERSION?, record.version()?);
    Some(Column::<R, i64>::new(field).eq(version))
}

pub(crate) fn id_of<R: Record>(record: &R) -> Words {
    let mut words = Words::new();
    record.id().write(&mut words);
    words
}

/// A record that is written back; see [`Table::save`] and [`Tracked::save`](crate::Tracked::save).
#[derive(Debug)]
pub struct Save<R>(Update<R>);

/// What an application may write back: what the server keeps by itself is left to it.
pub(crate) fn writable<R: Record>(record: &R) -> Assignments {
    let mut assignments = Assignments::default();
    record.write(&mut assignments);
    let kept = |field: &str| ["id", "updated_at"].contains(&field) || R::VERSION == Some(field);
    assignments.retain(|field| !kept(field));
    assignments
}

impl<R: Record> Save<R> {
    pub(crate) fn whole(table: Table<R>, record: &R) -> Save<R> {
        Save::of(table, record, writable(record))
    }

    pub(crate) fn of(table: Table<R>, record: &R, changes: Assignments) -> Save<R> {
        let touch = changes.is_empty();
        let mut changes = changes;
        if let Some(version) = R::VERSION {
            changes.increment(version, 1);
        }
        let mut update = Update::new(table, id_of(record), changes);
        update.touch = touch;
        update.condition = unchanged(record);
        Save(update)
    }

    /// Until when the record lives.
    pub fn expires(mut self, expiry: Expiry) -> Save<R> {
        self.0 = self.0.expires(expiry);
        self
    }
}

impl<R: Record> Operation for Save<R> {
    type Output = R;

    fn to_command(&self) -> Command {
        self.0.to_command()
    }

    fn read(&self, reply: Value) -> Result<R> {
        self.0.read(reply)
    }
}
