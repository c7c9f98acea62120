//! What a run tells while it goes: for bars, notifications, metrics and logs.

use std::{sync::Arc, time::Duration};

use crate::{
    error::Error,
    replication::{Replication, State},
};

/// Something that has happened.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// There is nothing new in this table.
    Nothing {
        /// The table of the source.
        source: &'a str,
        /// That of the target.
        target: &'a str,
    },
    /// A replication has come to a state, which the target has noted already.
    State {
        /// The replication, in its new state.
        replication: &'a Replication,
    },
    /// How far the state at hand is.
    Progress {
        /// The replication.
        replication: &'a Replication,
        /// What is being done.
        state: State,
        /// Rows so far.
        rows: u64,
        /// Bytes so far.
        bytes: u64,
        /// How many rows there will be, where that is known; an estimate while exporting.
        of: Option<u64>,
    },
    /// It failed, and will be tried again.
    Retry {
        /// The replication.
        replication: &'a Replication,
        /// What went wrong.
        error: &'a Error,
        /// In how long it is tried again.
        after: Duration,
    },
    /// It failed, and the run stops here; the state stays.
    Failed {
        /// The table of the source.
        source: &'a str,
        /// That of the target.
        target: &'a str,
        /// The replication, where there was one.
        replication: Option<&'a Replication>,
        /// What went wrong.
        error: &'a Error,
    },
    /// The table is loaded anew, for this reason.
    Resync {
        /// The table of the source.
        source: &'a str,
        /// That of the target.
        target: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Something that is no error and ought to be known.
    Warning {
        /// The table of the source.
        source: &'a str,
        /// What it is.
        message: &'a str,
    },
    /// How far the target was behind when it was looked at: changes, and seconds since the last import.
    Lag {
        /// The table of the source.
        source: &'a str,
        /// That of the target.
        target: &'a str,
        /// Changes not imported; `None` where the table has no feed.
        changes: Option<u64>,
        /// Tombstones that the source holds.
        tombstones: Option<u64>,
    },
}

/// Whoever wants to know. It must not block, and cannot fail.
pub type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Nobody.
pub fn nobody() -> Listener {
    Arc::new(|_| {})
}
