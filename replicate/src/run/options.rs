//! How a run goes, and what it comes to.

use std::time::Duration;

use crate::{part::Layout, replication::Replication};

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

impl Options {
    /// What a table of this target is called at the feed of its source.
    pub(super) fn consumer(&self, table: &str) -> String {
        format!("{}:{table}", self.target)
    }
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
