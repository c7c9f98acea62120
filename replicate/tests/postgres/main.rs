//! Replication to PostgreSQL, from one end to the other.

mod feed;
mod harness;
mod killed;
mod states;
mod strategies;
mod ways;
