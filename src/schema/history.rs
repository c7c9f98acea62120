//! The record of a table's migrations: what is applied, and everything that was tried.

use serde::{Deserialize, Serialize};

use super::Operation;

/// A migration that is applied, with its way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// The version: a timestamp by custom.
    pub version: i64,
    /// What its author called it.
    pub name: Box<str>,
    /// What was done.
    pub up: Vec<Operation>,
    /// What undoes it; `None` where there is no way back.
    pub down: Option<Vec<Operation>>,
}

/// Which way a migration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Applied.
    Up,
    /// Undone.
    Down,
}

/// How a migration ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// In effect.
    Applied,
    /// Failed in its pass over the records, for this reason; nothing of it is left.
    Failed(Box<str>),
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The version.
    pub version: i64,
    /// Its name.
    pub name: Box<str>,
    /// Up or down.
    pub direction: Direction,
    /// How it ended.
    pub state: State,
    /// When it began, milliseconds since 1970 UTC.
    pub at: i64,
    /// How long it took, in microseconds.
    pub took: u64,
    /// What was done.
    pub operations: Vec<Operation>,
    /// The way back that was kept, for a line up.
    pub down: Option<Vec<Operation>>,
}

impl Line {
    /// How long it has taken by a moment, in microseconds.
    pub fn took_by(&self, now: i64) -> u64 {
        let milliseconds = u64::try_from(now.saturating_sub(self.at)).unwrap_or(0);
        milliseconds.saturating_mul(1000)
    }
}

/// The migrations of a table, in the order they were applied.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// Those in effect; the last applied is the last.
    pub applied: Vec<Migration>,
    /// Everything that happened, the oldest first.
    pub lines: Vec<Line>,
}

impl History {
    /// The applied migration of a version.
    pub fn applied(&self, version: i64) -> Option<&Migration> {
        self.applied.iter().find(|m| m.version == version)
    }

    /// The version applied last.
    pub fn version(&self) -> Option<i64> {
        self.applied.last().map(|migration| migration.version)
    }
}
