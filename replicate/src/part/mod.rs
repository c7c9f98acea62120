//! Parts: rows into files of a store, as many as the target has slices, in bounded memory.

use yarr_client::Cell;

use crate::{
    error::{Error, Result},
    manifest::{Format, Manifest},
    replication::Batch,
    store::Store,
    table::Table,
};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A record as it is now.
    Put,
    /// A record that was deleted.
    Delete,
    /// A record whose time was over.
    Expire,
}

impl Change {
    /// What stands in the column `_kind`.
    pub fn letter(self) -> &'static str {
        match self {
            Change::Put => "P",
            Change::Delete => "D",
            Change::Expire => "E",
        }
    }
}

/// A row on its way.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The number of the change; 0 where the table has no feed.
    pub number: u64,
    /// What it is.
    pub change: Change,
    /// The values of the table's columns, in their order; all but the first null in a tombstone.
    pub cells: &'a [Option<Cell<'a>>],
}

/// How parts are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In which format.
    pub format: Format,
    /// Into how many parts rows are dealt at a time: the slices of the target.
    pub slices: usize,
    /// How many bytes of a part, as they lie in the store, are enough: then the next begins.
    pub part_bytes: u64,
}

/// Writes the parts of a replication into its folder.
pub struct Writer<'s> {
    _store: &'s Store,
}

impl<'s> Writer<'s> {
    /// A writer of the parts of a table into the folder `prefix` of a store.
    ///
    /// # Errors
    /// Where the format is not built in.
    pub fn open(_: &'s Store, _: &str, _: &Table, _: &Layout) -> Result<Writer<'s>> {
        Err(Error::usage("parts cannot be written"))
    }

    /// Takes a row. Nothing is awaited here: [`settle`](Writer::settle) is called after each page.
    ///
    /// # Errors
    /// Where a value cannot be written in the form of its column; the error names the record and the column.
    pub fn push(&mut self, _: Row<'_>) -> Result<()> {
        Err(Error::usage("parts cannot be written"))
    }

    /// Writes what is enough for a block of an upload; afterwards memory is bounded again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn settle(&mut self) -> Result<()> {
        Err(Error::usage("parts cannot be written"))
    }

    /// Rows and bytes so far.
    pub fn so_far(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Writes what is left, and ends the parts. The manifest is for the caller to write, by [`Manifest::write`], once
    /// the state says so.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn finish(self, _: &Batch) -> Result<Manifest> {
        Err(Error::usage("parts cannot be written"))
    }
}
