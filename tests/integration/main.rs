//! The module inside real servers, seen as a client sees it.
//!
//! `YARR_MODULE` names the module (else `target/release/libyarr.so`), `YARR_SERVER` or `REDIS_SERVER` the
//! server (else `redis-server`); what an older one cannot is passed over, see [`able`]. `YARR_SEED` makes the
//! random tests take another way, `YARR_CRASHES` and `YARR_ROUNDS` say how often those of crashes and failovers
//! do what they do. Most tests share one server, each in a database of its own.

mod able;
mod access;
mod aggregate;
mod aof;
mod caching;
mod changes;
mod cli;
mod cluster;
mod conflict;
mod cost;
mod crash;
mod create;
mod cursor;
mod damaged;
mod data_migration;
mod defragmentation;
mod delete;
mod errors;
mod expiry;
mod failover;
mod find;
mod format;
mod functions;
mod fuzz;
mod hostile;
mod identity;
mod keys;
mod lacking;
mod line;
mod load;
mod memory_limit;
mod migrate;
mod model;
mod notifications;
mod observers;
mod online;
mod operation;
mod other_types;
mod packed;
mod payload;
mod permissions;
mod persistence;
mod predicate;
mod query;
mod random;
mod readme;
mod replication;
mod reply;
mod resp3;
mod resync;
mod sample;
mod schema;
mod sentinel;
mod server;
mod stall;
mod tags;
mod transactions;
mod transcript;
mod transfer;
mod unpack;
mod update;
mod value;
mod watch;
