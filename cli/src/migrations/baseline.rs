//! `yarr baseline`.

use clap::Args;

use super::{files::Files, run::on};
use crate::{Context, Error, Outcome, Result, output::Cell};

/// The arguments of `yarr baseline`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr baseline 20200504000000
  yarr baseline 20200504000000 --only")]
pub struct Baseline {
    /// The version
    version: i64,
    /// This version alone, none of those below it
    #[arg(long)]
    only: bool,
}

impl Baseline {
    /// Does it.
    ///
    /// # Errors
    /// Where there is no such version, or a server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let files = Files::read(context)?;
        if !files.all.contains_key(&self.version) {
            return Err(Error::usage(format!(
                "there is no migration of version {}",
                self.version
            )));
        }
        let migrator = files.migrator(context)?;
        let mut rows = Vec::new();
        for mut server in context.servers()? {
            let first = if self.only { self.version } else { i64::MIN };
            let noted = on(&migrator, &mut server).baseline(first..=self.version);
            for version in noted.map_err(|error| Error::from(error).at(server.name()))? {
                rows.push(vec![
                    Cell::from(server.name()),
                    Cell::from("noted"),
                    Cell::from(version),
                    Cell::from(migrator.find(version).map(|migration| migration.name())),
                ]);
            }
        }
        match rows.is_empty() {
            true => context.output.note("nothing to do")?,
            false => {
                let columns = ["redis", "direction", "version", "migration"];
                context.output.table(&columns, &rows)?;
            }
        }
        Ok(Outcome::Done)
    }
}
