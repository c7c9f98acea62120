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
    /// `yarr import`.
    Import(Box<import::ImportArgs>),
    /// `yarr export`.
    Export(Box<export::ExportArgs>),
    /// `yarr adopt`.
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
