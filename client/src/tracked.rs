//! A record that knows what has changed of it.

use std::ops::{Deref, DerefMut};

use redis::Value;

use crate::{
    changes::Assignments,
    command::Command,
    error::Result,
    expiry::Expiry,
    operation::Operation,
    record::Record,
    table::Table,
    update::{Save, writable},
};

/// A record that knows what has changed since it was read, so that saving it writes only that.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "user")] struct User { id: i64, name: String, age: Option<i64> }
/// # let user = User { id: 7, name: "Ann".into(), age: Some(31) };
/// let mut user = Tracked::new(user);
/// user.age = Some(32);
/// assert_eq!(
///     user.save().to_command().to_string(),
///     "YARR.UPDATE user 7 SET @age 32 RETURN @id @name @age PACKED"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Tracked<R> {
    record: R,
    before: Assignments,
}

impl<R: Record> Tracked<R> {
    /// Remembers the record as it is.
    pub fn new(record: R) -> Tracked<R> {
        let before = writable(&record);
        Tracked { record, before }
    }

    /// Whether a field has changed.
    pub fn is_changed(&self) -> bool {
        !self.changes().is_empty()
    }

    /// The names of the fields that have changed.
    pub fn changed(&self) -> Vec<&'static str> {
        self.changes().fields().collect()
    }

    fn changes(&self) -> Assignments {
        writable(&self.record).since(&self.before)
    }

    /// Writes what has changed and answers the record as it is then. Where nothing has, the record is touched: its
    /// `updated_at` and its time to live begin anew, as with every write.
    ///
    /// Where the struct has a version, the record must still have it ([`Error::Stale`](crate::Error::Stale)); a record
    /// that is gone is [`Error::NotFound`](crate::Error::NotFound).
    pub fn save(&self) -> SaveTracked<R> {
        self.save_in(Table::default())
    }

    /// The same in a table of another name.
    pub fn save_in(&self, table: Table<R>) -> SaveTracked<R> {
        SaveTracked(Save::of(table, &self.record, self.changes()))
    }

    /// The record.
    pub fn into_inner(self) -> R {
        self.record
    }
}

impl<R> Deref for Tracked<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}

impl<R> DerefMut for Tracked<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.record
    }
}

/// What has changed of a record, to be written; see [`Tracked::save`].
#[derive(Debug)]
pub struct SaveTracked<R>(Save<R>);

impl<R: Record> SaveTracked<R> {
    /// Until when the record lives.
    pub fn expires(self, expiry: Expiry) -> SaveTracked<R> {
        SaveTracked(self.0.expires(expiry))
    }
}

impl<R: Record> Operation for SaveTracked<R> {
    type Output = Tracked<R>;

    fn to_command(&self) -> Command {
        self.0.to_command()
    }

    fn read(&self, reply: Value) -> Result<Tracked<R>> {
        self.0.read(reply).map(Tracked::new)
    }
}
