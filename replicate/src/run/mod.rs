//! Runs: one table after the other, each through its states.

use std::time::Duration;

use crate::{
    error::{Error, Result},
    event::Listener,
    part::Layout,
    replication::Replication,
    source::Source,
    store::Store,
    table::Wish,
    target::Target,
};

/// How runs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the target is called in the configuration: a part of the lease's name, and of the consumer's at the feed.
    pub target: String,
    /// How parts are written; 0 slices is what the target says.
    pub layout: Layout,
    /// What the folders of replications begin with in the store.
    pub prefix: String,
    /// Whether parts stay after an import.
    pub keep: bool,
    /// After how many failures a replication is canceled and begun anew.
    pub max_retries: u32,
    /// How long to wait before the first retry within a run; twice as long before each of the next.
    pub retry_after: Duration,
    /// How often a run itself tries again before it stops with the error.
    pub tries: u32,
    /// How many replications of a table the history keeps.
    pub history_cap: usize,
    /// How long the lease outlives a runner that died.
    pub lease: Duration,
    /// How many bytes a page of the source has.
    pub page_bytes: u64,
    /// After how many rows a batch of the feed ends early; 0 is never.
    pub batch_rows: u64,
    /// Whether a table whose feed cannot be continued is loaded anew without being asked.
    pub auto_resync: bool,
}

/// What a run of a table came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing new.
    Nothing,
    /// It is paused.
    Paused,
    /// So many replications were done; this was the last.
    Done(usize, Box<Replication>),
    /// It was exported, and not to be imported (`export`).
    Exported(Box<Replication>),
}

/// How much of a run is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// What comes before the import (`export`).
    Export,
    /// What was exported already (`import`).
    Import,
}

/// What replicates tables of a source to a target.
pub struct Runner<'r> {
    /// The source.
    pub source: &'r mut Source,
    /// The target.
    pub target: &'r mut dyn Target,
    /// Where parts lie between.
    pub store: &'r Store,
    /// How.
    pub options: &'r Options,
    /// Who is told.
    pub listener: Listener,
}

impl Runner<'_> {
    /// Replicates a table until there is nothing new, or to the extent that is said.
    ///
    /// # Errors
    /// What went wrong at last; the state says where.
    pub async fn run(&mut self, _: &Wish, _: Extent) -> Result<Outcome> {
        Err(Error::usage("nothing runs"))
    }

    /// Tries a failed replication again now, with its retries forgotten.
    ///
    /// # Errors
    /// As [`run`](Runner::run).
    pub async fn retry(&mut self, _: &Wish) -> Result<Outcome> {
        Err(Error::usage("nothing runs"))
    }

    /// Gives up the replication that is not finished; answers it.
    ///
    /// # Errors
    /// Those of the target; where another runner is at work on it.
    pub async fn cancel(&mut self, _: &Wish) -> Result<Option<Replication>> {
        Err(Error::usage("nothing runs"))
    }

    /// Has the next run load the table anew.
    ///
    /// # Errors
    /// Those of the target.
    pub async fn resync(&mut self, _: &Wish, _reason: &str) -> Result<()> {
        Err(Error::usage("nothing runs"))
    }
}
