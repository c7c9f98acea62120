//! The commands: one file each, and one table that names them.
//!
//! A command parses its arguments into a request, runs it on a table, writes its reply and
//! answers the effects to be persisted and replicated. It knows nothing of Redis: whoever
//! calls it opens the key, holds the clock and carries the effects away.

mod ack;
mod aggregate;
mod apply;
mod change;
mod changes;
mod clauses;
mod create;
mod data_migration;
mod del;
mod explain;
mod find;
mod given;
mod info;
#[cfg(test)]
mod laws;
mod migrate;
mod record_reply;
mod reply;
mod schema;
mod update;
mod r#where;

pub use migrate::work;
pub use reply::{Recorded, Reply};

use std::cell::Cell;

use crate::{
    error::Result,
    table::{Caps, Effects, Table},
};

/// What a command may know of the world beside its table and its arguments.
pub struct Environment<'a> {
    /// The command's clock.
    pub now: Now,
    /// Bounds on what one command may answer or change.
    pub limits: Limits,
    /// A source of random bits, for identities and version 7 UUIDs.
    pub random: &'a dyn Fn() -> u64,
}

/// The clock of a command: read once for all of it, when it is first asked, and mostly no read asks.
pub struct Now {
    clock: fn() -> i64,
    read: Cell<Option<i64>>,
}

impl Now {
    /// What a clock says, in milliseconds since 1970 UTC.
    pub fn of(clock: fn() -> i64) -> Now {
        Now {
            clock,
            read: Cell::new(None),
        }
    }

    /// Milliseconds since 1970 UTC.
    #[inline]
    pub fn get(&self) -> i64 {
        let now = self.read.get().unwrap_or_else(self.clock);
        self.read.set(Some(now));
        now
    }
}

/// A clock that has been read.
impl From<i64> for Now {
    fn from(now: i64) -> Now {
        Now {
            clock: || 0,
            read: Cell::new(Some(now)),
        }
    }
}

/// Bounds on what one command may answer or change.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most records a reply may hold (`max-reply-records`).
    pub reply_records: u64,
    /// The most records an UPDATE or DEL by predicate may change without LIMIT (`max-write-records`).
    pub write_records: u64,
    /// How many tombstones a change feed keeps (`max-tombstones`, `max-tombstone-bytes`,
    /// `max-tombstone-age`).
    pub tombstones: Caps,
    /// A MIGRATE that must look at more records goes on between commands (`max-inline-records`).
    pub inline_records: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

impl Limits {
    /// What holds where nothing is set.
    pub const DEFAULT: Limits = Limits {
        reply_records: 100_000,
        write_records: 10_000,
        tombstones: Caps {
            count: 1_000_000,
            bytes: 64 << 20,
            age: 7 * 24 * 3600 * 1000,
        },
        inline_records: 2_000,
    };

    /// The most records that an UPDATE or DEL by predicate may match: without LIMIT so many as
    /// may be written, and where records are answered so many as a reply may hold.
    fn most_written(&self, limit: Option<u64>, answered: bool) -> u64 {
        let written = if limit.is_some() {
            u64::MAX
        } else {
            self.write_records
        };
        match answered {
            true => written.min(self.reply_records),
            false => written,
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

const WRITE: &str = "write deny-oom";
const READ: &str = "readonly";

/// Every command, as a server registers it.
pub static COMMANDS: [Command; 13] = [
    Command {
        name: "yarr.create",
        arity: -2,
        flags: "write deny-oom fast",
        categories: "write fast",
        summary: "Creates one record or many",
        complexity: "O(N log M) for N records in a table of M",
        run: Run::Write(create::run),
    },
    Command {
        name: "yarr.find",
        arity: -3,
        flags: "readonly fast",
        categories: "read fast",
        summary: "Finds records by id, or the first that matches a predicate",
        complexity: "O(log M) an id in a table of M; O(E) for a predicate that examines E records",
        run: Run::Read(find::run),
    },
    Command {
        name: "yarr.where",
        arity: -3,
        flags: READ,
        categories: "read",
        summary: "Finds every record that matches a predicate: records, ids, values or their number",
        complexity: "O(E) for E records examined, O(log M) where an index counts",
        run: Run::Read(r#where::run),
    },
    Command {
        name: "yarr.aggregate",
        arity: -4,
        flags: READ,
        categories: "read",
        summary: "Counts and sums up the records that match a predicate, as a whole or group by group",
        complexity: "O(E + G log G) for E records examined and G groups, O(log M) or O(G log M) where an index counts",
        run: Run::Read(aggregate::run),
    },
    Command {
        name: "yarr.update",
        arity: -4,
        flags: WRITE,
        categories: "write",
        summary: "Changes fields of records",
        complexity: "O(E + N log M) for E records examined and N changed in a table of M",
        run: Run::Write(update::run),
    },
    Command {
        name: "yarr.del",
        arity: -3,
        flags: "write",
        categories: "write",
        summary: "Removes records",
        complexity: "O(E + N log M) for E records examined and N removed from a table of M",
        run: Run::Write(del::run),
    },
    Command {
        name: "yarr.migrate",
        arity: -4,
        flags: WRITE,
        categories: "write admin dangerous",
        summary: "Changes a table's schema by a versioned migration, and makes the table with its first",
        complexity: "O(1) for fields, O(M log M) for an index over M records",
        run: Run::Make(migrate::run),
    },
    Command {
        name: "yarr.schema",
        arity: -2,
        flags: READ,
        categories: "read",
        summary: "Tells a table's schema, its history or version, or what a migration would do",
        complexity: "O(N) for N fields, indexes or lines of history",
        run: Run::Read(schema::run),
    },
    Command {
        name: "yarr.explain",
        arity: -4,
        flags: READ,
        categories: "read",
        summary: "Tells how a command would find its records",
        complexity: "O(log M) in a table of M; with ANALYZE as the command itself",
        run: Run::Read(explain::run),
    },
    Command {
        name: "yarr.info",
        arity: 2,
        flags: "readonly fast",
        categories: "read fast",
        summary: "Tells how large a table is, part by part",
        complexity: "O(N) for N indexes",
        run: Run::Read(info::run),
    },
    Command {
        name: "yarr.changes",
        arity: -2,
        flags: READ,
        categories: "read",
        summary: "Tells what has changed since a position, in a table with a change feed",
        complexity: "O(log M + N) for a page of N changes of a table of M",
        run: Run::Read(changes::run),
    },
    Command {
        name: "yarr.ack",
        arity: -4,
        flags: "write fast",
        categories: "write fast",
        summary: "Acknowledges changes as a consumer that needs them no more",
        complexity: "O(N) for N consumers",
        run: Run::Write(ack::run),
    },
    Command {
        name: "yarr.apply",
        arity: 3,
        flags: "write",
        categories: "write admin dangerous",
        summary: "Carries out effects decided by another server; not for applications",
        complexity: "O(N log M) for N records in a table of M",
        run: Run::Make(apply::run),
    },
];
