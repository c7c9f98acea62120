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
mod field;
mod find;
pub mod kind;
mod line;
mod migration;
mod migrator;
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
pub use field::FieldValue;
pub use find::{Find, FindMany};
pub use migration::Migration;
pub use migrator::{Migrator, Status};
pub use operation::Operation;
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

#[cfg(feature = "derive")]
pub use yarr_client_derive::{Changes, Enum, Record};

/// What a program that speaks to tables takes in with a `*`.
pub mod prelude {
    pub use crate::{
        Changes, Cursor, Expiry, Operation, Record, Tracked, avg, count, count_distinct, max, min,
        not, now, sum,
    };

    #[cfg(feature = "derive")]
    pub use crate::Enum;
}
