//! The commands: one file each, and one table that names them.
//!
//! A command parses its arguments into a request, runs it on a table, writes its reply and
//! answers the effects to be persisted and replicated. It knows nothing of Redis: whoever
//! calls it opens the key, holds the clock and carries the effects away.

mod reply;

pub use reply::{Recorded, Reply};

use crate::{
    error::Result,
    table::{Effects, Table},
};

/// What a command may know of the world beside its table and its arguments.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Milliseconds since 1970 UTC, read once for the whole command.
    pub now: i64,
    /// Bounds on what one command may answer or change.
    pub limits: Limits,
    /// A source of random bits, for identities and version 7 UUIDs.
    pub random: &'a dyn Fn() -> u64,
}

/// Bounds on what one command may answer or change.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most records a reply may hold (`max-reply-records`).
    pub reply_records: u64,
    /// The most records an UPDATE or DEL by predicate may change without LIMIT (`max-write-records`).
    pub write_records: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            reply_records: 100_000,
            write_records: 10_000,
        }
    }
}

/// Runs a command that only reads. `args` are the tokens after the table's name.
pub type Read = fn(&Table, &[&[u8]], &Environment, &mut dyn Reply) -> Result<()>;
/// Runs a command that writes to a table that must exist.
pub type Write = fn(&mut Table, &[&[u8]], &Environment, &mut dyn Reply) -> Result<Effects>;
/// Runs a command that may bring the table into being (`None`: there is no such key).
pub type Make =
    fn(&mut Option<Box<Table>>, &[&[u8]], &Environment, &mut dyn Reply) -> Result<Effects>;

/// What a command does with its table.
#[derive(Clone, Copy)]
pub enum Run {
    /// Only reads.
    Read(Read),
    /// Writes to a table that must exist.
    Write(Write),
    /// Writes, and makes the table where there is none.
    Make(Make),
}

/// One command as the server registers it. The key is always the first argument.
pub struct Command {
    /// Lower-case name, as `yarr.find`.
    pub name: &'static str,
    /// The fewest arguments, the command's own name included.
    pub arity: i32,
    /// Redis command flags: `write`, `readonly`, `deny-oom`, `fast`, ...
    pub flags: &'static str,
    /// ACL categories beside those the flags give, for servers that know them (7.2).
    pub categories: &'static str,
    /// One line for COMMAND DOCS.
    pub summary: &'static str,
    /// Time it takes, for COMMAND DOCS.
    pub complexity: &'static str,
    /// The code behind it.
    pub run: Run,
}
