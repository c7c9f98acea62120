//! The tool against real servers: the configuration, connections, migrations.

#[path = "../harness/mod.rs"]
mod harness;

mod cluster;
mod configuration;
mod connections;
mod generate;
mod killed;
mod several;
mod verbs;
mod version;
mod wrong;
