//! A replication: one batch of one table on its way, and where it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a target has a table. Two are the same or not; the target says which it has, in the transaction that moves
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// What the position counts: the epoch of the change feed, or `timed:field`, `identity:field`, `full`. Empty where
    /// the target has nothing yet.
    pub epoch: String,
    /// A change number, milliseconds, a value of the growing field, or a count of loads.
    pub position: i64,
}

impl Watermark {
    /// Where a table begins.
    pub fn nothing() -> Watermark {
        Watermark::default()
    }

    /// Whether the target has nothing yet.
    pub fn is_nothing(&self) -> bool {
        self.epoch.is_empty()
    }
}

impl fmt::Display for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_nothing() {
            true => f.write_str("nothing"),
            false => write!(f, "{}@{}", self.epoch, self.position),
        }
    }
}

/// What an import does with the rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// The batch is the whole table: a row that it lacks is a deletion, by the table's `deletes`.
    Whole,
    /// The batch is what has changed: merged by id, tombstones too.
    Merge,
    /// The batch is new rows: added.
    Append,
}

impl Mode {
    /// Its name in the history.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Whole => "whole",
            Mode::Merge => "merge",
            Mode::Append => "append",
        }
    }

    /// The mode of this name.
    pub fn of_name(name: &str) -> Option<Mode> {
        let all = [Mode::Whole, Mode::Merge, Mode::Append];
        all.into_iter().find(|mode| mode.name() == name)
    }
}

/// What goes from a source to a target at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Where the target must be for this to be imported.
    pub from: Watermark,
    /// Where it is afterwards. Known for certain when the export has ended.
    pub to: Watermark,
    /// What is done with the rows.
    pub mode: Mode,
    /// How many lines the history of the source's schema had when this was planned.
    pub schema_lines: i64,
}

/// Where a replication is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is to be done.
    Enqueued,
    /// Pages are read, and parts written.
    Exporting,
    /// All pages are read.
    Exported,
    /// The last parts and the manifest are written.
    Uploading,
    /// The manifest is there: from here on nothing is exported again.
    Uploaded,
    /// The target takes it in.
    Importing,
    /// It is done: the target has it, its watermark says so.
    Imported,
    /// It was given up. The next replication begins at the watermark, as if this had not been.
    Canceled,
}

impl State {
    /// All of them, in their order.
    pub const ALL: [State; 8] = [
        State::Enqueued,
        State::Exporting,
        State::Exported,
        State::Uploading,
        State::Uploaded,
        State::Importing,
        State::Imported,
        State::Canceled,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            State::Enqueued => "enqueued",
            State::Exporting => "exporting",
            State::Exported => "exported",
            State::Uploading => "uploading",
            State::Uploaded => "uploaded",
            State::Importing => "importing",
            State::Imported => "imported",
            State::Canceled => "canceled",
        }
    }

    /// The state of this name.
    pub fn of_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        matches!(self, State::Imported | State::Canceled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much a replication was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records exported.
    pub rows: i64,
    /// Tombstones exported.
    pub tombstones: i64,
    /// Parts written.
    pub parts: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Rows that the target has inserted.
    pub inserted: i64,
    /// Rows that it has deleted, or marked as such; those that were replaced not among them.
    pub deleted: i64,
}

/// How long the stages took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// Reading and writing parts.
    pub export: i64,
    /// What was left to be written when all was read, and the manifest.
    pub upload: i64,
    /// The target's transaction.
    pub import: i64,
}

/// A replication: a line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// Its own name; later ones are greater.
    pub id: String,
    /// The table of the source.
    pub source: String,
    /// The table of the target.
    pub target: String,
    /// Its batch.
    pub batch: Batch,
    /// Where it is.
    pub state: State,
    /// Which attempt at an export this is: 0 before the first, and each has a folder of its own.
    pub attempt: i64,
    /// How often it has failed.
    pub retries: i64,
    /// What went wrong last.
    pub error: Option<String>,
    /// The folder of its parts and its manifest in the store.
    pub prefix: String,
    /// How much it is.
    pub counts: Counts,
    /// How long it took.
    pub durations: Durations,
    /// When it was enqueued, in milliseconds since 1970 UTC.
    pub enqueued_at: i64,
    /// When the state changed last.
    pub changed_at: i64,
}
