//! Targets: what takes parts in, and keeps the state of replications beside them.
//!
//! What speaks SQL (PostgreSQL, Redshift) shares one room: the session, the ledger of states, and the transaction that
//! makes an import happen once. A dialect says only what differs: types, how parts get into a stage, maintenance.
//! [`files`] is a folder of files whose `state.json` is renamed last.

pub mod files;
pub mod postgres;
pub mod redshift;
pub(crate) mod sql;

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    error::Result,
    manifest::Manifest,
    replication::{Counts, Mode, Replication, Watermark},
    store::Store,
    table::{FieldType, Form, Strategy, Table},
};

/// A column as the target has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name, not quoted.
    pub name: String,
    /// Its type, as the target says it, to be said to it again.
    pub column_type: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether the target fills it where nothing is said: a default, an identity, a generated column.
    pub filled: bool,
}

/// A change of the target's table, for `--evolve` and for what has happened to fields that are columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alteration {
    /// The table itself, with these columns, the first of them its key.
    Create(Vec<NewColumn>),
    /// A column more.
    Add(NewColumn),
    /// Another value in all rows: a field came to be under this name, after one that is gone or was never there.
    Fill {
        /// The column.
        column: String,
        /// The value as text in the form of the column; `None` is null.
        value: Option<String>,
    },
}

/// A column that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// What it is to hold.
    pub kind: FieldType,
    /// What the rows that are there get, as text in the form of the column; `None` is null.
    pub value: Option<String>,
}

/// What a target knows of the schema of the source: what its rows were written by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// How many lines the history of the source's schema had.
    pub schema_lines: i64,
    /// Which field each column stood for.
    pub columns: BTreeMap<String, String>,
}

impl Known {
    /// What is known of a table that was planned when the history had so many lines.
    pub fn of(table: &Table, schema_lines: i64) -> Known {
        let columns = table.columns.iter();
        let columns = columns.map(|column| (column.name.clone(), column.field.clone()));
        Known {
            schema_lines,
            columns: columns.collect(),
        }
    }
}

/// Where a target is with a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// How far it has it.
    pub watermark: Watermark,
    /// What it knows of the source's schema.
    pub known: Known,
    /// Whether runs pass over it.
    pub paused: bool,
    /// Whether it is to be loaded anew, and why.
    pub resync: Option<String>,
}

/// What an import is of.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    /// The replication; its batch says from where to where.
    pub replication: &'a Replication,
    /// Its table, as it was when it was exported.
    pub table: &'a Table,
    /// Its parts.
    pub manifest: &'a Manifest,
    /// Where they lie.
    pub store: &'a Store,
    /// Is told how many rows have been loaded.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
    /// How many replications of the table the history keeps.
    pub history_cap: usize,
}

impl Import<'_> {
    /// Whether it takes all of a table in: a resync that was wanted is then no more wanted.
    pub fn is_whole(&self) -> bool {
        match self.replication.batch.mode {
            Mode::Whole => true,
            // Rows that are only added are merged from the first on.
            Mode::Merge => matches!(self.table.strategy, Strategy::Identity { .. }),
            Mode::Append => false,
        }
    }
}

/// What came of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It was done now.
    Now(Counts),
    /// It was done before, with these counts.
    Before(Counts),
}

/// Which of the two; the form in which a VACUUM is asked for is the dialect's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maintenance {
    /// VACUUM in this form: `plain`, `full`, `sort only`, `delete only`, `reindex`, `auto`.
    Vacuum(String),
    /// ANALYZE.
    Analyze,
}

/// A target of replications: tables, and the state of each.
///
/// Of what a process that dies leaves, all but `import` may be done again. `import` is one transaction in which the
/// table's position is locked, compared with the batch's start, and moved to its end.
#[async_trait]
pub trait Target: Send {
    /// What it is, for messages: `postgres warehouse`.
    fn name(&self) -> String;

    /// Connects where it is not connected, and makes the tables of states where there are none. Called before
    /// anything else, and again after an error.
    async fn prepare(&mut self) -> Result<()>;

    /// Whether parts are all that it has: they stay, and every field is a column without being asked.
    fn is_lake(&self) -> bool {
        false
    }

    /// The columns of a table in their order; `None` where there is no such table.
    async fn columns(&mut self, table: &str) -> Result<Option<Vec<TargetColumn>>>;

    /// The form in which a field's values go into a column of this type.
    ///
    /// # Errors
    /// Why they do not fit, and what type would: `expected bigint or numeric, found smallint`.
    fn form(&self, kind: &FieldType, column_type: &str) -> Result<Form>;

    /// The type that `--evolve` gives a column for such a field.
    fn column_type(&self, kind: &FieldType) -> String;

    /// Changes the table, by all of these or none, and notes what is known of the source's schema by then.
    async fn alter(&mut self, table: &str, changes: &[Alteration], known: &Known) -> Result<()>;

    /// Where it is with a table.
    async fn position(&mut self, table: &str) -> Result<Position>;

    /// Notes whether runs pass over a table.
    async fn pause(&mut self, table: &str, paused: bool) -> Result<()>;

    /// Notes that a table is to be loaded anew, or that it is not.
    async fn resync(&mut self, table: &str, reason: Option<&str>) -> Result<()>;

    /// The replication of a table that is not finished, if any.
    async fn unfinished(&mut self, table: &str) -> Result<Option<Replication>>;

    /// Writes a replication, new or in another state.
    ///
    /// # Errors
    /// [`Kind::Busy`](crate::Kind::Busy) where it is in a final state already: another did it, or gave it up.
    async fn note(&mut self, replication: &Replication) -> Result<()>;

    /// Takes the parts in: once, whoever asks for it how often. In one transaction: the position is locked; a
    /// replication that is noted as imported was done before; the watermark must be the batch's start; what was loaded
    /// must be as many rows as the manifest says; then the rows are merged, the watermark and [`Known`] are set, a
    /// wanted resync is no more wanted, and the replication is noted as imported with its counts.
    ///
    /// # Errors
    /// [`Kind::Busy`](crate::Kind::Busy) where the watermark is not the batch's start, or the replication was canceled.
    async fn import(&mut self, import: Import<'_>) -> Result<Imported>;

    /// The last replications, the newest first; of one table or of all.
    async fn history(&mut self, table: Option<&str>, limit: usize) -> Result<Vec<Replication>>;

    /// The rows of a table that stand for records: those marked as deleted left out.
    async fn count(&mut self, table: &Table) -> Result<u64>;

    /// Gives each row of a table as text in the forms of the columns, to compare it with the source, in the order of the
    /// key as the target has it; those marked as deleted left out.
    async fn rows(
        &mut self,
        table: &Table,
        take: &mut (dyn for<'a> FnMut(&'a [Option<&'a str>]) -> Result<()> + Send),
    ) -> Result<()>;

    /// Maintains a table, or all where none is named; answers what was said to the target.
    async fn maintain(&mut self, table: Option<&str>, what: &Maintenance) -> Result<Vec<String>>;

    /// Says something of the user's own to it; answers columns and rows as text.
    async fn sql(&mut self, text: &str) -> Result<(Vec<String>, Vec<Vec<Option<String>>>)>;

    /// Into how many parts rows are best dealt.
    async fn slices(&mut self) -> Result<usize>;
}
