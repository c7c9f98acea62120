#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod batch;
mod cell;
mod changes;
mod check;
mod clock;
mod column;
mod command;
mod create;
mod delete;
mod error;
mod expiry;
mod feed;
mod field;
mod find;
pub mod kind;
mod line;
#[cfg(feature = "migrations")]
mod migration;
mod operation;
mod packed;
mod predicate;
mod query;
mod record;
mod reply;
mod row;
mod schema;
mod table;
mod tracked;
mod update;
#[cfg(feature = "uuid")]
mod uuid;
mod value;
mod words;

pub use batch::{Batch, Several, pipeline, transaction};
pub use cell::{Cell, Unfit};
pub use changes::{Assignment, Assignments, Change, Changes, Values};
pub use check::Check;
pub use clock::{Clock, now};
pub use column::{Column, Columns};
pub use command::Command;
pub use create::{Create, CreateId, CreateMany};
pub use delete::{Delete, Destroy};
pub use error::{Error, Refusal, Result};
pub use expiry::Expiry;
pub use feed::{Acknowledge, Changed, Entry, Feed, Position};
pub use field::FieldValue;
pub use find::{Find, FindMany};
#[cfg(feature = "migrations")]
#[cfg_attr(docsrs, doc(cfg(feature = "migrations")))]
pub use migration::{
    Block, Direction, Done, Each, Goal, Migration, Migrator, Note, Observer, Runner, State, Status,
};
pub use operation::Operation;
pub use packed::unpack;
pub use predicate::{Predicate, not};
pub use query::{
    Aggregate, Count, Cursor, DeleteAll, Exists, Explain, First, Function, Functions, GetPage,
    GroupBy, Grouped, Ids, Iter, Key, Load, Order, Page, Pluck, Query, Returning, UpdateAll, avg,
    count, count_distinct, max, min, sum,
};
pub use record::Record;
pub use redis;
pub use row::Row;
pub use schema::{Drift, Field, Index, Schema, Shape, Type};
pub use table::Table;
pub use tracked::{SaveTracked, Tracked};
pub use update::{Increment, Save, Update};
pub use value::Value;
pub use words::Words;

/// Makes an enum without data the names of an `ENUM`.
///
/// ```
/// use yarr_client::{Enum, FieldValue, Type};
///
/// #[derive(Enum)]
/// enum Status {
///     Active,
///     LoggedOut,
///     #[record(name = "x")]
///     Closed,
/// }
///
/// assert_eq!(Status::TYPE, Type::Enum(&["active", "logged_out", "x"]));
/// ```
#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
pub use yarr_client_derive::Enum;

/// Makes a struct some values of a record.
///
/// ```
/// # use yarr_client::prelude::*;
/// # #[derive(Record)] #[record(table = "user_session")]
/// # struct UserSession { id: i64, user_id: i64, token: String, device: Option<String> }
/// #[derive(Changes)]
/// #[record(of = UserSession)]
/// struct NewSession<'a> {
///     user_id: i64,
///     token: &'a str,
///     device: Option<&'a str>,
/// }
///
/// let new = NewSession { user_id: 42, token: "s-1001", device: None };
/// assert_eq!(
///     UserSession::update(7, &new).to_command().to_string(),
///     "YARR.UPDATE user_session 7 SET @user_id 42 @token s-1001 UNSET @device \
///      RETURN @id @user_id @token @device PACKED"
/// );
/// ```
#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
pub use yarr_client_derive::Changes;

/// Makes a struct the records of a table.
///
/// ```
/// use yarr_client::{Enum, Record};
///
/// #[derive(Record)]
/// #[record(table = "user_session", ttl = "2h", index(user_id, created_at))]
/// struct UserSession {
///     id: i64,
///     user_id: i64,
///     #[record(unique)]
///     token: String,
///     #[record(bitmap, default = "active")]
///     status: Status,
///     device: Option<String>,
///     created_at: std::time::SystemTime,
///     #[record(version)]
///     lock_version: i64,
/// }
///
/// #[derive(Enum)]
/// enum Status {
///     Active,
///     LoggedOut,
/// }
///
/// // What a first migration of the table says:
/// assert_eq!(
///     UserSession::SCHEMA.operations(),
///     [
///         "ADD FIELD user_id INTEGER NOT NULL",
///         "ADD FIELD token STRING NOT NULL",
///         "ADD FIELD status ENUM ( active logged_out ) NOT NULL DEFAULT active",
///         "ADD FIELD device STRING",
///         "ADD FIELD lock_version INTEGER NOT NULL DEFAULT 0",
///         "ADD INDEX @token UNIQUE",
///         "ADD INDEX @status BITMAP",
///         "ADD INDEX @user_id @created_at",
///         "SET TTL 7200 PASSIVE",
///     ]
/// );
/// ```
#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
pub use yarr_client_derive::Record;

/// What a program that speaks to tables takes in with a `*`.
pub mod prelude {
    pub use crate::{
        Changes, Cursor, Expiry, Operation, Record, Tracked, avg, count, count_distinct, max, min,
        not, now, sum,
    };

    #[cfg(feature = "derive")]
    pub use crate::Enum;
}
