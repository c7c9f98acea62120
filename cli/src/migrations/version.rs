//! `yarr version`.

use clap::Args;

use super::{files::Files, run::on};
use crate::{Context, Error, Outcome, Result, output::Cell};

/// The arguments of `yarr version`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr version
  yarr version --env production --json")]
pub struct Version {}

impl Version {
    /// Does it.
    ///
    /// # Errors
    /// Where a server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let migrator = Files::default().migrator(context)?;
        let mut rows = Vec::new();
        for mut server in context.servers()? {
            let statuses = on(&migrator, &mut server).status();
            let statuses = statuses.map_err(|error| Error::from(error).at(server.name()))?;
            let applied = statuses.iter().filter(|status| status.applied);
            let last = applied.max_by_key(|status| status.version);
            rows.push(vec![
                Cell::from(server.name()),
                Cell::from(last.map(|status| status.version)),
                Cell::from(last.and_then(|status| status.name.clone())),
            ]);
        }
        context
            .output
            .table(&["redis", "version", "migration"], &rows)?;
        Ok(Outcome::Done)
    }
}
