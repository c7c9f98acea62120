//! `yarr version`.

use clap::Args;

use crate::{Context, Outcome, Result, output::Cell};

/// Show the version that each server is at: the highest that is applied.
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
        let set = &context.environment()?.set;
        let mut rows = Vec::new();
        for mut server in context.servers()? {
            let versions: Vec<i64> = redis::cmd("SMEMBERS")
                .arg(set)
                .query::<Vec<String>>(&mut server)?
                .iter()
                .filter_map(|version| version.parse().ok())
                .collect();
            rows.push(vec![
                Cell::from(server.name()),
                Cell::from(versions.into_iter().max()),
            ]);
        }
        context.output.table(&["redis", "version"], &rows)?;
        Ok(Outcome::Done)
    }
}
