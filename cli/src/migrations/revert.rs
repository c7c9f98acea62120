//! `yarr down`, `yarr rollback` and `yarr redo`.

use clap::Args;
use yarr_client::Goal;

use super::run::{self, How};
use crate::{Context, Outcome, Result};

/// The arguments of `yarr redo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr down 20200504000000")]
pub struct Down {
    /// The version
    version: i64,
    #[command(flatten)]
    how: How,
}

impl Down {
    /// Does it.
    ///
    /// # Errors
    /// What stops it.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        run::run(context, Goal::Down(self.version), &self.how)
    }
}

/// Take the versions applied last back, on every server of the environment.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr rollback
  yarr rollback --steps 3 --dry-run")]
pub struct Rollback {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    steps: u16,
    #[command(flatten)]
    how: How,
}

impl Rollback {
    /// Does it.
    ///
    /// # Errors
    /// What stops it.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        run::run(context, Goal::Back(self.steps.into()), &self.how)
    }
}

/// Take the versions applied last back and apply them again, on every server of the environment.
///
/// It is for development: what is written anew in the file is what is applied.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr redo
  yarr redo --steps 2")]
pub struct Redo {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    steps: u16,
    #[command(flatten)]
    how: How,
}

impl Redo {
    /// Does it.
    ///
    /// # Errors
    /// What stops it.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        run::run(context, Goal::Redo(self.steps.into()), &self.how)
    }
}
