//! `yarr replicate init`.

use std::{fs, io};

use clap::Args;
use yarr_replicate::config::SAMPLE;

use super::{Choice, session};
use crate::{Context, Error, Outcome, Result};

/// The arguments of `yarr replicate init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr replicate init
  yarr replicate init --file config/yarr-replicate.toml")]
pub struct Init {}

impl Init {
    pub(super) fn run(self, context: &Context, choice: &Choice) -> Result<Outcome> {
        let path = session::path(choice);
        let written = fs::File::create_new(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, SAMPLE.as_bytes()));
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::usage(format!(
                "there is a {} already; it is left as it is",
                path.display()
            )),
            _ => Error::usage(format!("cannot write {}: {error}", path.display())),
        })?;
        context.output.json(&serde_json::json!({ "file": path }))?;
        context.output.line(&format!("wrote {}", path.display()))?;
        Ok(Outcome::Done)
    }
}
