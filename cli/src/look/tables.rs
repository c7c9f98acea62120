//! `yarr tables`: what tables there are.

use clap::Args;

use super::{
    facts::{self, Table},
    scan,
};
use crate::{
    Context, Outcome, Result,
    output::{Cell, DIM, WARN},
    server::Server,
};

const COLUMNS: [&str; 8] = [
    "redis",
    "table",
    "records",
    "fields",
    "indexes",
    "memory",
    "version",
    "migration",
];

/// The arguments of `yarr tables`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  yarr tables
  yarr tables --env production
  yarr tables --json | jq -r 'select(.memory > 1e9) | .table'

Tables are found by SCAN, a thousand keys a step; the walk ends when as many are found as the server says it has.")]
pub struct Tables {
    /// Look at no more than about so many keys of a server
    #[arg(long, value_name = "KEYS", default_value_t = 10_000_000)]
    keys: u64,
}

impl Tables {
    /// Shows them.
    ///
    /// # Errors
    /// Where a server cannot be reached or refuses.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        let mut rows = Vec::new();
        let mut cut = Vec::new();
        for mut server in context.servers()? {
            let found = scan::tables(&mut server, self.keys)?;
            if !found.complete {
                cut.push(server.name().to_string());
            }
            for place in &found.tables {
                if let Some(table) = table(&mut server, place)? {
                    let name = place.primary.as_deref().unwrap_or(server.name());
                    rows.push(row(name, &table));
                }
            }
        }
        let output = &context.output;
        match rows.is_empty() && !output.is_json() {
            true => output.note("There are no tables; yarr migrate makes them.")?,
            false => output.table(&COLUMNS, &rows)?,
        }
        for name in cut {
            output.warn(&format!(
                "{name} has more keys than {}, and there may be more tables; look at more with --keys",
                facts::grouped(self.keys)
            ))?;
        }
        Ok(Outcome::Done)
    }
}

/// What a table tells, unless it is gone since it was found.
pub fn table(server: &mut Server, place: &scan::Place) -> Result<Option<Table>> {
    let mut command = redis::cmd("YARR.INFO");
    command.arg(&place.table);
    match scan::ask(server, place.primary.as_deref(), &command) {
        Ok(answer) => Ok(Table::read(&place.table, &answer)),
        Err(error) if matches!(error.code(), Some("NOTABLE" | "WRONGTYPE")) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn row(server: &str, table: &Table) -> Vec<Cell> {
    let migration = match &table.running {
        Some(running) => Cell::new(
            format!("{} {} {} %", running.version, running.name, running.percent),
            serde_json::json!({ "version": running.version, "name": running.name, "percent": running.percent }),
        )
        .style(WARN),
        None => Cell::null().style(DIM),
    };
    vec![
        server.into(),
        table.name.as_str().into(),
        Cell::new(facts::grouped(table.records), table.records),
        table.fields.into(),
        (table.indexes.len() as u64).into(),
        Cell::new(facts::size(table.bytes), table.bytes),
        table.version.into(),
        migration,
    ]
}
