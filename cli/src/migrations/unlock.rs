//! `yarr unlock`.

use clap::Args;

use super::{files::Files, run::on};
use crate::{Context, Error, Outcome, Result, output::Cell};

/// The arguments of `yarr unlock`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr unlock --env production")]
pub struct Unlock {}

impl Unlock {
    /// Does it.
    ///
    /// # Errors
    /// Where a server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let migrator = Files::default().migrator(context)?;
        let mut rows = Vec::new();
        for mut server in context.servers()? {
            let holder = on(&migrator, &mut server).unlock();
            let holder = holder.map_err(|error| Error::from(error).at(server.name()))?;
            rows.push(vec![Cell::from(server.name()), Cell::from(holder)]);
        }
        context.output.table(&["redis", "held by"], &rows)?;
        Ok(Outcome::Done)
    }
}
