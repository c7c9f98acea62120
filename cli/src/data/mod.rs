//! Data in and out: import, export, adopt.

use clap::Subcommand;

use crate::{Context, Outcome, Result};

/// The verbs of this room.
#[derive(Debug, Subcommand)]
pub enum Verb {}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(self, _: &Context) -> Result<Outcome> {
        match self {}
    }
}
