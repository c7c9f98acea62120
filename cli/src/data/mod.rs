//! Data in and out: import, export, adopt.

pub mod adopt;
pub mod batch;
pub mod columns;
pub mod convert;
pub mod create;
pub mod csv;
pub mod dry_run;
pub mod export;
pub mod file;
pub mod guess;
pub mod import;
pub mod json;
pub mod position;
pub mod produce;
pub mod proposal;
pub mod reader;
pub mod rejects;
pub mod row;
pub mod schema;
pub mod send;
pub mod source;
pub mod words;
pub mod write;

use clap::Subcommand;

pub use reader::Format;

use crate::{Context, Outcome, Result};

/// The verbs of this room.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Take the records of a file into a table
    ///
    /// The file is CSV, TSV or JSONL, packed by gzip or not; `-` is standard input. The header line, or the keys of each
    /// object, name the fields. Where a record does not fit, the import stops, unless --rejects sets such records aside.
    Import(Box<import::ImportArgs>),
    /// Write the records of a table into a file
    ///
    /// The file is CSV, TSV or JSONL by its name, packed where that ends in .gz; without a file, or with `-`, standard output
    /// takes it. Records come by id, or as --order says. What is written goes in again with `yarr import` as it was.
    Export(Box<export::ExportArgs>),
    /// Take hashes that are there already into a table
    ///
    /// Each hash whose key matches becomes a record: its id is the part of the key that `*` stands for, its fields are the
    /// record's, and its expiry is the record's expiry. A second run takes in what has changed. The hashes stay until
    /// --delete-originals.
    Adopt(Box<adopt::AdoptArgs>),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Import(import) => import.run(context),
            Verb::Export(export) => export.run(context),
            Verb::Adopt(adopt) => adopt.run(context),
        }
    }
}
