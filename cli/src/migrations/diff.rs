//! `yarr diff`.

use std::collections::BTreeSet;

use anstyle::Style;
use clap::Args;
use yarr_client::{Block, Migrator, State};

use super::{engine::Engine, files::Files, run::on, schema, status};
use crate::{
    Context, Error, Outcome, Result,
    output::{BAD, Cell, WARN},
    server::Server,
};

/// The arguments of `yarr diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr diff
  yarr diff --env production --json")]
pub struct Diff {}

impl Diff {
    /// Does it.
    ///
    /// # Errors
    /// Where a server cannot be reached.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let files = Files::read(context)?;
        let migrator = files.migrator(context)?;
        let mut rows = Vec::new();
        for mut server in context.servers()? {
            compare(&migrator, &mut server, &mut rows)?;
        }
        match rows.is_empty() {
            true => {
                context
                    .output
                    .note("the servers have what the files come to")?;
                Ok(Outcome::Done)
            }
            false => {
                context
                    .output
                    .table(&["redis", "what", "of", "difference"], &rows)?;
                Ok(Outcome::No)
            }
        }
    }
}

fn compare(migrator: &Migrator, server: &mut Server, rows: &mut Vec<Vec<Cell>>) -> Result<()> {
    let name = server.name().to_string();
    let mut row = |what: &str, of: String, difference: String, style: Style| {
        let difference = Cell::from(difference).style(style);
        rows.push(vec![
            Cell::from(name.as_str()),
            Cell::from(what),
            Cell::from(of),
            difference,
        ]);
    };
    let statuses = on(migrator, server).status();
    for status in statuses.map_err(|error| Error::from(error).at(server.name()))? {
        if status.state != State::Applied {
            let (text, style) = status::state(status.state);
            let name = status.name.unwrap_or_default();
            row("version", format!("{} {name}", status.version), text, style);
        }
    }
    let mut engine = Engine::default();
    for migration in migrator.migrations() {
        for block in migration.up() {
            if let Block::Table { name, .. } = block {
                let said = engine.up(migration, name);
                said.map_err(|error| {
                    let place = format!("migration {} {}", migration.version(), migration.name());
                    Error::usage(error).at(place)
                })?;
            }
        }
    }
    let names: BTreeSet<Vec<u8>> = engine
        .tables()
        .into_iter()
        .chain(server.tables()?)
        .collect();
    for table in names {
        let said = engine.schema(&table);
        let of = format!("{}", table.escape_ascii());
        let Some((_, found)) = schema::of(server, &table)? else {
            row("table", of, "- it is not there".into(), BAD);
            continue;
        };
        if !engine.tables().contains(&table) {
            row("table", of, "+ no file makes it".into(), WARN);
            continue;
        }
        for operation in said.iter().filter(|operation| !found.contains(operation)) {
            row("table", of.clone(), format!("- {operation}"), BAD);
        }
        for operation in found.iter().filter(|operation| !said.contains(operation)) {
            row("table", of.clone(), format!("+ {operation}"), WARN);
        }
    }
    Ok(())
}
