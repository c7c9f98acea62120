//! YARR (Yet Another Redis Record): typed, indexed records inside a Redis server.
//!
//! A table is one Redis key that holds a schema, records, indexes and the history of its
//! migrations. The engine knows nothing of Redis; dependencies point one way:
//!
//! ```text
//! value, error <- schema <- index <- table <- query, encoding <- commands <- redis
//! ```

#![deny(missing_docs)]
#![cfg_attr(not(feature = "module"), forbid(unsafe_code))]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod commands;
pub mod encoding;
pub mod error;
pub mod index;
pub mod query;
#[cfg(feature = "module")]
mod redis;
pub mod schema;
pub mod table;
pub mod tokens;
pub mod value;
