//! The tool against real servers: the configuration, connections, migrations.

#[path = "../harness/mod.rs"]
mod harness;

mod version;
