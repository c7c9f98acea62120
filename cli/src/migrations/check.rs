//! `yarr check`.

use clap::Args;
use yarr_client::State;

use super::status;
use crate::{Context, Outcome, Result};

/// The arguments of `yarr check`.
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
