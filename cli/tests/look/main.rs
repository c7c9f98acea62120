//! The verbs that look, against real servers and in real pseudo-terminals.

#[path = "../harness/mod.rs"]
mod harness;

mod cluster;
mod completion;
mod console;
mod plain;
mod sample;
mod story;
mod terminal;
mod top;
