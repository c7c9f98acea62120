//! The library behind `yarr`, the command-line tool of YARR: tests call it as the program does.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod args;
pub mod config;
pub mod context;
pub mod data;
pub mod error;
pub mod look;
pub mod migrations;
pub mod output;
pub mod replicate;
pub mod server;

use std::process::ExitCode;

pub use context::Context;
pub use error::{Error, Kind, Outcome, Result};

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    args::main()
}
