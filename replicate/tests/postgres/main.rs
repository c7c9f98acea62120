//! Replication to PostgreSQL, from one end to the other.

mod harness;
mod killed;
mod states;
mod strategies;
