//! `yarr replicate init`.

use clap::Args;
use yarr_replicate::config::SAMPLE;

use super::{Choice, session};
use crate::{Context, Outcome, Result, config};

/// The arguments of `yarr replicate init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate init
  yarr replicate init --file config/yarr-replicate.toml")]
pub struct Init {}

impl Init {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        config::create(&session::path(choice), SAMPLE, context)
    }
}
