//! `yarr check`.

use clap::Args;
use yarr_client::State;

use super::status;
use crate::{Context, Outcome, Result};

/// Answer whether all is applied as it is here: a gate for a deploy.
///
/// The exit code is 1 where a version is pending, changed, missing or half done on a server; these are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr check --env production && ./deploy
  yarr check --quiet")]
pub struct Check {}

impl Check {
    /// Does it.
    ///
    /// # Errors
    /// Where a server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let open = status::show(context, |status| status.state != State::Applied)?;
        match open {
            0 => {
                context.output.note("all is applied")?;
                Ok(Outcome::Done)
            }
            _ => Ok(Outcome::No),
        }
    }
}
