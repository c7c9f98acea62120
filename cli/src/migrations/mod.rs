//! Migrations: files, the verbs that apply them and take them back, and what they have come to.

pub mod version;

use clap::Subcommand;

use crate::{Context, Outcome, Result};

/// The verbs of this room.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the version that each server is at
    Version(version::Version),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What the verb says.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        match self {
            Verb::Version(verb) => verb.run(context),
        }
    }
}
