//! `yarr migrate` and `yarr up`.

use clap::Args;
use yarr_client::Goal;

use super::run::{self, How};
use crate::{Context, Outcome, Result};

/// The arguments of `yarr up`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr migrate
  yarr migrate --env production --dry-run
  yarr migrate --to 20200504000000
  yarr migrate --wait 5m")]
pub struct Migrate {
    /// Go no further than this version
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    #[command(flatten)]
    how: How,
}

impl Migrate {
    /// Does it.
    ///
    /// # Errors
    /// What stops it.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        run::run(context, self.to.map_or(Goal::Up, Goal::To), &self.how)
    }
}

/// Apply one version, on every server of the environment.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr up 20200504000000")]
pub struct Up {
    /// The version
    version: i64,
    #[command(flatten)]
    how: How,
}

impl Up {
    /// Does it.
    ///
    /// # Errors
    /// What stops it.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        run::run(context, Goal::Only(self.version), &self.how)
    }
}
