//! Data in and out, against real servers: import, export, adopt.

#[path = "../harness/mod.rs"]
mod harness;

mod adopt;
mod flights;
mod import;
mod resume;
mod round_trip;
