//! The verbs that look, against real servers and in real pseudo-terminals.

#[path = "../harness/mod.rs"]
mod harness;

mod console;
mod terminal;
