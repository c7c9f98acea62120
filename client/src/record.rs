//! A struct whose values are the records of a table.

use crate::{
    changes::{Assignments, Changes, Values},
    check::Check,
    column::Columns,
    create::{Create, CreateMany},
    delete::{Delete, Destroy},
    error::Result,
    feed::{Acknowledge, Feed, Position},
    field::FieldValue,
    find::{Find, FindMany},
    predicate::Predicate,
    query::{First, Query},
    row::Row,
    schema::Schema,
    table::Table,
    update::{Increment, Save, Update},
};

/// A struct whose values are the records of a table: [`#[derive(Record)]`](macro@crate::Record) makes it one.
///
/// Each function answers an [`Operation`](crate::Operation), which is one command. What they do is the same in a table
/// of another name, by [`Table`].
pub trait Record: Sized {
    /// The table's name where no other is given.
    const TABLE: &'static str;
    /// What the struct says of the table.
    const SCHEMA: Schema;
    /// The field that counts the changes of a record, so that nobody writes over what somebody else wrote.
    const VERSION: Option<&'static str>;

    /// The type of the field `id`.
    type Id: FieldValue;
    /// The fields, each as a [`Column`](crate::Column).
    type Fields;

    /// The fields, to compare, to sort by and to set.
    fn fields() -> Self::Fields;

    /// The record's id.
    fn id(&self) -> &Self::Id;

    /// The number in the field that [`VERSION`](Record::VERSION) names.
    fn version(&self) -> Option<i64>;

    /// Takes a record from a row that has the fields in their order.
    ///
    /// # Errors
    /// Where a value does not fit.
    fn take(row: &mut Row<'_, '_>) -> Result<Self>;

    /// Writes down all fields but `expires_at`.
    fn write(&self, assignments: &mut Assignments);

    /// The table of this name, which has such records.
    ///
    /// ```
    /// # use yarr_client::prelude::*;
    /// # #[derive(Record)] #[record(table = "job")] struct Job { id: i64, priority: i64 }
    /// let of_tenant = Job::table("{42}:job");
    /// assert_eq!(of_tenant.find(1).to_command().to_string(), "YARR.FIND {42}:job 1 RETURN @id @priority PACKED");
    /// ```
    fn table(name: impl Into<std::borrow::Cow<'static, str>>) -> Table<Self> {
        Table::new(name)
    }

    /// See [`Table::create`].
    fn create<V: Values<Self>>(values: V) -> Create<Self> {
        Table::default().create(values)
    }

    /// See [`Table::create_many`].
    fn create_many<V: Values<Self>>(rows: impl IntoIterator<Item = V>) -> CreateMany<Self> {
        Table::default().create_many(rows)
    }

    /// See [`Table::upsert`].
    fn upsert<V: Values<Self>>(values: V, on: impl Columns<Self>) -> Create<Self> {
        Table::default().upsert(values, on)
    }

    /// See [`Table::find_or_create`].
    fn find_or_create<V: Values<Self>>(values: V, on: impl Columns<Self>) -> Create<Self> {
        Table::default().find_or_create(values, on)
    }

    /// See [`Table::feed`].
    fn feed() -> Feed<Self> {
        Table::default().feed()
    }

    /// See [`Table::acknowledge`].
    fn acknowledge(consumer: impl Into<String>, position: Position) -> Acknowledge<Self> {
        Table::default().acknowledge(consumer, position)
    }

    /// See [`Table::forget`].
    fn forget(consumer: impl Into<String>) -> Acknowledge<Self> {
        Table::default().forget(consumer)
    }

    /// See [`Table::find`].
    fn find(id: impl crate::Value<<Self::Id as FieldValue>::Kind>) -> Find<Self> {
        Table::default().find(id)
    }

    /// See [`Table::find_many`].
    fn find_many<I>(ids: impl IntoIterator<Item = I>) -> FindMany<Self>
    where
        I: crate::Value<<Self::Id as FieldValue>::Kind>,
    {
        Table::default().find_many(ids)
    }

    /// See [`Table::find_by`].
    fn find_by(predicate: Predicate<Self>) -> First<Self> {
        Table::default().find_by(predicate)
    }

    /// See [`Table::query`].
    fn query() -> Query<Self> {
        Table::default().query()
    }

    /// See [`Table::update`].
    fn update<C: Changes<Self>>(
        id: impl crate::Value<<Self::Id as FieldValue>::Kind>,
        changes: C,
    ) -> Update<Self> {
        Table::default().update(id, changes)
    }

    /// See [`Table::increment`].
    fn increment<T: FieldValue>(
        id: impl crate::Value<<Self::Id as FieldValue>::Kind>,
        field: crate::Column<Self, T>,
        by: impl crate::Value<T::Kind>,
    ) -> Increment<Self, T>
    where
        T::Kind: crate::kind::Number,
    {
        Table::default().increment(id, field, by)
    }

    /// See [`Table::delete`].
    fn delete(id: impl crate::Value<<Self::Id as FieldValue>::Kind>) -> Delete<Self> {
        Table::default().delete(id)
    }

    /// See [`Table::check`].
    fn check() -> Check<Self> {
        Table::default().check()
    }

    /// See [`Table::save`].
    fn save(&self) -> Save<Self> {
        Table::default().save(self)
    }

    /// See [`Table::destroy`].
    fn destroy(&self) -> Destroy<Self> {
        Table::default().destroy(self)
    }
}

/// The names of a record's fields.
pub(crate) fn names<R: Record>() -> impl Iterator<Item = &'static str> + Clone {
    R::SCHEMA.fields.iter().map(|field| field.name)
}
