//! Tables of a Redis server with the YARR module into Amazon Redshift, PostgreSQL and files: incrementally, and
//! exactly once.
//!
//! One pipeline serves all targets. A [`source`] is read, by its change feed or by a walk; rows go through
//! [`part`] into files of a [`store`], the manifest last; a [`target`] takes the files in by one transaction of its own,
//! in which its watermark moves too; then the source is told, and the files go. [`plan`] says beforehand which column
//! gets which field, and refuses what would not fit; [`run`] is the machine of states around all of it, and its
//! documentation says why no row is lost, doubled or stale.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod address;
pub mod config;
pub mod error;
pub mod event;
pub mod manifest;
pub mod metrics;
pub mod moment;
pub mod notify;
pub mod part;
pub mod plan;
pub mod replication;
pub mod run;
pub mod source;
pub mod store;
pub mod table;
pub mod target;
pub mod variables;
pub mod verify;

pub use error::{Error, Kind, Result};
pub use event::{Event, Listener};
pub use manifest::Manifest;
pub use replication::{Batch, Counts, Mode, Replication, State, Watermark};
pub use table::{Column, Deletes, FieldType, Form, Strategy, Table, Wish};
pub use target::Target;
